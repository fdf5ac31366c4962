//! Covariance of several series, shrunk towards a multiple of the identity, and equations with such a matrix.

use crate::StatsError;

/// Covariance of the rows of `returns`, shrunk as far as the sample itself recommends; into `covariance`. Gives the share
/// of the target, 0 to 1.
///
/// - `returns`: `[rows x columns]`, row by row; one row a period, one column a series.
/// - `covariance`: `[columns x columns]`, filled whole. `means`: `[columns]`, filled with the columns' means.
///
/// The divisor is the number of rows, as in the source. Allocates nothing.
///
/// Source: Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
/// Multivariate Analysis 88 (2004), lemma 3.2 to 3.5.
///
/// # Errors
///
/// [`StatsError::Short`] of fewer than two rows, [`StatsError::NotFinite`].
pub fn ledoit_wolf(
    returns: &[f64],
    columns: usize,
    means: &mut [f64],
    covariance: &mut [f64],
) -> Result<f64, StatsError> {
    assert!(columns > 0 && returns.len().is_multiple_of(columns), "rows are whole");
    assert!(
        means.len() == columns && covariance.len() == columns * columns,
        "room for one column each, and a square"
    );
    crate::check_finite(returns)?;
    let rows = returns.len() / columns;
    if rows < 2 {
        return Err(StatsError::Short { needed: 2, got: rows });
    }
    let (n, p) = (rows as f64, columns as f64);
    for (column, mean) in means.iter_mut().enumerate() {
        *mean = returns.iter().skip(column).step_by(columns).sum::<f64>() / n;
    }
    covariance.fill(0.0);
    let mut fourth = 0.0;
    for row in returns.chunks_exact(columns) {
        let mut length = 0.0;
        for left in 0..columns {
            let value = row[left] - means[left];
            length += value * value;
            for right in 0..=left {
                covariance[left * columns + right] += value * (row[right] - means[right]) / n;
            }
        }
        fourth += length * length / n;
    }
    for left in 0..columns {
        for right in 0..left {
            covariance[right * columns + left] = covariance[left * columns + right];
        }
    }
    let level = (0..columns).map(|at| covariance[at * columns + at]).sum::<f64>() / p;
    let squares = covariance.iter().map(|value| value * value).sum::<f64>();
    // Distance of the sample from the target, and how much of it is noise.
    let distance = (squares - p * level * level) / p;
    let noise = ((fourth - squares) / (p * n)).min(distance);
    let share = if noise > 0.0 && distance > 0.0 { noise / distance } else { 0.0 };
    for (at, value) in covariance.iter_mut().enumerate() {
        *value *= 1.0 - share;
        if at % (columns + 1) == 0 {
            *value += share * level;
        }
    }
    Ok(share)
}

/// Solves `matrix x = right` for a symmetric positive definite matrix, in place: `matrix` becomes its Cholesky factor, and
/// `right` the solution. Allocates nothing.
///
/// Source: Golub and Van Loan, "Matrix Computations", section 4.2.
///
/// # Errors
///
/// [`StatsError::Singular`] where the matrix is not positive definite to working precision.
pub fn solve_positive(matrix: &mut [f64], right: &mut [f64]) -> Result<(), StatsError> {
    let size = right.len();
    assert!(matrix.len() == size * size, "a square of the right side's length");
    for row in 0..size {
        for column in 0..=row {
            let sum: f64 = (0..column).map(|k| matrix[row * size + k] * matrix[column * size + k]).sum();
            let here = row * size + column;
            if row == column {
                let rest = matrix[here] - sum;
                if rest.is_nan() || rest <= matrix[here].abs() * 1e-14 {
                    return Err(StatsError::Singular);
                }
                matrix[here] = rest.sqrt();
            } else {
                matrix[here] = (matrix[here] - sum) / matrix[column * size + column];
            }
        }
    }
    for row in 0..size {
        let sum: f64 = (0..row).map(|k| matrix[row * size + k] * right[k]).sum();
        right[row] = (right[row] - sum) / matrix[row * size + row];
    }
    for row in (0..size).rev() {
        let sum: f64 = (row + 1..size).map(|k| matrix[k * size + row] * right[k]).sum();
        right[row] = (right[row] - sum) / matrix[row * size + row];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_solved_and_an_indefinite_matrix_is_refused() {
        // [[4, 2], [2, 3]] (1, -2) = (0, -4).
        let mut right = [0.0, -4.0];
        solve_positive(&mut [4.0, 2.0, 2.0, 3.0], &mut right).unwrap();
        assert!((right[0] - 1.0).abs() < 1e-14 && (right[1] + 2.0).abs() < 1e-14, "{right:?}");
        assert_eq!(solve_positive(&mut [1.0, 2.0, 2.0, 1.0], &mut [1.0, 1.0]), Err(StatsError::Singular));
        assert_eq!(solve_positive(&mut [f64::NAN], &mut [1.0]), Err(StatsError::Singular));
    }
}
