//! Messages of TOPS 1.6 and DEEP 1.0 as records.
//!
//! | message | bytes | records |
//! | --- | --- | --- |
//! | `8` `5` price level of buyers, of sellers (DEEP) | 30 | `Level`; ends its event where flag 0x1 says so |
//! | `Q` quote (TOPS) | 42 | `Quote` |
//! | `T` trade report | 38 | `Print`, `code` the sale conditions |
//! | `B` trade broken | 38 | `Broken` |
//! | `A` auction information | 80 | `Imbalance` |
//! | `X` official price | 26 | `Notice`: `price`, `code` the message, `order_ref` the price's letter |
//! | `S` system event | 10 | `Status` of the venue |
//! | `H` trading status, `O` operational halt | 22, 18 | `Status`: halted while either of them says so |
//! | `P` short-sale test | 19 | `Notice`: `order_ref` whether it is in effect |
//! | `E` security event | 18 | `Notice`: `order_ref` the event's letter |
//! | `D` security directory | 31 | `Symbol` |
//!
//! A trade belongs to the event of what follows for the same instrument at the same time; every other message that is no
//! level is an event of its own. A quantity or price of an impossible size skips the message.
//!
//! Sources: "IEX TOPS Specification" 1.6 and "IEX DEEP Specification" 1.0x; all numbers little-endian, prices of four
//! decimals, times in nanoseconds since the Unix epoch.

use rustc_hash::FxHashMap;
use tickrace_types::{Instrument, InstrumentId, Kind, MarketRecord, Phase, Record, SymbolRecord};

use super::segment::{Segment, take};
use crate::format::{Account, Options, Skips};
use crate::stamp::{Event, NO_SIDE, Stamp};

/// Nano-units in a price's fourth decimal.
const NANOS_OF_E4: i64 = 100_000;
/// Nobody asked for the instrument.
const ABSENT: u32 = u32::MAX - 1;
/// Event flag of a price level: what happened is told whole.
const EVENT_COMPLETE: u8 = 1;
/// Bytes of each message type, 0 where there is none.
const LENGTHS: [u8; 256] = {
    let mut lengths = [0; 256];
    let table = [
        (b'S', 10),
        (b'D', 31),
        (b'H', 22),
        (b'O', 18),
        (b'P', 19),
        (b'E', 18),
        (b'8', 30),
        (b'5', 30),
        (b'T', 38),
        (b'X', 26),
        (b'B', 38),
        (b'A', 80),
        (b'Q', 42),
    ];
    let mut place = 0;
    while place < table.len() {
        lengths[table[place].0 as usize] = table[place].1;
        place += 1;
    }
    lengths
};

/// Why a message gives no record.
type Refused = &'static str;

/// What is known of an instrument's phase.
#[derive(Clone, Copy, Debug)]
struct State {
    trading: Phase,
    is_halted: bool,
}

/// Everything between the feed's messages and records.
pub(super) struct IexMessages {
    options: Options,
    by_symbol: FxHashMap<u64, u32>,
    states: Vec<State>,
    counts: [u64; 256],
    latest_venue_ns: i64,
    /// Instrument and time of the open event.
    open: (u32, i64),
    pub event: Event,
    pub account: Account,
}

impl IexMessages {
    pub(super) fn new(options: &Options) -> Self {
        let mut messages = Self {
            options: options.clone(),
            by_symbol: FxHashMap::default(),
            states: Vec::new(),
            counts: [0; 256],
            latest_venue_ns: 0,
            open: (u32::MAX, 0),
            event: Event::default(),
            account: Account::default(),
        };
        for symbol in &options.symbols {
            let mut padded = [b' '; 8];
            // A longer symbol cannot occur in the feed; its number stays taken.
            if let Some(front) = padded.get_mut(..symbol.len()) {
                front.copy_from_slice(symbol.as_bytes());
                let index = u32::try_from(messages.states.len()).unwrap_or(ABSENT);
                messages.by_symbol.insert(u64::from_le_bytes(padded), index);
            }
            messages.enrol(symbol);
        }
        messages
    }

    fn enrol(&mut self, symbol: &str) {
        let instrument = self.options.stated(symbol).cloned();
        self.account.instruments.push(instrument.unwrap_or_else(|| Instrument::us_equity(symbol)));
        self.states.push(State { trading: Phase::Unknown, is_halted: false });
    }

    /// Messages by letter.
    pub(super) fn by_type(&self) -> Vec<(String, u64)> {
        let counts = (0..=u8::MAX).zip(self.counts).filter(|(_, count)| *count > 0);
        counts.map(|(letter, count)| (char::from(letter).to_string(), count)).collect()
    }

    /// Ends the event that is open.
    pub(super) fn close(&mut self, batch: &mut Vec<Record>) {
        if self.event.is_open(batch.len()) {
            let (instrument, ts_ns) = self.open;
            let stamp = Stamp {
                instrument,
                seq: self.account.messages,
                ts_venue_ns: ts_ns,
                ts_recv_ns: batch.last().map_or(ts_ns, |last| last.header.ts_recv_ns),
                ..Stamp::default()
            };
            self.event.end(batch, &stamp);
        }
    }

