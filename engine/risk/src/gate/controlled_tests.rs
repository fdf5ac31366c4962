//! Every control beside the single order stops one by its own reason, says so in a record, and lets go as it should.

use proptest::prelude::*;
use tickrace_types::Side::{Ask, Bid};
use tickrace_types::event::ControlCode;
use tickrace_types::{
    AccountId, Action, InstrumentId, InstrumentTable, MarketRecord, OrderRecord, Price, ResponseKind,
    ResponseRecord, Side, StrategyId, TopOfBook, VenueId,
};

use super::fixture::{CENT, MS, START_NS, World, response, top, wide};
use crate::controls::{
    Cause, ClockConfig, ControlsConfig, EquityConfig, ExecutionsConfig, LimitKey, LossConfig,
    OrderRatioConfig, StartConfig, UnknownOrdersConfig, executions_confirmed_record, exits_allowed_record,
    limits_record, override_record, rearm_record, start, verdict_record,
};
use crate::limits::ShortSaleLimits;
use crate::opening::{OpeningPosition, OpeningState};
use crate::state::control_record;
use crate::{Gate, Limits, Reason, Scope, TradingState, trading_state_record};

const ONE: InstrumentId = InstrumentId(0);
const FIRST: Scope = Scope::Strategy(StrategyId(0));
const SECOND: Scope = Scope::Strategy(StrategyId(1));

fn controlled(change: impl FnOnce(&mut ControlsConfig)) -> World {
    let mut limits = wide();
    limits.controls.day_start_ms = Some(0);
    change(&mut limits.controls);
    let mut world = World::new(&limits);
    world.gate = world.gate.with_strategies(2);
    world
}

fn loss() -> LossConfig {
    LossConfig {
        daily_loss_max_ccy: 100,
        weekly_loss_max_ccy: 150,
        drawdown_max_ccy: 1_000,
        drawdown_cooldown_ms: 1_000,
        state: TradingState::ReduceOnly,
    }
}

impl World {
    /// What the gate has said since, released again at once as the sequencer would.
    fn heard(&mut self) -> Vec<MarketRecord> {
        let mut heard = Vec::new();
        while let Some(record) = self.gate.take_verdict() {
            self.say(record);
            heard.push(record);
        }
        heard
    }

    /// A control record, now.
    fn say(&mut self, mut record: MarketRecord) {
        record.header.ts_recv_ns = self.now_ns;
        self.gate.on_control(&record);
    }

    /// The timer fires after so many milliseconds, on a book that is as fresh.
    fn tick(&mut self, ms: i64, bid: i64, ask: i64) -> Vec<MarketRecord> {
        self.now_ns += ms * MS;
        for instrument in 0..2 {
            self.gate.on_top(&top(instrument, bid, ask, self.now_ns));
        }
        self.gate.on_timer(self.now_ns);
        self.heard()
    }

    /// A new order of a strategy, judged.
    fn judged_of(&mut self, strategy: u16, side: Side, cents: i64, qty: i64) -> Result<(), Reason> {
        self.now_ns += 2 * MS;
        let order = OrderRecord { strategy, ..self.order(side, cents, qty) };
        self.check(&order)
    }

    /// An order of a strategy that leaves and trades at once.
    fn trades(&mut self, strategy: u16, side: Side, cents: i64, qty: i64, fee_nanos: i64) {
        self.now_ns += 2 * MS;
        let order = OrderRecord { strategy, ..self.order(side, cents, qty) };
        assert_eq!(self.check(&order), Ok(()));
        let fill = ResponseRecord { fee_nanos, ..response(ResponseKind::Fill, &order, qty, 0) };
        self.hear(ResponseRecord { strategy, ..fill });
    }

    fn hear(&mut self, mut answer: ResponseRecord) {
        answer.header.ts_recv_ns = self.now_ns;
        self.gate.on_response(&answer);
    }

    /// Both words of an operator.
    fn rearm(&mut self, scope: Scope, cause: Cause) {
        self.say(rearm_record(false, scope, cause, 7));
        self.say(rearm_record(true, scope, cause, 7));
    }
}

fn is_verdict(record: &MarketRecord, scope: Scope, cause: Cause, state: TradingState) -> bool {
    let plain = verdict_record(scope, cause, state, record.price);
    *record == plain
}

#[test]
fn control_7_a_strategy_that_trades_too_often_is_off_at_once_until_a_person_has_looked() {
    let mut world = controlled(|controls| {
        let (executions_max_count, executions_window_ms) = (3, 100);
        controls.executions = Some(ExecutionsConfig {
            executions_max_count,
            executions_window_ms,
            state: TradingState::Halted,
        });
    });
    for _ in 0..2 {
        world.trades(1, Bid, 10_000, 1, 0);
    }
    assert_eq!(world.judged_of(1, Bid, 9_999, 1), Ok(()));
    world.trades(1, Bid, 10_000, 1, 0);
    // The verdict is on its way, and does not have to be waited for.
    assert_eq!(world.judged_of(1, Bid, 9_998, 1), Err(Reason::Executions));
    assert_eq!(world.judged_of(0, Bid, 9_998, 1), Ok(()), "another strategy");
    let heard = world.heard();
    assert!(heard.len() == 1 && is_verdict(&heard[0], SECOND, Cause::Executions, TradingState::Halted));
    world.now_ns += 1_000 * MS;
    world.gate.on_top(&top(0, 10_000, 10_002, world.now_ns));
    assert_eq!(world.judged_of(1, Bid, 9_998, 1), Err(Reason::Executions), "time alone does not help");
    world.say(executions_confirmed_record(SECOND));
    assert_eq!(world.judged_of(1, Bid, 9_998, 1), Ok(()));
    assert_eq!(world.gate.control_counts().imposed[Cause::Executions as usize], 1);
    assert_eq!(world.gate.counts().refused_for(Reason::Executions), 2);
}

