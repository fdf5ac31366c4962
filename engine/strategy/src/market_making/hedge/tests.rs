//! Two instruments and a venue that answers late, in part, or not as hoped.

use proptest::prelude::*;
use tickrace_oms::{Oms, OmsConfig};
use tickrace_types::*;

use super::super::tests::{MS, SECOND, TICK, config};
use super::*;
use crate::market_making::{MarketMaker, MarketMakerConfig};
use crate::{Policy, Say, View};

const LEG: InstrumentId = InstrumentId(0);
const HEDGE: InstrumentId = InstrumentId(1);

fn hedge() -> HedgeConfig {
    HedgeConfig {
        symbol: "HEDGE".to_owned(),
        ratios: BTreeMap::from([("LEG".to_owned(), 0.5)]),
        band_lots: 20.0,
        position_max_lots: 400,
        order_qty_max_lots: 100,
        slippage_ticks_max: 2,
        top_age_ms_max: 1_000,
        retry_ms: 50,
    }
}

fn maker(hedge: HedgeConfig) -> MarketMakerConfig {
    MarketMakerConfig { hedge: Some(hedge), reservation_is_firm: true, ..config() }
}

/// The policy, its orders, and what the venue has not answered yet.
struct Desk {
    policy: MarketMaker,
    oms: Oms,
    shares: InstrumentTable,
    tops: [TopOfBook; 2],
    now_ns: i64,
    say: Say,
    sent: Vec<OrderRecord>,
    exec_id: u64,
}

impl Desk {
    fn new(config: &MarketMakerConfig) -> Self {
        let shares = InstrumentTable::new(["LEG", "HEDGE"].map(Instrument::us_equity).to_vec()).unwrap();
        let oms = OmsConfig {
            open_orders_max: 64,
            strategy: StrategyId(0),
            account: AccountId(0),
            venue: VenueId(0),
            session: SessionId(0),
            first_client_id: 1,
            unacked_timeout_ns: SECOND,
        };
        let top = |instrument| TopOfBook {
            bid_px: 10_000 * TICK,
            ask_px: 10_002 * TICK,
            bid_qty: 100,
            ask_qty: 100,
            phase: Phase::Continuous as u8,
            instrument,
            ..TopOfBook::default()
        };
        Self {
            policy: MarketMaker::new(config, &shares).unwrap(),
            oms: Oms::new(&oms, &shares),
            shares,
            tops: [top(0), top(1)],
            now_ns: SECOND,
            say: Say::default(),
            sent: Vec::new(),
            exec_id: 0,
        }
    }

