//! Where the rooms are joined: the street, built from stages and a placement, and the worlds it runs in.
//!
//! This is the library a program embeds; the command line is a thin user of it. It names no file format: records
//! come from a [`tickrace_feeds::source::Source`], orders leave through a [`tickrace_oms::Gateway`].
#![forbid(unsafe_code)]

pub mod ahead;
pub mod backtest;
pub mod bar_quotes;
pub mod config;
pub mod delayed;
pub mod intake;
pub mod log_source;
pub mod loopback;
pub mod meters;
pub mod operator;
pub mod pace;
pub mod replay;
pub mod rerun;
pub mod sim;
pub mod stages;
pub mod street;
pub mod targets;
pub mod watch;

pub use config::{ConfigError, DeskConfig};
