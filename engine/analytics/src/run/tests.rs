use super::*;
use crate::config::{InputFile, RunMeta};
use crate::summary::{self, Summary};
use proptest::prelude::*;
use tickrace_types::{Instrument, InstrumentTable, Kind, Phase};

const ONE: i64 = 1_000_000_000;
const CENT: i64 = ONE / 100;
const OPEN_NS: i64 = 1_548_858_600 * ONE;

fn table(count: usize) -> InstrumentTable {
    let symbols = ["AAPL", "MSFT", "INTC", "AMZN"];
    InstrumentTable::new(symbols[..count].iter().map(|symbol| Instrument::us_equity(symbol)).collect())
        .unwrap()
}

pub(crate) fn run() -> Run {
    Run::new(RunConfig::new(table(1))).unwrap()
}

fn top(instrument: u32, ts_ns: i64, bid_px: i64, ask_px: i64) -> TopOfBook {
    TopOfBook {
        instrument,
        ts_venue_ns: ts_ns,
        ts_recv_ns: ts_ns,
        bid_px,
        ask_px,
        bid_qty: 1,
        ask_qty: 1,
        phase: Phase::Continuous as u8,
        ..TopOfBook::default()
    }
}

fn response(kind: ResponseKind, ts_ns: i64, client_id: u64, side: Side, price: i64) -> ResponseRecord {
    ResponseRecord {
        header: Header {
            kind: Kind::Response as u8,
            ts_venue_ns: ts_ns,
            ts_recv_ns: ts_ns,
            ..Header::default()
        },
        client_id,
        price,
        side: side as u8,
        response: kind as u8,
        ..ResponseRecord::default()
    }
}

fn fill(
    ts_ns: i64,
    client_id: u64,
    side: Side,
    price: i64,
    qty: i64,
    leaves: i64,
    fee_nanos: i64,
) -> ResponseRecord {
    ResponseRecord { qty, leaves, fee_nanos, ..response(ResponseKind::Fill, ts_ns, client_id, side, price) }
}

fn order(seq: u64, action: Action, verdict: u8) -> OrderRecord {
    OrderRecord {
        header: Header { kind: Kind::Order as u8, seq, ts_recv_ns: OPEN_NS, ..Header::default() },
        client_id: seq,
        action: action as u8,
        verdict,
        ..OrderRecord::default()
    }
}

#[test]
fn funding_is_paid_by_the_position_held_before_its_time_and_stands_apart() {
    let perpetual = Instrument {
        settlement: tickrace_types::instrument::Settlement::Linear,
        ..Instrument::us_equity("PERP")
    };
    let mut run = Run::new(RunConfig::new(InstrumentTable::new(vec![perpetual]).unwrap())).unwrap();
    let paid_ns = OPEN_NS + 100 * ONE;
    run.on_top(&top(0, OPEN_NS, 99 * ONE, 101 * ONE));
    run.on_funding_rate(0, OPEN_NS + ONE, 200_000, paid_ns);
    // Ten bought at the mid; the venue's mark is 110 by then. One more bought at the very time is not funded.
    run.on_response(&fill(OPEN_NS + 2 * ONE, 1, Side::Bid, 100 * ONE, 10, 0, 30_000_000));
    let items = [("exchange fee", 20_000_000), ("clearing", 10_000_000)];
    run.on_costs(0, items.map(|(name, nanos)| (name, money::from_nanos(nanos))).into_iter());
    run.on_mark_price(0, OPEN_NS + 99 * ONE, 110 * ONE);
    run.on_response(&fill(paid_ns, 2, Side::Bid, 100 * ONE, 1, 0, 0));
    let report = run.finish(&RunTimings::default());
    // 10 x 110 x 0.0002 = 0.22 paid; gross nothing, fees 0.03.
    assert_eq!(report.total.funding.to_string(), "-0.22");
    assert_eq!(report.total.net_pnl.to_string(), "-0.25");
    let summary = Summary::from(&report);
    assert_eq!(summary.costs, [("exchange fee".to_owned(), 0.02), ("clearing".to_owned(), 0.01)].into());
    assert_eq!(summary.by_symbol["PERP"].funding.to_string(), "-0.22");
    let page = crate::report::html(&report);
    assert!(
        page.contains("<td>funding</td><td>0.22</td>") && page.contains("<td>exchange fee</td><td>0.02</td>")
    );
    let printed = summary::print(&report);
    assert!(printed.contains("-0.22 USD") && printed.contains("0.02 USD exchange fee"), "{printed}");
}

