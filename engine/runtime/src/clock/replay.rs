//! The time of the record being handled, as a clock: what a replayed day has instead of a wall clock.

use std::cell::Cell;

use super::Clock;

/// Follows the records' receive times and never runs backwards; one raw tick is one nanosecond.
#[derive(Debug)]
pub struct ReplayClock {
    now_ns: Cell<i64>,
}

impl Default for ReplayClock {
    fn default() -> Self {
        Self::new()
    }
}

impl ReplayClock {
    /// Stands at the Unix epoch until the first record.
    pub fn new() -> Self {
        Self { now_ns: Cell::new(0) }
    }

    /// A record received at `ts_recv_ns` is being handled.
    #[inline]
    pub fn on_record(&self, ts_recv_ns: i64) {
        self.now_ns.set(self.now_ns.get().max(ts_recv_ns));
    }
}

impl Clock for ReplayClock {
    #[inline]
    fn raw(&self) -> u64 {
        self.now_ns.get().cast_unsigned()
    }

    #[inline]
    fn delta_ns(&self, from_raw: u64, to_raw: u64) -> u64 {
        to_raw.saturating_sub(from_raw)
    }

    #[inline]
    fn now_ns(&self) -> i64 {
        self.now_ns.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_the_records_time_and_never_runs_backwards() {
        let clock = ReplayClock::new();
        clock.on_record(500);
        assert_eq!(clock.now_ns(), 500);
        clock.on_record(400);
        assert_eq!(clock.now_ns(), 500);
        clock.on_record(501);
        assert_eq!(clock.now_ns(), 501);
    }
}