    /// Messages that did not come.
    pub(super) fn gap(
        &mut self,
        first: u64,
        count: u64,
        segment: &Segment<'_>,
        ts_recv_ns: i64,
        batch: &mut Vec<Record>,
    ) {
        self.close(batch);
        self.account.gaps.push((first, count));
        let stamp = Stamp {
            instrument: InstrumentId::NONE.0,
            seq: first,
            ts_venue_ns: self.latest_venue_ns.max(segment.ts_sent_ns.min(ts_recv_ns)),
            ts_recv_ns,
            ..Stamp::default()
        };
        let gap = MarketRecord { order_ref: first, other_ref: count, ..stamp.market(Kind::Gap) };
        batch.push(*gap.as_record());
        self.event.end(batch, &stamp);
    }

    /// Appends what one message says.
    pub(super) fn on(&mut self, seq: u64, ts_recv_ns: i64, message: &[u8], batch: &mut Vec<Record>) {
        self.account.messages += 1;
        if let Err(reason) = self.message(seq, ts_recv_ns, message, batch) {
            let letter = char::from(message.first().copied().unwrap_or(b'?'));
            self.account.skips.count(reason, || format!("message {seq} ({letter:?}): {reason}"));
        }
    }

    #[inline]
    fn message(
        &mut self,
        seq: u64,
        ts_recv_ns: i64,
        message: &[u8],
        batch: &mut Vec<Record>,
    ) -> Result<(), Refused> {
        let [letter, code, rest @ ..] = message else { return Err("message cut short") };
        match LENGTHS[usize::from(*letter)] {
            0 => return Err("unknown message type"),
            length if usize::from(length) != message.len() => return Err("wrong length"),
            _ => self.counts[usize::from(*letter)] += 1,
        }
        let mut rest = rest;
        let ts_venue_ns = i64::from_le_bytes(take(&mut rest).ok_or("wrong length")?);
        let mut stamp = Stamp {
            instrument: InstrumentId::NONE.0,
            seq,
            ts_venue_ns,
            ts_recv_ns,
            flags: 0,
            letter: *letter,
        };
        if *letter != b'S' {
            stamp.instrument = self.instrument(take(&mut rest).ok_or("wrong length")?)?;
        }
        self.latest_venue_ns = ts_venue_ns;
        if self.open != (stamp.instrument, ts_venue_ns) {
            self.close(batch);
            self.open = (stamp.instrument, ts_venue_ns);
        }
        let goes_on = match letter {
            b'8' | b'5' => {
                level(&stamp, rest, batch)?;
                code & EVENT_COMPLETE == 0
            }
            b'T' => {
                trade(&stamp, *code, rest, batch)?;
                true
            }
            _ => {
                self.rare(&stamp, *code, rest, batch)?;
                false
            }
        };
        if !goes_on {
            self.event.end(batch, &stamp);
        }
        Ok(())
    }

    /// Everything but levels and trades.
    #[inline(never)]
    fn rare(
        &mut self,
        stamp: &Stamp,
        code: u8,
        mut rest: &[u8],
        batch: &mut Vec<Record>,
    ) -> Result<(), Refused> {
        let cut = "wrong length";
        let record = match stamp.letter {
            b'Q' => {
                let bid_qty = u32::from_le_bytes(take(&mut rest).ok_or(cut)?);
                let bid_px = price(take(&mut rest))?;
                let ask_px = price(take(&mut rest))?;
                let ask_qty = u32::from_le_bytes(take(&mut rest).ok_or(cut)?);
                let mut quote = stamp.quote((bid_px, bid_qty, 0), (ask_px, ask_qty, 0));
                quote.code = code;
                batch.push(*quote.as_record());
                return Ok(());
            }
            b'D' => {
                batch.push(*self.directory(stamp, code, rest)?.as_record());
                return Ok(());
            }
            b'B' => {
                let qty = u32::from_le_bytes(take(&mut rest).ok_or(cut)?);
                let price = price(take(&mut rest))?;
                let other_ref = u64::from_le_bytes(take(&mut rest).ok_or(cut)?);
                MarketRecord { qty, price, other_ref, ..stamp.market(Kind::Broken) }
            }
            b'A' => auction(stamp, code, rest)?,
            b'X' => {
                let price = price(take(&mut rest))?;
                MarketRecord { price, order_ref: code.into(), code: b'X', ..stamp.market(Kind::Notice) }
            }
            b'S' => {
                let phase = match code {
                    b'O' | b'S' => Phase::PreOpen,
                    b'R' => Phase::Continuous,
                    b'M' | b'E' | b'C' => Phase::Closed,
                    _ => return Err("system event"),
                };
                MarketRecord { code: phase as u8, ..stamp.market(Kind::Status) }
            }
            b'H' | b'O' => self.status(stamp, code)?,
            _ => MarketRecord { order_ref: code.into(), code: stamp.letter, ..stamp.market(Kind::Notice) },
        };
        batch.push(*record.as_record());
        Ok(())
    }

