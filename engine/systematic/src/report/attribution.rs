//! Where the profit came from: instruments, their classes and rules; and what each instrument costs.

use std::collections::BTreeMap;

use tickrace_analytics::report::axis::Axis;
use tickrace_analytics::report::plot::Plot;
use tickrace_analytics::report::sortable::{self, Cell};
use tickrace_analytics::report::{HALF, WIDE, plot_with_note};

use super::SystemPage;
use super::curves::{running, time_axis};
use crate::account::{Account, Frequency, Statistics};

/// Bars of a plot, and curves; the rest is in the table.
const BARS_MAX: usize = 24;
const CURVES_MAX: usize = 5;
/// Letters of a name below a bar.
const LABEL_MAX: usize = 12;

pub(super) fn sections(page: &mut String, system: &SystemPage<'_>) {
    let instruments: Vec<(String, &Account)> =
        system.instruments.iter().map(|one| (one.name.clone(), one.account)).collect();
    if instruments.is_empty() {
        return;
    }
    page.push_str("<h2>By instrument</h2><p class=\"screen\">As held in the portfolio, in per cent of all capital; the net profits add up to the portfolio's. A click on a column's head sorts by it.</p>\n");
    table(page, "instrument", &instruments);
    page.push_str("<div class=\"pair\">");
    bars(page, &instruments, "instrument", HALF);
    let classes = classes(system);
    let by_class: Vec<(String, &Account)> =
        classes.iter().map(|(name, account)| (name.clone(), account)).collect();
    bars(page, &by_class, "asset class", HALF);
    page.push_str("</div>\n");
    leaders(page, system, &by_class);
    let rules: Vec<(String, &Account)> =
        system.rules.iter().map(|(name, account)| (name.clone(), account)).collect();
    if !rules.is_empty() {
        page.push_str("<h2>By rule</h2><p>Each rule alone in every instrument with all capital, unrounded, costs taken as a steady drain. The sum over instruments says which rule earns, not how much of it the portfolio holds.</p>\n");
        table(page, "rule", &rules);
        bars(page, &rules, "rule", WIDE);
    }
}

/// Accounts by asset class.
fn classes(system: &SystemPage<'_>) -> Vec<(String, Account)> {
    let mut classes: BTreeMap<&str, Vec<&Account>> = BTreeMap::new();
    for one in &system.instruments {
        classes.entry(&one.asset_class).or_default().push(one.account);
    }
    classes.into_iter().map(|(name, accounts)| (name.to_owned(), Account::sum(accounts))).collect()
}

fn table(page: &mut String, what: &str, accounts: &[(String, &Account)]) {
    let head = [
        what,
        "net % a year",
        "gross",
        "costs",
        "deviation",
        "Sharpe, net",
        "gross Sharpe",
        "skew",
        "worst drawdown %",
    ];
    let rows: Vec<Vec<Cell>> = accounts
        .iter()
        .map(|(name, account)| {
            let of = |flow| Statistics::of_flow(flow, Frequency::BusinessDay);
            let (net, gross, costs) = (of(&account.net()), of(&account.gross), of(&account.costs));
            let number =
                |value: Option<f64>, places| Cell::number(value.filter(|value| value.is_finite()), places);
            vec![
                Cell::text(name),
                net.map_or_else(|| Cell::number(None, 2), |net| Cell::profit(net.ann_mean)),
                number(gross.map(|gross| gross.ann_mean), 2),
                number(costs.map(|costs| costs.ann_mean), 3),
                number(net.map(|net| net.ann_std), 2),
                number(net.map(|net| net.sharpe), 2),
                number(gross.map(|gross| gross.sharpe), 2),
                number(net.map(|net| net.skew), 2),
                number(net.map(|net| net.worst_drawdown), 1),
            ]
        })
        .collect();
    sortable::table(page, &head.map(str::to_owned), &rows);
}

/// A name short enough to stand below a bar.
pub(super) fn short(name: &str) -> String {
    if name.chars().count() <= LABEL_MAX {
        return name.to_owned();
    }
    name.chars().take(LABEL_MAX - 1).chain(['…']).collect()
}

