//! Sweeps: the figures of `backtest` without its journal, resumed where it was, the same on any number of cores.

use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;
use tickrace_tests::data::{config, shared, small_day};
use tickrace_tests::{Done, tickrace};

const GRID: [&str; 4] =
    ["--grid", "strategy.order_qty_lots=100,200,300", "--grid", "strategy.levels_count=1,2"];

fn sweep(day: &str, out: &Path, more: &[&str]) -> Done {
    let (config, files) = (config("backtest/market_making.toml"), format!("data.files=[\"{day}\"]"));
    let out = out.display().to_string();
    let mut args = vec!["sweep", &config, "--json", "--out", &out, "--set", &files];
    args.extend(more);
    tickrace(&args)
}

fn rows(out: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(out.join("runs.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn backtest(config: &str, sets: &[String], out: &Path) -> Value {
    let out = out.display().to_string();
    let mut args = vec!["backtest", config, "--json", "--out", &out];
    args.extend(sets.iter().flat_map(|set| ["--set", set.as_str()]));
    let done = tickrace(&args);
    assert!(done.code == 0 || done.code == 3, "{}", done.err);
    done.json()
}

/// Each run of a sweep against a backtest of the same configuration: what the journal tells, to the last digit.
fn assert_equal_to_backtests(config: &str, sets: &[String], out: &Path, folder: &Path) -> usize {
    let runs = rows(out);
    for run in &runs {
        assert_eq!(run["status"], "done", "{run}");
        let mut sets = sets.to_vec();
        let values = run["values"].as_object().unwrap();
        sets.extend(values.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap())));
        let summary = backtest(config, &sets, &folder.join("one"));
        let figures = &run["figures"];
        for key in [
            "order_digest",
            "net_pnl",
            "gross_pnl",
            "fees",
            "fills",
            "orders",
            "positions",
            "max_drawdown",
            "volume_lots",
            "notional",
            "sharpe",
        ] {
            assert_eq!(figures[key], summary[key], "{key} of {values:?}");
        }
        assert_eq!(figures["cut_short"], summary.get("cut_short").cloned().unwrap_or(Value::Null));
    }
    runs.len()
}

#[test]
fn a_sweep_has_the_figures_of_backtest_to_the_last_digit() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 150_000);
    let out = folder.path().join("sweep");
    let done = sweep(&day, &out, &GRID);
    assert_eq!(done.code, 0, "{}", done.err);
    let summary = done.json();
    assert_eq!((&summary["sets"], &summary["done"]), (&6.into(), &6.into()));
    let sets = [format!("data.files=[\"{day}\"]")];
    let count = assert_equal_to_backtests(&config("backtest/market_making.toml"), &sets, &out, folder.path());
    assert_eq!(count, 6);
    assert!(rows(&out).iter().any(|run| run["figures"]["fills"].as_u64() > Some(0)), "something was filled");
    for name in ["sweep.parquet", "sweep.html", "summary.json"] {
        assert!(std::fs::metadata(out.join(name)).unwrap().len() > 200, "{name}");
    }
    let page = std::fs::read_to_string(out.join("sweep.html")).unwrap();
    assert_eq!(page.matches("<rect class=\"cell").count(), 6, "a field of the heat map for each set");
    let best = summary["best"]["figures"]["net_pnl"].as_f64().unwrap();
    assert!(rows(&out).iter().all(|run| run["figures"]["net_pnl"].as_f64().unwrap() <= best));
}

#[test]
fn a_truncated_day_is_cut_short_in_a_sweep_as_in_a_backtest() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 8_000);
    let bytes = std::fs::read(&day).unwrap();
    std::fs::write(&day, &bytes[..bytes.len() - 5]).unwrap();
    let out = folder.path().join("sweep");
    let done = sweep(&day, &out, &["--grid", "strategy.order_qty_lots=100,200"]);
    assert_eq!(done.code, 3, "{}", done.err);
    assert!(done.err.contains("offset"), "{}", done.err);
    let sets = [format!("data.files=[\"{day}\"]")];
    let count = assert_equal_to_backtests(&config("backtest/market_making.toml"), &sets, &out, folder.path());
    assert_eq!(count, 2);
}

