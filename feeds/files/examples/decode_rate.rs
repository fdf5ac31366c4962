//! How fast a LOBSTER or hftbacktest file becomes records, beside its mere decompression in the same run.
//!
//! A LOBSTER file is read with its orderbook file, and both are unpacked for the comparison; after `no-repair` it is read
//! and unpacked without.
//!
//! `cargo run --release -p tickrace-feeds-files --example decode_rate -- FILE [no-repair]`
#![expect(clippy::print_stdout, reason = "an example that prints")]

use std::io::BufRead;
use std::path::Path;
use std::time::{Duration, Instant};

use tickrace_feeds_files::format::End;
use tickrace_feeds_files::stream::{Packing, members, packing_of};
use tickrace_feeds_files::{Decoder, FileError, Options, Stream, hftbacktest, lobster};

/// Runs of each kind; the fastest counts, since all else is somebody else's work.
const RUNS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: decode_rate FILE [no-repair]")?;
    let path = Path::new(&path);
    let date = "2024-08-09".parse().ok();
    let is_repaired = std::env::args().nth(2).is_none_or(|word| word != "no-repair");
    let options = Options { date, symbol: Some("X".to_owned()), is_repaired, ..Options::default() };
    let mut fastest = [Duration::MAX; 2];
    let (mut records, mut bytes) = (0, 0);
    for _ in 0..RUNS {
        let begin = Instant::now();
        bytes = drain(path, is_repaired)?;
        fastest[0] = fastest[0].min(begin.elapsed());
        let mut decoder = open(path, &options)?;
        let begin = Instant::now();
        records = count(decoder.as_mut())?;
        fastest[1] = fastest[1].min(begin.elapsed());
    }
    let [plain_s, decode_s] = fastest.map(|time| time.as_secs_f64());
    println!("{}: {bytes} bytes unpacked, {records} records", path.display());
    println!("unpacking alone {plain_s:.4} s, {:.0} MB/s", bytes as f64 / plain_s / 1e6);
    println!(
        "decoding {decode_s:.4} s, {:.2} million records/s, {:.0} ns each",
        records as f64 / decode_s / 1e6,
        decode_s * 1e9 / records as f64
    );
    println!("decoding takes {:.2} times the unpacking alone", decode_s / plain_s);
    Ok(())
}

fn open(path: &Path, options: &Options) -> Result<Box<dyn Decoder>, FileError> {
    match hftbacktest::open(path, options) {
        Ok(decoder) => Ok(Box::new(decoder)),
        Err(_) => Ok(Box::new(lobster::open(path, options)?)),
    }
}

/// Bytes of what is decoded, unpacked and thrown away; two files side by side, as they are read.
fn drain(path: &Path, is_repaired: bool) -> Result<u64, Box<dyn std::error::Error>> {
    let mut streams = Vec::new();
    if packing_of(path)? == Packing::Zip {
        let is_part = |name: &str| {
            name.contains("_message") || name == "data.npy" || is_repaired && name.contains("_orderbook")
        };
        for member in members(path)?.iter().filter(|member| is_part(&member.name)) {
            streams.push(Stream::open_member(path, &member.name)?);
        }
    } else {
        streams.push(Stream::open(path)?);
        if let Some(orderbook) = lobster::orderbook_beside(path).filter(|_| is_repaired) {
            streams.push(Stream::open(&orderbook)?);
        }
    }
    let mut bytes = 0;
    while !streams.is_empty() {
        let mut at = 0;
        while at < streams.len() {
            let ready = streams[at].fill_buf()?.len();
            bytes += ready as u64;
            streams[at].consume(ready);
            if ready == 0 {
                streams.swap_remove(at);
            } else {
                at += 1;
            }
        }
    }
    Ok(bytes)
}

fn count(decoder: &mut dyn Decoder) -> Result<u64, Box<dyn std::error::Error>> {
    let mut batch = Vec::new();
    let mut records = 0;
    while decoder.read(&mut batch) {
        records += batch.len() as u64;
        batch.clear();
    }
    let account = decoder.account();
    if account.end != End::Complete || account.skips.faults() > 0 {
        return Err(format!("{:?}, {:?}", account.end, account.skips).into());
    }
    Ok(records)
}
