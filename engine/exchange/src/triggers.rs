//! Stops: which price they watch, when they trigger, and what follows the market after each record.
//!
//! After the resting orders had their turn with a record, trailing triggers follow the market, then stops whose trigger
//! is reached enter one by one, in the order of their acceptance, then pegged orders move. All of it only while the
//! instrument trades.

use tickrace_book::Change;
use tickrace_types::{
    InstrumentId, Kind, OrderType, Record, ResponseKind, ResponseRecord, Side, TimeInForce, Trigger,
};

use crate::Exchange;
use crate::own::{NIL, Own};

/// When something happens, and the market message that made it happen, 0 for none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    pub now_ns: i64,
    pub seq: u64,
}

impl Own {
    /// Whether the market at `px` triggers it.
    pub(crate) fn is_reached(&self, px: i64) -> bool {
        px == self.trigger_px || self.side.is_better(px, self.trigger_px)
    }

    /// Lets a trailing trigger follow the market to `px`: for a sale it only rises, for a buy it only falls.
    pub(crate) fn follow(&mut self, px: i64) {
        let trigger_px = px.saturating_add(self.side.sign() * self.offset);
        if self.side.opposite().is_better(trigger_px, self.trigger_px) {
            self.trigger_px = trigger_px;
        }
    }
}

impl Exchange {
    /// A record, already in the book and done with by what rests, while orders of ours watch the market.
    pub(crate) fn after_change(
        &mut self,
        record: &Record,
        named: InstrumentId,
        change: &Change,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let market = record.as_market();
        if record.header.kind == Kind::Cross as u8 && self.orders.census().auction > 0 {
            self.leave_auction(named, market, out);
        }
        let cause = Cause { now_ns: record.header.ts_venue_ns, seq: record.header.seq };
        for id in self.ids(named) {
            let instrument = InstrumentId(id);
            if self.orders.is_quiet(instrument) || !self.is_trading(instrument) {
                continue;
            }
            if self.orders.census().stops > 0 {
                self.watch_stops(instrument, cause, out);
            }
            if self.orders.census().pegged > 0 && change.top_changed {
                self.move_pegs(instrument, cause, out);
            }
        }
    }

    /// Lets trailing triggers follow and takes in the stops that are reached.
    pub(crate) fn watch_stops(
        &mut self,
        instrument: InstrumentId,
        cause: Cause,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        if !self.is_trading(instrument) {
            return;
        }
        let mut at = self.orders.parked(instrument);
        while at != NIL {
            let own = *self.orders.get(at);
            if own.order_type == OrderType::TrailingStop
                && let Some(px) = self.watched_px(&own)
            {
                self.orders.get_mut(at).follow(px);
            }
            at = own.next;
        }
        // A stop that enters may cancel others of ours: from the start each time.
        while let Some(slot) = self.first_reached(instrument) {
            self.trigger(slot, cause, out);
        }
    }

    fn first_reached(&self, instrument: InstrumentId) -> Option<u32> {
        let mut at = self.orders.parked(instrument);
        while at != NIL {
            let own = self.orders.get(at);
            if own.order_type.is_stop() && self.watched_px(own).is_some_and(|px| own.is_reached(px)) {
                return Some(at);
            }
            at = own.next;
        }
        None
    }

    fn trigger(&mut self, slot: u32, cause: Cause, out: &mut impl FnMut(&ResponseRecord)) {
        let own = self.release(slot, cause, out);
        self.match_and_rest(own, cause.now_ns, out);
    }

    /// Takes a triggered stop off the list of those that wait, as the order it now is, and says so.
    pub(crate) fn release(&mut self, slot: u32, cause: Cause, out: &mut impl FnMut(&ResponseRecord)) -> Own {
        let mut own = self.orders.remove(slot);
        own.is_parked = false;
        if own.order_type == OrderType::StopLimit {
            own.order_type = OrderType::Limit;
        } else {
            (own.order_type, own.tif) = (OrderType::Market, TimeInForce::Ioc);
        }
        self.counters.triggered += 1;
        out(&ResponseRecord {
            cause_seq: cause.seq,
            ..self.replies.about(ResponseKind::Triggered, &own, cause.now_ns)
        });
        own
    }

    /// The price a stop watches; `None` before the first trade, or without a firm touch.
    pub(crate) fn watched_px(&self, own: &Own) -> Option<i64> {
        let top = self.books.top(own.instrument);
        match own.trigger {
            Trigger::Last => (top.last_qty > 0).then_some(top.last_px),
            Trigger::Touch if !top.is_firm() => None,
            Trigger::Touch => Some(if own.side == Side::Bid { top.ask_px } else { top.bid_px }),
        }
    }
}
