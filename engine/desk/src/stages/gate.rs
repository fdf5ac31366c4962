//! The pre-trade gate as a stage: every order passes it last, refusals go back to the sequencer.

use tickrace_risk::Gate;
use tickrace_risk::gate::Judged;
use tickrace_runtime::ring::Producer;
use tickrace_runtime::stage::{Emit, Stage};
use tickrace_types::event::{VERSION, source};
use tickrace_types::{
    Envelope, Flags, Header, Kind, OrderRecord, Record, ResponseKind, ResponseRecord, TopOfBook,
};

use crate::meters::HopMeter;

/// Judges orders; keeps its own view of positions and exposure from what passes.
pub struct GateStage {
    gate: Gate,
    refusals: Refusals,
    verdicts: Producer<Record>,
    market_seq: u64,
    hop: HopMeter,
}

/// The way of refusals back to the sequencer.
struct Refusals {
    ring: Producer<ResponseRecord>,
    latency_ns: i64,
    /// Refusals and verdicts that found their ring full.
    lost: u64,
}

impl GateStage {
    /// - `refusals`: ring back to the sequencer, with room for every open order.
    /// - `verdicts`: another, with room for what every control can ask for at once.
    /// - `refusal_latency_ns`: when a refusal is heard, after the time of the record that caused the order.
    pub fn new(
        gate: Gate,
        refusals: Producer<ResponseRecord>,
        verdicts: Producer<Record>,
        refusal_latency_ns: i64,
        hop: HopMeter,
    ) -> Self {
        let refusals = Refusals { ring: refusals, latency_ns: refusal_latency_ns, lost: 0 };
        Self { gate, refusals, verdicts, market_seq: 0, hop }
    }

    /// The gate, for the report after the run.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Time from a tick's arrival at the policy to its first order here: policy, order management and the way.
    pub fn hop(&self) -> &HopMeter {
        &self.hop
    }

    /// Refusals and verdicts that found the ring back full: a broken bound, reported as a failure of the run.
    pub fn lost_refusals(&self) -> u64 {
        self.refusals.lost
    }

    #[inline(never)]
    fn judge(&mut self, order: &mut OrderRecord) -> Judged<'_> {
        // Only the walk of a tick is metered; answers and timers carry no stamp.
        if order.cause_seq == self.market_seq {
            self.hop.arrive(order.cause_seq);
        }
        let judged = self.gate.judge(order);
        order.verdict = judged.verdict().0;
        if !judged.verdict().is_passed() {
            self.refusals.refuse(order);
        }
        judged
    }

    /// What the controls ask for goes to the sequencer, and a copy down the street so that its end knows what is under way:
    /// without a number it has not happened yet.
    #[inline]
    fn say_verdicts(&mut self, ts_ns: i64, out: &mut impl Emit<Envelope>) {
        while let Some(mut verdict) = self.gate.take_verdict() {
            verdict.header.flags = Flags::END_OF_EVENT;
            verdict.header.ts_venue_ns = ts_ns;
            verdict.header.ts_recv_ns = ts_ns.saturating_add(self.refusals.latency_ns);
            if self.verdicts.try_push(*verdict.as_record()).is_err() {
                self.refusals.lost += 1;
            }
            out.emit(&mut Envelope::small(verdict.as_record(), &TopOfBook::NONE));
        }
    }
}

impl Refusals {
    #[cold]
    fn refuse(&mut self, order: &OrderRecord) {
        let header = Header {
            kind: Kind::Response as u8,
            version: VERSION,
            flags: Flags::END_OF_EVENT,
            source: source::GATE,
            instrument: order.header.instrument,
            seq: 0,
            ts_venue_ns: order.header.ts_recv_ns,
            ts_recv_ns: order.header.ts_recv_ns + self.latency_ns,
        };
        let refusal = ResponseRecord {
            header,
            client_id: order.client_id,
            orig_client_id: order.orig_client_id,
            price: order.price,
            qty: order.qty,
            response: ResponseKind::GateRefused as u8,
            side: order.side,
            reason: order.verdict,
            strategy: order.strategy,
            ..ResponseRecord::default()
        };
        if self.ring.try_push(refusal).is_err() {
            self.lost += 1;
        }
    }
}

impl Stage for GateStage {
    type In = Envelope;
    type Out = Envelope;

    #[inline(always)]
    fn on(&mut self, input: &mut Envelope, out: &mut impl Emit<Envelope>) {
        let (kind, ts_ns) = (input.kind(), input.record.header.ts_recv_ns);
        let mut judged = None;
        if Kind::is_market_code(kind) {
            self.market_seq = input.record.header.seq;
            self.gate.on_top(&input.second);
        } else if kind == Kind::Order as u8 {
            judged = Some(self.judge(input.as_order_mut()));
        } else if kind == Kind::Response as u8 {
            self.gate.on_response(input.as_response());
        } else if kind == Kind::Control as u8 {
            self.gate.on_control(input.record.as_market());
        } else if kind == Kind::Timer as u8 {
            self.gate.on_timer(ts_ns);
        }
        out.emit(input);
        // An order has left: only now the gate writes down what it reserved for it.
        drop(judged);
        // Controls look from beside at what is no tick and no order.
        if kind == Kind::Response as u8 || kind == Kind::Timer as u8 || kind == Kind::Control as u8 {
            self.say_verdicts(ts_ns, out);
        }
    }
}
