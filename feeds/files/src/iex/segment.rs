//! IEX-TP: the frame of both feeds' messages.
//!
//! Source: "IEX Transport Protocol (IEX-TP) Specification" 1.0, "Outbound Segment": 40 bytes, little-endian; then message
//! blocks of a length and so many bytes. A heartbeat has no messages and the number of the next to come.

/// TOPS 1.6, by its number in the header.
pub(super) const TOPS: u16 = 0x8003;
/// DEEP 1.0, likewise.
pub(super) const DEEP: u16 = 0x8004;
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 40;

/// A segment's header and its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Number of the messages' protocol.
    pub protocol: u16,
    /// Channel of the feed.
    pub channel: u32,
    /// Session; numbers start anew with it.
    pub session: u32,
    /// Messages inside.
    pub count: u16,
    /// Number of the first message, or of the next to come.
    pub seq: u64,
    /// When it was sent, nanoseconds since the Unix epoch.
    pub ts_sent_ns: i64,
    blocks: &'a [u8],
}

impl<'a> Segment<'a> {
    /// Reads a segment; `None` where it is of another version or protocol or its blocks do not fill it exactly.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let (header, blocks) = payload.split_first_chunk::<HEADER_BYTES>()?;
        let [version, reserved, rest @ ..] = header;
        if (*version, *reserved) != (VERSION, 0) {
            return None;
        }
        let mut rest = &rest[..];
        let segment = Self {
            protocol: u16::from_le_bytes(take(&mut rest)?),
            channel: u32::from_le_bytes(take(&mut rest)?),
            session: u32::from_le_bytes(take(&mut rest)?),
            count: {
                let length = usize::from(u16::from_le_bytes(take(&mut rest)?));
                if length != blocks.len() {
                    return None;
                }
                u16::from_le_bytes(take(&mut rest)?)
            },
            seq: {
                let _offset: [u8; 8] = take(&mut rest)?;
                u64::try_from(i64::from_le_bytes(take(&mut rest)?)).ok()?
            },
            ts_sent_ns: i64::from_le_bytes(take(&mut rest)?),
            blocks,
        };
        if ![TOPS, DEEP].contains(&segment.protocol) {
            return None;
        }
        let mut messages = segment.messages();
        let counted = messages.by_ref().take(usize::from(segment.count)).count();
        (counted == usize::from(segment.count) && messages.rest.is_empty()).then_some(segment)
    }

    /// The messages, in order.
    pub const fn messages(&self) -> Messages<'a> {
        Messages { rest: self.blocks }
    }
}

/// Message blocks one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk::<2>()?;
        let (message, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        self.rest = rest;
        Some(message)
    }
}

/// The next bytes of a message.
#[inline]
pub(super) fn take<const SIZE: usize>(rest: &mut &[u8]) -> Option<[u8; SIZE]> {
    let (front, back) = rest.split_first_chunk::<SIZE>()?;
    *rest = back;
    Some(*front)
}
