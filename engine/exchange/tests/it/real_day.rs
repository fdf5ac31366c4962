//! A real day: an order at the touch fills exactly when the tape says that it must, told by a scan of the tape that
//! shares nothing with the venue but the decoder.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::PathBuf;

use tickrace_exchange::{Exchange, ExchangeConfig, FeeConfig, FillRule, QueueModel};
use tickrace_feeds::{FileOptions, FileSource, LocateMap, Source};
use tickrace_types::event::VERSION;
use tickrace_types::{
    Header, Instrument, InstrumentId, InstrumentTable, Kind, OrderRecord, Record, ResponseKind, Side,
};

const SECOND_NS: i64 = 1_000_000_000;
const ID: u64 = 77;
const LOTS: i64 = 400;

/// AAPL of the derived day, `None` where the folder is not there.
fn tape() -> Option<Vec<Record>> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var_os("TICKRACE_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let packed = std::fs::read(shared.join("data/ticks/itch/20120621.GOOG_AAPL.derived_ITCH50.gz")).ok()?;
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).expect("a gzip file");
    let universe = LocateMap::only([("AAPL", InstrumentId(0))]);
    let mut source =
        FileSource::new(bytes, FileOptions { session_midnight_ns: 0, feed_latency_ns: 0, universe });
    let (mut records, mut record) = (Vec::new(), Record::default());
    while source.next_into(&mut record) {
        records.push(record);
    }
    Some(records)
}

/// One order of ours at the touch of its time.
#[derive(Clone, Copy, Debug)]
struct Ours {
    side: Side,
    px: i64,
    at_ns: i64,
}

/// A displayed order as the scan remembers it.
#[derive(Clone, Copy, Debug)]
struct Shown {
    side: Side,
    px: i64,
    lots: i64,
}

/// The fills the tape owes the order: (message number, lots), in turn.
fn owed(tape: &[Record], ours: Ours) -> Vec<(u64, i64)> {
    let mut shown: HashMap<u64, Shown> = HashMap::new();
    let mut ahead: Option<HashSet<u64>> = None;
    let (mut open, mut fills) = (LOTS, Vec::new());
    for record in tape {
        let market = record.as_market();
        if ahead.is_none() && market.header.ts_venue_ns > ours.at_ns {
            let same = |(_, order): &(&u64, &Shown)| (order.side, order.px) == (ours.side, ours.px);
            ahead = Some(shown.iter().filter(same).map(|(order_ref, _)| *order_ref).collect());
        }
        // What stands before ours: everything better, and what was there at our price when we came.
        let first_in_line = |shown: &HashMap<u64, Shown>, ahead: &HashSet<u64>| -> i64 {
            let before = |(order_ref, order): &(&u64, &Shown)| {
                order.side == ours.side
                    && (ours.side.is_better(order.px, ours.px)
                        || order.px == ours.px && ahead.contains(order_ref))
            };
            shown.iter().filter(before).map(|(_, order)| order.lots).sum()
        };
        let lots = i64::from(market.qty);
        let mut ours_of_it = 0;
        match Kind::from_code(market.header.kind) {
            Some(Kind::Add) => {
                shown.insert(market.order_ref, Shown { side: market.side(), px: market.price, lots });
                if let Some(ahead) = &ahead {
                    let meets = market.side() != ours.side && !ours.side.is_better(market.price, ours.px);
                    ours_of_it = if meets { lots - first_in_line(&shown, ahead) } else { 0 };
                }
            }
            Some(Kind::Replace) => {
                let old = shown.remove(&market.order_ref).expect("a live order");
                shown.insert(market.other_ref, Shown { px: market.price, lots, ..old });
                if let Some(ahead) = &mut ahead {
                    ahead.remove(&market.order_ref);
                    let meets = old.side != ours.side && !ours.side.is_better(market.price, ours.px);
                    ours_of_it = if meets { lots - first_in_line(&shown, ahead) } else { 0 };
                }
            }
            Some(kind @ (Kind::Execute | Kind::Cancel | Kind::Delete)) => {
                let order = shown.get_mut(&market.order_ref).expect("a live order");
                let copy = *order;
                order.lots -= if kind == Kind::Delete { copy.lots } else { lots };
                if order.lots == 0 {
                    shown.remove(&market.order_ref);
                }
                if let Some(ahead) =
                    ahead.as_ref().filter(|_| kind == Kind::Execute && copy.side == ours.side)
                {
                    let behind = ours.side.is_better(ours.px, copy.px)
                        || copy.px == ours.px && !ahead.contains(&market.order_ref);
                    ours_of_it = if behind { lots } else { 0 };
                }
            }
            Some(Kind::Trade) => {
                if let Some(ahead) = ahead.as_ref().filter(|_| ours.side.is_better(ours.px, market.price)) {
                    ours_of_it = lots - first_in_line(&shown, ahead);
                }
            }
            _ => {}
        }
        let got = ours_of_it.clamp(0, open);
        if got > 0 {
            open -= got;
            fills.push((market.header.seq, got));
        }
        if open == 0 {
            break;
        }
    }
    fills
}

