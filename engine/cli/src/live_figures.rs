//! The figures of a run without a journal: orders and answers are judged while it goes on.
//!
//! The second pass over a journal merges three streams by time: tops, orders, answers. Here orders and answers wait in
//! short queues until nothing earlier can come, and are then taken in the same order; so the figures are the same. What
//! waits is bounded by the answers' latency and by the 1024 records between two looks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tickrace_analytics::{LatencySummary, Run, RunReport, RunTimings};
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::{self, Finished, Journals};
use tickrace_desk::log_source::View;
use tickrace_desk::meters::Stamps;
use tickrace_desk::stages::send::OrderTap;
use tickrace_desk::stages::sequence::{Entry, Outcome};
use tickrace_runtime::kill::KillFlag;
use tickrace_types::{InstrumentTable, MarketRecord, OrderRecord, ResponseRecord};

use crate::backtest::{Market, cut_short, failure_of, market_of};
use crate::input::Session;
use crate::tops::{Tape, Tops};
use crate::{Failure, artefacts};

/// Data that many runs read.
pub struct SharedData {
    /// Sessions, in date order.
    pub sessions: Vec<Session>,
    /// Instruments.
    pub instruments: InstrumentTable,
    /// Tops of their books; absent where they are too many to hold.
    pub tape: Option<Tape>,
}

/// A run and what is known of it.
pub struct Judged {
    /// The figures; no configuration, no provenance.
    pub report: RunReport,
    /// How it ended.
    pub outcome: Outcome,
}

/// Runs one configuration on this thread, without a journal.
///
/// - `is_stopped`: asked once every thousand records.
///
/// # Errors
///
/// [`Failure`] where no room accepts the configuration, or the street broke.
pub fn run(
    config: &DeskConfig,
    data: &SharedData,
    stamps: &Arc<Stamps>,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Judged, Failure> {
    let mut config = config.clone();
    config.run.placement = tickrace_desk::config::RunConfig::default().placement;
    config.run.is_pinned = false;
    let SharedData { sessions, instruments, tape } = data;
    config.words = crate::operator::words(&config, sessions, instruments, &mut |_| {})?;
    let market = |view| market_of(&config, sessions, instruments, view);
    let tops = match tape {
        Some(tape) => Tops::Taped(tape.clone()),
        None => Tops::read(market(View::Venue)?, instruments),
    };
    let figures = artefacts::figures_config(&config, instruments, sessions);
    let run = Run::new(figures).map_err(Failure::usage)?;
    let tap = Tap::default();
    let entry = Watching {
        merge: Merge::new(run, tops, config.venue.response_latency_ns_max()),
        orders: Arc::clone(&tap.orders),
        fresh: Vec::new(),
        is_stopped,
    };
    let kill = Arc::new(KillFlag::new());
    let ran = backtest::run_tapped(
        &config,
        instruments,
        market(View::Desk)?,
        market(View::Venue)?,
        entry,
        tap,
        Journals::default(),
        stamps,
        &kill,
    )
    .map_err(failure_of)?;
    Ok(judge(ran, sessions))
}

fn judge(mut ran: Finished<Market, Watching<'_>, Tap>, sessions: &[Session]) -> Judged {
    ran.entry.collect();
    let cut_short = cut_short(&ran, sessions);
    let tick_to_order = ran.send.tick_to_order();
    let timings = RunTimings {
        events: ran.market_records,
        wall_seconds: ran.run_ns as f64 / 1e9,
        tick_to_order: (tick_to_order.count() > 0)
            .then(|| LatencySummary::from_histogram("tick to order", tick_to_order.histogram())),
        tick_to_order_note: "service time, flat out".to_owned(),
        hops: Vec::new(),
        cut_short,
    };
    let report = ran.entry.merge.finish(&timings);
    Judged { report, outcome: ran.outcome }
}

/// Copies each order; judged elsewhere, so that its latency is its own.
#[derive(Default)]
struct Tap {
    orders: Arc<Mutex<Vec<OrderRecord>>>,
}

impl OrderTap for Tap {
    fn on_order(&mut self, order: &OrderRecord) {
        // Both sides are on one thread, or one of them has died and the run is worth nothing.
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push(*order);
    }
}

/// Lets records in flat out, and judges what they led to.
struct Watching<'a> {
    merge: Merge,
    orders: Arc<Mutex<Vec<OrderRecord>>>,
    /// Orders taken from the tap; its place is given back to it.
    fresh: Vec<OrderRecord>,
    is_stopped: &'a dyn Fn() -> bool,
}

