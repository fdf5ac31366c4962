//! How a stream is written.

use crate::JournalError;
use crate::layout::{CHUNK_BYTES, SEGMENT_BYTES_MAX, is_segment_size};

/// Which pages are made present and writable before the writer reaches them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefault {
    /// None: the writer takes a fault on each new page (or larger folio).
    None,
    /// The whole segment when it is made: zero faults, as long as the kernel writes nothing back meanwhile (30 s, or
    /// a tenth of memory dirty). For benches and short runs.
    Whole,
    /// A window ahead of the writer, moved by the background thread. For everything that runs long.
    Helper {
        /// How far ahead, bytes; 16 to 64 MiB are good.
        window_bytes: u64,
    },
}

/// How a stream is written. The default is for a trading day: 256 MiB segments, sums, a window of 32 MiB ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterConfig {
    /// Bytes of a segment, a multiple of 4096; 64 MiB to 1 GiB are good.
    pub segment_bytes: u64,
    /// Whether each line gets its CRC32C. Without them damage is seen only where it breaks the structure.
    pub checksum: bool,
    /// Pre-faulting.
    pub prefault: Prefault,
    /// How often the background thread writes what is committed to the disk: the most that a loss of power costs,
    /// beside the time one flush takes. `None` leaves it to the kernel (30 s on most hosts). A killed process loses
    /// nothing either way. Each flush makes the page being written fault once more.
    pub flush_interval_ms: Option<u32>,
}

impl Default for WriterConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 256 << 20,
            checksum: true,
            prefault: Prefault::Helper { window_bytes: 32 << 20 },
            flush_interval_ms: None,
        }
    }
}

impl WriterConfig {
    pub(crate) fn check(&self) -> Result<(), JournalError> {
        let refuse = |field, value, allowed| Err(JournalError::Config { field, value, allowed });
        if !is_segment_size(self.segment_bytes) {
            return refuse("segment_bytes", self.segment_bytes, "8192 to 2^36, a multiple of 4096");
        }
        if let Prefault::Helper { window_bytes } = self.prefault
            && !((CHUNK_BYTES as u64)..=SEGMENT_BYTES_MAX).contains(&window_bytes)
        {
            return refuse("window_bytes", window_bytes, "4096 to 2^36");
        }
        if self.flush_interval_ms == Some(0) {
            return refuse("flush_interval_ms", 0, "1 or more");
        }
        Ok(())
    }

    /// Bytes to populate ahead of the writer, and bytes after which it wakes the helper.
    pub(crate) fn window_bytes(&self) -> usize {
        let bytes = match self.prefault {
            Prefault::None => 0,
            Prefault::Whole => self.segment_bytes,
            Prefault::Helper { window_bytes } => window_bytes.min(self.segment_bytes),
        };
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Bytes between two wakings of the helper: a quarter of what it has to keep ahead of.
    pub(crate) fn mark_bytes(&self) -> usize {
        let from = match self.prefault {
            Prefault::Helper { window_bytes } => window_bytes.min(self.segment_bytes),
            Prefault::None | Prefault::Whole => self.segment_bytes,
        };
        usize::try_from(from / 4).unwrap_or(usize::MAX).max(CHUNK_BYTES)
    }
}
