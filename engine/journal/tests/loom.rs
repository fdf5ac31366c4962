//! The commit protocol under the model checker: `scripts/loom`, or
//! `RUSTFLAGS="--cfg loom" cargo test --release -p tickrace-journal --test loom`.
//!
//! The functions of `tickrace_journal::protocol` run here on loom's atomics, the payload in loom's cells: a read that
//! is not ordered after its write is an error of the model. Each mistake that could be made is seeded once, and must
//! be caught.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![cfg(loom)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering, fence};
use loom::thread;
use tickrace_journal::protocol::{Observed, Word, close, observe, publish};

/// A word as the journal uses it.
struct Sound(AtomicU64);

impl Word for Sound {
    fn store_release(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }

    fn load_acquire(&self) -> u64 {
        let value = self.0.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        value
    }
}

/// Mistake: the store promises nothing.
struct RelaxedStore(AtomicU64);

impl Word for RelaxedStore {
    fn store_release(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    fn load_acquire(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Mistake: the load asks for nothing.
struct RelaxedLoad(AtomicU64);

impl Word for RelaxedLoad {
    fn store_release(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }

    fn load_acquire(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

trait New: Word + Send + Sync + 'static {
    fn new() -> Self;
}

impl New for Sound {
    fn new() -> Self {
        Self(AtomicU64::new(0))
    }
}

impl New for RelaxedStore {
    fn new() -> Self {
        Self(AtomicU64::new(0))
    }
}

impl New for RelaxedLoad {
    fn new() -> Self {
        Self(AtomicU64::new(0))
    }
}

/// A segment of three lines.
struct Segment<W> {
    cursor: W,
    state: W,
    lines: [UnsafeCell<u64>; 3],
}

// SAFETY: the cells are shared as the protocol under test orders; loom reports every access that is not.
unsafe impl<W: Sync> Sync for Segment<W> {}
// SAFETY: as above.
unsafe impl<W: Send> Send for Segment<W> {}

impl<W: New> Segment<W> {
    fn new() -> Self {
        Self { cursor: W::new(), state: W::new(), lines: std::array::from_fn(|_| UnsafeCell::new(0)) }
    }

    fn write(&self, index: usize) {
        // SAFETY: only the writing thread calls this; loom checks that no reader is there.
        self.lines[index].with_mut(|line| unsafe { *line = index as u64 + 100 });
    }

    fn read(&self, index: usize) -> u64 {
        // SAFETY: below the cursor; loom checks that the write is ordered before.
        self.lines[index].with(|line| unsafe { *line })
    }
}

/// Two lines committed one by one, the third with the close. The reader looks twice; after the state it must have all.
fn explore<W: New>(look: fn(&Segment<W>) -> Observed) {
    loom::model(move || {
        let segment = Arc::new(Segment::<W>::new());
        let writer = {
            let segment = Arc::clone(&segment);
            thread::spawn(move || {
                segment.write(0);
                publish(&segment.cursor, 1);
                segment.write(1);
                publish(&segment.cursor, 2);
                segment.write(2);
                close(&segment.cursor, &segment.state, 3, 1);
            })
        };
        let mut seen = 0;
        for _ in 0..2 {
            let said = look(&segment);
            while (seen as u64) < said.end {
                assert_eq!(segment.read(seen), seen as u64 + 100);
                seen += 1;
            }
            if said.state != 0 {
                assert_eq!(seen, 3, "a closed segment was left before its end");
            }
        }
        writer.join().unwrap();
    });
}

fn is_caught<W: New>(look: fn(&Segment<W>) -> Observed) -> bool {
    catch_unwind(AssertUnwindSafe(|| explore::<W>(look))).is_err()
}

#[test]
fn a_reader_sees_whole_lines_only_and_all_of_a_closed_segment() {
    explore::<Sound>(|segment| observe(&segment.cursor, &segment.state));
}

#[test]
fn a_relaxed_store_of_the_cursor_is_caught() {
    assert!(is_caught::<RelaxedStore>(|segment| observe(&segment.cursor, &segment.state)));
}

#[test]
fn a_relaxed_load_of_the_cursor_is_caught() {
    assert!(is_caught::<RelaxedLoad>(|segment| observe(&segment.cursor, &segment.state)));
}

#[test]
fn reading_the_cursor_before_the_state_is_caught() {
    assert!(is_caught::<Sound>(|segment| {
        let end = segment.cursor.load_acquire();
        let state = segment.state.load_acquire();
        Observed { end, state }
    }));
}
