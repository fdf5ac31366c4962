//! Hedging in a second instrument: what is held in the quoted ones is offset there by orders that take.
//!
//! The target is minus the sum of ratio times position over the legs, within a limit of its own. Where the hedge's position is
//! further from it than a band, one marketable limit order goes out for the difference; until the venue has said the last word
//! about it there is no other, so what is under way is never hedged twice. Nothing is sent while the hedge's market is not
//! firm, not in continuous trading, or old.
//!
//! Invariants: at most one order of ours is open in the hedge instrument; position and open order together stay within
//! `position_max_lots`.

use std::collections::BTreeMap;

use serde::Deserialize;
use tickrace_oms::{Oms, OrderRequest, State};
use tickrace_types::{
    ClientId, Instrument, InstrumentId, InstrumentTable, Phase, Price, Side, TimeInForce, TopOfBook,
};

use super::config::{ConfigError, real, whole};
use crate::Say;

/// What is hedged, where, and how far.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HedgeConfig {
    /// Symbol the hedge is traded in. It is not quoted.
    pub symbol: String,
    /// Lots of the hedge for each lot held, by symbol of what is quoted. 1 sells a lot for each lot bought.
    pub ratios: BTreeMap<String, f64>,
    /// Distance from the target, lots of the hedge, within which nothing is done.
    pub band_lots: f64,
    /// Most lots held long or short of the hedge. A limit: no default.
    pub position_max_lots: i64,
    /// Most lots of one hedge order. A limit: no default.
    pub order_qty_max_lots: i64,
    /// Furthest price beyond the hedge's touch, ticks. A limit: no default.
    pub slippage_ticks_max: i64,
    /// Nothing is sent when the hedge's book has been silent for longer, milliseconds. A limit: no default.
    pub top_age_ms_max: i64,
    /// Pause after an order that was refused or did not trade in full, milliseconds.
    #[serde(default = "retry_ms")]
    pub retry_ms: i64,
}

const fn retry_ms() -> i64 {
    100
}

/// Greatest ratio either way.
const RATIO_MAX: f64 = 1e9;

impl HedgeConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        const LOTS_MAX: i64 = 1_000_000_000;
        let legs = i64::try_from(self.ratios.len()).unwrap_or(i64::MAX);
        whole("hedge.ratios (their number)", legs, 1..=4096, "1 to 4096")?;
        for (symbol, ratio) in &self.ratios {
            real("hedge.ratios", *ratio, -RATIO_MAX, RATIO_MAX, "-1,000,000,000 to 1,000,000,000")?;
            let is_itself = i64::from(*symbol == self.symbol);
            whole("hedge.ratios for hedge.symbol itself (their number)", is_itself, 0..=0, "none")?;
        }
        real("hedge.band_lots", self.band_lots, 0.0, 1e9, "0 to 1,000,000,000")?;
        whole("hedge.position_max_lots", self.position_max_lots, 1..=LOTS_MAX, "1 to 1,000,000,000")?;
        whole("hedge.order_qty_max_lots", self.order_qty_max_lots, 1..=LOTS_MAX, "1 to 1,000,000,000")?;
        whole("hedge.slippage_ticks_max", self.slippage_ticks_max, 0..=1_000_000, "0 to 1,000,000")?;
        whole("hedge.top_age_ms_max", self.top_age_ms_max, 1..=1_000_000_000, "1 to 1,000,000,000")?;
        whole("hedge.retry_ms", self.retry_ms, 0..=1_000_000_000, "0 to 1,000,000,000")
    }
}

/// The hedge of one market maker.
#[derive(Clone, Debug)]
pub(crate) struct Hedge {
    config: HedgeConfig,
    pub(crate) id: InstrumentId,
    instrument: Instrument,
    /// What is hedged, in the order of the symbols: sums do not depend on the instruments' order.
    legs: Vec<(InstrumentId, f64)>,
    top: TopOfBook,
    paused_until_ns: i64,
}

