//! Arrays written here, byte by byte.

use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;
use zerocopy::IntoBytes;

use super::*;

const BOTH: u64 = HEARERS;

pub(super) fn row(ev: u64, exch_ts: i64, local_ts: i64, px: f64, qty: f64, order_id: u64) -> Row {
    Row {
        ev: ev.into(),
        exch_ts: exch_ts.into(),
        local_ts: local_ts.into(),
        px: px.into(),
        qty: qty.into(),
        order_id: order_id.into(),
        ..Row::default()
    }
}

fn array(rows: &[Row]) -> Vec<u8> {
    let fields: Vec<_> = FIELDS.iter().map(|(name, kind)| format!("('{name}', '{kind}')")).collect();
    let text =
        format!("{{'descr': [{}], 'fortran_order': False, 'shape': ({},), }}", fields.join(", "), rows.len());
    let text = format!("{text:<245}\n");
    let length = u16::try_from(text.len()).expect("short").to_le_bytes();
    [npy::MAGIC, &[1, 0], &length, text.as_bytes(), rows.as_bytes()].concat()
}

fn file(bytes: &[u8], name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("written");
    (folder, path)
}

fn decode_bytes(bytes: &[u8]) -> Result<(Vec<MarketRecord>, Account), FileError> {
    let (_folder, path) = file(bytes, "btcusdt_20240809.npy");
    let mut decoder = open(&path, &Options::default())?;
    let mut batch = Vec::new();
    while decoder.read(&mut batch) {}
    let account = decoder.account().clone();
    Ok((batch.iter().map(|record| *record.as_market()).collect(), account))
}

fn decode(rows: &[Row]) -> (Vec<MarketRecord>, Account) {
    decode_bytes(&array(rows)).expect("an array")
}

fn kinds(records: &[MarketRecord]) -> Vec<(Kind, u8, u8)> {
    let kind = |record: &MarketRecord| Kind::from_code(record.header.kind).expect("a kind");
    records.iter().map(|record| (kind(record), record.side, record.header.flags)).collect()
}

const END: u8 = Flags::END_OF_EVENT;
const SNAPSHOT: u8 = Flags::SNAPSHOT;

#[test]
fn levels_trades_and_snapshots_become_their_records() {
    let (records, account) = decode(&[
        row(BOTH | ev::DEPTH_CLEAR | ev::BUY, 1, 2, 100.0, 0.0, 0),
        row(BOTH | ev::DEPTH_CLEAR | ev::SELL, 1, 2, f64::INFINITY, 0.0, 0),
        row(BOTH | ev::DEPTH_SNAPSHOT | ev::BUY, 1, 2, 99.9, 1.25, 0),
        row(BOTH | ev::DEPTH | ev::SELL, 3, 4, 100.3, 0.0, 0),
        row(BOTH | ev::TRADE | ev::BUY, 3, 5, 100.2, 0.005, 0),
        row(BOTH | ev::DEPTH_BBO | ev::SELL, 6, 7, 100.2, 2.0, 0),
        row(BOTH | ev::DEPTH_CLEAR, 8, 9, 0.0, 0.0, 0),
    ]);
    let wanted = [
        (Kind::Clear, 0, SNAPSHOT),
        (Kind::Clear, 1, SNAPSHOT),
        (Kind::Level, 0, SNAPSHOT | END),
        (Kind::Level, 1, END),
        (Kind::Print, 0, END),
        (Kind::Clear, 1, 0),
        (Kind::Level, 1, END),
        (Kind::Clear, 2, SNAPSHOT | END),
    ];
    assert_eq!(kinds(&records), wanted);
    let instrument = &account.instruments[0];
    // The finest price is 0.1, the finest quantity 0.005: steps are powers of ten.
    assert_eq!(instrument.symbol, "btcusdt_20240809");
    assert_eq!((instrument.ticks[0].tick_nanos, instrument.lot_nanos), (100_000_000, 1_000_000));
    let numbers: Vec<_> = records.iter().map(|record| (record.price, record.order_ref, record.qty)).collect();
    let wanted = [
        (100_000_000_000, 0, 0),
        (i64::MAX, 0, 0),
        (99_900_000_000, 1250, 0),
        (100_300_000_000, 0, 0),
        (100_200_000_000, 0, 5),
        (100_200_000_000, 0, 0),
        (100_200_000_000, 2000, 0),
        (0, 0, 0),
    ];
    assert_eq!(numbers, wanted);
    assert_eq!(records.iter().map(|record| record.code).collect::<Vec<_>>(), [1, 1, 0, 0, 0, 1, 0, 0]);
    assert_eq!(records.iter().map(|record| record.header.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 6, 7]);
    assert_eq!((records[4].header.ts_venue_ns, records[4].header.ts_recv_ns), (3, 5));
    assert_eq!((account.end, account.messages, account.skips.faults()), (End::Complete, 7, 0));
}

