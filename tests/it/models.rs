//! Features and models from end to end: what a policy saw is what the command line writes, and a run repeats.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tempfile::tempdir;
use tickrace_cli::backtest::{market_of, open_data};
use tickrace_cli::{Streams, models, settings};
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::{self, Journals};
use tickrace_desk::config::StrategyConfig;
use tickrace_desk::log_source::View as Reading;
use tickrace_desk::meters::Stamps;
use tickrace_desk::pace::FlatOut;
use tickrace_desk::sim::SimGateway;
use tickrace_desk::stages::send::NoTap;
use tickrace_desk::stages::sequence::Outcome;
use tickrace_desk::street;
use tickrace_exchange::Exchange;
use tickrace_runtime::clock::TscClock;
use tickrace_runtime::kill::KillFlag;
use tickrace_strategy::{ModelPolicy, Policies, Policy, Say, View};
use tickrace_tests::data::{config, shared, small_day};
use tickrace_tests::tickrace;
use tickrace_types::ResponseRecord;

/// All features there are, often.
const FEATURES: &str = r#"sample_ms = 50
feature = [
    { name = "imbalance" },
    { name = "imbalance", of = "orders" },
    { name = "microprice" },
    { name = "spread" },
    { name = "spread", unit = "ticks" },
    { name = "depth" },
    { name = "return", horizon_ms = 1000 },
    { name = "return", horizon_ms = 10_000 },
    { name = "microprice-drift", horizon_ms = 5000 },
    { name = "order-flow-imbalance", window_ms = 10_000, scale = "depth" },
    { name = "order-flow-imbalance", window_ms = 500 },
    { name = "signed-volume", window_ms = 10_000, scale = "share" },
    { name = "signed-volume", window_ms = 10_000 },
    { name = "volume", window_ms = 60_000 },
    { name = "trade-sign" },
    { name = "since-trade" },
    { name = "volatility", window_ms = 60_000, sample_ms = 1000 },
    { name = "bar", bars = "time:10s", of = "return" },
    { name = "bar", bars = "tick:20", of = "vwap" },
    { name = "bar", bars = "dollar:1e5", of = "range" },
]
"#;

/// Time, instrument, touch, which are ready, and the bits of the values.
type Seen = (i64, u32, (i64, i64), u64, Vec<u64>);

/// The model's policy with somebody who looks over its shoulder.
struct Watched(ModelPolicy, Arc<Mutex<Vec<Seen>>>, Vec<i64>);

impl Policy for Watched {
    fn on_record(&mut self, view: &View<'_>) {
        self.0.on_record(view);
    }

    fn on_event(&mut self, view: &View<'_>, say: &mut Say) {
        self.0.on_event(view, say);
        let row = self.0.row(view.id).unwrap();
        // A row is new where its time is that of this event and no row of that time was seen: events of one nanosecond are told
        // apart by the sampling interval, which they share.
        if row.ts_ns == view.now_ns && self.2[view.id.index()] != row.ts_ns {
            self.2[view.id.index()] = row.ts_ns;
            let bits = row.values.iter().map(|value| value.to_bits()).collect();
            self.1.lock().unwrap().push((row.ts_ns, view.id.0, row.touch, row.ready, bits));
        }
    }

    fn on_response(&mut self, view: &View<'_>, response: &ResponseRecord, say: &mut Say) {
        self.0.on_response(view, response, say);
    }

    fn on_timer(&mut self, view: &View<'_>, say: &mut Say) {
        self.0.on_timer(view, say);
    }

    fn warm_up(&mut self, view: &View<'_>) {
        self.0.warm_up(view);
    }
}

