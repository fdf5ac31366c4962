//! Whole streams: written, rolled, read back, followed, refused.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::fs;
use std::sync::Arc;

use common::{append, assert_holds, config, is_same, plain, small, write_finished};
use tickrace_journal::{
    CutReason, JournalError, Prefault, Reader, Tail, TailStatus, Writer, WriterConfig, alter, read_head,
    recover, write_head,
};

#[test]
fn what_was_appended_is_read_back_over_many_segments() {
    for checksum in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        // 16 KiB hold three chunks of 60 lines; 7 records take 9 lines, so 1,000 need at least 1,286 lines: 8 segments.
        let summary = write_finished(dir.path(), 1000, config(16 << 10, checksum));
        assert_eq!(summary.records, 1000);
        assert!(summary.segments >= 8, "{summary:?}");
        let on_disk: u64 =
            fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert_eq!(summary.bytes, on_disk, "unused room and spares are gone");
        let reader = Reader::open(dir.path(), "inbound").unwrap();
        assert_eq!(reader.recovery().reason, CutReason::Finished);
        assert_eq!(reader.recovery().cut_bytes, 0);
        assert_holds(&reader, 1000);
        let mut folded = 0;
        reader.for_each(|entry| {
            assert!(is_same(&entry, &plain(folded)));
            folded += 1;
        });
        assert_eq!(folded, 1000);
    }
}

#[test]
fn records_lie_on_cache_lines_and_large_ones_in_one_piece() {
    let dir = tempfile::tempdir().unwrap();
    write_finished(dir.path(), 500, config(16 << 10, true));
    let reader = Reader::open(dir.path(), "inbound").unwrap();
    for entry in &reader {
        assert_eq!(entry.bytes().as_ptr() as usize % 64, 0);
    }
}

#[test]
fn an_empty_stream_is_a_stream() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(write_finished(dir.path(), 0, WriterConfig::default()).bytes, 4096);
    assert_holds(&Reader::open(dir.path(), "inbound").unwrap(), 0);
}

#[test]
fn every_length_around_a_chunk_reads_back() {
    for count in 40..140 {
        let dir = tempfile::tempdir().unwrap();
        write_finished(dir.path(), count, config(16 << 10, true));
        let reader = Reader::open(dir.path(), "inbound").unwrap();
        assert_eq!(reader.recovery().reason, CutReason::Finished, "{count}");
        assert_holds(&reader, count);
    }
}

#[test]
fn a_stream_left_open_reads_and_recovers_whole() {
    for count in [0, 1, 46, 47, 200, 1000] {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(dir.path(), "inbound", config(64 << 10, true)).unwrap();
        (0..count).for_each(|seq| append(&mut writer, &plain(seq)));
        drop(writer);
        let reader = Reader::open(dir.path(), "inbound").unwrap();
        assert_eq!(reader.recovery().reason, CutReason::Unfinished);
        assert_eq!(reader.recovery().cut_bytes, 0);
        assert!(!reader.recovery().is_lossy());
        assert_holds(&reader, count);
        assert!(matches!(recover(dir.path()), Err(JournalError::Busy { .. })), "a reader holds it");
        drop(reader);
        let reports = recover(dir.path()).unwrap();
        assert_eq!((reports.len(), reports[0].0.as_str(), reports[0].1.records), (1, "inbound", count));
        let reader = Reader::open(dir.path(), "inbound").unwrap();
        assert_eq!(reader.recovery().reason, CutReason::Finished);
        assert_holds(&reader, count);
    }
}

#[test]
fn a_reader_of_a_live_stream_sees_what_was_committed_and_tools_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path(), "inbound", config(16 << 10, true)).unwrap();
    (0..300).for_each(|seq| append(&mut writer, &plain(seq)));
    let reader = Reader::open(dir.path(), "inbound").unwrap();
    assert_eq!(reader.recovery().reason, CutReason::Live);
    append(&mut writer, &plain(300));
    assert_holds(&reader, 300);
    assert!(matches!(recover(dir.path()), Err(JournalError::Busy { .. })));
    assert!(matches!(
        alter::rewrite_record(dir.path(), "inbound", 0, |_| ()),
        Err(JournalError::Busy { .. })
    ));
    writer.finish().unwrap();
}

#[test]
fn a_tail_on_another_thread_sees_every_record_in_order_and_the_end() {
    const COUNT: u64 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path(), "inbound", config(64 << 10, true)).unwrap();
    let mut tail = Tail::open(dir.path(), "inbound").unwrap();
    let follower = std::thread::spawn(move || {
        let mut seq = 0;
        loop {
            let status = tail
                .next_batch(|entry| {
                    assert!(is_same(&entry, &plain(seq)), "record {seq} is {entry:?}");
                    seq += 1;
                })
                .unwrap();
            match status {
                TailStatus::Finished => return seq,
                TailStatus::Idle => std::thread::yield_now(),
                TailStatus::Advanced(_) => {}
            }
        }
    });
    (0..COUNT).for_each(|seq| append(&mut writer, &plain(seq)));
    writer.finish().unwrap();
    assert_eq!(follower.join().unwrap(), COUNT);
}

#[test]
fn a_second_writer_of_a_stream_is_refused_and_other_streams_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let first = Writer::create(dir.path(), "inbound", config(8 << 10, true)).unwrap();
    let again = Writer::create(dir.path(), "inbound", config(8 << 10, true));
    assert!(matches!(again, Err(JournalError::Exists { .. })));
    let other = Writer::create(dir.path(), "outbound", config(8 << 10, true)).unwrap();
    first.finish().unwrap();
    other.finish().unwrap();
}

