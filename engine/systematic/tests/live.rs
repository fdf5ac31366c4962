//! A system a day at a time is the whole run to the last bit: every stage of every instrument on every day, whatever the prices
//! do, through a file as much as in memory.
#![allow(clippy::unwrap_used, reason = "a test stops where its data is not sound")]

mod goldens;

use std::collections::BTreeMap;

use proptest::prelude::*;
use tickrace_stats::panel::{civil, parse_time};
use tickrace_stats::{BusinessDay, Frame, Rng};
use tickrace_systematic::config::{BufferMethod, Quirk, SystemConfig};
use tickrace_systematic::forecast::Mapping;
use tickrace_systematic::live::{Day, LiveError, State};
use tickrace_systematic::market::{Instrument, Market, Prices, parse_instruments};
use tickrace_systematic::raw::VolatilityMethod;
use tickrace_systematic::rules::Rules;
use tickrace_systematic::system::System;
use tickrace_systematic::targets::{end_ns, targets};

fn config_of(name: &str) -> SystemConfig {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/systematic");
    let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
    let mut config: SystemConfig = toml::from_str(&text).unwrap();
    // Multipliers of the 44 rules are estimated in the reference; a state has fixed ones.
    if config.use_forecast_div_mult_estimates {
        config.use_forecast_div_mult_estimates = false;
        config.forecast_div_multiplier = tickrace_systematic::config::PerName::All(1.7);
        config.use_instrument_div_mult_estimates = false;
        config.instrument_div_multiplier = 2.3;
    }
    config
}

fn inputs_of(name: &str) -> Option<(SystemConfig, Market)> {
    let folder = goldens::folder()?;
    let config = config_of(name);
    let frame = |name: &str| goldens::frame(&format!("inputs/{name}.parquet"));
    let text = std::fs::read_to_string(folder.join("inputs/instruments.csv")).unwrap();
    let mut market = Market::default();
    for instrument in parse_instruments(&text).unwrap() {
        let name = instrument.name.clone();
        if config.instrument_weights.as_ref().unwrap().contains_key(&name) {
            let (adjusted, multiple) =
                (frame(&format!("adjusted_{name}")), frame(&format!("multiple_{name}")));
            market.instruments.insert(name, (instrument, Prices { adjusted, multiple }));
        }
    }
    for pair in ["EURUSD", "KRWUSD"] {
        market.rates.insert(pair.to_owned(), frame(&format!("fx_{pair}")));
    }
    Some((config, market))
}

fn date(day: BusinessDay) -> String {
    let (year, month, day) = civil(day.day());
    format!("{year:04}-{month:02}-{day:02}")
}

fn keep_rows(frame: &mut Frame, is_kept: impl Fn(i64) -> bool) {
    let kept: Vec<bool> = frame.at_ns.iter().map(|at| is_kept(*at)).collect();
    let mut rows = kept.iter();
    frame.at_ns.retain(|_| *rows.next().unwrap());
    for (_, values) in &mut frame.columns {
        let mut rows = kept.iter();
        values.retain(|_| *rows.next().unwrap());
    }
}

fn frames(market: &mut Market) -> impl Iterator<Item = &mut Frame> {
    let prices = market.instruments.values_mut();
    let prices = prices.flat_map(|(_, prices)| [&mut prices.adjusted, &mut prices.multiple]);
    prices.chain(market.rates.values_mut())
}

/// What was known at the end of a business day.
fn until(market: &Market, day: BusinessDay) -> Market {
    let mut market = market.clone();
    frames(&mut market).for_each(|frame| keep_rows(frame, |at| BusinessDay::of_ns(at) <= day));
    market
}

/// The last business day with a price.
fn last_of(market: &Market) -> BusinessDay {
    let ends = market.instruments.values().map(|(_, prices)| *prices.adjusted.at_ns.last().unwrap());
    BusinessDay::of_ns(ends.max().unwrap())
}

/// Where an instrument's rows end before the others', rows without a price up to there.
fn padded(market: &Market, to: BusinessDay) -> Market {
    let mut market = market.clone();
    for (_, prices) in market.instruments.values_mut() {
        for frame in [&mut prices.adjusted, &mut prices.multiple] {
            if frame.at_ns.last().is_some_and(|at| BusinessDay::of_ns(*at) < to) {
                frame.at_ns.push(to.start_ns());
                frame.columns.iter_mut().for_each(|(_, values)| values.push(f64::NAN));
            }
        }
    }
    market
}

