//! Words of a record on their way from one thread to the other.
//!
//! In the build they are relaxed atomics: on our processors a plain load or store of eight bytes, and no unsafe code
//! around them. A slot holds the record minus its first word, so the compiler's 16-byte copies would straddle the
//! words as they were just stored, and the processor cannot forward a load from two pending stores. Moved word by
//! word, and kept off the caller's stack, a record takes 1.08 of the probe where it took 1.14 (bench `ring`).
//!
//! Under loom a word is a cell that may not be touched by two threads at once. That asks for more than the atomics
//! need, and so loom names a missing ordering as such, also where it is too tame to show a torn record.

#[cfg(loom)]
use crate::sync::UnsafeCell;
#[cfg(not(loom))]
use crate::sync::{AtomicU64, Ordering};

/// A fixed number of words, and the place another thread reads them from.
pub trait Words: Copy + Send {
    /// Such a place.
    type Cells: Send + Sync;

    /// A place that holds zeros.
    fn cells() -> Self::Cells;
    /// Writes all of it, in no order that could be relied on.
    fn store(self, cells: &Self::Cells);
    /// Reads all of it, likewise.
    fn load(cells: &Self::Cells) -> Self;
}

impl<const COUNT: usize> Words for [u64; COUNT] {
    type Cells = [Word; COUNT];

    fn cells() -> Self::Cells {
        std::array::from_fn(|_| Word::new(0))
    }

    #[inline(always)]
    fn store(self, cells: &Self::Cells) {
        for (cell, word) in cells.iter().zip(self) {
            cell.store(word);
        }
    }

    #[inline(always)]
    fn load(cells: &Self::Cells) -> Self {
        std::array::from_fn(|index| cells[index].load())
    }
}

/// One word. Who may touch it when is said by the ring it belongs to.
#[cfg(not(loom))]
#[derive(Debug)]
pub struct Word(AtomicU64);

#[cfg(not(loom))]
impl Word {
    fn new(word: u64) -> Self {
        Self(AtomicU64::new(word))
    }

    #[inline(always)]
    fn store(&self, word: u64) {
        self.0.store(word, Ordering::Relaxed);
    }

    #[inline(always)]
    fn load(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One word. Who may touch it when is said by the ring it belongs to, and watched by loom.
#[cfg(loom)]
#[derive(Debug)]
pub struct Word(UnsafeCell<u64>);

// SAFETY: the ring's protocol gives the word to one thread at a time; loom's cell panics where it does not.
#[cfg(loom)]
unsafe impl Sync for Word {}

#[cfg(loom)]
impl Word {
    fn new(word: u64) -> Self {
        Self(UnsafeCell::new(word))
    }

    fn store(&self, word: u64) {
        // SAFETY: loom's cell panics where another thread may touch it at the same time.
        self.0.with_mut(|place| unsafe { place.write(word) });
    }

    fn load(&self) -> u64 {
        // SAFETY: as above.
        self.0.with(|place| unsafe { place.read() })
    }
}
