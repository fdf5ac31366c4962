//! Update numbers of one book: whether a depth update joins the one before, and how a snapshot meets the updates that
//! were there before it.
//!
//! Each update says after which number it joins: on futures `pu`, on spot the one before `U`. An update whose `u` is not
//! beyond what is known is old and changes nothing; one that joins after a number that never came means a loss: the
//! book is incomplete from there until a snapshot. Updates without a complete book are kept, so that a snapshot that
//! comes later is brought up to date: those up to its number are dropped, the first beyond must join it, the rest is
//! applied again. A snapshot of a complete book is not needed and not used.
//!
//! Source: Binance spot and futures API documentation, "How to manage a local order book correctly".

use std::collections::VecDeque;

/// Levels kept for a snapshot that may come; with more, the oldest updates are forgotten.
const LEVELS_KEPT: usize = 1 << 17;

/// One level as an update stated it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Side code of a record.
    pub side: u8,
    /// Nano-units.
    pub price: i64,
    /// Lots, 0: gone.
    pub lots: u64,
}

/// What an update is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    /// The number it joins after.
    pub before: u64,
    /// Its own last number.
    pub last: u64,
}

/// How an update stands to those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There was none before.
    First,
    /// It goes on from the last.
    Next,
    /// It is not beyond what is known.
    Old,
    /// Numbers from `first` on are missing, `count` of them.
    Lost {
        /// First missing number.
        first: u64,
        /// How many.
        count: u64,
    },
}

/// What to do with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// Nothing: the book is complete.
    Unneeded,
    /// Nothing: updates between it and those kept are missing.
    TooOld,
    /// It is the book; these changes, of updates up to that venue time, come on top.
    Use {
        /// Changes to apply again, in order.
        again: Vec<Change>,
        /// Venue time of the last of them.
        ts_venue_ns: Option<i64>,
    },
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    ids: Ids,
    ts_venue_ns: i64,
    levels: usize,
}

/// The numbers of one book.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequence {
    last: Option<u64>,
    is_complete: bool,
    kept: VecDeque<Kept>,
    levels: VecDeque<Change>,
}

impl Sequence {
    /// Takes an update with its changes.
    pub fn on_update(&mut self, ids: Ids, ts_venue_ns: i64, changes: impl Iterator<Item = Change>) -> Step {
        let step = match self.last {
            None => Step::First,
            Some(known) if ids.last <= known => return Step::Old,
            Some(known) if ids.before > known => Step::Lost { first: known + 1, count: ids.before - known },
            Some(_) => Step::Next,
        };
        self.last = Some(ids.last);
        if matches!(step, Step::Lost { .. }) {
            self.is_complete = false;
            self.forget();
        }
        if !self.is_complete {
            self.keep(ids, ts_venue_ns, changes);
        }
        step
    }

    /// Takes the number of a snapshot.
    pub fn on_snapshot(&mut self, id: u64) -> Meeting {
        if self.is_complete {
            return Meeting::Unneeded;
        }
        while self.kept.front().is_some_and(|kept| kept.ids.last <= id) {
            self.drop_front();
        }
        if self.kept.front().is_some_and(|kept| kept.ids.before > id) {
            return Meeting::TooOld;
        }
        self.is_complete = true;
        self.last = Some(self.kept.back().map_or(id, |kept| kept.ids.last));
        let ts_venue_ns = self.kept.iter().map(|kept| kept.ts_venue_ns).max();
        let again = self.levels.iter().copied().collect();
        self.forget();
        Meeting::Use { again, ts_venue_ns }
    }

    fn keep(&mut self, ids: Ids, ts_venue_ns: i64, changes: impl Iterator<Item = Change>) {
        let before = self.levels.len();
        self.levels.extend(changes);
        self.kept.push_back(Kept { ids, ts_venue_ns, levels: self.levels.len() - before });
        while self.levels.len() + self.kept.len() > LEVELS_KEPT && self.kept.len() > 1 {
            self.drop_front();
        }
    }

    fn drop_front(&mut self) {
        if let Some(kept) = self.kept.pop_front() {
            self.levels.drain(..kept.levels.min(self.levels.len()));
        }
    }

