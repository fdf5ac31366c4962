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

/// Whether [`decode_frame`] will take the message of known type and length whose length prefix is at `start`,
/// which is at most 65, as far as its fields go.
#[inline(always)]
pub(crate) fn is_sound(letter: u8, frame: &[u8; FRAME], start: usize) -> bool {
    let start = start & 127;
    let located = start + 4 < FRAME && frame[start + 3] | frame[start + 4] != 0;
    let shape = Shape::of_letter(letter);
    if shape.is_other() {
        return is_other_sound(letter, frame, start) && (located || !needs_instrument(letter));
    }
    let Some(first) = frame.get(start..).and_then(<[u8]>::first_chunk::<JUDGED>) else { return false };
    located && shape.judge(first).is_some()
}

#[inline(never)]
fn is_other_sound(letter: u8, frame: &[u8; FRAME], start: usize) -> bool {
    let byte = |offset: usize| frame.get(start + offset).copied().unwrap_or(0);
    match letter {
        b'S' => venue_phase(byte(13)).is_some(),
        b'H' => action_phase(byte(21)).is_some(),
        b'h' => byte(21) != HOME_MARKET || matches!(byte(22), b'H' | b'T'),
        _ => true,
    }
}

/// First bytes of a frame, among them all that can be impossible in a message with a [`Shape`].
const JUDGED: usize = 35;

/// Where a type that makes or changes orders, or trades, keeps its fields; offsets count from the length prefix.
///
/// The order's number is at 13 in all of them. One straight path reads them all, so the order of types in the feed
/// costs no mispredicted branch and a field that a type has not is read and multiplied or masked away.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(crate) struct Shape {
    /// What `other_ref` keeps of the eight bytes at `other_at`: all or nothing.
    other_mask: u64,
    /// Kind, version and source, as the first four bytes of a header; 0 for a type of another shape.
    front: u32,
    /// What `qty` keeps of the four bytes at `qty_at`: all or nothing.
    qty_mask: u32,
    /// Nano-units in one of the four bytes' units at `price_at`; 0 without a price.
    price_scale: u32,
    /// Side (to be told), code and type, as the last four bytes of a record.
    codes: u32,
    /// The least quantity that makes sense.
    qty_min: u8,
    other_at: u8,
    qty_at: u8,
    price_at: u8,
    /// Of the side's letter, or of the type's own where it has none: see [`SIDES`].
    side_at: u8,
    /// The largest side code that makes sense.
    side_max: u8,
    /// [`Flags::NOT_PRINTABLE`] where the byte at [`PRINTABLE_AT`] can say so.
    hides: u8,
}
const _: () = assert!(size_of::<Shape>() == 32);

/// Of `C`: the letter `N` keeps the print out of the volume.
const PRINTABLE_AT: usize = 33;

impl Shape {
    #[inline(always)]
    pub(crate) fn of_letter(letter: u8) -> &'static Self {
        &SHAPES[usize::from(letter)]
    }

    /// Whether messages of the type are decoded one type at a time.
    #[inline(always)]
    pub(crate) const fn is_other(&self) -> bool {
        self.front == 0
    }

    /// Side code and quantity, unless one of them cannot be.
    #[inline(always)]
    fn judge(&self, first: &[u8; JUDGED]) -> Option<(u8, u32)> {
        // The mask shows the compiler that the reads are in bounds.
        let at = |offset: u8| usize::from(offset & 31);
        let qty = be!(u32, first, at(self.qty_at)) & self.qty_mask;
        let side = SIDES[usize::from(first[at(self.side_at)])];
        (side <= self.side_max && qty >= u32::from(self.qty_min)).then_some((side, qty))
    }

    const OTHER: Self = Self {
        other_mask: 0,
        front: 0,
        qty_mask: 0,
        price_scale: 0,
        codes: 0,
        qty_min: 0,
        other_at: 0,
        qty_at: 0,
        price_at: 0,
        side_at: 2,
        side_max: NO_SIDE,
        hides: 0,
    };

    const fn of(kind: Kind, letter: u8) -> Self {
        let source = placed(tickrace_types::event::source::MARKET, 3);
        let front = placed(kind as u8, 0) | placed(tickrace_types::event::VERSION, 1) | source;
        Self { front, codes: placed(letter, 2), ..Self::OTHER }
    }

    const fn side(self) -> Self {
        Self { side_at: 21, side_max: 1, ..self }
    }

    const fn qty(self, at: u8) -> Self {
        Self { qty_at: at, qty_mask: u32::MAX, qty_min: 1, ..self }
    }

    const fn price(self, at: u8) -> Self {
        Self { price_at: at, price_scale: NANOS_OF_E4, ..self }
    }

    const fn other(self, at: u8) -> Self {
        Self { other_at: at, other_mask: u64::MAX, ..self }
    }
}

