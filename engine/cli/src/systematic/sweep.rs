//! `systematic sweep`: a surface of parameters, and how far its best can be believed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;
use tickrace_analytics::performance::sharpe::{Observed, deflated_sharpe, expected_best};
use tickrace_analytics::report::format;
use tickrace_analytics::report::sortable::Cell;
use tickrace_analytics::report::sweep::{Place, SweepPage, html};
use tickrace_analytics::validation::overfitting::{BLOCKS_MAX, Overfitting, probability_of_overfitting};
use tickrace_analytics::validation::surface::{Point, Robustness, robustness};
use tickrace_stats::Series;
use tickrace_store::Sheet;
use tickrace_store::sheet::Cells;
use tickrace_systematic::account::{Frequency, Statistics};
use tickrace_systematic::bars::Laid;
use tickrace_systematic::config::SystemConfig;
use tickrace_systematic::earnings::Earnings;
use tickrace_systematic::market::Market;
use tickrace_systematic::raw::span_of;
use tickrace_systematic::rules::Rules;
use tickrace_systematic::system::{System, parallel};
use toml::{Table, Value};

use super::{Input, data, words};
use crate::columns::aligned;
use crate::sweep::grid::{self, Axis, Set};
use crate::sweep::output::{cells_of, number_of, text_of};
use crate::sweep::with;
use crate::{Failure, Streams, progress, provenance, settings};

/// Rows of the table on the terminal.
const SHOWN_MAX: usize = 20;

/// Arguments of `systematic sweep`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tickrace systematic sweep configs/systematic/chapter15.toml --data DIR --out out/surface \\\n    \
    --grid trading_rules.ewmac16_64.other_args.Lfast=4..32:4log --grid buffer_size=0,0.1,0.2\n\n\
    Writes sweep.parquet, sweep.html and summary.json. The deflated Sharpe ratio is the probability that the best Sharpe ratio is\n\
    above what luck alone gives the best of so many; the probability of overfitting says how often the best of one half of the\n\
    years is below the median in the other.")]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// A swept key: key=a,b,c (TOML values), key=from..to:steps or key=from..to:10log; repeatable, all combinations
    #[arg(long, value_name = "KEY=VALUES", required = true)]
    grid: Vec<String>,
    /// Draw this many sets instead of all combinations; ranges then need no steps
    #[arg(long, value_name = "COUNT")]
    random: Option<usize>,
    /// Seed of the drawing
    #[arg(long, default_value_t = 1, requires = "random")]
    seed: u64,
    /// What the sets are ranked by
    #[arg(long, value_enum, default_value_t = Metric::Sharpe)]
    metric: Metric,
    /// Folder for the results; by default out/ and the name of the configuration with -sweep
    #[arg(long)]
    out: Option<PathBuf>,
}

/// A figure of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Metric {
    /// Sharpe ratio of daily net profits, a year
    Sharpe,
    /// Net profit a year, per cent of capital
    Net,
    /// Deepest drawdown, the least deep first
    Drawdown,
    /// Turnovers a year, the fewest first
    Turnover,
    /// Costs a year, the least first
    Costs,
}

/// Figures of a system; per cent of the notional capital.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
struct Figures {
    sharpe: Option<f64>,
    net_pct: Option<f64>,
    deviation_pct: Option<f64>,
    drawdown_pct: Option<f64>,
    turnover: Option<f64>,
    costs_pct: Option<f64>,
}

impl Metric {
    const fn name(self) -> &'static str {
        match self {
            Self::Sharpe => "sharpe",
            Self::Net => "net_pct",
            Self::Drawdown => "drawdown_pct",
            Self::Turnover => "turnover",
            Self::Costs => "costs_pct",
        }
    }

    const fn is_less_better(self) -> bool {
        matches!(self, Self::Turnover | Self::Costs)
    }

    const fn of(self, figures: &Figures) -> Option<f64> {
        match self {
            Self::Sharpe => figures.sharpe,
            Self::Net => figures.net_pct,
            // Below zero: more is less deep.
            Self::Drawdown => figures.drawdown_pct,
            Self::Turnover => figures.turnover,
            Self::Costs => figures.costs_pct,
        }
    }
}

