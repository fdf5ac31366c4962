//! ITCH bytes to order-by-order books of many symbols: nanoseconds a message and memory.
//!
//! `book/parse` decodes every message into a record; `book/apply_*` also keeps the books, queue order included: one
//! record at a time, with hints a few records ahead ([`Books::hint`]), or in blocks ([`Books::apply_all`]); `book/naive` is the plain oracle on a slice of the same bytes. The input is the real day of
//! two symbols multiplied to `BOOK_COPIES` copies, interleaved by time, under other locates and order numbers;
//! with `BOOK_SYNTH_MESSAGES` it is a synthetic day instead.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `BOOK_COPIES` | copies of the two-symbol day | 64 |
//! | `BOOK_APART_US` | microseconds each copy runs behind the one before it | 0 |
//! | `BOOK_REFS` | `shift`: copy number from bit 34 up; `hash`: numbers spread over all of `u64` | shift |
//! | `BOOK_REPEATS` | interleaved repeats of which the median is told | 7 |
//! | `BOOK_NAIVE` | messages the oracle gets, 0 for none | 1,000,000 |
//! | `BOOK_SYNTH_MESSAGES`, `BOOK_SYNTH_SYMBOLS` | a synthetic day instead | – , 8,000 |
//! | `BOOK_CAPACITY` | resting orders that room is taken for | 131,072 (2,097,152 with a synthetic day) |
//! | `BOOK_ONLY` | one of `parse`, `plain`, `hinted`, `ahead`, for a profiler | – |

#[path = "book/input.rs"]
mod input;

use std::hint::black_box;
use std::time::Instant;

use tickrace_book::naive::NaiveBooks;
use tickrace_book::{Books, Change};
use tickrace_feeds::itch::{FileOptions, LocateMap};
use tickrace_feeds::{FileSource, Source};
use tickrace_feeds_files::TickFile;
use tickrace_types::Record;

/// Records decoded at a time when the books may look ahead: 16 KiB, a third of a first-level cache.
const BLOCK: usize = 256;

/// Records by which the hints run ahead of the record applied.
const HINT: usize = 4;
const HINT_ORDER: usize = 1;

// As the program has it.
#[global_allocator]
static MEMORY: tickrace_runtime::huge::HugePages = tickrace_runtime::huge::HugePages;

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let Some(day) = input::day() else { return };
    let repeats = input::number("BOOK_REPEATS", 7).max(1);
    let only = std::env::var("BOOK_ONLY").ok();
    let runs = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let (mut parse, mut plain, mut hints, mut ahead) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut told = String::new();
    let anon_before = anonymous_bytes();
    for _ in 0..repeats {
        if runs("parse") {
            parse.push(timed(&day, |source| (parse_only(source), 0)).0);
        }
        if runs("plain") {
            plain.push(timed(&day, |source| one_by_one(source, &day)).0);
        }
        if runs("hinted") {
            hints.push(timed(&day, |source| hinted(source, &day)).0);
        }
        if runs("ahead") {
            let mut books = Books::new(day.symbols, day.capacity);
            let (ns, messages, checksum) = timed(&day, |source| looking_ahead(source, &mut books));
            ahead.push(ns);
            told = format!(
                "messages {messages} live {} growths {} checksum {checksum:016x} counters {:?}\nbook/memory anonymous {:.1} MB, before {:.1} MB",
                books.live_orders(),
                books.growths(),
                books.counters(),
                anonymous_bytes() as f64 / 1e6,
                anon_before as f64 / 1e6,
            );
        }
    }
    println!("book/input symbols {} bytes {} {}", day.symbols, day.file.as_slice().len(), day.name);
    println!("book/check {told}");
    let line = |name: &str, samples: &mut Vec<f64>| {
        samples.sort_by(f64::total_cmp);
        if let (Some(low), Some(high)) = (samples.first(), samples.last()) {
            println!(
                "book/{name} median {:.1} ns/message, {low:.1} to {high:.1}",
                samples[samples.len() / 2]
            );
        }
    };
    line("parse", &mut parse);
    line("apply_one_by_one", &mut plain);
    line("apply_hinted", &mut hints);
    line("apply_looking_ahead", &mut ahead);
    naive(&day);
}

