//! What the day does to our resting orders where their queue is estimated: feeds of levels or quotes, and feeds of orders
//! under another model than the exact one. The rules stand at the head of the crate, the models in
//! [`crate::queue_position`].

use tickrace_book::{Beside, Change, LevelChange, Outcome};
use tickrace_types::{
    Flags, Instrument, InstrumentId, Kind, MarketRecord, Price, QuoteRecord, Record, ResponseRecord, Side,
};

use crate::own::{NIL, Own};
use crate::queue_position::Estimate;
use crate::{Exchange, FillRule, QueueModel};

/// Lots of one instrument in units of its base currency.
#[inline]
pub(crate) fn lot_of(instrument: &Instrument) -> f64 {
    instrument.lot_nanos as f64 / 1e9
}

/// [`MarketRecord::side`] of a print whose aggressor is not told.
const SIDE_NOT_TOLD: u8 = 2;

/// A level before and after it was stated, in lots.
#[derive(Clone, Copy)]
struct Stated {
    instrument: InstrumentId,
    side: Side,
    price: i64,
    before: u64,
    after: u64,
}

impl Exchange {
    /// Whether the queue position of our orders in an instrument is a guess.
    #[inline]
    pub(crate) fn is_estimated(&self, instrument: InstrumentId) -> bool {
        self.model != QueueModel::Exact
            || self.is_stated.get(instrument.index()).is_some_and(|stated| *stated)
    }

    /// A level of a feed that states levels.
    #[inline]
    pub(crate) fn on_level(&mut self, record: &Record, out: &mut impl FnMut(&ResponseRecord)) {
        let market = record.as_market();
        let Some(change) = self.books.apply_level(market) else { return };
        let instrument = InstrumentId(market.header.instrument);
        self.is_stated[instrument.index()] = true;
        // Most levels are neither a new touch nor one that we, or what we took, stand in.
        let is_ours = change.is_better || self.orders.spans(instrument, market.side(), market.price);
        if is_ours || !self.taken_levels.is_empty() {
            self.on_level_change(market, &change, out);
        }
        if self.orders.is_watching() {
            let change = Change { top_changed: change.top_changed, ..Change::only(Outcome::Stated) };
            self.after_change(record, instrument, &change, out);
        }
    }

    /// Levels inside one event of a feed that states them, in place: the same as one by one.
    #[inline]
    pub fn on_levels(&mut self, mut records: &[Record], out: &mut impl FnMut(&ResponseRecord)) {
        while let Some(first) = records.first() {
            let instrument = InstrumentId(first.header.instrument);
            // Most levels are neither a new touch nor one that we, or what we took, stand in.
            let is_plain = self.impact.is_none()
                && self.taken_levels.is_empty()
                && !self.orders.is_watching()
                && self.is_stated.get(instrument.index()).is_some_and(|stated| *stated);
            if is_plain {
                let beside = Beside { spans: self.orders.spans_of(instrument), stops_at_better: true };
                let ts_recv_ns = first.header.ts_recv_ns;
                records = &records[self.books.apply_levels_beside(records, ts_recv_ns, &beside)..];
            }
            if let Some((next, rest)) = records.split_first() {
                self.on_market(next, out);
                records = rest;
            }
        }
    }

    #[inline(never)]
    fn on_level_change(
        &mut self,
        market: &MarketRecord,
        change: &LevelChange,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let (instrument, side) = (InstrumentId(market.header.instrument), market.side());
        let (before, after) = (change.before, change.after);
        self.on_stated(Stated { instrument, side, price: market.price, before, after });
        if change.is_better {
            self.on_better_touch(instrument, side, market.price, after, market, out);
        }
    }

