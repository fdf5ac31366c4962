//! Other formats through the command line: books against independent answers, one desk whatever the data came in.

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::tempdir;
use tickrace_tests::data::{config, shared, small_day};
use tickrace_tests::tickrace;

/// Price in nano-units, lots, orders.
type Shown = (i64, u64, u64);

/// Levels as the `book` verb prints them, by message number and side.
fn states(csv: &str) -> BTreeMap<(u64, String), Vec<Shown>> {
    let mut states = BTreeMap::new();
    for row in csv.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let price: tickrace_types::Price = fields[5].parse().unwrap();
        let level = (price.0, fields[6].parse().unwrap(), fields[7].parse().unwrap());
        let key = (fields[1].parse().unwrap(), fields[3].to_owned());
        states.entry(key).or_insert_with(Vec::new).push(level);
    }
    states
}

#[test]
fn a_futures_book_equals_the_answers_of_another_builder() {
    let Some(day) = shared("data/ticks/dbn/esh4-glbx-mdp3-20231225.mbo.dbn.zst") else { return };
    let Some(answers) = shared("data/ticks/dbn/esh4_20231225_mbo.answers.json") else { return };
    let answers: Value = serde_json::from_slice(&std::fs::read(answers).unwrap()).unwrap();
    let marks = answers["snapshots"].as_array().unwrap();
    let mut args = vec!["book".to_owned(), day.display().to_string()];
    args.extend(["--symbol", "ESH4", "--depth", "10"].map(str::to_owned));
    for mark in marks {
        args.extend(["--at-seq".to_owned(), mark["records"].to_string()]);
    }
    let done = tickrace(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(done.code, 0, "{}", done.err);
    let shown = states(&done.out);
    assert_eq!(shown.len(), 2 * marks.len());
    for mark in marks {
        for (side, key) in [("bid", "bids"), ("ask", "asks")] {
            let wanted: Vec<Shown> = mark[key]
                .as_array()
                .unwrap()
                .iter()
                .map(|level| {
                    (level[0].as_i64().unwrap(), level[1].as_u64().unwrap(), level[2].as_u64().unwrap())
                })
                .collect();
            let seq = mark["records"].as_u64().unwrap();
            assert_eq!(shown[&(seq, side.to_owned())], wanted, "{side} after {seq}");
        }
    }
}

#[test]
fn books_of_levels_equal_the_answers() {
    let Some(answers) = shared("data/ticks/binance/answers.json") else { return };
    let answers: Value = serde_json::from_slice(&std::fs::read(&answers).unwrap()).unwrap();
    for file in answers.as_array().unwrap() {
        let name = file["file"].as_str().unwrap();
        let Some(path) = shared(&format!("data/ticks/binance/{name}")) else { return };
        let inspected = tickrace(&["inspect", &path.display().to_string(), "--json"]);
        assert_eq!(inspected.code, 0, "{}", inspected.err);
        let inspected = inspected.json();
        assert_eq!(inspected["messages"], file["lines"], "{name}");
        for (kind, count) in file["by_type"].as_object().unwrap() {
            assert_eq!(&inspected["by_type"][kind], count, "{name} {kind}");
        }
        let symbol = inspected["symbols"][0].as_str().unwrap().to_owned();
        for mark in file["snapshots"].as_array().unwrap() {
            let line = mark["line"].to_string();
            let path = path.display().to_string();
            let done = tickrace(&["book", &path, "--symbol", &symbol, "--depth", "5", "--at-seq", &line]);
            assert_eq!(done.code, 0, "{}", done.err);
            let shown = states(&done.out);
            for (side, key) in [("bid", "bids"), ("ask", "asks")] {
                let wanted: Vec<i64> = mark[key]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|level| tickrace_types::Price::from_f64(level[0].as_f64().unwrap()).unwrap().0)
                    .collect();
                let line = mark["line"].as_u64().unwrap();
                let prices: Vec<i64> = shown[&(line, side.to_owned())].iter().map(|level| level.0).collect();
                assert_eq!(prices, wanted, "{name} {side} after line {line}");
            }
        }
    }
}

/// Runs a backtest; its summary.
fn backtest(name: &str, out: &std::path::Path, settings: &[&str]) -> Value {
    let (config, out) = (config(name), out.display().to_string());
    let mut args = vec!["backtest", &config, "--json", "--out", &out];
    args.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    let done = tickrace(&args);
    assert_eq!(done.code, 0, "{}", done.err);
    done.json()
}

