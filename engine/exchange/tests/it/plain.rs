//! The same venue written to be obviously right: everything in vectors, every queue place counted from scratch
//! out of one numbering of all that ever came to rest, ours and real ones alike.

use tickrace_types::event::venue_reason;
use tickrace_types::{Action, OrderType, Side, TimeInForce};

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
    pub who: Who,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Real { order_ref: u64, taken: i64 },
    Ours { id: u64, total: i64, post_only: bool },
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
    Cross { px: i64, lots: i64 },
    Trading(bool),
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
}

#[derive(Clone, Debug)]
pub struct PlainVenue {
    pub resting: Vec<Rest>,
    trading: Vec<bool>,
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

    /// Smaller is first in matching order of a side.
    fn turn(&self) -> (i64, u64) {
        (-self.px * self.side.sign(), self.stamp)
    }

    fn beats(&self, px: i64) -> bool {
        self.side.is_better(self.px, px)
    }
}

impl PlainVenue {
    pub fn new(instruments: usize) -> Self {
        Self { resting: vec![], trading: vec![true; instruments], stamps: 0, id_last: 0, said: vec![] }
    }

    pub fn take_said(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.said)
    }

    /// Real lots before one of ours at its price.
    pub fn ahead(&self, own: &Rest) -> i64 {
        let same = |rest: &&Rest| {
            (rest.instrument, rest.side, rest.px) == (own.instrument, own.side, own.px) && !rest.is_ours()
        };
        self.resting.iter().filter(same).filter(|rest| rest.stamp < own.stamp).map(|rest| rest.lots).sum()
    }

    /// Everything resting on a side, in matching order.
    fn side(&self, instrument: u32, side: Side) -> Vec<Rest> {
        let mut side: Vec<Rest> =
            self.resting.iter().filter(|r| r.instrument == instrument && r.side == side).copied().collect();
        side.sort_by_key(Rest::turn);
        side
    }

    fn rest(&mut self, instrument: u32, side: Side, px: i64, lots: i64, who: Who) {
        self.stamps += 1;
        self.resting.push(Rest { instrument, side, px, stamp: self.stamps, lots, who });
    }

    fn fill(&mut self, id: u64, px: i64, lots: i64) {
        let at = self.resting.iter().position(|rest| rest.is_id(id)).expect("it rests");
        self.resting[at].lots -= lots;
        let leaves = self.resting[at].lots;
        if leaves == 0 {
            self.resting.remove(at);
        }
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
        let trading = self.trading[instrument as usize];
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
                let mut budget = lots;
                for own in self.side(instrument, real.side).into_iter().filter(Rest::is_ours) {
                    let got = own.lots.min(budget);
                    if trading && printable && own.turn() < real.turn() && got > 0 {
                        budget -= got;
                        self.fill(own.id(), own.px, got);
                    }
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
                    self.pass_through(instrument, side, lots, |own| own.beats(px));
                }
            }
            Tape::Hidden { .. } => {}
            Tape::Cross { px, lots } => {
                for side in Side::BOTH {
                    let mut budget = lots;
                    for own in self.side(instrument, side).into_iter().filter(Rest::is_ours) {
                        let got = own.lots.min(budget);
                        if own.beats(px) && got > 0 {
                            budget -= got;
                            self.fill(own.id(), px, got);
                        }
                    }
                }
            }
            Tape::Trading(trading) => self.trading[instrument as usize] = trading,
            Tape::Clear => self.resting.retain(|rest| rest.instrument != instrument || rest.is_ours()),
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
        for rest in self.side(instrument, side) {
            if rest.is_ours() && !reached(&rest) {
                break;
            }
            let got = rest.lots.min(left);
            left -= got;
            if rest.is_ours() && got > 0 {
                ours += got;
                self.fill(rest.id(), rest.px, got);
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

    pub fn on_request(&mut self, request: Request) {
        match request.action {
            Action::New => self.on_new(request),
            Action::Cancel | Action::MassCancel => {
                match self.resting.iter().position(|rest| rest.is_id(request.orig)) {
                    Some(at) => {
                        let own = self.resting.remove(at);
                        self.gone(own.id(), own.lots, venue_reason::USER);
                    }
                    None => self.refuse(request, venue_reason::UNKNOWN_ORDER),
                }
            }
            Action::Replace => self.on_replace(request),
        }
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
        self.side(instrument, side.opposite()).iter().any(|rest| rest.px == px || rest.beats(px))
    }

    fn on_new(&mut self, request: Request) {
        if request.id <= self.id_last {
            return self.refuse(request, venue_reason::DUPLICATE_ID);
        }
        if !self.trading[request.instrument as usize] {
            return self.refuse(request, venue_reason::NOT_TRADING);
        }
        let post_only = request.order_type == OrderType::PostOnly;
        if post_only && self.meets_anything(request.instrument, request.side, request.px) {
            return self.refuse(request, venue_reason::POST_ONLY);
        }
        self.id_last = request.id;
        self.said.push(Said::Accepted { id: request.id, leaves: request.qty });
        let is_market = request.order_type == OrderType::Market;
        let stays = !is_market && request.tif == TimeInForce::Day;
        let who = Who::Ours { id: request.id, total: request.qty, post_only };
        self.enter(request, request.side, request.qty, who, is_market, stays);
    }

    fn on_replace(&mut self, request: Request) {
        let Some(at) = self.resting.iter().position(|rest| rest.is_id(request.orig)) else {
            return self.refuse(request, venue_reason::UNKNOWN_ORDER);
        };
        let old = self.resting[at];
        let Who::Ours { total, post_only, .. } = old.who else { unreachable!("it has a client number") };
        let filled = total - old.lots;
        if request.id <= self.id_last {
            return self.refuse(request, venue_reason::DUPLICATE_ID);
        }
        if request.qty <= filled {
            self.id_last = request.id;
            self.resting.remove(at);
            return self.gone(request.orig, old.lots, venue_reason::USER);
        }
        if !self.trading[old.instrument as usize] {
            return self.refuse(request, venue_reason::NOT_TRADING);
        }
        self.id_last = request.id;
        let (id, orig, px, leaves) = (request.id, request.orig, request.px, request.qty - filled);
        self.said.push(Said::Replaced { id, orig, px, leaves });
        let who = Who::Ours { id, total: request.qty, post_only };
        if px == old.px && request.qty <= total {
            self.resting[at].lots = leaves;
            self.resting[at].who = who;
            return;
        }
        self.resting.remove(at);
        if post_only && self.meets_anything(old.instrument, old.side, px) {
            return self.gone(id, leaves, venue_reason::POST_ONLY);
        }
        let request = Request { instrument: old.instrument, ..request };
        self.enter(request, old.side, leaves, who, false, true);
    }

    /// Matches what arrives against the other side, ours and real ones in one queue.
    fn enter(&mut self, request: Request, side: Side, lots: i64, who: Who, is_market: bool, stays: bool) {
        let (id, instrument, px) = (request.id, request.instrument, request.px);
        let mut left = lots;
        let mut got: Vec<(i64, i64)> = vec![];
        let mut met_ours = false;
        for rest in self.side(instrument, side.opposite()) {
            if left == 0 || !(is_market || rest.px == px || rest.beats(px)) {
                break;
            }
            let Who::Real { order_ref, taken } = rest.who else {
                met_ours = true;
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
        let mut leaves = lots;
        for (px, lots) in got.into_iter().filter(|(_, lots)| *lots > 0) {
            leaves -= lots;
            self.said.push(Said::Taker { id, px, lots, leaves });
        }
        if left == 0 {
            return;
        }
        if met_ours {
            self.gone(id, left, venue_reason::SELF_TRADE);
        } else if stays {
            self.rest(instrument, side, px, left, who);
        } else {
            self.gone(id, left, venue_reason::IOC);
        }
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
