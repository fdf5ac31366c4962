//! Level-limited LOBSTER files through the command line: the book repaired from the orderbook file, what is told of it, and
//! the desk on it.

use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;
use tickrace_tests::data::{config, shared};
use tickrace_tests::tickrace;

const NAME: &str = "ABC_2012-06-21_34200000_57600000_message_1.csv";

/// One level: an order of 100 stands outside while a better one rests, and comes back with 30.
fn pair(folder: &Path) -> String {
    let path = folder.join(NAME);
    let messages = "34200.1,1,7,100,100000,1\n34200.2,1,8,50,101000,1\n34200.3,3,8,50,101000,1\n";
    std::fs::write(&path, messages).unwrap();
    let rows = "110000,5,100000,100\n110000,5,101000,50\n110000,5,100000,30\n";
    std::fs::write(folder.join(NAME.replace("message", "orderbook")), rows).unwrap();
    path.display().to_string()
}

#[test]
fn a_repair_is_told_by_inspect_convert_and_backtest_and_can_be_switched_off() {
    let folder = tempdir().unwrap();
    let path = pair(folder.path());
    let place = |name: &str| folder.path().join(name).display().to_string();
    let wanted = serde_json::json!({
        "messages": 1, "orders_added": 0, "lots_added": 0, "orders_removed": 1, "lots_removed": 70
    });
    let inspected = tickrace(&["inspect", &path, "--json"]);
    assert_eq!(inspected.code, 0, "{}", inspected.err);
    assert_eq!(inspected.json()["repairs"], wanted);
    assert_eq!(inspected.json()["messages"], 3);
    let told = "the orderbook file told more than the messages before 1 of them: 0 orders (0 lots) came and 1 (70 lots) left";
    assert!(tickrace(&["inspect", &path]).out.contains(told), "{}", tickrace(&["inspect", &path]).out);
    let converted = tickrace(&["convert", &path, "--out", &place("a.ticks"), "--json"]);
    assert_eq!(converted.code, 0, "{}", converted.err);
    assert_eq!(converted.json()["repairs"], wanted);
    assert!(converted.err.contains(told), "{}", converted.err);
    // The log tells it too.
    assert_eq!(tickrace(&["inspect", &place("a.ticks"), "--json"]).json()["repairs"], wanted);

    let book = |more: &[&str]| {
        let mut args = vec!["book", &path, "--symbol", "ABC", "--at-seq", "3"];
        args.extend(more);
        let done = tickrace(&args);
        assert_eq!(done.code, 0, "{}", done.err);
        done.out.lines().find(|row| row.contains(",bid,1,")).unwrap().to_owned()
    };
    assert!(book(&[]).ends_with(",bid,1,10,30,1"), "{}", book(&[]));
    assert!(book(&["--no-repair"]).ends_with(",bid,1,10,100,1"), "{}", book(&["--no-repair"]));
    assert_eq!(tickrace(&["inspect", &path, "--json", "--no-repair"]).json()["repairs"], Value::Null);

    let kept = format!("data.kept_in={}", place("kept"));
    let run = |input: &str| {
        let input = format!("data.inputs=[{{ path = \"{path}\"{input} }}]");
        let args = [
            "backtest",
            &config("backtest/market_making.toml"),
            "--out",
            &place("run"),
            "--set",
            &input,
            "--set",
            &kept,
        ];
        let done = tickrace(&args);
        assert_eq!(done.code, 0, "{}", done.err);
        done.out + &done.err
    };
    assert!(run("").contains(told));
    // Also where the log kept is used again; a repair not asked for is another log.
    let again = run("");
    assert!(again.contains(told) && !again.contains("converting"), "{again}");
    let unrepaired = run(", is_repaired = false");
    assert!(unrepaired.contains("converting") && !unrepaired.contains(told), "{unrepaired}");
    // A changed orderbook file makes the log anew.
    let orderbook = folder.path().join(NAME.replace("message", "orderbook"));
    std::fs::write(orderbook, "110000,5,100000,100\n110000,5,101000,50\n110000,5,100000,3\n").unwrap();
    assert!(run("").contains("1 (97 lots) left"));
}

