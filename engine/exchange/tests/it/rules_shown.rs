//! Orders that show less than they are, or trade whole or not at all.

use tickrace_exchange::PEAKS_MAX;
use tickrace_types::event::venue_reason::{FOK, INVALID, POST_ONLY, SELF_TRADE};
use tickrace_types::{
    Flags, Header, Kind, MarketRecord, OrderRecord, OrderType, Phase, Side, Terms, TimeInForce,
};

use crate::world::{ASK, BID, CENT, Said, World};

fn maker(id: u64, px: i64, lots: i64, leaves: i64) -> Said {
    Said::Maker { id, px, lots, leaves }
}

fn accepted(id: u64, leaves: i64) -> Said {
    Said::Accepted { id, leaves }
}

impl World {
    fn showing(&mut self, id: u64, side: Side, px: i64, qty: i64, display_qty: u32) -> Vec<Said> {
        let order = self.order(id, side, px, qty);
        self.send(OrderRecord { display_qty, ..order })
    }

    fn hide(&mut self, id: u64, side: Side, px: i64, qty: i64) -> Vec<Said> {
        self.showing(id, side, px, qty, OrderRecord::SHOW_NONE)
    }

    fn fok(&mut self, id: u64, side: Side, px: i64, qty: i64) -> Vec<Said> {
        let order = self.order(id, side, px, qty);
        self.send(OrderRecord { tif: TimeInForce::Fok as u8, ..order })
    }

    /// Leaves, shown, ahead.
    fn place(&self, id: u64) -> (i64, i64, i64) {
        let place = self.exchange.queue_position(id).expect("it rests");
        (place.leaves, place.shown, place.ahead)
    }
}

#[test]
fn fill_or_kill_trades_whole_or_not_at_all() {
    let mut world = World::new();
    world.add(1, ASK, 10_100, 30);
    world.add(2, ASK, 10_105, 20);
    let killed = |id, lots| vec![accepted(id, lots), Said::Cancelled { id, lots, reason: FOK }];
    assert_eq!(world.fok(10, BID, 10_105, 51), killed(10, 51));
    assert_eq!(world.fok(11, BID, 10_104, 31), killed(11, 31));
    assert_eq!((world.exchange.taken_of(1), world.exchange.taken_of(2)), (0, 0));
    let taker = |px, lots, leaves| Said::Taker { id: 12, px, lots, leaves };
    assert_eq!(
        world.fok(12, BID, 10_105, 45),
        vec![accepted(12, 45), taker(10_100, 30, 15), taker(10_105, 15, 0)]
    );
    // What was taken is not there for another.
    assert_eq!(world.fok(13, BID, 10_105, 6), killed(13, 6));
    assert_eq!(world.fok(14, BID, 10_105, 5).len(), 2);
    assert_eq!(world.exchange.working(), 0);
}

#[test]
fn an_order_of_our_own_in_the_way_kills_it_whatever_the_mode() {
    for stp in 0..=3 {
        let mut world = World::new();
        world.limit(10, ASK, 10_100, 5);
        world.add(1, ASK, 10_100, 30);
        let order = world.order(11, BID, 10_100, 10);
        let said = world.send(OrderRecord { tif: TimeInForce::Fok as u8, stp, ..order });
        assert_eq!(said, vec![accepted(11, 10), Said::Cancelled { id: 11, lots: 10, reason: FOK }]);
        assert_eq!(world.exchange.working(), 1);
    }
}

#[test]
fn a_hidden_order_stands_behind_everything_displayed_at_its_price_even_what_comes_later() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 100);
    world.hide(10, BID, 10_000, 50);
    world.add(2, BID, 10_000, 30);
    assert_eq!(world.place(10), (50, 0, 130));
    // Neither execution was ours to share, though order 2 came after us.
    assert_eq!(world.execute(2, 10), vec![]);
    assert_eq!(world.execute(1, 100), vec![]);
    assert_eq!(world.place(10), (50, 0, 20));
    world.replace(2, 3, 10_000, 25);
    assert_eq!(world.place(10), (50, 0, 25));
    world.cancel(3, 5);
    assert_eq!(world.place(10), (50, 0, 20));
    // An ask through the level meets the twenty, then ours.
    assert_eq!(world.add(4, ASK, 10_000, 45), vec![maker(10, 10_000, 25, 25)]);
    // A displayed order of our own goes before it.
    world.delete(4);
    world.limit(11, BID, 10_000, 10);
    world.delete(3);
    assert_eq!(world.add(5, ASK, 10_000, 15), vec![maker(11, 10_000, 10, 0), maker(10, 10_000, 5, 20)]);
}

