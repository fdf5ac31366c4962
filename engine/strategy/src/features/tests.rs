//! Features against plain formulas over the whole history, on random markets.

use proptest::prelude::*;
use tickrace_types::event::MarketRecord;
use tickrace_types::{Header, Phase, Side};

use super::*;

const TICK: i64 = 10_000_000;
const MS: i64 = NANOS_PER_MS;
const SECOND: i64 = 1_000_000_000;
/// Some morning: far from the epoch, as in life.
const START: i64 = 1_340_285_400 * SECOND + 123_456_789;

/// What happens in one event.
#[derive(Clone, Debug)]
enum Happening {
    /// A touch in ticks and lots.
    Touch { bid: i64, spread: i64, lots: (u32, u32), orders: (u16, u16) },
    /// A trade: the kind of record, its price in ticks from the bid, lots, side of the record.
    Trade { kind: Kind, away: i64, lots: u32, side: Option<Side> },
    /// Trading stops; the next touch is a new beginning.
    Halt,
}

#[derive(Clone, Debug)]
struct Step {
    after_ns: i64,
    what: Happening,
}

fn happening() -> impl Strategy<Value = Happening> {
    let lots = || 1u32..500;
    let kind = prop_oneof![Just(Kind::Execute), Just(Kind::Print), Just(Kind::Trade)];
    let side = prop_oneof![Just(Some(Side::Bid)), Just(Some(Side::Ask)), Just(None)];
    prop_oneof![
        60 => (9_990i64..10_010, 1i64..4, (lots(), lots()), (0u16..9, 0u16..9))
            .prop_map(|(bid, spread, lots, orders)| Happening::Touch { bid, spread, lots, orders }),
        30 => (kind, -2i64..4, lots(), side)
            .prop_map(|(kind, away, lots, side)| Happening::Trade { kind, away, lots, side }),
        1 => Just(Happening::Halt),
    ]
}

fn market() -> impl Strategy<Value = Vec<Step>> {
    let after_ns = prop_oneof![
        1 => Just(0i64),
        6 => 1i64..MS,
        3 => MS..4 * MS,
        // On the grid, so that moments and events fall together.
        1 => Just(-1i64),
        // Longer than any window.
        1 => 30 * MS..200 * MS,
    ];
    prop::collection::vec(
        (after_ns, happening()).prop_map(|(after_ns, what)| Step { after_ns, what }),
        1..300,
    )
}

const CONFIG: &str = r#"
sample_ms = 0
feature = [
    { name = "return", horizon_ms = 5 },
    { name = "microprice-drift", horizon_ms = 9 },
    { name = "volatility", window_ms = 12, sample_ms = 2 },
    { name = "imbalance" },
    { name = "imbalance", of = "orders" },
    { name = "spread" },
    { name = "spread", unit = "ticks" },
    { name = "depth" },
    { name = "microprice" },
    { name = "order-flow-imbalance", window_ms = 7 },
    { name = "order-flow-imbalance", window_ms = 7, scale = "depth" },
    { name = "trade-sign" },
    { name = "signed-volume", window_ms = 6 },
    { name = "signed-volume", window_ms = 6, scale = "share" },
    { name = "volume", window_ms = 6 },
    { name = "since-trade" },
    { name = "bar", bars = "tick:3", of = "return" },
    { name = "bar", bars = "tick:3", of = "range" },
    { name = "bar", bars = "volume:400", of = "volume" },
    { name = "bar", bars = "time:10ms", of = "trades" },
    { name = "bar", bars = "time:10ms", of = "vwap" },
]
"#;

fn config(text: &str) -> FeaturesConfig {
    let config: FeaturesConfig = toml::from_str(text).unwrap();
    config.validate().unwrap();
    config
}

/// A market as plain lists.
#[derive(Default)]
struct History {
    /// Touches since the last halt.
    touches: Vec<(i64, Quote)>,
    /// All trades: time, price, lots, sign.
    trades: Vec<(i64, i64, i64, i64)>,
    /// Trades since the last halt.
    trades_of_stretch: usize,
    /// Times of the touches ever told.
    told_ns: Vec<i64>,
}

