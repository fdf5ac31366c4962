//! Verification of lines: sums first, a chunk at a time, then the structure on top of them.

use crate::checksum::{self, Level};
use crate::entry::{Shape, line_at, shape_of};
use crate::layout::{CHUNK_BYTES, LINE_BYTES, line_seed};
use crate::map::Map;
use crate::recover::CutReason;

/// What a stretch of lines turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// After the last whole record (or filler).
    pub(crate) end: usize,
    pub(crate) records: u64,
    /// Why it ends there; `None` where the limit was reached.
    pub(crate) bad: Option<CutReason>,
}

/// Verifies `[from, limit)` of `map`. `from` is where a record, a filler or a chunk begins; `limit` is cut down to
/// whole lines inside the map.
///
/// # Safety
///
/// The bytes below `limit` are committed or unchanging.
pub(crate) unsafe fn scan(map: &Map, segment: u32, sums: Option<Level>, from: usize, limit: usize) -> Scan {
    let limit = limit.min(map.len()) / LINE_BYTES * LINE_BYTES;
    let mut result = Scan { end: from, records: 0, bad: None };
    while result.end < limit && result.bad.is_none() {
        let chunk_end = (result.end / CHUNK_BYTES + 1) * CHUNK_BYTES;
        let to = chunk_end.min(limit);
        let first = line_at(result.end);
        if first >= to {
            // Only (part of) the sums is there.
            return result;
        }
        // SAFETY: `first..to` lies in one chunk, below the limit the caller vouches for.
        let (sound, bad) = match sums {
            // SAFETY: as above.
            Some(level) => unsafe { sound_until(map, segment, level, first, to) },
            None => (to, None),
        };
        // SAFETY: as above, and `sound <= to`.
        unsafe { walk(map, first, sound, chunk_end, &mut result) };
        if result.bad.is_none() && result.end < sound {
            // A large record whose second half is not there or not sound.
            result.bad = Some(bad.unwrap_or(CutReason::Truncated));
        } else if result.bad.is_none() {
            result.bad = bad;
        }
    }
    result
}

/// First line of `[first, to)` with a wrong sum, or `to`.
///
/// # Safety
///
/// The lines are committed or unchanging.
unsafe fn sound_until(
    map: &Map,
    segment: u32,
    level: Level,
    first: usize,
    to: usize,
) -> (usize, Option<CutReason>) {
    let sound = match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Level::detect` found what this level needs; the lines are the caller's promise.
        Level::Avx512 => unsafe { sound_avx512(map, segment, first, to) },
        // SAFETY: the lines are the caller's promise.
        _ => unsafe {
            sound_with(map, segment, first, to, |seed, line| checksum::line_sum(level, seed, line))
        },
    };
    (sound, (sound < to).then_some(CutReason::Checksum))
}

/// # Safety
///
/// As [`sound_until`], and the processor is of [`Level::Avx512`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,vpclmulqdq,pclmulqdq,sse4.2")]
unsafe fn sound_avx512(map: &Map, segment: u32, first: usize, to: usize) -> usize {
    // SAFETY: the features of the sum are those of this function.
    let sum = |seed, line: &[u8; LINE_BYTES]| unsafe { checksum::x86::sum_avx512(seed, line) };
    // SAFETY: the lines are the caller's promise.
    unsafe { sound_with(map, segment, first, to, sum) }
}

#[inline(always)]
unsafe fn sound_with(
    map: &Map,
    segment: u32,
    first: usize,
    to: usize,
    sum: impl Fn(u32, &[u8; LINE_BYTES]) -> u32,
) -> usize {
    let mut at = first;
    while at < to {
        // SAFETY: below the limit of the caller.
        let line = unsafe { map.line(at) };
        if sum(line_seed(segment, at), line) != map.stored_sum(at) {
            break;
        }
        at += LINE_BYTES;
    }
    at
}

/// Counts the records of `[first, sound)`, which lie in one chunk.
unsafe fn walk(map: &Map, first: usize, sound: usize, chunk_end: usize, result: &mut Scan) {
    let mut at = first;
    while at < sound {
        // SAFETY: below `sound`.
        let kind = unsafe { map.line(at) }[0];
        let size = match shape_of(kind) {
            Shape::Small => LINE_BYTES,
            Shape::Large if at + 2 * LINE_BYTES <= sound => 2 * LINE_BYTES,
            Shape::Large if at + 2 * LINE_BYTES <= chunk_end => break,
            Shape::Filler if at + LINE_BYTES == chunk_end => {
                at += LINE_BYTES;
                break;
            }
            Shape::Large | Shape::Filler | Shape::Unknown => {
                result.bad = Some(CutReason::Record);
                break;
            }
        };
        at += size;
        result.records += 1;
    }
    // Nothing of this chunk counts before its first line does.
    if at > first {
        result.end = at;
    }
}

/// Whether any line of `[from, limit)` is as a writer wrote it: with the right sum or, without sums, not empty and
/// of a known kind.
///
/// # Safety
///
/// As [`scan`].
pub(crate) unsafe fn has_good_line(
    map: &Map,
    segment: u32,
    sums: Option<Level>,
    from: usize,
    limit: usize,
) -> bool {
    let limit = limit.min(map.len()) / LINE_BYTES * LINE_BYTES;
    let mut at = from;
    while at < limit {
        at = line_at(at);
        if at >= limit {
            return false;
        }
        // SAFETY: below the limit.
        let line = unsafe { map.line(at) };
        let is_good = match sums {
            Some(level) => checksum::line_sum(level, line_seed(segment, at), line) == map.stored_sum(at),
            None => matches!(shape_of(line[0]), Shape::Small | Shape::Large),
        };
        if is_good {
            return true;
        }
        at += LINE_BYTES;
    }
    false
}
