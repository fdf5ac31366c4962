//! A plausible exchange day made from a seed, as length-prefixed ITCH 5.0 bytes.
//!
//! The generator keeps a true book of every symbol, so nothing it says is impossible: executions hit the oldest
//! order of the best price and never more than it has, references exist and rise nearly densely, and books are
//! never crossed. Arrivals cluster (heavy-tailed gaps, a market that changes between calm and busy, symbols that
//! excite themselves), placements follow a power law behind the touch, activity over the day is a U. Each symbol
//! has a fair value that wanders with a pull towards where it began; part of the flow knows it and the rest does
//! not, so a market maker earns the spread and pays for being stale.
//!
//! All arithmetic is on integers and all chance comes from ChaCha8, so a seed gives the same bytes on every
//! machine. Memory follows the live orders; the day itself is streamed.

mod agenda;
mod book;
mod flow;
mod pace;
mod tables;

use std::io::{self, Write};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use zerocopy::{Immutable, IntoBytes};

use crate::itch::encode;
use agenda::{Agenda, Task};
use book::{Book, Pool};
use pace::{MINUTE_NS, MINUTES, Pace, SYSTEM_CLOSE_NS, SYSTEM_OPEN_NS};

/// What day to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynthConfig {
    /// The same seed gives the same bytes on every machine.
    pub seed: u64,
    /// Instruments, 1 to [`SYMBOLS_MAX`]; other counts are brought into that range.
    pub symbols: u32,
    /// Messages of the whole day. It comes out within a few messages of this, unless it is too small to hold
    /// the day's frame (directory, auctions, system events: about 20 messages for each symbol).
    pub messages: u64,
}

/// Most symbols of a day: one stock locate each, 0 being none.
pub const SYMBOLS_MAX: u32 = 65_535;

impl Default for SynthConfig {
    fn default() -> Self {
        Self { seed: 1, symbols: 8, messages: 1_000_000 }
    }
}

/// The name of symbol `index` of a synthetic day, from 0: `SAAA`, `SAAB`, …
pub fn symbol(index: u32) -> String {
    let letter = |place: u32| char::from(b'A' + u8::try_from(index / 26u32.pow(place) % 26).unwrap_or(0));
    if index < 26 * 26 * 26 {
        return ['S', letter(2), letter(1), letter(0)].iter().collect();
    }
    ['S', letter(3), letter(2), letter(1), letter(0)].iter().collect()
}

/// Whether a symbol takes part in trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Trading,
    Quoting,
    Halted,
}

/// One instrument.
#[derive(Debug)]
struct Symbol {
    stock: [u8; 8],
    book: Book,
    state: State,
    /// Fair value in ticks times [`FAIR_UNIT`].
    fair: i64,
    /// Where the fair value began.
    anchor: i64,
    /// How far the fair value is from what it is drawn to.
    off: i64,
    fair_at_ns: u64,
    /// Live orders the symbol tends to.
    live_wanted: usize,
    match_last: u64,
}

/// Fair value units in a tick.
const FAIR_UNIT: i64 = 65_536;

/// Price units (four decimals) in a tick.
const TICK_E4: u32 = 100;

/// Bytes gathered before they are handed out.
const CHUNK_BYTES: usize = 64 * 1024;

/// Slots of symbols that are excited at the moment; seven of eight events are about one of them.
const EXCITED: usize = 16;

/// Where a day stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Before the minutes of system hours; what is due first is on the agenda.
    Opening,
    /// In a minute, with `made` messages to be reached by its end.
    Minute {
        minute: u64,
        until: u64,
        tries: u64,
    },
    /// After system hours.
    Closing,
    Done,
}

/// The day, streamed.
#[derive(Debug)]
pub struct Synth {
    rng: ChaCha8Rng,
    config: SynthConfig,
    /// How many of the first symbols come in twos.
    pairs: u32,
    symbols: Vec<Symbol>,
    pool: Pool,
    popularity: Vec<u16>,
    distances: [u8; tables::QUANTILES],
    sizes: [u32; tables::QUANTILES],
    excited: [u16; EXCITED],
    pace: Pace,
    agenda: Agenda,
    stage: Stage,
    weight_left: u64,
    now_ns: u64,
    market_open: bool,
    reference_last: u64,
    match_last: u64,
    out: Vec<u8>,
    made: u64,
    chunk_bytes: usize,
}

