//! A venue with two shares in continuous trading, spoken to in cents.

use tickrace_exchange::{Exchange, ExchangeConfig, FeeConfig};
use tickrace_types::event::VERSION;
use tickrace_types::{
    Action, Flags, Header, Instrument, InstrumentTable, Kind, MarketRecord, OrderRecord, OrderType, Phase,
    ResponseKind, ResponseRecord, Side, Terms, TimeInForce,
};

pub const CENT: i64 = 10_000_000;
pub const BID: Side = Side::Bid;
pub const ASK: Side = Side::Ask;

/// What a response says, in a form one can write down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Accepted { id: u64, leaves: i64 },
    Replaced { id: u64, orig: u64, px: i64, leaves: i64 },
    Maker { id: u64, px: i64, lots: i64, leaves: i64 },
    Taker { id: u64, px: i64, lots: i64, leaves: i64 },
    Cancelled { id: u64, lots: i64, reason: u8 },
    Reduced { id: u64, lots: i64, leaves: i64, reason: u8 },
    Rejected { id: u64, reason: u8 },
    CancelRejected { id: u64, orig: u64, reason: u8 },
    Triggered { id: u64, leaves: i64 },
    Restated { id: u64, px: i64, leaves: i64 },
}

impl Said {
    pub fn from_response(response: &ResponseRecord) -> Self {
        let (id, orig, reason) = (response.client_id, response.orig_client_id, response.reason);
        let (px, lots, leaves) = (response.price / CENT, response.qty, response.leaves);
        match response.response().expect("a known kind") {
            ResponseKind::Accepted => Self::Accepted { id, leaves },
            ResponseKind::Replaced => Self::Replaced { id, orig, px, leaves },
            ResponseKind::Fill if response.taker == 1 => Self::Taker { id, px, lots, leaves },
            ResponseKind::Fill => Self::Maker { id, px, lots, leaves },
            ResponseKind::Cancelled if leaves > 0 => Self::Reduced { id, lots, leaves, reason },
            ResponseKind::Cancelled => Self::Cancelled { id, lots, reason },
            ResponseKind::Rejected => Self::Rejected { id, reason },
            ResponseKind::CancelRejected => Self::CancelRejected { id, orig, reason },
            ResponseKind::Triggered => Self::Triggered { id, leaves },
            ResponseKind::Restated => Self::Restated { id, px, leaves },
            ResponseKind::GateRefused => panic!("a venue does not speak for the gate"),
        }
    }
}

pub struct World {
    pub exchange: Exchange,
    pub now_ns: i64,
    pub instrument: u32,
    pub raw: Vec<ResponseRecord>,
    seq: u64,
}

