//! Falls of compounded returns from their best, as fractions of that best.
//!
//! [`crate::drawdown`] does the same for money sampled over a day; this is for returns by period.

use serde::Serialize;

/// One fall, from the best before it to the period in which the best was reached again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fall {
    /// First period below the best.
    pub first: usize,
    /// Period of the lowest point.
    pub lowest: usize,
    /// Period in which the best was reached again; absent where it was not.
    pub recovered: Option<usize>,
    /// How far below the best, a negative fraction.
    pub depth: f64,
    /// Periods below the best.
    pub periods: usize,
}

/// Distance below the best so far after each period, zero or a negative fraction; the start counts as a best.
pub fn under_water(returns: &[f64]) -> Vec<f64> {
    let (mut value, mut best) = (1.0, 1.0f64);
    let step = |change: &f64| {
        value *= 1.0 + change;
        best = best.max(value);
        value / best - 1.0
    };
    returns.iter().map(step).collect()
}

/// The deepest fall, zero or a negative fraction.
pub fn deepest(returns: &[f64]) -> f64 {
    under_water(returns).into_iter().fold(0.0, f64::min)
}

/// Every fall in order of time.
pub fn falls(returns: &[f64]) -> Vec<Fall> {
    let mut falls: Vec<Fall> = Vec::new();
    let mut is_open = false;
    for (period, depth) in under_water(returns).into_iter().enumerate() {
        if depth < 0.0 && !is_open {
            falls.push(Fall { first: period, lowest: period, recovered: None, depth, periods: 0 });
            is_open = true;
        }
        let Some(fall) = falls.last_mut().filter(|_| is_open) else { continue };
        if depth >= 0.0 {
            fall.recovered = Some(period);
            is_open = false;
            continue;
        }
        fall.periods += 1;
        if depth < fall.depth {
            (fall.depth, fall.lowest) = (depth, period);
        }
    }
    falls
}

/// The `count` deepest falls, the deepest first.
pub fn worst(returns: &[f64], count: usize) -> Vec<Fall> {
    let mut falls = falls(returns);
    falls.sort_by(|a, b| a.depth.total_cmp(&b.depth));
    falls.truncate(count);
    falls
}

/// Mean depth over all falls, and their mean length in periods; `None` where it never fell.
pub fn average(returns: &[f64]) -> Option<(f64, f64)> {
    let falls = falls(returns);
    let count = falls.len() as f64;
    let depth: f64 = falls.iter().map(|fall| fall.depth).sum();
    let periods: f64 = falls.iter().map(|fall| fall.periods as f64).sum();
    (!falls.is_empty()).then(|| (depth / count, periods / count))
}
