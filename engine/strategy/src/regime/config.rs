//! What steers regimes and the adaptive sizer.

use serde::Deserialize;

use crate::ConfigError;
use crate::sizing::config::real;

/// Keys of the classes. Unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegimeConfig {
    /// How volatility is followed.
    #[serde(default)]
    pub volatility: VolatilityConfig,
    /// Weight that the level of variance, which the present one is compared with, keeps per period.
    #[serde(default = "default::level_decay")]
    pub level_decay: f64,
    /// Volatility is high above this multiple of its level, and until it falls below the next.
    #[serde(default = "default::high_enter_ratio")]
    pub high_enter_ratio: f64,
    /// See above.
    #[serde(default = "default::high_leave_ratio")]
    pub high_leave_ratio: f64,
    /// Weight that the mean return keeps per period.
    #[serde(default = "default::trend_decay")]
    pub trend_decay: f64,
    /// A trend begins where the mean return is so many of its standard errors from zero, and ends below the next.
    #[serde(default = "default::trend_enter_z")]
    pub trend_enter_z: f64,
    /// See above.
    #[serde(default = "default::trend_leave_z")]
    pub trend_leave_z: f64,
    /// Fewest periods between two changes of one class.
    #[serde(default = "default::dwell_periods_min")]
    pub dwell_periods_min: u32,
    /// Sum of standardised returns that counts as a break of the mean, deviations; see `tickrace_stats::Cusum`.
    #[serde(default = "default::break_threshold_z")]
    pub break_threshold_z: f64,
    /// Periods that count as unsettled after a break.
    #[serde(default = "default::unsettled_periods")]
    pub unsettled_periods: u32,
}

/// How volatility is followed, named by `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum VolatilityConfig {
    /// Exponentially weighted squares.
    Ewma(EwmaConfig),
    /// GARCH(1,1) with parameters fitted beforehand.
    Garch(GarchConfig),
}

impl Default for VolatilityConfig {
    fn default() -> Self {
        Self::Ewma(EwmaConfig { decay: default::decay() })
    }
}

/// Keys of `ewma`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EwmaConfig {
    /// Weight kept per period.
    #[serde(default = "default::decay")]
    pub decay: f64,
}

/// Keys of `garch`: see `tickrace_stats::Garch`, which fits them.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GarchConfig {
    /// Mean return per period.
    #[serde(default)]
    pub mean: f64,
    /// Constant of the variance.
    pub omega: f64,
    /// Weight of the last squared shock.
    pub alpha: f64,
    /// Weight of the last variance.
    pub beta: f64,
}

/// Keys of the adaptive sizer. Unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveConfig {
    /// Bounds of the scale, whatever regime and performance say. The greatest is a limit: no default.
    #[serde(default)]
    pub scale_min: f64,
    /// See above.
    pub scale_max: f64,
    /// Most that the scale changes in a period, so that a flicker moves no inventory.
    #[serde(default = "default::scale_step_max")]
    pub scale_step_max: f64,
    /// Scale with the trend, volatility low.
    #[serde(default = "default::one")]
    pub with_trend_calm: f64,
    /// Scale with the trend, volatility high.
    #[serde(default = "default::half")]
    pub with_trend_volatile: f64,
    /// Scale against the trend, volatility low.
    #[serde(default = "default::half")]
    pub against_trend_calm: f64,
    /// Scale against the trend, volatility high.
    #[serde(default)]
    pub against_trend_volatile: f64,
    /// Scale without a trend, volatility low.
    #[serde(default = "default::one")]
    pub no_trend_calm: f64,
    /// Scale without a trend, volatility high.
    #[serde(default = "default::half")]
    pub no_trend_volatile: f64,
    /// Further scale while a break of the mean is fresh.
    #[serde(default = "default::half")]
    pub unsettled: f64,
    /// Weight that recent performance keeps per period.
    #[serde(default = "default::performance_decay")]
    pub performance_decay: f64,
    /// Change of the scale for one standard error that our mean profit is from zero.
    #[serde(default = "default::performance_gain")]
    pub performance_gain: f64,
    /// Bounds of the factor that recent performance gives.
    #[serde(default = "default::half")]
    pub performance_min: f64,
    /// See above.
    #[serde(default = "default::performance_max")]
    pub performance_max: f64,
    /// Fall of equity from its peak at which the scale is `scale_min`; from there up to the peak it rises in a straight line.
    /// A limit: no default.
    pub drawdown_max: f64,
}

