//! Trades: who took last, how much was taken over a window, how long ago the last was.

use super::moment::{Quote, Trade};
use super::window::Sums;
use super::{Feature, NANOS_PER_MS};

/// Who took last: 1 a buyer, -1 a seller. Trades of which nobody can say do not count.
#[derive(Clone, Copy, Debug, Default)]
pub struct TradeSign {
    sign: i64,
}

impl Feature for TradeSign {
    fn on_quote(&mut self, _quote: &Quote) {}

    fn on_trade(&mut self, trade: &Trade) {
        if trade.sign != 0 {
            self.sign = trade.sign;
        }
    }

    fn on_break(&mut self) {
        self.sign = 0;
    }

    fn value(&mut self, _quote: &Quote) -> Option<f64> {
        (self.sign != 0).then_some(self.sign as f64)
    }
}

/// Seconds since the last trade.
#[derive(Clone, Copy, Debug, Default)]
pub struct SinceTrade {
    last_ns: Option<i64>,
}

impl Feature for SinceTrade {
    fn on_quote(&mut self, _quote: &Quote) {}

    fn on_trade(&mut self, trade: &Trade) {
        self.last_ns = Some(trade.now_ns);
    }

    fn on_break(&mut self) {
        self.last_ns = None;
    }

    fn value(&mut self, quote: &Quote) -> Option<f64> {
        self.last_ns.map(|last_ns| quote.now_ns.saturating_sub(last_ns) as f64 / 1e9)
    }
}

/// What of the volume of a window is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeOf {
    /// Lots bought less lots sold.
    Signed,
    /// The same as a share of all lots whose side is known, -1 to 1; 0 where there was no trade.
    Share,
    /// All lots.
    Total,
}

/// Lots traded over a window.
#[derive(Clone, Debug)]
pub struct Volume {
    of: VolumeOf,
    /// Signed lots; lots with a sign; all lots.
    sums: Sums<3>,
}

impl Volume {
    /// Over `window_ms`.
    pub fn new(window_ms: u32, of: VolumeOf) -> Self {
        Self { of, sums: Sums::new(i64::from(window_ms) * NANOS_PER_MS) }
    }
}

impl Feature for Volume {
    fn on_quote(&mut self, _quote: &Quote) {}

    #[inline]
    fn on_trade(&mut self, trade: &Trade) {
        let Trade { lots, sign, .. } = *trade;
        self.sums.add(trade.now_ns, [sign * lots, sign.abs() * lots, lots]);
    }

    fn on_break(&mut self) {
        self.sums.clear();
    }

    #[inline]
    fn value(&mut self, quote: &Quote) -> Option<f64> {
        if !self.sums.is_full(quote.now_ns, quote.since_ns) {
            return None;
        }
        let [signed, sided, total] = *self.sums.sums(quote.now_ns);
        Some(match self.of {
            VolumeOf::Signed => signed as f64,
            VolumeOf::Share if sided > 0 => signed as f64 / sided as f64,
            VolumeOf::Share => 0.0,
            VolumeOf::Total => total as f64,
        })
    }
}
