//! Tardis CSV data sets: one data type of one venue a file, usually gzip; columns are found by their names.
//!
//! | data type | records |
//! | --- | --- |
//! | `incremental_book_L2` | `Level`s; where `is_snapshot` turns true `Clear` and `Level`s with the flag `SNAPSHOT` |
//! | `book_snapshot_5`, `_25` | the first row as a snapshot, then the `Level`s that differ from the row before |
//! | `trades` | `Print`, the side is the aggressor's |
//! | `quotes`, `book_ticker` | `Quote` |
//! | `derivative_ticker` | `Notice`s of funding, mark, index and open interest ([`crate::notice`]) |
//! | `liquidations` (told from trades by the file's name) | `Notice` |
//!
//! Rows of one symbol with one `local_timestamp` came in one message of the venue and are one event; a snapshot is one
//! event whatever its times. Changes before the first snapshot are given behind a `Gap` record of count 0, so that the
//! book is stale until then ([`Options::is_continued`] leaves it out). Trade ids that are no numbers become 0.
//!
//! Source: Tardis, "Downloadable CSV files", data types; times are microseconds since the Unix epoch.

use std::path::Path;

use tickrace_types::{Flags, Record};

use crate::binance::levels::Decimal;
use crate::emit::{ASK, BID, NO_SIDE, Stamp, Touch};
use crate::format::{Account, Decoder, Options};
use crate::roster::{Fault, Shape};
use crate::table::{Fields, Out, Place, Row, Table, TableDecoder, first_line};
use crate::tick_file::FileError;
use crate::top_diff::TopDiff;
use crate::{notice, number};

use columns::{Columns, Layout, LevelAt};

mod columns;
mod market;

/// First columns of every data type.
const FIRST_COLUMNS: &[u8] = b"exchange,symbol,timestamp,local_timestamp,";

/// A Tardis file as records.
pub struct TardisDecoder(TableDecoder<Rows>);

