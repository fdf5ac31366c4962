//! Two lines of one MoldUDP64 session made into one stream: every message once, in the order of its number.
//!
//! Whichever line brings a message first delivers it. A message that both lines lack so far holds back those after it,
//! for [`WINDOW_NS`] of the capture's time or [`WAITING_BYTES_MAX`] at most; then it is missing, which is told as a gap,
//! and if it comes later still it is dropped. Lines need not be told apart: a packet is judged by its numbers alone.
//!
//! Source: Nasdaq, "MoldUDP64 Protocol Specification" 1.00: header of 20 bytes, big-endian; message blocks of a length
//! and so many bytes; a count of 0 is a heartbeat and 0xFFFF the end of the session, both with the next number to come.

use std::collections::BTreeMap;

/// How long a message may lack on both lines before it is missing, nanoseconds.
///
/// Lines of one site differ by well under a millisecond; a rerouted one by a few.
pub const WINDOW_NS: i64 = 10_000_000;
/// Bytes of messages held back at most.
pub const WAITING_BYTES_MAX: usize = 16 << 20;
/// Numbers further ahead than this come from a damaged packet.
const AHEAD_MAX: u64 = 1 << 32;
/// Bytes before the message blocks.
const HEADER_BYTES: usize = 20;
const END_OF_SESSION: u16 = 0xffff;

/// What the arbiter hands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// A message; an empty one counts as a number and says nothing.
    Message {
        /// Its number in the session, from 1.
        seq: u64,
        /// When it was received, or the one before it where that was later; the capture's clock.
        ts_ns: i64,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// Messages that no line brought.
    Gap {
        /// First missing number.
        first: u64,
        /// How many.
        count: u64,
        /// When that was certain, the capture's clock.
        ts_ns: i64,
    },
}

/// Why a packet is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketFault {
    /// Its lengths contradict each other.
    #[error("no MoldUDP64 packet")]
    Malformed,
    /// Another session is being read.
    #[error("a packet of another session")]
    OtherSession,
    /// Its number makes no sense.
    #[error("a sequence number far ahead")]
    Ahead,
}

/// Packets met, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packets {
    /// With messages.
    pub data: u64,
    /// Without.
    pub heartbeats: u64,
    /// Ends of session.
    pub ends: u64,
    /// With messages, all of them known already: the other line's, duplicates, and those that came too late.
    pub repeated: u64,
}

/// A packet's header and its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Name of the session, padded with spaces.
    pub session: [u8; 10],
    /// Number of the first message, or of the next to come.
    pub seq: u64,
    /// Messages, 0 or 0xFFFF where there are none.
    pub count: u16,
    blocks: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet; `None` where its blocks do not fill it exactly or the session's name is no text.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let (header, blocks) = payload.split_first_chunk::<HEADER_BYTES>()?;
        let (session, numbers) = header.split_first_chunk::<10>()?;
        let (seq, count) = numbers.split_first_chunk::<8>()?;
        let packet = Self {
            session: *session,
            seq: u64::from_be_bytes(*seq),
            count: u16::from_be_bytes(*count.first_chunk::<2>()?),
            blocks,
        };
        if !session.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
            return None;
        }
        let count = packet.message_count();
        let mut messages = packet.messages();
        let counted = messages.by_ref().take(usize::from(count)).count();
        (counted == usize::from(count) && messages.rest.is_empty()).then_some(packet)
    }

    /// Messages inside.
    pub const fn message_count(&self) -> u16 {
        if self.count == END_OF_SESSION { 0 } else { self.count }
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
        let (message, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.rest = rest;
        Some(message)
    }
}

/// The state of the session that is being read.
#[derive(Debug, Default)]
pub struct Arbiter {
    session: Option<[u8; 10]>,
    /// Next number to deliver.
    next: u64,
    /// Messages received before their turn, with the time of receiving.
    waiting: BTreeMap<u64, (i64, Box<[u8]>)>,
    waiting_bytes: usize,
    /// Numbers below it were sent, as a heartbeat or the end of the session tells.
    sent: u64,
    /// Since when something is missing.
    missing_since_ns: Option<i64>,
    /// Whether the end of the session was announced.
    has_ended: bool,
    latest_ns: i64,
    packets: Packets,
}

