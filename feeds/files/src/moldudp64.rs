//! Nasdaq TotalView-ITCH 5.0 in captures of its MoldUDP64 lines, as the records that the daily file would give.
//!
//! [`Arbiter`] makes one stream of the lines; each message is decoded by the room that decodes files, with the same
//! numbers, instruments and ends of event, and with the capture's time as the time of receiving. What no line brought
//! is a `Gap`.
//!
//! The session's date is that of the options, else of the file's name, else of the session's name, else of the capture.
//! Where the first message was received before the venue sent it by a whole number of hours, the capture's clock shows
//! local time, and those hours are added.

mod arbiter;

use std::path::Path;

use tickrace_feeds::itch::{self, LocateMap, Stamp as ItchStamp};
use tickrace_types::{Flags, Instrument, InstrumentId, Kind, MarketRecord, Record};

pub use self::arbiter::{
    Arbiter, Delivery, Messages, Packet, PacketFault, Packets, WAITING_BYTES_MAX, WINDOW_NS,
};
use crate::date::{Date, date_from_name};
use crate::format::{Account, BATCH_RECORDS, Decoder, End, Options, Skips};
use crate::pcap::{Capture, Datagram, Step, count_skip, head_datagrams};
use crate::stamp::Stamp;
use crate::stream::{Meter, Stream};
use crate::tick_file::FileError;

const HOUR_NS: i64 = 3_600_000_000_000;
const DAY_NS: i64 = 24 * HOUR_NS;
/// How far a clock of local time may be off a whole hour.
const CLOCK_FAULT_NS_MAX: i64 = 60_000_000_000;

/// A capture of MoldUDP64 lines as native records.
pub struct MoldDecoder {
    capture: Capture,
    meter: Meter,
    arbiter: Arbiter,
    messages: ItchMessages,
}

/// Opens a capture.
///
/// # Errors
///
/// [`FileError::Io`] where it cannot be read, [`FileError::Format`] where it is no capture.
pub fn open(path: &Path, options: &Options) -> Result<MoldDecoder, FileError> {
    let stream = Stream::open(path)?;
    let meter = stream.meter();
    let fail = |fault| FileError::Format { path: path.to_owned(), place: "offset 0".to_owned(), fault };
    let capture = Capture::new(stream).map_err(fail)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let date = options.date.or_else(|| date_from_name(&name));
    Ok(MoldDecoder {
        capture,
        meter,
        arbiter: Arbiter::default(),
        messages: ItchMessages::new(options, date),
    })
}

/// Whether the first decompressed bytes, at most 64 KiB, are a capture of this feed: the first packet with messages
/// holds nothing but good ITCH 5.0 messages.
pub fn is_it(head: &[u8], _name: &str) -> bool {
    let mut is_it = false;
    head_datagrams(head, |payload| {
        let Some(packet) = Packet::parse(payload) else { return true };
        is_it = packet.message_count() > 0 && packet.messages().all(is_itch);
        packet.message_count() > 0
    });
    is_it
}

fn is_itch(message: &[u8]) -> bool {
    message.first().is_some_and(|letter| itch::length_of(*letter) == Some(message.len()))
}

impl Decoder for MoldDecoder {
    fn read(&mut self, batch: &mut Vec<Record>) -> bool {
        let start = batch.len();
        let Self { capture, arbiter, messages, .. } = self;
        while messages.account.end == End::Running && batch.len() - start < BATCH_RECORDS {
            let mut fault = None;
            let step = capture.step(&mut |datagram: &Datagram<'_>| {
                let mut deliver = |delivery: Delivery<'_>| messages.on(&delivery, batch);
                fault = arbiter.on_packet(datagram.ts_ns, datagram.payload, &mut deliver).err();
                if let (None, Some(session)) = (messages.session, arbiter.session()) {
                    messages.session = Some(*session);
                }
            });
            match step {
                Step::Other => {}
                Step::Frame(Ok(())) => {
                    if let Some(fault) = fault {
                        messages.skip_packet(fault, capture.frames());
                    }
                }
                Step::Frame(Err(why)) => count_skip(&mut messages.account.skips, why, capture.frames()),
                Step::End(end) => {
                    arbiter.finish(&mut |delivery| messages.on(&delivery, batch));
                    messages.close(batch);
                    messages.account.end = end;
                }
            }
        }
        batch.len() > start
    }

    fn account(&self) -> &Account {
        &self.messages.account
    }

    fn by_type(&self) -> Vec<(String, u64)> {
        let counts = itch::LETTERS.iter().map(|letter| (*letter, self.messages.counts[usize::from(*letter)]));
        counts
            .filter(|(_, count)| *count > 0)
            .map(|(letter, count)| (char::from(letter).to_string(), count))
            .collect()
    }

    fn progress(&self) -> (u64, u64) {
        self.meter.progress()
    }
}

