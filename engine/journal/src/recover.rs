//! After a crash: where a stream ends, what is beyond, and cutting it there.

use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use zerocopy::IntoBytes;

use crate::JournalError;
use crate::layout::{CURSOR_OFFSET, SEAL_OFFSET, STATE_FINISHED, Seal, segment_path};
use crate::stream::{Stream, lock_exclusive, streams_of};

/// Why a stream ends where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutReason {
    /// Its writer finished it.
    Finished,
    /// It is being written at this moment.
    Live,
    /// Its writer stopped without finishing (killed, or the power failed); every record that was committed is here.
    Unfinished,
    /// The file is shorter than what was committed.
    Truncated,
    /// A line's sum does not fit its bytes.
    Checksum,
    /// A line is no record.
    Record,
    /// The file goes on after the end its writer sealed.
    Trailing,
}

impl fmt::Display for CutReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Finished => "finished by its writer",
            Self::Live => "being written",
            Self::Unfinished => "not finished by its writer, nothing committed is lost",
            Self::Truncated => "file cut short",
            Self::Checksum => "checksum does not match",
            Self::Record => "not a record",
            Self::Trailing => "bytes after the sealed end",
        })
    }
}

/// Where a stream ends and what, if anything, is cut there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Whole records before the cut.
    pub records: u64,
    /// Bytes present in the files past the cut that are not empty room: a torn record, garbage.
    pub cut_bytes: u64,
    /// Bytes that were committed and are not in the file any more.
    pub missing_bytes: u64,
    /// The file of the last whole record.
    pub path: PathBuf,
    /// Its number.
    pub segment: u32,
    /// Where it is cut.
    pub at_offset: u64,
    /// Why.
    pub reason: CutReason,
}

impl RecoveryReport {
    /// Whether nothing is amiss: the stream was finished, or is being written.
    pub fn is_clean(&self) -> bool {
        matches!(self.reason, CutReason::Finished | CutReason::Live)
    }

    /// Whether a record that was committed may be gone.
    pub fn is_lossy(&self) -> bool {
        self.missing_bytes > 0 || matches!(self.reason, CutReason::Checksum | CutReason::Record)
    }
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, cut_bytes, missing_bytes, path, at_offset, reason, .. } = self;
        write!(out, "{}: offset {at_offset}: {reason}; {records} whole records", path.display())?;
        if *cut_bytes > 0 {
            write!(out, ", {cut_bytes} bytes cut")?;
        }
        if *missing_bytes > 0 {
            write!(out, ", {missing_bytes} committed bytes missing")?;
        }
        Ok(())
    }
}

/// What to do with bad bytes that have good ones after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Refuse: somebody must look at it.
    Refuse,
    /// Cut at the first bad byte, losing what is good after it. After a loss of power pages may have reached the disk
    /// out of order; then this is the way to the last state that is whole.
    Cut,
}

/// Cuts every stream of the journal in `dir` at its last whole record and seals it there, so that it reads as
/// finished. Finished streams are left as they are. Answers each stream's name and what was cut.
///
/// # Errors
///
/// [`JournalError::Damaged`] with good data after the bad (nothing is changed then), [`JournalError::Busy`] while
/// the stream is written or read, and the errors of opening.
pub fn recover(dir: &Path) -> Result<Vec<(String, RecoveryReport)>, JournalError> {
    recover_with(dir, Damage::Refuse)
}

/// [`recover`], with a say in what happens to damage in the middle.
///
/// # Errors
///
/// As [`recover`].
pub fn recover_with(dir: &Path, damage: Damage) -> Result<Vec<(String, RecoveryReport)>, JournalError> {
    let mut reports = Vec::new();
    // All are judged before one is touched.
    for name in streams_of(dir)? {
        let lock = lock_exclusive(dir, &name)?;
        let stream = Stream::load(dir, &name, true, damage)?;
        reports.push((name, stream, lock));
    }
    let mut cuts = Vec::new();
    for (name, stream, _lock) in reports {
        let report = cut(dir, &name, stream)?;
        cuts.push((name, report));
    }
    Ok(cuts)
}

fn cut(dir: &Path, name: &str, stream: Stream) -> Result<RecoveryReport, JournalError> {
    let report = stream.report.clone();
    if report.reason == CutReason::Finished {
        return Ok(report);
    }
    let records = stream.parts.last().map_or(0, |part| part.records);
    // The maps go first: a mapped file must not shrink.
    drop(stream);
    seal_at(&report.path, report.at_offset, records)
        .map_err(|error| JournalError::io(&report.path, "cut", error))?;
    for segment in report.segment + 1.. {
        let path = segment_path(dir, name, segment);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(JournalError::io(&path, "remove", error)),
        }
    }
    Ok(report)
}

fn seal_at(path: &Path, end: u64, records: u64) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    file.set_len(end)?;
    file.write_all_at(&end.to_ne_bytes(), CURSOR_OFFSET as u64)?;
    file.write_all_at(Seal::new(STATE_FINISHED, end, records).as_bytes(), SEAL_OFFSET as u64)?;
    file.sync_all()
}
