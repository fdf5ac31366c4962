//! Exchange samples against answers that other tools computed.
//!
//! The samples lie outside the repository: in the folder that `TICKRACE_SHARED` names, else in `../shared`
//! beside it. Without them the tests say so and pass.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::PathBuf;

use serde_json::Value;
use tickrace_feeds::itch::message::{self, Visitor};
use tickrace_feeds::itch::visit;
use tickrace_feeds::{End, FileOptions, FileSource, LocateMap, Source, Tally};
use tickrace_feeds_files::{TickFile, date_from_name};
use tickrace_types::{Flags, Kind, Record};

fn folder() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var_os("TICKRACE_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let folder = shared.join("data/ticks/itch");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no exchange samples in {}", folder.display());
    None
}

const SAMPLES: [(&str, &str); 3] = [
    ("01302020.AAPL_first10k.real_ITCH50", "01302020.AAPL_first10k.answers.json"),
    ("stockdir_first1000.real_ITCH50", "stockdir_first1000.answers.json"),
    ("20120621.GOOG_AAPL.derived_ITCH50.gz", "20120621.GOOG_AAPL.answers.json"),
];

#[test]
fn counts_and_executions_equal_the_answers() {
    let Some(folder) = folder() else { return };
    for (name, answers) in SAMPLES {
        let file = TickFile::open(folder.join(name)).unwrap();
        let answers: Value = serde_json::from_slice(&std::fs::read(folder.join(answers)).unwrap()).unwrap();
        let tally = Tally::of(file.as_slice());
        assert_eq!(tally.end, End::Complete, "{name}");
        assert_eq!(tally.skips.faults(), 0, "{name}");
        assert_eq!(file.as_slice().len() as u64, answers["bytes"].as_u64().unwrap(), "{name}");
        assert_eq!(tally.messages, answers["messages"].as_u64().unwrap(), "{name}");
        assert_eq!(tally.symbols.len() as u64, answers["stock_directory"].as_u64().unwrap(), "{name}");
        let by_type: serde_json::Map<String, Value> =
            tally.by_type().into_iter().map(|(letter, count)| (letter.to_string(), count.into())).collect();
        assert_eq!(Value::Object(by_type), answers["by_type"], "{name}");
        let trades = answers["trades"].as_object().unwrap();
        assert_eq!(tally.executions.len(), trades.len(), "{name}");
        for (symbol, wanted) in trades {
            let got = &tally.executions[symbol];
            let field = |field: &str| wanted[field].as_u64().unwrap();
            assert_eq!(got.displayed_count, field("displayed_exec_count"), "{name} {symbol}");
            assert_eq!(got.displayed_qty, field("displayed_exec_shares"), "{name} {symbol}");
            assert_eq!(got.hidden_count, field("nondisplayed_trade_count"), "{name} {symbol}");
            assert_eq!(got.hidden_qty, field("nondisplayed_trade_shares"), "{name} {symbol}");
            assert_eq!(
                got.hidden_notional_e4,
                u128::from(field("nondisplayed_notional_1e4")),
                "{name} {symbol}"
            );
        }
    }
}

/// Counts records and visits of one file both ways.
#[derive(Default)]
struct Timestamps(Vec<u64>);

impl Visitor for Timestamps {
    fn add_order(&mut self, m: &message::AddOrder) {
        self.0.push(m.head.timestamp.get());
    }
}

#[test]
fn every_message_gives_one_record_in_order_and_events_close() {
    let Some(folder) = folder() else { return };
    for (name, _) in SAMPLES {
        let file = TickFile::open(folder.join(name)).unwrap();
        let midnight = date_from_name(name).map_or(0, |date| date.new_york_midnight_ns());
        let mut stamps = Timestamps::default();
        let messages = visit(file.as_slice(), &mut stamps).messages;
        let options =
            FileOptions { session_midnight_ns: midnight, feed_latency_ns: 5, universe: LocateMap::all() };
        let mut source = FileSource::new(&file, options);
        let mut record = Record::default();
        let (mut count, mut adds, mut previous) = (0, stamps.0.into_iter(), Record::default());
        while source.next_into(&mut record) {
            count += 1;
            assert_eq!(record.header.seq, count, "{name}");
            assert_eq!(record.header.ts_recv_ns, record.header.ts_venue_ns + 5);
            if record.header.kind == Kind::Add as u8 && record.as_market().venue_type == b'A' {
                let ts = i64::try_from(adds.next().unwrap()).unwrap();
                assert_eq!(record.header.ts_venue_ns, midnight + ts, "{name}");
            }
            // An open event goes on with the same instrument at the same time. (System events have no
            // instrument, whatever their locate.)
            if count > 1 && previous.header.flags & Flags::END_OF_EVENT == 0 {
                assert_eq!(previous.header.ts_venue_ns, record.header.ts_venue_ns, "{name} {count}");
                assert_eq!(previous.header.instrument, record.header.instrument, "{name} {count}");
            }
            previous = record;
        }
        assert_eq!(count, messages, "{name}");
        assert_eq!(previous.header.flags & Flags::END_OF_EVENT, 1, "{name}");
        assert_eq!((source.skips().faults(), source.skips().unannounced), (0, 0), "{name}");
        assert_eq!(source.position(), file.as_slice().len() as u64);
    }
}

#[test]
fn a_real_file_cut_anywhere_near_its_end_is_told_with_the_offset() {
    let Some(folder) = folder() else { return };
    let file = TickFile::open(folder.join(SAMPLES[0].0)).unwrap();
    let bytes = file.as_slice();
    let whole = Tally::of(bytes).messages;
    for cut in 1..200 {
        let tally = Tally::of(&bytes[..bytes.len() - cut]);
        assert!(tally.messages < whole);
        let Some(offset) = tally.end.fault_offset() else {
            assert_eq!(tally.end, End::Complete);
            continue;
        };
        let offset = usize::try_from(offset).unwrap();
        assert!(offset < bytes.len() - cut);
        assert_eq!(Tally::of(&bytes[..offset]).end, End::Complete, "the offset is a message boundary");
    }
}
