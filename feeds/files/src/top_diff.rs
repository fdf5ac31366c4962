//! Snapshots of the best levels as differences: what changed from one to the next, so that a replay does not empty the
//! book with every row.
//!
//! A level that left the window of the snapshot is stated gone, since nobody hears of it any more; it comes back
//! when the window reaches it again. So the book always is the last snapshot, and nothing below it.

/// The levels of one book as the last snapshot stated them.
#[derive(Clone, Debug, Default)]
pub(crate) struct TopDiff {
    sides: [Vec<(i64, u64)>; 2],
    /// Whether a snapshot was taken.
    pub is_begun: bool,
}

impl TopDiff {
    /// Takes one side of the next snapshot, (price, lots) in any order, and tells the levels that are new: first those
    /// gone, with no lots, then the rest. `levels` holds the former snapshot's afterwards: room for the next.
    pub fn change(&mut self, side: u8, levels: &mut Vec<(i64, u64)>, mut on: impl FnMut(i64, u64)) {
        levels.sort_unstable();
        // One price stated twice: the last counts no more than the first; a book has one level of it.
        levels.dedup_by_key(|level| level.0);
        levels.retain(|level| level.1 > 0);
        let former = &mut self.sides[usize::from(side & 1)];
        let mut next = levels.iter().peekable();
        for (price, _) in former.iter() {
            while next.next_if(|level| level.0 < *price).is_some() {}
            if next.peek().is_none_or(|level| level.0 != *price) {
                on(*price, 0);
            }
        }
        let mut old = former.iter().peekable();
        for (price, lots) in levels.iter() {
            while old.next_if(|level| level.0 < *price).is_some() {}
            if old.peek().is_none_or(|level| **level != (*price, *lots)) {
                on(*price, *lots);
            }
        }
        std::mem::swap(former, levels);
        levels.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_differences_applied_give_each_snapshot(snapshots in prop::collection::vec(
            prop::collection::btree_map(0i64..20, 1u64..4, 0..12), 1..12,
        )) {
            let mut diff = TopDiff::default();
            let mut book = BTreeMap::new();
            for snapshot in snapshots {
                let mut changes = Vec::new();
                let mut levels: Vec<_> = snapshot.clone().into_iter().rev().collect();
                diff.change(0, &mut levels, |price, lots| changes.push((price, lots)));
                for (price, lots) in changes {
                    // Only what is new is told.
                    prop_assert_ne!(book.get(&price).copied().unwrap_or(0), lots);
                    if lots == 0 { book.remove(&price); } else { book.insert(price, lots); }
                }
                prop_assert_eq!(&book, &snapshot);
            }
        }
    }
}
