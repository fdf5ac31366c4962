//! A single order of a policy, put together field by field or from a starting point that names its type.
//!
//! ```
//! use tickrace_oms::OrderRequest;
//! use tickrace_types::{InstrumentId, Price, Side, TimeInForce};
//! let stop = OrderRequest::stop(InstrumentId(0), Side::Ask, Price(99_000_000_000), 200).reducing();
//! let quiet = OrderRequest::limit(InstrumentId(0), Side::Bid, Price(98_000_000_000), 5_000)
//!     .iceberg(300)
//!     .with_tif(TimeInForce::Gtc);
//! assert_eq!((stop.terms.trigger_price, quiet.terms.display_qty), (99_000_000_000, 300));
//! ```

use tickrace_types::{
    InstrumentId, OrderRecord, OrderType, Peg, Price, SelfTrade, Side, Terms, TimeInForce, Trigger,
};

/// A single order of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRequest {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Which side.
    pub side: Side,
    /// Limit price; ignored for a type without one ([`OrderType::has_limit`]).
    pub price: Price,
    /// Lots, positive.
    pub qty: i64,
    /// Order type.
    pub order_type: OrderType,
    /// Time in force.
    pub tif: TimeInForce,
    /// Whether it may only reduce the position.
    pub reduce_only: bool,
    /// Parent order, 0 for none.
    pub parent_id: u64,
    /// What it says beyond these.
    pub terms: Terms,
}

impl OrderRequest {
    /// A limit order for the day.
    pub const fn limit(instrument: InstrumentId, side: Side, price: Price, qty: i64) -> Self {
        let (order_type, tif) = (OrderType::Limit, TimeInForce::Day);
        let terms = Terms::PLAIN;
        Self { instrument, side, price, qty, order_type, tif, reduce_only: false, parent_id: 0, terms }
    }

    /// A limit order for the day that does not take.
    pub const fn post_only(instrument: InstrumentId, side: Side, price: Price, qty: i64) -> Self {
        Self { order_type: OrderType::PostOnly, ..Self::limit(instrument, side, price, qty) }
    }

    /// A market order; what does not trade at once is cancelled.
    pub const fn market(instrument: InstrumentId, side: Side, qty: i64) -> Self {
        let (order_type, tif) = (OrderType::Market, TimeInForce::Ioc);
        Self { order_type, tif, ..Self::limit(instrument, side, Price(0), qty) }
    }

    /// A stop for the day: a market order once the last trade reaches `trigger`.
    pub const fn stop(instrument: InstrumentId, side: Side, trigger: Price, qty: i64) -> Self {
        let terms = Terms { trigger_price: trigger.0, ..Terms::PLAIN };
        Self { order_type: OrderType::Stop, terms, ..Self::limit(instrument, side, Price(0), qty) }
    }

    /// A stop-limit for the day: a limit order at `price` once the last trade reaches `trigger`.
    pub const fn stop_limit(
        instrument: InstrumentId,
        side: Side,
        trigger: Price,
        price: Price,
        qty: i64,
    ) -> Self {
        let order_type = OrderType::StopLimit;
        Self { order_type, price, ..Self::stop(instrument, side, trigger, qty) }
    }

    /// A trailing stop for the day: its trigger keeps `distance_nanos` from the best last trade seen, and never moves
    /// away from the market.
    pub const fn trailing_stop(instrument: InstrumentId, side: Side, distance_nanos: i64, qty: i64) -> Self {
        let order_type = OrderType::TrailingStop;
        Self { order_type, ..Self::stop(instrument, side, Price(distance_nanos), qty) }
    }

    /// A pegged order for the day: rests at the reference plus `offset_nanos`, never beyond `limit`.
    pub const fn pegged(
        instrument: InstrumentId,
        side: Side,
        peg: Peg,
        offset_nanos: i64,
        limit: Price,
        qty: i64,
    ) -> Self {
        let terms = Terms { trigger_price: offset_nanos, peg, ..Terms::PLAIN };
        Self { order_type: OrderType::Pegged, terms, ..Self::limit(instrument, side, limit, qty) }
    }

    /// Another time in force.
    pub const fn with_tif(self, tif: TimeInForce) -> Self {
        Self { tif, ..self }
    }

    /// Until a time, nanoseconds since the Unix epoch, venue time.
    pub const fn until(self, expire_ns: i64) -> Self {
        Self { tif: TimeInForce::Gtd, terms: Terms { expire_ns, ..self.terms }, ..self }
    }

    /// Nothing of it is shown.
    pub const fn hidden(self) -> Self {
        self.iceberg(OrderRecord::SHOW_NONE)
    }

    /// Only `peak` lots are shown at once.
    pub const fn iceberg(self, peak: u32) -> Self {
        Self { terms: Terms { display_qty: peak, ..self.terms }, ..self }
    }

    /// What happens where it would trade with an order of our own.
    pub const fn with_stp(self, stp: SelfTrade) -> Self {
        Self { terms: Terms { stp, ..self.terms }, ..self }
    }

    /// What a stop watches.
    pub const fn watching(self, trigger: Trigger) -> Self {
        Self { terms: Terms { trigger, ..self.terms }, ..self }
    }

    /// It may only reduce the position.
    pub const fn reducing(self) -> Self {
        Self { reduce_only: true, ..self }
    }

    /// A child of an order.
    pub const fn of_parent(self, parent_id: u64) -> Self {
        Self { parent_id, ..self }
    }
}
