//! The life of our orders, positions and profit and loss.
//!
//! A policy states *wanted quotes* or single requests; [`Oms`] turns them into the fewest messages, follows
//! every order through one exhaustive transition table ([`state`]) and keeps position and profit per
//! instrument in integers ([`pnl`]). Knows nothing of who decides, of limits, or of the wire behind a
//! [`Gateway`].
#![forbid(unsafe_code)]

pub mod algo;
mod converge;
pub mod executions;
pub mod gateway;
mod id_map;
mod mass_cancel;
pub mod oms;
pub mod orders;
pub mod pnl;
pub mod quotes;
pub mod request;
mod responses;
pub mod state;

pub use gateway::Gateway;
pub use oms::{CANCEL_RETRY_NS, Counts, Effect, FillEffect, Oms, OmsConfig};
pub use orders::Order;
pub use pnl::Pnl;
pub use quotes::{LEVELS_MAX, Quote, WantedQuotes};
pub use request::OrderRequest;
pub use state::{Done, Event, Next, State, transition};

#[cfg(test)]
mod tests;
