//! One instrument as the market maker keeps it, and the arithmetic of a quote.

use tickrace_oms::{LEVELS_MAX, WantedQuotes};
use tickrace_types::{Flags, Instrument, Kind, Phase, Record, Side, TopOfBook};

use super::config::{MarketMakerConfig, Model};
use super::grid::{Grid, ceil_index, floor_index};
use super::model;
use super::signals::Signals;

/// Innermost prices of both sides, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prices {
    pub(crate) bid: i64,
    pub(crate) ask: i64,
}

/// State of one instrument. What every event compares comes first: one cache line.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Market {
    pub(crate) bid_px: i64,
    pub(crate) ask_px: i64,
    /// Version of our orders when last looked at.
    pub(crate) version: u64,
    /// When the parameters are due for a refresh.
    pub(crate) refresh_due_ns: i64,
    /// Phase, staleness and firmness in one word.
    pub(crate) condition: u32,
    /// Something waits for its time: look again although nothing moved.
    pub(crate) is_waiting: bool,
    /// Quotes were said and not pulled since.
    pub(crate) is_quoting: bool,
    /// Position when quotes were last said.
    pub(crate) position: i64,
    /// No move before this.
    pub(crate) life_until_ns: i64,
    /// Nothing said before this, since an order was refused.
    pub(crate) paused_until_ns: i64,
    pub(crate) said: Prices,
    /// Lowest tick at or below the bid.
    bid_floor: i64,
    /// Furthest ticks that take nothing.
    safe: Prices,
    /// Distance of the mid above `bid_floor`, ticks.
    mid_ticks: f64,
    half_ticks: f64,
    shift_ticks: f64,
    skew_ticks_per_lot: f64,
    grid: Grid,
    /// Twice the last firm mid, 0 for none.
    mid_doubled: i64,
    signals: Signals,
}

/// Condition of a market that may be quoted.
const QUOTABLE: u32 = Phase::Continuous as u32 | FIRM;
const FIRM: u32 = 1 << 8;

/// Phase and firmness of a top in one word.
#[inline]
pub(crate) fn condition(top: &TopOfBook) -> u32 {
    u32::from(top.phase) | if top.is_firm() { FIRM } else { 0 }
}

impl Market {
    pub(crate) fn new(config: &MarketMakerConfig) -> Self {
        Self {
            bid_px: 0,
            ask_px: 0,
            version: 0,
            refresh_due_ns: i64::MIN,
            condition: 0,
            is_waiting: false,
            is_quoting: false,
            position: 0,
            life_until_ns: i64::MIN,
            paused_until_ns: i64::MIN,
            said: Prices::default(),
            bid_floor: 0,
            safe: Prices::default(),
            mid_ticks: 0.0,
            half_ticks: 0.0,
            shift_ticks: 0.0,
            skew_ticks_per_lot: 0.0,
            grid: Grid::NONE,
            mid_doubled: 0,
            signals: Signals::new(config),
        }
    }

    /// Whether there are parameters at all.
    #[inline]
    pub(crate) fn is_refreshed(&self) -> bool {
        self.refresh_due_ns != i64::MIN
    }

    #[inline]
    pub(crate) fn is_quotable(&self) -> bool {
        self.condition == QUOTABLE
    }

    /// Learns from an execution against a displayed order; everything else is left to the top.
    #[inline]
    pub(crate) fn observe(&mut self, record: &Record) {
        if record.header.kind == Kind::Execute as u8 {
            self.on_execution(record);
        }
    }

    fn on_execution(&mut self, record: &Record) {
        let execution = record.as_market();
        let is_known = self.mid_doubled != 0 && execution.price > 0;
        if !is_known || record.header.flags & Flags::NOT_PRINTABLE != 0 {
            return;
        }
        let lots = f64::from(execution.qty);
        let signed = if execution.side() == Side::Ask { lots } else { -lots };
        let depth = 0.5 * self.grid.ticks((2 * execution.price - self.mid_doubled).abs());
        self.signals.on_execution(signed, depth);
    }

    /// Takes a changed top in.
    #[inline]
    pub(crate) fn on_top(&mut self, top: &TopOfBook, instrument: &Instrument) {
        (self.bid_px, self.ask_px, self.condition) = (top.bid_px, top.ask_px, condition(top));
        if !self.is_quotable() {
            // The way to the next firm mid is no move of a trading market.
            self.mid_doubled = 0;
            return;
        }
        if !self.grid.holds(top.bid_px) {
            self.grid = Grid::around(instrument, top.bid_px);
            self.is_quoting = false;
            self.mid_doubled = 0;
        }
        let mid_doubled = top.bid_px + top.ask_px;
        if self.mid_doubled != 0 && mid_doubled != self.mid_doubled {
            self.signals.on_mid_change(0.5 * self.grid.ticks(mid_doubled - self.mid_doubled));
        }
        self.mid_doubled = mid_doubled;
        self.bid_floor = self.grid.floor(top.bid_px);
        let floor_px = self.grid.price(self.bid_floor);
        // Most markets are one tick wide.
        let is_one_tick = top.ask_px == floor_px + self.grid.price(1);
        let bid = if is_one_tick { self.bid_floor } else { self.grid.floor(top.ask_px - 1) };
        self.safe = Prices { bid, ask: self.bid_floor + 1 };
        self.mid_ticks = 0.5 * self.grid.ticks(mid_doubled - 2 * floor_px);
    }

