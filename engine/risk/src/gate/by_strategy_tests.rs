//! Limits of one strategy: by hand at the boundary, and beside a list of open orders that is summed anew each time.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tickrace_types::Side::{Ask, Bid};
use tickrace_types::{
    AccountId, InstrumentId, OrderRecord, Price, ResponseKind, ResponseRecord, Side, StrategyId,
};

use super::fixture::{CENT, START_NS, World, response, top, wide};
use crate::controls::{LossConfig, exits_allowed_record};
use crate::limits::StrategyLimits;
use crate::opening::{OpeningPosition, OpeningState};
use crate::{Limits, LimitsError, Reason, Scope, TradingState, trading_state_record};

const ONE: InstrumentId = InstrumentId(0);
const NAMES: [&str; 3] = ["maker", "taker", "free"];

fn own(position_max_lots: i64, gross_notional_max_ccy: i64) -> StrategyLimits {
    StrategyLimits {
        position_max_lots,
        position_overrides_lots: BTreeMap::new(),
        gross_notional_max_ccy,
        loss: None,
    }
}

/// Two strategies with limits of their own, and one without.
fn limited(maker: StrategyLimits, taker: StrategyLimits) -> Limits {
    let strategies = BTreeMap::from([("maker".to_owned(), maker), ("taker".to_owned(), taker)]);
    Limits { strategies, ..wide() }
}

fn world(limits: &Limits) -> World {
    let mut world = World::new(limits);
    world.gate = world.gate.with_strategies(NAMES.len()).with_strategy_limits(limits, &NAMES).unwrap();
    world
}

impl World {
    fn of(&mut self, strategy: u16, side: Side, cents: i64, qty: i64) -> OrderRecord {
        OrderRecord { strategy, ..self.order(side, cents, qty) }
    }

    fn asked(&mut self, strategy: u16, side: Side, cents: i64, qty: i64) -> Result<(), Reason> {
        let order = self.of(strategy, side, cents, qty);
        self.check(&order)
    }
}

#[test]
fn a_strategys_position_at_worst_stays_within_its_own_limit_whatever_others_hold() {
    let mut world = world(&limited(own(100, 1_000_000), own(50, 1_000_000)));
    let first = world.of(0, Bid, 10_000, 60);
    assert_eq!(world.check(&first), Ok(()));
    assert_eq!(world.asked(0, Bid, 9_999, 41), Err(Reason::StrategyPosition));
    assert_eq!(world.asked(0, Bid, 9_999, 40), Ok(()));
    // The other has its own fifty, the third none but those of all.
    assert_eq!(world.asked(1, Bid, 9_998, 51), Err(Reason::StrategyPosition));
    assert_eq!(world.asked(1, Bid, 9_998, 50), Ok(()));
    assert_eq!(world.asked(2, Bid, 9_997, 1_000), Ok(()));
    // Held instead of open it is the same; sells may go through nothing to the other side.
    world.answer(ResponseKind::Fill, &first, 60, 0);
    assert_eq!(world.gate.lots_of_strategy(StrategyId(0), ONE), Some((60, [40, 0])));
    assert_eq!(world.asked(0, Bid, 9_996, 1), Err(Reason::StrategyPosition));
    assert_eq!(world.asked(0, Ask, 10_003, 161), Err(Reason::StrategyPosition));
    assert_eq!(world.asked(0, Ask, 10_003, 160), Ok(()));
}

#[test]
fn an_instrument_of_smaller_lots_has_its_own_position_limit() {
    let overrides = BTreeMap::from([("BBB".to_owned(), 1_000)]);
    let maker = StrategyLimits { position_overrides_lots: overrides, ..own(10, 1_000_000) };
    let mut world = world(&limited(maker, own(10, 1_000_000)));
    let mut asked = |strategy, instrument, qty| {
        let mut order = world.of(strategy, Bid, 10_000, qty);
        order.header.instrument = instrument;
        world.check(&order)
    };
    assert_eq!(asked(0, 0, 11), Err(Reason::StrategyPosition));
    assert_eq!(asked(0, 1, 1_001), Err(Reason::StrategyPosition));
    assert_eq!(asked(0, 1, 1_000), Ok(()));
    assert_eq!(asked(1, 1, 11), Err(Reason::StrategyPosition));
}

