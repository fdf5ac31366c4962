//! What the real day does to our resting orders. The rules and their reasons stand at the head of the crate.

use tickrace_book::{Change, Outcome};
use tickrace_types::{Flags, InstrumentId, Kind, MarketRecord, Price, Record, ResponseRecord, Side};

use crate::own::NIL;
use crate::reply::Fill;
use crate::{Exchange, QueueModel};

impl Exchange {
    /// One record, already in the book, with something of ours at the venue.
    pub(crate) fn on_change(
        &mut self,
        record: &Record,
        change: &Change,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let market = record.as_market();
        if market.header.kind == Kind::Print as u8 {
            return self.on_estimated_print(market, out);
        }
        let is_snapshot = market.header.flags & Flags::SNAPSHOT != 0;
        let is_leaving = matches!(change.outcome, Outcome::Executed | Outcome::Reduced | Outcome::Deleted);
        // An order of a snapshot may have been there before ours and is no news of its level; one that left is.
        if self.model != QueueModel::Exact && (!is_snapshot || is_leaving) {
            if is_leaving || change.outcome == Outcome::Replaced {
                self.on_leaving(market.order_ref, change);
            }
            return self.on_change_as_levels(record, change, out);
        }
        match change.outcome {
            Outcome::Added => {
                let instrument = InstrumentId(market.header.instrument);
                if !self.orders.is_quiet(instrument) {
                    self.on_newcomer(instrument, market.side(), market.order_ref, change, market, out);
                }
            }
            Outcome::Executed => {
                self.on_leaving(market.order_ref, change);
                if !self.orders.is_quiet(change.before.instrument) {
                    self.on_execution(change, market, out);
                }
            }
            Outcome::Reduced | Outcome::Deleted => self.on_leaving(market.order_ref, change),
            Outcome::Replaced => {
                self.on_leaving(market.order_ref, change);
                let before = &change.before;
                if !self.orders.is_quiet(before.instrument) {
                    self.on_newcomer(before.instrument, before.side, market.other_ref, change, market, out);
                }
            }
            Outcome::Traded => self.on_print(market, out),
            Outcome::Cleared => self.on_clear(InstrumentId(market.header.instrument)),
            _ => {}
        }
    }

    /// A real order got smaller or left: what we took of it, and the queues it stood in before ours.
    #[inline]
    fn on_leaving(&mut self, order_ref: u64, change: &Change) {
        let before = &change.before;
        self.taken.on_remaining(order_ref, before.qty - change.removed);
        let mut at = self.orders.head(before.instrument, before.side);
        while at != NIL {
            let own = self.orders.get_mut(at);
            at = own.next;
            if before.side.is_better(before.price.0, own.price) {
                break;
            }
            if own.price == before.price.0 && before.arrival < own.mark {
                own.ahead -= i64::from(change.removed);
                debug_assert!(own.ahead >= 0, "{} lots ahead", own.ahead);
            }
        }
    }

    /// A real order traded: ours that stood before it share what it traded.
    fn on_execution(
        &mut self,
        change: &Change,
        market: &MarketRecord,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let before = &change.before;
        if market.header.flags & Flags::NOT_PRINTABLE != 0 || !self.is_trading(before.instrument) {
            return;
        }
        let mut budget = i64::from(change.removed);
        let mut at = self.orders.head(before.instrument, before.side);
        while at != NIL && budget > 0 {
            let own = *self.orders.get(at);
            let is_before = own.side.is_better(own.price, before.price.0)
                || own.price == before.price.0 && own.mark <= before.arrival;
            if !is_before {
                break;
            }
            let lots = own.available().min(budget);
            budget -= lots;
            at = self.fill_resting(at, own.price(), lots, market, out);
        }
    }

    /// A real order came to rest where, had ours been there, it would have traded with them.
    fn on_newcomer(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        order_ref: u64,
        change: &Change,
        market: &MarketRecord,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        if market.header.flags & Flags::SNAPSHOT != 0 {
            self.on_snapshot_order(instrument, side, market.price, change.arrival);
            return;
        }
        if self.orders.census().hidden > 0 {
            self.on_displayed(instrument, side, market);
        }
        let crosses =
            self.orders.first(instrument, side.opposite()).is_some_and(|own| own.crosses(market.price));
        if !crosses || !self.is_trading(instrument) {
            return;
        }
        let filled =
            self.fill_in_turn(instrument, side.opposite(), market, |own| own.crosses(market.price), out);
        let filled = u32::try_from(filled).unwrap_or(market.qty);
        if filled > 0 && !self.taken.take(instrument, order_ref, filled) {
            self.counters.taken_full += 1;
        }
    }

