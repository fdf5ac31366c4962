//! What taking costs where nothing but the touch is known: quotes or bars instead of depth.
//!
//! A taker of `n` lots trades all of them at
//!
//! ```text
//! mid ± (half spread + k · sigma · mid + mid · base_bps/10,000 · ((before + n) / average)^exponent)
//! ```
//!
//! plus for buys, rounded up to the grid; minus for sells, rounded down. `before` are the lots we took on that side since the
//! touch was last stated, so that an order cut in pieces pays as much. `average` are the mean lots and `sigma` the root
//! mean square return of the last whole intervals, from prints and bars. An order with a limit takes the most lots for
//! which the price stays within it. Where there is depth, the book says what taking costs and this model is silent.

use serde::{Deserialize, Serialize};
use tickrace_types::{Contract, InstrumentId, Kind, OrderType, Price, Record, ResponseRecord, Side};

use crate::Exchange;
use crate::config::ExchangeError;
use crate::entry::End;
use crate::own::Own;
use crate::reply::Fill;

/// Most intervals a window holds.
pub const WINDOW_MAX: usize = 1024;

/// What taking costs without depth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ImpactConfig {
    /// The touch, up to the lots it shows.
    #[default]
    None,
    /// Half the spread, a share of the volatility, and a power of the order's size.
    SpreadPower(SpreadPower),
}

/// Figures of the model at the head of the module.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpreadPower {
    /// Slippage of an order as large as the average volume, basis points of the mid.
    pub base_bps: f64,
    /// How slippage grows with size, above 0 and at most 4; the square root by default.
    #[serde(default = "square_root")]
    pub exponent: f64,
    /// Half the spread, basis points of the mid; without it that of the quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_spread_bps: Option<f64>,
    /// Share of one interval's volatility paid, `k`.
    #[serde(default)]
    pub volatility_share: f64,
    /// Length of an interval, milliseconds.
    pub interval_ms: i64,
    /// Whole intervals that make up averages, at most [`WINDOW_MAX`].
    pub window_intervals: usize,
    /// Average that counts at least, lots: before any interval was whole, and where little trades.
    pub average_lots_min: i64,
}

const fn square_root() -> f64 {
    0.5
}

impl ImpactConfig {
    pub(crate) fn validate(&self) -> Result<(), ExchangeError> {
        let Self::SpreadPower(power) = self else { return Ok(()) };
        let figures = [
            ("impact.base_bps", power.base_bps, 0.0, 10_000.0),
            ("impact.exponent", power.exponent, 1e-3, 4.0),
            ("impact.half_spread_bps", power.half_spread_bps.unwrap_or(0.0), 0.0, 10_000.0),
            ("impact.volatility_share", power.volatility_share, 0.0, 100.0),
        ];
        for (key, got, least, most) in figures {
            if !(least..=most).contains(&got) {
                return Err(ExchangeError::Figure { key });
            }
        }
        let window = i64::try_from(power.window_intervals).unwrap_or(i64::MAX);
        let wholes = [
            ("impact.interval_ms", power.interval_ms, 86_400_000),
            ("impact.window_intervals", window, WINDOW_MAX as i64),
            ("impact.average_lots_min", power.average_lots_min, i64::MAX),
        ];
        for (key, got, most) in wholes {
            if !(1..=most).contains(&got) {
                return Err(ExchangeError::Range { key, least: 1, most, got });
            }
        }
        Ok(())
    }
}

/// The model with what it knows of each instrument.
#[derive(Clone, Debug)]
pub(crate) struct Impact {
    power: SpreadPower,
    flows: Vec<Flow>,
}

/// What traded of one instrument.
#[derive(Clone, Debug, Default)]
struct Flow {
    /// Lots and squared return of whole intervals, the oldest overwritten.
    volumes: Vec<f64>,
    squares: Vec<f64>,
    at: usize,
    interval: Option<i64>,
    lots: f64,
    last_px: f64,
    close_px: f64,
    /// Lots we took since the touch was stated, by our side.
    taken: [i64; 2],
}

impl Impact {
    pub fn new(config: &ImpactConfig, instruments: usize) -> Option<Self> {
        let ImpactConfig::SpreadPower(power) = config else { return None };
        let flow = || Flow {
            volumes: Vec::with_capacity(power.window_intervals),
            squares: Vec::with_capacity(power.window_intervals),
            ..Flow::default()
        };
        Some(Self { power: *power, flows: (0..instruments).map(|_| flow()).collect() })
    }

    /// Hears of trades and of new touches.
    #[inline]
    pub fn on_record(&mut self, record: &Record) {
        let Some(flow) = self.flows.get_mut(record.header.instrument as usize) else { return };
        let ts_ns = record.header.ts_venue_ns;
        match Kind::from_code(record.header.kind) {
            Some(Kind::Print) => {
                let market = record.as_market();
                flow.trade(&self.power, ts_ns, market.price, market.lots());
            }
            Some(Kind::Bar) => {
                let bar = record.as_bar();
                // Its end is the first nanosecond after it.
                flow.trade(&self.power, ts_ns.saturating_sub(1), bar.close, bar.volume);
                flow.taken = [0; 2];
            }
            Some(Kind::Quote) => flow.taken = [0; 2],
            _ => {}
        }
    }

