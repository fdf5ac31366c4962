//! Forecasts: scaled to an average of ten, capped, and combined.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use tickrace_stats::Series;
use tickrace_stats::moments::{alpha_of_span, ew_mean, fill_forward, fill_forward_in_place, rolling_mean};

use crate::raw::{filled_over, span_of};

/// A forecast times its scalar, within bounds.
///
/// - `raw`: `[days]`.
pub fn scaled(raw: &[f64], scalar: &[f64], floor: f64, cap: f64) -> Vec<f64> {
    raw.iter().zip(scalar).map(|(value, scalar)| (value * scalar).clamp(floor, cap)).collect()
}

/// The same by one scalar, of a forecast that nobody needs as it was.
pub fn scale(raw: &mut [f64], scalar: f64, floor: f64, cap: f64) {
    raw.iter_mut().for_each(|value| *value = (*value * scalar).clamp(floor, cap));
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
/// - `series`: what is weighted, in the order of names, gaps filled ([`filled_together`]); they decide where a weight counts.
/// - `weights`: `[names][days]` on the days of all series.
/// - `span`: days of the smoothing.
/// - Result: `[names][days]`, of sum 1 where any counts.
pub fn smoothed_weights(series: &[Series], mut weights: Vec<Vec<f64>>, span: f64) -> Vec<Vec<f64>> {
    let days = series.first().map_or(0, Series::len);
    let tiles = || (0..days).step_by(ROWS).map(|start| start..(start + ROWS).min(days));
    let is_missing =
        |weights: &Vec<f64>| weights.iter().fold(false, |is_any, weight| is_any | weight.is_nan());
    let alpha = alpha_of_span(span);
    let mut sums = [0.0; ROWS];
    counted(series, &mut weights);
    if weights.iter().any(is_missing) {
        // Weights that begin on days of their own.
        for weights in &mut weights {
            *weights = ew_mean(weights, alpha, 1);
        }
        for rows in tiles() {
            for (sum, row) in sums.iter_mut().zip(rows.clone()) {
                *sum = weights.iter().map(|weights| weights[row]).filter(|weight| !weight.is_nan()).sum();
            }
            of_sum_one(&mut weights, rows, &sums);
        }
        return weights;
    }
    let mut means = Together::new(alpha, weights.len());
    for rows in tiles() {
        means.push(&mut weights, rows.clone(), &mut sums);
        of_sum_one(&mut weights, rows, &sums);
    }
    weights
}

/// Days that are worked out at a time: what they take stays at hand.
const ROWS: usize = 64;

/// Takes the weight off what is not known; where nothing is known all weights stay as they are.
fn counted(series: &[Series], weights: &mut [Vec<f64>]) {
    // What is known once is known from then on.
    let first = |series: &Series| series.values.iter().position(|value| !value.is_nan());
    let firsts: Vec<usize> = series.iter().map(|series| first(series).unwrap_or(series.len())).collect();
    let any = firsts.iter().copied().min().unwrap_or(0);
    for (weights, first) in weights.iter_mut().zip(firsts) {
        weights[any..first].fill(0.0);
    }
}

/// Divides weights by their sum.
fn of_sum_one(weights: &mut [Vec<f64>], rows: Range<usize>, sums: &[f64; ROWS]) {
    let per_sum = sums.map(|sum| 1.0 / if sum == 0.0 { 1e-4 } else { sum });
    for weights in weights {
        for (weight, per_sum) in weights[rows.clone()].iter_mut().zip(&per_sum) {
            *weight *= per_sum;
        }
    }
}

/// Exponential means of columns that miss nothing, each to the last bit that of [`ew_mean`]: a row weighs the same in all, and
/// what one waits for is the time others take.
struct Together {
    kept: f64,
    weight: f64,
    means: Vec<[f64; LANES]>,
}

/// Columns side by side.
const LANES: usize = 8;

impl Together {
    fn new(alpha: f64, columns: usize) -> Self {
        // The first row is all there is: the past weighs nothing.
        Self { kept: 1.0 - alpha, weight: 0.0, means: vec![[0.0; LANES]; columns.div_ceil(LANES)] }
    }

    /// Puts means in the place of the next rows, at most [`ROWS`] of them, and sums by row into `sums`.
    fn push(&mut self, columns: &mut [Vec<f64>], rows: Range<usize>, sums: &mut [f64; ROWS]) {
        let mut shares = [(0.0, 0.0); ROWS];
        for share in &mut shares[..rows.len()] {
            self.weight *= self.kept;
            let new = 1.0 / (self.weight + 1.0);
            *share = (self.weight * new, new);
            self.weight += 1.0;
        }
        sums.fill(0.0);
        let mut tile = [[0.0; LANES]; ROWS];
        for (columns, mean) in columns.chunks_mut(LANES).zip(&mut self.means) {
            for (lane, column) in columns.iter().enumerate() {
                for (row, value) in tile.iter_mut().zip(&column[rows.clone()]) {
                    row[lane] = *value;
                }
            }
            for (row, (old, new)) in tile.iter_mut().zip(&shares).take(rows.len()) {
                for (value, mean) in row.iter_mut().zip(mean.iter_mut()) {
                    let next = old * *mean + *value * new;
                    *mean = if *mean == *value { *mean } else { next };
                    *value = *mean;
                }
            }
            for (lane, column) in columns.iter_mut().enumerate() {
                for ((value, row), sum) in column[rows.clone()].iter_mut().zip(&tile).zip(sums.iter_mut()) {
                    *value = row[lane];
                    *sum += row[lane];
                }
            }
        }
    }
}

/// All series on the days of any, gaps filled with the value before.
pub fn filled_together<'a>(series: impl IntoIterator<Item = &'a Series> + Clone) -> Vec<Series> {
    let (first, days) = span_of(series.clone());
    series.into_iter().map(|series| filled_over(series, first, days)).collect()
}

