//! Market making after Avellaneda and Stoikov: two-sided quotes around a reservation price.
//!
//! The reservation price leans against inventory and with order flow; the half spread grows with volatility and
//! one-sided flow, and shrinks where executions are frequent and near. Quotes stand in a firm market in continuous
//! trading only, never take, and never let the position pass its limit. Knows nothing of orders: it states wanted
//! quotes, and order management converges.
//!
//! Off unless configured: a fair value beside the mid, order flow imbalance at the touch, wider quotes in a market that has
//! become lively, inventory with a half-life, and a hedge in another instrument. The last two give orders that take, for
//! inventory alone and never while a quote of ours could meet them.
//!
//! An event that moves neither the top nor our orders costs a few comparisons; logarithms and roots are taken
//! every `refresh_ns` of event time, not per tick, and after the tick's orders have left: a quote rests on what was
//! known up to the event before it.

mod config;
pub mod fair_value;
pub mod flow_imbalance;
mod grid;
mod hedge;
mod inventory;
mod lean;
mod levels;
mod market;
pub mod microprice;
pub mod model;
mod signals;
#[cfg(test)]
mod tests;
mod volatility_ratio;

pub use config::{ConfigError, MarketMakerConfig, Model};
pub use fair_value::FairValue;
pub use flow_imbalance::FlowImbalanceConfig;
pub use hedge::HedgeConfig;
pub use inventory::{FlattenConfig, InventoryConfig};
pub use levels::LevelConfig;
pub use microprice::MicropriceConfig;
pub use volatility_ratio::VolatilityRatioConfig;

use tickrace_oms::{OrderRequest, State};
use tickrace_types::event::venue_reason;
use tickrace_types::{ClientId, InstrumentTable, ResponseKind, ResponseRecord, Side, TimeInForce};

use crate::{Policy, Say, Speech, View};
use hedge::{Hedge, marketable};
use levels::Sizes;
use market::{Market, Prices};

const NANOS_PER_MS: i64 = 1_000_000;

/// Quotes both sides of every instrument it sees.
#[derive(Debug)]
pub struct MarketMaker {
    config: MarketMakerConfig,
    sizes: Sizes,
    markets: Vec<Market>,
    hedge: Option<Box<Hedge>>,
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
            hedge: config
                .hedge
                .as_ref()
                .map(|hedge| Hedge::new(hedge, instruments).map(Box::new))
                .transpose()?,
        })
    }

    #[inline]
    fn decide(&mut self, view: &View<'_>, say: &mut Say) {
        if self.hedge.is_none() {
            return self.quote(view, say);
        }
        self.quote_and_hedge(view, say);
    }

    /// Quotes, then hedges: both look at what has changed.
    #[inline(never)]
    fn quote_and_hedge(&mut self, view: &View<'_>, say: &mut Say) {
        match &mut self.hedge {
            Some(hedge) if view.id == hedge.id => hedge.on_top(view.top),
            _ => self.quote(view, say),
        }
        if let Some(hedge) = &mut self.hedge {
            hedge.look(view.now_ns, view.oms, say);
        }
    }

    #[inline(always)]
    fn quote(&mut self, view: &View<'_>, say: &mut Say) {
        let Some(market) = self.markets.get(view.id.index()) else { return };
        let version = view.oms.version(view.id);
        let moved = market.has_moved(view.top);
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
            market.on_top(top, view.instrument, view.now_ns);
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
            market.refresh(view.now_ns, &self.config, &self.sizes);
        }
        let position = view.oms.position(view.id);
        market.lean(position, view.now_ns);
        if self.config.inventory.is_some() && flattens(market, view, say, position, &self.config) {
            market.version = version;
            return;
        }
        let filled = position != market.position;
        if view.now_ns < market.paused_until_ns && !filled {
            // Our orders count as not looked at: once the pause is over the same quotes are said again.
            market.is_waiting = true;
            return;
        }
        market.version = version;
        let bound = if self.config.reservation_is_firm { market.bound(position) } else { Prices::ANY };
        let fresh = market.settled(market.fresh(position), self.config.requote_ticks, bound);
        let waits = market.is_quoting
            && !filled
            && view.now_ns < market.life_until_ns
            && market.is_safe(market.said, bound);
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

