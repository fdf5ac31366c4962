//! The whole desk: tick to order in open loop, the trivial chain beside it, and backtests end to end.
//!
//! `cargo bench -p tickrace-bench --bench desk`. `TICKRACE_DESK_REPEATS` (3), `TICKRACE_DESK_MESSAGES` (300,000 for
//! latency, ten times as many for throughput), `TICKRACE_DESK_ITCH` (a tick file
//! instead of the synthetic day). Latency counts from when a record was due, over the ticks that sent
//! an order, to that order encoded as OUCH 5.0; the journal's append is included. `lost` is the share of the
//! core's time the host took away right after: where it is over 0.5 %, p99 is the host's.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench, not a library")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use tickrace_adapters::ouch;
use tickrace_cli::backtest::{Market, market_of};
use tickrace_cli::input::{Bytes, Session};
use tickrace_cli::settings;
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::{self, FlatOut, Journals, Paced};
use tickrace_desk::meters::Stamps;
use tickrace_desk::sim::SimGateway;
use tickrace_desk::stages::send::NoTap;
use tickrace_desk::stages::sequence::Entry;
use tickrace_desk::street;
use tickrace_exchange::Exchange;
use tickrace_feeds::synth::{Synth, SynthConfig};
use tickrace_feeds_files::TickFile;
use tickrace_journal::{Prefault, Writer, WriterConfig};
use tickrace_oms::Gateway;
use tickrace_runtime::clock::TscClock;
use tickrace_runtime::idle::IdleStrategy;
use tickrace_runtime::kill::KillFlag;
use tickrace_runtime::link::{Joined, Link};
use tickrace_runtime::meter::Meter;
use tickrace_runtime::stage::{Emit, Stage};
use tickrace_runtime::{jitter, pin};
use tickrace_types::{Instrument, InstrumentTable, OrderRecord, Record, ResponseRecord};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Encodes each order for the wire, then hands it to the simulated venue.
struct Wire<G> {
    inner: G,
    symbols: Vec<[u8; 8]>,
    buffer: [u8; ouch::SIZE_MAX],
}

impl<G: Gateway> Gateway for Wire<G> {
    #[inline]
    fn send(&mut self, order: &OrderRecord) {
        let symbol = &self.symbols[order.header.instrument as usize];
        let _ = black_box(ouch::encode(order, symbol, &mut self.buffer));
        self.inner.send(order);
    }

    #[inline]
    fn advance(&mut self, horizon_ns: i64) -> i64 {
        self.inner.advance(horizon_ns)
    }

    #[inline]
    fn poll(&mut self, out: &mut impl FnMut(&ResponseRecord)) {
        self.inner.poll(out);
    }
}

struct World {
    config: DeskConfig,
    sessions: [Session; 1],
    instruments: InstrumentTable,
}

fn world(symbols: u32, messages: u64, overrides: &[&str]) -> World {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/backtest/market_making.toml");
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    let table = settings::load(&path, &overrides).unwrap();
    let mut config: DeskConfig = settings::parse(&path, &table).unwrap();
    config.run.idle = IdleStrategy::Spin;
    config.run.hop_sample_log2 = number("TICKRACE_DESK_HOPS", 64) as u32;
    let bytes = match std::env::var_os("TICKRACE_DESK_ITCH") {
        Some(path) => Bytes::File(Arc::new(TickFile::open(path).unwrap())),
        None => Bytes::Memory(Arc::new(Synth::new(SynthConfig { seed: 1, symbols, messages }).to_vec())),
    };
    let session =
        Session { path: "a day".into(), bytes, midnight_ns: 0, date: None, fault: None, stored_bytes: 0 };
    let instruments = session.announced().iter().map(|symbol| Instrument::us_equity(symbol)).collect();
    World { config, instruments: InstrumentTable::new(instruments).unwrap(), sessions: [session] }
}

type Ran<E> = street::Ran<Market, E, Wire<SimGateway<Market>>, NoTap>;

fn run<E: Entry>(world: &World, entry: E, stamps: &Arc<Stamps>) -> Ran<E> {
    let folder = tempfile::tempdir().unwrap();
    let segment_bytes = 512 << 20;
    let config = WriterConfig { segment_bytes, prefault: Prefault::Whole, ..WriterConfig::default() };
    let writer = |stream| Some(Writer::create(folder.path(), stream, config).unwrap());
    let journals = Journals { inbound: writer("inbound"), outbound: writer("outbound") };
    let market = || market_of(&world.config, &world.sessions, &world.instruments).unwrap();
    let layout = backtest::layout(&world.config).unwrap();
    let exchange =
        Exchange::new(&world.config.venue, &world.instruments, world.config.run.book_orders_capacity)
            .unwrap();
    let latency_ns = world.config.venue.response_latency_ns;
    let inner = SimGateway::new(exchange, market(), latency_ns, layout.return_slots);
    let symbols = world.instruments.as_slice().iter();
    let symbols = symbols.map(|one| ouch::symbol_field(&one.symbol).unwrap()).collect();
    let gateway = Wire { inner, symbols, buffer: [0; ouch::SIZE_MAX] };
    let parts = backtest::parts(&world.config, &world.instruments, market(), entry, gateway, NoTap, journals)
        .unwrap();
    street::run(parts, &layout, stamps, &Arc::new(KillFlag::new())).unwrap()
}

