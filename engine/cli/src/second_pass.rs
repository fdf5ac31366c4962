//! A finished run once more: its journal beside the venue, which is run again over the market data with the orders that
//! were journaled then.
//!
//! Every use of a run after its end hangs here: the report, and the explanation of single orders. The strategy is not
//! asked; the venue's answers are compared with the journaled ones, and where one differs nothing that is said of queues
//! can be trusted.

use std::collections::VecDeque;

use indicatif::ProgressBar;
use tickrace_desk::DeskConfig;
use tickrace_desk::log_source::View;
use tickrace_desk::rerun::{Rerun, Step, same_answer};
use tickrace_exchange::Exchange;
use tickrace_journal::{Entry, Reader};
use tickrace_types::{
    InstrumentTable, OrderRecord, Price, Record, ResponseKind, ResponseRecord, Side, Verdict,
};

use crate::Failure;
use crate::backtest::{Market, market_of};
use crate::input::Session;

/// Something that happened to the venue.
pub struct Moment<'a> {
    /// Venue time, nanoseconds since the Unix epoch.
    pub ts_ns: i64,
    /// What.
    pub step: Step,
    /// The market record that happened or, at an arrival, the last before it.
    pub record: &'a Record,
    /// The venue after it.
    pub venue: &'a Exchange,
    /// What the venue answered to it, computed again.
    pub answers: &'a [ResponseRecord],
}

/// Looks on. Orders are told as they left, refused ones included; answers as they were journaled, after all that the
/// venue did up to their time.
pub trait Watcher {
    /// The venue did one thing.
    ///
    /// # Errors
    ///
    /// [`Failure`] ends the pass.
    fn on_moment(&mut self, moment: &Moment<'_>) -> Result<(), Failure>;

    /// An order left the gate, passed or refused.
    ///
    /// # Errors
    ///
    /// [`Failure`] ends the pass.
    fn on_order(&mut self, order: &OrderRecord) -> Result<(), Failure>;

    /// A journaled answer of the venue, or a refusal of the gate.
    ///
    /// # Errors
    ///
    /// [`Failure`] ends the pass.
    fn on_response(&mut self, response: &ResponseRecord) -> Result<(), Failure>;
}

/// What the comparison of answers found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    /// Answers that agree.
    pub answers: u64,
    /// Pairs that differ, missing and surplus answers included.
    pub differing: u64,
    /// The first pair: journaled, computed; absent where there is none.
    pub first: Option<(Option<ResponseRecord>, Option<ResponseRecord>)>,
}

impl Checked {
    /// The first difference in words; `None` where every answer is the journaled one.
    pub fn difference(&self) -> Option<String> {
        self.first.map(|(journaled, computed)| {
            format!(
                "{} answers agree, {} do not; the first: journaled {}; computed {}",
                self.answers,
                self.differing,
                describe(journaled),
                describe(computed)
            )
        })
    }
}

/// Answers looked through for the computed twin of a journaled one: with a latency that varies, what was answered later may
/// be heard earlier.
const REORDER_MAX: usize = 4096;

/// The two sides of the comparison.
#[derive(Default)]
struct Pairs {
    /// Journaled ones without a twin so far.
    journaled: VecDeque<ResponseRecord>,
    /// Computed ones that were not heard so far, in the venue's order.
    computed: VecDeque<ResponseRecord>,
    checked: Checked,
}

impl Pairs {
    fn hear(&mut self, journaled: &ResponseRecord) {
        if !self.pair(journaled) {
            self.journaled.push_back(*journaled);
        }
    }

    fn pair(&mut self, journaled: &ResponseRecord) -> bool {
        let mut near = self.computed.iter().take(REORDER_MAX);
        let Some(place) = near.position(|computed| same_answer(journaled, computed)) else { return false };
        self.computed.remove(place);
        self.checked.answers += 1;
        true
    }

    /// After the last answer of both: what has no twin.
    fn finish(mut self) -> Checked {
        // What the end of the session brought was heard before it was computed.
        for journaled in std::mem::take(&mut self.journaled) {
            self.hear(&journaled);
        }
        while !self.journaled.is_empty() || !self.computed.is_empty() {
            let (journaled, computed) = (self.journaled.pop_front(), self.computed.pop_front());
            self.checked.differing += 1;
            self.checked.first.get_or_insert((journaled, computed));
        }
        self.checked
    }
}

/// The venue of a run, empty, before its market data.
///
/// # Errors
///
/// [`Failure`] where the configuration is not taken.
pub fn venue_of(
    config: &DeskConfig,
    sessions: &[Session],
    instruments: &InstrumentTable,
) -> Result<Rerun<Market>, Failure> {
    let market = market_of(config, sessions, instruments, View::Venue)?;
    let exchange = Exchange::new(&config.venue, instruments, config.run.book_orders_capacity)
        .and_then(|exchange| exchange.seeded(&config.venue, config.run.seed))
        .map_err(|error| Failure::usage(format!("venue: {error}")))?;
    Ok(Rerun::new(exchange, market))
}

