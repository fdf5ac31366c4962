//! Appends records to a stream: a copy, a sum and one release store a record.
//!
//! The cursor is published by every append, so a process killed between two of them loses nothing; publishing only
//! once a chunk saved nothing measurable (bench `journal`, line `append/plain_memcpy` beside `append/no_sum`).
//! The file system sees nothing until the kernel writes pages back: after a loss of *power* what was appended since
//! the last write-back (see [`WriterConfig::flush_interval_ms`]) may be gone, and recovery says where it cut.
//!
//! Steady state: no allocation, no lock, no clock, no system call. Four times a window (or a segment) the writer
//! wakes its helper, one `futex` call; once a segment it takes the one made ready and hands the full one over.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use tickrace_types::{Kind, OrderRecord, Record, ResponseRecord};
use zerocopy::IntoBytes;

use crate::checksum::{self, Level};
use crate::helper::Helper;
use crate::layout::{
    CHUNK_BYTES, CHUNK_LINES, HEADER_BYTES, LINE_BYTES, SEAL_OFFSET, STATE_FINISHED, STATE_ROLLED,
    SUMS_BYTES, Seal, check_stream_name, segment_seed,
};
use crate::map::sum_slot;
use crate::segment::Segment;
use crate::{JournalError, WriterConfig, protocol};

/// How long a full writer waits for the next segment before it gives up for good.
const ROLL_WAIT_MAX_MS: u64 = 10_000;
const ROLL_WAIT_STEP: Duration = Duration::from_micros(50);

/// What was written, once finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Records of the stream.
    pub records: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its files.
    pub segments: u32,
}

/// The one writer of a stream.
///
/// Invariants: `next` is a line of the open chunk or `chunk_end`; everything before the cursor is whole and never
/// touched again.
pub struct Writer {
    next: *mut u8,
    chunk_end: *mut u8,
    base: *mut u8,
    cursor: *const AtomicU64,
    /// Lines of this segment that are no record's first.
    extra_lines: u64,
    seed: u32,
    sums: Option<Level>,
    segment_end: *mut u8,
    mark: *mut u8,
    mark_bytes: usize,
    is_full: bool,
    is_flushed: bool,
    dropped: u64,
    roll_waits: u64,
    closed_bytes: u64,
    closed_records: u64,
    segment: Arc<Segment>,
    helper: Helper,
    /// The lock on the stream: a second handle of the first segment, which itself is closed when it is full.
    _lock: File,
    dir: PathBuf,
    stream: String,
}

// SAFETY: the raw pointers lead into the mapping that `segment` keeps alive, and into nothing of any thread's own;
// moving the writer moves the only right to write there.
unsafe impl Send for Writer {}

impl Writer {
    /// Starts a stream in `dir` (made where missing); the first segment is allocated and pre-faulted before this
    /// returns.
    ///
    /// # Errors
    ///
    /// [`JournalError::Exists`] where the stream was written before, [`JournalError::Config`],
    /// [`JournalError::StreamName`], [`JournalError::Io`] (a full disk among others).
    pub fn create(dir: &Path, stream: &str, config: WriterConfig) -> Result<Self, JournalError> {
        config.check()?;
        check_stream_name(stream)?;
        std::fs::create_dir_all(dir).map_err(|error| JournalError::io(dir, "create folder", error))?;
        let segment = Arc::new(Segment::create(dir, stream, 0, &config, true)?);
        let lock =
            segment.file.try_clone().map_err(|error| JournalError::io(&segment.path, "lock", error))?;
        let helper = Helper::start(dir.to_path_buf(), stream.to_owned(), config, Arc::clone(&segment))?;
        let base = segment.map.base();
        let mut writer = Self {
            next: base,
            chunk_end: base,
            base,
            cursor: segment.map.cursor(),
            extra_lines: 0,
            seed: 0,
            sums: config.checksum.then(Level::detect_for_copy),
            segment_end: base,
            mark: base,
            mark_bytes: config.mark_bytes(),
            is_full: false,
            is_flushed: config.flush_interval_ms.is_some(),
            dropped: 0,
            roll_waits: 0,
            closed_bytes: 0,
            closed_records: 0,
            segment: Arc::clone(&segment),
            helper,
            _lock: lock,
            dir: dir.to_path_buf(),
            stream: stream.to_owned(),
        };
        writer.enter(segment);
        Ok(writer)
    }

