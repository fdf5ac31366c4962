//! Moments over series with gaps, in the conventions of pandas: exponentially weighted ones, and those of moving windows.
//!
//! A missing value is NaN. Exponential weights are `(1-alpha)^k` with `k` counted in rows, missing ones among them: those
//! decay what came before and contribute nothing. On a missing row the value before stands once enough were seen.
//! Every function makes one pass; a result has the length of its input.
//!
//! Source: pandas 2.1, `ewm(adjust=True, ignore_na=False)` and `rolling`, documentation of *Windowing operations*.

mod extremes;
mod quantile;

pub use extremes::rolling_extremes;
pub use quantile::rolling_quantile;

/// Weight of the newest row for a span in rows: `2/(span+1)`.
pub fn alpha_of_span(span: f64) -> f64 {
    2.0 / (span + 1.0)
}

/// Weight of the newest row for a centre of mass in rows: `1/(1+com)`.
pub fn alpha_of_com(com: f64) -> f64 {
    1.0 / (1.0 + com)
}

/// Exponentially weighted mean.
///
/// - `alpha`: weight of the newest row, in (0, 1].
/// - `min_periods`: values seen before there is a result.
pub fn ew_mean(values: &[f64], alpha: f64, min_periods: usize) -> Vec<f64> {
    let kept = 1.0 - alpha;
    let (mut mean, mut weight, mut seen) = (f64::NAN, 1.0, 0_usize);
    let mut out = Vec::with_capacity(values.len());
    for &value in values {
        if mean.is_nan() {
            mean = value;
        } else {
            weight *= kept;
            if !value.is_nan() {
                // One product and one sum wait for the mean before; all else is at hand.
                let share = 1.0 / (weight + 1.0);
                if mean != value {
                    mean = weight * share * mean + value * share;
                }
                weight += 1.0;
            }
        }
        seen += usize::from(!value.is_nan());
        out.push(if seen >= min_periods.max(1) { mean } else { f64::NAN });
    }
    out
}

/// Exponentially weighted means of one series, by alpha, each to the last bit that of [`ew_mean`] from the first value on:
/// worked out side by side, since none waits for another.
///
/// - `alphas`: weights of the newest row, in (0, 1].
pub fn ew_means_of(values: &[f64], alphas: &[f64]) -> Vec<Vec<f64>> {
    const LANES: usize = 8;
    const ROWS: usize = 64;
    let first = values.iter().position(|value| !value.is_nan()).unwrap_or(values.len());
    let mut all: Vec<Vec<f64>> = alphas.iter().map(|_| Vec::with_capacity(values.len())).collect();
    all.iter_mut().for_each(|means| means.resize(first, f64::NAN));
    let Some(start) = values.get(first) else { return all };
    for (all, alphas) in all.chunks_mut(LANES).zip(alphas.chunks(LANES)) {
        // Lanes that nobody asked for keep nothing of the past.
        let kept: [f64; LANES] =
            std::array::from_fn(|lane| alphas.get(lane).map_or(0.0, |alpha| 1.0 - alpha));
        let (mut mean, mut weight) = ([*start; LANES], [1.0; LANES]);
        all.iter_mut().for_each(|means| means.push(*start));
        let mut rows = [[0.0; LANES]; ROWS];
        for values in values[first + 1..].chunks(ROWS) {
            for (row, &value) in rows.iter_mut().zip(values) {
                for lane in 0..LANES {
                    weight[lane] *= kept[lane];
                }
                if !value.is_nan() {
                    for lane in 0..LANES {
                        let share = 1.0 / (weight[lane] + 1.0);
                        let next = weight[lane] * share * mean[lane] + value * share;
                        mean[lane] = if mean[lane] == value { mean[lane] } else { next };
                        weight[lane] += 1.0;
                    }
                }
                *row = mean;
            }
            for (lane, means) in all.iter_mut().enumerate() {
                means.extend(rows[..values.len()].iter().map(|row| row[lane]));
            }
        }
        // Infinite values of both signs have no mean: behind them it begins anew, which is not done side by side.
        for ((means, alpha), mean) in all.iter_mut().zip(alphas).zip(mean) {
            if mean.is_nan() {
                *means = ew_mean(values, *alpha, 1);
            }
        }
    }
    all
}

