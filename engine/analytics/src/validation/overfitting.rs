//! Probability that choosing the best of many backtests chose luck: combinatorially symmetric cross-validation.
//!
//! The periods are cut into blocks; every half of the blocks once chooses the best trial, and the other half says which rank
//! that choice has among all trials there. Where the choice does no better than the median in the other half, the search overfitted.
//!
//! Source: D. H. Bailey, J. M. Borwein, M. López de Prado and Q. J. Zhu, "The Probability of Backtest Overfitting" (2015).

use serde::Serialize;

use super::splits::{choices, ranges};

/// Most blocks: 16 give 12,870 halves.
pub const BLOCKS_MAX: usize = 16;

/// What the halves say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overfitting {
    /// Share of the halves whose choice did no better than the median of the other half (PBO).
    pub probability: f64,
    /// Share of the halves whose choice lost in the other half.
    pub loss_probability: f64,
    /// Slope of the choice's result in the other half over its result where it was chosen.
    pub slope: f64,
    /// Halves looked at.
    pub halves: usize,
    /// Trials compared.
    pub trials: usize,
    /// Blocks of periods.
    pub blocks: usize,
    /// `ln(rank / (1 - rank))` of each choice, ascending; above 0 is better than the median.
    pub logits: Vec<f64>,
}

/// Judges a search by the Sharpe ratio of each half.
///
/// - `trials`: `[trials][periods]`, returns or profits by period, all of one length.
/// - `blocks`: even, from 2 to [`BLOCKS_MAX`]; each must hold two periods.
/// - `None`: fewer than two trials, unequal lengths, or too few periods.
pub fn probability_of_overfitting(trials: &[Vec<f64>], blocks: usize) -> Option<Overfitting> {
    let periods = trials.first()?.len();
    let is_sound = trials.len() > 1
        && trials.iter().all(|trial| trial.len() == periods && trial.iter().all(|value| value.is_finite()))
        && blocks >= 2
        && blocks.is_multiple_of(2)
        && blocks <= BLOCKS_MAX
        && periods >= 2 * blocks;
    if !is_sound {
        return None;
    }
    let sums = BlockSums::of(trials, blocks);
    let mut logits = Vec::new();
    let (mut pairs, mut losses) = (Vec::new(), 0usize);
    for chosen in choices(blocks, blocks / 2) {
        let others: Vec<usize> = (0..blocks).filter(|block| !chosen.contains(block)).collect();
        let (inside, outside) = (sums.ratios(&chosen), sums.ratios(&others));
        let best =
            (0..inside.len()).fold(0, |best, trial| if inside[trial] > inside[best] { trial } else { best });
        // Ties count half: of trials that are all the same, each is the median.
        let count = |is: fn(&f64, &f64) -> bool| {
            outside.iter().filter(|other| is(other, &outside[best])).count() as f64
        };
        let below = count(|other, own| other < own);
        let level = count(|other, own| other == own);
        let rank = (below + f64::midpoint(level, 1.0)) / (outside.len() as f64 + 1.0);
        logits.push(libm::log(rank / (1.0 - rank)));
        losses += usize::from(sums.total(best, &others) < 0.0);
        pairs.push((inside[best], outside[best]));
    }
    let halves = logits.len();
    logits.sort_by(f64::total_cmp);
    let worse = logits.iter().filter(|logit| **logit <= 0.0).count();
    Some(Overfitting {
        probability: worse as f64 / halves as f64,
        loss_probability: losses as f64 / halves as f64,
        slope: slope(&pairs),
        halves,
        trials: trials.len(),
        blocks,
        logits,
    })
}

/// Count, sum and sum of squares of each trial in each block, so that a half costs blocks and not periods.
struct BlockSums {
    /// `[trials][blocks]`.
    sums: Vec<Vec<[f64; 3]>>,
}

impl BlockSums {
    fn of(trials: &[Vec<f64>], blocks: usize) -> Self {
        let of_range = |values: &[f64]| {
            values.iter().fold([0.0; 3], |sum, value| [sum[0] + 1.0, sum[1] + value, sum[2] + value * value])
        };
        let of_trial = |trial: &Vec<f64>| {
            ranges(trial.len(), blocks).into_iter().map(|range| of_range(&trial[range])).collect()
        };
        Self { sums: trials.iter().map(of_trial).collect() }
    }

