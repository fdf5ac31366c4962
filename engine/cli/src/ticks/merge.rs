//! Several decoders as one stream of records: by time, then by the order of the list, then by each one's own order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use tickrace_feeds_files::Decoder;
use tickrace_feeds_files::format::BATCH_RECORDS;
use tickrace_feeds_files::times::{Mended, Times};
use tickrace_types::{Instrument, InstrumentId, Kind, Record};

/// Which time orders the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum MergeBy {
    /// Receive time: as we would have heard them.
    #[default]
    Receive,
    /// Venue time: as they happened.
    Venue,
}

/// One decoder and the records it has ready.
struct Lane {
    decoder: Box<dyn Decoder>,
    /// Appended to each of its symbols, to tell one venue's instrument from another's.
    suffix: String,
    batch: Vec<Record>,
    at: usize,
    /// Records of the batch whose times are judged: those that may be handed on.
    settled: usize,
    times: Times,
    /// Ids of the merged table by the decoder's own.
    ids: Vec<u32>,
    /// From when to when it told of what, by the decoder's own ids.
    spans: Vec<Spans>,
}

/// First and last time of each of what is told.
type Spans = [Option<(i64, i64)>; WHAT];

/// What files tell of an instrument, of which two at a time cannot both be right: orders, levels, best quotes, trades.
const WHAT: usize = 4;

/// One file may begin a moment before the one before it ends, nanoseconds.
const OVERLAP_NS: i64 = 1_000_000_000;

/// Which of them a record is.
fn what(kind: u8) -> Option<usize> {
    match Kind::from_code(kind)? {
        Kind::Add => Some(0),
        Kind::Level => Some(1),
        Kind::Quote => Some(2),
        Kind::Print => Some(3),
        _ => None,
    }
}

/// The merge.
pub struct Merged {
    lanes: Vec<Lane>,
    queue: BinaryHeap<Reverse<(i64, usize)>>,
    by: MergeBy,
    by_symbol: BTreeMap<String, u32>,
    symbols: Vec<String>,
}

impl Merged {
    /// - `decoders`: each with the suffix of its symbols.
    /// - `symbols`: those with fixed ids, in order; others follow as they appear.
    pub fn new(decoders: Vec<(Box<dyn Decoder>, String)>, symbols: &[String], by: MergeBy) -> Self {
        let lanes = decoders
            .into_iter()
            .map(|(decoder, suffix)| Lane {
                decoder,
                suffix,
                batch: Vec::with_capacity(2 * BATCH_RECORDS),
                at: 0,
                settled: 0,
                times: Times::default(),
                ids: Vec::new(),
                spans: Vec::new(),
            })
            .collect();
        let mut merged =
            Self { lanes, queue: BinaryHeap::new(), by, by_symbol: BTreeMap::new(), symbols: Vec::new() };
        for symbol in symbols {
            merged.id_of(symbol);
        }
        for lane in 0..merged.lanes.len() {
            merged.refill(lane);
        }
        merged
    }

    /// The decoders, in order.
    pub fn decoders(&self) -> impl Iterator<Item = &dyn Decoder> {
        self.lanes.iter().map(|lane| lane.decoder.as_ref())
    }

    /// What was mended in the times of each decoder's records.
    pub fn mended(&self) -> impl Iterator<Item = &Mended> {
        self.lanes.iter().map(|lane| lane.times.mended())
    }

    /// For each decoder the symbols of which one before it told the same in the same stretch of time.
    pub fn told_twice(&self) -> Vec<Vec<String>> {
        let mut known: Vec<Vec<Spans>> = vec![Vec::new(); self.symbols.len()];
        let mut told = |lane: &Lane| {
            let mut twice = Vec::new();
            for (spans, id) in lane.spans.iter().zip(&lane.ids) {
                let before = &mut known[*id as usize];
                let is_twice = before.iter().any(|other| {
                    let mut pairs = other.iter().zip(spans).filter_map(|(other, own)| other.zip(*own));
                    pairs.any(|(other, own)| own.0 + OVERLAP_NS < other.1 && other.0 + OVERLAP_NS < own.1)
                });
                if is_twice {
                    twice.push(self.symbols[*id as usize].clone());
                }
                before.push(*spans);
            }
            twice
        };
        self.lanes.iter().map(&mut told).collect()
    }

