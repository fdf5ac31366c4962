//! Native records to the peer's events.
//!
//! One record gives at most two events, in the log's order. A record is seen by the venue at its venue time and by us at
//! its receive time; [`Flags::VENUE_ONLY`] and [`Flags::DESK_ONLY`] leave one of the two out. The peer wants each of the
//! two sequences in the order of its own clock, and so do we: a log that goes back is refused by place.
//!
//! Order by order the peer names what is left of an order, our records what went: what rests is kept here.

use std::collections::HashMap;

use hftbacktest::types::{
    ADD_ORDER_EVENT, BUY_EVENT, CANCEL_ORDER_EVENT, DEPTH_CLEAR_EVENT, DEPTH_EVENT, DEPTH_SNAPSHOT_EVENT,
    EXCH_EVENT, Event, FILL_EVENT, LOCAL_EVENT, MODIFY_ORDER_EVENT, SELL_EVENT, TRADE_EVENT,
};
use tickrace_types::{Flags, Kind, MarketRecord, Record};

use super::from_nanos;

/// Why records cannot be the peer's events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// One of the two clocks went back.
    #[error("record {index}: {clock} time went back from {before} to {after} ns")]
    WentBack {
        /// Which record, from 0.
        index: u64,
        /// `venue` or `receive`.
        clock: &'static str,
        /// The time before, nanoseconds.
        before: i64,
        /// The record's, nanoseconds.
        after: i64,
    },
    /// An order record that the venue and we see at different places: what rests would differ.
    #[error("record {index}: an order of one side of the wire only")]
    OneSided {
        /// Which record, from 0.
        index: u64,
    },
    /// A row of the peer's that is none of ours.
    #[error("event {index}: {field} is {value}")]
    Event {
        /// Which event, from 0.
        index: usize,
        /// Which field.
        field: &'static str,
        /// As it stands there.
        value: String,
    },
}

/// A displayed order.
#[derive(Clone, Copy)]
struct Resting {
    side: u64,
    price: i64,
    lots: i64,
}

/// Makes events of the records of one instrument.
pub struct Converter {
    instrument: u32,
    lot_nanos: i64,
    resting: HashMap<u64, Resting>,
    events: Vec<Event>,
    index: u64,
    venue_ns: i64,
    recv_ns: i64,
    /// Ticks of this many nano-units: before each execution the venue sees the order that caused it come as far as the tick
    /// before the execution's price, and go again. None: executions alone.
    pub aggressors_tick_nanos: Option<i64>,
    /// Records without a counterpart there: other instruments, other kinds, seen by nobody.
    pub skipped: u64,
    /// Records of orders that do not rest, or rest already.
    pub orphans: u64,
}

impl Converter {
    /// For `instrument`, whose lot is `lot_nanos` nano-units.
    pub fn new(instrument: u32, lot_nanos: i64) -> Self {
        Self {
            instrument,
            lot_nanos,
            resting: HashMap::new(),
            events: Vec::new(),
            index: 0,
            venue_ns: i64::MIN,
            recv_ns: i64::MIN,
            aggressors_tick_nanos: None,
            skipped: 0,
            orphans: 0,
        }
    }

    /// The events so far.
    pub fn into_events(self) -> Vec<Event> {
        self.events
    }

    /// Takes one record.
    ///
    /// # Errors
    ///
    /// [`ConvertError::WentBack`], [`ConvertError::OneSided`].
    pub fn push(&mut self, record: &Record) -> Result<(), ConvertError> {
        let index = self.index;
        self.index += 1;
        let market = record.as_market();
        let kind = Kind::from_code(market.header.kind);
        let is_ours = market.header.instrument == self.instrument
            || (kind == Some(Kind::Clear) && market.header.instrument == u32::MAX);
        let (Some(kind), true) = (kind, is_ours) else {
            self.skipped += 1;
            return Ok(());
        };
        let seen = seen_by(market.header.flags);
        if seen == 0 {
            self.skipped += 1;
            return Ok(());
        }
        match kind {
            Kind::Level | Kind::Print | Kind::Clear => self.check_order(index, market, seen)?,
            Kind::Add | Kind::Execute | Kind::Cancel | Kind::Delete | Kind::Replace => {
                if seen != EXCH_EVENT | LOCAL_EVENT {
                    return Err(ConvertError::OneSided { index });
                }
                self.check_order(index, market, seen)?;
            }
            _ => {
                self.skipped += 1;
                return Ok(());
            }
        }
        match kind {
            Kind::Level => self.level(market, seen),
            Kind::Print => self.print(market, seen),
            Kind::Clear => self.clear(market, seen),
            Kind::Add => self.add(market),
            Kind::Execute => self.execute(market),
            Kind::Cancel => self.reduce(market, i64::from(market.qty)),
            Kind::Delete => self.reduce(market, i64::MAX),
            _ => self.replace(market),
        }
        Ok(())
    }

    fn check_order(&mut self, index: u64, market: &MarketRecord, seen: u64) -> Result<(), ConvertError> {
        let header = &market.header;
        let clocks = [
            (EXCH_EVENT, "venue", &mut self.venue_ns, header.ts_venue_ns),
            (LOCAL_EVENT, "receive", &mut self.recv_ns, header.ts_recv_ns),
        ];
        for (bit, clock, last, after) in clocks {
            if seen & bit == 0 {
                continue;
            }
            if after < *last {
                return Err(ConvertError::WentBack { index, clock, before: *last, after });
            }
            *last = after;
        }
        Ok(())
    }

