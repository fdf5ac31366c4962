//! Our working orders at the venue: by instrument and side in matching order, and by client number.
//!
//! Each (instrument, side) is a doubly linked list through one pool of slots: best price first, then earliest
//! acceptance. We rest a handful of orders a side, so that a walk is shorter than any tree's descent; nothing
//! is allocated after construction.

use tickrace_types::{InstrumentId, OrderType, Price, Side};

use crate::number_map::NumberMap;
use crate::queue_position::Estimate;

/// No slot.
pub(crate) const NIL: u32 = u32::MAX;

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
    pub strategy: u16,
    pub next: u32,
    pub prev: u32,
}

impl Own {
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
    heads: Vec<[u32; 2]>,
    by_client: NumberMap<u32>,
    working: usize,
}

impl OwnOrders {
    pub fn new(instruments: usize, capacity: usize) -> Self {
        let count = u32::try_from(capacity).unwrap_or(NIL - 1);
        Self {
            slots: Vec::with_capacity(capacity),
            free: (0..count).rev().collect(),
            heads: vec![[NIL; 2]; instruments],
            by_client: NumberMap::new(capacity),
            working: 0,
        }
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

    /// Whether nothing of ours rests in an instrument, or anywhere where none is named.
    #[inline]
    pub fn is_quiet(&self, instrument: InstrumentId) -> bool {
        self.heads.get(instrument.index()).map_or(self.working == 0, |heads| *heads == [NIL; 2])
    }

    /// First of a side in matching order, or [`NIL`].
    #[inline]
    pub fn head(&self, instrument: InstrumentId, side: Side) -> u32 {
        self.heads.get(instrument.index()).map_or(NIL, |heads| heads[side.index()])
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

    /// Puts an order behind all of its price or better. The caller has asked [`OwnOrders::is_full`].
    pub fn insert(&mut self, own: Own) {
        let Some(slot) = self.free.pop() else { return };
        let (mut prev, mut next) = (NIL, self.head(own.instrument, own.side));
        while next != NIL && !own.side.is_better(own.price, self.get(next).price) {
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
    }

    /// Takes an order out and gives it back.
    pub fn remove(&mut self, slot: u32) -> Own {
        let own = *self.get(slot);
        self.link(&own, own.next, own.prev);
        self.by_client.remove(own.client_id);
        self.free.push(slot);
        self.working -= 1;
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
            NIL => self.heads[own.instrument.index()][own.side.index()] = next,
            before => self.get_mut(before).next = next,
        }
        if own.next != NIL {
            self.get_mut(own.next).prev = prev;
        }
    }
}
