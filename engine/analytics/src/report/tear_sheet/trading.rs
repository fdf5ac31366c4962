//! Sections about the run: round trips, and where the money came from.

use std::fmt::Write;

use super::{bins_of_log, percent};
use crate::report::axis::Axis;
use crate::report::format::{self, escape};
use crate::report::plot::Plot;
use crate::report::{HALF, WIDE, plot_with_note};
use crate::tear_sheet::{Attribution, TradeFigures, Trading, named_sources};

/// Rows of the table by instrument; the rest is told as a number.
const ROWS_MAX: usize = 30;

/// Net profit within a day or a few.
pub(super) fn intraday(page: &mut String, trading: &Trading) {
    let opening = trading.opening_equity.unwrap_or(0.0);
    #[allow(clippy::cast_precision_loss, reason = "only places it")]
    let points: Vec<(f64, f64)> =
        trading.intraday.iter().map(|(ts_ns, equity)| (*ts_ns as f64, equity - opening)).collect();
    let (Some(first), Some(last)) = (trading.intraday.first(), trading.intraday.last()) else { return };
    let x = Axis::time(first.0, last.0, trading.utc_offset_ns);
    let y = Axis::of_values(points.iter().map(|point| point.1), true, &trading.account_currency);
    let mut plot = Plot::new(WIDE, 300.0, x, y);
    plot.step(&points, "a");
    plot_with_note(page, &plot.svg("net profit over time"), "Positions at the mid, fees taken off.");
}

pub(super) fn section(page: &mut String, trading: &Trading) {
    let currency = escape(&trading.account_currency);
    let _ = writeln!(
        page,
        "<h2>Trades</h2>\n<p>Round trips from flat to flat, after fees, money in {currency}. Adverse and favourable excursion: the lowest \
         and the highest gross profit on the way, at the mid.</p>"
    );
    trips(page, trading);
    if !trading.excursions.is_empty() {
        page.push_str("<div class=\"pair\">");
        excursions(page, trading);
        holding(page, trading);
        page.push_str("</div>\n");
    }
    let _ = writeln!(
        page,
        "<h2>Where the money came from</h2>\n<p>Money in {currency}; the parts add up to the net profit.</p>"
    );
    page.push_str("<div class=\"pair\">");
    sources(page, trading);
    hours(page, trading);
    page.push_str("</div>\n");
    table(page, "strategy", &trading.by_strategy);
    table(page, "instrument", &trading.by_instrument);
    regimes(page, trading);
}

fn trips(page: &mut String, trading: &Trading) {
    page.push_str("<div class=\"wide\"><table><tr><th>figure</th>");
    for one in &trading.trades {
        let _ = write!(page, "<th>{}</th>", one.direction);
    }
    page.push_str("</tr>");
    let mut row = |name: &str, show: &dyn Fn(&TradeFigures) -> String| {
        let _ = write!(page, "<tr><td>{name}</td>");
        for one in &trading.trades {
            let _ = write!(page, "<td>{}</td>", show(one));
        }
        page.push_str("</tr>");
    };
    let seconds = |value: Option<f64>| {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "times held are positive and fit"
        )]
        value.map_or("–".to_owned(), |value| format::nanos((value * 1e9) as u64))
    };
    row("round trips", &|one| format::count(one.count));
    row("won", &|one| percent(one.win_rate, 1));
    row("profit factor", &|one| format::maybe(one.profit_factor, 2));
    row("expectancy a trip", &|one| format::maybe(one.expectancy, 2));
    row("mean of wins", &|one| format::maybe(one.win_mean, 2));
    row("mean of losses", &|one| format::maybe(one.loss_mean, 2));
    row("mean time held", &|one| seconds(one.held_mean_seconds));
    row("median time held", &|one| seconds(one.held_median_seconds));
    row("mean adverse excursion", &|one| format::maybe(one.adverse_mean, 2));
    row("mean favourable excursion", &|one| format::maybe(one.favourable_mean, 2));
    row("net profit", &|one| format::amount(one.net_pnl));
    page.push_str("</table></div>\n");
}

