//! Books of all instruments in one structure: order by order, by level ([`crate::levels`]), or of quotes alone.
//!
//! One pool of orders, one table from order number to order ([`crate::index`]), and for each instrument its touch and
//! two sorted arrays of levels ([`crate::ladder`]). An order knows its price, its book and its neighbours in the queue;
//! a level holds its sums and both ends of its queue. So an execution or a delete touches the table, the order, the
//! touch and the rung of its level, and neighbours only where there are any.
//!
//! Rules for feeds that are not orderly (each counted in [`Counters`], none a panic):
//! - an execution or reduction of more than rests removes the order;
//! - an add or replace to the number of a resting order changes nothing: the order that rests stays;
//! - a record that names another instrument than its order's own acts on the order's own; one that names none
//!   (some feeds do not say) acts on it too, and is ignored where the order is not ours;
//! - no lots, no side, no such instrument: nothing changes.
//!
//! Stale (after a gap, until a clear) means that something is missing; what comes is applied nevertheless, since
//! most of it is right and a reader decides by [`TopOfBook::stale`].
//!
//! Why it is built so (bench `book`, a real day of two symbols multiplied to 128): four adds in five open a level and
//! four deletes in five close one, three in five of them at the touch and nearly all within sixteen rungs of it;
//! so orders come from a pool freed last in first out, and the search and the moves of a ladder are short
//! loops from its end (moving eight rungs by memmove cost a call each). With the decoder's part a message takes 370
//! instructions. What costs is the table's line: seven adds in eight miss a second-level cache of 512 KiB there, and
//! nowhere else as often. It is known as soon as the record is: looking ahead ([`Books::apply_all`], or
//! [`Books::hint`] a few records before [`Books::apply`]) halves the time where caches are small for the books (figures
//! in bench/RESULTS.md), for 60 instructions more.
//!
//! Invariants, checked by the model test against [`crate::naive`]: a level holds at least one order and its lots
//! are the sum of theirs; the touch equals the last rung of each ladder; memory follows the orders that rest.

use tickrace_types::prefetch::prefetch_item;
use tickrace_types::{
    Flags, InstrumentId, InstrumentTable, Kind, MarketRecord, Phase, Price, QuoteRecord, Record, Side,
    TopOfBook,
};

use crate::change::NO_TOP;
use crate::index::{Found, RefIndex, tag};
use crate::ladder::{Ladder, Rung, key};
use crate::levels::{Beside, Grid, LevelBook, LevelChange};
use crate::pool::{NIL, POOL_MAX, Pool};
use crate::{Change, Counters, Level, Outcome, PhaseTracker, Queued, Resting};

/// The most orders that can rest at once; an add beyond is [`Outcome::Invalid`].
pub const ORDERS_MAX: usize = POOL_MAX;

/// Rungs each side has room for from the start: its share of the orders, within these bounds. The memory is touched
/// only where a book is that deep.
const RUNGS_MIN: usize = 64;
const RUNGS_MAX: usize = 4096;

/// Records that [`Books::apply_all`] looks ahead by at a time: twice that for the table's line, once for the order.
const GROUP: usize = 8;

/// Instruments whose books stay in a second-level cache by themselves: up to here they need no hint.
const NARROW: usize = 512;

const ADD: u8 = Kind::Add as u8;
const EXECUTE: u8 = Kind::Execute as u8;
const CANCEL: u8 = Kind::Cancel as u8;
const DELETE: u8 = Kind::Delete as u8;
const REPLACE: u8 = Kind::Replace as u8;
const LEVEL: u8 = Kind::Level as u8;

/// Books of all instruments.
#[derive(Clone, Debug)]
pub struct Books {
    index: RefIndex,
    orders: Pool<OrderNode>,
    books: Vec<Book>,
    arrivals: u64,
    counters: Counters,
    phases: PhaseTracker,
    /// Books of the instruments whose feed states levels, made at their first.
    levels: Vec<Option<Box<LevelBook>>>,
    /// Grid of prices of each instrument, nano-units.
    ticks: Vec<i64>,
}

/// What one instrument needs at hand: the touch on a line of its own, the ladders on the next.
#[derive(Clone, Debug)]
#[repr(C, align(128))]
struct Book {
    top: TopOfBook,
    ladders: [Ladder; 2],
}

/// A resting order, in the queue of its level: one cache line holds all that its end needs.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
struct OrderNode {
    order_ref: u64,
    arrival: u64,
    price: i64,
    qty: u32,
    /// Instrument times two plus side.
    owner: u32,
    prev: u32,
    next: u32,
    /// Where its level was in its ladder when it came to rest: there or near it still, most of the time.
    rung: u32,
}
const _: () = assert!(size_of::<OrderNode>() == 64);

