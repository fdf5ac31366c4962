//! Any harm to the files of a journal: reading and recovery answer, and never with a wrong record.
//!
//! The first byte chooses what is harmed (a finished or an open stream, with sums or without, or nothing but the
//! input's own bytes), the rest are the harm: places and masks to flip, a length to cut to, bytes to put. Asserted: no
//! panic; with sums what opens is an exact prefix of what was written; recovery agrees with reading and leaves a
//! stream that reads as finished.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tickrace_journal::{CutReason, Entry, Prefault, Reader, Writer, WriterConfig, recover};
use tickrace_types::{Header, Kind, OrderRecord, Record};

const RECORDS: u64 = 150;

fn header(kind: Kind, seq: u64) -> Header {
    Header { kind: kind as u8, version: 1, seq, ..Header::default() }
}

fn small(seq: u64) -> Record {
    Record { header: header(Kind::Add, seq), body: [seq, !seq, seq << 32, 7] }
}

fn order(seq: u64) -> OrderRecord {
    OrderRecord { header: header(Kind::Order, seq), client_id: seq, ..OrderRecord::default() }
}

fn is_order(seq: u64) -> bool {
    seq % 5 == 2
}

fn is_as_written(entry: &Entry<'_>, seq: u64) -> bool {
    match entry {
        Entry::Small(record) => !is_order(seq) && **record == small(seq),
        Entry::Order(record) => is_order(seq) && **record == order(seq),
        Entry::Response(_) => false,
    }
}

fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        base.join(format!("tickrace-fuzz-{}", std::process::id()))
    })
}

/// The files of a stream: bit 0 of `choice` finishes it, bit 1 gives it sums.
fn files(choice: u8) -> &'static [Vec<u8>] {
    static FILES: [OnceLock<Vec<Vec<u8>>>; 4] = [const { OnceLock::new() }; 4];
    FILES[usize::from(choice & 3)].get_or_init(|| {
        let dir = folder();
        let _ = fs::remove_dir_all(dir);
        let config = WriterConfig {
            segment_bytes: 12 << 10,
            checksum: choice & 2 != 0,
            prefault: Prefault::None,
            flush_interval_ms: None,
        };
        let mut writer = Writer::create(dir, "inbound", config).unwrap();
        for seq in 0..RECORDS {
            if is_order(seq) {
                writer.append_order(&order(seq));
            } else {
                writer.append(&small(seq));
            }
        }
        let segments = writer.segment() + 1;
        if choice & 1 != 0 {
            writer.finish().unwrap();
        } else {
            drop(writer);
        }
        (0..segments).map(|number| fs::read(path(number as usize)).unwrap()).collect()
    })
}

fn path(number: usize) -> PathBuf {
    folder().join(format!("inbound-{number:06}.tj"))
}

fn harm(files: &mut [Vec<u8>], mut harms: &[u8]) {
    // Seven bytes a harm: its kind and file, a place in 24 bits, a mask, two bytes of length.
    while let Some((step, rest)) = harms.split_first_chunk::<7>() {
        harms = rest;
        let number = usize::from(step[0] >> 4) % files.len();
        let file = &mut files[number];
        let place = u32::from_le_bytes([step[1], step[2], step[3], 0]) as usize % file.len().max(1);
        let length = usize::from(u16::from_le_bytes([step[5], step[6]]));
        let end = (place + length).min(file.len());
        match step[0] & 7 {
            0 => file.truncate(place),
            1 => file[place..end].fill(step[4]),
            2 => file.extend(std::iter::repeat_n(step[4], length % 9000)),
            3 => {
                let from = place / 64 * 64;
                let to = length * 64;
                if from + 64 <= file.len() && to + 64 <= file.len() {
                    file.copy_within(from..from + 64, to);
                }
            }
            _ => {
                if let Some(byte) = file.get_mut(place) {
                    *byte ^= step[4];
                }
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let has_sums = choice & 2 != 0;
    let mut files = files(*choice).to_vec();
    let is_raw = choice & 4 != 0;
    if is_raw && has_sums {
        files = vec![rest.to_vec()];
    } else if is_raw {
        // Without sums the lines themselves are the input's.
        let room = files[0].len() - 4096;
        files[0][4096..4096 + rest.len().min(room)].copy_from_slice(&rest[..rest.len().min(room)]);
    } else {
        harm(&mut files, rest);
    }
    let dir = folder();
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).unwrap();
    for (number, file) in files.iter().enumerate() {
        fs::write(path(number), file).unwrap();
    }

    // Raw bytes may happen to be a stream of their own.
    let is_known = has_sums && !is_raw;
    let seen = Reader::open(dir, "inbound").ok().map(|reader| {
        let mut count = 0;
        for entry in &reader {
            assert!(!is_known || is_as_written(&entry, count), "record {count} is {entry:?}");
            count += 1;
        }
        assert_eq!(count, reader.records());
        assert!(!is_known || count == RECORDS || !reader.recovery().is_clean());
        count
    });
    let recovered = recover(dir).ok().map(|reports| reports[0].1.records);
    assert_eq!(seen, recovered);
    if let Some(count) = recovered {
        let reader = Reader::open(dir, "inbound").unwrap();
        assert_eq!((reader.records(), reader.recovery().reason), (count, CutReason::Finished));
    }
});
