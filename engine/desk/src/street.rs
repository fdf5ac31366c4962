//! Builds the street from its stages and a placement, runs it, and takes it apart again.
//!
//! Built from its end: where a cut is asked for, the stages behind it move into a thread of their own and a ring
//! takes their place. One type serves every placement.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tickrace_feeds::source::Source;
use tickrace_journal::Writer;
use tickrace_oms::Gateway;
use tickrace_runtime::idle::{IdleStrategy, Idler};
use tickrace_runtime::kill::KillFlag;
use tickrace_runtime::link::{Joined, Link};
use tickrace_runtime::pin::{self, PinError};
use tickrace_runtime::placement::{Placement, StageName};
use tickrace_runtime::ring::{self, Consumer, Full, RingError};
use tickrace_runtime::stage::Emit;
use tickrace_runtime::worker::{self, Worker, WorkerError};
use tickrace_types::Envelope;

use crate::intake::Intake;
use crate::meters::{HopMeter, Stamps};
use crate::stages::decide::Seat;
use crate::stages::send::{Declared, Delays, OrderTap};
use crate::stages::sequence::{Entry, Outcome, Returns, SequencerConfig};
use crate::stages::{BookStage, DecideStage, GateStage, SendStage, Sequencer};

/// What stands in the street, before it is joined.
pub struct Parts<S, E, G, T> {
    /// Market data.
    pub market: S,
    /// When records enter.
    pub entry: E,
    /// The strategy's books.
    pub books: tickrace_book::Books,
    /// The strategies, by number.
    pub seats: Vec<Seat>,
    /// The gate.
    pub gate: tickrace_risk::Gate,
    /// The gateway.
    pub gateway: G,
    /// Looks at each order that leaves.
    pub tap: T,
    /// Inbound journal.
    pub inbound: Option<Writer>,
    /// Outbound journal.
    pub outbound: Option<Writer>,
    /// Instruments.
    pub instruments: tickrace_types::InstrumentTable,
    /// What operators say in the course of a simulated run, by receive time.
    pub words: Vec<tickrace_types::MarketRecord>,
}

/// How it is joined.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Which stages share a thread.
    pub placement: Placement,
    /// How a stage waits for its ring.
    pub idle: IdleStrategy,
    /// Pin each thread to a core.
    pub is_pinned: bool,
    /// Slots of each ring between threads.
    pub ring_slots: usize,
    /// Slots of the two rings back to the sequencer: room for every open order's answers.
    pub return_slots: usize,
    /// Sampling of inner hops, power of two.
    pub hop_sample_log2: u32,
    /// Whether market records are copied into the journal.
    pub copy_market: bool,
    /// Interval of timer records, nanoseconds.
    pub timer_ns: i64,
    /// Leave out timer records between which nothing happened, where the policy allows it.
    pub skips_idle_timers: bool,
    /// Shortest time from an order to an answer of the venue, nanoseconds.
    pub lookahead_ns: i64,
    /// Time from an order to a refusal of our gate, nanoseconds.
    pub refusal_latency_ns: i64,
}

impl Layout {
    /// Whether every stage is on the thread that decodes.
    pub fn is_fused(&self) -> bool {
        let hot =
            [StageName::Decode, StageName::Sequence, StageName::Book, StageName::Decide, StageName::Gate];
        !hot.iter().any(|stage| self.placement.is_cut_after(*stage))
    }
}

/// The street after its run, taken apart.
pub struct Ran<S, E, G, T> {
    /// How it ended.
    pub outcome: Outcome,
    /// Records released: market, responses, timers, control.
    pub records: u64,
    /// Market records released.
    pub market_records: u64,
    /// Words of operators that were to be said after the market's end.
    pub words_unsaid: usize,
    /// From the first record to the last answer, nanoseconds.
    pub run_ns: u64,
    /// The market source, for its skips and its end.
    pub market: S,
    /// The entry.
    pub entry: E,
    /// Books.
    pub book: BookStage,
    /// Policy, orders and positions.
    pub decide: DecideStage,
    /// Gate.
    pub gate: GateStage,
    /// End of the street.
    pub send: SendStage<G, T>,
    /// Inbound journal, to be finished by the caller.
    pub inbound: Option<Writer>,
    /// Time from entry to the sequencer's release.
    pub sequence_hop: tickrace_runtime::meter::Meter,
}

