//! Volatility that clusters: GARCH(1,1), fitted by maximum likelihood and filtered return by return.

use core::f64::consts::PI;

use crate::optimise::nelder_mead;
use crate::{StatsError, check_between, check_finite};

/// Fewest returns that are fitted.
pub const RETURNS_MIN: usize = 50;

/// `r[t] = mean + e[t]`, `variance[t] = omega + alpha e[t-1]² + beta variance[t-1]`, `e` Gaussian.
///
/// Source: Bollerslev, "Generalized autoregressive conditional heteroskedasticity", Journal of Econometrics 31 (1986).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Garch {
    /// Mean return per period.
    pub mean: f64,
    /// Constant of the variance, positive.
    pub omega: f64,
    /// Weight of the last squared shock, zero or more.
    pub alpha: f64,
    /// Weight of the last variance, zero or more; `alpha + beta < 1`.
    pub beta: f64,
}

impl Garch {
    /// From known parameters.
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] naming what is out of range.
    pub fn new(mean: f64, omega: f64, alpha: f64, beta: f64) -> Result<Self, StatsError> {
        check_between("mean", mean, f64::MIN, f64::MAX, "finite")?;
        check_between("omega", omega, f64::MIN_POSITIVE, f64::MAX, "finite and positive")?;
        check_between("alpha", alpha, 0.0, 1.0, "0 to 1")?;
        check_between("beta", beta, 0.0, 1.0, "0 to 1")?;
        if alpha + beta >= 1.0 {
            let wanted = "less than 1, or the variance has no level";
            return Err(StatsError::Parameter { name: "alpha + beta", wanted, got: alpha + beta });
        }
        Ok(Self { mean, omega, alpha, beta })
    }

    /// Fits all four parameters. Cold: allocates, and passes over the returns some hundred times.
    ///
    /// - `returns`: `[periods]`, oldest first.
    ///
    /// # Errors
    ///
    /// [`StatsError::Short`] of fewer than [`RETURNS_MIN`], [`StatsError::NotFinite`], [`StatsError::Singular`] of constant
    /// returns, [`StatsError::NoConvergence`].
    pub fn fit(returns: &[f64]) -> Result<Self, StatsError> {
        const STEPS_MAX: usize = 4_000;
        check_finite(returns)?;
        if returns.len() < RETURNS_MIN {
            return Err(StatsError::Short { needed: RETURNS_MIN, got: returns.len() });
        }
        let n = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / n;
        let variance = returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / n;
        let deviation = variance.sqrt();
        if deviation <= 1e-12 * mean.abs() || deviation == 0.0 {
            return Err(StatsError::Singular);
        }
        // Searched in free variables: the mean in deviations, the level by its logarithm, persistence and the shock's share
        // of it by their logits. So every point is a model, and the scale of the returns does not matter.
        let model = |p: &[f64; 4]| {
            let (persistence, share) = (logistic(p[2]), logistic(p[3]));
            let (alpha, beta) = (persistence * share, persistence * (1.0 - share));
            let omega = variance * libm::exp(p[1]) * (1.0 - persistence);
            Self { mean: mean + deviation * p[0], omega, alpha, beta }
        };
        let cost = |p: &[f64; 4]| -model(p).log_likelihood(returns);
        let (mut at, mut edges) = ([0.0, 0.0, 3.0, -2.2], [0.1, 0.3, 0.7, 0.7]);
        let mut best = cost(&at);
        // A simplex can fold up early; begun anew from where it ended, it goes on or confirms.
        for _ in 0..8 {
            let (found, steps) = nelder_mead(cost, at, edges, 1e-14, STEPS_MAX);
            if steps == STEPS_MAX {
                return Err(StatsError::NoConvergence { steps });
            }
            let (value, before) = (cost(&found), best);
            (at, best) = (found, value);
            edges = edges.map(|edge| 0.5 * edge);
            if before - value < 1e-9 * (1.0 + value.abs()) {
                break;
            }
        }
        Ok(model(&at))
    }

    /// Logarithm of the likelihood of `returns`, the first variance taken from their beginning.
    ///
    /// The variance before the first return is the mean of the first 75 squared returns about the mean of all, with weights
    /// falling as 0.94^t, as in
    /// RiskMetrics (1996) and the `arch` package.
    pub fn log_likelihood(&self, returns: &[f64]) -> f64 {
        let centre = returns.iter().sum::<f64>() / returns.len() as f64;
        let (mut before, mut weights, mut weight) = (0.0, 0.0, 1.0);
        for r in returns.iter().take(75) {
            before += weight * (r - centre) * (r - centre);
            weights += weight;
            weight *= 0.94;
        }
        before /= weights;
        let mut variance = self.omega + (self.alpha + self.beta) * before;
        let mut sum = 0.0;
        for r in returns {
            let shock = r - self.mean;
            sum += libm::log(2.0 * PI * variance) + shock * shock / variance;
            variance = self.omega + self.alpha * shock * shock + self.beta * variance;
        }
        -0.5 * sum
    }

    /// Variance per period in the long run: `omega / (1 - alpha - beta)`.
    pub fn long_run_variance(&self) -> f64 {
        self.omega / (1.0 - self.alpha - self.beta)
    }

    /// The variance after a return, from the one before it: one step of the filter.
    #[inline]
    pub fn next_variance(&self, variance: f64, value: f64) -> f64 {
        let shock = value - self.mean;
        self.omega + self.alpha * shock * shock + self.beta * variance
    }

    /// Expected variance of the period `periods` ahead (1 is the next one), from the next one's.
    pub fn forecast(&self, next_variance: f64, periods: u32) -> f64 {
        let level = self.long_run_variance();
        let fade = libm::pow(self.alpha + self.beta, f64::from(periods.saturating_sub(1)));
        level + fade * (next_variance - level)
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn the_parameters_of_a_simulated_series_come_back() {
        let truth = Garch::new(0.05, 0.05, 0.1, 0.85).unwrap();
        let (mut rng, mut variance) = (Rng::new(17), truth.long_run_variance());
        let returns: Vec<f64> = (0..20_000)
            .map(|_| {
                let r = truth.mean + variance.sqrt() * rng.normal();
                variance = truth.next_variance(variance, r);
                r
            })
            .collect();
        let fit = Garch::fit(&returns).unwrap();
        // About three standard errors at this length.
        assert!((fit.alpha - 0.1).abs() < 0.02 && (fit.beta - 0.85).abs() < 0.03, "{fit:?}");
        assert!((fit.long_run_variance() - 1.0).abs() < 0.15 && (fit.mean - 0.05).abs() < 0.02, "{fit:?}");
        assert!(fit.log_likelihood(&returns) >= truth.log_likelihood(&returns));
    }

    #[test]
    fn a_forecast_is_the_recursion_of_expectations() {
        let model = Garch::new(0.0, 0.1, 0.1, 0.8).unwrap();
        // The expected shock squared is the variance: v' = 0.1 + 0.9 v, from 4: 3.7, 3.43.
        assert!((model.forecast(4.0, 1) - 4.0).abs() < 1e-12);
        assert!((model.forecast(4.0, 3) - 3.43).abs() < 1e-12);
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(Garch::fit(&[0.1; 10]), Err(StatsError::Short { needed: RETURNS_MIN, got: 10 }));
        assert_eq!(Garch::fit(&[0.1; 100]), Err(StatsError::Singular));
        assert!(Garch::new(0.0, 0.1, 0.3, 0.7).is_err());
        assert!(Garch::new(0.0, -0.1, 0.1, 0.7).is_err());
    }
}
