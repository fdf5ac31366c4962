//! Brings our orders to what an algorithm wants: one child at a time.

use tickrace_types::{
    ClientId, Instrument, InstrumentId, ResponseKind, ResponseRecord, Side, TimeInForce, TopOfBook,
};

use super::{AlgoConfig, Child, Parent, Seen};
use crate::{Oms, Order, OrderRequest, State};

/// Refusals in a row after which a parent is given up.
const REFUSALS_MAX: u32 = 20;
/// Pause after a first refusal, doubled with each further one up to 64 times it, nanoseconds.
const PAUSE_NS: i64 = 100_000_000;
/// Least time between two orders that take, nanoseconds: one that found nothing is not repeated at every event.
const TAKE_INTERVAL_NS: i64 = 10_000_000;

/// The next message, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All is as it should be, or an answer is awaited.
    Wait,
    /// An order is to go.
    Cancel(ClientId),
    /// An order is to leave.
    Send(OrderRequest),
}

/// What a step sees, and the bounds on what it sends.
#[derive(Clone, Copy, Debug)]
pub struct Conditions<'a> {
    /// Time of the record, nanoseconds since the Unix epoch.
    pub now_ns: i64,
    /// The touch.
    pub top: &'a TopOfBook,
    /// Tick table and bounds of orders.
    pub instrument: &'a Instrument,
    /// Nothing new is sent where the market was last heard of longer ago.
    pub top_age_ns_max: i64,
    /// Most lots of one order; the instrument's own bound holds besides.
    pub order_qty_max_lots: i64,
}

/// The parent of one instrument and how its child stands. The instrument's position is moved by this worker alone: what is
/// done is told by it, so that no fill, however late, is missed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Worker {
    parent: Option<Parent>,
    id: u64,
    /// Position when the parent began.
    began_lots: i64,
    printed_lots: i64,
    refusals: u32,
    resume_ns: i64,
}

impl Worker {
    /// Begins a parent; the one before is over, and its children leave.
    ///
    /// - `id`: its number, above zero and never used before for this instrument.
    pub fn begin(&mut self, parent: Parent, id: u64, position_lots: i64) {
        assert!(parent.qty_lots > 0, "a parent has lots, got {}", parent.qty_lots);
        *self = Self {
            parent: Some(parent),
            id,
            began_lots: position_lots,
            refusals: self.refusals,
            resume_ns: self.resume_ns,
            printed_lots: 0,
        };
    }

    /// Ends it: what rests leaves at the next step.
    pub fn end(&mut self) {
        self.parent = None;
    }

    /// The parent, while there is one.
    pub const fn parent(&self) -> Option<&Parent> {
        self.parent.as_ref()
    }

    /// Lots of it that have traded.
    pub fn done_lots(&self, position_lots: i64) -> i64 {
        let moved = position_lots - self.began_lots;
        match self.parent {
            Some(Parent { side: Side::Bid, .. }) => moved.max(0),
            Some(Parent { side: Side::Ask, .. }) => (-moved).max(0),
            None => 0,
        }
    }

    /// Position at which the parent is done, while there is one.
    pub const fn end_lots(&self) -> Option<i64> {
        match self.parent {
            Some(Parent { side: Side::Bid, qty_lots, .. }) => Some(self.began_lots + qty_lots),
            Some(Parent { side: Side::Ask, qty_lots, .. }) => Some(self.began_lots - qty_lots),
            None => None,
        }
    }

    /// One more try, where it was given up: for whoever must get out.
    pub fn retry(&mut self) {
        self.refusals = self.refusals.min(REFUSALS_MAX - 1);
    }

    /// Whether so many refusals followed each other that it was given up.
    pub const fn is_given_up(&self) -> bool {
        self.refusals >= REFUSALS_MAX
    }

    /// A trade in the market.
    pub fn on_print(&mut self, lots: i64) {
        self.printed_lots = self.printed_lots.saturating_add(lots);
    }

    /// An answer to an order of the instrument, after order management has applied it.
    pub fn on_response(&mut self, now_ns: i64, response: &ResponseRecord) {
        match response.response() {
            Some(ResponseKind::Fill) => self.refusals = 0,
            Some(ResponseKind::Rejected | ResponseKind::GateRefused) => {
                let pause = PAUSE_NS << self.refusals.min(6);
                self.refusals = self.refusals.saturating_add(1);
                self.resume_ns = now_ns.saturating_add(pause);
            }
            _ => {}
        }
    }

    /// The next message.
    pub fn step(&mut self, algo: &AlgoConfig, at: &Conditions<'_>, id: InstrumentId, oms: &Oms) -> Step {
        let Conditions { now_ns, top, .. } = *at;
        let is_own = |order: &&Order| self.parent.is_some() && order.parent_id == self.id;
        let both = || [Side::Bid, Side::Ask].into_iter().flat_map(|side| oms.open_orders(id, side));
        // Children of a parent that is over leave before anything of the next is sent.
        if let Some(old) = both().find(|order| !is_own(order)) {
            let is_asked = !is_free(old) || old.tif == TimeInForce::Ioc;
            let is_doubtful = old.state == State::Unknown;
            return if is_asked && !is_doubtful { Step::Wait } else { Step::Cancel(ClientId(old.id)) };
        }
        let Some(parent) = self.parent else { return Step::Wait };
        let done_lots = self.done_lots(oms.position(id));
        let seen = Seen {
            now_ns,
            top,
            instrument: at.instrument,
            order_qty_max_lots: at.order_qty_max_lots,
            done_lots,
            printed_lots: self.printed_lots,
        };
        let wanted = algo.child(&parent, &seen);
        if let Some(child) = both().next() {
            let stays = matches!(wanted, Child::Rest { price, qty_lots, .. }
                if child.price == price.0 && child.leaves <= parent.qty_lots - done_lots && qty_lots > 0);
            // One that takes ends by itself.
            let ends = child.tif == TimeInForce::Ioc;
            // Nobody answered: only the venue can say that it is gone.
            let is_doubtful = child.state == State::Unknown;
            return if is_doubtful || !stays && !ends && is_free(child) {
                Step::Cancel(ClientId(child.id))
            } else {
                Step::Wait
            };
        }
        let is_old = now_ns.saturating_sub(top.ts_recv_ns) > at.top_age_ns_max;
        if is_old || now_ns < self.resume_ns || self.is_given_up() {
            return Step::Wait;
        }
        let request = match wanted {
            Child::Nothing => return Step::Wait,
            Child::Rest { price, qty_lots, peak_lots } => {
                let request = OrderRequest::post_only(id, parent.side, price, qty_lots);
                if peak_lots > 0 && i64::from(peak_lots) < qty_lots {
                    request.iceberg(peak_lots)
                } else {
                    request
                }
            }
            Child::Take { limit, qty_lots } => {
                self.resume_ns = now_ns.saturating_add(TAKE_INTERVAL_NS);
                OrderRequest::limit(id, parent.side, limit, qty_lots).with_tif(TimeInForce::Ioc)
            }
        };
        Step::Send(request.of_parent(self.id))
    }
}

/// Whether an order can be cancelled now: nothing is asked of it yet.
fn is_free(order: &Order) -> bool {
    matches!(order.state, State::Live | State::PartlyFilled)
}
