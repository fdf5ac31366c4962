//! What becomes of an arriving order, replace or cancel, rule by rule.

use tickrace_exchange::{ExchangeConfig, IN_FLIGHT_MIN, TAKEN_ORDERS_MAX};
use tickrace_types::event::venue_reason::{
    CAPACITY, DUPLICATE_ID, END_OF_SESSION, INVALID, IOC, NOT_TRADING, POST_ONLY, SELF_TRADE, UNKNOWN_ORDER,
    USER,
};
use tickrace_types::{OrderRecord, OrderType, TimeInForce};

use crate::world::{ASK, BID, CENT, Said, World, config};

fn accepted(id: u64, leaves: i64) -> Said {
    Said::Accepted { id, leaves }
}

fn taker(id: u64, px: i64, lots: i64, leaves: i64) -> Said {
    Said::Taker { id, px, lots, leaves }
}

fn cancelled(id: u64, lots: i64, reason: u8) -> Said {
    Said::Cancelled { id, lots, reason }
}

#[test]
fn a_marketable_order_walks_the_levels_and_the_rest_rests() {
    let mut world = World::new();
    world.add(1, ASK, 10_100, 30);
    world.add(2, ASK, 10_100, 20);
    world.add(3, ASK, 10_105, 40);
    world.add(4, ASK, 10_110, 40);
    assert_eq!(
        world.limit(10, BID, 10_105, 100),
        vec![accepted(10, 100), taker(10, 10_100, 50, 50), taker(10, 10_105, 40, 10)]
    );
    assert_eq!((world.exchange.working(), world.ahead(10)), (1, 0));
    // A real ask to our remainder's price finds the last ten.
    assert_eq!(world.add(5, ASK, 10_105, 50), vec![Said::Maker { id: 10, px: 10_105, lots: 10, leaves: 0 }]);
}

#[test]
fn the_same_lots_are_not_taken_twice() {
    let mut world = World::new();
    world.add(1, ASK, 10_100, 30);
    world.add(2, ASK, 10_100, 20);
    assert_eq!(world.ioc(10, BID, 10_100, 40), vec![accepted(10, 40), taker(10, 10_100, 40, 0)]);
    assert_eq!((world.exchange.taken_of(1), world.exchange.taken_of(2)), (30, 10));
    let said = world.ioc(11, BID, 10_100, 40);
    assert_eq!(said, vec![accepted(11, 40), taker(11, 10_100, 10, 30), cancelled(11, 30, IOC)]);
    let said = world.ioc(12, BID, 10_100, 40);
    assert_eq!(said, vec![accepted(12, 40), cancelled(12, 40, IOC)]);
    // The first is executed down to five: of these nothing is left either.
    world.execute(1, 25);
    assert_eq!(world.exchange.taken_of(1), 5);
    // Replaced it is a new order; deleted it is forgotten.
    world.replace(1, 3, 10_100, 7);
    assert_eq!(world.ioc(13, BID, 10_100, 40)[1], taker(13, 10_100, 7, 33));
    world.delete(2);
    assert_eq!(world.exchange.taken_of(2), 0);
}

#[test]
fn a_market_order_takes_at_any_price_and_never_rests() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 30);
    world.add(2, BID, 5_000, 30);
    assert_eq!(
        world.market_order(10, ASK, 100),
        vec![accepted(10, 100), taker(10, 10_000, 30, 70), taker(10, 5_000, 30, 40), cancelled(10, 40, IOC)]
    );
    assert_eq!(world.exchange.working(), 0);
}

#[test]
fn a_post_only_order_that_would_take_is_rejected() {
    let mut world = World::new();
    world.add(1, ASK, 10_100, 30);
    let rejected = |id| vec![Said::Rejected { id, reason: POST_ONLY }];
    assert_eq!(world.post_only(10, BID, 10_100, 10), rejected(10));
    assert_eq!(world.post_only(11, BID, 10_200, 10), rejected(11));
    assert_eq!(world.post_only(12, BID, 10_099, 10), vec![accepted(12, 10)]);
    // Fully taken it still stands on the tape.
    world.ioc(13, BID, 10_100, 30);
    assert_eq!(world.post_only(14, BID, 10_100, 10), rejected(14));
    // An order of our own counts as well.
    assert_eq!(world.post_only(15, ASK, 10_099, 10), rejected(15));
}

