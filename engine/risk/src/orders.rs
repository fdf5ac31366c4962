//! Our open orders as the gate sees them: what is reserved for each, by every client id it goes by.
//!
//! Slots come from a pool that is taken at start. An order is found under its live id, under the id of a
//! replacement in flight, and under the id it had before its last replacement, so that a late fill finds it.

use tickrace_types::Side;

/// One open order.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct OpenOrder {
    /// Id the venue knows it by.
    pub live_id: u64,
    /// Id of the replacement in flight, 0 for none.
    pub pending_id: u64,
    /// Id before the last replacement, 0 for none.
    pub former_id: u64,
    /// Limit, or the worst price a stop counts with.
    pub live_px: i64,
    pub live_leaves: i64,
    pub pending_px: i64,
    pub pending_leaves: i64,
    /// Lots filled over all its ids.
    pub filled: i64,
    /// Cash reserved for it: the larger of both versions.
    pub cash: i128,
    /// Lots reserved for it: the larger of both versions.
    pub lots: i64,
    pub instrument: u32,
    /// Number of the strategy.
    pub strategy: u16,
    /// Index of the account in the limits.
    pub account: u8,
    pub side: u8,
    /// Type and time in force, which a replacement keeps; [`OpenOrder::UNTOLD`] where only the venue knows.
    pub order_type: u8,
    pub tif: u8,
    /// Waits for a trigger or an auction, in both versions: no price of ours stands at the venue.
    pub is_parked: bool,
}
const _: () = assert!(size_of::<OpenOrder>() == 128);

impl OpenOrder {
    /// Stands for a type or time in force we were not told.
    pub const UNTOLD: u8 = u8::MAX;

    /// Whether a replacement states the type and time of the order, as far as they are known.
    #[inline]
    pub fn is_kind_of(&self, order_type: u8, tif: u8) -> bool {
        self.order_type == Self::UNTOLD || (self.order_type, self.tif) == (order_type, tif)
    }

    #[inline]
    pub fn side(&self) -> Side {
        Side::from_code(self.side)
    }
}

/// The pool and the numbers.
#[derive(Clone, Debug)]
pub(crate) struct OpenOrders {
    slots: Vec<OpenOrder>,
    free: Vec<u32>,
    by_id: IdMap,
}