fn lost_percent() -> f64 {
    jitter::watch(&TscClock::new(), Duration::from_millis(500)).lost_fraction() * 100.0
}

fn show(name: &str, meter: &Meter, lost: f64) {
    let ns = meter.summary();
    println!(
        "{name:<44} p50 {:>6} p90 {:>6} p99 {:>7} p99.9 {:>8} max {:>9} ns  orders {:>7}  lost {lost:.2} %",
        ns.p50, ns.p90, ns.p99, ns.p999, ns.max, ns.count
    );
}

// The trivial chain of four: decode a price, average it, check a position, encode 64 bytes.
struct Average(f64);
struct Check(i64);
struct Encode([u8; 64]);

impl Stage for Average {
    type In = Record;
    type Out = Record;
    #[inline]
    fn on(&mut self, input: &mut Record, out: &mut impl Emit<Record>) {
        self.0 += 0.1 * (input.as_market().price as f64 - self.0);
        input.body[0] = self.0.to_bits();
        out.emit(input);
    }
}

impl Stage for Check {
    type In = Record;
    type Out = Record;
    #[inline]
    fn on(&mut self, input: &mut Record, out: &mut impl Emit<Record>) {
        self.0 = (self.0 + i64::from(input.as_market().qty)) & 0xffff;
        if self.0 < 1 << 17 {
            out.emit(input);
        }
    }
}

impl Emit<Record> for Encode {
    #[inline]
    fn emit(&mut self, input: &mut Record) {
        self.0.copy_from_slice(zerocopy::IntoBytes::as_bytes(&*input));
        black_box(&self.0);
    }
}

fn trivial(rate: f64, messages: u64, stamps: &Stamps) -> Meter {
    let mut chain = Joined::new(
        Average(0.0),
        Link::<_, Record>::Here(Joined::new(Check(0), Link::<_, Record>::Here(Encode([0; 64])))),
    );
    let mut pace = Paced::new(rate, stamps);
    let (mut meter, clock) = (Meter::new(), stamps.clock());
    let mut record = Record::default();
    for count in 1..=messages {
        let due = pace.enter(count, stamps);
        record.body[2] = count;
        chain.emit(black_box(&mut record));
        meter.record(clock.delta_ns(due, clock.raw()));
    }
    meter
}

/// What to run, for a profiler: a part of its name; everything where it is not set.
fn is_wanted(name: &str) -> bool {
    std::env::var("TICKRACE_DESK_ONLY").map_or(true, |only| name.contains(&only))
}

fn main() {
    let (repeats, messages) = (number("TICKRACE_DESK_REPEATS", 3), number("TICKRACE_DESK_MESSAGES", 300_000));
    if let Some(core) = pin::allowed_cores().last() {
        let _ = pin::pin_current(*core);
    }
    let stamps = Stamps::new(TscClock::new());
    let never = |_count| false;
    // Hours pressed into a second would fire a timer every few ticks: none here.
    let day = world(2, messages, &["journal.market=copy", "run.timer_ms=0"]);
    for _ in 0..repeats {
        for rate in [100_000.0, 1_000_000.0] {
            let name = format!("desk/trivial_chain_{rate:.0}");
            if is_wanted(&name) {
                show(&name, &trivial(rate, messages, &stamps), lost_percent());
            }
            let name = format!("desk/tick_to_order_fused_{rate:.0}");
            if is_wanted(&name) {
                let ran = run(&day, Paced::new(rate, &stamps), &stamps);
                show(&name, ran.send.tick_to_order(), lost_percent());
            }
        }
        let name = "desk/tick_to_order_fused_service_time";
        if is_wanted(name) {
            let ran = run(&day, FlatOut::new(&never), &stamps);
            show(name, ran.send.tick_to_order(), lost_percent());
            if std::env::var_os("TICKRACE_DESK_HOPS").is_some() {
                for (name, meter) in [
                    ("seq", &ran.sequence_hop),
                    ("book", ran.decide.hop().meter()),
                    ("decide", ran.gate.hop().meter()),
                    ("gate", ran.send.hop().meter()),
                    ("sent", ran.send.sent().meter()),
                ] {
                    show(name, meter, 0.0);
                }
            }
        }
    }
    for (name, strategy) in [("quoting", "run.seed=1"), ("watching", "strategy={kind=\"idle\"}")] {
        let name = format!("desk/backtest_ten_symbols_{name}");
        if !is_wanted(&name) {
            continue;
        }
        let ten = world(10, messages * 10, &[strategy]);
        for _ in 0..repeats {
            let ran = run(&ten, FlatOut::new(&never), &stamps);
            let rate = ran.market_records as f64 * 1e3 / ran.run_ns as f64;
            println!("{name:<38} {rate:>6.2} million messages a second, {} orders", ran.send.orders());
        }
    }
}
