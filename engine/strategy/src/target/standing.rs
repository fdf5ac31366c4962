//! Where a position stands against its target, and why it is not there.

use tickrace_types::{InstrumentId, TargetRecord};

/// Where a position stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// No target was heard.
    #[default]
    NoTarget,
    /// It is where it is to be.
    Reached,
    /// On its way; at the end of a session: the session ended first.
    Working,
    /// At the limit of positions; the target lies beyond.
    PositionLimit,
    /// What is missing is less than the venue takes.
    BelowMinimum,
    /// The prices of the target are too old.
    TargetTooOld,
    /// The target rests on no price that the market could be compared with.
    NoReference,
    /// The market is too far from the price the target rests on.
    AwayFromReference,
    /// The book is stale, or one side of it is empty.
    NoMarket,
    /// The touch is too old.
    OldMarket,
    /// Halted, in an auction, closed.
    NotTrading,
    /// The spread is too wide to cross.
    WideSpread,
    /// Too many refusals in a row.
    Refused,
}

impl Standing {
    /// In a few words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoTarget => "no target heard",
            Self::Reached => "at the target",
            Self::Working => "on its way when the session ended",
            Self::PositionLimit => "at position_max_lots; the target lies beyond",
            Self::BelowMinimum => "less is missing than the venue takes",
            Self::TargetTooOld => "the target is older than target_age_max_h",
            Self::NoReference => "the target has no reference price",
            Self::AwayFromReference => {
                "the market is further from the reference price than reference_away_max_bps"
            }
            Self::NoMarket => "no two-sided market",
            Self::OldMarket => "the touch is older than top_age_max_ms",
            Self::NotTrading => "not in continuous trading",
            Self::WideSpread => "the spread is wider than spread_max_bps",
            Self::Refused => "refused more than refusals_max_count times",
        }
    }
}

/// An instrument with a target, and how it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which instrument.
    pub id: InstrumentId,
    /// The last target heard.
    pub target: TargetRecord,
    /// Where the position stands.
    pub standing: Standing,
    /// The last refusal: whether our gate said it, and its code.
    pub refusal: Option<(bool, u8)>,
}
