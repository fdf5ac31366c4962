//! The crate's local side with an ear: notes each fill when its answer arrives.

use std::cell::RefCell;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::rc::Rc;

use hftbacktest::backtest::BacktestError;
use hftbacktest::backtest::proc::{LocalProcessor, Processor};
use hftbacktest::depth::MarketDepth;
use hftbacktest::types::{
    Event, OrdType, Order, OrderId, Side as PeerSide, StateValues, Status, TimeInForce,
};
use tickrace_types::Side;

use super::quoter::whole;

/// One fill of one of our orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// When the venue matched, nanoseconds.
    pub ts_venue_ns: i64,
    /// When we heard of it, nanoseconds.
    pub ts_recv_ns: i64,
    /// Our side.
    pub side: Side,
    /// Price in ticks.
    pub price_ticks: i64,
    /// Lots.
    pub qty_lots: i64,
    /// Our order number.
    pub order_id: u64,
}

/// The local side `P` of depth `MD`, and what it heard.
pub struct Recorder<P, MD> {
    inner: P,
    fills: Rc<RefCell<Vec<Fill>>>,
    /// Trades of the crate's own count that are noted.
    trades: i64,
    /// Noted orders that the crate has not been asked to forget.
    noted: Vec<OrderId>,
    lot: f64,
    depth: PhantomData<fn() -> MD>,
}

impl<MD: MarketDepth, P: LocalProcessor<MD>> Recorder<P, MD> {
    /// Around `inner`; fills go to `fills`. `lot` is the size of one lot in units.
    pub fn new(inner: P, fills: Rc<RefCell<Vec<Fill>>>, lot: f64) -> Self {
        Self { inner, fills, trades: 0, noted: Vec::new(), lot, depth: PhantomData }
    }

    /// Notes filled orders not yet noted, by order number: the crate keeps them in a hash map.
    fn note(&mut self, ts_recv_ns: i64) {
        let new = self.inner.orders().values().filter(|order| order.status == Status::Filled);
        let new = new.filter(|order| !self.noted.contains(&order.order_id));
        let mut heard: Vec<Fill> = new
            .map(|order| Fill {
                ts_venue_ns: order.exch_timestamp,
                ts_recv_ns,
                side: if order.side == PeerSide::Buy { Side::Bid } else { Side::Ask },
                price_ticks: order.exec_price_tick,
                qty_lots: whole(order.exec_qty / self.lot),
                order_id: order.order_id,
            })
            .collect();
        heard.sort_unstable_by_key(|fill| fill.order_id);
        self.noted.extend(heard.iter().map(|fill| fill.order_id));
        self.fills.borrow_mut().append(&mut heard);
    }
}

impl<MD: MarketDepth, P: LocalProcessor<MD>> Processor for Recorder<P, MD> {
    fn event_seen_timestamp(&self, event: &Event) -> Option<i64> {
        self.inner.event_seen_timestamp(event)
    }

    fn process(&mut self, event: &Event) -> Result<(), BacktestError> {
        self.inner.process(event)
    }

    fn process_recv_order(
        &mut self,
        timestamp: i64,
        wait_resp_order_id: Option<OrderId>,
    ) -> Result<bool, BacktestError> {
        let waited = self.inner.process_recv_order(timestamp, wait_resp_order_id)?;
        let trades = self.inner.state_values().num_trades;
        if trades > self.trades {
            self.trades = trades;
            self.note(timestamp);
        }
        Ok(waited)
    }

    fn earliest_recv_order_timestamp(&self) -> i64 {
        self.inner.earliest_recv_order_timestamp()
    }

    fn earliest_send_order_timestamp(&self) -> i64 {
        self.inner.earliest_send_order_timestamp()
    }
}

impl<MD: MarketDepth, P: LocalProcessor<MD>> LocalProcessor<MD> for Recorder<P, MD> {
    fn submit_order(
        &mut self,
        order_id: OrderId,
        side: PeerSide,
        price: f64,
        qty: f64,
        order_type: OrdType,
        time_in_force: TimeInForce,
        current_timestamp: i64,
    ) -> Result<(), BacktestError> {
        self.inner.submit_order(order_id, side, price, qty, order_type, time_in_force, current_timestamp)
    }

    fn modify(&mut self, order_id: OrderId, price: f64, qty: f64, now: i64) -> Result<(), BacktestError> {
        self.inner.modify(order_id, price, qty, now)
    }

    fn cancel(&mut self, order_id: OrderId, current_timestamp: i64) -> Result<(), BacktestError> {
        self.inner.cancel(order_id, current_timestamp)
    }

    fn clear_inactive_orders(&mut self) {
        self.noted.clear();
        self.inner.clear_inactive_orders();
    }

    fn position(&self) -> f64 {
        self.inner.position()
    }

    fn state_values(&self) -> &StateValues {
        self.inner.state_values()
    }

    fn depth(&self) -> &MD {
        self.inner.depth()
    }

    fn orders(&self) -> &HashMap<OrderId, Order> {
        self.inner.orders()
    }

    fn last_trades(&self) -> &[Event] {
        self.inner.last_trades()
    }

    fn clear_last_trades(&mut self) {
        self.inner.clear_last_trades();
    }

    fn feed_latency(&self) -> Option<(i64, i64)> {
        self.inner.feed_latency()
    }

    fn order_latency(&self) -> Option<(i64, i64, i64)> {
        self.inner.order_latency()
    }
}
