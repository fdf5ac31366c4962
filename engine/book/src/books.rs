//! Order-by-order books of all instruments in one structure.
//!
//! One pool of orders, one pool of levels, one table from order number to order ([`crate::index`]), and for each
//! instrument its touch and two sorted price arrays ([`crate::ladder`]). An order knows its level and its neighbours
//! in the queue; a level knows its book. So an execution or a delete touches the table, the order, its neighbours,
//! the level and the touch, and searches prices only when a level ends.
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
//! so levels and orders come from pools freed last in first out, and the search and the moves of a ladder are short
//! loops from its end (moving eight rungs by memmove cost a call each). The whole takes about 11 MB of anonymous
//! memory for 109,376 resting orders. A delete costs about 210 instructions besides the ladder's. Looking ahead
//! ([`Books::apply_all`]) pays where caches are small for the books or not ours alone: on a loaded machine 48 ns a
//! message against 58 with 128 symbols, parsing included, and 116 against 274 with 8,000.
//!
//! Invariants, checked by the model test against [`crate::naive`]: a level holds at least one order and its lots
//! are the sum of theirs; the touch equals the last rung of each ladder; memory follows the orders that rest.

use tickrace_types::prefetch::prefetch_item;
use tickrace_types::{Flags, InstrumentId, Kind, MarketRecord, Phase, Price, Record, Side, TopOfBook};

use crate::change::NO_TOP;
use crate::index::{Found, RefIndex};
use crate::ladder::{Ladder, Rung, key};
use crate::pool::{Linked, NIL, POOL_MAX, Pool};
use crate::{Change, Counters, Level, Outcome, PhaseTracker, Queued, Resting};

/// The most orders that can rest at once; an add beyond is [`Outcome::Invalid`].
pub const ORDERS_MAX: usize = POOL_MAX;

/// Rungs each side has room for from the start: its share of the orders, within these bounds. The memory is touched
/// only where a book is that deep.
const RUNGS_MIN: usize = 64;
const RUNGS_MAX: usize = 4096;

/// Records by which [`Books::apply_all`] looks ahead: first for the table's line, then the order, then its level
/// and neighbours.
const AHEAD: usize = 24;
const AHEAD_ORDER: usize = 14;
const AHEAD_LEVEL: usize = 7;

const ADD: u8 = Kind::Add as u8;
const EXECUTE: u8 = Kind::Execute as u8;
const CANCEL: u8 = Kind::Cancel as u8;
const DELETE: u8 = Kind::Delete as u8;
const REPLACE: u8 = Kind::Replace as u8;

/// Books of all instruments.
#[derive(Clone, Debug)]
pub struct Books {
    index: RefIndex,
    orders: Pool<OrderNode>,
    levels: Pool<LevelNode>,
    books: Vec<Book>,
    arrivals: u64,
    ladder_growths: u64,
    counters: Counters,
    phases: PhaseTracker,
}

/// What one instrument needs at hand: the touch on a line of its own, the ladders on the next.
#[derive(Clone, Debug)]
#[repr(C, align(128))]
struct Book {
    top: TopOfBook,
    ladders: [Ladder; 2],
}

/// A resting order, in the queue of its level: half a cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
struct OrderNode {
    order_ref: u64,
    arrival: u64,
    level: u32,
    prev: u32,
    next: u32,
    qty: u32,
}
const _: () = assert!(size_of::<OrderNode>() == 32);

/// A price with orders: half a cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
struct LevelNode {
    price: i64,
    qty: u64,
    head: u32,
    tail: u32,
    orders: u32,
    /// Instrument times two plus side.
    owner: u32,
}
const _: () = assert!(size_of::<LevelNode>() == 32);

/// Instruments fit so that [`LevelNode::owner`] does.
const INSTRUMENTS_MAX: usize = (u32::MAX / 2) as usize;

impl Linked for OrderNode {
    #[inline]
    fn link(&self) -> u32 {
        self.next
    }
    #[inline]
    fn set_link(&mut self, id: u32) {
        self.next = id;
    }
}

impl Linked for LevelNode {
    #[inline]
    fn link(&self) -> u32 {
        self.head
    }
    #[inline]
    fn set_link(&mut self, id: u32) {
        self.head = id;
    }
}

impl LevelNode {
    #[inline]
    fn instrument(&self) -> InstrumentId {
        InstrumentId(self.owner >> 1)
    }

