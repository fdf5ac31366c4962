//! The page of a comparison: several runs side by side, their curves laid over one another.

use std::fmt::Write;

use super::axis::Axis;
use super::format::{self, escape};
use super::plot::Plot;
use super::sortable::{self, Cell};
use super::{WIDE, facts, head, plot_with_note};
use crate::figures::RunReport;

/// How curves are told apart: five colours, then the same dashed.
pub(super) const CLASSES: [&str; 10] =
    ["a", "b", "c", "d", "e", "a dash", "b dash", "c dash", "d dash", "e dash"];

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct ComparePage<'a> {
    /// Headline.
    pub title: String,
    /// What is compared over which data, in a sentence.
    pub lead: String,
    /// What is wrong with the results, where something is.
    pub warning: Option<String>,
    /// The runs, by name; the first is the reference.
    pub cases: Vec<(String, &'a RunReport)>,
    /// Heads and rows of the table of fills matched order by order, where one was made, and how to read it.
    pub matches: Option<(Vec<String>, Vec<Vec<Cell>>, String)>,
    /// Where the comparison came from.
    pub facts: Vec<(&'static str, String)>,
}

/// The whole page: styles and plots inline, nothing is loaded.
pub fn html(compare: &ComparePage<'_>) -> String {
    let mut page = String::with_capacity(128 * 1024);
    head(&mut page, &compare.title, &compare.lead);
    if let Some(warning) = &compare.warning {
        let _ = writeln!(page, "<p class=\"warn\">{}</p>", escape(warning));
    }
    page.push_str("<h2>Figures</h2><p class=\"screen\">A click on a column's head sorts by it.</p>\n");
    sortable::table(&mut page, &figure_head(), &figure_rows(&compare.cases));
    equity(&mut page, &compare.cases);
    if let Some((names, rows, note)) = &compare.matches {
        let _ = writeln!(page, "<h2>Fills, order by order</h2><p>{}</p>", escape(note));
        sortable::table(&mut page, names, rows);
    }
    markouts(&mut page, &compare.cases);
    latency(&mut page, &compare.cases);
    page.push_str("<h2>Provenance</h2>\n");
    facts(&mut page, "text", &compare.facts);
    page.push_str("<footer>Written by tickrace. The page is self-contained: nothing is loaded.</footer>");
    sortable::script(&mut page);
    page.push_str("</main></body></html>\n");
    page
}

/// Heads of the table of figures.
pub fn figure_head() -> Vec<String> {
    ["run", "net", "gross", "fees", "net bps", "drawdown", "sharpe", "orders", "fills", "maker", "lots"]
        .map(str::to_owned)
        .to_vec()
}

/// Its rows.
pub fn figure_rows(cases: &[(String, &RunReport)]) -> Vec<Vec<Cell>> {
    let whole = |count: u64| Cell::count(i64::try_from(count).unwrap_or(i64::MAX));
    let row = |(name, report): &(String, &RunReport)| {
        let total = &report.total;
        vec![
            Cell::text(name),
            Cell::profit(total.net_pnl.to_f64()),
            Cell::profit(total.gross_pnl.to_f64()),
            Cell::number(Some(total.fees.to_f64()), 2),
            Cell::number(total.net_bps(), 3),
            Cell::number(Some(report.drawdown.amount), 2),
            Cell::number(report.sharpe, 2),
            whole(total.orders.total()),
            whole(total.fills),
            whole(total.maker_fills),
            Cell::count(total.volume_lots),
        ]
    };
    cases.iter().map(row).collect()
}

fn equity(page: &mut String, cases: &[(String, &RunReport)]) {
    page.push_str("<h2>Net profit over time</h2>\n");
    let series = |report: &RunReport| -> Vec<(f64, f64)> {
        let opening = report.opening_equity.unwrap_or(0.0);
        let samples = report.equity.ts_ns.iter().zip(&report.equity.equity);
        samples.map(|(ts_ns, equity)| (*ts_ns as f64, equity - opening)).collect()
    };
    let curves: Vec<Vec<(f64, f64)>> = cases.iter().map(|(_, report)| series(report)).collect();
    let times = || cases.iter().filter(|(_, report)| report.last_ns > 0);
    let (Some(from_ns), Some(to_ns)) =
        (times().map(|(_, report)| report.first_ns).min(), times().map(|(_, report)| report.last_ns).max())
    else {
        page.push_str("<p>Nothing was observed.</p>\n");
        return;
    };
    let first = cases[0].1;
    let values = curves.iter().flatten().map(|point| point.1);
    let y = Axis::of_values(values, true, &first.account_currency);
    let mut plot = Plot::new(WIDE, 330.0, Axis::time(from_ns, to_ns, first.utc_offset_ns), y);
    for ((name, _), (points, class)) in cases.iter().zip(curves.iter().zip(CLASSES.iter().cycle())) {
        plot.step(points, class);
        plot.legend(name, class);
    }
    let svg = plot.svg("net profit of each run over time");
    plot_with_note(page, &svg, "Net profit since the start, positions at the mid, fees taken off.");
}

fn markouts(page: &mut String, cases: &[(String, &RunReport)]) {
    let Some((_, first)) = cases.first() else { return };
    let horizons: Vec<i64> = first.total.markouts.both.iter().map(|one| one.horizon_ns).collect();
    if horizons.is_empty() {
        return;
    }
    page.push_str("<h2>Markouts</h2><p>Mean over fills, basis points of the fill price, seen from our side: the half spread captured, then where the mid stood after so long.</p>\n");
    let name = |horizon: &i64| match horizon {
        0 => "at the fill".to_owned(),
        later => format::nanos(later.unsigned_abs()),
    };
    let head: Vec<String> = ["run".to_owned()].into_iter().chain(horizons.iter().map(name)).collect();
    let row = |(name, report): &(String, &RunReport)| {
        let mean = |horizon: &i64| {
            let found = report.total.markouts.both.iter().find(|one| one.horizon_ns == *horizon);
            Cell::number(found.and_then(|one| one.mean_bps), 3)
        };
        [Cell::text(name)].into_iter().chain(horizons.iter().map(mean)).collect()
    };
    sortable::table(page, &head, &cases.iter().map(row).collect::<Vec<_>>());
}

fn latency(page: &mut String, cases: &[(String, &RunReport)]) {
    page.push_str("<h2>Speed</h2><p>Of this machine at the time of the runs; service time, flat out.</p>\n");
    let head = ["run", "events a second", "tick to order p50", "p99", "max"].map(str::to_owned);
    #[allow(clippy::cast_precision_loss, reason = "only places it")]
    let nanos = |ns: u64| Cell { text: format::nanos(ns), number: Some(ns as f64), is_bad: false };
    let row = |(name, report): &(String, &RunReport)| {
        let rate = report.timings.events_per_second();
        let mut cells =
            vec![Cell::text(name), Cell { text: format::rate(rate), number: Some(rate), is_bad: false }];
        if let Some(latency) = &report.timings.tick_to_order {
            cells.extend([latency.p50, latency.p99, latency.max].map(nanos));
        }
        cells
    };
    sortable::table(page, &head, &cases.iter().map(row).collect::<Vec<_>>());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::equity::EquitySeries;

    #[test]
    fn every_run_has_a_curve_a_row_and_a_name_in_the_legend() {
        let equity = EquitySeries {
            ts_ns: vec![1_000_000_000, 2_000_000_000],
            equity: vec![100.0, 103.5],
            ..EquitySeries::default()
        };
        let report = RunReport {
            first_ns: 1_000_000_000,
            last_ns: 2_000_000_000,
            opening_equity: Some(100.0),
            equity,
            ..RunReport::default()
        };
        let cases = vec![("exact".to_owned(), &report), ("<log>".to_owned(), &report)];
        let page = html(&ComparePage { title: "Compare".to_owned(), cases, ..ComparePage::default() });
        assert_eq!(page.matches("class=\"key ").count(), 2);
        assert_eq!(page.matches("<path class=\"line ").count(), 2);
        assert!(page.contains("&lt;log&gt;") && !page.contains("<log>"));
        let nothing = RunReport::default();
        let page = html(&ComparePage { cases: vec![("x".to_owned(), &nothing)], ..ComparePage::default() });
        assert!(page.contains("Nothing was observed"));
    }
}
