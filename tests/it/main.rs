//! Tests where rooms meet: one binary, one module for each concern.

mod answers;
mod cli;
mod layering;
mod parity;
mod recovery;
