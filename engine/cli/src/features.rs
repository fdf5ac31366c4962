//! `features`: the rows that a model would see, over tick files, with the returns that followed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use tickrace_desk::DeskConfig;
use tickrace_desk::config::{DataConfig, InputConfig, InstrumentsConfig, RunConfig, StrategyConfig};
use tickrace_desk::log_source::View;
use tickrace_desk::watch::Watch;
use tickrace_store::features::{FeaturesRow, FeaturesWriter};
use tickrace_strategy::{FeatureSet, FeaturesConfig};
use tickrace_types::{InstrumentId, InstrumentTable};

use crate::backtest::{Market, market_of_data};
use crate::data::open_sessions;
use crate::input::{Session, judge_end};
use crate::{Failure, Streams, progress, settings};

pub mod labels;

use labels::{Labelled, Labels};

/// Arguments of `features`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tickrace features configs/backtest/model.toml --label-ms 10000 --out features.parquet\n  \
    tickrace features day.itch50 --features configs/features/touch.toml --symbol AAPL --out features.parquet\n\n\
    One row at the first event of each sampling interval, bit for bit what a policy of kind \"model\" sees in a backtest.\n\
    A feature that has not seen enough is null. docs/models.md has the vocabulary.")]
pub struct Args {
    /// Configuration (TOML), tick file of any format, or the folder of a native log
    input: PathBuf,
    /// The features (TOML); by default those of the configuration's strategy
    #[arg(long)]
    features: Option<PathBuf>,
    /// Parquet file to write
    #[arg(long)]
    out: PathBuf,
    /// Only this symbol; repeatable
    #[arg(long)]
    symbol: Vec<String>,
    /// Adds the return of the mid over the so many milliseconds that follow; repeatable
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=86_400_000))]
    label_ms: Vec<u32>,
    /// Session date of a tick file, YYYY-MM-DD
    #[arg(long)]
    date: Option<String>,
    /// Format of a tick file, where its content does not tell
    #[arg(long)]
    format: Option<String>,
    /// Override a key of the configuration, path=value; repeatable
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Exit with 3 where a message was skipped
    #[arg(long)]
    strict: bool,
}

/// What `--json` prints.
#[derive(Debug, Default, Serialize)]
struct Report {
    out: String,
    records: u64,
    rows: u64,
    /// Rows in which every feature is ready.
    ready_rows: u64,
    /// Rows by symbol.
    by_symbol: std::collections::BTreeMap<String, u64>,
    features: Vec<String>,
    labels: Vec<String>,
    first_ts_ns: Option<i64>,
    last_ts_ns: Option<i64>,
}

/// Where the data come from, and which features are asked for.
struct Asked {
    data: DataConfig,
    instruments: InstrumentsConfig,
    seed: u64,
    orders_capacity: usize,
    features: FeaturesConfig,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] with the exit code of its kind.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let asked = asked(args)?;
    let sessions =
        open_sessions(&asked.data, &asked.instruments.symbols, &asked.instruments.custom, streams)?;
    let instruments = asked.instruments.table(&sessions[0].announced()).map_err(Failure::usage)?;
    let market = market_of_data(&asked.data, asked.seed, &sessions, &instruments, View::Desk)?;
    let interrupt = Arc::new(AtomicBool::new(false));
    let handle = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupt)).ok();
    let watch = Watch::new(market, &instruments, asked.orders_capacity);
    let total = sessions.iter().map(Session::records).sum();
    let bar = progress::bar(streams.is_watched, total, "features");
    let done = write(args, &asked.features, &instruments, watch, &interrupt, &bar);
    if let Some(handle) = handle {
        signal_hook::low_level::unregister(handle);
    }
    bar.finish_and_clear();
    let (report, watch) = done?;
    for symbol in asked.instruments.symbols.iter().filter(|symbol| !report.by_symbol.contains_key(*symbol)) {
        streams.warn(&format!("no quote of {symbol}: `tickrace inspect` lists the symbols of a file"));
    }
    if streams.is_json {
        streams.json(&report);
    }
    streams.say(&format!(
        "{}: {} rows of {} features over {} records, {} of them with every feature ready",
        report.out,
        report.rows,
        report.features.len(),
        report.records,
        report.ready_rows
    ));
    if interrupt.load(Ordering::Relaxed) {
        return Err(Failure::runtime("interrupted; the file covers the part before"));
    }
    let market = watch.source();
    judge_end(market, &sessions[market.inner().inner().day()], args.strict)
}

