//! Realised volatility: the root of the sum of squared returns, sampled on a grid of time.

use super::moment::{Quote, Trade};
use super::{Feature, NANOS_PER_MS};

/// Root of the sum of squared logarithmic returns of the mid over the last whole samples of a window; of the window, not
/// scaled to a year. A sample is the mid that stood when its moment of the grid came.
///
/// Source: Andersen and Bollerslev, "Answering the Skeptics", International Economic Review 39 (1998).
#[derive(Clone, Debug)]
pub struct Volatility {
    sample_ns: i64,
    /// The last returns, squared; the oldest at `at`.
    squares: Box<[f64]>,
    at: usize,
    /// Returns since the last break.
    count: u64,
    /// Mid times two at the last moment of the grid; 0 before the first since a break.
    sampled: f64,
    /// The mid now, times two; 0 after a break.
    mid: f64,
    cell: i64,
}

impl Volatility {
    /// - `window_ms`: a multiple of `sample_ms`.
    pub fn new(window_ms: u32, sample_ms: u32) -> Self {
        let samples = usize::try_from(window_ms / sample_ms.max(1)).unwrap_or(1).max(1);
        Self {
            sample_ns: i64::from(sample_ms.max(1)) * NANOS_PER_MS,
            squares: vec![0.0; samples].into(),
            at: 0,
            count: 0,
            sampled: 0.0,
            mid: 0.0,
            cell: i64::MIN,
        }
    }

    fn push(&mut self, square: f64) {
        self.squares[self.at] = square;
        self.at = if self.at + 1 == self.squares.len() { 0 } else { self.at + 1 };
        self.count += 1;
    }

    /// Moments of the grid between the last event and this one.
    #[cold]
    fn sample(&mut self, moments: i64) {
        let mut left = moments;
        if self.sampled > 0.0 {
            let change = libm::log(self.mid / self.sampled);
            self.push(change * change);
        }
        left -= 1;
        self.sampled = self.mid;
        // Nothing moved between the other moments.
        for _ in 0..left.min(self.squares.len() as i64) {
            self.push(0.0);
        }
    }
}

impl Feature for Volatility {
    #[inline]
    fn on_quote(&mut self, quote: &Quote) {
        let cell = quote.now_ns.div_euclid(self.sample_ns);
        if cell > self.cell {
            if self.mid > 0.0 {
                self.sample(cell - self.cell);
            }
            self.cell = cell;
        }
        self.mid = quote.mid_doubled();
    }

    fn on_trade(&mut self, _trade: &Trade) {}

    fn on_break(&mut self) {
        (self.count, self.sampled, self.mid, self.cell) = (0, 0.0, 0.0, i64::MIN);
    }

    fn value(&mut self, _quote: &Quote) -> Option<f64> {
        if self.count < self.squares.len() as u64 {
            return None;
        }
        let (newer, older) = self.squares.split_at(self.at);
        let sum = older.iter().chain(newer).fold(0.0, |sum, square| sum + square);
        Some(f64::sqrt(sum))
    }
}
