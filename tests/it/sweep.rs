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
        ("strategy.order_qty_lots=1..10", "steps"),
    ] {
        let done = sweep(&day, &nowhere, &["--grid", grid]);
        assert_eq!(done.code, 2, "{grid}: {}", done.err);
        assert!(done.err.contains(named), "{grid}: {}", done.err);
    }
    let done = sweep(&day, &nowhere, &["--grid", "data.files=[\"a\"],[\"b\"]"]);
    assert_eq!(done.code, 3, "{}", done.err);
    assert!(done.err.contains("a: cannot be opened"), "{}", done.err);
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

/// Days that follow one another, each of its own seed; their paths as a TOML list.
fn days(folder: &Path, seeds: &[u64]) -> Vec<String> {
    let write = |(day, seed): (usize, &u64)| {
        let path = folder.join(format!("day.2026-03-{:02}.itch50", day + 2));
        let config = tickrace_feeds::synth::SynthConfig { seed: *seed, symbols: 1, messages: 60_000 };
        std::fs::write(&path, tickrace_feeds::synth::Synth::new(config).to_vec()).unwrap();
        path.display().to_string()
    };
    seeds.iter().enumerate().map(write).collect()
}

#[test]
fn sets_over_different_days_are_those_of_each_day_alone() {
    let folder = tempdir().unwrap();
    let days = days(folder.path(), &[3, 4]);
    let out = folder.path().join("sweep");
    let grid = format!("data.files=[\"{}\"],[\"{}\"]", days[0], days[1]);
    let done = sweep(&days[0], &out, &["--grid", &grid, "--grid", "strategy.order_qty_lots=100,200"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let summary = done.json();
    assert_eq!(summary["done"], 4);
    assert_eq!(summary["data"].as_array().unwrap().len(), 2);
    let why = summary["validation"]["absent"][0].as_str().unwrap();
    assert!(why.contains("walk-forward"), "{why}");
    for (place, day) in days.iter().enumerate() {
        let alone = folder.path().join(format!("alone{place}"));
        assert_eq!(sweep(day, &alone, &["--grid", "strategy.order_qty_lots=100,200"]).code, 0);
        let digests = |out: &Path, of: &str| -> Vec<String> {
            let mut found: Vec<String> = rows(out)
                .iter()
                .filter(|run| {
                    run["values"].get("data.files").is_none_or(|file| file.as_str().unwrap().contains(of))
                })
                .map(|run| run["figures"]["order_digest"].as_str().unwrap().to_owned())
                .collect();
            found.sort();
            found
        };
        assert_eq!(digests(&out, day), digests(&alone, day));
    }
}

#[test]
fn a_sweep_judges_its_search_by_what_its_sets_earned() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 100_000);
    let out = folder.path().join("sweep");
    let done = sweep(&day, &out, &GRID);
    assert_eq!(done.code, 0, "{}", done.err);
    let found = &done.json()["validation"];
    assert_eq!((&found["trials"], &found["period"]), (&6.into(), &"quarter of an hour".into()));
    // Blocks of a run add up to its net profit.
    for run in rows(&out) {
        let sum: f64 =
            run["figures"]["blocks"].as_array().unwrap().iter().map(|block| block[1].as_f64().unwrap()).sum();
        let net = run["figures"]["net_pnl"].as_f64().unwrap();
        assert!((sum - net).abs() < 1e-6, "{sum} {net}");
    }
    let probability = found["overfitting"]["probability"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&probability));
    // The winner's ratio is that of its blocks, worked out here.
    let set = found["winner"]["set"].as_u64().unwrap();
    let summary = done.json();
    assert_eq!(summary["best"]["set"].as_u64().unwrap(), set);
    let periods = found["periods"].as_u64().unwrap();
    let blocks: Vec<f64> = summary["best"]["figures"]["blocks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block[1].as_f64().unwrap())
        .collect();
    // Dead ends are cut off: zeros before the first and after the last profit of any set.
    let alive: Vec<f64> = {
        let first = blocks.iter().position(|value| *value != 0.0).unwrap();
        let last = blocks.iter().rposition(|value| *value != 0.0).unwrap();
        blocks[first..=last].to_vec()
    };
    let mut padded = alive.clone();
    padded.resize(usize::try_from(periods).unwrap(), 0.0);
    let count = padded.len() as f64;
    let mean = padded.iter().sum::<f64>() / count;
    let deviation = (padded.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    let sharpe = found["winner"]["sharpe"].as_f64().unwrap();
    assert!((sharpe - mean / deviation).abs() < 1e-9, "{sharpe} {}", mean / deviation);
    let page = std::fs::read_to_string(out.join("sweep.html")).unwrap();
    assert!(
        page.contains("Whether the search found anything") && page.contains("Probability of overfitting")
    );
}

fn walk(days: &[String], out: &Path, more: &[&str]) -> Done {
    let config = config("backtest/market_making.toml");
    let list: Vec<String> = days.iter().map(|day| format!("\"{day}\"")).collect();
    let (files, out) = (format!("data.files=[{}]", list.join(",")), out.display().to_string());
    let mut args = vec!["walk-forward", &config, "--json", "--out", &out, "--set", &files];
    args.extend(GRID);
    args.extend(more);
    tickrace(&args)
}

#[test]
fn walking_forward_chooses_by_the_past_alone_and_stitches_what_the_choices_earned() {
    let folder = tempdir().unwrap();
    let own = days(folder.path(), &[3, 4, 5, 6, 7, 8]);
    let out = folder.path().join("walk");
    let args = ["--train", "2", "--test", "1"];
    let done = walk(&own, &out, &args);
    assert_eq!(done.code, 0, "{}", done.err);
    let before = done.json();
    let steps = before["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 4);
    let all = rows(&out);
    let is_earning = |run: &&Value| run["figures"]["net_pnl"].as_f64().unwrap() != 0.0;
    assert!(all.iter().filter(is_earning).count() > 18, "the days are traded on");
    // What was chosen is the best of the training days, and what is stitched is its day alone, by the rows themselves.
    let net = |values: &Value, day: &str| -> f64 {
        let is_it = |run: &&Value| {
            let own = run["values"].as_object().unwrap();
            own["data.files"].as_str().unwrap().contains(day)
                && values.as_object().unwrap().iter().all(|(key, value)| own[key] == *value)
        };
        all.iter().find(is_it).unwrap()["figures"]["net_pnl"].as_f64().unwrap()
    };
    let mut total = 0.0;
    for (place, step) in steps.iter().enumerate() {
        let train: Vec<&str> =
            step["train"].as_array().unwrap().iter().map(|day| day.as_str().unwrap()).collect();
        assert_eq!(train, [own[place].as_str(), own[place + 1].as_str()]);
        let inside = |values: &Value| train.iter().map(|day| net(values, day)).sum::<f64>();
        let chosen = inside(&step["values"]);
        assert!((chosen - step["inside"].as_f64().unwrap()).abs() < 1e-9);
        for run in &all {
            let mut values = run["values"].clone();
            values.as_object_mut().unwrap().remove("data.files");
            assert!(inside(&values) <= chosen + 1e-9);
        }
        let outside = net(&step["values"], step["test"][0].as_str().unwrap());
        assert!((before["stitched"][place]["net_pnl"].as_f64().unwrap() - outside).abs() < 1e-9);
        total += outside;
    }
    assert!((before["net_pnl"].as_f64().unwrap() - total).abs() < 1e-6);
    assert!(out.join("walk_forward.html").exists() && out.join("tear_sheet.html").exists());

    // Another future: the last two days are others. The choices for the days up to the first of them do not move.
    let other = tempdir().unwrap();
    let altered = days(other.path(), &[3, 4, 5, 6, 77, 88]);
    let after = walk(&altered, &other.path().join("walk"), &args).json();
    for place in 0..3 {
        assert_eq!(before["steps"][place]["set"], after["steps"][place]["set"]);
        assert_eq!(before["steps"][place]["inside"], after["steps"][place]["inside"]);
    }
    assert_ne!(before["stitched"][2], after["stitched"][2], "the day itself is another");
    // The same again is taken from before.
    let again = walk(&own, &out, &args).json();
    assert_eq!((&again["resumed"], &again["steps"]), (&36.into(), &before["steps"]));
}

#[test]
fn a_walk_leaves_sessions_out_between_and_refuses_what_it_cannot_walk_over() {
    let folder = tempdir().unwrap();
    let own = days(folder.path(), &[3, 4, 5, 6]);
    let out = folder.path().join("walk");
    let done = walk(&own, &out, &["--train", "1", "--anchored", "--purge", "1", "--embargo", "1"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let steps = done.json()["steps"].clone();
    assert_eq!(steps.as_array().unwrap().len(), 1);
    assert_eq!(
        (&steps[0]["train"][0], &steps[0]["test"][0]),
        (&own[0].clone().into(), &own[3].clone().into())
    );

    let nowhere = folder.path().join("nowhere");
    let done = walk(&own, &nowhere, &["--train", "4"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("4 files, but one step takes 5"), "{}", done.err);
    let done = walk(&own, &nowhere, &["--train", "2", "--grid", "data.files=[\"x\"]"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("cannot be chosen"), "{}", done.err);
    let mut turned = own.clone();
    turned.swap(0, 1);
    let done = walk(&turned, &nowhere, &["--train", "2"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("order of time"), "{}", done.err);
}
