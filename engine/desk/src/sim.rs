//! The simulated venue as a gateway: an exchange that owns its book and its own reading of the market data.
//!
//! It runs at venue time, never further than the desk's next word could reach it, and not at all while it holds
//! nothing of ours: then no response can come, and it catches up when the first order does.
//!
//! Where the desk hears all that the venue does, in the same order and on the same thread, it leads instead
//! ([`SimGateway::leading`]): each record is read once, done in one book, and handed to the desk with the top it left.

use std::collections::VecDeque;

use tickrace_exchange::Exchange;
use tickrace_feeds::source::Source;
use tickrace_oms::Gateway;
use tickrace_oms::gateway::Led;
use tickrace_types::{Header, InstrumentId, OrderRecord, Record, ResponseRecord, TopOfBook};

use crate::ahead::{Ahead, Soon};
use crate::stages::book::{BookStage, is_inner_level};

/// An exchange with its own market source.
pub struct SimGateway<S> {
    exchange: Exchange,
    market: S,
    /// The next market records.
    heads: Ahead<Record>,
    responses: VecDeque<ResponseRecord>,
    response_latency_ns_min: i64,
    now_ns: i64,
    is_over: bool,
    /// Levels inside an event are handled in place.
    skims: bool,
    /// What the desk has not received yet, in a world that leads.
    led: Option<Unreceived>,
}

/// What the venue has done and the desk not yet received.
#[derive(Default)]
struct Unreceived {
    records: VecDeque<Led>,
    /// Tops of all books after each of its words about the whole venue, the one given last first.
    tops: VecDeque<Vec<TopOfBook>>,
}

/// Records that can wait between the two times before memory is taken for more.
const UNRECEIVED: usize = 1024;

static NO_RECORD: Record = Record {
    header: Header {
        kind: 0,
        version: 0,
        flags: 0,
        source: 0,
        instrument: 0,
        seq: 0,
        ts_venue_ns: 0,
        ts_recv_ns: 0,
    },
    body: [0; 4],
};

impl<S: Source> SimGateway<S> {
    /// - `market`: the same data the desk sees, read again from its start.
    /// - `response_latency_ns_min`: shortest time from the venue to us: what happens at the venue after a time is heard
    ///   later than that much after it.
    /// - `responses_max`: how many responses one step may give.
    pub fn new(
        exchange: Exchange,
        mut market: S,
        response_latency_ns_min: i64,
        responses_max: usize,
    ) -> Self {
        let mut heads = Ahead::new();
        heads.fill(&mut market);
        let skims = market.can_skim();
        let mut responses = VecDeque::with_capacity(responses_max);
        // The first answer finds its page there.
        responses.push_back(ResponseRecord::default());
        responses.clear();
        Self {
            exchange,
            market,
            heads,
            responses,
            response_latency_ns_min,
            now_ns: 0,
            is_over: false,
            skims,
            led: None,
        }
    }

    /// The same world reading for the desk too. Its market must then be what the desk hears: with the desk's receive times, in
    /// an order that is the venue's too ([`Source::serves_both`]).
    #[must_use]
    pub fn leading(mut self) -> Self {
        let records = VecDeque::with_capacity(UNRECEIVED);
        self.led = Some(Unreceived { records, tops: VecDeque::new() });
        // One by one: each has a top of its own to hand over.
        self.skims = false;
        self
    }

    /// Gives what was read and booked for the desk in place of what the desk holds itself, after a run of a world that leads.
    pub fn hand_over(&mut self, market: &mut S, book: &mut BookStage) {
        if self.led.is_some() {
            std::mem::swap(market, &mut self.market);
            *book = BookStage::new(self.exchange.take_books());
        }
    }

    /// The exchange, for the report after the run.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// When the next market record happens; the end of time where there is none.
    #[inline]
    fn head_ns(&self) -> i64 {
        self.heads.next().map_or(i64::MAX, |record| record.header.ts_venue_ns)
    }

    #[inline]
    fn apply_head(&mut self) {
        if self.skims && is_inner_level(self.heads.next().unwrap_or(&NO_RECORD)) {
            return self.apply_levels();
        }
        if self.led.is_some() {
            let mut led = Led::default();
            self.do_head(&mut led);
            if let Some(unreceived) = &mut self.led {
                unreceived.records.push_back(led);
            }
            return;
        }
        let exchange = &self.exchange;
        let record =
            self.heads.take(&mut self.market, |soon, when| exchange.expect(soon, when == Soon::Next));
        let responses = &mut self.responses;
        self.exchange.on_market(record, &mut |response: &ResponseRecord| responses.push_back(*response));
    }

    /// Does the next market record and writes down what the desk will hear of it.
    #[inline]
    fn do_head(&mut self, led: &mut Led) {
        let exchange = &self.exchange;
        let record =
            self.heads.take(&mut self.market, |soon, when| exchange.expect(soon, when == Soon::Next));
        led.envelope.record = *record;
        let responses = &mut self.responses;
        (led.side, led.price) = self
            .exchange
            .on_market_told(record, &mut |response: &ResponseRecord| responses.push_back(*response));
        let books = self.exchange.books();
        let instrument = InstrumentId(led.envelope.record.header.instrument);
        if instrument.index() < books.instruments() {
            led.envelope.second = *books.top(instrument);
        } else if instrument == InstrumentId::NONE {
            self.keep_tops();
        }
    }

