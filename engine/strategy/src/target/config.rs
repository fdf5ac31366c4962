//! What the follower of targets is told. Limits have no default.

use serde::{Deserialize, Serialize};

use crate::{ConfigError, Weight};

/// Nanoseconds in a millisecond.
pub(super) const NANOS_PER_MS: i64 = 1_000_000;
/// Nanoseconds in an hour.
pub(super) const NANOS_PER_HOUR: i64 = 3_600_000_000_000;

/// How a position is brought to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Style {
    /// Immediate-or-cancel orders that meet the other side.
    Marketable,
    /// Post-only at the touch; after a while the rest crosses.
    Passive {
        /// From the hearing of the target, milliseconds.
        cross_after_ms: i64,
    },
    /// Equal parts over a time, each of them crossing.
    Slices {
        /// Whole time, from the hearing of the target, milliseconds.
        window_ms: i64,
        /// How many.
        count: i64,
    },
}

/// Where a position goes that is outside its buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// To the target, whatever the buffer: it was minded when the target was worked out.
    #[default]
    Target,
    /// To the near edge of the buffer; within it nothing is done.
    Edge,
}

/// What the follower is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// How positions are moved.
    pub style: Style,
    /// Where to.
    #[serde(default)]
    pub aim: Aim,
    /// Largest order, lots.
    pub order_qty_max_lots: i64,
    /// Largest position on either side, lots, whatever the target says.
    pub position_max_lots: i64,
    /// How far through the other side's touch an order that crosses may trade, ticks.
    pub cross_max_ticks: i64,
    /// Nothing crosses a wider spread, basis points of the mid.
    pub spread_max_bps: i64,
    /// Nothing is sent where the mid is further from the price the target rests on, basis points.
    pub reference_away_max_bps: i64,
    /// Nothing is sent on an older touch, milliseconds.
    pub top_age_max_ms: i64,
    /// Nothing is sent for a target whose prices are older, hours.
    pub target_age_max_h: i64,
    /// After more refusals in a row, without a fill between them, the target is given up.
    pub refusals_max_count: u32,
    /// Pause after a refusal, and after an order that traded only in part, milliseconds; it doubles with each refusal in a row.
    pub retry_ms: i64,
}

impl TargetConfig {
    /// The same, where the weight is one: the positions to hold are stated by targets, and their weight with them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] of `weight` for any other.
    pub fn weighted(&self, weight: Weight) -> Result<Self, ConfigError> {
        if weight == Weight::ONE {
            return Ok(*self);
        }
        Err(ConfigError {
            key: "weight",
            wanted: "1 for targets, which state positions",
            got: weight.share(),
        })
    }

    /// Checks each key.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key.
    pub fn validate(&self) -> Result<(), ConfigError> {
        const LOTS_MAX: i64 = 1_000_000_000;
        const MS_MAX: i64 = 366 * 86_400_000;
        let check = |key, got: i64, least: i64, most: i64, wanted| {
            let is_sound = (least..=most).contains(&got);
            if is_sound { Ok(()) } else { Err(ConfigError { key, wanted, got: got as f64 }) }
        };
        check("order_qty_max_lots", self.order_qty_max_lots, 1, LOTS_MAX, "1 to 1,000,000,000")?;
        check("position_max_lots", self.position_max_lots, 0, LOTS_MAX, "0 to 1,000,000,000")?;
        check("cross_max_ticks", self.cross_max_ticks, 0, 1_000_000, "0 to 1,000,000")?;
        check("spread_max_bps", self.spread_max_bps, 0, 1_000_000, "0 to 1,000,000")?;
        check("reference_away_max_bps", self.reference_away_max_bps, 0, 1_000_000, "0 to 1,000,000")?;
        check("top_age_max_ms", self.top_age_max_ms, 1, MS_MAX, "1 ms to 366 days")?;
        check("target_age_max_h", self.target_age_max_h, 1, 366 * 24, "1 to 8784")?;
        check("refusals_max_count", i64::from(self.refusals_max_count), 0, 1000, "0 to 1000")?;
        check("retry_ms", self.retry_ms, 1, 86_400_000, "1 ms to a day")?;
        match self.style {
            Style::Marketable => Ok(()),
            Style::Passive { cross_after_ms } => {
                check("style.cross_after_ms", cross_after_ms, 0, MS_MAX, "0 ms to 366 days")
            }
            Style::Slices { window_ms, count } => {
                check("style.window_ms", window_ms, 1, MS_MAX, "1 ms to 366 days")?;
                check("style.count", count, 1, 1_000_000, "1 to 1,000,000")
            }
        }
    }
}
