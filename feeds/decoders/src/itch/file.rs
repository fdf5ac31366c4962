//! Length-prefixed ITCH bytes as a [`Source`] of records.

use tickrace_types::{Flags, InstrumentId, Record};

use super::frame::{Cursor, FRAME, Front, be, padded};
use super::locate::{ABSENT, LocateMap};
use super::message::LENGTHS;
use super::record::{Shape, Stamp, decode_frame, decode_shaped, is_sound, needs_instrument};
use crate::source::{APART_NS, End, Skips, Source};

/// How the messages of a file become records.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// Midnight of the session in New York, nanoseconds since the Unix epoch.
    pub session_midnight_ns: i64,
    /// What is added to the venue's time to give the receive time, nanoseconds.
    pub feed_latency_ns: i64,
    /// Which instruments pass, and under which ids.
    pub universe: LocateMap,
}

/// Records of a daily file (two-byte big-endian length before each message), held or mapped in memory.
#[derive(Debug)]
pub struct FileSource<B> {
    bytes: B,
    decoder: Decoder,
}

/// Everything but the bytes.
#[derive(Debug)]
struct Decoder {
    cursor: Cursor,
    skips: Skips,
    /// A message stamped after this is looked at: [`APART_NS`] after the one before.
    time_max_ns: i64,
    options: FileOptions,
}

impl<B: AsRef<[u8]>> FileSource<B> {
    /// Reads `bytes` from their beginning.
    pub fn new(bytes: B, options: FileOptions) -> Self {
        Self { bytes, decoder: Decoder::new(options) }
    }

    /// The map of instruments, as far as the directory was read.
    pub const fn universe(&self) -> &LocateMap {
        &self.decoder.options.universe
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// Hands the bytes back.
    pub fn into_inner(self) -> B {
        self.bytes
    }
}

impl<B: AsRef<[u8]>> Source for FileSource<B> {
    fn serves_both(&self) -> bool {
        true
    }

    #[inline(always)]
    fn next_into(&mut self, out: &mut Record) -> bool {
        let bytes = self.bytes.as_ref();
        loop {
            let rest = &bytes[self.decoder.cursor.position..];
            if let Some(frame) = rest.first_chunk::<FRAME>()
                && self.decoder.step_straight(frame, rest.len(), out)
            {
                return true;
            }
            match self.decoder.step(rest, out) {
                Front::Message(_) => return true,
                Front::Skipped => {}
                Front::Ended => return false,
            }
        }
    }

    fn skips(&self) -> &Skips {
        &self.decoder.skips
    }

    fn end(&self) -> &End {
        &self.decoder.cursor.end
    }

    fn position(&self) -> u64 {
        self.decoder.cursor.position as u64
    }

    fn messages(&self) -> u64 {
        self.decoder.cursor.messages
    }
}

impl Decoder {
    fn new(options: FileOptions) -> Self {
        Self { cursor: Cursor::new(), skips: Skips::default(), time_max_ns: i64::MIN, options }
    }

    /// Judges the time of the message at the front, of which `out` is the record. Time never runs backwards for those who
    /// decide: one damaged stamp would leave the rest of the day late.
    #[inline(always)]
    fn judge_time(&mut self, frame: &[u8; FRAME], length: usize, rest: usize, out: &mut Record) {
        if out.header.ts_venue_ns > self.time_max_ns {
            self.mend_time(frame, length, rest, out);
        }
        self.time_max_ns = out.header.ts_venue_ns.saturating_add(APART_NS);
    }

    /// A message far after the one before, or the first: a night lies between them, unless the next is close to the one before.
    #[cold]
    #[inline(never)]
    fn mend_time(&mut self, frame: &[u8; FRAME], length: usize, rest: usize, out: &mut Record) {
        const TIME: u64 = (1 << 48) - 1;
        let next = 2 + (length & 63);
        if !next_is_whole_and_sound(frame, next, rest) {
            return;
        }
        let next_ns = (be!(u64, frame, next + 5) & TIME).cast_signed();
        let next_ns = next_ns.saturating_add(self.options.session_midnight_ns);
        let is_first = self.time_max_ns == i64::MIN;
        let last_ns = if is_first { next_ns } else { self.time_max_ns - APART_NS };
        let is_lone = (next_ns - last_ns).abs() <= APART_NS;
        if is_lone && out.header.ts_venue_ns.saturating_sub(next_ns) > APART_NS {
            let time_ns = last_ns;
            out.header.ts_venue_ns = time_ns;
            out.header.ts_recv_ns = time_ns.saturating_add(self.options.feed_latency_ns);
            self.skips.mended_times += 1;
        }
    }

