//! One side of one book: its prices in order, best at the end.
//!
//! A sorted array, searched from the end: prices cluster at the touch, so most searches end within a few rungs and
//! most insertions move a few. A rung is keyed by [`key`], which orders both sides alike: larger is better.

use tickrace_types::Side;
use tickrace_types::prefetch::prefetch;

/// Rungs from the best that are looked at one by one before the search halves the rest.
const NEAR: usize = 16;

/// A price and its level in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rung {
    pub(crate) key: i64,
    pub(crate) level: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    rungs: Vec<Rung>,
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
        Self { rungs: Vec::with_capacity(capacity) }
    }

    /// Hints that the rungs next to the best will be looked at soon.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch(&self.rungs, self.rungs.len().wrapping_sub(1));
        prefetch(&self.rungs, self.rungs.len().wrapping_sub(5));
    }

    /// The best rung.
    #[inline]
    pub(crate) fn best(&self) -> Option<Rung> {
        self.rungs.last().copied()
    }

    /// `Ok(index)` of the rung with `key`, or `Err(index)` where it belongs.
    #[inline]
    pub(crate) fn find(&self, key: i64) -> Result<usize, usize> {
        let rungs = self.rungs.as_slice();
        let mut index = rungs.len();
        let far = index.saturating_sub(NEAR);
        while index > far {
            let rung = rungs[index - 1].key;
            if rung <= key {
                return if rung == key { Ok(index - 1) } else { Err(index) };
            }
            index -= 1;
        }
        self.find_far(key, far)
    }

    #[inline(never)]
    fn find_far(&self, key: i64, far: usize) -> Result<usize, usize> {
        self.rungs[..far].binary_search_by_key(&key, |rung| rung.key)
    }

    /// The level with `key`.
    #[inline]
    pub(crate) fn level(&self, key: i64) -> Option<u32> {
        self.find(key).ok().map(|index| self.rungs[index].level)
    }

    #[inline]
    pub(crate) fn level_at(&self, index: usize) -> u32 {
        self.rungs[index].level
    }

    /// Puts a rung in where [`Ladder::find`] said; whether that took new memory.
    #[inline]
    pub(crate) fn insert(&mut self, index: usize, rung: Rung) -> bool {
        let grows = self.rungs.len() == self.rungs.capacity();
        if self.rungs.len() - index > NEAR {
            self.rungs.insert(index, rung);
            return grows;
        }
        // A few rungs move faster by hand than through a call to memmove.
        let mut carried = rung;
        for slot in &mut self.rungs[index..] {
            std::mem::swap(slot, &mut carried);
        }
        self.rungs.push(carried);
        grows
    }

    /// Takes the rung with `key` out.
    #[inline]
    pub(crate) fn remove(&mut self, key: i64) {
        let Ok(index) = self.find(key) else { return };
        if self.rungs.len() - index > NEAR {
            self.rungs.remove(index);
        } else if let Some(mut carried) = self.rungs.pop() {
            for slot in self.rungs[index..].iter_mut().rev() {
                std::mem::swap(slot, &mut carried);
            }
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

    /// Rungs, best first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Rung> + '_ {
        self.rungs.iter().rev().copied()
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
            for (key, level) in keys.into_iter().zip(1u32..) {
                match ladder.find(key) {
                    Ok(index) => {
                        prop_assert_eq!(Some(ladder.level_at(index)), oracle.remove(&key));
                        ladder.remove(key);
                    }
                    Err(index) => {
                        ladder.insert(index, Rung { key, level });
                        prop_assert_eq!(oracle.insert(key, level), None);
                    }
                }
                let rungs: Vec<_> = ladder.iter().map(|rung| (rung.key, rung.level)).collect();
                let expected: Vec<_> = oracle.iter().rev().map(|(key, level)| (*key, *level)).collect();
                prop_assert_eq!(rungs, expected);
            }
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
