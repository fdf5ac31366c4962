//! Figures of a series of returns, as a portfolio manager reads them: pure functions over slices, nothing of markets.
//!
//! Returns are simple returns a period as fractions (0.01 is one per cent), oldest first. A figure that the series does not
//! determine (too few periods, no variance, nothing to divide by) is `None`, never an infinity. What each figure means, and
//! which convention it follows where libraries differ, stands in `docs/analytics.md`; `tests/goldens.rs` holds the code to
//! empyrical-reloaded and quantstats.

pub mod benchmark;
pub mod consistency;
pub mod drawdowns;
pub mod normal;
pub mod ratios;
pub mod regime;
pub mod returns;
pub mod rolling;
pub mod sharpe;
pub mod tails;

pub use drawdowns::Fall;
pub use sharpe::{deflated_sharpe, probabilistic_sharpe, track_record_min};
