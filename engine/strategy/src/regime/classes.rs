//! Classes of market: rising, falling or neither, by calm or volatile.

use tickrace_stats::{Cusum, Ewma, EwmaScore, Garch, StatsError};

use super::config::{RegimeConfig, VolatilityConfig};
use super::hysteresis::Hysteresis;
use crate::ConfigError;

/// Where prices go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trend {
    /// Up.
    Bull,
    /// Down.
    Bear,
    /// Nowhere that can be told from noise.
    #[default]
    None,
}

/// Returns before anything is told.
pub const PERIODS_MIN: u64 = 20;

/// The class of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Regime {
    /// Where prices go.
    pub trend: Trend,
    /// Whether they go there by larger steps than usual.
    pub is_volatile: bool,
    /// Whether the mean return has broken from what it was, lately.
    pub is_unsettled: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Variance {
    Ewma(Ewma),
    Garch(Garch, f64),
}

/// Follows the class return by return; allocates nothing.
///
/// - Volatility: the present variance (exponentially weighted, or GARCH(1,1)) over its slow mean, as a ratio of deviations.
/// - Trend: the exponentially weighted mean return in its own standard errors ([`EwmaScore`]).
/// - Break: cumulative sums of returns about that mean, standardised by the variance known before them.
///
/// The first two pass a [`Hysteresis`]; nothing is told of the first [`PERIODS_MIN`] returns. Sources: RiskMetrics (1996); Bollerslev (1986); Page (1954), see `tickrace_stats`.
#[derive(Clone, Debug, PartialEq)]
pub struct RegimeClasses {
    variance: Variance,
    level: Ewma,
    trend: EwmaScore,
    high: Hysteresis,
    rising: Hysteresis,
    falling: Hysteresis,
    breaks: Cusum,
    unsettled_periods: u32,
    unsettled_left: u32,
    volatility: f64,
    regime: Regime,
}

impl RegimeClasses {
    /// Before the first return: no trend, calm, settled.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first key out of range.
    pub fn new(config: &RegimeConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let (level, trend, breaks) = (
            built("regime.level_decay", Ewma::new(config.level_decay))?,
            built("regime.trend_decay", EwmaScore::new(config.trend_decay))?,
            // Half a deviation is forgiven: the usual slack for shifts of one.
            built("regime.break_threshold_z", Cusum::new(0.5, config.break_threshold_z))?,
        );
        let variance = match config.volatility {
            VolatilityConfig::Ewma(of) => {
                Variance::Ewma(built("regime.volatility.decay", Ewma::new(of.decay))?)
            }
            VolatilityConfig::Garch(of) => {
                let model = Garch::new(of.mean, of.omega, of.alpha, of.beta);
                let model = built("regime.volatility", model)?;
                Variance::Garch(model, model.long_run_variance())
            }
        };
        let trend_of =
            || Hysteresis::new(config.trend_enter_z, config.trend_leave_z, config.dwell_periods_min);
        Ok(Self {
            variance,
            level,
            trend,
            high: Hysteresis::new(config.high_enter_ratio, config.high_leave_ratio, config.dwell_periods_min),
            rising: trend_of(),
            falling: trend_of(),
            breaks,
            unsettled_periods: config.unsettled_periods,
            unsettled_left: 0,
            volatility: 0.0,
            regime: Regime::default(),
        })
    }

    /// Takes one period's return in, a fraction, and gives the class after it. One that is not finite changes nothing.
    pub fn update(&mut self, value: f64) -> Regime {
        if !value.is_finite() {
            return self.regime;
        }
        let (mean, known) = (self.trend.mean().unwrap_or(0.0), self.volatility);
        let next = match &mut self.variance {
            Variance::Ewma(squares) => squares.update(value * value),
            Variance::Garch(model, variance) => {
                *variance = model.next_variance(*variance, value);
                *variance
            }
        };
        self.volatility = next.sqrt();
        let level = self.level.update(next).sqrt();
        self.trend.update(value);
        if self.trend.count() < PERIODS_MIN {
            return self.regime;
        }
        // Without variance nothing can be told; the switches stay where they are.
        let z = self.trend.z_score().unwrap_or(f64::NAN);
        self.regime.is_volatile = self.high.update(self.volatility / level);
        let (is_rising, is_falling) = (self.rising.update(z), self.falling.update(-z));
        self.regime.trend = match (is_rising, is_falling) {
            (true, false) => Trend::Bull,
            (false, true) => Trend::Bear,
            // Both only while one dwells: what is on is no longer sure.
            _ => Trend::None,
        };
        self.unsettled_left = self.unsettled_left.saturating_sub(1);
        if known > 0.0 && self.breaks.update((value - mean) / known).is_some() {
            self.unsettled_left = self.unsettled_periods;
        }
        self.regime.is_unsettled = self.unsettled_left > 0;
        self.regime
    }

