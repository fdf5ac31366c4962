//! What an instrument is worth from moment to moment: the mid where the book is firm, else the last trade,
//! else what it was worth before.

use std::collections::VecDeque;

use tickrace_types::TopOfBook;

/// Past marks kept: enough to look back over any plausible response latency.
pub const HISTORY_MAX: usize = 1024;

/// The mark of one instrument with a short memory.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Changes, oldest first: venue time and nano-units.
    history: VecDeque<(i64, i64)>,
}

impl Marks {
    /// The mark a top of book gives; `None` where it tells nothing. Half a nano-unit of the mid is dropped.
    #[inline]
    pub fn of_top(top: &TopOfBook) -> Option<i64> {
        if let Some(doubled) = top.mid_doubled() {
            return Some(doubled.div_euclid(2));
        }
        (top.stale == 0 && top.last_px > 0).then_some(top.last_px)
    }

    /// Takes a mark valid from `ts_ns`; true where it differs from the one before.
    #[inline]
    pub fn push(&mut self, ts_ns: i64, mark_px: i64) -> bool {
        if self.now() == Some(mark_px) {
            return false;
        }
        if self.history.len() == HISTORY_MAX {
            self.history.pop_front();
        }
        self.history.push_back((ts_ns, mark_px));
        true
    }

    /// The mark now.
    #[inline]
    pub fn now(&self) -> Option<i64> {
        self.history.back().map(|entry| entry.1)
    }

    /// The mark just before `ts_ns`: an event does not see the price move it causes. The oldest known where
    /// memory does not reach back.
    pub fn before(&self, ts_ns: i64) -> Option<i64> {
        let place = self.history.partition_point(|entry| entry.0 < ts_ns);
        self.history.get(place.saturating_sub(1)).map(|entry| entry.1)
    }

    /// The mark at `ts_ns`, what happened at that instant included.
    pub fn at(&self, ts_ns: i64) -> Option<i64> {
        self.before(ts_ns.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossed_or_stale_book_is_not_believed() {
        let firm = TopOfBook {
            bid_px: 100,
            ask_px: 103,
            bid_qty: 1,
            ask_qty: 1,
            last_px: 90,
            ..TopOfBook::default()
        };
        assert_eq!(Marks::of_top(&firm), Some(101));
        assert_eq!(Marks::of_top(&TopOfBook { ask_px: 100, ..firm }), Some(90));
        assert_eq!(Marks::of_top(&TopOfBook { stale: 1, ..firm }), None);
        assert_eq!(Marks::of_top(&TopOfBook::default()), None);
    }

    #[test]
    fn an_event_does_not_see_the_move_it_causes() {
        let mut marks = Marks::default();
        assert!(marks.push(10, 100));
        assert!(!marks.push(15, 100));
        assert!(marks.push(20, 200));
        assert_eq!((marks.before(20), marks.at(20), marks.at(19)), (Some(100), Some(200), Some(100)));
        assert_eq!(marks.before(5), Some(100));
        assert_eq!(Marks::default().before(5), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut marks = Marks::default();
        for ts in 0..5000 {
            marks.push(ts, ts);
        }
        assert_eq!(marks.history.len(), HISTORY_MAX);
        assert_eq!(marks.before(0), Some(5000 - 1024));
    }
}
