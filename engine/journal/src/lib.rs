//! Segmented, memory-mapped, append-only log of records.
//!
//! A journal is a folder: [`head`](write_head), and per stream the segments `<stream>-000000.tj`, `-000001.tj`, …
//! [`Writer`] appends at memory speed and commits each record with one release store; [`Tail`] follows it from
//! another process; [`Reader`] reads a whole stream in place after verifying every line; [`recover`] cuts a torn one
//! at its last whole record and says what it cut. The layout is told in [`layout`].
//!
//! Knows records by kind and size only, nothing of what they mean. Linux (and its page cache) is assumed: a killed
//! process loses nothing that was appended; a loss of power costs at most what was not yet written back.

pub mod alter;
pub mod checksum;
mod config;
mod entry;
mod error;
mod head;
mod helper;
pub mod layout;
mod map;
pub mod protocol;
mod reader;
mod recover;
mod scan;
mod segment;
mod stream;
mod tail;
mod writer;

pub use config::{Prefault, WriterConfig};
pub use entry::Entry;
pub use error::JournalError;
pub use head::{HEAD_FILE, read_head, write_head};
pub use reader::{Iter, Reader, SmallRecords};
pub use recover::{CutReason, Damage, RecoveryReport, recover, recover_with};
pub use tail::{Tail, TailStatus};
pub use writer::{Summary, Writer};
