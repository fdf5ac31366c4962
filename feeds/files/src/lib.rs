//! Tick files on disk: mapping, decompression, and the date a name tells.
//!
//! Knows nothing of messages: it gives bytes, and says when they are not all of them.
#![forbid(unsafe_code)]

pub mod date;
pub mod tick_file;

pub use date::{Date, DateError, date_from_name, parse_at};
pub use tick_file::{Compression, FileError, TickFile};
