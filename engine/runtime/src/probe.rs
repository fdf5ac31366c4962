//! The raw cache-line ping-pong: the physical limit of anything between two threads, measured in the same run.
//!
//! On a virtual machine the distance between two cores is bimodal and flips by itself: *near* (a shared cache)
//! costs about 100 ns there and back, *far* four to five times as much. A comparison counts only where the probe
//! before and after it saw the same regime.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::TscClock;
use crate::meter::{Meter, Summary};
use crate::pin::{PinError, pin_current};

/// Median round trip below which the two cores are taken to share a cache, nanoseconds: between the 90 to 110 of
/// near and the 450 to 490 of far.
pub const NEAR_RTT_NS_MAX: u64 = 220;

/// Movement of the median between two probes from which a bracketed run is mixed, per cent.
pub const MIXED_PERCENT: u64 = 20;

/// How far apart the two cores were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// They share a cache.
    Near,
    /// They do not.
    Far,
}

impl Regime {
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Far => "far",
        }
    }
}

/// One probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Round trips, nanoseconds.
    pub rtt_ns: Summary,
}

impl Probe {
    /// Which distance the median speaks of.
    pub const fn regime(&self) -> Regime {
        if self.rtt_ns.p50 <= NEAR_RTT_NS_MAX { Regime::Near } else { Regime::Far }
    }

    /// The regime that held from `self` to `after`; `None` where it changed or the median moved too far.
    pub fn bracket(&self, after: &Self) -> Option<Regime> {
        let moved = self.rtt_ns.p50.abs_diff(after.rtt_ns.p50) * 100;
        let is_steady = moved <= MIXED_PERCENT * self.rtt_ns.p50.min(after.rtt_ns.p50).max(1);
        (is_steady && self.regime() == after.regime()).then_some(self.regime())
    }
}

/// A flag on a pair of cache lines of its own: the neighbour line is fetched with it.
#[repr(align(128))]
struct Line(AtomicU64);

/// Sends a number there and back `round_trips` times between a thread on `cores.0` and one on `cores.1`, one atomic
/// store each way on a line each, both spinning.
///
/// # Errors
///
/// Where a thread cannot be pinned.
pub fn ping_pong(clock: &TscClock, cores: (usize, usize), round_trips: u64) -> Result<Probe, PinError> {
    let (there, back) = (Line(AtomicU64::new(0)), Line(AtomicU64::new(0)));
    std::thread::scope(|scope| {
        let echo = scope.spawn(|| {
            if let Err(error) = pin_current(cores.1) {
                back.0.store(u64::MAX, Ordering::Release);
                return Err(error);
            }
            back.0.store(1, Ordering::Release);
            for number in 2..round_trips + 2 {
                while there.0.load(Ordering::Acquire) != number {}
                back.0.store(number, Ordering::Release);
            }
            Ok(())
        });
        let ping = scope.spawn(|| {
            let pinned = pin_current(cores.0);
            let mut meter = Meter::new();
            while back.0.load(Ordering::Acquire) == 0 {
                std::thread::yield_now();
            }
            if back.0.load(Ordering::Acquire) == u64::MAX {
                return pinned.map(|()| meter);
            }
            // Runs even where pinning failed: the other thread waits for every number.
            for number in 2..round_trips + 2 {
                let start = clock.raw();
                there.0.store(number, Ordering::Release);
                while back.0.load(Ordering::Acquire) != number {}
                meter.record(clock.delta_ns(start, clock.raw()));
            }
            pinned.map(|()| meter)
        });
        let meter = ping.join().expect("the probe does not panic")?;
        echo.join().expect("the probe does not panic")?;
        Ok(Probe { rtt_ns: meter.summary() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pin::allowed_cores;

    fn probe(p50: u64) -> Probe {
        Probe { rtt_ns: Summary { p50, ..Summary::default() } }
    }

    #[test]
    fn every_round_trip_is_counted() {
        let [first, .., last] = allowed_cores() else { return };
        let probe = ping_pong(&TscClock::new(), (*first, *last), 500).unwrap();
        assert_eq!(probe.rtt_ns.count, 500);
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
        assert_eq!(probe(100).bracket(&probe(121)), None, "moved by more than a fifth");
        assert_eq!(probe(100).bracket(&probe(460)), None);
        assert_eq!(probe(460).bracket(&probe(100)), None);
    }
}
