//! From a number to a small value, in room taken at start: open addressing, linear probing, no tombstones.
//!
//! Serves the few orders that concern us: our own by client number, the real ones we took from by their
//! reference. Never iterated where the order could be seen.

/// Map of at most `capacity` numbers; at most half of its cells are used, so that probes stay short.
#[derive(Clone, Debug)]
pub(crate) struct NumberMap<V> {
    cells: Vec<Option<(u64, V)>>,
    shift: u32,
    capacity: usize,
    len: usize,
}

impl<V: Copy> NumberMap<V> {
    /// Room for `capacity` numbers.
    pub fn new(capacity: usize) -> Self {
        let cells = capacity.max(4).next_power_of_two() * 2;
        Self { cells: vec![None; cells], shift: 64 - cells.trailing_zeros(), capacity, len: 0 }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.len >= self.capacity
    }

    /// How many more numbers fit.
    #[inline]
    pub fn room(&self) -> usize {
        self.capacity.saturating_sub(self.len)
    }

    /// The value of `key`.
    #[inline]
    pub fn get(&self, key: u64) -> Option<V> {
        let cell = self.find(key);
        self.cells[cell].map(|(_, value)| value)
    }

    /// Sets the value of `key`. Whether there was room; a key that is there always has.
    #[inline]
    pub fn set(&mut self, key: u64, value: V) -> bool {
        let cell = self.find(key);
        if self.cells[cell].is_none() {
            if self.is_full() {
                return false;
            }
            self.len += 1;
        }
        self.cells[cell] = Some((key, value));
        true
    }

    /// Takes `key` out, and moves back what its absence would make unreachable.
    #[inline]
    pub fn remove(&mut self, key: u64) -> Option<V> {
        let mut hole = self.find(key);
        let (_, removed) = self.cells[hole].take()?;
        self.len -= 1;
        let mask = self.cells.len() - 1;
        let mut at = (hole + 1) & mask;
        while let Some((other, _)) = self.cells[at] {
            // The one at `at` may move into the hole unless its own place lies cyclically after the hole.
            if (at.wrapping_sub(self.place(other)) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.cells[hole] = self.cells[at].take();
                hole = at;
            }
            at = (at + 1) & mask;
        }
        Some(removed)
    }

    /// Keeps only what `keep` says; the order of asking does not matter to the result.
    pub fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        let mut at = 0;
        while at < self.cells.len() {
            match self.cells[at] {
                // Something else may have moved into this cell: look at it again.
                Some((key, value)) if !keep(&value) => drop(self.remove(key)),
                _ => at += 1,
            }
        }
    }

    #[inline]
    fn place(&self, key: u64) -> usize {
        // The multiplier is 2^64 divided by the golden ratio: near-dense numbers spread evenly (Knuth, TAOCP 6.4).
        #[allow(clippy::cast_possible_truncation, reason = "the shift leaves the bits of an index")]
        let place = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize;
        place
    }

    /// The cell of `key`, or the empty one where it would go.
    #[inline]
    fn find(&self, key: u64) -> usize {
        let mask = self.cells.len() - 1;
        let mut at = self.place(key);
        while let Some((other, _)) = self.cells[at] {
            if other == key {
                break;
            }
            at = (at + 1) & mask;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn it_says_what_an_ordered_map_says(acts in prop::collection::vec((0u8..4, 0u64..24, 0u32..100), 0..200)) {
            let mut map = NumberMap::new(16);
            let mut plain = BTreeMap::new();
            for (act, key, value) in acts {
                // Keys that fall on few cells: multiples of a large power of two collide in the top bits.
                let key = key << 59 | key;
                match act {
                    0 => prop_assert_eq!(map.remove(key), plain.remove(&key)),
                    1 => {
                        map.retain(|kept| kept % 3 != value % 3);
                        plain.retain(|_, kept| *kept % 3 != value % 3);
                    }
                    _ => {
                        let room = plain.len() < 16 || plain.contains_key(&key);
                        prop_assert_eq!(map.set(key, value), room);
                        if room {
                            plain.insert(key, value);
                        }
                    }
                }
                prop_assert_eq!(map.is_empty(), plain.is_empty());
                for key in (0u64..24).map(|key| key << 59 | key) {
                    prop_assert_eq!(map.get(key), plain.get(&key).copied());
                }
            }
        }
    }
}
