//! Two legs as one trade: one leads, the other follows what the first has traded.
//!
//! The leader goes to its target, the follower to the hedge of what the leader holds, in every state, so that late fills are hedged
//! like any other. Each goes only as far as leaves no more value alone than `legged_max_ccy`, whichever of the orders under way of the
//! other leg trade and whichever do not. A leg that finds itself outside that band comes back into it. The orders of each leg
//! are worked by an algorithm of `tickrace_oms::algo`, one at a time.
//!
//! Invariant, by induction over what is sent: for every outcome of the open orders the value alone is within the limit, up to
//! half a lot of the follower and what prices have moved since.

use tickrace_oms::Oms;
use tickrace_oms::algo::{AlgoConfig, Conditions, Parent, Step, Worker};
use tickrace_types::{Instrument, InstrumentId, ResponseKind, ResponseRecord, Side, TopOfBook, event};

use crate::features::Quote;
use crate::{Say, View};

/// One leg.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub id: InstrumentId,
    instrument: Instrument,
    /// Value of a point of price for one lot.
    pub multiplier: f64,
    top: TopOfBook,
    pub quote: Option<Quote>,
    /// Value of one lot at the last mid of an open market, account currency; outlives the market.
    lot_value: f64,
    worker: Worker,
    parents: u64,
}

impl Leg {
    pub fn new(id: InstrumentId, instrument: &Instrument) -> Self {
        Self {
            id,
            instrument: instrument.clone(),
            multiplier: instrument.multiplier_nanos as f64 / 1e9,
            top: TopOfBook::NONE,
            quote: None,
            lot_value: 0.0,
            worker: Worker::default(),
            parents: 0,
        }
    }

    /// The book after an event of the leg.
    pub fn on_top(&mut self, view: &View<'_>) {
        self.top = *view.top;
        self.quote = Quote::of(view.top, view.now_ns);
        if let Some(mid) = self.mid() {
            self.lot_value = mid * self.multiplier;
        }
    }

    /// Until the market is heard of again nothing is known of it.
    pub fn forget(&mut self) {
        (self.top, self.quote) = (TopOfBook::NONE, None);
    }

    pub fn on_print(&mut self, lots: i64) {
        self.worker.on_print(lots);
    }

    /// Mid, units of price.
    pub fn mid(&self) -> Option<f64> {
        self.quote.map(|quote| quote.mid_doubled() / 2e9)
    }

    /// The lowest and the highest position that the open orders may lead to.
    fn reach(&self, oms: &Oms) -> (i64, i64) {
        let open = |side| oms.open_orders(self.id, side).map(|order| order.leaves).sum::<i64>();
        let position = oms.position(self.id);
        (position - open(Side::Ask), position + open(Side::Bid))
    }

    /// Whether nothing is held and nothing under way.
    fn is_flat(&self, oms: &Oms) -> bool {
        let mut orders = Side::BOTH.into_iter().flat_map(|side| oms.open_orders(self.id, side));
        oms.position(self.id) == 0 && orders.next().is_none()
    }

    /// Smallest order, lots.
    pub const fn qty_min(&self) -> i64 {
        self.instrument.order_qty_min
    }

    /// Brings the position to `aim`, from where it is; `true` where something was said.
    ///
    /// - `keeps`: whether a parent at work may go on although it ends elsewhere.
    fn work(
        &mut self,
        (aim, keeps): (i64, bool),
        algo: &AlgoConfig,
        (now_ns, terms): (i64, &Terms<'_>),
        oms: &Oms,
        say: &mut Say,
    ) -> bool {
        let position = oms.position(self.id);
        let end = self.worker.end_lots().filter(|end| {
            // Not where it has been already.
            let left = end - position;
            left != 0 && self.worker.parent().is_some_and(|parent| parent.side.sign() == left.signum())
        });
        if !(keeps && end.is_some()) && end != Some(aim) {
            let gap = aim - position;
            if gap == 0 {
                self.worker.end();
            } else {
                self.parents += 1;
                let side = if gap > 0 { Side::Bid } else { Side::Ask };
                let end_ns = now_ns.saturating_add(algo.duration_ns());
                let parent = Parent { side, qty_lots: gap.abs(), start_ns: now_ns, end_ns, limit: None };
                self.worker.begin(parent, self.parents, position);
            }
        }
        let most = (terms.order_max_ccy / self.lot_value).floor();
        let at = Conditions {
            now_ns,
            top: &self.top,
            instrument: &self.instrument,
            top_age_ns_max: terms.top_age_ns_max,
            // One lot where prices have risen beyond the limit: there is always a way out.
            #[allow(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
            order_qty_max_lots: (most as i64).max(self.instrument.order_qty_min),
        };
        match self.worker.step(algo, &at, self.id, oms) {
            Step::Wait => false,
            Step::Cancel(id) => say.cancel(id),
            Step::Send(request) => say.order(request),
        }
    }
}

/// Whole lots within `room` of both ends of where the other leg may be, in lots of this one.
#[allow(clippy::cast_possible_truncation, reason = "lots within limits; a cast of a float saturates")]
fn band((one, other): (f64, f64), room: f64) -> (i64, i64) {
    // A lot that rounding put a hair outside is inside.
    const HAIR: f64 = 1e-9;
    ((one.max(other) - room - HAIR).ceil() as i64, (one.min(other) + room + HAIR).floor() as i64)
}

/// The nearest to `wanted` within bounds; where they leave nothing, for the other leg's orders are under way, `held`.
fn within(wanted: i64, (low, high): (i64, i64), held: i64) -> i64 {
    if low <= high { wanted.clamp(low, high) } else { held }
}

/// What steers both.
pub(super) struct Terms<'a> {
    /// The leader's algorithm now.
    pub lead: &'a AlgoConfig,
    /// The follower's.
    pub follow: &'a AlgoConfig,
    pub legged_max_ccy: f64,
    pub order_max_ccy: f64,
    pub top_age_ns_max: i64,
}

