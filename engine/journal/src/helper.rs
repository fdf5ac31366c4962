//! The background thread of a writer: makes the next segment, keeps pages present ahead of the writer, flushes where
//! configured, and puts full segments away. It blocks between its tasks and never spins.
//!
//! Writer and helper meet in two one-place slots and one flag; the writer never takes a lock, never allocates and
//! never frees a mapping.

use std::path::PathBuf;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::layout::{CHUNK_BYTES, SEGMENTS_MAX};
use crate::protocol::Word;
use crate::segment::Segment;
use crate::{JournalError, WriterConfig};

/// Bytes populated by one system call, so that a shutdown or an urgent segment does not wait for a whole window.
const POPULATE_STEP_BYTES: usize = 4 << 20;

/// A place for one shared segment.
#[derive(Default)]
struct Slot(AtomicPtr<Segment>);

impl Slot {
    fn put(&self, segment: Arc<Segment>) {
        let old = self.0.swap(Arc::into_raw(segment).cast_mut(), Ordering::AcqRel);
        debug_assert!(old.is_null(), "the slot was taken before it was filled again");
        drop(Self::own(old));
    }

    fn take(&self) -> Option<Arc<Segment>> {
        Self::own(self.0.swap(ptr::null_mut(), Ordering::AcqRel))
    }

