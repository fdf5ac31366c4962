//! A whole search judged: was its winner luck? Overfitting, deflation, cross-validation and the ground around the winner, out of
//! what each set of parameters earned by period.

use serde::Serialize;

use super::cross_validation::{CrossValidated, cross_validate};
use super::overfitting::{BLOCKS_MAX, Overfitting, probability_of_overfitting};
use super::splits::{Gap, choices};
use super::surface::{Point, Robustness, robustness};
use crate::performance::sharpe::{self, Observed};
use crate::performance::{benchmark, ratios};

/// Fewest periods a search is judged by: two in each of four blocks.
pub const PERIODS_MIN: usize = 8;

/// Sums a search's halves may cost: beyond it fewer blocks are made.
const WORK_MAX: usize = 100_000_000;

/// Pairs of trials whose correlation is looked at.
const PAIRS_MAX: usize = 2000;

/// One set of parameters that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Place of its value on each axis of the grid.
    pub places: Vec<usize>,
    /// The figure the search ranks by, turned so that more is better; absent where the set has none.
    pub value: Option<f64>,
    /// Profit by period: the same periods for all.
    pub profits: Vec<f64>,
}

/// What can be said of a search.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Judgement {
    /// What a period is, in words.
    pub period: String,
    /// Periods.
    pub periods: usize,
    /// Sets judged.
    pub trials: usize,
    /// Why something is absent, in words.
    pub absent: Vec<String>,
    /// Whether the best in one half of the periods is good in the other.
    pub overfitting: Option<Overfitting>,
    /// How far the winner's Sharpe ratio can be believed.
    pub winner: Option<Winner>,
    /// What choosing the best earns where it was not chosen.
    pub cross_validation: Option<CrossValidated>,
    /// The figure around the winner.
    pub robustness: Option<Robustness>,
}

/// The winner's Sharpe ratio. All ratios are of one period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Winner {
    /// Place of the winner among the trials given.
    pub trial: usize,
    /// Its Sharpe ratio.
    pub sharpe: f64,
    /// Standard deviation of the ratios of all trials.
    pub trials_deviation: f64,
    /// The ratio that luck gives the best of as many.
    pub lucky_sharpe: f64,
    /// Probability that the true ratio is above 0.
    pub probabilistic_sharpe: Option<f64>,
    /// Probability that it is above luck's best.
    pub deflated_sharpe: Option<f64>,
    /// Mean correlation of pairs of trials.
    pub correlation_mean: Option<f64>,
    /// Trials as they would count were they independent: sets beside one another move as one.
    pub independent_trials: Option<f64>,
    /// Probability that the ratio is above luck's best of so many.
    pub deflated_independent: Option<f64>,
}

/// Judges a search.
///
/// - `period`: what a period is, in words.
/// - `gap`: periods left out between fitting and testing in the cross-validation.
///
/// # Panics
///
/// Where the trials' periods differ in number.
pub fn judge(trials: &[Trial], period: &str, gap: Gap) -> Judgement {
    let periods = trials.first().map_or(0, |trial| trial.profits.len());
    assert!(trials.iter().all(|trial| trial.profits.len() == periods), "all trials have the same periods");
    let mut found =
        Judgement { period: period.to_owned(), periods, trials: trials.len(), ..Judgement::default() };
    let points: Vec<Point> = trials
        .iter()
        .filter_map(|trial| Some(Point { places: trial.places.clone(), value: trial.value? }))
        .collect();
    found.robustness = robustness(&points).filter(|_| points.len() > 1);
    if trials.len() < 2 {
        found.absent.push("one set alone is no search".to_owned());
        return found;
    }
    if periods == 0 {
        found.absent.push("no set made or lost anything in any period".to_owned());
        return found;
    }
    if periods < PERIODS_MIN {
        found.absent.push(format!(
            "{periods} periods: a search is judged by at least {PERIODS_MIN}; take more or longer days"
        ));
        return found;
    }
    let profits: Vec<Vec<f64>> = trials.iter().map(|trial| trial.profits.clone()).collect();
    found.overfitting = probability_of_overfitting(&profits, blocks_for(trials.len(), periods));
    found.winner = winner(trials);
    if found.winner.is_none() {
        found.absent.push("the winner's profits do not vary, so it has no Sharpe ratio".to_owned());
    }
    let blocks = (periods / 2).min(10);
    found.cross_validation = cross_validate(&profits, blocks, 2, gap);
    if found.cross_validation.is_none() {
        found.absent.push(
            "too few periods are left to fit on beside the tested ones, so nothing is cross-validated"
                .to_owned(),
        );
    }
    found
}

/// As many blocks as the periods and the work allow, even.
fn blocks_for(trials: usize, periods: usize) -> usize {
    let mut blocks = (BLOCKS_MAX).min(periods / 2) / 2 * 2;
    let work =
        |blocks: usize| choices(blocks, blocks / 2).len().saturating_mul(trials).saturating_mul(blocks);
    while blocks > 4 && work(blocks) > WORK_MAX {
        blocks -= 2;
    }
    blocks
}

