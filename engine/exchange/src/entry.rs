//! Our orders as they reach the venue: checked, matched against what rests, left to rest.

use tickrace_types::event::venue_reason;
use tickrace_types::{
    Action, Contract, InstrumentId, OrderRecord, OrderType, Price, ResponseKind, ResponseRecord, SelfTrade,
    Side, TimeInForce,
};

use crate::own::Own;
use crate::reply::Fill;
use crate::{Exchange, FillRule, QueueModel};

/// Whether an order is of the types and times every venue has, and says nothing else; codes unknown here are not.
#[inline]
fn is_plain(order: &OrderRecord) -> bool {
    let codes = order.stp | order.peg | order.trigger;
    order.order_type <= OrderType::Market as u8
        && order.tif <= TimeInForce::Ioc as u8
        && (order.trigger_price | order.expire_ns) == 0
        && order.display_qty | u32::from(codes) == 0
}

/// Why a walk through the other side ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing more at a price the order accepts, or nothing left of it.
    Done,
    /// An order of our own would have been next.
    OwnOrder,
}

impl Exchange {
    /// One request, at its time of arrival.
    pub(crate) fn on_order(
        &mut self,
        order: &OrderRecord,
        now_ns: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        match order.action() {
            Action::New => self.on_new(order, now_ns, out),
            Action::Replace => self.on_replace(order, now_ns, out),
            Action::Cancel => self.on_cancel(order, now_ns, out),
            Action::MassCancel => self.on_mass_cancel(order, now_ns, out),
        }
    }

    fn on_new(&mut self, order: &OrderRecord, now_ns: i64, out: &mut impl FnMut(&ResponseRecord)) {
        if self.faults.rejects() {
            return self.refuse(order, venue_reason::FAULT, now_ns, out);
        }
        let is_plain = is_plain(order);
        let checked = if is_plain { self.check_new(order) } else { self.check_special(order, now_ns) };
        if let Err(reason) = checked {
            return self.refuse(order, reason, now_ns, out);
        }
        self.client_id_last = order.client_id;
        let mut own = Own {
            client_id: order.client_id,
            venue_order_id: self.replies.next_order_id(),
            price: order.price,
            qty: order.qty,
            since_ns: now_ns,
            instrument: InstrumentId(order.header.instrument),
            side: order.side(),
            order_type: OrderType::from_code(order.order_type),
            tif: TimeInForce::from_code(order.tif),
            strategy: order.strategy,
            ..Own::BLANK
        };
        if !is_plain {
            self.dress(&mut own, order);
        }
        self.counters.accepted += 1;
        out(&self.replies.about(ResponseKind::Accepted, &own, now_ns));
        if is_plain { self.match_and_rest(own, now_ns, out) } else { self.admit(own, now_ns, out) }
    }

    fn on_cancel(&mut self, order: &OrderRecord, now_ns: i64, out: &mut impl FnMut(&ResponseRecord)) {
        let Some(slot) = self.orders.find(order.orig_client_id) else {
            return self.refuse(order, venue_reason::UNKNOWN_ORDER, now_ns, out);
        };
        let own = self.orders.remove(slot);
        self.cancelled(&own, venue_reason::USER, now_ns, out);
    }

    fn on_replace(&mut self, order: &OrderRecord, now_ns: i64, out: &mut impl FnMut(&ResponseRecord)) {
        let Some(slot) = self.orders.find(order.orig_client_id) else {
            return self.refuse(order, venue_reason::UNKNOWN_ORDER, now_ns, out);
        };
        let old = *self.orders.get(slot);
        if old.is_special() || order.display_qty != OrderRecord::SHOW_ALL {
            return self.replace_special(order, slot, &old, now_ns, out);
        }
        // Down to what is filled it is a cancel in other words, good at all times and of any size.
        let is_done = order.qty > 0 && order.qty <= old.filled;
        if let Err(reason) = self.check_replace(order, &old, is_done) {
            return self.refuse(order, reason, now_ns, out);
        }
        self.client_id_last = order.client_id;
        if is_done {
            // Nothing of it would be left: the venue takes it off, under the number it still goes by.
            self.orders.remove(slot);
            return self.cancelled(&old, venue_reason::USER, now_ns, out);
        }
        self.counters.replaced += 1;
        let stp = SelfTrade::from_code(order.stp);
        let new = Own { client_id: order.client_id, price: order.price, qty: order.qty, stp, ..old };
        out(&ResponseRecord {
            orig_client_id: old.client_id,
            ..self.replies.about(ResponseKind::Replaced, &new, now_ns)
        });
        if new.price == old.price && new.qty <= old.qty {
            let kept = self.orders.get_mut(slot);
            (kept.qty, kept.stp) = (new.qty, new.stp);
            self.orders.rename(slot, new.client_id);
            return;
        }
        self.orders.remove(slot);
        if new.order_type == OrderType::PostOnly && self.would_lock(new.instrument, new.side, new.price) {
            return self.cancelled(&new, venue_reason::POST_ONLY, now_ns, out);
        }
        self.match_and_rest(new, now_ns, out);
    }