#[test]
fn rows_for_one_hearer_say_so_and_end_their_own_events() {
    let depth = ev::DEPTH | ev::BUY;
    let (records, _) = decode(&[
        row(BOTH | depth, 1, 2, 100.0, 1.0, 0),
        row(BOTH | depth, 1, 2, 101.0, 1.0, 0),
        row(ev::EXCH | depth, 1, 2, 102.0, 1.0, 0),
        row(ev::LOCAL | depth, 1, 2, 102.0, 1.0, 0),
    ]);
    let flags: Vec<_> = records.iter().map(|record| record.header.flags).collect();
    assert_eq!(flags, [0, END, END | Flags::VENUE_ONLY, END | Flags::DESK_ONLY]);
}

#[test]
fn orders_are_told_once_to_each_hearer() {
    let (records, account) = decode(&[
        row(BOTH | ev::ADD_ORDER | ev::SELL, 1, 2, 100.0, 50.0, 7),
        // The exchange fills before we hear of it.
        row(ev::EXCH | ev::FILL | ev::SELL, 3, 9, 100.0, 20.0, 7),
        row(BOTH | ev::MODIFY_ORDER | ev::SELL, 4, 5, 100.0, 30.0, 7),
        row(ev::LOCAL | ev::TRADE | ev::BUY, 3, 9, 100.0, 20.0, 0),
        row(BOTH | ev::CANCEL_ORDER | ev::SELL, 10, 11, f64::NAN, f64::NAN, 7),
    ]);
    let wanted = [
        (Kind::Add, 1, END),
        (Kind::Execute, 1, END | Flags::VENUE_ONLY),
        // To the exchange's 30 nothing is new; we knew of 50.
        (Kind::Cancel, 1, END | Flags::DESK_ONLY),
        (Kind::Print, 0, END | Flags::DESK_ONLY | Flags::NOT_PRINTABLE),
        (Kind::Delete, 1, END),
    ];
    assert_eq!(kinds(&records), wanted);
    assert_eq!(records.iter().map(|record| record.qty).collect::<Vec<_>>(), [50, 20, 20, 20, 0]);
    assert_eq!(account.skips.faults(), 0);
}

#[test]
fn nonsense_is_counted_by_reason_with_its_row() {
    let (records, account) = decode(&[
        row(BOTH | ev::DEPTH | ev::BUY, 1, 2, 100.5, 1.0, 0),
        row(BOTH | 9, 1, 2, 0.0, 0.0, 0),
        row(BOTH | 77, 1, 2, 0.0, 0.0, 0),
        row(ev::DEPTH | ev::BUY, 1, 2, 100.5, 1.0, 0),
        row(BOTH | ev::DEPTH, 1, 2, 100.5, 1.0, 0),
        row(BOTH | ev::DEPTH | ev::BUY | ev::SELL, 1, 2, 100.5, 1.0, 0),
        row(BOTH | ev::DEPTH | ev::BUY, 1, 2, f64::NAN, 1.0, 0),
        row(BOTH | ev::DEPTH | ev::BUY, 1, 2, 100.5, -1.0, 0),
        row(BOTH | ev::TRADE, 1, 2, 100.5, 0.0, 0),
        row(BOTH | ev::ADD_ORDER | ev::BUY, 1, 2, 100.5, 5e9, 1),
    ]);
    assert_eq!((records.len(), account.messages, account.skips.faults()), (1, 10, 9));
    let counts: Vec<_> = account
        .skips
        .reasons()
        .map(|(reason, skipped)| (reason, skipped.count, skipped.first.as_str()))
        .collect();
    assert_eq!(
        counts,
        [
            ("event kind", 2, "row 2: field ev: kind 9 is unknown"),
            ("hearers", 1, "row 4: field ev: neither for the exchange nor for us"),
            ("price", 1, "row 7: field px: NaN is no whole number of nano-units"),
            ("quantity", 3, "row 8: field qty: -1 is no whole number of lots"),
            ("side", 2, "row 5: field ev: a level of neither side"),
        ]
    );
}

