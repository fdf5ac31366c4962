//! From a captured frame to the payload of its datagram.
//!
//! Sources: IEEE 802.3 and 802.1Q for Ethernet and tags, RFC 791 for IPv4, RFC 768 for UDP.

use super::link;

/// A captured frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub link: i32,
    /// `None` where it leaves the range of 64 bits.
    pub ts_ns: Option<i64>,
    pub bytes: &'a [u8],
    pub is_cut: bool,
}

/// A UDP datagram of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// When it was captured, nanoseconds since the Unix epoch by the capture's clock.
    pub ts_ns: i64,
    /// Where it went to: IPv4 address and port; two lines of one feed differ in it.
    pub target: ([u8; 4], u16),
    /// What it carried.
    pub payload: &'a [u8],
    /// Where its frame begins in the capture, decompressed.
    pub offset: u64,
}

/// Why a frame gives no datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDatagram {
    /// Another protocol: no fault.
    #[error("not UDP over IPv4")]
    Other,
    /// One part of a datagram.
    #[error("a fragment of a datagram")]
    Fragment,
    /// The capture kept only its beginning, or its lengths contradict each other.
    #[error("a frame cut short")]
    Cut,
    /// Frames of this kind of link are not read.
    #[error("an unknown kind of link")]
    Link,
    /// Captured at no time that one could state.
    #[error("a time beyond the range")]
    Time,
}

const IPV4: u16 = 0x0800;
const UDP: u8 = 17;
/// Types of Ethernet frames that are tags, four bytes before the true type.
const TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// Tags one frame may have.
const TAGS_MAX: usize = 4;

impl<'a> Frame<'a> {
    /// The datagram inside.
    pub(super) fn datagram(&self, offset: u64) -> Result<Datagram<'a>, NoDatagram> {
        let packet = self.packet()?;
        let (header_bytes, total_bytes) = match packet {
            [first, _, a, b, ..] if first >> 4 == 4 => {
                (usize::from(first & 15) * 4, usize::from(u16::from_be_bytes([*a, *b])))
            }
            [] => return Err(NoDatagram::Cut),
            _ => return Err(NoDatagram::Other),
        };
        let header = packet.get(..header_bytes).and_then(<[u8]>::first_chunk::<20>).ok_or(NoDatagram::Cut)?;
        if header[9] != UDP {
            return Err(NoDatagram::Other);
        }
        // More fragments, or a place other than the first; the bit above tells not to fragment.
        if u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0 {
            return Err(NoDatagram::Fragment);
        }
        // Short frames are padded: the packet's own length counts. Zero is written where hardware split a large one.
        let packet =
            if total_bytes == 0 { packet } else { packet.get(..total_bytes).ok_or(NoDatagram::Cut)? };
        let body = packet.get(header_bytes..).ok_or(NoDatagram::Cut)?;
        let [_, _, port0, port1, length0, length1, _, _, ..] = body else { return Err(NoDatagram::Cut) };
        let length = usize::from(u16::from_be_bytes([*length0, *length1]));
        let payload = body.get(8..length).ok_or(NoDatagram::Cut)?;
        let target = [header[16], header[17], header[18], header[19]];
        let port = u16::from_be_bytes([*port0, *port1]);
        let ts_ns = self.ts_ns.ok_or(NoDatagram::Time)?;
        Ok(Datagram { ts_ns, target: (target, port), payload, offset })
    }

    /// The IP packet inside.
    fn packet(&self) -> Result<&'a [u8], NoDatagram> {
        let short = if self.is_cut || self.bytes.is_empty() { NoDatagram::Cut } else { NoDatagram::Other };
        let (mut kind_at, first_at) = match self.link {
            link::ETHERNET => (12, 14),
            link::LINUX_COOKED => (14, 16),
            link::LINUX_COOKED_2 => (0, 20),
            link::RAW | link::IPV4 => return Ok(self.bytes),
            _ => return Err(NoDatagram::Link),
        };
        let behind = first_at - kind_at;
        for _ in 0..=TAGS_MAX {
            let kind = self.bytes.get(kind_at..).and_then(<[u8]>::first_chunk::<2>).ok_or(short)?;
            match u16::from_be_bytes(*kind) {
                IPV4 => return self.bytes.get(kind_at + behind..).ok_or(NoDatagram::Cut),
                kind if TAGS.contains(&kind) && self.link == link::ETHERNET => kind_at += 4,
                _ => return Err(NoDatagram::Other),
            }
        }
        Err(NoDatagram::Other)
    }
}
