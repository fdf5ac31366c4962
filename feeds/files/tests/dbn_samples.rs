//! DBN samples against what the `databento` Python package and NautilusTrader's book made of them.
//!
//! The samples lie outside the repository: in the folder that `TICKRACE_SHARED` names, else in `../shared`
//! beside it. Without them the tests say so and pass.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dbn::decode::DecodeRecordRef;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tickrace_book::Books;
use tickrace_feeds_files::format::{End, Skips};
use tickrace_feeds_files::{Decoder, Options, Stream, dbn as format};
use tickrace_types::instrument::Settlement;
use tickrace_types::{Flags, InstrumentId, Kind, Record, Side};

fn folder() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var_os("TICKRACE_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let folder = shared.join("data/ticks/dbn");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no samples in {}", folder.display());
    None
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// All sample files: those of the folder and those of the archive in it, unpacked.
fn samples(folder: &Path) -> (tempfile::TempDir, Vec<PathBuf>) {
    let unpacked = tempfile::tempdir().unwrap();
    let mut archive = Stream::open(&folder.join("databento_dbn_test_data.tar.xz")).unwrap();
    let mut tar = Command::new("tar")
        .args(["-x", "-C"])
        .arg(unpacked.path())
        .stdin(Stdio::piped())
        .spawn()
        .expect("tar runs");
    std::io::copy(&mut archive, tar.stdin.as_mut().unwrap()).unwrap();
    assert!(tar.wait().unwrap().success());
    let mut paths = Vec::new();
    for place in [folder, unpacked.path()] {
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().contains(".dbn") || path.extension().is_some_and(|ext| ext == "dbz") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    (unpacked, paths)
}

struct Whole {
    records: Vec<Record>,
    decoder: format::DbnDecoder,
}

fn read(path: &Path, options: &Options) -> Whole {
    let mut decoder = format::open(path, options).unwrap_or_else(|error| panic!("{error}"));
    let mut records = Vec::new();
    while decoder.read(&mut records) {}
    assert!(!decoder.read(&mut records), "the end stays the end");
    Whole { records, decoder }
}

/// Counts by `schema:action` as the answers of one file state them.
fn wanted(answers: &Value) -> Vec<(String, u64)> {
    let schema = answers["schema"].as_str().unwrap();
    let actions = answers["actions"].as_object().unwrap();
    // The tool that counted took a status's number for a letter.
    if actions.is_empty() || schema == "status" {
        let count = answers["records"].as_u64().unwrap();
        return if count == 0 { Vec::new() } else { vec![(schema.to_owned(), count)] };
    }
    let named = |(action, count): (&String, &Value)| (format!("{schema}:{action}"), count.as_u64().unwrap());
    let mut all: Vec<_> = actions.iter().map(named).collect();
    all.sort();
    all
}

/// The digest of all records as the crate upgrades them.
fn digest(path: &Path) -> String {
    let mut decoder = dbn::decode::dbn::Decoder::new(Stream::open(path).unwrap()).unwrap();
    let mut sha = Sha256::new();
    while let Some(record) = decoder.decode_record_ref().unwrap() {
        sha.update(record.as_ref());
    }
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_sample_is_counted_as_databento_counts_it() {
    let Some(folder) = folder() else { return };
    let (_unpacked, paths) = samples(&folder);
    let all = json(&folder.join("answers.json"));
    let by_sha: BTreeMap<&str, &Value> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|answers| (answers["sha256"].as_str().unwrap(), answers))
        .collect();
    let (mut answered, mut others) = (0, 0);
    for path in &paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let sha = Sha256::digest(std::fs::read(path).unwrap());
        let sha: String = sha.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut head = Vec::new();
        Stream::open(path).unwrap().take(1 << 16).read_to_end(&mut head).unwrap();
        assert!(format::is_it(&head, &name) || head.is_empty(), "{name}");
        let Whole { records, decoder } = read(path, &Options::default());
        let account = decoder.account();
        assert_eq!(account.end, End::Complete, "{name}");
        // Two cancels without the orders they are about: the sample begins in the middle of a day.
        let orphans = if name.contains("test_data.mbo") { 2 } else { 0 };
        assert_eq!(account.skips.of("order not there"), orphans, "{name}");
        assert_eq!(account.skips.faults(), orphans, "{name}: {:?}", account.skips);
        let mut counts = decoder.by_type();
        counts.sort();
        let total: u64 = counts.iter().map(|(_, count)| count).sum();
        assert_eq!(total, account.messages, "{name}");
        assert!(records.is_empty() || records.last().unwrap().header.flags & Flags::END_OF_EVENT != 0);
        match by_sha.get(sha.as_str()).filter(|answers| answers["error"].is_null()) {
            Some(answers) => {
                answered += 1;
                assert_eq!(counts, wanted(answers), "{name}");
                let digest = digest(path);
                assert_eq!(answers["sha256_of_records_upgraded"].as_str(), Some(digest.as_str()), "{name}");
            }
            // What the package refused or was not asked: fragments and the legacy format, whose records are the same
            // as those of the whole files beside them.
            None => {
                others += 1;
                let schema = name.trim_start_matches("test_data.").split('.').next().unwrap().to_owned();
                let whole = all.as_array().unwrap().iter().find(|answers| {
                    answers["file"].as_str() == Some(&format!("test_data.{schema}.v2.dbn.zst"))
                });
                if let Some(answers) = whole {
                    assert_eq!(counts, wanted(answers), "{name}");
                } else {
                    assert!(name.starts_with("multi-frame") && total > 2, "{name}: {counts:?}");
                }
            }
        }
    }
    assert_eq!((answered, others), (71, 17), "files with an answer of their own and others");
}

