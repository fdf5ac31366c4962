//! What the venue and our gate say, applied.
//!
//! A response is believed as far as it is possible. A fill changes the position whatever state its order is in;
//! the same execution number told twice counts once; anything else that does not fit is counted and changes
//! nothing.

use tickrace_types::event::venue_reason;
use tickrace_types::{InstrumentId, OrderType, Price, ResponseKind, ResponseRecord};

use crate::orders::NONE;
use crate::{Effect, Event, FillEffect, Next, Oms, State};

impl Oms {
    /// Applies a response of the venue or of our gate. Never panics on what it says.
    pub fn on_response(&mut self, response: &ResponseRecord) -> Effect {
        let Some(kind) = response.response() else {
            self.counts.strays += 1;
            return Effect::default();
        };
        match kind {
            ResponseKind::Fill => return self.on_fill(response),
            ResponseKind::Rejected => self.counts.rejected += 1,
            ResponseKind::CancelRejected => self.counts.cancel_rejected += 1,
            ResponseKind::GateRefused => self.counts.gate_refused += 1,
            ResponseKind::Accepted
            | ResponseKind::Replaced
            | ResponseKind::Cancelled
            | ResponseKind::Triggered
            | ResponseKind::Restated => {}
        }
        let Some(slot) = self.orders.find(response.client_id) else {
            return self.on_answer_to_cancel(kind, response);
        };
        self.touch_unless_plain(slot, kind, response);
        let was_open = self.orders.get(slot).state.is_open();
        let (replaces, replaced_by) = (self.orders.get(slot).replaces, self.orders.get(slot).replaced_by);
        match kind {
            ResponseKind::Accepted => {
                self.orders.set_resting_px(slot, response.price);
                self.step(slot, Event::Accepted);
            }
            ResponseKind::Replaced => self.on_replaced(slot, response),
            ResponseKind::Cancelled if response.leaves > 0 => self.on_reduced(slot, response),
            ResponseKind::Cancelled => {
                // The venue cancels a replacement it never acknowledged: the replaced order went before it.
                if replaces != NONE {
                    self.step(replaces, Event::Superseded);
                }
                let expired = venue_reason::is_expiry(response.reason);
                self.step(slot, if expired { Event::Expired } else { Event::Cancelled });
                // A replacement down to what had traded meanwhile is carried out as a cancel: no other answer comes. A
                // venue that ended the order by itself refuses the replacement yet.
                let is_asked = matches!(response.reason, venue_reason::USER | venue_reason::NONE);
                if is_asked && replaced_by != NONE && self.orders.get(replaced_by).leaves == 0 {
                    self.step(replaced_by, Event::Cancelled);
                }
            }
            ResponseKind::Rejected | ResponseKind::CancelRejected | ResponseKind::GateRefused => {
                let refused = kind == ResponseKind::GateRefused;
                self.step(slot, if refused { Event::Refused } else { Event::Rejected });
                if replaces != NONE {
                    let disowned = !refused && response.reason == venue_reason::UNKNOWN_ORDER;
                    self.step(replaces, if disowned { Event::Disowned } else { Event::ReplaceFailed });
                }
            }
            // Where the order stands stays what it was: it is as open as before, and may now trade.
            ResponseKind::Triggered => {
                self.orders.get_mut(slot).is_triggered = true;
                // What replaces it takes over an order that rests.
                if replaced_by != NONE {
                    self.orders.get_mut(replaced_by).is_triggered = true;
                }
            }
            ResponseKind::Restated => self.orders.set_resting_px(slot, response.price),
            ResponseKind::Fill => {}
        }
        let state = self.orders.get(slot).state;
        Effect { state: Some(state), fill: None, closed: was_open && !state.is_open() }
    }

