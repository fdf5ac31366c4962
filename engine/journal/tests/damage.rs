//! Files that are not as they were written: cut short, flipped, extended, swapped, foreign.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers of small files")]

mod common;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use common::{append, assert_holds, config, is_same, plain, write_finished};
use proptest::prelude::*;
use tickrace_journal::{
    CutReason, Damage, JournalError, Reader, RecoveryReport, Writer, WriterConfig, recover, recover_with,
};

fn segment(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("inbound-{number:06}.tj"))
}

fn flip(path: &Path, offset: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
}

fn cut_to(path: &Path, length: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

/// Offset of line `line` of a segment, from 0.
fn line(line: u64) -> u64 {
    4096 + line / 60 * 4096 + 256 + line % 60 * 64
}

fn small_stream(dir: &Path, count: u64, config: WriterConfig) {
    let mut writer = Writer::create(dir, "inbound", config).unwrap();
    (0..count).for_each(|seq| writer.append(&common::small(seq)));
    writer.finish().unwrap();
}

#[test]
fn a_file_cut_anywhere_ends_at_its_last_whole_record() {
    let dir = tempfile::tempdir().unwrap();
    small_stream(dir.path(), 200, config(64 << 10, true));
    let path = segment(dir.path(), 0);
    let whole = fs::read(&path).unwrap();
    for length in (4096..whole.len()).step_by(17).chain([line(60) as usize, line(61) as usize - 1]) {
        fs::write(&path, &whole[..length]).unwrap();
        // 60 lines in each chunk of 4096 bytes after the header; 256 bytes of sums before them.
        let chunks = (length - 4096) / 4096;
        let rest = ((length - 4096) % 4096).saturating_sub(256) / 64;
        let expected = (chunks * 60 + rest) as u64;
        let report = recover(dir.path()).unwrap().remove(0).1;
        assert_eq!(report.reason, CutReason::Truncated, "{length}");
        assert_eq!(report.records, expected, "{length}");
        let end = if expected.is_multiple_of(60) { 4096 + expected / 60 * 4096 } else { line(expected) };
        assert_eq!(report.at_offset, end, "{length}");
        assert_eq!(report.cut_bytes, length as u64 - end, "{length}");
        assert!(report.missing_bytes > 0 && report.is_lossy());
        let reader = Reader::open(dir.path(), "inbound").unwrap();
        assert_eq!((reader.records(), reader.recovery().reason), (expected, CutReason::Finished));
    }
}

#[test]
fn a_flipped_byte_in_the_middle_is_refused_with_its_offset() {
    let dir = tempfile::tempdir().unwrap();
    small_stream(dir.path(), 200, config(64 << 10, true));
    for bad in [0, 30, 59, 60, 130, 198] {
        flip(&segment(dir.path(), 0), line(bad) + 41);
        let error = Reader::open(dir.path(), "inbound").map(|_| ()).unwrap_err();
        let JournalError::Damaged { path, offset, segment: 0, reason: CutReason::Checksum } = error else {
            panic!("{error}");
        };
        assert_eq!((path, offset), (segment(dir.path(), 0), line(bad)));
        assert!(matches!(recover(dir.path()), Err(JournalError::Damaged { .. })));
        flip(&segment(dir.path(), 0), line(bad) + 41);
    }
    assert_eq!(Reader::open(dir.path(), "inbound").unwrap().records(), 200);
}

#[test]
fn damage_before_a_later_segment_is_refused_and_cut_only_on_demand() {
    let dir = tempfile::tempdir().unwrap();
    // 60 small records fill a segment: the last line of the first has no good line after it there, but 100 elsewhere.
    small_stream(dir.path(), 160, config(8 << 10, true));
    flip(&segment(dir.path(), 0), line(59));
    assert!(matches!(recover(dir.path()), Err(JournalError::Damaged { segment: 0, .. })));
    let report = recover_with(dir.path(), Damage::Cut).unwrap().remove(0).1;
    assert_eq!((report.records, report.reason, report.at_offset), (59, CutReason::Checksum, line(59)));
    assert!(report.cut_bytes > 100 * 64 && report.is_lossy());
    let reader = Reader::open(dir.path(), "inbound").unwrap();
    assert_eq!((reader.records(), reader.recovery().reason), (59, CutReason::Finished));
    assert!(!segment(dir.path(), 1).exists());
}

#[test]
fn a_flipped_byte_in_the_last_record_is_a_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    small_stream(dir.path(), 200, config(64 << 10, true));
    flip(&segment(dir.path(), 0), line(199) + 63);
    let reader = Reader::open(dir.path(), "inbound").unwrap();
    let RecoveryReport { records, cut_bytes, at_offset, reason, .. } = reader.recovery().clone();
    assert_eq!((records, cut_bytes, at_offset, reason), (199, 64, line(199), CutReason::Checksum));
}

