//! Bars out of trades: by time, by number of trades, by lots or by money.
//!
//! [`Bars`] takes the records of any feed in their order and gives [`Kind::BarShape`] and [`Kind::Bar`] pairs. Trades are
//! prints, executions of resting orders that are printable, trades against hidden orders, and auctions; parts of a snapshot
//! are none. An execution without a price of its own trades at its order's, so that orders are followed as far as
//! that takes.
//!
//! | bar | closes | times of the pair |
//! | --- | --- | --- |
//! | `time:60s` | at whole intervals since the epoch, first nanosecond in, last one out; none without a trade | the end of the interval |
//! | `tick:1000` | with its thousandth trade | those of that trade |
//! | `volume:10000` | with the trade that brings it to 10,000 lots or more | those of that trade |
//! | `dollar:1e6` | with the trade that brings it to a million of the currency or more | those of that trade |
//!
//! No trade is split over two bars. A trade dated before the open bar counts in the open bar: what was told is
//! told. At the end of the data what is open becomes a last, shorter bar. A trade that the venue breaks later stays in
//! its bar.

use std::str::FromStr;

use rustc_hash::FxHashMap;
use tickrace_types::event::{VERSION, source};
use tickrace_types::{
    BarRecord, BarShapeRecord, Cash, Flags, Header, InstrumentId, Kind, MarketRecord, Price, Record,
};

/// When a bar is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarSpec {
    /// At each whole interval since the epoch, nanoseconds, positive.
    Time(i64),
    /// After so many trades, positive.
    Ticks(u64),
    /// After so many lots, positive.
    Volume(u64),
    /// After so much money has changed hands, positive.
    Dollar(Cash),
}

/// A text that states no bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bars are time:60s (ns, us, ms, s, m, h, d), tick:1000, volume:10000 or dollar:1e6, each above zero")]
pub struct BarSpecError;

impl FromStr for BarSpec {
    type Err = BarSpecError;

    fn from_str(text: &str) -> Result<Self, BarSpecError> {
        let (kind, size) = text.split_once(':').ok_or(BarSpecError)?;
        let count = || size.parse::<u64>().ok().filter(|count| *count > 0).ok_or(BarSpecError);
        match kind {
            "time" => interval_ns(size).map(Self::Time),
            "tick" => count().map(Self::Ticks),
            "volume" => count().map(Self::Volume),
            "dollar" => money(size).map(Self::Dollar),
            _ => Err(BarSpecError),
        }
    }
}

/// Longest interval: a year.
const INTERVAL_NS_MAX: i64 = 366 * 86_400_000_000_000;

fn interval_ns(text: &str) -> Result<i64, BarSpecError> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).ok_or(BarSpecError)?;
    let (count, unit) = text.split_at(end);
    let unit_ns: i64 = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return Err(BarSpecError),
    };
    let ns = count.parse::<i64>().ok().and_then(|count| count.checked_mul(unit_ns));
    ns.filter(|ns| (1..=INTERVAL_NS_MAX).contains(ns)).ok_or(BarSpecError)
}

fn money(text: &str) -> Result<Cash, BarSpecError> {
    let units = text.parse::<f64>().map_err(|_| BarSpecError)?;
    if !(1e-9..=1e18).contains(&units) {
        return Err(BarSpecError);
    }
    Cash::ceil_from_f64(units).ok_or(BarSpecError)
}

/// Instruments from this id on give no bars: ids are dense, so that one is a mistake, or the whole venue.
pub const INSTRUMENTS_MAX: usize = 1 << 20;

/// Builds bars of every instrument that trades.
#[derive(Clone, Debug)]
pub struct Bars {
    spec: BarSpec,
    /// By instrument; grows as instruments appear.
    open: Vec<Option<OpenBar>>,
    multipliers_nanos: Vec<Option<i64>>,
    orders: FxHashMap<u64, Resting>,
    /// When the first open bar by time is over.
    flush_ns: i64,
    seq: u64,
}

/// A displayed order, as far as a trade with it needs it.
#[derive(Clone, Copy, Debug)]
struct Resting {
    price: i64,
    qty: u32,
    instrument: u32,
}

/// One trade.
#[derive(Clone, Copy, Debug)]
struct Trade {
    instrument: u32,
    price: i64,
    lots: u64,
    ts_venue_ns: i64,
    ts_recv_ns: i64,
}

