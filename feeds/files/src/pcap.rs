//! Captures of network traffic as UDP datagrams: classic pcap of micro- and nanoseconds in both byte orders, and pcapng.
//!
//! Ethernet (also with VLAN tags), Linux "cooked" and bare IP links; IPv4 and UDP. Frames of anything else are passed
//! over and counted, as are fragments and frames that the capture cut short. One frame is in memory at a time.

mod frame;

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use pcap_parser::pcapng::Block;
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{LegacyPcapReader, PcapBlockOwned, PcapError, PcapNGReader};

use crate::format::End;
pub use frame::{Datagram, NoDatagram};

/// Bytes of the window on the file; a frame or block that does not fit is taken for damage.
const WINDOW_BYTES: usize = 1 << 20;
/// Reads in a row that may bring nothing new before the file is given up.
const IDLE_READS_MAX: u32 = 64;
const SECOND_NS: i64 = 1_000_000_000;

/// Kinds of links, by their numbers in captures.
mod link {
    pub(super) const ETHERNET: i32 = 1;
    pub(super) const RAW: i32 = 101;
    pub(super) const LINUX_COOKED: i32 = 113;
    pub(super) const IPV4: i32 = 228;
    pub(super) const LINUX_COOKED_2: i32 = 276;
}

/// Frames of a capture, one after the other.
pub struct Capture {
    reader: Box<dyn PcapReaderIterator + Send>,
    /// What reading the file failed with, since the reader keeps it to itself.
    fault: Arc<Mutex<Option<String>>>,
    /// Bytes of the block handed out last.
    taken: usize,
    clock: Clock,
    /// Frames met.
    frames: u64,
    idle_reads: u32,
}

/// How times of a capture are told.
enum Clock {
    /// Classic: one link, and nanoseconds in one unit of the fraction.
    Classic { link: i32, fraction_ns: i64 },
    /// pcapng: by interface of the section.
    Sections { interfaces: Vec<Interface>, latest_ns: i64, is_big: bool },
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: i32,
    snap_bytes: u32,
    units_per_second: u64,
    offset_seconds: i64,
}

/// What one step found.
#[derive(Debug)]
pub enum Step {
    /// A frame, given to the visitor if it holds a datagram, else told why not.
    Frame(Result<(), NoDatagram>),
    /// A block without a frame.
    Other,
    /// No more.
    End(End),
}

/// Whether bytes begin a capture.
pub fn is_capture(head: &[u8]) -> bool {
    is_classic(head) || is_sectioned(head)
}

/// Shows the datagrams among the first bytes of a file, until `visit` has seen enough and gives true.
pub(crate) fn head_datagrams(head: &[u8], mut visit: impl FnMut(&[u8]) -> bool) {
    if !is_capture(head) {
        return;
    }
    let Ok(mut capture) = Capture::new(io::Cursor::new(head.to_vec())) else { return };
    let mut enough = false;
    while !enough {
        let step = capture.step(&mut |datagram: &Datagram<'_>| enough = visit(datagram.payload));
        enough |= matches!(step, Step::End(_));
    }
}

fn is_classic(head: &[u8]) -> bool {
    let magics = [
        [0xd4, 0xc3, 0xb2, 0xa1],
        [0xa1, 0xb2, 0xc3, 0xd4],
        [0x4d, 0x3c, 0xb2, 0xa1],
        [0xa1, 0xb2, 0x3c, 0x4d],
    ];
    head.len() >= 24 && magics.iter().any(|magic| head.starts_with(magic))
}

fn is_sectioned(head: &[u8]) -> bool {
    let orders = [[0x4d, 0x3c, 0x2b, 0x1a], [0x1a, 0x2b, 0x3c, 0x4d]];
    head.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a])
        && head.get(8..12).is_some_and(|order| orders.iter().any(|it| it == order))
}

