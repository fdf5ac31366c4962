//! Black and Litterman: means that a plain portfolio takes for granted, bent by views as far as they are believed.
//!
//! Units are those of `mean_variance`: the assets' average deviation, so that with equal deviations every mean is a Sharpe ratio.
//! The prior portfolio (equal weights, or those given) is taken to be optimal at a Sharpe ratio of `ann_target_SR`; the means that
//! make it so are the prior. A view says what a portfolio of assets earns and how far that is believed: 1 is certain, near 0 hardly.
//!
//! Source: F. Black and R. Litterman, "Global Portfolio Optimization" (1992); confidences as shares of a certain view's effect:
//! T. Idzorek, "A Step-by-step Guide to the Black-Litterman Model" (2005), in the closed form of J. Walters, "The Black-Litterman
//! Model in Detail" (2014).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::optimise::Estimates;
use super::past::Past;

/// A view on a portfolio of assets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Weights of the portfolio by name: `{ CORN = 1.0 }`, or `{ CORN = 1.0, US10 = -1.0 }` of one against another.
    pub assets: BTreeMap<String, f64>,
    /// What it earns a year, in units of the assets' average deviation.
    pub mean: f64,
    /// How far that is believed, above 0 to 1.
    pub confidence: f64,
}

/// Terms of the method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlackLittermanTerms {
    /// Weights of the prior portfolio by name; equal ones where empty. Assets not named have none.
    pub prior_weights: BTreeMap<String, f64>,
    /// Variance of the prior means over that of returns.
    pub tau: f64,
    /// What is believed. One that names an asset without data in the window waits until it has some.
    pub views: Vec<View>,
}

impl Default for BlackLittermanTerms {
    fn default() -> Self {
        Self { prior_weights: BTreeMap::new(), tau: 0.05, views: Vec::new() }
    }
}

/// Means and covariance after the views.
#[derive(Clone, Debug, PartialEq)]
pub struct Posterior {
    /// `[assets]`, a year.
    pub means: Vec<f64>,
    /// `[assets x assets]`, a year.
    pub covariance: Vec<f64>,
}

/// Estimates whose means are the posterior ones, and deviations and correlations those of the posterior covariance.
pub(super) fn bent(
    estimates: &Estimates,
    past: &Past<'_>,
    terms: &BlackLittermanTerms,
    prior_sharpe: f64,
) -> Estimates {
    let size = estimates.means.len();
    let unit = estimates.deviations.iter().sum::<f64>() / size.max(1) as f64;
    let correlation = estimates.positive();
    let covariance: Vec<f64> = (0..size * size)
        .map(|place| {
            let (row, column) = (place / size, place % size);
            correlation.values[place]
                * (estimates.deviations[row] / unit)
                * (estimates.deviations[column] / unit)
        })
        .collect();
    let mut prior: Vec<f64> = (0..size)
        .map(|asset| {
            past.names.get(asset).and_then(|name| terms.prior_weights.get(*name)).copied().unwrap_or(0.0)
        })
        .collect();
    // None of those named has data yet.
    if prior.iter().sum::<f64>() <= 0.0 {
        prior = vec![1.0; size];
    }
    let total: f64 = prior.iter().sum();
    prior.iter_mut().for_each(|weight| *weight /= total);
    let views: Vec<(Vec<f64>, f64, f64)> = terms
        .views
        .iter()
        .filter_map(|view| {
            let mut row = vec![0.0; size];
            for (name, weight) in &view.assets {
                *row.get_mut(past.place(name)?)? = *weight;
            }
            Some((row, view.mean, view.confidence))
        })
        .collect();
    let variance: f64 = product(&prior, &covariance, &prior);
    let means = implied(&covariance, &prior, prior_sharpe / variance.sqrt());
    let Some(after) = posterior(&means, &covariance, terms.tau, &views) else {
        return Estimates {
            means,
            deviations: estimates.deviations.clone(),
            correlation,
            years: estimates.years,
        };
    };
    let deviation = |asset: usize| after.covariance[asset * size + asset].sqrt();
    let mut bent = correlation;
    for (place, value) in bent.values.iter_mut().enumerate() {
        let (row, column) = (place / size, place % size);
        *value =
            if row == column { 1.0 } else { after.covariance[place] / (deviation(row) * deviation(column)) };
    }
    Estimates {
        means: after.means.iter().map(|mean| mean * unit).collect(),
        deviations: (0..size).map(|asset| deviation(asset) * unit).collect(),
        correlation: bent,
        years: estimates.years,
    }
}

/// Means at which weights are optimal: `aversion S w`.
pub fn implied(covariance: &[f64], weights: &[f64], aversion: f64) -> Vec<f64> {
    covariance.chunks_exact(weights.len().max(1)).map(|row| aversion * dot(row, weights)).collect()
}

