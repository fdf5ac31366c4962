//! Where our orders stood in the queues of their prices, and what that was worth.
//!
//! Told by whoever runs the venue again: the answers to our orders, and after each thing that happened the lots ahead of
//! those that rest. One *stand* is one place in a queue: from coming to rest until the order is gone or moved. A replace that keeps
//! the place continues it.

use hdrhistogram::Histogram;
use rustc_hash::FxHashMap;
use tickrace_types::{ResponseKind, ResponseRecord};

use crate::LatencySummary;

/// Bins of lots ahead: none, then one for each power of two.
const BINS: usize = 41;

/// Points kept of one stand's way to the front.
const POINTS_MAX: usize = 96;

/// Stands drawn of each kind, filled and not.
const PATHS_MAX: usize = 40;

/// Longest wait told apart, nanoseconds: thirteen days.
const WAIT_NS_MAX: u64 = 1 << 50;

/// Stands that began with a like number of lots ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueBin {
    /// Fewest lots ahead of the bin.
    pub from_lots: i64,
    /// Most lots ahead of the bin.
    pub to_lots: i64,
    /// Stands.
    pub stands: u64,
    /// Of those, with at least one fill.
    pub filled: u64,
    /// Of those, that came to the front of their queue.
    pub at_front: u64,
}

/// The way of one order to the front of its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePath {
    /// Nanoseconds since it came to rest, and lots ahead from then on.
    pub points: Vec<(i64, i64)>,
    /// When it was gone, nanoseconds since it came to rest.
    pub end_ns: i64,
    /// Whether it was filled at least in part.
    pub is_filled: bool,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct QueueReport {
    /// Stands by lots ahead at the start, ascending, those in between without stands included.
    pub bins: Vec<QueueBin>,
    /// Stands in all.
    pub stands: u64,
    /// Stands that began where nothing is known of the queue, left out of the bins.
    pub unknown: u64,
    /// Time from coming to rest behind others to the front, of those that came there.
    pub to_front: LatencySummary,
    /// A sample of stands that began behind others.
    pub paths: Vec<QueuePath>,
}

#[derive(Clone, Debug)]
struct Stand {
    price: i64,
    leaves: i64,
    since_ns: i64,
    /// Lots ahead when it was first seen at rest.
    first: Option<i64>,
    ahead: i64,
    front_ns: Option<i64>,
    is_filled: bool,
    points: Vec<(i64, i64)>,
}

/// Every so-manyth of what is offered, at most [`PATHS_MAX`].
#[derive(Clone, Debug)]
struct Sample {
    paths: Vec<QueuePath>,
    stride: u64,
    offered: u64,
}

/// Collects.
#[derive(Clone, Debug)]
pub struct QueueBook {
    stands: FxHashMap<u64, Stand>,
    /// By instrument: orders at rest and lots ahead as they were told last.
    told: Vec<Vec<(u64, i64)>>,
    bins: [QueueBin; BINS],
    count: u64,
    unknown: u64,
    to_front: Histogram<u64>,
    filled: Sample,
    unfilled: Sample,
}

impl QueueBook {
    /// Nothing seen yet, of so many instruments.
    pub fn new(instruments: usize) -> Self {
        Self {
            stands: FxHashMap::default(),
            told: vec![Vec::new(); instruments],
            bins: [QueueBin::default(); BINS],
            count: 0,
            unknown: 0,
            to_front: Histogram::new_with_bounds(1, WAIT_NS_MAX, 2).expect("bounds and digits are valid"),
            filled: Sample::new(),
            unfilled: Sample::new(),
        }
    }

    /// The venue answered; to be told before the places after it.
    pub fn on_answer(&mut self, answer: &ResponseRecord) {
        let ts_ns = answer.header.ts_venue_ns;
        match answer.response() {
            Some(ResponseKind::Accepted) => {
                self.stands.insert(answer.client_id, Stand::of(answer));
            }
            Some(ResponseKind::Replaced) => {
                let Some(before) = self.stands.remove(&answer.orig_client_id) else { return };
                if before.price == answer.price && answer.leaves <= before.leaves {
                    self.stands.insert(answer.client_id, Stand { leaves: answer.leaves, ..before });
                } else {
                    self.end(before, ts_ns);
                    self.stands.insert(answer.client_id, Stand::of(answer));
                }
            }
            Some(ResponseKind::Restated) => {
                if let Some(before) = self.stands.insert(answer.client_id, Stand::of(answer)) {
                    self.end(before, ts_ns);
                }
            }
            Some(ResponseKind::Fill) => {
                if let Some(stand) = self.stands.get_mut(&answer.client_id) {
                    (stand.is_filled, stand.leaves) = (true, answer.leaves);
                }
                self.gone(answer);
            }
            Some(ResponseKind::Cancelled) => self.gone(answer),
            _ => {}
        }
    }

