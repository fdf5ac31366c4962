//! One pass over what a run left behind.
//!
//! Feed it, merged by venue time: each change of the top of book of the traded instruments, the outbound orders
//! with their verdicts, the responses. The merge need not be exact: a fill is judged by the mid just before its own
//! venue time, wherever in the stream it is heard, and what the mark did meanwhile counts as drift.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use rustc_hash::FxHashMap;
use tickrace_types::event::venue_reason;
use tickrace_types::{
    Action, Cash, Contract, Header, Instrument, OrderRecord, ResponseKind, ResponseRecord, Side, TopOfBook,
    Verdict,
};

use crate::around::AroundBook;
use crate::config::{AnalyticsError, DAY_NS, RunConfig, RunTimings};
use crate::days::{self, Days};
use crate::digest::OrderDigest;
use crate::drawdown::DrawdownTracker;
use crate::equity::{EquitySeries, InstrumentSeries, SAMPLES_MAX, keep_even};
use crate::figures::{CostItem, add_cost};
use crate::figures::{
    FILLS_MAX, Figures, FillMark, HourPnl, InstrumentReport, InventoryBin, OrderCounts, ReasonCount,
    RunReport, TRIPS_MAX,
};
use crate::funding::FundingClock;
use crate::latency::LatencySummary;
use crate::ledger::Ledger;
use crate::mark::Marks;
use crate::markout::MarkoutBook;
use crate::money;
use crate::portfolio::{Exposures, Held};
use crate::queue::QueueReport;
use crate::quotes::{QuoteClock, QuoteSums};
use crate::strategies::{Sources, StrategyBooks, StrategyReport, StrategyRun};
use crate::tape::{Quote, Tape};
use crate::trades::{TradeStats, Trip};

/// Most bins of an inventory distribution.
pub const INVENTORY_BINS_MAX: i64 = 41;

/// Changes of best prices kept for the price plots, over all instruments, and of one at the least.
const TAPE_MAX: usize = 1 << 20;
const TAPE_MIN: usize = 1 << 11;

/// Longest order life told apart, nanoseconds: thirteen days.
const LIFETIME_NS_MAX: u64 = 1 << 50;

/// Collects a run record by record; [`Run::finish`] gives the report.
#[derive(Debug)]
pub struct Run {
    config: RunConfig,
    instruments: Vec<InstrumentRun>,
    /// Instruments with an order, a fill or an opening position, in the order they became so.
    active: Vec<usize>,
    standing: FxHashMap<u64, Standing>,
    refused_by_gate: [u64; 256],
    refused_by_venue: [u64; 256],
    lifetimes: Histogram<u64>,
    fills: Vec<FillMark>,
    strategies: BTreeMap<u16, StrategyRun>,
    exposures: Exposures,
    trades: TradeStats,
    trips: Vec<Trip>,
    /// Net profit by local hour, and at the last sample.
    by_hour: [Cash; 24],
    sampled_net: Cash,
    digest: OrderDigest,
    clock: SampleClock,
    equity: EquitySeries,
    drawdown: DrawdownTracker,
    days: Days,
    /// When the next funding of any instrument is due.
    funding_ns: i64,
    unknown_records: u64,
    controls: std::collections::BTreeMap<String, u64>,
    queue: Option<QueueReport>,
}

