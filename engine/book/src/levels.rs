//! Price-level book of one instrument: the lots shown at each price, no orders.
//!
//! Fed by [`tickrace_types::Kind::Level`] records, each the whole of a level as it now is. Prices are counted in ticks
//! and *oriented*, so that larger is better on both sides (an ask's tick is negated). A window of ticks around the touch
//! is an array with a bit for each occupied place, so that a level is one store and the next one a few bits away; what
//! lies outside waits in a hash table and comes in when the window follows the touch.
//!
//! A level at or through the other side's touch says that the other side is gone up to there, even where the feed has
//! not said so yet: its touch steps back to the first level beyond. The levels in between keep their lots but are
//! *hidden*, better than the touch, until stated anew. So a book never shows itself crossed.

use tickrace_types::{Record, Side};

use crate::far_levels::FarLevels;

/// Ticks of the window: a power of two, a multiple of 4096.
const WINDOW: usize = 1 << 14;
/// Bits of a word.
const WORD: usize = 64;
const WORDS: usize = WINDOW / WORD;
const SUMMARY: usize = WORDS / WORD;
const _: () = assert!(WINDOW.is_multiple_of(WORD * WORD));
/// The window follows when the touch comes this close to its better end, or leaves it at the other.
const MARGIN: i64 = (WINDOW / 16) as i64;

/// Largest price in ticks: sums of a few of them stay in range.
const TICKS_MAX: i64 = 1 << 60;

/// No touch: worse than every tick.
pub(crate) const NONE: i64 = i64::MIN;

/// Prices as ticks: exact division by multiplication.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    tick: i64,
    /// Inverse of the odd part of `tick` modulo 2^64.
    inverse: i64,
    shift: u32,
    /// The bits of a price that its even part keeps zero.
    mask: i64,
    /// Largest number of ticks that a price can be.
    bound: u64,
}

impl Grid {
    /// - `tick`: nano-units, positive.
    pub(crate) fn new(tick: i64) -> Self {
        assert!(tick > 0, "a tick is positive, got {tick}");
        let shift = tick.trailing_zeros();
        let odd = tick >> shift;
        // Newton's iteration doubles the exact bits; an odd number is its own inverse modulo 8.
        let mut inverse = odd;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2i64.wrapping_sub(odd.wrapping_mul(inverse)));
        }
        let mask = (1 << shift) - 1;
        Self { tick, inverse, shift, mask, bound: (i64::MAX / tick).min(TICKS_MAX).unsigned_abs() }
    }

    /// Ticks of a price; `None` off the grid.
    #[inline]
    pub(crate) fn ticks(&self, price: i64) -> Option<i64> {
        // Times the odd part it gives the price back modulo 2^64; within the bound, exactly.
        let ticks = (price >> self.shift).wrapping_mul(self.inverse);
        let is_on = ticks.unsigned_abs() <= self.bound && price & self.mask == 0;
        is_on.then_some(ticks)
    }

    #[inline]
    pub(crate) const fn price(&self, ticks: i64) -> i64 {
        ticks * self.tick
    }
}

/// Ticks so that larger is better; its own inverse.
#[inline]
pub(crate) const fn oriented(side: Side, ticks: i64) -> i64 {
    match side {
        Side::Ask => -ticks,
        Side::Bid => ticks,
    }
}

/// What a level's statement changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelChange {
    /// Lots shown at the price before.
    pub before: u64,
    /// Lots shown now.
    pub after: u64,
    /// Whether the side's touch moved to a better price.
    pub is_better: bool,
    /// Whether price or lots of either touch changed.
    pub top_changed: bool,
}

/// At which levels a run of them stops, for somebody who has orders of his own beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beside {
    /// Lowest and highest price by side at which it does, nano-units.
    pub spans: [(i64, i64); 2],
    /// Whether it does at a price better than its side's touch.
    pub stops_at_better: bool,
}

impl Beside {
    /// At none.
    pub const NOTHING: Self = Self { spans: [(i64::MAX, i64::MIN); 2], stops_at_better: false };

    #[inline]
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::NOTHING
    }
}

/// What a run of levels did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    /// Records applied, those that do not fit among them.
    pub taken: usize,
    pub misfits: u64,
    /// Whether price or lots of either touch changed.
    pub top_changed: bool,
}

/// Both sides.
#[derive(Clone, Debug)]
pub(crate) struct LevelBook {
    pub(crate) grid: Grid,
    sides: [LevelSide; 2],
}

