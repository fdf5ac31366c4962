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

/// A value that can hold the number of another while it is free.
pub(crate) trait Linked {
    /// The number held.
    fn link(&self) -> u32;
    /// Holds a number.
    fn set_link(&mut self, id: u32);
}

#[derive(Clone, Debug)]
pub(crate) struct Pool<T> {
    slots: Vec<T>,
    /// Freed last; each free value links to the one freed before it.
    free: u32,
    growths: u64,
}

impl<T: Copy + Default + Linked> Pool<T> {
    /// A pool that takes room for `capacity` values now.
    pub(crate) fn new(capacity: usize) -> Self {
        let mut slots = Vec::with_capacity(capacity + 1);
        slots.push(T::default());
        Self { slots, free: NIL, growths: 0 }
    }

    /// A number whose value the caller writes next; `None` at [`POOL_MAX`].
    #[inline]
    pub(crate) fn take(&mut self) -> Option<u32> {
        let id = self.free;
        if id == NIL {
            return self.take_fresh();
        }
        self.free = self.slots[id as usize].link();
        Some(id)
    }

    /// Takes the number `id` back.
    #[inline]
    pub(crate) fn give_back(&mut self, id: u32) {
        debug_assert!(id != NIL, "number 0 is never given out");
        self.slots[id as usize].set_link(self.free);
        self.free = id;
    }

    pub(crate) fn growths(&self) -> u64 {
        self.growths
    }

    #[inline]
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

    impl Linked for u32 {
        fn link(&self) -> u32 {
            *self
        }
        fn set_link(&mut self, id: u32) {
            *self = id;
        }
    }

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