/// Means and covariance after views.
///
/// - `prior`: `[assets]`, means. `covariance`: `[assets x assets]`.
/// - `views`: each a portfolio `[assets]`, what it earns, and how far that is believed.
/// - Result: none where views contradict each other with certainty.
pub fn posterior(
    prior: &[f64],
    covariance: &[f64],
    tau: f64,
    views: &[(Vec<f64>, f64, f64)],
) -> Option<Posterior> {
    let size = prior.len();
    if views.is_empty() {
        let covariance = covariance.iter().map(|value| value * (1.0 + tau)).collect();
        return Some(Posterior { means: prior.to_vec(), covariance });
    }
    let count = views.len();
    // tau S P', one row a view; then P tau S P' + Omega.
    let spread: Vec<Vec<f64>> = views.iter().map(|(view, _, _)| implied(covariance, view, tau)).collect();
    let mut middle = vec![0.0; count * count];
    for (row, (view, _, confidence)) in views.iter().enumerate() {
        for (column, spread) in spread.iter().enumerate() {
            middle[row * count + column] = dot(view, spread);
        }
        let own = dot(view, &spread[row]);
        middle[row * count + row] += own * (1.0 - confidence) / confidence;
    }
    let solved = |right: Vec<f64>| -> Option<Vec<f64>> {
        let (mut matrix, mut right) = (middle.clone(), right);
        tickrace_stats::solve_positive(&mut matrix, &mut right).ok().map(|()| right)
    };
    let surprise = solved(views.iter().map(|(view, mean, _)| mean - dot(view, prior)).collect())?;
    let mut means = prior.to_vec();
    for (spread, surprise) in spread.iter().zip(&surprise) {
        for (mean, spread) in means.iter_mut().zip(spread) {
            *mean += spread * surprise;
        }
    }
    let mut after: Vec<f64> = covariance.iter().map(|value| value * (1.0 + tau)).collect();
    for column in 0..size {
        let known = solved(spread.iter().map(|spread| spread[column]).collect())?;
        for row in 0..size {
            let less: f64 = spread.iter().zip(&known).map(|(spread, known)| spread[row] * known).sum();
            after[row * size + column] -= less;
        }
    }
    Some(Posterior { means, covariance: after })
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn product(left: &[f64], matrix: &[f64], right: &[f64]) -> f64 {
    dot(left, &implied(matrix, right, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::correlation::Matrix;

    fn two(correlation: f64) -> Estimates {
        Estimates {
            means: vec![9.0, -9.0],
            deviations: vec![1.0, 1.0],
            correlation: Matrix::uniform(2, correlation),
            years: 5.0,
        }
    }

    fn past<'a>() -> Past<'a> {
        Past { names: vec!["a", "b"], ..Past::default() }
    }

    fn terms(views: Vec<View>) -> BlackLittermanTerms {
        BlackLittermanTerms { views, ..BlackLittermanTerms::default() }
    }

    #[test]
    fn without_views_the_prior_stands_at_its_sharpe_ratio() {
        // Equal weights of two uncorrelated assets: deviation root of a half; a ratio of 0.5 makes each mean 0.5 root of a half.
        let own = bent(&two(0.0), &past(), &terms(vec![]), 0.5);
        assert!(own.means.iter().all(|mean| (mean - 0.5 * 0.5f64.sqrt()).abs() < 1e-15), "{:?}", own.means);
    }

    #[test]
    fn a_view_moves_its_asset_as_far_as_it_is_believed() {
        // Alone, a view of confidence c moves the mean the share c of the way, and another of correlation 0.6 along by 0.6.
        let before = bent(&two(0.6), &past(), &terms(vec![]), 0.5).means;
        for confidence in [0.25, 0.8, 1.0] {
            let view = View { assets: [("a".to_owned(), 1.0)].into(), mean: 1.2, confidence };
            let after = bent(&two(0.6), &past(), &terms(vec![view]), 0.5).means;
            let moved = confidence * (1.2 - before[0]);
            assert!((after[0] - before[0] - moved).abs() < 1e-12, "{confidence}");
            assert!((after[1] - before[1] - 0.6 * moved).abs() < 1e-12, "{confidence}");
        }
    }

    #[test]
    fn a_view_on_what_is_not_there_yet_waits_and_contradictions_leave_the_prior() {
        let view =
            |asset: &str, mean| View { assets: [(asset.to_owned(), 1.0)].into(), mean, confidence: 1.0 };
        let before = bent(&two(0.3), &past(), &terms(vec![]), 0.5);
        assert_eq!(bent(&two(0.3), &past(), &terms(vec![view("later", 2.0)]), 0.5).means, before.means);
        let both = bent(&two(0.3), &past(), &terms(vec![view("a", 1.0), view("a", -1.0)]), 0.5);
        assert_eq!(both.means, before.means);
    }
}
