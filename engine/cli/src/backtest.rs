//! `backtest`: tick files through the whole desk against the simulated exchange.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tickrace_analytics::{RunReport, Summary};
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::{self, Finished, Journals};
use tickrace_desk::bar_quotes::BarQuotes;
use tickrace_desk::config::{DataConfig, MarketInJournal};
use tickrace_desk::delayed::Delayed;
use tickrace_desk::log_source::View;
use tickrace_desk::meters::Stamps;
use tickrace_desk::pace::FlatOut;
use tickrace_desk::stages::sequence::Outcome;
use tickrace_exchange::{Latency, Way};
use tickrace_feeds::source::{Days, Source as _};
use tickrace_feeds::synth::{Synth, SynthConfig};
use tickrace_journal::{Prefault, Writer, WriterConfig};
use tickrace_risk::Gate;
use tickrace_runtime::clock::tsc::TscClock;
use tickrace_runtime::kill::KillFlag;
use tickrace_runtime::pin;
use tickrace_types::{Instrument, InstrumentTable};

use crate::artefacts::{self, RunFacts};
use crate::data::open_sessions;
use crate::input::{Feed, Session, judge_end};
use crate::kill_watch::{self, KillWatch};
use crate::provenance::{self, Head, MarketFile, Opening};
use crate::resources::ResourceGuard;
use crate::{Failure, Streams, latency_rows, models, operator, progress, settings, start, targets};

/// Arguments of `backtest`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tickrace backtest configs/backtest/market_making.toml\n  \
    tickrace backtest configs/backtest/market_making.toml --out out/aapl \\\n    \
    --set 'data.files=[\"20120621.itch50.gz\"]' --set 'instruments.symbols=[\"AAPL\"]'\n\n\
    Writes summary.json, orders.parquet, fills.parquet, equity.parquet, latency.hgrm, report.html and journal/.")]
pub struct Args {
    /// Configuration file (TOML)
    config: PathBuf,
    /// Folder for the artefacts; by default out/ and the name of the configuration
    #[arg(long)]
    out: Option<PathBuf>,
    /// Override a key of the configuration, path=value; repeatable
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Session date of the (first) tick file, YYYY-MM-DD
    #[arg(long)]
    date: Option<String>,
    /// Keep no journal
    #[arg(long)]
    no_journal: bool,
    /// Exit with 3 where a message was skipped
    #[arg(long)]
    strict: bool,
}

/// The market as the desk reads it.
pub type Market = Delayed<BarQuotes<Days<Feed>>>;

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] with the exit code of its kind.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let table = settings::load(&args.config, &args.set)?;
    let mut config = checked(&args.config, &table)?;
    if let Some(date) = &args.date {
        config.data.dates = vec![date.clone()];
    }
    check_placement(&config, streams)?;
    let (sessions, instruments) = open_data(&config, streams)?;
    let files = sessions.iter().map(|session| MarketFile::of(session, streams)).collect();
    let out = out_folder(args);
    let interrupt = Arc::new(AtomicBool::new(false));
    let job = Job {
        path: &args.config,
        table,
        config: &config,
        sessions: &sessions,
        instruments: &instruments,
        files,
        out: &out,
        interrupt: &interrupt,
    };
    let handle = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupt)).ok();
    let done = perform(job, streams)?;
    if let Some(handle) = handle {
        signal_hook::low_level::unregister(handle);
    }
    if args.no_journal {
        let journal = out.join("journal");
        std::fs::remove_dir_all(&journal).map_err(|error| Failure::write(&journal, error))?;
    }
    if streams.is_json {
        streams.json(&done.summary);
    }
    streams.say(&tickrace_analytics::summary::print(&done.report));
    streams.say(&format!("report    {}", out.join("report.html").display()));
    judge(done.outcome, &done.market, &sessions, args.strict)
}

/// The configuration of a table, checked.
///
/// # Errors
///
/// [`Failure`] naming the file and the key.
pub fn checked(path: &Path, table: &toml::Table) -> Result<DeskConfig, Failure> {
    let mut config: DeskConfig = settings::parse(path, table)?;
    config.validate().map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for mapping in config.data.inputs.iter_mut().filter_map(|input| input.mapping.as_mut()) {
        *mapping = folder.join(&*mapping);
    }
    if let Some(file) = config.operators.as_mut().and_then(|operators| operators.kill_file.as_mut()) {
        *file = folder.join(&*file);
    }
    latency_rows::load(&mut config, path)?;
    models::load(&mut config, path)?;
    start::check_approved(&config, table)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Ok(config)
}

