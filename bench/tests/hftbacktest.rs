//! The peer's harness against worked examples, and against the peer's own Python package where its output is at hand.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../benches/replay/hftbacktest.rs"]
#[allow(dead_code, reason = "shared with a bench that uses the rest")]
mod peer;

use hftbacktest::backtest::data::Data;
use hftbacktest::types::{
    ADD_ORDER_EVENT, BUY_EVENT, CANCEL_ORDER_EVENT, DEPTH_CLEAR_EVENT, DEPTH_EVENT, DEPTH_SNAPSHOT_EVENT,
    EXCH_EVENT, Event, FILL_EVENT, LOCAL_EVENT, MODIFY_ORDER_EVENT, SELL_EVENT, TRADE_EVENT,
};
use peer::convert::{ConvertError, Converter};
use peer::quoter::{Quoter, Variant};
use peer::recorder::Fill;
use peer::{Depth, Queue, Setup, records};
use proptest::prelude::*;
use tickrace_types::price::NANOS;
use tickrace_types::{Flags, Header, Kind, MarketRecord, Record, Side};

const BOTH: u64 = EXCH_EVENT | LOCAL_EVENT;

/// A record of instrument 0 that we hear 5 ns after the venue did it.
fn record(kind: Kind, ts_venue_ns: i64, side: u8, price: i64) -> MarketRecord {
    let header = Header {
        kind: kind as u8,
        version: 1,
        ts_venue_ns,
        ts_recv_ns: ts_venue_ns + 5,
        ..Header::default()
    };
    MarketRecord { header, side, price: price * NANOS, ..MarketRecord::default() }
}

fn level(ts: i64, side: u8, price: i64, lots: u64) -> MarketRecord {
    MarketRecord { order_ref: lots, ..record(Kind::Level, ts, side, price) }
}

fn print(ts: i64, side: u8, price: i64, lots: u32) -> MarketRecord {
    MarketRecord { qty: lots, ..record(Kind::Print, ts, side, price) }
}

fn order(kind: Kind, ts: i64, order_ref: u64, side: u8, price: i64, lots: u32) -> MarketRecord {
    MarketRecord { order_ref, qty: lots, ..record(kind, ts, side, price) }
}

fn convert(records: &[MarketRecord]) -> Result<Vec<Event>, ConvertError> {
    let mut converter = Converter::new(0, NANOS);
    for record in records {
        converter.push(record.as_record())?;
    }
    Ok(converter.into_events())
}

fn shape(event: &Event) -> (u64, u64, f64, f64) {
    (event.ev, event.order_id, event.px, event.qty)
}

/// Tick and lot 1, ten nanoseconds each way, a thousandth of the value to the maker's cost.
const WORLD: Setup = Setup {
    tick_nanos: NANOS,
    lot_nanos: NANOS,
    contract: 1.0,
    order_latency_ns: 10,
    response_latency_ns: 10,
    maker_fee: 0.001,
    taker_fee: 0.002,
};
const DEPTHS: [Depth; 2] = [Depth::HashMap, Depth::Vector { low: 50.0, high: 150.0 }];

fn quoter(position_max_lots: i64, variant: Variant) -> Quoter {
    Quoter { interval_ns: 100, order_qty_lots: 1, position_max_lots, variant }
}

fn fill(ts_venue_ns: i64, side: Side, price_ticks: i64, order_id: u64) -> Fill {
    Fill { ts_venue_ns, ts_recv_ns: ts_venue_ns + 10, side, price_ticks, qty_lots: 1, order_id }
}

