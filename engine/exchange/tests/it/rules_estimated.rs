//! What fills a resting order where its queue is estimated, rule by rule, and the traps of replayed price levels.

use tickrace_exchange::{ExchangeConfig, FillRule, QueueModel};
use tickrace_types::{Flags, Header, Kind, MarketRecord, QuoteRecord};

use crate::world::{ASK, BID, CENT, Said, World, config};

fn maker(id: u64, px: i64, lots: i64, leaves: i64) -> Said {
    Said::Maker { id, px, lots, leaves }
}

fn taker(id: u64, px: i64, lots: i64, leaves: i64) -> Said {
    Said::Taker { id, px, lots, leaves }
}

fn world(queue: QueueModel, fills: FillRule) -> World {
    World::with(&ExchangeConfig { queue, fills, ..config() })
}

/// Feeds of levels, with the bid at 100.00 and the ask at 100.10.
fn levels(queue: QueueModel, fills: FillRule) -> World {
    let mut world = world(queue, fills);
    world.level(BID, 10_000, 300);
    world.level(BID, 9_990, 500);
    world.level(ASK, 10_010, 200);
    world.level(ASK, 10_020, 400);
    world
}

impl World {
    fn level(&mut self, side: tickrace_types::Side, px: i64, lots: u64) -> Vec<Said> {
        let fields = MarketRecord { side: side as u8, price: px, order_ref: lots, ..MarketRecord::default() };
        self.market(Kind::Level, fields)
    }

    /// A trade whose aggressor bought (0), sold (1), or is not told (2).
    fn print(&mut self, aggressor: u8, px: i64, qty: u32) -> Vec<Said> {
        self.market(Kind::Print, MarketRecord { side: aggressor, price: px, qty, ..MarketRecord::default() })
    }

    fn quote(&mut self, bid: (i64, u32), ask: (i64, u32)) -> Vec<Said> {
        let header = self.header(Kind::Quote);
        let quote = QuoteRecord {
            header,
            bid_px: bid.0 * CENT,
            bid_qty: bid.1,
            ask_px: ask.0 * CENT,
            ask_qty: ask.1,
            ..QuoteRecord::default()
        };
        self.speak(|exchange, mut out| exchange.on_market(quote.as_record(), &mut out))
    }
}

#[test]
fn trades_eat_the_queue_ahead_and_then_us() {
    let mut world = levels(QueueModel::RiskAverse, FillRule::Partial);
    world.limit(10, BID, 10_000, 50);
    assert_eq!(world.ahead(10), 300);
    // Bought from the asks: not our side.
    assert_eq!(world.print(0, 10_010, 90), vec![]);
    assert_eq!(world.print(1, 10_000, 280), vec![]);
    assert_eq!(world.ahead(10), 20);
    // Thirty-five trade, twenty of them ahead.
    assert_eq!(world.print(1, 10_000, 35), vec![maker(10, 10_000, 15, 35)]);
    assert_eq!(world.print(2, 10_000, 60), vec![maker(10, 10_000, 35, 0)]);
}

#[test]
fn a_trade_told_twice_counts_once() {
    // The print comes before the level that repeats it, or after: the same lots.
    for model in [QueueModel::Power { exponent: 3.0 }, QueueModel::Log, QueueModel::RiskAverse] {
        let mut world = levels(model, FillRule::Partial);
        world.limit(10, BID, 10_000, 50);
        world.print(1, 10_000, 100);
        world.level(BID, 10_000, 200);
        assert_eq!(world.ahead(10), 200, "{model:?}");
    }
}

#[test]
fn cancels_ahead_help_by_the_model_and_never_under_the_cautious_one() {
    let mut cautious = levels(QueueModel::Exact, FillRule::Partial);
    let mut even = levels(QueueModel::Power { exponent: 1.0 }, FillRule::Partial);
    for world in [&mut cautious, &mut even] {
        world.limit(10, BID, 10_000, 50);
        world.level(BID, 10_000, 600);
        world.level(BID, 10_000, 400);
    }
    // 300 ahead, 300 behind, 200 left: half of them ahead.
    assert_eq!((cautious.ahead(10), even.ahead(10)), (300, 200));
}

#[test]
fn a_trade_through_our_price_fills_up_to_its_lots_or_whole() {
    let mut partial = levels(QueueModel::RiskAverse, FillRule::Partial);
    partial.limit(10, BID, 10_000, 50);
    assert_eq!(partial.print(1, 9_990, 30), vec![maker(10, 10_000, 30, 20)]);
    let mut whole = levels(QueueModel::RiskAverse, FillRule::Whole);
    whole.limit(10, BID, 10_000, 50);
    assert_eq!(whole.print(1, 9_990, 30), vec![maker(10, 10_000, 50, 0)]);
}

#[test]
fn the_other_touch_coming_to_our_price_fills_us() {
    let mut world = levels(QueueModel::RiskAverse, FillRule::Partial);
    world.limit(10, BID, 10_000, 50);
    // A level that is no touch fills nobody; a touch at our price does, up to what it shows.
    assert_eq!(world.level(ASK, 10_015, 40), vec![]);
    assert_eq!(world.level(ASK, 10_000, 40), vec![maker(10, 10_000, 40, 10)]);
    // The same level again, larger: no better touch, no fill.
    assert_eq!(world.level(ASK, 10_000, 90), vec![]);
}

