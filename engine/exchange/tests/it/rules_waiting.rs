//! Stops and pegged orders: what they watch and when they move.

use tickrace_types::event::venue_reason::{IOC, NO_REFERENCE, NOT_TRADING, USER};
use tickrace_types::{OrderRecord, OrderType, Peg, Phase, Price, SelfTrade, Side, Terms, Trigger};

use crate::world::{ASK, BID, CENT, Said, World};

fn accepted(id: u64, leaves: i64) -> Said {
    Said::Accepted { id, leaves }
}

fn taker(id: u64, px: i64, lots: i64, leaves: i64) -> Said {
    Said::Taker { id, px, lots, leaves }
}

fn triggered(id: u64, leaves: i64) -> Said {
    Said::Triggered { id, leaves }
}

impl World {
    fn stop(&mut self, id: u64, side: Side, trigger: i64, qty: i64) -> Vec<Said> {
        let order = self.order(id, side, 0, qty);
        self.special(order, OrderType::Stop, Terms { trigger_price: trigger, ..Terms::PLAIN })
    }

    fn trail(&mut self, id: u64, side: Side, distance: i64, qty: i64, trigger: Trigger) -> Vec<Said> {
        let order = self.order(id, side, 0, qty);
        self.special(
            order,
            OrderType::TrailingStop,
            Terms { trigger_price: distance, trigger, ..Terms::PLAIN },
        )
    }

    fn peg(&mut self, id: u64, side: Side, peg: Peg, offset: i64, limit: i64) -> Vec<Said> {
        let order = self.order(id, side, limit, 10);
        self.special(order, OrderType::Pegged, Terms { trigger_price: offset, peg, ..Terms::PLAIN })
    }

    fn trigger_cents(&self, id: u64) -> i64 {
        self.exchange.trigger_price(id).expect("a waiting stop").0 / CENT
    }

    fn cents(&self, id: u64) -> i64 {
        self.exchange.queue_position(id).expect("it rests").price.0 / CENT
    }
}

#[test]
fn a_stop_waits_for_the_last_trade_and_then_takes() {
    let mut world = World::new();
    world.add(1, BID, 9_990, 30);
    world.add(2, ASK, 10_010, 100);
    world.trade(3, BID, 10_000, 5);
    assert_eq!(world.stop(10, BID, 10_010, 40), vec![accepted(10, 40)]);
    assert_eq!(world.stop(11, ASK, 9_990, 40), vec![accepted(11, 40)]);
    assert!(world.raw.iter().all(|raw| raw.parked == 1));
    // It rests nowhere: nothing that passes fills it, and it blocks no order of ours.
    assert_eq!(world.exchange.queue_position(10), None);
    assert_eq!(world.trade(4, BID, 10_005, 5), vec![]);
    assert_eq!(world.execute(2, 10), vec![triggered(10, 40), taker(10, 10_010, 40, 0)]);
    // A hidden print is a trade as well. Thirty are there, ten go.
    assert_eq!(
        world.hidden(9_989, 1),
        vec![triggered(11, 40), taker(11, 9_990, 30, 10), Said::Cancelled { id: 11, lots: 10, reason: IOC }]
    );
    assert_eq!((world.exchange.working(), world.exchange.counters().triggered), (0, 2));
    let cause = world.raw.iter().find(|raw| raw.response == 8).map(|raw| raw.cause_seq);
    assert!(cause.is_some_and(|seq| seq > 0));
}

#[test]
fn a_stop_already_reached_triggers_at_once() {
    let mut world = World::new();
    world.add(1, ASK, 10_010, 100);
    world.trade(3, BID, 10_000, 5);
    assert_eq!(
        world.stop(10, BID, 10_000, 40),
        vec![accepted(10, 40), triggered(10, 40), taker(10, 10_010, 40, 0)]
    );
}

