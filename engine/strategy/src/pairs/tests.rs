//! Two instruments, and a venue that answers late, in part, or not as hoped.

use proptest::prelude::*;
use tickrace_oms::OmsConfig;
use tickrace_stats::Rng;
use tickrace_types::{
    AccountId, Action, Header, Instrument, Kind, OrderRecord, Phase as MarketPhase, Record, ResponseKind,
    SessionId, Side, StrategyId, TimeInForce, TopOfBook, VenueId,
};

use super::*;

const Y: InstrumentId = InstrumentId(0);
const X: InstrumentId = InstrumentId(1);
const CENT: i64 = 10_000_000;
const SECOND: i64 = 1_000_000_000;

fn config(extra: &str) -> PairsConfig {
    let text = format!(
        "pairs = [{{ y = \"YY\", x = \"XX\" }}]\nbar_s = 10\nhalf_life_bars_max = 60.0\nwindow_bars = 250\n\
         legged_max_ccy = 5_000.0\norder_max_ccy = 4_000.0\nlegged_ms_max = 5_000\nentry_ms_max = 30_000\nequity_ccy = 100_000.0\n{extra}\n\
         [sizing]\nposition_max_lots = 2_000\nleverage_max = 2.0\n\
         [sizing.method]\nkind = \"fixed-fraction\"\nfraction = 0.5\n\
         [execution]\nkind = \"marketable\"\nthrough_ticks = 5\n\
         [follow_execution]\nkind = \"marketable\"\nthrough_ticks = 20\n"
    );
    let config: PairsConfig = toml::from_str(&text).unwrap();
    config.validate().unwrap();
    config
}

/// What the venue does with what it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// Trades whole, at the touch.
    Fills,
    /// Does not answer.
    Sleeps,
    /// Says no.
    Refuses,
}

struct World {
    policy: Pairs,
    config: PairsConfig,
    oms: Oms,
    table: InstrumentTable,
    say: Say,
    now_ns: i64,
    tops: [TopOfBook; 2],
    mids_cents: [f64; 2],
    mood: [Mood; 2],
    pending: Vec<OrderRecord>,
    /// Half spreads paid, and profit on the mid, dollars.
    costs: f64,
    profit: f64,
    trades: u32,
    exec_id: u64,
    /// The most value that stood without its other leg.
    most_legged: f64,
    orders: u32,
}

impl World {
    fn new(config: &PairsConfig) -> Self {
        let table = InstrumentTable::new(["YY", "XX"].map(Instrument::us_equity).to_vec()).unwrap();
        let oms = OmsConfig {
            open_orders_max: 64,
            strategy: StrategyId(0),
            account: AccountId(0),
            venue: VenueId(0),
            session: SessionId(0),
            first_client_id: 1,
            unacked_timeout_ns: i64::MAX,
        };
        let top = |instrument| TopOfBook { instrument, ..TopOfBook::NONE };
        Self {
            policy: Pairs::new(config, &table).unwrap(),
            config: config.clone(),
            oms: Oms::new(&oms, &table),
            table,
            say: Say::default(),
            now_ns: SECOND,
            tops: [top(0), top(1)],
            mids_cents: [0.0; 2],
            mood: [Mood::Fills; 2],
            pending: Vec::new(),
            costs: 0.0,
            profit: 0.0,
            trades: 0,
            exec_id: 0,
            most_legged: 0.0,
            orders: 0,
        }
    }

    fn positions(&self) -> [i64; 2] {
        [self.oms.position(Y), self.oms.position(X)]
    }

    fn pair(&self) -> &Pair {
        &self.policy.pairs[0]
    }

