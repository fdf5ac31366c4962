//! Correlations of returns, risk overlay and dynamic optimisation against the reference's.
#![allow(clippy::unwrap_used, reason = "a test stops where its data is not sound")]

mod goldens;

use goldens::{Table, daily_price, folder, frame, fx, instruments, json, series};
use serde_json::Value;
use tickrace_stats::panel::{DAY_NS, day_of_date};
use tickrace_stats::{BusinessDay, Frame, Series};
use tickrace_systematic::market::Prices;
use tickrace_systematic::portfolio::dynamic::{cost_of_weight, covariance, midnight_deflator};
use tickrace_systematic::portfolio::{
    CorrelationConfig, CorrelationPath, DynamicAsset, OverlayLimits, RiskMeasures, SpeedControl, optimise,
    shocked_volatility,
};
use tickrace_systematic::raw::{Raw, VolatilityConfig};

const SYSTEM: &str = "systemD_overlay_dynamic";

fn names(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn numbers(value: &Value, names: &[String]) -> Vec<f64> {
    names.iter().map(|name| value[name].as_f64().unwrap()).collect()
}

fn matrix(value: &Value) -> Vec<f64> {
    let rows = value.as_array().unwrap().iter();
    rows.flat_map(|row| row.as_array().unwrap().iter().map(|entry| entry.as_f64().unwrap())).collect()
}

fn day(value: &Value) -> i64 {
    let date = value.as_str().unwrap();
    let part = |range: std::ops::Range<usize>| date[range].parse::<i64>().unwrap();
    day_of_date(part(0..4), part(5..7), part(8..10))
}

fn assets(one: &Value, names: &[String]) -> Vec<DynamicAsset> {
    let [optimal, value, cost] =
        ["contracts_optimal", "per_contract_value", "costs"].map(|key| numbers(&one[key], names));
    (0..names.len())
        .map(|place| DynamicAsset {
            optimal: optimal[place],
            value_per_contract: value[place],
            cost: cost[place],
            ..DynamicAsset::default()
        })
        .collect()
}

#[test]
fn thirty_days_of_dynamic_positions_are_the_references() {
    if folder().is_none() {
        return;
    }
    let golden = json(&format!("{SYSTEM}/dynamic_detail.json"));
    let number = |key: &str| golden["speed_control"][key].as_f64().unwrap();
    let speed = SpeedControl {
        shadow_cost: number("trade_shadow_cost"),
        tracking_error_buffer: number("tracking_error_buffer"),
    };
    let mut table = Table::default();
    let days = golden["days"].as_array().unwrap();
    for one in days {
        let names = names(&one["keys"]);
        let previous = numbers(&one["previous"], &names);
        let outcome =
            optimise(&assets(one, &names), &matrix(&one["covariance"]), Some(&previous), &speed).unwrap();
        assert_eq!(outcome.contracts, numbers(&one["result"], &names), "{}", one["date"]);
        let theirs = |key: &str| one[key].as_f64().unwrap_or(f64::NAN);
        table.number("tracking_error_prior", outcome.tracking_error_prior, theirs("tracking_error_prior"));
        if !outcome.found_weights.is_empty() {
            let weights = numbers(&one["greedy_weights_before_speed_control"], &names);
            table.values("greedy_weights", &outcome.found_weights, &weights);
            table.number("tracking_error_raw", outcome.tracking_error_found, theirs("tracking_error_raw"));
            table.number("cost_raw", outcome.cost_found, theirs("cost_raw"));
        }
    }
    assert_eq!(days.len(), 30);
    table.close();
}

#[test]
fn constraint_cases_are_the_references() {
    if folder().is_none() {
        return;
    }
    let golden = json(&format!("{SYSTEM}/dynamic_constraint_cases.json"));
    let names = names(&golden["keys"]);
    let covariance = matrix(&golden["covariance"]);
    for case in golden["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let is_in = |set: &str, asset: &String| {
            name == set
                && golden["constraint_sets"][set]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|one| one.as_str() == Some(asset))
        };
        let assets: Vec<DynamicAsset> = assets(&golden, &names)
            .into_iter()
            .zip(&names)
            .map(|(asset, name)| DynamicAsset {
                is_untradable: is_in("no_trade", name),
                is_reduce_only: is_in("reduce_only", name),
                is_long_only: is_in("long_only", name),
                max_contracts: case["max_positions"].as_f64(),
                ..asset
            })
            .collect();
        let previous = case["previous"].as_object().map(|_| numbers(&case["previous"], &names));
        let number = |key: &str| case[key].as_f64().unwrap();
        let speed = SpeedControl {
            shadow_cost: number("trade_shadow_cost"),
            tracking_error_buffer: number("tracking_error_buffer"),
        };
        let outcome = optimise(&assets, &covariance, previous.as_deref(), &speed).unwrap();
        assert_eq!(outcome.contracts, numbers(&case["result"], &names), "{name}");
        println!("constraint case {name}: exact");
    }
}

