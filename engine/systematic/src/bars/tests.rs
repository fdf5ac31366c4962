use std::collections::BTreeMap;

use tickrace_stats::Rng;

use super::*;
use crate::account::{Frequency, Statistics};
use crate::market::Instrument;
use crate::rules::Rules;

const HOUR_NS: i64 = 3_600_000_000_000;

/// One instrument of so many bars a day, an hour apart up to 21:00, on weekdays from Monday 5 January 2015: a walk of points.
fn market(days: i64, bars: i64, step: impl FnMut(usize) -> f64) -> Market {
    let mut step = step;
    let mut price = 1_000.0;
    let (mut at_ns, mut prices) = (Vec::new(), Vec::new());
    for day in (0..days).map(|day| BusinessDay(BusinessDay::of_day(16_440).0 + i32::try_from(day).unwrap())) {
        for bar in 0..bars {
            price += step(prices.len());
            at_ns.push(day.start_ns() + (21 - (bars - 1 - bar)) * HOUR_NS);
            prices.push(price);
        }
    }
    let count = prices.len();
    let column = |name: &str, values: Vec<f64>| (name.to_owned(), values);
    let multiple = Frame {
        at_ns: at_ns.clone(),
        columns: vec![
            column("PRICE", prices.clone()),
            column("CARRY", vec![f64::NAN; count]),
            column("FORWARD", vec![f64::NAN; count]),
            column("PRICE_CONTRACT", vec![20_150_300.0; count]),
            column("CARRY_CONTRACT", vec![20_150_600.0; count]),
            column("FORWARD_CONTRACT", vec![20_150_600.0; count]),
        ],
    };
    let adjusted = Frame { at_ns, columns: vec![column("price", prices)] };
    let instrument = Instrument {
        name: "X".to_owned(),
        point_size: 10.0,
        currency: "USD".to_owned(),
        asset_class: "Bars".to_owned(),
        spread_cost: 0.05,
        ..Instrument::default()
    };
    let instruments = BTreeMap::from([("X".to_owned(), (instrument, Prices { adjusted, multiple }))]);
    Market { instruments, rates: BTreeMap::new() }
}

/// A system of one rule.
fn config(rule: serde_json::Value) -> SystemConfig {
    serde_json::from_value(serde_json::json!({
        "notional_trading_capital": 10_000_000.0, "percentage_vol_target": 20.0, "base_currency": "USD",
        "trading_rules": { "rule": rule },
    }))
    .unwrap()
}

fn trend() -> SystemConfig {
    config(serde_json::json!({
        "function": "ewmac", "data": ["daily_prices", "daily_returns_volatility"],
        "other_args": { "Lfast": 16, "Lslow": 64 }, "forecast_scalar": 3.75,
    }))
}

fn expression(text: &str) -> SystemConfig {
    config(serde_json::json!({ "function": "expression", "expression": text, "forecast_scalar": 1.0 }))
}

fn worked_out(market: &Market, config: &SystemConfig) -> (BarCalendar, System, Earnings) {
    let calendar = BarCalendar::of(market, &config.bars.unwrap_or_default()).unwrap().unwrap();
    let (laid, terms) = (calendar.lay(market), calendar.terms(config).unwrap());
    let system = System::new(&laid, &terms, &Rules::default()).unwrap();
    let earnings = Earnings::new(&system, &laid, &terms).unwrap();
    let real = calendar.earnings(&earnings);
    (calendar, system, real)
}

/// With one bar each weekday the made-up calendar is the real one, and so is everything on it.
#[test]
fn one_bar_a_day_is_the_daily_system_to_the_last_bit() {
    let mut rng = Rng::new(1);
    let market = market(700, 1, |_| rng.normal());
    let config = trend();
    let daily = System::new(&market, &config, &Rules::default()).unwrap();
    let (calendar, system, earnings) = worked_out(&market, &config);
    assert_eq!(calendar.bars_a_day(), 1.0);
    let bits = |system: &System| -> Vec<(String, Vec<u64>)> {
        let stages = &system.members["X"].stages.0;
        stages
            .iter()
            .map(|(name, series)| (name.clone(), series.values.iter().map(|v| v.to_bits()).collect()))
            .collect()
    };
    assert_eq!(bits(&daily), bits(&system));
    let own = Earnings::new(&daily, &market, &config).unwrap();
    let figures =
        |earnings: &Earnings| Statistics::of_flow(&earnings.portfolio.net(), Frequency::Month).unwrap();
    assert_eq!(figures(&own), figures(&earnings));
}

