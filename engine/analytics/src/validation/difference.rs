//! Whether one Sharpe ratio is really above another: a test that knows that the two strategies lived through the same days.
//!
//! The difference is divided by its standard error (delta method over the means and mean squares, with the covariances of
//! neighbouring days counted up to the block's length), and that quotient is compared with those of resampled pairs of days, drawn in
//! blocks around the end, about the difference found. So neither normality nor independence of days is taken for granted.
//!
//! Source: O. Ledoit and M. Wolf, "Robust performance hypothesis testing with the Sharpe ratio" (2008), section 3.2; the error of
//! the sample itself by W. K. Newey and K. D. West (1987).

use serde::Serialize;
use tickrace_stats::Rng;

use crate::performance::returns;

/// Two Sharpe ratios compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Difference {
    /// First less second, a period.
    pub difference: f64,
    /// Its standard error.
    pub error: f64,
    /// How often chance alone makes a difference as great, in either direction.
    pub p_value: f64,
    /// Days in a block.
    pub block: usize,
    /// Samples drawn.
    pub samples: usize,
}

/// Means and mean squares of both series.
struct Moments {
    mean: [f64; 2],
    square: [f64; 2],
}

impl Moments {
    fn of(pairs: &[[f64; 2]]) -> Self {
        let count = pairs.len() as f64;
        let over =
            |of: fn(f64) -> f64, side: usize| pairs.iter().map(|pair| of(pair[side])).sum::<f64>() / count;
        Self {
            mean: [over(|value| value, 0), over(|value| value, 1)],
            square: [over(|value| value * value, 0), over(|value| value * value, 1)],
        }
    }

    fn variance(&self, side: usize) -> f64 {
        self.square[side] - self.mean[side] * self.mean[side]
    }

    fn difference(&self) -> f64 {
        self.mean[0] / self.variance(0).sqrt() - self.mean[1] / self.variance(1).sqrt()
    }

    /// What a day adds to the difference's estimate: its moments, less their means, along the gradient.
    fn influence(&self, pair: &[f64; 2]) -> f64 {
        let side = |side: usize| {
            let power = self.variance(side).powf(1.5);
            let along_mean = self.square[side] / power * (pair[side] - self.mean[side]);
            along_mean - self.mean[side] / power / 2.0 * (pair[side] * pair[side] - self.square[side])
        };
        side(0) - side(1)
    }
}

/// A usual block's length: the cube root of the sample's, at least 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
pub fn block_of(periods: usize) -> usize {
    libm::cbrt(periods as f64).round().max(1.0) as usize
}

/// Compares the Sharpe ratios of two series of the same periods.
///
/// `None` where the series are shorter than two blocks, do not vary, or move as one.
///
/// # Panics
///
/// Where the series are not of one length.
pub fn sharpe_difference(
    first: &[f64],
    second: &[f64],
    block: usize,
    samples: usize,
    seed: u64,
) -> Option<Difference> {
    assert_eq!(first.len(), second.len(), "one return of the second a period");
    let count = first.len();
    if block == 0 || count < 2 * block || count < 4 || samples == 0 {
        return None;
    }
    returns::moments(first)?;
    returns::moments(second)?;
    let pairs: Vec<[f64; 2]> = first.iter().zip(second).map(|(a, b)| [*a, *b]).collect();
    let here = Moments::of(&pairs);
    let influences: Vec<f64> = pairs.iter().map(|pair| here.influence(pair)).collect();
    let error = (long_run_variance(&influences, block) / count as f64).sqrt();
    let difference = here.difference();
    let scale = influences.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    // Series that move as one differ by rounding alone.
    if !difference.is_finite() || error.is_nan() || error <= 0.0 || scale < 1e-12 {
        return None;
    }
    let found = (difference / error).abs();
    let mut rng = Rng::new(seed);
    let mut drawn: Vec<[f64; 2]> = Vec::with_capacity(count + block);
    let mut as_great = 0usize;
    for _ in 0..samples {
        drawn.clear();
        while drawn.len() < count {
            let start = usize::try_from(rng.below(count as u64)).unwrap_or(0);
            drawn.extend((0..block).map(|step| pairs[(start + step) % count]));
        }
        drawn.truncate(count);
        let moments = Moments::of(&drawn);
        let values: Vec<f64> = drawn.iter().map(|pair| moments.influence(pair)).collect();
        let spread = (block_variance(&values, block) / count as f64).sqrt();
        let quotient = ((moments.difference() - difference) / spread).abs();
        // A sample that does not vary speaks for chance.
        as_great += usize::from(quotient.is_nan() || quotient >= found);
    }
    let p_value = (as_great + 1) as f64 / (samples + 1) as f64;
    Some(Difference { difference, error, p_value, block, samples })
}

