//! The market as a policy sees it, without a desk: records completed by the books, each with the top after it.
//!
//! The same stage completes them in the street, and time is clamped as the sequencer does it, so what is computed here from
//! what is seen is what a policy computes. Records of the desk itself (timers, answers, control) are not among them.

use tickrace_book::Books;
use tickrace_feeds::source::Source;
use tickrace_runtime::stage::Stage;
use tickrace_types::{Envelope, InstrumentTable, Record, TopOfBook};

use crate::stages::BookStage;

/// Market data on their way through the books.
pub struct Watch<S> {
    source: S,
    books: BookStage,
    now_ns: i64,
    records: u64,
}

impl<S: Source> Watch<S> {
    /// Nothing read yet.
    ///
    /// - `orders_capacity`: live orders that each book makes room for.
    pub fn new(source: S, instruments: &InstrumentTable, orders_capacity: usize) -> Self {
        let books = Books::new(instruments.len(), orders_capacity).with_grids(instruments);
        Self { source, books: BookStage::new(books), now_ns: i64::MIN, records: 0 }
    }

    /// Reads one record and tells what a policy would see of it: nothing, one record, or one for each instrument. `false` at
    /// the end of the data.
    pub fn advance(&mut self, each: &mut impl FnMut(&Record, &TopOfBook)) -> bool {
        let mut envelope = Envelope { record: Record::default(), second: TopOfBook::NONE };
        if !self.source.next_into(&mut envelope.record) {
            return false;
        }
        self.records += 1;
        let header = &mut envelope.record.header;
        self.now_ns = self.now_ns.max(header.ts_recv_ns);
        (header.seq, header.ts_recv_ns) = (self.records, self.now_ns);
        self.books.on(&mut envelope, &mut |told: &mut Envelope| each(&told.record, &told.second));
        true
    }

    /// Records read so far.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// The source, as far as it was read.
    pub const fn source(&self) -> &S {
        &self.source
    }
}
