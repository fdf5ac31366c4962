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
//! the same archive), its first row follows as a snapshot ([`orders`] tells how rows about those orders are read). The
//! files name no phase but halts: by the clock of the exchange trading is continuous from 09:30 to 16:00, and a `Status`
//! without a letter says so when a row first comes from there.
//!
//! Times are seconds after midnight in New York. Rows, one event each, keep their number, the records of the
//! snapshot that of the first row.
//!
//! Source: LOBSTER sample files readme (2013); lobsterdata.com, "Output data structure" (type 6).

pub mod orderbook;
pub mod orders;
pub mod row;
pub mod step;

use std::path::{Path, PathBuf};

use tickrace_types::{Flags, Instrument, Kind, MarketRecord, Phase, Record};

pub use self::orders::Unknown;
pub use self::step::{StepReport, step_test};

use self::orderbook::BookRow;
use self::orders::{Meaning, Orders, Preparation, seed_ref};
use self::row::{PRICE_UNIT_NANOS, Row, RowFault};
use crate::format::{BATCH_RECORDS, End};
use crate::lines::{Lines, whole_lines};
use crate::shape::{market, symbol_of};
use crate::stream::{Member, Packing, packing_of};
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
    seed: Option<BookRow>,
    is_begun: bool,
}

/// Opens a message file, plain or packed, or the archive that holds it.
///
/// # Errors
///
/// [`FileError::Io`]; [`FileError::Format`] without a date or a symbol, or where an archive holds no message file.
pub fn open(path: &Path, options: &Options) -> Result<LobsterDecoder, FileError> {
    let (stream, name) = part_stream(path, Part::Messages)?;
    let seed = match beside(path, &name)? {
        Some(stream) => first_row(stream),
        None => None,
    };
    start(path, stream, &name, seed, options)
}

/// Opens a message file with an orderbook file that stands elsewhere; its first row is the book after the first message.
///
/// # Errors
///
/// As [`open`]; [`FileError::Format`] where the orderbook has no first row.
pub fn open_with_orderbook(
    path: &Path,
    orderbook: &Path,
    options: &Options,
) -> Result<LobsterDecoder, FileError> {
    let (stream, name) = part_stream(path, Part::Messages)?;
    let Some(seed) = first_row(part_stream(orderbook, Part::Orderbook)?.0) else {
        let fault = "no row of levels, best first".to_owned();
        return Err(FileError::Format { path: orderbook.to_owned(), place: "line 1".to_owned(), fault });
    };
    start(path, stream, &name, Some(seed), options)
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

/// Whether an archive is one of LOBSTER's: exactly one message file in it.
pub fn is_archive(members: &[Member]) -> bool {
    let is_message = |member: &&Member| Part::Messages.is_named(&member.name);
    members.iter().filter(is_message).count() == 1
}

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Messages,
    Orderbook,
}

impl Part {
    const fn word(self) -> &'static str {
        match self {
            Self::Messages => "_message",
            Self::Orderbook => "_orderbook",
        }
    }

    fn is_named(self, name: &str) -> bool {
        base_name(name).contains(self.word()) && name.ends_with(".csv")
    }
}

/// Opens one of the two: the file itself, or its member of an archive. Gives also the name that tells ticker and date.
fn part_stream(path: &Path, part: Part) -> Result<(Stream, String), FileError> {
    let own_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if packing_of(path)? != Packing::Zip {
        return Ok((Stream::open(path)?, own_name));
    }
    let members = crate::stream::members(path)?;
    let named: Vec<_> = members.iter().filter(|member| part.is_named(&member.name)).collect();
    let only = match (named.as_slice(), members.as_slice()) {
        ([member], _) => *member,
        ([], [member]) => member,
        _ => {
            let fault = format!("{} of {} files are named *{}*.csv", named.len(), members.len(), part.word());
            return Err(FileError::Format { path: path.to_owned(), place: "archive".to_owned(), fault });
        }
    };
    Ok((Stream::open_member(path, &only.name)?, base_name(&only.name).to_owned()))
}

/// The orderbook file beside a message file, where there is one: in the same archive, or in the same folder, packed in
/// whatever way.
fn beside(path: &Path, name: &str) -> Result<Option<Stream>, FileError> {
    let sibling = name.replacen(Part::Messages.word(), Part::Orderbook.word(), 1);
    if sibling == name {
        return Ok(None);
    }
    if packing_of(path)? == Packing::Zip {
        let found = crate::stream::members(path)?;
        let found = found.iter().find(|member| base_name(&member.name) == sibling);
        return found.map(|member| Stream::open_member(path, &member.name)).transpose();
    }
    let stem = sibling.split_once(".csv").map_or(sibling.as_str(), |(stem, _)| stem);
    let named = |ending: &str| path.with_file_name(format!("{stem}{ending}"));
    let endings = [".csv", ".csv.gz", ".csv.zst", ".csv.xz"].map(named);
    endings.iter().find(|path| path.is_file()).map(|path| Stream::open(path)).transpose()
}

