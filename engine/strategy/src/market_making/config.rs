//! What steers the market maker.

use serde::Deserialize;
use tickrace_oms::LEVELS_MAX;

use super::fair_value::FairValue;
use super::flow_imbalance::FlowImbalanceConfig;
use super::hedge::HedgeConfig;
use super::inventory::InventoryConfig;
use super::levels::{self, LevelConfig};
use super::microprice::MicropriceConfig;
use super::volatility_ratio::VolatilityRatioConfig;
use crate::Weight;

/// Keys of the market maker. Limits have no default; unknown keys are errors.
///
/// Prices are in ticks and inventory in units of `order_qty_lots`, so that one set of numbers serves a cheap and
/// a dear instrument alike.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketMakerConfig {
    /// Most lots held long or short of one instrument; the side that would exceed is not quoted. A limit: no
    /// default.
    pub position_max_lots: i64,
    /// Lots of the innermost quote. A limit: no default.
    pub order_qty_lots: i64,
    /// Quotes on each side, 1 to 8.
    #[serde(default = "default::levels_count")]
    pub levels_count: usize,
    /// Distance between levels, ticks.
    #[serde(default = "default::level_step_ticks")]
    pub level_step_ticks: i64,
    /// How much larger each level is than the one inside it, as a share of the innermost, basis points.
    #[serde(default)]
    pub level_qty_growth_bps: i64,
    /// Which form of the reservation price and spread.
    #[serde(default)]
    pub model: Model,
    /// Time over which inventory is carried in the horizon form, seconds.
    #[serde(default = "default::horizon_s")]
    pub horizon_s: f64,
    /// Risk aversion for one order size held over one tick of price; larger skews and widens more.
    #[serde(default = "default::risk_aversion_per_tick")]
    pub risk_aversion_per_tick: f64,
    /// Orders that would reach a quote at the mid, per second and side (`A`); the starting point where estimated.
    #[serde(default = "default::intensity_per_s")]
    pub intensity_per_s: f64,
    /// How fast that rate falls with distance from the mid (`k`); the starting point where estimated.
    #[serde(default = "default::intensity_decay_per_tick")]
    pub intensity_decay_per_tick: f64,
    /// Whether `A` and `k` follow the executions seen.
    #[serde(default = "default::intensity_is_estimated")]
    pub intensity_is_estimated: bool,
    /// Memory of volatility and intensity, seconds.
    #[serde(default = "default::volatility_decay_s")]
    pub volatility_decay_s: f64,
    /// Least volatility assumed, ticks per root of a second.
    #[serde(default = "default::volatility_min_ticks")]
    pub volatility_min_ticks: f64,
    /// Memory of order flow, seconds.
    #[serde(default = "default::flow_decay_s")]
    pub flow_decay_s: f64,
    /// Shift of the reservation price when all executed volume is on one side, ticks.
    #[serde(default = "default::flow_ticks")]
    pub flow_shift_ticks: f64,
    /// Widening of the half spread when all executed volume is on one side, ticks.
    #[serde(default = "default::flow_ticks")]
    pub flow_widen_ticks: f64,
    /// Least half spread, ticks.
    #[serde(default = "default::half_spread_min_ticks")]
    pub half_spread_min_ticks: f64,
    /// Least half spread, basis points of the mid.
    #[serde(default)]
    pub half_spread_min_bps: f64,
    /// Greatest half spread, ticks.
    #[serde(default = "default::half_spread_max_ticks")]
    pub half_spread_max_ticks: f64,
    /// A quote this near to where it should be is not moved, ticks.
    #[serde(default = "default::requote_ticks")]
    pub requote_ticks: i64,
    /// Shortest time between two moves of the quotes of one instrument, nanoseconds of event time. Fills and
    /// unsafe markets do not wait for it.
    #[serde(default = "default::quote_life_ns_min")]
    pub quote_life_ns_min: i64,
    /// A partly filled quote is filled up again once less than this share of it is open, basis points.
    #[serde(default = "default::refill_below_bps")]
    pub refill_below_bps: i64,
    /// How often volatility, intensity and flow are turned into new quoting parameters, nanoseconds.
    #[serde(default = "default::refresh_ns")]
    pub refresh_ns: i64,
    /// Quotes are pulled when the book has been silent for longer, milliseconds.
    #[serde(default = "default::top_age_ms_max")]
    pub top_age_ms_max: i64,
    /// Pause after an order was refused, milliseconds.
    #[serde(default = "default::refusal_pause_ms")]
    pub refusal_pause_ms: i64,
    /// What quotes stand around.
    #[serde(default)]
    pub fair_value: FairValue,
    /// How the microprice is learned; counts where `fair_value` is `microprice`.
    #[serde(default)]
    pub microprice: MicropriceConfig,
    /// Order flow imbalance at the touch leans the reservation price. Absent: it does not.
    #[serde(default)]
    pub flow_imbalance: Option<FlowImbalanceConfig>,
    /// Short against long volatility widens the quotes beyond the model. Absent: it does not.
    #[serde(default)]
    pub volatility_ratio: Option<VolatilityRatioConfig>,
    /// How fast inventory should decay. Absent: as fast as the skew makes it.
    #[serde(default)]
    pub inventory: Option<InventoryConfig>,
    /// Another instrument that inventory is hedged in. Absent: none.
    #[serde(default)]
    pub hedge: Option<HedgeConfig>,
    /// The levels one by one, in place of `levels_count`, `level_step_ticks` and `level_qty_growth_bps`. `order_qty_lots`
    /// stays the unit that risk aversion counts inventory in.
    #[serde(default)]
    pub levels: Vec<LevelConfig>,
    /// Whether a quote that the reservation price has passed is moved at once, whatever `requote_ticks` and
    /// `quote_life_ns_min` say.
    #[serde(default)]
    pub reservation_is_firm: bool,
}

