//! Tests where rooms meet: one binary, one module for each concern.
#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

mod adverse_selection;
mod answers;
mod cli;
mod compare;
mod configs;
mod controls;
mod docs;
mod examples;
mod explain;
mod flow;
mod formats;
mod hostile;
mod hostile_policy;
mod import;
mod layering;
mod level_limited;
mod look_ahead;
mod models;
mod parity;
mod portfolio;
mod recovery;
mod sweep;
mod systematic;
mod targets;
mod tear_sheet;
mod traps;
