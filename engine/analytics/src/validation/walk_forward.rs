//! Walk-forward: choose on what came before, apply to what comes next, move on.
//!
//! What is chosen at a step depends on its training periods alone: the figure is asked for over those, and over the test periods only
//! of the set that is chosen already.
//!
//! Source: R. Pardo, "The Evaluation and Optimization of Trading Strategies" (2008), chapter 11; purging and embargo as in
//! [`super::splits`].

use serde::Serialize;

use super::splits::walk_forward;

/// How to walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WalkConfig {
    /// Periods to choose on; where anchored, at least so many, from the first on.
    pub train: usize,
    /// Whether training always begins with the first period.
    pub is_anchored: bool,
    /// Periods the choice is applied to.
    pub test: usize,
    /// Periods left out at the end of the training, whose outcome reaches beyond them.
    pub purge: usize,
    /// Periods left out before the test beside those.
    pub embargo: usize,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Periods chosen on.
    pub train: Vec<usize>,
    /// Periods applied to.
    pub test: Vec<usize>,
    /// Set chosen; absent where none has the figure.
    pub chosen: Option<usize>,
    /// Its figure in training.
    pub inside: Option<f64>,
    /// Its figure in the test.
    pub outside: Option<f64>,
}

/// Walks over `periods` with `sets` to choose from.
///
/// - `figure`: of a set over periods, more is better; absent where it has none. Of sets with the same figure the first is chosen.
/// - Result: in order of time; empty where there are too few periods.
pub fn walk(
    periods: usize,
    sets: usize,
    config: &WalkConfig,
    mut figure: impl FnMut(usize, &[usize]) -> Option<f64>,
) -> Vec<Step> {
    let gap = config.purge.saturating_add(config.embargo);
    let splits = if config.is_anchored {
        anchored(periods, config.train, config.test, gap)
    } else {
        let splits = walk_forward(periods, Some(config.train), config.test, gap);
        splits.into_iter().map(|split| (split.train, split.test)).collect()
    };
    let mut steps = Vec::with_capacity(splits.len());
    for (train, test) in splits {
        let mut best: Option<(usize, f64)> = None;
        for set in 0..sets {
            let Some(value) = figure(set, &train).filter(|value| value.is_finite()) else { continue };
            if best.is_none_or(|(_, known)| value > known) {
                best = Some((set, value));
            }
        }
        let outside = best.and_then(|(set, _)| figure(set, &test));
        let (chosen, inside) = best.unzip();
        steps.push(Step { train, test, chosen, inside, outside });
    }
    steps
}

/// Training from the first period on, at least `train` periods.
fn anchored(periods: usize, train: usize, test: usize, gap: usize) -> Vec<(Vec<usize>, Vec<usize>)> {
    let mut splits = Vec::new();
    let mut start = train.max(1).saturating_add(gap);
    while test > 0 && start.saturating_add(test) <= periods {
        splits.push(((0..start - gap).collect(), (start..start + test).collect()));
        start += test;
    }
    splits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(table: &[Vec<f64>]) -> impl FnMut(usize, &[usize]) -> Option<f64> {
        |set, periods| Some(periods.iter().map(|period| table[set][*period]).sum())
    }

    #[test]
    fn the_best_of_the_training_is_applied_to_the_test() {
        // Set 0 is better up to day 3, set 1 from there on.
        let table = vec![vec![2.0, 2.0, 2.0, 0.0, 0.0, 0.0], vec![1.0, 1.0, 1.0, 3.0, 3.0, 3.0]];
        let config = WalkConfig { train: 2, is_anchored: false, test: 1, purge: 0, embargo: 0 };
        let steps = walk(6, 2, &config, sum(&table));
        let told: Vec<_> = steps.iter().map(|step| (step.test[0], step.chosen, step.outside)).collect();
        // Days 0-1 and 1-2 choose set 0; days 2-3 and 3-4 set 1 (4 against 2, 6 against 0).
        assert_eq!(
            told,
            [
                (2, Some(0), Some(2.0)),
                (3, Some(0), Some(0.0)),
                (4, Some(1), Some(3.0)),
                (5, Some(1), Some(3.0))
            ]
        );
        let anchored = WalkConfig { is_anchored: true, purge: 1, ..config };
        let steps = walk(6, 2, &anchored, sum(&table));
        assert_eq!(steps[0].train, [0, 1]);
        assert_eq!(
            (steps[0].test.as_slice(), steps[2].train.as_slice()),
            ([3].as_slice(), [0, 1, 2, 3].as_slice())
        );
        assert!(walk(2, 2, &config, sum(&table)).is_empty());
        assert_eq!(walk(3, 1, &config, |_, _| None)[0].chosen, None);
    }

    proptest! {
        #[test]
        fn altering_the_future_moves_no_choice(
            seed in 0u64..1000, train in 1usize..6, test in 1usize..4, purge in 0usize..3, embargo in 0usize..3,
            is_anchored in any::<bool>(), cut in 1usize..30,
        ) {
            let (periods, sets) = (30, 5);
            let mut rng = tickrace_stats::Rng::new(seed);
            let table: Vec<Vec<f64>> = (0..sets).map(|_| (0..periods).map(|_| rng.normal()).collect()).collect();
            let mut altered = table.clone();
            altered.iter_mut().for_each(|row| row[cut..].iter_mut().for_each(|value| *value = rng.normal() * 50.0));
            let config = WalkConfig { train, is_anchored, test, purge, embargo };
            let (before, after) = (walk(periods, sets, &config, sum(&table)), walk(periods, sets, &config, sum(&altered)));
            prop_assert_eq!(before.len(), after.len());
            for (a, b) in before.iter().zip(&after) {
                // Nothing of training lies within the gap before the test.
                prop_assert!(a.train.iter().all(|period| period + purge + embargo < a.test[0]));
                if a.test[0] <= cut {
                    prop_assert_eq!((a.chosen, a.inside), (b.chosen, b.inside));
                }
            }
        }
    }
}
