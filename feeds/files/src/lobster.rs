//! LOBSTER: message files of Nasdaq order books, order by order, and the orderbook files beside them.
//!
//! | type | record |
//! | --- | --- |
//! | 1 submission | `Add` |
//! | 2 partial cancellation | `Cancel` |
//! | 3 deletion | `Delete` |
//! | 4 execution of a visible order | `Execute`, with side and price even where nobody knows the order |
//! | 5 execution of a hidden order | `Trade` |
//! | 6 cross | `Cross` |
//! | 7 halt | `Status`: halted, auction (quoting resumes), continuous |
//!
//! Every file begins with a `Clear`; where the orderbook file is beside it (same name with `orderbook` for `message`, or in
//! the same archive) or named, the book before the first message follows as a snapshot, and before each later message what
//! its row shows beyond what the messages told ([`published`]): orders of the reader's own making, with numbers from
//! [`ledger::MADE`] on, that came unseen, and orders that left unseen. These records have the flag `SNAPSHOT`, no letter, and
//! number and time of their message. [`orders`] tells how rows about orders the file never added are read. The
//! files name no phase but halts: by the clock of the exchange trading is continuous from 09:30 to 16:00, and a `Status`
//! without a letter says so when a row first comes from there.
//!
//! Times are seconds after midnight in New York. Rows, one event each, keep their number, the records of the
//! snapshot that of the first row.
//!
//! Source: LOBSTER sample files readme (2013); lobsterdata.com, "Output data structure" (type 6).

mod files;
pub mod ledger;
pub mod orderbook;
pub mod orders;
pub mod published;
pub mod row;
pub mod step;

use std::path::{Path, PathBuf};

use tickrace_types::{Flags, Instrument, Kind, MarketRecord, Phase, Record};

pub use self::files::{is_archive, orderbook_beside};
pub use self::orders::Unknown;
pub use self::published::Repairs;
pub use self::step::{StepReport, step_test};

use self::files::{Part, beside, part_stream};
use self::ledger::Fix;
use self::orders::{Meaning, Orders, Preparation};
use self::published::Published;
use self::row::{PRICE_UNIT_NANOS, Row, RowFault};
use crate::format::{BATCH_RECORDS, End};
use crate::lines::{Lines, whole_lines};
use crate::shape::{market, symbol_of};
use crate::tick_file::FileError;
use crate::{Account, Decoder, Options, Stream, date_from_name};

/// Regular hours, nanoseconds after midnight. Source: Nasdaq Equity 4, rule 1: 9:30 a.m. to 4:00 p.m.
const OPEN_NS: i64 = 34_200_000_000_000;
const CLOSE_NS: i64 = 57_600_000_000_000;

/// One share in nano-units: what sizes are counted in.
const SHARE_NANOS: i64 = 1_000_000_000;

/// Rows that tell the format.
const SNIFFED_ROWS: usize = 32;

/// A message file as records.
pub struct LobsterDecoder {
    lines: Lines,
    midnight_ns: i64,
    is_asked: bool,
    account: Account,
    by_event: [u64; 7],
    orders: Orders,
    phase: Option<Phase>,
    /// Books published after the messages; gone after the first where that is all that is wanted.
    published: Option<Published>,
    fixes: Vec<Fix>,
    is_begun: bool,
}

/// Opens a message file, plain or packed, or the archive that holds it, with the orderbook file that is named or stands
/// beside it.
///
/// # Errors
///
/// [`FileError::Io`]; [`FileError::Format`] without a date or a symbol, where an archive holds no message file, or where the
/// orderbook file named is none.
pub fn open(path: &Path, options: &Options) -> Result<LobsterDecoder, FileError> {
    let (stream, name) = part_stream(path, Part::Messages)?;
    let orderbook = match &options.orderbook {
        Some(named) => Some((part_stream(named, Part::Orderbook)?.0, named.display().to_string())),
        None => beside(path, &name)?,
    };
    let published = orderbook.map(|(stream, name)| Published::new(Lines::new(stream), name));
    start(path, stream, &name, published, options)
}

/// Whether the first decompressed bytes of a file are those of a message file: every whole row reads as one, times do
/// not go back.
pub fn is_it(head: &[u8], _name: &str) -> bool {
    let mut last_ns = 0;
    let mut count = 0;
    for line in whole_lines(head).take(SNIFFED_ROWS) {
        match Row::parse(line) {
            Ok(row) if row.ts_session_ns >= last_ns => last_ns = row.ts_session_ns,
            _ => return false,
        }
        count += 1;
    }
    count > 0
}

