//! The policy and the order management: a record in, the record and the orders it caused out.

use tickrace_oms::Oms;
use tickrace_runtime::stage::{Emit, Stage};
use tickrace_strategy::{Policies, Say, View};
use tickrace_types::event::ControlCode;
use tickrace_types::{
    Envelope, Flags, Header, InstrumentId, InstrumentTable, Kind, OrderRecord, Record, ResponseKind,
    TopOfBook,
};

use crate::meters::HopMeter;

/// Decides. Sees only records, so that the same records give the same orders.
pub struct DecideStage {
    policy: Policies,
    oms: Oms,
    instruments: InstrumentTable,
    tops: Vec<TopOfBook>,
    say: Say,
    is_silent: bool,
    hop: HopMeter,
}

impl DecideStage {
    /// Joins a policy to its order management.
    pub fn new(policy: Policies, oms: Oms, instruments: InstrumentTable, hop: HopMeter) -> Self {
        let tops = vec![TopOfBook::NONE; instruments.len()];
        Self { policy, oms, instruments, tops, say: Say::default(), is_silent: false, hop }
    }

    /// Orders, positions and profit, for the report after the run.
    pub fn oms(&self) -> &Oms {
        &self.oms
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
        let view = View {
            now_ns: header.ts_recv_ns,
            record: &input.record,
            top: &input.second,
            id,
            instrument: self.instruments.get(id),
            oms: &self.oms,
        };
        if header.flags & Flags::SNAPSHOT != 0 {
            self.policy.warm_up(&view);
        } else if header.flags & Flags::END_OF_EVENT == 0 {
            self.policy.on_record(&view);
        } else {
            self.say.reset();
            self.policy.on_event(&view, &mut self.say);
            self.execute(id, header, out);
            self.upkeep(&input.record, id);
        }
    }

    /// Does what the policy said, if it said anything.
    #[inline]
    fn execute(&mut self, id: InstrumentId, cause: &Header, out: &mut impl Emit<Envelope>) {
        if !self.say.is_silent() {
            self.send(id, cause, out);
        }
    }

    // One copy of the order path for ticks, answers and timers: with a copy each, the code of the street is beyond a
    // first-level instruction cache, and every order waited for fifty of its lines.
    #[inline(never)]
    fn send(&mut self, id: InstrumentId, cause: &Header, out: &mut impl Emit<Envelope>) {
        self.say.execute(&mut self.oms, id, cause, &mut |order: &mut OrderRecord| {
            out.emit(Envelope::order_mut(order));
        });
    }

    /// The orders have left: the policy may take its time now.
    #[inline]
    fn upkeep(&mut self, record: &Record, id: InstrumentId) {
        self.policy.upkeep(&View {
            now_ns: record.header.ts_recv_ns,
            record,
            top: &self.tops[id.index()],
            id,
            instrument: self.instruments.get(id),
            oms: &self.oms,
        });
    }

    #[inline(never)]
    fn on_response(&mut self, input: &Envelope, out: &mut impl Emit<Envelope>) {
        let response = input.as_response();
        let header = response.header;
        self.oms.on_response(response);
        let id = InstrumentId(header.instrument);
        if id.index() >= self.tops.len() {
            return;
        }
        if self.is_silent {
            // What was still pending when silence fell is pulled as soon as it rests. A refused cancel is not
            // repeated: answer and question would chase each other.
            if matches!(response.response(), Some(ResponseKind::Accepted | ResponseKind::Replaced)) {
                self.cancel_all(Some(id), &header, out);
            }
            return;
        }
        let record = Record { header, ..Record::default() };
        let view = View {
            now_ns: header.ts_recv_ns,
            record: &record,
            top: &self.tops[id.index()],
            id,
            instrument: self.instruments.get(id),
            oms: &self.oms,
        };
        self.say.reset();
        self.policy.on_response(&view, response, &mut self.say);
        self.execute(id, &header, out);
        self.upkeep(&record, id);
    }

    #[inline(never)]
    fn on_timer(&mut self, input: &Envelope, out: &mut impl Emit<Envelope>) {
        let header = &input.record.header;
        self.oms.on_time(header.ts_recv_ns);
        if self.is_silent {
            return;
        }
        for place in 0..self.tops.len() {
            let Ok(number) = u32::try_from(place) else { break };
            let id = InstrumentId(number);
            let view = View {
                now_ns: header.ts_recv_ns,
                record: &input.record,
                top: &self.tops[place],
                id,
                instrument: self.instruments.get(id),
                oms: &self.oms,
            };
            self.say.reset();
            self.policy.on_timer(&view, &mut self.say);
            self.execute(id, header, out);
            self.upkeep(&input.record, id);
        }
    }

    #[cold]
    fn on_control(&mut self, input: &Envelope, out: &mut impl Emit<Envelope>) {
        match ControlCode::from_code(input.record.as_market().code) {
            Some(ControlCode::Kill | ControlCode::EndOfSession) => {
                self.is_silent = true;
                self.cancel_all(None, &input.record.header, out);
            }
            Some(ControlCode::RearmConfirm) => self.is_silent = false,
            Some(ControlCode::RearmRequest | ControlCode::TradingState) | None => {}
        }
    }

    fn cancel_all(&mut self, id: Option<InstrumentId>, cause: &Header, out: &mut impl Emit<Envelope>) {
        self.oms.cancel_all(id, cause, &mut |order: &mut OrderRecord| out.emit(Envelope::order_mut(order)));
    }
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
        }
    }
}