#[test]
fn a_stop_limit_rests_at_its_limit_once_triggered() {
    let mut world = World::new();
    world.add(1, ASK, 10_020, 100);
    let order = world.order(10, BID, 10_015, 40);
    let terms = Terms { trigger_price: 10_010, ..Terms::PLAIN };
    assert_eq!(world.special(order, OrderType::StopLimit, terms), vec![accepted(10, 40)]);
    assert_eq!(world.trade(2, ASK, 10_010, 5), vec![triggered(10, 40)]);
    assert_eq!((world.cents(10), world.ahead(10)), (10_015, 0));
    assert_eq!(world.add(3, ASK, 10_015, 15), vec![Said::Maker { id: 10, px: 10_015, lots: 15, leaves: 25 }]);
    // From now on it is a limit order: a replace says price and lots.
    assert_eq!(
        world.amend(11, 10, 10_012, 40),
        vec![Said::Replaced { id: 11, orig: 10, px: 10_012, leaves: 25 }]
    );
}

#[test]
fn a_stop_by_touch_minds_what_it_would_take_not_what_traded() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 50);
    world.add(2, ASK, 10_010, 50);
    let order = world.order(10, ASK, 0, 40);
    let terms = Terms { trigger_price: 9_990, trigger: Trigger::Touch, ..Terms::PLAIN };
    world.special(order, OrderType::Stop, terms);
    assert_eq!(world.hidden(9_980, 5), vec![]);
    world.add(3, BID, 9_985, 50);
    assert_eq!(world.delete(1), vec![triggered(10, 40), taker(10, 9_985, 40, 0)]);
}

#[test]
fn a_halt_holds_stops_back_and_they_trigger_when_it_ends() {
    let mut world = World::new();
    world.add(1, BID, 9_980, 50);
    world.trade(2, BID, 10_000, 5);
    world.stop(10, ASK, 9_990, 40);
    world.phase(Phase::Halted);
    assert_eq!(world.hidden(9_985, 5), vec![]);
    assert_eq!(world.stop(11, ASK, 9_990, 1), vec![Said::Rejected { id: 11, reason: NOT_TRADING }]);
    assert_eq!(world.phase(Phase::Continuous), vec![triggered(10, 40), taker(10, 9_980, 40, 0)]);
    world.stop(12, ASK, 9_970, 40);
    world.phase(Phase::Halted);
    assert_eq!(world.withdraw(13, 12), vec![Said::Cancelled { id: 12, lots: 40, reason: USER }]);
}

#[test]
fn a_trailing_stop_follows_the_best_trade_and_never_goes_back() {
    let mut world = World::new();
    world.add(1, BID, 9_900, 500);
    let no_trade = vec![Said::Rejected { id: 9, reason: NO_REFERENCE }];
    assert_eq!(world.trail(9, ASK, 30, 40, Trigger::Last), no_trade);
    world.trade(2, BID, 10_000, 5);
    world.trail(10, ASK, 30, 40, Trigger::Last);
    world.trail(11, BID, 40, 40, Trigger::Last);
    assert_eq!((world.trigger_cents(10), world.trigger_cents(11)), (9_970, 10_040));
    world.trade(3, BID, 10_020, 5);
    assert_eq!((world.trigger_cents(10), world.trigger_cents(11)), (9_990, 10_040));
    world.trade(4, BID, 9_995, 5);
    assert_eq!((world.trigger_cents(10), world.trigger_cents(11)), (9_990, 10_035));
    // A replace keeps what was seen: 100.20 less the new distance.
    let order = world.order(12, ASK, 0, 50);
    let amended = OrderRecord { action: 1, orig_client_id: 10, ..order };
    let terms = Terms { trigger_price: 60, ..Terms::PLAIN };
    let replaced = Said::Replaced { id: 12, orig: 10, px: 0, leaves: 50 };
    assert_eq!(world.special(amended, OrderType::TrailingStop, terms), vec![replaced]);
    assert_eq!(world.trigger_cents(12), 9_960);
    assert_eq!(world.trade(5, BID, 9_960, 5), vec![triggered(12, 50), taker(12, 9_900, 50, 0)]);
    assert_eq!(world.trigger_cents(11), 10_000);
}

