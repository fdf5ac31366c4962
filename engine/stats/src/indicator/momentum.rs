//! Oscillators: relative strength, convergence of averages, place within the range.

use super::{Bar, Ema, Indicator, RollingMax, RollingMin, Sma, Wilder};
use crate::StatsError;

/// Relative strength index, 0 to 100; 50 where nothing has moved.
///
/// Source: Wilder (1978), with his smoothing; as TA-Lib computes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rsi {
    last: Option<f64>,
    gains: Wilder,
    losses: Wilder,
}

impl Rsi {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window of 0.
    pub fn new(window: usize) -> Result<Self, StatsError> {
        let average = Wilder::new(window)?;
        Ok(Self { last: None, gains: average, losses: average })
    }
}

impl Indicator for Rsi {
    type Input = f64;
    type Output = f64;

    #[inline]
    fn update(&mut self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        let change = value - self.last.replace(value)?;
        let (gain, loss) = (self.gains.update(change.max(0.0)), self.losses.update((-change).max(0.0)));
        let (gain, loss) = (gain?, loss?);
        Some(if gain + loss > 0.0 { 100.0 * gain / (gain + loss) } else { 50.0 })
    }

    fn reset(&mut self) {
        self.last = None;
        self.gains.reset();
        self.losses.reset();
    }
}

/// Convergence and divergence of two averages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MacdValue {
    /// Fast average less slow average.
    pub line: f64,
    /// Average of the line.
    pub signal: f64,
}

impl MacdValue {
    /// Line less signal.
    #[inline]
    pub fn histogram(&self) -> f64 {
        self.line - self.signal
    }
}

/// MACD after Appel (1979), of [`Ema`]s; usual windows are 12, 26 and 9.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Macd {
    fast: Ema,
    slow: Ema,
    signal: Ema,
}

impl Macd {
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window below 2, or a fast one that is not shorter than the slow one.
    pub fn new(fast: usize, slow: usize, signal: usize) -> Result<Self, StatsError> {
        if fast >= slow {
            let (name, wanted) = ("fast", "shorter than slow");
            return Err(StatsError::Parameter { name, wanted, got: fast as f64 });
        }
        Ok(Self { fast: Ema::new(fast)?, slow: Ema::new(slow)?, signal: Ema::new(signal)? })
    }
}

impl Indicator for Macd {
    type Input = f64;
    type Output = MacdValue;

    #[inline]
    fn update(&mut self, value: f64) -> Option<MacdValue> {
        let (fast, slow) = (self.fast.update(value), self.slow.update(value));
        let line = fast? - slow?;
        self.signal.update(line).map(|signal| MacdValue { line, signal })
    }

    fn reset(&mut self) {
        self.fast.reset();
        self.slow.reset();
        self.signal.reset();
    }
}

/// Where the close stands in the range of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StochasticValue {
    /// Place of the close between the lowest (0) and the highest (100).
    pub k: f64,
    /// Its simple average.
    pub d: f64,
}

/// Lane's stochastic oscillator; 50 where the range is nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Stochastic {
    high: RollingMax,
    low: RollingMin,
    average: Sma,
}

impl Stochastic {
    /// `window` of the range, `smooth` of the average; 14 and 3 are usual.
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for a window of 0.
    pub fn new(window: usize, smooth: usize) -> Result<Self, StatsError> {
        Ok(Self { high: RollingMax::new(window)?, low: RollingMin::new(window)?, average: Sma::new(smooth)? })
    }
}

impl Indicator for Stochastic {
    type Input = Bar;
    type Output = StochasticValue;

    #[inline]
    fn update(&mut self, bar: Bar) -> Option<StochasticValue> {
        if !bar.is_finite() {
            return None;
        }
        let (high, low) = (self.high.update(bar.high), self.low.update(bar.low));
        let (high, low) = (high?, low?);
        let k = if high > low { 100.0 * (bar.close - low) / (high - low) } else { 50.0 };
        self.average.update(k).map(|d| StochasticValue { k, d })
    }

    fn reset(&mut self) {
        self.high.reset();
        self.low.reset();
        self.average.reset();
    }
}
