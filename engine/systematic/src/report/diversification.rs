//! How instruments move together, and what they weigh, over time.

use tickrace_analytics::report::axis::Axis;
use tickrace_analytics::report::format;
use tickrace_analytics::report::plot::Plot;
use tickrace_analytics::report::{HALF, WIDE, plot_with_note};
use tickrace_stats::panel::DAY_NS;
use tickrace_stats::{BusinessDay, Series};

use super::attribution::short;
use super::curves::{place, time_axis};
use super::{InstrumentPart, SystemPage};
use crate::account::{Bins, Frequency};
use tickrace_stats::panel::{civil, day_of_date};

/// Instruments of a field of correlations or weights; those with most risk where there are more.
const FIELD_MAX: usize = 32;
/// Pixels of a letter below a column, and how many letters a name needs.
const LETTER: f64 = 7.0;
const LETTERS_MIN: usize = 4;
/// Weights below are not drawn.
const WEIGHT_MIN: f64 = 0.000_5;
/// Weeks that two instruments must share for a correlation, and that a year must have.
const WEEKS_MIN: usize = 20;

pub(super) fn sections(page: &mut String, system: &SystemPage<'_>) {
    let shown = riskiest(&system.instruments);
    if shown.len() < 2 {
        return;
    }
    page.push_str("<h2>Diversification</h2>\n");
    if shown.len() < system.instruments.len() {
        let left = system.instruments.len() - shown.len();
        page.push_str(&format!(
            "<p class=\"note\">The {FIELD_MAX} instruments with most risk; {left} more are not drawn.</p>\n"
        ));
    }
    let weekly: Vec<Bins> = shown.iter().map(|one| one.subsystem.gross.bins(Frequency::Week)).collect();
    matrix(page, &shown, &weekly);
    page.push_str("<div class=\"pair\">");
    over_time(page, system, &weekly);
    multiplier(page, system);
    page.push_str("</div>\n");
    weights(page, system, &shown);
}

/// The instruments whose accounts vary most, in order of their names.
fn riskiest<'a>(instruments: &'a [InstrumentPart<'a>]) -> Vec<&'a InstrumentPart<'a>> {
    let risk = |one: &InstrumentPart<'_>| -> f64 {
        one.account.gross.bins(Frequency::Week).sums.iter().map(|sum| sum * sum).sum()
    };
    let mut ranked: Vec<(f64, &InstrumentPart<'_>)> =
        instruments.iter().map(|one| (risk(one), one)).collect();
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
    ranked.truncate(FIELD_MAX);
    ranked.sort_by(|one, other| one.1.name.cmp(&other.1.name));
    ranked.into_iter().map(|(_, one)| one).collect()
}

/// Correlation of two rows of weekly sums within a span of days; none with too few weeks in common or without movement.
fn correlation(one: &Bins, other: &Bins, from: i64, to: i64) -> Option<f64> {
    let first = one.days.first()?.max(other.days.first()?).max(&from).to_owned();
    let last = one.days.last()?.min(other.days.last()?).min(&to).to_owned();
    let part = |bins: &Bins| {
        let range =
            bins.days.partition_point(|day| *day < first)..bins.days.partition_point(|day| *day <= last);
        bins.sums.get(range).map(<[f64]>::to_vec)
    };
    let (one, other) = (part(one)?, part(other)?);
    if one.len() < WEEKS_MIN || one.len() != other.len() {
        return None;
    }
    let count = one.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (x, y) = (mean(&one), mean(&other));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (a, b) in one.iter().zip(&other) {
        xx += (a - x) * (a - x);
        yy += (b - y) * (b - y);
        xy += (a - x) * (b - y);
    }
    Some(xy / (xx * yy).sqrt()).filter(|value| value.is_finite())
}

