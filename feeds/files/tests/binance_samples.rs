//! Recorded Binance streams against answers that another tool computed, and against each other: books of depth changes
//! must show the best prices that the quote stream of the same file states.
//!
//! The samples lie outside the repository: in the folder that `TICKRACE_SHARED` names, else in `../shared`
//! beside it. Without them the tests say so and pass.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tickrace_feeds_files::binance::{self, BinanceDecoder};
use tickrace_feeds_files::format::End;
use tickrace_feeds_files::{Decoder, Options, number};
use tickrace_types::instrument::Settlement;
use tickrace_types::{Flags, Kind, Record};

fn folder(name: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var_os("TICKRACE_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let folder = shared.join("data").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no Binance samples in {}", folder.display());
    None
}

/// A plain book: lots by price, bids and asks.
#[derive(Default)]
struct Oracle {
    sides: [BTreeMap<i64, u64>; 2],
    is_stale: bool,
}

impl Oracle {
    fn apply(&mut self, record: &Record) {
        let market = record.as_market();
        match Kind::from_code(record.header.kind).unwrap() {
            Kind::Clear => *self = Self::default(),
            Kind::Gap => self.is_stale = true,
            Kind::Level => {
                let side = &mut self.sides[usize::from(market.side)];
                if market.order_ref == 0 {
                    side.remove(&market.price);
                } else {
                    side.insert(market.price, market.order_ref);
                }
            }
            _ => {}
        }
    }

    fn top(&self, depth: usize) -> [Vec<(i64, u64)>; 2] {
        let pair = |(price, lots): (&i64, &u64)| (*price, *lots);
        [
            self.sides[0].iter().rev().take(depth).map(pair).collect(),
            self.sides[1].iter().take(depth).map(pair).collect(),
        ]
    }
}

fn records_of(decoder: &mut BinanceDecoder) -> Vec<Record> {
    let (mut all, mut batch) = (Vec::new(), Vec::new());
    while decoder.read(&mut batch) {
        assert!(!batch.is_empty());
        all.append(&mut batch);
    }
    all
}

fn levels(answer: &Value, lot_nanos: i64) -> Vec<(i64, u64)> {
    let nanos = |value: &Value| number::nanos(value.to_string().as_bytes()).unwrap();
    let levels = answer.as_array().unwrap().iter();
    levels.map(|level| (nanos(&level[0]), number::lots(nanos(&level[1]), lot_nanos).unwrap())).collect()
}

#[test]
fn counts_volumes_snapshots_and_books_equal_the_answers() {
    let Some(folder) = folder("ticks/binance") else { return };
    let answers: Value =
        serde_json::from_slice(&std::fs::read(folder.join("answers.json")).unwrap()).unwrap();
    let mut marks = 0;
    for answer in answers.as_array().unwrap() {
        let name = answer["file"].as_str().unwrap();
        let mut decoder = binance::open(&folder.join(name), &Options::default()).unwrap();
        let records = records_of(&mut decoder);
        let account = decoder.account();
        assert_eq!(account.end, End::Complete, "{name}");
        assert_eq!(account.skips.reasons().count(), 0, "{name}: {:?}", account.skips);
        assert_eq!(account.messages, answer["lines"].as_u64().unwrap(), "{name}");
        assert_eq!(account.gaps.len() as u64, answer["update_id_gaps"].as_u64().unwrap(), "{name}");
        let by_type: serde_json::Map<String, Value> =
            decoder.by_type().into_iter().map(|(form, count)| (form, count.into())).collect();
        assert_eq!(Value::Object(by_type), answer["by_type"], "{name}");
        assert_eq!(records[0].header.ts_recv_ns, answer["first_local_ns"].as_i64().unwrap(), "{name}");
        assert_eq!(
            records.last().unwrap().header.ts_recv_ns,
            answer["last_local_ns"].as_i64().unwrap(),
            "{name}"
        );
        check_instrument(name, account.instruments.as_slice());
        let lot_nanos = account.instruments[0].lot_nanos;
        check_trades(name, answer, &records, lot_nanos);
        check_snapshot(name, answer, &records);
        marks += check_books(name, answer, &records, lot_nanos);
    }
    println!("{marks} books compared, five levels each side");
    assert!(marks >= 20);
}