#[test]
fn a_large_record_without_its_second_half_is_not_a_record() {
    let dir = tempfile::tempdir().unwrap();
    write_finished(dir.path(), 3, config(64 << 10, true));
    // Records 0 and 1 are small, 2 is an order on lines 2 and 3.
    flip(&segment(dir.path(), 0), line(3));
    let reader = Reader::open(dir.path(), "inbound").unwrap();
    assert_holds(&reader, 2);
    assert_eq!(reader.recovery().at_offset, line(2));
    drop(reader);
    cut_to(&segment(dir.path(), 0), line(3) + 10);
    let report = recover(dir.path()).unwrap().remove(0).1;
    assert_eq!((report.records, report.at_offset, report.cut_bytes), (2, line(2), 74));
}

#[test]
fn records_past_a_stale_cursor_are_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path(), "inbound", config(64 << 10, true)).unwrap();
    (0..150).for_each(|seq| append(&mut writer, &plain(seq)));
    drop(writer);
    let file = OpenOptions::new().write(true).open(segment(dir.path(), 0)).unwrap();
    // As after a loss of power that caught the cursor's page before the last records.
    file.write_all_at(&line(9).to_ne_bytes(), 128).unwrap();
    assert_holds(&Reader::open(dir.path(), "inbound").unwrap(), 150);
    // And a half-written record after them is cut and told.
    // 21 times 9 lines, then two small and one large, and one filler: line 119 is left free by a large one.
    let torn = 21 * 9 + 4 + 1;
    file.write_all_at(&[1; 40], line(torn)).unwrap();
    let report = recover(dir.path()).unwrap().remove(0).1;
    assert_eq!((report.records, report.cut_bytes, report.at_offset), (150, 40, line(torn)));
    assert_holds(&Reader::open(dir.path(), "inbound").unwrap(), 150);
}

#[test]
fn foreign_short_and_missing_files_are_named_with_the_offset() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Reader::open(dir.path(), "inbound").map(|_| ()).unwrap_err();
    assert!(matches!(open(), JournalError::Missing { .. }));
    small_stream(dir.path(), 150, config(8 << 10, true));
    let path = segment(dir.path(), 0);
    let whole = fs::read(&path).unwrap();
    let with = |offset: usize, bytes: &[u8]| {
        let mut copy = whole.clone();
        copy[offset..offset + bytes.len()].copy_from_slice(bytes);
        fs::write(&path, copy).unwrap();
        open()
    };
    assert!(matches!(with(0, b"NOTATICK"), JournalError::Magic { .. }));
    assert!(matches!(with(8, &9_u32.to_ne_bytes()), JournalError::Version { found: 9, known: 1, .. }));
    assert!(matches!(with(12, &0x0403_0201_u32.to_ne_bytes()), JournalError::Endian { .. }));
    assert!(matches!(with(24, &[1]), JournalError::Header { offset: 60, .. }));
    assert!(matches!(with(264, &[0xFF]), JournalError::Header { offset: 256, .. }));
    for length in [0, 1, 63, 4095] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = open();
        assert!(matches!(error, JournalError::TooShort { bytes, need: 4096, .. } if bytes == length as u64));
        assert!(error.to_string().contains("inbound-000000.tj"), "{error}");
    }
    fs::write(&path, &whole).unwrap();
    fs::rename(segment(dir.path(), 1), dir.path().join("elsewhere")).unwrap();
    assert!(matches!(open(), JournalError::MissingSegment { path } if path == segment(dir.path(), 1)));
    // A segment under another's number is not believed.
    fs::copy(&path, segment(dir.path(), 1)).unwrap();
    assert!(matches!(open(), JournalError::Header { offset: 16, .. }));
}

