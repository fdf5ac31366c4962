//! The plain oracle: the same books from ordered maps and vectors, written to be obviously right.
//!
//! Every answer is computed from scratch. It serves as the reference of the model test and as the yardstick of
//! the bench; nothing else uses it.

use std::collections::BTreeMap;

use tickrace_types::{Flags, InstrumentId, Kind, MarketRecord, Phase, Price, Record, Side, TopOfBook};

use crate::{Change, Counters, Level, Outcome, PhaseTracker, Queued, Resting};

/// Books of all instruments, plainly.
#[derive(Clone, Debug)]
pub struct NaiveBooks {
    books: Vec<NaiveBook>,
    orders: BTreeMap<u64, Resting>,
    arrivals: u64,
    phases: PhaseTracker,
    counters: Counters,
}

#[derive(Clone, Debug, Default)]
struct NaiveBook {
    sides: [BTreeMap<i64, Vec<Queued>>; 2],
    top: TopOfBook,
}

impl NaiveBooks {
    /// Empty books of `instruments` instruments; the capacity is of no interest here.
    pub fn new(instruments: usize, _orders_capacity: usize) -> Self {
        let mut books = vec![NaiveBook::default(); instruments];
        for (book, index) in books.iter_mut().zip(0u32..) {
            book.top.instrument = index;
        }
        Self {
            books,
            orders: BTreeMap::new(),
            arrivals: 0,
            phases: PhaseTracker::new(instruments),
            counters: Counters::default(),
        }
    }

    /// Applies one record of any kind.
    pub fn apply(&mut self, record: &Record) -> Change {
        let market = record.as_market();
        match Kind::from_code(record.header.kind) {
            Some(Kind::Add) => self.add(market),
            Some(Kind::Execute) => self.execute(market),
            Some(Kind::Cancel) => self.cancel(market),
            Some(Kind::Delete) => self.delete(market),
            Some(Kind::Replace) => self.replace(market),
            Some(Kind::Trade) => self.print(market, u64::from(market.qty)),
            Some(Kind::Cross) => self.print(market, market.order_ref),
            Some(Kind::Status) => self.status(market),
            Some(Kind::Gap) => self.gap(market),
            Some(Kind::Clear) => self.clear(market),
            _ => Change::only(Outcome::Ignored),
        }
    }

    fn add(&mut self, record: &MarketRecord) -> Change {
        let instrument = InstrumentId(record.header.instrument);
        if instrument == InstrumentId::NONE {
            return Change::only(Outcome::Ignored);
        }
        if instrument.index() >= self.books.len() || record.side > 1 || record.qty == 0 {
            return self.invalid();
        }
        if self.orders.contains_key(&record.order_ref) {
            self.counters.duplicate_refs += 1;
            return Change::only(Outcome::Duplicate);
        }
        let arrival = self.insert(instrument, record.side(), record.order_ref, record.price, record.qty);
        let top_changed = self.touch(instrument, record);
        Change { top_changed, arrival, ..Change::only(Outcome::Added) }
    }

    fn execute(&mut self, record: &MarketRecord) -> Change {
        let before = match self.resting(record, record.order_ref) {
            Ok(before) => before,
            Err(change) => return change,
        };
        if record.qty == 0 {
            return self.invalid();
        }
        self.count_mismatch(record, &before);
        self.counters.over_executions += u64::from(record.qty > before.qty);
        let removed = record.qty.min(before.qty);
        self.reduce(record.order_ref, removed);
        if record.header.flags & Flags::NOT_PRINTABLE == 0 {
            let own = record.code & MarketRecord::WITH_PRICE == 0;
            let top = &mut self.books[before.instrument.index()].top;
            top.last_px = if own { before.price.0 } else { record.price };
            top.last_qty = record.qty;
        }
        let top_changed = self.touch(before.instrument, record);
        Change { outcome: Outcome::Executed, top_changed, before, removed, arrival: 0 }
    }

    fn cancel(&mut self, record: &MarketRecord) -> Change {
        let before = match self.resting(record, record.order_ref) {
            Ok(before) => before,
            Err(change) => return change,
        };
        if record.qty == 0 {
            return self.invalid();
        }
        self.count_mismatch(record, &before);
        self.counters.over_cancels += u64::from(record.qty > before.qty);
        let removed = record.qty.min(before.qty);
        self.reduce(record.order_ref, removed);
        let top_changed = self.touch(before.instrument, record);
        Change { outcome: Outcome::Reduced, top_changed, before, removed, arrival: 0 }
    }

