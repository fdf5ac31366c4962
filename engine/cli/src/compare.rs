//! `compare`: several configurations, or one with several values of a key, side by side.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tickrace_analytics::report::compare::{ComparePage, figure_head, figure_rows, html};
use tickrace_analytics::report::format;
use tickrace_analytics::report::sortable::Cell;
use tickrace_analytics::{RunReport, Summary};
use tickrace_desk::DeskConfig;
use tickrace_desk::log_source::View;
use tickrace_types::InstrumentTable;
use toml::Table;

use crate::backtest::{self, Job, check_placement, checked, judge, market_of, open_data, perform};
use crate::columns::aligned;
use crate::input::Session;
use crate::provenance::{self, MarketFile};
use crate::sweep::grid;
use crate::{Failure, Streams, settings};

pub mod finished;
pub mod same_orders;

use same_orders::Match;

/// The estimates of the place in the queue that `--queue-models` compares; the first is the reference.
const QUEUE_MODELS: &str = "venue.queue={model=\"exact\"},{model=\"risk-averse\"},{model=\"power\",exponent=2.0},\
    {model=\"power\",exponent=3.0},{model=\"power2\",exponent=2.0},{model=\"power3\",exponent=2.0},\
    {model=\"log\"},{model=\"log2\"}";

/// Most runs of one comparison.
const CASES_MAX: usize = 50;

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tickrace compare configs/backtest/market_making.toml my_strategy.toml\n  \
    tickrace compare configs/backtest/market_making.toml --vary strategy.levels_count=1,2,3\n  \
    tickrace compare configs/backtest/market_making.toml --queue-models \\\n    \
    --set 'data.files=[\"20120621.itch50.gz\"]' --set 'instruments.symbols=[\"AAPL\"]'\n  \
    tickrace compare out/first out/second out/chapter15 fund.csv --out out/compared\n\n\
    Writes compare.html, summary.json, and the artefacts of each run in a folder of its own. Where a key of the venue is\n\
    varied, the orders of the first run are also sent to each of the other venues, and their fills matched order by order.\n\n\
    Of finished runs (folders of backtests or systematic backtests, or CSV and Parquet files of daily returns or equity) nothing\n\
    runs again: their figures stand side by side with the best marked, their curves over one another, with the correlations\n\
    of their returns and tests of whether their Sharpe ratios differ.")]
pub struct Args {
    /// Configuration files (TOML); or folders of finished runs and files of returns
    #[arg(required = true)]
    configs: Vec<PathBuf>,
    /// One configuration with each of these values of a key, key=a,b,c
    #[arg(long, value_name = "KEY=VALUES", conflicts_with = "queue_models")]
    vary: Option<String>,
    /// Compare the estimates of the place in the queue with the exact count; order-by-order data
    #[arg(long)]
    queue_models: bool,
    /// Folder for the results; by default out/ and the name of the first configuration with -compare
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Finished runs")]
    finished: finished::Options,
    /// Override a key of every configuration, path=value; repeatable
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
}

/// One of those compared.
struct Case {
    name: String,
    path: PathBuf,
    table: Table,
    config: DeskConfig,
}

/// One that ran.
struct Ran {
    summary: Summary,
    report: RunReport,
    journal: PathBuf,
    verdict: Result<(), Failure>,
    /// Fills of the first run's orders here, where they were sent here.
    matched: Option<Match>,
}

/// Tick files of a configuration, kept for the next that has the same.
struct Opened {
    mark: String,
    sessions: Vec<Session>,
    instruments: InstrumentTable,
    files: Vec<MarketFile>,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] with the exit code of its kind.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if finished::is_asked(&args.configs)? {
        if args.vary.is_some() || args.queue_models || !args.set.is_empty() {
            return Err(Failure::usage(
                "--vary, --queue-models and --set are of configurations; finished runs are compared as they are",
            ));
        }
        let out = args.out.clone().unwrap_or_else(|| Path::new("out").join("compare"));
        return finished::run(&args.configs, &args.finished, &out, streams);
    }
    let vary = if args.queue_models { Some(QUEUE_MODELS) } else { args.vary.as_deref() };
    let cases = cases_of(args, vary)?;
    let is_of_venue = vary.is_some_and(|text| text.starts_with("venue."));
    let out = args.out.clone().unwrap_or_else(|| {
        let stem = args.configs.first().and_then(|path| path.file_stem()).unwrap_or_default();
        Path::new("out").join(format!("{}-compare", stem.to_string_lossy()))
    });
    let interrupt = Arc::new(AtomicBool::new(false));
    let handle = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupt)).ok();
    let mut opened: Option<Opened> = None;
    let mut ran: Vec<Ran> = Vec::new();
    for (place, case) in cases.iter().enumerate() {
        let data = open(case, opened.take(), streams)?;
        streams.say(&format!("run {} of {}: {}", place + 1, cases.len(), case.name));
        let mut done = one(case, &data, &out.join(folder_of(place, &case.name)), &interrupt, streams)?;
        if is_of_venue {
            done.matched = Some(match_orders(case, &cases[0], ran.first().unwrap_or(&done), &data)?);
        }
        ran.push(done);
        opened = Some(data);
        if interrupt.load(Ordering::Relaxed) {
            break;
        }
    }
    if let Some(handle) = handle {
        signal_hook::low_level::unregister(handle);
    }
    write(&out, &cases, &ran, opened.as_ref(), streams)?;
    ran.into_iter().try_for_each(|done| done.verdict)
}

