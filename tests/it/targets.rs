//! From a system to fills: targets as records, heard through the sequencer, followed by orders that pass order management, the
//! gate and the simulated exchange, until positions are where they are to be or it is said why not.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::{TempDir, tempdir};
use tickrace_cli::targets::{TARGETS, TargetsHead, read};
use tickrace_journal::{Entry, Reader, Writer, WriterConfig};
use tickrace_stats::rng::Rng;
use tickrace_store::read_frame;
use tickrace_tests::data::{config, shared, small_day};
use tickrace_tests::{Done, tickrace};
use tickrace_types::{Kind, OrderRecord, Price, ResponseKind, Side, TargetReason, TargetRecord};

const REFERENCE: &str = "reference/pysystemtrade";
const FUSED: &str = r#"run.placement=[["decode","sequence","book","decide","gate","send"]]"#;
const SPLIT: &str = r#"run.placement=[["decode","sequence"],["book"],["decide"],["gate","send"]]"#;
const YIELD: &str = "run.idle={ spin_then_yield = { spins = 200 } }";
const DAY_NS: i64 = 86_400_000_000_000;

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Writes a log of targets as `systematic targets` does.
fn log(folder: &Path, instruments: &[&str], targets: &[TargetRecord]) -> PathBuf {
    let out = folder.join("targets");
    let mut writer = Writer::create(&out, TARGETS, WriterConfig::default()).unwrap();
    targets.iter().for_each(|target| writer.append(target.as_record()));
    writer.finish().unwrap();
    let head = TargetsHead {
        kind: TARGETS.to_owned(),
        version: 1,
        build: "a test".to_owned(),
        config: "none".to_owned(),
        config_blake3: String::new(),
        base_currency: "USD".to_owned(),
        capital: 1e6,
        percentage_vol_target: 20.0,
        from: "2026-02-27".to_owned(),
        to: "2026-02-27".to_owned(),
        instruments: instruments.iter().map(|name| (*name).to_owned()).collect(),
        records: targets.len() as u64,
    };
    tickrace_journal::write_head(&out, &serde_json::to_vec(&head).unwrap()).unwrap();
    out
}

/// A target of whole contracts that rests on the prices of 2026-02-27, a Friday.
fn friday(instrument: u32, contracts: i32, reference: f64) -> TargetRecord {
    let mut target = TargetRecord {
        target_lots: contracts,
        low_lots: contracts,
        high_lots: contracts,
        reference_px: Price::from_f64(reference).unwrap().0,
        ..TargetRecord::default()
    };
    let header = &mut target.header;
    (header.kind, header.version, header.instrument) = (Kind::Target as u8, 1, instrument);
    // 2026-02-28 00:00 UTC: 20,512 days after the epoch.
    (header.ts_venue_ns, header.ts_recv_ns) = (20_512 * DAY_NS, 20_512 * DAY_NS);
    target
}

const SHARES: &str = r#"
limits = "LIMITS"
[run]
seed = 1
timer_ms = 1000
[data]
files = ["DAY"]
feed_latency_ns = 20_000
[instruments]
symbols = ["SAAA", "SAAB"]
[strategy]
kind = "target"
style = STYLE
order_qty_max_lots = 400
position_max_lots = 1500
cross_max_ticks = 3
spread_max_bps = 100
reference_away_max_bps = 1000
top_age_max_ms = 600_000
target_age_max_h = 96
refusals_max_count = 5
retry_ms = 1000
[[targets]]
file = "TARGETS"
at = "10:00:00"
instruments = [
    { instrument = "ONE", symbol = "SAAA", lots_per_contract = 100 },
    { instrument = "TWO", symbol = "SAAB", lots_per_contract = 50 },
]
[venue]
order_latency_ns = 100_000
response_latency_ns = 100_000
open_orders_max = 64
hidden_through_fills = true
[venue.fees]
maker_per_lot_nanos = 0
taker_per_lot_nanos = 3_000_000
maker_bps_milli = 0
taker_bps_milli = 0
[journal]
segment_bytes = 1_048_576
"#;

/// A day of shares with twelve contracts of one to buy and seven of the other to sell short, and its configuration.
fn shares(style: &str, targets: &[TargetRecord]) -> (TempDir, String) {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 3, 60_000);
    let targets = log(folder.path(), &["ONE", "TWO"], targets);
    // The day has quiet minutes: the gate is as patient as the strategy.
    let limits = std::fs::read_to_string(config("limits/us_equity.toml")).unwrap();
    let patient = limits.replace("book_age_max_ms = 5000", "book_age_max_ms = 600_000");
    assert_ne!(limits, patient);
    std::fs::write(folder.path().join("limits.toml"), patient).unwrap();
    let words = SHARES
        .replace("LIMITS", "limits.toml")
        .replace("DAY", &day)
        .replace("STYLE", style)
        .replace("TARGETS", &text(&targets));
    let path = folder.path().join("config.toml");
    std::fs::write(&path, words).unwrap();
    let path = text(&path);
    (folder, path)
}