#[test]
#[should_panic(expected = "items of cost")]
fn items_that_are_not_the_fees_do_not_pass() {
    let mut run = run();
    run.on_response(&fill(OPEN_NS, 1, Side::Bid, 100 * ONE, 10, 0, 30_000_000));
    run.on_costs(0, [("exchange fee", money::from_nanos(20_000_000))].into_iter());
    let _ = run.finish(&RunTimings::default());
}

/// A seeded day of random walks with quotes around the mid and fills of every `fill_every`-th second's order.
pub(crate) fn generated(seconds: i64, fill_every: u64) -> RunReport {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut config = RunConfig::new(table(4)).with_session_midnight(1_548_824_400 * ONE);
    config.title = "Market making, generated day".to_owned();
    config.refusal_names = vec![(3, "price_collar".to_owned()), (5, "position_limit".to_owned())];
    config.meta = RunMeta {
        config_text: "[strategy]\nkind = \"market_making\"\nlevels = 2\n".to_owned(),
        seed: Some(7),
        files: vec![InputFile {
            path: "day.itch.gz".to_owned(),
            bytes: 1,
            hash: "blake3:00".to_owned(),
            messages: 9,
        }],
        placement: "[decode sequence book decide gate send]".to_owned(),
        ..RunMeta::default()
    };
    let mut run = Run::new(config).unwrap();
    let mut mids = [15_550 * CENT, 10_220 * CENT, 4_735 * CENT, 161_300 * CENT];
    let mut positions = [0i64; 4];
    let mut seq = 0;
    for second in 0..seconds {
        for (place, id) in (0..4).zip(0u32..) {
            let ts_ns = OPEN_NS + second * ONE + i64::from(id) * 1000;
            mids[place] += CENT * (i64::try_from(random(3)).unwrap() - 1);
            let mid = mids[place];
            run.on_top(&top(id, ts_ns, mid - CENT, mid + CENT));
            if !second.unsigned_abs().is_multiple_of(7 + u64::from(id)) {
                continue;
            }
            seq += 1;
            let verdict = if random(40) == 0 { 3 + 2 * u8::from(random(2) == 0) } else { 0 };
            let mut request = order(seq, Action::New, verdict);
            request.header.instrument = id;
            request.header.ts_recv_ns = ts_ns;
            run.on_order(&request);
            if verdict != 0 {
                continue;
            }
            // Leans against the position, so that it comes back.
            let leaning = if positions[place].abs() > 400 { positions[place] > 0 } else { random(2) == 0 };
            let side = if leaning { Side::Ask } else { Side::Bid };
            let price = mid - side.sign() * CENT;
            let at = |mut response: ResponseRecord| {
                response.header.instrument = id;
                response
            };
            run.on_response(&at(response(ResponseKind::Accepted, ts_ns + 100_000, seq, side, price)));
            let life_ns = 1_000_000 * i64::try_from(1 + random(3000)).unwrap();
            if fill_every > 0 && seq.is_multiple_of(fill_every) {
                positions[place] += side.sign() * 100;
                let taker = u8::from(random(20) == 0);
                let done =
                    ResponseRecord { taker, ..fill(ts_ns + life_ns, seq, side, price, 100, 0, -200_000_000) };
                run.on_response(&at(done));
            } else {
                run.on_response(&at(response(ResponseKind::Cancelled, ts_ns + life_ns, seq, side, price)));
            }
        }
    }
    let mut latency = |name: &str, base: u64| {
        let values =
            (0..200_000u64).map(|n| base + random(base / 2) + if n % 997 == 0 { random(40_000) } else { 0 });
        LatencySummary::from_values(name, values.collect())
    };
    let timings = RunTimings {
        events: 12_345_678,
        wall_seconds: 1.04,
        tick_to_order: Some(latency("tick to order", 80)),
        tick_to_order_note: "service time, flat out".to_owned(),
        hops: vec![latency("book", 20), latency("decide", 40), latency("gate", 12)],
        cut_short: None,
    };
    run.finish(&timings)
}