    #[cold]
    fn keep_tops(&mut self) {
        let books = self.exchange.books();
        let ids = (0u32..).take(books.instruments()).map(InstrumentId);
        let tops = ids.map(|id| *books.top(id)).collect();
        if let Some(unreceived) = &mut self.led {
            unreceived.tops.push_back(tops);
        }
    }

    /// The levels that come next inside one event, in place.
    #[inline]
    fn apply_levels(&mut self) {
        let (exchange, responses) = (&mut self.exchange, &mut self.responses);
        let mut out = |response: &ResponseRecord| responses.push_back(*response);
        exchange.on_market(self.heads.take_alone(), &mut out);
        self.market.skim(|records, _| {
            exchange.on_levels(records, &mut out);
            records.len()
        });
        self.heads.refill(&mut self.market);
    }

    /// Handles everything at the next venue time not after `limit_ns`; gives that time, or the one beyond the limit at
    /// which something happens next.
    #[inline]
    fn step(&mut self, limit_ns: i64) -> Result<i64, i64> {
        let market_ns = self.head_ns();
        if market_ns == i64::MAX && self.exchange.in_flight() == 0 {
            // The session ends here; what expires after it does so in another.
            return Err(i64::MAX);
        }
        let arrival_ns = self.exchange.next_arrival_ns().unwrap_or(i64::MAX);
        let now_ns = market_ns.min(arrival_ns);
        if now_ns > limit_ns || now_ns == i64::MAX {
            return Err(now_ns);
        }
        // At one nanosecond the market comes first, then our orders in the order they were sent.
        while self.head_ns() <= now_ns {
            self.apply_head();
        }
        if arrival_ns <= now_ns {
            let responses = &mut self.responses;
            self.exchange.arrive(now_ns, &mut |response: &ResponseRecord| responses.push_back(*response));
        }
        self.now_ns = now_ns;
        Ok(now_ns)
    }
}

impl<S: Source> Gateway for SimGateway<S> {
    #[inline]
    fn send(&mut self, order: &OrderRecord) {
        self.exchange.submit(order);
    }

    #[inline]
    fn advance(&mut self, horizon_ns: i64) -> i64 {
        if !self.exchange.has_interest() {
            return i64::MAX;
        }
        if !self.responses.is_empty() {
            // What was done for the desk had consequences, which are heard first; more can happen at that very time.
            return self.now_ns.saturating_add(self.response_latency_ns_min).saturating_sub(1);
        }
        let limit_ns = horizon_ns.saturating_sub(self.response_latency_ns_min);
        let next_ns = loop {
            let now_ns = match self.step(limit_ns) {
                Ok(now_ns) => now_ns,
                Err(next_ns) => break next_ns,
            };
            if !self.responses.is_empty() {
                return now_ns.saturating_add(self.response_latency_ns_min);
            }
            if !self.exchange.has_interest() {
                return i64::MAX;
            }
        };
        if horizon_ns == i64::MAX && !self.is_over {
            // Nothing more can happen: what still rests expires with the session.
            self.is_over = true;
            let responses = &mut self.responses;
            self.exchange
                .end_of_session(self.now_ns, &mut |response: &ResponseRecord| responses.push_back(*response));
            return self.responses.back().map_or(i64::MAX, |response| response.header.ts_recv_ns);
        }
        // Before the next event there is nothing to hear of.
        horizon_ns.max(next_ns.saturating_add(self.response_latency_ns_min).saturating_sub(1))
    }

    #[inline]
    fn leads(&self) -> bool {
        self.led.is_some()
    }

    #[inline]
    fn led_next(&self) -> Option<&Header> {
        let waiting = self.led.as_ref().and_then(|unreceived| unreceived.records.front());
        match waiting {
            Some(led) => Some(&led.envelope.record.header),
            None => self.heads.next().map(|record| &record.header),
        }
    }

    #[inline]
    fn lead(&mut self, out: &mut Led) {
        if let Some(led) = self.led.as_mut().and_then(|unreceived| unreceived.records.pop_front()) {
            *out = led;
            return;
        }
        let Some(record) = self.heads.next() else { return };
        let now_ns = record.header.ts_venue_ns;
        while let Some(arrival_ns) = self.exchange.next_arrival_ns().filter(|arrival_ns| *arrival_ns < now_ns)
        {
            let responses = &mut self.responses;
            self.exchange.arrive(arrival_ns, &mut |response: &ResponseRecord| responses.push_back(*response));
            self.now_ns = self.now_ns.max(arrival_ns);
        }
        self.do_head(out);
        self.now_ns = self.now_ns.max(now_ns);
    }

    fn led_tops(&mut self) -> Vec<TopOfBook> {
        self.led.as_mut().and_then(|unreceived| unreceived.tops.pop_front()).unwrap_or_default()
    }

    #[inline]
    fn poll(&mut self, out: &mut impl FnMut(&ResponseRecord)) {
        while let Some(response) = self.responses.pop_front() {
            out(&response);
        }
    }
}
