//! Monte Carlo: other courses the same days or trades might have taken.
//!
//! The stationary bootstrap strings together blocks of the sample, each beginning anywhere and of a length drawn from a geometric
//! distribution, around the end to the beginning; so the courses keep the memory of the sample up to about that length.
//!
//! Source: D. N. Politis and J. P. Romano, "The Stationary Bootstrap" (1994).

use serde::Serialize;
use tickrace_stats::{Rng, quantile};

/// Which courses to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BootstrapConfig {
    /// Courses.
    pub paths: usize,
    /// Mean length of a block, at least 1; 1 draws each value alone.
    pub block_mean: f64,
    /// Seed.
    pub seed: u64,
}

/// Levels of the bands.
pub const LEVELS: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// What the courses say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bands {
    /// `[levels][steps]`: quantiles over the courses of the sum so far, after each of at most [`STEPS_MAX`] steps.
    pub paths: Vec<Vec<f64>>,
    /// How many values are summed after each step.
    pub counts: Vec<usize>,
    /// Quantiles of the sum at the end.
    pub ends: [f64; 5],
    /// Quantiles of the deepest fall of a course, at least 0.
    pub drawdowns: [f64; 5],
    /// Share of the courses that end below zero.
    pub loss_share: f64,
    /// Courses drawn.
    pub count: usize,
    /// The sum at the end of each course, ascending.
    #[serde(skip)]
    pub end_samples: Vec<f64>,
    /// The deepest fall of each course, ascending.
    #[serde(skip)]
    pub drawdown_samples: Vec<f64>,
}

/// Most steps the bands are kept for.
pub const STEPS_MAX: usize = 200;

/// Draws places of a sample of `length`, as many as it has.
pub fn places(rng: &mut Rng, length: usize, block_mean: f64) -> Vec<usize> {
    let mut drawn = Vec::with_capacity(length);
    let mut place = 0;
    for step in 0..length {
        let begins = step == 0 || rng.uniform() < 1.0 / block_mean;
        place = if begins {
            usize::try_from(rng.below(length as u64)).unwrap_or(0)
        } else {
            (place + 1) % length
        };
        drawn.push(place);
    }
    drawn
}

/// A usual mean length of a block: the cube root of the sample's, the order that Politis and Romano show to be best.
pub fn block_mean(length: usize) -> f64 {
    libm::cbrt(length as f64).max(1.0)
}

