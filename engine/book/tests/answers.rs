//! Books against answers computed by others: every ITCH file of the shared data folder that has some.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use tickrace_book::{Books, Change, Level};
use tickrace_feeds::itch::{FileOptions, LocateMap};
use tickrace_feeds::{FileSource, Source};
use tickrace_feeds_files::TickFile;
use tickrace_types::{InstrumentId, Price, Record, Side};

/// Instruments the books have room for; the files hold fewer.
const INSTRUMENTS: usize = 1100;

fn folder() -> Option<PathBuf> {
    let beside = || Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("../shared");
    let folder =
        std::env::var_os("TICKRACE_SHARED").map_or_else(beside, PathBuf::from).join("data/ticks/itch");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is absent", folder.display());
    None
}

/// A file being read into books, message number by message number.
struct Reading {
    source: FileSource<TickFile>,
    books: Books,
    record: Record,
    pending: bool,
}

impl Reading {
    fn open(path: &Path) -> Self {
        let options = FileOptions { session_midnight_ns: 0, feed_latency_ns: 0, universe: LocateMap::all() };
        let mut source = FileSource::new(TickFile::open(path).unwrap(), options);
        let mut record = Record::default();
        let pending = source.next_into(&mut record);
        Self { source, books: Books::new(INSTRUMENTS, 1 << 12), record, pending }
    }

    /// Applies every message that `wanted` takes, up to the first it does not; each change goes to `see`.
    fn apply_while(&mut self, wanted: impl Fn(&Record) -> bool, mut see: impl FnMut(&Books, &Change)) {
        while self.pending && wanted(&self.record) {
            let change = self.books.apply(&self.record);
            see(&self.books, &change);
            self.pending = self.source.next_into(&mut self.record);
        }
    }

    fn instrument(&self, symbol: &str) -> InstrumentId {
        let place = self.source.universe().symbols().iter().position(|name| name == symbol);
        InstrumentId(u32::try_from(place.unwrap_or_else(|| panic!("{symbol} is not announced"))).unwrap())
    }

    fn levels(&self, symbol: &str, side: Side, depth: usize) -> Vec<Level> {
        self.books.levels(self.instrument(symbol), side).take(depth).collect()
    }
}

fn expected(levels: &Value) -> Vec<Level> {
    let number = |value: &Value| value.as_i64().unwrap();
    let level = |level: &Value| Level {
        price: Price(number(&level[0]) * 100_000),
        qty: u64::try_from(number(&level[1])).unwrap(),
        orders: u32::try_from(number(&level[2])).unwrap(),
    };
    levels.as_array().unwrap().iter().map(level).collect()
}

#[test]
fn books_at_every_mark_equal_the_answers() {
    let Some(folder) = folder() else { return };
    let (mut files, mut marks) = (0, 0);
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for answers in names.iter().filter(|path| path.to_string_lossy().ends_with(".answers.json")) {
        let answers: Value = serde_json::from_slice(&std::fs::read(answers).unwrap()).unwrap();
        let Some(name) = answers["file"].as_str().filter(|name| name.contains("ITCH50")) else { continue };
        let mut reading = Reading::open(&folder.join(name));
        let mut live_max = 0;
        for snapshot in answers["snapshots"].as_array().unwrap() {
            // The last mark of a file is the word "end".
            let mark = snapshot["mark"].as_i64().unwrap_or(i64::MAX);
            let number = |record: &Record| record.header.ts_venue_ns <= mark;
            reading.apply_while(number, |books, _| live_max = live_max.max(books.live_orders()));
            let last = reading.source.messages() - u64::from(reading.pending);
            assert_eq!(Some(last), snapshot["seq"].as_u64(), "{name} at {mark}: last message applied");
            let symbol = snapshot["symbol"].as_str().unwrap();
            for (side, key) in [(Side::Bid, "bids"), (Side::Ask, "asks")] {
                let wanted = expected(&snapshot[key]);
                assert!(!wanted.is_empty() || reading.levels(symbol, side, 1).is_empty());
                assert_eq!(
                    reading.levels(symbol, side, wanted.len()),
                    wanted,
                    "{name} {symbol} {key} at {mark}"
                );
            }
            marks += 1;
        }
        reading.apply_while(|_| true, |books, _| live_max = live_max.max(books.live_orders()));
        assert_eq!(Some(reading.source.messages()), answers["messages"].as_u64(), "{name}");
        assert_eq!(
            Some(reading.books.live_orders() as u64),
            answers["live_orders_end"].as_u64().or(Some(0)),
            "{name}"
        );
        assert_eq!(Some(live_max as u64), answers["max_live_orders"].as_u64().or(Some(0)), "{name}");
        assert_eq!(*reading.books.counters(), tickrace_book::Counters::default(), "{name}");
        files += 1;
    }
    assert!(files >= 3 && marks > 10, "{files} files, {marks} marks");
}

#[test]
fn the_derived_day_equals_the_reference_rows_on_all_their_levels() {
    let Some(folder) = folder() else { return };
    let mut reading = Reading::open(&folder.join("20120621.GOOG_AAPL.derived_ITCH50.gz"));
    let rows = TickFile::open(folder.join("20120621.GOOG_AAPL.book_rows.csv.gz")).unwrap();
    let text = std::str::from_utf8(rows.as_slice()).unwrap();
    let (mut compared, mut levels_compared) = (0, 0);
    for row in text.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let (seq, symbol): (u64, &str) = (cells[0].parse().unwrap(), cells[1]);
        reading.apply_while(|record| record.header.seq <= seq, |_, _| ());
        // Ask price, ask quantity, bid price, bid quantity, level after level.
        let numbers: Vec<i64> = cells[4..].iter().map(|cell| cell.parse().unwrap()).collect();
        let depth = numbers.len() / 4;
        for (side, at) in [(Side::Ask, 0), (Side::Bid, 2)] {
            let ours: Vec<(i64, i64)> = reading
                .levels(symbol, side, depth)
                .iter()
                .map(|level| (level.price.0 / 100_000, i64::try_from(level.qty).unwrap()))
                .collect();
            let wanted: Vec<(i64, i64)> = numbers.chunks(4).map(|level| (level[at], level[at + 1])).collect();
            assert_eq!(ours, wanted, "{symbol} {side:?} after message {seq}");
            levels_compared += wanted.len();
        }
        compared += 1;
    }
    assert_eq!(compared, 525);
    assert!(levels_compared > 5000, "{levels_compared}");
}
