//! What the venue says to us, and the numbers it says it with.

use tickrace_types::event::{VERSION, source};
use tickrace_types::{Contract, Flags, Header, Kind, Price, ResponseKind, ResponseRecord};

use crate::ExchangeConfig;
use crate::costs::{CostBook, Trade};
use crate::latency::Latency;
use crate::own::Own;

/// Numbers responses, executions and orders, and dates what we hear.
#[derive(Clone, Debug)]
pub(crate) struct Replies {
    latency: Latency,
    pub costs: CostBook,
    seq: u64,
    exec_id: u64,
    venue_order_id: u64,
}

/// One fill, before it is an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    pub price: Price,
    pub lots: i64,
    pub is_taker: bool,
    /// Number of the market message that caused it, 0 where we took.
    pub cause_seq: u64,
}

impl Replies {
    pub fn new(config: &ExchangeConfig, latency: Latency) -> Self {
        Self {
            latency,
            costs: CostBook::new(&config.fees, config.open_orders_max),
            seq: 0,
            exec_id: 0,
            venue_order_id: 0,
        }
    }

    /// Lets answers from here on take another way.
    pub fn set_latency(&mut self, latency: Latency) {
        self.latency = latency;
    }

    /// The next number of an order.
    pub fn next_order_id(&mut self) -> u64 {
        self.venue_order_id += 1;
        self.venue_order_id
    }

    /// An answer of `kind` at venue time `now_ns`; what else it says is the caller's.
    #[inline]
    pub fn answer(&mut self, kind: ResponseKind, instrument: u32, now_ns: i64) -> ResponseRecord {
        self.seq += 1;
        ResponseRecord {
            header: Header {
                kind: Kind::Response as u8,
                version: VERSION,
                flags: Flags::END_OF_EVENT,
                source: source::RESPONSE,
                instrument,
                seq: self.seq,
                ts_venue_ns: now_ns,
                ts_recv_ns: self.latency.arrival_ns(now_ns),
            },
            response: kind as u8,
            ..ResponseRecord::default()
        }
    }

    /// An answer about an order as it now is.
    #[inline]
    pub fn about(&mut self, kind: ResponseKind, own: &Own, now_ns: i64) -> ResponseRecord {
        ResponseRecord {
            client_id: own.client_id,
            venue_order_id: own.venue_order_id,
            price: own.price,
            leaves: own.leaves(),
            side: own.side as u8,
            strategy: own.strategy,
            parked: u8::from(own.is_parked),
            ..self.answer(kind, own.instrument.0, now_ns)
        }
    }

    /// The answer for a fill of an order, which has it booked already.
    #[inline]
    pub fn fill(&mut self, own: &Own, fill: Fill, contract: Contract, now_ns: i64) -> ResponseRecord {
        self.exec_id += 1;
        let fee_nanos = self.costs.charge(&Trade {
            order_id: own.venue_order_id,
            side: own.side,
            is_taker: fill.is_taker,
            price: fill.price,
            lots: fill.lots,
            contract,
            ts_venue_ns: now_ns,
            is_last: own.leaves() == 0,
        });
        ResponseRecord {
            exec_id: self.exec_id,
            price: fill.price.0,
            qty: fill.lots,
            fee_nanos,
            cause_seq: fill.cause_seq,
            taker: u8::from(fill.is_taker),
            ..self.about(ResponseKind::Fill, own, now_ns)
        }
    }
}
