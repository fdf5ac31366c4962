//! What a series of returns comes to: sum, mean, spread, shape.

/// Growth of one unit over the whole series, less the unit: the product of `1 + r`, minus 1.
pub fn total(returns: &[f64]) -> f64 {
    returns.iter().map(|value| 1.0 + value).product::<f64>() - 1.0
}

/// The constant yearly return that gives the same total, over `periods_a_year` periods a year.
///
/// `None` of nothing, and where more than everything was lost.
pub fn annualised(returns: &[f64], periods_a_year: f64) -> Option<f64> {
    let growth = 1.0 + total(returns);
    let yearly = libm::pow(growth, periods_a_year / returns.len() as f64) - 1.0;
    (!returns.is_empty() && growth >= 0.0).then_some(yearly).filter(|value| value.is_finite())
}

/// Arithmetic mean; `None` of nothing.
pub fn mean(returns: &[f64]) -> Option<f64> {
    (!returns.is_empty()).then(|| returns.iter().sum::<f64>() / returns.len() as f64)
}

/// Sample standard deviation a period, with `n - 1`; `None` under two periods.
pub fn deviation(returns: &[f64]) -> Option<f64> {
    let mean = mean(returns).filter(|_| returns.len() > 1)?;
    let squares: f64 = returns.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some((squares / (returns.len() - 1) as f64).sqrt())
}

/// [`deviation`] times the root of the periods a year.
pub fn volatility(returns: &[f64], periods_a_year: f64) -> Option<f64> {
    deviation(returns).map(|deviation| deviation * periods_a_year.sqrt())
}

/// Third and fourth standardised moment of the sample, without correction for its size; a normal sample has about 0 and 3.
/// The estimators of the Sharpe ratio's error are written in these.
///
/// `None` where the returns do not vary.
pub fn moments(returns: &[f64]) -> Option<(f64, f64)> {
    let (mean, count) = (mean(returns)?, returns.len() as f64);
    let central = |power: i32| returns.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / count;
    let variance = central(2);
    // Rounding leaves a trace of variance in a constant series.
    let is_flat = variance.sqrt() <= mean.abs() * 1e-14;
    (!is_flat).then(|| (central(3) / variance.powf(1.5), central(4) / (variance * variance)))
}

/// Skewness corrected for the sample's size (`G1`), as spreadsheets and pandas state it; `None` under three periods.
///
/// Source: D. N. Joanes and C. A. Gill, "Comparing measures of sample skewness and kurtosis" (1998).
pub fn skew(returns: &[f64]) -> Option<f64> {
    let (skew, _) = moments(returns).filter(|_| returns.len() > 2)?;
    let count = returns.len() as f64;
    Some(skew * (count * (count - 1.0)).sqrt() / (count - 2.0))
}

/// Excess kurtosis corrected for the sample's size (`G2`): 0 of a normal sample; `None` under four periods.
///
/// Source: as [`skew`].
pub fn kurtosis(returns: &[f64]) -> Option<f64> {
    let (_, kurtosis) = moments(returns).filter(|_| returns.len() > 3)?;
    let n = returns.len() as f64;
    Some((n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * (kurtosis - 3.0) + 6.0))
}