    /// Lets the policy speak and takes down what it says.
    fn speak(&mut self, id: InstrumentId, call: impl FnOnce(&mut Pairs, &View<'_>, &mut Say)) {
        self.say.reset();
        let header = Header {
            ts_recv_ns: self.now_ns,
            instrument: id.0,
            flags: Flags::END_OF_EVENT,
            ..Header::default()
        };
        let record = Record { header, ..Record::default() };
        let Self { policy, oms, table, say, now_ns, tops, .. } = self;
        let view = View {
            now_ns: *now_ns,
            record: &record,
            top: &tops[id.index()],
            id,
            instrument: table.get(id),
            oms,
        };
        call(policy, &view, say);
        let mut sent = Vec::new();
        say.execute(oms, id, &header, &mut |order: &mut OrderRecord| sent.push(*order));
        for order in sent {
            let place = order.header.instrument as usize;
            if order.action() == Action::New {
                let is_open =
                    self.tops[place].phase == MarketPhase::Continuous as u8 && self.tops[place].stale == 0;
                assert!(is_open, "an order into a market that is not open");
                self.orders += 1;
                let value = order.qty as f64 * self.mids_cents[place] / 100.0;
                assert!(value <= 4_010.0, "an order of {value}");
            }
            self.pending.push(order);
        }
    }

    /// New mids in both, one cent to each side, then whatever the venue is in the mood for.
    #[allow(clippy::cast_possible_truncation, reason = "prices of a test")]
    fn pass(&mut self, mids_cents: [f64; 2], duration_ns: i64) {
        let positions = self.positions();
        for (place, mid) in mids_cents.into_iter().enumerate() {
            self.profit += positions[place] as f64 * (mid - self.mids_cents[place]) / 100.0;
            self.mids_cents[place] = mid;
        }
        self.now_ns += duration_ns;
        for id in [Y, X] {
            let mid = mids_cents[id.index()].round() as i64 * CENT;
            let top = &mut self.tops[id.index()];
            (top.bid_px, top.ask_px) = (mid - CENT, mid + CENT);
            (top.bid_qty, top.ask_qty, top.ts_recv_ns) = (1_000, 1_000, self.now_ns);
            self.event(id);
        }
        self.answer_all();
    }

    fn step(&mut self, mids_cents: [f64; 2], seconds: i64) {
        self.pass(mids_cents, seconds * SECOND);
    }

    /// A bar at these mids, whose end the next event tells, and a second in which both legs get where they are going.
    fn dwell(&mut self, mids_cents: [f64; 2]) {
        self.step(mids_cents, 10);
        self.step(mids_cents, 10);
        (0..50).for_each(|_| self.pass(mids_cents, 20_000_000));
    }

    fn open(&mut self) {
        for top in &mut self.tops {
            (top.phase, top.stale) = (MarketPhase::Continuous as u8, 0);
        }
    }

    fn event(&mut self, id: InstrumentId) {
        self.tops[id.index()].ts_recv_ns = self.now_ns;
        self.speak(id, |policy, view, say| policy.on_event(view, say));
    }

    fn timer(&mut self) {
        for id in [Y, X] {
            self.speak(id, |policy, view, say| policy.on_timer(view, say));
        }
    }

    fn answer_all(&mut self) {
        for _ in 0..200 {
            let awake = |order: &OrderRecord| self.mood[order.header.instrument as usize] != Mood::Sleeps;
            let Some(place) = self.pending.iter().position(awake) else { return };
            let order = self.pending.remove(place);
            match (self.mood[order.header.instrument as usize], order.action()) {
                (Mood::Refuses, _) => self.answer(&order, ResponseKind::Rejected, 0, order.qty),
                (_, Action::New) => {
                    self.answer(&order, ResponseKind::Accepted, 0, order.qty);
                    self.answer(&order, ResponseKind::Fill, order.qty, 0);
                }
                _ => {}
            }
        }
    }

    /// The venue says something about an order.
    fn answer(&mut self, order: &OrderRecord, kind: ResponseKind, qty: i64, leaves: i64) {
        self.exec_id += 1;
        let id = InstrumentId(order.header.instrument);
        let top = &self.tops[id.index()];
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
            price: if order.side() == Side::Bid { top.ask_px } else { top.bid_px },
            qty,
            leaves,
            side: order.side,
            response: kind as u8,
            ..ResponseRecord::default()
        };
        self.oms.on_response(&response);
        if kind == ResponseKind::Fill {
            self.costs += qty as f64 / 100.0;
            self.trades += 1;
            self.most_legged = self.most_legged.max(self.legged());
        }
        self.speak(id, |policy, view, say| policy.on_response(view, &response, say));
    }

