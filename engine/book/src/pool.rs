//! A pool of small values under `u32` numbers, freed last in first out.
//!
//! Number 0 is never given out: it stands for "none", and its slot absorbs writes that have no target, so that
//! unlinking from a list needs no branch. Free numbers stand on a stack of their own: giving one out touches no value,
//! so a new value is written without having been read. The pool allocates only when more values live than it was made
//! for, and counts that.

use std::ops::{Index, IndexMut};

use tickrace_types::prefetch::prefetch;

/// "None" where a pool's number is stored.
pub(crate) const NIL: u32 = 0;

/// The most values one pool holds: numbers are 32 bits and one of them is [`NIL`].
pub(crate) const POOL_MAX: usize = u32::MAX as usize - 1;

#[derive(Debug)]
pub(crate) struct Pool<T> {
    slots: Vec<T>,
    /// Numbers given back, the last one on top.
    free: Vec<u32>,
    growths: u64,
}

impl<T: Clone> Clone for Pool<T> {
    /// Keeps the room, which a copied vector would not: the copy allocates no sooner than the original.
    fn clone(&self) -> Self {
        let mut slots = Vec::with_capacity(self.slots.capacity());
        slots.extend_from_slice(&self.slots);
        let mut free = Vec::with_capacity(self.free.capacity());
        free.extend_from_slice(&self.free);
        Self { slots, free, growths: self.growths }
    }
}

impl<T: Copy + Default> Pool<T> {
    /// A pool that takes room for `capacity` values now.
    pub(crate) fn new(capacity: usize) -> Self {
        let mut slots = Vec::with_capacity(capacity + 1);
        slots.push(T::default());
        Self { free: Vec::with_capacity(slots.capacity()), slots, growths: 0 }
    }

    /// A number whose value the caller writes next; `None` at [`POOL_MAX`].
    #[inline(always)]
    pub(crate) fn take(&mut self) -> Option<u32> {
        match self.free.pop() {
            Some(id) => Some(id),
            None => self.take_fresh(),
        }
    }

    /// Takes the number `id` back.
    #[inline(always)]
    pub(crate) fn give_back(&mut self, id: u32) {
        debug_assert!(id != NIL, "number 0 is never given out");
        debug_assert!(self.free.len() < self.free.capacity(), "there is room for every number");
        self.free.push(id);
    }

    pub(crate) fn growths(&self) -> u64 {
        self.growths
    }

    #[inline(always)]
    pub(crate) fn prefetch(&self, id: u32) {
        prefetch(&self.slots, id as usize);
    }

    #[cold]
    #[inline(never)]
    fn take_fresh(&mut self) -> Option<u32> {
        if self.slots.len() > POOL_MAX {
            return None;
        }
        self.growths += u64::from(self.slots.len() == self.slots.capacity());
        let id = u32::try_from(self.slots.len()).ok()?;
        self.slots.push(T::default());
        // None is free: room for all of them at once, so that giving back never allocates.
        self.free.reserve(self.slots.capacity());
        Some(id)
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
        let mut pool: Pool<u32> = Pool::new(4);
        for value in 10..14 {
            let id = pool.take().unwrap();
            pool[id] = value;
        }
        pool.give_back(2);
        pool.give_back(4);
        assert_eq!((pool.take(), pool.take()), (Some(4), Some(2)));
        assert_eq!((pool[1], pool[3], pool.growths()), (10, 12, 0));
    }

    #[test]
    fn the_fifth_value_in_a_pool_for_four_is_a_counted_growth() {
        let mut pool: Pool<u32> = Pool::new(4);
        assert_eq!((0..5).filter_map(|_| pool.take()).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(pool.growths(), 1);
    }
}
