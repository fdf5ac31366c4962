//! Order entry encodings.
//!
//! Pure functions from order records to a venue's bytes; sockets and sessions are not here. Knows nothing of who
//! decided or of what the gate said: a caller encodes what passed.
#![forbid(unsafe_code)]

pub mod ouch;
