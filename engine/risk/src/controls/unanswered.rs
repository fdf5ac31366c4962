//! Orders nothing was heard of (control 21).
//!
//! An order without an answer stays reserved in full whatever happens, as if it could still trade or had traded: only the
//! venue's own word about it releases anything. Here is seen which of them are older than they should be.
//!
//! Client ids grow, so the list is in their order and an answer finds its entry by halving.

/// A request under way.
#[derive(Clone, Copy, Debug)]
struct Request {
    client_id: u64,
    sent_ns: i64,
    place: u32,
    is_answered: bool,
}

/// All requests under way.
#[derive(Clone, Debug)]
pub(crate) struct Unanswered {
    requests: Vec<Request>,
    age_max_ns: i64,
    /// By instrument: requests in doubt.
    doubtful: Vec<u32>,
}

impl Unanswered {
    /// `orders_max`: most orders open; each has at most itself and one replacement under way.
    pub fn new(unanswered_max_ms: i64, orders_max: usize, instruments: usize) -> Self {
        Self {
            requests: Vec::with_capacity(2 * orders_max + 1),
            age_max_ns: unanswered_max_ms.saturating_mul(1_000_000),
            doubtful: vec![0; instruments],
        }
    }

    /// An order or replacement leaves.
    pub fn on_sent(&mut self, client_id: u64, place: u32, sent_ns: i64) {
        if self.requests.len() == self.requests.capacity() {
            self.requests.retain(|request| !request.is_answered);
        }
        debug_assert!(self.requests.len() < self.requests.capacity(), "the gate holds no more open");
        if self.requests.len() < self.requests.capacity() {
            self.requests.push(Request { client_id, sent_ns, place, is_answered: false });
        }
    }

    /// The venue spoke of it.
    pub fn on_answer(&mut self, client_id: u64) {
        if let Ok(place) = self.requests.binary_search_by_key(&client_id, |request| request.client_id) {
            self.requests[place].is_answered = true;
        }
    }

    /// Requests in doubt at `now_ns`, by instrument.
    pub fn look(&mut self, now_ns: i64) -> &[u32] {
        self.requests.retain(|request| !request.is_answered);
        self.doubtful.fill(0);
        for request in &self.requests {
            let is_old = now_ns.saturating_sub(request.sent_ns) > self.age_max_ns;
            if is_old && let Some(count) = self.doubtful.get_mut(request.place as usize) {
                *count += 1;
            }
        }
        &self.doubtful
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_in_doubt_from_one_nanosecond_over_its_time_until_it_is_answered() {
        let mut unanswered = Unanswered::new(1, 2, 2);
        unanswered.on_sent(5, 1, 0);
        unanswered.on_sent(8, 0, 10);
        unanswered.on_sent(9, 1, 20);
        assert_eq!(unanswered.look(1_000_000), [0, 0]);
        assert_eq!(unanswered.look(1_000_001), [0, 1]);
        assert_eq!(unanswered.look(1_000_021), [1, 2]);
        unanswered.on_answer(8);
        unanswered.on_answer(7);
        assert_eq!(unanswered.look(1_000_021), [0, 2]);
        unanswered.on_answer(5);
        // Room again for what is still allowed to be open.
        for id in 20..23 {
            unanswered.on_sent(id, 0, 1_000_021);
            unanswered.on_answer(id);
        }
        assert_eq!(unanswered.look(1_000_021), [0, 1]);
    }
}