#[test]
fn levels_prints_and_clears_keep_side_flags_and_decimals() {
    let mut snapshot = level(10, 1, 101, 7);
    snapshot.header.flags = Flags::SNAPSHOT;
    let mut early = print(20, 0, 101, 2);
    early.header.flags = Flags::VENUE_ONLY;
    let mut late = print(20, 2, 101, 2);
    late.header.flags = Flags::DESK_ONLY;
    let part = MarketRecord { code: MarketRecord::WITH_PRICE, ..record(Kind::Clear, 30, 0, 95) };
    let records = [level(10, 0, 100, 5), snapshot, early, late, part, record(Kind::Clear, 40, 2, 0)];
    let events = convert(&records).unwrap();
    let wanted = [
        (DEPTH_EVENT | BUY_EVENT | BOTH, 0, 100.0, 5.0),
        (DEPTH_SNAPSHOT_EVENT | SELL_EVENT | BOTH, 0, 101.0, 7.0),
        (TRADE_EVENT | BUY_EVENT | EXCH_EVENT, 0, 101.0, 2.0),
        (TRADE_EVENT | LOCAL_EVENT, 0, 101.0, 2.0),
        (DEPTH_CLEAR_EVENT | BUY_EVENT | BOTH, 0, 95.0, 0.0),
        (DEPTH_CLEAR_EVENT | BOTH, 0, 0.0, 0.0),
    ];
    assert_eq!(events.iter().map(shape).collect::<Vec<_>>(), wanted);
    assert!(events.iter().all(|event| event.local_ts == event.exch_ts + 5));
}

#[test]
fn an_order_is_told_by_what_is_left_of_it() {
    let renamed = MarketRecord { other_ref: 8, ..order(Kind::Replace, 50, 7, 0, 99, 4) };
    let moved = MarketRecord { other_ref: 8, ..order(Kind::Replace, 60, 8, 0, 98, 4) };
    let records = [
        order(Kind::Add, 10, 7, 0, 100, 5),
        order(Kind::Execute, 20, 7, 2, 0, 2),
        order(Kind::Cancel, 30, 7, 2, 0, 1),
        renamed,
        moved,
        order(Kind::Delete, 70, 8, 2, 0, 0),
        order(Kind::Delete, 80, 8, 2, 0, 0),
    ];
    let wanted = [
        (ADD_ORDER_EVENT | BUY_EVENT | BOTH, 7, 100.0, 5.0),
        (FILL_EVENT | BUY_EVENT | BOTH, 7, 100.0, 2.0),
        (MODIFY_ORDER_EVENT | BUY_EVENT | BOTH, 7, 100.0, 3.0),
        (MODIFY_ORDER_EVENT | BUY_EVENT | BOTH, 7, 100.0, 2.0),
        (CANCEL_ORDER_EVENT | BUY_EVENT | BOTH, 7, 100.0, 0.0),
        (ADD_ORDER_EVENT | BUY_EVENT | BOTH, 8, 99.0, 4.0),
        (MODIFY_ORDER_EVENT | BUY_EVENT | BOTH, 8, 98.0, 4.0),
        (CANCEL_ORDER_EVENT | BUY_EVENT | BOTH, 8, 98.0, 0.0),
    ];
    assert_eq!(convert(&records).unwrap().iter().map(shape).collect::<Vec<_>>(), wanted);
}

#[test]
fn a_log_that_goes_back_is_refused_by_place_and_clock() {
    let records = [level(20, 0, 100, 1), level(10, 0, 100, 2)];
    let error = convert(&records).unwrap_err();
    assert_eq!(error, ConvertError::WentBack { index: 1, clock: "venue", before: 20, after: 10 });
    let mut heard_only = level(10, 0, 100, 2);
    heard_only.header.flags = Flags::DESK_ONLY;
    heard_only.header.ts_recv_ns = 25;
    assert_eq!(convert(&[level(20, 0, 100, 1), heard_only]).unwrap().len(), 2);
}