impl Capture {
    /// Reads a capture from its start.
    ///
    /// # Errors
    ///
    /// What is wrong with its head, as a phrase.
    pub fn new(mut input: impl Read + Send + 'static) -> Result<Self, String> {
        // Enough to tell the two formats apart; then put back in front.
        let mut head = Vec::with_capacity(24);
        Read::by_ref(&mut input).take(24).read_to_end(&mut head).map_err(|error| error.to_string())?;
        let fault = Arc::new(Mutex::new(None));
        let (is_classic, is_sectioned) = (is_classic(&head), is_sectioned(&head));
        let input = Kept { inner: io::Cursor::new(head).chain(input), fault: Arc::clone(&fault) };
        let wrong = |error: PcapError<&[u8]>| format!("the head of the capture: {error}");
        let (reader, clock): (Box<dyn PcapReaderIterator + Send>, _) = if is_classic {
            let reader = LegacyPcapReader::new(WINDOW_BYTES, input).map_err(wrong)?;
            (Box::new(reader), Clock::Classic { link: link::ETHERNET, fraction_ns: 1_000 })
        } else if is_sectioned {
            let reader = PcapNGReader::new(WINDOW_BYTES, input).map_err(wrong)?;
            (Box::new(reader), Clock::Sections { interfaces: Vec::new(), latest_ns: 0, is_big: false })
        } else {
            return Err("neither pcap nor pcapng".to_owned());
        };
        Ok(Self { reader, fault, taken: 0, clock, frames: 0, idle_reads: 0 })
    }