    /// Value of the leader that its follower does not hedge.
    fn legged(&self) -> f64 {
        let legs = &self.pair().legs;
        let (lead, follow) = (self.oms.position(legs.lead.id), self.oms.position(legs.follow.id));
        if legs.ratio == 0.0 {
            return 0.0;
        }
        (lead as f64 + follow as f64 / legs.ratio).abs() * self.mids_cents[legs.lead.id.index()] / 100.0
    }
}

/// Mids of two: `x` walks, `y` is `x` times 0.8 in logarithms and a gap that keeps `kept` of itself.
struct Market {
    rng: Rng,
    x: f64,
    gap: f64,
    kept: f64,
    ratio: f64,
}

impl Market {
    fn new(seed: u64, kept: f64, ratio: f64) -> Self {
        Self { rng: Rng::new(seed), x: 0.0, gap: 0.0, kept, ratio }
    }

    fn next(&mut self) -> [f64; 2] {
        self.x += 0.0006 * self.rng.normal();
        self.gap = self.kept * self.gap + 0.0006 * self.rng.normal();
        [10_000.0 * (self.ratio * self.x + self.gap).exp(), 5_000.0 * self.x.exp()]
    }
}

/// Profit on the mid, costs in dollars, trades, and the most value without its other leg.
fn run(config: &PairsConfig, market: &mut Market, bars: usize) -> World {
    let mut world = World::new(config);
    world.open();
    for _ in 0..bars {
        let mids = market.next();
        world.step(mids, 10);
        assert!(world.positions().into_iter().all(|lots| lots.abs() <= 2_000));
    }
    world
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (count - 1.0) / count).sqrt())
}

/// Twenty seeds of each estimate: a planted pair pays by more than four standard errors of the mean, after costs.
#[test]
fn a_pair_that_comes_back_pays_whatever_estimates_its_line() {
    for hedge_ratio in
        ["{ kind = \"ordinary\" }", "{ kind = \"total\" }", "{ kind = \"kalman\", slope_step = 0.0005 }"]
    {
        let terms = config(&format!("hedge_ratio = {hedge_ratio}"));
        let net: Vec<f64> = (0..20)
            .map(|seed| {
                let world = run(&terms, &mut Market::new(seed, 0.9, 0.8), 2_500);
                assert!(world.most_legged <= 5_000.0 * 1.01, "{}", world.most_legged);
                world.profit - world.costs
            })
            .collect();
        let (mean, error) = mean_and_error(&net);
        println!("{hedge_ratio}: net {mean:.0} dollars a run, standard error {error:.0}");
        assert!(mean > 4.0 * error, "{hedge_ratio}: {mean} {error}");
    }
}

/// Two walks that have nothing to do with each other: few trades, and of those the profit on the mid is nothing within four
/// standard errors. Where the test is not asked there are many more.
#[test]
fn two_walks_are_seldom_traded_and_earn_nothing() {
    let mut trades = [0, 0];
    for (place, extra) in ["p_value_max = 0.01", "p_value_max = 1.0"].into_iter().enumerate() {
        let terms = config(extra);
        let mut profits = Vec::new();
        for seed in 0..30 {
            let world = run(&terms, &mut Market::new(500 + seed, 1.0, 0.0), 1_500);
            trades[place] += world.trades;
            profits.push(world.profit);
        }
        let (mean, error) = mean_and_error(&profits);
        println!("{extra}: {} trades, {mean:.0} dollars a run, standard error {error:.0}", trades[place]);
        assert!(mean.abs() < 4.0 * error + 1e-9, "{mean} {error}");
    }
    assert!(trades[0] * 4 < trades[1], "{trades:?}");
}

/// A world whose policy has learned a pair, and the mids at its line.
fn learned(config: &PairsConfig) -> (World, Market, [f64; 2]) {
    let mut market = Market::new(3, 0.8, 0.8);
    let mut world = World::new(config);
    world.open();
    // Trades are kept out by a venue that sleeps on thresholds that are never met.
    for _ in 0..400 {
        let mids = market.next();
        world.policy.config.enter_z = 50.0;
        world.policy.config.stop_z = 60.0;
        world.step(mids, 10);
    }
    world.policy.config = world.config.clone();
    let at_line = [10_000.0 * (0.8 * market.x).exp(), 5_000.0 * market.x.exp()];
    (world, market, at_line)
}

