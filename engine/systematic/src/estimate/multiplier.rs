//! Diversification multipliers: what brings a weighted sum of imperfectly correlated things back to their own risk.

use serde::{Deserialize, Serialize};
use tickrace_stats::moments::{alpha_of_span, ew_mean};
use tickrace_stats::{BusinessDay, Series};

use super::correlation::Matrix;
use super::fit::Fit;

/// How a multiplier is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MultiplierConfig {
    /// Days it is smoothed over.
    pub ewma_span: f64,
    /// It is kept below.
    pub dm_max: f64,
}

impl Default for MultiplierConfig {
    fn default() -> Self {
        Self { ewma_span: 125.0, dm_max: 2.5 }
    }
}

/// The multiplier of weights and a correlation matrix; 1 where nothing is weighed.
pub fn diversification(weights: &[f64], correlation: &Matrix, most: f64) -> f64 {
    let mut variance = 0.0;
    for (row, left) in weights.iter().enumerate() {
        for (column, right) in weights.iter().enumerate() {
            variance += left * right * correlation.at(row, column);
        }
    }
    let risk = variance.sqrt();
    if risk.is_nan() || risk < 1e-7 { 1.0 } else { (1.0 / risk).min(most) }
}

/// The multiplier of each day: that of the last fit's matrix and of the weights at its start, smoothed.
///
/// - `weights`: by column of the matrices, on the same days.
/// - Result: on the days of the weights.
pub fn over_time(weights: &[&Series], fits: &[(Fit, Matrix)], config: &MultiplierConfig) -> Series {
    let Some(first) = weights.first() else { return Series::default() };
    let mut values = vec![1.0; first.len()];
    for (fit, matrix) in fits {
        let start = BusinessDay::of_ns(fit.period_start_ns);
        let row = i64::from(start.0) - i64::from(first.first.0);
        let own: Option<Vec<f64>> = usize::try_from(row).ok().map(|row| {
            let row = row.min(first.len().saturating_sub(1));
            weights
                .iter()
                .map(|weights| weights.values[row])
                .map(|weight| if weight.is_nan() { 0.0 } else { weight })
                .collect()
        });
        let multiplier = own.map_or(1.0, |own| diversification(&own, matrix, config.dm_max));
        // From the first day at or behind the start of the period.
        let from = if start.start_ns() < fit.period_start_ns { row + 1 } else { row };
        let from = usize::try_from(from).unwrap_or(0).min(values.len());
        values[from..].fill(multiplier);
    }
    Series { first: first.first, values: ew_mean(&values, alpha_of_span(config.ewma_span), 1) }
}
