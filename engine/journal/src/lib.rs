//! Segmented, memory-mapped, append-only log of records.
