//! A policy in its seat that does what it likes, through the whole street: what left is judged from the two streams alone.
//!
//! See `hostile` for raw orders that no policy could write.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tickrace_cli::input::Session;
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::{self, Journals};
use tickrace_desk::log_source::View as Reading;
use tickrace_desk::meters::Stamps;
use tickrace_desk::sim::SimGateway;
use tickrace_desk::stages::send::OrderTap;
use tickrace_desk::stages::sequence::{Entry, Outcome};
use tickrace_desk::street;
use tickrace_exchange::Exchange;
use tickrace_feeds::synth::{Synth, SynthConfig};
use tickrace_oms::OrderRequest;
use tickrace_risk::{Cause, Scope, TradingState};
use tickrace_runtime::clock::TscClock;
use tickrace_runtime::kill::KillFlag;
use tickrace_strategy::view::Speech;
use tickrace_strategy::{Policies, Policy, Say, View};
use tickrace_tests::data::config;
use tickrace_types::event::ControlCode;
use tickrace_types::{
    Action, InstrumentId, InstrumentTable, Kind, MarketRecord, OrderRecord, Price, ResponseKind,
    ResponseRecord, Side, TimeInForce, Verdict,
};

const POSITION_MAX: i64 = 300;

/// Says as much as it can whenever it is asked, whatever it was told, and answers refusals with more.
struct Hostile(u64);

impl Hostile {
    fn next(&mut self, end: u64) -> i64 {
        // The linear congruence of Knuth's MMIX, upper bits.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % end).cast_signed()
    }

    fn attack(&mut self, view: &View<'_>, say: &mut Say) {
        if !view.top.is_firm() {
            return;
        }
        for _ in 0..4 {
            let side = if self.next(2) == 0 { Side::Bid } else { Side::Ask };
            // Through the other touch as often as not.
            let touch = if self.next(2) == 0 { view.top.bid_px } else { view.top.ask_px };
            let price = Price(touch + (self.next(7) - 3) * 10_000_000);
            let request = OrderRequest::limit(view.id, side, price, 1 + self.next(400));
            let request = if self.next(3) == 0 { request.reducing() } else { request };
            let request = if self.next(2) == 0 { request.with_tif(TimeInForce::Ioc) } else { request };
            say.order(request);
        }
        if self.next(40) == 0 {
            say.speech = Speech::MassCancel;
        }
    }
}

impl Policy for Hostile {
    fn on_event(&mut self, view: &View<'_>, say: &mut Say) {
        self.attack(view, say);
    }

    fn on_timer(&mut self, view: &View<'_>, say: &mut Say) {
        self.attack(view, say);
    }

    fn on_response(&mut self, view: &View<'_>, response: &ResponseRecord, say: &mut Say) {
        // Once for each refusal it could go on for ever; a few times show what there is to see.
        if response.response() != Some(ResponseKind::GateRefused) || self.next(16) == 0 {
            self.attack(view, say);
        }
    }
}

/// What came in besides the market, in its order, and what left.
#[derive(Default)]
struct Seen {
    answers: Vec<ResponseRecord>,
    words: Vec<MarketRecord>,
}

struct Watching(Seen);

impl Entry for Watching {
    fn enter(&mut self, _count: u64, stamps: &Stamps) -> u64 {
        stamps.clock().raw()
    }

    fn is_stopped(&mut self, _count: u64) -> bool {
        false
    }

    fn on_response(&mut self, response: &ResponseRecord) {
        self.0.answers.push(*response);
    }

    fn on_own(&mut self, record: &MarketRecord) {
        if record.header.kind == Kind::Control as u8 {
            self.0.words.push(*record);
        }
    }
}

struct Orders(Arc<Mutex<Vec<OrderRecord>>>);

impl OrderTap for Orders {
    fn on_order(&mut self, order: &OrderRecord) {
        self.0.lock().unwrap().push(*order);
    }
}

const WORDS: &str = r#"operator=[
    { at = "10:30:00", command = "state", state = "halted" },
    { at = "11:00:00", command = "state", state = "active" },
    { at = "11:30:00", command = "state", state = "reduce-only" },
    { at = "12:00:00", command = "state", state = "active" },
    { at = "12:30:00", command = "kill" },
    { at = "13:00:00", command = "rearm-request", ticket = 2 },
    { at = "13:00:01", command = "rearm-confirm", ticket = 2 },
]"#;

