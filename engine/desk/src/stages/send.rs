//! The end of the street: orders are journaled, handed to the gateway, and the simulated world is let run.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tickrace_journal::Writer;
use tickrace_oms::Gateway;
use tickrace_runtime::meter::Meter;
use tickrace_runtime::ring::Producer;
use tickrace_runtime::stage::Emit;
use tickrace_types::{Envelope, Kind, OrderRecord, ResponseRecord, Verdict};

use crate::meters::{HopMeter, Stamps};
use crate::stages::book::Reaches;

/// What the end of the street tells the sequencer: how far it has come, and up to when every response is known.
///
/// Written by the send stage alone: first the responses go into their ring, then `until_ns`, then `done`
/// (release). The sequencer reads `done` (acquire) first, so that it never trusts a time whose responses it
/// cannot yet see.
#[derive(Default)]
#[repr(align(128))]
pub struct Declared {
    /// Messages of the sequencer that have been handled to the end.
    done: AtomicU64,
    /// Responses due at or before this are in the ring, as of `done`.
    until_ns: AtomicI64,
    /// Answers, refusals and verdicts in their rings so far, for a sequencer on the same thread.
    returned: AtomicU64,
}

impl Declared {
    /// Messages handled to the end; what was published before it is visible after this.
    #[inline]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Acquire)
    }

    /// Time up to which all responses are known, as of [`Declared::done`].
    #[inline]
    pub fn until_ns(&self) -> i64 {
        self.until_ns.load(Ordering::Relaxed)
    }

    /// How much was put into the rings so far. Exact on the thread that writes it: where the number stands still, nothing
    /// has come back.
    #[inline]
    pub fn returned(&self) -> u64 {
        self.returned.load(Ordering::Relaxed)
    }

    #[inline]
    fn count_returned(&self, more: u64) {
        self.returned.store(self.returned() + more, Ordering::Relaxed);
    }

    #[inline]
    fn publish(&self, done: u64, until_ns: i64) {
        self.until_ns.store(until_ns, Ordering::Relaxed);
        self.done.store(done, Ordering::Release);
    }
}

/// Sees each order as it leaves, after the gate's verdict. The digest and the replay's comparison hang here.
pub trait OrderTap {
    /// One order, with its outbound number and verdict.
    fn on_order(&mut self, order: &OrderRecord);
}

/// Looks at nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTap;

impl OrderTap for NoTap {
    #[inline(never)]
    fn on_order(&mut self, _order: &OrderRecord) {}
}

/// How long answers take, and how many refusals can be under way.
#[derive(Clone, Copy, Debug)]
pub struct Delays {
    /// Shortest time from an order that passed the gate to any answer of the venue, nanoseconds.
    pub lookahead_ns: i64,
    /// Time from an order to our own gate's refusal, nanoseconds.
    pub refusal_latency_ns: i64,
    /// Refusals that can be under way.
    pub refusals_max: usize,
}

/// Journals and sends.
pub struct SendStage<G, T> {
    gateway: G,
    tap: T,
    journal: Option<Writer>,
    responses: Producer<ResponseRecord>,
    declared: Arc<Declared>,
    stamps: Arc<Stamps>,
    tick_to_order: Meter,
    hop: HopMeter,
    sent: HopMeter,
    /// Messages of the sequencer handled so far; each ends here exactly once.
    done: u64,
    until_ns: i64,
    lookahead_ns: i64,
    refusal_latency_ns: i64,
    /// When each refusal or verdict under way is heard: the simulated world waits there, since we may answer it.
    refusals_due_ns: VecDeque<i64>,
    order_seq: u64,
    market_seq: u64,
    stamped_cause: u64,
    lost_responses: u64,
}

impl<G: Gateway, T: OrderTap> SendStage<G, T> {
    /// - `responses`: ring back to the sequencer, with room for every open order.
    #[allow(clippy::too_many_arguments, reason = "the joints of the street's end, each named once, here")]
    pub fn new(
        gateway: G,
        tap: T,
        journal: Option<Writer>,
        responses: Producer<ResponseRecord>,
        declared: Arc<Declared>,
        stamps: Arc<Stamps>,
        (hop, sent): (HopMeter, HopMeter),
        delays: Delays,
    ) -> Self {
        Self {
            gateway,
            tap,
            journal,
            responses,
            declared,
            stamps,
            tick_to_order: Meter::new(),
            hop,
            sent,
            done: 0,
            until_ns: i64::MAX,
            lookahead_ns: delays.lookahead_ns,
            refusal_latency_ns: delays.refusal_latency_ns,
            refusals_due_ns: VecDeque::with_capacity(delays.refusals_max),
            order_seq: 0,
            market_seq: 0,
            stamped_cause: 0,
            lost_responses: 0,
        }
    }

    /// Orders, replaces and cancels seen, refused ones included.
    pub fn orders(&self) -> u64 {
        self.order_seq
    }

    /// Latency from the entry of a market record to its first order handed to the gateway, of the records that are metered.
    pub fn tick_to_order(&self) -> &Meter {
        &self.tick_to_order
    }

    /// Time from an order's arrival at the gate to here: the check and the way.
    pub fn hop(&self) -> &HopMeter {
        &self.hop
    }

