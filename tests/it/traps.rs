//! The traps of replayed markets, each with the test that steps on it. Those that files set are here; those that one record
//! sets are beside the exchange's rules (`engine/exchange/tests/it`).
//!
//! | trap | test |
//! | --- | --- |
//! | a trade and its depth change counted twice, the feeds arriving apart | [`a_trade_and_its_level_heard_the_wrong_way_round_count_once`], `a_trade_told_twice_counts_once` |
//! | a damaged stamp | [`one_damaged_stamp_moves_nothing_but_is_told`], and in room `feeds` |
//! | two venues under one name | [`two_files_of_one_symbol_at_one_time_are_told_unless_they_tell_different_things`] |
//! | stamps of different clocks | [`a_recorder_whose_clock_is_behind_hears_nothing_before_it_happened`], `journal-latency` in `explain.rs` |
//! | trade-through, the best crossing our price | `the_other_touch_coming_to_our_price_fills_us`, `a_trade_through_our_price_fills_up_to_its_lots_or_whole` |
//! | hidden executions that touch no displayed queue | `a_hidden_print_through_our_price_fills_and_at_it_does_not`, [`a_hidden_execution_of_a_message_file_leaves_the_queue_alone`] |
//! | level-limited books | `level_limited.rs`, `an_order_that_a_published_book_shows_to_have_left_leaves_the_queue_once` |
//! | auction crosses | `a_cross_fills_both_sides_strictly_better_at_its_price`, `an_execution_of_the_cross_moves_the_queue_but_fills_nothing` |
//! | a snapshot inside the stream | `a_snapshot_in_the_stream_leaves_our_place`, `a_snapshot_in_the_stream_stands_before_us` |

use std::path::Path;

use tempfile::tempdir;
use tickrace_cli::input::Session;
use tickrace_desk::DeskConfig;
use tickrace_desk::log_source::View;
use tickrace_exchange::{Exchange, QueueModel};
use tickrace_feeds::source::Source;
use tickrace_tests::data::config;
use tickrace_tests::tickrace;
use tickrace_types::{InstrumentTable, Kind, OrderRecord, Record, ResponseKind, ResponseRecord};

const SNAPSHOT: &str =
    r#"{"lastUpdateId":6,"E":1,"T":1723161256000,"bids":[["100.0","10.000"]],"asks":[["102.0","1.000"]]}"#;
const DEPTH: &str = r#"{"e":"depthUpdate","E":1723161256300,"T":1723161256300,"s":"BTCUSDT","U":5,"u":7,"pu":4,"b":[["100.0","6.000"],["99.0","1.000"]],"a":[]}"#;
const TRADE: &str = r#"{"e":"trade","E":1723161256299,"T":1723161256299,"s":"BTCUSDT","t":77,"p":"100.0","q":"4.000","X":"MARKET","m":true}"#;

/// A native log of a recording: lines with how many milliseconds after the first second they were heard.
fn log(folder: &Path, lines: &[(i64, &str)]) -> (Session, String) {
    let text: String = lines
        .iter()
        .map(|(ms, line)| format!("{} {line}\n", 1_723_161_256_000_000_000i64 + ms * 1_000_000))
        .collect();
    let (path, out) = (folder.join("recorded.txt"), folder.join("recorded.ticks"));
    std::fs::write(&path, text).unwrap();
    let done = tickrace(&["convert", &path.display().to_string(), "--out", &out.display().to_string()]);
    assert_eq!(done.code, 0, "{}", done.err);
    (Session::open_log(&out).unwrap(), done.err)
}

