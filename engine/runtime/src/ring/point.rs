//! Point to point: one producer, one consumer, over `rtrb`.
//!
//! A consumer that is gone is noticed when the ring is full, which is when it matters; records pushed before that
//! are lost with it. A producer that is gone is noticed by [`Consumer::is_finished`], after its last record.

use super::{Abandoned, Full, RingCounts, RingError, checked_capacity};
use crate::idle::{IdleStrategy, Idler};
use crate::stage::Emit;

/// A ring of `capacity` records.
///
/// # Errors
///
/// [`RingError::Capacity`] outside 1..=[`super::CAPACITY_MAX`].
pub fn ring<T: Copy + Send>(
    capacity: usize,
    full: Full,
    idle: IdleStrategy,
) -> Result<(Producer<T>, Consumer<T>), RingError> {
    let (producer, consumer) = rtrb::RingBuffer::new(checked_capacity(capacity)?);
    Ok((Producer { ring: producer, full, idle, counts: RingCounts::default() }, Consumer { ring: consumer }))
}

/// The writing end.
pub struct Producer<T> {
    ring: rtrb::Producer<T>,
    full: Full,
    idle: IdleStrategy,
    counts: RingCounts,
}

impl<T: Copy + Send> Producer<T> {
    /// Hands over one record, or gives it back where the ring is full. Counts neither as dropped: the caller decides.
    ///
    /// # Errors
    ///
    /// The record, where the ring is full.
    #[inline]
    pub fn try_push(&mut self, record: T) -> Result<(), T> {
        match self.ring.push(record) {
            Ok(()) => Ok(()),
            Err(rtrb::PushError::Full(record)) => {
                self.counts.full += 1;
                Err(record)
            }
        }
    }

    /// Hands over one record, waiting for room.
    ///
    /// # Errors
    ///
    /// [`Abandoned`] with the record, where the ring is full and the consumer is gone.
    #[inline]
    pub fn push(&mut self, record: T) -> Result<(), Abandoned<T>> {
        match self.ring.push(record) {
            Ok(()) => Ok(()),
            Err(rtrb::PushError::Full(record)) => self.push_slow(record),
        }
    }

    #[cold]
    #[inline(never)]
    fn push_slow(&mut self, mut record: T) -> Result<(), Abandoned<T>> {
        self.counts.full += 1;
        let mut idler = Idler::new(self.idle);
        loop {
            if self.ring.is_abandoned() {
                self.counts.lost += 1;
                return Err(Abandoned(record));
            }
            match self.ring.push(record) {
                Ok(()) => return Ok(()),
                Err(rtrb::PushError::Full(back)) => record = back,
            }
            idler.idle();
        }
    }

    /// Whether the consumer is gone.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }

    /// Records there is room for just now, at least.
    pub fn free(&self) -> usize {
        self.ring.slots()
    }

    /// What was counted so far.
    pub fn counts(&self) -> RingCounts {
        self.counts
    }
}

impl<T: Copy + Send> Emit<T> for Producer<T> {
    /// Hands over as the ring's [`Full`] says; what could not be handed over is in the counts.
    #[inline]
    fn emit(&mut self, record: &T) {
        match self.full {
            Full::Spin => drop(self.push(*record)),
            Full::DropAndCount => {
                if self.try_push(*record).is_err() {
                    self.counts.dropped += 1;
                }
            }
        }
    }
}

/// The reading end.
pub struct Consumer<T> {
    ring: rtrb::Consumer<T>,
}

impl<T: Copy + Send> Consumer<T> {
    /// The oldest record, if there is one.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        self.ring.pop().ok()
    }

    /// Handles what is there now, at most `records_max`, and frees the room once at the end: natural batching.
    /// Where `handle` panics, nothing counts as handled.
    #[inline]
    pub fn drain(&mut self, records_max: usize, mut handle: impl FnMut(&T)) -> usize {
        let count = self.ring.slots().min(records_max);
        if count == 0 {
            return 0;
        }
        let Ok(chunk) = self.ring.read_chunk(count) else { return 0 };
        let (first, second) = chunk.as_slices();
        first.iter().for_each(&mut handle);
        second.iter().for_each(&mut handle);
        chunk.commit_all();
        count
    }

    /// Records waiting just now, at least.
    pub fn waiting(&self) -> usize {
        self.ring.slots()
    }

    /// Whether the producer is gone; records may still wait.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }

    /// Whether the producer is gone and its last record was read.
    pub fn is_finished(&self) -> bool {
        // Flag, then cursor: the other way round, a last record could slip in between.
        self.ring.is_abandoned() && self.ring.slots() == 0
    }
}
