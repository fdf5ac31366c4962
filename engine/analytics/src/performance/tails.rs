//! How bad a bad period is. Values at risk are returns: a loss is negative.

use tickrace_stats::quantile;

use super::{normal, returns};

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The return below which a share `tail` of the periods lies, of the sample itself (interpolated).
///
/// - `tail`: in (0, 1), 0.05 is usual.
pub fn var_historical(values: &[f64], tail: f64) -> Option<f64> {
    quantile(&sorted(values), tail).ok()
}

/// Mean of the worst returns up to and including rank `(n - 1) * tail`, rounded down.
///
/// Source: the discrete definition of empyrical; C. Acerbi and D. Tasche, "On the coherence of expected shortfall" (2002).
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within the sample")]
pub fn cvar_historical(values: &[f64], tail: f64) -> Option<f64> {
    let sorted = sorted(values);
    let last = (sorted.len().checked_sub(1)? as f64 * tail.clamp(0.0, 1.0)) as usize;
    returns::mean(&sorted[..=last])
}

/// The same quantile of a normal distribution with the sample's mean and standard deviation.
pub fn var_parametric(values: &[f64], tail: f64) -> Option<f64> {
    Some(returns::mean(values)? + returns::deviation(values)? * normal::quantile(tail)?)
}

/// Mean of that normal distribution below its quantile: `mean - deviation * density(z) / tail`.
///
/// Source: A. J. McNeil, R. Frey and P. Embrechts, "Quantitative Risk Management" (2005), example 2.14.
pub fn cvar_parametric(values: &[f64], tail: f64) -> Option<f64> {
    let z = normal::quantile(tail)?;
    Some(returns::mean(values)? - returns::deviation(values)? * normal::density(z) / tail)
}

/// The 95th percentile over the size of the 5th: above 1 where good days are larger than bad ones.
pub fn tail_ratio(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let (high, low) = (quantile(&sorted, 0.95).ok()?, quantile(&sorted, 0.05).ok()?);
    super::ratios::finite(high.abs() / low.abs())
}
