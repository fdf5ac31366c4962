//! ITCH 5.0 files behind the same door as every other format.
//!
//! The desk reads them in place through the hot decoder ([`tickrace_feeds::itch`]); this one is for what turns files into
//! native logs, and for merging them with others.

use std::path::Path;

use tickrace_feeds::itch::{FileOptions, FileSource, LocateMap};
use tickrace_feeds::source::{End as SourceEnd, Source};
use tickrace_types::{Instrument, InstrumentId, Kind, Record};

use crate::TickFile;
use crate::format::{Account, BATCH_RECORDS, Decoder, End, Options, Skips};
use crate::tick_file::FileError;

/// Reads an ITCH 5.0 file.
pub struct ItchDecoder {
    source: FileSource<TickFile>,
    /// What was wrong with the compressed stream.
    fault: Option<String>,
    bytes: u64,
    by_letter: [u64; 256],
    account: Account,
}

/// Opens an ITCH 5.0 file in BinaryFILE framing. Without a date times count from the epoch.
///
/// # Errors
///
/// [`FileError::Io`] where it cannot be read.
pub fn open(path: &Path, options: &Options) -> Result<ItchDecoder, FileError> {
    let file = TickFile::open(path)?;
    let universe = if options.symbols.is_empty() {
        LocateMap::all()
    } else {
        LocateMap::only(options.symbols.iter().map(String::as_str).zip((0u32..).map(InstrumentId)))
    };
    let (bytes, fault) = (file.as_slice().len() as u64, file.fault().map(ToString::to_string));
    let file_options =
        FileOptions { session_midnight_ns: options.midnight_ns(path), feed_latency_ns: 0, universe };
    let source = FileSource::new(file, file_options);
    Ok(ItchDecoder { source, fault, bytes, by_letter: [0; 256], account: Account::default() })
}

/// Whether bytes look like length-prefixed ITCH: each message as long as its type says, for as far as they go.
pub fn is_it(head: &[u8]) -> bool {
    let mut at = 0;
    let mut messages = 0;
    while let Some(prefix) = head.get(at..at + 2) {
        let length = usize::from(u16::from_be_bytes([prefix[0], prefix[1]]));
        let Some(letter) = head.get(at + 2) else { break };
        if tickrace_feeds::itch::message::length_of(*letter) != Some(length) {
            return false;
        }
        at += 2 + length;
        messages += 1;
    }
    messages > 0
}

impl ItchDecoder {
    fn close(&mut self) {
        let skips = self.source.skips();
        let mut told = Skips::default();
        for (reason, count) in skips.reasons() {
            let kind = match reason.split(':').next() {
                Some("unknown_type") => "unknown_type",
                Some("wrong_length") => "wrong_length",
                Some("malformed") => "malformed",
                Some("zero_length") => "zero_length",
                _ => Skips::FILTERED,
            };
            (0..count).for_each(|_| told.count(kind, || reason.clone()));
        }
        self.account.skips = told;
        let fault = |offset: u64, fault: &str| End::Broken {
            place: format!("offset {offset}"),
            fault: fault.to_owned(),
        };
        self.account.end = match (&self.fault, self.source.end()) {
            (Some(text), _) => End::Broken { place: format!("offset {}", self.bytes), fault: text.clone() },
            (None, SourceEnd::Truncated { offset }) => fault(*offset, "the file ends within a message"),
            (None, SourceEnd::LostFraming { offset }) => {
                fault(*offset, "the length prefixes make no sense from here")
            }
            (None, SourceEnd::Running | SourceEnd::Complete) => End::Complete,
        };
    }
}

impl Decoder for ItchDecoder {
    fn read(&mut self, batch: &mut Vec<Record>) -> bool {
        let mut record = Record::default();
        let before = batch.len();
        while batch.len() - before < BATCH_RECORDS && self.source.next_into(&mut record) {
            let letter = if record.header.kind == Kind::Symbol as u8 {
                record.as_symbol().venue_type
            } else {
                record.as_market().venue_type
            };
            self.by_letter[usize::from(letter)] += 1;
            batch.push(record);
        }
        let symbols = self.source.universe().symbols();
        for symbol in &symbols[self.account.instruments.len().min(symbols.len())..] {
            self.account.instruments.push(Instrument::us_equity(symbol));
        }
        self.account.messages = self.source.messages();
        let has_more = batch.len() > before;
        if !has_more {
            self.close();
        }
        has_more
    }

    fn account(&self) -> &Account {
        &self.account
    }

    fn by_type(&self) -> Vec<(String, u64)> {
        let counted = (0..=u8::MAX).zip(self.by_letter).filter(|(_, count)| *count > 0);
        counted.map(|(letter, count)| (char::from(letter).to_string(), count)).collect()
    }

    fn progress(&self) -> (u64, u64) {
        (self.source.position(), self.bytes)
    }
}
