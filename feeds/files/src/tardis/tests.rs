use proptest::prelude::*;
use tickrace_types::Kind;

use super::*;
use crate::format::End;

fn decoded(name: &str, text: &[u8], options: &Options) -> Result<(Vec<Record>, TardisDecoder), FileError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    let mut decoder = open(&path, options)?;
    let mut records = Vec::new();
    while decoder.read(&mut records) {}
    Ok((records, decoder))
}

const CHANGES: &str = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount
deribit,BTC-PERPETUAL,1585699200000000,1585699200100000,false,ask,6400,10
deribit,BTC-PERPETUAL,1585699200245000,1585699200355684,true,ask,6421.5,18640
deribit,BTC-PERPETUAL,1585699200245000,1585699200355684,true,bid,6420,1190
deribit,BTC-PERPETUAL,1585699200250000,1585699200360000,false,bid,6420,0
deribit,BTC-PERPETUAL,1585699200250000,1585699200360000,false,bid,6419.5,20
deribit,BTC-PERPETUAL,1585699200260000,1585699200370000,false,ask,6421.5,10
";
const TRADES: &str = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount
binance,BTCUSDT,1583020803145000,1583020803307160,42,buy,8531.50,0.002
binance,BTCUSDT,1583020803145000,1583020803307160,x-1,unknown,8531.50,0.01
";
const TICKER: &str = "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,index_price,mark_price
bitmex,XBTUSD,1583020803145000,1583020803307160,1583035200000000,-0.000123456789012,,500000000,8531,8530.5,8531.25
";

fn ends(records: &[Record]) -> Vec<bool> {
    records.iter().map(|record| record.header.flags & Flags::END_OF_EVENT != 0).collect()
}

#[test]
fn changes_before_the_snapshot_are_stale_and_the_snapshot_is_one_event() {
    let (records, decoder) = decoded("x.csv", CHANGES.as_bytes(), &Options::default()).expect("read");
    let kinds: Vec<_> =
        records.iter().map(|record| Kind::from_code(record.header.kind).expect("a kind")).collect();
    let (gap, clear, level) = (Kind::Gap, Kind::Clear, Kind::Level);
    assert_eq!(kinds, [gap, level, clear, level, level, level, level, level]);
    assert_eq!(ends(&records), [false, true, false, false, true, false, true, true]);
    let snapshots: Vec<_> = records.iter().map(|record| record.header.flags & Flags::SNAPSHOT != 0).collect();
    assert_eq!(snapshots, [false, false, true, true, true, false, false, false]);
    let last = records[7].as_market();
    assert_eq!((last.side, last.price, last.order_ref, last.header.seq), (1, 6_421_500_000_000, 10, 6));
    assert_eq!(
        (last.header.ts_venue_ns, last.header.ts_recv_ns),
        (1_585_699_200_260_000_000, 1_585_699_200_370_000_000)
    );
    assert_eq!((decoder.account().skips.faults(), &decoder.account().end), (0, &End::Complete));
    let options = Options { is_continued: true, ..Options::default() };
    let (continued, _) = decoded("x.csv", CHANGES.as_bytes(), &options).expect("read");
    assert_eq!(continued.len(), records.len() - 1);
}

#[test]
fn trades_of_one_message_are_one_event_and_liquidations_are_told_by_name() {
    let (records, _) = decoded("binance_trades.csv", TRADES.as_bytes(), &Options::default()).expect("read");
    assert_eq!(ends(&records), [false, true]);
    let told: Vec<_> =
        records.iter().map(|record| record.as_market()).map(|m| (m.side, m.qty, m.other_ref)).collect();
    assert_eq!(told, [(0, 2, 42), (2, 10, 0)]);
    let (records, decoder) =
        decoded("binance_liquidations.csv", TRADES.as_bytes(), &Options::default()).expect("read");
    assert!(records.iter().all(|record| record.header.kind == Kind::Notice as u8));
    assert_eq!(decoder.by_type(), [("liquidations".to_owned(), 2)]);
}

#[test]
fn a_ticker_tells_funding_and_reference_prices() {
    let (records, _) = decoded("x.csv", TICKER.as_bytes(), &Options::default()).expect("read");
    let told: Vec<_> =
        records.iter().map(|record| record.as_market()).map(|m| (m.code, m.price, m.order_ref)).collect();
    let wanted = [
        (notice::FUNDING, -123_456, 1_583_035_200_000_000_000),
        (notice::MARK, 8_531_250_000_000, 0),
        (notice::INDEX, 8_530_500_000_000, 0),
        (notice::OPEN_INTEREST, 0, 500_000_000_000_000_000),
    ];
    assert_eq!(told, wanted);
    assert_eq!(ends(&records), [false, false, false, true]);
}

#[test]
fn rates_longer_than_nano_units_are_cut_towards_zero() {
    for (text, nanos) in [
        ("0.00010000123456", Some(100_001)),
        ("-1.234567890123e-05", Some(-12_345)),
        ("9.9999e-12", Some(0)),
        ("1e-10", Some(0)),
        ("123e-10", Some(12)),
        ("-", None),
        ("1.x00000000001", None),
        ("", None),
    ] {
        assert_eq!(truncated_nanos(text.as_bytes()), nanos, "{text}");
    }
}

#[test]
fn what_is_no_data_type_is_refused_and_faulty_rows_are_skipped() {
    let options = Options::default();
    let chain = "exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration\n";
    let fault = decoded("x.csv", chain.as_bytes(), &options).err().expect("refused").to_string();
    assert!(fault.contains("line 1: an options_chain"), "{fault}");
    let text = CHANGES.replace("true,bid", "maybe,bid").replace("bid,6419.5,20", "bid,6419.5,20.5");
    let (_, decoder) = decoded("x.csv", text.as_bytes(), &options).expect("read");
    let firsts: Vec<_> =
        decoder.account().skips.reasons().map(|(_, skipped)| skipped.first.as_str()).collect();
    // The lot followed from all quantities, 20.5 among them.
    assert_eq!(firsts, ["line 4: field is_snapshot: \"maybe\": bad flag"]);
    assert!(!is_it(b"symbol,timestamp\n", "tardis.csv") && is_it(CHANGES.as_bytes(), "x"));
}

proptest! {
    #[test]
    fn a_valid_file_with_bytes_changed_never_panics(
        which in 0usize..3,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = [CHANGES, TRADES, TICKER][which].as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        if let Ok((records, decoder)) = decoded("x.csv", &bytes, &Options::default()) {
            prop_assert!(records.iter().all(|record| record.header.seq <= decoder.account().messages));
        }
    }
}