/// The same of series that nobody needs as they were.
pub fn fill_together(series: &mut [Series]) {
    let (first, days) = span_of(series.iter());
    for series in series {
        if (series.first, series.len()) == (first, days) {
            fill_forward_in_place(&mut series.values);
        } else {
            *series = filled_over(series, first, days);
        }
    }
}

/// Sum of weighted forecasts times a multiplier, before it is capped; a missing forecast counts as zero.
///
/// - `forecasts`, `weights`: by rule, on the same days, gaps of forecasts filled. `multiplier`: `[days]`.
pub fn combined(forecasts: &[Series], weights: &[&Series], multiplier: &[f64]) -> Vec<f64> {
    let mut sums = vec![-0.0; multiplier.len()];
    for (chunk, sums) in sums.chunks_mut(ROWS).enumerate() {
        let rows = chunk * ROWS..chunk * ROWS + sums.len();
        for (forecast, weights) in forecasts.iter().zip(weights) {
            let parts = forecast.values[rows.clone()].iter().zip(&weights.values[rows.clone()]);
            for (sum, (value, weight)) in sums.iter_mut().zip(parts) {
                let part = value * weight;
                *sum = if part.is_nan() { *sum } else { *sum + part };
            }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tickrace_stats::BusinessDay;

    use super::*;

    fn gappy(chance: u32) -> impl Strategy<Value = f64> {
        prop_oneof![chance => Just(f64::NAN), 4 => 0.05..1.0_f64]
    }

    proptest! {
        #[test]
        fn weights_are_their_means_over_the_sum_of_them(
            days in 0_usize..200,
            begins in prop::collection::vec(0_usize..100, 1..20),
            is_dated in any::<bool>(),
            span in 2.0..50.0_f64,
            stated in prop::collection::vec(gappy(0), 20),
            known in prop::collection::vec(gappy(1), 20 * 200),
        ) {
            let series: Vec<Series> = begins.iter().zip(known.chunks(200)).map(|(begin, known)| {
                let of_day = |day| if day < *begin { f64::NAN } else { known[day] };
                let values: Vec<f64> = (0..days).map(of_day).collect();
                Series { first: BusinessDay(3), values: fill_forward(&values) }
            }).collect();
            let raw: Vec<Vec<f64>> = begins.iter().zip(&stated).map(|(begin, weight)| {
                // A fit that begins on a day of its own.
                let of_day = |day: usize| if is_dated && day < *begin / 2 { f64::NAN } else { *weight };
                (0..days).map(of_day).collect()
            }).collect();
            let got = smoothed_weights(&series, raw.clone(), span);
            // Day by day, as the sentence says it.
            let kept = 1.0 - 2.0 / (span + 1.0);
            let mut seen = vec![(0.0, 0.0); begins.len()];
            for day in 0..days {
                let is_any = series.iter().any(|series| !series.values[day].is_nan());
                for (place, (sum, weight)) in seen.iter_mut().enumerate() {
                    *sum *= kept;
                    *weight *= kept;
                    let is_off = is_any && series[place].values[day].is_nan();
                    let value = if is_off { 0.0 } else { raw[place][day] };
                    if !value.is_nan() {
                        *sum += value;
                        *weight += 1.0;
                    }
                }
                let means: Vec<f64> = seen.iter().map(|(sum, weight)| sum / weight).collect();
                let total: f64 = means.iter().filter(|mean| !mean.is_nan()).sum();
                for (place, mean) in means.iter().enumerate() {
                    let want = mean / if total == 0.0 { 1e-4 } else { total };
                    let got = got[place][day];
                    prop_assert!((got - want).abs() < 1e-12 || got.is_nan() && want.is_nan(), "{got} {want}");
                }
            }
        }

        #[test]
        fn what_is_done_in_place_is_what_is_done_beside(
            lengths in prop::collection::vec((0_i32..9, 0_usize..40), 1..5),
            values in prop::collection::vec(gappy(2), 200),
        ) {
            let mut series: Vec<Series> = lengths.iter().zip(values.chunks(40)).map(|((first, length), values)| {
                Series { first: BusinessDay(*first), values: values[..*length].to_vec() }
            }).collect();
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            for series in &series {
                let beside = scaled(&series.values, &vec![30.0; series.len()], -20.0, 15.0);
                let mut own = series.values.clone();
                scale(&mut own, 30.0, -20.0, 15.0);
                prop_assert_eq!(bits(&own), bits(&beside));
            }
            let beside = filled_together(&series);
            fill_together(&mut series);
            for (own, beside) in series.iter().zip(&beside) {
                prop_assert_eq!((own.first, bits(&own.values)), (beside.first, bits(&beside.values)));
            }
        }
    }
}
