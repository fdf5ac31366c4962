//! Correlations of instruments' returns over time, refitted every period from exponentially weighted weekly returns.
//!
//! A path is walked forwards: [`CorrelationPath::on`] gives the matrix in force on a day, so that only one matrix is held
//! however many instruments and weeks there are. A matrix in force from a day on knows returns before that day only; the
//! periods themselves are counted back from the last date, as the reference does.

use tickrace_stats::{BusinessDay, Series};

/// How correlations are estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CorrelationConfig {
    /// Days of a period: returns are summed over it, and a matrix stands for it.
    pub period_days: i64,
    /// Span of the weights, periods.
    pub span: f64,
    /// Returns that both instruments must have had.
    pub min_periods: usize,
    /// Correlations are held within this on both sides.
    pub clip: f64,
    /// Correlation of instruments of which nothing is known.
    pub unknown: f64,
    /// Correlation of all while there is no data at all.
    pub before_data: f64,
    /// Periods in which a missing estimate may be filled with the average of the others.
    pub fill_periods: usize,
}

impl Default for CorrelationConfig {
    /// Weekly returns, a span of 75, at least 10, within 0.99.
    fn default() -> Self {
        Self {
            period_days: 7,
            span: 75.0,
            min_periods: 10,
            clip: 0.99,
            unknown: 0.0,
            before_data: 0.99,
            fill_periods: 5,
        }
    }
}

/// Correlations over time.
#[derive(Clone, Debug)]
pub struct CorrelationPath {
    config: CorrelationConfig,
    count: usize,
    /// First calendar day of each period.
    starts: Vec<i64>,
    /// `[periods x instruments]`, returns of the period that begins on its day.
    returns: Vec<f64>,
    /// Periods whose returns the moments hold.
    seen: usize,
    moments: Vec<PairMoments>,
    matrix: Vec<f64>,
}

impl CorrelationPath {
    /// From daily returns.
    ///
    /// `returns`: one series an instrument, daily returns as fractions or per cent of the price; missing ones are left out.
    pub fn new(returns: &[&Series], config: CorrelationConfig) -> Self {
        let filled = || returns.iter().filter(|series| !series.is_empty());
        let first = filled().map(|series| series.first).min().unwrap_or_default();
        let end = filled().map(|series| series.end()).max().unwrap_or_default();
        let count = returns.len();
        let period = config.period_days.max(1);
        let starts: Vec<i64> = (0..)
            .map(|step| first.day() + step * period)
            .take_while(|start| first < end && *start <= BusinessDay(end.0 - 1).day())
            .collect();
        let mut sums = vec![f64::NAN; starts.len() * count];
        for (place, series) in returns.iter().enumerate() {
            // The running sum at each period's end, then its changes.
            let mut level = f64::NAN;
            for (number, value) in (series.first.0..).zip(&series.values) {
                if !value.is_nan() {
                    level = if level.is_nan() { *value } else { level + value };
                }
                let row = usize::try_from((BusinessDay(number).day() - first.day()) / period).unwrap_or(0);
                sums[row * count + place] = level;
            }
            for row in 1..starts.len() {
                if sums[row * count + place].is_nan() {
                    sums[row * count + place] = sums[(row - 1) * count + place];
                }
            }
            for row in (0..starts.len()).rev() {
                let before = if row > 0 { sums[(row - 1) * count + place] } else { f64::NAN };
                sums[row * count + place] -= before;
            }
        }
        Self {
            config,
            count,
            starts,
            returns: sums,
            seen: 0,
            moments: vec![PairMoments::default(); count * count.saturating_sub(1) / 2],
            matrix: flat(count, config.before_data),
        }
    }

    /// First calendar day of each period of its own matrix.
    pub fn period_starts(&self) -> &[i64] {
        // The last period's returns are known only at its end, and no later one begins.
        &self.starts[..self.starts.len().saturating_sub(1)]
    }

    /// The matrix in force on a calendar day, `[instruments x instruments]`: that of the last period begun by the day.
    /// Days must not fall from call to call.
    pub fn on(&mut self, day: i64) -> &[f64] {
        let begun = self.period_starts().partition_point(|start| *start <= day);
        self.fit(begun.saturating_sub(1))
    }

    /// The matrix of a period, `[instruments x instruments]`. Periods must not fall from call to call.
    pub fn fit(&mut self, period: usize) -> &[f64] {
        if period > self.seen {
            while self.seen < period {
                self.learn(self.seen);
                self.seen += 1;
            }
            self.refit(period);
        }
        &self.matrix
    }

    fn learn(&mut self, row: usize) {
        let row = &self.returns[row * self.count..][..self.count];
        let alpha = 2.0 / (self.config.span + 1.0);
        let mut pairs = self.moments.iter_mut();
        for (place, one) in row.iter().enumerate() {
            for (other, pair) in row[place + 1..].iter().zip(&mut pairs) {
                if !one.is_nan() && !other.is_nan() {
                    pair.take(*one, *other, 1.0 - alpha);
                }
            }
        }
    }

