//! Nothing a system says of the past moves when the future does: not where prices after a day are others, nor where there are
//! none. Where the reference itself looks ahead, the place is named and shown.

use tickrace_cli::systematic::data;
use tickrace_stats::panel::parse_time;
use tickrace_stats::{BusinessDay, Frame};
use tickrace_systematic::account::deflator;
use tickrace_systematic::config::{Quirk, SystemConfig};
use tickrace_systematic::earnings::Earnings;
use tickrace_systematic::market::Market;
use tickrace_systematic::portfolio::shocked_volatility;
use tickrace_systematic::raw::{VolatilityConfig, volatility};
use tickrace_systematic::rules::Rules;
use tickrace_systematic::system::System;
use tickrace_tests::data::{config, shared};

fn inputs_of(name: &str) -> Option<(SystemConfig, Market)> {
    let folder = shared("reference/pysystemtrade/inputs")?;
    let text = std::fs::read_to_string(config(&format!("systematic/{name}.toml"))).unwrap();
    let config: SystemConfig = toml::from_str(&text).unwrap();
    let wanted: Vec<&str> = config.instrument_weights.as_ref().unwrap().keys().map(String::as_str).collect();
    let market = data::load(&folder, Some(&wanted)).unwrap();
    Some((config, market))
}

/// Two futures that part from the market's after a day.
#[derive(Clone, Copy, Debug)]
enum Future {
    /// Every price and rate is another.
    Altered,
    /// There is none.
    Cut,
}

fn changed(market: &Market, after_ns: i64, future: Future) -> Market {
    let change = |frame: &mut Frame| {
        let kept = frame.at_ns.partition_point(|at| *at < after_ns);
        match future {
            Future::Cut => {
                frame.at_ns.truncate(kept);
                frame.columns.iter_mut().for_each(|(_, values)| values.truncate(kept));
            }
            Future::Altered => {
                for (name, values) in &mut frame.columns {
                    // Contracts are names, not numbers.
                    if name.ends_with("CONTRACT") {
                        continue;
                    }
                    for (row, value) in values.iter_mut().enumerate().skip(kept) {
                        *value = *value * (1.2 + 0.2 * ((row * 7_919) % 1_000) as f64 / 1_000.0) + 0.01;
                    }
                }
            }
        }
    };
    let mut market = market.clone();
    for (_, prices) in market.instruments.values_mut() {
        change(&mut prices.adjusted);
        change(&mut prices.multiple);
    }
    market.rates.values_mut().for_each(change);
    market
}