impl OpenOrders {
    pub fn new(capacity: usize) -> Self {
        let count = u32::try_from(capacity).unwrap_or(u32::MAX);
        Self {
            slots: vec![OpenOrder::default(); capacity],
            free: (0..count).rev().collect(),
            by_id: IdMap::new(capacity),
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Most orders open at once.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// Slot of an order, by any of its ids.
    #[inline]
    pub fn find(&self, id: u64) -> Option<u32> {
        self.by_id.get(id)
    }

    #[inline]
    pub fn get(&self, slot: u32) -> &OpenOrder {
        &self.slots[slot as usize]
    }

    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> &mut OpenOrder {
        &mut self.slots[slot as usize]
    }

    /// Takes in an order under its live id; `None` where the pool is empty.
    #[inline]
    pub fn insert(&mut self, order: OpenOrder) -> Option<u32> {
        let slot = self.free.pop()?;
        self.slots[slot as usize] = order;
        self.by_id.insert(order.live_id, slot);
        Some(slot)
    }

    /// Puts a replacement in flight.
    #[inline]
    pub fn set_pending(&mut self, slot: u32, id: u64, px: i64, leaves: i64) {
        let order = &mut self.slots[slot as usize];
        order.pending_id = id;
        order.pending_px = px;
        order.pending_leaves = leaves;
        self.by_id.insert(id, slot);
    }

    /// The replacement in flight has failed: only the live version counts.
    pub fn drop_pending(&mut self, slot: u32) {
        let order = &mut self.slots[slot as usize];
        let id = std::mem::take(&mut order.pending_id);
        order.pending_leaves = 0;
        self.by_id.remove(id);
    }

    /// The replacement in flight is the live version now.
    pub fn promote_pending(&mut self, slot: u32) {
        let order = &mut self.slots[slot as usize];
        let former = std::mem::replace(&mut order.former_id, order.live_id);
        order.live_id = std::mem::take(&mut order.pending_id);
        order.live_px = order.pending_px;
        order.live_leaves = std::mem::take(&mut order.pending_leaves);
        if former != 0 {
            self.by_id.remove(former);
        }
    }

    /// Gives the slot back. A pending replacement must have been dropped.
    pub fn remove(&mut self, slot: u32) {
        let order = &self.slots[slot as usize];
        debug_assert_eq!(order.pending_id, 0, "a replacement still in flight");
        let (live, former) = (order.live_id, order.former_id);
        self.by_id.remove(live);
        if former != 0 {
            self.by_id.remove(former);
        }
        self.free.push(slot);
    }
}

/// Client id to slot: open addressing, linear probing, deletion by shifting back.
///
/// Ids count up, so neighbours in time are put a few cells apart: they share cache lines with what came just
/// before, and do not grow into one long run. Key 0 is an empty cell; no order has id 0.
#[derive(Clone, Debug)]
struct IdMap {
    cells: Vec<(u64, u32)>,
    mask: usize,
}

impl IdMap {
    /// An order has at most three ids, so that a quarter of the cells at least stays empty.
    fn new(orders: usize) -> Self {
        let cells = (orders.max(1) * 4).next_power_of_two();
        Self { cells: vec![(0, 0); cells], mask: cells - 1 }
    }

    #[inline]
    fn home(&self, id: u64) -> usize {
        #[allow(clippy::cast_possible_truncation, reason = "masked to the cells")]
        let spread = id.wrapping_mul(5) as usize;
        spread & self.mask
    }

    #[inline]
    fn place(&self, id: u64) -> Result<usize, usize> {
        let mut at = self.home(id);
        loop {
            match self.cells[at].0 {
                key if key == id => return Ok(at),
                0 => return Err(at),
                _ => at = (at + 1) & self.mask,
            }
        }
    }

    #[inline]
    fn get(&self, id: u64) -> Option<u32> {
        if id == 0 {
            return None;
        }
        self.place(id).ok().map(|at| self.cells[at].1)
    }

    #[inline]
    fn insert(&mut self, id: u64, slot: u32) {
        debug_assert_ne!(id, 0, "no order has id 0");
        let (Ok(at) | Err(at)) = self.place(id);
        self.cells[at] = (id, slot);
    }

    fn remove(&mut self, id: u64) {
        let Ok(mut hole) = self.place(id) else { return };
        let mut at = hole;
        loop {
            at = (at + 1) & self.mask;
            let (key, _) = self.cells[at];
            if key == 0 {
                break;
            }
            // Whoever's home is not between the hole and its cell may fill the hole.
            let from_home = at.wrapping_sub(self.home(key)) & self.mask;
            let from_hole = at.wrapping_sub(hole) & self.mask;
            if from_home >= from_hole {
                self.cells[hole] = self.cells[at];
                hole = at;
            }
        }
        self.cells[hole] = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn the_map_agrees_with_a_plain_one(steps in prop::collection::vec((any::<bool>(), 1u64..40), 1..400)) {
            // Sixteen cells, at most twelve keys: they collide and wrap.
            let mut map = IdMap::new(4);
            let mut plain: HashMap<u64, u32> = HashMap::new();
            for (step, (is_insert, id)) in (0u32..).zip(steps) {
                if is_insert && (plain.len() < 12 || plain.contains_key(&id)) {
                    map.insert(id, step);
                    plain.insert(id, step);
                } else {
                    map.remove(id);
                    plain.remove(&id);
                }
                for id in 0..40 {
                    prop_assert_eq!(map.get(id), plain.get(&id).copied(), "id {}", id);
                }
            }
        }
    }

    #[test]
    fn an_order_is_found_under_each_of_its_ids_and_under_none_afterwards() {
        let mut orders = OpenOrders::new(2);
        let slot = orders.insert(OpenOrder { live_id: 1, ..OpenOrder::default() }).unwrap();
        orders.set_pending(slot, 2, 5, 10);
        assert_eq!((orders.find(1), orders.find(2)), (Some(slot), Some(slot)));
        orders.promote_pending(slot);
        orders.set_pending(slot, 3, 6, 10);
        orders.promote_pending(slot);
        assert_eq!([1, 2, 3].map(|id| orders.find(id)), [None, Some(slot), Some(slot)]);
        orders.remove(slot);
        assert_eq!([1, 2, 3].map(|id| orders.find(id)), [None; 3]);
        assert_eq!(orders.len(), 0);
    }
}
