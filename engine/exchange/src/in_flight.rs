//! Orders on the way from our gate to the venue.

use std::collections::VecDeque;

use tickrace_types::OrderRecord;

use crate::latency::Latency;

/// Requests on the way for each order that may be open: its entry, a replace and a cancel, and one to spare.
pub const IN_FLIGHT_PER_OPEN_ORDER: usize = 4;

/// Least room for requests on the way.
pub const IN_FLIGHT_MIN: usize = 64;

/// First in, first out: nothing overtakes. What waits here has its time of arrival for a venue time.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    queue: VecDeque<OrderRecord>,
    latency: Latency,
    grown: u64,
}

impl InFlight {
    pub fn new(latency: Latency, open_orders_max: usize) -> Self {
        let capacity = (open_orders_max * IN_FLIGHT_PER_OPEN_ORDER).max(IN_FLIGHT_MIN);
        let mut queue = VecDeque::with_capacity(capacity);
        // The first order finds its page there.
        queue.push_back(OrderRecord::default());
        queue.clear();
        Self { queue, latency, grown: 0 }
    }

    /// Takes an order that left the gate at its `ts_recv_ns`.
    #[inline]
    pub fn push(&mut self, order: &OrderRecord) {
        if self.queue.is_empty() {
            // From the start of the room again: few are ever under way, and these lines are in the cache.
            self.queue.clear();
        }
        // Losing an order would be worse than an allocation; a run that gets here shows it in its counters.
        self.grown += u64::from(self.queue.len() == self.queue.capacity());
        let mut order = *order;
        order.header.ts_venue_ns = self.latency.arrival_ns(order.header.ts_recv_ns);
        self.queue.push_back(order);
    }

    /// When the next one arrives.
    #[inline]
    pub fn next_ns(&self) -> Option<i64> {
        self.queue.front().map(|order| order.header.ts_venue_ns)
    }

    /// The next one due at or before `now_ns`, with its time of arrival.
    #[inline]
    pub fn pop_due(&mut self, now_ns: i64) -> Option<(OrderRecord, i64)> {
        let due_ns = self.next_ns().filter(|due_ns| *due_ns <= now_ns)?;
        self.queue.pop_front().map(|order| (order, due_ns))
    }

    /// The next one, where it left our gate before `open_ns`.
    pub fn pop_sent_before(&mut self, open_ns: i64) -> Option<OrderRecord> {
        self.queue.pop_front_if(|order| order.header.ts_recv_ns < open_ns)
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// How many times there was no room left.
    pub fn grown(&self) -> u64 {
        self.grown
    }

    /// Lets orders from here on take another way.
    pub fn set_latency(&mut self, latency: Latency) {
        self.latency = latency;
    }
}