    /// The class now.
    #[inline]
    pub const fn regime(&self) -> Regime {
        self.regime
    }

    /// Expected deviation of the next return, a fraction per period; 0 before the first.
    #[inline]
    pub const fn volatility(&self) -> f64 {
        self.volatility
    }
}

/// What validation let pass cannot fail; if it does, the key is named all the same.
fn built<T>(key: &'static str, made: Result<T, StatsError>) -> Result<T, ConfigError> {
    made.map_err(|_| ConfigError { key, wanted: "within its range", got: f64::NAN })
}

#[cfg(test)]
mod tests {
    use super::super::config::GarchConfig;
    use super::*;
    use tickrace_stats::Rng;

    /// Share of the last 300 of 500 periods in each of: bull, bear, volatile.
    fn shares(classes: &mut RegimeClasses, rng: &mut Rng, mean: f64, deviation: f64) -> [f64; 3] {
        let mut seen = [0.0; 3];
        for period in 0..500 {
            let regime = classes.update(mean + deviation * rng.normal());
            if period >= 200 {
                let is = [regime.trend == Trend::Bull, regime.trend == Trend::Bear, regime.is_volatile];
                seen.iter_mut().zip(is).for_each(|(seen, is)| *seen += f64::from(u8::from(is)) / 300.0);
            }
        }
        seen
    }

    #[test]
    fn trends_are_told_and_noise_is_mostly_none() {
        let (mut rng, mut classes) = (Rng::new(51), RegimeClasses::new(&RegimeConfig::standard()).unwrap());
        let [bull, bear, _] = shares(&mut classes, &mut rng, 0.005, 0.01);
        assert!(bull > 0.9 && bear < 0.01, "{bull} {bear}");
        let [bull, bear, _] = shares(&mut classes, &mut rng, -0.005, 0.01);
        assert!(bear > 0.9 && bull < 0.01, "{bull} {bear}");
        let [bull, bear, _] = shares(&mut classes, &mut rng, 0.0, 0.01);
        assert!(bull + bear < 0.6, "{bull} {bear}");
    }

    #[test]
    fn the_young_tell_nothing_and_then_not_more_than_noise_allows() {
        let mut trends = 0;
        for seed in 0..500 {
            let (mut rng, mut classes) =
                (Rng::new(seed), RegimeClasses::new(&RegimeConfig::standard()).unwrap());
            for period in 1..=PERIODS_MIN {
                let regime = classes.update(0.01 * rng.normal());
                assert!(period == PERIODS_MIN || regime == Regime::default());
            }
            trends += i32::from(classes.regime().trend != Trend::None);
        }
        // Beyond 1.5 on either side: 13 to 15 per cent, for a t of some twenty degrees.
        assert!((45..100).contains(&trends), "{trends}");
    }

    #[test]
    fn a_burst_of_volatility_is_told_by_either_model() {
        let garch = GarchConfig { mean: 0.0, omega: 2e-6, alpha: 0.08, beta: 0.9 };
        for volatility in [VolatilityConfig::default(), VolatilityConfig::Garch(garch)] {
            let config = RegimeConfig { volatility, ..RegimeConfig::standard() };
            let (mut rng, mut classes) = (Rng::new(52), RegimeClasses::new(&config).unwrap());
            let [_, _, calm] = shares(&mut classes, &mut rng, 0.0, 0.01);
            let burst = (0..40).filter(|_| classes.update(0.03 * rng.normal()).is_volatile).count();
            assert!(calm < 0.15 && burst > 32, "{calm} {burst} with {volatility:?}");
            let [_, _, calm] = shares(&mut classes, &mut rng, 0.0, 0.01);
            assert!(calm < 0.15, "{calm} afterwards");
        }
    }

    #[test]
    fn a_break_of_the_mean_unsettles_for_a_while() {
        let (mut rng, mut classes) = (Rng::new(53), RegimeClasses::new(&RegimeConfig::standard()).unwrap());
        let steady = (0..1_000).filter(|_| classes.update(0.01 * rng.normal()).is_unsettled).count();
        let broken = (0..30).filter(|_| classes.update(0.015 + 0.01 * rng.normal()).is_unsettled).count();
        assert!(steady < 150 && broken > 10, "{steady} {broken}");
    }

    #[test]
    fn nonsense_and_silence_change_nothing() {
        let mut classes = RegimeClasses::new(&RegimeConfig::standard()).unwrap();
        let before = classes.clone();
        assert_eq!(classes.update(f64::NAN), Regime::default());
        assert_eq!(classes, before);
        (0..50).for_each(|_| assert_eq!(classes.update(0.0), Regime::default()));
    }
}