/// Runs a configuration, and gives where positions stand against targets and what is told.
fn run(config: &str, out: &Path, more: &[&str]) -> (Vec<Value>, Value, Done) {
    let out = text(out);
    let mut args = vec!["backtest", config, "--json", "--out", &out];
    args.extend(more.iter().flat_map(|setting| ["--set", *setting]));
    let done = tickrace(&args);
    assert_eq!(done.code, 0, "{}", done.err);
    let rows = std::fs::read(Path::new(&out).join("targets.json")).unwrap();
    let summary = done.json();
    (serde_json::from_slice(&rows).unwrap(), summary, done)
}

fn verified(out: &Path) {
    let replayed = tickrace(&["replay", &text(&out.join("journal")), "--verify"]);
    assert!(replayed.code == 0 && replayed.out.contains("every order is identical"), "{}", replayed.err);
}

fn orders(out: &Path) -> Vec<OrderRecord> {
    let outbound = Reader::open(&out.join("journal"), "outbound").unwrap();
    let order = |entry: Entry<'_>| match entry {
        Entry::Order(order) => Some(*order),
        _ => None,
    };
    outbound.iter().filter_map(order).collect()
}

const BOTH: fn() -> [TargetRecord; 2] = || [friday(0, 12, 106.7), friday(1, -7, 180.8)];

#[test]
fn every_style_brings_positions_to_their_targets_the_same_way_in_every_placement_and_in_replay() {
    let slices = "{ kind = \"slices\", window_ms = 3_600_000, count = 6 }";
    for style in [
        "{ kind = \"marketable\" }",
        "{ kind = \"passive\", cross_after_ms = 1_800_000 }",
        "{ kind = \"passive\", cross_after_ms = 0 }",
        slices,
    ] {
        let (folder, config) = shares(style, &BOTH());
        let out = folder.path().join("fused");
        let (rows, summary, done) = run(&config, &out, &[FUSED]);
        for (row, wanted) in rows.iter().zip([1200, -350]) {
            assert_eq!(row["position_lots"], wanted, "{style}: {row}");
            assert_eq!(row["standing"], "at the target", "{style}: {row}");
        }
        assert!(rows.len() == 2 && done.err.contains("1200 lots of 1200: at the target"), "{}", done.err);
        // 1200 lots in orders of 400 at the most, and the rest: nothing comes of nothing.
        let sent = orders(&out);
        assert!(sent.len() >= 4 && sent.iter().all(|order| order.qty <= 400), "{style}: {}", sent.len());
        if style == slices {
            // 200 lots every ten minutes: nothing of the sixth part before its time.
            let begin = sent.iter().map(|order| order.header.ts_recv_ns).min().unwrap();
            let last = sent.iter().map(|order| order.header.ts_recv_ns).max().unwrap();
            assert!(last - begin >= 3_000_000_000_000, "{} s", (last - begin) / 1_000_000_000);
            assert!(sent.iter().all(|order| order.qty <= 200));
        }
        verified(&out);
        let (split_rows, split, _) = run(&config, &folder.path().join("split"), &[SPLIT, YIELD]);
        assert_eq!((&split["order_digest"], split_rows), (&summary["order_digest"], rows), "{style}");
    }
}

#[test]
fn the_targets_a_run_heard_are_in_its_journal_before_the_orders_they_caused() {
    let (folder, config) = shares("{ kind = \"marketable\" }", &BOTH());
    let out = folder.path().join("out");
    run(&config, &out, &[]);
    let inbound = Reader::open(&out.join("journal"), "inbound").unwrap();
    let heard: Vec<TargetRecord> = inbound
        .iter()
        .filter_map(|entry| match entry {
            Entry::Small(record) if record.header.kind == Kind::Target as u8 => {
                Some(*TargetRecord::of(record))
            }
            _ => None,
        })
        .collect();
    let lots: Vec<(u32, i32)> = heard.iter().map(|one| (one.header.instrument, one.target_lots)).collect();
    assert_eq!(lots, [(0, 1200), (1, -350)]);
    // Ten o'clock in New York on Monday, 2 March 2026: 15:00 UTC, before the change of clocks.
    assert!(heard.iter().all(|one| one.header.ts_recv_ns == (20_514 * 24 + 15) * 3_600_000_000_000));
    let first = orders(&out)[0];
    assert_eq!(first.cause_seq, heard[0].header.seq, "the first order leaves on the target itself");
}