/// Start of a window: of the 256th part that holds `now - window`.
fn begin(now_ns: i64, window_ns: i64) -> i64 {
    let part = (window_ns + 255) / 256;
    (now_ns - window_ns).div_euclid(part) * part
}

impl History {
    fn touch_before(&self, ts_ns: i64) -> Option<&Quote> {
        self.touches.iter().rev().find(|(at, _)| *at < ts_ns).map(|(_, quote)| quote)
    }

    fn is_longer_than(&self, ts_ns: i64) -> bool {
        self.touches[0].0 < ts_ns
    }

    /// Whole bars of `full` trades: groups in their order, cut where `full` says so.
    fn groups(&self, full: impl Fn(&[(i64, i64, i64, i64)]) -> bool) -> Vec<&[(i64, i64, i64, i64)]> {
        let (mut groups, mut from) = (Vec::new(), 0);
        for to in 1..=self.trades.len() {
            if full(&self.trades[from..to]) {
                groups.push(&self.trades[from..to]);
                from = to;
            }
        }
        groups
    }

    /// The last interval of time with trades that is over by the last word heard.
    fn last_interval(&self, now_ns: i64, every_ns: i64) -> Option<Vec<(i64, i64, i64, i64)>> {
        let over = |trade: &&(i64, i64, i64, i64)| (trade.0.div_euclid(every_ns) + 1) * every_ns <= now_ns;
        let last = self.trades.iter().rev().find(over)?.0.div_euclid(every_ns);
        Some(self.trades.iter().filter(|trade| trade.0.div_euclid(every_ns) == last).copied().collect())
    }