#[test]
fn three_fills_at_known_marks_are_worth_what_a_person_works_out() {
    // Mid 100.00. Buy 100 at 99.99, rebate 0.20; mid to 100.10; sell 60 at 100.11, rebate 0.12;
    // mid to 99.90; sell 40 at 99.90 as taker, fee 0.12; mid stays.
    // Cash: -9999.00 + 6006.60 + 3996.00 = 3.60 gross; fees -0.20 - 0.12 + 0.12 = -0.20; net 3.80.
    // Spread: 100 x 0.01 + 60 x 0.01 + 40 x 0 = 1.60; drift: 100 x 0.10 + 40 x -0.20 = 2.00.
    let mut run = run();
    let at = |second: i64| OPEN_NS + second * ONE;
    run.on_top(&top(0, at(0), 9_999 * CENT, 10_001 * CENT));
    run.on_response(&fill(at(10), 1, Side::Bid, 9_999 * CENT, 100, 0, -200_000_000));
    run.on_top(&top(0, at(20), 10_009 * CENT, 10_011 * CENT));
    run.on_response(&fill(at(30), 2, Side::Ask, 10_011 * CENT, 60, 0, -120_000_000));
    run.on_top(&top(0, at(40), 9_989 * CENT, 9_991 * CENT));
    run.on_response(&ResponseRecord {
        taker: 1,
        ..fill(at(50), 3, Side::Ask, 9_990 * CENT, 40, 0, 120_000_000)
    });
    run.on_top(&top(0, at(60), 9_989 * CENT, 9_991 * CENT));
    let report = run.finish(&RunTimings::default());
    let total = &report.total;
    assert_eq!(total.gross_pnl.to_string(), "3.60");
    assert_eq!(total.fees.to_string(), "-0.20");
    assert_eq!(total.net_pnl.to_string(), "3.80");
    assert_eq!(total.spread_captured.to_string(), "1.60");
    assert_eq!(total.inventory_drift.to_string(), "2.00");
    assert_eq!((total.fills, total.maker_fills, total.taker_fills, total.volume_lots), (3, 2, 1, 200));
    let one = &report.by_instrument[0];
    assert_eq!((one.position, one.position_min, one.position_max), (0, 0, 100));
    // Equity: 0, then 1.20 (spread 1.00 and rebate), 11.20 at the rise, 11.92 after the sale, 3.92 at the fall,
    // 3.80 after the fee: the deepest fall is 11.92 - 3.80.
    assert!((report.drawdown.amount - 8.12).abs() < 1e-9, "{}", report.drawdown.amount);
    // 100 lots for 20 s, 40 for 20 s of 50 s since the first response, flat for 10 s.
    let held: Vec<_> = one.inventory.iter().filter(|bin| bin.share > 0.0).map(|bin| bin.share).collect();
    assert_eq!(held, [0.2, 0.4, 0.4]);
}

#[test]
fn a_fill_is_judged_by_the_mid_before_the_trade_that_made_it() {
    // The trade that fills us takes the level away at the same venue time; the book tells first.
    let mut run = run();
    run.on_top(&top(0, OPEN_NS, 99 * ONE, 101 * ONE));
    run.on_top(&top(0, OPEN_NS + 10, 97 * ONE, 101 * ONE));
    run.on_response(&fill(OPEN_NS + 10, 1, Side::Bid, 99 * ONE, 1, 0, 0));
    let report = run.finish(&RunTimings::default());
    assert_eq!(report.total.spread_captured.to_string(), "1.00");
    assert_eq!(report.total.inventory_drift.to_string(), "-1.00");
}

