//! Two orders of ours meet: the newer one's word counts.

use tickrace_types::event::venue_reason::SELF_TRADE;
use tickrace_types::{OrderRecord, SelfTrade, Side};

use crate::world::{ASK, BID, Said, World};

fn gone(id: u64, lots: i64) -> Said {
    Said::Cancelled { id, lots, reason: SELF_TRADE }
}

fn less(id: u64, lots: i64, leaves: i64) -> Said {
    Said::Reduced { id, lots, leaves, reason: SELF_TRADE }
}

impl World {
    fn minding(&mut self, id: u64, side: Side, px: i64, qty: i64, stp: SelfTrade) -> Vec<Said> {
        let order = self.order(id, side, px, qty);
        self.send(OrderRecord { stp: stp as u8, ..order })
    }
}

/// Thirty real lots, twenty of ours behind them, forty real ones behind these.
fn world() -> World {
    let mut world = World::new();
    world.add(1, ASK, 10_100, 30);
    world.limit(10, ASK, 10_100, 20);
    world.add(2, ASK, 10_100, 40);
    world
}

#[test]
fn the_older_order_gives_way_and_the_newer_goes_on() {
    let mut world = world();
    let taker = |lots, leaves| Said::Taker { id: 11, px: 10_100, lots, leaves };
    assert_eq!(
        world.minding(11, BID, 10_110, 100, SelfTrade::CancelOldest),
        vec![Said::Accepted { id: 11, leaves: 100 }, taker(30, 70), gone(10, 20), taker(40, 30)]
    );
    assert_eq!((world.exchange.working(), world.ahead(11)), (1, 0));
}

#[test]
fn both_give_way() {
    let mut world = world();
    let said = world.minding(11, BID, 10_110, 100, SelfTrade::CancelBoth);
    let taker = Said::Taker { id: 11, px: 10_100, lots: 30, leaves: 70 };
    assert_eq!(said, vec![Said::Accepted { id: 11, leaves: 100 }, taker, gone(10, 20), gone(11, 70)]);
    assert_eq!(world.exchange.working(), 0);
}

#[test]
fn both_lose_the_lots_of_the_smaller() {
    let mut world = world();
    let taker = |id, lots, leaves| Said::Taker { id, px: 10_100, lots, leaves };
    let said = world.minding(11, BID, 10_110, 45, SelfTrade::Decrement);
    assert_eq!(
        said,
        vec![Said::Accepted { id: 11, leaves: 45 }, taker(11, 30, 15), less(10, 15, 5), gone(11, 15)]
    );
    // Five of the older one are left, with its place: the thirty are still on the tape, the forty behind it still.
    assert_eq!((world.exchange.working(), world.ahead(10)), (1, 30));
    let words: Vec<_> = world.raw.iter().rev().take(2).map(|raw| (raw.client_id, raw.leaves)).collect();
    assert_eq!(words, vec![(11, 0), (10, 5)]);
    let said = world.minding(12, BID, 10_110, 45, SelfTrade::Decrement);
    assert_eq!(
        said,
        vec![Said::Accepted { id: 12, leaves: 45 }, gone(10, 5), less(12, 5, 40), taker(12, 40, 0)]
    );
    assert_eq!(world.exchange.counters().self_trades_prevented, 2);
}

#[test]
fn an_iceberg_loses_its_peak_and_goes_to_the_end() {
    let mut world = World::new();
    let order = world.order(10, ASK, 10_100, 30);
    world.send(OrderRecord { display_qty: 10, ..order });
    world.add(1, ASK, 10_100, 40);
    let said = world.minding(11, BID, 10_100, 25, SelfTrade::Decrement);
    let taker = Said::Taker { id: 11, px: 10_100, lots: 15, leaves: 0 };
    assert_eq!(said, vec![Said::Accepted { id: 11, leaves: 25 }, less(10, 10, 20), less(11, 10, 15), taker]);
    assert_eq!(world.ahead(10), 40);
}
