//! Stop and drain: a thread told to stop first finishes what was written before it was told.
//!
//! The order is everything: *read the flag, then the cursor*. The other way round, an event may be written and the
//! flag raised between the two looks, and the event is lost; loom shows it (`tests/loom.rs`).

use std::marker::PhantomData;

use crate::idle::Idler;
use crate::sync::{AtomicBool, Ordering};

/// Which of the two is looked at first, so that a test can turn them round and see it caught.
pub trait Looks {
    /// Whether the flag is read before the cursor.
    const FLAG_FIRST: bool;
}

/// As it must be.
#[derive(Debug)]
pub struct FlagThenCursor;

impl Looks for FlagThenCursor {
    const FLAG_FIRST: bool = true;
}

/// Raised once, after the last event was written; never lowered.
#[derive(Debug)]
pub struct StopFlag<L: Looks = FlagThenCursor> {
    is_raised: AtomicBool,
    looks: PhantomData<L>,
}

/// What one turn of a draining loop did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Handled so many events.
    Worked(usize),
    /// Found nothing; more may come.
    Idle,
    /// Found nothing, and nothing can come.
    Done,
}

impl StopFlag {
    /// Not raised.
    pub fn new() -> Self {
        Self::with_looks()
    }
}

impl Default for StopFlag {
    fn default() -> Self {
        Self::new()
    }
}

impl<L: Looks> StopFlag<L> {
    /// Not raised, with the looks of `L`.
    pub fn with_looks() -> Self {
        Self { is_raised: AtomicBool::new(false), looks: PhantomData }
    }

    /// Nothing more will be written. Call it after the last write, from the writing thread or one that joined it.
    pub fn raise(&self) {
        self.is_raised.store(true, Ordering::Release);
    }

    /// Whether it was raised.
    #[inline]
    pub fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::Acquire)
    }

    /// One turn: `drain` handles what is there and says how many events it handled.
    #[inline]
    pub fn turn(&self, mut drain: impl FnMut() -> usize) -> Turn {
        let was_raised = L::FLAG_FIRST && self.is_raised();
        let handled = drain();
        if handled > 0 {
            Turn::Worked(handled)
        } else if was_raised || (!L::FLAG_FIRST && self.is_raised()) {
            Turn::Done
        } else {
            Turn::Idle
        }
    }

    /// Turns until stopped and empty; the number of events handled.
    pub fn run(&self, idler: &mut Idler, mut drain: impl FnMut() -> usize) -> u64 {
        let mut total = 0;
        loop {
            match self.turn(&mut drain) {
                Turn::Worked(handled) => {
                    total += handled as u64;
                    idler.reset();
                }
                Turn::Idle => idler.idle(),
                Turn::Done => return total,
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::idle::IdleStrategy;
    use crate::ring::{Full, ring};

    #[test]
    fn everything_written_before_the_flag_is_handled() {
        let (mut producer, mut consumer) = ring::<u64>(64, Full::Spin, IdleStrategy::default()).unwrap();
        let flag = StopFlag::new();
        let mut sum = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1..=10_000 {
                    producer.push(number).unwrap();
                }
                flag.raise();
            });
            let mut idler = Idler::new(IdleStrategy::SpinThenYield { spins: 10 });
            let handled = flag.run(&mut idler, || consumer.drain(16, |number| sum += number));
            assert_eq!(handled, 10_000);
        });
        assert_eq!(sum, 10_000 * 10_001 / 2);
    }

    #[test]
    fn a_turn_without_events_ends_only_once_the_flag_is_up() {
        let flag = StopFlag::new();
        assert_eq!(flag.turn(|| 0), Turn::Idle);
        flag.raise();
        assert_eq!(flag.turn(|| 3), Turn::Worked(3));
        assert_eq!(flag.turn(|| 0), Turn::Done);
    }

    #[test]
    fn a_flag_raised_during_the_drain_counts_from_the_next_turn() {
        let flag = StopFlag::new();
        let turn = flag.turn(|| {
            flag.raise();
            0
        });
        assert_eq!(turn, Turn::Idle, "what was written just before the flag has not been looked for yet");
    }
}
