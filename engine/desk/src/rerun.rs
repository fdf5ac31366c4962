//! The venue of a finished run once more: the same market data and the same orders, one thing at a time.
//!
//! [`crate::sim::SimGateway`] runs its exchange as far as the desk's next word allows and shows nothing but answers. Here
//! the orders are known beforehand, so an observer can look at the venue after each thing that happened to it. The order
//! of things is the same: by venue time, at one nanosecond the market first, then our orders as they were sent. Hence the
//! answers must be the same, one by one; whoever drives this compares them ([`same_answer`]).

use tickrace_exchange::Exchange;
use tickrace_feeds::source::Source;
use tickrace_types::{InstrumentId, Kind, OrderRecord, Record, ResponseRecord, TopOfBook};

/// What happened to the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A market record, see [`Rerun::record`].
    Market {
        /// Whether it changed the best prices, their lots or orders, the phase or the trust in the book.
        is_top_changed: bool,
    },
    /// Orders of ours arrived.
    Arrival,
    /// The run ended with orders of ours resting.
    EndOfSession,
}

/// An exchange with its market data and the orders that reached it.
pub struct Rerun<S> {
    exchange: Exchange,
    market: S,
    /// The next market record, where there is one.
    head: Record,
    has_head: bool,
    /// The last one applied.
    record: Record,
    now_ns: i64,
    is_over: bool,
}

impl<S: Source> Rerun<S> {
    /// - `exchange`: empty, of the run's configuration.
    /// - `market`: the run's data in the venue's order, from their start.
    pub fn new(exchange: Exchange, mut market: S) -> Self {
        let mut head = Record::default();
        let has_head = market.next_into(&mut head);
        Self { exchange, market, head, has_head, record: Record::default(), now_ns: 0, is_over: false }
    }

    /// An order that passed the gate, as it left. To be given before the venue gets to its time of leaving.
    pub fn submit(&mut self, order: &OrderRecord) {
        self.exchange.submit(order);
    }

    /// Venue time of the next thing; `i64::MAX` where only the end of the session is left.
    pub fn due_ns(&self) -> i64 {
        self.market_ns().min(self.exchange.next_arrival_ns().unwrap_or(i64::MAX))
    }

    /// Whether the next thing is a market record.
    pub fn is_market_next(&self) -> bool {
        self.has_head && self.market_ns() <= self.exchange.next_arrival_ns().unwrap_or(i64::MAX)
    }

    fn market_ns(&self) -> i64 {
        if self.has_head { self.head.header.ts_venue_ns } else { i64::MAX }
    }

    /// Lets the next thing happen; `None` after the end.
    pub fn step(&mut self, out: &mut impl FnMut(&ResponseRecord)) -> Option<Step> {
        if self.is_market_next() {
            return Some(self.step_market(out));
        }
        if let Some(arrival_ns) = self.exchange.next_arrival_ns() {
            self.now_ns = self.now_ns.max(arrival_ns);
            self.exchange.arrive(self.now_ns, out);
            return Some(Step::Arrival);
        }
        if self.is_over || self.exchange.working() == 0 {
            return None;
        }
        self.is_over = true;
        self.exchange.end_of_session(self.now_ns, out);
        Some(Step::EndOfSession)
    }

    fn step_market(&mut self, out: &mut impl FnMut(&ResponseRecord)) -> Step {
        std::mem::swap(&mut self.record, &mut self.head);
        self.has_head = self.market.next_into(&mut self.head);
        self.now_ns = self.now_ns.max(self.record.header.ts_venue_ns);
        let instrument = InstrumentId(self.record.header.instrument);
        let is_one = instrument.index() < self.exchange.books().instruments();
        let before = is_one.then(|| shown(self.exchange.books().top(instrument)));
        self.exchange.on_market(&self.record, out);
        let is_top_changed = match before {
            Some(before) => before != shown(self.exchange.books().top(instrument)),
            // What changes all books at once is rare, and told as a change.
            None => instrument == InstrumentId::NONE && CHANGES_ALL.contains(&self.record.header.kind),
        };
        Step::Market { is_top_changed }
    }

    /// The market record applied last; all zeros before the first.
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// Venue time of what happened last.
    pub const fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// The venue as it now is.
    pub const fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The market data, for what they skipped.
    pub const fn market(&self) -> &S {
        &self.market
    }
}

/// Kinds that, without an instrument, are about every book.
const CHANGES_ALL: [u8; 3] = [Kind::Status as u8, Kind::Gap as u8, Kind::Clear as u8];

/// What of a top counts as a change: all but its times and the last trade.
fn shown(top: &TopOfBook) -> [i64; 8] {
    [
        top.bid_px,
        top.ask_px,
        i64::from(top.bid_qty),
        i64::from(top.ask_qty),
        i64::from(top.bid_orders),
        i64::from(top.ask_orders),
        i64::from(top.phase),
        i64::from(top.stale),
    ]
}

/// Whether a journaled answer is the one computed again. The sequencer gave the journaled one its own number, and a later
/// time where something heard before it was later.
pub fn same_answer(journaled: &ResponseRecord, computed: &ResponseRecord) -> bool {
    let mut expected = *computed;
    expected.header.seq = journaled.header.seq;
    expected.header.ts_recv_ns = journaled.header.ts_recv_ns;
    expected == *journaled && journaled.header.ts_recv_ns >= computed.header.ts_recv_ns
}
