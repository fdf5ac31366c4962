//! A run explains itself: the life of an order is what the market data say, and an altered answer is noticed.

use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;
use tickrace_feeds::itch::encode::{head, push, stock};
use tickrace_feeds::itch::message::{
    AddOrder, OrderCancel, OrderDelete, OrderExecuted, StockDirectory, SystemEvent, TradingAction,
};
use tickrace_journal::alter::rewrite_record;
use tickrace_journal::{Entry, Reader};
use tickrace_tests::data::{config, shared, small_day};
use tickrace_tests::{Done, tickrace};
use tickrace_types::ResponseKind;

const SECOND: u64 = 1_000_000_000;
const MILLI: u64 = 1_000_000;
/// 09:30 of the venue.
const OPEN: u64 = 34_200 * SECOND;

fn system(bytes: &mut Vec<u8>, at: u64, event_code: u8) {
    push(bytes, &SystemEvent { head: head(b'S', 0, at), event_code });
}

fn add(bytes: &mut Vec<u8>, at: u64, number: u64, side: u8, shares: u32, price: u32) {
    push(
        bytes,
        &AddOrder {
            head: head(b'A', 1, at),
            order_reference_number: number.into(),
            buy_sell_indicator: side,
            shares: shares.into(),
            stock: stock("TINY"),
            price: price.into(),
        },
    );
}

fn execute(bytes: &mut Vec<u8>, at: u64, number: u64, shares: u32, match_number: u64) {
    push(
        bytes,
        &OrderExecuted {
            head: head(b'E', 1, at),
            order_reference_number: number.into(),
            executed_shares: shares.into(),
            match_number: match_number.into(),
        },
    );
}

/// One share, sixteen messages. The quoter's timer runs from the first one, so that it speaks at 09:30:01: a bid of a
/// hundred at 100.00 behind 500 lots, and an ask at 100.02 behind 300.
fn tiny_day() -> Vec<u8> {
    let mut bytes = Vec::new();
    system(&mut bytes, OPEN - 60 * SECOND, b'O');
    push(
        &mut bytes,
        &StockDirectory {
            head: head(b'R', 1, OPEN - 60 * SECOND),
            stock: stock("TINY"),
            round_lot_size: 100.into(),
            ..StockDirectory::default()
        },
    );
    push(
        &mut bytes,
        &TradingAction {
            head: head(b'H', 1, OPEN - 60 * SECOND),
            stock: stock("TINY"),
            trading_state: b'T',
            ..TradingAction::default()
        },
    );
    system(&mut bytes, OPEN, b'Q');
    let at = |millis: u64| OPEN + millis * MILLI;
    add(&mut bytes, at(100), 1, b'B', 300, 1_000_000); // message 5
    add(&mut bytes, at(100), 2, b'S', 300, 1_000_200);
    add(&mut bytes, at(110), 3, b'B', 200, 1_000_000);
    add(&mut bytes, at(1500), 4, b'B', 150, 1_000_000); // behind ours
    execute(&mut bytes, at(1600), 1, 300, 91); // 9: 500 ahead become 200
    push(
        &mut bytes,
        &OrderCancel {
            head: head(b'X', 1, at(1700)),
            order_reference_number: 3.into(),
            canceled_shares: 50.into(),
        },
    ); // 10: 150
    push(&mut bytes, &OrderDelete { head: head(b'D', 1, at(1800)), order_reference_number: 3.into() }); // 11: 0
    execute(&mut bytes, at(1850), 4, 40, 92); // 12: who hit the order behind ours would have met us first
    execute(&mut bytes, at(1860), 4, 100, 93); // 13: 60 are left of ours
    add(&mut bytes, at(1950), 5, b'B', 100, 1_000_100); // the mid is 100.015 from here on
    add(&mut bytes, at(4000), 6, b'B', 100, 990_000);
    system(&mut bytes, OPEN + 5 * SECOND, b'M');
    bytes
}

/// Quotes at the touch ten times a second: more fills than a maker with a view gets in a short day.
const TOUCH: [&str; 2] = [
    "strategy={ kind = \"touch-quoting\", order_qty_lots = 100, position_max_lots = 500 }",
    "run.timer_ms=100",
];

fn backtest(folder: &Path, day: &str, settings: &[&str]) -> Value {
    let (config, out) = (config("backtest/market_making.toml"), folder.display().to_string());
    let files = format!("data.files=[\"{day}\"]");
    let mut args = vec!["backtest", &config, "--json", "--out", &out, "--set", &files];
    args.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    let done = tickrace(&args);
    assert_eq!(done.code, 0, "{}", done.err);
    done.json()
}

