//! Section of the page about the machine: latency by percentile, and hop by hop.

use std::fmt::Write;

use super::axis::Axis;
use super::plot::Plot;
use super::{HALF, WIDE, format, plot_with_note};
use crate::figures::RunReport;
use crate::latency::LatencySummary;
use format::escape;

const CLASSES: [&str; 4] = ["a", "b", "c", "d"];

pub(super) fn section(page: &mut String, report: &RunReport) {
    page.push_str("<h2>Latency</h2>\n");
    let timings = &report.timings;
    let tick_to_order = timings.tick_to_order.iter().filter(|latency| latency.count > 0);
    let hops = timings.hops.iter().filter(|latency| latency.count > 0);
    let all: Vec<&LatencySummary> = tick_to_order.clone().chain(hops).collect();
    if all.is_empty() {
        page.push_str("<p>Nothing was timed in this run.</p>\n");
        return;
    }
    if !timings.tick_to_order_note.is_empty() {
        let note = escape(&timings.tick_to_order_note);
        let _ = writeln!(page, "<p>Measured as {note}.</p>");
    }
    percentiles(page, &all);
    table(page, &all);
    for latency in tick_to_order {
        distribution(page, latency);
    }
}

/// Value over percentile, both logarithmic: the tail takes as much room as the middle.
fn percentiles(page: &mut String, all: &[&LatencySummary]) {
    let shown = &all[..all.len().min(CLASSES.len())];
    let count = shown.iter().map(|latency| latency.count).max().unwrap_or(1);
    let low = shown.iter().filter_map(|latency| latency.buckets.first()).map(|bucket| bucket.0).min();
    let high = shown.iter().map(|latency| latency.max).max().unwrap_or(1);
    let label = |value: f64| percentile_label(value);
    let x = Axis::log(1.0, (count as f64).max(10.0), "percentile", label);
    let y = Axis::log(low.unwrap_or(1).max(1) as f64 * 0.8, high.max(2) as f64 * 1.2, "", nanos_label);
    let mut plot = Plot::new(WIDE, 300.0, x, y);
    for (latency, class) in shown.iter().zip(CLASSES) {
        plot.step(&tail_points(latency), class);
        plot.legend(&latency.name, class);
    }
    plot_with_note(
        page,
        &plot.svg("latency by percentile"),
        "How slow the slowest were: read a percentile below, the latency at the left. A flat line that jumps at the right end means rare interruptions, not slow work.",
    );
}

/// Points (1 / share above or at, value) of the distribution.
fn tail_points(latency: &LatencySummary) -> Vec<(f64, f64)> {
    let total = latency.count as f64;
    let mut below = 0u64;
    let mut points = Vec::with_capacity(latency.buckets.len());
    for (value, count) in &latency.buckets {
        let share_left = (latency.count - below.min(latency.count)) as f64 / total;
        if share_left > 0.0 {
            points.push((1.0 / share_left, (*value).max(1) as f64));
        }
        below += count;
    }
    if let Some(last) = points.last().copied() {
        points.push((total.max(last.0), latency.max.max(1) as f64));
    }
    points
}

fn percentile_label(inverse: f64) -> String {
    let share = 100.0 - 100.0 / inverse;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small positive power of ten"
    )]
    let places = (inverse.log10().round() as i64 - 2).clamp(0, 9) as usize;
    format!("{share:.places$} %")
}

fn nanos_label(value: f64) -> String {
    if value < 1e3 {
        format!("{value:.0} ns")
    } else if value < 1e6 {
        format!("{:.0} µs", value / 1e3)
    } else if value < 1e9 {
        format!("{:.0} ms", value / 1e6)
    } else {
        format!("{:.0} s", value / 1e9)
    }
}

fn table(page: &mut String, all: &[&LatencySummary]) {
    page.push_str("<div class=\"wide\"><table><tr><th>from … to</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>max</th><th>measured</th></tr>");
    for latency in all {
        let _ = write!(page, "<tr><td>{}</td>", escape(&latency.name));
        for value in [latency.p50, latency.p90, latency.p99, latency.p999, latency.max] {
            let _ = write!(page, "<td>{}</td>", format::nanos(value));
        }
        let _ = write!(page, "<td>{}</td></tr>", format::count(latency.count));
    }
    page.push_str("</table></div>\n");
}

fn distribution(page: &mut String, latency: &LatencySummary) {
    page.push_str("<h3>Tick to order, distribution</h3>\n");
    let svg = histogram(latency, WIDE, "orders");
    plot_with_note(
        page,
        &svg,
        "How many orders took how long; both axes are logarithmic, each bar is a tenth wider than the one before.",
    );
}

/// Counts by value in bars of equal ratio.
pub(super) fn histogram(latency: &LatencySummary, width: f64, unit: &str) -> String {
    const RATIO: f64 = 1.1;
    let low = latency.buckets.first().map_or(1, |bucket| bucket.0).max(1) as f64;
    let high = latency.max.max(2) as f64;
    // A wide range takes wider bars, so that none is thinner than a few pixels.
    let ratio = RATIO.max((high / low).powf(1.0 / 120.0));
    let mut bars: Vec<(f64, u64)> = vec![(low / ratio, 0)];
    for (value, count) in &latency.buckets {
        let value = (*value).max(1) as f64;
        while bars.last().is_some_and(|bar| bar.0 * ratio < value * 0.999_999) {
            let next = bars.last().map_or(low, |bar| bar.0 * ratio);
            bars.push((next, 0));
        }
        if let Some(bar) = bars.last_mut() {
            bar.1 += count;
        }
    }
    let most = bars.iter().map(|bar| bar.1).max().unwrap_or(1).max(2);
    let x = Axis::log(low / ratio, bars.last().map_or(high, |bar| bar.0 * ratio).max(high), "", nanos_label);
    let y = Axis::log(0.7, most as f64 * 1.4, unit, |value| format::decimals(value, 0));
    let height = if width > HALF { 210.0 } else { 230.0 };
    let mut plot = Plot::new(width, height, x, y);
    for (from, count) in bars.iter().filter(|bar| bar.1 > 0) {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive time that came from u64"
        )]
        let [left, right] = [*from, from * ratio].map(|edge| format::nanos(edge as u64));
        plot.bar(
            *from,
            from * ratio,
            *count as f64,
            "a",
            &format!("{left} to {right}: {}", format::count(*count)),
        );
    }
    plot.svg("how many took how long")
}
