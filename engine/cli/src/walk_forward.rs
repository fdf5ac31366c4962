//! `walk-forward`: parameters chosen on the days before, applied to the days after, over several tick files.
//!
//! Every set runs once on every file, each from the configuration's opening state; what is chosen at a step depends on its training
//! files alone, and the stitched curve is made of test files alone. Finished runs are kept in `runs.jsonl`, as a sweep's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tickrace_analytics::validation::walk_forward::{Step, WalkConfig, walk};
use toml::{Table, Value};

use crate::backtest::checked;
use crate::sweep::grid::{self, Axis, Set, Values};
use crate::sweep::groups::{self, Executed, Plan};
use crate::sweep::metric::Metric;
use crate::sweep::row::{Figures, Status};
use crate::sweep::{axes_of, with};
use crate::{Failure, Streams, settings};

pub mod output;
pub mod pooled;

/// Arguments of `walk-forward`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tickrace walk-forward configs/backtest/market_making.toml --train 5 --test 1 --metric net_pnl \\\n    \
    --set 'data.files=[\"d1.itch50\",\"d2.itch50\",\"d3.itch50\",\"d4.itch50\",\"d5.itch50\",\"d6.itch50\"]' \\\n    \
    --grid strategy.order_qty_lots=50,100,200 --grid strategy.levels_count=1,2,3\n\n\
    Each file is a session, in order of time. At each step the set that is best over the training sessions is applied to the\n\
    test sessions behind them; then both move on by the test. --purge and --embargo leave sessions out between the two.\n\
    Writes runs.jsonl, walk_forward.html, summary.json, and a tear sheet of the stitched sessions. The same command again\n\
    goes on after an interruption.")]
pub struct Args {
    /// Configuration file (TOML)
    config: PathBuf,
    /// A key to choose: key=a,b,c (TOML values), key=from..to:steps or key=from..to:10log; repeatable, all combinations
    #[arg(long, value_name = "KEY=VALUES", required = true)]
    grid: Vec<String>,
    /// Draw this many sets instead of all combinations; ranges then need no steps
    #[arg(long, value_name = "COUNT")]
    random: Option<usize>,
    /// Seed of the drawing, and of the tear sheet's courses
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Sessions to choose on; with --anchored at least so many, from the first on
    #[arg(long, value_name = "SESSIONS")]
    train: usize,
    /// Sessions each choice is applied to
    #[arg(long, value_name = "SESSIONS", default_value_t = 1)]
    test: usize,
    /// Train from the first session on at each step
    #[arg(long)]
    anchored: bool,
    /// Sessions left out at the end of the training, whose outcome reaches beyond them
    #[arg(long, value_name = "SESSIONS", default_value_t = 0)]
    purge: usize,
    /// Sessions left out before the test beside those
    #[arg(long, value_name = "SESSIONS", default_value_t = 0)]
    embargo: usize,
    /// What the sets are chosen by, over all training sessions together
    #[arg(long, value_enum, default_value_t = Metric::NetPnl)]
    metric: Metric,
    /// Runs at one time; by default the cores this process may use
    #[arg(long)]
    cores: Option<usize>,
    /// Folder for the results; by default out/ and the name of the configuration with -walk-forward
    #[arg(long)]
    out: Option<PathBuf>,
    /// Start anew, whatever was done before
    #[arg(long)]
    fresh: bool,
    /// Override a key of the configuration, path=value; repeatable
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
}

