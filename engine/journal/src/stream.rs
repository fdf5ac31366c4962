//! All segments of one stream, mapped for reading and verified up to where the stream ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use zerocopy::FromBytes;

use crate::checksum::Level;
use crate::entry::{Shape, line_at, shape_of};
use crate::layout::{
    CHUNK_BYTES, HEADER_BYTES, LINE_BYTES, SEAL_OFFSET, STATE_FINISHED, STATE_OPEN, STATE_ROLLED, Seal,
    SegmentHeader, check_stream_name, is_plausible_end, segment_path,
};
use crate::map::Map;
use crate::recover::{CutReason, Damage, RecoveryReport};
use crate::scan::{Scan, has_good_line, scan};
use crate::{JournalError, protocol};

/// One verified segment.
pub(crate) struct Part {
    pub(crate) map: Map,
    pub(crate) segment: u32,
    pub(crate) path: PathBuf,
    /// After the last whole record.
    pub(crate) end: usize,
    pub(crate) records: u64,
}

pub(crate) struct Stream {
    pub(crate) parts: Vec<Part>,
    pub(crate) report: RecoveryReport,
}

/// A segment opened and headed, its lines not yet looked at.
pub(crate) struct Opened {
    pub(crate) map: Map,
    pub(crate) sums: Option<Level>,
    header: SegmentHeader,
    segment: u32,
    path: PathBuf,
    /// What the writer said: end and state.
    said: protocol::Observed,
}

impl Stream {
    /// Loads and verifies. `is_still` says that nobody writes (a lock is held); then whole records past the cursor
    /// count too: the cursor's page may have reached the disk before or after theirs.
    pub(crate) fn load(dir: &Path, name: &str, is_still: bool, damage: Damage) -> Result<Self, JournalError> {
        let mut opened = Vec::new();
        let paths = segments_of(dir, name)?;
        let count = paths.len();
        for (number, path) in paths {
            let is_last = number as usize + 1 == count;
            let previous_is_open =
                opened.last().is_some_and(|before: &Opened| before.said.state == STATE_OPEN);
            if !is_still && previous_is_open {
                break;
            }
            match Opened::open(&path, name, number) {
                Ok(segment) => opened.push(segment),
                // A spare, made ahead of its need and caught by the crash before its header reached the disk.
                Err(_) if is_last && previous_is_open => {}
                Err(error) => return Err(error),
            }
        }
        Self::verify(opened, is_still, damage)
    }

    fn verify(opened: Vec<Opened>, is_still: bool, damage: Damage) -> Result<Self, JournalError> {
        let mut parts: Vec<Part> = Vec::new();
        let mut report: Option<RecoveryReport> = None;
        let mut records = 0;
        for segment in opened {
            if let Some(report) = &mut report {
                // The stream ended before this one: it must be empty.
                let good = is_still && segment.has_good(HEADER_BYTES);
                if good && damage == Damage::Refuse {
                    return Err(JournalError::Damaged {
                        path: report.path.clone(),
                        segment: report.segment,
                        offset: report.at_offset,
                        reason: report.reason,
                    });
                }
                let used = segment.used_bytes(HEADER_BYTES);
                report.cut_bytes += used;
                continue;
            }
            let scan = segment.scan(is_still);
            records += scan.records;
            let reason = segment.judge(&scan, is_still);
            let goes_on = match reason {
                None => true,
                Some(CutReason::Unfinished) => scan.end as u64 == segment.header.segment_bytes,
                Some(_) => false,
            };
            if reason.is_some_and(|reason| matches!(reason, CutReason::Checksum | CutReason::Record))
                && damage == Damage::Refuse
                && segment.has_good_after(scan.end)
            {
                return Err(segment.damaged(scan.end, reason.unwrap_or(CutReason::Record)));
            }
            if let Some(reason) = reason
                && !goes_on
            {
                report = Some(segment.report(&scan, records, reason));
            }
            let (end, records) = (scan.end, scan.records);
            parts.push(Part { map: segment.map, segment: segment.segment, path: segment.path, end, records });
        }
        let report = report.or_else(|| {
            // Full to the brim, and the next segment was not there yet (or is the spare that was left out).
            parts.last().map(|part| RecoveryReport {
                records,
                cut_bytes: 0,
                missing_bytes: 0,
                path: part.path.clone(),
                segment: part.segment,
                at_offset: part.end as u64,
                reason: if is_still { CutReason::Unfinished } else { CutReason::Live },
            })
        });
        Ok(Self { report: report.expect("a stream has at least one segment"), parts })
    }
}