/// An order that stands at the venue.
#[derive(Clone, Copy, Debug)]
struct Standing {
    place: usize,
    side: Side,
    price: i64,
    since_ns: i64,
    filled: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct SampleClock {
    first_ns: Option<i64>,
    now_ns: i64,
    next_sample_ns: i64,
}

/// What is collected of one instrument.
#[derive(Clone, Debug)]
struct InstrumentRun {
    ledger: Ledger,
    books: StrategyBooks,
    funding: FundingClock,
    costs: Vec<CostItem>,
    marks: Marks,
    markouts: MarkoutBook,
    quotes: QuoteClock,
    orders: OrderCounts,
    maker_fills: u64,
    taker_fills: u64,
    opening_lots: i64,
    seen: bool,
    active: bool,
    /// Latest market time, nanoseconds.
    market_ns: i64,
    /// Since when the present position is held.
    held_since_ns: i64,
    held: BTreeMap<i64, i64>,
    series: InstrumentSeries,
    around: AroundBook,
    /// Best prices of the market and of ours, from our first order on.
    market: Tape,
    ours: Tape,
    /// Times of our fills, ascending, one of those within a second.
    fills_ns: Vec<i64>,
}

impl Run {
    /// Nothing seen yet.
    ///
    /// # Errors
    ///
    /// [`AnalyticsError`] where the configuration does not allow exact sums.
    pub fn new(config: RunConfig) -> Result<Self, AnalyticsError> {
        config.validate()?;
        let instruments = config.instruments.as_slice().iter();
        let tape_max = (TAPE_MAX / instruments.len().max(1)).max(TAPE_MIN);
        let instruments =
            instruments.map(|instrument| InstrumentRun::new(instrument, &config, tape_max)).collect();
        let mut run = Self {
            instruments,
            active: Vec::new(),
            standing: FxHashMap::default(),
            refused_by_gate: [0; 256],
            refused_by_venue: [0; 256],
            lifetimes: Histogram::new_with_bounds(1, LIFETIME_NS_MAX, 2)
                .expect("bounds and digits are valid"),
            fills: Vec::new(),
            strategies: BTreeMap::new(),
            exposures: Exposures::default(),
            trades: TradeStats::default(),
            trips: Vec::new(),
            by_hour: [Cash::ZERO; 24],
            sampled_net: Cash::ZERO,
            digest: OrderDigest::new(),
            clock: SampleClock::default(),
            equity: EquitySeries { sample_ns: config.sample_ns, ..EquitySeries::default() },
            drawdown: DrawdownTracker::default(),
            days: Days::new(config.utc_offset_ns),
            funding_ns: i64::MAX,
            unknown_records: 0,
            controls: std::collections::BTreeMap::new(),
            queue: None,
            config,
        };
        for opening in run.config.opening_positions.clone() {
            let place = opening.instrument.index();
            let instrument = &mut run.instruments[place];
            instrument.ledger.open(opening.qty_lots, opening.price_nanos);
            instrument.books.on_mark(opening.price_nanos);
            let known = &run.config.instruments.as_slice()[place];
            let book = instrument.books.of(opening.strategy, opening.instrument.0, known, None);
            book.open(opening.qty_lots, opening.price_nanos);
            run.strategies.entry(opening.strategy).or_default();
            instrument.opening_lots += opening.qty_lots;
            run.activate(place, 0);
        }
        Ok(run)
    }

    /// The top of a book changed, at its venue time.
    pub fn on_top(&mut self, top: &TopOfBook) {
        let Some(place) = self.place_of(top.instrument) else { return };
        self.advance(top.ts_venue_ns);
        let instrument = &mut self.instruments[place];
        instrument.seen = true;
        instrument.market_ns = instrument.market_ns.max(top.ts_venue_ns);
        let now_ns = instrument.market_ns;
        instrument.markouts.on_time(now_ns, &instrument.marks);
        instrument.around.on_time(now_ns);
        instrument.quotes.on_top(now_ns, top);
        if let Some(mark_px) = Marks::of_top(top)
            && instrument.marks.push(now_ns, mark_px)
        {
            instrument.ledger.on_mark(mark_px);
            instrument.books.on_mark(mark_px);
            instrument.around.on_mark(now_ns, mark_px);
        }
        if instrument.active {
            instrument.tape_market(now_ns, top);
        }
    }

    /// A control imposed something, or an operator said something; `name` is for people.
    pub fn on_control(&mut self, name: &str) {
        *self.controls.entry(name.to_owned()).or_default() += 1;
    }

    /// Where our orders stood in their queues, for the report; collected by whoever ran the venue again.
    pub fn set_queue(&mut self, queue: QueueReport) {
        self.queue = Some(queue);
    }

    /// The venue told a funding rate at `ts_ns`: a fraction in 1e-9, paid at `paid_ns`, 0 where it does not say when.
    pub fn on_funding_rate(&mut self, instrument: u32, ts_ns: i64, rate_nanos: i64, paid_ns: i64) {
        let Some(place) = self.place_of(instrument) else { return };
        self.advance(ts_ns);
        self.instruments[place].funding.on_rate(ts_ns, rate_nanos, paid_ns);
        self.funding_ns = self.funding_ns.min(self.instruments[place].funding.due_ns());
    }

    /// The venue told its mark price, nano-units: funding counts from it.
    pub fn on_mark_price(&mut self, instrument: u32, ts_ns: i64, price: i64) {
        let Some(place) = self.place_of(instrument) else { return };
        self.advance(ts_ns);
        self.instruments[place].funding.on_mark(price);
    }

