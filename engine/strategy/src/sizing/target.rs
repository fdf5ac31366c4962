//! Greatest probability of reaching a wealth by a deadline.
//!
//! The dynamic programme. State: wealth as a share `w` of the target, and the steps left. Control: the fraction `f` of wealth
//! held over the next step, bounded by the leverage allowed. Steps shorten towards the deadline. One of `h` periods returns `mean h + volatility sqrt(h) z` of
//! what is held, `z` standard normal and cut into equally likely values. Value:
//!
//! ```text
//! V(0, w) = 1 if w >= 1 else 0
//! V(n, w) = max over f of  E V(n-1, w (1 + f (mean h + volatility sqrt(h) z)));   V(n, w) = 1 for w >= 1, 0 for w <= 0
//! ```
//!
//! Wealth lies on an even grid and is interpolated; fractions are tried on a grid that is finer near zero. Solved once, when
//! made; asking is a look-up.
//!
//! In continuous time without a bound on leverage the answer is Browne's, "Reaching Goals by a Deadline: Digital Options and
//! Continuous-Time Active Portfolio Management", Advances in Applied Probability 31 (1999), theorem 3.1, which the tests hold
//! the programme to.

use tickrace_stats::{StatsError, normal};

/// Steps up to the deadline.
const STEPS: usize = 64;
/// Intervals of the wealth grid, from nothing to the target.
const GRID: usize = 200;
/// Equally likely outcomes of a step.
const OUTCOMES: usize = 16;
/// Fractions tried at every node.
const FRACTIONS: usize = 48;

/// The solved programme: values and fractions at every node.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetPlan {
    /// Periods left, by steps left.
    left: Box<[f64]>,
    /// `[(STEPS + 1) x (GRID + 1)]`, by steps left.
    values: Box<[f64]>,
    /// Signed, of the same shape; zero with no step left.
    fractions: Box<[f64]>,
}

impl TargetPlan {
    /// Solves the programme.
    ///
    /// - `mean`, `volatility`: of the excess return per period; `horizon_periods`: to the deadline.
    /// - `leverage_max`: greatest fraction of wealth held, on either side.
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a mean that is not finite, or another argument that is not finite and positive.
    pub fn solve(
        mean: f64,
        volatility: f64,
        horizon_periods: f64,
        leverage_max: f64,
    ) -> Result<Self, StatsError> {
        let named = [
            ("volatility", volatility),
            ("horizon_periods", horizon_periods),
            ("leverage_max", leverage_max),
        ];
        for (name, got) in named {
            if !(got > 0.0 && got.is_finite()) {
                return Err(StatsError::Parameter { name, wanted: "finite and positive", got });
            }
        }
        if !mean.is_finite() {
            return Err(StatsError::Parameter { name: "mean", wanted: "finite", got: mean });
        }
        let row = GRID + 1;
        let mut values = vec![0.0; (STEPS + 1) * row].into_boxed_slice();
        let mut fractions = vec![0.0; (STEPS + 1) * row].into_boxed_slice();
        values[GRID] = 1.0;
        let left = schedule(horizon_periods);
        for steps in 1..=STEPS {
            let step = left[steps] - left[steps - 1];
            let outcomes = outcomes(mean.abs() * step, volatility * step.sqrt());
            let (before, now) = values.split_at_mut(steps * row);
            let (before, now) = (&before[(steps - 1) * row..], &mut now[..row]);
            now[GRID] = 1.0;
            for at in 1..GRID {
                let (value, fraction) = best(before, at, &outcomes, leverage_max);
                now[at] = value;
                fractions[steps * row + at] = fraction * if mean < 0.0 { -1.0 } else { 1.0 };
            }
        }
        Ok(Self { left, values, fractions })
    }

    /// Probability of reaching the target, of a wealth that is `share` of it with `periods_left` to go.
    pub fn probability(&self, share: f64, periods_left: f64) -> f64 {
        if share >= 1.0 {
            return 1.0;
        }
        self.look_up(&self.values, share, periods_left)
    }

    /// Signed fraction of wealth to hold; nothing at the target, at the deadline, or without wealth.
    #[inline]
    pub fn fraction(&self, share: f64, periods_left: f64) -> f64 {
        if share >= 1.0 || periods_left.is_nan() || periods_left <= 0.0 {
            return 0.0;
        }
        self.look_up(&self.fractions, share, periods_left)
    }

    fn look_up(&self, table: &[f64], share: f64, periods_left: f64) -> f64 {
        if share.is_nan() || share <= 0.0 {
            return 0.0;
        }
        // A NaN is below nothing, and stands at the deadline.
        let steps = self.left.partition_point(|left| *left < periods_left).min(STEPS);
        interpolate(&table[steps * (GRID + 1)..(steps + 1) * (GRID + 1)], share * GRID as f64)
    }
}

/// Periods left with so many steps to go. Steps are short near the deadline, where much changes, but not under a period
/// (nobody asks oftener), unless all have to be.
fn schedule(horizon_periods: f64) -> Box<[f64]> {
    let mut left = vec![0.0; STEPS + 1].into_boxed_slice();
    for (steps, periods) in left.iter_mut().enumerate() {
        let share = steps as f64 / STEPS as f64;
        *periods = (horizon_periods * share * share).max((steps as f64).min(horizon_periods * share));
    }
    left
}

