//! How busy each minute of the day is, and how far apart its events are.

use super::tables;

pub(super) const SECOND_NS: u64 = 1_000_000_000;
pub(super) const MINUTE_NS: u64 = 60 * SECOND_NS;
pub(super) const HOUR_NS: u64 = 60 * MINUTE_NS;

/// Start of system hours, 04:00.
pub(super) const SYSTEM_OPEN_NS: u64 = 4 * HOUR_NS;
/// Start of market hours, 09:30.
pub(super) const MARKET_OPEN_NS: u64 = 9 * HOUR_NS + 30 * MINUTE_NS;
/// End of market hours, 16:00.
pub(super) const MARKET_CLOSE_NS: u64 = 16 * HOUR_NS;
/// End of system hours, 20:00.
pub(super) const SYSTEM_CLOSE_NS: u64 = 20 * HOUR_NS;

/// Minutes of system hours.
pub(super) const MINUTES: u64 = (SYSTEM_CLOSE_NS - SYSTEM_OPEN_NS) / MINUTE_NS;
/// First minute of market hours.
const OPEN: u64 = (MARKET_OPEN_NS - SYSTEM_OPEN_NS) / MINUTE_NS;
/// First minute after market hours.
const CLOSE: u64 = (MARKET_CLOSE_NS - SYSTEM_OPEN_NS) / MINUTE_NS;

/// Relative activity of a minute of system hours: a slow climb before the open, a U over market hours with a
/// rush at the open and at the close, and a fading evening.
pub(super) const fn weight(minute: u64) -> u64 {
    if minute < OPEN {
        return 20 + minute * 2 / 3;
    }
    if minute >= CLOSE {
        return 10 + (MINUTES - minute) * 150 / (MINUTES - CLOSE);
    }
    let half = (CLOSE - OPEN) / 2;
    let off = (minute - OPEN).abs_diff(half);
    let rush = if minute < OPEN + 5 || minute >= CLOSE - 5 { 3_000 } else { 0 };
    1_000 + 3_000 * off * off / (half * half) + rush
}

/// Walks through a minute: events come in clusters, since gaps have a heavy tail and the whole market changes
/// between a calm and a busy state (a Markov chain).
#[derive(Debug)]
pub(super) struct Pace {
    gaps: [u32; tables::QUANTILES],
    busy: bool,
    minute_end_ns: u64,
    unit_ns: u64,
    until_review: u32,
}

impl Pace {
    pub fn new() -> Self {
        Self { gaps: tables::gaps(), busy: false, minute_end_ns: 0, unit_ns: 0, until_review: 0 }
    }

    /// Begins a minute.
    pub const fn begin(&mut self, minute_end_ns: u64) {
        self.minute_end_ns = minute_end_ns;
        self.until_review = 0;
    }

    /// The time of the next event: `now_ns` or later, within the minute. `left` is the count of events still to
    /// come in it, this one included; `bits` are random, 21 of them used.
    #[inline]
    pub fn next(&mut self, now_ns: u64, left: u64, bits: u64) -> u64 {
        let rest_ns = self.minute_end_ns.saturating_sub(now_ns + 1);
        if self.until_review == 0 {
            // The mean gap is looked at again every few events, which keeps the division off the usual path and
            // makes the minute come out whatever the draws were.
            self.until_review = 32;
            self.unit_ns = rest_ns / left.max(1);
        }
        self.until_review -= 1;
        // Changes state about every 2,000 events.
        if bits >> 10 & 0x7ff == 0 {
            self.busy = !self.busy;
        }
        let scaled = (self.unit_ns * u64::from(self.gaps[(bits & 1023) as usize])) >> 16;
        let gap_ns = if self.busy { scaled / 4 } else { scaled + scaled / 4 };
        now_ns + gap_ns.min(rest_ns / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_a_u_between_quiet_ends() {
        let noon = weight(OPEN + 195);
        assert!(weight(OPEN) > 4 * noon && weight(CLOSE - 1) > 4 * noon);
        assert!(weight(0) * 10 < noon && weight(MINUTES - 1) * 10 < noon);
        let market: u64 = (OPEN..CLOSE).map(weight).sum();
        let day: u64 = (0..MINUTES).map(weight).sum();
        assert!(market * 100 / day > 85, "most of the day happens in market hours");
    }

    #[test]
    fn a_step_never_leaves_its_minute() {
        let mut pace = Pace::new();
        pace.begin(MINUTE_NS);
        let mut now = 0;
        for left in (1..=500u64).rev() {
            let next = pace.next(now, left, left.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7);
            assert!(next >= now && next < MINUTE_NS);
            now = next;
        }
        assert!(now > MINUTE_NS / 2, "the minute is used: {now}");
    }
}
