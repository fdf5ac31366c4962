//! Samples of Tardis data sets and of Binance's futures depth files, against the rows themselves as a plain reader with
//! nothing in common with the decoders sees them.
//!
//! The samples lie outside the repository: in the folder that `TICKRACE_SHARED` names, else in `../shared`
//! beside it. Without them the tests say so and pass.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tickrace_feeds_files::format::End;
use tickrace_feeds_files::{Decoder, Options, binance_archive, tardis};
use tickrace_types::instrument::Settlement;
use tickrace_types::{Flags, Instrument, Kind, Record};

fn folder() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var_os("TICKRACE_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let folder = shared.join("data/ticks/misc");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no samples in {}", folder.display());
    None
}

/// Records of a whole file, which must have been read without a fault.
fn records_of(decoder: &mut dyn Decoder) -> (Vec<Record>, Instrument) {
    let mut records = Vec::new();
    while decoder.read(&mut records) {}
    let account = decoder.account();
    assert_eq!(account.end, End::Complete);
    assert_eq!((account.skips.reasons().count(), account.gaps.len()), (0, 0), "{:?}", account.skips);
    account.instruments.iter().for_each(|instrument| instrument.validate().unwrap());
    (records, account.instruments[0].clone())
}

/// Rows as columns of text by name.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        names.iter().zip(line.split(',')).map(|(n, v)| ((*n).to_owned(), v.to_owned())).collect()
    };
    lines.map(row).collect()
}

/// A number of a row as a float, to compare with; nano-units of these samples are far from a float's limits.
fn float(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap()
}

