//! Applies each market record to the strategy's own book and sends it on with the top of its book.
//!
//! The venue's messages about a resting order name only its number; this stage fills in the side and the price, so
//! that nothing downstream needs a book to understand an execution. Levels inside an event go no further: depth feeds
//! state dozens at once, and the last of them carries the top that all of them made.

use tickrace_book::Books;
use tickrace_oms::Gateway;
use tickrace_runtime::link::{Joined, Link};
use tickrace_runtime::stage::{Emit, Stage};
use tickrace_types::{Envelope, Flags, Header, InstrumentId, Kind, MarketRecord, Record, TopOfBook};

use crate::ahead::Soon;

/// The strategy's books, driven at receive time; or, behind a world that leads ([`Gateway::leads`]), what is left to do where
/// each record comes with the top of its book.
pub struct BookStage {
    books: Books,
    /// Instrument with levels of an event that has not ended; its top was not sent on yet.
    pending: InstrumentId,
    led: Option<Box<LedTops>>,
}

/// Tops that came with records which go no further, or that come with the next one.
struct LedTops {
    /// Of the instrument that is pending.
    pending: TopOfBook,
    /// Of all, after a word about the whole venue.
    all: Vec<TopOfBook>,
}

/// The end of the street, where it is on this thread.
pub trait Reaches {
    /// What stands there.
    type Gateway: Gateway;

    /// It; `None` where it is on another thread.
    fn gateway_mut(&mut self) -> Option<&mut Self::Gateway>;

    /// Puts question `number` of the sequencer, what is due next being so at `due_ns`; false where it has to go down the street.
    /// On one thread all that was released has passed there already.
    fn ask(&mut self, number: u64, due_ns: i64) -> bool;
}

impl<S, L: Reaches> Reaches for Joined<S, L> {
    type Gateway = L::Gateway;

    #[inline(always)]
    fn gateway_mut(&mut self) -> Option<&mut L::Gateway> {
        self.next.gateway_mut()
    }

    #[inline(always)]
    fn ask(&mut self, number: u64, due_ns: i64) -> bool {
        self.next.ask(number, due_ns)
    }
}

impl<N: Reaches> Reaches for Link<N, Envelope> {
    type Gateway = N::Gateway;

    #[inline(always)]
    fn gateway_mut(&mut self) -> Option<&mut N::Gateway> {
        self.here_mut().and_then(N::gateway_mut)
    }

    #[inline(always)]
    fn ask(&mut self, number: u64, due_ns: i64) -> bool {
        self.here_mut().is_some_and(|next| next.ask(number, due_ns))
    }
}

/// What can take the levels inside an event in place, without an envelope, and be told of records before they come.
pub trait TakesLevels {
    /// A record that will come soon: fetches the lines it will touch, and changes nothing.
    fn expect(&self, soon: &Record, when: Soon);

    /// Whether it does.
    fn takes_levels(&self) -> bool;

    /// Takes some from the start, received at `ts_recv_ns`, and tells how many; the next has to come as an envelope.
    fn levels(&mut self, records: &[Record], ts_recv_ns: i64) -> usize;

    /// Tops of all books after the word about the whole venue that comes next, from a world that leads.
    fn take_tops(&mut self, _tops: Vec<TopOfBook>) {}

    /// Records there is room for in the ring before it; `None` where there is none.
    fn room(&self) -> Option<usize> {
        None
    }
}

impl<L: Emit<Envelope>> TakesLevels for Joined<BookStage, L> {
    #[inline(always)]
    fn expect(&self, soon: &Record, when: Soon) {
        match when {
            Soon::Next => self.stage.books.hint_order(soon),
            Soon::Later => self.stage.books.hint(soon),
        }
    }

    #[inline]
    fn takes_levels(&self) -> bool {
        true
    }

    #[inline]
    fn levels(&mut self, records: &[Record], ts_recv_ns: i64) -> usize {
        self.stage.levels(records, ts_recv_ns)
    }

    fn take_tops(&mut self, tops: Vec<TopOfBook>) {
        if let Some(led) = &mut self.stage.led {
            led.all = tops;
        }
    }
}

impl<N: TakesLevels> TakesLevels for Link<N, Envelope> {
    #[inline(always)]
    fn expect(&self, soon: &Record, when: Soon) {
        if let Some(next) = self.here() {
            next.expect(soon, when);
        }
    }

    #[inline]
    fn takes_levels(&self) -> bool {
        self.here().is_some_and(N::takes_levels)
    }

    #[inline]
    fn levels(&mut self, records: &[Record], ts_recv_ns: i64) -> usize {
        self.here_mut().map_or(0, |next| next.levels(records, ts_recv_ns))
    }

    fn take_tops(&mut self, tops: Vec<TopOfBook>) {
        if let Some(next) = self.here_mut() {
            next.take_tops(tops);
        }
    }

    fn room(&self) -> Option<usize> {
        self.there().map(|ring| ring.free())
    }
}