    /// Every feature of [`CONFIG`] by its definition.
    fn expected(&self, now_ns: i64) -> Vec<Option<f64>> {
        let quote = self.touches.last().unwrap().1;
        let mid = |quote: &Quote| (quote.bid_px as f64 + quote.ask_px as f64) / 2.0;
        let (bid_qty, ask_qty) = (f64::from(quote.bid_qty), f64::from(quote.ask_qty));
        let weighted = |quote: &Quote| {
            let (bid_qty, ask_qty) = (f64::from(quote.bid_qty), f64::from(quote.ask_qty));
            (quote.bid_px as f64 * ask_qty + quote.ask_px as f64 * bid_qty) / (bid_qty + ask_qty)
        };
        let back = |window_ms: i64| begin(now_ns, window_ms * MS);
        let change = |window_ms: i64, of: &dyn Fn(&Quote) -> f64| {
            self.touch_before(back(window_ms)).map(|before| (of(&quote) / of(before)).ln())
        };
        let volatility = || {
            let last = now_ns.div_euclid(2 * MS);
            let mids: Option<Vec<f64>> =
                (last - 6..=last).map(|moment| self.touch_before(moment * 2 * MS).map(mid)).collect();
            let sum: f64 = mids?.windows(2).map(|two| (two[1] / two[0]).ln().powi(2)).sum();
            Some(sum.sqrt())
        };
        let changes: Vec<(i64, Quote, Quote)> = self
            .touches
            .windows(2)
            .filter(|two| two[1].0 >= back(7) && !two[0].1.is_same_touch(&two[1].1))
            .map(|two| (two[1].0, two[0].1, two[1].1))
            .collect();
        // By cases of the price rather than by indicators.
        let side = |before: (i64, u32), after: (i64, u32), is_up_better: bool| -> f64 {
            let better = if is_up_better { after.0 > before.0 } else { after.0 < before.0 };
            if better {
                f64::from(after.1)
            } else if after.0 == before.0 {
                f64::from(after.1) - f64::from(before.1)
            } else {
                -f64::from(before.1)
            }
        };
        let flow: f64 = changes
            .iter()
            .map(|(_, a, b)| {
                side((a.bid_px, a.bid_qty), (b.bid_px, b.bid_qty), true)
                    - side((a.ask_px, a.ask_qty), (b.ask_px, b.ask_qty), false)
            })
            .sum();
        let depths: f64 =
            changes.iter().map(|(_, _, b)| (f64::from(b.bid_qty) + f64::from(b.ask_qty)) / 2.0).sum();
        let mean_depth = depths / changes.len() as f64;
        let of_stretch = &self.trades[self.trades_of_stretch..];
        let recent: Vec<_> = self.trades.iter().filter(|trade| trade.0 >= back(6)).collect();
        let signed: i64 = recent.iter().map(|trade| trade.2 * trade.3).sum();
        let sided: i64 = recent.iter().filter(|trade| trade.3 != 0).map(|trade| trade.2).sum();
        let total: i64 = recent.iter().map(|trade| trade.2).sum();
        let when = |window_ms: i64, value: f64| self.is_longer_than(back(window_ms)).then_some(value);
        let threes = self.groups(|trades| trades.len() == 3);
        let heavy = self.groups(|trades| trades.iter().map(|trade| trade.2).sum::<i64>() >= 400);
        let last_ns = self.told_ns.last().copied().unwrap_or(now_ns);
        let interval = self.last_interval(last_ns, 10 * MS);
        let log = |over: i64, under: i64| (over as f64 / under as f64).ln();
        vec![
            change(5, &mid),
            change(9, &weighted),
            volatility(),
            Some((bid_qty - ask_qty) / (bid_qty + ask_qty)),
            (quote.bid_orders > 0 && quote.ask_orders > 0).then(|| {
                let (bid, ask) = (f64::from(quote.bid_orders), f64::from(quote.ask_orders));
                (bid - ask) / (bid + ask)
            }),
            Some((quote.ask_px - quote.bid_px) as f64 / mid(&quote) * 1e4),
            Some((quote.ask_px - quote.bid_px) as f64 / TICK as f64),
            Some((bid_qty + ask_qty) / 2.0),
            Some((weighted(&quote) / mid(&quote) - 1.0) * 1e4),
            when(7, flow),
            when(7, if changes.is_empty() { 0.0 } else { flow / mean_depth }),
            of_stretch.iter().rev().find(|trade| trade.3 != 0).map(|trade| trade.3 as f64),
            when(6, signed as f64),
            when(6, if sided == 0 { 0.0 } else { signed as f64 / sided as f64 }),
            when(6, total as f64),
            of_stretch.last().map(|trade| (now_ns - trade.0) as f64 * 1e-9),
            threes.last().map(|bar| log(bar[2].1, bar[0].1)),
            threes.last().map(|bar| {
                let prices = || bar.iter().map(|trade| trade.1);
                log(prices().max().unwrap(), prices().min().unwrap())
            }),
            heavy.last().map(|bar| bar.iter().map(|trade| trade.2).sum::<i64>() as f64),
            interval.as_ref().map(|bar| bar.len() as f64),
            interval.as_ref().map(|bar| {
                let lots: f64 = bar.iter().map(|trade| trade.2 as f64).sum();
                let vwap = bar.iter().map(|trade| trade.1 as f64 * trade.2 as f64).sum::<f64>() / lots;
                (bar.last().unwrap().1 as f64 / vwap).ln()
            }),
        ]
    }
}

/// Who took, by the words of the paper, over all trades up to this one.
fn lee_ready(trades: &[(i64, i64, i64, i64)], price: i64, before: Option<&Quote>) -> i64 {
    if let Some(quote) = before {
        let mid_doubled = quote.bid_px + quote.ask_px;
        if 2 * price != mid_doubled {
            return if 2 * price > mid_doubled { 1 } else { -1 };
        }
    }
    let other = trades.iter().rev().find(|trade| trade.1 != price);
    other.map_or(0, |other| if price > other.1 { 1 } else { -1 })
}

