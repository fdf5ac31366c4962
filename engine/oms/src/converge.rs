//! From what rests to what is wanted, with the fewest messages.
//!
//! A request in flight counts as its target. An order that matches a wanted quote within the tolerance is left
//! alone; one that does not is moved with a single replace; only what is left over is cancelled, and only what is
//! missing is entered. An order with a request in flight waits, unless it is not wanted at all: then it is pulled.
//! Cancels leave first, then the side that moves away, so that our own orders never meet.

use tickrace_types::{Header, InstrumentId, OrderRecord, OrderType, Side, Terms, TimeInForce};

use crate::orders::{NONE, Order, Orders};
use crate::quotes::{LEVELS_MAX, Quote, WantedQuotes};
use crate::{Oms, State};

/// Most resting quotes of one side considered; what is beyond is pulled. Every converge leaves at most
/// [`LEVELS_MAX`] that are not leaving; a few more can come back when their cancels are refused.
const ENTRIES_MAX: usize = 12;
const _: () = assert!(ENTRIES_MAX >= LEVELS_MAX && ENTRIES_MAX < 32);

/// What rests on one side or will rest, as far as we know: best first, older before newer at one price. By column,
/// one place each, of which the first `count` count.
#[derive(Clone, Debug)]
pub(crate) struct Resting {
    prices: [i64; ENTRIES_MAX],
    leaves: [i64; ENTRIES_MAX],
    slots: [u32; ENTRIES_MAX],
    count: usize,
    /// Places with a request in flight, one bit each.
    busy: u32,
    /// An order is in doubt, or there are too many: something must be pulled.
    is_doubtful: bool,
}

/// What to send for one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    /// Places to cancel, one bit each.
    cancels: u32,
    /// Place to replace by each wanted quote, or [`Plan::KEEP`] or [`Plan::NEW`].
    moves: [u8; LEVELS_MAX],
    /// Whether a quote has to wait for an order under way.
    is_waiting: bool,
}

impl Plan {
    const KEEP: u8 = 255;
    const NEW: u8 = 254;
}

impl Oms {
    /// Converges the live orders of one instrument to the wanted quotes with the fewest messages.
    ///
    /// `cause` is the header of the record that made the policy speak: its `seq` becomes `cause_seq`, its
    /// `ts_recv_ns` the time of the orders. Orders given directly ([`Oms::submit`]) are left alone.
    pub fn converge(
        &mut self,
        instrument: InstrumentId,
        wanted: &WantedQuotes,
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) {
        if instrument.index() >= self.books.len() {
            self.counts.request_drops += 1;
            return;
        }
        for side in Side::BOTH {
            self.resting[side.index()].collect(&self.orders, instrument, side);
        }
        let mut is_waiting = self.resting[0].is_doubtful || self.resting[1].is_doubtful;
        if is_waiting {
            self.pull_doubtful(instrument, cause, out);
        }
        let quotes = [wanted.bids(), wanted.asks()];
        // A market going up: the asks make way before the bids follow.
        let asks = &self.resting[1];
        let upwards = wanted.bid_count > 0 && asks.count > 0 && wanted.bids[0].price >= asks.prices[0];
        let turns = if upwards { [Side::Ask, Side::Bid] } else { Side::BOTH };
        let plan_of = |oms: &Self, side: Side| plan(&oms.resting[side.index()], quotes[side.index()], wanted);
        // Only a side on which more rests than is wanted has anything to cancel, on both before anything moves.
        // Elsewhere the first side's orders leave before the second is looked at.
        let has_surplus = |side: Side| self.resting[side.index()].count > open_count(quotes[side.index()]);
        if has_surplus(Side::Bid) || has_surplus(Side::Ask) {
            for side in Side::BOTH {
                let cancels = plan_of(self, side).cancels;
                is_waiting |= !self.send_cancels(side, cancels, cause, out);
            }
        }
        for side in turns {
            let plan = plan_of(self, side);
            is_waiting |= plan.is_waiting;
            is_waiting |= !self.send_moves(instrument, side, &plan, quotes[side.index()], cause, out);
        }
        self.books[instrument.index()].is_waiting = is_waiting;
    }

    /// Pulls the quotes in doubt, and those beyond [`ENTRIES_MAX`].
    #[cold]
    fn pull_doubtful(
        &mut self,
        instrument: InstrumentId,
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) {
        for side in Side::BOTH {
            let mut slot = self.orders.head(instrument, side);
            while slot != NONE {
                let order = self.orders.get(slot);
                let next = order.next;
                let resting = &self.resting[side.index()];
                let is_beyond = order.is_expected() && !resting.slots[..resting.count].contains(&slot);
                if order.is_quote && (order.state == State::Unknown || is_beyond) {
                    self.send_cancel(slot, cause, out);
                }
                slot = next;
            }
        }
    }

