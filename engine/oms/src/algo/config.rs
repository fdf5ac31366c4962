//! What steers execution algorithms.

use serde::Deserialize;

/// How a parent order is worked, named by `kind`. Unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AlgoConfig {
    /// Takes at once.
    Marketable {
        /// Ticks beyond the touch that it may pay.
        through_ticks: i64,
    },
    /// Equal slices of time.
    Twap {
        /// How long, milliseconds.
        duration_ms: i64,
        /// How many slices.
        slices: u32,
        /// Share of a slice for which it rests before it takes, 0 to 1.
        #[serde(default = "default::half")]
        rest_share: f64,
        /// Ticks beyond the touch that it may pay.
        through_ticks: i64,
    },
    /// Slices along a profile of volume.
    Vwap {
        /// How long, milliseconds.
        duration_ms: i64,
        /// Volume of equal parts of the day, in any unit.
        profile: Vec<f64>,
        /// When the profile begins, seconds after midnight UTC.
        profile_start_s: i64,
        /// When it ends.
        profile_end_s: i64,
        /// Share of a part of the profile for which it rests before it takes, 0 to 1.
        #[serde(default = "default::half")]
        rest_share: f64,
        /// Ticks beyond the touch that it may pay.
        through_ticks: i64,
    },
    /// A share of what trades.
    Pov {
        /// How long at most, milliseconds.
        duration_ms: i64,
        /// Share of the volume, above 0 up to 1.
        share: f64,
        /// Nothing is sent for less, lots.
        child_min_lots: i64,
        /// Ticks beyond the touch that it may pay.
        through_ticks: i64,
    },
    /// Rests, and takes where it falls behind.
    Adaptive {
        /// How long, milliseconds.
        duration_ms: i64,
        /// Share of the parent it may be behind a straight line before it takes, 0 to 1.
        behind_share_max: f64,
        /// Last share of the time in which it takes all, 0 to 1.
        last_share: f64,
        /// Ticks beyond the touch that it may pay.
        through_ticks: i64,
    },
    /// Rests all, showing a part.
    Iceberg {
        /// How long it rests, milliseconds.
        duration_ms: i64,
        /// Lots shown.
        peak_lots: u32,
        /// Ticks beyond the touch that it may pay at the end.
        through_ticks: i64,
    },
    /// Rests at an offset and moves with the market.
    Peg {
        /// How long it rests, milliseconds.
        duration_ms: i64,
        /// Offset from what.
        reference: Reference,
        /// Ticks towards the other side; below zero away from it.
        offset_ticks: i64,
        /// Ticks beyond the touch that it may pay at the end.
        through_ticks: i64,
    },
}

/// What a peg follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// The touch of its own side.
    Own,
    /// The mid, rounded towards its own side.
    Mid,
}

/// A key out of range.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{key} must be {wanted}, it is {got}")]
pub struct AlgoError {
    /// The key.
    pub key: &'static str,
    /// What it must be.
    pub wanted: &'static str,
    /// What it is.
    pub got: f64,
}

mod default {
    pub const fn half() -> f64 {
        0.5
    }
}

const DAY_MS: i64 = 86_400_000;

impl AlgoConfig {
    /// Ticks beyond the touch that it may pay.
    pub const fn through_ticks(&self) -> i64 {
        match self {
            Self::Marketable { through_ticks, .. }
            | Self::Twap { through_ticks, .. }
            | Self::Vwap { through_ticks, .. }
            | Self::Pov { through_ticks, .. }
            | Self::Adaptive { through_ticks, .. }
            | Self::Iceberg { through_ticks, .. }
            | Self::Peg { through_ticks, .. } => *through_ticks,
        }
    }

    /// How long a parent is worked, nanoseconds.
    pub const fn duration_ns(&self) -> i64 {
        match self {
            Self::Marketable { .. } => 0,
            Self::Twap { duration_ms, .. }
            | Self::Vwap { duration_ms, .. }
            | Self::Pov { duration_ms, .. }
            | Self::Adaptive { duration_ms, .. }
            | Self::Iceberg { duration_ms, .. }
            | Self::Peg { duration_ms, .. } => *duration_ms * 1_000_000,
        }
    }

    /// Checks every key.
    ///
    /// # Errors
    ///
    /// [`AlgoError`] for the first key out of range.
    pub fn validate(&self) -> Result<(), AlgoError> {
        let within = |key, got: f64, least: f64, most: f64, wanted| {
            if got >= least && got <= most { Ok(()) } else { Err(AlgoError { key, wanted, got }) }
        };
        let share = |key, got| within(key, got, 0.0, 1.0, "0 to 1");
        within("execution.through_ticks", self.through_ticks() as f64, 0.0, 1e6, "0 to 1,000,000")?;
        if !matches!(self, Self::Marketable { .. }) {
            let ms = (self.duration_ns() / 1_000_000) as f64;
            within("execution.duration_ms", ms, 1.0, DAY_MS as f64, "1 to 86,400,000")?;
        }
        match self {
            Self::Marketable { .. } => Ok(()),
            Self::Twap { slices, rest_share, .. } => {
                within("execution.slices", f64::from(*slices), 1.0, 1e6, "1 to 1,000,000")?;
                share("execution.rest_share", *rest_share)
            }
            Self::Vwap { profile, profile_start_s, profile_end_s, rest_share, .. } => {
                let parts = profile.len() as f64;
                within("execution.profile", parts, 1.0, 1440.0, "1 to 1,440 parts")?;
                if let Some(bad) = profile.iter().find(|part| !(part.is_finite() && **part > 0.0)) {
                    return Err(AlgoError { key: "execution.profile", wanted: "above zero", got: *bad });
                }
                let start = *profile_start_s as f64;
                within("execution.profile_start_s", start, 0.0, 86_399.0, "0 to 86,399")?;
                let end = *profile_end_s as f64;
                within(
                    "execution.profile_end_s",
                    end,
                    start + 1.0,
                    86_400.0,
                    "after profile_start_s, up to 86,400",
                )?;
                share("execution.rest_share", *rest_share)
            }
            Self::Pov { share: part, child_min_lots, .. } => {
                within("execution.share", *part, 1e-6, 1.0, "above 0, up to 1")?;
                within("execution.child_min_lots", *child_min_lots as f64, 1.0, 1e9, "1 to 1,000,000,000")
            }
            Self::Adaptive { behind_share_max, last_share, .. } => {
                share("execution.behind_share_max", *behind_share_max)?;
                share("execution.last_share", *last_share)
            }
            Self::Iceberg { peak_lots, .. } => {
                within("execution.peak_lots", f64::from(*peak_lots), 1.0, 1e9, "1 to 1,000,000,000")
            }
            Self::Peg { offset_ticks, .. } => {
                within("execution.offset_ticks", *offset_ticks as f64, -1e6, 1e6, "-1,000,000 to 1,000,000")
            }
        }
    }
}
