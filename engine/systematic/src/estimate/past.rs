//! What a fit may look at beside its estimates: the rows of its window, their names, and the weights before.
//!
//! Nothing here reaches beyond the end of the window: the caller cuts it, and no method sees more. Weeks before a column's first
//! profit or loss are missing: a panel of sums has zeros there.

use std::ops::Range;

use super::correlation::{Matrix, Panel};
use super::optimise::Estimates;

/// Rows a pair of columns, or a covariance, needs.
pub const ROWS_MIN: usize = 10;
/// Rows stamped closer together than this, in nanoseconds, belong to one time: panels put under each other.
const SAME_TIME_NS: i64 = 1_000_000_000;

/// The past of a fit.
#[derive(Clone, Debug, Default)]
pub struct Past<'a> {
    /// `[assets]`, their names.
    pub names: Vec<&'a str>,
    /// `[rows]`, nanoseconds since the Unix epoch, not falling.
    pub at_ns: &'a [i64],
    /// `[assets][rows]`, NaN where missing.
    pub columns: Vec<&'a [f64]>,
    /// Rows of a year for one member of the panel.
    pub rows_per_year: f64,
    /// Whether negative correlations count as none, where correlations are estimated anew.
    pub floor_at_zero: bool,
    /// `[assets]`, weights in use before; empty where there are none.
    pub before: Vec<f64>,
}

impl<'a> Past<'a> {
    /// The rows of a window.
    pub fn new(panel: &'a Panel, rows: Range<usize>, names: &'a [String], rows_per_year: f64) -> Self {
        Self {
            names: names.iter().map(String::as_str).collect(),
            at_ns: &panel.at_ns[rows.clone()],
            columns: panel.columns.iter().map(|column| &column[rows.clone()]).collect(),
            rows_per_year,
            floor_at_zero: false,
            before: Vec::new(),
        }
    }

    /// Of some assets only, in their order.
    pub fn part(&self, assets: &[usize]) -> Self {
        let pick = |all: &[&'a str]| assets.iter().filter_map(|asset| all.get(*asset).copied()).collect();
        Self {
            names: pick(&self.names),
            at_ns: self.at_ns,
            columns: assets.iter().filter_map(|asset| self.columns.get(*asset).copied()).collect(),
            rows_per_year: self.rows_per_year,
            floor_at_zero: self.floor_at_zero,
            before: assets.iter().filter_map(|asset| self.before.get(*asset).copied()).collect(),
        }
    }

    /// The place of an asset by its name.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|own| *own == name)
    }

    /// Years of rows of an asset from its first profit or loss on; rows of several members count each. None without rows.
    pub fn years(&self, asset: usize) -> Option<f64> {
        let column = self.columns.get(asset)?;
        let known = column[first_row(column)..].iter().filter(|value| !value.is_nan()).count();
        Some(known as f64 / self.rows_per_year)
    }

    /// Rows of each time: one, or one for each member of panels put under each other.
    pub fn times(&self) -> Vec<Range<usize>> {
        let mut times: Vec<Range<usize>> = Vec::new();
        for (row, at) in self.at_ns.iter().enumerate() {
            match times.last_mut() {
                Some(time) if at - self.at_ns[time.start] < SAME_TIME_NS => time.end = row + 1,
                _ => times.push(row..row + 1),
            }
        }
        times
    }

    /// Means, deviations and correlations of rows, each as often as it is named; all rows weigh the same.
    ///
    /// - `rows`: places, none outside. NaN where there are fewer than [`ROWS_MIN`] values, or no variation.
    pub fn estimates(&self, rows: &[usize]) -> Estimates {
        let size = self.columns.len();
        let drawn: Vec<Vec<f64>> = self
            .columns
            .iter()
            .map(|column| {
                let first = first_row(column);
                rows.iter().map(|row| if *row < first { f64::NAN } else { column[*row] }).collect()
            })
            .collect();
        let mut estimates = Estimates {
            means: Vec::with_capacity(size),
            deviations: Vec::with_capacity(size),
            correlation: Matrix::uniform(size, f64::NAN),
            years: rows.len() as f64 / self.rows_per_year,
        };
        for column in &drawn {
            let (mean, variance) = moments(column);
            estimates.means.push(mean * self.rows_per_year);
            estimates.deviations.push((variance * self.rows_per_year).sqrt());
        }
        for left in 0..size {
            for right in 0..left {
                let mut value = pair(&drawn[left], &drawn[right]);
                if self.floor_at_zero && value < 0.0 {
                    value = 0.0;
                }
                estimates.correlation.values[left * size + right] = value;
                estimates.correlation.values[right * size + left] = value;
            }
        }
        estimates
    }

