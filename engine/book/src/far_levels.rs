//! Levels far from the touch: a hash table by tick, because nobody asks for their order until the touch comes near.
//!
//! Open addressing, linear probing, deletion by moving back; it grows by doubling, which is counted.

/// No level; worse than every tick.
const FREE: i64 = i64::MIN;

/// One level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FarLevel {
    pub(crate) tick: i64,
    pub(crate) lots: u64,
    pub(crate) orders: u32,
}

const NOBODY: FarLevel = FarLevel { tick: FREE, lots: 0, orders: 0 };

/// All of one side, in oriented ticks.
#[derive(Clone, Debug)]
pub(crate) struct FarLevels {
    cells: Vec<FarLevel>,
    len: usize,
    growths: u64,
}

impl FarLevels {
    /// - `capacity`: a power of two; half of it can be used.
    pub(crate) fn new(capacity: usize) -> Self {
        assert!(capacity.is_power_of_two(), "a power of two, got {capacity}");
        Self { cells: vec![NOBODY; capacity], len: 0, growths: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn growths(&self) -> u64 {
        self.growths
    }

    /// Where a tick would like to be.
    #[allow(clippy::cast_possible_truncation, reason = "the shift leaves as many bits as the table has")]
    fn home(&self, tick: i64) -> usize {
        let hash = tick.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (hash >> (64 - self.cells.len().trailing_zeros())) as usize
    }

    /// Its cell, or the free one where it belongs.
    fn find(&self, tick: i64) -> usize {
        let mask = self.cells.len() - 1;
        let mut at = self.home(tick);
        while self.cells[at].tick != tick && self.cells[at].tick != FREE {
            at = (at + 1) & mask;
        }
        at
    }

    /// Lots and orders at a tick, zeros where there is no level.
    pub(crate) fn at(&self, tick: i64) -> (u64, u32) {
        let cell = &self.cells[self.find(tick)];
        (cell.lots, cell.orders)
    }

    /// States a level, zero lots for none; gives the lots before.
    pub(crate) fn put(&mut self, tick: i64, lots: u64, orders: u32) -> u64 {
        let at = self.find(tick);
        let before = self.cells[at].lots;
        if lots == 0 {
            if before > 0 {
                self.remove(at);
            }
            return before;
        }
        self.cells[at] = FarLevel { tick, lots, orders };
        if before == 0 {
            self.len += 1;
            if self.len * 2 > self.cells.len() {
                self.grow();
            }
        }
        before
    }

    /// Frees a cell and moves back what its absence would make unreachable.
    fn remove(&mut self, at: usize) {
        let mask = self.cells.len() - 1;
        self.len -= 1;
        let (mut hole, mut at) = (at, (at + 1) & mask);
        while self.cells[at].tick != FREE {
            // It may move to the hole unless its home lies between the hole and itself.
            let home = self.home(self.cells[at].tick);
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.cells[hole] = self.cells[at];
                hole = at;
            }
            at = (at + 1) & mask;
        }
        self.cells[hole] = NOBODY;
    }

    #[cold]
    fn grow(&mut self) {
        self.growths += 1;
        let cells = vec![NOBODY; self.cells.len() * 2];
        for level in std::mem::replace(&mut self.cells, cells) {
            if level.tick != FREE {
                let at = self.find(level.tick);
                self.cells[at] = level;
            }
        }
    }

    /// The best level strictly worse than `tick`. Looks at all of them: for when the touch comes here.
    pub(crate) fn next_worse(&self, tick: i64) -> Option<i64> {
        self.cells.iter().map(|level| level.tick).filter(|other| *other != FREE && *other < tick).max()
    }

    /// Takes out every level with a tick from `from` to below `to`, in no order.
    pub(crate) fn take_in(&mut self, from: i64, to: i64, mut each: impl FnMut(FarLevel)) {
        let is_in = |level: &FarLevel| level.tick != FREE && level.tick >= from && level.tick < to;
        let mut at = 0;
        // A level taken out may bring another to its place, and one from behind the end to cells already passed.
        let mut rounds_left = 2;
        while rounds_left > 0 {
            if at == self.cells.len() {
                (at, rounds_left) = (0, rounds_left - 1);
                continue;
            }
            let level = self.cells[at];
            if is_in(&level) {
                self.remove(at);
                each(level);
            } else {
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_agrees_with_an_ordered_map(acts in prop::collection::vec((-60i64..60, 0u64..3), 0..400), range in (-60i64..60, 0i64..60)) {
            let mut far = FarLevels::new(8);
            let mut plain = BTreeMap::new();
            for (tick, lots) in acts {
                let before = if lots == 0 { plain.remove(&tick) } else { plain.insert(tick, lots) };
                prop_assert_eq!(far.put(tick, lots, 7), before.unwrap_or(0));
                prop_assert_eq!(far.len(), plain.len());
            }
            for tick in -61..61 {
                prop_assert_eq!(far.at(tick).0, plain.get(&tick).copied().unwrap_or(0));
                prop_assert_eq!(far.next_worse(tick), plain.range(..tick).next_back().map(|(tick, _)| *tick));
            }
            let (from, to) = (range.0, range.0 + range.1);
            let mut taken = Vec::new();
            far.take_in(from, to, |level| taken.push((level.tick, level.lots)));
            taken.sort_unstable();
            let wanted: Vec<_> = plain.range(from..to).map(|(tick, lots)| (*tick, *lots)).collect();
            prop_assert_eq!(taken, wanted);
            prop_assert_eq!(far.len(), plain.range(..from).count() + plain.range(to..).count());
        }
    }
}
