//! Highest and lowest of a window, in constant time on average.

use super::Indicator;
use crate::StatsError;

/// The values of a window that may yet be its greatest, in falling order; the lowest is the greatest of the negatives.
///
/// Source: Lemire, "Streaming Maximum-Minimum Filter Using No More than Three Comparisons per Element" (2006).
#[derive(Clone, Debug, PartialEq)]
struct Wedge {
    /// A ring of (time, value).
    entries: Box<[(u64, f64)]>,
    head: usize,
    count: usize,
    time: u64,
}

impl Wedge {
    fn new(window: usize) -> Result<Self, StatsError> {
        if window == 0 {
            return Err(StatsError::Parameter { name: "window", wanted: "1 or more", got: 0.0 });
        }
        Ok(Self { entries: vec![(0, 0.0); window].into(), head: 0, count: 0, time: 0 })
    }

    #[inline]
    fn update(&mut self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        let window = self.entries.len();
        if self.count > 0 && self.entries[self.head].0 + window as u64 <= self.time {
            self.head = (self.head + 1) % window;
            self.count -= 1;
        }
        while self.count > 0 && self.entries[(self.head + self.count - 1) % window].1 <= value {
            self.count -= 1;
        }
        self.entries[(self.head + self.count) % window] = (self.time, value);
        self.count += 1;
        self.time += 1;
        (self.time >= window as u64).then(|| self.entries[self.head].1)
    }

    const fn reset(&mut self) {
        (self.head, self.count, self.time) = (0, 0, 0);
    }
}

/// Greatest of the last `window` values.
#[derive(Clone, Debug, PartialEq)]
pub struct RollingMax(Wedge);

/// Least of the last `window` values.
#[derive(Clone, Debug, PartialEq)]
pub struct RollingMin(Wedge);

impl RollingMax {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window of 0.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        Wedge::new(window).map(Self)
    }
}

impl RollingMin {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window of 0.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        Wedge::new(window).map(Self)
    }
}

impl Indicator for RollingMax {
    type Input = f64;
    type Output = f64;

    #[inline]
    fn update(&mut self, value: f64) -> Option<f64> {
        self.0.update(value)
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}

impl Indicator for RollingMin {
    type Input = f64;
    type Output = f64;

    #[inline]
    fn update(&mut self, value: f64) -> Option<f64> {
        self.0.update(-value).map(|greatest| -greatest)
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}
