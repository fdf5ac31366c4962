//! From an order's number to its place in the pool: an open-addressing table of eight-byte slots.
//!
//! A slot holds the pool number and a 32-bit tag: 29 hashed bits of `order_ref / 8` and the three low bits as they
//! are. The hash chooses one cache line of eight slots, the low bits the slot within: neighbouring numbers, which
//! venues hand out one after the other, share a line, while copies of one day that differ in high bits come
//! apart. The home of a slot follows from its tag alone, so removal (backward shift, no tombstones) and growth
//! read no order. A tag that matches is confirmed by the order itself, whose line the caller needs anyway.
//! Any `u64` is a number.

use std::hint::black_box;

use tickrace_types::prefetch::prefetch;

use crate::pool::NIL;

/// Slots of one cache line.
const LINE: usize = 8;

/// Slots of the smallest table; the shift of [`RefIndex::home`] needs two lines.
const SLOTS_MIN: usize = 2 * LINE;

/// Bytes of an ordinary page.
const PAGE_BYTES: usize = 4096;

#[derive(Clone, Debug)]
pub(crate) struct RefIndex {
    /// Tag in the high half, pool number in the low half; 0 where empty. The length is a power of two.
    slots: Vec<u64>,
    /// 32 minus the number of bits of a line's number.
    shift: u32,
    live: usize,
    live_max: usize,
    growths: u64,
}

/// Where a number was found, or where it would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    At { slot: usize, id: u32 },
    Vacant { slot: usize },
}

impl RefIndex {
    /// A table that holds `capacity` numbers without growing.
    pub(crate) fn new(capacity: usize) -> Self {
        Self::with_slots((capacity * 8 / 5 + 1).next_power_of_two().max(SLOTS_MIN))
    }

    fn with_slots(slots: usize) -> Self {
        debug_assert!(slots.is_power_of_two() && slots >= SLOTS_MIN);
        let line_bits = (slots / LINE).ilog2();
        assert!(line_bits <= 29, "the tag has 29 bits for the line");
        let mut words = vec![0; slots];
        // Numbers fall on every page of it. Each is made now, or the kernel would clear it in the middle of the day, when
        // it is first read and once more when it is first written: 0.2 ms for a huge page.
        words.iter_mut().step_by(PAGE_BYTES / size_of::<u64>()).for_each(|word| *word = black_box(0));
        // Beyond five eighths the probes get long; below it most end in the first line.
        Self { slots: words, shift: 32 - line_bits, live: 0, live_max: slots / 8 * 5, growths: 0 }
    }

    /// Finds a number by its [`tag`]; `is` confirms a candidate by its pool number.
    #[inline(always)]
    pub(crate) fn find(&self, tag: u32, is: impl Fn(u32) -> bool) -> Found {
        let mask = self.slots.len() - 1;
        let mut slot = self.home(tag);
        loop {
            let word = self.slots[slot & mask];
            if word == 0 {
                return Found::Vacant { slot: slot & mask };
            }
            if tag_of(word) == tag && is(id_of(word)) {
                return Found::At { slot: slot & mask, id: id_of(word) };
            }
            slot += 1;
        }
    }

    /// Puts a number in at the vacant `slot` that [`RefIndex::find`] named.
    #[inline(always)]
    pub(crate) fn insert(&mut self, slot: usize, tag: u32, id: u32) {
        debug_assert!(id != NIL && self.slots[slot] == 0);
        self.slots[slot] = (u64::from(tag) << 32) | u64::from(id);
        self.live += 1;
        if self.live > self.live_max {
            self.grow();
        }
    }

