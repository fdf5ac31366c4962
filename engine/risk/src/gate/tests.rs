//! Every control stops an order by its own reason, and lets the value at the boundary pass.

use tickrace_types::Side::{Ask, Bid};
use tickrace_types::event::ControlCode;
use tickrace_types::{
    AccountId, Action, Cash, Instrument, InstrumentId, InstrumentTable, OrderRecord, OrderType, Phase, Price,
    ResponseKind, Side, StrategyId, TopOfBook, VenueId,
};

use super::fixture::{CENT, MS, START_NS, World, top, wide};
use crate::opening::{OpeningError, OpeningPosition, OpeningState};
use crate::{Gate, Limits, Reason, Scope, TradingState, control_record, trading_state_record};

const ONE: InstrumentId = InstrumentId(0);

fn usd(units: i64) -> Cash {
    crate::limits::cash_from_ccy(units)
}

fn narrowed(narrow: impl FnOnce(&mut Limits)) -> World {
    let mut limits = wide();
    narrow(&mut limits);
    World::new(&limits)
}

#[test]
fn what_passed_is_kept_when_its_judgement_goes_and_before_anything_else_is_judged() {
    let mut limits = wide();
    limits.instrument.position_max_lots = 100;
    let mut world = World::new(&limits);
    let (order, refused) = (world.order(Bid, 10_000, 60), world.order(Bid, 10_000, 41));
    let judged = world.gate.judge(&order);
    assert!(judged.verdict().is_passed());
    drop(judged);
    assert_eq!((world.gate.open_orders(), world.gate.open_qty(InstrumentId(0), Bid)), (1, 60));
    assert_eq!(world.gate.counts().passed(Action::New), 1);
    assert_eq!(Reason::from_code(world.gate.judge(&refused).verdict().0), Some(Reason::Position));
    assert_eq!((world.gate.open_orders(), world.gate.open_qty(InstrumentId(0), Bid)), (1, 60));
    assert_eq!(world.gate.counts().refused(Reason::Position, Action::New), 1);
}

#[test]
fn control_1_a_price_outside_the_collar_is_refused_and_at_its_edge_passes() {
    // Mid 100.01; 100 bp are 1.0001, so the last cent inside is 101.01 and 99.01.
    let mut world = narrowed(|limits| limits.instrument.price_collar_bps = 100);
    assert_eq!(world.judged(Bid, 10_101, 1), Ok(()));
    assert_eq!(world.judged(Bid, 10_102, 1), Err(Reason::PriceCollar));
    assert_eq!(world.judged(Bid, 9_901, 1), Ok(()));
    assert_eq!(world.judged(Bid, 9_900, 1), Err(Reason::PriceCollar));
}

#[test]
fn control_1_without_a_mid_the_last_trade_counts_then_our_own_price_then_nothing() {
    let mut world = narrowed(|limits| limits.instrument.price_collar_bps = 100);
    let one_sided = TopOfBook { ask_qty: 0, ..top(0, 10_000, 0, START_NS) };
    world.gate.on_top(&TopOfBook { last_px: 20_000 * CENT, last_qty: 5, ..one_sided });
    assert_eq!(world.judged(Bid, 20_200, 1), Ok(()));
    assert_eq!(world.judged(Bid, 20_201, 1), Err(Reason::PriceCollar));
    world.gate.on_top(&one_sided);
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::NoReference));
    let fair = vec![(ONE, Price(30_000 * CENT))];
    world.gate.restore(&OpeningState { fair, ..OpeningState::default() }).unwrap();
    assert_eq!(world.judged(Bid, 30_300, 1), Ok(()));
    assert_eq!(world.judged(Bid, 30_301, 1), Err(Reason::PriceCollar));
}

#[test]
fn control_1_an_order_without_a_limit_price_is_refused() {
    let mut world = narrowed(|_| {});
    let order = world.order(Bid, 10_000, 1);
    let market = OrderRecord { order_type: OrderType::Market as u8, ..order };
    assert_eq!(world.check(&market), Err(Reason::NoLimitPrice));
}

#[test]
fn control_2_one_lot_over_the_largest_order_is_refused() {
    let mut world = narrowed(|limits| limits.instrument.order_qty_max_lots = 300);
    assert_eq!(world.judged(Bid, 10_000, 300), Ok(()));
    assert_eq!(world.judged(Bid, 10_000, 301), Err(Reason::OrderQuantity));
}

#[test]
fn control_2_what_has_traded_does_not_count_against_a_replacement() {
    let mut world = narrowed(|limits| limits.instrument.order_qty_max_lots = 300);
    let order = world.sent(Bid, 10_000, 300);
    world.answer(ResponseKind::Fill, &order, 200, 100);
    // 500 in all, of which 200 have traded: 300 remain open.
    let more = world.replace(&order, 10_000, 501);
    assert_eq!(world.check(&more), Err(Reason::OrderQuantity));
    let more = world.replace(&order, 10_000, 500);
    assert_eq!(world.check(&more), Ok(()));
}

#[test]
fn control_2_an_override_counts_for_its_instrument_alone() {
    let mut world = narrowed(|limits| {
        let narrow = crate::limits::InstrumentOverride { order_qty_max_lots: Some(5), ..Default::default() };
        limits.overrides.insert("BBB".to_owned(), narrow);
    });
    assert_eq!(world.judged(Bid, 10_000, 6), Ok(()));
    let mut other = world.order(Bid, 10_000, 6);
    other.header.instrument = 1;
    assert_eq!(world.check(&other), Err(Reason::OrderQuantity));
}

