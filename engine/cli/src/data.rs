//! The market data of a configuration: ITCH days in place, native logs in place, everything else through a log that is
//! made once and kept.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tickrace_desk::config::{DataConfig, InputConfig, MergeOrder};
use tickrace_feeds::synth::{Synth, SynthConfig};
use tickrace_feeds_files::format::Options;
use tickrace_feeds_files::lobster::Repairs;
use tickrace_feeds_files::{Format, lobster, open};
use tickrace_types::Instrument;

use crate::input::{Session, SessionDay};
use crate::ticks::build::{Input, stamp_of};
use crate::ticks::merge::MergeBy;
use crate::ticks::{TicksHead, read_head};
use crate::{Failure, Streams, progress, synth, ticks};

/// Where generated days and converted logs are kept, so that the second run starts at once.
const DATA_FOLDER: &str = "data";

/// Opens the sessions of a run: the tick files named, or a generated day where none is.
///
/// # Errors
///
/// [`Failure`] where a file cannot be read or a log cannot be written.
pub fn open_sessions(
    data: &DataConfig,
    symbols: &[String],
    stated: &[Instrument],
    streams: &mut Streams<'_>,
) -> Result<Vec<Session>, Failure> {
    let inputs = inputs_of(data);
    if inputs.is_empty() {
        return synthetic(data, streams).map(|session| vec![session]);
    }
    let folders = inputs.iter().filter(|input| input.path.is_dir()).count();
    if folders == inputs.len() {
        return inputs.iter().map(|input| Session::open_log(&input.path)).collect();
    }
    if folders > 0 {
        return Err(Failure::usage(
            "data.files: native logs and tick files together; convert the files first, or name one kind only",
        ));
    }
    let formats = inputs.iter().map(format_of).collect::<Result<Vec<_>, _>>()?;
    let is_plain = |input: &InputConfig| input.suffix.is_empty();
    if formats.iter().all(|format| *format == Format::Itch50) && inputs.iter().all(is_plain) {
        let open = |input: &InputConfig| Session::open_itch(&input.path, input.date.as_deref(), streams);
        return inputs.iter().map(open).collect();
    }
    let by = match data.merge {
        MergeOrder::Receive => MergeBy::Receive,
        MergeOrder::Venue => MergeBy::Venue,
    };
    let kept_in = kept_in(data);
    kept_log(&inputs, &formats, (symbols, stated), by, kept_in, streams).map(|session| vec![session])
}

/// Folder of generated days and converted logs.
fn kept_in(data: &DataConfig) -> &Path {
    data.kept_in.as_deref().unwrap_or(Path::new(DATA_FOLDER))
}

/// All inputs of a run, the short form spelt out.
pub fn inputs_of(data: &DataConfig) -> Vec<InputConfig> {
    let named = data.files.iter().enumerate().map(|(place, path)| InputConfig {
        path: path.clone(),
        date: data.dates.get(place).cloned(),
        ..InputConfig::default()
    });
    named.chain(data.inputs.iter().cloned()).collect()
}

/// The format a file is said to have, else the one its content tells.
///
/// # Errors
///
/// [`Failure`] where the file cannot be read, the name is no format's, or none claims the file.
pub fn format_of(input: &InputConfig) -> Result<Format, Failure> {
    if let Some(name) = &input.format {
        return name.parse().map_err(|error| Failure::usage(format!("{}: {error}", input.path.display())));
    }
    if input.mapping.is_some() {
        return Ok(Format::Csv);
    }
    let told = open::tell(&input.path).map_err(Failure::input)?;
    told.ok_or_else(|| {
        if input.path.to_string_lossy().contains("_orderbook_") {
            return Failure::input(format!(
                "{}: offset 0: by its name the orderbook file of a LOBSTER pair: name the message file, which finds it",
                input.path.display()
            ));
        }
        let names: Vec<_> = open::FORMATS.iter().map(|(_, name)| *name).collect();
        Failure::input(format!(
            "{}: offset 0: not recognised as a tick file; name its format ({}), or give a column mapping for a CSV file",
            input.path.display(),
            names.join(", ")
        ))
    })
}

/// What of a file is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Only these symbols; none: all.
    pub symbols: &'a [String],
    /// Instruments stated by the user.
    pub stated: &'a [Instrument],
    /// Leave times that count from midnight as they are.
    pub is_from_midnight: bool,
}

