//! Figures of fixed series against empyrical-reloaded, quantstats and scipy, to 1e-9.
//!
//! `tests/goldens/figures.json` is written by `scripts/golden_figures.py`.

use serde_json::Value;
use tickrace_analytics::performance::{benchmark, consistency, drawdowns, normal, ratios, returns, tails};

const YEAR: f64 = 252.0;

fn goldens() -> Value {
    serde_json::from_str(include_str!("goldens/figures.json")).expect("the goldens are JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|one| one.as_f64().expect("a number")).collect()
}

fn assert_near(name: &str, found: f64, expected: f64) {
    let scale = expected.abs().max(1.0);
    assert!((found - expected).abs() <= 1e-9 * scale, "{name}: {found}, expected {expected}");
}

#[test]
fn figures_of_returns_are_those_of_empyrical_and_quantstats() {
    for case in goldens()["cases"].as_array().expect("cases") {
        let own = numbers(&case["returns"]);
        let tail = 0.05;
        let (skew, kurtosis) = returns::moments(&own).unwrap();
        let found: Vec<(&str, Option<f64>)> = vec![
            ("total_return", Some(returns::total(&own))),
            ("qs_comp", Some(returns::total(&own))),
            ("annual_return", returns::annualised(&own, YEAR)),
            ("annual_volatility", returns::volatility(&own, YEAR)),
            ("qs_volatility", returns::volatility(&own, YEAR)),
            ("sharpe", ratios::sharpe(&own, YEAR)),
            ("qs_sharpe", ratios::sharpe(&own, YEAR)),
            ("sortino", ratios::sortino(&own, YEAR)),
            ("qs_sortino", ratios::sortino(&own, YEAR)),
            ("calmar", ratios::calmar(&own, YEAR)),
            ("omega", ratios::omega(&own)),
            ("qs_omega", ratios::omega(&own)),
            ("profit_factor", ratios::omega(&own)),
            ("qs_skew", returns::skew(&own)),
            ("qs_kurtosis", returns::kurtosis(&own)),
            ("scipy_skew", Some(skew)),
            ("scipy_kurtosis", Some(kurtosis)),
            ("tail_ratio", tails::tail_ratio(&own)),
            ("qs_tail_ratio", tails::tail_ratio(&own)),
            ("var_historical", tails::var_historical(&own, tail)),
            ("cvar_historical", tails::cvar_historical(&own, tail)),
            ("var_parametric", tails::var_parametric(&own, tail)),
            ("cvar_parametric", tails::cvar_parametric(&own, tail)),
            ("max_drawdown", Some(drawdowns::deepest(&own))),
            ("qs_max_drawdown", Some(drawdowns::deepest(&own))),
            ("qs_best", consistency::extremes(&own).map(|pair| pair.0)),
            ("qs_worst", consistency::extremes(&own).map(|pair| pair.1)),
        ];
        for (name, value) in found {
            assert_near(name, value.expect(name), case[name].as_f64().expect(name));
        }
    }
}

#[test]
fn the_table_of_falls_is_that_of_quantstats() {
    for case in goldens()["cases"].as_array().expect("cases") {
        let own = numbers(&case["returns"]);
        let expected = numbers(&case["qs_drawdown_depths"]);
        let found = drawdowns::worst(&own, usize::MAX);
        assert_eq!(found.len(), expected.len());
        for (fall, depth) in found.iter().zip(expected) {
            assert_near("depth", fall.depth, depth);
        }
    }
}

#[test]
fn months_are_those_of_empyrical() {
    for case in goldens()["cases"].as_array().expect("cases") {
        let dates: Vec<&str> =
            case["dates"].as_array().expect("dates").iter().map(|date| date.as_str().unwrap()).collect();
        let found = consistency::months(&dates, &numbers(&case["returns"]));
        let expected = case["months"].as_array().expect("months");
        assert_eq!(found.len(), expected.len());
        for (month, told) in found.iter().zip(expected) {
            assert_eq!(month.month, told[0].as_str().unwrap());
            assert_near(&month.month, month.total, told[1].as_f64().unwrap());
        }
    }
}

#[test]
fn figures_against_a_benchmark_are_those_of_the_libraries() {
    for case in goldens()["cases"].as_array().expect("cases") {
        let (own, market) = (numbers(&case["returns"]), numbers(&case["benchmark"]));
        let found = benchmark::relative(&own, &market, YEAR);
        for (name, value) in [
            ("beta", found.beta),
            ("qs_beta", found.beta),
            ("alpha", found.alpha),
            ("information_ratio", found.information_ratio),
            ("excess_sharpe", found.information_ratio),
            ("tracking_error", found.tracking_error),
            ("up_capture", found.up_capture),
            ("down_capture", found.down_capture),
        ] {
            assert_near(name, value.expect(name), case[name].as_f64().expect(name));
        }
    }
}

#[test]
fn the_normal_distribution_is_that_of_scipy() {
    let goldens = goldens();
    for pair in goldens["normal_quantile"].as_array().unwrap() {
        let pair = numbers(pair);
        assert_near("quantile", normal::quantile(pair[0]).unwrap(), pair[1]);
    }
    for pair in goldens["normal_cdf"].as_array().unwrap() {
        let pair = numbers(pair);
        assert_near("cumulative", normal::cdf(pair[0]), pair[1]);
    }
}

#[test]
fn what_a_series_does_not_determine_is_not_stated() {
    for values in [&[][..], &[0.01], &[0.01; 40], &[0.0; 40]] {
        assert_eq!(ratios::sharpe(values, YEAR), None);
        assert_eq!(ratios::calmar(values, YEAR), None);
        assert_eq!(returns::moments(values), None);
    }
    assert_eq!(returns::annualised(&[-1.5], YEAR), None);
    assert_eq!(ratios::omega(&[0.01, 0.02]), None);
    assert_eq!(tails::cvar_historical(&[], 0.05), None);
    assert_eq!((normal::quantile(0.0), normal::quantile(1.0)), (None, None));
}