    fn own(raw: *mut Segment) -> Option<Arc<Segment>> {
        if raw.is_null() {
            return None;
        }
        // SAFETY: non-null pointers in the slot come from `Arc::into_raw` in `put`, and the swap that gave this one
        // took it out, so it is turned back once.
        Some(unsafe { Arc::from_raw(raw) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        drop(self.take());
    }
}

#[derive(Default)]
struct Shared {
    /// Only the helper fills it, only the writer empties it.
    prepared: Slot,
    /// Only the writer fills it, only the helper empties it.
    retired: Slot,
    stop: AtomicBool,
    failed: AtomicBool,
    error: Mutex<Option<JournalError>>,
    populate_failures: AtomicU64,
}

impl Shared {
    fn fail(&self, error: JournalError) {
        // A poisoned lock holds an error or nothing; both are whole.
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.failed.store(true, Ordering::Release);
    }
}

/// The writer's end of the helper.
pub(crate) struct Helper {
    shared: Arc<Shared>,
    thread: Thread,
    join: Option<JoinHandle<Option<PathBuf>>>,
}

impl Helper {
    pub(crate) fn start(
        dir: PathBuf,
        stream: String,
        config: WriterConfig,
        first: Arc<Segment>,
    ) -> Result<Self, JournalError> {
        let shared = Arc::new(Shared::default());
        let path = first.path.clone();
        let work = Work {
            shared: Arc::clone(&shared),
            populated: first.populated,
            current: first,
            following: None,
            flushed: 0,
            dir,
            stream,
            config,
        };
        let name = "journal-helper".to_owned();
        let join = thread::Builder::new().name(name).spawn(move || work.run());
        let join = join.map_err(|error| JournalError::io(&path, "start helper thread", error))?;
        Ok(Self { shared, thread: join.thread().clone(), join: Some(join) })
    }

    pub(crate) fn wake(&self) {
        self.thread.unpark();
    }

    pub(crate) fn take_prepared(&self) -> Option<Arc<Segment>> {
        self.shared.prepared.take()
    }

    pub(crate) fn retire(&self, segment: Arc<Segment>) {
        self.shared.retired.put(segment);
    }

    #[inline]
    pub(crate) fn is_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    pub(crate) fn error(&self) -> Option<JournalError> {
        self.shared.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn fail(&self, error: JournalError) {
        self.shared.fail(error);
    }

    pub(crate) fn populate_failures(&self) -> u64 {
        self.shared.populate_failures.load(Ordering::Relaxed)
    }

    /// Ends the thread and removes the spare segment it had ready.
    pub(crate) fn stop(&mut self) {
        let Some(join) = self.join.take() else { return };
        self.shared.stop.store(true, Ordering::Release);
        self.thread.unpark();
        let spare = join.join().ok().flatten();
        drop(self.shared.prepared.take());
        if let Some(path) = spare {
            // An empty segment that stays is harmless: readers and recovery know it for a spare.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The helper's own state, on its thread.
struct Work {
    shared: Arc<Shared>,
    current: Arc<Segment>,
    /// Made and handed over, but not yet written to.
    following: Option<Arc<Segment>>,
    populated: usize,
    flushed: usize,
    dir: PathBuf,
    stream: String,
    config: WriterConfig,
}

impl Work {
    fn run(mut self) -> Option<PathBuf> {
        let interval = self.config.flush_interval_ms.map(|ms| Duration::from_millis(u64::from(ms)));
        let mut flush_due = interval.map(|interval| Instant::now() + interval);
        loop {
            // The flag first: what the writer retired before it said stop is then followed.
            let is_stopping = self.shared.stop.load(Ordering::Acquire);
            self.follow();
            if is_stopping {
                break;
            }
            self.populate_ahead();
            self.prepare_next();
            match (interval, flush_due) {
                (Some(interval), Some(due)) => {
                    let now = Instant::now();
                    if now >= due {
                        self.flush_committed();
                        flush_due = Some(Instant::now() + interval);
                    } else {
                        thread::park_timeout(due - now);
                    }
                }
                _ => thread::park(),
            }
        }
        if interval.is_some() {
            self.flush_committed();
        }
        self.following.map(|segment| segment.path.clone())
    }

    /// Steps to the segment the writer writes now, putting the full one away.
    fn follow(&mut self) {
        let Some(full) = self.shared.retired.take() else { return };
        if self.config.flush_interval_ms.is_some() {
            self.flush_committed();
        }
        drop(full);
        if let Some(following) = self.following.take() {
            self.populated = following.populated;
            self.flushed = 0;
            self.current = following;
        }
    }

    fn committed(&self) -> usize {
        usize::try_from(self.current.map.cursor().load_acquire()).unwrap_or(usize::MAX)
    }

    fn populate_ahead(&mut self) {
        let window = self.config.window_bytes();
        loop {
            let until = self.committed().saturating_add(window).min(self.current.map.len());
            let is_urgent = self.shared.stop.load(Ordering::Acquire);
            if window == 0 || self.populated >= until || is_urgent {
                return;
            }
            // What the writer has passed is present by its own faults.
            let from = self.populated.max(self.committed() & !(CHUNK_BYTES - 1));
            let to = until.min(from + POPULATE_STEP_BYTES);
            if self.current.map.populate(from..to).is_err() {
                self.shared.populate_failures.fetch_add(1, Ordering::Relaxed);
            }
            self.populated = to;
        }
    }

    /// Makes the next segment once a quarter of this one is written: a short run never needs it.
    fn prepare_next(&mut self) {
        let is_early = self.committed() < self.current.map.len() / 4;
        if self.following.is_some() || is_early || self.shared.failed.load(Ordering::Acquire) {
            return;
        }
        let index = self.current.index + 1;
        if index >= SEGMENTS_MAX {
            let value = u64::from(index);
            return self.shared.fail(JournalError::Config {
                field: "segments",
                value,
                allowed: "below 10^6",
            });
        }
        match Segment::create(&self.dir, &self.stream, index, &self.config, false) {
            Ok(segment) => {
                let segment = Arc::new(segment);
                self.following = Some(Arc::clone(&segment));
                self.shared.prepared.put(segment);
            }
            Err(error) => self.shared.fail(error),
        }
    }

    /// Writes committed whole pages to the disk, and the header with its cursor after them.
    fn flush_committed(&mut self) {
        let end = self.committed().min(self.current.map.len());
        let flushed = self.current.map.flush(self.flushed..end).and_then(|()| self.current.map.flush(0..8));
        match flushed {
            Ok(()) => self.flushed = end & !(CHUNK_BYTES - 1),
            Err(error) => self.shared.fail(JournalError::io(&self.current.path, "flush", error)),
        }
    }
}