fn excursions(page: &mut String, trading: &Trading) {
    // The far ends would squeeze the rest into a corner.
    let edge = |of: fn(&[f64; 3]) -> f64, share: f64| {
        let mut values: Vec<f64> = trading.excursions.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        tickrace_stats::quantile(&values, share).unwrap_or(0.0)
    };
    let (worst, low, high) =
        (edge(|trip| trip[0], 0.005), edge(|trip| trip[2], 0.005), edge(|trip| trip[2], 0.995));
    let x = Axis::of_values([worst, 0.0].into_iter(), true, "adverse excursion");
    let y = Axis::of_values([low, high].into_iter(), true, "net profit of the trip");
    let mut plot = Plot::new(HALF, 280.0, x, y);
    for [adverse, best, net] in &trading.excursions {
        if *adverse >= worst && (low..=high).contains(net) {
            let class = if *net < 0.0 { "b" } else { "c" };
            let [adverse_text, best_text, net_text] =
                [adverse, best, net].map(|value| format::amount(*value));
            plot.dot(
                *adverse,
                *net,
                class,
                &format!("net {net_text}, worst {adverse_text}, best {best_text}"),
            );
        }
    }
    page.push_str("<div>");
    let note = "Each dot a round trip: how far it was against us, and what came of it. The outermost hundredth is not drawn.";
    plot_with_note(page, &plot.svg("net profit of trips over their adverse excursion"), note);
    page.push_str("</div>");
}

#[allow(clippy::cast_precision_loss, reason = "counts of trips")]
fn holding(page: &mut String, trading: &Trading) {
    let bins = bins_of_log(&trading.held_seconds, 31);
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else { return };
    let label = |value: f64| {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "times held are positive and fit"
        )]
        format::nanos((value * 1e9).round() as u64)
    };
    let x = Axis::log(first.0, last.1, "time held", label);
    let y = Axis::of_values(bins.iter().map(|bin| bin.2 as f64), true, "round trips");
    let mut plot = Plot::new(HALF, 280.0, x, y);
    for (from, to, count) in &bins {
        if *count > 0 {
            plot.bar(*from, *to, *count as f64, "a", &format!("{} to {}: {count}", label(*from), label(*to)));
        }
    }
    page.push_str("<div>");
    plot_with_note(
        page,
        &plot.svg("round trips by time held"),
        "Round trips by the time from first fill to flat.",
    );
    page.push_str("</div>");
}

fn sources(page: &mut String, trading: &Trading) {
    let parts = named_sources(&trading.sources);
    let parts: Vec<(&str, f64)> =
        parts.iter().map(|(name, cash)| (*name, crate::money::nearest(*cash))).collect();
    // The bar is narrow for two words.
    let first_word = |name: &str| name.split(' ').next().unwrap_or(name).to_owned();
    let names: Vec<String> = parts.iter().map(|part| first_word(part.0)).chain(["net".to_owned()]).collect();
    // Each part begins where the one before ended.
    let mut sum = 0.0;
    let steps: Vec<(f64, f64)> = parts
        .iter()
        .map(|part| {
            let from = sum;
            sum += part.1;
            (from, sum)
        })
        .collect();
    let ends = steps.iter().flat_map(|step| [step.0, step.1]).chain([trading.net_pnl]);
    let y = Axis::of_values(ends, true, &trading.account_currency);
    let mut plot = Plot::new(HALF, 260.0, Axis::names(&names, ""), y);
    let mut place = 0.0;
    for ((name, value), (from, to)) in parts.iter().zip(&steps) {
        let class = if *value < 0.0 { "b" } else { "c" };
        plot.span(
            place + 0.12,
            place + 0.88,
            *from,
            *to,
            class,
            &format!("{name}: {}", format::amount(*value)),
        );
        place += 1.0;
    }
    plot.bar(
        place + 0.12,
        place + 0.88,
        trading.net_pnl,
        "a",
        &format!("net: {}", format::amount(trading.net_pnl)),
    );
    page.push_str("<div>");
    plot_with_note(
        page,
        &plot.svg("parts of the net profit"),
        "Each part on top of those before it; the last bar is their sum.",
    );
    page.push_str("</div>");
}

