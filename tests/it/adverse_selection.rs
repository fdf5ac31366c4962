//! A market maker on a market whose next move is known to follow the lots at the touch: looking at them must pay.
//!
//! The fair process: the touch is four ticks wide around a mid; one side shows four times the other. In each tenth of a second
//! the mid moves with chance one in ten, by two ticks and with six chances in seven towards the thinner side, taken by an order
//! that sweeps the touch; an uninformed order sweeps either side with chance three in ten; the weight changes sides with chance
//! one in ten. What a fill cost is measured against this process, not against anything the desk believes.

use std::sync::Arc;

use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::{self, Journals};
use tickrace_desk::config::StrategyConfig;
use tickrace_desk::meters::Stamps;
use tickrace_desk::stages::sequence::{Entry, Outcome};
use tickrace_feeds::{End, Skips, Source};
use tickrace_runtime::clock::TscClock;
use tickrace_runtime::kill::KillFlag;
use tickrace_stats::Rng;
use tickrace_strategy::MarketMakerConfig;
use tickrace_strategy::market_making::{FairValue, FlowImbalanceConfig, MicropriceConfig};
use tickrace_tests::data::config;
use tickrace_types::{
    Flags, Header, Instrument, InstrumentTable, Kind, MarketRecord, Phase, QuoteRecord, Record, ResponseKind,
    ResponseRecord, Side,
};

const TICK: i64 = 10_000_000;
const STEP_NS: i64 = 100_000_000;
/// Monday the second of March 2026, 15:00 UTC.
const START_NS: i64 = 1_772_463_600_000_000_000;
const STEPS: usize = 30_000;
/// A second later is where a fill is judged.
const LATER: usize = 10;

/// The records, and the mid before each step, ticks.
struct Day {
    records: Vec<Record>,
    mids: Vec<i64>,
}

impl Day {
    fn new(seed: u64) -> Self {
        let mut day = Self { records: Vec::new(), mids: Vec::new() };
        let (mut rng, mut mid, mut is_bid_heavy) = (Rng::new(seed), 10_000_i64, true);
        let phase = MarketRecord { code: Phase::Continuous as u8, ..MarketRecord::default() };
        day.push(0, Kind::Status, *phase.as_record());
        for step in 1..STEPS {
            day.mids.push(mid);
            let chance = rng.uniform();
            let is_up = |bias: f64, rng: &mut Rng| (rng.uniform() < bias) == is_bid_heavy;
            if chance < 0.1 {
                let up = is_up(6.0 / 7.0, &mut rng);
                day.sweep(step, mid, up);
                mid += if up { 2 } else { -2 };
                is_bid_heavy = rng.uniform() < 0.5;
            } else if chance < 0.4 {
                let up = is_up(0.5, &mut rng);
                day.sweep(step, mid, up);
            } else if chance < 0.5 {
                is_bid_heavy = !is_bid_heavy;
            }
            let (bid_qty, ask_qty) = if is_bid_heavy { (400, 100) } else { (100, 400) };
            let quote = QuoteRecord {
                bid_px: (mid - 2) * TICK,
                ask_px: (mid + 2) * TICK,
                bid_qty,
                ask_qty,
                ..QuoteRecord::default()
            };
            day.push(step, Kind::Quote, *quote.as_record());
        }
        day
    }

    /// An order that takes all that is shown on one side of the touch and more.
    fn sweep(&mut self, step: usize, mid: i64, buys: bool) {
        let (side, price) = if buys { (Side::Bid, mid + 2) } else { (Side::Ask, mid - 2) };
        let print =
            MarketRecord { side: side as u8, price: price * TICK, qty: 900, ..MarketRecord::default() };
        self.push(step, Kind::Print, *print.as_record());
    }

    fn push(&mut self, step: usize, kind: Kind, mut record: Record) {
        let at_ns = START_NS + i64::try_from(step).unwrap() * STEP_NS;
        record.header = Header {
            kind: kind as u8,
            version: 1,
            flags: Flags::END_OF_EVENT,
            ts_venue_ns: at_ns,
            ts_recv_ns: at_ns,
            ..Header::default()
        };
        self.records.push(record);
    }
}

struct Told {
    day: Arc<Day>,
    given: usize,
    skips: Skips,
    end: End,
}

impl Told {
    fn new(day: &Arc<Day>) -> Self {
        Self { day: Arc::clone(day), given: 0, skips: Skips::default(), end: End::Running }
    }
}

impl Source for Told {
    fn next_into(&mut self, out: &mut Record) -> bool {
        let Some(record) = self.day.records.get(self.given) else {
            self.end = End::Complete;
            return false;
        };
        *out = *record;
        self.given += 1;
        true
    }

    fn skips(&self) -> &Skips {
        &self.skips
    }

    fn end(&self) -> &End {
        &self.end
    }