mod default {
    pub const fn decay() -> f64 {
        0.94
    }
    pub const fn level_decay() -> f64 {
        0.995
    }
    pub const fn high_enter_ratio() -> f64 {
        1.3
    }
    pub const fn high_leave_ratio() -> f64 {
        1.1
    }
    pub const fn trend_decay() -> f64 {
        0.97
    }
    pub const fn trend_enter_z() -> f64 {
        1.5
    }
    pub const fn trend_leave_z() -> f64 {
        0.5
    }
    pub const fn dwell_periods_min() -> u32 {
        5
    }
    pub const fn break_threshold_z() -> f64 {
        6.0
    }
    pub const fn unsettled_periods() -> u32 {
        20
    }
    pub const fn scale_step_max() -> f64 {
        0.1
    }
    pub const fn one() -> f64 {
        1.0
    }
    pub const fn half() -> f64 {
        0.5
    }
    pub const fn performance_decay() -> f64 {
        0.98
    }
    pub const fn performance_gain() -> f64 {
        0.15
    }
    pub const fn performance_max() -> f64 {
        1.25
    }
}

const DECAY: (f64, f64, &str) = (1e-6, 0.999_999, "0.000001 to 0.999999");

impl RegimeConfig {
    /// Everything by default.
    pub fn standard() -> Self {
        Self {
            volatility: VolatilityConfig::default(),
            level_decay: default::level_decay(),
            high_enter_ratio: default::high_enter_ratio(),
            high_leave_ratio: default::high_leave_ratio(),
            trend_decay: default::trend_decay(),
            trend_enter_z: default::trend_enter_z(),
            trend_leave_z: default::trend_leave_z(),
            dwell_periods_min: default::dwell_periods_min(),
            break_threshold_z: default::break_threshold_z(),
            unsettled_periods: default::unsettled_periods(),
        }
    }

    /// Checks every key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first key out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        match self.volatility {
            VolatilityConfig::Ewma(of) => {
                real("regime.volatility.decay", of.decay, DECAY.0, DECAY.1, DECAY.2)?
            }
            VolatilityConfig::Garch(of) => {
                real("regime.volatility.mean", of.mean, -1.0, 1.0, "-1 to 1")?;
                real("regime.volatility.omega", of.omega, f64::MIN_POSITIVE, 1.0, "above 0, up to 1")?;
                real("regime.volatility.alpha", of.alpha, 0.0, 1.0, "0 to 1")?;
                let most = 1.0 - of.alpha - 1e-9;
                real("regime.volatility.beta", of.beta, 0.0, most, "0 to less than 1 - alpha")?;
            }
        }
        real("regime.level_decay", self.level_decay, DECAY.0, DECAY.1, DECAY.2)?;
        real("regime.high_leave_ratio", self.high_leave_ratio, 1e-3, 1e3, "0.001 to 1,000")?;
        let least = self.high_leave_ratio;
        real("regime.high_enter_ratio", self.high_enter_ratio, least, 1e3, "high_leave_ratio to 1,000")?;
        real("regime.trend_decay", self.trend_decay, DECAY.0, DECAY.1, DECAY.2)?;
        real("regime.trend_leave_z", self.trend_leave_z, 0.0, 100.0, "0 to 100")?;
        real("regime.trend_enter_z", self.trend_enter_z, self.trend_leave_z, 100.0, "trend_leave_z to 100")?;
        real("regime.break_threshold_z", self.break_threshold_z, 1e-3, 1e6, "0.001 to 1,000,000")
    }
}