fn cases_of(args: &Args, vary: Option<&str>) -> Result<Vec<Case>, Failure> {
    let case = |name: String, path: &Path, table: Table| {
        let config = checked(path, &table)?;
        Ok(Case { name, path: path.to_owned(), table, config })
    };
    let cases: Vec<Case> = match vary {
        Some(text) => {
            let [path] = args.configs.as_slice() else {
                return Err(Failure::usage("--vary and --queue-models take one configuration"));
            };
            let Some((key, values)) = text.split_once('=') else {
                return Err(Failure::usage(format!("--vary {text}: write it as key=a,b,c")));
            };
            let table = settings::load(path, &args.set)?;
            let values =
                grid::list_of(values).map_err(|what| Failure::usage(format!("--vary {text}: {what}")))?;
            let with = |value: &toml::Value| {
                let mut table = table.clone();
                settings::put(&mut table, key.trim(), value.clone())?;
                case(name_of(value), path, table)
            };
            values.iter().map(with).collect::<Result<_, Failure>>()?
        }
        None => args
            .configs
            .iter()
            .map(|path| {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                case(name, path, settings::load(path, &args.set)?)
            })
            .collect::<Result<_, Failure>>()?,
    };
    if cases.len() > CASES_MAX {
        return Err(Failure::usage(format!("more than {CASES_MAX} runs side by side; `sweep` is for that")));
    }
    Ok(cases)
}