#[test]
fn a_line_in_another_lines_place_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    small_stream(dir.path(), 50, config(8 << 10, true));
    let path = segment(dir.path(), 0);
    let mut bytes = fs::read(&path).unwrap();
    // Lines 10 and 11 change places together with their sums.
    let (a, b) = (line(10) as usize, line(11) as usize);
    let lines = [bytes[a..a + 64].to_vec(), bytes[b..b + 64].to_vec()];
    bytes[a..a + 64].copy_from_slice(&lines[1]);
    bytes[b..b + 64].copy_from_slice(&lines[0]);
    let sums = [bytes[4096 + 40..4096 + 44].to_vec(), bytes[4096 + 44..4096 + 48].to_vec()];
    bytes[4096 + 40..4096 + 44].copy_from_slice(&sums[1]);
    bytes[4096 + 44..4096 + 48].copy_from_slice(&sums[0]);
    fs::write(&path, bytes).unwrap();
    assert!(
        matches!(Reader::open(dir.path(), "inbound"), Err(JournalError::Damaged { offset, .. }) if offset == line(10))
    );
}

#[derive(Clone, Debug)]
enum Harm {
    Flip { at: f64, mask: u8 },
    Truncate { at: f64 },
    Append { bytes: Vec<u8> },
    Zero { at: f64, length: usize },
    Overwrite { at: f64, bytes: Vec<u8> },
}

fn harm() -> impl Strategy<Value = Harm> {
    let place = 0.0..1.0_f64;
    let bytes = prop::collection::vec(any::<u8>(), 1..300);
    prop_oneof![
        (place.clone(), 1..=255_u8).prop_map(|(at, mask)| Harm::Flip { at, mask }),
        place.clone().prop_map(|at| Harm::Truncate { at }),
        bytes.clone().prop_map(|bytes| Harm::Append { bytes }),
        (place.clone(), 1..5000_usize).prop_map(|(at, length)| Harm::Zero { at, length }),
        (place, bytes).prop_map(|(at, bytes)| Harm::Overwrite { at, bytes }),
    ]
}

fn apply(harm: &Harm, file: &mut Vec<u8>) {
    let length = file.len();
    let place = |at: f64| ((at * length as f64) as usize).min(length.saturating_sub(1));
    match harm {
        _ if length == 0 => {}
        Harm::Flip { at, mask } => file[place(*at)] ^= mask,
        Harm::Truncate { at } => file.truncate(place(*at)),
        Harm::Append { bytes } => file.extend_from_slice(bytes),
        Harm::Zero { at, length: count } => {
            let from = place(*at);
            let to = (from + count).min(length);
            file[from..to].fill(0);
        }
        Harm::Overwrite { at, bytes } => {
            let from = place(*at);
            let to = (from + bytes.len()).min(length);
            file[from..to].copy_from_slice(&bytes[..to - from]);
        }
    }
}

/// The records of a stream that opens must be the first ones of the mixed stream.
fn is_exact_prefix(reader: &Reader, written: u64) -> bool {
    let mut seq = 0;
    reader.iter().all(|entry| {
        let same = is_same(&entry, &plain(seq));
        seq += 1;
        same
    }) && seq == reader.records()
        && seq <= written
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_damage_gives_an_exact_prefix_or_is_refused(
        count in 0..400_u64,
        is_finished in any::<bool>(),
        which in 0.0..1.0_f64,
        harms in prop::collection::vec(harm(), 1..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(dir.path(), "inbound", config(16 << 10, true)).unwrap();
        (0..count).for_each(|seq| append(&mut writer, &plain(seq)));
        let segments = writer.segment() + 1;
        if is_finished { writer.finish().unwrap(); } else { drop(writer); }
        let path = segment(dir.path(), (which * f64::from(segments)) as u32);
        let mut bytes = fs::read(&path).unwrap();
        harms.iter().for_each(|harm| apply(harm, &mut bytes));
        fs::write(&path, bytes).unwrap();

        let opened = Reader::open(dir.path(), "inbound");
        if let Ok(reader) = &opened {
            prop_assert!(is_exact_prefix(reader, count));
            // What is lost is told.
            prop_assert!(reader.records() == count || !reader.recovery().is_clean());
        }
        let seen = opened.as_ref().map(Reader::records).ok();
        drop(opened);
        // Recovery agrees with reading, and what it leaves reads as finished.
        match recover(dir.path()) {
            Ok(reports) => {
                prop_assert_eq!(Some(reports[0].1.records), seen);
                let reader = Reader::open(dir.path(), "inbound").unwrap();
                prop_assert_eq!(Some(reader.records()), seen);
                prop_assert_eq!(reader.recovery().reason, CutReason::Finished);
            }
            Err(_) => prop_assert_eq!(seen, None),
        }
    }
}