impl Watching<'_> {
    fn collect(&mut self) {
        std::mem::swap(&mut *self.orders.lock().unwrap_or_else(PoisonError::into_inner), &mut self.fresh);
        let merge = &mut self.merge;
        self.fresh.drain(..).for_each(|order| merge.on_order(&order));
    }
}

impl Entry for Watching<'_> {
    #[inline]
    fn enter(&mut self, _count: u64, stamps: &Stamps) -> u64 {
        stamps.clock().raw()
    }

    fn is_stopped(&mut self, _count: u64) -> bool {
        self.collect();
        self.merge.settle();
        (self.is_stopped)()
    }

    fn on_response(&mut self, response: &ResponseRecord) {
        self.merge.on_response(response);
    }

    fn on_own(&mut self, record: &MarketRecord) {
        self.merge.on_own(record);
    }
}

/// Merges tops, orders and answers by time.
struct Merge {
    run: Run,
    tops: Tops,
    orders: VecDeque<OrderRecord>,
    responses: VecDeque<ResponseRecord>,
    /// How much later than at the venue an answer is heard, at most, nanoseconds.
    lag_ns: i64,
    /// Receive time of the latest order, and of the latest answer.
    order_ns: i64,
    response_ns: i64,
    /// Latest venue time of anything that would stand in a journal.
    last_ns: i64,
}

impl Merge {
    fn new(run: Run, tops: Tops, lag_ns: i64) -> Self {
        let (orders, responses) = (VecDeque::new(), VecDeque::new());
        Self {
            run,
            tops,
            orders,
            responses,
            lag_ns,
            order_ns: i64::MIN,
            response_ns: i64::MIN,
            last_ns: i64::MIN,
        }
    }

    fn on_order(&mut self, order: &OrderRecord) {
        self.order_ns = self.order_ns.max(order.header.ts_recv_ns);
        self.last_ns = self.last_ns.max(order.header.ts_venue_ns);
        self.orders.push_back(*order);
    }

    fn on_response(&mut self, response: &ResponseRecord) {
        self.response_ns = self.response_ns.max(response.header.ts_recv_ns);
        self.last_ns = self.last_ns.max(response.header.ts_venue_ns);
        self.responses.push_back(*response);
    }

    fn on_own(&mut self, record: &MarketRecord) {
        self.last_ns = self.last_ns.max(record.header.ts_venue_ns);
    }

    /// Takes everything before which nothing can come any more; all orders so far are in.
    fn settle(&mut self) {
        let now_ns = self.order_ns.max(self.response_ns);
        self.take_before(now_ns.saturating_sub(self.lag_ns), i64::MAX);
    }

    /// Takes what is before `known_ns`, and no top after `end_ns`. Ties go as in the pass over a journal.
    fn take_before(&mut self, known_ns: i64, end_ns: i64) {
        loop {
            let due_ns = self.tops.due_ns();
            let top_ns = if due_ns <= end_ns { due_ns } else { i64::MAX };
            let response_ns = self.responses.front().map_or(i64::MAX, |first| first.header.ts_venue_ns);
            let order_ns = self.orders.front().map_or(i64::MAX, |first| first.header.ts_recv_ns);
            if top_ns.min(response_ns).min(order_ns) >= known_ns {
                return;
            }
            if top_ns <= response_ns && top_ns <= order_ns {
                self.tops.tell(&mut self.run);
            } else if order_ns <= response_ns {
                if let Some(order) = self.orders.pop_front() {
                    self.run.on_order(&order);
                }
            } else if let Some(response) = self.responses.pop_front() {
                self.run.on_response(&response);
            }
        }
    }

    fn finish(mut self, timings: &RunTimings) -> RunReport {
        // What was cut short must not be marked with prices of the time after.
        let end_ns = if timings.cut_short.is_some() { self.last_ns } else { i64::MAX };
        self.take_before(i64::MAX, end_ns);
        self.run.finish(timings)
    }
}
