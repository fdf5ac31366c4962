//! How often a year a position, or a forecast, is turned over.

use tickrace_stats::Series;

use super::flow::Frequency;

/// What a position's changes are measured against.
#[derive(Clone, Copy, Debug)]
pub enum AverageSize<'a> {
    /// One size at all times, such as 10 for a forecast.
    Constant(f64),
    /// The usual size by day, smoothed with weights that fall by 250/251 a row (at least 2 rows).
    Smoothed(&'a Series),
}

/// Centre of mass, rows, of the smoothing of the usual size.
const SMOOTHING_COM: f64 = 250.0;

/// Turnovers a year: 256 times the average of the daily changes of the position in units of its usual size. Days on which
/// either is missing are left out, with the change after them.
pub fn turnover(position: &Series, average: AverageSize<'_>) -> f64 {
    let changes = match average {
        AverageSize::Constant(size) => Changes::of(position.values.iter().map(|value| value / size)),
        AverageSize::Smoothed(average) => {
            let mut size = Smoother::new(average, position);
            Changes::of(position.values.iter().enumerate().map(|(row, value)| value / size.step(row)))
        }
    };
    Frequency::BusinessDay.per_year() * changes.mean()
}

/// Turnover of several instruments together: the average weighted by how many days each has.
///
/// `parts`: each a turnover and its number of rows; a turnover that is not known does not count.
pub fn pooled_turnover(parts: &[(f64, usize)]) -> f64 {
    let known = || parts.iter().filter(|part| !part.0.is_nan());
    let rows: f64 = known().map(|part| part.1 as f64).sum();
    known().map(|part| part.0 * part.1 as f64).sum::<f64>() / rows
}

/// Sizes of the steps between values that follow each other.
struct Changes {
    sum: f64,
    count: f64,
}

impl Changes {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let (mut sum, mut count, mut last) = (0.0, 0u64, f64::NAN);
        for now in values {
            let change = (now - last).abs();
            sum += if change.is_nan() { 0.0 } else { change };
            count += u64::from(!change.is_nan());
            last = now;
        }
        Self { sum, count: count as f64 }
    }

    fn mean(&self) -> f64 {
        if self.count > 0.0 { self.sum / self.count } else { f64::NAN }
    }
}

/// The usual size, carried forward onto the position's days and smoothed.
struct Smoother<'a> {
    average: &'a Series,
    /// Place of the position's first day in the average's values.
    shift: i32,
    carried: f64,
    weighted: f64,
    weights: f64,
    count: u32,
}

impl<'a> Smoother<'a> {
    fn new(average: &'a Series, position: &Series) -> Self {
        let shift = position.first.0 - average.first.0;
        Self { average, shift, carried: f64::NAN, weighted: 0.0, weights: 0.0, count: 0 }
    }

    fn step(&mut self, row: usize) -> f64 {
        let series = self.average;
        let place = i64::from(self.shift) + i64::try_from(row).unwrap_or(i64::MAX);
        // The row's own value, missing or not; past the end the last one. Exactly what an as-of look-up by date finds.
        if let Ok(place) = usize::try_from(place) {
            self.carried =
                series.values.get(place.min(series.len().saturating_sub(1))).copied().unwrap_or(f64::NAN);
        }
        let keep = SMOOTHING_COM / (1.0 + SMOOTHING_COM);
        self.weighted *= keep;
        self.weights *= keep;
        if !self.carried.is_nan() {
            self.weighted += self.carried;
            self.weights += 1.0;
            self.count += 1;
        }
        if self.count >= 2 { self.weighted / self.weights } else { f64::NAN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_stats::BusinessDay;

    #[test]
    fn going_from_flat_to_full_and_back_daily_is_256_a_year() {
        let values = (0..100).map(|day| if day % 2 == 0 { 10.0 } else { 0.0 }).collect();
        let position = Series { first: BusinessDay(0), values };
        assert!((turnover(&position, AverageSize::Constant(10.0)) - 256.0).abs() < 1e-12);
        let usual = Series { first: BusinessDay(-5), values: vec![20.0; 200] };
        let against = turnover(&position, AverageSize::Smoothed(&usual));
        assert!((against - 128.0).abs() < 1e-9);
    }

    #[test]
    fn pooling_weighs_by_rows() {
        assert_eq!(pooled_turnover(&[(2.0, 300), (4.0, 100), (f64::NAN, 900)]), 2.5);
        assert!(pooled_turnover(&[]).is_nan());
    }
}
