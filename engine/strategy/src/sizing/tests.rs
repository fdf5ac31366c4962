use super::config::{FixedFractionConfig, TargetConfig, UtilityConfig, VolatilityTargetConfig};
use super::*;

fn sizer(method: MethodConfig) -> Sizer {
    Sizer::new(&SizingConfig { position_max_lots: 1_000, leverage_max: 4.0, method }).unwrap()
}

fn prospect() -> Prospect {
    Prospect {
        equity: 100_000.0,
        lot_value: 250.0,
        mean: 0.0002,
        volatility: 0.01,
        confidence: 1.0,
        bet: Some(Bet { probability: 0.55, win: 1.0, loss: 1.0 }),
        periods_left: 100.0,
    }
}

fn kelly(share: f64, drawdown: Option<DrawdownConfig>) -> KellyConfig {
    KellyConfig { share, drawdown }
}

#[test]
fn lots_of_each_method_by_hand() {
    let bound = Some(DrawdownConfig { drawdown_max: 0.5, probability_max: 0.125 });
    let at = prospect();
    for (method, wanted) in [
        // 0.3 x 100,000 / 250 = 120.
        (MethodConfig::FixedFraction(FixedFractionConfig { fraction: 0.3 }), 120),
        // 0.008 / 0.01 = 0.8: 320.
        (MethodConfig::VolatilityTarget(VolatilityTargetConfig { volatility_target: 0.008 }), 320),
        // 0.0002 / 0.0001 = 2, a quarter of it 0.5: 200; the bound allows one half: 400.
        (MethodConfig::Kelly(kelly(0.25, None)), 200),
        (MethodConfig::Kelly(kelly(1.0, bound)), 400),
        (MethodConfig::Kelly(kelly(0.25, bound)), 200),
        // Sharpe 0.02 over 0.01 is 2, half of it 1: 400.
        (MethodConfig::SharpeKelly(kelly(0.5, None)), 400),
        // 0.55 - 0.45 = 0.1, half of it 0.05: 20.
        (MethodConfig::BinaryKelly(kelly(0.5, None)), 20),
    ] {
        let sizer = sizer(method);
        // A last bit below a whole number of lots would round down.
        let nudged = Prospect { equity: at.equity * (1.0 + 1e-12), ..at };
        assert_eq!(sizer.lots(&nudged), Qty(wanted), "{sizer:?}");
        let short = Prospect { mean: -at.mean, ..nudged };
        assert_eq!(sizer.lots(&short), Qty(-wanted), "{sizer:?}");
        let half = Prospect { confidence: 0.5, ..nudged };
        assert_eq!(sizer.lots(&half), Qty(wanted / 2), "{sizer:?}");
    }
}

#[test]
fn a_bound_on_the_drawdown_shrinks_a_bet() {
    let free = sizer(MethodConfig::BinaryKelly(kelly(1.0, None)));
    let bound = DrawdownConfig { drawdown_max: 0.2, probability_max: 0.1 };
    let held = sizer(MethodConfig::BinaryKelly(kelly(1.0, Some(bound))));
    let (free, held) = (free.fraction(&prospect()), held.fraction(&prospect()));
    // For small bets the two sources agree: 2 / (1 + ln 0.1 / ln 0.8) = 0.1767 of Kelly.
    assert!((held / free / drawdown::share_within(0.2, 0.1) - 1.0).abs() < 0.02, "{held} {free}");
}

#[test]
fn utility_waits_for_its_window_and_then_holds_kellys_fraction() {
    let mut sizer = sizer(MethodConfig::Utility(UtilityConfig { aversion: 1.0, window_periods: 20 }));
    // 11 gains and 9 losses of a tenth: 0.1 / 0.1 = 1.
    for at in 0..20 {
        sizer.refresh();
        assert_eq!(sizer.lots(&prospect()), Qty::ZERO);
        sizer.observe(if at < 11 { 0.1 } else { -0.1 });
    }
    sizer.observe(f64::NAN);
    sizer.refresh();
    assert!((sizer.fraction(&prospect()) - 1.0).abs() < 1e-9);
}

#[test]
fn a_target_reached_is_kept() {
    let method =
        TargetConfig { equity_target: 110_000.0, horizon_periods: 252.0, mean: 0.0002, volatility: 0.01 };
    let sizer = sizer(MethodConfig::Target(method));
    assert!(sizer.lots(&prospect()) > Qty::ZERO);
    assert_eq!(sizer.lots(&Prospect { equity: 110_000.0, ..prospect() }), Qty::ZERO);
    assert_eq!(sizer.lots(&Prospect { periods_left: 0.0, ..prospect() }), Qty::ZERO);
}

#[test]
fn limits_bind_and_nonsense_is_nothing() {
    let sizer = sizer(MethodConfig::Kelly(kelly(1.0, None)));
    // Fourfold leverage would be 1,600 lots; 1,000 are allowed.
    assert_eq!(sizer.fraction(&Prospect { mean: 0.1, ..prospect() }), 4.0);
    assert_eq!(sizer.lots(&Prospect { mean: 0.1, ..prospect() }), Qty(1_000));
    for nonsense in [
        Prospect { mean: f64::NAN, ..prospect() },
        Prospect { volatility: 0.0, ..prospect() },
        Prospect { equity: f64::NAN, ..prospect() },
        Prospect { confidence: f64::NAN, ..prospect() },
        Prospect { lot_value: 0.0, ..prospect() },
        Prospect::default(),
    ] {
        assert_eq!(sizer.lots(&nonsense), Qty::ZERO, "{nonsense:?}");
    }
}
