//! The one place where market data, responses, refusals, timers and control become a single order of events.
//!
//! Records are merged by (`ts_recv_ns`, source rank, source sequence), numbered from 1, appended to the inbound
//! journal and only then sent down the street. In a simulated world nothing is released before everything that
//! could come earlier is known: the end of the street declares up to when every response is known
//! ([`Declared`]), and the smallest latency of any answer is the look-ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tickrace_feeds::source::Source;
use tickrace_journal::Writer;
use tickrace_oms::Gateway;
use tickrace_oms::gateway::Led;
use tickrace_runtime::idle::{IdleStrategy, Idler};
use tickrace_runtime::kill::KillFlag;
use tickrace_runtime::ring::Consumer;
use tickrace_runtime::stage::Emit;
use tickrace_types::event::{ControlCode, VERSION, source};
use tickrace_types::{
    Envelope, Flags, Header, InstrumentId, Kind, MarketRecord, Record, ResponseRecord, TopOfBook,
};

use crate::ahead::Ahead;
use crate::meters::{HopMeter, Stamps};
use crate::stages::book::{Reaches, TakesLevels, is_inner_level};
use crate::stages::send::Declared;

/// Decides when a market record enters and which stamp it carries; the end of each record is told too.
pub trait Entry {
    /// About to handle market record number `count` (from 1): returns the raw clock value it counts from, or
    /// [`Stamps::UNMETERED`]. A pacer waits here and returns the time at which the record was due.
    fn enter(&mut self, count: u64, stamps: &Stamps) -> u64;

    /// Whether to stop before the market data ends (an operator's interrupt). Asked once in a while.
    fn is_stopped(&mut self, count: u64) -> bool;

    /// A verdict about the machine, where somebody has found one: a control record, to be journaled before it counts. Asked
    /// once in a while, with how full the ring behind the sequencer is, in basis points.
    fn verdict(&mut self, _waiting_bps: u32) -> Option<MarketRecord> {
        None
    }

    /// A response or refusal was numbered, and is about to be handled.
    #[inline]
    fn on_response(&mut self, _response: &ResponseRecord) {}

    /// A timer or control record was numbered, and is about to be handled.
    #[inline]
    fn on_own(&mut self, _record: &MarketRecord) {}
}

/// What the sequencer needs to know.
#[derive(Clone, Debug)]
pub struct SequencerConfig {
    /// Whether market records are copied into the journal; otherwise the tick file is referred to.
    pub copy_market: bool,
    /// Shortest time between an order and any answer to it, nanoseconds.
    pub lookahead_ns: i64,
    /// Interval of timer records, nanoseconds; 0 for none.
    pub timer_ns: i64,
    /// Whether a timer record is left out where nothing was released since the one before.
    pub skips_idle_timers: bool,
    /// Whether the end of the street is on this thread: everything released has then been handled.
    pub is_local: bool,
    /// Whether the world at the end of the street reads the market data for the desk too.
    pub is_led: bool,
    /// How to wait for the end of the street on another thread.
    pub idle: IdleStrategy,
    /// Slots of the ring behind, where there is one.
    pub ring_slots: usize,
}

/// How a run of the sequencer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All market data was handled.
    Complete,
    /// An operator stopped it.
    Stopped,
    /// A stage on another thread died.
    Broken,
    /// The inbound journal could not be written.
    JournalFailed,
    /// Orders and answers went on and on after the market's end: a defect, cut off at [`RUN_OUT_RECORDS_MAX`].
    Restless,
}

/// Answers heard after the market's end at the most; each open order has a few.
pub const RUN_OUT_RECORDS_MAX: u32 = 1 << 20;