    /// What the fee of a fill was for. Once told it has to be told of every fill: the items add up to the fees.
    pub fn on_costs<'a>(&mut self, instrument: u32, items: impl Iterator<Item = (&'a str, Cash)>) {
        let Some(place) = self.place_of(instrument) else { return };
        let costs = &mut self.instruments[place].costs;
        items.for_each(|(name, amount)| add_cost(costs, name, amount));
    }

    /// An order, replace or cancel left the gate, passed or refused.
    pub fn on_order(&mut self, order: &OrderRecord) {
        self.digest.push(order);
        let Some(place) = self.place_of(order.header.instrument) else { return };
        let ts_ns = order.header.ts_recv_ns;
        self.advance(ts_ns);
        self.activate(place, ts_ns);
        let orders = &mut self.instruments[place].orders;
        match order.action() {
            Action::New => orders.new += 1,
            Action::Replace => orders.replace += 1,
            Action::Cancel | Action::MassCancel => orders.cancel += 1,
        }
        let is_passed = Verdict(order.verdict).is_passed();
        self.strategies
            .entry(order.strategy)
            .or_insert_with(|| StrategyRun::new(self.equity.ts_ns.len()))
            .on_order(is_passed);
        if is_passed {
            orders.passed += 1;
        } else {
            orders.refused += 1;
            self.refused_by_gate[usize::from(order.verdict)] += 1;
        }
    }

    /// The venue, or our gate, answered.
    pub fn on_response(&mut self, response: &ResponseRecord) {
        let Some(place) = self.place_of(response.header.instrument) else { return };
        let Some(kind) = response.response() else {
            self.unknown_records += 1;
            return;
        };
        let ts_ns = time_of(&response.header);
        self.advance(ts_ns);
        self.activate(place, ts_ns);
        match kind {
            // An order that waits for its trigger or auction quotes nothing.
            ResponseKind::Accepted if response.parked != 0 => {}
            ResponseKind::Accepted => self.on_stands(place, ts_ns, response),
            ResponseKind::Replaced if response.parked != 0 => {}
            ResponseKind::Replaced => {
                self.on_gone(response.orig_client_id, ts_ns);
                self.on_stands(place, ts_ns, response);
            }
            ResponseKind::Restated => self.on_moved(ts_ns, response),
            // What trades of it comes as fills; what rests of a stop-limit is left out of the quotes.
            ResponseKind::Triggered => {}
            ResponseKind::Cancelled if response.leaves > 0 => {}
            ResponseKind::Cancelled => {
                if self.on_gone(response.client_id, ts_ns) {
                    self.instruments[place].orders.cancelled += 1;
                }
            }
            ResponseKind::Fill => self.on_fill(place, ts_ns, response),
            ResponseKind::Rejected => {
                self.instruments[place].orders.venue_rejected += 1;
                self.refused_by_venue[usize::from(response.reason)] += 1;
            }
            ResponseKind::CancelRejected => {
                self.instruments[place].orders.cancel_rejected += 1;
                self.refused_by_venue[usize::from(response.reason)] += 1;
            }
            // Counted where the order itself is seen, with its verdict.
            ResponseKind::GateRefused => {}
        }
    }

    fn on_stands(&mut self, place: usize, ts_ns: i64, response: &ResponseRecord) {
        let (side, price) = (response.side(), response.price);
        let instrument = &mut self.instruments[place];
        instrument.orders.stood += 1;
        instrument.quotes.on_rest(ts_ns, side, price);
        instrument.tape_ours(ts_ns);
        let standing = Standing { place, side, price, since_ns: ts_ns, filled: false };
        self.standing.insert(response.client_id, standing);
    }

    /// The venue moved a pegged order: one order, standing elsewhere.
    fn on_moved(&mut self, ts_ns: i64, response: &ResponseRecord) {
        let Some(standing) = self.standing.get_mut(&response.client_id) else { return };
        let instrument = &mut self.instruments[standing.place];
        instrument.quotes.on_gone(ts_ns, standing.side, standing.price);
        standing.price = response.price;
        instrument.quotes.on_rest(ts_ns, standing.side, standing.price);
        instrument.tape_ours(ts_ns);
    }

    /// True where the order stood.
    fn on_gone(&mut self, client_id: u64, ts_ns: i64) -> bool {
        let Some(standing) = self.standing.remove(&client_id) else { return false };
        let instrument = &mut self.instruments[standing.place];
        instrument.quotes.on_gone(ts_ns, standing.side, standing.price);
        instrument.tape_ours(ts_ns);
        let life_ns = u64::try_from(ts_ns - standing.since_ns).unwrap_or(0);
        self.lifetimes.saturating_record(life_ns);
        true
    }

    fn on_fill(&mut self, place: usize, ts_ns: i64, response: &ResponseRecord) {
        if response.qty <= 0 {
            self.unknown_records += 1;
            return;
        }
        let side = response.side();
        let instrument = &mut self.instruments[place];
        instrument.hold_until(ts_ns);
        let mid = instrument.marks.before(ts_ns).or(instrument.ledger.mark_px()).unwrap_or(response.price);
        let fee = money::from_nanos(response.fee_nanos);
        let known = &self.config.instruments.as_slice()[place];
        let (id, mark_px) = (response.header.instrument, instrument.ledger.mark_px());
        let book = instrument.books.of(response.strategy, id, known, mark_px);
        let trip = book.on_fill(ts_ns, response, fee, mid);
        instrument.ledger.on_fill(side, response.price, response.qty, fee, mid);
        let strategy = self
            .strategies
            .entry(response.strategy)
            .or_insert_with(|| StrategyRun::new(self.equity.ts_ns.len()));
        if let Some(trip) = trip {
            strategy.on_trip(&trip);
            self.trades.add(&trip);
            if self.trips.len() < TRIPS_MAX {
                self.trips.push(trip);
            }
        }
        let now_ns = instrument.market_ns;
        instrument.markouts.on_fill(ts_ns, now_ns, side, response.price, response.qty, &instrument.marks);
        instrument.around.on_fill(ts_ns, now_ns, side, &instrument.marks);
        if instrument.fills_ns.last().is_none_or(|last_ns| ts_ns >= last_ns.saturating_add(1_000_000_000)) {
            instrument.fills_ns.push(ts_ns);
        }
        if response.taker == 1 {
            instrument.taker_fills += 1;
        } else {
            instrument.maker_fills += 1;
        }
        if let Some(standing) = self.standing.get_mut(&response.client_id)
            && !standing.filled
        {
            standing.filled = true;
            instrument.orders.filled += 1;
        }
        if response.leaves == 0 {
            self.on_gone(response.client_id, ts_ns);
        }
        if self.fills.len() < FILLS_MAX {
            let mark = FillMark {
                ts_ns,
                price: response.price,
                qty: response.qty,
                instrument: response.header.instrument,
                side,
                taker: response.taker == 1,
            };
            self.fills.push(mark);
        }
    }

    fn place_of(&mut self, instrument: u32) -> Option<usize> {
        let place = usize::try_from(instrument).ok().filter(|place| *place < self.instruments.len());
        if place.is_none() {
            self.unknown_records += 1;
        }
        place
    }

    fn activate(&mut self, place: usize, ts_ns: i64) {
        let instrument = &mut self.instruments[place];
        if !instrument.active {
            instrument.active = true;
            instrument.seen = true;
            instrument.held_since_ns = ts_ns;
            instrument.series.first_sample = self.equity.ts_ns.len();
            self.active.push(place);
        }
    }

    /// Time moves on; a grid time passed is sampled with the state before what happens now.
    #[inline]
    fn advance(&mut self, ts_ns: i64) {
        if self.clock.first_ns.is_none() {
            self.start(ts_ns);
        } else if ts_ns > self.clock.next_sample_ns {
            self.fund(self.clock.next_sample_ns);
            self.sample(self.clock.next_sample_ns);
            self.clock.next_sample_ns = grid_after(ts_ns, self.equity.sample_ns);
        }
        self.fund(ts_ns);
        self.clock.now_ns = self.clock.now_ns.max(ts_ns);
    }

    /// Pays what funding is due at or before `ts_ns`, with the positions held before then.
    #[inline]
    fn fund(&mut self, ts_ns: i64) {
        if ts_ns >= self.funding_ns {
            self.pay_funding(ts_ns);
        }
    }

    #[cold]
    fn pay_funding(&mut self, ts_ns: i64) {
        self.funding_ns = i64::MAX;
        for instrument in &mut self.instruments {
            while instrument.funding.due_ns() <= ts_ns {
                let (lots, mid) = (instrument.ledger.position(), instrument.ledger.mark_px());
                let rate = instrument.funding;
                let received = instrument.funding.settle(lots, mid);
                instrument.ledger.on_funding(received);
                instrument.books.on_funding(received, |lots| rate.worth(lots, mid));
            }
            self.funding_ns = self.funding_ns.min(instrument.funding.due_ns());
        }
    }

    fn start(&mut self, ts_ns: i64) {
        self.clock = SampleClock {
            first_ns: Some(ts_ns),
            now_ns: ts_ns,
            next_sample_ns: grid_after(ts_ns, self.equity.sample_ns),
        };
        for place in &self.active {
            self.instruments[*place].held_since_ns = ts_ns;
        }
        for instrument in &mut self.instruments {
            instrument.funding.start(ts_ns);
            instrument.books.start(ts_ns);
            self.funding_ns = self.funding_ns.min(instrument.funding.due_ns());
        }
        if self.clock.next_sample_ns > ts_ns {
            self.sample(ts_ns);
        }
    }

    fn sample(&mut self, ts_ns: i64) {
        let mut net = Cash::ZERO;
        for place in &self.active {
            let instrument = &mut self.instruments[*place];
            let net_here = instrument.ledger.net_pnl();
            net += net_here;
            for book in instrument.books.all() {
                if let Some(strategy) = self.strategies.get_mut(&book.number) {
                    strategy.net += book.ledger.net_pnl();
                }
            }
            instrument.series.position_lots.push(instrument.ledger.position());
            instrument.series.net_pnl.push(net_here.to_f64());
            instrument
                .series
                .mark
                .push(units(instrument.marks.now().or(instrument.ledger.mark_px()).unwrap_or(0)));
        }
        self.strategies.values_mut().for_each(|strategy| strategy.sample(ts_ns));
        self.sample_exposures();
        self.by_hour[hour_of(ts_ns - 1 + self.config.utc_offset_ns)] += net - self.sampled_net;
        self.sampled_net = net;
        let net = net.to_f64();
        self.drawdown.push(ts_ns, net);
        self.days.push(ts_ns, net);
        self.equity.ts_ns.push(ts_ns);
        self.equity.equity.push(self.config.opening_equity.unwrap_or(0.0) + net);
        self.equity.drawdown.push(self.drawdown.depth());
        if self.equity.ts_ns.len() >= SAMPLES_MAX {
            self.equity.thin();
            self.strategies.values_mut().for_each(|strategy| keep_even(&mut strategy.series, 0));
            for place in &self.active {
                self.instruments[*place].series.thin();
            }
        }
    }

    fn sample_exposures(&mut self) {
        let held = self.active.iter().map(|place| {
            let instrument = &self.instruments[*place];
            let mark_px = instrument.marks.now().or(instrument.ledger.mark_px()).unwrap_or(0);
            let contract = Contract::of(&self.config.instruments.as_slice()[*place]);
            let lots = instrument.books.all().iter().map(|book| book.ledger.position());
            Held::of(lots, mark_px, contract)
        });
        self.exposures.sample(held);
    }

    /// The report; `timings` is what the caller measured of the machine.
    ///
    /// # Panics
    ///
    /// Where a sum that must close does not: that is our mistake, and no report is better than a wrong one.
    pub fn finish(mut self, timings: &RunTimings) -> RunReport {
        let last_ns = self.clock.now_ns;
        if self.clock.first_ns.is_some() && self.equity.ts_ns.last() != Some(&last_ns) {
            self.sample(last_ns);
        }
        // What came at the very time of the last sample is not in it.
        let unsampled = self.net_pnl() - self.sampled_net;
        self.by_hour[hour_of(last_ns + self.config.utc_offset_ns)] += unsampled;
        let strategies = self.strategies();
        let mut sums = Sums::new(&self.config.markout_horizons_ns);
        let mut around = AroundBook::default();
        let mut by_instrument = Vec::new();
        for (place, instrument) in self.instruments.iter_mut().enumerate() {
            if instrument.seen {
                let symbol = self.config.instruments.as_slice()[place].symbol.clone();
                let id = u32::try_from(place).expect("records number instruments with 32 bits");
                by_instrument.push(instrument.finish(symbol, id, last_ns, &mut sums));
                around.merge(&instrument.around);
            }
        }
        self.fills.sort_by_key(|fill| fill.ts_ns);
        let days = self.days.finish(self.config.opening_equity);
        let total = sums.finish();
        let mut sources = Sources::default();
        strategies.iter().for_each(|strategy| sources.merge(&strategy.sources));
        assert_eq!(sources.net(), total.net_pnl, "sources of the strategies = net profit");
        let by_hour = self.by_hour();
        let hours = by_hour.iter().fold(Cash::ZERO, |sum, hour| sum + hour.net_pnl);
        assert_eq!(hours, total.net_pnl, "profit of the hours = net profit");
        RunReport {
            portfolio: self.exposures.finish(&strategies),
            strategies,
            sources,
            by_hour,
            trades: self.trades,
            trips: std::mem::take(&mut self.trips),
            first_ns: self.clock.first_ns.unwrap_or(0),
            last_ns,
            utc_offset_ns: self.config.utc_offset_ns,
            total,
            by_instrument,
            refusals: self.refusals(),
            controls: std::mem::take(&mut self.controls),
            queue: self.queue.take(),
            around: around.result(),
            drawdown: self.drawdown.result(),
            sharpe: days::sharpe(&days),
            days,
            lifetimes: LatencySummary::from_histogram("order lifetime", &self.lifetimes),
            order_digest: self.digest.finish(),
            unknown_records: self.unknown_records,
            timings: timings.clone(),
            title: self.config.title,
            account_currency: self.config.account_currency,
            opening_equity: self.config.opening_equity,
            equity: self.equity,
            fills: self.fills,
            meta: self.config.meta,
        }
    }

    fn net_pnl(&self) -> Cash {
        let active = self.active.iter().map(|place| self.instruments[*place].ledger.net_pnl());
        active.fold(Cash::ZERO, |sum, net| sum + net)
    }

    fn strategies(&mut self) -> Vec<StrategyReport> {
        let names = &self.config.strategy_names;
        let all = std::mem::take(&mut self.strategies).into_iter();
        all.map(|(number, strategy)| {
            let name = names.get(usize::from(number));
            let name = name.cloned().unwrap_or_else(|| format!("strategy {number}"));
            let books = self.instruments.iter().flat_map(|instrument| instrument.books.all());
            strategy.finish(number, name, books.filter(|book| book.number == number))
        })
        .collect()
    }

    /// Hours with profit or loss, in order.
    fn by_hour(&self) -> Vec<HourPnl> {
        let hours = (0..).zip(self.by_hour).map(|(hour, net_pnl)| HourPnl { hour, net_pnl });
        hours.filter(|hour| hour.net_pnl != Cash::ZERO).collect()
    }

    fn refusals(&self) -> Vec<ReasonCount> {
        let gate_name = |code: u8| {
            let known = self.config.refusal_names.iter().find(|entry| entry.0 == code);
            known.map_or_else(|| format!("reason-{code}"), |entry| entry.1.clone())
        };
        let mut refusals = Vec::new();
        for code in 0..=u8::MAX {
            let (gate, venue) =
                (self.refused_by_gate[usize::from(code)], self.refused_by_venue[usize::from(code)]);
            if gate > 0 {
                refusals.push(ReasonCount { by: "gate", code, name: gate_name(code), count: gate });
            }
            if venue > 0 {
                let name = venue_reason_name(code).map_or_else(|| format!("reason-{code}"), str::to_owned);
                refusals.push(ReasonCount { by: "venue", code, name, count: venue });
            }
        }
        refusals.sort_by_key(|reason| std::cmp::Reverse(reason.count));
        refusals
    }
}

