//! The generator's own book: what rests, in which order, so that every message it makes is true.
//!
//! A side keeps the 128 ticks from its best price outward in a ring, with one bit for each level that is not
//! empty; orders further out than that are withdrawn before the best price moves on.
//!
//! Invariants: every live order stands in exactly one queue and in its symbol's list; `best` is the best
//! occupied tick wherever any is.

use tickrace_types::Side;

/// No order.
pub(super) const NIL: u32 = u32::MAX;

/// Ticks a side spans.
pub(super) const SPAN: u32 = 128;

/// A resting order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub reference: u64,
    pub shares: u32,
    pub tick: u32,
    pub side: Side,
    next: u32,
    prev: u32,
    /// Index in the symbol's list of live orders.
    place: u32,
}

/// Orders of all symbols; freed places are taken again, so memory follows the live orders.
#[derive(Debug, Default)]
pub(super) struct Pool {
    orders: Vec<Order>,
    free: Vec<u32>,
}

impl Pool {
    #[inline]
    pub fn get(&self, id: u32) -> &Order {
        &self.orders[id as usize]
    }

    #[inline]
    fn get_mut(&mut self, id: u32) -> &mut Order {
        &mut self.orders[id as usize]
    }

    /// Takes shares off an order that keeps some.
    #[inline]
    pub fn reduce(&mut self, id: u32, shares: u32) {
        let order = self.get_mut(id);
        assert!(shares < order.shares, "a reduced order keeps shares: {shares} of {}", order.shares);
        order.shares -= shares;
    }

    #[inline]
    fn insert(&mut self, order: Order) -> u32 {
        if let Some(id) = self.free.pop() {
            self.orders[id as usize] = order;
            return id;
        }
        let id = u32::try_from(self.orders.len()).unwrap_or(NIL);
        assert!(id < NIL, "fewer than 2^32 live orders");
        self.orders.push(order);
        id
    }

    /// Live orders.
    #[cfg(test)]
    pub fn live(&self) -> usize {
        self.orders.len() - self.free.len()
    }
}

/// Queue of one price.
#[derive(Clone, Copy, Debug)]
struct Level {
    head: u32,
    tail: u32,
}

/// One side of one symbol.
#[derive(Debug)]
pub(super) struct Ladder {
    levels: [Level; SPAN as usize],
    occupied: u128,
    best: u32,
    side: Side,
}

impl Ladder {
    const fn new(side: Side) -> Self {
        Self { levels: [Level { head: NIL, tail: NIL }; SPAN as usize], occupied: 0, best: 0, side }
    }

    /// Best tick.
    #[inline]
    pub const fn best(&self) -> Option<u32> {
        if self.occupied == 0 { None } else { Some(self.best) }
    }

    /// Occupied levels as bits, bit `d` for the level `d` ticks behind the best.
    #[inline]
    const fn behind(&self) -> u128 {
        let slot = self.best % SPAN;
        match self.side {
            Side::Ask => self.occupied.rotate_right(slot),
            Side::Bid => self.occupied.rotate_left(SPAN - 1 - slot).reverse_bits(),
        }
    }

    /// The tick `distance` behind the best.
    #[inline]
    const fn tick_behind(&self, distance: u32) -> u32 {
        match self.side {
            Side::Ask => self.best + distance,
            Side::Bid => self.best - distance,
        }
    }

    /// Worst tick.
    #[inline]
    pub const fn worst(&self) -> Option<u32> {
        if self.occupied == 0 {
            return None;
        }
        Some(self.tick_behind(SPAN - 1 - self.behind().leading_zeros()))
    }

    /// Levels with orders.
    #[inline]
    pub const fn depth(&self) -> u32 {
        self.occupied.count_ones()
    }

    /// Oldest order of a tick; `NIL` where there is none.
    #[inline]
    pub const fn oldest(&self, tick: u32) -> u32 {
        self.levels[(tick % SPAN) as usize].head
    }

    #[inline]
    fn push(&mut self, pool: &mut Pool, id: u32) {
        let tick = pool.get(id).tick;
        let slot = tick % SPAN;
        let bit = 1u128 << slot;
        let better = self.side.is_better(i64::from(tick), i64::from(self.best));
        if self.occupied == 0 || better {
            self.best = tick;
        }
        debug_assert!(self.best.abs_diff(tick) < SPAN);
        let level = &mut self.levels[slot as usize];
        if self.occupied & bit == 0 {
            self.occupied |= bit;
            *level = Level { head: id, tail: id };
            return;
        }
        let tail = level.tail;
        level.tail = id;
        pool.get_mut(tail).next = id;
        pool.get_mut(id).prev = tail;
    }