#[test]
fn requests_and_answers_are_counted_by_kind_and_reason() {
    let mut config = RunConfig::new(table(1));
    config.refusal_names = vec![(3, "price_collar".to_owned())];
    let mut run = Run::new(config).unwrap();
    for (seq, action, verdict) in [
        (1, Action::New, 0),
        (2, Action::New, 3),
        (3, Action::Replace, 0),
        (4, Action::Cancel, 0),
        (5, Action::New, 99),
        (6, Action::New, 3),
        (7, Action::New, 0),
    ] {
        run.on_order(&order(seq, action, verdict));
    }
    let at = |ns: i64| OPEN_NS + ns;
    run.on_response(&response(ResponseKind::Accepted, at(100), 1, Side::Bid, ONE));
    run.on_response(&fill(at(150), 1, Side::Bid, ONE, 5, 5, 0));
    run.on_response(&fill(at(160), 1, Side::Bid, ONE, 1, 4, 0));
    let replaced = response(ResponseKind::Replaced, at(300), 3, Side::Bid, 2 * ONE);
    run.on_response(&ResponseRecord { orig_client_id: 1, ..replaced });
    run.on_response(&response(ResponseKind::Cancelled, at(700), 3, Side::Bid, 2 * ONE));
    let refused =
        ResponseRecord { reason: 3, ..response(ResponseKind::Rejected, at(800), 7, Side::Bid, ONE) };
    run.on_response(&refused);
    let report = run.finish(&RunTimings::default());
    let expected = OrderCounts {
        new: 5,
        replace: 1,
        cancel: 1,
        passed: 4,
        refused: 3,
        stood: 2,
        filled: 1,
        cancelled: 1,
        venue_rejected: 1,
        cancel_rejected: 0,
    };
    assert_eq!(report.total.orders, expected);
    let reasons: Vec<_> =
        report.refusals.iter().map(|reason| (reason.by, reason.name.as_str(), reason.count)).collect();
    assert_eq!(reasons, [("gate", "price_collar", 2), ("venue", "post_only", 1), ("gate", "reason-99", 1)]);
    // Lives of 200 and 400 ns; with two digits, values from 256 on are told apart by twos: 400 and 401 are one.
    assert_eq!((report.lifetimes.count, report.lifetimes.max), (2, 401));
    let summary = Summary::from(&report);
    assert_eq!(summary.rejects.get("venue_post_only"), Some(&1));
    assert_eq!(report.total.fill_ratio(), Some(0.5));
}

#[test]
fn records_of_unknown_instruments_are_counted_and_change_nothing() {
    let mut run = run();
    run.on_top(&top(9, OPEN_NS, ONE, 2 * ONE));
    let mut stray = fill(OPEN_NS, 1, Side::Bid, ONE, 1, 0, 0);
    stray.header.instrument = u32::MAX;
    run.on_response(&stray);
    run.on_response(&ResponseRecord {
        response: 200,
        ..response(ResponseKind::Fill, OPEN_NS, 1, Side::Bid, 1)
    });
    let report = run.finish(&RunTimings::default());
    assert_eq!((report.unknown_records, report.total.fills), (3, 0));
}

#[test]
fn equity_is_sampled_on_the_grid_and_quiet_time_costs_nothing() {
    let mut run = run();
    run.on_top(&top(0, OPEN_NS + ONE / 2, 99 * ONE, 101 * ONE));
    run.on_response(&fill(OPEN_NS + 3 * ONE / 4, 1, Side::Bid, 99 * ONE, 1, 0, 0));
    run.on_top(&top(0, OPEN_NS + 3600 * ONE + 1, 97 * ONE, 101 * ONE));
    let report = run.finish(&RunTimings::default());
    let since_open: Vec<i64> = report.equity.ts_ns.iter().map(|ts_ns| ts_ns - OPEN_NS).collect();
    assert_eq!(since_open, [ONE / 2, ONE, 3600 * ONE + 1]);
    assert_eq!(report.equity.equity, [0.0, 1.0, 0.0]);
    assert_eq!(report.by_instrument[0].series.first_sample, 1);
    assert_eq!(report.by_instrument[0].series.position_lots, [1, 1]);
}

