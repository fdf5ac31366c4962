//! How far a Sharpe ratio can be believed: probabilistic, deflated, and the track record it takes.
//!
//! All Sharpe ratios here are of one period, not annualised.

use core::f64::consts::E;

use super::{normal, ratios, returns};

/// Euler and Mascheroni's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// What the estimators need to know of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    /// Sharpe ratio a period.
    pub sharpe: f64,
    /// Third standardised moment.
    pub skew: f64,
    /// Fourth standardised moment: 3 of a normal series.
    pub kurtosis: f64,
    /// Periods.
    pub periods: f64,
}

impl Observed {
    /// Of a series; `None` where it does not vary.
    pub fn of(values: &[f64]) -> Option<Self> {
        let (skew, kurtosis) = returns::moments(values)?;
        Some(Self { sharpe: ratios::a_period(values)?, skew, kurtosis, periods: values.len() as f64 })
    }

    /// `1 - skew * SR + (kurtosis - 1) / 4 * SR^2`: how much wider than in a normal series the estimate spreads.
    fn spread(&self) -> f64 {
        1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe * self.sharpe
    }
}

/// Probability that the true Sharpe ratio is above `benchmark`.
///
/// Source: D. H. Bailey and M. López de Prado, "The Sharpe Ratio Efficient Frontier" (2012), equation 8.
pub fn probabilistic_sharpe(observed: &Observed, benchmark: f64) -> Option<f64> {
    let z = (observed.sharpe - benchmark) * (observed.periods - 1.0).sqrt() / observed.spread().sqrt();
    z.is_finite().then(|| normal::cdf(z))
}

/// The highest Sharpe ratio to be expected of `trials` independent strategies that are worth nothing.
///
/// - `variance`: of the trials' Sharpe ratios.
///
/// Source: D. H. Bailey and M. López de Prado, "The Deflated Sharpe Ratio" (2014), equation 1. `None` under two trials.
pub fn expected_best(variance: f64, trials: f64) -> Option<f64> {
    let first = normal::quantile(1.0 - 1.0 / trials).filter(|_| trials >= 2.0)?;
    let second = normal::quantile(1.0 - 1.0 / (trials * E))?;
    ratios::finite(variance.sqrt() * ((1.0 - EULER) * first + EULER * second))
}

/// Probability that the true Sharpe ratio of the best of `trials` is above what luck alone gives the best.
///
/// Source: as [`expected_best`], equation 2.
pub fn deflated_sharpe(best: &Observed, variance: f64, trials: f64) -> Option<f64> {
    probabilistic_sharpe(best, expected_best(variance, trials)?)
}

/// Periods it takes until the Sharpe ratio can be said to be above `benchmark` with this confidence (0.95 is usual).
/// `None` where it is not above it.
///
/// Source: Bailey and López de Prado (2012), equation 11.
pub fn track_record_min(observed: &Observed, benchmark: f64, confidence: f64) -> Option<f64> {
    let distance = normal::quantile(confidence)? / (observed.sharpe - benchmark);
    (observed.sharpe > benchmark).then(|| 1.0 + observed.spread() * distance * distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(found: Option<f64>, expected: f64, digits: f64) {
        assert!((found.unwrap() - expected).abs() < digits, "{found:?}, expected {expected}");
    }

    #[test]
    fn the_hedge_fund_of_the_paper_of_2012_is_as_probable_as_it_says() {
        // 24 months, Sharpe 0.458 a month: 0.982 were it normal, 0.913 with skew -2.448 and kurtosis 10.164.
        let normal = Observed { sharpe: 0.458, skew: 0.0, kurtosis: 3.0, periods: 24.0 };
        assert_near(probabilistic_sharpe(&normal, 0.0), 0.982, 5e-4);
        let told = Observed { skew: -2.448, kurtosis: 10.164, ..normal };
        assert_near(probabilistic_sharpe(&told, 0.0), 0.913, 5e-4);
    }

    #[test]
    fn the_example_of_the_paper_of_2014_is_deflated_as_it_says() {
        // Five years of 250 days, 2.5 a year, 100 trials with variance 1/2 a year: threshold 0.1132 a day, 0.9004.
        let best = Observed { sharpe: 2.5 / 250f64.sqrt(), skew: -3.0, kurtosis: 10.0, periods: 1250.0 };
        let variance = 0.5 / 250.0;
        assert_near(expected_best(variance, 100.0), 0.1132, 5e-5);
        assert_near(deflated_sharpe(&best, variance, 100.0), 0.9004, 5e-5);
    }

    #[test]
    fn after_the_least_track_record_the_probability_is_the_confidence() {
        let observed = Observed { sharpe: 0.1, skew: -0.7, kurtosis: 6.0, periods: 100.0 };
        let periods = track_record_min(&observed, 0.02, 0.95).unwrap();
        assert_near(probabilistic_sharpe(&Observed { periods, ..observed }, 0.02), 0.95, 1e-12);
        assert_eq!(track_record_min(&observed, 0.2, 0.95), None);
    }

    #[test]
    fn the_best_of_many_worthless_ones_is_about_what_is_expected() {
        // 2,000 times the best of 50 standard normal draws; its mean has a standard error of about 0.01.
        let mut rng = tickrace_stats::Rng::new(3);
        let best = |rng: &mut tickrace_stats::Rng| (0..50).map(|_| rng.normal()).fold(f64::MIN, f64::max);
        let mean = (0..2000).map(|_| best(&mut rng)).sum::<f64>() / 2000.0;
        assert_near(expected_best(1.0, 50.0), mean, 0.05);
        assert_eq!(expected_best(1.0, 1.0), None);
    }
}
