//! Our own atomics under loom, each with a seeded mistake that loom must catch.
//!
//! Run with `scripts/loom`. A test that shows a mistake is `should_panic`: were the mistake harmless, it would fail.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "tests")]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering, fence};
use loom::thread;

use tickrace_runtime::kill::{self, KillFlag, Publication, RearmError};
use tickrace_runtime::ring::slot::{self, Handover, slot_ring};
use tickrace_runtime::ring::{Rx, Tx};
use tickrace_runtime::seqlock::{self, Fences, SeqLock};
use tickrace_runtime::stop::{FlagThenCursor, Looks, StopFlag, Turn};

fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(body);
}

// Seqlock: two writes against two reads; a value accepted is never torn and never runs backwards.

fn seqlock_is_read_whole<F: Fences + Send + Sync + 'static>() {
    model(|| {
        let lock = Arc::new(SeqLock::<2, F>::new([0, 0]));
        let writer = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                lock.write_from_the_only_writer([1, 1]);
                lock.write_from_the_only_writer([2, 2]);
            })
        };
        let mut last = 0;
        for _ in 0..2 {
            if let Some([first, second]) = lock.try_read() {
                assert_eq!(first, second, "torn");
                assert!(first >= last, "backwards");
                last = first;
            }
        }
        writer.join().unwrap();
        assert_eq!(lock.try_read(), Some([2, 2]));
    });
}

struct NoWriterFence;

impl Fences for NoWriterFence {
    fn after_odd_store() {}
    fn before_second_look() {
        fence(Ordering::Acquire);
    }
}

struct NoReaderFence;

impl Fences for NoReaderFence {
    fn after_odd_store() {
        fence(Ordering::Release);
    }
    fn before_second_look() {}
}

#[test]
fn a_seqlock_is_read_whole() {
    seqlock_is_read_whole::<seqlock::Sound>();
}

#[test]
#[should_panic(expected = "torn")]
fn a_seqlock_without_the_writers_fence_is_caught() {
    seqlock_is_read_whole::<NoWriterFence>();
}

#[test]
#[should_panic(expected = "torn")]
fn a_seqlock_without_the_readers_fence_is_caught() {
    seqlock_is_read_whole::<NoReaderFence>();
}

// Kill flag: who sees the kill sees what was written before it.

fn a_seen_kill_shows_its_cause<P: Publication + Send + Sync + 'static>() {
    model(|| {
        let flag = Arc::new(KillFlag::<P>::with_publication());
        let cause = Arc::new(UnsafeCell::new(0u64));
        let killer = {
            let (flag, cause) = (Arc::clone(&flag), Arc::clone(&cause));
            thread::spawn(move || {
                // SAFETY: the other thread reads only after it has seen the kill, which comes after this write;
                // loom checks exactly this.
                cause.with_mut(|cause| unsafe { *cause = 7 });
                flag.kill(3);
            })
        };
        if flag.is_killed() {
            // SAFETY: the kill was seen, so the write happened before.
            assert_eq!(cause.with(|cause| unsafe { *cause }), 7);
            assert_eq!(flag.reason(), Some(3));
        }
        killer.join().unwrap();
        assert!(flag.is_killed());
    });
}

struct RelaxedKill;

impl Publication for RelaxedKill {
    const KILL: Ordering = Ordering::Relaxed;
    const LOOK: Ordering = Ordering::Acquire;
}

struct RelaxedLook;

impl Publication for RelaxedLook {
    const KILL: Ordering = Ordering::Release;
    const LOOK: Ordering = Ordering::Relaxed;
}

