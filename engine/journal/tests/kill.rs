//! A writer killed in mid-stride: the test starts itself once more as the victim.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{append, config, is_same, plain};
use tickrace_journal::{CutReason, Reader, Tail, TailStatus, Writer, WriterConfig, recover};

const FOLDER: &str = "TICKRACE_KILL_TEST_FOLDER";

/// The victim: appends for ever and says after each few records how many are committed.
fn write_until_killed(dir: &Path) {
    let rolling = WriterConfig { flush_interval_ms: Some(5), ..config(64 << 10, true) };
    let mut writer = Writer::create(dir, "inbound", rolling).unwrap();
    for seq in 0..u64::MAX {
        append(&mut writer, &plain(seq));
        if seq % 37 == 0 {
            // Not through the test harness, which keeps what is printed.
            let line = format!("committed {}\n", seq + 1);
            std::io::stderr().write_all(line.as_bytes()).unwrap();
        }
    }
}

#[test]
fn a_killed_writer_loses_nothing_that_it_committed() {
    if let Some(dir) = std::env::var_os(FOLDER) {
        return write_until_killed(Path::new(&dir));
    }
    for kill_after in [1, 40, 700, 5_000, 20_011] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_killed_writer_loses_nothing_that_it_committed", "--nocapture"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut committed = 0;
        let mut is_killed = false;
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(count) = line.strip_prefix("committed ") {
                committed = count.parse().unwrap_or(committed);
            }
            if committed >= kill_after && !is_killed {
                // SIGKILL: nothing of the victim runs any more. What it said before is still in the pipe.
                child.kill().unwrap();
                is_killed = true;
            }
        }
        assert!(!child.wait().unwrap().success());
        assert!(committed >= kill_after);

        let reader = Reader::open(dir.path(), "inbound").unwrap();
        assert_eq!(reader.recovery().reason, CutReason::Unfinished);
        let found = reader.records();
        assert!(found >= committed, "{found} of {committed} committed records");
        assert!(reader.iter().zip(0..).all(|(entry, seq)| is_same(&entry, &plain(seq))));
        drop(reader);
        let report = recover(dir.path()).unwrap().remove(0).1;
        assert_eq!((report.records, report.is_lossy()), (found, false));
        assert_eq!(Reader::open(dir.path(), "inbound").unwrap().recovery().reason, CutReason::Finished);
    }
}

#[test]
fn another_process_is_followed_while_it_writes() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_writer_loses_nothing_that_it_committed", "--nocapture"])
        .env(FOLDER, dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // Its first word says that the stream is there; a thread drains the rest, so that it never waits for us.
    lines.next().unwrap().unwrap();
    let drain = std::thread::spawn(move || lines.count());
    let mut tail = Tail::open(dir.path(), "inbound").unwrap();
    let mut seq = 0;
    while seq < 10_000 {
        let status = tail.next_batch(|entry| {
            assert!(is_same(&entry, &plain(seq)), "record {seq}");
            seq += 1;
        });
        if status.unwrap() == TailStatus::Idle {
            std::thread::yield_now();
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drain.join().unwrap();
    let still_writing = Reader::open(dir.path(), "inbound").unwrap();
    assert!(still_writing.records() >= tail.records());
}
