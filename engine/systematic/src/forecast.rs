//! Forecasts: scaled to an average of ten, capped, and combined.

use serde::{Deserialize, Serialize};
use tickrace_stats::Series;
use tickrace_stats::moments::{alpha_of_span, ew_mean, ew_means, fill_forward, rolling_mean};

use crate::raw::{filled_over, span_of};

/// A forecast times its scalar, within bounds.
///
/// - `raw`: `[days]`.
pub fn scaled(raw: &[f64], scalar: &[f64], floor: f64, cap: f64) -> Vec<f64> {
    raw.iter().zip(scalar).map(|(value, scalar)| (value * scalar).clamp(floor, cap)).collect()
}

/// A forecast that small capital can act on: nothing below a threshold, steeper above it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Sizes below it become zero.
    pub threshold: f64,
    /// Size at the cap, in caps.
    pub a_param: f64,
    /// Slope from the threshold to the cap; where absent what leads from one to the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b_param: Option<f64>,
}

impl Mapping {
    /// The mapping that keeps the deviation of a normal forecast with a cap of 20, by its size at the cap.
    ///
    /// Source: pysystemtrade 1.80, whose fit holds for sizes above 1.2 and up to 1.7.
    pub fn of_size(a_param: f64) -> Self {
        Self { threshold: -19.811 + 22.263 * a_param, a_param, b_param: None }
    }

    /// The slope between the threshold and the cap.
    pub fn slope(&self, cap: f64) -> f64 {
        self.b_param.unwrap_or(self.a_param * cap / (cap - self.threshold))
    }

    /// The forecast acted on; a missing one stays missing.
    pub fn of(&self, forecast: f64, cap: f64) -> f64 {
        let size = forecast.abs();
        if forecast.is_nan() {
            forecast
        } else if size < self.threshold {
            0.0
        } else if size > cap {
            forecast.signum() * cap * self.a_param
        } else {
            forecast.signum() * self.slope(cap) * (size - self.threshold)
        }
    }
}

/// Smooths fixed or changing weights.
///
/// - `series`: what is weighted, in the order of names; they decide where a weight counts.
/// - `weights`: `[names][days]` on the days of all series.
/// - `span`: days of the smoothing.
/// - Result: `[names][days]`, of sum 1 where any counts.
pub fn smoothed_weights(series: &[Series], mut weights: Vec<Vec<f64>>, span: f64) -> Vec<Vec<f64>> {
    let days = series.first().map_or(0, Series::len);
    // Where nothing is known all weights stay as they are.
    let mut is_any = vec![false; days];
    for series in series {
        for (is_any, value) in is_any.iter_mut().zip(&series.values) {
            *is_any |= !value.is_nan();
        }
    }
    for (series, weights) in series.iter().zip(&mut weights) {
        for ((weight, value), is_any) in weights.iter_mut().zip(&series.values).zip(&is_any) {
            *weight = if value.is_nan() && *is_any { 0.0 } else { *weight };
        }
    }
    let mut smooth = smoothed(&weights, alpha_of_span(span));
    let mut sums = vec![0.0; days];
    for weights in &smooth {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum += if weight.is_nan() { 0.0 } else { *weight };
        }
    }
    for weights in &mut smooth {
        for (weight, sum) in weights.iter_mut().zip(&sums) {
            *weight /= if *sum == 0.0 { 1e-4 } else { *sum };
        }
    }
    smooth
}

/// Exponential means of series of one length, four side by side.
fn smoothed(series: &[Vec<f64>], alpha: f64) -> Vec<Vec<f64>> {
    let (fours, rest) = series.as_chunks::<4>();
    let fours = fours.iter().flat_map(|four| ew_means(four.each_ref().map(Vec::as_slice), [alpha; 4], 1));
    fours.chain(rest.iter().map(|series| ew_mean(series, alpha, 1))).collect()
}

/// All series on the days of any, gaps filled with the value before.
pub fn filled_together<'a>(series: impl IntoIterator<Item = &'a Series> + Clone) -> Vec<Series> {
    let (first, days) = span_of(series.clone());
    series.into_iter().map(|series| filled_over(series, first, days)).collect()
}

/// Sum of weighted forecasts times a multiplier, before it is capped; a missing forecast counts as zero.
///
/// - `forecasts`, `weights`: by rule, on the same days, gaps of forecasts filled. `multiplier`: `[days]`.
pub fn combined(forecasts: &[Series], weights: &[&Series], multiplier: &[f64]) -> Vec<f64> {
    let mut sums = vec![-0.0; multiplier.len()];
    for (forecast, weights) in forecasts.iter().zip(weights) {
        for ((sum, value), weight) in sums.iter_mut().zip(&forecast.values).zip(&weights.values) {
            let part = value * weight;
            *sum = if part.is_nan() { *sum } else { *sum + part };
        }
    }
    for (sum, multiplier) in sums.iter_mut().zip(fill_forward(multiplier)) {
        *sum *= multiplier;
    }
    sums
}

/// What raw forecasts are multiplied by where volatility is high or low against its own past: from 0.5 to 2.
///
/// - `perc_vol`: `[days]`, per cent.
/// - Result: the multipliers, and the share of days so far whose volatility was lower.
///
/// Source: R. Carver, *Advanced Futures Trading Strategies* (2023), strategy thirteen; windows as in pysystemtrade 1.80.
pub fn attenuation(perc_vol: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mean = rolling_mean(perc_vol, 2_500, 10);
    let normal: Vec<f64> = perc_vol.iter().zip(&mean).map(|(vol, mean)| vol / mean).collect();
    let mut earlier: Vec<f64> = Vec::with_capacity(normal.len());
    let mut multiplier = Vec::with_capacity(normal.len());
    let mut quantiles = Vec::with_capacity(normal.len());
    for (row, &value) in normal.iter().enumerate() {
        // Nothing is smaller than what is not known: such days count as the calmest.
        let mut smaller = 0;
        if !value.is_nan() {
            smaller = earlier.partition_point(|own| *own < value);
            earlier.insert(smaller, value);
        }
        let quantile = smaller as f64 / (row + 1) as f64;
        multiplier.push(2.0 - 1.5 * quantile);
        quantiles.push(quantile);
    }
    (ew_mean(&multiplier, alpha_of_span(10.0), 1), quantiles)
}
