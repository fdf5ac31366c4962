//! Latency distributions as data: percentiles for a table, buckets for a plot, and the `.hgrm` text format.

use std::fmt::Write;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Most buckets kept of one histogram; neighbours are merged beyond it.
pub const BUCKETS_MAX: usize = 1024;

/// One latency distribution, nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencySummary {
    /// What was timed: `tick to order`, `book`, `gate`.
    pub name: String,
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// Largest.
    pub max: u64,
    /// Measurements.
    pub count: u64,
    /// Upper bound of a bucket and how many measurements fell in it, ascending, empty buckets left out.
    pub buckets: Vec<(u64, u64)>,
}

impl LatencySummary {
    /// Percentiles and recorded buckets of `histogram`.
    pub fn from_histogram(name: &str, histogram: &Histogram<u64>) -> Self {
        let buckets = histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
        Self {
            name: name.to_owned(),
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
            count: histogram.len(),
            buckets: merged(buckets.collect()),
        }
    }

    /// From plain measurements, with nearest-rank percentiles.
    pub fn from_values(name: &str, mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        let at = |per_mille: usize| {
            // Nearest rank: the smallest value with at least that share at or below it.
            let rank = (values.len() * per_mille).div_ceil(1000).max(1);
            values.get(rank - 1).copied().unwrap_or(0)
        };
        let mut buckets: Vec<(u64, u64)> = Vec::new();
        for value in &values {
            match buckets.last_mut() {
                Some((last, count)) if last == value => *count += 1,
                _ => buckets.push((*value, 1)),
            }
        }
        Self {
            name: name.to_owned(),
            p50: at(500),
            p90: at(900),
            p99: at(990),
            p999: at(999),
            max: values.last().copied().unwrap_or(0),
            count: values.len() as u64,
            buckets: merged(buckets),
        }
    }
}

/// Joins neighbouring buckets until at most [`BUCKETS_MAX`] remain; the rarest values keep their own.
fn merged(buckets: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    if buckets.len() <= BUCKETS_MAX {
        return buckets;
    }
    let mut joined = Vec::with_capacity(BUCKETS_MAX);
    // The tail is what a latency plot is read for: its half of the places keeps single buckets.
    let tail = buckets.len() - BUCKETS_MAX / 2;
    for group in buckets[..tail].chunks(tail.div_ceil(BUCKETS_MAX / 2)) {
        joined.push((group[group.len() - 1].0, group.iter().map(|bucket| bucket.1).sum()));
    }
    joined.extend_from_slice(&buckets[tail..]);
    joined
}

/// The percentile distribution in HdrHistogram's text format, as its plotters read it; values in nanoseconds.
pub fn hgrm(histogram: &Histogram<u64>) -> String {
    let mut text = String::from("       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    let mut total = 0;
    for step in histogram.iter_quantiles(5) {
        total += step.count_since_last_iteration();
        let quantile = step.quantile_iterated_to();
        let value = step.value_iterated_to();
        let line = if quantile < 1.0 {
            let inverse = 1.0 / (1.0 - quantile);
            writeln!(text, "{value:12}.000 {quantile:1.12} {total:10} {inverse:14.2}")
        } else {
            writeln!(text, "{value:12}.000 {quantile:1.12} {total:10}")
        };
        line.expect("writing to a string cannot fail");
    }
    let (mean, deviation) =
        if histogram.is_empty() { (0.0, 0.0) } else { (histogram.mean(), histogram.stdev()) };
    let (max, count) = (histogram.max(), histogram.len());
    let end = format!(
        "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]\n#[Max     = {max:8}.000, Total count    = {count:12}]\n"
    );
    text + &end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        // 1..=1000: half of them are at or below 500, 99.9 % at or below 999.
        let summary = LatencySummary::from_values("x", (1..=1000).rev().collect());
        assert_eq!((summary.p50, summary.p90, summary.p99, summary.p999), (500, 900, 990, 999));
        assert_eq!((summary.max, summary.count), (1000, 1000));
    }

    #[test]
    fn merging_buckets_keeps_every_measurement_and_the_tail() {
        let summary = LatencySummary::from_values("x", (0..10_000).collect());
        assert!(summary.buckets.len() <= BUCKETS_MAX);
        assert_eq!(summary.buckets.iter().map(|bucket| bucket.1).sum::<u64>(), 10_000);
        assert_eq!(summary.buckets.last(), Some(&(9_999, 1)));
        assert!(summary.buckets.is_sorted());
    }

    #[test]
    fn a_histogram_and_its_values_agree_within_its_precision() {
        let mut histogram = Histogram::<u64>::new(3).expect("three digits are valid");
        for value in 1..=1000 {
            histogram.record(value).expect("auto-resizing");
        }
        let summary = LatencySummary::from_histogram("x", &histogram);
        assert_eq!((summary.p50, summary.p99, summary.max, summary.count), (500, 990, 1000, 1000));
        assert_eq!(summary.buckets.iter().map(|bucket| bucket.1).sum::<u64>(), 1000);
        let text = hgrm(&histogram);
        assert!(text.contains("500.000 0.500000000000        500           2.00"), "{text}");
        assert!(text.contains("Total count    =         1000"), "{text}");
    }

    #[test]
    fn an_empty_distribution_is_zeros() {
        let histogram = Histogram::<u64>::new(3).expect("three digits are valid");
        let empty = LatencySummary { name: "x".to_owned(), ..LatencySummary::default() };
        assert_eq!(LatencySummary::from_histogram("x", &histogram), empty);
        assert_eq!(LatencySummary::from_values("x", Vec::new()), empty);
        assert!(hgrm(&histogram).contains("Total count"));
    }
}
