//! A hint to the processor, safe to give: bring a line into the cache before it is needed.
//!
//! The only unsafe code of the hot rooms outside `runtime` and `journal`: books hide their cache misses with it
//! (figures in `tickrace_book`'s module docs).
#![allow(unsafe_code, reason = "a prefetch takes a raw address; this file makes it safe")]

/// Hints that `slice[index]` will be read and written soon; out of range, or on a processor without such a hint,
/// it does nothing.
#[inline(always)]
pub fn prefetch<T>(slice: &[T], index: usize) {
    if let Some(item) = slice.get(index) {
        prefetch_item(item);
    }
}

/// Hints that the first line of `item` will be read and written soon.
#[inline(always)]
pub fn prefetch_item<T>(item: &T) {
    prefetch_address(std::ptr::from_ref(item).cast());
}

/// Hints that the line at an address, which may be any, will be read and written soon.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn prefetch_address(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch neither faults nor changes memory, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

/// Hints that the line at an address, which may be any, will be read and written soon.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub fn prefetch_address(_address: *const u8) {}

#[cfg(test)]
mod tests {
    use super::prefetch;

    #[test]
    fn a_hint_out_of_range_is_harmless() {
        let words = [1u64, 2, 3];
        (0..8).for_each(|index| prefetch(&words, index));
        prefetch::<u64>(&[], usize::MAX);
        assert_eq!(words, [1, 2, 3]);
    }
}
