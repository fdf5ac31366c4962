//! The venue: what comes in, in the order of venue time, and what it answers.

use tickrace_book::Books;
use tickrace_types::{
    Instrument, InstrumentId, InstrumentTable, Kind, OrderRecord, Price, Record, ResponseRecord, Side,
};

use crate::bar_fills::BarState;
use crate::faults::Faults;
use crate::impact::Impact;
use crate::in_flight::InFlight;
use crate::own::{Own, OwnOrders};
use crate::reply::Replies;
use crate::taken::Taken;
use crate::taken_levels::TakenLevels;
use crate::{ExchangeConfig, ExchangeError, FillRule, QueueModel};

/// The simulated venue of one day.
///
/// The driver calls [`Exchange::on_market`] for each record by venue time and [`Exchange::arrive`] in between; at
/// one nanosecond the market comes first, then our orders as they were submitted. Nothing allocates after
/// construction.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub(crate) books: Books,
    pub(crate) orders: OwnOrders,
    pub(crate) taken: Taken,
    pub(crate) taken_levels: TakenLevels,
    pub(crate) replies: Replies,
    pub(crate) instruments: Vec<Instrument>,
    pub(crate) counters: Counters,
    /// The book's next arrival number.
    pub(crate) next_arrival: u64,
    /// A session has begun whose first event is not over.
    pub(crate) is_morning: bool,
    /// Highest client number seen; a new one must be above it.
    pub(crate) client_id_last: u64,
    pub(crate) hidden_through_fills: bool,
    pub(crate) model: QueueModel,
    pub(crate) fills: FillRule,
    /// Instruments whose feed states levels or quotes.
    pub(crate) is_stated: Vec<bool>,
    /// One lot in units of the base currency, by instrument.
    pub(crate) lots: Vec<f64>,
    pub(crate) impact: Option<Impact>,
    pub(crate) bars: BarState,
    pub(crate) faults: Faults,
    /// No good-till-date order expires before this.
    pub(crate) next_expiry_ns: i64,
    pub(crate) in_flight: InFlight,
}

/// What the venue did for us since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// New orders accepted.
    pub accepted: u64,
    /// Orders replaced.
    pub replaced: u64,
    /// Orders cancelled, for any reason; one that only lost some lots is not.
    pub cancelled: u64,
    /// New orders rejected, by [`tickrace_types::event::venue_reason`].
    pub rejected: [u64; REASONS],
    /// Cancels and replaces refused.
    pub cancel_rejected: u64,
    /// Fills of resting orders.
    pub maker_fills: u64,
    /// Fills of arriving orders.
    pub taker_fills: u64,
    /// Lots of the former.
    pub maker_lots: u64,
    /// Lots of the latter.
    pub taker_lots: u64,
    /// Times two orders of ours met and one of them, or both, gave way.
    pub self_trades_prevented: u64,
    /// Stops whose trigger was reached.
    pub triggered: u64,
    /// Moves of pegged orders.
    pub restated: u64,
    /// Peaks of icebergs shown after the first.
    pub refreshed: u64,
    /// Walks cut short because no more taken orders could be remembered.
    pub taken_full: u64,
    /// Times the queue of orders on their way grew beyond the room taken at start.
    pub in_flight_grown: u64,
}

const LEVEL: u8 = Kind::Level as u8;
const CLEAR: u8 = Kind::Clear as u8;
const QUOTE: u8 = Kind::Quote as u8;
const BAR_SHAPE: u8 = Kind::BarShape as u8;
const BAR: u8 = Kind::Bar as u8;

/// Reasons counted apart: one above the highest of [`tickrace_types::event::venue_reason`].
pub const REASONS: usize = tickrace_types::event::venue_reason::COUNT;

/// Where a working order of ours stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePosition {
    /// Its price.
    pub price: Price,
    /// Its side.
    pub side: Side,
    /// Lots of it still open.
    pub leaves: i64,
    /// Lots of these that are displayed.
    pub shown: i64,
    /// Real displayed lots before it at its price: counted, or estimated and rounded up.
    pub ahead: i64,
}

