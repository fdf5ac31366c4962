//! The report as one HTML page that needs nothing but itself.

mod around;
pub mod axis;
pub mod compare;
pub mod compare_runs;
mod costs;
pub mod format;
pub mod judgement;
mod latency;
mod money;
mod panel;
pub mod plot;
mod queue;
pub mod sortable;
pub mod sweep;
pub mod tear_sheet;
mod trading;
pub mod walk_forward;

use std::fmt::Write;

use crate::days::date_of;
use crate::figures::RunReport;
use crate::{config::DAY_NS, summary::Percentiles};
use axis::Axis;
use format::escape;

const STYLE: &str = include_str!("report/style.css");

/// Width of a plot across the page, pixels.
pub const WIDE: f64 = 984.0;
/// Of one of a pair, pixels.
pub const HALF: f64 = 478.0;

/// The whole page: styles, plots and the script that zooms the price panels inline, no outside resource.
pub fn html(report: &RunReport) -> String {
    let mut page = String::with_capacity(256 * 1024);
    head(&mut page, &report.title, &lead(report));
    if let Some(reason) = &report.timings.cut_short {
        let reason = escape(reason);
        let _ = writeln!(
            page,
            "<p class=\"warn\">The run was cut short: {reason}. What follows covers what was done.</p>"
        );
    }
    cards(&mut page, report);
    money::result(&mut page, report);
    money::equity(&mut page, report);
    trading::positions(&mut page, report);
    trading::price(&mut page, report);
    trading::markouts(&mut page, report);
    around::section(&mut page, report);
    queue::section(&mut page, report);
    trading::quotes(&mut page, report);
    trading::refusals(&mut page, report);
    latency::section(&mut page, report);
    provenance(&mut page, report);
    page.push_str(
        "<footer>Written by tickrace. The page is self-contained: nothing is loaded.</footer></main>",
    );
    if page.contains("class=\"plot panel\"") {
        let _ = write!(page, "<script>{}</script>", panel::SCRIPT);
    }
    page.push_str("</body></html>\n");
    page
}

/// Everything up to the first section.
pub fn head(page: &mut String, title: &str, lead: &str) {
    let (title, lead) = (escape(title), escape(lead));
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"generator\" content=\"tickrace\"><title>{title}</title><style>{STYLE}</style></head><body><main>\n\
         <h1>{title}</h1><p class=\"lead\">{lead}</p>\n"
    );
}

/// What was traded and when, in a sentence.
fn lead(report: &RunReport) -> String {
    if report.first_ns == 0 && report.last_ns == 0 {
        return "Nothing was observed: no market data reached a traded instrument.".to_owned();
    }
    let offset = report.utc_offset_ns;
    let day = |ts_ns: i64| date_of((ts_ns + offset).div_euclid(DAY_NS));
    let (first, last) = (day(report.first_ns), day(report.last_ns));
    let [from, to] = [report.first_ns, report.last_ns].map(|ts_ns| format::clock(ts_ns, offset));
    let when = if first == last {
        format!("{first}, {from} to {to}")
    } else {
        format!("{first} {from} to {last} {to}")
    };
    let symbols: Vec<&str> = report.by_instrument.iter().map(|one| one.symbol.as_str()).collect();
    let what = match symbols.as_slice() {
        [] => "no instrument".to_owned(),
        few if few.len() <= 8 => few.join(", "),
        many => format!("{} and {} more", many[..6].join(", "), many.len() - 6),
    };
    format!("{what} · {when} local time · money in {}", report.account_currency)
}

/// A figure of the cards at the page's head: what it is, what it says, what stands below it. All of it is escaped here.
///
/// `class`: `good`, `bad` or nothing. Cards stand within `<div class="cards">`.
pub fn card(page: &mut String, label: &str, value: &str, class: &str, small: &str) {
    let (label, value, small) = (escape(label), escape(value), escape(small));
    let _ = write!(
        page,
        "<div class=\"card\"><span>{label}</span><b class=\"{class}\">{value}</b><small>{small}</small></div>"
    );
}