impl LevelBook {
    pub(crate) fn new(grid: Grid) -> Self {
        Self { grid, sides: [LevelSide::new(), LevelSide::new()] }
    }

    /// States a level: `lots` are shown at `ticks` of `side` now.
    #[inline]
    pub(crate) fn set(&mut self, side: Side, ticks: i64, lots: u64, orders: u32) -> LevelChange {
        let tick = oriented(side, ticks);
        let own = &mut self.sides[side.index()];
        let best_before = own.best;
        let before = own.put(tick, lots, orders);
        let mut top_changed = tick == best_before && lots != before;
        if lots == 0 {
            if tick == best_before {
                own.step_down(tick);
                top_changed = true;
            }
        } else if tick > best_before {
            own.best = tick;
            top_changed = true;
            // An oriented tick of the other side is this one negated.
            let other = &mut self.sides[side.opposite().index()];
            if other.best != NONE && other.best >= -tick {
                other.step_down(-tick);
            }
        }
        LevelChange {
            before,
            after: lots,
            is_better: self.sides[side.index()].best > best_before,
            top_changed,
        }
    }

    /// States the levels of `records`, all of the first one's instrument, up to where `beside` stops.
    #[inline]
    pub(crate) fn set_run(&mut self, records: &[Record], beside: &Beside) -> Run {
        let mut run = Run::default();
        let Some(first) = records.first() else { return run };
        let grid = self.grid;
        for record in records {
            let level = record.as_market();
            if level.header.instrument != first.header.instrument {
                break;
            }
            let (lots, price) = (level.order_ref, level.price);
            let Some(ticks) = grid.ticks(price).filter(|_| level.side <= 1) else {
                run.misfits += 1;
                run.taken += 1;
                continue;
            };
            let side = level.side();
            let (low, high) = beside.spans[side.index()];
            if price >= low && price <= high {
                break;
            }
            let tick = oriented(side, ticks);
            let own = &mut self.sides[side.index()];
            match own.place(tick).filter(|_| tick < own.best && level.other_ref == 0 && !own.has_orders) {
                // Nearly all: behind the touch, in the window.
                Some(place) => {
                    own.write_lots(place, lots);
                }
                None => {
                    if beside.stops_at_better && lots > 0 && tick > own.best {
                        break;
                    }
                    let orders = u32::try_from(level.other_ref).unwrap_or(u32::MAX);
                    run.top_changed |= self.set(side, ticks, lots, orders).top_changed;
                }
            }
            run.taken += 1;
        }
        run
    }

    /// Takes the levels of a side from the touch up to `ticks` out, or all of them.
    pub(crate) fn clear(&mut self, side: Side, ticks: Option<i64>) {
        let own = &mut self.sides[side.index()];
        let limit = ticks.map_or(NONE, |ticks| oriented(side, ticks));
        own.clear_down_to(limit);
    }

    /// The touch of a side in ticks, its lots and orders.
    #[inline]
    pub(crate) fn best(&self, side: Side) -> Option<(i64, u64, u32)> {
        let own = &self.sides[side.index()];
        if own.best == NONE {
            return None;
        }
        let (lots, orders) = own.at(own.best);
        Some((oriented(side, own.best), lots, orders))
    }

    /// Lots and orders at a price, hidden levels included.
    #[inline]
    pub(crate) fn at(&self, side: Side, ticks: i64) -> (u64, u32) {
        self.sides[side.index()].at(oriented(side, ticks))
    }

    /// Levels from the touch on, as (ticks, lots, orders).
    pub(crate) fn levels(&self, side: Side) -> impl Iterator<Item = (i64, u64, u32)> + '_ {
        let own = &self.sides[side.index()];
        let mut tick = own.best;
        std::iter::from_fn(move || {
            if tick == NONE {
                return None;
            }
            let (lots, orders) = own.at(tick);
            let shown = (oriented(side, tick), lots, orders);
            tick = own.next_worse(tick);
            Some(shown)
        })
    }

    /// Times that the tables of far levels grew.
    pub(crate) fn growths(&self) -> u64 {
        self.sides.iter().map(|side| side.far.growths()).sum()
    }
}