impl InstrumentRun {
    fn new(instrument: &Instrument, config: &RunConfig, tape_max: usize) -> Self {
        let contract = Contract::of(instrument);
        Self {
            around: AroundBook::default(),
            market: Tape::new(tape_max),
            ours: Tape::new(tape_max),
            fills_ns: Vec::new(),
            ledger: Ledger::new(contract),
            books: StrategyBooks::default(),
            funding: FundingClock::new(instrument, config.funding),
            costs: Vec::new(),
            marks: Marks::default(),
            markouts: MarkoutBook::new(contract, &config.markout_horizons_ns),
            quotes: QuoteClock::default(),
            orders: OrderCounts::default(),
            maker_fills: 0,
            taker_fills: 0,
            opening_lots: 0,
            seen: false,
            active: false,
            market_ns: i64::MIN,
            held_since_ns: 0,
            held: BTreeMap::new(),
            series: InstrumentSeries::default(),
        }
    }

    /// The market's best prices as they now are; a book that is not to be trusted has none.
    #[inline]
    fn tape_market(&mut self, ts_ns: i64, top: &TopOfBook) {
        let shown = |px: i64, qty: u32| if qty > 0 && top.stale == 0 { px } else { 0 };
        let quote = Quote { ts_ns, bid: shown(top.bid_px, top.bid_qty), ask: shown(top.ask_px, top.ask_qty) };
        self.market.push(quote, &self.fills_ns);
    }

