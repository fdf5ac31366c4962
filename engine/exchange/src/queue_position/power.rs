//! Power: p = B^n / (B^n + F^n). With n = 1 whoever leaves is anybody; the larger n, the surer it is the longer side.
//!
//! Source: hftbacktest's documentation, "Order fill", `PowerProbQueueModel`.

use super::raised;

/// Probability that a fall of the level happened behind us, `front` being ahead of us and `back` behind.
#[inline]
pub fn behind(front: f64, back: f64, exponent: f64) -> f64 {
    raised(back, exponent) / (raised(back, exponent) + raised(front, exponent))
}
