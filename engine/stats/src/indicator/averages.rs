//! Moving averages.

use super::{Indicator, Ring};
use crate::{Ewma, StatsError};

/// Simple moving average of the last `window` values.
#[derive(Clone, Debug, PartialEq)]
pub struct Sma {
    ring: Ring,
    sum: f64,
}

impl Sma {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window of 0.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        Ok(Self { ring: Ring::new(window)?, sum: 0.0 })
    }
}

impl Indicator for Sma {
    type Input = f64;
    type Output = f64;

    #[inline]
    fn update(&mut self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        self.sum += value - self.ring.push(value).unwrap_or(0.0);
        if self.ring.has_wrapped() {
            self.sum = self.ring.values.iter().sum();
        }
        self.ring.is_full().then(|| self.sum / self.ring.values.len() as f64)
    }

    fn reset(&mut self) {
        self.ring.clear();
        self.sum = 0.0;
    }
}

/// Exponential moving average with weight `2 / (window + 1)` on the newest value; the first one sets it.
///
/// Answers from the `window`-th value on. Source: pandas' `ewm(span=window, adjust=False)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ema {
    mean: Ewma,
    fresh: Ewma,
    window: usize,
    count: usize,
}

impl Ema {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window below 2.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        if window < 2 {
            return Err(StatsError::Parameter { name: "window", wanted: "2 or more", got: window as f64 });
        }
        let mean = Ewma::new(1.0 - 2.0 / (window as f64 + 1.0))?;
        Ok(Self { mean, fresh: mean, window, count: 0 })
    }
}

impl Indicator for Ema {
    type Input = f64;
    type Output = f64;

    #[inline]
    fn update(&mut self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        let mean = self.mean.update(value);
        self.count = (self.count + 1).min(self.window);
        (self.count == self.window).then_some(mean)
    }

    fn reset(&mut self) {
        (self.mean, self.count) = (self.fresh, 0);
    }
}

/// Wilder's smoothing: the mean of the first `window` values, then `1 / window` of each newer one.
///
/// Source: Wilder, "New Concepts in Technical Trading Systems" (1978).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wilder {
    window: usize,
    count: usize,
    mean: f64,
}

impl Wilder {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window of 0.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        if window == 0 {
            return Err(StatsError::Parameter { name: "window", wanted: "1 or more", got: 0.0 });
        }
        Ok(Self { window, count: 0, mean: 0.0 })
    }
}

impl Indicator for Wilder {
    type Input = f64;
    type Output = f64;

    #[inline]
    fn update(&mut self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        self.count = (self.count + 1).min(self.window);
        self.mean += (value - self.mean) / self.count as f64;
        (self.count == self.window).then_some(self.mean)
    }

    fn reset(&mut self) {
        (self.count, self.mean) = (0, 0.0);
    }
}

/// Linearly weighted moving average: weights `window, window - 1, …, 1`, the newest value first.
#[derive(Clone, Debug, PartialEq)]
pub struct Wma {
    ring: Ring,
    sum: f64,
    weighted: f64,
}

impl Wma {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window of 0.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        Ok(Self { ring: Ring::new(window)?, sum: 0.0, weighted: 0.0 })
    }
}

impl Indicator for Wma {
    type Input = f64;
    type Output = f64;

    #[inline]
    fn update(&mut self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        let before = self.sum;
        let left = self.ring.push(value);
        self.sum += value - left.unwrap_or(0.0);
        // Everything in the window loses one weight, what leaves its last; the newest has as many as there are values.
        self.weighted += self.ring.count as f64 * value - if left.is_some() { before } else { 0.0 };
        if self.ring.has_wrapped() {
            (self.sum, self.weighted) = (0.0, 0.0);
            for (place, value) in (1u32..).zip(&self.ring.values) {
                self.sum += value;
                self.weighted += f64::from(place) * value;
            }
        }
        let n = self.ring.values.len() as f64;
        self.ring.is_full().then(|| self.weighted / (0.5 * n * (n + 1.0)))
    }

    fn reset(&mut self) {
        self.ring.clear();
        (self.sum, self.weighted) = (0.0, 0.0);
    }
}