/// Merges, numbers, journals and releases.
pub struct Sequencer<S, E, N> {
    source: S,
    entry: E,
    next: N,
    responses: Consumer<ResponseRecord>,
    refusals: Consumer<ResponseRecord>,
    verdicts: Consumer<Record>,
    /// What operators will say, by time, and how many of it are said.
    words: Vec<MarketRecord>,
    words_said: usize,
    journal: Option<Writer>,
    declared: Arc<Declared>,
    stamps: Arc<Stamps>,
    kill: Arc<KillFlag>,
    broken: Arc<AtomicBool>,
    hop: HopMeter,
    config: SequencerConfig,
    /// The next market records, decoded where they are sent from.
    market: Ahead<Envelope>,
    response_head: Option<ResponseRecord>,
    refusal_head: Option<ResponseRecord>,
    verdict_head: Option<Record>,
    timer_due_ns: i64,
    /// When an operator speaks next.
    word_due_ns: i64,
    /// The last firing; those after it lie whole intervals later.
    timer_last_ns: i64,
    /// The timer fired and nothing was released since: it wakes with the next record.
    is_timer_asleep: bool,
    timer_count: u64,
    /// Who is next besides the market, and when; of the heads above.
    other: (Turn, i64),
    /// On one thread: how much had come back when the rings were last looked into.
    returned_seen: u64,
    /// A head was taken, or a time of our own has changed, since the rings were last looked into.
    is_unheard: bool,
    seq: u64,
    market_count: u64,
    horizon: u64,
    /// Everything due at or before this is known.
    safe_ns: i64,
    now_ns: i64,
    kill_seen: bool,
    /// Levels inside an event are released in place.
    skims: bool,
    /// The record handed over last by a world that leads.
    led: Led,
    /// From this number on an operator is listened to again.
    look_seq: u64,
}

/// Records between two looks at what is not a record: an operator, a full disk.
const LOOK_RECORDS: u64 = 1024;

/// Who is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Market,
    Response,
    Refusal,
    Timer,
    /// A control's verdict.
    Verdict,
    /// An operator's word.
    Word,
}

/// The rings and flags that join the sequencer to the end of the street.
pub struct Returns {
    /// Venue responses.
    pub responses: Consumer<ResponseRecord>,
    /// Refusals of the gate.
    pub refusals: Consumer<ResponseRecord>,
    /// Verdicts of the controls beside it.
    pub verdicts: Consumer<Record>,
    /// What the end of the street declares.
    pub declared: Arc<Declared>,
    /// Set when a stage's thread died.
    pub broken: Arc<AtomicBool>,
}

impl<S: Source, E: Entry, N: Emit<Envelope> + TakesLevels + Reaches> Sequencer<S, E, N> {
    /// Joins a market source to the street.
    #[allow(clippy::too_many_arguments, reason = "the joints of the street, each named once, here")]
    pub fn new(
        market: S,
        entry: E,
        next: N,
        returns: Returns,
        journal: Option<Writer>,
        stamps: Arc<Stamps>,
        kill: Arc<KillFlag>,
        hop: HopMeter,
        config: SequencerConfig,
    ) -> Self {
        Self {
            source: market,
            entry,
            next,
            responses: returns.responses,
            refusals: returns.refusals,
            verdicts: returns.verdicts,
            words: Vec::new(),
            words_said: 0,
            declared: returns.declared,
            broken: returns.broken,
            journal,
            stamps,
            kill,
            hop,
            config,
            market: Ahead::new(),
            response_head: None,
            refusal_head: None,
            verdict_head: None,
            timer_due_ns: i64::MAX,
            word_due_ns: i64::MAX,
            timer_last_ns: 0,
            is_timer_asleep: false,
            timer_count: 0,
            other: (Turn::Timer, i64::MAX),
            returned_seen: 0,
            is_unheard: true,
            seq: 0,
            market_count: 0,
            horizon: 0,
            safe_ns: i64::MAX,
            now_ns: i64::MIN,
            kill_seen: false,
            skims: false,
            led: Led::default(),
            look_seq: 0,
        }
    }

    /// What operators say in the course of a simulated run, in the order of their receive times.
    #[must_use]
    pub fn with_words(mut self, words: Vec<MarketRecord>) -> Self {
        debug_assert!(words.is_sorted_by_key(|word| word.header.ts_recv_ns), "by time");
        self.words = words;
        self
    }

    /// Words of operators that were to be said after the market's end.
    pub fn words_unsaid(&self) -> usize {
        self.words.len() - self.words_said
    }

