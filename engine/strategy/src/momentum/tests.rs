use tickrace_oms::{Oms, OmsConfig};
use tickrace_stats::Rng;
use tickrace_types::{
    AccountId, Action, Header, InstrumentId, OrderRecord, Phase, ResponseKind, SessionId, StrategyId,
    TopOfBook, VenueId,
};

use super::*;

const ID: InstrumentId = InstrumentId(0);
const CENT: i64 = 10_000_000;

fn config(extra: &str) -> MomentumConfig {
    let text = format!(
        "bars = \"tick:1\"\nhorizons = [{{ bars = 16, weight = 1.0 }}, {{ bars = 32, weight = 1.0 }}]\n\
         equity_ccy = 1_000_000.0\n{extra}\n\
         [sizing]\nposition_max_lots = 500\nleverage_max = 1.0\n[sizing.method]\nkind = \"fixed-fraction\"\nfraction = 0.05\n\
         [execution]\nkind = \"marketable\"\nthrough_ticks = 5\n"
    );
    let config: MomentumConfig = toml::from_str(&text).unwrap();
    config.validate().unwrap();
    config
}

/// A venue where whatever takes trades at once at the touch, one cent from the mid.
struct World {
    policy: Momentum,
    oms: Oms,
    table: InstrumentTable,
    say: Say,
    now_ns: i64,
    mid_cents: f64,
    /// Half spreads paid, and profit on the mid, cents times lots.
    costs: f64,
    profit: f64,
    most_lots: i64,
    orders: u32,
    /// Whether orders are refused.
    is_refusing: bool,
    phase: Phase,
}

impl World {
    fn new(config: &MomentumConfig) -> Self {
        let table = InstrumentTable::new(vec![Instrument::us_equity("X")]).unwrap();
        let oms = OmsConfig {
            open_orders_max: 64,
            strategy: StrategyId(0),
            account: AccountId(0),
            venue: VenueId(0),
            session: SessionId(0),
            first_client_id: 1,
            unacked_timeout_ns: i64::MAX,
        };
        Self {
            policy: Momentum::new(config, &table).unwrap(),
            oms: Oms::new(&oms, &table),
            table,
            say: Say::default(),
            now_ns: 0,
            mid_cents: 10_000.0,
            costs: 0.0,
            profit: 0.0,
            most_lots: 0,
            orders: 0,
            is_refusing: false,
            phase: Phase::Continuous,
        }
    }

    fn position(&self) -> i64 {
        self.oms.position(ID)
    }

    /// One trade at the mid, which is a bar; then whatever the policy says is done.
    #[allow(clippy::cast_possible_truncation, reason = "prices of a test")]
    fn step(&mut self, mid_cents: f64) {
        self.profit += self.position() as f64 * (mid_cents - self.mid_cents);
        self.mid_cents = mid_cents;
        self.now_ns += 1_000_000_000;
        let mid = (mid_cents * CENT as f64) as i64 / CENT * CENT;
        let top = TopOfBook {
            bid_px: mid - CENT,
            ask_px: mid + CENT,
            bid_qty: 1_000,
            ask_qty: 1_000,
            phase: self.phase as u8,
            stale: 0,
            ts_recv_ns: self.now_ns,
            ..TopOfBook::NONE
        };
        let record = print(self.now_ns, self.now_ns, mid, 10);
        let mut answers = vec![None];
        while let Some(answer) = answers.pop() {
            self.say.reset();
            let Self { policy, oms, table, say, now_ns, .. } = self;
            let view =
                View { now_ns: *now_ns, record: &record, top: &top, id: ID, instrument: table.get(ID), oms };
            match &answer {
                None => policy.on_event(&view, say),
                Some(response) => policy.on_response(&view, response, say),
            }
            let mut sent: Vec<OrderRecord> = Vec::new();
            let cause = Header { ts_recv_ns: *now_ns, ..Header::default() };
            say.execute(oms, ID, &cause, &mut |order: &mut OrderRecord| sent.push(*order));
            for order in sent {
                assert_eq!(order.action(), Action::New, "nothing rests here");
                assert_eq!(self.phase, Phase::Continuous, "an order into a market that is not open");
                self.orders += 1;
                let kinds: &[ResponseKind] = if self.is_refusing {
                    &[ResponseKind::Rejected]
                } else {
                    &[ResponseKind::Accepted, ResponseKind::Fill]
                };
                for kind in kinds {
                    let is_fill = *kind == ResponseKind::Fill;
                    let response = ResponseRecord {
                        header: Header { ts_recv_ns: self.now_ns, ..Header::default() },
                        client_id: order.client_id,
                        response: *kind as u8,
                        side: order.side,
                        qty: if is_fill { order.qty } else { 0 },
                        leaves: if is_fill { 0 } else { order.qty },
                        price: if order.side() == Side::Bid { top.ask_px } else { top.bid_px },
                        exec_id: order.client_id,
                        ..ResponseRecord::default()
                    };
                    self.oms.on_response(&response);
                    answers.push(Some(response));
                    self.costs += if is_fill { order.qty as f64 } else { 0.0 };
                }
            }
        }
        self.most_lots = self.most_lots.max(self.position().abs());
    }
}

