//! After warm-up the whole desk allocates nothing, from the first to the last of at least 100,000 events.

use std::sync::Arc;

use tempfile::tempdir;
use tickrace_cli::input::Session;
use tickrace_cli::targets::{TARGETS, TargetsHead};
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::{self, Journals};
use tickrace_desk::log_source::View;
use tickrace_desk::meters::Stamps;
use tickrace_desk::stages::sequence::Entry;
use tickrace_feeds::synth::{Synth, SynthConfig};
use tickrace_journal::{Prefault, Writer, WriterConfig};
use tickrace_runtime::clock::TscClock;
use tickrace_runtime::kill::KillFlag;
use tickrace_runtime::seal::{Seal, SealGuard, SealedAlloc, seal_thread, sealed_calls, thread_allocations};
use tickrace_tests::data::config;
use tickrace_types::{InstrumentTable, Kind, TargetRecord};

#[global_allocator]
static ALLOCATOR: SealedAlloc = SealedAlloc;

const WARM: u64 = 20_000;
const MEASURED: u64 = 120_000;

/// Seals the desk's thread after the warm-up and lifts the seal after the last measured event.
#[derive(Default)]
struct Sealing {
    guard: Option<SealGuard>,
    before: u64,
    found: Option<u64>,
}

impl Entry for Sealing {
    fn enter(&mut self, count: u64, stamps: &Stamps) -> u64 {
        if count == WARM {
            self.before = sealed_calls();
            self.guard = Some(seal_thread(Seal::Count));
        } else if count == WARM + MEASURED {
            self.guard = None;
            self.found = Some(sealed_calls() - self.before);
        }
        stamps.clock().raw()
    }

    fn is_stopped(&mut self, _count: u64) -> bool {
        false
    }
}

/// One test, because the counters are the process's: two at once would count each other.
#[test]
fn a_hundred_thousand_events_through_the_whole_desk_allocate_nothing_and_one_allocation_is_seen() {
    let before = (sealed_calls(), thread_allocations());
    let guard = seal_thread(Seal::Count);
    let boxed = std::hint::black_box(Box::new(7_u64));
    drop(guard);
    assert_eq!(*boxed, 7);
    assert!(sealed_calls() > before.0, "the counter sees no allocation");
    assert!(thread_allocations() > before.1, "the counter sees no allocation");

    // Without controls beside the single order, and with all of them and an operator who speaks, all of whose words
    // fall into the middle of the day, which is measured.
    the_desk_allocates_nothing("backtest/market_making.toml", &[], 1_000);
    // Bars of a few trades, and a position that follows each.
    the_desk_allocates_nothing(
        "backtest/momentum.toml",
        &[
            "strategy.bars=\"tick:5\"",
            "strategy.enter_z=0.3",
            "strategy.exit_z=0.1",
            "strategy.resize_share_min=0.0",
        ],
        100,
    );
    // Features ten times a second, and a linear model that trades whatever it says.
    the_desk_allocates_nothing(
        "backtest/model.toml",
        &[
            "strategy.features.sample_ms=100",
            "strategy.enter_bps=0.0",
            "strategy.exit_bps=0.0",
            "strategy.confidence_min=0.0",
            "strategy.rebalance_min_lots=0",
        ],
        1_000,
    );
    let often = "operator=[{ at = \"11:00:00\", command = \"propose-limits\", limits = \"LIMITS\" }, \
        { at = \"11:10:00\", command = \"confirm-limits\", version = 1 }, \
        { at = \"11:20:00\", command = \"override-limit\", symbol = \"SAAA\", key = \"position_max_lots\", value = 900, for_ms = 60000 }, \
        { at = \"11:30:00\", command = \"state\", state = \"halted\" }, \
        { at = \"11:31:00\", command = \"allow-exits\", for_ms = 60000 }, \
        { at = \"11:40:00\", command = \"state\", state = \"active\" }, \
        { at = \"12:00:00\", command = \"kill\" }, \
        { at = \"12:10:00\", command = \"rearm-request\", ticket = 1 }, \
        { at = \"12:11:00\", command = \"rearm-confirm\", ticket = 1 }]";
    the_desk_allocates_nothing(
        "backtest/guarded.toml",
        &[often, "limits.controls.loss.daily_loss_max_ccy=1"],
        1_000,
    );
    // Pairs of shares that have nothing to do with each other, which nobody is asked about.
    let pairs = "strategy.pairs=[{ y = \"SAAB\", x = \"SAAA\" }, { y = \"SAAD\", x = \"SAAC\" }]";
    let careless =
        ["strategy.p_value_max=1.0", "strategy.edge_cost_min=0.0", "strategy.half_life_bars_max=1e6"];
    let often = [
        "strategy.bar_s=5",
        "strategy.window_bars=60",
        "strategy.hedge_ratio={ kind = \"kalman\", slope_step = 0.01 }",
    ];
    let settings: Vec<&str> = [pairs].into_iter().chain(careless).chain(often).collect();
    the_desk_allocates_nothing("backtest/pairs.toml", &settings, 500);
    // A follower of targets that are heard in the middle of the day, in many small orders.
    let folder = tempdir().expect("a folder for the targets");
    let log = target_log(folder.path());
    let targets = format!(
        "targets=[{{ file = \"{}\", at = \"11:00:00\", instruments = [\
         {{ instrument = \"A\", symbol = \"SAAA\", lots_per_contract = 100 }}, \
         {{ instrument = \"B\", symbol = \"SAAB\", lots_per_contract = 100 }}] }}]",
        log.display()
    );
    let strategy = "strategy={ kind = \"target\", style = { kind = \"passive\", cross_after_ms = 1_200_000 }, \
        order_qty_max_lots = 3, position_max_lots = 2000, cross_max_ticks = 1, spread_max_bps = 1000, \
        reference_away_max_bps = 1_000_000, top_age_max_ms = 600_000, target_age_max_h = 24, \
        refusals_max_count = 1000, retry_ms = 1 }";
    the_desk_allocates_nothing("backtest/market_making.toml", &[&targets, strategy], 500);
}

