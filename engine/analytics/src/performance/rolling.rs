//! Figures over a window that moves along the series.

/// A figure of the last `window` periods after each period; absent until there are as many, and where they do not determine it.
///
/// - Result: `[periods]`; element `t` knows periods up to and including `t`.
pub fn rolling(values: &[f64], window: usize, figure: impl Fn(&[f64]) -> Option<f64>) -> Vec<Option<f64>> {
    ends(values.len(), window).map(|range| range.and_then(|range| figure(&values[range]))).collect()
}

/// The same of two series of the same periods.
///
/// # Panics
///
/// Where the series are not of one length.
pub fn rolling_pair(
    own: &[f64],
    other: &[f64],
    window: usize,
    figure: impl Fn(&[f64], &[f64]) -> Option<f64>,
) -> Vec<Option<f64>> {
    assert_eq!(own.len(), other.len(), "one return of the other a period");
    ends(own.len(), window)
        .map(|range| range.and_then(|range| figure(&own[range.clone()], &other[range])))
        .collect()
}

/// The window that ends with each period; absent where it would begin before the first.
fn ends(periods: usize, window: usize) -> impl Iterator<Item = Option<std::ops::Range<usize>>> {
    (1..=periods).map(move |end| (window > 0 && end >= window).then(|| end - window..end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::performance::returns;

    #[test]
    fn a_window_knows_its_own_periods_alone() {
        let values = [1.0, 2.0, 6.0, 7.0];
        assert_eq!(rolling(&values, 2, returns::mean), [None, Some(1.5), Some(4.0), Some(6.5)]);
        let product = |own: &[f64], other: &[f64]| Some(own.iter().zip(other).map(|(a, b)| a * b).sum());
        assert_eq!(
            rolling_pair(&values, &[1.0, 0.0, 2.0, 1.0], 3, product),
            [None, None, Some(13.0), Some(19.0)]
        );
        assert_eq!(rolling(&values, 9, returns::mean), [None; 4]);
        assert_eq!(rolling(&values, 0, returns::mean), [None; 4]);
    }
}