/// Instruments fit so that [`OrderNode::owner`] does.
const INSTRUMENTS_MAX: usize = (u32::MAX / 2) as usize;

/// Records that will be applied soon, and the tags of their orders.
#[derive(Clone, Copy, Default)]
struct Group<'a> {
    records: &'a [Record],
    tags: [u32; GROUP],
}

impl<'a> Group<'a> {
    /// Takes the records on and fetches the lines of the table and the books.
    #[inline(always)]
    fn begin(&mut self, books: &Books, records: &'a [Record]) {
        self.records = records;
        for (record, slot) in records.iter().zip(&mut self.tags) {
            *slot = tag(record.as_market().order_ref);
            books.index.prefetch(*slot);
        }
        if books.is_wide() {
            for record in records {
                books.hint_book(record);
                if record.header.kind == REPLACE {
                    books.index.prefetch(tag(record.as_market().other_ref));
                }
            }
        }
    }

    /// Fetches the orders.
    #[inline(always)]
    fn fetch_orders(&self, books: &Books) {
        for (_, tag) in self.records.iter().zip(self.tags) {
            books.orders.prefetch(books.index.likely(tag));
        }
    }

    /// Fetches the rungs next to the touch, of the side that the record or its order tells.
    #[inline(always)]
    fn fetch_rungs(&self, books: &Books) {
        for (record, tag) in self.records.iter().zip(self.tags) {
            if let Some(book) = books.books.get(InstrumentId(record.header.instrument).index()) {
                let resting = books.orders[books.index.likely(tag)].side();
                let side = if record.header.kind == ADD { record.as_market().side() } else { resting };
                book.ladders[side.index()].prefetch();
            }
        }
    }
}

impl OrderNode {
    #[inline]
    fn instrument(&self) -> InstrumentId {
        InstrumentId(self.owner >> 1)
    }

    #[inline]
    fn side(&self) -> Side {
        if self.owner & 1 == 0 { Side::Bid } else { Side::Ask }
    }

    #[inline]
    fn resting(&self) -> Resting {
        Resting {
            instrument: self.instrument(),
            side: self.side(),
            price: Price(self.price),
            qty: self.qty,
            arrival: self.arrival,
        }
    }
}

impl Books {
    /// Empty books of `instruments` instruments, with room for `orders_capacity` resting orders; more are taken in
    /// at the cost of an allocation, which [`Books::growths`] counts.
    pub fn new(instruments: usize, orders_capacity: usize) -> Self {
        assert!(instruments <= INSTRUMENTS_MAX, "at most {INSTRUMENTS_MAX} instruments, got {instruments}");
        let rungs = (orders_capacity / (2 * instruments.max(1))).clamp(RUNGS_MIN, RUNGS_MAX);
        let book = |instrument: u32| Book {
            top: TopOfBook { instrument, ..TopOfBook::default() },
            ladders: [Ladder::new(rungs), Ladder::new(rungs)],
        };
        Self {
            index: RefIndex::new(orders_capacity),
            orders: Pool::new(orders_capacity),
            books: (0u32..).take(instruments).map(book).collect(),
            arrivals: 0,
            counters: Counters::default(),
            phases: PhaseTracker::new(instruments),
            levels: (0..instruments).map(|_| None).collect(),
            ticks: vec![1; instruments],
        }
    }

    /// The same, told the grid of prices of each instrument: instruments fed by levels need it to be fast.
    #[must_use]
    pub fn with_grids(mut self, instruments: &InstrumentTable) -> Self {
        for (tick, instrument) in self.ticks.iter_mut().zip(instruments.as_slice()) {
            *tick = instrument.grid();
        }
        self
    }

    /// Applies one record of any kind; records that do not concern a book are [`Outcome::Ignored`].
    #[inline(always)]
    pub fn apply(&mut self, record: &Record) -> Change {
        self.apply_tagged(record, tag(record.as_market().order_ref))
    }

    #[inline(always)]
    fn apply_tagged(&mut self, record: &Record, tag: u32) -> Change {
        let market = record.as_market();
        match record.header.kind {
            ADD => self.add(market, tag),
            EXECUTE | CANCEL | DELETE => self.take_off(market, tag),
            REPLACE => self.replace(market, tag),
            LEVEL => self.state_level(market),
            _ => self.apply_rare(record),
        }
    }