/// A bar that is not full.
#[derive(Clone, Copy, Debug)]
struct OpenBar {
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    volume: u64,
    trades: u64,
    /// Price times lots.
    weighted: i128,
    value: Cash,
    ts_open_ns: i64,
    /// End of a bar by time, else the time of its last trade.
    ts_close_ns: i64,
    ts_recv_ns: i64,
}

impl Bars {
    /// Nothing traded yet.
    pub fn new(spec: BarSpec) -> Self {
        Self {
            spec,
            open: Vec::new(),
            multipliers_nanos: Vec::new(),
            orders: FxHashMap::default(),
            flush_ns: i64::MAX,
            seq: 0,
        }
    }

    /// The next record. Gives the bars that are over by then, and the one that it fills.
    ///
    /// - `multiplier_of`: value of one point of price for one lot, nano-units; asked once an instrument, for bars by money.
    pub fn on_record(
        &mut self,
        record: &Record,
        mut multiplier_of: impl FnMut(InstrumentId) -> i64,
        out: &mut impl FnMut(&Record),
    ) {
        if record.header.ts_venue_ns >= self.flush_ns {
            self.flush(record.header.ts_venue_ns, out);
        }
        let Some(trade) = self.trade_of(record) else { return };
        let Ok(place) = usize::try_from(trade.instrument) else { return };
        if place >= INSTRUMENTS_MAX || trade.lots == 0 {
            return;
        }
        if place >= self.open.len() {
            self.open.resize(place + 1, None);
            self.multipliers_nanos.resize(place + 1, None);
        }
        let multiplier_nanos = match self.spec {
            BarSpec::Dollar(_) => *self.multipliers_nanos[place]
                .get_or_insert_with(|| multiplier_of(InstrumentId(trade.instrument))),
            _ => 0,
        };
        let bar = self.open[place].get_or_insert_with(|| OpenBar::at(&trade, self.spec));
        bar.add(&trade, multiplier_nanos);
        let is_full = match self.spec {
            BarSpec::Time(_) => {
                self.flush_ns = self.flush_ns.min(bar.ts_close_ns);
                false
            }
            BarSpec::Ticks(most) => bar.trades >= most,
            BarSpec::Volume(most) => bar.volume >= most,
            BarSpec::Dollar(most) => bar.value >= most,
        };
        if is_full {
            self.close(place, out);
        }
    }

    /// The data are over: what is open becomes a bar, by instrument.
    pub fn finish(&mut self, out: &mut impl FnMut(&Record)) {
        (0..self.open.len()).for_each(|place| self.close(place, out));
    }

    /// Closes the bars by time that are over at `now_ns`, earliest end first, then by instrument.
    fn flush(&mut self, now_ns: i64, out: &mut impl FnMut(&Record)) {
        while self.flush_ns <= now_ns {
            let due_ns = self.flush_ns;
            self.flush_ns = i64::MAX;
            for place in 0..self.open.len() {
                let Some(bar) = self.open[place] else { continue };
                if bar.ts_close_ns <= due_ns {
                    self.close(place, out);
                } else {
                    self.flush_ns = self.flush_ns.min(bar.ts_close_ns);
                }
            }
        }
    }

    fn close(&mut self, place: usize, out: &mut impl FnMut(&Record)) {
        let Some(bar) = self.open[place].take() else { return };
        self.seq += 1;
        let header = Header {
            kind: Kind::BarShape as u8,
            version: VERSION,
            flags: 0,
            source: source::MARKET,
            instrument: u32::try_from(place).unwrap_or(InstrumentId::NONE.0),
            seq: self.seq,
            ts_venue_ns: bar.ts_close_ns,
            ts_recv_ns: bar.ts_recv_ns.max(bar.ts_close_ns),
        };
        let OpenBar { open, high, low, close, volume, trades, ts_open_ns, .. } = bar;
        out(BarShapeRecord { header, open, high, low, ts_open_ns }.as_record());
        let header = Header { kind: Kind::Bar as u8, flags: Flags::END_OF_EVENT, ..header };
        out(BarRecord { header, close, volume, trades, vwap: bar.vwap() }.as_record());
    }

