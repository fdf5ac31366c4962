//! The rooms joined: what an operator's kill does to a desk in full swing.

use std::ops::Range;
use std::sync::Arc;

use tickrace_cli::input::Session;
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::{self, Journals};
use tickrace_desk::log_source::View;
use tickrace_desk::meters::Stamps;
use tickrace_desk::operator::timed;
use tickrace_desk::stages::sequence::{Entry, Outcome};
use tickrace_feeds::source::Source;
use tickrace_feeds::synth::{Synth, SynthConfig};
use tickrace_risk::control_record;
use tickrace_runtime::clock::TscClock;
use tickrace_runtime::kill::KillFlag;
use tickrace_tests::data::config;
use tickrace_types::event::ControlCode;
use tickrace_types::{Action, InstrumentTable, Record};

/// Raises the kill flag at every record of a range, as a file does that is there so long.
struct KillAt(Range<u64>, Arc<KillFlag>);

impl Entry for KillAt {
    fn enter(&mut self, count: u64, stamps: &Stamps) -> u64 {
        if self.0.contains(&count) {
            self.1.kill(7);
        }
        stamps.clock().raw()
    }

    fn is_stopped(&mut self, _count: u64) -> bool {
        false
    }
}

/// New orders passed, cancels passed, whether the gate proves the kill, and what is still open. The first word of re-arming is said
/// at each of the records named in `rearmed`, the second a hundred records later.
fn run(killed: Range<u64>, rearmed: &[usize]) -> (u64, u64, bool, usize) {
    run_with(killed, rearmed, |_| false)
}

fn run_with(
    killed: Range<u64>,
    rearmed: &[usize],
    before: impl FnOnce(&KillFlag) -> bool,
) -> (u64, u64, bool, usize) {
    let path = std::path::PathBuf::from(config("backtest/market_making.toml"));
    let table = tickrace_cli::settings::load(&path, &[]).unwrap();
    let mut desk: DeskConfig = tickrace_cli::settings::parse(&path, &table).unwrap();
    let bytes = Synth::new(SynthConfig { seed: 9, symbols: 2, messages: 30_000 }).to_vec();
    let session = Session::of_memory("synthetic day", bytes);
    let instruments = session.announced();
    let instruments = InstrumentTable::new(instruments).unwrap();
    let source = |view| session.feed(&instruments, view, Some(0));
    let (stamps, kill) = (Stamps::new(TscClock::new()), Arc::new(KillFlag::new()));
    let entry = KillAt(killed, Arc::clone(&kill));
    let mut heard = source(View::Desk);
    let (mut times, mut record) = (Vec::new(), Record::default());
    while heard.next_into(&mut record) {
        times.push(record.header.ts_recv_ns);
    }
    for (ticket, record) in (1..).zip(rearmed) {
        for (code, after) in [(ControlCode::RearmRequest, 0), (ControlCode::RearmConfirm, 100)] {
            desk.words.push(timed(control_record(code, ticket), times[record + after]));
        }
    }
    before(&kill);
    let ran = backtest::run(
        &desk,
        &instruments,
        source(View::Desk),
        source(View::Venue),
        entry,
        Journals::default(),
        &stamps,
        &kill,
    )
    .unwrap();
    assert_eq!(ran.outcome, Outcome::Complete);
    let gate = ran.gate.gate();
    let passed = |action| gate.counts().passed(action);
    (
        passed(Action::New),
        passed(Action::Cancel),
        gate.is_kill_proven(),
        ran.decide.seats()[0].oms.open_count(),
    )
}

#[test]
fn the_kill_switch_cancels_every_live_order_and_lets_no_new_one_pass() {
    let (unharmed, _, is_proven, open) = run(0..0, &[]);
    assert!(unharmed > 100 && !is_proven && open == 0, "{unharmed} {is_proven} {open}");
    let (before, cancels, is_proven, open) = run(15_000..15_001, &[]);
    assert!(before > 10 && before < unharmed, "half a day has fewer orders: {before} of {unharmed}");
    assert!(cancels > 0);
    assert!(is_proven, "killed, and nothing open");
    assert_eq!(open, 0);
}

#[test]
fn a_kill_flag_raised_before_the_first_record_lets_no_order_leave() {
    let kill_before = |kill: &KillFlag| kill.kill(1);
    let (passed, cancels, is_proven, open) = run_with(0..0, &[], kill_before);
    assert_eq!((passed, cancels, is_proven, open), (0, 0, true, 0));
}

#[test]
fn two_words_re_arm_a_raised_flag_but_not_while_its_cause_is_there() {
    let (dead, ..) = run(5_000..20_000, &[]);
    let (still_dead, _, is_proven, _) = run(5_000..20_000, &[12_000]);
    assert!(dead > 10 && still_dead == dead && is_proven, "{dead} {still_dead}");
    let (alive, _, is_proven, _) = run(5_000..20_000, &[12_000, 22_000]);
    assert!(alive > dead && !is_proven, "{alive}");
}