    /// Takes what the order can, then lets the rest of it rest or go.
    pub(crate) fn match_and_rest(
        &mut self,
        mut own: Own,
        now_ns: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        own.withheld = self.faults.withheld(own.leaves());
        loop {
            let end = if self.has_impact(own.instrument) {
                self.take_impact(&mut own, now_ns, out)
            } else if self.takes_levels(own.instrument) {
                self.take_levels(&mut own, now_ns, out)
            } else {
                self.take(&mut own, now_ns, out)
            };
            if end == End::Done {
                break;
            }
            if !self.give_way(&mut own, now_ns, out) {
                return;
            }
        }
        if own.leaves() == 0 {
            return;
        }
        if own.withheld > 0 && own.takes() == 0 {
            return self.cancelled(&own, venue_reason::FAULT, now_ns, out);
        }
        own.withheld = 0;
        own.since_ns = now_ns;
        if own.order_type == OrderType::Market || !own.tif.rests() {
            return self.cancelled(&own, venue_reason::IOC, now_ns, out);
        }
        self.rest(own);
    }

    /// Lets an order rest as the last of its price.
    pub(crate) fn rest(&mut self, mut own: Own) {
        if own.is_iceberg() {
            own.shown = own.leaves().min(i64::from(own.display));
        }
        self.go_behind(&mut own);
        self.orders.insert(own);
    }

    /// The last to arrive: all of its level is ahead.
    pub(crate) fn go_behind(&self, own: &mut Own) {
        own.mark = if own.is_hidden() { Own::LAST_MARK } else { self.next_arrival };
        let level = self.books.level(own.instrument, own.side, own.price());
        own.ahead = level.map_or(0, |level| i64::try_from(level.qty).unwrap_or(i64::MAX));
        if self.is_estimated(own.instrument) {
            own.estimate = self.estimate(own);
        }
        debug_assert!(self.is_stated[own.instrument.index()] || own.ahead == self.count_ahead(own));
    }

    /// Walks the other side, best price first and oldest first within it, one fill for each level.
    fn take(&mut self, own: &mut Own, now_ns: i64, out: &mut impl FnMut(&ResponseRecord)) -> End {
        let (instrument, other) = (own.instrument, own.side.opposite());
        let is_market = own.order_type == OrderType::Market;
        let blocker =
            self.orders.first(instrument, other).filter(|first| is_market || first.crosses(own.price));
        let blocker = blocker.copied();
        let contract = Contract::of(&self.instruments[instrument.index()]);
        let mut is_full = false;
        for level in self.books.levels(instrument, other) {
            let price = level.price;
            let reached = is_market || price.0 == own.price || own.side.is_better(own.price, price.0);
            let after_own = blocker.is_some_and(|first| other.is_better(first.price, price.0));
            if own.takes() == 0 || !reached || after_own || is_full {
                break;
            }
            let mut got = 0;
            for queued in self.books.queue(instrument, other, price) {
                let behind_own =
                    blocker.is_some_and(|first| first.price == price.0 && queued.arrival >= first.mark);
                let wanted = own.takes() - got;
                if behind_own || wanted == 0 {
                    break;
                }
                let free = queued.qty.saturating_sub(self.taken.of(queued.order_ref));
                let lots = u32::try_from(wanted).unwrap_or(u32::MAX).min(free);
                if lots == 0 {
                    continue;
                }
                is_full = !self.taken.take(instrument, queued.order_ref, lots);
                if is_full {
                    break;
                }
                got += i64::from(lots);
            }
            if got > 0 {
                own.filled += got;
                self.counters.taker_fills += 1;
                self.counters.taker_lots += got.unsigned_abs();
                let fill = Fill { price, lots: got, is_taker: true, cause_seq: 0 };
                out(&self.replies.fill(own, fill, contract, now_ns));
            }
        }
        self.counters.taken_full += u64::from(is_full);
        if blocker.is_some() && own.takes() > 0 { End::OwnOrder } else { End::Done }
    }

    /// Whether an arriving order takes from levels as they are stated, and not from orders.
    #[inline]
    pub(crate) fn takes_levels(&self, instrument: InstrumentId) -> bool {
        self.is_stated[instrument.index()] || self.fills == FillRule::Whole && self.model != QueueModel::Exact
    }