fn run(loss_max_ccy: i64) -> (Seen, Vec<OrderRecord>) {
    let path = std::path::PathBuf::from(config("backtest/guarded.toml"));
    let mut table = tickrace_cli::settings::load(&path, &[]).unwrap();
    let words = WORDS.replace('\n', " ");
    let loss = format!("limits.controls.loss.daily_loss_max_ccy={loss_max_ccy}");
    let position = format!("limits.instrument.position_max_lots={POSITION_MAX}");
    for setting in [&words, &loss, &position, "limits.instrument.order_qty_max_lots=250"] {
        tickrace_cli::settings::lay_over(&mut table, setting).unwrap();
    }
    let mut desk: DeskConfig = tickrace_cli::settings::parse(&path, &table).unwrap();
    desk.validate().unwrap();
    let bytes = Synth::new(SynthConfig { seed: 4, symbols: 2, messages: 30_000 }).to_vec();
    let sessions = [Session::of_memory("synthetic day", bytes)];
    let instruments = InstrumentTable::new(sessions[0].announced()).unwrap();
    desk.words =
        tickrace_cli::operator::words(&desk, &sessions, &instruments, &mut |text| panic!("{text}")).unwrap();
    let source = |view| sessions[0].feed(&instruments, view, Some(0));
    let layout = backtest::layout(&desk).unwrap();
    let exchange = Exchange::new(&desk.venue, &instruments, 1 << 14).unwrap();
    let latency_ns = desk.venue.response_latency_ns_min();
    let gateway = SimGateway::new(exchange, source(Reading::Venue), latency_ns, layout.return_slots);
    let orders = Arc::new(Mutex::new(Vec::new()));
    let (entry, tap) = (Watching(Seen::default()), Orders(Arc::clone(&orders)));
    let market = source(Reading::Desk);
    let mut parts =
        backtest::parts(&desk, &instruments, market, entry, gateway, tap, Journals::default()).unwrap();
    parts.seats[0].policy = Policies::Custom(Box::new(Hostile(11)));
    let (stamps, kill) = (Stamps::new(TscClock::new()), Arc::new(KillFlag::new()));
    let ran = street::run(parts, &layout, &stamps, &kill).unwrap();
    assert_eq!(ran.outcome, Outcome::Complete);
    let orders = std::mem::take(&mut *orders.lock().unwrap());
    (ran.entry.0, orders)
}

/// Positions and open orders as the answers up to a number tell.
#[derive(Default)]
struct Book {
    /// Side, instrument, lots that could still trade.
    open: BTreeMap<u64, (Side, u32, i64)>,
    positions: BTreeMap<u32, i64>,
}

impl Book {
    fn hear(&mut self, answer: &ResponseRecord) {
        let Some(open) = self.open.get_mut(&answer.client_id) else { return };
        match answer.response() {
            Some(ResponseKind::Fill) => {
                open.2 -= answer.qty;
                *self.positions.entry(open.1).or_default() += answer.qty * open.0.sign();
            }
            Some(ResponseKind::Cancelled) => open.2 -= answer.qty,
            Some(ResponseKind::Rejected) => open.2 = 0,
            _ => {}
        }
    }

    fn worst(&self, side: Side, instrument: u32) -> i64 {
        let own = self.open.values().filter(|open| (open.0, open.1) == (side, instrument));
        self.positions.get(&instrument).copied().unwrap_or(0) * side.sign()
            + own.map(|open| open.2).sum::<i64>()
    }
}

/// What the last word of every control about an order's scopes asks for; 4 where a kill was not re-armed.
fn state(words: &[MarketRecord], order: &OrderRecord) -> u64 {
    let (mut said, mut is_killed, mut asked) = (BTreeMap::new(), false, false);
    for word in words.iter().filter(|word| word.header.seq <= order.cause_seq) {
        match ControlCode::from_code(word.code) {
            Some(ControlCode::Kill) => (is_killed, asked) = (true, false),
            Some(ControlCode::RearmRequest) => asked = true,
            Some(ControlCode::RearmConfirm) if asked => is_killed = false,
            Some(ControlCode::TradingState | ControlCode::Verdict) => {
                let own = InstrumentId(order.header.instrument);
                let is_meant = match Scope::of(word) {
                    Some(Scope::All | Scope::Venue(_)) | None => true,
                    Some(Scope::Instrument(id)) => id == own,
                    Some(Scope::Strategy(id)) => id.0 == order.strategy,
                };
                if is_meant {
                    said.insert((word.other_ref, word.header.instrument, word.qty), word.order_ref);
                }
            }
            _ => {}
        }
    }
    if is_killed { 4 } else { said.into_values().max().unwrap_or(0) }
}

#[test]
fn what_leaves_a_hostile_policy_keeps_every_limit_and_state() {
    let (seen, orders) = run(100);
    let trips = |cause: Cause| {
        let own = seen
            .words
            .iter()
            .filter(|word| word.code == ControlCode::Verdict as u8 && word.qty == cause as u32);
        own.filter(|word| word.order_ref > 0).count()
    };
    assert!(trips(Cause::DailyLoss) > 0, "no loss was large enough");
    let (mut book, mut heard) = (Book::default(), 0);
    let mut by_state = BTreeMap::<(u64, bool), u64>::new();
    let mut last_id = 0;
    for order in &orders {
        while heard < seen.answers.len() && seen.answers[heard].header.seq <= order.cause_seq {
            book.hear(&seen.answers[heard]);
            heard += 1;
        }
        let is_passed = Verdict(order.verdict).is_passed();
        if order.action() != Action::New {
            continue;
        }
        let state = state(&seen.words, order);
        *by_state.entry((state, is_passed)).or_default() += 1;
        if !is_passed {
            continue;
        }
        assert!(order.client_id > last_id, "{order:?}");
        last_id = order.client_id;
        book.open.insert(order.client_id, (order.side(), order.header.instrument, order.qty));
        let worst = book.worst(order.side(), order.header.instrument);
        assert!(worst <= POSITION_MAX, "{worst} lots: {order:?}");
        assert!(state <= TradingState::ReduceOnly as u64, "state {state}: {order:?}");
        assert!(state == 0 && order.reduce_only == 0 || worst <= 0, "state {state}, {worst} lots: {order:?}");
    }
    println!("{by_state:?}");
    // It tried in each state but the kill, in which the desk asks it no more, and got through where it may.
    for state in [0, 1, 3] {
        assert!(by_state.contains_key(&(state, false)), "never refused in state {state}: {by_state:?}");
    }
    assert!(!by_state.contains_key(&(4, true)));
    assert!(by_state[&(0, true)] > 100 && by_state.contains_key(&(1, true)), "{by_state:?}");
}
