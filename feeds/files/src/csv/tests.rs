//! Small files by hand, and what no bytes may do.

use proptest::prelude::*;
use tickrace_types::{Flags, Kind, MarketRecord};

use super::*;

fn mapping(text: &str) -> Mapping {
    toml::from_str(text).expect("a mapping")
}

fn try_decode(map: &str, bytes: &[u8], options: &Options) -> Result<(Vec<Record>, CsvDecoder), FileError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("20131007_x.csv");
    std::fs::write(&path, bytes).expect("written");
    let mut decoder = open(&path, &mapping(map), options)?;
    let mut batch = Vec::new();
    while decoder.read(&mut batch) {}
    Ok((batch, decoder))
}

fn decode(map: &str, text: &str) -> (Vec<Record>, CsvDecoder) {
    try_decode(map, text.as_bytes(), &Options::default()).expect("the mapping fits")
}

fn kinds(records: &[Record]) -> Vec<(Kind, u8)> {
    let kind = |record: &Record| Kind::from_code(record.header.kind).expect("a kind");
    records.iter().map(|record| (kind(record), record.header.flags)).collect()
}

const END: u8 = Flags::END_OF_EVENT;
const SNAPSHOT: u8 = Flags::SNAPSHOT;

const DEPTH: &str = r#"
has_header = true
kind = { column = "type", values = { snap = "snapshot-level", set = "level", t = "print", x = "skip" } }
ts = { column = "ts", unit = "ms" }
ts_recv = { column = "recv", unit = "us" }
event = "id"
symbol = "symbol"
side = { column = "side", values = { b = "bid", a = "ask", "" = "none" } }
price = "px"
qty = "qty"
other_ref = "id"
"#;