    /// Decodes the front of the bytes where that is a good message of a type with a shape and of an instrument
    /// that is known; else false, and nothing has changed.
    #[inline(always)]
    fn step_straight(&mut self, frame: &[u8; FRAME], rest: usize, out: &mut Record) -> bool {
        let (letter, instrument) = (frame[2], self.options.universe.raw(be!(u16, frame, 3)));
        let (shape, length) = (Shape::of_letter(letter), usize::from(be!(u16, frame, 0)));
        let is_straight = instrument < ABSENT && !shape.is_other();
        if !is_straight || length != usize::from(LENGTHS[usize::from(letter)]) {
            return false;
        }
        let stamp = self.stamp(self.cursor.messages + 1, instrument, event_goes_on(frame, length, rest));
        let is_good = decode_shaped(shape, frame, &stamp, out);
        if is_good {
            self.judge_time(frame, length, rest, out);
            self.cursor.pass(length);
        }
        is_good
    }

    /// Decodes the front of the bytes, whatever it is.
    #[cold]
    #[inline(never)]
    fn step(&mut self, rest: &[u8], out: &mut Record) -> Front {
        let mut tail = [0; FRAME];
        let frame = rest.first_chunk::<FRAME>().unwrap_or_else(|| {
            tail = padded(rest);
            &tail
        });
        let front = self.cursor.step(frame, rest, &mut self.skips);
        let Front::Message(length) = front else { return front };
        let locate = be!(u16, frame, 3);
        let mut instrument = self.options.universe.raw(locate);
        if instrument >= ABSENT || frame[2] == b'R' {
            match self.resolve(frame, locate) {
                Some(id) => instrument = id,
                None => return Front::Skipped,
            }
        }
        let stamp = self.stamp(self.cursor.messages, instrument, event_goes_on(frame, length, rest.len()));
        if !decode_frame(frame, &stamp, out) {
            return self.refuse(frame[2]);
        }
        self.judge_time(frame, length, rest.len(), out);
        front
    }

    #[inline(always)]
    fn stamp(&self, seq: u64, instrument: u32, goes_on: bool) -> Stamp {
        Stamp {
            seq,
            instrument: InstrumentId(instrument),
            session_midnight_ns: self.options.session_midnight_ns,
            feed_latency_ns: self.options.feed_latency_ns,
            flags: if goes_on { 0 } else { Flags::END_OF_EVENT },
        }
    }

    /// Directory messages, locate 0 and unknown locates.
    #[cold]
    #[inline(never)]
    fn resolve(&mut self, frame: &[u8; FRAME], locate: u16) -> Option<u32> {
        let letter = frame[2];
        if letter == b'R' && locate != 0 {
            let mut symbol = [0; 8];
            symbol.copy_from_slice(&frame[13..21]);
            self.options.universe.announce(locate, symbol);
        }
        let id = self.options.universe.raw(locate);
        if id < ABSENT {
            return Some(id);
        }
        if locate == 0 {
            if needs_instrument(letter) {
                self.refuse(letter);
                return None;
            }
            return Some(InstrumentId::NONE.0);
        }
        let adopted = self.options.universe.adopt(locate);
        match adopted {
            Some(_) => self.skips.unannounced += 1,
            None => self.skips.filtered += 1,
        }
        adopted
    }

    /// Counts a message with an impossible field.
    #[cold]
    #[inline(never)]
    fn refuse(&mut self, letter: u8) -> Front {
        self.skips.malformed[usize::from(letter)] += 1;
        Front::Skipped
    }
}

/// Whether the next message belongs to the same exchange event: the same instrument at the same nanosecond.
///
/// A next message that will be skipped does not count, or the event would never be closed.
#[inline(always)]
fn event_goes_on(frame: &[u8; FRAME], length: usize, rest: usize) -> bool {
    // Bytes 1..11 of a message: locate, tracking number (ignored), timestamp. Masking the length, which is at
    // most 50, shows the compiler that every read below lies in the frame.
    const TIME_AND_LOCATE: u64 = 0xffff_0000_ffff_ffff;
    let next = 2 + (length & 63);
    let same = (be!(u64, frame, 3) ^ be!(u64, frame, next + 3)) & TIME_AND_LOCATE == 0
        && be!(u32, frame, 9) == be!(u32, frame, next + 9);
    same && next_is_whole_and_sound(frame, next, rest)
}

#[inline(always)]
fn next_is_whole_and_sound(frame: &[u8; FRAME], next: usize, rest: usize) -> bool {
    let length = usize::from(be!(u16, frame, next));
    let letter = frame[next + 2];
    let sound = length == usize::from(LENGTHS[usize::from(letter)]) && next + 2 + length <= rest;
    sound && length > 0 && is_sound(letter, frame, next)
}
