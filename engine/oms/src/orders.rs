//! Where open orders live: a slab of fixed capacity, found by client id, listed by instrument and side.
//!
//! A closed order stays in its slot for a while (the last [`CLOSED_REMEMBERED`] closed ones do), so that a late
//! fill still finds it; slots are then reused last in, first out, which keeps the working set small.
//!
//! Invariants: `qty = filled + leaves + cancelled` for every order; an order is on its instrument's list exactly
//! while it is open; ids are unique.

use tickrace_types::{InstrumentId, OrderType, Side, Terms, TimeInForce};

use crate::State;
use crate::id_map::IdMap;
use tickrace_types::prefetch::prefetch;

/// How many closed orders keep their slot for late fills.
pub const CLOSED_REMEMBERED: usize = 64;

/// Slot number that stands for none.
pub(crate) const NONE: u32 = u32::MAX;

/// One order, open or lately closed. What converging reads of it is its first cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Order {
    /// Our number of it.
    pub id: u64,
    /// Limit price, nano-units.
    pub price: i64,
    /// Lots it was entered with; for a replacement, the lots open when it took over.
    pub qty: i64,
    /// Lots traded under this id.
    pub filled: i64,
    /// Lots open.
    pub leaves: i64,
    /// Lots traded by the orders it replaced, one after the other.
    pub filled_before: i64,
    pub(crate) next: u32,
    /// Slot of the replacement under way, while both are open.
    pub(crate) replaced_by: u32,
    /// Where it stands.
    pub state: State,
    /// Which side.
    pub side: Side,
    /// Order type.
    pub order_type: OrderType,
    /// Time in force.
    pub tif: TimeInForce,
    /// Whether it came from wanted quotes; converging leaves other orders alone.
    pub is_quote: bool,
    /// Whether it may only reduce the position.
    pub reduce_only: bool,
    /// Whether the venue has said anything of it: until then a refused cancel leaves it pending.
    pub is_acknowledged: bool,
    /// Quote level, 255 for none.
    pub level: u8,
    /// Lots taken off without trading.
    pub cancelled: i64,
    /// When the request now in flight was sent, nanoseconds since the Unix epoch.
    pub sent_ns: i64,
    /// When a cancel of it was last refused, nanoseconds since the Unix epoch; `i64::MIN` for never.
    pub cancel_refused_ns: i64,
    /// Parent order, 0 for none.
    pub parent_id: u64,
    /// Which instrument.
    pub instrument: InstrumentId,
    pub(crate) previous: u32,
    /// Slot of the order this one replaces, while both are open.
    pub(crate) replaces: u32,
    /// Whether it says more than price, lots, type and time in force; see [`crate::Oms::terms`].
    pub has_terms: bool,
    /// Whether the venue said that its trigger was reached.
    pub is_triggered: bool,
    /// Number of the mass cancel that is to take it off, 0 for none.
    pub(crate) mass_cancel_id: u64,
}
const _: () = assert!(size_of::<Order>() == 128);

impl Order {
    /// A slot's content before its first use.
    pub(crate) const EMPTY: Self = Self {
        id: 0,
        price: 0,
        qty: 0,
        filled: 0,
        leaves: 0,
        cancelled: 0,
        filled_before: 0,
        sent_ns: 0,
        cancel_refused_ns: i64::MIN,
        parent_id: 0,
        instrument: InstrumentId::NONE,
        next: NONE,
        previous: NONE,
        replaces: NONE,
        replaced_by: NONE,
        state: State::Done(crate::Done::Cancelled),
        side: Side::Bid,
        order_type: OrderType::PostOnly,
        tif: TimeInForce::Day,
        is_quote: false,
        reduce_only: false,
        is_acknowledged: false,
        level: 255,
        has_terms: false,
        is_triggered: false,
        mass_cancel_id: 0,
    };

    /// Whether it waits for a trigger or an auction: it is open, and rests at no price.
    #[inline]
    pub const fn waits(&self) -> bool {
        self.order_type.is_stop() && !self.is_triggered || self.tif.is_auction()
    }

    /// Lots traded by this order and by those it replaced.
    #[inline]
    pub const fn filled_total(&self) -> i64 {
        self.filled_before + self.filled
    }

    /// Whether quantities add up.
    #[inline]
    pub const fn is_conserved(&self) -> bool {
        self.qty == self.filled + self.leaves + self.cancelled && self.leaves >= 0 && self.cancelled >= 0
    }
}

/// What only some orders have.
#[derive(Clone, Copy, Debug)]
struct Special {
    terms: Terms,
    /// Where a pegged order rests, nano-units.
    resting_px: i64,
}

/// The slab with its index and lists.
#[derive(Debug)]
pub(crate) struct Orders {
    slots: Vec<Order>,
    /// By slot, for orders that have terms; apart, so that plain orders never touch it.
    special: Vec<Special>,
    ids: IdMap,
    free: Vec<u32>,
    /// Ring of lately closed slots; the oldest goes back to `free`.
    closed: [u32; CLOSED_REMEMBERED],
    closed_at: usize,
    /// First open order of each instrument and side: `2 * instrument + side`.
    heads: Vec<u32>,
    open_count: usize,
    open_max: usize,
    /// No slot from here on was ever used.
    slots_used: u32,
}