#[test]
fn levels_of_several_symbols_keep_their_events_and_lots() {
    let text = "symbol,ts,recv,id,side,type,px,qty\n\
                A,1000,1000001,7,b,snap,10.5,0.001\n\
                A,1000,1000001,7,a,snap,11,2\n\
                \n\
                B,1001,1001002,8,b,set,1e-05,30\n\
                A,1002,1002000,9,a,set,11,0\n\
                A,1002,1002000,9,,t,11,0.5\n\
                A,1002,1002000,9,,x,,\n\
                A,1003,1003000,10,a,snap,12,1\n";
    let (records, decoder) = decode(DEPTH, text);
    let wanted = [
        (Kind::Clear, SNAPSHOT),
        (Kind::Level, SNAPSHOT),
        (Kind::Level, SNAPSHOT | END),
        (Kind::Level, END),
        (Kind::Level, 0),
        (Kind::Print, END),
        (Kind::Clear, SNAPSHOT),
        (Kind::Level, SNAPSHOT | END),
    ];
    assert_eq!(kinds(&records), wanted);
    let field = |of: fn(&MarketRecord) -> u64| {
        records.iter().map(|record| of(record.as_market())).collect::<Vec<_>>()
    };
    assert_eq!(field(|market| u64::from(market.header.instrument)), [0, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(field(|market| market.header.seq), [1, 1, 2, 3, 4, 5, 7, 7]);
    // Lots of A are 0.001, of B one.
    assert_eq!(field(|market| market.order_ref), [0, 1, 2000, 30, 0, 0, 0, 1000]);
    assert_eq!(field(|market| u64::from(market.side)), [2, 0, 1, 0, 1, 2, 2, 1]);
    assert_eq!((records[3].as_market().price, records[5].as_market().qty), (10_000, 500));
    assert_eq!(records[5].as_market().other_ref, 9);
    let header = records[3].header;
    assert_eq!((header.ts_venue_ns, header.ts_recv_ns), (1_001_000_000, 1_001_002_000));
    let account = decoder.account();
    let shapes: Vec<_> = account
        .instruments
        .iter()
        .map(|one| (one.symbol.as_str(), one.ticks[0].tick_nanos, one.lot_nanos))
        .collect();
    assert_eq!(shapes, [("A", 100_000_000, 1_000_000), ("B", 10_000, 1_000_000_000)]);
    assert_eq!((account.messages, account.skips.faults(), &account.end), (7, 0, &End::Complete));
    let by_type: Vec<_> =
        decoder.by_type().into_iter().map(|(name, count)| format!("{name} {count}")).collect();
    assert_eq!(by_type, ["print 1", "level 2", "snapshot-level 3", "skip 1"]);
}

#[test]
fn every_kind_of_order_row_becomes_its_record() {
    let map = r#"
delimiter = ";"
kind = { column = 1, values = { A = "add", E = "execute", C = "cancel", D = "delete", R = "replace", T = "trade", Z = "clear" } }
ts = { column = 0, unit = "s", from = "midnight-utc" }
order_ref = 2
other_ref = 3
side = { column = 4, values = { B = "buy", S = "sell", "-" = "none" } }
price = 5
qty = 6
price_divisor = 10000
"#;
    let text = "1;A;5;;S;123400;50\n2;E;5;77;-;123400;10\n3;C;5;;-;;5\n4;R;5;6;-;123500;30\n5;D;6;;-;;\n6;T;;78;B;120000;9\n7;Z\n";
    let (records, decoder) = decode(map, text);
    let of = |record: &Record| {
        let market = record.as_market();
        (
            record.header.kind,
            market.order_ref,
            market.other_ref,
            market.side,
            market.price / 1_000_000,
            market.qty,
        )
    };
    let wanted = [
        (Kind::Add as u8, 5, 0, 1, 12_340, 50),
        (Kind::Execute as u8, 5, 77, 2, 12_340, 10),
        (Kind::Cancel as u8, 5, 0, 2, 0, 5),
        (Kind::Replace as u8, 5, 6, 2, 12_350, 30),
        (Kind::Delete as u8, 6, 0, 2, 0, 0),
    ];
    assert_eq!(records.iter().take(5).map(of).collect::<Vec<_>>(), wanted);
    // The trade lacks an order number, which a trade does not need; the short row is a clear, and needs nothing.
    assert_eq!(of(&records[5]), (Kind::Trade as u8, 0, 78, 0, 12_000, 9));
    assert_eq!(records[6].header.kind, Kind::Clear as u8);
    assert_eq!(records[1].as_market().code, MarketRecord::WITH_PRICE);
    assert!(records.iter().all(|record| record.header.flags == END));
    // 2013-10-07 in UTC, from the file's name.
    assert_eq!(records[0].header.ts_venue_ns, (1_381_104_000 + 1) * 1_000_000_000);
    assert_eq!(decoder.account().instruments[0].symbol, "20131007_x");
    assert_eq!(decoder.account().skips.faults(), 0);
}

const QUOTES: &str = r#"
kind = { constant = "quote" }
ts = { column = 0, unit = "ms" }
bid_px = 1
bid_qty = 2
ask_px = 3
ask_qty = 4
"#;

#[test]
fn a_side_without_quantity_is_absent_or_unchanged_as_stated() {
    let text = "1,10,5,11,7\n2,0,0,12,8\n3,,,,\n4,9,6,,0\n";
    let sides = |map: &str| -> Vec<(i64, u32, i64, u32)> {
        let (records, decoder) = decode(map, text);
        assert_eq!(decoder.account().skips.faults(), 0);
        let of = |record: &Record| {
            let quote = record.as_quote();
            (quote.bid_px / 1_000_000_000, quote.bid_qty, quote.ask_px / 1_000_000_000, quote.ask_qty)
        };
        records.iter().map(of).collect()
    };
    assert_eq!(sides(QUOTES), [(10, 5, 11, 7), (0, 0, 12, 8), (0, 0, 0, 0), (9, 6, 0, 0)]);
    let unchanged = format!("empty_side = \"unchanged\"\n{QUOTES}");
    assert_eq!(sides(&unchanged), [(10, 5, 11, 7), (10, 5, 12, 8), (10, 5, 12, 8), (9, 6, 12, 8)]);
}

#[test]
fn bars_are_two_records_at_their_end() {
    let map = r#"
kind = { constant = "bar" }
ts = { column = 0, unit = "iso8601" }
open = 1
high = 2
low = 3
close = 4
volume = 5
bar = { seconds = 60, ts = "start" }
"#;
    let text = "2013-10-07T00:00:00Z,10,12,9,11,5000000000\n\"2013-10-07 00:01:00\",\"10\",9,9,11,1\n";
    let (records, decoder) = decode(map, text);
    assert_eq!(kinds(&records), [(Kind::BarShape, 0), (Kind::Bar, END)]);
    let (shape, bar) = (records[0].as_bar_shape(), records[1].as_bar());
    let nanos = 1_000_000_000;
    assert_eq!(
        (shape.open, shape.high, shape.low, bar.close),
        (10 * nanos, 12 * nanos, 9 * nanos, 11 * nanos)
    );
    assert_eq!(
        (bar.volume, shape.ts_open_ns, bar.header.ts_venue_ns),
        (5 * nanos as u64, 1_381_104_000 * nanos, 1_381_104_060 * nanos)
    );
    let first = &decoder.account().skips.reasons().next().expect("the second is none").1.first;
    assert_eq!(first, "line 2: column 2 (high): \"9\", wanted low <= open, close <= high");
}

#[test]
fn a_fault_of_the_mapping_names_its_key() {
    let refused = |map: &str| {
        let error = try_decode(map, b"a,b\n1,2\n", &Options::default()).err().map(|error| error.to_string());
        error.expect("refused")
    };
    let head = "ts = { column = 0, unit = \"ms\" }\n";
    for (map, wanted) in [
        ("kind = {}", "mapping key kind: needs either constant"),
        ("kind = { constant = \"print\" }", "mapping key price: rows of kind print need it"),
        ("kind = { constant = \"bar\" }\nopen=0\nhigh=0\nlow=0\nclose=0", "mapping key bar: "),
        (
            "kind = { constant = \"clear\" }\nqty = \"b\"",
            "mapping key qty: \"b\" is a name, but the file has no header",
        ),
        (
            "kind = { constant = \"clear\" }\nhas_header = true\nqty = \"c\"",
            "mapping key qty: the header has no column \"c\"",
        ),
        ("kind = { constant = \"clear\" }\nqty = 5000", "mapping key qty: column 5000 is beyond"),
        ("kind = { constant = \"clear\" }\nprice_divisor = 25", "mapping key price_divisor: "),
        ("kind = { constant = \"clear\" }\ndelimiter = \"1\"", "mapping key delimiter: "),
    ] {
        let error = refused(&format!("{map}\n{head}"));
        assert!(error.contains(wanted), "{error}");
    }
    assert!(
        toml::from_str::<Mapping>(&format!("{head}kind = {{ constant = \"clear\" }}\nprize = 1")).is_err()
    );
}

#[test]
fn a_bad_row_is_counted_with_line_and_column_and_a_cut_one_ends_the_file() {
    let text = "1,10,5,11,7\n2,10x,5,11,7\n3,10,5\n4,10,5.5,11,7\n-,10,5,11,7\n6,10,5,1";
    let options = Options {
        instruments: vec![crate::shape::instrument_of_steps("20131007_x", 1, 1_000_000_000)],
        ..Options::default()
    };
    let (records, decoder) = try_decode(QUOTES, text.as_bytes(), &options).expect("the mapping fits");
    let account = decoder.account();
    assert_eq!((records.len(), account.messages, account.skips.faults()), (1, 6, 4));
    let firsts: Vec<_> = account.skips.reasons().map(|(_, skipped)| skipped.first.as_str()).collect();
    assert_eq!(
        firsts,
        [
            "line 3: column 4 (ask_qty): the row has no such column",
            "line 2: column 1 (bid_px): \"10x\", wanted a price of at most nine decimals",
            "line 4: column 2 (bid_qty): \"5.5\", wanted a whole number of lots",
            "line 5: column 0 (ts): \"-\", wanted a time",
        ]
    );
    assert!(matches!(&account.end, End::Broken { place, .. } if place == "line 6"));
}

#[test]
fn symbols_asked_for_have_their_ids_in_that_order() {
    let text =
        "symbol,ts,recv,id,side,type,px,qty\nA,1,1,7,b,set,10.5,1\nB,1,1,7,b,set,10,1\nC,1,1,7,b,set,10,1\n";
    let options = Options { symbols: vec!["C".to_owned(), "A".to_owned()], ..Options::default() };
    let (records, decoder) = try_decode(DEPTH, text.as_bytes(), &options).expect("the mapping fits");
    assert_eq!(records.iter().map(|record| record.header.instrument).collect::<Vec<_>>(), [1, 0]);
    let skips = &decoder.account().skips;
    assert_eq!((skips.of(Skips::FILTERED), skips.faults()), (1, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for map in [QUOTES, DEPTH] {
            if let Ok((_, decoder)) = try_decode(map, &bytes, &Options::default()) {
                prop_assert!(decoder.account().end != End::Running);
            }
        }
    }

    #[test]
    fn a_damaged_file_is_counted_and_never_panics(place in 0usize..1000, byte in any::<u8>(), cut in 1usize..200) {
        let mut text = b"symbol,ts,recv,id,side,type,px,qty\nA,1000,1001,7,b,snap,10.5,0.001\nA,1002,1003,9,,t,11,0.5\nB,1,1,1,a,set,1,1\n".to_vec();
        text.truncate(cut);
        let place = place % text.len();
        text[place] = byte;
        if let Ok((_, decoder)) = try_decode(DEPTH, &text, &Options::default()) {
            let account = decoder.account();
            let read: u64 = decoder.by_type().iter().map(|(_, count)| count).sum();
            let open = u64::from(account.end != End::Complete);
            prop_assert_eq!(read + account.skips.faults() + open, account.messages);
        }
    }
}
