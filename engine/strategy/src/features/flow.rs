//! Order-flow imbalance at the touch: what was added on the bid and taken from the ask, less the reverse.

use super::moment::{Quote, Trade};
use super::window::Sums;
use super::{Feature, NANOS_PER_MS};

/// Sum over a window of what each change of the touch says about pressure.
///
/// With best bid `P` and lots `q`, before (`n - 1`) and after (`n`) a change, and likewise `P'`, `q'` of the ask:
/// `e(n) = [P(n) >= P(n-1)] q(n) - [P(n) <= P(n-1)] q(n-1) - [P'(n) <= P'(n-1)] q'(n) + [P'(n) >= P'(n-1)] q'(n-1)`.
///
/// Source: Cont, Kukanov and Stoikov, "The Price Impact of Order Book Events", Journal of Financial Econometrics 12 (2014),
/// equations (3) and (4); the mean depth is their `AD`, equation (9).
#[derive(Clone, Debug)]
pub struct OrderFlow {
    is_per_depth: bool,
    last: Option<Quote>,
    /// Contributions; lots of both sides after each change; changes.
    sums: Sums<3>,
}

impl OrderFlow {
    /// - `is_per_depth`: in units of the mean depth of the touch over the window rather than lots.
    pub fn new(window_ms: u32, is_per_depth: bool) -> Self {
        Self { is_per_depth, last: None, sums: Sums::new(i64::from(window_ms) * NANOS_PER_MS) }
    }
}

/// What one change of the touch contributes, lots.
#[inline]
fn contribution(before: &Quote, after: &Quote) -> i64 {
    let lots = |is_counted: bool, qty: u32| if is_counted { i64::from(qty) } else { 0 };
    lots(after.bid_px >= before.bid_px, after.bid_qty)
        - lots(after.bid_px <= before.bid_px, before.bid_qty)
        - lots(after.ask_px <= before.ask_px, after.ask_qty)
        + lots(after.ask_px >= before.ask_px, before.ask_qty)
}

impl Feature for OrderFlow {
    #[inline]
    fn on_quote(&mut self, quote: &Quote) {
        if let Some(last) = &self.last
            && !last.is_same_touch(quote)
        {
            let depth = i64::from(quote.bid_qty) + i64::from(quote.ask_qty);
            self.sums.add(quote.now_ns, [contribution(last, quote), depth, 1]);
        }
        self.last = Some(*quote);
    }

    fn on_trade(&mut self, _trade: &Trade) {}

    fn on_break(&mut self) {
        self.last = None;
        self.sums.clear();
    }

    #[inline]
    fn value(&mut self, quote: &Quote) -> Option<f64> {
        if !self.sums.is_full(quote.now_ns, quote.since_ns) {
            return None;
        }
        let [flow, depth, count] = *self.sums.sums(quote.now_ns);
        if !self.is_per_depth {
            return Some(flow as f64);
        }
        // Without a change there was no flow.
        Some(if count > 0 { flow as f64 / (depth as f64 / (2.0 * count as f64)) } else { 0.0 })
    }
}