/// A set that was worked out, or why it was not.
struct Run {
    number: usize,
    values: Set,
    figures: Result<Figures, String>,
    /// Net profit of each day, per cent.
    days: Series,
}

/// Figures and the net profit of each day, or why there are none.
type Worked = Result<(Figures, Series), String>;

/// How far the best Sharpe ratio can be believed.
#[derive(Debug, Default, serde::Serialize)]
struct Belief {
    trials: usize,
    best_sharpe: Option<f64>,
    expected_best_sharpe_of_luck: Option<f64>,
    deflated_sharpe_probability: Option<f64>,
    overfitting: Option<Overfitting>,
    robustness: Option<Robustness>,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] with the exit code of its kind.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let path = &args.input.config;
    let table = settings::load(path, &args.input.set)?;
    let axes: Vec<Axis> = args.grid.iter().map(|text| Axis::parse(text, &table)).collect::<Result<_, _>>()?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = axes.iter().find(|axis| !seen.insert(axis.key.as_str())) {
        return Err(Failure::usage(format!("--grid {}: swept twice", twice.key)));
    }
    let sets = match args.random {
        Some(count) => grid::sample(&axes, count, args.seed)?,
        None => grid::combinations(&axes)?,
    };
    let configs: Vec<Result<SystemConfig, Failure>> = sets
        .iter()
        .map(|set| {
            let mut table = with(&table, &axes, set)?;
            words::translate(&mut table)?;
            settings::parse(path, &table)
        })
        .collect();
    let market = load(&args.input.data, &configs)?;
    let started = std::time::Instant::now();
    let bar = progress::bar(streams.is_watched, sets.len() as u64, "sweep");
    let worked = parallel::each(sets.len(), |place| {
        let done = match &configs[place] {
            Ok(config) => worked_out(&market, config),
            Err(failure) => Err(failure.text.clone()),
        };
        bar.inc(1);
        done
    });
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let run = |(number, (values, done)): (usize, (Set, Worked))| match done {
        Ok((figures, days)) => Run { number, values, figures: Ok(figures), days },
        Err(fault) => Run { number, values, figures: Err(fault), days: Series::default() },
    };
    let mut runs: Vec<Run> = (1..).zip(sets.into_iter().zip(worked)).map(run).collect();
    if runs.iter().all(|run| run.figures.is_err()) {
        let why = runs.iter().find_map(|run| run.figures.as_ref().err()).cloned().unwrap_or_default();
        return Err(Failure::usage(format!("no set is sound; the first: {why}")));
    }
    let belief = belief(&runs, &axes);
    let metric = |run: &Run| run.figures.as_ref().ok().and_then(|figures| args.metric.of(figures));
    runs.sort_by(|one, other| {
        let worth = |run: &Run| {
            let sign = if args.metric.is_less_better() { -1.0 } else { 1.0 };
            metric(run).map_or(f64::NEG_INFINITY, |value| sign * value)
        };
        worth(other).total_cmp(&worth(one)).then(one.number.cmp(&other.number))
    });
    write(args, &table, &axes, &runs, &belief, seconds, streams)
}

/// Prices of all instruments that any set asks for.
fn load(folder: &Path, configs: &[Result<SystemConfig, Failure>]) -> Result<Market, Failure> {
    let mut wanted = BTreeSet::new();
    for config in configs.iter().flatten() {
        match &config.instrument_weights {
            Some(weights) => wanted.extend(weights.keys().map(String::as_str)),
            None => return data::load(folder, None),
        }
    }
    if wanted.is_empty() {
        // No set is sound: nothing is needed to say so.
        return Ok(Market::default());
    }
    data::load(folder, Some(&wanted.into_iter().collect::<Vec<_>>()))
}