#[test]
fn control_3_one_cent_over_the_largest_value_is_refused() {
    // 100 lots at 100.00 are 10,000.
    let mut world = narrowed(|limits| limits.instrument.order_notional_max_ccy = 10_000);
    assert_eq!(world.judged(Bid, 10_000, 100), Ok(()));
    assert_eq!(world.judged(Bid, 10_001, 100), Err(Reason::OrderNotional));
}

#[test]
fn control_4_the_venues_grid_and_bounds_are_kept() {
    let mut world = narrowed(|limits| limits.instrument.order_qty_max_lots = 2_000_000);
    let half_cent = OrderRecord { price: 10_000 * CENT + CENT / 2, ..world.order(Bid, 0, 1) };
    assert_eq!(world.check(&half_cent), Err(Reason::OffTick));
    assert_eq!(world.judged(Bid, 10_000, 0), Err(Reason::VenueQuantity));
    assert_eq!(world.judged(Bid, 10_000, -1), Err(Reason::VenueQuantity));
    assert_eq!(world.judged(Bid, 10_000, 1), Ok(()));
    assert_eq!(world.judged(Bid, 10_000, 999_999), Ok(()));
    assert_eq!(world.judged(Bid, 10_000, 1_000_000), Err(Reason::VenueQuantity));
}

#[test]
fn control_4_below_a_dollar_the_finer_band_counts() {
    let mut world = narrowed(|_| {});
    world.gate.on_top(&top(0, 50, 60, START_NS));
    let fine = OrderRecord { price: 50 * CENT + CENT / 100, ..world.order(Bid, 0, 1) };
    assert_eq!(world.check(&fine), Ok(()));
    let finer = OrderRecord { price: 50 * CENT + CENT / 200, ..world.order(Bid, 0, 1) };
    assert_eq!(world.check(&finer), Err(Reason::OffTick));
}

#[test]
fn control_5_the_same_order_once_too_often_is_refused_until_the_window_has_passed() {
    let mut world = narrowed(|limits| {
        limits.duplicate.duplicate_count_max = 2;
        limits.duplicate.duplicate_window_ms = 100;
    });
    assert_eq!(world.judged(Bid, 10_000, 1), Ok(()));
    world.now_ns += 10 * MS;
    assert_eq!(world.judged(Bid, 10_000, 1), Ok(()));
    world.now_ns += 90 * MS - 1;
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::Duplicate));
    assert_eq!(world.judged(Bid, 10_000, 2), Ok(()));
    world.now_ns += 1;
    assert_eq!(world.judged(Bid, 10_000, 1), Ok(()));
}

#[test]
fn control_5_a_client_id_is_never_used_twice_even_where_it_was_refused() {
    let mut world = narrowed(|limits| limits.instrument.order_qty_max_lots = 10);
    let order = world.order(Bid, 10_000, 11);
    assert_eq!(world.check(&order), Err(Reason::OrderQuantity));
    let again = OrderRecord { qty: 10, ..order };
    assert_eq!(world.check(&again), Err(Reason::ClientIdReused));
    let next = OrderRecord { client_id: order.client_id + 1, ..again };
    assert_eq!(world.check(&next), Ok(()));
    let cancel = OrderRecord { client_id: next.client_id, ..world.cancel(&next) };
    assert_eq!(world.check(&cancel), Err(Reason::ClientIdReused));
}

#[test]
fn control_5_client_ids_of_an_earlier_run_are_refused() {
    let mut world = narrowed(|_| {});
    world.gate.restore(&OpeningState { client_id_high: 500, ..OpeningState::default() }).unwrap();
    world.next_id = 500;
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::ClientIdReused));
    assert_eq!(world.judged(Bid, 10_000, 1), Ok(()));
}

#[test]
fn control_6_each_kind_of_message_has_its_rate_and_each_session_its_own() {
    let mut world = narrowed(|limits| {
        limits.session.new_burst_count = 2;
        limits.session.new_rate_per_s = 1000;
        limits.session.replace_burst_count = 1;
        limits.session.replace_rate_per_s = 1000;
    });
    let first = world.sent(Bid, 10_000, 1);
    let second = world.sent(Bid, 9_999, 1);
    assert_eq!(world.judged(Bid, 9_998, 1), Err(Reason::NewRate));
    let other_session = OrderRecord { session: 1, ..world.order(Bid, 9_998, 1) };
    assert_eq!(world.check(&other_session), Ok(()));
    let replace = world.replace(&first, 9_997, 1);
    assert_eq!(world.check(&replace), Ok(()));
    let replace = world.replace(&second, 9_996, 1);
    assert_eq!(world.check(&replace), Err(Reason::ReplaceRate));
    world.now_ns += MS;
    assert_eq!(world.judged(Bid, 9_998, 1), Ok(()));
    let replace = world.replace(&second, 9_996, 1);
    assert_eq!(world.check(&replace), Ok(()));
}

#[test]
fn control_6_a_cancel_is_refused_only_when_its_reserve_is_gone() {
    let mut world = narrowed(|limits| {
        limits.session.cancel_burst_count = 1;
        limits.session.cancel_rate_per_s = 1;
        limits.session.cancel_reserve_count = 2;
    });
    let order = world.sent(Bid, 10_000, 1);
    for expected in [Ok(()), Ok(()), Ok(()), Err(Reason::CancelRate)] {
        let cancel = world.cancel(&order);
        assert_eq!(world.check(&cancel), expected);
    }
}

