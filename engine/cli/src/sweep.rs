//! `sweep`: many backtests over all cores, one table.
//!
//! Every worker runs one set at a time, fused on its thread; all read one mapped copy of the data. Finished runs are
//! kept in `runs.jsonl`, so that an interrupted sweep goes on where it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tickrace_analytics::validation::splits::Gap;
use tickrace_desk::DeskConfig;
use toml::{Table, Value};

use crate::provenance::MarketFile;
use crate::{Failure, Streams, settings};

pub mod grid;
pub mod groups;
pub mod metric;
pub mod output;
pub mod pool;
pub mod row;
pub mod validation;

use grid::{Axis, Set};
use groups::{Executed, Plan};
use metric::Metric;
use row::{Row, Status};

/// Arguments of `sweep`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tickrace sweep configs/backtest/touch_quoting.toml --set 'data.files=[\"btcusdt_20240808.gz\"]' \\\n    \
    --grid strategy.order_qty_lots=5,10,20 --grid 'venue.order_latency_ns=100_000..100_000_000:7log'\n  \
    tickrace sweep configs/backtest/market_making.toml --random 200 --seed 7 --metric net_bps \\\n    \
    --grid strategy.risk_aversion_per_tick=0.001..1:log --grid strategy.levels_count=1,2,3\n  \
    tickrace sweep configs/backtest/touch_quoting.toml \\\n    \
    --grid 'venue.queue={model=\"risk-averse\"},{model=\"power\",exponent=3.0}'\n\n\
    Writes runs.jsonl, sweep.parquet, sweep.html and summary.json. The same command again goes on after an interruption.\n\
    The page and summary.json also judge the search: the probability that its winner is overfitted, the winner's deflated\n\
    Sharpe ratio, what choosing the best earns where it was not chosen, and the ground around the winner. Keys of data and\n\
    instruments may be swept too; then the sets are of different periods, and the search is not judged: `walk-forward` is\n\
    for that.")]
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
    /// Periods left out between fitting and testing where the search is cross-validated: outcomes that reach so far
    #[arg(long, default_value_t = 0, value_name = "PERIODS")]
    purge: usize,
    /// Periods left out behind a test beside those
    #[arg(long, default_value_t = 0, value_name = "PERIODS")]
    embargo: usize,
    /// Override a key of the configuration, path=value; repeatable
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
}

impl Args {
    const fn gap(&self) -> Gap {
        Gap { purge: self.purge, embargo: self.embargo }
    }
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
    let axes = axes_of(&args.config, &args.grid, &table)?;
    let sets = match args.random {
        Some(count) => grid::sample(&axes, count, args.seed)?,
        None => grid::combinations(&axes)?,
    };
    let tables: Vec<Table> = sets.iter().map(|set| with(&table, &axes, set)).collect::<Result<_, _>>()?;
    let out = args.out.clone().unwrap_or_else(|| {
        let stem = args.config.file_stem().unwrap_or_default().to_string_lossy();
        Path::new("out").join(format!("{stem}-sweep"))
    });
    let interrupt = Arc::new(AtomicBool::new(false));
    let handle = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupt)).ok();
    let plan = Plan {
        path: &args.config,
        axes: &axes,
        cores: args.cores,
        out: &out,
        has_journals: args.journals,
        is_fresh: args.fresh,
        interrupt: &interrupt,
    };
    let done = groups::execute(&plan, sets, tables, streams);
    if let Some(handle) = handle {
        signal_hook::low_level::unregister(handle);
    }
    let Executed { tasks, mut known, files, currency, resumed, cores, wall_seconds, .. } = done?;
    let swept = Swept {
        path: &args.config,
        table: &table,
        axes: &axes,
        runs: tasks.iter().map(|task| (task, known.remove(&task.hash))).collect(),
        metric: args.metric,
        currency,
        files: &files,
        resumed,
        cores,
        wall_seconds,
        out: &out,
    };
    let is_over_data = axes.iter().any(|axis| groups::is_of_data(&axis.key));
    let judgement = validation::judge(&swept, is_over_data, args.gap());
    output::write(&swept, &judgement, streams)?;
    judge(&swept, interrupt.load(Ordering::Relaxed))
}

/// Reads the swept keys.
///
/// # Errors
///
/// [`Failure`] naming the key that is none, or is swept twice.
pub fn axes_of(path: &Path, grid: &[String], table: &Table) -> Result<Vec<Axis>, Failure> {
    let axes: Vec<Axis> = grid.iter().map(|text| Axis::parse(text, table)).collect::<Result<_, _>>()?;
    for (place, axis) in axes.iter().enumerate() {
        let key = axis.key.as_str();
        if axes[..place].iter().any(|other| other.key == key) {
            return Err(Failure::usage(format!("--grid {key}: swept twice")));
        }
        exists(path, table, axis)?;
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

/// The configuration with the values of a set.
///
/// # Errors
///
/// [`Failure`] where a key cannot be put there.
pub fn with(table: &Table, axes: &[Axis], set: &Set) -> Result<Table, Failure> {
    let mut table = table.clone();
    for (axis, value) in axes.iter().zip(set) {
        settings::put(&mut table, &axis.key, value.clone())?;
    }
    Ok(table)
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
