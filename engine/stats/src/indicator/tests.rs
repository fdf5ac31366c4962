//! Each indicator against its formula over the window, written without any updating.

use proptest::prelude::*;

use super::*;

fn close_to(got: f64, wanted: f64, scale: f64) -> bool {
    (got - wanted).abs() <= 1e-9 * (1.0 + scale)
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    // Few distinct values among many, so that ties and constant windows come up.
    let value = prop_oneof![-1e3f64..1e3, (-3i32..4).prop_map(f64::from), Just(5.0)];
    prop::collection::vec(value, 1..80)
}

fn mean(window: &[f64]) -> f64 {
    window.iter().sum::<f64>() / window.len() as f64
}

fn deviation(window: &[f64], divisor: f64) -> f64 {
    let mean = mean(window);
    (window.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / divisor).sqrt()
}

/// Answers after each value, and the windows they are of.
fn run<I: Indicator<Input = f64>>(
    mut indicator: I,
    values: &[f64],
    window: usize,
) -> impl Iterator<Item = (I::Output, &[f64])> {
    let answers: Vec<Option<I::Output>> = values.iter().map(|value| indicator.update(*value)).collect();
    answers.into_iter().enumerate().filter_map(move |(at, answer)| {
        assert!(answer.is_none() || at + 1 >= window, "answered after {} of {window}", at + 1);
        answer.map(|answer| (answer, &values[at + 1 - window..=at]))
    })
}

proptest! {
    #[test]
    fn windows_give_what_their_formula_gives(values in values(), window in 2usize..9) {
        let n = window as f64;
        for (got, over) in run(Sma::new(window).unwrap(), &values, window) {
            prop_assert!(close_to(got, mean(over), 1e3));
        }
        for (got, over) in run(Wma::new(window).unwrap(), &values, window) {
            let weighted: f64 = over.iter().zip(1..).map(|(value, weight)| value * f64::from(weight)).sum();
            prop_assert!(close_to(got, weighted / (n * (n + 1.0) / 2.0), 1e3));
        }
        for (got, over) in run(RollingDeviation::new(window).unwrap(), &values, window) {
            // Squares of up to 10^6 cancel: the root keeps half of the digits where little is left.
            prop_assert!((got - deviation(over, n - 1.0)).abs() < 1e-4);
            prop_assert!((got * got - deviation(over, n - 1.0).powi(2)).abs() < 1e-7);
        }
        for (got, over) in run(RollingMax::new(window).unwrap(), &values, window) {
            prop_assert_eq!(got, over.iter().copied().fold(f64::MIN, f64::max));
        }
        for (got, over) in run(RollingMin::new(window).unwrap(), &values, window) {
            prop_assert_eq!(got, over.iter().copied().fold(f64::MAX, f64::min));
        }
        for (got, over) in run(RollingQuantile::new(window, 0.4).unwrap(), &values, window) {
            let mut sorted = over.to_vec();
            sorted.sort_by(f64::total_cmp);
            prop_assert_eq!(got, crate::quantile(&sorted, 0.4).unwrap());
        }
        for (got, over) in run(Bollinger::new(window, 2.0).unwrap(), &values, window) {
            prop_assert!((got.upper - mean(over) - 2.0 * deviation(over, n)).abs() < 1e-3);
        }
        let answered = run(Sma::new(window).unwrap(), &values, window).count();
        prop_assert_eq!(answered, (values.len() + 1).saturating_sub(window));
    }

    #[test]
    fn recursions_give_their_sums_written_out(values in values(), window in 2u32..9) {
        let alpha = 2.0 / (f64::from(window) + 1.0);
        let mut ema = Ema::new(window as usize).unwrap();
        for (at, value) in values.iter().enumerate() {
            let Some(got) = ema.update(*value) else { continue };
            let at = i32::try_from(at).unwrap();
            let weight = |age: i32| (1.0 - alpha).powi(age) * if age == at { 1.0 } else { alpha };
            let sum: f64 = values.iter().zip(0..).take_while(|(_, place)| *place <= at).map(|(v, place)| v * weight(at - place)).sum();
            prop_assert!(close_to(got, sum, 1e3));
        }
    }

    #[test]
    fn after_a_reset_it_is_as_new_and_what_is_not_finite_changes_nothing(values in values(), window in 2usize..6) {
        let mut fresh = Rsi::new(window).unwrap().then(Wma::new(3).unwrap()).map(|value| 0.5 * value);
        let mut used = fresh.clone();
        values.iter().for_each(|value| { used.update(value + 1.0); });
        used.reset();
        for value in &values {
            prop_assert_eq!(used.update(f64::NAN), None);
            prop_assert_eq!(fresh.update(*value), used.update(*value));
        }
    }
}

#[test]
fn a_flat_market_is_in_the_middle_of_everything() {
    let bar = Bar { high: 5.0, low: 5.0, close: 5.0, volume: 0.0 };
    let last =
        |mut indicator: Box<dyn FnMut(Bar) -> Option<f64>>| (0..20).filter_map(|_| indicator(bar)).last();
    let mut rsi = Rsi::new(3).unwrap();
    assert_eq!(last(Box::new(move |bar| rsi.update(bar.close))), Some(50.0));
    let mut stochastic = Stochastic::new(3, 2).unwrap();
    assert_eq!(last(Box::new(move |bar| stochastic.update(bar).map(|value| value.k))), Some(50.0));
    let mut adx = Adx::new(3).unwrap();
    assert_eq!(last(Box::new(move |bar| adx.update(bar).map(|value| value.adx))), Some(0.0));
    let mut z = RollingZScore::new(3).unwrap();
    assert_eq!(last(Box::new(move |bar| z.update(bar.close))), None);
    let mut vwap = Vwap::default();
    assert_eq!(last(Box::new(move |bar| vwap.update((bar.typical(), bar.volume)))), None);
}

#[test]
fn a_constant_window_after_a_wild_one_does_not_vary() {
    let mut z = RollingZScore::new(4).unwrap();
    let answers = [1e9, -3.0, 0.1, 0.1, 0.1, 0.1].map(|value| z.update(value));
    assert_eq!(answers[5], None);
    let mut vwap = RollingVwap::new(3).unwrap();
    let answers = [(1.1, 0.3), (1.2, 0.7), (1.3, 0.1), (1.4, 0.0), (1.5, 0.0), (1.6, 0.0)]
        .map(|input| vwap.update(input));
    assert!(answers[4].is_some() && answers[5].is_none(), "{answers:?}");
}

#[test]
fn windows_too_short_are_refused() {
    assert!(Sma::new(0).is_err() && Wma::new(0).is_err() && Ema::new(1).is_err() && Wilder::new(0).is_err());
    assert!(
        RollingDeviation::new(1).is_err()
            && RollingMax::new(0).is_err()
            && RollingQuantile::new(3, 1.5).is_err()
    );
    assert!(Macd::new(26, 12, 9).is_err() && Adx::new(1).is_err() && Bollinger::new(5, f64::NAN).is_err());
    assert!(
        RollingCorrelation::new(1).is_err()
            && RollingVwap::new(0).is_err()
            && Keltner::new(5, 0, 1.0).is_err()
    );
}
