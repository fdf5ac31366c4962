//! A segment file being made: allocated, mapped, headed and pre-faulted before anyone sees it.

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use zerocopy::IntoBytes;

use crate::layout::{HEADER_BYTES, SegmentHeader, segment_path};
use crate::map::Map;
use crate::protocol::Word;
use crate::{JournalError, WriterConfig};

pub(crate) struct Segment {
    pub(crate) map: Map,
    pub(crate) path: PathBuf,
    pub(crate) index: u32,
    pub(crate) file: File,
    /// Bytes from the start that were populated when it was made.
    pub(crate) populated: usize,
}

impl Segment {
    /// Makes segment `index`. The file appears under its name only when it is whole.
    pub(crate) fn create(
        dir: &Path,
        stream: &str,
        index: u32,
        config: &WriterConfig,
        locked: bool,
    ) -> Result<Self, JournalError> {
        let path = segment_path(dir, stream, index);
        if path.exists() {
            return Err(JournalError::Exists { path });
        }
        let draft = path.with_extension("draft");
        let made = Self::create_draft(&draft, stream, index, config, locked).and_then(|segment| {
            fs::rename(&draft, &path).map_err(|error| JournalError::io(&path, "rename", error))?;
            Ok(segment)
        });
        match made {
            Ok(segment) => Ok(Self { path, ..segment }),
            Err(error) => {
                // The draft is ours alone; where it cannot be removed, the next create overwrites it.
                let _ = fs::remove_file(&draft);
                Err(error)
            }
        }
    }

    fn create_draft(
        draft: &Path,
        stream: &str,
        index: u32,
        config: &WriterConfig,
        locked: bool,
    ) -> Result<Self, JournalError> {
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(draft);
        let file = open.map_err(|error| JournalError::io(draft, "create", error))?;
        if locked && file.try_lock().is_err() {
            return Err(JournalError::Busy { path: draft.to_path_buf() });
        }
        allocate(&file, config.segment_bytes).map_err(|error| JournalError::io(draft, "allocate", error))?;
        let map = Map::write(&file, draft)?;
        let header = SegmentHeader::new(stream, index, config.segment_bytes, config.checksum);
        // SAFETY: a file of this moment under a draft's name: no reader opens it.
        unsafe { map.fill(0, header.as_bytes()) };
        map.cursor().store_release(HEADER_BYTES as u64);
        let ahead = map.len().min(config.window_bytes());
        let populated = if map.populate(0..ahead).is_ok() { ahead } else { 0 };
        Ok(Self { map, path: draft.to_path_buf(), index, file, populated })
    }

    /// Cuts the file after `end`. Pages of the map past it must not be touched again; nobody does: the writer is
    /// through, and readers stay below the cursor.
    pub(crate) fn truncate(&self, end: u64) -> Result<(), JournalError> {
        self.file.set_len(end).map_err(|error| JournalError::io(&self.path, "truncate", error))
    }

    /// Waits until the file is on the disk.
    pub(crate) fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_all().map_err(|error| JournalError::io(&self.path, "sync", error))
    }
}

/// Reserves the blocks, so that a full disk is an error here and not a signal at a later write.
fn allocate(file: &File, bytes: u64) -> std::io::Result<()> {
    let length = libc::off_t::try_from(bytes).map_err(std::io::Error::other)?;
    // SAFETY: a system call on an open descriptor that `file` keeps open; no memory is passed.
    let code = unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length) };
    if code == 0 { Ok(()) } else { Err(std::io::Error::from_raw_os_error(code)) }
}