    /// Frames met so far.
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// Takes one block and shows its datagram, if it holds one, to `visit`.
    pub fn step(&mut self, visit: &mut impl FnMut(&Datagram<'_>)) -> Step {
        loop {
            let taken = std::mem::take(&mut self.taken);
            if taken > 0 {
                self.reader.consume(taken);
            }
            let offset = self.reader.consumed() as u64;
            match self.reader.next() {
                Ok((size, block)) => {
                    self.idle_reads = 0;
                    self.taken = size;
                    if size == 0 {
                        return Step::End(broken(offset, "a block of no bytes".to_owned()));
                    }
                    return match self.clock.frame_of(&block) {
                        Ok(None) => Step::Other,
                        Err(fault) => Step::End(broken(offset, fault.to_owned())),
                        Ok(Some(frame)) => {
                            self.frames += 1;
                            Step::Frame(frame.datagram(offset).map(|datagram| visit(&datagram)))
                        }
                    };
                }
                Err(PcapError::Eof) => return Step::End(self.end_of(offset, None)),
                Err(PcapError::Incomplete(_)) => {}
                Err(PcapError::UnexpectedEof) => {
                    let rest = self.reader.data().len();
                    let fault = format!("the last frame is cut after {rest} bytes");
                    return Step::End(self.end_of(offset, Some(fault)));
                }
                Err(PcapError::BufferTooSmall) => {
                    let fault = format!("a frame of more than {WINDOW_BYTES} bytes");
                    return Step::End(self.end_of(offset, Some(fault)));
                }
                Err(error) => {
                    let fault = format!("no block of a capture: {error}");
                    return Step::End(self.end_of(offset, Some(fault)));
                }
            }
            let before = self.reader.data().len();
            let refilled = self.reader.refill().is_ok();
            if refilled && self.reader.data().len() > before {
                self.idle_reads = 0;
                continue;
            }
            self.idle_reads += 1;
            if !refilled || self.idle_reads > IDLE_READS_MAX {
                return Step::End(self.end_of(offset, Some("the file cannot be read on".to_owned())));
            }
        }
    }

    /// The end, broken by what reading failed with or else by `fault`.
    fn end_of(&self, offset: u64, fault: Option<String>) -> End {
        let read_fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        read_fault.or(fault).map_or(End::Complete, |fault| broken(offset, fault))
    }
}

fn broken(offset: u64, fault: String) -> End {
    End::Broken { place: format!("offset {offset}"), fault }
}

/// Counts a frame that gave no datagram; one of another protocol is no fault.
pub(crate) fn count_skip(skips: &mut crate::format::Skips, why: NoDatagram, frame: u64) {
    let (reason, first) = match why {
        NoDatagram::Other => (crate::format::Skips::FILTERED, "not UDP over IPv4"),
        NoDatagram::Fragment => ("fragment of a datagram", "a fragment of a datagram"),
        NoDatagram::Cut => ("frame cut short", "cut short"),
        NoDatagram::Link => ("link unknown", "an unknown kind of link"),
        NoDatagram::Time => ("time", "a time beyond the range"),
    };
    skips.count(reason, || format!("frame {frame}: {first}"));
}

impl Clock {
    /// The frame of a block, with its time.
    fn frame_of<'a>(
        &mut self,
        block: &'a PcapBlockOwned<'_>,
    ) -> Result<Option<frame::Frame<'a>>, &'static str> {
        match (self, block) {
            (Self::Classic { link, fraction_ns }, PcapBlockOwned::LegacyHeader(header)) => {
                *link = header.network.0;
                *fraction_ns = if header.is_nanosecond_precision() { 1 } else { 1_000 };
                Ok(None)
            }
            (Self::Classic { link, fraction_ns }, PcapBlockOwned::Legacy(packet)) => {
                let ts_ns = i64::from(packet.ts_sec) * SECOND_NS + i64::from(packet.ts_usec) * *fraction_ns;
                let is_cut = packet.caplen < packet.origlen;
                Ok(Some(frame::Frame { link: *link, ts_ns: Some(ts_ns), bytes: packet.data, is_cut }))
            }
            (Self::Sections { interfaces, latest_ns, is_big }, PcapBlockOwned::NG(block)) => match block {
                Block::SectionHeader(section) => {
                    *is_big = section.big_endian();
                    interfaces.clear();
                    Ok(None)
                }
                Block::InterfaceDescription(described) => {
                    // The crate reads the offset as little-endian in sections of either order.
                    let offset = described.ts_offset();
                    interfaces.push(Interface {
                        link: described.linktype.0,
                        snap_bytes: described.snaplen,
                        units_per_second: described.ts_resolution().unwrap_or(0).max(1),
                        offset_seconds: if *is_big { offset.swap_bytes() } else { offset },
                    });
                    Ok(None)
                }
                Block::EnhancedPacket(packet) => {
                    let place = packet.if_id as usize;
                    let interface =
                        interfaces.get(place).ok_or("a frame of an interface that was not described")?;
                    let bytes =
                        packet.data.get(..packet.caplen as usize).ok_or("a frame longer than its block")?;
                    let units = (u64::from(packet.ts_high) << 32) | u64::from(packet.ts_low);
                    let ts_ns = interface.nanos(units);
                    *latest_ns = ts_ns.unwrap_or(*latest_ns);
                    let is_cut = packet.caplen < packet.origlen;
                    Ok(Some(frame::Frame { link: interface.link, ts_ns, bytes, is_cut }))
                }
                Block::SimplePacket(packet) => {
                    let interface = interfaces.first().ok_or("a frame before any interface was described")?;
                    let limit = if interface.snap_bytes == 0 { u32::MAX } else { interface.snap_bytes };
                    let length = packet.origlen.min(limit);
                    let bytes = packet.data.get(..length as usize).ok_or("a frame longer than its block")?;
                    // Such a block has no time; the frame came no earlier than the one before.
                    let is_cut = length < packet.origlen;
                    Ok(Some(frame::Frame { link: interface.link, ts_ns: Some(*latest_ns), bytes, is_cut }))
                }
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }
}

impl Interface {
    /// Nanoseconds since the epoch of a number of units.
    fn nanos(&self, units: u64) -> Option<i64> {
        let (seconds, rest) = (units / self.units_per_second, units % self.units_per_second);
        let fraction = u128::from(rest) * 1_000_000_000 / u128::from(self.units_per_second);
        let seconds = i64::try_from(seconds).ok()?.checked_add(self.offset_seconds)?;
        seconds.checked_mul(SECOND_NS)?.checked_add(i64::try_from(fraction).ok()?)
    }
}

/// Fills what it is asked to fill, since the reader judges the head by its first read, and keeps what reading failed
/// with.
struct Kept<R> {
    inner: R,
    fault: Arc<Mutex<Option<String>>>,
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.inner.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What came before is good; the fault is told at the end of it.
                Err(error) => {
                    *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                    break;
                }
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests;