#[test]
fn control_8_the_position_at_worst_stays_within_its_limit() {
    let mut world = narrowed(|limits| limits.instrument.position_max_lots = 300);
    let first = world.sent(Bid, 10_000, 200);
    assert_eq!(world.judged(Bid, 9_999, 101), Err(Reason::Position));
    let second = world.sent(Bid, 9_999, 100);
    // The same 300 lots, some of them held: still no room.
    world.answer(ResponseKind::Fill, &first, 150, 50);
    assert_eq!(world.judged(Bid, 9_998, 1), Err(Reason::Position));
    // Long 150 with 150 open: sells may be 450 in all.
    assert_eq!(world.judged(Ask, 10_003, 451), Err(Reason::Position));
    world.sent(Ask, 10_003, 450);
    // 100 lots cancelled leave room for 100.
    world.answer(ResponseKind::Cancelled, &second, 100, 0);
    assert_eq!(world.judged(Bid, 9_998, 101), Err(Reason::Position));
    assert_eq!(world.judged(Bid, 9_998, 100), Ok(()));
}

#[test]
fn control_8_a_replacement_in_flight_counts_with_the_larger_of_old_and_new() {
    let mut world = narrowed(|limits| limits.instrument.position_max_lots = 300);
    let old = world.sent(Bid, 10_000, 200);
    let smaller = world.replace(&old, 10_000, 50);
    assert_eq!(world.check(&smaller), Ok(()));
    assert_eq!(world.gate.open_qty(ONE, Bid), 200);
    assert_eq!(world.judged(Bid, 9_999, 101), Err(Reason::Position));
    world.answer(ResponseKind::Replaced, &smaller, 0, 50);
    assert_eq!(world.gate.open_qty(ONE, Bid), 50);
    let larger = world.replace(&smaller, 10_000, 301);
    assert_eq!(world.check(&larger), Err(Reason::Position));
    let larger = world.replace(&smaller, 10_000, 300);
    assert_eq!(world.check(&larger), Ok(()));
    assert_eq!(world.gate.open_qty(ONE, Bid), 300);
    world.answer(ResponseKind::CancelRejected, &larger, 0, 0);
    assert_eq!(world.gate.open_qty(ONE, Bid), 50);
}

#[test]
fn control_8_a_position_of_the_opening_counts() {
    let mut world = narrowed(|limits| limits.instrument.position_max_lots = 300);
    let held = OpeningPosition {
        strategy: StrategyId(0),
        instrument: ONE,
        account: AccountId(7),
        qty_lots: -250,
        mark: Price::ZERO,
    };
    world.gate.restore(&OpeningState { positions: vec![held], ..OpeningState::default() }).unwrap();
    assert_eq!(world.judged(Ask, 10_002, 51), Err(Reason::Position));
    assert_eq!(world.judged(Ask, 10_002, 50), Ok(()));
    assert_eq!(world.gate.position_of(AccountId(7), ONE), -250);
    let nobody = OpeningPosition { account: AccountId(8), ..held };
    let opening = OpeningState { positions: vec![nobody], ..OpeningState::default() };
    assert_eq!(world.gate.restore(&opening), Err(OpeningError::Account(AccountId(8))));
}

#[test]
fn control_9_gross_exposure_counts_open_orders_and_positions_at_their_mark() {
    let mut world = narrowed(|limits| limits.accounts[0].gross_exposure_max_ccy = 20_000);
    // 100 lots at 100.00: 10,000. A sell of the same size widens nothing, the position ends on one side only.
    let buy = world.sent(Bid, 10_000, 100);
    world.sent(Ask, 10_002, 99);
    assert_eq!(world.gate.exposure(AccountId(0)).unwrap().gross, usd(10_000));
    let mut other = world.order(Bid, 10_001, 100);
    other.header.instrument = 1;
    assert_eq!(world.check(&other), Err(Reason::AccountGross));
    let mut fits = world.order(Bid, 10_000, 100);
    fits.header.instrument = 1;
    assert_eq!(world.check(&fits), Ok(()));
    // Filled, the 100 lots count at the mid of 100.01; then at 110.00 where the market goes.
    world.answer(ResponseKind::Fill, &buy, 100, 0);
    assert_eq!(world.gate.exposure(AccountId(0)).unwrap().net, usd(10_001));
    world.gate.on_top(&top(0, 10_999, 11_001, START_NS));
    assert_eq!(world.gate.exposure(AccountId(0)).unwrap().net, usd(11_000));
    assert_eq!(world.gate.exposure(AccountId(0)).unwrap().gross, usd(21_000));
    // Over the limit by the market's move: what closes the position may still leave, what adds may not.
    assert_eq!(world.judged(Bid, 10_001, 1), Err(Reason::AccountGross));
    assert_eq!(world.judged(Ask, 11_002, 1), Ok(()));
}

#[test]
fn control_9_net_exposure_is_signed() {
    let mut world = narrowed(|limits| limits.accounts[0].net_exposure_max_ccy = 10_000);
    world.sent(Bid, 10_000, 100);
    assert_eq!(world.judged(Bid, 9_999, 1), Err(Reason::AccountNet));
    // The other direction has its own room: 99 lots at 100.02 are 9,901.98.
    world.sent(Ask, 10_002, 99);
    assert_eq!(world.judged(Ask, 10_003, 1), Err(Reason::AccountNet));
    // Another account is not touched by it.
    let order = OrderRecord { account: 7, ..world.order(Bid, 9_999, 1) };
    assert_eq!(world.check(&order), Ok(()));
}