/// Net profit in all, best first.
fn bars(page: &mut String, accounts: &[(String, &Account)], what: &str, width: f64) {
    let mut totals: Vec<(&str, f64)> = accounts
        .iter()
        .map(|(name, account)| (name.as_str(), account.net().bins(Frequency::Year).sums.iter().sum()))
        .collect();
    totals.sort_by(|one, other| other.1.total_cmp(&one.1));
    let shown = &totals[..totals.len().min(BARS_MAX)];
    // Lying bars: names have room at the left, whatever their number.
    let names: Vec<String> = shown.iter().rev().map(|(name, _)| short(name)).collect();
    let axis = Axis::of_values(shown.iter().map(|(_, sum)| *sum), true, "per cent of capital");
    let mut plot = Plot::new(width, 60.0 + 20.0 * shown.len() as f64, axis, Axis::names(&names, ""));
    for (row, (name, sum)) in shown.iter().rev().enumerate() {
        let (class, foot) = (if *sum < 0.0 { "b" } else { "a" }, row as f64);
        plot.span(sum.min(0.0), sum.max(0.0), foot + 0.2, foot + 0.8, class, &format!("{name}: {sum:.1} %"));
    }
    let more = totals.len() - shown.len();
    let rest =
        if more > 0 { format!(", the best {BARS_MAX}; {more} more are in the table") } else { String::new() };
    let note = format!("Net profit of the whole time by {what}, in per cent of capital{rest}.");
    plot_with_note(page, &plot.svg(&format!("net profit by {what}")), &note);
}

/// Curves of the classes that moved the account most.
fn leaders(page: &mut String, system: &SystemPage<'_>, classes: &[(String, &Account)]) {
    let net = system.portfolio.net();
    let mut curves: Vec<(&str, Vec<(f64, f64)>)> = classes
        .iter()
        .map(|(name, account)| (name.as_str(), running(&account.net().bins(Frequency::Week))))
        .filter(|(_, points)| !points.is_empty())
        .collect();
    let end = |points: &[(f64, f64)]| points.last().map_or(0.0, |point| point.1.abs());
    curves.sort_by(|one, other| end(&other.1).total_cmp(&end(&one.1)));
    curves.truncate(CURVES_MAX);
    if curves.len() < 2 || net.span().is_none() {
        return;
    }
    let values = curves.iter().flat_map(|(_, points)| points).map(|point| point.1);
    let mut plot =
        Plot::new(WIDE, 260.0, time_axis(&net), Axis::of_values(values, true, "per cent of capital"));
    for ((name, points), class) in curves.iter().zip(["a", "b", "c", "d", "e"]) {
        plot.line(points, class);
        plot.legend(name, class);
    }
    plot_with_note(
        page,
        &plot.svg("net curves of asset classes"),
        "Net profit of the asset classes that earned or lost most; all of them together are the account.",
    );
}

/// What each instrument costs.
pub(super) fn costs(page: &mut String, system: &SystemPage<'_>) {
    if system.instruments.is_empty() {
        return;
    }
    page.push_str("<h2>Costs</h2><p>In units of risk: a cost of 0.01 takes a hundredth off the instrument's annual Sharpe ratio. Holding is what rolls cost, two trades each; trading is turnover times the cost of a trade, at prices and volatility of the last year.</p>\n");
    let head = [
        "instrument",
        "a trade",
        "turnovers a year",
        "trading",
        "holding",
        "together",
        "charged, % of capital a year",
        "contracts held at the end",
    ];
    let number = |value: f64, places| Cell::number(Some(value).filter(|value| value.is_finite()), places);
    let rows: Vec<Vec<Cell>> = system
        .instruments
        .iter()
        .map(|one| {
            let trading = one.costs.trading(one.turnover);
            let charged = Statistics::of_flow(&one.account.costs, Frequency::BusinessDay);
            vec![
                Cell::text(&one.name),
                number(one.costs.per_trade, 4),
                number(one.turnover, 1),
                number(trading, 4),
                number(one.costs.holding, 4),
                number(trading + one.costs.holding, 4),
                number(charged.map_or(0.0, |charged| -charged.ann_mean), 3),
                number(one.position, if one.position.fract() == 0.0 { 0 } else { 2 }),
            ]
        })
        .collect();
    sortable::table(page, &head.map(str::to_owned), &rows);
}
