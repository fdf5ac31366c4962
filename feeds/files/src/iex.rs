//! IEX TOPS 1.6 and DEEP 1.0 in captures: quotes or price levels, trades and phases as records.
//!
//! Segments are taken in the order of the capture. Numbers that lack between two segments of a session are a `Gap`;
//! messages that come a second time are dropped. A segment with an earlier number that was sent later is none of these:
//! the venue counts anew, which is a `Gap` of which nobody knows how many messages it holds (0). A message's number in its
//! session is its record's; its own time is the venue's and the capture's the time of receiving. See [`messages`] for
//! what each message becomes.

mod messages;
mod segment;

use std::path::Path;

use tickrace_types::Record;

use self::messages::IexMessages;
pub use self::segment::{Messages, Segment};
use crate::format::{Account, BATCH_RECORDS, Decoder, End, Options};
use crate::pcap::{Capture, Datagram, Step, count_skip, head_datagrams};
use crate::stream::{Meter, Stream};
use crate::tick_file::FileError;

/// Records of one event that are kept together in a batch; a longer one is handed over in parts.
const EVENT_RECORDS_MAX: usize = 16 * BATCH_RECORDS;

/// A capture of IEX's feeds as native records.
pub struct IexDecoder {
    capture: Capture,
    meter: Meter,
    line: Line,
    messages: IexMessages,
}

/// Segments met, and where their numbers stand.
#[derive(Debug, Default)]
struct Line {
    session: Option<(u16, u32, u32)>,
    /// Next number to come.
    next: u64,
    latest_sent_ns: i64,
    segments: u64,
    heartbeats: u64,
}

/// Opens a capture.
///
/// # Errors
///
/// [`FileError::Io`] where it cannot be read, [`FileError::Format`] where it is no capture.
pub fn open(path: &Path, options: &Options) -> Result<IexDecoder, FileError> {
    let stream = Stream::open(path)?;
    let meter = stream.meter();
    let fail = |fault| FileError::Format { path: path.to_owned(), place: "offset 0".to_owned(), fault };
    let capture = Capture::new(stream).map_err(fail)?;
    Ok(IexDecoder { capture, meter, line: Line::default(), messages: IexMessages::new(options) })
}

/// Whether the first decompressed bytes, at most 64 KiB, are a capture of these feeds: its first datagram is a segment
/// of TOPS 1.6 or DEEP 1.0.
pub fn is_it(head: &[u8], _name: &str) -> bool {
    let mut is_it = false;
    head_datagrams(head, |payload| {
        is_it = Segment::parse(payload).is_some();
        true
    });
    is_it
}

impl Line {
    /// Takes a datagram and shows what is new in it.
    fn on(
        &mut self,
        datagram: &Datagram<'_>,
        messages: &mut IexMessages,
        batch: &mut Vec<Record>,
    ) -> Result<(), ()> {
        let segment = Segment::parse(datagram.payload).ok_or(())?;
        self.segments += 1;
        self.heartbeats += u64::from(segment.count == 0);
        let session = (segment.protocol, segment.channel, segment.session);
        if self.session != Some(session) {
            // Another session begins: its numbers say nothing about the ones before.
            self.session = Some(session);
            self.next = segment.seq;
        }
        let is_new = segment.ts_sent_ns > self.latest_sent_ns;
        self.latest_sent_ns = self.latest_sent_ns.max(segment.ts_sent_ns);
        if segment.seq > self.next || (segment.seq < self.next && is_new) {
            let count = segment.seq.saturating_sub(self.next);
            messages.gap(self.next, count, &segment, datagram.ts_ns, batch);
            self.next = segment.seq;
        }
        let behind = segment.seq.saturating_add(u64::from(segment.count));
        for (seq, message) in (segment.seq..behind).zip(segment.messages()) {
            if seq >= self.next {
                messages.on(seq, datagram.ts_ns, message, batch);
            }
        }
        self.next = self.next.max(behind);
        Ok(())
    }
}

impl Decoder for IexDecoder {
    fn read(&mut self, batch: &mut Vec<Record>) -> bool {
        let start = batch.len();
        let Self { capture, line, messages, .. } = self;
        messages.event.begin_batch(start);
        while messages.account.end == End::Running {
            let mut is_segment = Ok(());
            let step =
                capture.step(&mut |datagram: &Datagram<'_>| is_segment = line.on(datagram, messages, batch));
            match step {
                Step::Other => {}
                Step::Frame(Ok(())) => {
                    if is_segment.is_err() {
                        let frame = capture.frames();
                        messages.account.skips.count("no segment", || {
                            format!("frame {frame}: no IEX-TP segment of TOPS 1.6 or DEEP 1.0")
                        });
                    }
                }
                Step::Frame(Err(why)) => count_skip(&mut messages.account.skips, why, capture.frames()),
                Step::End(end) => {
                    messages.close(batch);
                    messages.account.end = end;
                }
            }
            let count = batch.len() - start;
            if count >= EVENT_RECORDS_MAX || (count >= BATCH_RECORDS && !messages.event.is_open(batch.len()))
            {
                messages.event.split(batch.len());
                break;
            }
        }
        batch.len() > start
    }

    fn account(&self) -> &Account {
        &self.messages.account
    }

    fn by_type(&self) -> Vec<(String, u64)> {
        self.messages.by_type()
    }

    fn progress(&self) -> (u64, u64) {
        self.meter.progress()
    }
}

impl IexDecoder {
    /// Segments met so far, and how many of them were heartbeats.
    pub const fn segments(&self) -> (u64, u64) {
        (self.line.segments, self.line.heartbeats)
    }
}
