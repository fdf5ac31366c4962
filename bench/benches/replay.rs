//! Replay against peers: the touch quoter over a day of levels and a day of orders.
//!
//! Levels: the recorded perpetual of the shared data through our decoder, as records for us and as events for the peer,
//! in one process and in turn: for each repeat first the peer's faster depth, then our desk with its gate and both
//! journals. Told are medians, and the median of the ratios. With `TICKRACE_PEERS` the peer alone runs over the events
//! that `scripts/peers/hftbacktest_run.py` leaves there (`levels/events.npz`, `orders/events.npz`). Wall time is that of
//! stepping, loading left out.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `TICKRACE_PEERS` | folder of the peer's events | – |
//! | `TICKRACE_SHARED` | folder of the shared data | `../shared` beside the workspace |
//! | `TICKRACE_REPLAY_REPEATS` | repeats of which the median is told | 5 |
//! | `TICKRACE_REPLAY_VARIANT` | `spec`, `reference` or `flat` | spec (levels), flat (orders) |
//! | `TICKRACE_REPLAY_FILLS` | folder for one CSV of fills per row | – |
//! | `TICKRACE_REPLAY_ONLY` | run only rows whose name contains this | – |
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench, not a library")]

#[path = "replay/capture.rs"]
mod capture;
#[path = "replay/ours.rs"]
mod ours;
#[path = "replay/peak.rs"]
mod peak;
#[path = "replay/hftbacktest.rs"]
#[allow(dead_code, reason = "shared with a test that uses the rest")]
mod peer;

// As the program has it.
#[global_allocator]
static MEMORY: tickrace_runtime::huge::HugePages = tickrace_runtime::huge::HugePages;

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Duration;

use hftbacktest::backtest::BacktestError;
use hftbacktest::backtest::data::Data;
use hftbacktest::types::Event;

use peer::convert::Converter;
use peer::quoter::{Quoter, Variant};
use peer::{Depth, Outcome, Queue, Setup};
use tickrace_types::{Instrument, InstrumentTable};

const MS: i64 = 1_000_000;

/// The perpetual, a millisecond each way, a maker paid half a basis point.
const PERPETUAL: Setup = Setup {
    tick_nanos: 100_000_000,
    lot_nanos: 1_000_000,
    contract: 1.0,
    order_latency_ns: MS,
    response_latency_ns: MS,
    maker_fee: -0.00005,
    taker_fee: 0.0007,
};

fn events(kind: &str) -> Option<Data<Event>> {
    let path = PathBuf::from(std::env::var_os("TICKRACE_PEERS")?).join(kind).join("events.npz");
    if path.is_file() {
        return Some(peer::load(&path).unwrap());
    }
    println!("skipped {kind}: no {} (scripts/peers/hftbacktest_run.py makes it)", path.display());
    None
}

