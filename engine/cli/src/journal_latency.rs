//! `journal-latency`: how long orders and answers were on their way, taken out of a journal.

use std::path::PathBuf;

use serde::Serialize;
use tickrace_exchange::latency::Way;
use tickrace_exchange::latency::collect::Collector;
use tickrace_journal::{Entry, Reader};

use crate::provenance::journal_of;
use crate::{Failure, Streams};

/// Arguments of `journal-latency`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tickrace journal-latency out/live/journal --out rows.csv\n\n\
    One row for each request and the first answer to it: when it left, nanoseconds to the venue, nanoseconds back.\n\
    A backtest uses the file as [venue.order_latency] and [venue.response_latency] with model = \"recorded\".")]
pub struct Args {
    /// Journal folder, or the run's folder it is in
    journal: PathBuf,
    /// CSV file to write
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Serialize)]
struct Report {
    out: String,
    rows: usize,
    unanswered: usize,
    clocks_reversed: u64,
    order_latency_ns: Spread,
    response_latency_ns: Spread,
}

#[derive(Debug, Serialize)]
struct Spread {
    min: i64,
    median: i64,
    max: i64,
}

impl Spread {
    /// Of latencies, of which there is one at least.
    fn of(mut latencies: Vec<i64>) -> Self {
        latencies.sort_unstable();
        let at = |place: usize| latencies.get(place).copied().unwrap_or(0);
        Self { min: at(0), median: at(latencies.len() / 2), max: at(latencies.len().saturating_sub(1)) }
    }
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`]: a journal that cannot be read or holds no answer (3), or a file that cannot be written.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let journal = journal_of(&args.journal)?;
    let open = |stream| Reader::open(&journal, stream).map_err(Failure::input);
    let (outbound, inbound) = (open("outbound")?, open("inbound")?);
    let mut collector = Collector::new();
    for entry in outbound.iter() {
        if let Entry::Order(order) = entry {
            collector.on_order(order);
        }
    }
    for entry in inbound.iter() {
        if let Entry::Response(response) = entry {
            collector.on_response(response);
        }
    }
    let found = collector
        .finish()
        .map_err(|_| Failure::input(format!("{}: no request was answered", args.journal.display())))?;
    std::fs::write(&args.out, found.rows.to_csv()).map_err(|error| Failure::write(&args.out, error))?;
    let of = |way: Way| {
        let rows = found.rows.as_slice().iter();
        Spread::of(match way {
            Way::Order => rows.map(|row| row.order_latency_ns).collect(),
            Way::Response | Way::Feed => rows.map(|row| row.response_latency_ns).collect(),
        })
    };
    let report = Report {
        out: args.out.display().to_string(),
        rows: found.rows.as_slice().len(),
        unanswered: found.unanswered,
        clocks_reversed: found.reversed,
        order_latency_ns: of(Way::Order),
        response_latency_ns: of(Way::Response),
    };
    if streams.is_json {
        streams.json(&report);
        return Ok(());
    }
    streams.say(&format!("{}: {} rows, {} requests unanswered", report.out, report.rows, report.unanswered));
    for (name, spread) in [("to the venue", &report.order_latency_ns), ("back", &report.response_latency_ns)]
    {
        streams.say(&format!(
            "  {name:<13} ns: least {}, median {}, most {}",
            spread.min, spread.median, spread.max
        ));
    }
    if report.clocks_reversed > 0 {
        streams.warn(&format!(
            "{} answers left out: by their times they came before what they answer",
            report.clocks_reversed
        ));
    }
    Ok(())
}
