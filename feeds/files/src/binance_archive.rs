//! Binance's published archive (data.binance.vision) and its futures depth files: CSV, plain or zipped, with and
//! without a header, times in milliseconds or microseconds (spot since 2025).
//!
//! | table | records |
//! | --- | --- |
//! | `trades`, `aggTrades` | `Print`; buyer is maker: the aggressor sold |
//! | `bookTicker` | `Quote` |
//! | `klines` | `BarShape` and `Bar`, at the bar's end; the end stated is the last instant that still belongs to it |
//! | `fundingRate` | `Notice` ([`crate::notice::FUNDING`]), of the funding paid at that time |
//! | `T_DEPTH`, `S_DEPTH` | `set` rows of one update are its `Level`s, `snap` rows `Clear` and `Level`s |
//! | `bookDepth`, `metrics`, `liquidationSnapshot` | refused |
//!
//! The archive has no receive times: both times are the venue's. The symbol is the file name's up to the first hyphen
//! (`BTCUSDT-trades-2024-08-08.zip`), or [`Options::symbol`]. Depth files follow the rules of recorded streams
//! ([`crate::binance`]): changes without a snapshot are given behind a `Gap` of count 0, missing numbers are gaps. Files
//! without `pu` do not show what is missing; rows of quantity differences (`delta`) are skipped.
//!
//! Whether a symbol is spot or future follows from the columns, the symbol, and the archive's folders in the path
//! (`futures/um`, `futures/cm`, `spot`); bars have the same columns everywhere, and without such a folder count as spot.
//!
//! Source: github.com/binance/binance-public-data, README, and "Futures Orderbook Download".

use std::path::Path;

use tickrace_types::Record;

use crate::binance::head::market_of_future;
use crate::binance::levels::Decimal;
use crate::binance::rare::average_price;
use crate::emit::{ASK, BID, Bar, Touch};
use crate::format::{Account, Decoder, Options};
use crate::roster::{Fault, Market, Shape};
use crate::table::{Out, Place, Row, Table, TableDecoder, first_line};
use crate::tick_file::FileError;
use crate::{notice, number};

use depth::Depth;
use layout::{Layout, truth};

mod depth;
mod layout;

/// A file of the archive as records.
pub struct BinanceArchiveDecoder(TableDecoder<Rows>);

/// Opens a file.
///
/// # Errors
///
/// [`FileError::Io`] where it cannot be read, [`FileError::Format`] where it is no table of the archive, one without
/// ticks, or one of a symbol that neither name nor options tell.
pub fn open(path: &Path, options: &Options) -> Result<BinanceArchiveDecoder, FileError> {
    let fail = |place: &str, fault: String| FileError::Format {
        path: path.to_owned(),
        place: place.to_owned(),
        fault,
    };
    let first = first_line(path)?;
    let (layout, is_header) = Layout::read(&first).map_err(|fault| fail("line 1", fault))?;
    let named = path.file_name().and_then(|name| symbol_in(&name.to_string_lossy()));
    let symbol = options.symbol.clone().or(named).unwrap_or_default();
    if symbol.is_empty() && !matches!(layout, Layout::Depth { .. }) {
        let fault =
            "it does not begin with a symbol (BTCUSDT-trades-2024-08-08.zip) and the options state none";
        return Err(fail("file name", fault.to_owned()));
    }
    let market = market_in(&path.to_string_lossy());
    let rows = Rows { layout, symbol, market, is_continued: options.is_continued, depth: Depth::default() };
    let header = if is_header { first } else { Vec::new() };
    TableDecoder::open(path, rows, header, options).map(BinanceArchiveDecoder)
}

/// Whether the head of a file is of this format, also where it is a table that is refused.
pub fn is_it(head: &[u8], _name: &str) -> bool {
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    match Layout::read(lines.next().unwrap_or(b"")) {
        Ok((_, true)) => true,
        // One row may look like this by chance; the second must look the same.
        Ok((first, false)) => match lines.next() {
            None | Some(b"") => true,
            Some(second) => Layout::read(second) == Ok((first, false)),
        },
        Err(_) => head.starts_with(b"timestamp,percentage,depth"),
    }
}

/// The symbol a name of the archive begins with.
fn symbol_in(name: &str) -> Option<String> {
    let (symbol, _) = name.split_once('-')?;
    let is_symbol =
        symbol.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    (is_symbol && symbol.len() >= 4).then(|| symbol.to_owned())
}

/// The market the folders of a path tell.
fn market_in(path: &str) -> Option<&'static str> {
    let path = path.replace('\\', "/");
    ["futures/um", "futures/cm", "spot/"].into_iter().find(|folder| path.contains(folder))
}