/// Draws courses of `values` (profit by day or by trade) and sums them up.
///
/// `None` under two values, without courses, or with a block length below 1.
pub fn bands(values: &[f64], config: &BootstrapConfig) -> Option<Bands> {
    let BootstrapConfig { paths, block_mean, seed } = *config;
    if values.len() < 2 || paths == 0 || block_mean.is_nan() || block_mean < 1.0 {
        return None;
    }
    let mut rng = Rng::new(seed);
    let steps = values.len().min(STEPS_MAX);
    let counts: Vec<usize> = (1..=steps).map(|step| step * values.len() / steps).collect();
    let mut columns: Vec<Vec<f64>> = vec![Vec::with_capacity(paths); steps];
    let (mut ends, mut drawdowns) = (Vec::with_capacity(paths), Vec::with_capacity(paths));
    for _ in 0..paths {
        let (mut sum, mut best, mut deepest, mut step) = (0.0, 0.0f64, 0.0f64, 0);
        for (done, place) in places(&mut rng, values.len(), block_mean).into_iter().enumerate() {
            sum += values[place];
            best = best.max(sum);
            deepest = deepest.max(best - sum);
            if counts[step] == done + 1 {
                columns[step].push(sum);
                step += 1;
            }
        }
        ends.push(sum);
        drawdowns.push(deepest);
    }
    let loss_share = ends.iter().filter(|end| **end < 0.0).count() as f64 / paths as f64;
    let by_step: Vec<[f64; 5]> = columns.into_iter().map(|column| levels(&sorted(column))).collect();
    let paths_by_level =
        (0..LEVELS.len()).map(|level| by_step.iter().map(|step| step[level]).collect()).collect();
    let (ends, drawdowns) = (sorted(ends), sorted(drawdowns));
    Some(Bands {
        paths: paths_by_level,
        counts,
        ends: levels(&ends),
        drawdowns: levels(&drawdowns),
        loss_share,
        count: paths,
        end_samples: ends,
        drawdown_samples: drawdowns,
    })
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn levels(sorted: &[f64]) -> [f64; 5] {
    LEVELS.map(|level| quantile(sorted, level).unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_spread_as_the_theory_says_where_values_are_independent() {
        // Blocks of one: the end is a sum of 400 draws; its mean is the sample's sum, its deviation 20 of the sample's.
        let mut rng = Rng::new(5);
        let values: Vec<f64> = (0..400).map(|_| 0.1 + rng.normal()).collect();
        let (sum, count) = (values.iter().sum::<f64>(), 400.0);
        let variance = values.iter().map(|value| (value - sum / count).powi(2)).sum::<f64>() / count;
        let found = bands(&values, &BootstrapConfig { paths: 20_000, block_mean: 1.0, seed: 1 }).unwrap();
        let deviation = (count * variance).sqrt();
        assert!((found.ends[2] - sum).abs() < 0.05 * deviation, "{:?}", found.ends);
        // The 5th and 95th percentile of a normal lie 1.6449 deviations out.
        for (level, sign) in [(0, -1.0), (4, 1.0)] {
            assert!((found.ends[level] - (sum + sign * 1.6449 * deviation)).abs() < 0.05 * deviation);
        }
        assert!(found.ends.is_sorted() && found.drawdowns.is_sorted() && found.drawdowns[0] > 0.0);
        assert_eq!(found.paths[2].len(), STEPS_MAX);
        assert!((found.paths[4][STEPS_MAX - 1] - found.ends[4]).abs() < 1e-9);
    }

    #[test]
    fn blocks_have_the_mean_length_asked_for_and_every_place_is_as_likely() {
        let mut rng = Rng::new(6);
        let (mut joined, mut drawn, mut seen) = (0u32, 0u32, [0u32; 50]);
        for _ in 0..4000 {
            let places = places(&mut rng, 50, 5.0);
            joined +=
                u32::try_from(places.windows(2).filter(|two| two[1] == (two[0] + 1) % 50).count()).unwrap();
            drawn += 49;
            places.iter().for_each(|place| seen[*place] += 1);
        }
        // Goes on with 4/5, and begins by chance where it would have gone on with 1/5 of 1/50.
        let share = f64::from(joined) / f64::from(drawn);
        assert!((share - (0.8 + 0.2 / 50.0)).abs() < 0.004, "{share}");
        // 4,000 each; the standard deviation is below 200 even though neighbours come together.
        assert!(seen.iter().all(|count| count.abs_diff(4000) < 1000), "{seen:?}");
    }

    #[test]
    fn a_seed_gives_its_courses_again_and_nonsense_gives_none() {
        let config = BootstrapConfig { paths: 50, block_mean: 3.0, seed: 9 };
        let values = [1.0, -2.0, 3.0, 0.5];
        assert_eq!(bands(&values, &config), bands(&values, &config));
        assert_ne!(bands(&values, &config), bands(&values, &BootstrapConfig { seed: 10, ..config }));
        assert_eq!(bands(&values[..1], &config), None);
        assert_eq!(bands(&values, &BootstrapConfig { block_mean: 0.5, ..config }), None);
        assert_eq!(bands(&values, &BootstrapConfig { paths: 0, ..config }), None);
    }

    /// Shares of samples of a process whose truth, the expected sum, lies within the outer and the inner band.
    fn coverage(
        seed: u64,
        block_mean: f64,
        mut draw: impl FnMut(&mut Rng) -> Vec<f64>,
        truth: f64,
    ) -> [f64; 2] {
        let mut rng = Rng::new(seed);
        let mut within = [0u32; 2];
        for sample in 0..400 {
            let values = draw(&mut rng);
            let ends =
                bands(&values, &BootstrapConfig { paths: 300, block_mean, seed: sample }).unwrap().ends;
            within[0] += u32::from((ends[0]..=ends[4]).contains(&truth));
            within[1] += u32::from((ends[1]..=ends[3]).contains(&truth));
        }
        within.map(|count| f64::from(count) / 400.0)
    }

    #[test]
    fn bands_cover_the_truth_at_their_rate() {
        // Of 400 samples a share of 0.9 spreads by 0.015 and one of 0.5 by 0.025; three of those each way, and a little more below,
        // since quantiles of 300 courses are themselves uncertain.
        let mean = 0.05;
        let days = |rng: &mut Rng| -> Vec<f64> { (0..300).map(|_| mean + rng.normal()).collect() };
        for block_mean in [1.0, super::block_mean(300)] {
            let [outer, inner] = coverage(31, block_mean, days, 300.0 * mean);
            assert!((0.845..=0.945).contains(&outer), "{outer}");
            assert!((0.42..=0.575).contains(&inner), "{inner}");
        }
    }

    #[test]
    fn blocks_are_what_covers_the_truth_where_days_hang_together() {
        // x = 0.5 x' + e: a sum spreads root 3 times as wide as that of independent days of the same variance (4 against 4/3).
        let days = |rng: &mut Rng| -> Vec<f64> {
            let mut value = rng.normal();
            (0..1000)
                .map(|_| {
                    value = 0.5 * value + rng.normal();
                    value
                })
                .collect()
        };
        let [alone, _] = coverage(32, 1.0, days, 0.0);
        let [blocks, _] = coverage(32, 25.0, days, 0.0);
        assert!(alone < 0.75, "{alone}");
        assert!((0.845..=0.945).contains(&blocks), "{blocks}");
    }
}
