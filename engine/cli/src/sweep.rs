//! `sweep`: many backtests over all cores, one table.
//!
//! Every worker runs one set at a time, fused on its thread; all read one mapped copy of the data. Finished runs are
//! kept in `runs.jsonl`, so that an interrupted sweep goes on where it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tickrace_desk::DeskConfig;
use tickrace_desk::log_source::View;
use tickrace_runtime::pin;
use toml::{Table, Value};

use crate::backtest::{checked, market_of, open_data};
use crate::live_figures::SharedData;
use crate::provenance::{self, MarketFile};
use crate::tops::Tape;
use crate::{Failure, Streams, progress, settings};

pub mod grid;
pub mod metric;
pub mod output;
pub mod pool;
pub mod row;

use grid::{Axis, Set};
use metric::Metric;
use row::{Row, RunsFile, Status};

/// Arguments of `sweep`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tickrace sweep configs/backtest/touch_quoting.toml --set 'data.files=[\"btcusdt_20240808.gz\"]' \\\n    \
    --grid strategy.order_qty_lots=5,10,20 --grid 'venue.order_latency_ns=100_000..100_000_000:7log'\n  \
    tickrace sweep configs/backtest/market_making.toml --random 200 --seed 7 --metric net_bps \\\n    \
    --grid strategy.risk_aversion_per_tick=0.001..1:log --grid strategy.levels_count=1,2,3\n  \
    tickrace sweep configs/backtest/touch_quoting.toml \\\n    \
    --grid 'venue.queue={model=\"risk-averse\"},{model=\"power\",exponent=3.0}'\n\n\
    Writes runs.jsonl, sweep.parquet, sweep.html and summary.json. The same command again goes on after an interruption.")]
pub struct Args {
    /// Configuration file (TOML)
    config: PathBuf,
    /// A swept key: key=a,b,c (TOML values), key=from..to:steps or key=from..to:10log; repeatable, all combinations
    #[arg(long, value_name = "KEY=VALUES", required = true)]
    grid: Vec<String>,
    /// Draw this many sets instead of all combinations; ranges then need no steps
    #[arg(long, value_name = "COUNT")]
    random: Option<usize>,
    /// Seed of the drawing
    #[arg(long, default_value_t = 1, requires = "random")]
    seed: u64,
    /// What the runs are ranked by
    #[arg(long, value_enum, default_value_t = Metric::NetPnl)]
    metric: Metric,
    /// Runs at one time; by default the cores this process may use
    #[arg(long)]
    cores: Option<usize>,
    /// Folder for the results; by default out/ and the name of the configuration with -sweep
    #[arg(long)]
    out: Option<PathBuf>,
    /// Keep the journal and all artefacts of each run, in runs/ and the number of its set
    #[arg(long)]
    journals: bool,
    /// Start anew, whatever was done before
    #[arg(long)]
    fresh: bool,
    /// Override a key of the configuration, path=value; repeatable
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
}

/// One set, ready to run.
pub struct Task {
    /// Number from 1, in the order of the grid.
    pub number: usize,
    /// Its values, in the order of the keys.
    pub values: Set,
    /// The configuration with them.
    pub table: Table,
    /// Hash of configuration, data and program.
    pub hash: String,
}

