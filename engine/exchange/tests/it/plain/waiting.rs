//! Stops, pegs, auctions and dates of the plain venue.

use tickrace_types::event::venue_reason;
use tickrace_types::{OrderType, Peg, Phase, Side, TimeInForce, Trigger};

use super::{Form, PlainVenue, Rest, Tape, Who};
use crate::world::Said;

impl PlainVenue {
    /// What traded last, by the tape alone.
    pub(super) fn note_last(&mut self, instrument: u32, tape: Tape) {
        let px = match tape {
            Tape::Execute { order_ref, printable: true, .. } => {
                self.resting.iter().find(|rest| rest.is_real(order_ref)).map(|rest| rest.px)
            }
            Tape::Hidden { px, .. } => Some(px),
            Tape::Cross { px, lots, .. } if lots > 0 => Some(px),
            _ => None,
        };
        let last = &mut self.last_px[instrument as usize];
        *last = px.or(*last);
    }

    /// Best real price of a side.
    fn best(&self, instrument: u32, side: Side) -> Option<i64> {
        self.side(instrument, side).into_iter().find(|rest| !rest.is_ours()).map(|rest| rest.px)
    }

    fn touch(&self, instrument: u32) -> Option<(i64, i64)> {
        let (bid, ask) = (self.best(instrument, Side::Bid)?, self.best(instrument, Side::Ask)?);
        (bid < ask).then_some((bid, ask))
    }

    fn watched(&self, instrument: u32, side: Side, form: &Form) -> Option<i64> {
        match form.terms.trigger {
            Trigger::Last => self.last_px[instrument as usize],
            Trigger::Touch => {
                self.touch(instrument).map(|(bid, ask)| if side == Side::Bid { ask } else { bid })
            }
        }
    }

    /// Where a pegged order belongs.
    fn pegged(&self, instrument: u32, side: Side, form: &Form) -> Option<i64> {
        let offset = form.terms.trigger_price;
        let px = match form.terms.peg {
            Peg::Primary => self.best(instrument, side)? + offset,
            Peg::Market => self.best(instrument, side.opposite())? + offset,
            Peg::Mid => {
                let (bid, ask) = self.touch(instrument)?;
                let (half, odd) = ((bid + ask).div_euclid(2), (bid + ask).rem_euclid(2));
                half + offset + if side == Side::Ask { odd } else { 0 }
            }
        };
        Some(if side == Side::Bid { px.min(form.limit) } else { px.max(form.limit) })
    }

    /// The price an order rests or waits with, and what a trailing stop has seen; `None` without a reference.
    pub(super) fn settle(
        &self,
        instrument: u32,
        side: Side,
        px: i64,
        form: &mut Form,
        seen_before: Option<i64>,
    ) -> Option<i64> {
        match form.order_type {
            OrderType::Pegged => self.pegged(instrument, side, form),
            OrderType::TrailingStop => {
                let now = self.watched(instrument, side, form)?;
                form.seen = seen_before.unwrap_or(now);
                Some(0)
            }
            OrderType::Stop | OrderType::Market => Some(0),
            _ => Some(px),
        }
    }

    /// Why an order does not come at the right time.
    pub(super) fn untimely(&self, instrument: u32, form: &Form, now_ns: i64) -> Option<u8> {
        if form.tif == TimeInForce::Gtd && form.terms.expire_ns <= now_ns {
            return Some(venue_reason::EXPIRED);
        }
        let phase = self.phases[instrument as usize];
        let in_time = match form.tif {
            TimeInForce::AtOpen => phase == Phase::PreOpen,
            TimeInForce::AtClose => phase != Phase::Closed,
            _ if phase == Phase::Continuous => true,
            _ => return Some(venue_reason::NOT_TRADING),
        };
        (!in_time).then_some(venue_reason::AUCTION)
    }

    pub fn trigger_px(&self, own: &Rest) -> Option<i64> {
        let form = own.form();
        match form.order_type {
            OrderType::TrailingStop => Some(form.seen + own.side.sign() * form.terms.trigger_price),
            OrderType::Stop | OrderType::StopLimit => Some(form.terms.trigger_price),
            _ => None,
        }
    }

    pub(super) fn watch_stops(&mut self, instrument: u32) {
        for at in 0..self.waiting.len() {
            let own = self.waiting[at];
            let Some(px) = self.watched(instrument, own.side, &own.form()) else { continue };
            if own.instrument == instrument
                && let Who::Ours { form, .. } = &mut self.waiting[at].who
            {
                form.seen = if own.side == Side::Bid { form.seen.min(px) } else { form.seen.max(px) };
            }
        }
        let is_reached = |venue: &Self, own: &Rest| {
            let px = venue.watched(instrument, own.side, &own.form());
            let away = px.zip(venue.trigger_px(own)).map(|(px, trigger)| (px - trigger) * own.side.sign());
            own.instrument == instrument && away.is_some_and(|away| away >= 0)
        };
        while let Some(at) = (0..self.waiting.len()).find(|at| is_reached(self, &self.waiting[*at])) {
            let own = self.waiting.remove(at);
            let Who::Ours { id, total, mut form } = own.who else { unreachable!("only ours wait") };
            form.order_type = match form.order_type {
                OrderType::StopLimit => OrderType::Limit,
                _ => OrderType::Market,
            };
            self.said.push(Said::Triggered { id, leaves: own.lots });
            self.enter(instrument, own.side, own.px, own.lots, Who::Ours { id, total, form });
        }
    }