#[test]
fn the_book_of_a_day_by_order_equals_the_answers_at_every_mark() {
    let Some(folder) = folder() else { return };
    let answers = json(&folder.join("esh4_20231225_mbo.answers.json"));
    let Whole { records, decoder } =
        read(&folder.join("esh4-glbx-mdp3-20231225.mbo.dbn.zst"), &Options::default());
    assert_eq!(decoder.account().messages, answers["records"].as_u64().unwrap());
    let instrument = &decoder.account().instruments[0];
    assert_eq!((instrument.symbol.as_str(), decoder.account().instruments.len()), ("ESH4", 1));
    assert_eq!((instrument.ticks[0].tick_nanos, instrument.settlement), (250_000_000, Settlement::Linear));
    let mut books = Books::new(1, 1 << 15);
    let (mut marks, mut rest) = (0, records.as_slice());
    for snapshot in answers["snapshots"].as_array().unwrap() {
        let last = snapshot["records"].as_u64().unwrap();
        let (now, later) = rest.split_at(rest.partition_point(|record| record.header.seq <= last));
        now.iter().for_each(|record| _ = books.apply(record));
        rest = later;
        for (side, field) in [(Side::Bid, "bids"), (Side::Ask, "asks")] {
            let levels = books.levels(InstrumentId(0), side).take(10);
            let levels: Vec<_> =
                levels.map(|level| (level.price.0, level.qty, u64::from(level.orders))).collect();
            let wanted = snapshot[field].as_array().unwrap().iter();
            let number = |value: &Value| value.as_u64().unwrap();
            let wanted: Vec<_> = wanted
                .map(|level| (level[0].as_i64().unwrap(), number(&level[1]), number(&level[2])))
                .collect();
            assert_eq!(levels, wanted, "{field} after {last} records");
        }
        marks += 1;
    }
    assert_eq!((marks, rest.len()), (7, 0));
    assert_eq!(books.live_orders() as u64, answers["live_orders"].as_u64().unwrap());
    let counters = books.counters();
    assert_eq!((counters.unknown_refs, counters.duplicate_refs, counters.over_executions), (0, 0, 0));
    assert_eq!((counters.over_cancels, counters.invalid, counters.instrument_mismatches), (0, 0, 0));
    for side in [(Side::Bid, "bid"), (Side::Ask, "ask")] {
        let levels: Vec<_> = books.levels(InstrumentId(0), side.0).collect();
        let count = answers[format!("{}_levels", side.1)].as_u64().unwrap();
        assert_eq!(levels.len() as u64, count);
        let lots: u64 = levels.iter().map(|level| level.qty).sum();
        assert_eq!(lots, answers[format!("{}_qty", side.1)].as_u64().unwrap());
    }
}

