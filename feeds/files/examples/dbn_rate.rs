//! How fast a DBN file of orders becomes native records, beside the `dbn` crate's own typed decoding in the same run.
//!
//! `cargo run --release -p tickrace-feeds-files --example dbn_rate -- FILE.dbn.zst [RECORDS]`
//!
//! Three files are read in turn, the best of five rounds each: the one named, one of the same records repeated up to
//! RECORDS (10 million unless stated) uncompressed, and that one packed again. The crate reads packed files as its own
//! reader for them does, on one thread; ours unpacks on a second one. Beside the rate by the clock stands the time of the
//! processor a record takes on the reading thread, which other load on the machine does not change.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a tool that measures and prints")]

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::time::Instant;

use dbn::decode::DecodeRecord;
use dbn::decode::dbn::Decoder as CrateDecoder;
use tickrace_feeds_files::stream::{Packing, packing_of};
use tickrace_feeds_files::{Decoder, Options, Stream, dbn as format};

const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which file?")?;
    let records: usize = arguments.next().map_or(Ok(10_000_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let (raw, packed) = (folder.path().join("raw.dbn"), folder.path().join("packed.dbn.zst"));
    repeat(Path::new(&path), &raw, records)?;
    zstd::stream::copy_encode(File::open(&raw)?, File::create(&packed)?, 3)?;
    println!(
        "{:<18} {:>10} {:>12} {:>12} {:>6} {:>10} {:>10} {:>6}",
        "file", "records", "crate rec/s", "ours rec/s", "ratio", "crate cpu", "ours cpu", "ratio"
    );
    for (name, path) in
        [("as named", Path::new(&path)), ("repeated, raw", &raw), ("repeated, packed", &packed)]
    {
        let (mut best_crate, mut best_ours, mut count) = ((0.0f64, u64::MAX), (0.0f64, u64::MAX), 0);
        for _ in 0..ROUNDS {
            let by_crate = timed(&mut best_crate, || crate_own(path))?;
            count = timed(&mut best_ours, || ours(path))?;
            assert_eq!(by_crate, count, "both read the same records");
        }
        let ratio = best_ours.0 / best_crate.0;
        let cpu_ns = |best: (f64, u64)| best.1 as f64 / count as f64;
        let (cpu_crate, cpu_ours) = (cpu_ns(best_crate), cpu_ns(best_ours));
        println!(
            "{name:<18} {count:>10} {:>12.0} {:>12.0} {ratio:>6.2} {cpu_crate:>7.1} ns {cpu_ours:>7.1} ns {:>6.2}",
            best_crate.0,
            best_ours.0,
            cpu_crate / cpu_ours
        );
    }
    Ok(())
}

/// Keeps the best rate by the clock and the least time of the processor that this thread took.
fn timed(
    best: &mut (f64, u64),
    read: impl Fn() -> Result<u64, Box<dyn Error>>,
) -> Result<u64, Box<dyn Error>> {
    let (start, start_cpu_ns) = (Instant::now(), cpu_ns()?);
    let count = read()?;
    best.1 = best.1.min(cpu_ns()? - start_cpu_ns);
    best.0 = best.0.max(count as f64 / start.elapsed().as_secs_f64());
    Ok(count)
}

/// Nanoseconds of the processor that this thread has had, as Linux tells.
fn cpu_ns() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("no time")?.parse()?)
}

/// The file's metadata, then its records over and over. Every turn begins with a clear of the book, so that orders are
/// not added twice.
fn repeat(from: &Path, to: &Path, records: usize) -> Result<(), Box<dyn Error>> {
    let mut bytes = Vec::new();
    Stream::open(from)?.read_to_end(&mut bytes)?;
    let head = 8 + usize::try_from(u32::from_le_bytes(*bytes[4..].first_chunk().ok_or("a short file")?))?;
    let size = size_of::<dbn::MboMsg>();
    let mut clear = bytes[head..head + size].to_vec();
    // Flags, and the action behind the channel.
    (clear[36], clear[38]) = (128, b'R');
    let turn = [clear, bytes[head..].to_vec()].concat();
    let mut out = BufWriter::new(File::create(to)?);
    out.write_all(&bytes[..head])?;
    let mut left = records * size;
    while left > 0 {
        let part = &turn[..turn.len().min(left)];
        out.write_all(part)?;
        left -= part.len();
    }
    Ok(out.flush()?)
}

fn crate_own(path: &Path) -> Result<u64, Box<dyn Error>> {
    let file = File::open(path)?;
    match packing_of(path)? {
        Packing::Zstd => {
            count(CrateDecoder::new(zstd::stream::read::Decoder::with_buffer(BufReader::new(file))?)?)
        }
        _ => count(CrateDecoder::new(file)?),
    }
}

fn count<R: Read>(mut decoder: CrateDecoder<R>) -> Result<u64, Box<dyn Error>> {
    let (mut count, mut sum) = (0, 0u64);
    while let Some(record) = decoder.decode_record::<dbn::MboMsg>()? {
        count += 1;
        sum = sum.wrapping_add(record.order_id ^ record.price as u64 ^ u64::from(record.size));
    }
    black_box(sum);
    Ok(count)
}

fn ours(path: &Path) -> Result<u64, Box<dyn Error>> {
    let mut decoder = format::open(path, &Options::default())?;
    let mut batch = Vec::with_capacity(8_192);
    while decoder.read(&mut batch) {
        black_box(&batch);
        batch.clear();
    }
    Ok(decoder.account().messages)
}