/// Nano-units in the fourth decimal, in which the feed tells prices.
const NANOS_OF_E4: u32 = 100_000;
const _: () = assert!(Price::from_e4(1).0 == NANOS_OF_E4 as i64);

/// Shape by type byte.
static SHAPES: [Shape; 256] = {
    let mut shapes = [Shape::OTHER; 256];
    let add = Shape::of(Kind::Add, b'A').side().qty(22).price(34);
    shapes[b'A' as usize] = add;
    shapes[b'F' as usize] = Shape { codes: placed(b'F', 2), ..add };
    let execute = Shape::of(Kind::Execute, b'E').qty(21).other(25);
    shapes[b'E' as usize] = execute;
    let codes = placed(MarketRecord::WITH_PRICE, 1) | placed(b'C', 2);
    shapes[b'C' as usize] = Shape { codes, hides: Flags::NOT_PRINTABLE, ..execute.price(34) };
    shapes[b'X' as usize] = Shape::of(Kind::Cancel, b'X').qty(21);
    shapes[b'D' as usize] = Shape::of(Kind::Delete, b'D');
    shapes[b'U' as usize] = Shape::of(Kind::Replace, b'U').other(21).qty(29).price(33);
    shapes[b'P' as usize] = Shape::of(Kind::Trade, b'P').side().qty(22).price(34).other(38);
    shapes
};

/// Side by letter: `B`, `S`, none for the letters of types without a side, and what cannot be.
static SIDES: [u8; 256] = {
    let mut sides = [3; 256];
    sides[b'B' as usize] = 0;
    sides[b'S' as usize] = 1;
    let (sideless, mut place) = (b"ECXDU", 0);
    while place < sideless.len() {
        sides[sideless[place] as usize] = NO_SIDE;
        place += 1;
    }
    sides
};

/// Decodes the message after the length prefix of `frame`, whose type and length were tested. False where a
/// field cannot be; `out` is then as it was.
#[inline]
pub(crate) fn decode_frame(frame: &[u8; FRAME], stamp: &Stamp, out: &mut Record) -> bool {
    let shape = Shape::of_letter(frame[2]);
    if shape.is_other() { decode_other(frame, stamp, out) } else { decode_shaped(shape, frame, stamp, out) }
}

/// [`decode_frame`] of a type that has a shape of its own.
#[inline(always)]
pub(crate) fn decode_shaped(shape: &Shape, frame: &[u8; FRAME], stamp: &Stamp, out: &mut Record) -> bool {
    let Some((side, qty)) = frame.first_chunk().and_then(|first| shape.judge(first)) else { return false };
    let at = |offset: u8| usize::from(offset & 63);
    let price = u64::from(be!(u32, frame, at(shape.price_at))) * u64::from(shape.price_scale);
    let hidden = shape.hides & u8::from(frame[PRINTABLE_AT] == b'N').wrapping_neg();
    let ts_venue_ns = ts_venue_ns(frame, stamp);
    let ts_recv_ns = ts_venue_ns.wrapping_add(stamp.feed_latency_ns);
    let flags = placed(stamp.flags | hidden, 2);
    let codes = shape.codes | placed(side, 0);
    // Whole words, so that a reader of the record finds each of its words in one store: bytes stored one by one
    // and read as a word wait for the cache (6 ns a message in `book/parse`).
    let header = [
        pair(shape.front | flags, stamp.instrument.0),
        stamp.seq,
        ts_venue_ns.cast_unsigned(),
        ts_recv_ns.cast_unsigned(),
    ];
    let other_ref = be!(u64, frame, at(shape.other_at)) & shape.other_mask;
    *out = Record {
        header: zerocopy::transmute!(header),
        body: [be!(u64, frame, 13), other_ref, price, pair(qty, codes)],
    };
    true
}

/// A byte of a word of four, at `place` in memory.
#[inline(always)]
const fn placed(byte: u8, place: u32) -> u32 {
    (byte as u32) << (8 * if cfg!(target_endian = "little") { place } else { 3 - place })
}

/// A word of two halves, `first` before `second` in memory.
#[inline(always)]
fn pair(first: u32, second: u32) -> u64 {
    let (low, high) = if cfg!(target_endian = "little") { (first, second) } else { (second, first) };
    u64::from(low) | (u64::from(high) << 32)
}

#[inline(always)]
fn ts_venue_ns(frame: &[u8; FRAME], stamp: &Stamp) -> i64 {
    // Two bytes of tracking number before the timestamp are shifted out.
    let ts_session_ns = be!(u64, frame, 5) & 0xffff_ffff_ffff;
    stamp.session_midnight_ns.wrapping_add(ts_session_ns.cast_signed())
}

/// The types without a [`Shape`]: none of them touches an order.
#[inline(never)]
fn decode_other(frame: &[u8; FRAME], stamp: &Stamp, out: &mut Record) -> bool {
    let letter = frame[2];
    let ts_venue_ns = ts_venue_ns(frame, stamp);
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