/// Variance of a day with the covariances up to `block - 1` days apart, weighed down with the distance.
fn long_run_variance(values: &[f64], block: usize) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let apart = |lag: usize| {
        let pairs = values.iter().zip(&values[lag..]);
        pairs.map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / count
    };
    let weight = |lag: usize| 1.0 - lag as f64 / block as f64;
    apart(0) + 2.0 * (1..block).map(|lag| weight(lag) * apart(lag)).sum::<f64>()
}

/// The same of a sample strung together from blocks: the mean square of their sums over their length.
fn block_variance(values: &[f64], block: usize) -> f64 {
    let whole = values.chunks_exact(block);
    let count = whole.len() as f64;
    whole.map(|block| block.iter().sum::<f64>().powi(2)).sum::<f64>() / count / block as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two normal series with this correlation, means in deviations.
    fn two(rng: &mut Rng, count: usize, means: [f64; 2], correlation: f64) -> (Vec<f64>, Vec<f64>) {
        let rest = (1.0 - correlation * correlation).sqrt();
        (0..count)
            .map(|_| {
                let (a, b) = (rng.normal(), rng.normal());
                (means[0] + a, means[1] + correlation * a + rest * b)
            })
            .unzip()
    }

    #[test]
    fn the_error_is_that_of_jobson_korkie_and_memmel_where_days_are_normal_and_independent() {
        // C. Memmel, "Performance hypothesis testing with the Sharpe ratio" (2003): variance of the difference times the days is
        // 2 - 2 rho + (a^2 + b^2 - 2 a b rho^2) / 2.
        let mut rng = Rng::new(12);
        let (a, b, rho) = (0.3, 0.1, 0.6);
        let (first, second) = two(&mut rng, 200_000, [a, b], rho);
        let found = sharpe_difference(&first, &second, 1, 1, 1).unwrap();
        let expected =
            ((2.0 - 2.0 * rho + 0.5 * (a * a + b * b - 2.0 * a * b * rho * rho)) / 200_000.0).sqrt();
        assert!((found.error / expected - 1.0).abs() < 0.01, "{} {expected}", found.error);
        assert!((found.difference - 0.2).abs() < 4.0 * expected);
    }

    #[test]
    fn equal_ratios_are_told_apart_as_seldom_as_the_level_says_and_different_ones_often() {
        // 300 pairs of equal ratios at the level of 0.1: 30 expected, a deviation of 5.2; at most four of them off. Days are
        // correlated with their neighbours, as blocks are there to bear.
        let mut rng = Rng::new(5);
        let (mut equal, mut different) = (0, 0);
        for seed in 0..300 {
            let smooth = |values: Vec<f64>| -> Vec<f64> {
                values.windows(2).map(|two| two[1] + 0.3 * two[0]).collect()
            };
            let (first, second) = two(&mut rng, 401, [0.1, 0.1], 0.5);
            let (first, second) = (smooth(first), smooth(second));
            let found = sharpe_difference(&first, &second, 8, 199, seed).unwrap();
            equal += usize::from(found.p_value <= 0.1);
            let better: Vec<f64> = first.iter().map(|value| value + 0.3).collect();
            different +=
                usize::from(sharpe_difference(&better, &second, 8, 199, seed).unwrap().p_value <= 0.1);
        }
        assert!((10..=51).contains(&equal), "{equal} of 300");
        assert!(different > 270, "{different} of 300");
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        let mut rng = Rng::new(1);
        let (first, second) = two(&mut rng, 50, [0.1, 0.1], 0.5);
        assert_eq!(sharpe_difference(&first, &first, 3, 99, 1), None, "the same series");
        assert_eq!(sharpe_difference(&first, &[0.01; 50], 3, 99, 1), None, "one that does not vary");
        assert_eq!(sharpe_difference(&first[..5], &second[..5], 3, 99, 1), None);
        let twice = |seed| sharpe_difference(&first, &second, 3, 99, seed);
        assert_eq!(twice(7), twice(7));
        assert_eq!(block_of(1000), 10);
    }
}