/// Opens the tick files of a configuration and names its instruments.
///
/// # Errors
///
/// [`Failure`] where a file cannot be read or an instrument is nonsense.
pub fn open_data(
    config: &DeskConfig,
    streams: &mut Streams<'_>,
) -> Result<(Vec<Session>, InstrumentTable), Failure> {
    let sessions =
        open_sessions(&config.data, &config.instruments.symbols, &config.instruments.custom, streams)?;
    let instruments = config.instrument_table(&sessions[0].announced()).map_err(Failure::usage)?;
    tell_unannounced(&config.instruments.symbols, &sessions, streams);
    Ok((sessions, instruments))
}

/// Warns of symbols that no tick file announces: a name written wrongly would trade nothing, and say nothing of it.
fn tell_unannounced(symbols: &[String], sessions: &[Session], streams: &mut Streams<'_>) {
    if symbols.is_empty() {
        return;
    }
    let announced: std::collections::BTreeSet<String> =
        sessions.iter().flat_map(Session::announced).map(|instrument| instrument.symbol).collect();
    for symbol in symbols.iter().filter(|symbol| !announced.contains(*symbol)) {
        streams.warn(&format!(
            "instruments.symbols: {symbol} is not among the {} symbols that the tick files announce before their first \
             order: nothing is heard of it unless it is announced later",
            announced.len()
        ));
    }
}

/// One run with a journal and all artefacts.
pub struct Job<'a> {
    /// File the configuration came from.
    pub path: &'a Path,
    /// The configuration, overrides laid over it.
    pub table: toml::Table,
    /// The same, parsed and checked.
    pub config: &'a DeskConfig,
    /// Tick files.
    pub sessions: &'a [Session],
    /// Instruments.
    pub instruments: &'a InstrumentTable,
    /// The tick files by their content.
    pub files: Vec<MarketFile>,
    /// Folder of the artefacts.
    pub out: &'a Path,
    /// Set to stop the run early.
    pub interrupt: &'a Arc<AtomicBool>,
}

/// A run whose artefacts are written.
pub struct Performed {
    /// Short form.
    pub summary: Summary,
    /// Whole report.
    pub report: RunReport,
    /// How it ended.
    pub outcome: Outcome,
    /// The market data, as far as they were read.
    pub market: Market,
}

/// Runs a job and writes its artefacts.
///
/// # Errors
///
/// [`Failure`] where no room accepts the configuration, the street broke, or a file cannot be written.
pub fn perform(job: Job<'_>, streams: &mut Streams<'_>) -> Result<Performed, Failure> {
    let Job { sessions, instruments, out, .. } = job;
    let mut config = job.config.clone();
    config.words = operator::words(&config, sessions, instruments, &mut |text| streams.warn(text))?;
    let config = &config;
    let kill = Arc::new(KillFlag::new());
    let kill_file = config.operators.as_ref().and_then(|operators| operators.kill_file.as_deref());
    let killer = KillWatch::start(kill_file, &kill)?;
    // What the report would object to is told before the run, not after it.
    artefacts::figures_config(config, instruments, sessions).validate().map_err(Failure::usage)?;
    let mut table = job.table;
    models::pin(config, &mut table);
    let journal = prepare_folder(out)?;
    let head = Head {
        version: provenance::HEAD_VERSION,
        build: provenance::build(),
        config_path: job.path.to_owned(),
        config: table,
        instruments: instruments.clone(),
        seed: config.run.seed,
        market: if config.journal.market == MarketInJournal::Copy { "copy" } else { "reference" }.to_owned(),
        files: job.files,
        opening: Opening { positions: opening_positions(config), next_client_id: 1, ..Opening::default() },
    };
    let journals = open_journals(config, &journal, &head)?;
    let stamps = Stamps::new(TscClock::new());
    warm_up(config, &stamps)?;
    let total = sessions.iter().map(Session::records).sum();
    let bar = progress::bar(streams.is_watched, total, "backtest");
    let is_stopped = |count: u64| {
        bar.set_position(count);
        job.interrupt.load(Ordering::Relaxed)
    };
    let market = market_of(config, sessions, instruments, View::Desk)?;
    let venue_market = market_of(config, sessions, instruments, View::Venue)?;
    let guard = ResourceGuard::start(config.limits.controls.resources, &journal);
    let verdict = |waiting_bps| guard.as_ref().and_then(|guard| guard.verdict(waiting_bps));
    let mut ran = backtest::run(
        config,
        instruments,
        market,
        venue_market,
        FlatOut::new(&is_stopped).sparing().with_guard(&verdict),
        journals,
        &stamps,
        &kill,
    )
    .map_err(failure_of)?;
    bar.finish_and_clear();
    drop(killer);
    tell_kill(ran.gate.gate(), &kill, streams);
    if ran.words_unsaid > 0 {
        streams.warn(&format!(
            "operators and targets: {} entries lie after the end of the market data, and were not heard",
            ran.words_unsaid
        ));
    }
    targets::tell(config, instruments, &ran.decide, out, streams)?;
    for (reason, count) in ran.market.skips().reasons() {
        if reason != "filtered" {
            streams.warn(&format!("market data: {reason}: {count} messages"));
        }
    }
    for (count, what) in ran.book.books().counters().faults() {
        streams.warn(&format!("the books passed over or cut {count} {what}"));
    }
    let facts = RunFacts {
        config,
        head: &head,
        sessions,
        instruments,
        journal: &journal,
        out,
        wall_seconds: ran.run_ns as f64 / 1e9,
        cut_short: cut_short(&ran, sessions),
    };
    let (summary, report) = artefacts::write(&facts, &mut ran, streams)?;
    Ok(Performed { summary, report, outcome: ran.outcome, market: ran.market })
}

