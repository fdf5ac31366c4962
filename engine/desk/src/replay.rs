//! A journal once more through the same street: only what came in is read, everything else is computed again.
//!
//! The venue is not asked: its answers stand in the journal. Every order that leaves is compared with the order
//! that left then, byte for byte.

use std::collections::VecDeque;
use std::sync::Arc;

use tickrace_feeds::source::Source;
use tickrace_oms::Gateway;
use tickrace_risk::Cause;
use tickrace_risk::controls::start;
use tickrace_runtime::idle::IdleStrategy;
use tickrace_runtime::link::{Joined, Link};
use tickrace_runtime::ring::{self, Full};
use tickrace_runtime::stage::Emit;
use tickrace_types::event::ControlCode;
use tickrace_types::{Envelope, InstrumentTable, Kind, OrderRecord, Record, ResponseRecord, TopOfBook};
use zerocopy::IntoBytes;

use crate::backtest::{self, DeskError, Journals};
use crate::config::DeskConfig;
use crate::meters::{HopMeter, Stamps};
use crate::stages::send::{Declared, Delays, OrderTap};
use crate::stages::{BookStage, DecideStage, GateStage, SendStage};

/// One journaled inbound record.
#[derive(Clone, Copy, Debug)]
pub enum Inbound<'a> {
    /// Market, timer or control.
    Small(&'a Record),
    /// Response or refusal.
    Response(&'a ResponseRecord),
}

impl Inbound<'_> {
    /// The number the sequencer gave it.
    pub const fn seq(&self) -> u64 {
        match self {
            Self::Small(record) => record.header.seq,
            Self::Response(response) => response.header.seq,
        }
    }
}

/// The first order that is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Outbound number.
    pub order_seq: u64,
    /// What left then; absent where nothing did.
    pub journaled: Option<OrderRecord>,
    /// What leaves now; absent where nothing does.
    pub computed: Option<OrderRecord>,
}

/// What a replay found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Inbound records handled.
    pub records: u64,
    /// Orders computed.
    pub orders: u64,
    /// Orders that differ, missing and surplus ones included.
    pub differing: u64,
    /// Verdicts of controls that the journal tells otherwise, or that one of the two does not have.
    pub differing_verdicts: u64,
    /// The first of them.
    pub first: Option<Difference>,
    /// Numbers that neither the journal nor the tick file could supply: the first of them.
    pub missing_seq: Option<u64>,
}

/// Takes no orders and gives no answers.
struct Silent;

impl Gateway for Silent {
    fn send(&mut self, _order: &OrderRecord) {}

    fn advance(&mut self, _horizon_ns: i64) -> i64 {
        i64::MAX
    }

    fn poll(&mut self, _out: &mut impl FnMut(&ResponseRecord)) {}
}

/// Verdicts computed again, until the journal tells them.
#[derive(Default)]
struct Verdicts {
    computed: VecDeque<Record>,
    differing: u64,
}

impl Verdicts {
    /// A control record of the journal: where it is a verdict that the gate comes to by itself, it must be the next one.
    fn hear(&mut self, record: &Record) {
        let told = record.as_market();
        let is_own = match ControlCode::from_code(told.code) {
            // What the machine has left is not worked out from records.
            Some(ControlCode::Verdict) => told.qty != Cause::Resources as u32,
            Some(ControlCode::StartReady) => told.order_ref == start::FEED,
            _ => false,
        };
        if record.header.kind != Kind::Control as u8 || !is_own {
            return;
        }
        let computed = self.computed.pop_front();
        let is_same = computed.is_some_and(|computed| {
            computed.body == record.body && computed.header.instrument == record.header.instrument
        });
        self.differing += u64::from(!is_same);
    }
}

/// Compares each order with the journaled one of the same place, and shows it to a listener.
struct Compare<I, F> {
    journaled: I,
    found: Replayed,
    listener: F,
}

impl<I: Iterator<Item = OrderRecord>, F: FnMut(&OrderRecord)> Compare<I, F> {
    fn note(&mut self, difference: Difference) {
        self.found.differing += 1;
        self.found.first.get_or_insert(difference);
    }

    fn finish(&mut self) {
        while let Some(order) = self.journaled.next() {
            self.note(Difference { order_seq: order.header.seq, journaled: Some(order), computed: None });
        }
    }
}

impl<I: Iterator<Item = OrderRecord>, F: FnMut(&OrderRecord)> OrderTap for Compare<I, F> {
    fn on_order(&mut self, order: &OrderRecord) {
        self.found.orders += 1;
        (self.listener)(order);
        match self.journaled.next() {
            Some(then) if then.as_bytes() == order.as_bytes() => {}
            then => {
                self.note(Difference { order_seq: order.header.seq, journaled: then, computed: Some(*order) })
            }
        }
    }
}