#[test]
fn an_order_at_the_touch_fills_when_the_tape_says_so_and_not_else() {
    let Some(tape) = tape() else {
        println!("skipped: no data/ticks/itch below TICKRACE_SHARED or ../shared");
        return;
    };
    let config = ExchangeConfig {
        order_latency_ns: 0,
        response_latency_ns: 0,
        order_latency: None,
        response_latency: None,
        fees: FeeConfig::FREE,
        funding: None,
        impact: tickrace_exchange::ImpactConfig::None,
        bars: None,
        faults: tickrace_exchange::FaultConfig::default(),
        open_orders_max: 4,
        hidden_through_fills: true,
        queue: QueueModel::Exact,
        fills: FillRule::Partial,
    };
    let table = InstrumentTable::new(vec![Instrument::us_equity("AAPL")]).expect("one share");
    let mut day = Exchange::new(&config, &table, 4096).expect("a valid configuration");
    let mut trials = (10 * 3600..16 * 3600).step_by(1200).map(|second| second * SECOND_NS).peekable();
    let (mut filled_trials, mut open_trials, mut all_fills) = (0, 0, 0);
    for (index, record) in tape.iter().enumerate() {
        if trials.next_if(|at_ns| record.header.ts_venue_ns > *at_ns).is_some() {
            let at_ns = record.header.ts_venue_ns - 1;
            for side in Side::BOTH {
                let px = day.books().best(InstrumentId(0), side).expect("a market").price.0;
                let owed = owed(&tape[..], Ours { side, px, at_ns });
                let got = fills_of(day.clone(), &tape[index..], Ours { side, px, at_ns });
                assert_eq!(got, owed, "{side:?} at {px} since {at_ns}");
                let lots: i64 = got.iter().map(|(_, lots)| lots).sum();
                filled_trials += u32::from(lots == LOTS);
                open_trials += u32::from(lots < LOTS);
                all_fills += got.len();
            }
        }
        day.on_market(record, &mut |response| panic!("nothing of ours is there: {response:?}"));
    }
    println!("{filled_trials} orders filled whole, {open_trials} not, {all_fills} fills");
    assert_eq!(filled_trials + open_trials, 36);
    assert!(all_fills > 36, "{all_fills} fills show little");
}

/// The fills the venue gives the order on the rest of the tape: (message number, lots).
fn fills_of(mut venue: Exchange, tape: &[Record], ours: Ours) -> Vec<(u64, i64)> {
    let header = Header {
        kind: Kind::Order as u8,
        version: VERSION,
        instrument: 0,
        ts_recv_ns: ours.at_ns,
        ..Header::default()
    };
    let (side, qty) = (ours.side as u8, LOTS);
    venue.submit(&OrderRecord { header, client_id: ID, price: ours.px, qty, side, ..OrderRecord::default() });
    let mut fills = Vec::new();
    let mut accepted = 0;
    venue.arrive(ours.at_ns, &mut |response| {
        accepted += u32::from(response.response() == Some(ResponseKind::Accepted));
    });
    assert_eq!((accepted, venue.working()), (1, 1));
    for record in tape {
        venue.on_market(record, &mut |response| {
            assert_eq!((response.response(), response.price), (Some(ResponseKind::Fill), ours.px));
            fills.push((response.cause_seq, response.qty));
        });
        if !venue.has_interest() {
            break;
        }
    }
    fills
}