/// Ticks to bars, to prices, to a target after each bar, to orders in the same ticks: each target is heard when its bar closes, and
/// at the end is held what the system wants.
#[test]
fn targets_after_each_bar_are_heard_at_its_close_and_held() {
    let (folder, _) = shares("{ kind = \"marketable\" }", &BOTH());
    let at = |name: &str| text(&folder.path().join(name));
    let done = |args: &[&str]| {
        let done = tickrace(args);
        assert_eq!(done.code, 0, "{args:?}: {}", done.err);
    };
    let day = at("day.2026-03-02.itch50");
    done(&["convert", &day, "--bars", "time:300s", "--out", &at("bars")]);
    done(&["systematic", "bars", &at("bars"), "--out", &at("prices")]);
    let intraday = config("systematic/intraday.toml");
    let two = "instrument_weights={SAAA=0.5,SAAB=0.5}";
    let capital = "notional_trading_capital=20000";
    let system =
        ["systematic", "targets", &intraday, "--data", &at("prices"), "--set", two, "--set", capital];
    done(&[&system[..], &["--from", "2026-03-02", "--out", &at("wanted")]].concat());
    let (head, targets) = read(&folder.path().join("wanted")).unwrap();
    assert_eq!(head.instruments, ["SAAA", "SAAB"]);
    let bars = read_frame(&folder.path().join("prices/adjusted_SAAA.parquet")).unwrap();
    let closes: Vec<i64> = targets
        .iter()
        .filter(|target| target.header.instrument == 0)
        .map(|target| target.header.ts_recv_ns)
        .collect();
    // Before its first price an instrument has no target; from then on one after each bar of any of the two.
    assert!(bars.at_ns.iter().all(|close| closes.contains(close)), "{closes:?}");
    let moves = targets.windows(4).filter(|four| four[0].target_lots != four[2].target_lots).count();
    assert!(moves > 5, "the system moves: {moves}");

    let inspected = tickrace(&["inspect", &at("wanted"), "--json"]).json();
    let last = targets.iter().rfind(|target| target.header.instrument == 1).unwrap();
    assert_eq!(inspected["format"], "targets");
    assert_eq!(inspected["instruments"][1]["target"], last.target_lots, "{inspected}");
    assert!(tickrace(&["inspect", &at("wanted")]).out.contains("SAAB"));
    // As it is shipped, for these symbols and this log.
    let words = std::fs::read_to_string(config("backtest/target_within_day.toml")).unwrap();
    let words = words.replace("AAPL", "SAAA").replace("GOOG", "SAAB").replace("out/targets", &at("wanted"));
    let desk = at("within_day.toml");
    std::fs::write(&desk, words.replace("../limits/us_equity.toml", &at("limits.toml"))).unwrap();
    let files = format!("data.files=[\"{day}\"]");
    let timed = at("timed.toml");
    let words = std::fs::read_to_string(&desk).unwrap().replace("at = \"close\"", "at = \"10:00:00\"");
    std::fs::write(&timed, words).unwrap();
    let done = tickrace(&["backtest", &timed, "--out", &at("no"), "--set", &files]);
    assert!(done.code == 2 && done.err.contains("say at = \"close\""), "{}", done.err);
    let out = folder.path().join("out");
    let (rows, summary, _) = run(&desk, &out, &[&files]);
    // What is held at the end is what the last bar before the close of trading, at 21:00 UTC, asked for; later ones find no market.
    let close_ns = (20_514 * 24 + 21) * 3_600_000_000_000;
    for (place, row) in rows.iter().enumerate() {
        let mut own = targets.iter().rev().filter(|target| target.header.instrument as usize == place);
        assert_eq!(row["target_lots"], own.next().unwrap().target_lots, "{row}");
        let last = own.find(|target| target.header.ts_recv_ns < close_ns).unwrap();
        assert_eq!(row["position_lots"], last.target_lots, "{row}");
    }
    let inbound = Reader::open(&out.join("journal"), "inbound").unwrap();
    let told: Vec<(u32, i32, i64)> = inbound
        .iter()
        .filter_map(|entry| match entry {
            Entry::Small(record) if record.header.kind == Kind::Target as u8 => {
                Some(*TargetRecord::of(record))
            }
            _ => None,
        })
        .map(|target| (target.header.instrument, target.target_lots, target.header.ts_recv_ns))
        .collect();
    let written = targets.iter().map(|one| (one.header.instrument, one.target_lots, one.header.ts_recv_ns));
    assert_eq!(told, written.collect::<Vec<_>>(), "each is heard, when its bar closes");
    let sent = orders(&out);
    assert!(sent.len() > 10 && summary["fills"] != 0, "{}", sent.len());
    verified(&out);
    let (_, split, _) = run(&desk, &folder.path().join("split"), &[&files, SPLIT, YIELD]);
    assert_eq!(split["order_digest"], summary["order_digest"]);
    let journal = tickrace(&["inspect", &text(&out.join("journal"))]);
    assert!(journal.code == 2 && journal.err.contains("the journal of a run"), "{}", journal.err);
}