    #[inline]
    fn unlink(&mut self, pool: &mut Pool, id: u32) {
        let Order { tick, next, prev, .. } = *pool.get(id);
        let slot = tick % SPAN;
        let level = &mut self.levels[slot as usize];
        match prev {
            NIL => level.head = next,
            _ => pool.get_mut(prev).next = next,
        }
        match next {
            NIL => level.tail = prev,
            _ => pool.get_mut(next).prev = prev,
        }
        if level.head != NIL {
            return;
        }
        self.occupied &= !(1u128 << slot);
        if tick == self.best && self.occupied != 0 {
            self.best = self.tick_behind(self.behind().trailing_zeros());
        }
    }
}

/// Both sides of one symbol and a list of its live orders to choose from.
#[derive(Debug)]
pub(super) struct Book {
    pub bids: Ladder,
    pub asks: Ladder,
    live: Vec<u32>,
}

impl Book {
    pub const fn new() -> Self {
        Self { bids: Ladder::new(Side::Bid), asks: Ladder::new(Side::Ask), live: Vec::new() }
    }

    #[inline]
    pub const fn side(&self, side: Side) -> &Ladder {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    #[inline]
    const fn side_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }

    /// Live orders of both sides.
    #[inline]
    pub fn live(&self) -> &[u32] {
        &self.live
    }

    /// An order of `side` that must go before `tick` can be added there, because it would be too far behind.
    #[inline]
    pub fn too_far_for(&self, side: Side, tick: u32) -> Option<u32> {
        let ladder = self.side(side);
        let worst = ladder.worst()?;
        (worst.abs_diff(tick) >= SPAN).then(|| ladder.oldest(worst))
    }

    /// Adds an order at the end of its queue.
    #[inline]
    pub fn add(&mut self, pool: &mut Pool, reference: u64, side: Side, tick: u32, shares: u32) {
        let place = u32::try_from(self.live.len()).unwrap_or(NIL);
        let id = pool.insert(Order { reference, shares, tick, side, next: NIL, prev: NIL, place });
        self.live.push(id);
        self.side_mut(side).push(pool, id);
        debug_assert!(!self.is_crossed());
    }

    /// Removes an order.
    #[inline]
    pub fn remove(&mut self, pool: &mut Pool, id: u32) {
        let order = *pool.get(id);
        self.side_mut(order.side).unlink(pool, id);
        self.live.swap_remove(order.place as usize);
        if let Some(moved) = self.live.get(order.place as usize) {
            pool.get_mut(*moved).place = order.place;
        }
        pool.free.push(id);
    }

    /// Whether the best bid is not below the best ask.
    pub const fn is_crossed(&self) -> bool {
        match (self.bids.best(), self.asks.best()) {
            (Some(bid), Some(ask)) => bid >= ask,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn best_worst_and_queues_agree_with_a_plain_list(moves in prop::collection::vec((any::<bool>(), 0u32..100, any::<u16>()), 1..200)) {
            let (mut pool, mut book) = (Pool::default(), Book::new());
            // (reference, side, tick), oldest first.
            let mut plain: Vec<(u64, Side, u32)> = Vec::new();
            for (reference, (bid, distance, pick)) in (0..).zip(moves) {
                if pick % 3 == 0 && !plain.is_empty() {
                    let chosen = book.live()[usize::from(pick) % book.live().len()];
                    let gone = pool.get(chosen).reference;
                    book.remove(&mut pool, chosen);
                    plain.retain(|order| order.0 != gone);
                } else {
                    let (side, tick) = if bid { (Side::Bid, 999 - distance) } else { (Side::Ask, 1_000 + distance) };
                    book.add(&mut pool, reference, side, tick, 100);
                    plain.push((reference, side, tick));
                }
                for side in Side::BOTH {
                    let ticks = || plain.iter().filter(|order| order.1 == side).map(|order| order.2);
                    let (best, worst) = match side {
                        Side::Bid => (ticks().max(), ticks().min()),
                        Side::Ask => (ticks().min(), ticks().max()),
                    };
                    prop_assert_eq!(book.side(side).best(), best);
                    prop_assert_eq!(book.side(side).worst(), worst);
                    if let Some(best) = best {
                        let oldest = plain.iter().find(|order| order.1 == side && order.2 == best).map(|order| order.0);
                        prop_assert_eq!(Some(pool.get(book.side(side).oldest(best)).reference), oldest);
                    }
                }
                prop_assert_eq!(pool.live(), plain.len());
            }
        }
    }
}
