//! What a system estimates from its own past: when it is fitted ([`fit`]), correlations ([`correlation`]), the
//! multipliers that follow from them ([`multiplier`]) and weights ([`optimise`] and a file for each of its methods).
//!
//! No estimate knows a row at or behind the end of its window. What the reference does otherwise is named where it happens:
//! fit dates are counted back from the last date, so that a longer history moves them.

pub mod bayes;
pub mod black_litterman;
pub mod bootstrap;
pub mod correlation;
pub mod fit;
pub mod hierarchy;
pub mod mean_variance;
pub mod multiplier;
pub mod optimise;
pub mod past;
pub mod risk_parity;
