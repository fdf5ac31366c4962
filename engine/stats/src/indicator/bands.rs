//! Bands around a price.

use super::{Atr, Bar, Ema, Indicator, RollingDeviation, RollingMax, RollingMin};
use crate::{StatsError, check_between};

/// A band.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// Upper edge.
    pub upper: f64,
    /// Middle.
    pub middle: f64,
    /// Lower edge.
    pub lower: f64,
}

impl Band {
    #[inline]
    fn around(middle: f64, half: f64) -> Self {
        Self { upper: middle + half, middle, lower: middle - half }
    }

    /// Where a value stands: 0 at the lower edge, 1 at the upper; nothing where the band has no width.
    #[inline]
    pub fn place(&self, value: f64) -> Option<f64> {
        let width = self.upper - self.lower;
        (width > 0.0).then(|| (value - self.lower) / width)
    }
}

/// Bollinger's bands: the mean of a window and so many of its population deviations; 20 and 2 are usual.
///
/// Source: Bollinger, "Bollinger on Bollinger Bands" (2001).
#[derive(Clone, Debug, PartialEq)]
pub struct Bollinger {
    deviation: RollingDeviation,
    multiple: f64,
}

impl Bollinger {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window below 2, or a multiple that is negative or not finite.
    pub fn new(window: usize, multiple: f64) -> Result<Self, StatsError> {
        check_between("multiple", multiple, 0.0, f64::MAX, "finite and not negative")?;
        Ok(Self { deviation: RollingDeviation::of_population(window)?, multiple })
    }
}

impl Indicator for Bollinger {
    type Input = f64;
    type Output = Band;

    #[inline]
    fn update(&mut self, value: f64) -> Option<Band> {
        self.deviation.both(value).map(|(mean, deviation)| Band::around(mean, self.multiple * deviation))
    }

    fn reset(&mut self) {
        self.deviation.reset();
    }
}

/// Keltner's channel in the form of Raschke: an [`Ema`] of the close and so many average true ranges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keltner {
    middle: Ema,
    range: Atr,
    multiple: f64,
}

impl Keltner {
    /// `window` of the average, `range_window` of the range; 20, 10 and a multiple of 2 are usual.
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window too short, or a multiple that is negative or not finite.
    pub fn new(window: usize, range_window: usize, multiple: f64) -> Result<Self, StatsError> {
        check_between("multiple", multiple, 0.0, f64::MAX, "finite and not negative")?;
        Ok(Self { middle: Ema::new(window)?, range: Atr::new(range_window)?, multiple })
    }
}

impl Indicator for Keltner {
    type Input = Bar;
    type Output = Band;

    #[inline]
    fn update(&mut self, bar: Bar) -> Option<Band> {
        if !bar.is_finite() {
            return None;
        }
        let (middle, range) = (self.middle.update(bar.close), self.range.update(bar));
        Some(Band::around(middle?, self.multiple * range?))
    }

    fn reset(&mut self) {
        self.middle.reset();
        self.range.reset();
    }
}

/// Donchian's channel: highest high and lowest low of a window, this bar's included.
#[derive(Clone, Debug, PartialEq)]
pub struct Donchian {
    high: RollingMax,
    low: RollingMin,
}

impl Donchian {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window of 0.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        Ok(Self { high: RollingMax::new(window)?, low: RollingMin::new(window)? })
    }
}

impl Indicator for Donchian {
    type Input = Bar;
    type Output = Band;

    #[inline]
    fn update(&mut self, bar: Bar) -> Option<Band> {
        if !bar.is_finite() {
            return None;
        }
        let (upper, lower) = (self.high.update(bar.high), self.low.update(bar.low));
        let (upper, lower) = (upper?, lower?);
        Some(Band { upper, middle: 0.5 * (upper + lower), lower })
    }

    fn reset(&mut self) {
        self.high.reset();
        self.low.reset();
    }
}
