use proptest::prelude::*;
use tickrace_stats::Welford;
use tickrace_types::event::venue_reason;
use tickrace_types::{Action, Header, OrderRecord, ResponseKind, ResponseRecord};

use super::collect::Collector;
use super::rows::{HEAD, LatencyRow, LatencyRows, RowsError};
use super::*;

fn latency(config: &LatencyConfig, seed: u64) -> Latency {
    Latency::new(config, Way::Order, seed).expect("a sound model")
}

/// Latencies of `count` messages so far apart that none waits for another.
fn drawn(config: &LatencyConfig, seed: u64, count: i64) -> Vec<i64> {
    let mut way = latency(config, seed);
    (0..count)
        .map(|place| {
            let sent_ns = place * LATENCY_NS_MAX;
            way.arrival_ns(sent_ns) - sent_ns
        })
        .collect()
}

fn moments(latencies: &[i64]) -> (f64, f64) {
    let mut seen = Welford::default();
    latencies.iter().for_each(|ns| seen.add(*ns as f64));
    (seen.mean().unwrap(), seen.variance().unwrap().sqrt())
}

fn row(ts_ns: i64, order_latency_ns: i64, response_latency_ns: i64) -> LatencyRow {
    LatencyRow { ts_ns, order_latency_ns, response_latency_ns }
}

#[test]
fn moments_are_those_of_the_distribution() {
    let uniform = LatencyConfig::Uniform { latency_ns_min: 1_000, latency_ns_max: 3_000 };
    let all = drawn(&uniform, 1, 100_000);
    assert!(all.iter().all(|ns| (1_000..=3_000).contains(ns)));
    // Mean 2,000; standard deviation 2,000 / sqrt(12) = 577; its mean is known to 577 / sqrt(100,000) = 1.8.
    let (mean, deviation) = moments(&all);
    assert!((mean - 2_000.0).abs() < 10.0 && (deviation - 577.4).abs() < 5.0, "{mean} {deviation}");

    let exponential =
        LatencyConfig::Exponential { latency_ns_min: 500, excess_ns_mean: 1_000, latency_ns_max: 1_000_000 };
    let all = drawn(&exponential, 1, 100_000);
    // Rounded down: half a nanosecond below 1,500. The deviation is the mean of the excess.
    let (mean, deviation) = moments(&all);
    assert!((mean - 1_499.5).abs() < 16.0 && (deviation - 1_000.0).abs() < 30.0, "{mean} {deviation}");
    assert!(all.iter().all(|ns| *ns >= 500));

    let log_normal = LatencyConfig::LogNormal {
        latency_ns_median: 10_000,
        sigma: 0.5,
        latency_ns_min: 0,
        latency_ns_max: LATENCY_NS_MAX,
    };
    let mut all = drawn(&log_normal, 1, 100_000);
    // Mean 10,000 x exp(0.125) = 11,331; the median is 10,000, the 84.13 % quantile 10,000 x exp(0.5) = 16,487.
    let (mean, _) = moments(&all);
    assert!((mean - 11_331.0).abs() < 100.0, "{mean}");
    all.sort_unstable();
    assert!((all[50_000] - 10_000).abs() < 100 && (all[84_134] - 16_487).abs() < 250);
}

#[test]
fn bounds_hold_and_no_message_overtakes_the_one_before_it() {
    let wild = LatencyConfig::LogNormal {
        latency_ns_median: 10_000,
        sigma: 3.0,
        latency_ns_min: 2_000,
        latency_ns_max: 50_000,
    };
    let mut way = latency(&wild, 5);
    let (mut before, mut waited) = (i64::MIN, 0);
    for sent_ns in (0..2_000_000).step_by(1_000) {
        let arrival_ns = way.arrival_ns(sent_ns);
        assert!(arrival_ns >= before && arrival_ns >= sent_ns + 2_000);
        assert!(arrival_ns <= sent_ns + 50_000, "what it waits for was sent earlier and is bounded too");
        waited += u32::from(arrival_ns == before);
        before = arrival_ns;
    }
    assert!(waited > 100, "sent 1 us apart with such a spread many wait, {waited} did");
}