    /// Price at which we take `lots` with our `side` at `now_ns`, from a touch in nano-units.
    fn price(&self, id: InstrumentId, side: Side, touch: (i64, i64), lots: i64) -> f64 {
        let (power, flow) = (&self.power, &self.flows[id.index()]);
        let (bid, ask) = (touch.0 as f64, touch.1 as f64);
        let mid = bid + (ask - bid) / 2.0;
        let half = power.half_spread_bps.map_or((ask - bid) / 2.0, |bps| mid.abs() * bps / 1e4);
        let average = flow.average().max(power.average_lots_min as f64);
        let size = (flow.taken[side.index()] + lots) as f64 / average;
        let slippage = mid.abs() * power.base_bps / 1e4 * libm::pow(size, power.exponent);
        let volatility = power.volatility_share * flow.sigma() * mid.abs();
        mid + side.sign() as f64 * (half + volatility + slippage)
    }
}

impl Flow {
    fn trade(&mut self, power: &SpreadPower, ts_ns: i64, price: i64, lots: u64) {
        self.roll(power, ts_ns);
        self.lots += lots as f64;
        self.last_px = price as f64;
    }

    /// Ends the intervals that are over at `ts_ns`; after a long silence no more of them than the window holds.
    fn roll(&mut self, power: &SpreadPower, ts_ns: i64) {
        let interval = ts_ns.div_euclid(power.interval_ms.saturating_mul(1_000_000));
        let Some(before) = self.interval else {
            self.interval = Some(interval);
            return;
        };
        let window = power.window_intervals;
        let passed = usize::try_from(interval.saturating_sub(before)).unwrap_or(0).min(window + 1);
        for _ in 0..passed {
            let change = if self.close_px > 0.0 { self.last_px / self.close_px - 1.0 } else { 0.0 };
            if self.volumes.len() < window {
                self.volumes.push(self.lots);
                self.squares.push(change * change);
            } else {
                self.volumes[self.at] = self.lots;
                self.squares[self.at] = change * change;
            }
            self.at = (self.at + 1) % window;
            (self.lots, self.close_px) = (0.0, self.last_px);
        }
        self.interval = Some(before.max(interval));
    }

    fn average(&self) -> f64 {
        self.volumes.iter().sum::<f64>() / self.volumes.len().max(1) as f64
    }

    fn sigma(&self) -> f64 {
        (self.squares.iter().sum::<f64>() / self.squares.len().max(1) as f64).sqrt()
    }
}

impl Exchange {
    /// Whether taking in an instrument goes by the model.
    #[inline]
    pub(crate) fn has_impact(&self, instrument: InstrumentId) -> bool {
        self.impact.is_some() && self.is_stated[instrument.index()] && !self.books.has_depth(instrument)
    }

    /// Takes at the model's price what the order accepts of it.
    pub(crate) fn take_impact(
        &mut self,
        own: &mut Own,
        now_ns: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) -> End {
        let id = own.instrument;
        let touch = self.books.best(id, Side::Bid).zip(self.books.best(id, Side::Ask));
        let Some((bid, ask)) = touch else { return End::Done };
        let (bid, ask) = (bid.price.0, ask.price.0);
        let other = own.side.opposite();
        let is_market = own.order_type == OrderType::Market;
        let opposite = if own.side == Side::Bid { ask } else { bid };
        let reached = is_market || opposite == own.price || own.side.is_better(own.price, opposite);
        if !reached {
            return End::Done;
        }
        let met = self.orders.first(id, other).is_some_and(|first| is_market || first.crosses(own.price));
        if met {
            return End::OwnOrder;
        }
        self.take_around(own, (bid, ask), now_ns, out);
        End::Done
    }

    /// Takes around a touch that need not be the book's, whatever rests of ours.
    pub(crate) fn take_around(
        &mut self,
        own: &mut Own,
        (bid, ask): (i64, i64),
        now_ns: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let (id, is_market) = (own.instrument, own.order_type == OrderType::Market);
        let Some(impact) = &mut self.impact else { return };
        impact.flows[id.index()].roll(&impact.power, now_ns);
        let rules = &self.instruments[id.index()];
        let price_of = |lots| {
            let price = impact.price(id, own.side, (bid, ask), lots);
            let tick = rules.tick_at(nearest(price)) as f64;
            let steps = price / tick;
            nearest(if own.side == Side::Bid { steps.ceil() } else { steps.floor() } * tick)
        };
        let accepts = |lots| {
            let price = price_of(lots);
            is_market || price == own.price || own.side.is_better(own.price, price)
        };
        // The price only gets worse with size: the most lots it still accepts.
        let (mut least, mut most) = (0, own.takes());
        while least < most {
            let half = least + (most - least + 1) / 2;
            if accepts(half) {
                least = half;
            } else {
                most = half - 1;
            }
        }
        if least == 0 {
            return;
        }
        let price = Price(price_of(least));
        impact.flows[id.index()].taken[own.side.index()] += least;
        own.filled += least;
        self.counters.taker_fills += 1;
        self.counters.taker_lots += least.unsigned_abs();
        let contract = Contract::of(rules);
        let fill = Fill { price, lots: least, is_taker: true, cause_seq: 0 };
        out(&self.replies.fill(own, fill, contract, now_ns));
    }
}

/// The nearest whole number; saturates.
#[allow(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
fn nearest(value: f64) -> i64 {
    value.round() as i64
}