impl Opened {
    pub(crate) fn open(path: &Path, name: &str, segment: u32) -> Result<Self, JournalError> {
        let file = File::open(path).map_err(|error| JournalError::io(path, "open", error))?;
        let bytes = file.metadata().map_err(|error| JournalError::io(path, "look at", error))?.len();
        if bytes < HEADER_BYTES as u64 {
            return Err(JournalError::TooShort { path: path.into(), bytes, need: HEADER_BYTES as u64 });
        }
        let map = Map::read(&file, path)?;
        let header = SegmentHeader::check(&map.copy(0..64), path, name, segment)?;
        let mut said = map.observe();
        if said.state != STATE_OPEN {
            let bytes = map.copy(SEAL_OFFSET..SEAL_OFFSET + size_of::<Seal>());
            match Seal::read_from_bytes(&bytes) {
                Ok(seal) if seal.is_sound() => said.end = seal.end,
                _ => return Err(header_fault(path, SEAL_OFFSET, "seal")),
            }
        }
        if !is_plausible_end(said.end, header.segment_bytes) {
            return Err(header_fault(path, crate::layout::CURSOR_OFFSET, "commit cursor"));
        }
        let sums = header.has_sums().then(Level::detect);
        Ok(Self { map, sums, header, segment, path: path.to_path_buf(), said })
    }

    fn said_end(&self) -> usize {
        usize::try_from(self.said.end).unwrap_or(usize::MAX)
    }

    /// Bytes of the file that belong to the segment.
    fn room(&self) -> usize {
        self.map.len().min(usize::try_from(self.header.segment_bytes).unwrap_or(usize::MAX))
    }

    fn scan(&self, is_still: bool) -> Scan {
        let looks_past_cursor = is_still && self.said.state == STATE_OPEN && self.sums.is_some();
        let limit = if looks_past_cursor { self.room() } else { self.said_end().min(self.room()) };
        // SAFETY: either nobody writes, or the limit is a cursor loaded with acquire.
        unsafe { scan(&self.map, self.segment, self.sums, HEADER_BYTES, limit) }
    }

    /// Why the stream ends with this segment, or `None` where it goes on in the next.
    fn judge(&self, scan: &Scan, is_still: bool) -> Option<CutReason> {
        let is_whole = scan.end >= self.said_end();
        if !is_whole {
            let is_short = self.map.len() < self.said_end() && self.is_cut_by_length(scan);
            return Some(if is_short {
                CutReason::Truncated
            } else {
                scan.bad.unwrap_or(CutReason::Truncated)
            });
        }
        match self.said.state {
            STATE_ROLLED => None,
            STATE_FINISHED if self.map.len() > self.said_end() => Some(CutReason::Trailing),
            STATE_FINISHED => Some(CutReason::Finished),
            _ if is_still => Some(CutReason::Unfinished),
            _ => Some(CutReason::Live),
        }
    }

    /// Whether what stopped the scan is the end of the file and not a bad line before it.
    fn is_cut_by_length(&self, scan: &Scan) -> bool {
        scan.bad.is_none() || scan.bad == Some(CutReason::Truncated) || self.map.len() - scan.end < 128
    }

    /// Whether a good line stands at or after `from`, below what was committed.
    fn has_good(&self, from: usize) -> bool {
        let limit = self.said_end().min(self.room());
        // SAFETY: asked only where nobody writes, or below the cursor.
        unsafe { has_good_line(&self.map, self.segment, self.sums, from, limit) }
    }

    /// Whether a good line stands after the bad record at `offset`. One line alone may be the second half of that
    /// record: it counts only where it looks like a small one.
    fn has_good_after(&self, offset: usize) -> bool {
        let next = line_at(offset) + LINE_BYTES;
        let limit = self.said_end().min(self.room());
        if next + LINE_BYTES == limit && !next.is_multiple_of(CHUNK_BYTES) {
            // SAFETY: below what was committed.
            let line = unsafe { self.map.line(next) };
            if shape_of(line[0]) != Shape::Small || line[1] != tickrace_types::event::VERSION {
                return false;
            }
        }
        self.has_good(next)
    }

