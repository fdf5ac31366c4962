//! The price panel: the market's best prices, ours, and our fills; to be zoomed with the mouse.
//!
//! Drawn whole as SVG, so that it prints and shows without a script. The same points stand beside it as numbers, and
//! `panel.js` draws from them what is asked for.

use std::fmt::Write;

use tickrace_types::{Price, Side};

use super::axis::Axis;
use super::plot::Plot;
use super::{WIDE, format};
use crate::figures::{FillMark, InstrumentReport, RunReport};
use crate::tape::{Quote, thinned};
use format::escape;

/// Script of the panels; once on a page that has one.
pub(super) const SCRIPT: &str = include_str!("panel.js");

const HEIGHT: f64 = 320.0;

/// Changes of best prices that the numbers of one panel hold.
const POINTS_MAX: usize = 12_000;

/// Fills that one panel marks; beyond it one in several is.
const FILLS_MAX: usize = 2_000;

/// Fills drawn before any zoom.
const DRAWN_MAX: usize = 400;

/// A stretch of time worth a panel of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from_ns: i64,
    pub(super) to_ns: i64,
}

impl Window {
    const fn holds(&self, ts_ns: i64) -> bool {
        self.from_ns <= ts_ns && ts_ns <= self.to_ns
    }

    /// The quotes in it, the one that held at its start first.
    fn quotes<'a>(&self, quotes: &'a [Quote]) -> &'a [Quote] {
        let from = quotes.partition_point(|quote| quote.ts_ns <= self.from_ns).saturating_sub(1);
        let to = quotes.partition_point(|quote| quote.ts_ns <= self.to_ns);
        &quotes[from.min(to)..to]
    }
}

/// What a panel shows.
struct Content {
    window: Window,
    market: Vec<Quote>,
    ours: Vec<Quote>,
    fills: Vec<FillMark>,
    stride: usize,
}

impl Content {
    fn of(one: &InstrumentReport, fills: &[FillMark], window: Window) -> Self {
        let fills: Vec<FillMark> = fills.iter().filter(|fill| window.holds(fill.ts_ns)).copied().collect();
        let times: Vec<i64> = fills.iter().map(|fill| fill.ts_ns).collect();
        let reduced = |quotes: &[Quote]| {
            let mut kept = thinned(window.quotes(quotes), &times, POINTS_MAX);
            if let Some(first) = kept.first_mut() {
                first.ts_ns = first.ts_ns.max(window.from_ns);
            }
            kept
        };
        let (market, ours) = (reduced(&one.market), reduced(&one.ours));
        let stride = fills.len().div_ceil(FILLS_MAX).max(1);
        Self { window, market, ours, fills: fills.into_iter().step_by(stride).collect(), stride }
    }
}

/// Writes one panel with a note below it.
///
/// - `fills`: our fills in its instrument, in order of time.
pub(super) fn panel(
    page: &mut String,
    report: &RunReport,
    one: &InstrumentReport,
    fills: &[FillMark],
    window: Window,
    note: &str,
) {
    let content = Content::of(one, fills, window);
    let svg = drawn(report, one, &content);
    let data = numbers(report, &content);
    let mut note = note.to_owned();
    if content.stride > 1 {
        let _ = write!(note, " One fill in {} is marked.", content.stride);
    }
    let _ = writeln!(
        page,
        "<div class=\"plot panel\">{svg}<script type=\"application/json\">{data}</script>\
         <p class=\"note\">{note}<span class=\"screen\"> Drag to zoom, drag with the shift key to move, double click for the whole.</span></p></div>"
    );
}

