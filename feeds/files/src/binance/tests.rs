use std::io::Write;

use proptest::prelude::*;
use tickrace_types::instrument::Settlement;
use tickrace_types::{Flags, Kind};

use super::*;
use crate::format::End;
use crate::notice;

const DEPTH: &str = r#"{"e":"depthUpdate","E":1723161256299,"T":1723161256298,"s":"BTCUSDT","U":5,"u":7,"pu":4,"b":[["100.5","2.000"],["100.4","0.000"]],"a":[["101.0","1.500"]]}"#;
const SNAPSHOT: &str =
    r#"{"lastUpdateId":6,"E":1,"T":1723161256000,"bids":[["100.0","1.000"]],"asks":[["102.0","1.000"]]}"#;
const TRADE: &str = r#"{"e":"trade","E":1723161256322,"T":1723161256321,"s":"BTCUSDT","t":77,"p":"101.0","q":"0.250","X":"MARKET","m":true}"#;
const QUOTE: &str = r#"{"e":"bookTicker","u":9,"s":"BTCUSDT","b":"100.5","B":"2.000","a":"101.0","A":"1.250","T":1723161256330,"E":1723161256331}"#;

fn decoded(lines: &[&str], options: &Options) -> (Vec<Record>, BinanceDecoder) {
    let text: String = lines
        .iter()
        .enumerate()
        .map(|(at, line)| format!("{} {line}\n", 1_723_161_255_000_000_000 + at))
        .collect();
    decoded_bytes(text.as_bytes(), options).expect("of the format")
}

fn decoded_bytes(bytes: &[u8], options: &Options) -> Option<(Vec<Record>, BinanceDecoder)> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    let mut decoder = open(file.path(), options).ok()?;
    let mut records = Vec::new();
    while decoder.read(&mut records) {}
    Some((records, decoder))
}

/// Kind, side, price and lots of records that have them.
fn told(records: &[Record]) -> Vec<(Kind, u8, i64, u64)> {
    let told = records.iter().map(|record| {
        let (kind, market) = (Kind::from_code(record.header.kind).expect("a kind"), record.as_market());
        let lots = if kind == Kind::Print { u64::from(market.qty) } else { market.order_ref };
        (kind, market.side, market.price / 100_000_000, lots)
    });
    told.collect()
}

#[test]
fn changes_before_a_snapshot_come_with_a_stale_book_and_are_taken_again_after_it() {
    let (records, decoder) = decoded(&[DEPTH, SNAPSHOT, TRADE], &Options::default());
    let (bid, ask, none) = (0, 1, 2);
    let wanted = [
        (Kind::Gap, none, 0, 0),
        (Kind::Level, bid, 1005, 2000),
        (Kind::Level, bid, 1004, 0),
        (Kind::Level, ask, 1010, 1500),
        (Kind::Clear, none, 0, 0),
        (Kind::Level, bid, 1000, 1000),
        (Kind::Level, ask, 1020, 1000),
        (Kind::Level, bid, 1005, 2000),
        (Kind::Level, bid, 1004, 0),
        (Kind::Level, ask, 1010, 1500),
        (Kind::Print, ask, 1010, 250),
    ];
    assert_eq!(told(&records), wanted);
    let ends: Vec<_> = records.iter().map(|record| record.header.flags & Flags::END_OF_EVENT).collect();
    assert_eq!(ends, [0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1]);
    let snapshots: Vec<_> = records.iter().map(|record| record.header.flags & Flags::SNAPSHOT > 0).collect();
    assert_eq!(snapshots, [false, false, false, false, true, true, true, true, true, true, false]);
    // The snapshot is of the time of the newest change it was brought up to; trades count by their own time.
    assert_eq!(records[4].header.ts_venue_ns, 1_723_161_256_298_000_000);
    assert_eq!(records[10].header.ts_venue_ns, 1_723_161_256_321_000_000);
    assert_eq!((records[10].header.ts_recv_ns, records[10].header.seq), (1_723_161_255_000_000_002, 3));
    assert_eq!(records[10].as_market().other_ref, 77);
    assert_eq!((decoder.account().gaps.len(), decoder.account().skips.faults()), (0, 0));
    let instrument = &decoder.account().instruments[0];
    assert_eq!((instrument.lot_nanos, instrument.settlement), (1_000_000, Settlement::Linear));
    assert_eq!(instrument.ticks[0].tick_nanos, 100_000_000);
}