fn raw(name: &str) -> Raw {
    let start_ns = day_of_date(2016, 1, 4) * DAY_NS;
    let prices = Prices {
        adjusted: frame(&format!("inputs/adjusted_{name}.parquet")).since(start_ns),
        multiple: frame(&format!("inputs/multiple_{name}.parquet")).since(start_ns),
    };
    let volatility = VolatilityConfig {
        slow_vol_years: 20.0,
        proportion_of_slow_vol: 0.35,
        backfill: true,
        ..VolatilityConfig::default()
    };
    Raw::new(&prices, &volatility)
}

#[test]
fn correlations_of_returns_are_the_references() {
    if folder().is_none() {
        return;
    }
    let golden = json(&format!("{SYSTEM}/instrument_return_correlations.json"));
    let raws: Vec<Raw> = names(&golden["columns"]).iter().map(|name| raw(name)).collect();
    let returns: Vec<&Series> = raws.iter().map(|raw| &raw.perc_returns).collect();
    let mut path = CorrelationPath::new(&returns, CorrelationConfig::default());
    let starts: Vec<i64> = golden["all_period_starts"].as_array().unwrap().iter().map(day).collect();
    assert_eq!(path.period_starts(), starts);
    let mut table = Table::default();
    for one in golden["picked"].as_array().unwrap() {
        let period = usize::try_from(one["i"].as_u64().unwrap()).unwrap();
        table.values("return correlations", path.fit(period), &matrix(&one["matrix"]));
    }
    table.close();
}

#[test]
fn the_risk_overlay_is_the_references() {
    if folder().is_none() {
        return;
    }
    let overlay = frame(&format!("{SYSTEM}/risk_overlay.parquet"));
    let golden = json(&format!("{SYSTEM}/instrument_return_correlations.json"));
    let names = names(&golden["columns"]);
    let raws: Vec<Raw> = names.iter().map(|name| raw(name)).collect();
    let returns: Vec<&Series> = raws.iter().map(|raw| &raw.perc_returns).collect();
    let stages: Vec<Frame> =
        names.iter().map(|name| frame(&format!("{SYSTEM}/stages_{name}.parquet"))).collect();
    let shocked: Vec<Series> = raws
        .iter()
        .map(|raw| Series { first: raw.perc_vol.first, values: shocked_volatility(&raw.perc_vol.values) })
        .collect();
    let [notional, value] = ["notional_before_overlay", "per_contract_value"]
        .map(|column| -> Vec<Series> { stages.iter().map(|stages| series(stages, column)).collect() });
    let mut path = CorrelationPath::new(&returns, CorrelationConfig::default());
    let limits = OverlayLimits::of_target([1.0, 2.0, 2.0], 0.25, 8.0);
    let mut ours: [Vec<f64>; 5] = Default::default();
    let mut rows = Vec::new();
    for (row, at) in overlay.at_ns.iter().enumerate() {
        let day = BusinessDay::of_ns(*at);
        let weights: Vec<f64> =
            (0..names.len()).map(|place| notional[place].at(day) * value[place].at(day)).collect();
        // The stages are thinned: only days on which every instrument has a row can be computed.
        if weights.iter().any(|weight| weight.is_nan()) {
            continue;
        }
        let annual = |series: &Series| series.at(day) * 16.0 / 100.0;
        let vol: Vec<f64> = raws.iter().map(|raw| annual(&raw.perc_vol)).collect();
        let high: Vec<f64> = shocked.iter().map(annual).collect();
        let measures = RiskMeasures::of(&weights, &vol, &high, path.on(day.day()));
        let multiplier = measures.multiplier(&limits);
        for (column, value) in ours.iter_mut().zip([
            multiplier,
            measures.normal,
            measures.shocked,
            measures.sum_abs,
            measures.leverage,
        ]) {
            column.push(value);
        }
        rows.push(row);
    }
    assert!(rows.len() > 500, "{} days compared", rows.len());
    let mut table = Table::default();
    for (name, ours) in ["risk_scalar", "normal", "shocked", "sum_abs", "leverage"].into_iter().zip(&ours) {
        let theirs = overlay.column(name).unwrap();
        let theirs: Vec<f64> = rows.iter().map(|row| theirs[*row]).collect();
        table.values(name, ours, &theirs);
    }
    table.close();
}