/// Stages and accounts that differ before a day, by name.
fn moved(market: &Market, config: &SystemConfig, until: &str, future: Future) -> Vec<String> {
    let after_ns = parse_time(until).unwrap();
    let end = BusinessDay::of_ns(after_ns);
    let worked = |market: &Market| {
        let mut system = System::new(market, config, &Rules::default()).unwrap();
        let earnings = Earnings::new(&system, market, config).unwrap();
        earnings.add_to(&mut system);
        system
    };
    let (one, other) = (worked(market), worked(&changed(market, after_ns, future)));
    let mut names = Vec::new();
    let mut compared = 0;
    for (name, member) in &one.members {
        for (stage, series) in &member.stages.0 {
            let theirs = other.members[name].stages.get(stage).unwrap();
            let days = series.first.0.max(theirs.first.0)..end.0;
            let differs = |number: i32| {
                let (own, theirs) = (series.at(BusinessDay(number)), theirs.at(BusinessDay(number)));
                // An account begins with its first fill, whenever that was: before it there is nothing, or zero.
                let is_nothing = |value: f64| stage.starts_with("pnl") && (value.is_nan() || value == 0.0);
                own.to_bits() != theirs.to_bits()
                    && !(own.is_nan() && theirs.is_nan())
                    && !(is_nothing(own) && is_nothing(theirs))
            };
            compared += days.len();
            if series.first < end && days.clone().any(differs) {
                names.push(format!("{name} {stage}"));
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
    names
}

const UNTIL: &str = "2015-07-01";

#[test]
fn fixed_systems_keep_their_past_to_the_last_bit() {
    for name in ["chapter15", "all_rules"] {
        let Some((mut config, market)) = inputs_of(name) else { return };
        config.use_forecast_div_mult_estimates = false;
        config.use_instrument_div_mult_estimates = false;
        // The last day's volatility scales all costs: an exception of the accounts, shown below.
        config.vol_normalise_currency_costs = false;
        for future in [Future::Altered, Future::Cut] {
            assert_eq!(moved(&market, &config, UNTIL, future), Vec::<String>::new(), "{name} {future:?}");
        }
    }
}

/// Everything estimated, by the sound switches.
fn sound(mut config: SystemConfig) -> SystemConfig {
    config.fit_dates = Quirk::Sound;
    config.forecast_scalar_estimate.backfill = false;
    config.forecast_weight_estimate.cost_multiplier = Some(0.0);
    config.instrument_weight_estimate.cost_multiplier = Some(0.0);
    config.vol_normalise_currency_costs = false;
    config
}

#[test]
fn an_estimated_system_keeps_its_past_by_the_sound_switches() {
    let Some((config, market)) = inputs_of("chapter15_estimated") else { return };
    let config = sound(config);
    for future in [Future::Altered, Future::Cut] {
        assert_eq!(moved(&market, &config, UNTIL, future), Vec::<String>::new(), "{future:?}");
    }
}

/// Each switch back to the reference's way, alone: its past moves, in the stages named.
#[test]
fn each_way_the_reference_looks_ahead_is_known() {
    let Some((config, market)) = inputs_of("chapter15_estimated") else { return };
    let base = sound(config);
    let is_in = |all: &[String], family: &str| all.iter().any(|name| name.contains(family));

    let dates = SystemConfig { fit_dates: Quirk::Reference, ..base.clone() };
    let all = moved(&market, &dates, UNTIL, Future::Cut);
    assert!(is_in(&all, "fc_weight") && is_in(&all, "fdm") && is_in(&all, "idm"), "{all:?}");
    assert!(!is_in(&all, "scalar"));

    let mut filled = base.clone();
    filled.forecast_scalar_estimate.backfill = true;
    // The instrument with the longest history, alone.
    filled.instrument_weights = Some([("CORN".to_owned(), 1.0)].into());
    // Before there were 500 forecasts the first scalar stands in for those that nobody knew.
    let all = moved(&market, &filled, "1975-01-02", Future::Cut);
    assert!(is_in(&all, "scalar"), "{all:?}");

    let mut costly = base.clone();
    costly.forecast_weight_estimate.cost_multiplier = None;
    // What rules cost is judged by their whole history.
    let all = moved(&market, &costly, UNTIL, Future::Altered);
    assert!(is_in(&all, "fc_weight") && !is_in(&all, "scalar"), "{all:?}");

    let deflated = SystemConfig { vol_normalise_currency_costs: true, ..base.clone() };
    let all = moved(&market, &deflated, UNTIL, Future::Altered);
    assert!(
        is_in(&all, "pnl_pct_costs") && !is_in(&all, "fc_weight") && !is_in(&all, "combined_fc"),
        "{all:?}"
    );

    let drained = SystemConfig { use_sr_costs: true, ..base };
    // A Sharpe-ratio cost is that of the last year, in every year.
    let all = moved(&market, &drained, UNTIL, Future::Altered);
    assert!(is_in(&all, "pnl_pct_costs"), "{all:?}");
}

/// The same of single functions that a system uses only where it is told to.
#[test]
fn filled_back_figures_look_ahead_and_nothing_else_of_them_does() {
    let steps: Vec<f64> = (0..400).map(|row| (f64::from((row * 37) % 101) - 50.0) * f64::from(row)).collect();
    let filled = VolatilityConfig { backfill: true, ..VolatilityConfig::default() };
    let (all, known) = (volatility(&steps, &filled), volatility(&steps, &VolatilityConfig::default()));
    assert!(known[0].is_nan() && all[0] == all[9] && all[9] == known[9]);
    let shocked = shocked_volatility(&known);
    let few = shocked_volatility(&known[..300]);
    assert_eq!(shocked[20..300], few[20..]);
    assert!(!shocked[0].is_nan() && known[0].is_nan());
    let price = tickrace_stats::Series { first: BusinessDay(0), values: steps };
    let short = tickrace_stats::Series { first: BusinessDay(0), values: price.values[..300].to_vec() };
    assert_ne!(deflator(&price).at(BusinessDay(100)), deflator(&short).at(BusinessDay(100)));
}
