//! From a message to a record: which field of which message goes where.
//!
//! | message | kind | what the record holds beside its header |
//! |---|---|---|
//! | `A` `F` | Add | `order_ref side qty price` |
//! | `E` | Execute | `order_ref qty`, `other_ref` the match |
//! | `C` | Execute | the same with `price` and [`MarketRecord::WITH_PRICE`]; `printable = N` sets [`Flags::NOT_PRINTABLE`] |
//! | `X` | Cancel | `order_ref qty` |
//! | `D` | Delete | `order_ref` |
//! | `U` | Replace | `order_ref` the old, `other_ref` the new, `qty price` |
//! | `P` | Trade | `qty price side`, `other_ref` the match, `order_ref` as sent (0) |
//! | `Q` | Cross | `order_ref` the shares, `price`, `other_ref` the match, `code` the cross type |
//! | `B` | Broken | `other_ref` the match |
//! | `I` | Imbalance | `order_ref` paired, `other_ref` imbalance, `price` the reference, `side`, `code` the cross type |
//! | `R` | Symbol | symbol, locate, round lot, test, short-sale code |
//! | `S` | Status of the venue | `O S` pre-open, `Q` continuous, `M E C` closed |
//! | `H` | Status of the instrument | `H P` halted, `Q` auction, `T` continuous |
//! | `h` | Status of the instrument | where the market is Nasdaq: `H` halted, `T` continuous; else Notice |
//! | `Y W N` | Notice | `order_ref` the action, level or interest flag |
//! | `L` | Notice | `order_ref` the MPID's four bytes, big-endian |
//! | `V` | Notice | `order_ref other_ref price` the three levels, nano-units |
//! | `K` | Notice | `order_ref` the qualifier, `other_ref` seconds since midnight, `price` |
//! | `J` | Notice | `price` the reference, `order_ref` lower and `other_ref` upper collar in nano-units, `qty` extensions |
//! | `O` | Notice | `price` near price, `order_ref` lowest and `other_ref` highest price in nano-units |
//!
//! An instrument in continuous state before the market's open is not yet trading in market hours: whoever keeps
//! phases combines the venue's and the instrument's. Side is none (2) where the message does not tell it.

use tickrace_types::{Flags, Header, InstrumentId, Kind, MarketRecord, Phase, Price, Record, SymbolRecord};

use super::frame::{FRAME, be, padded};
use super::message::LENGTHS;

/// What a record has that its message has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Message number, from 1.
    pub seq: u64,
    /// Instrument of the message's locate.
    pub instrument: InstrumentId,
    /// Midnight of the session, nanoseconds since the Unix epoch.
    pub session_midnight_ns: i64,
    /// Receive time minus venue time, nanoseconds.
    pub feed_latency_ns: i64,
    /// [`Flags`] bits.
    pub flags: u8,
}

/// Why a message gives no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No such type.
    #[error("unknown message type")]
    UnknownType,
    /// Not the type's length.
    #[error("wrong length for the message type")]
    Length,
    /// A field that cannot be.
    #[error("impossible field")]
    Field,
}

/// Decodes one message (without its length prefix).
///
/// # Errors
///
/// [`Fault`]; `out` is then as it was.
pub fn decode(message: &[u8], stamp: &Stamp, out: &mut Record) -> Result<(), Fault> {
    let length = message.first().map_or(0, |letter| usize::from(LENGTHS[usize::from(*letter)]));
    if length == 0 {
        return Err(Fault::UnknownType);
    }
    if length != message.len() {
        return Err(Fault::Length);
    }
    let mut framed = [0; FRAME];
    framed[2..].copy_from_slice(&padded(message)[..FRAME - 2]);
    if decode_frame(&framed, stamp, out) { Ok(()) } else { Err(Fault::Field) }
}

/// No side.
const NO_SIDE: u8 = 2;

/// Code of a `B` or `S`; nothing else is a side.
#[inline(always)]
const fn side_code(letter: u8) -> Option<u8> {
    match letter {
        b'B' => Some(0),
        b'S' => Some(1),
        _ => None,
    }
}

/// Phase of a system event.
const fn venue_phase(event: u8) -> Option<Phase> {
    Some(match event {
        b'O' | b'S' => Phase::PreOpen,
        b'Q' => Phase::Continuous,
        b'M' | b'E' | b'C' => Phase::Closed,
        _ => return None,
    })
}

