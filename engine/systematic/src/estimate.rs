//! What a system estimates from its own past: when it is fitted ([`fit`]), correlations ([`correlation`]) and the
//! multipliers that follow from them ([`multiplier`]).
//!
//! No estimate knows a row at or behind the end of its window. What the reference does otherwise is named where it happens:
//! fit dates are counted back from the last date, so that a longer history moves them.

pub mod correlation;
pub mod fit;
pub mod multiplier;
pub mod optimise;