#[test]
fn a_snapshot_in_the_stream_leaves_our_place() {
    let mut world = levels(QueueModel::Power3 { exponent: 3.0 }, FillRule::Partial);
    world.limit(10, BID, 10_000, 50);
    world.print(1, 10_000, 100);
    let snapshot = |price: i64, order_ref: u64| MarketRecord {
        header: Header { flags: Flags::SNAPSHOT, ..Header::default() },
        price,
        order_ref,
        ..MarketRecord::default()
    };
    world.market(Kind::Clear, MarketRecord { side: 2, ..snapshot(0, 0) });
    assert_eq!(world.ahead(10), 200);
    world.market(Kind::Level, snapshot(10_000, 260));
    assert_eq!(world.ahead(10), 200);
}

#[test]
fn what_we_took_from_a_level_stays_taken() {
    let mut world = levels(QueueModel::RiskAverse, FillRule::Partial);
    let said = world.ioc(10, BID, 10_020, 350);
    assert_eq!(said[1..], [taker(10, 10_010, 200, 150), taker(10, 10_020, 150, 0)]);
    // The feed goes on showing them; for us they are gone.
    assert_eq!(world.ioc(11, BID, 10_010, 10).len(), 2, "accepted and cancelled");
    assert_eq!(world.ioc(12, BID, 10_020, 999)[1], taker(12, 10_020, 250, 749));
    world.level(ASK, 10_010, 0);
    world.level(ASK, 10_010, 70);
    assert_eq!(world.ioc(13, BID, 10_010, 999)[1], taker(13, 10_010, 70, 929));
}

#[test]
fn the_simple_exchange_takes_all_at_the_touch() {
    let mut world = levels(QueueModel::RiskAverse, FillRule::Whole);
    assert_eq!(world.ioc(10, BID, 10_020, 5_000)[1], taker(10, 10_010, 5_000, 0));
}

#[test]
fn post_only_meets_the_touch_of_levels() {
    let mut world = levels(QueueModel::RiskAverse, FillRule::Partial);
    assert!(matches!(world.post_only(10, BID, 10_010, 5)[..], [Said::Rejected { id: 10, .. }]));
    assert!(matches!(world.post_only(11, BID, 10_009, 5)[..], [Said::Accepted { id: 11, .. }]));
}

#[test]
fn beyond_the_touch_of_a_quote_feed_the_queue_is_endless_until_it_comes() {
    let mut world = world(QueueModel::Exact, FillRule::Partial);
    world.quote((10_000, 300), (10_010, 200));
    world.limit(10, BID, 9_990, 50);
    world.limit(11, BID, 10_000, 50);
    assert_eq!((world.ahead(10), world.ahead(11)), (i64::MAX, 300));
    // The touch falls to the lower order's price; the upper one's level is gone, so it is next there.
    world.quote((9_990, 400), (10_010, 200));
    assert_eq!((world.ahead(10), world.ahead(11)), (400, 0));
    assert_eq!(world.print(1, 9_990, 30), vec![maker(11, 10_000, 30, 20)]);
    // The ask comes through both.
    let said = world.quote((9_980, 400), (9_985, 60));
    assert_eq!(said, vec![maker(11, 10_000, 20, 0), maker(10, 9_990, 40, 10)]);
}

#[test]
fn an_order_by_order_day_can_be_seen_through_an_estimate() {
    // Twelve ahead in two orders, three behind. One ahead leaves: exact data know, the cautious estimate does not.
    let mut exact = world(QueueModel::Exact, FillRule::Partial);
    let mut blind = world(QueueModel::RiskAverse, FillRule::Partial);
    for world in [&mut exact, &mut blind] {
        world.add(1, BID, 10_000, 5);
        world.add(2, BID, 10_000, 7);
        world.limit(10, BID, 10_000, 4);
        world.add(3, BID, 10_000, 3);
        world.delete(1);
    }
    assert_eq!((exact.ahead(10), blind.ahead(10)), (7, 10));
    for (world, fill) in [(&mut exact, 2), (&mut blind, 0)] {
        world.execute(2, 7);
        let said = world.execute(3, 2);
        assert_eq!(said.len(), usize::from(fill > 0));
        if fill > 0 {
            assert_eq!(said[0], maker(10, 10_000, fill, 2));
        }
    }
    // A hidden print at our price: the estimate, which sees a feed of levels, takes it for displayed lots.
    assert_eq!(exact.hidden(10_000, 100), vec![]);
    assert_eq!(blind.hidden(10_000, 100), vec![maker(10, 10_000, 4, 0)]);
}

/// Trap "level-limited books": a published book shows that an order left of which no message told. It is one departure,
/// whatever counts the queue.
#[test]
fn an_order_that_a_published_book_shows_to_have_left_leaves_the_queue_once() {
    let unseen = |order_ref, qty| MarketRecord {
        header: Header { flags: Flags::SNAPSHOT, ..Header::default() },
        order_ref,
        qty,
        price: 10_000,
        ..MarketRecord::default()
    };
    for (queue, with_newcomer) in [(QueueModel::Exact, 350), (QueueModel::RiskAverse, 250)] {
        let mut world = world(queue, FillRule::Partial);
        world.add(1, BID, 10_000, 300);
        world.add(2, BID, 10_000, 100);
        world.add(3, ASK, 10_010, 100);
        world.limit(10, BID, 10_000, 50);
        assert_eq!(world.ahead(10), 400, "{queue:?}");
        assert_eq!(world.market(Kind::Delete, unseen(2, 0)), vec![]);
        assert_eq!(world.ahead(10), 300, "{queue:?}");
        assert_eq!(world.market(Kind::Cancel, unseen(1, 50)), vec![]);
        assert_eq!(world.ahead(10), 250, "{queue:?}");
        // One that came unseen may have been there before ours, where the queue is counted; an estimate is not told so.
        assert_eq!(world.market(Kind::Add, MarketRecord { side: 0, ..unseen(4, 100) }), vec![]);
        assert_eq!(world.ahead(10), with_newcomer, "{queue:?}");
    }
}