#[test]
fn the_newer_order_gives_way_to_our_own() {
    let mut world = World::new();
    world.add(1, ASK, 10_100, 30);
    world.limit(10, ASK, 10_100, 20);
    world.add(2, ASK, 10_100, 40);
    // Thirty stand before ours; the fortieth lot would be our own.
    assert_eq!(
        world.limit(11, BID, 10_110, 40),
        vec![accepted(11, 40), taker(11, 10_100, 30, 10), cancelled(11, 10, SELF_TRADE)]
    );
    // What does not reach it is not hindered.
    world.add(3, ASK, 10_090, 5);
    assert_eq!(world.ioc(12, BID, 10_110, 5), vec![accepted(12, 5), taker(12, 10_090, 5, 0)]);
    assert_eq!(world.market_order(13, BID, 1), vec![accepted(13, 1), cancelled(13, 1, SELF_TRADE)]);
    assert_eq!(world.exchange.counters().self_trades_prevented, 2);
}

#[test]
fn less_at_the_same_price_keeps_the_place_and_anything_else_loses_it() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 10);
    world.limit(10, BID, 10_000, 50);
    world.add(2, BID, 10_000, 100);
    let replaced = |id, orig, px, leaves| vec![Said::Replaced { id, orig, px, leaves }];
    assert_eq!(world.amend(11, 10, 10_000, 40), replaced(11, 10, 10_000, 40));
    assert_eq!(world.ahead(11), 10);
    assert_eq!(world.amend(12, 11, 10_000, 40), replaced(12, 11, 10_000, 40));
    assert_eq!(world.ahead(12), 10);
    assert_eq!(world.amend(13, 12, 10_000, 41), replaced(13, 12, 10_000, 41));
    assert_eq!(world.ahead(13), 110);
    assert_eq!(world.amend(14, 13, 9_990, 41), replaced(14, 13, 9_990, 41));
    assert_eq!(world.ahead(14), 0);
    assert_eq!(world.amend(15, 14, 10_000, 41), replaced(15, 14, 10_000, 41));
    assert_eq!(world.ahead(15), 110);
}

#[test]
fn a_replace_counts_what_is_filled() {
    let mut world = World::new();
    world.limit(10, BID, 10_000, 50);
    world.add(1, BID, 10_000, 100);
    world.execute(1, 20);
    assert_eq!(
        world.amend(11, 10, 10_000, 45),
        vec![Said::Replaced { id: 11, orig: 10, px: 10_000, leaves: 25 }]
    );
    world.execute(1, 5);
    // In all 25 are filled; a new total of 25 leaves nothing, so the order is taken off under its old number.
    assert_eq!(world.amend(12, 11, 10_000, 25), vec![cancelled(11, 20, USER)]);
    assert_eq!(world.exchange.working(), 0);
    let unknown = |id, orig| vec![Said::CancelRejected { id, orig, reason: UNKNOWN_ORDER }];
    assert_eq!(world.amend(13, 11, 10_000, 25), unknown(13, 11));
    assert_eq!(world.withdraw(14, 12), unknown(14, 12));
}

#[test]
fn a_replace_into_the_other_side_takes_unless_it_may_not() {
    let mut world = World::new();
    world.add(1, ASK, 10_100, 30);
    world.limit(10, BID, 10_000, 50);
    let said = world.amend(11, 10, 10_100, 50);
    let replaced = |id, orig, px, leaves| Said::Replaced { id, orig, px, leaves };
    assert_eq!(said, vec![replaced(11, 10, 10_100, 50), taker(11, 10_100, 30, 20)]);
    world.withdraw(12, 11);
    world.post_only(13, BID, 10_000, 50);
    let said = world.amend(14, 13, 10_100, 50);
    assert_eq!(said, vec![replaced(14, 13, 10_100, 50), cancelled(14, 50, POST_ONLY)]);
    assert_eq!(world.exchange.working(), 0);
}

