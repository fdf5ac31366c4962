//! One mapped segment file: words, lines and advice. Everything that turns a mapped address into a reference is here
//! or in the writer's append.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use memmap2::{Advice, MmapOptions, MmapRaw};
use tickrace_types::prefetch::prefetch_address;
use tickrace_types::{OrderRecord, Record, ResponseRecord};

use crate::layout::{CHUNK_BYTES, CURSOR_OFFSET, LINE_BYTES, SEAL_OFFSET};
use crate::{JournalError, protocol};

pub(crate) struct Map {
    raw: MmapRaw,
}

impl Map {
    /// Maps the whole file for reading. The file must not be empty.
    pub(crate) fn read(file: &File, path: &Path) -> Result<Self, JournalError> {
        let raw = MmapOptions::new().map_raw_read_only(file);
        Ok(Self { raw: raw.map_err(|error| JournalError::io(path, "map", error))? })
    }

    /// Maps the whole file for writing; its blocks must be allocated, or a full disk becomes a signal.
    pub(crate) fn write(file: &File, path: &Path) -> Result<Self, JournalError> {
        let raw = MmapOptions::new().map_raw(file);
        Ok(Self { raw: raw.map_err(|error| JournalError::io(path, "map", error))? })
    }

    pub(crate) fn len(&self) -> usize {
        self.raw.len()
    }

    /// Address of the first byte; the mapping begins on a page.
    pub(crate) fn base(&self) -> *mut u8 {
        self.raw.as_mut_ptr()
    }

    /// Hints that the line at `offset` will be read soon; beyond the mapping that does nothing.
    #[inline(always)]
    pub(crate) fn prefetch(&self, offset: usize) {
        prefetch_address(self.raw.as_ptr().wrapping_add(offset));
    }

