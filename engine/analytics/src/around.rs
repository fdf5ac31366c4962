//! The mid around our fills: where it came from before them and where it went after.
//!
//! For each fill the mid at fixed times before and after it, against the mid just before the fill, in basis points; means by
//! side. A market that falls where we bought and rises where we sold is adverse selection; one that turns back after the fill
//! is what a maker lives on.

use std::collections::VecDeque;

use tickrace_types::Side;

use crate::mark::Marks;
use crate::markout::Moments;

const MILLI: i64 = 1_000_000;

/// Times looked at, nanoseconds from the fill; at 0 the mid with the fill's own move in it.
pub const OFFSETS_NS: [i64; 15] = [
    -10_000 * MILLI,
    -5_000 * MILLI,
    -2_000 * MILLI,
    -1_000 * MILLI,
    -500 * MILLI,
    -100 * MILLI,
    0,
    100 * MILLI,
    500 * MILLI,
    1_000 * MILLI,
    2_000 * MILLI,
    5_000 * MILLI,
    10_000 * MILLI,
    30_000 * MILLI,
    60_000 * MILLI,
];

/// Changes of the mid remembered; beyond it the oldest are forgotten, and fills after them lack the earliest times.
const HISTORY_MAX: usize = 1 << 15;

/// The mid at one time around fills.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AroundPoint {
    /// From the fill, nanoseconds.
    pub offset_ns: i64,
    /// Fills that have it.
    pub count: u64,
    /// Mean move against the mid just before the fill, basis points.
    pub mean_bps: Option<f64>,
    /// Standard error of that mean.
    pub se_bps: Option<f64>,
}

/// By side, by ascending time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AroundFills {
    /// Where we bought.
    pub buys: Vec<AroundPoint>,
    /// Where we sold.
    pub sells: Vec<AroundPoint>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    due_ns: i64,
    mid: i64,
    side: Side,
}

/// Collects for one instrument.
#[derive(Clone, Debug)]
pub struct AroundBook {
    history: VecDeque<(i64, i64)>,
    pending: Vec<VecDeque<Pending>>,
    next_due_ns: i64,
    cells: [[Moments; 2]; OFFSETS_NS.len()],
}

impl Default for AroundBook {
    fn default() -> Self {
        Self {
            history: VecDeque::new(),
            pending: vec![VecDeque::new(); OFFSETS_NS.len()],
            next_due_ns: i64::MAX,
            cells: [[Moments::default(); 2]; OFFSETS_NS.len()],
        }
    }
}

impl AroundBook {
    /// A new mid from `ts_ns` on.
    #[inline]
    pub fn on_mark(&mut self, ts_ns: i64, mid: i64) {
        let keep_ns = ts_ns.saturating_add(OFFSETS_NS[0]);
        // One older than the earliest time looked at is kept: it held then.
        while self.history.get(1).is_some_and(|second| second.0 <= keep_ns)
            || self.history.len() >= HISTORY_MAX
        {
            self.history.pop_front();
        }
        self.history.push_back((ts_ns, mid));
    }

    /// The mid that held at `ts_ns`; none where memory does not reach back.
    fn at(&self, ts_ns: i64) -> Option<i64> {
        let place = self.history.partition_point(|entry| entry.0 <= ts_ns);
        place.checked_sub(1).and_then(|place| self.history.get(place)).map(|entry| entry.1)
    }

    /// A fill at `ts_ns`; `now_ns` is how far the mids have advanced.
    pub fn on_fill(&mut self, ts_ns: i64, now_ns: i64, side: Side, marks: &Marks) {
        let Some(mid) = marks.before(ts_ns).filter(|mid| *mid > 0) else { return };
        for (place, offset_ns) in OFFSETS_NS.iter().enumerate() {
            let due_ns = ts_ns.saturating_add(*offset_ns);
            let pending = Pending { due_ns, mid, side };
            if *offset_ns >= 0 && due_ns >= now_ns {
                self.pending[place].push_back(pending);
                self.next_due_ns = self.next_due_ns.min(due_ns);
            } else if let Some(then) = self.at(due_ns) {
                self.take(place, &pending, then);
            }
        }
    }