fn price(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

fn qty(lots: u64, instrument: &Instrument) -> f64 {
    lots as f64 * instrument.lot_nanos as f64 / 1e9
}

fn assert_near(got: f64, wanted: f64) {
    assert!((got - wanted).abs() < 1e-9 * wanted.abs().max(1.0), "{got} {wanted}");
}

/// A plain book in floats' text: price in nano-units to lots.
type Side = BTreeMap<i64, u64>;

fn apply(sides: &mut [Side; 2], record: &Record) {
    let market = record.as_market();
    if record.header.kind == Kind::Clear as u8 {
        *sides = [Side::new(), Side::new()];
    } else if record.header.kind == Kind::Level as u8 {
        let side = &mut sides[usize::from(market.side)];
        if market.order_ref == 0 {
            side.remove(&market.price)
        } else {
            side.insert(market.price, market.order_ref)
        };
    }
}

#[test]
fn after_each_snapshot_row_the_book_is_that_row() {
    let Some(folder) = folder() else { return };
    for (name, depth) in [
        ("tardis/binance-futures_book_snapshot_5_BTCUSDT.csv", 5),
        ("tardis/binance-futures_book_snapshot_25_BTCUSDT.csv", 25),
    ] {
        let path = folder.join(name);
        let (records, instrument) = records_of(&mut tardis::open(&path, &Options::default()).unwrap());
        assert_eq!((instrument.symbol.as_str(), instrument.settlement), ("BTCUSDT", Settlement::Linear));
        assert_eq!((instrument.ticks[0].tick_nanos, instrument.lot_nanos), (10_000_000, 1_000_000));
        let (mut sides, mut records, mut cleared) =
            ([Side::new(), Side::new()], records.iter().peekable(), 0);
        for (at, row) in rows(&path).iter().enumerate() {
            while let Some(record) = records.next_if(|record| record.header.seq == at as u64 + 1) {
                cleared += usize::from(record.header.kind == Kind::Clear as u8);
                let (venue, ours) = (record.header.ts_venue_ns / 1000, record.header.ts_recv_ns / 1000);
                assert_eq!(
                    (venue.to_string(), ours.to_string()),
                    (row["timestamp"].clone(), row["local_timestamp"].clone())
                );
                apply(&mut sides, record);
            }
            let bids: Vec<_> = sides[0].iter().rev().collect();
            let asks: Vec<_> = sides[1].iter().collect();
            for (side, levels) in [("bids", bids), ("asks", asks)] {
                assert_eq!(levels.len(), depth, "{name} row {at}");
                for (place, (nanos, lots)) in levels.into_iter().enumerate() {
                    assert_near(price(*nanos), float(row, &format!("{side}[{place}].price")));
                    assert_near(qty(*lots, &instrument), float(row, &format!("{side}[{place}].amount")));
                }
            }
        }
        assert!(records.next().is_none() && cleared == 1, "{name}");
    }
}

#[test]
fn trades_quotes_and_changes_are_those_of_the_rows() {
    let Some(folder) = folder() else { return };
    let path = folder.join("tardis/bitmex_trades_XBTUSD.csv");
    let (records, instrument) = records_of(&mut tardis::open(&path, &Options::default()).unwrap());
    assert_eq!((instrument.settlement, instrument.multiplier_nanos), (Settlement::Inverse, 1_000_000_000));
    let wanted = rows(&path);
    assert_eq!(records.len(), wanted.len());
    for (record, row) in records.iter().zip(&wanted) {
        let print = record.as_market();
        assert_eq!(print.side, u8::from(row["side"] == "sell"));
        assert_near(price(print.price), float(row, "price"));
        assert_near(qty(u64::from(print.qty), &instrument), float(row, "amount"));
    }
    // Nine of the ten came in one message.
    let ends: Vec<_> = records.iter().map(|record| record.header.flags & Flags::END_OF_EVENT).collect();
    assert_eq!(ends, [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    let path = folder.join("tardis/huobi-dm-swap_quotes_BTC-USD.csv");
    let (records, instrument) = records_of(&mut tardis::open(&path, &Options::default()).unwrap());
    for (record, row) in records.iter().zip(&rows(&path)) {
        let quote = record.as_quote();
        assert_near(price(quote.bid_px), float(row, "bid_price"));
        assert_near(price(quote.ask_px), float(row, "ask_price"));
        assert_near(qty(u64::from(quote.bid_qty), &instrument), float(row, "bid_amount"));
        assert_near(qty(u64::from(quote.ask_qty), &instrument), float(row, "ask_amount"));
    }
    assert_eq!(records.len(), 10);

    let path = folder.join("tardis/deribit_incremental_book_L2_BTC-PERPETUAL.csv");
    let (records, instrument) = records_of(&mut tardis::open(&path, &Options::default()).unwrap());
    assert_eq!(records[0].header.kind, Kind::Clear as u8);
    let wanted = rows(&path);
    assert_eq!(records.len(), wanted.len() + 1);
    for (record, row) in records[1..].iter().zip(&wanted) {
        let level = record.as_market();
        assert_eq!((level.side, record.header.flags & Flags::SNAPSHOT), (1, Flags::SNAPSHOT));
        assert_near(price(level.price), float(row, "price"));
        assert_near(qty(level.order_ref, &instrument), float(row, "amount"));
    }
    assert_eq!(records.iter().filter(|record| record.header.flags & Flags::END_OF_EVENT != 0).count(), 1);
}

#[test]
fn depth_files_are_a_snapshot_and_an_update() {
    let Some(folder) = folder() else { return };
    for (name, first, flags) in
        [("btcusdt-depth-snap.csv", Kind::Clear, Flags::SNAPSHOT), ("btcusdt-depth-update.csv", Kind::Gap, 0)]
    {
        let path = folder.join(name);
        let (records, instrument) =
            records_of(&mut binance_archive::open(&path, &Options::default()).unwrap());
        assert_eq!(records[0].header.kind, first as u8, "{name}");
        let wanted = rows(&path);
        assert_eq!(records.len(), wanted.len() + 1, "{name}");
        for (record, row) in records[1..].iter().zip(&wanted) {
            let level = record.as_market();
            assert_eq!(
                (level.header.kind, level.header.flags & Flags::SNAPSHOT),
                (Kind::Level as u8, flags),
                "{name}"
            );
            assert_eq!(
                (level.side == 1, (level.header.ts_venue_ns / 1_000_000).to_string()),
                (row["side"] == "a", row["timestamp"].clone())
            );
            assert_near(price(level.price), float(row, "price"));
            assert_near(qty(level.order_ref, &instrument), float(row, "qty"));
        }
        assert!(records.last().unwrap().header.flags & Flags::END_OF_EVENT != 0);
    }
}

#[test]
fn no_sample_is_taken_by_another_formats_decoder() {
    let Some(folder) = folder() else { return };
    let mut paths = Vec::new();
    let mut folders = vec![folder.parent().unwrap().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { paths.push(path) }
        }
    }
    let mut told = BTreeMap::<(&str, String), usize>::new();
    for path in &paths {
        let Ok(stream) = tickrace_feeds_files::Stream::open(path) else { continue };
        let mut head = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(stream, 1 << 16), &mut head).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let parent = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        for (format, is_it) in [
            ("binance", tickrace_feeds_files::binance::is_it as fn(&[u8], &str) -> bool),
            ("archive", binance_archive::is_it),
            ("tardis", tardis::is_it),
        ] {
            *told.entry((format, parent.clone())).or_default() += usize::from(is_it(&head, &name));
        }
    }
    told.retain(|_, count| *count > 0);
    let told: Vec<_> =
        told.iter().map(|((format, folder), count)| (*format, folder.as_str(), *count)).collect();
    let wanted = [
        ("archive", "misc", 2),
        ("binance", "cm", 1),
        ("binance", "spot", 2),
        ("binance", "usdm", 1),
        ("tardis", "tardis", 5),
    ];
    println!("{} files looked at", paths.len());
    assert_eq!(told, wanted);
}
