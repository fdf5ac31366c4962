//! Small files by hand, and what no bytes may do.

use std::path::PathBuf;

use proptest::prelude::*;

use super::ledger::MADE;
use super::*;

const NAME: &str = "ABC_2012-06-21_34200000_57600000_message_1.csv";

/// Message and orderbook files in a folder of their own; the folder must outlive the decoder.
fn files(messages: &[u8], orderbook: Option<&str>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(NAME);
    std::fs::write(&path, messages).expect("written");
    if let Some(orderbook) = orderbook {
        std::fs::write(folder.path().join(NAME.replace("message", "orderbook")), orderbook).expect("written");
    }
    (folder, path)
}

fn decode(messages: &[u8], orderbook: Option<&str>) -> (Vec<MarketRecord>, LobsterDecoder) {
    let (_folder, path) = files(messages, orderbook);
    read_all(open(&path, &Options::default()).expect("opens"))
}

/// The same with the orderbook's first row only.
fn decode_unrepaired(messages: &[u8], orderbook: &str) -> (Vec<MarketRecord>, LobsterDecoder) {
    let (_folder, path) = files(messages, Some(orderbook));
    read_all(open(&path, &Options { is_repaired: false, ..Options::default() }).expect("opens"))
}

fn read_all(mut decoder: LobsterDecoder) -> (Vec<MarketRecord>, LobsterDecoder) {
    let mut batch = Vec::new();
    while decoder.read(&mut batch) {}
    (batch.iter().map(|record| *record.as_market()).collect(), decoder)
}

fn kinds(records: &[MarketRecord]) -> Vec<(u8, u64, u32, i64, u8)> {
    let of = |record: &MarketRecord| {
        (record.header.kind, record.order_ref, record.qty, record.price / 1_000_000_000, record.header.flags)
    };
    records.iter().map(of).collect()
}

const END: u8 = Flags::END_OF_EVENT;
const SNAPSHOT: u8 = Flags::SNAPSHOT;