    /// Runs until the market data ends, then lets what is under way come back.
    pub fn run(&mut self) -> Outcome {
        let outcome = self.run_market();
        if outcome == Outcome::Broken {
            return outcome;
        }
        self.control(ControlCode::EndOfSession, 0);
        let ended = self.run_out();
        if ended == Outcome::Complete { outcome } else { ended }
    }

    fn run_market(&mut self) -> Outcome {
        if !self.config.is_led {
            self.market.fill(&mut self.source);
        }
        self.word_due_ns = self.next_word_ns();
        let is_copied = self.config.copy_market && self.journal.is_some();
        self.skims = self.source.can_skim() && self.next.takes_levels() && !is_copied && !self.config.is_led;
        if self.kill.is_killed()
            && let Some((_, first_ns)) = self.next_market()
        {
            // Killed before anything was heard: nothing is decided on the first record either.
            self.now_ns = self.now_ns.max(first_ns);
            self.tell_kill();
        }
        if self.config.timer_ns > 0
            && let Some((first_ns, _)) = self.next_market()
        {
            self.timer_due_ns = first_ns.saturating_add(self.config.timer_ns);
        }
        while let Some((_, market_due_ns)) = self.next_market() {
            let known_ns = self.hear();
            // In rank order: the market wins a tie, and goes when all that is due before it is known.
            let mut turn = Turn::Market;
            let mut due_ns = market_due_ns;
            let mut needed_ns = due_ns.saturating_sub(1);
            if self.other.1 < due_ns {
                (turn, due_ns) = self.other;
                needed_ns = due_ns;
            }
            if needed_ns > known_ns {
                if !self.ask(due_ns) {
                    return Outcome::Broken;
                }
                continue;
            }
            if self.seq >= self.look_seq
                && let Some(outcome) = self.look_around()
            {
                return outcome;
            }
            match turn {
                Turn::Market if self.skims && self.release_levels() => {}
                Turn::Market if self.config.is_led => self.release_led(),
                Turn::Market => self.release_market(),
                _ => self.release_other(turn),
            }
            if self.kill.is_killed() && !self.kill_seen {
                self.tell_kill();
            }
        }
        Outcome::Complete
    }

    #[cold]
    fn tell_kill(&mut self) {
        self.kill_seen = true;
        let reason = self.kill.reason().unwrap_or_default();
        self.control(ControlCode::Kill, u64::from(reason));
    }

    /// Venue and receive time of the next market record.
    #[inline]
    fn next_market(&mut self) -> Option<(i64, i64)> {
        let header = if self.config.is_led {
            self.next.gateway_mut()?.led_next()?
        } else {
            &self.market.next()?.record.header
        };
        Some((header.ts_venue_ns, header.ts_recv_ns))
    }

    /// Once in a while: whether to stop here.
    #[cold]
    fn look_around(&mut self) -> Option<Outcome> {
        self.look_seq = self.seq + LOOK_RECORDS;
        if self.entry.is_stopped(self.market_count) {
            return Some(Outcome::Stopped);
        }
        let slots = self.config.ring_slots.max(1);
        let waiting = self.next.room().map_or(0, |room| slots.saturating_sub(room));
        let waiting_bps = u32::try_from(waiting * 10_000 / slots).unwrap_or(u32::MAX);
        while let Some(mut verdict) = self.entry.verdict(waiting_bps) {
            (verdict.header.ts_venue_ns, verdict.header.ts_recv_ns) = (self.now_ns, self.now_ns);
            self.release_small(verdict);
            self.is_unheard = true;
        }
        self.journal.as_ref().is_some_and(Writer::is_failed).then_some(Outcome::JournalFailed)
    }

    /// After the market's end: every response still under way is heard, until none can come.
    fn run_out(&mut self) -> Outcome {
        self.timer_due_ns = i64::MAX;
        self.word_due_ns = i64::MAX;
        self.is_timer_asleep = false;
        self.is_unheard = true;
        for _ in 0..RUN_OUT_RECORDS_MAX {
            if !self.ask(i64::MAX) {
                return Outcome::Broken;
            }
            self.hear();
            let (turn, due_ns) = self.other;
            if due_ns < i64::MAX {
                self.release_other(turn);
            } else if self.declared.until_ns() == i64::MAX {
                return Outcome::Complete;
            }
        }
        Outcome::Restless
    }