#[test]
fn what_keeps_a_position_from_its_target_is_said() {
    let style = "{ kind = \"marketable\" }";
    let (folder, config) = shares(style, &BOTH());
    for (setting, standing, lots) in [
        ("strategy.position_max_lots=900", "at position_max_lots", 900),
        ("strategy.target_age_max_h=12", "older than target_age_max_h", 0),
        ("strategy.spread_max_bps=0", "wider than spread_max_bps", 0),
        ("limits.instrument.order_qty_max_lots=100", "refused more than refusals_max_count times", 0),
    ] {
        let out = folder.path().join("out");
        let (rows, _, _) = run(&config, &out, &[setting]);
        let said = rows[0]["standing"].as_str().unwrap();
        assert!(said.contains(standing) && rows[0]["position_lots"] == lots, "{setting}: {}", rows[0]);
        verified(&out);
    }
    let (rows, _, _) =
        run(&config, &folder.path().join("out"), &["limits.instrument.order_qty_max_lots=100"]);
    assert_eq!(rows[0]["refusal"], "gate: order_quantity");
    // The day is over before the hundredth of a hundred slices.
    let slices = "strategy.style={ kind = \"slices\", window_ms = 86_400_000, count = 100 }";
    let (rows, _, _) = run(&config, &folder.path().join("out"), &[slices]);
    assert_eq!(rows[0]["standing"], "on its way when the session ended");
    // Prices of another contract, or of another time.
    let (folder, config) = shares(style, &[friday(0, 12, 125.0), friday(1, -7, 180.8)]);
    let (rows, _, _) = run(&config, &folder.path().join("out"), &[]);
    assert!(
        rows[0]["standing"].as_str().unwrap().contains("further from the reference price"),
        "{}",
        rows[0]
    );
    assert_eq!((&rows[0]["position_lots"], &rows[1]["position_lots"]), (&0.into(), &(-350).into()));
}

#[test]
fn a_position_held_before_counts_and_within_the_buffer_nothing_is_done() {
    let mut targets = BOTH();
    // From two to twelve contracts, of which 500 lots are held; and a short position to turn.
    (targets[0].low_lots, targets[0].target_lots) = (2, 6);
    let (folder, config) = shares("{ kind = \"marketable\" }", &targets);
    let opening = "opening=[{ symbol = \"SAAA\", lots = 500, price_nanos = 106_700_000_000 }, \
        { symbol = \"SAAB\", lots = 200, price_nanos = 180_800_000_000 }]";
    let out = folder.path().join("out");
    let (rows, _, _) = run(&config, &out, &[opening, "strategy.aim=\"edge\""]);
    assert_eq!((&rows[0]["position_lots"], &rows[1]["position_lots"]), (&500.into(), &(-350).into()));
    let sent = orders(&out);
    assert!(
        sent.iter().all(|order| order.header.instrument == 1 && Side::from_code(order.side) == Side::Ask)
    );
    let (rows, _, _) = run(&config, &out, &[opening]);
    assert_eq!(rows[0]["position_lots"], 600);
}

#[test]
fn a_target_heard_while_the_desk_is_killed_is_followed_once_it_is_re_armed() {
    let (folder, config) = shares("{ kind = \"marketable\" }", &BOTH());
    let words = "operator=[{ at = \"09:50:00\", command = \"kill\" }, \
        { at = \"11:30:00\", command = \"rearm-request\", ticket = 1 }, \
        { at = \"11:31:00\", command = \"rearm-confirm\", ticket = 1 }]";
    let out = folder.path().join("out");
    let (rows, _, _) = run(&config, &out, &["operators={ signatures = \"simulated\" }", words]);
    assert!(rows.iter().all(|row| row["is_at_target"] == true), "{rows:?}");
    // 11:31 in New York on that day is 16:31 UTC.
    let armed_ns = (20_514 * 24 * 60 + 16 * 60 + 31) * 60_000_000_000;
    assert!(orders(&out).iter().all(|order| order.header.ts_recv_ns >= armed_ns));
    verified(&out);
}

