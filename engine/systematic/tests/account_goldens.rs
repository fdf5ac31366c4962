//! Accounts against the reference's: its positions, our profits, costs and statistics.

#![allow(clippy::unwrap_used, reason = "a test stops where its data is not sound")]

mod goldens;

use goldens::{Table, daily_price, folder, frame, fx, instruments, json, python_json, series};
use serde_json::Value;
use tickrace_stats::{BusinessDay, Frame, Series};
use tickrace_systematic::account::{
    Account, AverageSize, CashBook, FillPrice, Flow, Frequency, SharpeCosts, Statistics, deflator, delayed,
    full_compounding, half_compounding_twice_scaled, pooled_turnover, sharpe_costs, turnover,
};
use tickrace_systematic::position::buffered;

/// Cash-cost account of a position path in per cent of capital.
fn account(name: &str, position: &Series, roll_share: f64, capital: f64, is_deflated: bool) -> Account {
    let one = &instruments()[name];
    let (price, fx) = (daily_price(name), fx(&one.currency));
    let book = CashBook {
        price: &price,
        costs: &one.costs,
        fx: &fx,
        rolls_per_year: one.hold_cycle.len(),
        roll_share,
        is_deflated,
        level: None,
        fill_price: FillPrice::OfDay,
    };
    book.account(&delayed(position)).percent_of(capital)
}

fn compare_statistics(table: &mut Table, name: &str, ours: &Statistics, theirs: &Value) {
    for (key, value) in ours.numbers() {
        if let Some(theirs) = theirs.get(key) {
            let theirs = theirs.as_f64().unwrap_or(f64::NAN);
            let value = if value.is_finite() { value } else { f64::NAN };
            table.number(&format!("{name}/stats.{key}"), value, theirs);
        }
    }
    if let Some(n) = theirs.get("n") {
        table.number(&format!("{name}/stats.n"), ours.n as f64, n.as_f64().unwrap());
        for (ours, key) in [(ours.first, "first"), (ours.last, "last")] {
            let date = theirs[key].as_str().unwrap();
            let part = |range: std::ops::Range<usize>| date[range].parse::<i64>().unwrap();
            let day = tickrace_stats::panel::day_of_date(part(0..4), part(5..7), part(8..10));
            table.number(&format!("{name}/stats.{key}"), ours as f64, day as f64);
        }
    }
}

fn compare_account(table: &mut Table, name: &str, account: &Account, theirs: &Value) {
    for (part, flow) in
        [("net", account.net()), ("gross", account.gross.clone()), ("costs", account.costs.clone())]
    {
        if let Some(theirs) = theirs.get(part) {
            let ours = Statistics::of_flow(&flow, Frequency::BusinessDay).unwrap();
            compare_statistics(table, &format!("{name}.{part}"), &ours, theirs);
        }
    }
}

/// Statistics of a portfolio at every frequency the golden has.
fn compare_portfolio(table: &mut Table, name: &str, account: &Account, theirs: &Value) {
    for (part, flow) in
        [("net", account.net()), ("gross", account.gross.clone()), ("costs", account.costs.clone())]
    {
        for frequency in Frequency::ALL {
            let key = format!("{part}_{}", frequency.name());
            if let Some(theirs) = theirs.get(&key) {
                let ours = Statistics::of_flow(&flow, frequency).unwrap();
                compare_statistics(table, &format!("{name}.{key}"), &ours, theirs);
            }
        }
    }
}

fn compare_curves(table: &mut Table, name: &str, account: &Account, theirs: &Frame, columns: [&str; 3]) {
    let [gross, costs, net] = columns;
    for (column, flow) in
        [(gross, account.gross.daily()), (costs, account.costs.daily()), (net, account.net().daily())]
    {
        table.column(&format!("{name}/{column}"), |day| flow.at(day), theirs, column);
    }
}

/// All positions of a system's portfolio, and their accounts.
fn portfolio(positions: &Frame, capital: f64) -> Vec<(String, Account)> {
    let one = |(name, _): &(String, Vec<f64>)| {
        (name.clone(), account(name, &series(positions, name), 0.5, capital, true))
    };
    positions.columns.iter().map(one).collect()
}

