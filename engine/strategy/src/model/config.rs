//! What steers the model policy.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::Model;
use crate::Weight;
use crate::features::{FeatureConfig, FeaturesConfig};
use crate::sizing::MethodConfig;
use crate::sizing::config::real;
use crate::{ConfigError, SizingConfig};

/// Keys of the model policy. Limits have no default; unknown keys are errors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The features, in a table of their own or in a file named here, which a model file refers to by label.
    pub features: FeaturesConfig,
    /// The fitted model.
    pub model: ModelSource,
    /// Time over which the model predicts the return, milliseconds. One period of the sizing. A prediction older than this
    /// counts no more.
    pub horizon_ms: u32,
    /// From prediction to position. Its limits are the policy's.
    pub sizing: SizingConfig,
    /// Equity that fractions are taken of, for each instrument, account currency. A limit: no default.
    pub equity: f64,
    /// Label of the feature that tells volatility, a `volatility` of `features`; for sizing that needs one.
    #[serde(default)]
    pub volatility: Option<String>,
    /// Most lots of one order. A limit: no default.
    pub order_qty_max_lots: i64,
    /// A position is opened or turned where a return of at least this is predicted, basis points.
    pub enter_bps: f64,
    /// A position is given up where less than this is predicted for it, basis points; at most `enter_bps`.
    pub exit_bps: f64,
    /// Cost of taking beyond half the spread (fee, impact, what must be left over), basis points: where more than both is
    /// predicted the policy takes, else it rests at the touch.
    pub cross_cost_bps: f64,
    /// Predictions of less confidence open nothing.
    #[serde(default)]
    pub confidence_min: f64,
    /// A position this near its target, lots, is left as it is.
    #[serde(default)]
    pub rebalance_min_lots: i64,
    /// A market silent for longer is not traded in, milliseconds.
    #[serde(default = "default::top_age_ms_max")]
    pub top_age_ms_max: i64,
    /// Pause after a refusal, milliseconds.
    #[serde(default = "default::refusal_pause_ms")]
    pub refusal_pause_ms: i64,
}

/// A model by its file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSource {
    /// The model file, found from the configuration's folder.
    pub path: PathBuf,
    /// BLAKE3 of its content, hex. Where stated, a file with another content is refused; a journal states it always.
    #[serde(default)]
    pub blake3: Option<String>,
    /// The model itself, put here by whoever reads files.
    #[serde(skip)]
    pub loaded: Option<Arc<dyn Model>>,
}

mod default {
    pub const fn top_age_ms_max() -> i64 {
        3000
    }

    pub const fn refusal_pause_ms() -> i64 {
        1000
    }
}

impl ModelConfig {
    /// The same with equity, sizes and limits of a weight.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is out of range then.
    pub fn weighted(&self, weight: Weight) -> Result<Self, ConfigError> {
        let mut own = self.clone();
        own.equity *= weight.share();
        own.sizing.position_max_lots = weight.lots(self.sizing.position_max_lots);
        own.order_qty_max_lots = weight.lots(self.order_qty_max_lots);
        own.rebalance_min_lots = weight.lots(self.rebalance_min_lots);
        own.validate()?;
        Ok(own)
    }

    /// Checks what can be checked without the model.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key.
    pub fn validate(&self) -> Result<(), ConfigError> {
        const MS_MAX: f64 = 86_400_000.0;
        self.features.validate()?;
        self.sizing.validate()?;
        real("horizon_ms", f64::from(self.horizon_ms), 1.0, MS_MAX, "1 to 86,400,000")?;
        real("equity", self.equity, 1e-9, 1e15, "positive, up to 1e15")?;
        real("order_qty_max_lots", self.order_qty_max_lots as f64, 1.0, 1e9, "1 to 1,000,000,000")?;
        real("enter_bps", self.enter_bps, 0.0, 1e4, "0 to 10,000")?;
        real("exit_bps", self.exit_bps, 0.0, self.enter_bps, "0 to enter_bps")?;
        real("cross_cost_bps", self.cross_cost_bps, 0.0, 1e4, "0 to 10,000")?;
        real("confidence_min", self.confidence_min, 0.0, 1.0, "0 to 1")?;
        real("rebalance_min_lots", self.rebalance_min_lots as f64, 0.0, 1e9, "0 to 1,000,000,000")?;
        real("top_age_ms_max", self.top_age_ms_max as f64, 1.0, MS_MAX, "1 to 86,400,000")?;
        real("refusal_pause_ms", self.refusal_pause_ms as f64, 1.0, MS_MAX, "1 to 86,400,000")?;
        let needs_volatility = match self.sizing.method {
            MethodConfig::FixedFraction(_) => false,
            MethodConfig::VolatilityTarget(_) | MethodConfig::Kelly(_) | MethodConfig::SharpeKelly(_) => true,
            MethodConfig::BinaryKelly(_) | MethodConfig::Utility(_) | MethodConfig::Target(_) => {
                return Err(ConfigError {
                    key: "sizing.method.kind",
                    wanted: "fixed-fraction, volatility-target, kelly or sharpe-kelly with a model",
                    got: f64::NAN,
                });
            }
        };
        if self.volatility_feature().is_none() && (needs_volatility || self.volatility.is_some()) {
            return Err(ConfigError {
                key: "volatility",
                wanted: "the label of a volatility feature, such as volatility_60000ms_1000ms",
                got: f64::NAN,
            });
        }
        Ok(())
    }

    /// Place of the volatility feature in a row, and what turns its value into one over the horizon.
    pub(super) fn volatility_feature(&self) -> Option<(usize, f64)> {
        let label = self.volatility.as_ref()?;
        let place = self.features.labels().iter().position(|one| one == label)?;
        match self.features.feature[place] {
            FeatureConfig::Volatility { window_ms, .. } => {
                Some((place, (f64::from(self.horizon_ms) / f64::from(window_ms)).sqrt()))
            }
            _ => None,
        }
    }

    /// Place in a row of each feature that a model takes.
    ///
    /// # Errors
    ///
    /// The label of the first that is not among the features.
    pub fn places(&self, model: &dyn Model) -> Result<Box<[usize]>, String> {
        let labels = self.features.labels();
        let find = |name: &String| labels.iter().position(|label| label == name).ok_or_else(|| name.clone());
        model.features().iter().map(find).collect()
    }
}
