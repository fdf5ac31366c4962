//! What a run earned and how it traded, worked out after the fact from its own records.
//!
//! A cold, second pass: [`Run`] reads, merged by time, the top of book of each traded instrument, the outbound
//! orders and the responses, and [`Run::finish`] gives a [`RunReport`]. [`report::html`] draws it, [`Summary`]
//! is its short form. Nothing here decides anything; nothing here knows rings, threads or file formats.
//!
//! Invariants: money is exact (`net = gross - fees + funding` and `gross = spread captured + inventory drift`, asserted);
//! the same records give the same report.
#![forbid(unsafe_code)]

pub mod around;
pub mod comparison;
pub mod config;
pub mod days;
pub mod digest;
pub mod drawdown;
pub mod equity;
pub mod figures;
pub mod funding;
pub mod latency;
pub mod ledger;
pub mod mark;
pub mod markout;
pub mod money;
pub mod performance;
pub mod portfolio;
pub mod queue;
pub mod quotes;
pub mod report;
pub mod run;
pub mod strategies;
pub mod summary;
pub mod tape;
pub mod tear_sheet;
pub mod trades;
pub mod validation;

pub use config::{AnalyticsError, InputFile, OpeningPosition, RunConfig, RunMeta, RunTimings};
pub use digest::OrderDigest;
pub use figures::{CostItem, Figures, FillMark, InstrumentReport, ReasonCount, RunReport};
pub use funding::FundingRules;
pub use latency::LatencySummary;
pub use portfolio::Portfolio;
pub use queue::{QueueBook, QueueReport};
pub use run::Run;
pub use strategies::{Sources, StrategyReport};
pub use summary::Summary;
pub use trades::{TradeStats, Trip};