fn same(own: f64, whole: f64) -> bool {
    own.to_bits() == whole.to_bits() || own.is_nan() && whole.is_nan()
}

/// Compares every stage of a day with the whole run's; gives how many there were.
fn compare(state: &State, whole: &System, told: &str) -> usize {
    let day = state.day();
    let mut compared = 0;
    for position in state.positions().iter() {
        let name = position.instrument();
        let stages = &whole.members[name].stages;
        let own: BTreeMap<String, f64> = position.stages().collect();
        for (stage, series) in &stages.0 {
            let value = own.get(stage).unwrap_or_else(|| panic!("{told}: {name} has no stage {stage}"));
            assert!(
                same(*value, series.at(day)),
                "{told}: {name} {stage} on {}: {value:e}, the whole run has {:e}",
                date(day),
                series.at(day)
            );
            compared += usize::from(!value.is_nan());
        }
        assert_eq!(own.len(), stages.0.len(), "{told}: {name}");
    }
    compared
}

/// Builds a state up to a day and goes on from there, `count` days or to the end.
fn walk(config: &SystemConfig, market: &Market, from: BusinessDay, count: usize, told: &str) -> usize {
    let whole = System::new(&padded(market, last_of(market)), config, &Rules::default()).unwrap();
    let mut state = State::build(config, &until(market, from)).unwrap();
    let mut compared = compare(&state, &whole, told);
    let news = state.news(market).unwrap();
    assert!(news.rolled.is_empty());
    for day in news.days.iter().take(count) {
        state.advance(day).unwrap();
        compared += compare(&state, &whole, told);
        let wanted = targets(&whole, state.day(), end_ns).unwrap();
        let own = state.positions().targets();
        assert_eq!(own.len(), wanted.len());
        for (own, wanted) in own.iter().zip(&wanted) {
            assert!(same(own.unrounded, wanted.unrounded) && same(own.forecast, wanted.forecast));
            assert_eq!((own.target, own.low, own.high), (wanted.target, wanted.low, wanted.high), "{told}");
            assert_eq!(
                (own.priced_ns, own.reason),
                (wanted.priced_ns, wanted.reason),
                "{told} {}",
                own.instrument
            );
            assert!(same(own.reference_price, wanted.reference_price));
        }
    }
    compared
}

fn day_of(text: &str) -> BusinessDay {
    BusinessDay::of_ns(parse_time(text).unwrap())
}

/// Chapter fifteen and all 44 rules, from three days each, the last 400 days among them.
#[test]
fn a_day_is_the_whole_run_to_the_last_bit() {
    for (name, least) in [("chapter15", 50_000), ("all_rules", 600_000)] {
        let Some((config, market)) = inputs_of(name) else { return };
        let mut compared = 0;
        let late = BusinessDay(last_of(&market).0 - 400);
        for (from, count) in [(day_of("1999-06-15"), 60), (day_of("2014-03-03"), 60), (late, 1_000)] {
            compared += walk(&config, &market, from, count, name);
        }
        println!("{name}: {compared} figures are the whole run's to the last bit");
        assert!(compared > least, "{compared}");
    }
}