fn drawn(report: &RunReport, one: &InstrumentReport, content: &Content) -> String {
    let Window { from_ns, to_ns } = content.window;
    let x = Axis::time(from_ns, to_ns, report.utc_offset_ns);
    let quoted = content.market.iter().chain(&content.ours).flat_map(|quote| [quote.bid, quote.ask]);
    let traded = content.fills.iter().map(|fill| fill.price);
    let prices = quoted.chain(traded).filter(|price| *price > 0).map(units);
    let mut plot = Plot::new(WIDE, HEIGHT, x, Axis::of_values(prices, false, &report.account_currency));
    let side = |quotes: &[Quote], price: fn(&Quote) -> i64| -> Vec<(f64, Option<f64>)> {
        let point =
            |quote: &Quote| (quote.ts_ns as f64, Some(price(quote)).filter(|price| *price > 0).map(units));
        let mut points: Vec<_> = quotes.iter().map(point).collect();
        // The last one holds to the end.
        if let Some(last) = points.last().copied() {
            points.push((to_ns as f64, last.1));
        }
        points
    };
    plot.broken_step(&side(&content.market, |quote| quote.bid), "e");
    plot.broken_step(&side(&content.market, |quote| quote.ask), "e");
    plot.broken_step(&side(&content.ours, |quote| quote.bid), "c");
    plot.broken_step(&side(&content.ours, |quote| quote.ask), "b");
    let stride = content.fills.len().div_ceil(DRAWN_MAX).max(1);
    for fill in content.fills.iter().step_by(stride) {
        let (is_buy, class) = if fill.side == Side::Bid { (true, "c") } else { (false, "b") };
        plot.arrow(fill.ts_ns as f64, units(fill.price), is_buy, class, &told(report, fill));
    }
    plot.legend("market's best bid and ask", "e");
    plot.legend("our bid, what we bought", "c");
    plot.legend("our ask, what we sold", "b");
    plot.svg(&format!("prices of {} with our quotes and fills", one.symbol))
}

fn told(report: &RunReport, fill: &FillMark) -> String {
    format!(
        "{} {} at {}, {}, {}",
        if fill.side == Side::Bid { "bought" } else { "sold" },
        format::signed_count(fill.qty),
        Price(fill.price),
        if fill.taker { "taker" } else { "maker" },
        format::clock(fill.ts_ns, report.utc_offset_ns)
    )
}

/// The points as one JSON object: times in microseconds from the panel's start and prices in steps of `unit`, each as
/// the difference to the one before.
fn numbers(report: &RunReport, content: &Content) -> String {
    let quotes = content.market.iter().chain(&content.ours).flat_map(|quote| [quote.bid, quote.ask]);
    let prices = quotes.chain(content.fills.iter().map(|fill| fill.price));
    let unit = prices.fold(0, common_divisor).max(1);
    let from_ns = content.window.from_ns;
    let micros = |ts_ns: i64| (ts_ns - from_ns) / 1000;
    let clock_ns = (from_ns + report.utc_offset_ns).rem_euclid(crate::config::DAY_NS);
    let mut json = format!(
        "{{\"unit\":{},\"clock\":{},\"span\":{}",
        Price(unit),
        clock_ns / 1000,
        micros(content.window.to_ns)
    );
    for (name, quotes) in [("market", &content.market), ("ours", &content.ours)] {
        let _ = write!(json, ",\"{name}\":[");
        differences(&mut json, quotes.iter().map(|quote| micros(quote.ts_ns)));
        for price in [|quote: &Quote| quote.bid, |quote: &Quote| quote.ask] {
            json.push(',');
            differences(&mut json, quotes.iter().map(|quote| price(quote) / unit));
        }
        json.push(']');
    }
    let fills = &content.fills;
    json.push_str(",\"fills\":[");
    differences(&mut json, fills.iter().map(|fill| micros(fill.ts_ns)));
    json.push(',');
    differences(&mut json, fills.iter().map(|fill| fill.price / unit));
    for number in [|fill: &FillMark| fill.qty * fill.side.sign(), |fill: &FillMark| i64::from(fill.taker)] {
        json.push(',');
        list(&mut json, fills.iter().map(number));
    }
    json.push_str("]}");
    json
}

fn differences(json: &mut String, values: impl Iterator<Item = i64>) {
    let mut before = 0;
    list(json, values.map(|value| value - std::mem::replace(&mut before, value)));
}

fn list(json: &mut String, values: impl Iterator<Item = i64>) {
    json.push('[');
    for (place, value) in values.enumerate() {
        let comma = if place > 0 { "," } else { "" };
        let _ = write!(json, "{comma}{value}");
    }
    json.push(']');
}

fn common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a.saturating_abs() } else { common_divisor(b, a % b) }
}

fn units(nanos: i64) -> f64 {
    Price(nanos).to_f64()
}

