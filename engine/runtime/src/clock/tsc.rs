//! The processor's time stamp counter: raw on the hot path, tied to wall time from the cold side.
//!
//! `quanta` calibrates for a millisecond at most and never again, so its rate is off by parts per million and the
//! error grows with the hours. Differences under a second do not mind; wall time does: [`TscClock::re_anchor`],
//! called about once a second from a cold thread, ties the counter to the wall clock anew and measures its rate
//! over the whole time since the first anchor.
//!
//! Invariant: the anchor is read whole (a seqlock), and one thread at a time writes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Clock;
use crate::seqlock::SeqLock;

/// Shortest window from which a rate is measured: a shorter one says more about the readings than the counter.
const RATE_WINDOW_NS_MIN: u64 = 100_000_000;

/// Largest correction believed, in parts per million; more means that somebody set the wall clock.
const RATE_CORRECTION_PPM_MAX: u64 = 500;

/// Attempts at a wall-clock reading bracketed tightly by two raw ones.
const ANCHOR_ATTEMPTS: u32 = 16;

/// Clock over the time stamp counter. Clones share one anchor.
#[derive(Clone)]
pub struct TscClock {
    clock: quanta::Clock,
    /// Nanoseconds of 2^32 ticks, as calibrated at start.
    ns_per_2_32: u64,
    shared: Arc<Shared>,
}

struct Shared {
    /// Raw ticks, wall nanoseconds, nanoseconds of 2^32 ticks.
    anchor: SeqLock<3>,
    first: (u64, i64),
    is_anchoring: AtomicBool,
}

/// What re-anchoring found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchoring {
    /// By how much the clock's wall time was behind (positive) or ahead of the system's, nanoseconds.
    pub correction_ns: i64,
    /// Width of the bracket around the wall reading: the uncertainty, nanoseconds.
    pub uncertainty_ns: u64,
}

impl Default for TscClock {
    fn default() -> Self {
        Self::new()
    }
}

impl TscClock {
    /// Calibrates the counter (the first time in a process takes about a millisecond) and ties it to wall time.
    pub fn new() -> Self {
        let clock = quanta::Clock::new();
        let ns_per_2_32 = clock.delta_as_nanos(1, (1 << 32) + 1).max(1);
        let (raw, wall_ns, _) = bracketed(&clock, ns_per_2_32);
        let shared = Shared {
            anchor: SeqLock::new([raw, wall_ns.cast_unsigned(), ns_per_2_32]),
            first: (raw, wall_ns),
            is_anchoring: AtomicBool::new(false),
        };
        Self { clock, ns_per_2_32, shared: Arc::new(shared) }
    }

    /// Ticks of the counter, one `rdtsc`, not serialising.
    #[inline(always)]
    pub fn raw(&self) -> u64 {
        self.clock.raw()
    }

    /// Nanoseconds between two raw readings; 0 where `to_raw` is before `from_raw`, as two cores may disagree.
    #[inline(always)]
    pub fn delta_ns(&self, from_raw: u64, to_raw: u64) -> u64 {
        scale(to_raw.saturating_sub(from_raw), self.ns_per_2_32)
    }

    /// Ticks in `delta_ns` nanoseconds, for waiting without converting on every turn.
    pub fn ticks_of_ns(&self, delta_ns: u64) -> u64 {
        let ticks = (u128::from(delta_ns) << 32) / u128::from(self.ns_per_2_32);
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// Wall time of now, nanoseconds since the Unix epoch.
    #[inline]
    pub fn now_ns(&self) -> i64 {
        self.wall_ns(self.raw())
    }

    /// Wall time of a raw reading, before or after the anchor.
    #[inline]
    pub fn wall_ns(&self, raw: u64) -> i64 {
        let [anchor_raw, anchor_wall, ns_per_2_32] = self.shared.anchor.read();
        let anchor_wall_ns = anchor_wall.cast_signed();
        if raw >= anchor_raw {
            anchor_wall_ns.saturating_add_unsigned(scale(raw - anchor_raw, ns_per_2_32))
        } else {
            anchor_wall_ns.saturating_sub_unsigned(scale(anchor_raw - raw, ns_per_2_32))
        }
    }

    /// Ties the counter to the system's wall clock anew. For a cold thread, about once a second: it makes system
    /// calls. `None` where another thread is at it. Wall time may step by the correction, either way.
    pub fn re_anchor(&self) -> Option<Anchoring> {
        if self.shared.is_anchoring.swap(true, Ordering::Acquire) {
            return None;
        }
        let (raw, wall_ns, uncertainty_ns) = bracketed(&self.clock, self.ns_per_2_32);
        let correction_ns = wall_ns.saturating_sub(self.wall_ns(raw));
        let rate = self.rate_since_start(raw, wall_ns);
        self.shared.anchor.write_from_the_only_writer([raw, wall_ns.cast_unsigned(), rate]);
        self.shared.is_anchoring.store(false, Ordering::Release);
        Some(Anchoring { correction_ns, uncertainty_ns })
    }

    fn rate_since_start(&self, raw: u64, wall_ns: i64) -> u64 {
        let (first_raw, first_wall_ns) = self.shared.first;
        let ticks = raw.saturating_sub(first_raw);
        let elapsed_ns = u64::try_from(wall_ns.saturating_sub(first_wall_ns)).unwrap_or(0);
        if ticks == 0 || elapsed_ns < RATE_WINDOW_NS_MIN {
            return self.ns_per_2_32;
        }
        let rate = u64::try_from((u128::from(elapsed_ns) << 32) / u128::from(ticks)).unwrap_or(u64::MAX);
        let tolerance = self.ns_per_2_32 / 1_000_000 * RATE_CORRECTION_PPM_MAX;
        if rate.abs_diff(self.ns_per_2_32) > tolerance { self.ns_per_2_32 } else { rate }
    }
}

impl Clock for TscClock {
    #[inline]
    fn raw(&self) -> u64 {
        Self::raw(self)
    }

