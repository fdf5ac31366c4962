//! Sections of the page about money: the result by symbol, where it came from, equity and drawdown.

use std::fmt::Write;

use tickrace_types::Cash;

use super::axis::Axis;
use super::plot::Plot;
use super::{HALF, WIDE, drawn_from_ns, format, plot_with_note, time_axis};
use crate::figures::{Figures, InstrumentReport, RunReport};
use crate::strategies::Sources;
use format::escape;

/// Rows of the table by symbol; the rest is told as a number.
const SYMBOLS_MAX: usize = 50;

/// Instruments, most fills first, then most orders, then by name of the table.
pub(super) fn busiest(report: &RunReport) -> Vec<&InstrumentReport> {
    let mut busiest: Vec<&InstrumentReport> = report.by_instrument.iter().collect();
    busiest.sort_by_key(|one| std::cmp::Reverse((one.figures.fills, one.figures.orders.total())));
    busiest
}

pub(super) fn result(page: &mut String, report: &RunReport) {
    let currency = escape(&report.account_currency);
    let _ = write!(
        page,
        "<h2>Result</h2><p>Money in {currency}, positions valued at the last mid. Net is gross minus fees plus funding; gross is what the spread brought plus what positions gained or lost while held.</p>\n<div class=\"wide\"><table><tr><th>symbol</th><th>fills</th><th>lots</th><th>turnover</th><th>spread captured</th><th>inventory drift</th><th>gross</th><th>fees</th><th>net</th><th>position</th></tr>"
    );
    let busiest = busiest(report);
    for one in busiest.iter().take(SYMBOLS_MAX) {
        row(page, "", &escape(&one.symbol), &one.figures, &format::signed_count(one.position));
    }
    if busiest.len() != 1 {
        row(page, " class=\"sum\"", "total", &report.total, "");
    }
    page.push_str("</table></div>\n");
    if busiest.len() > SYMBOLS_MAX {
        let _ = writeln!(
            page,
            "<p class=\"note\">and {} symbols more, in the total.</p>",
            busiest.len() - SYMBOLS_MAX
        );
    }
    if report.total.fills == 0 {
        page.push_str("<p>No order was filled, so there is no profit to explain. The quote statistics below show where our prices stood.</p>\n");
        return;
    }
    strategies(page, report);
    costs(page, report);
    page.push_str("<div class=\"pair\">");
    attribution(page, report);
    super::costs::plot(page, report);
    by_day(page, report);
    page.push_str("</div>\n");
}

fn row(page: &mut String, class: &str, name: &str, figures: &Figures, position: &str) {
    let _ = write!(
        page,
        "<tr{class}><td>{name}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{position}</td></tr>",
        format::count(figures.fills),
        format::signed_count(figures.volume_lots),
        format::decimals(figures.notional.to_f64(), 0),
        signed(figures.spread_captured),
        signed(figures.inventory_drift),
        signed(figures.gross_pnl),
        format::money(figures.fees),
        signed(figures.net_pnl),
    );
}

/// What each strategy made, and from what; its parts add up to its net profit, and the strategies to the account's.
fn strategies(page: &mut String, report: &RunReport) {
    if report.strategies.len() < 2 {
        return;
    }
    page.push_str("<h3>By strategy</h3><div class=\"wide\"><table><tr><th>strategy</th><th>orders</th><th>refused</th><th>fills</th><th>lots</th><th>spread</th><th>slippage</th><th>inventory</th><th>fees</th><th>funding</th><th>net</th><th>drawdown</th><th>trips</th><th>won</th></tr>");
    for one in &report.strategies {
        let Sources { spread, slippage, inventory, fees, funding } = one.sources;
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
            escape(&one.name),
            format::count(one.orders),
            format::count(one.refused),
            format::count(one.fills),
            format::signed_count(one.volume_lots),
        );
        // Fees stand as in the table above, a rebate below zero.
        let cells =
            [signed(spread), signed(slippage), signed(inventory), format::money(-fees), signed(funding)];
        for cell in cells.into_iter().chain([signed(one.net_pnl)]) {
            let _ = write!(page, "<td>{cell}</td>");
        }
        let trips = &one.trades;
        let _ = write!(
            page,
            "<td>{}</td><td>{}</td><td>{}</td></tr>",
            format::amount(one.drawdown.amount),
            format::count(trips.count),
            format::count(trips.wins),
        );
    }
    page.push_str("</table></div><p class=\"note\">Spread is what resting fills were better than the mid, slippage what taking fills were worse, inventory what positions gained or lost while held. These less fees plus funding are a strategy's net profit, and the strategies add up to the account's.</p>\n");
    portfolio(page, report);
}

