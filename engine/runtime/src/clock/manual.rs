//! A clock that tests turn by hand.

use std::cell::Cell;

use super::Clock;

/// Stands still until told otherwise; one raw tick is one nanosecond.
#[derive(Debug, Default)]
pub struct ManualClock {
    now_ns: Cell<i64>,
}

impl ManualClock {
    /// Starts at `now_ns` since the Unix epoch.
    pub fn new(now_ns: i64) -> Self {
        Self { now_ns: Cell::new(now_ns) }
    }

    /// Jumps to `now_ns`, forwards or backwards.
    pub fn set_ns(&self, now_ns: i64) {
        self.now_ns.set(now_ns);
    }

    /// Moves on by `step_ns`.
    pub fn advance_ns(&self, step_ns: i64) {
        self.now_ns.set(self.now_ns.get().saturating_add(step_ns));
    }
}

impl Clock for ManualClock {
    fn raw(&self) -> u64 {
        self.now_ns.get().cast_unsigned()
    }

    fn delta_ns(&self, from_raw: u64, to_raw: u64) -> u64 {
        to_raw.saturating_sub(from_raw)
    }

    fn now_ns(&self) -> i64 {
        self.now_ns.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_only_when_told() {
        let clock = ManualClock::new(1_000);
        let before = clock.raw();
        assert_eq!(clock.now_ns(), 1_000);
        clock.advance_ns(250);
        assert_eq!(clock.now_ns(), 1_250);
        assert_eq!(clock.delta_ns(before, clock.raw()), 250);
        clock.set_ns(900);
        assert_eq!(clock.delta_ns(before, clock.raw()), 0, "a step back is no negative time");
    }
}