/// Profit on the mid and costs, dollars, of one seed of returns with an autocorrelation.
fn run(autocorrelation: f64, seed: u64, config: &MomentumConfig) -> (f64, f64) {
    let mut world = World::new(config);
    let mut rng = Rng::new(seed);
    let (mut drift, mut mid) = (0.0, 10_000.0);
    for _ in 0..2_000 {
        // Returns are noise around a drift that lives for about fifty bars.
        drift = 0.98 * drift + rng.normal() * 0.2 * autocorrelation;
        mid = f64::max(mid + drift * 10.0 + rng.normal() * 10.0, 1_000.0);
        world.step(mid);
    }
    assert!(world.most_lots <= 500);
    (world.profit / 100.0, world.costs / 100.0)
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (count - 1.0) / count).sqrt())
}

/// Forty seeds: what trends pays by more than four standard errors of the mean, after costs.
#[test]
fn a_trending_price_pays() {
    let config = config("");
    let net: Vec<f64> = (0..40)
        .map(|seed| {
            let (profit, costs) = run(1.0, seed, &config);
            profit - costs
        })
        .collect();
    let (mean, error) = mean_and_error(&net);
    println!("trend: net {mean:.0} dollars a run, standard error {error:.0}");
    assert!(mean > 4.0 * error, "{mean} {error}");
}

/// On a walk the profit on the mid is nothing within four standard errors, so that what is lost is the costs.
#[test]
fn a_random_walk_costs_its_spreads_and_nothing_else() {
    let config = config("");
    let runs: Vec<(f64, f64)> = (100..160).map(|seed| run(0.0, seed, &config)).collect();
    let profits: Vec<f64> = runs.iter().map(|run| run.0).collect();
    let costs = mean_and_error(&runs.iter().map(|run| run.1).collect::<Vec<_>>()).0;
    let (mean, error) = mean_and_error(&profits);
    println!("walk: profit on the mid {mean:.0} dollars a run, standard error {error:.0}; costs {costs:.0}");
    assert!(mean.abs() < 4.0 * error && costs > 0.0, "{mean} {error}");
}

/// A rise, then a fall: without a signal yet on the other side, the stop ends it.
#[test]
fn a_trailing_stop_ends_a_position_and_it_is_not_taken_again_at_once() {
    let mut world = World::new(&config("trail_volatilities = 3.0\nexit_z = -9.0"));
    let rise = |bar: i32| 10_000.0 + f64::from(bar) * 10.0 + if bar % 2 == 0 { 3.0 } else { 0.0 };
    (0..100).for_each(|bar| world.step(rise(bar)));
    assert!(world.position() > 0);
    // A bar moves by about ten cents, three of them are met on the fourth step down.
    let top = rise(99);
    world.step(top - 20.0);
    assert!(world.position() > 0);
    world.step(top - 60.0);
    assert_eq!(world.position(), 0);
    world.step(top - 50.0);
    assert_eq!(world.position(), 0, "the signal is still up, and it is spent");
}