/// A sweep that was done, as far as it went.
pub struct Swept<'a> {
    /// Configuration file.
    pub path: &'a Path,
    /// The configuration before the swept values.
    pub table: &'a Table,
    /// Swept keys.
    pub axes: &'a [Axis],
    /// Sets, each with its run where there was one.
    pub runs: Vec<(&'a Task, Option<Row>)>,
    /// What they are ranked by.
    pub metric: Metric,
    /// Currency of the money.
    pub currency: String,
    /// Tick files.
    pub files: &'a [MarketFile],
    /// Runs taken from an earlier call.
    pub resumed: usize,
    /// Runs at one time.
    pub cores: usize,
    /// Seconds for the runs that were not taken from there.
    pub wall_seconds: f64,
    /// Folder of the results.
    pub out: &'a Path,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] with the exit code of its kind.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let table = settings::load(&args.config, &args.set)?;
    let axes = axes_of(args, &table)?;
    let sets = match args.random {
        Some(count) => grid::sample(&axes, count, args.seed)?,
        None => grid::combinations(&axes)?,
    };
    let tables: Vec<Table> = sets.iter().map(|set| with(&table, &axes, set)).collect::<Result<_, _>>()?;
    let config = first_sound(&args.config, &tables)?;
    let (sessions, instruments) = open_data(&config, streams)?;
    let files: Vec<MarketFile> = sessions.iter().map(|session| MarketFile::of(session, streams)).collect();
    let tape = Tape::record(market_of(&config, &sessions, &instruments, View::Venue)?, &instruments);
    let data = SharedData { sessions, instruments, tape };
    let tasks = tasks_of(sets, tables, &files)?;

    let out = args.out.clone().unwrap_or_else(|| {
        let stem = args.config.file_stem().unwrap_or_default().to_string_lossy();
        Path::new("out").join(format!("{stem}-sweep"))
    });
    std::fs::create_dir_all(&out).map_err(|error| Failure::write(&out, error))?;
    let (mut kept, mut known, faults) = RunsFile::open(&out.join("runs.jsonl"), args.fresh)?;
    if faults > 0 {
        streams.warn(&format!(
            "{}: {faults} lines make no sense; those sets run again",
            out.join("runs.jsonl").display()
        ));
    }
    let waiting: Vec<&Task> = tasks.iter().filter(|task| !known.contains_key(&task.hash)).collect();
    let resumed = tasks.len() - waiting.len();
    if resumed > 0 {
        streams.say(&format!("{resumed} of {} sets were run before; --fresh runs them again", tasks.len()));
    }
    let allowed = pin::allowed_cores().len().max(1);
    let cores = args.cores.unwrap_or(allowed).clamp(1, waiting.len().max(1));
    let interrupt = Arc::new(AtomicBool::new(false));
    let handle = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupt)).ok();
    let bar = progress::bar(streams.is_watched, waiting.len() as u64, "sweep");
    bar.enable_steady_tick(std::time::Duration::from_secs(1));
    let started = Instant::now();
    let work = pool::Work {
        path: &args.config,
        axes: &axes,
        data: &data,
        files: &files,
        journals: args.journals.then_some(out.as_path()),
        interrupt: &interrupt,
    };
    let done = pool::run(&waiting, cores, &work, |row| {
        kept.push(&row)?;
        known.insert(row.hash.clone(), row);
        bar.inc(1);
        Ok(())
    });
    bar.finish_and_clear();
    if let Some(handle) = handle {
        signal_hook::low_level::unregister(handle);
    }
    done?;
    let swept = Swept {
        path: &args.config,
        table: &table,
        axes: &axes,
        runs: tasks.iter().map(|task| (task, known.get(&task.hash).cloned())).collect(),
        metric: args.metric,
        currency: data
            .instruments
            .as_slice()
            .first()
            .map_or_else(String::new, |one| one.quote_currency.clone()),
        files: &files,
        resumed,
        cores,
        wall_seconds: started.elapsed().as_secs_f64(),
        out: &out,
    };
    output::write(&swept, streams)?;
    judge(&swept, interrupt.load(Ordering::Relaxed))
}

fn axes_of(args: &Args, table: &Table) -> Result<Vec<Axis>, Failure> {
    let axes: Vec<Axis> = args.grid.iter().map(|text| Axis::parse(text, table)).collect::<Result<_, _>>()?;
    for (place, axis) in axes.iter().enumerate() {
        let key = axis.key.as_str();
        if axes[..place].iter().any(|other| other.key == key) {
            return Err(Failure::usage(format!("--grid {key}: swept twice")));
        }
        let section = key.split('.').next().unwrap_or(key);
        let is_shared = section == "instruments" || (section == "data" && key != "data.feed_latency_ns");
        if is_shared {
            return Err(Failure::usage(format!(
                "--grid {key}: all sets share the data and the instruments; run a sweep for each"
            )));
        }
        exists(&args.config, table, axis)?;
    }
    Ok(axes)
}