    /// Time an order spends here: journaled and handed to the gateway.
    pub fn sent(&self) -> &HopMeter {
        &self.sent
    }

    /// The gateway.
    pub fn gateway(&self) -> &G {
        &self.gateway
    }

    /// The gateway, to be changed.
    pub fn gateway_mut(&mut self) -> &mut G {
        &mut self.gateway
    }

    /// The tap.
    pub fn tap(&self) -> &T {
        &self.tap
    }

    /// Responses that found the ring full: a broken bound, reported as a failure of the run.
    pub fn lost_responses(&self) -> u64 {
        self.lost_responses
    }

    /// Hands over the outbound journal, to be finished by the caller.
    pub fn take_journal(&mut self) -> Option<Writer> {
        self.journal.take()
    }

    /// Gives back the parts that outlive the run.
    pub fn into_parts(self) -> (G, T, Option<Writer>) {
        (self.gateway, self.tap, self.journal)
    }

    #[inline(never)]
    fn on_order(&mut self, order: &mut OrderRecord) {
        let is_of_a_tick = order.cause_seq == self.market_seq;
        if is_of_a_tick {
            self.hop.arrive(order.cause_seq);
        }
        self.order_seq += 1;
        order.header.seq = self.order_seq;
        if let Some(journal) = &mut self.journal {
            journal.append_order(order);
            if journal.is_failed() && order.verdict == 0 {
                // An order that cannot be journaled is not sent.
                return;
            }
        }
        if Verdict(order.verdict).is_passed() {
            self.gateway.send(order);
            self.limit_known(order.header.ts_recv_ns, self.lookahead_ns);
        } else {
            self.declared.count_returned(1);
            self.refusals_due_ns.push_back(order.header.ts_recv_ns.saturating_add(self.refusal_latency_ns));
            self.limit_known(order.header.ts_recv_ns, self.refusal_latency_ns);
        }
        self.tap.on_order(order);
        if is_of_a_tick && order.cause_seq != self.stamped_cause {
            self.stamped_cause = order.cause_seq;
            self.sent.arrive(order.cause_seq);
            if let Some(ns) = self.stamps.since_entry_ns(order.cause_seq) {
                self.tick_to_order.record(ns);
            }
        }
    }

    /// A control's verdict is under way to the sequencer, like a refusal: the simulated world waits for it.
    #[cold]
    fn on_verdict(&mut self, due_ns: i64) {
        self.declared.count_returned(1);
        self.refusals_due_ns.push_back(due_ns);
        self.limit_known(due_ns, 0);
    }

    /// An answer to an order of time `ts_ns` may come from here on: what is known ends just before it.
    #[inline]
    fn limit_known(&mut self, ts_ns: i64, delay_ns: i64) {
        let before_ns = ts_ns.saturating_add(delay_ns).saturating_sub(1);
        if before_ns < self.until_ns {
            self.until_ns = before_ns;
            self.declared.publish(self.done, before_ns);
        }
    }

    #[inline(never)]
    fn on_horizon(&mut self, number: u64, due_ns: i64) {
        // Sent after everything that the released records caused has passed here. Nothing can cause an order before
        // the earliest of what is due, so the world may run until an order of then could be answered.
        let first_ns = self.refusals_due_ns.front().map_or(due_ns, |refusal_ns| due_ns.min(*refusal_ns));
        self.until_ns = self.gateway.advance(first_ns.saturating_add(self.lookahead_ns));
        while self.refusals_due_ns.front().is_some_and(|refusal_ns| *refusal_ns <= self.until_ns) {
            self.refusals_due_ns.pop_front();
        }
        self.collect();
        self.done = number;
        self.declared.publish(number, self.until_ns);
    }

    #[inline]
    fn collect(&mut self) {
        let (responses, lost, declared) = (&mut self.responses, &mut self.lost_responses, &self.declared);
        self.gateway.poll(&mut |response: &ResponseRecord| {
            declared.count_returned(1);
            if responses.try_push(*response).is_err() {
                *lost += 1;
            }
        });
    }
}

impl<G: Gateway, T: OrderTap> Reaches for SendStage<G, T> {
    type Gateway = G;

    #[inline(always)]
    fn gateway_mut(&mut self) -> Option<&mut G> {
        Some(&mut self.gateway)
    }

    #[inline(always)]
    fn ask(&mut self, number: u64, due_ns: i64) -> bool {
        self.on_horizon(number, due_ns);
        true
    }
}

impl<G: Gateway, T: OrderTap> Emit<Envelope> for SendStage<G, T> {
    #[inline(always)]
    fn emit(&mut self, input: &mut Envelope) {
        let header = &input.record.header;
        let kind = header.kind;
        if Kind::is_market_code(kind) {
            self.market_seq = header.seq;
            return;
        }
        if kind == Kind::Order as u8 {
            self.on_order(input.as_order_mut());
            return;
        }
        if kind == Kind::Horizon as u8 {
            self.on_horizon(header.seq, header.ts_recv_ns);
        } else if kind == Kind::Control as u8 && header.seq == 0 {
            self.on_verdict(header.ts_recv_ns);
        }
    }
}
