//! Which pairs of many series are cointegrated: every pair tested both ways, and the share of false discoveries held.
//!
//! Each pair is regressed in both directions; twice the lower p-value (at most 1) is the pair's, for it was the better of two.
//! Over all pairs the values are adjusted ([`adjusted_p_values`]): those at or below a rate are kept, and in expectation no more
//! than that share of them is chance. Pairs that share a series are dependent, so that the correction that allows for any
//! dependence is the default.
//!
//! Source: Engle and Granger (1987); Benjamini and Yekutieli (2001); Bonferroni for the two directions.

use crate::StatsError;
use crate::cointegration::engle_granger;
use crate::comoments::Line;
use crate::false_discovery::{Dependence, adjusted_p_values};
use crate::mean_reversion::ornstein_uhlenbeck;
use crate::unit_root::{Lags, Trend};

/// Observations that both series of a pair must share.
pub const OBSERVATIONS_MIN: usize = 60;

/// What a pair must show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairTerms {
    /// Deterministic part of the cointegrating regression.
    pub trend: Trend,
    /// Lagged differences in the test.
    pub lags: Lags,
    /// How the tests hang together.
    pub dependence: Dependence,
    /// Share of chance finds among those kept, in expectation.
    pub false_discovery_rate: f64,
    /// Longest half-life of an excursion, observations.
    pub half_life_max: f64,
}

impl Default for PairTerms {
    /// A constant, lags by Akaike, any dependence, one find in twenty by chance, half-lives up to 60 observations.
    fn default() -> Self {
        Self {
            trend: Trend::Constant,
            lags: Lags::Akaike,
            dependence: Dependence::Any,
            false_discovery_rate: 0.05,
            half_life_max: 60.0,
        }
    }
}

/// One pair, tested.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestedPair {
    /// The series explained, and the one that explains it, by their places.
    pub y: usize,
    /// See above.
    pub x: usize,
    /// `y` on `x`: the slope is how much of `x` hedges one `y`.
    pub line: Line,
    /// Of both directions together.
    pub p_value: f64,
    /// Adjusted for all pairs; NaN until it is.
    pub q_value: f64,
    /// Observations in which an excursion halves; none where the spread does not revert.
    pub half_life: Option<f64>,
    /// Where the spread stands now, in its own deviations from its mean.
    pub z_score: f64,
    /// Rows that both series have.
    pub observations: usize,
}

impl TestedPair {
    /// Whether it is kept.
    pub fn is_kept(&self, terms: &PairTerms) -> bool {
        self.q_value <= terms.false_discovery_rate
            && self.line.slope > 0.0
            && self.half_life.is_some_and(|rows| rows <= terms.half_life_max)
    }
}

/// Tests one pair both ways, on the rows where both have a value.
///
/// - `first`, `second`: a place and its series, `[rows]`, NaN where missing.
/// - Result: none where they share too few rows, or cannot be regressed on each other.
pub fn tested_pair(
    (first, left): (usize, &[f64]),
    (second, right): (usize, &[f64]),
    terms: &PairTerms,
) -> Option<TestedPair> {
    let (left, right): (Vec<f64>, Vec<f64>) = left
        .iter()
        .zip(right)
        .filter(|(left, right)| left.is_finite() && right.is_finite())
        .map(|(left, right)| (*left, *right))
        .unzip();
    if left.len() < OBSERVATIONS_MIN {
        return None;
    }
    let one = engle_granger(&left, &right, terms.trend, terms.lags).ok()?;
    let other = engle_granger(&right, &left, terms.trend, terms.lags).ok()?;
    let is_first = one.p_value <= other.p_value;
    let (y, x, better) = if is_first { (first, second, one) } else { (second, first, other) };
    let reverts = ornstein_uhlenbeck(&better.spread, 1.0).ok()?;
    let z_score = reverts
        .as_ref()
        .map_or(f64::NAN, |of| better.spread.last().map_or(f64::NAN, |now| (now - of.mean) / of.deviation));
    Some(TestedPair {
        y,
        x,
        line: better.line,
        p_value: (2.0 * better.p_value).min(1.0),
        q_value: f64::NAN,
        half_life: reverts.map(|of| of.half_life),
        z_score,
        observations: left.len(),
    })
}