fn worked_out(market: &Market, config: &SystemConfig) -> Worked {
    let laid = Laid::of(market, config).map_err(|error| error.to_string())?;
    let (market, terms) = laid.as_ref().map_or((market, config), |laid| (&laid.market, &laid.terms));
    let system = System::lean(market, terms, &Rules::default()).map_err(|error| error.to_string())?;
    let earnings = Earnings::new(&system, market, terms).map_err(|error| error.to_string())?;
    // Figures are of real days and years.
    let earnings = match &laid {
        Some(laid) => laid.calendar.earnings(&earnings),
        None => earnings,
    };
    let account = earnings.dynamic.as_ref().unwrap_or(&earnings.portfolio);
    let net = Statistics::of_flow(&account.net(), Frequency::BusinessDay);
    let costs = Statistics::of_flow(&account.costs, Frequency::BusinessDay);
    let turned: Vec<f64> = earnings
        .instruments
        .values()
        .map(|earned| earned.turnovers.instrument)
        .filter(|turned| turned.is_finite())
        .collect();
    let finite = |value: f64| Some(value).filter(|value| value.is_finite());
    let figure = |of: fn(&Statistics) -> f64| net.as_ref().map(of).and_then(finite);
    let figures = Figures {
        sharpe: figure(|net| net.sharpe),
        net_pct: figure(|net| net.ann_mean),
        deviation_pct: figure(|net| net.ann_std),
        drawdown_pct: figure(|net| net.worst_drawdown),
        turnover: finite(turned.iter().sum::<f64>() / turned.len() as f64),
        costs_pct: costs.and_then(|costs| finite(-costs.ann_mean)),
    };
    Ok((figures, account.net().daily()))
}

/// Judges the whole search by Sharpe ratios, whatever it is ranked by.
fn belief(runs: &[Run], axes: &[Axis]) -> Belief {
    let done: Vec<&Run> = runs.iter().filter(|run| run.figures.is_ok()).collect();
    // All on the days of all; a day without a profit is one without a position.
    let (first, days) = span_of(done.iter().map(|run| &run.days));
    let on_all = |run: &&Run| -> Vec<f64> {
        let values = run.days.on(first, days).values;
        values.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect()
    };
    let trials: Vec<Vec<f64>> = done.iter().map(on_all).collect();
    let observed: Vec<Observed> = trials.iter().filter_map(|trial| Observed::of(trial)).collect();
    let count = observed.len() as f64;
    let mean = observed.iter().map(|one| one.sharpe).sum::<f64>() / count;
    let squares: f64 = observed.iter().map(|one| (one.sharpe - mean) * (one.sharpe - mean)).sum();
    let variance = squares / (count - 1.0);
    let best = observed.iter().max_by(|one, other| one.sharpe.total_cmp(&other.sharpe));
    let year = Frequency::BusinessDay.per_year().sqrt();
    let values: Vec<Vec<String>> = axes
        .iter()
        .enumerate()
        .map(|(key, axis)| match axis.steps() {
            Ok(steps) => steps.iter().map(text_of).collect(),
            // Drawn: their own order.
            Err(_) => sorted(runs, key),
        })
        .collect();
    let points: Vec<Point> = done
        .iter()
        .filter_map(|run| {
            let place =
                |(key, value): (usize, &Value)| values[key].iter().position(|own| *own == text_of(value));
            let places = run.values.iter().enumerate().map(place).collect::<Option<_>>()?;
            Some(Point { places, value: run.figures.as_ref().ok()?.sharpe? })
        })
        .collect();
    Belief {
        trials: done.len(),
        best_sharpe: best.map(|best| best.sharpe * year),
        expected_best_sharpe_of_luck: expected_best(variance, count).map(|luck| luck * year),
        deflated_sharpe_probability: best.and_then(|best| deflated_sharpe(best, variance, count)),
        overfitting: probability_of_overfitting(&trials, BLOCKS_MAX),
        robustness: robustness(&points),
    }
}