#[test]
fn a_day_and_its_native_log_give_the_same_orders() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 3, 20_000);
    let log = folder.path().join("day.ticks").display().to_string();
    let done = tickrace(&["convert", &day, "--out", &log]);
    assert_eq!(done.code, 0, "{}", done.err);
    // Of three instruments two: the log's ids are not the run's.
    let some = "instruments.symbols=[\"SAAC\", \"SAAB\"]";
    for symbols in ["instruments.symbols=[]", some] {
        let of = |data: &str, out: &str| {
            let files = format!("data.files=[\"{data}\"]");
            backtest("backtest/market_making.toml", &folder.path().join(out), &[&files, symbols])
        };
        let (direct, logged) = (of(&day, "direct"), of(&log, "logged"));
        assert!(direct["orders"].as_u64().unwrap() > 100, "{direct}");
        assert_eq!(direct["order_digest"], logged["order_digest"]);
        assert_eq!(direct["net_pnl"], logged["net_pnl"]);
    }
    let journal = folder.path().join("logged/journal").display().to_string();
    let replayed = tickrace(&["replay", &journal, "--verify"]);
    assert_eq!(replayed.code, 0, "{}", replayed.err);
}

#[test]
fn levels_are_replayed_alike_by_every_placement_and_by_the_journal() {
    let Some(capture) = shared("data/ticks/binance/usdm/btcusdt_20240808.gz") else { return };
    let folder = tempdir().unwrap();
    let log = folder.path().join("perpetual.ticks").display().to_string();
    let done = tickrace(&["convert", &capture.display().to_string(), "--out", &log]);
    assert_eq!(done.code, 0, "{}", done.err);
    let files = format!("data.files=[\"{log}\"]");
    let idle = "run.idle={ spin_then_yield = { spins = 200 } }";
    let run = |out: &str, settings: &[&str]| {
        let mut all = vec![files.as_str()];
        all.extend(settings);
        backtest("backtest/touch_quoting.toml", &folder.path().join(out), &all)
    };
    let fused = run("fused", &[]);
    assert!(fused["fills"].as_u64().unwrap() > 100, "{fused}");
    // Books here, in another thread than the sequencer, and behind a copy of the market in the journal.
    let book_apart = r#"run.placement=[["decode","sequence"],["book"],["decide","gate","send"]]"#;
    let book_here = r#"run.placement=[["decode"],["sequence","book"],["decide"],["gate","send"]]"#;
    for settings in [&[book_apart, idle][..], &[book_here, idle], &["journal.market=copy"]] {
        let other = run("other", settings);
        assert_eq!(other["order_digest"], fused["order_digest"], "{settings:?}");
        let journal = folder.path().join("other/journal").display().to_string();
        let replayed = tickrace(&["replay", &journal, "--verify"]);
        assert_eq!(replayed.code, 0, "{settings:?}: {}", replayed.err);
    }
    // An idle timer changes numbers of records, not what is done.
    let every = run("every", &["run.skips_idle_timers=false", "run.timer_ms=1"]);
    let skipped = run("skipped", &["run.timer_ms=1"]);
    for key in ["orders", "fills", "volume_lots", "net_pnl", "fees", "positions", "rejects"] {
        assert_eq!(every[key], skipped[key], "{key}");
    }
}

#[test]
fn a_file_of_no_format_is_refused_by_name() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "these are not ticks\n").unwrap();
    let path = file.display().to_string();
    for args in [vec!["inspect", path.as_str()], vec!["convert", path.as_str(), "--out", "never"]] {
        let done = tickrace(&args);
        assert_eq!(done.code, 3, "{}", done.err);
        assert!(done.err.contains("notes.txt") && done.err.contains("lobster"), "{}", done.err);
    }
    let done = tickrace(&["convert", &path, "--format", "morse", "--out", "never"]);
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(done.err.contains("morse"), "{}", done.err);
}

#[test]
fn a_mapping_is_found_from_the_folder_of_its_configuration() {
    let folder = tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let shipped = std::fs::read_to_string(config("backtest/market_making.toml")).unwrap();
    let limits = config("limits/us_equity.toml");
    let text = shipped.replace("\"../limits/us_equity.toml\"", &format!("{limits:?}"))
        + &format!("\n[[data.inputs]]\npath = {:?}\nmapping = \"columns.toml\"\n", place("rows.csv"));
    std::fs::write(place("own.toml"), text).unwrap();
    std::fs::write(place("rows.csv"), "a,b\n1,2\n").unwrap();
    std::fs::write(place("columns.toml"), "nonsense = 1\n").unwrap();
    let done = tickrace(&["backtest", &place("own.toml"), "--out", &place("out")]);
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(done.err.contains(&place("columns.toml")) && done.err.contains("nonsense"), "{}", done.err);
}
