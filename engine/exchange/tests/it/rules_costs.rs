//! Impact, bars and faults: each rule with figures worked out beside it.

use tickrace_exchange::{BarFillConfig, ExchangeConfig, FaultConfig, ImpactConfig, SpreadPower};
use tickrace_types::event::venue_reason;
use tickrace_types::{
    BarRecord, BarShapeRecord, Kind, MarketRecord, OrderRecord, OrderType, Price, QuoteRecord, SelfTrade,
    Terms,
};

use crate::world::{ASK, BID, CENT, Said, World, config};

const MINUTE_NS: i64 = 60_000_000_000;

fn power() -> SpreadPower {
    SpreadPower {
        base_bps: 10.0,
        exponent: 0.5,
        half_spread_bps: None,
        volatility_share: 0.0,
        interval_ms: 60_000,
        window_intervals: 2,
        average_lots_min: 100,
    }
}

fn with_impact(power: SpreadPower) -> World {
    World::with(&ExchangeConfig { impact: ImpactConfig::SpreadPower(power), ..config() })
}

/// 99.99 to 100.01: the mid is 100.00.
fn quote(world: &mut World) {
    let header = world.header(Kind::Quote);
    let (bid_px, ask_px) = (9_999 * CENT, 10_001 * CENT);
    let quote = QuoteRecord { header, bid_px, ask_px, bid_qty: 5, ask_qty: 5, ..QuoteRecord::default() };
    world.speak(|exchange, mut out| exchange.on_market(quote.as_record(), &mut out));
}

fn print(world: &mut World, px: i64, qty: u32) {
    world.market(Kind::Print, MarketRecord { price: px, qty, side: 2, ..MarketRecord::default() });
}

fn taken(said: &[Said]) -> Vec<(i64, i64)> {
    let fill = |one: &Said| match one {
        Said::Taker { px, lots, .. } => Some((*px, *lots)),
        _ => None,
    };
    said.iter().filter_map(fill).collect()
}

#[test]
fn a_taker_pays_half_the_spread_and_the_root_of_its_size() {
    let mut world = with_impact(power());
    quote(&mut world);
    // As large as the average: 10 bp of 100.00 are 0.10, half the spread 0.01.
    assert_eq!(taken(&world.market_order(1, BID, 100)), [(10_011, 100)]);
    // 400 in all by now: twice the slippage, for these. In one piece the first hundred would have paid it too.
    assert_eq!(taken(&world.market_order(2, BID, 300)), [(10_021, 300)]);
    // The other side is untouched: 100.00 - 0.11.
    assert_eq!(taken(&world.market_order(3, ASK, 100)), [(9_989, 100)]);
    // A new touch: a quarter of the average pays half the slippage.
    quote(&mut world);
    assert_eq!(taken(&world.market_order(4, BID, 25)), [(10_006, 25)]);
}

#[test]
fn a_limit_takes_as_many_lots_as_its_price_allows() {
    let mut world = with_impact(power());
    quote(&mut world);
    // 0.01 + 0.10 x root(n / 100) is at most 0.06 up to n = 25; the rest is cancelled.
    let said = world.ioc(1, BID, 10_006, 100);
    assert_eq!(taken(&said), [(10_006, 25)]);
    assert!(said.contains(&Said::Cancelled { id: 1, lots: 75, reason: venue_reason::IOC }));
    // Below the touch nothing is taken.
    assert_eq!(taken(&world.ioc(2, BID, 10_000, 100)), []);
}

#[test]
fn averages_and_volatility_are_those_of_the_whole_intervals_before() {
    let mut world = with_impact(SpreadPower { volatility_share: 1.0, ..power() });
    world.now_ns = 10 * MINUTE_NS;
    print(&mut world, 10_000, 200);
    world.now_ns += MINUTE_NS;
    print(&mut world, 10_100, 600);
    world.now_ns += MINUTE_NS;
    quote(&mut world);
    // Lots: 200 and 600, on average 400. Returns: none and 1 %, root mean square 0.7071 %.
    // 100.00 + 0.01 + 0.7071 + 0.10 x root(100 / 400) = 100.7671, up to the cent.
    assert_eq!(taken(&world.market_order(1, BID, 100)), [(10_077, 100)]);
}

#[test]
fn where_there_is_depth_the_book_says_what_taking_costs() {
    let mut world = with_impact(power());
    world.add(1, ASK, 10_001, 100);
    assert_eq!(taken(&world.market_order(1, BID, 100)), [(10_001, 100)]);
}

