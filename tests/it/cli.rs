//! The command line's contract: exit codes, and messages that name file, offset or key.

use std::path::Path;

use tempfile::tempdir;
use tickrace_tests::data::{config, small_day};
use tickrace_tests::{Done, tickrace};

fn backtest(folder: &Path, day: &str, settings: &[&str]) -> Done {
    let (config, out) = (config("backtest/market_making.toml"), folder.join("out").display().to_string());
    let files = format!("data.files=[\"{day}\"]");
    let mut args = vec!["backtest", &config, "--json", "--out", &out, "--set", &files];
    args.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    tickrace(&args)
}

#[test]
fn a_backtest_writes_its_artefacts_and_closes_its_sums() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 20_000);
    let done = backtest(folder.path(), &day, &[]);
    assert_eq!(done.code, 0, "{}", done.err);
    let out = folder.path().join("out");
    for name in
        ["summary.json", "orders.parquet", "fills.parquet", "equity.parquet", "latency.hgrm", "report.html"]
    {
        let size = std::fs::metadata(out.join(name)).unwrap_or_else(|error| panic!("{name}: {error}")).len();
        assert!(size > 100, "{name} has {size} bytes");
    }
    assert!(out.join("journal/head.json").exists());
    let summary = done.json();
    let written: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary, written);
    let money = |key: &str| summary[key].as_f64().unwrap_or_else(|| panic!("{key}: {}", summary[key]));
    assert!((money("net_pnl") - (money("gross_pnl") - money("fees"))).abs() < 1e-6);
    for key in [
        "events",
        "wall_seconds",
        "events_per_second",
        "orders",
        "fills",
        "rejects",
        "volume_lots",
        "positions",
        "max_drawdown",
        "order_digest",
    ] {
        assert!(!summary[key].is_null(), "{key} is missing");
    }
    assert!(summary["sharpe"].is_null(), "one day has no Sharpe ratio");
    for key in ["p50", "p90", "p99", "p999", "max", "count"] {
        assert!(summary["tick_to_order_ns"][key].is_u64(), "tick_to_order_ns.{key}");
    }
}

#[test]
fn the_example_of_costs_itemises_what_it_paid() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 200_000);
    let (config, out) = (config("backtest/costs.toml"), folder.path().display().to_string());
    let files = format!("data.files=[\"{day}\"]");
    let done = tickrace(&["backtest", &config, "--json", "--out", &out, "--set", &files]);
    assert_eq!(done.code, 0, "{}", done.err);
    let summary = done.json();
    let costs: Vec<f64> =
        summary["costs"].as_object().unwrap().values().map(|amount| amount.as_f64().unwrap()).collect();
    assert_eq!(costs.len(), 5, "{}", summary["costs"]);
    let fees = summary["fees"].as_f64().unwrap();
    assert!((costs.iter().sum::<f64>() - fees).abs() < 1e-6, "{} of {fees}", summary["costs"]);
    // Clearing is by the lot alone, whatever side and liquidity.
    let lots = summary["volume_lots"].as_f64().unwrap();
    assert!(lots > 0.0);
    assert!((summary["costs"]["clearing"].as_f64().unwrap() - lots * 0.0002).abs() < 1e-6);
    let report = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(report.contains("<td>finra taf</td>"));
}