    #[inline]
    fn side(&self) -> Side {
        if self.owner & 1 == 0 { Side::Bid } else { Side::Ask }
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
            levels: Pool::new(orders_capacity),
            books: (0u32..).take(instruments).map(book).collect(),
            arrivals: 0,
            ladder_growths: 0,
            counters: Counters::default(),
            phases: PhaseTracker::new(instruments),
        }
    }

    /// Applies one record of any kind; records that do not concern a book are [`Outcome::Ignored`].
    #[inline(always)]
    pub fn apply(&mut self, record: &Record) -> Change {
        let market = record.as_market();
        match record.header.kind {
            ADD => self.add(market),
            EXECUTE | CANCEL | DELETE => self.take_off(market),
            REPLACE => self.replace(market),
            _ => self.apply_rare(market),
        }
    }

    /// Applies records one after the other, as [`Books::apply`] does, and hands each change to `each`; being able to
    /// look ahead it fetches what the next records will touch, which hides most cache misses of large books.
    #[inline]
    pub fn apply_all(&mut self, records: &[Record], mut each: impl FnMut(&Self, &Record, &Change)) {
        records.iter().take(AHEAD).for_each(|record| self.hint_first(record.as_market()));
        for (index, record) in records.iter().enumerate() {
            if let Some(record) = records.get(index + AHEAD) {
                self.hint_first(record.as_market());
            }
            if let Some(record) = records.get(index + AHEAD_ORDER) {
                self.hint_second(record.as_market());
            }
            if let Some(record) = records.get(index + AHEAD_LEVEL) {
                self.prefetch_level(record.as_market().order_ref);
            }
            let change = self.apply(record);
            each(self, record, &change);
        }
    }

    #[inline(always)]
    fn hint_first(&self, record: &MarketRecord) {
        self.index.prefetch(record.order_ref);
        if let Some(book) = self.books.get(InstrumentId(record.header.instrument).index()) {
            prefetch_item(&book.top);
            prefetch_item(&book.ladders);
        }
    }

    #[inline(always)]
    fn hint_second(&self, record: &MarketRecord) {
        self.prefetch_order(record.order_ref);
        if let Some(book) = self.books.get(InstrumentId(record.header.instrument).index()) {
            // Only an add tells its side; of the others, most need no rung.
            book.ladders[record.side().index()].prefetch();
        }
    }

    /// Everything but the life of an order.
    #[inline(never)]
    fn apply_rare(&mut self, record: &MarketRecord) -> Change {
        match Kind::from_code(record.header.kind) {
            Some(Kind::Trade) => self.print(record, u64::from(record.qty)),
            Some(Kind::Cross) => self.print(record, record.order_ref),
            Some(Kind::Status) => self.status(record),
            Some(Kind::Gap) => self.gap(record),
            Some(Kind::Clear) => self.clear(record),
            _ => Change::only(Outcome::Ignored),
        }
    }

    #[inline(never)]
    fn add(&mut self, record: &MarketRecord) -> Change {
        let instrument = InstrumentId(record.header.instrument);
        if instrument.index() >= self.books.len() || record.side > 1 || record.qty == 0 {
            return self.refuse_add(instrument);
        }
        let Found::Vacant { slot } = self.find(record.order_ref) else {
            return self.duplicate();
        };
        match self.rest(slot, instrument, record.side(), record, record.order_ref) {
            Some(top_changed) => {
                Change { top_changed, arrival: self.arrivals, ..Change::only(Outcome::Added) }
            }
            None => self.invalid(),
        }
    }

    /// Execute, Cancel and Delete: one path, so that the processor meets the same branches for all three.
    #[inline(never)]
    fn take_off(&mut self, record: &MarketRecord) -> Change {
        let Found::At { slot, id } = self.find(record.order_ref) else {
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
    fn replace(&mut self, record: &MarketRecord) -> Change {
        let Found::At { slot, id } = self.find(record.order_ref) else {
            return self.unknown(record);
        };
        if record.qty == 0 {
            return self.invalid();
        }
        let same = record.other_ref == record.order_ref;
        if !same && matches!(self.find(record.other_ref), Found::At { .. }) {
            return self.duplicate();
        }
        let instrument = self.levels[self.orders[id].level].instrument();
        let touch_before = touch(&self.books[instrument.index()].top);
        let mut change = self.reduce(slot, id, u32::MAX, record);
        // Looked for again: the removal may have moved slots of this line.
        if let Found::Vacant { slot } = self.find(record.other_ref) {
            self.rest(slot, instrument, change.before.side, record, record.other_ref);
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
        self.counters.clears += 1;
        self.for_each_named(record, Outcome::Cleared, |books, instrument| {
            Side::BOTH.into_iter().for_each(|side| books.empty(instrument, side));
            let top = &mut books.books[instrument.index()].top;
            let before = (touch(top), top.stale);
            (top.bid_px, top.bid_qty, top.bid_orders) = (0, 0, 0);
            (top.ask_px, top.ask_qty, top.ask_orders) = (0, 0, 0);
            top.stale = 0;
            before != (touch(top), top.stale)
        })
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
    fn find(&self, order_ref: u64) -> Found {
        self.index.find(order_ref, |id| self.orders[id].order_ref == order_ref)
    }

    /// Rests a new order at the end of its queue; whether the touch changed, or `None` at [`ORDERS_MAX`].
    #[inline(always)]
    fn rest(
        &mut self,
        slot: usize,
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
        book.top.ts_recv_ns = record.header.ts_recv_ns;
        let ladder = &mut book.ladders[side.index()];
        let (prev, level, node, is_best);
        match ladder.find(key(side, price)) {
            Ok(rung) => {
                level = ladder.level_at(rung);
                is_best = rung + 1 == ladder.len();
                node = &mut self.levels[level];
                prev = node.tail;
                node.tail = id;
                node.qty += u64::from(qty);
                node.orders += 1;
                self.orders[prev].next = id;
            }
            Err(rung) => {
                // Every level has an order, and the pools are of one size.
                level = self.levels.take()?;
                is_best = rung == ladder.len();
                prev = NIL;
                self.ladder_growths += u64::from(ladder.insert(rung, Rung { key: key(side, price), level }));
                node = &mut self.levels[level];
                let owner = (at.0 << 1) | side as u32;
                *node = LevelNode { price, qty: u64::from(qty), head: id, tail: id, orders: 1, owner };
            }
        }
        self.orders[id] = OrderNode { order_ref, arrival: self.arrivals, level, prev, next: NIL, qty };
        self.index.insert(slot, order_ref, id);
        Some(is_best && show(&mut book.top, side, node))
    }

    /// Takes up to `lots` off the order `id`; at nothing left it goes, and its level with the last order.
    #[inline(always)]
    fn reduce(&mut self, slot: usize, id: u32, lots: u32, record: &MarketRecord) -> Change {
        let order = self.orders[id];
        let level = &mut self.levels[order.level];
        let before = resting(&order, level);
        let (side, price) = (before.side, level.price);
        let named = record.header.instrument;
        if named != before.instrument.0 && named != InstrumentId::NONE.0 {
            self.counters.instrument_mismatches += 1;
        }
        let removed = lots.min(order.qty);
        level.qty -= u64::from(removed);
        let book = &mut self.books[before.instrument.index()];
        book.top.ts_venue_ns = record.header.ts_venue_ns;
        book.top.ts_recv_ns = record.header.ts_recv_ns;
        let best_px = if side == Side::Bid { book.top.bid_px } else { book.top.ask_px };
        let top_changed = if removed < order.qty {
            self.orders[id].qty = order.qty - removed;
            best_px == price && show(&mut book.top, side, level)
        } else {
            self.orders.give_back(id);
            self.index.remove(slot);
            if level.orders == 1 {
                let ladder = &mut book.ladders[side.index()];
                ladder.remove(key(side, price));
                self.levels.give_back(order.level);
                best_px == price && {
                    let next = ladder.best().map_or(LevelNode::default(), |rung| self.levels[rung.level]);
                    show(&mut book.top, side, &next)
                }
            } else {
                level.orders -= 1;
                level.head = if order.prev == NIL { order.next } else { level.head };
                level.tail = if order.next == NIL { order.prev } else { level.tail };
                // Number 0 absorbs the write where there is no neighbour.
                self.orders[order.prev].next = order.next;
                self.orders[order.next].prev = order.prev;
                best_px == price && show(&mut book.top, side, level)
            }
        };
        Change { outcome: Outcome::Deleted, top_changed, before, removed, arrival: 0 }
    }

    /// Drops every order of one side; its touch is the caller's to reset.
    fn empty(&mut self, instrument: InstrumentId, side: Side) {
        while let Some(rung) = self.books[instrument.index()].ladders[side.index()].pop() {
            let mut id = self.levels[rung.level].head;
            while id != NIL {
                let order = self.orders[id];
                if let Found::At { slot, .. } = self.find(order.order_ref) {
                    self.index.remove(slot);
                }
                self.orders.give_back(id);
                id = order.next;
            }
            self.levels.give_back(rung.level);
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
        let rung = self.ladder(instrument, side)?.best()?;
        Some(self.shown(rung.level))
    }

    /// Levels of a side, best first.
    pub fn levels(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = Level> + '_ {
        self.ladder(instrument, side).into_iter().flat_map(Ladder::iter).map(|rung| self.shown(rung.level))
    }

    /// The level at a price.
    #[inline]
    pub fn level(&self, instrument: InstrumentId, side: Side, price: Price) -> Option<Level> {
        let level = self.ladder(instrument, side)?.level(key(side, price.0))?;
        Some(self.shown(level))
    }

    /// Orders at a price, oldest first.
    pub fn queue(
        &self,
        instrument: InstrumentId,
        side: Side,
        price: Price,
    ) -> impl Iterator<Item = Queued> + '_ {
        let level = self.ladder(instrument, side).and_then(|ladder| ladder.level(key(side, price.0)));
        let mut id = level.map_or(NIL, |level| self.levels[level].head);
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
        match self.find(order_ref) {
            Found::At { id, .. } => {
                let order = &self.orders[id];
                Some(resting(order, &self.levels[order.level]))
            }
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
        self.orders.growths() + self.levels.growths() + self.index.growths() + self.ladder_growths
    }

    /// Hints that a record about `order_ref` comes some twenty messages on: fetches its line of the table.
    #[inline]
    pub fn prefetch(&self, order_ref: u64) {
        self.index.prefetch(order_ref);
    }

    /// Hints that a record about `order_ref` comes some ten messages on, [`Books::prefetch`] having been called
    /// before: fetches the order.
    #[inline]
    pub fn prefetch_order(&self, order_ref: u64) {
        self.orders.prefetch(self.index.likely(order_ref));
    }

    /// The third hint, some five messages ahead: fetches the level the order stands in and its neighbours there.
    #[inline]
    pub fn prefetch_level(&self, order_ref: u64) {
        let order = &self.orders[self.index.likely(order_ref)];
        self.levels.prefetch(order.level);
        self.orders.prefetch(order.prev);
        self.orders.prefetch(order.next);
    }

    #[inline]
    fn ladder(&self, instrument: InstrumentId, side: Side) -> Option<&Ladder> {
        self.books.get(instrument.index()).map(|book| &book.ladders[side.index()])
    }

    #[inline]
    fn shown(&self, level: u32) -> Level {
        let level = &self.levels[level];
        Level { price: Price(level.price), qty: level.qty, orders: level.orders }
    }
}

#[inline]
fn resting(order: &OrderNode, level: &LevelNode) -> Resting {
    Resting {
        instrument: level.instrument(),
        side: level.side(),
        price: Price(level.price),
        qty: order.qty,
        arrival: order.arrival,
    }
}

/// Writes the best level of a side into the top; whether anything changed. An empty side is the level of zeros.
#[inline]
fn show(top: &mut TopOfBook, side: Side, level: &LevelNode) -> bool {
    let qty = u32::try_from(level.qty).unwrap_or(u32::MAX);
    let orders = u16::try_from(level.orders).unwrap_or(u16::MAX);
    let (px_now, qty_now, orders_now) = match side {
        Side::Bid => (&mut top.bid_px, &mut top.bid_qty, &mut top.bid_orders),
        Side::Ask => (&mut top.ask_px, &mut top.ask_qty, &mut top.ask_orders),
    };
    let changed = (*px_now, *qty_now, *orders_now) != (level.price, qty, orders);
    (*px_now, *qty_now, *orders_now) = (level.price, qty, orders);
    changed
}

/// What of a top a reader calls the touch.
#[inline]
fn touch(top: &TopOfBook) -> (i64, u32, u16, i64, u32, u16) {
    (top.bid_px, top.bid_qty, top.bid_orders, top.ask_px, top.ask_qty, top.ask_orders)
}

#[cfg(test)]
mod tests;
