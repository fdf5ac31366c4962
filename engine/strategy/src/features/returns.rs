//! Change of a price over a horizon: of the mid, or of the mid weighted by the touch.

use super::moment::{Quote, Trade};
use super::window::Past;
use super::{Feature, NANOS_PER_MS};

/// Which price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Mid,
    WeightedMid,
}

/// Natural logarithm of a price over what it was a horizon before.
#[derive(Clone, Debug)]
pub struct Return {
    of: Of,
    past: Past,
}

impl Return {
    /// Of the mid.
    pub fn of_mid(horizon_ms: u32) -> Self {
        Self { of: Of::Mid, past: Past::new(i64::from(horizon_ms) * NANOS_PER_MS) }
    }

    /// Of the weighted mid: the drift of the simplest micro-price.
    ///
    /// Source: Stoikov, "The micro-price: a high-frequency estimator of future prices", Quantitative Finance 18 (2018).
    pub fn of_weighted_mid(horizon_ms: u32) -> Self {
        Self { of: Of::WeightedMid, ..Self::of_mid(horizon_ms) }
    }

    #[inline]
    fn price(&self, quote: &Quote) -> f64 {
        match self.of {
            Of::Mid => quote.mid_doubled(),
            Of::WeightedMid => quote.weighted_mid_doubled(),
        }
    }
}

impl Feature for Return {
    #[inline]
    fn on_quote(&mut self, quote: &Quote) {
        self.past.set(quote.now_ns, self.price(quote));
    }

    fn on_trade(&mut self, _trade: &Trade) {}

    fn on_break(&mut self) {}

    #[inline]
    fn value(&mut self, quote: &Quote) -> Option<f64> {
        let before = self.past.before(quote.now_ns, quote.since_ns)?;
        Some(libm::log(self.price(quote) / before))
    }
}