    /// Reads the moments into the matrix and cleans it.
    fn refit(&mut self, period: usize) {
        let count = self.count;
        let estimates: Vec<f64> =
            self.moments.iter().map(|pair| pair.correlation(self.config.min_periods)).collect();
        let known = || estimates.iter().filter(|value| !value.is_nan());
        let average = known().sum::<f64>() / known().count() as f64;
        let has_data = self.has_data(period);
        let mut pairs = estimates.iter();
        for row in 0..count {
            for column in row + 1..count {
                let estimate = pairs.next().copied().unwrap_or(f64::NAN);
                let value = if !estimate.is_nan() {
                    estimate
                } else if !average.is_nan() && has_data[row] && has_data[column] {
                    average
                } else {
                    self.config.unknown
                };
                let value = value.clamp(-self.config.clip, self.config.clip);
                self.matrix[row * count + column] = value;
                self.matrix[column * count + row] = value;
            }
        }
    }

    /// Which instruments have a return in the last periods before one.
    fn has_data(&self, period: usize) -> Vec<bool> {
        let from = period.saturating_sub(self.config.fill_periods);
        let rows = || self.returns[from * self.count..(period + 1) * self.count].chunks_exact(self.count);
        (0..self.count).map(|place| rows().any(|row| !row[place].is_nan())).collect()
    }
}

fn flat(count: usize, value: f64) -> Vec<f64> {
    (0..count * count).map(|place| if place % (count + 1) == 0 { 1.0 } else { value }).collect()
}

/// Exponentially weighted moments of the rows that two series have in common.
#[derive(Clone, Copy, Debug, Default)]
struct PairMoments {
    weight: f64,
    mean: (f64, f64),
    variance: (f64, f64),
    covariance: f64,
    count: usize,
}

impl PairMoments {
    fn take(&mut self, one: f64, other: f64, kept: f64) {
        if self.count == 0 {
            *self = Self { weight: 1.0, mean: (one, other), count: 1, ..Self::default() };
            return;
        }
        let old = self.weight * kept;
        let total = old + 1.0;
        let before = self.mean;
        let mean = ((old * before.0 + one) / total, (old * before.1 + other) / total);
        let (moved, off) = ((before.0 - mean.0, before.1 - mean.1), (one - mean.0, other - mean.1));
        self.covariance = (old * (self.covariance + moved.0 * moved.1) + off.0 * off.1) / total;
        self.variance.0 = (old * (self.variance.0 + moved.0 * moved.0) + off.0 * off.0) / total;
        self.variance.1 = (old * (self.variance.1 + moved.1 * moved.1) + off.1 * off.1) / total;
        (self.mean, self.weight, self.count) = (mean, total, self.count + 1);
    }

    fn correlation(&self, min_periods: usize) -> f64 {
        let spread = (self.variance.0 * self.variance.1).sqrt();
        if self.count >= min_periods.max(1) && spread > 0.0 { self.covariance / spread } else { f64::NAN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(first: i32, values: Vec<f64>) -> Series {
        Series { first: BusinessDay(first), values }
    }

    #[test]
    fn correlations_are_the_weighted_ones_of_a_plain_sum() {
        let wave = |step: i32, by: i32| f64::from((step * by) % 23) - 11.0;
        let days = 5 * 60;
        let one = series(2, (0..days).map(|day| wave(day, 7)).collect());
        let other = series(2, (0..days).map(|day| wave(day, 5) + 0.5 * wave(day, 7)).collect());
        let mut path = CorrelationPath::new(&[&one, &other], CorrelationConfig::default());
        // Business day 2 is a Monday, so periods are its weeks; the first has no return.
        let week = |series: &Series, week: usize| series.values[week * 5..][..5].iter().sum::<f64>();
        let kept = 1.0 - 2.0 / 76.0f64;
        let (mut weight, mut sums, mut moments) = (0.0, [0.0; 2], [0.0; 3]);
        for row in 1..40 {
            let age = kept.powi(39 - row);
            let (x, y) = (week(&one, row as usize), week(&other, row as usize));
            weight += age;
            sums = [sums[0] + age * x, sums[1] + age * y];
            moments = [moments[0] + age * x * x, moments[1] + age * y * y, moments[2] + age * x * y];
        }
        let [x, y] = sums.map(|sum| sum / weight);
        let spread = ((moments[0] / weight - x * x) * (moments[1] / weight - y * y)).sqrt();
        let plain = (moments[2] / weight - x * y) / spread;
        assert!((path.fit(40)[1] - plain).abs() < 1e-9);
    }

    #[test]
    fn a_later_return_changes_no_earlier_matrix() {
        let noise = |step: i32| f64::from((step * step * 31) % 47) - 23.0;
        let one = series(0, (0..400).map(noise).collect());
        let mut other = series(0, (0..400).map(|day| noise(day + 9)).collect());
        let before = CorrelationPath::new(&[&one, &other], CorrelationConfig::default()).on(200).to_vec();
        let day_200 = usize::try_from(BusinessDay::of_day(200).0).unwrap();
        other.values[day_200..].iter_mut().for_each(|value| *value *= -3.0);
        assert_eq!(CorrelationPath::new(&[&one, &other], CorrelationConfig::default()).on(200), before);
    }

    #[test]
    fn before_data_all_move_together_and_the_unknown_moves_alone() {
        let one = series(0, (0..300).map(f64::from).collect());
        let late = series(290, vec![1.0; 10]);
        let mut path = CorrelationPath::new(&[&one, &late], CorrelationConfig::default());
        assert_eq!(path.on(1), [1.0, 0.99, 0.99, 1.0]);
        assert_eq!(path.on(390), [1.0, 0.0, 0.0, 1.0]);
    }
}