#[test]
fn portfolios_of_rounded_positions_earn_what_the_reference_says() {
    if folder().is_none() {
        return;
    }
    let mut table = Table::default();
    for (system, capital) in [("systemA_ch15_fixed", 250_000.0), ("systemC_all_rules", 5_000_000.0)] {
        let positions = frame(&format!("{system}/buffered_positions.parquet"));
        let stats = python_json(&format!("{system}/stats.json"));
        let accounts = portfolio(&positions, capital);
        for (name, account) in &accounts {
            let stages = frame(&format!("{system}/stages_{name}.parquet"));
            let columns = ["pnl_pct_gross", "pnl_pct_costs", "pnl_pct_net"];
            compare_curves(&mut table, name, account, &stages, columns);
            let theirs = &stats["instruments"][name];
            compare_account(&mut table, name, account, &theirs["pandl"]);
        }
        let total = Account::sum(accounts.iter().map(|(_, account)| account).collect::<Vec<_>>());
        let theirs = frame(&format!("{system}/portfolio_daily_pct.parquet"));
        compare_curves(&mut table, system, &total, &theirs, ["gross", "costs", "net"]);
        compare_portfolio(&mut table, system, &total, &stats["portfolio"]);
        if system == "systemA_ch15_fixed" {
            let multiplier = frame(&format!("{system}/capital_multiplier.parquet"));
            let net = total.net().daily();
            let (full, half) = (full_compounding(&net), half_compounding_twice_scaled(&net));
            table.column("capital_multiplier.full", |day| full.at(day), &multiplier, "full");
            table.column("capital_multiplier.half", |day| half.at(day), &multiplier, "half");
        }
    }
    table.close();
}

#[test]
fn subsystems_rules_and_turnovers_are_the_references() {
    if folder().is_none() {
        return;
    }
    let mut table = Table::default();
    // Rules are fed with forecasts and volatilities rounded to 32 bits, and a mean of gains and losses that nearly cancel
    // magnifies that (V2X: 1.5e-6).
    let mut rounded = Table::within(5e-6);
    let stats = json("systemA_ch15_fixed/stats.json");
    for name in ["MXP", "V2X", "EUROSTX"] {
        let theirs = &stats["instruments"][name];
        let stages = frame(&format!("systemA_ch15_fixed/stages_{name}.parquet"));
        let subsystem = account(name, &series(&stages, "sub_buffered"), 1.0, 250_000.0, true);
        compare_account(&mut table, name, &subsystem, &theirs["subsystem_pandl"]);
        turnovers(&mut table, name, &stages, theirs);
        rules(&mut rounded, name, &stages, theirs);
    }
    table.close();
    rounded.close();
}

fn turnovers(table: &mut Table, name: &str, stages: &Frame, theirs: &Value) {
    let average = series(stages, "avg_position");
    let number = |key: &str| theirs[key].as_f64().unwrap();
    let sized = AverageSize::Smoothed(&average);
    let subsystem = turnover(&series(stages, "subsystem_position"), sized);
    table.number(&format!("{name}/subsystem_turnover"), subsystem, number("subsystem_turnover"));
    let buffered = series(stages, "buffered_position");
    let at_portfolio = turnover(&buffered, sized);
    let key = "instrument_turnover_at_portfolio";
    table.number(&format!("{name}/{key}"), at_portfolio, number(key));
    let (weight, idm) = (series(stages, "instr_weight"), series(stages, "idm"));
    let mut usual = average.clone();
    for (number, value) in (usual.first.0..).zip(&mut usual.values) {
        *value *= weight.at(BusinessDay(number)) * idm.at(BusinessDay(number));
    }
    let own = turnover(&buffered, AverageSize::Smoothed(&usual));
    table.number(&format!("{name}/instrument_turnover"), own, number("instrument_turnover"));
}

/// A rule's forecast, scaled as chapter 15 does and capped.
fn scaled(stages: &Frame, rule: &str) -> Series {
    let scalar = match rule {
        "ewmac16_64" => 3.75,
        "ewmac32_128" => 2.65,
        "ewmac64_256" => 1.87,
        "carry" => 30.0,
        other => panic!("no scalar of {other}"),
    };
    let mut forecast = series(stages, &format!("raw_fc.{rule}"));
    forecast.values.iter_mut().for_each(|value| *value = (*value * scalar).clamp(-20.0, 20.0));
    forecast
}

fn rules(table: &mut Table, name: &str, stages: &Frame, theirs: &Value) {
    let one = &instruments()[name];
    let (price, vol, fx) = (daily_price(name), series(stages, "returns_vol"), fx(&one.currency));
    let sharpe = SharpeCosts::of_last_year(&price, &vol, &one.costs, one.hold_cycle.len());
    let number = |key: &str| theirs[key].as_f64().unwrap();
    table.number(&format!("{name}/recent_avg_price"), sharpe.price, number("recent_avg_price"));
    table.number(&format!("{name}/recent_avg_daily_vol"), sharpe.daily_vol, number("recent_avg_daily_vol"));
    table.number(&format!("{name}/SR_cost_per_trade"), sharpe.per_trade, number("SR_cost_per_trade"));
    table.number(&format!("{name}/SR_holding_cost"), sharpe.holding, number("SR_holding_cost"));
    let (capital, target, point) = (250_000.0, 0.2, one.costs.point_size);
    let mut usual = vol.clone();
    usual.values.iter_mut().for_each(|value| *value = capital * target / 16.0 / (*value * point));
    for (rule, stats) in theirs["rule_pandl_stats"].as_object().unwrap() {
        let forecast = scaled(stages, rule);
        let own = turnover(&forecast, AverageSize::Constant(10.0));
        table.number(
            &format!("{name}/forecast_turnover_own"),
            own,
            theirs["forecast_turnover_own"][rule].as_f64().unwrap(),
        );
        let pooled = theirs["forecast_turnover_pooled"][rule].as_f64().unwrap();
        let cost = sharpe.per_year(pooled);
        table.number(
            &format!("{name}/forecast_SR_cost"),
            cost,
            theirs["forecast_SR_cost"][rule].as_f64().unwrap(),
        );
        let mut position = forecast.clone();
        for (number, value) in (position.first.0..).zip(&mut position.values) {
            *value *= usual.at(BusinessDay(number)) / 10.0;
        }
        let held = delayed(&position).on(price.first, price.len());
        let costs = sharpe_costs(cost, &held, &usual, &vol, point, &fx);
        let account = Account::of_position(&held, &price, point, &fx).with_costs(costs);
        compare_account(table, &format!("{name}.rule"), &account.percent_of(capital), stats);
    }
}

