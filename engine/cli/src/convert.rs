//! `convert`: tick files to the native record log, and the log to CSV.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tickrace_book::BarSpec;
use tickrace_desk::config::InputConfig;
use tickrace_feeds_files::lobster::Repairs;
use tickrace_journal::{Entry, Reader};
use tickrace_types::{Kind, Price, Record, Side};

use crate::data::{Asked, OrderbookArgs, decoder_of, format_of, tell_made};
use crate::input::SessionDay;
use crate::ticks::merge::MergeBy;
use crate::ticks::{self, TICKS, read_head};
use crate::{Failure, Streams, progress};

/// Arguments of `convert`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tickrace convert 01302020.NASDAQ_ITCH50.gz --out day.ticks\n  \
    tickrace convert btcusdt_20240808.gz btcusdt_20240809.gz --out btcusdt.ticks\n  \
    tickrace convert quotes.csv --mapping columns.toml --symbol-of-file AIG --out aig.ticks\n  \
    tickrace convert day.itch50.gz --bars time:60s --out minutes.ticks\n  \
    tickrace convert day.ticks --out day.csv\n\n\
    A native log is a folder: head.json names the instruments, ticks-*.tj hold 64-byte records in the order in which\n\
    they were received. Several files become one log, merged by time.")]
pub struct Args {
    /// Tick files of any format, or the folder of one native log
    #[arg(required = true)]
    input: Vec<PathBuf>,
    /// Folder of the log to write, or a .csv file
    #[arg(long)]
    out: PathBuf,
    /// Format, where the files' content does not tell
    #[arg(long)]
    format: Option<String>,
    /// Session date, YYYY-MM-DD; else the file's name or content tells
    #[arg(long)]
    date: Option<String>,
    /// Only these symbols; repeatable
    #[arg(long)]
    symbol: Vec<String>,
    /// The symbol of files that name none
    #[arg(long)]
    symbol_of_file: Option<String>,
    /// What the columns of a CSV file mean (TOML)
    #[arg(long)]
    mapping: Option<PathBuf>,
    /// Which time orders several files
    #[arg(long, value_enum, default_value = "receive")]
    merge: MergeBy,
    /// Write bars in place of what they are made of: time:60s, tick:1000, volume:10000 or dollar:1e6
    #[arg(long)]
    bars: Option<BarSpec>,
    #[command(flatten)]
    lobster: OrderbookArgs,
    /// Exit with 3 where anything was skipped
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Serialize)]
struct Converted {
    out: String,
    records: u64,
    /// Records that stand once for us and once for the venue, whose orders differ there.
    twice: u64,
    instruments: usize,
    messages: u64,
    skipped: BTreeMap<String, u64>,
    gaps: usize,
    /// What published books told beyond the messages; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    repairs: Option<Repairs>,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`]: input that cannot be read, output that cannot be written.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    match args.input.as_slice() {
        [folder] if folder.is_dir() && args.bars.is_some() => Err(Failure::usage(format!(
            "{}: --bars needs tick files: a native log is only written as CSV",
            folder.display()
        ))),
        [folder] if folder.is_dir() => to_csv(folder, args, streams),
        _ => to_log(args, streams),
    }
}

fn report(streams: &mut Streams<'_>, converted: &Converted) {
    if streams.is_json {
        streams.json(converted);
        return;
    }
    streams.say(&format!(
        "{}: {} records of {} instruments",
        converted.out, converted.records, converted.instruments
    ));
    if converted.twice > 0 {
        streams.say(&format!(
            "  {} happened in another order than they were heard: they stand twice, for us and for the venue",
            converted.twice
        ));
    }
    for (reason, count) in &converted.skipped {
        streams.say(&format!("  skipped {reason}: {count}"));
    }
}

