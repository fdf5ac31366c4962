//! Order management of one strategy: what we send, and what we know of it.
//!
//! Sending lives here, answers in `responses`, wanted quotes in `converge`. All memory is taken in [`Oms::new`];
//! after it nothing allocates. Time is the time of the causing record; there is no clock.
//!
//! Invariants: client ids count up and are never reused; at most `open_orders_max` orders are open, a replace
//! under way counting as a second one; position is the sum of fills.

use tickrace_types::{
    AccountId, Action, ClientId, Header, InstrumentId, InstrumentTable, Kind, OrderRecord, Price, SessionId,
    Side, StrategyId, Terms, VenueId, event,
};

use crate::converge::Resting;
use crate::executions::Executions;
use crate::orders::{NONE, Order, Orders};
use crate::state::next;
use crate::{Event, Next, OrderRequest, Pnl, State};

/// Pause before a refused cancel is sent again, nanoseconds.
pub const CANCEL_RETRY_NS: i64 = 100_000_000;

/// What an [`Oms`] is made of.
#[derive(Clone, Debug)]
pub struct OmsConfig {
    /// Most orders open at once over all instruments, a replace under way counting as a second one; a request
    /// beyond is dropped and counted.
    pub open_orders_max: usize,
    /// Strategy written into every order.
    pub strategy: StrategyId,
    /// Account written into every order.
    pub account: AccountId,
    /// Venue written into every order.
    pub venue: VenueId,
    /// Session written into every order.
    pub session: SessionId,
    /// First client id; the following ones count up by one.
    pub first_client_id: u64,
    /// A request unanswered for longer makes its order [`State::Unknown`], nanoseconds.
    pub unacked_timeout_ns: i64,
}

/// A fill as it changed our position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillEffect {
    /// Side of our order.
    pub side: Side,
    /// Fill price.
    pub price: Price,
    /// Lots.
    pub qty: i64,
    /// Fee, 1e-9 of the quote currency.
    pub fee_nanos: i64,
    /// Whether we took liquidity.
    pub taker: bool,
    /// Position after it, lots.
    pub position_lots: i64,
}

/// What a response changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// State of the order after the response; `None` where we do not know the order.
    pub state: Option<State>,
    /// The fill, where it was one and not a duplicate.
    pub fill: Option<FillEffect>,
    /// Whether the response closed an order.
    pub closed: bool,
}

/// What an [`Oms`] has seen since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages sent out, by [`tickrace_types::Action`].
    pub sent: [u64; Action::COUNT],
    /// Fills applied.
    pub fills: u64,
    /// Orders refused by the venue.
    pub rejected: u64,
    /// Cancels and replaces refused by the venue.
    pub cancel_rejected: u64,
    /// Orders refused by our gate.
    pub gate_refused: u64,
    /// Fills seen before and ignored.
    pub fills_duplicate: u64,
    /// Fills of orders already closed; applied.
    pub fills_late: u64,
    /// Fills of more than was open; applied in full.
    pub fills_over: u64,
    /// Responses about orders we do not know.
    pub unknown_ids: u64,
    /// Responses that do not fit the order's state, or are malformed; they changed nothing.
    pub strays: u64,
    /// Responses whose open quantity differs from ours.
    pub leaves_mismatches: u64,
    /// Requests dropped because `open_orders_max` orders were open.
    pub capacity_drops: u64,
    /// Requests dropped because they made no sense (quantity not positive, unknown instrument).
    pub request_drops: u64,
    /// Requests that went unanswered too long.
    pub timeouts: u64,
}

/// Orders, positions and profit of one strategy.
#[derive(Debug)]
pub struct Oms {
    pub(crate) orders: Orders,
    pub(crate) executions: Executions,
    pub(crate) books: Vec<Account>,
    pub(crate) counts: Counts,
    pub(crate) first_client_id: u64,
    pub(crate) next_client_id: u64,
    /// The message on its way out, written in place; its constant fields were filled in once.
    pub(crate) message: OrderRecord,
    /// The message holds terms of its last order; those of a plain one need not be written.
    pub(crate) message_has_terms: bool,
    /// What a converge found resting, by side. Kept, so that it need not be cleared each time.
    pub(crate) resting: [Resting; 2],
    unacked_timeout_ns: i64,
    /// No request can be overdue before this.
    overdue_check_ns: i64,
}

