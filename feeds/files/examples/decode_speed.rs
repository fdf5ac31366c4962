//! How fast a recorded Binance file is decoded, beside what the same bytes cost without a decoder: decompressing them
//! alone, and looking for their line ends alone. The best of several rounds each, in turn, wall time; opening, which looks
//! at the first 4 MiB for ticks and lots, is shown apart and is part of decoding too. Of the compressed file the
//! decompressor runs on a thread of its own.
//!
//! `cargo run --release -p tickrace-feeds-files --example decode_speed -- FILE [ROUNDS]`
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tickrace_feeds_files::{Decoder, Options, binance};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("usage: decode_speed FILE [ROUNDS]")?);
    let rounds: u32 = arguments.next().map_or(Ok(7), |rounds| rounds.parse())?;
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(&path)?).read_to_end(&mut text)?;
    let plain = tempfile::NamedTempFile::new()?;
    std::fs::write(plain.path(), &text)?;
    let mut best = [f64::INFINITY; 5];
    let (mut records, mut lines) = (0, 0);
    for _ in 0..rounds {
        take(&mut best[0], || {
            let mut sink = Vec::with_capacity(text.len());
            flate2::read::MultiGzDecoder::new(std::fs::File::open(&path)?).read_to_end(&mut sink)?;
            Ok(())
        })?;
        take(&mut best[1], || {
            lines = memchr::memchr_iter(b'\n', &text).count();
            Ok(())
        })?;
        take(&mut best[2], || {
            binance::open(plain.path(), &Options::default()).map(drop).map_err(Into::into)
        })?;
        for (place, path) in [(3, plain.path()), (4, path.as_path())] {
            take(&mut best[place], || {
                records = decode(path)?;
                Ok(())
            })?;
        }
    }
    println!("{} bytes, {lines} lines, {records} records", text.len());
    let names = ["decompress alone", "line ends alone", "open", "decode, plain", "decode, compressed"];
    for (name, seconds) in names.iter().zip(best) {
        let (of_first, rate) = (seconds / best[0], records as f64 / seconds / 1e6);
        println!(
            "{name:20} {:8.2} ms, {of_first:6.3} of decompressing, {rate:8.1} million records/s",
            seconds * 1e3
        );
    }
    Ok(())
}

/// Decodes a file and counts its records.
fn decode(path: &Path) -> Result<usize, Box<dyn Error>> {
    let mut decoder = binance::open(path, &Options::default())?;
    let (mut batch, mut records) = (Vec::new(), 0);
    while decoder.read(&mut batch) {
        records += batch.len();
        batch.clear();
    }
    Ok(records)
}

/// Takes the seconds of `act` where they are the least so far.
fn take(best: &mut f64, act: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    act()?;
    *best = best.min(start.elapsed().as_secs_f64());
    Ok(())
}
