//! Bootstrapped weights: the mean of the weights that many resampled pasts would have led to.
//!
//! Each run strings together blocks of the window's weeks (the stationary bootstrap), estimates means, deviations and
//! correlations from them and finds weights by another method. A weight that only luck made great is great in few runs; the mean
//! is as sure of itself as the past allows. All members of a week stay together, so that correlations live on.
//!
//! The runs are shared out over all cores; run `n` draws from the `n`-th stream of the seed, so that the answer is the same for
//! any number of them.
//!
//! Source: R. Carver, *Systematic Trading* (2015), chapter 4; R. O. Michaud, *Efficient Asset Management* (1998); D. N. Politis and
//! J. P. Romano, "The Stationary Bootstrap" (1994).

use serde::{Deserialize, Serialize};
use tickrace_analytics::validation::bootstrap::places;
use tickrace_stats::Rng;

use super::optimise::{Method, OptimiserConfig, weights_from};
use super::past::Past;
use crate::system::parallel;

/// Terms of bootstrapped weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BootstrapTerms {
    /// Resampled pasts.
    pub runs: usize,
    /// Mean length of a block, weeks; the cube root of the window's where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_mean_weeks: Option<f64>,
    /// Seed.
    pub seed: u64,
    /// How weights are found in each.
    pub inner: Method,
}

impl Default for BootstrapTerms {
    fn default() -> Self {
        Self { runs: 100, block_mean_weeks: None, seed: 1, inner: Method::OnePeriod }
    }
}

/// Weights of all assets; NaN where no run knows an asset, as without rows.
pub(super) fn weights(past: &Past<'_>, size: usize, config: &OptimiserConfig) -> Vec<f64> {
    let runs = runs(past, config, |count, run| parallel::each(count, run));
    let mut sums = vec![0.0; size];
    let mut counts = vec![0_usize; size];
    for run in runs {
        for ((weight, sum), count) in run.iter().zip(&mut sums).zip(&mut counts) {
            if weight.is_finite() {
                *sum += weight;
                *count += 1;
            }
        }
    }
    let means: Vec<f64> = sums.iter().zip(counts).map(|(sum, count)| sum / count as f64).collect();
    let total: f64 = means.iter().filter(|mean| mean.is_finite()).sum();
    means.iter().map(|mean| mean / total).collect()
}

