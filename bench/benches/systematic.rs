//! Systematic futures: a whole system from prices to statistics, and a large one of made-up prices.
//!
//! The reference took 8.8 s for chapter fifteen's fixed system on a machine of this kind, 62 s for 40 instruments by 11 rules.
//! `TICKRACE_SYSTEMATIC_INSTRUMENTS` (250) is how many the large one has, `TICKRACE_SYSTEMATIC_REPEATS` (3) how often it is run.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench, not a library")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use tickrace_cli::systematic::data;
use tickrace_stats::panel::day_of_date;
use tickrace_stats::rng::Rng;
use tickrace_stats::{BusinessDay, Frame};
use tickrace_systematic::config::SystemConfig;
use tickrace_systematic::earnings::Earnings;
use tickrace_systematic::live::State;
use tickrace_systematic::market::{Instrument, Market, Prices};
use tickrace_systematic::rules::Rules;
use tickrace_systematic::system::System;
use tickrace_tests::data::{config, shared};

// As the program has it.
#[global_allocator]
static MEMORY: tickrace_runtime::huge::HugePages = tickrace_runtime::huge::HugePages;

fn system_config(name: &str) -> SystemConfig {
    let text = std::fs::read_to_string(config(&format!("systematic/{name}.toml"))).unwrap();
    toml::from_str(&text).unwrap()
}

/// Whether a name has the filter of the command line in it.
fn is_asked_for(name: &str) -> bool {
    let mut filters = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    filters.peek().is_none() || filters.any(|filter| name.contains(&filter))
}

/// Every stage, every account, every statistic.
fn whole(market: &Market, config: &SystemConfig) -> f64 {
    let system = System::new(market, config, &Rules::default()).unwrap();
    let earnings = Earnings::new(&system, market, config).unwrap();
    let statistics = earnings.statistics(&system);
    black_box(&statistics);
    earnings.portfolio.net().daily().values.iter().sum()
}

/// Seconds of the fastest of forty runs, part by part: stages, accounts, statistics.
fn best_of_parts(market: &Market, config: &SystemConfig) -> [f64; 3] {
    let mut best = [f64::INFINITY; 3];
    for _ in 0..40 {
        let start = Instant::now();
        let system = System::new(market, config, &Rules::default()).unwrap();
        let stages = start.elapsed();
        let earnings = Earnings::new(&system, market, config).unwrap();
        let accounts = start.elapsed();
        black_box(earnings.statistics(&system));
        let statistics = start.elapsed();
        let parts = [stages, accounts - stages, statistics - accounts].map(|part| part.as_secs_f64());
        best = std::array::from_fn(|part| best[part].min(parts[part]));
    }
    best
}

fn reference(criterion: &mut Criterion) {
    let Some(folder) = shared("reference/pysystemtrade/inputs") else { return };
    let mut group = criterion.benchmark_group("systematic");
    for (name, reference_s) in [("chapter15", Some(8.8)), ("overlay_dynamic", None), ("all_rules", None)] {
        let config = system_config(name);
        let wanted: Vec<&str> =
            config.instrument_weights.as_ref().unwrap().keys().map(String::as_str).collect();
        let market = data::load(&folder, Some(&wanted)).unwrap();
        if !is_asked_for(name) {
            continue;
        }
        let parts = best_of_parts(&market, &config);
        let seconds: f64 = parts.iter().sum();
        let [stages, accounts, statistics] = parts.map(|part| part * 1e3);
        println!(
            "{name}: {:.2} ms (stages {stages:.2}, accounts {accounts:.2}, statistics {statistics:.2})",
            seconds * 1e3
        );
        if let Some(reference_s) = reference_s {
            let without = reference_s / (parts[0] + parts[1]);
            println!(
                "{name}: {:.0} times as fast as the reference, {without:.0} times without the statistics",
                reference_s / seconds
            );
        }
        group.measurement_time(Duration::from_secs(3)).sample_size(10);
        group.bench_function(name, |bencher| bencher.iter(|| whole(&market, &config)));
    }
    group.finish();
}

