//! Page faults taken by the writing thread, counted and not timed; and a disk that is full.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{config, small};
use tickrace_journal::{JournalError, Prefault, Reader, Writer, WriterConfig};

const SEGMENT_MIB: u64 = 64;

/// Faults of this thread so far.
fn faults() -> i64 {
    // SAFETY: all-zero bytes are a valid `rusage`, a struct of integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer leads to a `rusage` of ours.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) }, 0);
    usage.ru_minflt + usage.ru_majflt
}

/// Fills one segment, pausing after each MiB; the faults it took, or `None` where the kernel cannot populate.
fn faults_of(prefault: Prefault) -> Option<i64> {
    let dir = tempfile::tempdir().unwrap();
    let config = WriterConfig { prefault, ..config(SEGMENT_MIB << 20, true) };
    let mut writer = Writer::create(dir.path(), "inbound", config).unwrap();
    let record = small(1);
    writer.append(&record);
    let lines = ((SEGMENT_MIB << 20) / 4096 - 1) * 60;
    let before = faults();
    for number in 1..lines {
        writer.append(&record);
        if number % (1 << 14) == 0 {
            // Gives the helper its turn, whatever else the machine does.
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
    let taken = faults() - before;
    let can_populate = writer.populate_failures() == 0;
    assert_eq!(writer.finish().unwrap().records, lines);
    if !can_populate {
        println!("skipped: this kernel does not populate pages");
    }
    can_populate.then_some(taken)
}

#[test]
fn a_populated_segment_is_written_without_one_fault() {
    if let Some(taken) = faults_of(Prefault::Whole) {
        assert_eq!(taken, 0);
    }
}

#[test]
fn behind_the_helper_the_writer_takes_at_most_one_fault_a_mebibyte() {
    let bound = i64::try_from(SEGMENT_MIB).unwrap();
    // A machine that writes much else to its disk holds the helper up, and its write-back protects pages again: the
    // mechanism is shown by one run of a few that keeps the bound.
    let mut runs = (0..8).map(|_| faults_of(Prefault::Helper { window_bytes: 16 << 20 }));
    assert!(
        runs.any(|taken| taken.is_none_or(|taken| taken <= bound)),
        "more than {bound} faults in every run"
    );
}

#[test]
fn without_populating_the_counter_sees_the_faults() {
    let taken = faults_of(Prefault::None).unwrap();
    assert!(taken > 0);
}

const CHILD: &str = "TICKRACE_FULL_DISK_TEST";

/// In a process of its own: no file may grow any more once the first segment stands.
fn write_without_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path(), "inbound", config(256 << 10, true)).unwrap();
    // SAFETY: a plain change of this process's signal table; the default action would end it.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let limit = libc::rlimit { rlim_cur: 4096, rlim_max: 4096 };
    // SAFETY: the pointer leads to an `rlimit` of ours.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
    // 63 chunks of 60 lines fit.
    for seq in 0..10_000 {
        writer.append(&small(seq));
    }
    assert!(writer.is_failed());
    let Err(JournalError::Io { path, action: "allocate", .. }) = writer.check() else {
        panic!("{:?}", writer.check());
    };
    assert!(path.to_string_lossy().contains("inbound-000001"));
    assert_eq!((writer.records(), writer.dropped()), (63 * 60, 10_000 - 63 * 60));
    drop(writer);
    assert_eq!(Reader::open(dir.path(), "inbound").unwrap().records(), 63 * 60);
}

#[test]
fn a_full_disk_is_an_error_that_stays_and_what_was_written_reads() {
    if std::env::var_os(CHILD).is_some() {
        return write_without_room();
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_full_disk_is_an_error_that_stays_and_what_was_written_reads", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
}