#[test]
fn a_seed_gives_its_latencies_again_and_ways_share_none() {
    let config = LatencyConfig::Uniform { latency_ns_min: 0, latency_ns_max: 1_000_000 };
    assert_eq!(drawn(&config, 7, 64), drawn(&config, 7, 64));
    assert_ne!(drawn(&config, 7, 64), drawn(&config, 8, 64));
    let mut response = Latency::new(&config, Way::Response, 7).expect("sound");
    let of_response: Vec<i64> =
        (0..64).map(|place| response.arrival_ns(place * LATENCY_NS_MAX) - place * LATENCY_NS_MAX).collect();
    assert_ne!(of_response, drawn(&config, 7, 64));
}

#[test]
fn recorded_latencies_lie_on_straight_lines_between_the_rows() {
    // At 1,000 it took 100 there and 50 back, at 2,000 it took 300 there and 150 back.
    let rows = LatencyRows::new(vec![row(1_000, 100, 50), row(2_000, 300, 150)]).expect("sound");
    let config = LatencyConfig::Recorded { path: PathBuf::new(), rows };
    let mut order = latency(&config, 0);
    // Before: 100. At a quarter of the way 100 + 50, at three quarters 100 + 150; from 2,000 on 300.
    let sent = [0, 1_000, 1_250, 1_750, 2_000, 9_000];
    assert_eq!(sent.map(|ns| order.arrival_ns(ns) - ns), [100, 100, 150, 250, 300, 300]);
    // Back by the time at the venue: the rows stand at 1,100 and 2,300, 1,700 is half way: 100.
    let mut response = Latency::new(&config, Way::Response, 0).expect("sound");
    let given = [1_000, 1_100, 1_700, 2_300, 5_000];
    assert_eq!(given.map(|ns| response.arrival_ns(ns) - ns), [50, 50, 100, 150, 150]);
    assert_eq!((config.min_ns(Way::Order), config.min_ns(Way::Response)), (100, 50));
}

#[test]
fn a_model_out_of_range_is_named() {
    let fault = |config: LatencyConfig| config.validate(Way::Order).expect_err("out of range").to_string();
    let told = fault(LatencyConfig::Uniform { latency_ns_min: 5, latency_ns_max: 4 });
    assert_eq!(told, "latency_ns_min must be from 0 to 4, it is 5");
    assert!(fault(LatencyConfig::Constant { latency_ns: -1 }).starts_with("latency_ns "));
    let nan = LatencyConfig::LogNormal {
        latency_ns_median: 1,
        sigma: f64::NAN,
        latency_ns_min: 0,
        latency_ns_max: 1,
    };
    assert_eq!(nan.validate(Way::Order), Err(LatencyError::Sigma));
    let recorded = LatencyConfig::Recorded { path: PathBuf::new(), rows: LatencyRows::default() };
    assert_eq!(recorded.validate(Way::Feed), Err(LatencyError::RecordedFeed));
    assert_eq!(Latency::new(&recorded, Way::Order, 0).map(drop), Err(LatencyError::NoRows));
}

#[test]
fn faults_of_a_file_are_told_with_line_and_column() {
    let read = |text: &str| LatencyRows::from_csv(&format!("{HEAD}\n{text}")).expect_err("faulty");
    assert_eq!(LatencyRows::from_csv("ts,a,b\n1,2,3\n"), Err(RowsError::Head));
    assert_eq!(read(""), RowsError::Empty);
    assert_eq!(read("1,2,3\n1,2\n"), RowsError::Fields { line: 3, got: 2 });
    assert_eq!(read("1,2,x\n"), RowsError::Number { line: 2, field: "response_latency_ns" });
    // The empty line counts as a line.
    assert_eq!(read("5,2,3\n\n4,2,3\n"), RowsError::Order { line: 4 });
    assert_eq!(read("5,-2,3\n"), RowsError::Range { line: 2, field: "order_latency_ns", got: -2 });
}