    /// Walks the levels of the other side, best price first, one fill for each. Under [`FillRule::Whole`] all of the
    /// order fills at the touch.
    fn take_levels(&mut self, own: &mut Own, now_ns: i64, out: &mut impl FnMut(&ResponseRecord)) -> End {
        let (instrument, other) = (own.instrument, own.side.opposite());
        let is_market = own.order_type == OrderType::Market;
        let blocker =
            self.orders.first(instrument, other).filter(|first| is_market || first.crosses(own.price));
        let blocker = blocker.map(|first| first.price);
        let contract = Contract::of(&self.instruments[instrument.index()]);
        let mut is_full = false;
        for level in self.books.levels(instrument, other) {
            let price = level.price;
            let reached = is_market || price.0 == own.price || own.side.is_better(own.price, price.0);
            let after_own = blocker.is_some_and(|first| other.is_better(first, price.0));
            if own.takes() == 0 || !reached || after_own || is_full {
                break;
            }
            let taken = self.taken_levels.of(instrument, other, price.0);
            let free = i64::try_from(level.qty.saturating_sub(taken)).unwrap_or(i64::MAX);
            let lots = match self.fills {
                FillRule::Partial => own.takes().min(free),
                FillRule::Whole => own.takes(),
            };
            if lots == 0 {
                continue;
            }
            if self.fills == FillRule::Partial {
                is_full = !self.taken_levels.take(instrument, other, price.0, lots.unsigned_abs());
                if is_full {
                    break;
                }
            }
            own.filled += lots;
            self.counters.taker_fills += 1;
            self.counters.taker_lots += lots.unsigned_abs();
            let fill = Fill { price, lots, is_taker: true, cause_seq: 0 };
            out(&self.replies.fill(own, fill, contract, now_ns));
        }
        self.counters.taken_full += u64::from(is_full);
        if blocker.is_some() && own.takes() > 0 { End::OwnOrder } else { End::Done }
    }

    fn check_new(&self, order: &OrderRecord) -> Result<(), u8> {
        let is_market = order.order_type == OrderType::Market as u8;
        let is_ioc = order.tif == TimeInForce::Ioc as u8;
        let is_post_only = order.order_type == OrderType::PostOnly as u8;
        let known = order.side <= 1 && !(is_post_only && is_ioc);
        if order.client_id <= self.client_id_last {
            return Err(venue_reason::DUPLICATE_ID);
        }
        if !known {
            return Err(venue_reason::INVALID);
        }
        let instrument = InstrumentId(order.header.instrument);
        self.check_terms(instrument, order, is_market)?;
        if !is_market && !is_ioc && self.orders.is_full() {
            return Err(venue_reason::CAPACITY);
        }
        if is_post_only && self.would_lock(instrument, order.side(), order.price) {
            return Err(venue_reason::POST_ONLY);
        }
        Ok(())
    }

    fn check_replace(&self, order: &OrderRecord, old: &Own, is_done: bool) -> Result<(), u8> {
        if order.client_id <= self.client_id_last {
            return Err(venue_reason::DUPLICATE_ID);
        }
        if is_done { Ok(()) } else { self.check_terms(old.instrument, order, false) }
    }

    /// Instrument, quantity and price of a request, and whether the instrument trades.
    pub(crate) fn check_terms(
        &self,
        instrument: InstrumentId,
        order: &OrderRecord,
        is_market: bool,
    ) -> Result<(), u8> {
        let rules = self.instruments.get(instrument.index()).ok_or(venue_reason::INVALID)?;
        let on_grid = is_market || Price(order.price).is_on_tick(rules.tick_at(order.price));
        if order.qty < rules.order_qty_min || order.qty > rules.order_qty_max || !on_grid {
            return Err(venue_reason::INVALID);
        }
        if self.is_trading(instrument) { Ok(()) } else { Err(venue_reason::NOT_TRADING) }
    }

    /// Whether an order at this price would meet anything displayed on the other side, real or our own.
    pub(crate) fn would_lock(&self, instrument: InstrumentId, side: Side, price: i64) -> bool {
        let reaches = |other: i64| other == price || side.is_better(price, other);
        let real = self.books.best(instrument, side.opposite()).is_some_and(|level| reaches(level.price.0));
        real || self.orders.first_shown(instrument, side.opposite()).is_some_and(|own| reaches(own.price))
    }

    /// Answers a request the venue does not take.
    #[cold]
    pub(crate) fn refuse(
        &mut self,
        order: &OrderRecord,
        reason: u8,
        now_ns: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let is_new = order.action() == Action::New;
        if is_new {
            self.counters.rejected[usize::from(reason)] += 1;
        } else {
            self.counters.cancel_rejected += 1;
        }
        let kind = if is_new { ResponseKind::Rejected } else { ResponseKind::CancelRejected };
        out(&ResponseRecord {
            client_id: order.client_id,
            orig_client_id: order.orig_client_id,
            price: order.price,
            side: order.side,
            strategy: order.strategy,
            reason,
            ..self.replies.answer(kind, order.header.instrument, now_ns)
        });
    }

    /// Answers that an order, already out of the book, is gone with what was left of it.
    pub(crate) fn cancelled(
        &mut self,
        own: &Own,
        reason: u8,
        now_ns: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        self.counters.cancelled += 1;
        self.replies.costs.forget(own.venue_order_id);
        out(&ResponseRecord {
            qty: own.leaves(),
            leaves: 0,
            reason,
            ..self.replies.about(ResponseKind::Cancelled, own, now_ns)
        });
    }

    /// Counts and answers a fill of an order that rested, which has it booked already.
    pub(crate) fn filled(
        &mut self,
        own: &Own,
        fill: Fill,
        now_ns: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        self.counters.maker_fills += 1;
        self.counters.maker_lots += fill.lots.unsigned_abs();
        let contract = Contract::of(&self.instruments[own.instrument.index()]);
        out(&self.replies.fill(own, fill, contract, now_ns));
    }
}