fn with_bars(bars: BarFillConfig) -> World {
    World::with(&ExchangeConfig { bars: Some(bars), ..config() })
}

const TENTH: BarFillConfig = BarFillConfig { volume_share_bps: 1_000, touch_fills: false, late_ms: 0 };

/// A bar that begins now and lasts a minute; prices in cents.
fn bar(world: &mut World, [open, high, low, close]: [i64; 4], volume: u64) -> Vec<Said> {
    let ts_open_ns = world.now_ns;
    world.now_ns += MINUTE_NS;
    let header = world.header(Kind::BarShape);
    let [open, high, low, close] = [open, high, low, close].map(|px| px * CENT);
    let shape = BarShapeRecord { header, open, high, low, ts_open_ns };
    let header = world.header(Kind::Bar);
    let end = BarRecord { header, close, volume, trades: 0, vwap: 0 };
    world.speak(|exchange, mut out| {
        exchange.on_market(shape.as_record(), &mut out);
        exchange.on_market(end.as_record(), &mut out);
    })
}

#[test]
fn a_bar_through_our_price_fills_a_share_of_its_lots_and_a_touch_none() {
    let mut world = with_bars(TENTH);
    world.limit(1, BID, 9_900, 50);
    assert_eq!(bar(&mut world, [10_000, 10_000, 9_900, 9_950], 200), []);
    let said = bar(&mut world, [10_000, 10_000, 9_899, 9_950], 200);
    assert_eq!(said, [Said::Maker { id: 1, px: 9_900, lots: 20, leaves: 30 }]);
    let mut world = with_bars(BarFillConfig { touch_fills: true, ..TENTH });
    world.limit(1, BID, 9_900, 5);
    let said = bar(&mut world, [10_000, 10_000, 9_900, 9_950], 200);
    assert_eq!(said, [Said::Maker { id: 1, px: 9_900, lots: 5, leaves: 0 }]);
}

#[test]
fn a_bar_that_reaches_both_sides_serves_the_one_it_moved_against() {
    for (close, first) in [(9_950, 1), (10_050, 2)] {
        let mut world = with_bars(TENTH);
        world.limit(1, BID, 9_900, 15);
        world.limit(2, ASK, 10_100, 15);
        let said = bar(&mut world, [10_000, 10_200, 9_800, close], 200);
        // Twenty lots: all of the side that suffers, five of the other.
        let px = |id| if id == 1 { 9_900 } else { 10_100 };
        let second = 3 - first;
        let wanted = [
            Said::Maker { id: first, px: px(first), lots: 15, leaves: 0 },
            Said::Maker { id: second, px: px(second), lots: 5, leaves: 10 },
        ];
        assert_eq!(said, wanted, "close {close}");
    }
}

#[test]
fn an_order_that_came_after_the_bar_began_waits_for_the_next() {
    for (late_ms, fills) in [(0, 0), (1_000, 1)] {
        let mut world = with_bars(BarFillConfig { late_ms, ..TENTH });
        world.now_ns += 500_000_000;
        world.limit(1, BID, 9_900, 5);
        world.now_ns -= 500_000_000;
        assert_eq!(bar(&mut world, [10_000, 10_000, 9_800, 9_950], 200).len(), fills, "{late_ms} ms");
        let next = bar(&mut world, [10_000, 10_000, 9_800, 9_950], 200);
        assert_eq!(next.len(), 1 - fills);
    }
}

fn quote_at(world: &mut World, ask_cents: i64) {
    let header = world.header(Kind::Quote);
    let (bid_px, ask_px) = ((ask_cents - 1) * CENT, ask_cents * CENT);
    let quote = QuoteRecord { header, bid_px, ask_px, bid_qty: 5, ask_qty: 5, ..QuoteRecord::default() };
    world.speak(|exchange, mut out| exchange.on_market(quote.as_record(), &mut out));
}

/// What was taken at touches long gone once filled the memory of taken levels: after 256 of them nothing could be taken.
#[test]
fn a_year_of_bars_at_another_price_each_day_can_be_taken_from_to_the_last() {
    let mut world = with_bars(TENTH);
    for day in 0..300 {
        let px = 10_000 + i64::try_from(day).unwrap();
        bar(&mut world, [px, px, px, px], 200);
        quote_at(&mut world, px);
        assert_eq!(taken(&world.ioc(2 * day + 1, BID, px, 2)), [(px, 2)], "day {day}");
        // Of one touch the lots are there once.
        assert_eq!(taken(&world.ioc(2 * day + 2, BID, px, 5)), [(px, 3)], "day {day}");
    }
}

