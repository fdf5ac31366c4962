//! The peer's events of levels as native records, so that both engines can be given the very same day.
//!
//! The way back of [`super::convert`], for the events that the peer's own tools make of levels; order-by-order events are
//! refused, since they do not tell what an order had before.

use hftbacktest::backtest::data::Data;
use hftbacktest::types::{
    BUY_EVENT, DEPTH_CLEAR_EVENT, DEPTH_EVENT, DEPTH_SNAPSHOT_EVENT, EXCH_EVENT, Event, LOCAL_EVENT,
    SELL_EVENT, TRADE_EVENT,
};
use tickrace_types::{Flags, Header, Kind, MarketRecord, Record, event};

use super::convert::ConvertError;
use super::quoter::whole;
use super::{Setup, from_nanos};

/// Records of `events`, numbered from 1; an event ends where either of its two times changes.
///
/// # Errors
///
/// [`ConvertError::Event`] for a kind, price or quantity that no record of levels has.
pub fn of_events(events: &Data<Event>, instrument: u32, setup: &Setup) -> Result<Vec<Record>, ConvertError> {
    let mut records: Vec<Record> = Vec::with_capacity(events.len());
    for index in 0..events.len() {
        let event = &events[index];
        let mut market = of_event(event, index, setup)?;
        market.header.instrument = instrument;
        market.header.seq = index as u64 + 1;
        let is_last = index + 1 == events.len()
            || (events[index + 1].exch_ts, events[index + 1].local_ts) != (event.exch_ts, event.local_ts);
        if is_last {
            market.header.flags |= Flags::END_OF_EVENT;
        }
        records.push(*market.as_record());
    }
    Ok(records)
}

fn of_event(event: &Event, index: usize, setup: &Setup) -> Result<MarketRecord, ConvertError> {
    let wrong = |field, value| Err(ConvertError::Event { index, field, value });
    let mut market = MarketRecord {
        header: Header {
            version: event::VERSION,
            flags: flags_of(event.ev),
            source: event::source::MARKET,
            ts_venue_ns: event.exch_ts,
            ts_recv_ns: event.local_ts,
            ..Header::default()
        },
        side: match event.ev & (BUY_EVENT | SELL_EVENT) {
            BUY_EVENT => 0,
            SELL_EVENT => 1,
            0 => 2,
            _ => return wrong("ev", format!("{:#x}: of both sides", event.ev)),
        },
        price: whole(event.px * 1e9),
        ..MarketRecord::default()
    };
    if !event.px.is_finite() || from_nanos(market.price).to_bits() != event.px.to_bits() {
        return wrong("px", event.px.to_string());
    }
    let lots = whole(event.qty / setup.lot());
    let Ok(lots_unsigned) = u64::try_from(lots) else { return wrong("qty", event.qty.to_string()) };
    if from_nanos(lots.saturating_mul(setup.lot_nanos)).to_bits() != event.qty.to_bits() {
        return wrong("qty", event.qty.to_string());
    }
    let kind = match event.ev & 0xff {
        DEPTH_EVENT | DEPTH_SNAPSHOT_EVENT if market.side < 2 => Kind::Level,
        DEPTH_CLEAR_EVENT => Kind::Clear,
        TRADE_EVENT => Kind::Print,
        _ => return wrong("ev", format!("{:#x}", event.ev)),
    };
    market.header.kind = kind as u8;
    match kind {
        Kind::Level => market.order_ref = lots_unsigned,
        Kind::Clear if market.side < 2 => market.code = MarketRecord::WITH_PRICE,
        Kind::Print => match u32::try_from(lots_unsigned) {
            Ok(lots) => market.qty = lots,
            Err(_) => market.order_ref = lots_unsigned,
        },
        _ => {}
    }
    Ok(market)
}

fn flags_of(ev: u64) -> u8 {
    let snapshot = if ev & 0xff == DEPTH_SNAPSHOT_EVENT { Flags::SNAPSHOT } else { 0 };
    let venue_only = if ev & LOCAL_EVENT == 0 { Flags::VENUE_ONLY } else { 0 };
    let desk_only = if ev & EXCH_EVENT == 0 { Flags::DESK_ONLY } else { 0 };
    snapshot | venue_only | desk_only
}
