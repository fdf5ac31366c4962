//! Reads a whole stream in place, after verifying every line of it.

use std::fs::File;
use std::iter::FusedIterator;
use std::path::Path;
use std::sync::Arc;

use crate::entry::{entry_at, line_at, lines_at};
use crate::layout::{HEADER_BYTES, LINE_BYTES};
use crate::recover::Damage;
use crate::stream::{Part, Stream, lock_shared};
use tickrace_types::{Kind, Record};

use crate::{Entry, JournalError, RecoveryReport};

/// How far ahead lines are fetched while a run is measured: the processor's own fetching stops at each page.
const SOON_BYTES: usize = 3072;

/// The same while records are taken one by one: 24 lines, and the sums at the start of a page where one lies between.
const SOON_ONE_BYTES: usize = 1792;

/// A stream, mapped and verified.
///
/// While a reader lives, nobody may cut or edit the files (it holds a shared lock); a live writer may go on, the
/// reader sees what was committed when it opened (see [`crate::Tail`] to follow).
pub struct Reader {
    parts: Vec<Part>,
    report: RecoveryReport,
    _lock: Option<File>,
}

impl Reader {
    /// Maps the segments of `stream` in `dir` and verifies every line: damage is found here and never later.
    ///
    /// A torn tail is left out, see [`Self::recovery`]; the files are not changed.
    ///
    /// # Errors
    ///
    /// [`JournalError::Missing`], [`JournalError::MissingSegment`], [`JournalError::Damaged`] where good data follows
    /// bad, and the header faults ([`JournalError::TooShort`], [`JournalError::Magic`], [`JournalError::Version`],
    /// [`JournalError::Endian`], [`JournalError::Header`]).
    pub fn open(dir: &Path, stream: &str) -> Result<Self, JournalError> {
        crate::layout::check_stream_name(stream)?;
        // Without the first segment the folder's listing says best what is missing.
        let lock = match lock_shared(dir, stream) {
            Err(JournalError::Missing { .. }) => None,
            other => other?,
        };
        let loaded = Stream::load(dir, stream, lock.is_some(), Damage::Refuse)?;
        for part in &loaded.parts {
            part.map.expect_sequential();
        }
        Ok(Self { parts: loaded.parts, report: loaded.report, _lock: lock })
    }

    /// Whole records.
    pub fn records(&self) -> u64 {
        self.report.records
    }

    /// Where the stream ends and what a torn tail cut.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.report
    }

    /// The records, oldest first, in place.
    pub fn iter(&self) -> Iter<'_> {
        Iter { parts: &self.parts, offset: HEADER_BYTES }
    }

    /// The 64-byte records, oldest first, for a reader that several share.
    pub fn small_records(self: &Arc<Self>) -> SmallRecords {
        SmallRecords { reader: Arc::clone(self), part: 0, offset: HEADER_BYTES }
    }

    /// Bytes of the files as they are mapped.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.map.len() as u64).sum()
    }

    /// Calls `each` for every record, oldest first.
    pub fn for_each<'a>(&'a self, each: impl FnMut(Entry<'a>)) {
        self.iter().for_each(each);
    }
}

impl<'a> IntoIterator for &'a Reader {
    type Item = Entry<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The 64-byte records of a shared [`Reader`]; keeps it alive.
#[derive(Clone)]
pub struct SmallRecords {
    reader: Arc<Reader>,
    part: usize,
    offset: usize,
}

impl SmallRecords {
    /// The next record, in place; orders and responses are passed over.
    #[inline]
    pub fn advance(&mut self) -> Option<&Record> {
        while let Some(part) = self.reader.parts.get(self.part) {
            // SAFETY: `[HEADER_BYTES, part.end)` was verified, and is committed or locked against writers; the part is one
            // of the same reader, and the offset is its header's end or what the call before gave back.
            match unsafe { entry_at(&part.map, self.offset, part.end) } {
                Some((Entry::Small(record), next)) => {
                    part.map.prefetch(next + SOON_ONE_BYTES);
                    self.offset = next;
                    return Some(record);
                }
                Some((_, next)) => self.offset = next,
                None => {
                    self.part += 1;
                    self.offset = HEADER_BYTES;
                }
            }
        }
        None
    }

    /// Hands over, in place and run by run, the records that come next as long as `is_next` holds; `each` tells how many of
    /// a run it takes from its start. Ends with the first record left. Tells how many were taken.
    #[inline]
    pub fn advance_runs(
        &mut self,
        is_next: impl Fn(&Record) -> bool,
        mut each: impl FnMut(&[Record]) -> usize,
    ) -> u64 {
        let mut count = 0;
        while let Some(part) = self.reader.parts.get(self.part) {
            if self.offset >= part.end {
                self.part += 1;
                self.offset = HEADER_BYTES;
                continue;
            }
            // SAFETY: as in `advance`.
            let lines = unsafe { lines_at(&part.map, self.offset, part.end) };
            let is_small = |line: &Record| (1..Kind::LARGE_FROM).contains(&line.header.kind);
            let soon = line_at(self.offset) + SOON_BYTES;
            let mut run = 0;
            while lines.get(run).is_some_and(|line| is_small(line) && is_next(line)) {
                part.map.prefetch(soon + run * LINE_BYTES);
                run += 1;
            }
            let taken = if run > 0 { each(&lines[..run]).min(run) } else { 0 };
            if taken > 0 {
                self.offset = line_at(self.offset) + taken * LINE_BYTES;
                count += taken as u64;
            }
            if taken == 0 || taken < lines.len() {
                break;
            }
        }
        count
    }

    /// The record `ahead` lines behind the next one, where it stands in the same chunk; a hint, since larger entries take
    /// several lines.
    #[inline]
    pub fn glimpse(&self, ahead: usize) -> Option<&Record> {
        let part = self.reader.parts.get(self.part).filter(|part| self.offset < part.end)?;
        // SAFETY: as in `advance`.
        let lines = unsafe { lines_at(&part.map, self.offset, part.end) };
        lines.get(ahead)
    }

    /// Bytes passed so far.
    pub fn position(&self) -> u64 {
        let before: usize = self.reader.parts.iter().take(self.part).map(|part| part.end).sum();
        (before + self.offset) as u64
    }
}

/// Records of a [`Reader`].
#[derive(Clone)]
pub struct Iter<'a> {
    parts: &'a [Part],
    offset: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        while let Some((part, rest)) = self.parts.split_first() {
            // SAFETY: `[HEADER_BYTES, part.end)` was verified, and is committed or locked against writers; the offset
            // is the header's end or what the call before gave back.
            if let Some((entry, next)) = unsafe { entry_at(&part.map, self.offset, part.end) } {
                self.offset = next;
                return Some(entry);
            }
            self.parts = rest;
            self.offset = HEADER_BYTES;
        }
        None
    }

    #[inline]
    fn fold<B, F: FnMut(B, Entry<'a>) -> B>(self, init: B, mut each: F) -> B {
        let mut folded = init;
        let mut offset = self.offset;
        for part in self.parts {
            // SAFETY: as in `next`.
            while let Some((entry, next)) = unsafe { entry_at(&part.map, offset, part.end) } {
                folded = each(folded, entry);
                offset = next;
            }
            offset = HEADER_BYTES;
        }
        folded
    }
}

impl FusedIterator for Iter<'_> {}
