//! The allocator with huge pages, in use by this whole test program.

use proptest::prelude::*;
use tickrace_runtime::huge::{HUGE_PAGE_BYTES, HugePages, LARGE_BYTES_MIN};

#[global_allocator]
static MEMORY: HugePages = HugePages;

#[test]
fn a_large_block_is_zeroed_and_stands_on_a_huge_page() {
    for bytes in [LARGE_BYTES_MIN, HUGE_PAGE_BYTES, HUGE_PAGE_BYTES + 1, 5 * HUGE_PAGE_BYTES - 7] {
        let mut block = vec![0u8; bytes];
        assert_eq!(block.as_ptr().align_offset(HUGE_PAGE_BYTES), 0, "{bytes} bytes");
        assert!(block.iter().all(|byte| *byte == 0));
        block.fill(7);
        drop(block);
        // The same room again, perhaps: zeroed all the same.
        assert!(vec![0u8; bytes].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn an_alignment_beyond_a_page_is_kept() {
    #[derive(Clone)]
    #[repr(align(16384))]
    struct Aligned([u8; 16384]);
    let blocks = vec![Aligned([3; 16384]); 100];
    assert_eq!(blocks.as_ptr().align_offset(16384), 0);
    assert!(blocks.iter().all(|block| block.0.iter().all(|byte| *byte == 3)));
}

#[test]
fn many_threads_take_and_give_back_at_once() {
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            scope.spawn(move || {
                for round in 0..50usize {
                    let block = vec![thread; LARGE_BYTES_MIN + round * 65_536];
                    assert!(block.iter().step_by(4096).all(|byte| *byte == thread));
                }
            });
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Small to large, large to larger, and back: what was written is still there.
    #[test]
    fn a_block_that_changes_its_size_keeps_its_content(
        sizes in prop::collection::vec(1usize..(3 * HUGE_PAGE_BYTES / 8), 1..12),
    ) {
        let mut block: Vec<u64> = Vec::new();
        for size in sizes {
            let kept = block.len().min(size);
            block.truncate(kept);
            block.shrink_to_fit();
            block.reserve_exact(size - kept);
            let written = (kept..size).map(|place| place as u64);
            block.extend(written);
            let wrong = block.iter().enumerate().find(|(place, value)| **value != *place as u64);
            prop_assert_eq!(wrong, None);
        }
    }
}