/// Opens a file.
///
/// # Errors
///
/// [`FileError::Io`] where it cannot be read, [`FileError::Format`] where its header is of no data type that is read.
pub fn open(path: &Path, options: &Options) -> Result<TardisDecoder, FileError> {
    let header = first_line(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let layout = Layout::read(&Fields::default().split(&header), &name);
    let layout = layout.map_err(|fault| FileError::Format {
        path: path.to_owned(),
        place: "line 1".to_owned(),
        fault,
    })?;
    let rows = Rows {
        layout,
        is_continued: options.is_continued,
        books: Vec::new(),
        levels: [Vec::new(), Vec::new()],
    };
    TableDecoder::open(path, rows, header, options).map(TardisDecoder)
}

/// Whether the head of a file is of this format.
pub fn is_it(head: &[u8], _name: &str) -> bool {
    head.starts_with(FIRST_COLUMNS)
}

impl Decoder for TardisDecoder {
    fn read(&mut self, batch: &mut Vec<Record>) -> bool {
        self.0.read(batch)
    }

    fn account(&self) -> &Account {
        self.0.account()
    }

    fn by_type(&self) -> Vec<(String, u64)> {
        self.0.by_type()
    }

    fn progress(&self) -> (u64, u64) {
        self.0.progress()
    }
}

/// What is known of one instrument's book.
#[derive(Default)]
struct Book {
    is_begun: bool,
    is_snapshot: bool,
    top: TopDiff,
}

struct Rows {
    layout: Layout,
    is_continued: bool,
    books: Vec<Book>,
    /// Bids and asks of the snapshot being read.
    levels: [Vec<(i64, u64)>; 2],
}

impl Table for Rows {
    fn symbol<'a>(&'a self, row: &Row<'a>) -> &'a [u8] {
        row.get(self.layout.symbol)
    }

    fn show(&self, row: &Row<'_>, shape: &mut Shape) {
        let text = |place: usize| std::str::from_utf8(row.get(place)).unwrap_or("");
        shape.market = market::market_of(text(self.layout.exchange), text(self.layout.symbol));
        let mut show = |(price, amount): LevelAt| {
            if let (Some(price), Some(amount)) =
                (Decimal::read(row.get(price)), Decimal::read(row.get(amount)))
            {
                shape.show_price(price.nanos);
                shape.show_qty(amount.nanos, amount.decimals);
            }
        };
        match &self.layout.columns {
            Columns::Changes { price, amount, .. } | Columns::Trades { price, amount, .. } => {
                show((*price, *amount))
            }
            Columns::Snapshots { sides } => sides.iter().flatten().for_each(|level| show(*level)),
            Columns::Quotes { bid, ask } => [*bid, *ask].into_iter().for_each(show),
            Columns::Ticker { .. } => {}
        }
    }

    fn on_row<'a>(&mut self, row: &Row<'a>, place: Place, out: &mut Out<'_>) -> Result<(), Fault<'a>> {
        let ts_recv_ns = row.time(self.layout.local_timestamp, "local_timestamp")?;
        let stamp = place.stamp(row.time(self.layout.timestamp, "timestamp")?, ts_recv_ns);
        let at = place.instrument as usize;
        if self.books.len() <= at {
            self.books.resize_with(at + 1, Book::default);
        }
        let Some(book) = self.books.get_mut(at) else { return Ok(()) };
        match &self.layout.columns {
            Columns::Changes { is_snapshot, side, price, amount } => {
                let change = (
                    is_true(row.get(*is_snapshot))?,
                    match row.get(*side) {
                        b"bid" => BID,
                        b"ask" => ASK,
                        other => return Err(Fault::new("bad side", "side", other)),
                    },
                    row.price(*price, "price")?,
                    row.lots(*amount, "amount", place.lot_nanos)?,
                );
                on_change(book, change, self.is_continued, &stamp, out);
                Ok(())
            }
            Columns::Snapshots { sides } => {
                read_levels(row, sides, place.lot_nanos, &mut self.levels)?;
                on_snapshot(book, &mut self.levels, &stamp, out);
                Ok(())
            }
            Columns::Trades { id, side, price, amount, is_liquidations } => {
                let number = number::integer(row.get(*id)).unwrap_or(0);
                let side = match row.get(*side) {
                    b"buy" => BID,
                    b"sell" => ASK,
                    b"unknown" | b"" => NO_SIDE,
                    other => return Err(Fault::new("bad side", "side", other)),
                };
                let (price, lots) =
                    (row.price(*price, "price")?, row.lots(*amount, "amount", place.lot_nanos)?);
                out.event(place.instrument, ts_recv_ns);
                out.push(match is_liquidations {
                    true => stamp.notice_of_trade(notice::LIQUIDATION, side, price, lots, number),
                    false => stamp.print(side, price, lots, number, 0),
                });
                Ok(())
            }
            Columns::Quotes { bid, ask } => {
                let (bid, ask) = (touch(row, *bid, place.lot_nanos)?, touch(row, *ask, place.lot_nanos)?);
                out.event(place.instrument, ts_recv_ns);
                out.push(stamp.quote(bid, ask));
                Ok(())
            }
            ticker @ Columns::Ticker { .. } => on_ticker(row, ticker, &stamp, out),
        }
    }

    fn name(&self) -> &'static str {
        self.layout.columns.name()
    }
}

fn is_true(text: &[u8]) -> Result<bool, Fault<'_>> {
    match text {
        b"true" => Ok(true),
        b"false" => Ok(false),
        other => Err(Fault::new("bad flag", "is_snapshot", other)),
    }
}

/// A level as it now is: part of a snapshot or not, side, price, lots.
type Change = (bool, u8, i64, u64);

fn on_change(book: &mut Book, change: Change, is_continued: bool, stamp: &Stamp, out: &mut Out<'_>) {
    /// An event no time equals: that of a snapshot.
    const SNAPSHOT_EVENT: i64 = i64::MIN;
    let (is_snapshot, side, price, lots) = change;
    out.event(stamp.instrument, if is_snapshot { SNAPSHOT_EVENT } else { stamp.ts_recv_ns });
    if is_snapshot && !book.is_snapshot {
        out.push(stamp.clear());
    } else if !is_snapshot && !book.is_begun && !is_continued {
        out.push(stamp.gap(0, 0));
    }
    (book.is_snapshot, book.is_begun) = (is_snapshot, true);
    out.push(stamp.level(side, price, lots, if is_snapshot { Flags::SNAPSHOT } else { 0 }));
}

