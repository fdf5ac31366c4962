use proptest::prelude::*;
use tickrace_types::{
    AccountId, Action, Header, Instrument, InstrumentId, InstrumentTable, OrderRecord, OrderType, Phase,
    Price, ResponseKind, ResponseRecord, SessionId, Side, StrategyId, TopOfBook, VenueId,
};

use super::*;
use crate::{Oms, OmsConfig};

const ID: InstrumentId = InstrumentId(0);
const CENT: i64 = 10_000_000;

fn top(bid_cents: i64, ask_cents: i64) -> TopOfBook {
    TopOfBook {
        bid_px: bid_cents * CENT,
        ask_px: ask_cents * CENT,
        bid_qty: 500,
        ask_qty: 500,
        phase: Phase::Continuous as u8,
        stale: 0,
        ..TopOfBook::NONE
    }
}

fn parent(side: Side, qty_lots: i64, seconds: i64) -> Parent {
    Parent { side, qty_lots, start_ns: 0, end_ns: seconds * 1_000_000_000, limit: None }
}

fn conditions<'a>(
    (now_ns, top, instrument): (i64, &'a TopOfBook, &'a Instrument),
    top_age_ns_max: i64,
) -> Conditions<'a> {
    Conditions { now_ns, top, instrument, top_age_ns_max, order_qty_max_lots: i64::MAX }
}

/// What an algorithm wants at a second, with so much done.
fn wanted(algo: &AlgoConfig, parent: &Parent, at_s: f64, done_lots: i64, printed_lots: i64) -> Child {
    let instrument = Instrument::us_equity("X");
    #[allow(clippy::cast_possible_truncation, reason = "a few seconds")]
    let now_ns = (at_s * 1e9) as i64;
    let top = top(10_000, 10_002);
    algo.child(
        parent,
        &Seen {
            now_ns,
            top: &top,
            instrument: &instrument,
            order_qty_max_lots: i64::MAX,
            done_lots,
            printed_lots,
        },
    )
}

fn rest(cents: i64, qty_lots: i64) -> Child {
    Child::Rest { price: Price(cents * CENT), qty_lots, peak_lots: 0 }
}

fn take(cents: i64, qty_lots: i64) -> Child {
    Child::Take { limit: Price(cents * CENT), qty_lots }
}

#[test]
fn a_slice_is_rested_first_and_taken_at_its_end() {
    let twap = AlgoConfig::Twap { duration_ms: 40_000, slices: 4, rest_share: 0.5, through_ticks: 1 };
    let buy = parent(Side::Bid, 100, 40);
    // Slices of 10 s and 25 lots; the first half of each rests at the bid, the second pays up to a tick beyond the offer.
    assert_eq!(wanted(&twap, &buy, 1.0, 0, 0), rest(10_000, 25));
    assert_eq!(wanted(&twap, &buy, 6.0, 10, 0), take(10_003, 15));
    assert_eq!(wanted(&twap, &buy, 6.0, 25, 0), Child::Nothing);
    assert_eq!(wanted(&twap, &buy, 11.0, 25, 0), rest(10_000, 25));
    assert_eq!(wanted(&twap, &buy, 39.0, 80, 0), take(10_003, 20));
    assert_eq!(wanted(&twap, &buy, 50.0, 90, 0), take(10_003, 10));
    let sell = parent(Side::Ask, 100, 40);
    assert_eq!(wanted(&twap, &sell, 1.0, 0, 0), rest(10_002, 25));
    assert_eq!(wanted(&twap, &sell, 6.0, 0, 0), take(9_999, 25));
}

