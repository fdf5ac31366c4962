//! `book`: states of one symbol's book as CSV.

use std::io::Write;
use std::path::PathBuf;

use tickrace_book::Books;
use tickrace_desk::config::InputConfig;
use tickrace_feeds_files::parse_at;
use tickrace_types::{Flags, InstrumentId, Record, Side};

use crate::data::OrderbookArgs;
use crate::tape::Tape;
use crate::{Failure, Streams};

/// Arguments of `book`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tickrace book day.itch50 --symbol AAPL --depth 5 --at 10:00:00 --at 57600000000000\n  \
    tickrace book day.itch50 --symbol AAPL --depth 1 --every-event\n\n\
    Columns: ts_ns (the asked time; the event's with --every-event, --at-seq), seq (number of the last message\n\
    applied, from 1), symbol, side, level (from 1), price, quantity, orders.")]
pub struct Args {
    /// Tick file of any format, or the folder of a native log
    file: PathBuf,
    /// Format, where the file's content does not tell
    #[arg(long)]
    format: Option<String>,
    /// The symbol of a file that names none
    #[arg(long)]
    symbol_of_file: Option<String>,
    /// Symbol
    #[arg(long)]
    symbol: String,
    /// Levels of each side
    #[arg(long, default_value_t = 5)]
    depth: usize,
    /// State after every message at or before this time: nanoseconds (after midnight for ITCH and LOBSTER, since the
    /// epoch else), or HH:MM:SS.fraction after midnight; repeatable
    #[arg(long, required_unless_present_any = ["at_seq", "every_event"])]
    at: Vec<String>,
    /// State after this message number (from 1); repeatable
    #[arg(long)]
    at_seq: Vec<u64>,
    /// State after each event of the symbol
    #[arg(long, conflicts_with_all = ["at", "at_seq"])]
    every_event: bool,
    #[command(flatten)]
    lobster: OrderbookArgs,
    /// Exit with 3 where anything was skipped
    #[arg(long)]
    strict: bool,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`]: a file that cannot be read, a symbol it does not hold, a time that is none.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if streams.is_json {
        return Err(Failure::usage("book prints CSV and knows no --json"));
    }
    if args.depth == 0 {
        return Err(Failure::usage("--depth: a book is shown from one level a side on"));
    }
    let mut times = Vec::new();
    for text in &args.at {
        let ts_ns = parse_at(text).map_err(|error| Failure::usage(format!("--at {text}: {error}")))?;
        times.push(ts_ns);
    }
    times.sort_unstable();
    let mut seqs = args.at_seq.clone();
    seqs.sort_unstable();
    let input = InputConfig {
        path: args.file.clone(),
        format: args.format.clone(),
        symbol: args.symbol_of_file.clone(),
        orderbook: args.lobster.orderbook.clone(),
        is_repaired: !args.lobster.no_repair,
        ..InputConfig::default()
    };
    let mut tape = Tape::open(&input, streams)?;
    let mut printer = Printer { books: Books::new(1, 1 << 16), args, is_known: false, has_grid: false };
    let out = &mut *streams.out;
    printer.header(out)?;
    let (mut times, mut seqs) = (times.into_iter().peekable(), seqs.into_iter().peekable());
    let mut record = Record::default();
    let (mut last_seq, mut last_ts_ns) = (0, 0);
    // Every record is read, because `seq` counts those of all symbols; only ours are applied.
    while tape.next_into(&mut record) {
        let ts_ns = record.header.ts_venue_ns.unsigned_abs();
        while let Some(at_ns) = times.next_if(|at_ns| *at_ns < ts_ns) {
            printer.state(out, at_ns, last_seq)?;
        }
        while let Some(at_seq) = seqs.next_if(|at_seq| *at_seq < record.header.seq) {
            printer.state(out, last_ts_ns, at_seq)?;
        }
        (last_seq, last_ts_ns) = (record.header.seq, ts_ns);
        let is_ours = tape.is_of(&record, &args.symbol);
        printer.is_known |= is_ours;
        if is_ours || record.header.instrument == InstrumentId::NONE.0 {
            if is_ours && !printer.has_grid {
                printer.has_grid = true;
                printer.books = tape.books(&args.symbol);
            }
            printer.apply(&record, is_ours);
            if args.every_event && is_ours && record.header.flags & Flags::END_OF_EVENT != 0 {
                printer.state(out, ts_ns, last_seq)?;
            }
        }
    }
    let messages = tape.messages();
    for at_ns in times {
        printer.state(out, at_ns, last_seq)?;
    }
    for at_seq in seqs {
        if at_seq > messages {
            return Err(Failure::usage(format!("--at-seq {at_seq}: the file has {messages} messages")));
        }
        printer.state(out, last_ts_ns, at_seq)?;
    }
    if !printer.is_known {
        return Err(Failure::input(format!(
            "{}: no message about {}; `tickrace inspect` lists the symbols",
            args.file.display(),
            args.symbol
        )));
    }
    tape.judge(args.strict)
}

/// One symbol's book and how it is shown.
struct Printer<'a> {
    books: Books,
    args: &'a Args,
    is_known: bool,
    /// The grid of prices, which a book of levels needs, is known with the symbol's first record.
    has_grid: bool,
}

impl Printer<'_> {
    fn header(&self, out: &mut dyn Write) -> Result<(), Failure> {
        writeln!(out, "ts_ns,seq,symbol,side,level,price,quantity,orders").map_err(Failure::runtime)
    }

    /// Applies a record of our symbol, or of the whole venue.
    fn apply(&mut self, record: &Record, is_ours: bool) {
        let mut own = *record;
        if is_ours {
            own.header.instrument = 0;
        }
        self.books.apply(&own);
    }

    fn state(&self, out: &mut dyn Write, ts_ns: u64, seq: u64) -> Result<(), Failure> {
        for side in Side::BOTH {
            let levels = self.books.levels(InstrumentId(0), side).take(self.args.depth);
            for (place, level) in levels.enumerate() {
                writeln!(
                    out,
                    "{ts_ns},{seq},{},{},{},{},{},{}",
                    self.args.symbol,
                    side.name(),
                    place + 1,
                    level.price,
                    level.qty,
                    level.orders
                )
                .map_err(Failure::runtime)?;
            }
        }
        Ok(())
    }
}
