//! Changes a record in place and makes its sum right again: for tests and tools that ask "would anyone notice?".

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::checksum::{self, Level};
use crate::entry::{entry_at, shape_of};
use crate::layout::{HEADER_BYTES, LINE_BYTES, line_seed};
use crate::map::sum_slot;
use crate::recover::Damage;
use crate::stream::{Part, Stream, lock_exclusive};
use crate::{JournalError, RecoveryReport};

/// Lets `edit` change the bytes (64 or 128) of record `index`, counted from 0, and recomputes its sums.
///
/// # Errors
///
/// [`JournalError::NoSuchRecord`], [`JournalError::KindSize`] where the new kind has another size,
/// [`JournalError::Busy`] while the stream is written or read, and the errors of opening.
pub fn rewrite_record(
    dir: &Path,
    stream: &str,
    index: u64,
    edit: impl FnOnce(&mut [u8]),
) -> Result<(), JournalError> {
    let _lock = lock_exclusive(dir, stream)?;
    let loaded = Stream::load(dir, stream, true, Damage::Refuse)?;
    let (part, offset, mut bytes) = find(&loaded, index)?;
    let from = bytes[0];
    edit(&mut bytes);
    if shape_of(bytes[0]) != shape_of(from) {
        return Err(JournalError::KindSize { index, from, to: bytes[0] });
    }
    let (path, segment) = (part.path.clone(), part.segment);
    drop(loaded);
    let written = OpenOptions::new().write(true).open(&path).and_then(|file| {
        for (number, line) in bytes.chunks_exact(LINE_BYTES).enumerate() {
            let at = offset + number * LINE_BYTES;
            let line: &[u8; LINE_BYTES] = line.try_into().expect("chunks of a line's size");
            let sum = checksum::line_sum(Level::detect(), line_seed(segment, at), line);
            file.write_all_at(line, at as u64)?;
            file.write_all_at(&sum.to_ne_bytes(), sum_slot(at) as u64)?;
        }
        Ok(())
    });
    written.map_err(|error| JournalError::io(&path, "write", error))
}

fn find(loaded: &Stream, index: u64) -> Result<(&Part, usize, Vec<u8>), JournalError> {
    let RecoveryReport { records, .. } = loaded.report;
    let mut left = index;
    for part in &loaded.parts {
        if left >= part.records {
            left -= part.records;
            continue;
        }
        let mut offset = HEADER_BYTES;
        // SAFETY: verified by `Stream::load`, and the lock keeps everyone else away.
        while let Some((entry, next)) = unsafe { entry_at(&part.map, offset, part.end) } {
            if left == 0 {
                let bytes = entry.bytes().to_vec();
                return Ok((part, next - bytes.len(), bytes));
            }
            left -= 1;
            offset = next;
        }
    }
    Err(JournalError::NoSuchRecord { index, records })
}
