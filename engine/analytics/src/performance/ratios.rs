//! Reward against risk.

use super::{drawdowns, returns};

/// Mean over standard deviation, times the root of the periods a year; the risk-free return is taken off before, by the
/// caller, where it counts.
///
/// Source: W. F. Sharpe, "The Sharpe Ratio" (1994).
pub fn sharpe(values: &[f64], periods_a_year: f64) -> Option<f64> {
    Some(a_period(values)? * periods_a_year.sqrt())
}

/// The Sharpe ratio of one period, not annualised; `None` where the returns do not vary.
pub fn a_period(values: &[f64]) -> Option<f64> {
    // `moments` knows whether what varies is more than rounding.
    returns::moments(values)?;
    finite(returns::mean(values)? / returns::deviation(values)?)
}

/// Mean over the root of the mean square of losses, annualised; every period counts in that mean, gains as 0.
///
/// Source: F. A. Sortino and L. N. Price, "Performance Measurement in a Downside Risk Framework" (1994), target 0.
pub fn sortino(values: &[f64], periods_a_year: f64) -> Option<f64> {
    let squares: f64 = values.iter().map(|value| value.min(0.0) * value.min(0.0)).sum();
    let downside = (squares / values.len() as f64).sqrt();
    finite(returns::mean(values)? / downside * periods_a_year.sqrt())
}

/// Annualised return over the deepest drawdown; `None` where there was none.
///
/// Source: T. W. Young, "Calmar Ratio: A Smoother Tool" (1991), over the whole series instead of three years.
pub fn calmar(values: &[f64], periods_a_year: f64) -> Option<f64> {
    finite(returns::annualised(values, periods_a_year)? / -drawdowns::deepest(values))
}

/// Sum of gains over sum of losses about a threshold of 0; also the profit factor of the series.
///
/// Source: C. Keating and W. F. Shadwick, "A Universal Performance Measure" (2002).
pub fn omega(values: &[f64]) -> Option<f64> {
    let gains: f64 = values.iter().map(|value| value.max(0.0)).sum();
    let losses: f64 = values.iter().map(|value| (-value).max(0.0)).sum();
    finite(gains / losses)
}

pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
