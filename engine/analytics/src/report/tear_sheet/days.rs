//! Sections about days: falls, months and years, the distribution, kinds of market.

use std::fmt::Write;

use super::{pair_of_facts, percent, signed_percent};
use crate::report::axis::Axis;
use crate::report::format::{self, escape};
use crate::report::plot::Plot;
use crate::report::{HALF, WIDE, plot_with_note};
use crate::tear_sheet::{TearSheet, Year};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

pub(super) fn falls(page: &mut String, sheet: &TearSheet) {
    if sheet.falls.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Worst drawdowns</h2>\n<div class=\"wide\"><table><tr><th>depth</th><th>began</th><th>lowest</th>\
         <th>recovered</th><th>days down</th><th>days to recover</th><th>days in all</th></tr>",
    );
    for fall in &sheet.falls {
        let up =
            fall.recovered.as_ref().map(|_| format::count((fall.periods - fall.periods_down + 1) as u64));
        let _ = write!(
            page,
            "<tr><td class=\"bad\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            percent(Some(fall.depth), 2),
            escape(&fall.first),
            escape(&fall.lowest),
            escape(fall.recovered.as_deref().unwrap_or("not yet")),
            format::count(fall.periods_down as u64),
            up.as_deref().unwrap_or("–"),
            format::count(fall.periods as u64),
        );
    }
    page.push_str("</table></div>\n");
    if let Some((depth, periods)) = sheet.fall_mean {
        let _ = writeln!(
            page,
            "<p class=\"note\">Mean over all drawdowns: {} deep, {} days long.</p>",
            percent(Some(depth), 2),
            format::decimals(periods, 1)
        );
    }
}

/// A cell of the heat map: green for gains, red for losses, the stronger the further from nothing.
fn heat(page: &mut String, value: Option<f64>, most: f64, places: usize) {
    let Some(value) = value else {
        page.push_str("<td class=\"heat\"></td>");
        return;
    };
    let strength = if most > 0.0 { (value.abs() / most).min(1.0) * 0.7 } else { 0.0 };
    let colour = if value < 0.0 { "180,83,42" } else { "47,125,79" };
    let text = format::decimals(value * 100.0, places);
    let _ = write!(page, "<td class=\"heat\" style=\"background:rgba({colour},{strength:.2})\">{text}</td>");
}

