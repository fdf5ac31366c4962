//! Fields of Databento's structs as ours: times, sides, texts, and what a definition or a price tells of an instrument.

use std::ffi::c_char;

use dbn::{HasRType, RecordHeader, RecordRef, rtype};
use tickrace_types::instrument::Settlement;

use super::names::Traits;
use crate::stamp::NO_SIDE;

/// Nano-units in one.
const ONE: i64 = 1_000_000_000;

/// A record as one of the crate's structs, where its type and length are those.
#[inline]
pub(super) fn view<'a, T: HasRType<Header = RecordHeader>>(record: &RecordRef<'a>) -> Option<&'a T> {
    let is_whole = record.has::<T>() && record.as_ref().len() >= size_of::<T>();
    if is_whole { record.get::<T>() } else { None }
}

/// Shows every price of a record that has some, for the instrument's step.
pub(super) fn prices(record: &RecordRef<'_>, mut show: impl FnMut(i64)) {
    let mut defined = |price: i64| {
        if price != dbn::UNDEF_PRICE {
            show(price);
        }
    };
    if let Some(m) = view::<dbn::MboMsg>(record) {
        defined(m.price);
    } else if let Some(m) = view::<dbn::TradeMsg>(record) {
        defined(m.price);
    } else if let Some(m) = view::<dbn::Mbp1Msg>(record) {
        m.levels.iter().for_each(|pair| [pair.bid_px, pair.ask_px].into_iter().for_each(&mut defined));
    } else if let Some(m) = view::<dbn::Mbp10Msg>(record) {
        m.levels.iter().for_each(|pair| [pair.bid_px, pair.ask_px].into_iter().for_each(&mut defined));
    } else if let Some(m) = view::<dbn::BboMsg>(record) {
        m.levels.iter().for_each(|pair| [pair.bid_px, pair.ask_px].into_iter().for_each(&mut defined));
    } else if let Some(m) = view::<dbn::Cmbp1Msg>(record) {
        m.levels.iter().for_each(|pair| [pair.bid_px, pair.ask_px].into_iter().for_each(&mut defined));
    } else if let Some(m) = view::<dbn::CbboMsg>(record) {
        m.levels.iter().for_each(|pair| [pair.bid_px, pair.ask_px].into_iter().for_each(&mut defined));
    } else if let Some(m) = view::<dbn::OhlcvMsg>(record) {
        [m.open, m.high, m.low, m.close].into_iter().for_each(defined);
    }
}

/// The time by which a record's instrument is named; none for messages about no instrument.
pub(super) fn names_an_instrument(record: &RecordRef<'_>) -> Option<i64> {
    if let Some(m) = view::<dbn::MboMsg>(record) {
        return nanos(m.ts_recv).or(nanos(m.hd.ts_event));
    }
    let header = record.header();
    let is_about_none = matches!(header.rtype, rtype::ERROR | rtype::SYSTEM | rtype::SYMBOL_MAPPING);
    if is_about_none { None } else { nanos(header.ts_event) }
}

/// What a definition tells.
pub(super) fn traits_of(m: &dbn::InstrumentDefMsg) -> Traits {
    let or_none = |value: i64| if value == i64::MAX || value < 0 { 0 } else { value };
    let contract = i64::from(m.contract_multiplier);
    let multiplier = match or_none(m.unit_of_measure_qty) {
        0 if (1..i64::from(i32::MAX)).contains(&contract) => contract * ONE,
        other => other,
    };
    let settlement = match letter(m.instrument_class) {
        // Stocks, bonds and currencies on the spot; all else is a contract.
        b'K' | b'B' | b'X' => Settlement::Spot,
        _ => Settlement::Linear,
    };
    Traits {
        symbol: text(&m.raw_symbol),
        tick_nanos: or_none(m.min_price_increment),
        multiplier_nanos: multiplier,
        expiry_ns: nanos(m.expiration).filter(|ns| *ns > 0),
        currency: text(&m.currency),
        settle_currency: text(&m.settl_currency),
        base: text(&m.asset),
        settlement: Some(settlement),
    }
}

/// Nanoseconds since the epoch, where they are told.
#[inline]
pub(super) fn nanos(ts: u64) -> Option<i64> {
    i64::try_from(ts).ok()
}

/// Side of an order, or of the aggressor where it is a trade (`B` bought, `A` sold).
#[inline]
pub(super) const fn side(letter: c_char) -> u8 {
    match letter as u8 {
        b'B' => 0,
        b'A' => 1,
        _ => NO_SIDE,
    }
}

#[inline]
pub(super) const fn letter(text: c_char) -> u8 {
    text as u8
}

/// One side of a quote: without a price there is none.
pub(super) const fn defined(side: (i64, u32, u32)) -> (i64, u32, u32) {
    if side.0 == dbn::UNDEF_PRICE { (0, 0, 0) } else { side }
}

/// A quantity, 0 where it is undefined.
pub(super) const fn shown(qty: u32) -> u64 {
    if qty == dbn::UNDEF_ORDER_SIZE { 0 } else { qty as u64 }
}

/// A text padded with zeros.
pub(super) fn text(padded: &[c_char]) -> String {
    let bytes = padded.iter().map(|letter| *letter as u8).take_while(|byte| *byte != 0);
    bytes.map(|byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '?' }).collect()
}
