//! Whether a series wanders without bound: the augmented test of Dickey and Fuller.

mod mackinnon;

pub use mackinnon::{critical_values, p_value};

use crate::least_squares::LeastSquares;
use crate::{StatsError, check_finite};

/// Deterministic part of a regression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trend {
    /// Nothing.
    None,
    /// A constant.
    #[default]
    Constant,
    /// A constant and a linear trend.
    Linear,
    /// A constant, a linear and a quadratic trend.
    Quadratic,
}

/// How many lagged differences enter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lags {
    /// So many.
    Fixed(usize),
    /// Those with the least information criterion of Akaike, up to the bound of Schwert (1989), `12 (n/100)^(1/4)`.
    #[default]
    Akaike,
    /// The same by the criterion of Schwarz, which chooses fewer.
    Schwarz,
}

/// What the test found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DickeyFuller {
    /// T-statistic of the level; the lower, the less the series wanders.
    pub statistic: f64,
    /// Probability of such a statistic or a lower one of a series with a unit root (MacKinnon 1994).
    pub p_value: f64,
    /// Statistic below which a unit root is rejected at one, five and ten per cent (MacKinnon 2010).
    pub critical: [f64; 3],
    /// Lagged differences in the regression.
    pub lags: usize,
    /// Observations in the regression.
    pub rows: usize,
}

/// Regresses the differences on the level, lagged differences and a deterministic part; the level's coefficient is zero
/// under a unit root.
///
/// - `values`: `[observations]`, oldest first.
///
/// Source: Dickey and Fuller, JASA 74 (1979); Said and Dickey, Biometrika 71 (1984). Choice of lags: all candidates on
/// the rows that the longest allows, then the chosen one on all of its own, as in Hayashi, "Econometrics" (2000), section 9.4.
///
/// # Errors
///
/// [`StatsError::Short`] where the regression has no spare row, [`StatsError::NotFinite`], [`StatsError::Singular`] of a
/// constant series.
pub fn augmented_dickey_fuller(values: &[f64], trend: Trend, lags: Lags) -> Result<DickeyFuller, StatsError> {
    check_finite(values)?;
    let lags = match lags {
        Lags::Fixed(lags) => lags,
        Lags::Akaike => choose_lags(values, trend, |_| 2.0)?,
        Lags::Schwarz => choose_lags(values, trend, libm::log)?,
    };
    let (columns, differences) = regression(values, trend, lags)?;
    let fit = LeastSquares::fit(&columns, &differences)?;
    let statistic = fit.t_statistic(terms(trend));
    Ok(DickeyFuller {
        statistic,
        p_value: p_value(statistic, trend, 1),
        critical: critical_values(trend, 1, fit.rows as f64),
        lags,
        rows: fit.rows,
    })
}

/// Columns of a deterministic part: ones, 1 to `rows`, their squares.
pub(crate) fn trend_columns(trend: Trend, rows: usize) -> Vec<Vec<f64>> {
    let power = |of: fn(f64) -> f64| (1..=rows).map(|row| of(row as f64)).collect();
    let all: [Vec<f64>; 3] = [power(|_| 1.0), power(|row| row), power(|row| row * row)];
    all.into_iter().take(terms(trend)).collect()
}

const fn terms(trend: Trend) -> usize {
    match trend {
        Trend::None => 0,
        Trend::Constant => 1,
        Trend::Linear => 2,
        Trend::Quadratic => 3,
    }
}

/// Columns (deterministic part, level, lagged differences) and the differences they explain.
fn regression(values: &[f64], trend: Trend, lags: usize) -> Result<(Vec<Vec<f64>>, Vec<f64>), StatsError> {
    let needed = lags.saturating_mul(2).saturating_add(terms(trend) + 3);
    if values.len() < needed {
        return Err(StatsError::Short { needed, got: values.len() });
    }
    let differences: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let rows = differences.len() - lags;
    let mut columns = trend_columns(trend, rows);
    columns.push(values[lags..lags + rows].to_vec());
    columns.extend((1..=lags).map(|lag| differences[lags - lag..lags - lag + rows].to_vec()));
    Ok((columns, differences[lags..].to_vec()))
}

/// The number of lags with the least information criterion; `price` of a parameter from the number of rows.
fn choose_lags(values: &[f64], trend: Trend, price: fn(f64) -> f64) -> Result<usize, StatsError> {
    let count = values.len();
    let schwert = (12.0 * libm::pow(count as f64 / 100.0, 0.25)).ceil();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
    let schwert = schwert as usize;
    let most = (count / 2).saturating_sub(terms(trend) + 1).min(schwert);
    let (columns, differences) = regression(values, trend, most)?;
    // The columns are nested, so one reflection of all of them gives the residuals of every choice.
    let fit = LeastSquares::fit(&columns, &differences)?;
    let rows = fit.rows as f64;
    let criterion = |lags: usize| {
        let parameters = terms(trend) + 1 + lags;
        rows * libm::log(fit.nested_squares[parameters] / rows) + price(rows) * parameters as f64
    };
    let mut best = (0, criterion(0));
    for lags in 1..=most {
        let value = criterion(lags);
        if value < best.1 {
            best = (lags, value);
        }
    }
    Ok(best.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn a_walk_is_rejected_as_often_as_the_level_says() {
        let (mut rng, mut below, rounds) = (Rng::new(6), [0, 0], 2_000);
        for _ in 0..rounds {
            let mut at = 0.0;
            let walk: Vec<f64> = (0..100)
                .map(|_| {
                    at += rng.normal();
                    at
                })
                .collect();
            let test = augmented_dickey_fuller(&walk, Trend::Constant, Lags::Fixed(0)).unwrap();
            below[0] += i32::from(test.statistic < test.critical[1]);
            below[1] += i32::from(test.p_value < 0.05);
        }
        // 100 expected, standard deviation 9.7; the asymptotic p-value is a little liberal at this length.
        assert!((60..=140).contains(&below[0]) && (60..=150).contains(&below[1]), "{below:?}");
    }

    #[test]
    fn short_constant_and_broken_series_are_refused() {
        let adf = |values: &[f64]| augmented_dickey_fuller(values, Trend::Constant, Lags::Fixed(1));
        assert!(matches!(adf(&[1.0, 2.0, 1.0]), Err(StatsError::Short { .. })));
        let most = augmented_dickey_fuller(&[1.0; 30], Trend::Constant, Lags::Fixed(usize::MAX));
        assert_eq!(most, Err(StatsError::Short { needed: usize::MAX, got: 30 }));
        assert_eq!(adf(&[1.0; 30]), Err(StatsError::Singular));
        assert_eq!(adf(&[1.0, f64::NAN, 2.0]), Err(StatsError::NotFinite { index: 1 }));
    }
}