fn asked(args: &Args) -> Result<Asked, Failure> {
    let stated = args.features.as_deref().map(read_features).transpose()?;
    let is_config = args.input.extension().is_some_and(|ending| ending == "toml");
    let mut asked = if is_config {
        let table = settings::load(&args.input, &args.set)?;
        let config: DeskConfig = settings::parse(&args.input, &table)?;
        let path = args.input.display();
        config.validate().map_err(|error| Failure::usage(format!("{path}: {error}")))?;
        let own = config.all_strategies().into_iter().find_map(|strategy| match strategy.policy {
            StrategyConfig::Model(model) => Some(model.features.clone()),
            _ => None,
        });
        let features = stated.or(own).ok_or_else(|| {
            Failure::usage(format!(
                "{path}: no strategy of kind \"model\" states features: name a file with --features"
            ))
        })?;
        let mut data = config.data;
        if let Some(date) = &args.date {
            data.dates = vec![date.clone()];
        }
        Asked {
            data,
            instruments: config.instruments,
            seed: config.run.seed,
            orders_capacity: config.run.book_orders_capacity,
            features,
        }
    } else {
        if !args.set.is_empty() {
            return Err(Failure::usage("--set overrides keys of a configuration, and a tick file has none"));
        }
        let input = InputConfig {
            path: args.input.clone(),
            format: args.format.clone(),
            date: args.date.clone(),
            ..InputConfig::default()
        };
        Asked {
            data: DataConfig { inputs: vec![input], ..DataConfig::default() },
            instruments: InstrumentsConfig::default(),
            seed: 1,
            orders_capacity: RunConfig::default().book_orders_capacity,
            features: stated
                .ok_or_else(|| Failure::usage("--features: name the file of features for a tick file"))?,
        }
    };
    if !args.symbol.is_empty() {
        asked.instruments.symbols.clone_from(&args.symbol);
    }
    Ok(asked)
}

fn read_features(path: &Path) -> Result<FeaturesConfig, Failure> {
    let table = settings::load(path, &[])?;
    let features: FeaturesConfig = settings::parse(path, &table)?;
    features.validate().map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Ok(features)
}

fn write(
    args: &Args,
    config: &FeaturesConfig,
    instruments: &InstrumentTable,
    mut watch: Watch<Market>,
    interrupt: &AtomicBool,
    bar: &indicatif::ProgressBar,
) -> Result<(Report, Watch<Market>), Failure> {
    let labels: Vec<String> = args.label_ms.iter().map(|ms| format!("future_return_{ms}ms")).collect();
    let columns: Vec<String> = config.labels().into_iter().chain(labels.iter().cloned()).collect();
    if let Some(name) = (1..columns.len()).find(|place| columns[..*place].contains(&columns[*place])) {
        return Err(Failure::usage(format!("--label-ms: {} is asked for twice", columns[name])));
    }
    let mut writer = FeaturesWriter::create(&args.out, &columns).map_err(Failure::runtime)?;
    let mut sets: Vec<FeatureSet> =
        instruments.as_slice().iter().map(|instrument| FeatureSet::new(config, instrument)).collect();
    let mut waiting = Labels::new(&args.label_ms, instruments.len());
    let mut report = Report {
        out: args.out.display().to_string(),
        features: config.labels(),
        labels,
        ..Report::default()
    };
    let mut values = Vec::with_capacity(columns.len());
    let mut push = |taken: Labelled, report: &mut Report| {
        let Labelled { id, row, labels } = taken;
        values.clear();
        values.extend((0..row.values.len()).map(|place| row.value(place)));
        values.extend(labels);
        let symbol = &instruments.get(id).symbol;
        report.rows += 1;
        report.ready_rows += u64::from(row.is_ready());
        *report.by_symbol.entry(symbol.clone()).or_default() += 1;
        report.first_ts_ns.get_or_insert(row.ts_ns);
        report.last_ts_ns = Some(row.ts_ns);
        let row = FeaturesRow { ts_ns: row.ts_ns, symbol, touch: row.touch, values: &values };
        writer.push(&row).map_err(Failure::runtime)
    };
    let (mut last_ns, mut due) = (i64::MIN, Vec::new());
    loop {
        let is_more = watch.advance(&mut |record, top| {
            let id = InstrumentId(record.header.instrument);
            let Some(set) = sets.get_mut(id.index()) else { return };
            last_ns = record.header.ts_recv_ns;
            let is_due = set.on_record(record, top, last_ns).is_some();
            waiting.on_quote(id, last_ns, set.quote());
            if is_due {
                waiting.push(id, set.row());
            }
            while let Some(taken) = waiting.pop(last_ns) {
                due.push(taken);
            }
        });
        for taken in due.drain(..) {
            push(taken, &mut report)?;
        }
        if watch.records().is_multiple_of(4096) {
            bar.set_position(watch.records());
        }
        if !is_more || watch.records().is_multiple_of(4096) && interrupt.load(Ordering::Relaxed) {
            break;
        }
    }
    while let Some(taken) = waiting.pop_last(last_ns) {
        push(taken, &mut report)?;
    }
    report.records = watch.records();
    writer.finish().map_err(Failure::runtime)?;
    Ok((report, watch))
}
