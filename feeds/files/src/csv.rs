//! Plain CSV, read as a [`Mapping`] states it: what the columns mean, what a row is, what the times count from.
//!
//! No file is taken for one of these by itself: a mapping is stated, or the file is none. Faults of the mapping name the
//! key; faults of a row name line and column and are counted.
//!
//! Prices and quantities are read exactly. Tick and lot of an instrument are stated, or the finest decimals within the first
//! [`HEAD_BYTES`] of the file; of an instrument that appears later, the finest of all that appeared there.

mod fields;
pub mod mapping;
mod plan;
mod symbols;
mod time;

use std::path::Path;

use tickrace_types::{BarRecord, BarShapeRecord, Flags, Kind, MarketRecord, QuoteRecord, Record};

pub use self::mapping::Mapping;
pub use self::plan::MappingFault;

use self::fields::Fields;
use self::mapping::RowKind;
use self::plan::{Kinds, Plan};
use self::symbols::{NoInstrument, Slot, Steps, Symbols};
use crate::event_end::EventEnd;
use crate::format::{BATCH_RECORDS, End, Skips};
use crate::lines::Lines;
use crate::number::{fixed, integer, lots};
use crate::shape::{NO_SIDE, market, symbol_of};
use crate::tick_file::FileError;
use crate::{Account, Decoder, Options, Stream, date_from_name};

/// Bytes looked at before the decoding begins.
pub const HEAD_BYTES: u64 = 4 << 20;

/// A CSV file as records.
pub struct CsvDecoder {
    lines: Lines,
    rows: Rows,
}

/// Everything but the lines.
struct Rows {
    plan: Plan,
    options: Options,
    symbol: Vec<u8>,
    symbols: Symbols,
    fields: Fields,
    account: Account,
    by_kind: [u64; RowKind::ALL.len()],
    event_end: EventEnd,
    /// Text of the event at hand.
    event: Vec<u8>,
}

/// Why a row is none.
#[derive(Clone, Copy, Debug)]
struct RowFault {
    /// Key of the mapping, which is also the reason it is counted by.
    key: &'static str,
    /// Place of its column.
    place: usize,
    wanted: &'static str,
}

/// Opens a file, packed or not; of an archive its only member.
///
/// # Errors
///
/// [`FileError::Io`]; [`FileError::Format`] where the mapping does not fit (it names the key), or without a symbol.
pub fn open(path: &Path, mapping: &Mapping, options: &Options) -> Result<CsvDecoder, FileError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    start(path, &name, mapping, options, &|| Stream::open(path))
}

/// Opens one member of an archive.
///
/// # Errors
///
/// As [`open`].
pub fn open_member(
    path: &Path,
    member: &str,
    mapping: &Mapping,
    options: &Options,
) -> Result<CsvDecoder, FileError> {
    start(path, member, mapping, options, &|| Stream::open_member(path, member))
}

fn start(
    path: &Path,
    name: &str,
    mapping: &Mapping,
    options: &Options,
    stream: &dyn Fn() -> Result<Stream, FileError>,
) -> Result<CsvDecoder, FileError> {
    let fail = |place: String, fault: String| FileError::Format { path: path.to_owned(), place, fault };
    let date =
        options.date.or_else(|| date_from_name(name)).or_else(|| date_from_name(&path.to_string_lossy()));
    let begin = || -> Result<(Lines, Plan), FileError> {
        let mut lines = Lines::new(stream()?);
        let mut fields = Fields::default();
        let delimiter = u8::try_from(mapping.delimiter).unwrap_or(b',');
        let header = if mapping.has_header { lines.next() } else { None };
        let header: Option<Vec<Vec<u8>>> = header.map(|line| {
            // What some programs write before the first name to say that the text is UTF-8.
            let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
            fields.cut(line, delimiter, usize::MAX);
            (0..fields.len()).filter_map(|place| fields.get(line, place)).map(<[u8]>::to_vec).collect()
        });
        let plan = Plan::new(mapping, header.as_deref(), date)
            .map_err(|fault| fail(format!("mapping key {}", fault.key), fault.fault))?;
        Ok((lines, plan))
    };
    let (head, plan) = begin()?;
    let symbol = match plan.symbol {
        Some(_) => String::new(),
        None => symbol_of(options, name.split('.').next().unwrap_or_default())
            .map_err(|fault| fail(format!("file name {name}"), fault))?,
    };
    let steps = look(head, &plan, symbol.as_bytes());
    let (lines, plan) = begin()?;
    let mut account = Account::default();
    let mut symbols = Symbols::new(options, steps, &mut account.instruments);
    if plan.symbol.is_none() && options.is_asked(&symbol) {
        // Also of a file without rows.
        let known = symbols.find(symbol.as_bytes(), options, &mut account.instruments).is_ok();
        if !known {
            return Err(fail("instrument".to_owned(), format!("{symbol} as stated cannot be")));
        }
    }
    let rows = Rows {
        plan,
        options: options.clone(),
        symbol: symbol.into_bytes(),
        symbols,
        fields: Fields::default(),
        account,
        by_kind: [0; RowKind::ALL.len()],
        event_end: EventEnd::default(),
        event: Vec::new(),
    };
    Ok(CsvDecoder { lines, rows })
}