#[test]
fn a_profile_of_volume_spreads_the_parent_along_itself() {
    // Ten seconds a part: volumes 1, 3, 4, 2.
    let vwap = AlgoConfig::Vwap {
        duration_ms: 40_000,
        profile: vec![1.0, 3.0, 4.0, 2.0],
        profile_start_s: 0,
        profile_end_s: 40,
        rest_share: 0.0,
        through_ticks: 0,
    };
    let buy = parent(Side::Bid, 100, 40);
    for (at_s, lots) in [(0.0, 10), (9.9, 10), (10.0, 40), (25.0, 80), (35.0, 100)] {
        assert_eq!(wanted(&vwap, &buy, at_s, 0, 0), take(10_002, lots), "{at_s}");
    }
    // A parent of the second and third part alone: volumes 3 and 4.
    let part = Parent { start_ns: 10_000_000_000, end_ns: 30_000_000_000, ..buy };
    assert_eq!(wanted(&vwap, &part, 12.0, 0, 0), take(10_002, 43));
    // Outside the profile's hours: by time.
    let late = Parent { start_ns: 50_000_000_000, end_ns: 60_000_000_000, ..buy };
    assert_eq!(wanted(&vwap, &late, 51.0, 0, 0), take(10_002, 100));
}

#[test]
fn participation_follows_what_trades_and_sends_no_crumbs() {
    let pov = AlgoConfig::Pov { duration_ms: 60_000, share: 0.1, child_min_lots: 20, through_ticks: 0 };
    let buy = parent(Side::Bid, 100, 60);
    assert_eq!(wanted(&pov, &buy, 1.0, 0, 199), Child::Nothing);
    assert_eq!(wanted(&pov, &buy, 1.0, 0, 200), take(10_002, 20));
    assert_eq!(wanted(&pov, &buy, 1.0, 20, 500), take(10_002, 30));
    assert_eq!(wanted(&pov, &buy, 1.0, 90, 5_000), take(10_002, 10));
}

#[test]
fn an_adaptive_order_rests_until_it_is_behind_or_late() {
    let adaptive = AlgoConfig::Adaptive {
        duration_ms: 100_000,
        behind_share_max: 0.2,
        last_share: 0.1,
        through_ticks: 0,
    };
    let buy = parent(Side::Bid, 100, 100);
    assert_eq!(wanted(&adaptive, &buy, 10.0, 0, 0), rest(10_000, 100));
    // A half passed, a quarter done: behind by 25 of 100.
    assert_eq!(wanted(&adaptive, &buy, 50.0, 25, 0), take(10_002, 25));
    assert_eq!(wanted(&adaptive, &buy, 50.0, 30, 0), rest(10_000, 70));
    assert_eq!(wanted(&adaptive, &buy, 91.0, 95, 0), take(10_002, 5));
}

#[test]
fn pegs_move_with_the_market_and_never_cross_it_or_the_limit() {
    let peg = |reference, offset_ticks| AlgoConfig::Peg {
        duration_ms: 60_000,
        reference,
        offset_ticks,
        through_ticks: 0,
    };
    let buy = parent(Side::Bid, 10, 60);
    assert_eq!(wanted(&peg(Reference::Own, -3), &buy, 1.0, 0, 0), rest(9_997, 10));
    assert_eq!(wanted(&peg(Reference::Mid, 0), &buy, 1.0, 0, 0), rest(10_001, 10));
    assert_eq!(wanted(&peg(Reference::Own, 9), &buy, 1.0, 0, 0), rest(10_001, 10));
    let limited = Parent { limit: Some(Price(9_990 * CENT)), ..buy };
    assert_eq!(wanted(&peg(Reference::Own, 0), &limited, 1.0, 0, 0), rest(9_990, 10));
    // Its time is over, and the offer is beyond its limit: nothing is taken.
    assert_eq!(wanted(&peg(Reference::Own, 0), &limited, 61.0, 0, 0), Child::Nothing);
    let iceberg = AlgoConfig::Iceberg { duration_ms: 60_000, peak_lots: 3, through_ticks: 0 };
    let shown = Child::Rest { price: Price(10_000 * CENT), qty_lots: 10, peak_lots: 3 };
    assert_eq!(wanted(&iceberg, &buy, 1.0, 0, 0), shown);
}