/// One side, in oriented ticks.
#[derive(Clone, Debug)]
struct LevelSide {
    /// Lots by place of the window.
    lots: Box<[u64; WINDOW]>,
    /// Orders by place, where the feed counts them.
    orders: Box<[u32]>,
    has_orders: bool,
    /// A bit for each place with lots.
    bits: Box<[u64; WORDS]>,
    /// A bit for each word of `bits` that is not zero.
    summary: [u64; SUMMARY],
    /// Tick of the window's first place.
    low: i64,
    /// A level better than this makes the window follow; any does before the first.
    follow_above: i64,
    is_placed: bool,
    best: i64,
    /// Levels outside the window.
    far: FarLevels,
}

/// Cells for far levels at the start, of which half can be used.
const FAR_CELLS: usize = 4096;

/// On the heap from the start: too many for a stack.
fn zeros<const N: usize>() -> Box<[u64; N]> {
    let Ok(zeros) = vec![0; N].into_boxed_slice().try_into() else { unreachable!("made of this length") };
    zeros
}

impl LevelSide {
    fn new() -> Self {
        Self {
            lots: zeros(),
            orders: vec![0; WINDOW].into_boxed_slice(),
            has_orders: false,
            bits: zeros(),
            summary: [0; SUMMARY],
            low: 0,
            follow_above: i64::MIN,
            is_placed: false,
            best: NONE,
            far: FarLevels::new(FAR_CELLS),
        }
    }

    /// Place of a tick in the window.
    #[inline]
    fn place(&self, tick: i64) -> Option<usize> {
        usize::try_from(tick.wrapping_sub(self.low)).ok().filter(|place| *place < WINDOW)
    }

    #[inline]
    fn at(&self, tick: i64) -> (u64, u32) {
        match self.place(tick) {
            Some(place) => (self.lots[place], if self.has_orders { self.orders[place] } else { 0 }),
            None => self.far.at(tick),
        }
    }

    /// Writes a level and gives the lots before.
    #[inline]
    fn put(&mut self, tick: i64, lots: u64, orders: u32) -> u64 {
        if tick > self.follow_above && lots > 0 {
            self.follow(tick);
        }
        match self.place(tick) {
            Some(place) => self.write(place, lots, orders),
            None => self.far.put(tick, lots, orders),
        }
    }

    #[inline]
    fn write(&mut self, place: usize, lots: u64, orders: u32) -> u64 {
        if orders > 0 || self.has_orders {
            self.write_orders(place, if lots > 0 { orders } else { 0 });
        }
        self.write_lots(place, lots)
    }

    #[inline]
    fn write_lots(&mut self, place: usize, lots: u64) -> u64 {
        let before = std::mem::replace(&mut self.lots[place], lots);
        // Every other level of a depth feed comes or goes, at no pattern a processor learns: the bit is set without a
        // branch. Words seldom fill or empty.
        let (word, bit) = (place / WORD, place % WORD);
        let bits = self.bits[word];
        let flipped = bits ^ u64::from((before > 0) != (lots > 0)) << bit;
        self.bits[word] = flipped;
        if (bits == 0) != (flipped == 0) {
            self.summary[word / WORD] ^= 1 << (word % WORD);
        }
        before
    }

    #[inline(never)]
    fn write_orders(&mut self, place: usize, orders: u32) {
        self.has_orders = true;
        self.orders[place] = orders;
    }

    /// The touch steps back to the next level strictly worse than `tick`; the window goes with it.
    #[inline]
    fn step_down(&mut self, tick: i64) {
        self.best = self.next_worse(tick);
        if self.best != NONE && self.place(self.best).is_none() {
            self.follow(self.best);
        }
    }

    /// The next level strictly worse than `tick`, or [`NONE`].
    #[inline]
    fn next_worse(&self, tick: i64) -> i64 {
        let near = self.next_worse_near(tick);
        if self.far.len() == 0 || near != NONE && tick < self.low + WINDOW as i64 {
            // What is far is worse than the window, or better than all of it.
            return near;
        }
        self.next_worse_far(tick).max(near)
    }

    #[inline]
    fn next_worse_near(&self, tick: i64) -> i64 {
        let above = tick.saturating_sub(self.low);
        if above <= 0 {
            return NONE;
        }
        let end = usize::try_from(above).unwrap_or(WINDOW).min(WINDOW);
        // Bits below `end`, first those of its own word.
        let (word, bit) = (end / WORD, end % WORD);
        if bit > 0 {
            let masked = self.bits[word] & ((1 << bit) - 1);
            if masked != 0 {
                return self.tick_of(word, masked);
            }
        }
        let (group, rest) = (word / WORD, word % WORD);
        let mut at = group;
        let mut masked = if rest > 0 { self.summary[group] & ((1 << rest) - 1) } else { 0 };
        loop {
            if masked != 0 {
                let word = at * WORD + WORD - 1 - masked.leading_zeros() as usize;
                return self.tick_of(word, self.bits[word]);
            }
            if at == 0 {
                return NONE;
            }
            at -= 1;
            masked = self.summary[at];
        }
    }