    /// Lets the policy speak on something about an instrument and sends what it says.
    fn speak(&mut self, id: InstrumentId, call: impl FnOnce(&mut MarketMaker, &View<'_>, &mut Say)) {
        self.say.reset();
        let header = Header { ts_recv_ns: self.now_ns, instrument: id.0, ..Header::default() };
        let record = Record { header, ..Record::default() };
        let view = View {
            now_ns: self.now_ns,
            record: &record,
            top: &self.tops[id.index()],
            id,
            instrument: self.shares.get(id),
            oms: &self.oms,
        };
        call(&mut self.policy, &view, &mut self.say);
        self.policy.upkeep(&view);
        let sent = &mut self.sent;
        self.say.execute(&mut self.oms, id, &header, &mut |order| sent.push(*order));
    }

    fn event(&mut self, id: InstrumentId) {
        self.tops[id.index()].ts_recv_ns = self.now_ns;
        self.speak(id, |policy, view, say| policy.on_event(view, say));
    }

    fn timer(&mut self) {
        self.oms.on_time(self.now_ns);
        for id in [LEG, HEDGE] {
            self.speak(id, |policy, view, say| policy.on_timer(view, say));
        }
    }

    /// The venue says something about an order.
    fn answer(&mut self, order: &OrderRecord, kind: ResponseKind, qty: i64, leaves: i64) {
        self.exec_id += 1;
        let id = InstrumentId(order.header.instrument);
        let response = ResponseRecord {
            header: Header {
                kind: Kind::Response as u8,
                instrument: id.0,
                ts_recv_ns: self.now_ns,
                ..Header::default()
            },
            client_id: order.client_id,
            orig_client_id: order.orig_client_id,
            exec_id: self.exec_id,
            price: order.price,
            qty,
            leaves,
            side: order.side,
            response: kind as u8,
            ..ResponseRecord::default()
        };
        self.oms.on_response(&response);
        self.speak(id, |policy, view, say| policy.on_response(view, &response, say));
    }

    /// A trade of the leg that the policy hears of as a fill of its own.
    fn hold(&mut self, lots: i64) {
        let (side, qty) = if lots > 0 { (Side::Bid, lots) } else { (Side::Ask, -lots) };
        let request = OrderRequest::limit(LEG, side, Price(10_000 * TICK), qty);
        let mut order = OrderRecord::default();
        self.oms.submit(&request, &Header::default(), &mut |sent| order = *sent).unwrap();
        self.answer(&order, ResponseKind::Fill, qty, 0);
    }

    /// Orders of the hedge sent since last asked, in hand to be answered; those of the leg are dropped.
    fn hedges(&mut self) -> Vec<OrderRecord> {
        let sent = std::mem::take(&mut self.sent);
        sent.into_iter().filter(|order| order.header.instrument == HEDGE.0).collect()
    }
}

fn says(order: &OrderRecord) -> (Side, i64, i64) {
    (order.side(), order.qty, order.price / TICK)
}

#[test]
fn a_fill_is_hedged_at_once_beyond_the_band_with_an_order_that_takes() {
    let mut desk = Desk::new(&maker(hedge()));
    desk.event(HEDGE);
    desk.event(LEG);
    assert!(desk.hedges().is_empty());
    // 40 lots want 20 of the hedge: at the edge of the band nothing happens, one lot further all of it does.
    desk.hold(40);
    assert!(desk.hedges().is_empty());
    desk.hold(1);
    let sent = desk.hedges();
    // 20.5 towards nothing, sold down to two ticks below the bid.
    assert_eq!(sent.iter().map(says).collect::<Vec<_>>(), [(Side::Ask, 20, 9_998)]);
    assert_eq!(sent[0].tif, TimeInForce::Ioc as u8);
    desk.answer(&sent[0], ResponseKind::Fill, 20, 0);
    assert_eq!((desk.oms.position(HEDGE), desk.hedges().len()), (-20, 0));
    // From 41 to -59: the target of +29.5 is 49.5 away.
    desk.hold(-100);
    assert_eq!(desk.hedges().iter().map(says).collect::<Vec<_>>(), [(Side::Bid, 49, 10_004)]);
}

#[test]
fn what_is_under_way_is_not_hedged_twice() {
    let mut desk = Desk::new(&maker(hedge()));
    desk.event(HEDGE);
    desk.hold(100);
    let first = desk.hedges();
    assert_eq!(first.iter().map(says).collect::<Vec<_>>(), [(Side::Ask, 50, 9_998)]);
    desk.hold(100);
    desk.now_ns += 100 * MS;
    desk.event(HEDGE);
    desk.event(LEG);
    desk.timer();
    assert!(desk.hedges().is_empty(), "an order is in flight, though as much again is wanted");
    desk.answer(&first[0], ResponseKind::Fill, 30, 20);
    assert!(desk.hedges().is_empty());
    // Its rest ends: a pause, then what is wanted by then.
    desk.answer(&first[0], ResponseKind::Cancelled, 20, 0);
    assert!(desk.hedges().is_empty());
    desk.now_ns += 50 * MS;
    desk.event(HEDGE);
    assert_eq!(desk.hedges().iter().map(says).collect::<Vec<_>>(), [(Side::Ask, 70, 9_998)]);
}

#[test]
fn nothing_is_sent_to_a_market_that_is_stale_halted_one_sided_or_silent() {
    type Change = fn(&mut TopOfBook);
    let changes: [(&str, Change); 5] = [
        ("stale", |top| top.stale = 1),
        ("halted", |top| top.phase = Phase::Halted as u8),
        ("auction", |top| top.phase = Phase::Auction as u8),
        ("one-sided", |top| top.bid_qty = 0),
        ("crossed", |top| top.bid_px = top.ask_px + TICK),
    ];
    for (name, change) in changes {
        let mut desk = Desk::new(&maker(hedge()));
        change(&mut desk.tops[1]);
        desk.event(HEDGE);
        desk.hold(100);
        desk.timer();
        assert!(desk.hedges().is_empty(), "{name}");
        desk.tops[1] = Desk::new(&maker(hedge())).tops[1];
        desk.event(HEDGE);
        assert_eq!(desk.hedges().len(), 1, "{name} is over");
    }
    let mut silent = Desk::new(&maker(hedge()));
    silent.event(HEDGE);
    silent.now_ns += SECOND + 1;
    silent.hold(100);
    assert!(silent.hedges().is_empty(), "nothing heard for longer than a second");
    silent.now_ns += 1;
    silent.event(HEDGE);
    assert_eq!(silent.hedges().len(), 1);
    let mut never = Desk::new(&maker(hedge()));
    never.hold(100);
    assert!(never.hedges().is_empty(), "a hedge never heard of");
}

#[test]
fn the_hedge_keeps_its_own_limits_and_is_not_quoted() {
    let mut desk = Desk::new(&maker(HedgeConfig { position_max_lots: 120, band_lots: 5.0, ..hedge() }));
    desk.event(HEDGE);
    desk.hold(1_000);
    let mut sold = Vec::new();
    while let Some(order) = desk.hedges().first().copied() {
        sold.push(order.qty);
        desk.answer(&order, ResponseKind::Fill, order.qty, 0);
    }
    assert_eq!(sold, [100, 20], "a hundred at once, a hundred and twenty in all");
    desk.event(HEDGE);
    assert!(desk.oms.open_orders(HEDGE, Side::Bid).next().is_none());
}

#[test]
fn a_hedge_nobody_answered_is_cancelled_and_not_sent_again_meanwhile() {
    let mut desk = Desk::new(&maker(hedge()));
    desk.event(HEDGE);
    desk.hold(100);
    let lost = desk.hedges();
    desk.now_ns += SECOND;
    desk.timer();
    let sent = desk.hedges();
    assert_eq!(sent.iter().map(OrderRecord::action).collect::<Vec<_>>(), [Action::Cancel]);
    assert_eq!(sent[0].orig_client_id, lost[0].client_id);
    desk.now_ns += 40 * MS;
    desk.event(HEDGE);
    assert!(desk.hedges().is_empty());
    desk.answer(&lost[0], ResponseKind::Cancelled, 50, 0);
    desk.now_ns += 60 * MS;
    desk.event(HEDGE);
    assert_eq!(desk.hedges().iter().map(says).collect::<Vec<_>>(), [(Side::Ask, 50, 9_998)]);
}

#[test]
fn symbols_that_are_not_there_and_values_out_of_range_are_named() {
    let shares = InstrumentTable::new(["LEG", "HEDGE"].map(Instrument::us_equity).to_vec()).unwrap();
    let key = |hedge: HedgeConfig| MarketMaker::new(&maker(hedge), &shares).unwrap_err().key;
    assert!(key(HedgeConfig { symbol: "NONE".to_owned(), ..hedge() }).starts_with("hedge.symbol"));
    let unknown = BTreeMap::from([("NONE".to_owned(), 1.0)]);
    assert!(key(HedgeConfig { ratios: unknown, ..hedge() }).contains("hedge.ratios"));
    let itself = BTreeMap::from([("HEDGE".to_owned(), 1.0)]);
    assert!(key(HedgeConfig { ratios: itself, ..hedge() }).contains("itself"));
    let nothing = BTreeMap::new();
    assert!(key(HedgeConfig { ratios: nothing, ..hedge() }).contains("number"));
    assert_eq!(key(HedgeConfig { position_max_lots: 0, ..hedge() }), "hedge.position_max_lots");
    assert_eq!(key(HedgeConfig { band_lots: f64::NAN, ..hedge() }), "hedge.band_lots");
}

#[derive(Clone, Debug)]
enum Step {
    Market { bid: i64, spread: i64, is_leg: bool, lots: (u32, u32) },
    Answer { which: usize, part: i64, how: u8 },
    Pass { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let market = (9_900i64..10_100, 1i64..6, any::<bool>(), (1u32..500, 1u32..500));
    prop_oneof![
        3 => market.prop_map(|(bid, spread, is_leg, lots)| Step::Market { bid, spread, is_leg, lots }),
        6 => (0usize..64, 1i64..200, 0u8..10).prop_map(|(which, part, how)| Step::Answer { which, part, how }),
        2 => (0i64..400).prop_map(|ms| Step::Pass { ms }),
    ]
}

/// A message at the venue, the lots of it still open, and whether the venue has said that it is.
#[derive(Clone, Copy)]
struct AtVenue {
    order: OrderRecord,
    leaves: i64,
    is_accepted: bool,
}

impl AtVenue {
    fn of(order: OrderRecord) -> Self {
        Self { order, leaves: order.qty - order.filled, is_accepted: false }
    }
}

/// Lots of the leg that could come to be held on a side, a replacement counting with the larger of both.
fn worst(desk: &Desk, open: &[AtVenue], side: Side) -> i64 {
    let of_leg = |at: &&AtVenue| at.order.header.instrument == LEG.0 && at.order.side() == side;
    let is_new = |at: &&AtVenue| at.order.action() == Action::New;
    let lots = |at: &AtVenue| {
        let moves = |other: &&AtVenue| other.order.orig_client_id == at.order.client_id && !is_new(other);
        let moved = open.iter().filter(moves).filter(|other| other.order.action() == Action::Replace);
        moved.map(|other| other.leaves).fold(at.leaves, i64::max)
    };
    let lots: i64 = open.iter().filter(of_leg).filter(is_new).map(lots).sum();
    desk.oms.position(LEG) * side.sign() + lots
}

/// What was sent reaches the venue past a gate that keeps the leg's limit at worst: quotes that still leave while new ones
/// arrive are none of the policy's business.
fn receive(desk: &mut Desk, open: &mut Vec<AtVenue>) {
    while !desk.sent.is_empty() {
        let order = desk.sent.remove(0);
        open.push(AtVenue::of(order));
        let adds = matches!(order.action(), Action::New | Action::Replace);
        if adds && order.header.instrument == LEG.0 && worst(desk, open, order.side()) > 500 {
            open.pop();
            desk.answer(&order, ResponseKind::GateRefused, 0, 0);
        }
    }
}

/// The venue deals with one message: part of an order trades, or the message is refused, or carried out.
fn settle(desk: &mut Desk, open: &mut Vec<AtVenue>, which: usize, part: i64, how: u8) {
    receive(desk, open);
    if open.is_empty() {
        return;
    }
    let place = which % open.len();
    let AtVenue { order, leaves, is_accepted } = open[place];
    if order.action() != Action::New {
        open.remove(place);
    }
    let target = open.iter().position(|known| {
        known.order.client_id == order.orig_client_id && known.order.action() == Action::New
    });
    match (order.action(), target) {
        (Action::Cancel, Some(at)) => {
            let ended = open.remove(at);
            desk.answer(&ended.order, ResponseKind::Cancelled, ended.leaves, 0);
        }
        (Action::Replace, Some(at)) if how < 7 => {
            // The quantity is that of the order's whole life: what traded on the way is not open again.
            let replaced = open.remove(at);
            let leaves = order.qty - (replaced.order.qty - replaced.leaves);
            if leaves <= 0 {
                return desk.answer(&replaced.order, ResponseKind::Cancelled, replaced.leaves, 0);
            }
            let rests = OrderRecord { action: Action::New as u8, ..order };
            open.push(AtVenue { order: rests, leaves, is_accepted: true });
            desk.answer(&order, ResponseKind::Replaced, 0, leaves);
        }
        (Action::Cancel | Action::Replace | Action::MassCancel, _) => {
            desk.answer(&order, ResponseKind::CancelRejected, 0, 0);
        }
        (Action::New, _) if how == 0 => {
            open.remove(place);
            let is_new = !is_accepted && leaves == order.qty;
            let kind = match (is_new, part % 2) {
                (true, 0) => ResponseKind::Rejected,
                (true, _) => ResponseKind::GateRefused,
                (false, _) => ResponseKind::Cancelled,
            };
            desk.answer(&order, kind, leaves, 0);
        }
        (Action::New, _) if how == 1 => {
            open.remove(place);
            desk.answer(&order, ResponseKind::Cancelled, leaves, 0);
        }
        (Action::New, _) if how == 2 && !is_accepted => {
            open[place].is_accepted = true;
            desk.answer(&order, ResponseKind::Accepted, 0, leaves);
        }
        (Action::New, _) => {
            let qty = part.min(leaves);
            (open[place].leaves, open[place].is_accepted) = (leaves - qty, true);
            if qty == leaves {
                open.remove(place);
            }
            desk.answer(&order, ResponseKind::Fill, qty, leaves - qty);
        }
    }
}

proptest! {
    #[test]
    fn under_random_fills_and_rejects_limits_hold_and_the_hedge_ends_within_its_band(
        steps in prop::collection::vec(step(), 1..120), ratio in prop_oneof![Just(0.5), Just(1.0), Just(-0.3)],
    ) {
        let ratios = BTreeMap::from([("LEG".to_owned(), ratio)]);
        let config = MarketMakerConfig {
            fair_value: crate::market_making::FairValue::WeightedMid,
            flow_shift_ticks: 0.0,
            requote_ticks: 2,
            quote_life_ns_min: 50 * MS,
            ..maker(HedgeConfig { ratios, position_max_lots: 600, ..hedge() })
        };
        let mut desk = Desk::new(&config);
        let mut open: Vec<AtVenue> = Vec::new();
        let check = |desk: &Desk| {
            let held = desk.oms.position(LEG);
            prop_assert!(held.abs() <= config.position_max_lots, "leg at {held}");
            let resting: Vec<_> = Side::BOTH.into_iter().flat_map(|side| desk.oms.open_orders(HEDGE, side)).collect();
            prop_assert!(resting.len() <= 1, "{resting:?}");
            let under_way: i64 = resting.iter().map(|order| order.leaves * order.side.sign()).sum();
            prop_assert!((desk.oms.position(HEDGE) + under_way).abs() <= 600);
            Ok(())
        };
        for step in steps {
            desk.now_ns += MS;
            match step {
                Step::Market { bid, spread, is_leg, lots } => {
                    let id = if is_leg { LEG } else { HEDGE };
                    let top = &mut desk.tops[id.index()];
                    (top.bid_px, top.ask_px) = (bid * TICK, (bid + spread) * TICK);
                    (top.bid_qty, top.ask_qty) = lots;
                    desk.event(id);
                    if is_leg && desk.say.speech == crate::Speech::Quote {
                        // The lots' weighted mid, which the reservation price of a flat desk is; one that holds something
                        // leans away from it against its position.
                        let (bid_qty, ask_qty) = (f64::from(lots.0), f64::from(lots.1));
                        let fair = (bid as f64 * ask_qty + (bid + spread) as f64 * bid_qty) / (bid_qty + ask_qty);
                        let (held, said) = (desk.oms.position(LEG), &desk.say.wanted);
                        if let Some(quote) = said.bids().first().filter(|_| held >= 0) {
                            prop_assert!((quote.price / TICK) as f64 <= fair, "bid beyond {fair}: {quote:?}");
                        }
                        if let Some(quote) = said.asks().first().filter(|_| held <= 0) {
                            prop_assert!((quote.price / TICK) as f64 >= fair, "ask beyond {fair}: {quote:?}");
                        }
                    }
                }
                Step::Answer { which, part, how } => settle(&mut desk, &mut open, which, part, how),
                Step::Pass { ms } => {
                    desk.now_ns += ms * MS;
                    desk.timer();
                }
            }
            check(&desk)?;
        }
        // Everything settles: the venue fills the hedges and takes the quotes off.
        for _ in 0..200 {
            desk.now_ns += 60 * MS;
            desk.event(HEDGE);
            receive(&mut desk, &mut open);
            let Some(place) = open.iter().position(|at| at.order.header.instrument == HEDGE.0) else { continue };
            let how = if open[place].order.action() == Action::New { 9 } else { 0 };
            settle(&mut desk, &mut open, place, i64::MAX, how);
            check(&desk)?;
        }
        let wanted = -ratio * desk.oms.position(LEG) as f64;
        let away = (wanted - desk.oms.position(HEDGE) as f64).abs();
        prop_assert!(away <= 20.0, "{away} lots from {wanted}");
    }
}
