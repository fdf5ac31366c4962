//! What strategy and risk add between a tick and its orders: the market maker and the gate, each beside a chain without it.
//!
//! One instrument whose touch moves by a tick at each event, so that both quotes move, and a venue that carries every message out
//! before the next event. All chains are the same loop: view, policy, order management, messages, answers.
//!
//! | row | policy | gate |
//! | --- | --- | --- |
//! | `told` | says quotes worked out beforehand | none: every message passes |
//! | `maker` | the market maker | none |
//! | `maker_leaning` | the same with every lean of its reservation price on | none |
//! | `maker_gate` | the market maker | limits of the example |
//! | `maker_gate_controls` | the market maker | those, its controls and limits of the strategy |
//! | `all` | the leaning market maker | the same |
//!
//! Timed is the way from the touch to the first order that has passed the gate, which is tick to order as `tickrace latency` meters it, and
//! in a pass of its own the way to the last of the two messages an event causes: the gate's look at the touch, the policy, order
//! management, and a judgement of each message on the way. Answers and upkeep come after it, as on the street, and so does what the
//! gate writes down of the last order. Contenders take turns
//! within each repeat; a row is the median over the repeats of the median over the events of each, and what a chain adds is the
//! median of its differences from the one without, in which the two clock readings of each event cancel.
//!
//! `TICKRACE_POLICIES_REPEATS` (41) and `TICKRACE_POLICIES_BATCH` (20000) change the size of the run.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use tickrace_oms::{Oms, OmsConfig, WantedQuotes};
use tickrace_risk::{Gate, Limits};
use tickrace_strategy::{MarketMaker, MarketMakerConfig, Policies, Policy, Say, Speech, View};
use tickrace_types::{
    AccountId, Action, Header, Instrument, InstrumentId, InstrumentTable, Kind, MarketRecord, OrderRecord,
    Phase, ResponseKind, ResponseRecord, SessionId, StrategyId, TopOfBook, VenueId,
};

const LIMITS: &str = include_str!("../../configs/limits/us_equity.toml");
const TICK: i64 = 10_000_000;
const START_NS: i64 = 1_772_000_000_000_000_000;
const EVENT_NS: i64 = 1_000_000;
const ONE: InstrumentId = InstrumentId(0);

const LEANING: &str = r#"
    fair_value = "microprice"
    reservation_is_firm = true
    flow_imbalance = { shift_per_tick = 0.3, decay_s = 1.0, shift_ticks_max = 5.0 }
    volatility_ratio = { short_s = 5.0, multiplier_min = 1.0, multiplier_max = 3.0 }
    inventory = { half_life_s = 60.0, skew_ticks = 1.0, skew_ticks_max = 5.0 }
"#;

const OWN_LIMITS: &str = r#"
    [strategies.maker]
    position_max_lots = 1000
    gross_notional_max_ccy = 1000000
    [controls]
    day_start_ms = 0
    [controls.loss]
    daily_loss_max_ccy = 1000000
    weekly_loss_max_ccy = 1000000
    drawdown_max_ccy = 1000000
    drawdown_cooldown_ms = 1000
    state = "halted"
"#;

/// Says what it was told: two ticks either side of a touch it does not look at.
struct Told {
    quotes: [WantedQuotes; 2],
    turn: usize,
}

impl Policy for Told {
    #[inline]
    fn on_event(&mut self, _view: &View<'_>, say: &mut Say) {
        self.turn = 1 - self.turn;
        say.wanted = self.quotes[self.turn];
        say.speech = Speech::Quote;
    }
}

/// Where the way of an event ends that is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// At the first order the gate has judged.
    FirstOrder,
    /// At the last message.
    LastMessage,
}

impl Until {
    const BOTH: [Self; 2] = [Self::FirstOrder, Self::LastMessage];

    fn name(self) -> &'static str {
        match self {
            Self::FirstOrder => "tick to order",
            Self::LastMessage => "tick to both messages",
        }
    }
}