#[test]
fn a_cancel_ends_it_once() {
    let mut world = World::new();
    world.limit(10, BID, 10_000, 50);
    assert_eq!(world.withdraw(11, 10), vec![cancelled(10, 50, USER)]);
    let unknown = vec![Said::CancelRejected { id: 12, orig: 10, reason: UNKNOWN_ORDER }];
    assert_eq!(world.withdraw(12, 10), unknown);
}

#[test]
fn what_is_off_the_grid_or_the_bounds_is_rejected() {
    let mut world = World::new();
    let mut invalid = |order: OrderRecord| {
        let id = order.client_id;
        assert_eq!(world.send(order), vec![Said::Rejected { id, reason: INVALID }], "{order:?}");
    };
    let mut fresh = World::new();
    let good = fresh.order(10, BID, 10_000, 50);
    invalid(OrderRecord { price: good.price + CENT / 2, ..good });
    invalid(OrderRecord { qty: 0, ..good });
    invalid(OrderRecord { qty: -5, ..good });
    invalid(OrderRecord { qty: 1_000_000, ..good });
    invalid(OrderRecord { side: 2, ..good });
    invalid(OrderRecord { order_type: 7, ..good });
    invalid(OrderRecord { tif: 7, ..good });
    let (order_type, tif) = (OrderType::PostOnly as u8, TimeInForce::Ioc as u8);
    invalid(OrderRecord { order_type, tif, ..good });
    let mut nowhere = good;
    nowhere.header.instrument = 2;
    invalid(nowhere);
    // A replace is held to the same, and leaves the order as it is.
    assert_eq!(world.send(good), vec![accepted(10, 50)]);
    let refused = vec![Said::CancelRejected { id: 11, orig: 10, reason: INVALID }];
    assert_eq!(world.amend(11, 10, 10_000, 1_000_000), refused);
    assert_eq!(world.exchange.working(), 1);
}

#[test]
fn a_number_used_before_is_rejected() {
    let mut world = World::new();
    world.limit(10, BID, 10_000, 50);
    world.withdraw(11, 10);
    for id in [0, 9, 10] {
        assert_eq!(world.limit(id, BID, 10_000, 50), vec![Said::Rejected { id, reason: DUPLICATE_ID }]);
    }
    // The number of a cancel names a request, not an order.
    assert_eq!(world.limit(11, BID, 10_000, 50), vec![accepted(11, 50)]);
}

#[test]
fn one_order_more_than_the_venue_keeps_is_rejected() {
    let mut world = World::with(&ExchangeConfig { open_orders_max: 2, ..config() });
    world.limit(10, BID, 10_000, 50);
    world.limit(11, ASK, 10_100, 50);
    assert_eq!(world.limit(12, BID, 10_000, 50), vec![Said::Rejected { id: 12, reason: CAPACITY }]);
    // One that cannot rest needs no room; nor does a replace.
    world.add(1, ASK, 10_050, 5);
    assert_eq!(world.ioc(13, BID, 10_050, 5), vec![accepted(13, 5), taker(13, 10_050, 5, 0)]);
    assert_eq!(world.amend(14, 10, 10_001, 60).len(), 1);
    world.withdraw(15, 11);
    assert_eq!(world.limit(16, BID, 10_000, 50), vec![accepted(16, 50)]);
    assert_eq!(world.exchange.counters().rejected[usize::from(CAPACITY)], 1);
}

#[test]
fn liquidity_that_could_not_be_remembered_as_taken_is_not_taken() {
    let mut world = World::new();
    for order_ref in 1..=TAKEN_ORDERS_MAX as u64 + 1 {
        world.add(order_ref, ASK, 10_100, 1);
    }
    let most = TAKEN_ORDERS_MAX as i64;
    assert_eq!(
        world.ioc(10, BID, 10_100, most + 1),
        vec![accepted(10, most + 1), taker(10, 10_100, most, 1), cancelled(10, 1, IOC)]
    );
    assert_eq!(world.exchange.counters().taken_full, 1);
    // As soon as one is forgotten there is room for another.
    world.delete(1);
    assert_eq!(world.ioc(11, BID, 10_100, 1), vec![accepted(11, 1), taker(11, 10_100, 1, 0)]);
}