/// Exponentially weighted standard deviation, its bias taken out: the variance times `S1²/(S1²-S2)`, with `S1` the sum of
/// weights and `S2` that of their squares.
pub fn ew_std(values: &[f64], alpha: f64, min_periods: usize) -> Vec<f64> {
    let kept = 1.0 - alpha;
    let (mut mean, mut variance, mut seen) = (f64::NAN, 0.0, 0_usize);
    let (mut sum, mut sum_squares, mut weight) = (1.0, 1.0, 1.0);
    let mut out = Vec::with_capacity(values.len());
    for &value in values {
        if mean.is_nan() {
            mean = value;
        } else {
            sum *= kept;
            sum_squares *= kept * kept;
            weight *= kept;
            if !value.is_nan() {
                let (before, share) = (mean, 1.0 / (weight + 1.0));
                let old = weight * share;
                if mean != value {
                    mean = old * before + value * share;
                }
                let (back, ahead) = (before - mean, value - mean);
                variance = old * variance + (old * (back * back) + share * (ahead * ahead));
                sum += 1.0;
                sum_squares += 1.0;
                weight += 1.0;
            }
        }
        seen += usize::from(!value.is_nan());
        let (top, bottom) = (sum * sum, sum * sum - sum_squares);
        let is_known = seen >= min_periods.max(1) && bottom > 0.0;
        out.push(if is_known { (top / bottom * variance).sqrt() } else { f64::NAN });
    }
    out
}

/// Values, each missing one replaced by the last before it.
pub fn fill_forward(values: &[f64]) -> Vec<f64> {
    let mut filled = Vec::with_capacity(values.len());
    fill_forward_into(&mut filled, values);
    filled
}

/// The same behind what `filled` holds already; what is missing at the beginning stays so.
///
/// - Result: the last value known.
pub fn fill_forward_into(filled: &mut Vec<f64>, values: &[f64]) -> f64 {
    // Most stretches miss nothing and are copied.
    const ROWS: usize = 32;
    let mut last = f64::NAN;
    for values in values.chunks(ROWS) {
        let is_any_missing = values.iter().fold(false, |is_any, value| is_any | value.is_nan());
        if is_any_missing {
            filled.extend(values.iter().map(|&value| {
                last = if value.is_nan() { last } else { value };
                last
            }));
        } else {
            filled.extend_from_slice(values);
            last = values.last().copied().unwrap_or(last);
        }
    }
    last
}

/// The same of values that nobody needs as they were.
pub fn fill_forward_in_place(values: &mut [f64]) {
    let mut last = f64::NAN;
    for values in values.chunks_mut(32) {
        if values.iter().fold(false, |is_any, value| is_any | value.is_nan()) {
            for value in values.iter_mut() {
                *value = if value.is_nan() { last } else { *value };
                last = *value;
            }
        }
        last = values.last().copied().unwrap_or(last);
    }
}

/// Differences between each value and the one before it; the first is missing.
pub fn differences(values: &[f64]) -> Vec<f64> {
    let mut before = f64::NAN;
    values.iter().map(|&value| value - std::mem::replace(&mut before, value)).collect()
}

/// Mean of the last `rows` rows, where at least `min_periods` of them have a value.
pub fn rolling_mean(values: &[f64], rows: usize, min_periods: usize) -> Vec<f64> {
    let (mut sum, mut lost, mut present) = (0.0, 0.0, 0_usize);
    // Compensated: thousands of values go in and out of one sum.
    let mut add = |value: f64| {
        let corrected: f64 = value - lost;
        let next = sum + corrected;
        lost = next - sum - corrected;
        sum = next;
        sum
    };
    let mut out = Vec::with_capacity(values.len());
    for (place, &value) in values.iter().enumerate() {
        let mut total = add(0.0);
        if place >= rows && !values[place - rows].is_nan() {
            total = add(-values[place - rows]);
            present -= 1;
        }
        if !value.is_nan() {
            total = add(value);
            present += 1;
        }
        out.push(if present >= min_periods.max(1) { total / present as f64 } else { f64::NAN });
    }
    out
}