/// Holes in prices and rates, instruments that begin after the state was made, and an end before the others'.
#[test]
fn gaps_and_late_beginnings_leave_every_bit_in_its_place() {
    let Some((mut config, mut market)) = inputs_of("all_rules") else { return };
    let last = last_of(&market);
    let from = BusinessDay(last.0 - 330);
    let mut rng = Rng::new(11);
    for (place, frame) in frames(&mut market).enumerate() {
        let salt = place as i64;
        // Whole days are gone, and single prices are missing.
        keep_rows(frame, |at| (i64::from(BusinessDay::of_ns(at).0) * 37 + salt * 11) % 23 != 0);
        for (name, values) in &mut frame.columns {
            if !name.ends_with("CONTRACT") {
                values.iter_mut().filter(|_| rng.normal() > 1.8).for_each(|value| *value = f64::NAN);
            }
        }
    }
    for (name, begins, ends) in [("CORN", from.0 + 40, last.0), ("GOLD_micro", from.0 + 3, last.0 - 20)] {
        let (_, prices) = market.instruments.get_mut(name).unwrap();
        let is_kept = |at: i64| (begins..=ends).contains(&BusinessDay::of_ns(at).0);
        keep_rows(&mut prices.adjusted, |at| is_kept(at) && BusinessDay::of_ns(at).0 > begins + 2);
        keep_rows(&mut prices.multiple, is_kept);
    }
    let compared = walk(&config, &market, from, 1_000, "gaps");
    assert!(compared > 400_000, "{compared}");
    config.missing_rates = Quirk::Sound;
    assert!(walk(&config, &market, from, 60, "rates passed over") > 60_000);
    config.missing_rates = Quirk::Reference;
    config.base_currency = "EUR".to_owned();
    assert!(walk(&config, &market, from, 60, "over the dollar") > 60_000);
}

