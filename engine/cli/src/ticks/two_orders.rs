//! The order of receiving and the order of happening, in one log.
//!
//! Records that come over several connections (depth on one, trades on another) are heard in another order than they
//! happened. Our desk must hear them as we did; the simulated venue must do them as it did. A record that stands in the
//! same place for both is written once. One that was heard late is written twice: at the place where it happened, for the
//! venue only, and where it was heard, for the desk only.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use tickrace_types::{Flags, Record};

/// How long after it happened a record may be heard and still find its place, nanoseconds.
pub const WINDOW_NS: i64 = 10_000_000_000;
/// Records that may wait: the bound on memory (128 MiB).
pub const WINDOW_RECORDS: usize = 1 << 20;

/// What became of the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Written at two places.
    pub twice: u64,
    /// Happened too long before they were heard, or too many were heard since.
    pub beyond_window: u64,
}

/// Takes records in the order of receiving.
pub struct TwoOrders {
    /// By the order of receiving; whether the venue has done it already.
    heard: VecDeque<(Record, bool)>,
    /// By the venue's time, then the order of receiving: numbers of those it has not done.
    to_do: BinaryHeap<Reverse<(i64, u64)>>,
    /// Number of the first of `heard`.
    first: u64,
    /// Latest thing the venue has done.
    done_ns: i64,
    moved: Moved,
}

impl TwoOrders {
    /// Nothing heard yet.
    pub fn new() -> Self {
        Self {
            heard: VecDeque::new(),
            to_do: BinaryHeap::new(),
            first: 0,
            done_ns: i64::MIN,
            moved: Moved::default(),
        }
    }

    /// What became of the records so far.
    pub const fn moved(&self) -> Moved {
        self.moved
    }

    /// Hears one more; gives out what is settled.
    pub fn push(&mut self, record: &Record, out: &mut Vec<Record>) {
        let number = self.first + self.heard.len() as u64;
        self.heard.push_back((*record, false));
        self.to_do.push(Reverse((record.header.ts_venue_ns, number)));
        let horizon_ns = record.header.ts_recv_ns.saturating_sub(WINDOW_NS);
        while self.heard.len() > WINDOW_RECORDS
            || self.heard.front().is_some_and(|(oldest, _)| oldest.header.ts_recv_ns < horizon_ns)
        {
            self.settle(out);
        }
    }

    /// There is no more.
    pub fn finish(&mut self, out: &mut Vec<Record>) {
        while !self.heard.is_empty() {
            self.settle(out);
        }
    }

    /// Writes the oldest heard, and before it what happened before it.
    fn settle(&mut self, out: &mut Vec<Record>) {
        let Some((oldest, _)) = self.heard.front().copied() else { return };
        while let Some(Reverse((ts_ns, number))) = self.to_do.peek().copied() {
            if number == self.first || (ts_ns, number) > (oldest.header.ts_venue_ns, self.first) {
                break;
            }
            self.to_do.pop();
            let Ok(place) = usize::try_from(number - self.first) else { continue };
            let Some((record, is_done)) = self.heard.get_mut(place) else { continue };
            *is_done = true;
            let mut early = *record;
            early.header.flags |= Flags::VENUE_ONLY;
            self.moved.twice += 1;
            self.moved.beyond_window += u64::from(ts_ns < self.done_ns);
            self.done_ns = self.done_ns.max(ts_ns);
            out.push(early);
        }
        let Some((mut record, is_done)) = self.heard.pop_front() else { return };
        if is_done {
            record.header.flags |= Flags::DESK_ONLY;
        } else {
            // It is the earliest of what is left to do.
            self.to_do.pop();
            self.moved.beyond_window += u64::from(record.header.ts_venue_ns < self.done_ns);
            self.done_ns = self.done_ns.max(record.header.ts_venue_ns);
        }
        out.push(record);
        self.first += 1;
    }
}

impl Default for TwoOrders {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tickrace_types::Header;

    use super::*;

    fn record(seq: u64, ts_venue_ns: i64, ts_recv_ns: i64) -> Record {
        Record { header: Header { seq, ts_venue_ns, ts_recv_ns, ..Header::default() }, ..Record::default() }
    }

    proptest! {
        #[test]
        fn both_orders_are_whole_and_sorted(delays in prop::collection::vec((0i64..50, 0i64..30), 0..200)) {
            let mut now_ns = 0;
            let mut heard = Vec::new();
            for (seq, (pause, delay)) in (1..).zip(delays) {
                now_ns += pause;
                heard.push(record(seq, now_ns - delay, now_ns));
            }
            let (mut orders, mut log) = (TwoOrders::new(), Vec::new());
            heard.iter().for_each(|record| orders.push(record, &mut log));
            orders.finish(&mut log);
            let seen_without = |flag: u8| -> Vec<u64> {
                log.iter().filter(|record| record.header.flags & flag == 0).map(|record| record.header.seq).collect()
            };
            let wanted: Vec<u64> = heard.iter().map(|record| record.header.seq).collect();
            prop_assert_eq!(seen_without(Flags::VENUE_ONLY), wanted);
            let mut happened = heard.clone();
            happened.sort_by_key(|record| record.header.ts_venue_ns);
            let wanted: Vec<u64> = happened.iter().map(|record| record.header.seq).collect();
            prop_assert_eq!(seen_without(Flags::DESK_ONLY), wanted);
            prop_assert_eq!(orders.moved().beyond_window, 0);
            prop_assert_eq!(log.len() as u64, heard.len() as u64 + orders.moved().twice);
        }
    }

    #[test]
    fn a_record_in_its_place_stands_once() {
        let (mut orders, mut log) = (TwoOrders::new(), Vec::new());
        for (seq, ts_ns) in [(1, 10), (2, 10), (3, 12)] {
            orders.push(&record(seq, ts_ns, ts_ns + 5), &mut log);
        }
        orders.finish(&mut log);
        assert!(log.iter().all(|record| record.header.flags == 0));
        assert_eq!((log.len(), orders.moved().twice), (3, 0));
    }
}
