//! Numbers without a market: moving averages, quantiles, regression, unit roots, false discoveries, seeded randomness.
//!
//! Floats live here and above, never in money. Every sum has a fixed order and transcendental functions come from
//! `libm`, so that the same input gives the same bits on every machine. Knows nothing of prices or instruments.
#![forbid(unsafe_code)]

pub mod change_point;
pub mod cointegration;
pub mod comoments;
pub mod ewma;
pub mod false_discovery;
pub mod garch;
pub mod hidden_markov;
pub mod indicator;
pub mod kalman;
pub mod least_squares;
pub mod mean_reversion;
pub mod moments;
pub mod normal;
pub mod optimise;
pub mod pair_screen;
pub mod panel;
pub mod quantile;
pub mod rng;
pub mod shrinkage;
pub mod student;
pub mod unit_root;
pub mod welford;

pub use change_point::{Cusum, RunLength, RunPrior, Shift};
pub use cointegration::{Cointegration, engle_granger};
pub use comoments::{CoMoments, Line, RollingCoMoments};
pub use ewma::{DecayedMean, DecayedSums, Ewma, EwmaScore, ewma_volatility};
pub use false_discovery::{Dependence, adjusted_p_values};
pub use garch::Garch;
pub use hidden_markov::HiddenMarkov;
pub use indicator::Indicator;
pub use kalman::{HedgeFilter, HedgeStep};
pub use least_squares::LeastSquares;
pub use mean_reversion::{OrnsteinUhlenbeck, ornstein_uhlenbeck};
pub use panel::{BusinessDay, Frame, Series};
pub use quantile::{P2Quantile, quantile};
pub use rng::Rng;
pub use shrinkage::{ledoit_wolf, solve_positive};
pub use unit_root::{DickeyFuller, Lags, Trend, augmented_dickey_fuller};
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
    /// Too few observations.
    #[error("at least {needed} observations are needed, there are {got}")]
    Short {
        /// Fewest that give an answer.
        needed: usize,
        /// How many there are.
        got: usize,
    },
    /// Two series that belong together differ in length.
    #[error("series of one length are needed, they have {left} and {right} observations")]
    Lengths {
        /// Observations of the first.
        left: usize,
        /// Observations of the second.
        right: usize,
    },
    /// An observation that is infinite or not a number.
    #[error("observation {index} (from 0) is not a finite number")]
    NotFinite {
        /// Its place.
        index: usize,
    },
    /// Columns that depend on each other, or a series without variation.
    #[error("the observations do not determine an answer: a constant series or dependent columns")]
    Singular,
    /// A parameter out of range.
    #[error("{name} must be {wanted}, it is {got}")]
    Parameter {
        /// Which.
        name: &'static str,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        got: f64,
    },
    /// A search that has not settled.
    #[error("no convergence after {steps} steps")]
    NoConvergence {
        /// How many were made.
        steps: usize,
    },
}

/// The first observation that is not finite, as an error.
pub(crate) fn check_finite(values: &[f64]) -> Result<(), StatsError> {
    values
        .iter()
        .position(|value| !value.is_finite())
        .map_or(Ok(()), |index| Err(StatsError::NotFinite { index }))
}

/// A parameter within bounds; a NaN is outside every bound.
pub(crate) fn check_between(
    name: &'static str,
    got: f64,
    least: f64,
    most: f64,
    wanted: &'static str,
) -> Result<(), StatsError> {
    if got >= least && got <= most { Ok(()) } else { Err(StatsError::Parameter { name, wanted, got }) }
}