/// One chain.
struct Chain {
    policy: Policies,
    oms: Oms,
    gate: Option<Gate>,
    table: InstrumentTable,
    top: TopOfBook,
    say: Say,
    sent: Vec<OrderRecord>,
    now_ns: i64,
    messages: u64,
    refused: u64,
}

fn maker(more: &str) -> Policies {
    let text = format!(
        "position_max_lots = 1000\norder_qty_lots = 100\nhalf_spread_min_ticks = 2.0\nhalf_spread_max_ticks = 2.0\n\
         requote_ticks = 0\nquote_life_ns_min = 0\nrisk_aversion_per_tick = 0.001\n{more}"
    );
    let config: MarketMakerConfig = toml::from_str(&text).expect("the keys are known");
    Policies::MarketMaker(MarketMaker::new(&config, &table()).expect("the values are in range"))
}

fn table() -> InstrumentTable {
    InstrumentTable::new(vec![Instrument::us_equity("ONE")]).expect("a plain share")
}

fn told() -> Policies {
    let quotes = [10_000, 10_001].map(|bid: i64| {
        let mut wanted = WantedQuotes::NONE;
        wanted.push_bid((bid - 1) * TICK, 100);
        wanted.push_ask((bid + 3) * TICK, 100);
        wanted
    });
    Policies::Custom(Box::new(Told { quotes, turn: 0 }))
}

fn gate(more: &str) -> Gate {
    let mut limits: Limits = toml::from_str(&format!("{LIMITS}{more}")).expect("the example parses");
    // Rates far away: the bench sends faster than any venue would take.
    limits.session.replace_rate_per_s = 100_000_000;
    limits.session.replace_burst_count = 1_000_000_000;
    limits.duplicate.duplicate_window_ms = 1;
    let gate = Gate::new(&limits, &table(), 64).expect("the example is valid").with_strategies(1);
    gate.with_strategy_limits(&limits, &["maker"]).expect("it runs")
}

impl Chain {
    fn new(policy: Policies, gate: Option<Gate>) -> Self {
        let config = OmsConfig {
            open_orders_max: 64,
            strategy: StrategyId(0),
            account: AccountId(0),
            venue: VenueId(0),
            session: SessionId(0),
            first_client_id: 1,
            unacked_timeout_ns: 1_000_000_000,
        };
        let oms = Oms::new(&config, &table());
        let top =
            TopOfBook { bid_qty: 300, ask_qty: 200, phase: Phase::Continuous as u8, ..TopOfBook::default() };
        Self {
            policy,
            oms,
            gate,
            table: table(),
            top,
            say: Say::default(),
            sent: Vec::with_capacity(16),
            now_ns: START_NS,
            messages: 0,
            refused: 0,
        }
    }

