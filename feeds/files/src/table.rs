//! Tables of comma-separated rows as records: what all decoders of such files share. Rows are split in place, symbols
//! looked up, instruments inferred from the head of the file, faulty rows skipped and counted; what a row means is the
//! matter of its [`Table`].
//!
//! The format is the plain one data vendors use: no quotation marks, one row a line.

use std::path::Path;

use memchr::memchr_iter;
use tickrace_types::{Flags, Record};

use crate::binance::levels::Decimal;
use crate::emit::Stamp;
use crate::format::{Account, BATCH_RECORDS, Options, Skips};
use crate::number;
use crate::roster::{Fault, Known, Roster, Shape};
use crate::text_lines::{Flow, Line, Lines};
use crate::tick_file::FileError;

/// Bytes looked at for ticks and lots.
const HEAD_BYTES: usize = 4 << 20;

/// Where the fields of a row end.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    ends: Vec<usize>,
}

impl Fields {
    /// Takes a row apart.
    pub fn split<'a>(&'a mut self, line: &'a [u8]) -> Row<'a> {
        self.ends.clear();
        self.ends.extend(memchr_iter(b',', line));
        self.ends.push(line.len());
        Row { line, ends: &self.ends }
    }
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    line: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Row<'a> {
    /// Fields there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// A field by its place from 0; empty where there is none.
    #[inline]
    pub fn get(&self, place: usize) -> &'a [u8] {
        let start = match place {
            0 => 0,
            _ => self.ends.get(place - 1).map_or(self.line.len(), |end| end + 1),
        };
        let end = self.ends.get(place).copied().unwrap_or(self.line.len());
        self.line.get(start..end).unwrap_or(b"")
    }

    /// The place of a field by what stands in it: a column of a header.
    pub fn find(&self, name: &str) -> Option<usize> {
        (0..self.count()).find(|place| self.get(*place) == name.as_bytes())
    }

    /// A time since the epoch, in any unit, nanoseconds.
    #[inline]
    pub fn time(&self, place: usize, field: &'static str) -> Result<i64, Fault<'a>> {
        let text = self.get(place);
        number::integer(text).and_then(number::epoch_ns).ok_or(Fault::new("bad time", field, text))
    }

    /// A number without sign and decimals.
    #[inline]
    pub fn integer(&self, place: usize, field: &'static str) -> Result<u64, Fault<'a>> {
        let text = self.get(place);
        number::integer(text).ok_or(Fault::new("bad number", field, text))
    }

    /// A price, nano-units.
    #[inline]
    pub fn price(&self, place: usize, field: &'static str) -> Result<i64, Fault<'a>> {
        let text = self.get(place);
        Decimal::read(text).map(|price| price.nanos).ok_or(Fault::new("bad price", field, text))
    }

    /// A quantity, whole lots.
    #[inline]
    pub fn lots(&self, place: usize, field: &'static str, lot_nanos: i64) -> Result<u64, Fault<'a>> {
        let text = self.get(place);
        let qty = Decimal::read(text).and_then(|qty| number::lots(qty.nanos, lot_nanos));
        qty.ok_or(Fault::new("bad quantity", field, text))
    }
}

/// What the rows of a file mean.
pub(crate) trait Table: Send {
    /// The symbol of a row.
    fn symbol<'a>(&'a self, row: &Row<'a>) -> &'a [u8];

    /// Takes the numbers of a row into account, and the market where it tells.
    fn show(&self, row: &Row<'_>, shape: &mut Shape);

    /// Gives the records of a row. Where it fails it has given none.
    fn on_row<'a>(&mut self, row: &Row<'a>, place: Place, out: &mut Out<'_>) -> Result<(), Fault<'a>>;

    /// The file is over: gives what waited for more.
    fn finish(&mut self, _out: &mut Out<'_>) {}

    /// The format's name of what a row is.
    fn name(&self) -> &'static str;
}

/// Which row of which instrument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Instrument id.
    pub instrument: u32,
    /// Its lot, nano-units.
    pub lot_nanos: i64,
    /// Number of the row, from 1.
    pub seq: u64,
}

impl Place {
    /// The stamp of its records.
    pub const fn stamp(&self, ts_venue_ns: i64, ts_recv_ns: i64) -> Stamp {
        Stamp { instrument: self.instrument, seq: self.seq, ts_venue_ns, ts_recv_ns }
    }
}

/// Where records go. The last one waits until it is known whether its event goes on.
pub(crate) struct Out<'a> {
    batch: &'a mut Vec<Record>,
    held: &'a mut Held,
    /// Gaps found, as the account lists them.
    pub gaps: &'a mut Vec<(u64, u64)>,
}

/// The record that waits, and what its event is told by.
#[derive(Debug, Default)]
pub(crate) struct Held {
    record: Option<Record>,
    event: (u32, i64),
}

impl Out<'_> {
    /// What follows belongs to this event of an instrument; another one before it is over.
    #[inline]
    pub fn event(&mut self, instrument: u32, event: i64) {
        if self.held.event != (instrument, event) {
            self.close();
            self.held.event = (instrument, event);
        }
    }

    /// Gives a record.
    #[inline]
    pub fn push(&mut self, record: Record) {
        self.batch.extend(self.held.record.replace(record));
    }

    /// The event is over.
    #[inline]
    pub fn close(&mut self) {
        if let Some(mut last) = self.held.record.take() {
            last.header.flags |= Flags::END_OF_EVENT;
            self.batch.push(last);
        }
    }
}

/// A file of rows as records.
pub(crate) struct TableDecoder<T> {
    lines: Lines,
    state: State<T>,
}

struct State<T> {
    table: T,
    header: Vec<u8>,
    /// Fields of the header; a row has no fewer.
    columns: usize,
    account: Account,
    options: Options,
    roster: Roster,
    fields: Fields,
    held: Held,
    is_finished: bool,
}

/// The first line of a file that is not empty.
pub(crate) fn first_line(path: &Path) -> Result<Vec<u8>, FileError> {
    let mut first = Vec::new();
    Lines::open(path)?.drive(|line| {
        first = line.bytes.to_vec();
        if first.is_empty() { Flow::Go } else { Flow::Pause }
    });
    Ok(first)
}

impl<T: Table> TableDecoder<T> {
    /// Opens a file whose rows `table` understands; `header` is the line that is no row, empty where there is none.
    pub fn open(path: &Path, table: T, header: Vec<u8>, options: &Options) -> Result<Self, FileError> {
        let mut fields = Fields::default();
        let head = look(path, &table, &header, &mut fields)?;
        let mut account = Account::default();
        let roster = Roster::new(&head, options, &mut account);
        let columns = if header.is_empty() { 0 } else { fields.split(&header).count() };
        let state = State {
            table,
            header,
            columns,
            account,
            options: options.clone(),
            roster,
            fields,
            held: Held::default(),
            is_finished: false,
        };
        Ok(Self { lines: Lines::open(path)?, state })
    }

    /// As [`crate::Decoder::read`].
    pub fn read(&mut self, batch: &mut Vec<Record>) -> bool {
        let Self { lines, state } = self;
        let start = batch.len();
        let is_more = lines.drive(|line| match state.on_line(&line, batch) {
            Flow::Go if batch.len() - start >= BATCH_RECORDS => Flow::Pause,
            flow => flow,
        });
        if !is_more && !state.is_finished {
            state.is_finished = true;
            let mut out = Out { batch, held: &mut state.held, gaps: &mut state.account.gaps };
            state.table.finish(&mut out);
            out.close();
        }
        state.account.end = lines.end().clone();
        batch.len() > start
    }

    /// As [`crate::Decoder::account`].
    pub const fn account(&self) -> &Account {
        &self.state.account
    }

    /// As [`crate::Decoder::by_type`].
    pub fn by_type(&self) -> Vec<(String, u64)> {
        let rows = self.state.account.messages;
        if rows == 0 { Vec::new() } else { vec![(self.state.table.name().to_owned(), rows)] }
    }

    /// As [`crate::Decoder::progress`].
    pub fn progress(&self) -> (u64, u64) {
        self.lines.progress()
    }
}

impl<T: Table> State<T> {
    fn on_line(&mut self, line: &Line<'_>, batch: &mut Vec<Record>) -> Flow {
        let text = line.bytes;
        if text.trim_ascii().is_empty() || text == self.header {
            return Flow::Go;
        }
        self.account.messages += 1;
        let row = self.fields.split(text);
        // A row that lost its end may look whole up to there.
        let is_whole = row.count() >= self.columns;
        let whole = if is_whole { Ok(()) } else { Err(Fault::new("short row", "last", text)) };
        let outcome = whole
            .and_then(|()| place(&self.table, &row, &mut self.roster, &self.options, &mut self.account))
            .and_then(|place| {
                let Some(place) = place else {
                    self.account.skips.count(Skips::FILTERED, || format!("line {}", line.number));
                    return Ok(());
                };
                let mut out = Out { batch, held: &mut self.held, gaps: &mut self.account.gaps };
                self.table.on_row(&row, place, &mut out)
            });
        match outcome {
            Err(_) if !line.is_closed => return Flow::Break("the file ends inside a row".to_owned()),
            Err(fault) => {
                self.account.skips.count(fault.reason, || fault.describe(&format!("line {}", line.number)));
            }
            Ok(()) => {}
        }
        Flow::Go
    }
}

/// The instrument of a row; none where nobody asked for it.
fn place<'a>(
    table: &impl Table,
    row: &Row<'a>,
    roster: &mut Roster,
    options: &Options,
    account: &mut Account,
) -> Result<Option<Place>, Fault<'a>> {
    let seq = account.messages;
    let symbol = table.symbol(row);
    let known = match roster.find(symbol) {
        Known::No => {
            let name = std::str::from_utf8(symbol).ok().filter(|name| !name.is_empty());
            let mut shape = Shape::default();
            table.show(row, &mut shape);
            let name = name.ok_or(Fault::new("bad symbol", "symbol", b""))?;
            roster.admit(name, &shape, options, account)
        }
        known => known,
    };
    match known {
        Known::Yes(instrument, lot_nanos) => Ok(Some(Place { instrument, lot_nanos, seq })),
        Known::Filtered => Ok(None),
        Known::No | Known::Full => Err(Fault::new("too many symbols", "symbol", b"")),
    }
}