/// Whether a record is a level inside an event, of which nobody beyond the book hears: the event's end tells its outcome.
#[inline]
pub fn is_inner_level(record: &Record) -> bool {
    const SEEN: u8 = Flags::END_OF_EVENT | Flags::SNAPSHOT;
    record.header.kind == Kind::Level as u8 && record.header.flags & SEEN == 0
}

impl BookStage {
    /// Takes over the books.
    pub fn new(books: Books) -> Self {
        Self { books, pending: InstrumentId::NONE, led: None }
    }

    /// Behind a world that leads; `instruments` are those of the run.
    pub fn led(instruments: usize) -> Self {
        let led = LedTops { pending: TopOfBook::NONE, all: vec![TopOfBook::NONE; instruments] };
        Self { led: Some(Box::new(led)), ..Self::new(Books::new(0, 1)) }
    }

    /// What is known of an instrument without a record about it.
    fn top_of(&self, id: InstrumentId) -> Option<TopOfBook> {
        match &self.led {
            Some(led) if id == self.pending => Some(led.pending),
            Some(led) => led.all.get(id.index()).copied(),
            None => (id.index() < self.books.instruments()).then(|| *self.books.top(id)),
        }
    }

    /// Applies levels inside an event, up to the first of an instrument before which another of the same event has to be
    /// told; how many.
    #[inline]
    fn levels(&mut self, records: &[Record], ts_recv_ns: i64) -> usize {
        let Some(first) = records.first() else { return 0 };
        let instrument = InstrumentId(first.header.instrument);
        if self.pending != instrument {
            if self.pending != InstrumentId::NONE || instrument.index() >= self.books.instruments() {
                return 0;
            }
            self.pending = instrument;
        }
        self.books.apply_levels(records, ts_recv_ns)
    }

    /// Sends on the top of an instrument whose levels changed inside an event that ends, or goes on, with another's.
    #[cold]
    fn tell_pending(&mut self, cause: &Header, out: &mut impl Emit<Envelope>) {
        let (pending, top) = (self.pending, self.top_of(self.pending));
        self.pending = InstrumentId::NONE;
        let Some(top) = top else { return };
        let header = Header {
            kind: Kind::Notice as u8,
            flags: cause.flags & !Flags::END_OF_EVENT,
            instrument: pending.0,
            ..*cause
        };
        let notice = MarketRecord { header, ..MarketRecord::default() };
        out.emit(&mut Envelope::small(notice.as_record(), &top));
    }

    /// The books, for the report after the run.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// A word about the whole venue reaches every instrument: one envelope each, the last ends the event.
    #[cold]
    fn emit_to_all(&mut self, record: &Record, out: &mut impl Emit<Envelope>) {
        let count = self.instruments();
        for place in 0..count {
            let Ok(id) = u32::try_from(place) else { break };
            let mut copy = *record;
            copy.header.instrument = id;
            if place + 1 < count {
                copy.header.flags &= !Flags::END_OF_EVENT;
            }
            if let Some(top) = self.top_of(InstrumentId(id)) {
                out.emit(&mut Envelope::small(&copy, &top));
            }
        }
    }

    /// Instruments of the run.
    #[inline]
    fn instruments(&self) -> usize {
        self.led.as_ref().map_or(self.books.instruments(), |led| led.all.len())
    }

    /// A record that was booked already and comes with its top. As in [`Stage::on`], levels inside an event go no further.
    #[inline]
    fn on_led(&mut self, input: &mut Envelope, out: &mut impl Emit<Envelope>) {
        let instrument = InstrumentId(input.record.header.instrument);
        if instrument.index() >= self.instruments() {
            if instrument == InstrumentId::NONE {
                self.emit_to_all(&input.record, out);
            }
            return;
        }
        if is_inner_level(&input.record) {
            self.pending = instrument;
            if let Some(led) = &mut self.led {
                led.pending = input.second;
            }
            return;
        }
        out.emit(input);
    }
}

impl Stage for BookStage {
    type In = Envelope;
    type Out = Envelope;

    #[inline(always)]
    fn on(&mut self, input: &mut Envelope, out: &mut impl Emit<Envelope>) {
        if !Kind::is_market_code(input.kind()) {
            out.emit(input);
            return;
        }
        let instrument = InstrumentId(input.record.header.instrument);
        if self.pending != InstrumentId::NONE {
            if self.pending == instrument {
                self.pending = InstrumentId::NONE;
            } else {
                self.tell_pending(&input.record.header, out);
            }
        }
        if self.led.is_some() {
            return self.on_led(input, out);
        }
        if is_inner_level(&input.record)
            && self.levels(std::slice::from_ref(&input.record), input.record.header.ts_recv_ns) > 0
        {
            return;
        }
        let change = self.books.apply(&input.record);
        if instrument.index() >= self.books.instruments() {
            if instrument == InstrumentId::NONE {
                self.emit_to_all(&input.record, out);
            }
            return;
        }
        let told = input.record.as_market_mut();
        (told.side, told.price) = change.told(told);
        input.second = *self.books.top(instrument);
        out.emit(input);
    }
}