#[test]
fn a_log_that_does_not_fit_or_is_no_log_is_refused_with_what_would() {
    let (folder, config) = shares("{ kind = \"marketable\" }", &BOTH());
    let told = |setting: &str| {
        let out = text(&folder.path().join("out"));
        let done = tickrace(&["backtest", &config, "--out", &out, "--set", setting]);
        (done.code, done.err)
    };
    let targets = text(&folder.path().join("targets"));
    let of = |instruments: &str, more: &str| {
        format!(
            "targets=[{{ file = \"{targets}\", at = \"10:00:00\", instruments = [{instruments}]{more} }}]"
        )
    };
    let one = "{ instrument = \"ONE\", symbol = \"SAAA\", lots_per_contract = 1 }";
    for (setting, code, word) in [
        (of(one, ""), 2, "nothing is traded for TWO"),
        (of("{ instrument = \"ONE\", symbol = \"SAAA\" }", ""), 2, "lots_per_contract"),
        (of("{ instrument = \"ONE\", symbol = \"SAAA\", lots_per_contract = 0 }", ""), 2, "must be positive"),
        (of(&one.replace("ONE", "SIX"), ", unmapped = \"ignore\""), 2, "it has no SIX; it has: ONE TWO"),
        (
            of(&one.replace("SAAA", "ZZZZ"), ", unmapped = \"ignore\""),
            2,
            "ZZZZ is not among the run's instruments",
        ),
        (of(&format!("{one}, {one}"), ""), 2, "stands twice"),
        (of(one, ", colour = 1"), 2, "colour"),
        (of("", ""), 2, "name at least one"),
        (of(one, ", unmapped = \"ignore\"").replace("10:00:00", "ten"), 2, "at"),
        ("targets=[]".to_owned(), 2, "needs [[targets]]"),
        ("run.timer_ms=0".to_owned(), 2, "run.timer_ms"),
        ("strategy.retry_ms=0".to_owned(), 2, "retry_ms"),
        (of(one, "").replace(&targets, "nowhere"), 3, "nowhere"),
    ] {
        let (got, said) = told(&setting);
        assert!(got == code && said.contains(word), "{setting}: {got} {said}");
    }
    for key in ["order_qty_max_lots", "position_max_lots", "target_age_max_h", "style"] {
        let words = std::fs::read_to_string(&config).unwrap();
        let kept: Vec<&str> = words.lines().filter(|line| !line.starts_with(&format!("{key} ="))).collect();
        let path = text(&folder.path().join("less.toml"));
        std::fs::write(&path, kept.join("\n")).unwrap();
        let done = tickrace(&["backtest", &path, "--out", &text(&folder.path().join("out"))]);
        assert!(done.code == 2 && done.err.contains(key), "{key}: {} {}", done.code, done.err);
    }
    // A record that contradicts itself, a byte that is not what was written, a head that was never written.
    let other = tempdir().unwrap();
    let unsound = TargetRecord { low_lots: 99, ..friday(0, 1, 100.0) };
    let bad = log(other.path(), &["ONE"], &[unsound]);
    assert!(read(&bad).unwrap_err().to_string().contains("contradicts itself"));
    let segment = folder.path().join("targets/targets-000000.tj");
    let mut bytes = std::fs::read(&segment).unwrap();
    let place =
        bytes.windows(8).rposition(|bytes| bytes == friday(1, -7, 180.8).reference_px.to_le_bytes()).unwrap();
    bytes[place] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    let (records, _) = (read(&folder.path().join("targets")), ());
    assert!(records.is_err(), "an altered record is not believed");
    std::fs::remove_file(folder.path().join("targets/head.json")).unwrap();
    let (code, said) = told("run.seed=2");
    assert!(code == 3 && said.contains("head.json"), "{code} {said}");
}

/// A small world of futures: prices of some hundred days, and bars made of them.
struct Futures {
    folder: TempDir,
    names: [&'static str; 2],
    /// Days since the epoch of the business days, and the prices of each instrument on them.
    days: Vec<i64>,
    prices: [Vec<f64>; 2],
}

const DAYS: usize = 420;

impl Futures {
    fn new() -> Self {
        let mut rng = Rng::new(11);
        let names = ["CORN", "US10"];
        // From Monday, 2 January 2023, which is day 19,359.
        let days: Vec<i64> =
            (0..).map(|day| 19_359 + day).filter(|day| (day - 19_359) % 7 < 5).take(DAYS).collect();
        let mut walk = |from: f64, step: f64| -> Vec<f64> {
            let mut price = from;
            let next = |_| {
                price += step * (rng.uniform() - 0.49).mul_add(8.0, 0.0).round();
                price
            };
            (0..DAYS).map(next).collect()
        };
        let prices = [walk(500.0, 0.5), walk(110.0, 0.125)];
        let world = Self { folder: tempdir().unwrap(), names, days, prices };
        world.write();
        world
    }

    fn day(&self, place: usize) -> String {
        tickrace_cli::systematic::data::date(self.days[place] * DAY_NS)
    }

