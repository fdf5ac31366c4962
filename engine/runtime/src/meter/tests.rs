use super::*;

fn of(values: impl IntoIterator<Item = u64>) -> Meter {
    let mut meter = Meter::new();
    values.into_iter().for_each(|value| meter.record(value));
    meter
}

fn hgrm(meter: &Meter) -> String {
    let mut text = Vec::new();
    meter.write_hgrm(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn quantiles_are_exact_where_a_bucket_is_a_nanosecond() {
    // 1..=200 once each: the median is the 100th, and so on.
    let summary = of(1..=200).summary();
    assert_eq!(summary, Summary { p50: 100, p90: 180, p99: 198, p999: 200, max: 200, count: 200 });
}

#[test]
fn a_value_out_of_bounds_counts_at_the_bound_and_its_size_is_kept() {
    let meter = of([5, u64::MAX]);
    assert_eq!(meter.count(), 2);
    assert_eq!(meter.max_ns(), u64::MAX);
    let top = meter.quantile_ns(1.0);
    assert!((METER_NS_MAX..METER_NS_MAX + METER_NS_MAX / 50).contains(&top), "{top}");
}

#[test]
fn an_empty_meter_shows_zeros() {
    assert_eq!(Meter::new().summary(), Summary::default());
    assert!(hgrm(&Meter::new()).contains("Total count    =            0]"));
}

#[test]
fn sums_of_meters_count_both() {
    let mut sum = of(1..=100);
    sum.add(&of(101..=200));
    assert_eq!(sum.summary(), of(1..=200).summary());
    sum.reset();
    assert_eq!(sum.summary(), Summary::default());
}

#[test]
fn the_exported_distribution_has_the_known_shape() {
    // Nine values 1..=9, so that no step falls on a boundary; the first value v with v / 9 >= quantile, by hand.
    // Five ticks per half distance: steps of 10 per cent up to one half, of 5 up to three quarters, and so on.
    let text = hgrm(&of(1..=9));
    let mut lines = text.lines();
    assert_eq!(lines.next().unwrap(), "       Value     Percentile TotalCount 1/(1-Percentile)");
    assert_eq!(lines.next().unwrap(), "");
    assert_eq!(lines.next().unwrap(), "        1.00 0.000000000000          1           1.00");
    assert_eq!(lines.next().unwrap(), "        1.00 0.100000000000          1           1.11");
    assert_eq!(lines.next().unwrap(), "        2.00 0.200000000000          2           1.25");
    assert_eq!(lines.next().unwrap(), "        3.00 0.300000000000          3           1.43");
    assert_eq!(lines.next().unwrap(), "        4.00 0.400000000000          4           1.67");
    assert_eq!(lines.next().unwrap(), "        5.00 0.500000000000          5           2.00");
    assert_eq!(lines.next().unwrap(), "        5.00 0.550000000000          5           2.22");
    assert_eq!(lines.next().unwrap(), "        6.00 0.600000000000          6           2.50");
    assert!(
        text.contains("        9.00 1.000000000000          9\n"),
        "the last line has no fourth column:\n{text}"
    );
    // Mean 5; population deviation sqrt((9^2 - 1) / 12) = 2.582.
    assert!(text.contains("#[Mean    =         5.00, StdDeviation   =         2.58]\n"), "{text}");
    assert!(text.contains("#[Max     =         9.00, Total count    =            9]\n"), "{text}");
    assert!(text.contains("SubBuckets     =          256]\n"), "{text}");
}

#[test]
fn one_event_in_n_is_sampled() {
    let mut hops = HopMeters::new(&["book", "gate"], 3);
    let sampled: Vec<u64> = (0..20).filter(|seq| hops.is_sampled(*seq)).collect();
    assert_eq!(sampled, [0, 8, 16]);
    hops.record(1, 30);
    hops.record(7, 99);
    let counts: Vec<_> = hops.iter().map(|(name, meter)| (name, meter.count())).collect();
    assert_eq!(counts, [("book", 0), ("gate", 1)]);
    assert!((0..1_000).all(|seq| !HopMeters::new(&["book"], 64).is_sampled(seq)));
}