    fn gone(&mut self, answer: &ResponseRecord) {
        if answer.leaves == 0
            && let Some(stand) = self.stands.remove(&answer.client_id)
        {
            self.end(stand, answer.header.ts_venue_ns);
        }
    }

    /// Our orders at rest in an instrument (index of its id) after something happened there: client number and lots
    /// ahead, in any order that does not change of itself.
    pub fn on_places(&mut self, ts_ns: i64, instrument: usize, places: impl Iterator<Item = (u64, i64)>) {
        let Some(told) = self.told.get_mut(instrument) else { return };
        let mut count = 0;
        for (client_id, ahead) in places {
            let now = (client_id, ahead);
            // Most records move nobody: a comparison, and on.
            if told.get(count) != Some(&now) {
                told.truncate(count);
                told.push(now);
                if let Some(stand) = self.stands.get_mut(&client_id) {
                    stand.on_place(ts_ns, ahead);
                }
            }
            count += 1;
        }
        told.truncate(count);
    }

    fn end(&mut self, stand: Stand, ts_ns: i64) {
        // What took on arrival stood nowhere.
        let Some(first) = stand.first else { return };
        self.count += 1;
        if first == i64::MAX {
            self.unknown += 1;
            return;
        }
        let bin = &mut self.bins[bin_of(first)];
        bin.stands += 1;
        bin.filled += u64::from(stand.is_filled);
        bin.at_front += u64::from(stand.front_ns.is_some());
        if first == 0 {
            return;
        }
        if let Some(front_ns) = stand.front_ns {
            self.to_front.saturating_record(u64::try_from(front_ns - stand.since_ns).unwrap_or(0));
        }
        let sample = if stand.is_filled { &mut self.filled } else { &mut self.unfilled };
        let path =
            QueuePath { points: stand.points, end_ns: ts_ns - stand.since_ns, is_filled: stand.is_filled };
        sample.offer(path);
    }

    /// The result; orders still at rest are left out.
    pub fn finish(&self) -> QueueReport {
        let is_used = |bin: &QueueBin| bin.stands > 0;
        let (first, last) = (self.bins.iter().position(is_used), self.bins.iter().rposition(is_used));
        let used = first.zip(last).map_or(0..0, |(first, last)| first..last + 1);
        let bins = used.map(|place| {
            let (from_lots, to_lots) = if place == 0 { (0, 0) } else { (1 << (place - 1), (1 << place) - 1) };
            QueueBin { from_lots, to_lots, ..self.bins[place] }
        });
        QueueReport {
            bins: bins.collect(),
            stands: self.count,
            unknown: self.unknown,
            to_front: LatencySummary::from_histogram("time to the front", &self.to_front),
            paths: self.unfilled.paths.iter().chain(&self.filled.paths).cloned().collect(),
        }
    }
}

fn bin_of(ahead: i64) -> usize {
    let power = u64::try_from(ahead).ok().and_then(u64::checked_ilog2);
    power.map_or(0, |power| (power as usize + 1).min(BINS - 1))
}

impl Stand {
    fn of(answer: &ResponseRecord) -> Self {
        Self {
            price: answer.price,
            leaves: answer.leaves,
            since_ns: answer.header.ts_venue_ns,
            first: None,
            ahead: i64::MAX,
            front_ns: None,
            is_filled: false,
            points: Vec::new(),
        }
    }

    fn on_place(&mut self, ts_ns: i64, ahead: i64) {
        if self.first.is_some() && ahead == self.ahead {
            return;
        }
        let first = *self.first.get_or_insert(ahead);
        self.ahead = ahead;
        if ahead == 0 && self.front_ns.is_none() {
            self.front_ns = Some(ts_ns);
        }
        let drawn = self.points.last().map(|point| point.1);
        let is_news = drawn.is_none_or(|drawn| {
            ahead == 0 && drawn != 0 || (drawn.saturating_sub(ahead)).saturating_abs() > first / 20
        });
        if is_news && self.points.len() < POINTS_MAX {
            self.points.push((ts_ns - self.since_ns, ahead));
        }
    }
}