/// Looks at 1100, 1200 and 1300; what is sent then arrives 10 ns later, behind five lots on each side.
///
/// - 1150: five lots sold at 100 reach us and no further; 1160: one more fills order 1. Position 1.
/// - 1200: the bid goes to 99 (order 3), the ask stays at 101, since it may not meet the bid. 1250: one lot sold at 98
///   went through 99. Position 2, and no more bids.
/// - 1350: the bid rises to 101 and takes order 2.
///
/// Cash -100 - 99 + 101, fees 0.1 + 0.099 + 0.101.
#[test]
fn queue_trade_through_and_crossing_fill_as_worked_out_by_hand() {
    let records = [
        level(1_000, 0, 100, 5),
        level(1_000, 1, 101, 5),
        print(1_150, 1, 100, 5),
        print(1_160, 1, 100, 1),
        print(1_250, 1, 98, 1),
        level(1_350, 0, 101, 3),
    ];
    let events = Data::from_data(&convert(&records).unwrap());
    for queue in Queue::ALL {
        for depth in DEPTHS {
            let ran = peer::run_levels(&events, &WORLD, depth, queue, &quoter(2, Variant::Spec)).unwrap();
            let wanted = [
                fill(1_160, Side::Bid, 100, 1),
                fill(1_250, Side::Bid, 99, 3),
                fill(1_350, Side::Ask, 101, 2),
            ];
            assert_eq!(ran.fills, wanted, "{queue:?} {depth:?}");
            assert_eq!((ran.counts.steps, ran.counts.submits, ran.counts.cancels), (3, 3, 0));
            assert!((ran.cash + 98.0).abs() < 1e-12 && (ran.fees - 0.3).abs() < 1e-12, "{ran:?}");
        }
    }
}

