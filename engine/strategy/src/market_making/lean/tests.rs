//! The market maker with what leans its reservation price switched on, worked by hand.

use tickrace_types::*;

use super::super::tests::{I, MS, SECOND, TICK, World, config, plain};
use super::super::{FlattenConfig, FlowImbalanceConfig, InventoryConfig, LevelConfig, MarketMakerConfig};
use super::super::{VolatilityRatioConfig, fair_value::FairValue};
use crate::{Policy, Speech};

fn lots(world: &mut World, bid_qty: u32, ask_qty: u32) -> Speech {
    (world.top.bid_qty, world.top.ask_qty) = (bid_qty, ask_qty);
    world.event(MarketRecord::default(), MS)
}

#[test]
fn the_weighted_mid_moves_quotes_though_no_price_has() {
    let mut world = World::new(&MarketMakerConfig { fair_value: FairValue::WeightedMid, ..plain() });
    world.show(10_000, 10_004, 0);
    assert_eq!(world.best(), (10_000, 10_004), "balanced: the mid of 10,002 less and more two");
    // Three quarters of the lots on the bid: a quarter of four ticks above the mid.
    assert_eq!(lots(&mut world, 300, 100), Speech::Quote);
    assert_eq!(world.best(), (10_001, 10_005));
    assert_eq!(lots(&mut world, 30, 10), Speech::Keep, "the same share");
    assert_eq!(lots(&mut world, 10, 30), Speech::Quote);
    assert_eq!(world.best(), (9_999, 10_003));
    let mut mid = World::new(&plain());
    mid.show(10_000, 10_004, 0);
    assert_eq!(lots(&mut mid, 300, 100), Speech::Keep, "the mid knows nothing of it");
}

#[test]
fn flow_at_the_touch_shifts_the_reservation_price_and_fades() {
    let flow = FlowImbalanceConfig { shift_per_tick: 8.0, decay_s: 1.0, shift_ticks_max: 5.0 };
    let mut world = World::new(&MarketMakerConfig { flow_imbalance: Some(flow), ..plain() });
    world.show(10_000, 10_004, 0);
    // 25 lots of demand over a depth of 100 + 12.5 / 256: 8 x 25 / 200.1 = 0.9995 ticks, less what a millisecond took none of:
    // 10,002.9995 - 2 rounds down to 10,000 and + 2 up to 10,005.
    assert_eq!(lots(&mut world, 125, 100), Speech::Quote);
    assert_eq!(world.best(), (10_000, 10_005));
    // 25 more: just under two ticks.
    assert_eq!(lots(&mut world, 150, 100), Speech::Quote);
    assert_eq!(world.best(), (10_001, 10_006));
    // A thousand lots are bounded by five ticks: 10,007 less two, which the ask's touch then bounds to 10,003.
    assert_eq!(lots(&mut world, 1_150, 100), Speech::Quote);
    assert_eq!(world.best(), (10_003, 10_009));
    // Ten seconds later nothing is left of it, though the market stood still.
    world.event(MarketRecord::default(), 10 * SECOND);
    world.event(MarketRecord::default(), MS);
    assert_eq!(world.best(), (10_000, 10_005), "a hair above the mid of 10,002, rounded outwards");
}

#[test]
fn a_livelier_market_widens_beyond_the_model() {
    let half = |ratio: Option<VolatilityRatioConfig>| {
        let config = MarketMakerConfig {
            volatility_ratio: ratio,
            half_spread_min_ticks: 0.01,
            flow_widen_ticks: 0.0,
            volatility_decay_s: 1e5,
            ..config()
        };
        let mut world = World::new(&config);
        for step in 0..400i64 {
            // Quiet for 350 changes, then ten ticks at a time.
            let swing = if step < 350 { 1 } else { 10 };
            let mid = 10_000 + swing * (step % 2);
            world.show(mid, mid + 1, 100 * MS);
        }
        (world.best().1 - world.best().0) as f64
    };
    let bounded = |most| VolatilityRatioConfig {
        short_s: 1.0,
        exponent: 1.0,
        multiplier_min: 1.0,
        multiplier_max: most,
    };
    let (plain, twice, more) = (half(None), half(Some(bounded(2.0))), half(Some(bounded(3.0))));
    // Rounded outwards each is up to two ticks wider than what is meant.
    assert!((twice - 2.0 * plain).abs() <= 4.0 && twice > plain, "{plain} {twice}");
    assert!((more - 3.0 * plain).abs() <= 6.0 && more > twice, "{plain} {more}");
}

#[test]
fn a_quote_the_reservation_price_has_passed_does_not_wait_where_that_is_firm() {
    let best_after = |reservation_is_firm| {
        let config = MarketMakerConfig {
            fair_value: FairValue::WeightedMid,
            quote_life_ns_min: SECOND,
            requote_ticks: 8,
            reservation_is_firm,
            ..plain()
        };
        let mut world = World::new(&config);
        world.show(10_000, 10_010, 0);
        assert_eq!(world.best(), (10_003, 10_007));
        // One lot in a hundred on the bid: 4.9 ticks below the mid of 10,005, so 10,000.1, less and more two.
        let speech = lots(&mut world, 1, 99);
        (speech, world.best())
    };
    assert_eq!(best_after(false), (Speech::Keep, (10_003, 10_007)));
    // The ask of 10,007 is near enough and stays; the bid above the reservation price goes.
    assert_eq!(best_after(true), (Speech::Quote, (9_998, 10_007)));
}

