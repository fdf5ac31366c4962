//! One market, one configuration: one list of orders, however the stages are placed and however often it runs.

use tempfile::tempdir;
use tickrace_tests::data::{config, shared, small_day};
use tickrace_tests::tickrace;

const FUSED: &str = r#"[["decode","sequence","book","decide","gate","send"]]"#;
const TWO: &str = r#"[["decode","sequence","book","decide"],["gate","send"]]"#;
const FOUR: &str = r#"[["decode","sequence"],["book"],["decide"],["gate","send"]]"#;
const FIVE: &str = r#"[["decode"],["sequence","book"],["decide"],["gate"],["send"]]"#;

/// Runs a backtest and gives its digest and its count of orders.
fn digest(day: &str, out: &std::path::Path, settings: &[&str]) -> (String, u64) {
    let config = config("backtest/market_making.toml");
    let out = out.display().to_string();
    let files = format!("data.files=[\"{day}\"]");
    let mut args = vec!["backtest", &config, "--json", "--out", &out, "--set", &files];
    args.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    let done = tickrace(&args);
    assert_eq!(done.code, 0, "{}", done.err);
    let summary = done.json();
    (summary["order_digest"].as_str().unwrap().to_owned(), summary["orders"].as_u64().unwrap())
}

fn placed(placement: &str) -> String {
    format!("run.placement={placement}")
}

#[test]
fn every_placement_gives_the_same_orders() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 3, 20_000);
    let idle = "run.idle={ spin_then_yield = { spins = 200 } }";
    for latency in ["0", "10000"] {
        let order = format!("venue.order_latency_ns={latency}");
        let response = format!("venue.response_latency_ns={latency}");
        let (fused, orders) =
            digest(&day, &folder.path().join("fused"), &[&placed(FUSED), &order, &response]);
        assert!(orders > 100, "a day without orders proves nothing, got {orders}");
        for placement in [TWO, FOUR, FIVE] {
            let split =
                digest(&day, &folder.path().join("split"), &[&placed(placement), idle, &order, &response]);
            assert_eq!(split, (fused.clone(), orders), "{placement} at latency {latency}");
        }
    }
}

#[test]
fn a_world_that_leads_gives_the_orders_of_one_that_reads_for_itself() {
    let folder = tempdir().unwrap();
    let first = small_day(folder.path(), 3, 20_000);
    let second = folder.path().join("day.2026-03-03.itch50").display().to_string();
    std::fs::copy(&first, &second).unwrap();
    let log = folder.path().join("day.ticks").display().to_string();
    let made = tickrace(&["convert", &first, "--out", &log]);
    assert_eq!(made.code, 0, "{}", made.err);
    let idle = "run.idle={ spin_then_yield = { spins = 200 } }";
    let days = format!("data.files=[\"{first}\",\"{second}\"]");
    // What is heard before, at, and after what can be answered to it; orders faster and slower than either.
    for [feed, order, response] in [
        [0, 0, 0],
        [1_000, 0, 0],
        [2_000_000, 1_000, 1_000],
        [0, 1_000_000, 50_000],
        [500_000, 20_000, 900_000],
    ] {
        let latencies = [
            format!("data.feed_latency_ns={feed}"),
            format!("venue.order_latency_ns={order}"),
            format!("venue.response_latency_ns={response}"),
        ];
        let run = |out: &str, day: &str, placement: &str, more: &[&str]| {
            let placed = placed(placement);
            let mut settings: Vec<&str> = latencies.iter().map(String::as_str).collect();
            settings.extend([placed.as_str(), idle]);
            settings.extend(more);
            digest(day, &folder.path().join(out), &settings)
        };
        for (day, more) in [(&log, &[][..]), (&first, &[days.as_str()][..])] {
            let led = run("led", day, FUSED, more);
            assert!(led.1 > 100, "a day without orders proves nothing, got {}", led.1);
            assert_eq!(run("apart", day, TWO, more), led, "{latencies:?} {day}");
        }
        let journal = folder.path().join("led/journal").display().to_string();
        let replayed = tickrace(&["replay", &journal, "--verify"]);
        assert_eq!(replayed.code, 0, "{}", replayed.err);
    }
}

