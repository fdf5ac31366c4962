//! Log 2: p = ln(1 + B) / ln(1 + B + F). Depends on the unit of quantity, which is one of the base currency.
//!
//! Source: hftbacktest's documentation, "Order fill", `LogProbQueueModel2`.

/// Probability that a fall of the level happened behind us, `front` being ahead of us and `back` behind.
#[inline]
pub fn behind(front: f64, back: f64) -> f64 {
    libm::log(1.0 + back) / libm::log(1.0 + back + front)
}