    /// The touch moves; what that causes is sent, and the venue carries it out. Nanoseconds of the way that is timed.
    #[inline(never)]
    fn event(&mut self, turn: i64, until: Until) -> u64 {
        self.now_ns += EVENT_NS;
        (self.top.bid_px, self.top.ask_px) = ((10_000 + turn) * TICK, (10_002 + turn) * TICK);
        (self.top.ts_recv_ns, self.top.ts_venue_ns) = (self.now_ns, self.now_ns);
        let header = Header { ts_recv_ns: self.now_ns, ts_venue_ns: self.now_ns, ..Header::default() };
        let market = MarketRecord { header, ..MarketRecord::default() };
        let started = Instant::now();
        if let Some(gate) = &mut self.gate {
            gate.on_top(black_box(&self.top));
        }
        let (record, top) = (market.as_record(), black_box(&self.top));
        let (now_ns, instrument) = (self.now_ns, self.table.get(ONE));
        self.say.reset();
        self.policy
            .on_event(&View { now_ns, record, top, id: ONE, instrument, oms: &self.oms }, &mut self.say);
        let (sent, gate, refused) = (&mut self.sent, &mut self.gate, &mut self.refused);
        let mut spent = None;
        self.say.execute(&mut self.oms, ONE, &header, &mut |order| {
            let judged = gate.as_mut().map(|gate| gate.judge(black_box(order)));
            let is_passed = judged.as_ref().is_none_or(|judged| judged.verdict().is_passed());
            if until == Until::FirstOrder && spent.is_none() {
                spent = Some(started.elapsed());
            }
            *refused += u64::from(!is_passed);
            sent.push(*order);
        });
        let spent = spent.unwrap_or_else(|| started.elapsed());
        self.policy.upkeep(&View { now_ns, record, top, id: ONE, instrument, oms: &self.oms });
        self.messages += self.sent.len() as u64;
        for order in &self.sent {
            let kind = match order.action() {
                Action::New => ResponseKind::Accepted,
                Action::Replace => ResponseKind::Replaced,
                Action::Cancel | Action::MassCancel => ResponseKind::Cancelled,
            };
            let header = Header { kind: Kind::Response as u8, ts_recv_ns: self.now_ns, ..order.header };
            let answer = ResponseRecord {
                header,
                client_id: order.client_id,
                orig_client_id: order.orig_client_id,
                price: order.price,
                leaves: order.qty,
                side: order.side,
                response: kind as u8,
                ..ResponseRecord::default()
            };
            self.oms.on_response(&answer);
            if let Some(gate) = &mut self.gate {
                gate.on_response(&answer);
            }
        }
        self.sent.clear();
        u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Median of the events of a batch, nanoseconds.
    fn run(&mut self, batch: u32, until: Until) -> f64 {
        let mut spent: Vec<u64> = (0..batch).map(|turn| self.event(i64::from(turn & 1), until)).collect();
        spent.sort_unstable();
        spent[spent.len() / 2] as f64
    }
}

fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let repeats = setting("TICKRACE_POLICIES_REPEATS", 41);
    let batch = setting("TICKRACE_POLICIES_BATCH", 20_000);
    let mut chains = [
        ("told", Chain::new(told(), None)),
        ("maker", Chain::new(maker(""), None)),
        ("maker_leaning", Chain::new(maker(LEANING), None)),
        ("maker_gate", Chain::new(maker(""), Some(gate("")))),
        ("maker_gate_controls", Chain::new(maker(""), Some(gate(OWN_LIMITS)))),
        ("all", Chain::new(maker(LEANING), Some(gate(OWN_LIMITS)))),
    ];
    chains.iter_mut().for_each(|(_, chain)| {
        chain.run(batch, Until::LastMessage);
    });
    println!("policies: {repeats} repeats of {batch} events, medians; both quotes move at each event");
    let mut batches = 1;
    for until in Until::BOTH {
        let mut taken: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for _ in 0..repeats {
            for (name, chain) in &mut chains {
                taken.entry(name).or_default().push(chain.run(batch, until));
            }
        }
        batches += repeats;
        tell(&chains, &taken, f64::from(batch) * f64::from(batches), until);
    }
}

/// The rows and the differences of one way; `events` of each chain so far.
fn tell(chains: &[(&str, Chain)], taken: &BTreeMap<&str, Vec<f64>>, events: f64, until: Until) {
    let until = until.name();
    for (name, chain) in chains {
        let ns = median(taken[name].clone());
        let ratio = ns / median(taken["told"].clone());
        let (messages, refused) = (chain.messages as f64 / events, chain.refused);
        println!(
            "policies/{name:<22} {until}: {ns:8.1} ns  {ratio:5.2} x told  {messages:.2} messages an event, {refused} refused"
        );
    }
    for (name, without, what) in [
        ("maker", "told", "the market maker adds"),
        ("maker_leaning", "maker", "leaning adds"),
        ("maker_gate", "maker", "the gate adds"),
        ("maker_gate", "told", "strategy and risk without optional controls add"),
        ("maker_gate_controls", "maker_gate", "controls and limits of the strategy add"),
        ("maker_gate_controls", "told", "strategy and risk together add"),
        ("all", "told", "strategy and risk with every option add"),
    ] {
        let differences = taken[name].iter().zip(&taken[without]).map(|(with, without)| with - without);
        println!("policies: {what} {:.1} ns from {until}", median(differences.collect()));
    }
}
