//! Minimum of a function of a few variables, without derivatives.

/// Searches from `start` with a simplex whose first edges are `edges` long; gives the best point and the steps made.
///
/// Ends when the values at the corners agree to `tolerance`, relative to their size and one, or after `steps_max`. A value
/// that is not a number counts as infinite, so a function may forbid places.
///
/// Source: Nelder and Mead, "A simplex method for function minimization", Computer Journal 7 (1965), with the usual
/// coefficients 1, 2, 1/2, 1/2.
pub fn nelder_mead<const N: usize>(
    mut function: impl FnMut(&[f64; N]) -> f64,
    start: [f64; N],
    edges: [f64; N],
    tolerance: f64,
    steps_max: usize,
) -> ([f64; N], usize) {
    let mut value = |point: [f64; N]| {
        let value = function(&point);
        (if value.is_nan() { f64::INFINITY } else { value }, point)
    };
    let mut corners = vec![value(start)];
    for (at, edge) in edges.iter().enumerate() {
        let mut point = start;
        point[at] += edge;
        corners.push(value(point));
    }
    let from = |origin: &[f64; N], towards: &[f64; N], share: f64| {
        let mut point = *origin;
        point.iter_mut().zip(towards).for_each(|(p, t)| *p += share * (t - *p));
        point
    };
    for step in 0..steps_max {
        corners.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (best, second, worst) = (corners[0], corners[N - 1], corners[N]);
        if worst.0 - best.0 <= tolerance * (1.0 + best.0.abs()) {
            return (best.1, step);
        }
        let mut centre = [0.0; N];
        for (_, point) in &corners[..N] {
            centre.iter_mut().zip(point).for_each(|(c, p)| *c += p / N as f64);
        }
        let reflected = value(from(&centre, &worst.1, -1.0));
        let taken = if reflected.0 < best.0 {
            let expanded = value(from(&centre, &worst.1, -2.0));
            Some(if expanded.0 < reflected.0 { expanded } else { reflected })
        } else if reflected.0 < second.0 {
            Some(reflected)
        } else {
            let outside = reflected.0 < worst.0;
            let contracted = value(from(&centre, if outside { &reflected.1 } else { &worst.1 }, 0.5));
            (contracted.0 < reflected.0.min(worst.0)).then_some(contracted)
        };
        if let Some(taken) = taken {
            corners[N] = taken;
        } else {
            for corner in &mut corners[1..] {
                *corner = value(from(&best.1, &corner.1, 0.5));
            }
        }
    }
    corners.sort_by(|a, b| a.0.total_cmp(&b.0));
    (corners[0].1, steps_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banana_of_rosenbrock_is_descended() {
        let banana = |p: &[f64; 2]| (1.0 - p[0]).powi(2) + 100.0 * (p[1] - p[0] * p[0]).powi(2);
        let (at, steps) = nelder_mead(banana, [-1.2, 1.0], [0.5, 0.5], 1e-20, 1_000);
        assert!((at[0] - 1.0).abs() < 1e-6 && (at[1] - 1.0).abs() < 1e-6, "{at:?} after {steps}");
        assert!(steps < 1_000);
    }

    #[test]
    fn forbidden_places_are_left_alone() {
        let (at, _) = nelder_mead(|p: &[f64; 1]| p[0].ln() * p[0], [2.0], [0.5], 1e-15, 500);
        // x ln x is least at 1/e; below zero it is not a number.
        assert!((at[0] - (-1f64).exp()).abs() < 1e-6, "{at:?}");
    }
}