/// What is kept per instrument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) pnl: Pnl,
    /// Counts whatever changed orders or position other than our own sending and its plain success.
    pub(crate) version: u64,
    /// The last converge or pull left something undone: an order under way it had to wait for, a message it could not
    /// send. Then a plain success is news too.
    pub(crate) is_waiting: bool,
}

impl Oms {
    /// Takes all its memory here.
    pub fn new(config: &OmsConfig, instruments: &InstrumentTable) -> Self {
        let message = OrderRecord {
            header: Header { kind: Kind::Order as u8, version: event::VERSION, ..Header::default() },
            venue: config.venue.0,
            session: config.session.0,
            account: config.account.0,
            strategy: config.strategy.0,
            ..OrderRecord::default()
        };
        let account = |instrument| Account { pnl: Pnl::new(instrument), version: 0, is_waiting: false };
        Self {
            orders: Orders::new(config.open_orders_max, instruments.len()),
            executions: Executions::new(),
            books: instruments.as_slice().iter().map(account).collect(),
            counts: Counts::default(),
            first_client_id: config.first_client_id.max(1),
            next_client_id: config.first_client_id.max(1),
            message,
            message_has_terms: false,
            resting: [Resting::EMPTY; 2],
            unacked_timeout_ns: config.unacked_timeout_ns.max(1),
            overdue_check_ns: i64::MAX,
        }
    }

    /// Sends one order; its client id, or `None` where the request is nonsense or too many are open.
    pub fn submit(
        &mut self,
        request: &OrderRequest,
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) -> Option<ClientId> {
        if request.qty <= 0 || request.instrument.index() >= self.books.len() {
            self.counts.request_drops += 1;
            return None;
        }
        let order = Order {
            price: if request.order_type.has_limit() { request.price.0 } else { 0 },
            qty: request.qty,
            leaves: request.qty,
            instrument: request.instrument,
            side: request.side,
            order_type: request.order_type,
            tif: request.tif,
            reduce_only: request.reduce_only,
            parent_id: request.parent_id,
            has_terms: !request.terms.is_plain(),
            ..Order::EMPTY
        };
        self.send_new(order, &request.terms, cause, out)
    }

    /// Replaces an order that rests or waits, so that `open_lots` are open at `price` under `terms`; the number of the
    /// replacement, or `None` where there is no such order, a request of it is under way, or nothing would be open
    /// (then it is to be cancelled).
    pub fn amend(
        &mut self,
        id: ClientId,
        price: Price,
        open_lots: i64,
        terms: &Terms,
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) -> Option<ClientId> {
        let slot = self.orders.find(id.0)?;
        let order = self.orders.get(slot);
        if open_lots <= 0 || !matches!(order.state, State::Live | State::PartlyFilled) {
            self.counts.request_drops += 1;
            return None;
        }
        let (price, level) = (if order.order_type.has_limit() { price.0 } else { 0 }, order.level);
        self.send_replace(slot, price, open_lots, level, Some(terms), cause, out)
            .then(|| ClientId(self.next_client_id - 1))
    }

    /// Cancels one open order; `false` where there is none of that id or it is leaving already. A replacement
    /// under way is cancelled in its stead.
    pub fn cancel(&mut self, id: ClientId, cause: &Header, out: &mut impl FnMut(&mut OrderRecord)) -> bool {
        let Some(slot) = self.orders.find(id.0) else { return false };
        let order = self.orders.get(slot);
        let last = if order.replaced_by == NONE { slot } else { order.replaced_by };
        self.send_cancel(last, cause, out)
    }

    /// Cancels every open order of one instrument, or of all, save those that are leaving already.
    pub fn cancel_all(
        &mut self,
        instrument: Option<InstrumentId>,
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) {
        let all = u32::try_from(self.books.len()).unwrap_or(u32::MAX);
        let ids = instrument.map_or(0..all, |id| if id.0 < all { id.0..id.0 + 1 } else { 0..0 });
        for id in ids {
            self.books[id as usize].is_waiting = true;
            for side in Side::BOTH {
                let mut slot = self.orders.head(InstrumentId(id), side);
                while slot != NONE {
                    let next = self.orders.get(slot).next;
                    self.send_cancel(slot, cause, out);
                    slot = next;
                }
            }
        }
    }

