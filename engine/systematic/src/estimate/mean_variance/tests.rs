use proptest::prelude::*;

use super::*;
use crate::estimate::correlation::Matrix;

fn estimates(means: &[f64], correlation: &[f64]) -> Estimates {
    Estimates {
        means: means.to_vec(),
        deviations: vec![1.0; means.len()],
        correlation: Matrix { size: means.len(), values: correlation.to_vec() },
        years: 10.0,
    }
}

fn near(own: &[f64], wanted: &[f64], digits: f64) {
    for (one, other) in own.iter().zip(wanted) {
        assert!((one - other).abs() < digits, "{own:?}, wanted {wanted:?}");
    }
}

const FOUR: [&str; 4] = ["a", "b", "c", "d"];

fn named<'a>() -> Past<'a> {
    Past { names: FOUR.to_vec(), ..Past::default() }
}

#[test]
fn without_correlation_weights_are_those_of_the_closed_form() {
    let all = estimates(&[0.4, 0.3, 0.2, 0.1], &Matrix::uniform(4, 0.0).values);
    // The greatest Sharpe ratio is in proportion to the means.
    let terms = MeanVarianceTerms::default();
    near(&weights(&all, &named(), &terms), &[0.4, 0.3, 0.2, 0.1], 1e-8);
    // Utility of aversion 2: w = (m - l) / 2 with a sum of 1, so l = (1 - 2) / 4.
    let terms = MeanVarianceTerms {
        objective: Objective::Utility,
        risk_aversion: Some(2.0),
        ..MeanVarianceTerms::default()
    };
    near(&weights(&all, &named(), &terms), &[0.325, 0.275, 0.225, 0.175], 1e-8);
    let terms = MeanVarianceTerms { objective: Objective::MinVariance, ..MeanVarianceTerms::default() };
    near(&weights(&all, &named(), &terms), &[0.25; 4], 1e-8);
}

#[test]
fn caps_bind_and_what_they_cut_goes_to_the_others() {
    let all = estimates(&[0.4, 0.3, 0.2, 0.1], &Matrix::uniform(4, 0.0).values);
    // A cap of 0.3: a is at it, and no small shift from one to another makes the ratio greater.
    let terms = MeanVarianceTerms { weight_max: Some(0.3), ..MeanVarianceTerms::default() };
    let own = weights(&all, &named(), &terms);
    assert!((own[0] - 0.3).abs() < 1e-8, "{own:?}");
    let ratio = |weights: &[f64]| -> f64 {
        let mean: f64 = weights.iter().zip(&all.means).map(|(weight, mean)| weight * mean).sum();
        mean / weights.iter().map(|weight| weight * weight).sum::<f64>().sqrt()
    };
    for (from, to) in [(1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2), (0, 1), (0, 3)] {
        let mut moved = own.clone();
        moved[from] -= 1e-3;
        moved[to] += 1e-3;
        if moved.iter().all(|weight| *weight <= 0.3) {
            assert!(ratio(&moved) < ratio(&own), "{from} to {to}");
        }
    }
    // A group of a and b at 0.5 with least variance: 0.25 each is within it; at 0.2 they share it.
    let group = |weight_max| GroupCap { members: vec!["a".to_owned(), "b".to_owned()], weight_max };
    for (cap, wanted) in [(0.6, [0.25; 4]), (0.2, [0.1, 0.1, 0.4, 0.4])] {
        let terms = MeanVarianceTerms {
            objective: Objective::MinVariance,
            groups: vec![group(cap)],
            ..MeanVarianceTerms::default()
        };
        near(&weights(&all, &named(), &terms), &wanted, 1e-8);
    }
    // By name, before the one for all.
    let terms = MeanVarianceTerms {
        objective: Objective::MinVariance,
        weight_max: Some(0.9),
        weights_max: [("d".to_owned(), 0.1)].into(),
        ..MeanVarianceTerms::default()
    };
    near(&weights(&all, &named(), &terms), &[0.3, 0.3, 0.3, 0.1], 1e-8);
}

#[test]
fn caps_too_tight_for_few_assets_are_raised_in_proportion() {
    let two = estimates(&[0.4, 0.1], &[1.0, 0.0, 0.0, 1.0]);
    let terms = MeanVarianceTerms {
        weight_max: Some(0.2),
        weights_max: [("b".to_owned(), 0.1)].into(),
        ..MeanVarianceTerms::default()
    };
    near(&weights(&two, &named(), &terms), &[2.0 / 3.0, 1.0 / 3.0], 1e-6);
}

