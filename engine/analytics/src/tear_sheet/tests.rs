use super::*;
use crate::money;
use crate::run::tests::generated;
use tickrace_stats::Rng;

fn input(days: usize, seed: u64) -> SheetInput {
    let mut rng = Rng::new(seed);
    SheetInput {
        title: "Sheet".to_owned(),
        dates: (0..days).map(|day| crate::days::date_of(18_000 + day as i64)).collect(),
        returns: (0..days).map(|_| 0.0005 + 0.01 * rng.normal()).collect(),
        ..SheetInput::default()
    }
}

fn config() -> SheetConfig {
    SheetConfig { courses: 200, ..SheetConfig::default() }
}

#[test]
fn under_twenty_days_what_needs_days_is_null_and_the_sheet_says_why() {
    let sheet = TearSheet::new(&input(19, 1), None, &config());
    let head = &sheet.headline;
    assert_eq!(
        (head.sharpe, head.annual_volatility, head.calmar, head.annual_return),
        (None, None, None, None)
    );
    assert_eq!((sheet.distribution.var_historical, sheet.belief.probabilistic_sharpe), (None, None));
    assert!(sheet.monte_carlo.days.is_none() && sheet.rolling.sharpe.is_empty());
    assert!(head.total_return.is_some() && head.max_drawdown.is_some());
    assert!(sheet.absent[0].starts_with("19 days"), "{:?}", sheet.absent);
    let sheet = TearSheet::new(&input(20, 1), None, &config());
    assert!(sheet.headline.sharpe.is_some() && sheet.absent.is_empty());
    let nothing = TearSheet::new(&SheetInput::default(), None, &config());
    assert_eq!(nothing.headline, Headline::default());
}

#[test]
fn years_and_curve_compound_to_the_total() {
    let sheet = TearSheet::new(&input(900, 2), None, &config());
    let total = sheet.headline.total_return.unwrap();
    let years: f64 = sheet.years.iter().map(|year| 1.0 + year.total).product();
    assert!((years - 1.0 - total).abs() < 1e-12);
    assert!((sheet.curve.wealth[899] - 1.0 - total).abs() < 1e-12);
    assert_eq!(sheet.years.iter().map(|year| year.periods).sum::<usize>(), 900);
    // The course that really happened is among what the fan is compared with.
    let fan = sheet.monte_carlo.days.unwrap();
    assert!((fan.actual - 1.0 - total).abs() < 1e-9);
    assert!((fan.actual_drawdown + sheet.headline.max_drawdown.unwrap()).abs() < 1e-9);
    assert!(fan.terminal.is_sorted() && fan.drawdown.is_sorted() && fan.drawdown[4] < 1.0);
    let rest: f64 = sheet.regimes.iter().filter(|row| row.question != "trend").map(|row| row.sum).sum();
    assert!((rest - sheet.curve.returns.iter().sum::<f64>()).abs() < 1e-9);
}

#[test]
fn more_trials_and_a_risk_free_return_make_the_ratio_less_believable() {
    let one = TearSheet::new(&input(500, 3), None, &config());
    let many = TearSheet::new(&input(500, 3), None, &SheetConfig { trials: 50, ..config() });
    assert_eq!(one.belief.deflated_sharpe, one.belief.probabilistic_sharpe);
    assert!(many.belief.deflated_sharpe < one.belief.deflated_sharpe);
    // Worthless ratios over 500 days spread by 1 / root of 499; `sharpe::expected_best` is held to the paper where it lives.
    let lucky = sharpe::expected_best(1.0 / 499.0, 50.0).unwrap() * 252f64.sqrt();
    assert!((many.belief.lucky_sharpe.unwrap() - lucky).abs() < 1e-12);
    let safe = TearSheet::new(&input(500, 3), None, &SheetConfig { risk_free: 0.05, ..config() });
    // Five per cent a year less, over the same deviation.
    let deviation = returns::deviation(&one.curve.returns).unwrap();
    let daily = libm::pow(1.05, 1.0 / 252.0) - 1.0;
    let expected = one.headline.sharpe.unwrap() - daily / deviation * 252f64.sqrt();
    assert!((safe.headline.sharpe.unwrap() - expected).abs() < 1e-9);
    assert_eq!(safe.headline.total_return, one.headline.total_return);
}

