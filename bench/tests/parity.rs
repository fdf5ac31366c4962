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
use tickrace_types::{Instrument, InstrumentTable, Kind, Side};

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

/// The peer looks for what a trade ran through only where the best of the book, without our orders, is better than the trade:
/// an order of ours that stands alone inside the spread is passed over. Shown the order that caused each trade come and
/// go, it fills as we do. The session is begun at several times, since from the first difference on positions differ.
#[test]
fn a_session_order_by_order_fills_as_the_peer_fills_where_it_sees_who_came() {
    let Some(path) = shared("data/ticks/dbn/esh4-glbx-mdp3-20231225.mbo.dbn.zst") else { return };
    let (all, instrument) = capture::orders(&path);
    let tick_nanos = instrument.ticks[0].tick_nanos;
    let executions: Vec<(i64, i64)> = all
        .iter()
        .filter(|record| Kind::from_code(record.header.kind) == Some(Kind::Execute))
        .map(|record| (record.header.ts_venue_ns, record.as_market().price / tick_nanos))
        .collect();
    let mut equal = 0;
    for (starts, after_s) in (1..3_600).step_by(360).enumerate() {
        let mut records = all.clone();
        capture::from_the_open(&mut records, after_s * 1_000_000_000);
        let mut as_is = Converter::new(0, instrument.lot_nanos);
        let mut with_aggressors = Converter::new(0, instrument.lot_nanos);
        with_aggressors.aggressors_tick_nanos = Some(tick_nanos);
        let table = InstrumentTable::new(vec![instrument.clone()]).unwrap();
        let world = ours::world(records.into_iter(), false, table, |record| {
            as_is.push(record).unwrap();
            with_aggressors.push(record).unwrap();
        });
        let [as_is, with_aggressors] =
            [as_is, with_aggressors].map(|converter| Data::from_data(&converter.into_events()));
        let interval_ms = if starts % 2 == 0 { 100 } else { 10 };
        for latency_us in [0, 1_000] {
            let name = format!("from {after_s} s every {interval_ms} ms, {latency_us} us");
            let quoter = Quoter {
                interval_ns: interval_ms * MS,
                order_qty_lots: 1,
                position_max_lots: 10,
                variant: Variant::Apart,
            };
            let setup = Setup::es(latency_us * 1_000);
            let run = |events| peer::run_orders(events, &setup, Depth::HashMap, &quoter).unwrap();
            let ours = ours::run(&world, &ours::session_config(interval_ms, latency_us), true);
            if let Some((whose, fill)) = differing(&told(&run(&as_is)), &ours.fills).first().copied() {
                let ran_through = executions.iter().find(|(ts_ns, price_ticks)| {
                    let beyond = if fill.is_buy {
                        fill.price_ticks - price_ticks
                    } else {
                        price_ticks - fill.price_ticks
                    };
                    *ts_ns == fill.ts_venue_ns && beyond > 0
                });
                println!("{name}: {whose} alone {fill:?}, run through by {ran_through:?}");
                assert_eq!(whose, "ours", "{name}");
                assert!(ran_through.is_some(), "{name}");
            }
            let theirs = run(&with_aggressors);
            let fills = told(&theirs);
            // A bid came to rest at an offer that was cancelled in the same event and had stood before ours: the peer takes
            // the bid for ours, we leave it to the offer. The next bid, within the microsecond, then is ours.
            let apart = differing(&fills, &ours.fills);
            let is_told = |pair: &[(&str, ours::Fill)]| {
                let [(_, theirs), (_, ours)] = pair else { return false };
                let later_ns = ours.ts_venue_ns - theirs.ts_venue_ns;
                let moved =
                    ours::Fill { ts_venue_ns: ours.ts_venue_ns, ts_recv_ns: ours.ts_recv_ns, ..*theirs };
                moved == *ours && (0..1_000).contains(&later_ns)
            };
            assert!(apart.len() <= 4 && apart.chunks(2).all(is_told), "{name}: {apart:?}");
            assert_eq!(fills.len(), ours.fills.len(), "{name}");
            assert_eq!(theirs.counts.submits, ours.orders, "{name}");
            assert!((theirs.position - ours.position as f64).abs() < 1e-9, "{name}");
            println!("{name}: {} fills, {} a moment later", fills.len(), apart.len() / 2);
            equal += fills.len() - apart.len() / 2;
        }
    }
    assert!(equal > 1_000, "{equal} equal fills prove little");
}