#[test]
fn real_price_level_data_give_the_figures_of_backtest() {
    let Some(file) = shared("data/ticks/binance/usdm/btcusdt_20240808.gz") else { return };
    let folder = tempdir().unwrap();
    let log = folder.path().join("btc.ticks").display().to_string();
    let converted = tickrace(&["convert", &file.display().to_string(), "--out", &log]);
    assert_eq!(converted.code, 0, "{}", converted.err);
    let (config, out) = (config("backtest/touch_quoting.toml"), folder.path().join("sweep"));
    let (files, place) = (format!("data.files=[\"{log}\"]"), out.display().to_string());
    let grid = "venue.queue={model=\"risk-averse\"},{model=\"power\",exponent=3.0}";
    let done = tickrace(&["sweep", &config, "--out", &place, "--set", &files, "--grid", grid]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(assert_equal_to_backtests(&config, &[files], &out, folder.path()), 2);
}

#[test]
fn the_table_is_the_same_on_any_number_of_cores_and_after_an_interruption() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 6_000);
    let (whole, alone, broken) =
        (folder.path().join("whole"), folder.path().join("alone"), folder.path().join("broken"));
    let with = |more: &[&'static str]| [&GRID[..], more].concat();
    assert_eq!(sweep(&day, &whole, &with(&["--cores", "3"])).code, 0);
    assert_eq!(sweep(&day, &alone, &with(&["--cores", "1"])).code, 0);
    let table = |out: &Path| std::fs::read(out.join("sweep.parquet")).unwrap();
    assert_eq!(table(&whole), table(&alone));

    // As a killed process leaves it: some runs, the last line torn, no results yet.
    let text = std::fs::read_to_string(whole.join("runs.jsonl")).unwrap();
    let third_end = text.match_indices('\n').nth(2).unwrap().0;
    std::fs::create_dir_all(&broken).unwrap();
    std::fs::write(broken.join("runs.jsonl"), &text[..third_end - 40]).unwrap();
    let done = sweep(&day, &broken, &with(&[]));
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(done.json()["resumed"], 2);
    assert_eq!(rows(&broken).len(), 6);
    assert_eq!(table(&broken), table(&whole));

    let done = sweep(&day, &broken, &with(&[]));
    assert_eq!(done.json()["resumed"], 6, "nothing runs twice");
    let done = sweep(&day, &broken, &with(&["--fresh"]));
    assert_eq!(done.json()["resumed"], 0);
    // Another day is other data: nothing of the old one counts.
    let other = small_day(&broken, 1, 7_000);
    assert_eq!(sweep(&other, &broken, &with(&[])).json()["resumed"], 0);
}

#[test]
fn a_refused_set_is_told_in_its_row_and_an_unknown_key_before_anything_runs() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 4_000);
    let out = folder.path().join("sweep");
    let done = sweep(&day, &out, &["--grid", "strategy.order_qty_lots=0,100,many"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let summary = done.json();
    assert_eq!((&summary["done"], &summary["refused"]), (&1.into(), &2.into()));
    let refused: Vec<Value> = rows(&out).into_iter().filter(|run| run["status"] == "refused").collect();
    for run in refused {
        let error = run["error"].as_str().unwrap();
        assert!(error.contains("order_qty_lots") || error.contains("\"many\""), "{error}");
    }

    let nowhere = folder.path().join("nowhere");
    for (grid, named) in [
        ("strategy.gama=1,2", "gama"),
        ("stratgy.gamma=1,2", "stratgy"),
        ("strategy.order_qty_lots", "key="),
        ("data.files=[\"a\"],[\"b\"]", "share the data"),
        ("strategy.order_qty_lots=1..10", "steps"),
    ] {
        let done = sweep(&day, &nowhere, &["--grid", grid]);
        assert_eq!(done.code, 2, "{grid}: {}", done.err);
        assert!(done.err.contains(named), "{grid}: {}", done.err);
    }
    assert!(!nowhere.exists(), "nothing was begun");
    // A key with a default exists though the file does not name it.
    assert_eq!(sweep(&day, &out, &["--grid", "run.hop_sample_log2=4,5"]).code, 0);
    let done = sweep(&day, &nowhere, &["--grid", "strategy.order_qty_lots=0,-1"]);
    assert_eq!(done.code, 2, "no set is sound: {}", done.err);
}

#[test]
fn a_sample_is_drawn_by_its_seed_and_journals_are_kept_where_asked() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 4_000);
    let out = folder.path().join("sweep");
    let args = [
        "--grid",
        "strategy.risk_aversion_per_tick=0.01..1:log",
        "--random",
        "3",
        "--seed",
        "5",
        "--journals",
    ];
    let done = sweep(&day, &out, &args);
    assert_eq!(done.code, 0, "{}", done.err);
    let drawn = |out: &Path| -> Vec<String> {
        let mut values: Vec<String> = rows(out).iter().map(|run| run["values"].to_string()).collect();
        values.sort();
        values
    };
    assert_eq!(drawn(&out).len(), 3);
    let again = folder.path().join("again");
    assert_eq!(sweep(&day, &again, &args).code, 0);
    assert_eq!(drawn(&out), drawn(&again));
    let journal = out.join("runs/00001/journal").display().to_string();
    let verified = tickrace(&["replay", &journal, "--verify"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}
