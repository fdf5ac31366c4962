//! hftbacktest: arrays of events (`.npz`, `.npy`), levels with trades or order by order.
//!
//! | event | record |
//! | --- | --- |
//! | depth | `Level` |
//! | depth snapshot | `Level` with the flag `SNAPSHOT` |
//! | depth clear | `Clear` with the flag `SNAPSHOT`; of one side with its bound, of a whole side with a bound no price reaches |
//! | depth of the best level | `Clear` of its side up to and with that price, then `Level` |
//! | trade | `Print`, `side` as the aggressor; not printable where fills tell the same trades |
//! | order added, cancelled, modified, filled | `Add`, `Delete`, `Cancel` or `Replace`, `Execute`: see `orders` |
//!
//! A row may be meant for the exchange, for us, or for both: the file repeats what the two heard in another order. Rows
//! for one of them have the flag `VENUE_ONLY` or `DESK_ONLY`; both times of every row are those of the file.
//! Neighbouring rows of the same two times for the same hearers are one event.
//!
//! Prices and quantities are floats; they become whole ticks and lots of the instrument ([`grid`]). Where nobody stated
//! these, they are the finest decimals within the first [`HEAD_ROWS`] rows.
//!
//! Source: hftbacktest 0.9.4, `types.rs` (flags, layout), `depth/btreemarketdepth.rs` (clearing up to a price),
//! `depth/fuse.rs` (best levels), `backtest/data/npy` (files).

pub mod grid;
pub mod npy;
mod orders;
pub mod row;

use std::io::Read;
use std::path::Path;

use tickrace_types::{Flags, Kind, MarketRecord, Record};
use zerocopy::FromBytes;

use self::grid::{Grid, rounded_nanos};
use self::npy::Head;
use self::orders::{OrderRow, Orders};
use self::row::{FIELDS, ROW_BYTES, Row, ev};
use crate::event_end::EventEnd;
use crate::format::{BATCH_RECORDS, End, Skips};
use crate::number::Step;
use crate::shape::{NO_SIDE, instrument_of_steps, market, symbol_of};
use crate::stream::{Packing, packing_of};
use crate::tick_file::FileError;
use crate::{Account, Decoder, Options, Stream};

/// Rows looked at before the decoding begins: four MiB.
pub const HEAD_ROWS: usize = 1 << 16;

/// Rows read from the stream at a time.
const READ_ROWS: usize = 1 << 10;

/// Bits of a row's hearers.
const HEARERS: u64 = ev::EXCH | ev::LOCAL;

/// Names of the kinds, by number; those without one are unknown.
const KINDS: [&str; 14] =
    ["", "depth", "trade", "clear", "snapshot", "bbo", "", "", "", "", "add", "cancel", "modify", "fill"];

/// An array of events as records.
pub struct HftbacktestDecoder {
    stream: Stream,
    head_bytes: u64,
    rows: u64,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are decoded, and that are filled.
    at: usize,
    filled: usize,
    account: Account,
    is_asked: bool,
    grid: Grid,
    has_fills: bool,
    by_kind: [u64; KINDS.len()],
    /// The order-by-order view of the exchange, and ours.
    orders: [Orders; 2],
    event_end: EventEnd,
    event: (i64, i64, u64),
}