#[test]
fn settings_out_of_bounds_and_bad_names_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let create = |name: &str, config| Writer::create(dir.path(), name, config).map(|_| ());
    for bytes in [0, 4096, 8191, 8193, (1 << 36) + 4096] {
        assert!(
            matches!(create("inbound", config(bytes, true)), Err(JournalError::Config { .. })),
            "{bytes}"
        );
    }
    let window = Prefault::Helper { window_bytes: 0 };
    let narrow = WriterConfig { prefault: window, ..WriterConfig::default() };
    assert!(matches!(create("inbound", narrow), Err(JournalError::Config { .. })));
    for name in ["", "../x", "In", "a-b", "sixteen_letters_"] {
        assert!(
            matches!(create(name, WriterConfig::default()), Err(JournalError::StreamName { .. })),
            "{name}"
        );
    }
}

#[test]
#[should_panic(expected = "kind 0 does not belong")]
fn a_record_that_could_not_be_read_back_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path(), "inbound", config(8 << 10, true)).unwrap();
    writer.append(&tickrace_types::Record::default());
}

#[test]
fn an_altered_record_reads_back_altered_and_alone() {
    let dir = tempfile::tempdir().unwrap();
    write_finished(dir.path(), 400, config(8 << 10, true));
    for index in [0, 2, 5, 57, 399] {
        alter::rewrite_record(dir.path(), "inbound", index, |bytes| bytes[40] ^= 0xFF).unwrap();
    }
    let reader = Reader::open(dir.path(), "inbound").unwrap();
    assert_eq!(reader.recovery().reason, CutReason::Finished);
    let changed: Vec<usize> = reader
        .iter()
        .enumerate()
        .filter(|(seq, entry)| !is_same(entry, &plain(*seq as u64)))
        .map(|(n, _)| n)
        .collect();
    assert_eq!(changed, [0, 2, 5, 57, 399]);
    drop(reader);
    let beyond = alter::rewrite_record(dir.path(), "inbound", 400, |_| ());
    assert!(matches!(beyond, Err(JournalError::NoSuchRecord { index: 400, records: 400 })));
    let grown = alter::rewrite_record(dir.path(), "inbound", 0, |bytes| bytes[0] = 65);
    assert!(matches!(grown, Err(JournalError::KindSize { from: 1, to: 65, .. })));
}

#[test]
fn the_head_is_given_back_and_a_missing_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("new/journal");
    assert!(matches!(read_head(&journal), Err(JournalError::Missing { .. })));
    write_head(&journal, b"{\"seed\":1}").unwrap();
    write_head(&journal, b"{\"seed\":2}").unwrap();
    assert_eq!(read_head(&journal).unwrap(), b"{\"seed\":2}");
    assert_eq!(fs::read_dir(&journal).unwrap().count(), 1, "no draft is left");
}

#[test]
fn flushing_in_the_background_changes_nothing_that_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let flushed = WriterConfig { flush_interval_ms: Some(1), ..config(64 << 10, true) };
    write_finished(dir.path(), 5000, flushed);
    assert_holds(&Reader::open(dir.path(), "inbound").unwrap(), 5000);
}

#[test]
fn when_the_next_segment_cannot_be_made_the_writer_says_so_and_keeps_what_fits() {
    let dir = tempfile::tempdir().unwrap();
    // Somebody else's file stands where the next segment should be.
    fs::write(dir.path().join("inbound-000001.tj"), b"in the way").unwrap();
    let mut writer = Writer::create(dir.path(), "inbound", config(8 << 10, true)).unwrap();
    for seq in 0..100 {
        writer.append(&small(seq));
    }
    assert!(writer.is_failed());
    assert!(matches!(writer.check(), Err(JournalError::Exists { .. })));
    assert_eq!((writer.records(), writer.dropped()), (60, 40));
    assert!(writer.finish().is_err());
    fs::remove_file(dir.path().join("inbound-000001.tj")).unwrap();
    let reader = Reader::open(dir.path(), "inbound").unwrap();
    assert_eq!((reader.records(), reader.recovery().reason), (60, CutReason::Finished));
}

#[test]
fn runs_in_place_give_each_small_record_once_over_chunks_segments_and_large_ones() {
    let dir = tempfile::tempdir().unwrap();
    write_finished(dir.path(), 2000, config(16 << 10, true));
    let reader = Arc::new(Reader::open(dir.path(), "inbound").unwrap());
    let mut one_by_one = reader.small_records();
    let mut wanted = Vec::new();
    while let Some(record) = one_by_one.advance() {
        wanted.push(*record);
    }
    // Some of each run are taken, by turns none, one, ..., all; some are not offered.
    for refused in [1, 3, u64::MAX] {
        let (mut runs, mut seen, mut turn) = (reader.small_records(), Vec::new(), 0);
        loop {
            let before = seen.len();
            let count = runs.advance_runs(
                |record| record.header.seq % refused != 0,
                |run| {
                    turn = (turn + 1) % 7;
                    let taken = if turn == 6 { run.len() } else { run.len().min(turn) };
                    assert!(run.iter().all(|record| record.header.seq % refused != 0));
                    seen.extend_from_slice(&run[..taken]);
                    taken
                },
            );
            assert_eq!(count, (seen.len() - before) as u64);
            let Some(record) = runs.advance() else { break };
            seen.push(*record);
        }
        assert!(seen == wanted, "{refused}: {} and {}", seen.len(), wanted.len());
        assert_eq!(runs.position(), one_by_one.position());
    }
}
