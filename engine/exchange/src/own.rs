//! Our working orders at the venue: by instrument and side in matching order, and by client number.
//!
//! Each (instrument, side) is a doubly linked list through one pool of slots: best price first, then earliest
//! acceptance. We rest a handful of orders a side, so that a walk is shorter than any tree's descent; nothing
//! is allocated after construction. Orders that wait for a trigger or an auction have a list of their own for each
//! instrument, by acceptance: they rest at no price, and nothing that fills resting orders meets them.

use tickrace_types::{
    InstrumentId, OrderRecord, OrderType, Peg, Price, SelfTrade, Side, TimeInForce, Trigger,
};

use crate::number_map::NumberMap;
use crate::queue_position::Estimate;

/// No slot.
pub(crate) const NIL: u32 = u32::MAX;

/// The list of an instrument's waiting orders; those before are its sides'.
const PARKED: usize = 2;
const LISTS: usize = 3;

/// One working order of ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    /// The client number it now goes by.
    pub client_id: u64,
    /// The venue's number of it.
    pub venue_order_id: u64,
    pub price: i64,
    /// Lots in all, filled ones included.
    pub qty: i64,
    pub filled: i64,
    /// Lots that a fault keeps from matching as it arrives.
    pub withheld: i64,
    /// When it took its place, venue time.
    pub since_ns: i64,
    /// Real displayed lots before it in the queue of its price: those with an arrival below `mark`.
    pub ahead: i64,
    /// The book's next arrival number when it took its place in the queue.
    pub mark: u64,
    /// The same where it has to be guessed.
    pub estimate: Estimate,
    pub instrument: InstrumentId,
    pub side: Side,
    pub order_type: OrderType,
    pub tif: TimeInForce,
    pub strategy: u16,
    pub next: u32,
    pub prev: u32,
    pub stp: SelfTrade,
    pub peg: Peg,
    pub trigger: Trigger,
    /// Waits for its trigger or auction.
    pub is_parked: bool,
    /// Lots shown at once, as [`OrderRecord::display_qty`].
    pub display: u32,
    /// Lots of an iceberg shown now; of others all of them are.
    pub shown: i64,
    /// Price at which a stop triggers; a trailing one's as it is now.
    pub trigger_px: i64,
    /// Distance of a trailing stop, offset of a pegged order.
    pub offset: i64,
    /// Price beyond which a pegged order does not go; `price` is where it is.
    pub limit: i64,
    pub expire_ns: i64,
}
const _: () = assert!(size_of::<Own>() == 160);

impl Own {
    /// A plain order of nothing yet, to be completed.
    pub const BLANK: Self = Self {
        client_id: 0,
        venue_order_id: 0,
        price: 0,
        qty: 0,
        filled: 0,
        withheld: 0,
        since_ns: 0,
        ahead: 0,
        mark: 0,
        estimate: Estimate { ahead: 0.0, traded: 0.0 },
        instrument: InstrumentId::NONE,
        side: Side::Bid,
        order_type: OrderType::Limit,
        tif: TimeInForce::Day,
        strategy: 0,
        next: NIL,
        prev: NIL,
        stp: SelfTrade::CancelNewest,
        peg: Peg::Primary,
        trigger: Trigger::Last,
        is_parked: false,
        display: OrderRecord::SHOW_ALL,
        shown: 0,
        trigger_px: 0,
        offset: 0,
        limit: 0,
        expire_ns: 0,
    };

    /// The mark of a hidden order: every displayed one of its price is ahead, whenever it came.
    pub const LAST_MARK: u64 = u64::MAX;

    #[inline]
    pub fn is_hidden(&self) -> bool {
        self.display == OrderRecord::SHOW_NONE
    }

    #[inline]
    pub fn is_iceberg(&self) -> bool {
        self.display != OrderRecord::SHOW_ALL && self.display != OrderRecord::SHOW_NONE
    }

    #[inline]
    pub fn is_pegged(&self) -> bool {
        self.order_type == OrderType::Pegged
    }

    /// Whether a replace of it needs more than a price and lots.
    #[inline]
    pub fn is_special(&self) -> bool {
        self.is_parked
            || self.is_pegged()
            || self.display != OrderRecord::SHOW_ALL
            || self.tif == TimeInForce::Gtd
    }