/// Refreshes the parameters. Where the new ones ask for other quotes, the next event says so, whether it moves the top or
/// not.
#[inline(never)]
fn renew(market: &mut Market, view: &View<'_>, config: &MarketMakerConfig, sizes: &Sizes) {
    market.refresh(view.now_ns, config, sizes);
    let position = view.oms.position(view.id);
    market.lean(position, view.now_ns);
    let bound = if config.reservation_is_firm { market.bound(position) } else { Prices::ANY };
    let fresh = market.settled(market.fresh(position), config.requote_ticks, bound);
    market.is_waiting |= market.flatten_lots(position, view.now_ns) != 0;
    market.is_waiting |= !market.is_quoting || fresh != market.said;
}

/// Trades inventory away that is too old: first the quotes are pulled, then one order at a time takes. Whether that is
/// under way, so that nothing is quoted.
#[cold]
fn flattens(
    market: &mut Market,
    view: &View<'_>,
    say: &mut Say,
    position: i64,
    config: &MarketMakerConfig,
) -> bool {
    let lots = market.flatten_lots(position, view.now_ns);
    let qty = lots.abs().min(view.instrument.order_qty_max);
    let is_due = qty >= view.instrument.order_qty_min;
    if !is_due && !market.is_flattening {
        return false;
    }
    let open = || Side::BOTH.into_iter().flat_map(|side| view.oms.open_orders(view.id, side));
    if open().any(|order| order.is_quote || order.state == State::Unknown) {
        say.speech = Speech::Pull;
    } else if open().next().is_none() {
        if !is_due {
            (market.is_flattening, market.is_quoting) = (false, false);
            return false;
        }
        if view.now_ns >= market.paused_until_ns {
            let side = if lots > 0 { Side::Bid } else { Side::Ask };
            let flatten = config.inventory.and_then(|inventory| inventory.flatten);
            let ticks = flatten.map_or(0, |flatten| flatten.slippage_ticks_max);
            let price = marketable(view.top, view.instrument, side, ticks);
            say.order(OrderRequest::limit(view.id, side, price, qty).with_tif(TimeInForce::Ioc));
        }
    }
    (market.is_flattening, market.is_quoting, market.is_waiting) = (true, false, true);
    true
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
        // What takes and ended short found nobody to trade with.
        let ended_short = || {
            let is_ended = response.response() == Some(ResponseKind::Cancelled);
            let order = view.oms.order(ClientId(response.client_id)).filter(|_| is_ended);
            order.is_some_and(|order| order.tif == TimeInForce::Ioc)
        };
        let is_hedge = self.hedge.as_ref().is_some_and(|hedge| hedge.id == view.id);
        let takes = is_hedge || self.config.inventory.is_some();
        if refused || takes && ended_short() {
            if let Some(hedge) = self.hedge.as_mut().filter(|_| is_hedge) {
                hedge.pause(view.now_ns);
            } else if let Some(market) = self.markets.get_mut(view.id.index()) {
                // Whatever was refused would be refused again at once.
                let pause_ns = self.config.refusal_pause_ms * NANOS_PER_MS;
                market.paused_until_ns = view.now_ns.saturating_add(pause_ns);
            }
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
            renew(market, view, &self.config, &self.sizes);
        }
    }

    fn warm_up(&mut self, view: &View<'_>) {
        if let Some(hedge) = self.hedge.as_mut().filter(|hedge| hedge.id == view.id) {
            return hedge.on_top(view.top);
        }
        let Some(market) = self.markets.get_mut(view.id.index()) else { return };
        market.observe(view.record);
        if market.has_moved(view.top) {
            market.on_top(view.top, view.instrument, view.now_ns);
        }
        if view.now_ns >= market.refresh_due_ns {
            market.refresh(view.now_ns, &self.config, &self.sizes);
        }
    }
}