#[test]
fn control_9_all_accounts_together_have_their_own_limits() {
    let mut world = narrowed(|limits| limits.total.gross_exposure_max_ccy = 20_000);
    world.sent(Bid, 10_000, 100);
    let second = OrderRecord { account: 7, ..world.order(Bid, 10_000, 101) };
    assert_eq!(world.check(&second), Err(Reason::TotalGross));
    let second = OrderRecord { account: 7, ..world.order(Bid, 10_000, 100) };
    assert_eq!(world.check(&second), Ok(()));
    assert_eq!(world.gate.exposure_total().open_buys, usd(20_000));

    let mut world = narrowed(|limits| limits.total.net_exposure_max_ccy = 20_000);
    world.sent(Bid, 10_000, 200);
    let second = OrderRecord { account: 7, ..world.order(Bid, 10_000, 1) };
    assert_eq!(world.check(&second), Err(Reason::TotalNet));
}

#[test]
fn control_9_everything_is_released_at_the_last_word() {
    let mut world = narrowed(|_| {});
    let ends =
        [(ResponseKind::Rejected, 0, 0), (ResponseKind::Cancelled, 100, 0), (ResponseKind::Cancelled, 0, 0)];
    for (kind, qty, leaves) in ends {
        let order = world.sent(Bid, 10_000, 100);
        world.answer(ResponseKind::Accepted, &order, 0, 100);
        assert_eq!(world.gate.exposure_total().open_buys, usd(10_000));
        world.answer(kind, &order, qty, leaves);
        assert_eq!(world.gate.exposure_total(), Default::default(), "{kind:?}");
        assert_eq!(world.gate.open_orders(), 0);
    }
}

#[test]
fn control_10_open_orders_and_open_lots_of_one_side_are_bounded() {
    let mut world = narrowed(|limits| {
        limits.instrument.open_orders_side_max_count = 2;
        limits.instrument.open_qty_side_max_lots = 150;
    });
    let first = world.sent(Bid, 10_000, 50);
    assert_eq!(world.judged(Bid, 9_999, 101), Err(Reason::OpenQuantity));
    world.sent(Bid, 9_999, 100);
    // A replacement is not one order more; the other side has its own count.
    let moved = world.replace(&first, 9_998, 50);
    assert_eq!(world.check(&moved), Ok(()));
    assert_eq!(world.judged(Ask, 10_002, 1), Ok(()));
    world.answer(ResponseKind::Replaced, &moved, 0, 50);
    world.answer(ResponseKind::Fill, &moved, 49, 1);
    assert_eq!(world.judged(Bid, 9_997, 1), Err(Reason::OpenOrders));
    world.answer(ResponseKind::Fill, &moved, 1, 0);
    assert_eq!(world.judged(Bid, 9_997, 1), Ok(()));
}

#[test]
fn control_10_the_gates_own_room_is_a_bound_too() {
    let mut world = World::with_capacity(&wide(), 2);
    world.sent(Bid, 10_000, 1);
    world.sent(Bid, 9_999, 1);
    assert_eq!(world.judged(Bid, 9_998, 1), Err(Reason::Capacity));
}

#[test]
fn control_11_an_order_that_would_meet_our_own_is_refused() {
    let mut world = narrowed(|_| {});
    let ask = world.sent(Ask, 10_005, 1);
    world.sent(Ask, 10_007, 1);
    assert_eq!(world.judged(Bid, 10_004, 1), Ok(()));
    assert_eq!(world.judged(Bid, 10_005, 1), Err(Reason::SelfTrade));
    // While it moves, both prices count: 10,004 in flight is met, and 10,005 until the venue has moved it.
    let moved = world.replace(&ask, 10_006, 1);
    assert_eq!(world.check(&moved), Ok(()));
    assert_eq!(world.judged(Bid, 10_005, 1), Err(Reason::SelfTrade));
    world.answer(ResponseKind::Replaced, &moved, 0, 1);
    assert_eq!(world.judged(Bid, 10_005, 1), Ok(()));
    assert_eq!(world.judged(Bid, 10_006, 1), Err(Reason::SelfTrade));
    // Gone, the next own price is the one behind.
    world.answer(ResponseKind::Cancelled, &moved, 1, 0);
    assert_eq!(world.judged(Bid, 10_007, 1), Err(Reason::SelfTrade));
    assert_eq!(world.judged(Bid, 10_006, 1), Ok(()));
    assert_eq!(world.judged(Ask, 10_006, 1), Err(Reason::SelfTrade));
}

#[test]
fn control_13_the_strictest_state_of_all_scopes_counts() {
    let scopes =
        [Scope::All, Scope::Instrument(ONE), Scope::Strategy(StrategyId(0)), Scope::Venue(VenueId(0))];
    for scope in scopes {
        let mut world = narrowed(|_| {});
        let resting = world.sent(Bid, 10_000, 10);
        for (state, expected) in [
            (TradingState::Halted, Err(Reason::Halted)),
            (TradingState::CancelOnly, Err(Reason::CancelOnly)),
            (TradingState::ReduceOnly, Err(Reason::ReduceOnly)),
            (TradingState::Active, Ok(())),
        ] {
            world.gate.on_control(&trading_state_record(scope, state));
            assert_eq!(world.judged(Bid, 9_999, 1), expected, "{scope:?}");
            let cancel = world.cancel(&resting);
            assert_eq!(world.check(&cancel), Ok(()), "a cancel passes in {state:?}");
        }
    }
}

