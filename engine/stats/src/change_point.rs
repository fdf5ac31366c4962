//! When a series changes its level: Page's cumulative sums, and the run length of Adams and MacKay.

use core::f64::consts::PI;

use crate::{StatsError, check_between};

/// Two-sided cumulative sums of standardised observations.
///
/// Source: Page, "Continuous inspection schemes", Biometrika 41 (1954).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cusum {
    slack: f64,
    threshold: f64,
    up: f64,
    down: f64,
}

/// Which way the level went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// Upwards.
    Up,
    /// Downwards.
    Down,
}

impl Cusum {
    /// - `slack`: deviations an observation may be off unpunished, zero or more; half the shift to be found is best.
    /// - `threshold`: sum, in deviations, that raises the alarm, positive. Slack 0.5 and threshold 5 give a false alarm every
    ///   465 observations, and find a shift of one deviation after ten.
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for one out of range.
    pub fn new(slack: f64, threshold: f64) -> Result<Self, StatsError> {
        check_between("slack", slack, 0.0, f64::MAX, "finite and not negative")?;
        check_between("threshold", threshold, f64::MIN_POSITIVE, f64::MAX, "finite and positive")?;
        Ok(Self { slack, threshold, up: 0.0, down: 0.0 })
    }

    /// Takes one standardised observation in; after an alarm both sums begin anew. One that is not a number is ignored.
    #[inline]
    pub fn update(&mut self, score: f64) -> Option<Shift> {
        if score.is_nan() {
            return None;
        }
        self.up = (self.up + score - self.slack).max(0.0);
        self.down = (self.down - score - self.slack).max(0.0);
        let shift = if self.up > self.threshold {
            Shift::Up
        } else if self.down > self.threshold {
            Shift::Down
        } else {
            return None;
        };
        (self.up, self.down) = (0.0, 0.0);
        Some(shift)
    }

    /// The two sums, up and down.
    pub const fn sums(&self) -> (f64, f64) {
        (self.up, self.down)
    }
}

/// What is believed of mean and variance of a new run: a normal-inverse-gamma law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunPrior {
    /// Expected mean.
    pub mean: f64,
    /// Observations that this mean is worth, positive.
    pub mean_weight: f64,
    /// Half the observations that the variance is worth, positive.
    pub shape: f64,
    /// Shape times the expected variance, about; positive.
    pub scale: f64,
}

/// Probabilities of how long the present run has lasted, mean and variance of a run being unknown.
///
/// Runs longer than the bound count as of the bound. One update costs a logarithm and an exponential for each run length
/// and allocates nothing.
///
/// Source: Adams and MacKay, "Bayesian Online Changepoint Detection", arXiv 0710.3742 (2007), algorithm 1 with a constant
/// hazard; the update of the law from Murphy, "Conjugate Bayesian analysis of the Gaussian distribution" (2007), section 5.
#[derive(Clone, Debug, PartialEq)]
pub struct RunLength {
    hazard: f64,
    prior: RunPrior,
    /// By run length, `[0..=bound]`: probability, mean, scale; and the constant of the predictive density.
    probabilities: Box<[f64]>,
    means: Box<[f64]>,
    scales: Box<[f64]>,
    constants: Box<[f64]>,
    /// Run lengths in use.
    count: usize,
}

impl RunLength {
    /// - `run_expected`: observations that a run lasts on average, above 1.
    /// - `run_max`: bound of the run length, 2 to 100,000.
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for one out of range.
    pub fn new(run_expected: f64, run_max: usize, prior: RunPrior) -> Result<Self, StatsError> {
        check_between("run_expected", run_expected, 1.0 + 1e-9, 1e15, "above 1")?;
        check_between("run_max", run_max as f64, 2.0, 1e5, "2 to 100,000")?;
        check_between("mean", prior.mean, f64::MIN, f64::MAX, "finite")?;
        for (name, value) in
            [("mean_weight", prior.mean_weight), ("shape", prior.shape), ("scale", prior.scale)]
        {
            check_between(name, value, f64::MIN_POSITIVE, f64::MAX, "finite and positive")?;
        }
        // Student's density with 2 a degrees: gamma(a + 1/2) / gamma(a) / sqrt(2 pi a s²), s² = b (k + 1) / (a k).
        let constant = |run: usize| {
            let (a, k) = (prior.shape + 0.5 * run as f64, prior.mean_weight + run as f64);
            libm::lgamma(a + 0.5) - libm::lgamma(a) - 0.5 * libm::log(2.0 * PI * (k + 1.0) / k)
        };
        let room = |value: f64| vec![value; run_max + 1].into_boxed_slice();
        let mut probabilities = room(0.0);
        probabilities[0] = 1.0;
        Ok(Self {
            hazard: 1.0 / run_expected,
            prior,
            probabilities,
            means: room(prior.mean),
            scales: room(prior.scale),
            constants: (0..=run_max).map(constant).collect(),
            count: 1,
        })
    }