/// Runs the venue again beside the journal, to the end of both.
///
/// - `end_ns`: market data after it are left out; `i64::MAX` for none. What was cut short must not be marked with prices
///   of the time after.
/// - `bar`: advanced by one for each order.
///
/// # Errors
///
/// The watcher's own.
pub fn run(
    mut venue: Rerun<Market>,
    inbound: &Reader,
    outbound: &Reader,
    end_ns: i64,
    watcher: &mut impl Watcher,
    bar: &ProgressBar,
) -> Result<Checked, Failure> {
    let mut responses = inbound.iter().filter_map(|entry| match entry {
        Entry::Response(response) => Some(response),
        _ => None,
    });
    let mut orders = outbound.iter().filter_map(|entry| match entry {
        Entry::Order(order) => Some(order),
        _ => None,
    });
    let (mut response, mut order) = (responses.next(), orders.next());
    let mut pairs = Pairs::default();
    let mut answers = Vec::new();
    loop {
        let due_ns = Some(venue.due_ns()).filter(|due_ns| *due_ns <= end_ns).unwrap_or(i64::MAX);
        let response_ns = response.map_or(i64::MAX, time_of);
        let order_ns = order.map_or(i64::MAX, |order| order.header.ts_recv_ns);
        // At one nanosecond the market comes first, then what we sent, then what arrives.
        let is_before_order = due_ns < order_ns || due_ns == order_ns && venue.is_market_next();
        if due_ns < i64::MAX && due_ns <= response_ns && is_before_order {
            step(&mut venue, &mut answers, &mut pairs, watcher)?;
        } else if let Some(sent) = order.filter(|_| order_ns <= response_ns) {
            if Verdict(sent.verdict).is_passed() {
                venue.submit(sent);
            }
            watcher.on_order(sent)?;
            bar.inc(1);
            order = orders.next();
        } else if let Some(heard) = response {
            if heard.response() != Some(ResponseKind::GateRefused) {
                pairs.hear(heard);
            }
            watcher.on_response(heard)?;
            response = responses.next();
        } else {
            break;
        }
    }
    // What still rests where all data are read expires with the session; where they were cut short, nothing more is known.
    if venue.due_ns() == i64::MAX {
        step(&mut venue, &mut answers, &mut pairs, watcher)?;
    }
    Ok(pairs.finish())
}

fn step(
    venue: &mut Rerun<Market>,
    answers: &mut Vec<ResponseRecord>,
    pairs: &mut Pairs,
    watcher: &mut impl Watcher,
) -> Result<(), Failure> {
    answers.clear();
    let Some(step) = venue.step(&mut |answer: &ResponseRecord| answers.push(*answer)) else { return Ok(()) };
    pairs.computed.extend(answers.iter().copied());
    watcher.on_moment(&Moment {
        ts_ns: venue.now_ns(),
        step,
        record: venue.record(),
        venue: venue.exchange(),
        answers,
    })
}

/// When the venue did it; of our gate, when we heard.
fn time_of(response: &ResponseRecord) -> i64 {
    if response.header.ts_venue_ns > 0 { response.header.ts_venue_ns } else { response.header.ts_recv_ns }
}

/// The last time that the streams of a journal know.
pub fn last_ns(inbound: &Reader, outbound: &Reader) -> i64 {
    let last = |reader: &Reader| reader.iter().map(|entry| entry.header().ts_venue_ns).max();
    last(inbound).max(last(outbound)).unwrap_or(i64::MIN)
}

fn describe(answer: Option<ResponseRecord>) -> String {
    let Some(answer) = answer else { return "nothing".to_owned() };
    format!(
        "{} of {} ({} {} lots at {}, {} left, fee {} nano, reason {}, venue time {} ns, heard {} ns)",
        kind_name(&answer),
        answer.client_id,
        Side::from_code(answer.side).name(),
        answer.qty,
        Price(answer.price),
        answer.leaves,
        answer.fee_nanos,
        answer.reason,
        answer.header.ts_venue_ns,
        answer.header.ts_recv_ns
    )
}

/// Lower-case name of what an answer says.
pub const fn kind_name(answer: &ResponseRecord) -> &'static str {
    match answer.response() {
        Some(ResponseKind::Accepted) => "accepted",
        Some(ResponseKind::Replaced) => "replaced",
        Some(ResponseKind::Cancelled) => "cancelled",
        Some(ResponseKind::Fill) => "fill",
        Some(ResponseKind::Rejected) => "rejected",
        Some(ResponseKind::CancelRejected) => "cancel_rejected",
        Some(ResponseKind::GateRefused) => "gate_refused",
        Some(ResponseKind::Triggered) => "triggered",
        Some(ResponseKind::Restated) => "restated",
        None => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use tickrace_types::Header;

    use super::*;

    fn answer(ts_venue_ns: i64, ts_recv_ns: i64, client_id: u64) -> ResponseRecord {
        let header = Header { ts_venue_ns, ts_recv_ns, ..Header::default() };
        ResponseRecord { header, client_id, ..ResponseRecord::default() }
    }

    #[test]
    fn answers_heard_in_another_order_are_the_same_answers() {
        let mut pairs = Pairs::default();
        pairs.computed.extend([answer(1, 9, 1), answer(2, 5, 2)]);
        for (seq, mut heard) in (7..).zip([answer(2, 6, 2), answer(1, 9, 1)]) {
            heard.header.seq = seq;
            pairs.hear(&heard);
        }
        let checked = pairs.finish();
        assert_eq!((checked.answers, checked.differing), (2, 0));
        assert_eq!(checked.difference(), None);
    }

    #[test]
    fn an_answer_heard_before_it_could_be_or_never_computed_is_told() {
        let mut pairs = Pairs::default();
        pairs.computed.extend([answer(1, 9, 1), answer(3, 9, 3)]);
        pairs.hear(&answer(1, 8, 1));
        pairs.hear(&answer(3, 9, 3));
        pairs.hear(&answer(4, 9, 4));
        let checked = pairs.finish();
        assert_eq!((checked.answers, checked.differing), (1, 2));
        let text = checked.difference().expect("they differ");
        assert!(text.contains("heard 8 ns") && text.contains("heard 9 ns"), "{text}");
    }
}