/// `y` so many of the spread's deviations (0.001, by the process) above its line.
fn apart(at_line: [f64; 2], deviations: f64) -> [f64; 2] {
    [at_line[0] * (0.001 * deviations).exp(), at_line[1]]
}

#[test]
fn a_spread_is_sold_where_it_is_high_hedged_by_its_ratio_and_closed_where_it_is_back() {
    let (mut world, _, at_line) = learned(&config(""));
    world.dwell(apart(at_line, 3.0));
    let [y, x] = world.positions();
    assert!(y < 0 && x > 0, "{y} {x}");
    // Values stand to each other as the ratio, 0.8, whose error over 250 bars is a few hundredths.
    let ratio = x as f64 * 50.0 / (-y as f64 * 100.0);
    assert!((0.7..0.9).contains(&ratio), "{ratio}");
    // Half of 100,000 in both together.
    let gross = x as f64 * world.mids_cents[1] / 100.0 - y as f64 * world.mids_cents[0] / 100.0;
    assert!((48_000.0..50_500.0).contains(&gross), "{gross}");
    assert_eq!(world.pair().phase, Phase::Held);
    world.dwell(at_line);
    assert_eq!(world.positions(), [0, 0]);
    assert_eq!(world.pair().phase, Phase::Flat);
    assert!(world.most_legged <= 5_050.0 && world.most_legged > 1_000.0, "{}", world.most_legged);
}

#[test]
fn the_other_leg_may_lead_and_values_may_be_equal() {
    let (mut world, _, at_line) = learned(&config("lead = \"x\"\nneutral = \"value\""));
    world.dwell(apart(at_line, -3.0));
    let [y, x] = world.positions();
    assert!(y > 0 && x < 0, "{y} {x}");
    let values = [y as f64 * world.mids_cents[0], -x as f64 * world.mids_cents[1]];
    assert!((values[0] / values[1] - 1.0).abs() < 0.01, "{values:?}");
    assert_eq!(world.pair().legs.lead.id, X);
}

#[test]
fn a_refused_follower_unwinds_the_leader_and_the_side_is_spent() {
    let (mut world, _, at_line) = learned(&config(""));
    world.mood[X.index()] = Mood::Refuses;
    world.dwell(apart(at_line, 3.0));
    assert!(world.orders > 0 && world.pair().phase != Phase::Held);
    (0..20).for_each(|_| world.step(apart(at_line, 3.0), 1));
    assert_eq!(world.positions(), [0, 0]);
    let orders = world.orders;
    world.mood[X.index()] = Mood::Fills;
    (0..10).for_each(|_| world.step(apart(at_line, 3.0), 10));
    assert_eq!(world.orders, orders, "it began again on a side that is spent");
}

#[test]
fn a_follower_that_does_not_come_in_time_unwinds_the_leader() {
    let (mut world, _, at_line) = learned(&config(""));
    world.mood[X.index()] = Mood::Sleeps;
    world.dwell(apart(at_line, 3.0));
    let first = world.positions();
    assert!(first[0] < 0 && first[1] == 0, "{first:?}");
    // No further than the limit on what stands alone.
    assert!(world.legged() <= 5_000.0, "{}", world.legged());
    (0..3).for_each(|_| world.step(apart(at_line, 3.0), 1));
    assert_eq!(world.positions(), first);
    (0..4).for_each(|_| world.step(apart(at_line, 3.0), 1));
    assert_eq!(world.positions(), [0, 0]);
    // The venue wakes up: the follower's order trades after all, and what it bought is sold.
    world.mood[X.index()] = Mood::Fills;
    (0..5).for_each(|_| world.step(apart(at_line, 3.0), 1));
    assert_eq!(world.positions(), [0, 0]);
}