/// What a value is called: of a table its values, `power 3.0`.
fn name_of(value: &toml::Value) -> String {
    match value {
        toml::Value::Table(table) => {
            let mut words: Vec<(bool, String)> =
                table.iter().map(|(key, value)| (key != "model" && key != "kind", name_of(value))).collect();
            words.sort_by_key(|word| word.0);
            words.into_iter().map(|word| word.1).collect::<Vec<_>>().join(" ")
        }
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `02-power-3.0`: a name that is a folder's on every system.
fn folder_of(place: usize, name: &str) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() || ".-_".contains(letter) { letter } else { '-' };
    let name: String = name.chars().take(60).map(plain).collect();
    format!("{:02}-{name}", place + 1)
}

fn open(case: &Case, before: Option<Opened>, streams: &mut Streams<'_>) -> Result<Opened, Failure> {
    let mark = format!("{:?} {:?}", case.config.data, case.config.instruments);
    if let Some(same) = before.filter(|opened| opened.mark == mark) {
        return Ok(same);
    }
    let (sessions, instruments) = open_data(&case.config, streams)?;
    let files = sessions.iter().map(|session| MarketFile::of(session, streams)).collect();
    Ok(Opened { mark, sessions, instruments, files })
}

fn one(
    case: &Case,
    data: &Opened,
    out: &Path,
    interrupt: &Arc<AtomicBool>,
    streams: &mut Streams<'_>,
) -> Result<Ran, Failure> {
    check_placement(&case.config, streams)?;
    let job = Job {
        path: &case.path,
        table: case.table.clone(),
        config: &case.config,
        sessions: &data.sessions,
        instruments: &data.instruments,
        files: data.files.clone(),
        out,
        interrupt,
    };
    let backtest::Performed { summary, report, outcome, market } = perform(job, streams)?;
    let verdict = judge(outcome, &market, &data.sessions, false);
    Ok(Ran { summary, report, journal: out.join("journal"), verdict, matched: None })
}

/// The first run's orders at this case's venue, against their fills in the first run.
fn match_orders(case: &Case, first: &Case, reference: &Ran, data: &Opened) -> Result<Match, Failure> {
    let orders = same_orders::orders_of(&reference.journal)?;
    let market = market_of(&case.config, &data.sessions, &data.instruments, View::Venue)?;
    let here = same_orders::fill(&orders, &first.config, &case.config.venue, &data.instruments, market)?;
    Ok(Match::of(&same_orders::fills_of(&reference.journal)?, &here))
}

const MATCH_NOTE: &str = "The orders of the first run, sent at their own times to each venue: what the venue alone changes, \
    without what the policy does about it. Filled too: orders filled in the first run that fill here as well; earlier and \
    later: by their first fill, with the median of the difference; only here: orders never filled in the first run. An \
    order that was filled there and is not filled here is cancelled by nobody and stands until the session ends.";

fn match_head() -> Vec<String> {
    [
        "run",
        "filled too",
        "same",
        "earlier",
        "by",
        "later",
        "by",
        "only here",
        "fills",
        "lots",
        "lots, of first",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn match_row(name: &str, found: &Match) -> Vec<Cell> {
    let whole = |count: u64| Cell::count(i64::try_from(count).unwrap_or(i64::MAX));
    #[allow(clippy::cast_precision_loss, reason = "only places it")]
    let time = |ns: Option<i64>| Cell {
        text: ns.map_or("–".to_owned(), |ns| format::nanos(ns.unsigned_abs())),
        number: ns.map(|ns| ns as f64),
        is_bad: false,
    };
    #[allow(clippy::cast_precision_loss, reason = "counts of lots below 2^53")]
    let share = (found.reference_lots > 0).then(|| found.lots as f64 / found.reference_lots as f64);
    vec![
        Cell::text(name),
        Cell { text: format!("{} of {}", found.also, found.reference_orders), ..whole(found.also) },
        whole(found.same),
        whole(found.earlier),
        time(found.earlier_median_ns),
        whole(found.later),
        time(found.later_median_ns),
        whole(found.extra),
        whole(found.fills),
        Cell::count(found.lots),
        Cell { text: format::percent(share), number: share, is_bad: false },
    ]
}

fn write(
    out: &Path,
    cases: &[Case],
    ran: &[Ran],
    data: Option<&Opened>,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let named: Vec<(String, &RunReport)> =
        cases.iter().zip(ran).map(|(case, done)| (case.name.clone(), &done.report)).collect();
    let texts = |rows: &[Vec<Cell>]| -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| cell.text.clone()).collect()).collect()
    };
    streams.say(&aligned(&figure_head(), &texts(&figure_rows(&named))));
    let matches: Vec<Vec<Cell>> = cases
        .iter()
        .zip(ran)
        .filter_map(|(case, done)| Some(match_row(&case.name, done.matched.as_ref()?)))
        .collect();
    if !matches.is_empty() {
        streams.say("the first run's orders at each venue");
        streams.say(&aligned(&match_head(), &texts(&matches)));
    }
    let files = data.map(|data| data.files.as_slice()).unwrap_or_default();
    let paths: Vec<String> = files.iter().map(|file| file.path.display().to_string()).collect();
    let cut = ran.iter().find_map(|done| done.report.timings.cut_short.clone());
    let page = ComparePage {
        title: "Comparison".to_owned(),
        lead: format!("{} runs · {}", named.len(), paths.join(", ")),
        warning: cut.map(|why| format!("A run was cut short: {why}.")),
        cases: named,
        matches: (!matches.is_empty()).then(|| (match_head(), matches, MATCH_NOTE.to_owned())),
        facts: vec![
            ("Build", provenance::build()),
            (
                "Data",
                files.iter().map(|file| format!("blake3:{}", file.blake3)).collect::<Vec<_>>().join(", "),
            ),
            ("Command", std::env::args().collect::<Vec<_>>().join(" ")),
        ],
    };
    let put = |name: &str, text: &str| {
        let path = out.join(name);
        std::fs::write(&path, text).map_err(|error| Failure::write(&path, error))
    };
    put("compare.html", &html(&page))?;
    let summary = summary(cases, ran);
    put("summary.json", &format!("{summary:#}"))?;
    if streams.is_json {
        streams.json(&summary);
    }
    streams.say(&format!("report    {}", out.join("compare.html").display()));
    Ok(())
}

fn summary(cases: &[Case], ran: &[Ran]) -> serde_json::Value {
    let run = |(place, (case, done)): (usize, (&Case, &Ran))| {
        let same_orders = done.matched.as_ref().map(|found| {
            json!({
                "reference_orders": found.reference_orders,
                "also_filled": found.also,
                "same": found.same,
                "earlier": found.earlier,
                "earlier_median_ns": found.earlier_median_ns,
                "later": found.later,
                "later_median_ns": found.later_median_ns,
                "only_here": found.extra,
                "fills": found.fills,
                "lots": found.lots,
                "reference_lots": found.reference_lots,
            })
        });
        json!({
            "name": case.name,
            "config": case.path,
            "folder": folder_of(place, &case.name),
            "summary": done.summary,
            "same_orders": same_orders,
        })
    };
    json!({ "runs": cases.iter().zip(ran).enumerate().map(run).collect::<Vec<_>>() })
}
