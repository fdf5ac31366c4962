//! Fixtures shared by the tests that join rooms: the command line in this process, small days, real data.
#![forbid(unsafe_code)]

pub mod command;
pub mod data;

pub use command::{Done, tickrace};