fn matrix(page: &mut String, shown: &[&InstrumentPart<'_>], weekly: &[Bins]) {
    let names: Vec<String> = shown.iter().map(|one| short(&one.name)).collect();
    let upwards: Vec<String> = names.iter().rev().cloned().collect();
    let room = WIDE / names.len() as f64;
    // Names stand below as far as they have room, or not at all.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of letters")]
    let letters = (room / LETTER) as usize;
    let cut = |name: &String| {
        if letters < LETTERS_MIN { String::new() } else { name.chars().take(letters).collect() }
    };
    let below: Vec<String> = names.iter().map(cut).collect();
    let height = 60.0 + names.len() as f64 * (room * 0.5).clamp(14.0, 34.0);
    let mut plot = Plot::new(WIDE, height, Axis::names(&below, ""), Axis::names(&upwards, ""));
    let count = names.len();
    for row in 0..count {
        for column in (0..count).filter(|column| *column != row) {
            let Some(value) = correlation(&weekly[row], &weekly[column], i64::MIN, i64::MAX) else {
                continue;
            };
            let (x, y) = (column as f64, (count - 1 - row) as f64);
            let class = if value < 0.0 { "b" } else { "a" };
            let text = format::decimals(value, 2);
            let title = format!("{} and {}: {text}", shown[row].name, shown[column].name);
            plot.cell((x, x + 1.0), (y, y + 1.0), class, value.abs(), &text, &title);
        }
    }
    let note = "Correlations of the weekly profits of the instruments' subsystems, over all the weeks that two have in common.";
    plot_with_note(page, &plot.svg("correlations of subsystems"), note);
}

fn over_time(page: &mut String, system: &SystemPage<'_>, weekly: &[Bins]) {
    let net = system.portfolio.net();
    let Some((first, last)) = net.span() else { return };
    let mut points = Vec::new();
    for year in civil(first).0..=civil(last).0 {
        let (from, to) = (day_of_date(year, 1, 1), day_of_date(year + 1, 1, 1) - 1);
        let (mut sum, mut pairs) = (0.0, 0.0);
        for (row, one) in weekly.iter().enumerate() {
            for value in weekly[row + 1..].iter().filter_map(|other| correlation(one, other, from, to)) {
                sum += value;
                pairs += 1.0;
            }
        }
        if pairs > 0.0 {
            points.push((place(from.max(first)), sum / pairs));
            points.push((place(to.min(last)), sum / pairs));
        }
    }
    if points.is_empty() {
        return;
    }
    let axis = Axis::of_values(points.iter().map(|point| point.1), true, "average correlation");
    let mut plot = Plot::new(HALF, 220.0, time_axis(&net), axis);
    plot.step(&points, "a");
    plot_with_note(
        page,
        &plot.svg("average correlation by year"),
        "Average correlation of all pairs of subsystems, by calendar year.",
    );
}

fn multiplier(page: &mut String, system: &SystemPage<'_>) {
    let Some(series) = system.multiplier.filter(|series| !series.is_empty()) else { return };
    let points: Vec<(f64, f64)> = (series.first.0..)
        .zip(&series.values)
        .map(|(number, value)| (place(BusinessDay(number).day()), *value))
        .collect();
    let axis = Axis::of_values(points.iter().map(|point| point.1), false, "multiplier");
    let mut plot = Plot::new(HALF, 220.0, time_axis(&system.portfolio.net()), axis);
    plot.step(&points, "c");
    plot_with_note(
        page,
        &plot.svg("diversification multiplier"),
        "By how much positions are raised because instruments do not move together.",
    );
}

/// Weights by year: the last known one of each.
fn weights(page: &mut String, system: &SystemPage<'_>, shown: &[&InstrumentPart<'_>]) {
    let Some((first, last)) = system.portfolio.net().span() else { return };
    let weighted: Vec<(&str, &Series)> =
        shown.iter().filter_map(|one| Some((one.name.as_str(), one.weight?))).collect();
    if weighted.is_empty() {
        return;
    }
    let names: Vec<String> = weighted.iter().rev().map(|(name, _)| short(name)).collect();
    let height = 60.0 + 18.0 * names.len() as f64;
    let years = Axis::years(first * DAY_NS, last * DAY_NS);
    let mut plot = Plot::new(WIDE, height, years, Axis::names(&names, ""));
    let most =
        weighted.iter().flat_map(|(_, series)| &series.values).copied().fold(f64::MIN_POSITIVE, f64::max);
    for (row, (name, series)) in weighted.iter().rev().enumerate() {
        for year in civil(first).0..=civil(last).0 {
            let (from, to) =
                (day_of_date(year, 1, 1).max(first), (day_of_date(year + 1, 1, 1) - 1).min(last));
            let end = BusinessDay::of_day(to).0.min(series.end().0 - 1);
            let value = series.at(BusinessDay(end));
            if value.is_nan() || value < WEIGHT_MIN || BusinessDay(end).day() < from {
                continue;
            }
            let label = format!("{:.0}", value * 100.0);
            let title = format!("{name}, {year}: {:.1} %", value * 100.0);
            let y = row as f64;
            plot.cell((place(from), place(to)), (y, y + 1.0), "a", value / most, &label, &title);
        }
    }
    plot_with_note(
        page,
        &plot.svg("instrument weights by year"),
        "Weights of the instruments at the end of each year, per cent; darker is more.",
    );
}
