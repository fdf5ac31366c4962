use proptest::prelude::*;
use tickrace_types::instrument::Settlement;
use tickrace_types::{Flags, Kind};

use super::*;
use crate::format::End;

fn decoded(name: &str, text: &[u8]) -> Result<(Vec<Record>, BinanceArchiveDecoder), FileError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    let mut decoder = open(&path, &Options::default())?;
    let mut records = Vec::new();
    while decoder.read(&mut records) {}
    Ok((records, decoder))
}

// Rows of the archive's own documentation.
const SPOT_TRADES: &str = "51175358,17.80180000,5.69000000,101.29224200,1583709433583,True,True\n51175359,17.80200000,1.00000000,17.80200000,1583709433590,False,True\n";
const COIN_BARS: &str =
    "1591258320000,9640.7,9642.4,9640.6,9642.0,206,1591258379999,2.13660389,48,119,1.23424865,0\n";
const DEPTH: &str = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu
BTCUSDT,1667346579146,10,10,b,snap,20377.00,1.770,-1
BTCUSDT,1667346579146,10,10,a,snap,20378.00,0.001,-1
BTCUSDT,1667347199939,8,12,a,set,20378.00,0.000,7
BTCUSDT,1667347199939,8,12,b,set,20376.00,0.500,7
BTCUSDT,1667347199950,20,25,b,set,20376.00,0.000,19
";

#[test]
fn trades_without_a_header_are_prints_and_microseconds_are_the_same_times() {
    let (records, decoder) = decoded("BNBUSDT-trades-2020-03.csv", SPOT_TRADES.as_bytes()).expect("read");
    let sides: Vec<_> = records.iter().map(|record| record.as_market().side).collect();
    assert_eq!(sides, [1, 0]);
    let print = records[0].as_market();
    // Quantities are padded to eight decimals, so the lot is the step of the values: 0.01.
    assert_eq!((print.price, print.qty, print.other_ref), (17_801_800_000, 569, 51_175_358));
    assert_eq!(print.header.ts_venue_ns, 1_583_709_433_583_000_000);
    assert!(records.iter().all(|record| record.header.flags == Flags::END_OF_EVENT));
    let instrument = &decoder.account().instruments[0];
    assert_eq!(
        (instrument.symbol.as_str(), instrument.lot_nanos, instrument.settlement),
        ("BNBUSDT", 10_000_000, Settlement::Spot)
    );
    let micros =
        SPOT_TRADES.replace("1583709433583", "1583709433583000").replace("1583709433590", "1583709433590000");
    let (later, _) = decoded("BNBUSDT-trades-2025-03.csv", micros.as_bytes()).expect("read");
    assert_eq!(later, records);
}

#[test]
fn a_bar_of_coin_margined_contracts_ends_after_its_last_instant() {
    let (records, decoder) = decoded("BTCUSD_PERP-1m-2020-06-04.csv", COIN_BARS.as_bytes()).expect("read");
    let (shape, bar) = (records[0].as_bar_shape(), records[1].as_bar());
    assert_eq!(
        (shape.open, shape.high, shape.low, bar.close),
        (9_640_700_000_000, 9_642_400_000_000, 9_640_600_000_000, 9_642_000_000_000)
    );
    assert_eq!(
        (shape.ts_open_ns, bar.header.ts_venue_ns),
        (1_591_258_320_000_000_000, 1_591_258_380_000_000_000)
    );
    assert_eq!((bar.volume, bar.trades), (206, 48));
    // 206 contracts of 100 dollars over 2.13660389 coins: 9641.4689201, between low and high.
    assert_eq!(bar.vwap / 1_000_000, 9_641_468);
    assert_eq!(decoder.account().instruments[0].settlement, Settlement::Inverse);
    assert_eq!(records[1].header.flags, Flags::END_OF_EVENT);
}