/// The finest decimals of the first rows.
fn look(mut lines: Lines, plan: &Plan, symbol: &[u8]) -> Steps {
    let mut steps = Steps::default();
    let mut fields = Fields::default();
    let mut bytes = 0;
    let prices = [plan.price, plan.quote[0], plan.quote[2]].into_iter().chain(plan.bar).flatten();
    let quantities = [plan.qty, plan.quote[1], plan.quote[3], plan.volume].into_iter().flatten();
    let (prices, quantities): (Vec<usize>, Vec<usize>) = (prices.collect(), quantities.collect());
    while bytes < HEAD_BYTES {
        let Some(line) = lines.next() else { break };
        bytes += line.len() as u64 + 1;
        fields.cut(line, plan.delimiter, plan.fields);
        let symbol = plan.symbol.and_then(|place| fields.get(line, place)).unwrap_or(symbol);
        let shown = steps.of(symbol);
        let nanos = |place: &usize, decimals| fields.get(line, *place).and_then(|text| fixed(text, decimals));
        prices
            .iter()
            .filter_map(|place| nanos(place, plan.price_decimals))
            .for_each(|nanos| shown.price.show(nanos));
        quantities
            .iter()
            .filter_map(|place| nanos(place, plan.qty_decimals))
            .for_each(|nanos| shown.quantity.show(nanos));
    }
    steps
}

impl Decoder for CsvDecoder {
    fn read(&mut self, batch: &mut Vec<Record>) -> bool {
        let before = batch.len();
        let Self { lines, rows } = self;
        while batch.len() < before + BATCH_RECORDS && rows.account.end == End::Running {
            let Some(line) = lines.next() else {
                rows.account.end = lines.outcome();
                break;
            };
            if line.is_empty() {
                continue;
            }
            rows.account.messages += 1;
            if let Err(fault) = rows.on_row(line, batch) {
                let text = rows.fields.get(line, fault.place).map(|text| text.to_vec());
                rows.refuse(&fault, text, lines.number(), lines.is_open());
            }
        }
        if rows.account.end != End::Running {
            rows.event_end.close(batch);
        }
        batch.len() > before
    }

    fn account(&self) -> &Account {
        &self.rows.account
    }

    fn by_type(&self) -> Vec<(String, u64)> {
        let counts = RowKind::ALL.iter().zip(self.rows.by_kind).filter(|(_, count)| *count > 0);
        counts.map(|(kind, count)| (kind.name().to_owned(), count)).collect()
    }

    fn progress(&self) -> (u64, u64) {
        (self.lines.stream().consumed_bytes(), self.lines.stream().stored_bytes())
    }
}

impl Rows {
    #[cold]
    fn refuse(&mut self, fault: &RowFault, text: Option<Vec<u8>>, line: u64, is_open: bool) {
        if fault.key == Skips::FILTERED {
            return self.account.skips.count(Skips::FILTERED, || format!("line {line}"));
        }
        let RowFault { key, place, wanted } = fault;
        let told = match text {
            Some(text) => {
                format!("\"{}\", wanted {wanted}", String::from_utf8_lossy(&text[..text.len().min(40)]))
            }
            None => "the row has no such column".to_owned(),
        };
        let told = format!("column {place} ({key}): {told}");
        if is_open {
            // The last of the file, and without an end.
            self.account.end = End::Broken { place: format!("line {line}"), fault: told };
            return;
        }
        self.account.skips.count(key, || format!("line {line}: {told}"));
    }