impl Exchange {
    /// An empty venue for these instruments; its book takes room for `book_orders_capacity` resting orders.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`] naming the key out of range.
    pub fn new(
        config: &ExchangeConfig,
        instruments: &InstrumentTable,
        book_orders_capacity: usize,
    ) -> Result<Self, ExchangeError> {
        config.validate()?;
        let (order_way, response_way) = config.ways(0)?;
        let ids = (0..u32::try_from(instruments.len()).unwrap_or(u32::MAX)).map(InstrumentId);
        Ok(Self {
            books: Books::new(instruments.len(), book_orders_capacity).with_grids(instruments),
            orders: OwnOrders::new(instruments.len(), config.open_orders_max),
            taken: Taken::new(),
            taken_levels: TakenLevels::new(),
            replies: Replies::new(config, response_way),
            instruments: ids.map(|id| instruments.get(id).clone()).collect(),
            counters: Counters::default(),
            next_arrival: 1,
            is_morning: false,
            client_id_last: 0,
            hidden_through_fills: config.hidden_through_fills,
            model: config.queue,
            fills: config.fills,
            is_stated: vec![false; instruments.len()],
            lots: instruments.as_slice().iter().map(crate::estimated::lot_of).collect(),
            next_expiry_ns: i64::MAX,
            impact: Impact::new(&config.impact, instruments.len()),
            bars: BarState::new(config.bars, instruments.len()),
            faults: Faults::new(config.faults, 0),
            in_flight: InFlight::new(order_way, config.open_orders_max),
        })
    }

    /// The same venue drawing its random numbers from `seed` instead of 0; called before the first order.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`] as for [`Exchange::new`], of the same configuration.
    pub fn seeded(mut self, config: &ExchangeConfig, seed: u64) -> Result<Self, ExchangeError> {
        let (order_way, response_way) = config.ways(seed)?;
        self.in_flight.set_latency(order_way);
        self.replies.set_latency(response_way);
        self.faults = Faults::new(config.faults, seed);
        Ok(self)
    }

    /// A real market event that will come next, or a few events on: fetches the lines it will touch. Changes nothing.
    #[inline]
    pub fn expect(&self, record: &Record, is_next: bool) {
        if is_next {
            self.books.hint_order(record);
        } else {
            self.books.hint(record);
        }
    }

    /// A real market event at its venue time; gives the responses for what it does to our orders.
    #[inline]
    pub fn on_market(&mut self, record: &Record, out: &mut impl FnMut(&ResponseRecord)) {
        self.on_market_told(record, out);
    }

    /// The same; gives side and price of the record with what only the book knows ([`tickrace_book::Change::told`]).
    #[inline]
    pub fn on_market_told(&mut self, record: &Record, out: &mut impl FnMut(&ResponseRecord)) -> (u8, i64) {
        if let Some(impact) = &mut self.impact {
            impact.on_record(record);
        }
        if record.header.kind == CLEAR && record.header.instrument == InstrumentId::NONE.0 {
            self.between_sessions(record, out);
        }
        let told = match record.header.kind {
            LEVEL | QUOTE | BAR_SHAPE | BAR => {
                self.on_stated_record(record, out);
                let market = record.as_market();
                (market.side, market.price)
            }
            _ => self.on_record(record, out),
        };
        if self.is_morning {
            self.in_the_morning(record, out);
        }
        told
    }

    #[inline]
    fn on_stated_record(&mut self, record: &Record, out: &mut impl FnMut(&ResponseRecord)) {
        match record.header.kind {
            LEVEL => self.on_level(record, out),
            QUOTE => self.on_quote(record, out),
            BAR_SHAPE => self.on_bar_shape(record),
            _ => self.on_bar(record, out),
        }
    }

    #[inline]
    fn on_record(&mut self, record: &Record, out: &mut impl FnMut(&ResponseRecord)) -> (u8, i64) {
        let change = self.books.apply(record);
        let told = change.told(record.as_market());
        self.next_arrival = self.next_arrival.max(change.arrival + 1);
        if self.orders.working() == 0 && self.taken.is_empty() {
            return told;
        }
        let known = change.before.qty > 0;
        let named = if known { change.before.instrument } else { InstrumentId(record.header.instrument) };
        if self.orders.is_quiet(named) && self.taken.is_empty() {
            return told;
        }
        self.on_change(record, &change, out);
        if self.orders.is_watching() {
            self.after_change(record, named, &change, out);
        }
        told
    }

    /// Takes an order that left our gate at its `ts_recv_ns`; it arrives the order latency later, and not before
    /// the one sent before it.
    #[inline]
    pub fn submit(&mut self, order: &OrderRecord) {
        self.in_flight.push(order);
    }