    /// Hears what came back, where something may have; the time up to which everything is known.
    #[inline]
    fn hear(&mut self) -> i64 {
        if !self.config.is_local {
            self.pull_responses();
            return self.safe_ns;
        }
        // On one thread the end of the street counts what it has put into the rings.
        let returned = self.declared.returned();
        if self.is_unheard || returned != self.returned_seen {
            self.returned_seen = returned;
            self.is_unheard = false;
            self.pull_responses();
        }
        self.declared.until_ns()
    }

    /// Asks the end of the street to make everything up to `due_ns` known, and waits for it.
    fn ask(&mut self, due_ns: i64) -> bool {
        self.horizon += 1;
        if self.config.is_local && self.next.ask(self.horizon, due_ns) {
            self.safe_ns = self.declared.until_ns();
            return true;
        }
        let record = MarketRecord {
            header: Header {
                kind: Kind::Horizon as u8,
                version: VERSION,
                instrument: u32::MAX,
                seq: self.horizon,
                ts_recv_ns: due_ns,
                ..Header::default()
            },
            ..MarketRecord::default()
        };
        self.next.emit(&mut Envelope::small(record.as_record(), &TopOfBook::NONE));
        let mut idler = Idler::new(self.config.idle);
        while self.declared.done() < self.horizon {
            if self.broken.load(Ordering::Acquire) {
                return false;
            }
            idler.idle();
        }
        self.safe_ns = self.declared.until_ns();
        true
    }

    /// Fills the heads from their rings and finds the earliest of them, in rank order.
    fn pull_responses(&mut self) {
        if self.response_head.is_none() {
            self.response_head = self.responses.pop();
        }
        if self.refusal_head.is_none() {
            self.refusal_head = self.refusals.pop();
        }
        let due =
            |head: &Option<ResponseRecord>| head.as_ref().map_or(i64::MAX, |head| head.header.ts_recv_ns);
        if self.verdict_head.is_none() {
            self.verdict_head = self.verdicts.pop();
        }
        let verdict_ns = self.verdict_head.as_ref().map_or(i64::MAX, |head| head.header.ts_recv_ns);
        let mut first = (Turn::Response, due(&self.response_head));
        for next in [
            (Turn::Refusal, due(&self.refusal_head)),
            (Turn::Timer, self.timer_due_ns),
            (Turn::Verdict, verdict_ns),
            (Turn::Word, self.word_due_ns),
        ] {
            if next.1 < first.1 {
                first = next;
            }
        }
        self.other = first;
    }

    /// Gives the next number, and the time of a record that came at `ts_recv_ns`.
    #[inline]
    fn number(&mut self, ts_recv_ns: i64) -> (u64, i64) {
        self.seq += 1;
        // Time never runs backwards for those who decide, whatever the venue's clock did.
        self.now_ns = self.now_ns.max(ts_recv_ns);
        if !self.config.is_local {
            self.safe_ns =
                self.safe_ns.min(self.now_ns.saturating_add(self.config.lookahead_ns).saturating_sub(1));
        }
        (self.seq, self.now_ns)
    }

    /// Releases the levels that come next inside one event, in place: nothing can be decided before it ends, so that they
    /// need no envelope, no stamp and no look at anybody else. False where the next record is none.
    #[inline]
    fn release_levels(&mut self) -> bool {
        let Some(head) = self.market.next() else { return false };
        let due_ns = head.record.header.ts_recv_ns;
        // Time that stands still is what deciding code sees; where it would have to be held back, the long way does so.
        if !is_inner_level(&head.record)
            || due_ns < self.now_ns
            || self.next.levels(std::slice::from_ref(&head.record), due_ns) == 0
        {
            return false;
        }
        self.number(due_ns);
        self.market.take_alone();
        let next = &mut self.next;
        let count = self.source.skim(|records, ts_recv_ns| next.levels(records, ts_recv_ns));
        self.seq += count;
        self.market_count += 1 + count;
        self.market.refill(&mut self.source);
        if self.is_timer_asleep {
            self.wake_timer(due_ns);
        }
        true
    }