#[test]
fn a_journal_gives_a_row_for_each_request_answered() {
    let order = |client_id, orig_client_id, action: Action, ts_recv_ns| OrderRecord {
        header: Header { ts_recv_ns, ..Header::default() },
        client_id,
        orig_client_id,
        action: action as u8,
        ..OrderRecord::default()
    };
    let answer = |client_id, kind: ResponseKind, ts_venue_ns, ts_recv_ns| ResponseRecord {
        header: Header { ts_venue_ns, ts_recv_ns, ..Header::default() },
        client_id,
        response: kind as u8,
        reason: if kind == ResponseKind::Cancelled { venue_reason::USER } else { 0 },
        ..ResponseRecord::default()
    };
    let mut collector = Collector::new();
    collector.on_order(&order(1, 0, Action::New, 100));
    collector.on_order(&OrderRecord { verdict: 3, ..order(2, 0, Action::New, 110) });
    collector.on_order(&order(3, 1, Action::Cancel, 200));
    collector.on_order(&order(4, 0, Action::New, 210));
    collector.on_order(&order(5, 0, Action::New, 220));
    collector.on_response(&answer(1, ResponseKind::Accepted, 130, 150));
    // A fill answers nothing.
    collector.on_response(&answer(1, ResponseKind::Fill, 140, 160));
    // The cancel is answered under the order's number.
    collector.on_response(&answer(1, ResponseKind::Cancelled, 240, 270));
    // Given before it was asked for: the clocks disagree.
    collector.on_response(&answer(4, ResponseKind::Rejected, 209, 260));
    let found = collector.finish().expect("two answers");
    assert_eq!(found.rows.as_slice(), [row(100, 30, 20), row(200, 40, 30)]);
    assert_eq!((found.unanswered, found.reversed), (1, 1));
    assert_eq!(LatencyRows::from_csv(&found.rows.to_csv()), Ok(found.rows));
}

proptest! {
    #[test]
    fn a_reading_agrees_with_the_plain_search_in_floats(
        steps in prop::collection::vec((1i64..1_000_000, 0i64..1_000_000, 0i64..1_000_000), 1..30),
        asked in prop::collection::vec(0i64..20_000_000, 1..50),
    ) {
        let mut ts_ns = 0;
        let mut venue_ns = i64::MIN;
        let mut rows = Vec::new();
        let (mut by_request, mut by_venue) = (Vec::new(), Vec::new());
        for (step, order_ns, response_ns) in steps {
            ts_ns += step;
            venue_ns = venue_ns.max(ts_ns + order_ns);
            rows.push(row(ts_ns, order_ns, response_ns));
            by_request.push((ts_ns, order_ns));
            by_venue.push((venue_ns, response_ns));
        }
        // The oracle: the last point not after the time asked, and the line to the next, as floats.
        let plain = |points: &[(i64, i64)], ns: i64| {
            let place = points.iter().rposition(|point| point.0 <= ns);
            let Some(place) = place else { return points[0].1 };
            let Some(next) = points.get(place + 1) else { return points[place].1 };
            let (x, y) = points[place];
            let slope = (next.1 - y) as f64 / (next.0 - x) as f64;
            (slope * (ns - x) as f64).trunc().to_string().parse::<i64>().expect("a whole number") + y
        };
        let rows = LatencyRows::new(rows).expect("sound");
        let (mut order, mut response) = (rows.reading(Way::Order), rows.reading(Way::Response));
        for ns in asked {
            // A float's rounding may fall on the other side of a whole number.
            prop_assert!((order.at(ns) - plain(&by_request, ns)).abs() <= 1);
            prop_assert!((response.at(ns) - plain(&by_venue, ns)).abs() <= 1);
            prop_assert!(order.at(ns) >= rows.min_ns(Way::Order));
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(ts_ns,order_latency_ns,response_latency_ns\n)?[-0-9,x\n ]{0,60}") {
        let _ = LatencyRows::from_csv(&text);
    }
}
