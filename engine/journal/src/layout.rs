//! The bytes of a segment file, and nothing that touches a disk.
//!
//! ```text
//! 0      header line (magic, version, byte order, segment number, flags, size, stream, sum)
//! 128    commit cursor: offset of the first byte not yet committed; alone on its pair of cache lines
//! 256    seal: 0 while open, then rolled or finished, with end, record count and sum
//! 4096   chunks of 4096 bytes: 60 sums of 32 bits (240 bytes), 16 bytes zero, then 60 lines of 64 bytes
//! ```
//!
//! A small record is one line, a large one two lines side by side in one chunk; where only one line is left for a
//! large one, that line is *filler*: all zero, with a valid sum. Every line has its own CRC32C, seeded with its place,
//! so that a torn chunk is recovered line by line and a line in the wrong place is not believed. The sums stand before
//! the lines: a file cut inside a chunk still has the sums of what is left.

use std::path::{Path, PathBuf};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{JournalError, checksum};

/// Bytes of a line: the unit of writing, of checksums and of alignment.
pub const LINE_BYTES: usize = 64;
/// Bytes of a chunk: sums and lines.
pub const CHUNK_BYTES: usize = 4096;
/// Bytes at the start of a chunk that hold its sums.
pub const SUMS_BYTES: usize = 256;
/// Lines of a chunk.
pub const CHUNK_LINES: usize = (CHUNK_BYTES - SUMS_BYTES) / LINE_BYTES;
/// Bytes before the first chunk.
pub const HEADER_BYTES: usize = 4096;
/// Where the commit cursor is.
pub const CURSOR_OFFSET: usize = 128;
/// Where the seal is.
pub const SEAL_OFFSET: usize = 256;
/// Smallest segment: the header and one chunk.
pub const SEGMENT_BYTES_MIN: u64 = (HEADER_BYTES + CHUNK_BYTES) as u64;
/// Largest segment: line numbers stay below 2^30.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 36;
/// Segments of one stream: six digits.
pub const SEGMENTS_MAX: u32 = 1_000_000;
/// Layout version.
pub const LAYOUT_VERSION: u32 = 1;

const _: () = assert!(CHUNK_LINES == 60 && CHUNK_LINES * 4 <= SUMS_BYTES);

pub(crate) const MAGIC: [u8; 8] = *b"TICKRACE";
const BYTE_ORDER: u32 = 0x0102_0304;
const FLAG_CHECKSUM: u32 = 1;

/// The segment is being written (or its writer died).
pub(crate) const STATE_OPEN: u64 = 0;
/// The segment is full, the stream goes on in the next one.
pub(crate) const STATE_ROLLED: u64 = 1;
/// The stream ends here.
pub(crate) const STATE_FINISHED: u64 = 2;

/// First line of a segment.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct SegmentHeader {
    magic: [u8; 8],
    version: u32,
    byte_order: u32,
    pub(crate) segment: u32,
    flags: u32,
    pub(crate) segment_bytes: u64,
    reserved: u64,
    stream: [u8; 16],
    reserved_too: u32,
    sum: u32,
}
const _: () = assert!(size_of::<SegmentHeader>() == LINE_BYTES);

impl SegmentHeader {
    pub(crate) fn new(stream: &str, segment: u32, segment_bytes: u64, has_sums: bool) -> Self {
        let mut name = [0; 16];
        name[..stream.len()].copy_from_slice(stream.as_bytes());
        let mut header = Self {
            magic: MAGIC,
            version: LAYOUT_VERSION,
            byte_order: BYTE_ORDER,
            segment,
            flags: u32::from(has_sums) * FLAG_CHECKSUM,
            segment_bytes,
            reserved: 0,
            stream: name,
            reserved_too: 0,
            sum: 0,
        };
        header.sum = header.computed_sum();
        header
    }

    fn computed_sum(&self) -> u32 {
        checksum::sum_of(&self.as_bytes()[..LINE_BYTES - 4])
    }