/// What the policy saw in a backtest through the whole desk, and the symbols by id.
fn seen_online(path: &Path, overrides: &[String]) -> (Vec<Seen>, Vec<String>) {
    let table = settings::load(path, overrides).unwrap();
    let mut desk: DeskConfig = settings::parse(path, &table).unwrap();
    desk.validate().unwrap();
    models::load(&mut desk, path).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { out: &mut out, err: &mut err, is_json: false, is_watched: false };
    let (sessions, instruments) = open_data(&desk, &mut streams).unwrap();
    let layout = backtest::layout(&desk).unwrap();
    let exchange = Exchange::new(&desk.venue, &instruments, 1 << 14).unwrap();
    let venue = market_of(&desk, &sessions, &instruments, Reading::Venue).unwrap();
    let gateway = SimGateway::new(exchange, venue, desk.venue.response_latency_ns_min(), layout.return_slots);
    let market = market_of(&desk, &sessions, &instruments, Reading::Desk).unwrap();
    let never = |_| false;
    let entry = FlatOut::new(&never);
    let mut parts =
        backtest::parts(&desk, &instruments, market, entry, gateway, NoTap, Journals::default()).unwrap();
    let StrategyConfig::Model(model) = &desk.strategy else { panic!("it is a model") };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let policy = ModelPolicy::new(model, &instruments).unwrap();
    let watched = Watched(policy, Arc::clone(&seen), vec![i64::MIN; instruments.len()]);
    parts.seats[0].policy = Policies::Custom(Box::new(watched));
    let (stamps, kill) = (Stamps::new(TscClock::new()), Arc::new(KillFlag::new()));
    let ran = street::run(parts, &layout, &stamps, &kill).unwrap();
    assert_eq!(ran.outcome, Outcome::Complete);
    assert!(ran.send.orders() > 20, "the policy trades meanwhile, got {}", ran.send.orders());
    let symbols = instruments.as_slice().iter().map(|one| one.symbol.clone()).collect();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    (seen, symbols)
}

fn compare(day: &str, more: &[&str], rows_min: usize) {
    let folder = tempdir().unwrap();
    let (features, parquet) = (folder.path().join("all.toml"), folder.path().join("all.parquet"));
    std::fs::write(&features, FEATURES).unwrap();
    let model = config("backtest/model.toml");
    let mut overrides = vec![
        format!("data.files=[\"{day}\"]"),
        format!("strategy.features={}", features.display()),
        "strategy.enter_bps=0.0".to_owned(),
        "strategy.exit_bps=0.0".to_owned(),
        "strategy.confidence_min=0.0".to_owned(),
        "run.warmup_records=0".to_owned(),
    ];
    overrides.extend(more.iter().map(|text| (*text).to_owned()));
    let (online, symbols) = seen_online(Path::new(&model), &overrides);
    let out = parquet.display().to_string();
    let mut args = vec!["features", model.as_str(), "--json", "--out", out.as_str()];
    args.extend(overrides.iter().flat_map(|text| ["--set", text.as_str()]));
    let done = tickrace(&args);
    assert_eq!(done.code, 0, "{}", done.err);
    let (names, rows) = tickrace_store::features::read(&parquet).unwrap();
    assert_eq!((names.len(), done.json()["rows"].as_u64()), (20, Some(rows.len() as u64)));
    assert!(rows.len() > rows_min, "{} rows prove little", rows.len());
    assert_eq!(rows.len(), online.len());
    for (row, (ts_ns, id, touch, ready, bits)) in rows.iter().zip(&online) {
        let symbol = &symbols[*id as usize];
        assert_eq!((row.ts_ns, &row.symbol, row.touch), (*ts_ns, symbol, *touch));
        for (place, value) in row.values.iter().enumerate() {
            let online = (ready >> place & 1 == 1).then_some(bits[place]);
            assert_eq!(value.map(f64::to_bits), online, "{} of {symbol} at {ts_ns}", names[place]);
        }
    }
    let all_ready = rows.iter().filter(|row| row.values.iter().all(Option::is_some)).count();
    assert!(all_ready * 2 > rows.len(), "{all_ready} of {} rows are whole", rows.len());
}

#[test]
fn what_the_policy_saw_is_what_the_command_line_writes_bit_for_bit() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 60_000);
    compare(&day, &[], 1_000);
}

