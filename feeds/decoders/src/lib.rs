//! Bytes to records: ITCH 5.0, sources of records and what joins them, the synthetic day.
//!
//! Knows nothing of files, sockets or books: bytes come in as slices, records go out by value. Bytes from
//! outside never panic here; what cannot be read is counted ([`source::Skips`]) and skipped, and how a source
//! ended is told by [`source::End`].
#![forbid(unsafe_code)]

pub mod itch;
pub mod merge;
pub mod source;
pub mod synth;
pub mod tally;

pub use itch::{FileOptions, FileSource, LocateMap};
pub use merge::Merge;
pub use source::{Days, End, Skips, Source};
pub use synth::{Synth, SynthConfig};
pub use tally::Tally;