/// Reads both sides of a snapshot; a level the book does not have is empty.
fn read_levels<'a>(
    row: &Row<'a>,
    sides: &[Vec<LevelAt>; 2],
    lot_nanos: i64,
    into: &mut [Vec<(i64, u64)>; 2],
) -> Result<(), Fault<'a>> {
    const FIELDS: [(&str, &str); 2] = [("bids.price", "bids.amount"), ("asks.price", "asks.amount")];
    for ((levels, side), (price_field, amount_field)) in into.iter_mut().zip(sides).zip(FIELDS) {
        levels.clear();
        for (price, amount) in side.iter().filter(|(price, _)| !row.get(*price).is_empty()) {
            levels.push((row.price(*price, price_field)?, row.lots(*amount, amount_field, lot_nanos)?));
        }
    }
    Ok(())
}

fn on_snapshot(book: &mut Book, levels: &mut [Vec<(i64, u64)>; 2], stamp: &Stamp, out: &mut Out<'_>) {
    out.event(stamp.instrument, stamp.ts_recv_ns);
    let flags = if book.top.is_begun { 0 } else { Flags::SNAPSHOT };
    if !book.top.is_begun {
        out.push(stamp.clear());
        book.top.is_begun = true;
    }
    let mut is_changed = false;
    for (side, levels) in [BID, ASK].into_iter().zip(levels) {
        book.top.change(side, levels, |price, lots| {
            is_changed = true;
            out.push(stamp.level(side, price, lots, flags));
        });
    }
    if !is_changed && flags == 0 {
        out.push(stamp.notice(notice::DEPTH_UNCHANGED, 0, 0));
    }
}

/// One side of a quote; none where the price is empty.
fn touch<'a>(row: &Row<'a>, (price, amount): LevelAt, lot_nanos: i64) -> Result<Touch, Fault<'a>> {
    if row.get(price).is_empty() {
        return Ok(Touch::default());
    }
    Ok(Touch { price: row.price(price, "price")?, lots: row.lots(amount, "amount", lot_nanos)? })
}

fn on_ticker<'a>(
    row: &Row<'a>,
    columns: &Columns,
    stamp: &Stamp,
    out: &mut Out<'_>,
) -> Result<(), Fault<'a>> {
    let Columns::Ticker { funding_time, funding_rate, predicted_rate, open_interest, index, mark } = columns
    else {
        return Ok(());
    };
    let number = |place: Option<usize>, field: &'static str| match place.map(|place| row.get(place)) {
        None | Some(b"") => Ok(None),
        // Vendors print rates with more digits than nano-units have: these are cut, towards zero.
        Some(text) => truncated_nanos(text).map(Some).ok_or(Fault::new("bad number", field, text)),
    };
    let rate = number(Some(*funding_rate), "funding_rate")?;
    let predicted = number(*predicted_rate, "predicted_funding_rate")?;
    let (mark, index) = (number(*mark, "mark_price")?, number(*index, "index_price")?);
    let interest = number(*open_interest, "open_interest")?;
    let paid_ns = match funding_time.map(|place| (place, row.get(place))) {
        None | Some((_, b"")) => 0,
        Some((place, _)) => row.time(place, "funding_timestamp")?.unsigned_abs(),
    };
    let notices = [
        (notice::FUNDING, rate, paid_ns),
        (notice::FUNDING_PREDICTED, predicted, 0),
        (notice::MARK, mark, 0),
        (notice::INDEX, index, 0),
    ];
    out.event(stamp.instrument, stamp.ts_recv_ns);
    let mut any = false;
    for (code, price, order_ref) in notices {
        if let Some(price) = price {
            any = true;
            out.push(stamp.notice(code, price, order_ref));
        }
    }
    if let Some(interest) = interest {
        any = true;
        out.push(stamp.notice(notice::OPEN_INTEREST, 0, interest.unsigned_abs()));
    }
    if !any {
        out.push(stamp.notice(notice::OTHER, 0, 0));
    }
    Ok(())
}

/// Nano-units of a decimal, digits beyond the ninth decimal left out.
fn truncated_nanos(text: &[u8]) -> Option<i64> {
    if let Some(decimal) = Decimal::read(text) {
        return Some(decimal.nanos);
    }
    let text = std::str::from_utf8(text).ok()?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?.checked_add(9)?;
    let power = 10_i128.checked_pow(shift.unsigned_abs());
    let nanos = match (shift < 0, power) {
        (false, power) => value.checked_mul(power?)?,
        // Divided by more than there can be, nothing is left.
        (true, power) => power.map_or(0, |power| value / power),
    };
    i64::try_from(nanos).ok()
}

#[cfg(test)]
mod tests;