fn start(
    path: &Path,
    stream: Stream,
    name: &str,
    published: Option<Published>,
    options: &Options,
) -> Result<LobsterDecoder, FileError> {
    let fail =
        |fault| FileError::Format { path: PathBuf::from(path), place: format!("file name {name}"), fault };
    let midnight_ns = match options.date.or_else(|| date_from_name(name)) {
        _ if options.is_from_midnight => 0,
        Some(date) => date.new_york_midnight_ns(),
        None => return Err(fail("tells no date; state the session's".to_owned())),
    };
    let symbol = symbol_of(options, name.split('_').next().unwrap_or_default()).map_err(fail)?;
    let is_asked = options.is_asked(&symbol);
    let stated = options.stated(&symbol).cloned();
    if let Some(lot_nanos) = stated.as_ref().map(|stated| stated.lot_nanos).filter(|lot| *lot != SHARE_NANOS)
    {
        return Err(fail(format!(
            "{symbol} is stated with lots of {lot_nanos} nano-units; the file counts shares"
        )));
    }
    let instruments =
        if is_asked { vec![stated.unwrap_or_else(|| Instrument::us_equity(&symbol))] } else { vec![] };
    let published = published.filter(|_| is_asked);
    let is_repaired = published.is_some() && options.is_repaired;
    Ok(LobsterDecoder {
        lines: Lines::new(stream),
        midnight_ns,
        is_asked,
        account: Account { instruments, repairs: is_repaired.then(Repairs::default), ..Account::default() },
        by_event: [0; 7],
        orders: Orders::default(),
        phase: None,
        published,
        fixes: Vec::new(),
        is_begun: false,
    })
}

impl Decoder for LobsterDecoder {
    fn read(&mut self, batch: &mut Vec<Record>) -> bool {
        let before = batch.len();
        while batch.len() < before + BATCH_RECORDS && matches!(self.account.end, End::Running) {
            let Some(line) = self.lines.next() else {
                self.account.end = self.lines.outcome();
                if let Some(published) = &mut self.published
                    && self.account.end == End::Complete
                {
                    published.finish(&mut self.account.skips);
                }
                break;
            };
            if line.trim_ascii().is_empty() {
                continue;
            }
            let row = Row::parse(line).map_err(|fault| (fault, shown(line, &fault)));
            if let Some(published) = &mut self.published
                && let Err(end) = published.advance(&mut self.account.skips)
            {
                if self.account.repairs.is_some() {
                    self.account.end = end;
                    break;
                }
                self.published = None;
            }
            self.account.messages += 1;
            match row {
                Ok(row) if self.is_asked => self.on_row(&row, batch),
                Ok(row) => {
                    self.by_event[usize::from(row.event - b'1')] += 1;
                    let number = self.lines.number();
                    self.account.skips.count(crate::format::Skips::FILTERED, || format!("line {number}"));
                }
                Err((fault, text)) => self.refuse(&fault, &text),
            }
        }
        batch.len() > before
    }

    fn account(&self) -> &Account {
        &self.account
    }

    fn by_type(&self) -> Vec<(String, u64)> {
        let counts = (1..).zip(self.by_event).filter(|(_, count)| *count > 0);
        counts.map(|(event, count): (u32, u64)| (event.to_string(), count)).collect()
    }

    fn progress(&self) -> (u64, u64) {
        (self.lines.stream().consumed_bytes(), self.lines.stream().stored_bytes())
    }
}

impl LobsterDecoder {
    /// Rows about orders that did not rest by what is known, so far.
    pub const fn unknown(&self) -> Unknown {
        self.orders.unknown
    }

    #[cold]
    fn refuse(&mut self, fault: &RowFault, text: &str) {
        let place = format!("line {}", self.lines.number());
        if let Some(published) = &mut self.published {
            published.forget();
        }
        if self.lines.is_open() {
            let fault = format!("cut in the middle of a row ({})", fault.column);
            self.account.end = End::Broken { place, fault };
            return;
        }
        self.account.skips.count(fault.column, || {
            format!("{place}: field {}: \"{text}\", wanted {}", fault.column, fault.wanted)
        });
    }

    fn record(&self, row: &Row) -> MarketRecord {
        let ts_venue_ns = self.midnight_ns.saturating_add(row.ts_session_ns);
        let mut record = market(self.lines.number(), ts_venue_ns, ts_venue_ns);
        record.side = row.side;
        record.price = row.price_nanos();
        record.venue_type = row.event;
        record
    }