#[test]
fn a_market_that_is_not_firm_gets_nothing() {
    let algo = AlgoConfig::Marketable { through_ticks: 0 };
    let instrument = Instrument::us_equity("X");
    let buy = parent(Side::Bid, 10, 0);
    let child = |top: TopOfBook| {
        let seen = Seen {
            now_ns: 1,
            top: &top,
            instrument: &instrument,
            order_qty_max_lots: 4,
            done_lots: 0,
            printed_lots: 0,
        };
        algo.child(&buy, &seen)
    };
    // No more in one order than is allowed.
    assert_eq!(child(top(10_000, 10_002)), take(10_002, 4));
    let stale = TopOfBook { stale: 1, ..top(10_000, 10_002) };
    let halted = TopOfBook { phase: Phase::Halted as u8, ..top(10_000, 10_002) };
    assert_eq!(child(stale), Child::Nothing);
    assert_eq!(child(halted), Child::Nothing);
}

#[test]
fn a_key_out_of_range_is_named() {
    for (algo, key) in [
        (AlgoConfig::Marketable { through_ticks: -1 }, "execution.through_ticks"),
        (
            AlgoConfig::Twap { duration_ms: 0, slices: 4, rest_share: 0.5, through_ticks: 0 },
            "execution.duration_ms",
        ),
        (
            AlgoConfig::Pov { duration_ms: 1, share: 0.0, child_min_lots: 1, through_ticks: 0 },
            "execution.share",
        ),
    ] {
        assert_eq!(algo.validate().unwrap_err().key, key);
    }
}

/// One order at a rough venue.
#[derive(Clone, Copy, Debug)]
struct Resting {
    id: u64,
    price: i64,
    leaves: i64,
    is_ioc: bool,
}

/// A venue that answers late, fills in parts, refuses, and fills orders whose cancel is under way.
struct World {
    oms: Oms,
    instrument: Instrument,
    worker: Worker,
    resting: Vec<Resting>,
    cancels: Vec<u64>,
    sent: u32,
}

impl World {
    fn new() -> Self {
        let instrument = Instrument::us_equity("X");
        let config = OmsConfig {
            open_orders_max: 64,
            strategy: StrategyId(0),
            account: AccountId(0),
            venue: VenueId(0),
            session: SessionId(0),
            first_client_id: 1,
            unacked_timeout_ns: i64::MAX,
        };
        let table = InstrumentTable::new(vec![instrument.clone()]).unwrap();
        let oms = Oms::new(&config, &table);
        Self { oms, instrument, worker: Worker::default(), resting: Vec::new(), cancels: Vec::new(), sent: 0 }
    }

    fn answer(
        &mut self,
        now_ns: i64,
        kind: ResponseKind,
        id: u64,
        side: Side,
        (qty, leaves, price): (i64, i64, i64),
    ) {
        let (client_id, orig_client_id) =
            if kind == ResponseKind::CancelRejected { (0, id) } else { (id, 0) };
        let response = ResponseRecord {
            header: Header { instrument: 0, ts_recv_ns: now_ns, ..Header::default() },
            client_id,
            orig_client_id,
            response: kind as u8,
            side: side as u8,
            qty,
            leaves,
            price,
            exec_id: u64::from(self.sent) * 1_000 + id + u64::try_from(now_ns).unwrap(),
            ..ResponseRecord::default()
        };
        self.oms.on_response(&response);
        self.worker.on_response(now_ns, &response);
    }

    fn step(&mut self, algo: &AlgoConfig, now_ns: i64, top: &TopOfBook) -> Vec<OrderRecord> {
        let Self { oms, instrument, worker, .. } = self;
        let step = worker.step(algo, &conditions((now_ns, top, instrument), i64::MAX), ID, oms);
        let mut left = Vec::new();
        let cause = Header { ts_recv_ns: now_ns, ..Header::default() };
        match step {
            Step::Wait => {}
            Step::Cancel(id) => {
                oms.cancel(id, &cause, &mut |order: &mut OrderRecord| left.push(*order));
            }
            Step::Send(request) => {
                oms.submit(&request, &cause, &mut |order: &mut OrderRecord| left.push(*order));
            }
        }
        left
    }
}

