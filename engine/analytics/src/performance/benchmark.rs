//! A strategy against something one could have held instead.

use serde::Serialize;

use super::{ratios, returns};

/// Figures of a strategy relative to a benchmark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Relative {
    /// Covariance with the benchmark over the benchmark's variance.
    pub beta: Option<f64>,
    /// Yearly return beyond `beta` times the benchmark, compounded from its mean a period.
    pub alpha: Option<f64>,
    /// Mean over deviation of the active returns, a period (not annualised).
    pub information_ratio: Option<f64>,
    /// Yearly standard deviation of the active returns.
    pub tracking_error: Option<f64>,
    /// Annualised return over the benchmark's, over the periods in which the benchmark rose.
    pub up_capture: Option<f64>,
    /// The same over those in which it fell.
    pub down_capture: Option<f64>,
}

/// Works them out of two series of the same periods.
///
/// Source: M. C. Jensen, "The Performance of Mutual Funds" (1968) for alpha; W. F. Sharpe (1994) for the information ratio;
/// Morningstar's methodology for captures.
///
/// # Panics
///
/// Where the series are not of one length.
pub fn relative(own: &[f64], benchmark: &[f64], periods_a_year: f64) -> Relative {
    assert_eq!(own.len(), benchmark.len(), "one return of the benchmark a period");
    let active: Vec<f64> = own.iter().zip(benchmark).map(|(own, other)| own - other).collect();
    let beta = beta(own, benchmark);
    let alpha = beta.and_then(|beta| {
        let mean = returns::mean(own)? - beta * returns::mean(benchmark)?;
        ratios::finite(libm::pow(1.0 + mean, periods_a_year) - 1.0)
    });
    Relative {
        beta,
        alpha,
        information_ratio: ratios::a_period(&active),
        tracking_error: returns::volatility(&active, periods_a_year),
        up_capture: capture(own, benchmark, periods_a_year, |market| market > 0.0),
        down_capture: capture(own, benchmark, periods_a_year, |market| market < 0.0),
    }
}

/// Covariance with the benchmark over the benchmark's variance; `None` where that does not vary.
pub fn beta(own: &[f64], benchmark: &[f64]) -> Option<f64> {
    returns::moments(benchmark)?;
    let (mean_own, mean_other) = (returns::mean(own)?, returns::mean(benchmark)?);
    let pairs = || own.iter().zip(benchmark);
    let together: f64 = pairs().map(|(own, other)| (own - mean_own) * (other - mean_other)).sum();
    let alone: f64 = benchmark.iter().map(|other| (other - mean_other) * (other - mean_other)).sum();
    ratios::finite(together / alone)
}

/// Correlation of two series of the same periods (Pearson); `None` where one does not vary.
///
/// # Panics
///
/// Where the series are not of one length.
pub fn correlation(own: &[f64], other: &[f64]) -> Option<f64> {
    assert_eq!(own.len(), other.len(), "one return of the other a period");
    returns::moments(own)?;
    let slope = beta(own, other)?;
    let value = slope * returns::deviation(other)? / returns::deviation(own)?;
    ratios::finite(value.clamp(-1.0, 1.0))
}

fn capture(own: &[f64], benchmark: &[f64], periods_a_year: f64, takes: fn(f64) -> bool) -> Option<f64> {
    let pairs = own.iter().zip(benchmark).filter(|(_, other)| takes(**other));
    let (own, other): (Vec<f64>, Vec<f64>) = pairs.unzip();
    let yearly = |values: &[f64]| returns::annualised(values, periods_a_year);
    ratios::finite(yearly(&own)? / yearly(&other)?)
}
