//! Indicators, filters, regimes and sizers allocate nothing once they are made.

#![allow(clippy::unwrap_used, reason = "what cannot be made fails its test")]

use std::hint::black_box;

use tickrace_runtime::seal::{Seal, SealedAlloc, seal_thread, sealed_calls};
use tickrace_stats::hidden_markov::Filter;
use tickrace_stats::indicator::{
    Adx, Bar, Bollinger, Donchian, Ema, Indicator, Keltner, Macd, Obv, RollingCorrelation, RollingQuantile,
    RollingVwap, RollingZScore, Rsi, Sma, Stochastic, Vwap, Wma,
};
use tickrace_stats::{Cusum, HedgeFilter, HiddenMarkov, Line, Rng, RollingCoMoments, RunLength, RunPrior};
use tickrace_strategy::regime::{AdaptiveConfig, AdaptiveSizer, HiddenRegime, RegimeClasses, RegimeConfig};
use tickrace_strategy::sizing::{Bet, KellyPortfolio, Prospect, Sizer, SizingConfig};

#[global_allocator]
static ALLOCATOR: SealedAlloc = SealedAlloc;

const METHODS: [&str; 7] = [
    "kind = \"fixed-fraction\"\nfraction = 0.25",
    "kind = \"volatility-target\"\nvolatility_target = 0.008",
    "kind = \"kelly\"\nshare = 0.5",
    "kind = \"sharpe-kelly\"",
    "kind = \"binary-kelly\"\n[method.drawdown]\ndrawdown_max = 0.2\nprobability_max = 0.05",
    "kind = \"utility\"\nwindow_periods = 50",
    "kind = \"target\"\nequity_target = 110000.0\nhorizon_periods = 2000.0\nmean = 0.0004\nvolatility = 0.01",
];

fn config(method: &str) -> SizingConfig {
    toml::from_str(&format!("position_max_lots = 5000\nleverage_max = 2.0\n[method]\n{method}")).unwrap()
}

/// One test, because the counter is the process's.
#[test]
fn two_thousand_periods_through_everything_allocate_nothing_and_one_allocation_is_seen() {
    let before = sealed_calls();
    let guard = seal_thread(Seal::Count);
    let boxed = black_box(Box::new(7_u64));
    drop(guard);
    assert_eq!(*boxed, 7);
    assert!(sealed_calls() > before, "the counter sees no allocation");

    let of_close = |bar: Bar| bar.close;
    let mut averages =
        Sma::new(20).unwrap().then(Wma::new(5).unwrap()).then(Ema::new(5).unwrap()).of(of_close);
    let (mut rsi, mut macd, mut stochastic) =
        (Rsi::new(14).unwrap(), Macd::new(12, 26, 9).unwrap(), Stochastic::new(14, 3).unwrap());
    let (mut adx, mut keltner, mut donchian) =
        (Adx::new(14).unwrap(), Keltner::new(20, 10, 2.0).unwrap(), Donchian::new(20).unwrap());
    let (mut bollinger, mut z, mut median) = (
        Bollinger::new(20, 2.0).unwrap(),
        RollingZScore::new(20).unwrap(),
        RollingQuantile::new(31, 0.5).unwrap(),
    );
    let (mut vwap, mut rolling_vwap, mut obv) =
        (Vwap::default(), RollingVwap::new(20).unwrap(), Obv::default());
    let (mut correlation, mut pairs) =
        (RollingCorrelation::new(30).unwrap(), RollingCoMoments::new(60).unwrap());
    let start = Line { slope: 1.0, intercept: 0.0 };
    let mut hedge = HedgeFilter::new(start, (1.0, 1.0), 1e-5, 1e-5, 1.0).unwrap();
    let model =
        HiddenMarkov::new(vec![0.5; 2], vec![0.9, 0.1, 0.1, 0.9], vec![0.0; 2], vec![1e-4, 4e-4]).unwrap();
    let (mut filter, mut hidden) = (Filter::new(&model), HiddenRegime::new(model.clone(), 0.8));
    let prior = RunPrior { mean: 0.0, mean_weight: 1.0, shape: 1.0, scale: 1e-4 };
    let (mut runs, mut cusum) = (RunLength::new(100.0, 200, prior).unwrap(), Cusum::new(0.5, 5.0).unwrap());
    let mut classes = RegimeClasses::new(&RegimeConfig::standard()).unwrap();
    let mut sizers = METHODS.map(|method| Sizer::new(&config(method)).unwrap());
    let adaptive = AdaptiveConfig::with_limits(1.5, 0.2);
    let mut adaptive = AdaptiveSizer::new(&config(METHODS[2]), &adaptive).unwrap();
    let mut portfolio = KellyPortfolio::new(3, 60, 0.5, 2.0).unwrap();
    let (mut rng, mut price, mut answers, mut lots) = (Rng::new(1), 100.0, 0u32, 0i64);

    let before = sealed_calls();
    let guard = seal_thread(Seal::Count);
    for period in 0..2_000 {
        let value = 0.0004 + 0.01 * rng.normal();
        price *= 1.0 + value;
        let bar = Bar {
            high: price * 1.001,
            low: price * 0.999,
            close: price,
            volume: 10.0 + f64::from(period % 7),
        };
        let weighed = (bar.typical(), bar.volume);
        let other = 0.5 * price + rng.normal();
        let said = [
            averages.update(bar).is_some(),
            rsi.update(price).is_some(),
            macd.update(price).is_some(),
            stochastic.update(bar).is_some(),
            adx.update(bar).is_some(),
            keltner.update(bar).is_some(),
            donchian.update(bar).is_some(),
            bollinger.update(price).is_some(),
            z.update(price).is_some(),
            median.update(price).is_some(),
            vwap.update(weighed).is_some(),
            rolling_vwap.update(weighed).is_some(),
            obv.update(bar).is_some(),
            correlation.update((price, other)).is_some(),
            hedge.update(price, other).is_some(),
            filter.update(&model, &[value]).is_some(),
            hidden.update(&[value]).is_some(),
        ];
        answers += said.map(u32::from).iter().sum::<u32>();
        pairs.update(price, other);
        runs.update(value);
        black_box(cusum.update(value / 0.01));
        let regime = classes.update(value);
        adaptive.update(regime, 100_000.0, value);
        portfolio.update(&[value, 0.01 * rng.normal(), 0.01 * rng.normal()]);
        if portfolio.is_full() {
            portfolio.refresh(&[0.0004, 0.0002, -0.0001]).unwrap();
        }
        let prospect = Prospect {
            equity: 100_000.0,
            lot_value: price,
            mean: 0.0004,
            volatility: 0.01,
            confidence: 1.0,
            bet: Some(Bet { probability: 0.55, win: 0.03, loss: 0.03 }),
            periods_left: 2_000.0 - f64::from(period),
        };
        for sizer in &mut sizers {
            sizer.observe(value);
            sizer.refresh();
            lots += sizer.lots(&prospect).0;
        }
        lots += adaptive.lots(&prospect).0;
    }
    drop(guard);
    assert_eq!(sealed_calls() - before, 0, "allocations and releases");
    // Seventeen that answer, all but the start-up of each.
    assert!(answers > 33_000 && lots > 0, "{answers} {lots}");
    assert!(pairs.is_full() && portfolio.fractions().iter().any(|fraction| *fraction != 0.0));
}
