//! Latencies taken out of a journal: each request beside the first answer to it.
//!
//! Feed it the outbound orders and the inbound responses, merged by time or all orders first. What the gate refused never
//! left; fills answer no request.

use std::collections::BTreeMap;

use tickrace_types::event::venue_reason;
use tickrace_types::{Action, OrderRecord, ResponseKind, ResponseRecord, Verdict};

use super::rows::{LatencyRow, LatencyRows, RowsError};

/// Pairs requests with answers.
#[derive(Clone, Debug, Default)]
pub struct Collector {
    /// When each request without an answer left, by its number.
    sent_ns: BTreeMap<u64, i64>,
    /// The first cancel of an order, which is answered under the order's number.
    cancels: BTreeMap<u64, u64>,
    rows: Vec<LatencyRow>,
    reversed: u64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// Rows in order of time.
    pub rows: LatencyRows,
    /// Requests that were never answered.
    pub unanswered: usize,
    /// Answers left out because clocks disagree: at the venue before they were sent, or heard before they were given.
    pub reversed: u64,
}

impl Collector {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A request that left us at its `ts_recv_ns`.
    pub fn on_order(&mut self, order: &OrderRecord) {
        if !Verdict(order.verdict).is_passed() {
            return;
        }
        self.sent_ns.insert(order.client_id, order.header.ts_recv_ns);
        if order.action() == Action::Cancel {
            self.cancels.entry(order.orig_client_id).or_insert(order.client_id);
        }
    }

    /// An answer, given at its `ts_venue_ns` and heard at its `ts_recv_ns`.
    pub fn on_response(&mut self, response: &ResponseRecord) {
        let request = match response.response() {
            Some(
                ResponseKind::Accepted
                | ResponseKind::Rejected
                | ResponseKind::Replaced
                | ResponseKind::CancelRejected,
            ) => response.client_id,
            Some(ResponseKind::Cancelled) if response.reason == venue_reason::USER => {
                match self.cancels.remove(&response.client_id) {
                    Some(cancel) => cancel,
                    None => return,
                }
            }
            _ => return,
        };
        let Some(ts_ns) = self.sent_ns.remove(&request) else { return };
        let venue_ns = response.header.ts_venue_ns;
        let order_latency_ns = venue_ns.saturating_sub(ts_ns);
        let response_latency_ns = response.header.ts_recv_ns.saturating_sub(venue_ns);
        let is_sound = |ns: i64| (0..=crate::config::LATENCY_NS_MAX).contains(&ns);
        if is_sound(order_latency_ns) && is_sound(response_latency_ns) {
            self.rows.push(LatencyRow { ts_ns, order_latency_ns, response_latency_ns });
        } else {
            self.reversed += 1;
        }
    }

    /// The rows.
    ///
    /// # Errors
    ///
    /// [`RowsError::Empty`] where no request was answered.
    pub fn finish(mut self) -> Result<Collected, RowsError> {
        // Requests of one nanosecond keep the order of their answers.
        self.rows.sort_by_key(|row| row.ts_ns);
        Ok(Collected {
            rows: LatencyRows::new(self.rows)?,
            unanswered: self.sent_ns.len(),
            reversed: self.reversed,
        })
    }
}
