//! Quotes one order a side at the touch, on a timer: the plainest market maker there is, for comparing simulators.
//!
//! On each firing, for each side, bids first: orders away from the target price are cancelled, and where the position
//! allows it and no order of the side has the target price, one is sent, post-only, unless it would meet an order of our
//! own. The target is the touch, moved by one
//! tick for each order's worth of position, and never through the other side. It keeps no memory, so that skipping
//! firings between which nothing was heard changes nothing. Outside continuous trading it withdraws and sends nothing.

use serde::{Deserialize, Serialize};
use tickrace_oms::{OrderRequest, State};
use tickrace_types::{ClientId, Phase, Price, Side};

use crate::{ConfigError, Policy, Say, Speech, View, Weight};

/// What the quoter is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TouchQuoterConfig {
    /// Lots of each order.
    pub order_qty_lots: i64,
    /// Lots of position, long or short, that no fill may go beyond.
    pub position_max_lots: i64,
}

impl TouchQuoterConfig {
    /// Checks both.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key.
    pub fn validate(&self) -> Result<(), ConfigError> {
        const LOTS_MAX: i64 = 1_000_000_000_000;
        let fail = |key, wanted, got: i64| Err(ConfigError { key, wanted, got: got as f64 });
        if !(1..=LOTS_MAX).contains(&self.order_qty_lots) {
            return fail("order_qty_lots", "1 to 1,000,000,000,000", self.order_qty_lots);
        }
        if !(self.order_qty_lots..=LOTS_MAX).contains(&self.position_max_lots) {
            return fail("position_max_lots", "order_qty_lots to 1,000,000,000,000", self.position_max_lots);
        }
        Ok(())
    }

    /// With sizes and limits of a weight; checked as if they had been stated so.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key that is out of range then.
    pub fn weighted(&self, weight: Weight) -> Result<Self, ConfigError> {
        let config = Self {
            order_qty_lots: weight.lots(self.order_qty_lots),
            position_max_lots: weight.lots(self.position_max_lots),
        };
        config.validate().map(|()| config)
    }
}

/// The policy.
#[derive(Clone, Debug)]
pub struct TouchQuoter {
    config: TouchQuoterConfig,
}

impl TouchQuoter {
    /// Checks its configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming a key out of range.
    pub fn new(config: &TouchQuoterConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self { config: *config })
    }

    fn quote_side(&self, view: &View<'_>, side: Side, target: i64, say: &mut Say) {
        let position = view.oms.position(view.id);
        let qty = self.config.order_qty_lots;
        let is_allowed = match side {
            Side::Bid => position + qty <= self.config.position_max_lots,
            Side::Ask => position - qty >= -self.config.position_max_lots,
        };
        let mut is_there = false;
        for order in view.oms.open_orders(view.id, side) {
            let is_at_target = order.price == target;
            is_there |= is_at_target;
            let is_free = matches!(order.state, State::Live | State::PartlyFilled);
            if is_free && (!is_at_target || !is_allowed) {
                say.cancel(ClientId(order.id));
            }
        }
        // An order of ours on the other side, even one that is leaving, would be traded with: the gate refuses such.
        let meets_own =
            |order: &tickrace_oms::Order| order.price == target || side.is_better(target, order.price);
        let is_apart = !view.oms.open_orders(view.id, side.opposite()).any(meets_own);
        if is_allowed && !is_there && is_apart {
            say.order(OrderRequest::post_only(view.id, side, Price(target), qty));
        }
    }
}

impl Policy for TouchQuoter {
    fn on_event(&mut self, _view: &View<'_>, _say: &mut Say) {}

    fn is_timer_idle_safe(&self) -> bool {
        true
    }

    fn on_timer(&mut self, view: &View<'_>, say: &mut Say) {
        let top = view.top;
        if top.phase() != Phase::Continuous {
            // Nothing of ours waits through an auction or a halt, and nothing is sent that could only be refused.
            say.speech = Speech::Pull;
            return;
        }
        if !top.is_firm() {
            return;
        }
        let steps = view.oms.position(view.id) / self.config.order_qty_lots;
        let (bid_tick, ask_tick) = (view.instrument.tick_at(top.bid_px), view.instrument.tick_at(top.ask_px));
        let bid = (top.bid_px - steps * bid_tick).min(top.ask_px - ask_tick);
        let ask = (top.ask_px - steps * ask_tick).max(top.bid_px + bid_tick);
        self.quote_side(view, Side::Bid, bid, say);
        self.quote_side(view, Side::Ask, ask, say);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_oms::{Oms, OmsConfig};
    use tickrace_types::{
        AccountId, Instrument, InstrumentId, InstrumentTable, Record, SessionId, StrategyId, TopOfBook,
        VenueId,
    };

    const CENT: i64 = 10_000_000;

    /// What is said of a firm market in a phase: prices in cents asked for, and what becomes of the quotes.
    fn said(phase: Phase) -> (Vec<i64>, Speech) {
        let share = Instrument::us_equity("AAPL");
        let table = InstrumentTable::new(vec![share.clone()]).unwrap();
        let oms_config = OmsConfig {
            open_orders_max: 8,
            strategy: StrategyId(0),
            account: AccountId(0),
            venue: VenueId(0),
            session: SessionId(0),
            first_client_id: 1,
            unacked_timeout_ns: 1_000_000_000,
        };
        let oms = Oms::new(&oms_config, &table);
        let top = TopOfBook {
            bid_px: 10_000 * CENT,
            ask_px: 10_002 * CENT,
            bid_qty: 100,
            ask_qty: 100,
            phase: phase as u8,
            ..TopOfBook::default()
        };
        let config = TouchQuoterConfig { order_qty_lots: 10, position_max_lots: 100 };
        let mut quoter = TouchQuoter::new(&config).unwrap();
        let mut say = Say::default();
        let record = Record::default();
        let view = View {
            now_ns: 1,
            record: &record,
            top: &top,
            id: InstrumentId(0),
            instrument: &share,
            oms: &oms,
        };
        quoter.on_timer(&view, &mut say);
        (say.orders().map(|order| order.price.0 / CENT).collect(), say.speech)
    }

    #[test]
    fn it_quotes_the_touch_while_trading_is_continuous() {
        assert_eq!(said(Phase::Continuous), (vec![10_000, 10_002], Speech::Keep));
    }

    #[test]
    fn it_withdraws_and_sends_nothing_in_every_other_phase() {
        for phase in [Phase::Unknown, Phase::PreOpen, Phase::Auction, Phase::Halted, Phase::Closed] {
            assert_eq!(said(phase), (vec![], Speech::Pull), "{phase:?}");
        }
    }
}
