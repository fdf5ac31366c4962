//! Ranges of bars, and how directed they are.

use super::{Bar, Indicator, Wilder};
use crate::StatsError;

/// True range: the bar's, widened to the close before. Nothing for the first bar.
///
/// Source: Wilder (1978).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrueRange {
    close: Option<f64>,
}

impl Indicator for TrueRange {
    type Input = Bar;
    type Output = f64;

    #[inline]
    fn update(&mut self, bar: Bar) -> Option<f64> {
        if !bar.is_finite() {
            return None;
        }
        let close = self.close.replace(bar.close)?;
        Some(bar.high.max(close) - bar.low.min(close))
    }

    fn reset(&mut self) {
        self.close = None;
    }
}

/// Average true range with Wilder's smoothing; as TA-Lib computes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Atr {
    range: TrueRange,
    average: Wilder,
}

impl Atr {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window of 0.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        Ok(Self { range: TrueRange::default(), average: Wilder::new(window)? })
    }
}

impl Indicator for Atr {
    type Input = Bar;
    type Output = f64;

    #[inline]
    fn update(&mut self, bar: Bar) -> Option<f64> {
        self.range.update(bar).and_then(|range| self.average.update(range))
    }

    fn reset(&mut self) {
        self.range.reset();
        self.average.reset();
    }
}

/// Strength and direction of a trend, each 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdxValue {
    /// Strength, whichever way.
    pub adx: f64,
    /// Directional indicator upwards.
    pub plus: f64,
    /// Directional indicator downwards.
    pub minus: f64,
}

/// Average directional index.
///
/// Source: Wilder (1978), with the start of TA-Lib: sums over the first `window - 1` moves, then `s - s / window + move`; the
/// index is the mean of the first `window` directions, then smoothed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adx {
    window: usize,
    last: Option<Bar>,
    moves: usize,
    plus: f64,
    minus: f64,
    range: f64,
    average: Wilder,
}

impl Adx {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window below 2.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        if window < 2 {
            return Err(StatsError::Parameter { name: "window", wanted: "2 or more", got: window as f64 });
        }
        let average = Wilder::new(window)?;
        Ok(Self { window, last: None, moves: 0, plus: 0.0, minus: 0.0, range: 0.0, average })
    }
}

impl Indicator for Adx {
    type Input = Bar;
    type Output = AdxValue;

    #[inline]
    fn update(&mut self, bar: Bar) -> Option<AdxValue> {
        if !bar.is_finite() {
            return None;
        }
        let last = self.last.replace(bar)?;
        let (up, down) = (bar.high - last.high, last.low - bar.low);
        let plus = if up > down && up > 0.0 { up } else { 0.0 };
        let minus = if down > up && down > 0.0 { down } else { 0.0 };
        let range = bar.high.max(last.close) - bar.low.min(last.close);
        self.moves = (self.moves + 1).min(self.window);
        // Up to the window but one sums grow; then each loses its share first.
        let kept = if self.moves < self.window { 1.0 } else { 1.0 - 1.0 / self.window as f64 };
        self.plus = self.plus * kept + plus;
        self.minus = self.minus * kept + minus;
        self.range = self.range * kept + range;
        if self.moves < self.window {
            return None;
        }
        let share = |of: f64| if self.range > 0.0 { 100.0 * of / self.range } else { 0.0 };
        let (plus, minus) = (share(self.plus), share(self.minus));
        let direction = if plus + minus > 0.0 { 100.0 * (plus - minus).abs() / (plus + minus) } else { 0.0 };
        self.average.update(direction).map(|adx| AdxValue { adx, plus, minus })
    }

    fn reset(&mut self) {
        (self.last, self.moves) = (None, 0);
        (self.plus, self.minus, self.range) = (0.0, 0.0, 0.0);
        self.average.reset();
    }
}