    /// Our best prices as they now are.
    fn tape_ours(&mut self, ts_ns: i64) {
        let best = |side| self.quotes.best(side).unwrap_or(0);
        let quote = Quote { ts_ns, bid: best(Side::Bid), ask: best(Side::Ask) };
        self.ours.push(quote, &self.fills_ns);
    }

    fn hold_until(&mut self, ts_ns: i64) {
        let held_ns = ts_ns - self.held_since_ns;
        if held_ns > 0 {
            *self.held.entry(self.ledger.position()).or_default() += held_ns;
            self.held_since_ns = ts_ns;
        }
    }

    fn finish(&mut self, symbol: String, id: u32, last_ns: i64, sums: &mut Sums) -> InstrumentReport {
        if self.active {
            self.hold_until(last_ns);
        }
        self.markouts.finish(last_ns, &self.marks);
        self.around.finish(last_ns);
        let quotes = self.quotes.finish(last_ns);
        self.ledger.assert_closes();
        self.books.assert_add_up(&self.ledger);
        let (bought, sold) = self.ledger.traded_lots();
        assert_eq!(
            self.ledger.position(),
            self.opening_lots + bought - sold,
            "position of {symbol} = sum of fills"
        );
        let figures = Figures {
            orders: self.orders,
            fills: self.maker_fills + self.taker_fills,
            maker_fills: self.maker_fills,
            taker_fills: self.taker_fills,
            volume_lots: bought + sold,
            bought_lots: bought,
            sold_lots: sold,
            notional: self.ledger.notional(),
            gross_pnl: self.ledger.gross_pnl(),
            fees: self.ledger.fees(),
            costs: std::mem::take(&mut self.costs),
            funding: self.ledger.funding(),
            net_pnl: self.ledger.net_pnl(),
            realised_pnl: self.ledger.realised(),
            unrealised_pnl: self.ledger.unrealised(),
            spread_captured: self.ledger.spread_captured(),
            inventory_drift: self.ledger.inventory_drift(),
            quotes: quotes.result(),
            markouts: self.markouts.result(),
        };
        if !figures.costs.is_empty() {
            let costs = figures.costs.iter().fold(Cash::ZERO, |sum, item| sum + item.amount);
            assert_eq!(costs, figures.fees, "items of cost in {symbol} = its fees");
        }
        sums.add(&figures, &quotes, &self.markouts);
        let (position_min, position_max) = self.ledger.position_range();
        InstrumentReport {
            symbol,
            instrument: id,
            figures,
            position: self.ledger.position(),
            position_min,
            position_max,
            mark: self.marks.now().or(self.ledger.mark_px()).map(units),
            inventory: inventory(&self.held),
            series: std::mem::take(&mut self.series),
            market: self.market.take(),
            ours: self.ours.take(),
        }
    }
}