/// Forty years of daily prices that wander, `instruments` of them in ten classes.
fn made_up(instruments: usize) -> Market {
    let days = 40 * 261;
    let first = BusinessDay::of_day(day_of_1984());
    let at_ns: Vec<i64> =
        (0..days).map(|day| BusinessDay(first.0 + day).start_ns() + 23 * 3_600_000_000_000).collect();
    let mut market = Market::default();
    let mut rng = Rng::new(7);
    for place in 0..instruments {
        let mut level = 100.0;
        let price: Vec<f64> = (0..days)
            .map(|_| {
                level += rng.normal() * 0.8;
                level
            })
            .collect();
        let column = |name: &str, values: Vec<f64>| (name.to_owned(), values);
        let carry = price.iter().map(|price| price - 0.1).collect();
        let months = |ahead: i32| {
            let id = |day: i32| 19_840_000 + day / 261 * 10_000 + (day / 65 % 4 * 3 + ahead) * 100;
            (0..days).map(|day| f64::from(id(day))).collect()
        };
        let multiple = vec![
            column("PRICE", price.iter().map(|price| price + 500.0).collect()),
            column("CARRY", carry),
            column("PRICE_CONTRACT", months(3)),
            column("CARRY_CONTRACT", months(6)),
        ];
        let prices = Prices {
            adjusted: Frame { at_ns: at_ns.clone(), columns: vec![column("price", price)] },
            multiple: Frame { at_ns: at_ns.clone(), columns: multiple },
        };
        let instrument = Instrument {
            name: format!("X{place:03}"),
            point_size: 50.0,
            currency: "USD".to_owned(),
            asset_class: format!("class{}", place % 10),
            per_block: 2.0,
            spread_cost: 0.05,
            hold_cycle: "HMUZ".to_owned(),
            ..Instrument::default()
        };
        market.instruments.insert(instrument.name.clone(), (instrument, prices));
    }
    market
}

const fn day_of_1984() -> i64 {
    day_of_date(1984, 1, 2)
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// 250 instruments by 44 rules over forty years, weights fixed.
fn large(_: &mut Criterion) {
    // As the verbs have it; first of all benches, and for all of them.
    tickrace_runtime::huge::keep_freed();
    if !is_asked_for("large") {
        return;
    }
    let instruments = setting("TICKRACE_SYSTEMATIC_INSTRUMENTS", 250);
    let market = made_up(instruments);
    let mut config = system_config("all_rules");
    config.use_forecast_div_mult_estimates = false;
    config.use_instrument_div_mult_estimates = false;
    let weights: BTreeMap<String, f64> =
        market.instruments.keys().map(|name| (name.clone(), 1.0 / instruments as f64)).collect();
    config.instrument_weights = Some(weights);
    for _ in 0..setting("TICKRACE_SYSTEMATIC_REPEATS", 3) {
        let start = Instant::now();
        let system = System::lean(&market, &config, &Rules::default()).unwrap();
        let stages = start.elapsed().as_secs_f64();
        let earnings = Earnings::new(&system, &market, &config).unwrap();
        black_box(earnings.portfolio_days());
        let seconds = start.elapsed().as_secs_f64();
        println!("{instruments} instruments by 44 rules by 40 years: {seconds:.2} s (stages {stages:.2})");
    }
}

/// One day of all 44 rules from yesterday's state, multipliers fixed: time for one instrument.
fn day(criterion: &mut Criterion) {
    if !is_asked_for("systematic_day") {
        return;
    }
    let Some(folder) = shared("reference/pysystemtrade/inputs") else { return };
    let mut group = criterion.benchmark_group("systematic_day");
    for name in ["chapter15", "all_rules"] {
        let mut config = system_config(name);
        config.use_forecast_div_mult_estimates = false;
        config.use_instrument_div_mult_estimates = false;
        let wanted: Vec<&str> =
            config.instrument_weights.as_ref().unwrap().keys().map(String::as_str).collect();
        let market = data::load(&folder, Some(&wanted)).unwrap();
        let mut earlier = market.clone();
        let end_ns = BusinessDay::of_day(day_of_date(2022, 8, 31)).start_ns();
        let cut = |frame: &mut Frame| {
            let kept = frame.at_ns.partition_point(|at| *at < end_ns);
            frame.at_ns.truncate(kept);
            frame.columns.iter_mut().for_each(|(_, values)| values.truncate(kept));
        };
        for (_, prices) in earlier.instruments.values_mut() {
            cut(&mut prices.adjusted);
            cut(&mut prices.multiple);
        }
        earlier.rates.values_mut().for_each(cut);
        let state = State::build(&config, &earlier).unwrap();
        let days = state.news(&market).unwrap().days;
        let count = (days.len() * wanted.len()) as f64;
        let mut moved = state.clone();
        let start = Instant::now();
        for day in &days {
            black_box(moved.advance(day).unwrap());
        }
        let us = start.elapsed().as_secs_f64() * 1e6 / count;
        println!("{name}: {us:.1} us a day for an instrument, over {} days", days.len());
        group.measurement_time(Duration::from_secs(3)).sample_size(10);
        group.bench_function(format!("{name}_{}_days", days.len()), |bencher| {
            let fresh = || state.clone();
            let all = |mut state: State| {
                for day in &days {
                    black_box(state.advance(day).unwrap());
                }
                state
            };
            bencher.iter_batched(fresh, all, criterion::BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, large, reference, day);
criterion_main!(benches);