/// Tells of a kill that was not re-armed, and whether the venue's own words prove that nothing is open.
fn tell_kill(gate: &Gate, kill: &KillFlag, streams: &mut Streams<'_>) {
    if !gate.is_killed() {
        return;
    }
    let by = match kill.reason() {
        Some(kill_watch::reason::FILE) => "the kill file",
        Some(_) => "SIGUSR1",
        None => "an operator",
    };
    let open = if gate.is_kill_proven() {
        "by the venue's word nothing of ours is open".to_owned()
    } else {
        format!("{} orders are not known to be closed", gate.open_orders())
    };
    streams.warn(&format!("killed by {by}, and not re-armed: {open}"));
}

/// Lots held before the first record, by symbol, over all strategies.
fn opening_positions(config: &DeskConfig) -> std::collections::BTreeMap<String, i64> {
    let mut positions = std::collections::BTreeMap::new();
    for held in &config.opening {
        *positions.entry(held.symbol.clone()).or_default() += held.lots;
    }
    positions
}

/// What a desk that could not be assembled or run means for the exit code.
pub fn failure_of(error: backtest::DeskError) -> Failure {
    match error {
        backtest::DeskError::Street(error) => Failure::runtime(error),
        error => Failure::usage(error),
    }
}

/// Warns of, or refuses, a placement that the machine has too few cores for.
///
/// # Errors
///
/// [`Failure`] naming the key.
pub fn check_placement(config: &DeskConfig, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let layout = backtest::layout(config).map_err(failure_of)?;
    let cores = pin::allowed_cores().len();
    let over = layout
        .placement
        .check_cores(cores, layout.idle, config.run.is_spinning_insisted)
        .map_err(|error| Failure::usage(format!("run.placement: {error}")))?;
    if let Some(over) = over {
        streams.warn(&format!("run.placement: {over}"));
    }
    Ok(())
}

/// One reading of all sessions, as we heard them or as the venue did them.
///
/// # Errors
///
/// [`Failure`] where the dates are out of order or the feed's latency is no model.
pub fn market_of(
    config: &DeskConfig,
    sessions: &[Session],
    instruments: &InstrumentTable,
    view: View,
) -> Result<Market, Failure> {
    market_of_data(&config.data, config.run.seed, sessions, instruments, view)
}

/// The same without a desk.
///
/// # Errors
///
/// [`Failure`] where the dates are out of order or the feed's latency is no model.
pub fn market_of_data(
    data: &DataConfig,
    seed: u64,
    sessions: &[Session],
    instruments: &InstrumentTable,
    view: View,
) -> Result<Market, Failure> {
    let model = data.feed_latency.as_ref();
    // A model dates what happened, in the order in which it did.
    let latency_ns = if model.is_some() { Some(0) } else { data.feed_latency_ns };
    let feed = |session: &Session| session.feed(instruments, view, latency_ns);
    let days = sessions.iter().map(|session| (session.begins_ns(), feed(session))).collect();
    let days = Days::new(days).map_err(|error| Failure::usage(format!("data.files: {error}")))?;
    let way = model.map(|model| Latency::new(model, Way::Feed, seed)).transpose();
    let way = way.map_err(|error| Failure::usage(format!("data.feed_latency: {error}")))?;
    // The venue does not hear of itself.
    let days = BarQuotes::new(days, data.bars, instruments);
    Ok(Delayed::new(days, way.filter(|_| view == View::Desk)))
}

fn out_folder(args: &Args) -> PathBuf {
    args.out.clone().unwrap_or_else(|| {
        Path::new("out").join(args.config.file_stem().unwrap_or(std::ffi::OsStr::new("backtest")))
    })
}

