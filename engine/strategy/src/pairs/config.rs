//! What steers the pairs policy.

use serde::Deserialize;
use tickrace_oms::algo::AlgoConfig;

use crate::sizing::config::real;
use crate::sizing::{MethodConfig, SizingConfig};
use crate::{ConfigError, Weight};

/// Most pairs of one policy.
pub const PAIRS_MAX: usize = 1_024;

/// Keys of the pairs policy. Limits have no default; unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairsConfig {
    /// What is traded against what. An instrument stands in one pair only.
    pub pairs: Vec<PairConfig>,
    /// Length of a bar, seconds: how often both mids are looked at together.
    pub bar_s: i64,
    /// Bars that the hedge ratio, the spread's deviation and its reversion are estimated from.
    pub window_bars: usize,
    /// How the hedge ratio is estimated.
    #[serde(default)]
    pub hedge_ratio: HedgeRatio,
    /// What the line is of.
    #[serde(default)]
    pub prices: Prices,
    /// A trade begins where the spread is so many of its deviations from its line.
    #[serde(default = "default::enter_z")]
    pub enter_z: f64,
    /// It ends where the spread is no further than so many.
    #[serde(default = "default::exit_z")]
    pub exit_z: f64,
    /// It ends with a loss where the spread is as far as so many; none begins there either.
    #[serde(default = "default::stop_z")]
    pub stop_z: f64,
    /// Longest a trade is held, bars; 0 for ever.
    #[serde(default)]
    pub hold_bars_max: u32,
    /// Longest a trade is held, half-lives of the spread at its beginning; 0 for ever. The shorter of the two counts.
    #[serde(default = "default::hold_half_lives_max")]
    pub hold_half_lives_max: f64,
    /// A trade begins only where an excursion of the spread is expected to halve within so many bars.
    pub half_life_bars_max: f64,
    /// And only where the pair is cointegrated at this level over the window; 1 does not ask.
    #[serde(default = "default::p_value_max")]
    pub p_value_max: f64,
    /// And only where what the spread is expected to bring is at least so many times what both legs cost, in and out.
    #[serde(default = "default::edge_cost_min")]
    pub edge_cost_min: f64,
    /// Fees of each trade of a leg, basis points of its value, for that comparison.
    #[serde(default)]
    pub fee_bps: f64,
    /// Bars without a new trade after a stop, a refusal or a leg that came too late.
    #[serde(default = "default::pause_bars")]
    pub pause_bars: u32,
    /// How many lots of one leg stand against the other's.
    #[serde(default)]
    pub neutral: Neutral,
    /// A trade begins only where whole lots come as near to neutral, a share of the second leg.
    #[serde(default = "default::rounding_share_max")]
    pub rounding_share_max: f64,
    /// The leg that trades first; the other follows what it has traded. The less liquid one.
    #[serde(default)]
    pub lead: Lead,
    /// Most value that may stand without its other leg, account currency. A limit: no default.
    pub legged_max_ccy: f64,
    /// Most value of one order, account currency. A limit: no default; the gate refuses what is beyond its own.
    pub order_max_ccy: f64,
    /// Longest the other leg may be behind before the trade is unwound, milliseconds. A limit: no default.
    pub legged_ms_max: i64,
    /// Longest the leading leg may take to get in; what is in by then is kept. Milliseconds.
    pub entry_ms_max: i64,
    /// Nothing is sent to a leg whose book was last heard of longer ago, milliseconds.
    #[serde(default = "default::top_age_ms_max")]
    pub top_age_ms_max: i64,
    /// Equity that sizes are fractions of, before our own profit; account currency. A limit: no default.
    pub equity_ccy: f64,
    /// How an expectation becomes lots; its limit in lots is of each leg, its leverage of both together.
    pub sizing: SizingConfig,
    /// How the leading leg gets in.
    pub execution: AlgoConfig,
    /// How the other leg follows.
    pub follow_execution: AlgoConfig,
    /// How the leading leg gets out; as it gets in where absent.
    #[serde(default)]
    pub exit_execution: Option<AlgoConfig>,
}

/// One pair.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairConfig {
    /// Symbol of what the line explains.
    pub y: String,
    /// Symbol of what it is explained by.
    pub x: String,
}

/// How the hedge ratio is estimated, named by `kind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum HedgeRatio {
    /// Ordinary least squares over the window.
    #[default]
    Ordinary,
    /// Total least squares over the window, which treats both series alike.
    Total,
    /// A Kalman filter of a ratio that walks; it starts from the first window's line.
    Kalman {
        /// Standard deviation of the ratio's step in a bar.
        slope_step: f64,
        /// Standard deviation of the intercept's step in a bar, in units of the prices or their logarithms.
        #[serde(default)]
        intercept_step: f64,
    },
}

/// What the line is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prices {
    /// Logarithms: the ratio is of values.
    #[default]
    Log,
    /// Prices as they are: the ratio is of units.
    Plain,
}