/// Standard deviation of the last `rows` rows, by `n-1`, where at least `min_periods` of them have a value.
pub fn rolling_std(values: &[f64], rows: usize, min_periods: usize) -> Vec<f64> {
    let (mut mean, mut squares, mut present) = (0.0, 0.0_f64, 0.0);
    let mut out = Vec::with_capacity(values.len());
    for (place, &value) in values.iter().enumerate() {
        if place >= rows && !values[place - rows].is_nan() {
            let gone = values[place - rows];
            present -= 1.0;
            if present > 0.0 {
                let step = gone - mean;
                mean -= step / present;
                squares -= step * (gone - mean);
            } else {
                (mean, squares) = (0.0, 0.0);
            }
        }
        if !value.is_nan() {
            present += 1.0;
            let step = value - mean;
            mean += step / present;
            squares += step * (value - mean);
        }
        let is_known = present >= min_periods.max(2) as f64;
        out.push(if is_known { (squares.max(0.0) / (present - 1.0)).sqrt() } else { f64::NAN });
    }
    out
}

/// Skewness and excess kurtosis, their bias taken out, of the rows after `start_of(row)` up to each row.
///
/// - `start_of`: first row of the window that ends with a row; does not fall.
/// - Result: skewness from three values on, kurtosis from four, where they vary.
///
/// Source: the sums of pandas 2.1, `roll_skew` and `roll_kurt` (Joanes and Gill, 1998, `G1` and `G2`).
pub fn moving_shape(values: &[f64], start_of: impl Fn(usize) -> usize) -> (Vec<f64>, Vec<f64>) {
    // Shifted by one of them, the sums of powers cancel less; by the first, so that what comes later does not move a bit of
    // what was before.
    let shift = values.iter().copied().find(|value| !value.is_nan()).unwrap_or(0.0);
    let (mut sums, mut n, mut start) = ([0.0; 4], 0.0, 0);
    let mut out = (Vec::with_capacity(values.len()), Vec::with_capacity(values.len()));
    for (row, &value) in values.iter().enumerate() {
        let first = start_of(row).min(row);
        for &gone in &values[start..first.max(start)] {
            if !gone.is_nan() {
                add_powers(&mut sums, gone - shift, -1.0);
                n -= 1.0;
            }
        }
        start = first.max(start);
        if !value.is_nan() {
            add_powers(&mut sums, value - shift, 1.0);
            n += 1.0;
        }
        let [m1, m2, m3, m4] = sums.map(|sum| sum / n);
        let variance = m2 - m1 * m1;
        let third = m3 - m1 * m1 * m1 - 3.0 * m1 * variance;
        let fourth = m4 - m1 * m1 * m1 * m1 - 6.0 * variance * m1 * m1 - 4.0 * third * m1;
        let varies = variance > 1e-14;
        let root = variance.sqrt();
        out.0.push(if n >= 3.0 && varies {
            (n * (n - 1.0)).sqrt() * third / ((n - 2.0) * root * root * root)
        } else {
            f64::NAN
        });
        out.1.push(if n >= 4.0 && varies {
            ((n * n - 1.0) * fourth / (variance * variance) - 3.0 * (n - 1.0) * (n - 1.0))
                / ((n - 2.0) * (n - 3.0))
        } else {
            f64::NAN
        });
    }
    out
}