#[test]
fn a_halt_of_the_follower_keeps_the_hedge_until_it_trades_again() {
    let (mut world, _, at_line) = learned(&config(""));
    world.dwell(apart(at_line, 3.0));
    let held = world.positions();
    assert!(held[0] != 0);
    world.tops[X.index()].phase = MarketPhase::Halted as u8;
    // No bar ends while a leg is halted; the signal that ends the trade is the desk's word, which closes both.
    world.policy.on_resume();
    (0..10).for_each(|_| world.step(at_line, 1));
    // The leader has gone as far from its hedge as the limit allows, and no further.
    let legged = world.legged();
    assert!(legged > 3_500.0 && legged < 5_100.0, "{legged}");
    assert_eq!(world.positions()[1], held[1]);
    world.tops[X.index()].phase = MarketPhase::Continuous as u8;
    (0..40).for_each(|_| world.step(at_line, 1));
    assert_eq!(world.positions(), [0, 0]);
}

#[test]
fn a_stop_ends_it_and_the_same_side_is_not_taken_before_the_spread_has_been_back() {
    let (mut world, _, at_line) = learned(&config("pause_bars = 1"));
    world.dwell(apart(at_line, 3.0));
    assert_eq!(world.pair().phase, Phase::Held);
    world.dwell(apart(at_line, 8.0));
    assert_eq!(world.positions(), [0, 0]);
    let orders = world.orders;
    (0..5).for_each(|_| world.step(apart(at_line, 3.5), 10));
    assert_eq!(world.orders, orders);
    // Back at the line, then away again.
    (0..3).for_each(|_| world.step(at_line, 10));
    (0..3).for_each(|_| world.step(apart(at_line, 4.0), 10));
    assert!(world.orders > orders);
}

#[test]
fn time_ends_a_spread_that_stays_away() {
    let (mut world, _, at_line) = learned(&config("hold_bars_max = 4\nhold_half_lives_max = 0.0"));
    world.dwell(apart(at_line, 3.0));
    let is_held = |world: &World| world.positions()[0] != 0;
    assert!(is_held(&world));
    (0..2).for_each(|_| world.step(apart(at_line, 3.0), 10));
    assert!(is_held(&world));
    (0..2).for_each(|_| world.step(apart(at_line, 3.0), 10));
    (0..20).for_each(|_| world.pass(apart(at_line, 3.0), 20_000_000));
    assert!(!is_held(&world));
}

#[test]
fn nothing_is_begun_that_costs_more_than_it_brings() {
    // Two spreads of 2 cents on 100 and on 50 dollars cost 5.2 basis points of y; three deviations less a half bring 25.
    for (edge, trades) in [("3.0", true), ("8.0", false)] {
        let (mut world, _, at_line) = learned(&config(&format!("edge_cost_min = {edge}")));
        (0..2).for_each(|_| world.step(apart(at_line, 3.0), 10));
        assert_eq!(world.orders > 0, trades, "{edge}");
    }
}

#[test]
fn a_limit_that_leaves_no_room_for_the_smallest_step_begins_nothing() {
    for (room, trades) in [(99.0, false), (101.0, true)] {
        let mut terms = config("");
        terms.legged_max_ccy = room;
        let (mut world, _, at_line) = learned(&terms);
        (0..2).for_each(|_| world.step(apart(at_line, 3.0), 10));
        assert_eq!(world.orders > 0, trades, "{room}");
    }
}

#[test]
fn a_key_out_of_range_or_a_symbol_twice_is_named() {
    let table = InstrumentTable::new(["YY", "XX"].map(Instrument::us_equity).to_vec()).unwrap();
    let mut twice = config("");
    twice.pairs.push(PairConfig { y: "ZZ".to_owned(), x: "XX".to_owned() });
    assert_eq!(twice.validate().unwrap_err().key, "pairs (symbols that stand twice)");
    let mut unknown = config("");
    unknown.pairs[0].x = "ZZ".to_owned();
    assert_eq!(Pairs::new(&unknown, &table).unwrap_err().key, "pairs (each symbol's count)");
    let mut stop = config("");
    stop.stop_z = 2.0;
    assert_eq!(stop.validate().unwrap_err().key, "stop_z");
    assert!(toml::from_str::<PairsConfig>("bar_s = 1").is_err());
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Act {
    Step {
        deviations: f64,
        seconds: i64,
    },
    Timer,
    Phase {
        leg: usize,
        is_open: bool,
    },
    /// The venue answers the oldest message of a leg.
    Answer {
        leg: usize,
        kind: u8,
        share: f64,
    },
    Resume,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (-6.0f64..6.0, 0i64..12).prop_map(|(deviations, seconds)| Act::Step { deviations, seconds }),
        1 => Just(Act::Timer),
        1 => (0usize..2, any::<bool>()).prop_map(|(leg, is_open)| Act::Phase { leg, is_open }),
        8 => (0usize..2, 0u8..6, 0.0f64..1.0).prop_map(|(leg, kind, share)| Act::Answer { leg, kind, share }),
        1 => Just(Act::Resume),
    ]
}

