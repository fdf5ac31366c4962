//! Shrunk covariances against scikit-learn's (`scripts/goldens/shrinkage.py`).

#![allow(clippy::unwrap_used, reason = "a golden that cannot be read fails its test")]

use serde_json::Value;
use tickrace_stats::ledoit_wolf;

fn series(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

#[test]
fn the_covariance_and_the_share_are_scikit_learns() {
    let told: Value = serde_json::from_str(include_str!("goldens/shrinkage.json")).unwrap();
    for case in told.as_array().unwrap() {
        let columns = usize::try_from(case["columns"].as_u64().unwrap()).unwrap();
        let (mut means, mut covariance) = (vec![0.0; columns], vec![0.0; columns * columns]);
        let share = ledoit_wolf(&series(&case["returns"]), columns, &mut means, &mut covariance).unwrap();
        assert!((share - case["share"].as_f64().unwrap()).abs() < 1e-12, "{share}");
        for (got, wanted) in covariance.iter().zip(series(&case["covariance"])) {
            assert!((got - wanted).abs() < 1e-15 + 1e-11 * wanted.abs(), "{got} {wanted}");
        }
    }
}