impl MoldDecoder {
    /// Packets of all lines met so far.
    pub const fn packets(&self) -> &Packets {
        self.arbiter.packets()
    }
}

/// Messages in order as records.
struct ItchMessages {
    options: Options,
    locates: LocateMap,
    account: Account,
    counts: [u64; 256],
    date: Option<Date>,
    session: Option<[u8; 10]>,
    /// Midnight of the session and hours to add to the capture's clock, once the first message told them.
    clock: Option<(i64, i64)>,
    latest_venue_ns: i64,
    /// The record before, whose event may go on.
    held: Option<Record>,
}

impl ItchMessages {
    fn new(options: &Options, date: Option<Date>) -> Self {
        let wanted =
            || (0..).map(InstrumentId).zip(&options.symbols).map(|(id, symbol)| (symbol.as_str(), id));
        let locates = if options.symbols.is_empty() { LocateMap::all() } else { LocateMap::only(wanted()) };
        let mut messages = Self {
            options: options.clone(),
            locates,
            account: Account::default(),
            counts: [0; 256],
            date,
            session: None,
            clock: None,
            latest_venue_ns: 0,
            held: None,
        };
        messages.name_instruments();
        messages
    }

    /// Each instrument that the map has and the account has not.
    fn name_instruments(&mut self) {
        for symbol in self.locates.symbols().iter().skip(self.account.instruments.len()) {
            let stated = self.options.stated(symbol).cloned();
            self.account.instruments.push(stated.unwrap_or_else(|| Instrument::us_equity(symbol)));
        }
    }

    fn on(&mut self, delivery: &Delivery<'_>, batch: &mut Vec<Record>) {
        match *delivery {
            Delivery::Message { bytes: [], .. } => self.account.messages += 1,
            Delivery::Message { seq, ts_ns, bytes } => {
                self.account.messages += 1;
                if let Err(reason) = self.message(seq, ts_ns, bytes, batch) {
                    let letter = char::from(bytes.first().copied().unwrap_or(b'?'));
                    self.account.skips.count(reason, || format!("message {seq} ({letter:?}): {reason}"));
                }
            }
            Delivery::Gap { first, count, ts_ns } => {
                self.close(batch);
                self.account.gaps.push((first, count));
                let ts_recv_ns = ts_ns.saturating_add(self.clock.map_or(0, |(_, shift_ns)| shift_ns));
                let stamp = Stamp {
                    instrument: InstrumentId::NONE.0,
                    seq: first,
                    // The venue's time of what is missing is not known; it is no earlier than this.
                    ts_venue_ns: if self.latest_venue_ns == 0 { ts_recv_ns } else { self.latest_venue_ns },
                    ts_recv_ns,
                    flags: Flags::END_OF_EVENT,
                    letter: 0,
                };
                let gap = MarketRecord { order_ref: first, other_ref: count, ..stamp.market(Kind::Gap) };
                batch.push(*gap.as_record());
            }
        }
    }