fn add_powers(sums: &mut [f64; 4], value: f64, sign: f64) {
    let mut power = sign;
    for sum in sums {
        power *= value;
        *sum += power;
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places of small windows")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gappy() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(prop_oneof![1 => Just(f64::NAN), 4 => -5.0..5.0_f64], 0..60)
    }

    fn near(got: f64, want: f64) -> bool {
        got.is_nan() && want.is_nan() || (got - want).abs() <= 1e-9 * want.abs().max(1.0)
    }

    /// Weighted sums written out: what was seen up to `row`, with weights by distance.
    fn weighted(values: &[f64], row: usize, alpha: f64) -> Option<(f64, f64, usize)> {
        let seen: Vec<(f64, f64)> = (0..=row)
            .filter(|at| !values[*at].is_nan())
            .map(|at| ((1.0 - alpha).powi(i32::try_from(row - at).unwrap()), values[at]))
            .collect();
        let total: f64 = seen.iter().map(|(weight, _)| weight).sum();
        let squares: f64 = seen.iter().map(|(weight, _)| weight * weight).sum();
        let mean = seen.iter().map(|(weight, value)| weight * value).sum::<f64>() / total;
        let variance =
            seen.iter().map(|(weight, value)| weight * (value - mean).powi(2)).sum::<f64>() / total;
        let unbiased = variance * total * total / (total * total - squares);
        (!seen.is_empty()).then_some((mean, unbiased.max(0.0).sqrt(), seen.len()))
    }

    proptest! {
        #[test]
        fn means_of_one_series_are_those_of_one_after_the_other(
            values in prop::collection::vec(prop_oneof![
                2 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(f64::NEG_INFINITY), 40 => -5.0..5.0_f64,
            ], 0..200),
            alphas in prop::collection::vec(0.01..1.0_f64, 0..20),
        ) {
            let together = ew_means_of(&values, &alphas);
            prop_assert_eq!(together.len(), alphas.len());
            for (together, alpha) in together.iter().zip(alphas) {
                let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(together), bits(&ew_mean(&values, alpha, 1)));
            }
        }

    }

    proptest! {
        #[test]
        fn exponential_moments_are_the_weighted_sums_written_out(values in gappy(), span in 2.0..20.0_f64) {
            let alpha = alpha_of_span(span);
            let (means, deviations) = (ew_mean(&values, alpha, 2), ew_std(&values, alpha, 3));
            for row in 0..values.len() {
                let wanted = weighted(&values, row, alpha);
                let mean = wanted.filter(|(_, _, seen)| *seen >= 2).map_or(f64::NAN, |(mean, _, _)| mean);
                prop_assert!(near(means[row], mean));
                let deviation = wanted.filter(|(_, _, seen)| *seen >= 3).map_or(f64::NAN, |(_, std, _)| std);
                prop_assert!(near(deviations[row], deviation), "{} {deviation}", deviations[row]);
            }
        }

        #[test]
        fn moving_windows_are_their_rows_looked_at_anew(values in gappy(), rows in 1..12_usize, least in 0..5_usize) {
            let (highs, lows) = rolling_extremes(&values, rows, least);
            let (means, deviations) = (rolling_mean(&values, rows, least), rolling_std(&values, rows, least));
            let quantiles = rolling_quantile(&values, rows, least, 0.3);
            let (skews, kurtoses) = moving_shape(&values, |row| (row + 1).saturating_sub(rows));
            for row in 0..values.len() {
                let from = (row + 1).saturating_sub(rows);
                let mut seen: Vec<f64> = values[from..=row].iter().copied().filter(|value| !value.is_nan()).collect();
                seen.sort_by(f64::total_cmp);
                let n = seen.len() as f64;
                let mean = seen.iter().sum::<f64>() / n;
                let central = |power: i32| seen.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / n;
                let known = |value: f64, needed: usize| if seen.len() >= needed { value } else { f64::NAN };
                let enough = least.max(1);
                prop_assert!(near(highs[row], known(seen.last().copied().unwrap_or(0.0), enough)));
                prop_assert!(near(lows[row], known(seen.first().copied().unwrap_or(0.0), enough)));
                prop_assert!(near(means[row], known(mean, enough)));
                let deviation = (central(2) * n / (n - 1.0)).sqrt();
                prop_assert!((deviations[row] - known(deviation, enough.max(2))).abs() < 1e-7
                    || deviations[row].is_nan() && seen.len() < enough.max(2));
                if seen.len() >= enough {
                    let at = 0.3 * (n - 1.0);
                    let (low, high) = (seen[at.floor() as usize], seen[at.ceil() as usize]);
                    prop_assert!(near(quantiles[row], low + (at - at.floor()) * (high - low)));
                }
                if seen.len() >= 4 && central(2) > 1e-6 {
                    let skew = (n * (n - 1.0)).sqrt() / (n - 2.0) * central(3) / central(2).powf(1.5);
                    prop_assert!((skews[row] - skew).abs() < 1e-5, "{} {skew}", skews[row]);
                    let excess = central(4) / central(2).powi(2) - 3.0;
                    let kurtosis = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * excess + 6.0);
                    prop_assert!((kurtoses[row] - kurtosis).abs() < 1e-4, "{} {kurtosis}", kurtoses[row]);
                }
            }
        }
    }

    #[test]
    fn gaps_are_filled_and_differences_miss_twice() {
        let values = [1.0, f64::NAN, 4.0, 6.0];
        assert_eq!(fill_forward(&values), [1.0, 1.0, 4.0, 6.0]);
        let steps = differences(&values);
        assert!(steps[..3].iter().all(|step| step.is_nan()) && steps[3] == 2.0);
    }
}
