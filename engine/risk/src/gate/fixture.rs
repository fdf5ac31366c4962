//! A small world around a gate for its tests: cents, whole lots, one firm book an instrument.

use tickrace_types::{
    Action, Header, Instrument, InstrumentTable, Kind, OrderRecord, Phase, ResponseKind, ResponseRecord,
    Side, TopOfBook, Verdict,
};

use super::Gate;
use crate::limits::{
    AccountLimits, DuplicateLimits, ExposureLimits, InstrumentLimits, MarketLimits, SessionLimits,
};
use crate::{Limits, Reason};

pub const CENT: i64 = 10_000_000;
pub const MS: i64 = 1_000_000;
/// A Monday morning.
pub const START_NS: i64 = 1_772_000_000_000_000_000;

/// Limits so wide that nothing but what a test narrows can refuse.
pub fn wide() -> Limits {
    Limits {
        currency: "USD".to_owned(),
        session: SessionLimits {
            new_rate_per_s: 1_000_000,
            new_burst_count: 1_000_000,
            replace_rate_per_s: 1_000_000,
            replace_burst_count: 1_000_000,
            cancel_rate_per_s: 1_000_000,
            cancel_burst_count: 1_000_000,
            cancel_reserve_count: 1_000_000,
        },
        duplicate: DuplicateLimits { duplicate_count_max: 14, duplicate_window_ms: 1 },
        market: MarketLimits {
            book_age_max_ms: 1000,
            clock_difference_max_ms: 50,
            phases_allowed: vec!["continuous".to_owned()],
        },
        total: ExposureLimits { gross_exposure_max_ccy: 1_000_000_000, net_exposure_max_ccy: 1_000_000_000 },
        accounts: [0, 7]
            .map(|account| AccountLimits {
                account,
                gross_exposure_max_ccy: 1_000_000_000,
                net_exposure_max_ccy: 1_000_000_000,
            })
            .to_vec(),
        instrument: InstrumentLimits {
            price_collar_bps: 10_000,
            order_qty_max_lots: 100_000,
            order_notional_max_ccy: 1_000_000_000,
            position_max_lots: 1_000_000,
            open_orders_side_max_count: 16,
            open_qty_side_max_lots: 1_000_000,
        },
        overrides: Default::default(),
        controls: Default::default(),
        strategies: Default::default(),
        short_sale: None,
    }
}

/// A firm book, `bid` and `ask` in cents.
pub fn top(instrument: u32, bid: i64, ask: i64, now_ns: i64) -> TopOfBook {
    TopOfBook {
        bid_px: bid * CENT,
        ask_px: ask * CENT,
        bid_qty: 100,
        ask_qty: 100,
        ts_venue_ns: now_ns,
        ts_recv_ns: now_ns,
        instrument,
        phase: Phase::Continuous as u8,
        ..TopOfBook::default()
    }
}

/// A gate over two shares at 100.00 / 100.02.
pub struct World {
    pub gate: Gate,
    pub now_ns: i64,
    pub next_id: u64,
}

impl World {
    pub fn new(limits: &Limits) -> Self {
        Self::with_capacity(limits, 64)
    }

    pub fn with_capacity(limits: &Limits, capacity: usize) -> Self {
        let shares = InstrumentTable::new(["AAA", "BBB"].map(Instrument::us_equity).to_vec()).unwrap();
        let mut gate = Gate::new(limits, &shares, capacity).unwrap();
        gate.on_top(&top(0, 10_000, 10_002, START_NS));
        gate.on_top(&top(1, 10_000, 10_002, START_NS));
        Self { gate, now_ns: START_NS, next_id: 1 }
    }

    fn blank(&mut self, action: Action) -> OrderRecord {
        let header = Header { kind: Kind::Order as u8, ts_recv_ns: self.now_ns, ..Header::default() };
        self.next_id += 1;
        OrderRecord { header, client_id: self.next_id - 1, action: action as u8, ..OrderRecord::default() }
    }

    /// A new order of the first share, price in cents.
    pub fn order(&mut self, side: Side, cents: i64, qty: i64) -> OrderRecord {
        OrderRecord { price: cents * CENT, qty, side: side as u8, ..self.blank(Action::New) }
    }

    pub fn replace(&mut self, old: &OrderRecord, cents: i64, qty: i64) -> OrderRecord {
        let mut blank = self.blank(Action::Replace);
        blank.set_terms(&old.terms());
        OrderRecord {
            header: Header { instrument: old.header.instrument, ..blank.header },
            orig_client_id: old.client_id,
            price: cents * CENT,
            qty,
            side: old.side,
            account: old.account,
            order_type: old.order_type,
            tif: old.tif,
            ..blank
        }
    }

    pub fn cancel(&mut self, old: &OrderRecord) -> OrderRecord {
        OrderRecord { orig_client_id: old.client_id, side: old.side, ..self.blank(Action::Cancel) }
    }

    pub fn check(&mut self, order: &OrderRecord) -> Result<(), Reason> {
        let verdict: Verdict = self.gate.check(order);
        if verdict.is_passed() { Ok(()) } else { Err(Reason::from_code(verdict.0).unwrap()) }
    }

    /// Sends a new order that must pass.
    pub fn sent(&mut self, side: Side, cents: i64, qty: i64) -> OrderRecord {
        let order = self.order(side, cents, qty);
        assert_eq!(self.check(&order), Ok(()));
        order
    }

    /// Judges a new order.
    pub fn judged(&mut self, side: Side, cents: i64, qty: i64) -> Result<(), Reason> {
        let order = self.order(side, cents, qty);
        self.check(&order)
    }

    /// The venue answers.
    pub fn answer(&mut self, kind: ResponseKind, order: &OrderRecord, qty: i64, leaves: i64) {
        let response = response(kind, order, qty, leaves);
        self.gate.on_response(&response);
    }
}

pub fn response(kind: ResponseKind, order: &OrderRecord, qty: i64, leaves: i64) -> ResponseRecord {
    ResponseRecord {
        header: Header {
            instrument: order.header.instrument,
            kind: Kind::Response as u8,
            ..Header::default()
        },
        client_id: order.client_id,
        orig_client_id: order.orig_client_id,
        price: order.price,
        qty,
        leaves,
        response: kind as u8,
        side: order.side,
        ..ResponseRecord::default()
    }
}
