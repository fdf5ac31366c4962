//! Our own ring, one producer to one consumer, where a record and the word that says it is there share a line.
//!
//! A record is a multiple of 64 bytes and leaves one bit of its first word unused. That bit tells the lap: the
//! producer writes the rest of the record, then stores the first word with the bit of this lap (release); the
//! consumer looks at the first word of the next slot (acquire) until the bit is this lap's. So one cache line
//! travels per 64-byte record, where a ring with a tail cursor moves two, one after the other. The consumer's cursor
//! goes the other way, and the producer looks at it only when the ring may be full.
//!
//! Near, a round trip takes some 0.65 of `rtrb`'s; far 1.1, though 0.85 at p99 (bench `ring`). Who waits does well to
//! pause between two looks: otherwise the consumer takes the line back between two of the producer's stores (with a
//! pause near 0.75, far 0.7 of the time without).
//!
//! Invariants: `tail - head <= capacity <= slots`; the consumer reads only slots whose bit is this lap's, the
//! producer writes only slots at least one lap behind `head`. Explored by loom, seeded mistakes included
//! (`tests/loom.rs`); measured against `rtrb` in bench `ring`.

use std::marker::PhantomData;

use tickrace_types::{Envelope, MarketRecord, OrderRecord, Record, ResponseRecord, SymbolRecord};

use super::{Rx, Tx, word::Words};
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering};

/// A record that can be told apart from its first word and has a bit of that word to spare.
pub trait Slotted: Copy + Send {
    /// The bit of the first word that is always 0 in a record. A record that has it set arrives without it.
    const SPARE_BIT: u64;
    /// What follows the first word: `[u64; _]`.
    type Rest: Words;

    /// First word and rest.
    fn split(&self) -> (u64, Self::Rest);
    /// The record again.
    fn join(first: u64, rest: Self::Rest) -> Self;
}

/// Our records begin with kind, version, flags and source, a byte each; versions stay below 128, so the top bit of
/// the second byte is free.
const VERSION_TOP_BIT: u64 = u64::from_ne_bytes([0, 0x80, 0, 0, 0, 0, 0, 0]);
const _: () = assert!(tickrace_types::event::VERSION < 0x80);
const _: () = assert!(std::mem::offset_of!(tickrace_types::Header, version) == 1);

macro_rules! slotted {
    ($($record:ty: $words:literal),* $(,)?) => {$(
        impl Slotted for $record {
            const SPARE_BIT: u64 = VERSION_TOP_BIT;
            type Rest = [u64; $words - 1];

            #[inline(always)]
            fn split(&self) -> (u64, Self::Rest) {
                let [first, rest @ ..]: [u64; $words] = zerocopy::transmute!(*self);
                (first, rest)
            }

            #[inline(always)]
            fn join(first: u64, rest: Self::Rest) -> Self {
                let mut words = [first; $words];
                words[1..].copy_from_slice(&rest);
                zerocopy::transmute!(words)
            }
        }
    )*};
}

slotted! {
    Record: 8, MarketRecord: 8, SymbolRecord: 8,
    OrderRecord: 16, ResponseRecord: 16, Envelope: 16,
}

/// A bare number below 2^63: for tests and for cursors that travel.
impl Slotted for u64 {
    const SPARE_BIT: u64 = 1 << 63;
    type Rest = [u64; 0];

    #[inline(always)]
    fn split(&self) -> (u64, [u64; 0]) {
        (*self, [])
    }

    #[inline(always)]
    fn join(first: u64, _: [u64; 0]) -> Self {
        first
    }
}

/// The four orderings, so that a test can weaken one and see it caught.
pub trait Handover: Send + Sync {
    /// Of the store that makes a record visible.
    const PUBLISH: Ordering;
    /// Of the load that looks for one.
    const LOOK: Ordering;
    /// Of the store that gives slots back.
    const FREE: Ordering;
    /// Of the load before slots are used again.
    const REUSE: Ordering;
}

/// The orderings as they must be.
#[derive(Debug)]
pub struct Sound;

impl Handover for Sound {
    const PUBLISH: Ordering = Ordering::Release;
    const LOOK: Ordering = Ordering::Acquire;
    const FREE: Ordering = Ordering::Release;
    const REUSE: Ordering = Ordering::Acquire;
}

