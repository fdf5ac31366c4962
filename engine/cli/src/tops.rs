//! The tops of the traded books as they changed at the venue: what the figures of a run are valued with.
//!
//! They follow from the market data alone, whatever was traded. One run reads the data once more for them; many runs
//! over the same data read them once and share the tape.

use std::sync::Arc;

use tickrace_analytics::Run;
use tickrace_book::Books;
use tickrace_feeds::source::Source;
use tickrace_types::{InstrumentId, InstrumentTable, Record, TopOfBook};

use crate::backtest::Market;

/// Most changes a tape holds, 72 bytes each: 150 megabytes. Beyond it each run reads the data for itself.
pub const TAPE_MAX: usize = 1 << 21;

/// Changes of the top of the book, in the order of the venue. An enum, not a trait object: it is asked once a change.
pub enum Tops {
    /// Read from the market data.
    Read(Box<Reading>),
    /// Shared.
    Taped(Tape),
}

/// One change.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Venue time of the record that made it, nanoseconds since the Unix epoch.
    due_ns: i64,
    top: TopOfBook,
}

/// All changes of a run's market data, and how many of them were told.
#[derive(Clone, Debug)]
pub struct Tape {
    changes: Arc<[Change]>,
    told: usize,
}

impl Tops {
    /// Reads `market`, which is in the venue's order.
    pub fn read(market: Market, instruments: &InstrumentTable) -> Self {
        Self::Read(Box::new(Reading::new(market, instruments)))
    }

    /// Time of the change that waits; `i64::MAX` at the end.
    #[inline]
    pub fn due_ns(&self) -> i64 {
        match self {
            Self::Read(reading) => reading.due_ns(),
            Self::Taped(tape) => tape.changes.get(tape.told).map_or(i64::MAX, |change| change.due_ns),
        }
    }

    /// Tells the change that waits, and moves on.
    #[inline]
    pub fn tell(&mut self, run: &mut Run) {
        match self {
            Self::Read(reading) => {
                reading.each(|top| run.on_top(top));
                reading.advance();
            }
            Self::Taped(tape) => {
                if let Some(change) = tape.changes.get(tape.told) {
                    run.on_top(&change.top);
                    tape.told += 1;
                }
            }
        }
    }
}

impl Tape {
    /// Reads `market` to its end; `None` where it changes more often than [`TAPE_MAX`].
    pub fn record(market: Market, instruments: &InstrumentTable) -> Option<Self> {
        let mut reading = Reading::new(market, instruments);
        let mut changes = Vec::new();
        while reading.due_ns() < i64::MAX {
            let due_ns = reading.due_ns();
            reading.each(|top| changes.push(Change { due_ns, top: *top }));
            if changes.len() > TAPE_MAX {
                return None;
            }
            reading.advance();
        }
        Some(Self { changes: changes.into(), told: 0 })
    }

    /// Changes on it.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing ever changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// A reading of the market data with books of its own.
pub struct Reading {
    market: Market,
    books: Books,
    record: Record,
    /// Instrument whose top changed last and waits to be told; none for a change of the whole venue.
    pending: Option<Option<InstrumentId>>,
}

impl Reading {
    fn new(market: Market, instruments: &InstrumentTable) -> Self {
        let mut reading = Self {
            market,
            books: Books::new(instruments.len(), 1 << 16).with_grids(instruments),
            record: Record::default(),
            pending: None,
        };
        reading.advance();
        reading
    }

    fn advance(&mut self) {
        self.pending = None;
        while self.market.next_into(&mut self.record) {
            let change = self.books.apply(&self.record);
            let id = InstrumentId(self.record.header.instrument);
            if change.top_changed {
                self.pending = Some((id != InstrumentId::NONE).then_some(id));
                return;
            }
        }
    }

    fn due_ns(&self) -> i64 {
        self.pending.map_or(i64::MAX, |_| self.record.header.ts_venue_ns)
    }

    /// The tops that changed.
    fn each(&self, mut take: impl FnMut(&TopOfBook)) {
        match self.pending {
            Some(Some(id)) => take(self.books.top(id)),
            Some(None) => {
                let ids = (0u32..).map(InstrumentId).take(self.books.instruments());
                ids.for_each(|id| take(self.books.top(id)));
            }
            None => {}
        }
    }
}
