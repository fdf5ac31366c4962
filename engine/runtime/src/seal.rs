//! The sealed allocator: counts every allocation, and lets a thread promise to make none.
//!
//! Installed with `#[global_allocator]` in a test or a binary. After warm-up a hot thread calls [`seal_thread`]; from
//! then on an allocation (or a release: both may take a lock) on it aborts the process, or is counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// What an allocation on a sealed thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// Is counted, in [`sealed_calls`].
    Count,
    /// Aborts the process with one line on standard error.
    Abort,
}

/// The system's allocator, watched.
#[derive(Debug, Default)]
pub struct SealedAlloc;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static RELEASES: AtomicU64 = AtomicU64::new(0);
static SEALED_CALLS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    // Plain cells with constant starts: reading them neither allocates nor registers a destructor.
    static THREAD_ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static SEAL: Cell<Option<Seal>> = const { Cell::new(None) };
}

/// Allocations of the whole process so far, reallocations included; 0 where [`SealedAlloc`] is not installed.
pub fn allocations() -> u64 {
    ALLOCATIONS.load(Ordering::Relaxed)
}

/// Releases of the whole process so far.
pub fn releases() -> u64 {
    RELEASES.load(Ordering::Relaxed)
}

/// Allocations of this thread so far, reallocations included.
pub fn thread_allocations() -> u64 {
    THREAD_ALLOCATIONS.with(Cell::get)
}

/// Allocations and releases made by sealed threads so far.
pub fn sealed_calls() -> u64 {
    SEALED_CALLS.load(Ordering::Relaxed)
}

/// Seals this thread until the guard is dropped.
#[must_use = "the seal ends with the guard"]
pub fn seal_thread(seal: Seal) -> SealGuard {
    SealGuard { before: SEAL.replace(Some(seal)), not_send: std::marker::PhantomData }
}

/// Ends the seal when dropped.
#[derive(Debug)]
pub struct SealGuard {
    before: Option<Seal>,
    /// The seal is its thread's.
    not_send: std::marker::PhantomData<*const ()>,
}

impl Drop for SealGuard {
    fn drop(&mut self) {
        SEAL.set(self.before);
    }
}

#[inline]
fn on_allocation() {
    ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    THREAD_ALLOCATIONS.with(|count| count.set(count.get() + 1));
    check_seal();
}

#[inline]
fn on_release() {
    RELEASES.fetch_add(1, Ordering::Relaxed);
    check_seal();
}

#[inline]
fn check_seal() {
    if let Some(seal) = SEAL.get() {
        on_sealed_call(seal);
    }
}

#[cold]
fn on_sealed_call(seal: Seal) {
    SEALED_CALLS.fetch_add(1, Ordering::Relaxed);
    if seal == Seal::Abort {
        let text = b"allocation or release on a sealed thread: aborting\n";
        // SAFETY: the pointer and the length are of one live byte string; `write` keeps neither. Formatting
        // is avoided because it may allocate.
        unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
        std::process::abort();
    }
}

// SAFETY: every call is passed on unchanged to `System`, which fulfils the contract; the counting before it touches
// only atomics and thread-local cells, and does not unwind.
unsafe impl GlobalAlloc for SealedAlloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        on_allocation();
        // SAFETY: the caller keeps `alloc`'s contract, which is `System`'s.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        on_allocation();
        // SAFETY: the caller keeps `alloc_zeroed`'s contract, which is `System`'s.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        on_allocation();
        // SAFETY: `pointer` came from `System` through this allocator with `layout`; the caller keeps the rest.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        on_release();
        // SAFETY: `pointer` came from `System` through this allocator with `layout`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
