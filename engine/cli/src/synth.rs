//! `synth`: a plausible exchange day in ITCH 5.0.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tickrace_feeds::synth::{Synth, SynthConfig};

use crate::{Failure, Streams, progress};

/// Arguments of `synth`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tickrace synth --symbols 100 --messages 10000000 --seed 7 --out day.2026-03-02.itch50"
)]
pub struct Args {
    /// Instruments
    #[arg(long, default_value_t = 10)]
    symbols: u32,
    /// Messages of the day
    #[arg(long, default_value_t = 2_000_000)]
    messages: u64,
    /// Seed: the same seed gives the same bytes on every machine
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many pairs that belong together: the second symbol of each two follows the first
    #[arg(long, default_value_t = 0)]
    pairs: u32,
    /// File to write; a date in its name (YYYY-MM-DD) becomes the session's date
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Serialize)]
struct Made {
    file: String,
    messages: u64,
    bytes: u64,
    seconds: f64,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`]: no symbols, or a file that cannot be written.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if args.symbols == 0 || args.symbols > u32::from(u16::MAX) {
        return Err(Failure::usage(format!("--symbols {}: must be from 1 to 65535", args.symbols)));
    }
    if args.pairs > args.symbols / 2 {
        return Err(Failure::usage(format!(
            "--pairs {}: at most half of --symbols {}",
            args.pairs, args.symbols
        )));
    }
    let config = SynthConfig { seed: args.seed, symbols: args.symbols, messages: args.messages };
    let started = std::time::Instant::now();
    let (messages, bytes) = write_day(Synth::new(config).with_pairs(args.pairs), &args.out, streams)?;
    let made = Made {
        file: args.out.display().to_string(),
        messages,
        bytes,
        seconds: started.elapsed().as_secs_f64(),
    };
    if streams.is_json {
        streams.json(&made);
    } else {
        streams.say(&format!(
            "{}: {} messages, {} bytes, {:.1} million messages a second",
            made.file,
            made.messages,
            made.bytes,
            made.messages as f64 / made.seconds / 1e6
        ));
    }
    Ok(())
}

/// Writes a day under a temporary name and renames it when it is whole. Gives messages and bytes.
///
/// # Errors
///
/// [`Failure`] where it cannot be written.
pub fn write_day(day: Synth, path: &Path, streams: &Streams<'_>) -> Result<(u64, u64), Failure> {
    let fail = |error: std::io::Error| Failure::write(path, error);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&partial).map_err(fail)?);
    let bar = progress::bar(streams.is_watched, day.messages_wanted(), "generating");
    let made = day.write_to(&mut out, |messages| bar.set_position(messages)).map_err(fail)?;
    out.into_inner().map_err(|error| fail(error.into_error()))?;
    bar.finish_and_clear();
    std::fs::rename(&partial, path).map_err(fail)?;
    Ok(made)
}
