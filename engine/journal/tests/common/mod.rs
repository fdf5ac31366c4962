//! Streams with known content, and a plain copy of what they hold.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;

use tickrace_journal::{Entry, Prefault, Reader, Summary, Writer, WriterConfig};
use tickrace_types::{Header, Kind, OrderRecord, Record, ResponseRecord};

/// Small segments without pre-faulting: 8 KiB hold one chunk of 60 lines.
pub fn config(segment_bytes: u64, checksum: bool) -> WriterConfig {
    WriterConfig { segment_bytes, checksum, prefault: Prefault::None, flush_interval_ms: None }
}

fn header(kind: Kind, seq: u64) -> Header {
    Header { kind: kind as u8, version: 1, seq, ts_recv_ns: seq as i64 * 1000, ..Header::default() }
}

/// The small record number `seq`: every byte of the body depends on it.
pub fn small(seq: u64) -> Record {
    let word = seq.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Record { header: header(Kind::Add, seq), body: [word, !word, word.rotate_left(17), seq] }
}

pub fn order(seq: u64) -> OrderRecord {
    OrderRecord { header: header(Kind::Order, seq), client_id: seq * 3, qty: -5, ..OrderRecord::default() }
}

pub fn response(seq: u64) -> ResponseRecord {
    ResponseRecord { header: header(Kind::Response, seq), exec_id: seq * 7, ..ResponseRecord::default() }
}

/// A stream of mixed sizes as plain values: the oracle.
#[derive(Clone, Debug, PartialEq)]
pub enum Plain {
    Small(Record),
    Order(OrderRecord),
    Response(ResponseRecord),
}

/// Record `seq` of the mixed stream: about one in three is large, in no period that divides a chunk.
pub fn plain(seq: u64) -> Plain {
    match seq % 7 {
        2 => Plain::Order(order(seq)),
        5 => Plain::Response(response(seq)),
        _ => Plain::Small(small(seq)),
    }
}

pub fn append(writer: &mut Writer, plain: &Plain) {
    match plain {
        Plain::Small(record) => writer.append(record),
        Plain::Order(order) => writer.append_order(order),
        Plain::Response(response) => writer.append_response(response),
    }
}

pub fn is_same(entry: &Entry<'_>, plain: &Plain) -> bool {
    match (entry, plain) {
        (Entry::Small(a), Plain::Small(b)) => *a == b,
        (Entry::Order(a), Plain::Order(b)) => *a == b,
        (Entry::Response(a), Plain::Response(b)) => *a == b,
        _ => false,
    }
}

/// Writes records 0 to `count - 1` of the mixed stream and finishes it.
pub fn write_finished(dir: &Path, count: u64, config: WriterConfig) -> Summary {
    let mut writer = Writer::create(dir, "inbound", config).unwrap();
    for seq in 0..count {
        append(&mut writer, &plain(seq));
    }
    writer.finish().unwrap()
}

/// Asserts that the reader gives records 0 to `count - 1` of the mixed stream and nothing else.
pub fn assert_holds(reader: &Reader, count: u64) {
    assert_eq!(reader.records(), count);
    let mut seq = 0;
    for entry in reader {
        assert!(is_same(&entry, &plain(seq)), "record {seq} is {entry:?}");
        seq += 1;
    }
    assert_eq!(seq, count);
}
