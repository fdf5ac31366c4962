//! Power 2: p = B^n / (B + F)^n, the share behind us raised.
//!
//! Source: hftbacktest's documentation, "Order fill", `PowerProbQueueModel2`.

use super::raised;

/// Probability that a fall of the level happened behind us, `front` being ahead of us and `back` behind.
#[inline]
pub fn behind(front: f64, back: f64, exponent: f64) -> f64 {
    raised(back, exponent) / raised(back + front, exponent)
}
