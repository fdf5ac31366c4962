//! Message rates: token buckets in integers, one set for each session (control 6).
//!
//! Tokens are counted in 1e-9 of a message, so that a rate a second times nanoseconds elapsed is exact and
//! nothing is divided. Time is the order's; where it stands still or steps back nothing is refilled.

use tickrace_types::Action;

use crate::Reason;
use crate::limits::SessionLimits;

/// Sessions a gate can tell apart.
pub const SESSION_COUNT_MAX: usize = 16;
const MESSAGE: i64 = 1_000_000_000;

/// One bucket.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: i64,
    tokens_max: i64,
    rate_per_s: i64,
    ts_last_ns: i64,
}

impl Bucket {
    /// Full.
    fn new(rate_per_s: i64, burst_count: i64) -> Self {
        let tokens_max = burst_count.saturating_mul(MESSAGE);
        Self { tokens: tokens_max, tokens_max, rate_per_s, ts_last_ns: i64::MIN }
    }

    /// Refills up to `now_ns` and gives the tokens that found no room.
    #[inline]
    fn refill(&mut self, now_ns: i64) -> i64 {
        let elapsed_ns = now_ns.saturating_sub(self.ts_last_ns);
        if elapsed_ns <= 0 {
            return 0;
        }
        self.ts_last_ns = now_ns;
        let filled = self.tokens.saturating_add(elapsed_ns.saturating_mul(self.rate_per_s));
        self.tokens = filled.min(self.tokens_max);
        filled - self.tokens
    }

    /// Other limits from `now_ns` on; until then the old rate counts.
    fn set_limits(&mut self, rate_per_s: i64, burst_count: i64, now_ns: i64) {
        self.refill(now_ns);
        self.tokens_max = burst_count.saturating_mul(MESSAGE);
        self.rate_per_s = rate_per_s;
        self.tokens = self.tokens.min(self.tokens_max);
    }

    #[inline]
    fn try_take(&mut self) -> bool {
        let has_one = self.tokens >= MESSAGE;
        if has_one {
            self.tokens -= MESSAGE;
        }
        has_one
    }
}

/// The buckets of one session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionRates {
    new: Bucket,
    replace: Bucket,
    cancel: Bucket,
    reserve: i64,
    reserve_max: i64,
}

impl SessionRates {
    pub fn new(limits: &SessionLimits) -> Self {
        let reserve_max = limits.cancel_reserve_count.saturating_mul(MESSAGE);
        Self {
            new: Bucket::new(limits.new_rate_per_s, limits.new_burst_count),
            replace: Bucket::new(limits.replace_rate_per_s, limits.replace_burst_count),
            cancel: Bucket::new(limits.cancel_rate_per_s, limits.cancel_burst_count),
            reserve: reserve_max,
            reserve_max,
        }
    }

    /// Takes one message, or says which rate is spent.
    #[inline]
    pub fn try_take(&mut self, action: Action, now_ns: i64) -> Result<(), Reason> {
        let (bucket, reason) = match action {
            Action::New => (&mut self.new, Reason::NewRate),
            Action::Replace => (&mut self.replace, Reason::ReplaceRate),
            Action::Cancel | Action::MassCancel => return self.try_take_cancel(now_ns),
        };
        bucket.refill(now_ns);
        if bucket.try_take() { Ok(()) } else { Err(reason) }
    }

    fn try_take_cancel(&mut self, now_ns: i64) -> Result<(), Reason> {
        let over = self.cancel.refill(now_ns);
        if self.reserve < self.reserve_max {
            self.reserve = self.reserve.saturating_add(over).min(self.reserve_max);
        }
        if self.cancel.try_take() {
            return Ok(());
        }
        if self.reserve < MESSAGE {
            return Err(Reason::CancelRate);
        }
        self.reserve -= MESSAGE;
        Ok(())
    }

    /// Takes over other limits; what has gathered is cut to them, and never grows by it.
    pub fn set_limits(&mut self, limits: &SessionLimits, now_ns: i64) {
        self.new.set_limits(limits.new_rate_per_s, limits.new_burst_count, now_ns);
        self.replace.set_limits(limits.replace_rate_per_s, limits.replace_burst_count, now_ns);
        self.cancel.set_limits(limits.cancel_rate_per_s, limits.cancel_burst_count, now_ns);
        self.reserve_max = limits.cancel_reserve_count.saturating_mul(MESSAGE);
        // A reserve that a kill has raised stays: it must be possible to cancel every open order.
    }

    /// Sees to it that at least `count` cancels can be sent now.
    pub fn raise_reserve(&mut self, count: usize) {
        let wanted = i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(MESSAGE);
        self.reserve = self.reserve.max(wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SessionLimits = SessionLimits {
        new_rate_per_s: 3,
        new_burst_count: 2,
        replace_rate_per_s: 1000,
        replace_burst_count: 1,
        cancel_rate_per_s: 1,
        cancel_burst_count: 1,
        cancel_reserve_count: 2,
    };

    #[test]
    fn the_burst_passes_then_the_rate_counts_to_the_nanosecond() {
        let mut rates = SessionRates::new(&LIMITS);
        let mut new = |now_ns| rates.try_take(Action::New, now_ns);
        assert_eq!((new(0), new(0), new(0)), (Ok(()), Ok(()), Err(Reason::NewRate)));
        // Three a second: a whole message after 333,333,334 ns, not one nanosecond earlier.
        assert_eq!(new(333_333_333), Err(Reason::NewRate));
        assert_eq!(new(333_333_334), Ok(()));
        assert_eq!(new(333_333_334), Err(Reason::NewRate));
    }

    #[test]
    fn new_orders_spend_nothing_of_replaces_or_cancels() {
        let mut rates = SessionRates::new(&LIMITS);
        while rates.try_take(Action::New, 0).is_ok() {}
        assert_eq!(rates.try_take(Action::Replace, 0), Ok(()));
        assert_eq!(rates.try_take(Action::Replace, 0), Err(Reason::ReplaceRate));
        assert_eq!(rates.try_take(Action::Cancel, 0), Ok(()));
    }

    #[test]
    fn cancels_have_a_reserve_that_fills_again_once_the_burst_is_full() {
        let mut rates = SessionRates::new(&LIMITS);
        let mut cancel = |second: i64| rates.try_take(Action::Cancel, second * MESSAGE);
        // One of the burst, two of the reserve.
        assert_eq!([cancel(0), cancel(0), cancel(0)], [Ok(()); 3]);
        assert_eq!(cancel(0), Err(Reason::CancelRate));
        // Three seconds give three: one fills the burst, two the reserve.
        assert_eq!([cancel(3), cancel(3), cancel(3)], [Ok(()); 3]);
        assert_eq!(cancel(3), Err(Reason::CancelRate));
    }

    #[test]
    fn a_raised_reserve_lets_that_many_cancels_through() {
        let mut rates = SessionRates::new(&LIMITS);
        while rates.try_take(Action::Cancel, 0).is_ok() {}
        rates.raise_reserve(5);
        let passed = (0..10).filter(|_| rates.try_take(Action::Cancel, 0).is_ok()).count();
        assert_eq!(passed, 5);
    }

    #[test]
    fn a_clock_that_steps_back_refills_nothing() {
        let mut rates = SessionRates::new(&LIMITS);
        while rates.try_take(Action::New, MESSAGE).is_ok() {}
        assert_eq!(rates.try_take(Action::New, 0), Err(Reason::NewRate));
        assert_eq!(rates.try_take(Action::New, i64::MIN), Err(Reason::NewRate));
        assert_eq!(rates.try_take(Action::New, 2 * MESSAGE), Ok(()));
    }
}
