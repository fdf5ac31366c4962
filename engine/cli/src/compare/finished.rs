//! `compare` of finished runs: nothing runs again.

use std::path::{Path, PathBuf};

use serde_json::json;
use tickrace_analytics::comparison::{CompareConfig, Compared, Comparison};
use tickrace_analytics::report::compare_runs;
use tickrace_analytics::tear_sheet::{BLOCK_NS, SheetConfig, SheetInput, TearSheet, account_blocks};

use super::CASES_MAX;
use crate::columns::aligned;
use crate::report::{again, tear_sheet};
use crate::returns_file::DailyReturns;
use crate::{Failure, Streams, provenance};

/// Options of a comparison of finished runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Days a year: 252 of exchanges, 365 of venues that never close
    #[arg(long, default_value_t = 252.0)]
    periods_a_year: f64,
    /// Risk-free return a year, per cent, taken off before ratios
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    risk_free_pct: f64,
    /// Samples of each test of a difference
    #[arg(long, default_value_t = 2000)]
    samples: usize,
    /// Periods in a block of these samples; by default the cube root of the periods
    #[arg(long)]
    block: Option<usize>,
    /// Their seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Whether finished runs are named, and not configurations.
///
/// # Errors
///
/// [`Failure`] where both are.
pub fn is_asked(paths: &[PathBuf]) -> Result<bool, Failure> {
    let is_finished = |path: &&PathBuf| path.is_dir() || is_returns_file(path);
    let finished = paths.iter().filter(is_finished).count();
    if finished > 0 && finished < paths.len() {
        let other = paths.iter().find(|path| !is_finished(path)).map(|path| path.display().to_string());
        return Err(Failure::usage(format!(
            "{}: neither a folder of a finished run nor a file of returns; configurations and finished runs are compared apart",
            other.unwrap_or_default()
        )));
    }
    Ok(finished > 0)
}

fn is_returns_file(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("csv") || ending.eq_ignore_ascii_case("parquet"))
}

/// Compares them and writes `compare.html` and `summary.json`.
///
/// # Errors
///
/// [`Failure`] where a run cannot be read or a file cannot be written.
pub fn run(
    paths: &[PathBuf],
    options: &Options,
    out: &Path,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    if paths.len() < 2 || paths.len() > CASES_MAX {
        return Err(Failure::usage(format!(
            "name from 2 to {CASES_MAX} finished runs to compare; `report --tear-sheet` is for one"
        )));
    }
    let check = |is_sound: bool, what: &str| if is_sound { Ok(()) } else { Err(Failure::usage(what)) };
    check(
        options.periods_a_year > 0.0 && options.periods_a_year.is_finite(),
        "--periods-a-year: it is above 0",
    )?;
    check(
        options.risk_free_pct > -100.0 && options.risk_free_pct.is_finite(),
        "--risk-free-pct: it is above -100",
    )?;
    check((1..=100_000).contains(&options.samples), "--samples: from 1 to 100000")?;
    check(options.block.is_none_or(|block| block > 0), "--block: at least 1")?;
    let sheet = SheetConfig {
        periods_a_year: options.periods_a_year,
        risk_free: options.risk_free_pct / 100.0,
        seed: options.seed,
        // No courses are shown here.
        courses: 1,
        ..SheetConfig::default()
    };
    let names = names_of(paths);
    let mut runs = Vec::with_capacity(paths.len());
    for (path, name) in paths.iter().zip(names) {
        streams.say(&format!("reading {}", path.display()));
        runs.push(read(path, name, &sheet, streams)?);
    }
    let config = CompareConfig {
        periods_a_year: options.periods_a_year,
        samples: options.samples,
        block: options.block,
        seed: options.seed,
    };
    let found = Comparison::new(&runs, &config);
    let mut facts: Vec<(&'static str, String)> = found
        .runs
        .iter()
        .zip(paths)
        .map(|(run, path)| ("Run", format!("{}: {} ({})", run.name, path.display(), run.source)))
        .collect();
    facts.push(("Days a year", options.periods_a_year.to_string()));
    facts.push(("Risk-free return", format!("{} % a year", options.risk_free_pct)));
    facts.push(("Seed", options.seed.to_string()));
    facts.push(("Build", provenance::build()));
    std::fs::create_dir_all(out).map_err(|error| Failure::write(out, error))?;
    let put = |name: &str, text: &str| {
        let path = out.join(name);
        std::fs::write(&path, text).map_err(|error| Failure::write(&path, error))
    };
    put("compare.html", &compare_runs::html(&runs, &found, &facts))?;
    let mut summary = json!(found);
    summary["paths"] = json!(paths);
    summary["build"] = json!(provenance::build());
    put("summary.json", &format!("{summary:#}"))?;
    if streams.is_json {
        streams.json(&summary);
    }
    say(&found, streams);
    streams.say(&format!("report    {}", out.join("compare.html").display()));
    Ok(())
}

/// The last part of each path; more of it where two are the same.
fn names_of(paths: &[PathBuf]) -> Vec<String> {
    let last = |path: &PathBuf| {
        let part = if path.is_dir() { path.file_name() } else { path.file_stem() };
        part.map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    let short: Vec<String> = paths.iter().map(last).collect();
    let is_alone = |name: &String| short.iter().filter(|other| *other == name).count() == 1;
    let name = |(path, name): (&PathBuf, &String)| {
        if is_alone(name) { name.clone() } else { path.display().to_string() }
    };
    paths.iter().zip(&short).map(name).collect()
}

fn read(
    path: &Path,
    name: String,
    config: &SheetConfig,
    streams: &mut Streams<'_>,
) -> Result<Compared, Failure> {
    let systematic = path.join(tear_sheet::SYSTEMATIC_FILE);
    let file = if is_returns_file(path) && !path.is_dir() {
        Some(path.to_owned())
    } else {
        systematic.exists().then_some(systematic)
    };
    if let Some(file) = file {
        let own = DailyReturns::read(&file, None, None, None)?;
        let days = own.days.iter().copied().zip(own.returns.iter().copied()).collect();
        let input = SheetInput {
            title: name.clone(),
            source: own.how.clone(),
            dates: own.dates(),
            returns: own.returns,
            ..SheetInput::default()
        };
        let sheet = TearSheet::new(&input, None, config);
        return Ok(Compared { name, sheet, days, blocks: Vec::new() });
    }
    let done = again(path, &[], streams)?;
    let (mut input, numbers) = tear_sheet::days_of(&done.report);
    input.title.clone_from(&name);
    let days = numbers.into_iter().zip(input.returns.iter().copied()).collect();
    let blocks = account_blocks(&done.report, BLOCK_NS);
    let sheet = TearSheet::new(&input, Some(&done.report), config);
    Ok(Compared { name, sheet, days, blocks })
}

fn say(found: &Comparison, streams: &mut Streams<'_>) {
    let head: Vec<String> = std::iter::once("figure".to_owned())
        .chain(found.runs.iter().map(|run| format!("{}  ", run.name)))
        .collect();
    streams.say(&aligned(&head, &compare_runs::figure_lines(found)));
    let rows: Vec<Vec<String>> = compare_runs::test_rows(found)
        .iter()
        .map(|row| row.iter().map(|cell| cell.text.clone()).collect())
        .collect();
    if !rows.is_empty() {
        streams.say(&format!(
            "Sharpe ratios compared over {} common periods of one {}",
            found.periods, found.period
        ));
        streams.say(&aligned(&compare_runs::test_head(), &rows));
    }
    found.absent.iter().for_each(|why| streams.say(&format!("note: {why}")));
}