    /// A record that the world at the end of the street has done, or does now, in the book that serves both.
    #[inline]
    fn release_led(&mut self) {
        self.market_count += 1;
        // What is metered has the book's work in it.
        let raw = self.entry.enter(self.market_count, &self.stamps);
        let Some(gateway) = self.next.gateway_mut() else { return };
        gateway.lead(&mut self.led);
        let came_ns = self.led.envelope.record.header.ts_recv_ns;
        let (seq, now_ns) = self.number(came_ns);
        let Led { envelope, side, price } = &mut self.led;
        (envelope.record.header.seq, envelope.record.header.ts_recv_ns) = (seq, now_ns);
        if now_ns != came_ns {
            held_back(&mut envelope.second, came_ns, now_ns);
        }
        enter(&self.stamps, &self.hop, seq, raw);
        if self.config.copy_market
            && let Some(journal) = &mut self.journal
        {
            journal.append(&envelope.record);
        }
        self.hop.arrive(seq);
        let told = envelope.record.as_market_mut();
        (told.side, told.price) = (*side, *price);
        if envelope.record.header.instrument == InstrumentId::NONE.0 {
            self.take_tops(came_ns, now_ns);
        }
        self.next.emit(&mut self.led.envelope);
        if self.is_timer_asleep {
            self.wake_timer(now_ns);
        }
    }

    #[cold]
    fn take_tops(&mut self, came_ns: i64, now_ns: i64) {
        let Some(gateway) = self.next.gateway_mut() else { return };
        let mut tops = gateway.led_tops();
        tops.iter_mut().for_each(|top| held_back(top, came_ns, now_ns));
        self.next.take_tops(tops);
    }

    #[inline]
    fn release_market(&mut self) {
        self.market_count += 1;
        let due_ns = self.market.next().map_or(i64::MAX, |next| next.record.header.ts_recv_ns);
        let (seq, now_ns) = self.number(due_ns);
        let next = &self.next;
        let released = self.market.take(&mut self.source, |soon, when| next.expect(soon, when));
        let raw = self.entry.enter(self.market_count, &self.stamps);
        (released.record.header.seq, released.record.header.ts_recv_ns) = (seq, now_ns);
        enter(&self.stamps, &self.hop, seq, raw);
        if self.config.copy_market
            && let Some(journal) = &mut self.journal
        {
            journal.append(&released.record);
        }
        self.hop.arrive(seq);
        self.next.emit(released);
        if self.is_timer_asleep {
            self.wake_timer(now_ns);
        }
    }

    #[inline(never)]
    fn release_other(&mut self, turn: Turn) {
        // A head goes: the next one takes its place before the next turn.
        self.is_unheard = true;
        let taken = match turn {
            Turn::Response => self.response_head.take(),
            Turn::Refusal => self.refusal_head.take(),
            Turn::Timer => {
                self.timer();
                None
            }
            Turn::Verdict | Turn::Word => {
                self.release_control(turn);
                None
            }
            Turn::Market => None,
        };
        let Some(mut response) = taken else { return };
        (response.header.seq, response.header.ts_recv_ns) = self.number(response.header.ts_recv_ns);
        if let Some(journal) = &mut self.journal {
            journal.append_response(&response);
        }
        self.entry.on_response(&response);
        self.next.emit(&mut Envelope::response(&response));
        if self.is_timer_asleep {
            self.wake_timer(self.now_ns);
        }
    }

    /// Something was released at `now_ns`: the timer fires at the next whole interval from there.
    #[cold]
    fn wake_timer(&mut self, now_ns: i64) {
        self.is_timer_asleep = false;
        let passed_ns = now_ns.saturating_sub(self.timer_last_ns).max(1);
        // Rounded up: at the same time the record comes first, and then the firing.
        let intervals = passed_ns.saturating_add(self.config.timer_ns - 1) / self.config.timer_ns;
        self.timer_due_ns = self.timer_last_ns.saturating_add(intervals.saturating_mul(self.config.timer_ns));
        self.is_unheard = true;
    }