    /// Turns what was learned into quoting parameters.
    #[cold]
    pub(crate) fn refresh(&mut self, now_ns: i64, config: &MarketMakerConfig) {
        self.refresh_due_ns = now_ns.saturating_add(config.refresh_ns);
        let learned = self.signals.fold(now_ns, config);
        let (risk, decay) = (config.risk_aversion_per_tick, learned.decay_per_tick);
        let terms = match config.model {
            Model::Stationary => {
                model::stationary(risk, learned.volatility_ticks, learned.intensity_per_s, decay)
            }
            Model::Horizon => model::horizon(risk, learned.volatility_ticks, config.horizon_s, decay),
        };
        let mid_ticks = 0.5 * self.grid.ticks(self.mid_doubled);
        let least = config.half_spread_min_ticks.max(config.half_spread_min_bps * 1e-4 * mid_ticks);
        let half = terms.half_spread_ticks + config.flow_widen_ticks * learned.imbalance.abs();
        // The greatest half spread gives way to the least: a dear instrument may have more than so many ticks.
        self.half_ticks = half.min(config.half_spread_max_ticks).max(least);
        self.shift_ticks = config.flow_shift_ticks * learned.imbalance;
        self.skew_ticks_per_lot = terms.skew_ticks / config.order_qty_lots as f64;
    }

    /// Where the innermost quotes should be: around the reservation price, rounded outwards, taking nothing.
    #[inline]
    pub(crate) fn fresh(&self, position: i64) -> Prices {
        let reservation = self.mid_ticks + self.shift_ticks - position as f64 * self.skew_ticks_per_lot;
        let bid = self.bid_floor + floor_index(reservation - self.half_ticks);
        let ask = self.bid_floor + ceil_index(reservation + self.half_ticks);
        Prices { bid: bid.min(self.safe.bid), ask: ask.max(self.safe.ask) }
    }

    /// Whether quotes there would rest rather than take.
    #[inline]
    pub(crate) fn is_safe(&self, prices: Prices) -> bool {
        prices.bid <= self.safe.bid && prices.ask >= self.safe.ask
    }

    /// The fresh prices, but those said before where they are near enough and safe.
    #[inline]
    pub(crate) fn settled(&self, fresh: Prices, requote_ticks: i64) -> Prices {
        let keeps_bid = (fresh.bid - self.said.bid).abs() <= requote_ticks && self.said.bid <= self.safe.bid;
        let keeps_ask = (fresh.ask - self.said.ask).abs() <= requote_ticks && self.said.ask >= self.safe.ask;
        let kept = Prices {
            bid: if keeps_bid { self.said.bid } else { fresh.bid },
            ask: if keeps_ask { self.said.ask } else { fresh.ask },
        };
        if self.is_quoting && kept.bid < kept.ask { kept } else { fresh }
    }

    /// Writes the quotes out: levels outwards, sizes by profile, no more than the position limit leaves.
    #[inline]
    pub(crate) fn write(
        &self,
        wanted: &mut WantedQuotes,
        prices: Prices,
        position: i64,
        sizes: &Sizes,
        instrument: &Instrument,
    ) {
        wanted.clear();
        wanted.keep_within_nanos = 0;
        wanted.keep_short_lots = sizes.short_lots;
        let least = instrument.order_qty_min;
        let mut room_bid = sizes.position_max_lots.saturating_sub(position);
        let mut room_ask = sizes.position_max_lots.saturating_add(position);
        let outmost = Prices { bid: prices.bid - sizes.away_max, ask: prices.ask + sizes.away_max };
        let is_one_grid =
            self.grid.holds(self.grid.price(outmost.bid)) && self.grid.holds(self.grid.price(outmost.ask));
        let (mut bid, mut ask) = (prices.bid, prices.ask);
        for qty in &sizes.levels[..sizes.count] {
            let (bid_qty, ask_qty) = ((*qty).min(room_bid), (*qty).min(room_ask));
            let (bid_px, ask_px) = if is_one_grid {
                (self.grid.price(bid), self.grid.price(ask))
            } else {
                let anywhere = |index, side| self.grid.price_anywhere(index, side, instrument);
                (anywhere(bid, Side::Bid), anywhere(ask, Side::Ask))
            };
            if bid_qty >= least && (bid_px > 0 || self.bid_px <= 0) {
                wanted.push_bid(bid_px, bid_qty);
                room_bid -= bid_qty;
            }
            if ask_qty >= least {
                wanted.push_ask(ask_px, ask_qty);
                room_ask -= ask_qty;
            }
            bid -= sizes.step_ticks;
            ask += sizes.step_ticks;
        }
    }
}

/// Sizes of the levels and the limit they keep, worked out once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    levels: [i64; LEVELS_MAX],
    count: usize,
    step_ticks: i64,
    /// Ticks from the innermost level to the outmost.
    away_max: i64,
    position_max_lots: i64,
    short_lots: i64,
}

impl Sizes {
    pub(crate) fn new(config: &MarketMakerConfig) -> Self {
        let mut levels = [0; LEVELS_MAX];
        let mut growth_bps = 10_000;
        for level in &mut levels {
            *level = config.order_qty_lots.saturating_mul(growth_bps) / 10_000;
            growth_bps += config.level_qty_growth_bps;
        }
        let steps = i64::try_from(config.levels_count - 1).unwrap_or(0);
        let open_bps = 10_000 - config.refill_below_bps;
        Self {
            levels,
            count: config.levels_count,
            step_ticks: config.level_step_ticks,
            away_max: steps * config.level_step_ticks,
            position_max_lots: config.position_max_lots,
            short_lots: config.order_qty_lots.saturating_mul(open_bps) / 10_000,
        }
    }
}