impl Orders {
    pub(crate) fn new(open_max: usize, instruments_count: usize) -> Self {
        let slot_count = open_max + CLOSED_REMEMBERED;
        let last = u32::try_from(slot_count).expect("open_orders_max is far below 2^32");
        Self {
            slots: vec![Order::EMPTY; slot_count],
            special: vec![Special { terms: Terms::PLAIN, resting_px: 0 }; slot_count],
            ids: IdMap::new(slot_count),
            free: (0..last).rev().collect(),
            closed: [NONE; CLOSED_REMEMBERED],
            closed_at: 0,
            heads: vec![NONE; 2 * instruments_count],
            open_count: 0,
            open_max,
            slots_used: 0,
        }
    }

    #[inline]
    pub(crate) fn open_count(&self) -> usize {
        self.open_count
    }

    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.open_count < self.open_max
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> &Order {
        &self.slots[slot as usize]
    }

    /// Hints that an order will be looked at soon; [`NONE`] is passed over.
    #[inline]
    pub(crate) fn prefetch(&self, slot: u32) {
        prefetch(&self.slots, slot as usize);
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut Order {
        &mut self.slots[slot as usize]
    }

    /// Terms of an order.
    #[inline]
    pub(crate) fn terms(&self, slot: u32) -> Terms {
        if self.get(slot).has_terms { self.special[slot as usize].terms } else { Terms::PLAIN }
    }

    /// Gives an order its terms.
    pub(crate) fn set_terms(&mut self, slot: u32, terms: &Terms) {
        let order = &mut self.slots[slot as usize];
        order.has_terms = true;
        self.special[slot as usize] = Special { terms: *terms, resting_px: order.price };
    }

    /// Where an order rests that rests.
    pub(crate) fn resting_px(&self, slot: u32) -> i64 {
        let order = self.get(slot);
        if order.order_type == OrderType::Pegged && order.has_terms {
            return self.special[slot as usize].resting_px;
        }
        order.price
    }

    /// The venue said where an order rests; of others than pegged ones we know it.
    pub(crate) fn set_resting_px(&mut self, slot: u32, px: i64) {
        if self.get(slot).order_type != OrderType::Pegged {
            return;
        }
        let terms = self.terms(slot);
        self.slots[slot as usize].has_terms = true;
        self.special[slot as usize] = Special { terms, resting_px: px };
    }

    /// Hands out what a fingerprint should hold of an order's terms.
    pub(crate) fn fold_terms(&self, slot: u32, mut fold: impl FnMut(u64)) {
        let Special { terms, resting_px } = &self.special[slot as usize];
        for number in [terms.trigger_price, terms.expire_ns, *resting_px] {
            fold(number.cast_unsigned());
        }
        let codes = [terms.stp as u8, terms.peg as u8, terms.trigger as u8];
        let codes = codes
            .into_iter()
            .fold(u64::from(self.get(slot).is_triggered), |sum, code| sum << 8 | u64::from(code));
        fold(codes << 32 | u64::from(terms.display_qty));
    }

    /// Slot of an id, open or lately closed.
    #[inline]
    pub(crate) fn find(&self, id: u64) -> Option<u32> {
        self.ids.get(id)
    }

    /// First open order of an instrument's side, or [`NONE`]; follow [`Order::next`].
    #[inline]
    pub(crate) fn head(&self, instrument: InstrumentId, side: Side) -> u32 {
        self.heads[2 * instrument.index() + side.index()]
    }

    /// Takes a new open order in; the caller has asked [`Orders::has_room`].
    #[inline]
    pub(crate) fn insert(&mut self, order: &Order) -> u32 {
        debug_assert!(order.state.is_open() && order.is_conserved());
        let slot = self.claim(order.instrument, order.side, order.id);
        let place = &mut self.slots[slot as usize];
        let next = place.next;
        *place = *order;
        (place.next, place.previous) = (next, NONE);
        slot
    }

    /// Takes in the replacement `id` of the order in `old`, with its terms; price, lots and level are the caller's to
    /// fill in. Written in place, for a copied order would wait for the stores that made it.
    #[inline]
    pub(crate) fn succeed(&mut self, old: u32, id: u64) -> (u32, &mut Order) {
        let (instrument, side) = (self.get(old).instrument, self.get(old).side);
        let slot = self.claim(instrument, side, id);
        self.slots[old as usize].replaced_by = slot;
        let old_order = self.slots[old as usize];
        let new = &mut self.slots[slot as usize];
        new.id = id;
        (new.filled, new.cancelled, new.filled_before) = (0, 0, old_order.filled_total());
        (new.previous, new.replaces, new.replaced_by) = (NONE, old, NONE);
        (new.state, new.is_acknowledged, new.cancel_refused_ns) = (State::PendingNew, false, i64::MIN);
        (new.instrument, new.side, new.parent_id) = (instrument, side, old_order.parent_id);
        (new.order_type, new.tif) = (old_order.order_type, old_order.tif);
        (new.is_quote, new.reduce_only) = (old_order.is_quote, old_order.reduce_only);
        (new.has_terms, new.is_triggered) = (old_order.has_terms, old_order.is_triggered);
        new.mass_cancel_id = 0;
        if old_order.has_terms {
            self.special[slot as usize] = self.special[old as usize];
        }
        (slot, new)
    }

    /// A free slot, put at the head of its list and found by its id; its `next` is set, nothing else.
    #[inline]
    fn claim(&mut self, instrument: InstrumentId, side: Side, id: u64) -> u32 {
        assert!(self.has_room(), "the caller asked for room, {} are open", self.open_count);
        let slot = self.free.pop().expect("slots are as many as open and remembered orders together");
        self.slots_used = self.slots_used.max(slot + 1);
        let head = &mut self.heads[2 * instrument.index() + side.index()];
        let next = std::mem::replace(head, slot);
        if next != NONE {
            self.slots[next as usize].previous = slot;
        }
        self.slots[slot as usize].next = next;
        self.ids.insert(id, slot);
        self.open_count += 1;
        slot
    }

    /// Takes a closed order off its list; it stays findable until [`CLOSED_REMEMBERED`] more have closed.
    pub(crate) fn close(&mut self, slot: u32) {
        let order = &self.slots[slot as usize];
        debug_assert!(!order.state.is_open());
        let (next, previous) = (order.next, order.previous);
        let (replaces, replaced_by) = (order.replaces, order.replaced_by);
        if previous == NONE {
            self.heads[2 * order.instrument.index() + order.side.index()] = next;
        } else {
            self.slots[previous as usize].next = next;
        }
        if next != NONE {
            self.slots[next as usize].previous = previous;
        }
        if replaces != NONE {
            self.slots[replaces as usize].replaced_by = NONE;
        }
        if replaced_by != NONE {
            self.slots[replaced_by as usize].replaces = NONE;
        }
        let order = &mut self.slots[slot as usize];
        (order.next, order.previous, order.replaces, order.replaced_by) = (NONE, NONE, NONE, NONE);
        self.open_count -= 1;
        let forgotten = std::mem::replace(&mut self.closed[self.closed_at], slot);
        self.closed_at = (self.closed_at + 1) % CLOSED_REMEMBERED;
        if forgotten != NONE {
            self.ids.remove(self.slots[forgotten as usize].id);
            self.free.push(forgotten);
        }
    }

    /// Slots ever used; those beyond hold no order.
    pub(crate) fn slots_used(&self) -> u32 {
        self.slots_used
    }

    /// Every slot with an open order, in slot order: the same on every machine.
    pub(crate) fn open_slots(&self) -> impl Iterator<Item = u32> + '_ {
        (0u32..).zip(&self.slots).filter(|(_, order)| order.state.is_open()).map(|(slot, _)| slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Done;

    fn open(id: u64, side: Side) -> Order {
        Order {
            id,
            qty: 5,
            leaves: 5,
            instrument: InstrumentId(0),
            state: State::PendingNew,
            side,
            ..Order::EMPTY
        }
    }

    fn listed(orders: &Orders, side: Side) -> Vec<u64> {
        let mut ids = Vec::new();
        let mut slot = orders.head(InstrumentId(0), side);
        while slot != NONE {
            ids.push(orders.get(slot).id);
            slot = orders.get(slot).next;
        }
        ids
    }

    #[test]
    fn open_orders_are_listed_by_side_and_closed_ones_are_not() {
        let mut orders = Orders::new(4, 1);
        let slots: Vec<u32> = (1..=3).map(|id| orders.insert(&open(id, Side::Bid))).collect();
        orders.insert(&open(9, Side::Ask));
        assert_eq!(listed(&orders, Side::Bid), [3, 2, 1]);
        assert!(!orders.has_room());
        orders.get_mut(slots[1]).state = State::Done(Done::Cancelled);
        orders.close(slots[1]);
        assert_eq!(listed(&orders, Side::Bid), [3, 1]);
        assert_eq!(listed(&orders, Side::Ask), [9]);
        assert!(orders.has_room());
    }

    #[test]
    fn a_closed_order_is_found_until_enough_others_have_closed() {
        let mut orders = Orders::new(1, 1);
        for id in 1..=200u64 {
            let slot = orders.insert(&open(id, Side::Bid));
            orders.get_mut(slot).state = State::Done(Done::Filled);
            orders.close(slot);
            let remembered = u64::try_from(CLOSED_REMEMBERED).unwrap();
            for asked in 1..=id {
                assert_eq!(orders.find(asked).is_some(), asked + remembered > id, "{asked} of {id}");
            }
        }
    }
}
