//! Control of false discoveries among many tests.

use crate::StatsError;

/// What is known of how the tests hang together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dependence {
    /// Independent, or positively dependent: Benjamini and Hochberg (1995).
    #[default]
    Positive,
    /// Anything, at the price of power: Benjamini and Yekutieli (2001). Pairs that share an instrument are such tests.
    Any,
}

/// P-values adjusted for their number: rejecting where the adjusted value is at most `q` keeps the expected share of false
/// discoveries among the rejections at or below `q`.
///
/// - `p_values`: `[tests]`, each in [0, 1], in any order.
/// - Result: `[tests]`, in the same order.
///
/// Sources: Benjamini and Hochberg, JRSS B 57 (1995); Benjamini and Yekutieli, Annals of Statistics 29 (2001), theorem 1.3.
///
/// # Errors
///
/// [`StatsError::Empty`] without tests, [`StatsError::Probability`] for a value outside [0, 1].
pub fn adjusted_p_values(p_values: &[f64], dependence: Dependence) -> Result<Vec<f64>, StatsError> {
    if p_values.is_empty() {
        return Err(StatsError::Empty);
    }
    if let Some(bad) = p_values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        return Err(StatsError::Probability(*bad));
    }
    let count = p_values.len();
    let penalty = match dependence {
        Dependence::Positive => 1.0,
        Dependence::Any => (1..=count).map(|rank| 1.0 / rank as f64).sum(),
    };
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]).then(a.cmp(b)));
    let mut adjusted = vec![0.0; count];
    let mut least = 1.0_f64;
    for (place, test) in order.into_iter().enumerate().rev() {
        least = least.min(p_values[test] * penalty * count as f64 / (place + 1) as f64);
        adjusted[test] = least;
    }
    Ok(adjusted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rng, normal};

    #[test]
    fn the_published_example_rejects_its_four() {
        // Benjamini and Hochberg (1995), section 4.1: 15 p-values; at q = 0.05 the procedure rejects the first four.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
            0.6528, 0.7590, 1.0,
        ];
        let adjusted = adjusted_p_values(&p, Dependence::Positive).unwrap();
        assert_eq!(adjusted.iter().filter(|value| **value <= 0.05).count(), 4);
        assert!(adjusted[3] <= 0.05 && adjusted[4] > 0.05);
    }

    #[test]
    fn the_share_of_false_discoveries_is_as_stated() {
        // 200 tests, 150 of them of nothing; one-sided normal tests, true effects of three standard deviations. The
        // expected share is q x 150/200 exactly (independent tests, theorem 1 with equality).
        let (mut rng, mut share, rounds) = (Rng::new(11), 0.0, 2_000);
        for _ in 0..rounds {
            let p: Vec<f64> = (0..200)
                .map(|test| normal::cdf(-(rng.normal() + if test < 50 { 3.0 } else { 0.0 })))
                .collect();
            let adjusted = adjusted_p_values(&p, Dependence::Positive).unwrap();
            let found = adjusted.iter().filter(|value| **value <= 0.1).count();
            let wrong = adjusted[50..].iter().filter(|value| **value <= 0.1).count();
            share += wrong as f64 / found.max(1) as f64 / f64::from(rounds);
        }
        // Standard error of the mean share about 0.0008.
        assert!((share - 0.075).abs() < 0.004, "{share}");
    }

    #[test]
    fn nothing_and_nonsense_are_refused() {
        assert_eq!(adjusted_p_values(&[], Dependence::Any), Err(StatsError::Empty));
        assert_eq!(adjusted_p_values(&[0.1, 1.5], Dependence::Any), Err(StatsError::Probability(1.5)));
    }
}