#[test]
fn control_13_a_state_of_another_scope_does_not_matter() {
    let mut world = narrowed(|_| {});
    for scope in
        [Scope::Instrument(InstrumentId(1)), Scope::Strategy(StrategyId(1)), Scope::Venue(VenueId(1))]
    {
        world.gate.on_control(&trading_state_record(scope, TradingState::Halted));
    }
    assert_eq!(world.judged(Bid, 10_000, 1), Ok(()));
}

#[test]
fn control_13_a_state_of_a_scope_that_is_not_there_restricts_all_and_frees_none() {
    let mut world = narrowed(|_| {});
    let nowhere = Scope::Instrument(InstrumentId(99));
    world.gate.on_control(&trading_state_record(nowhere, TradingState::CancelOnly));
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::CancelOnly));
    world.gate.on_control(&trading_state_record(nowhere, TradingState::Active));
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::CancelOnly));
}

#[test]
fn control_13_reduce_only_lets_through_what_can_only_reduce() {
    let mut world = narrowed(|_| {});
    let held = OpeningPosition {
        strategy: StrategyId(0),
        instrument: ONE,
        account: AccountId(0),
        qty_lots: 100,
        mark: Price::ZERO,
    };
    world.gate.restore(&OpeningState { positions: vec![held], ..OpeningState::default() }).unwrap();
    world.gate.on_control(&trading_state_record(Scope::All, TradingState::ReduceOnly));
    assert_eq!(world.judged(Ask, 10_002, 101), Err(Reason::ReduceOnly));
    assert_eq!(world.judged(Ask, 10_002, 60), Ok(()));
    assert_eq!(world.judged(Ask, 10_003, 41), Err(Reason::ReduceOnly));
    assert_eq!(world.judged(Ask, 10_003, 40), Ok(()));
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::ReduceOnly));
}

#[test]
fn control_13_an_order_that_says_reduce_only_is_taken_at_its_word() {
    let mut world = narrowed(|_| {});
    let order = OrderRecord { reduce_only: 1, ..world.order(Ask, 10_002, 1) };
    assert_eq!(world.check(&order), Err(Reason::ReduceOnly));
}

#[test]
fn control_14_an_old_stale_crossed_or_misdated_book_stops_orders_but_no_cancel() {
    let good = top(0, 10_000, 10_002, START_NS);
    let cases = [
        (TopOfBook { stale: 1, ..good }, Err(Reason::BookStale)),
        (TopOfBook { ask_px: good.bid_px, ..good }, Err(Reason::BookCrossed)),
        (TopOfBook { ts_recv_ns: START_NS - 1000 * MS, ts_venue_ns: START_NS - 1000 * MS, ..good }, Ok(())),
        (
            TopOfBook { ts_recv_ns: START_NS - 1000 * MS - 1, ts_venue_ns: START_NS - 1000 * MS, ..good },
            Err(Reason::BookAge),
        ),
        (TopOfBook { ts_venue_ns: START_NS - 50 * MS, ..good }, Ok(())),
        (TopOfBook { ts_venue_ns: START_NS - 50 * MS - 1, ..good }, Err(Reason::ClockDifference)),
        (TopOfBook { ts_venue_ns: START_NS + 50 * MS + 1, ..good }, Err(Reason::ClockDifference)),
        (
            TopOfBook { ts_recv_ns: START_NS + 50 * MS + 1, ts_venue_ns: START_NS + 50 * MS, ..good },
            Err(Reason::ClockDifference),
        ),
        (good, Ok(())),
    ];
    let mut world = narrowed(|_| {});
    let resting = world.sent(Bid, 9_000, 1);
    for (book, expected) in cases {
        world.gate.on_top(&book);
        assert_eq!(world.judged(Bid, 10_000, 1), expected, "{book:?}");
        let cancel = world.cancel(&resting);
        assert_eq!(world.check(&cancel), Ok(()));
    }
}

#[test]
fn control_14_an_instrument_never_heard_of_is_stale() {
    let shares = InstrumentTable::new(vec![Instrument::us_equity("AAA")]).unwrap();
    let mut world = narrowed(|_| {});
    world.gate = Gate::new(&wide(), &shares, 4).unwrap();
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::BookStale));
}

#[test]
fn control_15_only_phases_the_limits_allow_are_traded_in() {
    let phases =
        [Phase::Unknown, Phase::PreOpen, Phase::Continuous, Phase::Auction, Phase::Halted, Phase::Closed];
    for (allowed, passing) in [
        (vec!["continuous"], vec![Phase::Continuous]),
        (vec!["pre-open", "auction"], vec![Phase::PreOpen, Phase::Auction]),
    ] {
        let mut world = narrowed(|limits| {
            limits.market.phases_allowed = allowed.into_iter().map(str::to_owned).collect();
        });
        for phase in phases {
            world.gate.on_top(&TopOfBook { phase: phase as u8, ..top(0, 10_000, 10_002, START_NS) });
            let expected = if passing.contains(&phase) { Ok(()) } else { Err(Reason::Phase) };
            assert_eq!(world.judged(Bid, 10_000, 1), expected, "{phase:?}");
        }
    }
}