    /// Lots that trade before it goes to the end of its queue: the shown ones of an iceberg, else all.
    #[inline]
    pub fn available(&self) -> i64 {
        if self.is_iceberg() { self.shown } else { self.leaves() }
    }

    /// Whether it goes before `other`, of its side, though it came later.
    #[inline]
    fn overtakes(&self, other: &Self) -> bool {
        self.side.is_better(self.price, other.price)
            || self.price == other.price && other.is_hidden() && !self.is_hidden()
    }

    #[inline]
    fn list(&self) -> usize {
        if self.is_parked { PARKED } else { self.side.index() }
    }

    #[inline]
    pub fn leaves(&self) -> i64 {
        self.qty - self.filled
    }

    /// Lots that may trade as it arrives.
    #[inline]
    pub fn takes(&self) -> i64 {
        (self.leaves() - self.withheld).max(0)
    }

    #[inline]
    pub fn price(&self) -> Price {
        Price(self.price)
    }

    /// Whether an order of the other side at `price` would trade with this one.
    #[inline]
    pub fn crosses(&self, price: i64) -> bool {
        price == self.price || self.side.is_better(self.price, price)
    }
}

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct OwnOrders {
    slots: Vec<Own>,
    free: Vec<u32>,
    heads: Vec<[u32; LISTS]>,
    /// Lowest and highest price of each instrument's resting orders by side.
    spans: Vec<[Span; 2]>,
    by_client: NumberMap<u32>,
    working: usize,
    census: Census,
}

/// Prices from the lowest to the highest; of nothing, none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    low: i64,
    high: i64,
}

impl Span {
    const EMPTY: Self = Self { low: i64::MAX, high: i64::MIN };
}

/// How many there are of the kinds that need more than the plain path: where there are none, it costs a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Waiting for a trigger.
    pub stops: u32,
    /// Waiting for an auction, or in one.
    pub auction: u32,
    pub pegged: u32,
    /// Resting hidden.
    pub hidden: u32,
}

impl Census {
    fn count(&mut self, own: &Own, change: i32) {
        let add = |count: &mut u32, is_one: bool| {
            *count = count.wrapping_add_signed(if is_one { change } else { 0 });
        };
        add(&mut self.stops, own.is_parked && own.order_type.is_stop());
        add(&mut self.auction, own.tif.is_auction());
        add(&mut self.pegged, own.is_pegged());
        add(&mut self.hidden, own.is_hidden() && !own.is_parked);
    }
}

impl OwnOrders {
    pub fn new(instruments: usize, capacity: usize) -> Self {
        let count = u32::try_from(capacity).unwrap_or(NIL - 1);
        Self {
            slots: Vec::with_capacity(capacity),
            free: (0..count).rev().collect(),
            heads: vec![[NIL; LISTS]; instruments],
            spans: vec![[Span::EMPTY; 2]; instruments],
            by_client: NumberMap::new(capacity),
            working: 0,
            census: Census::default(),
        }
    }

    #[inline]
    pub fn census(&self) -> &Census {
        &self.census
    }

    /// Whether some order has to be looked at after every record.
    #[inline]
    pub fn is_watching(&self) -> bool {
        self.census.stops | self.census.pegged | self.census.auction != 0
    }