fn algos() -> impl Strategy<Value = AlgoConfig> {
    prop_oneof![
        Just(AlgoConfig::Marketable { through_ticks: 1 }),
        Just(AlgoConfig::Twap { duration_ms: 60_000, slices: 6, rest_share: 0.5, through_ticks: 2 }),
        Just(AlgoConfig::Vwap {
            duration_ms: 60_000,
            profile: vec![1.0, 2.0, 1.0, 4.0, 1.0, 1.0],
            profile_start_s: 0,
            profile_end_s: 60,
            rest_share: 0.5,
            through_ticks: 2,
        }),
        Just(AlgoConfig::Pov { duration_ms: 60_000, share: 0.2, child_min_lots: 5, through_ticks: 2 }),
        Just(AlgoConfig::Adaptive {
            duration_ms: 60_000,
            behind_share_max: 0.1,
            last_share: 0.1,
            through_ticks: 2
        }),
        Just(AlgoConfig::Iceberg { duration_ms: 60_000, peak_lots: 7, through_ticks: 2 }),
        Just(AlgoConfig::Peg {
            duration_ms: 60_000,
            reference: Reference::Mid,
            offset_ticks: -1,
            through_ticks: 2
        }),
    ]
}

proptest! {
    /// Whatever the venue does: never more than the parent, never beyond its limit, never into a stale market; and where
    /// there was time and a willing market at the end, all of it.
    #[test]
    fn children_and_fills_stay_within_the_parent(
        algo in algos(),
        side in prop_oneof![Just(Side::Bid), Just(Side::Ask)],
        qty in 1_i64..300,
        limit in proptest::option::of(-20_i64..20),
        moves in proptest::collection::vec((-3_i64..4, 1_i64..5, 0_u8..100, 0_i64..60), 100..300),
    ) {
        let mut world = World::new();
        let limit = limit.map(|cents| Price((10_000 + cents) * CENT));
        world.worker.begin(Parent { side, qty_lots: qty, start_ns: 0, end_ns: 60_000_000_000, limit }, 1, 0);
        let (mut bid, mut filled) = (10_000, 0);
        let steps = moves.len();
        for (place, (shift, spread, chance, lots)) in moves.into_iter().enumerate() {
            let now_ns = 90_000_000_000 / i64::try_from(steps).unwrap() * i64::try_from(place).unwrap();
            bid += shift;
            let is_stale = chance < 10;
            let top = TopOfBook { stale: u8::from(is_stale), ..top(bid, bid + spread) };
            world.worker.on_print(lots);
            for order in world.step(&algo, now_ns, &top) {
                match order.action() {
                    Action::Cancel => world.cancels.push(order.orig_client_id),
                    _ => {
                        world.sent += 1;
                        prop_assert!(!is_stale, "an order into a stale market");
                        prop_assert_eq!(order.side(), side);
                        if let Some(limit) = limit {
                            let is_beyond =
                                if side == Side::Bid { order.price > limit.0 } else { order.price < limit.0 };
                            prop_assert!(!is_beyond);
                        }
                        let id = order.client_id;
                        if chance > 92 {
                            world.answer(now_ns, ResponseKind::Rejected, id, side, (0, 0, 0));
                        } else {
                            world.answer(now_ns, ResponseKind::Accepted, id, side, (0, order.qty, order.price));
                            let is_ioc = order.order_type != OrderType::PostOnly as u8;
                            let resting = Resting { id, price: order.price, leaves: order.qty, is_ioc };
                            world.resting.push(resting);
                        }
                    }
                }
            }
            let open: i64 = world.resting.iter().map(|order| order.leaves).sum();
            prop_assert!(open + filled <= qty, "{} open, {} filled of {}", open, filled, qty);
            prop_assert!(world.resting.len() <= 1);
            // The venue: fills a part, ends what takes, then does what it was asked.
            for mut order in std::mem::take(&mut world.resting) {
                let part = lots.min(order.leaves);
                if part > 0 && (order.is_ioc || chance % 3 == 0) {
                    order.leaves -= part;
                    filled += part;
                    world.answer(now_ns, ResponseKind::Fill, order.id, side, (part, order.leaves, order.price));
                }
                let is_cancelled = order.is_ioc || chance % 2 == 0 && world.cancels.contains(&order.id);
                if order.leaves > 0 && is_cancelled {
                    world.answer(now_ns, ResponseKind::Cancelled, order.id, side, (order.leaves, 0, 0));
                    world.cancels.retain(|id| *id != order.id);
                } else if order.leaves > 0 {
                    world.resting.push(order);
                }
            }
            prop_assert_eq!(world.oms.position(ID), if side == Side::Bid { filled } else { -filled });
            prop_assert!(filled <= qty);
        }
        // A willing market, after the end of its time.
        if limit.is_none() && !world.worker.is_given_up() && world.resting.is_empty() {
            let top = top(bid, bid + 1);
            for round in 0..20 {
                let now_ns = 200_000_000_000 + round * 10_000_000_000;
                for order in world.step(&algo, now_ns, &top) {
                    world.answer(now_ns, ResponseKind::Accepted, order.client_id, side, (0, order.qty, order.price));
                    filled += order.qty;
                    world.answer(now_ns, ResponseKind::Fill, order.client_id, side, (order.qty, 0, order.price));
                }
            }
            prop_assert_eq!(filled, qty);
        }
    }
}

