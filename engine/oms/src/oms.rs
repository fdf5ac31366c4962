//! Order management of one strategy.

use tickrace_types::{
    AccountId, ClientId, Header, InstrumentId, InstrumentTable, OrderRecord, OrderType, Price,
    ResponseRecord, SessionId, Side, StrategyId, TimeInForce, VenueId,
};

use crate::{Pnl, State, WantedQuotes};

/// What an [`Oms`] is made of.
#[derive(Clone, Debug)]
pub struct OmsConfig {
    /// Most orders open at once over all instruments; a request beyond is dropped and counted.
    pub open_orders_max: usize,
    /// Strategy written into every order.
    pub strategy: StrategyId,
    /// Account written into every order.
    pub account: AccountId,
    /// Venue written into every order.
    pub venue: VenueId,
    /// Session written into every order.
    pub session: SessionId,
    /// First client id; the following ones count up by one.
    pub first_client_id: u64,
    /// A request unanswered for longer makes its order [`State::Unknown`], nanoseconds.
    pub unacked_timeout_ns: i64,
}

/// A single order of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRequest {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Which side.
    pub side: Side,
    /// Limit price; ignored for a market order.
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
}

/// A fill as it changed our position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillEffect {
    /// Side of our order.
    pub side: Side,
    /// Fill price.
    pub price: Price,
    /// Lots.
    pub qty: i64,
    /// Fee, 1e-9 of the quote currency.
    pub fee_nanos: i64,
    /// Whether we took liquidity.
    pub taker: bool,
    /// Position after it, lots.
    pub position_lots: i64,
}

/// What a response changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// State of the order after the response; `None` where we do not know the order.
    pub state: Option<State>,
    /// The fill, where it was one and not a duplicate.
    pub fill: Option<FillEffect>,
    /// Whether the response closed an order.
    pub closed: bool,
}

/// What an [`Oms`] has seen since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages sent out, by [`tickrace_types::Action`].
    pub sent: [u64; 3],
    /// Fills applied.
    pub fills: u64,
    /// Orders refused by the venue.
    pub rejected: u64,
    /// Cancels and replaces refused by the venue.
    pub cancel_rejected: u64,
    /// Orders refused by our gate.
    pub gate_refused: u64,
    /// Fills seen before and ignored.
    pub fills_duplicate: u64,
    /// Fills of orders already closed; applied.
    pub fills_late: u64,
    /// Fills of more than was open; applied in full.
    pub fills_over: u64,
    /// Responses about orders we do not know.
    pub unknown_ids: u64,
    /// Responses the table has no place for.
    pub impossible: u64,
    /// Requests dropped because `open_orders_max` orders were open.
    pub capacity_drops: u64,
    /// Requests that went unanswered too long.
    pub timeouts: u64,
}

/// Orders, positions and profit of one strategy.
#[derive(Debug)]
pub struct Oms {
    config: OmsConfig,
    pnl: Vec<Pnl>,
    counts: Counts,
}

impl Oms {
    /// Takes all its memory here.
    pub fn new(config: &OmsConfig, instruments: &InstrumentTable) -> Self {
        Self {
            config: config.clone(),
            pnl: instruments.as_slice().iter().map(Pnl::new).collect(),
            counts: Counts::default(),
        }
    }

    /// Converges the live orders of one instrument to the wanted quotes with the fewest messages.
    ///
    /// `cause` is the header of the record that made the policy speak: its `seq` becomes `cause_seq`, its
    /// `ts_recv_ns` the time of the orders.
    pub fn converge(
        &mut self,
        instrument: InstrumentId,
        wanted: &WantedQuotes,
        cause: &Header,
        out: &mut impl FnMut(&OrderRecord),
    ) {
        let _ = (instrument, wanted, cause, out);
    }

    /// Sends one order; its client id, or `None` where the request is nonsense or too many are open.
    pub fn submit(
        &mut self,
        request: &OrderRequest,
        cause: &Header,
        out: &mut impl FnMut(&OrderRecord),
    ) -> Option<ClientId> {
        let _ = (request, cause, out);
        None
    }

    /// Cancels one open order; `false` where there is none of that id, or a cancel is under way.
    pub fn cancel(&mut self, id: ClientId, cause: &Header, out: &mut impl FnMut(&OrderRecord)) -> bool {
        let _ = (id, cause, out);
        false
    }

    /// Cancels every open order of one instrument, or of all.
    pub fn cancel_all(
        &mut self,
        instrument: Option<InstrumentId>,
        cause: &Header,
        out: &mut impl FnMut(&OrderRecord),
    ) {
        let _ = (instrument, cause, out);
    }

    /// Applies a response of the venue or of our gate. Never panics on what it says.
    pub fn on_response(&mut self, response: &ResponseRecord) -> Effect {
        let _ = response;
        Effect::default()
    }

    /// Marks requests unanswered for longer than the timeout; the next converge cancels such orders.
    pub fn on_time(&mut self, now_ns: i64) {
        let _ = (now_ns, &self.config);
    }

    /// Signed position, lots.
    #[inline]
    pub fn position(&self, instrument: InstrumentId) -> i64 {
        self.pnl[instrument.index()].position_lots
    }

    /// Position, cash and profit.
    #[inline]
    pub fn pnl(&self, instrument: InstrumentId) -> &Pnl {
        &self.pnl[instrument.index()]
    }

    /// How many orders are open over all instruments.
    #[inline]
    pub fn open_count(&self) -> usize {
        0
    }

    /// What happened so far.
    #[inline]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Fingerprint of orders, positions and counters; equal states give equal values on every machine.
    pub fn digest(&self) -> u64 {
        0
    }
}