fn cards(page: &mut String, report: &RunReport) {
    let total = &report.total;
    let currency = &report.account_currency;
    let sign = |cash: tickrace_types::Cash| match cash.0.signum() {
        1 => "good",
        -1 => "bad",
        _ => "",
    };
    page.push_str("<div class=\"cards\">");
    let mut card =
        |label: &str, value: String, class: &str, small: String| card(page, label, &value, class, &small);
    let per_notional = total.net_bps().map_or(String::new(), |bps| format!(", {bps:.2} bps of turnover"));
    card(
        "Net profit",
        format::money(total.net_pnl),
        sign(total.net_pnl),
        format!("{currency}{per_notional}"),
    );
    let fees = if total.fees.0 < 0 { "more rebates than fees" } else { "taken off gross" };
    card("Fees", format::money(total.fees), "", format!("{currency}, {fees}"));
    let filled = format!(
        "{} lots, {} maker",
        format::signed_count(total.volume_lots),
        format::count(total.maker_fills)
    );
    card("Fills", format::count(total.fills), "", filled);
    let under = format::percent(Some(report.drawdown.under_water_share()));
    card(
        "Max drawdown",
        format::amount(report.drawdown.amount),
        "",
        format!("{currency}, under water {under}"),
    );
    let orders = format!("{} refused by the gate", format::count(total.orders.refused));
    card("Orders", format::count(total.orders.total()), "", orders);
    let timings = &report.timings;
    let events = format!("{} events in {:.2} s", format::count(timings.events), timings.wall_seconds);
    card("Events a second", format::rate(timings.events_per_second()), "", events);
    if let Some(latency) = timings.tick_to_order.as_ref().filter(|latency| latency.count > 0) {
        let Percentiles { p50, p99, max, count, .. } = Percentiles::from(latency);
        let over = format!("over {} orders", format::count(count));
        card("Tick to order, median", format::nanos(p50), "", over);
        card("Tick to order, p99", format::nanos(p99), "", format!("slowest {}", format::nanos(max)));
    }
    if let Some(sharpe) = report.sharpe {
        card(
            "Sharpe ratio",
            format::decimals(sharpe, 2),
            "",
            format!("annualised, {} days", report.days.len()),
        );
    }
    page.push_str("</div>\n");
}

/// A plot with a line below it that says how to read it.
pub fn plot_with_note(page: &mut String, svg: &str, note: &str) {
    let _ = writeln!(page, "<div class=\"plot\">{svg}<p class=\"note\">{note}</p></div>");
}

/// When the plots over time begin: shortly before the first fill, since nothing of ours moves before it; at the first
/// record where there is none. Nanoseconds since the Unix epoch.
fn drawn_from_ns(report: &RunReport) -> i64 {
    let air_ns = report.last_ns.saturating_sub(report.first_ns) / 40;
    let first_fill_ns = report.fills.iter().map(|fill| fill.ts_ns).min();
    first_fill_ns.map_or(report.first_ns, |ts_ns| ts_ns.saturating_sub(air_ns).max(report.first_ns))
}

/// The axis of the plots over time.
fn time_axis(report: &RunReport) -> Axis {
    Axis::time(drawn_from_ns(report), report.last_ns, report.utc_offset_ns)
}

/// A table of two columns; values are escaped here.
pub fn facts(page: &mut String, class: &str, rows: &[(&str, String)]) {
    let _ = write!(page, "<table class=\"facts {class}\">");
    for (label, value) in rows {
        let _ = write!(page, "<tr><td>{label}</td><td>{}</td></tr>", escape(value));
    }
    page.push_str("</table>\n");
}

fn provenance(page: &mut String, report: &RunReport) {
    page.push_str("<h2>Configuration and provenance</h2><p>With these the run can be repeated; the order digest of the repetition must be the same.</p>\n");
    let meta = &report.meta;
    let mut rows = vec![("Order digest", report.order_digest.clone())];
    let mut add = |label, value: &str| {
        if !value.is_empty() {
            rows.push((label, value.to_owned()));
        }
    };
    add("Seed", &meta.seed.map_or(String::new(), |seed| seed.to_string()));
    add("Session", &meta.session_date);
    add("Command", &meta.command);
    add("Placement", &meta.placement);
    add("Build", &meta.build);
    add("Host", &meta.host);
    let sample = format::nanos(report.equity.sample_ns.unsigned_abs());
    add("Equity sampled", &format!("every {sample}, where something happened"));
    if report.unknown_records > 0 {
        add(
            "Records left out",
            &format!("{} that name no instrument of the run or make no sense", report.unknown_records),
        );
    }
    facts(page, "text", &rows);
    if !meta.files.is_empty() {
        page.push_str("<h3>Tick files</h3><div class=\"wide\"><table><tr><th>file</th><th>messages</th><th>bytes</th><th>content hash</th></tr>");
        for file in &meta.files {
            let _ = write!(
                page,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>",
                escape(&file.path),
                format::count(file.messages),
                format::count(file.bytes),
                escape(&file.hash)
            );
        }
        page.push_str("</table></div>\n");
    }
    if !meta.config_text.is_empty() {
        let _ = writeln!(page, "<h3>Configuration as used</h3><pre>{}</pre>", escape(&meta.config_text));
    }
}

#[cfg(test)]
mod tests;