#[test]
fn every_type_becomes_its_record() {
    let text = "34199.5,1,5,100,100000,1\n34200.25,2,5,10,100000,1\n34201,4,5,30,100000,1\n34202,3,5,60,100000,1\n\
                34203,5,0,7,100000,-1\n34204,6,-1,900,100000,-1\n34205,7,0,0,-1,-1\n34206,7,0,0,0,-1\n34207,7,0,0,1,-1\n";
    let (records, decoder) = decode(text.as_bytes(), None);
    let expected = [
        (Kind::Clear as u8, 0, 0, 0, SNAPSHOT),
        (Kind::Status as u8, 0, 0, 0, 0),
        (Kind::Add as u8, 5, 100, 10, END),
        (Kind::Status as u8, 0, 0, 0, 0),
        (Kind::Cancel as u8, 5, 10, 10, END),
        (Kind::Execute as u8, 5, 30, 10, END),
        (Kind::Delete as u8, 5, 0, 10, END),
        (Kind::Trade as u8, 0, 7, 10, END),
        (Kind::Cross as u8, 900, 0, 10, END),
        (Kind::Status as u8, 0, 0, 0, END),
        (Kind::Status as u8, 0, 0, 0, END),
        (Kind::Status as u8, 0, 0, 0, END),
    ];
    assert_eq!(kinds(&records), expected);
    let phases: Vec<_> = records.iter().filter(|record| record.header.kind == Kind::Status as u8).collect();
    let phases: Vec<_> = phases.iter().map(|record| Phase::from_code(record.code)).collect();
    let wanted = [Phase::PreOpen, Phase::Continuous, Phase::Halted, Phase::Auction, Phase::Continuous];
    assert_eq!(phases, wanted);
    // 2012-06-21 begins at 04:00 UTC in New York: 1,340,251,200 s (see the dates' own test).
    assert_eq!(records[4].header.ts_venue_ns, (1_340_251_200 + 34_200) * 1_000_000_000 + 250_000_000);
    assert_eq!(records[4].header.ts_recv_ns, records[4].header.ts_venue_ns);
    let seqs: Vec<u64> = records.iter().map(|record| record.header.seq).collect();
    assert_eq!(seqs, [1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!((records[6].side, records[7].side), (0, 1));
    assert_eq!(decoder.account().end, End::Complete);
    assert_eq!(decoder.account().messages, 9);
    assert_eq!(decoder.account().instruments, [Instrument::us_equity("ABC")]);
}

#[test]
fn the_first_row_of_the_orderbook_is_the_book_before_the_first_message() {
    // Row 1 is after an execution of 20 at 10.00, so 70 rested there; nothing rests at the second bid.
    let text = "34200.1,4,5,20,100000,1\n34200.2,3,6,50,100000,1\n34200.3,4,7,30,110000,-1\n";
    let book = "110000,25,100000,50,120000,4,-9999999999,0\n";
    let (records, decoder) = decode_unrepaired(text.as_bytes(), book);
    let (bid, ask, far) = (MADE | 1, MADE | 2, MADE | 3);
    let expected = [
        (Kind::Clear as u8, 0, 0, 0, SNAPSHOT),
        (Kind::Add as u8, bid, 70, 10, SNAPSHOT),
        (Kind::Add as u8, ask, 25, 11, SNAPSHOT),
        (Kind::Add as u8, far, 4, 12, SNAPSHOT | END),
        (Kind::Status as u8, 0, 0, 0, 0),
        (Kind::Execute as u8, bid, 20, 10, END),
        (Kind::Delete as u8, bid, 0, 10, END),
        // 30 of 25: what stood there makes way for an order that has them all.
        (Kind::Replace as u8, ask, 30, 11, SNAPSHOT),
        (Kind::Execute as u8, 7, 30, 11, END),
    ];
    assert_eq!(kinds(&records), expected);
    assert_eq!(records[7].other_ref, 7);
    assert_eq!(decoder.unknown(), Unknown { deletes: 1, executions: 2, stood_for: 3, cancels: 0 });
    assert_eq!(decoder.account().skips.faults(), 0);
}

/// A file of one level: an order stands outside while a better one rests, and comes back smaller; another came beside it.
const OUTSIDE: (&str, &str) = (
    "34200.1,1,7,100,100000,1\n34200.2,1,8,50,101000,1\n34200.3,3,8,50,101000,1\n34200.4,3,9,20,100000,1\n",
    "110000,5,100000,100\n110000,5,101000,50\n110000,5,100000,30\n110000,5,100000,10\n",
);

#[test]
fn what_happened_outside_the_levels_is_repaired_before_the_message_that_shows_it() {
    let (records, decoder) = decode(OUTSIDE.0.as_bytes(), Some(OUTSIDE.1));
    let expected = [
        (Kind::Clear as u8, 0, 0, 0, SNAPSHOT),
        (Kind::Add as u8, MADE | 1, 5, 11, SNAPSHOT | END),
        (Kind::Status as u8, 0, 0, 0, 0),
        (Kind::Add as u8, 7, 100, 10, END),
        (Kind::Add as u8, 8, 50, 10, END),
        // 70 of the order we know left unseen …
        (Kind::Cancel as u8, 7, 70, 10, SNAPSHOT),
        (Kind::Delete as u8, 8, 0, 10, END),
        // … or 90 did, for an order nobody saw come has 20 of what is left.
        (Kind::Cancel as u8, 7, 20, 10, SNAPSHOT),
        (Kind::Delete as u8, 9, 0, 10, END),
    ];
    assert_eq!(kinds(&records), expected);
    let wanted = Repairs { messages: 2, orders_removed: 2, lots_removed: 90, ..Repairs::default() };
    assert_eq!(decoder.account().repairs, Some(wanted));
    // Repairs are told at number and time of their message, and carry no letter.
    assert_eq!((records[5].header.seq, records[5].header.ts_venue_ns), (3, records[6].header.ts_venue_ns));
    assert_eq!((records[5].venue_type, records[6].venue_type), (0, b'3'));
    assert_eq!((&decoder.account().end, decoder.account().skips.faults()), (&End::Complete, 0));
}

#[test]
fn switched_off_nothing_is_repaired_and_none_is_counted() {
    let (records, decoder) = decode_unrepaired(OUTSIDE.0.as_bytes(), OUTSIDE.1);
    let of_snapshots = records.iter().filter(|record| record.header.flags & SNAPSHOT != 0).count();
    assert_eq!((of_snapshots, decoder.account().repairs), (2, None));
    let (_, decoder) = decode(OUTSIDE.0.as_bytes(), None);
    assert_eq!(decoder.account().repairs, None);
}

#[test]
fn an_orderbook_file_may_be_named_and_packed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(NAME);
    std::fs::write(&path, OUTSIDE.0).expect("written");
    let packed = zstd::encode_all(OUTSIDE.1.as_bytes(), 1).expect("packed");
    let named = folder.path().join("elsewhere");
    std::fs::write(&named, &packed).expect("written");
    let options = Options { orderbook: Some(named.clone()), ..Options::default() };
    let (by_name, _) = read_all(open(&path, &options).expect("opens"));
    assert_eq!(by_name.len(), 9);
    std::fs::rename(&named, folder.path().join(NAME.replace("message", "orderbook") + ".zst"))
        .expect("moved");
    let (beside, _) = read_all(open(&path, &Options::default()).expect("opens"));
    assert_eq!(beside, by_name);
    let error = open(&path, &options).err().expect("not there any more").to_string();
    assert!(error.contains("elsewhere"), "{error}");
}

#[test]
fn an_orderbook_file_that_ends_early_ends_the_reading_with_its_place() {
    let rows: String = OUTSIDE.1.lines().take(2).map(|row| format!("{row}\n")).collect();
    let (records, decoder) = decode(OUTSIDE.0.as_bytes(), Some(&rows));
    assert_eq!((records.len(), decoder.account().messages), (5, 2));
    let End::Broken { place, fault } = &decoder.account().end else { panic!("{:?}", decoder.account().end) };
    assert!(place.ends_with("_orderbook_1.csv line 2"), "{place}");
    assert!(fault.starts_with("the orderbook file ends before its message file"), "{fault}");
    let (_, decoder) = decode_unrepaired(OUTSIDE.0.as_bytes(), &rows);
    assert_eq!((&decoder.account().end, decoder.account().messages), (&End::Complete, 4));
}

#[test]
fn rows_that_are_none_or_too_many_or_differ_are_counted_and_the_next_one_mends() {
    let first = |decoder: &LobsterDecoder| {
        let (_, skipped) = decoder.account().skips.reasons().next().expect("one");
        (skipped.count, skipped.first.rsplit('/').next().expect("a name").to_owned())
    };
    let name = NAME.replace("message", "orderbook");
    let rows = OUTSIDE.1.replace("110000,5,101000,50", "110000,5,101000");
    let (records, decoder) = decode(OUTSIDE.0.as_bytes(), Some(&rows));
    assert_eq!(first(&decoder), (1, format!("{name} line 2: no row of levels, best first")));
    assert_eq!((records.len(), &decoder.account().end), (9, &End::Complete));
    let (records, decoder) =
        decode(OUTSIDE.0.as_bytes(), Some(&format!("{}110000,5,100000,10\n", OUTSIDE.1)));
    assert_eq!(first(&decoder), (1, format!("{name} line 5: the message file ended before")));
    assert_eq!((records.len(), &decoder.account().end), (9, &End::Complete));
    // The second row has another ask than the first, of which no message told.
    let rows = OUTSIDE.1.replace("110000,5,101000,50", "110000,6,101000,50");
    let (_, decoder) = decode(OUTSIDE.0.as_bytes(), Some(&rows));
    let (count, text) = first(&decoder);
    let differs = "not what its message makes of the row before; the row is believed";
    assert_eq!((count, text), (2, format!("{name} line 2: {differs}")));
    let repairs = decoder.account().repairs.expect("repaired");
    assert_eq!((repairs.orders_added, repairs.lots_added), (1, 1));
}

#[test]
fn the_orderbook_of_another_day_is_found_out() {
    let mut messages = String::new();
    let mut rows = String::new();
    for number in 0..100 {
        messages += &format!("{}.1,1,{},10,100000,1\n", 34_200 + number, number + 1);
        rows += &format!("120000,{},110000,5\n", number + 1);
    }
    let (_, decoder) = decode(messages.as_bytes(), Some(&rows));
    let End::Broken { place, fault } = &decoder.account().end else { panic!("{:?}", decoder.account().end) };
    assert!(place.ends_with("_orderbook_1.csv line 65"), "{place}");
    assert!(fault.contains("of the first 64 rows") && fault.contains("same day, symbol"), "{fault}");
}

#[test]
fn orders_outside_are_let_go_where_there_is_no_room() {
    // Bids step up a tick at a time, so that each leaves the one level of the file; then the market falls back on one.
    let mut messages = String::new();
    let mut rows = String::new();
    for number in 1..=20 {
        messages += &format!("34200.{number:02},1,{number},10,{},1\n", 100_000 + 100 * number);
        rows += &format!("9999999999,0,{},10\n", 100_000 + 100 * number);
    }
    let (_folder, path) = files(messages.as_bytes(), Some(&rows));
    let mut decoder = open(&path, &Options::default()).expect("opens");
    decoder.published = decoder.published.map(|published| published.with_orders_max(4));
    let (records, decoder) = read_all(decoder);
    assert_eq!(decoder.orders.ledger.len(), 4);
    let gone: Vec<u64> = records
        .iter()
        .filter(|record| record.header.kind == Kind::Delete as u8)
        .map(|record| record.order_ref)
        .collect();
    assert_eq!(gone, (1..=16).collect::<Vec<_>>());
    assert_eq!(decoder.account().repairs.expect("repaired").orders_removed, 16);
    assert_eq!(decoder.account().skips.faults(), 0);
}

#[test]
fn a_bad_row_is_counted_with_line_and_field_and_a_cut_one_ends_the_file() {
    let text =
        b"34200.1,1,5,20,100000,1\n34200.2,1,6,x,100000,1\n34200.3,9,6,1,100000,1\n34200.4,1,7,20,1000";
    let (records, decoder) = decode(text, None);
    let account = decoder.account();
    assert_eq!(records.len(), 3);
    assert_eq!((account.messages, account.skips.faults()), (4, 2));
    let first = |reason: &str| account.skips.reasons().find(|(name, _)| *name == reason).expect("counted").1;
    assert_eq!(first("size").first, "line 2: field size: \"x\", wanted a positive number of 32 bits");
    assert_eq!(first("type").first, "line 3: field type: \"9\", wanted 1 to 7");
    assert!(matches!(&account.end, End::Broken { place, .. } if place == "line 4"), "{:?}", account.end);
}

#[test]
fn what_a_name_does_not_tell_must_be_stated() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("messages.csv");
    std::fs::write(&path, "34200,1,5,20,100000,1\n").expect("written");
    let error = open(&path, &Options::default()).err().expect("refused").to_string();
    assert!(error.ends_with("file name messages.csv: tells no date; state the session's"), "{error}");
    let date = "2020-01-30".parse().ok();
    let options = Options { date, symbol: Some("XYZ".to_owned()), ..Options::default() };
    let decoder = open(&path, &options).expect("opens");
    assert_eq!(decoder.account().instruments[0].symbol, "XYZ");
    let hundreds = Instrument { lot_nanos: 100_000_000_000, ..Instrument::us_equity("XYZ") };
    let error =
        open(&path, &Options { instruments: vec![hundreds], ..options.clone() }).err().expect("refused");
    assert!(error.to_string().contains("XYZ is stated with lots of 100000000000 nano-units"), "{error}");
    let options = Options { symbols: vec!["OTHER".to_owned()], ..options };
    let mut decoder = open(&path, &options).expect("opens");
    assert!(!decoder.read(&mut Vec::new()));
    assert_eq!((decoder.account().skips.faults(), decoder.account().skips.of("filtered")), (0, 1));
}

