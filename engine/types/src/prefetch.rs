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
        hint(item);
    }
}

/// Hints that the first line of `item` will be read and written soon.
#[inline(always)]
pub fn prefetch_item<T>(item: &T) {
    hint(item);
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn hint<T>(item: &T) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: the address comes from a live reference, and a prefetch neither faults nor changes memory.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(item).cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn hint<T>(_item: &T) {}

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
