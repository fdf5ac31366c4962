//! Orders that rest by what the files tell, in the queues of their levels. Knows nothing of rows: it is told what comes and
//! goes, and can be fitted to what a level is said to show.
//!
//! What a fit changes is not told by any message, and is noted as a [`Fix`]:
//! - a level that lacks shares gets an order of our own *making* at its end, for what came unseen came after what was
//!   there; it stands for one or several real orders nobody has named;
//! - of a level that has too many, an order of just so many shares left, the newest of them, since orders leave whole far
//!   more often than in part; where there is none, the newest orders left, one after the other, so that nobody moves
//!   forward in a queue by a guess.
//!
//! Orders that are known keep their numbers and places through all of this.
//!
//! Invariants: a level has at least one order, its shares are the sum of theirs, levels stand in the order of their prices.

use rustc_hash::FxHashMap;
use tickrace_types::Kind;

use super::orderbook::BookLevel;

/// Bit of the numbers of orders of our own making; the file's own are below it.
pub const MADE: u64 = 1 << 63;

/// No slot.
const NIL: u32 = u32::MAX;

/// A resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resting {
    pub(super) order_ref: u64,
    pub(super) price_e4: i64,
    pub(super) shares: u32,
    pub(super) side: u8,
    prev: u32,
    next: u32,
}

/// One price of a side: its shares, and both ends of its queue.
#[derive(Clone, Copy, Debug)]
struct Level {
    price_e4: i64,
    shares: u64,
    head: u32,
    tail: u32,
    /// Orders of our own making in its queue.
    made: u32,
}

/// One change that no message tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fix {
    /// `Add`, `Cancel` or `Delete`.
    pub(super) kind: Kind,
    pub(super) order_ref: u64,
    pub(super) side: u8,
    pub(super) price_e4: i64,
    /// Shares that came or went.
    pub(super) shares: u32,
}

/// How far from the touch the levels of a side are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reach {
    /// Not at all.
    #[default]
    Nothing,
    /// Up to this price, which belongs to it.
    To(i64),
    /// All of the side.
    All,
}

impl Reach {
    pub(super) fn covers(self, side: u8, price_e4: i64) -> bool {
        match self {
            Self::Nothing => false,
            Self::To(last_e4) => rank(side, price_e4) >= rank(side, last_e4),
            Self::All => true,
        }
    }
}

/// Higher for better prices of a side.
#[inline]
const fn rank(side: u8, price_e4: i64) -> i64 {
    if side == 0 { price_e4 } else { -price_e4 }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    slots: Vec<Resting>,
    free: Vec<u32>,
    by_ref: FxHashMap<u64, u32>,
    /// Levels of bid 0 and ask 1, the best last: what happens at the touch moves no other.
    sides: [Vec<Level>; 2],
    /// Orders made so far.
    made: u64,
}

impl Ledger {
    /// Orders that rest.
    pub(super) fn len(&self) -> usize {
        self.by_ref.len()
    }

    /// The order of a number.
    #[inline]
    pub(super) fn get(&self, order_ref: u64) -> Option<&Resting> {
        self.by_ref.get(&order_ref).map(|slot| &self.slots[*slot as usize])
    }