    #[inline]
    fn on_row(&mut self, line: &[u8], batch: &mut Vec<Record>) -> Result<(), RowFault> {
        let Self { plan, fields, .. } = self;
        fields.cut(line, plan.delimiter, plan.fields);
        let row = Row { line, fields, plan };
        let kind = row.kind()?;
        if kind == RowKind::Skip {
            self.by_kind[kind as usize] += 1;
            return Ok(());
        }
        let ts_venue_ns = time(&mut plan.ts, fields, line, "ts")?;
        let ts_recv_ns = match &mut plan.ts_recv {
            Some(column) => time(column, fields, line, "ts_recv")?,
            None => ts_venue_ns,
        };
        let row = Row { line, fields, plan };
        let symbol = match plan.symbol {
            Some(place) => row.text(place, "symbol")?,
            None => &self.symbol,
        };
        let slot = self.symbols.find(symbol, &self.options, &mut self.account.instruments);
        let place = plan.symbol.unwrap_or(0);
        let slot = slot.map_err(|none| match none {
            NoInstrument::Filtered => RowFault { key: Skips::FILTERED, place, wanted: "" },
            NoInstrument::Nonsense => RowFault { key: "symbol", place, wanted: "1 to 16 plain characters" },
        })?;
        let mut record = market(self.account.messages, ts_venue_ns, ts_recv_ns);
        record.header.instrument = slot.id;
        let said = row.say(kind, record, slot)?;
        // Only a row that is one ends the event before it.
        let text = plan.event.map(|place| row.text(place, "event")).transpose()?;
        if text.is_none_or(|text| text != self.event) {
            self.event_end.close(batch);
            self.event.clear();
            self.event.extend_from_slice(text.unwrap_or_default());
        }
        for record in said.into_iter().flatten() {
            self.event_end.push(record, batch);
        }
        self.by_kind[kind as usize] += 1;
        Ok(())
    }
}

#[inline]
fn time(
    (place, clock): &mut (usize, time::Clock),
    fields: &Fields,
    line: &[u8],
    key: &'static str,
) -> Result<i64, RowFault> {
    let fault = RowFault { key, place: *place, wanted: "a time" };
    fields.get(line, *place).and_then(|text| clock.read(text)).ok_or(fault)
}

/// One row and how it is read.
struct Row<'a> {
    line: &'a [u8],
    fields: &'a Fields,
    plan: &'a Plan,
}