/// Targets of two instruments, as of the day before the epoch: days in memory have no date.
fn target_log(folder: &std::path::Path) -> std::path::PathBuf {
    let out = folder.join("targets");
    let mut writer = Writer::create(&out, TARGETS, WriterConfig::default()).expect("a fresh folder");
    for (instrument, lots) in [(0, 15), (1, -15)] {
        let mut target = TargetRecord {
            target_lots: lots,
            low_lots: lots,
            high_lots: lots,
            reference_px: 100_000_000_000,
            ..TargetRecord::default()
        };
        let header = &mut target.header;
        (header.kind, header.version, header.instrument) = (Kind::Target as u8, 1, instrument);
        writer.append(target.as_record());
    }
    writer.finish().expect("the log is finished");
    let head = TargetsHead {
        kind: TARGETS.to_owned(),
        version: 1,
        build: String::new(),
        config: String::new(),
        config_blake3: String::new(),
        base_currency: "USD".to_owned(),
        capital: 1.0,
        percentage_vol_target: 1.0,
        from: String::new(),
        to: String::new(),
        instruments: vec!["A".to_owned(), "B".to_owned()],
        records: 2,
    };
    let bytes = serde_json::to_vec(&head).expect("plain data");
    tickrace_journal::write_head(&out, &bytes).expect("a head");
    out
}

fn the_desk_allocates_nothing(name: &str, settings: &[&str], orders_min: u64) {
    let path = std::path::PathBuf::from(config(name));
    let mut table = tickrace_cli::settings::load(&path, &[]).expect("the example configuration loads");
    tickrace_cli::settings::lay_over(&mut table, "journal.market=copy").expect("a good override");
    for setting in settings {
        tickrace_cli::settings::lay_over(&mut table, setting).expect("a good override");
    }
    // Where entries name a limits file, its content stands once it is loaded; laid over, it has to be put in by hand.
    let later =
        std::fs::read_to_string(config("limits/us_equity_guarded_low.toml")).expect("the example is there");
    let later: toml::Table = later.parse().expect("the example parses");
    for entry in table.get_mut("operator").and_then(toml::Value::as_array_mut).into_iter().flatten() {
        if let Some(limits) = entry.get_mut("limits") {
            *limits = toml::Value::Table(later.clone());
        }
    }
    let mut desk: DeskConfig = tickrace_cli::settings::parse(&path, &table).expect("it parses");
    tickrace_cli::models::load(&mut desk, &path).expect("the example model loads");
    let bytes = Synth::new(SynthConfig { seed: 5, symbols: 4, messages: WARM + MEASURED + 20_000 }).to_vec();
    let session = Session::of_memory("synthetic day", bytes);
    let instruments = session.announced();
    let instruments = InstrumentTable::new(instruments).expect("synthetic symbols differ");
    let sessions = [session.clone()];
    desk.words = tickrace_cli::operator::words(&desk, &sessions, &instruments, &mut |text| panic!("{text}"))
        .expect("the words make sense");
    let folder = tempdir().expect("a folder for the journal");
    let writer = |stream| {
        let config =
            WriterConfig { segment_bytes: 1 << 26, prefault: Prefault::Whole, ..WriterConfig::default() };
        Some(Writer::create(folder.path(), stream, config).expect("a fresh folder takes a journal"))
    };
    let journals = Journals { inbound: writer("inbound"), outbound: writer("outbound") };
    let source = |view| session.feed(&instruments, view, Some(0));
    let stamps = Stamps::new(TscClock::new());
    let kill = Arc::new(KillFlag::new());
    let entry = Sealing::default();
    let ran = backtest::run(
        &desk,
        &instruments,
        source(View::Desk),
        source(View::Venue),
        entry,
        journals,
        &stamps,
        &kill,
    )
    .expect("the day runs");
    assert!(ran.send.orders() > orders_min, "a day without orders proves nothing, got {}", ran.send.orders());
    assert!(ran.market_records > WARM + MEASURED, "got {}", ran.market_records);
    assert_eq!(ran.entry.found, Some(0), "allocations and releases of the desk's thread");
    let counts = ran.gate.gate().control_counts();
    let is_guarded = name.contains("guarded");
    assert_eq!(counts.overridden, u64::from(is_guarded));
    assert_eq!(counts.imposed.iter().sum::<u64>() > 1, is_guarded, "{counts:?}");
}
