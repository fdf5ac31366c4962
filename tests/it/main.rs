//! Tests where rooms meet: one binary, one module for each concern.

mod layering;