fn explain(folder: &Path, more: &[&str]) -> Done {
    let run = folder.display().to_string();
    let mut args = vec!["explain", run.as_str()];
    args.extend(more);
    tickrace(&args)
}

fn tiny_run(folder: &Path) {
    let day = folder.join("tiny.2026-03-02.itch50");
    std::fs::write(&day, tiny_day()).unwrap();
    let strategy = "strategy={ kind = \"touch-quoting\", order_qty_lots = 100, position_max_lots = 100 }";
    backtest(folder, &day.display().to_string(), &[strategy]);
}

#[test]
fn the_life_of_an_order_counts_every_lot_before_it() {
    let folder = tempdir().unwrap();
    tiny_run(folder.path());
    let done = explain(folder.path(), &["--order", "1", "--json"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let life = done.json();
    assert_eq!((&life["request"]["side"], &life["request"]["lots"]), (&"bid".into(), &100.into()));
    assert_eq!(life["request"]["price"], 100.0);
    assert_eq!(life["seen"]["cause"]["kind"], "timer");
    assert_eq!(life["seen"]["top"]["bid"]["lots"], 500);
    assert_eq!(life["seen"]["venue_top"]["ask"]["lots"], 300);
    assert_eq!(life["gate"]["passed"], true);
    let events = life["events"].as_array().unwrap();
    let named = |name: &str| events.iter().filter(|event| event["event"] == name).collect::<Vec<_>>();
    let rests = named("rests");
    assert_eq!(rests.len(), 1);
    assert_eq!((&rests[0]["place"]["ahead"], &rests[0]["place"]["behind"]), (&500.into(), &0.into()));
    let queue: Vec<_> = named("queue")
        .into_iter()
        .map(|change| {
            let number = |key: &str| change[key].as_i64().unwrap();
            let what = change["what"].as_str().unwrap();
            (number("message"), what, number("ahead_before"), number("ahead"), number("behind"))
        })
        .collect();
    assert_eq!(
        queue,
        [
            (9, "executed ahead", 500, 200, 150),
            (10, "cancelled ahead", 200, 150, 150),
            (11, "cancelled ahead", 150, 0, 150),
        ]
    );
    let fills: Vec<_> = named("fill")
        .into_iter()
        .map(|fill| (fill["cause_seq"].as_u64().unwrap(), fill["lots"].as_i64().unwrap()))
        .collect();
    assert_eq!(fills, [(12, 40), (13, 60)]);
    // 40 and 60 lots bought at 100.00, the mid a second later at 100.015; at the fill it stood at 100.01.
    for (fill, markout) in named("fill").into_iter().zip([0.6, 0.9]) {
        assert!((fill["markout_1s"].as_f64().unwrap() - markout).abs() < 1e-9, "{fill}");
        assert!((fill["mid"].as_f64().unwrap() - 100.01).abs() < 1e-9, "{fill}");
    }
    assert_eq!(life["end"], "filled");
    let text = explain(folder.path(), &["--order", "1"]).out;
    for part in
        ["500 ahead, 0 behind", "executed ahead (message 9)", "execution of message 12", "end: filled"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn an_order_that_waits_in_vain_and_one_that_is_not_there() {
    let folder = tempdir().unwrap();
    tiny_run(folder.path());
    // The ask stands behind 300 lots to the end, where the desk cancels it.
    let life = explain(folder.path(), &["--order", "2", "--json"]).json();
    assert_eq!(life["filled_lots"], 0);
    assert_eq!(life["end"], "cancelled: we asked");
    let place = life["events"].as_array().unwrap().iter().find(|event| event["event"] == "rests").unwrap();
    assert_eq!(place["place"]["ahead"], 300);
    let missing = explain(folder.path(), &["--order", "4711"]);
    assert_eq!(missing.code, 2, "{}", missing.err);
    assert!(missing.err.contains("4711"), "{}", missing.err);
    assert_eq!(explain(&folder.path().join("nowhere"), &[]).code, 3);
}

#[test]
fn a_whole_day_run_again_answers_as_it_did() {
    for market in ["reference", "copy"] {
        let folder = tempdir().unwrap();
        let day = small_day(folder.path(), 2, 40_000);
        let [strategy, timer] = TOUCH;
        let summary = backtest(folder.path(), &day, &[strategy, timer, &format!("journal.market={market}")]);
        let done = explain(folder.path(), &["--json"]);
        assert_eq!(done.code, 0, "{}", done.err);
        let survey = done.json();
        assert_eq!(survey["orders"], summary["orders"]);
        assert_eq!(survey["fill_count"], summary["fills"]);
        assert!(summary["fills"].as_u64().unwrap() > 10, "a day without fills proves nothing");
        assert!(survey["first_difference"].is_null());
        let rows = explain(folder.path(), &["--fills", "--json"]).json()["fills"].as_array().unwrap().clone();
        let lots: i64 = rows.iter().map(|fill| fill["lots"].as_i64().unwrap()).sum();
        assert_eq!(summary["volume_lots"], lots);
        // Every order with a fill can be asked for, and tells of that fill.
        let first = rows[0]["order"].as_u64().unwrap().to_string();
        let life = explain(folder.path(), &["--order", &first, "--json"]).json();
        assert!(life["filled_lots"].as_i64().unwrap() >= rows[0]["lots"].as_i64().unwrap());
        assert!(!life["seen"]["cause"].is_null());
    }
}

#[test]
fn an_altered_answer_is_a_difference() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 40_000);
    backtest(folder.path(), &day, &TOUCH);
    let journal = folder.path().join("journal");
    let reader = Reader::open(&journal, "inbound").unwrap();
    let is_fill = |entry: Entry<'_>| matches!(entry, Entry::Response(response) if response.response() == Some(ResponseKind::Fill));
    let index = reader.iter().position(is_fill).unwrap() as u64;
    drop(reader);
    // The first byte of the lots.
    rewrite_record(&journal, "inbound", index, |bytes| bytes[72] ^= 1).unwrap();
    let done = explain(folder.path(), &[]);
    assert_eq!(done.code, 5, "{}", done.err);
    assert!(done.err.contains("journaled fill") && done.err.contains("computed fill"), "{}", done.err);
}

#[test]
fn real_days_by_order_and_by_level_answer_as_they_did() {
    for (name, configuration, symbols) in [
        ("itch/20120621.GOOG_AAPL.derived_ITCH50.gz", "backtest/market_making.toml", "[\"AAPL\"]"),
        ("binance/usdm/btcusdt_20240808.gz", "backtest/touch_quoting.toml", "[\"BTCUSDT\"]"),
    ] {
        let Some(file) = shared(&format!("data/ticks/{name}")) else { continue };
        let folder = tempdir().unwrap();
        let log = folder.path().join("log").display().to_string();
        let mut file = file.display().to_string();
        if name.starts_with("binance") {
            // Converted here, so that the kept log does not land in the working folder.
            let made = tickrace(&["convert", &file, "--out", &log]);
            assert_eq!(made.code, 0, "{}", made.err);
            file = log;
        }
        let (config, out) = (config(configuration), folder.path().display().to_string());
        let (files, symbols) = (format!("data.files=[\"{file}\"]"), format!("instruments.symbols={symbols}"));
        let done =
            tickrace(&["backtest", &config, "--json", "--out", &out, "--set", &files, "--set", &symbols]);
        assert_eq!(done.code, 0, "{}", done.err);
        let told = explain(folder.path(), &["--json"]);
        assert_eq!(told.code, 0, "{name}: {}", told.err);
        assert_eq!(told.json()["fill_count"], done.json()["fills"]);
    }
}

#[test]
fn the_report_written_again_is_the_same_page() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 40_000);
    backtest(folder.path(), &day, &TOUCH);
    let page = folder.path().join("report.html");
    let first = std::fs::read_to_string(&page).unwrap();
    for part in ["<h2>Queues</h2>", "<h2>Adverse selection</h2>", "class=\"plot panel\"", "costs by item"] {
        assert!(first.contains(part), "{part}");
    }
    for given in [folder.path().to_owned(), folder.path().join("journal")] {
        std::fs::remove_file(&page).unwrap();
        let done = tickrace(&["report", &given.display().to_string(), "--json"]);
        assert_eq!(done.code, 0, "{}", done.err);
        assert!(std::fs::read_to_string(&page).unwrap() == first, "another page from {}", given.display());
    }
    std::fs::remove_file(folder.path().join("journal/measured.json")).unwrap();
    let done = tickrace(&["report", &folder.path().display().to_string()]);
    assert_eq!(done.code, 3, "{}", done.err);
    assert!(done.err.contains("measured.json"), "{}", done.err);
}

#[test]
fn without_queue_positions_the_report_says_nothing_of_queues() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 20_000);
    let [strategy, timer] = TOUCH;
    backtest(folder.path(), &day, &[strategy, timer, "report.queue_positions=false"]);
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(!page.contains("<h2>Queues</h2>") && page.contains("<h2>Inventory</h2>"));
}
