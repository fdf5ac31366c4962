//! What configurations may ask for that no golden holds.
#![allow(clippy::unwrap_used, reason = "a test stops where its data is not sound")]

use std::collections::BTreeMap;

use tickrace_stats::panel::{DAY_NS, parse_time};
use tickrace_stats::{BusinessDay, Frame, Rng};
use tickrace_systematic::config::{ForecastWeights, SystemConfig};
use tickrace_systematic::market::{Instrument, Market, Prices};
use tickrace_systematic::rules::Rules;
use tickrace_systematic::system::System;

const RULES: &str = "
    notional_trading_capital = 1e8
    forecast_weights = { fast = 0.25, slow = 0.35, carry = 0.4 }
    forecast_scalars = { fast = 1.5, slow = 2.0, carry = 4.0 }
    [trading_rules.fast]
    function = \"breakout\"
    data = [\"daily_prices\"]
    other_args = { lookback = 4 }
    [trading_rules.slow]
    function = \"ewmac\"
    data = [\"daily_prices\", \"daily_returns_volatility\"]
    other_args = { Lfast = 8, Lslow = 32 }
    [trading_rules.carry]
    function = \"carry\"
    data = [\"raw_carry\"]
    other_args = { smooth_days = 10 }
";

fn config() -> SystemConfig {
    toml::from_str(RULES).unwrap()
}

/// Instruments in dollars, a close at 23:00 of each business day from 1 December 1999.
fn market(names: &[&str], days: usize) -> Market {
    let mut rng = Rng::new(5);
    let mut market = Market::default();
    for name in names {
        let first = BusinessDay::of_ns(parse_time("1999-12-01").unwrap());
        let at_ns: Vec<i64> = (0..days)
            .map(|row| BusinessDay(first.0 + i32::try_from(row).unwrap()).start_ns() + DAY_NS * 23 / 24)
            .collect();
        let mut level = 100.0;
        let prices: Vec<f64> = at_ns
            .iter()
            .map(|_| {
                level += rng.normal();
                level
            })
            .collect();
        let carry = prices.iter().map(|price| price + 0.5 * rng.normal()).collect();
        let multiple = [
            ("PRICE", prices.clone()),
            ("CARRY", carry),
            ("PRICE_CONTRACT", vec![20_000_300.0; days]),
            ("CARRY_CONTRACT", vec![20_000_600.0; days]),
        ];
        let columns = multiple.map(|(name, values)| (name.to_owned(), values)).to_vec();
        let prices = Prices {
            adjusted: Frame { at_ns: at_ns.clone(), columns: vec![("price".to_owned(), prices)] },
            multiple: Frame { at_ns, columns },
        };
        let instrument = Instrument {
            name: (*name).to_owned(),
            point_size: 10.0,
            currency: "USD".to_owned(),
            asset_class: "Any".to_owned(),
            spread_cost: 0.01,
            ..Instrument::default()
        };
        market.instruments.insert((*name).to_owned(), (instrument, prices));
    }
    market
}

fn system(market: &Market, config: &SystemConfig) -> System {
    System::new(market, config, &Rules::default()).unwrap()
}

fn stage(system: &System, name: &str, stage: &str) -> Vec<f64> {
    system.members[name].stages.get(stage).unwrap_or_else(|| panic!("no {stage}")).values.clone()
}

/// Bits, but for those of missing values.
fn same(left: &[f64], right: &[f64]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| left == right || left.is_nan() && right.is_nan())
}

fn near(left: &[f64], right: &[f64]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| {
            (left - right).abs() <= 1e-12 * right.abs() || left.is_nan() && right.is_nan()
        })
}

/// pandas: `prices["2000-01-01":].resample("1B").last()` of Friday's and Sunday's rows begins with Friday's bin, which holds
/// Sunday's price; without weekend rows it begins on Monday.
#[test]
fn a_start_at_a_weekend_leaves_friday_out() {
    let mut market = market(&["X"], 60);
    let mut config = config();
    config.start_date = Some("2000-01-01".to_owned());
    let monday = BusinessDay::of_ns(parse_time("2000-01-03").unwrap());
    let from_monday = system(&market, &config);
    assert_eq!(from_monday.members["X"].raw.daily_price.first, monday);
    config.start_date = Some("2000-01-03".to_owned());
    let own = system(&market, &config);
    assert!(same(&stage(&own, "X", "notional_position"), &stage(&from_monday, "X", "notional_position")));

    let (_, prices) = market.instruments.get_mut("X").unwrap();
    let sunday_ns = parse_time("2000-01-02 22:00:00").unwrap();
    let row = prices.adjusted.at_ns.partition_point(|at| *at < sunday_ns);
    prices.adjusted.at_ns.insert(row, sunday_ns);
    prices.adjusted.columns[0].1.insert(row, 77.0);
    config.start_date = Some("2000-01-01".to_owned());
    let price = &system(&market, &config).members["X"].raw.daily_price;
    assert_eq!((price.first, price.values[0]), (BusinessDay(monday.0 - 1), 77.0));
}

/// A rate stamped before the start is not known behind it.
#[test]
fn rates_begin_with_the_start_too() {
    let mut market = market(&["X"], 60);
    market.instruments.get_mut("X").unwrap().0.currency = "EUR".to_owned();
    let stamps = ["1999-11-01", "2000-01-05 23:00:00"].map(|text| parse_time(text).unwrap());
    let rates = Frame { at_ns: stamps.to_vec(), columns: vec![("rate".to_owned(), vec![1.1, 1.2])] };
    market.rates.insert("EURUSD".to_owned(), rates);
    let mut config = config();
    config.start_date = Some("2000-01-03".to_owned());
    let known = stage(&system(&market, &config), "X", "fx_used");
    // Monday, Tuesday, Wednesday before the stamp, then Thursday.
    assert!(known[..3].iter().all(|rate| rate.is_nan()));
    assert_eq!(known[3], 1.2);
}

/// A forecast of 20 that means what one of 10 meant, within a cap of 40: the same positions.
#[test]
fn the_size_of_an_average_forecast_moves_scalars_and_positions_together() {
    let market = market(&["X", "Y"], 700);
    let mut config = config();
    config.use_forecast_scale_estimates = true;
    let tens = system(&market, &config);
    (config.average_absolute_forecast, config.forecast_cap) = (20.0, 40.0);
    let twenties = system(&market, &config);
    for name in ["X", "Y"] {
        let doubled: Vec<f64> = stage(&tens, name, "combined_fc").iter().map(|value| value * 2.0).collect();
        assert!(near(&stage(&twenties, name, "combined_fc"), &doubled));
        let positions = stage(&tens, name, "notional_position");
        assert!(near(&stage(&twenties, name, "notional_position"), &positions));
        assert!(positions.iter().any(|position| position.abs() > 1.0));
    }
}

/// Of two instruments one weighs all rules, the other two of them: the third rule's scalar is that of the first alone.
#[test]
fn a_scalar_is_pooled_over_those_who_weigh_the_rule() {
    let market = market(&["X", "Y"], 700);
    let mut config = config();
    config.use_forecast_scale_estimates = true;
    let weights =
        |rules: &[&str]| rules.iter().map(|rule| ((*rule).to_owned(), 0.5)).collect::<BTreeMap<_, _>>();
    config.forecast_weights = Some(ForecastWeights::ByInstrument(BTreeMap::from([
        ("X".to_owned(), weights(&["fast", "slow", "carry"])),
        ("Y".to_owned(), weights(&["fast", "slow"])),
    ])));
    let pooled = system(&market, &config);
    config.forecast_scalar_estimate.pool_instruments = false;
    let alone = system(&market, &config);
    assert!(same(&stage(&pooled, "X", "scalar.carry"), &stage(&alone, "X", "scalar.carry")));
    assert!(!same(&stage(&pooled, "X", "scalar.slow"), &stage(&alone, "X", "scalar.slow")));
}

/// A rule that costs too much is as if it had never been stated, though its forecast is known before the others'.
#[test]
fn a_rule_that_costs_too_much_decides_nothing() {
    let market = market(&["X", "Y"], 700);
    let mut config = config();
    let everything = system(&market, &config);
    let first =
        |stages: &str| stage(&everything, "X", stages).iter().position(|value| !value.is_nan()).unwrap();
    assert!(first("capped_fc.fast") < first("capped_fc.slow"));
    // What a breakout over four days turns over costs 0.4 a year here, the others less than 0.1.
    config.forecast_post_ceiling_cost_sr = Some(0.2);
    let limited = system(&market, &config);
    config.forecast_post_ceiling_cost_sr = None;
    let weights = BTreeMap::from([("slow".to_owned(), 0.35), ("carry".to_owned(), 0.4)]);
    config.forecast_weights = Some(ForecastWeights::Same(weights));
    let without = system(&market, &config);
    assert!(stage(&limited, "X", "fc_weight.fast").iter().all(|weight| *weight == 0.0));
    for name in ["fc_weight.slow", "fc_weight.carry", "combined_fc", "notional_position"] {
        assert!(near(&stage(&limited, "X", name), &stage(&without, "X", name)), "{name}");
    }
}