/// Every way between the venue and us drawn anew for each message.
const DRAWN: [&str; 3] = [
    "venue.order_latency={ model = \"log-normal\", latency_ns_median = 20_000, sigma = 1.0, latency_ns_min = 2_000, latency_ns_max = 2_000_000 }",
    "venue.response_latency={ model = \"exponential\", latency_ns_min = 1_000, excess_ns_mean = 30_000, latency_ns_max = 5_000_000 }",
    "data.feed_latency={ model = \"uniform\", latency_ns_min = 5_000, latency_ns_max = 400_000 }",
];

#[test]
fn drawn_latencies_are_the_same_in_every_placement_and_replay() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 3, 20_000);
    let idle = "run.idle={ spin_then_yield = { spins = 200 } }";
    let with = |out: &str, more: &[&str]| {
        let settings: Vec<&str> = DRAWN.iter().copied().chain(more.iter().copied()).collect();
        digest(&day, &folder.path().join(out), &settings)
    };
    let fused = with("fused", &[&placed(FUSED)]);
    assert!(fused.1 > 100, "a day without orders proves nothing, got {}", fused.1);
    for placement in [TWO, FOUR, FIVE] {
        assert_eq!(with("split", &[&placed(placement), idle]), fused, "{placement}");
    }
    // The seed moves the draws, and with them the orders.
    assert_ne!(with("seed", &["run.seed=2"]).0, fused.0);
    let journal = folder.path().join("fused/journal").display().to_string();
    let replayed = tickrace(&["replay", &journal, "--verify", "--json"]);
    assert_eq!(replayed.code, 0, "{}", replayed.err);
    assert_eq!(replayed.json()["order_digest"], fused.0.as_str());
}

#[test]
fn bars_impact_and_faults_are_the_same_in_every_placement_and_replay() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 200_000);
    let log = folder.path().join("bars.ticks").display().to_string();
    let made = tickrace(&["convert", &day, "--bars", "time:10s", "--out", &log]);
    assert_eq!(made.code, 0, "{}", made.err);
    let idle = "run.idle={ spin_then_yield = { spins = 200 } }";
    let bars = [
        "data.bars={ half_spread_bps = 2.0, touch_share_bps = 1000 }",
        "venue.bars={ volume_share_bps = 2000, late_ms = 1000 }",
        "strategy.top_age_ms_max=120_000",
        "venue.impact={ model = \"spread-power\", base_bps = 5.0, interval_ms = 10_000, window_intervals = 60, average_lots_min = 100 }",
        "venue.faults={ reject_rate = 0.05, partial_fill_rate = 0.2 }",
    ];
    let with = |out: &str, more: &[&str]| {
        let settings: Vec<&str> = bars.iter().copied().chain(more.iter().copied()).collect();
        digest(&log, &folder.path().join(out), &settings)
    };
    let fused = with("fused", &[&placed(FUSED)]);
    assert!(fused.1 > 100, "a day without orders proves nothing, got {}", fused.1);
    for placement in [TWO, FIVE] {
        assert_eq!(with("split", &[&placed(placement), idle]), fused, "{placement}");
    }
    let summary = std::fs::read(folder.path().join("fused/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap();
    assert!(summary["rejects"]["venue_fault"].as_u64().unwrap() > 0, "{}", summary["rejects"]);
    assert!(summary["fills"].as_u64().unwrap() > 0, "bars fill what rests");
    let journal = folder.path().join("fused/journal").display().to_string();
    assert_eq!(tickrace(&["replay", &journal, "--verify"]).code, 0);
}

#[test]
fn latencies_of_a_journal_come_back_as_a_recorded_model() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 10_000);
    let first = folder.path().join("first");
    let constant = ["venue.order_latency_ns=31_000", "venue.response_latency_ns=17_000"];
    let (then, orders) = digest(&day, &first, &constant);
    assert!(orders > 50, "got {orders}");
    let rows = folder.path().join("rows.csv").display().to_string();
    let journal = first.join("journal").display().to_string();
    let taken = tickrace(&["journal-latency", &journal, "--out", &rows, "--json"]);
    assert_eq!(taken.code, 0, "{}", taken.err);
    let json = taken.json();
    assert!(json["rows"].as_u64().unwrap() > 50, "{json}");
    for (key, ns) in [("order_latency_ns", 31_000), ("response_latency_ns", 17_000)] {
        assert_eq!(json[key], serde_json::json!({ "min": ns, "median": ns, "max": ns }), "{key}");
    }
    // Constant latencies, measured and put back, are the same day again.
    let recorded = format!("{{ model = \"recorded\", path = \"{rows}\" }}");
    let [order, response] = ["order", "response"].map(|way| format!("venue.{way}_latency={recorded}"));
    for placement in [FUSED, TWO] {
        let idle = "run.idle={ spin_then_yield = { spins = 200 } }";
        let again = digest(
            &day,
            &folder.path().join("again"),
            &[&order, &response, "venue.order_latency_ns=1", &placed(placement), idle],
        );
        assert_eq!(again.0, then, "{placement}");
    }
    let journal = folder.path().join("again/journal").display().to_string();
    assert_eq!(tickrace(&["replay", &journal, "--verify"]).code, 0);
}

