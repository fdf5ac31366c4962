//! The vocabulary of features in a configuration.

use serde::Deserialize;
use tickrace_book::bars::BarSpec;
use tickrace_types::Instrument;

use super::bars::{BarFigure, BarOf};
use super::flow::OrderFlow;
use super::returns::Return;
use super::touch::Touch;
use super::trades::{SinceTrade, TradeSign, Volume, VolumeOf};
use super::volatility::Volatility;
use super::{FEATURES_MAX, Figure};
use crate::ConfigError;

/// Which features, and how often they are looked at.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeaturesConfig {
    /// A row is taken at the first event of an instrument in each interval of so many milliseconds since the epoch; 0 for
    /// every event.
    pub sample_ms: u32,
    /// The features, in the order of a row.
    pub feature: Vec<FeatureConfig>,
}

/// One feature with its parameters.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FeatureConfig {
    /// Logarithmic return of the mid.
    Return {
        /// Over so long.
        horizon_ms: u32,
    },
    /// Realised volatility of the mid.
    Volatility {
        /// Over so long, a multiple of `sample_ms`.
        window_ms: u32,
        /// Sampled so often.
        sample_ms: u32,
    },
    /// Imbalance of the touch.
    Imbalance {
        /// Of what.
        #[serde(default)]
        of: ImbalanceOf,
    },
    /// Ask less bid.
    Spread {
        /// In which unit.
        #[serde(default)]
        unit: SpreadUnit,
    },
    /// Mean lots at the touch.
    Depth {},
    /// Weighted mid less mid, basis points.
    Microprice {},
    /// Logarithmic return of the weighted mid.
    MicropriceDrift {
        /// Over so long.
        horizon_ms: u32,
    },
    /// Order-flow imbalance.
    OrderFlowImbalance {
        /// Over so long.
        window_ms: u32,
        /// In which unit.
        #[serde(default)]
        scale: FlowScale,
    },
    /// Who took last.
    TradeSign {},
    /// Lots bought less lots sold.
    SignedVolume {
        /// Over so long.
        window_ms: u32,
        /// In which unit.
        #[serde(default)]
        scale: VolumeScale,
    },
    /// Lots traded.
    Volume {
        /// Over so long.
        window_ms: u32,
    },
    /// Seconds since the last trade.
    SinceTrade {},
    /// A figure of the last whole bar.
    Bar {
        /// `time:60s`, `tick:1000`, `volume:10000` or `dollar:1e6`.
        bars: String,
        /// Which figure.
        of: BarOf,
    },
}

/// What an imbalance compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImbalanceOf {
    /// Lots.
    #[default]
    Lots,
    /// Numbers of orders.
    Orders,
}

/// Unit of a spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpreadUnit {
    /// Basis points of the mid.
    #[default]
    Bps,
    /// Ticks.
    Ticks,
}

/// Unit of order-flow imbalance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowScale {
    /// Lots.
    #[default]
    Lots,
    /// Mean depths of the touch: comparable between instruments.
    Depth,
}

/// Unit of signed volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeScale {
    /// Lots.
    #[default]
    Lots,
    /// Share of the lots whose side is known.
    Share,
}

/// Longest window: a day.
const WINDOW_MS_MAX: u32 = 86_400_000;

/// Most samples of a volatility.
const SAMPLES_MAX: u32 = 4096;

impl FeaturesConfig {
    /// Checks every feature and that no two have one label.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let fail = |key, wanted, got: f64| Err(ConfigError { key, wanted, got });
        if self.sample_ms > WINDOW_MS_MAX {
            return fail("features.sample_ms", "0 to 86,400,000", f64::from(self.sample_ms));
        }
        if !(1..=FEATURES_MAX).contains(&self.feature.len()) {
            return fail("features.feature", "1 to 64 features", self.feature.len() as f64);
        }
        for feature in &self.feature {
            feature.validate()?;
        }
        let labels = self.labels();
        for (place, label) in labels.iter().enumerate() {
            if labels[..place].contains(label) {
                return fail("features.feature", "each feature once", place as f64);
            }
        }
        Ok(())
    }

    /// Names of the columns of a row.
    pub fn labels(&self) -> Vec<String> {
        self.feature.iter().map(FeatureConfig::label).collect()
    }
}

