use proptest::prelude::*;
use tickrace_oms::{Oms, OmsConfig};
use tickrace_types::{
    AccountId, Action, Header, Instrument, Kind, OrderRecord, Phase, Record, SessionId, StrategyId,
    TopOfBook, VenueId,
};

use super::*;

const I: InstrumentId = InstrumentId(0);
const UNIT: i64 = 1_000_000_000;
const TICK: i64 = 10_000_000;
const HOUR: i64 = config::NANOS_PER_HOUR;

const CONFIG: TargetConfig = TargetConfig {
    style: Style::Marketable,
    aim: Aim::Target,
    order_qty_max_lots: 10,
    position_max_lots: 50,
    cross_max_ticks: 2,
    spread_max_bps: 20,
    reference_away_max_bps: 500,
    top_age_max_ms: 5_000,
    target_age_max_h: 96,
    refusals_max_count: 3,
    retry_ms: 1_000,
};

/// A desk of one instrument, and the orders that left it.
struct World {
    policy: TargetFollower,
    oms: Oms,
    instrument: Instrument,
    top: TopOfBook,
    now_ns: i64,
    sent: Vec<OrderRecord>,
    say: Say,
    exec_id: u64,
}

impl World {
    fn new(config: TargetConfig) -> Self {
        let instruments = InstrumentTable::new(vec![Instrument::us_equity("ONE")]).unwrap();
        let oms = OmsConfig {
            open_orders_max: 8,
            strategy: StrategyId(0),
            account: AccountId(0),
            venue: VenueId(0),
            session: SessionId(0),
            first_client_id: 1,
            unacked_timeout_ns: 5 * UNIT,
        };
        let top = TopOfBook {
            bid_px: 100 * UNIT,
            ask_px: 100 * UNIT + 2 * TICK,
            bid_qty: 7,
            ask_qty: 7,
            phase: Phase::Continuous as u8,
            instrument: 0,
            ..TopOfBook::default()
        };
        Self {
            policy: TargetFollower::new(&config, &instruments).unwrap(),
            oms: Oms::new(&oms, &instruments),
            instrument: Instrument::us_equity("ONE"),
            top,
            now_ns: 1000 * HOUR,
            sent: Vec::new(),
            say: Say::default(),
            exec_id: 0,
        }
    }

    fn heard(config: TargetConfig, target: i32) -> Self {
        let mut world = Self::new(config);
        world.target(target, target, target);
        world
    }

