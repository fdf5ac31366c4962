//! Seeded randomness: the same seed gives the same numbers on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

/// A stream of random numbers from ChaCha with eight rounds.
///
/// Distributions are computed here with `libm`, in a fixed order, so that the stream does not depend on the
/// version of a sampling crate.
#[derive(Clone, Debug)]
pub struct Rng {
    source: ChaCha8Rng,
}

impl Rng {
    /// From a seed; the seed belongs into the journal's head.
    pub fn new(seed: u64) -> Self {
        Self { source: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// A stream of the same seed that shares no numbers with the others, one per purpose.
    pub fn stream(seed: u64, number: u64) -> Self {
        let mut source = ChaCha8Rng::seed_from_u64(seed);
        source.set_stream(number);
        Self { source }
    }

    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.source.next_u64()
    }

    /// Uniform in [0, 1), 53 bits.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `0..bound`; 0 where `bound` is 0. Unbiased.
    ///
    /// Source: D. Lemire, "Fast Random Integer Generation in an Interval" (2019).
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let refused_below = bound.wrapping_neg() % bound;
        loop {
            let wide = u128::from(self.bits()) * u128::from(bound);
            #[allow(clippy::cast_possible_truncation, reason = "the low and the high half")]
            let (low, high) = (wide as u64, (wide >> 64) as u64);
            if low >= refused_below {
                return high;
            }
        }
    }

    /// Standard normal, by the sine and cosine of Box and Muller (1958); one of the pair is used.
    #[inline]
    pub fn normal(&mut self) -> f64 {
        // 1 - u lies in (0, 1], so the logarithm is finite.
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        radius * libm::cos(2.0 * core::f64::consts::PI * self.uniform())
    }

    /// Exponential with mean one, by inversion.
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.uniform())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Welford;

    fn moments(mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let mut seen = Welford::default();
        (0..200_000).for_each(|_| seen.add(draw()));
        (seen.mean().unwrap(), seen.variance().unwrap())
    }

    #[test]
    fn moments_are_those_of_the_distribution() {
        let mut rng = Rng::new(1);
        // Means within five standard errors, worked out from the variances 1/12, 1 and 1.
        let (mean, variance) = moments(|| rng.uniform());
        assert!((mean - 0.5).abs() < 0.0033 && (variance - 1.0 / 12.0).abs() < 0.001);
        let (mean, variance) = moments(|| rng.normal());
        assert!(mean.abs() < 0.0112 && (variance - 1.0).abs() < 0.02);
        let (mean, variance) = moments(|| rng.exponential());
        assert!((mean - 1.0).abs() < 0.0112 && (variance - 1.0).abs() < 0.04);
    }

    #[test]
    fn below_is_even_over_its_range() {
        let mut rng = Rng::new(2);
        let mut counts = [0i32; 7];
        for _ in 0..70_000 {
            counts[usize::try_from(rng.below(7)).unwrap()] += 1;
        }
        // 10,000 each, standard deviation 93.
        assert!(counts.iter().all(|count| (count - 10_000).abs() < 500), "{counts:?}");
        assert_eq!(rng.below(0), 0);
    }

    #[test]
    fn a_seed_gives_its_numbers_again_and_streams_differ() {
        let draw = |mut rng: Rng| (0..8).map(|_| rng.bits()).collect::<Vec<_>>();
        assert_eq!(draw(Rng::new(42)), draw(Rng::new(42)));
        assert_ne!(draw(Rng::new(42)), draw(Rng::new(43)));
        assert_ne!(draw(Rng::stream(42, 1)), draw(Rng::stream(42, 2)));
    }
}