#[test]
fn every_lot_filled_is_told_once_and_events_end_where_the_venue_says() {
    let Some(folder) = folder() else { return };
    let path = folder.join("esh4-glbx-mdp3-20231225.mbo.dbn.zst");
    let Whole { records, .. } = read(&path, &Options::default());
    let lots_of = |kind: Kind| -> u64 {
        records.iter().filter(|r| r.header.kind == kind as u8).map(|r| u64::from(r.as_market().qty)).sum()
    };
    let (mut filled, mut events) = (0, 0);
    let mut crate_own = dbn::decode::dbn::Decoder::new(Stream::open(&path).unwrap()).unwrap();
    while let Some(record) = crate_own.decode_record_ref().unwrap() {
        let message = record.get::<dbn::MboMsg>().unwrap();
        filled += if message.action as u8 == b'F' { u64::from(message.size) } else { 0 };
        events += u64::from(message.flags.is_last());
    }
    assert_eq!(lots_of(Kind::Execute) + lots_of(Kind::Trade), filled);
    println!(
        "executed {} and otherwise traded {} of {filled} lots",
        lots_of(Kind::Execute),
        lots_of(Kind::Trade)
    );
    assert!(lots_of(Kind::Execute) > lots_of(Kind::Trade) * 10);
    assert_eq!(records.iter().filter(|r| r.header.flags & Flags::END_OF_EVENT != 0).count() as u64, events);
    let snapshot = records.iter().filter(|r| r.header.flags & Flags::SNAPSHOT != 0);
    assert!(snapshot.clone().all(|r| r.header.kind == Kind::Add as u8));
    assert_eq!(snapshot.count(), 8_725);
    assert!(records.iter().all(|r| r.header.ts_recv_ns >= r.header.ts_venue_ns));
}

#[test]
fn levels_quotes_bars_and_definitions_say_what_the_file_says() {
    let Some(folder) = folder() else { return };
    // The book by price, kept from the changes alone, equals the levels of each row.
    let path = folder.join("futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.dbn.zst");
    let Whole { records, .. } = read(&path, &Options::default());
    let mut sides = [BTreeMap::new(), BTreeMap::new()];
    let mut rest = records.as_slice();
    let mut crate_own = dbn::decode::dbn::Decoder::new(Stream::open(&path).unwrap()).unwrap();
    let (mut row, mut prints) = (0, 0);
    while let Some(record) = crate_own.decode_record_ref().unwrap() {
        row += 1;
        let (now, later) = rest.split_at(rest.partition_point(|record| record.header.seq <= row));
        rest = later;
        for record in now {
            let m = record.as_market();
            match Kind::from_code(record.header.kind).unwrap() {
                Kind::Level if m.order_ref == 0 => _ = sides[usize::from(m.side)].remove(&m.price),
                Kind::Level => _ = sides[usize::from(m.side)].insert(m.price, (m.order_ref, m.other_ref)),
                Kind::Print => prints += 1,
                other => panic!("{other:?}"),
            }
        }
        let pair = &record.get::<dbn::Mbp1Msg>().unwrap().levels[0];
        let bid = (pair.bid_px, (u64::from(pair.bid_sz), u64::from(pair.bid_ct)));
        let ask = (pair.ask_px, (u64::from(pair.ask_sz), u64::from(pair.ask_ct)));
        assert!(sides[0].iter().eq([(&bid.0, &bid.1)]), "row {row}: {:?}", sides[0]);
        assert!(sides[1].iter().eq([(&ask.0, &ask.1)]), "row {row}: {:?}", sides[1]);
    }
    assert_eq!((row, prints, rest.len()), (2_288, 120, 0));

    let Whole { records, decoder } = read(
        &folder.join("futures_ohlcv-1m_2024-07-01T23-40_2024-07-02T00-10.dbn.zst"),
        &Options { symbols: vec!["NQU4".to_owned()], ..Options::default() },
    );
    assert_eq!((records.len(), decoder.account().skips.of(Skips::FILTERED)), (60, 30));
    assert_eq!(decoder.account().instruments[0].symbol, "NQU4");
    for pair in records.chunks(2) {
        let (shape, bar) = (pair[0].as_bar_shape(), pair[1].as_bar());
        assert_eq!((shape.header.kind, bar.header.kind), (Kind::BarShape as u8, Kind::Bar as u8));
        assert_eq!(bar.header.ts_venue_ns - shape.ts_open_ns, 60_000_000_000);
        assert!(shape.low <= shape.open.min(bar.close) && shape.high >= shape.open.max(bar.close));
    }

    let Whole { records, decoder } = read(&folder.join("futures_definition.dbn.zst"), &Options::default());
    let instruments = &decoder.account().instruments;
    let facts: Vec<_> = instruments
        .iter()
        .map(|it| {
            (it.symbol.as_str(), it.ticks[0].tick_nanos, it.multiplier_nanos, it.quote_currency.as_str())
        })
        .collect();
    assert_eq!(
        facts,
        [("ESU4", 250_000_000, 50_000_000_000, "USD"), ("NQU4", 250_000_000, 20_000_000_000, "USD")]
    );
    // 2024-09-20 13:30 UTC: the third Friday.
    assert_eq!(instruments[0].expiry_ns, Some(1_726_839_000_000_000_000));
    assert_eq!(records.iter().map(|r| r.as_symbol().name()).collect::<Vec<_>>(), ["ESU4", "NQU4"]);
    instruments.iter().for_each(|instrument| instrument.validate().unwrap());
}