    pub(crate) fn has_sums(&self) -> bool {
        self.flags & FLAG_CHECKSUM != 0
    }

    /// Reads and judges the header of `path`, which should be segment `segment` of `stream`.
    pub(crate) fn check(bytes: &[u8], path: &Path, stream: &str, segment: u32) -> Result<Self, JournalError> {
        let path = path.to_path_buf();
        let Ok((header, _)) = Self::read_from_prefix(bytes) else {
            return Err(JournalError::TooShort {
                path,
                bytes: bytes.len() as u64,
                need: HEADER_BYTES as u64,
            });
        };
        if header.magic != MAGIC {
            return Err(JournalError::Magic { path });
        }
        if header.byte_order == BYTE_ORDER.swap_bytes() {
            return Err(JournalError::Endian { path });
        }
        if header.version != LAYOUT_VERSION {
            return Err(JournalError::Version { path, found: header.version, known: LAYOUT_VERSION });
        }
        let expected = Self::new(stream, segment, header.segment_bytes, header.has_sums());
        let wrong = |offset, field| Err(JournalError::Header { path: path.clone(), offset, field });
        if header.sum != header.computed_sum() {
            return wrong(60, "sum");
        }
        if header.byte_order != BYTE_ORDER {
            return wrong(12, "byte order");
        }
        if header.segment != segment {
            return wrong(16, "segment number");
        }
        if header.stream != expected.stream {
            return wrong(40, "stream name");
        }
        if !is_segment_size(header.segment_bytes) {
            return wrong(24, "segment size");
        }
        Ok(header)
    }
}

/// What a closed segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Seal {
    pub(crate) state: u64,
    pub(crate) end: u64,
    pub(crate) records: u64,
    sum: u32,
    reserved: u32,
}

impl Seal {
    pub(crate) fn new(state: u64, end: u64, records: u64) -> Self {
        let mut seal = Self { state, end, records, sum: 0, reserved: 0 };
        seal.sum = checksum::sum_of(&seal.as_bytes()[..24]);
        seal
    }

    pub(crate) fn is_sound(&self) -> bool {
        *self == Self::new(self.state, self.end, self.records) && self.state <= STATE_FINISHED
    }
}

pub(crate) fn is_segment_size(bytes: u64) -> bool {
    (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&bytes) && bytes.is_multiple_of(CHUNK_BYTES as u64)
}

/// Whether a committed end may be here: on a line, inside a chunk or exactly after one.
pub(crate) fn is_plausible_end(offset: u64, segment_bytes: u64) -> bool {
    let within = offset % CHUNK_BYTES as u64;
    offset >= HEADER_BYTES as u64
        && offset <= segment_bytes
        && offset.is_multiple_of(LINE_BYTES as u64)
        && (within == 0 || within > SUMS_BYTES as u64)
}

/// Seed of the sum of the line at `offset` of segment `segment`. Zero bytes with a zero sum are never a line: a
/// CRC without final inversion gives zero for zero bytes only where the seed is zero.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "segments stay below 2^36 bytes, so line numbers fit")]
pub(crate) const fn line_seed(segment: u32, offset: usize) -> u32 {
    segment_seed(segment) ^ (offset / LINE_BYTES) as u32
}

/// The segment's share of [`line_seed`]; its top bit keeps every seed from zero.
#[inline]
pub(crate) const fn segment_seed(segment: u32) -> u32 {
    segment.wrapping_mul(0x9E37_79B1) | 0x8000_0000
}

/// Path of a segment.
pub(crate) fn segment_path(dir: &Path, stream: &str, segment: u32) -> PathBuf {
    dir.join(format!("{stream}-{segment:06}.tj"))
}

pub(crate) fn check_stream_name(stream: &str) -> Result<(), JournalError> {
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if stream.is_empty() || stream.len() > 15 || !stream.bytes().all(is_good) {
        return Err(JournalError::StreamName { name: stream.to_owned() });
    }
    Ok(())
}