    /// The shared word at `offset`.
    pub(crate) fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset + 8 <= self.len(), "word at {offset} of {}", self.len());
        // SAFETY: the assertion keeps the eight bytes inside the mapping, which outlives the borrow of `self`.
        let address = unsafe { self.raw.as_mut_ptr().add(offset) }.cast::<u64>();
        // SAFETY: aligned (page-aligned base, offset a multiple of 8), in bounds, and every access to the words at
        // these offsets anywhere in this program is atomic. Read-only maps are only loaded from, relaxed.
        unsafe { AtomicU64::from_ptr(address) }
    }

    pub(crate) fn cursor(&self) -> &AtomicU64 {
        self.word(CURSOR_OFFSET)
    }

    pub(crate) fn state(&self) -> &AtomicU64 {
        self.word(SEAL_OFFSET)
    }

    /// What the writer has committed so far.
    pub(crate) fn observe(&self) -> protocol::Observed {
        protocol::observe(self.cursor(), self.state())
    }

    /// Bytes of `range`, copied out; for headers.
    pub(crate) fn copy(&self, range: Range<usize>) -> Vec<u8> {
        assert!(range.start <= range.end && range.end <= self.len(), "{range:?} of {}", self.len());
        // SAFETY: `start` was checked to be inside the mapping or one past it.
        let from = unsafe { self.raw.as_ptr().add(range.start) };
        let mut bytes = vec![0; range.len()];
        // SAFETY: both sides hold `range.len()` bytes, and a fresh vector overlaps nothing.
        unsafe { std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), range.len()) };
        bytes
    }

    /// Writes `bytes` at `offset`; for headers and seals, before or after a segment's life as a shared map.
    ///
    /// # Safety
    ///
    /// The map is writable and nobody reads these bytes until told by a release store.
    pub(crate) unsafe fn fill(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.len(), "{} bytes at {offset} of {}", bytes.len(), self.len());
        // SAFETY: asserted to be in bounds.
        let to = unsafe { self.raw.as_mut_ptr().add(offset) };
        // SAFETY: in bounds by the assertion; the caller vouches for the rest; a slice of ours is not in the map.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }

    /// A line, in place.
    ///
    /// # Safety
    ///
    /// The line was committed (and its cursor loaded with acquire), or nobody writes the file: its bytes never change.
    #[inline]
    pub(crate) unsafe fn line(&self, offset: usize) -> &[u8; LINE_BYTES] {
        debug_assert!(offset.is_multiple_of(LINE_BYTES) && offset + LINE_BYTES <= self.len());
        // SAFETY: the caller's offset lies below a limit that was compared with the length of the map.
        let address = unsafe { self.raw.as_ptr().add(offset) };
        // SAFETY: 64 readable bytes without alignment demand, unchanging by the caller's word.
        unsafe { &*address.cast::<[u8; LINE_BYTES]>() }
    }

    /// The stored sum of the line at `offset`; may be asked for any line inside the map.
    #[inline]
    pub(crate) fn stored_sum(&self, offset: usize) -> u32 {
        let slot = sum_slot(offset);
        assert!(slot + 4 <= self.len());
        // SAFETY: asserted to be in bounds.
        let address = unsafe { self.raw.as_ptr().add(slot) }.cast::<u32>();
        // SAFETY: aligned, in bounds. Volatile, because the slots beside it may be written while this one, of a
        // committed line, is not.
        unsafe { address.read_volatile() }
    }

    /// The small record at `offset`.
    ///
    /// # Safety
    ///
    /// As [`Self::line`].
    #[inline]
    pub(crate) unsafe fn small(&self, offset: usize) -> &Record {
        debug_assert!(offset.is_multiple_of(LINE_BYTES) && offset + LINE_BYTES <= self.len());
        // SAFETY: in bounds as above.
        let address = unsafe { self.raw.as_ptr().add(offset) };
        // SAFETY: 64-aligned (page base, line offset), any bytes are a `Record`, unchanging by the caller's word.
        unsafe { &*address.cast::<Record>() }
    }

    /// `count` lines from `offset` on, each as a small record.
    ///
    /// # Safety
    ///
    /// As [`Self::line`], for all of them.
    #[inline]
    pub(crate) unsafe fn lines(&self, offset: usize, count: usize) -> &[Record] {
        debug_assert!(offset.is_multiple_of(LINE_BYTES) && offset + count * LINE_BYTES <= self.len());
        // SAFETY: in bounds as above.
        let address = unsafe { self.raw.as_ptr().add(offset) };
        // SAFETY: 64-aligned, any bytes are records, `count` of them in bounds and unchanging by the caller's word.
        unsafe { std::slice::from_raw_parts(address.cast::<Record>(), count) }
    }

    /// The order at `offset`.
    ///
    /// # Safety
    ///
    /// As [`Self::line`], for both lines.
    #[inline]
    pub(crate) unsafe fn order(&self, offset: usize) -> &OrderRecord {
        debug_assert!(offset.is_multiple_of(LINE_BYTES) && offset + 2 * LINE_BYTES <= self.len());
        // SAFETY: in bounds as above.
        let address = unsafe { self.raw.as_ptr().add(offset) };
        // SAFETY: 64-aligned, any bytes are an `OrderRecord`, unchanging by the caller's word.
        unsafe { &*address.cast::<OrderRecord>() }
    }

    /// The response at `offset`.
    ///
    /// # Safety
    ///
    /// As [`Self::line`], for both lines.
    #[inline]
    pub(crate) unsafe fn response(&self, offset: usize) -> &ResponseRecord {
        debug_assert!(offset.is_multiple_of(LINE_BYTES) && offset + 2 * LINE_BYTES <= self.len());
        // SAFETY: in bounds as above.
        let address = unsafe { self.raw.as_ptr().add(offset) };
        // SAFETY: 64-aligned, any bytes are a `ResponseRecord`, unchanging by the caller's word.
        unsafe { &*address.cast::<ResponseRecord>() }
    }

    /// Makes the pages of `range` present and writable without changing them: afterwards a write takes no fault.
    pub(crate) fn populate(&self, range: Range<usize>) -> std::io::Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        self.raw.advise_range(Advice::PopulateWrite, range.start, range.len())
    }

    /// Says that the map will be read from front to back.
    pub(crate) fn expect_sequential(&self) {
        // Only a hint: a kernel that does not take it reads as well.
        let _ = self.raw.advise(Advice::Sequential);
    }

    /// Writes `range` to the disk and waits for it.
    pub(crate) fn flush(&self, range: Range<usize>) -> std::io::Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        self.raw.flush_range(range.start, range.len())
    }
}

/// Where the sum of the line at `offset` stands.
#[inline]
pub(crate) const fn sum_slot(offset: usize) -> usize {
    let chunk = offset & !(CHUNK_BYTES - 1);
    chunk + (offset - chunk - crate::layout::SUMS_BYTES) / LINE_BYTES * 4
}