    pub(super) fn move_pegs(&mut self, instrument: u32) {
        loop {
            let sides = Side::BOTH.into_iter().flat_map(|side| self.side(instrument, side));
            let mut misplaced = sides.filter_map(|own| {
                let is_pegged = own.is_ours() && own.form().order_type == OrderType::Pegged;
                let px = is_pegged.then(|| self.pegged(instrument, own.side, &own.form())).flatten()?;
                (px != own.px).then_some((own, px))
            });
            let Some((own, px)) = misplaced.next() else { break };
            drop(misplaced);
            self.remove(own.id());
            self.said.push(Said::Restated { id: own.id(), px, leaves: own.lots });
            self.enter(instrument, own.side, px, own.lots, own.who);
        }
    }

    pub(super) fn on_cross(&mut self, instrument: u32, px: i64, lots: i64, code: u8) {
        let tif = match code {
            b'O' => Some(TimeInForce::AtOpen),
            b'C' => Some(TimeInForce::AtClose),
            _ => None,
        };
        let is_for_it = |own: &Rest| own.instrument == instrument && Some(own.form().tif) == tif;
        let mut left: Vec<Rest> = self.waiting.iter().filter(|own| is_for_it(own)).copied().collect();
        if lots > 0 {
            // Market orders, then by price; at one price what rests displayed, what waited, what rests hidden.
            let turn = |own: &Rest, waited: bool| {
                let is_limit = own.form().order_type != OrderType::Market;
                (is_limit, if is_limit { -own.px * own.side.sign() } else { 0 }, own.is_hidden(), waited)
            };
            for side in Side::BOTH {
                let mut budget = lots;
                let resting = self.side(instrument, side).into_iter().filter(Rest::is_ours);
                let mut all: Vec<(Rest, bool)> = resting.map(|own| (own, false)).collect();
                all.extend(left.iter().filter(|own| own.side == side).map(|own| (*own, true)));
                all.sort_by_key(|(own, waited)| turn(own, *waited));
                for (own, waited) in all {
                    let got = own.lots.min(budget);
                    let is_better = own.beats(px) || own.form().order_type == OrderType::Market;
                    if !is_better || got == 0 {
                        continue;
                    }
                    budget -= got;
                    if !waited {
                        self.fill(own.id(), px, got);
                        continue;
                    }
                    let leaves = own.lots - got;
                    self.said.push(Said::Maker { id: own.id(), px, lots: got, leaves });
                    left.iter_mut().filter(|other| other.id() == own.id()).for_each(|own| own.lots = leaves);
                }
            }
            left.sort_by_key(|own| (own.side == Side::Ask, turn(own, true)));
        }
        self.waiting.retain(|own| !is_for_it(own));
        for own in left.into_iter().filter(|own| own.lots > 0) {
            self.gone(own.id(), own.lots, venue_reason::AUCTION);
        }
    }

    pub fn next_expiry_ns(&self) -> i64 {
        let ours = self.resting.iter().filter(|rest| rest.is_ours()).chain(&self.waiting);
        let dated = ours.filter(|own| own.form().tif == TimeInForce::Gtd);
        dated.map(|own| own.form().terms.expire_ns).min().unwrap_or(i64::MAX)
    }

    pub fn expire(&mut self, now_ns: i64) {
        let is_over = |own: &Rest| own.form().tif == TimeInForce::Gtd && own.form().terms.expire_ns <= now_ns;
        self.end_where(is_over, venue_reason::EXPIRED);
    }

    pub fn end_of_session(&mut self) {
        let is_over = |own: &Rest| !matches!(own.form().tif, TimeInForce::Gtc | TimeInForce::Gtd);
        self.end_where(is_over, venue_reason::END_OF_SESSION);
    }

    /// By instrument: bids, asks, what waits.
    pub(super) fn end_where(&mut self, ends: impl Fn(&Rest) -> bool, reason: u8) {
        for instrument in 0..2 {
            let sides = Side::BOTH.into_iter().flat_map(|side| self.side(instrument, side));
            let resting = sides.filter(Rest::is_ours);
            let waiting = self.waiting.iter().filter(|own| own.instrument == instrument).copied();
            let over: Vec<Rest> = resting.chain(waiting).filter(|own| ends(own)).collect();
            for own in over {
                self.remove(own.id());
                self.gone(own.id(), own.lots, reason);
            }
        }
    }
}
