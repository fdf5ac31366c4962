//! Exponentially weighted averages, by observation and by elapsed time.

use crate::StatsError;

/// Exponentially weighted mean by observation; the first one sets it.
///
/// Source: RiskMetrics Technical Document (1996), chapter 5, without the truncation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ewma {
    decay: f64,
    mean: f64,
    is_primed: bool,
}

impl Ewma {
    /// `decay`: weight kept per observation, in (0, 1).
    ///
    /// # Errors
    ///
    /// [`StatsError::Decay`] outside (0, 1).
    pub fn new(decay: f64) -> Result<Self, StatsError> {
        check_decay(decay)?;
        Ok(Self { decay, mean: 0.0, is_primed: false })
    }

    /// Takes one observation in and gives the mean after it.
    #[inline]
    pub fn update(&mut self, value: f64) -> f64 {
        self.mean = if self.is_primed { self.decay * self.mean + (1.0 - self.decay) * value } else { value };
        self.is_primed = true;
        self.mean
    }

    /// The mean; `None` before the first observation.
    #[inline]
    pub const fn mean(&self) -> Option<f64> {
        if self.is_primed { Some(self.mean) } else { None }
    }
}

/// Exponentially weighted mean, how far it lies from zero, and the deviation about it, from the first observations on.
///
/// The weights are those that were really given, so that a young mean claims no more than it knows: with `w` the weights, the
/// mean's variance is that of an observation times `sum w² / (sum w)²`, and the variance is freed of its bias by one less that.
///
/// Source: Cochran, "Sampling Techniques" (1977), for the weighted mean of independent observations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EwmaScore {
    decay: f64,
    count: u64,
    /// Weights, weighted values, weighted squares; squared weights.
    weight: f64,
    sum: f64,
    squares: f64,
    weight_squares: f64,
}

impl EwmaScore {
    /// `decay`: weight kept per observation, in (0, 1).
    ///
    /// # Errors
    ///
    /// [`StatsError::Decay`] outside (0, 1).
    pub fn new(decay: f64) -> Result<Self, StatsError> {
        check_decay(decay)?;
        Ok(Self { decay, count: 0, weight: 0.0, sum: 0.0, squares: 0.0, weight_squares: 0.0 })
    }

    /// Takes one observation in; one that is not finite is ignored.
    #[inline]
    pub fn update(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let decay = self.decay;
        self.count += 1;
        self.weight = decay * self.weight + 1.0;
        self.sum = decay * self.sum + value;
        self.squares = decay * self.squares + value * value;
        self.weight_squares = decay * decay * self.weight_squares + 1.0;
    }

    /// How many were taken in.
    #[inline]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean; `None` before the first observation.
    #[inline]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.weight)
    }

    /// Variance of an observation about the mean; `None` of fewer than two.
    pub fn variance(&self) -> Option<f64> {
        let mean = self.mean().filter(|_| self.count > 1)?;
        Some((self.squares / self.weight - mean * mean).max(0.0) / (1.0 - self.share()))
    }

    /// The mean in its own standard errors; `None` of fewer than two observations, and where they do not vary (by more than a
    /// part in 10^12 of their squares, which is rounding).
    #[inline]
    pub fn z_score(&self) -> Option<f64> {
        let (mean, variance) = (self.mean()?, self.variance()?);
        (variance > 1e-12 * self.squares / self.weight).then(|| mean / (variance * self.share()).sqrt())
    }

    fn share(&self) -> f64 {
        self.weight_squares / (self.weight * self.weight)
    }
}

/// Sums of `N` kinds of impulses that all fade with elapsed time: after `decay_ns` an impulse counts 1/e.
///
/// Divided by the decay time a sum is a rate: steady impulses of size `s` every `d` seconds give about `s / d`. The
/// kinds share their times, so that one exponential fades them all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecayedSums<const N: usize> {
    inverse_decay_ns: f64,
    sums: [f64; N],
    at_ns: i64,
    since_ns: i64,
}

impl<const N: usize> DecayedSums<N> {
    /// `decay_ns`: time after which an impulse counts 1/e; positive.
    pub fn new(decay_ns: i64) -> Self {
        assert!(decay_ns > 0, "a decay time is positive, got {decay_ns}");
        Self { inverse_decay_ns: 1.0 / decay_ns as f64, sums: [0.0; N], at_ns: i64::MIN, since_ns: i64::MIN }
    }