/// Form of reservation price and spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Guéant, Lehalle and Fernandez-Tapia: the limit far from the end of trading.
    #[default]
    Stationary,
    /// Avellaneda and Stoikov with a rolling horizon.
    Horizon,
}

mod default {
    pub const fn levels_count() -> usize {
        1
    }
    pub const fn level_step_ticks() -> i64 {
        1
    }
    pub const fn horizon_s() -> f64 {
        60.0
    }
    pub const fn risk_aversion_per_tick() -> f64 {
        0.05
    }
    pub const fn intensity_per_s() -> f64 {
        1.0
    }
    pub const fn intensity_decay_per_tick() -> f64 {
        0.5
    }
    pub const fn intensity_is_estimated() -> bool {
        true
    }
    pub const fn volatility_decay_s() -> f64 {
        120.0
    }
    pub const fn volatility_min_ticks() -> f64 {
        0.1
    }
    pub const fn flow_decay_s() -> f64 {
        10.0
    }
    pub const fn flow_ticks() -> f64 {
        0.5
    }
    pub const fn half_spread_min_ticks() -> f64 {
        0.5
    }
    pub const fn half_spread_max_ticks() -> f64 {
        100.0
    }
    pub const fn requote_ticks() -> i64 {
        1
    }
    pub const fn quote_life_ns_min() -> i64 {
        1_000_000
    }
    pub const fn refill_below_bps() -> i64 {
        5_000
    }
    pub const fn refresh_ns() -> i64 {
        100_000_000
    }
    pub const fn top_age_ms_max() -> i64 {
        30_000
    }
    pub const fn refusal_pause_ms() -> i64 {
        10
    }
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
    /// Everything by default but the two limits.
    pub fn with_limits(position_max_lots: i64, order_qty_lots: i64) -> Self {
        Self {
            position_max_lots,
            order_qty_lots,
            levels_count: default::levels_count(),
            level_step_ticks: default::level_step_ticks(),
            level_qty_growth_bps: 0,
            model: Model::Stationary,
            horizon_s: default::horizon_s(),
            risk_aversion_per_tick: default::risk_aversion_per_tick(),
            intensity_per_s: default::intensity_per_s(),
            intensity_decay_per_tick: default::intensity_decay_per_tick(),
            intensity_is_estimated: default::intensity_is_estimated(),
            volatility_decay_s: default::volatility_decay_s(),
            volatility_min_ticks: default::volatility_min_ticks(),
            flow_decay_s: default::flow_decay_s(),
            flow_shift_ticks: default::flow_ticks(),
            flow_widen_ticks: default::flow_ticks(),
            half_spread_min_ticks: default::half_spread_min_ticks(),
            half_spread_min_bps: 0.0,
            half_spread_max_ticks: default::half_spread_max_ticks(),
            requote_ticks: default::requote_ticks(),
            quote_life_ns_min: default::quote_life_ns_min(),
            refill_below_bps: default::refill_below_bps(),
            refresh_ns: default::refresh_ns(),
            top_age_ms_max: default::top_age_ms_max(),
            refusal_pause_ms: default::refusal_pause_ms(),
            fair_value: FairValue::Mid,
            microprice: MicropriceConfig::default(),
            flow_imbalance: None,
            volatility_ratio: None,
            inventory: None,
            hedge: None,
            levels: Vec::new(),
            reservation_is_firm: false,
        }
    }

