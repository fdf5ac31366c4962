//! How fast a LOBSTER or hftbacktest file becomes records, beside its mere decompression in the same run.
//!
//! `cargo run --release -p tickrace-feeds-files --example decode_rate -- FILE`
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
    let path = std::env::args().nth(1).ok_or("usage: decode_rate FILE")?;
    let path = Path::new(&path);
    let date = "2024-08-09".parse().ok();
    let options = Options { date, symbol: Some("X".to_owned()), ..Options::default() };
    let mut fastest = [Duration::MAX; 2];
    let (mut records, mut bytes) = (0, 0);
    for _ in 0..RUNS {
        let begin = Instant::now();
        bytes = drain(path)?;
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

/// Bytes of the part of the file that is decoded, unpacked and thrown away.
fn drain(path: &Path) -> Result<u64, Box<dyn std::error::Error>> {
    let mut stream = if packing_of(path)? == Packing::Zip {
        let members = members(path)?;
        let is_part = |name: &str| name.contains("_message") || name == "data.npy";
        let part = members.iter().find(|member| is_part(&member.name)).ok_or("nothing to decode in it")?;
        Stream::open_member(path, &part.name)?
    } else {
        Stream::open(path)?
    };
    let mut bytes = 0;
    loop {
        let ready = stream.fill_buf()?.len();
        if ready == 0 {
            return Ok(bytes);
        }
        bytes += ready as u64;
        stream.consume(ready);
    }
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
