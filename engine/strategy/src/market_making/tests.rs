//! The market maker from outside: what it says about a given market.

use proptest::prelude::*;
use tickrace_oms::{Oms, OmsConfig, WantedQuotes};
use tickrace_types::*;

use super::*;

pub(super) const TICK: i64 = 10_000_000;
pub(super) const MS: i64 = 1_000_000;
pub(super) const SECOND: i64 = 1_000_000_000;
pub(super) const I: InstrumentId = InstrumentId(0);

/// A desk of one instrument: policy, orders and a top, at a time of our choosing.
pub(super) struct World {
    pub(super) policy: MarketMaker,
    pub(super) oms: Oms,
    pub(super) share: Instrument,
    pub(super) top: TopOfBook,
    pub(super) now_ns: i64,
    pub(super) fills_count: u64,
    pub(super) say: Say,
}

impl World {
    pub(super) fn new(config: &MarketMakerConfig) -> Self {
        let share = Instrument::us_equity("AAPL");
        let table = InstrumentTable::new(vec![share.clone()]).unwrap();
        let oms_config = OmsConfig {
            open_orders_max: 64,
            strategy: StrategyId(0),
            account: AccountId(0),
            venue: VenueId(0),
            session: SessionId(0),
            first_client_id: 1,
            unacked_timeout_ns: SECOND,
        };
        Self {
            policy: MarketMaker::new(config, &table).unwrap(),
            oms: Oms::new(&oms_config, &table),
            share,
            top: TopOfBook { phase: Phase::Continuous as u8, ..TopOfBook::default() },
            now_ns: SECOND,
            fills_count: 0,
            say: Say::default(),
        }
    }

    /// Shows a market, in ticks, `after_ns` later; gives what was said.
    pub(super) fn show(&mut self, bid: i64, ask: i64, after_ns: i64) -> Speech {
        self.top.bid_px = bid * TICK;
        self.top.ask_px = ask * TICK;
        (self.top.bid_qty, self.top.ask_qty) = (100, 100);
        self.event(MarketRecord::default(), after_ns)
    }

    pub(super) fn event(&mut self, mut market: MarketRecord, after_ns: i64) -> Speech {
        self.now_ns += after_ns;
        self.top.ts_recv_ns = self.now_ns;
        market.header.ts_recv_ns = self.now_ns;
        self.run(market.as_record(), |policy, view, say| policy.on_event(view, say))
    }