/// Why a street could not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum StreetError {
    /// The calling thread could not be pinned.
    #[error("cannot pin the sequencer's thread: {0}")]
    Pin(PinError),
    /// A ring of no slots.
    #[error("cannot make a ring: {0}")]
    Ring(RingError),
    /// A stage's thread could not start or died: the run's results are not to be trusted.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// A bound did not hold.
    #[error(
        "{count} answers or verdicts found the ring back to the sequencer full: raise run.open_orders_max"
    )]
    LostAnswers {
        /// How many.
        count: u64,
    },
}

pub(crate) fn ring_error(error: RingError) -> StreetError {
    StreetError::Ring(error)
}

struct Mason<'a> {
    layout: &'a Layout,
    /// Core of each thread of the placement; none where threads are not pinned.
    cores: Vec<Option<usize>>,
    broken: Arc<AtomicBool>,
}

/// What follows a cut, and the thread behind it where there is one.
type Laid<N> = (Link<N, Envelope>, Option<Worker<N>>);

impl Mason<'_> {
    fn core_of(&self, stage: StageName) -> Option<usize> {
        let thread = self.layout.placement.thread_of(stage)?;
        self.cores.get(thread).copied().flatten()
    }

    /// Puts `node`, which begins with `stage`, behind a ring and into a thread where the placement cuts there.
    fn lay<N>(&self, before: StageName, stage: StageName, node: N) -> Result<Laid<N>, StreetError>
    where
        N: Emit<Envelope> + Send + 'static,
    {
        if !self.layout.placement.is_cut_after(before) {
            return Ok((Link::Here(node), None));
        }
        let idle = self.layout.idle;
        let (producer, consumer) =
            ring::ring::<Envelope>(self.layout.ring_slots, Full::Spin, idle).map_err(ring_error)?;
        let name = format!("tickrace-{}", stage.name());
        let body = move || work(node, consumer, idle);
        let worker = worker::spawn(&name, self.core_of(stage), Arc::clone(&self.broken), body)?;
        Ok((Link::There(producer), Some(worker)))
    }
}

/// Handles what the ring brings until its producer is gone.
fn work<N: Emit<Envelope>>(mut node: N, mut consumer: Consumer<Envelope>, idle: IdleStrategy) -> N {
    let mut idler = Idler::new(idle);
    loop {
        if consumer.drain(64, |envelope| node.emit(&mut envelope.clone())) > 0 {
            idler.reset();
        } else if consumer.is_finished() {
            return node;
        } else {
            idler.idle();
        }
    }
}

/// Takes a link apart: the stages here, or those that come home from their thread.
fn unlay<N>(link: Link<N, Envelope>, worker: Option<Worker<N>>) -> Result<N, StreetError> {
    match (link, worker) {
        (Link::Here(node), _) => Ok(node),
        (Link::There(producer), Some(worker)) => {
            drop(producer);
            Ok(worker.join()?)
        }
        (Link::There(_), None) => unreachable!("a ring is only laid together with its thread"),
    }
}

fn split<S, L>(joined: Joined<S, L>) -> (S, L) {
    (joined.stage, joined.next)
}