fn check_instrument(name: &str, instruments: &[tickrace_types::Instrument]) {
    // Source: the venue's exchange information: BTCUSDT spot 0.01 and 0.00001, USD-M 0.10 and 0.001, COIN-M 0.1 and 1.
    // Both spot files have a few levels of older orders in finer lots (25.42618900, 191.38900600), which must not be lost.
    let (symbol, tick, lot, multiplier, settlement) = match name.split('/').next().unwrap() {
        "spot" => ("BTCUSDT", 10_000_000, 1_000, 1_000, Settlement::Spot),
        "usdm" => ("BTCUSDT", 100_000_000, 1_000_000, 1_000_000, Settlement::Linear),
        _ => ("BTCUSD_PERP", 100_000_000, 1_000_000_000, 100_000_000_000, Settlement::Inverse),
    };
    assert_eq!(instruments.len(), 1, "{name}");
    let got = &instruments[0];
    assert_eq!((got.symbol.as_str(), got.ticks[0].tick_nanos, got.lot_nanos), (symbol, tick, lot), "{name}");
    assert_eq!((got.multiplier_nanos, got.settlement), (multiplier, settlement), "{name}");
    got.validate().unwrap();
}

fn check_trades(name: &str, answer: &Value, records: &[Record], lot_nanos: i64) {
    let prints: Vec<_> = records.iter().filter(|record| record.header.kind == Kind::Print as u8).collect();
    assert_eq!(prints.len() as u64, answer["trades"].as_u64().unwrap(), "{name}");
    let bought = prints.iter().filter(|record| record.as_market().side == 0).count();
    assert_eq!(bought as u64, answer["buyer_taker_trades"].as_u64().unwrap(), "{name}");
    let lots: i64 = prints.iter().map(|record| i64::from(record.as_market().qty)).sum();
    let wanted = number::nanos(answer["trade_volume"].to_string().as_bytes()).unwrap();
    assert_eq!(lots * lot_nanos, wanted, "{name}");
    assert!(prints.iter().all(|record| record.header.flags & Flags::NOT_PRINTABLE == 0), "{name}");
}

fn check_snapshot(name: &str, answer: &Value, records: &[Record]) {
    let is_level = |record: &&Record| record.header.kind == Kind::Level as u8;
    let live =
        records.iter().filter(is_level).filter(|record| record.header.flags & Flags::SNAPSHOT == 0).count();
    assert_eq!(live as u64, answer["level_updates"].as_u64().unwrap(), "{name}");
    let clears: Vec<_> = records.iter().filter(|record| record.header.kind == Kind::Clear as u8).collect();
    let snapshots = answer["snapshots_in_file"].as_array().unwrap();
    assert_eq!(clears.len(), snapshots.len(), "{name}");
    for (clear, snapshot) in clears.iter().zip(snapshots) {
        assert_eq!(clear.header.seq, snapshot["line"].as_u64().unwrap(), "{name}");
    }
    // Before the first snapshot, or without one, nobody may take the book for complete.
    assert_eq!(
        records.iter().position(|record| record.header.kind == Kind::Gap as u8),
        first_level(records),
        "{name}"
    );
}

/// Where the first level would stand if no gap stood before it.
fn first_level(records: &[Record]) -> Option<usize> {
    records.iter().position(|record| record.header.kind == Kind::Level as u8).map(|at| at - 1)
}

fn check_books(name: &str, answer: &Value, records: &[Record], lot_nanos: i64) -> usize {
    let mut book = Oracle::default();
    let mut records = records.iter().peekable();
    let marks = answer["snapshots"].as_array().unwrap();
    for mark in marks {
        let line = mark["line"].as_u64().unwrap();
        while let Some(record) = records.next_if(|record| record.header.seq <= line) {
            book.apply(record);
        }
        let wanted = [levels(&mark["bids"], lot_nanos), levels(&mark["asks"], lot_nanos)];
        let got = book.top(wanted[0].len().max(wanted[1].len()));
        assert_eq!(got, wanted, "{name} line {line}");
    }
    records.for_each(|record| book.apply(record));
    assert_eq!(book.sides[0].len() as u64, answer["bid_levels"].as_u64().unwrap(), "{name}");
    assert_eq!(book.sides[1].len() as u64, answer["ask_levels"].as_u64().unwrap(), "{name}");
    assert_eq!(book.is_stale, answer["snapshots_in_file"].as_array().unwrap().is_empty(), "{name}");
    marks.len()
}

