//! Systems against the goldens of the reference: stage by stage, instrument by instrument, from the same prices.

use std::collections::BTreeMap;
use std::path::Path;

use tickrace_cli::systematic::data;
use tickrace_stats::Frame;
use tickrace_store::read_frame;
use tickrace_systematic::config::SystemConfig;
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

fn system_of(name: &str) -> Option<System> {
    let folder = shared(REFERENCE)?;
    let text = std::fs::read_to_string(config(&format!("systematic/{name}.toml"))).unwrap();
    let config: SystemConfig = toml::from_str(&text).unwrap();
    let wanted: Vec<&str> = config.instrument_weights.as_ref().unwrap().keys().map(String::as_str).collect();
    let market = data::load(&folder.join("inputs"), Some(&wanted)).unwrap();
    Some(System::new(&market, &config, &Rules::default()).unwrap())
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
            let difference = if got.is_nan() && want.is_nan() {
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

#[test]
fn chapter_fifteen_agrees_in_every_stage() {
    let Some(system) = system_of("chapter15") else { return };
    judged("systemA_ch15_fixed", "stages", &system, |name| !name.starts_with("pnl"));
}

#[test]
fn all_rules_agree_in_every_forecast() {
    let Some(system) = system_of("all_rules") else { return };
    judged("systemC_all_rules", "forecasts", &system, |name| {
        name.starts_with("raw_fc") || name.contains('.')
    });
}
