//! Orders that say more than price, lots, type and time: what the venue takes, how they enter, how they are replaced.

use tickrace_types::event::venue_reason;
use tickrace_types::{
    InstrumentId, OrderRecord, OrderType, Peg, Phase, Price, ResponseKind, ResponseRecord, SelfTrade,
    TimeInForce, Trigger,
};

use crate::Exchange;
use crate::own::Own;
use crate::triggers::Cause;

/// Most peaks an iceberg may have: what one event can make it answer is bounded.
pub const PEAKS_MAX: i64 = 100;

impl Exchange {
    /// Everything a new order is held to that is not plain.
    pub(crate) fn check_special(&self, order: &OrderRecord, now_ns: i64) -> Result<(), u8> {
        if order.client_id <= self.client_id_last {
            return Err(venue_reason::DUPLICATE_ID);
        }
        self.check_stated(order, InstrumentId(order.header.instrument), now_ns)?;
        let order_type = OrderType::from_code(order.order_type);
        let tif = TimeInForce::from_code(order.tif);
        let stays = tif.is_auction() || tif.rests() && order_type != OrderType::Market;
        if stays && self.orders.is_full() {
            return Err(venue_reason::CAPACITY);
        }
        let instrument = InstrumentId(order.header.instrument);
        if order_type == OrderType::PostOnly && self.would_lock(instrument, order.side(), order.price) {
            return Err(venue_reason::POST_ONLY);
        }
        self.reference_of(order, instrument).map(|_| ())
    }

    /// What an order states, new or as a replacement: that it makes sense, and comes at a time when it is taken.
    fn check_stated(&self, order: &OrderRecord, instrument: InstrumentId, now_ns: i64) -> Result<(), u8> {
        let rules = self.instruments.get(instrument.index()).ok_or(venue_reason::INVALID)?;
        let order_type = OrderType::from_code(order.order_type);
        let is_on_grid = |px: i64| Price(px).is_on_tick(rules.tick_at(px));
        let on_grid = !order_type.has_limit() || is_on_grid(order.price);
        let trigger_fits = match order_type {
            OrderType::Stop | OrderType::StopLimit => is_on_grid(order.trigger_price),
            OrderType::TrailingStop => order.trigger_price > 0,
            OrderType::Pegged => true,
            _ => order.trigger_price == 0,
        };
        let in_bounds = (rules.order_qty_min..=rules.order_qty_max).contains(&order.qty);
        if !makes_sense(order) || !on_grid || !trigger_fits || !in_bounds {
            return Err(venue_reason::INVALID);
        }
        let tif = TimeInForce::from_code(order.tif);
        if tif == TimeInForce::Gtd && order.expire_ns <= now_ns {
            return Err(venue_reason::EXPIRED);
        }
        if tif.is_auction() { self.check_auction(tif, instrument) } else { self.check_trading(instrument) }
    }

    fn check_trading(&self, instrument: InstrumentId) -> Result<(), u8> {
        if self.is_trading(instrument) { Ok(()) } else { Err(venue_reason::NOT_TRADING) }
    }

    /// An order for an auction is taken before it: for the opening one until trading begins, for the closing one until
    /// it ends.
    fn check_auction(&self, tif: TimeInForce, instrument: InstrumentId) -> Result<(), u8> {
        match self.books.top(instrument).phase() {
            Phase::PreOpen | Phase::Auction => Ok(()),
            Phase::Continuous | Phase::Halted if tif == TimeInForce::AtClose => Ok(()),
            Phase::Unknown => Err(venue_reason::NOT_TRADING),
            Phase::Continuous | Phase::Halted | Phase::Closed => Err(venue_reason::AUCTION),
        }
    }

    /// Where a pegged order would stand, or what a trailing stop sees; 0 for others.
    fn reference_of(&self, order: &OrderRecord, instrument: InstrumentId) -> Result<i64, u8> {
        let own = Own {
            instrument,
            side: order.side(),
            peg: Peg::from_code(order.peg),
            trigger: Trigger::from_code(order.trigger),
            offset: order.trigger_price,
            limit: order.price,
            ..Own::BLANK
        };
        match OrderType::from_code(order.order_type) {
            OrderType::Pegged => self.pegged_px(&own).ok_or(venue_reason::NO_REFERENCE),
            OrderType::TrailingStop => self.watched_px(&own).ok_or(venue_reason::NO_REFERENCE),
            _ => Ok(0),
        }
    }

    /// Gives an accepted order what it says beyond the plain terms.
    #[cold]
    pub(crate) fn dress(&mut self, own: &mut Own, order: &OrderRecord) {
        own.stp = SelfTrade::from_code(order.stp);
        own.peg = Peg::from_code(order.peg);
        own.trigger = Trigger::from_code(order.trigger);
        own.display = order.display_qty;
        own.expire_ns = order.expire_ns;
        own.offset = order.trigger_price;
        own.is_parked = own.order_type.is_stop() || own.tif.is_auction();
        let reference = self.reference_of(order, own.instrument).unwrap_or(0);
        match own.order_type {
            OrderType::Stop | OrderType::StopLimit => own.trigger_px = order.trigger_price,
            OrderType::TrailingStop => {
                own.trigger_px = reference.saturating_add(own.side.sign() * own.offset);
            }
            OrderType::Pegged => (own.limit, own.price) = (order.price, reference),
            _ => {}
        }
        if !own.order_type.has_limit() {
            own.price = 0;
        }
        self.note_expiry(own.expiry_ns());
    }