impl AdaptiveConfig {
    /// Everything by default but the two limits.
    pub fn with_limits(scale_max: f64, drawdown_max: f64) -> Self {
        Self {
            scale_min: 0.0,
            scale_max,
            scale_step_max: default::scale_step_max(),
            with_trend_calm: 1.0,
            with_trend_volatile: default::half(),
            against_trend_calm: default::half(),
            against_trend_volatile: 0.0,
            no_trend_calm: 1.0,
            no_trend_volatile: default::half(),
            unsettled: default::half(),
            performance_decay: default::performance_decay(),
            performance_gain: default::performance_gain(),
            performance_min: default::half(),
            performance_max: default::performance_max(),
            drawdown_max,
        }
    }

    /// Checks every key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first key out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let scale = |key, got| real(key, got, 0.0, 10.0, "0 to 10");
        real("adaptive.scale_max", self.scale_max, 1e-6, 10.0, "above 0, up to 10")?;
        real("adaptive.scale_min", self.scale_min, 0.0, self.scale_max, "0 to scale_max")?;
        real("adaptive.scale_step_max", self.scale_step_max, 1e-6, 10.0, "above 0, up to 10")?;
        scale("adaptive.with_trend_calm", self.with_trend_calm)?;
        scale("adaptive.with_trend_volatile", self.with_trend_volatile)?;
        scale("adaptive.against_trend_calm", self.against_trend_calm)?;
        scale("adaptive.against_trend_volatile", self.against_trend_volatile)?;
        scale("adaptive.no_trend_calm", self.no_trend_calm)?;
        scale("adaptive.no_trend_volatile", self.no_trend_volatile)?;
        scale("adaptive.unsettled", self.unsettled)?;
        real("adaptive.performance_decay", self.performance_decay, DECAY.0, DECAY.1, DECAY.2)?;
        scale("adaptive.performance_gain", self.performance_gain)?;
        real("adaptive.performance_min", self.performance_min, 0.0, 1.0, "0 to 1")?;
        real("adaptive.performance_max", self.performance_max, 1.0, 10.0, "1 to 10")?;
        real("adaptive.drawdown_max", self.drawdown_max, 1e-4, 1.0, "0.0001 to 1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_what_an_empty_table_reads() {
        assert_eq!(toml::from_str::<RegimeConfig>("").unwrap(), RegimeConfig::standard());
        assert_eq!(RegimeConfig::standard().validate(), Ok(()));
        let limits = toml::from_str::<AdaptiveConfig>("scale_max = 1.5\ndrawdown_max = 0.2").unwrap();
        assert_eq!(limits, AdaptiveConfig::with_limits(1.5, 0.2));
        assert_eq!(limits.validate(), Ok(()));
    }

    #[test]
    fn unknown_missing_and_nonsensical_keys_are_named() {
        let regime = |text: &str| {
            let read = toml::from_str::<RegimeConfig>(text).map_err(|error| error.to_string());
            read.and_then(|config| config.validate().map_err(|error| error.to_string())).unwrap_err()
        };
        for (text, named) in [
            ("gamma = 1", "gamma"),
            ("[volatility]\nkind = \"ewma\"\ndecay = 1.0", "regime.volatility.decay"),
            (
                "[volatility]\nkind = \"garch\"\nomega = 0.1\nalpha = 0.5\nbeta = 0.5",
                "regime.volatility.beta",
            ),
            ("[volatility]\nkind = \"garch\"\nomega = 0.1\nalpha = 0.5", "beta"),
            ("high_enter_ratio = 1.0\nhigh_leave_ratio = 1.2", "regime.high_enter_ratio"),
            ("trend_enter_z = nan", "regime.trend_enter_z"),
        ] {
            assert!(regime(text).contains(named), "{}", regime(text));
        }
        let error = toml::from_str::<AdaptiveConfig>("scale_max = 1.5").unwrap_err().to_string();
        assert!(error.contains("drawdown_max"), "{error}");
        let bad = AdaptiveConfig { scale_min: 2.0, ..AdaptiveConfig::with_limits(1.0, 0.2) };
        assert_eq!(bad.validate().unwrap_err().key, "adaptive.scale_min");
    }
}