    fn delete(&mut self, record: &MarketRecord) -> Change {
        let before = match self.resting(record, record.order_ref) {
            Ok(before) => before,
            Err(change) => return change,
        };
        self.count_mismatch(record, &before);
        self.reduce(record.order_ref, before.qty);
        let top_changed = self.touch(before.instrument, record);
        Change { outcome: Outcome::Deleted, top_changed, before, removed: before.qty, arrival: 0 }
    }

    fn replace(&mut self, record: &MarketRecord) -> Change {
        let before = match self.resting(record, record.order_ref) {
            Ok(before) => before,
            Err(change) => return change,
        };
        if record.qty == 0 {
            return self.invalid();
        }
        if record.other_ref != record.order_ref && self.orders.contains_key(&record.other_ref) {
            self.counters.duplicate_refs += 1;
            return Change::only(Outcome::Duplicate);
        }
        self.count_mismatch(record, &before);
        self.reduce(record.order_ref, before.qty);
        let arrival = self.insert(before.instrument, before.side, record.other_ref, record.price, record.qty);
        let top_changed = self.touch(before.instrument, record);
        Change { outcome: Outcome::Replaced, top_changed, before, removed: before.qty, arrival }
    }

    fn print(&mut self, record: &MarketRecord, lots: u64) -> Change {
        let instrument = InstrumentId(record.header.instrument);
        if instrument == InstrumentId::NONE || lots == 0 {
            return Change::only(Outcome::Ignored);
        }
        let Some(book) = self.books.get_mut(instrument.index()) else {
            return self.invalid();
        };
        if record.header.flags & Flags::NOT_PRINTABLE == 0 {
            book.top.last_px = record.price;
            book.top.last_qty = u32::try_from(lots).unwrap_or(u32::MAX);
        }
        self.touch(instrument, record);
        Change::only(Outcome::Traded)
    }

    fn status(&mut self, record: &MarketRecord) -> Change {
        let (instrument, phase) = (InstrumentId(record.header.instrument), Phase::from_code(record.code));
        if instrument == InstrumentId::NONE {
            self.phases.on_venue(phase);
        } else {
            self.phases.on_instrument(instrument, phase);
        }
        self.for_each_named(record, Outcome::StatusChanged, |_, _| ())
    }

    fn gap(&mut self, record: &MarketRecord) -> Change {
        self.counters.gaps += 1;
        self.for_each_named(record, Outcome::StatusChanged, |books, index| books.books[index].top.stale = 1)
    }

    fn clear(&mut self, record: &MarketRecord) -> Change {
        if record.side <= 1 && record.code & MarketRecord::WITH_PRICE != 0 {
            // Of levels, which this oracle has none of.
            return Change::only(Outcome::Ignored);
        }
        self.counters.clears += 1;
        self.for_each_named(record, Outcome::Cleared, |books, index| {
            let instrument = books.books[index].top.instrument;
            books.orders.retain(|_, order| order.instrument.0 != instrument);
            books.books[index].sides = Default::default();
            books.books[index].top.stale = 0;
        })
    }

    /// Does `act` to the book the record names, or to all where it names none.
    fn for_each_named(
        &mut self,
        record: &MarketRecord,
        outcome: Outcome,
        act: fn(&mut Self, usize),
    ) -> Change {
        let instrument = InstrumentId(record.header.instrument);
        let named = match instrument {
            InstrumentId::NONE => 0..self.books.len(),
            _ if instrument.index() < self.books.len() => instrument.index()..instrument.index() + 1,
            _ => return self.invalid(),
        };
        let mut top_changed = false;
        for index in named {
            let stale_before = self.books[index].top.stale;
            act(self, index);
            let stale_changed = self.books[index].top.stale != stale_before;
            top_changed |= self.touch(InstrumentId(self.books[index].top.instrument), record) | stale_changed;
        }
        Change { top_changed, ..Change::only(outcome) }
    }

    fn resting(&mut self, record: &MarketRecord, order_ref: u64) -> Result<Resting, Change> {
        if let Some(resting) = self.orders.get(&order_ref) {
            return Ok(*resting);
        }
        if record.header.instrument == InstrumentId::NONE.0 {
            return Err(Change::only(Outcome::Ignored));
        }
        self.counters.unknown_refs += 1;
        Err(Change::only(Outcome::UnknownRef))
    }

    fn count_mismatch(&mut self, record: &MarketRecord, resting: &Resting) {
        let named = InstrumentId(record.header.instrument);
        let differs = named != InstrumentId::NONE && named != resting.instrument;
        self.counters.instrument_mismatches += u64::from(differs);
    }

    fn invalid(&mut self) -> Change {
        self.counters.invalid += 1;
        Change::only(Outcome::Invalid)
    }

