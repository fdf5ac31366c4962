//! The same venue written to be obviously right: everything in vectors, every queue place counted from scratch
//! out of one numbering of all that ever came to rest, ours and real ones alike. What waits, moves by itself or ends by
//! its time is in `waiting`.

mod waiting;

use std::collections::BTreeSet;

use tickrace_types::event::venue_reason;
use tickrace_types::{Action, OrderRecord, OrderType, Phase, SelfTrade, Side, Terms, TimeInForce};

use crate::world::Said;

/// Something resting. Prices in cents.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    pub instrument: u32,
    pub side: Side,
    pub px: i64,
    /// Position in the numbering of all that came to rest.
    pub stamp: u64,
    pub lots: i64,
    /// Lots of an iceberg displayed now.
    pub shown: i64,
    pub who: Who,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Real { order_ref: u64, taken: i64 },
    Ours { id: u64, total: i64, form: Form },
}

/// What an order of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    pub order_type: OrderType,
    pub tif: TimeInForce,
    /// The trigger price in cents, like all prices here.
    pub terms: Terms,
    /// Limit of a pegged order.
    pub limit: i64,
    /// Best price a trailing stop has seen.
    pub seen: i64,
}

impl Form {
    pub fn is_hidden(&self) -> bool {
        self.terms.display_qty == OrderRecord::SHOW_NONE
    }

    pub fn is_iceberg(&self) -> bool {
        !self.is_hidden() && self.terms.display_qty != OrderRecord::SHOW_ALL
    }
}

/// What the market did, in the words of a tape.
#[derive(Clone, Copy, Debug)]
pub enum Tape {
    Add { order_ref: u64, side: Side, px: i64, lots: i64, snapshot: bool },
    Execute { order_ref: u64, lots: i64, printable: bool },
    Cancel { order_ref: u64, lots: i64 },
    Delete { order_ref: u64 },
    Replace { order_ref: u64, other_ref: u64, px: i64, lots: i64 },
    Hidden { px: i64, lots: i64 },
    Cross { px: i64, lots: i64, code: u8 },
    Phase(Phase),
    Clear,
}

#[derive(Clone, Copy, Debug)]
pub struct Request {
    pub instrument: u32,
    pub action: Action,
    pub id: u64,
    pub orig: u64,
    pub side: Side,
    pub px: i64,
    pub qty: i64,
    pub order_type: OrderType,
    pub tif: TimeInForce,
    pub terms: Terms,
}

#[derive(Clone, Debug)]
pub struct PlainVenue {
    pub resting: Vec<Rest>,
    /// Ours that wait for a trigger or an auction, by acceptance.
    pub waiting: Vec<Rest>,
    phases: Vec<Phase>,
    last_px: Vec<Option<i64>>,
    stamps: u64,
    id_last: u64,
    said: Vec<Said>,
}

impl Rest {
    fn is_ours(&self) -> bool {
        matches!(self.who, Who::Ours { .. })
    }

    fn is_real(&self, wanted: u64) -> bool {
        matches!(self.who, Who::Real { order_ref, .. } if order_ref == wanted)
    }

    fn is_id(&self, wanted: u64) -> bool {
        matches!(self.who, Who::Ours { id, .. } if id == wanted)
    }

    pub fn form(&self) -> Form {
        match self.who {
            Who::Ours { form, .. } => form,
            Who::Real { .. } => panic!("a real order has no form"),
        }
    }

    fn is_hidden(&self) -> bool {
        self.is_ours() && self.form().is_hidden()
    }

    /// Lots that trade before it makes way.
    fn available(&self) -> i64 {
        if self.is_ours() && self.form().is_iceberg() { self.shown } else { self.lots }
    }

    /// Smaller is first in matching order of a side: price, displayed before hidden, time.
    fn turn(&self) -> (i64, bool, u64) {
        (-self.px * self.side.sign(), self.is_hidden(), self.stamp)
    }

    fn beats(&self, px: i64) -> bool {
        self.side.is_better(self.px, px)
    }
}

impl PlainVenue {
    pub fn new(instruments: usize) -> Self {
        Self {
            resting: vec![],
            waiting: vec![],
            phases: vec![Phase::Continuous; instruments],
            last_px: vec![None; instruments],
            stamps: 0,
            id_last: 0,
            said: vec![],
        }
    }

