//! The policy and the order management: a record in, the record and the orders it caused out.

use tickrace_oms::Oms;
use tickrace_risk::{Scope, TradingState};
use tickrace_runtime::stage::{Emit, Stage};
use tickrace_strategy::{Policies, Say, View};
use tickrace_types::event::ControlCode;
use tickrace_types::{
    Envelope, Flags, Header, Instrument, InstrumentId, InstrumentTable, Kind, OrderRecord, Record,
    ResponseKind, TargetRecord, TopOfBook,
};

use crate::meters::HopMeter;

/// A strategy at the desk: its policy and its order management. What they share is the gate behind them.
pub struct Seat {
    /// Decides.
    pub policy: Policies,
    /// Its own orders and positions.
    pub oms: Oms,
    /// Whether it trades an instrument, by id.
    pub trades: Vec<bool>,
}

/// What a policy sees beside its own orders.
#[derive(Clone, Copy)]
struct Seen<'a> {
    record: &'a Record,
    top: &'a TopOfBook,
    id: InstrumentId,
    instrument: &'a Instrument,
}

impl<'a> Seen<'a> {
    #[inline(always)]
    fn with(self, oms: &'a Oms) -> View<'a> {
        let Self { record, top, id, instrument } = self;
        View { now_ns: record.header.ts_recv_ns, record, top, id, instrument, oms }
    }
}

/// Decides. Sees only records, so that the same records give the same orders.
pub struct DecideStage {
    seats: Vec<Seat>,
    instruments: InstrumentTable,
    tops: Vec<TopOfBook>,
    say: Say,
    is_silent: bool,
    /// What the first of the two words said that end a silence.
    rearm_argument: Option<u64>,
    /// The next client number: all strategies count with one counter, since the venue wants them to grow.
    next_client_id: u64,
    hop: HopMeter,
}

impl DecideStage {
    /// Joins policies to their order management, in the order of their strategy numbers.
    pub fn new(seats: Vec<Seat>, instruments: InstrumentTable, hop: HopMeter) -> Self {
        let tops = vec![TopOfBook::NONE; instruments.len()];
        let next_client_id = seats.iter().map(|seat| seat.oms.next_client_id().0).max().unwrap_or(1);
        let say = Say::default();
        Self { seats, instruments, tops, say, is_silent: false, rearm_argument: None, next_client_id, hop }
    }

    /// Orders, positions and profit of each strategy, for the report after the run.
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Time from the sequencer's release to here: the book stage's work and the way.
    pub fn hop(&self) -> &HopMeter {
        &self.hop
    }

    #[inline(always)]
    fn on_market(&mut self, input: &Envelope, out: &mut impl Emit<Envelope>) {
        self.hop.restart(input.record.header.seq);
        let header = &input.record.header;
        let id = InstrumentId(header.instrument);
        let Some(top) = self.tops.get_mut(id.index()) else { return };
        *top = input.second;
        if self.is_silent {
            return;
        }
        let Self { seats, instruments, say, next_client_id, .. } = self;
        let instrument = instruments.get(id);
        for seat in seats.iter_mut().filter(|seat| seat.trades[id.index()]) {
            let Seat { policy, oms, .. } = seat;
            let seen = Seen { record: &input.record, top: &input.second, id, instrument };
            let view = seen.with(oms);
            if header.flags & Flags::SNAPSHOT != 0 {
                policy.warm_up(&view);
            } else if header.flags & Flags::END_OF_EVENT == 0 {
                policy.on_record(&view);
            } else {
                say.reset();
                policy.on_event(&view, say);
                if say.is_silent() {
                    policy.upkeep(&view);
                    continue;
                }
                send(say, oms, next_client_id, id, header, out);
                // The orders have left: the policy may take its time now.
                policy.upkeep(&seen.with(oms));
            }
        }
    }

    #[inline(never)]
    fn on_response(&mut self, input: &Envelope, out: &mut impl Emit<Envelope>) {
        let response = input.as_response();
        let header = response.header;
        let id = InstrumentId(header.instrument);
        let Self { seats, instruments, tops, say, next_client_id, is_silent, .. } = self;
        let Some(Seat { policy, oms, .. }) = seats.get_mut(usize::from(response.strategy)) else { return };
        oms.on_response(response);
        if id.index() >= tops.len() {
            return;
        }
        if *is_silent {
            // What was still pending when silence fell is pulled as soon as it rests. A refused cancel is not
            // repeated: answer and question would chase each other.
            if matches!(response.response(), Some(ResponseKind::Accepted | ResponseKind::Replaced)) {
                cancel_all(oms, next_client_id, Some(id), &header, out);
            }
            return;
        }
        let record = Record { header, ..Record::default() };
        let seen = Seen { record: &record, top: &tops[id.index()], id, instrument: instruments.get(id) };
        let view = seen.with(oms);
        say.reset();
        policy.on_response(&view, response, say);
        if !say.is_silent() {
            send(say, oms, next_client_id, id, &header, out);
        }
        policy.upkeep(&seen.with(oms));
    }