    /// Checks every key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first key out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        const LOTS_MAX: i64 = 1_000_000_000;
        whole("position_max_lots", self.position_max_lots, 1..=LOTS_MAX, "1 to 1,000,000,000")?;
        whole("order_qty_lots", self.order_qty_lots, 1..=LOTS_MAX, "1 to 1,000,000,000")?;
        let levels = i64::try_from(self.levels_count).unwrap_or(i64::MAX);
        const { assert!(LEVELS_MAX == 8, "the message below names it") };
        whole("levels_count", levels, 1..=8, "1 to 8")?;
        whole("level_step_ticks", self.level_step_ticks, 1..=1_000_000, "1 to 1,000,000")?;
        whole("level_qty_growth_bps", self.level_qty_growth_bps, 0..=1_000_000, "0 to 1,000,000")?;
        real("horizon_s", self.horizon_s, 1e-3, 1e6, "0.001 to 1,000,000")?;
        real("risk_aversion_per_tick", self.risk_aversion_per_tick, 1e-6, 1e3, "0.000001 to 1,000")?;
        real("intensity_per_s", self.intensity_per_s, 1e-6, 1e6, "0.000001 to 1,000,000")?;
        real("intensity_decay_per_tick", self.intensity_decay_per_tick, 1e-3, 1e3, "0.001 to 1,000")?;
        real("volatility_decay_s", self.volatility_decay_s, 1e-3, 1e6, "0.001 to 1,000,000")?;
        real("volatility_min_ticks", self.volatility_min_ticks, 0.0, 1e6, "0 to 1,000,000")?;
        real("flow_decay_s", self.flow_decay_s, 1e-3, 1e6, "0.001 to 1,000,000")?;
        real("flow_shift_ticks", self.flow_shift_ticks, 0.0, 1e6, "0 to 1,000,000")?;
        real("flow_widen_ticks", self.flow_widen_ticks, 0.0, 1e6, "0 to 1,000,000")?;
        real("half_spread_min_ticks", self.half_spread_min_ticks, 0.01, 1e6, "0.01 to 1,000,000")?;
        real("half_spread_min_bps", self.half_spread_min_bps, 0.0, 1e4, "0 to 10,000")?;
        let least = self.half_spread_min_ticks;
        real(
            "half_spread_max_ticks",
            self.half_spread_max_ticks,
            least,
            1e6,
            "half_spread_min_ticks to 1,000,000",
        )?;
        whole("requote_ticks", self.requote_ticks, 0..=1_000_000, "0 to 1,000,000")?;
        whole("quote_life_ns_min", self.quote_life_ns_min, 0..=i64::MAX / 4, "zero or more")?;
        whole("refill_below_bps", self.refill_below_bps, 0..=10_000, "0 to 10,000")?;
        whole("refresh_ns", self.refresh_ns, 1..=i64::MAX / 4, "positive")?;
        whole("top_age_ms_max", self.top_age_ms_max, 1..=1_000_000_000, "1 to 1,000,000,000")?;
        whole("refusal_pause_ms", self.refusal_pause_ms, 0..=1_000_000_000, "0 to 1,000,000,000")?;
        self.validate_sections()
    }

    /// With sizes and limits of a weight; checked as if they had been stated so.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is out of range then.
    pub fn weighted(&self, weight: Weight) -> Result<Self, ConfigError> {
        let mut config = self.clone();
        let scale = |lots: &mut i64| *lots = weight.lots(*lots);
        scale(&mut config.position_max_lots);
        scale(&mut config.order_qty_lots);
        config.levels.iter_mut().for_each(|level| scale(&mut level.qty_lots));
        if let Some(flatten) = config.inventory.as_mut().and_then(|inventory| inventory.flatten.as_mut()) {
            scale(&mut flatten.order_qty_max_lots);
        }
        if let Some(hedge) = &mut config.hedge {
            scale(&mut hedge.position_max_lots);
            scale(&mut hedge.order_qty_max_lots);
            hedge.band_lots *= weight.share();
        }
        config.validate().map(|()| config)
    }

    fn validate_sections(&self) -> Result<(), ConfigError> {
        levels::validate(&self.levels)?;
        if !self.levels.is_empty() {
            let alone = "left out where levels are listed";
            whole("levels_count", i64::try_from(self.levels_count).unwrap_or(i64::MAX), 1..=1, alone)?;
            whole("level_step_ticks", self.level_step_ticks, 1..=1, alone)?;
            whole("level_qty_growth_bps", self.level_qty_growth_bps, 0..=0, alone)?;
        }
        self.microprice.validate()?;
        self.flow_imbalance.map_or(Ok(()), |config| config.validate())?;
        self.volatility_ratio.map_or(Ok(()), |config| config.validate())?;
        self.inventory.map_or(Ok(()), |config| config.validate())?;
        self.hedge.as_ref().map_or(Ok(()), HedgeConfig::validate)
    }
}

