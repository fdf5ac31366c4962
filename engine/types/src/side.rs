//! Bid or ask.

use serde::{Deserialize, Serialize};

/// Side of an order or a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Side {
    /// Buyers.
    Bid = 0,
    /// Sellers.
    Ask = 1,
}

impl Side {
    /// Both sides, bid first.
    pub const BOTH: [Self; 2] = [Self::Bid, Self::Ask];

    /// The other side.
    #[inline]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }

    /// As an array index: bid 0, ask 1.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// From its code in a record; every code but 1 is a bid, since records are checked where they enter.
    #[inline]
    pub const fn from_code(code: u8) -> Self {
        if code == 1 { Self::Ask } else { Self::Bid }
    }

    /// Plus one for a bid, minus one for an ask: the sign of the position a fill adds.
    #[inline]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Bid => 1,
            Self::Ask => -1,
        }
    }

    /// `bid` or `ask`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Ask => "ask",
        }
    }

    /// Whether price `a` is strictly better than `b` for a resting order of this side.
    #[inline]
    pub const fn is_better(self, a: i64, b: i64) -> bool {
        match self {
            Self::Bid => a > b,
            Self::Ask => a < b,
        }
    }
}