/// A market not heard of for too long gets nothing, and what was not sent does not count as sent: the first look at a market heard
/// of again sends it, at the same time.
#[test]
fn an_old_market_gets_nothing_and_takes_no_turn() {
    let world = World::new();
    let mut worker = Worker::default();
    worker.begin(parent(Side::Bid, 10, 0), 1, 0);
    let algo = AlgoConfig::Marketable { through_ticks: 0 };
    let at = |ts_recv_ns| TopOfBook { ts_recv_ns, ..top(10_000, 10_002) };
    let mut step = |top: &TopOfBook| {
        let seen = (5_000_000_000, top, &world.instrument);
        worker.step(&algo, &conditions(seen, 3_000_000_000), ID, &world.oms)
    };
    assert_eq!(step(&at(1_999_999_999)), Step::Wait);
    assert!(matches!(step(&at(2_000_000_000)), Step::Send(_)));
}

/// Nobody answered: an order in doubt is cancelled, one that takes as well, for only the venue can say that it is gone.
#[test]
fn an_order_in_doubt_is_cancelled() {
    let mut world = World::new();
    let config = OmsConfig {
        open_orders_max: 8,
        strategy: StrategyId(0),
        account: AccountId(0),
        venue: VenueId(0),
        session: SessionId(0),
        first_client_id: 1,
        unacked_timeout_ns: 1_000,
    };
    world.oms = Oms::new(&config, &InstrumentTable::new(vec![world.instrument.clone()]).unwrap());
    world.worker.begin(parent(Side::Bid, 10, 0), 1, 0);
    let algo = AlgoConfig::Marketable { through_ticks: 0 };
    let market = top(10_000, 10_002);
    let step = |world: &mut World, now_ns: i64| {
        let World { worker, oms, instrument, .. } = world;
        worker.step(&algo, &conditions((now_ns, &market, instrument), i64::MAX), ID, oms)
    };
    let Step::Send(request) = step(&mut world, 1) else { panic!("nothing sent") };
    let cause = Header { ts_recv_ns: 1, ..Header::default() };
    let id = world.oms.submit(&request, &cause, &mut |_: &mut OrderRecord| {}).unwrap();
    assert_eq!(step(&mut world, 2), Step::Wait);
    world.oms.on_time(5_000);
    assert_eq!(step(&mut world, 5_000), Step::Cancel(id));
}