#[test]
fn a_snapshot_does_not_bring_a_hidden_order_forward() {
    let mut world = World::new();
    world.hide(10, BID, 10_000, 50);
    let header = Header { flags: Flags::SNAPSHOT, ..Header::default() };
    let fields = MarketRecord { header, order_ref: 1, price: 10_000, qty: 80, ..MarketRecord::default() };
    world.market(Kind::Add, fields);
    world.add(2, BID, 10_000, 20);
    assert_eq!(world.place(10), (50, 0, 100));
    world.delete(2);
    assert_eq!(world.place(10), (50, 0, 80));
}

#[test]
fn a_hidden_order_at_a_better_price_trades_before_the_displayed_one_that_did() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 100);
    world.hide(10, BID, 10_005, 30);
    assert_eq!(world.execute(1, 45), vec![maker(10, 10_005, 30, 0)]);
}

#[test]
fn a_hidden_print_at_the_price_reaches_a_hidden_order_and_no_displayed_one() {
    let mut world = World::new();
    world.hide(10, BID, 10_000, 30);
    world.limit(11, BID, 9_990, 30);
    assert_eq!(world.hidden(10_000, 20), vec![maker(10, 10_000, 20, 10)]);
    assert_eq!(world.hidden(10_001, 20), vec![]);
    // Displayed lots at that price would have gone first.
    world.add(1, BID, 10_000, 15);
    assert_eq!(world.hidden(10_000, 15), vec![]);
    assert_eq!(world.hidden(10_000, 16), vec![maker(10, 10_000, 1, 9)]);
}

#[test]
fn nobody_sees_a_hidden_order_not_even_our_own_post_only() {
    let mut world = World::new();
    world.add(1, ASK, 10_100, 5);
    world.hide(10, ASK, 10_050, 30);
    // Against the tape's ask it is rejected; against the hidden one it is accepted, and then gives way.
    assert_eq!(world.post_only(11, BID, 10_100, 5), vec![Said::Rejected { id: 11, reason: POST_ONLY }]);
    assert_eq!(
        world.post_only(12, BID, 10_060, 5),
        vec![accepted(12, 5), Said::Cancelled { id: 12, lots: 5, reason: SELF_TRADE }]
    );
}

#[test]
fn an_iceberg_shows_its_next_peak_at_the_end_of_the_queue() {
    let mut world = World::new();
    world.add(1, BID, 10_000, 100);
    world.showing(10, BID, 10_000, 50, 20);
    world.add(2, BID, 10_000, 40);
    assert_eq!(world.place(10), (50, 20, 100));
    // A hundred of the one ahead, then thirty of the one behind: the peak, and no more, was before it.
    assert_eq!(world.execute(1, 100), vec![]);
    assert_eq!(world.execute(2, 30), vec![maker(10, 10_000, 20, 30)]);
    assert_eq!((world.place(10), world.exchange.counters().refreshed), ((30, 20, 10), 1));
    world.add(3, BID, 10_000, 40);
    assert_eq!(world.execute(2, 10), vec![]);
    assert_eq!(world.execute(3, 5), vec![maker(10, 10_000, 5, 25)]);
    assert_eq!(world.place(10), (25, 15, 0));
    assert_eq!(world.execute(3, 35), vec![maker(10, 10_000, 15, 10)]);
    assert_eq!(world.place(10), (10, 10, 0));
}