/// Phase of a trading action.
const fn action_phase(state: u8) -> Option<Phase> {
    Some(match state {
        b'H' | b'P' => Phase::Halted,
        b'Q' => Phase::Auction,
        b'T' => Phase::Continuous,
        _ => return None,
    })
}

/// The market whose operational halts concern this feed's book.
const HOME_MARKET: u8 = b'Q';

/// Whether a message of this type means nothing without an instrument.
pub(crate) const fn needs_instrument(letter: u8) -> bool {
    matches!(letter, b'A' | b'F' | b'E' | b'C' | b'X' | b'D' | b'U' | b'P' | b'Q' | b'I' | b'R' | b'H' | b'h')
}

/// Whether [`decode_frame`] will take the message of known type and length that starts at `at`, which is at most
/// 67, as far as its fields go.
#[inline]
pub(crate) fn is_sound(letter: u8, frame: &[u8; FRAME], at: usize) -> bool {
    let at = at & 127;
    let byte = |offset: usize| frame.get(at + offset).copied().unwrap_or(0);
    let any = |offset: usize| byte(offset) | byte(offset + 1) | byte(offset + 2) | byte(offset + 3) != 0;
    let located = byte(1) | byte(2) != 0 || !needs_instrument(letter);
    located
        && match letter {
            b'A' | b'F' | b'P' => side_code(byte(19)).is_some() && any(20),
            b'E' | b'C' | b'X' => any(19),
            b'U' => any(27),
            b'S' => venue_phase(byte(11)).is_some(),
            b'H' => action_phase(byte(19)).is_some(),
            b'h' => byte(19) != HOME_MARKET || matches!(byte(20), b'H' | b'T'),
            _ => true,
        }
}

/// Decodes the message after the length prefix of `frame`, whose type and length were tested. False where a
/// field cannot be; `out` is then as it was.
#[inline(always)]
pub(crate) fn decode_frame(frame: &[u8; FRAME], stamp: &Stamp, out: &mut Record) -> bool {
    let letter = frame[2];
    // Two bytes of tracking number before the timestamp are shifted out.
    let ts_session_ns = be!(u64, frame, 5) & 0xffff_ffff_ffff;
    let ts_venue_ns = stamp.session_midnight_ns.wrapping_add(ts_session_ns.cast_signed());
    let mut market = MarketRecord {
        header: Header {
            kind: Kind::None as u8,
            version: tickrace_types::event::VERSION,
            flags: stamp.flags,
            source: tickrace_types::event::source::MARKET,
            instrument: stamp.instrument.0,
            seq: stamp.seq,
            ts_venue_ns,
            ts_recv_ns: ts_venue_ns.wrapping_add(stamp.feed_latency_ns),
        },
        side: NO_SIDE,
        venue_type: letter,
        ..MarketRecord::default()
    };
    let price = |at: u32| Price::from_e4(at).0;
    let kind = match letter {
        b'A' | b'F' => {
            let Some(side) = side_code(frame[21]) else { return false };
            market.order_ref = be!(u64, frame, 13);
            market.side = side;
            market.qty = be!(u32, frame, 22);
            market.price = price(be!(u32, frame, 34));
            if market.qty == 0 {
                return false;
            }
            Kind::Add
        }
        b'D' => {
            market.order_ref = be!(u64, frame, 13);
            Kind::Delete
        }
        b'U' => {
            market.order_ref = be!(u64, frame, 13);
            market.other_ref = be!(u64, frame, 21);
            market.qty = be!(u32, frame, 29);
            market.price = price(be!(u32, frame, 33));
            if market.qty == 0 {
                return false;
            }
            Kind::Replace
        }
        b'E' => {
            market.order_ref = be!(u64, frame, 13);
            market.qty = be!(u32, frame, 21);
            market.other_ref = be!(u64, frame, 25);
            if market.qty == 0 {
                return false;
            }
            Kind::Execute
        }
        b'X' => {
            market.order_ref = be!(u64, frame, 13);
            market.qty = be!(u32, frame, 21);
            if market.qty == 0 {
                return false;
            }
            Kind::Cancel
        }
        b'P' => {
            let Some(side) = side_code(frame[21]) else { return false };
            market.order_ref = be!(u64, frame, 13);
            market.side = side;
            market.qty = be!(u32, frame, 22);
            market.price = price(be!(u32, frame, 34));
            market.other_ref = be!(u64, frame, 38);
            if market.qty == 0 {
                return false;
            }
            Kind::Trade
        }
        b'C' => {
            market.order_ref = be!(u64, frame, 13);
            market.qty = be!(u32, frame, 21);
            market.other_ref = be!(u64, frame, 25);
            market.price = price(be!(u32, frame, 34));
            market.code = MarketRecord::WITH_PRICE;
            if frame[33] == b'N' {
                market.header.flags |= Flags::NOT_PRINTABLE;
            }
            if market.qty == 0 {
                return false;
            }
            Kind::Execute
        }
        _ => return decode_rare(frame, market, out),
    };
    market.header.kind = kind as u8;
    *out = zerocopy::transmute!(market);
    true
}

