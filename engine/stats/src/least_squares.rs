//! Least squares on several columns, by Householder reflections.

use crate::{StatsError, check_finite};

/// A fitted linear model `y = X b + e`.
#[derive(Clone, Debug, PartialEq)]
pub struct LeastSquares {
    /// Coefficients, one a column, in the columns' order.
    pub coefficients: Vec<f64>,
    /// Their standard errors, of the classical kind (divisor `rows - columns`).
    pub standard_errors: Vec<f64>,
    /// Sum of squared residuals.
    pub residual_squares: f64,
    /// Element `k`: the same of the model with the first `k` columns only, from 0 to all of them.
    pub nested_squares: Vec<f64>,
    /// Rows fitted.
    pub rows: usize,
}

impl LeastSquares {
    /// Fits `y` on `columns`; a constant is a column of ones, which the caller adds.
    ///
    /// Source: Golub and Van Loan, "Matrix Computations", section 5.3 (full-rank least squares by Householder QR).
    ///
    /// # Errors
    ///
    /// [`StatsError::Lengths`] for columns of another length than `y`, [`StatsError::Short`] without a spare row,
    /// [`StatsError::NotFinite`], and [`StatsError::Singular`] for columns that depend on each other.
    pub fn fit(columns: &[Vec<f64>], y: &[f64]) -> Result<Self, StatsError> {
        let (rows, count) = (y.len(), columns.len());
        for column in columns {
            if column.len() != rows {
                return Err(StatsError::Lengths { left: column.len(), right: rows });
            }
            check_finite(column)?;
        }
        check_finite(y)?;
        if rows <= count {
            return Err(StatsError::Short { needed: count + 1, got: rows });
        }
        let (mut matrix, mut rest) = (columns.to_vec(), y.to_vec());
        let mut nested_squares = vec![squares(&rest)];
        for at in 0..count {
            reflect(&mut matrix, &mut rest, at)?;
            nested_squares.push(squares(&rest[at + 1..]));
        }
        let residual_squares = nested_squares[count];
        let variance = residual_squares / (rows - count) as f64;
        let coefficients = back_substitute(&matrix, &rest[..count]);
        // Row `j` of the inverse of R, squared and summed, is element (j, j) of the inverse of X'X.
        let mut scales = vec![0.0; count];
        for column in 0..count {
            let mut unit = vec![0.0; count];
            unit[column] = 1.0;
            for (scale, value) in scales.iter_mut().zip(back_substitute(&matrix, &unit)) {
                *scale += value * value;
            }
        }
        let standard_errors = scales.iter().map(|scale| (variance * scale).sqrt()).collect();
        Ok(Self { coefficients, standard_errors, residual_squares, nested_squares, rows })
    }

    /// Coefficient over its standard error.
    pub fn t_statistic(&self, column: usize) -> f64 {
        self.coefficients[column] / self.standard_errors[column]
    }
}

fn squares(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

/// Reflects column `at` onto its first `at + 1` rows, and the columns after it and `rest` with it.
fn reflect(matrix: &mut [Vec<f64>], rest: &mut [f64], at: usize) -> Result<(), StatsError> {
    let (done, later) = matrix.split_at_mut(at + 1);
    let column = &mut done[at];
    let whole = squares(column).sqrt();
    let norm = squares(&column[at..]).sqrt();
    // Reflections keep a column's length, so what remains below the diagonal is compared with that length.
    if norm <= whole * 1e-12 || norm == 0.0 {
        return Err(StatsError::Singular);
    }
    let diagonal = if column[at] > 0.0 { -norm } else { norm };
    let mut mirror = column[at..].to_vec();
    mirror[0] -= diagonal;
    let scale = 2.0 / squares(&mirror);
    for target in later.iter_mut().map(Vec::as_mut_slice).chain([rest]) {
        let target = &mut target[at..];
        let share = scale * mirror.iter().zip(&*target).map(|(m, t)| m * t).sum::<f64>();
        target.iter_mut().zip(&mirror).for_each(|(t, m)| *t -= share * m);
    }
    column[at] = diagonal;
    column[at + 1..].fill(0.0);
    Ok(())
}

/// Solves `R b = right` for the upper triangle held in the columns.
fn back_substitute(matrix: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let mut solution = right.to_vec();
    for at in (0..matrix.len()).rev() {
        solution[at] /= matrix[at][at];
        let value = solution[at];
        solution[..at].iter_mut().zip(&matrix[at]).for_each(|(s, m)| *s -= value * m);
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_plane_is_found() {
        let ones = vec![1.0; 6];
        let a: Vec<f64> = (0..6).map(f64::from).collect();
        let b: Vec<f64> = a.iter().map(|value| value * value).collect();
        let y: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 2.0 - 3.0 * a + 0.5 * b).collect();
        let fit = LeastSquares::fit(&[ones, a, b], &y).unwrap();
        for (got, wanted) in fit.coefficients.iter().zip([2.0, -3.0, 0.5]) {
            assert!((got - wanted).abs() < 1e-12, "{fit:?}");
        }
        assert!(fit.residual_squares < 1e-24);
    }

    #[test]
    fn dependent_columns_and_too_few_rows_are_refused() {
        let a = vec![1.0, 2.0, 3.0, 4.0];
        let twice = a.iter().map(|value| 2.0 * value).collect();
        assert_eq!(LeastSquares::fit(&[a.clone(), twice], &a), Err(StatsError::Singular));
        assert_eq!(LeastSquares::fit(&[vec![1.0]], &[1.0]), Err(StatsError::Short { needed: 2, got: 1 }));
        assert_eq!(
            LeastSquares::fit(&[vec![1.0, f64::NAN]], &[1.0, 1.0]),
            Err(StatsError::NotFinite { index: 1 })
        );
    }
}
