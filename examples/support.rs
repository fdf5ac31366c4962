//! What the examples share: a synthetic day through a configuration's desk, and its summary.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tickrace_analytics::Summary;
use tickrace_cli::Streams;
use tickrace_cli::backtest::{Job, perform};
use tickrace_cli::input::Session;
use tickrace_desk::DeskConfig;
use tickrace_feeds::synth::{Synth, SynthConfig};
use tickrace_types::InstrumentTable;

/// A configuration of this repository.
#[must_use]
pub fn config(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/backtest").join(name)
}

/// A configuration with overrides laid over it (`path=value`), as a table for the journal and as what the desk takes.
///
/// # Panics
///
/// Where it is not sound: an example has nobody else to tell.
#[must_use]
pub fn load(path: &Path, set: &[&str]) -> (toml::Table, DeskConfig) {
    let set: Vec<String> = set.iter().map(|text| (*text).to_owned()).collect();
    let table = tickrace_cli::settings::load(path, &set).expect("the configuration is read");
    let desk = tickrace_cli::backtest::checked(path, &table).expect("it is sound");
    (table, desk)
}

/// A made day of a few symbols; another seed is another day.
#[must_use]
pub fn made_day(seed: u64, symbols: u32, messages: u64) -> Session {
    let bytes = Synth::new(SynthConfig { seed, symbols, messages }).to_vec();
    Session::of_memory("synthetic day", bytes)
}

/// A day through the desk: feed, journal, books, strategies, gate, simulated exchange. `out` then holds the report, the journal and the
/// tables that `tickrace backtest` writes.
///
/// # Panics
///
/// As [`load`].
#[must_use]
pub fn backtest(
    path: &Path,
    (table, desk): (toml::Table, &DeskConfig),
    day: &Session,
    out: &Path,
) -> Summary {
    let instruments = InstrumentTable::new(day.announced()).expect("symbols differ");
    let sessions = [day.clone()];
    let interrupt = Arc::new(AtomicBool::new(false));
    let (mut said, mut warned) = (Vec::new(), Vec::new());
    let mut streams = Streams { out: &mut said, err: &mut warned, is_json: false, is_watched: false };
    let job = Job {
        path,
        table,
        config: desk,
        sessions: &sessions,
        instruments: &instruments,
        // The day is no file: the journal holds a copy of it, so that it can be replayed.
        files: Vec::new(),
        out,
        interrupt: &interrupt,
    };
    perform(job, &mut streams).expect("it runs to its end").summary
}
