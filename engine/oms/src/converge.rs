//! From what rests to what is wanted, with the fewest messages.
//!
//! A request in flight counts as its target. An order that matches a wanted quote within the tolerance is left
//! alone; one that does not is moved with a single replace; only what is left over is cancelled, and only what is
//! missing is entered. An order with a request in flight waits, unless it is not wanted at all: then it is pulled.
//! Cancels leave first, then the side that moves away, so that our own orders never meet.

use tickrace_types::{Header, InstrumentId, OrderRecord, OrderType, Side, TimeInForce};

use crate::orders::{NONE, Order};
use crate::quotes::{LEVELS_MAX, Quote, WantedQuotes};
use crate::{Oms, State};

/// Most resting quotes of one side considered; what is beyond is pulled. Every converge leaves at most
/// [`LEVELS_MAX`] that are not leaving; a few more can come back when their cancels are refused.
const ENTRIES_MAX: usize = 12;
const _: () = assert!(ENTRIES_MAX >= LEVELS_MAX && ENTRIES_MAX < 32);

/// A quote that rests or will rest, as far as we know.
#[derive(Clone, Copy)]
struct Entry {
    slot: u32,
    busy: bool,
    price: i64,
    leaves: i64,
}

/// What rests on one side, best first, older before newer at one price.
struct Resting {
    entries: [Entry; ENTRIES_MAX],
    count: usize,
}

/// What to send for one side.
struct Plan {
    /// Entries to cancel, one bit each.
    cancels: u32,
    /// Entry to replace by each wanted quote, or [`Plan::KEEP`] or [`Plan::NEW`].
    moves: [u8; LEVELS_MAX],
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
        out: &mut impl FnMut(&OrderRecord),
    ) {
        if instrument.index() >= self.books.len() {
            self.counts.request_drops += 1;
            return;
        }
        let (mut bids, mut asks) = (Resting::EMPTY, Resting::EMPTY);
        self.collect(&mut bids, instrument, Side::Bid, cause, out);
        self.collect(&mut asks, instrument, Side::Ask, cause, out);
        let bid_plan = plan(Side::Bid, &bids, wanted.bids(), wanted);
        let ask_plan = plan(Side::Ask, &asks, wanted.asks(), wanted);
        self.send_cancels(&bids, bid_plan.cancels, cause, out);
        self.send_cancels(&asks, ask_plan.cancels, cause, out);
        // A market going up: the asks make way before the bids follow.
        let upwards = wanted.bid_count > 0 && asks.count > 0 && wanted.bids[0].price >= asks.entries[0].price;
        if upwards {
            self.send_moves(instrument, Side::Ask, &asks, &ask_plan, wanted.asks(), cause, out);
        }
        self.send_moves(instrument, Side::Bid, &bids, &bid_plan, wanted.bids(), cause, out);
        if !upwards {
            self.send_moves(instrument, Side::Ask, &asks, &ask_plan, wanted.asks(), cause, out);
        }
    }

    /// Collects the quotes of one side; pulls on the way what is in doubt or too much.
    #[inline]
    fn collect(
        &mut self,
        resting: &mut Resting,
        instrument: InstrumentId,
        side: Side,
        cause: &Header,
        out: &mut impl FnMut(&OrderRecord),
    ) {
        let mut slot = self.orders.head(instrument, side);
        while slot != NONE {
            let order = self.orders.get(slot);
            let next = order.next;
            let stood_for = order.replaced_by != NONE;
            match order.state {
                _ if !order.is_quote => {}
                State::PendingReplace if stood_for => {}
                State::PendingCancel | State::Done(_) => {}
                State::Unknown => {
                    self.send_cancel(slot, cause, out);
                }
                State::PendingNew | State::PendingReplace | State::Live | State::PartlyFilled => {
                    let busy = order.state.is_in_flight();
                    let entry = Entry { slot, busy, price: order.price, leaves: order.leaves };
                    if !resting.insert(side, entry) {
                        self.send_cancel(slot, cause, out);
                    }
                }
            }
            slot = next;
        }
    }

    fn send_cancels(
        &mut self,
        resting: &Resting,
        mut cancels: u32,
        cause: &Header,
        out: &mut impl FnMut(&OrderRecord),
    ) {
        while cancels != 0 {
            let entry = &resting.entries[cancels.trailing_zeros() as usize];
            self.send_cancel(entry.slot, cause, out);
            cancels &= cancels - 1;
        }
    }

    #[inline]
    #[allow(clippy::too_many_arguments, reason = "the two sides differ in every one of them")]
    fn send_moves(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        resting: &Resting,
        plan: &Plan,
        wanted: &[Quote],
        cause: &Header,
        out: &mut impl FnMut(&OrderRecord),
    ) {
        for (level, (quote, step)) in (0u8..).zip(wanted.iter().zip(plan.moves)) {
            match step {
                Plan::KEEP => {}
                Plan::NEW => self.enter(instrument, side, level, quote, cause, out),
                entry => {
                    let slot = resting.entries[usize::from(entry)].slot;
                    self.send_replace(slot, quote.price, quote.qty, level, cause, out);
                }
            }
        }
    }

    fn enter(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        level: u8,
        quote: &Quote,
        cause: &Header,
        out: &mut impl FnMut(&OrderRecord),
    ) {
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
        self.send_new(order, cause, out);
    }
}

