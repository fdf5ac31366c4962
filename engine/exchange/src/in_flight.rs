//! Orders on the way from our gate to the venue.

use std::collections::VecDeque;

use tickrace_types::OrderRecord;

/// Requests on the way for each order that may be open: its entry, a replace and a cancel, and one to spare.
pub const IN_FLIGHT_PER_OPEN_ORDER: usize = 4;

/// Least room for requests on the way.
pub const IN_FLIGHT_MIN: usize = 64;

/// First in, first out: with a constant latency nothing overtakes.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    queue: VecDeque<OrderRecord>,
    latency_ns: i64,
    grown: u64,
}

impl InFlight {
    pub fn new(latency_ns: i64, open_orders_max: usize) -> Self {
        let capacity = (open_orders_max * IN_FLIGHT_PER_OPEN_ORDER).max(IN_FLIGHT_MIN);
        Self { queue: VecDeque::with_capacity(capacity), latency_ns, grown: 0 }
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
        self.queue.push_back(*order);
    }

    /// When the next one arrives.
    #[inline]
    pub fn next_ns(&self) -> Option<i64> {
        self.queue.front().map(|order| self.arrival_ns(order))
    }

    /// The next one due at or before `now_ns`, with its time of arrival.
    #[inline]
    pub fn pop_due(&mut self, now_ns: i64) -> Option<(OrderRecord, i64)> {
        let due_ns = self.next_ns().filter(|due_ns| *due_ns <= now_ns)?;
        self.queue.pop_front().map(|order| (order, due_ns))
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

    fn arrival_ns(&self, order: &OrderRecord) -> i64 {
        order.header.ts_recv_ns.saturating_add(self.latency_ns)
    }
}