pub(super) fn months(page: &mut String, sheet: &TearSheet) {
    if sheet.months.is_empty() || sheet.periods < 2 {
        return;
    }
    let has_benchmark = sheet.years.iter().any(|year| year.benchmark.is_some());
    let mut sizes: Vec<f64> = sheet.months.iter().map(|month| month.total.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    // One wild month must not pale all others.
    let most = tickrace_stats::quantile(&sizes, 0.95).unwrap_or(0.0);
    page.push_str("<h2>Months and years</h2>\n<div class=\"wide\"><table class=\"heat\"><tr><th>%</th>");
    MONTHS.iter().for_each(|name| {
        let _ = write!(page, "<th class=\"heat\">{name}</th>");
    });
    page.push_str("<th>year</th>");
    if has_benchmark {
        page.push_str("<th>benchmark</th>");
    }
    page.push_str("<th>volatility</th><th>Sharpe</th><th>drawdown</th></tr>\n");
    for year in sheet.years.iter().rev() {
        let _ = write!(page, "<tr><td>{}</td>", escape(&year.year));
        for number in 1..=12 {
            let name = format!("{}-{number:02}", year.year);
            let found = sheet.months.iter().find(|month| month.month == name);
            heat(page, found.map(|month| month.total), most, 1);
        }
        heat(page, Some(year.total), 4.0 * most, 1);
        if has_benchmark {
            let other = year.benchmark.map(|value| format::decimals(value * 100.0, 1));
            let _ = write!(page, "<td>{}</td>", other.as_deref().unwrap_or("–"));
        }
        let _ = writeln!(
            page,
            "<td>{}</td><td>{}</td><td>{}</td></tr>",
            year.volatility.map_or("–".to_owned(), |value| format::decimals(value * 100.0, 1)),
            format::maybe(year.sharpe, 2),
            format::decimals(year.max_drawdown * 100.0, 1)
        );
    }
    page.push_str("</table></div>\n");
    if sheet.years.len() > 1 {
        years(page, &sheet.years, has_benchmark);
    }
}

fn years(page: &mut String, years: &[Year], has_benchmark: bool) {
    let step = years.len().div_ceil(16);
    let names: Vec<String> = years
        .iter()
        .enumerate()
        .map(|(place, year)| if place % step == 0 { year.year.clone() } else { String::new() })
        .collect();
    let values = years.iter().flat_map(|year| [Some(year.total), year.benchmark]).flatten();
    let mut plot = Plot::new(WIDE, 230.0, Axis::names(&names, ""), Axis::percent(values, true, "% a year"));
    for (place, year) in years.iter().enumerate() {
        #[allow(clippy::cast_precision_loss, reason = "years are few")]
        let at = place as f64;
        let class = if year.total < 0.0 { "b" } else { "c" };
        let end = if has_benchmark { 0.58 } else { 0.9 };
        let title = format!("{}: {}", year.year, signed_percent(Some(year.total)));
        plot.bar(at + 0.1, at + end, year.total, class, &title);
        if let Some(other) = year.benchmark {
            let title = format!("{} benchmark: {}", year.year, signed_percent(Some(other)));
            plot.bar(at + 0.6, at + 0.9, other, "e", &title);
        }
    }
    if has_benchmark {
        plot.legend("own, a gain", "c");
        plot.legend("a loss", "b");
        plot.legend("benchmark", "e");
    }
    let svg = plot.svg("return by calendar year");
    plot_with_note(
        page,
        &svg,
        "Return by calendar year, compounded; the first and the last may be parts of one.",
    );
}

/// Bins of equal width between the least and the greatest of a sample: edges and counts.
pub(in crate::report) fn bins(values: &[f64], count: usize) -> Vec<(f64, f64, usize)> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !(low.is_finite() && high.is_finite()) || count == 0 {
        return Vec::new();
    }
    #[allow(clippy::cast_precision_loss, reason = "bins are few")]
    let width = if high > low { (high - low) / count as f64 } else { 1.0 };
    let mut counts = vec![0usize; count];
    for value in values {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bins")]
        let place = (((value - low) / width) as usize).min(count - 1);
        counts[place] += 1;
    }
    #[allow(clippy::cast_precision_loss, reason = "bins are few")]
    let edge = |place: usize| low + place as f64 * width;
    counts.into_iter().enumerate().map(|(place, count)| (edge(place), edge(place + 1), count)).collect()
}

#[allow(clippy::cast_precision_loss, reason = "counts of days")]
pub(super) fn distribution(page: &mut String, sheet: &TearSheet) {
    let shape = &sheet.distribution;
    let values = &sheet.curve.returns;
    let (Some(var), Some(cvar)) = (shape.var_historical, shape.cvar_historical) else { return };
    page.push_str("<h2>Distribution of daily returns</h2>\n<div class=\"pair\"><div>");
    let bins = bins(values, 61);
    let (low, high) = (bins.first().map_or(0.0, |bin| bin.0), bins.last().map_or(1.0, |bin| bin.1));
    let x = Axis::percent([low, high].into_iter(), false, "% a day");
    // The name of the mark stands above the bars.
    let y = Axis::of_values(bins.iter().map(|bin| bin.2 as f64 * 1.15), true, "days");
    let mut plot = Plot::new(HALF, 260.0, x, y);
    for (from, to, count) in &bins {
        let class = if f64::midpoint(*from, *to) < var { "b" } else { "a" };
        let title = format!("{} to {}: {count} days", percent(Some(*from), 2), percent(Some(*to), 2));
        if *count > 0 {
            plot.bar(*from, *to, *count as f64, class, &title);
        }
    }
    if let (Some(mean), Some(deviation)) = (shape.mean, shape.deviation.filter(|value| *value > 0.0)) {
        let width = bins.first().map_or(1.0, |bin| bin.1 - bin.0);
        let all = values.len() as f64 * width / deviation;
        let curve: Vec<(f64, f64)> = (0..=120)
            .map(|step| {
                let at = low + (high - low) * f64::from(step) / 120.0;
                (at, all * tickrace_stats::normal::density((at - mean) / deviation))
            })
            .collect();
        plot.line(&curve, "e dash");
        plot.legend("normal of the same mean and deviation", "e");
    }
    plot.mark(var, "b", &format!("VaR {}", percent(Some(var), 2)));
    let svg = plot.svg("histogram of daily returns");
    plot_with_note(page, &svg, "Days by their return; red lies below the value at risk.");
    page.push_str("</div><div>");
    quantiles(page, values);
    page.push_str("</div></div>\n");
    let tail = percent(Some(shape.tail), 0);
    pair_of_facts(
        page,
        &[
            ("Mean of a day", percent(shape.mean, 4)),
            ("Standard deviation", percent(shape.deviation, 3)),
            ("Skewness", format::maybe(shape.skew, 3)),
            ("Excess kurtosis", format::maybe(shape.kurtosis, 3)),
            (
                "Mean gain, mean loss",
                format!("{}, {}", percent(shape.gain_mean, 3), percent(shape.loss_mean, 3)),
            ),
            ("95th percentile over the 5th", format::maybe(shape.tail_ratio, 3)),
        ],
        &[
            ("Tail", format!("worst {tail} of days")),
            ("Value at risk, of the sample", percent(Some(var), 3)),
            ("Mean beyond it (CVaR)", percent(Some(cvar), 3)),
            ("Value at risk, normal", percent(shape.var_parametric, 3)),
            ("CVaR, normal", percent(shape.cvar_parametric, 3)),
        ],
    );
}