    /// Applies records one after the other, as [`Books::apply`] does, and hands each change to `each`; being able to
    /// look ahead it fetches what the next records will touch, which hides most cache misses of large books.
    #[inline]
    pub fn apply_all(&mut self, records: &[Record], mut each: impl FnMut(&Self, &Record, &Change)) {
        // Group by group: while one is applied, the rungs of the next are on their way, the orders of the one after
        // it, and the table's lines of the one after that.
        let mut groups = records.chunks(GROUP);
        let mut ahead = [Group::default(); 3];
        for group in &mut ahead {
            group.begin(self, groups.next().unwrap_or_default());
        }
        ahead[1].fetch_orders(self);
        ahead[0].fetch_orders(self);
        while !ahead[0].records.is_empty() {
            let [now, near, mid] = ahead;
            let mut far = Group::default();
            far.begin(self, groups.next().unwrap_or_default());
            mid.fetch_orders(self);
            if self.is_wide() {
                near.fetch_rungs(self);
            }
            for (record, tag) in now.records.iter().zip(now.tags) {
                let change = self.apply_tagged(record, tag);
                each(self, record, &change);
            }
            ahead = [near, mid, far];
        }
    }

    /// Whether the books outgrow a second-level cache.
    #[inline(always)]
    fn is_wide(&self) -> bool {
        self.books.len() > NARROW
    }

    /// Everything but the life of an order.
    #[inline(never)]
    fn apply_rare(&mut self, any: &Record) -> Change {
        let record = any.as_market();
        match Kind::from_code(record.header.kind) {
            Some(Kind::Trade) => self.print(record, u64::from(record.qty)),
            Some(Kind::Print) => self.print(record, record.lots()),
            Some(Kind::Quote) => self.quote(any.as_quote()),
            Some(Kind::Cross) => self.print(record, record.order_ref),
            Some(Kind::Status) => self.status(record),
            Some(Kind::Gap) => self.gap(record),
            Some(Kind::Clear) => self.clear(record),
            _ => Change::only(Outcome::Ignored),
        }
    }

    #[inline(always)]
    fn add(&mut self, record: &MarketRecord, tag: u32) -> Change {
        let instrument = InstrumentId(record.header.instrument);
        if instrument.index() >= self.books.len() || record.side > 1 || record.qty == 0 {
            return self.refuse_add(instrument);
        }
        let Found::Vacant { slot } = self.find(record.order_ref, tag) else {
            return self.duplicate();
        };
        match self.rest(slot, tag, instrument, record.side(), record, record.order_ref) {
            Some(top_changed) => {
                Change { top_changed, arrival: self.arrivals, ..Change::only(Outcome::Added) }
            }
            None => self.invalid(),
        }
    }

    /// Execute, Cancel and Delete: one path, so that the processor meets the same branches for all three.
    #[inline(always)]
    fn take_off(&mut self, record: &MarketRecord, tag: u32) -> Change {
        let Found::At { slot, id } = self.find(record.order_ref, tag) else {
            return self.unknown(record);
        };
        let kind = record.header.kind;
        let lots = if kind == DELETE { u32::MAX } else { record.qty };
        if lots == 0 {
            return self.invalid();
        }
        let mut change = self.reduce(slot, id, lots, record);
        if kind == EXECUTE {
            change.outcome = Outcome::Executed;
            self.counters.over_executions += u64::from(lots > change.before.qty);
            self.last_trade(&change.before, record);
        } else if kind == CANCEL {
            change.outcome = Outcome::Reduced;
            self.counters.over_cancels += u64::from(lots > change.before.qty);
        }
        change
    }

    #[inline(always)]
    fn last_trade(&mut self, before: &Resting, record: &MarketRecord) {
        if record.header.flags & Flags::NOT_PRINTABLE == 0 {
            let own_price = record.code & MarketRecord::WITH_PRICE == 0;
            let top = &mut self.books[before.instrument.index()].top;
            top.last_px = if own_price { before.price.0 } else { record.price };
            top.last_qty = record.qty;
        }
    }

    #[inline(never)]
    fn replace(&mut self, record: &MarketRecord, tag_before: u32) -> Change {
        let Found::At { slot, id } = self.find(record.order_ref, tag_before) else {
            return self.unknown(record);
        };
        if record.qty == 0 {
            return self.invalid();
        }
        let tag = tag(record.other_ref);
        let same = record.other_ref == record.order_ref;
        if !same && matches!(self.find(record.other_ref, tag), Found::At { .. }) {
            return self.duplicate();
        }
        let instrument = self.orders[id].instrument();
        let touch_before = touch(&self.books[instrument.index()].top);
        let mut change = self.reduce(slot, id, u32::MAX, record);
        // Looked for again: the removal may have moved slots of this line.
        if let Found::Vacant { slot } = self.find(record.other_ref, tag) {
            self.rest(slot, tag, instrument, change.before.side, record, record.other_ref);
        }
        change.outcome = Outcome::Replaced;
        change.arrival = self.arrivals;
        change.top_changed = touch(&self.books[instrument.index()].top) != touch_before;
        change
    }