impl World {
    /// The oldest message of a leg is answered: a new order by a fill in full, in part (with the rest cancelled where it does not
    /// rest), a refusal or nothing; a cancel by one or by a refusal.
    #[allow(clippy::cast_possible_truncation, reason = "lots of a test")]
    fn answer_one(&mut self, leg: usize, kind: u8, share: f64) {
        let Some(place) = self.pending.iter().position(|order| order.header.instrument as usize == leg)
        else {
            return;
        };
        let order = self.pending.remove(place);
        if order.action() == Action::Cancel {
            let Some(resting) = self.oms.order(tickrace_types::ClientId(order.orig_client_id)).copied()
            else {
                return;
            };
            let about = OrderRecord { client_id: resting.id, ..order };
            return self.answer(&about, ResponseKind::Cancelled, 0, 0);
        }
        match kind {
            0 => self.answer(&order, ResponseKind::Rejected, 0, order.qty),
            1 | 2 => {
                let qty = ((order.qty as f64 * share) as i64).max(1);
                self.answer(&order, ResponseKind::Accepted, 0, order.qty);
                self.answer(&order, ResponseKind::Fill, qty, order.qty - qty);
                if qty < order.qty && order.tif == TimeInForce::Ioc as u8 {
                    self.answer(&order, ResponseKind::Cancelled, 0, 0);
                }
            }
            _ => {
                self.answer(&order, ResponseKind::Accepted, 0, order.qty);
                self.answer(&order, ResponseKind::Fill, order.qty, 0);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever the venue does: no order into a closed market (asserted where orders are taken down), no leg beyond its limit, no
    /// more value alone than allowed (prices move by little here), and once the venue is itself again a desk's word closes all.
    #[test]
    fn whatever_the_venue_does_the_legs_stay_together(acts in prop::collection::vec(act(), 1..120)) {
        let mut terms = config("pause_bars = 0");
        terms.execution = toml::from_str("kind = \"adaptive\"\nduration_ms = 8_000\nbehind_share_max = 0.3\nlast_share = 0.2\nthrough_ticks = 5").unwrap();
        let (mut world, _, at_line) = learned(&terms);
        world.mood = [Mood::Sleeps; 2];
        let bound = 5_000.0 * 1.03 + 100.0;
        for act in acts {
            match act {
                Act::Step { deviations, seconds } => world.step(apart(at_line, deviations), seconds),
                Act::Timer => {
                    world.now_ns += SECOND;
                    world.timer();
                }
                Act::Phase { leg, is_open } => {
                    world.tops[leg].phase =
                        if is_open { MarketPhase::Continuous } else { MarketPhase::Halted } as u8;
                    world.event(InstrumentId(u32::try_from(leg).unwrap()));
                }
                Act::Answer { leg, kind, share } => world.answer_one(leg, kind, share),
                Act::Resume => world.policy.on_resume(),
            }
            prop_assert!(world.most_legged <= bound, "{} alone", world.most_legged);
            prop_assert!(world.positions().into_iter().all(|lots| lots.abs() <= 2_000));
        }
        world.open();
        world.policy.on_resume();
        for _ in 0..400 {
            for leg in 0..2 {
                while world.pending.iter().any(|order| order.header.instrument as usize == leg) {
                    world.answer_one(leg, 5, 1.0);
                }
            }
            world.step(at_line, 5);
            world.policy.pairs[0].stance.abandon(1_000);
        }
        prop_assert_eq!(world.positions(), [0, 0]);
    }
}