impl Synth {
    /// Starts a day.
    pub fn new(config: SynthConfig) -> Self {
        let symbols = u16::try_from(config.symbols.clamp(1, SYMBOLS_MAX)).unwrap_or(u16::MAX);
        let config = SynthConfig { symbols: u32::from(symbols), ..config };
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let popularity = tables::popularity(symbols);
        let mut slots = vec![0u64; usize::from(symbols)];
        for symbol in &popularity {
            slots[usize::from(*symbol)] += 1;
        }
        let agenda = Agenda::of_day(&config, &popularity, &mut rng);
        let made_up = |(index, slots): (u32, &u64)| {
            // From 15 to 400 dollars, more of them low; a twentieth of a symbol's messages rest at a time.
            let draw = rng.next_u64();
            let anchor_ticks = 1_500 + (((draw & 0xffff) * (draw >> 16 & 0xffff)) >> 16) * 38_500 / 65_536;
            let anchor = anchor_ticks.cast_signed() * FAIR_UNIT;
            let expected = u128::from(config.messages) * u128::from(*slots) / 65_536;
            Symbol {
                stock: encode::stock(&symbol(index)),
                book: Book::new(),
                state: State::Trading,
                fair: anchor,
                anchor,
                off: 0,
                fair_at_ns: SYSTEM_OPEN_NS,
                live_wanted: usize::try_from(expected / 20).unwrap_or(usize::MAX).clamp(24, 600),
                match_last: 0,
            }
        };
        let symbols = (0..config.symbols).zip(&slots).map(made_up).collect();
        Self {
            rng,
            config,
            pairs: 0,
            symbols,
            pool: Pool::default(),
            popularity,
            distances: tables::distances(),
            sizes: tables::sizes(),
            excited: [0; EXCITED],
            pace: Pace::new(),
            agenda,
            stage: Stage::Opening,
            weight_left: (0..MINUTES).map(pace::weight).sum(),
            now_ns: 0,
            market_open: false,
            reference_last: 0,
            match_last: 0,
            out: Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 4),
            made: 0,
            chunk_bytes: CHUNK_BYTES,
        }
    }

    /// The same day with so many cointegrated pairs: the first symbol of each two walks freely; the second (`SAAB` of `SAAA`, `SAAD`
    /// of `SAAC`, …) has its fair value in proportion, and an excursion of its own that is drawn back.
    #[must_use]
    pub fn with_pairs(mut self, pairs: u32) -> Self {
        self.pairs = pairs.min(self.config.symbols / 2);
        self
    }

    /// The next whole frames (length prefixes included), some tens of kilobytes; `None` at the end of the day.
    pub fn next_frames(&mut self) -> Option<&[u8]> {
        self.out.clear();
        while self.out.len() < self.chunk_bytes && self.stage != Stage::Done {
            self.advance();
        }
        if self.out.is_empty() { None } else { Some(&self.out) }
    }

    /// Messages made so far.
    pub const fn messages(&self) -> u64 {
        self.made
    }

    /// Messages the day is to have.
    pub const fn messages_wanted(&self) -> u64 {
        self.config.messages
    }

    /// Writes the whole day; `progress` hears the count of messages after each chunk. Gives messages and bytes.
    ///
    /// # Errors
    ///
    /// Whatever the writer says.
    pub fn write_to(mut self, out: &mut impl Write, mut progress: impl FnMut(u64)) -> io::Result<(u64, u64)> {
        let mut bytes = 0;
        while let Some(frames) = self.next_frames() {
            out.write_all(frames)?;
            bytes += frames.len() as u64;
            progress(self.made);
        }
        Ok((self.made, bytes))
    }

    /// The whole day in memory.
    pub fn to_vec(mut self) -> Vec<u8> {
        let mut day = Vec::new();
        while let Some(frames) = self.next_frames() {
            day.extend_from_slice(frames);
        }
        day
    }

    /// One step: a task that is due, or an event of the flow.
    fn advance(&mut self) {
        match self.stage {
            Stage::Opening => match self.agenda.due(SYSTEM_OPEN_NS) {
                Some((ts_ns, task)) => self.perform(ts_ns, task),
                None => self.begin_minute(0),
            },
            Stage::Minute { minute, until, tries } => {
                if self.made >= until || tries == 0 {
                    self.end_minute(minute);
                    return;
                }
                let bits = self.rng.next_u64();
                let next_ns = self.pace.next(self.now_ns, until - self.made, bits);
                if let Some((ts_ns, task)) = self.agenda.due(next_ns) {
                    self.perform(ts_ns, task);
                    return;
                }
                self.now_ns = next_ns;
                self.stage = Stage::Minute { minute, until, tries: tries - 1 };
                self.event(bits >> 21);
            }
            Stage::Closing => match self.agenda.due(u64::MAX) {
                Some((ts_ns, task)) => self.perform(ts_ns, task),
                None => self.stage = Stage::Done,
            },
            Stage::Done => {}
        }
    }

    /// Gives a minute its share of the messages left.
    fn begin_minute(&mut self, minute: u64) {
        let begin_ns = SYSTEM_OPEN_NS + minute * MINUTE_NS;
        self.now_ns = self.now_ns.max(begin_ns);
        self.pace.begin(begin_ns + MINUTE_NS);
        let weight = pace::weight(minute);
        let left = self.config.messages.saturating_sub(self.made + self.agenda.reserved());
        let share = u128::from(left) * u128::from(weight) / u128::from(self.weight_left.max(1));
        self.weight_left -= weight;
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        // Events about a halted symbol make no message, and an auction takes of the minute what was reserved
        // for it; a bound on the tries ends the minute all the same.
        self.stage = Stage::Minute { minute, until: self.made.saturating_add(share), tries: 2 * share };
    }

    /// What is still due in the minute, then the next one.
    fn end_minute(&mut self, minute: u64) {
        let end_ns = SYSTEM_OPEN_NS + (minute + 1) * MINUTE_NS;
        if let Some((ts_ns, task)) = self.agenda.due(end_ns - 1) {
            self.perform(ts_ns, task);
            return;
        }
        if end_ns >= SYSTEM_CLOSE_NS {
            self.stage = Stage::Closing;
        } else {
            self.begin_minute(minute + 1);
        }
    }

    /// Carries out a task; the minute's count is moved by what the task made, which was reserved apart.
    fn perform(&mut self, ts_ns: u64, task: Task) {
        self.now_ns = self.now_ns.max(ts_ns);
        let before = self.made;
        self.carry_out(task);
        if let Stage::Minute { until, .. } = &mut self.stage {
            *until += self.made - before;
        }
    }

    /// Appends a message.
    #[inline]
    fn push(&mut self, message: &(impl IntoBytes + Immutable)) {
        encode::push(&mut self.out, message);
        self.made += 1;
    }

    /// The next order reference: rising, nearly dense.
    #[inline]
    const fn next_reference(&mut self, bits: u64) -> u64 {
        self.reference_last += if bits & 7 == 0 { 2 } else { 1 };
        self.reference_last
    }

    /// The next match number of a symbol.
    #[inline]
    fn next_match(&mut self, index: u16) -> u64 {
        self.match_last += 1;
        self.symbols[usize::from(index)].match_last = self.match_last;
        self.match_last
    }
}

/// The stock locate of a symbol.
const fn locate(index: u16) -> u16 {
    index.saturating_add(1)
}

/// One of `count` by a random number: multiplication instead of division.
#[inline]
const fn choose(bits: u64, count: usize) -> usize {
    #[allow(clippy::cast_possible_truncation, reason = "the product's upper half is below `count`")]
    let index = (((bits & 0xffff_ffff) * count as u64) >> 32) as usize;
    index
}

#[cfg(test)]
mod tests;