#[test]
fn gross_value_sums_over_instruments_and_opposite_strategies_do_not_net() {
    let mut world = world(&limited(own(10_000, 20_000), own(10_000, 20_000)));
    let bought = world.of(0, Bid, 10_000, 100);
    assert_eq!(world.check(&bought), Ok(()));
    let mut other = world.of(0, Bid, 10_000, 101);
    other.header.instrument = 1;
    assert_eq!(world.check(&other), Err(Reason::StrategyGross), "10,000 and 10,100 of 20,000");
    world.answer(ResponseKind::Fill, &bought, 100, 0);
    let sold = world.of(1, Ask, 10_002, 100);
    assert_eq!(world.check(&sold), Ok(()));
    world.answer(ResponseKind::Fill, &sold, 100, 0);
    // The account holds nothing, each of them 100 lots, which follow the market all the same: to 110.00.
    assert_eq!(world.gate.position(ONE), 0);
    world.gate.on_top(&top(0, 10_999, 11_001, START_NS));
    let gross = |world: &World, strategy| world.gate.gross_of_strategy(StrategyId(strategy)).unwrap();
    assert_eq!([0, 1].map(|strategy| gross(&world, strategy)), [crate::limits::cash_from_ccy(11_000); 2]);
    assert_eq!(world.asked(0, Bid, 11_000, 82), Err(Reason::StrategyGross));
    assert_eq!(world.asked(0, Bid, 11_000, 81), Ok(()));
}

#[test]
fn what_was_taken_over_counts_and_so_does_what_comes_late() {
    let mut world = world(&limited(own(100, 1_000_000), own(100, 1_000_000)));
    let held = OpeningPosition {
        strategy: StrategyId(1),
        instrument: ONE,
        account: AccountId(0),
        qty_lots: 90,
        mark: Price(10_000 * CENT),
    };
    world.gate.restore(&OpeningState { positions: vec![held], ..OpeningState::default() }).unwrap();
    assert_eq!(world.asked(1, Bid, 10_000, 11), Err(Reason::StrategyPosition));
    let last = world.of(1, Bid, 10_000, 10);
    assert_eq!(world.check(&last), Ok(()));
    assert_eq!(world.asked(0, Bid, 9_999, 100), Ok(()), "it is the other's");
    world.answer(ResponseKind::Cancelled, &last, 10, 0);
    // A fill after the last word moves the strategy that the answer names.
    let late = ResponseRecord { strategy: 1, ..response(ResponseKind::Fill, &last, 5, 0) };
    world.gate.on_response(&late);
    assert_eq!(world.gate.lots_of_strategy(StrategyId(1), ONE), Some((95, [0, 0])));
}

