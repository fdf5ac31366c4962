//! Models against sums worked out by hand, and the policy from outside: what it says about a given market and prediction.

use std::sync::{Arc, Mutex};

use tickrace_oms::{Oms, OmsConfig, Order, OrderRequest, State};
use tickrace_types::*;

use super::*;
use crate::{Policy, Say, Speech, View};

const TICK: i64 = 10_000_000;
const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const I: InstrumentId = InstrumentId(0);

fn linear(link: &str, size: &str) -> LinearModel {
    let text = format!(
        "link = \"{link}\"\nintercept = 0.5\n{size}\nweight = [
            {{ feature = \"a\", weight = 2.0, mean = 1.0, deviation = 4.0 }},
            {{ feature = \"b\", weight = -0.25, mean = 0.0, deviation = 0.5 }},
        ]"
    );
    LinearModel::new(&toml::from_str(&text).unwrap()).unwrap()
}

#[test]
fn links_give_the_return_and_the_confidence_they_stand_for() {
    // 0.5 + 2 (3 - 1) / 4 - 0.25 1 / 0.5 = 1.
    let row = [3.0, 1.0];
    let told = linear("identity", "residual_deviation = 0.5").predict(&row).unwrap();
    // Two deviations: 95.44997 per cent of a normal lie within, by any table.
    assert!((told.value - 1.0).abs() < 1e-12 && (told.confidence - 0.954_499_736).abs() < 1e-9, "{told:?}");
    let told = linear("logistic", "scale = 0.001").predict(&row).unwrap();
    // Log odds of one: probability 0.7310585786.
    let share = 2.0 * 0.731_058_578_630_004_9 - 1.0;
    assert!(
        (told.value - 0.001 * share).abs() < 1e-15 && (told.confidence - share).abs() < 1e-12,
        "{told:?}"
    );
    let told = linear("tanh", "scale = 0.001").predict(&row).unwrap();
    assert!((told.value - 0.001 * 0.761_594_155_955_764_9).abs() < 1e-15, "{told:?}");
    assert_eq!(linear("identity", "residual_deviation = 0.5").predict(&[f64::MAX, -f64::MAX]), None);
}

/// Says what it is told to say.
#[derive(Clone, Debug)]
struct Told(Arc<Mutex<Option<Prediction>>>, Vec<String>);

impl Model for Told {
    fn features(&self) -> &[String] {
        &self.1
    }

    fn predict(&mut self, features: &[f64]) -> Option<Prediction> {
        assert!(features.iter().all(|feature| feature.is_finite()));
        *self.0.lock().unwrap()
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}

const CONFIG: &str = r#"
horizon_ms = 1000
equity = 100_000.0
order_qty_max_lots = 150
enter_bps = 1.0
exit_bps = 0.5
cross_cost_bps = 2.0
confidence_min = 0.1
rebalance_min_lots = 10
features = { sample_ms = 100, feature = [{ name = "imbalance" }, { name = "return", horizon_ms = 200 }] }
model = { path = "told.toml" }
sizing = { position_max_lots = 300, leverage_max = 1.0, method = { kind = "fixed-fraction", fraction = 1.0 } }
"#;

/// Ticks and lots.
type Levels = Vec<(i64, i64)>;

/// A desk of one instrument at a time of our choosing: 100.00 to 100.10 unless told otherwise, a lot is worth 100.
struct World {
    policy: ModelPolicy,
    told: Arc<Mutex<Option<Prediction>>>,
    oms: Oms,
    share: Instrument,
    top: TopOfBook,
    now_ns: i64,
    fills: u64,
    say: Say,
}

impl World {
    fn new() -> Self {
        let share = Instrument::us_equity("AAPL");
        let table = InstrumentTable::new(vec![share.clone()]).unwrap();
        let oms = OmsConfig {
            open_orders_max: 64,
            strategy: StrategyId(0),
            account: AccountId(0),
            venue: VenueId(0),
            session: SessionId(0),
            first_client_id: 1,
            unacked_timeout_ns: SECOND,
        };
        let told = Arc::new(Mutex::new(None));
        let mut config: ModelConfig = toml::from_str(CONFIG).unwrap();
        config.model.loaded = Some(Arc::new(Told(Arc::clone(&told), vec!["imbalance_lots".to_owned()])));
        let top = TopOfBook {
            bid_px: 10_000 * TICK,
            ask_px: 10_010 * TICK,
            bid_qty: 100,
            ask_qty: 100,
            phase: Phase::Continuous as u8,
            ..TopOfBook::default()
        };
        let mut world = Self {
            policy: ModelPolicy::new(&config, &table).unwrap(),
            told,
            oms: Oms::new(&oms, &table),
            share,
            top,
            now_ns: SECOND,
            fills: 0,
            say: Say::default(),
        };
        // Every feature is ready from here on.
        for _ in 0..5 {
            world.event(100);
        }
        world
    }

    fn predict(&mut self, bps: f64, confidence: f64) {
        *self.told.lock().unwrap() = Some(Prediction { value: bps * 1e-4, confidence });
    }

    /// An event so many milliseconds later; what is said is done.
    fn event(&mut self, after_ms: i64) -> Speech {
        self.now_ns += after_ms * MS;
        self.top.ts_recv_ns = self.now_ns;
        let header = Header { flags: Flags::END_OF_EVENT, ts_recv_ns: self.now_ns, ..Header::default() };
        self.run(&Record { header, ..Record::default() }, |policy, view, say| policy.on_event(view, say))
    }

    fn run(&mut self, record: &Record, call: impl FnOnce(&mut ModelPolicy, &View<'_>, &mut Say)) -> Speech {
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
        let header = Header { ts_recv_ns: self.now_ns, ..Header::default() };
        self.say.execute(&mut self.oms, I, &header, &mut |_| {});
        self.say.speech
    }

    fn quotes(&self) -> (Levels, Levels) {
        let side =
            |quotes: &[tickrace_oms::Quote]| quotes.iter().map(|one| (one.price / TICK, one.qty)).collect();
        (side(self.say.wanted.bids()), side(self.say.wanted.asks()))
    }

    fn orders(&self) -> Vec<OrderRequest> {
        self.say.orders().copied().collect()
    }

    fn open(&self) -> Vec<ClientId> {
        let both = Side::BOTH.into_iter().flat_map(|side| self.oms.open_orders(I, side));
        both.map(|order| ClientId(order.id)).collect()
    }

    /// The venue answers an order of ours; the policy is asked.
    fn answer(&mut self, id: ClientId, kind: ResponseKind, qty: i64) -> Speech {
        let order = *self.oms.order(id).unwrap();
        self.fills += 1;
        let header = Header { instrument: 0, ts_recv_ns: self.now_ns, ..Header::default() };
        let replaced = self.oms.open_orders(I, order.side).find(|one| one.state == State::PendingReplace);
        let is_gone = kind == ResponseKind::Cancelled;
        let qty = if is_gone { order.leaves } else { qty };
        let response = ResponseRecord {
            header,
            client_id: id.0,
            orig_client_id: replaced.map_or(0, |one| one.id),
            response: kind as u8,
            side: order.side as u8,
            price: order.price,
            qty,
            leaves: order.leaves - qty,
            exec_id: self.fills,
            ..ResponseRecord::default()
        };
        self.oms.on_response(&response);
        let record = Record { header, ..Record::default() };
        self.run(&record, |policy, view, say| policy.on_response(view, &response, say))
    }
}

#[test]
fn before_its_features_are_ready_and_without_a_prediction_nothing_is_said() {
    let mut world = World::new();
    assert_eq!(world.event(100), Speech::Keep);
    assert!(world.say.is_silent() && world.open().is_empty());
}

#[test]
fn a_modest_prediction_rests_at_the_touch_for_as_much_as_it_is_sure() {
    let mut world = World::new();
    // Half the spread is five basis points: four pay no taking. 0.12 of 100,000 are 119 lots of 100.05.
    world.predict(4.0, 0.12);
    assert_eq!(world.event(100), Speech::Quote);
    assert_eq!(world.quotes(), (vec![(10_000, 119)], vec![]));
    // A sure one is bounded by the order's own limit.
    world.predict(-4.0, 1.0);
    assert_eq!(world.event(100), Speech::Quote);
    assert_eq!(world.quotes(), (vec![], vec![(10_010, 150)]));
}

#[test]
fn a_strong_prediction_takes_once_nothing_of_its_own_is_open_and_never_twice() {
    let mut world = World::new();
    world.predict(4.0, 0.5);
    world.event(100);
    let [resting] = world.open()[..] else { panic!("one order") };
    world.answer(resting, ResponseKind::Accepted, 0);
    // Seven basis points are half the spread and the cost: more takes, after what rests is gone.
    world.predict(7.1, 0.5);
    assert_eq!(world.event(100), Speech::Pull);
    assert!(world.orders().is_empty());
    world.answer(resting, ResponseKind::Cancelled, 0);
    let [taker] = world.orders()[..] else { panic!("{:?}", world.orders()) };
    assert_eq!(
        (taker.side, taker.price.0, taker.qty, taker.tif),
        (Side::Bid, world.top.ask_px, 150, TimeInForce::Ioc)
    );
    // Unanswered, it stays alone whatever is predicted.
    for bps in [9.0, -9.0] {
        world.predict(bps, 1.0);
        world.event(100);
        assert!(world.say.is_silent());
    }
    let [taking] = world.open()[..] else { panic!("one order") };
    world.predict(9.0, 1.0);
    world.answer(taking, ResponseKind::Accepted, 0);
    assert!(world.say.is_silent());
    world.answer(taking, ResponseKind::Fill, 150);
    // Half of 100,000 was wanted when it was asked last but one; the prediction of -9 counts until the next row.
    assert_eq!(world.oms.position(I), 150);
}

#[test]
fn positions_and_what_is_open_never_pass_the_limit() {
    let mut world = World::new();
    world.predict(4.0, 1.0);
    for _ in 0..60 {
        world.event(100);
        let open: Vec<Order> = world.oms.open_orders(I, Side::Bid).copied().collect();
        let asked = open.iter().find(|order| order.state == State::PendingNew);
        let is_moved = open.iter().any(|order| order.state == State::PendingReplace);
        match asked.or(open.first()) {
            Some(order) if order.state == State::PendingNew => {
                let kind = if is_moved { ResponseKind::Replaced } else { ResponseKind::Accepted };
                world.answer(ClientId(order.id), kind, 0);
            }
            Some(order) => {
                world.answer(ClientId(order.id), ResponseKind::Fill, order.leaves.min(40));
            }
            None => {}
        }
        // Of an order and its replacement one rests.
        let resting =
            world.oms.open_orders(I, Side::Bid).filter(|order| order.state != State::PendingReplace);
        let open: i64 = resting.map(|order| order.leaves).sum();
        assert!(world.oms.position(I) + open <= 300, "{} and {open}", world.oms.position(I));
    }
    assert_eq!(world.oms.position(I), 300, "the fraction would be 999 lots");
}

#[test]
fn between_the_two_hurdles_a_position_is_kept_and_below_the_lower_given_up() {
    let mut world = World::new();
    world.oms.carry(I, 200, Price(world.top.bid_px));
    world.predict(0.7, 1.0);
    world.event(100);
    assert!(world.say.is_silent());
    world.predict(0.4, 1.0);
    assert_eq!(world.event(100), Speech::Quote);
    assert_eq!(world.quotes(), (vec![], vec![(10_010, 150)]));
    // Of the other sign, however small, it speaks against the position.
    world.predict(-0.7, 1.0);
    world.event(100);
    assert_eq!(world.quotes().1, [(10_010, 150)]);
}

#[test]
fn a_halt_a_stale_book_silence_and_age_pull_everything_and_keep_the_position() {
    let faults: [fn(&mut World); 4] = [
        |world| world.top.phase = Phase::Halted as u8,
        |world| world.top.stale = 1,
        |world| world.top.bid_px = world.top.ask_px,
        |world| *world.told.lock().unwrap() = None,
    ];
    for fault in faults {
        let mut world = World::new();
        world.oms.carry(I, 20, Price(world.top.bid_px));
        world.predict(4.0, 1.0);
        assert_eq!(world.event(100), Speech::Quote);
        let [resting] = world.open()[..] else { panic!("one order") };
        world.answer(resting, ResponseKind::Accepted, 0);
        fault(&mut world);
        assert_eq!(world.event(100), Speech::Pull);
        assert!(world.orders().is_empty());
        assert_eq!(world.oms.position(I), 20);
    }
    // No event at all: the timer notices, first that the prediction is old.
    let mut world = World::new();
    world.predict(4.0, 1.0);
    world.event(100);
    let [resting] = world.open()[..] else { panic!("one order") };
    world.answer(resting, ResponseKind::Accepted, 0);
    world.now_ns += 999 * MS;
    let timer = Record::default();
    assert_eq!(world.run(&timer, |policy, view, say| policy.on_timer(view, say)), Speech::Quote);
    world.now_ns += 2 * MS;
    assert_eq!(world.run(&timer, |policy, view, say| policy.on_timer(view, say)), Speech::Pull);
}

#[test]
fn after_a_silence_of_the_desk_features_are_waited_for_again() {
    let mut world = World::new();
    world.predict(4.0, 1.0);
    assert_eq!(world.event(100), Speech::Quote);
    world.policy.on_resume();
    // The return looks back 200 ms and the part of a window before them: three events a tenth of a second apart.
    for _ in 0..3 {
        world.event(100);
        assert!(world.policy.prediction(I).is_none());
    }
    world.event(100);
    assert!(world.policy.prediction(I).is_some());
}

#[test]
fn a_refusal_is_followed_by_a_pause() {
    let mut world = World::new();
    world.predict(4.0, 1.0);
    world.event(100);
    let [refused] = world.open()[..] else { panic!("one order") };
    world.answer(refused, ResponseKind::GateRefused, 0);
    assert!(world.say.is_silent() && world.open().is_empty());
    for _ in 0..9 {
        world.event(100);
        assert!(world.say.is_silent());
    }
    assert_eq!(world.event(101), Speech::Quote);
}

#[test]
fn missing_limits_and_what_cannot_be_are_refused_by_key() {
    let read = |text: &str| {
        let config: Result<ModelConfig, _> = toml::from_str(text);
        config
            .map_err(|error| error.to_string())
            .and_then(|config| config.validate().map_err(|e| e.to_string()))
    };
    assert_eq!(read(CONFIG), Ok(()));
    for key in
        ["equity", "order_qty_max_lots", "enter_bps", "exit_bps", "cross_cost_bps", "horizon_ms", "sizing"]
    {
        let without: String =
            CONFIG.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
        assert!(read(&without).unwrap_err().contains(key), "{key}");
    }
    for (from, to, named) in [
        ("exit_bps = 0.5", "exit_bps = 1.5", "exit_bps"),
        ("equity = 100_000.0", "equity = nan", "equity"),
        ("kind = \"fixed-fraction\", fraction = 1.0", "kind = \"kelly\"", "volatility"),
        (
            "kind = \"fixed-fraction\", fraction = 1.0",
            "kind = \"utility\", window_periods = 9",
            "sizing.method.kind",
        ),
        ("horizon_ms = 1000\n", "horizon_ms = 1000\nvolatility = \"imbalance_lots\"\n", "volatility"),
        ("position_max_lots = 300, ", "", "position_max_lots"),
        ("path = \"told.toml\"", "path = \"told.toml\", hash = 1", "hash"),
    ] {
        let told = read(&CONFIG.replacen(from, to, 1)).unwrap_err();
        assert!(told.contains(named), "{named}: {told}");
    }
    let config: ModelConfig = toml::from_str(CONFIG).unwrap();
    let table = InstrumentTable::new(vec![Instrument::us_equity("AAPL")]).unwrap();
    assert!(ModelPolicy::new(&config, &table).unwrap_err().to_string().contains("model.path"));
}