    fn write(&self) {
        let put = |name: &str, text: &str| std::fs::write(self.folder.path().join(name), text).unwrap();
        put(
            "instruments.csv",
            "Instrument,Description,Pointsize,Currency,AssetClass,PerBlock,Percentage,PerTrade,Region,HoldRollCycle,\
             RollOffsetDays,CarryOffset,PricedRollCycle,ExpiryOffset,SpreadCost\n\
             CORN,corn,50,USD,Ags,2.9,0,0,US,HKNUZ,-20,-1,HKNUZ,15,0.25\n\
             US10,bond,1000,USD,Bond,1.5,0,0,US,HMUZ,-10,1,HMUZ,20,0.01\n",
        );
        let mut bars = "time,symbol,open,high,low,close,volume\n".to_owned();
        for place in DAYS - 90..DAYS {
            for (name, prices) in self.names.iter().zip(&self.prices) {
                let (open, close) = (prices[place.saturating_sub(1)], prices[place]);
                let (high, low) = (open.max(close), open.min(close));
                writeln!(bars, "{}T22:00:00Z,{name},{open},{high},{low},{close},2000", self.day(place))
                    .unwrap();
            }
        }
        put("bars.csv", &bars);
        for (name, prices) in self.names.iter().zip(&self.prices) {
            let (mut adjusted, mut multiple) = (
                "DATETIME,price\n".to_owned(),
                "DATETIME,CARRY,CARRY_CONTRACT,PRICE,PRICE_CONTRACT,FORWARD,FORWARD_CONTRACT\n".to_owned(),
            );
            for (place, price) in prices.iter().enumerate() {
                writeln!(adjusted, "{} 23:00:00,{price}", self.day(place)).unwrap();
                writeln!(multiple, "{} 23:00:00,,20250300,{price},20241200,,20250300", self.day(place))
                    .unwrap();
            }
            put(&format!("adjusted_{name}.csv"), &adjusted);
            put(&format!("multiple_{name}.csv"), &multiple);
        }
        put(
            "system.toml",
            "notional_trading_capital = 250_000\npercentage_vol_target = 20.0\ninstrument_div_multiplier = 1.2\n\
             [instrument_weights]\nCORN = 0.5\nUS10 = 0.5\n\
             [trading_rules.breakout]\nfunction = \"breakout\"\ndata = [\"daily_prices\"]\nother_args = { lookback = 20 }\n\
             forecast_scalar = 0.7\n",
        );
    }

    fn path(&self, name: &str) -> String {
        text(&self.folder.path().join(name))
    }
}

/// The configuration for daily bars, with these targets and bars.
fn daily(folder: &Path, targets: &str, bars: &str) -> String {
    let words = std::fs::read_to_string(config("backtest/target.toml")).unwrap();
    let words = words
        .replace("out/targets\"", &format!("{targets}\""))
        .replace("../limits/futures_daily.toml", &config("limits/futures_daily.toml"))
        .replace("files = []", &format!("files = [\"{bars}\"]"));
    let path = folder.join("target.toml");
    std::fs::write(&path, words).unwrap();
    text(&path)
}

/// Fills of a journal: time, instrument, signed lots, price.
fn fills(out: &Path) -> Vec<(i64, usize, i64, i64)> {
    let inbound = Reader::open(&out.join("journal"), "inbound").unwrap();
    let fill = |entry: Entry<'_>| match entry {
        Entry::Response(response) if response.response() == Some(ResponseKind::Fill) => {
            let sign = if response.side() == Side::Bid { 1 } else { -1 };
            let header = response.header;
            Some((header.ts_venue_ns, header.instrument as usize, sign * response.qty, response.price))
        }
        _ => None,
    };
    inbound.iter().filter_map(fill).collect()
}

/// Held at the close of each day, of an instrument.
fn held(fills: &[(i64, usize, i64, i64)], instrument: usize, by_ns: i64) -> i64 {
    let before = fills.iter().filter(|fill| fill.0 <= by_ns && fill.1 == instrument);
    before.map(|fill| fill.2).sum()
}

