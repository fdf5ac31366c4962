//! One record of a stream, in place.

use tickrace_types::{Kind, OrderRecord, Record, ResponseRecord};
use zerocopy::IntoBytes;

use crate::layout::{CHUNK_BYTES, LINE_BYTES, SUMS_BYTES};
use crate::map::Map;

/// A record as it stands in the mapped file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A 64-byte record: market, timer or control.
    Small(&'a Record),
    /// A response of the venue or of the gate.
    Response(&'a ResponseRecord),
    /// An order on its way out.
    Order(&'a OrderRecord),
}

impl<'a> Entry<'a> {
    /// Its header.
    #[inline]
    pub fn header(&self) -> &'a tickrace_types::Header {
        match self {
            Self::Small(record) => &record.header,
            Self::Response(response) => &response.header,
            Self::Order(order) => &order.header,
        }
    }

    /// Its bytes, 64 or 128.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Small(record) => record.as_bytes(),
            Self::Response(response) => response.as_bytes(),
            Self::Order(order) => order.as_bytes(),
        }
    }
}

/// What a kind code at a record's start says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Filler,
    Small,
    Large,
    Unknown,
}

#[inline]
pub(crate) fn shape_of(kind: u8) -> Shape {
    const RESPONSE: u8 = Kind::Response as u8;
    const ORDER: u8 = Kind::Order as u8;
    match kind {
        0 => Shape::Filler,
        RESPONSE | ORDER => Shape::Large,
        kind if kind < Kind::LARGE_FROM => Shape::Small,
        _ => Shape::Unknown,
    }
}

/// Offset of the next line at or after `offset`: past the sums, where a chunk begins there.
#[inline]
pub(crate) fn line_at(offset: usize) -> usize {
    if offset.is_multiple_of(CHUNK_BYTES) { offset + SUMS_BYTES } else { offset }
}

/// The record at the first line at or after `offset` and below `end`, and the offset after it.
///
/// # Safety
///
/// The lines of `[offset, end)` were verified (`crate::scan`), are committed or unchanging, and `offset` is where a
/// record, a filler or a chunk begins.
#[inline]
pub(crate) unsafe fn entry_at(map: &Map, offset: usize, end: usize) -> Option<(Entry<'_>, usize)> {
    let mut at = offset;
    while at < end {
        at = line_at(at);
        // SAFETY: verification found a whole line here, by the caller's word.
        let record = unsafe { map.small(at) };
        let kind = record.header.kind;
        if kind < Kind::LARGE_FROM {
            if kind != 0 {
                return Some((Entry::Small(record), at + LINE_BYTES));
            }
            at += LINE_BYTES;
            continue;
        }
        let entry = if kind == Kind::Response as u8 {
            // SAFETY: verification found two whole lines here.
            Entry::Response(unsafe { map.response(at) })
        } else {
            // SAFETY: verification found two whole lines here.
            Entry::Order(unsafe { map.order(at) })
        };
        return Some((entry, at + 2 * LINE_BYTES));
    }
    None
}

/// The lines from `offset` to the end of its chunk, at least one, as if each were a record of 64 bytes; where a larger one
/// begins, its lines follow.
///
/// # Safety
///
/// As [`entry_at`], with `offset` below `end`.
#[inline]
pub(crate) unsafe fn lines_at(map: &Map, offset: usize, end: usize) -> &[Record] {
    let from = line_at(offset);
    let chunk_end = (from / CHUNK_BYTES + 1) * CHUNK_BYTES;
    // SAFETY: verification found whole lines up to `end`, by the caller's word.
    unsafe { map.lines(from, chunk_end.min(end).saturating_sub(from) / LINE_BYTES) }
}