#[test]
fn who_sees_the_kill_sees_its_cause() {
    a_seen_kill_shows_its_cause::<kill::Sound>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_relaxed_kill_is_caught() {
    a_seen_kill_shows_its_cause::<RelaxedKill>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_relaxed_look_is_caught() {
    a_seen_kill_shows_its_cause::<RelaxedLook>();
}

// Kill flag: a kill during re-arming is never lost.

/// The last kill came before the confirmation or after it; either way it may not vanish.
fn a_kill_is_never_lost(confirm: impl Fn(&KillFlag) -> bool + Copy + Send + Sync + 'static) {
    model(move || {
        let flag = Arc::new(KillFlag::new());
        flag.kill(1);
        flag.request_rearm().unwrap();
        let killer = {
            let flag = Arc::clone(&flag);
            thread::spawn(move || flag.kill(2))
        };
        let is_armed = confirm(&flag);
        killer.join().unwrap();
        // The second kill came after the request, so whatever the confirmation said, it stands.
        assert_eq!(flag.reason(), Some(2), "a kill was lost, confirmed: {is_armed}");
    });
}

#[test]
fn a_kill_during_rearming_stands() {
    a_kill_is_never_lost(|flag| flag.confirm_rearm().is_ok());
}

/// A confirmation as one is tempted to write it: look, then store, in two steps.
struct TwoStepFlag(AtomicU64);

#[test]
#[should_panic(expected = "a kill was lost")]
fn a_confirmation_in_two_steps_is_caught() {
    model(|| {
        let flag = Arc::new(TwoStepFlag(AtomicU64::new(2)));
        let killer = {
            let flag = Arc::clone(&flag);
            thread::spawn(move || flag.0.swap(1, Ordering::Release))
        };
        if flag.0.load(Ordering::Acquire) == 2 {
            flag.0.store(0, Ordering::Release);
        }
        killer.join().unwrap();
        assert_eq!(flag.0.load(Ordering::Acquire), 1, "a kill was lost");
    });
}

#[test]
fn two_confirmations_arm_once() {
    model(|| {
        let flag = Arc::new(KillFlag::new());
        flag.kill(1);
        flag.request_rearm().unwrap();
        let other = {
            let flag = Arc::clone(&flag);
            thread::spawn(move || flag.confirm_rearm())
        };
        let ours = flag.confirm_rearm();
        let theirs = other.join().unwrap();
        assert_eq!([ours, theirs].iter().filter(|result| result.is_ok()).count(), 1);
        assert!([ours, theirs].iter().all(|result| {
            matches!(result, Ok(()) | Err(RearmError::NotKilled | RearmError::NotRequested))
        }));
        assert!(!flag.is_killed());
    });
}

// Stop and drain: nothing written before the flag is lost.

fn nothing_is_lost_at_the_stop<L: Looks + Send + Sync + 'static>() {
    model(|| {
        let flag = Arc::new(StopFlag::<L>::with_looks());
        let written = Arc::new(AtomicU64::new(0));
        let writer = {
            let (flag, written) = (Arc::clone(&flag), Arc::clone(&written));
            thread::spawn(move || {
                written.store(1, Ordering::Release);
                written.store(2, Ordering::Release);
                flag.raise();
            })
        };
        let mut read = 0;
        loop {
            let turn = flag.turn(|| {
                let new = written.load(Ordering::Acquire) - read;
                read += new;
                usize::try_from(new).unwrap()
            });
            match turn {
                Turn::Done => break,
                Turn::Worked(_) => {}
                Turn::Idle => thread::yield_now(),
            }
        }
        assert_eq!(read, 2, "an event was lost");
        writer.join().unwrap();
    });
}

struct CursorThenFlag;

impl Looks for CursorThenFlag {
    const FLAG_FIRST: bool = false;
}

#[test]
fn stop_and_drain_loses_nothing() {
    nothing_is_lost_at_the_stop::<FlagThenCursor>();
}

#[test]
#[should_panic(expected = "an event was lost")]
fn the_cursor_read_before_the_flag_is_caught() {
    nothing_is_lost_at_the_stop::<CursorThenFlag>();
}

// Slot ring: two slots of two words, three records, so that one slot is used again in the second lap.

/// A record of two words with the top bit of the first to spare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair(u64, u64);

impl slot::Slotted for Pair {
    const SPARE_BIT: u64 = 1 << 63;
    type Rest = [u64; 1];

    fn split(&self) -> (u64, [u64; 1]) {
        (self.0, [self.1])
    }

    fn join(first: u64, [rest]: [u64; 1]) -> Self {
        Self(first, rest)
    }
}

fn records_cross_once_and_in_order<H: Handover + 'static>(records: u64, is_drained: bool) {
    model(move || {
        let (mut tx, mut rx) = slot_ring::<Pair, H>(2);
        let producer = thread::spawn(move || {
            for number in 1..=records {
                while !tx.try_push(&Pair(number, number * 10)) {
                    thread::yield_now();
                }
            }
        });
        let mut last = 0;
        let mut check = |record: &Pair| {
            last += 1;
            assert_eq!(*record, Pair(last, last * 10), "torn, lost, doubled or out of order");
        };
        loop {
            // Flag, then cursor.
            let is_last_look = rx.is_abandoned();
            let count = if is_drained {
                rx.drain(2, &mut check)
            } else {
                rx.pop().map_or(0, |record| {
                    check(&record);
                    1
                })
            };
            if count == 0 {
                if is_last_look {
                    break;
                }
                thread::yield_now();
            }
        }
        assert_eq!(last, records);
        producer.join().unwrap();
    });
}

struct RelaxedPublish;

impl Handover for RelaxedPublish {
    const PUBLISH: Ordering = Ordering::Relaxed;
    const LOOK: Ordering = Ordering::Acquire;
    const FREE: Ordering = Ordering::Release;
    const REUSE: Ordering = Ordering::Acquire;
}

struct RelaxedRecordLook;

impl Handover for RelaxedRecordLook {
    const PUBLISH: Ordering = Ordering::Release;
    const LOOK: Ordering = Ordering::Relaxed;
    const FREE: Ordering = Ordering::Release;
    const REUSE: Ordering = Ordering::Acquire;
}

struct RelaxedFree;

impl Handover for RelaxedFree {
    const PUBLISH: Ordering = Ordering::Release;
    const LOOK: Ordering = Ordering::Acquire;
    const FREE: Ordering = Ordering::Relaxed;
    const REUSE: Ordering = Ordering::Acquire;
}

struct RelaxedReuse;

impl Handover for RelaxedReuse {
    const PUBLISH: Ordering = Ordering::Release;
    const LOOK: Ordering = Ordering::Acquire;
    const FREE: Ordering = Ordering::Release;
    const REUSE: Ordering = Ordering::Relaxed;
}

#[test]
fn a_slot_ring_hands_over_every_record_once() {
    records_cross_once_and_in_order::<slot::Sound>(3, false);
}

#[test]
fn a_slot_ring_drained_in_batches_hands_over_every_record_once() {
    records_cross_once_and_in_order::<slot::Sound>(4, true);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_slot_ring_with_a_relaxed_publication_is_caught() {
    records_cross_once_and_in_order::<RelaxedPublish>(3, false);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_slot_ring_with_a_relaxed_look_is_caught() {
    records_cross_once_and_in_order::<RelaxedRecordLook>(3, false);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_slot_ring_with_a_relaxed_free_is_caught() {
    records_cross_once_and_in_order::<RelaxedFree>(3, false);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_slot_ring_with_a_relaxed_reuse_is_caught() {
    records_cross_once_and_in_order::<RelaxedReuse>(3, false);
}