    /// Takes in an accepted order: lets it wait, or trade and rest.
    pub(crate) fn admit(&mut self, own: Own, now_ns: i64, out: &mut impl FnMut(&ResponseRecord)) {
        if own.is_parked {
            self.orders.insert(own);
            // A trigger may be reached already.
            return self.watch_stops(own.instrument, Cause { now_ns, seq: 0 }, out);
        }
        if own.tif == TimeInForce::Fok && !self.could_fill_whole(&own) {
            return self.cancelled(&own, venue_reason::FOK, now_ns, out);
        }
        self.match_and_rest(own, now_ns, out);
    }

    /// A replace of an order that is not plain, or that makes it so. Type and time in force stay.
    pub(crate) fn replace_special(
        &mut self,
        order: &OrderRecord,
        slot: u32,
        old: &Own,
        now_ns: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let asked = restated(order, old);
        let is_done = order.qty > 0 && order.qty <= old.filled;
        if let Err(reason) = self.check_replace_special(&asked, old, is_done, now_ns) {
            return self.refuse(order, reason, now_ns, out);
        }
        self.client_id_last = order.client_id;
        if is_done {
            self.orders.remove(slot);
            return self.cancelled(old, venue_reason::USER, now_ns, out);
        }
        let mut new = Own { client_id: order.client_id, price: asked.price, qty: asked.qty, ..*old };
        self.dress(&mut new, &asked);
        if old.order_type == OrderType::TrailingStop {
            // What it has seen so far still counts.
            let seen_px = old.trigger_px.saturating_sub(old.side.sign() * old.offset);
            new.trigger_px = seen_px.saturating_add(new.side.sign() * new.offset);
        }
        new.shown = old.shown.min(new.leaves());
        self.counters.replaced += 1;
        out(&ResponseRecord {
            orig_client_id: old.client_id,
            ..self.replies.about(ResponseKind::Replaced, &new, now_ns)
        });
        let keeps_place = new.price == old.price && new.qty <= old.qty && new.display == old.display;
        if new.is_parked || keeps_place {
            *self.orders.get_mut(slot) = Own { client_id: old.client_id, ..new };
            self.orders.rename(slot, new.client_id);
            return self.watch_stops(new.instrument, Cause { now_ns, seq: 0 }, out);
        }
        self.orders.remove(slot);
        let is_post_only = new.order_type == OrderType::PostOnly;
        if is_post_only && self.would_lock(new.instrument, new.side, new.price) {
            return self.cancelled(&new, venue_reason::POST_ONLY, now_ns, out);
        }
        self.match_and_rest(new, now_ns, out);
    }

    fn check_replace_special(
        &self,
        asked: &OrderRecord,
        old: &Own,
        is_done: bool,
        now_ns: i64,
    ) -> Result<(), u8> {
        if asked.client_id <= self.client_id_last {
            return Err(venue_reason::DUPLICATE_ID);
        }
        if is_done {
            return Ok(());
        }
        self.check_stated(asked, old.instrument, now_ns)?;
        self.reference_of(asked, old.instrument).map(|_| ())
    }
}

/// A replace as the order it would make: what cannot change is the old order's, what has no meaning for it is left out.
fn restated(order: &OrderRecord, old: &Own) -> OrderRecord {
    let has_trigger = old.is_pegged() || old.is_parked && old.order_type.is_stop();
    OrderRecord {
        side: old.side as u8,
        order_type: old.order_type as u8,
        tif: old.tif as u8,
        trigger_price: if has_trigger { order.trigger_price } else { 0 },
        expire_ns: if old.tif == TimeInForce::Gtd { order.expire_ns } else { 0 },
        peg: if old.is_pegged() { order.peg } else { 0 },
        trigger: if has_trigger && !old.is_pegged() { order.trigger } else { 0 },
        ..*order
    }
}

/// Whether type, time in force and terms go together.
fn makes_sense(order: &OrderRecord) -> bool {
    let is_known = OrderType::is_known(order.order_type)
        && TimeInForce::is_known(order.tif)
        && SelfTrade::is_known(order.stp)
        && Peg::is_known(order.peg)
        && Trigger::is_known(order.trigger)
        && order.side <= 1;
    let (order_type, tif) = (OrderType::from_code(order.order_type), TimeInForce::from_code(order.tif));
    let time_fits = match order_type {
        OrderType::Limit => true,
        OrderType::Market => !matches!(tif, TimeInForce::Gtc | TimeInForce::Gtd),
        _ => tif.rests(),
    };
    let is_shown_whole = order.display_qty == OrderRecord::SHOW_ALL;
    let display_fits = is_shown_whole
        || order_type.has_limit()
            && !tif.is_auction()
            && order.qty <= i64::from(order.display_qty).saturating_mul(PEAKS_MAX);
    let peg_fits = order.peg == 0 || order_type == OrderType::Pegged;
    let trigger_fits = order.trigger == 0 || order_type.is_stop();
    let expiry_fits = order.expire_ns == 0 || tif == TimeInForce::Gtd;
    is_known && time_fits && display_fits && peg_fits && trigger_fits && expiry_fits
}
