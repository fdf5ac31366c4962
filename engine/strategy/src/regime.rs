//! What kind of market it is, and how sizes follow it.
//!
//! [`RegimeClasses`] tells trend, volatility and breaks from one return a period; [`AdaptiveSizer`] scales a
//! [`crate::Sizer`] by it and by our own recent performance. [`HiddenRegime`] gives the same class from a hidden Markov model
//! that was fitted beforehand. The mathematics are in `tickrace_stats`. Knows nothing of books and orders.

pub mod adaptive;
pub mod classes;
pub mod config;
pub mod hidden;
pub mod hysteresis;

pub use adaptive::AdaptiveSizer;
pub use classes::{Regime, RegimeClasses, Trend};
pub use config::{AdaptiveConfig, RegimeConfig};
pub use hidden::HiddenRegime;
pub use hysteresis::Hysteresis;
