//! `inspect`: what is in a tick file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tickrace_desk::config::InputConfig;
use tickrace_feeds::source::End;
use tickrace_feeds::tally::Tally;
use tickrace_feeds_files::lobster::Repairs;
use tickrace_feeds_files::{Date, Format};

use crate::data::{OrderbookArgs, format_of, repairs_text};
use crate::input::{Session, Ticks};
use crate::{Failure, Streams};

mod any;
mod targets;

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tickrace inspect 01302020.NASDAQ_ITCH50.gz --json\n  \
    tickrace inspect btcusdt_20240808.gz")]
pub struct Args {
    /// Tick file of any format, packed or not (told by its content), or the folder of a native log or of targets
    file: PathBuf,
    /// Format, where the content does not tell
    #[arg(long)]
    format: Option<String>,
    /// The symbol of a file that names none
    #[arg(long)]
    symbol_of_file: Option<String>,
    /// Session date, YYYY-MM-DD; else the file's name tells
    #[arg(long)]
    date: Option<String>,
    #[command(flatten)]
    lobster: OrderbookArgs,
    /// Exit with 3 where anything was skipped
    #[arg(long)]
    strict: bool,
}

/// Executions of one symbol. Feeds of levels do not tell displayed from hidden: their trades count as displayed.
#[derive(Debug, Default, Serialize)]
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
    /// Nanoseconds after the venue's midnight for ITCH and LOBSTER, since the Unix epoch else.
    first_ts_ns: Option<u64>,
    last_ts_ns: Option<u64>,
    steps_back: u64,
    symbols: Vec<String>,
    skipped: BTreeMap<String, u64>,
    /// Numbers missing, [first missing, count]. A daily ITCH file numbers no messages, so it can show none.
    gaps: Vec<(u64, u64)>,
    /// What a published book told beyond the messages; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    repairs: Option<Repairs>,
    end: &'static str,
    end_offset: Option<u64>,
    executions: BTreeMap<String, Executions>,
}

/// What the head of a folder says, where it has one.
fn head_of(folder: &Path) -> Option<serde_json::Value> {
    serde_json::from_slice(&tickrace_journal::read_head(folder).ok()?).ok()
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`]: a file that cannot be read, a truncated tail, or anything skipped under `--strict`.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if let Some(head) = head_of(&args.file) {
        if head["kind"] == crate::targets::TARGETS {
            return targets::run(&args.file, streams);
        }
        if head["config_path"].is_string() && head["kind"].is_null() {
            let fault =
                "the journal of a run: `replay` and `explain` read it, `report` the folder it lies in";
            return Err(Failure::usage(format!("{}: {fault}", args.file.display())));
        }
    }
    let input = InputConfig {
        path: args.file.clone(),
        format: args.format.clone(),
        date: args.date.clone(),
        symbol: args.symbol_of_file.clone(),
        orderbook: args.lobster.orderbook.clone(),
        is_repaired: !args.lobster.no_repair,
        ..InputConfig::default()
    };
    if args.file.is_dir() || format_of(&input)? != Format::Itch50 {
        return any::run(args, &input, streams);
    }
    let session = Session::open_itch(&args.file, args.date.as_deref(), streams)?;
    let Ticks::Itch(bytes) = &session.ticks else { return any::run(args, &input, streams) };
    let tally = Tally::of(bytes.as_ref());
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
        repairs: None,
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

/// Nanoseconds since the Unix epoch as a date and a clock, UTC.
fn utc_text(ts_ns: u64) -> String {
    let day = i64::try_from(ts_ns / 86_400_000_000_000).unwrap_or(i64::MAX);
    let date = Date::from_days_since_epoch(day).map_or_else(|| format!("day {day}"), |date| date.to_string());
    format!("{date} {}", clock_text(ts_ns % 86_400_000_000_000))
}

fn for_people(inspection: &Inspection) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{}  ({}, {} bytes)", inspection.file, inspection.format, inspection.bytes);
    let is_of_a_day = inspection.last_ts_ns.is_none_or(|last| last < 2 * 86_400 * 1_000_000_000);
    if is_of_a_day {
        let date = inspection.date.as_deref().unwrap_or("unknown (give --date)");
        let _ = writeln!(text, "  date      {date}");
    }
    if let Some((first, last)) = inspection.first_ts_ns.zip(inspection.last_ts_ns) {
        if is_of_a_day {
            let _ = writeln!(text, "  span      {} to {} New York", clock_text(first), clock_text(last));
        } else {
            let _ = writeln!(text, "  span      {} to {} UTC", utc_text(first), utc_text(last));
        }
    }
    let _ = writeln!(text, "  messages  {}", inspection.messages);
    let width = inspection.by_type.keys().map(String::len).max().unwrap_or(0);
    for (name, count) in &inspection.by_type {
        let _ = writeln!(text, "    {name:<width$}  {count:>12}");
    }
    if !inspection.gaps.is_empty() {
        let missing: u64 = inspection.gaps.iter().map(|(_, count)| count).sum();
        let _ = writeln!(text, "  gaps      {}, {missing} messages missing", inspection.gaps.len());
    }
    if let Some(repaired) = inspection.repairs.as_ref().and_then(repairs_text) {
        let _ = writeln!(text, "  repaired  {repaired}");
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