/// A walk that was done.
pub struct Walked<'a> {
    /// Configuration file.
    pub path: &'a Path,
    /// The configuration before the swept values.
    pub table: &'a Table,
    /// Keys chosen.
    pub axes: &'a [Axis],
    /// Sets chosen from.
    pub sets: &'a [Set],
    /// What they are chosen by.
    pub metric: Metric,
    /// How it walked.
    pub config: WalkConfig,
    /// The sessions' files, in order.
    pub files: &'a [String],
    /// `[sets][sessions]`: figures of each run; absent where it was refused.
    pub figures: Vec<Vec<Option<Figures>>>,
    /// The steps.
    pub steps: Vec<Step>,
    /// Equity each session begins with.
    pub opening_equity: f64,
    /// Currency of the money.
    pub currency: String,
    /// What became of the runs.
    pub done: &'a Executed,
    /// Seed of the tear sheet's courses.
    pub seed: u64,
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
    let config = WalkConfig {
        train: args.train,
        is_anchored: args.anchored,
        test: args.test,
        purge: args.purge,
        embargo: args.embargo,
    };
    let files = files_of(&args.config, &table, &config)?;
    let axes = axes_of(&args.config, &args.grid, &table)?;
    if let Some(axis) = axes.iter().find(|axis| groups::is_of_data(&axis.key)) {
        return Err(Failure::usage(format!(
            "--grid {}: the data are what is walked over, so they cannot be chosen; a sweep can vary them",
            axis.key
        )));
    }
    let sets = match args.random {
        Some(count) => grid::sample(&axes, count, args.seed)?,
        None => grid::combinations(&axes)?,
    };
    if sets.len().saturating_mul(files.len()) > grid::SETS_MAX {
        return Err(Failure::usage(format!(
            "--grid: {} sets on {} files are more than {} runs; take fewer, or draw some with --random",
            sets.len(),
            files.len(),
            grid::SETS_MAX
        )));
    }
    let out = args.out.clone().unwrap_or_else(|| {
        let stem = args.config.file_stem().unwrap_or_default().to_string_lossy();
        Path::new("out").join(format!("{stem}-walk-forward"))
    });
    let (all_axes, all_sets, tables) = on_each_file(&table, &axes, &sets, &files)?;
    let interrupt = Arc::new(AtomicBool::new(false));
    let handle = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupt)).ok();
    let plan = Plan {
        path: &args.config,
        axes: &all_axes,
        cores: args.cores,
        out: &out,
        has_journals: false,
        is_fresh: args.fresh,
        interrupt: &interrupt,
    };
    let done = groups::execute(&plan, all_sets, tables, streams);
    if let Some(handle) = handle {
        signal_hook::low_level::unregister(handle);
    }
    let done = done?;
    if interrupt.load(Ordering::Relaxed) {
        return Err(Failure::runtime("interrupted; the same command goes on from here"));
    }
    check_order(&done, sets.len(), &files)?;
    let figures = figures_of(&done, sets.len(), files.len())?;
    let steps = walk(files.len(), sets.len(), &config, |set, sessions| {
        let chosen: Option<Vec<&Figures>> =
            sessions.iter().map(|session| figures[set][*session].as_ref()).collect();
        pooled::figure(args.metric, &chosen?)
    });
    let opening_equity = first_sound_equity(&args.config, &table, &axes, &sets)?;
    let walked = Walked {
        path: &args.config,
        table: &table,
        axes: &axes,
        sets: &sets,
        metric: args.metric,
        config,
        files: &files,
        figures,
        steps,
        opening_equity,
        currency: done.currency.clone(),
        done: &done,
        seed: args.seed,
        out: &out,
    };
    output::write(&walked, streams)?;
    match walked.steps.iter().any(|step| step.chosen.is_some()) {
        true => Ok(()),
        false => Err(Failure::usage(
            "no set has the figure on any training sessions; see the error of the rows in runs.jsonl",
        )),
    }
}