    /// A print that touches no displayed order.
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
        self.stamp(instrument, record);
        Change::only(Outcome::Traded)
    }

    fn state_level(&mut self, record: &MarketRecord) -> Change {
        match self.apply_level(record) {
            Some(change) => Change { top_changed: change.top_changed, ..Change::only(Outcome::Stated) },
            None if record.header.instrument == InstrumentId::NONE.0 => Change::only(Outcome::Ignored),
            None => Change::only(Outcome::Invalid),
        }
    }

    /// Applies a [`Kind::Level`] record and tells what it changed; `None` where it fits no book: no such instrument or
    /// side, a price off the grid, an instrument that has orders.
    #[inline]
    pub fn apply_level(&mut self, record: &MarketRecord) -> Option<LevelChange> {
        self.apply_level_at(record, record.header.ts_recv_ns)
    }

    /// The same, received at another time than the record says.
    #[inline]
    pub fn apply_level_at(&mut self, record: &MarketRecord, ts_recv_ns: i64) -> Option<LevelChange> {
        let instrument = InstrumentId(record.header.instrument);
        let side = record.side();
        let Some(Some(levels)) = self.levels.get_mut(instrument.index()) else {
            return self.first_level(record, ts_recv_ns);
        };
        let Some(ticks) = levels.grid.ticks(record.price).filter(|_| record.side <= 1) else {
            self.counters.misfits += 1;
            return None;
        };
        let orders = u32::try_from(record.other_ref).unwrap_or(u32::MAX);
        // Before the level is set: who copies the top next would wait for stores just made.
        let top = &mut self.books[instrument.index()].top;
        top.ts_venue_ns = record.header.ts_venue_ns;
        top.ts_recv_ns = ts_recv_ns;
        let change = levels.set(side, ticks, record.order_ref, orders);
        if change.top_changed {
            show_levels(top, levels);
        }
        Some(change)
    }

    /// Applies levels of one event, all received at `ts_recv_ns`, in place, up to the first of another instrument than the
    /// first one's; how many. The same as [`Books::apply_level_at`] for each, faster.
    #[inline]
    pub fn apply_levels(&mut self, records: &[Record], ts_recv_ns: i64) -> usize {
        self.apply_levels_beside(records, ts_recv_ns, &Beside::NOTHING)
    }

    /// The same up to the first level that `beside` tells to stop at, which may be the first.
    #[inline]
    pub fn apply_levels_beside(&mut self, records: &[Record], ts_recv_ns: i64, beside: &Beside) -> usize {
        let Some(first) = records.first() else { return 0 };
        let index = InstrumentId(first.header.instrument).index();
        let Some(Some(levels)) = self.levels.get_mut(index) else {
            if beside.is_nothing() {
                self.apply_level_at(first.as_market(), ts_recv_ns);
                return 1;
            }
            return 0;
        };
        let run = levels.set_run(records, beside);
        self.counters.misfits += run.misfits;
        if let Some(last) = records[..run.taken].last() {
            let top = &mut self.books[index].top;
            (top.ts_venue_ns, top.ts_recv_ns) = (last.header.ts_venue_ns, ts_recv_ns);
            if run.top_changed {
                show_levels(top, levels);
            }
        }
        run.taken
    }

    /// The first level of an instrument: from here on its book is one of levels.
    #[cold]
    fn first_level(&mut self, record: &MarketRecord, ts_recv_ns: i64) -> Option<LevelChange> {
        let index = InstrumentId(record.header.instrument).index();
        let has_orders = self.books.get(index)?.ladders.iter().any(|ladder| ladder.len() > 0);
        if has_orders {
            self.counters.misfits += 1;
            return None;
        }
        self.levels[index] = Some(Box::new(LevelBook::new(Grid::new(self.ticks[index]))));
        self.apply_level_at(record, ts_recv_ns)
    }

    /// Best bid and ask of a feed that states nothing else; of an instrument with a deeper book it is ignored.
    fn quote(&mut self, quote: &QuoteRecord) -> Change {
        let instrument = InstrumentId(quote.header.instrument);
        let Some(book) = self.books.get_mut(instrument.index()) else {
            return if instrument == InstrumentId::NONE {
                Change::only(Outcome::Ignored)
            } else {
                self.invalid()
            };
        };
        if self.levels[instrument.index()].is_some() || book.ladders.iter().any(|ladder| ladder.len() > 0) {
            self.counters.quotes_beside_depth += 1;
            return Change::only(Outcome::Ignored);
        }
        let top = &mut book.top;
        let bid = show(top, Side::Bid, quote.bid_px, u64::from(quote.bid_qty), u32::from(quote.bid_orders));
        let ask = show(top, Side::Ask, quote.ask_px, u64::from(quote.ask_qty), u32::from(quote.ask_orders));
        (top.ts_venue_ns, top.ts_recv_ns) = (quote.header.ts_venue_ns, quote.header.ts_recv_ns);
        Change { top_changed: bid || ask, ..Change::only(Outcome::Stated) }
    }

    #[cold]
    fn status(&mut self, record: &MarketRecord) -> Change {
        let (instrument, phase) = (InstrumentId(record.header.instrument), Phase::from_code(record.code));
        if instrument == InstrumentId::NONE {
            self.phases.on_venue(phase);
        } else {
            self.phases.on_instrument(instrument, phase);
        }
        self.for_each_named(record, Outcome::StatusChanged, |books, instrument| {
            let phase = books.phases.phase(instrument) as u8;
            std::mem::replace(&mut books.books[instrument.index()].top.phase, phase) != phase
        })
    }

    #[cold]
    fn gap(&mut self, record: &MarketRecord) -> Change {
        self.counters.gaps += 1;
        self.for_each_named(record, Outcome::StatusChanged, |books, instrument| {
            std::mem::replace(&mut books.books[instrument.index()].top.stale, 1) != 1
        })
    }

    #[cold]
    fn clear(&mut self, record: &MarketRecord) -> Change {
        if record.side <= 1 && record.code & MarketRecord::WITH_PRICE != 0 {
            return self.clear_side(record);
        }
        self.counters.clears += 1;
        self.for_each_named(record, Outcome::Cleared, |books, instrument| {
            if let Some(levels) = &mut books.levels[instrument.index()] {
                Side::BOTH.into_iter().for_each(|side| levels.clear(side, None));
            }
            Side::BOTH.into_iter().for_each(|side| books.empty(instrument, side));
            let top = &mut books.books[instrument.index()].top;
            let before = (touch(top), top.stale);
            (top.bid_px, top.bid_qty, top.bid_orders) = (0, 0, 0);
            (top.ask_px, top.ask_qty, top.ask_orders) = (0, 0, 0);
            top.stale = 0;
            before != (touch(top), top.stale)
        })
    }

    /// The levels of one side from its touch up to the record's price are gone.
    #[cold]
    fn clear_side(&mut self, record: &MarketRecord) -> Change {
        let instrument = InstrumentId(record.header.instrument);
        let Some(Some(levels)) = self.levels.get_mut(instrument.index()) else {
            return Change::only(Outcome::Ignored);
        };
        // The ends of the range stand for all of the side.
        let is_all = record.price.unsigned_abs() >= i64::MAX.unsigned_abs();
        let ticks = levels.grid.ticks(record.price);
        if ticks.is_none() && !is_all {
            self.counters.misfits += 1;
            return Change::only(Outcome::Invalid);
        }
        levels.clear(record.side(), ticks.filter(|_| !is_all));
        let top = &mut self.books[instrument.index()].top;
        let before = touch(top);
        show_levels(top, levels);
        let top_changed = touch(top) != before;
        self.stamp(instrument, record);
        Change { top_changed, ..Change::only(Outcome::Cleared) }
    }

    /// Does `act`, which tells whether the top changed, to the book the record names, or to all where it names none.
    fn for_each_named(
        &mut self,
        record: &MarketRecord,
        outcome: Outcome,
        act: fn(&mut Self, InstrumentId) -> bool,
    ) -> Change {
        let instrument = InstrumentId(record.header.instrument);
        let named = match instrument {
            InstrumentId::NONE => 0..self.books.len(),
            _ if instrument.index() < self.books.len() => instrument.index()..instrument.index() + 1,
            _ => return self.invalid(),
        };
        let mut top_changed = false;
        for index in named {
            let instrument = InstrumentId(self.books[index].top.instrument);
            top_changed |= act(self, instrument);
            self.stamp(instrument, record);
        }
        Change { top_changed, ..Change::only(outcome) }
    }

    #[inline(always)]
    fn find(&self, order_ref: u64, tag: u32) -> Found {
        self.index.find(tag, |id| self.orders[id].order_ref == order_ref)
    }

    /// Rests a new order at the end of its queue; whether the touch changed, or `None` at [`ORDERS_MAX`].
    #[inline(always)]
    fn rest(
        &mut self,
        slot: usize,
        tag: u32,
        at: InstrumentId,
        side: Side,
        record: &MarketRecord,
        order_ref: u64,
    ) -> Option<bool> {
        let (price, qty) = (record.price, record.qty);
        let id = self.orders.take()?;
        self.arrivals += 1;
        let book = &mut self.books[at.index()];
        book.top.ts_venue_ns = record.header.ts_venue_ns;
        let ladder = &mut book.ladders[side.index()];
        let key = key(side, price);
        let (prev, shown);
        let found = ladder.find(key);
        let (Ok(rung) | Err(rung)) = found;
        match found {
            Ok(index) => {
                let is_best = index + 1 == ladder.len();
                let level = ladder.level_at(index);
                prev = level.tail;
                level.tail = id;
                level.qty += u64::from(qty);
                level.orders += 1;
                shown = is_best.then_some((level.qty, level.orders));
                self.orders[prev].next = id;
            }
            Err(index) => {
                shown = (index == ladder.len()).then_some((u64::from(qty), 1));
                prev = NIL;
                ladder.insert(index, Rung { key, qty: u64::from(qty), head: id, tail: id, orders: 1 });
            }
        }
        let owner = (at.0 << 1) | side as u32;
        #[allow(clippy::cast_possible_truncation, reason = "a hint: any number will do")]
        let rung = rung as u32;
        self.orders[id] =
            OrderNode { order_ref, arrival: self.arrivals, price, qty, owner, prev, next: NIL, rung };
        self.index.insert(slot, tag, id);
        let is_shown = shown.is_some_and(|(qty, orders)| show(&mut book.top, side, price, qty, orders));
        // Apart from its twin above: copied together as one word of sixteen bytes, they would wait for the two
        // stores that a decoder has just made.
        book.top.ts_recv_ns = record.header.ts_recv_ns;
        Some(is_shown)
    }

    /// Takes up to `lots` off the order `id`; at nothing left it goes, and its level with the last order.
    #[inline(always)]
    fn reduce(&mut self, slot: usize, id: u32, lots: u32, record: &MarketRecord) -> Change {
        let order = &mut self.orders[id];
        let removed = lots.min(order.qty);
        let mut change = Change {
            outcome: Outcome::Deleted,
            top_changed: false,
            before: order.resting(),
            removed,
            arrival: 0,
        };
        order.qty -= removed;
        let (side, key, is_gone) = (order.side(), key(order.side(), order.price), order.qty == 0);
        let (prev, next, rung) = (order.prev, order.next, order.rung as usize);
        let instrument = order.instrument();
        let named = record.header.instrument;
        if named != instrument.0 && named != InstrumentId::NONE.0 {
            self.counters.instrument_mismatches += 1;
        }
        let book = &mut self.books[instrument.index()];
        book.top.ts_venue_ns = record.header.ts_venue_ns;
        let ladder = &mut book.ladders[side.index()];
        let Ok(index) = ladder.find_from(rung, key) else {
            unreachable!("an order's level is in its ladder")
        };
        let is_best = index + 1 == ladder.len();
        let level = ladder.level_at(index);
        level.qty -= u64::from(removed);
        let mut shown = (change.before.price.0, level.qty, level.orders);
        if is_gone {
            if level.orders == 1 {
                ladder.remove(index);
                if is_best {
                    shown =
                        ladder.best().map_or((0, 0, 0), |next| (price_of(side, next), next.qty, next.orders));
                }
            } else {
                level.orders -= 1;
                shown.2 -= 1;
                level.head = if prev == NIL { next } else { level.head };
                level.tail = if next == NIL { prev } else { level.tail };
                // Number 0 absorbs the write where there is no neighbour.
                self.orders[prev].next = next;
                self.orders[next].prev = prev;
            }
            self.orders.give_back(id);
            self.index.remove(slot);
        }
        change.top_changed = is_best && show(&mut book.top, side, shown.0, shown.1, shown.2);
        // Apart from its twin; see `rest`.
        book.top.ts_recv_ns = record.header.ts_recv_ns;
        change
    }

    /// Drops every order of one side; its touch is the caller's to reset.
    fn empty(&mut self, instrument: InstrumentId, side: Side) {
        while let Some(rung) = self.books[instrument.index()].ladders[side.index()].pop() {
            let mut id = rung.head;
            while id != NIL {
                let order = self.orders[id];
                if let Found::At { slot, .. } = self.find(order.order_ref, tag(order.order_ref)) {
                    self.index.remove(slot);
                }
                self.orders.give_back(id);
                id = order.next;
            }
        }
    }

    #[inline]
    fn stamp(&mut self, instrument: InstrumentId, record: &MarketRecord) {
        let top = &mut self.books[instrument.index()].top;
        top.ts_venue_ns = record.header.ts_venue_ns;
        top.ts_recv_ns = record.header.ts_recv_ns;
    }

    #[cold]
    fn refuse_add(&mut self, instrument: InstrumentId) -> Change {
        if instrument == InstrumentId::NONE { Change::only(Outcome::Ignored) } else { self.invalid() }
    }

    #[cold]
    fn duplicate(&mut self) -> Change {
        self.counters.duplicate_refs += 1;
        Change::only(Outcome::Duplicate)
    }

    #[cold]
    fn unknown(&mut self, record: &MarketRecord) -> Change {
        if record.header.instrument == InstrumentId::NONE.0 {
            return Change::only(Outcome::Ignored);
        }
        self.counters.unknown_refs += 1;
        Change::only(Outcome::UnknownRef)
    }

    #[cold]
    fn invalid(&mut self) -> Change {
        self.counters.invalid += 1;
        Change::only(Outcome::Invalid)
    }
}