    /// Trading status and operational halt: an instrument trades where neither forbids it.
    fn status(&mut self, stamp: &Stamp, code: u8) -> Result<MarketRecord, Refused> {
        let state = self.states.get_mut(stamp.instrument as usize).ok_or("no instrument")?;
        match (stamp.letter, code) {
            (b'O', b'O') => state.is_halted = true,
            (b'O', b'N') => state.is_halted = false,
            (b'H', b'H' | b'P') => state.trading = Phase::Halted,
            (b'H', b'O') => state.trading = Phase::Auction,
            (b'H', b'T') => state.trading = Phase::Continuous,
            (b'H', _) => return Err("trading status"),
            _ => return Err("operational halt status"),
        }
        let phase = if state.is_halted { Phase::Halted } else { state.trading };
        Ok(MarketRecord { code: phase as u8, ..stamp.market(Kind::Status) })
    }

    fn directory(&self, stamp: &Stamp, code: u8, mut rest: &[u8]) -> Result<SymbolRecord, Refused> {
        /// Flag of the directory: a test instrument.
        const TEST: u8 = 0x80;
        let round_lot = u32::from_le_bytes(take(&mut rest).ok_or("wrong length")?);
        let mut record = SymbolRecord {
            header: stamp.header(Kind::Symbol),
            round_lot,
            test: u8::from(code & TEST != 0),
            venue_type: stamp.letter,
            ..SymbolRecord::default()
        };
        let symbol =
            self.account.instruments.get(stamp.instrument as usize).map_or("", |it| it.symbol.as_str());
        for (slot, byte) in record.symbol.iter_mut().zip(symbol.bytes()) {
            *slot = byte;
        }
        Ok(record)
    }

    /// Index of a symbol, new ones in the order in which they appear.
    #[inline]
    fn instrument(&mut self, padded: [u8; 8]) -> Result<u32, Refused> {
        let index = match self.by_symbol.get(&u64::from_le_bytes(padded)) {
            Some(index) => *index,
            None => self.meet(padded)?,
        };
        if index == ABSENT { Err(Skips::FILTERED) } else { Ok(index) }
    }

    #[cold]
    fn meet(&mut self, padded: [u8; 8]) -> Result<u32, Refused> {
        let symbol = tickrace_feeds::itch::symbol_text(&padded);
        if symbol.is_empty() || symbol.contains('?') {
            return Err("symbol");
        }
        let index = if self.options.symbols.is_empty() {
            self.enrol(&symbol);
            u32::try_from(self.states.len() - 1).unwrap_or(ABSENT)
        } else {
            ABSENT
        };
        self.by_symbol.insert(u64::from_le_bytes(padded), index);
        Ok(index)
    }
}

/// A price of four decimals in nano-units.
#[inline]
fn price(bytes: Option<[u8; 8]>) -> Result<i64, Refused> {
    i64::from_le_bytes(bytes.ok_or("wrong length")?).checked_mul(NANOS_OF_E4).ok_or("price")
}

#[inline]
fn level(stamp: &Stamp, mut rest: &[u8], batch: &mut Vec<Record>) -> Result<(), Refused> {
    let lots = u32::from_le_bytes(take(&mut rest).ok_or("wrong length")?);
    let price = price(take(&mut rest))?;
    let side = if stamp.letter == b'8' { 0 } else { 1 };
    batch.push(*stamp.level(side, price, lots.into(), 0).as_record());
    Ok(())
}

/// The record's code is the sale condition flags as they were sent.
#[inline]
fn trade(stamp: &Stamp, conditions: u8, mut rest: &[u8], batch: &mut Vec<Record>) -> Result<(), Refused> {
    let qty = u32::from_le_bytes(take(&mut rest).ok_or("wrong length")?);
    let price = price(take(&mut rest))?;
    let number = u64::from_le_bytes(take(&mut rest).ok_or("wrong length")?);
    if qty == 0 {
        return Err("quantity");
    }
    let print = MarketRecord { code: conditions, ..stamp.print(NO_SIDE, price, qty, number) };
    batch.push(*print.as_record());
    Ok(())
}

fn auction(stamp: &Stamp, code: u8, mut rest: &[u8]) -> Result<MarketRecord, Refused> {
    let cut = "wrong length";
    let paired = u32::from_le_bytes(take(&mut rest).ok_or(cut)?);
    let reference = price(take(&mut rest))?;
    let _indicative: [u8; 8] = take(&mut rest).ok_or(cut)?;
    let imbalance = u32::from_le_bytes(take(&mut rest).ok_or(cut)?);
    let [side] = take(&mut rest).ok_or(cut)?;
    let side = match side {
        b'B' => 0,
        b'S' => 1,
        b'N' => NO_SIDE,
        _ => return Err("side"),
    };
    Ok(MarketRecord {
        order_ref: paired.into(),
        other_ref: imbalance.into(),
        price: reference,
        side,
        code,
        ..stamp.market(Kind::Imbalance)
    })
}

#[cfg(test)]
mod tests;
