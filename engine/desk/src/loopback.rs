//! A counterparty that says yes: every order is acknowledged after the configured latencies, none is filled.
//!
//! Stands at the end of the street where the desk itself is measured: no simulated exchange shares its core and its
//! caches, as none does when it is live.

use std::collections::VecDeque;

use tickrace_oms::Gateway;
use tickrace_types::event::{VERSION, source, venue_reason};
use tickrace_types::{Action, Flags, Header, Kind, OrderRecord, ResponseKind, ResponseRecord};

/// Acknowledges.
#[derive(Clone, Debug)]
pub struct Loopback {
    responses: VecDeque<ResponseRecord>,
    order_latency_ns: i64,
    response_latency_ns: i64,
    count: u64,
}

impl Loopback {
    /// - `order_latency_ns`: from our gate to the counterparty.
    /// - `response_latency_ns`: from its act to us hearing of it.
    /// - `responses_max`: acknowledgements that may be under way at once.
    pub fn new(order_latency_ns: i64, response_latency_ns: i64, responses_max: usize) -> Self {
        Self {
            responses: VecDeque::with_capacity(responses_max),
            order_latency_ns,
            response_latency_ns,
            count: 0,
        }
    }
}

impl Gateway for Loopback {
    #[inline]
    fn send(&mut self, order: &OrderRecord) {
        if self.responses.is_empty() {
            // From the start of the room again, whose lines are in the cache.
            self.responses.clear();
        }
        self.count += 1;
        let ts_venue_ns = order.header.ts_recv_ns.saturating_add(self.order_latency_ns);
        let header = Header {
            kind: Kind::Response as u8,
            version: VERSION,
            flags: Flags::END_OF_EVENT,
            source: source::RESPONSE,
            instrument: order.header.instrument,
            seq: self.count,
            ts_venue_ns,
            ts_recv_ns: ts_venue_ns.saturating_add(self.response_latency_ns),
        };
        let about = ResponseRecord {
            header,
            client_id: order.client_id,
            orig_client_id: order.orig_client_id,
            venue_order_id: self.count,
            price: order.price,
            leaves: order.qty - order.filled,
            side: order.side,
            strategy: order.strategy,
            ..ResponseRecord::default()
        };
        self.responses.push_back(match order.action() {
            Action::New => ResponseRecord { response: ResponseKind::Accepted as u8, ..about },
            Action::Replace => ResponseRecord { response: ResponseKind::Replaced as u8, ..about },
            Action::Cancel => ResponseRecord {
                response: ResponseKind::Cancelled as u8,
                client_id: order.orig_client_id,
                orig_client_id: 0,
                leaves: 0,
                reason: venue_reason::USER,
                ..about
            },
        });
    }

    fn advance(&mut self, _horizon_ns: i64) -> i64 {
        i64::MAX
    }

    #[inline]
    fn poll(&mut self, out: &mut impl FnMut(&ResponseRecord)) {
        while let Some(response) = self.responses.pop_front() {
            out(&response);
        }
    }
}