/// The types that do not touch the book. `market` has its header and letter.
#[inline(never)]
fn decode_rare(frame: &[u8; FRAME], mut market: MarketRecord, out: &mut Record) -> bool {
    let letter = market.venue_type;
    let price = |at: u32| Price::from_e4(at).0;
    let unsigned = |at: u32| u64::from(at) * 100_000;
    market.code = letter;
    let kind = match letter {
        b'R' => return decode_directory(frame, &market, out),
        b'S' => {
            let Some(phase) = venue_phase(frame[13]) else { return false };
            market.header.instrument = InstrumentId::NONE.0;
            market.code = phase as u8;
            Kind::Status
        }
        b'H' => {
            let Some(phase) = action_phase(frame[21]) else { return false };
            market.code = phase as u8;
            Kind::Status
        }
        b'h' if frame[21] == HOME_MARKET => {
            market.code = match frame[22] {
                b'H' => Phase::Halted as u8,
                b'T' => Phase::Continuous as u8,
                _ => return false,
            };
            Kind::Status
        }
        b'Q' => {
            market.order_ref = be!(u64, frame, 13);
            market.price = price(be!(u32, frame, 29));
            market.other_ref = be!(u64, frame, 33);
            market.code = frame[41];
            Kind::Cross
        }
        b'B' => {
            market.other_ref = be!(u64, frame, 13);
            market.code = 0;
            Kind::Broken
        }
        b'I' => {
            market.order_ref = be!(u64, frame, 13);
            market.other_ref = be!(u64, frame, 21);
            market.side = side_code(frame[29]).unwrap_or(NO_SIDE);
            market.price = price(be!(u32, frame, 46));
            market.code = frame[50];
            Kind::Imbalance
        }
        b'Y' | b'N' => {
            market.order_ref = u64::from(frame[21]);
            Kind::Notice
        }
        b'W' => {
            market.order_ref = u64::from(frame[13]);
            Kind::Notice
        }
        b'L' => {
            market.order_ref = u64::from(be!(u32, frame, 13));
            Kind::Notice
        }
        b'V' => {
            // Eight decimals to nine; a level beyond the range is no level one could reach.
            market.order_ref = be!(u64, frame, 13).saturating_mul(10);
            market.other_ref = be!(u64, frame, 21).saturating_mul(10);
            market.price = i64::try_from(be!(u64, frame, 29).saturating_mul(10)).unwrap_or(i64::MAX);
            Kind::Notice
        }
        b'K' => {
            market.order_ref = u64::from(frame[25]);
            market.other_ref = u64::from(be!(u32, frame, 21));
            market.price = price(be!(u32, frame, 26));
            Kind::Notice
        }
        b'J' => {
            market.price = price(be!(u32, frame, 21));
            market.other_ref = unsigned(be!(u32, frame, 25));
            market.order_ref = unsigned(be!(u32, frame, 29));
            market.qty = be!(u32, frame, 33);
            Kind::Notice
        }
        b'O' => {
            market.order_ref = unsigned(be!(u32, frame, 22));
            market.other_ref = unsigned(be!(u32, frame, 26));
            market.price = price(be!(u32, frame, 30));
            Kind::Notice
        }
        _ => Kind::Notice,
    };
    market.header.kind = kind as u8;
    *out = zerocopy::transmute!(market);
    true
}

/// A directory message.
fn decode_directory(frame: &[u8; FRAME], market: &MarketRecord, out: &mut Record) -> bool {
    let mut record = SymbolRecord {
        header: market.header,
        locate: u32::from(be!(u16, frame, 3)),
        round_lot: be!(u32, frame, 23),
        test: u8::from(frame[31] == b'T'),
        short_sale: frame[32],
        venue_type: frame[2],
        ..SymbolRecord::default()
    };
    record.header.kind = Kind::Symbol as u8;
    let padded = &frame[13..21];
    let end = padded.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1);
    record.symbol[..end].copy_from_slice(&padded[..end]);
    *out = zerocopy::transmute!(record);
    true
}
