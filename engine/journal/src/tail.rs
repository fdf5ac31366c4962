//! Follows a stream while another process (or thread) writes it.

use std::path::{Path, PathBuf};

use crate::entry::entry_at;
use crate::layout::{HEADER_BYTES, STATE_FINISHED, STATE_OPEN, check_stream_name, segment_path};
use crate::scan::scan;
use crate::stream::Opened;
use crate::{CutReason, Entry, JournalError};

/// What a look at the stream brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailStatus {
    /// So many new records.
    Advanced(u64),
    /// Nothing new; look again later.
    Idle,
    /// The writer finished and everything was delivered.
    Finished,
}

/// A follower. Any number of them may follow one writer, and cost it nothing but the cache line of its cursor.
pub struct Tail {
    dir: PathBuf,
    stream: String,
    opened: Opened,
    segment: u32,
    offset: usize,
    records: u64,
}

impl Tail {
    /// Follows from the first record on.
    ///
    /// # Errors
    ///
    /// [`JournalError::Missing`] where the stream was not started yet, and the header faults.
    pub fn open(dir: &Path, stream: &str) -> Result<Self, JournalError> {
        check_stream_name(stream)?;
        let opened = Opened::open(&segment_path(dir, stream, 0), stream, 0)?;
        let (dir, stream) = (dir.to_path_buf(), stream.to_owned());
        Ok(Self { dir, stream, opened, segment: 0, offset: HEADER_BYTES, records: 0 })
    }

    /// Records delivered.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Delivers what was committed since the last call, at most to the end of one segment, each line verified.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] where a committed line is not as it was written, and the errors of opening the next
    /// segment.
    pub fn next_batch(&mut self, mut each: impl FnMut(Entry<'_>)) -> Result<TailStatus, JournalError> {
        let said = self.opened.map.observe();
        let end = usize::try_from(said.end).unwrap_or(usize::MAX);
        if end > self.offset {
            let count = self.deliver(end, &mut each)?;
            self.records += count;
            return Ok(if count > 0 { TailStatus::Advanced(count) } else { TailStatus::Idle });
        }
        match said.state {
            STATE_OPEN => Ok(TailStatus::Idle),
            STATE_FINISHED => Ok(TailStatus::Finished),
            _ => {
                let next = self.segment + 1;
                let path = segment_path(&self.dir, &self.stream, next);
                self.opened = Opened::open(&path, &self.stream, next)?;
                self.segment = next;
                self.offset = HEADER_BYTES;
                Ok(TailStatus::Advanced(0))
            }
        }
    }

    fn deliver(&mut self, end: usize, each: &mut impl FnMut(Entry<'_>)) -> Result<u64, JournalError> {
        let map = &self.opened.map;
        // SAFETY: `end` is the cursor, loaded with acquire; what is below it never changes.
        let found = unsafe { scan(map, self.segment, self.opened.sums, self.offset, end) };
        let mut at = self.offset;
        // SAFETY: just verified up to `found.end`; `at` is where the last delivery ended.
        while let Some((entry, next)) = unsafe { entry_at(map, at, found.end) } {
            each(entry);
            at = next;
        }
        self.offset = found.end;
        if found.end < end {
            return Err(JournalError::Damaged {
                path: segment_path(&self.dir, &self.stream, self.segment),
                segment: self.segment,
                offset: found.end as u64,
                reason: found.bad.unwrap_or(CutReason::Truncated),
            });
        }
        Ok(found.records)
    }
}
