//! What a book tells risk and strategy: one cache line.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Trading phase of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Phase {
    /// Before the first word of the venue about this instrument or its session.
    Unknown = 0,
    /// Orders are taken, no continuous matching in regular hours yet.
    PreOpen = 1,
    /// Continuous trading in market hours.
    Continuous = 2,
    /// An auction is being collected (quotation only).
    Auction = 3,
    /// Halted or paused.
    Halted = 4,
    /// After the close of market hours.
    Closed = 5,
}

impl Phase {
    /// From its code in a record; an unknown code is [`Phase::Unknown`].
    #[inline]
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::PreOpen,
            2 => Self::Continuous,
            3 => Self::Auction,
            4 => Self::Halted,
            5 => Self::Closed,
            _ => Self::Unknown,
        }
    }

    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::PreOpen => "pre-open",
            Self::Continuous => "continuous",
            Self::Auction => "auction",
            Self::Halted => "halted",
            Self::Closed => "closed",
        }
    }
}

/// Best bid and ask of one instrument with what a reader needs to trust them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct TopOfBook {
    /// Best bid, nano-units; meaningless where `bid_qty` is 0.
    pub bid_px: i64,
    /// Best ask, nano-units; meaningless where `ask_qty` is 0.
    pub ask_px: i64,
    /// Displayed lots at the best bid, 0 without a bid.
    pub bid_qty: u32,
    /// Displayed lots at the best ask, 0 without an ask.
    pub ask_qty: u32,
    /// Price of the last trade of the instrument, nano-units, 0 before the first.
    pub last_px: i64,
    /// Venue time of the last event applied to this instrument, nanoseconds since the Unix epoch.
    pub ts_venue_ns: i64,
    /// Receive time of that event, nanoseconds since the Unix epoch.
    pub ts_recv_ns: i64,
    /// Lots of the last trade, 0 before the first.
    pub last_qty: u32,
    /// Instrument.
    pub instrument: u32,
    /// Displayed orders at the best bid, capped at 65,535.
    pub bid_orders: u16,
    /// Displayed orders at the best ask, capped at 65,535.
    pub ask_orders: u16,
    /// [`Phase`] code.
    pub phase: u8,
    /// 1 where the book missed something since its last snapshot and answers no question.
    pub stale: u8,
    /// Zero; keeps the record free of padding.
    pub reserved: [u8; 2],
}
const _: () = assert!(size_of::<TopOfBook>() == 64);

impl TopOfBook {
    /// Of no instrument: says nothing, and says so by being stale.
    pub const NONE: Self = Self {
        bid_px: 0,
        ask_px: 0,
        bid_qty: 0,
        ask_qty: 0,
        last_px: 0,
        ts_venue_ns: 0,
        ts_recv_ns: 0,
        last_qty: 0,
        instrument: u32::MAX,
        bid_orders: 0,
        ask_orders: 0,
        phase: Phase::Unknown as u8,
        stale: 1,
        reserved: [0; 2],
    };

    /// Phase of trading.
    #[inline]
    pub const fn phase(&self) -> Phase {
        Phase::from_code(self.phase)
    }

    /// Whether both sides are shown, uncrossed and unlocked, and the book is not stale.
    #[inline]
    pub const fn is_firm(&self) -> bool {
        self.stale == 0 && self.bid_qty > 0 && self.ask_qty > 0 && self.bid_px < self.ask_px
    }

    /// Mid price times two, nano-units, where [`TopOfBook::is_firm`]; doubled so that it stays exact.
    #[inline]
    pub const fn mid_doubled(&self) -> Option<i64> {
        if self.is_firm() { Some(self.bid_px + self.ask_px) } else { None }
    }
}
