//! Time: raw ticks for meters, wall time for stamping inbound records, the record's own time in a replay.
//!
//! Deciding code never reads a clock; it sees the time of the record being handled.

pub mod manual;
pub mod replay;
pub mod tsc;

pub use manual::ManualClock;
pub use replay::ReplayClock;
pub use tsc::TscClock;

/// A source of time.
pub trait Clock {
    /// Raw ticks for differences; only this clock can turn them into nanoseconds.
    fn raw(&self) -> u64;

    /// Nanoseconds between two raw readings of this clock; 0 where `to_raw` is before `from_raw`.
    fn delta_ns(&self, from_raw: u64, to_raw: u64) -> u64;

    /// Wall time, nanoseconds since the Unix epoch.
    fn now_ns(&self) -> i64;
}
