//! Numbers without a market: moving averages, quantiles, seeded randomness.
//!
//! Floats live here and above, never in money. Every sum has a fixed order and transcendental functions come from
//! `libm`, so that the same input gives the same bits on every machine. Knows nothing of prices or instruments.
#![forbid(unsafe_code)]

pub mod ewma;
pub mod quantile;
pub mod rng;
pub mod welford;

pub use ewma::{DecayedMean, DecayedSums, Ewma, ewma_volatility};
pub use quantile::{P2Quantile, quantile};
pub use rng::Rng;
pub use welford::Welford;

/// Why a statistic cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum StatsError {
    /// Nothing to compute from.
    #[error("no observations")]
    Empty,
    /// A decay outside (0, 1).
    #[error("decay must lie between 0 and 1, it is {0}")]
    Decay(f64),
    /// A probability outside [0, 1].
    #[error("probability must lie in 0 to 1, it is {0}")]
    Probability(f64),
}