    pub fn take_said(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.said)
    }

    /// Real lots before one of ours at its price.
    pub fn ahead(&self, own: &Rest) -> i64 {
        let same = |rest: &&Rest| {
            (rest.instrument, rest.side, rest.px) == (own.instrument, own.side, own.px) && !rest.is_ours()
        };
        self.resting.iter().filter(same).filter(|rest| rest.turn() < own.turn()).map(|rest| rest.lots).sum()
    }

    /// Everything resting on a side, in matching order.
    fn side(&self, instrument: u32, side: Side) -> Vec<Rest> {
        let mut side: Vec<Rest> =
            self.resting.iter().filter(|r| r.instrument == instrument && r.side == side).copied().collect();
        side.sort_by_key(Rest::turn);
        side
    }

    fn is_trading(&self, instrument: u32) -> bool {
        self.phases[instrument as usize] == Phase::Continuous
    }

    fn rest(&mut self, instrument: u32, side: Side, px: i64, lots: i64, who: Who) {
        self.stamps += 1;
        let shown = match who {
            Who::Ours { form, .. } if form.is_iceberg() => lots.min(i64::from(form.terms.display_qty)),
            _ => 0,
        };
        self.resting.push(Rest { instrument, side, px, stamp: self.stamps, lots, shown, who });
    }

    /// Takes lots off one of ours; an iceberg without a peak left shows the next one at the end.
    fn take_off(&mut self, id: u64, lots: i64) -> i64 {
        let at = self.resting.iter().position(|rest| rest.is_id(id)).expect("it rests");
        self.resting[at].lots -= lots;
        self.resting[at].shown -= lots;
        let own = self.resting[at];
        if own.lots == 0 {
            self.resting.remove(at);
        } else if own.form().is_iceberg() && own.shown <= 0 {
            self.resting.remove(at);
            self.rest(own.instrument, own.side, own.px, own.lots, own.who);
        }
        own.lots
    }

    fn fill(&mut self, id: u64, px: i64, lots: i64) {
        let leaves = self.take_off(id, lots);
        self.said.push(Said::Maker { id, px, lots, leaves });
    }

    /// A real order loses lots, and forgets what of the taken ones is no longer there.
    fn lose(&mut self, order_ref: u64, lots: i64) -> Rest {
        let at = self.resting.iter().position(|rest| rest.is_real(order_ref)).expect("a live order");
        let before = self.resting[at];
        let left = before.lots - lots;
        if left == 0 {
            self.resting.remove(at);
        } else if let Who::Real { taken, .. } = before.who {
            self.resting[at].lots = left;
            self.resting[at].who = Who::Real { order_ref, taken: taken.min(left) };
        }
        before
    }

    pub fn on_tape(&mut self, instrument: u32, tape: Tape) {
        let trading = self.is_trading(instrument);
        self.note_last(instrument, tape);
        match tape {
            Tape::Add { order_ref, side, px, lots, snapshot } => {
                if trading && !snapshot {
                    self.newcomer(instrument, order_ref, side, px, lots);
                } else {
                    self.rest(instrument, side, px, lots, Who::Real { order_ref, taken: 0 });
                }
                if snapshot {
                    self.give_way(instrument, side, px);
                }
            }
            Tape::Execute { order_ref, lots, printable } => {
                let real = self.lose(order_ref, lots);
                let mut budget = if trading && printable { lots } else { 0 };
                while budget > 0 {
                    let side = self.side(instrument, real.side);
                    let first = side.into_iter().find(Rest::is_ours).filter(|own| own.turn() < real.turn());
                    let Some(own) = first else { break };
                    let got = own.available().min(budget);
                    budget -= got;
                    self.fill(own.id(), own.px, got);
                }
            }
            Tape::Cancel { order_ref, lots } => drop(self.lose(order_ref, lots)),
            Tape::Delete { order_ref } => {
                let lots =
                    self.resting.iter().find(|rest| rest.is_real(order_ref)).expect("a live order").lots;
                self.lose(order_ref, lots);
            }
            Tape::Replace { order_ref, other_ref, px, lots } => {
                let before = *self.resting.iter().find(|rest| rest.is_real(order_ref)).expect("a live order");
                self.lose(order_ref, before.lots);
                if trading {
                    self.newcomer(instrument, other_ref, before.side, px, lots);
                } else {
                    self.rest(
                        instrument,
                        before.side,
                        px,
                        lots,
                        Who::Real { order_ref: other_ref, taken: 0 },
                    );
                }
            }
            Tape::Hidden { px, lots } if trading => {
                for side in Side::BOTH {
                    let reached = |own: &Rest| own.beats(px) || own.is_hidden() && own.px == px;
                    self.pass_through(instrument, side, lots, reached);
                }
            }
            Tape::Hidden { .. } => {}
            Tape::Cross { px, lots, code } => self.on_cross(instrument, px, lots, code),
            Tape::Phase(phase) => self.phases[instrument as usize] = phase,
            Tape::Clear => self.resting.retain(|rest| rest.instrument != instrument || rest.is_ours()),
        }
        if self.is_trading(instrument) {
            self.watch_stops(instrument);
            self.move_pegs(instrument);
        }
    }

    fn newcomer(&mut self, instrument: u32, order_ref: u64, side: Side, px: i64, lots: i64) {
        let taken = self.pass_through(instrument, side.opposite(), lots, |own| own.px == px || own.beats(px));
        self.rest(instrument, side, px, lots, Who::Real { order_ref, taken });
    }

    /// `lots` pass along a side in matching order, real orders and ours alike, as long as ours are reached.
    fn pass_through(
        &mut self,
        instrument: u32,
        side: Side,
        lots: i64,
        reached: impl Fn(&Rest) -> bool,
    ) -> i64 {
        let (mut left, mut ours) = (lots, 0);
        let mut passed = BTreeSet::new();
        loop {
            let next = self.side(instrument, side).into_iter().find(|rest| !passed.contains(&rest.stamp));
            let Some(rest) = next.filter(|rest| left > 0 && (!rest.is_ours() || reached(rest))) else {
                break;
            };
            let got = rest.available().min(left);
            left -= got;
            if rest.is_ours() {
                ours += got;
                self.fill(rest.id(), rest.px, got);
            } else {
                passed.insert(rest.stamp);
            }
        }
        ours
    }

    /// Ours of a price go behind all real ones there, keeping their order.
    fn give_way(&mut self, instrument: u32, side: Side, px: i64) {
        for own in self.side(instrument, side).into_iter().filter(|rest| rest.is_ours() && rest.px == px) {
            self.stamps += 1;
            let stamp = self.stamps;
            self.resting
                .iter_mut()
                .filter(|rest| rest.stamp == own.stamp)
                .for_each(|rest| rest.stamp = stamp);
        }
    }

    pub fn on_request(&mut self, request: Request, now_ns: i64) {
        match request.action {
            Action::New => self.on_new(request, now_ns),
            Action::Cancel => match self.remove(request.orig) {
                Some(own) => self.gone(own.id(), own.lots, venue_reason::USER),
                None => self.refuse(request, venue_reason::UNKNOWN_ORDER),
            },
            Action::MassCancel => {
                let all = request.instrument == u32::MAX;
                let named = |own: &Rest| all || own.instrument == request.instrument;
                self.end_where(named, venue_reason::MASS_CANCEL);
            }
            Action::Replace => self.on_replace(request, now_ns),
        }
        for instrument in 0..2 {
            if self.is_trading(instrument) {
                self.watch_stops(instrument);
            }
        }
    }

    fn remove(&mut self, id: u64) -> Option<Rest> {
        if let Some(at) = self.resting.iter().position(|rest| rest.is_id(id)) {
            return Some(self.resting.remove(at));
        }
        let at = self.waiting.iter().position(|rest| rest.is_id(id))?;
        Some(self.waiting.remove(at))
    }

    pub fn find(&self, id: u64) -> Option<Rest> {
        self.resting.iter().chain(&self.waiting).find(|rest| rest.is_id(id)).copied()
    }

    fn gone(&mut self, id: u64, lots: i64, reason: u8) {
        self.said.push(Said::Cancelled { id, lots, reason });
    }

    fn refuse(&mut self, request: Request, reason: u8) {
        let (id, orig) = (request.id, request.orig);
        self.said.push(match request.action {
            Action::New => Said::Rejected { id, reason },
            _ => Said::CancelRejected { id, orig, reason },
        });
    }

    fn meets_anything(&self, instrument: u32, side: Side, px: i64) -> bool {
        let other = self.side(instrument, side.opposite());
        other.iter().any(|rest| !rest.is_hidden() && (rest.px == px || rest.beats(px)))
    }

    fn on_new(&mut self, request: Request, now_ns: i64) {
        let Request { id, instrument, side, px, qty, order_type, tif, terms, .. } = request;
        if id <= self.id_last {
            return self.refuse(request, venue_reason::DUPLICATE_ID);
        }
        let mut form = Form { order_type, tif, terms, limit: px, seen: 0 };
        if let Some(reason) = self.untimely(instrument, &form, now_ns) {
            return self.refuse(request, reason);
        }
        if order_type == OrderType::PostOnly && self.meets_anything(instrument, side, px) {
            return self.refuse(request, venue_reason::POST_ONLY);
        }
        let Some(px) = self.settle(instrument, side, px, &mut form, None) else {
            return self.refuse(request, venue_reason::NO_REFERENCE);
        };
        self.id_last = id;
        self.said.push(Said::Accepted { id, leaves: qty });
        let who = Who::Ours { id, total: qty, form };
        if order_type.is_stop() || tif.is_auction() {
            self.stamps += 1;
            let own = Rest { instrument, side, px, stamp: self.stamps, lots: qty, shown: 0, who };
            return self.waiting.push(own);
        }
        if tif == TimeInForce::Fok && self.reachable(instrument, side, px, order_type) < qty {
            return self.gone(id, qty, venue_reason::FOK);
        }
        self.enter(instrument, side, px, qty, who);
    }

    fn on_replace(&mut self, request: Request, now_ns: i64) {
        let Some(old) = self.find(request.orig) else {
            return self.refuse(request, venue_reason::UNKNOWN_ORDER);
        };
        let Who::Ours { total, form: old_form, .. } = old.who else { unreachable!("it has a client number") };
        let filled = total - old.lots;
        if request.id <= self.id_last {
            return self.refuse(request, venue_reason::DUPLICATE_ID);
        }
        if request.qty <= filled {
            self.id_last = request.id;
            self.remove(request.orig);
            return self.gone(request.orig, old.lots, venue_reason::USER);
        }
        let (id, orig, instrument, side) = (request.id, request.orig, old.instrument, old.side);
        let mut form = Form { terms: request.terms, limit: request.px, ..old_form };
        let is_whole = form.terms.display_qty == OrderRecord::SHOW_ALL;
        // A request made without knowing the order's type may state no distance.
        let is_loose = form.order_type == OrderType::TrailingStop && form.terms.trigger_price <= 0;
        if is_loose || !is_whole && (form.tif.is_auction() || !form.order_type.has_limit()) {
            return self.refuse(request, venue_reason::INVALID);
        }
        if let Some(reason) = self.untimely(instrument, &form, now_ns) {
            return self.refuse(request, reason);
        }
        let Some(px) = self.settle(instrument, side, request.px, &mut form, Some(old_form.seen)) else {
            return self.refuse(request, venue_reason::NO_REFERENCE);
        };
        self.id_last = id;
        let leaves = request.qty - filled;
        self.said.push(Said::Replaced { id, orig, px, leaves });
        let who = Who::Ours { id, total: request.qty, form };
        let is_waiting = self.waiting.iter().any(|own| own.is_id(orig));
        let same_display = form.terms.display_qty == old_form.terms.display_qty;
        if is_waiting || px == old.px && request.qty <= total && same_display {
            let mut all = self.resting.iter_mut().chain(&mut self.waiting);
            let own = all.find(|own| own.is_id(orig)).expect("it was found");
            (own.who, own.px, own.lots, own.shown) = (who, px, leaves, own.shown.min(leaves));
            return;
        }
        self.remove(orig);
        if form.order_type == OrderType::PostOnly && self.meets_anything(instrument, side, px) {
            return self.gone(id, leaves, venue_reason::POST_ONLY);
        }
        self.enter(instrument, side, px, leaves, who);
    }

    /// Real lots an order would reach before one of ours.
    fn reachable(&self, instrument: u32, side: Side, px: i64, order_type: OrderType) -> i64 {
        let is_market = order_type == OrderType::Market;
        let other = self.side(instrument, side.opposite());
        let reached = other.iter().take_while(|rest| is_market || rest.px == px || rest.beats(px));
        reached
            .map_while(|rest| match rest.who {
                Who::Real { taken, .. } => Some(rest.lots - taken),
                Who::Ours { .. } => None,
            })
            .sum()
    }

    /// Matches what arrives against the other side, ours and real ones in one queue; then it rests or goes.
    fn enter(&mut self, instrument: u32, side: Side, px: i64, lots: i64, who: Who) {
        let Who::Ours { id, mut total, form } = who else { unreachable!("only ours arrive so") };
        let is_market = form.order_type == OrderType::Market;
        let mut leaves = lots;
        while let Some(older) = self.walk(instrument, side, px, is_market, id, &mut leaves) {
            let reason = venue_reason::SELF_TRADE;
            if matches!(form.terms.stp, SelfTrade::CancelOldest | SelfTrade::CancelBoth) {
                self.remove(older.id());
                self.gone(older.id(), older.lots, reason);
            }
            match form.terms.stp {
                SelfTrade::CancelOldest => {}
                SelfTrade::CancelNewest | SelfTrade::CancelBoth => return self.gone(id, leaves, reason),
                SelfTrade::Decrement => {
                    let both = leaves.min(older.available());
                    self.resting.iter_mut().filter(|rest| rest.is_id(older.id())).for_each(|rest| {
                        if let Who::Ours { total, .. } = &mut rest.who {
                            *total -= both;
                        }
                    });
                    let left = self.take_off(older.id(), both);
                    (leaves, total) = (leaves - both, total - both);
                    self.reduced(older.id(), both, left);
                    self.reduced(id, both, leaves);
                }
            }
            if leaves == 0 {
                return;
            }
        }
        if leaves == 0 {
            return;
        }
        if !is_market && form.tif.rests() {
            self.rest(instrument, side, px, leaves, Who::Ours { id, total, form });
        } else {
            self.gone(id, leaves, venue_reason::IOC);
        }
    }

    fn reduced(&mut self, id: u64, lots: i64, leaves: i64) {
        let reason = venue_reason::SELF_TRADE;
        self.said.push(match leaves {
            0 => Said::Cancelled { id, lots, reason },
            _ => Said::Reduced { id, lots, leaves, reason },
        });
    }

    /// Takes what it can, up to the first of ours, which it gives.
    fn walk(
        &mut self,
        instrument: u32,
        side: Side,
        px: i64,
        is_market: bool,
        id: u64,
        leaves: &mut i64,
    ) -> Option<Rest> {
        let mut left = *leaves;
        let mut got: Vec<(i64, i64)> = vec![];
        let mut met = None;
        for rest in self.side(instrument, side.opposite()) {
            if left == 0 || !(is_market || rest.px == px || rest.beats(px)) {
                break;
            }
            let Who::Real { order_ref, taken } = rest.who else {
                met = Some(rest);
                break;
            };
            let lots = left.min(rest.lots - taken);
            left -= lots;
            let who = Who::Real { order_ref, taken: taken + lots };
            self.resting.iter_mut().filter(|r| r.stamp == rest.stamp).for_each(|r| r.who = who);
            match got.last_mut() {
                Some((px, sum)) if *px == rest.px => *sum += lots,
                _ => got.push((rest.px, lots)),
            }
        }
        for (px, lots) in got.into_iter().filter(|(_, lots)| *lots > 0) {
            *leaves -= lots;
            self.said.push(Said::Taker { id, px, lots, leaves: *leaves });
        }
        met
    }
}

impl Rest {
    pub fn id(&self) -> u64 {
        match self.who {
            Who::Ours { id, .. } => id,
            Who::Real { .. } => panic!("a real order has no client number"),
        }
    }
}
