//! The peer: the `hftbacktest` crate with the touch quoter, on levels and on orders.
//!
//! Built from the crate's own parts (no builder), so that [`recorder::Recorder`] can stand around its local side and
//! note every fill when the answer arrives. Knows nothing of our exchange or desk; money is the crate's floats.

#[path = "hftbacktest/convert.rs"]
pub mod convert;
#[path = "hftbacktest/quoter.rs"]
pub mod quoter;
#[path = "hftbacktest/recorder.rs"]
pub mod recorder;
#[path = "hftbacktest/records.rs"]
pub mod records;

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hftbacktest::backtest::assettype::LinearAsset;
use hftbacktest::backtest::data::{Data, DataSource, Reader, read_npy_file, read_npz_file};
use hftbacktest::backtest::models::{
    CommonFees, ConstantLatency, L3FIFOQueueModel, LogProbQueueFunc, LogProbQueueFunc2, PowerProbQueueFunc,
    PowerProbQueueFunc3, ProbQueueModel, Probability, QueueModel, RiskAdverseQueueModel,
    TradingValueFeeModel,
};
use hftbacktest::backtest::order::order_bus;
use hftbacktest::backtest::proc::{
    L3Local, L3NoPartialFillExchange, Local, LocalProcessor, NoPartialFillExchange, Processor,
};
use hftbacktest::backtest::state::State;
use hftbacktest::backtest::{Backtest, BacktestError};
use hftbacktest::depth::{
    HashMapMarketDepth, L2MarketDepth, L3MarketDepth, MarketDepth, ROIVectorMarketDepth,
};
use hftbacktest::types::{Bot, Event};
use tickrace_types::price::NANOS;

use self::quoter::{Counts, Quoter, quote};
use self::recorder::{Fill, Recorder};

/// How a place in the queue of a level is estimated; the number is the exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Queue {
    /// Only trades advance us.
    RiskAverse,
    /// `back^n / (back^n + front^n)` of a decrease is behind us.
    Power(f64),
    /// `back^n / (back + front)^n`.
    Power2(f64),
    /// `1 - (front / (front + back))^n`.
    Power3(f64),
    /// As `Power` with `ln(1 + x)`.
    Log,
    /// As `Power2` with `ln(1 + x)`.
    Log2,
}

impl Queue {
    /// All six, with the exponent 3.
    pub const ALL: [Self; 6] =
        [Self::RiskAverse, Self::Power(3.0), Self::Power2(3.0), Self::Power3(3.0), Self::Log, Self::Log2];

    /// Name in tables and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RiskAverse => "risk-averse",
            Self::Power(_) => "power",
            Self::Power2(_) => "power2",
            Self::Power3(_) => "power3",
            Self::Log => "log",
            Self::Log2 => "log2",
        }
    }
}

impl Queue {
    /// The same as our configuration states it.
    pub fn setting(self) -> String {
        match self {
            Self::Power(n) | Self::Power2(n) | Self::Power3(n) => {
                format!("{{ model = \"{}\", exponent = {n:?} }}", self.name())
            }
            Self::RiskAverse | Self::Log | Self::Log2 => format!("{{ model = \"{}\" }}", self.name()),
        }
    }
}

/// `back^n / (back + front)^n`: the crate has it and does not export it.
struct PowerProbQueueFunc2(f64);

impl Probability for PowerProbQueueFunc2 {
    fn prob(&self, front: f64, back: f64) -> f64 {
        back.powf(self.0) / (back + front).powf(self.0)
    }
}

/// A model that has an answer everywhere: where its formula gives no number (a logarithm below zero, once more left ahead
/// of us than there was), whoever left stood behind us. The peer sends such an order to the end of its queue.
struct Sound<P>(P);

impl<P: Probability> Probability for Sound<P> {
    fn prob(&self, front: f64, back: f64) -> f64 {
        let p = self.0.prob(front, back);
        if p.is_nan() { 1.0 } else { p }
    }
}

/// Which book both sides keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Depth {
    /// Every level, in a hash map.
    HashMap,
    /// Levels from `low` to `high` (prices), in a vector.
    Vector {
        /// Lowest price kept.
        low: f64,
        /// Highest price kept.
        high: f64,
    },
}

impl Depth {
    /// Name in tables and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HashMap => "hash",
            Self::Vector { .. } => "roi",
        }
    }
}

/// The venue as the crate simulates it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setup {
    /// Price step, nano-units.
    pub tick_nanos: i64,
    /// Units in one lot, nano-units.
    pub lot_nanos: i64,
    /// Value of one point of price for one unit.
    pub contract: f64,
    /// From us to the venue, nanoseconds.
    pub order_latency_ns: i64,
    /// From the venue to us, nanoseconds.
    pub response_latency_ns: i64,
    /// Fee of a maker, a fraction of the value; below zero it is paid to us.
    pub maker_fee: f64,
    /// Fee of a taker, likewise.
    pub taker_fee: f64,
}

