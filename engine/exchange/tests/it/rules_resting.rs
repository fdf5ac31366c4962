//! What fills a resting order, rule by rule.

use tickrace_types::{Flags, Header, Kind, MarketRecord, OrderRecord, Phase, TimeInForce};

use crate::world::{ASK, BID, Said, World, config};

fn maker(id: u64, px: i64, lots: i64, leaves: i64) -> Said {
    Said::Maker { id, px, lots, leaves }
}

#[test]
fn orders_ahead_must_go_before_ours_trades() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 100);
    world.limit(10, BID, 10_000, 50);
    world.add(2, BID, 10_000, 200);
    assert_eq!(world.ahead(10), 100);
    // Forty of the one ahead trade, then the rest of it: nothing for us.
    assert_eq!(world.execute(1, 40), vec![]);
    assert_eq!(world.ahead(10), 60);
    assert_eq!(world.execute(1, 60), vec![]);
    assert_eq!(world.ahead(10), 0);
    // The one behind us trades thirty, then eighty: thirty and the last twenty were ours.
    assert_eq!(world.execute(2, 30), vec![maker(10, 10_000, 30, 20)]);
    assert_eq!(world.execute(2, 80), vec![maker(10, 10_000, 20, 0)]);
    assert_eq!(world.exchange.working(), 0);
    assert!(!world.exchange.has_interest());
}

#[test]
fn a_cancel_ahead_moves_us_up_and_one_behind_does_not() {
    let mut world = World::new();
    world.add(1, ASK, 10_100, 100);
    world.add(2, ASK, 10_100, 30);
    world.limit(10, ASK, 10_100, 50);
    world.add(3, ASK, 10_100, 70);
    world.add(4, ASK, 10_200, 70);
    assert_eq!(world.ahead(10), 130);
    world.cancel(1, 25);
    assert_eq!(world.ahead(10), 105);
    world.delete(3);
    world.cancel(4, 20);
    assert_eq!(world.ahead(10), 105);
    // A replace loses its place even at its old price.
    world.replace(2, 5, 10_100, 30);
    assert_eq!(world.ahead(10), 75);
    world.delete(1);
    assert_eq!(world.ahead(10), 0);
    assert_eq!(world.execute(5, 30), vec![maker(10, 10_100, 30, 20)]);
}

#[test]
fn a_strangers_delete_does_not_put_us_in_front() {
    // Known from another engine: any delete on the level cleared the queue.
    let mut world = World::new();
    world.add(1, BID, 10_000, 100);
    world.limit(10, BID, 10_000, 50);
    world.add(2, BID, 10_000, 5);
    world.delete(2);
    assert_eq!(world.ahead(10), 100);
    assert_eq!(world.execute(1, 100), vec![]);
}

#[test]
fn a_better_price_of_ours_trades_before_the_real_order_that_did() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 100);
    world.limit(10, BID, 10_005, 30);
    world.limit(11, BID, 10_010, 20);
    // Sixty hit the tape's best bid; ours were better: the best one first, each at its own price.
    assert_eq!(world.execute(1, 45), vec![maker(11, 10_010, 20, 0), maker(10, 10_005, 25, 5)]);
    assert_eq!(world.execute(1, 55), vec![maker(10, 10_005, 5, 0)]);
}

#[test]
fn among_our_own_orders_the_earlier_trades_first() {
    let mut world = World::new();
    world.limit(10, BID, 10_000, 20);
    world.limit(11, BID, 10_000, 20);
    world.add(1, BID, 10_000, 100);
    assert_eq!(world.execute(1, 30), vec![maker(10, 10_000, 20, 0), maker(11, 10_000, 10, 10)]);
}

#[test]
fn a_real_order_between_two_of_ours_parts_them() {
    let mut world = World::new();
    world.limit(10, BID, 10_000, 20);
    world.add(1, BID, 10_000, 100);
    world.limit(11, BID, 10_000, 20);
    assert_eq!((world.ahead(10), world.ahead(11)), (0, 100));
    assert_eq!(world.execute(1, 100), vec![maker(10, 10_000, 20, 0)]);
    assert_eq!(world.ahead(11), 0);
}

#[test]
fn a_worse_order_of_ours_gets_nothing_of_a_better_real_one() {
    let mut world = World::new();
    world.add(1, ASK, 10_100, 100);
    world.limit(10, ASK, 10_101, 20);
    assert_eq!(world.execute(1, 100), vec![]);
    assert_eq!(world.ahead(10), 0);
}

