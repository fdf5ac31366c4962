//! Messages to bytes: the other direction, for the synthetic day and for tests.

use zerocopy::big_endian::U16;
use zerocopy::{Immutable, IntoBytes};

use super::message::{Head, U48};

/// First eleven bytes of a message.
#[inline]
pub fn head(letter: u8, stock_locate: u16, timestamp_ns: u64) -> Head {
    Head {
        message_type: letter,
        stock_locate: U16::new(stock_locate),
        tracking_number: U16::ZERO,
        timestamp: U48::new(timestamp_ns),
    }
}

/// Appends a message with its two-byte length prefix.
#[inline]
pub fn push(out: &mut Vec<u8>, message: &(impl IntoBytes + Immutable)) {
    let bytes = message.as_bytes();
    // Every view is at most 50 bytes long.
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Appends raw bytes as one frame, whatever they are; for tests of what is skipped.
pub fn push_raw(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&bytes[..usize::from(length)]);
}

/// A symbol padded with spaces; bytes beyond eight are cut off.
pub fn stock(symbol: &str) -> [u8; 8] {
    let mut padded = [b' '; 8];
    for (place, byte) in padded.iter_mut().zip(symbol.bytes()) {
        *place = byte;
    }
    padded
}