#[test]
fn a_stated_instrument_sets_the_grid() {
    let rows = [
        row(BOTH | ev::DEPTH | ev::BUY, 1, 2, 100.5, 3.0, 0),
        row(BOTH | ev::DEPTH | ev::BUY, 1, 3, 100.5, 0.5, 0),
    ];
    let (_folder, path) = file(&array(&rows), "x.npy");
    let stated = instrument_of_steps("XBT", 500_000_000, 1_000_000_000);
    let symbol = Some("XBT".to_owned());
    let options = Options { instruments: vec![stated.clone()], symbol, ..Options::default() };
    let mut decoder = open(&path, &options).expect("opens");
    let mut batch = Vec::new();
    while decoder.read(&mut batch) {}
    assert_eq!(decoder.account().instruments, [stated]);
    assert_eq!((batch.len(), batch[0].as_market().order_ref), (1, 3));
    assert_eq!(decoder.account().skips.of("quantity"), 1);
}

#[test]
fn arrays_in_archives_of_any_packing_are_the_same_records() {
    let rows: Vec<Row> = (0..5_000)
        .map(|n| {
            row(
                BOTH | ev::DEPTH | ev::BUY,
                n,
                n + 1,
                100.0 + 0.1 * f64::from(i8::try_from(n % 50).expect("small")),
                1.0,
                0,
            )
        })
        .collect();
    let bytes = array(&rows);
    let (plain, account) = decode_bytes(&bytes).expect("an array");
    assert_eq!((plain.len(), &account.end), (5_000, &End::Complete));
    for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        for (name, bytes) in [("other.npy", &b"x"[..]), ("data.npy", &bytes)] {
            archive.start_file(name, options).expect("begun");
            archive.write_all(bytes).expect("packed");
        }
        let (records, account) =
            decode_bytes(&archive.finish().expect("closed").into_inner()).expect("an array");
        assert!(records == plain && account.end == End::Complete);
    }
}

#[test]
fn a_cut_array_gives_its_whole_rows_and_the_place() {
    let rows = [row(BOTH | ev::DEPTH | ev::BUY, 1, 2, 100.5, 1.0, 0); 3];
    let bytes = array(&rows);
    let (records, account) = decode_bytes(&bytes[..bytes.len() - 70]).expect("an array");
    assert_eq!((records.len(), records[0].header.flags), (1, END));
    // The head is 256 bytes; one row of 64 is there, and 58 bytes of the one that begins here.
    let wanted =
        End::Broken { place: "offset 320".to_owned(), fault: "cut: 1 of 3 rows are there".to_owned() };
    assert_eq!(account.end, wanted);
    let longer = [&bytes[..], &[0]].concat();
    let (records, account) = decode_bytes(&longer).expect("an array");
    assert_eq!(records.len(), 3);
    assert!(matches!(account.end, End::Broken { place, .. } if place == "offset 448"));
}

#[test]
fn other_arrays_are_refused_by_name() {
    let bytes = array(&[]);
    assert!(is_it(&bytes, "x.npy"));
    let (records, account) = decode_bytes(&bytes).expect("an array");
    assert_eq!((records.len(), account.end), (0, End::Complete));
    let other: Vec<u8> = String::from_utf8_lossy(&bytes[10..]).replace("local_ts", "locak_ts").into_bytes();
    let other = [&bytes[..10], &other].concat();
    assert!(!is_it(&other, "x.npy") && !is_it(b"34200.1,1,5,20,100000,1\n", "x.npy"));
    let error = decode_bytes(&other).map(|_| ()).expect_err("refused").to_string();
    assert!(error.contains("offset 0: an array of (ev <u8, exch_ts <i8, locak_ts <i8,"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn a_damaged_array_never_panics(
        places in prop::collection::vec((0usize..600, any::<u8>()), 1..8), cut in 0usize..600,
    ) {
        let rows = [
            row(BOTH | ev::DEPTH | ev::BUY, 1, 2, 100.5, 1.0, 0),
            row(BOTH | ev::ADD_ORDER | ev::SELL, 1, 2, 100.5, 1.0, 5),
            row(ev::LOCAL | ev::FILL | ev::SELL, 1, 2, 100.5, 1.0, 5),
            row(BOTH | ev::MODIFY_ORDER | ev::SELL, 1, 2, 100.5, 2.0, 5),
        ];
        let mut bytes = array(&rows);
        bytes.truncate(cut);
        for (place, byte) in places {
            if let Some(at) = bytes.get_mut(place) {
                *at = byte;
            }
        }
        if let Ok((records, account)) = decode_bytes(&bytes) {
            prop_assert!(account.end != End::Running);
            prop_assert!(records.len() as u64 <= 2 * account.messages);
        }
        let _ = is_it(&bytes, "");
    }
}