#[test]
fn the_same_on_a_morning_of_the_exchange() {
    let Some(day) = shared("data/ticks/itch/20120621.GOOG_AAPL.derived_ITCH50.gz") else { return };
    compare(&day.display().to_string(), &["strategy.features.sample_ms=1000"], 10_000);
}

const TWO: &str = r#"run.placement=[["decode","sequence","book","decide"],["gate","send"]]"#;
const FIVE: &str = r#"run.placement=[["decode"],["sequence","book"],["decide"],["gate"],["send"]]"#;
const IDLE: &str = "run.idle={ spin_then_yield = { spins = 200 } }";

#[test]
fn a_model_gives_the_same_orders_in_every_placement_and_another_model_is_noticed_in_replay() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 3, 60_000);
    // A copy, to be altered.
    let model = folder.path().join("model.toml");
    std::fs::copy(config("models/next_ten_seconds.toml"), &model).unwrap();
    let file = config("backtest/model.toml");
    let sets = [
        format!("data.files=[\"{day}\"]"),
        format!("strategy.model.path={}", model.display()),
        "strategy.enter_bps=0.0".to_owned(),
        "strategy.exit_bps=0.0".to_owned(),
        "strategy.confidence_min=0.0".to_owned(),
        "strategy.features.sample_ms=100".to_owned(),
    ];
    let run = |out: &str, more: &[&str]| {
        let out = folder.path().join(out).display().to_string();
        let mut args = vec!["backtest", file.as_str(), "--json", "--out", out.as_str()];
        args.extend(
            sets.iter().map(String::as_str).chain(more.iter().copied()).flat_map(|text| ["--set", text]),
        );
        tickrace(&args)
    };
    let fused = run("fused", &[]);
    assert_eq!(fused.code, 0, "{}", fused.err);
    let fused = fused.json();
    assert!(fused["orders"].as_u64().unwrap() > 100 && fused["fills"].as_u64().unwrap() > 10, "{fused}");
    for placement in [TWO, FIVE] {
        let split = run("split", &[placement, IDLE]);
        assert_eq!(split.json()["order_digest"], fused["order_digest"], "{placement}: {}", split.err);
    }
    let journal = folder.path().join("fused/journal").display().to_string();
    let verify = || tickrace(&["replay", &journal, "--verify", "--json"]);
    let same = verify();
    assert_eq!(same.code, 0, "{}", same.err);
    assert_eq!(same.json()["order_digest"], fused["order_digest"]);
    // One weight in its last digit: no order need change for it to be another model.
    let text = std::fs::read_to_string(&model).unwrap();
    std::fs::write(&model, format!("{text}# another fit\n")).unwrap();
    let other = verify();
    assert_eq!(other.code, 5, "{}", other.err);
    assert!(other.err.contains("model.toml: content hash"), "{}", other.err);
    let moved = folder.path().join("moved.toml");
    std::fs::write(&moved, text).unwrap();
    let set = format!("strategy.model.path={}", moved.display());
    assert_eq!(tickrace(&["replay", &journal, "--verify", "--set", &set]).code, 0);
}

#[test]
fn a_network_trades_as_a_linear_model_does_and_repeats() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 60_000);
    let network = tickrace_tests::data::workspace().join("engine/models/tests/goldens/return.onnx");
    std::fs::copy(network, folder.path().join("return.onnx")).unwrap();
    let model = folder.path().join("network.toml");
    let text = r#"kind = "onnx"