    /// Marks requests unanswered for longer than the timeout [`State::Unknown`]; the next converge or pull
    /// cancels such orders. One comparison where nothing can be overdue.
    #[inline]
    pub fn on_time(&mut self, now_ns: i64) {
        if now_ns >= self.overdue_check_ns {
            self.mark_overdue(now_ns);
        }
    }

    #[cold]
    fn mark_overdue(&mut self, now_ns: i64) {
        let mut earliest = i64::MAX;
        for place in 0..self.orders.slots_used() {
            let order = self.orders.get(place);
            if !order.state.is_in_flight() {
                continue;
            }
            let due = order.sent_ns.saturating_add(self.unacked_timeout_ns);
            if due > now_ns {
                earliest = earliest.min(due);
                continue;
            }
            let instrument = order.instrument;
            self.step(place, Event::TimedOut);
            self.counts.timeouts += 1;
            self.books[instrument.index()].version += 1;
        }
        self.overdue_check_ns = earliest;
    }

    /// Hints that the quotes of an instrument will be converged soon: fetches the newest order of each side.
    #[inline]
    pub fn expect(&self, instrument: InstrumentId) {
        if instrument.index() < self.books.len() {
            Side::BOTH.into_iter().for_each(|side| self.orders.prefetch(self.orders.head(instrument, side)));
        }
    }

    /// Signed position, lots.
    #[inline]
    pub fn position(&self, instrument: InstrumentId) -> i64 {
        self.books[instrument.index()].pnl.position_lots
    }

    /// Position, cash and profit.
    #[inline]
    pub fn pnl(&self, instrument: InstrumentId) -> &Pnl {
        &self.books[instrument.index()].pnl
    }

    /// A number that changes whenever an answer or a timeout changed orders or position of an instrument in a way
    /// that may call for other orders. While it stands still, what the last converge asked for is in force or under
    /// way, and to converge to the same quotes again would send nothing.
    #[inline]
    pub fn version(&self, instrument: InstrumentId) -> u64 {
        self.books[instrument.index()].version
    }

    /// How many orders are open over all instruments.
    #[inline]
    pub fn open_count(&self) -> usize {
        self.orders.open_count()
    }

    /// Venue its orders go to.
    pub fn venue(&self) -> VenueId {
        VenueId(self.message.venue)
    }

