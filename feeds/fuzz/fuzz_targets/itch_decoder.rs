//! Any bytes through both walks of the ITCH decoder.
//!
//! The first byte chooses the universe; the rest are the file. Asserted: no panic, every message is a record or a
//! counted skip, the walks agree on messages and end, records are numbered upwards and the last one closes its
//! event, and offsets lie within the bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tickrace_feeds::itch::{Visitor, visit};
use tickrace_feeds::{FileOptions, FileSource, LocateMap, Source};
use tickrace_types::{Flags, InstrumentId, Kind, Record};

struct Nothing;
impl Visitor for Nothing {}

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let universe = match choice % 2 {
        0 => LocateMap::all(),
        _ => LocateMap::only([("AAPL", InstrumentId(0)), ("", InstrumentId(1))]),
    };
    let all = universe.is_all();
    let options = FileOptions { session_midnight_ns: i64::from(*choice) << 55, feed_latency_ns: i64::MAX, universe };
    let mut source = FileSource::new(bytes, options);
    let mut record = Record::default();
    let (mut records, mut seq, mut closed) = (0u64, 0, true);
    while source.next_into(&mut record) {
        records += 1;
        assert!(record.header.seq > seq);
        seq = record.header.seq;
        assert!(Kind::from_code(record.header.kind).is_some());
        closed = record.header.flags & Flags::END_OF_EVENT != 0;
        assert!(source.position() <= bytes.len() as u64);
    }
    assert!(closed, "the last record closes its event");
    assert!(!source.end().is_running());
    let skips = source.skips();
    assert_eq!(records + skips.faults() - skips.zero_length + skips.filtered, source.messages());
    assert!(!all || skips.filtered == 0);
    if let Some(offset) = source.end().fault_offset() {
        assert!(offset < bytes.len() as u64);
    }
    let visited = visit(bytes, &mut Nothing);
    assert_eq!((visited.messages, visited.end), (source.messages(), *source.end()));
    assert_eq!(visited.skips.unknown_type, skips.unknown_type);
    assert_eq!(visited.skips.wrong_length, skips.wrong_length);
});