    /// Fades to `now_ns`, then adds `values`, one of each kind. Time that runs backwards counts as standing still.
    #[inline]
    pub fn add(&mut self, now_ns: i64, values: [f64; N]) {
        if self.at_ns == i64::MIN {
            (self.at_ns, self.since_ns) = (now_ns, now_ns);
        }
        let elapsed_ns = now_ns.saturating_sub(self.at_ns);
        if elapsed_ns > 0 {
            let kept = libm::exp(-(elapsed_ns as f64) * self.inverse_decay_ns);
            self.sums.iter_mut().for_each(|sum| *sum *= kept);
            self.at_ns = now_ns;
        }
        self.sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }

    /// The sum of a kind, from 0, as it stood at the last [`DecayedSums::add`].
    #[inline]
    pub const fn sum(&self, kind: usize) -> f64 {
        self.sums[kind]
    }

    /// Seconds that a sum stands for: the decay time, less before that much time has been seen.
    ///
    /// A stream that began `t` ago has filled only `1 - exp(-t / decay)` of the window.
    pub fn window_s(&self) -> f64 {
        if self.at_ns == i64::MIN {
            return 0.0;
        }
        let seen = self.at_ns.saturating_sub(self.since_ns) as f64 * self.inverse_decay_ns;
        // Beyond 40 decay times what is missing is below half a unit in the last place.
        let filled = if seen > 40.0 { 1.0 } else { -libm::expm1(-seen) };
        filled / (self.inverse_decay_ns * 1e9)
    }

    /// Impulse of a kind, from 0, per second; 0 before any time has passed.
    pub fn rate_per_s(&self, kind: usize) -> f64 {
        let window_s = self.window_s();
        if window_s > 0.0 { self.sums[kind] / window_s } else { 0.0 }
    }
}

/// Mean of irregular observations, each weighted by how long ago it was: weight 1/e after `decay_ns`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecayedMean {
    /// Values, and weights.
    sums: DecayedSums<2>,
}

impl DecayedMean {
    /// `decay_ns`: time after which an observation counts 1/e; positive.
    pub fn new(decay_ns: i64) -> Self {
        Self { sums: DecayedSums::new(decay_ns) }
    }

    /// Takes `count` observations that sum to `sum`, all at `now_ns`.
    #[inline]
    pub fn add(&mut self, now_ns: i64, sum: f64, count: f64) {
        self.sums.add(now_ns, [sum, count]);
    }

    /// Weighted mean; `None` before the first observation or when all weight has faded away.
    #[inline]
    pub fn mean(&self) -> Option<f64> {
        let weight = self.sums.sum(1);
        (weight > 1e-12).then(|| self.sums.sum(0) / weight)
    }
}

/// Exponentially weighted volatility per period, the mean taken as zero.
///
/// - `returns`: `[periods]`, oldest first, simple returns as fractions (0.01 is one per cent).
/// - `decay`: weight kept per period, in (0, 1); 0.94 is usual for daily data.
/// - Result: `[periods]`, a fraction per period; element `t` knows returns up to and including `t`. The variance
///   starts at the first squared return.
///
/// Source: RiskMetrics Technical Document (1996), chapter 5.
///
/// # Errors
///
/// [`StatsError::Empty`] without returns, [`StatsError::Decay`] outside (0, 1).
pub fn ewma_volatility(returns: &[f64], decay: f64) -> Result<Vec<f64>, StatsError> {
    let mut variance = Ewma::new(decay)?;
    if returns.is_empty() {
        return Err(StatsError::Empty);
    }
    Ok(returns.iter().map(|value| variance.update(value * value).sqrt()).collect())
}