fn timed(day: &input::Day, run: impl FnOnce(&mut FileSource<&TickFile>) -> (u64, u64)) -> (f64, u64, u64) {
    let options = FileOptions { session_midnight_ns: 0, feed_latency_ns: 0, universe: LocateMap::all() };
    let mut source = FileSource::new(&day.file, options);
    let started = Stopwatch::start();
    let (checksum, _) = black_box(run(&mut source));
    let ns = started.ns() / source.messages() as f64;
    assert!(source.end().fault_offset().is_none(), "the input is whole");
    (ns, source.messages(), checksum)
}

fn parse_only(source: &mut impl Source) -> u64 {
    let (mut record, mut records) = (Record::default(), 0u64);
    while source.next_into(&mut record) {
        records += 1;
        black_box(&record);
    }
    records
}

fn fold(sum: u64, change: &Change) -> u64 {
    sum.rotate_left(1)
        ^ change.before.arrival
        ^ u64::from(change.removed)
        ^ (u64::from(change.top_changed) << 40)
}

fn one_by_one(source: &mut impl Source, day: &input::Day) -> (u64, u64) {
    let mut books = Books::new(day.symbols, day.capacity);
    let (mut record, mut sum) = (Record::default(), 0u64);
    while source.next_into(&mut record) {
        sum = fold(sum, &books.apply(&record));
    }
    (sum, books.live_orders() as u64)
}

/// As a desk reads: one record at a time, but decoded a few ahead of the one applied.
fn hinted(source: &mut impl Source, day: &input::Day) -> (u64, u64) {
    const RING: usize = 8;
    let mut books = Books::new(day.symbols, day.capacity);
    let mut ring = [Record::default(); RING];
    let (mut decoded, mut applied, mut sum) = (0, 0, 0u64);
    loop {
        while decoded <= applied + HINT && source.next_into(&mut ring[decoded % RING]) {
            books.hint(&ring[decoded % RING]);
            decoded += 1;
        }
        if applied == decoded {
            return (sum, books.live_orders() as u64);
        }
        if applied + HINT_ORDER < decoded {
            books.hint_order(&ring[(applied + HINT_ORDER) % RING]);
        }
        sum = fold(sum, &books.apply(&ring[applied % RING]));
        applied += 1;
    }
}

fn looking_ahead(source: &mut impl Source, books: &mut Books) -> (u64, u64) {
    let mut block = [Record::default(); BLOCK];
    let (mut applied, mut sum) = (0, 0u64);
    loop {
        let mut filled = 0;
        while filled < BLOCK && source.next_into(&mut block[filled]) {
            filled += 1;
        }
        books.apply_all(&block[..filled], |_, _, change| sum = fold(sum, change));
        applied += filled as u64;
        if filled < BLOCK {
            return (sum, applied);
        }
    }
}

fn naive(day: &input::Day) {
    let most = input::number("BOOK_NAIVE", 1_000_000);
    if most == 0 || std::env::var("BOOK_ONLY").is_ok() {
        return;
    }
    let options = FileOptions { session_midnight_ns: 0, feed_latency_ns: 0, universe: LocateMap::all() };
    let mut source = FileSource::new(&day.file, options);
    let mut books = NaiveBooks::new(day.symbols, 0);
    let (mut record, mut sum, started) = (Record::default(), 0u64, Stopwatch::start());
    while source.messages() < most && source.next_into(&mut record) {
        sum = fold(sum, &books.apply(&record));
    }
    let ns = started.ns() / source.messages() as f64;
    println!(
        "book/naive {ns:.1} ns/message on the first {} messages, checksum {:016x}",
        source.messages(),
        black_box(sum)
    );
}

/// Time of this thread on a processor, where the system tells it: others' load costs waiting, which is left out.
struct Stopwatch(Instant, Option<u64>);

impl Stopwatch {
    fn start() -> Self {
        Self(Instant::now(), on_processor_ns())
    }

    fn ns(&self) -> f64 {
        match (self.1, on_processor_ns()) {
            (Some(before), Some(after)) => (after - before) as f64,
            _ => self.0.elapsed().as_nanos() as f64,
        }
    }
}

fn on_processor_ns() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// Anonymous memory of this process, from `/proc/self/status`; 0 where there is none.
fn anonymous_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}