    #[inline]
    fn delta_ns(&self, from_raw: u64, to_raw: u64) -> u64 {
        Self::delta_ns(self, from_raw, to_raw)
    }

    #[inline]
    fn now_ns(&self) -> i64 {
        Self::now_ns(self)
    }
}

#[inline(always)]
#[allow(
    clippy::cast_possible_truncation,
    reason = "584 years of ticks at 4 GHz pass 2^64 nanoseconds no sooner"
)]
fn scale(ticks: u64, ns_per_2_32: u64) -> u64 {
    ((u128::from(ticks) * u128::from(ns_per_2_32)) >> 32) as u64
}

/// A wall reading and the raw reading in its middle: the tightest bracket of several.
fn bracketed(clock: &quanta::Clock, ns_per_2_32: u64) -> (u64, i64, u64) {
    let mut best = (0, 0, u64::MAX);
    for _ in 0..ANCHOR_ATTEMPTS {
        let before = clock.raw();
        let wall_ns = system_wall_ns();
        let after = clock.raw();
        let width_ns = scale(after.saturating_sub(before), ns_per_2_32);
        if width_ns < best.2 {
            best = (before + after.saturating_sub(before) / 2, wall_ns, width_ns);
        }
    }
    best
}

/// The system's wall clock, nanoseconds since the Unix epoch; negative before it.
pub fn system_wall_ns() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_difference_agrees_with_the_systems_monotonic_clock_within_a_per_mille() {
        let clock = TscClock::new();
        // Any pair of readings may be torn apart by the scheduler: of several, the one read closest together counts.
        let pairs = (0..1_000).map(|_| (Instant::now(), clock.raw(), Instant::now()));
        let (start, raw, _) = pairs.min_by_key(|(before, _, after)| *after - *before).unwrap();
        while start.elapsed() < Duration::from_millis(40) {
            std::hint::spin_loop();
        }
        let closest = (0..1_000)
            .map(|_| {
                let ours = clock.delta_ns(raw, clock.raw());
                let theirs = u64::try_from(start.elapsed().as_nanos()).unwrap();
                ours.abs_diff(theirs) * 1_000_000 / theirs
            })
            .min()
            .unwrap();
        assert!(closest < 1_000, "off by {closest} ppm");
    }

    #[test]
    fn wall_time_lies_between_two_system_readings_after_anchoring() {
        let clock = TscClock::new();
        let anchoring = clock.re_anchor().unwrap();
        let slack_ns = 2 * i64::try_from(anchoring.uncertainty_ns).unwrap() + 20_000;
        let before = system_wall_ns();
        let ours = clock.now_ns();
        let after = system_wall_ns();
        assert!(ours >= before - slack_ns, "{ours} is before {before}");
        assert!(ours <= after + slack_ns, "{ours} is after {after}");
    }

    #[test]
    fn a_reading_before_the_anchor_converts_backwards() {
        let clock = TscClock::new();
        let raw = clock.raw();
        clock.re_anchor().unwrap();
        let [anchor_raw, anchor_wall, rate] = clock.shared.anchor.read();
        assert!(raw < anchor_raw);
        assert_eq!(
            clock.wall_ns(raw),
            anchor_wall.cast_signed() - scale(anchor_raw - raw, rate).cast_signed()
        );
    }

    #[test]
    fn ticks_and_nanoseconds_convert_both_ways() {
        let clock = TscClock::new();
        let ticks = clock.ticks_of_ns(1_000_000);
        assert!(clock.delta_ns(0, ticks).abs_diff(1_000_000) <= 1);
        assert_eq!(clock.delta_ns(ticks, 0), 0, "a later start gives no negative time");
    }

    #[test]
    fn clones_share_the_anchor() {
        let clock = TscClock::new();
        let other = clock.clone();
        clock.re_anchor().unwrap();
        assert_eq!(clock.wall_ns(1_000_000_000), other.wall_ns(1_000_000_000));
    }
}