/// Lookups; none of them changes anything.
impl Books {
    /// The touch, last trade, phase and staleness of an instrument; of one out of range, an empty one.
    #[inline]
    pub fn top(&self, instrument: InstrumentId) -> &TopOfBook {
        self.books.get(instrument.index()).map_or(&NO_TOP, |book| &book.top)
    }

    /// The best level of a side.
    #[inline]
    pub fn best(&self, instrument: InstrumentId, side: Side) -> Option<Level> {
        if let Some(levels) = self.level_book(instrument) {
            return levels.best(side).map(|level| stated(levels, level));
        }
        match self.ladder(instrument, side)?.best() {
            Some(rung) => Some(shown(side, rung)),
            None => self.quoted(instrument, side),
        }
    }

    /// Levels of a side, best first.
    pub fn levels(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = Level> + '_ {
        let stated_levels = self
            .level_book(instrument)
            .into_iter()
            .flat_map(move |levels| levels.levels(side).map(move |level| stated(levels, level)));
        let ladder = self.ladder(instrument, side);
        let is_other = self.level_book(instrument).is_none() && ladder.is_none_or(|ladder| ladder.len() == 0);
        let quoted = is_other.then(|| self.quoted(instrument, side)).flatten();
        let rungs = ladder.into_iter().flat_map(Ladder::iter).map(move |rung| shown(side, rung));
        rungs.chain(stated_levels).chain(quoted)
    }

