//! Benches, peers side by side.