#[test]
fn listed_levels_are_quoted_where_they_stand() {
    let level = |ticks, spreads, qty_lots| LevelConfig { ticks, spreads, qty_lots };
    let levels = vec![level(0, 0.0, 50), level(1, 0.5, 80), level(9, 0.5, 200)];
    let mut world = World::new(&MarketMakerConfig { levels, position_max_lots: 250, ..plain() });
    world.show(10_000, 10_004, 0);
    // Half a spread of four ticks is two: 0, 3 and 11 ticks behind 10,000 and 10,004; 250 lots of room in all.
    let seen = |quotes: &[tickrace_oms::Quote]| {
        quotes.iter().map(|quote| (quote.price / TICK, quote.qty)).collect::<Vec<_>>()
    };
    assert_eq!(seen(world.wanted().bids()), [(10_000, 50), (9_997, 80), (9_989, 120)]);
    assert_eq!(seen(world.wanted().asks()), [(10_004, 50), (10_007, 80), (10_015, 120)]);
}

fn old(order_qty_max_lots: i64) -> MarketMakerConfig {
    let flatten = FlattenConfig { after_half_lives: 3.0, order_qty_max_lots, slippage_ticks_max: 1 };
    let inventory =
        InventoryConfig { half_life_s: 1.0, skew_ticks: 4.0, skew_ticks_max: 6.0, flatten: Some(flatten) };
    MarketMakerConfig { inventory: Some(inventory), top_age_ms_max: 60_000, ..plain() }
}

#[test]
fn inventory_that_outlives_its_half_life_leans_the_quotes() {
    let mut world = World::new(&old(1_000));
    world.hold(100);
    world.show(10_000, 10_004, 0);
    assert_eq!(world.best().0, 9_999, "a hair below the mid of 10,002 less two");
    // One and three quarters of a half-life: three quarters of four ticks. The ask of 10,001 would just rest.
    world.event(MarketRecord::default(), 1_750 * MS);
    assert_eq!(world.event(MarketRecord::default(), 0), Speech::Quote);
    assert_eq!(world.best(), (9_996, 10_001));
}

/// Sends what was said; gives the messages.
fn send(world: &mut World) -> Vec<OrderRecord> {
    let cause = Header { ts_recv_ns: world.now_ns, ..Header::default() };
    let mut sent = Vec::new();
    world.say.execute(&mut world.oms, I, &cause, &mut |order| sent.push(*order));
    sent
}

fn answer(world: &mut World, kind: ResponseKind, id: u64, qty: i64, leaves: i64) -> Speech {
    world.fills_count += 1;
    let response = ResponseRecord {
        client_id: id,
        exec_id: world.fills_count,
        qty,
        leaves,
        response: kind as u8,
        price: 10_000 * TICK,
        ..ResponseRecord::default()
    };
    world.oms.on_response(&response);
    world.run(&Record::default(), |policy, view, say| policy.on_response(view, &response, say))
}

#[test]
fn very_old_inventory_is_sold_at_the_touch_once_no_quote_of_ours_is_left() {
    let mut world = World::new(&old(40));
    world.hold(100);
    world.show(10_000, 10_004, 0);
    let quotes = send(&mut world);
    assert_eq!(quotes.len(), 2);
    world.event(MarketRecord::default(), 3_000 * MS);
    // Three half-lives: half of the hundred are to go, forty at once; the quotes first.
    assert_eq!(world.event(MarketRecord::default(), 0), Speech::Pull);
    let cancels = send(&mut world);
    assert_eq!(cancels.iter().map(OrderRecord::action).collect::<Vec<_>>(), [Action::Cancel; 2]);
    answer(&mut world, ResponseKind::Cancelled, quotes[0].client_id, 100, 0);
    assert_eq!(world.say.orders().count(), 0, "the other quote still stands");
    answer(&mut world, ResponseKind::Cancelled, quotes[1].client_id, 100, 0);
    let order = *world.say.orders().next().unwrap();
    assert_eq!((order.side, order.qty, order.price), (Side::Ask, 40, Price(9_999 * TICK)));
    assert_eq!(order.tif, TimeInForce::Ioc);
    let sent = send(&mut world);
    assert_eq!(sent.len(), 1);
    world.event(MarketRecord::default(), MS);
    assert!(world.say.is_silent(), "one at a time");
    // 25 trade and the rest finds nobody: a pause, then the other 25 of the fifty.
    answer(&mut world, ResponseKind::Fill, sent[0].client_id, 25, 15);
    assert!(world.say.is_silent());
    answer(&mut world, ResponseKind::Cancelled, sent[0].client_id, 15, 0);
    assert!(world.say.is_silent());
    world.event(MarketRecord::default(), 10 * MS);
    let order = *world.say.orders().next().unwrap();
    assert_eq!((order.side, order.qty), (Side::Ask, 25));
    let sent = send(&mut world);
    // Fifty left: the clock starts anew and quoting goes on.
    assert_eq!(answer(&mut world, ResponseKind::Fill, sent[0].client_id, 25, 0), Speech::Quote);
    assert_eq!(world.oms.position(I), 50);
}

#[test]
fn nothing_is_flattened_into_a_market_that_is_halted_or_old() {
    let mut world = World::new(&old(40));
    world.hold(100);
    world.show(10_000, 10_004, 0);
    world.top.phase = Phase::Halted as u8;
    world.event(MarketRecord::default(), 10 * SECOND);
    assert_eq!((world.say.speech, world.say.orders().count()), (Speech::Pull, 0));
    world.event(MarketRecord::default(), SECOND);
    assert!(world.say.is_silent());
    world.top.phase = Phase::Continuous as u8;
    world.event(MarketRecord::default(), MS);
    assert_eq!(world.say.orders().count(), 1, "no quote of ours was entered, so it may go at once");
}
