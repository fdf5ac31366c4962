//! Messages that are rare (bars, mark prices, liquidations), and the numbers of all.

use tickrace_types::Record;

use super::levels::Decimal;
use super::message::{Message, member};
use crate::emit::{ASK, BID, Bar, Stamp};
use crate::roster::Fault;
use crate::{notice, number};

/// Appends a bar once it is closed.
pub(super) fn on_kline<'a>(
    kline: &'a [u8],
    mut stamp: Stamp,
    lot_nanos: i64,
    batch: &mut Vec<Record>,
) -> Result<(), Fault<'a>> {
    let text = |key: &[u8]| member(kline, key).unwrap_or(b"");
    if text(b"x") != b"true" {
        batch.push(stamp.notice(notice::OTHER, 0, 0));
        return Ok(());
    }
    let end_ms = integer("T", text(b"T"))?;
    // The last millisecond of the bar is still of it.
    stamp.ts_venue_ns =
        number::epoch_ns(end_ms.saturating_add(1)).ok_or(Fault::new("bad time", "T", text(b"T")))?;
    let (lots, value) = (lots(text(b"v"), lot_nanos)?, Decimal::read(text(b"q")));
    let bar = Bar {
        prices: [price(text(b"o"))?, price(text(b"h"))?, price(text(b"l"))?, price(text(b"c"))?],
        ts_open_ns: read_time("t", text(b"t"))?,
        lots,
        trades: integer("n", text(b"n"))?,
        vwap: match (value, Decimal::read(text(b"v"))) {
            (Some(value), Some(qty)) => average_price(value.nanos.into(), qty.nanos),
            _ => 0,
        },
    };
    batch.extend(stamp.bar(&bar));
    Ok(())
}

/// Value over quantity, both in nano-units, rounded to the nearest; 0 where nothing was traded.
pub(crate) fn average_price(value_nanos: i128, qty_nanos: i64) -> i64 {
    if qty_nanos <= 0 {
        return 0;
    }
    let qty_nanos = i128::from(qty_nanos);
    let scaled = value_nanos.saturating_mul(1_000_000_000).saturating_add(qty_nanos / 2);
    i64::try_from(scaled.div_euclid(qty_nanos)).unwrap_or(0)
}

/// Appends the records.
pub(super) fn on_mark_price<'a>(
    message: &Message<'a>,
    stamp: Stamp,
    batch: &mut Vec<Record>,
) -> Result<(), Fault<'a>> {
    batch.push(stamp.notice(notice::MARK, price(message.price)?, 0));
    if !message.index_price.is_empty() {
        batch.push(stamp.notice(notice::INDEX, price(message.index_price)?, 0));
    }
    // Futures with an expiry have no funding: the rate is an empty string there.
    if !message.rate.is_empty() {
        let rate = Decimal::read(message.rate).ok_or(Fault::new("bad number", "r", message.rate))?;
        let next_ns = match message.trade_time {
            b"" | b"0" => 0,
            text => read_time("T", text)?,
        };
        batch.push(stamp.notice(notice::FUNDING, rate.nanos, next_ns.unsigned_abs()));
    }
    Ok(())
}

/// Appends the records.
pub(super) fn on_force_order<'a>(
    order: &'a [u8],
    stamp: Stamp,
    lot_nanos: i64,
    batch: &mut Vec<Record>,
) -> Result<(), Fault<'a>> {
    let text = |key: &[u8]| member(order, key).unwrap_or(b"");
    let side = match text(b"S") {
        b"BUY" => BID,
        b"SELL" => ASK,
        other => return Err(Fault::new("bad side", "S", other)),
    };
    let (price, lots) = (price(text(b"p"))?, lots(text(b"q"), lot_nanos)?);
    batch.push(stamp.notice_of_trade(notice::LIQUIDATION, side, price, lots, 0));
    Ok(())
}

/// The recorder's time: nanoseconds, or another unit of the epoch, or seconds with decimals.
pub(super) fn receive_time(text: &[u8]) -> Option<i64> {
    match number::integer(text) {
        Some(value) => number::epoch_ns(value),
        None => number::nanos(text).filter(|ns| *ns > 0),
    }
}

/// A time of the venue, nanoseconds.
pub(super) fn read_time<'a>(field: &'static str, text: &'a [u8]) -> Result<i64, Fault<'a>> {
    number::integer(text).and_then(number::epoch_ns).ok_or(Fault::new("bad time", field, text))
}

/// A whole number.
pub(super) fn integer<'a>(field: &'static str, text: &'a [u8]) -> Result<u64, Fault<'a>> {
    number::integer(text).ok_or(Fault::new("bad number", field, text))
}

/// A price, nano-units.
pub(super) fn price(text: &[u8]) -> Result<i64, Fault<'_>> {
    Decimal::read(text).map(|price| price.nanos).ok_or(Fault::new("bad price", "price", text))
}

/// A quantity, whole lots.
pub(super) fn lots(text: &[u8], lot_nanos: i64) -> Result<u64, Fault<'_>> {
    let qty = Decimal::read(text).and_then(|qty| number::lots(qty.nanos, lot_nanos));
    qty.ok_or(Fault::new("bad quantity", "quantity", text))
}
