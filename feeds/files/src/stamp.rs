//! What all records of one message share, and records made with it.

use tickrace_types::event::{VERSION, source};
use tickrace_types::{Header, Kind, MarketRecord, QuoteRecord, Record};

/// No side, as a code of records.
pub(crate) const NO_SIDE: u8 = 2;

/// Number, times and instrument of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Instrument id, `u32::MAX` for none.
    pub instrument: u32,
    /// Message number, from 1.
    pub seq: u64,
    /// Venue time, nanoseconds since the Unix epoch.
    pub ts_venue_ns: i64,
    /// Receive time, nanoseconds since the Unix epoch.
    pub ts_recv_ns: i64,
    /// Flags of every record.
    pub flags: u8,
    /// The venue's own letter.
    pub letter: u8,
}

impl Stamp {
    #[inline]
    pub(crate) const fn header(&self, kind: Kind) -> Header {
        Header {
            kind: kind as u8,
            version: VERSION,
            flags: self.flags,
            source: source::MARKET,
            instrument: self.instrument,
            seq: self.seq,
            ts_venue_ns: self.ts_venue_ns,
            ts_recv_ns: self.ts_recv_ns,
        }
    }

    /// A record of any kind with a market's layout, without side.
    #[inline]
    pub(crate) const fn market(&self, kind: Kind) -> MarketRecord {
        MarketRecord {
            header: self.header(kind),
            order_ref: 0,
            other_ref: 0,
            price: 0,
            qty: 0,
            side: NO_SIDE,
            code: 0,
            venue_type: self.letter,
            reserved: 0,
        }
    }

    /// A record about an order, built of whole words: bytes stored one by one and then copied as a record wait for the
    /// cache.
    #[inline]
    pub(crate) fn order(&self, kind: Kind, refs: [u64; 2], price: i64, qty: u32, side: u8) -> Record {
        let front = u32::from_ne_bytes([kind as u8, VERSION, self.flags, source::MARKET]);
        let codes = u32::from_ne_bytes([side, 0, self.letter, 0]);
        let header = [
            pair(front, self.instrument),
            self.seq,
            self.ts_venue_ns.cast_unsigned(),
            self.ts_recv_ns.cast_unsigned(),
        ];
        let body = [refs[0], refs[1], price.cast_unsigned(), pair(qty, codes)];
        Record { header: zerocopy::transmute!(header), body }
    }

    /// A level as it now is: `lots` 0 where it is gone, `orders` 0 where they are not counted.
    #[inline]
    pub(crate) const fn level(&self, side: u8, price: i64, lots: u64, orders: u64) -> MarketRecord {
        let market = self.market(Kind::Level);
        MarketRecord { side, price, order_ref: lots, other_ref: orders, ..market }
    }

    /// A trade of a feed of levels or quotes.
    #[inline]
    pub(crate) const fn print(&self, side: u8, price: i64, lots: u32, number: u64) -> MarketRecord {
        let market = self.market(Kind::Print);
        MarketRecord { side, price, qty: lots, other_ref: number, ..market }
    }

    /// Best bid and ask as (price, lots, orders); without lots there is none.
    #[inline]
    pub(crate) fn quote(&self, bid: (i64, u32, u32), ask: (i64, u32, u32)) -> QuoteRecord {
        let count = |orders: u32| u16::try_from(orders).unwrap_or(u16::MAX);
        QuoteRecord {
            header: self.header(Kind::Quote),
            bid_px: bid.0,
            ask_px: ask.0,
            bid_qty: bid.1,
            ask_qty: ask.1,
            bid_orders: count(bid.2),
            ask_orders: count(ask.2),
            venue_type: self.letter,
            ..QuoteRecord::default()
        }
    }
}

/// A word of two halves, `first` before `second` in memory.
#[inline(always)]
fn pair(first: u32, second: u32) -> u64 {
    let (low, high) = if cfg!(target_endian = "little") { (first, second) } else { (second, first) };
    u64::from(low) | (u64::from(high) << 32)
}

/// Records of one event in a batch: the last of them is to carry the flag that ends it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Event {
    /// Where in the batch its first record stands.
    start: usize,
    /// Whether records of it left with an earlier batch.
    is_split: bool,
}

impl Event {
    /// A new batch begins at `len`; `is_open` where the event has begun in the one before.
    pub(crate) const fn begin_batch(&mut self, len: usize) {
        self.start = len;
    }

    /// Whether records of it stand in the batch.
    pub(crate) const fn is_open(&self, len: usize) -> bool {
        len > self.start || self.is_split
    }

    /// The batch is handed over while the event is open.
    pub(crate) const fn split(&mut self, len: usize) {
        self.is_split |= len > self.start;
    }

    /// Ends it: by the flag on its last record or, where all of them have left, by a record that says nothing else.
    #[inline]
    pub(crate) fn end(&mut self, batch: &mut Vec<Record>, stamp: &Stamp) {
        use tickrace_types::Flags;
        if batch.len() > self.start {
            if let Some(last) = batch.last_mut() {
                last.header.flags |= Flags::END_OF_EVENT;
            }
        } else if self.is_split {
            let mut notice = stamp.market(Kind::Notice);
            notice.header.flags |= Flags::END_OF_EVENT;
            batch.push(*notice.as_record());
        }
        *self = Self { start: batch.len(), is_split: false };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_words_equals_the_one_of_fields() {
        let stamp = Stamp { instrument: 3, seq: 9, ts_venue_ns: -7, ts_recv_ns: 11, flags: 5, letter: b'C' };
        let fields = MarketRecord {
            order_ref: 21,
            other_ref: 22,
            price: -23,
            qty: 24,
            side: 1,
            ..stamp.market(Kind::Replace)
        };
        assert_eq!(stamp.order(Kind::Replace, [21, 22], -23, 24, 1), *fields.as_record());
    }
}