#[test]
fn control_8_a_position_stays_within_its_share_of_the_equity() {
    let mut world = controlled(|controls| {
        controls.equity = Some(EquityConfig { opening_equity_ccy: 10_000, position_max_bps: 5_000 });
    });
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::EquityShare), "nobody knows the equity yet");
    world.tick(1, 10_000, 10_002);
    // Half of 10,000 is 5,000: 49 at 100.01.
    assert_eq!(world.judged(Bid, 10_000, 50), Err(Reason::EquityShare));
    assert_eq!(world.judged(Bid, 10_000, 49), Ok(()));
    let order = world.order(Bid, 10_000, 1);
    assert_eq!(world.check(&order), Err(Reason::EquityShare));
    let mut world = controlled(|controls| {
        controls.equity = Some(EquityConfig { opening_equity_ccy: 10_000, position_max_bps: 5_000 });
    });
    world.tick(1, 10_000, 10_002);
    world.trades(0, Bid, 10_000, 40, 0);
    // 40 lots fell by 50: equity 8,000, half of it is 80 lots at 50; 40 are held.
    world.tick(1, 4_999, 5_001);
    assert_eq!(world.judged(Bid, 5_000, 41), Err(Reason::EquityShare));
    assert_eq!(world.judged(Bid, 5_000, 40), Ok(()));
}

#[test]
fn control_16_a_days_loss_restricts_its_strategy_until_the_next_day() {
    let mut world = controlled(|controls| controls.loss = Some(loss()));
    world.trades(1, Bid, 10_000, 100, 500_000_000);
    // 100 bought at 100.00, marked at 99.01: -99.00, and a fee of 0.50.
    assert!(world.tick(1, 9_900, 9_902).is_empty());
    assert_eq!(world.judged_of(1, Bid, 9_900, 1), Ok(()));
    // A cent lower: -100.50.
    let heard = world.tick(1, 9_899, 9_901);
    assert_eq!(heard.len(), 1);
    assert!(is_verdict(&heard[0], SECOND, Cause::DailyLoss, TradingState::ReduceOnly));
    assert_eq!(heard[0].price, 100_500_000_000, "nano-units of the currency");
    assert_eq!(world.judged_of(1, Bid, 9_899, 1), Err(Reason::DailyLoss));
    assert_eq!(world.judged_of(0, Bid, 9_899, 1), Ok(()), "another strategy");
    assert_eq!(world.judged_of(1, Ask, 9_901, 60), Ok(()), "what reduces may leave");
    assert!(world.tick(1, 9_899, 9_901).is_empty(), "said once");
    let heard = world.tick(86_400_000, 9_899, 9_901);
    assert!(heard.len() == 1 && is_verdict(&heard[0], SECOND, Cause::DailyLoss, TradingState::Active));
    assert_eq!(world.judged_of(1, Bid, 9_899, 1), Ok(()));
}

#[test]
fn control_16_a_verdict_counts_when_its_record_comes_and_not_before() {
    let mut world = controlled(|controls| controls.loss = Some(loss()));
    world.trades(0, Bid, 10_000, 100, 0);
    world.now_ns += MS;
    world.gate.on_top(&top(0, 9_800, 9_802, world.now_ns));
    world.gate.on_timer(world.now_ns);
    assert_eq!(world.judged_of(0, Bid, 9_800, 1), Ok(()), "on its way");
    assert_eq!(world.heard().len(), 2, "the day's and the week's");
    assert_eq!(world.judged_of(0, Bid, 9_799, 1), Err(Reason::DailyLoss));
}

#[test]
fn control_16_a_drawdown_waits_for_its_pause_and_for_both_words() {
    let mut world = controlled(|controls| {
        let drawdown_max_ccy = 50;
        controls.loss_total = Some(LossConfig { drawdown_max_ccy, daily_loss_max_ccy: 1_000, ..loss() });
    });
    world.trades(0, Bid, 10_000, 100, 0);
    world.tick(1, 10_099, 10_101);
    // A hundred earned, fifty of it given back, forty of that to the other strategy's account.
    let heard = world.tick(1, 10_049, 10_051);
    assert!(heard.len() == 1 && is_verdict(&heard[0], Scope::All, Cause::Drawdown, TradingState::ReduceOnly));
    assert_eq!(world.judged_of(1, Bid, 10_000, 1), Err(Reason::Drawdown), "all strategies");
    world.rearm(Scope::All, Cause::Drawdown);
    assert_eq!(world.judged_of(1, Bid, 10_000, 1), Err(Reason::Drawdown), "too early");
    world.tick(1_000, 10_049, 10_051);
    world.say(rearm_record(true, Scope::All, Cause::DailyLoss, 7));
    world.say(rearm_record(true, Scope::All, Cause::Drawdown, 8));
    assert_eq!(
        world.judged_of(1, Bid, 10_000, 1),
        Err(Reason::Drawdown),
        "another control, another argument"
    );
    world.say(rearm_record(true, Scope::All, Cause::Drawdown, 7));
    assert_eq!(world.judged_of(1, Bid, 10_000, 1), Ok(()), "the first word still stands");
    // It counts from there: 49.99 more are allowed.
    assert!(world.tick(1, 10_000, 10_001).is_empty());
    assert_eq!(world.tick(1, 9_999, 10_001).len(), 1);
    assert_eq!(world.gate.control_counts().rearmed, 1);
    assert_eq!(world.gate.control_counts().ignored, 3);
}

