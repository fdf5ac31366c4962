//! The mathematics of pairs against statsmodels' numbers (`scripts/goldens/pairs.py`).

#![allow(clippy::unwrap_used, reason = "a golden that cannot be read fails its test")]

use serde_json::Value;
use tickrace_stats::{
    CoMoments, Dependence, HedgeFilter, Lags, LeastSquares, Line, Trend, adjusted_p_values,
    augmented_dickey_fuller, engle_granger, ornstein_uhlenbeck, unit_root,
};

fn goldens() -> Value {
    serde_json::from_str(include_str!("goldens/pairs.json")).expect("the goldens are JSON")
}

fn series(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[track_caller]
fn near(got: f64, wanted: f64, relative: f64, what: &str) {
    assert!((got - wanted).abs() <= relative * (1.0 + wanted.abs()), "{what}: {got}, not {wanted}");
}

fn trend(value: &Value) -> Trend {
    match value.as_str().unwrap() {
        "n" => Trend::None,
        "c" => Trend::Constant,
        "ct" => Trend::Linear,
        "ctt" => Trend::Quadratic,
        other => panic!("no trend {other}"),
    }
}

fn lags(value: &Value) -> Lags {
    match value.as_str() {
        Some("AIC" | "aic") => Lags::Akaike,
        Some("BIC") => Lags::Schwarz,
        Some(other) => panic!("no criterion {other}"),
        None => Lags::Fixed(usize::try_from(value.as_u64().unwrap()).unwrap()),
    }
}

#[test]
fn lines_are_those_of_ordinary_and_total_least_squares() {
    let told = goldens();
    let (x, y) = (series(&told["x"]), series(&told["y"]));
    let mut moments = CoMoments::default();
    x.iter().zip(&y).for_each(|(x, y)| moments.add(*x, *y));
    let wanted = series(&told["ols"]["coefficients"]);
    let line = moments.ordinary().unwrap();
    near(line.intercept, wanted[0], 1e-10, "intercept");
    near(line.slope, wanted[1], 1e-12, "slope");
    let fit = LeastSquares::fit(&[vec![1.0; x.len()], x], &y).unwrap();
    for (at, error) in series(&told["ols"]["errors"]).into_iter().enumerate() {
        near(fit.coefficients[at], wanted[at], 1e-10, "coefficient");
        near(fit.standard_errors[at], error, 1e-10, "standard error");
    }
    near(fit.residual_squares, number(&told["ols"]["rss"]), 1e-10, "squares");
    let line = moments.total().unwrap();
    near(line.slope, number(&told["tls"]["slope"]), 1e-11, "total slope");
    near(line.intercept, number(&told["tls"]["intercept"]), 1e-10, "total intercept");
}

#[test]
fn the_hedge_filter_is_the_state_space_model() {
    let told = goldens();
    let (x, y, of) = (series(&told["x"]), series(&told["y"]), &told["kalman"]);
    let mut filter =
        HedgeFilter::new(Line { slope: 1.0, intercept: 0.0 }, (10.0, 10.0), 1e-5, 1e-3, 0.7).unwrap();
    for (at, (x, y)) in x.iter().zip(&y).enumerate() {
        let step = filter.update(*x, *y).unwrap();
        near(step.innovation, number(&of["innovation"][at]), 1e-8, "innovation");
        near(step.innovation_variance, number(&of["variance"][at]), 1e-8, "variance");
        near(step.line.slope, number(&of["slope"][at]), 1e-8, "slope");
        near(step.line.intercept, number(&of["intercept"][at]), 1e-8, "intercept");
    }
}

#[test]
fn unit_roots_are_tested_as_statsmodels_does() {
    let told = goldens();
    for case in told["adf"].as_array().unwrap() {
        let values = series(&told[case["series"].as_str().unwrap()]);
        let test = augmented_dickey_fuller(&values, trend(&case["trend"]), lags(&case["lags"])).unwrap();
        assert_eq!(
            (test.lags as u64, test.rows as u64),
            (case["used"].as_u64().unwrap(), case["rows"].as_u64().unwrap()),
            "{case}"
        );
        near(test.statistic, number(&case["statistic"]), 1e-8, "statistic");
        near(test.p_value, number(&case["p"]), 1e-8, "p");
        test.critical
            .iter()
            .zip(series(&case["critical"]))
            .for_each(|(got, wanted)| near(*got, wanted, 1e-12, "critical"));
    }
}

#[test]
fn reversion_is_read_from_the_autoregression_of_statsmodels() {
    let told = goldens();
    let (a, b) = (number(&told["autoregression"]["a"]), number(&told["autoregression"]["b"]));
    let fit = ornstein_uhlenbeck(&series(&told["gap"]), 1.0).unwrap().unwrap();
    near(fit.half_life, 0.5f64.ln() / b.ln(), 1e-9, "half-life");
    near(fit.mean, a / (1.0 - b), 1e-9, "mean");
    near(fit.deviation, (number(&told["autoregression"]["noise"]) / (1.0 - b * b)).sqrt(), 1e-9, "deviation");
}

#[test]
fn cointegration_is_tested_as_statsmodels_does() {
    let told = goldens();
    let x = series(&told["x"]);
    for case in told["cointegration"].as_array().unwrap() {
        let y = series(&told[case["series"].as_str().unwrap()]);
        let test = engle_granger(&y, &x, trend(&case["trend"]), lags(&case["lags"])).unwrap();
        near(test.statistic, number(&case["statistic"]), 1e-8, "statistic");
        near(test.p_value, number(&case["p"]), 1e-8, "p");
        test.critical
            .iter()
            .zip(series(&case["critical"]))
            .for_each(|(got, wanted)| near(*got, wanted, 1e-12, "critical"));
    }
}

#[test]
fn the_tables_are_mackinnons() {
    let told = goldens();
    let variables = |case: &Value| usize::try_from(case["variables"].as_u64().unwrap()).unwrap();
    for case in told["tables"]["p"].as_array().unwrap() {
        let p = unit_root::p_value(number(&case["statistic"]), trend(&case["trend"]), variables(case));
        near(p, number(&case["p"]), 1e-12, &case.to_string());
    }
    for case in told["tables"]["critical"].as_array().unwrap() {
        let got = unit_root::critical_values(trend(&case["trend"]), variables(case), number(&case["rows"]));
        got.iter()
            .zip(series(&case["critical"]))
            .for_each(|(got, wanted)| near(*got, wanted, 1e-12, &case.to_string()));
    }
}

#[test]
fn false_discoveries_are_controlled_as_statsmodels_does() {
    let told = goldens();
    let p = series(&told["p_values"]);
    for (dependence, name) in [(Dependence::Positive, "bh"), (Dependence::Any, "by")] {
        let got = adjusted_p_values(&p, dependence).unwrap();
        got.iter().zip(series(&told["fdr"][name])).for_each(|(got, wanted)| near(*got, wanted, 1e-12, name));
    }
}
