//! How far the result can be believed: probabilistic and deflated Sharpe ratios, and other courses it might have taken.

use std::fmt::Write;

use super::days::bins;
use super::{pair_of_facts, percent};
use crate::report::axis::Axis;
use crate::report::format;
use crate::report::plot::Plot;
use crate::report::{HALF, WIDE, plot_with_note};
use crate::tear_sheet::{Fan, TearSheet};

pub(super) fn section(page: &mut String, sheet: &TearSheet) {
    let belief = &sheet.belief;
    if belief.probabilistic_sharpe.is_none() {
        return;
    }
    let tried = if belief.trials <= 1 {
        "It is taken as the only strategy tried; name the number of those it was chosen from and the ratio is deflated by it.".to_owned()
    } else {
        format!(
            "It is taken as the best of {} strategies tried, whose annualised ratios spread by {}.",
            format::count(belief.trials),
            format::maybe(belief.trials_deviation, 2)
        )
    };
    let _ = writeln!(
        page,
        "<h2>How far the Sharpe ratio can be believed</h2>\n<p>With the number of days, skewness and kurtosis of these returns. {tried}</p>"
    );
    pair_of_facts(
        page,
        &[
            ("Probability that the true ratio is above 0 (PSR)", percent(belief.probabilistic_sharpe, 2)),
            ("Probability that it is above luck's best (DSR)", percent(belief.deflated_sharpe, 2)),
        ],
        &[
            ("Ratio that luck gives the best of the trials", format::maybe(belief.lucky_sharpe, 2)),
            (
                "Days until it is above 0 with 95 %",
                belief.track_record_min.map_or("–".to_owned(), |days| format::decimals(days.ceil(), 0)),
            ),
        ],
    );
}

pub(super) fn monte_carlo(page: &mut String, sheet: &TearSheet) {
    let courses = &sheet.monte_carlo;
    if courses.days.is_none() && courses.trades.is_none() {
        return;
    }
    page.push_str("<h2>Other courses it might have taken</h2>\n");
    if let Some(fan) = &courses.days {
        let what = Words {
            title: "Days in another order",
            unit: "what one unit became",
            step: "days",
            is_wealth: true,
            places: 3,
        };
        draw(page, fan, &what);
    }
    if let Some(fan) = &courses.trades {
        let unit = sheet.trading.as_ref().map_or("", |trading| trading.account_currency.as_str());
        let what = Words {
            title: "Round trips in another order",
            unit,
            step: "round trips",
            is_wealth: false,
            places: 0,
        };
        draw(page, fan, &what);
    }
}

struct Words<'a> {
    title: &'a str,
    unit: &'a str,
    step: &'a str,
    is_wealth: bool,
    places: usize,
}