    /// Time moves to `now_ns`, and all mids before it are told: what was due earlier is settled.
    #[inline]
    pub fn on_time(&mut self, now_ns: i64) {
        if now_ns > self.next_due_ns {
            self.settle(now_ns);
        }
    }

    fn settle(&mut self, now_ns: i64) {
        self.next_due_ns = i64::MAX;
        for place in 0..self.pending.len() {
            while let Some(front) = self.pending[place].front().copied() {
                if front.due_ns >= now_ns {
                    self.next_due_ns = self.next_due_ns.min(front.due_ns);
                    break;
                }
                self.pending[place].pop_front();
                if let Some(then) = self.at(front.due_ns) {
                    self.take(place, &front, then);
                }
            }
        }
    }

    fn take(&mut self, place: usize, fill: &Pending, then: i64) {
        let move_bps = (then as f64 - fill.mid as f64) / fill.mid as f64 * 1e4;
        self.cells[place][fill.side.index()].push(move_bps);
    }

    /// The end of the data at `last_ns`.
    pub fn finish(&mut self, last_ns: i64) {
        self.settle(last_ns.saturating_add(1));
    }

    /// Adds another instrument's.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            mine[0].merge(&theirs[0]);
            mine[1].merge(&theirs[1]);
        }
    }

    /// Means.
    pub fn result(&self) -> AroundFills {
        let of = |side: Side| {
            let points = OFFSETS_NS.iter().zip(&self.cells);
            let point = |(offset_ns, cells): (&i64, &[Moments; 2])| {
                let moments = &cells[side.index()];
                AroundPoint {
                    offset_ns: *offset_ns,
                    count: moments.count(),
                    mean_bps: moments.mean(),
                    se_bps: moments.standard_error(),
                }
            };
            points.map(point).collect()
        };
        AroundFills { buys: of(Side::Bid), sells: of(Side::Ask) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn the_mid_before_and_after_is_told_against_the_mid_at_the_fill() {
        let (mut book, mut marks) = (AroundBook::default(), Marks::default());
        // 10,000 until 95 s, 10,010 until the fill at 100 s, which moves it to 9,990; 10,020 from 150 s on.
        for (ts, mid) in [(0, 10_000), (95, 10_010)] {
            book.on_mark(ts * SECOND, mid);
            marks.push(ts * SECOND, mid);
        }
        book.on_fill(100 * SECOND, 100 * SECOND, Side::Bid, &marks);
        for (ts, mid) in [(100, 9_990), (150, 10_020)] {
            book.on_time(ts * SECOND);
            book.on_mark(ts * SECOND, mid);
        }
        book.finish(170 * SECOND);
        let result = book.result();
        assert!(result.sells.iter().all(|point| point.count == 0));
        let at = |offset_s: i64| {
            let point = result.buys.iter().find(|point| point.offset_ns == offset_s * SECOND).unwrap();
            point.mean_bps.unwrap() * 1.001
        };
        // Against 10,010, in basis points of it: times 1.001 they are the differences themselves.
        for (offset_s, moved) in [(-10, -10.0), (-5, 0.0), (-1, 0.0), (0, -20.0), (30, -20.0), (60, 10.0)] {
            assert!((at(offset_s) - moved).abs() < 1e-9, "at {offset_s} s: {}", at(offset_s));
        }
    }

    #[test]
    fn what_lies_beyond_the_data_is_left_out() {
        let (mut book, mut marks) = (AroundBook::default(), Marks::default());
        book.on_mark(99 * SECOND, 500);
        marks.push(99 * SECOND, 500);
        book.on_fill(100 * SECOND, 100 * SECOND, Side::Ask, &marks);
        book.finish(105 * SECOND);
        let counts: Vec<u64> = book.result().sells.iter().map(|point| point.count).collect();
        // From -1 s to +5 s.
        assert_eq!(counts, [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut book = AroundBook::default();
        for ts in 0..100_000 {
            book.on_mark(ts, ts);
        }
        assert!(book.history.len() <= HISTORY_MAX);
        book.on_mark(3600 * SECOND, 1);
        assert_eq!(book.history.len(), 2);
    }
}