#[test]
fn two_runs_and_both_kinds_of_journal_give_the_same_orders() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 20_000);
    let first = digest(&day, &folder.path().join("first"), &[]);
    let second = digest(&day, &folder.path().join("second"), &["journal.market=copy"]);
    assert_eq!(first, second);
    for name in ["first", "second"] {
        let journal = folder.path().join(name).join("journal").display().to_string();
        let replayed = tickrace(&["replay", &journal, "--verify", "--json"]);
        assert_eq!(replayed.code, 0, "{name}: {}", replayed.err);
        assert_eq!(replayed.json()["order_digest"], first.0.as_str());
    }
}

#[test]
fn a_real_day_replays_to_the_same_orders() {
    let Some(day) = shared("data/ticks/itch/20120621.GOOG_AAPL.derived_ITCH50.gz") else { return };
    let folder = tempdir().unwrap();
    let (fused, orders) =
        digest(&day.display().to_string(), folder.path(), &["instruments.symbols=[\"AAPL\"]"]);
    assert!(orders > 1000, "got {orders}");
    let journal = folder.path().join("journal").display().to_string();
    let replayed = tickrace(&["replay", &journal, "--verify", "--json"]);
    assert_eq!(replayed.code, 0, "{}", replayed.err);
    assert_eq!(replayed.json()["order_digest"], fused.as_str());
}

#[test]
fn two_days_follow_each_other_and_replay() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 6_000);
    let (config, out) = (config("backtest/market_making.toml"), folder.path().display().to_string());
    // The same messages on two dates: the order numbers of the first day come again on the second.
    let files = format!("data.files=[\"{day}\", \"{day}\"]");
    let dates = "data.dates=[\"2026-03-02\", \"2026-03-03\"]";
    let done = tickrace(&["backtest", &config, "--json", "--out", &out, "--set", &files, "--set", dates]);
    assert_eq!(done.code, 0, "{}", done.err);
    let messages = tickrace(&["inspect", &day, "--json"]).json()["messages"].as_u64().unwrap();
    // One record more: the books are emptied between the days.
    assert_eq!(done.json()["events"].as_u64().unwrap(), 2 * messages + 1);
    let journal = folder.path().join("journal").display().to_string();
    assert_eq!(tickrace(&["replay", &journal, "--verify"]).code, 0);
    let backwards = "data.dates=[\"2026-03-03\", \"2026-03-02\"]";
    let done = tickrace(&["backtest", &config, "--out", &out, "--set", &files, "--set", backwards]);
    assert_eq!(done.code, 2, "{}", done.err);
}