/// Last known value at a day, for what every instrument has to have on every day.
fn as_of(series: &Series, day: BusinessDay) -> f64 {
    let mut day = BusinessDay(day.0.min(series.end().0 - 1));
    while day >= series.first && series.at(day).is_nan() {
        day.0 -= 1;
    }
    series.at(day)
}

#[test]
fn the_path_of_dynamic_positions_is_the_references() {
    if folder().is_none() {
        return;
    }
    let golden = frame(&format!("{SYSTEM}/dynamic_positions_last260.parquet"));
    let names: Vec<String> = golden.columns.iter().map(|(name, _)| name.clone()).collect();
    let raws: Vec<Raw> = names.iter().map(|name| raw(name)).collect();
    let returns: Vec<&Series> = raws.iter().map(|raw| &raw.perc_returns).collect();
    let mut path = CorrelationPath::new(&returns, CorrelationConfig::default());
    let stages: Vec<Frame> =
        names.iter().map(|name| frame(&format!("{SYSTEM}/stages_{name}.parquet"))).collect();
    let column = |name: &str| -> Vec<Series> { stages.iter().map(|stages| series(stages, name)).collect() };
    let [wanted, value, level] =
        ["notional_before_overlay", "per_contract_value", "cost_deflator"].map(column);
    let mut table = Table::default();
    let capital = 1_000_000.0;
    let known = instruments();
    let unit_costs: Vec<f64> = names
        .iter()
        .zip(&value)
        .map(|(name, value)| {
            let one = &known[name];
            let price = as_of(&daily_price(name), BusinessDay::of_day(day_of_date(2023, 8, 31)));
            let cost = one.costs.of_contract(price) * fx(&one.currency).at_day(day_of_date(2023, 12, 31));
            cost_of_weight(cost, as_of(value, BusinessDay(value.end().0 - 1)), capital, 1.0)
        })
        .collect();
    let start = BusinessDay::of_day(day_of_date(2016, 1, 4));
    let levels: Vec<Series> = names
        .iter()
        .map(|name| {
            let prices = frame(&format!("inputs/adjusted_{name}.parquet"));
            let days = usize::try_from(daily_price(name).end().0 - start.0).unwrap();
            midnight_deflator(&prices.at_ns, &prices.columns[0].1, start, days)
        })
        .collect();
    for (place, name) in names.iter().enumerate() {
        let ours = &levels[place];
        table.column(&format!("{name}/cost_deflator"), |day| ours.at(day), &stages[place], "cost_deflator");
        assert_eq!(level[place].first, start);
    }
    table.close();
    let speed = SpeedControl { shadow_cost: 50.0, tracking_error_buffer: 0.0125 };
    let mut held = vec![0.0; names.len()];
    for (row, at) in golden.at_ns.iter().enumerate() {
        let day = BusinessDay::of_ns(*at);
        let vol: Vec<f64> = raws.iter().map(|raw| as_of(&raw.perc_vol, day) * 0.16).collect();
        let covariance = covariance(&vol, path.on(day.day()), 0.5);
        let assets: Vec<DynamicAsset> = (0..names.len())
            .map(|place| DynamicAsset {
                optimal: as_of(&wanted[place], day),
                value_per_contract: as_of(&value[place], day),
                cost: unit_costs[place] * as_of(&levels[place], day),
                ..DynamicAsset::default()
            })
            .collect();
        held = optimise(&assets, &covariance, Some(&held), &speed).unwrap().contracts;
        let theirs: Vec<f64> = golden.columns.iter().map(|(_, values)| values[row]).collect();
        assert_eq!(held, theirs, "row {row}");
    }
    println!("dynamic positions: {} days by {} instruments exact", golden.len(), names.len());
}