#[test]
fn more_samples_than_fit_are_thinned() {
    let mut config = RunConfig::new(table(1));
    config.sample_ns = 1000;
    config.opening_positions = vec![crate::OpeningPosition {
        instrument: tickrace_types::InstrumentId(0),
        qty_lots: 1,
        price_nanos: ONE,
        strategy: 0,
    }];
    let mut run = Run::new(config).unwrap();
    let steps = i64::try_from(SAMPLES_MAX).unwrap() + 1000;
    for step in 0..steps {
        run.on_top(&top(0, OPEN_NS + step * 1000 + 1, step, step + 2));
    }
    let report = run.finish(&RunTimings::default());
    assert_eq!(report.equity.sample_ns, 2000);
    let series = &report.by_instrument[0].series;
    assert!(report.equity.ts_ns.len() < SAMPLES_MAX);
    assert_eq!(series.first_sample + series.mark.len(), report.equity.ts_ns.len());
}

#[test]
fn an_inventory_of_round_lots_has_no_gaps_and_bounded_bins() {
    // Held -100 for 1, 0 for 2, 200 for 1: hundreds from -100 to 200.
    let held = BTreeMap::from([(-100, 1), (0, 2), (200, 1)]);
    let bins: Vec<_> = inventory(&held).iter().map(|bin| (bin.from_lots, bin.to_lots, bin.share)).collect();
    assert_eq!(bins, [(-100, -100, 0.25), (0, 0, 0.5), (100, 100, 0.0), (200, 200, 0.25)]);
    let wide: BTreeMap<i64, i64> = (-777..=1234).map(|position| (position, 1)).collect();
    let bins = inventory(&wide);
    assert!(bins.len() <= usize::try_from(INVENTORY_BINS_MAX).unwrap());
    assert!((bins.iter().map(|bin| bin.share).sum::<f64>() - 1.0).abs() < 1e-9);
    assert!(bins.windows(2).all(|pair| pair[1].from_lots == pair[0].to_lots + 1));
}

#[test]
fn a_foreign_currency_is_refused_by_name() {
    let mut config = RunConfig::new(table(1));
    config.account_currency = "EUR".to_owned();
    let error = Run::new(config).map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "instrument AAPL earns USD, the account is in EUR: nothing is converted, so run instruments of one currency together"
    );
}

#[test]
fn the_summary_has_every_key_of_the_contract() {
    let report = generated(600, 2);
    let json: serde_json::Value = serde_json::from_str(&Summary::from(&report).to_json()).unwrap();
    for key in [
        "events",
        "wall_seconds",
        "events_per_second",
        "orders",
        "fills",
        "rejects",
        "volume_lots",
        "gross_pnl",
        "fees",
        "net_pnl",
        "positions",
        "max_drawdown",
        "sharpe",
        "tick_to_order_ns",
        "order_digest",
        "account_currency",
        "by_symbol",
    ] {
        assert!(json.get(key).is_some(), "{key}");
    }
    for key in ["p50", "p90", "p99", "p999", "max", "count"] {
        assert!(json["tick_to_order_ns"][key].is_u64(), "{key}");
    }
    assert!(json["sharpe"].is_null());
    let number = |key: &str| json[key].as_f64().unwrap();
    assert!((number("net_pnl") - (number("gross_pnl") - number("fees"))).abs() < 1e-6);
    let lots: i64 =
        json["by_symbol"].as_object().unwrap().values().map(|one| one["volume_lots"].as_i64().unwrap()).sum();
    assert_eq!(Some(lots), json["volume_lots"].as_i64());
}