#[test]
fn control_16_a_position_taken_over_earns_from_what_it_is_carried_at() {
    let mut world = controlled(|controls| controls.loss = Some(loss()));
    let held = OpeningPosition {
        instrument: ONE,
        account: AccountId(0),
        strategy: StrategyId(1),
        qty_lots: -100,
        mark: Price(10_000 * CENT),
    };
    world.gate.restore(&OpeningState { positions: vec![held], ..OpeningState::default() }).unwrap();
    // Short: a dollar up is a hundred lost.
    assert!(world.tick(1, 10_098, 10_100).is_empty());
    assert_eq!(world.tick(1, 10_099, 10_101).len(), 1);
}

#[test]
fn control_17_too_many_messages_for_what_traded_restrict_the_instrument() {
    let mut world = controlled(|controls| {
        controls.order_ratio = Some(OrderRatioConfig {
            messages_per_execution_max: 4,
            messages_min_count: 2,
            state: TradingState::CancelOnly,
        });
    });
    world.trades(0, Bid, 10_000, 1, 0);
    for cents in 1..=3 {
        assert_eq!(world.judged_of(0, Bid, 9_900 + cents, 1), Ok(()));
    }
    assert!(world.tick(1, 10_000, 10_002).is_empty(), "four messages, one execution");
    assert_eq!(world.judged_of(0, Bid, 9_904, 1), Ok(()));
    let heard = world.tick(1, 10_000, 10_002);
    let scope = Scope::Instrument(ONE);
    assert!(heard.len() == 1 && is_verdict(&heard[0], scope, Cause::OrderRatio, TradingState::CancelOnly));
    assert_eq!(heard[0].price, 5);
    assert_eq!(world.judged_of(0, Bid, 9_905, 1), Err(Reason::OrderRatio));
    let mut other = world.order(Bid, 9_906, 1);
    other.header.instrument = 1;
    assert_eq!(world.check(&other), Ok(()), "another instrument");
    world.rearm(scope, Cause::OrderRatio);
    assert_eq!(world.judged_of(0, Bid, 9_907, 1), Ok(()), "counted anew");
}

#[test]
fn control_21_an_order_in_doubt_stays_reserved_and_freezes_its_instrument_until_it_is_known() {
    let mut limits = wide();
    limits.instrument.position_max_lots = 100;
    limits.controls.unknown_orders = Some(UnknownOrdersConfig { unanswered_max_ms: 500 });
    let mut world = World::new(&limits);
    let lost = world.sent(Bid, 10_000, 60);
    let heard_of = world.sent(Bid, 9_999, 30);
    world.answer(ResponseKind::Accepted, &heard_of, 0, 30);
    assert!(world.tick(500, 10_000, 10_002).is_empty());
    let heard = world.tick(1, 10_000, 10_002);
    let scope = Scope::Instrument(ONE);
    assert!(heard.len() == 1 && is_verdict(&heard[0], scope, Cause::UnknownOrders, TradingState::CancelOnly));
    assert_eq!(world.judged(Ask, 10_003, 1), Err(Reason::UnknownOrders));
    // Not even an exit under halt: the position is not known.
    world.say(exits_allowed_record(Scope::All, i64::MAX));
    assert_eq!(world.judged(Ask, 10_003, 1), Err(Reason::UnknownOrders));
    // "No such order" from a network that is confused releases nothing.
    world.answer(ResponseKind::CancelRejected, &world_cancel(&lost), 0, 0);
    assert_eq!(world.gate.open_qty(ONE, Bid), 90);
    assert!(world.tick(1, 10_000, 10_002).is_empty());
    world.answer(ResponseKind::Fill, &lost, 60, 0);
    let heard = world.tick(1, 10_000, 10_002);
    assert!(heard.len() == 1 && is_verdict(&heard[0], scope, Cause::UnknownOrders, TradingState::Active));
    assert_eq!(world.gate.position(ONE), 60);
    assert_eq!(world.judged(Bid, 9_998, 11), Err(Reason::Position));
    assert_eq!(world.judged(Bid, 9_998, 10), Ok(()));
}

/// A cancel of an order, under a number of its own.
fn world_cancel(order: &OrderRecord) -> OrderRecord {
    OrderRecord { client_id: 1_000_000, orig_client_id: order.client_id, ..*order }
}

