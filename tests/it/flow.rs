//! The rooms joined: what an operator's kill does to a desk in full swing.

use std::sync::Arc;

use tickrace_cli::input::Session;
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::{self, Journals};
use tickrace_desk::log_source::View;
use tickrace_desk::meters::Stamps;
use tickrace_desk::stages::sequence::{Entry, Outcome};
use tickrace_feeds::synth::{Synth, SynthConfig};
use tickrace_runtime::clock::TscClock;
use tickrace_runtime::kill::KillFlag;
use tickrace_tests::data::config;
use tickrace_types::{Action, InstrumentTable};

/// Raises the kill flag before one record, or never.
struct KillAt(Option<u64>, Arc<KillFlag>);

impl Entry for KillAt {
    fn enter(&mut self, count: u64, stamps: &Stamps) -> u64 {
        if self.0 == Some(count) {
            self.1.kill(7);
        }
        stamps.clock().raw()
    }

    fn is_stopped(&mut self, _count: u64) -> bool {
        false
    }
}

/// New orders passed, cancels passed, whether the gate proves the kill, and what is still open.
fn run(kill_at: Option<u64>) -> (u64, u64, bool, usize) {
    let path = std::path::PathBuf::from(config("backtest/market_making.toml"));
    let table = tickrace_cli::settings::load(&path, &[]).unwrap();
    let desk: DeskConfig = tickrace_cli::settings::parse(&path, &table).unwrap();
    let bytes = Synth::new(SynthConfig { seed: 9, symbols: 2, messages: 30_000 }).to_vec();
    let session = Session::of_memory("synthetic day", bytes);
    let instruments = session.announced();
    let instruments = InstrumentTable::new(instruments).unwrap();
    let source = |view| session.feed(&instruments, view, Some(0));
    let (stamps, kill) = (Stamps::new(TscClock::new()), Arc::new(KillFlag::new()));
    let entry = KillAt(kill_at, Arc::clone(&kill));
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
    (passed(Action::New), passed(Action::Cancel), gate.is_kill_proven(), ran.decide.oms().open_count())
}

#[test]
fn the_kill_switch_cancels_every_live_order_and_lets_no_new_one_pass() {
    let (unharmed, _, is_proven, open) = run(None);
    assert!(unharmed > 100 && !is_proven && open == 0, "{unharmed} {is_proven} {open}");
    let (before, cancels, is_proven, open) = run(Some(15_000));
    assert!(before > 10 && before < unharmed, "half a day has fewer orders: {before} of {unharmed}");
    assert!(cancels > 0);
    assert!(is_proven, "killed, and nothing open");
    assert_eq!(open, 0);
}
