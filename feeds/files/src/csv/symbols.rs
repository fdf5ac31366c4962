//! Instruments of a file: their numbers, their lots, and what each row leaves behind for the next.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use tickrace_types::Instrument;

use crate::Options;
use crate::number::Step;
use crate::shape::instrument_of_steps;

/// Bytes of the longest symbol a record holds.
const SYMBOL_BYTES_MAX: usize = 16;

/// Finest decimals of prices and quantities.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown {
    pub(super) price: Step,
    pub(super) quantity: Step,
}

/// What the first rows show, by symbol.
#[derive(Debug, Default)]
pub(super) struct Steps {
    by_symbol: BTreeMap<Vec<u8>, Shown>,
}

impl Steps {
    /// Those of a symbol, to be added to.
    pub(super) fn of(&mut self, symbol: &[u8]) -> &mut Shown {
        if !self.by_symbol.contains_key(symbol) {
            self.by_symbol.insert(symbol.to_vec(), Shown::default());
        }
        self.by_symbol.entry(symbol.to_vec()).or_default()
    }

    /// Those of a symbol, or, where the first rows did not have it, the finest of all.
    fn get(&self, symbol: &[u8]) -> Shown {
        self.by_symbol.get(symbol).copied().unwrap_or_else(|| {
            self.by_symbol.values().fold(Shown::default(), |mut all, shown| {
                all.price.show(shown.price.nanos());
                all.quantity.show(shown.quantity.nanos());
                all
            })
        })
    }
}

/// An instrument as the decoder sees it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub(super) id: u32,
    pub(super) lot_nanos: i64,
    /// Bid price and lots, ask price and lots of its last quote.
    pub(super) quote: [(i64, u32); 2],
    /// Time of the snapshot its last row was part of.
    pub(super) snapshot_ts_ns: Option<i64>,
}

/// Instruments by symbol.
pub(super) struct Symbols {
    steps: Steps,
    by_name: FxHashMap<Vec<u8>, usize>,
    slots: Vec<Slot>,
    /// The symbol asked for last, and its place; none where it is filtered.
    last: Vec<u8>,
    last_place: Option<usize>,
}

/// Why a symbol has no instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoInstrument {
    /// Nobody asked for it.
    Filtered,
    /// It is no symbol.
    Nonsense,
}

impl Symbols {
    /// Instruments asked for are there from the start, in the order of asking.
    pub(super) fn new(options: &Options, steps: Steps, instruments: &mut Vec<Instrument>) -> Self {
        let mut symbols = Self {
            steps,
            by_name: FxHashMap::default(),
            slots: Vec::new(),
            last: Vec::new(),
            last_place: None,
        };
        for symbol in &options.symbols {
            symbols.add(symbol, options, instruments);
        }
        symbols
    }

    fn add(&mut self, symbol: &str, options: &Options, instruments: &mut Vec<Instrument>) -> Option<usize> {
        let shown = self.steps.get(symbol.as_bytes());
        let inferred = || instrument_of_steps(symbol, shown.price.nanos(), shown.quantity.nanos());
        let instrument = options.stated(symbol).cloned().unwrap_or_else(inferred);
        instrument.validate().ok()?;
        let slot = Slot {
            id: u32::try_from(self.slots.len()).ok()?,
            lot_nanos: instrument.lot_nanos,
            ..Slot::default()
        };
        instruments.push(instrument);
        self.by_name.insert(symbol.as_bytes().to_vec(), self.slots.len());
        self.slots.push(slot);
        Some(self.slots.len() - 1)
    }

    /// The instrument of a symbol; a new one is taken in.
    #[inline]
    pub(super) fn find(
        &mut self,
        symbol: &[u8],
        options: &Options,
        instruments: &mut Vec<Instrument>,
    ) -> Result<&mut Slot, NoInstrument> {
        // Rows of one symbol follow each other.
        if self.last != symbol || symbol.is_empty() {
            self.last_place = self.look_up(symbol, options, instruments)?;
            self.last.clear();
            self.last.extend_from_slice(symbol);
        }
        self.last_place.and_then(|place| self.slots.get_mut(place)).ok_or(NoInstrument::Filtered)
    }

    fn look_up(
        &mut self,
        symbol: &[u8],
        options: &Options,
        instruments: &mut Vec<Instrument>,
    ) -> Result<Option<usize>, NoInstrument> {
        if let Some(place) = self.by_name.get(symbol) {
            return Ok(Some(*place));
        }
        let is_plain = symbol.iter().all(u8::is_ascii_graphic) && !symbol.is_empty();
        let text = std::str::from_utf8(symbol).ok().filter(|_| is_plain && symbol.len() <= SYMBOL_BYTES_MAX);
        let text = text.ok_or(NoInstrument::Nonsense)?;
        if !options.is_asked(text) {
            return Ok(None);
        }
        self.add(text, options, instruments).map(Some).ok_or(NoInstrument::Nonsense)
    }
}