/// A forecast that never changes holds the risk that was asked for: its real daily profits have the annual deviation of the target,
/// whatever the number of bars. Eight years of days: standard error of a deviation 1.6 %, and what volatility estimates add.
#[test]
fn the_annual_deviation_is_the_target_however_long_a_bar_is() {
    for bars in [1, 4, 8] {
        let mut rng = Rng::new(2);
        let market = market(2_000, bars, |_| rng.normal());
        let (calendar, _, earnings) = worked_out(&market, &expression("10 + 0 * daily_prices"));
        assert_eq!(calendar.bars_a_day(), bars as f64);
        let net = Statistics::of_flow(&earnings.portfolio.gross, Frequency::BusinessDay).unwrap();
        // The account is of the capital; a day of 256 in a year.
        assert!((net.ann_std / 20.0 - 1.0).abs() < 0.08, "{bars} bars: {}", net.ann_std);
    }
}

/// A price turned round every bar makes a position that is turned over every bar: eight times as often a year with eight bars a day.
#[test]
fn turnovers_and_costs_are_those_of_a_real_year() {
    let turned = |bars: i64| {
        let mut rng = Rng::new(3);
        let market = market(600, bars, |_| rng.normal());
        let (_, _, earnings) = worked_out(&market, &expression("20 * sign(diff(daily_prices))"));
        let one = &earnings.instruments["X"];
        (one.turnovers.subsystem, one.sharpe.per_trade)
    };
    let ((once, cost), (often, less)) = (turned(1), turned(8));
    assert!((often / once / 8.0 - 1.0).abs() < 0.1, "{once} {often}");
    // A trade costs the same money against an annual deviation that is eight times the variance: the steps are as large.
    assert!((cost / less / 8.0_f64.sqrt() - 1.0).abs() < 0.1, "{cost} {less}");
}

#[test]
fn later_bars_move_no_earlier_position() {
    let path = |bend: bool| {
        let mut rng = Rng::new(4);
        let market = market(300, 8, |bar| rng.normal() * if bend && bar >= 2_000 { 5.0 } else { 1.0 });
        let (calendar, system, _) = worked_out(&market, &trend());
        let frame = calendar.frame(&system.members["X"].stages.frame(|name| name == "buffered_position"));
        (
            frame.at_ns[..2_000].to_vec(),
            frame.columns[0].1[..2_000].iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
            frame.columns[0].1[2_399],
        )
    };
    let (straight, bent) = (path(false), path(true));
    assert_eq!((&straight.0, &straight.1), (&bent.0, &bent.1));
    assert!(straight.2 != bent.2);
    // Dated by the closes: eight of a day, an hour apart.
    assert_eq!(straight.0[1] - straight.0[0], HOUR_NS);
    assert_eq!(straight.0[0].rem_euclid(DAY_NS), 14 * HOUR_NS);
}

#[test]
fn what_is_not_done_on_bars_is_refused_by_its_key() {
    let mut terms = trend();
    terms.small_system = Some(serde_json::from_value(serde_json::json!({})).unwrap());
    let market = market(30, 2, |_| 1.0);
    let calendar = BarCalendar::of(&market, &BarsConfig::default()).unwrap().unwrap();
    assert_eq!(calendar.terms(&terms).unwrap_err().key, "small_system");
    assert!(BarCalendar::of(&market, &BarsConfig { bars_a_day: Some(f64::NAN) }).is_err());
    assert_eq!(BarCalendar::of(&Market::default(), &BarsConfig::default()), Ok(None));
}
