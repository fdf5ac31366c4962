//! The same records, quoter, queue models, latency and fees through our desk and through the hftbacktest crate: the same
//! fills, one by one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../benches/replay/capture.rs"]
mod capture;
#[path = "../benches/replay/ours.rs"]
#[allow(dead_code, reason = "shared with a bench that uses the rest")]
mod ours;
#[path = "../benches/replay/hftbacktest.rs"]
#[allow(dead_code, reason = "shared with a bench that uses the rest")]
mod peer;

use capture::records;
use hftbacktest::backtest::data::Data;
use peer::convert::Converter;
use peer::quoter::{Quoter, Variant};
use peer::{Depth, Queue, Setup};
use tickrace_tests::data::shared;
use tickrace_types::{Instrument, InstrumentTable, Side};

const MS: i64 = 1_000_000;

/// The peer's fills as both can tell them.
fn told(outcome: &peer::Outcome) -> Vec<ours::Fill> {
    let mut fills: Vec<ours::Fill> = outcome
        .fills
        .iter()
        .map(|fill| ours::Fill {
            ts_venue_ns: fill.ts_venue_ns,
            order: fill.order_id,
            ts_recv_ns: fill.ts_recv_ns,
            is_buy: fill.side == Side::Bid,
            price_ticks: fill.price_ticks,
            lots: fill.qty_lots,
        })
        .collect();
    fills.sort_unstable();
    fills
}

/// Fills that only one of the two has, with whose it is.
fn differing(theirs: &[ours::Fill], ours: &[ours::Fill]) -> Vec<(&'static str, ours::Fill)> {
    let only = |whose, one: &[ours::Fill], other: &[ours::Fill]| {
        let alone = one.iter().filter(|fill| other.binary_search(fill).is_err());
        alone.map(|fill| (whose, *fill)).collect::<Vec<_>>()
    };
    let mut all = only("theirs", theirs, ours);
    all.extend(only("ours", ours, theirs));
    all.sort_unstable_by_key(|(_, fill)| *fill);
    all
}

fn compare(path: &str) {
    let Some(path) = shared(path) else { return };
    let (records, stated) = records(&path);
    // A hundredth of a unit an order, a tenth at most.
    let (qty, most) = (10_000_000 / stated.lot_nanos, 100_000_000 / stated.lot_nanos);
    let instrument =
        Instrument { symbol: "BTCUSDT".to_owned(), multiplier_nanos: stated.lot_nanos, ..stated };
    let table = InstrumentTable::new(vec![instrument.clone()]).unwrap();
    let mut converter = Converter::new(0, instrument.lot_nanos);
    let world = ours::world(records.into_iter(), true, table, |record| converter.push(record).unwrap());
    let events = Data::from_data(&converter.into_events());
    let setup = Setup {
        tick_nanos: instrument.ticks[0].tick_nanos,
        lot_nanos: instrument.lot_nanos,
        contract: 1.0,
        order_latency_ns: MS,
        response_latency_ns: MS,
        maker_fee: -0.00005,
        taker_fee: 0.0007,
    };
    for interval_ms in [100, 10] {
        for queue in Queue::ALL {
            let name = format!("{} every {interval_ms} ms", queue.name());
            let quoter = Quoter {
                interval_ns: interval_ms * MS,
                order_qty_lots: qty,
                position_max_lots: most,
                variant: Variant::Apart,
            };
            let config = ours::config(&[
                "venue.fills=whole".to_owned(),
                format!("venue.queue={}", queue.setting()),
                format!("run.timer_ms={interval_ms}"),
                format!("strategy.order_qty_lots={qty}"),
                format!("strategy.position_max_lots={most}"),
            ]);
            let ours = ours::run(&world, &config, true);
            let as_is = peer::run_levels(&events, &setup, Depth::HashMap, queue, &quoter).unwrap();
            let differing = differing(&told(&as_is), &ours.fills);
            // Where the peer's formula has no answer the two part; given one, there is no difference left.
            let theirs = if differing.is_empty() {
                as_is
            } else {
                println!(
                    "{name}: {} fills differ from the peer's as it is; the first: {:?}",
                    differing.len(),
                    differing[0]
                );
                assert!(
                    matches!(queue, Queue::Log | Queue::Log2),
                    "{name}: its formula has an answer everywhere"
                );
                peer::run_levels_sound(&events, &setup, queue, &quoter).unwrap()
            };
            let fills = told(&theirs);
            let first = fills.iter().zip(&ours.fills).find(|(theirs, ours)| theirs != ours);
            assert_eq!(first, None, "{name}: the first fill that differs, theirs and ours");
            assert_eq!(fills.len(), ours.fills.len(), "{name}");
            assert!(fills.len() > 100, "{name}: {} fills prove little", fills.len());
            assert_eq!(theirs.counts.submits, ours.orders, "{name}");
            assert!(
                (theirs.position - ours.position as f64 * instrument.lot_nanos as f64 / 1e9).abs() < 1e-9
            );
            // Theirs are sums of doubles; ours are exact, and each fee is rounded up to a nano-unit.
            assert!((theirs.cash - ours.cash).abs() < 1e-6, "{name}: {} {}", theirs.cash, ours.cash);
            assert!((theirs.fees - ours.fees).abs() < 1e-6, "{name}: {} {}", theirs.fees, ours.fees);
            println!("{name}: {} fills of {} orders are the same", fills.len(), ours.orders);
        }
    }
}

#[test]
fn another_perpetual_by_levels_fills_as_the_peer_fills() {
    compare("data/ticks_more/binance/usdm/ethusdt_20240808.gz");
}

#[test]
fn a_perpetual_by_levels_fills_as_the_peer_fills() {
    compare("data/ticks/binance/usdm/btcusdt_20240808.gz");
}