/// What the head of the file shows of its symbols, in the order in which they appear.
fn look<T: Table>(
    path: &Path,
    table: &T,
    header: &[u8],
    fields: &mut Fields,
) -> Result<Vec<(String, Shape)>, FileError> {
    let (mut seen, mut bytes) = (Vec::<(String, Shape)>::new(), 0);
    Lines::open(path)?.drive(|line| {
        bytes += line.bytes.len() + 1;
        let text = line.bytes;
        if !text.trim_ascii().is_empty() && text != header && line.is_closed {
            let row = fields.split(text);
            let symbol = table.symbol(&row);
            let place = seen.iter().position(|(name, _)| name.as_bytes() == symbol).or_else(|| {
                let name = std::str::from_utf8(symbol).ok().filter(|name| !name.is_empty())?;
                seen.push((name.to_owned(), Shape::default()));
                Some(seen.len() - 1)
            });
            if let Some((_, shape)) = place.and_then(|place| seen.get_mut(place)) {
                table.show(&row, shape);
            }
        }
        if bytes < HEAD_BYTES { Flow::Go } else { Flow::Pause }
    });
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_place_and_name_and_missing_ones_are_empty() {
        let mut fields = Fields::default();
        let row = fields.split(b"a,,bc");
        assert_eq!(
            (row.count(), row.get(0), row.get(1), row.get(2), row.get(3)),
            (3, &b"a"[..], &b""[..], &b"bc"[..], &b""[..])
        );
        assert_eq!((row.find("bc"), row.find("x")), (Some(2), None));
        assert_eq!((fields.split(b"").count(), fields.split(b"").get(0)), (1, &b""[..]));
    }
}