    /// The best bid and ask of a feed that states nothing else.
    pub(crate) fn on_quote(&mut self, record: &Record, out: &mut impl FnMut(&ResponseRecord)) {
        let quote: &QuoteRecord = record.as_quote();
        let instrument = InstrumentId(quote.header.instrument);
        if instrument.index() >= self.is_stated.len() {
            return;
        }
        let before = *self.books.top(instrument);
        if self.books.apply(record).outcome != Outcome::Stated {
            return;
        }
        self.is_stated[instrument.index()] = true;
        if self.bars.has_bars(instrument) {
            // The touch of another bar shows lots of its own. Kept, levels of days long gone would fill the memory of what is
            // taken, and nothing could be taken any more.
            self.taken_levels.on_clear(instrument);
            return;
        }
        let bids = (Side::Bid, before.bid_px, before.bid_qty, quote.bid_px, quote.bid_qty);
        let asks = (Side::Ask, before.ask_px, before.ask_qty, quote.ask_px, quote.ask_qty);
        for (side, px_before, qty_before, px, qty) in [bids, asks] {
            if qty > 0 && !self.taken_levels.is_empty() {
                self.taken_levels.on_touch(instrument, side, px);
            }
            if qty_before > 0 && px_before != px {
                // What was the touch is no longer shown. Where the new one is better, it may still be there.
                let is_gone = qty == 0 || side.is_better(px_before, px);
                if is_gone {
                    let (before, after) = (u64::from(qty_before), 0);
                    self.on_stated(Stated { instrument, side, price: px_before, before, after });
                }
            }
            let same = qty_before > 0 && px_before == px;
            let before = if same { u64::from(qty_before) } else { 0 };
            if qty > 0 {
                self.on_stated(Stated { instrument, side, price: px, before, after: u64::from(qty) });
                if qty_before == 0 || side.is_better(px, px_before) {
                    // Prints and quotes carry the same head; a quote's body is no market record's.
                    let cause = MarketRecord { header: quote.header, ..MarketRecord::default() };
                    self.on_better_touch(instrument, side, px, u64::from(qty), &cause, out);
                }
            }
        }
        if self.orders.is_watching() {
            let change = Change { top_changed: true, ..Change::only(Outcome::Stated) };
            self.after_change(record, instrument, &change, out);
        }
    }

    /// A trade of a feed of levels or quotes.
    pub(crate) fn on_estimated_print(
        &mut self,
        market: &MarketRecord,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let instrument = InstrumentId(market.header.instrument);
        // What is not to be printed did not trade against the book: a liquidation settled by the venue, a block.
        const NOT_OF_THE_BOOK: u8 = Flags::SNAPSHOT | Flags::NOT_PRINTABLE;
        if self.orders.is_quiet(instrument) || market.header.flags & NOT_OF_THE_BOOK != 0 {
            return;
        }
        // The aggressor bought: the asks were hit, and the other way round; where it is not told, either may have been.
        let lots = market.lots();
        if market.side != Side::Ask as u8 {
            self.trade_against(instrument, Side::Ask, market.price, lots, market, out);
        }
        if market.side != Side::Bid as u8 {
            self.trade_against(instrument, Side::Bid, market.price, lots, market, out);
        }
    }

    /// A record of an order-by-order feed, already in the book, seen as a feed of levels would have told it.
    pub(crate) fn on_change_as_levels(
        &mut self,
        record: &Record,
        change: &Change,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let market = record.as_market();
        let before = &change.before;
        match change.outcome {
            Outcome::Added => {
                let instrument = InstrumentId(market.header.instrument);
                self.on_arrival(instrument, market.side(), market, out);
            }
            Outcome::Executed => {
                if market.header.flags & Flags::NOT_PRINTABLE == 0 {
                    let lots = u64::from(change.removed);
                    self.trade_against(before.instrument, before.side, before.price.0, lots, market, out);
                }
                self.on_departure(change);
            }
            Outcome::Reduced | Outcome::Deleted => self.on_departure(change),
            Outcome::Replaced => {
                self.on_departure(change);
                self.on_arrival(before.instrument, before.side, market, out);
            }
            Outcome::Traded if market.header.kind == Kind::Trade as u8 => self.on_estimated_print(
                // A trade against hidden interest states no aggressor: whose price it reached tells.
                &MarketRecord { side: SIDE_NOT_TOLD, order_ref: 0, ..*market },
                out,
            ),
            _ => {}
        }
    }

    /// A real order came to rest: its level grew, and may be the new touch.
    fn on_arrival(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        market: &MarketRecord,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let level = self.books.level(instrument, side, Price(market.price));
        let after = level.map_or(0, |level| level.qty);
        let before = after.saturating_sub(u64::from(market.qty));
        self.on_stated(Stated { instrument, side, price: market.price, before, after });
        self.on_better_touch(instrument, side, market.price, after, market, out);
    }

    /// A real order got smaller or left.
    fn on_departure(&mut self, change: &Change) {
        let (instrument, side, price) = (change.before.instrument, change.before.side, change.before.price);
        let after = self.books.level(instrument, side, price).map_or(0, |level| level.qty);
        let before = after + u64::from(change.removed);
        self.on_stated(Stated { instrument, side, price: price.0, before, after });
    }

