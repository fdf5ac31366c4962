//! Sections of the page about trading: positions, prices with our fills, markouts, quotes, refusals.

use std::fmt::Write;

use super::axis::Axis;
use super::money::busiest;
use super::panel::{self, Window};
use super::plot::Plot;
use super::{HALF, WIDE, drawn_from_ns, facts, format, latency, plot_with_note, time_axis};
use crate::equity::InstrumentSeries;
use crate::figures::{FillMark, InstrumentReport, RunReport};
use crate::markout::Markout;
use format::escape;

/// Small pictures of positions and of prices at most.
const POSITIONS_MAX: usize = 12;
const PRICES_MAX: usize = 2;

fn points(report: &RunReport, series: &InstrumentSeries, value: impl Fn(usize) -> f64) -> Vec<(f64, f64)> {
    let times = report.equity.ts_ns.iter().skip(series.first_sample).take(series.position_lots.len());
    let from_ns = drawn_from_ns(report);
    let drawn = times.enumerate().filter(|(_, ts_ns)| **ts_ns >= from_ns);
    drawn.map(|(place, ts_ns)| (*ts_ns as f64, value(place))).collect()
}

pub(super) fn positions(page: &mut String, report: &RunReport) {
    page.push_str("<h2>Inventory</h2>\n");
    let held: Vec<_> = busiest(report)
        .into_iter()
        .filter(|one| one.series.position_lots.len() > 1 && (one.position_min != 0 || one.position_max != 0))
        .collect();
    if held.is_empty() {
        page.push_str("<p>No position was ever held.</p>\n");
        return;
    }
    let is_one = held.len() == 1;
    page.push_str(if is_one { "<div>" } else { "<div class=\"pair\">" });
    for one in held.iter().take(POSITIONS_MAX) {
        let series = &one.series;
        let lots = points(report, series, |place| series.position_lots[place] as f64);
        let mut mids = points(report, series, |place| series.mark[place]);
        mids.retain(|point| point.1 > 0.0);
        let y = Axis::of_values(lots.iter().map(|point| point.1), true, "lots");
        let price = Axis::of_values(mids.iter().map(|point| point.1), false, &report.account_currency);
        let (width, height) = if is_one { (WIDE, 230.0) } else { (HALF, 190.0) };
        let mut plot = Plot::new(width, height, time_axis(report), y).with_right(price);
        plot.step_right(&mids, "e");
        plot.area(&lots, "a");
        plot.step(&lots, "a");
        plot.legend("lots held, left", "a");
        plot.legend("mid, right", "e");
        let note = format!(
            "{}: between {} and {} lots, {} at the end.",
            escape(&one.symbol),
            format::signed_count(one.position_min),
            format::signed_count(one.position_max),
            format::signed_count(one.position)
        );
        plot_with_note(page, &plot.svg(&format!("position in {}", one.symbol)), &note);
    }
    page.push_str("</div>\n");
    if held.len() > POSITIONS_MAX {
        let _ =
            writeln!(page, "<p class=\"note\">The {POSITIONS_MAX} with most fills of {}.</p>", held.len());
    }
}

pub(super) fn price(page: &mut String, report: &RunReport) {
    let drawn: Vec<_> =
        busiest(report).into_iter().filter(|one| one.market.len() > 1).take(PRICES_MAX).collect();
    if drawn.is_empty() {
        return;
    }
    page.push_str("<h2>Price and our fills</h2>\n");
    for one in drawn {
        price_of(page, report, one);
    }
}

/// The whole run, then the stretches one would look at first, where they are short beside it.
fn price_of(page: &mut String, report: &RunReport, one: &InstrumentReport) {
    let fills: Vec<FillMark> =
        report.fills.iter().filter(|fill| fill.instrument == one.instrument).copied().collect();
    let symbol = escape(&one.symbol);
    let whole = Window { from_ns: drawn_from_ns(report), to_ns: report.last_ns };
    let what = if fills.is_empty() { "; none of our orders was filled here" } else { ", and our fills" };
    let note = format!("{symbol}: the market's best prices, ours, the innermost of each side{what}.");
    panel::panel(page, report, one, &fills, whole, &note);
    let span_ns = whole.to_ns - whole.from_ns;
    let length_ns = panel::window_length_ns(span_ns);
    if length_ns * 4 > span_ns {
        return;
    }
    if let Some((window, count)) = panel::busiest_window(&fills, length_ns) {
        let when = panel::name_of(report, window);
        let note = format!("{symbol}, the busiest stretch: {when}, {count} fills.");
        panel::panel(page, report, one, &fills, window, &note);
    }
    if let Some((window, change)) = panel::worst_window(report, one, length_ns) {
        let when = panel::name_of(report, window);
        let note = format!(
            "{symbol}, the worst stretch: {when}, {} {}.",
            format::amount(change),
            escape(&report.account_currency)
        );
        panel::panel(page, report, one, &fills, window, &note);
    }
}