#[test]
fn control_18_a_kill_stops_orders_lets_every_cancel_pass_and_holds_until_both_words() {
    let mut world = narrowed(|limits| {
        limits.session.cancel_burst_count = 1;
        limits.session.cancel_rate_per_s = 1;
        limits.session.cancel_reserve_count = 1;
    });
    let orders = [10_000, 9_999, 9_998, 9_997, 9_996].map(|cents| world.sent(Bid, cents, 1));
    while {
        let cancel = world.cancel(&orders[0]);
        world.check(&cancel).is_ok()
    } {}
    world.gate.on_control(&control_record(ControlCode::Kill, 0));
    assert!(world.gate.is_killed() && !world.gate.is_kill_proven());
    assert_eq!(world.judged(Bid, 9_990, 1), Err(Reason::Killed));
    let replace = world.replace(&orders[0], 9_990, 1);
    assert_eq!(world.check(&replace), Err(Reason::Killed));
    for order in &orders {
        let cancel = world.cancel(order);
        assert_eq!(world.check(&cancel), Ok(()), "rate and reserve were spent before the kill");
    }
    world.gate.on_control(&control_record(ControlCode::RearmRequest, 9));
    world.gate.on_control(&control_record(ControlCode::RearmConfirm, 9));
    assert!(world.gate.is_killed(), "orders are open");
    for order in &orders {
        assert!(!world.gate.is_kill_proven());
        world.answer(ResponseKind::Cancelled, order, 1, 0);
    }
    assert!(world.gate.is_kill_proven());
    world.gate.on_control(&control_record(ControlCode::RearmConfirm, 8));
    assert!(world.gate.is_killed(), "another argument");
    world.gate.on_control(&control_record(ControlCode::RearmConfirm, 9));
    assert!(!world.gate.is_killed());
    assert_eq!(world.judged(Bid, 9_990, 1), Ok(()));
}

#[test]
fn nonsense_is_refused_by_name() {
    let mut world = narrowed(|_| {});
    let order = world.sent(Bid, 10_000, 10);
    let mut nowhere = world.order(Bid, 10_000, 1);
    nowhere.header.instrument = 2;
    assert_eq!(world.check(&nowhere), Err(Reason::UnknownInstrument));
    for route in [
        OrderRecord { account: 1, ..world.order(Bid, 10_000, 1) },
        OrderRecord { session: 16, ..world.order(Bid, 10_000, 1) },
        OrderRecord { strategy: 256, ..world.order(Bid, 10_000, 1) },
        OrderRecord { venue: 64, ..world.order(Bid, 10_000, 1) },
    ] {
        assert_eq!(world.check(&route), Err(Reason::UnknownRoute));
    }
    let of_nothing = OrderRecord { orig_client_id: 77, ..world.cancel(&order) };
    assert_eq!(world.check(&of_nothing), Err(Reason::UnknownOrder));
    let other_side = OrderRecord { side: Ask as u8, ..world.replace(&order, 10_005, 10) };
    assert_eq!(world.check(&other_side), Err(Reason::ReplaceMismatch));
    let first = world.replace(&order, 9_999, 10);
    assert_eq!(world.check(&first), Ok(()));
    let second = world.replace(&order, 9_998, 10);
    assert_eq!(world.check(&second), Err(Reason::ReplaceInFlight));
    let cancel = world.cancel(&first);
    assert_eq!(world.check(&cancel), Ok(()), "the replacement may be cancelled before it is acknowledged");
}

#[test]
fn refusals_are_counted_by_reason_and_action() {
    use tickrace_types::Action::{Cancel, New, Replace};
    let mut world = narrowed(|limits| limits.instrument.order_qty_max_lots = 10);
    let order = world.sent(Bid, 10_000, 10);
    let replace = world.replace(&order, 10_000, 11);
    assert_eq!(world.check(&replace), Err(Reason::OrderQuantity));
    assert_eq!(world.judged(Bid, 10_000, 11), Err(Reason::OrderQuantity));
    let cancel = world.cancel(&order);
    assert_eq!(world.check(&cancel), Ok(()));
    let counts = world.gate.counts();
    assert_eq!((counts.passed(New), counts.passed(Replace), counts.passed(Cancel)), (1, 0, 1));
    assert_eq!(counts.refused(Reason::OrderQuantity, New), 1);
    assert_eq!(counts.refused(Reason::OrderQuantity, Replace), 1);
    assert_eq!(counts.refusals().collect::<Vec<_>>(), [(Reason::OrderQuantity, 2)]);
    assert_eq!((counts.passed_total(), counts.refused_total()), (2, 2));
}

#[test]
fn a_fill_after_the_cancel_was_reported_is_still_reserved_until_it_comes() {
    let mut world = narrowed(|limits| limits.instrument.position_max_lots = 100);
    let order = world.sent(Bid, 10_000, 100);
    // The venue took 60 off, so 40 have traded though we have not heard of it.
    world.answer(ResponseKind::Cancelled, &order, 60, 0);
    assert_eq!(world.gate.open_qty(ONE, Bid), 40);
    assert_eq!(world.judged(Bid, 9_999, 61), Err(Reason::Position));
    world.answer(ResponseKind::Fill, &order, 40, 0);
    assert_eq!((world.gate.position(ONE), world.gate.open_orders()), (40, 0));
    // A fill nobody can owe moves the position all the same, and is counted.
    world.answer(ResponseKind::Fill, &order, 5, 0);
    assert_eq!((world.gate.position(ONE), world.gate.counts().fills_late), (45, 1));
    assert_eq!(world.gate.counts().fills_unmatched, 0);
}