pub fn config() -> ExchangeConfig {
    ExchangeConfig {
        order_latency_ns: 0,
        response_latency_ns: 7,
        order_latency: None,
        response_latency: None,
        fees: FeeConfig {
            maker_per_lot_nanos: -2_000_000,
            taker_per_lot_nanos: 3_000_000,
            ..FeeConfig::FREE
        },
        funding: None,
        impact: tickrace_exchange::ImpactConfig::None,
        bars: None,
        faults: tickrace_exchange::FaultConfig::default(),
        open_orders_max: 8,
        hidden_through_fills: true,
        queue: tickrace_exchange::QueueModel::Exact,
        fills: tickrace_exchange::FillRule::Partial,
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(&config())
    }

    pub fn with(config: &ExchangeConfig) -> Self {
        let shares = vec![Instrument::us_equity("ONE"), Instrument::us_equity("TWO")];
        let table = InstrumentTable::new(shares).expect("two shares");
        let exchange = Exchange::new(config, &table, 64).expect("a valid configuration");
        let mut world = Self { exchange, now_ns: 1_000, instrument: 0, raw: Vec::new(), seq: 0 };
        for instrument in [1, 0] {
            world.instrument = instrument;
            world.phase(Phase::Continuous);
        }
        world
    }

    pub fn header(&mut self, kind: Kind) -> Header {
        self.seq += 1;
        Header {
            kind: kind as u8,
            version: VERSION,
            flags: Flags::END_OF_EVENT,
            source: 0,
            instrument: self.instrument,
            seq: self.seq,
            ts_venue_ns: self.now_ns,
            ts_recv_ns: self.now_ns,
        }
    }

    /// One market record now; prices in cents.
    pub fn market(&mut self, kind: Kind, fields: MarketRecord) -> Vec<Said> {
        let header = self.header(kind);
        let flags = header.flags | fields.header.flags;
        let record =
            MarketRecord { header: Header { flags, ..header }, price: fields.price * CENT, ..fields };
        self.speak(|exchange, mut out| exchange.on_market(record.as_record(), &mut out))
    }

    pub fn speak(&mut self, act: impl FnOnce(&mut Exchange, &mut dyn FnMut(&ResponseRecord))) -> Vec<Said> {
        let from = self.raw.len();
        let raw = &mut self.raw;
        act(&mut self.exchange, &mut |response| raw.push(*response));
        self.raw[from..].iter().map(Said::from_response).collect()
    }

    pub fn add(&mut self, order_ref: u64, side: Side, px: i64, qty: u32) -> Vec<Said> {
        self.market(
            Kind::Add,
            MarketRecord { order_ref, side: side as u8, price: px, qty, ..Default::default() },
        )
    }

    pub fn execute(&mut self, order_ref: u64, qty: u32) -> Vec<Said> {
        self.market(Kind::Execute, MarketRecord { order_ref, qty, ..Default::default() })
    }

    pub fn cancel(&mut self, order_ref: u64, qty: u32) -> Vec<Said> {
        self.market(Kind::Cancel, MarketRecord { order_ref, qty, ..Default::default() })
    }

    pub fn delete(&mut self, order_ref: u64) -> Vec<Said> {
        self.market(Kind::Delete, MarketRecord { order_ref, ..Default::default() })
    }

    pub fn replace(&mut self, order_ref: u64, other_ref: u64, px: i64, qty: u32) -> Vec<Said> {
        let fields = MarketRecord { order_ref, other_ref, price: px, qty, ..Default::default() };
        self.market(Kind::Replace, fields)
    }

    pub fn hidden(&mut self, px: i64, qty: u32) -> Vec<Said> {
        self.market(Kind::Trade, MarketRecord { price: px, qty, ..Default::default() })
    }

    pub fn cross(&mut self, px: i64, lots: u64) -> Vec<Said> {
        self.cross_of(b'O', px, lots)
    }

    pub fn cross_of(&mut self, code: u8, px: i64, lots: u64) -> Vec<Said> {
        self.market(Kind::Cross, MarketRecord { order_ref: lots, price: px, code, ..Default::default() })
    }

    pub fn phase(&mut self, phase: Phase) -> Vec<Said> {
        self.market(Kind::Status, MarketRecord { code: phase as u8, ..Default::default() })
    }

    /// An order record leaving the gate now.
    pub fn order(&mut self, client_id: u64, side: Side, px: i64, qty: i64) -> OrderRecord {
        OrderRecord {
            header: self.header(Kind::Order),
            client_id,
            price: px * CENT,
            qty,
            side: side as u8,
            strategy: 3,
            ..OrderRecord::default()
        }
    }

    /// Sends a record and lets everything due by now arrive.
    pub fn send(&mut self, order: OrderRecord) -> Vec<Said> {
        let now_ns = self.now_ns;
        self.speak(|exchange, mut out| {
            exchange.submit(&order);
            exchange.arrive(now_ns, &mut out);
        })
    }

    pub fn limit(&mut self, id: u64, side: Side, px: i64, qty: i64) -> Vec<Said> {
        let order = self.order(id, side, px, qty);
        self.send(order)
    }

    pub fn post_only(&mut self, id: u64, side: Side, px: i64, qty: i64) -> Vec<Said> {
        let order = self.order(id, side, px, qty);
        self.send(OrderRecord { order_type: OrderType::PostOnly as u8, ..order })
    }

    pub fn ioc(&mut self, id: u64, side: Side, px: i64, qty: i64) -> Vec<Said> {
        let order = self.order(id, side, px, qty);
        self.send(OrderRecord { tif: TimeInForce::Ioc as u8, ..order })
    }

    pub fn market_order(&mut self, id: u64, side: Side, qty: i64) -> Vec<Said> {
        let order = self.order(id, side, 0, qty);
        self.send(OrderRecord { order_type: OrderType::Market as u8, tif: TimeInForce::Ioc as u8, ..order })
    }

    pub fn amend(&mut self, id: u64, orig: u64, px: i64, total: i64) -> Vec<Said> {
        let order = self.order(id, BID, px, total);
        self.send(OrderRecord { action: Action::Replace as u8, orig_client_id: orig, ..order })
    }

    pub fn withdraw(&mut self, id: u64, orig: u64) -> Vec<Said> {
        let order = self.order(id, BID, 0, 0);
        self.send(OrderRecord { action: Action::Cancel as u8, orig_client_id: orig, ..order })
    }

    /// Sends an order with terms of its own; trigger prices in cents.
    pub fn special(&mut self, order: OrderRecord, order_type: OrderType, terms: Terms) -> Vec<Said> {
        let mut order = OrderRecord { order_type: order_type as u8, ..order };
        order.set_terms(&Terms { trigger_price: terms.trigger_price * CENT, ..terms });
        self.send(order)
    }

    /// Takes everything of strategy 3 off.
    pub fn mass_cancel(&mut self, id: u64, instrument: u32) -> Vec<Said> {
        let mut order = self.order(id, BID, 0, 0);
        order.header.instrument = instrument;
        self.send(OrderRecord { action: Action::MassCancel as u8, ..order })
    }

    /// A trade that touches nothing of ours: a real order comes and is executed. It stays the last trade.
    pub fn trade(&mut self, order_ref: u64, side: Side, px: i64, qty: u32) -> Vec<Said> {
        let mut said = self.add(order_ref, side, px, qty);
        said.extend(self.execute(order_ref, qty));
        said
    }

    /// Lots ahead of a working order of ours.
    pub fn ahead(&self, id: u64) -> i64 {
        self.exchange.queue_position(id).expect("a working order").ahead
    }
}