impl FeatureConfig {
    /// The feature's name in tables and model files: its name and parameters.
    pub fn label(&self) -> String {
        match self {
            Self::Return { horizon_ms } => format!("return_{horizon_ms}ms"),
            Self::Volatility { window_ms, sample_ms } => format!("volatility_{window_ms}ms_{sample_ms}ms"),
            Self::Imbalance { of: ImbalanceOf::Lots } => "imbalance_lots".to_owned(),
            Self::Imbalance { of: ImbalanceOf::Orders } => "imbalance_orders".to_owned(),
            Self::Spread { unit: SpreadUnit::Bps } => "spread_bps".to_owned(),
            Self::Spread { unit: SpreadUnit::Ticks } => "spread_ticks".to_owned(),
            Self::Depth {} => "depth_lots".to_owned(),
            Self::Microprice {} => "microprice_bps".to_owned(),
            Self::MicropriceDrift { horizon_ms } => format!("microprice_drift_{horizon_ms}ms"),
            Self::OrderFlowImbalance { window_ms, scale } => {
                let scale = if *scale == FlowScale::Depth { "depth" } else { "lots" };
                format!("order_flow_imbalance_{window_ms}ms_{scale}")
            }
            Self::TradeSign {} => "trade_sign".to_owned(),
            Self::SignedVolume { window_ms, scale } => {
                let scale = if *scale == VolumeScale::Share { "share" } else { "lots" };
                format!("signed_volume_{window_ms}ms_{scale}")
            }
            Self::Volume { window_ms } => format!("volume_{window_ms}ms"),
            Self::SinceTrade {} => "since_trade_s".to_owned(),
            Self::Bar { bars, of } => {
                let of = match of {
                    BarOf::Return => "return",
                    BarOf::Range => "range",
                    BarOf::Vwap => "vwap",
                    BarOf::Volume => "volume",
                    BarOf::Trades => "trades",
                };
                format!("bar_{}_{of}", bars.replace(':', "_"))
            }
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let within = |key, got: u32| {
            if (1..=WINDOW_MS_MAX).contains(&got) {
                Ok(())
            } else {
                Err(ConfigError { key, wanted: "1 to 86,400,000", got: f64::from(got) })
            }
        };
        match self {
            Self::Return { horizon_ms } | Self::MicropriceDrift { horizon_ms } => {
                within("features.feature.horizon_ms", *horizon_ms)
            }
            Self::OrderFlowImbalance { window_ms, .. }
            | Self::SignedVolume { window_ms, .. }
            | Self::Volume { window_ms } => within("features.feature.window_ms", *window_ms),
            Self::Volatility { window_ms, sample_ms } => {
                within("features.feature.window_ms", *window_ms)?;
                within("features.feature.sample_ms", *sample_ms)?;
                let is_whole = window_ms % sample_ms == 0;
                if is_whole && (2..=SAMPLES_MAX).contains(&(window_ms / sample_ms)) {
                    return Ok(());
                }
                let (key, wanted) = ("features.feature.window_ms", "2 to 4096 times sample_ms, whole");
                Err(ConfigError { key, wanted, got: f64::from(*window_ms) })
            }
            Self::Bar { bars, .. } => bars.parse::<BarSpec>().map(drop).map_err(|_| ConfigError {
                key: "features.feature.bars",
                wanted: "time:60s, tick:1000, volume:10000 or dollar:1e6",
                got: f64::NAN,
            }),
            Self::Imbalance { .. }
            | Self::Spread { .. }
            | Self::Depth {}
            | Self::Microprice {}
            | Self::TradeSign {}
            | Self::SinceTrade {} => Ok(()),
        }
    }

    /// The feature, for one instrument. Of a checked configuration.
    pub(super) fn build(&self, instrument: &Instrument) -> Figure {
        match self {
            Self::Return { horizon_ms } => Figure::Return(Return::of_mid(*horizon_ms)),
            Self::MicropriceDrift { horizon_ms } => Figure::Return(Return::of_weighted_mid(*horizon_ms)),
            Self::Volatility { window_ms, sample_ms } => {
                Figure::Volatility(Volatility::new(*window_ms, *sample_ms))
            }
            Self::Imbalance { of: ImbalanceOf::Lots } => Figure::Touch(Touch::LotsImbalance),
            Self::Imbalance { of: ImbalanceOf::Orders } => Figure::Touch(Touch::OrdersImbalance),
            Self::Spread { unit: SpreadUnit::Bps } => Figure::Touch(Touch::SpreadBps),
            Self::Spread { unit: SpreadUnit::Ticks } => {
                Figure::Touch(Touch::SpreadTicks(Box::new(instrument.clone())))
            }
            Self::Depth {} => Figure::Touch(Touch::DepthLots),
            Self::Microprice {} => Figure::Touch(Touch::MicropriceBps),
            Self::OrderFlowImbalance { window_ms, scale } => {
                Figure::OrderFlow(OrderFlow::new(*window_ms, *scale == FlowScale::Depth))
            }
            Self::TradeSign {} => Figure::TradeSign(TradeSign::default()),
            Self::SignedVolume { window_ms, scale } => {
                let of = if *scale == VolumeScale::Share { VolumeOf::Share } else { VolumeOf::Signed };
                Figure::Volume(Volume::new(*window_ms, of))
            }
            Self::Volume { window_ms } => Figure::Volume(Volume::new(*window_ms, VolumeOf::Total)),
            Self::SinceTrade {} => Figure::SinceTrade(SinceTrade::default()),
            Self::Bar { bars, of } => {
                let spec = bars.parse().expect("the configuration was checked");
                Figure::Bar(Box::new(BarFigure::new(spec, *of, instrument.multiplier_nanos)))
            }
        }
    }
}