    fn insert(&mut self, instrument: InstrumentId, side: Side, order_ref: u64, price: i64, qty: u32) -> u64 {
        self.arrivals += 1;
        let arrival = self.arrivals;
        let queue = self.books[instrument.index()].sides[side.index()].entry(price).or_default();
        queue.push(Queued { order_ref, qty, arrival });
        self.orders.insert(order_ref, Resting { instrument, side, price: Price(price), qty, arrival });
        arrival
    }

    /// Takes `lots` off a resting order; at nothing left the order goes, and its level with the last order.
    fn reduce(&mut self, order_ref: u64, lots: u32) {
        let Some(order) = self.orders.get_mut(&order_ref) else { return };
        order.qty -= lots;
        let order = *order;
        let levels = &mut self.books[order.instrument.index()].sides[order.side.index()];
        let Some(queue) = levels.get_mut(&order.price.0) else { return };
        for queued in queue.iter_mut().filter(|queued| queued.order_ref == order_ref) {
            queued.qty = order.qty;
        }
        if order.qty == 0 {
            queue.retain(|queued| queued.order_ref != order_ref);
            self.orders.remove(&order_ref);
        }
        if queue.is_empty() {
            levels.remove(&order.price.0);
        }
    }

    /// Brings the touch, phase and times of one instrument up to date; whether touch or phase changed.
    fn touch(&mut self, instrument: InstrumentId, record: &MarketRecord) -> bool {
        let (bid, ask) = (self.best(instrument, Side::Bid), self.best(instrument, Side::Ask));
        let phase = self.phases.phase(instrument);
        let top = &mut self.books[instrument.index()].top;
        let old = *top;
        let lots =
            |level: Option<Level>| level.map_or(0, |level| u32::try_from(level.qty).unwrap_or(u32::MAX));
        let orders =
            |level: Option<Level>| level.map_or(0, |level| u16::try_from(level.orders).unwrap_or(u16::MAX));
        top.bid_px = bid.map_or(0, |level| level.price.0);
        top.ask_px = ask.map_or(0, |level| level.price.0);
        (top.bid_qty, top.ask_qty) = (lots(bid), lots(ask));
        (top.bid_orders, top.ask_orders) = (orders(bid), orders(ask));
        top.phase = phase as u8;
        top.ts_venue_ns = old.ts_venue_ns;
        let changed = *top != old;
        top.ts_venue_ns = record.header.ts_venue_ns;
        top.ts_recv_ns = record.header.ts_recv_ns;
        changed
    }

    /// The touch, last trade, phase and staleness of an instrument; of one out of range, an empty one.
    pub fn top(&self, instrument: InstrumentId) -> &TopOfBook {
        self.books.get(instrument.index()).map_or(&crate::change::NO_TOP, |book| &book.top)
    }

    /// The best level of a side.
    pub fn best(&self, instrument: InstrumentId, side: Side) -> Option<Level> {
        self.levels(instrument, side).next()
    }

    /// Levels of a side, best first.
    pub fn levels(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = Level> + '_ {
        let ascending = self.books.get(instrument.index()).into_iter().flat_map(move |book| {
            let mut prices: Vec<i64> = book.sides[side.index()].keys().copied().collect();
            if side == Side::Bid {
                prices.reverse();
            }
            prices
        });
        ascending.filter_map(move |price| self.level(instrument, side, Price(price)))
    }

    /// The level at a price.
    pub fn level(&self, instrument: InstrumentId, side: Side, price: Price) -> Option<Level> {
        let queue = self.books.get(instrument.index())?.sides[side.index()].get(&price.0)?;
        let qty = queue.iter().map(|queued| u64::from(queued.qty)).sum();
        Some(Level { price, qty, orders: u32::try_from(queue.len()).unwrap_or(u32::MAX) })
    }

    /// Orders at a price, oldest first.
    pub fn queue(
        &self,
        instrument: InstrumentId,
        side: Side,
        price: Price,
    ) -> impl Iterator<Item = Queued> + '_ {
        let book = self.books.get(instrument.index());
        book.and_then(|book| book.sides[side.index()].get(&price.0)).into_iter().flatten().copied()
    }

    /// A resting order by its number.
    pub fn order(&self, order_ref: u64) -> Option<Resting> {
        self.orders.get(&order_ref).copied()
    }

    /// Number of instruments.
    pub fn instruments(&self) -> usize {
        self.books.len()
    }

    /// Number of resting orders.
    pub fn live_orders(&self) -> usize {
        self.orders.len()
    }

    /// What an orderly feed does not contain.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Times a pool grew beyond the capacity taken at start; maps are not counted.
    pub fn growths(&self) -> u64 {
        0
    }

    /// Nothing to fetch ahead here.
    pub fn prefetch(&self, _order_ref: u64) {}
}