    /// An order, not resting yet, comes to the end of its level.
    #[inline]
    pub(super) fn add(&mut self, side: u8, price_e4: i64, order_ref: u64, shares: u32) {
        debug_assert!(shares > 0 && !self.by_ref.contains_key(&order_ref), "{order_ref}: {shares} shares");
        let place = match self.place(side, price_e4) {
            Ok(place) => place,
            Err(place) => {
                let level = Level { price_e4, shares: 0, head: NIL, tail: NIL, made: 0 };
                self.sides[usize::from(side)].insert(place, level);
                place
            }
        };
        let level = &mut self.sides[usize::from(side)][place];
        let order = Resting { order_ref, price_e4, shares, side, prev: level.tail, next: NIL };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = order;
                slot
            }
            None => {
                self.slots.push(order);
                u32::try_from(self.slots.len() - 1).expect("fewer orders than slot numbers")
            }
        };
        match level.tail {
            NIL => level.head = slot,
            tail => self.slots[tail as usize].next = slot,
        }
        level.tail = slot;
        level.shares += u64::from(shares);
        level.made += u32::from(order_ref >= MADE);
        self.by_ref.insert(order_ref, slot);
    }

    /// An order loses shares, at most those it has; without any it is gone.
    #[inline]
    pub(super) fn take(&mut self, order_ref: u64, shares: u32) {
        let Some(slot) = self.by_ref.get(&order_ref).copied() else { return };
        self.take_at(slot, shares);
    }

    fn take_at(&mut self, slot: u32, shares: u32) {
        let order = &mut self.slots[slot as usize];
        let shares = shares.min(order.shares);
        order.shares -= shares;
        let order = *order;
        let place = self.place(order.side, order.price_e4).expect("a resting order has a level");
        let levels = &mut self.sides[usize::from(order.side)];
        let level = &mut levels[place];
        level.shares -= u64::from(shares);
        if order.shares > 0 {
            return;
        }
        match order.prev {
            NIL => level.head = order.next,
            prev => self.slots[prev as usize].next = order.next,
        }
        match order.next {
            NIL => level.tail = order.prev,
            next => self.slots[next as usize].prev = order.prev,
        }
        level.made -= u32::from(order.order_ref >= MADE);
        if level.head == NIL {
            levels.remove(place);
        }
        self.by_ref.remove(&order.order_ref);
        self.free.push(slot);
    }

    /// Where a level is, or where it would be.
    #[inline]
    fn place(&self, side: u8, price_e4: i64) -> Result<usize, usize> {
        let levels = &self.sides[usize::from(side)];
        let wanted = rank(side, price_e4);
        // Most of what happens, happens at the touch.
        let Some(best) = levels.last() else { return Err(0) };
        match rank(side, best.price_e4).cmp(&wanted) {
            std::cmp::Ordering::Less => Err(levels.len()),
            std::cmp::Ordering::Equal => Ok(levels.len() - 1),
            std::cmp::Ordering::Greater => {
                levels.binary_search_by(|level| rank(side, level.price_e4).cmp(&wanted))
            }
        }
    }

    /// An order of our own making that a row about `shares` of an order nobody knows can be about, and its shares: the
    /// first that has so many, else the first. Where the order is gone after the row (`is_whole`), one that has just as
    /// many goes before.
    pub(super) fn stand_in(
        &self,
        side: u8,
        price_e4: i64,
        shares: u32,
        is_whole: bool,
    ) -> Option<(u64, u32)> {
        let level = &self.sides[usize::from(side)][self.place(side, price_e4).ok()?];
        if level.made == 0 {
            return None;
        }
        let made = || self.queue(level.head).filter(|order| order.order_ref >= MADE);
        let just = made().find(|order| is_whole && order.shares == shares);
        let found = just.or_else(|| made().find(|order| order.shares >= shares)).or_else(|| made().next());
        found.map(|order| (order.order_ref, order.shares))
    }

    fn queue(&self, head: u32) -> impl Iterator<Item = &Resting> {
        let at = |slot: u32| (slot != NIL).then(|| &self.slots[slot as usize]);
        std::iter::successors(at(head), move |order| at(order.next))
    }

    /// Makes the levels of a side within `reach` what `targets`, best first, say, and notes what that takes. Shares of the
    /// order `spare` go last. Gives whether anything changed within `known`.
    pub(super) fn fit_side(
        &mut self,
        side: u8,
        targets: &[BookLevel],
        reach: Reach,
        known: Reach,
        spare: u64,
        fixes: &mut Vec<Fix>,
    ) -> bool {
        let before = fixes.len();
        // Levels from here on are those better than the target that comes next, and fitted.
        let mut at = self.sides[usize::from(side)].len();
        for target in targets {
            at = self.let_go_until(side, at, rank(side, target.price_e4) + 1, fixes);
            let level = self.sides[usize::from(side)][..at].last().copied();
            match level.filter(|level| level.price_e4 == target.price_e4) {
                Some(level) => {
                    if level.shares != target.shares {
                        self.fit_level(side, target.price_e4, target.shares, spare, fixes);
                    }
                    at -= 1;
                }
                None => self.bring(side, target.price_e4, target.shares, fixes),
            }
        }
        match reach {
            Reach::Nothing => {}
            Reach::To(last_e4) => {
                self.let_go_until(side, at, rank(side, last_e4), fixes);
            }
            Reach::All => {
                self.let_go_until(side, at, i64::MIN, fixes);
            }
        }
        fixes[before..].iter().any(|fix| known.covers(side, fix.price_e4))
    }

    /// Takes away the levels below place `at` that rank at `rank_min` or higher; gives the place of the last one taken,
    /// or `at`.
    fn let_go_until(&mut self, side: u8, mut at: usize, rank_min: i64, fixes: &mut Vec<Fix>) -> usize {
        while at > 0 {
            let level = self.sides[usize::from(side)][at - 1];
            if rank(side, level.price_e4) < rank_min {
                break;
            }
            self.fit_level(side, level.price_e4, 0, 0, fixes);
            at -= 1;
        }
        at
    }

    /// Makes a level show `target` shares, and notes what that takes. Those of the order `spare` go last.
    pub(super) fn fit_level(
        &mut self,
        side: u8,
        price_e4: i64,
        target: u64,
        spare: u64,
        fixes: &mut Vec<Fix>,
    ) {
        let level = self.place(side, price_e4).ok().map(|place| self.sides[usize::from(side)][place]);
        let shares = level.map_or(0, |level| level.shares);
        if target >= shares {
            return self.bring(side, price_e4, target - shares, fixes);
        }
        let mut excess = shares - target;
        let tail = level.map_or(NIL, |level| level.tail);
        let just = self
            .newest(tail)
            .find(|(_, order)| u64::from(order.shares) == excess && order.order_ref != spare);
        if let Some((slot, _)) = just {
            self.leave(slot, excess, fixes);
            return;
        }
        let mut at = tail;
        while at != NIL && excess > 0 {
            let order = self.slots[at as usize];
            if order.order_ref != spare {
                excess -= self.leave(at, excess, fixes);
            }
            at = order.prev;
        }
        if let Some(slot) = self.by_ref.get(&spare).copied().filter(|_| excess > 0) {
            self.leave(slot, excess, fixes);
        }
    }

    fn newest(&self, tail: u32) -> impl Iterator<Item = (u32, &Resting)> {
        let at = |slot: u32| (slot != NIL).then(|| (slot, &self.slots[slot as usize]));
        std::iter::successors(at(tail), move |(_, order)| at(order.prev))
    }

    /// Up to `shares` of an order left; gives how many.
    fn leave(&mut self, slot: u32, shares: u64, fixes: &mut Vec<Fix>) -> u64 {
        let Resting { order_ref, side, price_e4, shares: all, .. } = self.slots[slot as usize];
        let shares = u32::try_from(shares).unwrap_or(u32::MAX).min(all);
        let kind = if shares == all { Kind::Delete } else { Kind::Cancel };
        self.take_at(slot, shares);
        fixes.push(Fix { kind, order_ref, side, price_e4, shares });
        u64::from(shares)
    }

    /// An order that cannot be where it rests left.
    pub(super) fn leave_whole(&mut self, order_ref: u64, fixes: &mut Vec<Fix>) {
        if let Some(slot) = self.by_ref.get(&order_ref).copied() {
            self.leave(slot, u64::MAX, fixes);
        }
    }

    /// `shares` came unseen: an order of our own making, or several where one cannot hold them.
    fn bring(&mut self, side: u8, price_e4: i64, shares: u64, fixes: &mut Vec<Fix>) {
        let mut left = shares;
        while left > 0 {
            let shares = u32::try_from(left).unwrap_or(u32::MAX);
            left -= u64::from(shares);
            self.made += 1;
            let order_ref = MADE | self.made;
            self.add(side, price_e4, order_ref, shares);
            fixes.push(Fix { kind: Kind::Add, order_ref, side, price_e4, shares });
        }
    }

    /// Lets the level farthest from the touch go, of the side that has more of them outside `reach`; false where all
    /// levels are inside.
    pub(super) fn let_farthest_go(&mut self, reach: [Reach; 2], fixes: &mut Vec<Fix>) -> bool {
        let outside = |side: u8| {
            let levels = &self.sides[usize::from(side)];
            let first = levels.first().filter(|level| !reach[usize::from(side)].covers(side, level.price_e4));
            first.map(|level| (levels.len(), side, level.price_e4))
        };
        let Some((_, side, price_e4)) = outside(0).max(outside(1)) else { return false };
        self.fit_level(side, price_e4, 0, 0, fixes);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(orders: &[(u64, u32)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (order_ref, shares) in orders {
            ledger.add(0, 100, *order_ref, *shares);
        }
        ledger
    }

    fn fit(orders: &[(u64, u32)], target: u64, spare: u64) -> Vec<(Kind, u64, u32)> {
        let (mut ledger, mut fixes) = (ledger(orders), Vec::new());
        ledger.fit_level(0, 100, target, spare, &mut fixes);
        fixes.iter().map(|fix| (fix.kind, fix.order_ref, fix.shares)).collect()
    }

    #[test]
    fn what_came_unseen_stands_at_the_end_and_what_left_is_the_newest_that_fits() {
        assert_eq!(fit(&[(1, 50)], 80, 0), [(Kind::Add, MADE | 1, 30)]);
        assert_eq!(fit(&[(1, 50)], 50, 0), []);
        // One of 20 left, the newer of two; none of 15: the newest lose them.
        let three = [(1, 20), (2, 20), (3, 10)];
        assert_eq!(fit(&three, 30, 0), [(Kind::Delete, 2, 20)]);
        assert_eq!(fit(&three, 35, 0), [(Kind::Delete, 3, 10), (Kind::Cancel, 2, 5)]);
        assert_eq!(fit(&three, 30, 2), [(Kind::Delete, 1, 20)]);
        assert_eq!(fit(&three, 0, 2), [(Kind::Delete, 3, 10), (Kind::Delete, 1, 20), (Kind::Delete, 2, 20)]);
        let more = u64::from(u32::MAX) + 1;
        assert_eq!(fit(&[], more, 0), [(Kind::Add, MADE | 1, u32::MAX), (Kind::Add, MADE | 2, 1)]);
    }

    #[test]
    fn a_side_is_fitted_within_its_reach_only() {
        let level = |price_e4, shares| BookLevel { price_e4, shares };
        let mut ledger = Ledger::default();
        for (order_ref, price_e4) in [(1, 90), (2, 95), (3, 97), (4, 99)] {
            ledger.add(0, price_e4, order_ref, 10);
        }
        let mut fixes = Vec::new();
        let targets = [level(98, 5), level(97, 10), level(96, 1)];
        let known = Reach::To(97);
        assert!(ledger.fit_side(0, &targets, Reach::To(96), known, 0, &mut fixes));
        let shown: Vec<_> = fixes.iter().map(|fix| (fix.kind, fix.price_e4)).collect();
        assert_eq!(shown, [(Kind::Delete, 99), (Kind::Add, 98), (Kind::Add, 96)]);
        assert_eq!(ledger.len(), 5);
        fixes.clear();
        assert!(!ledger.fit_side(0, &targets[..2], Reach::All, known, 0, &mut fixes));
        let shown: Vec<_> = fixes.iter().map(|fix| (fix.kind, fix.price_e4)).collect();
        assert_eq!(shown, [(Kind::Delete, 96), (Kind::Delete, 95), (Kind::Delete, 90)]);
    }

    #[test]
    fn a_row_about_a_stranger_finds_an_order_made_for_it() {
        let mut ledger = ledger(&[(1, 50)]);
        assert_eq!(ledger.stand_in(0, 100, 5, true), None);
        for shares in [10, 40, 30] {
            ledger.bring(0, 100, shares, &mut Vec::new());
        }
        assert_eq!(ledger.stand_in(0, 100, 30, true), Some((MADE | 3, 30)));
        assert_eq!(ledger.stand_in(0, 100, 30, false), Some((MADE | 2, 40)));
        assert_eq!(ledger.stand_in(0, 100, 60, true), Some((MADE | 1, 10)));
        assert_eq!(ledger.stand_in(0, 101, 60, true), None);
    }

    #[test]
    fn the_farthest_levels_outside_make_room() {
        let mut ledger = Ledger::default();
        for (order_ref, side, price_e4) in [(1, 0, 90), (2, 0, 95), (3, 1, 110), (4, 1, 120), (5, 1, 130)] {
            ledger.add(side, price_e4, order_ref, 10);
        }
        let (reach, mut fixes) = ([Reach::To(95), Reach::To(110)], Vec::new());
        while ledger.let_farthest_go(reach, &mut fixes) {}
        let gone: Vec<_> = fixes.iter().map(|fix| fix.order_ref).collect();
        assert_eq!(gone, [5, 4, 1]);
        assert_eq!(ledger.len(), 2);
    }
}
