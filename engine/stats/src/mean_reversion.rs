//! Speed of mean reversion: the Ornstein-Uhlenbeck process read from an autoregression of order one.

use core::f64::consts::LN_2;

use crate::{CoMoments, StatsError, check_between, check_finite};

/// `dX = speed (mean - X) dt + volatility dW`, estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrnsteinUhlenbeck {
    /// Where it is drawn to.
    pub mean: f64,
    /// Pull per unit of time, positive.
    pub speed: f64,
    /// Per root of a unit of time.
    pub volatility: f64,
    /// Time in which an excursion is expected to halve, units of time.
    pub half_life: f64,
    /// Standard deviation about the mean in the long run.
    pub deviation: f64,
}

/// Fits the exact discretisation `x[t+1] = a + b x[t] + e` by least squares, which is also the conditional maximum of the
/// likelihood: `speed = -ln b / step`, `mean = a / (1 - b)`, `half-life = ln 2 / speed`.
///
/// - `values`: `[observations]`, equally spaced, oldest first.
/// - `step`: time between two of them, positive, in the unit that the answers are wanted in.
/// - Result: `None` where the series does not revert (`b` of one or more) or alternates (`b` of zero or less).
///
/// Source: Uhlenbeck and Ornstein (1930); Brigo, Dalessandro, Neugebauer and Triki, "A Stochastic Processes Toolkit for Risk
/// Management" (2007), section 3.
///
/// # Errors
///
/// [`StatsError::Short`] of fewer than four observations, [`StatsError::NotFinite`], [`StatsError::Singular`] of a
/// constant, [`StatsError::Parameter`] for a step that is not positive.
pub fn ornstein_uhlenbeck(values: &[f64], step: f64) -> Result<Option<OrnsteinUhlenbeck>, StatsError> {
    check_between("step", step, f64::MIN_POSITIVE, f64::MAX, "finite and positive")?;
    check_finite(values)?;
    if values.len() < 4 {
        return Err(StatsError::Short { needed: 4, got: values.len() });
    }
    let mut moments = CoMoments::default();
    values.windows(2).for_each(|pair| moments.add(pair[0], pair[1]));
    let line = moments.ordinary().ok_or(StatsError::Singular)?;
    if line.slope <= 0.0 || line.slope >= 1.0 {
        return Ok(None);
    }
    let squares: f64 =
        values.windows(2).map(|pair| line.residual(pair[0], pair[1])).map(|rest| rest * rest).sum();
    let noise = squares / (values.len() - 1) as f64;
    let speed = -libm::log(line.slope) / step;
    // Variance of one step: volatility² (1 - b²) / (2 speed).
    let deviation = (noise / (1.0 - line.slope * line.slope)).sqrt();
    Ok(Some(OrnsteinUhlenbeck {
        mean: line.intercept / (1.0 - line.slope),
        speed,
        volatility: deviation * (2.0 * speed).sqrt(),
        half_life: LN_2 / speed,
        deviation,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn the_parameters_of_a_simulated_process_come_back() {
        // Simulated in steps a hundred times finer than observed, by Euler's scheme: another road than the estimate's.
        let (speed, mean, volatility) = (2.0, 5.0, 0.6);
        let (mut rng, mut x, fine) = (Rng::new(8), 5.0, 0.0005);
        let mut seen = Vec::new();
        for _ in 0..20_000 {
            for _ in 0..100 {
                x += speed * (mean - x) * fine + volatility * f64::sqrt(fine) * rng.normal();
            }
            seen.push(x);
        }
        let fit = ornstein_uhlenbeck(&seen, 100.0 * fine).unwrap().unwrap();
        // A thousand units of time: standard error of the speed sqrt(2 speed / T) = 0.063, of the mean 0.0095.
        assert!((fit.speed - speed).abs() < 0.2, "{fit:?}");
        assert!((fit.mean - mean).abs() < 0.03, "{fit:?}");
        assert!((fit.volatility - volatility).abs() < 0.01, "{fit:?}");
        assert!((fit.half_life - LN_2 / speed).abs() < 0.04, "{fit:?}");
    }

    #[test]
    fn what_runs_away_or_alternates_has_no_half_life() {
        let growing: Vec<f64> = (0..20).map(|t| 1.1f64.powi(t)).collect();
        assert_eq!(ornstein_uhlenbeck(&growing, 1.0), Ok(None));
        let alternating: Vec<f64> = (0..20).map(|t| if t % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert_eq!(ornstein_uhlenbeck(&alternating, 1.0), Ok(None));
        assert_eq!(ornstein_uhlenbeck(&[1.0; 9], 1.0), Err(StatsError::Singular));
    }
}
