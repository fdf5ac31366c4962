//! Quantile of a window.

use super::{Indicator, Ring};
use crate::{StatsError, quantile};

/// Quantile of the last `window` values, exactly, with [`quantile()`]'s interpolation. An update moves up to `window` values.
#[derive(Clone, Debug, PartialEq)]
pub struct RollingQuantile {
    ring: Ring,
    /// The window's values in ascending order, as many as the ring holds.
    sorted: Box<[f64]>,
    probability: f64,
}

impl RollingQuantile {
    /// `probability`: in [0, 1]; 0.5 is the median.
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window of 0, [`StatsError::Probability`] outside [0, 1].
    pub fn new(window: usize, probability: f64) -> Result<Self, StatsError> {
        if !(0.0..=1.0).contains(&probability) {
            return Err(StatsError::Probability(probability));
        }
        Ok(Self { ring: Ring::new(window)?, sorted: vec![0.0; window].into(), probability })
    }
}

impl Indicator for RollingQuantile {
    type Input = f64;
    type Output = f64;

    fn update(&mut self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        let held = self.ring.count;
        let to = self.sorted[..held].partition_point(|sorted| *sorted <= value);
        if let Some(left) = self.ring.push(value) {
            // Any of its equals may go.
            let from = self.sorted.partition_point(|sorted| *sorted < left);
            if from < to {
                self.sorted.copy_within(from + 1..to, from);
                self.sorted[to - 1] = value;
            } else {
                self.sorted.copy_within(to..from, to + 1);
                self.sorted[to] = value;
            }
        } else {
            self.sorted.copy_within(to..held, to + 1);
            self.sorted[to] = value;
        }
        if self.ring.is_full() { quantile(&self.sorted, self.probability).ok() } else { None }
    }

    fn reset(&mut self) {
        self.ring.clear();
    }
}