    /// Bytes taken and bytes stored, over all files.
    pub fn progress(&self) -> (u64, u64) {
        let parts = self.decoders().map(Decoder::progress);
        parts.fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
    }

    /// The merged instruments, index = id, as the decoders know them now; those with a fixed id that never appeared
    /// are missing.
    pub fn instruments(&self) -> Vec<Option<Instrument>> {
        let mut table = vec![None; self.symbols.len()];
        for lane in &self.lanes {
            for (instrument, id) in lane.decoder.account().instruments.iter().zip(&lane.ids) {
                let entry: &mut Option<Instrument> = &mut table[*id as usize];
                let symbol = self.symbols[*id as usize].clone();
                entry.get_or_insert_with(|| Instrument { symbol, ..instrument.clone() });
            }
        }
        table
    }

    /// Symbols by id.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    fn id_of(&mut self, symbol: &str) -> u32 {
        if let Some(id) = self.by_symbol.get(symbol) {
            return *id;
        }
        let id = u32::try_from(self.symbols.len()).unwrap_or(InstrumentId::NONE.0);
        self.by_symbol.insert(symbol.to_owned(), id);
        self.symbols.push(symbol.to_owned());
        id
    }

    /// Gets the next records of a lane that has none left, and puts their head into the queue.
    fn refill(&mut self, index: usize) {
        let lane = &mut self.lanes[index];
        if lane.at == lane.settled {
            // What waits for the next message to be judged by stays.
            lane.batch.drain(..lane.settled);
            (lane.at, lane.settled) = (0, 0);
            let mut is_more = true;
            while lane.settled == 0 && is_more {
                is_more = lane.decoder.read(&mut lane.batch);
                lane.settled = lane.times.judge(&mut lane.batch, !is_more);
            }
            let known = lane.ids.len();
            let fresh: Vec<String> = lane
                .decoder
                .account()
                .instruments
                .iter()
                .skip(known)
                .map(|instrument| format!("{}{}", instrument.symbol, lane.suffix))
                .collect();
            for symbol in fresh {
                let id = self.id_of(&symbol);
                self.lanes[index].ids.push(id);
            }
        }
        let (lane, by) = (&self.lanes[index], self.by);
        if let Some(head) = lane.batch[..lane.settled].get(lane.at) {
            let time = match by {
                MergeBy::Receive => head.header.ts_recv_ns,
                MergeBy::Venue => head.header.ts_venue_ns,
            };
            self.queue.push(Reverse((time, index)));
        }
    }

    /// Hands on the next records of whoever comes next: one, or a whole batch where there is nobody else.
    pub fn next(&mut self, out: &mut Vec<Record>) -> bool {
        let Some(Reverse((_, index))) = self.queue.pop() else { return false };
        let is_of_several = self.lanes.len() > 1;
        let lane = &mut self.lanes[index];
        let count = if self.queue.is_empty() { lane.settled - lane.at } else { 1 };
        lane.spans.resize(lane.ids.len(), [None; WHAT]);
        for record in &lane.batch[lane.at..lane.at + count] {
            let mut record = *record;
            let own = record.header.instrument as usize;
            if record.header.instrument != InstrumentId::NONE.0 {
                record.header.instrument = lane.ids.get(own).copied().unwrap_or(InstrumentId::NONE.0);
            }
            if is_of_several
                && let Some(span) = lane
                    .spans
                    .get_mut(own)
                    .zip(what(record.header.kind))
                    .map(|(spans, what)| &mut spans[what])
            {
                let at_ns = record.header.ts_recv_ns;
                let (first_ns, last_ns) = span.unwrap_or((at_ns, at_ns));
                *span = Some((first_ns.min(at_ns), last_ns.max(at_ns)));
            }
            out.push(record);
        }
        lane.at += count;
        self.refill(index);
        true
    }
}
