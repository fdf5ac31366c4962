//! Incremental indicators that compose.
//!
//! An [`Indicator`] takes one input a step and answers once it has seen enough; [`Indicator::then`] feeds one into another,
//! [`Indicator::of`] picks what it looks at (the close of a [`Bar`], say). All memory is taken when made. An input that is
//! not finite changes nothing and is answered with nothing.
//!
//! Sums over a window are made anew each time the window has been replaced whole, so that rounding errors do not pile up.

mod averages;
mod bands;
mod extremes;
mod momentum;
mod moving_quantile;
mod ranges;
mod rolling;
mod volume;

pub use averages::{Ema, Sma, Wilder, Wma};
pub use bands::{Band, Bollinger, Donchian, Keltner};
pub use extremes::{RollingMax, RollingMin};
pub use momentum::{Macd, MacdValue, Rsi, Stochastic, StochasticValue};
pub use moving_quantile::RollingQuantile;
pub use ranges::{Adx, AdxValue, Atr, TrueRange};
pub use rolling::{RollingCorrelation, RollingDeviation, RollingMean, RollingZScore};
pub use volume::{Obv, RollingVwap, Vwap};

use crate::StatsError;

/// One input a step; an answer once enough was seen.
pub trait Indicator {
    /// What it looks at.
    type Input;
    /// What it answers.
    type Output;

    /// Takes one input in. Never allocates.
    fn update(&mut self, input: Self::Input) -> Option<Self::Output>;

    /// Forgets everything it has seen.
    fn reset(&mut self);

    /// Feeds every answer into `next`: an indicator of an indicator.
    fn then<B: Indicator<Input = Self::Output>>(self, next: B) -> Then<Self, B>
    where
        Self: Sized,
    {
        Then { first: self, next }
    }

    /// Looks at something else, from which `pick` takes its input.
    fn of<I, F: FnMut(I) -> Self::Input>(self, pick: F) -> Of<Self, F, I>
    where
        Self: Sized,
    {
        Of { inner: self, pick, input: core::marker::PhantomData }
    }

    /// Turns every answer into another value.
    fn map<T, F: FnMut(Self::Output) -> T>(self, turn: F) -> Map<Self, F>
    where
        Self: Sized,
    {
        Map { inner: self, turn }
    }
}

/// See [`Indicator::then`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Then<A, B> {
    first: A,
    next: B,
}

impl<A: Indicator, B: Indicator<Input = A::Output>> Indicator for Then<A, B> {
    type Input = A::Input;
    type Output = B::Output;

    #[inline]
    fn update(&mut self, input: A::Input) -> Option<B::Output> {
        self.first.update(input).and_then(|answer| self.next.update(answer))
    }

    fn reset(&mut self) {
        self.first.reset();
        self.next.reset();
    }
}

/// See [`Indicator::of`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Of<A, F, I> {
    inner: A,
    pick: F,
    input: core::marker::PhantomData<fn(I)>,
}

impl<A: Indicator, I, F: FnMut(I) -> A::Input> Indicator for Of<A, F, I> {
    type Input = I;
    type Output = A::Output;

    #[inline]
    fn update(&mut self, input: I) -> Option<A::Output> {
        self.inner.update((self.pick)(input))
    }

    fn reset(&mut self) {
        self.inner.reset();
    }
}

/// See [`Indicator::map`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Map<A, F> {
    inner: A,
    turn: F,
}

impl<A: Indicator, T, F: FnMut(A::Output) -> T> Indicator for Map<A, F> {
    type Input = A::Input;
    type Output = T;

    #[inline]
    fn update(&mut self, input: A::Input) -> Option<T> {
        self.inner.update(input).map(&mut self.turn)
    }

    fn reset(&mut self) {
        self.inner.reset();
    }
}

/// What most indicators of prices look at. Prices in one unit, volume in another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bar {
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// What was traded.
    pub volume: f64,
}

impl Bar {
    /// Mean of high, low and close.
    #[inline]
    pub fn typical(&self) -> f64 {
        (self.high + self.low + self.close) / 3.0
    }

    #[inline]
    fn is_finite(&self) -> bool {
        self.high.is_finite() && self.low.is_finite() && self.close.is_finite() && self.volume.is_finite()
    }
}

/// A ring of the last `window` values.
#[derive(Clone, Debug, PartialEq)]
struct Ring {
    values: Box<[f64]>,
    next: usize,
    count: usize,
}

impl Ring {
    fn new(window: usize) -> Result<Self, StatsError> {
        if window == 0 {
            return Err(StatsError::Parameter { name: "window", wanted: "1 or more", got: 0.0 });
        }
        Ok(Self { values: vec![0.0; window].into(), next: 0, count: 0 })
    }

    /// Takes a value in and gives the one that left.
    #[inline]
    fn push(&mut self, value: f64) -> Option<f64> {
        let left = self.is_full().then_some(self.values[self.next]);
        self.values[self.next] = value;
        self.next = if self.next + 1 == self.values.len() { 0 } else { self.next + 1 };
        self.count = (self.count + 1).min(self.values.len());
        left
    }

    #[inline]
    const fn is_full(&self) -> bool {
        self.count == self.values.len()
    }

    /// Whether the last push filled the ring's last place: the values lie in order, oldest first.
    #[inline]
    const fn has_wrapped(&self) -> bool {
        self.next == 0
    }

    const fn clear(&mut self) {
        (self.next, self.count) = (0, 0);
    }
}

#[cfg(test)]
mod tests;