#[test]
fn a_position_is_not_held_longer_than_it_may() {
    let mut world = World::new(&config("hold_bars_max = 7\ntrail_volatilities = 0.0"));
    let mut held = 0;
    for bar in 0..200 {
        let before = world.position();
        world.step(10_000.0 + f64::from(bar) * 10.0 + f64::from(bar % 3));
        held = if world.position() == 0 { 0 } else { held + 1 };
        assert!(held <= 7, "held {held} bars, {before}");
    }
    assert!(world.orders >= 2, "it was held, and left");
}

#[test]
fn nothing_is_sent_in_a_halt_and_a_venue_that_refuses_is_not_flooded() {
    let mut world = World::new(&config(""));
    (0..60).for_each(|bar| world.step(10_000.0 + f64::from(bar) * 10.0 + f64::from(bar % 2)));
    assert!(world.position() > 0);
    world.phase = Phase::Halted;
    (60..90).for_each(|bar| world.step(10_600.0 - f64::from(bar - 60) * 30.0));
    assert!(world.position() > 0);
    world.phase = Phase::Continuous;
    world.is_refusing = true;
    let before = world.orders;
    (90..1_090).for_each(|bar| world.step(9_700.0 - f64::from(bar - 90)));
    let sent = world.orders - before;
    assert!((1..=200).contains(&sent), "{sent} orders in a thousand seconds of refusals");
    world.is_refusing = false;
    (1_090..1_200).for_each(|bar| world.step(8_700.0 - f64::from(bar - 1_090)));
    assert!(world.position() <= 0, "it got out as soon as it could");
}

#[test]
fn a_regime_scales_the_size() {
    let text = "\n[regime]\n[adaptive]\nscale_max = 1.0\ndrawdown_max = 0.2\nwith_trend_calm = 0.5\nwith_trend_volatile = 0.5\n\
                no_trend_calm = 0.5\nno_trend_volatile = 0.5\nagainst_trend_calm = 0.5\nagainst_trend_volatile = 0.5\n\
                unsettled = 1.0\nperformance_gain = 0.0\nscale_step_max = 1.0\n";
    let most = |config: &MomentumConfig| {
        let mut world = World::new(config);
        (0..120).for_each(|bar| world.step(10_000.0 + f64::from(bar) * 10.0 + f64::from(bar % 2)));
        world.most_lots
    };
    let plain = config("");
    let mut scaled: MomentumConfig = plain.clone();
    let tables: toml::Table = text.parse().unwrap();
    scaled.regime = Some(tables["regime"].clone().try_into().unwrap());
    scaled.adaptive = Some(tables["adaptive"].clone().try_into().unwrap());
    let (plain, scaled) = (most(&plain), most(&scaled));
    assert!(scaled > 0 && scaled <= plain * 6 / 10, "{scaled} of {plain}");
}

#[test]
fn a_missing_limit_and_a_key_out_of_range_are_named() {
    let base = config("");
    for (change, key) in [
        (MomentumConfig { bars: "minute".to_owned(), ..base.clone() }, "bars"),
        (MomentumConfig { exit_z: 2.0, ..base.clone() }, "exit_z"),
        (MomentumConfig { horizons: Vec::new(), ..base }, "horizons"),
    ] {
        assert_eq!(change.validate().unwrap_err().key, key);
    }
    let missing = "bars = \"tick:1\"\nhorizons = []\n[execution]\nkind = \"marketable\"\nthrough_ticks = 1\n";
    assert!(toml::from_str::<MomentumConfig>(missing).unwrap_err().to_string().contains("equity_ccy"));
}

/// A method that asks for what no signal states would size everything at nothing, and say nothing of it.
#[test]
fn a_sizing_method_that_a_signal_cannot_feed_is_refused() {
    for method in [
        "kind = \"binary-kelly\"",
        "kind = \"utility\"\nwindow_periods = 100",
        "kind = \"target\"\nequity_target = 2e6\nhorizon_periods = 100.0\nmean = 0.001\nvolatility = 0.01",
    ] {
        let mut config = config("");
        config.sizing.method = toml::from_str(method).unwrap();
        let told = config.validate().unwrap_err();
        assert_eq!(told.key, "sizing.method.kind", "{method}");
        assert!(told.to_string().contains("volatility-target"), "{told}");
    }
}