/// Returns against those of a normal distribution with the same mean and deviation.
#[allow(clippy::cast_precision_loss, reason = "counts of days")]
fn quantiles(page: &mut String, values: &[f64]) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let points: Vec<(f64, f64)> = sorted
        .iter()
        .enumerate()
        .map(|(place, value)| (tickrace_stats::normal::quantile((place as f64 + 0.5) / count), *value))
        .collect();
    let mean = sorted.iter().sum::<f64>() / count;
    let deviation = (sorted.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    let most = points.last().map_or(1.0, |point| point.0);
    let y = Axis::percent(sorted.iter().copied(), false, "% a day");
    let mut plot = Plot::new(HALF, 260.0, Axis::linear(-most, most, "deviations of a normal"), y);
    plot.line(&[(-most, mean - most * deviation), (most, mean + most * deviation)], "e dash");
    // The ends one by one, the crowded middle thinned.
    let step = (sorted.len() / 150).max(1);
    for (place, (x, value)) in points.iter().enumerate() {
        if place % step == 0 || place < 40 || place + 40 > points.len() {
            plot.dot(*x, *value, "a", &percent(Some(*value), 3));
        }
    }
    let svg = plot.svg("quantiles of the returns against those of a normal distribution");
    plot_with_note(page, &svg, "Quantiles against a normal's: tails that bend off the line are heavier.");
}

pub(super) fn regimes(page: &mut String, sheet: &TearSheet) {
    if sheet.regimes.is_empty() {
        return;
    }
    let [volatility, trend] = crate::tear_sheet::REGIME_WINDOWS;
    let _ = write!(
        page,
        "<h2>By kind of market</h2>\n<p>Each day by what was known before it began, of {}: volatility of the {volatility} days before, by \
         thirds of the whole time; trend of the {trend} days before, a direction where the net move is beyond one deviation of a \
         walk without one. Sums of returns, not compounded: within volatility, and within trend, they add up to the whole \
         with the days that have too few before them.</p>\n<div class=\"wide\"><table><tr><th>question</th><th>market</th>\
         <th>days</th><th>sum</th><th>mean a day</th><th>Sharpe</th><th>days with a gain</th></tr>",
        escape(&sheet.regimes_of)
    );
    for row in sheet.regimes.iter().filter(|row| row.periods > 0) {
        let class = if row.sum < 0.0 { "bad" } else { "" };
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"{class}\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            if row.question == "none" { "–" } else { row.question },
            row.regime,
            format::count(row.periods as u64),
            signed_percent(Some(row.sum)),
            percent(row.mean, 4),
            format::maybe(row.sharpe, 2),
            percent(row.positive_share, 1)
        );
    }
    page.push_str("</table></div>\n");
}
