//! Systems against the goldens of the reference: stage by stage, instrument by instrument, from the same prices.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tickrace_cli::systematic::data;
use tickrace_stats::Frame;
use tickrace_stats::panel::parse_time;
use tickrace_store::read_frame;
use tickrace_systematic::account::{Frequency, Statistics};
use tickrace_systematic::config::{BufferMethod, ForecastWeights, PerName, SystemConfig};
use tickrace_systematic::earnings::Earnings;
use tickrace_systematic::market::Market;
use tickrace_systematic::rules::Rules;
use tickrace_systematic::system::estimated::Dated;
use tickrace_systematic::system::{RawWeights, Stages, System};
use tickrace_tests::data::{config, shared};

const REFERENCE: &str = "reference/pysystemtrade";

/// Worst relative difference of a family of stages, and how many columns were compared.
#[derive(Clone, Debug, Default)]
struct Agreement {
    columns: usize,
    rows: usize,
    worst: f64,
    faults: Vec<String>,
}

fn inputs_of(name: &str) -> Option<(SystemConfig, Market)> {
    let folder = shared(REFERENCE)?;
    let text = std::fs::read_to_string(config(&format!("systematic/{name}.toml"))).unwrap();
    let config: SystemConfig = toml::from_str(&text).unwrap();
    let wanted: Vec<&str> = config.instrument_weights.as_ref().unwrap().keys().map(String::as_str).collect();
    let market = data::load(&folder.join("inputs"), Some(&wanted)).unwrap();
    Some((config, market))
}

fn system_of(name: &str) -> Option<(System, Earnings)> {
    let (config, market) = inputs_of(name)?;
    let mut system = System::new(&market, &config, &Rules::default()).unwrap();
    let earnings = Earnings::new(&system, &market, &config).unwrap();
    earnings.add_to(&mut system);
    Some((system, earnings))
}

fn is_nothing(value: f64) -> bool {
    value.is_nan() || value == 0.0
}

