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
    requests: VecDeque<Request>,
    order_latency_ns: i64,
    response_latency_ns: i64,
    count: u64,
}

/// What an acknowledgement repeats of a request. Kept instead of the answer, whose making would else stand between an
/// order and the next.
#[derive(Clone, Copy, Debug)]
struct Request {
    ts_ns: i64,
    client_id: u64,
    orig_client_id: u64,
    price: i64,
    leaves: i64,
    instrument: u32,
    strategy: u16,
    side: u8,
    action: Action,
}

impl Loopback {
    /// - `order_latency_ns`: from our gate to the counterparty.
    /// - `response_latency_ns`: from its act to us hearing of it.
    /// - `requests_max`: requests that may be under way at once.
    pub fn new(order_latency_ns: i64, response_latency_ns: i64, requests_max: usize) -> Self {
        Self {
            requests: VecDeque::with_capacity(requests_max),
            order_latency_ns,
            response_latency_ns,
            count: 0,
        }
    }

    fn answer(&mut self, request: &Request) -> ResponseRecord {
        self.count += 1;
        let ts_venue_ns = request.ts_ns.saturating_add(self.order_latency_ns);
        let header = Header {
            kind: Kind::Response as u8,
            version: VERSION,
            flags: Flags::END_OF_EVENT,
            source: source::RESPONSE,
            instrument: request.instrument,
            seq: self.count,
            ts_venue_ns,
            ts_recv_ns: ts_venue_ns.saturating_add(self.response_latency_ns),
        };
        let about = ResponseRecord {
            header,
            client_id: request.client_id,
            orig_client_id: request.orig_client_id,
            venue_order_id: self.count,
            price: request.price,
            leaves: request.leaves,
            side: request.side,
            strategy: request.strategy,
            ..ResponseRecord::default()
        };
        match request.action {
            Action::New => ResponseRecord { response: ResponseKind::Accepted as u8, ..about },
            Action::Replace => ResponseRecord { response: ResponseKind::Replaced as u8, ..about },
            // It keeps no list of orders: a mass cancel it cannot answer order by order, so it says that it did not.
            Action::MassCancel => {
                ResponseRecord { response: ResponseKind::CancelRejected as u8, leaves: 0, ..about }
            }
            Action::Cancel => ResponseRecord {
                response: ResponseKind::Cancelled as u8,
                client_id: request.orig_client_id,
                orig_client_id: 0,
                leaves: 0,
                reason: venue_reason::USER,
                ..about
            },
        }
    }
}

impl Gateway for Loopback {
    #[inline]
    fn send(&mut self, order: &OrderRecord) {
        if self.requests.is_empty() {
            // From the start of the room again, whose lines are in the cache.
            self.requests.clear();
        }
        self.requests.push_back(Request {
            ts_ns: order.header.ts_recv_ns,
            client_id: order.client_id,
            orig_client_id: order.orig_client_id,
            price: order.price,
            leaves: order.qty - order.filled,
            instrument: order.header.instrument,
            strategy: order.strategy,
            side: order.side,
            action: order.action(),
        });
    }

    fn advance(&mut self, _horizon_ns: i64) -> i64 {
        i64::MAX
    }

    fn poll(&mut self, out: &mut impl FnMut(&ResponseRecord)) {
        while let Some(request) = self.requests.pop_front() {
            out(&self.answer(&request));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers_to(orders: &[OrderRecord]) -> Vec<ResponseRecord> {
        let mut loopback = Loopback::new(300, 200, 4);
        orders.iter().for_each(|order| loopback.send(order));
        assert_eq!(loopback.advance(0), i64::MAX);
        let mut answers = Vec::new();
        loopback.poll(&mut |answer| answers.push(*answer));
        answers
    }

    fn order(action: Action, client_id: u64, orig_client_id: u64) -> OrderRecord {
        let header = Header { ts_recv_ns: 1_000, instrument: 2, ..Header::default() };
        let (qty, filled, action) = (70, 20, action as u8);
        OrderRecord {
            header,
            client_id,
            orig_client_id,
            price: 5,
            qty,
            filled,
            action,
            ..OrderRecord::default()
        }
    }

    #[test]
    fn every_request_is_granted_after_both_latencies() {
        let [new, replace, cancel] = [(Action::New, 7, 0), (Action::Replace, 8, 7), (Action::Cancel, 9, 8)]
            .map(|(action, id, original)| order(action, id, original));
        let answers = answers_to(&[new, replace, cancel]);
        let told = |answer: &ResponseRecord| {
            let header = answer.header;
            assert_eq!((header.ts_venue_ns, header.ts_recv_ns, header.instrument), (1_300, 1_500, 2));
            (answer.response().unwrap(), answer.client_id, answer.orig_client_id, answer.leaves)
        };
        // A cancel is answered under the number of the order that is gone.
        let expected = [
            (ResponseKind::Accepted, 7, 0, 50),
            (ResponseKind::Replaced, 8, 7, 50),
            (ResponseKind::Cancelled, 8, 0, 0),
        ];
        assert_eq!(answers.iter().map(told).collect::<Vec<_>>(), expected);
    }
}
