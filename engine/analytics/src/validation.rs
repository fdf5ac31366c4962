//! Whether a result is more than luck and search: splits that do not leak, overfitting, resampling, robustness.
//!
//! Pure functions over figures that are already there; nothing runs a backtest. Random numbers come from
//! [`tickrace_stats::Rng`], so the same seed gives the same bands.

pub mod bootstrap;
pub mod cross_validation;
pub mod difference;
pub mod overfitting;
pub mod search;
pub mod splits;
pub mod surface;
pub mod walk_forward;

pub use bootstrap::{Bands, BootstrapConfig};
pub use overfitting::Overfitting;
pub use splits::Split;
