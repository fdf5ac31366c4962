//! The system's allocator, with large blocks on huge pages.
//!
//! Tables of a few megabytes that are read in no order (order numbers, resting orders) are beyond what a processor
//! keeps translations for at 4 KiB a page, and under a hypervisor a missing translation is a walk through two page
//! tables: half the time of an order-by-order book at 8,000 symbols was that (figures in `bench/RESULTS.md`, "Books"). Blocks
//! from [`LARGE_BYTES_MIN`] up are therefore mapped by themselves, aligned to a huge page, and the kernel is asked for
//! huge pages there. Where it has none to give they are ordinary memory; nothing else depends on it.
//!
//! Installed with `#[global_allocator]` by the program and by the benches, at no cost to smaller blocks but one
//! comparison. Memory is touched, and counted as used, by the huge page.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;

/// Blocks of so many bytes and more are mapped by themselves.
pub const LARGE_BYTES_MIN: usize = 1 << 20;

/// Bytes of a huge page.
pub const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Largest alignment of a block mapped by itself: that of an ordinary page, which survives a move.
const ALIGN_MAX: usize = 4096;

/// The allocator.
#[derive(Debug, Default)]
pub struct HugePages;

/// Bytes mapped for a block that is mapped by itself; `None` for all others.
#[inline]
const fn mapped_bytes(layout: Layout) -> Option<usize> {
    if layout.size() < LARGE_BYTES_MIN || layout.align() > ALIGN_MAX {
        return None;
    }
    // A layout is below half the address space: this does not wrap.
    Some(layout.size().next_multiple_of(HUGE_PAGE_BYTES))
}

/// Zeroed memory of a multiple of [`HUGE_PAGE_BYTES`], aligned to it; null where there is none.
#[cold]
fn map(bytes: usize) -> *mut u8 {
    // One huge page more than asked for, so that an aligned stretch lies within; what is over is given back.
    let span = bytes + HUGE_PAGE_BYTES;
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a fresh anonymous mapping at a place of the kernel's choosing touches no memory of ours.
    let base = unsafe { libc::mmap(null_mut(), span, access, kind, -1, 0) };
    if base == libc::MAP_FAILED {
        return null_mut();
    }
    let base = base.cast::<u8>();
    let before = base.align_offset(HUGE_PAGE_BYTES);
    let start = base.wrapping_add(before);
    unmap(base, before);
    unmap(start.wrapping_add(bytes), HUGE_PAGE_BYTES - before);
    // SAFETY: the range is the mapping made above. Advice that is not taken is no fault.
    unsafe { libc::madvise(start.cast(), bytes, libc::MADV_HUGEPAGE) };
    start
}

/// Gives back whole pages of a mapping of ours that nobody uses any more.
#[cold]
fn unmap(start: *mut u8, bytes: usize) {
    if bytes > 0 {
        // SAFETY: the callers own the range and hold no reference into it. It cannot fail: whole pages of one mapping.
        unsafe { libc::munmap(start.cast(), bytes) };
    }
}

/// Tells the system's allocator to keep what is freed for what is asked for next, where it can be told (glibc): a program that
/// works through one history after the other then finds its pages there instead of having the kernel make and clear them
/// anew. For programs that end, not for those that stay: memory once used stays used.
pub fn keep_freed() {
    #[cfg(target_env = "gnu")]
    {
        let own_mapping = libc::c_int::try_from(LARGE_BYTES_MIN).unwrap_or(libc::c_int::MAX);
        for (parameter, value) in
            [(libc::M_TRIM_THRESHOLD, libc::c_int::MAX), (libc::M_MMAP_THRESHOLD, own_mapping)]
        {
            // SAFETY: sets a parameter of the allocator, under its own lock, and touches no memory of ours.
            unsafe { libc::mallopt(parameter, value) };
        }
    }
}

// SAFETY: a block either comes from `System` and goes back to it with the same layout, or is a mapping of its own of
// `mapped_bytes` of its layout; which of the two is told by the layout alone, the same in all four calls. Mappings are
// aligned to a page at least, which `ALIGN_MAX` is, zeroed, and overlap nothing. Nothing unwinds.
unsafe impl GlobalAlloc for HugePages {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match mapped_bytes(layout) {
            Some(bytes) => map(bytes),
            // SAFETY: the caller keeps `alloc`'s contract, which is `System`'s.
            None => unsafe { System.alloc(layout) },
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match mapped_bytes(layout) {
            Some(bytes) => map(bytes),
            // SAFETY: the caller keeps `alloc_zeroed`'s contract, which is `System`'s.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises a size that, rounded up to the alignment, fits; the alignment is valid already.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (mapped_bytes(layout), mapped_bytes(wanted)) {
            // SAFETY: `pointer` came from `System` with `layout`; the caller keeps the rest.
            (None, None) => unsafe { System.realloc(pointer, layout, size) },
            (Some(before), Some(after)) if before == after => pointer,
            (Some(before), Some(after)) => {
                // SAFETY: `pointer` is a mapping of `before` bytes; the kernel moves its pages, which no reference
                // outlives by the caller's contract.
                let moved = unsafe { libc::mremap(pointer.cast(), before, after, libc::MREMAP_MAYMOVE) };
                if moved == libc::MAP_FAILED { null_mut() } else { moved.cast() }
            }
            _ => {
                // SAFETY: `wanted` is not of zero bytes, by the caller's contract.
                let new = unsafe { self.alloc(wanted) };
                if !new.is_null() {
                    // SAFETY: both blocks are at least that long, and the new one overlaps nothing.
                    unsafe { pointer.copy_to_nonoverlapping(new, layout.size().min(size)) };
                    // SAFETY: `pointer` came from here with `layout`, and is not used again.
                    unsafe { self.dealloc(pointer, layout) };
                }
                new
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match mapped_bytes(layout) {
            Some(bytes) => unmap(pointer, bytes),
            // SAFETY: `pointer` came from `System` with `layout`.
            None => unsafe { System.dealloc(pointer, layout) },
        }
    }
}