/// One is long 100, the other short 300: the account is short 200. The first, restricted by itself, may sell what it holds
/// and nothing else, though the account would say the opposite of both.
#[test]
fn a_strategy_restricted_by_itself_reduces_what_is_its_own() {
    let limits = wide();
    let mut world = World::new(&limits);
    world.gate = world.gate.with_strategies(2).with_strategy_limits(&limits, &["one", "other"]).unwrap();
    for (strategy, side, cents, qty) in [(0, Bid, 10_002, 100), (1, Ask, 10_000, 300)] {
        let order = world.of(strategy, side, cents, qty);
        assert_eq!(world.check(&order), Ok(()));
        world.answer(ResponseKind::Fill, &order, qty, 0);
    }
    assert_eq!(world.gate.position(ONE), -200);
    let own = Scope::Strategy(StrategyId(0));
    world.gate.on_control(&trading_state_record(own, TradingState::ReduceOnly));
    assert_eq!(world.asked(0, Bid, 9_990, 1), Err(Reason::ReduceOnly));
    assert_eq!(world.asked(0, Ask, 10_010, 101), Err(Reason::ReduceOnly));
    let first = world.of(0, Ask, 10_010, 60);
    assert_eq!(world.check(&first), Ok(()));
    assert_eq!(world.asked(0, Ask, 10_011, 41), Err(Reason::ReduceOnly), "together they would turn it");
    let larger = OrderRecord { strategy: 0, ..world.replace(&first, 10_010, 101) };
    assert_eq!(world.check(&larger), Err(Reason::ReduceOnly));
    let larger = OrderRecord { strategy: 0, ..world.replace(&first, 10_010, 100) };
    assert_eq!(world.check(&larger), Ok(()));
    assert_eq!(world.asked(1, Ask, 10_012, 1), Ok(()), "the other is free");
    // Halted, with exits allowed, it is the same; and what restricts everything asks the account besides.
    world.gate.on_control(&trading_state_record(own, TradingState::Halted));
    assert_eq!(world.asked(0, Bid, 9_990, 1), Err(Reason::Halted));
    world.gate.on_control(&exits_allowed_record(Scope::All, START_NS + 1));
    world.answer(ResponseKind::Cancelled, &larger, 100, 0);
    assert_eq!(world.asked(0, Bid, 9_990, 1), Err(Reason::Halted));
    let again = world.of(0, Ask, 10_010, 100);
    assert_eq!(world.check(&again), Ok(()));
    world.answer(ResponseKind::Cancelled, &again, 100, 0);
    world.gate.on_control(&trading_state_record(Scope::All, TradingState::ReduceOnly));
    assert_eq!(world.asked(0, Ask, 10_010, 1), Err(Reason::Halted), "the account would grow");
    assert_eq!(world.asked(0, Bid, 9_990, 1), Err(Reason::Halted), "its own would");
    assert_eq!(world.asked(1, Bid, 9_991, 200), Ok(()));
    assert_eq!(world.asked(1, Ask, 10_012, 1), Err(Reason::ReduceOnly));
}

#[test]
fn a_strategy_replaces_its_own_orders_only() {
    let mut world = world(&limited(own(100, 1_000_000), own(100, 1_000_000)));
    let order = world.of(0, Bid, 10_000, 50);
    assert_eq!(world.check(&order), Ok(()));
    let foreign = OrderRecord { strategy: 1, ..world.replace(&order, 9_999, 60) };
    assert_eq!(world.check(&foreign), Err(Reason::ReplaceMismatch));
    let too_large = OrderRecord { strategy: 0, ..world.replace(&order, 9_999, 101) };
    assert_eq!(world.check(&too_large), Err(Reason::StrategyPosition));
    let larger = OrderRecord { strategy: 0, ..world.replace(&order, 9_999, 100) };
    assert_eq!(world.check(&larger), Ok(()));
    assert_eq!(world.gate.lots_of_strategy(StrategyId(0), ONE), Some((0, [100, 0])));
}

#[test]
fn limits_of_a_strategy_that_does_not_run_and_nonsense_are_refused_by_name() {
    let limits = limited(own(1, 1), own(1, 1));
    let gate = World::new(&limits).gate.with_strategies(1);
    let unknown = gate.with_strategy_limits(&limits, &["maker"]).unwrap_err();
    assert_eq!(unknown, LimitsError::Strategy { name: "taker".to_owned() });
    let text = |limits: Limits| limits.validate().unwrap_err().to_string();
    assert!(text(limited(own(0, 1), own(1, 1))).starts_with("strategies.maker.position_max_lots"));
    assert!(text(limited(own(1, 1), own(1, 0))).starts_with("strategies.taker.gross_notional_max_ccy"));
    let loss = LossConfig {
        daily_loss_max_ccy: 1,
        weekly_loss_max_ccy: 1,
        drawdown_max_ccy: 1,
        drawdown_cooldown_ms: 1,
        state: TradingState::Halted,
    };
    let alone = StrategyLimits { loss: Some(loss), ..own(1, 1) };
    assert!(text(limited(alone, own(1, 1))).contains("limits.controls.loss, which is missing"));
    assert!(matches!(
        wide().check_reload(&limits, 1),
        Err(LimitsError::Reload { what: "the limits of strategies", .. })
    ));
    assert_eq!(limits.check_reload(&wide(), 1), Ok(()));
}

