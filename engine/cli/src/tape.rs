//! A tick file of any format read once from its start, for the verbs that look at one.

use std::path::PathBuf;

use tickrace_book::Books;
use tickrace_desk::config::InputConfig;
use tickrace_feeds_files::Decoder;
use tickrace_feeds_files::format::{Account, End};
use tickrace_journal::{Reader, SmallRecords};
use tickrace_types::{InstrumentId, InstrumentTable, Record};

use crate::data::{Asked, decoder_of, format_of};
use crate::ticks::{TICKS, TicksHead, read_head};
use crate::{Failure, Streams, progress};

/// Records, one after the other.
pub struct Tape {
    path: PathBuf,
    content: Content,
    bar: indicatif::ProgressBar,
    /// Symbol last asked for, and its instrument once it is known.
    found: Option<u32>,
}

/// What is known of a tape as a whole.
pub enum Told<'a> {
    /// What the decoder has counted so far, and counts by the format's own names.
    File(&'a Account, Vec<(String, u64)>),
    /// What the log says of itself.
    Log(&'a TicksHead),
}

enum Content {
    File { decoder: Box<dyn Decoder>, format: &'static str, batch: Vec<Record>, at: usize },
    Log { records: SmallRecords, head: Box<TicksHead>, last_seq: u64 },
}

impl Tape {
    /// Opens a file or the folder of a log. Times of formats that count from midnight are left so.
    ///
    /// # Errors
    ///
    /// [`Failure`] where it cannot be read or its format is not known.
    pub fn open(input: &InputConfig, streams: &Streams<'_>) -> Result<Self, Failure> {
        let path = &input.path;
        let bar = progress::byte_bar(streams.is_watched, 0, "reading");
        let content = if path.is_dir() {
            let head = Box::new(read_head(path)?);
            let reader = std::sync::Arc::new(Reader::open(path, TICKS).map_err(Failure::input)?);
            bar.set_length(reader.bytes());
            Content::Log { records: reader.small_records(), head, last_seq: 0 }
        } else {
            let format = format_of(input)?;
            let opened = decoder_of(input, format, &Asked { is_from_midnight: true, ..Asked::default() })?;
            let Some(opened) = opened else { return Err(Failure::input("nothing was asked for")) };
            Content::File { decoder: opened.decoder, format: opened.format, batch: Vec::new(), at: 0 }
        };
        Ok(Self { path: path.clone(), content, bar, found: None })
    }

    /// The next record.
    pub fn next_into(&mut self, out: &mut Record) -> bool {
        match &mut self.content {
            Content::Log { records, last_seq, .. } => match records.advance() {
                Some(record) => {
                    *out = *record;
                    *last_seq = (*last_seq).max(record.header.seq);
                    true
                }
                None => false,
            },
            Content::File { decoder, batch, at, .. } => {
                while *at == batch.len() {
                    batch.clear();
                    *at = 0;
                    let (done, total) = decoder.progress();
                    self.bar.set_length(total);
                    self.bar.set_position(done);
                    if !decoder.read(batch) {
                        self.bar.finish_and_clear();
                        return false;
                    }
                }
                *out = batch[*at];
                *at += 1;
                true
            }
        }
    }

    /// Whether a record is of this symbol. One tape is asked for one symbol.
    pub fn is_of(&mut self, record: &Record, symbol: &str) -> bool {
        if self.found.is_none() {
            let instruments = match &self.content {
                Content::File { decoder, .. } => &decoder.account().instruments,
                Content::Log { head, .. } => &head.instruments,
            };
            let place = instruments.iter().position(|instrument| instrument.symbol == symbol);
            self.found = place.and_then(|place| u32::try_from(place).ok());
        }
        record.header.instrument != InstrumentId::NONE.0 && self.found == Some(record.header.instrument)
    }

    /// An empty book of one instrument, on the grid that the file has for the symbol.
    pub fn books(&self, symbol: &str) -> Books {
        let instruments = match &self.content {
            Content::File { decoder, .. } => &decoder.account().instruments,
            Content::Log { head, .. } => &head.instruments,
        };
        let books = Books::new(1, 1 << 16);
        let found = instruments.iter().find(|instrument| instrument.symbol == symbol);
        match found.map(|instrument| InstrumentTable::new(vec![instrument.clone()])) {
            Some(Ok(table)) => books.with_grids(&table),
            _ => books,
        }
    }

    /// Midnight of the session, where a log tells it, nanoseconds since the epoch.
    pub fn midnight_ns(&self) -> Option<i64> {
        match &self.content {
            Content::Log { head, .. } => Some(head.midnight_ns).filter(|midnight_ns| *midnight_ns != 0),
            Content::File { .. } => None,
        }
    }

    /// The format's name.
    pub fn format(&self) -> &'static str {
        match &self.content {
            Content::File { format, .. } => format,
            Content::Log { .. } => "native",
        }
    }

    /// What is known of it as a whole.
    pub fn account(&self) -> Told<'_> {
        match &self.content {
            Content::File { decoder, .. } => Told::File(decoder.account(), decoder.by_type()),
            Content::Log { head, .. } => Told::Log(head),
        }
    }

    /// Messages read so far, skipped ones included; of a log the highest number seen.
    pub fn messages(&self) -> u64 {
        match &self.content {
            Content::File { decoder, .. } => decoder.account().messages,
            Content::Log { last_seq, .. } => *last_seq,
        }
    }

    /// Bytes as stored.
    pub fn stored_bytes(&self) -> u64 {
        match &self.content {
            Content::File { decoder, .. } => decoder.progress().1,
            Content::Log { records, .. } => records.position(),
        }
    }

    /// What the end means for the exit code.
    ///
    /// # Errors
    ///
    /// [`Failure`] of kind input where the file ended before its time, and, where `is_strict`, for anything skipped.
    pub fn judge(&self, is_strict: bool) -> Result<(), Failure> {
        let path = self.path.display();
        let (fault, faults) = match self.account() {
            Told::File(account, _) => {
                let fault = match &account.end {
                    End::Running | End::Complete => None,
                    End::Broken { place, fault } => Some(format!("{path}: {place}: {fault}")),
                };
                (fault, account.skips.faults())
            }
            Told::Log(head) => (head.fault(), head.faults()),
        };
        match fault {
            Some(fault) => Err(Failure::input(format!("{fault}; everything before it was used"))),
            None if is_strict && faults > 0 => Err(Failure::input(format!(
                "{path}: {faults} messages were skipped and --strict was asked for"
            ))),
            None => Ok(()),
        }
    }
}
