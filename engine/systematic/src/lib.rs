//! Systematic futures: from raw prices through forecasts and positions to a portfolio's account curve.
//!
//! The method is Robert Carver's (*Systematic Trading*, 2015; *Advanced Futures Trading Strategies*, 2023), with the
//! conventions of his open system, pysystemtrade. Every stage is a function of slices or of [`tickrace_stats::Series`],
//! usable alone. Knows no file format and no order: `store` reads and writes, `strategy` follows targets.
#![forbid(unsafe_code)]

pub mod account;
pub mod bars;
pub mod config;
pub mod earnings;
pub mod estimate;
pub mod forecast;
pub mod groups;
pub mod live;
pub mod market;
pub mod portfolio;
pub mod position;
pub mod raw;
pub mod report;
pub mod roll;
pub mod rules;
pub mod stress;
pub mod system;
pub mod targets;
