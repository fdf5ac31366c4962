//! From a client id to a slot: open addressing, fixed capacity, no allocation after construction.
//!
//! Linear probing at a load of at most a quarter; removal shifts the run back, so there are no tombstones and
//! lookups stay short for ever. Id 0 means empty.

/// Ids to slots.
#[derive(Clone, Debug)]
pub(crate) struct IdMap {
    entries: Vec<(u64, u32)>,
    mask: usize,
}

impl IdMap {
    /// For up to `capacity` ids at once.
    pub(crate) fn new(capacity: usize) -> Self {
        let size = (capacity.max(4) * 4).next_power_of_two();
        Self { entries: vec![(0, 0); size], mask: size - 1 }
    }

    #[inline]
    fn home(&self, id: u64) -> usize {
        // Ids count up: neighbours in time stand near each other, so that few lines are in use, and a few cells apart,
        // so that a block of old ones is no long run to those that come round to it.
        #[allow(clippy::cast_possible_truncation, reason = "masked to the entries")]
        let place = id.wrapping_mul(5) as usize;
        place & self.mask
    }

    /// Slot of an id.
    #[inline]
    pub(crate) fn get(&self, id: u64) -> Option<u32> {
        if id == 0 {
            return None;
        }
        let mut place = self.home(id);
        loop {
            let (key, slot) = self.entries[place];
            if key == id {
                return Some(slot);
            }
            if key == 0 {
                return None;
            }
            place = (place + 1) & self.mask;
        }
    }

    /// Adds an id that is not there; the caller keeps to the capacity.
    #[inline]
    pub(crate) fn insert(&mut self, id: u64, slot: u32) {
        debug_assert!(id != 0 && self.get(id).is_none(), "id {id} is new and not zero");
        let mut place = self.home(id);
        while self.entries[place].0 != 0 {
            place = (place + 1) & self.mask;
        }
        self.entries[place] = (id, slot);
    }

    /// Removes an id; nothing happens where it is absent.
    pub(crate) fn remove(&mut self, id: u64) {
        if id == 0 {
            return;
        }
        let mut hole = self.home(id);
        while self.entries[hole].0 != id {
            if self.entries[hole].0 == 0 {
                return;
            }
            hole = (hole + 1) & self.mask;
        }
        let mut place = hole;
        loop {
            place = (place + 1) & self.mask;
            let key = self.entries[place].0;
            if key == 0 {
                break;
            }
            // The entry may fill the hole unless its home lies behind the hole (cyclically).
            let displaced = place.wrapping_sub(self.home(key)) & self.mask;
            let distance = place.wrapping_sub(hole) & self.mask;
            if displaced >= distance {
                self.entries[hole] = self.entries[place];
                hole = place;
            }
        }
        self.entries[hole] = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_map(acts in prop::collection::vec((any::<bool>(), 1u64..40), 1..400)) {
            let mut fast = IdMap::new(12);
            let mut plain = BTreeMap::new();
            for (slot, (add, id)) in (0u32..).zip(acts) {
                if add && plain.len() < 12 && !plain.contains_key(&id) {
                    fast.insert(id, slot);
                    plain.insert(id, slot);
                } else {
                    fast.remove(id);
                    plain.remove(&id);
                }
                for asked in 0..41 {
                    prop_assert_eq!(fast.get(asked), plain.get(&asked).copied());
                }
            }
        }
    }
}