    /// The level at a price.
    #[inline]
    pub fn level(&self, instrument: InstrumentId, side: Side, price: Price) -> Option<Level> {
        if let Some(levels) = self.level_book(instrument) {
            let (qty, orders) = levels.at(side, levels.grid.ticks(price.0)?);
            return (qty > 0).then_some(Level { price, qty, orders });
        }
        match self.ladder(instrument, side)?.level(key(side, price.0)) {
            Some(rung) => Some(shown(side, rung)),
            None => self.quoted(instrument, side).filter(|level| level.price == price),
        }
    }

    /// Whether the instrument's feed states levels.
    #[inline]
    pub fn has_levels(&self, instrument: InstrumentId) -> bool {
        self.level_book(instrument).is_some()
    }

    /// Whether more than the touch is known: levels, or orders.
    #[inline]
    pub fn has_depth(&self, instrument: InstrumentId) -> bool {
        let has_orders = |book: &Book| book.ladders.iter().any(|ladder| ladder.len() > 0);
        self.has_levels(instrument) || self.books.get(instrument.index()).is_some_and(has_orders)
    }

    #[inline]
    fn level_book(&self, instrument: InstrumentId) -> Option<&LevelBook> {
        self.levels.get(instrument.index())?.as_deref()
    }

    /// The touch where a quote feed stated it: a book without orders and levels.
    fn quoted(&self, instrument: InstrumentId, side: Side) -> Option<Level> {
        let top = self.top(instrument);
        let (price, qty, orders) = match side {
            Side::Bid => (top.bid_px, top.bid_qty, top.bid_orders),
            Side::Ask => (top.ask_px, top.ask_qty, top.ask_orders),
        };
        (qty > 0).then_some(Level { price: Price(price), qty: u64::from(qty), orders: u32::from(orders) })
    }