impl Sample {
    const fn new() -> Self {
        Self { paths: Vec::new(), stride: 1, offered: 0 }
    }

    fn offer(&mut self, path: QueuePath) {
        if self.offered.is_multiple_of(self.stride) {
            self.paths.push(path);
        }
        self.offered += 1;
        if self.paths.len() > PATHS_MAX {
            let mut place = 0;
            self.paths.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_types::{Header, Kind};

    fn answer(kind: ResponseKind, ts_ns: i64, client_id: u64, price: i64, leaves: i64) -> ResponseRecord {
        ResponseRecord {
            header: Header { kind: Kind::Response as u8, ts_venue_ns: ts_ns, ..Header::default() },
            client_id,
            price,
            leaves,
            response: kind as u8,
            ..ResponseRecord::default()
        }
    }

    #[test]
    fn an_order_is_binned_by_where_it_began_and_timed_to_the_front() {
        let mut book = QueueBook::new(1);
        book.on_answer(&answer(ResponseKind::Accepted, 100, 1, 5, 10));
        book.on_places(100, 0, [(1, 500)].into_iter());
        book.on_places(150, 0, [(1, 200)].into_iter());
        book.on_places(180, 0, [(1, 0)].into_iter());
        book.on_answer(&answer(ResponseKind::Fill, 200, 1, 5, 0));
        book.on_places(200, 0, std::iter::empty());
        let report = book.finish();
        // 500 is from 256 to 511; the front came 80 ns after the rest.
        assert_eq!(
            report.bins,
            [QueueBin { from_lots: 256, to_lots: 511, stands: 1, filled: 1, at_front: 1 }]
        );
        assert_eq!((report.to_front.count, report.to_front.max), (1, 80));
        assert_eq!(report.paths[0].points, [(0, 500), (50, 200), (80, 0)]);
        assert_eq!((report.paths[0].end_ns, report.paths[0].is_filled), (100, true));
    }

    #[test]
    fn a_replace_in_place_keeps_the_stand_and_any_other_begins_one() {
        let mut book = QueueBook::new(1);
        let replaced = |ts_ns, client_id, orig_client_id, price, leaves| ResponseRecord {
            orig_client_id,
            ..answer(ResponseKind::Replaced, ts_ns, client_id, price, leaves)
        };
        book.on_answer(&answer(ResponseKind::Accepted, 0, 1, 5, 10));
        book.on_places(0, 0, [(1, 3)].into_iter());
        book.on_answer(&replaced(10, 2, 1, 5, 8));
        book.on_places(10, 0, [(2, 3)].into_iter());
        assert_eq!(book.finish().stands, 0);
        book.on_answer(&replaced(20, 3, 2, 6, 8));
        book.on_places(20, 0, [(3, 0)].into_iter());
        book.on_answer(&answer(ResponseKind::Cancelled, 30, 3, 6, 0));
        let report = book.finish();
        assert_eq!((report.stands, report.to_front.count), (2, 0));
        let ends = |bin: &QueueBin| (bin.from_lots, bin.stands, bin.at_front);
        assert_eq!(report.bins.iter().map(ends).collect::<Vec<_>>(), [(0, 1, 1), (1, 0, 0), (2, 1, 0)]);
    }

    #[test]
    fn what_takes_on_arrival_or_stands_behind_the_unknown_has_no_bin() {
        let mut book = QueueBook::new(1);
        book.on_answer(&answer(ResponseKind::Accepted, 0, 1, 5, 10));
        book.on_answer(&answer(ResponseKind::Fill, 0, 1, 5, 0));
        book.on_answer(&answer(ResponseKind::Accepted, 0, 2, 5, 10));
        book.on_places(0, 0, [(2, i64::MAX)].into_iter());
        book.on_answer(&answer(ResponseKind::Cancelled, 9, 2, 5, 0));
        let report = book.finish();
        assert_eq!((report.stands, report.unknown, report.bins.len()), (1, 1, 0));
    }

    #[test]
    fn the_sample_is_bounded_and_spread_over_the_run() {
        let mut sample = Sample::new();
        for end_ns in 0..10_000 {
            sample.offer(QueuePath { points: Vec::new(), end_ns, is_filled: false });
        }
        assert!(sample.paths.len() <= PATHS_MAX && sample.paths.len() >= PATHS_MAX / 2);
        assert!(sample.paths.last().unwrap().end_ns > 9_000);
    }
}
