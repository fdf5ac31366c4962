//! `report`: the page of a finished run written again, from its journal and its market data.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::artefacts::{self, Measured, RunFacts};
use crate::explain::OpenRun;
use crate::provenance::Seal;
use crate::{Failure, Streams};

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tickrace report out/market_making\n\n\
    Writes report.html into the folder of the run. Figures, plots and queue positions are worked out again from the\n\
    journal and the tick files; what the machine did then is kept as it was measured.")]
pub struct Args {
    /// Folder of a backtest (its --out), or its journal folder
    run: PathBuf,
    /// The tick files, where they moved since; repeatable, in date order
    #[arg(long)]
    file: Vec<PathBuf>,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`]: a journal that cannot be read or was never finished (3), orders that are not those sealed (5).
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let opened = OpenRun::open(&args.run, &args.file, streams)?;
    let measured = Measured::read(&opened.journal)?;
    let out = if opened.journal == args.run {
        opened.journal.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    } else {
        args.run.as_path()
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
    let path = out.join("report.html");
    std::fs::write(&path, tickrace_analytics::report::html(&report))
        .map_err(|error| Failure::write(&path, error))?;
    if streams.is_json {
        streams.json(&json!({ "report": path.display().to_string(), "order_digest": report.order_digest }));
    }
    streams.say(&format!("report    {}", path.display()));
    Ok(())
}