/// Both legs.
#[derive(Clone, Debug)]
pub(super) struct Legs {
    pub lead: Leg,
    pub follow: Leg,
    /// Lots of the follower against each of the leader's, positive where they are held against each other.
    pub ratio: f64,
    /// Lots of the leader wanted.
    pub target: i64,
    /// Since when the follower has been behind.
    behind_since_ns: Option<i64>,
}

impl Legs {
    pub const fn new(lead: Leg, follow: Leg) -> Self {
        Self { lead, follow, ratio: 0.0, target: 0, behind_since_ns: None }
    }

    /// The leg of an instrument.
    pub fn of(&mut self, id: InstrumentId) -> &mut Leg {
        if id == self.lead.id { &mut self.lead } else { &mut self.follow }
    }

    /// Lots of the follower that hedge so many of the leader, to the nearest lot.
    #[allow(clippy::cast_possible_truncation, reason = "lots within limits; a cast of a float saturates")]
    pub fn hedge(&self, lead_lots: i64) -> i64 {
        -(self.ratio * lead_lots as f64).round() as i64
    }

    /// Lots of the follower that are missing, either way.
    fn missing(&self, oms: &Oms) -> i64 {
        self.hedge(oms.position(self.lead.id)) - oms.position(self.follow.id)
    }

    /// Whether nothing is held, wanted or under way.
    pub fn is_flat(&self, oms: &Oms) -> bool {
        self.target == 0 && self.lead.is_flat(oms) && self.follow.is_flat(oms)
    }

    /// Nanoseconds for which the follower has been behind.
    pub fn behind_ns(&mut self, now_ns: i64, oms: &Oms) -> i64 {
        if self.missing(oms).abs() < self.follow.qty_min() {
            self.behind_since_ns = None;
            return 0;
        }
        now_ns - *self.behind_since_ns.get_or_insert(now_ns)
    }

    /// Lots of the leader that the smallest step of both legs takes: none is smaller on either side.
    fn least(&self) -> f64 {
        (self.lead.qty_min() as f64).max(self.follow.qty_min() as f64 / self.ratio)
    }

    /// Whether whole lots of both legs come near to the ratio at the target, and are no less than the venues take.
    pub fn is_whole(&self, rounding_share_max: f64) -> bool {
        let (exact, whole) = (self.ratio * self.target.abs() as f64, self.hedge(self.target).abs());
        self.target.abs() >= self.lead.qty_min()
            && whole >= self.follow.qty_min()
            && (whole as f64 - exact).abs() <= rounding_share_max * exact
    }

    /// Whether the limit on what stands alone leaves room for the smallest step.
    pub fn has_room(&self, legged_max_ccy: f64) -> bool {
        self.ratio > 0.0 && self.least() * self.lead.lot_value <= legged_max_ccy
    }

    /// Lots of the leader that may stand alone; a smallest step always may, for whoever has to get out after prices have
    /// risen. None while nothing is known: the way to nothing is free.
    fn room(&self, legged_max_ccy: f64) -> Option<f64> {
        let value = self.lead.lot_value;
        (self.ratio > 0.0 && value > 0.0).then(|| (legged_max_ccy / value).max(self.least()))
    }

    /// The next messages of both legs.
    pub fn drive(&mut self, now_ns: i64, oms: &Oms, terms: &Terms<'_>, say: &mut Say) {
        let at = (now_ns, terms);
        let room = self.room(terms.legged_max_ccy);
        let position = oms.position(self.lead.id);
        let (low, high) = room.map_or((i64::MIN, i64::MAX), |room| {
            let (least, most) = self.follow.reach(oms);
            band((-least as f64 / self.ratio, -most as f64 / self.ratio), room)
        });
        let aim = within(self.target, (low, high), position);
        // The follower's fills move the band a little at a time: what is under way within it and ends before the target is
        // not begun anew.
        let (one, other) = (position.min(self.target), position.max(self.target));
        let keeps = self
            .lead
            .worker
            .end_lots()
            .is_some_and(|end| low <= end && end <= high && one <= end && end <= other);
        let is_lead_said = self.lead.work((aim, keeps), terms.lead, at, oms, say);
        if is_lead_said {
            // What it has just said is under way only once order management has heard it.
            return;
        }
        let (hedge, held) = (self.hedge(position), oms.position(self.follow.id));
        let bounds = room.map_or((i64::MIN, i64::MAX), |room| {
            let (least, most) = self.lead.reach(oms);
            band((-self.ratio * least as f64, -self.ratio * most as f64), self.ratio * room)
        });
        self.follow.work((within(hedge, bounds, held), false), terms.follow, at, oms, say);
    }

    /// An answer to an order of either leg; `true` where it was refused for another reason than that it would have taken.
    pub fn on_response(&mut self, now_ns: i64, id: InstrumentId, response: &ResponseRecord) -> bool {
        self.of(id).worker.on_response(now_ns, response);
        match response.response() {
            Some(ResponseKind::GateRefused) => true,
            Some(ResponseKind::Rejected) => response.reason != event::venue_reason::POST_ONLY,
            _ => false,
        }
    }

    /// One more try for legs that were given up: there is no staying where one is.
    pub fn retry(&mut self) {
        self.lead.worker.retry();
        self.follow.worker.retry();
    }
}