#[test]
fn a_replacement_that_would_leave_nothing_is_cancelled_by_the_venue_under_the_old_number() {
    let mut world = narrowed(|_| {});
    let order = world.sent(Bid, 10_000, 100);
    let smaller = world.replace(&order, 10_000, 50);
    assert_eq!(world.check(&smaller), Ok(()));
    world.answer(ResponseKind::Fill, &order, 50, 50);
    world.answer(ResponseKind::Cancelled, &order, 50, 0);
    assert_eq!((world.gate.open_orders(), world.gate.position(ONE)), (0, 50));
    assert_eq!(world.gate.exposure_total().open_buys, Cash::ZERO);
    assert_eq!(world.judged(Ask, 10_000, 1), Ok(()), "no price of it is left behind");
}

#[test]
fn refusals_of_the_gate_itself_change_nothing() {
    let mut world = narrowed(|_| {});
    let order = world.sent(Bid, 10_000, 100);
    world.answer(ResponseKind::GateRefused, &order, 100, 0);
    assert_eq!(world.gate.open_orders(), 1);
}

/// An order of another type, its trigger in cents.
fn typed(order: OrderRecord, order_type: OrderType, trigger: i64) -> OrderRecord {
    let price = if order_type.has_limit() { order.price } else { 0 };
    OrderRecord { order_type: order_type as u8, trigger_price: trigger * CENT, price, ..order }
}

#[test]
fn a_stop_is_judged_at_its_trigger_and_one_that_is_reached_is_a_market_order() {
    let mut limits = wide();
    // Five per cent of a middle of 100.01: from 95.0095 to 105.0105.
    limits.instrument.price_collar_bps = 500;
    limits.instrument.order_notional_max_ccy = 10_800;
    let mut world = World::new(&limits);
    let mut judged = |side, trigger, qty| {
        let order = world.order(side, 0, qty);
        world.check(&typed(order, OrderType::Stop, trigger))
    };
    assert_eq!(judged(Side::Bid, 10_001, 1), Err(Reason::NoLimitPrice));
    assert_eq!(judged(Side::Bid, 10_502, 1), Err(Reason::PriceCollar));
    assert_eq!(judged(Side::Bid, 10_501, 1), Ok(()));
    assert_eq!(judged(Side::Ask, 10_002, 1), Err(Reason::NoLimitPrice));
    assert_eq!(judged(Side::Ask, 9_500, 1), Err(Reason::PriceCollar));
    // A hundred bought at 103 can cost 108.15 each, sold at 98 they bring no more than 98.
    assert_eq!(judged(Side::Bid, 10_300, 100), Err(Reason::OrderNotional));
    assert_eq!(judged(Side::Bid, 10_200, 100), Ok(()));
    assert_eq!(judged(Side::Ask, 9_800, 110), Ok(()));
}

#[test]
fn a_trailing_stop_is_judged_where_its_trigger_is_now_and_a_peg_at_its_limit() {
    let mut limits = wide();
    limits.instrument.price_collar_bps = 500;
    let mut world = World::new(&limits);
    let mut judged = |side, cents, order_type, trigger| {
        let order = world.order(side, cents, 10);
        world.check(&typed(order, order_type, trigger))
    };
    assert_eq!(judged(Side::Ask, 0, OrderType::TrailingStop, 500), Ok(()));
    assert_eq!(judged(Side::Ask, 0, OrderType::TrailingStop, 501), Err(Reason::PriceCollar));
    assert_eq!(judged(Side::Ask, 0, OrderType::TrailingStop, 0), Err(Reason::OrderTerms));
    assert_eq!(judged(Side::Bid, 10_501, OrderType::Pegged, -3), Ok(()));
    assert_eq!(judged(Side::Bid, 10_502, OrderType::Pegged, -3), Err(Reason::PriceCollar));
    assert_eq!(judged(Side::Bid, 10_300, OrderType::StopLimit, 10_200), Ok(()));
    assert_eq!(judged(Side::Bid, 10_502, OrderType::StopLimit, 10_200), Err(Reason::PriceCollar));
}

#[test]
fn a_waiting_stop_blocks_no_order_of_ours_and_a_triggered_stop_limit_does() {
    let mut world = World::new(&wide());
    let order = world.order(Side::Ask, 9_980, 10);
    let stop = typed(order, OrderType::StopLimit, 9_990);
    assert_eq!(world.check(&stop), Ok(()));
    // A bid at a hundred would trade with a sale at 99.80, which does not rest.
    let bid = world.sent(Side::Bid, 10_000, 10);
    world.answer(ResponseKind::Triggered, &stop, 0, 10);
    assert_eq!(world.judged(Side::Bid, 10_000, 10), Err(Reason::SelfTrade));
    assert_eq!(world.judged(Side::Bid, 9_979, 10), Ok(()));
    // Replaced it is judged like what it is now.
    let replace = world.replace(&stop, 9_999, 10);
    assert_eq!(world.check(&replace), Err(Reason::SelfTrade));
    world.answer(ResponseKind::Cancelled, &stop, 10, 0);
    assert_eq!(world.judged(Side::Bid, 10_000, 10), Ok(()));
    world.answer(ResponseKind::Cancelled, &bid, 10, 0);
    assert_eq!(world.gate.open_qty(InstrumentId(0), Side::Ask), 0);
}

#[test]
fn hidden_lots_and_lots_that_wait_count_like_others() {
    let mut limits = wide();
    limits.instrument.open_qty_side_max_lots = 30;
    let mut world = World::new(&limits);
    let order = world.order(Side::Bid, 10_000, 10);
    assert_eq!(world.check(&OrderRecord { display_qty: 1, ..order }), Ok(()));
    let order = world.order(Side::Bid, 10_000, 10);
    assert_eq!(world.check(&OrderRecord { display_qty: OrderRecord::SHOW_NONE, ..order }), Ok(()));
    let order = world.order(Side::Bid, 0, 10);
    assert_eq!(world.check(&typed(order, OrderType::Stop, 10_100)), Ok(()));
    assert_eq!(world.judged(Side::Bid, 10_000, 1), Err(Reason::OpenQuantity));
}

