//! Running mean and variance, one pass, no cancellation.

/// Count, mean and variance so far.
///
/// Source: B. P. Welford, "Note on a method for calculating corrected sums of squares and products",
/// Technometrics 4 (1962); merging after Chan, Golub and LeVeque (1979).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Welford {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Welford {
    /// Takes one observation in.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (value - self.mean);
    }

    /// Takes in what another has seen.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (mine, theirs) = (self.count as f64, other.count as f64);
        let total = mine + theirs;
        let delta = other.mean - self.mean;
        self.mean += delta * theirs / total;
        self.squares += other.squares + delta * delta * mine * theirs / total;
        self.count += other.count;
    }

    /// How many.
    #[inline]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Mean; `None` of nothing.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Sample variance (divisor `n - 1`); `None` of fewer than two.
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.squares / (self.count - 1) as f64)
    }

    /// Sample standard deviation; `None` of fewer than two.
    pub fn deviation(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_agrees_with_two_passes_in_one_piece_or_two(
            values in prop::collection::vec(-1e3f64..1e3, 2..100), cut in 0usize..100,
        ) {
            let cut = cut.min(values.len());
            let (mut all, mut left, mut right) = (Welford::default(), Welford::default(), Welford::default());
            values.iter().for_each(|value| all.add(*value));
            values[..cut].iter().for_each(|value| left.add(*value));
            values[cut..].iter().for_each(|value| right.add(*value));
            left.merge(&right);
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
            for seen in [all, left] {
                prop_assert!((seen.mean().unwrap() - mean).abs() < 1e-9 * 1e3);
                prop_assert!((seen.variance().unwrap() - variance).abs() < 1e-9 * 1e6);
            }
        }
    }

    #[test]
    fn a_large_offset_does_not_eat_the_variance() {
        // 1e9 + {4, 7, 13, 16}: variance 30. The textbook one-pass formula gives nonsense here.
        let mut seen = Welford::default();
        [4.0, 7.0, 13.0, 16.0].into_iter().for_each(|value| seen.add(1e9 + value));
        assert_eq!(seen.variance(), Some(30.0));
    }

    #[test]
    fn nothing_and_one_have_no_variance() {
        let mut seen = Welford::default();
        assert_eq!((seen.mean(), seen.variance()), (None, None));
        seen.add(3.0);
        assert_eq!((seen.mean(), seen.variance()), (Some(3.0), None));
    }
}
