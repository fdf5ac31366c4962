//! Orders for an auction alone.

use tickrace_types::event::venue_reason::{AUCTION, INVALID, NOT_TRADING};
use tickrace_types::{OrderRecord, OrderType, Phase, Side, TimeInForce};

use crate::world::{ASK, BID, Said, World};

fn accepted(id: u64, leaves: i64) -> Said {
    Said::Accepted { id, leaves }
}

fn maker(id: u64, px: i64, lots: i64, leaves: i64) -> Said {
    Said::Maker { id, px, lots, leaves }
}

fn left(id: u64, lots: i64) -> Said {
    Said::Cancelled { id, lots, reason: AUCTION }
}

impl World {
    fn timed(&mut self, id: u64, side: Side, px: i64, qty: i64, tif: TimeInForce) -> Vec<Said> {
        let order = self.order(id, side, px, qty);
        let order_type = if px == 0 { OrderType::Market } else { OrderType::Limit } as u8;
        self.send(OrderRecord { tif: tif as u8, order_type, ..order })
    }
}

#[test]
fn at_the_open_only_the_opening_cross_counts_and_what_it_leaves_goes() {
    let mut world = World::new();
    world.phase(Phase::PreOpen);
    assert_eq!(world.timed(10, BID, 10_050, 30, TimeInForce::AtOpen), vec![accepted(10, 30)]);
    assert_eq!(world.timed(11, BID, 0, 20, TimeInForce::AtOpen), vec![accepted(11, 20)]);
    assert_eq!(world.timed(12, BID, 10_040, 20, TimeInForce::AtOpen), vec![accepted(12, 20)]);
    assert_eq!(world.timed(13, ASK, 10_000, 5, TimeInForce::AtOpen), vec![accepted(13, 5)]);
    assert_eq!(world.timed(14, ASK, 10_000, 5, TimeInForce::AtClose), vec![accepted(14, 5)]);
    // Nothing before it reaches them, nor does another cross.
    world.add(1, ASK, 10_000, 100);
    assert_eq!(world.cross_of(b'H', 10_040, 100), vec![]);
    assert_eq!(world.phase(Phase::Continuous), vec![]);
    assert_eq!(world.add(2, ASK, 9_990, 100), vec![]);
    // Forty lots a side at 100.40: the market order, then the better limit; at the price itself nothing is owed.
    assert_eq!(
        world.cross(10_040, 40),
        vec![
            maker(11, 10_040, 20, 0),
            maker(10, 10_040, 20, 10),
            maker(13, 10_040, 5, 0),
            left(10, 10),
            left(12, 20)
        ]
    );
    assert_eq!(world.exchange.working(), 1);
    assert_eq!(
        world.timed(15, BID, 10_050, 30, TimeInForce::AtOpen),
        vec![Said::Rejected { id: 15, reason: AUCTION }]
    );
    // The close is still to come, and comes after the end of trading.
    world.phase(Phase::Closed);
    assert_eq!(
        world.timed(16, BID, 0, 1, TimeInForce::AtClose),
        vec![Said::Rejected { id: 16, reason: AUCTION }]
    );
    assert_eq!(world.cross_of(b'C', 10_001, 3), vec![maker(14, 10_001, 3, 2), left(14, 2)]);
    assert_eq!(world.exchange.working(), 0);
}

#[test]
fn an_auction_of_nothing_ends_its_orders_too() {
    let mut world = World::new();
    world.phase(Phase::PreOpen);
    world.timed(10, BID, 0, 30, TimeInForce::AtOpen);
    assert_eq!(world.cross(0, 0), vec![left(10, 30)]);
    assert_eq!(world.raw.last().map(|raw| (raw.price, raw.leaves)), Some((0, 0)));
}

#[test]
fn what_rests_shares_the_lots_of_the_cross_by_price() {
    let mut world = World::new();
    world.limit(10, BID, 10_050, 30);
    world.timed(11, BID, 10_050, 30, TimeInForce::AtClose);
    world.timed(12, BID, 10_060, 30, TimeInForce::AtClose);
    world.phase(Phase::Auction);
    assert_eq!(
        world.cross_of(b'C', 10_000, 70),
        vec![maker(12, 10_000, 30, 0), maker(10, 10_000, 30, 0), maker(11, 10_000, 10, 20), left(11, 20)]
    );
}

#[test]
fn an_order_for_an_auction_can_be_replaced_and_cancelled_while_it_waits() {
    let mut world = World::new();
    world.timed(10, BID, 10_050, 30, TimeInForce::AtClose);
    assert_eq!(
        world.amend(11, 10, 10_060, 40),
        vec![Said::Replaced { id: 11, orig: 10, px: 10_060, leaves: 40 }]
    );
    assert_eq!(world.raw.last().map(|raw| raw.parked), Some(1));
    world.phase(Phase::Halted);
    assert_eq!(world.withdraw(12, 11), vec![Said::Cancelled { id: 11, lots: 40, reason: 1 }]);
}

#[test]
fn only_plain_limit_and_market_orders_wait_for_an_auction() {
    let mut world = World::new();
    let order = world.order(10, BID, 10_000, 30);
    for order_type in [OrderType::PostOnly, OrderType::Stop, OrderType::Pegged] {
        let order = OrderRecord { order_type: order_type as u8, tif: TimeInForce::AtClose as u8, ..order };
        assert_eq!(world.send(order), vec![Said::Rejected { id: 10, reason: INVALID }]);
    }
    let hidden =
        OrderRecord { tif: TimeInForce::AtClose as u8, display_qty: OrderRecord::SHOW_NONE, ..order };
    assert_eq!(world.send(hidden), vec![Said::Rejected { id: 10, reason: INVALID }]);
    world.phase(Phase::Unknown);
    let early = OrderRecord { tif: TimeInForce::AtClose as u8, ..order };
    assert_eq!(world.send(early), vec![Said::Rejected { id: 10, reason: NOT_TRADING }]);
}