/// Makes the folder and clears an earlier run out of it: should this one not come to its end, nothing of that one may stand
/// beside its journal.
fn prepare_folder(out: &Path) -> Result<PathBuf, Failure> {
    let journal = out.join("journal");
    let fail = |error| Failure::write(out, error);
    for name in artefacts::FILES {
        match std::fs::remove_file(out.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
    }
    if journal.join("head.json").exists() {
        std::fs::remove_dir_all(&journal).map_err(fail)?;
    }
    std::fs::create_dir_all(&journal).map_err(fail)?;
    Ok(journal)
}

fn open_journals(config: &DeskConfig, journal: &Path, head: &Head) -> Result<Journals, Failure> {
    head.write(journal)?;
    let writer_config = WriterConfig {
        segment_bytes: config.journal.segment_bytes,
        checksum: config.journal.checksum,
        prefault: Prefault::Helper { window_bytes: (config.journal.segment_bytes / 4).max(4096) },
        flush_interval_ms: None,
    };
    let open = |stream| Writer::create(journal, stream, writer_config).map_err(Failure::runtime);
    Ok(Journals { inbound: Some(open("inbound")?), outbound: Some(open("outbound")?) })
}

/// Sends a made-up morning through a throw-away street of the same code, so that the first real tick finds the
/// code in cache and the memory mapped.
///
/// # Errors
///
/// [`Failure`] where the street cannot be built.
pub fn warm_up(config: &DeskConfig, stamps: &Arc<Stamps>) -> Result<(), Failure> {
    if config.run.warmup_records == 0 {
        return Ok(());
    }
    let messages = u64::from(config.run.warmup_records);
    let bytes = Synth::new(SynthConfig { seed: config.run.seed, symbols: 2, messages }).to_vec();
    let session = Session::of_memory("warm-up", bytes);
    // Judged by the limits of the run, hence in their currency.
    let currency = &config.limits.currency;
    let of_the_run = |share: Instrument| Instrument {
        quote_currency: currency.clone(),
        settle_currency: currency.clone(),
        ..share
    };
    let announced = session.announced().into_iter().map(of_the_run).collect();
    let table = InstrumentTable::new(announced).map_err(Failure::runtime)?;
    let mut config = config.clone();
    config.run.book_orders_capacity = 1 << 16;
    // These are of the run's own instruments.
    config.opening = Vec::new();
    config.strategy.forget_instruments();
    config.strategies.iter_mut().for_each(|strategy| strategy.policy.forget_instruments());
    // Nobody speaks on a morning that never was, and it need not be approved.
    config.operator = Vec::new();
    config.words = Vec::new();
    config.limits.controls.start = None;
    let sessions = [session];
    let market = market_of(&config, &sessions, &table, View::Desk)?;
    let venue_market = market_of(&config, &sessions, &table, View::Venue)?;
    let kill = Arc::new(KillFlag::new());
    let never = |_count| false;
    let entry = FlatOut::new(&never);
    backtest::run(&config, &table, market, venue_market, entry, Journals::default(), stamps, &kill)
        .map(drop)
        .map_err(failure_of)
}

/// Why the run ended before its data did, in words; `None` where it did not.
pub fn cut_short<E, T>(ran: &Finished<Market, E, T>, sessions: &[Session]) -> Option<String> {
    match ran.outcome {
        Outcome::Stopped => Some("interrupted: everything here is of the part before".to_owned()),
        Outcome::JournalFailed => Some("the journal could not be written any more".to_owned()),
        Outcome::Broken => Some("a stage died".to_owned()),
        Outcome::Restless => Some("orders and answers did not come to rest after the close".to_owned()),
        Outcome::Complete => {
            let session = &sessions[ran.market.inner().inner().day()];
            judge_end(&ran.market, session, false).err().map(|failure| failure.text)
        }
    }
}

/// What the end of a run means for the exit code.
///
/// # Errors
///
/// [`Failure`] where it ended before its data did, or its data are not whole.
pub fn judge(
    outcome: Outcome,
    market: &Market,
    sessions: &[Session],
    is_strict: bool,
) -> Result<(), Failure> {
    match outcome {
        Outcome::Complete => judge_end(market, &sessions[market.inner().inner().day()], is_strict),
        Outcome::Stopped => Err(Failure::runtime("interrupted; the artefacts cover the part before")),
        Outcome::JournalFailed => Err(Failure::runtime(
            "the inbound journal could not be written (disk full?); the run stopped and sent nothing more",
        )),
        Outcome::Broken => Err(Failure::runtime("a stage died; see the messages above")),
        Outcome::Restless => Err(Failure::runtime(
            "orders and answers did not come to rest after the market's end: a defect of the policy or the desk",
        )),
    }
}