#[test]
fn control_25_a_clock_too_far_off_is_told_and_then_halts_until_it_is_near_again() {
    let mut world = controlled(|controls| {
        controls.clock = Some(ClockConfig { offset_warn_ms: 10, offset_halt_ms: 20 });
    });
    let late = |world: &mut World, ms: i64| {
        world.now_ns += MS;
        let book = TopOfBook { ts_venue_ns: world.now_ns - ms * MS, ..top(0, 10_000, 10_002, world.now_ns) };
        world.gate.on_top(&book);
        world.gate.on_timer(world.now_ns);
        world.heard()
    };
    assert!(late(&mut world, 10).is_empty());
    let warned = late(&mut world, 11);
    assert!(warned.len() == 1 && is_verdict(&warned[0], Scope::All, Cause::Clock, TradingState::Active));
    assert_eq!(world.judged(Bid, 10_000, 1), Ok(()));
    let halted = late(&mut world, 21);
    assert!(halted.len() == 1 && is_verdict(&halted[0], Scope::All, Cause::Clock, TradingState::Halted));
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::ClockOffset));
    assert!(late(&mut world, 15).is_empty(), "still worth a warning");
    assert_eq!(late(&mut world, 5).len(), 1);
    assert_eq!(world.judged(Bid, 10_000, 1), Ok(()));
    assert_eq!(world.gate.control_counts().clock_warnings, 1);
}

#[test]
fn control_26_nothing_leaves_before_every_condition_of_starting_holds() {
    let mut world = controlled(|controls| {
        controls.start = Some(StartConfig {
            feed_instruments_min_count: 2,
            approved_version: String::new(),
            approved_config_blake3: String::new(),
            statement_lots: Default::default(),
        });
    });
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::StartGuard));
    world.gate.on_top(&TopOfBook { stale: 1, ..top(1, 10_000, 10_002, world.now_ns) });
    world.gate.on_timer(world.now_ns);
    assert!(world.heard().is_empty(), "one healthy book of two");
    world.say(control_record(ControlCode::StartReady, start::ALL & !start::FEED & !start::RECONCILED));
    let heard = world.tick(1, 10_000, 10_002);
    assert_eq!((heard.len(), heard[0].order_ref), (1, start::FEED));
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::StartGuard), "not reconciled");
    world.say(control_record(ControlCode::StartReady, start::RECONCILED));
    assert_eq!(world.judged(Bid, 10_000, 1), Ok(()));
}

/// An exit is from a position that is known; one that the account's keeper contradicts is not.
#[test]
fn control_19_no_exit_leaves_while_the_position_is_not_reconciled() {
    let mut world = controlled(|controls| {
        controls.start = Some(StartConfig {
            feed_instruments_min_count: 1,
            approved_version: String::new(),
            approved_config_blake3: String::new(),
            statement_lots: Default::default(),
        });
    });
    let held = OpeningPosition {
        strategy: StrategyId(0),
        instrument: ONE,
        account: AccountId(0),
        qty_lots: 50,
        mark: Price(10_000 * CENT),
    };
    world.gate.restore(&OpeningState { positions: vec![held], ..OpeningState::default() }).unwrap();
    world.say(control_record(ControlCode::StartReady, start::ALL & !start::RECONCILED & !start::FEED));
    world.say(exits_allowed_record(Scope::All, i64::MAX));
    assert_eq!(world.judged(Ask, 10_002, 10), Err(Reason::StartGuard), "fifty, says nobody but us");
    world.say(control_record(ControlCode::StartReady, start::RECONCILED));
    assert_eq!(world.judged(Ask, 10_002, 10), Ok(()), "only the feed is not there yet");
    assert_eq!(world.judged(Bid, 10_000, 10), Err(Reason::StartGuard));
}

#[test]
fn control_27_a_machine_at_its_end_restricts_everything_until_it_has_room_again() {
    let mut world = controlled(|_| {});
    world.say(verdict_record(Scope::All, Cause::Resources, TradingState::CancelOnly, 5));
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::Resources));
    world.say(verdict_record(Scope::All, Cause::Resources, TradingState::Active, 500));
    assert_eq!(world.judged(Bid, 10_000, 1), Ok(()));
}

#[test]
fn control_19_what_surely_reduces_leaves_a_halt_where_an_operator_allows_it_and_as_long() {
    let mut world = controlled(|_| {});
    world.trades(0, Bid, 10_000, 50, 0);
    world.say(trading_state_record(Scope::All, TradingState::Halted));
    assert_eq!(world.judged(Ask, 10_002, 50), Err(Reason::Halted));
    let until_ns = world.now_ns + 10 * MS;
    world.say(exits_allowed_record(Scope::Instrument(ONE), until_ns));
    assert_eq!(world.judged(Ask, 10_002, 51), Err(Reason::Halted));
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::Halted));
    assert_eq!(world.judged(Ask, 10_002, 30), Ok(()));
    assert_eq!(world.judged(Ask, 10_003, 21), Err(Reason::Halted), "together they would turn it");
    world.now_ns = until_ns;
    assert_eq!(world.judged(Ask, 10_003, 20), Err(Reason::Halted), "the time is over");
    world.say(exits_allowed_record(Scope::All, until_ns + 10 * MS));
    assert_eq!(world.judged(Ask, 10_003, 20), Ok(()));
    // A kill is no halt.
    world.say(control_record(ControlCode::Kill, 0));
    assert_eq!(world.judged(Ask, 10_004, 1), Err(Reason::Killed));
}

/// AAA may be short by `located` lots, and what `restricted` names is not traded.
fn short_sale(located: i64, restricted: &[&str]) -> Option<ShortSaleLimits> {
    Some(ShortSaleLimits {
        located_lots: [("AAA".to_owned(), located), ("OTHER".to_owned(), 9)].into(),
        restricted_symbols: restricted.iter().map(|&symbol| symbol.to_owned()).collect(),
    })
}