#[test]
fn a_trailing_stop_by_touch_follows_the_bid_for_a_sale() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 50);
    world.add(2, ASK, 10_010, 50);
    world.trail(10, ASK, 30, 40, Trigger::Touch);
    assert_eq!(world.trigger_cents(10), 9_970);
    world.add(3, BID, 10_005, 20);
    assert_eq!(world.trigger_cents(10), 9_975);
    world.delete(3);
    assert_eq!(world.trigger_cents(10), 9_975);
    world.add(4, BID, 9_975, 20);
    assert_eq!(
        world.delete(1),
        vec![triggered(10, 40), taker(10, 9_975, 20, 20), Said::Cancelled { id: 10, lots: 20, reason: IOC }]
    );
}

#[test]
fn stops_enter_in_the_order_of_their_acceptance() {
    let mut world = World::new();
    world.add(1, BID, 9_900, 50);
    world.trade(2, BID, 10_000, 5);
    world.stop(10, ASK, 9_980, 30);
    world.stop(11, ASK, 9_990, 30);
    assert_eq!(
        world.trade(3, BID, 9_970, 5),
        vec![
            triggered(10, 30),
            taker(10, 9_900, 30, 0),
            triggered(11, 30),
            taker(11, 9_900, 20, 10),
            Said::Cancelled { id: 11, lots: 10, reason: IOC },
        ]
    );
}

#[test]
fn a_replaced_stop_has_another_trigger() {
    let mut world = World::new();
    world.add(1, BID, 9_900, 50);
    world.trade(2, BID, 10_000, 5);
    world.stop(10, ASK, 9_980, 30);
    let order = world.order(11, ASK, 0, 20);
    let amended = OrderRecord { action: 1, orig_client_id: 10, ..order };
    let terms = Terms { trigger_price: 9_950, ..Terms::PLAIN };
    let said = world.special(amended, OrderType::Stop, terms);
    assert_eq!(said, vec![Said::Replaced { id: 11, orig: 10, px: 0, leaves: 20 }]);
    assert_eq!(world.trade(3, BID, 9_960, 5), vec![]);
    assert_eq!(world.trade(4, BID, 9_950, 5), vec![triggered(11, 20), taker(11, 9_900, 20, 0)]);
}

#[test]
fn a_triggered_stop_minds_our_own_orders() {
    let mut world = World::new();
    world.trade(2, BID, 10_000, 5);
    world.limit(10, BID, 9_950, 30);
    let order = world.order(11, ASK, 0, 20);
    let terms = Terms { trigger_price: 9_980, stp: SelfTrade::CancelOldest, ..Terms::PLAIN };
    world.special(order, OrderType::Stop, terms);
    let said = world.trade(3, BID, 9_970, 5);
    assert_eq!(
        said,
        vec![
            triggered(11, 20),
            Said::Cancelled { id: 10, lots: 30, reason: 10 },
            Said::Cancelled { id: 11, lots: 20, reason: IOC },
        ]
    );
}