    /// Takes one observation in. One that is not finite is ignored.
    pub fn update(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let mut total = 0.0;
        for run in 0..self.count {
            let predicted = self.predictive(run, value);
            self.probabilities[run] *= predicted;
            total += self.probabilities[run];
        }
        if total.is_nan() || total <= 0.0 {
            // Beyond all that any run foresaw: a new run has begun.
            self.probabilities[..self.count].fill(0.0);
            (self.probabilities[0], total) = (1.0, 1.0);
        }
        let last = self.probabilities.len() - 1;
        // Longest first: each run grows into the place above it.
        let overflow = if self.count > last { self.probabilities[last] } else { 0.0 };
        for run in (0..self.count.min(last)).rev() {
            let k = self.prior.mean_weight + run as f64;
            let off = value - self.means[run];
            self.probabilities[run + 1] = self.probabilities[run] / total * (1.0 - self.hazard);
            self.means[run + 1] = self.means[run] + off / (k + 1.0);
            self.scales[run + 1] = self.scales[run] + 0.5 * k * off * off / (k + 1.0);
        }
        self.probabilities[last] += overflow / total * (1.0 - self.hazard);
        self.probabilities[0] = self.hazard;
        (self.means[0], self.scales[0]) = (self.prior.mean, self.prior.scale);
        self.count = (self.count + 1).min(last + 1);
    }

    /// Probabilities by run length: element `r` that the run has lasted `r` observations.
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities[..self.count]
    }

    /// The likeliest run length; of equals the shortest.
    pub fn likeliest(&self) -> usize {
        let mut best = 0;
        for (run, probability) in self.probabilities().iter().enumerate() {
            if *probability > self.probabilities[best] {
                best = run;
            }
        }
        best
    }

    /// Probability that the run began within the last `observations`.
    pub fn recent_change(&self, observations: usize) -> f64 {
        self.probabilities().iter().take(observations.saturating_add(1)).sum()
    }

    fn predictive(&self, run: usize, value: f64) -> f64 {
        let (a, k) = (self.prior.shape + 0.5 * run as f64, self.prior.mean_weight + run as f64);
        let (off, b) = (value - self.means[run], self.scales[run]);
        let distance = off * off * k / (2.0 * b * (k + 1.0));
        libm::exp(self.constants[run] - 0.5 * libm::log(b) - (a + 0.5) * libm::log1p(distance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    /// Mean number of observations to an alarm, shifted by `shift` deviations from the start.
    fn run_to_alarm(threshold: f64, shift: f64) -> f64 {
        let (mut rng, rounds, mut count) = (Rng::new(41), 4_000, 0u32);
        for _ in 0..rounds {
            let mut cusum = Cusum::new(0.5, threshold).unwrap();
            loop {
                count += 1;
                if cusum.update(shift + rng.normal()).is_some() {
                    break;
                }
            }
        }
        f64::from(count) / f64::from(rounds)
    }

    #[test]
    fn alarms_come_as_late_as_published() {
        // Montgomery, "Introduction to Statistical Quality Control", table 9.3: slack 0.5, two-sided.
        for (threshold, shift, wanted) in
            [(4.0, 0.0, 168.0), (5.0, 0.0, 465.0), (4.0, 1.0, 8.38), (5.0, 1.0, 10.4)]
        {
            let got = run_to_alarm(threshold, shift);
            assert!((got / wanted - 1.0).abs() < 0.06, "{threshold} {shift}: {got}, not {wanted}");
        }
    }

    #[test]
    fn the_direction_is_told() {
        let mut cusum = Cusum::new(0.0, 2.5).unwrap();
        assert_eq!(
            [1.0, 1.0, f64::NAN, 1.0].map(|score| cusum.update(score)),
            [None, None, None, Some(Shift::Up)]
        );
        assert_eq!([-2.0, -1.0].map(|score| cusum.update(score)), [None, Some(Shift::Down)]);
        assert!(Cusum::new(-1.0, 1.0).is_err() && Cusum::new(0.0, f64::NAN).is_err());
    }

    const PRIOR: RunPrior = RunPrior { mean: 0.0, mean_weight: 0.1, shape: 1.0, scale: 1.0 };

    #[test]
    fn planted_changes_are_dated() {
        let (mut rng, mut runs) = (Rng::new(42), RunLength::new(100.0, 400, PRIOR).unwrap());
        for (level, deviation) in [(0.0, 1.0), (4.0, 1.0), (4.0, 0.1)] {
            for _ in 0..100 {
                runs.update(level + deviation * rng.normal());
            }
            assert!(runs.likeliest().abs_diff(100) <= 3, "{} at {level} {deviation}", runs.likeliest());
            assert!(runs.recent_change(20) < 0.1);
            assert!((runs.probabilities().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn runs_beyond_the_bound_are_of_the_bound_and_nothing_is_lost() {
        let (mut rng, mut runs) = (Rng::new(43), RunLength::new(1_000.0, 50, PRIOR).unwrap());
        for _ in 0..500 {
            runs.update(rng.normal());
        }
        assert!((runs.probabilities().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!((runs.likeliest(), runs.probabilities().len()), (50, 51));
        runs.update(f64::NAN);
        runs.update(1e300);
        assert!(runs.probabilities().iter().all(|probability| probability.is_finite()));
        // An unforeseeable value begins a run.
        assert!(runs.recent_change(1) > 0.9, "{:?}", &runs.probabilities()[..3]);
    }
}
