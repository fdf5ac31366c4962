//! Tick files on disk: decompression, mapping, the date a name tells, and the formats people have their data in.
//!
//! ITCH files are decoded by the hot room beside this one, in place; every other format has a decoder here that turns
//! it into native records ([`mod@format`]).
#![forbid(unsafe_code)]

pub mod binance;
pub mod binance_archive;
pub mod csv;
pub mod date;
pub mod dbn;
mod emit;
pub mod event_end;
pub mod format;
pub mod hftbacktest;
pub mod iex;
pub mod itch;
pub mod lines;
pub mod lobster;
pub mod moldudp64;
pub mod notice;
pub mod number;
pub mod open;
pub mod pcap;
mod roster;
pub mod shape;
mod stamp;
pub mod stream;
mod table;
pub mod tardis;
mod text_lines;
pub mod tick_file;
pub mod times;
mod top_diff;

pub use date::{Date, DateError, date_from_name, parse_at};
pub use format::{Account, Decoder, Options};
pub use open::Format;
pub use stream::Stream;
pub use tick_file::{Compression, FileError, TickFile};
