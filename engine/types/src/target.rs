//! A position somebody wants held, as a record: what a portfolio works out overnight, on its way to whoever trades it.
//!
//! Targets enter at the sequencer like an operator's word, so that they are journaled before they count. In a target log the
//! instrument is an index into the log's head; at a desk it is the desk's instrument, and quantities are in its lots.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Header, Kind, MarketRecord, Record};

/// Why a target is what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum TargetReason {
    /// Not told.
    #[default]
    Untold = 0,
    /// The position held before is still within its buffer.
    Held = 1,
    /// The position left its buffer, and moves.
    Moved = 2,
    /// Whole contracts found for all instruments together.
    Dynamic = 3,
    /// Nothing is known of the instrument: flat.
    Unknown = 4,
}

impl TargetReason {
    /// From its code; an unknown one tells nothing.
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Held,
            2 => Self::Moved,
            3 => Self::Dynamic,
            4 => Self::Unknown,
            _ => Self::Untold,
        }
    }

    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Untold => "untold",
            Self::Held => "held",
            Self::Moved => "moved",
            Self::Dynamic => "dynamic",
            Self::Unknown => "unknown",
        }
    }
}

/// A wanted position of one instrument. Kind [`Kind::Target`].
///
/// Its venue time is the end of the day whose prices it rests on; its receive time, in a log, the end of the day after which it is
/// to be held, and at a desk, when it is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct TargetRecord {
    /// Header.
    pub header: Header,
    /// The position before buffering and rounding, billionths of a contract.
    pub optimal_nanos: i64,
    /// Price it rests on, nano-units; 0 where there is none.
    pub reference_px: i64,
    /// The wanted position: contracts in a target log, lots at a desk.
    pub target_lots: i32,
    /// Lower edge of its buffer, likewise.
    pub low_lots: i32,
    /// Upper edge, likewise.
    pub high_lots: i32,
    /// Combined forecast, hundredths; 1000 is an average one.
    pub forecast_centi: i16,
    /// [`TargetReason`] code.
    pub reason: u8,
    /// Zero; keeps the record free of padding.
    pub reserved: u8,
}
const _: () = assert!(size_of::<TargetRecord>() == 64);
const _: () = assert!(size_of::<TargetRecord>() == Kind::size_of_code(Kind::Target as u8));

impl TargetRecord {
    /// Why it is what it is.
    #[inline]
    pub const fn reason(&self) -> TargetReason {
        TargetReason::from_code(self.reason)
    }

    /// Whether its numbers hang together: the buffer is no wider than nothing and the target lies in it.
    #[inline]
    pub const fn is_sound(&self) -> bool {
        self.low_lots <= self.target_lots && self.target_lots <= self.high_lots
    }

    /// As an uninterpreted record.
    #[inline]
    pub fn as_record(&self) -> &Record {
        zerocopy::transmute_ref!(self)
    }

    /// As the sequencer carries it.
    #[inline]
    pub fn as_market(&self) -> &MarketRecord {
        zerocopy::transmute_ref!(self)
    }

    /// A record of kind [`Kind::Target`] as what it says.
    #[inline]
    pub fn of(record: &Record) -> &Self {
        zerocopy::transmute_ref!(record)
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn the_layout_is_the_one_described() {
        let offsets = [
            offset_of!(TargetRecord, optimal_nanos),
            offset_of!(TargetRecord, reference_px),
            offset_of!(TargetRecord, target_lots),
            offset_of!(TargetRecord, low_lots),
            offset_of!(TargetRecord, high_lots),
            offset_of!(TargetRecord, forecast_centi),
            offset_of!(TargetRecord, reason),
            offset_of!(TargetRecord, reserved),
        ];
        assert_eq!(offsets, [32, 40, 48, 52, 56, 60, 62, 63]);
        assert!(!Kind::is_market_code(Kind::Target as u8));
    }

    #[test]
    fn a_target_survives_the_way_through_the_sequencer() {
        let header = Header { kind: Kind::Target as u8, instrument: 3, ts_venue_ns: 5, ..Header::default() };
        let target = TargetRecord {
            header,
            optimal_nanos: -2_400_000_000,
            reference_px: 5,
            target_lots: -2,
            low_lots: -3,
            high_lots: -1,
            forecast_centi: -750,
            reason: TargetReason::Moved as u8,
            reserved: 0,
        };
        assert_eq!(TargetRecord::of(target.as_market().as_record()), &target);
        assert!(target.is_sound() && target.reason() == TargetReason::Moved);
        assert!(!TargetRecord { target_lots: 0, ..target }.is_sound());
        for code in 0..=u8::MAX {
            let reason = TargetReason::from_code(code);
            assert!(reason as u8 == code || reason == TargetReason::Untold);
        }
    }
}