/// Adjusts the p-values of all pairs for their number, and puts the likeliest first; ties by their places.
///
/// # Errors
///
/// [`StatsError::Empty`] without pairs.
pub fn adjusted(mut pairs: Vec<TestedPair>, terms: &PairTerms) -> Result<Vec<TestedPair>, StatsError> {
    let p_values: Vec<f64> = pairs.iter().map(|pair| pair.p_value).collect();
    for (pair, q_value) in pairs.iter_mut().zip(adjusted_p_values(&p_values, terms.dependence)?) {
        pair.q_value = q_value;
    }
    pairs.sort_by(|one, other| {
        one.p_value.total_cmp(&other.p_value).then_with(|| (one.y, one.x).cmp(&(other.y, other.x)))
    });
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    const SERIES: usize = 12;
    const ROWS: usize = 400;

    /// Random walks; the first three have a partner each that is twice them and a spread with a half-life of about three rows.
    fn world(seed: u64) -> Vec<Vec<f64>> {
        let mut rng = Rng::new(seed);
        let mut all: Vec<Vec<f64>> = (0..SERIES)
            .map(|_| {
                let mut level = 100.0;
                let step = |_| {
                    level += rng.normal();
                    level
                };
                (0..ROWS).map(step).collect()
            })
            .collect();
        for place in 0..3 {
            let mut spread = 0.0;
            let partner = all[place].iter().map(|level| {
                spread = 0.8 * spread + rng.normal();
                2.0 * level + 5.0 + spread
            });
            let partner: Vec<f64> = partner.collect();
            all.push(partner);
        }
        all
    }

    fn screened(all: &[Vec<f64>], terms: &PairTerms) -> Vec<TestedPair> {
        let mut pairs = Vec::new();
        for first in 0..all.len() {
            for second in first + 1..all.len() {
                pairs.extend(tested_pair((first, &all[first]), (second, &all[second]), terms));
            }
        }
        adjusted(pairs, terms).unwrap()
    }

    fn is_planted(pair: &TestedPair) -> bool {
        let (low, high) = (pair.y.min(pair.x), pair.y.max(pair.x));
        low < 3 && high == SERIES + low
    }

    /// Thirty worlds of 105 pairs, three of them true: nearly all of these are found, and of all that is kept no more than one
    /// in ten, the rate asked for, is chance within two standard errors of the worlds' shares.
    #[test]
    fn planted_pairs_are_found_and_chance_keeps_its_rate() {
        let terms = PairTerms {
            lags: Lags::Fixed(1),
            dependence: Dependence::Positive,
            false_discovery_rate: 0.1,
            ..PairTerms::default()
        };
        let (mut found, mut shares) = (0, Vec::new());
        for seed in 0..30 {
            let kept: Vec<TestedPair> =
                screened(&world(seed), &terms).into_iter().filter(|pair| pair.is_kept(&terms)).collect();
            let planted = kept.iter().filter(|pair| is_planted(pair)).count();
            found += planted;
            shares.push((kept.len() - planted) as f64 / kept.len().max(1) as f64);
        }
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        let squares: f64 = shares.iter().map(|share| (share - mean) * (share - mean)).sum();
        let error = (squares / 29.0 / 30.0).sqrt();
        println!("{found} of 90 found, {mean:.3} of finds by chance, standard error {error:.3}");
        assert!(found >= 81, "{found} of 90");
        assert!(mean <= 0.1 + 2.0 * error, "{mean} {error}");
    }

    #[test]
    fn a_found_pair_tells_its_hedge_and_half_life() {
        let terms = PairTerms { lags: Lags::Fixed(1), ..PairTerms::default() };
        let best = screened(&world(1), &terms)[0];
        assert!(is_planted(&best) && best.is_kept(&terms), "{best:?}");
        // The partner is twice the walk: one way the slope is near 2, the other near a half.
        let wanted = if best.y >= SERIES { 2.0 } else { 0.5 };
        assert!((best.line.slope / wanted - 1.0).abs() < 0.1, "{best:?}");
        // 0.8 a row halves in ln 2 / -ln 0.8, 3.1 rows; an estimate of 400 rows is within a factor of two.
        assert!(best.half_life.is_some_and(|rows| (1.5..6.2).contains(&rows)), "{best:?}");
    }

    #[test]
    fn too_few_shared_rows_are_no_pair() {
        let (mut left, right) = (vec![f64::NAN; 100], vec![1.0; 100]);
        left[50..].fill(2.0);
        assert_eq!(tested_pair((0, &left), (1, &right), &PairTerms::default()), None);
        assert!(adjusted(Vec::new(), &PairTerms::default()).is_err());
    }
}