    fn tell(&mut self, tell: impl FnOnce(&mut TargetFollower, &View<'_>, &mut Say)) {
        let header = Header { ts_recv_ns: self.now_ns, ..Header::default() };
        let record = Record { header, ..Record::default() };
        self.top.ts_recv_ns = self.top.ts_recv_ns.max(self.now_ns - HOUR);
        let view = View {
            now_ns: self.now_ns,
            record: &record,
            top: &self.top,
            id: I,
            instrument: &self.instrument,
            oms: &self.oms,
        };
        self.say.reset();
        tell(&mut self.policy, &view, &mut self.say);
        let sent = &mut self.sent;
        self.say.execute(&mut self.oms, I, &header, &mut |order| sent.push(*order));
    }

    fn target(&mut self, low: i32, target: i32, high: i32) {
        self.top.ts_recv_ns = self.now_ns;
        let header =
            Header { kind: Kind::Target as u8, ts_venue_ns: self.now_ns - 10 * HOUR, ..Header::default() };
        let record = TargetRecord {
            header,
            target_lots: target,
            low_lots: low,
            high_lots: high,
            reference_px: 100 * UNIT,
            ..TargetRecord::default()
        };
        self.tell(|policy, view, say| policy.on_target(view, &record, say));
    }

    fn tick(&mut self, passed_ms: i64) {
        self.now_ns += passed_ms * config::NANOS_PER_MS;
        self.top.ts_recv_ns = self.now_ns;
        self.tell(|policy, view, say| policy.on_event(view, say));
    }

    fn answer(&mut self, client_id: u64, kind: ResponseKind, reason: u8, qty: i64, leaves: i64) {
        self.exec_id += 1;
        let order = self.oms.order(ClientId(client_id)).copied();
        let response = ResponseRecord {
            header: Header { ts_recv_ns: self.now_ns, ..Header::default() },
            client_id,
            response: kind as u8,
            reason,
            qty,
            leaves,
            exec_id: self.exec_id,
            price: order.map_or(0, |order| order.price),
            side: order.map_or(2, |order| order.side as u8),
            ..ResponseRecord::default()
        };
        self.oms.on_response(&response);
        self.tell(|policy, view, say| policy.on_response(view, &response, say));
    }

    fn accept(&mut self, id: u64) {
        let leaves = self.oms.order(ClientId(id)).unwrap().leaves;
        self.answer(id, ResponseKind::Accepted, 0, leaves, leaves);
    }

    fn fill(&mut self, id: u64, lots: i64) {
        let leaves = self.oms.order(ClientId(id)).unwrap().leaves - lots;
        self.answer(id, ResponseKind::Fill, 0, lots, leaves);
    }

    /// Orders sent since the last call: action, side, lots, price in ticks from 100.
    fn said(&mut self) -> Vec<(Action, Side, i64, i64)> {
        let told = |order: &OrderRecord| {
            if order.action() == Action::Cancel {
                return (Action::Cancel, Side::from_code(order.side), 0, 0);
            }
            (order.action(), Side::from_code(order.side), order.qty, (order.price - 100 * UNIT) / TICK)
        };
        let said = self.sent.iter().map(told).collect();
        self.sent.clear();
        said
    }

    fn standing(&self) -> Standing {
        self.policy.outcomes().next().map_or(Standing::NoTarget, |outcome| outcome.standing)
    }
}

#[test]
fn a_marketable_order_goes_through_the_touch_by_no_more_than_is_allowed_and_in_parts() {
    let mut world = World::heard(CONFIG, 25);
    // At most ten at once; the ask stands two ticks up, and two more are allowed.
    assert_eq!(world.said(), [(Action::New, Side::Bid, 10, 4)]);
    world.fill(1, 10);
    assert_eq!(world.said(), [(Action::New, Side::Bid, 10, 4)]);
    world.fill(2, 10);
    world.fill(3, 5);
    assert_eq!(world.said(), [(Action::New, Side::Bid, 5, 4)]);
    assert_eq!((world.oms.position(I), world.standing()), (25, Standing::Reached));
    world.target(-3, -3, -3);
    assert_eq!(world.said(), [(Action::New, Side::Ask, 10, -2)]);
}

#[test]
fn what_is_left_of_a_partial_fill_is_tried_again_after_the_pause() {
    let mut world = World::heard(CONFIG, 10);
    world.fill(1, 4);
    assert!(world.said().len() == 1);
    world.answer(1, ResponseKind::Cancelled, venue_reason::IOC, 6, 0);
    world.tick(999);
    assert_eq!(world.said(), []);
    world.tick(1);
    assert_eq!(world.said(), [(Action::New, Side::Bid, 6, 4)]);
    // Where the end of such an order is never told, it is cancelled after as long.
    world.accept(2);
    world.tick(999);
    assert_eq!(world.said(), []);
    world.tick(1);
    assert_eq!(world.said(), [(Action::Cancel, Side::Bid, 0, 0)]);
}

#[test]
fn a_passive_order_follows_the_touch_and_crosses_when_its_time_is_over() {
    let style = Style::Passive { cross_after_ms: 60_000 };
    let mut world = World::heard(TargetConfig { style, ..CONFIG }, -8);
    assert_eq!(world.said(), [(Action::New, Side::Ask, 8, 2)]);
    world.accept(1);
    world.tick(10_000);
    assert_eq!(world.said(), []);
    world.fill(1, 3);
    // Somebody is better: ours goes, and once it is gone another joins him.
    world.top.ask_px -= TICK;
    world.tick(10_000);
    assert_eq!(world.said(), [(Action::Cancel, Side::Ask, 0, 0)]);
    world.tick(10);
    assert_eq!(world.said(), [], "nothing while the cancel is under way");
    world.answer(1, ResponseKind::Cancelled, venue_reason::USER, 5, 0);
    assert_eq!(world.said(), [(Action::New, Side::Ask, 5, 1)]);
    world.accept(3);
    world.tick(40_000);
    assert_eq!(world.said(), [(Action::Cancel, Side::Ask, 0, 0)]);
    // It trades while its cancel is under way: what is then missing is all that crosses.
    world.fill(3, 2);
    world.answer(3, ResponseKind::Cancelled, venue_reason::USER, 3, 0);
    assert_eq!(world.said(), [(Action::New, Side::Ask, 3, -2)]);
    world.fill(5, 3);
    assert_eq!((world.oms.position(I), world.standing()), (-8, Standing::Reached));
}

#[test]
fn slices_come_due_in_equal_parts_over_the_window() {
    let style = Style::Slices { window_ms: 100_000, count: 4 };
    let mut world = World::heard(TargetConfig { style, ..CONFIG }, 10);
    // Ten lots in four: 3, 5, 8 and 10 by the end of each, rounded up.
    let mut id = 1;
    for (passed_ms, lots) in [(0, 3), (24_999, 0), (1, 2), (25_000, 3), (25_000, 2)] {
        world.tick(passed_ms);
        let said = world.said();
        assert_eq!(said.iter().map(|order| order.2).sum::<i64>(), lots, "{passed_ms}");
        if lots > 0 {
            world.fill(id, lots);
            id += 1;
        }
        world.said();
    }
    assert_eq!(world.standing(), Standing::Reached);
}

#[test]
fn within_the_buffer_nothing_is_done_and_outside_it_the_near_edge_is_the_aim() {
    let edge = TargetConfig { aim: Aim::Edge, ..CONFIG };
    let mut world = World::new(edge);
    world.target(-1, 2, 4);
    assert_eq!((world.said(), world.standing()), (vec![], Standing::Reached));
    world.target(3, 5, 7);
    assert_eq!(world.said(), [(Action::New, Side::Bid, 3, 4)]);
}

#[test]
fn nothing_leaves_in_doubt_and_the_doubt_is_told() {
    type Change = fn(&mut World);
    let cases: [(Change, Standing); 7] = [
        (|world| world.top.stale = 1, Standing::NoMarket),
        (|world| world.top.bid_qty = 0, Standing::NoMarket),
        (|world| world.top.phase = Phase::Halted as u8, Standing::NotTrading),
        (|world| world.top.bid_px -= 100 * TICK, Standing::WideSpread),
        (
            |world| (world.top.bid_px, world.top.ask_px) = (106 * UNIT, 106 * UNIT + TICK),
            Standing::AwayFromReference,
        ),
        (|world| world.now_ns += 87 * HOUR, Standing::TargetTooOld),
        (|world| world.policy.works[0].target.as_mut().unwrap().reference_px = 0, Standing::NoReference),
    ];
    for (change, standing) in cases {
        // A passive order rests, then the doubt comes: it is pulled. Of a wide spread only what crosses must beware.
        let style = Style::Passive { cross_after_ms: 1_000_000_000 };
        let config = if standing == Standing::WideSpread { CONFIG } else { TargetConfig { style, ..CONFIG } };
        let mut world = World::new(config);
        world.top.phase = Phase::Unknown as u8;
        world.target(5, 5, 5);
        assert_eq!((world.said(), world.standing()), (vec![], Standing::NotTrading));
        world.top.phase = Phase::Continuous as u8;
        if standing != Standing::WideSpread {
            world.tick(1);
            assert_eq!(world.said().len(), 1);
            world.accept(1);
        }
        change(&mut world);
        world.tick(1);
        assert_eq!(world.standing(), standing);
        let cancels = usize::from(standing != Standing::WideSpread);
        let said = world.said();
        assert!(
            said.len() == cancels && said.iter().all(|order| order.0 == Action::Cancel),
            "{standing:?} {said:?}"
        );
    }
    let mut world = World::new(CONFIG);
    world.top.phase = Phase::Unknown as u8;
    world.target(5, 5, 5);
    world.top.phase = Phase::Continuous as u8;
    world.now_ns += 6 * UNIT;
    world.tell(|policy, view, say| policy.on_timer(view, say));
    assert_eq!((world.said(), world.standing()), (vec![], Standing::OldMarket));
}

#[test]
fn refusals_are_tried_again_ever_later_and_then_no_more() {
    let mut world = World::heard(CONFIG, 5);
    world.said();
    for (number, pause_ms) in [(1, 1_000), (2, 2_000), (3, 4_000)] {
        world.answer(number, ResponseKind::GateRefused, 9, 5, 0);
        world.tick(pause_ms - 1);
        assert_eq!(world.said(), [], "{number}");
        world.tick(1);
        assert_eq!(world.said().len(), 1, "{number}");
    }
    world.answer(4, ResponseKind::Rejected, venue_reason::NOT_TRADING, 5, 0);
    world.tick(3_600_000);
    assert_eq!((world.said(), world.standing()), (vec![], Standing::Refused));
    let refusal = world.policy.outcomes().next().unwrap().refusal;
    assert_eq!(refusal, Some((false, venue_reason::NOT_TRADING)));
    // Another target is another attempt.
    world.target(4, 4, 4);
    assert_eq!(world.said().len(), 1);
}

#[test]
fn a_target_beyond_the_limit_is_approached_and_an_older_or_unsound_one_is_not_taken() {
    let mut world = World::heard(TargetConfig { position_max_lots: 6, ..CONFIG }, 9);
    assert_eq!(world.said(), [(Action::New, Side::Bid, 6, 4)]);
    world.fill(1, 6);
    assert_eq!(world.standing(), Standing::PositionLimit);
    world.target(5, 4, 3);
    assert_eq!(world.said(), []);
    let old = TargetRecord { reference_px: UNIT, ..TargetRecord::default() };
    world.tell(|policy, view, say| policy.on_target(view, &old, say));
    assert_eq!(world.said(), []);
    world.instrument.order_qty_min = 7;
    world.target(2, 2, 2);
    assert_eq!((world.said(), world.standing()), (vec![], Standing::BelowMinimum));
}

#[test]
fn after_the_close_it_is_told_what_stood_in_the_way_before_it() {
    let mut world = World::new(TargetConfig { spread_max_bps: 0, ..CONFIG });
    world.top.phase = Phase::Closed as u8;
    world.target(5, 5, 5);
    assert_eq!(world.standing(), Standing::NotTrading);
    world.top.phase = Phase::Continuous as u8;
    world.tick(1);
    world.top.phase = Phase::Closed as u8;
    world.tick(1);
    assert_eq!(world.standing(), Standing::WideSpread);
}

#[test]
fn keys_out_of_range_are_named() {
    let faults = [
        (TargetConfig { order_qty_max_lots: 0, ..CONFIG }, "order_qty_max_lots"),
        (TargetConfig { position_max_lots: -1, ..CONFIG }, "position_max_lots"),
        (TargetConfig { retry_ms: 0, ..CONFIG }, "retry_ms"),
        (TargetConfig { style: Style::Slices { window_ms: 1, count: 0 }, ..CONFIG }, "style.count"),
        (TargetConfig { style: Style::Passive { cross_after_ms: -1 }, ..CONFIG }, "style.cross_after_ms"),
    ];
    for (config, key) in faults {
        assert_eq!(config.validate().unwrap_err().key, key);
    }
}

/// What a venue may do to the order that is open, or to the world.
#[derive(Clone, Debug)]
enum Act {
    Tick(i64),
    Target(i32),
    Accept,
    Fill(i64),
    Cancelled,
    Rejected,
    Move(i64),
    Halt(bool),
    TimeOut,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (1i64..40_000).prop_map(Act::Tick),
        1 => (-70i32..70).prop_map(Act::Target),
        3 => Just(Act::Accept),
        4 => (1i64..12).prop_map(Act::Fill),
        1 => Just(Act::Cancelled),
        1 => Just(Act::Rejected),
        2 => (-3i64..4).prop_map(Act::Move),
        1 => any::<bool>().prop_map(Act::Halt),
        1 => Just(Act::TimeOut),
    ];
    proptest::collection::vec(act, 1..80)
}

