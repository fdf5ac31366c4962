//! Positions: from a forecast to contracts, for all capital and for an instrument's share of it; and their buffers.

use crate::config::BufferMethod;
use crate::raw::YEAR_ROOT;

/// Money that may be won or lost on an average day.
///
/// - `capital`: base currency. `target_pct`: annual deviation, per cent of it.
pub fn daily_cash_target(capital: f64, target_pct: f64) -> f64 {
    capital * target_pct / 100.0 / YEAR_ROOT
}

/// Money, in the instrument's currency, that one contract gains when the price rises by one per cent.
///
/// - `price`: `[days]`, of the held contract, gaps filled.
pub fn block_value(price: &[f64], point_size: f64) -> Vec<f64> {
    price.iter().map(|price| price * point_size * 0.01).collect()
}

/// A buffer around a position.
///
/// - `position`: `[days]`, contracts, gaps filled.
/// - `average`: `[days]`, contracts for an average forecast.
/// - Result: top and bottom, `[days]`.
pub fn buffer(method: BufferMethod, size: f64, position: &[f64], average: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut buffer = Buffer::new(method, size);
    position.iter().zip(average).map(|(&position, &average)| buffer.push(position, average)).unzip()
}

/// A buffer that moves on day by day.
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    method: BufferMethod,
    size: f64,
    /// Width of the last day on which it was known.
    pub(crate) width: f64,
}

impl Buffer {
    /// As [`buffer`] has it.
    pub const fn new(method: BufferMethod, size: f64) -> Self {
        Self { method, size, width: f64::NAN }
    }

    /// Top and bottom of a day.
    #[inline]
    pub fn push(&mut self, position: f64, average: f64) -> (f64, f64) {
        let width = match self.method {
            BufferMethod::Forecast => self.size * average.abs(),
            BufferMethod::Position => self.size * position.abs(),
            BufferMethod::None => 0.0,
        };
        if !width.is_nan() {
            self.width = width;
        }
        (position + self.width, position - self.width)
    }
}

/// A position that moves only when it leaves its buffer.
///
/// - `optimal`, `top`, `bottom`: `[days]`; gaps are filled with the value before.
/// - `is_rounded`: whole contracts, half to even.
/// - `to_edge`: whether a trade ends at the edge of the buffer, else at the optimum.
pub fn buffered(optimal: &[f64], top: &[f64], bottom: &[f64], is_rounded: bool, to_edge: bool) -> Vec<f64> {
    let mut holding = Holding::new(is_rounded, to_edge);
    (0..optimal.len()).map(|day| holding.push(optimal[day], top[day], bottom[day])).collect()
}

/// A buffered position that moves on day by day.
#[derive(Clone, Copy, Debug)]
pub struct Holding {
    is_rounded: bool,
    to_edge: bool,
    /// Optimum, top and bottom as they were last known.
    pub(crate) seen: [f64; 3],
    pub(crate) held: f64,
}

impl Holding {
    /// As [`buffered`] has it.
    pub const fn new(is_rounded: bool, to_edge: bool) -> Self {
        Self { is_rounded, to_edge, seen: [f64::NAN; 3], held: f64::NAN }
    }

    /// What is held after a day.
    #[inline]
    pub fn push(&mut self, optimal: f64, top: f64, bottom: f64) -> f64 {
        for (seen, value) in self.seen.iter_mut().zip([optimal, top, bottom]) {
            if !value.is_nan() {
                *seen = if self.is_rounded { value.round_ties_even() } else { value };
            }
        }
        let [optimal, top, bottom] = self.seen;
        if self.held.is_nan() {
            self.held = if optimal.is_nan() { 0.0 } else { optimal };
        } else if self.seen.iter().any(|value| value.is_nan()) {
            // Nothing is known: what is held stays.
        } else if self.held > top {
            self.held = if self.to_edge { top } else { optimal };
        } else if self.held < bottom {
            self.held = if self.to_edge { bottom } else { optimal };
        }
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_moves_to_the_edge_of_its_buffer_or_to_the_middle() {
        let optimal = [f64::NAN, 4.2, 4.4, 7.0, f64::NAN, 1.0];
        let (top, bottom) = buffer(BufferMethod::Forecast, 0.1, &optimal, &[10.0; 6]);
        assert_eq!(buffered(&optimal, &top, &bottom, true, true), [0.0, 3.0, 3.0, 6.0, 6.0, 2.0]);
        assert_eq!(buffered(&optimal, &top, &bottom, true, false), [0.0, 4.0, 4.0, 7.0, 7.0, 1.0]);
        let (top, bottom) = buffer(BufferMethod::None, 0.1, &optimal, &[10.0; 6]);
        assert_eq!(buffered(&optimal, &top, &bottom, false, true), [0.0, 4.2, 4.4, 7.0, 7.0, 1.0]);
    }
}