impl Hedge {
    /// Finds the instruments.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where a symbol is not among the instruments.
    pub(crate) fn new(config: &HedgeConfig, instruments: &InstrumentTable) -> Result<Self, ConfigError> {
        let find = |symbol: &str, key| {
            let unknown = ConfigError { key, wanted: "found once among the run's instruments", got: 0.0 };
            instruments.find(symbol).ok_or(unknown)
        };
        let id = find(&config.symbol, "hedge.symbol (its count)")?;
        let leg = |(symbol, ratio): (&String, &f64)| {
            Ok((find(symbol, "each symbol of hedge.ratios (its count)")?, *ratio))
        };
        let legs = config.ratios.iter().map(leg).collect::<Result<_, _>>()?;
        let instrument = instruments.get(id).clone();
        let top = TopOfBook::NONE;
        Ok(Self { config: config.clone(), id, instrument, legs, top, paused_until_ns: i64::MIN })
    }

    /// The hedge's book after a record.
    #[inline]
    pub(crate) fn on_top(&mut self, top: &TopOfBook) {
        self.top = *top;
    }

    /// An order of the hedge was refused or ended short: not at once again.
    pub(crate) fn pause(&mut self, now_ns: i64) {
        self.paused_until_ns = now_ns.saturating_add(self.config.retry_ms * super::NANOS_PER_MS);
    }

    /// Where the hedge's position should be, lots.
    #[inline]
    pub(crate) fn target_lots(&self, oms: &Oms) -> f64 {
        let exposure = |sum: f64, (id, ratio): &(InstrumentId, f64)| sum + ratio * oms.position(*id) as f64;
        let most = self.config.position_max_lots as f64;
        (-self.legs.iter().fold(0.0, exposure)).clamp(-most, most)
    }

    /// Says one order where the position is out of its band, or cancels one in doubt.
    #[inline]
    pub(crate) fn look(&mut self, now_ns: i64, oms: &Oms, say: &mut Say) {
        let position = oms.position(self.id);
        let short_of = self.target_lots(oms) - position as f64;
        if short_of.abs() > self.config.band_lots && now_ns >= self.paused_until_ns {
            self.act(short_of, position, now_ns, oms, say);
        }
    }

    #[cold]
    fn act(&mut self, short_of: f64, position: i64, now_ns: i64, oms: &Oms, say: &mut Say) {
        let mut open = Side::BOTH.into_iter().flat_map(|side| oms.open_orders(self.id, side));
        if let Some(order) = open.next() {
            if order.state == State::Unknown {
                // Nobody answered: only the venue can say that it is gone.
                say.cancel(ClientId(order.id));
                self.pause(now_ns);
            }
            return;
        }
        if !self.is_tradable(now_ns) {
            return;
        }
        // Towards nothing: what is hedged is never more than what is held.
        #[allow(clippy::cast_possible_truncation, reason = "both within a billion lots")]
        let lots = (short_of as i64).abs();
        let side = if short_of > 0.0 { Side::Bid } else { Side::Ask };
        let room = self.config.position_max_lots.saturating_sub(position.saturating_mul(side.sign()));
        let most = self.config.order_qty_max_lots.min(self.instrument.order_qty_max);
        let qty = lots.min(most).min(room);
        if qty >= self.instrument.order_qty_min {
            let price = marketable(&self.top, &self.instrument, side, self.config.slippage_ticks_max);
            say.order(OrderRequest::limit(self.id, side, price, qty).with_tif(TimeInForce::Ioc));
        }
    }

    /// Firm, in continuous trading and not old.
    fn is_tradable(&self, now_ns: i64) -> bool {
        let age_ns = now_ns.saturating_sub(self.top.ts_recv_ns);
        self.top.is_firm()
            && self.top.phase() == Phase::Continuous
            && age_ns <= self.config.top_age_ms_max * super::NANOS_PER_MS
    }
}

/// Price of an order that takes: the other side's touch and so many ticks beyond, on the grid there, rounded towards us.
pub(crate) fn marketable(top: &TopOfBook, instrument: &Instrument, side: Side, ticks: i64) -> Price {
    let touch = if side == Side::Bid { top.ask_px } else { top.bid_px };
    let away = side.sign().saturating_mul(ticks.saturating_mul(instrument.tick_at(touch)));
    let price = Price(touch.saturating_add(away));
    let tick = instrument.tick_at(price.0);
    let price = if side == Side::Bid { price.floor_to_tick(tick) } else { price.ceil_to_tick(tick) };
    // A sale is never stated below the smallest price there is, where prices are positive.
    if touch > 0 { price.max(Price(tick)) } else { price }
}

#[cfg(test)]
mod tests;
