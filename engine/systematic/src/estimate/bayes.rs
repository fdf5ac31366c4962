//! Sharpe ratios between what was measured and what is believed beforehand: the longer the measurement, the nearer to it.
//!
//! A Sharpe ratio measured over `T` years is the true one plus an error of variance `1 / T` (A. W. Lo, "The Statistics of Sharpe
//! Ratios", 2002; of weekly returns his further term is below a hundredth of it for ratios below one). With a normal prior the
//! posterior is normal too, and its mean is the average of both, weighted by precision.
//!
//! Source: A. Gelman and others, *Bayesian Data Analysis* (third edition, 2013), section 2.5.

use serde::{Deserialize, Serialize};

/// What is believed of a Sharpe ratio before it is measured. Both a year.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharpePrior {
    /// Mean.
    pub mean: f64,
    /// Deviation, above zero.
    pub deviation: f64,
}

/// Mean and deviation of a Sharpe ratio after it was measured.
///
/// - `measured`: a year. `years`: measured over; without any, the prior stands.
pub fn posterior(measured: f64, years: f64, prior: &SharpePrior) -> (f64, f64) {
    let precision = 1.0 / (prior.deviation * prior.deviation);
    let years = years.max(0.0);
    if years == 0.0 {
        return (prior.mean, prior.deviation);
    }
    let mean = (prior.mean * precision + measured * years) / (precision + years);
    (mean, (1.0 / (precision + years)).sqrt())
}

#[cfg(test)]
mod tests {
    use tickrace_stats::Rng;

    use super::*;

    const PRIOR: SharpePrior = SharpePrior { mean: 0.3, deviation: 0.5 };

    #[test]
    fn a_posterior_is_the_one_worked_by_hand() {
        // Precision 4 beforehand, 12 of the measurement: (0.3 x 4 + 1.1 x 12) / 16 = 0.9, deviation 1 / 4.
        let (mean, deviation) = posterior(1.1, 12.0, &PRIOR);
        assert!((mean - 0.9).abs() < 1e-15 && (deviation - 0.25).abs() < 1e-15);
        assert_eq!(posterior(9.0, 0.0, &PRIOR), (0.3, 0.5));
        // As certain as can be: the measurement alone; beforehand certain: the prior alone.
        assert!((posterior(1.1, 1e12, &PRIOR).0 - 1.1).abs() < 1e-9);
        assert!((posterior(1.1, 12.0, &SharpePrior { deviation: 1e-9, ..PRIOR }).0 - 0.3).abs() < 1e-9);
    }

    #[test]
    fn of_simulated_strategies_the_posterior_errs_least_and_as_far_as_it_says() {
        // True ratios are drawn from the prior, then five years of 52 normal weeks at a deviation of one a year.
        let mut rng = Rng::new(20);
        let (years, weeks, count) = (5.0, 260, 4_000);
        let (mut raw, mut shrunk, mut within) = (0.0, 0.0, 0);
        for _ in 0..count {
            let truth = PRIOR.mean + PRIOR.deviation * rng.normal();
            let returns: Vec<f64> = (0..weeks).map(|_| truth / 52.0 + rng.normal() / 52f64.sqrt()).collect();
            let mean = returns.iter().sum::<f64>() / f64::from(weeks);
            let variance =
                returns.iter().map(|one| (one - mean) * (one - mean)).sum::<f64>() / f64::from(weeks - 1);
            let measured = mean * 52.0 / (variance * 52.0).sqrt();
            let (best, deviation) = posterior(measured, years, &PRIOR);
            raw += (measured - truth) * (measured - truth) / f64::from(count);
            shrunk += (best - truth) * (best - truth) / f64::from(count);
            within += i32::from((best - truth).abs() < 1.96 * deviation);
        }
        // Theory: 1 / 5 without the prior, 1 / (4 + 5) with it; each sample's standard error is about 2 per cent of it.
        assert!((raw - 0.2).abs() < 0.02, "{raw}");
        assert!((shrunk - 1.0 / 9.0).abs() < 0.01, "{shrunk}");
        assert!((f64::from(within) / f64::from(count) - 0.95).abs() < 0.015, "{within}");
    }
}
