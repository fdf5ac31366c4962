//! What steers sizing.

use serde::Deserialize;

use crate::ConfigError;

/// How much is held. Limits have no default; unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizingConfig {
    /// Most lots held long or short, whatever the method says. A limit: no default.
    pub position_max_lots: i64,
    /// Greatest value held, as a multiple of equity. A limit: no default.
    pub leverage_max: f64,
    /// The method and its own keys.
    pub method: MethodConfig,
}

/// The method, named by `kind`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum MethodConfig {
    /// One fraction of equity, always.
    FixedFraction(FixedFractionConfig),
    /// As much as has a stated volatility.
    VolatilityTarget(VolatilityTargetConfig),
    /// A share of mean over variance.
    Kelly(KellyConfig),
    /// A share of Kelly's fraction of a bet with two outcomes.
    BinaryKelly(KellyConfig),
    /// A share of the Sharpe ratio over volatility.
    SharpeKelly(KellyConfig),
    /// Greatest expected utility over the returns seen last.
    Utility(UtilityConfig),
    /// Greatest probability of reaching a wealth by a deadline.
    Target(TargetConfig),
}

/// Keys of `fixed-fraction`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedFractionConfig {
    /// Value held as a fraction of equity, above 0.
    pub fraction: f64,
}

/// Keys of `volatility-target`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolatilityTargetConfig {
    /// Standard deviation of equity per period, a fraction.
    pub volatility_target: f64,
}

/// Keys of the three Kelly methods.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KellyConfig {
    /// Share of Kelly's fraction, above 0, up to 1.
    #[serde(default = "default::share")]
    pub share: f64,
    /// Bound on falling far; the smaller of the two shares counts. Absent: none.
    #[serde(default)]
    pub drawdown: Option<DrawdownConfig>,
}

/// How far equity may fall below the start, and how likely. Limits: no defaults.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawdownConfig {
    /// The fall, a share of equity at the start, between 0 and 1.
    pub drawdown_max: f64,
    /// Its probability, ever, between 0 and 1.
    pub probability_max: f64,
}

/// Keys of `utility`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UtilityConfig {
    /// Relative risk aversion: 1 is logarithmic, Kelly's own.
    #[serde(default = "default::share")]
    pub aversion: f64,
    /// Returns remembered, periods.
    pub window_periods: usize,
}

/// Keys of `target`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// Wealth to reach, account currency.
    pub equity_target: f64,
    /// Time from the start to the deadline, periods.
    pub horizon_periods: f64,
    /// Expected excess return per period, a fraction.
    pub mean: f64,
    /// Its standard deviation per period.
    pub volatility: f64,
}

mod default {
    pub const fn share() -> f64 {
        1.0
    }
}

impl SizingConfig {
    /// Checks every key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first key out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        const LOTS_MAX: f64 = 1e9;
        real("sizing.position_max_lots", self.position_max_lots as f64, 1.0, LOTS_MAX, "1 to 1,000,000,000")?;
        real("sizing.leverage_max", self.leverage_max, 1e-6, 1e3, "0.000001 to 1,000")?;
        match &self.method {
            MethodConfig::FixedFraction(of) => {
                real("sizing.method.fraction", of.fraction, 1e-9, 1e3, "above 0, up to 1,000")
            }
            MethodConfig::VolatilityTarget(of) => {
                real("sizing.method.volatility_target", of.volatility_target, 1e-9, 10.0, "above 0, up to 10")
            }
            MethodConfig::Kelly(of) | MethodConfig::BinaryKelly(of) | MethodConfig::SharpeKelly(of) => {
                of.validate()
            }
            MethodConfig::Utility(of) => {
                real("sizing.method.aversion", of.aversion, 1e-2, 1e3, "0.01 to 1,000")?;
                let window = of.window_periods as f64;
                real("sizing.method.window_periods", window, 2.0, 1e6, "2 to 1,000,000")
            }
            MethodConfig::Target(of) => {
                real("sizing.method.equity_target", of.equity_target, 1e-9, 1e18, "positive")?;
                real("sizing.method.horizon_periods", of.horizon_periods, 1e-9, 1e12, "positive")?;
                real("sizing.method.mean", of.mean, -1.0, 1.0, "-1 to 1")?;
                real("sizing.method.volatility", of.volatility, 1e-9, 10.0, "above 0, up to 10")
            }
        }
    }
}