/// Values of a key by size.
fn sorted(runs: &[Run], key: usize) -> Vec<String> {
    let mut values: Vec<&Value> = runs.iter().filter_map(|run| run.values.get(key)).collect();
    values.sort_by(|one, other| {
        let number = |value: &Value| number_of(value).unwrap_or(f64::INFINITY);
        number(one).total_cmp(&number(other)).then_with(|| text_of(one).cmp(&text_of(other)))
    });
    let mut texts: Vec<String> = values.into_iter().map(text_of).collect();
    texts.dedup();
    texts
}

const UNITS: &str = "set: number in the order of the grid; the columns after it up to error: the swept keys; sharpe: of daily net \
    profits, annualised by 256 days; net_pct, deviation_pct, costs_pct: a year, per cent of the notional capital; drawdown_pct: the \
    deepest, zero or below; turnover: a year, mean over instruments; rows by rank";

/// Figures by name, as shown.
fn shown(figures: &Figures) -> [(&'static str, Option<f64>, usize); 6] {
    [
        ("sharpe", figures.sharpe, 3),
        ("net_pct", figures.net_pct, 2),
        ("deviation_pct", figures.deviation_pct, 2),
        ("drawdown_pct", figures.drawdown_pct, 1),
        ("turnover", figures.turnover, 1),
        ("costs_pct", figures.costs_pct, 3),
    ]
}

fn head(axes: &[Axis]) -> Vec<String> {
    let figures = shown(&Figures::default()).map(|(name, _, _)| name.to_owned());
    let keys = axes.iter().map(|axis| axis.key.clone());
    ["set".to_owned()].into_iter().chain(keys).chain(figures).collect()
}

fn cells(run: &Run) -> Vec<Cell> {
    let mut cells = vec![Cell::count(i64::try_from(run.number).unwrap_or(i64::MAX))];
    let value = |value: &Value| Cell { text: text_of(value), number: number_of(value), is_bad: false };
    cells.extend(run.values.iter().map(value));
    match &run.figures {
        Ok(figures) => cells.extend(shown(figures).map(|(_, value, places)| Cell::number(value, places))),
        Err(fault) => {
            cells.push(Cell { is_bad: true, ..Cell::text(&format!("refused: {}", last_line(fault))) })
        }
    }
    cells
}

fn last_line(text: &str) -> &str {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(text).trim()
}

fn sheet(axes: &[Axis], runs: &[Run]) -> Sheet {
    let mut sheet = Sheet { name: "sweep", units: UNITS.to_owned(), columns: Vec::new() };
    sheet.push("set", Cells::Integers(runs.iter().map(|run| i64::try_from(run.number).ok()).collect()));
    for (place, axis) in axes.iter().enumerate() {
        let values: Vec<Option<&Value>> = runs.iter().map(|run| run.values.get(place)).collect();
        sheet.push(&axis.key, cells_of(&values));
    }
    sheet.push("error", Cells::Texts(runs.iter().map(|run| run.figures.as_ref().err().cloned()).collect()));
    for (place, (name, _, _)) in shown(&Figures::default()).iter().enumerate() {
        let value = |run: &Run| run.figures.as_ref().ok().and_then(|figures| shown(figures)[place].1);
        sheet.push(name, Cells::Floats(runs.iter().map(value).collect()));
    }
    sheet
}

fn write(
    args: &Args,
    table: &Table,
    axes: &[Axis],
    runs: &[Run],
    belief: &Belief,
    seconds: f64,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let path = &args.input.config;
    let out = args.out.clone().unwrap_or_else(|| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Path::new("out").join(format!("{stem}-sweep"))
    });
    std::fs::create_dir_all(&out).map_err(|error| Failure::write(&out, error))?;
    sheet(axes, runs).write(&out.join("sweep.parquet")).map_err(Failure::runtime)?;
    let done = runs.iter().filter(|run| run.figures.is_ok()).count();
    let refused = runs.len() - done;
    let best = runs.iter().find_map(|run| Some((run, run.figures.as_ref().ok()?)));
    let by_key = |run: &Run| -> serde_json::Map<String, serde_json::Value> {
        axes.iter().zip(&run.values).map(|(axis, value)| (axis.key.clone(), json!(text_of(value)))).collect()
    };
    let summary = json!({
        "sets": runs.len(),
        "done": done,
        "refused": refused,
        "metric": args.metric.name(),
        "best": best.map(|(run, figures)| json!({ "set": run.number, "values": by_key(run), "figures": figures })),
        "belief": belief,
        "seconds": seconds,
        "build": provenance::build(),
    });
    let belief_facts = facts(belief);
    let metric = |run: &Run| run.figures.as_ref().ok().and_then(|figures| args.metric.of(figures));
    let place = |value: &Value| Place { text: text_of(value), number: number_of(value) };
    let mut all_facts = belief_facts.clone();
    all_facts.push(("Build", provenance::build()));
    let page = html(&SweepPage {
        title: format!("Sweep {}", path.display()),
        lead: format!(
            "{done} systems worked out, {refused} refused · per cent of the notional capital · best first by {}",
            args.metric.name()
        ),
        warning: None,
        metric: args.metric.name().to_owned(),
        is_less_better: args.metric.is_less_better(),
        // Axes have room for the last part of a dotted key; the table has the whole.
        keys: axes.iter().map(|axis| axis.key.rsplit('.').next().unwrap_or_default().to_owned()).collect(),
        points: runs
            .iter()
            .filter_map(|run| Some((run.values.iter().map(place).collect(), metric(run)?)))
            .collect(),
        columns: head(axes),
        rows: runs.iter().map(cells).collect(),
        judgement: None,
        facts: all_facts,
        config_text: toml::to_string_pretty(table).unwrap_or_default(),
    });
    for (name, text) in [("sweep.html", page), ("summary.json", format!("{summary:#}"))] {
        let path = out.join(name);
        std::fs::write(&path, text).map_err(|error| Failure::write(&path, error))?;
    }
    if streams.is_json {
        streams.json(&summary);
    }
    let sound = runs.iter().filter(|run| run.figures.is_ok()).take(SHOWN_MAX);
    let rows: Vec<Vec<String>> =
        sound.map(|run| cells(run).into_iter().map(|cell| cell.text).collect()).collect();
    streams.say(&aligned(&head(axes), &rows));
    for run in runs.iter().filter(|run| run.figures.is_err()).take(3) {
        let fault = run.figures.as_ref().err().map_or("", |fault| last_line(fault));
        streams.warn(&format!("set {} was refused: {fault}", run.number));
    }
    for (name, value) in &belief_facts {
        streams.say(&format!("{name}: {value}"));
    }
    streams.say(&format!(
        "{done} of {} sets in {seconds:.1} s; all of them are in {}",
        runs.len(),
        out.display()
    ));
    Ok(())
}

/// The odds in words.
fn facts(belief: &Belief) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let (Some(best), Some(luck), Some(share)) =
        (belief.best_sharpe, belief.expected_best_sharpe_of_luck, belief.deflated_sharpe_probability)
    {
        facts.push((
            "Deflated Sharpe ratio",
            format!(
                "{}: the probability that the best ({}) is above the {} that luck gives the best of {}",
                format::percent(Some(share)),
                format::decimals(best, 2),
                format::decimals(luck, 2),
                belief.trials
            ),
        ));
    }
    if let Some(found) = &belief.overfitting {
        facts.push((
            "Probability of overfitting",
            format!(
                "{} of {} halves of the days: the best of one was no better than the median in the other",
                format::percent(Some(found.probability)),
                found.halves
            ),
        ));
    }
    if let Some(kept) = belief.robustness.as_ref().and_then(|around| around.kept) {
        facts.push((
            "Neighbours of the best",
            format!(
                "keep {} of what it has above the median; all of it is a plateau, none a lonely peak",
                format::percent(Some(kept))
            ),
        ));
    }
    facts
}
