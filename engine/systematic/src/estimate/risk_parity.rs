//! Risk parity: every asset contributes the same share of the portfolio's risk, or the share it is given.
//!
//! The weights are those of `min y'Sy / 2 - sum of b ln y` over `y > 0`, brought to a sum of 1: its conditions are
//! `y (Sy) = b`. One coordinate after the other is solved exactly, which converges for every positive definite matrix.
//!
//! Source: S. Maillard, T. Roncalli and J. Teïletche, "The Properties of Equally Weighted Risk Contribution Portfolios" (2010);
//! F. Spinu, "An Algorithm for Computing Risk Parity Weights" (2013); T. Griveau-Billion, J.-C. Richard and T. Roncalli, "A Fast
//! Algorithm for Computing High-dimensional Risk Parity Portfolios" (2013).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::optimise::Estimates;
use super::past::Past;

/// Terms of risk parity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskParityTerms {
    /// Shares of risk by name; those not named get one share each.
    pub budgets: BTreeMap<String, f64>,
}

/// Most passes over all coordinates; a hundred are usual.
const PASSES_MAX: usize = 100_000;
/// Relative change of a pass at which it is over.
const CHANGE_MIN: f64 = 1e-15;

/// Weights of all assets.
pub(super) fn weights(estimates: &Estimates, past: &Past<'_>, terms: &RiskParityTerms) -> Vec<f64> {
    let size = estimates.means.len();
    let share = |asset: usize| past.names.get(asset).and_then(|name| terms.budgets.get(*name));
    let budgets: Vec<f64> = (0..size).map(|asset| share(asset).copied().unwrap_or(1.0)).collect();
    let matrix = estimates.positive();
    let risk = contributions_of(&matrix.values, &budgets);
    let money: Vec<f64> =
        risk.iter().zip(&estimates.deviations).map(|(risk, deviation)| risk / deviation).collect();
    let sum: f64 = money.iter().sum();
    money.iter().map(|weight| weight / sum).collect()
}

/// `y` with `y (Cy) = b / sum of b`, above zero where `b` is.
///
/// - `matrix`: `[assets x assets]`, positive definite. `budgets`: `[assets]`, zero or above, not all zero.
pub fn contributions_of(matrix: &[f64], budgets: &[f64]) -> Vec<f64> {
    let size = budgets.len();
    let total: f64 = budgets.iter().sum();
    let mut y: Vec<f64> =
        (0..size).map(|asset| (budgets[asset] / total / matrix[asset * size + asset]).sqrt()).collect();
    for _ in 0..PASSES_MAX {
        let mut change = 0.0_f64;
        for asset in 0..size {
            let row = &matrix[asset * size..(asset + 1) * size];
            let own = row[asset];
            let others: f64 =
                (0..size).filter(|other| *other != asset).map(|other| row[other] * y[other]).sum();
            let root = (others * others + 4.0 * own * budgets[asset] / total).sqrt();
            // The other form of the same root: no digits are lost where `others` is large.
            let new = if others > 0.0 {
                2.0 * budgets[asset] / total / (root + others)
            } else {
                (root - others) / (2.0 * own)
            };
            change = change.max((new - y[asset]).abs() / new.abs().max(f64::MIN_POSITIVE));
            y[asset] = new;
        }
        if change <= CHANGE_MIN {
            break;
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::estimate::correlation::Matrix;

    fn estimates(deviations: &[f64], correlation: &[f64]) -> Estimates {
        Estimates {
            means: vec![0.0; deviations.len()],
            deviations: deviations.to_vec(),
            correlation: Matrix { size: deviations.len(), values: correlation.to_vec() },
            years: 10.0,
        }
    }

    fn contributions(weights: &[f64], estimates: &Estimates) -> Vec<f64> {
        let size = weights.len();
        let risk = |asset: usize| weights[asset] * estimates.deviations[asset];
        let with = |asset: usize| -> f64 {
            (0..size).map(|other| estimates.correlation.at(asset, other) * risk(other)).sum()
        };
        let total: f64 = (0..size).map(|asset| risk(asset) * with(asset)).sum();
        (0..size).map(|asset| risk(asset) * with(asset) / total).collect()
    }

    #[test]
    fn the_published_example_of_four_assets_comes_out() {
        // Maillard, Roncalli and Teïletche (2010), the example of four assets: deviations 10, 20, 30, 40 %, correlation 0.8 of the first
        // two and -0.5 of the last two; the ERC weights there are 38.4, 19.2, 24.3 and 18.2 %.
        let four = estimates(
            &[0.1, 0.2, 0.3, 0.4],
            &[1.0, 0.8, 0.0, 0.0, 0.8, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, -0.5, 0.0, 0.0, -0.5, 1.0],
        );
        let own = weights(&four, &Past::default(), &RiskParityTerms::default());
        for (own, published) in own.iter().zip([0.384, 0.192, 0.243, 0.182]) {
            assert!((own - published).abs() < 6e-4, "{own} {published}");
        }
    }

    #[test]
    fn with_one_correlation_they_are_the_inverse_deviations() {
        // The closed form of the same paper.
        let own = weights(
            &estimates(&[0.1, 0.2, 0.4], &[1.0, 0.3, 0.3, 0.3, 1.0, 0.3, 0.3, 0.3, 1.0]),
            &Past::default(),
            &RiskParityTerms::default(),
        );
        for (own, wanted) in own.iter().zip([4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0]) {
            assert!((own - wanted).abs() < 1e-14, "{own}");
        }
    }

    #[test]
    fn budgets_by_name_are_kept() {
        let three = estimates(&[0.1, 0.2, 0.4], &[1.0, 0.5, 0.2, 0.5, 1.0, -0.3, 0.2, -0.3, 1.0]);
        let past = Past { names: vec!["a", "b", "c"], ..Past::default() };
        let terms = RiskParityTerms { budgets: [("b".to_owned(), 2.0)].into() };
        let shares = contributions(&weights(&three, &past, &terms), &three);
        for (share, wanted) in shares.iter().zip([0.25, 0.5, 0.25]) {
            assert!((share - wanted).abs() < 1e-12, "{shares:?}");
        }
    }

    proptest! {
        #[test]
        fn all_contribute_the_same(
            loads in proptest::collection::vec(-1.0f64..1.0, 24), deviations in proptest::collection::vec(0.01f64..2.0, 6),
        ) {
            // Four factors and noise of their own: positive definite, of whatever signs.
            let size = 6;
            let raw = |one: usize, other: usize| -> f64 {
                let common: f64 = (0..4).map(|factor| loads[one * 4 + factor] * loads[other * 4 + factor]).sum();
                common + if one == other { 0.3 } else { 0.0 }
            };
            let values: Vec<f64> = (0..size * size)
                .map(|place| {
                    let (one, other) = (place / size, place % size);
                    raw(one, other) / (raw(one, one) * raw(other, other)).sqrt()
                })
                .collect();
            let all = estimates(&deviations, &values);
            let own = weights(&all, &Past::default(), &RiskParityTerms::default());
            prop_assert!((own.iter().sum::<f64>() - 1.0).abs() < 1e-12 && own.iter().all(|weight| *weight > 0.0));
            for share in contributions(&own, &all) {
                prop_assert!((share - 1.0 / 6.0).abs() < 1e-8, "{share}");
            }
        }
    }
}
