//! Frames: a length prefix and its message, and what to think of ones that make no sense.

use super::message::{LENGTHS, Visitor, dispatch};
use crate::source::{End, Skips};

/// Bytes that a step looks at: a length prefix, the longest message (50), and as much again of what follows.
///
/// A fixed size lets every field be read at a constant offset after one length test.
pub(crate) const FRAME: usize = 112;

/// Implausible frames in a row after which the length prefixes are no longer believed.
///
/// A new message type of the exchange shows as single frames among good ones. After a damaged prefix every
/// further one is noise: the chance that one of these looks right (a known letter with exactly its length) is
/// 23 in 2^24.
pub const IMPLAUSIBLE_RUN_MAX: u32 = 8;

/// Reads a big-endian number at a constant offset.
macro_rules! be {
    ($type:ty, $bytes:expr, $at:expr) => {{
        const SIZE: usize = size_of::<$type>();
        let mut raw = [0u8; SIZE];
        raw.copy_from_slice(&$bytes[$at..$at + SIZE]);
        <$type>::from_be_bytes(raw)
    }};
}
pub(crate) use be;

/// What the front of the remaining bytes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// A message of a known type with its length; the length prefix not included.
    Message(usize),
    /// Something counted and stepped over.
    Skipped,
    /// Nothing more.
    Ended,
}

/// Where a walk through frames stands.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    /// Offset of the next length prefix.
    pub position: usize,
    /// Messages met so far, skipped ones included.
    pub messages: u64,
    /// How it ended.
    pub end: End,
    run: u32,
    run_offset: usize,
}

impl Cursor {
    pub const fn new() -> Self {
        Self { position: 0, messages: 0, end: End::Running, run: 0, run_offset: 0 }
    }

    /// Judges the front of the remaining bytes, `rest`, and steps over it. `frame` holds the first of them,
    /// padded with zeros.
    #[inline(always)]
    pub fn step(&mut self, frame: &[u8; FRAME], rest: &[u8], skips: &mut Skips) -> Front {
        let length = usize::from(be!(u16, frame, 0));
        let letter = frame[2];
        // A length of zero fails this test as well: no letter has it, and unknown letters have zero, so they
        // are told apart in the cold part.
        if length == usize::from(LENGTHS[usize::from(letter)]) && length != 0 && length + 2 <= rest.len() {
            self.pass(length);
            return Front::Message(length);
        }
        self.step_over(length, letter, rest, skips)
    }

    /// Steps over a good frame.
    #[inline(always)]
    pub fn pass(&mut self, length: usize) {
        self.position += 2 + length;
        self.messages += 1;
        self.run = 0;
    }

    /// Everything that is not a good frame.
    #[cold]
    #[inline(never)]
    fn step_over(&mut self, length: usize, letter: u8, rest: &[u8], skips: &mut Skips) -> Front {
        if rest.is_empty() {
            self.end = End::Complete;
            return Front::Ended;
        }
        let own_length = usize::from(LENGTHS[usize::from(letter)]);
        let known = own_length > 0 && rest.len() > 2;
        if known && length != own_length && prefix_is_damaged(rest, length, own_length) {
            self.end = End::LostFraming { offset: self.run_begin() };
            return Front::Ended;
        }
        if rest.len() < 2 || (length > 0 && length + 2 > rest.len()) {
            // Cut short - unless what came before it was noise already.
            let offset = self.position as u64;
            let noise = self.run > 0 && length != own_length;
            self.end =
                if noise { End::LostFraming { offset: self.run_begin() } } else { End::Truncated { offset } };
            return Front::Ended;
        }
        if length == 0 {
            skips.zero_length += 1;
            self.position += 2;
            return Front::Skipped;
        }
        if self.run == 0 {
            self.run_offset = self.position;
        }
        self.run += 1;
        if self.run >= IMPLAUSIBLE_RUN_MAX {
            self.end = End::LostFraming { offset: self.run_begin() };
            return Front::Ended;
        }
        let table = if known { &mut skips.wrong_length } else { &mut skips.unknown_type };
        table[usize::from(letter)] += 1;
        self.position += 2 + length;
        self.messages += 1;
        Front::Skipped
    }

    /// Offset of the first frame in doubt: of the run, or of this frame where none is.
    const fn run_begin(&self) -> u64 {
        if self.run > 0 { self.run_offset as u64 } else { self.position as u64 }
    }
}

/// Whether the length prefix, and not the message of known type after it, is what is wrong: the type's own
/// length leads to the next good frame (or past the end, with the prefix), and the prefix does not.
fn prefix_is_damaged(rest: &[u8], length: usize, own_length: usize) -> bool {
    let leads_on = |length: usize| match rest.get(2 + length..) {
        Some([]) => true,
        Some([high, low, letter, ..]) => {
            let next = usize::from(u16::from_be_bytes([*high, *low]));
            next > 0 && next == usize::from(LENGTHS[usize::from(*letter)])
        }
        _ => false,
    };
    !leads_on(length) && leads_on(own_length)
}

/// The last bytes, padded with zeros to a whole frame.
#[cold]
#[inline(never)]
pub(crate) fn padded(rest: &[u8]) -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    let count = rest.len().min(FRAME);
    frame[..count].copy_from_slice(&rest[..count]);
    frame
}

/// Result of a [`visit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visited {
    /// Messages met, skipped ones included.
    pub messages: u64,
    /// What was skipped. A visit judges types and lengths, not fields.
    pub skips: Skips,
    /// How the bytes ended.
    pub end: End,
}

/// Hands every message of length-prefixed `bytes` to the visitor, in order.
pub fn visit(bytes: &[u8], visitor: &mut impl Visitor) -> Visited {
    let mut cursor = Cursor::new();
    let mut skips = Skips::default();
    while let Some(frame) = bytes[cursor.position..].first_chunk::<FRAME>() {
        match cursor.step(frame, &bytes[cursor.position..], &mut skips) {
            Front::Message(_) => dispatch(frame, visitor),
            Front::Skipped => {}
            Front::Ended => break,
        }
    }
    while cursor.end.is_running() {
        let rest = &bytes[cursor.position..];
        let frame = padded(rest);
        if let Front::Message(_) = cursor.step(&frame, rest, &mut skips) {
            dispatch(&frame, visitor);
        }
    }
    Visited { messages: cursor.messages, skips, end: cursor.end }
}