/// Equally likely returns with a given mean and deviation, cut from a normal at the middles of its probabilities.
fn outcomes(mean: f64, deviation: f64) -> [f64; OUTCOMES] {
    let mut cut = [0.0; OUTCOMES];
    for (at, z) in cut.iter_mut().enumerate() {
        *z = normal::quantile((at as f64 + 0.5) / OUTCOMES as f64);
    }
    let scale = deviation / (cut.iter().map(|z| z * z).sum::<f64>() / OUTCOMES as f64).sqrt();
    cut.map(|z| mean + scale * z)
}

/// The best fraction at node `at`, and what it is worth. Of equals the smallest.
fn best(before: &[f64], at: usize, outcomes: &[f64; OUTCOMES], most: f64) -> (f64, f64) {
    let mut best = (before[at], 0.0);
    for tried in 1..=FRACTIONS {
        let share = tried as f64 / FRACTIONS as f64;
        let fraction = most * share * share;
        let sum: f64 = outcomes.iter().map(|r| interpolate(before, at as f64 * (1.0 + fraction * r))).sum();
        let value = sum / OUTCOMES as f64;
        if value > best.0 {
            best = (value, fraction);
        }
    }
    best
}

/// The value at a place in units of the grid, by a straight line between nodes.
fn interpolate(row: &[f64], place: f64) -> f64 {
    let place = place.clamp(0.0, GRID as f64);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and GRID")]
    let below = (place as usize).min(GRID - 1);
    row[below] + (place - below as f64) * (row[below + 1] - row[below])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_stats::Rng;

    const MEAN: f64 = 0.0004;
    const VOLATILITY: f64 = 0.01;
    const DAYS: f64 = 252.0;

    /// Theorem 3.1 without interest: value, and fraction of wealth.
    fn browne(share: f64, periods: f64) -> (f64, f64) {
        let z = normal::quantile(share);
        let value = normal::cdf(z + MEAN / VOLATILITY * periods.sqrt());
        (value, normal::density(z) / (share * VOLATILITY * periods.sqrt()))
    }

    #[test]
    fn values_and_fractions_are_brownes_where_leverage_is_free() {
        // Asked a hundred times a day: what is left to Browne is what trading in steps costs.
        let oftener = 100.0_f64;
        let plan =
            TargetPlan::solve(MEAN / oftener, VOLATILITY / oftener.sqrt(), DAYS * oftener, 40.0).unwrap();
        for share in [0.3, 0.5, 0.7, 0.9, 0.97] {
            for periods in [DAYS, DAYS / 2.0, DAYS / 4.0] {
                let (value, _) = browne(share, periods);
                let short = value - plan.probability(share, periods * oftener);
                assert!(
                    short > 0.0 && short < if periods == DAYS { 0.01 } else { 0.03 },
                    "{share} {periods}: {short}"
                );
            }
        }
        // Fractions come from a grid, so they are compared over a stretch of wealth.
        for middle in [0.5, 0.7, 0.85] {
            let around = (0..21).map(|at| middle - 0.05 + 0.005 * f64::from(at));
            let (got, wanted) = around.fold((0.0, 0.0), |(got, wanted), share| {
                (got + plan.fraction(share, DAYS * oftener), wanted + browne(share, DAYS).1)
            });
            assert!((got / wanted - 1.0).abs() < 0.15, "{middle}: {got} {wanted}");
        }
    }

    /// Share of simulated years that reach the target, with Gaussian days.
    fn share_reached(start: f64, fraction: impl Fn(f64, f64) -> f64) -> f64 {
        let mut rng = Rng::new(12);
        let rounds = 20_000;
        let reached = (0..rounds).filter(|_| {
            let mut wealth = start;
            for day in 0..252 {
                let held = fraction(wealth, DAYS - f64::from(day));
                wealth *= (1.0 + held * (MEAN + VOLATILITY * rng.normal())).max(0.0);
                if wealth >= 1.0 {
                    return true;
                }
            }
            false
        });
        reached.count() as f64 / f64::from(rounds)
    }

    #[test]
    fn followed_in_simulation_it_reaches_the_target_as_often_as_it_says_and_oftener_than_kelly() {
        let leverage_max = 10.0;
        let plan = TargetPlan::solve(MEAN, VOLATILITY, DAYS, leverage_max).unwrap();
        let start = 0.7;
        let followed = share_reached(start, |wealth, left| plan.fraction(wealth, left));
        let said = plan.probability(start, DAYS);
        // Days are not the programme's steps; standard error 0.0035.
        assert!((followed - said).abs() < 0.03, "{followed} {said}");
        let kelly = share_reached(start, |_, _| MEAN / (VOLATILITY * VOLATILITY));
        assert!(followed > kelly + 0.05, "{followed} {kelly}");
    }

    #[test]
    fn short_is_long_turned_round_and_the_target_is_kept() {
        let long = TargetPlan::solve(MEAN, VOLATILITY, DAYS, 5.0).unwrap();
        let short = TargetPlan::solve(-MEAN, VOLATILITY, DAYS, 5.0).unwrap();
        assert_eq!(long.fraction(0.6, 100.0), -short.fraction(0.6, 100.0));
        assert!(long.fraction(0.6, 100.0) > 0.0);
        for (share, left) in
            [(1.0, 9.0), (1.2, 9.0), (0.5, 0.0), (0.0, 9.0), (f64::NAN, 9.0), (0.5, f64::NAN)]
        {
            assert_eq!(long.fraction(share, left), 0.0, "{share} {left}");
        }
        assert!(TargetPlan::solve(MEAN, 0.0, DAYS, 5.0).is_err());
        assert!(TargetPlan::solve(f64::NAN, 0.1, DAYS, 5.0).is_err());
    }
}
