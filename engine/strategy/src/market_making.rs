//! Market making after Avellaneda and Stoikov: two-sided quotes around a reservation price.
//!
//! The reservation price leans against inventory and with order flow; the half spread grows with volatility and
//! one-sided flow, and shrinks where executions are frequent and near. Quotes stand in a firm market in continuous
//! trading only, never take, and never let the position pass its limit. Knows nothing of orders: it states wanted
//! quotes, and order management converges.
//!
//! An event that moves neither the top nor our orders costs a few comparisons; logarithms and roots are taken
//! every `refresh_ns` of event time, not per tick, and after the tick's orders have left: a quote rests on what was
//! known up to the event before it.

mod config;
mod grid;
mod market;
pub mod model;
mod signals;
#[cfg(test)]
mod tests;

pub use config::{ConfigError, MarketMakerConfig, Model};

use tickrace_types::event::venue_reason;
use tickrace_types::{InstrumentTable, ResponseKind, ResponseRecord};

use crate::{Policy, Say, Speech, View};
use market::{Market, Sizes, condition};

const NANOS_PER_MS: i64 = 1_000_000;

/// Quotes both sides of every instrument it sees.
#[derive(Debug)]
pub struct MarketMaker {
    config: MarketMakerConfig,
    sizes: Sizes,
    markets: Vec<Market>,
}

impl MarketMaker {
    /// Takes all its memory here; one state for each instrument of the table.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is out of range.
    pub fn new(config: &MarketMakerConfig, instruments: &InstrumentTable) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            config: config.clone(),
            sizes: Sizes::new(config),
            markets: vec![Market::new(config); instruments.len()],
        })
    }

    #[inline]
    fn decide(&mut self, view: &View<'_>, say: &mut Say) {
        let Some(market) = self.markets.get(view.id.index()) else { return };
        let top = view.top;
        let version = view.oms.version(view.id);
        let moved =
            top.bid_px != market.bid_px || top.ask_px != market.ask_px || condition(top) != market.condition;
        let answered = version != market.version;
        if moved || answered || market.is_waiting {
            self.reconsider(view, say, moved, answered);
        }
    }

    /// Something may call for other quotes. One copy for ticks, answers and timers.
    #[inline(never)]
    fn reconsider(&mut self, view: &View<'_>, say: &mut Say, moved: bool, answered: bool) {
        let Some(market) = self.markets.get_mut(view.id.index()) else { return };
        let (top, version) = (view.top, view.oms.version(view.id));
        view.oms.expect(view.id);
        if moved {
            market.on_top(top, view.instrument);
        }
        let age_ns = view.now_ns.saturating_sub(top.ts_recv_ns);
        let is_old = age_ns > self.config.top_age_ms_max * NANOS_PER_MS;
        if is_old || !market.is_quotable() {
            if moved || answered || market.is_quoting {
                say.speech = Speech::Pull;
            }
            market.version = version;
            market.is_quoting = false;
            market.is_waiting = is_old;
            return;
        }
        if !market.is_refreshed() {
            market.refresh(view.now_ns, &self.config);
        }
        let position = view.oms.position(view.id);
        let filled = position != market.position;
        if view.now_ns < market.paused_until_ns && !filled {
            // Our orders count as not looked at: once the pause is over the same quotes are said again.
            market.is_waiting = true;
            return;
        }
        market.version = version;
        let fresh = market.settled(market.fresh(position), self.config.requote_ticks);
        let waits =
            market.is_quoting && !filled && view.now_ns < market.life_until_ns && market.is_safe(market.said);
        let prices = if waits { market.said } else { fresh };
        market.is_waiting = prices != fresh;
        let same = market.is_quoting && prices == market.said && !filled;
        if same && !answered {
            return;
        }
        market.write(&mut say.wanted, prices, position, &self.sizes, view.instrument);
        say.speech = Speech::Quote;
        if !same {
            market.life_until_ns = view.now_ns.saturating_add(self.config.quote_life_ns_min);
        }
        (market.said, market.position, market.is_quoting) = (prices, position, true);
    }
}

impl Policy for MarketMaker {
    #[inline]
    fn on_record(&mut self, view: &View<'_>) {
        if let Some(market) = self.markets.get_mut(view.id.index()) {
            market.observe(view.record);
        }
    }

    #[inline]
    fn on_event(&mut self, view: &View<'_>, say: &mut Say) {
        self.on_record(view);
        self.decide(view, say);
    }

    fn on_response(&mut self, view: &View<'_>, response: &ResponseRecord, say: &mut Say) {
        let refused = match response.response() {
            Some(ResponseKind::Rejected | ResponseKind::GateRefused) => true,
            Some(ResponseKind::CancelRejected) => response.reason != venue_reason::UNKNOWN_ORDER,
            Some(ResponseKind::Cancelled) => response.reason == venue_reason::POST_ONLY,
            Some(
                ResponseKind::Accepted
                | ResponseKind::Replaced
                | ResponseKind::Fill
                | ResponseKind::Triggered
                | ResponseKind::Restated,
            )
            | None => false,
        };
        if refused && let Some(market) = self.markets.get_mut(view.id.index()) {
            // Whatever was refused would be refused again at once.
            market.paused_until_ns = view.now_ns.saturating_add(self.config.refusal_pause_ms * NANOS_PER_MS);
        }
        self.decide(view, say);
    }

    fn on_timer(&mut self, view: &View<'_>, say: &mut Say) {
        // The one event that can come while the top only grows older.
        if let Some(market) = self.markets.get_mut(view.id.index()) {
            market.is_waiting = true;
        }
        self.decide(view, say);
    }

    #[inline]
    fn upkeep(&mut self, view: &View<'_>) {
        let Some(market) = self.markets.get_mut(view.id.index()) else { return };
        if view.now_ns >= market.refresh_due_ns && market.is_quotable() {
            market.refresh(view.now_ns, &self.config);
            // Where the new parameters ask for other quotes, the next event says so, whether it moves the top or not.
            let fresh = market.settled(market.fresh(view.oms.position(view.id)), self.config.requote_ticks);
            market.is_waiting |= !market.is_quoting || fresh != market.said;
        }
    }

    fn warm_up(&mut self, view: &View<'_>) {
        let Some(market) = self.markets.get_mut(view.id.index()) else { return };
        market.observe(view.record);
        let top = view.top;
        if top.bid_px != market.bid_px || top.ask_px != market.ask_px || condition(top) != market.condition {
            market.on_top(top, view.instrument);
        }
        if view.now_ns >= market.refresh_due_ns {
            market.refresh(view.now_ns, &self.config);
        }
    }
}