    /// Whether all of them left.
    fn send_cancels(
        &mut self,
        side: Side,
        mut cancels: u32,
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) -> bool {
        let mut is_all_sent = true;
        while cancels != 0 {
            let slot = self.resting[side.index()].slots[cancels.trailing_zeros() as usize];
            is_all_sent &= self.send_cancel(slot, cause, out);
            cancels &= cancels - 1;
        }
        is_all_sent
    }

    /// Whether all of them left.
    #[inline]
    fn send_moves(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        plan: &Plan,
        wanted: &[Quote],
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) -> bool {
        let mut is_all_sent = true;
        for (level, (quote, step)) in (0u8..).zip(wanted.iter().zip(plan.moves)) {
            is_all_sent &= match step {
                Plan::KEEP => true,
                Plan::NEW => self.enter(instrument, side, level, quote, cause, out),
                place => {
                    let slot = self.resting[side.index()].slots[usize::from(place)];
                    self.send_replace(slot, quote.price, quote.qty, level, None, cause, out)
                }
            };
        }
        is_all_sent
    }

    fn enter(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        level: u8,
        quote: &Quote,
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) -> bool {
        let order = Order {
            price: quote.price,
            qty: quote.qty,
            leaves: quote.qty,
            instrument,
            side,
            order_type: OrderType::PostOnly,
            tif: TimeInForce::Day,
            is_quote: true,
            level,
            ..Order::EMPTY
        };
        self.send_new(order, &Terms::PLAIN, cause, out).is_some()
    }
}

impl Order {
    /// Whether it rests or will, as far as we know: neither leaving, nor in doubt, nor making way for another.
    #[inline]
    fn is_expected(&self) -> bool {
        match self.state {
            State::PendingReplace => self.replaced_by == NONE,
            State::PendingNew | State::Live | State::PartlyFilled => true,
            State::PendingCancel | State::Unknown | State::Done(_) => false,
        }
    }
}

impl Resting {
    pub(crate) const EMPTY: Self = Self {
        prices: [0; ENTRIES_MAX],
        leaves: [0; ENTRIES_MAX],
        slots: [NONE; ENTRIES_MAX],
        count: 0,
        busy: 0,
        is_doubtful: false,
    };

    /// Collects the quotes of one side.
    #[inline]
    fn collect(&mut self, orders: &Orders, instrument: InstrumentId, side: Side) {
        (self.count, self.busy, self.is_doubtful) = (0, 0, false);
        let mut slot = orders.head(instrument, side);
        while slot != NONE {
            let order = orders.get(slot);
            if order.is_quote {
                if order.is_expected() {
                    self.insert(side, slot, order);
                } else {
                    self.is_doubtful |= order.state == State::Unknown;
                }
            }
            slot = order.next;
        }
    }

    /// Keeps the orders best first. They come newest first, so an equal price goes before those present.
    #[inline]
    fn insert(&mut self, side: Side, slot: u32, order: &Order) {
        if self.count == ENTRIES_MAX {
            self.is_doubtful = true;
            return;
        }
        let mut place = self.count;
        while place > 0 && !side.is_better(self.prices[place - 1], order.price) {
            self.prices[place] = self.prices[place - 1];
            self.leaves[place] = self.leaves[place - 1];
            self.slots[place] = self.slots[place - 1];
            place -= 1;
        }
        (self.prices[place], self.leaves[place], self.slots[place]) = (order.price, order.leaves, slot);
        let below = (1u32 << place) - 1;
        self.busy =
            self.busy & below | (self.busy & !below) << 1 | u32::from(order.state.is_in_flight()) << place;
        self.count += 1;
    }
}

/// Quotes of which something is wanted.
#[inline]
fn open_count(wanted: &[Quote]) -> usize {
    wanted.iter().filter(|quote| quote.qty > 0).count()
}

/// What to send for one side.
#[inline]
fn plan(resting: &Resting, wanted: &[Quote], tolerance: &WantedQuotes) -> Plan {
    straight(resting, wanted, tolerance).unwrap_or_else(|| pair(resting, wanted, tolerance))
}

/// The same as [`pair`] without its search, where it would find that each quote goes to its own place: as many rest as
/// are wanted, none is under way, and none stands at the price of another. So it is when a market has moved.
#[inline]
fn straight(resting: &Resting, wanted: &[Quote], tolerance: &WantedQuotes) -> Option<Plan> {
    let short_lots = tolerance.keep_short_lots;
    if resting.count != wanted.len() || resting.busy != 0 || tolerance.keep_within_nanos != 0 {
        return None;
    }
    let mut plan = Plan { cancels: 0, moves: [Plan::KEEP; LEVELS_MAX], is_waiting: false };
    let (prices, leaves) = (&resting.prices[..wanted.len()], &resting.leaves[..wanted.len()]);
    for ((place, quote), step) in (0u8..).zip(wanted).zip(&mut plan.moves) {
        let own = usize::from(place);
        let is_met = prices.iter().enumerate().any(|(at, price)| at != own && *price == quote.price);
        if is_met || quote.qty <= 0 {
            return None;
        }
        let short = quote.qty - leaves[own];
        let is_kept = prices[own] == quote.price && short >= 0 && short <= short_lots;
        *step = if is_kept { Plan::KEEP } else { place };
    }
    Some(plan)
}

