//! Bars made of a vendor's trades against the bars the vendor made of them.
//!
//! The samples lie outside the repository: in the folder that `TICKRACE_SHARED` names, else in `../shared`
//! beside it. Without them the tests say so and pass.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use tickrace_book::{BarSpec, Bars};
use tickrace_feeds_files::{Decoder, Options, dbn};
use tickrace_types::{Kind, Record};

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

/// Records of a file, and its symbols by id.
fn read(path: &std::path::Path) -> (Vec<Record>, Vec<String>) {
    let mut decoder = dbn::open(path, &Options::default()).unwrap_or_else(|error| panic!("{error}"));
    let mut records = Vec::new();
    while decoder.read(&mut records) {}
    let symbols = decoder.account().instruments.iter().map(|one| one.symbol.clone()).collect();
    (records, symbols)
}

/// Open, high, low and close, lots traded, and whether trades were counted, by symbol and begin.
type Table = BTreeMap<(String, i64), ([i64; 4], u64)>;

fn table(records: &[Record], symbols: &[String]) -> Table {
    let mut table = Table::new();
    for pair in records.windows(2).filter(|pair| pair[0].header.kind == Kind::BarShape as u8) {
        let (shape, bar) = (pair[0].as_bar_shape(), pair[1].as_bar());
        assert_eq!(bar.header.kind, Kind::Bar as u8);
        let symbol = symbols[usize::try_from(shape.header.instrument).unwrap()].clone();
        let prices = [shape.open, shape.high, shape.low, bar.close];
        assert_eq!(shape.header.ts_venue_ns, shape.ts_open_ns + 60_000_000_000);
        assert!(table.insert((symbol, shape.ts_open_ns), (prices, bar.volume)).is_none());
    }
    table
}

#[test]
fn a_minute_of_futures_trades_makes_the_vendors_bars() {
    let Some(folder) = folder() else { return };
    let (trades, symbols) = read(&folder.join("futures_trades_2024-07-01T23-58_2024-07-02T00-02.dbn.zst"));
    let (vendor, vendor_symbols) =
        read(&folder.join("futures_ohlcv-1m_2024-07-01T23-40_2024-07-02T00-10.dbn.zst"));
    let vendor = table(&vendor, &vendor_symbols);
    let mut bars = Bars::new(BarSpec::Time(60_000_000_000));
    let mut made = Vec::new();
    let mut out = |record: &Record| made.push(*record);
    trades.iter().for_each(|record| bars.on_record(record, |_| 1, &mut out));
    bars.finish(&mut out);
    let made = table(&made, &symbols);
    // The trades cover 23:58 to 00:02 of one contract; so do the bars compared.
    let from_ns = 1_719_878_280_000_000_000;
    let wanted: Table = vendor
        .into_iter()
        .filter(|((symbol, ts_ns), _)| {
            symbol == "ESU4" && (from_ns..from_ns + 240_000_000_000).contains(ts_ns)
        })
        .collect();
    println!("{} bars of {} trades", wanted.len(), trades.len());
    assert_eq!(wanted.len(), 4, "a bar each minute");
    assert_eq!(made, wanted);
}