/// The touch quoter's example with other strategies, over the recorded perpetual; its summary.
fn with_strategies(out: &std::path::Path, strategies: &str, settings: &[&str]) -> Option<serde_json::Value> {
    let capture = tickrace_tests::data::shared("data/ticks/binance/usdm/btcusdt_20240808.gz")?;
    let text = std::fs::read_to_string(config("backtest/touch_quoting.toml")).unwrap();
    let from = text.find("[strategy]").unwrap();
    let to = text.find("[venue]").unwrap();
    let limits = config("limits/crypto_perpetual.toml");
    let text = format!("{}{strategies}\n{}", &text[..from], &text[to..])
        .replace("../limits/crypto_perpetual.toml", &limits);
    let path = out.join("strategies.toml");
    std::fs::write(&path, text).unwrap();
    let log = out.join("perpetual.ticks").display().to_string();
    if !std::path::Path::new(&log).exists() {
        let done = tickrace_tests::tickrace(&["convert", &capture.display().to_string(), "--out", &log]);
        assert_eq!(done.code, 0, "{}", done.err);
    }
    let files = format!("data.files=[\"{log}\"]");
    let (path, run) = (path.display().to_string(), out.join("run").display().to_string());
    let mut args = vec!["backtest", &path, "--json", "--out", &run, "--set", &files];
    args.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    let done = tickrace_tests::tickrace(&args);
    assert_eq!(done.code, 0, "{}", done.err);
    Some(done.json())
}

#[test]
fn strategies_share_the_limits_and_nothing_else() {
    const ONE: &str = r#"
        [[strategies]]
        name = "one"
        policy = { kind = "touch-quoting", order_qty_lots = 10, position_max_lots = 100 }
    "#;
    const OTHER: &str = r#"
        [[strategies]]
        name = "other"
        policy = { kind = "touch-quoting", order_qty_lots = 7, position_max_lots = 70 }
    "#;
    let folder = tempfile::tempdir().unwrap();
    let Some(alone) = with_strategies(folder.path(), ONE, &[]) else { return };
    let both = with_strategies(folder.path(), &format!("{ONE}{OTHER}"), &[]).unwrap();
    let lots = |summary: &serde_json::Value| summary["volume_lots"].as_u64().unwrap();
    assert!(lots(&both) > lots(&alone), "{both}");
    assert_eq!(both["rejects"].get("position"), None, "{both}");
    // The limit is the house's: two that would each keep it are refused together.
    let tight = ["limits.instrument.position_max_lots=120"];
    let held = with_strategies(folder.path(), &format!("{ONE}{OTHER}"), &tight).unwrap();
    let refused: u64 =
        held["rejects"].as_object().unwrap().iter().map(|(_, count)| count.as_u64().unwrap()).sum();
    let before: u64 =
        both["rejects"].as_object().unwrap().iter().map(|(_, count)| count.as_u64().unwrap()).sum();
    assert!(refused > before, "{held}");
    let journal = folder.path().join("run/journal").display().to_string();
    assert_eq!(tickrace_tests::tickrace(&["replay", &journal, "--verify"]).code, 0);
}

#[test]
fn a_position_taken_over_counts_from_its_price_and_against_the_limits() {
    const ONE: &str = r#"
        [strategy]
        kind = "touch-quoting"
        order_qty_lots = 10
        position_max_lots = 100
    "#;
    let folder = tempfile::tempdir().unwrap();
    let Some(flat) = with_strategies(folder.path(), ONE, &["strategy.kind=touch-quoting"]) else { return };
    let position = |summary: &serde_json::Value| summary["positions"]["BTCUSDT"].as_i64().unwrap();
    // Far below its own limit the quoter buys; at the limit it only sells, and so it does from the first order on.
    let held = "opening=[{ symbol = \"BTCUSDT\", lots = 100, price_nanos = 61_700_000_000_000 }]";
    let taken = with_strategies(folder.path(), ONE, &[held]).unwrap();
    assert_ne!(taken["order_digest"], flat["order_digest"]);
    assert!(position(&taken).abs() <= 110 && position(&flat).abs() <= 110, "{taken}");
    let journal = folder.path().join("run/journal").display().to_string();
    assert_eq!(tickrace_tests::tickrace(&["replay", &journal, "--verify"]).code, 0);
    // Idle, it is worth what the price did: nothing else happened.
    let idle = with_strategies(folder.path(), "[strategy]\nkind = \"idle\"", &[held]).unwrap();
    assert_eq!((position(&idle), idle["orders"].as_u64()), (100, Some(0)));
    let gross = idle["gross_pnl"].as_f64().unwrap();
    // A tenth of a coin, some hundred dollars of movement at most.
    assert!(gross != 0.0 && gross.abs() < 50.0, "{gross}");
}
