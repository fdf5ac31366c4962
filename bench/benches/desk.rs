//! The whole desk: tick to order in open loop, the trivial chain beside it, and backtests end to end.
//!
//! Tick to order: from when a record was due, over the ticks that sent an order, to the first order of each encoded
//! as OUCH 5.0. Inside that window are decoding (the message is decoded once more after it was due), sequencing, the
//! append to the inbound journal, the book, the market maker, order management, the gate, the append to the outbound
//! journal and the encoding. Behind the wire stands a counterparty that acknowledges ([`Loopback`]); the rows named
//! `venue` put the simulated exchange on the same core instead, and `service_time` rows enter flat out.
//!
//! Every open-loop repeat watches the core while it waits: `lost` is the share of that time the host took away. Over
//! 0.5 % a p99 is the host's. The raw cache-line probe stands around the whole, so that machines can be compared.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `TICKRACE_DESK_REPEATS` | repeats of which medians are told | 7 |
//! | `TICKRACE_DESK_MESSAGES` | messages of a synthetic day; ten times as many for throughput | 300,000 |
//! | `TICKRACE_DESK_ITCH` | a tick file instead of the synthetic day, for latency | – |
//! | `TICKRACE_DESK_ONLY` | run only rows whose name contains this | – |
//! | `TICKRACE_DESK_HOPS` | 0: also meter each hop of the service-time run, at the cost of its stamps | – |
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench, not a library")]

use std::hint::black_box;
use std::sync::Arc;

use tickrace_adapters::ouch;
use tickrace_cli::backtest::{Market, market_of};
use tickrace_cli::input::{Bytes, Session, Ticks};
use tickrace_cli::settings;
use tickrace_desk::DeskConfig;
use tickrace_desk::backtest::{self, Journals};
use tickrace_desk::log_source::View;
use tickrace_desk::loopback::Loopback;
use tickrace_desk::meters::Stamps;
use tickrace_desk::pace::{Decoding, FlatOut, Paced};
use tickrace_desk::sim::SimGateway;
use tickrace_desk::stages::send::NoTap;
use tickrace_desk::stages::sequence::Entry;
use tickrace_desk::street;
use tickrace_feeds::synth::{Synth, SynthConfig};
use tickrace_feeds_files::TickFile;
use tickrace_journal::{Prefault, Writer, WriterConfig};
use tickrace_oms::Gateway;
use tickrace_oms::gateway::Led;
use tickrace_runtime::clock::TscClock;
use tickrace_runtime::idle::IdleStrategy;
use tickrace_runtime::kill::KillFlag;
use tickrace_runtime::link::{Joined, Link};
use tickrace_runtime::meter::{Meter, Summary};
use tickrace_runtime::stage::{Emit, Stage};
use tickrace_runtime::{pin, probe};
use tickrace_types::{Header, InstrumentTable, OrderRecord, Record, ResponseRecord, TopOfBook};

// As the program has it.
#[global_allocator]
static MEMORY: tickrace_runtime::huge::HugePages = tickrace_runtime::huge::HugePages;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Encodes each order for the wire, then hands it to whoever stands behind.
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
    fn leads(&self) -> bool {
        self.inner.leads()
    }

    #[inline]
    fn led_next(&self) -> Option<&Header> {
        self.inner.led_next()
    }

    #[inline]
    fn lead(&mut self, out: &mut Led) {
        self.inner.lead(out);
    }

    fn led_tops(&mut self) -> Vec<TopOfBook> {
        self.inner.led_tops()
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
    config.run.hop_sample_log2 = u32::try_from(number("TICKRACE_DESK_HOPS", 64)).unwrap();
    let session = match std::env::var_os("TICKRACE_DESK_ITCH") {
        Some(path) => {
            let file = TickFile::open(path).unwrap();
            Session {
                ticks: Ticks::Itch(Bytes::File(Arc::new(file))),
                ..Session::of_memory("a day", Vec::new())
            }
        }
        None => {
            let day = Synth::new(SynthConfig { seed: 1, symbols, messages }).to_vec();
            Session::of_memory("a day", day)
        }
    };
    let instruments = session.announced();
    World { config, instruments: InstrumentTable::new(instruments).unwrap(), sessions: [session] }
}

type Ran<E, G> = street::Ran<Market, E, Wire<G>, NoTap>;