fn first_row(stream: Stream) -> Option<BookRow> {
    let mut row = BookRow::default();
    let mut lines = Lines::new(stream);
    row.parse(lines.next()?).then_some(row)
}

fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

fn start(
    path: &Path,
    stream: Stream,
    name: &str,
    seed: Option<BookRow>,
    options: &Options,
) -> Result<LobsterDecoder, FileError> {
    let fail =
        |fault| FileError::Format { path: PathBuf::from(path), place: format!("file name {name}"), fault };
    let Some(date) = options.date.or_else(|| date_from_name(name)) else {
        return Err(fail("tells no date; state the session's".to_owned()));
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
    Ok(LobsterDecoder {
        lines: Lines::new(stream),
        midnight_ns: if options.is_from_midnight { 0 } else { date.new_york_midnight_ns() },
        is_asked,
        account: Account { instruments, ..Account::default() },
        by_event: [0; 7],
        orders: Orders::default(),
        phase: None,
        seed,
        is_begun: false,
    })
}

impl Decoder for LobsterDecoder {
    fn read(&mut self, batch: &mut Vec<Record>) -> bool {
        let before = batch.len();
        while batch.len() < before + BATCH_RECORDS {
            let Some(line) = self.lines.next() else {
                if self.account.end == End::Running {
                    self.account.end = self.lines.outcome();
                }
                break;
            };
            let row = Row::parse(line).map_err(|fault| (fault, shown(line, &fault)));
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
    /// Rows about orders that did not rest, so far.
    pub const fn unknown(&self) -> Unknown {
        self.orders.unknown
    }

    #[cold]
    fn refuse(&mut self, fault: &RowFault, text: &str) {
        let place = format!("line {}", self.lines.number());
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
        if !self.is_begun {
            self.begin(row, batch);
        }
        let phase = phase_at(row.ts_session_ns);
        if self.phase != Some(phase) {
            self.phase = Some(phase);
            let mut record = self.record(row);
            (record.price, record.side, record.venue_type) = (0, crate::shape::NO_SIDE, 0);
            record.code = phase as u8;
            push(batch, record, Kind::Status, 0);
        }
        let mut record = self.record(row);
        record.qty = row.size;
        let kind = match row.event {
            b'5' => {
                record.other_ref = row.order_ref;
                Kind::Trade
            }
            b'6' => {
                (record.order_ref, record.qty) = (u64::from(row.size), 0);
                record.other_ref = row.order_ref;
                Kind::Cross
            }
            b'7' => {
                (record.price, record.side) = (0, crate::shape::NO_SIDE);
                record.code = halt_phase(row.price_e4) as u8;
                Kind::Status
            }
            _ => {
                let meaning = self.orders.on_row(row);
                prepare(&meaning, row, record, batch);
                (record.order_ref, record.qty) = (meaning.order_ref, meaning.qty);
                if meaning.kind == Kind::Execute {
                    record.code = MarketRecord::WITH_PRICE;
                }
                meaning.kind
            }
        };
        push(batch, record, kind, Flags::END_OF_EVENT);
    }

    /// What stands before the first row: an empty book, or the one before it.
    #[cold]
    fn begin(&mut self, row: &Row, batch: &mut Vec<Record>) {
        self.is_begun = true;
        let record =
            MarketRecord { price: 0, side: crate::shape::NO_SIDE, venue_type: 0, ..self.record(row) };
        push(batch, record, Kind::Clear, Flags::SNAPSHOT);
        let Some(mut book) = self.seed.take() else { return };
        // The book of the first row is the one after it; a first row that is none leaves it as it is.
        let first = self.lines.number() == 1;
        if first && matches!(row.event, b'1'..=b'4') {
            let undone = Row { event: if row.event == b'1' { b'3' } else { b'1' }, ..*row };
            if step::apply(&mut book, &undone).is_none() {
                self.account.skips.count("orderbook", || {
                    "line 1: the first row of the orderbook lacks the first message".to_owned()
                });
                return;
            }
        }
        for (side, levels) in [(0u8, &book.sides[0]), (1, &book.sides[1])] {
            for level in levels {
                let Ok(qty) = u32::try_from(level.shares) else {
                    self.account.skips.count("orderbook", || "line 1: a level beyond 32 bits".to_owned());
                    continue;
                };
                self.orders.seed(side, level.price_e4, qty);
                let order_ref = seed_ref(side, level.price_e4);
                let price = level.price_e4 * PRICE_UNIT_NANOS;
                let record = MarketRecord { order_ref, qty, price, side, ..record };
                push(batch, record, Kind::Add, Flags::SNAPSHOT);
            }
        }
        if let Some(last) = batch.last_mut() {
            last.header.flags |= Flags::END_OF_EVENT;
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