#[test]
fn control_12_no_lot_is_sold_short_that_was_not_located_whatever_is_open() {
    let mut limits = wide();
    limits.short_sale = short_sale(30, &[]);
    let mut world = World::new(&limits);
    let long = world.sent(Bid, 10_000, 10);
    world.answer(ResponseKind::Accepted, &long, 10, 10);
    assert_eq!(world.judged(Ask, 10_003, 31), Err(Reason::ShortSale), "an open buy is no position yet");
    world.answer(ResponseKind::Fill, &long, 10, 0);
    let first = world.sent(Ask, 10_003, 35);
    assert_eq!(world.judged(Ask, 10_004, 6), Err(Reason::ShortSale));
    let more = world.replace(&first, 10_003, 41);
    assert_eq!(world.check(&more), Err(Reason::ShortSale), "a replacement is no way around");
    assert_eq!(world.judged(Ask, 10_004, 5), Ok(()), "30 short at worst");
    assert_eq!(world.judged(Bid, 10_000, 500), Ok(()), "buying is not its business");
    // Nobody located any of the other share, so what is held may be sold and no more.
    let mut other = world.order(Ask, 10_002, 1);
    other.header.instrument = 1;
    assert_eq!(world.check(&other), Err(Reason::ShortSale));
    let refused = |action| world.gate.counts().refused(Reason::ShortSale, action);
    assert_eq!((refused(Action::New), refused(Action::Replace)), (3, 1));
}

#[test]
fn control_12_a_restricted_share_is_not_traded_and_leaves_only_where_an_operator_says_so() {
    let mut limits = wide();
    limits.short_sale = short_sale(0, &["AAA", "UNKNOWN"]);
    let mut world = World::new(&limits);
    assert!(world.heard().is_empty(), "it began so");
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::RestrictedList));
    let mut other = world.order(Bid, 10_000, 1);
    other.header.instrument = 1;
    assert_eq!(world.check(&other), Ok(()));
    world.say(trading_state_record(Scope::Instrument(ONE), TradingState::Active));
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::RestrictedList), "no state lifts it");
    let of_nobody = Scope::Instrument(InstrumentId(9));
    world.say(verdict_record(of_nobody, Cause::RestrictedList, TradingState::Active, 0));
    assert_eq!(world.gate.control_counts().ignored, 1, "an instrument nobody knows");
    let opening = OpeningState {
        positions: vec![OpeningPosition {
            account: AccountId(0),
            strategy: StrategyId(0),
            instrument: ONE,
            qty_lots: 5,
            mark: Price(10_000 * CENT),
        }],
        ..OpeningState::default()
    };
    world.gate.restore(&opening).unwrap();
    world.say(exits_allowed_record(Scope::Instrument(ONE), world.now_ns + MS));
    assert_eq!(world.judged(Ask, 10_002, 6), Err(Reason::RestrictedList));
    assert_eq!(world.judged(Ask, 10_002, 5), Ok(()));
}

#[test]
fn control_12_a_longer_list_and_a_smaller_locate_count_at_once_and_the_desk_is_told() {
    let mut first = wide();
    first.short_sale = short_sale(30, &["BBB"]);
    let mut later = first.clone();
    later.short_sale = short_sale(10, &["AAA"]);
    let mut world = reloadable(first.clone(), &later);
    let resting = world.sent(Ask, 10_003, 20);
    world.say(limits_record(false, 1));
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::RestrictedList));
    let told = world.heard();
    assert_eq!(told.len(), 1);
    assert_eq!(Scope::of(&told[0]), Some(Scope::Instrument(ONE)));
    assert_eq!(TradingState::from_code(told[0].order_ref), TradingState::Halted);
    let cancel = world.cancel(&resting);
    assert_eq!(world.check(&cancel), Ok(()));
    let mut other = world.order(Bid, 10_000, 1);
    other.header.instrument = 1;
    assert_eq!(world.check(&other), Err(Reason::RestrictedList), "the shorter half waits");
    world.say(limits_record(true, 1));
    let ended = world.heard();
    assert_eq!(ended.iter().map(|record| record.order_ref).collect::<Vec<_>>(), [0]);
    other.client_id += 1_000;
    assert_eq!(world.check(&other), Ok(()));
    // A verdict that comes late does not lift what the limits say by then.
    world.next_id += 2_000;
    world.say(limits_record(false, 0));
    world.say(ended[0]);
    let mut again = world.order(Bid, 9_999, 1);
    again.header.instrument = 1;
    assert_eq!(world.check(&again), Err(Reason::RestrictedList));

    // Limits that say nothing of it leave it as it is, and the tighter locate needs no second word.
    let mut silent = first.clone();
    silent.short_sale = None;
    let mut world = reloadable(first.clone(), &silent);
    world.say(limits_record(false, 1));
    world.say(limits_record(true, 1));
    assert_eq!(world.judged(Ask, 10_002, 31), Err(Reason::ShortSale));
    let mut fewer = first.clone();
    fewer.short_sale = short_sale(10, &["BBB"]);
    let mut world = reloadable(first, &fewer);
    world.say(limits_record(false, 1));
    assert_eq!(world.judged(Ask, 10_002, 11), Err(Reason::ShortSale));
    assert_eq!(world.judged(Ask, 10_002, 10), Ok(()));
}