pub(super) fn whole(
    key: &'static str,
    got: i64,
    range: std::ops::RangeInclusive<i64>,
    wanted: &'static str,
) -> Result<(), ConfigError> {
    if range.contains(&got) { Ok(()) } else { Err(ConfigError { key, wanted, got: got as f64 }) }
}

pub(super) fn real(
    key: &'static str,
    got: f64,
    least: f64,
    most: f64,
    wanted: &'static str,
) -> Result<(), ConfigError> {
    // A NaN fails both comparisons.
    if got >= least && got <= most { Ok(()) } else { Err(ConfigError { key, wanted, got }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::value::{Error, MapDeserializer};

    fn read(keys: &[(&'static str, i64)]) -> Result<MarketMakerConfig, Error> {
        MarketMakerConfig::deserialize(MapDeserializer::new(keys.iter().copied()))
    }

    #[test]
    fn the_limits_alone_make_a_configuration() {
        let config = read(&[("position_max_lots", 500), ("order_qty_lots", 100)]).unwrap();
        assert_eq!(config, MarketMakerConfig::with_limits(500, 100));
        assert_eq!(config.validate(), Ok(()));
    }

    #[test]
    fn a_missing_limit_is_refused_by_name() {
        let error = read(&[("position_max_lots", 500)]).unwrap_err().to_string();
        assert!(error.contains("order_qty_lots"), "{error}");
        let error = read(&[("order_qty_lots", 500)]).unwrap_err().to_string();
        assert!(error.contains("position_max_lots"), "{error}");
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let keys = [("position_max_lots", 500), ("order_qty_lots", 100), ("gamma", 1)];
        let error = read(&keys).unwrap_err().to_string();
        assert!(error.contains("gamma"), "{error}");
    }

    #[test]
    fn a_weight_scales_every_size_and_limit_in_lots_and_nothing_else() {
        let text = r#"
            position_max_lots = 500
            order_qty_lots = 100
            levels = [{ qty_lots = 30 }, { ticks = 2, qty_lots = 61 }]
            inventory = { half_life_s = 5, flatten = { after_half_lives = 2, order_qty_max_lots = 40 } }
            [hedge]
            symbol = "B"
            ratios = { A = 2 }
            band_lots = 10
            position_max_lots = 1000
            order_qty_max_lots = 77
            slippage_ticks_max = 3
            top_age_ms_max = 900
        "#;
        let stated: MarketMakerConfig = toml::from_str(text).unwrap();
        let half = text
            .replace("500", "250")
            .replace("order_qty_lots = 100\n", "order_qty_lots = 50\n")
            .replace("qty_lots = 30 ", "qty_lots = 15 ")
            .replace("qty_lots = 61", "qty_lots = 30")
            .replace("lots = 40", "lots = 20")
            .replace("band_lots = 10", "band_lots = 5")
            .replace("lots = 1000", "lots = 500")
            .replace("lots = 77", "lots = 38");
        let half: MarketMakerConfig = toml::from_str(&half).unwrap();
        assert_eq!(stated.weighted(Weight::new(0.5).unwrap()), Ok(half));
        assert_eq!(stated.weighted(Weight::ONE), Ok(stated.clone()));
        let nothing = stated.weighted(Weight::new(0.009).unwrap()).unwrap_err();
        assert_eq!((nothing.key, nothing.got), ("order_qty_lots", 0.0));
    }

    #[test]
    fn a_key_out_of_range_is_named() {
        let good = MarketMakerConfig::with_limits(500, 100);
        let bad = [
            ("position_max_lots", MarketMakerConfig { position_max_lots: 0, ..good.clone() }),
            ("levels_count", MarketMakerConfig { levels_count: 9, ..good.clone() }),
            (
                "risk_aversion_per_tick",
                MarketMakerConfig { risk_aversion_per_tick: f64::NAN, ..good.clone() },
            ),
            ("half_spread_max_ticks", MarketMakerConfig { half_spread_max_ticks: 0.1, ..good.clone() }),
            ("refill_below_bps", MarketMakerConfig { refill_below_bps: 10_001, ..good }),
        ];
        for (key, config) in bad {
            assert_eq!(config.validate().unwrap_err().key, key);
        }
    }
}
