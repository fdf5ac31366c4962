//! Plain CSV samples, read by mappings, against answers that other tools computed.
//!
//! The samples lie outside the repository: in the folder that `TICKRACE_SHARED` names, else in `../shared`
//! beside it. Without them the tests say so and pass.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use tickrace_feeds_files::csv::{self, Mapping};
use tickrace_feeds_files::format::End;
use tickrace_feeds_files::stream::members;
use tickrace_feeds_files::{Decoder, Options};
use tickrace_types::{Flags, Kind, Record};

/// Nano-units in one unit of LEAN's prices, four implied decimals.
const E4: i64 = 100_000;

const LEAN_QUOTES: &str = r#"
kind = { constant = "quote" }
ts = { column = 0, unit = "ms", from = "midnight-new-york" }
bid_px = 1
bid_qty = 2
ask_px = 3
ask_qty = 4
empty_side = "unchanged"
price_divisor = 10000
"#;

const LEAN_TRADES: &str = r#"
kind = { constant = "print" }
ts = { column = 0, unit = "ms", from = "midnight-new-york" }
price = 1
qty = 2
"#;

const DEPTH: &str = r#"
has_header = true
kind = { column = "update_type", values = { snap = "snapshot-level", set = "level" } }
ts = { column = "timestamp", unit = "ms" }
event = "last_update_id"
symbol = "symbol"
side = { column = "side", values = { b = "bid", a = "ask" } }
price = "price"
qty = "qty"
"#;

fn folder() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var_os("TICKRACE_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let folder = shared.join("data/ticks");
    if folder.join("lean").is_dir() && folder.join("misc").is_dir() {
        return Some(folder);
    }
    println!("skipped: no CSV samples in {}", folder.display());
    None
}

#[test]
fn days_of_lean_equal_the_answers() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read(folder.join("lean/answers.json")).unwrap();
    let answers: Vec<Value> = serde_json::from_slice(&text).unwrap();
    assert_eq!(answers.len(), 7);
    for answer in answers {
        let name = answer["file"].as_str().unwrap();
        let path = folder.join("lean").join(name);
        let (is_quotes, is_future) = (name.contains("quote"), name.starts_with("gc"));
        let divisor = if is_future { 1 } else { 10_000 };
        let text = if is_quotes {
            LEAN_QUOTES.to_owned()
        } else {
            format!("{LEAN_TRADES}price_divisor = {divisor}")
        };
        let mapping: Mapping = toml::from_str(&text).unwrap();
        let options = Options { symbol: Some("X".to_owned()), ..Options::default() };

        let (mut rows, mut zero, mut volume, mut worth) = (0, 0, 0u64, 0i64);
        // Over the files of an archive one after the other, as the answers count.
        let (mut first, mut last, mut back) = (None, i64::MIN, 0);
        let files = members(&path).unwrap();
        assert_eq!(files.len() as u64, answer["members"].as_u64().unwrap(), "{name}");
        for file in &files {
            let mut decoder = csv::open_member(&path, &file.name, &mapping, &options).unwrap();
            let mut batch: Vec<Record> = Vec::new();
            while decoder.read(&mut batch) {
                for record in &batch {
                    // 2013-10-07 and -08 begin at 04:00 UTC in New York.
                    let ms = (record.header.ts_venue_ns / 1_000_000 - 4 * 3_600_000).rem_euclid(86_400_000);
                    first.get_or_insert(ms);
                    back += u64::from(ms < last);
                    last = ms;
                    assert_eq!(record.header.flags, Flags::END_OF_EVENT);
                    if record.header.kind == Kind::Print as u8 {
                        let trade = record.as_market();
                        let unit = if is_future { 1_000_000_000 } else { E4 };
                        volume += u64::from(trade.qty);
                        worth += trade.price / unit * i64::from(trade.qty);
                    }
                }
                batch.clear();
            }
            let account = decoder.account();
            assert_eq!(account.end, End::Complete);
            // A future's file has rows of no contracts; they are no trades, and say so.
            assert_eq!(account.skips.faults(), account.skips.of("qty"));
            zero += account.skips.of("qty");
            rows += account.messages;
        }
        let first = first.unwrap();
        println!(
            "{name}: {rows} rows, {zero} of no quantity, {first} to {last} ms, {back} back, {volume} traded"
        );
        // Two of the future's steps back lead to or from a row of no quantity, of which there is no record.
        let back = back + if is_future { 2 } else { 0 };
        let got = [rows, first.unsigned_abs(), last.unsigned_abs(), back, volume, worth.unsigned_abs()];
        let fields = ["rows", "first_ms", "last_ms", "time_went_back", "volume", "price_int_times_size"];
        assert_eq!(got, fields.map(|field| answer[field].as_u64().unwrap()), "{name}");
        assert_eq!(zero, if is_future { 147 } else { 0 });
    }
}

#[test]
fn a_snapshot_and_an_update_of_depth_are_read_as_they_stand() {
    let Some(folder) = folder() else { return };
    let mapping: Mapping = toml::from_str(DEPTH).unwrap();
    for (name, clears) in [("btcusdt-depth-snap.csv", 1), ("btcusdt-depth-update.csv", 0)] {
        let path = folder.join("misc").join(name);
        let mut decoder = csv::open(&path, &mapping, &Options::default()).unwrap();
        let mut records: Vec<Record> = Vec::new();
        while decoder.read(&mut records) {}
        let account = decoder.account();
        assert_eq!((&account.end, account.messages, account.skips.faults()), (&End::Complete, 100, 0));
        let one = &account.instruments[0];
        assert_eq!(
            (one.symbol.as_str(), one.ticks[0].tick_nanos, one.lot_nanos),
            ("BTCUSDT", 100_000_000, 1_000_000)
        );
        assert_eq!(records.len(), 100 + clears);
        // One message of the venue, one event.
        let ends: Vec<usize> = (0..records.len())
            .filter(|place| records[*place].header.flags & Flags::END_OF_EVENT != 0)
            .collect();
        assert_eq!(ends, [records.len() - 1]);

        // The same levels, cut at commas and put together as text.
        let text = std::fs::read_to_string(&path).unwrap();
        let mut wanted: BTreeMap<(u8, String), String> = BTreeMap::new();
        for row in text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
            wanted.insert((u8::from(row[4] == "a"), row[6].to_owned()), row[7].to_owned());
        }
        let level = |record: &Record| {
            let level = record.as_market();
            let cents = level.price / 10_000_000;
            let text = |whole: i64, part: i64, width| format!("{whole}.{part:0width$}");
            let lots = i64::try_from(level.order_ref).unwrap();
            ((level.side, text(cents / 100, cents % 100, 2)), text(lots / 1000, lots % 1000, 3))
        };
        let levels = records.iter().filter(|record| record.header.kind == Kind::Level as u8);
        assert_eq!(levels.map(level).collect::<BTreeMap<_, _>>(), wanted);
    }
}