fn market(world: &World) -> Market {
    market_of(&world.config, &world.sessions, &world.instruments, View::Desk).unwrap()
}

/// The simulated exchange of the configuration, as a backtest has it: one reading and one book for it and the desk.
fn venue(world: &World) -> SimGateway<Market> {
    let (config, instruments) = (&world.config, &world.instruments);
    let layout = backtest::layout(config).unwrap();
    backtest::simulated(config, &layout, instruments, market(world), market(world)).unwrap().0
}

/// A counterparty of the same latencies that acknowledges.
fn loopback(world: &World) -> Loopback {
    let (config, layout) = (&world.config, backtest::layout(&world.config).unwrap());
    let (order_ns, response_ns) = (config.venue.order_latency_ns, config.venue.response_latency_ns);
    Loopback::new(order_ns, response_ns, layout.return_slots)
}

fn run<E: Entry, G: Gateway + Send + 'static>(
    world: &World,
    entry: E,
    inner: G,
    stamps: &Arc<Stamps>,
) -> Ran<E, G> {
    let folder = tempfile::tempdir().unwrap();
    let segment_bytes = 512 << 20;
    let config = WriterConfig { segment_bytes, prefault: Prefault::Whole, ..WriterConfig::default() };
    let writer = |stream| Some(Writer::create(folder.path(), stream, config).unwrap());
    let journals = Journals { inbound: writer("inbound"), outbound: writer("outbound") };
    let layout = backtest::layout(&world.config).unwrap();
    let symbols = world.instruments.as_slice().iter();
    let symbols = symbols.map(|one| ouch::symbol_field(&one.symbol).unwrap()).collect();
    let gateway = Wire { inner, symbols, buffer: [0; ouch::SIZE_MAX] };
    let parts =
        backtest::parts(&world.config, &world.instruments, market(world), entry, gateway, NoTap, journals)
            .unwrap();
    street::run(parts, &layout, stamps, &Arc::new(KillFlag::new())).unwrap()
}

/// One repeat of a row: its latencies, and the share of the time lost, where it was metered.
#[derive(Clone, Copy)]
struct Repeat {
    ns: Summary,
    lost: Option<f64>,
}

/// The repeats of each row, in the order the rows came up.
#[derive(Default)]
struct Rows(Vec<(String, Vec<Repeat>)>);

impl Rows {
    fn add(&mut self, name: &str, meter: &Meter, lost: Option<f64>) {
        let repeat = Repeat { ns: meter.summary(), lost };
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, repeats)) => repeats.push(repeat),
            None => self.0.push((name.to_owned(), vec![repeat])),
        }
    }

    fn show(&self) {
        println!(
            "{:<48} {:>6} {:>6} {:>8} {:>8} {:>8}  medians of repeats, ns",
            "", "p50", "p90", "p99", "best p99", "p99.9"
        );
        for (name, repeats) in &self.0 {
            let sorted = |of: fn(&Summary) -> u64| {
                let mut values: Vec<u64> = repeats.iter().map(|repeat| of(&repeat.ns)).collect();
                values.sort_unstable();
                values
            };
            let median = |of| sorted(of)[repeats.len() / 2];
            let mut lost: Vec<f64> = repeats.iter().filter_map(|repeat| repeat.lost).collect();
            lost.sort_by(f64::total_cmp);
            let clean = lost.iter().filter(|lost| **lost <= 0.005).count();
            let told = lost.get(lost.len() / 2).map_or_else(String::new, |lost| {
                format!(", lost {:.2} %, {clean} of {} under 0.5 %", lost * 100.0, repeats.len())
            });
            println!(
                "{name:<48} {:>6} {:>6} {:>8} {:>8} {:>8}  over {}{told}",
                median(|ns| ns.p50),
                median(|ns| ns.p90),
                median(|ns| ns.p99),
                sorted(|ns| ns.p99)[0],
                median(|ns| ns.p999),
                repeats[0].ns.count,
            );
        }
    }
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

fn trivial(rate: f64, messages: u64, stamps: &Stamps) -> (Meter, f64) {
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
    (meter, pace.lost_fraction())
}

/// What to run, for a profiler: a part of its name; everything where it is not set.
fn is_wanted(name: &str) -> bool {
    std::env::var("TICKRACE_DESK_ONLY").map_or(true, |only| name.contains(&only))
}

