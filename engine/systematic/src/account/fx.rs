//! Exchange rates as they stood at a day's midnight.

use tickrace_stats::panel::{DAY_NS, calendar_days};
use tickrace_stats::{BusinessDay, Series};

/// Units of the account's currency for one unit of the instrument's, over time.
#[derive(Clone, Debug, PartialEq)]
pub enum FxRate {
    /// One rate at all times, such as 1 where the currencies are one.
    Constant(f64),
    /// Stamped rates.
    Stamped {
        /// `[rows]`, nanoseconds since the Unix epoch, not falling.
        at_ns: Vec<i64>,
        /// `[rows]`; NaN where a row has none, and then none is known until the next row.
        rates: Vec<f64>,
    },
}

impl FxRate {
    /// The rate of the last row at 00:00 of a calendar day: one stamped 23:00 is seen on the next. NaN before the first;
    /// nothing is filled backwards.
    pub fn at_day(&self, day: i64) -> f64 {
        match self {
            Self::Constant(rate) => *rate,
            Self::Stamped { at_ns, rates } => {
                let end = at_ns.partition_point(|at| *at <= day.saturating_mul(DAY_NS));
                rates[..end.min(rates.len())].last().copied().unwrap_or(f64::NAN)
            }
        }
    }

    /// The same on `days` business days from `first`.
    pub fn on(&self, first: BusinessDay, days: usize) -> Series {
        let values = match self {
            Self::Constant(rate) => vec![*rate; days],
            Self::Stamped { at_ns, rates } => {
                let mut rows = at_ns.iter().zip(rates).peekable();
                let mut last = f64::NAN;
                calendar_days(first)
                    .take(days)
                    .map(|day| {
                        let midnight = day * DAY_NS;
                        while let Some((_, rate)) = rows.next_if(|(at, _)| **at <= midnight) {
                            last = *rate;
                        }
                        last
                    })
                    .collect()
            }
        };
        Series { first, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evening_rate_is_seen_the_next_day() {
        let hour = DAY_NS / 24;
        // Friday 2 January 1970 at 23:00, then Monday at 00:00.
        let fx = FxRate::Stamped { at_ns: vec![DAY_NS + 23 * hour, 4 * DAY_NS], rates: vec![1.1, 1.2] };
        assert!(fx.at_day(1).is_nan());
        assert_eq!((fx.at_day(2), fx.at_day(4)), (1.1, 1.2));
        let series = fx.on(BusinessDay(0), 4);
        assert!(series.values[1].is_nan());
        assert_eq!(series.values[2], 1.2);
        for number in 2..4 {
            assert_eq!(series.values[number as usize], fx.at_day(BusinessDay(number).day()));
        }
    }
}
