//! From the positions that instruments want alone to those the portfolio can hold.
//!
//! [`overlay`] scales all of them down on days of too much risk; [`dynamic`] finds the whole contracts that follow them
//! best at little cost, where capital is small; [`static_selection`] chooses which instruments a small capital should
//! trade at all; [`return_correlation`] is what the first two believe about how markets move together.

pub mod dynamic;
pub mod overlay;
pub mod return_correlation;
pub mod static_selection;

pub use dynamic::{DynamicAsset, DynamicError, DynamicOutcome, SpeedControl, optimise};
pub use overlay::{OverlayLimits, RiskMeasures, shocked_volatility};
pub use return_correlation::{CorrelationConfig, CorrelationPath};
pub use static_selection::{Candidate, Selection, StaticConfig, select};
