//! Tick files on disk: decompression, mapping, the date a name tells, and the formats people have their data in.
//!
//! ITCH files are decoded by the hot room beside this one, in place; every other format has a decoder here that turns
//! it into native records ([`mod@format`]).
#![forbid(unsafe_code)]

pub mod date;
pub mod dbn;
pub mod format;
pub mod iex;
pub mod moldudp64;
pub mod number;
pub mod pcap;
mod stamp;
pub mod stream;
pub mod tick_file;

pub use date::{Date, DateError, date_from_name, parse_at};
pub use format::{Account, Decoder, Options};
pub use stream::Stream;
pub use tick_file::{Compression, FileError, TickFile};