    fn forget(&mut self) {
        self.kept.clear();
        self.levels.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn update(sequence: &mut Sequence, before: u64, last: u64) -> Step {
        let price = i64::try_from(last).expect("small");
        let change = Change { side: 0, price, lots: 1 };
        sequence.on_update(Ids { before, last }, price, std::iter::once(change))
    }

    #[test]
    fn a_snapshot_takes_the_updates_beyond_it_again() {
        let mut sequence = Sequence::default();
        assert_eq!(update(&mut sequence, 4, 7), Step::First);
        assert_eq!(update(&mut sequence, 7, 9), Step::Next);
        assert_eq!(update(&mut sequence, 9, 12), Step::Next);
        let again = [9, 12].map(|price| Change { side: 0, price, lots: 1 }).to_vec();
        // The first beyond 8 joins after 7 and ends at 9: it straddles the snapshot.
        assert_eq!(sequence.on_snapshot(8), Meeting::Use { again, ts_venue_ns: Some(12) });
        assert_eq!(update(&mut sequence, 9, 12), Step::Old);
        assert_eq!(update(&mut sequence, 12, 13), Step::Next);
        assert_eq!(sequence.on_snapshot(13), Meeting::Unneeded);
    }

    #[test]
    fn a_snapshot_before_the_first_update_is_too_old_and_one_beyond_all_waits_for_the_next() {
        let mut sequence = Sequence::default();
        update(&mut sequence, 4, 7);
        assert_eq!(sequence.on_snapshot(3), Meeting::TooOld);
        assert_eq!(sequence.on_snapshot(9), Meeting::Use { again: vec![], ts_venue_ns: None });
        assert_eq!(update(&mut sequence, 7, 8), Step::Old);
        assert_eq!(update(&mut sequence, 8, 11), Step::Next);
    }

    #[test]
    fn a_loss_is_told_and_mended_only_by_a_snapshot_after_it() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.on_snapshot(7), Meeting::Use { again: vec![], ts_venue_ns: None });
        assert_eq!(update(&mut sequence, 9, 11), Step::Lost { first: 8, count: 2 });
        assert_eq!(sequence.on_snapshot(8), Meeting::TooOld);
        assert!(matches!(sequence.on_snapshot(10), Meeting::Use { .. }));
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_was_forgotten_makes_a_snapshot_too_old() {
        let mut sequence = Sequence::default();
        for id in 0..200_000 {
            update(&mut sequence, id, id + 1);
        }
        assert!(sequence.levels.len() + sequence.kept.len() <= LEVELS_KEPT);
        assert_eq!(sequence.on_snapshot(10), Meeting::TooOld);
        assert!(matches!(sequence.on_snapshot(199_000), Meeting::Use { again, .. } if again.len() == 1_000));
    }

    proptest! {
        /// Updates of a true book, some lost, and snapshots taken of it at one number and received later: whenever the
        /// sequence calls the book complete, it is the true book.
        #[test]
        fn a_book_called_complete_is_the_true_one(
            events in prop::collection::vec((0i64..6, 0u64..3, 0u8..10), 1..80),
        ) {
            let mut truth: Vec<BTreeMap<i64, u64>> = vec![BTreeMap::new()];
            let mut book: BTreeMap<i64, u64> = BTreeMap::new();
            let mut sequence = Sequence::default();
            let set = |book: &mut BTreeMap<i64, u64>, price, lots| {
                if lots == 0 { book.remove(&price); } else { book.insert(price, lots); }
            };
            for (price, lots, what) in events {
                let mut now = truth.last().cloned().unwrap_or_default();
                set(&mut now, price, lots);
                truth.push(now);
                let last = truth.len() as u64 - 1;
                if what != 0 {
                    let change = Change { side: 0, price, lots };
                    sequence.on_update(Ids { before: last - 1, last }, 0, std::iter::once(change));
                    set(&mut book, price, lots);
                }
                if what >= 8 {
                    let id = truth.len().saturating_sub(usize::from(what) - 6);
                    if let Meeting::Use { again, .. } = sequence.on_snapshot(id as u64) {
                        book = truth[id].clone();
                        again.iter().for_each(|change| set(&mut book, change.price, change.lots));
                    }
                }
                if sequence.is_complete && sequence.last == Some(last) {
                    prop_assert_eq!(&book, &truth[truth.len() - 1]);
                }
            }
        }
    }
}
