//! When market records enter, and from when their latency counts.

use std::hint::black_box;

use tickrace_feeds::source::Source;
use tickrace_runtime::jitter::GAP_NS_MIN;
use tickrace_types::{MarketRecord, Record, ResponseRecord};

use crate::meters::Stamps;
use crate::stages::sequence::Entry;

/// Records enter as fast as they are handled: what is metered is service time.
pub struct FlatOut<'a> {
    is_stopped: &'a dyn Fn(u64) -> bool,
    guard: Option<&'a dyn Fn(u32) -> Option<MarketRecord>>,
    /// Records up to here are all metered.
    all_until: u64,
}

/// Records that [`FlatOut::sparing`] meters all of, so that a short run misses nothing, and of how many beyond it meters one.
const METERED_ALL: u64 = 1 << 16;
const METERED_ONE_IN: u64 = 16;

impl<'a> FlatOut<'a> {
    /// `is_stopped` is asked about once every thousand market records, with their count so far; it may also draw a
    /// progress bar.
    pub fn new(is_stopped: &'a dyn Fn(u64) -> bool) -> Self {
        Self { is_stopped, guard: None, all_until: u64::MAX }
    }

    /// Meters every record of the first 65,536, and one in sixteen after them. To read the clock takes 14 ns on a machine
    /// whose backtest handles a record in 60 (bench `desk`).
    #[must_use]
    pub const fn sparing(mut self) -> Self {
        self.all_until = METERED_ALL;
        self
    }

    /// Asks `guard` for verdicts about the machine, see [`Entry::verdict`].
    #[must_use]
    pub fn with_guard(mut self, guard: &'a dyn Fn(u32) -> Option<MarketRecord>) -> Self {
        self.guard = Some(guard);
        self
    }
}

impl Entry for FlatOut<'_> {
    #[inline]
    fn enter(&mut self, count: u64, stamps: &Stamps) -> u64 {
        let is_metered = count <= self.all_until || count.is_multiple_of(METERED_ONE_IN);
        if is_metered { stamps.clock().raw() } else { Stamps::UNMETERED }
    }

    fn is_stopped(&mut self, count: u64) -> bool {
        (self.is_stopped)(count)
    }

    fn verdict(&mut self, waiting_bps: u32) -> Option<MarketRecord> {
        self.guard.and_then(|guard| guard(waiting_bps))
    }
}

/// Records enter evenly spaced, and their latency counts from when they were due (open loop: waiting counts).
///
/// While it waits it is a jitter meter too: what passes between two looks at the clock, beyond
/// [`GAP_NS_MIN`], is time the machine took away in this very run.
pub struct Paced {
    interval_raw: f64,
    first_raw: Option<u64>,
    gap_raw_min: u64,
    lost_raw: u64,
    waited_raw: u64,
}

impl Paced {
    /// `per_second` records a second.
    pub fn new(per_second: f64, stamps: &Stamps) -> Self {
        Self {
            interval_raw: stamps.clock().ticks_of_ns(1_000_000_000) as f64 / per_second,
            first_raw: None,
            gap_raw_min: stamps.clock().ticks_of_ns(GAP_NS_MIN),
            lost_raw: 0,
            waited_raw: 0,
        }
    }

    /// Share of the time waited that the machine took away, in [0, 1].
    pub fn lost_fraction(&self) -> f64 {
        if self.waited_raw == 0 { 0.0 } else { self.lost_raw as f64 / self.waited_raw as f64 }
    }
}

impl Entry for Paced {
    #[inline]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts below 2^53, positive by construction"
    )]
    fn enter(&mut self, count: u64, stamps: &Stamps) -> u64 {
        let first = *self.first_raw.get_or_insert_with(|| stamps.clock().raw());
        let due = first + ((count - 1) as f64 * self.interval_raw) as u64;
        let start = stamps.clock().raw();
        let mut before = start;
        while before < due {
            let now = stamps.clock().raw();
            if now - before > self.gap_raw_min {
                self.lost_raw += now - before;
            }
            before = now;
        }
        self.waited_raw += before - start;
        due
    }

    fn is_stopped(&mut self, _count: u64) -> bool {
        false
    }
}

/// An entry whose latency includes decoding.
///
/// A replay decodes a record before it is due, to know when that is. Live, the bytes arrive when they are due and are
/// decoded then; so the same message is decoded once more, from a second reading of the data, after the wait.
pub struct Decoding<E, S> {
    entry: E,
    again: S,
    record: Record,
}

impl<E, S: Source> Decoding<E, S> {
    /// `again`: the market data of the run, read a second time.
    pub fn new(entry: E, again: S) -> Self {
        Self { entry, again, record: Record::default() }
    }

    /// The entry inside.
    pub fn entry(&self) -> &E {
        &self.entry
    }
}

impl<E: Entry, S: Source> Entry for Decoding<E, S> {
    #[inline]
    fn enter(&mut self, count: u64, stamps: &Stamps) -> u64 {
        let raw = self.entry.enter(count, stamps);
        black_box(self.again.next_into(&mut self.record));
        black_box(&self.record);
        raw
    }

    fn is_stopped(&mut self, count: u64) -> bool {
        self.entry.is_stopped(count)
    }

    #[inline]
    fn on_response(&mut self, response: &ResponseRecord) {
        self.entry.on_response(response);
    }

    #[inline]
    fn on_own(&mut self, record: &MarketRecord) {
        self.entry.on_own(record);
    }
}

#[cfg(test)]
mod tests {
    use tickrace_runtime::clock::TscClock;

    use super::*;

    #[test]
    fn a_sparing_entry_meters_all_of_a_short_run_and_a_share_of_a_long_one() {
        let stamps = Stamps::new(TscClock::new());
        let never = |_count| false;
        let (mut every, mut sparing) = (FlatOut::new(&never), FlatOut::new(&never).sparing());
        let metered = |entry: &mut FlatOut<'_>, counts: std::ops::RangeInclusive<u64>| {
            counts.filter(|count| entry.enter(*count, &stamps) != Stamps::UNMETERED).count()
        };
        assert_eq!(metered(&mut sparing, 1..=65_536), 65_536);
        assert_eq!(metered(&mut sparing, 65_537..=65_536 + 1_600), 100);
        assert_eq!(metered(&mut every, 65_537..=65_536 + 1_600), 1_600);
        // What is not metered has no latency.
        stamps.enter(7, Stamps::UNMETERED);
        assert_eq!(stamps.since_entry_ns(7), None);
    }
}
