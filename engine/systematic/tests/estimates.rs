//! Estimates against the reference's.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::field_reassign_with_default,
    reason = "a test stops where its data is not sound"
)]

mod goldens;

use goldens::{folder, frame, json};
use serde_json::Value;
use tickrace_stats::Series;
use tickrace_stats::panel::parse_time;
use tickrace_systematic::estimate::correlation::{CorrelationConfig, Matrix, correlations, sampled, stepped};
use tickrace_systematic::estimate::fit::{DateMethod, Fit, fits};
use tickrace_systematic::estimate::multiplier::diversification;
use tickrace_systematic::raw::running_sum;

fn same_fit(own: &Fit, golden: &Value) {
    let time = |key: &str| parse_time(golden[key].as_str().unwrap()).unwrap();
    assert_eq!(own.no_data, golden["no_data"].as_bool().unwrap());
    for (own, key) in [
        (own.fit_start_ns, "fit_start"),
        (own.fit_end_ns, "fit_end"),
        (own.period_start_ns, "period_start"),
        (own.period_end_ns, "period_end"),
    ] {
        assert_eq!(own, time(key), "{key} of {golden}");
    }
}

#[test]
fn fitting_dates_are_the_references() {
    if folder().is_none() {
        return;
    }
    let all = json("units/fitting_dates.json");
    for (name, golden) in all.as_object().unwrap() {
        let golden = golden.as_array().unwrap();
        let parts: Vec<&str> = name.split('_').collect();
        let (first, last) = (golden.first().unwrap(), golden.last().unwrap());
        let time = |value: &Value, key: &str| parse_time(value[key].as_str().unwrap()).unwrap();
        let method = match parts[0] {
            "expanding" => DateMethod::Expanding,
            "rolling" => DateMethod::Rolling,
            _ => DateMethod::InSample,
        };
        let number = parts.iter().find_map(|part| part.parse::<usize>().ok()).unwrap_or(20);
        let step = match *parts.last().unwrap() {
            "M" | "1M" => 30,
            "W" | "1W" => 7,
            other => other.strip_suffix('D').map_or(365, |days| days.parse().unwrap()),
        };
        let start = time(first, "fit_start");
        let own = fits(start, time(last, "period_end"), method, step, number);
        assert_eq!(own.len(), golden.len(), "{name}");
        for (own, golden) in own.iter().zip(golden) {
            same_fit(own, golden);
        }
        println!("{name}: {} fits", own.len());
    }
}

fn config_of(params: &Value) -> CorrelationConfig {
    let mut config = CorrelationConfig { ew_lookback: 250.0, ..CorrelationConfig::default() };
    let text = |key: &str| params.get(key).and_then(Value::as_str);
    let number = |key: &str| params.get(key).and_then(Value::as_f64);
    let flag = |key: &str| params.get(key).and_then(Value::as_bool);
    if text("date_method") == Some("rolling") {
        config.date_method = DateMethod::Rolling;
    }
    config.rollyears = number("rollyears").map_or(config.rollyears, |years| years as usize);
    config.using_exponent = flag("using_exponent").unwrap_or(true);
    config.ew_lookback = number("ew_lookback").unwrap_or(config.ew_lookback);
    config.min_periods = number("min_periods").map_or(config.min_periods, |rows| rows as usize);
    config.floor_at_zero = flag("floor_at_zero").unwrap_or(true);
    config.offdiag = number("offdiag").unwrap_or(0.99);
    config.clip = number("clip");
    config.shrinkage = number("shrinkage_parameter").unwrap_or(0.0);
    config
}

#[test]
fn correlations_over_time_are_the_references() {
    if folder().is_none() {
        return;
    }
    let input = frame("units/corr_returns.parquet");
    for (name, case) in json("units/correlation_over_time.json").as_object().unwrap() {
        let series: Vec<Series> = case["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| {
                let values = input.column(column.as_str().unwrap()).unwrap();
                let daily = Series::last_of_day(&input.at_ns, values);
                Series { first: daily.first, values: running_sum(&daily.values) }
            })
            .collect();
        let is_week = case["params"]["frequency"] == "W";
        let panel = stepped(sampled(&series, 7, is_week, true));
        let own = correlations(&panel, &config_of(&case["params"]));
        let golden = case["fits"].as_array().unwrap();
        assert_eq!(own.len(), golden.len(), "{name}");
        let mut worst = 0.0_f64;
        for ((fit, matrix), golden) in own.iter().zip(golden) {
            same_fit(fit, &golden["fit"]);
            for (row, values) in golden["matrix"].as_array().unwrap().iter().enumerate() {
                for (column, value) in values.as_array().unwrap().iter().enumerate() {
                    let difference = (matrix.at(row, column) - value.as_f64().unwrap()).abs();
                    worst = worst.max(if difference.is_nan() { f64::INFINITY } else { difference });
                }
            }
        }
        println!("{name}: {} fits, worst difference {worst:.1e}", own.len());
        assert!(worst < 1e-6, "{name}: {worst}");
    }
}

#[test]
fn multipliers_are_the_references() {
    if folder().is_none() {
        return;
    }
    for case in json("units/div_mult.json").as_array().unwrap() {
        let numbers = |value: &Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
        };
        let weights = numbers(&case["weights"]);
        let values: Vec<f64> = case["corr"].as_array().unwrap().iter().flat_map(numbers).collect();
        let own = diversification(&weights, &Matrix { size: weights.len(), values }, 2.5);
        let wanted = case["dm"].as_f64().unwrap();
        assert!((own - wanted).abs() < 1e-9, "{own}, wanted {wanted}");
    }
}