/// Refuses a key that no configuration has; whether a value is sound is for its set to say.
fn exists(path: &Path, table: &Table, axis: &Axis) -> Result<(), Failure> {
    if grid::lookup(table, &axis.key).is_some() {
        return Ok(());
    }
    let values = match &axis.values {
        grid::Values::List(values) => values.clone(),
        grid::Values::Range(range) => vec![Value::Float(range.from), Value::Integer(1)],
    };
    let mut unknown = None;
    for value in values {
        let mut table = table.clone();
        settings::put(&mut table, &axis.key, value)?;
        match settings::parse::<DeskConfig>(path, &table) {
            Ok(_) => return Ok(()),
            Err(failure) => {
                let is_named = |part: &str| failure.text.contains(&format!("unknown field `{part}`"));
                if axis.key.split('.').any(is_named) {
                    unknown = Some(failure);
                }
            }
        }
    }
    unknown.map_or(Ok(()), |failure| {
        Err(Failure::usage(format!("--grid {}: no such key in the configuration: {failure}", axis.key)))
    })
}

pub(crate) fn with(table: &Table, axes: &[Axis], set: &Set) -> Result<Table, Failure> {
    let mut table = table.clone();
    for (axis, value) in axes.iter().zip(set) {
        settings::put(&mut table, &axis.key, value.clone())?;
    }
    Ok(table)
}

/// The first configuration that is sound, to open the data with: they are the same for all.
fn first_sound(path: &Path, tables: &[Table]) -> Result<DeskConfig, Failure> {
    let mut first = None;
    for table in tables {
        match checked(path, table) {
            Ok(config) => return Ok(config),
            Err(failure) => first = first.or(Some(failure)),
        }
    }
    let why = first.map_or_else(|| "there is none".to_owned(), |failure| failure.text);
    Err(Failure::usage(format!("no set is sound; the first: {why}")))
}

fn tasks_of(sets: Vec<Set>, tables: Vec<Table>, files: &[MarketFile]) -> Result<Vec<Task>, Failure> {
    let data: Vec<&str> = files.iter().map(|file| file.blake3.as_str()).collect();
    let build = provenance::build();
    let task = |(number, (values, table)): (usize, (Set, Table))| {
        let text = toml::to_string(&table).map_err(Failure::usage)?;
        let mut hasher = blake3::Hasher::new();
        for part in [text.as_str(), &data.join(" "), &build] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Ok(Task { number, values, table, hash: hasher.finalize().to_hex().to_string() })
    };
    (1..).zip(sets.into_iter().zip(tables)).map(task).collect()
}

/// Values of a set by key, as TOML.
pub fn values_of(axes: &[Axis], set: &Set) -> BTreeMap<String, String> {
    axes.iter().zip(set).map(|(axis, value)| (axis.key.clone(), value.to_string())).collect()
}

fn judge(swept: &Swept<'_>, is_interrupted: bool) -> Result<(), Failure> {
    let rows = || swept.runs.iter().filter_map(|run| run.1.as_ref());
    let missing = swept.runs.len() - rows().count();
    if is_interrupted && missing > 0 {
        return Err(Failure::runtime(format!(
            "interrupted with {missing} sets to go; the same command goes on from here"
        )));
    }
    if let Some(failed) = rows().find(|row| row.status == Status::Failed) {
        return Err(Failure::runtime(format!(
            "a run failed: {}; the same command tries it again",
            failed.error.as_deref().unwrap_or("unknown")
        )));
    }
    if let Some(why) = rows().filter_map(|row| row.figures.as_ref()?.cut_short.clone()).next() {
        return Err(Failure::input(why));
    }
    match rows().find(|row| row.status == Status::Done) {
        Some(_) => Ok(()),
        None => Err(Failure::usage("every set was refused; see the column error")),
    }
}