#[test]
fn an_order_through_an_iceberg_meets_peak_after_peak() {
    let mut world = World::new();
    world.showing(10, BID, 10_000, 100, 10);
    world.add(2, BID, 10_000, 30);
    // Seventy pass: ten of ours, thirty real ones, then three more peaks.
    let said = world.add(4, ASK, 10_000, 70);
    let peaks = [90, 80, 70, 60].map(|leaves| maker(10, 10_000, 10, leaves));
    assert_eq!(said, peaks.to_vec());
    assert_eq!(world.exchange.taken_of(4), 40);
    // Two icebergs at a better price than the tape's take turns.
    let mut world = World::new();
    world.showing(10, BID, 10_010, 30, 10);
    world.showing(11, BID, 10_010, 30, 10);
    world.add(1, BID, 10_000, 100);
    let said = world.execute(1, 45);
    let wanted = [(10, 10, 20), (11, 10, 20), (10, 10, 10), (11, 10, 10), (10, 5, 5)];
    assert_eq!(said, wanted.map(|(id, lots, leaves)| maker(id, 10_010, lots, leaves)).to_vec());
}

#[test]
fn an_iceberg_takes_with_all_of_it_and_shows_a_peak_of_the_rest() {
    let mut world = World::new();
    world.add(1, ASK, 10_100, 35);
    let said = world.showing(10, BID, 10_100, 60, 20);
    assert_eq!(said, vec![accepted(10, 60), Said::Taker { id: 10, px: 10_100, lots: 35, leaves: 25 }]);
    assert_eq!(world.place(10), (25, 20, 0));
    // A cross takes all of it at once, whatever it shows.
    world.phase(Phase::Auction);
    assert_eq!(world.cross(10_050, 100), vec![maker(10, 10_050, 25, 0)]);
}

#[test]
fn less_of_an_iceberg_keeps_its_place_and_another_peak_does_not() {
    let mut world = World::new();
    world.showing(10, BID, 10_000, 50, 20);
    world.add(1, BID, 10_000, 70);
    let amend = |world: &mut World, id, qty, display_qty| {
        let order = world.order(id, BID, 10_000, qty);
        world.send(OrderRecord { action: 1, orig_client_id: id - 1, display_qty, ..order })
    };
    let replaced = |id, leaves| vec![Said::Replaced { id, orig: id - 1, px: 10_000, leaves }];
    assert_eq!(amend(&mut world, 11, 15, 20), replaced(11, 15));
    assert_eq!(world.place(11), (15, 15, 0));
    assert_eq!(amend(&mut world, 12, 15, 5), replaced(12, 15));
    assert_eq!(world.place(12), (15, 5, 70));
    assert_eq!(amend(&mut world, 13, 15, 0), replaced(13, 15));
    assert_eq!(world.place(13), (15, 15, 70));
    // And a plain one can be hidden.
    assert_eq!(amend(&mut world, 14, 15, OrderRecord::SHOW_NONE), replaced(14, 15));
    assert_eq!(world.place(14), (15, 0, 70));
    assert_eq!(world.exchange.working(), 1);
}

#[test]
fn display_that_makes_no_sense_is_rejected() {
    let mut world = World::new();
    world.add(1, ASK, 10_100, 35);
    let rejected = |id| vec![Said::Rejected { id, reason: INVALID }];
    assert_eq!(world.showing(10, BID, 10_000, 10 * PEAKS_MAX + 1, 10), rejected(10));
    let order = world.order(11, BID, 0, 10);
    let terms = Terms { display_qty: 5, ..Terms::PLAIN };
    assert_eq!(world.special(order, OrderType::Market, terms), rejected(11));
    let order = world.order(12, BID, 10_000, 10);
    for noise in [
        OrderRecord { stp: 4, ..order },
        OrderRecord { peg: 1, ..order },
        OrderRecord { trigger: 1, ..order },
        OrderRecord { trigger_price: CENT, ..order },
        OrderRecord { expire_ns: 1, ..order },
    ] {
        assert_eq!(world.send(noise), rejected(12), "{noise:?}");
    }
    assert_eq!(world.showing(13, BID, 10_000, 10 * PEAKS_MAX, 10), vec![accepted(13, 10 * PEAKS_MAX)]);
}
