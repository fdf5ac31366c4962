//! The gate: a new order that passes, with the answers that close it again; one that is refused; a market event.
//!
//! Ten instruments, sixteen own orders resting on each; contenders take turns within each repeat and the medians
//! over all repeats are shown. The peer is the least a gate could do: copying an order record and its top of book
//! and comparing one number. Nanoseconds are a mean over a batch, so the clock's step does not matter.
//!
//! `TICKRACE_GATE_REPEATS` (41) and `TICKRACE_GATE_BATCH` (20000) change the size of the run;
//! `TICKRACE_GATE_ONLY` runs one contender alone, for a profiler or an instruction count.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use tickrace_risk::{Gate, Limits};
use tickrace_types::{
    Header, Instrument, InstrumentTable, Kind, OrderRecord, Phase, ResponseKind, ResponseRecord, Side,
    TopOfBook,
};

const LIMITS: &str = include_str!("../../configs/limits/us_equity.toml");
const INSTRUMENTS: u32 = 10;
const CENT: i64 = 10_000_000;
const START_NS: i64 = 1_772_000_000_000_000_000;

/// A gate with orders resting, and the next numbers.
struct World {
    gate: Gate,
    id: u64,
    now_ns: i64,
}

fn top(instrument: u32, now_ns: i64) -> TopOfBook {
    TopOfBook {
        bid_px: 10_000 * CENT,
        ask_px: 10_002 * CENT,
        bid_qty: 100,
        ask_qty: 100,
        ts_venue_ns: now_ns,
        ts_recv_ns: now_ns,
        instrument,
        phase: Phase::Continuous as u8,
        ..TopOfBook::default()
    }
}

impl World {
    fn new() -> Self {
        let mut limits: Limits = toml::from_str(LIMITS).expect("the example parses");
        // Rates far away: the bench sends faster than any venue would take.
        limits.session.new_rate_per_s = 100_000_000;
        limits.session.new_burst_count = 1_000_000_000;
        // Every order goes through the table, none comes back inside the window.
        limits.duplicate.duplicate_window_ms = 1;
        let names = (0..INSTRUMENTS).map(|place| Instrument::us_equity(&format!("S{place}")));
        let table = InstrumentTable::new(names.collect()).expect("plain shares");
        let gate = Gate::new(&limits, &table, 4096).expect("the example is valid");
        let mut world = Self { gate, id: 0, now_ns: START_NS };
        for instrument in 0..INSTRUMENTS {
            world.gate.on_top(&top(instrument, START_NS));
            for depth in 0..8 {
                for (side, cents) in [(Side::Bid, 9_999 - depth), (Side::Ask, 10_003 + depth)] {
                    let order = world.order(instrument, side, cents);
                    assert!(world.gate.check(&order).is_passed());
                }
            }
        }
        world
    }

    #[inline]
    fn order(&mut self, instrument: u32, side: Side, cents: i64) -> OrderRecord {
        self.id += 1;
        self.now_ns += 50_000;
        OrderRecord {
            header: Header {
                kind: Kind::Order as u8,
                instrument,
                ts_recv_ns: self.now_ns,
                ..Header::default()
            },
            client_id: self.id,
            price: cents * CENT,
            qty: 100,
            side: side as u8,
            ..OrderRecord::default()
        }
    }
}

fn cancelled(order: &OrderRecord) -> ResponseRecord {
    ResponseRecord {
        header: order.header,
        client_id: order.client_id,
        qty: order.qty,
        response: ResponseKind::Cancelled as u8,
        side: order.side,
        ..ResponseRecord::default()
    }
}

/// Nanoseconds of each contender's call, less nothing: what surrounds it is timed as its own contender.
fn run(name: &str, world: &mut World, batch: u32) -> f64 {
    let mut tops: Vec<TopOfBook> = (0..INSTRUMENTS).map(|instrument| top(instrument, world.now_ns)).collect();
    let started = Instant::now();
    for turn in 0..batch {
        let instrument = turn % INSTRUMENTS;
        let book = &mut tops[instrument as usize];
        book.ts_recv_ns = world.now_ns;
        book.ts_venue_ns = world.now_ns;
        match name {
            "peer_copy_and_compare" => {
                let order = world.order(instrument, Side::Bid, 10_000);
                black_box((*black_box(&order), *black_box(&*book), order.price < book.ask_px));
            }
            "on_top" => world.gate.on_top(black_box(book)),
            "check_refuse" => {
                world.gate.on_top(black_box(book));
                let order = world.order(instrument, Side::Bid, 10_500);
                assert!(!world.gate.check(black_box(&order)).is_passed());
            }
            _ => {
                world.gate.on_top(black_box(book));
                // Prices move about, so that the duplicate table sees many orders.
                let order = world.order(instrument, Side::Bid, 9_990 + i64::from(turn >> 4 & 7));
                assert!(world.gate.check(black_box(&order)).is_passed());
                world.gate.on_response(black_box(&cancelled(&order)));
            }
        }
    }
    started.elapsed().as_nanos() as f64 / f64::from(batch)
}

/// The calls of `check` alone in batches of eight, which is what one side may still take, each batch cancelled
/// outside of the time.
fn run_check_alone(world: &mut World, batch: u32) -> f64 {
    let mut spent = 0;
    let mut checks = 0;
    while checks < batch {
        let mut orders = [OrderRecord::default(); 40];
        for instrument in 0..INSTRUMENTS {
            world.gate.on_top(&top(instrument, world.now_ns));
        }
        for (place, order) in (0u32..).zip(&mut orders) {
            *order = world.order(place % INSTRUMENTS, Side::Bid, 9_990 + i64::from((place / 8) & 7));
        }
        let started = Instant::now();
        for order in &orders {
            assert!(world.gate.check(black_box(order)).is_passed());
        }
        spent += started.elapsed().as_nanos();
        checks += 40;
        for order in &orders {
            world.gate.on_response(&cancelled(order));
        }
    }
    spent as f64 / f64::from(checks)
}

fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let (repeats, batch) = (setting("TICKRACE_GATE_REPEATS", 41), setting("TICKRACE_GATE_BATCH", 20_000));
    let only = std::env::var("TICKRACE_GATE_ONLY").ok();
    let contenders = ["peer_copy_and_compare", "on_top", "check_refuse", "check_pass", "pass_and_close"];
    let mut world = World::new();
    let mut taken: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..repeats {
        for name in contenders.into_iter().filter(|name| only.as_deref().is_none_or(|only| only == *name)) {
            let ns = match name {
                "check_pass" => run_check_alone(&mut world, batch),
                _ => run(name, &mut world, batch),
            };
            taken.entry(name).or_default().push(ns);
        }
    }
    let median = |name: &str| {
        let mut values = taken.get(name)?.clone();
        values.sort_by(f64::total_cmp);
        Some(values[values.len() / 2])
    };
    println!("gate: {repeats} repeats of {batch}, medians, {INSTRUMENTS} instruments, 16 own orders on each");
    for name in contenders {
        if let Some(ns) = median(name) {
            let ratio = median(contenders[0]).map_or(f64::NAN, |peer| ns / peer);
            println!("gate/{name:<22} {ns:8.2} ns  {ratio:6.2} x peer");
        }
    }
    if let (Some(refuse), Some(on_top), Some(peer)) =
        (median("check_refuse"), median("on_top"), median("peer_copy_and_compare"))
    {
        println!(
            "gate/check_refuse alone, less on_top and the making of the order: {:.2} ns",
            refuse - on_top - peer
        );
    }
    println!("passed {} refused {}", world.gate.counts().passed_total(), world.gate.counts().refused_total());
}
