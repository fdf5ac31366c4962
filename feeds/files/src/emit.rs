//! Records of feeds of levels, quotes and trades, made of what a row says. Knows nothing of any format.

use tickrace_types::event::{VERSION, source};
use tickrace_types::{BarRecord, BarShapeRecord, Flags, Header, Kind, MarketRecord, QuoteRecord, Record};

/// Code of a side in a record: bid, and also an aggressor who bought.
pub(crate) const BID: u8 = 0;
/// Code of a side in a record: ask, and also an aggressor who sold.
pub(crate) const ASK: u8 = 1;
/// Code of a side that was not told.
pub(crate) const NO_SIDE: u8 = 2;

/// What all records of one row share.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stamp {
    /// Instrument id, `u32::MAX` for none.
    pub instrument: u32,
    /// Number of the row, from 1.
    pub seq: u64,
    /// Venue time, nanoseconds since the Unix epoch.
    pub ts_venue_ns: i64,
    /// Receive time, likewise.
    pub ts_recv_ns: i64,
}

/// One side of a quote: nothing, where it has no lots.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Touch {
    /// Nano-units.
    pub price: i64,
    /// Lots.
    pub lots: u64,
}

/// A bar as a row states it; prices in nano-units.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bar {
    /// First, highest, lowest and last price.
    pub prices: [i64; 4],
    /// When it began, nanoseconds since the Unix epoch.
    pub ts_open_ns: i64,
    /// Lots traded.
    pub lots: u64,
    /// Trades, 0 where not counted.
    pub trades: u64,
    /// Average price, 0 where unknown.
    pub vwap: i64,
}

impl Stamp {
    fn header(&self, kind: Kind, flags: u8) -> Header {
        Header {
            kind: kind as u8,
            version: VERSION,
            flags,
            source: source::MARKET,
            instrument: self.instrument,
            seq: self.seq,
            ts_venue_ns: self.ts_venue_ns,
            ts_recv_ns: self.ts_recv_ns,
        }
    }

    fn market(&self, kind: Kind, flags: u8) -> MarketRecord {
        MarketRecord { header: self.header(kind, flags), side: NO_SIDE, ..MarketRecord::default() }
    }

    /// A level as it now is; no lots: gone.
    #[inline]
    pub fn level(&self, side: u8, price: i64, lots: u64, flags: u8) -> Record {
        *MarketRecord { order_ref: lots, price, side, ..self.market(Kind::Level, flags) }.as_record()
    }

    /// The book of the instrument is empty and a snapshot follows.
    pub fn clear(&self) -> Record {
        *self.market(Kind::Clear, Flags::SNAPSHOT).as_record()
    }

    /// Numbers are missing here; a count of zero: the book begins in the middle, nobody knows how it stood.
    pub fn gap(&self, first: u64, count: u64) -> Record {
        *MarketRecord { order_ref: first, other_ref: count, ..self.market(Kind::Gap, 0) }.as_record()
    }

    /// A trade; `side` of the aggressor, `number` the venue's.
    #[inline]
    pub fn print(&self, side: u8, price: i64, lots: u64, number: u64, flags: u8) -> Record {
        let (qty, order_ref) = match u32::try_from(lots) {
            Ok(qty) => (qty, 0),
            Err(_) => (u32::MAX, lots),
        };
        let print = self.market(Kind::Print, flags);
        *MarketRecord { order_ref, other_ref: number, price, qty, side, ..print }.as_record()
    }

    /// The best bid and ask.
    #[inline]
    pub fn quote(&self, bid: Touch, ask: Touch) -> Record {
        let qty = |lots: u64| u32::try_from(lots).unwrap_or(u32::MAX);
        *QuoteRecord {
            header: self.header(Kind::Quote, 0),
            bid_px: bid.price,
            ask_px: ask.price,
            bid_qty: qty(bid.lots),
            ask_qty: qty(ask.lots),
            ..QuoteRecord::default()
        }
        .as_record()
    }

    /// Something that changes no book; see [`crate::notice`] for the codes.
    pub fn notice(&self, code: u8, price: i64, order_ref: u64) -> Record {
        *MarketRecord { code, price, order_ref, ..self.market(Kind::Notice, 0) }.as_record()
    }

    /// A notice about an execution: as [`Stamp::print`], but nothing to be counted.
    pub fn notice_of_trade(&self, code: u8, side: u8, price: i64, lots: u64, number: u64) -> Record {
        let mut record = self.print(side, price, lots, number, 0);
        let market = record.as_market_mut();
        (market.header.kind, market.code) = (Kind::Notice as u8, code);
        record
    }

    /// Both halves of a bar; the stamp's times are its end.
    pub fn bar(&self, bar: &Bar) -> [Record; 2] {
        let [open, high, low, close] = bar.prices;
        let header = self.header(Kind::BarShape, 0);
        let shape = BarShapeRecord { header, open, high, low, ts_open_ns: bar.ts_open_ns };
        let header = self.header(Kind::Bar, 0);
        let rest = BarRecord { header, close, volume: bar.lots, trades: bar.trades, vwap: bar.vwap };
        [*shape.as_record(), *rest.as_record()]
    }
}

/// Marks the last record as the end of what changed at once.
#[inline]
pub(crate) fn close_event(records: &mut [Record]) {
    if let Some(last) = records.last_mut() {
        last.header.flags |= Flags::END_OF_EVENT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trade_of_more_lots_than_fit_says_so_beside() {
        let stamp = Stamp::default();
        let small = stamp.print(BID, 1, 7, 3, 0);
        assert_eq!((small.as_market().qty, small.as_market().order_ref), (7, 0));
        let large = stamp.print(ASK, 1, 1 << 40, 3, 0);
        assert_eq!((large.as_market().qty, large.as_market().order_ref), (u32::MAX, 1 << 40));
    }
}
