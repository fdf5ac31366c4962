//! Journal: appending beside a plain copy of the same bytes, faults counted, scanning beside a plain scan of memory.
//!
//! `TICKRACE_BENCH_MIB` (default 256) is the segment of the timed parts, `TICKRACE_BENCH_FAULT_MIB` (default 1024)
//! that of the counted ones, `TICKRACE_BENCH_REPEATS` (default 9) the interleaved repeats, `TICKRACE_BENCH_DIR` the
//! folder, `TICKRACE_BENCH_PARTS` (default `append,faults,scan`) what is run. `fresh` records are built field by field
//! just before they are appended, as a decoder does; the others lie in the cache. Medians over repeats; a chunk is 4,096 records, its time without the steps of the clock.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use tickrace_journal::{Entry, Prefault, Reader, Writer, WriterConfig};
use tickrace_types::{Header, Kind, Record};

const CHUNK: usize = 4096;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn folder() -> tempfile::TempDir {
    let base = std::env::var_os("TICKRACE_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::tempdir_in(base).expect("a folder for the bench")
}

fn record(seq: u64) -> Record {
    let header = Header { kind: Kind::Add as u8, version: 1, seq, ..Header::default() };
    Record { header, body: [seq; 4] }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Nanoseconds a record: the median chunk, the best decile of the chunks, the whole run.
type Timing = [f64; 3];

fn timed(count: usize, mut chunk: impl FnMut(usize)) -> Timing {
    let mut chunks = Vec::with_capacity(count / CHUNK);
    let start = Instant::now();
    for first in (0..count).step_by(CHUNK) {
        let before = Instant::now();
        chunk(first);
        chunks.push(before.elapsed().as_nanos() as f64 / CHUNK as f64);
    }
    let whole = start.elapsed().as_nanos() as f64 / count as f64;
    let middle = median(&mut chunks);
    [middle, chunks[chunks.len() / 10], whole]
}

fn records_of(segment_bytes: u64) -> usize {
    (usize::try_from(segment_bytes).unwrap_or(usize::MAX) / 4096 - 1) * 60 / CHUNK * CHUNK
}

fn append_run(segment_bytes: u64, checksum: bool, is_fresh: bool) -> Timing {
    let dir = folder();
    let config = WriterConfig { segment_bytes, checksum, prefault: Prefault::Whole, flush_interval_ms: None };
    let mut writer = Writer::create(dir.path(), "inbound", config).expect("a writer");
    let source: Vec<Record> = (0..64).map(record).collect();
    let count = records_of(segment_bytes);
    let result = timed(count, |first| {
        for seq in first..first + CHUNK {
            if is_fresh {
                writer.append(black_box(&record(seq as u64)));
            } else {
                writer.append(&source[seq % 64]);
            }
        }
    });
    assert_eq!(writer.records(), count as u64);
    writer.finish().expect("a finished stream");
    result
}

fn copy_run(target: &mut [Record], is_fresh: bool) -> Timing {
    let source: Vec<Record> = (0..64).map(record).collect();
    let count = target.len() / CHUNK * CHUNK;
    timed(count, |first| {
        for (seq, slot) in (first..).zip(&mut target[first..first + CHUNK]) {
            *slot = if is_fresh { *black_box(&record(seq as u64)) } else { source[seq % 64] };
            // Keeps the loop one store a record, as an append is, and not one block move.
            black_box(&mut *slot);
        }
    })
}

type Contender<'a> = (&'static str, Box<dyn FnMut() -> Timing + 'a>);

fn append(segment_bytes: u64, repeats: u64) {
    let target = std::cell::RefCell::new(vec![record(1); records_of(segment_bytes)]);
    let mut contenders: Vec<Contender> = vec![
        ("append/plain_memcpy", Box::new(|| copy_run(&mut target.borrow_mut(), false))),
        ("append/no_sum", Box::new(|| append_run(segment_bytes, false, false))),
        ("append/sum", Box::new(|| append_run(segment_bytes, true, false))),
        ("append/plain_memcpy_fresh", Box::new(|| copy_run(&mut target.borrow_mut(), true))),
        ("append/no_sum_fresh", Box::new(|| append_run(segment_bytes, false, true))),
        ("append/sum_fresh", Box::new(|| append_run(segment_bytes, true, true))),
    ];
    let mut results = vec![[const { Vec::new() }; 3]; contenders.len()];
    for _ in 0..repeats {
        for ((_, run), result) in contenders.iter_mut().zip(&mut results) {
            run().into_iter().zip(result).for_each(|(figure, figures)| figures.push(figure));
        }
    }
    let mut peer = [1.0; 3];
    for ((name, _), result) in contenders.iter().zip(&mut results) {
        let [chunk, best, whole] = result.each_mut().map(|figures| median(figures));
        if name.contains("memcpy") {
            peer = [chunk, best, whole];
        }
        let ratios =
            [chunk / peer[0], best / peer[1], whole / peer[2]].map(|ratio| format!("{ratio:.2}")).join(" ");
        println!(
            "journal/{name:<26} ns a record: chunk {chunk:6.2} best decile {best:6.2} run {whole:6.2}  to memcpy {ratios}"
        );
    }
}

/// Minor and major faults of this thread: the counters that getrusage gives for RUSAGE_THREAD, without unsafe code.
fn faults() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("a kernel that counts");
    // After the name in brackets come the fields from the third on; minflt is the 10th, majflt the 12th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    [fields[7], fields[9]].iter().map(|field| field.parse::<u64>().expect("a count")).sum()
}

/// Writes one segment at `per_second` records (0: flat out) and counts the writer's faults.
fn count_faults(name: &str, segment_bytes: u64, prefault: Prefault, per_second: u64) {
    let dir = folder();
    let config = WriterConfig { segment_bytes, checksum: true, prefault, flush_interval_ms: None };
    let mut writer = Writer::create(dir.path(), "inbound", config).expect("a writer");
    let count = records_of(segment_bytes);
    let source = record(1);
    // Once before counting, so that the code and the stack are there.
    writer.append(&source);
    let start = Instant::now();
    faults();
    let before = faults();
    for first in (1..count).step_by(CHUNK) {
        for _ in first..(first + CHUNK).min(count) {
            writer.append(&source);
        }
        if let Some(due) = ((first + CHUNK) as u128 * 1_000_000_000).checked_div(u128::from(per_second)) {
            while start.elapsed().as_nanos() < due {
                std::hint::spin_loop();
            }
        }
    }
    let faults = faults() - before;
    let rate = count as f64 / start.elapsed().as_secs_f64() / 1e6;
    let mib = segment_bytes >> 20;
    let per_mib = faults as f64 / mib as f64;
    println!(
        "journal/faults/{name:<20} MiB {mib}  records/s {rate:7.2} M  faults {faults}  per_MiB {per_mib:.4}"
    );
    writer.finish().expect("a finished stream");
}

fn scan(segment_bytes: u64, repeats: u64) {
    let dir = folder();
    let config = WriterConfig { segment_bytes, ..WriterConfig::default() };
    let mut writer = Writer::create(dir.path(), "inbound", config).expect("a writer");
    let count = records_of(segment_bytes);
    let mut memory: Vec<Record> = Vec::with_capacity(count);
    for seq in 0..count as u64 {
        writer.append(&record(seq));
        memory.push(record(seq));
    }
    writer.finish().expect("a finished stream");
    let bytes = (count * 64) as f64;
    let reader = Reader::open(dir.path(), "inbound").expect("a reader");
    let sum_memory = || memory.iter().fold(0_u64, |sum, record| sum.wrapping_add(record.body[0]));
    let sum_mapped = || {
        reader.iter().fold(0_u64, |sum, entry| match entry {
            Entry::Small(record) => sum.wrapping_add(record.body[0]),
            Entry::Order(_) | Entry::Response(_) => sum,
        })
    };
    let sum_verified = || Reader::open(dir.path(), "inbound").map(|reader| reader.records()).unwrap_or(0);
    assert_eq!(sum_memory(), sum_mapped());
    assert_eq!(sum_verified(), count as u64);
    let mut speeds = vec![Vec::new(); 3];
    let time = |run: &dyn Fn() -> u64| {
        let start = Instant::now();
        black_box(run());
        bytes / start.elapsed().as_nanos() as f64
    };
    for _ in 0..repeats * 3 {
        speeds[0].push(time(&sum_memory));
        speeds[1].push(time(&sum_mapped));
        speeds[2].push(time(&sum_verified));
    }
    let memory = median(&mut speeds[0]);
    for (name, speeds) in ["memory", "mapped", "open_and_verify"].iter().zip(&mut speeds) {
        let speed = median(speeds);
        println!("journal/scan/{name:<16} GB/s {speed:6.2}  ratio_to_memory {:.3}", speed / memory);
    }
}

fn main() {
    let segment_bytes = setting("TICKRACE_BENCH_MIB", 256) << 20;
    let fault_bytes = setting("TICKRACE_BENCH_FAULT_MIB", 1024) << 20;
    let repeats = setting("TICKRACE_BENCH_REPEATS", 9);
    println!("journal: sums by {:?}", tickrace_journal::checksum::Level::detect());
    let parts = std::env::var("TICKRACE_BENCH_PARTS").unwrap_or_else(|_| "append,faults,scan".into());
    if parts.contains("append") {
        append(segment_bytes, repeats);
    }
    if parts.contains("faults") {
        all_faults(fault_bytes);
    }
    if parts.contains("scan") {
        scan(segment_bytes, repeats);
    }
}

fn all_faults(fault_bytes: u64) {
    count_faults("whole", fault_bytes, Prefault::Whole, 0);
    let window = Prefault::Helper { window_bytes: 64 << 20 };
    count_faults("helper_10M_per_s", fault_bytes, window, 10_000_000);
    count_faults("helper_flat_out", fault_bytes, window, 0);
    count_faults("none", fault_bytes, Prefault::None, 0);
}