    fn timer(&mut self) {
        self.timer_count += 1;
        let header = Header {
            kind: Kind::Timer as u8,
            version: VERSION,
            flags: Flags::END_OF_EVENT,
            source: source::TIMER,
            instrument: u32::MAX,
            ts_venue_ns: self.timer_due_ns,
            ts_recv_ns: self.timer_due_ns,
            ..Header::default()
        };
        self.timer_last_ns = self.timer_due_ns;
        self.is_timer_asleep = self.config.skips_idle_timers;
        self.timer_due_ns = if self.is_timer_asleep {
            i64::MAX
        } else {
            self.timer_due_ns.saturating_add(self.config.timer_ns)
        };
        self.release_small(MarketRecord { header, order_ref: self.timer_count, ..MarketRecord::default() });
    }

    /// A verdict or an operator's word.
    fn release_control(&mut self, turn: Turn) {
        let record = if turn == Turn::Verdict {
            self.verdict_head.take().map(|head| *head.as_market())
        } else {
            self.words_said += 1;
            self.words.get(self.words_said - 1).copied()
        };
        self.word_due_ns = self.next_word_ns();
        if let Some(record) = record {
            self.release_small(record);
            self.rearm(&record);
        }
        if self.is_timer_asleep {
            self.wake_timer(self.now_ns);
        }
    }

    /// The words that re-arm the gate re-arm the flag. Where its cause is still there it is latched again meanwhile, and the kill
    /// is told once more, before anything else.
    fn rearm(&mut self, record: &MarketRecord) {
        let is_of_kill = record.qty == 0 && self.kill.is_killed();
        match ControlCode::from_code(record.code).filter(|_| is_of_kill) {
            Some(ControlCode::RearmRequest) => {
                // It can only be refused where nothing is latched.
                let _ = self.kill.request_rearm();
            }
            Some(ControlCode::RearmConfirm) => {
                let _ = self.kill.confirm_rearm();
                self.kill_seen = false;
            }
            _ => {}
        }
    }

    fn next_word_ns(&self) -> i64 {
        self.words.get(self.words_said).map_or(i64::MAX, |word| word.header.ts_recv_ns)
    }

    fn control(&mut self, code: ControlCode, argument: u64) {
        let header = Header {
            kind: Kind::Control as u8,
            version: VERSION,
            flags: Flags::END_OF_EVENT,
            source: source::CONTROL,
            instrument: u32::MAX,
            ts_venue_ns: self.now_ns,
            ts_recv_ns: self.now_ns,
            ..Header::default()
        };
        let code = code as u8;
        self.release_small(MarketRecord { header, code, order_ref: argument, ..MarketRecord::default() });
    }

    fn release_small(&mut self, mut record: MarketRecord) {
        (record.header.seq, record.header.ts_recv_ns) = self.number(record.header.ts_recv_ns);
        if let Some(journal) = &mut self.journal {
            journal.append(record.as_record());
        }
        self.entry.on_own(&record);
        self.next.emit(&mut Envelope::small(record.as_record(), &TopOfBook::NONE));
    }

    /// Records released, the last number given.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Market records released.
    pub fn market_count(&self) -> u64 {
        self.market_count
    }

    /// The market source, for what it skipped and how it ended.
    pub fn market(&self) -> &S {
        &self.source
    }

    /// The hop's latencies.
    pub fn hop(&self) -> &HopMeter {
        &self.hop
    }

    /// Gives back the rest of the street and the journal.
    pub fn into_parts(self) -> (S, N, Option<Writer>, E) {
        (self.source, self.next, self.journal, self.entry)
    }
}

/// A market record enters with number `seq`; its latency counts from `raw`.
#[inline]
fn enter(stamps: &Stamps, hop: &HopMeter, seq: u64, raw: u64) {
    stamps.enter(seq, raw);
    if hop.is_sampled(seq) {
        let is_metered = raw != Stamps::UNMETERED;
        stamps.start_hops(seq, if is_metered { raw } else { stamps.clock().raw() });
    }
}

/// A record that came at `came_ns`, while time had gone on to `now_ns`, is received then; so is the top it made.
#[cold]
fn held_back(top: &mut TopOfBook, came_ns: i64, now_ns: i64) {
    if top.ts_recv_ns == came_ns {
        top.ts_recv_ns = now_ns;
    }
}