#[test]
fn an_orderbook_file_that_does_not_belong_is_refused_or_ends_the_reading() {
    let folder = tempdir().unwrap();
    let path = pair(folder.path());
    let short = folder.path().join("short.csv").display().to_string();
    std::fs::write(&short, "110000,5,100000,100\n").unwrap();
    let done = tickrace(&["inspect", &path, "--orderbook", &short]);
    assert_eq!(done.code, 3, "{}", done.err);
    assert!(done.err.contains("short.csv line 1: the orderbook file ends before"), "{}", done.err);
    let day = tickrace_tests::data::small_day(folder.path(), 1, 2_000);
    let out = folder.path().join("x.ticks").display().to_string();
    let done = tickrace(&["convert", &day, "--orderbook", &short, "--out", &out]);
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(done.err.contains("belongs to a LOBSTER message file; this one is itch50"), "{}", done.err);
    let done = tickrace(&["convert", &path, &path, "--orderbook", &short, "--out", &out]);
    assert_eq!(done.code, 2, "{}", done.err);
    // A name without a date needs none where times are left as they are.
    let plain = folder.path().join("messages.csv").display().to_string();
    std::fs::copy(&path, &plain).unwrap();
    let done = tickrace(&["book", &plain, "--symbol", "XYZ", "--symbol-of-file", "XYZ", "--at", "09:31:00"]);
    assert_eq!(done.code, 0, "{}", done.err);
}

/// The derived ITCH day was completed from the same files by another program: at its marks both books are equal.
#[test]
fn a_repaired_day_of_ten_levels_shows_the_books_of_the_derived_day() {
    let Some(archive) = shared("data/ticks/lobster/GOOG_2012-06-21_10.zip") else { return };
    let Some(answers) = shared("data/ticks/itch/20120621.GOOG_AAPL.answers.json") else { return };
    let answers: Value = serde_json::from_slice(&std::fs::read(answers).unwrap()).unwrap();
    let marks: Vec<&Value> = answers["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|mark| mark["symbol"] == "GOOG" && mark["mark"].is_u64())
        .collect();
    assert!(marks.len() > 5);
    let mut args = vec!["book".to_owned(), archive.display().to_string()];
    args.extend(["--symbol", "GOOG", "--depth", "5", "--strict"].map(str::to_owned));
    for mark in &marks {
        args.extend(["--at".to_owned(), mark["mark"].to_string()]);
    }
    let done = tickrace(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(done.code, 0, "{}", done.err);
    for mark in marks {
        for (side, key) in [("bid", "bids"), ("ask", "asks")] {
            let start = format!("{},", mark["mark"]);
            let rows = done
                .out
                .lines()
                .filter(|row| row.starts_with(&start))
                .map(|row| row.split(',').collect::<Vec<_>>());
            let shown: Vec<(i64, u64)> = rows
                .filter(|row| row[3] == side)
                .map(|row| {
                    let price: tickrace_types::Price = row[5].parse().unwrap();
                    (price.0 / 100_000, row[6].parse().unwrap())
                })
                .collect();
            let wanted: Vec<(i64, u64)> = mark[key]
                .as_array()
                .unwrap()
                .iter()
                .map(|level| (level[0].as_i64().unwrap(), level[1].as_u64().unwrap()))
                .collect();
            assert_eq!(shown, wanted, "{side} at {}", mark["mark"]);
        }
    }
}

/// One desk on the repaired hour, counted and estimated queues alike: every placement gives the same orders, and the journal
/// replays.
#[test]
fn a_desk_on_a_repaired_file_is_the_same_in_every_placement_and_replays() {
    let Some(archive) = shared("data/ticks/lobster/GOOG_2012-06-21_1.zip") else { return };
    let folder = tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let done = tickrace(&["convert", &archive.display().to_string(), "--out", &place("day.ticks")]);
    assert_eq!(done.code, 0, "{}", done.err);
    let files = format!("data.files=[\"{}\"]", place("day.ticks"));
    let run = |out: &str, setting: &str| {
        let args = [
            "backtest",
            &config("backtest/market_making.toml"),
            "--json",
            "--out",
            &place(out),
            "--set",
            &files,
            "--set",
            setting,
        ];
        let done = tickrace(&args);
        assert_eq!(done.code, 0, "{}", done.err);
        done.json()
    };
    let fused = run("fused", "run.seed=1");
    assert!(fused["fills"].as_u64().unwrap() > 100, "{fused}");
    let split = r#"run.placement=[["decode","sequence","book"],["decide","gate","send"]]"#;
    assert_eq!(run("split", split)["order_digest"], fused["order_digest"]);
    let replayed = tickrace(&["replay", &place("split/journal"), "--verify"]);
    assert_eq!(replayed.code, 0, "{}", replayed.err);
    assert!(
        run("guessed", "venue.queue={ model = \"power\", exponent = 2.0 }")["fills"].as_u64().unwrap() > 100
    );
}