/// Sums over instruments.
struct Sums {
    figures: Figures,
    quotes: QuoteSums,
    markouts: MarkoutBook,
}

impl Sums {
    fn new(horizons_ns: &[i64]) -> Self {
        let markouts = MarkoutBook::new(Contract::default(), horizons_ns);
        Self { figures: Figures::default(), quotes: QuoteSums::default(), markouts }
    }

    fn add(&mut self, other: &Figures, quotes: &QuoteSums, markouts: &MarkoutBook) {
        let sum = &mut self.figures;
        sum.orders.merge(&other.orders);
        sum.fills += other.fills;
        sum.maker_fills += other.maker_fills;
        sum.taker_fills += other.taker_fills;
        sum.volume_lots += other.volume_lots;
        sum.bought_lots += other.bought_lots;
        sum.sold_lots += other.sold_lots;
        sum.notional += other.notional;
        sum.gross_pnl += other.gross_pnl;
        sum.fees += other.fees;
        other.costs.iter().for_each(|item| add_cost(&mut sum.costs, &item.name, item.amount));
        sum.funding += other.funding;
        sum.net_pnl += other.net_pnl;
        sum.realised_pnl += other.realised_pnl;
        sum.unrealised_pnl += other.unrealised_pnl;
        sum.spread_captured += other.spread_captured;
        sum.inventory_drift += other.inventory_drift;
        self.quotes.merge(quotes);
        self.markouts.merge(markouts);
    }

