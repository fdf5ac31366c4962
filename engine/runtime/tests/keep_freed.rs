//! What is freed stays at hand once that is asked for: counted by the pages the kernel makes.
#![cfg(target_env = "gnu")]

use tickrace_runtime::huge::keep_freed;

/// Pages made for this thread so far.
fn pages_made() -> i64 {
    // SAFETY: an all-zero rusage is a valid one.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live rusage.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) }, 0);
    usage.ru_minflt
}

/// Forty histories of ten thousand days, written and given back.
fn work() -> f64 {
    let all: Vec<Vec<f64>> = (0..40u32).map(|number| vec![f64::from(number); 10_000]).collect();
    all.iter().map(|days| days.iter().sum::<f64>()).sum()
}

#[test]
fn a_second_piece_of_work_finds_the_memory_of_the_first() {
    keep_freed();
    let first = work();
    let before = pages_made();
    assert_eq!(work(), first);
    let made = pages_made() - before;
    // Of 781 pages; that the count sees them is shown by memory that nobody had before.
    assert!(made < 50, "{made} pages were made anew");
    let before = pages_made();
    let held: Vec<Vec<u8>> = (0..40u8).map(|number| vec![number + 1; 300_000]).collect();
    let made = pages_made() - before;
    assert!(held.len() == 40 && made > 1_000, "{made} pages were made for twelve megabytes");
}
