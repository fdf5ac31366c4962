//! Systems against the goldens of the reference: stage by stage, instrument by instrument, from the same prices.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tickrace_cli::systematic::data;
use tickrace_stats::Frame;
use tickrace_stats::panel::parse_time;
use tickrace_store::read_frame;
use tickrace_systematic::account::{Frequency, Statistics};
use tickrace_systematic::config::{BufferMethod, ForecastWeights, PerName, Quirk, SystemConfig};
use tickrace_systematic::earnings::Earnings;
use tickrace_systematic::estimate::correlation::Panel;
use tickrace_systematic::market::Market;
use tickrace_systematic::rules::Rules;
use tickrace_systematic::system::estimated::{self, Dated, Of};
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

/// Rows of a panel at the golden's times, by its columns.
fn compare_panel(golden: &Frame, panel: &Panel, names: &[&str], of: &str) {
    let mut worst = 0.0_f64;
    for (name, wanted) in &golden.columns {
        let place = names.iter().position(|own| own == name).unwrap();
        let mut sizes: Vec<f64> =
            wanted.iter().filter(|value| !value.is_nan()).map(|one| one.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let median = sizes[sizes.len() / 2];
        for (at, want) in golden.at_ns.iter().zip(wanted) {
            let row =
                panel.at_ns.binary_search(at).unwrap_or_else(|_| panic!("{of}: no row {}", data::date(*at)));
            let got = panel.columns[place][row];
            assert_eq!(got.is_nan(), want.is_nan(), "{of} {name} {}: {got}, wanted {want}", data::date(*at));
            if !want.is_nan() {
                worst = worst.max((got - want).abs() / want.abs().max(median).max(f64::MIN_POSITIVE));
            }
        }
    }
    println!("{of}: {} rows, worst relative difference {worst:.1e}", golden.len());
    assert!(worst < 1e-6, "{of}: {worst:.1e}");
}

/// What weights are estimated from, and what is known at each fit.
#[test]
fn returns_after_costs_and_their_moments_agree() {
    let folder = format!("{REFERENCE}/systemB_ch15_estimated");
    let Some(all) = golden_json(&format!("{folder}/optimiser.json")) else { return };
    let (config, market) = inputs_of("chapter15_estimated").unwrap();
    let names: Vec<&str> = config.instrument_weights.as_ref().unwrap().keys().map(String::as_str).collect();
    let weights = RawWeights {
        forecasts: names
            .iter()
            .map(|name| ((*name).to_owned(), golden_weights(&all, &format!("forecast_raw_weights_{name}"))))
            .collect(),
        instruments: golden_weights(&all, "instrument_raw_weights"),
    };
    let system = System::with_weights(&market, &config, &Rules::default(), &weights).unwrap();
    let rules = ["carry", "ewmac16_64", "ewmac32_128", "ewmac64_256"];
    let mut panels = vec![(
        "net_returns_for_instrument_weights".to_owned(),
        names.clone(),
        estimated::instrument_returns(&system, &config),
        "instrument_estimates".to_owned(),
        (Of::Instruments, 1, config.instrument_weight_estimate.clone()),
    )];
    for name in ["SOFR", "CORN"] {
        panels.push((
            format!("net_returns_for_forecast_weights_{name}_last3000"),
            rules.to_vec(),
            estimated::rule_returns(&system, name, &market, &config).unwrap(),
            format!("forecast_estimates_{name}"),
            (Of::Rules, names.len(), config.forecast_weight_estimate.clone()),
        ));
    }
    for (file, names, panel, key, (of, stacked, terms)) in panels {
        let golden = read_frame(&shared(&format!("{folder}/{file}.parquet")).unwrap()).unwrap();
        compare_panel(&golden, &panel, &names, &file);
        let own = estimated::estimates_over_time(&panel, (of, stacked, Quirk::Reference), &terms);
        let mut worst = 0.0_f64;
        for fit in all[&key].as_array().unwrap() {
            let start = parse_time(fit["fit"]["period_start"].as_str().unwrap()).unwrap();
            let (_, own) = own.iter().find(|(fit, _)| fit.period_start_ns == start).unwrap();
            let numbers = |value: &Value| -> Vec<f64> {
                value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
            };
            let correlation: Vec<f64> = fit["corr"].as_array().unwrap().iter().flat_map(numbers).collect();
            let pairs = [
                (&own.means, numbers(&fit["mean"])),
                (&own.deviations, numbers(&fit["stdev"])),
                (&own.correlation.values, correlation),
                (&vec![own.years], vec![fit["data_length_years"].as_f64().unwrap()]),
            ];
            for (own, wanted) in pairs {
                for (got, want) in own.iter().zip(&wanted) {
                    // A correlation with what never moved is missing there, whatever a fit says of itself with itself.
                    if want.is_nan() || got.is_nan() && *want == 1.0 {
                        assert!(got.is_nan() || *got == 1.0, "{key} {start}: {got}, wanted {want}");
                        continue;
                    }
                    worst = worst.max((got - want).abs() / want.abs().max(1e-3));
                    if worst > 1e-6 {
                        panic!("{key} {}: {own:?}, wanted {wanted:?}", data::date(start));
                    }
                }
            }
        }
        println!("{key}: moments of every fit within {worst:.1e}");
    }
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

/// A rule that costs too much is as one that was never there, whoever says its weight.
#[test]
fn expensive_rules_get_no_weight_and_leave_theirs_to_the_rest() {
    let Some((base, market)) = inputs_of("chapter15") else { return };
    let system = System::new(&market, &base, &Rules::default()).unwrap();
    let statistics = Earnings::new(&system, &market, &base).unwrap().statistics(&system);
    let cost = |name: &str, rule: &str| statistics.instruments[name].forecast_sr_cost[rule];
    let stated = base.weights_of("CORN");
    // The least at which every instrument keeps a rule.
    let cheapest = |name: &String| stated.keys().map(|rule| cost(name, rule)).fold(f64::INFINITY, f64::min);
    let ceiling = system.members.keys().map(cheapest).fold(0.0, f64::max);
    let cheap = |name: &String| -> BTreeMap<String, f64> {
        let is_cheap = |rule: &String| cost(name, rule) <= ceiling;
        stated.clone().into_iter().filter(|(rule, _)| is_cheap(rule)).collect()
    };
    let names: Vec<String> = system.members.keys().cloned().collect();
    let left: Vec<usize> = names.iter().map(|name| cheap(name).len()).collect();
    assert!(left.iter().any(|left| *left < 4) && left.iter().all(|left| *left > 0), "{left:?}");
    let by_instrument = names.iter().map(|name| (name.clone(), cheap(name))).collect();
    let without =
        SystemConfig { forecast_weights: Some(ForecastWeights::ByInstrument(by_instrument)), ..base.clone() };
    let limited = SystemConfig { forecast_post_ceiling_cost_sr: Some(ceiling), ..base.clone() };
    let groups = serde_json::json!({ "auto_weight_from_grouping": {
        "parameters": { "apply_forecast_post_ceiling_cost_SR_before_weighting": true },
        "groups": { "all": stated },
    }});
    let grouped = SystemConfig {
        forecast_weights: Some(serde_json::from_value(groups).unwrap()),
        forecast_post_ceiling_cost_sr: Some(ceiling),
        ..base
    };
    let worked = |config: &SystemConfig| System::new(&market, config, &Rules::default()).unwrap();
    let wanted = worked(&without);
    for own in [worked(&limited), worked(&grouped)] {
        for (name, member) in &own.members {
            let stage = |member: &tickrace_systematic::system::Member| {
                member.stages.get("combined_fc").unwrap().clone()
            };
            let (own, wanted) = (stage(member), stage(&wanted.members[name]));
            assert_eq!(own.first, wanted.first);
            for (own, wanted) in own.values.iter().zip(&wanted.values) {
                assert!((own - wanted).abs() < 1e-9, "{name}: {own}, wanted {wanted}");
            }
        }
    }
}