/// Opens one file's decoder; `None` where no symbol asked for is of it.
///
/// # Errors
///
/// [`Failure`] where it cannot be read or is not of its format.
pub fn decoder_of(input: &InputConfig, format: Format, asked: &Asked<'_>) -> Result<Option<Input>, Failure> {
    let own = |symbol: &str| symbol.strip_suffix(input.suffix.as_str()).map(str::to_owned);
    let wanted: Vec<String> = asked.symbols.iter().filter_map(|symbol| own(symbol)).collect();
    if wanted.is_empty() && !asked.symbols.is_empty() {
        return Ok(None);
    }
    let of_it = |instrument: &Instrument| {
        own(&instrument.symbol).map(|symbol| Instrument { symbol, ..instrument.clone() })
    };
    let options = Options {
        date: SessionDay::told(input.date.as_deref(), &input.path)?.date,
        is_from_midnight: asked.is_from_midnight,
        symbols: wanted,
        instruments: asked.stated.iter().filter_map(of_it).collect(),
        symbol: input.symbol.clone(),
        is_continued: input.is_continued,
        orderbook: input.orderbook.clone(),
        is_repaired: input.is_repaired,
    };
    if format != Format::Lobster
        && let Some(orderbook) = &input.orderbook
    {
        return Err(Failure::usage(format!(
            "{}: an orderbook file ({}) belongs to a LOBSTER message file; this one is {}",
            input.path.display(),
            orderbook.display(),
            format.name()
        )));
    }
    let decoder = match &input.mapping {
        Some(path) if format == Format::Csv => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("{}: cannot be read: {error}", path.display())))?;
            let mapping = toml::from_str(&text)
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
            open::open_csv(&input.path, &mapping, &options)
        }
        _ => open::open(&input.path, format, &options),
    }
    .map_err(Failure::input)?;
    let suffix = input.suffix.clone();
    Ok(Some(Input { path: input.path.clone(), format: format.name(), decoder, suffix }))
}

/// What a kept log must have been made of to be used again.
#[derive(Serialize)]
struct Recipe<'a> {
    version: u32,
    files: Vec<(PathBuf, u64, u64, &'static str)>,
    orderbooks: Vec<Option<(PathBuf, u64, u64)>>,
    inputs: Vec<String>,
    mappings: Vec<String>,
    symbols: &'a [String],
    stated: &'a [Instrument],
    by: String,
}

/// Counts up when decoders change what they write.
const RECIPE_VERSION: u32 = 3;