#[test]
fn the_terminal_summary_is_aligned_and_whole() {
    let report = generated(600, 2);
    let text = summary::print(&report);
    for word in [
        "events",
        "orders",
        "fills",
        "gross",
        "fees",
        "net",
        "max drawdown",
        "tick to order",
        &report.order_digest,
    ] {
        assert!(text.contains(word), "{word} in\n{text}");
    }
    if std::env::var_os("TICKRACE_REPORT_OUT").is_some() {
        println!("{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn sums_close_for_any_stream(
        acts in prop::collection::vec((0u8..4, 0u32..4, 0i64..2_000_000_000, 1i64..1_000_000_000_000, 1i64..1000, -1_000_000i64..1_000_000), 0..120)
    ) {
        let mut run = Run::new(RunConfig::new(table(4))).unwrap();
        let mut clock = OPEN_NS;
        // The oracle keeps cash and position of each instrument and its last mark.
        let (mut cash, mut held, mut marks, mut fees) = ([0i128; 4], [0i64; 4], [None; 4], 0i128);
        for (kind, id, dt, price, qty, fee) in acts {
            clock += dt;
            let place = id as usize;
            if kind < 2 {
                run.on_top(&top(id, clock, price - 2, price + 2));
                marks[place] = Some(price);
            } else {
                let side = if kind == 2 { Side::Bid } else { Side::Ask };
                // Heard up to two seconds after it traded.
                let mut filled = fill(clock - dt, 1, side, price, qty, 1, fee);
                filled.header.instrument = id;
                run.on_response(&filled);
                let signed = side.sign() * qty;
                cash[place] -= i128::from(price) * i128::from(signed) * i128::from(ONE);
                held[place] += signed;
                fees += i128::from(fee) * i128::from(ONE);
                marks[place] = marks[place].or(Some(price));
            }
        }
        let report = run.finish(&RunTimings::default());
        let worth = |place: usize| cash[place] + i128::from(marks[place].unwrap_or(0)) * i128::from(held[place]) * i128::from(ONE);
        prop_assert_eq!(report.total.gross_pnl.0, (0..4).map(worth).sum::<i128>());
        prop_assert_eq!(report.total.net_pnl.0, report.total.gross_pnl.0 - fees);
        for one in &report.by_instrument {
            prop_assert_eq!(one.position, held[one.instrument as usize]);
            prop_assert_eq!(one.figures.gross_pnl.0, worth(one.instrument as usize));
        }
    }
}

/// Two strategies on one instrument, by hand; see the comments.
fn two_strategies() -> RunReport {
    let mut config = RunConfig::new(table(1));
    config.strategy_names = vec!["maker".to_owned(), "taker".to_owned()];
    let opening = |strategy, qty_lots, price| crate::OpeningPosition {
        instrument: tickrace_types::InstrumentId(0),
        qty_lots,
        price_nanos: price * ONE,
        strategy,
    };
    // Long 10 from 100 and short 4 from 98, marked to 98 both when the second is told.
    config.opening_positions = vec![opening(0, 10, 100), opening(1, -4, 98)];
    let mut run = Run::new(config).unwrap();
    run.on_top(&top(0, OPEN_NS, 99 * ONE, 101 * ONE));
    for (seq, strategy, verdict) in [(1, 0, 0), (2, 1, 0), (3, 1, 5)] {
        run.on_order(&OrderRecord { strategy, ..order(seq, Action::New, verdict) });
    }
    // The maker sells 10 at 101 with the mid at 100: 10 captured, 0.50 rebate; flat with 10 gained.
    let made = fill(OPEN_NS + 10 * ONE, 1, Side::Ask, 101 * ONE, 10, 0, -500_000_000);
    run.on_response(&ResponseRecord { strategy: 0, ..made });
    // The taker buys 6 at 102 with the mid at 101.5: 3 of slippage, 1.20 of fees; closes 4 with a loss of 16, opens 2.
    run.on_top(&top(0, OPEN_NS + 3_600 * ONE, 101 * ONE, 102 * ONE));
    let took = fill(OPEN_NS + 3_700 * ONE, 2, Side::Bid, 102 * ONE, 6, 0, 1_200_000_000);
    run.on_response(&ResponseRecord { strategy: 1, taker: 1, ..took });
    run.on_top(&top(0, OPEN_NS + 3_800 * ONE, 103 * ONE, 105 * ONE));
    run.finish(&RunTimings::default())
}

#[test]
fn each_strategy_has_its_own_money_and_together_they_have_all_of_it() {
    let report = two_strategies();
    let [maker, taker] = report.strategies.as_slice() else { panic!("two strategies") };
    assert_eq!((maker.name.as_str(), maker.orders, maker.refused, maker.fills), ("maker", 1, 0, 1));
    assert_eq!((taker.name.as_str(), taker.orders, taker.refused, taker.volume_lots), ("taker", 2, 1, 6));
    // Maker: 10 x (101 - 100) + 0.50. Taker: -4 x (102 - 98) + 2 x (104 - 102) - 1.20.
    assert_eq!([maker, taker].map(|one| one.net_pnl.to_string()), ["10.50", "-13.20"]);
    assert_eq!(report.total.net_pnl.to_string(), "-2.70");
    let parts = |sources: &Sources| {
        [sources.spread, sources.slippage, sources.inventory, sources.fees].map(|part| part.to_string())
    };
    // The maker held 10 from 100 to 100. The taker was short 4 from 98 to 101.5 and long 2 from there to 104.
    assert_eq!(parts(&maker.sources), ["10.00", "0.00", "0.00", "0.50"]);
    assert_eq!(parts(&taker.sources), ["0.00", "-3.00", "-9.00", "-1.20"]);
    assert_eq!((report.sources.net(), taker.sources.net()), (report.total.net_pnl, taker.net_pnl));
    // Trips: the maker's over its opening position; the taker's loses 16 and 4 of 6 of its fee, its second is open.
    assert_eq!(report.trips.len(), 2);
    assert_eq!(taker.trades.lost.to_string(), "-16.80");
    assert_eq!((report.trades.count, report.trades.wins), (2, 1));
    assert_eq!(report.trips[0].closed_ns - report.trips[0].opened_ns, 10 * ONE);
    // The maker's profit falls in the first hour, 14:30 UTC; what came after 15:30 in the next two.
    let hours: Vec<u8> = report.by_hour.iter().map(|hour| hour.hour).collect();
    assert_eq!(hours, [14, 15]);
    for one in [maker, taker] {
        assert_eq!(one.series.len(), report.equity.ts_ns.len());
    }
    let last = maker.series.last().unwrap() + taker.series.last().unwrap();
    assert!((last - report.equity.equity.last().unwrap()).abs() < 1e-9);
    let told = crate::summary::print(&report);
    let row = told.lines().find(|line| line.trim_start().starts_with("taker")).unwrap();
    assert!(row.contains("1.20") && row.contains("-13.20"), "{told}");
    let summary = Summary::from(&report);
    assert_eq!(summary.by_strategy["taker"].fees.to_string(), "1.20");
    assert!(summary.by_strategy["taker"].max_drawdown > summary.by_strategy["maker"].max_drawdown);
}

#[test]
fn funding_is_shared_by_the_positions_that_earned_it_even_where_they_cancel_out() {
    let perpetual = Instrument {
        settlement: tickrace_types::instrument::Settlement::Linear,
        ..Instrument::us_equity("PERP")
    };
    let mut run = Run::new(RunConfig::new(InstrumentTable::new(vec![perpetual]).unwrap())).unwrap();
    run.on_top(&top(0, OPEN_NS, 99 * ONE, 101 * ONE));
    run.on_funding_rate(0, OPEN_NS + ONE, 200_000, OPEN_NS + 100 * ONE);
    for (strategy, side) in [(0, Side::Bid), (1, Side::Ask)] {
        let one = fill(OPEN_NS + 2 * ONE, u64::from(strategy) + 1, side, 100 * ONE, 10, 0, 0);
        run.on_response(&ResponseRecord { strategy, ..one });
    }
    run.on_top(&top(0, OPEN_NS + 200 * ONE, 99 * ONE, 101 * ONE));
    let report = run.finish(&RunTimings::default());
    // 10 x 100 x 0.0002 = 0.20 from the long one to the short one; the account nothing.
    let funding: Vec<String> = report.strategies.iter().map(|one| one.sources.funding.to_string()).collect();
    assert_eq!((funding, report.total.funding), (vec!["-0.20".to_owned(), "0.20".to_owned()], Cash::ZERO));
}
