//! The command line: one file per verb, each a thin user of the rooms below.
//!
//! Exit codes: 0 done; 2 usage or configuration; 3 input data; 4 run-time failure; 5 a check found a difference.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod artefacts;
pub mod backtest;
pub mod book;
pub mod columns;
pub mod compare;
pub mod convert;
pub mod data;
pub mod doctor;
pub mod explain;
pub mod failure;
pub mod features;
pub mod input;
pub mod inspect;
pub mod journal_latency;
pub mod kill_watch;
pub mod latency;
pub mod latency_rows;
pub mod live_figures;
pub mod models;
pub mod operator;
pub mod pairs;
pub mod progress;
pub mod provenance;
pub mod replay;
pub mod report;
pub mod resources;
pub mod returns_file;
pub mod second_pass;
pub mod settings;
pub mod start;
pub mod sweep;
pub mod synth;
pub mod systematic;
pub mod tape;
pub mod targets;
pub mod ticks;
pub mod tops;
pub mod walk_forward;

pub use failure::{Failure, Fault};

/// A low-latency trading engine: the code that backtests is the code that trades.
#[derive(Debug, Parser)]
#[command(name = "tickrace", version, max_term_width = 110)]
struct Cli {
    /// Print exactly one JSON object on standard output; people's text goes to standard error
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Replay tick files through the whole desk against the simulated exchange
    Backtest(backtest::Args),
    /// Run many parameter sets over all cores: one table, ranked
    Sweep(sweep::Args),
    /// Choose parameters on days before and apply them to days after, over several tick files
    WalkForward(walk_forward::Args),
    /// Run strategies, models or values side by side: table, report
    Compare(compare::Args),
    /// Run a journal folder again and compare every order
    Replay(replay::Args),
    /// Tell the life of an order of a finished run, or which orders are worth asking about
    Explain(explain::Args),
    /// Write the report of a finished run again, from its journal; or a tear sheet of its days, or of a file of returns
    Report(report::Args),
    /// Count messages, spans, gaps, symbols and executions of a tick file
    Inspect(inspect::Args),
    /// Print book states of one symbol as CSV
    Book(book::Args),
    /// Write the features of a model over tick files, row for row as a policy sees them
    Features(features::Args),
    /// Find the cointegrated pairs of many series, with the share of chance finds held
    Pairs(pairs::Args),
    /// Generate a plausible exchange day in ITCH 5.0
    Synth(synth::Args),
    /// Convert tick files of any format to one native record log, or a log to CSV
    Convert(convert::Args),
    /// Take the latencies of orders and answers out of a journal, for a venue with model "recorded"
    JournalLatency(journal_latency::Args),
    /// Measure rings, placements and tick-to-order on this host
    Latency(latency::Args),
    /// Make an operator's key, or sign what an operator says in a configuration
    Operator(operator::Args),
    /// The systematic futures framework: prices, rules, forecasts, positions, account
    Systematic(systematic::Args),
    /// Audit cores, clock, governor, limits, huge pages and jitter of this host
    Doctor(doctor::Args),
}

/// Where a verb writes: results to `out`, words for people to `err`.
pub struct Streams<'a> {
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
    /// Whether `out` gets exactly one JSON object.
    pub is_json: bool,
    /// Whether a person watches: progress bars are drawn.
    pub is_watched: bool,
}

impl Streams<'_> {
    /// A line for people: standard output, or standard error where that one holds JSON.
    pub fn say(&mut self, text: &str) {
        let target: &mut dyn Write = if self.is_json { self.err } else { self.out };
        // A closed pipe is the reader's choice, not our failure.
        let _ = writeln!(target, "{}", text.trim_end_matches('\n'));
    }

    /// A warning: always standard error.
    pub fn warn(&mut self, text: &str) {
        let _ = writeln!(self.err, "warning: {text}");
    }

    /// The one JSON object.
    pub fn json(&mut self, value: &impl serde::Serialize) {
        if let Ok(text) = serde_json::to_string_pretty(value) {
            let _ = writeln!(self.out, "{text}");
        }
    }
}

/// Runs one command line and gives its exit code.
pub fn run(args: impl IntoIterator<Item = impl Into<OsString> + Clone>, streams: &mut Streams<'_>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let is_help = !error.use_stderr();
            let _ = write!(if is_help { &mut *streams.out } else { &mut *streams.err }, "{error}");
            return if is_help { 0 } else { 2 };
        }
    };
    streams.is_json = cli.json;
    let done = match cli.verb {
        Verb::Backtest(args) => backtest::run(&args, streams),
        Verb::Sweep(args) => sweep::run(&args, streams),
        Verb::Pairs(args) => pairs::run(&args, streams),
        Verb::WalkForward(args) => walk_forward::run(&args, streams),
        Verb::Compare(args) => compare::run(&args, streams),
        Verb::Replay(args) => replay::run(&args, streams),
        Verb::Explain(args) => explain::run(&args, streams),
        Verb::Report(args) => report::run(&args, streams),
        Verb::Inspect(args) => inspect::run(&args, streams),
        Verb::Book(args) => book::run(&args, streams),
        Verb::Features(args) => features::run(&args, streams),
        Verb::Synth(args) => synth::run(&args, streams),
        Verb::Convert(args) => convert::run(&args, streams),
        Verb::JournalLatency(args) => journal_latency::run(&args, streams),
        Verb::Latency(args) => latency::run(&args, streams),
        Verb::Operator(args) => operator::run(&args, streams),
        Verb::Systematic(args) => systematic::run(&args, streams),
        Verb::Doctor(args) => doctor::run(&args, streams),
    };
    match done {
        Ok(()) => 0,
        Err(failure) => {
            let _ = writeln!(streams.err, "error: {failure}");
            failure.fault.code()
        }
    }
}

/// The program.
pub fn main() -> ExitCode {
    use std::io::IsTerminal;
    let is_watched = std::io::stderr().is_terminal();
    let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr());
    let mut streams = Streams { out: &mut out, err: &mut err, is_json: false, is_watched };
    ExitCode::from(run(std::env::args_os(), &mut streams))
}
