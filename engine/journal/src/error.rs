//! What can be wrong with a journal: always with the file, and with the offset where there is one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::recover::CutReason;

/// A fault of a journal; cloned freely, because the writer's first one is kept and shown to everyone who asks.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The operating system refused (disk full, permissions, …).
    #[error("{path}: {action}: {source}")]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        source: Arc<io::Error>,
    },
    /// No such journal, stream or head.
    #[error("{path}: not found")]
    Missing {
        /// The file looked for.
        path: PathBuf,
    },
    /// A stream with this name was written here before.
    #[error("{path}: exists already")]
    Exists {
        /// The file in the way.
        path: PathBuf,
    },
    /// Shorter than a segment's header.
    #[error("{path}: {bytes} bytes, too short for a segment's header of {need} bytes")]
    TooShort {
        /// The segment.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The shortest that could be one.
        need: u64,
    },
    /// The first eight bytes are not a journal's.
    #[error("{path}: offset 0: not a journal segment")]
    Magic {
        /// The file.
        path: PathBuf,
    },
    /// Written by a layout this program does not know.
    #[error("{path}: offset 8: layout version {found}, this program reads {known}")]
    Version {
        /// The segment.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Written on a host of the other byte order.
    #[error("{path}: offset 12: written on a host of foreign byte order")]
    Endian {
        /// The segment.
        path: PathBuf,
    },
    /// The header contradicts itself or the file's name.
    #[error("{path}: offset {offset}: damaged segment header ({field})")]
    Header {
        /// The segment.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// Which field.
        field: &'static str,
    },
    /// Bad bytes with good ones after them: nothing may be cut, nothing may be read.
    #[error("{path}: offset {offset}: damaged ({reason}), good data follows")]
    Damaged {
        /// The segment's file.
        path: PathBuf,
        /// The segment's number.
        segment: u32,
        /// First bad byte.
        offset: u64,
        /// What is wrong there.
        reason: CutReason,
    },
    /// A later segment is here, this one is not.
    #[error("{path}: segment missing, later ones are present")]
    MissingSegment {
        /// The file that should be there.
        path: PathBuf,
    },
    /// A live writer (or, for tools that change files, a reader) holds the stream.
    #[error("{path}: in use by another process")]
    Busy {
        /// The locked file.
        path: PathBuf,
    },
    /// A setting out of its bounds.
    #[error("journal setting {field} is {value}, allowed {allowed}")]
    Config {
        /// The setting.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The bound, in words.
        allowed: &'static str,
    },
    /// A stream's name is 1 to 15 of a-z, 0-9 and underscore.
    #[error("stream name {name:?}: 1 to 15 of a-z, 0-9, underscore")]
    StreamName {
        /// The name given.
        name: String,
    },
    /// The next segment was not ready in time.
    #[error("{path}: next segment not ready within {waited_ms} ms")]
    RollTimeout {
        /// The segment waited for.
        path: PathBuf,
        /// How long.
        waited_ms: u64,
    },
    /// No record of this number.
    #[error("record {index} of {records}")]
    NoSuchRecord {
        /// Asked for, from 0.
        index: u64,
        /// How many there are.
        records: u64,
    },
    /// An edit would change how many bytes the record takes.
    #[error("record {index}: kind {from} may not become {to}, the sizes differ")]
    KindSize {
        /// Record, from 0.
        index: u64,
        /// Kind code before.
        from: u8,
        /// Kind code after.
        to: u8,
    },
}

impl JournalError {
    /// Wraps an error of the system; "not found" and "exists" get their own variants.
    pub(crate) fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::AlreadyExists => Self::Exists { path },
            _ => Self::Io { path, action, source: Arc::new(source) },
        }
    }
}