    #[inline]
    fn on_row(&mut self, row: &Row, batch: &mut Vec<Record>) {
        self.by_event[usize::from(row.event - b'1')] += 1;
        let after = self.fit(row, batch);
        let phase = phase_at(row.ts_session_ns);
        if self.phase != Some(phase) {
            self.phase = Some(phase);
            let mut record = self.record(row);
            (record.price, record.side, record.venue_type) = (0, crate::shape::NO_SIDE, 0);
            record.code = phase as u8;
            push(batch, record, Kind::Status, 0);
        }
        let is_of_order = matches!(row.event, b'1'..=b'4');
        let meaning = is_of_order.then(|| self.orders.on_row(row, after, &mut self.fixes));
        if !self.fixes.is_empty() {
            self.write_fixes(row, batch);
        }
        let mut record = self.record(row);
        record.qty = row.size;
        let kind = match (meaning, row.event) {
            (Some(meaning), _) => {
                prepare(&meaning, row, record, batch);
                (record.order_ref, record.qty) = (meaning.order_ref, meaning.qty);
                if meaning.kind == Kind::Execute {
                    record.code = MarketRecord::WITH_PRICE;
                }
                meaning.kind
            }
            (None, b'5') => {
                record.other_ref = row.order_ref;
                Kind::Trade
            }
            (None, b'6') => {
                (record.order_ref, record.qty) = (u64::from(row.size), 0);
                record.other_ref = row.order_ref;
                Kind::Cross
            }
            (None, _) => {
                (record.price, record.side) = (0, crate::shape::NO_SIDE);
                record.code = halt_phase(row.price_e4) as u8;
                Kind::Status
            }
        };
        push(batch, record, kind, Flags::END_OF_EVENT);
    }

    /// Fits the orders to the book before a message; before the first, all of it is written, as a snapshot. Gives the shares
    /// its level shows after it, where that is known.
    #[inline]
    fn fit(&mut self, row: &Row, batch: &mut Vec<Record>) -> Option<u64> {
        let Self { published, orders, fixes, account, .. } = self;
        let after = published
            .as_mut()
            .and_then(|published| published.fit(row, &mut orders.ledger, fixes, &mut account.skips));
        if !self.is_begun {
            self.begin(row, batch);
        }
        after
    }

    #[cold]
    fn begin(&mut self, row: &Row, batch: &mut Vec<Record>) {
        self.is_begun = true;
        if self.account.repairs.is_none() {
            self.published = None;
        }
        let record =
            MarketRecord { price: 0, side: crate::shape::NO_SIDE, venue_type: 0, ..self.record(row) };
        push(batch, record, Kind::Clear, Flags::SNAPSHOT);
        if self.fixes.is_empty() {
            return;
        }
        self.write(row, batch);
        if let Some(last) = batch.last_mut() {
            last.header.flags |= Flags::END_OF_EVENT;
        }
    }

    /// Writes what no message told before the message it was found with, and counts it.
    #[inline(never)]
    fn write_fixes(&mut self, row: &Row, batch: &mut Vec<Record>) {
        if let Some(repairs) = &mut self.account.repairs {
            repairs.count(&self.fixes);
        }
        self.write(row, batch);
    }

    fn write(&mut self, row: &Row, batch: &mut Vec<Record>) {
        let record = MarketRecord { venue_type: 0, ..self.record(row) };
        for fix in self.fixes.drain(..) {
            let Fix { kind, order_ref, side, price_e4, shares } = fix;
            let qty = if kind == Kind::Delete { 0 } else { shares };
            let record = MarketRecord { order_ref, side, price: price_e4 * PRICE_UNIT_NANOS, qty, ..record };
            push(batch, record, kind, Flags::SNAPSHOT);
        }
    }
}

/// Brings in an order that is executed without having been seen.
#[inline]
fn prepare(meaning: &Meaning, row: &Row, mut record: MarketRecord, batch: &mut Vec<Record>) {
    match meaning.first {
        None => {}
        Some(Preparation::Add) => {
            (record.order_ref, record.venue_type) = (row.order_ref, 0);
            push(batch, record, Kind::Add, Flags::SNAPSHOT);
        }
        Some(Preparation::Instead(seed)) => {
            (record.order_ref, record.other_ref, record.venue_type) = (seed, row.order_ref, 0);
            push(batch, record, Kind::Replace, Flags::SNAPSHOT);
        }
    }
}

#[inline]
fn push(batch: &mut Vec<Record>, mut record: MarketRecord, kind: Kind, flags: u8) {
    record.header.kind = kind as u8;
    record.header.flags = flags;
    batch.push(*record.as_record());
}

const fn phase_at(ts_session_ns: i64) -> Phase {
    match ts_session_ns {
        ..OPEN_NS => Phase::PreOpen,
        OPEN_NS..CLOSE_NS => Phase::Continuous,
        _ => Phase::Closed,
    }
}

/// Source: LOBSTER sample files readme (2013), "Trading Halts".
const fn halt_phase(price_e4: i64) -> Phase {
    match price_e4 {
        0 => Phase::Auction,
        1 => Phase::Continuous,
        _ => Phase::Halted,
    }
}

/// The text of a bad column, cut short.
#[cold]
fn shown(line: &[u8], fault: &RowFault) -> String {
    let text = line.split(|byte| *byte == b',').nth(fault.index).unwrap_or(line);
    String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned()
}

#[cfg(test)]
mod tests;