    fn over(&self, trial: usize, blocks: &[usize]) -> [f64; 3] {
        blocks.iter().fold([0.0; 3], |sum, block| {
            let here = self.sums[trial][*block];
            [sum[0] + here[0], sum[1] + here[1], sum[2] + here[2]]
        })
    }

    fn total(&self, trial: usize, blocks: &[usize]) -> f64 {
        self.over(trial, blocks)[1]
    }

    /// Mean over deviation of each trial; 0 of one that does not vary, since it neither gains nor risks.
    fn ratios(&self, blocks: &[usize]) -> Vec<f64> {
        let ratio = |trial: usize| {
            let [count, sum, squares] = self.over(trial, blocks);
            let mean = sum / count;
            let variance = squares / count - mean * mean;
            if variance > squares / count * 1e-14 { mean / variance.sqrt() } else { 0.0 }
        };
        (0..self.sums.len()).map(ratio).collect()
    }
}

/// Slope of the least squares line; 0 where the first of the pairs do not differ.
fn slope(pairs: &[(f64, f64)]) -> f64 {
    let count = pairs.len() as f64;
    let (x, y) = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0 / count, sum.1 + pair.1 / count));
    let together: f64 = pairs.iter().map(|pair| (pair.0 - x) * (pair.1 - y)).sum();
    let alone: f64 = pairs.iter().map(|pair| (pair.0 - x) * (pair.0 - x)).sum();
    if alone > 0.0 { together / alone } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use tickrace_stats::Rng;

    use super::*;

    fn noise(rng: &mut Rng, periods: usize, drift: f64) -> Vec<f64> {
        (0..periods).map(|_| drift + rng.normal()).collect()
    }

    #[test]
    fn a_search_in_noise_is_overfitted_about_every_other_time() {
        // Worthless trials: what was best in one half has any rank in the other. Over 40 searches the mean is near a half.
        let mut rng = Rng::new(11);
        let one = |rng: &mut Rng| {
            let trials: Vec<Vec<f64>> = (0..20).map(|_| noise(rng, 240, 0.0)).collect();
            probability_of_overfitting(&trials, 8).unwrap().probability
        };
        let mean = (0..40).map(|_| one(&mut rng)).sum::<f64>() / 40.0;
        assert!((0.4..0.75).contains(&mean), "{mean}");
    }

    #[test]
    fn one_that_is_truly_better_is_not_overfitted() {
        // A Sharpe ratio of 0.5 a period among nine worthless ones: found in every half, and good in every other.
        let mut rng = Rng::new(12);
        let mut trials: Vec<Vec<f64>> = (0..9).map(|_| noise(&mut rng, 400, 0.0)).collect();
        trials.push(noise(&mut rng, 400, 0.5));
        let found = probability_of_overfitting(&trials, 10).unwrap();
        assert_eq!((found.probability, found.loss_probability, found.halves), (0.0, 0.0, 252));
    }

    #[test]
    fn what_was_good_only_where_it_was_chosen_is_certain_overfitting() {
        // Trial 0 gains in the first half and loses in the second, trial 1 the other way round: the choice is always wrong.
        let wave = |sign: f64| -> Vec<f64> {
            (0..40)
                .map(|place| sign * if place < 20 { 1.0 } else { -1.0 } + 0.1 * f64::from(place % 2))
                .collect()
        };
        let found = probability_of_overfitting(&[wave(1.0), wave(-1.0)], 2).unwrap();
        assert_eq!((found.probability, found.loss_probability), (1.0, 1.0));
    }

    #[test]
    fn too_little_is_not_judged() {
        let trial = vec![0.0; 40];
        assert_eq!(probability_of_overfitting(std::slice::from_ref(&trial), 4), None);
        assert_eq!(probability_of_overfitting(&[trial.clone(), vec![0.0; 39]], 4), None);
        assert_eq!(probability_of_overfitting(&[trial.clone(), trial.clone()], 5), None);
        assert_eq!(probability_of_overfitting(&[vec![0.0; 7], vec![0.0; 7]], 4), None);
        assert!(probability_of_overfitting(&[trial.clone(), trial], 4).is_some());
    }
}