/// Joins, runs and takes apart.
///
/// # Errors
///
/// [`StreetError`]: a thread that cannot start, a stage that died, or a bound that did not hold.
pub fn run<S, E, G, T>(
    parts: Parts<S, E, G, T>,
    layout: &Layout,
    stamps: &Arc<Stamps>,
    kill: &Arc<KillFlag>,
) -> Result<Ran<S, E, G, T>, StreetError>
where
    S: Source + Send + 'static,
    E: Entry,
    G: Gateway + Send + 'static,
    T: OrderTap + Send + 'static,
{
    let hop = || HopMeter::new(Arc::clone(stamps), layout.hop_sample_log2);
    let broken = Arc::new(AtomicBool::new(false));
    let declared = Arc::new(Declared::default());
    let cores = if layout.is_pinned { layout.placement.cores(pin::allowed_cores()) } else { Vec::new() };
    let mason = Mason { layout, cores, broken: Arc::clone(&broken) };
    let (response_in, responses) =
        ring::ring(layout.return_slots, Full::DropAndCount, layout.idle).map_err(ring_error)?;
    let (refusal_in, refusals) =
        ring::ring(layout.return_slots, Full::DropAndCount, layout.idle).map_err(ring_error)?;

    let (verdict_in, verdicts) =
        ring::ring(parts.gate.verdicts_max(), Full::DropAndCount, layout.idle).map_err(ring_error)?;

    let is_idle_safe = parts.seats.iter().all(|seat| seat.policy.is_timer_idle_safe());
    let skips_idle_timers = layout.skips_idle_timers && is_idle_safe;
    let send = SendStage::new(
        parts.gateway,
        parts.tap,
        parts.outbound,
        response_in,
        Arc::clone(&declared),
        Arc::clone(stamps),
        (hop(), hop()),
        Delays {
            lookahead_ns: layout.lookahead_ns,
            refusal_latency_ns: layout.refusal_latency_ns,
            refusals_max: layout.return_slots,
        },
    );
    let gate = GateStage::new(parts.gate, refusal_in, verdict_in, layout.refusal_latency_ns, hop());
    let instrument_count = parts.instruments.len();
    let decide = DecideStage::new(parts.seats, parts.instruments, hop());
    let is_led = send.gateway().leads() && layout.is_fused();
    // Where the world leads, its book serves both, and the memory of this one goes back.
    let books = Some(parts.books).filter(|_| !is_led);
    let book = books.map_or_else(|| BookStage::led(instrument_count), BookStage::new);

    let (send_link, send_worker) = mason.lay(StageName::Gate, StageName::Send, send)?;
    let (gate_link, gate_worker) =
        mason.lay(StageName::Decide, StageName::Gate, Joined::new(gate, send_link))?;
    let (decide_link, decide_worker) =
        mason.lay(StageName::Book, StageName::Decide, Joined::new(decide, gate_link))?;
    let (book_link, book_worker) =
        mason.lay(StageName::Sequence, StageName::Book, Joined::new(book, decide_link))?;
    let is_local =
        book_worker.is_none() && decide_worker.is_none() && gate_worker.is_none() && send_worker.is_none();

    let is_decoder_apart = layout.placement.is_cut_after(StageName::Decode);
    let core = mason.core_of(StageName::Decode);
    let market = Intake::new(parts.market, is_decoder_apart, core, layout, Arc::clone(&broken))?;
    if let Some(core) = mason.core_of(StageName::Sequence) {
        pin::pin_current(core).map_err(StreetError::Pin)?;
    }
    let config = SequencerConfig {
        copy_market: layout.copy_market,
        lookahead_ns: layout.lookahead_ns.min(layout.refusal_latency_ns),
        timer_ns: layout.timer_ns,
        skips_idle_timers,
        is_local,
        is_led,
        idle: layout.idle,
        ring_slots: layout.ring_slots,
    };
    let returns = Returns { responses, refusals, verdicts, declared, broken };
    let mut sequencer = Sequencer::new(
        market,
        parts.entry,
        book_link,
        returns,
        parts.inbound,
        Arc::clone(stamps),
        Arc::clone(kill),
        hop(),
        config,
    )
    .with_words(parts.words);
    let started = stamps.clock().raw();
    let outcome = sequencer.run();
    let run_ns = stamps.clock().delta_ns(started, stamps.clock().raw());
    let (records, market_records) = (sequencer.seq(), sequencer.market_count());
    let words_unsaid = sequencer.words_unsaid();
    let sequence_hop = sequencer.hop().meter().clone();
    let (market, book_link, inbound, entry) = sequencer.into_parts();
    let market = market.into_source()?;
    let (book, decide_link) = split(unlay(book_link, book_worker)?);
    let (decide, gate_link) = split(unlay(decide_link, decide_worker)?);
    let (gate, send_link) = split(unlay(gate_link, gate_worker)?);
    let send = unlay(send_link, send_worker)?;
    let lost = gate.lost_refusals() + send.lost_responses();
    if lost > 0 {
        return Err(StreetError::LostAnswers { count: lost });
    }
    Ok(Ran {
        outcome,
        records,
        market_records,
        words_unsaid,
        run_ns,
        market,
        entry,
        book,
        decide,
        gate,
        send,
        inbound,
        sequence_hop,
    })
}
