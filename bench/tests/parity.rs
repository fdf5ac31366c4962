//! The same records, quoter, queue models, latency and fees through our desk and through the hftbacktest crate: the same
//! fills, one by one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../benches/replay/ours.rs"]
#[allow(dead_code, reason = "shared with a bench that uses the rest")]
mod ours;
#[path = "../benches/replay/hftbacktest.rs"]
#[allow(dead_code, reason = "shared with a bench that uses the rest")]
mod peer;

use hftbacktest::backtest::data::Data;
use peer::convert::Converter;
use peer::quoter::{Quoter, Variant};
use peer::{Depth, Queue, Setup};
use tickrace_feeds_files::Decoder;
use tickrace_feeds_files::binance;
use tickrace_feeds_files::format::Options;
use tickrace_tests::data::shared;
use tickrace_types::{Flags, Instrument, InstrumentTable, Kind, Record, Side};

const MS: i64 = 1_000_000;

/// As our configuration names the model.
fn model(queue: Queue) -> String {
    match queue {
        Queue::RiskAverse => "{ model = \"risk-averse\" }".to_owned(),
        Queue::Power(n) => format!("{{ model = \"power\", exponent = {n:?} }}"),
        Queue::Power2(n) => format!("{{ model = \"power2\", exponent = {n:?} }}"),
        Queue::Power3(n) => format!("{{ model = \"power3\", exponent = {n:?} }}"),
        Queue::Log => "{ model = \"log\" }".to_owned(),
        Queue::Log2 => "{ model = \"log2\" }".to_owned(),
    }
}

/// Depth and trades of a recording, in the order of receiving, heard no earlier than they happened. Best bids and asks
/// beside the depth, and what did not trade against the book, are not for this comparison: the peer takes neither.
fn records(path: &std::path::Path) -> (Vec<Record>, Instrument) {
    let options = Options { is_continued: true, ..Options::default() };
    let mut decoder = binance::open(path, &options).unwrap();
    let (mut all, mut batch) = (Vec::new(), Vec::new());
    while decoder.read(&mut batch) {
        all.extend(batch.drain(..).filter(|record| {
            let is_of_the_book = record.header.flags & Flags::NOT_PRINTABLE == 0;
            let kind = Kind::from_code(record.header.kind);
            matches!(kind, Some(Kind::Level | Kind::Clear)) || kind == Some(Kind::Print) && is_of_the_book
        }));
    }
    let behind = all.iter().map(|record| record.header.ts_recv_ns - record.header.ts_venue_ns).min();
    let offset_ns = behind.unwrap_or(0).min(0);
    all.iter_mut().for_each(|record| record.header.ts_recv_ns -= offset_ns);
    (all, decoder.account().instruments[0].clone())
}

fn compare(path: &str) {
    let Some(path) = shared(path) else { return };
    let (records, stated) = records(&path);
    let lots = |units: f64| (units * 1e9 / stated.lot_nanos as f64).round() as i64;
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
    let (qty, most) = (lots(0.01), lots(0.1));
    for interval_ms in [100, 10] {
        for queue in Queue::ALL {
            let name = format!("{} every {interval_ms} ms", queue.name());
            let quoter = Quoter {
                interval_ns: interval_ms * MS,
                order_qty_lots: qty,
                position_max_lots: most,
                variant: Variant::Apart,
            };
            let theirs = peer::run_levels(&events, &setup, Depth::HashMap, queue, &quoter).unwrap();
            let config = ours::config(&[
                "venue.fills=whole".to_owned(),
                format!("venue.queue={}", model(queue)),
                format!("run.timer_ms={interval_ms}"),
                format!("strategy.order_qty_lots={qty}"),
                format!("strategy.position_max_lots={most}"),
            ]);
            let ours = ours::run(&world, &config, true);
            let mut fills: Vec<ours::Fill> = theirs
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
fn a_perpetual_by_levels_fills_as_the_peer_fills() {
    compare("data/ticks/binance/usdm/btcusdt_20240808.gz");
}
