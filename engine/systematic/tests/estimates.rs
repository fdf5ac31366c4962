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
use tickrace_systematic::config::Quirk;
use tickrace_systematic::estimate::correlation::{CorrelationConfig, Matrix, correlations, sampled, stepped};
use tickrace_systematic::estimate::fit::{DateMethod, Fit, fits};
use tickrace_systematic::estimate::multiplier::diversification;
use tickrace_systematic::estimate::optimise::{
    Estimates, OptimiserConfig, filled, sharpe_multiplier, two_clusters, weights,
};
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
        let own = fits((start, time(last, "period_end")), method, step, number, Quirk::Reference);
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

fn matrix_of(value: &Value) -> Matrix {
    let rows = value.as_array().unwrap();
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let values = rows.iter().flat_map(|row| row.as_array().unwrap().iter().map(number)).collect();
    Matrix { size: rows.len(), values }
}

#[test]
fn clusters_are_the_references() {
    if folder().is_none() {
        return;
    }
    for case in json("units/clustering.json").as_array().unwrap() {
        let names: Vec<&str> =
            case["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let mut own: Vec<Vec<&str>> = two_clusters(&matrix_of(&case["corr"]))
            .iter()
            .map(|cluster| cluster.iter().map(|place| names[*place]).collect())
            .collect();
        let mut wanted: Vec<Vec<&str>> = case["clusters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|cluster| cluster.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect())
            .collect();
        own.iter_mut().chain(&mut wanted).for_each(|cluster| cluster.sort_unstable());
        own.sort();
        wanted.sort();
        assert_eq!(own, wanted);
    }
}

#[test]
fn a_sharpe_ratio_is_worth_what_the_reference_says() {
    if folder().is_none() {
        return;
    }
    let mut worst = 0.0_f64;
    for case in json("units/sr_multiplier.json").as_array().unwrap() {
        let number = |key: &str| case[key].as_f64().unwrap();
        let own = sharpe_multiplier(number("rel_SR"), number("avg_corr"), number("years"));
        worst = worst.max((own - number("multiplier")).abs());
    }
    println!("worst difference {worst:.1e}");
    // The reference's own search is this inexact.
    assert!(worst < 5e-3, "{worst}");
}

/// Sharpe ratio of weights.
fn sharpe(weights: &[f64], estimates: &Estimates) -> f64 {
    let risk: Vec<f64> =
        weights.iter().zip(&estimates.deviations).map(|(weight, deviation)| weight * deviation).collect();
    let mean: f64 = weights.iter().zip(&estimates.means).map(|(weight, mean)| weight * mean).sum();
    let mut variance = 0.0;
    for (row, left) in risk.iter().enumerate() {
        for (column, right) in risk.iter().enumerate() {
            variance += left * right * estimates.correlation.at(row, column);
        }
    }
    mean / variance.sqrt()
}

#[test]
fn optimal_weights_are_the_references_or_better() {
    if folder().is_none() {
        return;
    }
    let all = json("units/optimiser_cases.json");
    for (name, case) in all.as_object().unwrap() {
        let params = &case["params"];
        let config: OptimiserConfig = serde_json::from_value(serde_json::json!({
            "method": params["method"], "equalise_vols": params["equalise_vols"], "equalise_SR": params["equalise_SR"],
            "ann_target_SR": params["ann_target_SR"], "shrinkage_SR": params["shrinkage_SR"],
            "shrinkage_corr": params["shrinkage_corr"],
        }))
        .unwrap();
        let golden = case["weights"].as_array().unwrap();
        // Some cases say in words that they were made from another's estimates.
        let fits = case["estimates"].as_array().or(all["handcraft_SR"]["estimates"].as_array()).unwrap();
        let index: Vec<&str> =
            case["index"].as_array().unwrap().iter().map(|at| at.as_str().unwrap()).collect();
        let (mut worst, mut shortfall) = (0.0_f64, f64::NEG_INFINITY);
        for fit in fits {
            let start = fit["fit"]["period_start"].as_str().unwrap();
            let place = index.iter().position(|at| *at == start).unwrap();
            let numbers = |key: &str| -> Vec<f64> {
                fit[key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
            };
            let estimates = Estimates {
                means: numbers("mean"),
                deviations: numbers("stdev"),
                correlation: matrix_of(&fit["corr"]),
                years: fit["years"].as_f64().or(fit["data_length_years"].as_f64()).unwrap(),
            };
            let own = weights(&estimates, &config);
            let wanted: Vec<f64> = golden[place]
                .as_array()
                .unwrap()
                .iter()
                .map(|value| value.as_f64().unwrap_or(f64::NAN))
                .collect();
            for (own, wanted) in own.iter().zip(&wanted) {
                let gap = if own.is_nan() && wanted.is_nan() { 0.0 } else { (own - wanted).abs() };
                worst = worst.max(if gap.is_nan() { f64::INFINITY } else { gap });
            }
            if name == "one_period_rawvol" {
                let zero = |weights: &[f64]| -> Vec<f64> {
                    weights.iter().map(|weight| if weight.is_nan() { 0.0 } else { *weight }).collect()
                };
                let mut known = estimates.clone();
                for values in [&mut known.means, &mut known.deviations, &mut known.correlation.values] {
                    values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = 0.0);
                }
                shortfall = shortfall.max(sharpe(&zero(&wanted), &known) - sharpe(&zero(&own), &known));
            }
        }
        println!("{name}: {} fits, worst difference of a weight {worst:.1e}", fits.len());
        assert!(worst < 2e-2, "{name}: {worst}");
        assert!(shortfall < 1e-9, "{name}: a Sharpe ratio lower by {shortfall}");
        if name == "handcraft_eqSR" {
            assert!(worst < 1e-9, "{name} is exact: {worst}");
        }
    }
}

#[test]
fn weights_of_an_estimated_system_are_the_references() {
    if folder().is_none() {
        return;
    }
    let all = json("systemB_ch15_estimated/optimiser.json");
    for (estimates, raw, equalise_sr) in [
        ("forecast_estimates_SOFR", "forecast_raw_weights_SOFR", false),
        ("forecast_estimates_CORN", "forecast_raw_weights_CORN", false),
        ("instrument_estimates", "instrument_raw_weights", true),
    ] {
        let config = OptimiserConfig { equalise_sr, ..OptimiserConfig::default() };
        let index: Vec<&str> =
            all[raw]["index"].as_array().unwrap().iter().map(|at| at.as_str().unwrap()).collect();
        let mut worst = 0.0_f64;
        for fit in all[estimates].as_array().unwrap() {
            let start = fit["fit"]["period_start"].as_str().unwrap();
            let place = index.iter().position(|at| *at == start).unwrap();
            let numbers = |value: &Value| -> Vec<f64> {
                value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
            };
            let estimates = Estimates {
                means: numbers(&fit["mean"]),
                deviations: numbers(&fit["stdev"]),
                correlation: matrix_of(&fit["corr"]),
                years: fit["data_length_years"].as_f64().unwrap(),
            };
            let found = weights(&estimates, &config);
            let own = filled(&found, &vec![true; found.len()]);
            let wanted = numbers(&all[raw]["values"][place]);
            for (own, wanted) in own.iter().zip(&wanted) {
                let gap = if own.is_nan() && wanted.is_nan() { 0.0 } else { (own - wanted).abs() };
                if (gap.is_nan() || gap > 2e-2) && worst <= 2e-2 {
                    println!("{raw} {start}: {found:?} {own}, wanted {wanted:?}");
                }
                worst = worst.max(if gap.is_nan() { f64::INFINITY } else { gap });
            }
        }
        println!("{raw}: worst difference of a weight {worst:.1e}");
        assert!(worst < 2e-2, "{raw}: {worst}");
    }
}
