//! The page of finished runs side by side: figures with the best marked, curves over one another, correlations, tests.

use std::fmt::Write;

use tickrace_stats::panel::DAY_NS;

use super::axis::Axis;
use super::compare::CLASSES;
use super::format::{self, escape};
use super::plot::Plot;
use super::sortable::{self, Cell};
use super::{WIDE, facts, head, plot_with_note};
use crate::comparison::{Compared, Comparison, RunFigures};
use crate::performance::drawdowns;

/// What is better of a figure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    More,
    Less,
    Neither,
}

/// A figure's name, its value, how it is written, and what is better.
type Line = (&'static str, Better, fn(&RunFigures) -> Option<f64>, fn(f64) -> String);

fn percent(value: f64) -> String {
    format!("{} %", format::decimals(value * 100.0, 2))
}

fn plain(value: f64) -> String {
    format::decimals(value, 2)
}

fn fine(value: f64) -> String {
    format::decimals(value, 4)
}

fn whole(value: f64) -> String {
    format::decimals(value, 0)
}

#[allow(clippy::cast_precision_loss, reason = "counts below 2^53")]
const LINES: [Line; 25] = [
    ("days", Better::Neither, |run| Some(run.periods as f64), whole),
    ("total return", Better::More, |run| run.headline.total_return, percent),
    ("annual return", Better::More, |run| run.headline.annual_return, percent),
    ("annual volatility", Better::Less, |run| run.headline.annual_volatility, percent),
    ("Sharpe ratio", Better::More, |run| run.headline.sharpe, plain),
    ("Sortino ratio", Better::More, |run| run.headline.sortino, plain),
    ("Calmar ratio", Better::More, |run| run.headline.calmar, plain),
    ("omega", Better::More, |run| run.headline.omega, plain),
    ("max drawdown", Better::More, |run| run.headline.max_drawdown, percent),
    (
        "longest drawdown, days",
        Better::Less,
        |run| run.headline.longest_drawdown.map(|days| days as f64),
        whole,
    ),
    ("days with a gain", Better::More, |run| run.headline.positive_share, percent),
    ("months with a gain", Better::More, |run| run.headline.positive_months, percent),
    ("worst day", Better::More, |run| run.headline.worst, percent),
    ("value at risk", Better::More, |run| run.distribution.var_historical, percent),
    ("CVaR", Better::More, |run| run.distribution.cvar_historical, percent),
    ("skewness", Better::More, |run| run.distribution.skew, plain),
    ("excess kurtosis", Better::Less, |run| run.distribution.kurtosis, plain),
    ("true ratio above 0 (PSR)", Better::More, |run| run.belief.probabilistic_sharpe, fine),
    ("net profit", Better::More, |run| run.net_pnl, plain),
    ("net bps of turnover", Better::More, |run| run.net_bps, fine),
    ("fills", Better::Neither, |run| run.fills.map(|fills| fills as f64), whole),
    ("round trips", Better::Neither, |run| run.trades.as_ref().map(|trades| trades.count as f64), whole),
    ("round trips won", Better::More, |run| run.trades.as_ref()?.win_rate, percent),
    ("profit factor", Better::More, |run| run.trades.as_ref()?.profit_factor, plain),
    ("expectancy a round trip", Better::More, |run| run.trades.as_ref()?.expectancy, plain),
];

/// The whole page: styles and plots inline, nothing is loaded.
pub fn html(runs: &[Compared], found: &Comparison, provenance: &[(&'static str, String)]) -> String {
    let mut page = String::with_capacity(256 * 1024);
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    head(&mut page, "Comparison", &format!("{} finished runs: {}", runs.len(), names.join(", ")));
    for why in &found.absent {
        let _ = writeln!(page, "<p class=\"warn\">{}.</p>", escape(why));
    }
    figures(&mut page, found);
    curves(&mut page, runs);
    intraday(&mut page, runs);
    correlations(&mut page, found);
    tests(&mut page, found);
    page.push_str("<h2>Provenance</h2>\n");
    facts(&mut page, "text", provenance);
    page.push_str("<footer>Written by tickrace. The page is self-contained: nothing is loaded.</footer>");
    sortable::script(&mut page);
    page.push_str("</main></body></html>\n");
    page
}

/// Whether a value is the best of a line; of equals each is, and of one alone none.
fn is_best(better: Better, value: f64, all: &[Option<f64>]) -> bool {
    let others: Vec<f64> = all.iter().flatten().copied().collect();
    let is_told_apart = others.iter().any(|other| *other != value);
    is_told_apart
        && match better {
            Better::More => others.iter().all(|other| *other <= value),
            Better::Less => others.iter().all(|other| *other >= value),
            Better::Neither => false,
        }
}

/// The table of figures as text, one line a figure, one column a run; the best carries a star.
pub fn figure_lines(found: &Comparison) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    for (name, better, of, show) in LINES {
        let values: Vec<Option<f64>> = found.runs.iter().map(of).collect();
        if values.iter().all(Option::is_none) {
            continue;
        }
        let cell = |value: &Option<f64>| match value {
            Some(value) if is_best(better, *value, &values) => format!("{} *", show(*value)),
            Some(value) => format!("{}  ", show(*value)),
            None => "–  ".to_owned(),
        };
        lines.push(std::iter::once(name.to_owned()).chain(values.iter().map(cell)).collect());
    }
    lines
}

fn figures(page: &mut String, found: &Comparison) {
    page.push_str(
        "<h2>Figures</h2>\n<p>The best of each line is marked. Figures are of all days of each run.</p>\n",
    );
    page.push_str("<div class=\"wide\"><table><tr><th>figure</th>");
    for run in &found.runs {
        let _ = write!(page, "<th>{}</th>", escape(&run.name));
    }
    page.push_str("</tr><tr><td>first day</td>");
    for run in &found.runs {
        let _ = write!(page, "<td>{}</td>", escape(&run.first_date));
    }
    page.push_str("</tr><tr><td>last day</td>");
    for run in &found.runs {
        let _ = write!(page, "<td>{}</td>", escape(&run.last_date));
    }
    page.push_str("</tr>\n");
    for (name, better, of, show) in LINES {
        let values: Vec<Option<f64>> = found.runs.iter().map(of).collect();
        if values.iter().all(Option::is_none) {
            continue;
        }
        let _ = write!(page, "<tr><td>{name}</td>");
        for value in &values {
            let class = if value.is_some_and(|value| is_best(better, value, &values)) {
                " class=\"best\""
            } else {
                ""
            };
            let _ = write!(page, "<td{class}>{}</td>", value.map_or("–".to_owned(), show));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
}

#[allow(clippy::cast_precision_loss, reason = "only places it")]
fn place_of(day: i64) -> f64 {
    (day * DAY_NS) as f64
}

fn curves(page: &mut String, runs: &[Compared]) {
    let long: Vec<&Compared> = runs.iter().filter(|run| run.days.len() > 1).collect();
    let first = long.iter().filter_map(|run| run.days.first()).map(|day| day.0).min();
    let last = long.iter().filter_map(|run| run.days.last()).map(|day| day.0).max();
    let (Some(first), Some(last)) = (first, last) else { return };
    let mut x = Axis::years(first * DAY_NS, last * DAY_NS);
    x.unit = String::new();
    let class_of = |run: &Compared| {
        let place = runs.iter().position(|other| std::ptr::eq(other, run)).unwrap_or(0);
        CLASSES[place % CLASSES.len()]
    };
    let curve = |run: &Compared, values: &[f64]| -> Vec<(f64, f64)> {
        run.days.iter().zip(values).map(|(day, value)| (place_of(day.0), *value)).collect()
    };
    let wealth = || long.iter().flat_map(|run| run.sheet.curve.wealth.iter().copied()).chain([1.0]);
    let (low, high) = (wealth().fold(f64::INFINITY, f64::min), wealth().fold(0.0, f64::max));
    page.push_str("<h2>Cumulative return</h2>\n<div class=\"plot\">");
    page.push_str(
        "<input class=\"scale\" type=\"checkbox\" id=\"scale\"><label class=\"scale-name\" for=\"scale\">logarithmic</label>",
    );
    let mut draw = |y: Axis, class: &str| {
        let mut plot = Plot::new(WIDE, 330.0, x.clone(), y);
        for run in &long {
            plot.line(&curve(run, &run.sheet.curve.wealth), class_of(run));
            plot.legend(&run.name, class_of(run));
        }
        let svg = plot.svg("one unit of each run compounded over time");
        let _ = write!(page, "<div class=\"{class}\">{svg}</div>");
    };
    draw(Axis::of_values(wealth(), false, "what one unit became"), "even");
    if low > 0.0 {
        draw(Axis::growth(low * 0.97, high * 1.03, "what one unit became, log"), "log");
    } else {
        draw(Axis::of_values(wealth(), false, "what one unit became; all was lost, no logarithm"), "log");
    }
    page.push_str("<p class=\"note\">Each from its own first day on.</p></div>\n<h3>Under water</h3>\n");
    let depths: Vec<Vec<f64>> = long
        .iter()
        .map(|run| drawdowns::under_water(&run.days.iter().map(|day| day.1).collect::<Vec<f64>>()))
        .collect();
    let y = Axis::percent(depths.iter().flatten().copied(), true, "% below the best");
    let mut plot = Plot::new(WIDE, 220.0, x, y);
    for (run, depth) in long.iter().zip(&depths) {
        plot.line(&curve(run, depth), class_of(run));
    }
    plot_with_note(
        page,
        &plot.svg("distance of each run below its best"),
        "How far each is below its own best so far; colours as above.",
    );
}

/// Net profit over time of runs of few days.
fn intraday(page: &mut String, runs: &[Compared]) {
    let curves: Vec<(usize, Vec<(f64, f64)>)> = runs
        .iter()
        .enumerate()
        .filter(|(_, run)| run.days.len() < crate::days::SHARPE_DAYS_MIN)
        .filter_map(|(place, run)| {
            let trading = run.sheet.trading.as_ref().filter(|trading| trading.intraday.len() > 1)?;
            let opening = trading.opening_equity.unwrap_or(0.0);
            #[allow(clippy::cast_precision_loss, reason = "only places it")]
            let points =
                trading.intraday.iter().map(|(ts_ns, equity)| (*ts_ns as f64, equity - opening)).collect();
            Some((place, points))
        })
        .collect();
    let first =
        runs.iter().filter_map(|run| run.sheet.trading.as_ref()?.intraday.first()).map(|one| one.0).min();
    let last =
        runs.iter().filter_map(|run| run.sheet.trading.as_ref()?.intraday.last()).map(|one| one.0).max();
    let trading = runs.iter().find_map(|run| run.sheet.trading.as_ref());
    let (Some(first), Some(last), Some(trading), false) = (first, last, trading, curves.is_empty()) else {
        return;
    };
    page.push_str("<h2>Net profit over time</h2>\n");
    let y = Axis::of_values(
        curves.iter().flat_map(|curve| &curve.1).map(|point| point.1),
        true,
        &trading.account_currency,
    );
    let mut plot = Plot::new(WIDE, 330.0, Axis::time(first, last, trading.utc_offset_ns), y);
    for (place, points) in &curves {
        let class = CLASSES[place % CLASSES.len()];
        plot.step(points, class);
        plot.legend(&runs[*place].name, class);
    }
    plot_with_note(
        page,
        &plot.svg("net profit of each run over time"),
        "Positions at the mid, fees taken off.",
    );
    let falls: Vec<Vec<(f64, f64)>> = curves.iter().map(|curve| below_best(&curve.1)).collect();
    let y = Axis::of_values(falls.iter().flatten().map(|point| point.1), true, &trading.account_currency);
    let mut plot = Plot::new(WIDE, 200.0, Axis::time(first, last, trading.utc_offset_ns), y);
    for ((place, _), points) in curves.iter().zip(&falls) {
        plot.step(points, CLASSES[place % CLASSES.len()]);
    }
    page.push_str("<h3>Drawdown</h3>\n");
    let note = "Distance below the best so far; colours as above.";
    plot_with_note(page, &plot.svg("distance of each run below its best"), note);
}

/// Distance below the best so far, zero or less.
fn below_best(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut best = f64::NEG_INFINITY;
    let fall = |(at, value): &(f64, f64)| {
        best = best.max(*value);
        (*at, value - best)
    };
    points.iter().map(fall).collect()
}

fn correlations(page: &mut String, found: &Comparison) {
    if found.correlation.len() < 2 {
        return;
    }
    let _ = write!(
        page,
        "<h2>Correlation</h2>\n<p>Of returns by {}, over the {} that all runs have.</p>\n<div class=\"wide\"><table class=\"heat\"><tr><th></th>",
        escape(&found.period),
        format::count(found.periods as u64)
    );
    for run in &found.runs {
        let _ = write!(page, "<th class=\"heat\">{}</th>", escape(&run.name));
    }
    page.push_str("</tr>\n");
    for (run, row) in found.runs.iter().zip(&found.correlation) {
        let _ = write!(page, "<tr><td>{}</td>", escape(&run.name));
        for value in row {
            let Some(value) = value else {
                page.push_str("<td class=\"heat\">–</td>");
                continue;
            };
            let colour = if *value < 0.0 { "180,83,42" } else { "31,95,168" };
            let strength = value.abs() * 0.6;
            let _ = write!(
                page,
                "<td class=\"heat\" style=\"background:rgba({colour},{strength:.2})\">{}</td>",
                format::decimals(*value, 2)
            );
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
}

/// Heads of the table of tests.
pub fn test_head() -> Vec<String> {
    ["first", "second", "difference", "error", "p", "p of all pairs", "verdict"].map(str::to_owned).to_vec()
}

/// Its rows.
pub fn test_rows(found: &Comparison) -> Vec<Vec<Cell>> {
    let row = |one: &crate::comparison::PairTest| {
        let scale = match (one.difference_annual, one.test) {
            (Some(annual), Some(test)) if test.difference != 0.0 => annual / test.difference,
            _ => 1.0,
        };
        let verdict = match one.p_adjusted {
            None => "cannot be told",
            Some(p) if p <= 0.01 => "differ (1 %)",
            Some(p) if p <= 0.05 => "differ (5 %)",
            Some(_) => "no difference shown",
        };
        vec![
            Cell::text(&found.runs[one.first].name),
            Cell::text(&found.runs[one.second].name),
            Cell::number(one.test.map(|test| test.difference * scale), 3),
            Cell::number(one.test.map(|test| test.error * scale), 3),
            Cell::number(one.test.map(|test| test.p_value), 4),
            Cell::number(one.p_adjusted, 4),
            Cell::text(verdict),
        ]
    };
    found.tests.iter().map(row).collect()
}

fn tests(page: &mut String, found: &Comparison) {
    let Some(test) = found.tests.iter().find_map(|one| one.test) else { return };
    let annual = if found.period == "day" { "annualised" } else { "of one period" };
    let _ = writeln!(
        page,
        "<h2>Whether their Sharpe ratios differ</h2>\n<p>First less second, {annual}. The p-value is how often chance alone makes a difference \
         as great, in {} samples of pairs of periods drawn in blocks of {} (Ledoit and Wolf, 2008); beside it the same adjusted for the \
         number of pairs (Benjamini and Yekutieli, 2001).</p>",
        format::count(test.samples as u64),
        test.block
    );
    sortable::table(page, &test_head(), &test_rows(found));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::CompareConfig;
    use crate::report::tests::assert_sound;
    use crate::run::tests::generated;
    use crate::tear_sheet::{BLOCK_NS, SheetConfig, SheetInput, TearSheet, account_blocks};

    fn of_days(name: &str, seed: u64, days: i64) -> Compared {
        let mut rng = tickrace_stats::Rng::new(seed);
        let days: Vec<(i64, f64)> = (18_000..18_000 + days).map(|day| (day, 0.01 * rng.normal())).collect();
        let input = SheetInput {
            dates: days.iter().map(|day| crate::days::date_of(day.0)).collect(),
            returns: days.iter().map(|day| day.1).collect(),
            ..SheetInput::default()
        };
        let sheet = TearSheet::new(&input, None, &SheetConfig { courses: 1, ..SheetConfig::default() });
        Compared { name: name.to_owned(), sheet, days, blocks: Vec::new() }
    }

    fn of_run(name: &str, fill_every: u64) -> Compared {
        let run = generated(23_400, fill_every);
        let sheet = TearSheet::new(&SheetInput::default(), Some(&run), &SheetConfig::default());
        Compared { name: name.to_owned(), sheet, days: Vec::new(), blocks: account_blocks(&run, BLOCK_NS) }
    }

    #[test]
    fn comparisons_of_days_of_runs_and_of_both_are_pages() {
        let config = CompareConfig { periods_a_year: 252.0, samples: 99, block: None, seed: 1 };
        for (runs, parts) in [
            (
                vec![of_days("a <b>", 1, 300), of_days("c", 2, 250)],
                vec!["Under water", "Correlation", "Ledoit"],
            ),
            (
                vec![of_run("x", 3), of_run("y", 5)],
                vec!["Net profit over time", "Drawdown", "quarter of an hour"],
            ),
            (vec![of_run("x", 3), of_days("c", 2, 5)], vec!["0 days are common"]),
        ] {
            let found = Comparison::new(&runs, &config);
            let page = html(&runs, &found, &[("Build", "x".to_owned())]);
            assert_sound(&page);
            assert!(parts.iter().all(|part| page.contains(part)), "{parts:?}");
        }
    }

    #[test]
    fn the_best_is_marked_and_of_equals_all_or_none() {
        let values = [Some(1.0), Some(3.0), None, Some(3.0)];
        let marked = |better| values.map(|value| value.is_some_and(|value| is_best(better, value, &values)));
        assert_eq!(marked(Better::More), [false, true, false, true]);
        assert_eq!(marked(Better::Less), [true, false, false, false]);
        assert_eq!(marked(Better::Neither), [false; 4]);
        assert!(!is_best(Better::More, 2.0, &[Some(2.0), Some(2.0)]), "nothing is told apart");
    }
}
