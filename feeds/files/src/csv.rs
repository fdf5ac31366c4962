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
mod row;
mod symbols;
mod time;

use std::path::Path;

use tickrace_types::Record;

pub use self::mapping::Mapping;
pub use self::plan::MappingFault;

use self::fields::Fields;
use self::mapping::RowKind;
use self::plan::Plan;
use self::row::{Row, RowFault, time};
use self::symbols::{NoInstrument, Steps, Symbols};
use crate::event_end::EventEnd;
use crate::format::{BATCH_RECORDS, End, Skips};
use crate::lines::Lines;
use crate::number::fixed;
use crate::shape::{market, symbol_of};
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
            if line.trim_ascii().is_empty() {
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

#[cfg(test)]
mod tests;