#[test]
fn the_step_test_sees_a_wrong_row_and_a_missing_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let rows = "34200,1,5,20,100000,1\n34201,4,5,5,100000,1\n34202,3,5,15,100000,1\n";
    std::fs::write(path("m"), rows).expect("written");
    let book = |middle: &str| format!("110000,1,100000,20\n110000,1,100000,{middle}\n110000,1,90000,3\n");
    std::fs::write(path("good"), book("15")).expect("written");
    std::fs::write(path("bad"), book("14")).expect("written");
    std::fs::write(path("short"), "110000,1,100000,20\n").expect("written");
    let report = step_test(&path("m"), &path("good")).expect("runs");
    // Levels: both touches after the second row; after the third the ask, since what lies behind the bid is not known.
    assert_eq!((report.steps, report.exact, report.levels), (2, 2, 3));
    let report = step_test(&path("m"), &path("bad")).expect("runs");
    assert_eq!((report.steps, report.exact, report.first_differing), (2, 0, vec![2, 3]));
    let error = step_test(&path("m"), &path("short")).expect_err("refused").to_string();
    assert!(error.contains("line 2"), "{error}");
}

#[test]
fn only_message_rows_are_taken_for_a_message_file() {
    assert!(is_it(b"34200.1,1,5,20,100000,1\n34200.2,3,6,50,100000,1\n", NAME));
    for other in [
        "",
        "5802300,100,5794000,496\n",
        "14400688,491800,300,P,2000,0\n",
        "34200.1,1,5,20,100000,1\n34200.0,3,6,50,100000,1\n",
        "time,type,order,size,price,direction\n34200.1,1,5,20,100000,1\n",
    ] {
        assert!(!is_it(other.as_bytes(), NAME), "{other}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (_, decoder) = decode(&bytes, Some(&text));
        prop_assert!(decoder.account().end != End::Running);
        let (records, decoder) = decode_unrepaired(&bytes, &text);
        prop_assert!(decoder.account().end != End::Running);
        prop_assert!(records.len() as u64 <= 2 + 2 * decoder.account().messages);
        let _ = super::orderbook::BookRow::default().parse(&bytes);
    }

    #[test]
    fn a_damaged_file_is_counted_and_never_panics(
        place in 0usize..110, byte in any::<u8>(), cut in 0usize..110,
    ) {
        let mut text = b"34200.1,1,5,20,100000,1\n34200.2,4,9,50,100000,-1\n34200.3,3,5,20,100000,1\n34200.4,7,0,0,-1,-1\n".to_vec();
        text.truncate(cut.max(1));
        let place = place % text.len();
        text[place] = byte;
        let (_, decoder) = decode_unrepaired(&text, "100000,10,90000,20\n");
        let read: u64 = decoder.by_type().iter().map(|(_, count)| count).sum();
        let open = u64::from(decoder.account().end != End::Complete);
        let skips = &decoder.account().skips;
        // The first message may no longer fit the orderbook: that is counted, but is no row.
        let rows = skips.faults() - skips.of("orderbook");
        prop_assert_eq!(read + rows + open, decoder.account().messages);
    }
}
