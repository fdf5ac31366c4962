//! The pre-trade gate: the last hand before the wire.
//!
//! [`Gate`] sees every top of book, every response and every control record, and judges every order in constant
//! time without allocating: a passed order has its exposure reserved until the venue has said its last word
//! about it. Limits are data without defaults ([`Limits`]); a refusal has a [`Reason`] that stands in the
//! journal. Knows nothing of who decided, of the book's depth, or of the wire.
#![forbid(unsafe_code)]

mod by_strategy;
pub mod controls;
pub mod counts;
mod duplicate;
pub mod exposure;
pub mod gate;
mod grid;
pub mod limits;
mod market;
pub mod opening;
mod orders;
mod own_prices;
mod rate;
pub mod reason;
pub mod state;
mod worst;

pub use controls::{Cause, ControlCounts, ControlsConfig, LimitKey};
pub use counts::Counts;
pub use exposure::Exposure;
pub use gate::Gate;
pub use limits::{Limits, LimitsError};
pub use opening::{OpeningError, OpeningPosition, OpeningState};
pub use reason::Reason;
pub use state::{Scope, TradingState, control_record, trading_state_record};
