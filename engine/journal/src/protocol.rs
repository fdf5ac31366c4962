//! How a writer hands lines to readers: payload first, then the cursor; the last cursor first, then the state.
//!
//! Written against [`Word`], so that the model checker explores these very functions on its own atomics
//! (`tests/loom.rs`), while the journal runs them on words of the mapped file.

use std::sync::atomic::{AtomicU64, Ordering, fence};

/// A shared word with one writer.
pub trait Word {
    /// Makes everything this thread wrote before visible to whoever loads `value`.
    fn store_release(&self, value: u64);
    /// Loads; what was written before the store of the value loaded is visible after.
    fn load_acquire(&self) -> u64;
}

impl Word for AtomicU64 {
    #[inline]
    fn store_release(&self, value: u64) {
        self.store(value, Ordering::Release);
    }

    #[inline]
    fn load_acquire(&self) -> u64 {
        // A relaxed load and a fence: readers map the file read-only, where only relaxed loads are promised to work.
        let value = self.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        value
    }
}

/// What a reader may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Everything before this offset may be read.
    pub end: u64,
    /// 0 while the segment is open; else `end` is final.
    pub state: u64,
}

/// Commits everything before `end`.
#[inline]
pub fn publish(cursor: &impl Word, end: u64) {
    cursor.store_release(end);
}

/// Closes a segment at `end`: the cursor first, so that who sees the state sees the last cursor.
pub fn close(cursor: &impl Word, state_word: &impl Word, end: u64, state: u64) {
    cursor.store_release(end);
    state_word.store_release(state);
}

/// Reads in the opposite order of [`close`]: the state, then the cursor.
#[inline]
pub fn observe(cursor: &impl Word, state_word: &impl Word) -> Observed {
    let state = state_word.load_acquire();
    let end = cursor.load_acquire();
    Observed { end, state }
}