/// Pairs what rests with what is wanted. Both are best first, and the tolerance is the same everywhere, so taking
/// the first fit from the best price down leaves the fewest unmatched.
fn pair(resting: &Resting, wanted: &[Quote], tolerance: &WantedQuotes) -> Plan {
    let (within, short_lots) = (tolerance.keep_within_nanos.unsigned_abs(), tolerance.keep_short_lots);
    // Where nothing is wanted, an order that fits nothing else is pulled below.
    let mut plan = Plan { cancels: 0, moves: [Plan::KEEP; LEVELS_MAX], is_waiting: false };
    let mut free: u32 = (1 << resting.count) - 1;
    let mut open: u32 = 0;
    let mut same_price = [0u32; LEVELS_MAX];
    for (level, quote) in wanted.iter().enumerate() {
        let (mut fits, mut same) = (0, 0);
        for (place, (price, leaves)) in
            resting.prices.iter().zip(&resting.leaves).take(resting.count).enumerate()
        {
            let (away, short) = (price.abs_diff(quote.price), quote.qty - leaves);
            fits |= u32::from((away <= within) & (short >= 0) & (short <= short_lots)) << place;
            same |= u32::from(away == 0) << place;
        }
        if quote.qty > 0 {
            // The first that fits, or none.
            fits &= free;
            free &= !(fits & fits.wrapping_neg());
            open |= u32::from(fits == 0) << level;
            same_price[level] = same;
        }
    }
    // Same price first (a reduction keeps its place in the queue), then what is idle, then what is under way.
    for pass in 0..3 {
        let mut left = if free == 0 { 0 } else { open };
        while left != 0 {
            let level = left.trailing_zeros() as usize;
            left &= left - 1;
            let suited = free & [same_price[level], !resting.busy, u32::MAX][pass];
            if suited != 0 {
                let place = suited.trailing_zeros();
                let is_busy = resting.busy >> place & 1 != 0;
                plan.is_waiting |= is_busy;
                #[allow(clippy::cast_possible_truncation, reason = "a place is below 32")]
                let step = if is_busy { Plan::KEEP } else { place as u8 };
                plan.moves[level] = step;
                (free, open) = (free & !(1 << place), open & !(1 << level));
            }
        }
    }
    while open != 0 {
        plan.moves[open.trailing_zeros() as usize] = Plan::NEW;
        open &= open - 1;
    }
    plan.cancels = free;
    plan
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_straight_way_is_what_the_search_finds(
            // Few prices and lots, so that quotes meet each other's places often.
            orders in prop::collection::vec((0i64..6, 1i64..4, prop::bool::weighted(0.1)), 0..5),
            quotes in prop::collection::vec((0i64..6, 0i64..4), 0..5),
            short_lots in 0i64..3,
            within in prop::sample::select(vec![0i64, 0, 0, 1]),
        ) {
            let mut sorted = orders;
            sorted.sort_by_key(|(price, ..)| -price);
            let mut resting = Resting { count: sorted.len(), ..Resting::EMPTY };
            for (place, (price, leaves, is_busy)) in sorted.into_iter().enumerate() {
                (resting.prices[place], resting.leaves[place]) = (price, leaves);
                resting.busy |= u32::from(is_busy) << place;
            }
            let mut wanted: Vec<Quote> = quotes.into_iter().map(|(price, qty)| Quote { price, qty }).collect();
            wanted.sort_by_key(|quote| -quote.price);
            let tolerance =
                WantedQuotes { keep_within_nanos: within, keep_short_lots: short_lots, ..WantedQuotes::NONE };
            if let Some(plan) = straight(&resting, &wanted, &tolerance) {
                prop_assert_eq!(plan, pair(&resting, &wanted, &tolerance));
            }
        }
    }

    #[test]
    fn a_market_that_moves_takes_the_straight_way() {
        let mut resting = Resting { count: 2, ..Resting::EMPTY };
        (resting.prices[0], resting.prices[1], resting.leaves[0], resting.leaves[1]) = (10, 8, 5, 5);
        let at = |price| Quote { price, qty: 5 };
        let moved = straight(&resting, &[at(11), at(9)], &WantedQuotes::NONE).expect("each has its place");
        assert_eq!((moved.cancels, &moved.moves[..2], moved.is_waiting), (0, &[0u8, 1][..], false));
        // The outer quote's price is where the inner order stands: it is left there, and only one moves.
        assert!(straight(&resting, &[at(12), at(10)], &WantedQuotes::NONE).is_none());
    }
}