impl Setup {
    /// The ES future without fees, the same latency each way.
    pub const fn es(latency_ns: i64) -> Self {
        Self {
            tick_nanos: 250_000_000,
            lot_nanos: 1_000_000_000,
            contract: 50.0,
            order_latency_ns: latency_ns,
            response_latency_ns: latency_ns,
            maker_fee: 0.0,
            taker_fee: 0.0,
        }
    }

    /// Price step as the crate wants it.
    pub fn tick(&self) -> f64 {
        from_nanos(self.tick_nanos)
    }

    /// Units in one lot as the crate wants it.
    pub fn lot(&self) -> f64 {
        from_nanos(self.lot_nanos)
    }

    fn state(&self) -> Money {
        let fees = TradingValueFeeModel::new(CommonFees::new(self.maker_fee, self.taker_fee));
        State::new(LinearAsset::new(self.contract), fees)
    }

    fn latency(&self) -> ConstantLatency {
        ConstantLatency::new(self.order_latency_ns, self.response_latency_ns)
    }
}

type Money = State<LinearAsset, TradingValueFeeModel<CommonFees>>;

/// What one run gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Every fill, in the order we heard of it; of one moment by order number.
    pub fills: Vec<Fill>,
    /// What the quoter did.
    pub counts: Counts,
    /// Units held at the end.
    pub position: f64,
    /// Sum of what was received for sales less what was paid.
    pub cash: f64,
    /// Fees paid; below zero we were paid.
    pub fees: f64,
    /// Cash and position at the last mid, less fees.
    pub equity: f64,
    /// Wall time of stepping through all events, building and loading left out.
    pub wall: Duration,
}

/// `nanos / 1e9`, correctly rounded below 2^53 nano-units, so that it is the double a decimal text would give.
#[allow(clippy::cast_precision_loss, reason = "see above")]
pub fn from_nanos(nanos: i64) -> f64 {
    nanos as f64 / NANOS as f64
}

/// Events of a `.npz` (array `data`) or `.npy` file as the crate's own tools write them.
///
/// # Errors
///
/// What the crate says of the file; a name that ends otherwise.
pub fn load(path: &Path) -> io::Result<Data<Event>> {
    let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{}: {why}", path.display()));
    let name = path.to_str().ok_or_else(|| wrong("the name is no UTF-8"))?;
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("npz") => read_npz_file(name, "data"),
        Some("npy") => read_npy_file(name),
        _ => Err(wrong("neither .npz nor .npy")),
    }
}

/// Quotes on price levels: the crate's exchange without partial fills.
///
/// # Errors
///
/// What the crate says, [`BacktestError::DataError`] of data among it.
pub fn run_levels(
    events: &Data<Event>,
    setup: &Setup,
    depth: Depth,
    queue: Queue,
    quoter: &Quoter,
) -> Result<Outcome, BacktestError> {
    let (tick, lot) = (setup.tick(), setup.lot());
    match depth {
        Depth::HashMap => with_queue(events, setup, || HashMapMarketDepth::new(tick, lot), queue, quoter),
        Depth::Vector { low, high } => {
            with_queue(events, setup, || ROIVectorMarketDepth::new(tick, lot, low, high), queue, quoter)
        }
    }
}

/// The same with models that have an answer everywhere ([`Sound`]).
///
/// # Errors
///
/// As [`run_levels`].
pub fn run_levels_sound(
    events: &Data<Event>,
    setup: &Setup,
    queue: Queue,
    quoter: &Quoter,
) -> Result<Outcome, BacktestError> {
    let depth = || HashMapMarketDepth::new(setup.tick(), setup.lot());
    match queue {
        Queue::RiskAverse => levels(events, setup, depth, RiskAdverseQueueModel::new(), quoter),
        Queue::Power(n) => guessed(events, setup, depth, Sound(PowerProbQueueFunc::new(n)), quoter),
        Queue::Power2(n) => guessed(events, setup, depth, Sound(PowerProbQueueFunc2(n)), quoter),
        Queue::Power3(n) => guessed(events, setup, depth, Sound(PowerProbQueueFunc3::new(n)), quoter),
        Queue::Log => guessed(events, setup, depth, Sound(LogProbQueueFunc::new()), quoter),
        Queue::Log2 => guessed(events, setup, depth, Sound(LogProbQueueFunc2::new()), quoter),
    }
}

fn with_queue<MD: MarketDepth + L2MarketDepth + 'static>(
    events: &Data<Event>,
    setup: &Setup,
    depth: impl Fn() -> MD,
    queue: Queue,
    quoter: &Quoter,
) -> Result<Outcome, BacktestError> {
    match queue {
        Queue::RiskAverse => levels(events, setup, depth, RiskAdverseQueueModel::new(), quoter),
        Queue::Power(n) => guessed(events, setup, depth, PowerProbQueueFunc::new(n), quoter),
        Queue::Power2(n) => guessed(events, setup, depth, PowerProbQueueFunc2(n), quoter),
        Queue::Power3(n) => guessed(events, setup, depth, PowerProbQueueFunc3::new(n), quoter),
        Queue::Log => guessed(events, setup, depth, LogProbQueueFunc::new(), quoter),
        Queue::Log2 => guessed(events, setup, depth, LogProbQueueFunc2::new(), quoter),
    }
}

