//! The tops of the traded books as they changed at the venue, and what it told of funding: what the figures of a run are
//! valued with.
//!
//! They follow from the market data alone, whatever was traded. One run reads the data once more for them; many runs
//! over the same data read them once and share the tape.

use std::sync::Arc;

use tickrace_analytics::Run;
use tickrace_book::Books;
use tickrace_feeds::source::Source;
use tickrace_feeds_files::notice;
use tickrace_types::{InstrumentId, InstrumentTable, Kind, Record, TopOfBook};

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
    what: What,
}

/// What changed.
#[derive(Clone, Copy, Debug)]
enum What {
    /// The top of a book.
    Top(TopOfBook),
    /// A funding rate of an instrument, in nano-units, to be paid at a time.
    Rate { instrument: u32, rate_nanos: i64, paid_ns: i64 },
    /// A mark price of an instrument.
    Mark { instrument: u32, price: i64 },
}

impl Change {
    fn tell(&self, run: &mut Run) {
        match self.what {
            What::Top(top) => run.on_top(&top),
            What::Rate { instrument, rate_nanos, paid_ns } => {
                run.on_funding_rate(instrument, self.due_ns, rate_nanos, paid_ns);
            }
            What::Mark { instrument, price } => run.on_mark_price(instrument, self.due_ns, price),
        }
    }
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
                reading.each(|change| change.tell(run));
                reading.advance();
            }
            Self::Taped(tape) => {
                if let Some(change) = tape.changes.get(tape.told) {
                    change.tell(run);
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
            reading.each(|change| changes.push(change));
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
    pending: Option<Pending>,
}

/// What waits to be told, of the record read last.
#[derive(Clone, Copy)]
enum Pending {
    /// The top of one instrument changed.
    Top(InstrumentId),
    /// Those of the whole venue did.
    Tops,
    /// A funding rate.
    Rate,
    /// A mark price.
    Mark,
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
            self.pending = if change.top_changed {
                Some(if id == InstrumentId::NONE { Pending::Tops } else { Pending::Top(id) })
            } else if self.record.header.kind == Kind::Notice as u8 {
                match self.record.as_market().code {
                    notice::FUNDING => Some(Pending::Rate),
                    notice::MARK => Some(Pending::Mark),
                    _ => None,
                }
            } else {
                None
            };
            if self.pending.is_some() {
                return;
            }
        }
    }

    fn due_ns(&self) -> i64 {
        self.pending.map_or(i64::MAX, |_| self.record.header.ts_venue_ns)
    }

    /// What changed.
    fn each(&self, mut take: impl FnMut(Change)) {
        let market = self.record.as_market();
        let (due_ns, instrument) = (market.header.ts_venue_ns, market.header.instrument);
        let mut tell = |what| take(Change { due_ns, what });
        match self.pending {
            Some(Pending::Top(id)) => tell(What::Top(*self.books.top(id))),
            Some(Pending::Tops) => {
                let ids = (0u32..).map(InstrumentId).take(self.books.instruments());
                ids.for_each(|id| tell(What::Top(*self.books.top(id))));
            }
            Some(Pending::Rate) => {
                let paid_ns = i64::try_from(market.order_ref).unwrap_or(0);
                tell(What::Rate { instrument, rate_nanos: market.price, paid_ns });
            }
            Some(Pending::Mark) => tell(What::Mark { instrument, price: market.price }),
            None => {}
        }
    }
}
