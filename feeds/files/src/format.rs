//! Tick files of other formats as native records: what a decoder is, how it accounts for what it read, which formats
//! there are, and how one is told from another.
//!
//! A decoder reads its file once, from the start, in bounded memory, and gives records in the order in which they were
//! received. Each record carries both times: the venue's (`ts_venue_ns`) and, where the file has it, ours
//! (`ts_recv_ns`, else the venue's once more). Records are numbered (`seq`) by the message or row of the file they come
//! from, from 1; several records of one row share its number, and the last of what changed at once has
//! [`tickrace_types::Flags::END_OF_EVENT`].
//!
//! | kind of feed | records |
//! | --- | --- |
//! | order by order | `Add Execute Cancel Delete Replace Trade` |
//! | levels | `Level`, a snapshot as `Clear` and `Level`s, all with the flag `SNAPSHOT`; trades as `Print` |
//! | best bid and ask | `Quote`, `Print` |
//! | bars | `BarShape`, `Bar` |
//! | everything else that is well formed | `Status Imbalance Cross Broken Symbol`, or `Notice` |
//!
//! What cannot be understood is skipped and counted by reason, with the place of the first ([`Skips`]).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tickrace_types::{Instrument, Record};

use crate::lobster::Repairs;
use crate::{Date, date_from_name};

/// Records a decoder appends at a time, about: enough that the call costs nothing, few enough to stay in cache.
pub const BATCH_RECORDS: usize = 512;

/// A tick file as native records.
pub trait Decoder: Send {
    /// Decodes on and appends about [`BATCH_RECORDS`] records to `batch`; false once there is no more, and then nothing
    /// was appended. Errors do not come here: see [`Account::end`] and [`Account::skips`].
    fn read(&mut self, batch: &mut Vec<Record>) -> bool;

    /// What was read so far.
    fn account(&self) -> &Account;

    /// Messages or rows counted by the format's own names, those above zero.
    fn by_type(&self) -> Vec<(String, u64)>;

    /// Bytes of the file as stored that were taken so far, and how many there are: for a progress bar.
    fn progress(&self) -> (u64, u64);

    /// Whether records come from several streams whose venue times are not in the order of receiving, as where depth and
    /// trades come over two connections. Then the venue's order is restored by time.
    fn is_of_several_streams(&self) -> bool {
        false
    }
}

/// What a decoder read.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Instruments, index = instrument id of the records. Where the format states no tick or lot they follow from the
    /// options, else from what the head of the file shows.
    pub instruments: Vec<Instrument>,
    /// Messages or rows, skipped ones included.
    pub messages: u64,
    /// What was skipped.
    pub skips: Skips,
    /// Numbers missing between messages: (first missing, how many; 0 where nobody knows). Each is also a record of kind `Gap`.
    pub gaps: Vec<(u64, u64)>,
    /// What a published book changed beyond what the messages told; `None` where the format has none, or none was used.
    pub repairs: Option<Repairs>,
    /// How the file ended, or that it has not.
    pub end: End,
}

/// How a file ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// Not yet.
    #[default]
    Running,
    /// As it should.
    Complete,
    /// Before its time: cut, damaged, or no longer in its format. What came before is good.
    Broken {
        /// `offset 123` or `line 17`.
        place: String,
        /// What is wrong there.
        fault: String,
    },
}

/// Rows and messages skipped, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skips {
    by_reason: BTreeMap<&'static str, Skipped>,
}

/// Those of one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// How many.
    pub count: u64,
    /// The first: `line 17: field price: "12x4" is no decimal`.
    pub first: String,
}

impl Skips {
    /// The reason that is no fault: an instrument nobody asked for.
    pub const FILTERED: &'static str = "filtered";

    /// Counts one; `first` is asked for the place and the fault of the first of its reason.
    pub fn count(&mut self, reason: &'static str, first: impl FnOnce() -> String) {
        match self.by_reason.get_mut(reason) {
            Some(skipped) => skipped.count += 1,
            None => {
                self.by_reason.insert(reason, Skipped { count: 1, first: first() });
            }
        }
    }

    /// How many for one reason.
    pub fn of(&self, reason: &str) -> u64 {
        self.by_reason.get(reason).map_or(0, |skipped| skipped.count)
    }

    /// Reasons in alphabetical order.
    pub fn reasons(&self) -> impl Iterator<Item = (&'static str, &Skipped)> {
        self.by_reason.iter().map(|(reason, skipped)| (*reason, skipped))
    }

    /// Faults: everything skipped that was not merely filtered.
    pub fn faults(&self) -> u64 {
        self.reasons().filter(|(reason, _)| *reason != Self::FILTERED).map(|(_, skipped)| skipped.count).sum()
    }
}

/// What a decoder is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The session's date, for formats whose times count from midnight; else the file's name or content tells.
    pub date: Option<Date>,
    /// Leave times that count from midnight as they are, whatever the date.
    pub is_from_midnight: bool,
    /// Only these symbols, with ids in this order; none: all, in the order in which they appear.
    pub symbols: Vec<String>,
    /// Instruments stated by the user: where a symbol is among them its tick and lot are taken from here.
    pub instruments: Vec<Instrument>,
    /// The symbol of a file that does not name one.
    pub symbol: Option<String>,
    /// The file goes on where another ended: a feed of differences that begins without a snapshot continues a book that
    /// is complete. Otherwise such a book is stale until the first snapshot.
    pub is_continued: bool,
    /// The LOBSTER orderbook file that belongs to a message file; none: the one beside it, where there is one.
    pub orderbook: Option<PathBuf>,
    /// Whether every row of the orderbook file corrects what the messages do not tell; else its first row alone is used.
    pub is_repaired: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            date: None,
            is_from_midnight: false,
            symbols: Vec::new(),
            instruments: Vec::new(),
            symbol: None,
            is_continued: false,
            orderbook: None,
            is_repaired: true,
        }
    }
}

impl Options {
    /// Midnight in New York of the session, nanoseconds since the Unix epoch: of the date stated, else of the one in the
    /// file's name; 0 where there is none, or times are to be left as they are.
    pub fn midnight_ns(&self, path: &Path) -> i64 {
        if self.is_from_midnight {
            return 0;
        }
        let date = self.date.or_else(|| date_from_name(&path.file_name()?.to_string_lossy()));
        date.map_or(0, Date::new_york_midnight_ns)
    }

    /// The user's statement about a symbol.
    pub fn stated(&self, symbol: &str) -> Option<&Instrument> {
        self.instruments.iter().find(|instrument| instrument.symbol == symbol)
    }

    /// Whether a symbol is asked for.
    pub fn is_asked(&self, symbol: &str) -> bool {
        self.symbols.is_empty() || self.symbols.iter().any(|wanted| wanted == symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_keep_the_first_place_of_each_reason_and_filtered_is_no_fault() {
        let mut skips = Skips::default();
        for line in 3..6 {
            skips.count("price", || format!("line {line}"));
        }
        skips.count(Skips::FILTERED, || "line 9".to_owned());
        assert_eq!((skips.of("price"), skips.faults()), (3, 3));
        let firsts: Vec<_> =
            skips.reasons().map(|(reason, skipped)| (reason, skipped.first.as_str())).collect();
        assert_eq!(firsts, [("filtered", "line 9"), ("price", "line 3")]);
    }
}
