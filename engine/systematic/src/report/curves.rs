//! Account curves, drawdown and years.

use tickrace_analytics::report::axis::Axis;
use tickrace_analytics::report::plot::Plot;
use tickrace_analytics::report::{WIDE, plot_with_note};
use tickrace_stats::panel::DAY_NS;

use super::SystemPage;
use crate::account::{Bins, Flow, Frequency};
use tickrace_stats::panel::civil;

/// The time of a calendar day as plots place it.
pub(super) fn place(day: i64) -> f64 {
    (day * DAY_NS) as f64
}

/// Running sum by day.
pub(super) fn running(bins: &Bins) -> Vec<(f64, f64)> {
    let mut level = 0.0;
    bins.days
        .iter()
        .zip(&bins.sums)
        .map(|(day, sum)| {
            level += sum;
            (place(*day), level)
        })
        .collect()
}

/// The axis of a flow's time.
pub(super) fn time_axis(flow: &Flow) -> Axis {
    let (first, last) = flow.span().unwrap_or((0, 1));
    Axis::years(first * DAY_NS, last * DAY_NS)
}

pub(super) fn sections(page: &mut String, system: &SystemPage<'_>) {
    let portfolio = &system.portfolio;
    let net = portfolio.net();
    if net.span().is_none() {
        return;
    }
    page.push_str("<h2>Account</h2>\n");
    let curves = [("net", &net, "a"), ("gross", &portfolio.gross, "c"), ("costs", &portfolio.costs, "b")]
        .map(|(name, flow, class)| (name, running(&flow.bins(Frequency::BusinessDay)), class));
    let values = curves.iter().flat_map(|(_, points, _)| points).map(|point| point.1);
    let mut plot =
        Plot::new(WIDE, 340.0, time_axis(&net), Axis::of_values(values, true, "per cent of capital"));
    for (name, points, class) in curves.iter().rev() {
        plot.line(points, class);
        plot.legend(name, class);
    }
    let note = "Sum of daily profits in per cent of a constant capital: nothing is reinvested, so a straight line is a steady earner.";
    plot_with_note(page, &plot.svg("account curves: net, gross and costs"), note);
    drawdown(page, &net);
    years(page, &net);
}

fn drawdown(page: &mut String, net: &Flow) {
    let mut most = f64::NEG_INFINITY;
    let points: Vec<(f64, f64)> = running(&net.bins(Frequency::BusinessDay))
        .into_iter()
        .map(|(at, level)| {
            most = most.max(level);
            (at, level - most)
        })
        .collect();
    let axis = Axis::of_values(points.iter().map(|point| point.1), true, "per cent of capital");
    let mut plot = Plot::new(WIDE, 190.0, time_axis(net), axis);
    plot.area(&points, "b");
    plot.step(&points, "b");
    plot_with_note(page, &plot.svg("drawdown"), "How far the net curve lies below its best so far.");
}

fn years(page: &mut String, net: &Flow) {
    let bins = net.bins(Frequency::Year);
    let axis = Axis::of_values(bins.sums.iter().copied(), true, "per cent of capital");
    let mut plot = Plot::new(WIDE, 190.0, time_axis(net), axis);
    let (first, last) = net.span().unwrap_or((0, 1));
    for (day, sum) in bins.days.iter().zip(&bins.sums) {
        let class = if *sum < 0.0 { "b" } else { "a" };
        // A year's bin is named by its last day; the first and last year may be parts of one.
        let from = (day - 364).max(first);
        let title = format!("{}: {sum:.1} %", civil(*day).0);
        plot.bar(place(from), place((*day).min(last)), *sum, class, &title);
    }
    plot_with_note(
        page,
        &plot.svg("net profit by calendar year"),
        "Net profit by calendar year; the first and the last may be parts of one.",
    );
}
