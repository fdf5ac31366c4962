//! The jitter meter: how much of a spinning thread's time the machine takes away, and in what pieces.
//!
//! A thread reads the time stamp counter as fast as it can; a gap between two readings is time somebody else had.
//! No latency beyond this floor is the code's, so a bench prints it beside its results.

use std::time::Duration;

use crate::clock::TscClock;
use crate::meter::{Meter, Summary};

/// Gaps at or under this are the reading itself, nanoseconds.
pub const GAP_NS_MIN: u64 = 200;

/// What was taken away.
#[derive(Clone, Debug, PartialEq)]
pub struct Jitter {
    /// Time watched, nanoseconds.
    pub watched_ns: u64,
    /// Time lost in gaps, nanoseconds.
    pub lost_ns: u64,
    /// The gaps over [`GAP_NS_MIN`].
    pub gaps: Summary,
}

impl Jitter {
    /// Share of the time lost, in [0, 1].
    #[allow(clippy::cast_precision_loss, reason = "a share for people; nanoseconds of hours are below 2^53")]
    pub fn lost_fraction(&self) -> f64 {
        if self.watched_ns == 0 { 0.0 } else { self.lost_ns as f64 / self.watched_ns as f64 }
    }

    /// Gaps per second.
    #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
    pub fn gaps_per_second(&self) -> f64 {
        if self.watched_ns == 0 { 0.0 } else { self.gaps.count as f64 * 1e9 / self.watched_ns as f64 }
    }
}

/// Watches the current thread's core for `duration`, spinning. Pin the thread first.
pub fn watch(clock: &TscClock, duration: Duration) -> Jitter {
    let until = clock.ticks_of_ns(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    let gap_ticks_min = clock.ticks_of_ns(GAP_NS_MIN);
    let mut meter = Meter::new();
    let mut lost_ns = 0;
    let start = clock.raw();
    let mut before = start;
    loop {
        let now = clock.raw();
        let gap = now.saturating_sub(before);
        if gap > gap_ticks_min {
            let gap_ns = clock.delta_ns(before, now);
            meter.record(gap_ns);
            lost_ns += gap_ns;
        }
        if now.saturating_sub(start) >= until {
            return Jitter { watched_ns: clock.delta_ns(start, now), lost_ns, gaps: meter.summary() };
        }
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_watches_as_long_as_told_and_its_sums_close() {
        let clock = TscClock::new();
        let jitter = watch(&clock, Duration::from_millis(20));
        assert!(jitter.watched_ns >= 19_999_000, "{jitter:?}");
        assert!(jitter.lost_ns <= jitter.watched_ns, "{jitter:?}");
        assert!(jitter.gaps.max <= jitter.lost_ns, "{jitter:?}");
        assert!((0.0..=1.0).contains(&jitter.lost_fraction()));
        assert!(jitter.gaps.count == 0 || jitter.gaps.max > GAP_NS_MIN);
    }
}
