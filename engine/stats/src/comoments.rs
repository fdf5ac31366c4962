//! Means, variances and covariance of two series, kept incrementally, and the lines they give: ordinary and total least
//! squares.
//!
//! What a hedge ratio is read from on every bar. Invariant: the sums are those of the pairs taken in and not taken out.

use crate::StatsError;

/// A fitted line `y = intercept + slope x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Change of `y` for one unit of `x`: the hedge ratio where both are prices.
    pub slope: f64,
    /// `y` at `x = 0`.
    pub intercept: f64,
}

impl Line {
    /// What is left of `y` at `x`: the spread.
    #[inline]
    pub fn residual(&self, x: f64, y: f64) -> f64 {
        y - self.intercept - self.slope * x
    }
}

/// Count, means and centred sums of squares and products of pairs `(x, y)`.
///
/// Source: Welford (1962), in the bivariate form of Chan, Golub and LeVeque (1983).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CoMoments {
    count: u64,
    mean_x: f64,
    mean_y: f64,
    sum_xx: f64,
    sum_xy: f64,
    sum_yy: f64,
}

impl CoMoments {
    /// Takes one pair in.
    #[inline]
    pub fn add(&mut self, x: f64, y: f64) {
        self.count += 1;
        let inverse = 1.0 / self.count as f64;
        let (dx, dy) = (x - self.mean_x, y - self.mean_y);
        self.mean_x += dx * inverse;
        self.mean_y += dy * inverse;
        self.sum_xx += dx * (x - self.mean_x);
        self.sum_xy += dx * (y - self.mean_y);
        self.sum_yy += dy * (y - self.mean_y);
    }

    /// Takes out a pair that was taken in before.
    #[inline]
    pub fn remove(&mut self, x: f64, y: f64) {
        assert!(self.count > 0, "nothing to take out");
        if self.count == 1 {
            *self = Self::default();
            return;
        }
        let (dx, dy) = (x - self.mean_x, y - self.mean_y);
        self.count -= 1;
        let inverse = 1.0 / self.count as f64;
        self.mean_x -= dx * inverse;
        self.mean_y -= dy * inverse;
        self.sum_xx = (self.sum_xx - dx * (x - self.mean_x)).max(0.0);
        self.sum_xy -= dx * (y - self.mean_y);
        self.sum_yy = (self.sum_yy - dy * (y - self.mean_y)).max(0.0);
    }

    /// How many pairs.
    #[inline]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Means of `x` and `y`; `None` of nothing.
    pub const fn means(&self) -> Option<(f64, f64)> {
        if self.count > 0 { Some((self.mean_x, self.mean_y)) } else { None }
    }

    /// Sample covariance (divisor `n - 1`); `None` of fewer than two pairs.
    pub fn covariance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.sum_xy / (self.count - 1) as f64)
    }

    /// Sample variances of `x` and `y` (divisor `n - 1`); `None` of fewer than two pairs.
    pub fn variances(&self) -> Option<(f64, f64)> {
        let degrees = self.count.saturating_sub(1) as f64;
        (self.count > 1).then(|| (self.sum_xx / degrees, self.sum_yy / degrees))
    }

    /// Pearson's correlation; `None` where one of the two does not vary.
    pub fn correlation(&self) -> Option<f64> {
        let scale = (self.sum_xx * self.sum_yy).sqrt();
        (scale > 0.0).then(|| (self.sum_xy / scale).clamp(-1.0, 1.0))
    }

    /// Ordinary least squares of `y` on `x`; `None` where `x` does not vary.
    pub fn ordinary(&self) -> Option<Line> {
        if self.sum_xx <= 0.0 {
            return None;
        }
        Some(self.through_means(self.sum_xy / self.sum_xx))
    }

    /// Least squares through the origin, `y = slope x`; `None` where all `x` are zero.
    pub fn through_origin(&self) -> Option<f64> {
        let n = self.count as f64;
        let squares = self.sum_xx + n * self.mean_x * self.mean_x;
        (squares > 0.0).then(|| (self.sum_xy + n * self.mean_x * self.mean_y) / squares)
    }

    /// Total least squares: the line with the least sum of squared perpendicular distances, which treats both series
    /// alike. `None` where no such line exists: the series are uncorrelated, and `x` varies no more than `y`.
    ///
    /// Source: Golub and Van Loan, "An analysis of the total least squares problem" (1980); for two variables Deming's
    /// regression with equal error variances.
    pub fn total(&self) -> Option<Line> {
        let difference = self.sum_yy - self.sum_xx;
        let root = libm::hypot(difference, 2.0 * self.sum_xy);
        if self.sum_xy == 0.0 {
            return (self.sum_xx > self.sum_yy).then(|| self.through_means(0.0));
        }
        // Two forms of one root of a quadratic; each is free of cancellation on its side.
        let slope = if difference >= 0.0 {
            (difference + root) / (2.0 * self.sum_xy)
        } else {
            2.0 * self.sum_xy / (root - difference)
        };
        Some(self.through_means(slope))
    }

    fn through_means(&self, slope: f64) -> Line {
        Line { slope, intercept: self.mean_y - slope * self.mean_x }
    }
}

/// The moments of the last `window` pairs.
///
/// Taking pairs out leaves rounding errors behind, so the sums are made anew from the window each time it has been
/// replaced whole: one pass of its length every that many updates.
#[derive(Clone, Debug, PartialEq)]
pub struct RollingCoMoments {
    pairs: Box<[(f64, f64)]>,
    next: usize,
    moments: CoMoments,
    /// How often the newest values have come in a row, up to the window: a window of equals varies by nothing, not by what
    /// rounding left.
    same: (usize, usize),
}