/// Orders 1 (bid) and 2 (ask) arrive at 1110 behind orders 11 and 12 of the market. Executing 11, ahead of us, leaves us
/// alone; executing 13, behind us, fills us. A bid at 101 then takes our ask.
#[test]
fn an_execution_behind_us_fills_us_among_orders() {
    let records = [
        order(Kind::Add, 1_000, 11, 0, 100, 1),
        order(Kind::Add, 1_000, 12, 1, 101, 1),
        order(Kind::Add, 1_150, 13, 0, 100, 2),
        order(Kind::Execute, 1_160, 11, 2, 0, 1),
        order(Kind::Execute, 1_170, 13, 2, 0, 1),
        order(Kind::Add, 1_250, 14, 0, 101, 1),
    ];
    let events = Data::from_data(&convert(&records).unwrap());
    for depth in DEPTHS {
        let ran = peer::run_orders(&events, &WORLD, depth, &quoter(1, Variant::Flat)).unwrap();
        assert_eq!(ran.fills, [fill(1_170, Side::Bid, 100, 1), fill(1_250, Side::Ask, 101, 2)], "{depth:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_records_both_clocks_go_forward(
        bodies in prop::collection::vec((any::<[u64; 4]>(), 0u8..24, any::<u8>(), 0i64..50, 0i64..50), 0..200),
    ) {
        let mut converter = Converter::new(0, 1_000_000);
        for (body, kind, flags, venue, recv) in bodies {
            let mut one = Record { body, ..Record::default() };
            one.header = Header { kind, flags, ts_venue_ns: venue, ts_recv_ns: recv, ..Header::default() };
            let _ = converter.push(&one);
        }
        let events = converter.into_events();
        for (bit, clock) in [(EXCH_EVENT, 0), (LOCAL_EVENT, 1)] {
            let times = events.iter().filter(|event| event.ev & bit != 0);
            let times: Vec<i64> =
                times.map(|event| if clock == 0 { event.exch_ts } else { event.local_ts }).collect();
            prop_assert!(times.is_sorted());
        }
        prop_assert!(events.iter().all(|event| event.ev & BOTH != 0));
    }
}

/// What `scripts/peers/hftbacktest_run.py` left: the events and the fills of the Python package.
fn package(kind: &str) -> Option<std::path::PathBuf> {
    let folder = std::env::var_os("TICKRACE_PEERS")
        .map_or_else(|| std::env::temp_dir().join("tickrace-peers"), std::path::PathBuf::from)
        .join(kind);
    if folder.join("events.npz").is_file() {
        return Some(folder);
    }
    println!("skipped: no events of the package in {}", folder.display());
    None
}

fn assert_same_fills(folder: &std::path::Path, name: &str, fills: &[Fill]) {
    let path = folder.join(format!("fills-{name}.csv"));
    let Ok(wanted) = std::fs::read(&path) else {
        println!("skipped: no {}", path.display());
        return;
    };
    let mut got = Vec::new();
    peer::write_fills(fills, &mut got).unwrap();
    assert!(got == wanted, "{name}: {} fills differ from {}", fills.len(), path.display());
    println!("{name}: {} fills equal", fills.len());
}

const BTCUSDT: Setup = Setup {
    tick_nanos: 100_000_000,
    lot_nanos: 1_000_000,
    contract: 1.0,
    order_latency_ns: 1_000_000,
    response_latency_ns: 1_000_000,
    maker_fee: -0.00005,
    taker_fee: 0.0007,
};

/// The package's events go into native records and back to the same bits, and the crate fed with what came back fills as
/// the package did.
#[test]
fn native_records_carry_a_day_of_levels_to_the_same_fills_as_the_package() {
    let Some(folder) = package("levels") else { return };
    let events = peer::load(&folder.join("events.npz")).unwrap();
    let mut converter = Converter::new(3, BTCUSDT.lot_nanos);
    for record in records::of_events(&events, 3, &BTCUSDT).unwrap() {
        converter.push(&record).unwrap();
    }
    assert_eq!((converter.skipped, converter.orphans), (0, 0));
    let back = converter.into_events();
    assert_eq!(back.len(), events.len());
    for (index, event) in back.iter().enumerate() {
        assert_eq!(event, &events[index], "event {index}");
    }
    let back = Data::from_data(&back);
    for queue in Queue::ALL {
        let quoter = Quoter {
            interval_ns: 100_000_000,
            order_qty_lots: 10,
            position_max_lots: 100,
            variant: Variant::Spec,
        };
        let ran = peer::run_levels(&back, &BTCUSDT, Depth::HashMap, queue, &quoter).unwrap();
        assert_same_fills(&folder, &format!("{}-hash-100ms-1000us", queue.name()), &ran.fills);
    }
}

/// Trades and orders that were told of this capture, converted by the package's own tool.
#[test]
fn the_reference_variant_gives_the_published_counts() {
    let Some(folder) = package("levels") else { return };
    let events = peer::load(&folder.join("events.npz")).unwrap();
    if events.len() != 491_973 {
        println!("skipped: {} events, the counts are of 491,973", events.len());
        return;
    }
    let published = [
        (Queue::RiskAverse, 100, 430, 913),
        (Queue::Power(3.0), 100, 456, 961),
        (Queue::Power3(3.0), 100, 433, 921),
        (Queue::Log, 100, 475, 993),
        (Queue::Log2, 100, 444, 941),
        (Queue::Power(3.0), 10, 771, 1_791),
    ];
    for (queue, interval_ms, trades, orders) in published {
        let quoter = Quoter {
            interval_ns: interval_ms * 1_000_000,
            order_qty_lots: 10,
            position_max_lots: 100,
            variant: Variant::Reference,
        };
        let depth = Depth::Vector { low: 40_000.0, high: 80_000.0 };
        let ran = peer::run_levels(&events, &BTCUSDT, depth, queue, &quoter).unwrap();
        assert_eq!((ran.fills.len(), ran.counts.submits), (trades, orders), "{queue:?} {interval_ms} ms");
    }
}

#[test]
fn a_session_of_orders_fills_as_the_package_did() {
    let Some(folder) = package("orders") else { return };
    let events = peer::load(&folder.join("events.npz")).unwrap();
    for (latency_us, trades) in [(0, 547), (1_000, 541)] {
        let setup = Setup {
            tick_nanos: 250_000_000,
            lot_nanos: NANOS,
            contract: 50.0,
            order_latency_ns: latency_us * 1_000,
            response_latency_ns: latency_us * 1_000,
            maker_fee: 0.0,
            taker_fee: 0.0,
        };
        let quoter = Quoter { interval_ns: 100_000_000, ..quoter(10, Variant::Flat) };
        let ran = peer::run_orders(&events, &setup, Depth::HashMap, &quoter).unwrap();
        assert_same_fills(&folder, &format!("fifo-hash-100ms-{latency_us}us"), &ran.fills);
        if events.len() == 68_792 {
            assert_eq!(ran.fills.len(), trades, "{latency_us} us");
        }
    }
}