/// What positions of the strategies cancel, and how their profits move with each other.
fn portfolio(page: &mut String, report: &RunReport) {
    let Some(portfolio) = &report.portfolio else { return };
    page.push_str("<h3>Portfolio</h3><div class=\"wide\"><table><tr><th>exposure</th><th>mean</th><th>largest</th></tr>");
    let rows = [
        ("gross, every strategy by itself", portfolio.gross_exposure_mean, portfolio.gross_exposure_max),
        ("netted by instrument", portfolio.netted_exposure_mean, portfolio.netted_exposure_max),
    ];
    for (name, mean, most) in rows {
        let (mean, most) = (format::money(mean), format::money(most));
        let _ = write!(page, "<tr><td>{name}</td><td>{mean}</td><td>{most}</td></tr>");
    }
    page.push_str("</table><table><tr><th>correlation of profit</th>");
    let names: Vec<_> = portfolio.strategies.iter().map(|name| escape(name)).collect();
    for name in &names {
        let _ = write!(page, "<th>{name}</th>");
    }
    page.push_str("</tr>");
    for (name, row) in names.iter().zip(&portfolio.pnl_correlations) {
        let _ = write!(page, "<tr><td>{name}</td>");
        for one in row {
            let cell = one.map_or_else(|| "–".to_owned(), |one| format!("{one:.2}"));
            let _ = write!(page, "<td>{cell}</td>");
        }
        page.push_str("</tr>");
    }
    page.push_str("</table></div><p class=\"note\">Taken on the samples of the equity curve; correlations are of the changes from one to the next.</p>\n");
}

fn signed(cash: Cash) -> String {
    if cash.0 < 0 {
        format!("<span class=\"bad\">{}</span>", format::money(cash))
    } else {
        format::money(cash)
    }
}

/// What the fees were for, and what funding brought.
fn costs(page: &mut String, report: &RunReport) {
    let total = &report.total;
    let items: Vec<_> = total.costs.iter().filter(|item| item.amount != Cash::ZERO).collect();
    if items.len() < 2 && total.funding == Cash::ZERO {
        return;
    }
    page.push_str("<div class=\"wide\"><table><tr><th>cost</th><th>paid</th></tr>");
    for item in &items {
        let _ =
            write!(page, "<tr><td>{}</td><td>{}</td></tr>", escape(&item.name), format::money(item.amount));
    }
    if total.funding != Cash::ZERO {
        let _ = write!(page, "<tr><td>funding</td><td>{}</td></tr>", format::money(-total.funding));
    }
    let all = total.fees - total.funding;
    let _ =
        writeln!(page, "<tr class=\"sum\"><td>total</td><td>{}</td></tr></table></div>", format::money(all));
}

/// Steps from spread captured over drift and fees to net.
fn attribution(page: &mut String, report: &RunReport) {
    let total = &report.total;
    let (spread, gross, net) =
        (total.spread_captured.to_f64(), total.gross_pnl.to_f64(), total.net_pnl.to_f64());
    let after_fees = (total.gross_pnl - total.fees).to_f64();
    let mut steps = vec![
        ("spread", 0.0, spread, total.spread_captured),
        ("drift", spread, gross, total.inventory_drift),
        ("fees", gross, after_fees, -total.fees),
    ];
    if total.funding != Cash::ZERO {
        steps.push(("funding", after_fees, net, total.funding));
    }
    steps.push(("net", 0.0, net, total.net_pnl));
    let names: Vec<String> = steps.iter().map(|step| step.0.to_owned()).collect();
    let values = steps.iter().flat_map(|step| [step.1, step.2]);
    let unit = &report.account_currency;
    let mut plot = Plot::new(HALF, 230.0, Axis::names(&names, ""), Axis::of_values(values, true, unit));
    for (place, (name, from, to, amount)) in steps.iter().enumerate() {
        let class = if *name == "net" {
            "a"
        } else if amount.0 < 0 {
            "b"
        } else {
            "c"
        };
        let x = place as f64 + 0.2;
        plot.span(x, x + 0.6, *from, *to, class, &format!("{name} {} {unit}", format::money(*amount)));
    }
    plot_with_note(
        page,
        &plot.svg("where the profit came from"),
        "From what trading at better prices than the mid brought, over what held positions gained or lost and the fees, to net profit.",
    );
}

