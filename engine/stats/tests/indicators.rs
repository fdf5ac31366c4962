//! Indicators against TA-Lib, ta and pandas (`scripts/goldens/indicators.py`).

#![allow(clippy::unwrap_used, reason = "a golden that cannot be read fails its test")]

use serde_json::Value;
use tickrace_stats::indicator::{
    Adx, Atr, Bar, Bollinger, Donchian, Ema, Indicator, Keltner, Macd, Obv, RollingCorrelation,
    RollingDeviation, RollingMax, RollingMin, RollingQuantile, RollingVwap, RollingZScore, Rsi, Sma,
    Stochastic, Vwap, Wma,
};

struct World {
    told: Value,
    bars: Vec<Bar>,
}

fn world() -> World {
    let told: Value = serde_json::from_str(include_str!("goldens/indicators.json")).unwrap();
    let of = |key: &str, at: usize| told[key][at].as_f64().unwrap();
    let count = told["close"].as_array().unwrap().len();
    let bars = (0..count)
        .map(|at| Bar {
            high: of("high", at),
            low: of("low", at),
            close: of("close", at),
            volume: of("volume", at),
        })
        .collect();
    World { told, bars }
}

/// The golden's name, and where the answer holds it.
type Golden<'a, T> = (&'a str, fn(&T) -> f64);

impl World {
    /// Runs over all bars, and compares the answers to the last sixty with each golden.
    fn check<I: Indicator<Input = Bar>>(&self, mut indicator: I, goldens: &[Golden<'_, I::Output>]) {
        let answers: Vec<Option<I::Output>> = self.bars.iter().map(|bar| indicator.update(*bar)).collect();
        for (name, pick) in goldens {
            let wanted = self.told["last"][name].as_array().unwrap();
            assert_eq!(wanted.len(), 60, "{name}");
            for (got, wanted) in answers[answers.len() - 60..].iter().zip(wanted) {
                let (got, wanted) = (pick(got.as_ref().unwrap()), wanted.as_f64().unwrap());
                assert!((got - wanted).abs() <= 1e-9 * (1.0 + wanted.abs()), "{name}: {got}, not {wanted}");
            }
        }
    }
}

fn close(bar: Bar) -> f64 {
    bar.close
}

#[test]
fn averages() {
    let world = world();
    world.check(Sma::new(15).unwrap().of(close), &[("sma", |value| *value)]);
    world.check(Ema::new(15).unwrap().of(close), &[("ema", |value| *value)]);
    world.check(Wma::new(15).unwrap().of(close), &[("wma", |value| *value)]);
}

#[test]
fn oscillators() {
    let world = world();
    world.check(Rsi::new(14).unwrap().of(close), &[("rsi", |value| *value)]);
    let macd = Macd::new(12, 26, 9).unwrap().of(close);
    world.check(macd, &[("macd", |value| value.line), ("macd_signal", |value| value.signal)]);
    let stochastic = Stochastic::new(14, 3).unwrap();
    world.check(stochastic, &[("stochastic_k", |value| value.k), ("stochastic_d", |value| value.d)]);
    let composed = Rsi::new(14).unwrap().then(Ema::new(5).unwrap()).of(close);
    world.check(composed, &[("ema_of_rsi", |value| *value)]);
}

#[test]
fn ranges_and_bands() {
    let world = world();
    world.check(Atr::new(14).unwrap(), &[("atr", |value| *value)]);
    let adx = Adx::new(14).unwrap();
    world.check(
        adx,
        &[("adx", |value| value.adx), ("plus", |value| value.plus), ("minus", |value| value.minus)],
    );
    let bollinger = Bollinger::new(20, 2.0).unwrap().of(close);
    world.check(bollinger, &[("bollinger_upper", |band| band.upper), ("bollinger_lower", |band| band.lower)]);
    let donchian = Donchian::new(20).unwrap();
    world.check(donchian, &[("donchian_upper", |band| band.upper), ("donchian_lower", |band| band.lower)]);
    let keltner = Keltner::new(20, 10, 2.0).unwrap();
    world.check(keltner, &[("keltner_upper", |band| band.upper), ("keltner_lower", |band| band.lower)]);
}

#[test]
fn moments_extremes_and_quantiles_of_a_window() {
    let world = world();
    world.check(RollingZScore::new(20).unwrap().of(close), &[("z", |value| *value)]);
    world.check(RollingMin::new(7).unwrap().of(close), &[("minimum", |value| *value)]);
    world.check(RollingMax::new(7).unwrap().of(close), &[("maximum", |value| *value)]);
    world.check(RollingQuantile::new(21, 0.3).unwrap().of(close), &[("quantile", |value| *value)]);
    world.check(RollingDeviation::new(12).unwrap().of(close), &[("deviation", |value| *value)]);
    let mut other = world.told["other"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap());
    let pair = move |bar: Bar| (bar.close, other.next().unwrap());
    world.check(RollingCorrelation::new(25).unwrap().of(pair), &[("correlation", |value| *value)]);
}

#[test]
fn volume() {
    let world = world();
    let weighed = |bar: Bar| (bar.typical(), bar.volume);
    world.check(Vwap::default().of(weighed), &[("vwap", |value| *value)]);
    world.check(RollingVwap::new(14).unwrap().of(weighed), &[("rolling_vwap", |value| *value)]);
    world.check(Obv::default(), &[("obv", |value| *value)]);
}