    /// A print that touched no displayed order: hidden liquidity, or an auction.
    fn on_print(&mut self, market: &MarketRecord, out: &mut impl FnMut(&ResponseRecord)) {
        let instrument = InstrumentId(market.header.instrument);
        if self.orders.is_quiet(instrument) {
            return;
        }
        if market.header.kind == tickrace_types::Kind::Cross as u8 {
            if self.orders.census().auction > 0 {
                self.join_auction(instrument, market.code);
            }
            Side::BOTH.iter().for_each(|side| self.fill_in_cross(instrument, *side, market, out));
            return;
        }
        if !self.hidden_through_fills || !self.is_trading(instrument) {
            return;
        }
        for side in Side::BOTH {
            let through = |own: &crate::own::Own| {
                own.side.is_better(own.price, market.price) || own.is_hidden() && own.price == market.price
            };
            self.fill_in_turn(instrument, side, market, through, out);
        }
    }

    /// Fills our orders of a side, in matching order and while `reached` says so, up to the record's lots less what
    /// real orders with priority would have had of them. Gives the lots filled.
    fn fill_in_turn(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        market: &MarketRecord,
        reached: impl Fn(&crate::own::Own) -> bool,
        out: &mut impl FnMut(&ResponseRecord),
    ) -> i64 {
        let mut filled = 0;
        let mut at = self.orders.head(instrument, side);
        while at != NIL {
            let own = *self.orders.get(at);
            if !reached(&own) {
                break;
            }
            let left = i64::from(market.qty).saturating_sub(self.count_before(&own)) - filled;
            if left <= 0 {
                break;
            }
            let lots = own.available().min(left);
            filled += lots;
            at = self.fill_resting(at, own.price(), lots, market, out);
        }
        filled
    }

    /// An auction: ours of a side strictly better than its price trade at its price.
    fn fill_in_cross(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        market: &MarketRecord,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let mut budget = i64::try_from(market.order_ref).unwrap_or(i64::MAX);
        let mut at = self.orders.head(instrument, side);
        while at != NIL && budget > 0 {
            let own = *self.orders.get(at);
            if !side.is_better(own.price, market.price) {
                break;
            }
            let lots = own.leaves().min(budget);
            budget -= lots;
            at = self.fill_resting(at, Price(market.price), lots, market, out);
        }
    }

    /// An order of a snapshot: it may have been there before ours, so it is.
    #[cold]
    fn on_snapshot_order(&mut self, instrument: InstrumentId, side: Side, price: i64, arrival: u64) {
        let mut at = self.orders.head(instrument, side);
        while at != NIL {
            let mut own = *self.orders.get(at);
            if own.price == price {
                own.mark = own.mark.max(arrival + 1);
                own.ahead = self.count_ahead(&own);
                *self.orders.get_mut(at) = own;
            }
            at = own.next;
        }
    }

    /// The real orders of one instrument, or of all, are gone.
    #[cold]
    fn on_clear(&mut self, instrument: InstrumentId) {
        self.taken.on_clear(instrument);
        self.taken_levels.on_clear(instrument);
        let named = match instrument {
            InstrumentId::NONE => 0..self.orders.instruments(),
            _ => instrument.index()..instrument.index() + 1,
        };
        for index in named {
            let Ok(id) = u32::try_from(index) else { break };
            for side in Side::BOTH {
                let mut at = self.orders.head(InstrumentId(id), side);
                while at != NIL {
                    let own = self.orders.get_mut(at);
                    own.ahead = 0;
                    at = own.next;
                }
            }
        }
    }

    /// A displayed order came to rest: hidden ones of ours at its price stand behind it.
    #[cold]
    fn on_displayed(&mut self, instrument: InstrumentId, side: Side, market: &MarketRecord) {
        let mut at = self.orders.head(instrument, side);
        while at != NIL {
            let own = self.orders.get_mut(at);
            if own.is_hidden() && own.price == market.price {
                own.ahead += i64::from(market.qty);
            }
            at = own.next;
        }
    }

    /// Books and answers a fill of a resting order, which leaves where nothing of it is left. Gives the next in
    /// matching order that was not met before: an iceberg that shows its next peak stands at the end of its price.
    pub(crate) fn fill_resting(
        &mut self,
        slot: u32,
        price: Price,
        lots: i64,
        market: &MarketRecord,
        out: &mut impl FnMut(&ResponseRecord),
    ) -> u32 {
        let own = self.orders.get_mut(slot);
        own.filled += lots;
        own.shown -= lots;
        let own = *own;
        debug_assert!(lots > 0 && own.leaves() >= 0, "{lots} lots of {own:?}");
        let mut next = own.next;
        if own.leaves() == 0 {
            self.orders.remove(slot);
        } else if own.is_iceberg() && own.shown <= 0 {
            self.refresh(slot);
            // All before it are gone or stand behind it now.
            next = self.orders.head(own.instrument, own.side);
        }
        let fill = Fill { price, lots, is_taker: false, cause_seq: market.header.seq };
        self.filled(&own, fill, market.header.ts_venue_ns, out);
        next
    }

    /// The next peak of an iceberg is shown, at the end of the queue.
    #[cold]
    pub(crate) fn refresh(&mut self, slot: u32) {
        self.counters.refreshed += 1;
        let own = self.orders.remove(slot);
        self.rest(own);
    }
}