#[test]
fn control_23_an_overridden_limit_is_itself_again_to_the_nanosecond() {
    let mut limits = wide();
    limits.instrument.position_max_lots = 100;
    limits.instrument.order_notional_max_ccy = 5_000;
    let mut world = World::new(&limits);
    let until_ns = world.now_ns + 5 * MS;
    world.say(override_record(ONE, LimitKey::Position, 150, until_ns));
    assert_eq!(world.judged(Bid, 10_000, 50), Ok(()));
    assert_eq!(world.judged(Bid, 10_001, 50), Err(Reason::OrderNotional), "that one is as it was");
    world.say(override_record(ONE, LimitKey::OrderNotional, 5_001, until_ns + 1));
    assert_eq!(world.judged(Bid, 10_001, 50), Ok(()));
    world.now_ns = until_ns - 1;
    assert_eq!(world.judged(Bid, 10_000, 50), Ok(()), "150 in all");
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::Position));
    world.now_ns = until_ns;
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::Position), "back at 100");
    assert_eq!(world.judged(Ask, 10_002, 50), Ok(()), "5,001 are still allowed");
    world.now_ns = until_ns + 1;
    assert_eq!(world.judged(Ask, 10_002, 50), Err(Reason::OrderNotional));
    // Nonsense changes nothing: no value, over already, an instrument nobody knows.
    world.say(override_record(ONE, LimitKey::Position, 0, i64::MAX));
    world.say(override_record(ONE, LimitKey::Position, 500, world.now_ns));
    world.say(override_record(InstrumentId(9), LimitKey::Position, 500, i64::MAX));
    assert_eq!(world.gate.control_counts().ignored, 3);
    assert_eq!(world.gate.control_counts().overridden, 2);
}

/// A world whose gate knows two versions of its limits.
fn reloadable(first: Limits, later: &Limits) -> World {
    let mut world = World::new(&first);
    let gate = std::mem::replace(&mut world.gate, World::new(&first).gate);
    world.gate = gate.with_limits_version(&first, later, 1).unwrap();
    world
}

#[test]
fn control_24_tighter_limits_count_at_once_and_looser_ones_once_confirmed() {
    let mut first = wide();
    first.instrument.position_max_lots = 100;
    first.instrument.order_qty_max_lots = 50;
    first.instrument.open_orders_side_max_count = 2;
    first.total.gross_exposure_max_ccy = 10_000;
    first.duplicate.duplicate_count_max = 14;
    let mut later = first.clone();
    later.instrument.position_max_lots = 60;
    later.instrument.order_qty_max_lots = 80;
    later.instrument.open_orders_side_max_count = 6;
    later.session.new_burst_count = 6;
    later.session.new_rate_per_s = 1;
    later.total.gross_exposure_max_ccy = 6_500;
    later.duplicate.duplicate_count_max = 1;
    let mut world = reloadable(first, &later);
    world.say(limits_record(false, 1));
    assert_eq!(world.judged(Bid, 10_000, 61), Err(Reason::OrderQuantity), "the looser half is not there yet");
    assert_eq!(world.judged(Bid, 10_000, 50), Ok(()));
    assert_eq!(world.judged(Bid, 10_000, 11), Err(Reason::Position));
    assert_eq!(world.judged(Bid, 9_999, 10), Ok(()));
    assert_eq!(world.judged(Ask, 10_003, 1), Ok(()));
    assert_eq!(world.judged(Ask, 10_003, 1), Err(Reason::Duplicate));
    world.say(limits_record(true, 2));
    assert_eq!(world.judged(Ask, 10_003, 61), Err(Reason::OrderQuantity), "that was not proposed");
    world.say(limits_record(true, 1));
    // 60 bought at worst for 5,999.90; 60 short at worst are 6,001 and a bit, within 6,500.
    assert_eq!(world.judged(Ask, 10_004, 59), Ok(()));
    assert_eq!(world.judged(Bid, 9_998, 1), Err(Reason::Position));
    let mut other = world.order(Bid, 10_000, 5);
    other.header.instrument = 1;
    assert_eq!(world.check(&other), Err(Reason::TotalGross));
    other.client_id += 1_000;
    other.qty = 1;
    world.next_id += 1_000;
    assert_eq!(world.check(&other), Ok(()));
    let mut other = world.order(Bid, 9_999, 1);
    other.header.instrument = 1;
    assert_eq!(world.check(&other), Ok(()), "the sixth");
    let mut other = world.order(Bid, 9_998, 1);
    other.header.instrument = 1;
    assert_eq!(world.check(&other), Err(Reason::NewRate));
}

/// A limit is 100, overridden with 150; limits with 60 are proposed: sixty count, at once. Where a proposal says nothing new of
/// a limit, or an override is the tighter of both, that one stays.
#[test]
fn control_24_what_is_tighter_counts_at_once_in_place_of_an_override_too() {
    let mut first = wide();
    (first.instrument.position_max_lots, first.instrument.order_qty_max_lots) = (100, 100);
    let mut later = first.clone();
    later.instrument.position_max_lots = 60;
    let overridden = |key: LimitKey, lots: i64| {
        let mut world = reloadable(first.clone(), &later);
        world.say(override_record(ONE, LimitKey::OrderQty, 120, i64::MAX));
        world.say(override_record(ONE, key, lots, i64::MAX));
        world.say(limits_record(false, 1));
        world
    };
    let mut world = overridden(LimitKey::Position, 150);
    assert_eq!(world.judged(Bid, 10_000, 121), Err(Reason::OrderQuantity), "that override is untouched");
    assert_eq!(world.judged(Bid, 10_000, 120), Err(Reason::Position));
    assert_eq!(world.judged(Bid, 10_000, 61), Err(Reason::Position));
    assert_eq!(world.judged(Bid, 10_000, 60), Ok(()));
    let mut world = overridden(LimitKey::Position, 20);
    assert_eq!(world.judged(Bid, 10_000, 21), Err(Reason::Position), "a proposal loosens nothing");
    assert_eq!(world.judged(Bid, 10_000, 20), Ok(()));
}