fn styles() -> impl Strategy<Value = Style> {
    prop_oneof![
        Just(Style::Marketable),
        (0i64..60_000).prop_map(|cross_after_ms| Style::Passive { cross_after_ms }),
        (1i64..60_000, 1i64..9).prop_map(|(window_ms, count)| Style::Slices { window_ms, count }),
    ]
}

proptest! {
    /// Whatever the venue does, all that is open together never leads beyond the aim of the moment it was sent at, nor a
    /// position beyond the limit; and once the venue is kind, every position comes to its target.
    #[test]
    fn no_venue_makes_it_overshoot_and_a_kind_one_brings_it_home(acts in acts(), style in styles()) {
        let mut world = World::new(TargetConfig { style, refusals_max_count: 1000, ..CONFIG });
        let mut aim = 0i64;
        for act in acts {
            let open: Vec<u64> = Side::BOTH
                .into_iter()
                .flat_map(|side| world.oms.open_orders(I, side).map(|order| order.id))
                .collect();
            prop_assert!(open.len() <= 1, "one order at a time");
            let leaves = open.first().map_or(0, |id| world.oms.order(ClientId(*id)).unwrap().leaves);
            match (act, open.first()) {
                (Act::Tick(passed_ms), _) => world.tick(passed_ms),
                (Act::Target(lots), _) => {
                    aim = i64::from(lots).clamp(-50, 50);
                    world.now_ns += HOUR;
                    world.target(lots, lots, lots);
                }
                (Act::Accept, Some(id)) => world.accept(*id),
                (Act::Fill(lots), Some(id)) if leaves > 0 => world.fill(*id, lots.min(leaves)),
                (Act::Cancelled, Some(id)) => {
                    world.answer(*id, ResponseKind::Cancelled, venue_reason::IOC, leaves, 0);
                }
                (Act::Rejected, Some(id)) => world.answer(*id, ResponseKind::Rejected, 3, leaves, 0),
                (Act::Move(ticks), _) => {
                    world.top.bid_px += ticks * TICK;
                    world.top.ask_px += ticks * TICK;
                    world.tick(1);
                }
                (Act::Halt(is_halted), _) => {
                    let phase = if is_halted { Phase::Halted } else { Phase::Continuous };
                    world.top.phase = phase as u8;
                    world.tick(1);
                }
                (Act::TimeOut, _) => {
                    world.now_ns += 6 * UNIT;
                    world.oms.on_time(world.now_ns);
                    world.tell(|policy, view, say| policy.on_timer(view, say));
                }
                _ => {}
            }
            let position = world.oms.position(I);
            prop_assert!(position.abs() <= 50);
            for order in world.sent.drain(..).filter(|order| order.action() == Action::New) {
                let sign = if Side::from_code(order.side) == Side::Bid { 1 } else { -1 };
                let gap = aim - position;
                prop_assert!(order.qty <= 10 && order.qty * sign <= gap.max(0) && order.qty * sign >= gap.min(0));
            }
        }
        world.top.phase = Phase::Continuous as u8;
        (world.top.bid_px, world.top.ask_px) = (100 * UNIT, 100 * UNIT + 2 * TICK);
        for _ in 0..200 {
            world.tick(600_000);
            for side in Side::BOTH {
                let open: Vec<(u64, State, i64)> =
                    world.oms.open_orders(I, side).map(|order| (order.id, order.state, order.leaves)).collect();
                for (id, state, leaves) in open {
                    match state {
                        State::PendingCancel => {
                            world.answer(id, ResponseKind::Cancelled, venue_reason::USER, leaves, 0);
                        }
                        _ => world.fill(id, leaves),
                    }
                }
            }
        }
        prop_assert_eq!(world.oms.position(I), aim);
    }
}
