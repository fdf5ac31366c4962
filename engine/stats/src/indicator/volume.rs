//! Indicators that weigh by volume.

use super::{Bar, Indicator, Ring};
use crate::StatsError;

/// Volume-weighted average price since the start or the last reset: `(price, volume)` in; nothing before any volume.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vwap {
    value: f64,
    volume: f64,
}

impl Indicator for Vwap {
    type Input = (f64, f64);
    type Output = f64;

    #[inline]
    fn update(&mut self, (price, volume): (f64, f64)) -> Option<f64> {
        if !(price.is_finite() && volume.is_finite()) {
            return None;
        }
        self.value += price * volume;
        self.volume += volume;
        (self.volume > 0.0).then(|| self.value / self.volume)
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Volume-weighted average price of the last `window` inputs `(price, volume)`; nothing where they have no volume.
#[derive(Clone, Debug, PartialEq)]
pub struct RollingVwap {
    values: Ring,
    volumes: Ring,
    value: f64,
    volume: f64,
    /// Inputs with volume in the window: without any the sums are what rounding left.
    traded: usize,
}

impl RollingVwap {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window of 0.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        Ok(Self {
            values: Ring::new(window)?,
            volumes: Ring::new(window)?,
            value: 0.0,
            volume: 0.0,
            traded: 0,
        })
    }
}

impl Indicator for RollingVwap {
    type Input = (f64, f64);
    type Output = f64;

    #[inline]
    fn update(&mut self, (price, volume): (f64, f64)) -> Option<f64> {
        if !(price.is_finite() && volume.is_finite()) {
            return None;
        }
        let value = price * volume;
        self.value += value - self.values.push(value).unwrap_or(0.0);
        let left = self.volumes.push(volume).unwrap_or(0.0);
        self.volume += volume - left;
        self.traded = self.traded + usize::from(volume > 0.0) - usize::from(left > 0.0);
        if self.values.has_wrapped() {
            self.value = self.values.values.iter().sum();
            self.volume = self.volumes.values.iter().sum();
        }
        (self.values.is_full() && self.traded > 0).then(|| self.value / self.volume)
    }

    fn reset(&mut self) {
        self.values.clear();
        self.volumes.clear();
        (self.value, self.volume, self.traded) = (0.0, 0.0, 0);
    }
}

/// On-balance volume: added when the close rises, taken off when it falls; begins with the first bar's.
///
/// Source: Granville (1963); as TA-Lib computes it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Obv {
    close: Option<f64>,
    balance: f64,
}

impl Indicator for Obv {
    type Input = Bar;
    type Output = f64;

    #[inline]
    fn update(&mut self, bar: Bar) -> Option<f64> {
        if !bar.is_finite() {
            return None;
        }
        let last = self.close.replace(bar.close);
        self.balance += match last {
            Some(last) if bar.close < last => -bar.volume,
            Some(last) if bar.close <= last => 0.0,
            _ => bar.volume,
        };
        Some(self.balance)
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}
