//! One message that takes everything off.
//!
//! The venue answers it order by order, so that the transition table needs nothing new: each order leaves as if it
//! had a cancel of its own. Should the message itself be refused, the orders it was about stand as they were.

use tickrace_types::{Action, ClientId, Header, InstrumentId, OrderRecord, ResponseRecord, Side};

use crate::oms::CANCEL_RETRY_NS;
use crate::orders::{NONE, Order};
use crate::{Event, Oms, State};

impl Oms {
    /// Takes off every open order of one instrument, or of all, with one message; its number, or `None` where nothing
    /// is open that is not leaving already. Orders under way are taken off too: the venue hears of them first.
    pub fn mass_cancel(
        &mut self,
        instrument: Option<InstrumentId>,
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) -> Option<ClientId> {
        let all = u32::try_from(self.books.len()).unwrap_or(u32::MAX);
        let ids = instrument.map_or(0..all, |id| if id.0 < all { id.0..id.0 + 1 } else { 0..0 });
        let number = self.next_client_id;
        let mut is_needed = false;
        for id in ids {
            for side in Side::BOTH {
                is_needed |= self.mark_mass_cancelled(InstrumentId(id), side, number, cause);
            }
        }
        if !is_needed {
            return None;
        }
        let id = self.take_id();
        debug_assert_eq!(id, number);
        self.emit_mass_cancel(id, instrument.unwrap_or(InstrumentId::NONE), cause, out);
        Some(ClientId(id))
    }

    /// Whether there was any.
    fn mark_mass_cancelled(&mut self, instrument: InstrumentId, side: Side, id: u64, cause: &Header) -> bool {
        let mut is_any = false;
        let mut slot = self.orders.head(instrument, side);
        while slot != NONE {
            let order = self.orders.get(slot);
            let next = order.next;
            if order.takes_mass_cancel(cause.ts_recv_ns) {
                self.step(slot, Event::CancelSent);
                let order = self.orders.get_mut(slot);
                (order.sent_ns, order.mass_cancel_id) = (cause.ts_recv_ns, id);
                is_any = true;
            }
            slot = next;
        }
        self.books[instrument.index()].is_waiting |= is_any;
        is_any
    }

    /// Writes the message; it is about no order, so most of it says nothing.
    fn emit_mass_cancel(
        &mut self,
        id: u64,
        instrument: InstrumentId,
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) {
        self.note_sent(Action::MassCancel, cause);
        let constant = &self.message;
        let mut message = OrderRecord {
            header: constant.header,
            client_id: id,
            cause_seq: cause.seq,
            venue: constant.venue,
            session: constant.session,
            account: constant.account,
            strategy: constant.strategy,
            action: Action::MassCancel as u8,
            level: 255,
            ..OrderRecord::default()
        };
        message.header.instrument = instrument.0;
        message.header.seq = self.counts.sent.iter().sum();
        message.header.ts_venue_ns = cause.ts_venue_ns;
        message.header.ts_recv_ns = cause.ts_recv_ns;
        out(&mut message);
    }

    /// The mass cancel itself was refused: whether it was one of ours.
    #[cold]
    pub(crate) fn on_mass_cancel_refused(&mut self, response: &ResponseRecord) -> bool {
        let id = response.client_id;
        if !self.is_ours(id) {
            return false;
        }
        let mut is_any = false;
        for slot in 0..self.orders.slots_used() {
            let order = self.orders.get_mut(slot);
            let is_about = order.mass_cancel_id == id && order.state.is_open();
            if is_about && matches!(order.state, State::PendingCancel | State::Unknown) {
                order.cancel_refused_ns = response.header.ts_recv_ns;
                order.mass_cancel_id = 0;
                self.touch(slot);
                self.step(slot, Event::CancelFailed);
                is_any = true;
            }
        }
        is_any
    }
}

impl Order {
    /// Whether it is open, is not leaving, no replacement stands for it, and no cancel of it was refused just now.
    fn takes_mass_cancel(&self, now_ns: i64) -> bool {
        let stood_for = self.state == State::PendingReplace && self.replaced_by != NONE;
        let rests = now_ns < self.cancel_refused_ns.saturating_add(CANCEL_RETRY_NS);
        self.state.is_open() && self.state != State::PendingCancel && !stood_for && !rests
    }
}