#[test]
fn control_24_nonsense_is_refused_before_it_can_be_proposed() {
    let first = wide();
    let gate = || World::new(&first).gate;
    let mut later = first.clone();
    later.instrument.position_max_lots = 0;
    let error = gate().with_limits_version(&first, &later, 1).unwrap_err();
    assert!(error.to_string().contains("position_max_lots"), "{error}");
    let mut later = first.clone();
    later.controls.clock = Some(ClockConfig { offset_warn_ms: 1, offset_halt_ms: 1 });
    assert!(gate().with_limits_version(&first, &later, 1).unwrap_err().to_string().contains("controls"));
}

#[test]
fn a_control_stated_in_part_or_to_impose_nothing_is_refused_by_name() {
    let whole = include_str!("../../../../configs/limits/us_equity_guarded.toml");
    let read = |text: &str| -> Result<(), String> {
        let limits: Limits = toml::from_str(text).map_err(|error| error.to_string())?;
        limits.validate().map_err(|error| error.to_string())
    };
    read(whole).unwrap();
    let controls = whole.find("[controls]").unwrap();
    let mut keys = 0;
    for line in whole[controls..].lines().filter(|line| line.contains(" = ") && !line.starts_with('#')) {
        let (key, value) = line.split_once(" = ").unwrap();
        // Sections repeat keys: the last one is taken away.
        let start = whole.rfind(line).unwrap();
        let without = format!("{}{}", &whole[..start], &whole[start + line.len()..]);
        let error = read(&without).unwrap_err();
        assert!(error.contains(key), "{key}: {error}");
        if value.parse::<i64>().is_ok() {
            let negative = format!("{}{key} = -1{}", &whole[..start], &whole[start + line.len()..]);
            let error = read(&negative).unwrap_err();
            assert!(error.contains(key) && error.contains("-1"), "{key}: {error}");
        }
        if key == "state" {
            let idle = format!("{}state = \"active\"{}", &whole[..start], &whole[start + line.len()..]);
            assert!(read(&idle).unwrap_err().contains("state must be"), "{line}");
        }
        keys += 1;
    }
    assert!(keys > 25, "only {keys} keys were tried");
}

#[test]
fn nobody_but_a_control_record_moves_a_control() {
    let mut world = controlled(|_| {});
    world.say(trading_state_record(Scope::All, TradingState::Halted));
    let mut record = trading_state_record(Scope::All, TradingState::Active);
    record.header.kind = tickrace_types::Kind::Notice as u8;
    world.say(record);
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::Halted));
    // A word about nobody frees no one, and one that restricts nobody restricts all.
    let nowhere = Scope::Instrument(InstrumentId(77));
    world.say(trading_state_record(Scope::All, TradingState::Active));
    world.say(verdict_record(nowhere, Cause::DailyLoss, TradingState::CancelOnly, 0));
    assert_eq!(world.judged(Bid, 10_000, 1), Err(Reason::DailyLoss));
}

/// Words and orders of a day, for the plain model.
#[derive(Clone, Debug)]
enum Step {
    State { scope: usize, cause: usize, state: u64 },
    Exits { scope: usize, ms: i64 },
    Kill,
    Rearm { is_second: bool, argument: u64 },
    Order { instrument: u32, strategy: u16, venue: u16, ask: bool, qty: i64 },
    Pass { ms: i64 },
}

const SCOPES: [Scope; 6] = [
    Scope::All,
    Scope::Instrument(InstrumentId(0)),
    Scope::Instrument(InstrumentId(1)),
    FIRST,
    SECOND,
    Scope::Venue(VenueId(1)),
];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0usize..6, 0usize..Cause::COUNT, 0u64..4)
            .prop_map(|(scope, cause, state)| Step::State { scope, cause, state }),
        1 => (0usize..3, -2i64..6).prop_map(|(scope, ms)| Step::Exits { scope, ms }),
        1 => Just(Step::Kill),
        2 => (any::<bool>(), 0u64..2).prop_map(|(is_second, argument)| Step::Rearm { is_second, argument }),
        8 => (0u32..2, 0u16..2, 0u16..2, any::<bool>(), 1i64..30)
            .prop_map(|(instrument, strategy, venue, ask, qty)| Step::Order { instrument, strategy, venue, ask, qty }),
        1 => (0i64..4).prop_map(|ms| Step::Pass { ms }),
    ]
}

/// The rules as a person would check them: every word said so far is read again for every order.
#[derive(Default)]
struct Plain {
    words: Vec<(Scope, usize, u64)>,
    exits: Vec<(Scope, i64)>,
    /// Kills and both steps, in order: 0 is a kill.
    kills: Vec<(u8, u64)>,
    /// Lots held, by instrument, and open by side.
    held: [i64; 2],
}

