//! Hedge ratio as the state of a Kalman filter.

use crate::{Line, StatsError, check_between};

/// What one observation told the filter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HedgeStep {
    /// `y` less its forecast, made before `y` was seen: the spread to trade on.
    pub innovation: f64,
    /// Variance of that innovation, as forecast.
    pub innovation_variance: f64,
    /// The line after the observation.
    pub line: Line,
}

impl HedgeStep {
    /// The innovation in standard deviations of its forecast.
    #[inline]
    pub fn z_score(&self) -> f64 {
        self.innovation / self.innovation_variance.sqrt()
    }
}

/// Slope and intercept of `y = intercept + slope x + noise`, both random walks, filtered observation by observation.
///
/// Source: Durbin and Koopman, "Time Series Analysis by State Space Methods" (2012), section 4.3, for the time-varying
/// regression of section 3.6. The covariance is updated in Joseph's form, which keeps it symmetric and non-negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HedgeFilter {
    line: Line,
    /// Covariance of slope and intercept: slope, both, intercept.
    covariance: [f64; 3],
    slope_drift: f64,
    intercept_drift: f64,
    noise: f64,
}

impl HedgeFilter {
    /// Starts at `line`.
    ///
    /// - `start_variances`: of its slope and its intercept, uncorrelated; large where nothing is known.
    /// - `slope_variance`, `intercept_variance`: growth of their variances per observation, zero or more.
    /// - `noise_variance`: of `y` about the line, positive.
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a variance out of range.
    pub fn new(
        line: Line,
        start_variances: (f64, f64),
        slope_variance: f64,
        intercept_variance: f64,
        noise_variance: f64,
    ) -> Result<Self, StatsError> {
        const WANTED: &str = "finite and not negative";
        for (name, value) in [("slope", line.slope), ("intercept", line.intercept)] {
            check_between(name, value, f64::MIN, f64::MAX, "finite")?;
        }
        for variance in [start_variances.0, start_variances.1] {
            check_between("start_variances", variance, 0.0, f64::MAX, WANTED)?;
        }
        check_between("slope_variance", slope_variance, 0.0, f64::MAX, WANTED)?;
        check_between("intercept_variance", intercept_variance, 0.0, f64::MAX, WANTED)?;
        check_between("noise_variance", noise_variance, f64::MIN_POSITIVE, f64::MAX, "finite and positive")?;
        Ok(Self {
            line,
            covariance: [start_variances.0, 0.0, start_variances.1],
            slope_drift: slope_variance,
            intercept_drift: intercept_variance,
            noise: noise_variance,
        })
    }

    /// Takes one pair in. A value that is not finite changes nothing and gives `None`.
    #[inline]
    pub fn update(&mut self, x: f64, y: f64) -> Option<HedgeStep> {
        let innovation = self.line.residual(x, y);
        if !innovation.is_finite() {
            return None;
        }
        // The state walks before it is seen; the prior of the first observation is the stated start.
        let [pss, psi, pii] = self.covariance;
        let (ps, pi) = (pss * x + psi, psi * x + pii);
        let innovation_variance = x * ps + pi + self.noise;
        let (ks, ki) = (ps / innovation_variance, pi / innovation_variance);
        self.line.slope += ks * innovation;
        self.line.intercept += ki * innovation;
        // (I - K H) P (I - K H)' + K noise K', H = (x, 1).
        let (a, b, c, d) = (1.0 - ks * x, -ks, -ki * x, 1.0 - ki);
        let (ap, bp, cp, dp) = (a * pss + b * psi, a * psi + b * pii, c * pss + d * psi, c * psi + d * pii);
        self.covariance = [
            ap * a + bp * b + ks * ks * self.noise + self.slope_drift,
            ap * c + bp * d + ks * ki * self.noise,
            cp * c + dp * d + ki * ki * self.noise + self.intercept_drift,
        ];
        Some(HedgeStep { innovation, innovation_variance, line: self.line })
    }

    /// The line now.
    #[inline]
    pub const fn line(&self) -> Line {
        self.line
    }

    /// Variance of the slope for the next observation, given all before it.
    #[inline]
    pub const fn slope_variance(&self) -> f64 {
        self.covariance[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CoMoments, Rng};

    #[test]
    fn without_drift_and_knowledge_it_is_least_squares() {
        let mut rng = Rng::new(3);
        let start = Line { slope: 0.0, intercept: 0.0 };
        let mut filter = HedgeFilter::new(start, (1e9, 1e9), 0.0, 0.0, 1.0).unwrap();
        let mut moments = CoMoments::default();
        for _ in 0..500 {
            let x = 10.0 + rng.normal();
            let y = 2.0 + 1.5 * x + rng.normal();
            filter.update(x, y).unwrap();
            moments.add(x, y);
        }
        let line = moments.ordinary().unwrap();
        assert!((filter.line().slope - line.slope).abs() < 1e-6, "{:?} {line:?}", filter.line());
        // Variance of a slope by least squares with known noise: noise / sum of squares.
        let wanted = 1.0 / (moments.variances().unwrap().0 * 499.0);
        assert!((filter.slope_variance() / wanted - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_slope_that_walks_is_followed() {
        let mut rng = Rng::new(4);
        let start = Line { slope: 1.0, intercept: 0.0 };
        let mut filter = HedgeFilter::new(start, (1.0, 1.0), 1e-4, 1e-8, 0.01).unwrap();
        let (mut slope, mut off) = (1.0, 0.0);
        let mut scores = crate::Welford::default();
        for step in 0..20_000 {
            let x = 5.0 + rng.normal();
            if step > 0 {
                slope += 0.01 * rng.normal();
            }
            let step_told = filter.update(x, slope * x + 0.1 * rng.normal()).unwrap();
            off += (filter.line().slope - slope).abs() / 20_000.0;
            scores.add(step_told.z_score());
        }
        assert!(off < 0.03, "mean distance {off}");
        // The forecast variance is the true one, so the scores are standard normal.
        assert!((scores.variance().unwrap() - 1.0).abs() < 0.05, "{scores:?}");
    }

    #[test]
    fn nonsense_changes_nothing() {
        let start = Line { slope: 1.0, intercept: 0.0 };
        let mut filter = HedgeFilter::new(start, (1.0, 1.0), 0.0, 0.0, 1.0).unwrap();
        let before = filter;
        assert_eq!(filter.update(f64::NAN, 1.0), None);
        assert_eq!(filter.update(1.0, f64::INFINITY), None);
        assert_eq!(filter, before);
        assert!(HedgeFilter::new(start, (1.0, 1.0), -1.0, 0.0, 1.0).is_err());
        assert!(HedgeFilter::new(start, (1.0, 1.0), 0.0, 0.0, 0.0).is_err());
    }
}
