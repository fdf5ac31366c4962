//! Comparisons: each run as `backtest` has it, and the first run's orders at another venue.

use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;
use tickrace_tests::data::{config, shared, small_day};
use tickrace_tests::{Done, tickrace};

fn compare(files: &str, out: &Path, more: &[&str]) -> Done {
    let (config, out) = (config("backtest/market_making.toml"), out.display().to_string());
    let files = format!("data.files=[\"{files}\"]");
    let mut args = vec!["compare", &config, "--json", "--out", &out, "--set", &files];
    args.extend(more);
    tickrace(&args)
}

#[test]
fn each_run_is_what_backtest_makes_of_it_and_all_are_on_one_page() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 10_000);
    let out = folder.path().join("compare");
    let done = compare(&day, &out, &["--vary", "strategy.levels_count=1,2"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let runs = done.json()["runs"].as_array().unwrap().clone();
    assert_eq!(runs.len(), 2);
    for (run, levels) in runs.iter().zip(["1", "2"]) {
        assert_eq!(run["name"], levels);
        assert_eq!(run["same_orders"], Value::Null, "the same orders mean nothing to another strategy");
        let own = out.join(run["folder"].as_str().unwrap());
        assert!(own.join("journal/head.json").exists() && own.join("report.html").exists());
        let (one, files) =
            (folder.path().join("one").display().to_string(), format!("data.files=[\"{day}\"]"));
        let set = format!("strategy.levels_count={levels}");
        let config = config("backtest/market_making.toml");
        let alone =
            tickrace(&["backtest", &config, "--json", "--out", &one, "--set", &files, "--set", &set]).json();
        for key in ["order_digest", "net_pnl", "fees", "fills", "orders", "positions", "max_drawdown"] {
            assert_eq!(run["summary"][key], alone[key], "{key}");
        }
    }
    let page = std::fs::read_to_string(out.join("compare.html")).unwrap();
    assert_eq!(page.matches("class=\"key ").count(), 2, "a curve each");
}

#[test]
fn several_configurations_stand_side_by_side_and_nonsense_is_refused() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 4_000);
    let own = folder.path().join("wide.toml");
    let text = std::fs::read_to_string(config("backtest/market_making.toml")).unwrap();
    let text = text.replace("levels_count = 2", "levels_count = 3");
    let limits = config("limits/us_equity.toml");
    std::fs::write(&own, text.replace("../limits/us_equity.toml", &limits)).unwrap();
    let (own, out) = (own.display().to_string(), folder.path().join("compare"));
    let done = compare(&day, &out, &[&own]);
    assert_eq!(done.code, 0, "{}", done.err);
    let json = done.json();
    let names: Vec<&str> =
        json["runs"].as_array().unwrap().iter().map(|run| run["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["market_making", "wide"]);

    assert_eq!(compare(&day, &out, &[&own, "--vary", "strategy.levels_count=1"]).code, 2);
    let done = compare(&day, &out, &["--vary", "strategy.gama=1"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("gama"), "{}", done.err);
    assert_eq!(compare(&day, &out, &["--vary", "strategy.levels_count"]).code, 2);
}

/// The same orders at the same venue fill as they did; what only trades bring forward never fills earlier.
fn assert_estimates_make_sense(runs: &[Value]) {
    let found =
        |place: usize, key: &str| runs[place]["same_orders"][key].as_u64().unwrap_or_else(|| panic!("{key}"));
    assert_eq!(runs[0]["name"], "exact");
    assert!(found(0, "reference_orders") > 0, "nothing was filled");
    assert_eq!(found(0, "same"), found(0, "reference_orders"));
    assert_eq!((found(0, "only_here"), found(0, "lots")), (0, found(0, "reference_lots")));
    assert_eq!(found(0, "fills"), runs[0]["summary"]["fills"].as_u64().unwrap());
    assert_eq!(runs[1]["name"], "risk-averse");
    for (place, run) in runs.iter().enumerate() {
        let sum = found(place, "same") + found(place, "earlier") + found(place, "later");
        assert_eq!(sum, found(place, "also_filled"), "{run}");
        assert!(found(place, "also_filled") <= found(place, "reference_orders"));
    }
}

#[test]
fn the_first_runs_orders_fill_at_their_own_venue_as_they_did() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 150_000);
    let out = folder.path().join("compare");
    let done = compare(&day, &out, &["--vary", "venue.queue={model=\"exact\"},{model=\"risk-averse\"}"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_estimates_make_sense(done.json()["runs"].as_array().unwrap());
}

#[test]
fn estimates_of_the_queue_are_measured_on_a_real_day() {
    let Some(file) = shared("data/ticks/itch/20120621.GOOG_AAPL.derived_ITCH50.gz") else { return };
    let folder = tempdir().unwrap();
    let out = folder.path().join("compare");
    let file = file.display().to_string();
    let done = compare(&file, &out, &["--queue-models", "--set", "instruments.symbols=[\"AAPL\"]"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let json = done.json();
    let runs = json["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 8);
    assert_estimates_make_sense(runs);
    let page = std::fs::read_to_string(out.join("compare.html")).unwrap();
    assert!(page.contains("Fills, order by order"));
}