#[test]
fn bars_of_a_day_hold_what_its_executions_traded() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 50_000);
    let (log, csv) = (folder.path().join("bars.ticks"), folder.path().join("bars.csv"));
    let (log, csv) = (log.display().to_string(), csv.display().to_string());
    for args in
        [vec!["convert", &day, "--bars", "time:60s", "--out", &log], vec!["convert", &log, "--out", &csv]]
    {
        let done = tickrace(&args);
        assert_eq!(done.code, 0, "{}", done.err);
    }
    let text = std::fs::read_to_string(&csv).unwrap();
    let mut volumes = std::collections::BTreeMap::<String, u64>::new();
    for row in text.lines().filter(|row| row.contains(",bar:close,")) {
        let fields: Vec<&str> = row.split(',').collect();
        // The end of a minute since the epoch, whatever the session's midnight is.
        assert_eq!(fields[0].parse::<i64>().unwrap() % 60_000_000_000, 0, "{row}");
        *volumes.entry(fields[3].to_owned()).or_default() += fields[6].parse::<u64>().unwrap();
    }
    let told = tickrace(&["inspect", &day, "--json"]).json();
    assert_eq!(volumes.len(), 2, "{volumes:?}");
    for (symbol, volume) in volumes {
        let one = &told["executions"][&symbol];
        let count = |key: &str| one[key].as_u64().unwrap_or(0);
        assert!(volume > 0);
        assert!(volume >= count("displayed_qty") + count("hidden_qty"), "{symbol}: {volume} of {one}");
    }
    assert_eq!(tickrace(&["convert", &day, "--bars", "time:0s", "--out", "x"]).code, 2);
}

#[test]
fn no_journal_leaves_no_journal() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 2_000);
    let (config, out) = (config("backtest/market_making.toml"), folder.path().join("out"));
    let (text, files) = (out.display().to_string(), format!("data.files=[\"{day}\"]"));
    let done = tickrace(&["backtest", &config, "--out", &text, "--set", &files, "--no-journal"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(!out.join("journal").exists());
    assert!(out.join("orders.parquet").exists());
}

#[test]
fn an_unknown_key_and_a_missing_limit_exit_with_2_and_are_named() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 2_000);
    let done = backtest(folder.path(), &day, &["strategy.gama=1.0"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("gama"), "{}", done.err);

    let text = std::fs::read_to_string(config("backtest/market_making.toml")).unwrap();
    let limits = std::fs::read_to_string(config("limits/us_equity.toml")).unwrap();
    let limits: String = limits
        .lines()
        .filter(|line| !line.starts_with("order_qty_max_lots"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(folder.path().join("limits.toml"), limits).unwrap();
    let own = folder.path().join("own.toml");
    std::fs::write(&own, text.replace("../limits/us_equity.toml", "limits.toml")).unwrap();
    let done = tickrace(&["backtest", &own.display().to_string()]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("order_qty_max_lots"), "{}", done.err);
}

#[test]
fn nonsense_values_exit_with_2() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 2_000);
    for (setting, named) in [
        ("strategy.order_qty_lots=0", "order_qty_lots"),
        ("venue.order_latency_ns=-1", "order_latency_ns"),
        ("run.placement=[[\"book\",\"decode\"]]", "placement"),
        ("run.ring_slots=0", "ring_slots"),
        ("instruments.symbols=[\"A\",\"A\"]", "twice"),
        ("report.markouts_ms=[1000, 100]", "report.markouts_ms"),
        ("report.opening_equity=nan", "report.opening_equity"),
        ("data.feed_latency_ns=9223372036854775807", "data.feed_latency_ns"),
        ("run.warmup_records=4294967295", "run.warmup_records"),
        ("journal.segment_bytes=65537", "journal.segment_bytes"),
        ("journal.segment_bytes=9223372036854775807", "journal.segment_bytes"),
    ] {
        let done = backtest(folder.path(), &day, &[setting]);
        assert_eq!(done.code, 2, "{setting}: {}", done.err);
        assert!(done.err.contains(named), "{setting}: {}", done.err);
    }
    assert_eq!(tickrace(&["backtest", "/nowhere/at/all.toml"]).code, 2);
    assert_eq!(tickrace(&["fly"]).code, 2);
    assert_eq!(tickrace(&["--help"]).code, 0);
}

#[test]
fn a_symbol_that_no_tick_file_announces_is_told() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 2_000);
    let done = backtest(folder.path(), &day, &["instruments.symbols=[\"SAAA\", \"SAAX\"]"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("SAAX is not among the 2 symbols"), "{}", done.err);
    assert!(!done.err.contains("SAAA is not"), "{}", done.err);
}

