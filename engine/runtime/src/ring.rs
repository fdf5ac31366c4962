//! Rings between threads: one producer to one consumer, and one to several over `disruptor`.
//!
//! Point to point there are two behind one small interface ([`Tx`], [`Rx`]): our own ([`slot`]), which [`ring`]
//! builds, and `rtrb` for values that have no bit to spare. What travels are plain `Copy` values. Every ring states
//! what a full one means ([`Full`]) and counts it; nothing here waits for a peer that is gone.

pub mod broadcast;
pub mod point;
pub mod slot;
pub mod word;

pub use broadcast::{Broadcast, Ended, Listener, broadcast};
pub use point::{Consumer, Producer, ring, ring_over_rtrb};
pub use slot::Slotted;

/// The writing end of a ring, without a policy: never waits.
pub trait Tx<T> {
    /// Hands over one record; false where the ring is full. By reference, so that it is copied once, into its slot.
    #[must_use = "false says that the record was not taken"]
    fn try_push(&mut self, record: &T) -> bool;

    /// Whether the consumer is gone.
    fn is_abandoned(&self) -> bool;

    /// Records there is room for just now, at least.
    fn free(&self) -> usize;
}

/// The reading end of a ring: never waits.
pub trait Rx<T> {
    /// The oldest record, if there is one.
    fn pop(&mut self) -> Option<T>;

    /// Handles what is there now, at most `records_max`, and frees the room once at the end: natural batching.
    /// Where `handle` panics, nothing counts as handled.
    fn drain(&mut self, records_max: usize, handle: impl FnMut(&T)) -> usize;

    /// Whether the producer is gone; records may still wait.
    fn is_abandoned(&self) -> bool;

    /// Whether no record waits just now.
    fn is_empty(&self) -> bool;
}

/// What a producer does with a record for which the ring has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Waits, as its idle strategy says, until there is room or the consumer is gone. Lossless.
    Spin,
    /// Drops the record and counts it; the reader is told by the count.
    DropAndCount,
}

/// A ring that cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// Capacity out of bounds.
    #[error("ring capacity {capacity} is not between 1 and {}", CAPACITY_MAX)]
    Capacity {
        /// As asked.
        capacity: usize,
    },
    /// Nobody listens, or too many.
    #[error("{listeners} listeners are not between 1 and {}", LISTENERS_MAX)]
    Listeners {
        /// As asked.
        listeners: usize,
    },
}

/// Largest capacity of a ring, in records.
pub const CAPACITY_MAX: usize = 1 << 24;

/// Most listeners of a broadcast.
pub const LISTENERS_MAX: usize = 16;

/// The other end is gone; holds what could not be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the other end of the ring is gone")]
pub struct Abandoned<T>(pub T);

/// What a producer counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingCounts {
    /// Times the ring was found full.
    pub full: u64,
    /// Records dropped because it was full ([`Full::DropAndCount`]).
    pub dropped: u64,
    /// Records lost because the other end was gone.
    pub lost: u64,
}

pub(crate) fn checked_capacity(capacity: usize) -> Result<usize, RingError> {
    if (1..=CAPACITY_MAX).contains(&capacity) { Ok(capacity) } else { Err(RingError::Capacity { capacity }) }
}