impl Words<'_> {
    fn end(&self, value: f64) -> String {
        format::decimals(value, self.places)
    }

    fn fall(&self, value: f64) -> String {
        if self.is_wealth { percent(Some(value), 1) } else { format::decimals(value, 0) }
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of days and courses")]
fn draw(page: &mut String, fan: &Fan, words: &Words<'_>) {
    let _ = writeln!(
        page,
        "<h3>{}</h3><p>{} courses, drawn from the {} in blocks of {} on average (stationary bootstrap, seed {}): \
         the half of the courses in the middle lies in the dark band, nine in ten in the light one.</p>",
        words.title,
        format::count(fan.courses as u64),
        words.step,
        format::decimals(fan.block_mean, 1),
        fan.seed
    );
    let start = if words.is_wealth { 1.0 } else { 0.0 };
    let path = |level: usize| -> Vec<(f64, f64)> {
        let steps = fan.counts.iter().zip(&fan.paths[level]).map(|(count, value)| (*count as f64, *value));
        std::iter::once((0.0, start)).chain(steps).collect()
    };
    let band = |low: usize, high: usize| -> Vec<(f64, f64, f64)> {
        path(low).iter().zip(path(high)).map(|(low, high)| (low.0, low.1, high.1)).collect()
    };
    let last = fan.counts.last().map_or(1.0, |count| *count as f64);
    let values = || fan.paths[0].iter().chain(&fan.paths[4]).copied().chain([start, fan.actual]);
    let is_log = words.is_wealth && values().fold(0.0, f64::max) > 6.0;
    let y = if is_log {
        let low = values().fold(f64::INFINITY, f64::min);
        Axis::growth(low * 0.9, values().fold(0.0, f64::max) * 1.1, &format!("{}, log", words.unit))
    } else {
        Axis::of_values(values(), false, words.unit)
    };
    let mut plot = Plot::new(WIDE, 300.0, Axis::linear(0.0, last, words.step), y);
    plot.band(&band(0, 4), "a faint");
    plot.band(&band(1, 3), "a");
    plot.line(&path(2), "a");
    plot.line(&[(0.0, fan.actual), (last, fan.actual)], "e dash");
    plot.legend("median course", "a");
    plot.legend("where it really ended", "e");
    plot_with_note(page, &plot.svg("fan of courses"), "Quantiles over the courses after so many steps.");
    page.push_str("<div class=\"pair\">");
    let ends_note = format!(
        "Where the courses end: {} in the middle, {} lose.",
        words.end(fan.terminal[2]),
        percent(Some(fan.loss_share), 1)
    );
    histogram(page, &fan.ends, (fan.actual, "c"), &format!("end, {}", words.unit), &ends_note, &|value| {
        words.end(value)
    });
    let falls_note = format!(
        "Their deepest falls: {} in the middle, one in twenty beyond {}.",
        words.fall(fan.drawdown[2]),
        words.fall(fan.drawdown[4])
    );
    let unit = if words.is_wealth { "deepest fall, share of the best" } else { "deepest fall" };
    histogram(page, &fan.falls, (fan.actual_drawdown, "b"), unit, &falls_note, &|value| words.fall(value));
    page.push_str("</div>\n<div class=\"wide\"><table><tr><th>quantile over the courses</th>");
    for level in fan.levels {
        let _ = write!(page, "<th>{}</th>", percent(Some(level), 0));
    }
    page.push_str("<th>really</th></tr>");
    let mut row = |name: &str, values: [f64; 5], real: f64, show: &dyn Fn(f64) -> String| {
        let _ = write!(page, "<tr><td>{name}</td>");
        values.iter().chain([&real]).for_each(|value| {
            let _ = write!(page, "<td>{}</td>", show(*value));
        });
        page.push_str("</tr>");
    };
    row("end", fan.terminal, fan.actual, &|value| words.end(value));
    row("deepest fall", fan.drawdown, fan.actual_drawdown, &|value| words.fall(value));
    page.push_str("</table></div>\n");
}

#[allow(clippy::cast_precision_loss, reason = "counts of courses")]
fn histogram(
    page: &mut String,
    sorted: &[f64],
    (actual, class): (f64, &'static str),
    unit: &str,
    note: &str,
    show: &dyn Fn(f64) -> String,
) {
    // A few wild courses would squeeze all others into one bar.
    let from = sorted.len() / 200;
    let kept = &sorted[from..sorted.len() - from];
    // What compounds over years spreads by factors.
    let is_log = kept.first().zip(kept.last()).is_some_and(|(low, high)| *low > 0.0 && high / low > 6.0);
    let bins = if is_log { super::bins_of_log(kept, 41) } else { bins(kept, 41) };
    let edges = || bins.iter().flat_map(|bin| [bin.0, bin.1]).chain([actual]);
    let x = if is_log {
        let (low, high) = (edges().fold(f64::INFINITY, f64::min), edges().fold(0.0, f64::max));
        Axis::growth(low, high, &format!("{unit}, log"))
    } else {
        Axis::of_values(edges(), false, unit)
    };
    // The name of the mark stands above the bars.
    let y = Axis::of_values(bins.iter().map(|bin| bin.2 as f64 * 1.15), true, "courses");
    let mut plot = Plot::new(HALF, 200.0, x, y);
    for (low, high, count) in &bins {
        plot.bar(*low, *high, *count as f64, class, &format!("{} to {}: {count}", show(*low), show(*high)));
    }
    plot.mark(actual, "e", &format!("really {}", show(actual)));
    page.push_str("<div>");
    plot_with_note(page, &plot.svg(unit), note);
    page.push_str("</div>");
}