#[test]
fn quotes_and_funding_are_read() {
    let quotes = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n9,61800.20,2.507,61800.30,2.510,1723161256313,1723161256314\n";
    let (records, decoder) = decoded("BTCUSDT-bookTicker-2024-08-08.csv", quotes.as_bytes()).expect("read");
    let quote = records[0].as_quote();
    assert_eq!(
        (quote.bid_px, quote.bid_qty, quote.ask_px, quote.ask_qty),
        (61_800_200_000_000, 2507, 61_800_300_000_000, 2510)
    );
    assert_eq!(decoder.by_type(), [("bookTicker".to_owned(), 1)]);
    let funding = "calc_time,funding_interval_hours,last_funding_rate\n1723161600001,8,-0.00003842\n";
    let (records, _) = decoded("BTCUSDT-fundingRate-2024-08.csv", funding.as_bytes()).expect("read");
    let notice = records[0].as_market();
    assert_eq!(
        (notice.code, notice.price, notice.order_ref),
        (notice::FUNDING, -38_420, 1_723_161_600_001_000_000)
    );
}

#[test]
fn depth_rows_of_one_update_are_one_event_and_missing_numbers_a_gap() {
    let (records, decoder) = decoded("depth.csv", DEPTH.as_bytes()).expect("read");
    let kinds: Vec<_> =
        records.iter().map(|record| Kind::from_code(record.header.kind).expect("a kind")).collect();
    let (clear, level, gap) = (Kind::Clear, Kind::Level, Kind::Gap);
    assert_eq!(kinds, [clear, level, level, level, level, gap, level]);
    let ends: Vec<_> = records.iter().map(|record| record.header.flags & Flags::END_OF_EVENT).collect();
    assert_eq!(ends, [0, 0, 1, 0, 1, 0, 1]);
    assert_eq!(decoder.account().gaps, [(13, 7)]);
    assert_eq!(records[4].as_market().order_ref, 500);
}

#[test]
fn what_holds_no_ticks_or_no_symbol_is_refused_in_words() {
    let fault = |name: &str, text: &str| decoded(name, text.as_bytes()).err().expect("refused").to_string();
    let percent = fault("BTCUSDT-bookDepth-2024-08-08.csv", "timestamp,percentage,depth,notional\n");
    assert!(percent.contains("line 1") && percent.contains("no book can be made of it"), "{percent}");
    let nameless = fault("trades.csv", SPOT_TRADES);
    assert!(nameless.contains("file name"), "{nameless}");
}

#[test]
fn faulty_rows_are_skipped_with_line_and_field_and_a_cut_row_ends_the_file() {
    let text = format!("{SPOT_TRADES}51175360,x,1.0,1.0,1583709433590,False,True\n51175361,17.");
    let (records, decoder) = decoded("BNBUSDT-trades-2020-03.csv", text.as_bytes()).expect("read");
    assert_eq!(records.len(), 2);
    let account = decoder.account();
    let first = account.skips.reasons().next().map(|(_, skipped)| skipped.first.clone());
    assert_eq!(first.as_deref(), Some("line 3: field price: \"x\": bad price"));
    assert!(matches!(&account.end, End::Broken { place, .. } if place == "line 4"), "{:?}", account.end);
}

#[test]
fn only_its_own_files_are_taken() {
    for own in [SPOT_TRADES, COIN_BARS, DEPTH] {
        assert!(is_it(own.as_bytes(), "x.csv"));
    }
    let lobster = "34200.004241176,1,16113575,18,5853300,1\n34200.00426064,1,16113584,18,5853200,1\n";
    let tardis = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n";
    for other in [lobster, tardis, "", "date,open,high,low,close,volume\n", "1,2,3,4,5,6\n"] {
        assert!(!is_it(other.as_bytes(), "BTCUSDT-trades-2020-03.csv"), "{other}");
    }
}

proptest! {
    #[test]
    fn a_valid_file_with_bytes_changed_never_panics(
        which in 0usize..3,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = [SPOT_TRADES, COIN_BARS, DEPTH][which].as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let _ = is_it(&bytes, "x");
        if let Ok((records, decoder)) = decoded("BTCUSDT-trades.csv", &bytes) {
            prop_assert!(records.iter().all(|record| record.header.seq <= decoder.account().messages));
        }
    }
}