    /// Rows on which every asset has a value, one after the other, each value times its asset's scale.
    pub fn complete_rows(&self, scales: &[f64]) -> Vec<f64> {
        let firsts = self.columns.iter().map(|column| first_row(column));
        let first = firsts.max().unwrap_or(0);
        let mut rows = Vec::new();
        for row in first..self.at_ns.len() {
            if self.columns.iter().all(|column| column[row].is_finite()) {
                rows.extend(self.columns.iter().zip(scales).map(|(column, scale)| column[row] * scale));
            }
        }
        rows
    }
}

/// The row of the first value that is there and not zero; the number of rows where there is none.
fn first_row(column: &[f64]) -> usize {
    column.iter().position(|value| !value.is_nan() && *value != 0.0).unwrap_or(column.len())
}

/// Mean and variance (divisor one less than the count) of what is there.
fn moments(values: &[f64]) -> (f64, f64) {
    let known = || values.iter().filter(|value| !value.is_nan());
    let count = known().count();
    if count < ROWS_MIN {
        return (f64::NAN, f64::NAN);
    }
    let mean = known().sum::<f64>() / count as f64;
    let squares: f64 = known().map(|value| (value - mean) * (value - mean)).sum();
    let variance = squares / (count as f64 - 1.0);
    if variance > 0.0 { (mean, variance) } else { (f64::NAN, f64::NAN) }
}

/// Correlation over the rows where both are there.
fn pair(left: &[f64], right: &[f64]) -> f64 {
    let both = || left.iter().zip(right).filter(|(x, y)| !x.is_nan() && !y.is_nan());
    let count = both().count();
    if count < ROWS_MIN {
        return f64::NAN;
    }
    let (x_mean, y_mean) = both().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x, sum.1 + y));
    let (x_mean, y_mean) = (x_mean / count as f64, y_mean / count as f64);
    let [xx, yy, xy] = both().fold([0.0; 3], |sum, (x, y)| {
        let (x, y) = (x - x_mean, y - y_mean);
        [sum[0] + x * x, sum[1] + y * y, sum[2] + x * y]
    });
    let value = xy / (xx * yy).sqrt();
    if value.is_finite() { value } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(columns: &[&[f64]]) -> Panel {
        let rows = columns.first().map_or(0, |column| column.len());
        Panel {
            at_ns: (0..rows).map(|row| i64::try_from(row).unwrap() * 7 * 86_400_000_000_000).collect(),
            columns: columns.iter().map(|column| column.to_vec()).collect(),
        }
    }

    #[test]
    fn weeks_before_the_first_profit_are_no_evidence() {
        let late: Vec<f64> =
            (0..30).map(|row| if row < 15 { 0.0 } else { f64::from(row % 2) - 0.25 }).collect();
        let always: Vec<f64> = (0..30).map(|row| f64::from(row % 3) - 0.5).collect();
        let panel = panel(&[&late, &always]);
        let names = ["a".to_owned(), "b".to_owned()];
        let past = Past::new(&panel, 0..30, &names, 52.0);
        assert_eq!(
            (past.years(0), past.years(1), past.years(2)),
            (Some(15.0 / 52.0), Some(30.0 / 52.0), None)
        );
        // Rows 15 to 29 are 8 times 0.75 and 7 times -0.25: mean (6 - 1.75) / 15 a week.
        let all: Vec<usize> = (0..30).collect();
        let estimates = past.estimates(&all);
        assert!((estimates.means[0] - 52.0 * 4.25 / 15.0).abs() < 1e-12);
        assert_eq!(past.complete_rows(&[1.0, 2.0]).len(), 30);
        assert_eq!(past.complete_rows(&[1.0, 2.0])[1], 2.0 * always[15]);
    }

    #[test]
    fn too_few_rows_say_nothing() {
        let short: Vec<f64> = (0..30).map(|row| if row < 21 { f64::NAN } else { f64::from(row) }).collect();
        let always: Vec<f64> = (0..30).map(|row| f64::from(row % 3) - 0.5).collect();
        let panel = panel(&[&short, &always]);
        let past = Past::new(&panel, 0..30, &[], 52.0);
        let estimates = past.estimates(&(0..30).collect::<Vec<_>>());
        assert!(estimates.means[0].is_nan() && estimates.correlation.at(0, 1).is_nan());
        assert!(!estimates.means[1].is_nan());
    }

    #[test]
    fn rows_of_one_time_stay_together() {
        let week = 7 * 86_400_000_000_000;
        let panel =
            Panel { at_ns: vec![0, 1_000, week, week + 1_000, 2 * week], columns: vec![vec![1.0; 5]] };
        assert_eq!(Past::new(&panel, 0..5, &[], 52.0).times(), [0..2, 2..4, 4..5]);
    }
}
