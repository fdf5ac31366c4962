//! The head of a journal: bytes of the caller (configuration, limits, instruments, seed, build, opening state).

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::JournalError;

/// Name of the head's file in the journal's folder.
pub const HEAD_FILE: &str = "head.json";

/// Writes the head, making the folder where it is missing. The old head stays whole until the new one is on disk.
///
/// # Errors
///
/// [`JournalError::Io`] where the system refuses.
pub fn write_head(dir: &Path, bytes: &[u8]) -> Result<(), JournalError> {
    fs::create_dir_all(dir).map_err(|error| JournalError::io(dir, "create folder", error))?;
    let path = dir.join(HEAD_FILE);
    let draft = dir.join("head.draft");
    let written = File::create(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        File::open(dir)?.sync_all()
    });
    written.map_err(|error| JournalError::io(&path, "write", error))
}

/// Reads the head back.
///
/// # Errors
///
/// [`JournalError::Missing`] without one, [`JournalError::Io`] where the system refuses.
pub fn read_head(dir: &Path) -> Result<Vec<u8>, JournalError> {
    let path = dir.join(HEAD_FILE);
    fs::read(&path).map_err(|error| JournalError::io(&path, "read", error))
}
