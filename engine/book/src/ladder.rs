//! One side of one book: its levels in order of price, best at the end.
//!
//! A sorted array of half-line rungs that are the levels themselves, searched from the end: prices cluster at the
//! touch, so most searches end within a few rungs and most insertions move a few. A rung is keyed by [`key`], which
//! orders both sides alike: larger is better.

use tickrace_types::Side;
use tickrace_types::prefetch::prefetch;

/// Rungs from the best that are looked at one by one before the search halves the rest.
const NEAR: usize = 16;

/// A price with orders: half a cache line. Head and tail are numbers of the pool of orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(32))]
pub(crate) struct Rung {
    pub(crate) key: i64,
    pub(crate) qty: u64,
    pub(crate) head: u32,
    pub(crate) tail: u32,
    pub(crate) orders: u32,
}
const _: () = assert!(size_of::<Rung>() == 32);

#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    rungs: Vec<Rung>,
    growths: u64,
}

/// A price as a key that grows towards better prices; its own inverse. (`!x` is `-x - 1`: it reverses the order and
/// cannot overflow.)
#[inline]
pub(crate) const fn key(side: Side, price: i64) -> i64 {
    match side {
        Side::Bid => price,
        Side::Ask => !price,
    }
}

impl Ladder {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { rungs: Vec::with_capacity(capacity), growths: 0 }
    }

    /// Hints that the rungs next to the best will be looked at soon.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        prefetch(&self.rungs, self.rungs.len().wrapping_sub(1));
        prefetch(&self.rungs, self.rungs.len().wrapping_sub(3));
    }

    /// The best rung.
    #[inline]
    pub(crate) fn best(&self) -> Option<&Rung> {
        self.rungs.last()
    }

    /// `Ok(index)` of the rung with `key`, or `Err(index)` where it belongs.
    #[inline(always)]
    pub(crate) fn find(&self, key: i64) -> Result<usize, usize> {
        let count = self.rungs.len();
        match self.rungs.last() {
            Some(best) if best.key > key => self.find_below(key),
            Some(best) if best.key == key => Ok(count - 1),
            _ => Err(count),
        }
    }

    /// The same, of a key that was at `hint` some time ago. Levels open and close near the touch; a level further down keeps
    /// its place as counted from the worst, and is found there without a search.
    #[inline(always)]
    pub(crate) fn find_from(&self, hint: usize, key: i64) -> Result<usize, usize> {
        let count = self.rungs.len();
        match self.rungs.last() {
            Some(best) if best.key > key => match self.rungs.get(hint) {
                Some(rung) if rung.key == key => Ok(hint),
                _ => self.find_below(key),
            },
            Some(best) if best.key == key => Ok(count - 1),
            _ => Err(count),
        }
    }

    #[inline(never)]
    fn find_below(&self, key: i64) -> Result<usize, usize> {
        let far = self.rungs.len().saturating_sub(NEAR);
        let near = &self.rungs[far..];
        // No branch tells the order of two rungs: which of sixteen it will be, no processor foresees.
        match near.binary_search_by_key(&key, |rung| rung.key) {
            Ok(index) => Ok(far + index),
            Err(0) => self.find_far(key, far),
            Err(index) => Err(far + index),
        }
    }

    #[inline(never)]
    fn find_far(&self, key: i64, far: usize) -> Result<usize, usize> {
        self.rungs[..far].binary_search_by_key(&key, |rung| rung.key)
    }

    /// The level with `key`.
    #[inline]
    pub(crate) fn level(&self, key: i64) -> Option<&Rung> {
        self.find(key).ok().map(|index| &self.rungs[index])
    }

    /// The level at an index that [`Ladder::find`] named.
    #[inline(always)]
    pub(crate) fn level_at(&mut self, index: usize) -> &mut Rung {
        &mut self.rungs[index]
    }

    /// Puts a rung in where [`Ladder::find`] said.
    #[inline(always)]
    pub(crate) fn insert(&mut self, index: usize, rung: Rung) {
        let count = self.rungs.len();
        if count == self.rungs.capacity() {
            self.grow();
        }
        self.rungs.push(rung);
        if index < count {
            self.make_way(index);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        self.growths += 1;
        self.rungs.reserve(1);
    }

    /// Takes the last rung to `index`, and those in between one up.
    #[inline(never)]
    fn make_way(&mut self, index: usize) {
        let rungs = &mut self.rungs[index..];
        if rungs.len() > NEAR {
            rungs.rotate_right(1);
            return;
        }
        // A few rungs move faster by hand than through a call to memmove.
        let Some(&rung) = rungs.last() else { return };
        for place in (1..rungs.len()).rev() {
            rungs[place] = rungs[place - 1];
        }
        rungs[0] = rung;
    }

    /// Takes the rung at an index that [`Ladder::find`] named out.
    #[inline(always)]
    pub(crate) fn remove(&mut self, index: usize) {
        if index + 1 < self.rungs.len() {
            self.close(index);
        }
        self.rungs.pop();
    }

    /// Moves the rungs after `index` one down; the last stays where it is, too.
    #[inline(never)]
    fn close(&mut self, index: usize) {
        let rungs = &mut self.rungs[index..];
        if rungs.len() > NEAR {
            rungs.copy_within(1.., 0);
            return;
        }
        for place in 1..rungs.len() {
            rungs[place - 1] = rungs[place];
        }
    }

    /// Takes the best rung out.
    pub(crate) fn pop(&mut self) -> Option<Rung> {
        self.rungs.pop()
    }

    /// Number of rungs.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.rungs.len()
    }

    /// Times that it took new memory.
    pub(crate) fn growths(&self) -> u64 {
        self.growths
    }

    /// Rungs, best first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rung> + '_ {
        self.rungs.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_ladder_agrees_with_an_ordered_map(keys in prop::collection::vec(-60i64..60, 0..400)) {
            let mut ladder = Ladder::new(4);
            let mut oracle: BTreeMap<i64, u32> = BTreeMap::new();
            for (key, head) in keys.into_iter().zip(1u32..) {
                match ladder.find(key) {
                    Ok(index) => {
                        prop_assert_eq!(Some(ladder.level_at(index).head), oracle.remove(&key));
                        ladder.remove(index);
                    }
                    Err(index) => {
                        ladder.insert(index, Rung { key, head, ..Rung::default() });
                        prop_assert_eq!(oracle.insert(key, head), None);
                    }
                }
                let rungs: Vec<_> = ladder.iter().map(|rung| (rung.key, rung.head)).collect();
                let expected: Vec<_> = oracle.iter().rev().map(|(key, head)| (*key, *head)).collect();
                prop_assert_eq!(rungs, expected);
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_the_hint_the_level_found_is_the_same(
            keys in prop::collection::btree_set(-40i64..40, 0..50),
            asked in -45i64..45,
            hint in 0usize..60,
        ) {
            let mut ladder = Ladder::new(4);
            for (index, key) in keys.iter().enumerate() {
                ladder.insert(index, Rung { key: *key, ..Rung::default() });
            }
            let keys: Vec<i64> = keys.into_iter().collect();
            prop_assert_eq!(ladder.find_from(hint, asked), keys.binary_search(&asked));
            prop_assert_eq!(ladder.find(asked), keys.binary_search(&asked));
        }
    }

    #[test]
    fn a_better_price_has_a_larger_key_on_both_sides() {
        assert!(key(Side::Bid, 101) > key(Side::Bid, 100));
        assert!(key(Side::Ask, 100) > key(Side::Ask, 101));
        assert!(key(Side::Ask, i64::MIN) > key(Side::Ask, i64::MAX));
        assert_eq!(key(Side::Ask, key(Side::Ask, -7)), -7);
    }
}