/// Handles the inbound records again and compares every order.
///
/// - `inbound`: the journal's inbound stream, in order.
/// - `market`: the tick file, where the journal refers to it; `None` where it copied the market data.
/// - `outbound`: the journal's orders, in order.
/// - `last_seq`: the last inbound number the journaled run is known to have handled.
/// - `has_ended`: the journaled run came to its end, so that nothing was under way any more.
/// - `listener`: sees each order computed.
///
/// # Errors
///
/// [`DeskError`] where the journaled configuration does not assemble.
#[allow(clippy::too_many_arguments, reason = "a journal's streams and what to do with them")]
pub fn run<'a, S: Source>(
    config: &DeskConfig,
    instruments: &InstrumentTable,
    mut inbound: impl Iterator<Item = Inbound<'a>>,
    mut market: Option<S>,
    outbound: impl Iterator<Item = OrderRecord>,
    last_seq: u64,
    has_ended: bool,
    stamps: &Arc<Stamps>,
    listener: impl FnMut(&OrderRecord),
    mut progress: impl FnMut(u64),
) -> Result<Replayed, DeskError> {
    let tap = Compare { journaled: outbound, found: Replayed::default(), listener };
    let parts = backtest::parts(config, instruments, (), (), Silent, tap, Journals::default())?;
    let layout = backtest::layout(config)?;
    let idle = IdleStrategy::Spin;
    let ring_back = |slots| {
        ring::ring::<ResponseRecord>(slots, Full::DropAndCount, idle).map_err(crate::street::ring_error)
    };
    // Answers computed again are dropped: the journal's count.
    let (response_in, _responses) = ring_back(2)?;
    let (refusal_in, mut refusals) = ring_back(layout.return_slots)?;
    let (verdict_in, mut verdicts) =
        ring::ring(parts.gate.verdicts_max(), Full::DropAndCount, idle).map_err(crate::street::ring_error)?;
    let hop = || HopMeter::new(Arc::clone(stamps), 64);
    let delays = Delays { lookahead_ns: i64::MAX, refusal_latency_ns: i64::MAX, refusals_max: 0 };
    let send = SendStage::new(
        parts.gateway,
        parts.tap,
        None,
        response_in,
        Arc::new(Declared::default()),
        Arc::clone(stamps),
        (hop(), hop()),
        delays,
    );
    let gate = Joined::new(
        GateStage::new(parts.gate, refusal_in, verdict_in, layout.refusal_latency_ns, hop()),
        Link::<_, Envelope>::Here(send),
    );
    let decide =
        Joined::new(DecideStage::new(parts.seats, parts.instruments, hop()), Link::<_, Envelope>::Here(gate));
    let mut street = Joined::new(BookStage::new(parts.books), Link::<_, Envelope>::Here(decide));

    let mut told = Verdicts::default();
    let mut head = inbound.next();
    let mut now_ns = i64::MIN;
    let mut missing_seq = None;
    let mut seq = 0;
    while seq < last_seq {
        seq += 1;
        match head {
            Some(Inbound::Small(record)) if record.header.seq == seq => {
                now_ns = now_ns.max(record.header.ts_recv_ns);
                told.hear(record);
                street.emit(&mut Envelope::small(record, &TopOfBook::NONE));
                head = inbound.next();
            }
            Some(Inbound::Response(response)) if response.header.seq == seq => {
                now_ns = now_ns.max(response.header.ts_recv_ns);
                street.emit(&mut Envelope::response(response));
                head = inbound.next();
            }
            _ => {
                let mut record = Record::default();
                if !market.as_mut().is_some_and(|market| market.next_into(&mut record)) {
                    missing_seq = Some(seq);
                    break;
                }
                record.header.seq = seq;
                now_ns = now_ns.max(record.header.ts_recv_ns);
                record.header.ts_recv_ns = now_ns;
                street.emit(&mut Envelope::small(&record, &TopOfBook::NONE));
            }
        }
        while refusals.pop().is_some() {}
        while let Some(verdict) = verdicts.pop() {
            told.computed.push_back(verdict);
        }
        if seq & 0xffff == 0 {
            progress(seq);
        }
    }
    let Link::Here(decide) = street.next else { unreachable!("laid here above") };
    let Link::Here(gate) = decide.next else { unreachable!("laid here above") };
    let Link::Here(send) = gate.next else { unreachable!("laid here above") };
    let (_, mut tap, _) = send.into_parts();
    if missing_seq.is_none() {
        tap.finish();
    }
    // The last ones may not have come back before the journal broke off; one that ended has them all.
    let is_whole = missing_seq.is_none() && has_ended;
    let differing_verdicts = told.differing + if is_whole { told.computed.len() as u64 } else { 0 };
    Ok(Replayed { records: seq, missing_seq, differing_verdicts, ..tap.found })
}