#[test]
fn a_target_risk_is_met_and_one_out_of_reach_gives_the_least() {
    // Two uncorrelated assets: variance w^2 + (1 - w)^2 = 0.58 at w = 0.7, where the better one has more.
    let two = estimates(&[0.4, 0.1], &[1.0, 0.0, 0.0, 1.0]);
    let terms = |risk: f64| MeanVarianceTerms {
        objective: Objective::TargetRisk,
        target_risk: Some(risk),
        ..MeanVarianceTerms::default()
    };
    near(&weights(&two, &named(), &terms(0.58f64.sqrt())), &[0.7, 0.3], 1e-6);
    near(&weights(&two, &named(), &terms(0.3)), &[0.5, 0.5], 1e-6);
    near(&weights(&two, &named(), &terms(2.0)), &[1.0, 0.0], 1e-6);
}

#[test]
fn turnover_is_bought_only_where_it_pays() {
    // Utility of aversion 1 with two uncorrelated assets: slope between them m1 - m2 - (w1 - w2). From (0.5, 0.5) it is 0.3,
    // against a price of 0.2 (two changes of 0.1): w1 - w2 = 0.1. At a price of 0.2 each nothing moves.
    let two = estimates(&[0.4, 0.1], &[1.0, 0.0, 0.0, 1.0]);
    let past = Past { before: vec![0.5, 0.5], ..named() };
    let terms = |price: f64| MeanVarianceTerms {
        objective: Objective::Utility,
        risk_aversion: Some(1.0),
        turnover_penalty: price,
        ..MeanVarianceTerms::default()
    };
    near(&weights(&two, &past, &terms(0.0)), &[0.65, 0.35], 1e-8);
    near(&weights(&two, &past, &terms(0.1)), &[0.55, 0.45], 1e-8);
    near(&weights(&two, &past, &terms(0.2)), &[0.5, 0.5], 1e-8);
    // Nothing was held before: there is nothing to pay for.
    near(&weights(&two, &named(), &terms(0.2)), &[0.65, 0.35], 1e-8);
}

#[test]
fn short_weights_are_taken_where_they_are_allowed() {
    // Of correlation 0.9 and means 0.5 and 0.1 the free optimum is S^-1 m: (0.5 - 0.09, 0.1 - 0.45) = 41 and -35 of 6.
    let two = estimates(&[0.5, 0.1], &[1.0, 0.9, 0.9, 1.0]);
    let terms = MeanVarianceTerms { long_only: false, ..MeanVarianceTerms::default() };
    near(&weights(&two, &named(), &terms), &[41.0 / 6.0, -35.0 / 6.0], 1e-6);
    near(&weights(&two, &named(), &MeanVarianceTerms::default()), &[1.0, 0.0], 1e-8);
    let capped = MeanVarianceTerms { weight_max: Some(1.5), ..terms };
    near(&weights(&two, &named(), &capped), &[1.5, -0.5], 1e-6);
}

#[test]
fn where_no_mean_is_above_zero_variance_is_least_and_a_broken_matrix_is_mended() {
    let all = estimates(&[-0.4, -0.3, -0.2, -0.1], &Matrix::uniform(4, 0.0).values);
    near(&weights(&all, &named(), &MeanVarianceTerms::default()), &[0.25; 4], 1e-8);
    // No three things have these correlations; one pair is unknown.
    let odd = estimates(&[0.3, 0.2, 0.1], &[1.0, 0.9, -0.9, 0.9, 1.0, f64::NAN, -0.9, f64::NAN, 1.0]);
    let own = weights(&odd, &named(), &MeanVarianceTerms::default());
    assert!(
        (own.iter().sum::<f64>() - 1.0).abs() < 1e-12 && own.iter().all(|weight| *weight >= 0.0),
        "{own:?}"
    );
}

proptest! {
    /// The active set of `greatest_sharpe` and the interior point know nothing of each other.
    #[test]
    fn the_greatest_sharpe_ratio_is_that_of_the_active_set(
        loads in proptest::collection::vec(-1.0f64..1.0, 10), means in proptest::collection::vec(-0.5f64..1.0, 5),
        deviations in proptest::collection::vec(0.05f64..0.5, 5),
    ) {
        let raw = |one: usize, other: usize| -> f64 {
            let common: f64 = (0..2).map(|factor| loads[one * 2 + factor] * loads[other * 2 + factor]).sum();
            common + if one == other { 0.3 } else { 0.0 }
        };
        let values: Vec<f64> = (0..25)
            .map(|place| raw(place / 5, place % 5) / (raw(place / 5, place / 5) * raw(place % 5, place % 5)).sqrt())
            .collect();
        let all = Estimates { deviations: deviations.clone(), ..estimates(&means, &values) };
        prop_assume!(means.iter().any(|mean| *mean > 0.02));
        let exact = crate::estimate::optimise::greatest_sharpe(&all);
        let own = weights(&all, &Past::default(), &MeanVarianceTerms::default());
        for (own, exact) in own.iter().zip(&exact) {
            prop_assert!((own - exact).abs() < 1e-5, "{own} {exact}");
        }
    }
}