    /// Takes the number at `slot` out, closing the hole behind it.
    #[inline]
    pub(crate) fn remove(&mut self, slot: usize) {
        let mask = self.slots.len() - 1;
        let (mut hole, mut next) = (slot, slot);
        loop {
            next = (next + 1) & mask;
            let word = self.slots[next & mask];
            if word == 0 {
                break;
            }
            // A word may move into the hole when the hole lies between its home and its place.
            let from_home = next.wrapping_sub(self.home(tag_of(word))) & mask;
            let from_hole = next.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                self.slots[hole & mask] = word;
                hole = next;
            }
        }
        self.slots[hole & mask] = 0;
        self.live -= 1;
    }

    /// Hints that a number will be looked for soon.
    #[inline(always)]
    pub(crate) fn prefetch(&self, tag: u32) {
        prefetch(&self.slots, self.home(tag));
    }

    /// The pool number that a search would most likely meet; for hints only.
    #[inline(always)]
    pub(crate) fn likely(&self, tag: u32) -> u32 {
        id_of(self.slots[self.home(tag) & (self.slots.len() - 1)])
    }

    /// Numbers held.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    pub(crate) fn growths(&self) -> u64 {
        self.growths
    }

    #[inline]
    fn home(&self, tag: u32) -> usize {
        (((tag >> self.shift) as usize) * LINE) | (tag & 7) as usize
    }

    /// Doubles the table: one pass over eight-byte slots, in order of their lines, paid for by as many inserts.
    #[cold]
    fn grow(&mut self) {
        let mut grown = Self::with_slots(self.slots.len() * 2);
        let mask = grown.slots.len() - 1;
        for word in self.slots.iter().filter(|word| **word != 0) {
            let mut slot = grown.home(tag_of(*word));
            while grown.slots[slot & mask] != 0 {
                slot += 1;
            }
            grown.slots[slot & mask] = *word;
        }
        grown.live = self.live;
        grown.growths = self.growths + 1;
        *self = grown;
    }
}

/// What stands for a number: 29 bits of the hashed line number above the three low bits of the order's number.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the high half of the hash, and three bits")]
pub(crate) fn tag(order_ref: u64) -> u32 {
    // High bits are folded in, and the odd constant of the golden ratio takes neighbouring lines apart.
    let line = order_ref >> 3;
    let hash = (line ^ (line >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((hash >> 32) as u32 & !7) | (order_ref & 7) as u32
}

#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the high half of a word is the tag")]
fn tag_of(word: u64) -> u32 {
    (word >> 32) as u32
}

#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the low half of a word is the pool number")]
fn id_of(word: u64) -> u32 {
    word as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Drives the table and an ordered map with the same inserts and removes; `refs[id]` is what `id` stands for.
    fn agree(refs: impl Iterator<Item = u64>) {
        let mut index = RefIndex::new(8);
        let mut names = vec![0u64];
        let mut oracle: BTreeMap<u64, u32> = BTreeMap::new();
        for order_ref in refs {
            match index.find(tag(order_ref), |id| names[id as usize] == order_ref) {
                Found::At { slot, id } => {
                    assert_eq!(oracle.remove(&order_ref), Some(id));
                    index.remove(slot);
                }
                Found::Vacant { slot } => {
                    let id = u32::try_from(names.len()).unwrap();
                    names.push(order_ref);
                    assert_eq!(oracle.insert(order_ref, id), None);
                    index.insert(slot, tag(order_ref), id);
                }
            }
            assert_eq!(index.live, oracle.len());
        }
        for (order_ref, id) in oracle {
            let found = index.find(tag(order_ref), |id| names[id as usize] == order_ref);
            assert!(matches!(found, Found::At { id: found, .. } if found == id), "{order_ref} is lost");
        }
    }

    proptest! {
        #[test]
        fn the_table_agrees_with_an_ordered_map(
            refs in prop::collection::vec((0u64..40, 0u64..4, 0u32..3), 0..600),
        ) {
            // Low bits collide, high bits tell copies apart, and a few numbers sit at both ends of u64.
            agree(refs.into_iter().map(|(low, copy, shift)| match shift {
                0 => low + (copy << 34),
                1 => low * 8 + copy,
                _ => u64::MAX - low,
            }));
        }
    }

    #[test]
    fn consecutive_numbers_share_a_line_and_copies_do_not() {
        let index = RefIndex::new(1 << 16);
        let line = |order_ref: u64| index.home(tag(order_ref)) / LINE;
        assert!((8..16).all(|order_ref| line(order_ref) == line(8)));
        let copies: std::collections::BTreeSet<usize> = (0..64).map(|copy| line(8 + (copy << 34))).collect();
        // 64 throws into 16,384 lines: one pair in the same line is expected about once in eight tries.
        assert!(copies.len() >= 62, "{} lines for 64 copies", copies.len());
    }

    #[test]
    fn numbers_at_a_stride_of_a_power_of_two_do_not_pile_up() {
        let mut index = RefIndex::new(4096);
        let slots = index.slots.len();
        for (order_ref, id) in (0..4096u64).map(|n| n << 20).zip(1u32..) {
            if let Found::Vacant { slot } = index.find(tag(order_ref), |_| false) {
                let displaced = slot.wrapping_sub(index.home(tag(order_ref))) & (slots - 1);
                assert!(displaced < 512, "displaced by {displaced}");
                index.insert(slot, tag(order_ref), id);
            }
        }
        assert_eq!((index.live, index.growths), (4096, 0));
    }
}