pub(super) fn markouts(page: &mut String, report: &RunReport) {
    page.push_str("<h2>Markouts</h2>\n");
    let markouts = &report.total.markouts;
    if markouts.both.iter().all(|one| one.count == 0) {
        page.push_str("<p>Without fills there is nothing to mark out.</p>\n");
        return;
    }
    page.push_str("<p>Where the mid stood some time after our fills, against the price we got, seen from our side: positive means that the trade was good so far. At 0 it is the half spread captured; what is lost from there to the right is adverse selection.</p>\n");
    let names: Vec<String> = markouts.both.iter().map(horizon).collect();
    let sets = [
        ("all fills", "a", &markouts.both, 0.0),
        ("where we bought", "c", &markouts.buys, -0.14),
        ("where we sold", "b", &markouts.sells, 0.14),
    ];
    let range = sets.iter().flat_map(|set| set.2.iter()).filter_map(|one| {
        let error = one.se_bps.unwrap_or(0.0) * 2.0;
        one.mean_bps.map(|mean| [mean - error, mean + error])
    });
    let y = Axis::of_values(range.flatten(), true, "basis points");
    let mut plot = Plot::new(WIDE, 270.0, Axis::names(&names, "time after the fill"), y);
    for (name, class, set, shift) in sets {
        if set.iter().all(|one| one.count == 0) {
            continue;
        }
        let at = |place: usize| place as f64 + 0.5 + shift;
        let means: Vec<(f64, f64)> = set
            .iter()
            .enumerate()
            .filter_map(|(place, one)| one.mean_bps.map(|mean| (at(place), mean)))
            .collect();
        plot.line(&means, class);
        for (place, one) in set.iter().enumerate() {
            let Some(mean) = one.mean_bps else { continue };
            if let Some(error) = one.se_bps {
                plot.error(at(place), mean - 2.0 * error, mean + 2.0 * error, class);
            }
            let title =
                format!("{name}, {}: {mean:.3} bps over {} fills", horizon(one), format::count(one.count));
            plot.dot(at(place), mean, class, &title);
        }
        plot.legend(name, class);
    }
    plot_with_note(
        page,
        &plot.svg("markouts by horizon"),
        "Mean over fills; bars span two standard errors either way, taking fills as independent, so bunched fills make them look surer than they are.",
    );
    markout_table(page, report);
}

fn horizon(one: &Markout) -> String {
    if one.horizon_ns == 0 { "0".to_owned() } else { short_time(one.horizon_ns.unsigned_abs()) }
}