#[test]
fn an_order_too_many_on_the_way_is_counted_and_not_lost() {
    let mut world = World::with(&ExchangeConfig { order_latency_ns: 100, ..config() });
    for id in 1..=IN_FLIGHT_MIN as u64 {
        world.ioc(id, BID, 10_000, 1);
    }
    assert_eq!(world.exchange.counters().in_flight_grown, 0);
    world.ioc(1_000, BID, 10_000, 1);
    assert_eq!(
        (world.exchange.counters().in_flight_grown, world.exchange.in_flight()),
        (1, IN_FLIGHT_MIN + 1)
    );
    let said = world.speak(|exchange, mut out| exchange.arrive(i64::MAX, &mut out));
    assert_eq!(said.last(), Some(&cancelled(1_000, 1, IOC)));
}

#[test]
fn orders_arrive_in_turn_after_the_latency() {
    let mut world = World::with(&ExchangeConfig { order_latency_ns: 100, ..config() });
    assert_eq!(world.limit(10, BID, 10_000, 50), vec![]);
    world.now_ns += 30;
    assert_eq!(world.limit(11, BID, 10_000, 50), vec![]);
    assert!(world.exchange.has_interest());
    assert_eq!(world.exchange.next_arrival_ns(), Some(1_100));
    world.add(1, BID, 10_000, 5);
    let said = world.speak(|exchange, mut out| exchange.arrive(1_129, &mut out));
    assert_eq!(said, vec![accepted(10, 50)]);
    let said = world.speak(|exchange, mut out| exchange.arrive(1_130, &mut out));
    assert_eq!(said, vec![accepted(11, 50)]);
    assert_eq!(world.ahead(11), 5);
    let times: Vec<_> = world.raw.iter().map(|raw| (raw.header.ts_venue_ns, raw.header.ts_recv_ns)).collect();
    assert_eq!(times, vec![(1_100, 1_107), (1_130, 1_137)]);
    assert_eq!(world.exchange.next_arrival_ns(), None);
}

#[test]
fn a_fill_on_the_way_of_a_cancel_wins() {
    let mut world = World::with(&ExchangeConfig { order_latency_ns: 100, ..config() });
    world.limit(10, BID, 10_000, 50);
    world.now_ns = 1_100;
    let now_ns = world.now_ns;
    world.speak(|exchange, mut out| exchange.arrive(now_ns, &mut out));
    world.add(1, BID, 10_000, 100);
    world.withdraw(11, 10);
    world.now_ns = 1_199;
    assert_eq!(world.execute(1, 100), vec![Said::Maker { id: 10, px: 10_000, lots: 50, leaves: 0 }]);
    let said = world.speak(|exchange, mut out| exchange.arrive(1_200, &mut out));
    assert_eq!(said, vec![Said::CancelRejected { id: 11, orig: 10, reason: UNKNOWN_ORDER }]);
}

#[test]
fn the_session_ends_with_a_word_for_every_order() {
    let mut world = World::with(&ExchangeConfig { order_latency_ns: 100, ..config() });
    world.limit(10, ASK, 10_100, 50);
    world.limit(11, BID, 10_000, 40);
    world.limit(12, BID, 10_010, 30);
    world.now_ns = 1_100;
    world.limit(13, BID, 10_000, 50);
    world.withdraw(14, 10);
    let said = world.speak(|exchange, mut out| exchange.end_of_session(1_150, &mut out));
    assert_eq!(
        said,
        vec![
            Said::Rejected { id: 13, reason: END_OF_SESSION },
            Said::CancelRejected { id: 14, orig: 10, reason: END_OF_SESSION },
            cancelled(12, 30, END_OF_SESSION),
            cancelled(11, 40, END_OF_SESSION),
            cancelled(10, 50, END_OF_SESSION),
        ]
    );
    assert!(!world.exchange.has_interest());
}

#[test]
fn an_instrument_nobody_spoke_of_does_not_trade() {
    use tickrace_types::{Instrument, InstrumentTable};
    let table = InstrumentTable::new(vec![Instrument::us_equity("ONE")]).expect("one share");
    let mut world = World::new();
    world.exchange = tickrace_exchange::Exchange::new(&config(), &table, 8).expect("a valid configuration");
    assert_eq!(world.limit(10, BID, 10_000, 50), vec![Said::Rejected { id: 10, reason: NOT_TRADING }]);
}