    /// Tick of the highest bit of a word.
    #[inline]
    fn tick_of(&self, word: usize, bits: u64) -> i64 {
        self.low + (word * WORD + WORD - 1 - bits.leading_zeros() as usize) as i64
    }

    #[cold]
    fn next_worse_far(&self, tick: i64) -> i64 {
        self.far.next_worse(tick).unwrap_or(NONE)
    }

    /// Moves the window so that `tick` lies a little above its middle: most levels are worse than the touch.
    #[cold]
    #[inline(never)]
    fn follow(&mut self, tick: i64) {
        let low = tick.saturating_sub((WINDOW / 4 * 3) as i64);
        let was_placed = std::mem::replace(&mut self.is_placed, true);
        if was_placed && low == self.low {
            return;
        }
        // Out with all of it, then in again at the new place; rare enough to be plain.
        for place in 0..if was_placed { WINDOW } else { 0 } {
            let (lots, orders) = (self.lots[place], self.orders[place]);
            if lots > 0 {
                self.write(place, 0, 0);
                self.far.put(self.low + place as i64, lots, orders);
            }
        }
        self.low = low;
        self.follow_above = low.saturating_add(WINDOW as i64 - MARGIN);
        let mut far = std::mem::replace(&mut self.far, FarLevels::new(2));
        far.take_in(low, low + WINDOW as i64, |level| {
            if let Some(place) = self.place(level.tick) {
                self.write(place, level.lots, level.orders);
            }
        });
        self.far = far;
    }