    fn finish(mut self) -> Figures {
        self.figures.quotes = self.quotes.result();
        self.figures.markouts = self.markouts.result();
        let sum = &self.figures;
        assert_eq!(sum.net_pnl, sum.gross_pnl - sum.fees + sum.funding, "net = gross - fees + funding");
        let parts = sum.spread_captured + sum.inventory_drift - sum.fees + sum.funding;
        assert_eq!(sum.net_pnl, parts, "net = spread captured + drift - fees + funding");
        self.figures
    }
}

/// Time by position as shares of all time, in at most [`INVENTORY_BINS_MAX`] bins of equal width, without holes.
/// Bins hold whole multiples of the largest size that divides every position held: round lots make no gaps.
fn inventory(held: &BTreeMap<i64, i64>) -> Vec<InventoryBin> {
    let Some(((least, _), (most, _))) = held.first_key_value().zip(held.last_key_value()) else {
        return Vec::new();
    };
    let total: i64 = held.values().sum();
    let unit = held.keys().fold(0, |unit, position| common_divisor(unit, *position)).max(1);
    // Counted in units; a bin more than the span needs can appear, since bins are aligned to zero: hence one less.
    let (least, most) = (least / unit, most / unit);
    let width = most.saturating_sub(least) / (INVENTORY_BINS_MAX - 1) + 1;
    let mut bins = Vec::new();
    for place in least.div_euclid(width)..=most.div_euclid(width) {
        let (from_lots, to_lots) = (place * width * unit, (place * width + width - 1) * unit);
        let time: i64 = held.range(from_lots..=to_lots).map(|entry| entry.1).sum();
        bins.push(InventoryBin { from_lots, to_lots, share: time as f64 / total.max(1) as f64 });
    }
    bins
}