/// Everything else a configuration can ask for that goes on a day at a time.
#[test]
fn other_parameters_keep_every_bit_too() {
    let Some((base, market)) = inputs_of("all_rules") else { return };
    let last = last_of(&market);
    let mut configs = Vec::new();
    let mut one = base.clone();
    one.use_attenuation = vec!["breakout20".to_owned(), "momentum16".to_owned(), "carry10".to_owned()];
    one.start_date = Some("2001-02-05".to_owned());
    one.forecast_before_data = Quirk::Sound;
    one.fx_at_close = Quirk::Sound;
    one.missing_rates = Quirk::Sound;
    one.negative_prices = Quirk::Sound;
    one.fit_dates = Quirk::Sound;
    configs.push(("attenuated", one));
    let mut one = base.clone();
    one.volatility_calculation.func = VolatilityMethod::Robust;
    one.buffer_method = BufferMethod::Position;
    one.buffer_trade_to_edge = false;
    one.long_only_instruments = vec!["US10".to_owned()];
    one.forecast_mapping.insert("CORN".to_owned(), Mapping::of_size(1.4));
    one.forecast_floor = Some(-5.0);
    one.average_absolute_forecast = 7.0;
    configs.push(("robust", one));
    let mut one = base.clone();
    one.volatility_calculation.func = VolatilityMethod::Exponential;
    one.buffer_method = BufferMethod::None;
    one.base_currency = "EUR".to_owned();
    configs.push(("in euros", one));
    let mut one = base;
    one.volatility_calculation.func = VolatilityMethod::Rolling;
    let rules = "
        [trading_rules.mine]
        function = \"expression\"
        expression = \"\"\"10 * (ewma(daily_prices, 16) - lag(ffill(daily_prices), 3)) / ffill(ewstd(diff(daily_prices), 35))
            + where(std(raw_carry, 20), mean(percentage_returns, 5) * 100, sign(cumsum(daily_annualised_roll)))
            - clip(log(abs(max(daily_prices, 30) - min(daily_prices, 30)) + 1) * sqrt(2), -3, 3)
            + ewma(median_carry_for_asset_class, 8) - normalised_price_for_asset_class / 100\"\"\"
        [trading_rules.defaults]
        function = \"ewmac_forecast_with_defaults\"
        data = [\"daily_denominator_price\"]
        [trading_rules.percent]
        function = \"conditioned_factor_trading_rule\"
        data = [\"rawdata.get_demeanded_factor_value\", \"daily_percentage_volatility\"]
        other_args = { _factor_name = \"kurtosis\", _demean_method = \"current_average_factor_values_over_all_assets\" }
    ";
    let more: SystemConfig = toml::from_str(rules).unwrap();
    one.trading_rules.extend(more.trading_rules);
    one.forecast_weights = None;
    configs.push(("expressions", one));
    for (name, config) in configs {
        let compared = walk(&config, &market, BusinessDay(last.0 - 40), 1_000, name);
        assert!(compared > 50_000, "{name}: {compared}");
    }
}

/// Four made-up instruments with holes, intraday rows and rolls of contracts, in two classes and two currencies.
fn made_up(seed: u64, days: i32, holes: f64) -> Market {
    let mut rng = Rng::new(seed);
    let mut market = Market::default();
    for (place, name) in ["A", "B", "C", "D"].into_iter().enumerate() {
        let later = (0..60).filter(|_| rng.normal() > 0.8).count();
        let begins = 11_000 + i32::try_from(later).unwrap();
        let (mut adjusted, mut multiple) = (Frame::default(), Frame::default());
        let mut columns: [Vec<f64>; 5] = Default::default();
        let mut level = 50.0 + 20.0 * rng.normal();
        for day in begins..11_000 + days {
            for hour in [11, 17, 23] {
                level += rng.normal();
                let mut price = |value: f64| if rng.normal() > 2.0 - 2.0 * holes { f64::NAN } else { value };
                let row = [price(level), price(level + 3.0), price(level + 3.5)];
                if rng.normal() > 1.0 - holes || hour == 23 && rng.normal() < 0.5 + holes {
                    continue;
                }
                let at = BusinessDay(day).start_ns() + hour * 3_600_000_000_000;
                let month = f64::from(20_120_000 + day / 260 * 10_000 + day / 60 % 4 * 300 + 300);
                adjusted.at_ns.push(at);
                multiple.at_ns.push(at);
                for (column, value) in columns.iter_mut().zip([row[0], row[1], row[2], month, month + 300.0])
                {
                    column.push(value);
                }
            }
        }
        let [price, held, carry, held_contract, carry_contract] = columns;
        adjusted.columns = vec![("price".to_owned(), price)];
        multiple.columns = [
            ("PRICE", held),
            ("CARRY", carry),
            ("PRICE_CONTRACT", held_contract),
            ("CARRY_CONTRACT", carry_contract),
        ]
        .into_iter()
        .map(|(name, values)| (name.to_owned(), values))
        .collect();
        let instrument = Instrument {
            name: name.to_owned(),
            point_size: 10.0,
            currency: if place < 2 { "EUR" } else { "USD" }.to_owned(),
            asset_class: format!("class{}", place % 2),
            ..Instrument::default()
        };
        market.instruments.insert(name.to_owned(), (instrument, Prices { adjusted, multiple }));
    }
    let (mut at_ns, mut rates) = (Vec::new(), Vec::new());
    for day in 10_990..11_000 + days {
        if rng.normal() < 1.0 {
            at_ns.push(BusinessDay(day).start_ns() + if day % 2 == 0 { 0 } else { 82_800_000_000_000 });
            rates.push(if rng.normal() > 2.0 { f64::NAN } else { 1.1 + 0.01 * rng.normal() });
        }
    }
    market.rates.insert("EURUSD".to_owned(), Frame { at_ns, columns: vec![("FX".to_owned(), rates)] });
    market
}

fn made_up_config() -> SystemConfig {
    let mut config = config_of("all_rules");
    config.instrument_weights = None;
    config.use_attenuation = vec!["carry10".to_owned(), "breakout10".to_owned()];
    config
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn prices_of_any_kind_and_with_any_holes_keep_every_bit(seed in 0_u64..1_000_000, holes in 0.0..0.9_f64, back in 5..250_i32) {
        let market = made_up(seed, 420, holes);
        let from = BusinessDay(last_of(&market).0 - back);
        prop_assert!(walk(&made_up_config(), &market, from, 1_000, "made up") > 100);
    }
}

#[test]
fn a_state_read_back_goes_on_as_if_it_had_never_been_away() {
    let (config, market) = (made_up_config(), made_up(5, 400, 0.2));
    let whole = System::new(&padded(&market, last_of(&market)), &config, &Rules::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let mut state = State::build(&config, &until(&market, BusinessDay(last_of(&market).0 - 60))).unwrap();
    for day in state.news(&market).unwrap().days {
        state.save(&path, &config).unwrap();
        state = State::load(&path, &config).unwrap();
        state.advance(&day).unwrap();
        compare(&state, &whole, "read back");
    }
    // The day of a state just read is still told, and the folder holds nothing else.
    state.save(&path, &config).unwrap();
    compare(&State::load(&path, &config).unwrap(), &whole, "read");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(state.news(&market).unwrap().days.is_empty());
}

#[test]
fn a_file_that_is_not_whole_or_not_ours_is_refused() {
    let (config, market) = (made_up_config(), made_up(6, 300, 0.2));
    let state = State::build(&config, &market).unwrap();
    let bytes = state.to_bytes(&config);
    let refused = |bytes: &[u8], config: &SystemConfig| State::from_bytes(bytes, config).unwrap_err();
    assert!(State::from_bytes(&bytes, &config).is_ok());
    for cut in [0, 7, 30, 60, bytes.len() / 2, bytes.len() - 1] {
        let fault = refused(&bytes[..cut], &config);
        assert!(fault.contains("torn") || cut < 8 && fault.contains("no state"), "{cut}: {fault}");
    }
    for place in (0..bytes.len()).step_by(bytes.len() / 300) {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x10;
        assert!(State::from_bytes(&bytes, &config).is_err(), "a changed byte {place} was not seen");
    }
    assert!(refused(&[bytes.as_slice(), b"x"].concat(), &config).contains("bytes follow its end"));
    assert!(refused(b"PAR1 and something else altogether, long enough", &config).contains("no state"));
    let mut newer = bytes.clone();
    newer[8] = 4;
    assert!(refused(&newer, &config).contains("version 4"));
    let mut other = config.clone();
    other.forecast_cap = 21.0;
    assert!(refused(&bytes, &other).contains("another configuration"));
    assert!(matches!(
        State::load(std::path::Path::new("/nowhere/state"), &config),
        Err(LiveError::File { .. })
    ));
}

#[test]
fn what_a_day_cannot_know_is_refused_by_its_key() {
    let market = made_up(7, 300, 0.1);
    let base = made_up_config();
    type Change = fn(&mut SystemConfig);
    let cases: [(&str, Change); 10] = [
        ("use_forecast_scale_estimates", |config| config.use_forecast_scale_estimates = true),
        ("use_forecast_weight_estimates", |config| config.use_forecast_weight_estimates = true),
        ("use_forecast_div_mult_estimates", |config| config.use_forecast_div_mult_estimates = true),
        ("use_instrument_weight_estimates", |config| config.use_instrument_weight_estimates = true),
        ("use_instrument_div_mult_estimates", |config| config.use_instrument_div_mult_estimates = true),
        ("volatility_calculation.backfill", |config| config.volatility_calculation.backfill = true),
        // A Saturday.
        ("start_date", |config| config.start_date = Some("2012-06-02".to_owned())),
        ("forecast_post_ceiling_cost_SR", |config| config.forecast_post_ceiling_cost_sr = Some(0.1)),
        ("risk_overlay", |config| config.risk_overlay = config_of("overlay_dynamic").risk_overlay),
        ("small_system", |config| config.small_system = config_of("overlay_dynamic").small_system),
    ];
    for (key, change) in cases {
        let mut config = base.clone();
        change(&mut config);
        let error = State::build(&config, &market).unwrap_err();
        assert!(matches!(&error, LiveError::Refused { key: own, .. } if own == key), "{key}: {error}");
    }
    // What a rule would say over a history it says here too.
    let mut config = base;
    config.trading_rules.get_mut("carry10").unwrap().other_args.clear();
    let rule = config.trading_rules.get_mut("breakout10").unwrap();
    rule.other_args.insert("lookbak".to_owned(), tickrace_systematic::rules::Argument::Number(3.0));
    let wanted = System::new(&market, &config, &Rules::default()).unwrap_err().to_string();
    assert_eq!(State::build(&config, &market).unwrap_err().to_string(), wanted);
}

#[test]
fn a_day_that_is_wrong_leaves_the_state_as_it_was() {
    let (config, market) = (made_up_config(), made_up(8, 300, 0.1));
    let last = last_of(&market);
    let mut state = State::build(&config, &until(&market, BusinessDay(last.0 - 5))).unwrap();
    let before = state.to_bytes(&config);
    let good = state.news(&market).unwrap().days.remove(0);
    let day = |number: i32| Day { day: BusinessDay(number), ..good.clone() };
    let mut cases: Vec<(Day, &str)> = vec![
        (day(state.day().0), "each day is given once, in order"),
        (day(state.day().0 - 1), "is not after the state's last day"),
        (day(state.day().0 + 2_000), "at most 261 may lie between"),
    ];
    let mut one = good.clone();
    one.quotes.insert("Z".to_owned(), Default::default());
    cases.push((one, "there is no instrument Z in the state; there are: A B C D"));
    let mut one = good.clone();
    one.quotes.entry("A".to_owned()).or_default().adjusted = Some(f64::INFINITY);
    cases.push((one, "the adjusted price is inf"));
    let mut one = good.clone();
    one.quotes.entry("B".to_owned()).or_default().roll_shift = f64::NAN;
    cases.push((one, "the shift of a roll is NaN"));
    let mut one = good.clone();
    one.rates.insert("EURUSD".to_owned(), vec![(good.day.start_ns(), -1.0)]);
    cases.push((one, "a rate is above zero"));
    let mut one = good.clone();
    one.rates.insert("EURUSD".to_owned(), vec![(BusinessDay(last.0 - 20).start_ns(), 1.0)]);
    cases.push((one, "comes after what is known up to"));
    for (wrong, wanted) in cases {
        let error = state.advance(&wrong).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
        assert!(state.to_bytes(&config) == before, "{wanted}");
    }
    state.advance(&good).unwrap();
    assert_ne!(state.to_bytes(&config), before);
}

/// A roll moves all earlier prices; the state stays in its own coordinates, and is the whole run in them.
#[test]
fn a_roll_keeps_the_coordinates_of_the_state() {
    let (config, market) = (made_up_config(), made_up(9, 400, 0.0));
    let from = BusinessDay(last_of(&market).0 - 30);
    let mut state = State::build(&config, &until(&market, from)).unwrap();
    let mut days = state.news(&market).unwrap().days;
    // Quarters and halves are exact: what is added and taken off again leaves every bit.
    let shift = 0.75;
    let mut market = market;
    let exact = |value: f64| (value * 1_024.0).round() / 1_024.0;
    for day in &mut days {
        if let Some(price) = day.quotes.get_mut("A").and_then(|quote| quote.adjusted.as_mut()) {
            *price = exact(*price);
        }
    }
    let (_, prices) = market.instruments.get_mut("A").unwrap();
    let split = prices.adjusted.at_ns.partition_point(|at| BusinessDay::of_ns(*at) <= from);
    prices.adjusted.columns[0].1[split..].iter_mut().for_each(|price| *price = exact(*price));
    let whole = System::new(&padded(&market, last_of(&market)), &config, &Rules::default()).unwrap();
    // As a folder would have it after the roll: the past moved by the shift, and so did what comes after it.
    let rolled = {
        let mut rolled = market.clone();
        let (_, prices) = rolled.instruments.get_mut("A").unwrap();
        prices.adjusted.columns[0].1.iter_mut().for_each(|price| *price += shift);
        rolled
    };
    let contract = prices_of(&rolled, "A").multiple.column("PRICE_CONTRACT").unwrap();
    let first_new =
        prices_of(&rolled, "A").multiple.at_ns.partition_point(|at| BusinessDay::of_ns(*at) <= from);
    let news = state.news(&rolled);
    if contract[first_new] == contract[first_new - 1] {
        // Without a roll of the contract nothing explains other prices.
        assert!(news.unwrap_err().to_string().contains("no contract rolled"));
    }
    let mut is_first = true;
    for mut day in days {
        if let Some(quote) = day.quotes.get_mut("A") {
            quote.roll_shift = if std::mem::take(&mut is_first) { shift } else { 0.0 };
            quote.adjusted = quote.adjusted.map(|price| price + shift);
        }
        state.advance(&day).unwrap();
        compare(&state, &whole, "rolled");
    }
    assert!(!is_first);
}

fn prices_of<'a>(market: &'a Market, name: &str) -> &'a Prices {
    &market.instruments[name].1
}

#[test]
fn a_past_that_is_not_the_states_is_told_from_one_that_is() {
    let (config, market) = (made_up_config(), made_up(10, 400, 0.0));
    let from = BusinessDay(last_of(&market).0 - 100);
    let state = State::build(&config, &until(&market, from)).unwrap();
    let fault = |change: &dyn Fn(&mut Market)| {
        let mut other = market.clone();
        change(&mut other);
        state.news(&other).map(|_| ()).unwrap_err().to_string()
    };
    fn prices<'a>(market: &'a mut Market, name: &str) -> &'a mut Prices {
        &mut market.instruments.get_mut(name).unwrap().1
    }
    // The last row of a day: of those before it nothing is left when the day is over.
    let last_row = |frame: &Frame, column: usize| {
        let day = |row: usize| BusinessDay::of_ns(frame.at_ns[row]);
        let is_last = |row: &usize| day(*row) != day(row + 1) && !frame.columns[column].1[*row].is_nan();
        (30..).find(is_last).unwrap()
    };
    let row = last_row(&prices_of(&market, "B").adjusted, 0);
    let revised = fault(&|market| prices(market, "B").adjusted.columns[0].1[row] += 1e-9);
    assert!(revised.starts_with("B: adjusted prices of before were revised"), "{revised}");
    let row = last_row(&prices_of(&market, "C").multiple, 0);
    let revised = fault(&|market| prices(market, "C").multiple.columns[0].1[row] += 1e-9);
    assert!(revised.starts_with("C: prices of its contracts were revised"), "{revised}");
    let gone = fault(&|market| {
        let prices = prices(market, "D");
        let day = BusinessDay::of_ns(prices.adjusted.at_ns[100]);
        keep_rows(&mut prices.adjusted, |at| BusinessDay::of_ns(at) != day);
        keep_rows(&mut prices.multiple, |at| BusinessDay::of_ns(at) != day);
    });
    assert!(gone.starts_with("D: ") && gone.contains("rows came late or are gone"), "{gone}");
    let gone = fault(&|market| market.instruments.remove("A").map_or((), drop));
    assert!(gone.starts_with("A: its prices are gone"), "{gone}");
    let rates = fault(&|market| market.rates.get_mut("EURUSD").unwrap().columns[0].1[3] = 2.0);
    assert!(rates.starts_with("EURUSD: rates up to"), "{rates}");

    // New rows alone are enough, where no contract rolled; where one did, a roll is told by what the last row moved by.
    let mut later = market.clone();
    frames(&mut later).for_each(|frame| keep_rows(frame, |at| BusinessDay::of_ns(at) > from));
    let (news, whole) = (state.news(&later), state.news(&market).unwrap());
    let has_rolled = |market: &Market| {
        market.instruments.values().any(|(_, prices)| {
            let ids = prices.multiple.column("PRICE_CONTRACT").unwrap();
            let next = prices.multiple.at_ns.partition_point(|at| BusinessDay::of_ns(*at) <= from);
            ids[next..].iter().any(|id| *id != ids[next - 1])
        })
    };
    assert!(has_rolled(&market), "a hundred days of made-up prices roll");
    match news {
        Ok(news) => assert_eq!(news.days.len(), whole.days.len()),
        Err(error) => assert!(error.to_string().contains("it rolled"), "{error}"),
    }
}

