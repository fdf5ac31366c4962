//! Combinatorial purged cross-validation: not whether the best set of a search was lucky, but what choosing the best earns on days it
//! was not chosen by.
//!
//! The periods are cut into blocks. For every choice of test blocks, the set with the best Sharpe ratio in the purged rest is applied
//! to them. Each block is thus tested several times, by choices that saw different data; laid end to end these tests make whole
//! paths through the time.
//!
//! Source: M. López de Prado, "Advances in Financial Machine Learning" (2018), chapter 12.

use serde::Serialize;

use super::splits::{Gap, combinatorial, ranges};
use crate::performance::{ratios, returns};

/// What the paths say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CrossValidated {
    /// Blocks of periods.
    pub blocks: usize,
    /// Of these, tested at a time.
    pub test_blocks: usize,
    /// Choices made: one a split.
    pub splits: usize,
    /// Sharpe ratio a period of each path; absent where it does not vary.
    pub path_sharpes: Vec<Option<f64>>,
    /// Sum of the profits of each path.
    pub path_sums: Vec<f64>,
    /// How often each trial was chosen.
    pub chosen: Vec<usize>,
}

/// Runs it over `trials`: `[trials][periods]`, profits or returns by period.
///
/// `None` with fewer than two trials, unequal lengths, or where blocks do not allow it.
pub fn cross_validate(
    trials: &[Vec<f64>],
    blocks: usize,
    test_blocks: usize,
    gap: Gap,
) -> Option<CrossValidated> {
    let periods = trials.first()?.len();
    if trials.len() < 2 || trials.iter().any(|trial| trial.len() != periods) {
        return None;
    }
    let splits = combinatorial(periods, blocks, test_blocks, gap);
    if splits.is_empty() || splits.iter().any(|split| split.train.is_empty()) {
        return None;
    }
    let of_blocks = ranges(periods, blocks);
    // Splits in which one block is tested: the number of paths.
    let paths = splits.len() * test_blocks / blocks;
    let mut tested: Vec<Vec<usize>> = vec![Vec::new(); blocks];
    let mut chosen = vec![0usize; trials.len()];
    for split in &splits {
        let best = best_of(trials, &split.train)?;
        chosen[best] += 1;
        for (block, range) in of_blocks.iter().enumerate() {
            if split.test.binary_search(&range.start).is_ok() {
                tested[block].push(best);
            }
        }
    }
    let path = |number: usize| -> Vec<f64> {
        let pieces = of_blocks.iter().zip(&tested);
        pieces.flat_map(|(range, tested)| trials[tested[number]][range.clone()].iter().copied()).collect()
    };
    let all: Vec<Vec<f64>> = (0..paths).map(path).collect();
    Some(CrossValidated {
        blocks,
        test_blocks,
        splits: splits.len(),
        path_sharpes: all.iter().map(|path| ratios::a_period(path)).collect(),
        path_sums: all.iter().map(|path| path.iter().sum()).collect(),
        chosen,
    })
}

/// The trial with the best Sharpe ratio in these periods, the first of equals; one that does not vary counts by its mean's sign
/// alone: below any that varies and gains, above any that loses.
fn best_of(trials: &[Vec<f64>], periods: &[usize]) -> Option<usize> {
    let figure = |trial: &Vec<f64>| {
        let values: Vec<f64> = periods.iter().map(|period| trial[*period]).collect();
        let steady =
            returns::mean(&values).map(|mean| if mean == 0.0 { 0.0 } else { mean.signum() * f64::MAX });
        ratios::a_period(&values).or(steady).unwrap_or(f64::MIN)
    };
    let figures: Vec<f64> = trials.iter().map(figure).collect();
    (0..figures.len()).reduce(|best, trial| if figures[trial] > figures[best] { trial } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_stats::Rng;

    #[test]
    fn every_path_goes_through_all_periods_and_there_are_as_many_as_the_book_says() {
        let mut rng = Rng::new(4);
        let trials: Vec<Vec<f64>> = (0..5).map(|_| (0..60).map(|_| rng.normal()).collect()).collect();
        // Six blocks, two tested: 15 splits, 5 paths.
        let found = cross_validate(&trials, 6, 2, Gap { purge: 1, embargo: 1 }).unwrap();
        assert_eq!((found.splits, found.path_sharpes.len()), (15, 5));
        assert_eq!(found.chosen.iter().sum::<usize>(), 15);
        // With one trial far above all others every path is that trial.
        let mut better = trials.clone();
        better[3].iter_mut().for_each(|value| *value += 5.0);
        let found = cross_validate(&better, 6, 2, Gap::default()).unwrap();
        let sum: f64 = better[3].iter().sum();
        assert!(found.path_sums.iter().all(|path| (path - sum).abs() < 1e-9));
        assert_eq!(found.chosen, [0, 0, 0, 15, 0]);
        assert_eq!(cross_validate(&trials[..1], 6, 2, Gap::default()), None);
        assert_eq!(cross_validate(&trials, 6, 2, Gap { purge: 60, embargo: 0 }), None);
    }

    #[test]
    fn choosing_among_worthless_ones_earns_nothing_where_it_was_not_chosen() {
        // 200 searches over 20 worthless sets: the mean of all path ratios has a deviation of about 1 / sqrt(120) / sqrt(200)
        // times some correlation between paths; the best ratios in the sample itself are far above it.
        let mut rng = Rng::new(8);
        let (mut sum, mut count, mut inside) = (0.0, 0.0, 0.0);
        for _ in 0..200 {
            let trials: Vec<Vec<f64>> = (0..20).map(|_| (0..120).map(|_| rng.normal()).collect()).collect();
            let found = cross_validate(&trials, 6, 2, Gap::default()).unwrap();
            for sharpe in found.path_sharpes.iter().flatten() {
                sum += sharpe;
                count += 1.0;
            }
            inside +=
                trials.iter().filter_map(|trial| ratios::a_period(trial)).fold(f64::MIN, f64::max) / 200.0;
        }
        let mean = sum / count;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!(inside > 0.12, "{inside}");
    }
}