/// One record on cache lines of its own.
#[repr(C, align(64))]
struct Slot<R: Words> {
    /// First word with the lap's bit. Only the producer writes it.
    first: AtomicU64,
    /// Only the producer writes it: before the release store of `first`, and after an acquire load of `head` that
    /// saw the slot given back. Only the consumer reads it, after an acquire load of `first` that saw that store.
    rest: R::Cells,
}

// A slot of our records is as large as the record: the bit costs no space.
#[cfg(not(loom))]
const _: () = assert!(size_of::<Slot<<Record as Slotted>::Rest>>() == 64);
#[cfg(not(loom))]
const _: () = assert!(size_of::<Slot<<Envelope as Slotted>::Rest>>() == 128);

/// On a pair of lines of its own: the neighbour line is fetched with it.
#[repr(align(128))]
struct Padded<T>(T);

struct Shared<T: Slotted> {
    /// A power of two of them.
    slots: Box<[Slot<T::Rest>]>,
    /// Records read so far. Only the consumer writes it.
    head: Padded<AtomicU64>,
    is_producer_gone: Padded<AtomicBool>,
    is_consumer_gone: AtomicBool,
}

/// A ring of `capacity` records, at least 1. The slots are rounded up to a power of two, the capacity is not.
pub fn slot_ring<T: Slotted, H: Handover>(capacity: usize) -> (SlotTx<T, H>, SlotRx<T, H>) {
    let size = capacity.max(1).next_power_of_two();
    let empty = || Slot { first: AtomicU64::new(0), rest: T::Rest::cells() };
    let shared = Arc::new(Shared {
        slots: (0..size).map(|_| empty()).collect(),
        head: Padded(AtomicU64::new(0)),
        is_producer_gone: Padded(AtomicBool::new(false)),
        is_consumer_gone: AtomicBool::new(false),
    });
    let (size, capacity) = (size as u64, capacity.max(1) as u64);
    (
        SlotTx { shared: Arc::clone(&shared), size, capacity, tail: 0, head_seen: 0, handover: PhantomData },
        SlotRx { shared, size, head: 0, handover: PhantomData },
    )
}

/// Bit that slot number `index` (counted without wrapping) carries when written: set in the first lap, for fresh
/// slots carry none, then by turns.
#[inline(always)]
fn lap_bit<T: Slotted>(index: u64, size: u64) -> u64 {
    if index & size == 0 { T::SPARE_BIT } else { 0 }
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "masked to the number of slots, which is a usize")]
fn slot_of<T: Slotted>(shared: &Shared<T>, index: u64) -> &Slot<T::Rest> {
    &shared.slots[index as usize & (shared.slots.len() - 1)]
}

/// The writing end.
pub struct SlotTx<T: Slotted, H: Handover = Sound> {
    shared: Arc<Shared<T>>,
    size: u64,
    capacity: u64,
    /// Records written so far.
    tail: u64,
    /// `head` as last looked at.
    head_seen: u64,
    handover: PhantomData<H>,
}

impl<T: Slotted, H: Handover> Tx<T> for SlotTx<T, H> {
    #[inline(always)]
    fn try_push(&mut self, record: &T) -> bool {
        if self.tail - self.head_seen == self.capacity {
            self.head_seen = self.shared.head.0.load(H::REUSE);
            if self.tail - self.head_seen == self.capacity {
                return false;
            }
        }
        let slot = slot_of(&self.shared, self.tail);
        let (first, rest) = record.split();
        // `tail - head < capacity <= slots`, so the consumer has read this slot's last lap (seen by the load of
        // `head` above or before) and does not read it until the store below.
        rest.store(&slot.rest);
        let marked = first & !T::SPARE_BIT | lap_bit::<T>(self.tail, self.size);
        slot.first.store(marked, H::PUBLISH);
        self.tail += 1;
        true
    }

    fn is_abandoned(&self) -> bool {
        self.shared.is_consumer_gone.load(Ordering::Acquire)
    }