fn check_decay(decay: f64) -> Result<(), StatsError> {
    if decay > 0.0 && decay < 1.0 { Ok(()) } else { Err(StatsError::Decay(decay)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
    }

    proptest! {
        #[test]
        fn the_recursion_is_the_weighted_sum(values in prop::collection::vec(-10.0f64..10.0, 1..50), decay in 0.01f64..0.99) {
            let mut ewma = Ewma::new(decay).unwrap();
            for value in &values {
                ewma.update(*value);
            }
            // Written out: weight (1 - d) d^k for the k-th youngest, d^(n-1) for the oldest.
            let n = i32::try_from(values.len()).unwrap();
            let sum: f64 = (0..n).rev().zip(&values).map(|(age, value)| {
                let weight = if age == n - 1 { decay.powi(age) } else { (1.0 - decay) * decay.powi(age) };
                weight * value
            }).sum();
            prop_assert!(close(ewma.mean().unwrap(), sum));
        }

        #[test]
        fn irregular_observations_fade_by_their_age(steps in prop::collection::vec((0i64..3_000_000_000, -5.0f64..5.0), 1..40)) {
            let decay_ns = 1_000_000_000;
            let mut mean = DecayedMean::new(decay_ns);
            let mut now = 0;
            let mut seen = Vec::new();
            for (step, value) in steps {
                now += step;
                mean.add(now, value, 1.0);
                seen.push((now, value));
            }
            let weight = |at: i64| (-((now - at) as f64) / decay_ns as f64).exp();
            let top: f64 = seen.iter().map(|(at, value)| weight(*at) * value).sum();
            let bottom: f64 = seen.iter().map(|(at, _)| weight(*at)).sum();
            prop_assert!(close(mean.mean().unwrap(), top / bottom));
        }
    }

    #[test]
    fn the_score_is_standard_from_young_to_old() {
        // Ten and three hundred observations of noise: the score's variance is that of Student's t with about
        // 1 / share - 1 degrees, d / (d - 2): 9.6 young ones give 1.3, 38 old ones 1.05.
        for (count, wanted) in [(10, 1.3), (300, 1.05)] {
            let (mut rng, mut scores) = (crate::Rng::new(3), crate::Welford::default());
            for _ in 0..4_000 {
                let mut score = EwmaScore::new(0.95).unwrap();
                (0..count).for_each(|_| score.update(rng.normal()));
                scores.add(score.z_score().unwrap());
            }
            let variance = scores.variance().unwrap();
            assert!((variance / wanted - 1.0).abs() < 0.12, "{variance} after {count}");
        }
    }

    #[test]
    fn moments_of_a_score_are_the_weighted_ones_written_out() {
        let (values, decay) = ([1.0, 4.0, -2.0], 0.5);
        let mut score = EwmaScore::new(decay).unwrap();
        assert_eq!((score.mean(), score.z_score()), (None, None));
        values.iter().for_each(|value| score.update(*value));
        score.update(f64::NAN);
        // Weights 1/4, 1/2, 1 of 7/4: mean (0.25 + 2 - 2) / 1.75 = 1/7; squares (0.25 + 8 + 4) / 1.75 = 7;
        // share (1/16 + 1/4 + 1) / (49/16) = 21/49 = 3/7; variance (7 - 1/49) / (4/7) = 342/49 x 7/4 = 12.214285714.
        assert!(close(score.mean().unwrap(), 1.0 / 7.0));
        assert!(close(score.variance().unwrap(), 342.0 / 28.0));
        assert!(close(score.z_score().unwrap(), (1.0 / 7.0) / (342.0f64 / 28.0 * 3.0 / 7.0).sqrt()));
        let mut flat = EwmaScore::new(0.9).unwrap();
        (0..50).for_each(|_| flat.update(0.1));
        assert_eq!(flat.z_score(), None);
    }

    #[test]
    fn steady_impulses_give_their_rate_from_the_start() {
        // Two units every 10 ms is 200 a second; the window is 5 s.
        let mut sum = DecayedSums::new(5_000_000_000);
        for step in 1..=5_000i64 {
            sum.add(step * 10_000_000, [2.0]);
            if step > 100 {
                assert!((sum.rate_per_s(0) - 200.0).abs() < 5.0, "{} after {step}", sum.rate_per_s(0));
            }
        }
    }

    #[test]
    fn a_window_long_filled_is_the_decay_time_to_the_last_bit() {
        let mut sum = DecayedSums::new(1_000_000_000);
        for second in [0, 39, 41, 100] {
            sum.add(second * 1_000_000_000, [1.0]);
            // 1 - exp(-39) is 1 - 1.2e-17: already one, as far as a double tells.
            assert_eq!(sum.window_s(), if second == 0 { 0.0 } else { 1.0 });
        }
    }

    #[test]
    fn volatility_of_returns_of_one_size_is_that_size() {
        let volatility = ewma_volatility(&[0.01, -0.01, 0.01], 0.94).unwrap();
        assert!(volatility.iter().all(|value| close(*value, 0.01)));
        // 0.94 x 0.0001 + 0.06 x 0.0004 = 0.000118.
        assert!(close(ewma_volatility(&[0.01, 0.02], 0.94).unwrap()[1], 0.000_118f64.sqrt()));
    }

    #[test]
    fn a_decay_of_one_and_no_returns_are_refused() {
        assert_eq!(ewma_volatility(&[0.1], 1.0), Err(StatsError::Decay(1.0)));
        assert_eq!(ewma_volatility(&[], 0.5), Err(StatsError::Empty));
    }

    #[test]
    fn time_running_backwards_stands_still() {
        let mut sum = DecayedSums::new(1_000);
        sum.add(5_000, [1.0]);
        sum.add(4_000, [1.0]);
        assert!(close(sum.sum(0), 2.0));
    }
}