    /// Open orders of one side of an instrument, newest first, those leaving or being replaced included.
    pub fn open_orders(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = &Order> {
        let mut slot = self.orders.head(instrument, side);
        std::iter::from_fn(move || {
            let order = (slot != NONE).then(|| self.orders.get(slot))?;
            slot = order.next;
            Some(order)
        })
    }

    /// An order by its client id, open or lately closed.
    pub fn order(&self, id: ClientId) -> Option<&Order> {
        self.orders.find(id.0).map(|slot| self.orders.get(slot))
    }

    /// What an open or lately closed order says beyond price, lots, type and time in force, as it was last asked for.
    pub fn terms(&self, id: ClientId) -> Option<Terms> {
        self.orders.find(id.0).map(|slot| self.orders.terms(slot))
    }

    /// Where an order rests as far as we know: for a pegged one where the venue last said; `None` where it rests
    /// nowhere, because it is closed, not yet acknowledged, or waits for its trigger or auction.
    pub fn resting_price(&self, id: ClientId) -> Option<Price> {
        let slot = self.orders.find(id.0)?;
        let order = self.orders.get(slot);
        (order.state.is_open() && order.is_acknowledged && !order.waits())
            .then(|| Price(self.orders.resting_px(slot)))
    }

    /// Takes over a position, valued at `price`, before the first record.
    pub fn carry(&mut self, instrument: InstrumentId, lots: i64, price: Price) {
        let pnl = &mut self.books[instrument.index()].pnl;
        *pnl = pnl.carrying(lots, price);
    }

    /// Goes on with this client id where the own next one is lower: strategies of one session count together.
    #[inline]
    pub fn raise_next_client_id(&mut self, at_least: u64) {
        self.next_client_id = self.next_client_id.max(at_least);
    }

    /// The next client id.
    pub fn next_client_id(&self) -> ClientId {
        ClientId(self.next_client_id)
    }

    /// What happened so far.
    #[inline]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Fingerprint of open orders, positions and the id counter; equal states give equal values on every machine.
    pub fn digest(&self) -> u64 {
        let mut digest = Digest(self.next_client_id);
        for slot in self.orders.open_slots() {
            let order = self.orders.get(slot);
            digest.fold(order.id);
            for number in
                [order.price, order.qty, order.filled, order.leaves, order.filled_before, order.sent_ns]
            {
                digest.fold(number.cast_unsigned());
            }
            digest.fold(u64::from(order.state.code()) << 8 | u64::from(order.side as u8));
            if order.has_terms {
                self.orders.fold_terms(slot, |number| digest.fold(number));
            }
        }
        for account in &self.books {
            digest.fold(account.pnl.position_lots.cast_unsigned());
            for money in [account.pnl.cash, account.pnl.cost, account.pnl.realised, account.pnl.fees] {
                let bits = money.0.cast_unsigned();
                #[allow(clippy::cast_possible_truncation, reason = "the two halves, one after the other")]
                let halves = [bits as u64, (bits >> 64) as u64];
                for half in halves {
                    digest.fold(half);
                }
            }
        }
        digest.0
    }

    /// Moves an order by the table; closes it where it ends. Gives what the table said.
    #[inline]
    pub(crate) fn step(&mut self, slot: u32, event: Event) -> Next {
        let order = self.orders.get_mut(slot);
        let next = next(order.state, event);
        order.is_acknowledged |=
            matches!(event, Event::Accepted | Event::FilledPart | Event::FilledAll | Event::ReplaceFailed);
        order.state = match next {
            Next::To(state) => state,
            // Its own answer is still under way, whatever became of the cancel.
            Next::Resting if event == Event::CancelFailed && !order.is_acknowledged => State::PendingNew,
            Next::Resting if order.filled > 0 => State::PartlyFilled,
            Next::Resting => State::Live,
            Next::Stay | Next::Late => return next,
            Next::Stray => {
                self.counts.strays += 1;
                return next;
            }
            Next::Forbidden => {
                debug_assert!(false, "{:?} {event:?} is ours to avoid", order.state);
                return next;
            }
        };
        if !order.state.is_open() {
            order.cancelled += order.leaves;
            order.leaves = 0;
            debug_assert!(order.is_conserved(), "{order:?}");
            self.orders.close(slot);
        }
        next
    }

    /// Sends `order` (id, state and time are filled in here); `terms` count where it says that it has some.
    #[inline]
    pub(crate) fn send_new(
        &mut self,
        mut order: Order,
        terms: &Terms,
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) -> Option<ClientId> {
        if !self.orders.has_room() {
            self.counts.capacity_drops += 1;
            return None;
        }
        order.id = self.take_id();
        order.state = State::PendingNew;
        order.sent_ns = cause.ts_recv_ns;
        let slot = self.orders.insert(&order);
        if order.has_terms {
            self.orders.set_terms(slot, terms);
        }
        let request = Request { action: Action::New, client_id: order.id, orig_client_id: 0, qty: order.qty };
        self.emit(slot, request, cause, out);
        Some(ClientId(order.id))
    }

    /// Replaces a resting order so that `qty` lots are open at `price`, under other terms where some are given;
    /// whether there was room to.
    #[inline]
    #[allow(clippy::too_many_arguments, reason = "what a replacement states, and where it goes")]
    pub(crate) fn send_replace(
        &mut self,
        slot: u32,
        price: i64,
        qty: i64,
        level: u8,
        terms: Option<&Terms>,
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) -> bool {
        if !self.orders.has_room() {
            self.counts.capacity_drops += 1;
            return false;
        }
        let id = self.take_id();
        self.step(slot, Event::ReplaceSent);
        let old = self.orders.get_mut(slot);
        old.sent_ns = cause.ts_recv_ns;
        let (old_id, filled_total) = (old.id, old.filled_total());
        let (successor, new) = self.orders.succeed(slot, id);
        (new.price, new.qty, new.leaves, new.level) = (price, qty, qty, level);
        new.sent_ns = cause.ts_recv_ns;
        debug_assert!(new.is_conserved(), "{new:?}");
        if let Some(terms) = terms
            && (new.has_terms || !terms.is_plain())
        {
            self.orders.set_terms(successor, terms);
        }
        let request = Request {
            action: Action::Replace,
            client_id: id,
            orig_client_id: old_id,
            qty: filled_total + qty,
        };
        self.emit(successor, request, cause, out);
        true
    }

    /// Cancels an order unless it is leaving already or a replacement stands for it.
    #[inline]
    pub(crate) fn send_cancel(
        &mut self,
        slot: u32,
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) -> bool {
        let order = self.orders.get(slot);
        let stood_for = order.state == State::PendingReplace && order.replaced_by != NONE;
        // A refused cancel is repeated after a pause: at once, question and refusal would chase each other.
        let rests = cause.ts_recv_ns < order.cancel_refused_ns.saturating_add(CANCEL_RETRY_NS);
        if !order.state.is_open() || order.state == State::PendingCancel || stood_for || rests {
            return false;
        }
        let id = self.take_id();
        self.step(slot, Event::CancelSent);
        let order = self.orders.get_mut(slot);
        order.sent_ns = cause.ts_recv_ns;
        order.mass_cancel_id = 0;
        let request = Request { action: Action::Cancel, client_id: id, orig_client_id: order.id, qty: 0 };
        self.emit(slot, request, cause, out);
        true
    }

    #[inline]
    pub(crate) fn take_id(&mut self) -> u64 {
        let id = self.next_client_id;
        self.next_client_id += 1;
        id
    }

    /// Counts a message, and when its answer is overdue.
    #[inline]
    pub(crate) fn note_sent(&mut self, action: Action, cause: &Header) {
        self.counts.sent[action as usize] += 1;
        self.overdue_check_ns =
            self.overdue_check_ns.min(cause.ts_recv_ns.saturating_add(self.unacked_timeout_ns));
    }

    /// Writes the message about the order in `slot` and hands it out. One copy: behind `out` hangs the rest of the
    /// street, and a copy for each kind of message is more code than a first-level cache holds.
    #[inline(never)]
    fn emit(&mut self, slot: u32, request: Request, cause: &Header, out: &mut impl FnMut(&mut OrderRecord)) {
        self.note_sent(request.action, cause);
        let order = self.orders.get(slot);
        if order.has_terms || self.message_has_terms {
            self.message.set_terms(&self.orders.terms(slot));
            self.message_has_terms = order.has_terms;
        }
        let message = &mut self.message;
        message.header.instrument = order.instrument.0;
        message.header.seq = self.counts.sent.iter().sum();
        message.header.ts_venue_ns = cause.ts_venue_ns;
        message.header.ts_recv_ns = cause.ts_recv_ns;
        message.client_id = request.client_id;
        message.orig_client_id = request.orig_client_id;
        message.cause_seq = cause.seq;
        message.parent_id = order.parent_id;
        message.price = if request.action == Action::Cancel { 0 } else { order.price };
        message.qty = request.qty;
        message.filled = order.filled_total();
        message.action = request.action as u8;
        message.side = order.side as u8;
        message.order_type = order.order_type as u8;
        message.tif = order.tif as u8;
        message.verdict = 0;
        message.level = order.level;
        message.reduce_only = u8::from(order.reduce_only);
        out(message);
    }
}

/// What a message asks about its order.
struct Request {
    action: Action,
    client_id: u64,
    orig_client_id: u64,
    /// As [`OrderRecord::qty`].
    qty: i64,
}

/// A small fixed fold; not for adversaries.
struct Digest(u64);

impl Digest {
    fn fold(&mut self, number: u64) {
        let mixed = (self.0.rotate_left(23) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 29);
    }
}
