//! `book`: states of one symbol's book as CSV.

use std::io::Write;
use std::path::PathBuf;

use tickrace_book::Books;
use tickrace_desk::config::InputConfig;
use tickrace_feeds_files::date::DateError;
use tickrace_feeds_files::parse_at;
use tickrace_stats::panel::{DAY_NS, parse_time};
use tickrace_types::{Flags, Header, InstrumentId, Record, Side};

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
    /// State after every message at or before this time: HH:MM:SS.fraction (of the session in New York for ITCH and
    /// LOBSTER, of the first record's day in UTC else), YYYY-MM-DDTHH:MM:SS in UTC, or nanoseconds (after midnight for
    /// ITCH and LOBSTER, since the epoch else); repeatable
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
        let at = At::parse(text).map_err(|error| Failure::usage(format!("--at {text}: {error}")))?;
        times.push(at);
    }
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
    let mut record = Record::default();
    let mut is_more = tape.next_into(&mut record);
    let midnight_ns = midnight_of(&record.header, tape.midnight_ns());
    let times = times.into_iter().map(|at| at.resolve(midnight_ns)).collect::<Result<Vec<_>, _>>();
    let mut times = times.map_err(|error| Failure::usage(format!("--at: {error}")))?;
    times.sort_unstable();
    let (mut times, mut seqs) = (times.into_iter().peekable(), seqs.into_iter().peekable());
    let (mut last_seq, mut last_ts_ns) = (0, 0);
    // Every record is read, because `seq` counts those of all symbols; only ours are applied.
    while is_more {
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
        is_more = tape.next_into(&mut record);
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

/// A time that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Nanoseconds after midnight.
    OfDay(u64),
    /// Nanoseconds since the epoch.
    Stamp(u64),
    /// Nanoseconds as the file counts them.
    Plain(u64),
}

impl At {
    fn parse(text: &str) -> Result<Self, DateError> {
        if let Some(at_ns) = parse_time(text).filter(|_| text.contains('-')) {
            return u64::try_from(at_ns).map(Self::Stamp).map_err(|_| DateError::TimeOfDay);
        }
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        parse_at(text).map(if is_plain { Self::Plain } else { Self::OfDay })
    }

    /// As the file counts time: from this midnight, or from the session's own where there is none.
    fn resolve(self, midnight_ns: Option<u64>) -> Result<u64, &'static str> {
        match (self, midnight_ns) {
            (Self::Plain(at_ns), _) | (Self::OfDay(at_ns), None) => Ok(at_ns),
            (Self::OfDay(after_ns), Some(midnight_ns)) => Ok(midnight_ns + after_ns),
            (Self::Stamp(at_ns), Some(_)) => Ok(at_ns),
            (Self::Stamp(_), None) => Err("the file counts from midnight: write a time of day"),
        }
    }
}

/// The midnight that times of day count from, of a file that counts from the epoch.
///
/// - `known_ns`: the session's, where the file tells it.
fn midnight_of(first: &Header, known_ns: Option<i64>) -> Option<u64> {
    // A file that counts from midnight has no later times than a few days.
    let is_epoch = first.ts_recv_ns > 365 * DAY_NS;
    let midnight_ns = known_ns.unwrap_or_else(|| first.ts_recv_ns.div_euclid(DAY_NS) * DAY_NS);
    is_epoch.then_some(midnight_ns).and_then(|midnight_ns| u64::try_from(midnight_ns).ok())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_of_the_session_or_of_the_first_records_day() {
        let resolved = |text, midnight_ns| At::parse(text).unwrap().resolve(midnight_ns);
        let half_past_nine = 34_200_000_000_000;
        assert_eq!(resolved("09:30:00", None), Ok(half_past_nine));
        assert_eq!(resolved("09:30:00", Some(1_000)), Ok(1_000 + half_past_nine));
        assert_eq!(resolved("34200000000000", Some(1_000)), Ok(half_past_nine));
        let epoch = 1_723_161_270_500_000_000;
        assert_eq!(resolved("2024-08-08T23:54:30.5", Some(1)), Ok(epoch));
        assert!(resolved("2024-08-08T23:54:30", None).is_err());
        assert!(At::parse("25:00:00").is_err() && At::parse("2024-13-08").is_err() && At::parse("").is_err());
        let heard = |ts_recv_ns| Header { ts_recv_ns, ..Header::default() };
        assert_eq!(midnight_of(&heard(half_past_nine.cast_signed()), None), None);
        assert_eq!(midnight_of(&heard(epoch.cast_signed()), None), Some(1_723_075_200_000_000_000));
        assert_eq!(midnight_of(&heard(epoch.cast_signed()), Some(7)), Some(7));
    }
}