    /// Some lots of the order in `slot` were taken off, some remain: self-trade prevention that decrements.
    #[cold]
    fn on_reduced(&mut self, slot: u32, response: &ResponseRecord) {
        let replaces = self.orders.get(slot).replaces;
        if replaces != NONE {
            self.step(replaces, Event::Superseded);
        }
        let order = self.orders.get_mut(slot);
        if response.qty <= 0 || !order.state.is_open() {
            self.counts.strays += 1;
            return;
        }
        let off = response.qty.min(order.leaves);
        order.leaves -= off;
        order.cancelled += off;
        self.counts.leaves_mismatches += u64::from(order.leaves != response.leaves);
        if order.leaves == 0 {
            self.step(slot, Event::Cancelled);
        }
    }

    /// The id is of no order: it is a cancel's own number, or nothing of ours.
    fn on_answer_to_cancel(&mut self, kind: ResponseKind, response: &ResponseRecord) -> Effect {
        let refused = matches!(kind, ResponseKind::CancelRejected | ResponseKind::GateRefused);
        let Some(slot) = self.orders.find(response.orig_client_id).filter(|_| refused) else {
            if refused && response.orig_client_id == 0 && self.on_mass_cancel_refused(response) {
                return Effect::default();
            }
            // An answer about an order closed too long ago to be remembered is late, not strange.
            if !self.is_ours(response.client_id) {
                self.counts.unknown_ids += 1;
            }
            return Effect::default();
        };
        self.touch(slot);
        let was_open = self.orders.get(slot).state.is_open();
        let disowned = kind == ResponseKind::CancelRejected && response.reason == venue_reason::UNKNOWN_ORDER;
        self.step(slot, if disowned { Event::Disowned } else { Event::CancelFailed });
        self.orders.get_mut(slot).cancel_refused_ns = response.header.ts_recv_ns;
        let state = self.orders.get(slot).state;
        Effect { state: Some(state), fill: None, closed: was_open && !state.is_open() }
    }

    /// The replacement in `slot` took over; the venue's word on its open quantity counts.
    fn on_replaced(&mut self, slot: u32, response: &ResponseRecord) {
        let order = self.orders.get(slot);
        let replaced = if order.replaces == NONE {
            self.orders.find(response.orig_client_id)
        } else {
            Some(order.replaces)
        };
        if let Some(replaced) = replaced.filter(|replaced| self.orders.get(*replaced).state.is_open()) {
            self.step(replaced, Event::Superseded);
        }
        let order = self.orders.get_mut(slot);
        if order.state.is_open() && order.filled == 0 {
            let leaves = response.leaves.clamp(0, i64::MAX - order.cancelled);
            self.counts.leaves_mismatches += u64::from(leaves != order.leaves);
            (order.qty, order.leaves) = (leaves + order.cancelled, leaves);
            if order.order_type != OrderType::Pegged {
                order.price = response.price;
            }
        }
        let empty = order.leaves == 0;
        // Of a pegged one the price stays the limit; the venue names where it rests.
        self.orders.set_resting_px(slot, response.price);
        self.step(slot, if empty { Event::Cancelled } else { Event::Accepted });
    }

    fn on_fill(&mut self, response: &ResponseRecord) -> Effect {
        if response.qty <= 0 {
            self.counts.strays += 1;
            return Effect::default();
        }
        if !self.executions.is_new(response.exec_id) {
            self.counts.fills_duplicate += 1;
            return Effect::default();
        }
        let Some(slot) = self.orders.find(response.client_id) else {
            return self.on_fill_of_a_forgotten_order(response);
        };
        self.touch(slot);
        let (instrument, side) = (self.orders.get(slot).instrument, self.orders.get(slot).side);
        let was_open = self.orders.get(slot).state.is_open();
        if was_open {
            self.fill_open(slot, response);
        } else {
            self.fill_closed(slot, response);
        }
        let state = self.orders.get(slot).state;
        let mut effect = Effect { state: Some(state), fill: None, closed: was_open && !state.is_open() };
        effect.fill = Some(self.book_fill(instrument, side, response));
        effect
    }