impl Plain {
    fn is_killed(&self) -> bool {
        let Some(last) = self.kills.iter().rposition(|(kind, _)| *kind == 0) else { return false };
        let (mut asked, mut killed) = (None, true);
        for (kind, argument) in &self.kills[last + 1..] {
            match kind {
                1 if killed => asked = Some(*argument),
                2 if asked == Some(*argument) => killed = false,
                _ => {}
            }
        }
        killed
    }

    /// What the last word of each cause about a scope says.
    fn of(&self, scope: Scope) -> u64 {
        let last = |cause: usize| {
            let mut words = self.words.iter().filter(|word| (word.0, word.1) == (scope, cause));
            words.next_back().map_or(0, |word| word.2)
        };
        (0..Cause::COUNT).map(last).max().unwrap()
    }

    /// Whether an order of so many signed lots may leave.
    fn lets(&self, instrument: u32, strategy: u16, venue: u16, lots: i64, now_ns: i64) -> bool {
        if self.is_killed() {
            return false;
        }
        let own = Scope::Instrument(InstrumentId(instrument));
        let scopes = [Scope::All, own, Scope::Strategy(StrategyId(strategy)), Scope::Venue(VenueId(venue))];
        let state = scopes.map(|scope| self.of(scope)).into_iter().max().unwrap();
        let held = self.held[instrument as usize];
        let reduces = held != 0 && lots.signum() == -held.signum() && lots.abs() <= held.abs();
        let last = |scope| self.exits.iter().rfind(|exit| exit.0 == scope).map(|exit| exit.1);
        let until_ns = last(own).max(last(Scope::All));
        let is_doubt = |word: &&(Scope, usize, u64)| (word.0, word.1) == (own, Cause::UnknownOrders as usize);
        let unknown = self.words.iter().rfind(is_doubt);
        let is_known = unknown.is_none_or(|word| word.2 == 0);
        match state {
            0 => true,
            1 => reduces,
            _ => reduces && is_known && until_ns.is_some_and(|until_ns| now_ns < until_ns),
        }
    }
}

proptest! {
    /// Orders trade whole and at once, so that what is held is all there is.
    #[test]
    fn no_order_leaves_in_a_state_that_a_reading_of_every_word_would_refuse(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new(&wide());
        world.gate = world.gate.with_strategies(2);
        let mut plain = Plain::default();
        for step in steps {
            match step {
                Step::State { scope, cause, state } => {
                    let cause_of = Cause::ALL[cause];
                    let mut record = verdict_record(SCOPES[scope], cause_of, TradingState::from_code(state), 0);
                    if cause_of == Cause::Operator {
                        record = trading_state_record(SCOPES[scope], TradingState::from_code(state));
                    }
                    world.say(record);
                    plain.words.push((SCOPES[scope], cause, state));
                }
                Step::Exits { scope, ms } => {
                    let until_ns = world.now_ns + ms * MS;
                    world.say(exits_allowed_record(SCOPES[scope], until_ns));
                    plain.exits.push((SCOPES[scope], until_ns));
                }
                Step::Kill => {
                    world.say(control_record(ControlCode::Kill, 0));
                    plain.kills.push((0, 0));
                }
                Step::Rearm { is_second, argument } => {
                    let code = if is_second { ControlCode::RearmConfirm } else { ControlCode::RearmRequest };
                    world.say(control_record(code, argument));
                    plain.kills.push((1 + u8::from(is_second), argument));
                }
                Step::Pass { ms } => world.now_ns += ms * MS,
                Step::Order { instrument, strategy, venue, ask, qty } => {
                    world.now_ns += 1_000;
                    world.gate.on_top(&top(instrument, 10_000, 10_002, world.now_ns));
                    let side = if ask { Ask } else { Bid };
                    let mut order = world.order(side, 10_001, qty);
                    // Prices differ, so that the duplicate control stays out of it.
                    order.price += (order.client_id % 90).cast_signed() * CENT;
                    (order.strategy, order.venue, order.header.instrument) = (strategy, venue, instrument);
                    let lets = plain.lets(instrument, strategy, venue, qty * side.sign(), world.now_ns);
                    let judged = world.check(&order);
                    prop_assert_eq!(judged.is_ok(), lets, "{:?} after {:?}", judged, plain.words);
                    if lets {
                        plain.held[instrument as usize] += qty * side.sign();
                        world.answer(ResponseKind::Fill, &order, qty, 0);
                    }
                }
            }
            for instrument in 0..2 {
                prop_assert_eq!(world.gate.position(InstrumentId(instrument)), plain.held[instrument as usize]);
            }
        }
    }
}

#[test]
fn a_gate_of_one_strategy_takes_no_harm_from_fills_of_another() {
    let mut limits = wide();
    limits.controls.day_start_ms = Some(0);
    limits.controls.loss = Some(loss());
    limits.controls.executions = Some(ExecutionsConfig {
        executions_max_count: 1,
        executions_window_ms: 1,
        state: TradingState::Halted,
    });
    let shares = InstrumentTable::new(vec![tickrace_types::Instrument::us_equity("ONE")]).unwrap();
    let mut gate = Gate::new(&limits, &shares, 4).unwrap();
    let order = OrderRecord { client_id: 1, strategy: u16::MAX, ..OrderRecord::default() };
    gate.on_response(&response(ResponseKind::Fill, &order, 5, 0));
    gate.on_timer(START_NS);
    assert_eq!(gate.position(ONE), 5);
}
