//! What an order may say beyond price, lots, type and time in force.
//!
//! An order is *plain* where it says none of it; every room keeps its path for plain orders free of these.

use crate::OrderRecord;

/// What happens where an order would trade with one of our own. The word of the newer order, the one that would take,
/// counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum SelfTrade {
    /// The newer order is cancelled.
    #[default]
    CancelNewest = 0,
    /// The older one, which rests, is cancelled; the newer goes on.
    CancelOldest = 1,
    /// Both are cancelled.
    CancelBoth = 2,
    /// Both lose the lots of the smaller one; what is left of the larger goes on.
    Decrement = 3,
}

/// What a pegged order follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Peg {
    /// The best price of its own side.
    #[default]
    Primary = 0,
    /// The best price of the other side.
    Market = 1,
    /// The middle of both, rounded away from the other side.
    Mid = 2,
}

/// What a stop watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Trigger {
    /// The last trade.
    #[default]
    Last = 0,
    /// The best price it would take: the ask for a buy, the bid for a sale.
    Touch = 1,
}

macro_rules! codes {
    ($name:ident, $most:ident, $($code:literal => $variant:ident),*) => {
        impl $name {
            /// From its code; unknown codes are code 0.
            #[inline]
            pub const fn from_code(code: u8) -> Self {
                match code { $($code => Self::$variant,)* _ => Self::ZERO }
            }

            /// Whether this version knows the code.
            #[inline]
            pub const fn is_known(code: u8) -> bool {
                code <= Self::$most as u8
            }
        }
    };
}

impl SelfTrade {
    const ZERO: Self = Self::CancelNewest;
}
impl Peg {
    const ZERO: Self = Self::Primary;
}
impl Trigger {
    const ZERO: Self = Self::Last;
}

codes!(SelfTrade, Decrement, 1 => CancelOldest, 2 => CancelBoth, 3 => Decrement);
codes!(Peg, Mid, 1 => Market, 2 => Mid);
codes!(Trigger, Touch, 1 => Touch);

/// The terms of one order; the fields are those of [`OrderRecord`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Stop price, trailing distance or peg offset, nano-units.
    pub trigger_price: i64,
    /// When a good-till-date order expires, nanoseconds since the Unix epoch.
    pub expire_ns: i64,
    /// Lots shown at once; [`OrderRecord::SHOW_ALL`] and [`OrderRecord::SHOW_NONE`] stand for all and none.
    pub display_qty: u32,
    /// Self-trade prevention.
    pub stp: SelfTrade,
    /// What a pegged order follows.
    pub peg: Peg,
    /// What a stop watches.
    pub trigger: Trigger,
}

impl Terms {
    /// Those of an order that says nothing of the kind.
    pub const PLAIN: Self = Self {
        trigger_price: 0,
        expire_ns: 0,
        display_qty: OrderRecord::SHOW_ALL,
        stp: SelfTrade::CancelNewest,
        peg: Peg::Primary,
        trigger: Trigger::Last,
    };

    /// Whether they say nothing.
    #[inline]
    pub fn is_plain(&self) -> bool {
        *self == Self::PLAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_and_unknown_ones_are_the_first() {
        for code in 0..=u8::MAX {
            assert_eq!(SelfTrade::from_code(code) as u8, if SelfTrade::is_known(code) { code } else { 0 });
            assert_eq!(Peg::from_code(code) as u8, if Peg::is_known(code) { code } else { 0 });
            assert_eq!(Trigger::from_code(code) as u8, if Trigger::is_known(code) { code } else { 0 });
        }
        assert!(SelfTrade::is_known(3) && Peg::is_known(2) && Trigger::is_known(1));
    }
}
