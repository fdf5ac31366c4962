//! What ends orders other than trading: their time, the end of the session, one word that cancels them all.

use tickrace_types::event::venue_reason;
use tickrace_types::{Flags, InstrumentId, Kind, OrderRecord, Record, ResponseRecord, Side, TimeInForce};

use crate::Exchange;
use crate::own::{NIL, Own};

impl Exchange {
    /// The session is over: what is due arrives, what is still on its way is refused, and orders end whose time does not
    /// reach beyond it, by instrument, bids first, in matching order, those that wait last.
    ///
    /// Good-till-cancel and good-till-date orders stay for the next session; see [`Exchange::start_of_session`].
    pub fn end_of_session(&mut self, now_ns: i64, out: &mut impl FnMut(&ResponseRecord)) {
        self.close(now_ns, i64::MAX, out);
    }

    /// The same; what was sent at or after `open_ns` is for the next session and stays on its way.
    fn close(&mut self, now_ns: i64, open_ns: i64, out: &mut impl FnMut(&ResponseRecord)) {
        self.arrive(now_ns, out);
        while let Some(order) = self.in_flight.pop_sent_before(open_ns) {
            self.refuse(&order, venue_reason::END_OF_SESSION, now_ns, out);
        }
        let stays = |own: &Own| matches!(own.tif, TimeInForce::Gtc | TimeInForce::Gtd);
        let ends = |own: &Own| (!stays(own)).then_some(venue_reason::END_OF_SESSION);
        self.cancel_where(InstrumentId::NONE, ends, now_ns, out);
    }

    /// Another session begins: what expired meanwhile goes, and what stayed over night takes its place behind everything
    /// that the book holds now, keeping its order among ours. To be called with the book of the morning in place; a
    /// market that empties the whole venue, as between the days of a chain, does so by itself.
    pub fn start_of_session(&mut self, now_ns: i64, out: &mut impl FnMut(&ResponseRecord)) {
        self.expire_until(now_ns, out);
        for id in self.ids(InstrumentId::NONE) {
            for side in Side::BOTH {
                let mut at = self.orders.head(InstrumentId(id), side);
                while at != NIL {
                    let mut own = *self.orders.get(at);
                    self.go_behind(&mut own);
                    *self.orders.get_mut(at) = own;
                    at = own.next;
                }
            }
        }
    }

    /// Every book is emptied: one session ends here and another begins. The morning's book is what the first event after
    /// it states, a snapshot where there is one.
    #[cold]
    pub(crate) fn between_sessions(&mut self, record: &Record, out: &mut impl FnMut(&ResponseRecord)) {
        // A venue that had nothing of ours over night learns of the new session together with the first order of it.
        let now_ns = record.header.ts_venue_ns;
        self.close(now_ns, now_ns, out);
        self.is_morning = true;
    }

    /// A record of the first event of a session, already in the book.
    #[cold]
    pub(crate) fn in_the_morning(&mut self, record: &Record, out: &mut impl FnMut(&ResponseRecord)) {
        if record.header.flags & Flags::END_OF_EVENT > 0 && record.header.kind != Kind::Clear as u8 {
            self.is_morning = false;
            self.start_of_session(record.header.ts_venue_ns, out);
        }
    }

    /// Cancels all orders of the strategy that asks, in one instrument or in all.
    pub(crate) fn on_mass_cancel(
        &mut self,
        order: &OrderRecord,
        now_ns: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let instrument = InstrumentId(order.header.instrument);
        if instrument != InstrumentId::NONE && instrument.index() >= self.instruments.len() {
            return self.refuse(order, venue_reason::INVALID, now_ns, out);
        }
        let strategy = order.strategy;
        let ends = |own: &Own| (own.strategy == strategy).then_some(venue_reason::MASS_CANCEL);
        self.cancel_where(instrument, ends, now_ns, out);
    }

    /// Cancels the good-till-date orders whose time is at or before `until_ns`, each at its time.
    pub(crate) fn expire_until(&mut self, until_ns: i64, out: &mut impl FnMut(&ResponseRecord)) {
        while self.next_expiry_ns <= until_ns && self.next_expiry_ns != i64::MAX {
            let now_ns = self.next_expiry_ns;
            let is_dated = |own: &Own| own.tif == TimeInForce::Gtd;
            let ends =
                |own: &Own| (is_dated(own) && own.expire_ns <= now_ns).then_some(venue_reason::EXPIRED);
            self.cancel_where(InstrumentId::NONE, ends, now_ns, out);
            self.next_expiry_ns = i64::MAX;
            for id in self.ids(InstrumentId::NONE) {
                for first in self.orders.firsts(InstrumentId(id)) {
                    let mut at = first;
                    while at != NIL {
                        self.note_expiry(self.orders.get(at).expiry_ns());
                        at = self.orders.get(at).next;
                    }
                }
            }
        }
    }

    pub(crate) fn note_expiry(&mut self, expiry_ns: i64) {
        self.next_expiry_ns = self.next_expiry_ns.min(expiry_ns);
    }

    /// Cancels what `reason` gives a reason for, by instrument, bids first, in matching order, those that wait last.
    fn cancel_where(
        &mut self,
        instrument: InstrumentId,
        reason: impl Fn(&Own) -> Option<u8>,
        now_ns: i64,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        for id in self.ids(instrument) {
            for first in self.orders.firsts(InstrumentId(id)) {
                let mut at = first;
                while at != NIL {
                    let own = *self.orders.get(at);
                    if let Some(reason) = reason(&own) {
                        self.orders.remove(at);
                        self.cancelled(&own, reason, now_ns, out);
                    }
                    at = own.next;
                }
            }
        }
    }

    /// One instrument, or all of them where it is none.
    pub(crate) fn ids(&self, instrument: InstrumentId) -> std::ops::Range<u32> {
        let count = u32::try_from(self.instruments.len()).unwrap_or(u32::MAX);
        match instrument {
            InstrumentId::NONE => 0..count,
            InstrumentId(id) if id < count => id..id + 1,
            InstrumentId(_) => 0..0,
        }
    }
}

impl Own {
    /// When it expires by itself; the end of time where it does not.
    pub(crate) fn expiry_ns(&self) -> i64 {
        if self.tif == TimeInForce::Gtd { self.expire_ns } else { i64::MAX }
    }
}