fn winner(trials: &[Trial]) -> Option<Winner> {
    let is_better = |new: &Trial, old: &Trial| match (new.value, old.value) {
        (Some(new), Some(old)) => new > old,
        (Some(_), None) => true,
        _ => false,
    };
    let best = (0..trials.len())
        .reduce(|best, trial| if is_better(&trials[trial], &trials[best]) { trial } else { best })?;
    let observed = Observed::of(&trials[best].profits)?;
    let ratios: Vec<f64> = trials.iter().filter_map(|trial| ratios::a_period(&trial.profits)).collect();
    let trials_deviation = crate::performance::returns::deviation(&ratios).unwrap_or(0.0);
    let variance = trials_deviation * trials_deviation;
    let count = trials.len() as f64;
    let lucky_sharpe = sharpe::expected_best(variance, count)?;
    let correlation_mean = correlation_mean(trials);
    // Bailey and López de Prado (2014), appendix 3: N independent ones of n that correlate by rho.
    let independent = correlation_mean.map(|rho| (rho.max(0.0) + (1.0 - rho.max(0.0)) * count).max(1.0));
    let deflated_independent = independent.and_then(|independent| {
        if independent < 2.0 {
            sharpe::probabilistic_sharpe(&observed, 0.0)
        } else {
            sharpe::deflated_sharpe(&observed, variance, independent)
        }
    });
    Some(Winner {
        trial: best,
        sharpe: observed.sharpe,
        trials_deviation,
        lucky_sharpe,
        probabilistic_sharpe: sharpe::probabilistic_sharpe(&observed, 0.0),
        deflated_sharpe: sharpe::probabilistic_sharpe(&observed, lucky_sharpe),
        correlation_mean,
        independent_trials: independent,
        deflated_independent,
    })
}

/// Over pairs spread evenly where there are many.
fn correlation_mean(trials: &[Trial]) -> Option<f64> {
    let count = trials.len();
    let pairs = count * (count - 1) / 2;
    let step = pairs.div_ceil(PAIRS_MAX).max(1);
    let all = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))).step_by(step);
    let values: Vec<f64> =
        all.filter_map(|(a, b)| benchmark::correlation(&trials[a].profits, &trials[b].profits)).collect();
    crate::performance::returns::mean(&values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_stats::Rng;

    fn search(rng: &mut Rng, sets: usize, periods: usize, edge: impl Fn(usize) -> f64) -> Vec<Trial> {
        (0..sets)
            .map(|set| {
                let profits: Vec<f64> = (0..periods).map(|_| edge(set) + rng.normal()).collect();
                Trial { places: vec![set], value: Some(profits.iter().sum()), profits }
            })
            .collect()
    }

    #[test]
    fn sets_of_pure_noise_overfit_in_about_half_of_the_halves_and_one_truly_better_set_in_almost_none() {
        // Over 60 searches of 12 worthless sets each; one search's probability spreads by less than 0.35, the mean by 0.045.
        let mut rng = Rng::new(21);
        let probability = |rng: &mut Rng, edge: fn(usize) -> f64| {
            let all = (0..60).map(|_| {
                judge(&search(rng, 12, 64, edge), "day", Gap::default()).overfitting.unwrap().probability
            });
            all.sum::<f64>() / 60.0
        };
        let noise = probability(&mut rng, |_| 0.0);
        assert!((noise - 0.5).abs() < 0.15, "{noise}");
        let better = probability(&mut rng, |set| if set == 4 { 1.0 } else { 0.0 });
        assert!(better < 0.02, "{better}");
    }

    #[test]
    fn the_winner_of_noise_is_not_believed_and_a_true_one_is() {
        // Deflated, the winner of noise is above luck's best about as often as not: over 100 searches the mean is near one half.
        let mut rng = Rng::new(22);
        let mean: f64 = (0..100)
            .filter_map(|_| {
                judge(&search(&mut rng, 30, 100, |_| 0.0), "day", Gap::default()).winner?.deflated_sharpe
            })
            .sum::<f64>()
            / 100.0;
        assert!((0.35..0.7).contains(&mean), "{mean}");
        let found =
            judge(&search(&mut rng, 30, 100, |set| if set == 7 { 0.8 } else { 0.0 }), "day", Gap::default());
        let winner = found.winner.unwrap();
        assert_eq!(winner.trial, 7);
        assert!(winner.deflated_sharpe.unwrap() > 0.98, "{winner:?}");
        // Worthless sets are nearly independent.
        assert!(winner.independent_trials.unwrap() > 27.0);
        assert!(found.cross_validation.unwrap().path_sharpes.iter().flatten().all(|sharpe| *sharpe > 0.3));
    }

    #[test]
    fn what_is_too_little_to_judge_is_said() {
        let mut rng = Rng::new(1);
        let one = judge(&search(&mut rng, 1, 50, |_| 0.0), "day", Gap::default());
        assert!(one.overfitting.is_none() && one.absent.len() == 1);
        let short = judge(&search(&mut rng, 5, 3, |_| 0.0), "day", Gap::default());
        assert!(
            short.winner.is_none() && short.robustness.is_some() && short.absent[0].contains("3 periods")
        );
        assert!(judge(&[], "day", Gap::default()).overfitting.is_none());
        assert_eq!(blocks_for(10, 1000), 16);
        assert!(blocks_for(100_000, 1000) < 12);
    }
}