/// Runs a market through the features and hands over each row with what it should be.
fn run(steps: &[Step], config: &FeaturesConfig, mut each: impl FnMut(&Row, &[Option<f64>])) {
    let share = Instrument::us_equity("AAPL");
    let mut set = FeatureSet::new(config, &share);
    let mut history = History::default();
    let mut top = TopOfBook::default();
    let mut now_ns = START;
    for step in steps {
        now_ns = if step.after_ns < 0 { (now_ns / (2 * MS) + 1) * 2 * MS } else { now_ns + step.after_ns };
        let header = Header {
            kind: Kind::Notice as u8,
            flags: Flags::END_OF_EVENT,
            ts_venue_ns: now_ns,
            ts_recv_ns: now_ns,
            ..Header::default()
        };
        let mut record = MarketRecord { header, ..MarketRecord::default() };
        match &step.what {
            Happening::Touch { bid, spread, lots, orders } => {
                (top.bid_px, top.ask_px) = (bid * TICK, (bid + spread) * TICK);
                (top.bid_qty, top.ask_qty) = *lots;
                (top.bid_orders, top.ask_orders) = *orders;
                top.phase = Phase::Continuous as u8;
            }
            Happening::Halt => top.phase = Phase::Halted as u8,
            Happening::Trade { kind, away, lots, side } => {
                record.header.kind = *kind as u8;
                record.price = top.bid_px.max(9_990 * TICK) + away * TICK / 2;
                (record.qty, record.side) = (*lots, side.map_or(2, |side| side as u8));
                let before = history.touches.last().map(|(_, quote)| quote);
                let sign = match (kind, side) {
                    (Kind::Execute, Some(Side::Bid)) | (Kind::Print, Some(Side::Ask)) => -1,
                    (Kind::Execute, Some(Side::Ask)) | (Kind::Print, Some(Side::Bid)) => 1,
                    _ => lee_ready(&history.trades, record.price, before),
                };
                history.trades.push((now_ns, record.price, i64::from(*lots), sign));
                history.told_ns.push(now_ns);
            }
        }
        (top.ts_venue_ns, top.ts_recv_ns) = (now_ns, now_ns);
        let quote = Quote::of(&top, now_ns);
        match quote {
            Some(quote) => {
                history.touches.push((now_ns, quote));
                history.told_ns.push(now_ns);
            }
            None => {
                if !history.touches.is_empty() {
                    history.trades_of_stretch = history.trades.len();
                }
                history.touches.clear();
            }
        }
        let row = set.on_record(record.as_record(), &top, now_ns);
        assert_eq!(row.is_some(), quote.is_some(), "a row at every event of a market one can trade in");
        if let Some(row) = row {
            assert_eq!(row.ts_ns, now_ns);
            each(row, &history.expected(now_ns));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_feature_is_its_definition_over_the_whole_history(steps in market()) {
        let config = config(CONFIG);
        let labels = config.labels();
        let mut failure = None;
        run(&steps, &config, |row, expected| {
            for (place, expected) in expected.iter().enumerate() {
                let got = row.value(place);
                let is_near = match (got, expected) {
                    (Some(got), Some(expected)) => (got - expected).abs() <= 1e-9 * expected.abs().max(1.0),
                    (None, None) => row.values[place] == 0.0,
                    _ => false,
                };
                if !is_near {
                    failure.get_or_insert((labels[place].clone(), got, *expected, row.ts_ns));
                }
            }
        });
        prop_assert!(failure.is_none(), "{failure:?}");
    }
}

#[test]
fn rows_come_at_the_first_event_of_each_interval() {
    let config = config("sample_ms = 10\nfeature = [{ name = \"spread\" }]");
    let touch = Happening::Touch { bid: 10_000, spread: 1, lots: (1, 1), orders: (1, 1) };
    let share = Instrument::us_equity("AAPL");
    let mut set = FeatureSet::new(&config, &share);
    let Happening::Touch { bid, .. } = touch else { unreachable!() };
    let mut taken = Vec::new();
    for at_ms in [3, 4, 9, 10, 11, 29, 30, 30, 55] {
        let now_ns = at_ms * MS;
        let top = TopOfBook {
            bid_px: bid * TICK,
            ask_px: (bid + 1) * TICK,
            bid_qty: 1,
            ask_qty: 1,
            phase: Phase::Continuous as u8,
            ..TopOfBook::default()
        };
        let header = Header { flags: Flags::END_OF_EVENT, ts_recv_ns: now_ns, ..Header::default() };
        let record = Record { header, ..Record::default() };
        if set.on_record(&record, &top, now_ns).is_some() {
            taken.push(at_ms);
        }
    }
    assert_eq!(taken, [3, 10, 29, 30, 55]);
}

#[test]
fn a_feature_of_ones_own_stands_after_the_others_and_its_nonsense_is_not_ready() {
    struct Nonsense(f64);
    impl Feature for Nonsense {
        fn on_quote(&mut self, quote: &Quote) {
            self.0 = quote.mid_doubled();
        }
        fn on_trade(&mut self, _trade: &Trade) {}
        fn on_break(&mut self) {}
        fn value(&mut self, _quote: &Quote) -> Option<f64> {
            (self.0 > 0.0).then_some(self.0)
        }
    }
    let config = config("sample_ms = 0\nfeature = [{ name = \"depth\" }]");
    let share = Instrument::us_equity("AAPL");
    let mut set = FeatureSet::new(&config, &share).with_feature(Box::new(Nonsense(0.0)));
    let top = TopOfBook {
        bid_px: 99 * TICK,
        ask_px: 101 * TICK,
        bid_qty: 4,
        ask_qty: 8,
        phase: Phase::Continuous as u8,
        ..TopOfBook::default()
    };
    let header = Header { flags: Flags::END_OF_EVENT, ts_recv_ns: START, ..Header::default() };
    let row = set.on_record(&Record { header, ..Record::default() }, &top, START).unwrap();
    assert_eq!((&row.values[..], row.ready), (&[6.0, 200.0 * TICK as f64][..], 3));
}

#[test]
fn what_cannot_be_is_refused_by_key() {
    for (text, key) in [
        ("sample_ms = 0\nfeature = []", "features.feature"),
        ("sample_ms = 0\nfeature = [{ name = \"return\", horizon_ms = 0 }]", "horizon_ms"),
        ("sample_ms = 0\nfeature = [{ name = \"return\", window_ms = 5 }]", "window_ms"),
        ("sample_ms = 0\nfeature = [{ name = \"return\" }]", "horizon_ms"),
        ("sample_ms = 0\nfeature = [{ name = \"depth\", lots = 1 }]", "lots"),
        ("sample_ms = 0\nfeature = [{ name = \"retrun\" }]", "retrun"),
        ("feature = [{ name = \"depth\" }]", "sample_ms"),
        ("sample_ms = 0\nfeature = [{ name = \"volatility\", window_ms = 5, sample_ms = 2 }]", "window_ms"),
        ("sample_ms = 0\nfeature = [{ name = \"bar\", bars = \"time\", of = \"range\" }]", "bars"),
        ("sample_ms = 0\nfeature = [{ name = \"depth\" }, { name = \"depth\" }]", "features.feature"),
    ] {
        let read = toml::from_str::<FeaturesConfig>(text).map_err(|error| error.to_string());
        let told = read.and_then(|config| config.validate().map_err(|error| error.to_string())).unwrap_err();
        assert!(told.contains(key), "{text}: {told}");
    }
}

#[test]
fn random_markets_make_every_feature_ready_at_times_and_not_at_others() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let config = config(CONFIG);
    let (mut ready, mut waiting) = (0u64, 0u64);
    let mut runner = TestRunner::deterministic();
    for _ in 0..60 {
        let steps = market().new_tree(&mut runner).unwrap().current();
        run(&steps, &config, |row, _| {
            ready |= row.ready;
            waiting |= !row.ready;
        });
    }
    let all = (1u64 << config.feature.len()) - 1;
    assert_eq!(ready & all, all);
    // The touch alone answers at once: lots, both spreads, depth and micro-price.
    let at_once = [3, 5, 6, 7, 8].iter().map(|place| 1 << place).sum::<u64>();
    assert_eq!(waiting & all, all & !at_once);
}
