//! Loss limits (control 16): of the day, of the week, and the fall from the highest equity.
//!
//! Equity is what was earned since the run began, realised and marked, after fees. A day's loss counts from the equity seen
//! last before the day began, so that a move overnight belongs to the new day.

use super::cause::Cause;
use super::config::LossConfig;
use crate::TradingState;
use crate::limits::cash_from_ccy;

const DAY_NS: i64 = 86_400_000_000_000;

/// Days and weeks counted from `day_start_ms`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calendar {
    day_start_ns: i64,
}

impl Calendar {
    /// `day_start_ms`: when a day begins, after midnight UTC.
    pub fn new(day_start_ms: i64) -> Self {
        Self { day_start_ns: day_start_ms.saturating_mul(1_000_000) }
    }

    /// Number of the day.
    pub fn day(self, now_ns: i64) -> i64 {
        now_ns.saturating_sub(self.day_start_ns).div_euclid(DAY_NS)
    }

    /// Number of the week of a day; weeks begin on Mondays, and day 0, the first of 1970, was a Thursday.
    pub fn week(day: i64) -> i64 {
        (day + 3).div_euclid(7)
    }
}

/// What one of the three limits measures, and against what.
#[derive(Clone, Copy, Debug)]
struct Measure {
    /// Equity it counts from; of the drawdown the highest.
    base: i128,
    max: i128,
}

/// The three limits of one strategy, or of all together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LossLimits {
    measures: [Measure; 3],
    day: Option<i64>,
    /// Equity seen last.
    last: i128,
    cooldown_ns: i64,
    drawdown_tripped_ns: i64,
    /// What may still be done once one has tripped.
    pub state: TradingState,
}

/// What a look at the equity found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// A new day has begun: the day's limit counts anew.
    pub is_new_day: bool,
    /// A new week has begun.
    pub is_new_week: bool,
    /// Losses at or beyond their limits, by [`LossLimits::CAUSES`], in 1e-18 of the currency.
    pub losses: [Option<i128>; 3],
}

impl LossLimits {
    /// Order of the measures.
    pub const CAUSES: [Cause; 3] = [Cause::DailyLoss, Cause::WeeklyLoss, Cause::Drawdown];

    pub fn new(config: &LossConfig) -> Self {
        let measure = |ccy| Measure { base: 0, max: cash_from_ccy(ccy).0 };
        Self {
            measures: [
                measure(config.daily_loss_max_ccy),
                measure(config.weekly_loss_max_ccy),
                measure(config.drawdown_max_ccy),
            ],
            day: None,
            last: 0,
            cooldown_ns: config.drawdown_cooldown_ms.saturating_mul(1_000_000),
            drawdown_tripped_ns: i64::MIN,
            state: config.state,
        }
    }

    /// Looks at the equity.
    pub fn look(&mut self, equity: i128, day: i64) -> Found {
        let mut found = Found::default();
        if let Some(before) = self.day.filter(|before| *before < day) {
            found.is_new_day = true;
            self.measures[0].base = self.last;
            if Calendar::week(before) < Calendar::week(day) {
                found.is_new_week = true;
                self.measures[1].base = self.last;
            }
        }
        self.day = self.day.max(Some(day));
        self.last = equity;
        self.measures[2].base = self.measures[2].base.max(equity);
        found.losses =
            self.measures.map(|measure| Some(measure.base - equity).filter(|loss| *loss >= measure.max));
        found
    }

    /// The drawdown tripped.
    pub fn on_drawdown(&mut self, now_ns: i64) {
        self.drawdown_tripped_ns = now_ns;
    }

    /// Counts anew from here, where that is allowed yet.
    pub fn try_rearm(&mut self, cause: Cause, now_ns: i64) -> bool {
        let Some(place) = Self::CAUSES.iter().position(|known| *known == cause) else { return false };
        let since_ns = now_ns.saturating_sub(self.drawdown_tripped_ns);
        if cause == Cause::Drawdown && since_ns < self.cooldown_ns {
            return false;
        }
        self.measures[place].base = self.last;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_types::cash::CASH_UNIT;

    fn limits() -> LossLimits {
        LossLimits::new(&LossConfig {
            daily_loss_max_ccy: 100,
            weekly_loss_max_ccy: 150,
            drawdown_max_ccy: 200,
            drawdown_cooldown_ms: 1000,
            state: TradingState::Halted,
        })
    }

    fn tripped(found: Found) -> [Option<i128>; 3] {
        found.losses.map(|loss| loss.map(|loss| loss / CASH_UNIT))
    }

    #[test]
    fn each_limit_trips_at_its_own_loss_counted_from_its_own_base() {
        let mut limits = limits();
        let mut look = |equity: i128, day| limits.look(equity * CASH_UNIT, day);
        assert_eq!(tripped(look(50, 10)), [None; 3]);
        assert_eq!(tripped(look(-99, 10)), [None; 3], "99 from the day's start, 149 from the peak");
        assert_eq!(tripped(look(-100, 10)), [Some(100), None, None]);
        // Day 10 of 1970 was a Sunday; day 11 begins both a day and a week, at the equity seen last.
        let monday = look(-149, 11);
        assert!(monday.is_new_day && monday.is_new_week);
        assert_eq!(tripped(monday), [None; 3], "49 from -100, 199 from the peak of 50");
        assert_eq!(tripped(look(-150, 11)), [None, None, Some(200)]);
        let tuesday = look(-249, 12);
        assert!(tuesday.is_new_day && !tuesday.is_new_week);
        assert_eq!(tripped(tuesday), [None, None, Some(299)], "99 in the day, 149 in the week");
        assert_eq!(tripped(look(-250, 12)), [Some(100), Some(150), Some(300)]);
    }

    #[test]
    fn a_drawdown_is_re_armed_only_after_its_pause_and_then_counts_from_there() {
        let mut limits = limits();
        limits.look(-500 * CASH_UNIT, 10);
        limits.on_drawdown(7);
        assert!(!limits.try_rearm(Cause::Drawdown, 1_000_000_006));
        assert!(limits.try_rearm(Cause::Drawdown, 1_000_000_007));
        assert_eq!(tripped(limits.look(-699 * CASH_UNIT, 10))[2], None);
        assert_eq!(tripped(limits.look(-700 * CASH_UNIT, 10))[2], Some(200));
        assert!(limits.try_rearm(Cause::DailyLoss, 0) && !limits.try_rearm(Cause::Clock, 0));
    }

    #[test]
    fn days_begin_where_they_are_said_to_and_weeks_on_mondays() {
        // Monday the second of March 2026, 05:00 UTC is midnight in New York.
        let calendar = Calendar::new(5 * 3_600_000);
        let monday_ns = 1_772_427_600_000_000_000;
        assert_eq!(calendar.day(monday_ns - 1) + 1, calendar.day(monday_ns));
        assert_eq!(Calendar::week(calendar.day(monday_ns - 1)) + 1, Calendar::week(calendar.day(monday_ns)));
        assert_eq!(calendar.day(monday_ns + DAY_NS - 1), calendar.day(monday_ns));
    }
}