    /// Appends and commits a 64-byte record. Cannot fail in the steady state; see [`Self::is_failed`].
    ///
    /// # Panics
    ///
    /// Where the kind is not one of 64 bytes: such a record could not be read back.
    #[inline]
    pub fn append(&mut self, record: &Record) {
        let kind = record.header.kind;
        if kind.wrapping_sub(1) >= Kind::LARGE_FROM - 1 {
            refuse_kind(kind);
        }
        self.put::<1>(zerocopy::transmute_ref!(record));
    }

    /// Appends and commits an order.
    ///
    /// # Panics
    ///
    /// Where the kind is not [`Kind::Order`].
    #[inline]
    pub fn append_order(&mut self, order: &OrderRecord) {
        let kind = order.header.kind;
        if kind != Kind::Order as u8 {
            refuse_kind(kind);
        }
        self.put::<2>(zerocopy::transmute_ref!(order));
    }

    /// Appends and commits a response.
    ///
    /// # Panics
    ///
    /// Where the kind is not [`Kind::Response`].
    #[inline]
    pub fn append_response(&mut self, response: &ResponseRecord) {
        let kind = response.header.kind;
        if kind != Kind::Response as u8 {
            refuse_kind(kind);
        }
        self.put::<2>(zerocopy::transmute_ref!(response));
    }

    /// Publishes everything appended. Appends publish themselves already: this is for callers who want to say it.
    #[inline]
    pub fn commit(&mut self) {
        // SAFETY: points into the mapping that `self.segment` keeps alive; see `Map::word` for the rest.
        let cursor = unsafe { &*self.cursor };
        protocol::publish(cursor, self.end());
    }

    /// Whether something went wrong for good: the next segment could not be made (room may be left in this one), a
    /// flush failed, or records were dropped. An engine that sees it sends no more orders.
    #[inline]
    pub fn is_failed(&self) -> bool {
        self.helper.is_failed()
    }

    /// The first thing that went wrong, where something did.
    ///
    /// # Errors
    ///
    /// That fault.
    pub fn check(&self) -> Result<(), JournalError> {
        self.helper.error().map_or(Ok(()), Err)
    }

    /// Records appended.
    pub fn records(&self) -> u64 {
        // Counted from the place, so that appending need not count.
        let chunks = self.end() - HEADER_BYTES as u64;
        let lines_in = |bytes: u64| bytes.saturating_sub(SUMS_BYTES as u64) / LINE_BYTES as u64;
        let whole = chunks / CHUNK_BYTES as u64 * CHUNK_LINES as u64;
        self.closed_records + whole + lines_in(chunks % CHUNK_BYTES as u64) - self.extra_lines
    }

    /// Bytes of the stream's files so far, headers and sums included, allocated but unused room not.
    pub fn bytes(&self) -> u64 {
        self.closed_bytes + self.end()
    }

    /// Records that found no room after a failure; they are not in the journal.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Times the writer had to wait for its next segment.
    pub fn roll_waits(&self) -> u64 {
        self.roll_waits
    }

    /// Times the kernel refused to populate pages (old kernels do); the writer then takes the faults itself.
    pub fn populate_failures(&self) -> u64 {
        self.helper.populate_failures()
    }

    /// Number of the segment being written, from 0.
    pub fn segment(&self) -> u32 {
        self.segment.index
    }

    /// Ends the stream: seals the last segment and gives its unused room back.
    ///
    /// # Errors
    ///
    /// The first fault of the stream, where there was one; what was written before it is sealed all the same.
    pub fn finish(mut self) -> Result<Summary, JournalError> {
        self.helper.stop();
        self.close(STATE_FINISHED);
        let (end, records) = (self.end(), self.records());
        self.segment.truncate(end)?;
        if self.is_flushed {
            self.segment.sync()?;
        }
        self.check()?;
        Ok(Summary { records, bytes: self.closed_bytes + end, segments: self.segment.index + 1 })
    }