/// The sessions' files, enough of them for one step.
fn files_of(path: &Path, table: &Table, config: &WalkConfig) -> Result<Vec<String>, Failure> {
    if config.train == 0 || config.test == 0 {
        return Err(Failure::usage("--train and --test: at least one session each"));
    }
    let is_given = |key: &str| {
        grid::lookup(table, key).and_then(Value::as_array).is_some_and(|inputs| !inputs.is_empty())
    };
    if is_given("data.inputs") {
        return Err(Failure::usage(format!(
            "{}: data.inputs: walk-forward goes over data.files, one session each; convert the inputs of each day to one log first",
            path.display()
        )));
    }
    let files: Vec<String> = grid::lookup(table, "data.files")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|file| file.as_str().map(str::to_owned))
        .collect();
    let needed =
        config.train.saturating_add(config.purge).saturating_add(config.embargo).saturating_add(config.test);
    if files.len() < needed {
        return Err(Failure::usage(format!(
            "{}: data.files: {} files, but one step takes {needed} (train {}, purge {}, embargo {}, test {})",
            path.display(),
            files.len(),
            config.train,
            config.purge,
            config.embargo,
            config.test
        )));
    }
    Ok(files)
}

type Runs = (Vec<Axis>, Vec<Set>, Vec<Table>);

/// Every set on every file, the sets running fastest.
fn on_each_file(table: &Table, axes: &[Axis], sets: &[Set], files: &[String]) -> Result<Runs, Failure> {
    let dates = grid::lookup(table, "data.dates").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut all_axes = axes.to_vec();
    let names = files.iter().map(|file| Value::String(file.clone())).collect();
    all_axes.push(Axis { key: "data.files".to_owned(), values: Values::List(names) });
    let (mut all_sets, mut tables) = (Vec::new(), Vec::new());
    for (place, file) in files.iter().enumerate() {
        let name = Value::String(file.clone());
        for set in sets {
            let mut table = with(table, axes, set)?;
            settings::put(&mut table, "data.files", Value::Array(vec![name.clone()]))?;
            let date = dates.get(place).cloned().into_iter().collect::<Vec<Value>>();
            settings::put(&mut table, "data.dates", Value::Array(date))?;
            all_sets.push([set.as_slice(), std::slice::from_ref(&name)].concat());
            tables.push(table);
        }
    }
    Ok((all_axes, all_sets, tables))
}

/// The sessions must follow one another: else the past would be chosen by the future.
fn check_order(done: &Executed, sets: usize, files: &[String]) -> Result<(), Failure> {
    let begins: Vec<Option<i64>> = (0..files.len()).map(|file| done.begins_ns[file * sets]).collect();
    for (place, pair) in begins.windows(2).enumerate() {
        if let (Some(before), Some(after)) = (pair[0], pair[1])
            && before >= after
        {
            return Err(Failure::usage(format!(
                "data.files: {} does not begin after {}; put the files in order of time, and give data.dates where names tell none",
                files[place + 1],
                files[place]
            )));
        }
    }
    Ok(())
}

fn figures_of(done: &Executed, sets: usize, files: usize) -> Result<Vec<Vec<Option<Figures>>>, Failure> {
    let mut figures = vec![vec![None; files]; sets];
    for (place, task) in done.tasks.iter().enumerate() {
        let Some(row) = done.known.get(&task.hash) else { continue };
        if row.status == Status::Failed {
            return Err(Failure::runtime(format!(
                "a run failed: {}; the same command tries it again",
                row.error.as_deref().unwrap_or("unknown")
            )));
        }
        if let Some(why) = row.figures.as_ref().and_then(|figures| figures.cut_short.clone()) {
            return Err(Failure::input(why));
        }
        figures[place % sets][place / sets].clone_from(&row.figures);
    }
    Ok(figures)
}

fn first_sound_equity(path: &Path, table: &Table, axes: &[Axis], sets: &[Set]) -> Result<f64, Failure> {
    let mut fault = None;
    for set in sets {
        match checked(path, &with(table, axes, set)?) {
            Ok(config) => return Ok(config.report.opening_equity),
            Err(failure) => fault = fault.or(Some(failure)),
        }
    }
    Err(fault.unwrap_or_else(|| Failure::usage("there is no set")))
}

/// Values of a set by key, as TOML.
fn values_of(walked: &Walked<'_>, set: usize) -> BTreeMap<String, String> {
    crate::sweep::values_of(walked.axes, &walked.sets[set])
}
