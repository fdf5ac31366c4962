//! What steers the momentum policy.

use serde::Deserialize;
use tickrace_book::bars::BarSpec;
use tickrace_oms::algo::AlgoConfig;

use crate::regime::{AdaptiveConfig, RegimeConfig};
use crate::sizing::config::real;
use crate::sizing::{MethodConfig, SizingConfig};
use crate::{ConfigError, Weight};

/// Most horizons of one policy.
pub const HORIZONS_MAX: usize = 8;

/// Keys of the momentum policy. Limits have no default; unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MomentumConfig {
    /// When a bar is full: `time:60s`, `tick:1000`, `volume:10000`, `dollar:1e6`.
    pub bars: String,
    /// What bars are made of.
    #[serde(default)]
    pub bars_of: BarsOf,
    /// Returns looked back over, with their weights.
    pub horizons: Vec<Horizon>,
    /// Weight that the variance of a bar's return keeps per bar.
    #[serde(default = "default::volatility_decay")]
    pub volatility_decay: f64,
    /// A position is taken where the signal is so many standard deviations from zero.
    #[serde(default = "default::enter_z")]
    pub enter_z: f64,
    /// It is left where the signal on its side falls below.
    #[serde(default = "default::exit_z")]
    pub exit_z: f64,
    /// The signal at which confidence is full.
    #[serde(default = "default::full_z")]
    pub full_z: f64,
    /// Correlation expected between the signal and the next bar's return: the expected return is so many bar volatilities for
    /// one standard deviation of signal.
    #[serde(default = "default::information_coefficient")]
    pub information_coefficient: f64,
    /// Distance of the trailing stop from the best mid since entry, bar volatilities; 0 for none.
    #[serde(default = "default::trail_volatilities")]
    pub trail_volatilities: f64,
    /// Longest a position is held, bars; 0 for ever.
    #[serde(default)]
    pub hold_bars_max: u32,
    /// A position is resized where the wanted size differs by such a share of it.
    #[serde(default = "default::resize_share_min")]
    pub resize_share_min: f64,
    /// Nothing is sent where the book was last heard of longer ago, milliseconds.
    #[serde(default = "default::top_age_ms_max")]
    pub top_age_ms_max: i64,
    /// Most lots of one order; absent: as many as the instrument's venue takes.
    #[serde(default)]
    pub order_qty_max_lots: Option<i64>,
    /// Equity that sizes are fractions of, before our own profit; account currency. A limit: no default.
    pub equity_ccy: f64,
    /// How signals become lots.
    pub sizing: SizingConfig,
    /// How sizes follow the kind of market; absent: they do not.
    #[serde(default)]
    pub adaptive: Option<AdaptiveConfig>,
    /// How the kind of market is told.
    #[serde(default)]
    pub regime: Option<RegimeConfig>,
    /// How positions are entered and resized.
    pub execution: AlgoConfig,
    /// How they are left; as they are entered where absent.
    #[serde(default)]
    pub exit_execution: Option<AlgoConfig>,
}

/// What bars are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BarsOf {
    /// Trades.
    #[default]
    Trades,
    /// Mids, one lot at each change: for markets of quotes.
    Mids,
}

/// One return looked back over.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Horizon {
    /// Bars.
    pub bars: usize,
    /// Its weight among the others.
    pub weight: f64,
}

mod default {
    pub const fn volatility_decay() -> f64 {
        0.97
    }
    pub const fn enter_z() -> f64 {
        1.0
    }
    pub const fn exit_z() -> f64 {
        0.25
    }
    pub const fn full_z() -> f64 {
        2.0
    }
    pub const fn information_coefficient() -> f64 {
        0.05
    }
    pub const fn trail_volatilities() -> f64 {
        6.0
    }
    pub const fn top_age_ms_max() -> i64 {
        3_000
    }
    pub const fn resize_share_min() -> f64 {
        0.25
    }
}

impl MomentumConfig {
    /// The same with equity and limits of a weight.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is out of range then.
    pub fn weighted(&self, weight: Weight) -> Result<Self, ConfigError> {
        let mut own = self.clone();
        own.equity_ccy *= weight.share();
        own.sizing.position_max_lots = weight.lots(self.sizing.position_max_lots);
        own.order_qty_max_lots = self.order_qty_max_lots.map(|lots| weight.lots(lots));
        own.validate()?;
        Ok(own)
    }

    /// Checks every key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first key out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.spec()?;
        let count = self.horizons.len() as f64;
        real("horizons", count, 1.0, HORIZONS_MAX as f64, "one to eight")?;
        for horizon in &self.horizons {
            real("horizons.bars", horizon.bars as f64, 1.0, 10_000.0, "1 to 10,000")?;
            real("horizons.weight", horizon.weight, 1e-6, 1e6, "above zero")?;
        }
        real("volatility_decay", self.volatility_decay, 0.5, 0.999_999, "0.5 to below 1")?;
        real("enter_z", self.enter_z, 1e-3, 10.0, "0.001 to 10")?;
        real("exit_z", self.exit_z, -10.0, self.enter_z, "-10 to enter_z")?;
        real("full_z", self.full_z, self.enter_z, 20.0, "enter_z to 20")?;
        real("information_coefficient", self.information_coefficient, 1e-6, 1.0, "above 0, up to 1")?;
        real("trail_volatilities", self.trail_volatilities, 0.0, 1e4, "0 to 10,000")?;
        real("resize_share_min", self.resize_share_min, 0.0, 10.0, "0 to 10")?;
        real("top_age_ms_max", self.top_age_ms_max as f64, 1.0, 1e9, "1 to 1,000,000,000")?;
        let order_qty_max = self.order_qty_max_lots.unwrap_or(1) as f64;
        real("order_qty_max_lots", order_qty_max, 1.0, 1e9, "1 to 1,000,000,000")?;
        real("equity_ccy", self.equity_ccy, 1e-6, 1e15, "above zero")?;
        self.sizing.validate()?;
        // A signal states a mean and a deviation: no odds of a bet, no deadline, no history of its own.
        if matches!(
            self.sizing.method,
            MethodConfig::BinaryKelly(_) | MethodConfig::Utility(_) | MethodConfig::Target(_)
        ) {
            return Err(ConfigError {
                key: "sizing.method.kind",
                wanted: "fixed-fraction, volatility-target, kelly or sharpe-kelly with a signal",
                got: f64::NAN,
            });
        }
        if self.adaptive.is_some() != self.regime.is_some() {
            let got = f64::from(u8::from(self.regime.is_some()));
            return Err(ConfigError { key: "adaptive", wanted: "stated together with regime", got });
        }
        if let (Some(adaptive), Some(regime)) = (&self.adaptive, &self.regime) {
            adaptive.validate()?;
            regime.validate()?;
        }
        for algo in std::iter::once(&self.execution).chain(&self.exit_execution) {
            algo.validate().map_err(|error| ConfigError {
                key: error.key,
                wanted: error.wanted,
                got: error.got,
            })?;
        }
        Ok(())
    }

    /// The bar asked for.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where the text states none.
    pub(super) fn spec(&self) -> Result<BarSpec, ConfigError> {
        let wanted = "time:60s, tick:1000, volume:10000 or dollar:1e6";
        self.bars.parse().map_err(|_| ConfigError { key: "bars", wanted, got: f64::NAN })
    }
}