#[test]
fn a_system_is_traded_from_prices_to_positions_day_by_day() {
    let world = Futures::new();
    let targets = world.path("targets");
    let from = world.day(DAYS - 80);
    let done = tickrace(&[
        "systematic",
        "targets",
        &world.path("system.toml"),
        "--data",
        &world.path(""),
        "--from",
        &from,
        "--out",
        &targets,
    ]);
    assert_eq!(done.code, 0, "{}", done.err);
    let mapping = config("columns/daily_bars.toml");
    let bars = world.path("bars.ticks");
    let done = tickrace(&["convert", &world.path("bars.csv"), "--mapping", &mapping, "--out", &bars]);
    assert_eq!(done.code, 0, "{}", done.err);
    let config = daily(world.folder.path(), &targets, &bars);
    let only = "instruments.symbols=[\"CORN\", \"US10\"]";
    let listed = format!(
        "targets=[{{ file = \"{targets}\", at = \"22:30:00\", instruments = [{{ instrument = \"CORN\", symbol = \"CORN\", \
         lots_per_contract = 1 }}, {{ instrument = \"US10\", symbol = \"US10\", lots_per_contract = 2 }}] }}]"
    );
    let out = world.folder.path().join("out");
    let (rows, summary, _) = run(&config, &out, &[only, &listed]);
    assert!(rows.len() == 2 && rows.iter().all(|row| row["is_at_target"] == true), "{rows:?}");
    // Every day: what the CSV wants after the prices of the day before is held after the bar of this day. Targets were heard
    // half an hour after the bar, and traded within seconds.
    let fills = fills(&out);
    let csv = std::fs::read_to_string(world.folder.path().join("targets/targets.csv")).unwrap();
    let mut changes = 0;
    let mut judged = 0;
    for line in csv.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let place = (0..DAYS).find(|place| world.day(*place) == cells[0]).unwrap();
        let Some(next) = world.days.get(place + 1) else { continue };
        let id = world.names.iter().position(|name| *name == cells[1]).unwrap();
        let wanted = cells[2].parse::<i64>().unwrap() * [1, 2][id];
        // Friday's is heard on Saturday on a touch too old to trade on, and traded on Monday's bar, as every day's at last.
        let by_ns = next * DAY_NS + 23 * 3_600_000_000_000;
        // Of the last day the bar is there, but nothing after it at which its word could be heard.
        if place + 2 >= DAYS && world.days[place] % 7 != 1 {
            continue;
        }
        assert_eq!(held(&fills, id, by_ns), wanted, "{line}");
        judged += 1;
        changes += i64::from(held(&fills, id, by_ns - DAY_NS) != wanted);
    }
    assert!(judged > 140 && changes > 10, "{judged} days with {changes} changes prove too little");
    // Profit worked out again from closes and what was held: less what fills lay off the close, which is the half spread of a
    // hundredth of a per cent and at most a tick of rounding on each, and half of that again for the mark at the end.
    let (points, ticks) = ([50.0, 1_000.0], [0.125, 0.0078125]);
    let (mut ideal, mut spread) = (0.0, 0.0);
    for (id, prices) in world.prices.iter().enumerate() {
        for place in 0..DAYS - 1 {
            let lots = held(&fills, id, world.days[place] * DAY_NS + 23 * 3_600_000_000_000);
            ideal += lots as f64 * (prices[place + 1] - prices[place]) * points[id];
        }
        for (_, _, lots, price) in fills.iter().filter(|fill| fill.1 == id) {
            spread += lots.abs() as f64 * (Price(*price).to_f64() * 1e-4 + ticks[id]) * points[id];
        }
    }
    let told = summary["gross_pnl"].as_f64().unwrap();
    assert!(
        spread > 0.0 && told < ideal && told > ideal - 1.5 * spread,
        "{told} of {ideal}, spread {spread}"
    );
    assert!(ideal.abs() > 1.8 * spread, "a profit of {ideal} beside a spread of {spread} proves nothing");
    verified(&out);
    let (split_rows, split, _) =
        run(&config, &world.folder.path().join("split"), &[only, &listed, SPLIT, YIELD]);
    assert_eq!((&split["order_digest"], split_rows), (&summary["order_digest"], rows));
}

#[test]
fn targets_are_what_the_reference_held_on_that_day() {
    let Some(folder) = shared(REFERENCE) else { return };
    let own = tempdir().unwrap();
    let golden = read_frame(&folder.join("systemA_ch15_fixed/buffered_positions.parquet")).unwrap();
    let system = config("systematic/chapter15.toml");
    let inputs = text(&folder.join("inputs"));
    let mut compared = 0;
    for row in [golden.len() - 1, golden.len() - 250, golden.len() / 2] {
        let date = tickrace_cli::systematic::data::date(golden.at_ns[row]);
        let out = own.path().join(&date);
        let args = [
            "systematic",
            "targets",
            &system,
            "--data",
            &inputs,
            "--date",
            &date,
            "--out",
            &text(&out),
            "--json",
        ];
        let done = tickrace(&args);
        assert_eq!(done.code, 0, "{}", done.err);
        let (head, records) = read(&out).unwrap();
        assert_eq!(
            (head.capital, head.base_currency.as_str(), head.to.as_str()),
            (250_000.0, "USD", date.as_str())
        );
        let json = done.json();
        for (record, told) in records.iter().zip(json["targets"].as_array().unwrap()) {
            let name = &head.instruments[record.header.instrument as usize];
            let wanted = golden.column(name).unwrap()[row];
            assert_eq!(
                f64::from(record.target_lots),
                if wanted.is_nan() { 0.0 } else { wanted },
                "{name} {date}"
            );
            assert_eq!(told["target"].as_f64().unwrap(), f64::from(record.target_lots));
            assert_eq!(told["instrument"], name.as_str());
            assert!(record.is_sound() && record.reason() != TargetReason::Untold);
            compared += 1;
        }
    }
    assert!(compared >= 12, "{compared}");
}

