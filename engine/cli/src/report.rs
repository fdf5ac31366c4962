//! `report`: the page of a finished run written again, from its journal and its market data; or a tear sheet of its days, or of
//! a file of returns.

use std::path::{Path, PathBuf};

use serde_json::json;
use tickrace_analytics::RunReport;

use crate::artefacts::{self, Measured, RunFacts};
use crate::explain::OpenRun;
use crate::provenance::Seal;
use crate::{Failure, Streams};

pub mod tear_sheet;

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tickrace report out/market_making\n  \
    tickrace report out/market_making --tear-sheet\n  \
    tickrace report out/chapter15 --tear-sheet --trials 20\n  \
    tickrace report --returns fund.csv --benchmark index.csv --out out/fund\n\n\
    Writes report.html into the folder of the run. Figures, plots and queue positions are worked out again from the\n\
    journal and the tick files; what the machine did then is kept as it was measured. A tear sheet (tear_sheet.html and\n\
    tear_sheet.json) is of daily returns: those of a backtest, of a systematic backtest, or of a file with dates in its\n\
    first column. Under 20 days figures that need a distribution of days are null, and the page says so.")]
pub struct Args {
    /// Folder of a backtest or systematic backtest (its --out), or a journal folder
    #[arg(required_unless_present = "returns", conflicts_with = "returns")]
    run: Option<PathBuf>,
    /// The tick files, where they moved since; repeatable, in date order
    #[arg(long)]
    file: Vec<PathBuf>,
    /// Write the tear sheet of the run's days instead
    #[arg(long)]
    tear_sheet: bool,
    /// A tear sheet of this CSV or Parquet file of daily returns, equity or profit
    #[arg(long, value_name = "FILE")]
    returns: Option<PathBuf>,
    /// Folder of the tear sheet; by default the run's, or out/ and the name of the file of returns
    #[arg(long)]
    out: Option<PathBuf>,
    /// Headline of the tear sheet
    #[arg(long)]
    title: Option<String>,
    #[command(flatten, next_help_heading = "Tear sheet")]
    options: tear_sheet::Options,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`]: a journal that cannot be read or was never finished (3), orders that are not those sealed (5).
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let sheet = args.options.config()?;
    if let Some(path) = &args.returns {
        let input = args.options.of_file(path, args.title.as_deref())?;
        let out =
            args.out.clone().unwrap_or_else(|| Path::new("out").join(path.file_stem().unwrap_or_default()));
        return tear_sheet::write(&input, None, &sheet, &out, streams);
    }
    let Some(run) = &args.run else {
        return Err(Failure::usage("name the folder of a run, or --returns FILE"));
    };
    let days = run.join(tear_sheet::SYSTEMATIC_FILE);
    if args.tear_sheet && days.exists() {
        let name = run.file_name().unwrap_or_default().to_string_lossy();
        let title = args.title.clone().unwrap_or_else(|| format!("Tear sheet {name}"));
        let input = args.options.of_file(&days, Some(&title))?;
        let out = args.out.as_deref().unwrap_or(run);
        return tear_sheet::write(&input, None, &sheet, out, streams);
    }
    if !args.tear_sheet && (args.out.is_some() || args.title.is_some()) {
        return Err(Failure::usage("--out and --title are of a tear sheet: add --tear-sheet"));
    }
    let done = again(run, &args.file, streams)?;
    if args.tear_sheet {
        let mut input = args.options.of_run(&done.report)?;
        input.title = args.title.clone().unwrap_or(input.title);
        let out = args.out.as_deref().unwrap_or(&done.out);
        return tear_sheet::write(&input, Some(&done.report), &sheet, out, streams);
    }
    let path = done.out.join("report.html");
    std::fs::write(&path, tickrace_analytics::report::html(&done.report))
        .map_err(|error| Failure::write(&path, error))?;
    if streams.is_json {
        let digest = &done.report.order_digest;
        streams.json(&json!({ "report": path.display().to_string(), "order_digest": digest }));
    }
    streams.say(&format!("report    {}", path.display()));
    Ok(())
}

/// A finished run, analysed again.
pub struct Again {
    /// Its whole report.
    pub report: RunReport,
    /// Folder of its artefacts.
    pub out: PathBuf,
}

/// Works a finished run's report out again from its journal and its market data.
///
/// # Errors
///
/// As [`run`].
pub fn again(run: &Path, files: &[PathBuf], streams: &mut Streams<'_>) -> Result<Again, Failure> {
    let opened = OpenRun::open(run, files, streams)?;
    let measured = Measured::read(&opened.journal)?;
    let out = if opened.journal == run {
        opened.journal.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    } else {
        run
    };
    let config = opened.head.desk_config()?;
    let facts = RunFacts {
        config: &config,
        head: &opened.head,
        sessions: &opened.sessions,
        instruments: &opened.head.instruments,
        journal: &opened.journal,
        out,
        wall_seconds: measured.timings.wall_seconds,
        cut_short: measured.timings.cut_short.clone(),
    };
    let report = artefacts::analyse(&facts, &measured, None, streams)?;
    let sealed = Seal::read(&opened.journal)?;
    if let Some(sealed) = sealed.filter(|sealed| sealed.order_digest != report.order_digest) {
        return Err(Failure::difference(format!(
            "{}: the orders have the digest {}, sealed was {}: the journal was altered; no report was written",
            opened.journal.display(),
            report.order_digest,
            sealed.order_digest
        )));
    }
    Ok(Again { report, out: out.to_owned() })
}