    /// Orders at a price, oldest first.
    pub fn queue(
        &self,
        instrument: InstrumentId,
        side: Side,
        price: Price,
    ) -> impl Iterator<Item = Queued> + '_ {
        let level = self.ladder(instrument, side).and_then(|ladder| ladder.level(key(side, price.0)));
        let mut id = level.map_or(NIL, |level| level.head);
        std::iter::from_fn(move || {
            (id != NIL).then(|| {
                let order = &self.orders[id];
                id = order.next;
                Queued { order_ref: order.order_ref, qty: order.qty, arrival: order.arrival }
            })
        })
    }

    /// A resting order by its number.
    #[inline]
    pub fn order(&self, order_ref: u64) -> Option<Resting> {
        match self.find(order_ref, tag(order_ref)) {
            Found::At { id, .. } => Some(self.orders[id].resting()),
            Found::Vacant { .. } => None,
        }
    }

    /// Number of instruments.
    #[inline]
    pub fn instruments(&self) -> usize {
        self.books.len()
    }

    /// Number of resting orders.
    #[inline]
    pub fn live_orders(&self) -> usize {
        self.index.len()
    }

    /// What an orderly feed does not contain.
    #[inline]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Allocations since construction: a pool, the table or a ladder outgrew its room.
    pub fn growths(&self) -> u64 {
        let ladders = self.books.iter().flat_map(|book| &book.ladders).map(Ladder::growths).sum::<u64>();
        let levels = self.levels.iter().flatten().map(|levels| levels.growths()).sum::<u64>();
        self.orders.growths() + self.index.growths() + ladders + levels
    }

    /// Hints that `record` will be applied soon, best two to eight records on: fetches its line of the table and its
    /// book. It changes no answer, whatever the record holds; one that is never applied costs a few nanoseconds.
    #[inline]
    pub fn hint(&self, record: &Record) {
        if record.header.kind == LEVEL {
            return;
        }
        self.index.prefetch(tag(record.as_market().order_ref));
        if self.is_wide() {
            self.hint_book(record);
        }
    }

    #[inline(always)]
    fn hint_book(&self, record: &Record) {
        if let Some(book) = self.books.get(InstrumentId(record.header.instrument).index()) {
            prefetch_item(&book.top);
            prefetch_item(&book.ladders);
        }
    }

    /// The second hint, one to four records ahead, [`Books::hint`] having been given before: fetches the order. It
    /// pays where many orders rest for long.
    #[inline]
    pub fn hint_order(&self, record: &Record) {
        if record.header.kind == LEVEL {
            return;
        }
        self.orders.prefetch(self.index.likely(tag(record.as_market().order_ref)));
    }

    #[inline]
    fn ladder(&self, instrument: InstrumentId, side: Side) -> Option<&Ladder> {
        self.books.get(instrument.index()).map(|book| &book.ladders[side.index()])
    }
}

