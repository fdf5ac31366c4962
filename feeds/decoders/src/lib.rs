//! Bytes to records: ITCH 5.0, sources, the synthetic day.