/// A round time without needless digits: `100 ms`, `1 s`, `60 s`.
fn short_time(ns: u64) -> String {
    for (unit, size) in [("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)] {
        if ns >= size && ns.is_multiple_of(size) {
            return format!("{} {unit}", ns / size);
        }
    }
    format::nanos(ns)
}

fn markout_table(page: &mut String, report: &RunReport) {
    page.push_str("<div class=\"wide\"><table><tr><th>mean, bps</th>");
    for one in &report.total.markouts.both {
        let _ = write!(page, "<th>{}</th>", horizon(one));
    }
    page.push_str("</tr>");
    let mut row = |class: &str, name: &str, set: &[Markout]| {
        let _ = write!(page, "<tr{class}><td>{name}</td>");
        for one in set {
            let error = one.se_bps.map_or(String::new(), |error| format!(" ± {error:.2}"));
            let _ = write!(page, "<td>{}{error}</td>", format::maybe(one.mean_bps, 2));
        }
        page.push_str("</tr>");
    };
    let total = &report.total.markouts;
    let traded: Vec<_> = busiest(report).into_iter().filter(|one| one.figures.fills > 0).collect();
    if traded.len() > 1 {
        for one in traded.iter().take(POSITIONS_MAX) {
            row("", &escape(&one.symbol), &one.figures.markouts.both);
        }
    }
    row("", "bought", &total.buys);
    row("", "sold", &total.sells);
    row(" class=\"sum\"", "all", &total.both);
    let _ = write!(page, "<tr><td>sum, {}</td>", escape(&report.account_currency));
    for one in &total.both {
        let _ = write!(page, "<td>{}</td>", format::amount(one.total_cash));
    }
    page.push_str("</tr></table></div><p class=\"note\">± is one standard error. Fills whose horizon lies beyond the data are left out.</p>\n");
}

pub(super) fn quotes(page: &mut String, report: &RunReport) {
    page.push_str("<h2>Quotes and fills</h2>\n");
    let (total, quotes) = (&report.total, &report.total.quotes);
    let orders = &total.orders;
    page.push_str("<div class=\"pair\"><div>");
    facts(
        page,
        "",
        &[
            ("New orders", format::count(orders.new)),
            ("Replaces", format::count(orders.replace)),
            ("Cancels", format::count(orders.cancel)),
            ("Passed by the gate", format::count(orders.passed)),
            ("Stood at the venue", format::count(orders.stood)),
            ("Of those, filled at least in part", format::percent(total.fill_ratio())),
            ("Ended by cancel", format::count(orders.cancelled)),
            ("Cancels for each fill", format::maybe(total.cancel_to_fill(), 1)),
            ("Messages for each fill", format::maybe(total.messages_per_fill(), 1)),
            ("Maker fills", format::count(total.maker_fills)),
            ("Taker fills", format::count(total.taker_fills)),
        ],
    );
    page.push_str("</div><div>");
    facts(
        page,
        "",
        &[
            ("Continuous trading observed", format::nanos(quotes.open_ns.unsigned_abs())),
            ("Quoted on at least one side", format::percent(quotes.quoted_share)),
            ("Quoted on both sides", format::percent(quotes.two_sided_share)),
            ("At the best price or better", format::percent(quotes.at_touch_share)),
            ("Our spread, time-weighted, bps", format::maybe(quotes.spread_bps, 2)),
            ("The market's spread, bps", format::maybe(quotes.market_spread_bps, 2)),
            ("Order lifetime, median", lifetime(report, report.lifetimes.p50)),
            ("Order lifetime, 99th percentile", lifetime(report, report.lifetimes.p99)),
        ],
    );
    page.push_str("<p class=\"note\">Times are summed over symbols and count in continuous trading only.</p></div></div>\n<div class=\"pair\">");
    if report.lifetimes.count > 0 {
        let svg = latency::histogram(&report.lifetimes, HALF, "orders");
        plot_with_note(
            page,
            &svg,
            "How long our orders stood at the venue, from acceptance to their end. Both axes are logarithmic.",
        );
    }
    inventory(page, report);
    page.push_str("</div>\n");
    quote_table(page, report);
}

fn lifetime(report: &RunReport, value: u64) -> String {
    if report.lifetimes.count > 0 { format::nanos(value) } else { "–".to_owned() }
}

fn inventory(page: &mut String, report: &RunReport) {
    let Some(one) = busiest(report).into_iter().find(|one| one.figures.fills > 0 && one.inventory.len() > 1)
    else {
        return;
    };
    let (Some(first), Some(last)) = (one.inventory.first(), one.inventory.last()) else { return };
    // Each bar reaches half way to the next one.
    let half = (one.inventory[1].from_lots - first.to_lots) as f64 / 2.0;
    let x = Axis::linear(first.from_lots as f64 - half, last.to_lots as f64 + half, "lots held");
    let shares = one.inventory.iter().map(|bin| bin.share * 100.0);
    let mut plot = Plot::new(HALF, 230.0, x, Axis::of_values(shares, true, "% of the time"));
    for bin in &one.inventory {
        let range = if bin.from_lots == bin.to_lots {
            format::signed_count(bin.from_lots)
        } else {
            format!("{} to {}", format::signed_count(bin.from_lots), format::signed_count(bin.to_lots))
        };
        let title = format!("{range} lots: {}", format::percent(Some(bin.share)));
        plot.bar(bin.from_lots as f64 - half, bin.to_lots as f64 + half, bin.share * 100.0, "a", &title);
    }
    let note = format!(
        "{}: how long which position was held. A maker that steers well stands mostly around zero.",
        escape(&one.symbol)
    );
    plot_with_note(page, &plot.svg("time by position"), &note);
}

fn quote_table(page: &mut String, report: &RunReport) {
    let quoted: Vec<_> = busiest(report).into_iter().filter(|one| one.figures.orders.total() > 0).collect();
    if quoted.len() < 2 {
        return;
    }
    page.push_str("<div class=\"wide\"><table><tr><th>symbol</th><th>orders</th><th>both sides</th><th>at the best</th><th>our spread, bps</th><th>market's, bps</th><th>filled</th><th>messages a fill</th></tr>");
    for one in quoted.iter().take(50) {
        let (figures, quotes) = (&one.figures, &one.figures.quotes);
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&one.symbol),
            format::count(figures.orders.total()),
            format::percent(quotes.two_sided_share),
            format::percent(quotes.at_touch_share),
            format::maybe(quotes.spread_bps, 2),
            format::maybe(quotes.market_spread_bps, 2),
            format::percent(figures.fill_ratio()),
            format::maybe(figures.messages_per_fill(), 1),
        );
    }
    page.push_str("</table></div>\n");
}

pub(super) fn refusals(page: &mut String, report: &RunReport) {
    controls(page, report);
    page.push_str("<h2>Refusals</h2>\n");
    if report.refusals.is_empty() {
        page.push_str("<p>Nothing was refused, neither by our own gate nor by the venue.</p>\n");
        return;
    }
    page.push_str("<p>What the risk gate kept in the house, and what the venue sent back.</p><table class=\"facts\"><tr><th>reason</th><th>by</th><th>count</th></tr>");
    for reason in &report.refusals {
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&reason.name.replace('_', " ")),
            reason.by,
            format::count(reason.count)
        );
    }
    page.push_str("</table>\n");
}

/// What restricted trading, and who said so.
fn controls(page: &mut String, report: &RunReport) {
    if report.controls.is_empty() {
        return;
    }
    page.push_str("<h2>Controls and operators</h2>\n<p>Restrictions imposed, by the control that imposed them, and what operators said; each is a record of the journal.</p><table class=\"facts\"><tr><th>what</th><th>count</th></tr>");
    for (name, count) in &report.controls {
        let name = escape(&name.replace('_', " "));
        let _ = write!(page, "<tr><td>{name}</td><td>{}</td></tr>", format::count(*count));
    }
    page.push_str("</table>\n");
}
