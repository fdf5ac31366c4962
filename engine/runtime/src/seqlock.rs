//! Seqlock: a small value written by one thread and read whole by any number of others, who never hold it up.
//!
//! The sequence is odd while a write is under way. The payload words are relaxed atomics, so a torn read is no data
//! race; two fences order them against the sequence: the writer's release fence after the odd store, the reader's
//! acquire fence before the second look. Either one left out lets a reader accept a torn value, and loom shows it
//! (`tests/loom.rs`).
//!
//! Invariant: one writer at a time. A second one could tear values, though never memory; [`snapshot`] hands out a
//! writer that cannot be cloned.

use std::marker::PhantomData;

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::sync::{Arc, AtomicU64, Ordering, fence, spin_loop};

/// The two fences, so that a test can leave one out and see it caught.
pub trait Fences {
    /// Between the odd store and the payload's stores.
    fn after_odd_store();
    /// Between the payload's loads and the second load of the sequence.
    fn before_second_look();
}

/// The fences as they must be.
#[derive(Debug)]
pub struct Sound;

impl Fences for Sound {
    #[inline(always)]
    fn after_odd_store() {
        fence(Ordering::Release);
    }

    #[inline(always)]
    fn before_second_look() {
        fence(Ordering::Acquire);
    }
}

/// `WORDS` 64-bit words that are read whole.
#[derive(Debug)]
#[repr(align(128))]
pub struct SeqLock<const WORDS: usize, F: Fences = Sound> {
    /// Odd while a write is under way. Only the writer writes it.
    seq: AtomicU64,
    /// Only the writer writes them.
    words: [AtomicU64; WORDS],
    fences: PhantomData<F>,
}

impl<const WORDS: usize, F: Fences> SeqLock<WORDS, F> {
    /// Starts with `words`.
    pub fn new(words: [u64; WORDS]) -> Self {
        Self { seq: AtomicU64::new(0), words: words.map(AtomicU64::new), fences: PhantomData }
    }

    /// Replaces the value. The caller sees to it that no other thread writes at the same time.
    #[inline]
    pub fn write_from_the_only_writer(&self, words: [u64; WORDS]) {
        let seq = self.seq.load(Ordering::Relaxed);
        self.seq.store(seq.wrapping_add(1), Ordering::Relaxed);
        F::after_odd_store();
        for (cell, word) in self.words.iter().zip(words) {
            cell.store(word, Ordering::Relaxed);
        }
        self.seq.store(seq.wrapping_add(2), Ordering::Release);
    }

    /// The value, or `None` where a write was under way.
    #[inline]
    pub fn try_read(&self) -> Option<[u64; WORDS]> {
        let before = self.seq.load(Ordering::Acquire);
        if before & 1 == 1 {
            return None;
        }
        let words = std::array::from_fn(|place| self.words[place].load(Ordering::Relaxed));
        F::before_second_look();
        (self.seq.load(Ordering::Relaxed) == before).then_some(words)
    }

    /// The value; waits out a write under way, which takes as long as storing `WORDS` words.
    #[inline]
    pub fn read(&self) -> [u64; WORDS] {
        loop {
            if let Some(words) = self.try_read() {
                return words;
            }
            spin_loop();
        }
    }

    /// Number of writes so far, for noticing that something changed.
    #[inline]
    pub fn writes(&self) -> u64 {
        self.seq.load(Ordering::Acquire) / 2
    }
}

/// A record that one thread publishes and others read whole. `WORDS` is the record's size in 8 bytes.
pub fn snapshot<T: Plain, const WORDS: usize>(
    initial: &T,
) -> (SnapshotWriter<T, WORDS>, SnapshotReader<T, WORDS>) {
    const { assert!(size_of::<T>() == WORDS * 8, "WORDS is the record's size in 8 bytes") };
    let lock = Arc::new(SeqLock::new(to_words(initial)));
    (
        SnapshotWriter { lock: Arc::clone(&lock), record: PhantomData },
        SnapshotReader { lock, record: PhantomData },
    )
}

/// Plain bytes that can be copied word by word.
pub trait Plain: Copy + FromBytes + IntoBytes + Immutable {}
impl<T: Copy + FromBytes + IntoBytes + Immutable> Plain for T {}

/// The one writer of a snapshot.
pub struct SnapshotWriter<T, const WORDS: usize> {
    lock: Arc<SeqLock<WORDS>>,
    record: PhantomData<T>,
}

impl<T: Plain, const WORDS: usize> SnapshotWriter<T, WORDS> {
    /// Publishes `record` in place of the one before. Never waits.
    #[inline]
    pub fn write(&mut self, record: &T) {
        self.lock.write_from_the_only_writer(to_words(record));
    }
}

/// One of the readers of a snapshot.
pub struct SnapshotReader<T, const WORDS: usize> {
    lock: Arc<SeqLock<WORDS>>,
    record: PhantomData<T>,
}

impl<T, const WORDS: usize> Clone for SnapshotReader<T, WORDS> {
    fn clone(&self) -> Self {
        Self { lock: Arc::clone(&self.lock), record: PhantomData }
    }
}

impl<T: Plain, const WORDS: usize> SnapshotReader<T, WORDS> {
    /// The record published last.
    #[inline]
    pub fn read(&self) -> T {
        from_words(self.lock.read())
    }

    /// Number of records published after the first.
    #[inline]
    pub fn writes(&self) -> u64 {
        self.lock.writes()
    }
}

#[inline]
fn to_words<T: Plain, const WORDS: usize>(record: &T) -> [u64; WORDS] {
    let mut words = [0u64; WORDS];
    words.as_mut_bytes().copy_from_slice(record.as_bytes());
    words
}

#[inline]
fn from_words<T: Plain, const WORDS: usize>(words: [u64; WORDS]) -> T {
    T::read_from_bytes(words.as_bytes()).expect("`snapshot` asserts that the sizes agree")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::AtomicBool;

    use tickrace_types::TopOfBook;

    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let mut top = TopOfBook::default();
        let (mut writer, reader) = snapshot::<_, 8>(&top);
        assert_eq!(reader.read(), top);
        top.bid_px = 7;
        top.ask_px = 9;
        writer.write(&top);
        assert_eq!(reader.read(), top);
        assert_eq!(reader.writes(), 1);
    }

    #[test]
    fn readers_on_another_thread_never_see_a_torn_value() {
        let lock = SeqLock::<6>::new([0; 6]);
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1..=200_000u64 {
                    lock.write_from_the_only_writer([round; 6]);
                    if round % 64 == 0 {
                        std::thread::yield_now();
                    }
                }
                is_done.store(true, Ordering::Release);
            });
            let mut last = 0;
            while !is_done.load(Ordering::Acquire) {
                let words = lock.read();
                assert!(words.iter().all(|word| *word == words[0]), "torn: {words:?}");
                assert!(words[0] >= last, "time ran backwards: {} after {last}", words[0]);
                last = words[0];
            }
        });
        assert_eq!(lock.read(), [200_000; 6]);
    }

    #[test]
    fn a_read_during_a_write_is_refused() {
        let lock = SeqLock::<1>::new([5]);
        lock.seq.store(1, Ordering::Relaxed);
        assert_eq!(lock.try_read(), None);
        lock.seq.store(2, Ordering::Relaxed);
        assert_eq!(lock.try_read(), Some([5]));
    }
}
