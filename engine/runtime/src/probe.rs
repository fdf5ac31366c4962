//! The raw cache-line ping-pong: the physical limit of anything between two threads, measured in the same run.
//!
//! On a virtual machine the distance between two cores flips by itself: *near* (a shared cache) costs about 100 ns
//! there and back, *far* four to five times as much, and now and then the two are *siblings*, threads of one core, at
//! half of near. A comparison counts only where the probe before and after it saw the same regime.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::TscClock;
use crate::meter::{Meter, Summary};
use crate::pin::{PinError, pin_current};

/// Typical round trip up to which the two cores are taken to be threads of one core, nanoseconds: between the 53 of
/// siblings and the 90 to 130 of near.
pub const SIBLING_RTT_NS_MAX: u64 = 72;

/// Typical round trip up to which the two cores are taken to share a cache, nanoseconds: between the 90 to 130 of
/// near and the 450 to 540 of far.
pub const NEAR_RTT_NS_MAX: u64 = 220;

/// Round trips timed together for [`Probe::typical_rtt_ps`].
pub const CHUNK: u64 = 64;

/// Movement of the typical round trip between two probes from which a bracketed run is mixed, per cent.
pub const MIXED_PERCENT: u64 = 20;

/// How far apart the two cores were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// They are threads of one core.
    Sibling,
    /// They share a cache.
    Near,
    /// They do not.
    Far,
}

impl Regime {
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sibling => "sibling",
            Self::Near => "near",
            Self::Far => "far",
        }
    }
}

/// One probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Round trips one by one, nanoseconds, the stamps included; the counter of some hosts steps by 10 ns.
    pub rtt_ns: Summary,
    /// Median over chunks of [`CHUNK`] round trips of the mean round trip, picoseconds: fine enough for ratios.
    pub typical_rtt_ps: u64,
}

impl Probe {
    /// Which distance the typical round trip speaks of.
    pub const fn regime(&self) -> Regime {
        if self.typical_rtt_ps <= SIBLING_RTT_NS_MAX * 1_000 {
            Regime::Sibling
        } else if self.typical_rtt_ps <= NEAR_RTT_NS_MAX * 1_000 {
            Regime::Near
        } else {
            Regime::Far
        }
    }

    /// The regime that held from `self` to `after`; `None` where it changed or the round trip moved too far.
    pub fn bracket(&self, after: &Self) -> Option<Regime> {
        let moved = self.typical_rtt_ps.abs_diff(after.typical_rtt_ps) * 100;
        let is_steady = moved <= MIXED_PERCENT * self.typical_rtt_ps.min(after.typical_rtt_ps).max(1);
        (is_steady && self.regime() == after.regime()).then_some(self.regime())
    }
}

/// A flag on a pair of cache lines of its own: the neighbour line is fetched with it.
#[repr(align(128))]
struct Line(AtomicU64);

/// Sends a number there and back between a thread on `cores.0` and one on `cores.1`, one atomic store each way on a
/// line each, both spinning: `round_trips` times stamped one by one, and as often again stamped by the chunk.
///
/// # Errors
///
/// Where a thread cannot be pinned.
pub fn ping_pong(clock: &TscClock, cores: (usize, usize), round_trips: u64) -> Result<Probe, PinError> {
    let (there, back) = (Line(AtomicU64::new(0)), Line(AtomicU64::new(0)));
    std::thread::scope(|scope| {
        let echo = scope.spawn(|| {
            if let Err(error) = pin_current(cores.1) {
                back.0.store(NEVER, Ordering::Release);
                return Err(error);
            }
            back.0.store(READY, Ordering::Release);
            let mut expected = READY + 1;
            loop {
                let number = there.0.load(Ordering::Acquire);
                if number == expected {
                    back.0.store(number, Ordering::Release);
                    expected += 1;
                } else if number == NEVER {
                    return Ok(());
                }
            }
        });
        let ping = scope.spawn(|| {
            let result = pin_current(cores.0).map(|()| ping(clock, &there.0, &back.0, round_trips));
            there.0.store(NEVER, Ordering::Release);
            result
        });
        let probe = ping.join().expect("the probe does not panic")?;
        echo.join().expect("the probe does not panic")?;
        Ok(probe)
    })
}

/// First number of the echo: it is there.
const READY: u64 = 1;

/// Says that nothing more will come.
const NEVER: u64 = u64::MAX;

fn ping(clock: &TscClock, there: &AtomicU64, back: &AtomicU64, round_trips: u64) -> Probe {
    while back.load(Ordering::Acquire) == 0 {
        std::thread::yield_now();
    }
    let mut number = READY;
    // Returns at once where the echo could not be pinned; its own thread tells.
    let mut round_trip = || {
        number += 1;
        there.store(number, Ordering::Release);
        loop {
            let seen = back.load(Ordering::Acquire);
            if seen == number || seen == NEVER {
                return;
            }
        }
    };
    let mut meter = Meter::new();
    for _ in 0..round_trips {
        let start = clock.raw();
        round_trip();
        meter.record(clock.delta_ns(start, clock.raw()));
    }
    let typical_rtt_ps = typical_ps(clock, round_trips, round_trip);
    Probe { rtt_ns: meter.summary(), typical_rtt_ps }
}

/// Median over chunks of [`CHUNK`] calls of what one call takes, picoseconds; `calls` is rounded up to whole chunks.
pub fn typical_ps(clock: &TscClock, calls: u64, mut call: impl FnMut()) -> u64 {
    let mut chunks: Vec<u64> = (0..calls.div_ceil(CHUNK).max(1))
        .map(|_| {
            let start = clock.raw();
            (0..CHUNK).for_each(|_| call());
            clock.delta_ns(start, clock.raw()) * 1_000 / CHUNK
        })
        .collect();
    chunks.sort_unstable();
    chunks[chunks.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pin::allowed_cores;

    fn probe(typical_ns: u64) -> Probe {
        Probe { rtt_ns: Summary::default(), typical_rtt_ps: typical_ns * 1_000 }
    }

    #[test]
    fn every_round_trip_is_counted() {
        let [first, .., last] = allowed_cores() else { return };
        let probe = ping_pong(&TscClock::new(), (*first, *last), 500).unwrap();
        assert_eq!(probe.rtt_ns.count, 500);
        assert!(probe.typical_rtt_ps > 1_000, "a line does not travel twice in a nanosecond: {probe:?}");
    }

    #[test]
    fn a_core_that_is_not_there_is_an_error_not_a_hang() {
        let core = allowed_cores()[0];
        let clock = TscClock::new();
        assert!(ping_pong(&clock, (core, 9_999), 10).is_err());
        assert!(ping_pong(&clock, (9_999, core), 10).is_err());
    }

    #[test]
    fn a_bracket_holds_only_where_both_ends_agree() {
        assert_eq!(probe(100).bracket(&probe(110)), Some(Regime::Near));
        assert_eq!(probe(460).bracket(&probe(480)), Some(Regime::Far));
        assert_eq!(probe(53).bracket(&probe(55)), Some(Regime::Sibling));
        assert_eq!(probe(100).bracket(&probe(121)), None, "moved by more than a fifth");
        assert_eq!(probe(100).bracket(&probe(460)), None);
        assert_eq!(probe(460).bracket(&probe(100)), None);
    }
}