#[test]
fn a_date_outside_the_data_or_no_date_is_refused() {
    let world = Futures::new();
    let (system, data, out) = (world.path("system.toml"), world.path(""), world.path("t"));
    let told = |more: &[&str]| {
        let args = [&["systematic", "targets", &system, "--data", &data, "--out", &out], more].concat();
        let done = tickrace(&args);
        (done.code, done.err)
    };
    for (more, code, word) in [
        (["--date", "2030-01-01"], 2, "the data end with"),
        (["--date", "1970-01-05"], 3, "begin later"),
        (["--date", "yesterday"], 2, "YYYY-MM-DD"),
        (["--from", "2031-01-01"], 2, "--from: the data end with"),
    ] {
        let (got, said) = told(&more);
        assert!(got == code && said.contains(word), "{more:?}: {got} {said}");
    }
    assert_eq!(told(&[]).0, 0);
    let (code, said) = told(&[]);
    assert!(code == 2 && said.contains("exists already"), "{said}");
}

/// Five years of the reference's prices: what fills at the simulated venue earn is what the system's own account says, which is
/// held to the reference elsewhere.
#[test]
fn five_years_of_fills_earn_what_the_systems_own_account_has() {
    let Some(inputs) = shared(&format!("{REFERENCE}/inputs")) else { return };
    let inputs = text(&inputs);
    let system = config("systematic/chapter15.toml");
    let folder = tempdir().unwrap();
    let path = |name: &str| text(&folder.path().join(name));
    let from = "2018-09-04";
    let args =
        ["systematic", "targets", &system, "--data", &inputs, "--from", from, "--out", &path("targets")];
    assert_eq!(tickrace(&args).code, 0);
    // Smallest price step and money for a point, as the configuration has them.
    let markets = [
        ("SOFR", 0.0025, 2_500.0),
        ("US10", 0.0078125, 1_000.0),
        ("MXP", 5e-6, 500_000.0),
        ("CORN", 0.125, 50.0),
    ];
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut accounts = Vec::new();
    for (name, tick, _) in markets {
        let args = [
            "systematic",
            "stage",
            &system,
            "--data",
            &inputs,
            "--instrument",
            name,
            "--stage",
            "daily_price",
            "--stage",
            "pnl_pct_gross",
            "--last",
            "1304",
            "--json",
        ];
        let told = tickrace(&args).json();
        let (dates, columns) = (told["date"].as_array().unwrap(), &told["columns"]);
        let mut before = None;
        let mut account = 0.0;
        for (place, date) in dates.iter().enumerate() {
            let date = date.as_str().unwrap();
            // The first target fills at the close of the day after its own, and earns from the next day on.
            if date > "2018-09-05" {
                account += columns["pnl_pct_gross"][place].as_f64().unwrap_or(0.0) / 100.0 * 250_000.0;
            }
            // On a holiday the account has the price of the day before: a bar at that price stands for it.
            let close = columns["daily_price"][place].as_f64().map(|close| (close / tick).round() * tick);
            let Some(close) = close.or(before) else { continue };
            let open: f64 = before.unwrap_or(close);
            let (high, low) = (open.max(close), open.min(close));
            let bar = format!("{date}T22:00:00Z,{name},{open:.9},{high:.9},{low:.9},{close:.9},100000");
            rows.push((date.to_owned(), bar));
            before = Some(close);
        }
        accounts.push(account);
    }
    rows.sort_by(|left, right| left.0.cmp(&right.0));
    let bars: Vec<&str> = rows.iter().map(|row| row.1.as_str()).collect();
    let words = format!("time,symbol,open,high,low,close,volume\n{}\n", bars.join("\n"));
    std::fs::write(folder.path().join("bars.csv"), words).unwrap();
    let mapping = config("columns/daily_bars.toml");
    assert_eq!(
        tickrace(&["convert", &path("bars.csv"), "--mapping", &mapping, "--out", &path("bars.ticks")]).code,
        0
    );
    let desk = daily(folder.path(), &path("targets"), &path("bars.ticks"));
    // Bars of adjusted prices, which the prices of the held contract are not; a touch as near the close as the grid lets it be.
    let settings = [
        "strategy.reference_away_max_bps=1_000_000",
        "data.bars.half_spread_bps=0.0",
        "run.timer_ms=3_600_000",
    ];
    let out = folder.path().join("out");
    let (at, summary, _) = run(&desk, &out, &settings);
    assert!(at.len() == 4 && at.iter().all(|row| row["is_at_target"] == true), "{at:?}");
    let fills = fills(&out);
    assert!(fills.len() > 400, "{}", fills.len());
    for (id, ((name, tick, point), account)) in markets.iter().zip(accounts).enumerate() {
        let lots: i64 = fills.iter().filter(|fill| fill.1 == id).map(|fill| fill.2.abs()).sum();
        let gross = summary["by_symbol"][name]["gross_pnl"].as_f64().unwrap();
        // Each lot trades at most a tick from the close, and so does the mark of what is held at the end.
        let most = (lots + 20) as f64 * tick * point;
        println!(
            "{name}: fills earn {gross:.0}, the account has {account:.0}, a tick on {lots} lots is {most:.0}"
        );
        assert!((gross - account).abs() < most, "{name}: {gross} {account} {most}");
    }
    verified(&out);
}