    fn position(&self) -> u64 {
        self.given as u64
    }

    fn messages(&self) -> u64 {
        self.given as u64
    }
}

#[derive(Default)]
struct Fills(Vec<ResponseRecord>);

impl Entry for Fills {
    fn enter(&mut self, _count: u64, stamps: &Stamps) -> u64 {
        stamps.clock().raw()
    }

    fn is_stopped(&mut self, _count: u64) -> bool {
        false
    }

    fn on_response(&mut self, response: &ResponseRecord) {
        if response.response() == Some(ResponseKind::Fill) {
            self.0.push(*response);
        }
    }
}

/// What fills cost and brought, a lot, ticks.
#[derive(Clone, Copy, Debug)]
struct Outcomes {
    lots: i64,
    /// How far the fair price went against us within a second.
    adverse_ticks: f64,
    /// What was left of the spread then.
    realised_ticks: f64,
}

fn run(day: &Arc<Day>, policy: MarketMakerConfig) -> Outcomes {
    let path = std::path::PathBuf::from(config("backtest/market_making.toml"));
    let table = tickrace_cli::settings::load(&path, &[]).unwrap();
    let mut desk: DeskConfig = tickrace_cli::settings::parse(&path, &table).unwrap();
    desk.strategy = StrategyConfig::MarketMaking(policy);
    (desk.venue.order_latency_ns, desk.venue.response_latency_ns) = (1_000_000, 1_000_000);
    desk.validate().unwrap();
    let shares = InstrumentTable::new(vec![Instrument::us_equity("FAIR")]).unwrap();
    let (stamps, kill) = (Stamps::new(TscClock::new()), Arc::new(KillFlag::new()));
    let ran = backtest::run(
        &desk,
        &shares,
        Told::new(day),
        Told::new(day),
        Fills::default(),
        Journals::default(),
        &stamps,
        &kill,
    )
    .unwrap();
    assert_eq!(ran.outcome, Outcome::Complete);
    let (mut lots, mut adverse, mut realised) = (0, 0, 0);
    for fill in &ran.entry.0 {
        let step = usize::try_from((fill.header.ts_venue_ns - START_NS) / STEP_NS).unwrap();
        // Steps count from 1; of the last second nobody knows what it cost.
        let (Some(before), Some(after)) = (day.mids.get(step - 1), day.mids.get(step - 1 + LATER)) else {
            continue;
        };
        let sign = fill.side().sign();
        lots += fill.qty;
        adverse += (before - after) * sign * fill.qty;
        realised += (after - fill.price / TICK) * sign * fill.qty;
    }
    let a_lot = |ticks: i64| ticks as f64 / lots as f64;
    Outcomes { lots, adverse_ticks: a_lot(adverse), realised_ticks: a_lot(realised) }
}

/// Quotes at the touch around the mid, whatever the market does.
fn plain() -> MarketMakerConfig {
    MarketMakerConfig {
        half_spread_min_ticks: 2.0,
        half_spread_max_ticks: 2.0,
        risk_aversion_per_tick: 1e-4,
        flow_shift_ticks: 0.0,
        flow_widen_ticks: 0.0,
        requote_ticks: 0,
        quote_life_ns_min: 0,
        ..MarketMakerConfig::with_limits(1_000, 100)
    }
}

#[test]
fn looking_at_the_lots_of_the_touch_lowers_adverse_selection_where_they_foretell_the_move() {
    let day = Arc::new(Day::new(21));
    let mid = run(&day, plain());
    let weighted = run(&day, MarketMakerConfig { fair_value: FairValue::WeightedMid, ..plain() });
    let microprice = MicropriceConfig {
        imbalance_classes: 5,
        spread_classes: 1,
        memory_s: 1e6,
        refresh_s: 1.0,
        moves_min: 100,
    };
    let micro = run(&day, MarketMakerConfig { fair_value: FairValue::Microprice, microprice, ..plain() });
    let flow = FlowImbalanceConfig { shift_per_tick: 1.0, decay_s: 1.0, shift_ticks_max: 2.0 };
    let flow = run(&day, MarketMakerConfig { flow_imbalance: Some(flow), ..plain() });
    println!("mid {mid:?}\nweighted mid {weighted:?}\nmicroprice {micro:?}\nflow {flow:?}");
    assert!(mid.lots > 50_000 && mid.adverse_ticks > 0.2, "the plain quoter is picked off: {mid:?}");
    for (name, leaned) in [("weighted mid", weighted), ("microprice", micro), ("flow", flow)] {
        assert!(leaned.lots > 20_000, "{name} trades on: {leaned:?}");
        assert!(leaned.adverse_ticks < 0.7 * mid.adverse_ticks, "{name}: {leaned:?} against {mid:?}");
        assert!(leaned.realised_ticks > 0.0, "{name} earns what it quotes for: {leaned:?}");
    }
}