fn repeats() -> usize {
    std::env::var("TICKRACE_REPLAY_REPEATS").ok().and_then(|text| text.parse().ok()).unwrap_or(5).max(1)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Both engines over the same records, in turn.
fn side_by_side() {
    let Some(path) = tickrace_tests::data::shared("data/ticks/binance/usdm/btcusdt_20240808.gz") else {
        return;
    };
    let (records, stated) = capture::records(&path);
    let instrument =
        Instrument { symbol: "BTCUSDT".to_owned(), multiplier_nanos: stated.lot_nanos, ..stated };
    let mut converter = Converter::new(0, instrument.lot_nanos);
    let table = InstrumentTable::new(vec![instrument]).unwrap();
    let world = ours::world(records.into_iter(), true, table, |record| converter.push(record).unwrap());
    let events = Data::from_data(&converter.into_events());
    println!("side by side: {} events", events.len());
    for interval_ms in [100, 10] {
        for queue in [Queue::RiskAverse, Queue::Power(3.0), Queue::Log] {
            let name = format!("{}-{interval_ms}ms", queue.name());
            if std::env::var("TICKRACE_REPLAY_ONLY").is_ok_and(|only| !name.contains(&only)) {
                continue;
            }
            let quoter = Quoter {
                interval_ns: interval_ms * MS,
                order_qty_lots: 10,
                position_max_lots: 100,
                variant: Variant::Apart,
            };
            let config = ours::config(&[
                "venue.fills=whole".to_owned(),
                format!("venue.queue={}", queue.setting()),
                format!("run.timer_ms={interval_ms}"),
            ]);
            let depth = Depth::Vector { low: 40_000.0, high: 80_000.0 };
            let (mut theirs, mut mine, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            let mut fills = (0, 0);
            for _ in 0..repeats() {
                let their = peer::run_levels(&events, &PERPETUAL, depth, queue, &quoter).unwrap();
                let our = ours::run(&world, &config, true);
                fills = (their.fills.len(), our.fills.len());
                // Both by the peer's count of events: a record that stands twice is two of them for both.
                let rate = |wall: Duration| events.len() as f64 / wall.as_secs_f64() / 1e6;
                theirs.push(rate(their.wall));
                mine.push(rate(our.wall));
                ratios.push(their.wall.as_secs_f64() / our.wall.as_secs_f64());
            }
            println!(
                "{name:20} fills {} {}  hftbacktest (vector) {:7.2} M events/s  tickrace {:7.2}  ratio {:5.2}",
                fills.0,
                fills.1,
                median(theirs),
                median(mine),
                median(ratios)
            );
        }
    }
}

fn variant(default: Variant) -> Variant {
    match std::env::var("TICKRACE_REPLAY_VARIANT").as_deref() {
        Ok("spec") => Variant::Spec,
        Ok("reference") => Variant::Reference,
        Ok("flat") => Variant::Flat,
        Ok(other) => panic!("TICKRACE_REPLAY_VARIANT is spec, reference or flat, not {other}"),
        Err(_) => default,
    }
}

fn row(name: &str, events: &Data<Event>, run: impl Fn() -> Result<Outcome, BacktestError>) {
    if std::env::var("TICKRACE_REPLAY_ONLY").is_ok_and(|only| !name.contains(&only)) {
        return;
    }
    peak::reset();
    let mut outcomes: Vec<Outcome> = (0..repeats()).map(|_| run().unwrap()).collect();
    let peak_mib = peak::bytes().map_or_else(|| "–".to_owned(), |bytes| (bytes >> 20).to_string());
    outcomes.sort_unstable_by_key(|outcome| outcome.wall);
    let Outcome { fills, counts, position, cash, fees, equity, wall } = &outcomes[outcomes.len() / 2];
    let rate = events.len() as f64 / wall.max(&Duration::from_nanos(1)).as_secs_f64() / 1e6;
    println!(
        "{name:34} {:5} fills {:5} orders {:5} cancels {:4} refused  position {position:8.3} cash {cash:14.6} \
         fees {fees:11.6} equity {equity:12.6}  {:9} steps {:8.4} s {rate:7.2} M events/s  peak {peak_mib} MiB",
        fills.len(),
        counts.submits,
        counts.cancels,
        counts.refused,
        counts.steps,
        wall.as_secs_f64(),
    );
    if let Some(folder) = std::env::var_os("TICKRACE_REPLAY_FILLS") {
        let path = PathBuf::from(folder).join(format!("fills-{name}.csv"));
        peer::write_fills(fills, &mut BufWriter::new(File::create(path).unwrap())).unwrap();
    }
}

fn levels() {
    let Some(events) = events("levels") else { return };
    println!("levels: {} events", events.len());
    for depth in [Depth::HashMap, Depth::Vector { low: 40_000.0, high: 80_000.0 }] {
        for interval_ms in [100, 10] {
            for queue in Queue::ALL {
                let quoter = Quoter {
                    interval_ns: interval_ms * MS,
                    order_qty_lots: 10,
                    position_max_lots: 100,
                    variant: variant(Variant::Spec),
                };
                let name = format!("{}-{}-{interval_ms}ms-1000us", queue.name(), depth.name());
                row(&name, &events, || peer::run_levels(&events, &PERPETUAL, depth, queue, &quoter));
            }
        }
    }
}

fn orders() {
    let Some(events) = events("orders") else { return };
    println!("orders: {} events", events.len());
    for depth in [Depth::HashMap, Depth::Vector { low: 3_000.0, high: 7_000.0 }] {
        for interval_ms in [100, 10] {
            for latency_us in [0, 1_000] {
                let setup = Setup::es(latency_us * 1_000);
                let quoter = Quoter {
                    interval_ns: interval_ms * MS,
                    order_qty_lots: 1,
                    position_max_lots: 10,
                    variant: variant(Variant::Flat),
                };
                let name = format!("fifo-{}-{interval_ms}ms-{latency_us}us", depth.name());
                row(&name, &events, || peer::run_orders(&events, &setup, depth, &quoter));
            }
        }
    }
}

/// Both engines over a session order by order, most of it empty: the peer steps through the night, we skip idle timers.
fn session_by_orders() {
    if std::env::var("TICKRACE_REPLAY_ONLY").is_ok_and(|only| !"session".contains(&only)) {
        return;
    }
    let file = "data/ticks/dbn/esh4-glbx-mdp3-20231225.mbo.dbn.zst";
    let Some(path) = tickrace_tests::data::shared(file) else { return };
    let (records, instrument) = capture::orders(&path);
    let mut converter = Converter::new(0, instrument.lot_nanos);
    let table = InstrumentTable::new(vec![instrument]).unwrap();
    let world = ours::world(records.into_iter(), false, table, |record| converter.push(record).unwrap());
    let events = Data::from_data(&converter.into_events());
    println!("session: {} events", events.len());
    for interval_ms in [100, 10] {
        for latency_us in [0, 1_000] {
            let setup = Setup::es(latency_us * 1_000);
            let quoter = Quoter {
                interval_ns: interval_ms * MS,
                order_qty_lots: 1,
                position_max_lots: 10,
                variant: Variant::Apart,
            };
            let config = ours::session_config(interval_ms, latency_us);
            let depth = Depth::Vector { low: 3_000.0, high: 7_000.0 };
            let (mut theirs, mut mine, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            let (mut fills, mut orders) = ((0, 0), (0, 0));
            for _ in 0..repeats() {
                let their = peer::run_orders(&events, &setup, depth, &quoter).unwrap();
                let our = ours::run(&world, &config, true);
                fills = (their.fills.len(), our.fills.len());
                orders = (their.counts.submits, our.orders);
                theirs.push(their.wall.as_secs_f64() * 1e3);
                mine.push(our.wall.as_secs_f64() * 1e3);
                ratios.push(their.wall.as_secs_f64() / our.wall.as_secs_f64());
            }
            println!(
                "session-{interval_ms}ms-{latency_us}us    fills {} {}  orders {} {}  hftbacktest {:8.2} ms  tickrace {:8.2} ms  ratio {:6.1}",
                fills.0,
                fills.1,
                orders.0,
                orders.1,
                median(theirs),
                median(mine),
                median(ratios)
            );
        }
    }
}

/// A native log through a policy that counts, without a book: in place, and record by record as the desk reads.
fn scan() {
    let Some(path) = tickrace_tests::data::shared("data/ticks/binance/usdm/btcusdt_20240808.gz") else {
        return;
    };
    if std::env::var("TICKRACE_REPLAY_ONLY").is_ok_and(|only| !"scan".contains(&only)) {
        return;
    }
    let (records, stated) = capture::records(&path);
    let instrument =
        Instrument { symbol: "BTCUSDT".to_owned(), multiplier_nanos: stated.lot_nanos, ..stated };
    let table = InstrumentTable::new(vec![instrument]).unwrap();
    // Eight times the same: more than a cache holds.
    let copies = 8;
    let many = std::iter::repeat_n(&records, copies).flatten().copied();
    let world = ours::world(many, false, table, |_| {});
    let (mut in_place, mut copied) = (Vec::new(), Vec::new());
    let mut counts = (0, 0);
    for _ in 0..repeats() + 1 {
        let (count, wall) = ours::count_in_place(&world);
        in_place.push(count as f64 / wall.as_secs_f64() / 1e6);
        counts.0 = count;
        let (count, wall) = ours::count_copied(&world);
        copied.push(count as f64 / wall.as_secs_f64() / 1e6);
        counts.1 = count;
    }
    assert_eq!(counts.0, counts.1);
    println!(
        "scan: {} records  in place {:7.1} M records/s  through the desk's source {:7.1}",
        counts.0,
        median(in_place),
        median(copied)
    );
}

fn main() {
    scan();
    side_by_side();
    session_by_orders();
    levels();
    orders();
}