impl Resting {
    const EMPTY: Self =
        Self { entries: [Entry { slot: NONE, busy: false, price: 0, leaves: 0 }; ENTRIES_MAX], count: 0 };

    /// Keeps the order best first. Orders come newest first, so an equal price goes before those present.
    #[inline]
    fn insert(&mut self, side: Side, entry: Entry) -> bool {
        if self.count == ENTRIES_MAX {
            return false;
        }
        let mut place = self.count;
        while place > 0 && !side.is_better(self.entries[place - 1].price, entry.price) {
            self.entries[place] = self.entries[place - 1];
            place -= 1;
        }
        self.entries[place] = entry;
        self.count += 1;
        true
    }
}

/// Pairs what rests with what is wanted. Both are best first, and the tolerance is the same everywhere, so taking
/// the first fit from the best price down leaves the fewest unmatched.
#[inline]
fn plan(side: Side, resting: &Resting, wanted: &[Quote], tolerance: &WantedQuotes) -> Plan {
    let entries = &resting.entries[..resting.count];
    let mut plan = Plan { cancels: 0, moves: [Plan::NEW; LEVELS_MAX] };
    let mut free: u32 = (1 << entries.len()) - 1;
    let mut open: u32 = 0;
    for (level, quote) in wanted.iter().enumerate() {
        if quote.qty <= 0 {
            // Nothing is wanted here; an order that fits nothing else is pulled below.
            plan.moves[level] = Plan::KEEP;
            continue;
        }
        open |= 1 << level;
        for (place, entry) in entries.iter().enumerate() {
            let near = entry.price.abs_diff(quote.price) <= tolerance.keep_within_nanos.unsigned_abs();
            let short = quote.qty - entry.leaves;
            if near && (0..=tolerance.keep_short_lots).contains(&short) && free & (1 << place) != 0 {
                plan.moves[level] = Plan::KEEP;
                free &= !(1 << place);
                open &= !(1 << level);
                break;
            }
        }
    }
    if open != 0 && free != 0 {
        // Same price first (a reduction keeps its place in the queue), then what is idle, then what is under way.
        pair(&mut plan, entries, wanted, &mut free, &mut open, |entry, quote| entry.price == quote.price);
        pair(&mut plan, entries, wanted, &mut free, &mut open, |entry, _| !entry.busy);
        pair(&mut plan, entries, wanted, &mut free, &mut open, |_, _| true);
    }
    plan.cancels = free;
    debug_assert!(entries.windows(2).all(|pair| !side.is_better(pair[1].price, pair[0].price)));
    plan
}

/// Pairs each open wanted quote with the first free entry that suits; one under way is awaited.
#[inline]
fn pair(
    plan: &mut Plan,
    entries: &[Entry],
    wanted: &[Quote],
    free: &mut u32,
    open: &mut u32,
    suits: impl Fn(&Entry, &Quote) -> bool,
) {
    for (level, quote) in wanted.iter().enumerate() {
        if *open & (1 << level) == 0 {
            continue;
        }
        for (place, entry) in (0u8..).zip(entries) {
            if *free & (1 << place) != 0 && suits(entry, quote) {
                plan.moves[level] = if entry.busy { Plan::KEEP } else { place };
                *free &= !(1 << place);
                *open &= !(1 << level);
                break;
            }
        }
    }
}
