//! The bytes of the book bench: a real day of two symbols, multiplied, or a synthetic one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tickrace_feeds::{Synth, SynthConfig};
use tickrace_feeds_files::TickFile;

/// Real day of two symbols, below the shared data folder.
const DAY: &str = "data/ticks/itch/20120621.GOOG_AAPL.derived_ITCH50.gz";

/// Input of one bench run.
pub struct Day {
    /// Its bytes, mapped: they are the page cache's, not ours.
    pub file: TickFile,
    /// Symbols in it.
    pub symbols: usize,
    /// Resting orders that room is taken for.
    pub capacity: usize,
    /// What it is.
    pub name: String,
}

/// Makes the input the environment asks for; `None`, and a line that says so, without the data.
pub fn day() -> Option<Day> {
    let synthetic = number("BOOK_SYNTH_MESSAGES", 0);
    let mut target = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut out = BufWriter::with_capacity(1 << 20, target.as_file_mut());
    let (symbols, capacity, name);
    if synthetic > 0 {
        symbols = number("BOOK_SYNTH_SYMBOLS", 8_000);
        capacity = 1 << 21;
        let config = SynthConfig {
            seed: 7,
            symbols: u32::try_from(symbols).expect("at most 65,535 symbols"),
            messages: synthetic,
        };
        Synth::new(config).write_to(&mut out, |_| {}).expect("the synthetic day is written");
        name = format!("synthetic day of {synthetic} messages");
    } else {
        let path = shared().join(DAY);
        if !path.exists() {
            println!("skipped: {} is absent", path.display());
            return None;
        }
        let copies = number("BOOK_COPIES", 64);
        symbols = copies * 2;
        capacity = 1 << 17;
        let apart_us = number("BOOK_APART_US", 0);
        let day = TickFile::open(&path).expect("the day opens");
        multiply(day.as_slice(), copies, apart_us * 1000, &mut out);
        name = format!("{copies} copies of {DAY}, {apart_us} us apart");
    }
    out.flush().expect("the input is written");
    drop(out);
    let file = TickFile::open(target.path()).expect("the input opens");
    let capacity = size(number("BOOK_CAPACITY", capacity));
    Some(Day { file, symbols: size(symbols), capacity, name })
}

/// A number from the environment.
pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.replace('_', "").parse().ok()).unwrap_or(default)
}

fn size(number: u64) -> usize {
    usize::try_from(number).expect("a size fits the memory")
}

fn shared() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    std::env::var_os("TICKRACE_SHARED").map_or_else(beside, PathBuf::from)
}

/// Writes the copies, merged by time and at one time by copy; system events once.
fn multiply(day: &[u8], copies: u64, apart_ns: u64, out: &mut impl Write) {
    let hashed = std::env::var("BOOK_REFS").is_ok_and(|refs| refs == "hash");
    let mut queue: BinaryHeap<Reverse<(u64, u64, usize)>> = BinaryHeap::new();
    (0..copies).for_each(|copy| queue.push(Reverse((0, copy, 0))));
    let mut message = [0u8; 64];
    while let Some(Reverse((_, copy, at))) = queue.pop() {
        let length = usize::from(u16::from_be_bytes([day[at], day[at + 1]]));
        message[..length].copy_from_slice(&day[at + 2..at + 2 + length]);
        if message[0] != b'S' {
            transform(&mut message[..length], copy, apart_ns, hashed);
        }
        if message[0] != b'S' || copy == 0 {
            out.write_all(&day[at..at + 2])
                .and_then(|()| out.write_all(&message[..length]))
                .expect("room on disk");
        }
        let next = at + 2 + length;
        if next < day.len() {
            queue.push(Reverse((time(&day[next + 2..]) + copy * apart_ns, copy, next)));
        }
    }
}

/// Time of the message whose first byte is `message[0]`.
fn time(message: &[u8]) -> u64 {
    message[5..11].iter().fold(0, |time, byte| (time << 8) | u64::from(*byte))
}

/// Gives a message the copy's own locate, symbol, time and order numbers.
fn transform(message: &mut [u8], copy: u64, apart_ns: u64, hashed: bool) {
    let locate = u64::from(u16::from_be_bytes([message[1], message[2]]));
    // The day's locates are 11 and 12.
    let own = u16::try_from(copy * 2 + locate - 10).expect("at most 32,000 copies");
    message[1..3].copy_from_slice(&own.to_be_bytes());
    let moved = time(message) + copy * apart_ns;
    message[5..11].copy_from_slice(&moved.to_be_bytes()[2..]);
    let refs: &[usize] = match message[0] {
        b'A' | b'F' | b'E' | b'C' | b'X' | b'D' => &[11],
        b'U' => &[11, 19],
        b'R' => {
            message[11..19].copy_from_slice(format!("S{own:07}").as_bytes());
            &[]
        }
        _ => &[],
    };
    for at in refs {
        let number = message[*at..at + 8].iter().fold(0, |number, byte| (number << 8) | u64::from(*byte));
        let own = if hashed { scatter(number + (copy << 34)) } else { number + (copy << 34) };
        message[*at..at + 8].copy_from_slice(&own.to_be_bytes());
    }
}

/// A bijection of `u64` (splitmix64's finaliser): neighbours come apart.
fn scatter(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
