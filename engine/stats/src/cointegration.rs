//! Whether two series that wander share their wandering: the test of Engle and Granger.

use crate::least_squares::LeastSquares;
use crate::unit_root::{self, Lags, Trend, augmented_dickey_fuller};
use crate::{Line, StatsError};

/// What the test found.
#[derive(Clone, Debug, PartialEq)]
pub struct Cointegration {
    /// The cointegrating line of `y` on `x`; with [`Trend::Linear`] the trend is besides.
    pub line: Line,
    /// Residuals of that regression, one an observation: the spread.
    pub spread: Vec<f64>,
    /// Dickey-Fuller statistic of the spread; minus infinity where `y` is a multiple of `x` up to rounding.
    pub statistic: f64,
    /// Probability of such a statistic or a lower one without cointegration (MacKinnon 1994).
    pub p_value: f64,
    /// Statistic below which "no cointegration" is rejected at one, five and ten per cent (MacKinnon 2010).
    pub critical: [f64; 3],
    /// Lagged differences in the Dickey-Fuller regression.
    pub lags: usize,
}

/// Regresses `y` on `x` with a deterministic part, and tests the residuals for a unit root with the critical values that
/// allow for their having been estimated (two variables).
///
/// - `y`, `x`: `[observations]`, oldest first, of one length.
/// - `trend`: constant or linear; of the cointegrating regression, the residuals' has none.
///
/// Which series is `y` matters in a finite sample: test both ways and keep the lower p-value only if the two tests are
/// counted as two.
///
/// Source: Engle and Granger, Econometrica 55 (1987); MacKinnon, "Critical Values for Cointegration Tests", Queen's
/// University working paper 1227 (2010).
///
/// # Errors
///
/// Those of [`LeastSquares::fit`] and [`augmented_dickey_fuller`]; [`StatsError::Parameter`] for a trend without tables.
pub fn engle_granger(y: &[f64], x: &[f64], trend: Trend, lags: Lags) -> Result<Cointegration, StatsError> {
    if y.len() != x.len() {
        return Err(StatsError::Lengths { left: y.len(), right: x.len() });
    }
    if trend == Trend::None {
        return Err(StatsError::Parameter {
            name: "trend",
            wanted: "constant or more for cointegration",
            got: 0.0,
        });
    }
    let mut columns = unit_root::trend_columns(trend, y.len());
    let at = columns.len();
    columns.push(x.to_vec());
    let fit = LeastSquares::fit(&columns, y)?;
    let spread: Vec<f64> = (0..y.len())
        .map(|row| {
            let fitted: f64 = columns.iter().zip(&fit.coefficients).map(|(column, b)| column[row] * b).sum();
            y[row] - fitted
        })
        .collect();
    let centred = fit.nested_squares[1];
    if centred <= fit.nested_squares[0] * 1e-24 {
        return Err(StatsError::Singular);
    }
    let line = Line { slope: fit.coefficients[at], intercept: fit.coefficients[0] };
    let critical = unit_root::critical_values(trend, 2, (y.len() - 1) as f64);
    // Collinear up to rounding: the residuals are noise of the arithmetic, and the statistic would be one of that noise.
    if fit.residual_squares <= centred * 1e-14 {
        let (statistic, p_value) = (f64::NEG_INFINITY, 0.0);
        return Ok(Cointegration { line, spread, statistic, p_value, critical, lags: 0 });
    }
    let test = augmented_dickey_fuller(&spread, Trend::None, lags)?;
    let p_value = unit_root::p_value(test.statistic, trend, 2);
    Ok(Cointegration { line, spread, statistic: test.statistic, p_value, critical, lags: test.lags })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn walk(rng: &mut Rng, steps: usize) -> Vec<f64> {
        let mut at = 100.0;
        (0..steps)
            .map(|_| {
                at += rng.normal();
                at
            })
            .collect()
    }

    #[test]
    fn independent_walks_are_rejected_as_often_as_the_level_says_and_planted_pairs_are_found() {
        let mut rng = Rng::new(21);
        let (mut wrong, mut right, rounds) = (0, 0, 600);
        for _ in 0..rounds {
            let (x, z) = (walk(&mut rng, 250), walk(&mut rng, 250));
            wrong +=
                i32::from(engle_granger(&z, &x, Trend::Constant, Lags::Fixed(1)).unwrap().p_value < 0.05);
            let mut gap = 0.0;
            let y: Vec<f64> = x
                .iter()
                .map(|x| {
                    gap = 0.8 * gap + rng.normal();
                    3.0 + 0.7 * x + gap
                })
                .collect();
            right +=
                i32::from(engle_granger(&y, &x, Trend::Constant, Lags::Fixed(1)).unwrap().p_value < 0.05);
        }
        // 30 expected, standard deviation 5.3.
        assert!((12..=50).contains(&wrong), "{wrong} of {rounds}");
        assert!(right > rounds * 95 / 100, "{right} of {rounds}");
    }

    #[test]
    fn a_multiple_is_cointegrated_beyond_any_statistic() {
        let x = walk(&mut Rng::new(5), 100);
        let y: Vec<f64> = x.iter().map(|x| 1.0 + 2.0 * x).collect();
        let found = engle_granger(&y, &x, Trend::Constant, Lags::Fixed(0)).unwrap();
        assert_eq!((found.statistic, found.p_value), (f64::NEG_INFINITY, 0.0));
        assert!((found.line.slope - 2.0).abs() < 1e-9);
        let flat = vec![7.3; 100];
        assert_eq!(engle_granger(&flat, &x, Trend::Constant, Lags::Fixed(0)), Err(StatsError::Singular));
        assert_eq!(engle_granger(&x, &flat, Trend::Constant, Lags::Fixed(0)), Err(StatsError::Singular));
    }
}