#[test]
fn quotes_that_come_down_and_go_past_what_was_taken_forget_it() {
    let mut world = World::with(&config());
    let mut id = 0;
    for round in 0..100 {
        // Four touches, each better than the one before; then all of them are passed.
        for step in 0..4 {
            let px = 20_000 + 10 * round - step;
            quote_at(&mut world, px);
            id += 1;
            assert_eq!(taken(&world.ioc(id, BID, px, 1)), [(px, 1)], "round {round}");
        }
    }
}

fn stop(world: &mut World, id: u64, order_type: OrderType, px: i64, trigger: i64) {
    let order = world.order(id, ASK, px, 10);
    world.special(order, order_type, Terms { trigger_price: trigger, ..Terms::PLAIN });
}

fn triggered(id: u64, leaves: i64) -> Said {
    Said::Triggered { id, leaves }
}

#[test]
fn a_bar_that_reaches_stop_and_target_stops_out_and_the_target_waits() {
    let mut world = with_bars(TENTH);
    world.trade(1, BID, 10_000, 5);
    world.limit(1, ASK, 10_100, 10);
    stop(&mut world, 2, OrderType::Stop, 0, 9_900);
    // It rose: the target alone would have filled.
    let said = bar(&mut world, [10_000, 10_200, 9_850, 10_150], 1_000);
    let stopped = Said::Taker { id: 2, px: 9_900, lots: 10, leaves: 0 };
    assert_eq!(said, [triggered(2, 10), stopped]);
    let said = bar(&mut world, [10_150, 10_160, 10_120, 10_150], 1_000);
    assert_eq!(said, [Said::Maker { id: 1, px: 10_100, lots: 10, leaves: 0 }]);
}

#[test]
fn a_bar_that_opens_beyond_a_stop_fills_it_at_the_open() {
    let mut world = with_bars(TENTH);
    world.trade(1, BID, 10_000, 5);
    stop(&mut world, 1, OrderType::Stop, 0, 9_900);
    assert_eq!(bar(&mut world, [10_000, 10_050, 9_901, 9_950], 200), []);
    let said = bar(&mut world, [9_800, 9_950, 9_700, 9_900], 200);
    assert_eq!(said, [triggered(1, 10), Said::Taker { id: 1, px: 9_800, lots: 10, leaves: 0 }]);
}

#[test]
fn a_stop_limit_rests_from_the_end_of_the_bar_that_reached_it() {
    let mut world = with_bars(TENTH);
    world.trade(1, BID, 10_000, 5);
    stop(&mut world, 1, OrderType::StopLimit, 9_890, 9_900);
    assert_eq!(bar(&mut world, [10_000, 10_000, 9_800, 9_950], 1_000), [triggered(1, 10)]);
    let said = bar(&mut world, [9_950, 9_960, 9_940, 9_950], 1_000);
    assert_eq!(said, [Said::Maker { id: 1, px: 9_890, lots: 10, leaves: 0 }]);
}

#[test]
fn a_stop_limit_that_a_bar_triggers_does_not_rest_across_an_order_of_our_own() {
    // A bid of ours at 99.00 that the bar did not reach, and a sale limited at 98.90 that it triggers: resting there, it would
    // cross our bid. By the word of the stop, the newer to rest, one of them goes.
    let gone = |id| Said::Cancelled { id, lots: 10, reason: venue_reason::SELF_TRADE };
    for (stp, left, said) in [
        (SelfTrade::CancelNewest, 1, vec![triggered(2, 10), gone(2)]),
        (SelfTrade::CancelOldest, 2, vec![triggered(2, 10), gone(1)]),
    ] {
        let mut world = with_bars(TENTH);
        world.trade(1, BID, 10_000, 5);
        world.limit(1, BID, 9_900, 10);
        let order = world.order(2, ASK, 9_890, 10);
        let order = OrderRecord { stp: stp as u8, ..order };
        world.special(order, OrderType::StopLimit, Terms { trigger_price: 9_950, stp, ..Terms::PLAIN });
        assert_eq!(bar(&mut world, [10_000, 10_000, 9_920, 9_950], 1_000), said);
        assert_eq!(world.exchange.working(), 1);
        // What is left is the one that may be.
        let next = bar(&mut world, [9_950, 9_960, 9_800, 9_850], 1_000);
        assert_eq!(
            next,
            [Said::Maker { id: left, px: if left == 1 { 9_900 } else { 9_890 }, lots: 10, leaves: 0 }]
        );
    }
}