#[test]
fn missing_numbers_are_a_gap_and_a_continued_file_begins_without_one() {
    let later = DEPTH.replace("\"U\":5,\"u\":7,\"pu\":4", "\"U\":12,\"u\":13,\"pu\":10");
    let options = Options { is_continued: true, ..Options::default() };
    let (records, decoder) = decoded(&[DEPTH, &later], &options);
    let gaps: Vec<_> = records.iter().filter(|record| record.header.kind == Kind::Gap as u8).collect();
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].as_market().order_ref, gaps[0].as_market().other_ref), (8, 3));
    assert_eq!(decoder.account().gaps, [(8, 3)]);
}

#[test]
fn an_aggregate_of_recorded_trades_is_no_second_print() {
    let aggregate = r#"{"e":"aggTrade","E":1723161256322,"a":5,"s":"BTCUSDT","p":"101.0","q":"0.250","f":77,"l":77,"T":1723161256321,"m":false}"#;
    let (records, _) = decoded(&[aggregate], &Options::default());
    assert_eq!(told(&records), [(Kind::Print, 0, 1010, 250)]);
    let (records, _) = decoded(&[aggregate, TRADE], &Options::default());
    assert_eq!(told(&records).iter().map(|told| told.0).collect::<Vec<_>>(), [Kind::Notice, Kind::Print]);
}

#[test]
fn executions_outside_the_market_do_not_count_in_volume() {
    let fund = TRADE.replace("MARKET", "INSURANCE_FUND");
    let (records, _) = decoded(&[&fund], &Options::default());
    assert!(records[0].header.flags & Flags::NOT_PRINTABLE > 0);
}

#[test]
fn partial_depth_is_a_snapshot_and_then_what_differs() {
    let partial = |bid: &str| {
        format!(
            r#"{{"stream":"ethusdt@depth5@100ms","data":{{"lastUpdateId":1,"bids":[["{bid}","1.5"]],"asks":[["12.0","1.5"]]}}}}"#
        )
    };
    let (records, decoder) =
        decoded(&[&partial("11.0"), &partial("11.0"), &partial("11.5")], &Options::default());
    let wanted = [
        (Kind::Clear, 2, 0, 0),
        (Kind::Level, 0, 110, 15),
        (Kind::Level, 1, 120, 15),
        (Kind::Notice, 2, 0, 0),
        (Kind::Level, 0, 110, 0),
        (Kind::Level, 0, 115, 15),
    ];
    assert_eq!(told(&records), wanted);
    assert_eq!(decoder.account().instruments[0].symbol, "ETHUSDT");
}

