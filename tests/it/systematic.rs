//! Systems against the goldens of the reference: stage by stage, instrument by instrument, from the same prices.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tickrace_cli::systematic::data;
use tickrace_stats::Frame;
use tickrace_store::read_frame;
use tickrace_systematic::config::SystemConfig;
use tickrace_systematic::earnings::Earnings;
use tickrace_systematic::rules::Rules;
use tickrace_systematic::system::{Stages, System};
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

fn system_of(name: &str) -> Option<(System, Earnings)> {
    let folder = shared(REFERENCE)?;
    let text = std::fs::read_to_string(config(&format!("systematic/{name}.toml"))).unwrap();
    let config: SystemConfig = toml::from_str(&text).unwrap();
    let wanted: Vec<&str> = config.instrument_weights.as_ref().unwrap().keys().map(String::as_str).collect();
    let market = data::load(&folder.join("inputs"), Some(&wanted)).unwrap();
    let mut system = System::new(&market, &config, &Rules::default()).unwrap();
    let earnings = Earnings::new(&system, &market, &config).unwrap();
    earnings.add_to(&mut system);
    Some((system, earnings))
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
            let difference = if got.is_nan() && want.is_nan() || is_outside && !(got.abs() + want.abs() > 0.0)
            {
                0.0
            } else {
                (got - want).abs() / want.abs().max(median).max(f64::MIN_POSITIVE)
            };
            agreement.rows += 1;
            if !(difference <= 1e-6) && said < 2 {
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
            if !((got - want).abs() <= 1e-6 * want.abs().max(1e-9)) {
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

#[test]
fn an_estimated_system_agrees() {
    let Some((system, earnings)) = system_of("chapter15_estimated") else { return };
    judged("systemB_ch15_estimated", "stages", &system, |_| true);
    judged_statistics("systemB_ch15_estimated", &system, &earnings);
}