fn hours(page: &mut String, trading: &Trading) {
    if trading.by_hour.is_empty() {
        return;
    }
    let values: Vec<(u8, f64)> =
        trading.by_hour.iter().map(|hour| (hour.hour, crate::money::nearest(hour.net_pnl))).collect();
    let (first, last) = (values[0].0, values[values.len() - 1].0);
    let names: Vec<String> = (first..=last).map(|hour| format!("{hour:02}")).collect();
    let y = Axis::of_values(values.iter().map(|one| one.1), true, &trading.account_currency);
    let mut plot = Plot::new(HALF, 260.0, Axis::names(&names, "hour of the venue's day"), y);
    for (hour, value) in &values {
        let at = f64::from(hour - first);
        let class = if *value < 0.0 { "b" } else { "c" };
        plot.bar(at + 0.12, at + 0.88, *value, class, &format!("{hour:02}: {}", format::amount(*value)));
    }
    page.push_str("<div>");
    plot_with_note(page, &plot.svg("net profit by hour"), "Net profit by hour, over all days.");
    page.push_str("</div>");
}

fn table(page: &mut String, what: &str, rows: &[Attribution]) {
    let mut rows: Vec<&Attribution> = rows.iter().filter(|row| row.fills > 0 || row.net_pnl != 0.0).collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by(|a, b| b.net_pnl.abs().total_cmp(&a.net_pnl.abs()));
    let has_slippage = rows.iter().any(|row| row.slippage.is_some());
    let slippage = if has_slippage { "<th>slippage</th>" } else { "" };
    let _ = write!(
        page,
        "<h3>By {what}</h3><div class=\"wide\"><table><tr><th>{what}</th><th>net</th><th>share</th><th>spread</th>{slippage}\
         <th>inventory</th><th>fees</th><th>funding</th><th>fills</th><th>lots</th></tr>"
    );
    for row in rows.iter().take(ROWS_MAX) {
        let class = if row.net_pnl < 0.0 { "bad" } else { "" };
        let slippage =
            if has_slippage { format!("<td>{}</td>", format::maybe(row.slippage, 2)) } else { String::new() };
        let _ = write!(
            page,
            "<tr><td>{}</td><td class=\"{class}\">{}</td><td>{}</td><td>{}</td>{slippage}<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&row.name),
            format::amount(row.net_pnl),
            percent(row.share, 1),
            format::amount(row.spread),
            format::amount(row.inventory),
            format::amount(row.fees),
            format::amount(row.funding),
            format::count(row.fills),
            format::signed_count(row.volume_lots)
        );
    }
    page.push_str("</table></div>\n");
    if rows.len() > ROWS_MAX {
        let _ =
            writeln!(page, "<p class=\"note\">and {} more, in the sheet's JSON.</p>", rows.len() - ROWS_MAX);
    }
    if !has_slippage {
        page.push_str("<p class=\"note\">Spread by instrument includes what fills that took paid.</p>\n");
    }
}

fn regimes(page: &mut String, trading: &Trading) {
    page.push_str(
        "<h3>By kind of market</h3><p>Each quarter of an hour of each instrument by what its own mid did in it: volatility by thirds of \
         its blocks; trend where the net move is beyond one deviation of a walk without a direction. Within volatility, and \
         within trend, the rows add up to the net profit with the last one.</p><div class=\"wide\"><table><tr><th>question</th><th>market</th>\
         <th>blocks</th><th>net</th></tr>",
    );
    for row in &trading.by_regime {
        let class = if row.net_pnl < 0.0 { "bad" } else { "" };
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"{class}\">{}</td></tr>",
            if row.question == "none" { "–" } else { row.question },
            row.regime,
            format::count(row.blocks as u64),
            format::amount(row.net_pnl)
        );
    }
    page.push_str("</table></div>\n");
}
