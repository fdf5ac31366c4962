//! `convert`: tick files to the native record log, and the log to CSV.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tickrace_feeds::itch::LocateMap;
use tickrace_feeds::source::Source;
use tickrace_journal::{Entry, Prefault, Reader, Writer, WriterConfig};
use tickrace_types::{InstrumentId, Kind, Price, Record, Side};

use crate::input::{Session, judge_end};
use crate::{Failure, Streams, progress};

/// Stream of market records in a native log.
pub const TICKS: &str = "ticks";

/// Arguments of `convert`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tickrace convert 01302020.NASDAQ_ITCH50.gz --out day.ticks\n  \
    tickrace convert day.ticks --out day.csv\n\n\
    A native log is a folder: head.json names the instruments, ticks-*.tj hold 64-byte records.")]
pub struct Args {
    /// ITCH 5.0 file, or the folder of a native log
    input: PathBuf,
    /// Folder of the log to write, or a .csv file
    #[arg(long)]
    out: PathBuf,
    /// Session date, YYYY-MM-DD; else the file's name tells
    #[arg(long)]
    date: Option<String>,
    /// Only these symbols; repeatable
    #[arg(long)]
    symbol: Vec<String>,
    /// Exit with 3 where anything was skipped
    #[arg(long)]
    strict: bool,
}

/// What a native log's head says.
#[derive(Debug, Serialize, serde::Deserialize)]
pub struct TicksHead {
    /// `ticks`.
    pub kind: String,
    /// Layout of the records.
    pub version: u8,
    /// Session date.
    pub date: Option<String>,
    /// Midnight of the session, nanoseconds since the Unix epoch.
    pub midnight_ns: i64,
    /// Symbols, index = instrument id.
    pub symbols: Vec<String>,
    /// File it was made from.
    pub source: String,
}

#[derive(Debug, Serialize)]
struct Converted {
    out: String,
    records: u64,
    skipped: std::collections::BTreeMap<String, u64>,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`]: input that cannot be read, output that cannot be written.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if args.input.is_dir() { to_csv(args, streams) } else { to_log(args, streams) }
}

fn report(streams: &mut Streams<'_>, converted: &Converted) {
    if streams.is_json {
        streams.json(converted);
        return;
    }
    streams.say(&format!("{}: {} records", converted.out, converted.records));
    for (reason, count) in &converted.skipped {
        streams.say(&format!("  skipped {reason}: {count}"));
    }
}

fn to_log(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let session = Session::open(&args.input, args.date.as_deref(), streams)?;
    if args.out.exists() {
        return Err(Failure::usage(format!("{}: exists already; name a new folder", args.out.display())));
    }
    let universe = if args.symbol.is_empty() {
        LocateMap::all()
    } else {
        LocateMap::only(args.symbol.iter().map(String::as_str).zip((0u32..).map(InstrumentId)))
    };
    let mut source = session.source(universe, 0);
    let config = WriterConfig {
        segment_bytes: 256 << 20,
        checksum: true,
        prefault: Prefault::Helper { window_bytes: 32 << 20 },
        flush_interval_ms: None,
    };
    std::fs::create_dir_all(&args.out).map_err(|error| Failure::write(&args.out, error))?;
    let mut writer = Writer::create(&args.out, TICKS, config).map_err(Failure::runtime)?;
    let bar = progress::byte_bar(streams.is_watched, session.len(), "converting");
    let mut record = Record::default();
    while source.next_into(&mut record) {
        writer.append(&record);
        if record.header.seq & 0xffff == 0 {
            bar.set_position(source.position());
            writer.check().map_err(Failure::runtime)?;
        }
    }
    bar.finish_and_clear();
    let records = writer.records();
    writer.finish().map_err(Failure::runtime)?;
    let head = TicksHead {
        kind: TICKS.to_owned(),
        version: tickrace_types::event::VERSION,
        date: session.date.map(|date| date.to_string()),
        midnight_ns: session.midnight_ns,
        symbols: source.universe().symbols().to_vec(),
        source: args.input.display().to_string(),
    };
    let bytes = serde_json::to_vec_pretty(&head).map_err(Failure::runtime)?;
    tickrace_journal::write_head(&args.out, &bytes).map_err(Failure::runtime)?;
    let skipped = source.skips().reasons().into_iter().collect();
    report(streams, &Converted { out: args.out.display().to_string(), records, skipped });
    judge_end(&source, &session, args.strict)
}

/// Reads a native log's head.
///
/// # Errors
///
/// [`Failure`] where the folder is not a native log.
pub fn read_ticks_head(folder: &Path) -> Result<TicksHead, Failure> {
    let bytes = tickrace_journal::read_head(folder).map_err(Failure::input)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::input(format!("{}: head.json: not the head of a native log: {error}", folder.display()))
    })
}

fn to_csv(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let head = read_ticks_head(&args.input)?;
    let reader = Reader::open(&args.input, TICKS).map_err(Failure::input)?;
    let fail = |error: std::io::Error| Failure::write(&args.out, error);
    let mut out = BufWriter::new(std::fs::File::create(&args.out).map_err(fail)?);
    writeln!(out, "ts_ns,seq,type,symbol,side,price,quantity,order_ref,other_ref,flags").map_err(fail)?;
    let mut records = 0;
    for entry in reader.iter() {
        let Entry::Small(record) = entry else { continue };
        let symbol = head.symbols.get(record.header.instrument as usize).map_or("", String::as_str);
        if !args.symbol.is_empty() && !args.symbol.iter().any(|wanted| wanted == symbol) {
            continue;
        }
        write_row(&mut out, record, symbol).map_err(fail)?;
        records += 1;
    }
    out.flush().map_err(fail)?;
    let skipped = std::collections::BTreeMap::new();
    report(streams, &Converted { out: args.out.display().to_string(), records, skipped });
    Ok(())
}

fn write_row(out: &mut impl Write, record: &Record, symbol: &str) -> std::io::Result<()> {
    let market = record.as_market();
    let header = &record.header;
    let kind = Kind::from_code(header.kind);
    let name = kind.map_or_else(|| header.kind.to_string(), |kind| format!("{kind:?}").to_lowercase());
    let is_sided = kind == Some(Kind::Add);
    write!(out, "{},{},{name},{symbol},", header.ts_venue_ns, header.seq)?;
    if is_sided {
        write!(out, "{}", Side::from_code(market.side).name())?;
    }
    match kind {
        Some(Kind::Symbol) => writeln!(out, ",,,,,{}", header.flags),
        _ => writeln!(
            out,
            ",{},{},{},{},{}",
            Price(market.price),
            market.qty,
            market.order_ref,
            market.other_ref,
            header.flags
        ),
    }
}
