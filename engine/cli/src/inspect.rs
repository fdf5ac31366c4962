//! `inspect`: what is in a tick file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use tickrace_feeds::source::End;
use tickrace_feeds::tally::Tally;

use crate::input::Session;
use crate::{Failure, Streams};

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tickrace inspect 01302020.NASDAQ_ITCH50.gz --json")]
pub struct Args {
    /// ITCH 5.0 file, plain, gzip or zstd (told by its content)
    file: PathBuf,
    /// Session date, YYYY-MM-DD; else the file's name tells
    #[arg(long)]
    date: Option<String>,
    /// Exit with 3 where anything was skipped
    #[arg(long)]
    strict: bool,
}

/// Executions of one symbol.
#[derive(Debug, Serialize)]
struct Executions {
    displayed_count: u64,
    displayed_qty: u64,
    hidden_count: u64,
    hidden_qty: u64,
    cross_count: u64,
    cross_qty: u64,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Inspection {
    file: String,
    format: &'static str,
    date: Option<String>,
    bytes: u64,
    stored_bytes: u64,
    messages: u64,
    by_type: BTreeMap<String, u64>,
    /// Nanoseconds after the venue's midnight.
    first_ts_ns: Option<u64>,
    last_ts_ns: Option<u64>,
    steps_back: u64,
    symbols: Vec<String>,
    skipped: BTreeMap<String, u64>,
    /// A daily file numbers no messages, so it can show none; lists [first missing, count].
    gaps: Vec<(u64, u64)>,
    end: &'static str,
    end_offset: Option<u64>,
    executions: BTreeMap<String, Executions>,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`]: a file that cannot be read, a truncated tail, or anything skipped under `--strict`.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let session = Session::open(&args.file, args.date.as_deref(), streams)?;
    let tally = Tally::of(session.bytes.as_ref());
    let inspection = Inspection {
        file: args.file.display().to_string(),
        format: "itch50",
        date: session.date.map(|date| date.to_string()),
        bytes: session.len(),
        stored_bytes: session.stored_bytes,
        messages: tally.messages,
        by_type: tally.by_type().into_iter().map(|(letter, count)| (letter.to_string(), count)).collect(),
        first_ts_ns: tally.first_ts_ns,
        last_ts_ns: tally.last_ts_ns,
        steps_back: tally.steps_back,
        symbols: tally.symbols.clone(),
        skipped: tally.skips.reasons().into_iter().collect(),
        gaps: Vec::new(),
        end: match tally.end {
            End::Running | End::Complete => "complete",
            End::Truncated { .. } => "truncated",
            End::LostFraming { .. } => "lost framing",
        },
        end_offset: tally.end.fault_offset(),
        executions: tally
            .executions
            .iter()
            .map(|(symbol, one)| {
                let shown = Executions {
                    displayed_count: one.displayed_count,
                    displayed_qty: one.displayed_qty,
                    hidden_count: one.hidden_count,
                    hidden_qty: one.hidden_qty,
                    cross_count: one.cross_count,
                    cross_qty: one.cross_qty,
                };
                (symbol.clone(), shown)
            })
            .collect(),
    };
    if streams.is_json {
        streams.json(&inspection);
    } else {
        streams.say(&for_people(&inspection));
    }
    judge(args, &session, &tally)
}

fn judge(args: &Args, session: &Session, tally: &Tally) -> Result<(), Failure> {
    let path = args.file.display();
    if let Some(fault) = &session.fault {
        return Err(Failure::input(fault));
    }
    if let Some(offset) = tally.end.fault_offset() {
        return Err(Failure::input(format!(
            "{path}: offset {offset}: {}; what came before it was counted",
            if matches!(tally.end, End::Truncated { .. }) {
                "the file ends within a message"
            } else {
                "the length prefixes make no sense from here"
            }
        )));
    }
    if args.strict && tally.skips.faults() > 0 {
        return Err(Failure::input(format!(
            "{path}: {} messages were skipped and --strict was asked for",
            tally.skips.faults()
        )));
    }
    Ok(())
}

/// Nanoseconds after midnight as a clock shows them.
pub fn clock_text(ts_ns: u64) -> String {
    let seconds = ts_ns / 1_000_000_000;
    format!("{:02}:{:02}:{:02}.{:09}", seconds / 3600, seconds / 60 % 60, seconds % 60, ts_ns % 1_000_000_000)
}

fn for_people(inspection: &Inspection) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{}  (ITCH 5.0, {} bytes)", inspection.file, inspection.bytes);
    let _ = writeln!(text, "  date      {}", inspection.date.as_deref().unwrap_or("unknown (give --date)"));
    if let Some((first, last)) = inspection.first_ts_ns.zip(inspection.last_ts_ns) {
        let _ = writeln!(text, "  span      {} to {} New York", clock_text(first), clock_text(last));
    }
    let _ = writeln!(text, "  messages  {}", inspection.messages);
    for (letter, count) in &inspection.by_type {
        let _ = writeln!(text, "    {letter}  {count:>12}");
    }
    if inspection.skipped.is_empty() {
        let _ = writeln!(text, "  skipped   none");
    }
    for (reason, count) in &inspection.skipped {
        let _ = writeln!(text, "  skipped   {reason}: {count}");
    }
    let _ = writeln!(text, "  symbols   {}", inspection.symbols.len());
    let mut busiest: Vec<_> = inspection.executions.iter().collect();
    busiest.sort_by_key(|(_, one)| std::cmp::Reverse(one.displayed_count + one.hidden_count));
    if !busiest.is_empty() {
        let _ = writeln!(
            text,
            "  {:<10} {:>12} {:>14} {:>12} {:>14}",
            "symbol", "displayed", "shares", "hidden", "shares"
        );
    }
    for (symbol, one) in busiest.iter().take(20) {
        let _ = writeln!(
            text,
            "  {symbol:<10} {:>12} {:>14} {:>12} {:>14}",
            one.displayed_count, one.displayed_qty, one.hidden_count, one.hidden_qty
        );
    }
    if busiest.len() > 20 {
        let _ = writeln!(text, "  … and {} more (see --json)", busiest.len() - 20);
    }
    text
}