#[test]
fn a_trailing_stop_meets_the_low_before_the_high_and_the_close_after_it() {
    let mut world = with_bars(TENTH);
    world.trade(1, BID, 10_000, 5);
    stop(&mut world, 1, OrderType::TrailingStop, 0, 100);
    // From 99.00 as the bar found it to 100.00 behind the high of 101.00: the low came before.
    assert_eq!(bar(&mut world, [10_000, 10_100, 9_950, 10_050], 200), []);
    assert_eq!(world.exchange.trigger_price(1), Some(Price(10_000 * CENT)));
    // It follows to 101.00, and the close has fallen below.
    let said = bar(&mut world, [10_050, 10_200, 10_010, 10_020], 200);
    assert_eq!(said, [triggered(1, 10), Said::Taker { id: 1, px: 10_100, lots: 10, leaves: 0 }]);
}

#[test]
fn a_stop_in_a_bar_pays_half_the_spread_and_the_impact() {
    let mut world = World::with(&ExchangeConfig {
        bars: Some(TENTH),
        impact: ImpactConfig::SpreadPower(power()),
        ..config()
    });
    quote(&mut world);
    let plain = taken(&world.market_order(1, ASK, 10));
    let mut world = World::with(&ExchangeConfig {
        bars: Some(TENTH),
        impact: ImpactConfig::SpreadPower(power()),
        ..config()
    });
    quote(&mut world);
    stop(&mut world, 1, OrderType::Stop, 0, 9_900);
    let said = bar(&mut world, [10_000, 10_000, 9_850, 9_990], 200);
    let stopped = taken(&said);
    // Around 99.00 what a market order pays around the middle of the quote, up to rounding to a cent.
    let paid = |mid: i64, px: i64| mid - px;
    assert_eq!(stopped.len(), 1);
    assert!(
        (paid(9_900, stopped[0].0) - paid(10_000, plain[0].0)).abs() <= 1,
        "{stopped:?} against {plain:?}"
    );
}

#[test]
fn a_touch_quoted_around_a_bar_fills_nothing_that_rests() {
    let mut world = with_bars(TENTH);
    world.limit(1, BID, 10_050, 50);
    bar(&mut world, [10_100, 10_100, 10_060, 10_060], 200);
    let before = world.raw.len();
    // The ask of 100.01 stands below our bid; only a bar trades with us.
    quote(&mut world);
    assert_eq!(world.raw.len(), before);
}

fn with_faults(reject_rate: f64, partial_fill_rate: f64) -> World {
    World::with(&ExchangeConfig { faults: FaultConfig { reject_rate, partial_fill_rate }, ..config() })
}

#[test]
fn orders_are_refused_as_often_as_stated() {
    let mut world = with_faults(0.25, 0.0);
    let mut refused = 0;
    for id in 1..=2_000 {
        let said = world.ioc(id, BID, 9_000, 1);
        refused += u32::from(said == [Said::Rejected { id, reason: venue_reason::FAULT }]);
    }
    // 500 expected, standard deviation 19.
    assert!((refused as i32 - 500).abs() < 100, "{refused}");
    assert_eq!(with_faults(1.0, 0.0).limit(1, BID, 9_000, 1).len(), 1);
}

#[test]
fn an_order_cut_short_trades_a_part_and_loses_the_rest() {
    let mut world = with_faults(0.0, 1.0);
    world.add(1, ASK, 10_000, 10_000);
    let mut sizes = std::collections::BTreeSet::new();
    for id in 1..=100 {
        let said = world.limit(id, BID, 10_000, 10);
        let [
            Said::Accepted { .. },
            Said::Taker { lots, leaves, .. },
            Said::Cancelled { lots: rest, reason, .. },
        ] = said[..]
        else {
            panic!("accepted, part filled, cancelled: {said:?}")
        };
        assert!((1..10).contains(&lots) && rest == 10 - lots && leaves == rest);
        assert_eq!(reason, venue_reason::FAULT);
        sizes.insert(lots);
    }
    assert_eq!(sizes.len(), 9, "every part comes up: {sizes:?}");
    // One lot has no parts; what finds nothing to take rests whole.
    assert_eq!(taken(&world.limit(101, BID, 10_000, 1)), [(10_000, 1)]);
    assert_eq!(world.limit(102, BID, 9_000, 10), [Said::Accepted { id: 102, leaves: 10 }]);
}