/// Weights of every run.
fn runs(
    past: &Past<'_>,
    config: &OptimiserConfig,
    each: impl FnOnce(usize, &(dyn Fn(usize) -> Vec<f64> + Sync)) -> Vec<Vec<f64>>,
) -> Vec<Vec<f64>> {
    let terms = &config.bootstrap;
    let times = past.times();
    if times.is_empty() || past.columns.is_empty() {
        return Vec::new();
    }
    let usual = || tickrace_analytics::validation::bootstrap::block_mean(times.len());
    let block = terms.block_mean_weeks.unwrap_or_else(usual);
    let inner = OptimiserConfig { method: terms.inner, ..config.clone() };
    let run = |number: usize| -> Vec<f64> {
        let mut rng = Rng::stream(terms.seed, number as u64);
        let drawn = places(&mut rng, times.len(), block);
        let rows: Vec<usize> = drawn.into_iter().flat_map(|time| times[time].clone()).collect();
        weights_from(&past.estimates(&rows), past, &inner)
    };
    each(terms.runs, &run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::correlation::Panel;
    use crate::estimate::optimise::{Estimates, weights_of_past};

    /// Weekly returns of three assets of annual means 0.3, 0.2, 0.1 and deviation 0.2, the first two correlated by a half.
    fn panel(weeks: usize, seed: u64) -> Panel {
        let mut rng = Rng::new(seed);
        let mut columns = vec![Vec::new(); 3];
        for _ in 0..weeks {
            let (a, b, c) = (rng.normal(), rng.normal(), rng.normal());
            let noise = [a, 0.5 * a + 0.75f64.sqrt() * b, c];
            for ((column, noise), mean) in columns.iter_mut().zip(noise).zip([0.3, 0.2, 0.1]) {
                column.push(mean / 52.0 + 0.2 / 52f64.sqrt() * noise);
            }
        }
        // Ten seconds apart: a thousand years of true weeks are more than the times can hold.
        let week = 10_000_000_000;
        Panel { at_ns: (0..weeks).map(|row| i64::try_from(row).unwrap() * week).collect(), columns }
    }

    fn config(runs: usize) -> OptimiserConfig {
        OptimiserConfig {
            method: Method::Bootstrap,
            equalise_vols: false,
            bootstrap: BootstrapTerms { runs, ..BootstrapTerms::default() },
            ..OptimiserConfig::default()
        }
    }

    #[test]
    fn with_more_and_more_data_they_are_the_optimum() {
        // Of means m and covariance S the greatest Sharpe ratio is at S^-1 m: in units of 0.2 deviations (1.5, 1, 0.5) times
        // [[4/3, -2/3, 0], [-2/3, 4/3, 0], [0, 0, 1]] is (4/3, 1/3, 1/2): weights 8, 2 and 3 of 13.
        let optimum = [8.0 / 13.0, 2.0 / 13.0, 3.0 / 13.0];
        // Five hundred years leave a weight of one world uncertain by at most 0.0245 (the delta method on S^-1 / T), the mean of
        // ten worlds by 0.008; and each world's runs lie about its own optimum.
        let (weeks, worlds) = (26_000, 10);
        let single = OptimiserConfig { method: Method::OnePeriod, ..config(1) };
        let all: Vec<usize> = (0..weeks).collect();
        let mut mean = [0.0; 3];
        for world in 0..worlds {
            let panel = panel(weeks, 4 + world);
            let past = Past::new(&panel, 0..weeks, &[], 52.0);
            let own = weights(&past, 3, &config(20));
            let once = weights_from(&past.estimates(&all), &past, &single);
            for ((own, once), mean) in own.iter().zip(once).zip(&mut mean) {
                assert!((own - once).abs() < 0.03, "{own} {once}");
                *mean += own / worlds as f64;
            }
        }
        for (mean, wanted) in mean.iter().zip(optimum) {
            assert!((mean - wanted).abs() < 0.025, "{mean} {wanted}");
        }
    }

    #[test]
    fn a_short_past_is_trusted_less_than_by_one_optimum() {
        // Over many worlds of five years the bootstrapped weights lie nearer to the optimum than those of the one past.
        let optimum = [8.0 / 13.0, 2.0 / 13.0, 3.0 / 13.0];
        let distance = |weights: &[f64]| -> f64 {
            weights.iter().zip(optimum).map(|(own, wanted)| (own - wanted) * (own - wanted)).sum()
        };
        let (mut one, mut many) = (0.0, 0.0);
        for world in 0..40 {
            let panel = panel(260, 100 + world);
            let past = Past::new(&panel, 0..260, &[], 52.0);
            let all: Vec<usize> = (0..260).collect();
            let single = OptimiserConfig { method: Method::OnePeriod, ..config(50) };
            one += distance(&weights_from(&past.estimates(&all), &past, &single));
            many += distance(&weights(&past, 3, &config(50)));
        }
        assert!(many < 0.8 * one, "{many} {one}");
    }

    #[test]
    fn they_are_the_same_on_any_number_of_threads_and_follow_their_seed() {
        let panel = panel(200, 9);
        let past = Past::new(&panel, 0..200, &[], 52.0);
        let config = config(12);
        let alone = runs(&past, &config, |count, run| (0..count).map(run).collect());
        for threads in [2, 3, 7] {
            let split = runs(&past, &config, |count, run| {
                let mut all: Vec<(usize, Vec<f64>)> = std::thread::scope(|scope| {
                    let part = |thread| {
                        move || (thread..count).step_by(threads).map(|n| (n, run(n))).collect::<Vec<_>>()
                    };
                    let handles: Vec<_> = (0..threads).map(|thread| scope.spawn(part(thread))).collect();
                    handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
                });
                all.sort_by_key(|(number, _)| *number);
                all.into_iter().map(|(_, weights)| weights).collect()
            });
            assert_eq!(split, alone, "{threads} threads");
        }
        assert_eq!(weights(&past, 3, &config), weights(&past, 3, &config));
        let other =
            OptimiserConfig { bootstrap: BootstrapTerms { seed: 2, ..config.bootstrap }, ..config.clone() };
        assert_ne!(weights(&past, 3, &config), weights(&past, 3, &other));
    }

    #[test]
    fn what_comes_after_the_window_changes_nothing_and_without_rows_nothing_is_known() {
        let mut panel = panel(300, 9);
        let names = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let before = weights(&Past::new(&panel, 0..200, &names, 52.0), 3, &config(5));
        panel.columns.iter_mut().for_each(|column| column[200..].iter_mut().for_each(|value| *value *= -9.0));
        assert_eq!(weights(&Past::new(&panel, 0..200, &names, 52.0), 3, &config(5)), before);
        let known = Estimates {
            means: vec![0.1; 2],
            deviations: vec![0.2; 2],
            correlation: crate::estimate::correlation::Matrix::uniform(2, 0.1),
            years: 5.0,
        };
        assert!(weights_of_past(&known, &Past::default(), &config(5)).iter().all(|weight| weight.is_nan()));
    }
}