#[test]
fn a_strategys_own_loss_stands_in_place_of_that_of_all() {
    let loss = |daily_loss_max_ccy, state| LossConfig {
        daily_loss_max_ccy,
        weekly_loss_max_ccy: 1_000_000,
        drawdown_max_ccy: 1_000_000,
        drawdown_cooldown_ms: 1_000,
        state,
    };
    let maker = StrategyLimits { loss: Some(loss(100, TradingState::CancelOnly)), ..own(1_000, 1_000_000) };
    let mut limits = limited(maker, own(1_000, 1_000_000));
    limits.controls.day_start_ms = Some(0);
    limits.controls.loss = Some(loss(300, TradingState::Halted));
    let mut world = world(&limits);
    for strategy in [0, 1] {
        let order = world.of(strategy, Bid, 10_000, 100);
        assert_eq!(world.check(&order), Ok(()));
        let mut fill = ResponseRecord { strategy, ..response(ResponseKind::Fill, &order, 100, 0) };
        fill.header.ts_recv_ns = START_NS;
        world.gate.on_response(&fill);
    }
    let look = |world: &mut World, mid: i64| {
        world.gate.on_top(&top(0, mid - 1, mid + 1, START_NS));
        world.gate.on_timer(START_NS);
        while let Some(verdict) = world.gate.take_verdict() {
            world.gate.on_control(&verdict);
        }
    };
    // A hundred lots down by 0.99 each: 99 lost; by 1.00: the maker's hundred are gone.
    look(&mut world, 9_901);
    assert_eq!(world.asked(0, Ask, 10_010, 1), Ok(()));
    look(&mut world, 9_900);
    assert_eq!(world.asked(0, Ask, 10_011, 1), Err(Reason::DailyLoss));
    assert_eq!(world.asked(1, Ask, 10_012, 1), Ok(()), "three hundred for the others");
    look(&mut world, 9_700);
    assert_eq!(world.asked(1, Ask, 10_013, 1), Err(Reason::DailyLoss));
}

/// An order as the oracle keeps it.
#[derive(Clone, Debug)]
struct Plain {
    record: OrderRecord,
    leaves: i64,
    filled: i64,
    pending: Option<(OrderRecord, i64)>,
}

impl Plain {
    fn lots(&self) -> i64 {
        self.leaves.max(self.pending.map_or(0, |(_, leaves)| leaves))
    }

    fn cash(&self) -> i128 {
        let value = |px: i64, lots: i64| i128::from(px) * i128::from(lots) * 1_000_000_000;
        let pending = self.pending.map_or(0, |(record, leaves)| value(record.price, leaves));
        value(self.record.price, self.leaves).max(pending)
    }
}

/// A list of orders, positions, and every sum over them.
#[derive(Clone, Default)]
struct Oracle {
    orders: Vec<Plain>,
    positions: BTreeMap<(u32, u16), i64>,
    mids: [i64; 2],
}

impl Oracle {
    fn position(&self, instrument: u32, strategy: u16) -> i64 {
        self.positions.get(&(instrument, strategy)).copied().unwrap_or(0)
    }

    fn open<T: std::iter::Sum>(&self, instrument: u32, strategy: u16, side: Side, of: fn(&Plain) -> T) -> T {
        let is_of = |order: &&Plain| {
            let record = &order.record;
            (record.header.instrument, record.strategy, record.side()) == (instrument, strategy, side)
        };
        self.orders.iter().filter(is_of).map(of).sum()
    }