/// The stretch of `length_ns` with most fills, a little before the first of them; none without fills.
pub(super) fn busiest_window(fills: &[FillMark], length_ns: i64) -> Option<(Window, usize)> {
    let mut best: Option<(usize, usize)> = None;
    let mut from = 0;
    for (to, fill) in fills.iter().enumerate() {
        while fill.ts_ns - fills[from].ts_ns > length_ns {
            from += 1;
        }
        let count = to + 1 - from;
        if best.is_none_or(|best| count > best.1) {
            best = Some((from, count));
        }
    }
    best.map(|(from, count)| {
        let from_ns = fills[from].ts_ns - length_ns / 20;
        (Window { from_ns, to_ns: from_ns + length_ns + length_ns / 10 }, count)
    })
}

/// The stretch of `length_ns` in which the instrument lost most, and the loss; none where it never lost.
pub(super) fn worst_window(
    report: &RunReport,
    one: &InstrumentReport,
    length_ns: i64,
) -> Option<(Window, f64)> {
    let times: Vec<i64> = report.equity.ts_ns.iter().skip(one.series.first_sample).copied().collect();
    let mut worst: Option<(i64, f64)> = None;
    let mut from = 0;
    for (to, (ts_ns, net)) in times.iter().zip(&one.series.net_pnl).enumerate() {
        while from < to && ts_ns - times[from] > length_ns {
            from += 1;
        }
        let change = net - one.series.net_pnl[from];
        if change < 0.0 && worst.is_none_or(|worst| change < worst.1) {
            worst = Some((*ts_ns, change));
        }
    }
    worst.map(|(to_ns, change)| {
        let window = Window { from_ns: to_ns - length_ns - length_ns / 20, to_ns: to_ns + length_ns / 20 };
        (window, change)
    })
}

/// A length of time for windows: a two-hundredth of the run, in the numbers of a clock.
pub(super) fn window_length_ns(span_ns: i64) -> i64 {
    const SECOND: i64 = 1_000_000_000;
    let wanted = span_ns / 200;
    let lengths = [5, 10, 30, 60, 120, 300, 600, 1800, 3600].map(|seconds| seconds * SECOND);
    lengths.into_iter().find(|length_ns| *length_ns >= wanted).unwrap_or(3600 * SECOND)
}

/// The name of a stretch: `10:00:00 to 10:02:00`.
pub(super) fn name_of(report: &RunReport, window: Window) -> String {
    let [from, to] = [window.from_ns, window.to_ns].map(|ts_ns| format::clock(ts_ns, report.utc_offset_ns));
    escape(&format!("{from} to {to}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(ts_ns: i64) -> FillMark {
        FillMark { ts_ns, price: 1_500_000_000, qty: 1, instrument: 0, side: Side::Ask, taker: false }
    }

    #[test]
    fn the_busiest_stretch_holds_most_fills() {
        let fills: Vec<FillMark> = [0, 500, 1000, 1010, 1020, 1030, 1900].map(fill).to_vec();
        let (window, count) = busiest_window(&fills, 100).unwrap();
        assert_eq!((window.from_ns, window.to_ns, count), (995, 1105, 4));
        assert_eq!(busiest_window(&[], 100), None);
    }

    #[test]
    fn a_window_begins_with_what_held_at_its_start() {
        let quote = |ts_ns| Quote { ts_ns, bid: ts_ns, ask: ts_ns + 1 };
        let quotes = [10, 20, 30, 40].map(quote);
        let window = Window { from_ns: 25, to_ns: 30 };
        assert_eq!(window.quotes(&quotes), &quotes[1..3]);
        assert!(Window { from_ns: 0, to_ns: 5 }.quotes(&quotes).is_empty());
    }

    #[test]
    fn the_numbers_come_back_from_their_differences() {
        let window = Window { from_ns: 1_000_000, to_ns: 9_000_000 };
        let quotes = vec![
            Quote { ts_ns: 1_000_000, bid: 1_000_000_000, ask: 1_500_000_000 },
            Quote { ts_ns: 3_000_000, bid: 0, ask: 2_000_000_000 },
        ];
        let content =
            Content { window, market: quotes, ours: Vec::new(), fills: vec![fill(4_000_000)], stride: 1 };
        let json: serde_json::Value =
            serde_json::from_str(&numbers(&RunReport::default(), &content)).unwrap();
        assert_eq!(json["unit"], 0.5);
        assert_eq!(json["span"], 8_000);
        assert_eq!(json["market"], serde_json::json!([[0, 2_000], [2, -2], [3, 1]]));
        assert_eq!(json["fills"], serde_json::json!([[3_000], [3], [-1], [0]]));
    }
}
