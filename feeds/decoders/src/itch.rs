//! Nasdaq TotalView-ITCH 5.0: views of every message, a visitor for tools, records for the desk.
//!
//! Two ways through a file of two-byte length prefixes (BinaryFILE): [`visit`] hands typed views to a
//! [`Visitor`]; [`FileSource`] turns messages into records. Both walk frames by the same rules:
//!
//! - unknown types, wrong lengths and impossible fields are counted and skipped by the length prefix;
//! - a length of zero carries no message and takes no message number;
//! - a file that ends inside a message is [`End::Truncated`](crate::End);
//! - a damaged length prefix is [`End::LostFraming`](crate::End): where a known type has another length than
//!   its own and only its own leads to a good frame, or after [`IMPLAUSIBLE_RUN_MAX`] implausible frames in a
//!   row; the offset is that of the first frame in doubt.

pub mod encode;
mod file;
mod frame;
mod locate;
pub mod message;
mod record;

pub use file::{FileOptions, FileSource};
pub use frame::{IMPLAUSIBLE_RUN_MAX, Visited, visit};
pub use locate::{LocateMap, symbol_text};
pub use message::{Head, LETTERS, Malformed, Message, U48, Visitor, length_of, parse};
pub use record::{Fault, Stamp, decode};

#[cfg(test)]
mod tests;