    fn event(&mut self, market: &MarketRecord, ev: u64, price: i64, lots: i64) {
        self.events.push(Event {
            ev,
            exch_ts: market.header.ts_venue_ns,
            local_ts: market.header.ts_recv_ns,
            px: from_nanos(price),
            qty: self.units(lots),
            order_id: 0,
            ival: 0,
            fval: 0.0,
        });
    }

    /// An event of an order, seen on both sides of the wire.
    fn order(&mut self, market: &MarketRecord, kind: u64, order_ref: u64, resting: Resting) {
        self.event(market, kind | resting.side | EXCH_EVENT | LOCAL_EVENT, resting.price, resting.lots);
        if let Some(event) = self.events.last_mut() {
            event.order_id = order_ref;
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "rounds to nearest, as the text of the quantity would")]
    fn units(&self, lots: i64) -> f64 {
        (i128::from(lots) * i128::from(self.lot_nanos)) as f64 / 1e9
    }

    fn level(&mut self, market: &MarketRecord, seen: u64) {
        let is_snapshot = market.header.flags & Flags::SNAPSHOT != 0;
        let kind = if is_snapshot { DEPTH_SNAPSHOT_EVENT } else { DEPTH_EVENT };
        let lots = i64::try_from(market.order_ref).unwrap_or(i64::MAX);
        self.event(market, kind | side_of(market.side) | seen, market.price, lots);
    }

    fn print(&mut self, market: &MarketRecord, seen: u64) {
        let lots = if market.order_ref == 0 { u64::from(market.qty) } else { market.order_ref };
        let lots = i64::try_from(lots).unwrap_or(i64::MAX);
        self.event(market, TRADE_EVENT | side_of(market.side) | seen, market.price, lots);
    }

    fn clear(&mut self, market: &MarketRecord, seen: u64) {
        let is_part = market.code & MarketRecord::WITH_PRICE != 0 && market.side < 2;
        if is_part {
            self.event(market, DEPTH_CLEAR_EVENT | side_of(market.side) | seen, market.price, 0);
        } else {
            self.resting.clear();
            self.event(market, DEPTH_CLEAR_EVENT | seen, 0, 0);
        }
    }

    fn add(&mut self, market: &MarketRecord) {
        let resting =
            Resting { side: side_of(market.side), price: market.price, lots: i64::from(market.qty) };
        if resting.side == 0 || self.resting.contains_key(&market.order_ref) {
            self.orphans += 1;
            return;
        }
        self.resting.insert(market.order_ref, resting);
        self.order(market, ADD_ORDER_EVENT, market.order_ref, resting);
    }

    fn execute(&mut self, market: &MarketRecord) {
        if let Some(resting) = self.resting.get(&market.order_ref).copied() {
            let has_price = market.code & MarketRecord::WITH_PRICE != 0;
            let price = if has_price { market.price } else { resting.price };
            let lots = i64::from(market.qty);
            if let Some(tick_nanos) = self.aggressors_tick_nanos {
                self.aggressor(market, tick_nanos, Resting { price, lots, ..resting });
            }
            self.order(market, FILL_EVENT, market.order_ref, Resting { price, lots, ..resting });
        }
        self.reduce(market, i64::from(market.qty));
    }

    /// The order that met a resting one, at the venue alone.
    fn aggressor(&mut self, market: &MarketRecord, tick_nanos: i64, met: Resting) {
        let (side, step) =
            if met.side == SELL_EVENT { (BUY_EVENT, -tick_nanos) } else { (SELL_EVENT, tick_nanos) };
        for kind in [ADD_ORDER_EVENT, CANCEL_ORDER_EVENT] {
            self.event(market, kind | side | EXCH_EVENT, met.price + step, met.lots);
            if let Some(event) = self.events.last_mut() {
                // The venues number theirs from below.
                event.order_id = u64::MAX - self.index;
            }
        }
    }

    fn reduce(&mut self, market: &MarketRecord, by_lots: i64) {
        let order_ref = market.order_ref;
        let Some(resting) = self.resting.get_mut(&order_ref) else {
            self.orphans += 1;
            return;
        };
        resting.lots -= by_lots.min(resting.lots);
        let resting = *resting;
        if resting.lots == 0 {
            self.resting.remove(&order_ref);
            self.order(market, CANCEL_ORDER_EVENT, order_ref, resting);
        } else {
            self.order(market, MODIFY_ORDER_EVENT, order_ref, resting);
        }
    }

    /// Under its own number the peer changes an order in place, at the back of its queue where the price differs or the
    /// quantity grew; under a new one it goes and comes.
    fn replace(&mut self, market: &MarketRecord) {
        let Some(before) = self.resting.remove(&market.order_ref) else {
            self.orphans += 1;
            return;
        };
        let after = Resting { side: before.side, price: market.price, lots: i64::from(market.qty) };
        if market.other_ref == market.order_ref {
            self.order(market, MODIFY_ORDER_EVENT, market.order_ref, after);
        } else {
            self.order(market, CANCEL_ORDER_EVENT, market.order_ref, Resting { lots: 0, ..before });
            if self.resting.contains_key(&market.other_ref) {
                self.orphans += 1;
                return;
            }
            self.order(market, ADD_ORDER_EVENT, market.other_ref, after);
        }
        self.resting.insert(market.other_ref, after);
    }
}

const fn seen_by(flags: u8) -> u64 {
    let venue = if flags & Flags::DESK_ONLY == 0 { EXCH_EVENT } else { 0 };
    let desk = if flags & Flags::VENUE_ONLY == 0 { LOCAL_EVENT } else { 0 };
    venue | desk
}

const fn side_of(code: u8) -> u64 {
    match code {
        0 => BUY_EVENT,
        1 => SELL_EVENT,
        _ => 0,
    }
}
