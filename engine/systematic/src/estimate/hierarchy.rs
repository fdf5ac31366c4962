//! Hierarchical risk parity: no matrix is inverted, so that what is hardly known does little harm.
//!
//! Three steps: a tree by single linkage on distances `sqrt((1 - correlation) / 2)`; its leaves put in order, like beside like;
//! and weights shared out from the top, each half of the leaves getting the other's share of the variance, a half being weighed
//! inside by inverse variance.
//!
//! Source: M. López de Prado, "Building Diversified Portfolios that Outperform Out of Sample" (2016).

use serde::{Deserialize, Serialize};

use super::correlation::Matrix;
use super::optimise::Estimates;

/// What assets are near by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// Euclidean distance between two assets' distances from all: as in the paper.
    #[default]
    Columns,
    /// The distance of the two assets themselves.
    Correlation,
}

/// Terms of hierarchical risk parity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HierarchyTerms {
    /// What assets are near by.
    pub distance: Distance,
}

/// Weights of all assets.
pub(super) fn weights(estimates: &Estimates, terms: &HierarchyTerms) -> Vec<f64> {
    let size = estimates.means.len();
    let covariance = |one: usize, other: usize| {
        estimates.correlation.at(one, other) * estimates.deviations[one] * estimates.deviations[other]
    };
    let mut weights = vec![1.0; size];
    let mut parts = vec![order(&estimates.correlation, terms.distance)];
    while let Some(part) = parts.pop() {
        if part.len() < 2 {
            continue;
        }
        let (left, right) = part.split_at(part.len() / 2);
        let (one, other) = (variance_of(left, covariance), variance_of(right, covariance));
        let share = 1.0 - one / (one + other);
        left.iter().for_each(|asset| weights[*asset] *= share);
        right.iter().for_each(|asset| weights[*asset] *= 1.0 - share);
        parts.push(left.to_vec());
        parts.push(right.to_vec());
    }
    weights
}

/// Variance of some assets weighed by their inverse variances.
fn variance_of(assets: &[usize], covariance: impl Fn(usize, usize) -> f64) -> f64 {
    let inverse: Vec<f64> = assets.iter().map(|asset| 1.0 / covariance(*asset, *asset)).collect();
    let total: f64 = inverse.iter().sum();
    let mut variance = 0.0;
    for (one, left) in assets.iter().zip(&inverse) {
        for (other, right) in assets.iter().zip(&inverse) {
            variance += left / total * (right / total) * covariance(*one, *other);
        }
    }
    variance
}

/// Leaves of the tree, like beside like: of two clusters that join, the one that is older stands first.
pub fn order(correlation: &Matrix, distance: Distance) -> Vec<usize> {
    let size = correlation.size;
    let near = |one: usize, other: usize| ((1.0 - correlation.at(one, other)) / 2.0).clamp(0.0, 1.0).sqrt();
    let between = |one: usize, other: usize| match distance {
        Distance::Correlation => near(one, other),
        Distance::Columns => {
            let gaps = (0..size).map(|column| near(one, column) - near(other, column));
            gaps.map(|gap| gap * gap).sum::<f64>().sqrt()
        }
    };
    let distances: Vec<f64> = (0..size * size).map(|place| between(place / size, place % size)).collect();
    // Single linkage: two clusters are as far apart as their nearest leaves. In order of age, which is that of their joining.
    let mut clusters: Vec<Vec<usize>> = (0..size).map(|asset| vec![asset]).collect();
    while clusters.len() > 1 {
        let mut best = (f64::INFINITY, 0, 1);
        for left in 0..clusters.len() {
            for right in left + 1..clusters.len() {
                let pairs = clusters[left]
                    .iter()
                    .flat_map(|one| clusters[right].iter().map(move |other| one * size + other));
                let nearest = pairs.map(|place| distances[place]).fold(f64::INFINITY, f64::min);
                if nearest < best.0 {
                    best = (nearest, left, right);
                }
            }
        }
        let younger = clusters.remove(best.2);
        let mut joined = clusters.remove(best.1);
        joined.extend(younger);
        clusters.push(joined);
    }
    clusters.pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uniform(deviations: &[f64], off: f64) -> Estimates {
        Estimates {
            means: vec![0.0; deviations.len()],
            deviations: deviations.to_vec(),
            correlation: Matrix::uniform(deviations.len(), off),
            years: 10.0,
        }
    }

    #[test]
    fn of_two_assets_each_gets_the_others_share_of_variance() {
        let own = weights(&uniform(&[0.1, 0.2], 0.7), &HierarchyTerms::default());
        assert!((own[0] - 0.8).abs() < 1e-15 && (own[1] - 0.2).abs() < 1e-15, "{own:?}");
    }

    #[test]
    fn without_correlation_it_is_inverse_variance() {
        // A half's inverse variance is the sum of its assets', whatever the tree.
        let own = weights(&uniform(&[0.1, 0.2, 0.4, 0.1], 0.0), &HierarchyTerms::default());
        for (own, wanted) in own.iter().zip([16.0 / 37.0, 4.0 / 37.0, 1.0 / 37.0, 16.0 / 37.0]) {
            assert!((own - wanted).abs() < 1e-14, "{own}");
        }
    }

    #[test]
    fn like_stands_beside_like() {
        // 0 and 2 move together, and 1 and 3.
        let mut correlation = Matrix::uniform(4, 0.1);
        for (one, other) in [(0, 2), (2, 0), (1, 3), (3, 1)] {
            correlation.values[one * 4 + other] = if one + other == 2 { 0.9 } else { 0.8 };
        }
        assert_eq!(order(&correlation, Distance::Columns), [0, 2, 1, 3]);
        assert_eq!(order(&correlation, Distance::Correlation), [0, 2, 1, 3]);
    }
}
