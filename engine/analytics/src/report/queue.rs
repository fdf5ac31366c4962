//! Section of the page about queues: where our orders began, how long they took to the front, and what that was worth.

use super::axis::Axis;
use super::plot::Plot;
use super::{HALF, WIDE, format, latency, plot_with_note};
use crate::figures::RunReport;
use crate::queue::{QueueBin, QueueReport};

pub(super) fn section(page: &mut String, report: &RunReport) {
    let Some(queue) = report.queue.as_ref().filter(|queue| queue.stands > 0) else { return };
    page.push_str("<h2>Queues</h2>\n");
    page.push_str("<p>Lots of others that stood before our orders at their price, from coming to rest to the end. Worked out after the run by running the venue again; every answer of it was the one of the run. A replace that keeps its place counts as one order with what it replaced.</p>\n");
    page.push_str("<div class=\"pair\">");
    at_start(page, queue);
    worth(page, queue);
    page.push_str("</div>\n");
    if queue.to_front.count > 0 {
        let svg = latency::histogram(&queue.to_front, WIDE, "orders");
        let note = format!(
            "Time from coming to rest behind others to the front, of the {} orders that came there: half within {}. Both axes are logarithmic.",
            format::count(queue.to_front.count),
            format::nanos(queue.to_front.p50)
        );
        plot_with_note(page, &svg, &note);
    }
    paths(page, queue);
}

fn name_of(bin: &QueueBin) -> String {
    if bin.from_lots == 0 { "none".to_owned() } else { short(bin.from_lots) }
}

/// `64`, `2k`, `1M`: the bins begin at powers of two, and two figures tell them apart.
fn short(lots: i64) -> String {
    match lots {
        0..1_000 => lots.to_string(),
        1_000..1_000_000 => format!("{}k", lots / 1_000),
        _ => format!("{}M", lots / 1_000_000),
    }
}

fn range_of(bin: &QueueBin) -> String {
    match (bin.from_lots, bin.to_lots) {
        (0, _) => "none ahead".to_owned(),
        (from, to) => format!("{} to {} lots ahead", format::signed_count(from), format::signed_count(to)),
    }
}

fn at_start(page: &mut String, queue: &QueueReport) {
    let names: Vec<String> = queue.bins.iter().map(name_of).collect();
    let most = queue.bins.iter().map(|bin| bin.stands).max().unwrap_or(1).max(2);
    let y = Axis::log(0.7, most as f64 * 1.4, "orders", |value| format::decimals(value, 0));
    let mut plot = Plot::new(HALF, 230.0, Axis::names(&names, "lots ahead when coming to rest"), y);
    for (place, bin) in queue.bins.iter().enumerate().filter(|(_, bin)| bin.stands > 0) {
        let x = place as f64 + 0.08;
        let title = format!("{}: {} orders", range_of(bin), format::count(bin.stands));
        plot.bar(x, x + 0.84, bin.stands as f64, "a", &title);
    }
    let unknown = match queue.unknown {
        0 => String::new(),
        count => format!(" Left out: {} at prices of which the feed tells nothing.", format::count(count)),
    };
    let note = format!(
        "Where our orders began: of {}, so many with so many lots ahead, each bin from its number to below the next. The axis of orders is logarithmic.{unknown}",
        format::count(queue.stands)
    );
    plot_with_note(page, &plot.svg("orders by lots ahead at the start"), &note);
}

fn worth(page: &mut String, queue: &QueueReport) {
    let names: Vec<String> = queue.bins.iter().map(name_of).collect();
    let share = |part: u64, bin: &QueueBin| part as f64 / bin.stands.max(1) as f64 * 100.0;
    let shares = queue.bins.iter().flat_map(|bin| [share(bin.filled, bin), share(bin.at_front, bin)]);
    let y = Axis::of_values(shares, true, "% of the orders");
    let mut plot = Plot::new(HALF, 230.0, Axis::names(&names, "lots ahead when coming to rest"), y);
    for (place, bin) in queue.bins.iter().enumerate().filter(|(_, bin)| bin.stands > 0) {
        let x = place as f64;
        let title = |what: &str, part: u64| {
            format!("{}: {} of {} {what}", range_of(bin), format::count(part), format::count(bin.stands))
        };
        if bin.from_lots > 0 {
            let front = share(bin.at_front, bin);
            plot.bar(x + 0.08, x + 0.5, front, "d", &title("came to the front", bin.at_front));
        }
        plot.bar(x + 0.5, x + 0.92, share(bin.filled, bin), "c", &title("filled", bin.filled));
    }
    plot.legend("came to the front", "d");
    plot.legend("filled at least in part", "c");
    plot_with_note(
        page,
        &plot.svg("share filled by lots ahead at the start"),
        "What the place was worth: how many came to the front of their queue, and how many were filled, by where they began.",
    );
}

/// One line for each order of the sample.
fn paths(page: &mut String, queue: &QueueReport) {
    if queue.paths.is_empty() {
        return;
    }
    let seconds = |ns: i64| ns.max(0) as f64 / 1e9;
    let end = queue.paths.iter().map(|path| seconds(path.end_ns)).fold(0.0, f64::max);
    let least = queue.paths.iter().map(|path| seconds(path.end_ns)).fold(f64::INFINITY, f64::min);
    let x = Axis::log(least.max(1e-6), end.max(1e-3), "time since coming to rest", seconds_label);
    let first = |path: &crate::queue::QueuePath| path.points.first().map_or(0, |point| point.1);
    let lots = queue.paths.iter().map(|path| first(path) as f64);
    let y = Axis::log(0.7, lots.fold(2.0, f64::max) * 1.3, "lots ahead", |value| format::decimals(value, 0));
    let mut plot = Plot::new(WIDE, 300.0, x, y);
    for path in &queue.paths {
        let class = if path.is_filled { "c thin" } else { "e thin" };
        // The front is drawn at the foot: a logarithm has no zero.
        let height = |ahead: i64| if ahead <= 0 { 0.7 } else { ahead as f64 };
        let mut points: Vec<(f64, f64)> =
            path.points.iter().map(|(since_ns, ahead)| (seconds(*since_ns), height(*ahead))).collect();
        if let Some(last) = points.last().copied() {
            points.push((seconds(path.end_ns), last.1));
            plot.step(&points, class);
            if path.is_filled {
                plot.dot(seconds(path.end_ns), last.1, "c", "filled");
            }
        }
    }
    plot.legend("filled", "c");
    plot.legend("gone unfilled", "e");
    plot_with_note(
        page,
        &plot.svg("lots ahead over the lives of some orders"),
        "The way to the front of a sample of orders that began behind others, spread over the run; the foot is the front. Both axes are logarithmic. A filled one that ends high up was met by a trade through its price.",
    );
}

fn seconds_label(value: f64) -> String {
    let ns = value * 1e9;
    if ns < 1e6 {
        format!("{:.0} µs", ns / 1e3)
    } else if ns < 1e9 {
        format!("{:.0} ms", ns / 1e6)
    } else {
        format!("{value:.0} s")
    }
}