#[inline]
fn price_of(side: Side, level: &Rung) -> i64 {
    key(side, level.key)
}

#[inline]
fn shown(side: Side, level: &Rung) -> Level {
    Level { price: Price(price_of(side, level)), qty: level.qty, orders: level.orders }
}

fn stated(levels: &LevelBook, (ticks, qty, orders): (i64, u64, u32)) -> Level {
    Level { price: Price(levels.grid.price(ticks)), qty, orders }
}

/// Writes both touches of a book of levels into its top.
#[inline]
fn show_levels(top: &mut TopOfBook, levels: &LevelBook) {
    for side in Side::BOTH {
        let (ticks, qty, orders) = levels.best(side).unwrap_or_default();
        show(top, side, levels.grid.price(ticks), qty, orders);
    }
}

/// Writes the best level of a side into the top, zeros where there is none; whether anything changed.
#[inline(always)]
fn show(top: &mut TopOfBook, side: Side, price: i64, qty: u64, orders: u32) -> bool {
    let qty = u32::try_from(qty).unwrap_or(u32::MAX);
    let orders = u16::try_from(orders).unwrap_or(u16::MAX);
    let (px_now, qty_now, orders_now) = match side {
        Side::Bid => (&mut top.bid_px, &mut top.bid_qty, &mut top.bid_orders),
        Side::Ask => (&mut top.ask_px, &mut top.ask_qty, &mut top.ask_orders),
    };
    let changed = (*px_now, *qty_now, *orders_now) != (price, qty, orders);
    (*px_now, *qty_now, *orders_now) = (price, qty, orders);
    changed
}

/// What of a top a reader calls the touch.
#[inline]
fn touch(top: &TopOfBook) -> (i64, u32, u16, i64, u32, u16) {
    (top.bid_px, top.bid_qty, top.bid_orders, top.ask_px, top.ask_qty, top.ask_orders)
}

#[cfg(test)]
mod tests;