    #[inline(never)]
    fn on_timer(&mut self, input: &Envelope, out: &mut impl Emit<Envelope>) {
        let header = &input.record.header;
        let Self { seats, instruments, tops, say, next_client_id, is_silent, .. } = self;
        for Seat { policy, oms, trades } in seats {
            oms.on_time(header.ts_recv_ns);
            if *is_silent {
                continue;
            }
            for (id, top) in (0u32..).map(InstrumentId).zip(tops.iter()) {
                if !trades[id.index()] {
                    continue;
                }
                let seen = Seen { record: &input.record, top, id, instrument: instruments.get(id) };
                let view = seen.with(oms);
                say.reset();
                policy.on_timer(&view, say);
                if !say.is_silent() {
                    send(say, oms, next_client_id, id, header, out);
                }
                policy.upkeep(&seen.with(oms));
            }
        }
    }

    /// A target goes to every strategy that trades its instrument; in a silence it is heard, and nothing leaves.
    #[cold]
    fn on_target(&mut self, input: &Envelope, out: &mut impl Emit<Envelope>) {
        let header = &input.record.header;
        let id = InstrumentId(header.instrument);
        let Self { seats, instruments, tops, say, next_client_id, is_silent, .. } = self;
        let Some(top) = tops.get(id.index()) else { return };
        let target = TargetRecord::of(&input.record);
        for Seat { policy, oms, .. } in seats.iter_mut().filter(|seat| seat.trades[id.index()]) {
            let seen = Seen { record: &input.record, top, id, instrument: instruments.get(id) };
            say.reset();
            policy.on_target(&seen.with(oms), target, say);
            if !say.is_silent() && !*is_silent {
                send(say, oms, next_client_id, id, header, out);
            }
            policy.upkeep(&seen.with(oms));
        }
    }

    #[cold]
    fn on_control(&mut self, input: &Envelope, out: &mut impl Emit<Envelope>) {
        let record = input.record.as_market();
        let (argument, is_of_kill) = (record.order_ref, record.qty == 0);
        match ControlCode::from_code(record.code) {
            Some(ControlCode::Kill | ControlCode::EndOfSession) => {
                self.is_silent = true;
                self.rearm_argument = None;
                for seat in &mut self.seats {
                    cancel_all(&mut seat.oms, &mut self.next_client_id, None, &input.record.header, out);
                }
            }
            Some(ControlCode::RearmRequest) if is_of_kill => self.rearm_argument = Some(argument),
            Some(ControlCode::RearmConfirm) if is_of_kill => {
                // As the gate reads it: the second word repeats the first, and nothing is open any more.
                let is_open = self.seats.iter().any(|seat| seat.oms.open_count() > 0);
                if self.rearm_argument == Some(argument) && !is_open {
                    if self.is_silent {
                        self.seats.iter_mut().for_each(|seat| seat.policy.on_resume());
                    }
                    self.is_silent = false;
                }
            }
            Some(ControlCode::TradingState | ControlCode::Verdict) => self.on_state(input, out),
            Some(_) | None => {}
        }
    }

    /// A state that lets no order stand as it is: of those that rest nobody can say whether they reduce.
    fn on_state(&mut self, input: &Envelope, out: &mut impl Emit<Envelope>) {
        let record = input.record.as_market();
        let state = TradingState::from_code(record.order_ref);
        if !matches!(state, TradingState::ReduceOnly | TradingState::Halted) {
            return;
        }
        // One that names nobody restricts everybody.
        let scope = Scope::of(record).unwrap_or(Scope::All);
        for (number, seat) in (0u16..).zip(&mut self.seats) {
            let (is_meant, id) = match scope {
                Scope::All => (true, None),
                Scope::Instrument(id) => (true, Some(id)),
                Scope::Strategy(strategy) => (strategy.0 == number, None),
                Scope::Venue(venue) => (venue == seat.oms.venue(), None),
            };
            if is_meant && id.is_none_or(|id| id.index() < self.tops.len()) {
                cancel_all(&mut seat.oms, &mut self.next_client_id, id, &record.header, out);
            }
        }
    }
}

/// Does what the policy said. Out of line: the order path stands once in the machine code.
#[inline(never)]
fn send(
    say: &Say,
    oms: &mut Oms,
    next_client_id: &mut u64,
    id: InstrumentId,
    cause: &Header,
    out: &mut impl Emit<Envelope>,
) {
    oms.raise_next_client_id(*next_client_id);
    say.execute(oms, id, cause, &mut |order: &mut OrderRecord| out.emit(Envelope::order_mut(order)));
    *next_client_id = oms.next_client_id().0;
}

fn cancel_all(
    oms: &mut Oms,
    next_client_id: &mut u64,
    id: Option<InstrumentId>,
    cause: &Header,
    out: &mut impl Emit<Envelope>,
) {
    oms.raise_next_client_id(*next_client_id);
    oms.cancel_all(id, cause, &mut |order: &mut OrderRecord| out.emit(Envelope::order_mut(order)));
    *next_client_id = oms.next_client_id().0;
}

impl Stage for DecideStage {
    type In = Envelope;
    type Out = Envelope;

    #[inline(always)]
    fn on(&mut self, input: &mut Envelope, out: &mut impl Emit<Envelope>) {
        let kind = input.kind();
        if Kind::is_market_code(kind) {
            self.hop.arrive(input.record.header.seq);
        }
        // Risk must see the record before the orders it causes.
        out.emit(input);
        if Kind::is_market_code(kind) {
            self.on_market(input, out);
        } else if kind == Kind::Response as u8 {
            self.on_response(input, out);
        } else if kind == Kind::Timer as u8 {
            self.on_timer(input, out);
        } else if kind == Kind::Control as u8 {
            self.on_control(input, out);
        } else if kind == Kind::Target as u8 {
            self.on_target(input, out);
        }
    }
}