    fn report(&self, scan: &Scan, records: u64, reason: CutReason) -> RecoveryReport {
        let is_live = reason == CutReason::Live;
        RecoveryReport {
            records,
            cut_bytes: if is_live { 0 } else { self.used_bytes(scan.end) },
            missing_bytes: self.said.end.saturating_sub(self.map.len().max(scan.end) as u64),
            path: self.path.clone(),
            segment: self.segment,
            at_offset: scan.end as u64,
            reason,
        }
    }

    /// Bytes from `from` to the last that means something: of the committed ones and of what a torn write left
    /// behind them. Room that was allocated and never used is not counted.
    fn used_bytes(&self, from: usize) -> u64 {
        let room = self.room();
        let committed = self.said_end().min(room);
        let look_until = (from.max(committed) + 2 * CHUNK_BYTES).min(room);
        let torn = if self.said.state == STATE_OPEN && from < look_until {
            let tail = self.map.copy(from..look_until);
            from + tail.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
        } else {
            from
        };
        let foreign = self.map.len() - if self.said.state == STATE_OPEN { room } else { committed.max(from) };
        (torn.max(committed).max(from) - from + foreign) as u64
    }

    fn damaged(&self, offset: usize, reason: CutReason) -> JournalError {
        let path = self.path.clone();
        let offset = line_at(offset) as u64;
        JournalError::Damaged { path, segment: self.segment, offset, reason }
    }
}

fn header_fault(path: &Path, offset: usize, field: &'static str) -> JournalError {
    JournalError::Header { path: path.to_path_buf(), offset: offset as u64, field }
}

/// Paths of a stream's segments by number, without a hole.
pub(crate) fn segments_of(dir: &Path, name: &str) -> Result<BTreeMap<u32, PathBuf>, JournalError> {
    check_stream_name(name)?;
    let mut paths = BTreeMap::new();
    for (stream, number, path) in files_of(dir)? {
        if stream == name {
            paths.insert(number, path);
        }
    }
    let Some((last, _)) = paths.last_key_value() else {
        return Err(JournalError::Missing { path: segment_path(dir, name, 0) });
    };
    match (0..=*last).find(|number| !paths.contains_key(number)) {
        Some(number) => Err(JournalError::MissingSegment { path: segment_path(dir, name, number) }),
        None => Ok(paths),
    }
}

/// Names of the streams of a journal, in order.
pub(crate) fn streams_of(dir: &Path) -> Result<BTreeSet<String>, JournalError> {
    Ok(files_of(dir)?.into_iter().map(|(stream, _, _)| stream).collect())
}

fn files_of(dir: &Path) -> Result<Vec<(String, u32, PathBuf)>, JournalError> {
    let entries = fs::read_dir(dir).map_err(|error| JournalError::io(dir, "list", error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| JournalError::io(dir, "list", error))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let parts = name.and_then(|name| name.strip_suffix(".tj")).and_then(|name| name.rsplit_once('-'));
        let Some((stream, digits)) = parts else { continue };
        if digits.len() == 6
            && check_stream_name(stream).is_ok()
            && let Ok(number) = digits.parse()
        {
            files.push((stream.to_owned(), number, path));
        }
    }
    Ok(files)
}

/// Locks the stream against writers and against tools that change it, for as long as the file lives. `None` while
/// it is being written (or the file system has no locks).
pub(crate) fn lock_shared(dir: &Path, name: &str) -> Result<Option<File>, JournalError> {
    let path = segment_path(dir, name, 0);
    let file = File::open(&path).map_err(|error| JournalError::io(&path, "open", error))?;
    Ok(file.try_lock_shared().is_ok().then_some(file))
}

/// Locks the stream against everyone.
pub(crate) fn lock_exclusive(dir: &Path, name: &str) -> Result<File, JournalError> {
    let path = segment_path(dir, name, 0);
    let file = File::open(&path).map_err(|error| JournalError::io(&path, "open", error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(JournalError::Busy { path }),
    }
}
