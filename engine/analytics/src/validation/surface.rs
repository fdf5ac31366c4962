//! How a figure falls off around the best set of parameters: a peak among poor neighbours is luck, a plateau is not.

use serde::Serialize;

/// A set of parameters by its place on each axis of the grid, and its figure; more is better.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Place of its value among the distinct values of each parameter.
    pub places: Vec<usize>,
    /// The figure.
    pub value: f64,
}

/// The neighbourhood of the best set.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Robustness {
    /// The best figure.
    pub best: f64,
    /// Its direct neighbours: one step along one parameter.
    pub neighbours: usize,
    /// Their mean; absent without neighbours.
    pub neighbour_mean: Option<f64>,
    /// The worst of them.
    pub neighbour_worst: Option<f64>,
    /// Share of what the best has above the median of all sets that its neighbours keep on average: 1 is a plateau, 0 a peak.
    pub kept: Option<f64>,
    /// Mean figure by steps away from the best (the sum over parameters), from 0.
    pub by_distance: Vec<f64>,
}

/// Looks around the best of the points; `None` without any that is finite.
pub fn robustness(points: &[Point]) -> Option<Robustness> {
    let finite: Vec<&Point> = points.iter().filter(|point| point.value.is_finite()).collect();
    let best =
        finite.iter().copied().reduce(|best, point| if point.value > best.value { point } else { best })?;
    let mut rings: Vec<Vec<f64>> = Vec::new();
    for point in &finite {
        let steps: usize = point.places.iter().zip(&best.places).map(|(a, b)| a.abs_diff(*b)).sum();
        if rings.len() <= steps {
            rings.resize(steps + 1, Vec::new());
        }
        rings[steps].push(point.value);
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let near = rings.get(1).map(Vec::as_slice).unwrap_or_default();
    let neighbour_mean = (!near.is_empty()).then(|| mean(near));
    let mut all: Vec<f64> = finite.iter().map(|point| point.value).collect();
    all.sort_by(f64::total_cmp);
    let median = tickrace_stats::quantile(&all, 0.5).ok()?;
    let above = best.value - median;
    Some(Robustness {
        best: best.value,
        neighbours: near.len(),
        neighbour_mean,
        neighbour_worst: near.iter().copied().reduce(f64::min),
        kept: neighbour_mean.filter(|_| above > 0.0).map(|mean| (mean - median) / above),
        by_distance: rings.iter().filter(|ring| !ring.is_empty()).map(|ring| mean(ring)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(value: impl Fn(i32, i32) -> f64) -> Vec<Point> {
        let place = |at: i32| usize::try_from(at).unwrap();
        (0..25)
            .map(|n| Point { places: vec![place(n / 5), place(n % 5)], value: value(n / 5, n % 5) })
            .collect()
    }

    #[test]
    fn a_lonely_peak_keeps_nothing_and_a_plateau_keeps_most() {
        let peak = robustness(&grid(|x, y| if (x, y) == (2, 2) { 10.0 } else { 1.0 })).unwrap();
        assert_eq!(
            (peak.best, peak.neighbours, peak.neighbour_mean, peak.kept),
            (10.0, 4, Some(1.0), Some(0.0))
        );
        // 10 less the steps away: of 25 sets the median is 8 (1 of 10, 4 of 9, 8 of 8, 8 of 7, 4 of 6);
        // the neighbours keep (9 - 8) / (10 - 8).
        let hill = robustness(&grid(|x, y| 10.0 - f64::from((x - 2).abs() + (y - 2).abs()))).unwrap();
        assert_eq!((hill.kept, hill.neighbour_worst), (Some(0.5), Some(9.0)));
        assert_eq!(hill.by_distance, [10.0, 9.0, 8.0, 7.0, 6.0]);
    }

    #[test]
    fn a_corner_has_fewer_neighbours_and_nothing_has_none() {
        let corner = robustness(&grid(|x, y| f64::from(x + y))).unwrap();
        assert_eq!((corner.neighbours, corner.neighbour_mean), (2, Some(7.0)));
        assert_eq!(robustness(&[]), None);
        assert_eq!(robustness(&[Point { places: vec![0], value: f64::NAN }]), None);
    }
}