/// Compares the golden's columns at the golden's dates: `|a-b| <= 1e-6 max(|b|, median|column|)`, missing where missing.
fn compare(
    golden: &Frame,
    stages: &Stages,
    of: &str,
    is_judged: impl Fn(&str) -> bool,
    all: &mut BTreeMap<String, Agreement>,
) {
    for (name, wanted) in golden.columns.iter().filter(|(name, _)| is_judged(name)) {
        let family = name.split('.').next().unwrap_or(name).to_owned();
        let agreement = all.entry(family).or_default();
        let Some(own) = stages.get(name) else {
            agreement.faults.push(format!("{of} {name}: no such stage"));
            continue;
        };
        let mut sizes: Vec<f64> =
            wanted.iter().filter(|value| !value.is_nan()).map(|value| value.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let median = sizes.get(sizes.len() / 2).copied().unwrap_or(0.0);
        agreement.columns += 1;
        let mut said = 0;
        for (at, want) in golden.at_ns.iter().zip(wanted) {
            let got = own.at(tickrace_stats::BusinessDay::of_ns(*at));
            // A profit is missing only outside its first and last fill or cost.
            let is_outside = name.starts_with("pnl") && (want.is_nan() || got.is_nan());
            let difference =
                if got.is_nan() && want.is_nan() || is_outside && is_nothing(got) && is_nothing(*want) {
                    0.0
                } else {
                    (got - want).abs() / want.abs().max(median).max(f64::MIN_POSITIVE)
                };
            agreement.rows += 1;
            if (difference.is_nan() || difference > 1e-6) && said < 2 {
                said += 1;
                agreement.faults.push(format!("{of} {name} {}: {got}, wanted {want}", data::date(*at)));
            }
            agreement.worst =
                agreement.worst.max(if difference.is_nan() { f64::INFINITY } else { difference });
        }
    }
}

fn judged(folder: &str, prefix: &str, system: &System, is_judged: impl Fn(&str) -> bool + Copy) {
    let mut all = BTreeMap::new();
    for (name, member) in &system.members {
        let Some(path) = shared(&format!("{REFERENCE}/{folder}/{prefix}_{name}.parquet")) else { return };
        compare(&read_frame(Path::new(&path)).unwrap(), &member.stages, name, is_judged, &mut all);
    }
    println!("{folder}/{prefix}: stage, columns, rows, worst relative difference");
    for (stage, agreement) in &all {
        println!("{stage:20} {:4} {:8} {:.1e}", agreement.columns, agreement.rows, agreement.worst);
    }
    let faults: Vec<&String> = all.values().flat_map(|agreement| &agreement.faults).collect();
    assert!(
        faults.is_empty(),
        "{} differ:\n{}",
        faults.len(),
        faults.iter().take(60).map(|fault| fault.as_str()).collect::<Vec<_>>().join("\n")
    );
}

/// Every number of `theirs` is in `ours`, within a tolerance.
fn same_numbers(ours: &Value, theirs: &Value, path: &str, faults: &mut Vec<String>, count: &mut usize) {
    match theirs {
        Value::Object(fields) => {
            for (name, value) in fields {
                same_numbers(&ours[name], value, &format!("{path}.{name}"), faults, count);
            }
        }
        Value::Number(number) => {
            *count += 1;
            let (want, got) = (number.as_f64().unwrap(), ours.as_f64().unwrap_or(f64::NAN));
            let difference = (got - want).abs();
            if difference.is_nan() || difference > 1e-6 * want.abs().max(1e-9) {
                faults.push(format!("{path}: {got}, wanted {want}"));
            }
        }
        other => {
            *count += 1;
            if ours != other {
                faults.push(format!("{path}: {ours}, wanted {other}"));
            }
        }
    }
}

fn golden_json(path: &str) -> Option<Value> {
    let text = std::fs::read_to_string(shared(path)?).unwrap();
    // Python writes what is no number.
    let text = text.replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null");
    Some(serde_json::from_str(&text).unwrap())
}

fn judged_statistics(folder: &str, system: &System, earnings: &Earnings) {
    let Some(theirs) = golden_json(&format!("{REFERENCE}/{folder}/stats.json")) else { return };
    let ours = serde_json::to_value(earnings.statistics(system)).unwrap();
    let (mut faults, mut count) = (Vec::new(), 0);
    same_numbers(&ours, &theirs, "", &mut faults, &mut count);
    println!("{folder}/stats.json: {count} figures, {} differ", faults.len());
    assert!(
        faults.is_empty(),
        "{}",
        faults.iter().take(40).map(|fault| fault.as_str()).collect::<Vec<_>>().join("\n")
    );
}

/// Stages, statistics and the portfolio's curves of a whole system.
fn judged_whole(name: &str, folder: &str) {
    let Some((system, earnings)) = system_of(name) else { return };
    judged(folder, "stages", &system, |_| true);
    for (name, own) in [
        ("portfolio_daily_pct", earnings.portfolio_days()),
        ("capital_multiplier", earnings.capital_multipliers()),
    ] {
        let Some(path) = shared(&format!("{REFERENCE}/{folder}/{name}.parquet")) else { continue };
        let mut all = BTreeMap::new();
        compare(&read_frame(&path).unwrap(), &own, name, |_| true, &mut all);
        let faults: Vec<&String> = all.values().flat_map(|agreement| &agreement.faults).collect();
        assert!(faults.is_empty() && !all.is_empty(), "{faults:?}");
    }
    judged_statistics(folder, &system, &earnings);
}

#[test]
fn chapter_fifteen_agrees_whole() {
    judged_whole("chapter15", "systemA_ch15_fixed");
}

#[test]
fn all_rules_agree_whole() {
    let Some((system, _)) = system_of("all_rules") else { return };
    judged("systemC_all_rules", "forecasts", &system, |name| name.contains('.'));
    judged_whole("all_rules", "systemC_all_rules");
}

#[test]
fn overlay_and_attenuation_agree_whole() {
    judged_whole("overlay_dynamic", "systemD_overlay_dynamic");
    let Some((system, _)) = system_of("overlay_dynamic") else { return };
    let path = shared(&format!("{REFERENCE}/systemD_overlay_dynamic/risk_overlay.parquet")).unwrap();
    let mut all = BTreeMap::new();
    compare(&read_frame(&path).unwrap(), system.overlay.as_ref().unwrap(), "overlay", |_| true, &mut all);
    let faults: Vec<&String> = all.values().flat_map(|agreement| &agreement.faults).collect();
    assert!(faults.is_empty() && all.len() == 5, "{faults:?}");
}

/// Weights of each fit as the reference found them.
fn golden_weights(all: &Value, key: &str) -> Dated {
    let golden = &all[key];
    let index = golden["index"].as_array().unwrap().iter();
    let rows = golden["values"].as_array().unwrap().iter();
    let numbers = |row: &Value| {
        row.as_array().unwrap().iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
    };
    index.map(|at| parse_time(at.as_str().unwrap()).unwrap()).zip(rows.map(numbers)).collect()
}

/// The reference's search for weights is inexact, and what it takes costs for is not known in full: from its weights on, and
/// up to them, everything agrees.
#[test]
fn an_estimated_system_agrees_around_its_weights() {
    let folder = "systemB_ch15_estimated";
    let Some(all) = golden_json(&format!("{REFERENCE}/{folder}/optimiser.json")) else { return };
    let (config, market) = inputs_of("chapter15_estimated").unwrap();
    let names = config.instrument_weights.as_ref().unwrap().keys();
    let weights = RawWeights {
        forecasts: names
            .map(|name| (name.clone(), golden_weights(&all, &format!("forecast_raw_weights_{name}"))))
            .collect(),
        instruments: golden_weights(&all, "instrument_raw_weights"),
    };
    let mut system = System::with_weights(&market, &config, &Rules::default(), &weights).unwrap();
    let earnings = Earnings::new(&system, &market, &config).unwrap();
    earnings.add_to(&mut system);
    judged(folder, "stages", &system, |_| true);
    judged_statistics(folder, &system, &earnings);
}

#[test]
fn an_estimated_system_finds_weights_of_its_own() {
    let Some((system, earnings)) = system_of("chapter15_estimated") else { return };
    judged("systemB_ch15_estimated", "stages", &system, |name| {
        ["raw_fc", "scalar", "capped_fc"].iter().any(|family| name.starts_with(family))
    });
    let net = Statistics::of_flow(&earnings.portfolio.net(), Frequency::BusinessDay).unwrap();
    println!("Sharpe ratio {:.4}; the reference's 0.517", net.sharpe);
    assert!((net.sharpe - 0.517).abs() < 0.05, "{}", net.sharpe);
}

/// Four of the rules at a quarter each, multipliers fixed, and one thing different at a time.
#[test]
fn variants_of_buffers_and_costs_agree_from_prices_to_statistics() {
    let Some(theirs) = golden_json(&format!("{REFERENCE}/systemC_all_rules/variants_stats.json")) else {
        return;
    };
    let (mut base, market) = inputs_of("all_rules").unwrap();
    let quarter = ["momentum16", "momentum32", "momentum64", "carry90"].map(|rule| (rule.to_owned(), 0.25));
    base.trading_rules.retain(|name, _| quarter.iter().any(|(rule, _)| rule == name));
    base.forecast_weights = Some(ForecastWeights::Same(quarter.into()));
    (base.use_forecast_div_mult_estimates, base.use_instrument_div_mult_estimates) = (false, false);
    (base.forecast_div_multiplier, base.instrument_div_multiplier) = (PerName::All(1.5), 1.8);
    for (variant, theirs) in theirs.as_object().unwrap() {
        let mut config = base.clone();
        match variant.as_str() {
            "sr_costs" => config.use_sr_costs = true,
            "no_buffer" => config.buffer_method = BufferMethod::None,
            "position_buffer" => config.buffer_method = BufferMethod::Position,
            "trade_to_centre" => config.buffer_trade_to_edge = false,
            "no_vol_norm_costs" => config.vol_normalise_currency_costs = false,
            other => panic!("no variant {other}"),
        }
        let system = System::new(&market, &config, &Rules::default()).unwrap();
        let earnings = Earnings::new(&system, &market, &config).unwrap();
        let ours = serde_json::to_value(earnings.statistics(&system).portfolio).unwrap();
        // A sum of turnovers over instruments, which stats.json does not have.
        let mut theirs = theirs.clone();
        theirs.as_object_mut().unwrap().remove("turnover_total");
        let (mut faults, mut count) = (Vec::new(), 0);
        same_numbers(&ours, &theirs, variant, &mut faults, &mut count);
        println!("{variant}: {count} figures, {} differ", faults.len());
        assert!(faults.is_empty() && count > 100, "{faults:?}");
    }
}
