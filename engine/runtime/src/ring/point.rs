//! Point to point: one producer, one consumer, a policy for the full ring, and counts.
//!
//! A consumer that is gone is noticed when the ring is full, which is when it matters; records pushed before that
//! are lost with it. A producer that is gone is noticed by [`Consumer::is_finished`], after its last record.

use std::marker::PhantomData;

use super::slot::{SlotRx, SlotTx, Slotted, slot_ring};
use super::{Abandoned, Full, RingCounts, RingError, Rx, Tx, checked_capacity};
use crate::idle::{IdleStrategy, Idler};
use crate::stage::Emit;

/// A ring of `capacity` records, over our own [`slot_ring`].
///
/// # Errors
///
/// [`RingError::Capacity`] outside 1..=[`super::CAPACITY_MAX`].
pub fn ring<T: Slotted>(
    capacity: usize,
    full: Full,
    idle: IdleStrategy,
) -> Result<(Producer<T>, Consumer<T>), RingError> {
    let (tx, rx) = slot_ring(checked_capacity(capacity)?);
    Ok((Producer::new(tx, full, idle), Consumer::new(rx)))
}

/// The ends of a ring over `rtrb`.
pub type RtrbRing<T> = (Producer<T, rtrb::Producer<T>>, Consumer<T, rtrb::Consumer<T>>);

/// A ring of `capacity` values of any plain type, over `rtrb`.
///
/// # Errors
///
/// [`RingError::Capacity`] outside 1..=[`super::CAPACITY_MAX`].
pub fn ring_over_rtrb<T: Copy + Send>(
    capacity: usize,
    full: Full,
    idle: IdleStrategy,
) -> Result<RtrbRing<T>, RingError> {
    let (tx, rx) = rtrb::RingBuffer::new(checked_capacity(capacity)?);
    Ok((Producer::new(tx, full, idle), Consumer::new(rx)))
}

/// The writing end.
pub struct Producer<T, X = SlotTx<T>> {
    tx: X,
    full: Full,
    idle: IdleStrategy,
    counts: RingCounts,
    record: PhantomData<fn(T)>,
}

impl<T: Copy, X: Tx<T>> Producer<T, X> {
    fn new(tx: X, full: Full, idle: IdleStrategy) -> Self {
        Self { tx, full, idle, counts: RingCounts::default(), record: PhantomData }
    }

    // What is slow does not see the record. Were its address to leave the inlined code, every caller would write the
    // record to its stack first and copy it from there, and the copy would stall on the smaller stores the record is
    // put together from; so the push is tried again here, and only the waiting is a call (bench `ring`).

    /// Hands over one record, or gives it back where the ring is full. Not counted as dropped: the caller decides.
    ///
    /// # Errors
    ///
    /// The record, where the ring is full.
    #[inline]
    pub fn try_push(&mut self, record: T) -> Result<(), T> {
        if self.tx.try_push(&record) {
            Ok(())
        } else {
            self.counts.full += 1;
            Err(record)
        }
    }

    /// Hands over one record, waiting for room.
    ///
    /// # Errors
    ///
    /// [`Abandoned`] with the record, where the ring is full and the consumer is gone.
    #[inline]
    pub fn push(&mut self, record: T) -> Result<(), Abandoned<T>> {
        let mut idler = None;
        while !self.tx.try_push(&record) {
            if !self.wait(&mut idler) {
                return Err(Abandoned(record));
            }
        }
        Ok(())
    }

    /// The ring was found full: waits a little, from the second time on; false where the consumer is gone.
    #[cold]
    #[inline(never)]
    fn wait(&mut self, idler: &mut Option<Idler>) -> bool {
        match idler {
            None => {
                self.counts.full += 1;
                *idler = Some(Idler::new(self.idle));
            }
            Some(idler) => idler.idle(),
        }
        let is_abandoned = self.tx.is_abandoned();
        self.counts.lost += u64::from(is_abandoned);
        !is_abandoned
    }

    /// The ring was found full: waits, or drops and counts; whether to try again.
    #[cold]
    #[inline(never)]
    fn wait_or_drop(&mut self, idler: &mut Option<Idler>) -> bool {
        match self.full {
            Full::Spin => self.wait(idler),
            Full::DropAndCount => {
                self.counts.full += 1;
                self.counts.dropped += 1;
                false
            }
        }
    }

    /// Whether the consumer is gone.
    pub fn is_abandoned(&self) -> bool {
        self.tx.is_abandoned()
    }

    /// Records there is room for just now, at least.
    pub fn free(&self) -> usize {
        self.tx.free()
    }

    /// What was counted so far.
    pub fn counts(&self) -> RingCounts {
        self.counts
    }
}

impl<T: Copy, X: Tx<T>> Emit<T> for Producer<T, X> {
    /// Hands over as the ring's [`Full`] says; what could not be handed over is in the counts.
    #[inline]
    fn emit(&mut self, record: &mut T) {
        let mut idler = None;
        while !self.tx.try_push(record) && self.wait_or_drop(&mut idler) {}
    }
}

/// The reading end.
pub struct Consumer<T, X = SlotRx<T>> {
    rx: X,
    record: PhantomData<fn() -> T>,
}

impl<T: Copy, X: Rx<T>> Consumer<T, X> {
    fn new(rx: X) -> Self {
        Self { rx, record: PhantomData }
    }

    /// The oldest record, if there is one.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        self.rx.pop()
    }

    /// Handles what is there now, at most `records_max`, and frees the room once at the end: natural batching.
    /// Where `handle` panics, nothing counts as handled.
    #[inline]
    pub fn drain(&mut self, records_max: usize, handle: impl FnMut(&T)) -> usize {
        self.rx.drain(records_max, handle)
    }

    /// Whether no record waits just now.
    pub fn is_empty(&self) -> bool {
        self.rx.is_empty()
    }

    /// Whether the producer is gone; records may still wait.
    pub fn is_abandoned(&self) -> bool {
        self.rx.is_abandoned()
    }

    /// Whether the producer is gone and its last record was read.
    pub fn is_finished(&self) -> bool {
        // Flag, then cursor: the other way round, a last record could slip in between.
        self.rx.is_abandoned() && self.rx.is_empty()
    }
}

impl<T: Copy> Tx<T> for rtrb::Producer<T> {
    #[inline(always)]
    fn try_push(&mut self, record: &T) -> bool {
        self.push(*record).is_ok()
    }

    fn is_abandoned(&self) -> bool {
        Self::is_abandoned(self)
    }

    fn free(&self) -> usize {
        self.slots()
    }
}

impl<T: Copy> Rx<T> for rtrb::Consumer<T> {
    #[inline(always)]
    fn pop(&mut self) -> Option<T> {
        Self::pop(self).ok()
    }

    #[inline]
    fn drain(&mut self, records_max: usize, mut handle: impl FnMut(&T)) -> usize {
        let count = self.slots().min(records_max);
        if count == 0 {
            return 0;
        }
        let Ok(chunk) = self.read_chunk(count) else { return 0 };
        let (first, second) = chunk.as_slices();
        first.iter().for_each(&mut handle);
        second.iter().for_each(&mut handle);
        chunk.commit_all();
        count
    }

    fn is_abandoned(&self) -> bool {
        Self::is_abandoned(self)
    }

    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}