#[test]
fn a_primary_peg_follows_its_own_side_and_loses_its_place_each_time() {
    let mut world = World::new();
    let nothing = vec![Said::Rejected { id: 9, reason: NO_REFERENCE }];
    assert_eq!(world.peg(9, BID, Peg::Primary, 0, 10_050), nothing);
    world.add(1, BID, 10_000, 50);
    world.add(2, ASK, 10_020, 50);
    assert_eq!(world.peg(10, BID, Peg::Primary, 0, 10_010), vec![accepted(10, 10)]);
    assert_eq!((world.cents(10), world.ahead(10)), (10_000, 50));
    let moved = |px| vec![Said::Restated { id: 10, px, leaves: 10 }];
    assert_eq!(world.add(3, BID, 10_005, 7), moved(10_005));
    assert_eq!(world.ahead(10), 7);
    assert_eq!(world.delete(3), moved(10_000));
    assert_eq!(world.ahead(10), 50);
    // Beyond its limit it does not go; where nothing is left to follow it stays.
    assert_eq!(world.add(4, BID, 10_015, 7), moved(10_010));
    assert_eq!(world.execute(4, 7), moved(10_000));
    assert_eq!(world.delete(1), vec![]);
    assert_eq!((world.cents(10), world.ahead(10)), (10_000, 0));
    // It does not follow another order of ours.
    world.limit(11, BID, 10_012, 5);
    assert_eq!(world.cents(10), 10_000);
}

#[test]
fn a_peg_that_moves_first_had_its_turn_where_it_stood() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 10);
    world.add(2, BID, 9_990, 10);
    world.peg(10, BID, Peg::Primary, 5, 10_050);
    // Five cents better than the touch: the execution that empties the touch was ours first.
    let maker = Said::Maker { id: 10, px: 10_005, lots: 10, leaves: 0 };
    assert_eq!(world.execute(1, 10), vec![maker]);
}

#[test]
fn market_and_mid_pegs_know_both_sides() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 50);
    world.add(2, ASK, 10_021, 50);
    world.peg(10, BID, Peg::Market, -3, 10_050);
    assert_eq!(world.cents(10), 10_018);
    world.withdraw(90, 10);
    // The middle is 100.105: a bid is rounded down, an ask up.
    world.peg(11, BID, Peg::Mid, 0, 10_050);
    assert_eq!(world.cents(11), 10_010);
    world.withdraw(91, 11);
    world.peg(12, ASK, Peg::Mid, 0, 10_000);
    assert_eq!(world.cents(12), 10_011);
    assert_eq!(world.add(3, BID, 10_003, 1), vec![Said::Restated { id: 12, px: 10_012, leaves: 10 }]);
    // Without both sides there is no middle.
    assert_eq!(world.delete(2), vec![]);
}

#[test]
fn a_peg_across_the_touch_takes_and_a_halt_holds_it() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 50);
    world.add(2, ASK, 10_020, 4);
    assert_eq!(world.peg(10, BID, Peg::Market, 0, 10_050), vec![accepted(10, 10), taker(10, 10_020, 4, 6)]);
    world.phase(Phase::Halted);
    assert_eq!(world.replace(2, 3, 10_030, 9), vec![]);
    assert_eq!(
        world.phase(Phase::Continuous),
        vec![Said::Restated { id: 10, px: 10_030, leaves: 6 }, taker(10, 10_030, 6, 0)]
    );
}

#[test]
fn a_replaced_peg_keeps_its_place_only_where_it_stands_the_same() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 50);
    world.peg(10, BID, Peg::Primary, 0, 10_010);
    world.add(2, BID, 10_000, 30);
    let amend = |world: &mut World, id: u64, limit, qty, offset| {
        let order = world.order(id, BID, limit, qty);
        let order = OrderRecord { action: 1, orig_client_id: id - 1, ..order };
        world.special(order, OrderType::Pegged, Terms { trigger_price: offset, ..Terms::PLAIN })
    };
    let replaced = |id, px, leaves| vec![Said::Replaced { id, orig: id - 1, px, leaves }];
    assert_eq!(amend(&mut world, 11, 10_008, 8, 0), replaced(11, 10_000, 8));
    assert_eq!(world.ahead(11), 50);
    assert_eq!(amend(&mut world, 12, 10_008, 9, 0), replaced(12, 10_000, 9));
    assert_eq!(world.ahead(12), 80);
    assert_eq!(amend(&mut world, 13, 10_008, 9, 20), replaced(13, 10_008, 9));
    assert_eq!(world.exchange.queue_position(13).map(|place| place.price), Some(Price(10_008 * CENT)));
}