    fn message(
        &mut self,
        seq: u64,
        ts_ns: i64,
        bytes: &[u8],
        batch: &mut Vec<Record>,
    ) -> Result<(), &'static str> {
        let [letter, locate @ ..] = bytes else { return Err("empty message") };
        let length = itch::length_of(*letter).ok_or("unknown message type")?;
        let locate = match locate.first_chunk::<2>() {
            Some(locate) if bytes.len() == length => u16::from_be_bytes(*locate),
            _ => return Err("wrong length"),
        };
        self.counts[usize::from(*letter)] += 1;
        let instrument = self.instrument(*letter, locate, bytes)?;
        let (session_midnight_ns, shift_ns) = *self.clock.get_or_insert_with(|| {
            clock_of(self.date.or_else(|| session_date(self.session.as_ref())), ts_ns, bytes)
        });
        let stamp = ItchStamp { seq, instrument, session_midnight_ns, feed_latency_ns: 0, flags: 0 };
        let mut record = Record::default();
        itch::decode(bytes, &stamp, &mut record).map_err(|_| "impossible field")?;
        record.header.ts_recv_ns = ts_ns.saturating_add(shift_ns);
        self.latest_venue_ns = record.header.ts_venue_ns;
        let goes_on = |before: &Record| {
            let (before, now) = (&before.header, &record.header);
            (before.instrument, before.ts_venue_ns) == (now.instrument, now.ts_venue_ns)
        };
        if let Some(mut before) = self.held.take() {
            if !goes_on(&before) {
                before.header.flags |= Flags::END_OF_EVENT;
            }
            batch.push(before);
        }
        self.held = Some(record);
        Ok(())
    }

    /// Instrument of a message's locate, which a directory message (re)names.
    fn instrument(&mut self, letter: u8, locate: u16, bytes: &[u8]) -> Result<InstrumentId, &'static str> {
        if locate == 0 {
            return if needs_instrument(letter) { Err("no instrument") } else { Ok(InstrumentId::NONE) };
        }
        if letter == b'R'
            && let Some(symbol) = bytes.get(11..).and_then(<[u8]>::first_chunk::<8>)
        {
            self.locates.announce(locate, *symbol);
            self.name_instruments();
        }
        if let Some(id) = self.locates.id_of(locate) {
            return Ok(id);
        }
        let adopted = self.locates.adopt(locate).ok_or(Skips::FILTERED)?;
        self.name_instruments();
        Ok(InstrumentId(adopted))
    }

    /// Ends the event that is open.
    fn close(&mut self, batch: &mut Vec<Record>) {
        if let Some(mut last) = self.held.take() {
            last.header.flags |= Flags::END_OF_EVENT;
            batch.push(last);
        }
    }

    #[cold]
    fn skip_packet(&mut self, fault: PacketFault, frame: u64) {
        let reason = match fault {
            PacketFault::Malformed => "packet malformed",
            PacketFault::OtherSession => "packet of another session",
            PacketFault::Ahead => "sequence number far ahead",
        };
        self.account.skips.count(reason, || format!("frame {frame}: {fault}"));
    }
}

/// Whether a message of this type means nothing without an instrument.
const fn needs_instrument(letter: u8) -> bool {
    matches!(letter, b'A' | b'F' | b'E' | b'C' | b'X' | b'D' | b'U' | b'P' | b'Q' | b'I' | b'R' | b'H' | b'h')
}

/// The date in a session's name, such as `S20120621A`.
fn session_date(session: Option<&[u8; 10]>) -> Option<Date> {
    let text = std::str::from_utf8(session?).ok()?;
    date_from_name(text.trim_matches(|letter: char| !letter.is_ascii_digit()))
}

/// Midnight of the session in New York, and what to add to the capture's clock.
fn clock_of(date: Option<Date>, ts_ns: i64, message: &[u8]) -> (i64, i64) {
    let of_day =
        message.get(5..11).map_or(0, |bytes| bytes.iter().fold(0, |sum, byte| (sum << 8) | i64::from(*byte)));
    // A session is over before midnight in New York, which is five hours behind or four.
    let captured = Date::from_days_since_epoch((ts_ns - 5 * HOUR_NS).div_euclid(DAY_NS));
    let Some(midnight_ns) = date.or(captured).map(Date::new_york_midnight_ns) else { return (0, 0) };
    let early_ns = midnight_ns.saturating_add(of_day).saturating_sub(ts_ns);
    let hours_ns = early_ns.saturating_add(HOUR_NS / 2).div_euclid(HOUR_NS).saturating_mul(HOUR_NS);
    let is_local = (HOUR_NS..DAY_NS).contains(&hours_ns) && (early_ns - hours_ns).abs() < CLOCK_FAULT_NS_MAX;
    (midnight_ns, if is_local { hours_ns } else { 0 })
}