    pub(super) fn run(
        &mut self,
        record: &Record,
        call: impl FnOnce(&mut MarketMaker, &View<'_>, &mut Say),
    ) -> Speech {
        self.say.reset();
        let view = View {
            now_ns: self.now_ns,
            record,
            top: &self.top,
            id: I,
            instrument: &self.share,
            oms: &self.oms,
        };
        call(&mut self.policy, &view, &mut self.say);
        self.policy.upkeep(&view);
        self.say.speech
    }

    /// Trades without the policy hearing of it other than by its next event.
    pub(super) fn hold(&mut self, lots: i64) {
        let (side, qty) = if lots > 0 { (Side::Bid, lots) } else { (Side::Ask, -lots) };
        self.fills_count += 1;
        let request = OrderRequest::limit(I, side, Price(100 * TICK), qty);
        let id = self.oms.submit(&request, &Header::default(), &mut |_| {}).unwrap();
        let response = ResponseRecord {
            client_id: id.0,
            exec_id: self.fills_count,
            qty,
            response: ResponseKind::Fill as u8,
            ..ResponseRecord::default()
        };
        self.oms.on_response(&response);
    }

    pub(super) fn wanted(&self) -> &WantedQuotes {
        &self.say.wanted
    }

    /// Best wanted bid and ask, ticks.
    pub(super) fn best(&self) -> (i64, i64) {
        (self.wanted().bids()[0].price / TICK, self.wanted().asks()[0].price / TICK)
    }
}

use tickrace_oms::OrderRequest;

pub(super) fn config() -> MarketMakerConfig {
    MarketMakerConfig { requote_ticks: 0, quote_life_ns_min: 0, ..MarketMakerConfig::with_limits(500, 100) }
}

/// Fixed half spread of two ticks, no skew worth a tick, whatever the market does.
pub(super) fn plain() -> MarketMakerConfig {
    MarketMakerConfig {
        half_spread_min_ticks: 2.0,
        half_spread_max_ticks: 2.0,
        risk_aversion_per_tick: 1e-6,
        flow_shift_ticks: 0.0,
        ..config()
    }
}

#[test]
fn quotes_stand_a_half_spread_from_the_mid_rounded_outwards() {
    let mut world = World::new(&plain());
    // Mid 10000.5: 9998.5 and 10002.5 round to 9998 and 10003.
    assert_eq!(world.show(10_000, 10_001, 0), Speech::Quote);
    assert_eq!(world.best(), (9_998, 10_003));
    assert_eq!(world.wanted().bids()[0].qty, 100);
}

#[test]
fn nothing_is_said_when_nothing_moved() {
    let mut world = World::new(&plain());
    world.show(10_000, 10_001, 0);
    assert_eq!(world.show(10_000, 10_001, MS), Speech::Keep);
    assert_eq!(world.show(10_001, 10_002, MS), Speech::Quote);
    assert_eq!(world.best(), (9_999, 10_004));
}

#[test]
fn inventory_skews_quotes_against_itself() {
    let lively = MarketMakerConfig { volatility_min_ticks: 5.0, ..config() };
    let long = {
        let mut world = World::new(&lively);
        world.show(10_000, 10_001, 0);
        world.hold(300);
        assert_eq!(world.show(10_000, 10_001, MS), Speech::Quote);
        world.best()
    };
    let flat = {
        let mut world = World::new(&lively);
        world.show(10_000, 10_001, 0);
        world.best()
    };
    let short = {
        let mut world = World::new(&lively);
        world.show(10_000, 10_001, 0);
        world.hold(-300);
        world.show(10_000, 10_001, MS);
        world.best()
    };
    // Never both sides closer: each side follows the reservation price as far as the touch lets it.
    assert!(long.0 < flat.0 && long.1 <= flat.1, "{long:?} {flat:?}");
    assert!(short.0 >= flat.0 && short.1 > flat.1, "{short:?} {flat:?}");
}

#[test]
fn volatility_widens_the_quotes() {
    let width = |swing: i64| {
        let config = MarketMakerConfig { volatility_decay_s: 1.0, ..config() };
        let mut world = World::new(&config);
        for step in 0..200 {
            let mid = 10_000 + swing * (step % 2);
            world.show(mid, mid + 1, 20 * MS);
        }
        world.best().1 - world.best().0
    };
    assert!(width(0) < width(5) && width(5) < width(20), "{} {} {}", width(0), width(5), width(20));
}

#[test]
fn buyers_shift_the_quotes_up() {
    let shifted = |side: Side| {
        let config = MarketMakerConfig { flow_shift_ticks: 10.0, flow_widen_ticks: 0.0, ..plain() };
        let mut world = World::new(&config);
        world.show(10_000, 10_001, 0);
        let mut execution =
            MarketRecord { price: 10_001 * TICK, qty: 500, side: side as u8, ..MarketRecord::default() };
        execution.header.kind = Kind::Execute as u8;
        world.event(execution, 100 * MS);
        world.event(MarketRecord::default(), 100 * MS);
        world.show(10_001, 10_002, 100 * MS);
        world.best()
    };
    // All volume one way moves the reservation price ten ticks: mid 10001.5 to 10011.5, less and more two.
    assert_eq!(shifted(Side::Ask), (10_001, 10_014), "the bid stops below the ask touch");
    assert_eq!(shifted(Side::Bid), (9_989, 10_002), "the ask stops above the bid touch");
}

#[test]
fn new_parameters_count_from_the_event_after_those_that_made_them() {
    let config = MarketMakerConfig { flow_shift_ticks: 10.0, flow_widen_ticks: 0.0, ..plain() };
    let mut world = World::new(&config);
    world.show(10_000, 10_001, 0);
    let before = world.best();
    let mut execution =
        MarketRecord { price: 10_001 * TICK, qty: 500, side: Side::Ask as u8, ..MarketRecord::default() };
    execution.header.kind = Kind::Execute as u8;
    // Due for a refresh here; what it gives is not what this event's quotes are made of.
    assert_eq!(world.event(execution, 200 * MS), Speech::Keep);
    assert_eq!(world.event(MarketRecord::default(), MS), Speech::Quote, "though the top has not moved");
    assert!(world.best().1 > before.1, "{:?} {before:?}", world.best());
}

#[test]
fn the_side_at_its_limit_is_not_quoted_and_sizes_shrink_towards_it() {
    let config = MarketMakerConfig { levels_count: 3, ..plain() };
    for (held, bids, asks) in [
        (0, vec![100, 100, 100], vec![100, 100, 100]),
        (250, vec![100, 100, 50], vec![100, 100, 100]),
        (500, vec![], vec![100, 100, 100]),
        (-450, vec![100, 100, 100], vec![50]),
        (600, vec![], vec![100, 100, 100]),
    ] {
        let mut world = World::new(&config);
        if held != 0 {
            world.hold(held);
        }
        world.show(10_000, 10_001, 0);
        let sizes = |quotes: &[tickrace_oms::Quote]| quotes.iter().map(|quote| quote.qty).collect::<Vec<_>>();
        assert_eq!((sizes(world.wanted().bids()), sizes(world.wanted().asks())), (bids, asks), "{held}");
    }
}

#[test]
fn levels_step_outwards_and_grow() {
    let config = MarketMakerConfig {
        levels_count: 3,
        level_step_ticks: 2,
        level_qty_growth_bps: 5_000,
        position_max_lots: 10_000,
        ..plain()
    };
    let mut world = World::new(&config);
    world.show(10_000, 10_002, 0);
    // Mid 10001, half spread 2: 9999 and 10003, then two ticks further each; 100, 150, 200 lots.
    let seen: Vec<(i64, i64)> =
        world.wanted().bids().iter().map(|quote| (quote.price / TICK, quote.qty)).collect();
    assert_eq!(seen, [(9_999, 100), (9_997, 150), (9_995, 200)]);
    let seen: Vec<(i64, i64)> =
        world.wanted().asks().iter().map(|quote| (quote.price / TICK, quote.qty)).collect();
    assert_eq!(seen, [(10_003, 100), (10_005, 150), (10_007, 200)]);
}

#[test]
fn a_market_that_is_not_firm_and_continuous_is_pulled_once() {
    type Change = fn(&mut TopOfBook);
    let changes: [(&str, Change); 7] = [
        ("halted", |top| top.phase = Phase::Halted as u8),
        ("auction", |top| top.phase = Phase::Auction as u8),
        ("closed", |top| top.phase = Phase::Closed as u8),
        ("stale", |top| top.stale = 1),
        ("no bid", |top| top.bid_qty = 0),
        ("no ask", |top| top.ask_qty = 0),
        ("crossed", |top| top.bid_px = top.ask_px + TICK),
    ];
    for (name, change) in changes {
        let mut world = World::new(&plain());
        world.show(10_000, 10_001, 0);
        let good = world.top;
        change(&mut world.top);
        assert_eq!(world.event(MarketRecord::default(), MS), Speech::Pull, "{name}");
        assert_eq!(world.event(MarketRecord::default(), MS), Speech::Keep, "{name}");
        world.top = good;
        assert_eq!(world.event(MarketRecord::default(), MS), Speech::Quote, "{name} is over");
    }
}

#[test]
fn a_silent_book_is_pulled_by_the_timer_and_quoted_again_when_it_speaks() {
    let config = MarketMakerConfig { top_age_ms_max: 1_000, ..plain() };
    let mut world = World::new(&config);
    world.show(10_000, 10_001, 0);
    let timer = |world: &mut World, after_ns| {
        world.now_ns += after_ns;
        world.run(&Record::default(), |policy, view, say| policy.on_timer(view, say))
    };
    assert_eq!(timer(&mut world, SECOND), Speech::Keep);
    assert_eq!(timer(&mut world, 1), Speech::Pull);
    assert_eq!(timer(&mut world, MS), Speech::Keep);
    assert_eq!(world.show(10_000, 10_001, MS), Speech::Quote);
}

#[test]
fn a_quote_lives_its_time_then_follows() {
    let config = MarketMakerConfig { quote_life_ns_min: 10 * MS, ..plain() };
    let mut world = World::new(&config);
    world.show(10_000, 10_001, 0);
    assert_eq!(world.show(10_001, 10_002, MS), Speech::Keep);
    assert_eq!(world.show(10_001, 10_002, 8 * MS), Speech::Keep);
    // The market has not moved again, but the time is up.
    assert_eq!(world.show(10_001, 10_002, MS), Speech::Quote);
    assert_eq!(world.best(), (9_999, 10_004));
    // Standing in the way of the market does not wait.
    assert_eq!(world.show(9_997, 9_998, MS), Speech::Quote);
    assert_eq!(world.best(), (9_995, 10_000));
}

#[test]
fn a_move_within_the_hysteresis_is_not_followed() {
    let config = MarketMakerConfig { requote_ticks: 2, ..plain() };
    let mut world = World::new(&config);
    world.show(10_000, 10_001, 0);
    assert_eq!(world.show(10_001, 10_002, MS), Speech::Keep);
    assert_eq!(world.show(10_002, 10_003, MS), Speech::Keep);
    assert_eq!(world.show(10_003, 10_004, MS), Speech::Quote);
    assert_eq!(world.best(), (10_001, 10_006));
}

#[test]
fn after_a_refusal_there_is_a_pause_then_the_quotes_are_said_again() {
    let mut world = World::new(&plain());
    world.show(10_000, 10_001, 0);
    let mut sent = Vec::new();
    let cause = Header { ts_recv_ns: world.now_ns, ..Header::default() };
    world.say.execute(&mut world.oms, I, &cause, &mut |order| sent.push(*order));
    let refused = ResponseRecord {
        client_id: sent[0].client_id,
        response: ResponseKind::GateRefused as u8,
        ..ResponseRecord::default()
    };
    world.oms.on_response(&refused);
    let speech = world.run(&Record::default(), |policy, view, say| policy.on_response(view, &refused, say));
    assert_eq!(speech, Speech::Keep);
    assert_eq!(world.show(10_001, 10_002, 9 * MS), Speech::Keep);
    assert_eq!(world.show(10_001, 10_002, MS), Speech::Quote);
}

#[test]
fn warm_up_learns_and_says_nothing() {
    let calm = MarketMakerConfig { volatility_decay_s: 1.0, ..config() };
    let mut world = World::new(&calm);
    let mut cold = World::new(&calm);
    for step in 0..200 {
        let mid = 10_000 + 20 * (step % 2);
        (world.top.bid_px, world.top.ask_px) = (mid * TICK, (mid + 1) * TICK);
        (world.top.bid_qty, world.top.ask_qty) = (1, 1);
        world.now_ns += 20 * MS;
        world.top.ts_recv_ns = world.now_ns;
        let speech = world.run(&Record::default(), |policy, view, _| policy.warm_up(view));
        assert_eq!(speech, Speech::Keep);
    }
    world.show(10_500, 10_501, 20 * MS);
    cold.show(10_500, 10_501, 0);
    assert!(world.best().0 < cold.best().0, "the warmed one knows that the market swings");
}

proptest! {
    #[test]
    fn quotes_never_take_never_cross_each_other_and_lie_on_the_grid(
        steps in prop::collection::vec((9_000i64..11_000, 1i64..40, -600i64..600, 0i64..300, 0u32..5_000), 1..40),
        levels_count in 1usize..8, requote_ticks in 0i64..4, horizon in any::<bool>(), cents in any::<bool>(),
    ) {
        let config = MarketMakerConfig {
            levels_count,
            requote_ticks,
            quote_life_ns_min: 50 * MS,
            model: if horizon { Model::Horizon } else { Model::Stationary },
            ..config()
        };
        let mut world = World::new(&config);
        // Around 100 dollars, or around one dollar where the tick changes.
        let unit = if cents { TICK } else { 100_000 };
        for (bid, spread, position, after_ms, executed) in steps {
            let step = position - world.oms.position(I);
            if step != 0 {
                world.hold(step);
            }
            let mut market = MarketRecord { qty: executed, side: (executed % 2) as u8, price: bid * unit, ..MarketRecord::default() };
            market.header.kind = Kind::Execute as u8;
            world.top.bid_px = bid * unit;
            world.top.ask_px = (bid + spread) * unit;
            (world.top.bid_qty, world.top.ask_qty) = (100, 100);
            if world.event(market, after_ms * MS) != Speech::Quote {
                continue;
            }
            let (top, wanted) = (world.top, world.wanted());
            for quote in wanted.bids() {
                prop_assert!(quote.price < top.ask_px && quote.price > 0 && quote.qty > 0);
                prop_assert!(Price(quote.price).is_on_tick(world.share.tick_at(quote.price)), "{}", quote.price);
            }
            for quote in wanted.asks() {
                prop_assert!(quote.price > top.bid_px && quote.qty > 0);
                prop_assert!(Price(quote.price).is_on_tick(world.share.tick_at(quote.price)), "{}", quote.price);
            }
            if let (Some(bid), Some(ask)) = (wanted.bids().first(), wanted.asks().first()) {
                prop_assert!(bid.price < ask.price);
            }
            prop_assert!(wanted.bids().is_sorted_by(|a, b| a.price >= b.price));
            prop_assert!(wanted.asks().is_sorted_by(|a, b| a.price <= b.price));
            let (buys, sells): (i64, i64) = (
                wanted.bids().iter().map(|quote| quote.qty).sum(),
                wanted.asks().iter().map(|quote| quote.qty).sum(),
            );
            prop_assert!(buys == 0 || position + buys <= 500);
            prop_assert!(sells == 0 || position - sells >= -500);
        }
    }
}