impl RollingCoMoments {
    /// Over the last `window` pairs.
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window below 2.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        if window < 2 {
            return Err(StatsError::Parameter { name: "window", wanted: "2 or more", got: window as f64 });
        }
        Ok(Self {
            pairs: vec![(0.0, 0.0); window].into(),
            next: 0,
            moments: CoMoments::default(),
            same: (0, 0),
        })
    }

    /// Takes one pair in, and out the one that leaves the window.
    #[inline]
    pub fn update(&mut self, x: f64, y: f64) {
        let window = self.pairs.len();
        let (last_x, last_y) = self.pairs[if self.next == 0 { window - 1 } else { self.next - 1 }];
        let run = |is_same: bool, run: usize| if is_same { (run + 1).min(window) } else { 1 };
        let is_first = self.moments.count() == 0;
        self.same = (run(!is_first && x == last_x, self.same.0), run(!is_first && y == last_y, self.same.1));
        if self.is_full() {
            let (old_x, old_y) = self.pairs[self.next];
            self.moments.remove(old_x, old_y);
        }
        self.pairs[self.next] = (x, y);
        self.moments.add(x, y);
        self.next += 1;
        if self.next == self.pairs.len() {
            self.next = 0;
            self.refresh();
        }
        if self.same.0 == window {
            (self.moments.mean_x, self.moments.sum_xx, self.moments.sum_xy) = (x, 0.0, 0.0);
        }
        if self.same.1 == window {
            (self.moments.mean_y, self.moments.sum_yy, self.moments.sum_xy) = (y, 0.0, 0.0);
        }
    }

    /// Whether the window has filled.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.moments.count() == self.pairs.len() as u64
    }

    /// The moments of what is in the window.
    #[inline]
    pub const fn moments(&self) -> &CoMoments {
        &self.moments
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        (self.next, self.moments, self.same) = (0, CoMoments::default(), (0, 0));
    }

    #[cold]
    fn refresh(&mut self) {
        let mut moments = CoMoments::default();
        self.pairs.iter().for_each(|(x, y)| moments.add(*x, *y));
        self.moments = moments;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
        prop::collection::vec((-50.0f64..50.0, -50.0f64..50.0), 12..60)
    }

    /// Two passes, no updating.
    fn batch(pairs: &[(f64, f64)]) -> (f64, f64, f64) {
        let n = pairs.len() as f64;
        let mean_x = pairs.iter().map(|pair| pair.0).sum::<f64>() / n;
        let mean_y = pairs.iter().map(|pair| pair.1).sum::<f64>() / n;
        pairs.iter().fold((0.0, 0.0, 0.0), |(xx, xy, yy), (x, y)| {
            (xx + (x - mean_x).powi(2), xy + (x - mean_x) * (y - mean_y), yy + (y - mean_y).powi(2))
        })
    }

    proptest! {
        #[test]
        fn the_window_is_its_pairs_and_no_others(pairs in pairs(), window in 2usize..12) {
            let mut rolling = RollingCoMoments::new(window).unwrap();
            pairs.iter().for_each(|(x, y)| rolling.update(*x, *y));
            let (xx, xy, yy) = batch(&pairs[pairs.len() - window..]);
            let n = window as f64 - 1.0;
            let (var_x, var_y) = rolling.moments().variances().unwrap();
            prop_assert!((var_x - xx / n).abs() < 1e-9 * (1.0 + xx));
            prop_assert!((var_y - yy / n).abs() < 1e-9 * (1.0 + yy));
            prop_assert!((rolling.moments().covariance().unwrap() - xy / n).abs() < 1e-9 * (1.0 + xx + yy));
        }

        #[test]
        fn no_line_turned_a_little_is_nearer_in_the_perpendicular_sense(pairs in pairs()) {
            let mut moments = CoMoments::default();
            pairs.iter().for_each(|(x, y)| moments.add(*x, *y));
            let line = moments.total().unwrap();
            let distance = |slope: f64| {
                let (mean_x, mean_y) = moments.means().unwrap();
                pairs.iter().map(|(x, y)| (y - mean_y - slope * (x - mean_x)).powi(2)).sum::<f64>() / (1.0 + slope * slope)
            };
            let angle = line.slope.atan();
            for turn in [-0.01, 0.01, -0.5, 0.5] {
                prop_assert!(distance(line.slope) <= distance((angle + turn).tan()) * (1.0 + 1e-9));
            }
        }
    }

    #[test]
    fn points_on_a_line_give_that_line_either_way() {
        let mut moments = CoMoments::default();
        (0..10).for_each(|x| moments.add(f64::from(x), 3.0 - 2.0 * f64::from(x)));
        for line in [moments.ordinary().unwrap(), moments.total().unwrap()] {
            assert!((line.slope + 2.0).abs() < 1e-12 && (line.intercept - 3.0).abs() < 1e-12, "{line:?}");
        }
        assert_eq!(moments.correlation(), Some(-1.0));
    }

    #[test]
    fn a_window_of_equals_varies_by_nothing_after_one_that_varied() {
        let mut rolling = RollingCoMoments::new(4).unwrap();
        for (x, y) in [(1e6, 0.1), (3.3, -7.7), (0.1, 2.2), (0.1, 3.1), (0.1, 4.4), (0.1, 5.3)] {
            rolling.update(x, y);
        }
        assert_eq!((rolling.moments().variances().unwrap().0, rolling.moments().ordinary()), (0.0, None));
    }

    #[test]
    fn a_constant_has_no_line_and_no_correlation() {
        let mut moments = CoMoments::default();
        (0..5).for_each(|y| moments.add(1.0, f64::from(y)));
        assert_eq!((moments.ordinary(), moments.total(), moments.correlation()), (None, None, None));
    }
}