impl Decoder for BinanceArchiveDecoder {
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

struct Rows {
    layout: Layout,
    symbol: String,
    market: Option<&'static str>,
    is_continued: bool,
    depth: Depth,
}

impl Rows {
    fn market_of(&self, symbol: &str) -> Market {
        match self.market {
            Some("spot/") => Market::Spot,
            Some("futures/cm") => market_of_future(symbol, true),
            Some(_) => Market::Linear,
            None => match (market_of_future(symbol, false), self.layout) {
                (inverse @ Market::Inverse { .. }, _) => inverse,
                (_, Layout::Trades { is_spot: true, .. } | Layout::Klines) => Market::Spot,
                _ => Market::Linear,
            },
        }
    }
}

impl Table for Rows {
    fn symbol<'a>(&'a self, row: &Row<'a>) -> &'a [u8] {
        match self.layout {
            Layout::Depth { .. } => row.get(0),
            _ => self.symbol.as_bytes(),
        }
    }

    fn show(&self, row: &Row<'_>, shape: &mut Shape) {
        let symbol = std::str::from_utf8(self.symbol(row)).unwrap_or("");
        shape.market = self.market_of(symbol);
        let (prices, quantities): (&[usize], &[usize]) = match self.layout {
            Layout::Trades { .. } => (&[1], &[2]),
            Layout::BookTicker => (&[1, 3], &[2, 4]),
            Layout::Klines => (&[1, 2, 3, 4], &[5]),
            Layout::Depth { .. } => (&[6], &[7]),
            Layout::Funding => (&[], &[]),
        };
        let read = |place: &usize| Decimal::read(row.get(*place));
        prices.iter().filter_map(read).for_each(|price| shape.show_price(price.nanos));
        quantities.iter().filter_map(read).for_each(|qty| shape.show_qty(qty.nanos, qty.decimals));
    }

    fn on_row<'a>(&mut self, row: &Row<'a>, place: Place, out: &mut Out<'_>) -> Result<(), Fault<'a>> {
        let records = match self.layout {
            Layout::Trades { time, maker, .. } => [Some(trade(row, time, maker, place)?), None],
            Layout::BookTicker => [Some(quote(row, place)?), None],
            Layout::Klines => {
                let symbol = std::str::from_utf8(self.symbol.as_bytes()).unwrap_or("");
                bar(row, self.market_of(symbol), place)?.map(Some)
            }
            Layout::Funding => {
                let paid_ns = row.time(0, "calc_time")?;
                let rate = row.price(2, "last_funding_rate")?;
                [
                    Some(place.stamp(paid_ns, paid_ns).notice(notice::FUNDING, rate, paid_ns.unsigned_abs())),
                    None,
                ]
            }
            Layout::Depth { has_previous } => {
                return self.depth.on_row(row, has_previous, place, self.is_continued, out);
            }
        };
        records.into_iter().flatten().for_each(|record| out.push(record));
        out.close();
        Ok(())
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        self.depth.close(self.is_continued, out);
    }

    fn name(&self) -> &'static str {
        self.layout.name()
    }
}

fn trade<'a>(row: &Row<'a>, time: usize, maker: usize, place: Place) -> Result<Record, Fault<'a>> {
    let ts_ns = row.time(time, "time")?;
    let side = match truth(row.get(maker)) {
        Some(true) => ASK,
        Some(false) => BID,
        None => return Err(Fault::new("bad side", "is_buyer_maker", row.get(maker))),
    };
    let (price, lots) = (row.price(1, "price")?, row.lots(2, "qty", place.lot_nanos)?);
    Ok(place.stamp(ts_ns, ts_ns).print(side, price, lots, row.integer(0, "id")?, 0))
}

fn quote<'a>(row: &Row<'a>, place: Place) -> Result<Record, Fault<'a>> {
    let ts_ns = row.time(5, "transaction_time")?;
    let lots = |at: usize, field| row.lots(at, field, place.lot_nanos);
    let bid = Touch { price: row.price(1, "best_bid_price")?, lots: lots(2, "best_bid_qty")? };
    let ask = Touch { price: row.price(3, "best_ask_price")?, lots: lots(4, "best_ask_qty")? };
    Ok(place.stamp(ts_ns, ts_ns).quote(bid, ask))
}

fn bar<'a>(row: &Row<'a>, market: Market, place: Place) -> Result<[Record; 2], Fault<'a>> {
    let last = row.integer(6, "close_time")?;
    let end_ns =
        number::epoch_ns(last.saturating_add(1)).ok_or(Fault::new("bad time", "close_time", row.get(6)))?;
    let lots = row.lots(5, "volume", place.lot_nanos)?;
    let (qty, other) = (Decimal::read(row.get(5)), Decimal::read(row.get(7)));
    let vwap = match (qty, other, market) {
        // Coin-margined bars state the coins that changed hands, and the volume in contracts.
        (Some(qty), Some(coins), Market::Inverse { contract_nanos }) => {
            average_price(i128::from(qty.nanos) * i128::from(contract_nanos) / 1_000_000_000, coins.nanos)
        }
        (Some(qty), Some(value), _) => average_price(value.nanos.into(), qty.nanos),
        _ => 0,
    };
    let bar = Bar {
        prices: [row.price(1, "open")?, row.price(2, "high")?, row.price(3, "low")?, row.price(4, "close")?],
        ts_open_ns: row.time(0, "open_time")?,
        lots,
        trades: row.integer(8, "count")?,
        vwap,
    };
    Ok(place.stamp(end_ns, end_ns).bar(&bar))
}

#[cfg(test)]
mod tests;
