//! What a policy sees and what it may say.

use tickrace_oms::{Oms, OrderRequest, WantedQuotes};
use tickrace_types::{ClientId, Header, Instrument, InstrumentId, OrderRecord, Record, TopOfBook};

/// Most direct orders a policy may give on one event.
pub const ORDERS_MAX: usize = 4;

/// Most orders a policy may cancel by name on one event.
pub const CANCELS_MAX: usize = 16;

/// What a policy sees: the record, the top of its book after it, and our own orders and positions.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Receive time of the record, nanoseconds since the Unix epoch: the only clock of deciding code.
    pub now_ns: i64,
    /// The record. On a response only its header is filled, with the response's header.
    pub record: &'a Record,
    /// Top of the instrument's book after the record.
    pub top: &'a TopOfBook,
    /// Which instrument.
    pub id: InstrumentId,
    /// Its tick table, lot and bounds.
    pub instrument: &'a Instrument,
    /// Our orders and positions.
    pub oms: &'a Oms,
}

/// What a policy wants done with its quotes on this instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speech {
    /// Leave everything as it is.
    #[default]
    Keep,
    /// Converge to [`Say::wanted`].
    Quote,
    /// Pull every order of the instrument.
    Pull,
    /// Pull every order of the instrument with a single message, at a venue that takes one.
    MassCancel,
}

/// What a policy says on one event. Made once and reused; [`Say::reset`] before each event.
#[derive(Clone, Debug)]
pub struct Say {
    /// Wanted quotes of the view's instrument; counts only with [`Speech::Quote`].
    pub wanted: WantedQuotes,
    /// What to do with the quotes.
    pub speech: Speech,
    orders: [Option<OrderRequest>; ORDERS_MAX],
    order_count: usize,
    cancels: [ClientId; CANCELS_MAX],
    cancel_count: usize,
}

impl Default for Say {
    fn default() -> Self {
        Self {
            wanted: WantedQuotes::NONE,
            speech: Speech::Keep,
            orders: [None; ORDERS_MAX],
            order_count: 0,
            cancels: [ClientId(0); CANCELS_MAX],
            cancel_count: 0,
        }
    }
}

impl Say {
    /// Nothing said yet. `wanted` keeps its numbers; they count only once [`Speech::Quote`] is said.
    #[inline]
    pub fn reset(&mut self) {
        self.speech = Speech::Keep;
        self.order_count = 0;
        self.cancel_count = 0;
    }

    /// Asks for one order; `false` where [`ORDERS_MAX`] were asked for already.
    #[inline]
    pub fn order(&mut self, request: OrderRequest) -> bool {
        let open = self.order_count < ORDERS_MAX;
        if open {
            self.orders[self.order_count] = Some(request);
            self.order_count += 1;
        }
        open
    }

    /// Asks for the cancel of one open order, such as a stop that is no longer needed; `false` where [`CANCELS_MAX`]
    /// were asked for already.
    #[inline]
    pub fn cancel(&mut self, id: ClientId) -> bool {
        let open = self.cancel_count < CANCELS_MAX;
        if open {
            self.cancels[self.cancel_count] = id;
            self.cancel_count += 1;
        }
        open
    }

    /// Whether nothing was said: everything stays as it is.
    #[inline]
    pub fn is_silent(&self) -> bool {
        self.speech == Speech::Keep && self.order_count + self.cancel_count == 0
    }

    /// The orders asked for.
    pub fn orders(&self) -> impl Iterator<Item = &OrderRequest> {
        self.orders[..self.order_count].iter().flatten()
    }

    /// Does what was said: cancels by name first, then the quotes, then the direct orders.
    #[inline]
    pub fn execute(
        &self,
        oms: &mut Oms,
        id: InstrumentId,
        cause: &Header,
        out: &mut impl FnMut(&mut OrderRecord),
    ) {
        for id in &self.cancels[..self.cancel_count] {
            oms.cancel(*id, cause, out);
        }
        match self.speech {
            Speech::Keep => {}
            Speech::Quote => oms.converge(id, &self.wanted, cause, out),
            Speech::Pull => oms.cancel_all(Some(id), cause, out),
            Speech::MassCancel => {
                oms.mass_cancel(Some(id), cause, out);
            }
        }
        for request in self.orders() {
            oms.submit(request, cause, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use tickrace_oms::{OmsConfig, State};
    use tickrace_types::{
        AccountId, Action, InstrumentTable, Price, ResponseKind, ResponseRecord, SessionId, Side, StrategyId,
        VenueId,
    };

    use super::*;

    const I: InstrumentId = InstrumentId(0);

    fn said(say: &Say, oms: &mut Oms) -> Vec<(Action, u64)> {
        let mut sent = Vec::new();
        say.execute(oms, I, &Header::default(), &mut |order| {
            sent.push((order.action(), order.orig_client_id));
        });
        sent
    }

    #[test]
    fn a_named_order_leaves_before_new_ones_and_one_message_takes_off_the_rest() {
        let shares = InstrumentTable::new(vec![Instrument::us_equity("ONE")]).unwrap();
        let config = OmsConfig {
            open_orders_max: 8,
            strategy: StrategyId(1),
            account: AccountId(0),
            venue: VenueId(0),
            session: SessionId(0),
            first_client_id: 10,
            unacked_timeout_ns: 1_000,
        };
        let mut oms = Oms::new(&config, &shares);
        let stop = OrderRequest::stop(I, Side::Ask, Price(99_000_000_000), 5);
        let mut say = Say::default();
        assert!(say.order(stop));
        assert_eq!(said(&say, &mut oms), [(Action::New, 0)]);
        let accepted = ResponseRecord {
            client_id: 10,
            response: ResponseKind::Accepted as u8,
            ..ResponseRecord::default()
        };
        oms.on_response(&accepted);
        say.reset();
        assert!(say.is_silent());
        assert!(say.cancel(ClientId(10)) && say.order(stop) && !say.is_silent());
        assert_eq!(said(&say, &mut oms), [(Action::Cancel, 10), (Action::New, 0)]);
        say.reset();
        say.speech = Speech::MassCancel;
        assert_eq!(said(&say, &mut oms), [(Action::MassCancel, 0)]);
        assert_eq!(oms.order(ClientId(12)).unwrap().state, State::PendingCancel);
        say.reset();
        assert!((0..CANCELS_MAX).all(|id| say.cancel(ClientId(id as u64))) && !say.cancel(ClientId(99)));
    }
}
