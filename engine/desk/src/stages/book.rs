//! Applies each market record to the strategy's own book and sends it on with the top of its book.
//!
//! The venue's messages about a resting order name only its number; this stage fills in the side and the price, so
//! that nothing downstream needs a book to understand an execution.

use tickrace_book::{Books, Outcome};
use tickrace_runtime::stage::{Emit, Stage};
use tickrace_types::{Envelope, InstrumentId, Kind, MarketRecord, Record};

/// The strategy's books, driven at receive time.
pub struct BookStage {
    books: Books,
}

impl BookStage {
    /// Takes over the books.
    pub fn new(books: Books) -> Self {
        Self { books }
    }

    /// The books, for the report after the run.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// A word about the whole venue reaches every instrument: one envelope each, the last ends the event.
    #[cold]
    fn emit_to_all(&mut self, record: &Record, out: &mut impl Emit<Envelope>) {
        let count = self.books.instruments();
        for place in 0..count {
            let Ok(id) = u32::try_from(place) else { break };
            let mut copy = *record;
            copy.header.instrument = id;
            if place + 1 < count {
                copy.header.flags &= !tickrace_types::Flags::END_OF_EVENT;
            }
            out.emit(&mut Envelope::small(&copy, self.books.top(InstrumentId(id))));
        }
    }
}

impl Stage for BookStage {
    type In = Envelope;
    type Out = Envelope;

    #[inline(always)]
    fn expect(&self, soon: &Envelope, ahead: usize) {
        if ahead == 1 {
            self.books.hint_order(&soon.record);
        } else {
            self.books.hint(&soon.record);
        }
    }

    #[inline(always)]
    fn on(&mut self, input: &mut Envelope, out: &mut impl Emit<Envelope>) {
        if !Kind::is_market_code(input.kind()) {
            out.emit(input);
            return;
        }
        let change = self.books.apply(&input.record);
        let instrument = InstrumentId(input.record.header.instrument);
        if instrument.index() >= self.books.instruments() {
            if instrument == InstrumentId::NONE {
                self.emit_to_all(&input.record, out);
            }
            return;
        }
        let told = input.record.as_market_mut();
        match change.outcome {
            Outcome::Executed | Outcome::Reduced | Outcome::Deleted => {
                told.side = change.before.side as u8;
                if told.code & MarketRecord::WITH_PRICE == 0 || change.outcome != Outcome::Executed {
                    told.price = change.before.price.0;
                }
            }
            Outcome::Replaced => told.side = change.before.side as u8,
            _ => {}
        }
        input.second = *self.books.top(instrument);
        out.emit(input);
    }
}
