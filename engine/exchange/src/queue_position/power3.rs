//! Power 3: p = 1 - (F / (F + B))^n, one less the share ahead of us raised.
//!
//! Source: hftbacktest's documentation, "Order fill", `PowerProbQueueModel3`.

use super::raised;

/// Probability that a fall of the level happened behind us, `front` being ahead of us and `back` behind.
#[inline]
pub fn behind(front: f64, back: f64, exponent: f64) -> f64 {
    1.0 - raised(front / (front + back), exponent)
}