    /// Offset after the last line of its segment.
    fn end(&self) -> u64 {
        match self.next as usize - self.base as usize {
            // Nothing was written to the chunk that is open.
            next if next % CHUNK_BYTES == SUMS_BYTES => (next - SUMS_BYTES) as u64,
            next => next as u64,
        }
    }

    #[inline]
    fn publish(&self) {
        // SAFETY: points into the mapping that `self.segment` keeps alive; see `Map::word` for the rest.
        let cursor = unsafe { &*self.cursor };
        protocol::publish(cursor, (self.next as usize - self.base as usize) as u64);
    }

    // The checks are inlined into the caller, what is rare is out of line, and the rest is one call without a frame:
    // saved registers are stores too, and stores that wait for the journal's cache lines are what an append costs
    // (bench `journal`, `append/sum`: 4.0 ns with a frame and spills).
    #[inline]
    fn put<const N: usize>(&mut self, lines: &[[u8; LINE_BYTES]; N]) {
        if self.chunk_end as usize - (self.next as usize) < N * LINE_BYTES {
            return self.put_in_next_chunk(lines);
        }
        self.put_here(lines);
    }

    #[inline]
    fn put_here<const N: usize>(&mut self, lines: &[[u8; LINE_BYTES]; N]) {
        match self.sums {
            None => self.put_plain(lines),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Level::detect` found SSE 4.2.
            Some(Level::Sse42) => unsafe { self.put_sse42(lines) },
            Some(level) => self.put_by_table(level, lines),
        }
    }

    #[cold]
    #[inline(never)]
    fn put_in_next_chunk<const N: usize>(&mut self, lines: &[[u8; LINE_BYTES]; N]) {
        if self.make_room() {
            self.put_here(lines);
        } else {
            self.dropped += 1;
        }
    }

    /// # Safety
    ///
    /// The processor has SSE 4.2.
    #[cfg(target_arch = "x86_64")]
    #[inline(never)]
    #[target_feature(enable = "sse4.2")]
    unsafe fn put_sse42<const N: usize>(&mut self, lines: &[[u8; LINE_BYTES]; N]) {
        // SAFETY: the feature of the sum is that of this function.
        self.put_with(lines, Some(|seed, line: &_| unsafe { checksum::x86::sum_sse42(seed, line) }));
    }

    #[inline(never)]
    fn put_plain<const N: usize>(&mut self, lines: &[[u8; LINE_BYTES]; N]) {
        self.put_with(lines, None::<fn(u32, &[u8; LINE_BYTES]) -> u32>);
    }

    #[inline(never)]
    fn put_by_table<const N: usize>(&mut self, level: Level, lines: &[[u8; LINE_BYTES]; N]) {
        self.put_with(lines, Some(|seed, line: &_| checksum::line_sum(level, seed, line)));
    }

    /// Writes the lines of one record with their sums, and publishes them. The caller made sure that there is room
    /// in the chunk.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "segments stay below 2^36 bytes, so line numbers fit")]
    fn put_with<const N: usize>(
        &mut self,
        lines: &[[u8; LINE_BYTES]; N],
        sum: Option<impl Fn(u32, &[u8; LINE_BYTES]) -> u32>,
    ) {
        for line in lines {
            debug_assert!(self.next < self.chunk_end);
            let offset = self.next as usize - self.base as usize;
            // SAFETY: a whole line of the mapped, writable chunk past the cursor (`next < chunk_end`): readers do not
            // look at it until `publish`, and `&mut self` is the only writer.
            unsafe { self.next.cast::<[u8; LINE_BYTES]>().write(*line) };
            if let Some(sum) = &sum {
                // SAFETY: a place in the sums of the chunk of `next`, before its lines.
                let slot = unsafe { self.base.add(sum_slot(offset)) }.cast::<u32>();
                let sum = sum(self.seed ^ (offset / LINE_BYTES) as u32, line);
                // SAFETY: the slot belongs to the line just written, is aligned, and is as unread as the line.
                unsafe { slot.write(sum) };
            }
            // SAFETY: at most `chunk_end`, inside the mapping or one past it.
            self.next = unsafe { self.next.add(LINE_BYTES) };
        }
        self.extra_lines += N as u64 - 1;
        self.publish();
    }

    /// Opens the next chunk, in the next segment if need be. False where the stream cannot go on.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self) -> bool {
        if self.next < self.chunk_end {
            // The cursor moves too; filler is no record, and readers pass over it.
            self.put_here(&[[0; LINE_BYTES]]);
            self.extra_lines += 1;
        }
        debug_assert!(self.next == self.chunk_end);
        if self.next == self.segment_end {
            return self.roll();
        }
        self.open_chunk();
        if self.next >= self.mark {
            self.mark = self.mark.wrapping_add(self.mark_bytes);
            self.helper.wake();
        }
        true
    }

    /// Places the writer at the first line of the chunk that begins at `next`, which is not the segment's end.
    fn open_chunk(&mut self) {
        debug_assert!((self.next as usize).is_multiple_of(CHUNK_BYTES) && self.next < self.segment_end);
        // SAFETY: segments are whole chunks, so one that begins before the end also ends there or before.
        self.chunk_end = unsafe { self.next.add(CHUNK_BYTES) };
        // SAFETY: inside that chunk.
        self.next = unsafe { self.next.add(SUMS_BYTES) };
    }

    fn enter(&mut self, segment: Arc<Segment>) {
        self.base = segment.map.base();
        self.cursor = segment.map.cursor();
        self.seed = segment_seed(segment.index);
        // SAFETY: one past the mapping.
        self.segment_end = unsafe { self.base.add(segment.map.len()) };
        // SAFETY: a segment is longer than its header.
        self.next = unsafe { self.base.add(HEADER_BYTES) };
        self.mark = self.next.wrapping_add(self.mark_bytes);
        self.segment = segment;
        self.open_chunk();
        // Before the first append the cursor stands at the chunk's start, as it was made.
    }

    /// Goes on in the next segment.
    fn roll(&mut self) -> bool {
        if self.is_full {
            return false;
        }
        let Some(segment) = self.wait_for_segment() else {
            self.is_full = true;
            return false;
        };
        let records = self.records();
        self.close(STATE_ROLLED);
        self.closed_bytes += self.end();
        self.closed_records = records;
        self.extra_lines = 0;
        let full = Arc::clone(&self.segment);
        self.enter(segment);
        self.helper.retire(full);
        self.helper.wake();
        true
    }

    fn wait_for_segment(&mut self) -> Option<Arc<Segment>> {
        if let Some(segment) = self.helper.take_prepared() {
            return Some(segment);
        }
        self.roll_waits += 1;
        let steps = ROLL_WAIT_MAX_MS * 1000 / 50;
        for _ in 0..steps {
            self.helper.wake();
            thread::sleep(ROLL_WAIT_STEP);
            if let Some(segment) = self.helper.take_prepared() {
                return Some(segment);
            }
            if self.helper.is_failed() {
                return None;
            }
        }
        let path = crate::layout::segment_path(&self.dir, &self.stream, self.segment.index + 1);
        self.helper.fail(JournalError::RollTimeout { path, waited_ms: ROLL_WAIT_MAX_MS });
        None
    }

    /// Seals the segment at its last line.
    fn close(&mut self, state: u64) {
        let end = self.end();
        let seal = Seal::new(state, end, self.records() - self.closed_records);
        let body = &seal.as_bytes()[8..];
        // SAFETY: readers look at the seal only after they saw the state that `protocol::close` stores below.
        unsafe { self.segment.map.fill(SEAL_OFFSET + 8, body) };
        protocol::close(self.segment.map.cursor(), self.segment.map.state(), end, state);
    }
}

impl Drop for Writer {
    /// Without [`Writer::finish`] the stream stays open, as after a kill: nothing committed is lost.
    fn drop(&mut self) {
        self.helper.stop();
    }
}

#[cold]
#[inline(never)]
fn refuse_kind(kind: u8) -> ! {
    panic!("a record of kind {kind} does not belong into this call: it could not be read back");
}