/// The log of these files, made where there is none yet.
fn kept_log(
    inputs: &[InputConfig],
    formats: &[Format],
    (symbols, stated): (&[String], &[Instrument]),
    by: MergeBy,
    kept_in: &Path,
    streams: &mut Streams<'_>,
) -> Result<Session, Failure> {
    let canonical = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let stamped = |(input, format): (&InputConfig, &Format)| {
        let (bytes, modified_ns) = stamp_of(&input.path);
        (canonical(&input.path), bytes, modified_ns, format.name())
    };
    let orderbook = |(input, format): (&InputConfig, &Format)| {
        let is_lobster = *format == Format::Lobster;
        let path = input
            .orderbook
            .clone()
            .or_else(|| lobster::orderbook_beside(&input.path).filter(|_| is_lobster))?;
        let (bytes, modified_ns) = stamp_of(&path);
        Some((canonical(&path), bytes, modified_ns))
    };
    let mapping = |input: &InputConfig| {
        input.mapping.as_ref().map_or(Ok(String::new()), |path| {
            std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("{}: cannot be read: {error}", path.display())))
        })
    };
    let recipe = Recipe {
        version: RECIPE_VERSION,
        files: inputs.iter().zip(formats).map(stamped).collect(),
        orderbooks: inputs.iter().zip(formats).map(orderbook).collect(),
        inputs: inputs.iter().map(|input| format!("{input:?}")).collect(),
        mappings: inputs.iter().map(mapping).collect::<Result<_, _>>()?,
        symbols,
        stated,
        by: format!("{by:?}"),
    };
    let recipe = serde_json::to_vec(&recipe).map_err(Failure::runtime)?;
    let mark = blake3::hash(&recipe).to_hex().to_string();
    let stem = inputs[0].path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = kept_in.join("logs").join(format!("{stem}-{}.ticks", &mark[..16]));
    if folder.join(tickrace_journal::HEAD_FILE).exists() {
        let session = Session::open_log(&folder)?;
        tell_inputs(&read_head(&folder)?, streams);
        return Ok(session);
    }
    streams.say(&format!("converting {} once into {}", names_of(inputs), folder.display()));
    // Made under another name, so that a log half made is never taken for a whole one.
    let making = folder.with_extension(format!("making-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&making);
    let asked = Asked { symbols, stated, is_from_midnight: false };
    let opened = inputs.iter().zip(formats).map(|(input, format)| decoder_of(input, *format, &asked));
    let opened: Vec<Input> = opened.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let day = SessionDay::told(inputs[0].date.as_deref(), &inputs[0].path)?;
    let bar = progress::byte_bar(streams.is_watched, 0, "converting");
    let made = ticks::build(opened, symbols, by, None, day, &making, &bar)?;
    bar.finish_and_clear();
    tell_made(&made, streams);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::rename(&making, &folder).map_err(|error| Failure::write(&folder, error))?;
    Session::open_log(&folder)
}

fn names_of(inputs: &[InputConfig]) -> String {
    let names: Vec<String> = inputs.iter().map(|input| input.path.display().to_string()).collect();
    names.join(", ")
}

/// Warns of what a conversion met.
pub fn tell_made(made: &ticks::Made, streams: &mut Streams<'_>) {
    tell_inputs(&made.head, streams);
    for symbol in &made.missing {
        streams.warn(&format!("no record of {symbol}"));
    }
}

/// Warns of what a log lacks of the files it was made from, or has beyond them.
fn tell_inputs(head: &TicksHead, streams: &mut Streams<'_>) {
    for input in &head.inputs {
        for (reason, (count, first)) in &input.skipped {
            if reason != "filtered" {
                streams.warn(&format!("{}: skipped {count} ({reason}); the first: {first}", input.path));
            }
        }
        if let Some(text) = input.repairs.as_ref().and_then(repairs_text) {
            streams.warn(&format!("{}: {text}", input.path));
        }
        if let Some((count, first)) = &input.mended_times {
            streams.warn(&format!(
                "{}: {count} messages were stamped hours before or after their neighbours, and are read at the time these tell; \
                 the first: {first}",
                input.path
            ));
        }
        for symbol in &input.told_twice {
            streams.warn(&format!(
                "{}: {symbol} is told of by an earlier input at the same time, and both are mixed into one book: where they are \
                 of two venues, give one a suffix ([[data.inputs]], suffix); where they are the same data, name them once",
                input.path
            ));
        }
        if !input.gaps.is_empty() {
            let missing: u64 = input.gaps.iter().map(|(_, count)| count).sum();
            streams.warn(&format!(
                "{}: {} gaps, {missing} messages missing; books are stale from there to the next snapshot",
                input.path,
                input.gaps.len()
            ));
        }
    }
    if head.records == 0 {
        let names: Vec<&str> = head.inputs.iter().map(|input| input.path.as_str()).collect();
        streams.warn(&format!("{}: no record of an instrument that was asked for", names.join(", ")));
    }
    if head.latency_min_ns < 0 {
        streams.warn(&format!(
            "the recorder's clock was up to {:.3} ms behind the venue's: receive times are read as so much later",
            head.clock_offset_ns() as f64 / 1e6
        ));
    }
}

/// What published books changed, in words; `None` where nothing.
pub fn repairs_text(repairs: &Repairs) -> Option<String> {
    (repairs.messages > 0).then(|| {
        format!(
            "the orderbook file told more than the messages before {} of them: {} orders ({} lots) came and {} ({} lots) \
             left beyond the levels of the file",
            repairs.messages,
            repairs.orders_added,
            repairs.lots_added,
            repairs.orders_removed,
            repairs.lots_removed
        )
    })
}

/// How a LOBSTER message file is completed.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct OrderbookArgs {
    /// The orderbook file of a LOBSTER message file; else the one beside it
    #[arg(long)]
    pub orderbook: Option<PathBuf>,
    /// Take only the book at the start from a LOBSTER orderbook file, and correct nothing later
    #[arg(long)]
    pub no_repair: bool,
}

fn synthetic(data: &DataConfig, streams: &mut Streams<'_>) -> Result<Session, Failure> {
    let day = &data.synth;
    let pairs = if day.pairs > 0 { format!("-pairs{}", day.pairs) } else { String::new() };
    let name = format!("synth-{}x{}-seed{}{pairs}.{}.itch50", day.symbols, day.messages, day.seed, day.date);
    let path = kept_in(data).join(name);
    if !path.exists() {
        streams.say(&format!("no tick file is named: generating {}", path.display()));
        let made = SynthConfig { seed: day.seed, symbols: day.symbols, messages: day.messages };
        synth::write_day(Synth::new(made).with_pairs(day.pairs), &path, streams)?;
    }
    Session::open_itch(&path, Some(&day.date), streams)
}