/// Opens an array of events: an `.npy`, packed or not, or an `.npz` with a member `data`.
///
/// # Errors
///
/// [`FileError::Io`]; [`FileError::Format`] where it is no array of hftbacktest's events, or has no symbol.
pub fn open(path: &Path, options: &Options) -> Result<HftbacktestDecoder, FileError> {
    let fail = |place: &str, fault: String| FileError::Format {
        path: path.to_owned(),
        place: place.to_owned(),
        fault,
    };
    let (stream, head) = open_array(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let symbol =
        symbol_of(options, short_name(&name)).map_err(|fault| fail(&format!("file name {name}"), fault))?;
    let (mut first, _) = open_array(path)?;
    let shown = look(&mut first);
    drop(first);
    let instrument = options
        .stated(&symbol)
        .cloned()
        .unwrap_or_else(|| instrument_of_steps(&symbol, shown.price.nanos(), shown.quantity.nanos()));
    if let Err(error) = instrument.validate() {
        return Err(fail("instrument", error.to_string()));
    }
    let is_asked = options.is_asked(&symbol);
    Ok(HftbacktestDecoder {
        stream,
        head_bytes: head.bytes,
        rows: head.shape[0],
        buffer: vec![0; READ_ROWS * ROW_BYTES],
        at: 0,
        filled: 0,
        grid: Grid::new(instrument.ticks[0].tick_nanos, instrument.lot_nanos),
        account: Account {
            instruments: if is_asked { vec![instrument] } else { vec![] },
            ..Account::default()
        },
        is_asked,
        has_fills: shown.has_fills,
        by_kind: [0; KINDS.len()],
        orders: Default::default(),
        event_end: EventEnd::default(),
        event: (0, 0, 0),
    })
}

/// Whether the first decompressed bytes of a file (of an `.npz`: of its array) are an array of hftbacktest's events.
pub fn is_it(head: &[u8], _name: &str) -> bool {
    let mut bytes = head;
    matches!(Head::read(&mut bytes), Ok(Ok(head)) if fault_of(&head).is_none())
}

/// Opens the array; the stream stands at its first row.
fn open_array(path: &Path) -> Result<(Stream, Head), FileError> {
    let mut stream = if packing_of(path)? == Packing::Zip {
        let members = crate::stream::members(path)?;
        let named = members.iter().find(|member| member.name == "data.npy");
        match named.or(if members.len() == 1 { members.first() } else { None }) {
            Some(member) => Stream::open_member(path, &member.name)?,
            None => {
                let fault = format!("none of {} members is named data.npy", members.len());
                return Err(FileError::Format { path: path.to_owned(), place: "archive".to_owned(), fault });
            }
        }
    } else {
        Stream::open(path)?
    };
    let head = Head::read(&mut stream).map_err(|error| FileError::Io {
        action: "read",
        path: path.to_owned(),
        error,
    })?;
    let fault = match head {
        Ok(head) => match fault_of(&head) {
            None => return Ok((stream, head)),
            Some(fault) => fault,
        },
        Err(fault) => fault.to_owned(),
    };
    Err(FileError::Format { path: path.to_owned(), place: "offset 0".to_owned(), fault })
}

/// Why an array is none of events.
fn fault_of(head: &Head) -> Option<String> {
    let wanted = FIELDS.iter().copied();
    if !head.fields.iter().map(|(name, kind)| (name.as_str(), kind.as_str())).eq(wanted) {
        let names: Vec<_> = head.fields.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
        return Some(format!("an array of ({}), not of ev, exch_ts, local_ts …", names.join(", ")));
    }
    (head.shape.len() != 1).then(|| format!("an array of {} indices, not of one", head.shape.len()))
}

/// `btcusdt_20240809.npz` as a symbol: the name without its ending; where that is too long, what stands before the first
/// underscore.
fn short_name(name: &str) -> &str {
    let stem = name.split('.').next().unwrap_or_default();
    if stem.len() <= 16 { stem } else { stem.split('_').next().unwrap_or_default() }
}

/// What the first rows show.
#[derive(Default)]
struct Shown {
    price: Step,
    quantity: Step,
    has_fills: bool,
}

fn look(stream: &mut Stream) -> Shown {
    let mut shown = Shown::default();
    let mut last = (0.0, 0.0);
    let mut bytes = [0; ROW_BYTES];
    for _ in 0..HEAD_ROWS {
        // A fault of the file shows when it is decoded.
        if stream.read_exact(&mut bytes).is_err() {
            break;
        }
        let Ok(row) = Row::ref_from_bytes(&bytes) else { break };
        let kind = row.ev.get() & ev::KIND;
        shown.has_fills |= kind == ev::FILL;
        if matches!(kind, ev::DEPTH_CLEAR | ev::CANCEL_ORDER) {
            continue;
        }
        let (px, qty) = (row.px.get(), row.qty.get());
        // Neighbours are often of one price, or one quantity.
        if px.to_bits() != f64::to_bits(last.0)
            && let Some(nanos) = rounded_nanos(px)
        {
            shown.price.show(nanos);
        }
        if qty.to_bits() != f64::to_bits(last.1)
            && let Some(nanos) = rounded_nanos(qty)
        {
            shown.quantity.show(nanos);
        }
        last = (px, qty);
    }
    shown
}

impl Decoder for HftbacktestDecoder {
    fn read(&mut self, batch: &mut Vec<Record>) -> bool {
        let before = batch.len();
        while batch.len() < before + BATCH_RECORDS && self.account.end == End::Running {
            if self.at == self.filled && !self.fill() {
                self.event_end.close(batch);
                break;
            }
            let bytes = &self.buffer[self.at..self.at + ROW_BYTES];
            self.at += ROW_BYTES;
            if let Ok(row) = Row::read_from_bytes(bytes) {
                self.on_row(&row, batch);
            }
        }
        batch.len() > before
    }

    fn account(&self) -> &Account {
        &self.account
    }

    fn by_type(&self) -> Vec<(String, u64)> {
        let counts = KINDS.iter().zip(self.by_kind).filter(|(_, count)| *count > 0);
        counts.map(|(name, count)| ((*name).to_owned(), count)).collect()
    }

    fn progress(&self) -> (u64, u64) {
        (self.stream.consumed_bytes(), self.stream.stored_bytes())
    }
}

impl HftbacktestDecoder {
    /// Reads whole rows into the buffer; false at the end of the array, which is then accounted for.
    #[cold]
    fn fill(&mut self) -> bool {
        (self.at, self.filled) = (0, 0);
        let left = self.rows.saturating_sub(self.account.messages);
        let wanted = usize::try_from(left).map_or(READ_ROWS, |left| left.min(READ_ROWS)) * ROW_BYTES;
        let mut count = 0;
        let mut fault = None;
        while count < wanted && fault.is_none() {
            match self.stream.read(&mut self.buffer[count..wanted]) {
                Ok(0) => {
                    fault = Some(format!("cut: {} of {} rows are there", self.rows_with(count), self.rows))
                }
                Ok(read) => count += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => fault = Some(error.to_string()),
            }
        }
        self.filled = count - count % ROW_BYTES;
        if self.filled > 0 {
            // What is whole is decoded first; the fault shows again at the next call.
            return true;
        }
        let place = format!("offset {}", self.head_bytes + self.account.messages * ROW_BYTES as u64);
        if fault.is_none() {
            fault = match self.stream.read(&mut [0]) {
                Ok(0) => None,
                Ok(_) => Some(format!("there is more than the {} rows of the array", self.rows)),
                Err(error) => Some(error.to_string()),
            };
        }
        self.account.end = fault.map_or(End::Complete, |fault| End::Broken { place, fault });
        false
    }

    fn rows_with(&self, bytes: usize) -> u64 {
        self.account.messages + (bytes / ROW_BYTES) as u64
    }

    #[inline]
    fn on_row(&mut self, row: &Row, batch: &mut Vec<Record>) {
        self.account.messages += 1;
        let flags = row.ev.get();
        let kind = flags & ev::KIND;
        let name = usize::try_from(kind).ok().and_then(|kind| KINDS.get(kind)).copied().unwrap_or("");
        if name.is_empty() {
            return self.skip("event kind", || format!("field ev: kind {kind} is unknown"));
        }
        if let Some(count) = usize::try_from(kind).ok().and_then(|kind| self.by_kind.get_mut(kind)) {
            *count += 1;
        }
        if !self.is_asked {
            return self.skip(Skips::FILTERED, || "instrument not asked for".to_owned());
        }
        let hearers = flags & HEARERS;
        if hearers == 0 {
            return self.skip("hearers", || "field ev: neither for the exchange nor for us".to_owned());
        }
        let event = (row.exch_ts.get(), row.local_ts.get(), hearers);
        if event != self.event {
            self.event_end.close(batch);
            self.event = event;
        }
        let side = match flags & (ev::BUY | ev::SELL) {
            ev::BUY => 0,
            ev::SELL => 1,
            0 => NO_SIDE,
            _ => return self.skip("side", || "field ev: buy and sell at once".to_owned()),
        };
        let mut record = market(self.account.messages, event.0, event.1);
        record.side = side;
        record.header.flags = only(hearers);
        match kind {
            ev::DEPTH | ev::DEPTH_SNAPSHOT | ev::DEPTH_BBO => self.on_level(row, kind, record, batch),
            ev::TRADE => self.on_trade(row, record, batch),
            ev::DEPTH_CLEAR => self.on_clear(row, hearers, record, batch),
            _ => self.on_order(row, kind, hearers, record, batch),
        }
    }

    #[cold]
    fn skip(&mut self, reason: &'static str, fault: impl FnOnce() -> String) {
        let number = self.account.messages;
        self.account.skips.count(reason, || format!("row {number}: {}", fault()));
    }

    #[inline]
    fn push(&mut self, mut record: MarketRecord, kind: Kind, flags: u8, batch: &mut Vec<Record>) {
        record.header.kind = kind as u8;
        record.header.flags |= flags;
        self.event_end.push(*record.as_record(), batch);
    }

    /// Price in nano-units and quantity in lots; a fault is counted.
    #[inline]
    fn numbers(&mut self, row: &Row) -> Option<(i64, u64)> {
        let (px, qty) = (row.px.get(), row.qty.get());
        match (self.grid.price_nanos(px), self.grid.lots(qty)) {
            (Some(price), Some(lots)) => Some((price, lots)),
            (None, _) => {
                self.skip("price", || format!("field px: {px} is no whole number of nano-units"));
                None
            }
            (_, None) => {
                self.skip("quantity", || format!("field qty: {qty} is no whole number of lots"));
                None
            }
        }
    }

    #[inline]
    fn on_level(&mut self, row: &Row, kind: u64, mut record: MarketRecord, batch: &mut Vec<Record>) {
        if record.side == NO_SIDE {
            return self.skip("side", || "field ev: a level of neither side".to_owned());
        }
        let Some((price, lots)) = self.numbers(row) else { return };
        (record.price, record.order_ref) = (price, lots);
        let snapshot = if kind == ev::DEPTH_SNAPSHOT { Flags::SNAPSHOT } else { 0 };
        if kind == ev::DEPTH_BBO {
            let bound = MarketRecord { order_ref: 0, code: MarketRecord::WITH_PRICE, ..record };
            self.push(bound, Kind::Clear, 0, batch);
        }
        self.push(record, Kind::Level, snapshot, batch);
    }

    #[inline]
    fn on_trade(&mut self, row: &Row, mut record: MarketRecord, batch: &mut Vec<Record>) {
        let Some((price, lots)) = self.numbers(row) else { return };
        if lots == 0 {
            return self.skip("quantity", || "field qty: a trade of nothing".to_owned());
        }
        record.price = price;
        record.qty = u32::try_from(lots).unwrap_or(u32::MAX);
        record.order_ref = if lots > u64::from(u32::MAX) { lots } else { 0 };
        let told_by_fills = if self.has_fills { Flags::NOT_PRINTABLE } else { 0 };
        self.push(record, Kind::Print, told_by_fills, batch);
    }

    fn on_clear(&mut self, row: &Row, hearers: u64, mut record: MarketRecord, batch: &mut Vec<Record>) {
        if record.side != NO_SIDE {
            record.code = MarketRecord::WITH_PRICE;
            let px = row.px.get();
            // Without a bound the whole side goes: no price lies beyond these.
            let everything = if record.side == 0 { -i64::MAX } else { i64::MAX };
            record.price =
                if px.is_finite() { self.grid.price_nanos(px).unwrap_or(everything) } else { everything };
        }
        for (orders, hearer) in self.orders.iter_mut().zip([ev::EXCH, ev::LOCAL]) {
            if hearers & hearer != 0 {
                orders.clear(record.side);
            }
        }
        self.push(record, Kind::Clear, Flags::SNAPSHOT, batch);
    }

    fn on_order(
        &mut self,
        row: &Row,
        kind: u64,
        hearers: u64,
        record: MarketRecord,
        batch: &mut Vec<Record>,
    ) {
        // A cancellation names nothing but the order.
        let numbers = if kind == ev::CANCEL_ORDER { Some((0, 1)) } else { self.numbers(row) };
        let Some((price, lots)) = numbers else { return };
        let Some(lots) = u32::try_from(lots).ok().filter(|lots| *lots > 0) else {
            return self.skip("quantity", || "field qty: an order of nothing, or beyond 32 bits".to_owned());
        };
        if kind == ev::ADD_ORDER && record.side == NO_SIDE {
            return self.skip("side", || "field ev: an order of neither side".to_owned());
        }
        let order = OrderRow { kind, order_ref: row.order_id.get(), price, lots, side: record.side };
        let venue = (hearers & ev::EXCH != 0).then(|| self.orders[0].on_row(&order));
        let desk = (hearers & ev::LOCAL != 0).then(|| self.orders[1].on_row(&order));
        if venue.is_some() && venue == desk {
            return self.push_deed(venue.flatten(), record, 0, batch);
        }
        // Only one hears of it, or the two saw another past of this order: each is told what it means there.
        self.push_deed(venue.flatten(), record, Flags::VENUE_ONLY, batch);
        self.push_deed(desk.flatten(), record, Flags::DESK_ONLY, batch);
    }

    fn push_deed(
        &mut self,
        deed: orders::Deed,
        mut record: MarketRecord,
        flags: u8,
        batch: &mut Vec<Record>,
    ) {
        let Some((kind, body)) = deed else { return };
        (record.order_ref, record.other_ref, record.price) = (body.order_ref, body.other_ref, body.price);
        (record.qty, record.side, record.code) = (body.qty, body.side, body.code);
        record.header.flags = flags;
        self.push(record, kind, 0, batch);
    }
}

/// Flag of a row that only one of the two hears.
const fn only(hearers: u64) -> u8 {
    match hearers {
        ev::EXCH => Flags::VENUE_ONLY,
        ev::LOCAL => Flags::DESK_ONLY,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