#[test]
fn an_order_through_our_price_fills_us_at_our_price_and_is_taken() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 100);
    world.limit(10, BID, 10_050, 60);
    world.limit(11, BID, 10_040, 60);
    // An ask for a hundred at 100.40 would have met our 60 at 100.50 and 40 of ours at 100.40.
    let said = world.add(2, ASK, 10_040, 100);
    assert_eq!(said, vec![maker(10, 10_050, 60, 0), maker(11, 10_040, 40, 20)]);
    assert_eq!(world.exchange.taken_of(2), 100);
    // Nothing of it is left for us to buy; what rests of ours stays.
    world.withdraw(90, 11);
    assert_eq!(
        world.ioc(12, BID, 10_040, 10),
        vec![Said::Accepted { id: 12, leaves: 10 }, Said::Cancelled { id: 12, lots: 10, reason: 2 }]
    );
}

#[test]
fn an_order_short_of_our_price_fills_nothing() {
    let mut world = World::new();
    world.limit(10, BID, 10_050, 60);
    assert_eq!(world.add(2, ASK, 10_051, 100), vec![]);
    // A replace down to our price is an arrival too.
    assert_eq!(world.replace(2, 3, 10_050, 70), vec![maker(10, 10_050, 60, 0)]);
    assert_eq!((world.exchange.taken_of(2), world.exchange.taken_of(3)), (0, 60));
}

#[test]
fn real_orders_with_priority_have_the_newcomer_first() {
    // Only a crossed feed shows this: a real bid at 100.60 and one ahead of us at 100.50.
    let mut world = World::new();
    world.add(1, BID, 10_060, 30);
    world.add(2, BID, 10_050, 50);
    world.limit(10, BID, 10_050, 60);
    assert_eq!(world.add(3, ASK, 10_040, 80), vec![]);
    assert_eq!(world.add(4, ASK, 10_040, 90), vec![maker(10, 10_050, 10, 50)]);
}

#[test]
fn a_hidden_print_through_our_price_fills_and_at_it_does_not() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 100);
    world.limit(10, BID, 10_050, 60);
    assert_eq!(world.hidden(10_050, 500), vec![]);
    assert_eq!(world.hidden(10_049, 40), vec![maker(10, 10_050, 40, 20)]);
    assert_eq!(world.hidden(10_020, 40), vec![maker(10, 10_050, 20, 0)]);
    // On the other side, and with real lots that had the first right to it.
    world.add(2, ASK, 10_100, 30);
    world.limit(11, ASK, 10_100, 20);
    assert_eq!(world.hidden(10_101, 30), vec![]);
    assert_eq!(world.hidden(10_101, 35), vec![maker(11, 10_100, 5, 15)]);
}

#[test]
fn hidden_prints_can_be_told_not_to_fill() {
    let mut world =
        World::with(&tickrace_exchange::ExchangeConfig { hidden_through_fills: false, ..config() });
    world.limit(10, BID, 10_050, 60);
    assert_eq!(world.hidden(10_000, 500), vec![]);
}

#[test]
fn a_cross_fills_both_sides_strictly_better_at_its_price() {
    let mut world = World::new();
    world.limit(10, BID, 10_050, 60);
    world.limit(11, BID, 10_040, 60);
    world.limit(12, ASK, 10_060, 10);
    world.phase(Phase::Auction);
    assert_eq!(world.cross(10_040, 50), vec![maker(10, 10_040, 50, 10)]);
    assert_eq!(world.cross(10_040, 500), vec![maker(10, 10_040, 10, 0)]);
    assert_eq!(world.cross(10_100, 500), vec![maker(12, 10_100, 10, 0)]);
    assert_eq!(world.cross(10_000, 0), vec![]);
}

#[test]
fn an_execution_of_the_cross_moves_the_queue_but_fills_nothing() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 100);
    world.limit(10, BID, 10_000, 50);
    world.add(2, BID, 10_000, 100);
    let print = |order_ref, qty, flags| MarketRecord {
        header: Header { flags, ..Header::default() },
        order_ref,
        qty,
        price: 10_000,
        code: MarketRecord::WITH_PRICE,
        ..MarketRecord::default()
    };
    assert_eq!(world.market(Kind::Execute, print(1, 100, Flags::NOT_PRINTABLE)), vec![]);
    assert_eq!(world.market(Kind::Execute, print(2, 50, Flags::NOT_PRINTABLE)), vec![]);
    assert_eq!(world.ahead(10), 0);
    // Printable at a price of its own it is an execution like any other.
    assert_eq!(world.market(Kind::Execute, print(2, 50, 0)), vec![maker(10, 10_000, 50, 0)]);
}

#[test]
fn nothing_fills_in_a_halt_and_the_order_is_there_after_it() {
    let mut world = World::new();
    world.limit(10, BID, 10_000, 50);
    world.add(1, BID, 10_000, 100);
    world.phase(Phase::Halted);
    assert_eq!(world.execute(1, 10), vec![]);
    assert_eq!(world.add(2, ASK, 9_900, 10), vec![]);
    assert_eq!(world.hidden(9_900, 10), vec![]);
    assert_eq!(world.limit(11, BID, 10_000, 1), vec![Said::Rejected { id: 11, reason: 5 }]);
    assert_eq!(world.amend(12, 10, 10_001, 50), vec![Said::CancelRejected { id: 12, orig: 10, reason: 5 }]);
    world.phase(Phase::Continuous);
    assert_eq!(world.execute(1, 10), vec![maker(10, 10_000, 10, 40)]);
    world.phase(Phase::Halted);
    assert_eq!(world.withdraw(13, 10), vec![Said::Cancelled { id: 10, lots: 40, reason: 1 }]);
}