fn by_day(page: &mut String, report: &RunReport) {
    if report.days.len() < 2 {
        let total = &report.total;
        let under = &report.drawdown;
        page.push_str("<div>");
        super::facts(
            page,
            "",
            &[
                ("Realised, at average cost", format::money(total.realised_pnl)),
                ("Unrealised, at the last mid", format::money(total.unrealised_pnl)),
                ("Net, basis points of turnover", format::maybe(total.net_bps(), 2)),
                ("Largest fall of equity", format::amount(under.amount)),
                ("Longest time below a high", format::nanos(under.duration_max_ns.unsigned_abs())),
                ("Time under water", format::percent(Some(under.under_water_share()))),
                ("Sharpe ratio", "stated from 20 days on".to_owned()),
            ],
        );
        page.push_str("</div>");
        return;
    }
    let count = report.days.len() as f64;
    let names: Vec<String> = if report.days.len() <= 8 {
        report.days.iter().map(|day| day.date[5..].to_owned()).collect()
    } else {
        Vec::new()
    };
    let mut x = Axis::names(&names, "day");
    x.high = count;
    let profits = report.days.iter().map(|day| day.net_pnl);
    let mut plot = Plot::new(HALF, 230.0, x, Axis::of_values(profits, true, &report.account_currency));
    for (place, day) in report.days.iter().enumerate() {
        let class = if day.net_pnl < 0.0 { "b" } else { "c" };
        let from = place as f64 + 0.1;
        plot.bar(
            from,
            from + 0.8,
            day.net_pnl,
            class,
            &format!("{}: {}", day.date, format::amount(day.net_pnl)),
        );
    }
    plot_with_note(page, &plot.svg("net profit by day"), "Net profit of each local day.");
}

pub(super) fn equity(page: &mut String, report: &RunReport) {
    page.push_str("<h2>Equity and drawdown</h2>\n");
    let series = &report.equity;
    if series.ts_ns.len() < 2 {
        page.push_str("<p>Too little was observed to draw a curve.</p>\n");
        return;
    }
    let from_ns = drawn_from_ns(report);
    let points = |values: &[f64]| -> Vec<(f64, f64)> {
        let all = series.ts_ns.iter().zip(values).filter(|(ts_ns, _)| **ts_ns >= from_ns);
        all.map(|(ts_ns, value)| (*ts_ns as f64, *value)).collect()
    };
    let unit = &report.account_currency;
    let zero = report.opening_equity.is_none();
    let y = Axis::of_values(series.equity.iter().copied(), zero, unit);
    let mut plot = Plot::new(WIDE, 270.0, time_axis(report), y);
    plot.step(&points(&series.equity), "a");
    let what = if zero { "Net profit since the start" } else { "Opening equity plus net profit" };
    plot_with_note(
        page,
        &plot.svg("equity over time"),
        &format!(
            "{what}, positions at the mid, fees taken off, sampled every {}.",
            format::nanos(series.sample_ns.unsigned_abs())
        ),
    );
    let under: Vec<f64> = series.drawdown.iter().map(|depth| -depth).collect();
    let mut plot =
        Plot::new(WIDE, 150.0, time_axis(report), Axis::of_values(under.iter().copied(), true, unit));
    let under = points(&under);
    plot.area(&under, "b");
    plot.step(&under, "b");
    let drawdown = &report.drawdown;
    let note = if drawdown.amount > 0.0 {
        let clock = |ts_ns| format::clock(ts_ns, report.utc_offset_ns);
        let end = drawdown
            .recovered_ns
            .map_or("not made good by the end".to_owned(), |ts| format!("made good at {}", clock(ts)));
        format!(
            "Distance below the highest equity so far. The deepest fall, {} {}, began at {}, was lowest at {} and was {end}.",
            format::amount(drawdown.amount),
            escape(unit),
            clock(drawdown.peak_ns),
            clock(drawdown.trough_ns)
        )
    } else {
        "Distance below the highest equity so far: it never fell.".to_owned()
    };
    plot_with_note(page, &plot.svg("drawdown over time"), &note);
}
