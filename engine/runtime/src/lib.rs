//! What the desk runs on: clocks, rings, stages and links, placement, pinning, idle strategies, meters, snapshots
//! read across threads, flags that stop and kill, the allocator that proves the hot path
//! allocates nothing, and the one that puts large tables on huge pages.
//!
//! Knows nothing of books, strategies or venues. Unsafe code of the workspace lives here and in `journal`; our own
//! atomics (seqlock, slot ring, kill flag, stop and drain) pass loom: see `tests/loom.rs` and `scripts/loom`.

pub mod clock;
pub mod free_space;
pub mod huge;
pub mod idle;
pub mod jitter;
pub mod kill;
pub mod link;
pub mod map;
pub mod meter;
pub mod pin;
pub mod placement;
pub mod platform;
pub mod probe;
pub mod ring;
pub mod seal;
pub mod seqlock;
pub mod stage;
pub mod stop;
pub mod sync;
pub mod worker;