/// The venue after all of a session, an order of ours of one lot at `price_nanos` having come to it after the snapshot.
/// Gives lots ahead of it, and lots it got.
fn ahead_after(
    session: &Session,
    queue: QueueModel,
    price_nanos: i64,
    after: impl Fn(&Record) -> bool,
) -> (Option<i64>, i64) {
    let path = std::path::PathBuf::from(config("backtest/touch_quoting.toml"));
    let table = tickrace_cli::settings::load(&path, &[]).unwrap();
    let mut desk: DeskConfig = tickrace_cli::settings::parse(&path, &table).unwrap();
    desk.venue.queue = queue;
    desk.venue.order_latency_ns = 0;
    let instruments = InstrumentTable::new(session.announced()).unwrap();
    let mut exchange = Exchange::new(&desk.venue, &instruments, 1 << 10).unwrap();
    let mut feed = session.feed(&instruments, View::Venue, None);
    let (mut record, mut is_sent, mut got) = (Record::default(), false, 0);
    while feed.next_into(&mut record) {
        let mut hear = |response: &ResponseRecord| {
            if response.response() == Some(ResponseKind::Fill) {
                got += response.qty;
            }
        };
        exchange.on_market(&record, &mut hear);
        if !is_sent && after(&record) {
            is_sent = true;
            // It leaves at the venue's time, whatever our clock says.
            let ts_recv_ns = record.header.ts_venue_ns;
            let header = tickrace_types::Header { kind: Kind::Order as u8, ts_recv_ns, ..record.header };
            let order =
                OrderRecord { header, client_id: 1, price: price_nanos, qty: 1, ..OrderRecord::default() };
            exchange.submit(&order);
            exchange.arrive(record.header.ts_venue_ns, &mut hear);
        }
    }
    assert!(is_sent);
    (exchange.queue_position(1).map(|place| place.ahead), got)
}

/// Ten rest at our price, four trade; the depth feed says "six" before the trade feed says "four". Ahead of us are six,
/// whatever model guesses.
#[test]
fn a_trade_and_its_level_heard_the_wrong_way_round_count_once() {
    let folder = tempdir().unwrap();
    let (session, _) = log(folder.path(), &[(200, SNAPSHOT), (310, DEPTH), (320, TRADE)]);
    let is_last_of_snapshot =
        |record: &Record| record.header.kind == Kind::Level as u8 && record.header.flags & 5 == 5;
    for queue in [QueueModel::RiskAverse, QueueModel::Power { exponent: 2.0 }, QueueModel::Log2] {
        let (ahead, got) = ahead_after(&session, queue, 100_000_000_000, is_last_of_snapshot);
        assert_eq!((ahead, got), (Some(6_000), 0), "{queue:?}");
    }
}

#[test]
fn a_recorder_whose_clock_is_behind_hears_nothing_before_it_happened() {
    let folder = tempdir().unwrap();
    // Heard 40 and 30 ms before they happened, by the recorder's clock.
    let (session, told) = log(folder.path(), &[(1, SNAPSHOT), (260, DEPTH), (269, TRADE)]);
    assert!(told.contains("the recorder's clock was up to 40.000 ms behind the venue's"), "{told}");
    let instruments = InstrumentTable::new(session.announced()).unwrap();
    let mut feed = session.feed(&instruments, View::Desk, None);
    let (mut record, mut latencies) = (Record::default(), Vec::new());
    while feed.next_into(&mut record) {
        if record.header.flags & tickrace_types::Flags::END_OF_EVENT != 0 {
            latencies.push((record.header.ts_recv_ns - record.header.ts_venue_ns) / 1_000_000);
        }
    }
    assert!(latencies.iter().all(|ms| *ms >= 0) && latencies.contains(&0), "{latencies:?}");
    assert!(latencies.contains(&10), "{latencies:?}");
}

/// A minute of depth and trades, ten messages a second.
fn minute() -> Vec<String> {
    let line = |(number, ms): (i64, i64)| {
        let (at_ms, heard_ns) = (1_723_161_256_000 + ms, (1_723_161_256_004 + ms) * 1_000_000);
        let (bid, lots) = (1_000 + (number / 7) % 5, 1 + number % 4);
        if number % 5 == 4 {
            format!(
                r#"{heard_ns} {{"e":"trade","E":{at_ms},"T":{at_ms},"s":"BTCUSDT","t":{number},"p":"{}.{}","q":"{lots}.000","X":"MARKET","m":true}}"#,
                bid / 10,
                bid % 10
            )
        } else {
            let (before, price) = (number - 1 - i64::from(number % 5 == 0), |tenths: i64| {
                format!("{}.{}", tenths / 10, tenths % 10)
            });
            format!(
                r#"{heard_ns} {{"e":"depthUpdate","E":{at_ms},"T":{at_ms},"s":"BTCUSDT","U":{number},"u":{number},"pu":{before},"b":[["{}","0"],["{}","{lots}.000"]],"a":[["{}","0"],["{}","{lots}.000"]]}}"#,
                price(999 + (number / 7 + 4) % 5),
                price(bid),
                price(1_002 + (number / 7) % 5),
                price(1_003 + (number / 7) % 5),
            )
        }
    };
    let snapshot = r#"1723161255990000000 {"lastUpdateId":9,"E":1723161255980,"T":1723161255980,"bids":[["90.0","10.000"]],"asks":[["110.0","1.000"]]}"#;
    let lines = (10..610).zip((0..).step_by(100)).map(line);
    std::iter::once(snapshot.to_owned()).chain(lines).collect()
}