    #[inline]
    pub fn working(&self) -> usize {
        self.working
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    #[inline]
    pub fn instruments(&self) -> usize {
        self.heads.len()
    }

    /// Lowest and highest price of an instrument's resting orders by side; the lowest is above the highest where none rests.
    #[inline]
    pub fn spans_of(&self, instrument: InstrumentId) -> [(i64, i64); 2] {
        self.spans[instrument.index()].map(|span| (span.low, span.high))
    }

    /// Whether nothing of ours rests in an instrument, or anywhere where none is named.
    #[inline]
    pub fn is_quiet(&self, instrument: InstrumentId) -> bool {
        self.heads.get(instrument.index()).map_or(self.working == 0, |heads| *heads == [NIL; LISTS])
    }

    /// First of a side in matching order, or [`NIL`].
    #[inline]
    pub fn head(&self, instrument: InstrumentId, side: Side) -> u32 {
        self.heads.get(instrument.index()).map_or(NIL, |heads| heads[side.index()])
    }

    /// First of an instrument's waiting orders, or [`NIL`].
    #[inline]
    pub fn parked(&self, instrument: InstrumentId) -> u32 {
        self.heads.get(instrument.index()).map_or(NIL, |heads| heads[PARKED])
    }

    /// Firsts of an instrument's three lists: bids, asks, and what waits.
    #[inline]
    pub fn firsts(&self, instrument: InstrumentId) -> [u32; LISTS] {
        self.heads.get(instrument.index()).copied().unwrap_or([NIL; LISTS])
    }

    /// First of a side in matching order that is displayed, were it only in part.
    #[inline]
    pub fn first_shown(&self, instrument: InstrumentId, side: Side) -> Option<&Own> {
        let mut own = self.first(instrument, side)?;
        while own.is_hidden() {
            own = self.slots.get(own.next as usize)?;
        }
        Some(own)
    }

    /// How many orders of a side rest at a price.
    pub fn count_at(&self, instrument: InstrumentId, side: Side, price: i64) -> usize {
        let (mut count, mut at) = (0, self.head(instrument, side));
        while at != NIL {
            let own = self.get(at);
            if side.is_better(price, own.price) {
                break;
            }
            count += usize::from(own.price == price);
            at = own.next;
        }
        count
    }

    /// First of a side in matching order.
    #[inline]
    pub fn first(&self, instrument: InstrumentId, side: Side) -> Option<&Own> {
        self.slots.get(self.head(instrument, side) as usize)
    }

    #[inline]
    pub fn get(&self, slot: u32) -> &Own {
        &self.slots[slot as usize]
    }

    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> &mut Own {
        &mut self.slots[slot as usize]
    }

    /// Slot of a client number.
    #[inline]
    pub fn find(&self, client_id: u64) -> Option<u32> {
        self.by_client.get(client_id)
    }

    /// Puts an order behind all of its price or better, but before hidden ones of its price; one that waits behind all
    /// that wait. The caller has asked [`OwnOrders::is_full`].
    pub fn insert(&mut self, own: Own) {
        let Some(slot) = self.free.pop() else { return };
        let (mut prev, mut next) = (NIL, self.firsts(own.instrument)[own.list()]);
        while next != NIL && (own.is_parked || !own.overtakes(self.get(next))) {
            prev = next;
            next = self.get(next).next;
        }
        let own = Own { prev, next, ..own };
        // Slots are handed out from zero upwards, so that the pool fills in order once and is reused after.
        if slot as usize == self.slots.len() {
            self.slots.push(own);
        } else {
            self.slots[slot as usize] = own;
        }
        self.link(&own, slot, slot);
        self.by_client.set(own.client_id, slot);
        self.working += 1;
        self.census.count(&own, 1);
        self.measure(own.instrument, own.side);
    }

    /// Whether a price lies within those of our resting orders of a side: outside, nothing of ours stands there.
    #[inline]
    pub fn spans(&self, instrument: InstrumentId, side: Side, price: i64) -> bool {
        let span = &self.spans[instrument.index()][side.index()];
        price >= span.low && price <= span.high
    }

    /// Takes the span of a side anew; there are a handful of orders.
    fn measure(&mut self, instrument: InstrumentId, side: Side) {
        let (mut span, mut at) = (Span::EMPTY, self.head(instrument, side));
        while at != NIL {
            let own = self.get(at);
            span = Span { low: span.low.min(own.price), high: span.high.max(own.price) };
            at = own.next;
        }
        self.spans[instrument.index()][side.index()] = span;
    }

    /// Takes an order out and gives it back.
    pub fn remove(&mut self, slot: u32) -> Own {
        let own = *self.get(slot);
        self.link(&own, own.next, own.prev);
        self.by_client.remove(own.client_id);
        self.free.push(slot);
        self.working -= 1;
        self.census.count(&own, -1);
        self.measure(own.instrument, own.side);
        own
    }

    /// Gives an order its new client number.
    pub fn rename(&mut self, slot: u32, client_id: u64) {
        let own = self.get_mut(slot);
        let old = std::mem::replace(&mut own.client_id, client_id);
        self.by_client.remove(old);
        self.by_client.set(client_id, slot);
    }

    /// Lets the neighbours of `own` point to `next` and `prev` instead of to each other.
    fn link(&mut self, own: &Own, next: u32, prev: u32) {
        match own.prev {
            NIL => self.heads[own.instrument.index()][own.list()] = next,
            before => self.get_mut(before).next = next,
        }
        if own.next != NIL {
            self.get_mut(own.next).prev = prev;
        }
    }
}