/// Greatest common divisor, not negative.
fn common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a.saturating_abs() } else { common_divisor(b, a % b) }
}

/// When the venue did it; where the record has no venue time, when we heard.
fn time_of(header: &Header) -> i64 {
    if header.ts_venue_ns > 0 { header.ts_venue_ns } else { header.ts_recv_ns }
}

/// Hour of the day of a local time, from 0.
fn hour_of(local_ns: i64) -> usize {
    usize::try_from(local_ns.rem_euclid(DAY_NS) / (DAY_NS / 24)).unwrap_or(0)
}

/// First grid time at or after `ts_ns`.
fn grid_after(ts_ns: i64, interval_ns: i64) -> i64 {
    let past = ts_ns.rem_euclid(interval_ns);
    if past == 0 { ts_ns } else { ts_ns.saturating_add(interval_ns - past) }
}

fn units(nanos: i64) -> f64 {
    tickrace_types::Price(nanos).to_f64()
}

/// Lower-case name of a venue's reason.
fn venue_reason_name(code: u8) -> Option<&'static str> {
    Some(match code {
        venue_reason::NONE => "unstated",
        venue_reason::USER => "user",
        venue_reason::IOC => "ioc",
        venue_reason::POST_ONLY => "post_only",
        venue_reason::UNKNOWN_ORDER => "unknown_order",
        venue_reason::NOT_TRADING => "not_trading",
        venue_reason::INVALID => "invalid",
        venue_reason::DUPLICATE_ID => "duplicate_id",
        venue_reason::END_OF_SESSION => "end_of_session",
        venue_reason::CAPACITY => "capacity",
        venue_reason::SELF_TRADE => "self_trade",
        venue_reason::FOK => "fok",
        venue_reason::EXPIRED => "expired",
        venue_reason::AUCTION => "auction",
        venue_reason::MASS_CANCEL => "mass_cancel",
        venue_reason::NO_REFERENCE => "no_reference",
        venue_reason::FAULT => "fault",
        _ => return None,
    })
}

#[cfg(test)]
pub(crate) mod tests;