#[test]
fn one_damaged_stamp_moves_nothing_but_is_told() {
    let folder = tempdir().unwrap();
    let kept = format!("data.kept_in={:?}", folder.path().join("kept").display().to_string());
    let ran = |name: &str, lines: &[String]| {
        let (path, out) = (folder.path().join(name), folder.path().join(format!("{name}.out")));
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let files = format!("data.files={:?}", [path.display().to_string()]);
        let out = out.display().to_string();
        let quoting = config("backtest/touch_quoting.toml");
        let done =
            tickrace(&["backtest", &quoting, "--set", &files, "--set", &kept, "--out", &out, "--json"]);
        assert_eq!(done.code, 0, "{name}: {}", done.err);
        let summary: serde_json::Value = serde_json::from_str(&done.out).unwrap();
        (summary["order_digest"].clone(), summary["orders"].clone(), done.err)
    };
    let sound = minute();
    let (digest, sent, told) = ran("sound", &sound);
    assert!(!digest.is_null() && sent.as_u64().is_some_and(|sent| sent > 20), "{sent}");
    assert!(!told.contains("stamped hours"), "{told}");
    // Years ahead, which would fire timers for years; days behind, which would pass for a slow clock all day.
    for (name, from, to) in [("ahead", "1723161", "2723161"), ("behind", "1723161", "1722161")] {
        let mut lines = sound.clone();
        lines[300] = lines[300].replacen(from, to, 1);
        let damaged = ran(name, &lines);
        assert_eq!((&damaged.0, &damaged.1), (&digest, &sent), "{name}");
        assert!(damaged.2.contains("1 messages were stamped hours before or after"), "{}", damaged.2);
    }
}

#[test]
fn two_files_of_one_symbol_at_one_time_are_told_unless_they_tell_different_things() {
    let folder = tempdir().unwrap();
    let lines = minute();
    let of = |name: &str, is_kept: &dyn Fn(&String) -> bool| {
        let path = folder.path().join(name);
        let lines: Vec<&str> = lines.iter().filter(|line| is_kept(line)).map(String::as_str).collect();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        path.display().to_string()
    };
    let whole = of("whole.txt", &|_| true);
    let (trades, depth) =
        (of("trades.txt", &|line| line.contains("trade")), of("depth.txt", &|line| !line.contains("trade")));
    let told = |one: &str, other: &str, name: &str| {
        let out = folder.path().join(name).display().to_string();
        let done = tickrace(&["convert", one, other, "--out", &out]);
        assert_eq!(done.code, 0, "{}", done.err);
        done.err.contains("BTCUSDT is told of by an earlier input at the same time")
    };
    assert!(told(&whole, &trades, "twice"));
    assert!(!told(&depth, &trades, "both"));
}

/// LOBSTER's type 5 at our price: the hundred displayed before us are still there.
#[test]
fn a_hidden_execution_of_a_message_file_leaves_the_queue_alone() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("ABC_2012-06-21_34200000_57600000_message_1.csv");
    let rows = "34200.1,1,7,100,100000,1\n34200.2,1,8,100,101000,-1\n34200.3,5,0,60,100000,1\n34200.4,4,7,30,100000,1\n";
    std::fs::write(&path, rows).unwrap();
    let out = folder.path().join("abc.ticks").display().to_string();
    let done = tickrace(&["convert", &path.display().to_string(), "--out", &out]);
    assert_eq!(done.code, 0, "{}", done.err);
    let session = Session::open_log(Path::new(&out)).unwrap();
    let second = |record: &Record| record.header.seq == 2;
    let (ahead, got) = ahead_after(&session, QueueModel::Exact, 10_000_000_000, second);
    assert_eq!((ahead, got), (Some(70), 0));
}