    #[allow(clippy::cast_possible_truncation, reason = "at most the capacity, which is a usize")]
    fn free(&self) -> usize {
        (self.capacity - (self.tail - self.shared.head.0.load(Ordering::Acquire))) as usize
    }
}

impl<T: Slotted, H: Handover> Drop for SlotTx<T, H> {
    fn drop(&mut self) {
        self.shared.is_producer_gone.0.store(true, Ordering::Release);
    }
}

/// The reading end.
pub struct SlotRx<T: Slotted, H: Handover = Sound> {
    shared: Arc<Shared<T>>,
    size: u64,
    /// Records read so far.
    head: u64,
    handover: PhantomData<H>,
}

impl<T: Slotted, H: Handover> SlotRx<T, H> {
    /// Record number `index`, where it was written.
    #[inline(always)]
    fn peek(&self, index: u64) -> Option<T> {
        let slot = slot_of(&self.shared, index);
        let marked = slot.first.load(H::LOOK);
        if marked & T::SPARE_BIT != lap_bit::<T>(index, self.size) {
            return None;
        }
        // The bit is this lap's, so the producer's write of `rest` happened before; it writes the slot again only
        // after `head` has passed `index`, which needs `&mut self`.
        Some(T::join(marked & !T::SPARE_BIT, T::Rest::load(&slot.rest)))
    }

    #[inline(always)]
    fn advance_to(&mut self, head: u64) {
        self.head = head;
        self.shared.head.0.store(head, H::FREE);
    }
}

impl<T: Slotted, H: Handover> Rx<T> for SlotRx<T, H> {
    #[inline(always)]
    fn pop(&mut self) -> Option<T> {
        let record = self.peek(self.head)?;
        self.advance_to(self.head + 1);
        Some(record)
    }

    #[inline]
    fn drain(&mut self, records_max: usize, mut handle: impl FnMut(&T)) -> usize {
        let mut count = 0;
        while count < records_max {
            let Some(record) = self.peek(self.head + count as u64) else { break };
            handle(&record);
            count += 1;
        }
        if count > 0 {
            self.advance_to(self.head + count as u64);
        }
        count
    }

    fn is_abandoned(&self) -> bool {
        self.shared.is_producer_gone.0.load(Ordering::Acquire)
    }

    fn is_empty(&self) -> bool {
        self.peek(self.head).is_none()
    }
}

impl<T: Slotted, H: Handover> Drop for SlotRx<T, H> {
    fn drop(&mut self) {
        self.shared.is_consumer_gone.store(true, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use tickrace_types::{Header, Kind};

    use super::*;

    #[test]
    fn a_record_arrives_as_it_was_sent_in_every_lap() {
        let (mut producer, mut consumer) = slot_ring::<ResponseRecord, Sound>(3);
        for seq in 0..40 {
            let header = Header {
                kind: Kind::Response as u8,
                version: 1,
                instrument: u32::MAX,
                seq,
                ..Header::default()
            };
            let record = ResponseRecord { header, ..ResponseRecord::default() };
            assert!(producer.try_push(&record));
            assert_eq!(consumer.pop(), Some(record));
            assert_eq!(consumer.pop(), None, "nothing is read twice");
        }
    }

    #[test]
    fn the_capacity_is_the_one_asked_for_though_the_slots_are_more() {
        let (mut producer, mut consumer) = slot_ring::<u64, Sound>(3);
        assert_eq!(producer.free(), 3);
        for number in 1..=3 {
            assert!(producer.try_push(&number));
        }
        assert!(!producer.try_push(&4));
        let mut seen = Vec::new();
        assert_eq!(consumer.drain(2, |number| seen.push(*number)), 2);
        assert!(producer.try_push(&4));
        assert_eq!(consumer.drain(9, |number| seen.push(*number)), 2);
        assert_eq!(seen, [1, 2, 3, 4]);
    }

    #[test]
    fn a_spare_bit_that_is_set_costs_the_bit_and_not_the_order() {
        let (mut producer, mut consumer) = slot_ring::<u64, Sound>(2);
        for number in 0..9u64 {
            assert!(producer.try_push(&(number | 1 << 63)));
            assert_eq!(consumer.pop(), Some(number));
        }
        assert_eq!(consumer.pop(), None);
    }
}
