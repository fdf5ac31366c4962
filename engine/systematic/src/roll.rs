//! From prices of single contracts to one long series: which contract is held when, and how prices are joined.
//!
//! ```text
//! contract prices -> roll calendar -> multiple prices (held, next, carry) -> adjusted prices
//! ```
//!
//! [`calendar`] finds a day for each roll on which every contract needed has a price, checks and repairs calendars and reads
//! one back out of multiple prices; [`multiple`] puts the contracts side by side; [`adjust`] joins them by differences
//! (Panama) or by ratios.

pub mod adjust;
pub mod calendar;
pub mod contract;
pub mod multiple;

pub use adjust::{AdjustError, Joint, PriceFill, adjusted};
pub use calendar::{CalendarReport, RollCalendar, RollRow};
pub use contract::{ContractId, Cycle, RollError, RollParameters};
pub use multiple::{ContractPrices, multiple_prices};