/// What a run that came to nothing leaves must not be the results of the run before it, without their journal.
#[test]
fn a_run_that_fails_leaves_no_results_of_an_earlier_one() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 2_000);
    assert_eq!(backtest(folder.path(), &day, &[]).code, 0);
    let out = folder.path().join("out");
    std::fs::write(out.join("notes.txt"), "mine").unwrap();
    let nobody = "opening=[{ symbol = \"NOPE\", lots = 5, price_nanos = 1 }]";
    let done = backtest(folder.path(), &day, &[nobody]);
    assert!(done.code == 2 && done.err.contains("NOPE"), "{} {}", done.code, done.err);
    let left: Vec<_> = std::fs::read_dir(&out).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert!(out.join("notes.txt").exists(), "{left:?}");
    for name in
        ["summary.json", "report.html", "orders.parquet", "fills.parquet", "equity.parquet", "latency.hgrm"]
    {
        assert!(!out.join(name).exists(), "{left:?}");
    }
}

#[test]
fn a_truncated_file_exits_with_3_names_the_offset_and_keeps_what_was_done() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 4_000);
    let bytes = std::fs::read(&day).unwrap();
    std::fs::write(&day, &bytes[..bytes.len() - 5]).unwrap();
    let done = backtest(folder.path(), &day, &[]);
    assert_eq!(done.code, 3, "{}", done.err);
    assert!(done.err.contains("offset"), "{}", done.err);
    assert!(done.json()["events"].as_u64().unwrap() > 3_000);
    assert!(done.json()["cut_short"].is_string());
    let done = tickrace(&["inspect", &day, "--json"]);
    assert_eq!(done.code, 3);
    assert!(done.json()["messages"].as_u64().unwrap() > 3_000);
    let done = tickrace(&["book", &day, "--symbol", "SAAA", "--at", "12:00:00"]);
    assert_eq!(done.code, 3, "{}", done.err);
}

#[test]
fn an_unknown_message_is_counted_and_strict_makes_it_an_error() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 4_000);
    let mut bytes = std::fs::read(&day).unwrap();
    bytes.extend_from_slice(&[0, 3, b'~', 1, 2]);
    std::fs::write(&day, &bytes).unwrap();
    let done = tickrace(&["inspect", &day, "--json"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let skipped = done.json()["skipped"].as_object().unwrap().clone();
    assert_eq!(skipped.values().filter_map(serde_json::Value::as_u64).sum::<u64>(), 1, "{skipped:?}");
    assert_eq!(tickrace(&["inspect", &day, "--strict"]).code, 3);
    assert_eq!(backtest(folder.path(), &day, &[]).code, 0);
}

#[test]
fn any_flipped_byte_ends_in_0_or_3_and_never_in_a_panic() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 2_000);
    let bytes = std::fs::read(&day).unwrap();
    for place in (0..bytes.len()).step_by(bytes.len() / 25) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 0x81;
        std::fs::write(&day, &flipped).unwrap();
        let done = tickrace(&["inspect", &day, "--json"]);
        assert!(matches!(done.code, 0 | 3), "byte {place}: {} {}", done.code, done.err);
        let done = backtest(folder.path(), &day, &["instruments.symbols=[\"SAAA\"]"]);
        assert!(matches!(done.code, 0 | 3), "byte {place}: {} {}", done.code, done.err);
    }
}

#[test]
fn a_log_goes_there_and_comes_back_as_text() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 3_000);
    let log = folder.path().join("log").display().to_string();
    let csv = folder.path().join("log.csv").display().to_string();
    let made = tickrace(&["convert", &day, "--out", &log, "--json"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let records = made.json()["records"].as_u64().unwrap();
    assert_eq!(tickrace(&["inspect", &day, "--json"]).json()["messages"].as_u64().unwrap(), records);
    let back = tickrace(&["convert", &log, "--out", &csv, "--json"]);
    assert_eq!(back.code, 0, "{}", back.err);
    assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count() as u64, records + 1);
}