    fn gross(&self, strategy: u16) -> i128 {
        let of_instrument = |instrument: u32| {
            let mid = i128::from(self.mids[instrument as usize] * CENT);
            let value = i128::from(self.position(instrument, strategy)) * mid * 1_000_000_000;
            let buys = self.open(instrument, strategy, Bid, Plain::cash);
            let sells = self.open(instrument, strategy, Ask, Plain::cash);
            (value + buys).abs().max((value - sells).abs())
        };
        (0..2).map(of_instrument).sum()
    }

    /// Whether the list `after` an order was added keeps the strategy's limits, or which it does not.
    fn judge(&self, after: &Self, order: &OrderRecord, limits: &Limits) -> Option<Reason> {
        let own = limits.strategies.get(NAMES[usize::from(order.strategy)])?;
        let (instrument, strategy, side) = (order.header.instrument, order.strategy, order.side());
        let lots = |oracle: &Self| oracle.open(instrument, strategy, side, Plain::lots);
        let worst = self.position(instrument, strategy) * side.sign() + lots(after);
        if lots(after) > lots(self) && worst > own.position_max_lots {
            return Some(Reason::StrategyPosition);
        }
        let max = i128::from(own.gross_notional_max_ccy) * 1_000_000_000_000_000_000;
        let (before, now) = (self.gross(strategy), after.gross(strategy));
        (now > before && now > max).then_some(Reason::StrategyGross)
    }
}