    /// Takes out every level not worse than `limit`.
    #[cold]
    fn clear_down_to(&mut self, limit: i64) {
        if self.is_placed {
            for place in (0..WINDOW).rev() {
                if self.low + (place as i64) < limit {
                    break;
                }
                self.write(place, 0, 0);
            }
        }
        self.far.take_in(limit.saturating_add(i64::from(limit == NONE)), i64::MAX, drop);
        // What is far and worse than the window stays where the window was within the limit.
        if limit == NONE {
            self.best = NONE;
        } else if self.best >= limit {
            self.step_down(limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use tickrace_types::MarketRecord;

    use super::*;

    /// The same in the plainest way: an ordered map a side, a touch that steps.
    #[derive(Default)]
    struct Plain {
        levels: [BTreeMap<i64, u64>; 2],
        best: [Option<i64>; 2],
    }

    impl Plain {
        fn set(&mut self, side: Side, ticks: i64, lots: u64) {
            let (own, tick) = (side.index(), oriented(side, ticks));
            if lots == 0 {
                self.levels[own].remove(&tick);
                if self.best[own] == Some(tick) {
                    self.best[own] = self.levels[own].range(..tick).next_back().map(|(tick, _)| *tick);
                }
                return;
            }
            self.levels[own].insert(tick, lots);
            if self.best[own].is_none_or(|best| tick > best) {
                self.best[own] = Some(tick);
                let other = 1 - own;
                if self.best[other].is_some_and(|best| best >= -tick) {
                    self.best[other] = self.levels[other].range(..-tick).next_back().map(|(tick, _)| *tick);
                }
            }
        }

        fn shown(&self, side: Side) -> Vec<(i64, u64)> {
            let Some(best) = self.best[side.index()] else { return Vec::new() };
            let levels = self.levels[side.index()].range(..=best).rev();
            levels.map(|(tick, lots)| (oriented(side, *tick), *lots)).collect()
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_an_ordered_map(
            acts in prop::collection::vec((0u8..2, -40i64..40, 0u64..4, prop::sample::select(vec![0i64, 0, 0, 0, 9_000, 20_000, -70_000])), 1..300),
        ) {
            let mut book = LevelBook::new(Grid::new(5));
            let mut plain = Plain::default();
            for (side, near, lots, jump) in acts {
                let side = Side::from_code(side);
                let ticks = near + jump;
                let before = plain.levels[side.index()].get(&oriented(side, ticks)).copied().unwrap_or(0);
                let change = book.set(side, ticks, lots, 0);
                plain.set(side, ticks, lots);
                prop_assert_eq!((change.before, change.after), (before, lots));
                for side in Side::BOTH {
                    let shown: Vec<_> = book.levels(side).map(|(ticks, lots, _)| (ticks, lots)).collect();
                    prop_assert_eq!(shown, plain.shown(side));
                }
            }
        }

        #[test]
        fn a_run_of_levels_does_what_they_do_one_by_one(
            acts in prop::collection::vec((0u8..3, -40i64..40, 0u64..4, prop::sample::select(vec![0i64, 0, 0, 9_000, -70_000]), 0u64..2), 1..200),
            span in (-30i64..30, 0i64..20),
            stops_at_better: bool,
        ) {
            let level = |(side, near, lots, jump, orders): (u8, i64, u64, i64, u64)| {
                // Every tenth price lies off the grid.
                let price = (near + jump) * 5 + i64::from(near % 10 == 7);
                *MarketRecord { side, price, order_ref: lots, other_ref: orders, ..MarketRecord::default() }.as_record()
            };
            // Whether the top changed; none where it does not fit.
            let set = |book: &mut LevelBook, record: &Record| {
                let level = record.as_market();
                let ticks = book.grid.ticks(level.price).filter(|_| level.side <= 1)?;
                let orders = u32::try_from(level.other_ref).unwrap_or(u32::MAX);
                Some(book.set(level.side(), ticks, level.order_ref, orders).top_changed)
            };
            let records: Vec<Record> = acts.into_iter().map(level).collect();
            let beside = Beside { spans: [(span.0 * 5, (span.0 + span.1) * 5), (i64::MAX, i64::MIN)], stops_at_better };
            let (mut together, mut plain) = (LevelBook::new(Grid::new(5)), LevelBook::new(Grid::new(5)));
            let mut rest = records.as_slice();
            while !rest.is_empty() {
                let run = together.set_run(rest, &beside);
                let (mut misfits, mut top_changed) = (0, false);
                let (taken, behind) = rest.split_at(run.taken);
                for record in taken {
                    let level = record.as_market();
                    let is_asked = level.side == 0 && beside.spans[0].0 <= level.price && level.price <= beside.spans[0].1;
                    prop_assert!(!is_asked || level.price % 5 != 0, "it stops where it was asked to");
                    let best = |plain: &LevelBook| plain.best(level.side()).map(|(ticks, ..)| ticks);
                    let before = best(&plain);
                    let change = set(&mut plain, record);
                    misfits += u64::from(change.is_none());
                    top_changed |= change.unwrap_or_default();
                    prop_assert!(!stops_at_better || level.side > 1 || level.order_ref == 0 || level.price % 5 != 0 || before == best(&plain));
                }
                prop_assert_eq!((run.misfits, run.top_changed), (misfits, top_changed));
                rest = behind;
                if let Some((stopped_at, behind)) = rest.split_first() {
                    set(&mut plain, stopped_at);
                    set(&mut together, stopped_at);
                    rest = behind;
                }
                for side in Side::BOTH {
                    prop_assert!(together.levels(side).eq(plain.levels(side)));
                }
            }
        }

        #[test]
        fn prices_divide_exactly_or_not_at_all(price in any::<i64>(), tick in 1i64..5_000_000_000) {
            let grid = Grid::new(tick);
            let wanted = |price: i64| (price % tick == 0).then(|| price / tick).filter(|ticks| ticks.abs() <= TICKS_MAX);
            prop_assert_eq!(grid.ticks(price), wanted(price));
            let on = price / tick * tick;
            prop_assert_eq!(grid.ticks(on), wanted(on));
        }
    }

    #[test]
    fn a_clear_up_to_a_price_leaves_what_is_beyond() {
        let mut book = LevelBook::new(Grid::new(1));
        for ticks in [100, 101, 103, -50_000] {
            book.set(Side::Bid, ticks, 7, 2);
        }
        book.clear(Side::Bid, Some(101));
        assert_eq!(book.levels(Side::Bid).collect::<Vec<_>>(), [(100, 7, 2), (-50_000, 7, 2)]);
        book.clear(Side::Bid, None);
        assert_eq!((book.best(Side::Bid), book.at(Side::Bid, 100)), (None, (0, 0)));
    }
}