/// The folder's past was moved by a roll: by how much is found, taken off, and remembered.
#[test]
fn a_roll_is_found_in_a_past_that_moved_by_one_shift() {
    let (config, market) = (made_up_config(), made_up(12, 400, 0.0));
    // Contracts change with every sixtieth day: here with the fourth of the new ones.
    let from = BusinessDay(11_336);
    let mut state = State::build(&config, &until(&market, from)).unwrap();
    let mut rolled = market.clone();
    let moved = &mut rolled.instruments.get_mut("A").unwrap().1.adjusted.columns[0].1;
    moved.iter_mut().for_each(|price| *price += 0.7);
    let news = state.news(&rolled).unwrap();
    assert_eq!(news.rolled.len(), 1);
    assert_eq!(news.rolled[0].0, "A");
    assert!((news.rolled[0].1 - 0.7).abs() < 1e-9);
    for day in &news.days {
        state.advance(day).unwrap();
    }
    assert_eq!(state.news(&rolled).unwrap(), tickrace_systematic::live::News::default());
    // But for the last bits of what was added and taken off, as if nothing had moved.
    let whole = System::new(&padded(&market, last_of(&market)), &config, &Rules::default()).unwrap();
    for position in state.positions().iter() {
        let wanted = whole.members[position.instrument()].stages.get("combined_fc").unwrap().at(state.day());
        let own = position.stage("combined_fc").unwrap();
        assert!((own - wanted).abs() < 1e-6, "{}: {own}, wanted {wanted}", position.instrument());
    }
}