#[test]
fn pooled_turnover_weighs_by_the_rows_of_the_forecasts() {
    if folder().is_none() {
        return;
    }
    let stats = json("systemA_ch15_fixed/stats.json");
    let mut table = Table::default();
    let instruments = stats["instruments"].as_object().unwrap();
    for rule in ["carry", "ewmac16_64", "ewmac32_128", "ewmac64_256"] {
        let parts: Vec<(f64, usize)> = instruments
            .iter()
            .map(|(name, one)| {
                // A carry forecast has the days of the contracts' prices, a trend that of the stitched price.
                let contracts = frame(&format!("inputs/multiple_{name}.parquet"));
                let rows =
                    if rule == "carry" { series(&contracts, "PRICE").len() } else { daily_price(name).len() };
                (one["forecast_turnover_own"][rule].as_f64().unwrap(), rows)
            })
            .collect();
        let theirs = instruments["MXP"]["forecast_turnover_pooled"][rule].as_f64().unwrap();
        table.number("forecast_turnover_pooled", pooled_turnover(&parts), theirs);
    }
    table.close();
}

#[test]
fn variants_of_costs_earn_what_the_reference_says() {
    if folder().is_none() {
        return;
    }
    let mut table = Table::default();
    for (variant, is_deflated) in [
        ("no_buffer", true),
        ("position_buffer", true),
        ("trade_to_centre", true),
        ("no_vol_norm_costs", false),
    ] {
        let positions = frame(&format!("systemC_all_rules/variant_{variant}_positions_last1500.parquet"));
        let mut theirs = frame(&format!("systemC_all_rules/variant_{variant}_portfolio_last1500.parquet"));
        let accounts: Vec<Account> = positions
            .columns
            .iter()
            .map(|(name, _)| account(name, &series(&positions, name), 0.5, 5_000_000.0, is_deflated))
            .collect();
        let total = Account::sum(&accounts);
        // The positions begin in the middle: fills of the first rows and rolls of the first year are not all there.
        let skipped = 270;
        theirs.at_ns.drain(..skipped);
        theirs.columns.iter_mut().for_each(|(_, values)| drop(values.drain(..skipped)));
        compare_curves(&mut table, variant, &total, &theirs, ["gross", "costs", "net"]);
    }
    table.close();
}

#[test]
fn the_deflator_is_the_references() {
    if folder().is_none() {
        return;
    }
    let mut table = Table::default();
    let ours = deflator(&daily_price("CORN"));
    let theirs = frame("units/cost_deflator_CORN_every10th.parquet");
    table.column("cost_deflator", |day| ours.at(day), &theirs, "deflator");
    table.close();
}

#[test]
fn shares_of_a_flow_add_up_to_it() {
    if folder().is_none() {
        return;
    }
    let positions = frame("systemA_ch15_fixed/buffered_positions.parquet");
    let accounts: Vec<Account> = portfolio(&positions, 250_000.0).into_iter().map(|(_, one)| one).collect();
    let total = Account::sum(&accounts).net();
    let parts: f64 =
        accounts.iter().map(|one| one.net().bins(Frequency::Year).sums.iter().sum::<f64>()).sum();
    let whole: f64 = total.bins(Frequency::Month).sums.iter().sum();
    assert!((parts - whole).abs() < 1e-9 * whole.abs(), "{parts} {whole}");
    assert_eq!(Flow::sum([&total]), total);
}

#[test]
fn buffered_paths_are_the_references() {
    if folder().is_none() {
        return;
    }
    let golden = frame("units/buffering.parquet");
    let column = |name: &str| golden.column(name).unwrap();
    let mut table = Table::default();
    for (to_edge, is_rounded) in [(true, true), (true, false), (false, true), (false, false)] {
        let name = format!("out_edge{}_round{}", u8::from(to_edge), u8::from(is_rounded));
        let ours = buffered(column("optimal"), column("top_pos"), column("bot_pos"), is_rounded, to_edge);
        if is_rounded {
            assert_eq!(ours, column(&name), "{name}");
        }
        table.values(&name, &ours, column(&name));
    }
    table.close();
}