#[test]
fn what_makes_no_sense_or_is_off_the_grid_does_not_leave() {
    let mut world = World::new(&wide());
    let mut judged = |change: &dyn Fn(OrderRecord) -> OrderRecord| {
        let order = world.order(Side::Bid, 10_000, 10);
        world.check(&change(order))
    };
    let nonsense: [&dyn Fn(OrderRecord) -> OrderRecord; 9] = [
        &|order| OrderRecord { order_type: 7, ..order },
        &|order| OrderRecord { tif: 7, ..order },
        &|order| OrderRecord { stp: 4, ..order },
        &|order| OrderRecord { peg: 1, ..order },
        &|order| OrderRecord { trigger: 1, ..order },
        &|order| OrderRecord { trigger_price: CENT, ..order },
        &|order| OrderRecord { expire_ns: 5, ..order },
        &|order| OrderRecord { tif: tickrace_types::TimeInForce::Gtd as u8, ..order },
        &|order| OrderRecord { order_type: 6, tif: 1, ..order },
    ];
    for change in nonsense {
        assert_eq!(judged(change), Err(Reason::OrderTerms));
    }
    let off = |order: OrderRecord| OrderRecord { trigger_price: 10_100 * CENT + 1, ..order };
    assert_eq!(judged(&|order| off(typed(order, OrderType::Stop, 0))), Err(Reason::OffTick));
    assert_eq!(judged(&|order| OrderRecord { stp: 3, ..order }), Ok(()));
}

#[test]
fn a_replacement_keeps_the_type_of_its_order() {
    let mut world = World::new(&wide());
    let limit = world.sent(Side::Bid, 10_000, 10);
    let replace = world.replace(&limit, 10_000, 5);
    let as_stop = typed(replace, OrderType::Stop, 10_100);
    assert_eq!(world.check(&as_stop), Err(Reason::ReplaceMismatch));
    let replace = world.replace(&limit, 10_000, 5);
    let timed = OrderRecord { tif: tickrace_types::TimeInForce::Gtc as u8, ..replace };
    assert_eq!(world.check(&timed), Err(Reason::ReplaceMismatch));
}

#[test]
fn a_mass_cancel_costs_one_cancel_and_nothing_else_stops_it() {
    let mut limits = wide();
    limits.session.cancel_burst_count = 1;
    limits.session.cancel_reserve_count = 1;
    limits.session.cancel_rate_per_s = 1;
    let mut world = World::new(&limits);
    let order = world.sent(Side::Bid, 10_000, 10);
    let all = |world: &mut World| {
        let cancel = world.cancel(&order);
        let action = tickrace_types::Action::MassCancel as u8;
        let mut all = OrderRecord { action, orig_client_id: 0, ..cancel };
        all.header.instrument = u32::MAX;
        world.check(&all)
    };
    // One of the burst, one of the reserve.
    assert_eq!([all(&mut world), all(&mut world)], [Ok(()); 2]);
    assert_eq!(all(&mut world), Err(Reason::CancelRate));
    assert_eq!(world.gate.counts().passed(tickrace_types::Action::MassCancel), 2);
    // It is open until the venue says that it is not.
    assert_eq!(world.gate.open_orders(), 1);
    world.answer(ResponseKind::Cancelled, &order, 10, 0);
    assert_eq!(world.gate.open_orders(), 0);
}

#[test]
fn an_inverse_contract_is_held_to_what_its_lots_stand_for_whatever_the_price() {
    let mut limits = wide();
    limits.instrument.order_notional_max_ccy = 1_000;
    limits.total.gross_exposure_max_ccy = 1_500;
    limits.total.net_exposure_max_ccy = 1_500;
    let contract = Instrument {
        settlement: tickrace_types::instrument::Settlement::Inverse,
        multiplier_nanos: 100 * 1_000_000_000,
        ..Instrument::us_equity("AAA")
    };
    let table = InstrumentTable::new(vec![contract]).unwrap();
    let mut world = World::new(&wide());
    world.gate = Gate::new(&limits, &table, 64).unwrap();
    world.gate.on_top(&top(0, 10_000, 10_002, START_NS));
    // Lots of 100 dollars: ten are 1,000 dollars, be the price 100 or 50.
    assert_eq!(world.judged(Side::Bid, 10_000, 11), Err(Reason::OrderNotional));
    assert_eq!(world.judged(Side::Bid, 5_000, 11), Err(Reason::OrderNotional));
    let bought = world.sent(Side::Bid, 10_000, 10);
    assert_eq!(world.judged(Side::Bid, 5_000, 6), Err(Reason::TotalGross));
    world.answer(ResponseKind::Fill, &bought, 10, 0);
    assert_eq!(world.gate.exposure_total().gross.to_string(), "1000.00");
    // The mark doubles, the exposure stands.
    world.gate.on_top(&top(0, 20_000, 20_002, START_NS));
    assert_eq!(world.gate.exposure_total().gross.to_string(), "1000.00");
    assert_eq!(world.judged(Side::Bid, 20_000, 6), Err(Reason::TotalGross));
    assert_eq!(world.judged(Side::Bid, 20_000, 5), Ok(()));
}