    /// When [`Exchange::arrive`] has to be called next, venue time: the next order on its way arrives, or one expires.
    #[inline]
    pub fn next_arrival_ns(&self) -> Option<i64> {
        let expiry_ns = (self.next_expiry_ns != i64::MAX).then_some(self.next_expiry_ns);
        match (self.in_flight.next_ns(), expiry_ns) {
            (Some(order_ns), Some(expiry_ns)) => Some(order_ns.min(expiry_ns)),
            (order_ns, expiry_ns) => order_ns.or(expiry_ns),
        }
    }

    /// Handles the orders due at or before `now_ns`, each at its own time of arrival, and what expires until then; at
    /// one nanosecond expiry comes first.
    #[inline]
    pub fn arrive(&mut self, now_ns: i64, out: &mut impl FnMut(&ResponseRecord)) {
        loop {
            if self.next_expiry_ns != i64::MAX {
                self.expire_until(self.in_flight.next_ns().unwrap_or(i64::MAX).min(now_ns), out);
            }
            let Some((order, due_ns)) = self.in_flight.pop_due(now_ns) else { break };
            self.on_order(&order, due_ns, out);
        }
    }

    /// Whether anything of ours rests, waits or is on its way: if not, no response can come before another order.
    #[inline]
    pub fn has_interest(&self) -> bool {
        self.orders.working() > 0 || !self.in_flight.is_empty()
    }

    /// Hands its book over where the venue has done its work; an empty one stays.
    pub fn take_books(&mut self) -> Books {
        std::mem::replace(&mut self.books, Books::new(0, 1))
    }

    /// The venue's own book, at venue time: real orders only.
    #[inline]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Number of our orders that rest or wait.
    #[inline]
    pub fn working(&self) -> usize {
        self.orders.working()
    }

    /// Number of requests on their way to the venue.
    #[inline]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        Counters { in_flight_grown: self.in_flight.grown(), ..self.counters }
    }

    /// Where a working order stands; `None` where it does not rest.
    pub fn queue_position(&self, client_id: u64) -> Option<QueuePosition> {
        let own = self.orders.get(self.orders.find(client_id)?);
        (!own.is_parked).then(|| self.place_of(own))
    }

    /// Where one of our resting orders stands.
    pub(crate) fn place_of(&self, own: &Own) -> QueuePosition {
        let shown = if own.is_hidden() { 0 } else { own.available() };
        let ahead = if self.is_estimated(own.instrument) { self.ahead_lots(own) } else { own.ahead };
        QueuePosition { price: own.price(), side: own.side, leaves: own.leaves(), shown, ahead }
    }

    /// Price at which a waiting stop would trigger now; `None` where there is no such stop.
    pub fn trigger_price(&self, client_id: u64) -> Option<Price> {
        let own = self.orders.get(self.orders.find(client_id)?);
        (own.is_parked && own.order_type.is_stop()).then_some(Price(own.trigger_px))
    }

    /// Lots of a resting real order that we have taken already.
    pub fn taken_of(&self, order_ref: u64) -> u32 {
        self.taken.of(order_ref)
    }

    /// Whether the instrument trades: in its continuous phase, with a book that misses nothing.
    #[inline]
    pub(crate) fn is_trading(&self, instrument: InstrumentId) -> bool {
        let top = self.books.top(instrument);
        top.phase == tickrace_types::Phase::Continuous as u8 && top.stale == 0
    }

    /// Real lots before a place in the queue of a price, counted from the book.
    pub(crate) fn count_ahead(&self, own: &Own) -> i64 {
        let ahead = |queued: &tickrace_book::Queued| queued.arrival < own.mark;
        let queue = self.books.queue(own.instrument, own.side, own.price());
        queue.take_while(ahead).map(|queued| i64::from(queued.qty)).sum()
    }

    /// Real lots with priority over an order of ours: all better levels, and what is ahead at its own.
    pub(crate) fn count_before(&self, own: &Own) -> i64 {
        let better = |level: &tickrace_book::Level| own.side.is_better(level.price.0, own.price);
        let levels = self.books.levels(own.instrument, own.side).take_while(better);
        levels.map(|level| i64::try_from(level.qty).unwrap_or(i64::MAX)).fold(own.ahead, i64::saturating_add)
    }
}