#[test]
fn nothing_fills_from_a_book_that_missed_something() {
    let mut world = World::new();
    world.limit(10, BID, 10_000, 50);
    world.add(1, BID, 10_000, 100);
    world.market(Kind::Gap, MarketRecord { order_ref: 1, other_ref: 5, ..MarketRecord::default() });
    assert_eq!(world.execute(1, 10), vec![]);
    assert_eq!(world.limit(11, BID, 10_000, 1), vec![Said::Rejected { id: 11, reason: 5 }]);
}

#[test]
fn a_snapshot_in_the_stream_stands_before_us() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 100);
    world.limit(10, BID, 10_000, 50);
    world.market(Kind::Clear, MarketRecord::default());
    assert_eq!(world.ahead(10), 0);
    let snapshot = |order_ref, side, price, qty| MarketRecord {
        header: Header { flags: Flags::SNAPSHOT, ..Header::default() },
        order_ref,
        side,
        price,
        qty,
        ..MarketRecord::default()
    };
    world.market(Kind::Add, snapshot(1, 0, 10_000, 80));
    world.market(Kind::Add, snapshot(2, 0, 10_000, 20));
    world.market(Kind::Add, snapshot(3, 0, 9_999, 20));
    assert_eq!(world.ahead(10), 100);
    // A snapshot order is no arrival: it fills nothing.
    assert_eq!(world.market(Kind::Add, snapshot(4, 1, 9_990, 20)), vec![]);
    world.add(5, BID, 10_000, 10);
    assert_eq!(world.execute(5, 10), vec![maker(10, 10_000, 10, 40)]);
    assert_eq!(world.ahead(10), 100);
}

#[test]
fn a_word_about_the_whole_venue_reaches_every_share() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 100);
    world.add(2, ASK, 10_100, 100);
    // Good till cancel: it outlives the session that such a word ends.
    let order = world.order(10, BID, 10_000, 50);
    world.send(OrderRecord { tif: TimeInForce::Gtc as u8, ..order });
    world.ioc(11, BID, 10_100, 30);
    assert_eq!((world.ahead(10), world.exchange.taken_of(2)), (100, 30));
    world.instrument = u32::MAX;
    world.market(Kind::Clear, MarketRecord::default());
    assert_eq!((world.ahead(10), world.exchange.taken_of(2)), (0, 0));
    world.phase(Phase::Halted);
    world.instrument = 0;
    world.add(3, BID, 10_000, 100);
    assert_eq!(world.execute(3, 100), vec![]);
}

#[test]
fn what_happens_in_one_share_is_nothing_to_the_other() {
    let mut world = World::new();
    world.limit(10, BID, 10_000, 50);
    world.instrument = 1;
    world.add(1, BID, 9_000, 100);
    assert_eq!(world.execute(1, 100), vec![]);
    assert_eq!(world.add(2, ASK, 9_000, 100), vec![]);
    assert_eq!(world.cross(9_000, 100), vec![]);
    assert_eq!(world.hidden(9_000, 100), vec![]);
}

#[test]
fn a_fill_is_dated_numbered_and_charged() {
    let mut world = World::new();
    world.limit(10, BID, 10_000, 50);
    world.add(1, BID, 10_000, 100);
    world.now_ns = 5_000;
    world.execute(1, 10);
    world.execute(1, 10);
    world.add(2, ASK, 10_100, 10);
    world.ioc(11, BID, 10_100, 10);
    let fills: Vec<_> = world.raw.iter().filter(|response| response.exec_id > 0).collect();
    let exec_ids: Vec<u64> = fills.iter().map(|fill| fill.exec_id).collect();
    assert_eq!(exec_ids, vec![1, 2, 3]);
    assert_eq!((fills[0].header.ts_venue_ns, fills[0].header.ts_recv_ns), (5_000, 5_007));
    // Two statuses, one order and one add came before the first execution: it is number 5.
    assert_eq!((fills[0].cause_seq, fills[1].cause_seq, fills[2].cause_seq), (5, 6, 0));
    // Ten lots: 0.0020 each paid to a maker, 0.0030 each by a taker.
    assert_eq!((fills[0].fee_nanos, fills[2].fee_nanos), (-20_000_000, 30_000_000));
    assert_eq!((fills[0].strategy, fills[0].header.instrument, fills[0].side), (3, 0, 0));
    let seqs: Vec<u64> = world.raw.iter().map(|response| response.header.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
}