/// What neutral means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Neutral {
    /// By the hedge ratio: what the line explains is held against.
    #[default]
    Hedge,
    /// Equal values of both.
    Value,
}

/// Which leg trades first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lead {
    /// `y`.
    #[default]
    Y,
    /// `x`.
    X,
}

mod default {
    pub const fn enter_z() -> f64 {
        2.0
    }
    pub const fn exit_z() -> f64 {
        0.5
    }
    pub const fn stop_z() -> f64 {
        4.0
    }
    pub const fn hold_half_lives_max() -> f64 {
        5.0
    }
    pub const fn p_value_max() -> f64 {
        0.05
    }
    pub const fn edge_cost_min() -> f64 {
        1.0
    }
    pub const fn pause_bars() -> u32 {
        20
    }
    pub const fn rounding_share_max() -> f64 {
        0.1
    }
    pub const fn top_age_ms_max() -> i64 {
        3_000
    }
}

impl PairsConfig {
    /// The same with equity and limits of a weight.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is out of range then.
    pub fn weighted(&self, weight: Weight) -> Result<Self, ConfigError> {
        let mut own = self.clone();
        own.equity_ccy *= weight.share();
        own.legged_max_ccy *= weight.share();
        own.order_max_ccy *= weight.share();
        own.sizing.position_max_lots = weight.lots(self.sizing.position_max_lots);
        own.validate()?;
        Ok(own)
    }

    /// Checks every key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first key out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        real("pairs", self.pairs.len() as f64, 1.0, PAIRS_MAX as f64, "one to 1,024")?;
        let mut symbols: Vec<&str> = self.pairs.iter().flat_map(|pair| [&*pair.y, &*pair.x]).collect();
        symbols.sort_unstable();
        let twice = symbols.windows(2).filter(|two| two[0] == two[1]).count();
        real("pairs (symbols that stand twice)", twice as f64, 0.0, 0.0, "none: one pair a symbol")?;
        real("bar_s", self.bar_s as f64, 1.0, 86_400.0, "1 to 86,400")?;
        real("window_bars", self.window_bars as f64, 30.0, 1e5, "30 to 100,000")?;
        if let HedgeRatio::Kalman { slope_step, intercept_step } = self.hedge_ratio {
            real("hedge_ratio.slope_step", slope_step, 0.0, 1e6, "0 to 1,000,000")?;
            real("hedge_ratio.intercept_step", intercept_step, 0.0, 1e6, "0 to 1,000,000")?;
        }
        real("enter_z", self.enter_z, 1e-3, 100.0, "0.001 to 100")?;
        real("exit_z", self.exit_z, -100.0, self.enter_z - 1e-9, "-100 to below enter_z")?;
        real("stop_z", self.stop_z, self.enter_z + 1e-9, 1e6, "above enter_z, up to 1,000,000")?;
        real("hold_half_lives_max", self.hold_half_lives_max, 0.0, 1e6, "0 to 1,000,000")?;
        real("half_life_bars_max", self.half_life_bars_max, 1e-3, 1e6, "0.001 to 1,000,000")?;
        real("p_value_max", self.p_value_max, 1e-6, 1.0, "above 0, up to 1")?;
        real("edge_cost_min", self.edge_cost_min, 0.0, 1e3, "0 to 1,000")?;
        real("fee_bps", self.fee_bps, 0.0, 1e4, "0 to 10,000")?;
        real("rounding_share_max", self.rounding_share_max, 0.0, 1.0, "0 to 1")?;
        real("legged_max_ccy", self.legged_max_ccy, 1e-6, 1e15, "above zero")?;
        real("order_max_ccy", self.order_max_ccy, 1e-6, 1e15, "above zero")?;
        real("legged_ms_max", self.legged_ms_max as f64, 1.0, 1e9, "1 to 1,000,000,000")?;
        real("entry_ms_max", self.entry_ms_max as f64, 1.0, 1e9, "1 to 1,000,000,000")?;
        real("top_age_ms_max", self.top_age_ms_max as f64, 1.0, 1e9, "1 to 1,000,000,000")?;
        real("equity_ccy", self.equity_ccy, 1e-6, 1e15, "above zero")?;
        self.sizing.validate()?;
        let is_of_a_trade = !matches!(
            self.sizing.method,
            MethodConfig::BinaryKelly(_) | MethodConfig::Utility(_) | MethodConfig::Target(_)
        );
        real(
            "sizing.method (one a spread can be sized by)",
            f64::from(u8::from(is_of_a_trade)),
            1.0,
            1.0,
            "fixed-fraction, volatility-target, kelly or sharpe-kelly",
        )?;
        for algo in [&self.execution, &self.follow_execution].into_iter().chain(&self.exit_execution) {
            algo.validate().map_err(|error| ConfigError {
                key: error.key,
                wanted: error.wanted,
                got: error.got,
            })?;
        }
        Ok(())
    }
}