fn to_log(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if args.out.exists() {
        return Err(Failure::usage(format!("{}: exists already; name a new folder", args.out.display())));
    }
    if args.lobster.orderbook.is_some() && args.input.len() > 1 {
        return Err(Failure::usage(
            "--orderbook belongs to one message file; name one, or leave each beside its own",
        ));
    }
    let asked = Asked { symbols: &args.symbol, ..Asked::default() };
    let mut inputs = Vec::new();
    for path in &args.input {
        if path.is_dir() {
            return Err(Failure::usage(format!("{}: a native log cannot be merged", path.display())));
        }
        let input = InputConfig {
            path: path.clone(),
            format: args.format.clone(),
            date: args.date.clone(),
            symbol: args.symbol_of_file.clone(),
            mapping: args.mapping.clone(),
            orderbook: args.lobster.orderbook.clone(),
            is_repaired: !args.lobster.no_repair,
            ..InputConfig::default()
        };
        inputs.extend(decoder_of(&input, format_of(&input)?, &asked)?);
    }
    let day = SessionDay::told(args.date.as_deref(), &args.input[0])?;
    let bar = progress::byte_bar(streams.is_watched, 0, "converting");
    let made = ticks::build(inputs, &args.symbol, args.merge, args.bars, day, &args.out, &bar)?;
    bar.finish_and_clear();
    tell_made(&made, streams);
    let head = &made.head;
    let mut skipped = BTreeMap::new();
    for (reason, (count, _)) in head.inputs.iter().flat_map(|input| &input.skipped) {
        *skipped.entry(reason.clone()).or_default() += count;
    }
    let converted = Converted {
        out: args.out.display().to_string(),
        records: head.records,
        twice: head.twice,
        instruments: head.instruments.len(),
        messages: head.inputs.iter().map(|input| input.messages).sum(),
        skipped,
        gaps: head.inputs.iter().map(|input| input.gaps.len()).sum(),
        repairs: head.repairs(),
    };
    report(streams, &converted);
    if let Some(fault) = head.fault() {
        return Err(Failure::input(format!("{fault}; everything before it was converted")));
    }
    if args.strict && head.faults() > 0 {
        return Err(Failure::input(format!(
            "{} rows were skipped and --strict was asked for",
            head.faults()
        )));
    }
    Ok(())
}

fn to_csv(folder: &Path, args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let head = read_head(folder)?;
    let symbols = head.symbols();
    let reader = Reader::open(folder, TICKS).map_err(Failure::input)?;
    let fail = |error: std::io::Error| Failure::write(&args.out, error);
    let mut out = BufWriter::new(std::fs::File::create(&args.out).map_err(fail)?);
    writeln!(out, "ts_ns,seq,type,symbol,side,price,quantity,order_ref,other_ref,flags").map_err(fail)?;
    let mut records = 0;
    for entry in reader.iter() {
        let Entry::Small(record) = entry else { continue };
        let symbol = symbols.get(record.header.instrument as usize).map_or("", String::as_str);
        if !args.symbol.is_empty() && !args.symbol.iter().any(|wanted| wanted == symbol) {
            continue;
        }
        write_row(&mut out, record, symbol).map_err(fail)?;
        records += 1;
    }
    out.flush().map_err(fail)?;
    let converted = Converted {
        out: args.out.display().to_string(),
        records,
        twice: 0,
        instruments: symbols.len(),
        messages: records,
        skipped: BTreeMap::new(),
        gaps: 0,
        repairs: head.repairs(),
    };
    report(streams, &converted);
    Ok(())
}

/// One record; a best bid and ask takes two rows, a bar one for each of its prices.
fn write_row(out: &mut impl Write, record: &Record, symbol: &str) -> std::io::Result<()> {
    let header = &record.header;
    let kind = Kind::from_code(header.kind);
    let name = kind.map_or_else(|| header.kind.to_string(), |kind| format!("{kind:?}").to_lowercase());
    let start = |out: &mut dyn Write, part: &str| {
        write!(out, "{},{},{name}{part},{symbol},", header.ts_venue_ns, header.seq)
    };
    match kind {
        Some(Kind::Symbol) => {
            start(out, "")?;
            writeln!(out, ",,,,,{}", header.flags)
        }
        Some(Kind::Quote) => {
            let quote = record.as_quote();
            let sides = [(Side::Bid, quote.bid_px, quote.bid_qty), (Side::Ask, quote.ask_px, quote.ask_qty)];
            for (side, price, qty) in sides {
                start(out, "")?;
                writeln!(out, "{},{},{qty},,,{}", side.name(), Price(price), header.flags)?;
            }
            Ok(())
        }
        Some(Kind::BarShape) => {
            let bar = record.as_bar_shape();
            for (part, price) in [(":open", bar.open), (":high", bar.high), (":low", bar.low)] {
                start(out, part)?;
                writeln!(out, ",{},,,,{}", Price(price), header.flags)?;
            }
            Ok(())
        }
        Some(Kind::Bar) => {
            let bar = record.as_bar();
            start(out, ":close")?;
            writeln!(out, ",{},{},{},,{}", Price(bar.close), bar.volume, bar.trades, header.flags)
        }
        _ => {
            let market = record.as_market();
            start(out, "")?;
            if matches!(kind, Some(Kind::Add | Kind::Level | Kind::Print)) && market.side <= 1 {
                write!(out, "{}", Side::from_code(market.side).name())?;
            }
            let (qty, order_ref) = match kind {
                Some(Kind::Level) => (market.order_ref, 0),
                Some(Kind::Print) => (market.lots(), 0),
                _ => (u64::from(market.qty), market.order_ref),
            };
            writeln!(out, ",{},{qty},{order_ref},{},{}", Price(market.price), market.other_ref, header.flags)
        }
    }
}
