//! Rings between threads: one producer to one consumer over `rtrb`, one to several over `disruptor`.
//!
//! What travels are records, plain `Copy` values. Every ring states what a full one means ([`Full`]) and counts it;
//! nothing here waits for a peer that is gone.

pub mod broadcast;
pub mod point;

pub use broadcast::{Broadcast, Ended, Listener, broadcast};
pub use point::{Consumer, Producer, ring};

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