impl<'a> Row<'a> {
    #[inline]
    fn text(&self, place: usize, key: &'static str) -> Result<&'a [u8], RowFault> {
        self.fields.get(self.line, place).ok_or(RowFault { key, place, wanted: "a text" })
    }

    #[inline]
    fn kind(&self) -> Result<RowKind, RowFault> {
        match &self.plan.kind {
            Kinds::Constant(kind) => Ok(*kind),
            Kinds::ByText(place, values) => {
                let text = self.text(*place, "kind")?;
                let found = values.iter().find(|(value, _)| value == text).map(|(_, kind)| *kind);
                found.ok_or(RowFault { key: "kind", place: *place, wanted: "one of the mapping's values" })
            }
        }
    }

    #[inline]
    fn side(&self) -> Result<u8, RowFault> {
        let Some((place, values)) = &self.plan.side else { return Ok(NO_SIDE) };
        let text = self.text(*place, "side")?;
        let found = values.iter().find(|(value, _)| value == text).map(|(_, side)| *side);
        found.ok_or(RowFault { key: "side", place: *place, wanted: "one of the mapping's values" })
    }

    /// Bid or ask, not none.
    #[inline]
    fn own_side(&self) -> Result<u8, RowFault> {
        let place = self.plan.side.as_ref().map_or(0, |(place, _)| *place);
        let fault = RowFault { key: "side", place, wanted: "bid or ask" };
        self.side().and_then(|side| if side == NO_SIDE { Err(fault) } else { Ok(side) })
    }

    /// Nano-units of a price; of a column that is not mapped `None`.
    #[inline]
    fn price(&self, column: Option<usize>, key: &'static str) -> Result<i64, RowFault> {
        let place = column.unwrap_or(0);
        let nanos = fixed(self.text(place, key)?, self.plan.price_decimals);
        nanos.ok_or(RowFault { key, place, wanted: "a price of at most nine decimals" })
    }

    #[inline]
    fn lots(&self, column: Option<usize>, key: &'static str, slot: &Slot) -> Result<u64, RowFault> {
        let place = column.unwrap_or(0);
        let nanos = fixed(self.text(place, key)?, self.plan.qty_decimals);
        let whole = nanos.and_then(|nanos| lots(nanos, slot.lot_nanos));
        whole.ok_or(RowFault { key, place, wanted: "a whole number of lots" })
    }

    /// Lots above zero that 32 bits hold.
    #[inline]
    fn order_lots(&self, slot: &Slot) -> Result<u32, RowFault> {
        let lots = self.lots(self.plan.qty, "qty", slot)?;
        let place = self.plan.qty.unwrap_or(0);
        let fault = RowFault { key: "qty", place, wanted: "lots above zero, of 32 bits" };
        u32::try_from(lots).ok().filter(|lots| *lots > 0).ok_or(fault)
    }

    #[inline]
    fn number(&self, column: Option<usize>, key: &'static str) -> Result<u64, RowFault> {
        let Some(place) = column else { return Ok(0) };
        integer(self.text(place, key)?).ok_or(RowFault { key, place, wanted: "a whole number" })
    }

    /// The records of the row, in order.
    #[inline]
    fn say(
        &self,
        kind: RowKind,
        record: MarketRecord,
        slot: &mut Slot,
    ) -> Result<[Option<Record>; 2], RowFault> {
        let snapshot_ts_ns = (kind == RowKind::SnapshotLevel).then_some(record.header.ts_venue_ns);
        let before = std::mem::replace(&mut slot.snapshot_ts_ns, snapshot_ts_ns);
        match kind {
            RowKind::Quote => Ok([Some(self.quote(record, slot)?), None]),
            RowKind::Bar => self.bar(record, slot),
            RowKind::Level => Ok([Some(self.level(record, slot)?), None]),
            RowKind::SnapshotLevel => {
                let mut level = self.level(record, slot)?;
                level.header.flags = Flags::SNAPSHOT;
                let mut clear = record;
                (clear.header.kind, clear.header.flags) = (Kind::Clear as u8, Flags::SNAPSHOT);
                Ok([(before != snapshot_ts_ns).then(|| *clear.as_record()), Some(level)])
            }
            RowKind::Trade | RowKind::Print => Ok([Some(self.trade(kind, record, slot)?), None]),
            _ => Ok([Some(self.order(kind, record, slot)?), None]),
        }
    }

    #[inline]
    fn level(&self, mut record: MarketRecord, slot: &Slot) -> Result<Record, RowFault> {
        record.header.kind = Kind::Level as u8;
        record.side = self.own_side()?;
        record.price = self.price(self.plan.price, "price")?;
        record.order_ref = self.lots(self.plan.qty, "qty", slot)?;
        Ok(*record.as_record())
    }

    #[inline]
    fn trade(&self, kind: RowKind, mut record: MarketRecord, slot: &Slot) -> Result<Record, RowFault> {
        record.side = self.side()?;
        record.price = self.price(self.plan.price, "price")?;
        record.other_ref = self.number(self.plan.other_ref, "other_ref")?;
        if kind == RowKind::Trade {
            record.header.kind = Kind::Trade as u8;
            record.qty = self.order_lots(slot)?;
            return Ok(*record.as_record());
        }
        record.header.kind = Kind::Print as u8;
        let lots = self.lots(self.plan.qty, "qty", slot)?;
        if lots == 0 {
            let place = self.plan.qty.unwrap_or(0);
            return Err(RowFault { key: "qty", place, wanted: "lots above zero" });
        }
        record.qty = u32::try_from(lots).unwrap_or(u32::MAX);
        record.order_ref = if lots > u64::from(u32::MAX) { lots } else { 0 };
        Ok(*record.as_record())
    }

    /// Rows about an order, and clears.
    fn order(&self, kind: RowKind, mut record: MarketRecord, slot: &Slot) -> Result<Record, RowFault> {
        if kind == RowKind::Clear {
            record.header.kind = Kind::Clear as u8;
            return Ok(*record.as_record());
        }
        record.order_ref = self.number(self.plan.order_ref, "order_ref")?;
        record.other_ref = match kind {
            RowKind::Add | RowKind::Cancel | RowKind::Delete => 0,
            _ => self.number(self.plan.other_ref, "other_ref")?,
        };
        if kind != RowKind::Delete {
            record.qty = self.order_lots(slot)?;
        }
        let is_priced = self.plan.price.is_some();
        let kind = match kind {
            RowKind::Add => {
                record.side = self.own_side()?;
                record.price = self.price(self.plan.price, "price")?;
                Kind::Add
            }
            RowKind::Replace => {
                record.price = self.price(self.plan.price, "price")?;
                if self.plan.other_ref.is_none() {
                    record.other_ref = record.order_ref;
                }
                Kind::Replace
            }
            RowKind::Execute => {
                record.side = self.side()?;
                if is_priced {
                    record.price = self.price(self.plan.price, "price")?;
                    record.code = MarketRecord::WITH_PRICE;
                }
                Kind::Execute
            }
            RowKind::Cancel => Kind::Cancel,
            _ => Kind::Delete,
        };
        record.header.kind = kind as u8;
        Ok(*record.as_record())
    }

    fn quote(&self, record: MarketRecord, slot: &mut Slot) -> Result<Record, RowFault> {
        const KEYS: [&str; 4] = ["bid_px", "bid_qty", "ask_px", "ask_qty"];
        let mut sides = [(0, 0); 2];
        for (place, side) in sides.iter_mut().enumerate() {
            let (px, qty) = (self.plan.quote[2 * place], self.plan.quote[2 * place + 1]);
            let is_empty = self.text(qty.unwrap_or(0), KEYS[2 * place + 1])?.is_empty();
            let lots = if is_empty { 0 } else { self.lots(qty, KEYS[2 * place + 1], slot)? };
            *side = match lots {
                0 if self.plan.is_empty_side_unchanged => slot.quote[place],
                0 => (0, 0),
                // What is more than the record holds stands for that many or more.
                lots => (self.price(px, KEYS[2 * place])?, u32::try_from(lots).unwrap_or(u32::MAX)),
            };
        }
        slot.quote = sides;
        let [(bid_px, bid_qty), (ask_px, ask_qty)] = sides;
        let mut quote =
            QuoteRecord { header: record.header, bid_px, ask_px, bid_qty, ask_qty, ..QuoteRecord::default() };
        quote.header.kind = Kind::Quote as u8;
        Ok(*quote.as_record())
    }

    fn bar(&self, record: MarketRecord, slot: &Slot) -> Result<[Option<Record>; 2], RowFault> {
        const KEYS: [&str; 4] = ["open", "high", "low", "close"];
        let mut prices = [0; 4];
        for (place, price) in prices.iter_mut().enumerate() {
            *price = self.price(self.plan.bar[place], KEYS[place])?;
        }
        let [open, high, low, close] = prices;
        if high < open.max(close).max(low) || low > open.min(close) {
            let place = self.plan.bar[1].unwrap_or(0);
            return Err(RowFault { key: "high", place, wanted: "low <= open, close <= high" });
        }
        let volume = match self.plan.volume {
            Some(_) => self.lots(self.plan.volume, "volume", slot)?,
            None => 0,
        };
        let mut header = record.header;
        let bar_ns = self.plan.bar_ns;
        if self.plan.is_bar_start {
            header.ts_venue_ns = header.ts_venue_ns.saturating_add(bar_ns);
            header.ts_recv_ns = header.ts_recv_ns.max(header.ts_venue_ns);
        }
        let ts_open_ns = header.ts_venue_ns.saturating_sub(bar_ns);
        header.kind = Kind::BarShape as u8;
        let shape = BarShapeRecord { header, open, high, low, ts_open_ns };
        header.kind = Kind::Bar as u8;
        let bar = BarRecord { header, close, volume, trades: 0, vwap: 0 };
        Ok([Some(*shape.as_record()), Some(*bar.as_record())])
    }
}

#[cfg(test)]
mod tests;