fn probed(clock: &TscClock) -> String {
    if std::env::var_os("TICKRACE_DESK_ONLY").is_some() {
        return "not probed".to_owned();
    }
    match pin::allowed_cores() {
        [first, second, ..] => probe::ping_pong(clock, (*first, *second), 50_000).map_or_else(
            |error| error.to_string(),
            |probe| format!("{} ns there and back, {}", probe.rtt_ns.p50, probe.regime().name()),
        ),
        _ => "one core only".to_owned(),
    }
}

fn latency(rows: &mut Rows, day: &World, messages: u64, stamps: &Arc<Stamps>) {
    for rate in [100_000.0, 1_000_000.0] {
        let name = format!("desk/trivial_chain_{rate:.0}");
        if is_wanted(&name) {
            let (meter, lost) = trivial(rate, messages, stamps);
            rows.add(&name, &meter, Some(lost));
        }
        let entry = || Decoding::new(Paced::new(rate, stamps), market(day));
        let name = format!("desk/tick_to_order_fused_{rate:.0}");
        if is_wanted(&name) {
            let ran = run(day, entry(), loopback(day), stamps);
            rows.add(&name, ran.send.tick_to_order(), Some(ran.entry.entry().lost_fraction()));
        }
        let name = format!("desk/tick_to_order_fused_venue_{rate:.0}");
        if is_wanted(&name) {
            let ran = run(day, entry(), venue(day), stamps);
            rows.add(&name, ran.send.tick_to_order(), Some(ran.entry.entry().lost_fraction()));
        }
    }
    let never = |_count| false;
    let entry = || Decoding::new(FlatOut::new(&never), market(day));
    let name = "desk/tick_to_order_fused_service_time";
    if is_wanted(name) {
        let ran = run(day, entry(), loopback(day), stamps);
        rows.add(name, ran.send.tick_to_order(), None);
        if day.config.run.hop_sample_log2 < 64 {
            rows.add("  hop: enter to released", &ran.sequence_hop, None);
            rows.add("  hop: released to booked", ran.decide.hop().meter(), None);
            rows.add("  hop: booked to order", ran.gate.hop().meter(), None);
            rows.add("  hop: order to judged", ran.send.hop().meter(), None);
            rows.add("  hop: judged to encoded", ran.send.sent().meter(), None);
        }
    }
    let name = "desk/tick_to_order_fused_venue_service_time";
    if is_wanted(name) {
        let ran = run(day, entry(), venue(day), stamps);
        rows.add(name, ran.send.tick_to_order(), None);
    }
}

fn main() {
    let (repeats, messages) = (number("TICKRACE_DESK_REPEATS", 7), number("TICKRACE_DESK_MESSAGES", 300_000));
    let stamps = Stamps::new(TscClock::new());
    let before = probed(stamps.clock());
    if let Some(core) = pin::allowed_cores().last() {
        let _ = pin::pin_current(*core);
    }
    // Hours pressed into a second would fire a timer every few ticks: none here.
    let day = world(2, messages, &["journal.market=copy", "run.timer_ms=0"]);
    let mut rows = Rows::default();
    for _ in 0..repeats {
        latency(&mut rows, &day, messages, &stamps);
    }
    rows.show();
    let never = |_count| false;
    for (name, strategy) in [("quoting", "run.seed=1"), ("watching", "strategy={kind=\"idle\"}")] {
        let name = format!("desk/backtest_ten_symbols_{name}");
        if !is_wanted(&name) {
            continue;
        }
        let ten = world(10, messages * 10, &[strategy]);
        let mut rates = Vec::new();
        let mut orders = 0;
        for _ in 0..repeats {
            // As the program has it.
            let ran = run(&ten, FlatOut::new(&never).sparing(), venue(&ten), &stamps);
            rates.push(ran.market_records as f64 * 1e3 / ran.run_ns as f64);
            orders = ran.send.orders();
        }
        rates.sort_by(f64::total_cmp);
        println!(
            "{name:<48} {:.2} million messages a second, {:.2} to {:.2}, {orders} orders",
            rates[rates.len() / 2],
            rates[0],
            rates[rates.len() - 1]
        );
    }
    // On another thread: this one is pinned, and the probe wants both cores.
    let after = std::thread::spawn(|| probed(&TscClock::new())).join().unwrap();
    println!("core to core: {before}; after: {after}");
}