    fn fill_open(&mut self, slot: u32, response: &ResponseRecord) {
        // A replacement that trades before its acknowledgement has taken over all the same.
        let replaces = self.orders.get(slot).replaces;
        if replaces != NONE {
            self.step(replaces, Event::Superseded);
        }
        let order = self.orders.get_mut(slot);
        let traded = response.qty.min(order.leaves);
        self.counts.fills_over += u64::from(response.qty > order.leaves);
        order.filled += traded;
        order.leaves -= traded;
        self.counts.leaves_mismatches += u64::from(response.leaves != order.leaves);
        // The venue says that nothing remains: believed, since an order we think rests and does not is harmless
        // only when pulled. Should more fills of it come, they are late ones and count.
        let all = order.leaves == 0 || response.leaves == 0;
        let (qty_left, successor) = (traded, order.replaced_by);
        if successor != NONE {
            let next = self.orders.get_mut(successor);
            if matches!(next.state, State::PendingNew | State::PendingCancel | State::Unknown) {
                // What trades before the replacement takes over will not be open after it.
                let less = qty_left.min(next.leaves);
                next.qty -= less;
                next.leaves -= less;
                next.filled_before += qty_left;
            }
        }
        self.step(slot, if all { Event::FilledAll } else { Event::FilledPart });
    }

    fn fill_closed(&mut self, slot: u32, response: &ResponseRecord) {
        let next = self.step(slot, Event::FilledAll);
        debug_assert_eq!(next, Next::Late);
        self.counts.fills_late += 1;
        let order = self.orders.get_mut(slot);
        let traded = response.qty.min(order.cancelled);
        self.counts.fills_over += u64::from(response.qty > order.cancelled);
        order.filled += traded;
        order.cancelled -= traded;
        debug_assert!(order.is_conserved(), "{order:?}");
    }

    /// An order of ours, closed so long ago that its slot serves another, or somebody else's.
    #[cold]
    fn on_fill_of_a_forgotten_order(&mut self, response: &ResponseRecord) -> Effect {
        let instrument = InstrumentId(response.header.instrument);
        if !self.is_ours(response.client_id) || instrument.index() >= self.books.len() {
            self.counts.unknown_ids += 1;
            return Effect::default();
        }
        self.counts.fills_late += 1;
        self.books[instrument.index()].version += 1;
        let fill = self.book_fill(instrument, response.side(), response);
        Effect { state: None, fill: Some(fill), closed: false }
    }

    fn book_fill(
        &mut self,
        instrument: InstrumentId,
        side: tickrace_types::Side,
        response: &ResponseRecord,
    ) -> FillEffect {
        self.counts.fills += 1;
        let pnl = &mut self.books[instrument.index()].pnl;
        pnl.on_fill(side, Price(response.price), response.qty, response.fee_nanos);
        FillEffect {
            side,
            price: Price(response.price),
            qty: response.qty,
            fee_nanos: response.fee_nanos,
            taker: response.taker == 1,
            position_lots: pnl.position_lots,
        }
    }

    #[inline]
    pub(crate) fn is_ours(&self, id: u64) -> bool {
        (self.first_client_id..self.next_client_id).contains(&id)
    }

    /// The venue did what we asked, to the lot: no news, unless a converge waits for it.
    #[inline]
    fn touch_unless_plain(&mut self, slot: u32, kind: ResponseKind, response: &ResponseRecord) {
        let order = self.orders.get(slot);
        let is_plain = match kind {
            ResponseKind::Accepted => order.state == State::PendingNew,
            ResponseKind::Replaced => {
                order.state == State::PendingNew
                    && (order.leaves, order.price) == (response.leaves, response.price)
                    && order.leaves > 0
            }
            ResponseKind::Cancelled => {
                order.state == State::PendingCancel && order.replaces == NONE && order.replaced_by == NONE
            }
            _ => false,
        };
        if !is_plain || self.books[order.instrument.index()].is_waiting {
            self.touch(slot);
        }
    }

    #[inline]
    pub(crate) fn touch(&mut self, slot: u32) {
        let instrument = self.orders.get(slot).instrument;
        self.books[instrument.index()].version += 1;
    }
}
