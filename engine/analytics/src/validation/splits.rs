//! Training and test periods that do not know of one another: walk-forward, and combinations of blocks.
//!
//! What a period's outcome depends on may reach beyond it (a position held overnight, a label that looks ahead). *Purging* takes
//! those training periods out that reach into the test; the *embargo* takes out as many after it as memory lasts.
//!
//! Source: M. López de Prado, "Advances in Financial Machine Learning" (2018), chapters 7.4 and 12.

use std::ops::Range;

/// Places in a series of periods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// To fit on, ascending.
    pub train: Vec<usize>,
    /// To judge by, ascending.
    pub test: Vec<usize>,
}

/// What must lie between training and test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    /// Periods by which an outcome reaches beyond its own: purged before a test.
    pub purge: usize,
    /// Periods after a test that are left out beside them.
    pub embargo: usize,
}

/// Walk-forward: fit on what came before, judge by the next `test` periods, move on by as many.
///
/// - `train`: periods to fit on; `None`: all from the first on (anchored), at least `test`.
/// - Result: in order of time; a rest shorter than `test` is left out. Empty where there are too few periods.
pub fn walk_forward(periods: usize, train: Option<usize>, test: usize, purge: usize) -> Vec<Split> {
    let least = train.unwrap_or(test).max(1);
    let mut splits = Vec::new();
    let mut start = least.saturating_add(purge);
    while test > 0 && start.saturating_add(test) <= periods {
        let end = start - purge;
        let first = train.map_or(0, |train| end - train);
        splits.push(Split { train: (first..end).collect(), test: (start..start + test).collect() });
        start += test;
    }
    splits
}

/// Every choice of `test_blocks` out of `blocks` equal blocks as the test, the rest, purged, to fit on.
///
/// - Result: `blocks choose test_blocks` splits; blocks differ by one period where they do not divide. Empty where there are
///   fewer periods than blocks, or no block is left to fit on.
pub fn combinatorial(periods: usize, blocks: usize, test_blocks: usize, gap: Gap) -> Vec<Split> {
    if blocks > periods || test_blocks == 0 || test_blocks >= blocks {
        return Vec::new();
    }
    let ranges = ranges(periods, blocks);
    choices(blocks, test_blocks)
        .into_iter()
        .map(|chosen| {
            let tests: Vec<&Range<usize>> = chosen.iter().map(|block| &ranges[*block]).collect();
            let is_test = |place: usize| tests.iter().any(|range| range.contains(&place));
            let is_near = |place: usize| {
                tests.iter().any(|range| {
                    let first = range.start.saturating_sub(gap.purge);
                    (first..range.end.saturating_add(gap.purge + gap.embargo)).contains(&place)
                })
            };
            Split {
                train: (0..periods).filter(|place| !is_near(*place)).collect(),
                test: (0..periods).filter(|place| is_test(*place)).collect(),
            }
        })
        .collect()
}

/// `count` runs of places, as equal as can be, in order.
pub fn ranges(periods: usize, count: usize) -> Vec<Range<usize>> {
    (0..count).map(|block| block * periods / count..(block + 1) * periods / count).collect()
}

/// Every choice of `take` out of `0..of`, each ascending, in order of the alphabet.
pub fn choices(of: usize, take: usize) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    if take > of {
        return found;
    }
    let mut now: Vec<usize> = (0..take).collect();
    loop {
        found.push(now.clone());
        // The last that can still move on; all after it follow.
        let Some(place) = (0..take).rev().find(|place| now[*place] < of - take + place) else { return found };
        now[place] += 1;
        for later in place + 1..take {
            now[later] = now[later - 1] + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn walk_forward_moves_by_the_test_and_never_looks_ahead() {
        let rolling = walk_forward(10, Some(4), 2, 1);
        assert_eq!(rolling[0], Split { train: vec![0, 1, 2, 3], test: vec![5, 6] });
        assert_eq!(rolling[1], Split { train: vec![2, 3, 4, 5], test: vec![7, 8] });
        assert_eq!(rolling.len(), 2);
        let anchored = walk_forward(6, None, 2, 0);
        assert_eq!(anchored[1], Split { train: vec![0, 1, 2, 3], test: vec![4, 5] });
        assert!(walk_forward(3, Some(4), 2, 0).is_empty() && walk_forward(9, Some(3), 0, 0).is_empty());
    }

    #[test]
    fn choices_are_all_there_once() {
        assert_eq!(choices(4, 2), [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        // 16 choose 8, from a table.
        assert_eq!(choices(16, 8).len(), 12_870);
        assert!(choices(2, 3).is_empty());
    }

    proptest! {
        #[test]
        fn no_training_period_reaches_into_a_test(
            periods in 1usize..120, blocks in 2usize..8, take in 1usize..7, purge in 0usize..5, embargo in 0usize..5,
        ) {
            let splits = combinatorial(periods, blocks, take, Gap { purge, embargo });
            for split in &splits {
                for train in &split.train {
                    for test in &split.test {
                        // An outcome spans its period and `purge` more.
                        prop_assert!(train + purge < *test || test + purge + embargo < *train);
                    }
                }
            }
            if take < blocks && blocks <= periods {
                // Each block is in the test as often as any other: take / blocks of all splits.
                let mut seen = vec![0usize; periods];
                splits.iter().flat_map(|split| &split.test).for_each(|place| seen[*place] += 1);
                prop_assert!(seen.iter().all(|count| count * blocks == splits.len() * take));
            }
        }
    }
}
