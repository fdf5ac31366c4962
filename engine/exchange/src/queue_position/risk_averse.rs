//! Risk-averse: whoever leaves stood behind us; only trades bring us forward.
//!
//! Source: hftbacktest's documentation, "Order fill", risk-averse queue model.

/// Probability that a fall of the level happened behind us.
#[inline]
pub const fn behind() -> f64 {
    1.0
}