fn guessed<MD: MarketDepth + L2MarketDepth + 'static>(
    events: &Data<Event>,
    setup: &Setup,
    depth: impl Fn() -> MD,
    probability: impl Probability + 'static,
    quoter: &Quoter,
) -> Result<Outcome, BacktestError> {
    levels(events, setup, depth, ProbQueueModel::new(probability), quoter)
}

fn levels<MD: MarketDepth + L2MarketDepth + 'static>(
    events: &Data<Event>,
    setup: &Setup,
    depth: impl Fn() -> MD,
    queue: impl QueueModel<MD> + 'static,
    quoter: &Quoter,
) -> Result<Outcome, BacktestError> {
    let (to_local, to_exchange) = order_bus(setup.latency());
    let fills = Rc::new(RefCell::new(Vec::new()));
    let local = Local::new(depth(), setup.state(), 0, to_exchange);
    let local = Recorder::new(local, Rc::clone(&fills), setup.lot());
    let exchange = NoPartialFillExchange::new(depth(), setup.state(), queue, to_local);
    play(events, setup, Box::new(local), Box::new(exchange), quoter, &fills)
}

/// Quotes among orders: the crate's exchange without partial fills, queues first in, first out.
///
/// # Errors
///
/// What the crate says; it stops at an order number it does not know.
pub fn run_orders(
    events: &Data<Event>,
    setup: &Setup,
    depth: Depth,
    quoter: &Quoter,
) -> Result<Outcome, BacktestError> {
    let (tick, lot) = (setup.tick(), setup.lot());
    match depth {
        Depth::HashMap => orders(events, setup, || HashMapMarketDepth::new(tick, lot), quoter),
        Depth::Vector { low, high } => {
            orders(events, setup, || ROIVectorMarketDepth::new(tick, lot, low, high), quoter)
        }
    }
}

fn orders<MD>(
    events: &Data<Event>,
    setup: &Setup,
    depth: impl Fn() -> MD,
    quoter: &Quoter,
) -> Result<Outcome, BacktestError>
where
    MD: L3MarketDepth<Error = BacktestError> + 'static,
{
    let (to_local, to_exchange) = order_bus(setup.latency());
    let fills = Rc::new(RefCell::new(Vec::new()));
    let local = L3Local::new(depth(), setup.state(), 0, to_exchange);
    let local = Recorder::new(local, Rc::clone(&fills), setup.lot());
    let exchange = L3NoPartialFillExchange::new(depth(), setup.state(), L3FIFOQueueModel::new(), to_local);
    play(events, setup, Box::new(local), Box::new(exchange), quoter, &fills)
}

fn play<MD: MarketDepth>(
    events: &Data<Event>,
    setup: &Setup,
    local: Box<dyn LocalProcessor<MD>>,
    exchange: Box<dyn Processor>,
    quoter: &Quoter,
    fills: &RefCell<Vec<Fill>>,
) -> Result<Outcome, BacktestError> {
    let reader = Reader::builder().data(vec![DataSource::Data(events.clone())]).build()?;
    let mut bot = Backtest::new(vec![local], vec![exchange], vec![reader]);
    let start = Instant::now();
    let counts = quote(&mut bot, quoter, setup)?;
    let wall = start.elapsed();
    let depth = bot.depth(0);
    let mid = f64::midpoint(depth.best_bid(), depth.best_ask());
    let state = bot.state_values(0);
    Ok(Outcome {
        fills: fills.take(),
        counts,
        position: state.position,
        cash: state.balance,
        fees: state.fee,
        equity: state.balance + setup.contract * state.position * mid - state.fee,
        wall,
    })
}

/// Writes fills as CSV: `exch_ts_ns,local_ts_ns,side,price_tick,qty_lots,order_id`, by exchange time, then order number.
///
/// # Errors
///
/// What the writer says.
pub fn write_fills(fills: &[Fill], out: &mut impl Write) -> io::Result<()> {
    let mut fills = fills.to_vec();
    fills.sort_unstable_by_key(|fill| (fill.ts_venue_ns, fill.order_id));
    write!(out, "exch_ts_ns,local_ts_ns,side,price_tick,qty_lots,order_id\r\n")?;
    for fill in &fills {
        let Fill { ts_venue_ns, ts_recv_ns, side, price_ticks, qty_lots, order_id } = fill;
        write!(out, "{ts_venue_ns},{ts_recv_ns},{},{price_ticks},{qty_lots},{order_id}\r\n", side.name())?;
    }
    Ok(())
}