file = "return.onnx"
features = ["imbalance_lots", "microprice_bps", "spread_bps", "return_1000ms", "order_flow_imbalance_10000ms_depth"]
mean = [0.0, 0.0, 5.0, 0.0, 0.0]
deviation = [0.5, 2.0, 5.0, 0.0005, 2.0]
output = "return"
scale = 0.0005
residual_deviation = 0.0005
"#;
    std::fs::write(&model, text).unwrap();
    let file = config("backtest/model.toml");
    let set = [format!("data.files=[\"{day}\"]"), format!("strategy.model.path={}", model.display())];
    let run = |out: &str, more: &[&str]| {
        let out = folder.path().join(out).display().to_string();
        let mut args = vec!["backtest", file.as_str(), "--json", "--out", out.as_str()];
        args.extend(
            set.iter().map(String::as_str).chain(more.iter().copied()).flat_map(|text| ["--set", text]),
        );
        let done = tickrace(&args);
        assert_eq!(done.code, 0, "{}", done.err);
        done.json()
    };
    let fused = run("fused", &[]);
    assert!(fused["orders"].as_u64().unwrap() > 20, "{fused}");
    assert_eq!(run("split", &[TWO, IDLE])["order_digest"], fused["order_digest"]);
    let journal = folder.path().join("fused/journal").display().to_string();
    assert_eq!(tickrace(&["replay", &journal, "--verify"]).code, 0);
    // The hash in the journal covers the network itself.
    let network = folder.path().join("return.onnx");
    let mut bytes = std::fs::read(&network).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&network, bytes).unwrap();
    assert_eq!(tickrace(&["replay", &journal, "--verify"]).code, 5);
}

#[test]
fn a_model_of_other_features_and_files_that_are_not_there_are_named() {
    let file = config("backtest/model.toml");
    let out = tempdir().unwrap();
    let out = out.path().join("x.parquet").display().to_string();
    let refused = |args: &[&str], named: &[&str]| {
        let done = tickrace(args);
        assert_eq!(done.code, 2, "{}", done.err);
        for name in named {
            assert!(done.err.contains(name), "{name}: {}", done.err);
        }
    };
    let none = "strategy.features={ sample_ms = 0, feature = [{ name = \"depth\" }] }";
    refused(
        &["backtest", &file, "--set", none],
        &["next_ten_seconds.toml", "imbalance_lots", "not among strategy.features", "depth_lots"],
    );
    refused(&["backtest", &file, "--set", "strategy.model.path=gone.toml"], &["gone.toml: cannot be read"]);
    refused(&["backtest", &file, "--set", "strategy.features=gone.toml"], &["gone.toml: cannot be read"]);
    let making = config("backtest/market_making.toml");
    refused(&["features", &making, "--out", &out], &["--features"]);
    refused(&["features", "day.itch50", "--out", &out], &["--features"]);
    refused(
        &["features", &file, "--out", &out, "--set", "strategy.features={ sample_ms = 0, feature = [] }"],
        &["feature"],
    );
    // The content that was meant is another: a difference, not a mistake of writing.
    let hash = "strategy.model.blake3=00";
    let done = tickrace(&["backtest", &file, "--set", hash]);
    assert_eq!(done.code, 5, "{}", done.err);
}

#[test]
fn labels_are_the_returns_that_followed() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 1, 30_000);
    let features = folder.path().join("spread.toml");
    std::fs::write(&features, "sample_ms = 0\nfeature = [{ name = \"spread\" }]\n").unwrap();
    let out = folder.path().join("rows.parquet");
    let done = tickrace(&[
        "features",
        &day,
        "--features",
        &features.display().to_string(),
        "--label-ms",
        "500",
        "--label-ms",
        "20000",
        "--out",
        &out.display().to_string(),
    ]);
    assert_eq!(done.code, 0, "{}", done.err);
    let (names, rows) = tickrace_store::features::read(&out).unwrap();
    assert_eq!(names, ["spread_bps", "future_return_500ms", "future_return_20000ms"]);
    // A row at every event: what stood when a label's time came is the last row at or before it.
    let mut told = 0;
    for (place, row) in rows.iter().enumerate() {
        for (column, horizon_ns) in [(1, 500_000_000), (2, 20_000_000_000)] {
            let Some(label) = row.values[column] else { continue };
            let due_ns = row.ts_ns + horizon_ns;
            let to = rows.partition_point(|other| other.ts_ns <= due_ns) - 1;
            let mid = |place: usize| (rows[place].touch.0 + rows[place].touch.1) as f64;
            assert!((label - (mid(to) / mid(place)).ln()).abs() < 1e-15, "row {place}");
            told += 1;
        }
    }
    assert!(told > rows.len(), "{told} labels of {} rows", rows.len());
}
