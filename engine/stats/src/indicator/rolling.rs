//! Moments of a window.

use super::{Indicator, Ring, Sma};
use crate::{RollingCoMoments, StatsError};

/// Mean of the last `window` values; another name for [`Sma`].
pub type RollingMean = Sma;

/// Mean and squares of a window.
#[derive(Clone, Debug, PartialEq)]
struct Moments {
    ring: Ring,
    mean: f64,
    squares: f64,
    /// The newest value and how often it came in a row, up to the window: a window of equals varies by nothing, not by what
    /// rounding left.
    last: f64,
    same: usize,
}

impl Moments {
    fn new(window: usize) -> Result<Self, StatsError> {
        if window < 2 {
            return Err(StatsError::Parameter { name: "window", wanted: "2 or more", got: window as f64 });
        }
        Ok(Self { ring: Ring::new(window)?, mean: 0.0, squares: 0.0, last: f64::NAN, same: 0 })
    }

    /// Mean and centred sum of squares of a full window.
    #[inline]
    fn update(&mut self, value: f64) -> Option<(f64, f64)> {
        if !value.is_finite() {
            return None;
        }
        let n = self.ring.values.len() as f64;
        let off = value - self.mean;
        self.same = if value == self.last { (self.same + 1).min(self.ring.values.len()) } else { 1 };
        self.last = value;
        if let Some(left) = self.ring.push(value) {
            // One value in the place of another: Welford's two steps in one.
            let before = self.mean;
            self.mean += (value - left) / n;
            self.squares = (self.squares + (value - left) * (value - self.mean + left - before)).max(0.0);
        } else {
            self.mean += off / self.ring.count as f64;
            self.squares += off * (value - self.mean);
        }
        if self.ring.has_wrapped() {
            self.mean = self.ring.values.iter().sum::<f64>() / n;
            self.squares =
                self.ring.values.iter().map(|value| (value - self.mean) * (value - self.mean)).sum();
        }
        if self.same == self.ring.values.len() {
            (self.mean, self.squares) = (value, 0.0);
        }
        self.ring.is_full().then_some((self.mean, self.squares))
    }

    const fn reset(&mut self) {
        self.ring.clear();
        (self.mean, self.squares, self.last, self.same) = (0.0, 0.0, f64::NAN, 0);
    }
}

/// Standard deviation of the last `window` values.
#[derive(Clone, Debug, PartialEq)]
pub struct RollingDeviation {
    moments: Moments,
    divisor: f64,
}

impl RollingDeviation {
    /// Of a sample: divisor `window - 1`.
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window below 2.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        Ok(Self { moments: Moments::new(window)?, divisor: window as f64 - 1.0 })
    }

    /// Of a population: divisor `window`.
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window below 2.
    pub fn of_population(window: usize) -> Result<Self, StatsError> {
        Ok(Self { moments: Moments::new(window)?, divisor: window as f64 })
    }

    /// Mean and deviation.
    #[inline]
    pub(super) fn both(&mut self, value: f64) -> Option<(f64, f64)> {
        self.moments.update(value).map(|(mean, squares)| (mean, (squares / self.divisor).sqrt()))
    }
}

impl Indicator for RollingDeviation {
    type Input = f64;
    type Output = f64;

    #[inline]
    fn update(&mut self, value: f64) -> Option<f64> {
        self.both(value).map(|(_, deviation)| deviation)
    }

    fn reset(&mut self) {
        self.moments.reset();
    }
}

/// How many sample deviations the newest value lies from the mean of the last `window`, itself included.
///
/// Nothing where the window does not vary.
#[derive(Clone, Debug, PartialEq)]
pub struct RollingZScore {
    deviation: RollingDeviation,
}

impl RollingZScore {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window below 2.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        Ok(Self { deviation: RollingDeviation::new(window)? })
    }
}

impl Indicator for RollingZScore {
    type Input = f64;
    type Output = f64;

    #[inline]
    fn update(&mut self, value: f64) -> Option<f64> {
        let (mean, deviation) = self.deviation.both(value)?;
        (deviation > 0.0).then(|| (value - mean) / deviation)
    }

    fn reset(&mut self) {
        self.deviation.reset();
    }
}

/// Pearson's correlation of the last `window` pairs; nothing where one side does not vary.
#[derive(Clone, Debug, PartialEq)]
pub struct RollingCorrelation {
    pairs: RollingCoMoments,
}

impl RollingCorrelation {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window below 2.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        Ok(Self { pairs: RollingCoMoments::new(window)? })
    }
}

impl Indicator for RollingCorrelation {
    type Input = (f64, f64);
    type Output = f64;

    #[inline]
    fn update(&mut self, (x, y): (f64, f64)) -> Option<f64> {
        if !(x.is_finite() && y.is_finite()) {
            return None;
        }
        self.pairs.update(x, y);
        if self.pairs.is_full() { self.pairs.moments().correlation() } else { None }
    }

    fn reset(&mut self) {
        self.pairs.reset();
    }
}