impl Arbiter {
    /// Takes a packet received at `ts_ns` on either line and delivers what it makes ready.
    ///
    /// # Errors
    ///
    /// [`PacketFault`]; then nothing of the packet was taken.
    pub fn on_packet(
        &mut self,
        ts_ns: i64,
        payload: &[u8],
        deliver: &mut impl FnMut(Delivery<'_>),
    ) -> Result<(), PacketFault> {
        let packet = Packet::parse(payload).ok_or(PacketFault::Malformed)?;
        if self.session != Some(packet.session) {
            if self.session.is_some() && !self.has_ended {
                return Err(PacketFault::OtherSession);
            }
            self.finish(deliver);
            let packets = self.packets;
            *self = Self { session: Some(packet.session), next: 1, sent: 1, packets, ..Self::default() };
        }
        if packet.seq > self.next.saturating_add(AHEAD_MAX) {
            return Err(PacketFault::Ahead);
        }
        // What has waited long enough is judged before what comes now, by the time that has now passed.
        self.give_up_until(ts_ns, deliver);
        match packet.count {
            0 => self.packets.heartbeats += 1,
            END_OF_SESSION => self.packets.ends += 1,
            _ => self.packets.data += 1,
        }
        self.has_ended |= packet.count == END_OF_SESSION;
        let behind = packet.seq.saturating_add(u64::from(packet.message_count()));
        self.sent = self.sent.max(behind);
        if behind <= self.next {
            self.packets.repeated += u64::from(packet.message_count() > 0);
            return Ok(());
        }
        for (seq, bytes) in (packet.seq..behind).zip(packet.messages()) {
            if seq == self.next {
                self.deliver(ts_ns, bytes, deliver);
            } else if seq > self.next {
                self.hold(seq, ts_ns, bytes);
            }
        }
        self.deliver_waiting(deliver);
        self.note_missing(ts_ns);
        while self.waiting_bytes > WAITING_BYTES_MAX {
            self.give_up(ts_ns, deliver);
        }
        Ok(())
    }

    /// The capture is over: what is still lacking is missing.
    pub fn finish(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        while self.missing_since_ns.is_some() {
            self.give_up(self.latest_ns, deliver);
        }
    }

    /// Packets met so far.
    pub const fn packets(&self) -> &Packets {
        &self.packets
    }

    /// Name of the session that is being read.
    pub const fn session(&self) -> Option<&[u8; 10]> {
        self.session.as_ref()
    }

    fn deliver(&mut self, ts_ns: i64, bytes: &[u8], deliver: &mut impl FnMut(Delivery<'_>)) {
        self.latest_ns = self.latest_ns.max(ts_ns);
        deliver(Delivery::Message { seq: self.next, ts_ns: self.latest_ns, bytes });
        self.next += 1;
    }

    fn hold(&mut self, seq: u64, ts_ns: i64, bytes: &[u8]) {
        if let std::collections::btree_map::Entry::Vacant(vacant) = self.waiting.entry(seq) {
            vacant.insert((ts_ns, bytes.into()));
            self.waiting_bytes += bytes.len();
        }
    }

    /// Delivers what has waited for its turn and has it.
    fn deliver_waiting(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() > self.next {
                break;
            }
            let (seq, (ts_ns, bytes)) = entry.remove_entry();
            self.waiting_bytes -= bytes.len();
            if seq == self.next {
                self.deliver(ts_ns, &bytes, deliver);
            }
        }
    }

    /// Starts to wait where something lacks, ends it where nothing does.
    fn note_missing(&mut self, ts_ns: i64) {
        if self.waiting.is_empty() && self.sent <= self.next {
            self.missing_since_ns = None;
        } else if self.missing_since_ns.is_none() {
            self.missing_since_ns = Some(ts_ns);
        }
    }

    fn give_up_until(&mut self, ts_ns: i64, deliver: &mut impl FnMut(Delivery<'_>)) {
        while self.missing_since_ns.is_some_and(|since_ns| ts_ns.saturating_sub(since_ns) >= WINDOW_NS) {
            self.give_up(ts_ns, deliver);
        }
    }

    /// What lacks now is missing; goes on behind it.
    fn give_up(&mut self, ts_ns: i64, deliver: &mut impl FnMut(Delivery<'_>)) {
        let (behind, since_ns) = match self.waiting.first_key_value() {
            Some((seq, (ts_ns, _))) => (*seq, *ts_ns),
            None => (self.sent, ts_ns),
        };
        if behind > self.next {
            self.latest_ns = self.latest_ns.max(ts_ns);
            deliver(Delivery::Gap { first: self.next, count: behind - self.next, ts_ns: self.latest_ns });
            self.next = behind;
        }
        self.deliver_waiting(deliver);
        self.missing_since_ns = None;
        // A further hole behind it has been open since the message after that hole came.
        let next_since_ns = self.waiting.first_key_value().map_or(since_ns, |(_, (ts_ns, _))| *ts_ns);
        self.note_missing(next_since_ns);
    }
}

#[cfg(test)]
mod tests;
