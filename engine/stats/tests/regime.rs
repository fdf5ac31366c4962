//! Volatility, hidden states and run lengths against other implementations (`scripts/goldens/regime.py`).

#![allow(clippy::unwrap_used, reason = "a golden that cannot be read fails its test")]

use serde_json::Value;
use tickrace_stats::hidden_markov::Filter;
use tickrace_stats::{Garch, HiddenMarkov, RunLength, RunPrior};

fn goldens() -> Value {
    serde_json::from_str(include_str!("goldens/regime.json")).unwrap()
}

fn series(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[track_caller]
fn near(got: f64, wanted: f64, tolerance: f64, what: &str) {
    assert!((got - wanted).abs() <= tolerance * (1.0 + wanted.abs()), "{what}: {got}, not {wanted}");
}

#[test]
fn garch_is_fitted_filtered_and_forecast_as_arch_does() {
    let told = &goldens()["garch"];
    let returns = series(&told["returns"]);
    let theirs = Garch::new(
        number(&told["mean"]),
        number(&told["omega"]),
        number(&told["alpha"]),
        number(&told["beta"]),
    )
    .unwrap();
    near(theirs.log_likelihood(&returns), number(&told["log_likelihood"]), 1e-9, "likelihood");
    let ours = Garch::fit(&returns).unwrap();
    assert!(ours.log_likelihood(&returns) >= number(&told["log_likelihood"]) - 1e-7, "{ours:?}");
    for (got, wanted, what) in [
        (ours.mean, theirs.mean, "mean"),
        (ours.omega, theirs.omega, "omega"),
        (ours.alpha, theirs.alpha, "alpha"),
        (ours.beta, theirs.beta, "beta"),
    ] {
        near(got, wanted, 1e-4, what);
    }
    // A filter begun at the long-run variance has forgotten its start after 1,200 returns.
    let mut variances = vec![theirs.long_run_variance()];
    for value in &returns {
        variances.push(theirs.next_variance(variances[variances.len() - 1], *value));
    }
    let next = variances.pop().unwrap();
    for (got, wanted) in variances[returns.len() - 5..].iter().zip(series(&told["variances"])) {
        near(*got, wanted, 1e-9, "variance");
    }
    for (ahead, wanted) in (1..).zip(series(&told["forecast"])) {
        near(theirs.forecast(next, ahead), wanted, 1e-9, "forecast");
    }
}

#[test]
fn hidden_states_are_fitted_and_filtered_as_hmmlearn_does() {
    for case in goldens()["hmms"].as_array().unwrap() {
        let observed = series(&case["observations"]);
        let features = usize::try_from(case["features"].as_u64().unwrap()).unwrap();
        let of = |key: &str| series(&case["before"][key]);
        let mut model =
            HiddenMarkov::new(of("start"), of("transitions"), of("means"), of("variances")).unwrap();
        let likelihoods = model.fit(&observed, f64::NEG_INFINITY, 20).unwrap();
        likelihoods
            .iter()
            .zip(series(&case["history"]))
            .for_each(|(got, wanted)| near(*got, wanted, 1e-9, "history"));
        let after = &case["after"];
        for (got, name) in [
            (model.start(), "start"),
            (model.transitions(), "transitions"),
            (model.means(), "means"),
            (model.variances(), "variances"),
        ] {
            got.iter().zip(series(&after[name])).for_each(|(got, wanted)| near(*got, wanted, 1e-8, name));
        }
        near(model.log_likelihood(&observed).unwrap(), number(&case["log_likelihood"]), 1e-9, "likelihood");
        let mut filter = Filter::new(&model);
        let filtered: Vec<f64> = observed
            .chunks(features)
            .flat_map(|row| {
                filter.update(&model, row).unwrap();
                filter.probabilities().to_vec()
            })
            .collect();
        let wanted = series(&case["filtered"]);
        for (got, wanted) in filtered[filtered.len() - wanted.len()..].iter().zip(wanted) {
            near(*got, wanted, 1e-8, "filtered");
        }
    }
}

#[test]
fn run_lengths_are_those_of_another_implementation() {
    let told = &goldens()["run_length"];
    let prior = RunPrior { mean: 0.1, mean_weight: 0.2, shape: 1.0, scale: 0.8 };
    let mut runs = RunLength::new(50.0, 200, prior).unwrap();
    let mut checked = 0;
    for (count, value) in (1u64..).zip(series(&told["observations"])) {
        runs.update(value);
        if let Some(at) = told["at"].as_array().unwrap().iter().position(|at| at.as_u64() == Some(count)) {
            let wanted = series(&told["probabilities"][at]);
            assert_eq!(runs.probabilities().len(), wanted.len());
            runs.probabilities()
                .iter()
                .zip(wanted)
                .for_each(|(got, wanted)| near(*got, wanted, 1e-10, "probability"));
            checked += 1;
        }
    }
    assert_eq!(checked, 4);
}