    /// A level is now another: the estimates of ours that stand in it.
    fn on_stated(&mut self, level: Stated) {
        if !self.taken_levels.is_empty() {
            self.taken_levels.on_remaining(level.instrument, level.side, level.price, level.after);
        }
        let mut at = self.orders.head(level.instrument, level.side);
        if at == NIL {
            return;
        }
        let lot = self.lots[level.instrument.index()];
        while at != NIL {
            let own = self.orders.get_mut(at);
            if level.side.is_better(level.price, own.price) {
                break;
            }
            at = own.next;
            if own.price == level.price {
                own.estimate.on_level(&self.model, level.before as f64 * lot, level.after as f64 * lot);
            }
        }
    }

    /// The touch of `side` is at `price` now, with `lots`: it would have traded with ours of the other side.
    fn on_better_touch(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        price: i64,
        lots: u64,
        market: &MarketRecord,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let other = side.opposite();
        let mut at = self.orders.head(instrument, other);
        if at == NIL || !self.is_trading(instrument) {
            return;
        }
        let mut budget = i64::try_from(lots).unwrap_or(i64::MAX);
        while at != NIL && budget > 0 {
            let own = *self.orders.get(at);
            if !own.crosses(price) {
                break;
            }
            let filled = self.share(&own, budget);
            budget = self.spend(budget, filled);
            at = self.fill_resting(at, own.price(), filled, market, out);
        }
    }

    /// A trade at `price` hit the displayed orders of `side`: ours at better prices, and ours at this one as far as the
    /// estimate says.
    fn trade_against(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        price: i64,
        lots: u64,
        market: &MarketRecord,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let mut at = self.orders.head(instrument, side);
        if at == NIL || !self.is_trading(instrument) {
            return;
        }
        let lot = self.lots[instrument.index()];
        let qty = lots as f64 * lot;
        let mut budget = i64::try_from(lots).unwrap_or(i64::MAX);
        // Each order at the price hears of the trade once: an iceberg's next peak stands behind all of them.
        let mut unheard = self.orders.count_at(instrument, side, price);
        while at != NIL {
            let (slot, own) = (at, self.orders.get_mut(at));
            at = own.next;
            if own.price == price {
                if unheard == 0 {
                    break;
                }
                unheard -= 1;
                own.estimate.on_trade(qty);
                let reached = own.estimate.reached_lots(lot);
                let own = *own;
                let filled = self.share(&own, reached.min(budget));
                if reached > 0 && filled > 0 {
                    budget = self.spend(budget, filled);
                    self.fill_resting(slot, own.price(), filled, market, out);
                }
            } else if side.is_better(own.price, price) {
                let own = *own;
                let filled = self.share(&own, budget);
                if filled > 0 {
                    budget = self.spend(budget, filled);
                    at = self.fill_resting(slot, own.price(), filled, market, out);
                }
            } else {
                break;
            }
        }
    }

    /// How many lots of an order fill where `reached` could.
    #[inline]
    fn share(&self, own: &Own, reached: i64) -> i64 {
        match self.fills {
            FillRule::Partial => own.available().min(reached),
            FillRule::Whole if reached > 0 => own.leaves(),
            FillRule::Whole => 0,
        }
    }

    /// What is left for the next of ours.
    #[inline]
    fn spend(&self, budget: i64, filled: i64) -> i64 {
        match self.fills {
            FillRule::Partial => budget - filled,
            FillRule::Whole => budget,
        }
    }

    /// The estimate in lots, rounded up; what is unknown is more than any level holds.
    pub(crate) fn ahead_lots(&self, own: &Own) -> i64 {
        let lots = (own.estimate.ahead / self.lots[own.instrument.index()]).ceil();
        #[allow(clippy::cast_possible_truncation, reason = "saturates")]
        {
            lots.max(0.0) as i64
        }
    }

    /// The estimate of an order that comes to rest.
    pub(crate) fn estimate(&self, own: &Own) -> Estimate {
        let lot = self.lots[own.instrument.index()];
        let level = self.books.level(own.instrument, own.side, own.price());
        match level {
            Some(level) => Estimate::at_the_end_of(level.qty as f64 * lot),
            // A feed of quotes tells nothing of the levels beyond the touch: as long a queue as there can be, until the
            // touch comes there.
            None if !self.books.has_depth(own.instrument) => {
                let best = self.books.best(own.instrument, own.side);
                let is_beyond = best.is_some_and(|best| own.side.is_better(best.price.0, own.price));
                Estimate::at_the_end_of(if is_beyond { f64::INFINITY } else { 0.0 })
            }
            None => Estimate::at_the_end_of(0.0),
        }
    }
}