    /// The trade a record tells, and what it does to the orders that are followed.
    fn trade_of(&mut self, record: &Record) -> Option<Trade> {
        let market = record.as_market();
        let header = &market.header;
        let is_snapshot = header.flags & Flags::SNAPSHOT != 0;
        let (instrument, price, lots) = match Kind::from_code(header.kind)? {
            Kind::Add => {
                let instrument = header.instrument;
                self.orders
                    .insert(market.order_ref, Resting { price: market.price, qty: market.qty, instrument });
                return None;
            }
            Kind::Cancel => {
                self.take_off(market);
                return None;
            }
            Kind::Delete => {
                self.orders.remove(&market.order_ref);
                return None;
            }
            Kind::Replace => {
                if let Some(old) = self.orders.remove(&market.order_ref) {
                    let new = Resting { price: market.price, qty: market.qty, ..old };
                    self.orders.insert(market.other_ref, new);
                }
                return None;
            }
            Kind::Clear => {
                self.clear(header.instrument);
                return None;
            }
            Kind::Execute => {
                let order = self.take_off(market);
                let own_price = (market.code & MarketRecord::WITH_PRICE != 0).then_some(market.price);
                let price = own_price.or(order.map(|order| order.price))?;
                let instrument = order.map_or(header.instrument, |order| order.instrument);
                (instrument, price, u64::from(market.qty))
            }
            Kind::Trade => (header.instrument, market.price, u64::from(market.qty)),
            Kind::Print => (header.instrument, market.price, market.lots()),
            Kind::Cross => (header.instrument, market.price, market.order_ref),
            _ => return None,
        };
        if is_snapshot || header.flags & Flags::NOT_PRINTABLE != 0 {
            return None;
        }
        let (ts_venue_ns, ts_recv_ns) = (header.ts_venue_ns, header.ts_recv_ns);
        Some(Trade { instrument, price, lots, ts_venue_ns, ts_recv_ns })
    }

    /// Takes lots off an order; gives it as it was.
    fn take_off(&mut self, market: &MarketRecord) -> Option<Resting> {
        let order = self.orders.get_mut(&market.order_ref)?;
        let before = *order;
        order.qty = order.qty.saturating_sub(market.qty);
        if order.qty == 0 {
            self.orders.remove(&market.order_ref);
        }
        Some(before)
    }

    #[cold]
    fn clear(&mut self, instrument: u32) {
        if instrument == InstrumentId::NONE.0 {
            self.orders.clear();
        } else {
            self.orders.retain(|_, order| order.instrument != instrument);
        }
    }
}

impl OpenBar {
    /// A bar that begins with a trade.
    fn at(trade: &Trade, spec: BarSpec) -> Self {
        let (ts_open_ns, ts_close_ns) = match spec {
            BarSpec::Time(interval_ns) => {
                let from_ns = trade.ts_venue_ns.saturating_sub(trade.ts_venue_ns.rem_euclid(interval_ns));
                (from_ns, from_ns.saturating_add(interval_ns))
            }
            _ => (trade.ts_venue_ns, i64::MIN),
        };
        Self {
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: 0,
            trades: 0,
            weighted: 0,
            value: Cash::ZERO,
            ts_open_ns,
            ts_close_ns,
            ts_recv_ns: i64::MIN,
        }
    }

    fn add(&mut self, trade: &Trade, multiplier_nanos: i64) {
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        self.volume = self.volume.saturating_add(trade.lots);
        self.trades += 1;
        self.weighted =
            self.weighted.saturating_add(i128::from(trade.price).saturating_mul(i128::from(trade.lots)));
        let lots = i64::try_from(trade.lots).unwrap_or(i64::MAX);
        let value = Cash::notional(Price(trade.price), lots, multiplier_nanos).0.saturating_abs();
        self.value = Cash(self.value.0.saturating_add(value));
        // The end of a bar by time lies after its trades already.
        self.ts_close_ns = self.ts_close_ns.max(trade.ts_venue_ns);
        self.ts_recv_ns = self.ts_recv_ns.max(trade.ts_recv_ns);
    }

    /// Volume-weighted average price, rounded to the nearest, halves away from zero.
    fn vwap(&self) -> i64 {
        let volume = i128::from(self.volume.max(1));
        let half = volume / 2 * self.weighted.signum();
        i64::try_from(self.weighted.saturating_add(half) / volume).unwrap_or(self.close)
    }
}

#[cfg(test)]
mod tests;
