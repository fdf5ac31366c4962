//! What a book answers: levels, queued orders, and what one record changed.

use tickrace_types::{InstrumentId, MarketRecord, Price, Side, TopOfBook};

/// Everything resting at one price of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Price.
    pub price: Price,
    /// Displayed lots of all its orders.
    pub qty: u64,
    /// Number of orders.
    pub orders: u32,
}

/// One order in the queue of its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The venue's order number.
    pub order_ref: u64,
    /// Displayed lots left, positive.
    pub qty: u32,
    /// Arrival number; see [`Resting::arrival`].
    pub arrival: u64,
}

/// A resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resting {
    /// Instrument it was added to.
    pub instrument: InstrumentId,
    /// Side.
    pub side: Side,
    /// Limit price.
    pub price: Price,
    /// Displayed lots left; 0 only in [`Resting::NONE`].
    pub qty: u32,
    /// A number that grows with every add and replace over all books, from 1: of two orders at one price the one
    /// with the smaller number is ahead.
    pub arrival: u64,
}

impl Resting {
    /// No order: what [`Change::before`] holds where the record touched none.
    pub const NONE: Self =
        Self { instrument: InstrumentId::NONE, side: Side::Bid, price: Price(0), qty: 0, arrival: 0 };
}

/// What became of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not the business of a book: another kind, an instrument we do not follow, a cross of nothing.
    Ignored,
    /// A new order rests.
    Added,
    /// A resting order was executed; it is gone where `removed` equals what it had.
    Executed,
    /// A resting order was reduced; it is gone where `removed` equals what it had.
    Reduced,
    /// A resting order is gone.
    Deleted,
    /// A resting order made way for a new one at the end of its queue.
    Replaced,
    /// A print that touched no displayed order, or a print of a feed without orders.
    Traded,
    /// A level, or best bid and ask, were stated anew.
    Stated,
    /// The record names an order that does not rest; nothing changed.
    UnknownRef,
    /// The record would add an order under the number of one that rests; nothing changed.
    Duplicate,
    /// One book, or all of them, were emptied and are no longer stale.
    Cleared,
    /// Phase or staleness was stated anew.
    StatusChanged,
    /// Nonsense (no lots, no side, no such instrument); nothing changed.
    Invalid,
}

/// What one record changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What became of the record.
    pub outcome: Outcome,
    /// Whether price, lots or number of orders of a best level, phase or staleness changed (for a record without
    /// instrument: of any instrument). The last trade and the times do not count.
    pub top_changed: bool,
    /// Execute, Cancel, Delete, Replace: the resting order as it was before; else [`Resting::NONE`].
    pub before: Resting,
    /// Lots taken off that order, never more than it had.
    pub removed: u32,
    /// Add, Replace: arrival number of the new order; else 0.
    pub arrival: u64,
}

impl Change {
    /// The side and price of a record with what only the book knows: the venue's word about a resting order names its number
    /// and no more.
    #[inline]
    pub fn told(&self, record: &MarketRecord) -> (u8, i64) {
        let (side, price) = (self.before.side as u8, self.before.price.0);
        match self.outcome {
            Outcome::Executed if record.code & MarketRecord::WITH_PRICE != 0 => (side, record.price),
            Outcome::Executed | Outcome::Reduced | Outcome::Deleted => (side, price),
            Outcome::Replaced => (side, record.price),
            _ => (record.side, record.price),
        }
    }

    /// A change of nothing but the outcome.
    #[inline]
    pub const fn only(outcome: Outcome) -> Self {
        Self { outcome, top_changed: false, before: Resting::NONE, removed: 0, arrival: 0 }
    }
}

/// What the books met that an orderly feed does not contain; never a panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Execute, Cancel, Delete or Replace of an order that does not rest.
    pub unknown_refs: u64,
    /// Add or Replace to the number of an order that rests.
    pub duplicate_refs: u64,
    /// Executions of more than rested: the order was removed.
    pub over_executions: u64,
    /// Reductions by more than rested: the order was removed.
    pub over_cancels: u64,
    /// Records that named another instrument than their order's own; the order's own counted.
    pub instrument_mismatches: u64,
    /// Records without lots, without side or of an instrument out of range.
    pub invalid: u64,
    /// Levels off the instrument's grid of prices, and levels of instruments that have orders: ignored.
    pub misfits: u64,
    /// Best quotes of instruments that have orders or levels: ignored, for the deeper book has a touch of its own.
    pub quotes_beside_depth: u64,
    /// Gaps announced.
    pub gaps: u64,
    /// Clears applied.
    pub clears: u64,
}

impl Counters {
    /// What was not applied, or not as it was stated: how often, and what it was. Gaps and clears are not among it.
    pub fn faults(&self) -> impl Iterator<Item = (u64, &'static str)> {
        [
            (self.unknown_refs, "executions, cancels or replaces of orders that do not rest"),
            (self.duplicate_refs, "orders with the number of one that rests"),
            (self.over_executions, "executions of more than rested"),
            (self.over_cancels, "reductions by more than rested"),
            (self.instrument_mismatches, "records that name another instrument than their order's"),
            (self.invalid, "records without lots or side, or of no instrument"),
            (self.misfits, "levels off their instrument's ticks, or beside orders"),
            (self.quotes_beside_depth, "best quotes of instruments whose depth is known"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
    }
}

/// The answer for an instrument that does not exist.
pub(crate) static NO_TOP: TopOfBook = TopOfBook {
    bid_px: 0,
    ask_px: 0,
    bid_qty: 0,
    ask_qty: 0,
    last_px: 0,
    ts_venue_ns: 0,
    ts_recv_ns: 0,
    last_qty: 0,
    instrument: u32::MAX,
    bid_orders: 0,
    ask_orders: 0,
    phase: 0,
    stale: 0,
    reserved: [0; 2],
};
