//! What a path of positions earned and cost.
//!
//! A position and a price give profit in points ([`pnl`]); [`fills`] and [`costs`] give what the trades and rolls cost,
//! [`cash`] puts both together;
//! [`flow`] sums amounts of money by day, week, month or year; [`statistics`] describes such sums; [`mod@turnover`] counts how
//! often a position is turned over; [`capital`] lets the capital follow the account.
//!
//! Everything adds up: the net flow is gross plus costs, a group's flow is the sum of its members', to the last digit the
//! order of summation allows.

pub mod capital;
pub mod cash;
pub mod costs;
pub mod fills;
pub mod flow;
pub mod fx;
mod order;
pub mod pnl;
pub mod sharpe_costs;
pub mod statistics;
pub mod turnover;

pub use capital::{full_compounding, half_compounding, half_compounding_twice_scaled};
pub use cash::CashBook;
pub use costs::{ContractCosts, cash_costs, deflator};
pub use fills::{Fill, FillPrice, position_fills, roll_days, roll_fills};
pub use flow::{Bins, Flow, Frequency};
pub use fx::FxRate;
pub use pnl::{Account, delayed, points, union};
pub use sharpe_costs::{SharpeCosts, sharpe_costs};
pub use statistics::Statistics;
pub use turnover::{AverageSize, pooled_turnover, turnover};
