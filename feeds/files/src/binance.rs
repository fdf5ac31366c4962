//! Binance market streams as recorded: one JSON message a line behind the recorder's receive time,
//! `1723161255030314667 {"stream":"btcusdt@depth@0ms","data":{…}}`, of spot, USD-M and COIN-M futures, with REST
//! snapshots of the depth between them; bare messages and messages without a receive time are read too.
//!
//! | message | records |
//! | --- | --- |
//! | `depthUpdate` | a `Level` for each level, no lots: gone |
//! | REST depth, `@depthSnapshot` | `Clear` and `Level`s with the flag `SNAPSHOT` |
//! | partial depth (`@depth20`) | as a snapshot the first time, then the `Level`s that differ; nothing where changes are recorded too |
//! | `bookTicker` | `Quote` |
//! | `trade`, `aggTrade` | `Print`; aggregates of trades that are recorded too are `Notice`s; an execution without an order of the market (`X` other than `MARKET`) has the flag `NOT_PRINTABLE` |
//! | `kline` that is closed | `BarShape` and `Bar` |
//! | `markPriceUpdate`, `forceOrder`, others | `Notice`s ([`crate::notice`]) |
//!
//! **Books and snapshots.** A file usually begins with changes and has its first snapshot a little later, some not at
//! all. A book of changes alone is never called complete: before its first change comes a `Gap` record of count 0, so
//! that it is stale, and the changes are given all the same. A snapshot is `Clear`, its levels, and the changes that
//! were received before it but are newer, as one event: that book is complete. Where update numbers are missing a
//! `Gap` tells which, and the book is stale until the next snapshot. Files that continue each other are opened
//! together ([`open_chain`]): numbers are then checked across them. Where only the later one is at hand and the book before
//! it is known by other means, [`Options::is_continued`] leaves the first `Gap` out.
//!
//! The venue's time is the transaction time, else the event time; spot quotes and snapshots have neither and get the
//! latest venue time received before them. A snapshot's is that of the newest change it was brought up to.
//!
//! **Ticks and lots** are those of the first 4 MiB. Spot quantities are padded to eight decimals, so a lot follows from
//! the values alone, and a level finer than all before it (the rest of an old order) may come later: it is skipped and
//! counted as `bad quantity`. Whoever replays several days states the instruments, so that lots are the same on all.
//!
//! Source: Binance API documentation, "Websocket Market Streams" of spot, USD-M and COIN-M futures.

use std::path::{Path, PathBuf};

use tickrace_types::Record;

use crate::format::{Account, BATCH_RECORDS, Decoder, Options};
use crate::text_lines::{Flow, Lines};
use crate::tick_file::FileError;

use message::{Form, Message, compact};
use rare::receive_time;
use state::State;

pub(crate) mod head;
pub(crate) mod levels;
mod message;
pub(crate) mod rare;
pub(crate) mod sequence;
mod state;

const FORMS: [(Form, &str); 9] = [
    (Form::Depth, "depthUpdate"),
    (Form::PartialDepth, "partialDepth"),
    (Form::Snapshot, "snapshot"),
    (Form::BookTicker, "bookTicker"),
    (Form::Trade, "trade"),
    (Form::AggTrade, "aggTrade"),
    (Form::Kline, "kline"),
    (Form::MarkPrice, "markPriceUpdate"),
    (Form::ForceOrder, "forceOrder"),
];

/// Recorded Binance streams as records.
pub struct BinanceDecoder {
    lines: Lines,
    state: State,
}

/// Opens a recording.
///
/// # Errors
///
/// [`FileError::Io`] where the file cannot be read, [`FileError::Format`] where its head has no message of the venue.
pub fn open(path: &Path, options: &Options) -> Result<BinanceDecoder, FileError> {
    open_chain(&[path.to_owned()], options)
}

/// Opens recordings that continue each other, as if they were one. Ticks and lots are those that the heads of all
/// show together.
///
/// # Errors
///
/// As [`open`], for any of them.
pub fn open_chain(paths: &[PathBuf], options: &Options) -> Result<BinanceDecoder, FileError> {
    let first = paths.first().cloned().unwrap_or_default();
    let mut head = Vec::new();
    for path in paths {
        head::look(path, options.symbol.as_deref(), &mut head)?;
    }
    if head.is_empty() {
        return Err(FileError::Format {
            path: first,
            place: "line 1".to_owned(),
            fault:
                "no message of a Binance market stream in the head of the file, or none that names its symbol"
                    .to_owned(),
        });
    }
    Ok(BinanceDecoder { lines: Lines::open_chain(paths)?, state: State::new(head, options) })
}

/// Whether the head of a file is of this format.
pub fn is_it(head: &[u8], _name: &str) -> bool {
    const LINES: usize = 8;
    let mut scratch = Vec::new();
    let mut lines =
        head.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(LINES);
    lines.any(|line| {
        let (time, json) = head::split(line.trim_ascii_end());
        if !time.is_empty() && receive_time(time).is_none() {
            return false;
        }
        if json.starts_with(b"{\"lastUpdateId\":") {
            // A snapshot may be longer than the head.
            return true;
        }
        let is_ours = |message: Message<'_>| {
            message.form() != Form::Other && (!message.symbol.is_empty() || message.stream.contains(&b'@'))
        };
        Message::scan(json).is_some_and(is_ours)
            || (compact(json, &mut scratch) && Message::scan(&scratch).is_some_and(is_ours))
    })
}

impl Decoder for BinanceDecoder {
    fn read(&mut self, batch: &mut Vec<Record>) -> bool {
        let Self { lines, state } = self;
        let start = batch.len();
        lines.drive(|line| match state.on_line(&line, batch) {
            Flow::Go if batch.len() - start >= BATCH_RECORDS => Flow::Pause,
            flow => flow,
        });
        state.account.end = lines.end().clone();
        batch.len() > start
    }

    fn account(&self) -> &Account {
        &self.state.account
    }

    fn by_type(&self) -> Vec<(String, u64)> {
        let named = FORMS.iter().zip(self.state.counts).map(|((_, name), count)| ((*name).to_owned(), count));
        let others = self.state.others.iter().map(|(name, count)| (name.clone(), *count));
        named.filter(|(_, count)| *count > 0).chain(others).collect()
    }

    fn progress(&self) -> (u64, u64) {
        self.lines.progress()
    }

    fn is_of_several_streams(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
