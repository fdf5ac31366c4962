//! A pool of small values under `u32` numbers, freed last in first out.
//!
//! Number 0 is never given out: it stands for "none", and its slot absorbs writes that have no target, so that
//! unlinking from a list needs no branch. The pool allocates only when more values live than it was made for,
//! and counts that.

use std::ops::{Index, IndexMut};

use tickrace_types::prefetch::prefetch;

/// "None" where a pool's number is stored.
pub(crate) const NIL: u32 = 0;

/// The most values one pool holds: numbers are 32 bits and one of them is [`NIL`].
pub(crate) const POOL_MAX: usize = u32::MAX as usize - 1;

#[derive(Clone, Debug)]
pub(crate) struct Pool<T> {
    slots: Vec<T>,
    free: Vec<u32>,
    growths: u64,
}

impl<T: Copy + Default> Pool<T> {
    /// A pool that takes room for `capacity` values now.
    pub(crate) fn new(capacity: usize) -> Self {
        let mut slots = Vec::with_capacity(capacity + 1);
        slots.push(T::default());
        Self { slots, free: Vec::with_capacity(capacity), growths: 0 }
    }

    /// Stores `value` under a number of its own; `None` at [`POOL_MAX`].
    #[inline]
    pub(crate) fn take(&mut self, value: T) -> Option<u32> {
        if let Some(id) = self.free.pop() {
            self.slots[id as usize] = value;
            return Some(id);
        }
        if self.slots.len() == self.slots.capacity() {
            self.grow()?;
        }
        let id = u32::try_from(self.slots.len()).ok()?;
        self.slots.push(value);
        Some(id)
    }

    /// Takes the number `id` back.
    #[inline]
    pub(crate) fn give_back(&mut self, id: u32) {
        debug_assert!(id != NIL && self.free.len() < self.slots.len());
        self.free.push(id);
    }

    /// Values stored.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - 1 - self.free.len()
    }

    pub(crate) fn growths(&self) -> u64 {
        self.growths
    }

    #[inline]
    pub(crate) fn prefetch(&self, id: u32) {
        prefetch(&self.slots, id as usize);
    }

    #[cold]
    fn grow(&mut self) -> Option<()> {
        if self.slots.len() >= POOL_MAX {
            return None;
        }
        self.slots.reserve(self.slots.len());
        // Every value may be given back at once: the free list never grows by itself.
        self.free.reserve(self.slots.capacity() - self.free.len());
        self.growths += 1;
        Some(())
    }
}

impl<T> Index<u32> for Pool<T> {
    type Output = T;
    #[inline]
    fn index(&self, id: u32) -> &T {
        &self.slots[id as usize]
    }
}

impl<T> IndexMut<u32> for Pool<T> {
    #[inline]
    fn index_mut(&mut self, id: u32) -> &mut T {
        &mut self.slots[id as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_given_back_is_the_first_given_out() {
        let mut pool = Pool::new(4);
        let ids: Vec<u32> = (10..14u64).map(|value| pool.take(value).unwrap()).collect();
        assert_eq!(ids, [1, 2, 3, 4]);
        pool.give_back(2);
        pool.give_back(4);
        assert_eq!((pool.take(20), pool.take(21), pool.len()), (Some(4), Some(2), 4));
        assert_eq!((pool[1], pool[2], pool[4], pool.growths()), (10, 21, 20, 0));
    }

    #[test]
    fn the_fifth_value_in_a_pool_for_four_is_a_counted_growth() {
        let mut pool = Pool::new(4);
        (0..5u64).for_each(|value| assert!(pool.take(value).is_some()));
        assert_eq!((pool.len(), pool.growths()), (5, 1));
    }
}
