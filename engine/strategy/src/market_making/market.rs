//! One instrument as the market maker keeps it, and the arithmetic of a quote.

use tickrace_oms::WantedQuotes;
use tickrace_types::{Flags, Instrument, Kind, Phase, Record, Side, TopOfBook};

use super::config::{MarketMakerConfig, Model};
use super::grid::{Grid, ceil_index, floor_index};
use super::lean::Lean;
use super::levels::{Away, Sizes};
use super::model;
use super::signals::Signals;
use super::volatility_ratio::VolatilityRatio;

/// Innermost prices of both sides, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prices {
    pub(crate) bid: i64,
    pub(crate) ask: i64,
}

impl Prices {
    /// Bounds nothing.
    pub(crate) const ANY: Self = Self { bid: i64::MAX, ask: i64::MIN };

    /// Whether a bid is no higher and an ask no lower than these.
    #[inline]
    fn hold(self, prices: Self) -> bool {
        prices.bid <= self.bid && prices.ask >= self.ask
    }
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
    /// What else leans the reservation price, ticks; 0 where nothing is configured.
    lean_ticks: f64,
    grid: Grid,
    /// Twice the last firm mid, 0 for none.
    mid_doubled: i64,
    signals: Signals,
    /// Old inventory is being traded away: nothing is quoted.
    pub(crate) is_flattening: bool,
    away: Away,
    pub(crate) lean: Option<Box<Lean>>,
    volatility_ratio: Option<VolatilityRatio>,
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
            lean_ticks: 0.0,
            grid: Grid::NONE,
            mid_doubled: 0,
            signals: Signals::new(config),
            is_flattening: false,
            away: Away::default(),
            lean: Lean::new(config),
            volatility_ratio: config.volatility_ratio.as_ref().map(VolatilityRatio::new),
        }
    }

    /// Whether the market looks different from when it was last taken in.
    #[inline]
    pub(crate) fn has_moved(&self, top: &TopOfBook) -> bool {
        top.bid_px != self.bid_px
            || top.ask_px != self.ask_px
            || condition(top) != self.condition
            || self.lean.as_ref().is_some_and(|lean| lean.has_moved(top))
    }

    /// Lets time pass and takes the position in, where anything leans on them.
    #[inline]
    pub(crate) fn lean(&mut self, position: i64, now_ns: i64) {
        if let Some(lean) = &mut self.lean {
            self.lean_ticks = lean.ticks(position, now_ns);
        }
    }

    /// Lots of inventory to trade at the touch now, signed; 0 for none.
    #[inline]
    pub(crate) fn flatten_lots(&self, position: i64, now_ns: i64) -> i64 {
        self.lean.as_ref().map_or(0, |lean| lean.flatten_lots(position, now_ns))
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
    pub(crate) fn on_top(&mut self, top: &TopOfBook, instrument: &Instrument, now_ns: i64) {
        (self.bid_px, self.ask_px, self.condition) = (top.bid_px, top.ask_px, condition(top));
        if !self.is_quotable() {
            // The way to the next firm mid is no move of a trading market.
            self.mid_doubled = 0;
            if let Some(lean) = &mut self.lean {
                lean.break_off();
            }
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
        if let Some(lean) = &mut self.lean {
            let moved = 0.5 * self.grid.ticks(mid_doubled - self.mid_doubled);
            let spread = self.grid.ticks(top.ask_px - top.bid_px);
            lean.on_touch(top, spread, (self.mid_doubled != 0).then_some(moved), now_ns);
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
    pub(crate) fn refresh(&mut self, now_ns: i64, config: &MarketMakerConfig, sizes: &Sizes) {
        self.refresh_due_ns = now_ns.saturating_add(config.refresh_ns);
        let squares = self.signals.squares_pending();
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
        let long = learned.volatility_ticks;
        let multiplier = self
            .volatility_ratio
            .as_mut()
            .map_or(1.0, |ratio| ratio.fold(now_ns, squares, long, config.volatility_min_ticks));
        let half = multiplier * terms.half_spread_ticks + config.flow_widen_ticks * learned.imbalance.abs();
        // The greatest half spread gives way to the least: a dear instrument may have more than so many ticks.
        self.half_ticks = half.min(config.half_spread_max_ticks).max(least);
        self.shift_ticks = config.flow_shift_ticks * learned.imbalance;
        self.skew_ticks_per_lot = terms.skew_ticks / config.order_qty_lots as f64;
        self.away = sizes.away(self.half_ticks);
        if let Some(lean) = &mut self.lean {
            lean.upkeep(now_ns);
        }
    }

    /// The reservation price, ticks above `bid_floor`.
    #[inline]
    fn reservation(&self, position: i64) -> f64 {
        let fair = self.mid_ticks + self.lean_ticks;
        fair + self.shift_ticks - position as f64 * self.skew_ticks_per_lot
    }

    /// The reservation price as a bound of both sides.
    #[inline]
    pub(crate) fn bound(&self, position: i64) -> Prices {
        let reservation = self.reservation(position);
        let (bid, ask) = (floor_index(reservation), ceil_index(reservation));
        Prices { bid: self.bid_floor + bid, ask: self.bid_floor + ask }
    }

    /// Where the innermost quotes should be: around the reservation price, rounded outwards, taking nothing.
    #[inline]
    pub(crate) fn fresh(&self, position: i64) -> Prices {
        let reservation = self.reservation(position);
        let bid = self.bid_floor + floor_index(reservation - self.half_ticks);
        let ask = self.bid_floor + ceil_index(reservation + self.half_ticks);
        Prices { bid: bid.min(self.safe.bid), ask: ask.max(self.safe.ask) }
    }

    /// Whether quotes there would rest rather than take.
    #[inline]
    pub(crate) fn is_safe(&self, prices: Prices, bound: Prices) -> bool {
        self.safe.hold(prices) && bound.hold(prices)
    }

    /// The fresh prices, but those said before where they are near enough, safe and within the bound.
    #[inline]
    pub(crate) fn settled(&self, fresh: Prices, requote_ticks: i64, bound: Prices) -> Prices {
        let (bid_max, ask_min) = (self.safe.bid.min(bound.bid), self.safe.ask.max(bound.ask));
        let keeps_bid = (fresh.bid - self.said.bid).abs() <= requote_ticks && self.said.bid <= bid_max;
        let keeps_ask = (fresh.ask - self.said.ask).abs() <= requote_ticks && self.said.ask >= ask_min;
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
        let away_max = self.away[sizes.count - 1];
        let outmost = Prices { bid: prices.bid - away_max, ask: prices.ask + away_max };
        let is_one_grid =
            self.grid.holds(self.grid.price(outmost.bid)) && self.grid.holds(self.grid.price(outmost.ask));
        for (qty, away) in sizes.levels[..sizes.count].iter().zip(&self.away) {
            let (bid, ask) = (prices.bid - away, prices.ask + away);
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
        }
    }
}