#[derive(Clone, Debug)]
enum Step {
    New { instrument: u32, strategy: u16, ask: bool, cents: i64, qty: i64 },
    Replace { which: usize, cents: i64, qty: i64 },
    Replaced { which: usize, refused: bool },
    Fill { which: usize, qty: i64 },
    End { which: usize, rejected: bool },
    Market { instrument: u32, mid: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let (which, qty) = (0usize..64, 1i64..40);
    // Buys below 100.00 and sells above 100.10 never meet: our own orders are another control's business.
    prop_oneof![
        5 => (0u32..2, 0u16..3, any::<bool>(), 0i64..10, qty.clone()).prop_map(
            |(instrument, strategy, ask, cents, qty)| Step::New { instrument, strategy, ask, cents, qty }),
        2 => (which.clone(), 0i64..10, qty.clone()).prop_map(|(which, cents, qty)| Step::Replace { which, cents, qty }),
        2 => (which.clone(), any::<bool>()).prop_map(|(which, refused)| Step::Replaced { which, refused }),
        3 => (which.clone(), qty).prop_map(|(which, qty)| Step::Fill { which, qty }),
        1 => (which, any::<bool>()).prop_map(|(which, rejected)| Step::End { which, rejected }),
        1 => (0u32..2, 9_900i64..10_100).prop_map(|(instrument, mid)| Step::Market { instrument, mid }),
    ]
}

fn price(side: Side, cents: i64) -> i64 {
    if side == Bid { 9_999 - cents } else { 10_010 + cents }
}

/// Applies one step to both; what both said of an order.
fn apply(
    world: &mut World,
    oracle: &mut Oracle,
    limits: &Limits,
    step: &Step,
) -> Option<(Option<Reason>, Option<Reason>)> {
    world.now_ns += 2_000_000;
    for instrument in 0..2 {
        let mid = oracle.mids[instrument as usize];
        world.gate.on_top(&top(instrument, mid - 1, mid + 1, world.now_ns));
    }
    let place =
        |which: usize, oracle: &Oracle| (!oracle.orders.is_empty()).then(|| which % oracle.orders.len());
    let told = |world: &mut World, kind, record: &OrderRecord, qty, leaves| {
        let said = ResponseRecord { strategy: record.strategy, ..response(kind, record, qty, leaves) };
        world.gate.on_response(&said);
    };
    match *step {
        Step::Market { instrument, mid } => {
            oracle.mids[instrument as usize] = mid;
            world.gate.on_top(&top(instrument, mid - 1, mid + 1, world.now_ns));
        }
        Step::New { instrument, strategy, ask, cents, qty } => {
            let side = if ask { Ask } else { Bid };
            let mut order = world.of(strategy, side, price(side, cents), qty);
            order.header.instrument = instrument;
            let mut after = oracle.clone();
            after.orders.push(Plain { record: order, leaves: qty, filled: 0, pending: None });
            let expected = oracle.judge(&after, &order, limits);
            if expected.is_none() {
                *oracle = after;
            }
            return Some((world.check(&order).err(), expected));
        }
        Step::Replace { which, cents, qty } => {
            let at = place(which, oracle)?;
            let was = oracle.orders[at].clone();
            let leaves = qty - was.filled;
            if was.pending.is_some() || leaves <= 0 {
                return None;
            }
            let order = world.replace(&was.record, price(was.record.side(), cents), qty);
            let order = OrderRecord { strategy: was.record.strategy, ..order };
            let mut after = oracle.clone();
            after.orders[at].pending = Some((order, leaves));
            let expected = oracle.judge(&after, &order, limits);
            if expected.is_none() {
                *oracle = after;
            }
            return Some((world.check(&order).err(), expected));
        }
        Step::Replaced { which, refused } => {
            let at = place(which, oracle)?;
            let order = &mut oracle.orders[at];
            let (record, leaves) = order.pending.take()?;
            if refused {
                told(world, ResponseKind::CancelRejected, &record, 0, 0);
            } else {
                (order.record, order.leaves) = (record, leaves);
                told(world, ResponseKind::Replaced, &record, 0, leaves);
            }
        }
        Step::Fill { which, qty } => {
            let at = place(which, oracle)?;
            let order = &mut oracle.orders[at];
            let qty = qty.min(order.leaves);
            order.leaves -= qty;
            order.filled += qty;
            if let Some((_, leaves)) = &mut order.pending {
                *leaves = (*leaves - qty).max(0);
            }
            let record = order.record;
            let left = order.leaves;
            let key = (record.header.instrument, record.strategy);
            *oracle.positions.entry(key).or_default() += qty * record.side().sign();
            told(world, ResponseKind::Fill, &record, qty, left);
        }
        Step::End { which, rejected } => {
            let order = oracle.orders.remove(place(which, oracle)?);
            let kind = if rejected { ResponseKind::Rejected } else { ResponseKind::Cancelled };
            told(world, kind, &order.record, order.leaves, 0);
        }
    }
    oracle.orders.retain(|order| order.leaves > 0);
    None
}

proptest! {
    #[test]
    fn verdicts_and_sums_of_strategies_are_those_recomputed_from_the_list_of_open_orders(
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut limits = limited(own(60, 8_000), own(90, 6_000));
        limits.instrument.open_orders_side_max_count = 64;
        let mut world = World::with_capacity(&limits, 1_024);
        world.gate = world.gate.with_strategies(3).with_strategy_limits(&limits, &NAMES).unwrap();
        let mut oracle = Oracle { mids: [10_001; 2], ..Oracle::default() };
        for step in &steps {
            if let Some((said, expected)) = apply(&mut world, &mut oracle, &limits, step) {
                // The room of one side is the account's, and not what is looked at here.
                prop_assume!(said != Some(Reason::OpenOrders));
                prop_assert_eq!(said, expected, "{:?}", step);
            }
            for strategy in 0..3 {
                let id = StrategyId(strategy);
                for instrument in 0..2 {
                    let open = [Bid, Ask].map(|side| oracle.open(instrument, strategy, side, Plain::lots));
                    let expected = (oracle.position(instrument, strategy), open);
                    prop_assert_eq!(world.gate.lots_of_strategy(id, InstrumentId(instrument)), Some(expected));
                }
                prop_assert_eq!(world.gate.gross_of_strategy(id).unwrap().0, oracle.gross(strategy), "{:?}", step);
            }
        }
    }
}