impl KellyConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        real("sizing.method.share", self.share, 1e-9, 1.0, "above 0, up to 1")?;
        if let Some(bound) = self.drawdown {
            let wanted = "0.0001 to 0.9999";
            real("sizing.method.drawdown.drawdown_max", bound.drawdown_max, 1e-4, 0.9999, wanted)?;
            real("sizing.method.drawdown.probability_max", bound.probability_max, 1e-4, 0.9999, wanted)?;
        }
        Ok(())
    }
}

/// A NaN fails both comparisons.
pub(crate) fn real(
    key: &'static str,
    got: f64,
    least: f64,
    most: f64,
    wanted: &'static str,
) -> Result<(), ConfigError> {
    if got >= least && got <= most { Ok(()) } else { Err(ConfigError { key, wanted, got }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SizingConfig, String> {
        let config: SizingConfig = toml::from_str(text).map_err(|error| error.to_string())?;
        config.validate().map_err(|error| error.to_string()).map(|()| config)
    }

    #[test]
    fn each_method_is_read_from_its_name() {
        let limits = "position_max_lots = 500\nleverage_max = 2.0\n[method]\n";
        for method in [
            "kind = \"fixed-fraction\"\nfraction = 0.1",
            "kind = \"volatility-target\"\nvolatility_target = 0.01",
            "kind = \"kelly\"\nshare = 0.5",
            "kind = \"kelly\"\n[method.drawdown]\ndrawdown_max = 0.2\nprobability_max = 0.05",
            "kind = \"binary-kelly\"",
            "kind = \"sharpe-kelly\"\nshare = 0.25",
            "kind = \"utility\"\naversion = 2.0\nwindow_periods = 250",
            "kind = \"target\"\nequity_target = 120000.0\nhorizon_periods = 252.0\nmean = 0.0004\nvolatility = 0.01",
        ] {
            read(&format!("{limits}{method}")).unwrap();
        }
    }

    #[test]
    fn missing_limits_unknown_keys_and_values_out_of_range_are_named() {
        for (text, named) in [
            ("leverage_max = 2.0\n[method]\nkind = \"kelly\"", "position_max_lots"),
            ("position_max_lots = 1\n[method]\nkind = \"kelly\"", "leverage_max"),
            (
                "position_max_lots = 1\nleverage_max = 1.0\n[method]\nkind = \"kelly\"\nfraction = 1.0",
                "fraction",
            ),
            ("position_max_lots = 1\nleverage_max = 1.0\ngamma = 1\n[method]\nkind = \"kelly\"", "gamma"),
            ("position_max_lots = 1\nleverage_max = 1.0\n[method]\nkind = \"keli\"", "keli"),
            (
                "position_max_lots = 0\nleverage_max = 1.0\n[method]\nkind = \"kelly\"",
                "sizing.position_max_lots",
            ),
            (
                "position_max_lots = 1\nleverage_max = 1.0\n[method]\nkind = \"kelly\"\nshare = 1.5",
                "sizing.method.share",
            ),
            (
                "position_max_lots = 1\nleverage_max = 1.0\n[method]\nkind = \"kelly\"\n[method.drawdown]\ndrawdown_max = 0.2",
                "probability_max",
            ),
            (
                "position_max_lots = 1\nleverage_max = nan\n[method]\nkind = \"fixed-fraction\"\nfraction = 1.0",
                "sizing.leverage_max",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