#[test]
fn the_same_seed_draws_the_same_sheet_and_another_another() {
    let text = |seed| {
        let sheet = TearSheet::new(&input(100, 4), None, &SheetConfig { seed, ..config() });
        serde_json::to_string(&sheet).unwrap()
    };
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn a_benchmark_counts_on_the_days_it_has() {
    let mut input = input(60, 5);
    let own = input.returns.clone();
    // Half of ours on all days but the first ten.
    let market = (0..60).map(|day| (day >= 10).then(|| own[day] / 2.0)).collect();
    input.benchmark = Some(BenchmarkInput { name: "half".to_owned(), returns: market });
    let sheet = TearSheet::new(&input, None, &config());
    let against = sheet.relative.unwrap();
    assert_eq!(against.periods, 50);
    assert!((against.relative.beta.unwrap() - 2.0).abs() < 1e-9);
    assert!((against.correlation.unwrap() - 1.0).abs() < 1e-9);
    assert!(sheet.curve.benchmark[9].is_none() && sheet.curve.benchmark[10].is_some());
    assert_eq!(sheet.regimes_of, "these returns themselves");
}

#[test]
fn the_money_of_a_run_adds_up_by_whatever_it_is_shared_out() {
    let run = generated(23_400, 3);
    let found = Trading::of(&run);
    let near = |sum: f64| assert!((sum - found.net_pnl).abs() < 1e-6, "{sum} {}", found.net_pnl);
    near(found.by_strategy.iter().map(|one| one.net_pnl).sum());
    near(found.by_instrument.iter().map(|one| one.net_pnl).sum());
    near(found.by_hour.iter().map(|hour| money::nearest(hour.net_pnl)).sum());
    near(named_sources(&found.sources).iter().map(|part| money::nearest(part.1)).sum());
    for one in found.by_strategy.iter().chain(&found.by_instrument) {
        let parts = one.spread + one.slippage.unwrap_or(0.0) + one.inventory + one.fees + one.funding;
        assert!((parts - one.net_pnl).abs() < 1e-6, "{one:?}");
    }
    for question in ["volatility", "trend"] {
        let rows = || found.by_regime.iter().filter(|row| row.question == question || row.question == "none");
        near(rows().map(|row| row.net_pnl).sum());
        assert_eq!(rows().filter(|row| row.blocks > 0).count(), 3, "{:?}", found.by_regime);
    }
    let [all, long, short] = &found.trades;
    assert_eq!(all.count, long.count + short.count);
    assert!((all.net_pnl - long.net_pnl - short.net_pnl).abs() < 1e-6);
    near(account_blocks(&run, BLOCK_NS).iter().map(|block| block.1).sum());
    // A day of 6.5 hours has 26 quarters; the sample at the very opening closes the one before.
    assert_eq!(account_blocks(&run, BLOCK_NS).len(), 27);
}

/// Half in the index, half in the bank: nothing is left for alpha, whatever the bank pays (Jensen 1968).
#[test]
fn a_mix_of_index_and_cash_has_no_alpha() {
    let mut mix = input(500, 7);
    let index = mix.returns.clone();
    let config = SheetConfig { risk_free: 0.05, ..config() };
    let bank = 1.05_f64.powf(1.0 / 252.0) - 1.0;
    mix.returns.iter_mut().for_each(|value| *value = 0.5 * *value + 0.5 * bank);
    mix.benchmark =
        Some(BenchmarkInput { name: "index".to_owned(), returns: index.into_iter().map(Some).collect() });
    let relative = TearSheet::new(&mix, None, &config).relative.unwrap().relative;
    assert!((relative.beta.unwrap() - 0.5).abs() < 1e-12);
    assert!(relative.alpha.unwrap().abs() < 1e-10, "{:?}", relative.alpha);
}
