//! Single functions of raw data, forecasts and groups against the reference's answers.
#![allow(clippy::unwrap_used, reason = "a test stops where its data is not sound")]

use serde_json::Value;
use tickrace_stats::panel::{DAY_NS, DayRows, parse_time};
use tickrace_stats::{BusinessDay, Frame, Series};
use tickrace_systematic::account::roll_days;
use tickrace_systematic::estimate::correlation::sampled;
use tickrace_systematic::forecast::Mapping;
use tickrace_systematic::groups::Grouping;
use tickrace_systematic::raw::{VolatilityConfig, VolatilityMethod, volatility};
use tickrace_systematic::system::estimated::{ScalarConfig, scalar_of};

mod goldens;
use goldens::{folder, frame, json};

/// Worst difference of a column, missing where missing.
fn worst(own: &[f64], golden: &Frame, column: &str) -> f64 {
    let wanted = golden.column(column).unwrap();
    assert_eq!(own.len(), wanted.len());
    own.iter().zip(wanted).fold(0.0, |worst: f64, (own, wanted)| {
        assert_eq!(own.is_nan(), wanted.is_nan(), "{column}: {own}, wanted {wanted}");
        if wanted.is_nan() { worst } else { worst.max((own - wanted).abs() / wanted.abs()) }
    })
}

#[test]
fn volatilities_are_the_references() {
    if folder().is_none() {
        return;
    }
    let golden = frame("units/vol.parquet");
    let steps = golden.column("ret").unwrap();
    let base = VolatilityConfig::default();
    let robust = VolatilityConfig { func: VolatilityMethod::Robust, ..base };
    for (column, config) in [
        ("robust_default", robust),
        ("robust_nofloor", VolatilityConfig { vol_floor: false, ..robust }),
        ("robust_days25_backfill", VolatilityConfig { days: 25.0, backfill: true, ..robust }),
        ("mixed_default20y", VolatilityConfig { slow_vol_years: 20.0, ..base }),
        ("mixed_10y", base),
        (
            "mixed_20y_35pct_backfill",
            VolatilityConfig { slow_vol_years: 20.0, proportion_of_slow_vol: 0.35, backfill: true, ..base },
        ),
        ("simple_ew", VolatilityConfig { func: VolatilityMethod::Exponential, ..base }),
        ("simple_25", VolatilityConfig { func: VolatilityMethod::Rolling, days: 25.0, ..base }),
    ] {
        let worst = worst(&volatility(steps, &config), &golden, column);
        println!("{column}: {worst:.1e}");
        assert!(worst < 1e-9, "{column}: {worst}");
    }
}

#[test]
fn forecast_scalars_are_the_references() {
    if folder().is_none() {
        return;
    }
    let golden = frame("units/forecast_scalar.parquet");
    let columns: Vec<Series> =
        ["x", "y", "z"].map(|name| Series::last_of_day(&golden.at_ns, golden.column(name).unwrap())).into();
    let all: Vec<&Series> = columns.iter().collect();
    let terms = ScalarConfig::default();
    for (column, series, terms) in [
        ("scalar_pooled", all.clone(), terms),
        ("scalar_x_only", vec![all[0]], terms),
        ("scalar_pooled_nobf", all.clone(), ScalarConfig { backfill: false, ..terms }),
    ] {
        let worst = worst(&scalar_of(&series, &terms, 10.0).values, &golden, column);
        println!("{column}: {worst:.1e}");
        assert!(worst < 1e-9, "{column}: {worst}");
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

#[test]
fn mapped_forecasts_are_the_references() {
    if folder().is_none() {
        return;
    }
    let all = json("units/forecast_mapping.json");
    for (size, golden) in all.as_object().unwrap() {
        let mapping = Mapping::of_size(size.parse().unwrap());
        let cap = number(&golden["cap"]);
        assert!((mapping.threshold - number(&golden["threshold"])).abs() < 1e-12);
        assert!((mapping.slope(cap) - number(&golden["b"])).abs() < 1e-12);
        let rows = golden["x"].as_array().unwrap().iter().zip(golden["y"].as_array().unwrap());
        for (x, y) in rows {
            let (own, wanted) = (mapping.of(number(x), cap), number(y));
            assert!(own.is_nan() && wanted.is_nan() || (own - wanted).abs() < 1e-12, "{x}: {own}, {wanted}");
        }
    }
}

#[test]
fn weights_by_groups_are_the_references() {
    if folder().is_none() {
        return;
    }
    for case in json("units/autogroup.json").as_array().unwrap() {
        let text = serde_json::json!({ "parameters": case["params"], "groups": case["tree"] });
        let grouping: Grouping = serde_json::from_value(text).unwrap();
        let left_out: Vec<&str> =
            case["exclude"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let own = grouping.weights(&|name: &str| left_out.contains(&name));
        let wanted = case["out"].as_object().unwrap();
        assert_eq!(own.len(), wanted.len());
        for (name, weight) in wanted {
            assert!((own[name] - number(weight)).abs() < 1e-15, "{name}: {}, wanted {weight}", own[name]);
        }
    }
}

#[test]
fn days_of_rolls_are_the_references() {
    if folder().is_none() {
        return;
    }
    for (key, days) in json("units/equal_dates.json").as_object().unwrap() {
        let parts: Vec<i64> = key.split('_').map(|part| part.parse().unwrap()).collect();
        // The last part asks for dates that begin at New Year, which no roll does.
        if parts[2] != 0 {
            continue;
        }
        let wanted: Vec<i64> = days
            .as_array()
            .unwrap()
            .iter()
            .map(|day| parse_time(day.as_str().unwrap()).unwrap() / DAY_NS)
            .collect();
        assert_eq!(roll_days(parts[0], parts[0], usize::try_from(parts[1]).unwrap()), wanted, "{key}");
    }
}

#[test]
fn days_and_weeks_hold_what_the_references_do() {
    if folder().is_none() {
        return;
    }
    let demo = json("units/resample_demo.json");
    let at_ns: Vec<i64> = demo["index"]
        .as_array()
        .unwrap()
        .iter()
        .map(|at| parse_time(at.as_str().unwrap()).unwrap())
        .collect();
    let values: Vec<f64> = demo["values"].as_array().unwrap().iter().map(number).collect();
    let same = |name: &str, own: Vec<(i64, f64)>| {
        let rows = demo[name].as_array().unwrap();
        assert_eq!(own.len(), rows.len(), "{name}");
        for ((at, own), row) in own.iter().zip(rows) {
            assert_eq!(Some(*at), parse_time(row[0].as_str().unwrap()), "{name}");
            let wanted = number(&row[1]);
            assert!(own.is_nan() && wanted.is_nan() || own == &wanted, "{name} {}: {own}", row[0]);
        }
    };
    let dated = |series: &Series| -> Vec<(i64, f64)> {
        let days = (series.first.0..).map(|number| BusinessDay(number).start_ns());
        days.zip(series.values.iter().copied()).collect()
    };
    let daily = Series::last_of_day(&at_ns, &values);
    same("resample_1B_last", dated(&daily));
    let mean = DayRows::new(&at_ns).folded(&values, |rows| {
        let known = rows.iter().filter(|value| !value.is_nan());
        known.clone().sum::<f64>() / known.count() as f64
    });
    same("resample_1B_mean", dated(&mean));
    let weeks = sampled(std::slice::from_ref(&daily), 7, true, false);
    same("resample_W_last", weeks.at_ns.iter().copied().zip(weeks.columns[0].iter().copied()).collect());
}
