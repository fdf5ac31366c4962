//! What features hear: the touch after an event, and trades with their side.

use tickrace_types::{Flags, Kind, Phase, Record, Side, TopOfBook};

/// The touch of a market one can trade in: firm, in continuous trading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// Time of the record that made it, nanoseconds since the Unix epoch; never runs backwards.
    pub now_ns: i64,
    /// When the market became one to trade in, without a break since.
    pub since_ns: i64,
    /// Venue time of that record.
    pub ts_venue_ns: i64,
    /// Best bid, nano-units.
    pub bid_px: i64,
    /// Best ask, nano-units, above the bid.
    pub ask_px: i64,
    /// Lots at the bid, positive.
    pub bid_qty: u32,
    /// Lots at the ask, positive.
    pub ask_qty: u32,
    /// Orders at the bid, 0 where the feed does not tell.
    pub bid_orders: u16,
    /// Orders at the ask, 0 where the feed does not tell.
    pub ask_orders: u16,
}

impl Quote {
    /// Of a top that may be traded on; `None` where it is stale, one-sided, crossed or not in continuous trading.
    #[inline]
    pub fn of(top: &TopOfBook, now_ns: i64) -> Option<Self> {
        let is_open = top.is_firm() && top.phase == Phase::Continuous as u8 && top.bid_px > 0;
        is_open.then_some(Self {
            now_ns,
            since_ns: now_ns,
            ts_venue_ns: top.ts_venue_ns,
            bid_px: top.bid_px,
            ask_px: top.ask_px,
            bid_qty: top.bid_qty,
            ask_qty: top.ask_qty,
            bid_orders: top.bid_orders,
            ask_orders: top.ask_orders,
        })
    }

    /// Whether prices and lots of the touch are the same.
    #[inline]
    pub fn is_same_touch(&self, other: &Self) -> bool {
        (self.bid_px, self.ask_px, self.bid_qty, self.ask_qty)
            == (other.bid_px, other.ask_px, other.bid_qty, other.ask_qty)
    }

    /// Mid price times two, nano-units: exact as a float up to prices of four million.
    #[inline]
    pub fn mid_doubled(&self) -> f64 {
        (self.bid_px + self.ask_px) as f64
    }

    /// `(bid lots - ask lots) / (bid lots + ask lots)`, from -1 to 1.
    #[inline]
    pub fn imbalance(&self) -> f64 {
        let (bid, ask) = (f64::from(self.bid_qty), f64::from(self.ask_qty));
        (bid - ask) / (bid + ask)
    }

    /// Mid weighted by the lots of the other side, times two, nano-units: near the side that shows less.
    #[inline]
    pub fn weighted_mid_doubled(&self) -> f64 {
        self.mid_doubled() + (self.ask_px - self.bid_px) as f64 * self.imbalance()
    }
}

/// One trade in continuous trading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trade {
    /// Time of the record, nanoseconds since the Unix epoch.
    pub now_ns: i64,
    /// Venue time.
    pub ts_venue_ns: i64,
    /// Nano-units.
    pub price: i64,
    /// Lots, positive.
    pub lots: i64,
    /// 1 where a buyer took, -1 where a seller did, 0 where nobody can say.
    pub sign: i64,
}

/// Tells trades and who took.
///
/// An execution of a displayed order and a print with a side tell it themselves. Other trades are classified by the touch
/// before them, at the mid by the last change of the trade price.
///
/// Source: Lee and Ready, "Inferring Trade Direction from Intraday Data", Journal of Finance 46 (1991).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tape {
    last_px: i64,
    /// Sign of the last change of the trade price.
    tick: i64,
}

impl Tape {
    /// The trade a record tells, where it is one: no part of a snapshot, no auction, printable.
    ///
    /// - `before`: the touch before the event.
    #[inline]
    pub fn read(&mut self, record: &Record, before: Option<&Quote>, now_ns: i64) -> Option<Trade> {
        const EXECUTE: u8 = Kind::Execute as u8;
        const HIDDEN: u8 = Kind::Trade as u8;
        const PRINT: u8 = Kind::Print as u8;
        const BID: u8 = Side::Bid as u8;
        const ASK: u8 = Side::Ask as u8;
        let header = &record.header;
        if !matches!(header.kind, EXECUTE | HIDDEN | PRINT)
            || header.flags & (Flags::SNAPSHOT | Flags::NOT_PRINTABLE) != 0
        {
            return None;
        }
        let market = record.as_market();
        let lots = i64::try_from(market.lots_traded()).unwrap_or(i64::MAX).min(LOTS_MAX);
        let price = market.price;
        if lots == 0 || price <= 0 {
            return None;
        }
        if self.last_px != 0 && price != self.last_px {
            self.tick = (price - self.last_px).signum();
        }
        self.last_px = price;
        let told = match (header.kind, market.side) {
            // The side is that of the resting order.
            (EXECUTE, BID) | (PRINT, ASK) => Some(-1),
            (EXECUTE, ASK) | (PRINT, BID) => Some(1),
            _ => None,
        };
        let sign = told.unwrap_or_else(|| {
            let beside = before.map_or(0, |quote| (2 * price - quote.bid_px - quote.ask_px).signum());
            if beside == 0 { self.tick } else { beside }
        });
        Some(Trade { now_ns, ts_venue_ns: header.ts_venue_ns, price, lots, sign })
    }
}

/// Most lots of a trade counted, so that sums over a window stay within an integer.
const LOTS_MAX: i64 = 1 << 40;