#[test]
fn bars_and_funding_are_read() {
    let bar = r#"{"e":"kline","E":1723161300005,"s":"BTCUSDT","k":{"t":1723161240000,"T":1723161299999,"s":"BTCUSDT","i":"1m","f":1,"L":2,"o":"100.0","c":"101.0","h":"102.0","l":"99.0","v":"2.000","n":2,"x":true,"q":"203.0","V":"1","Q":"1","B":"0"}}"#;
    let mark = r#"{"e":"markPriceUpdate","E":1723161300000,"s":"BTCUSDT","p":"100.5","i":"100.4","P":"1","r":"-0.00010000","T":1723190400000}"#;
    let (records, _) = decoded(&[QUOTE, bar, mark], &Options::default());
    let (shape, rest) = (records[1].as_bar_shape(), records[2].as_bar());
    assert_eq!((shape.open, shape.high, shape.low), (100_000_000_000, 102_000_000_000, 99_000_000_000));
    assert_eq!(
        (rest.close, rest.volume, rest.trades, rest.vwap),
        (101_000_000_000, 2_000, 2, 101_500_000_000)
    );
    assert_eq!(
        (rest.header.ts_venue_ns, shape.ts_open_ns),
        (1_723_161_300_000_000_000, 1_723_161_240_000_000_000)
    );
    let funding = records.last().expect("records").as_market();
    assert_eq!(
        (funding.code, funding.price, funding.order_ref),
        (notice::FUNDING, -100_000, 1_723_190_400_000_000_000)
    );
}

#[test]
fn what_cannot_be_read_is_skipped_with_its_line_and_field() {
    let price = TRADE.replace("\"101.0\"", "\"12x4\"");
    let side = TRADE.replace("true", "maybe");
    let levels = DEPTH.replace("[\"100.4\",\"0.000\"]", "[\"100.4\"]");
    let (records, decoder) = decoded(&[TRADE, &price, &side, "{\"e\":", &levels], &Options::default());
    assert_eq!(records.len(), 1);
    let skips = &decoder.account().skips;
    let firsts: Vec<_> = skips.reasons().map(|(_, skipped)| skipped.first.as_str()).collect();
    assert_eq!(skips.faults(), 4);
    assert!(firsts.contains(&"line 2: field price: \"12x4\": bad price"), "{firsts:?}");
    assert!(firsts.iter().any(|first| first.starts_with("line 5: field b:")), "{firsts:?}");
    assert_eq!(decoder.account().end, End::Complete);
}

#[test]
fn a_quantity_off_the_lots_is_skipped_by_itself() {
    let stated = decoded(&[TRADE], &Options::default()).1.account().instruments[0].clone();
    let options = Options {
        instruments: vec![tickrace_types::Instrument { lot_nanos: 1_000_000_000, ..stated }],
        ..Options::default()
    };
    let (records, decoder) = decoded(&[DEPTH], &options);
    assert_eq!(records.iter().filter(|record| record.header.kind == Kind::Level as u8).count(), 2);
    assert_eq!(decoder.account().skips.of("bad quantity"), 1);
}

#[test]
fn a_file_cut_inside_a_message_says_so() {
    let text = format!("1 {TRADE}\n2 {}", &TRADE[..40]);
    let (records, decoder) = decoded_bytes(text.as_bytes(), &Options::default()).expect("of the format");
    assert_eq!(records.len(), 1);
    let End::Broken { place, .. } = &decoder.account().end else { panic!("a cut is told") };
    assert_eq!(place, "line 2");
}

#[test]
fn only_its_own_files_are_taken() {
    assert!(is_it(format!("17 {DEPTH}\n").as_bytes(), "x"));
    assert!(is_it(TRADE.as_bytes(), "x"));
    let bybit = r#"{"topic":"orderbook.500.XRPUSDT","type":"snapshot","ts":1,"data":{"s":"XRPUSDT","b":[["1","2"]],"a":[]}}"#;
    for other in [bybit, "", "a,b,c\n1,2,3\n", r#"{"e":"x"}"#, r#"["trade",1]"#] {
        assert!(!is_it(other.as_bytes(), "btcusdt.json"), "{other}");
    }
}

proptest! {
    #[test]
    fn a_valid_file_with_bytes_changed_never_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes: Vec<u8> =
            [DEPTH, SNAPSHOT, QUOTE, TRADE].iter().flat_map(|line| format!("17 {line}\n").into_bytes()).collect();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        if let Some((records, decoder)) = decoded_bytes(&bytes, &Options::default()) {
            prop_assert!(records.iter().all(|record| record.header.seq <= decoder.account().messages));
        }
    }
}