/// At each depth update whose last number is also a quote's, both must state the same best prices and lots.
fn agreement(path: &[PathBuf]) -> (usize, usize, bool) {
    let mut decoder = binance::open_chain(path, &Options::default()).unwrap();
    let records = records_of(&mut decoder);
    assert_eq!(decoder.account().end, End::Complete);
    assert_eq!((decoder.account().skips.faults(), decoder.account().gaps.len()), (0, 0));
    let ids = update_ids(path);
    let mut quotes: BTreeMap<u64, Record> = BTreeMap::new();
    for record in records.iter().filter(|record| record.header.kind == Kind::Quote as u8) {
        quotes.insert(ids[usize::try_from(record.header.seq - 1).unwrap()], *record);
    }
    let (mut book, mut compared, mut differing) = (Oracle::default(), 0, 0);
    for record in &records {
        book.apply(record);
        let is_update =
            record.header.flags & Flags::END_OF_EVENT != 0 && record.header.kind == Kind::Level as u8;
        if book.is_stale || !is_update || record.header.flags & Flags::SNAPSHOT != 0 {
            continue;
        }
        let Some(quote) = quotes.get(&ids[usize::try_from(record.header.seq - 1).unwrap()]) else { continue };
        let [bids, asks] = book.top(1);
        let quote = quote.as_quote();
        let wanted = ((quote.bid_px, u64::from(quote.bid_qty)), (quote.ask_px, u64::from(quote.ask_qty)));
        compared += 1;
        differing += usize::from((bids[0], asks[0]) != wanted);
    }
    (compared, differing, book.is_stale)
}

/// The `u` of every line, 0 where there is none, by a reader of its own.
fn update_ids(paths: &[PathBuf]) -> Vec<u64> {
    let mut ids = Vec::new();
    for path in paths {
        let mut text = String::new();
        let mut stream = tickrace_feeds_files::Stream::open(path).unwrap();
        std::io::Read::read_to_string(&mut stream, &mut text).unwrap();
        ids.extend(text.lines().map(|line| {
            let Some((_, rest)) = line.split_once("\"u\":") else { return 0 };
            rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
        }));
    }
    ids
}

#[test]
fn books_show_what_the_quotes_of_the_same_update_show() {
    let (Some(open), Some(more)) = (folder("ticks/binance"), folder("ticks_more/binance")) else { return };
    let file = |folder: &Path, name: &str| folder.join(name);
    let chains = [
        vec![file(&open, "usdm/btcusdt_20240808.gz")],
        vec![file(&more, "usdm/ethusdt_20240808.gz")],
        vec![file(&open, "spot/btcusdt_20240808.gz"), file(&open, "spot/btcusdt_20240809.gz")],
        vec![file(&more, "spot/ethusdt_20240808.gz"), file(&more, "spot/ethusdt_20240809.gz")],
        vec![file(&open, "cm/btcusd_perp_20240808.gz"), file(&more, "cm/btcusd_perp_20240809.gz")],
        vec![file(&more, "cm/ethusd_perp_20240808.gz"), file(&more, "cm/ethusd_perp_20240809.gz")],
    ];
    for chain in chains {
        let (compared, differing, is_stale) = agreement(&chain);
        println!(
            "{}: {compared} updates share their number with a quote, {differing} differ",
            chain[0].display()
        );
        assert!(compared > 100 && differing == 0 && !is_stale, "{}", chain[0].display());
    }
}

#[test]
fn every_sample_is_told_by_its_head_and_events_close() {
    let Some(folder) = folder("ticks/binance") else { return };
    for name in ["usdm/btcusdt_20240808.gz", "spot/btcusdt_20240809.gz", "cm/btcusd_perp_20240808.gz"] {
        let path = folder.join(name);
        let mut head = Vec::new();
        let stream = tickrace_feeds_files::Stream::open(&path).unwrap();
        std::io::Read::read_to_end(&mut std::io::Read::take(stream, 1 << 16), &mut head).unwrap();
        assert!(binance::is_it(&head, name), "{name}");
        let records = records_of(&mut binance::open(&path, &Options::default()).unwrap());
        for pair in records.windows(2) {
            let ends = pair[0].header.flags & Flags::END_OF_EVENT != 0;
            assert_eq!(ends, pair[0].header.seq != pair[1].header.seq, "{name} line {}", pair[0].header.seq);
        }
        assert!(records.last().unwrap().header.flags & Flags::END_OF_EVENT != 0);
    }
}
