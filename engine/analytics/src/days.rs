//! Profit by day and the Sharpe ratio of daily returns.

use serde::Serialize;

use crate::config::DAY_NS;

/// Fewest days a Sharpe ratio is stated for.
pub const SHARPE_DAYS_MIN: usize = 20;

/// Trading days of a year.
pub const DAYS_A_YEAR: f64 = 252.0;

/// One local day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Day {
    /// `2019-01-30`.
    pub date: String,
    /// Net profit of the day, account currency.
    pub net_pnl: f64,
    /// Net profit over the equity at the day's start, a fraction; absent without opening equity.
    pub daily_return: Option<f64>,
}

/// Collects the net profit at the end of each local day.
#[derive(Clone, Debug, Default)]
pub struct Days {
    utc_offset_ns: i64,
    /// Local day number and net profit at its end, since the start of the run.
    closes: Vec<(i64, f64)>,
}

impl Days {
    /// No days yet; local time is UTC plus `utc_offset_ns`.
    pub const fn new(utc_offset_ns: i64) -> Self {
        Self { utc_offset_ns, closes: Vec::new() }
    }

    /// The run's net profit as of `ts_ns`; times do not go back.
    pub fn push(&mut self, ts_ns: i64, net_pnl: f64) {
        let day = ts_ns.saturating_add(self.utc_offset_ns).div_euclid(DAY_NS);
        match self.closes.last_mut() {
            Some(last) if last.0 == day => last.1 = net_pnl,
            _ => self.closes.push((day, net_pnl)),
        }
    }

    /// The days, oldest first.
    pub fn finish(&self, opening_equity: Option<f64>) -> Vec<Day> {
        let mut before = 0.0;
        let mut days = Vec::with_capacity(self.closes.len());
        for (day, close) in &self.closes {
            let net_pnl = close - before;
            let base = opening_equity.map(|equity| equity + before).filter(|equity| *equity > 0.0);
            days.push(Day { date: date_of(*day), net_pnl, daily_return: base.map(|base| net_pnl / base) });
            before = *close;
        }
        days
    }
}

/// Mean over standard deviation of daily returns, annualised by the root of 252. `None` under 20 days, where a day
/// has no return, or where they do not vary.
pub fn sharpe(days: &[Day]) -> Option<f64> {
    if days.len() < SHARPE_DAYS_MIN {
        return None;
    }
    let returns: Option<Vec<f64>> = days.iter().map(|day| day.daily_return).collect();
    let returns = returns?;
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let variance = returns.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let sharpe = mean / variance.sqrt() * DAYS_A_YEAR.sqrt();
    sharpe.is_finite().then_some(sharpe)
}

/// Year, month and day of a day number since 1970-01-01, as ISO text.
pub fn date_of(day: i64) -> String {
    let (year, month, day) = tickrace_stats::panel::civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // From `date -u -d @$((day * 86400)) +%F`.
        for (day, date) in
            [(0, "1970-01-01"), (17_926, "2019-01-30"), (19_782, "2024-02-29"), (-1, "1969-12-31")]
        {
            assert_eq!(date_of(day), date);
        }
    }

    #[test]
    fn a_day_ends_at_local_midnight() {
        // New York in winter: 03:00 UTC is still yesterday evening.
        let mut days = Days::new(-5 * 3_600_000_000_000);
        days.push(DAY_NS + 3 * 3_600_000_000_000, 10.0);
        days.push(DAY_NS + 15 * 3_600_000_000_000, 30.0);
        days.push(DAY_NS + 20 * 3_600_000_000_000, 25.0);
        let days = days.finish(Some(100.0));
        assert_eq!(days[0], Day { date: "1970-01-01".to_owned(), net_pnl: 10.0, daily_return: Some(0.1) });
        // 25 - 10 on an equity of 110.
        assert_eq!(
            days[1],
            Day { date: "1970-01-02".to_owned(), net_pnl: 15.0, daily_return: Some(15.0 / 110.0) }
        );
    }

    fn days_of(returns: &[f64]) -> Vec<Day> {
        let day = |value: &f64| Day { date: String::new(), net_pnl: 0.0, daily_return: Some(*value) };
        returns.iter().map(day).collect()
    }

    #[test]
    fn sharpe_waits_for_twenty_days() {
        // Ten days of 3 % and ten of 1 %: mean 2 %, sample deviation sqrt(20 * 0.01^2 / 19) = 0.010260.
        let returns: Vec<f64> = (0..20).map(|day| if day % 2 == 0 { 0.03 } else { 0.01 }).collect();
        assert_eq!(sharpe(&days_of(&returns[..19])), None);
        let expected = 0.02 / (0.002f64 / 19.0).sqrt() * 252f64.sqrt();
        assert!((sharpe(&days_of(&returns)).expect("twenty days") - expected).abs() < 1e-9);
    }

    #[test]
    fn sharpe_of_returns_that_do_not_vary_is_not_stated() {
        assert_eq!(sharpe(&days_of(&[0.0; 25])), None);
        let mut unknown = days_of(&[0.01; 25]);
        unknown[3].daily_return = None;
        assert_eq!(sharpe(&unknown), None);
    }
}
