//! What steers the market maker.

use serde::Deserialize;

/// Keys of the market maker. Limits have no default; unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketMakerConfig {
    /// Most lots held long or short of one instrument; the side that would exceed is not quoted.
    pub position_max_lots: i64,
    /// Lots of the innermost quote.
    pub order_qty_lots: i64,
}

/// A key out of range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{key} must be {wanted}, it is {got}")]
pub struct ConfigError {
    /// The key as written in the configuration.
    pub key: &'static str,
    /// What it must be.
    pub wanted: &'static str,
    /// What it is.
    pub got: f64,
}

impl MarketMakerConfig {
    /// Checks every key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first key out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let positive = |key, got: i64| {
            if got > 0 { Ok(()) } else { Err(ConfigError { key, wanted: "positive", got: got as f64 }) }
        };
        positive("position_max_lots", self.position_max_lots)?;
        positive("order_qty_lots", self.order_qty_lots)
    }
}
