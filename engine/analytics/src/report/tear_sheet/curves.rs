//! Curves over the calendar: what one unit became, how far it was below its best, figures over a moving window.

use std::fmt::Write;

use super::{parse_time, place_of};
use crate::report::axis::Axis;
use crate::report::format::escape;
use crate::report::plot::Plot;
use crate::report::{HALF, WIDE, plot_with_note};
use crate::tear_sheet::TearSheet;

/// Calendar axis from shortly before the first date, where nothing was earned yet, to the last.
fn calendar(sheet: &TearSheet) -> Option<Axis> {
    let (first, last) = (parse_time(&sheet.first_date)?, parse_time(&sheet.last_date)?);
    let mut axis = Axis::years(first, last);
    axis.unit = String::new();
    Some(axis)
}

pub(super) fn section(page: &mut String, sheet: &TearSheet) {
    if sheet.periods < 2 {
        if let Some(trading) = sheet.trading.as_ref().filter(|trading| trading.intraday.len() > 1) {
            page.push_str("<h2>Net profit over the day</h2>\n");
            super::trading::intraday(page, trading);
        }
        return;
    }
    let curve = &sheet.curve;
    let Some(x) = calendar(sheet) else { return };
    page.push_str("<h2>Cumulative return</h2>\n<div class=\"plot\">");
    page.push_str(
        "<input class=\"scale\" type=\"checkbox\" id=\"scale\"><label class=\"scale-name\" for=\"scale\">logarithmic</label>",
    );
    let own: Vec<(f64, f64)> =
        curve.dates.iter().zip(&curve.wealth).map(|(date, wealth)| (place_of(date), *wealth)).collect();
    let dated = curve.dates.iter().zip(&curve.benchmark);
    let other: Vec<(f64, f64)> =
        dated.filter_map(|(date, wealth)| Some((place_of(date), (*wealth)?))).collect();
    let values = || own.iter().chain(&other).map(|point| point.1).chain([1.0]);
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let mut draw = |y: Axis, class: &str| {
        let mut plot = Plot::new(WIDE, 330.0, x.clone(), y);
        if let Some(against) = &sheet.relative {
            plot.line(&other, "e");
            plot.legend(&sheet.title, "a");
            plot.legend(&against.name, "e");
        }
        plot.line(&own, "a");
        let svg = plot.svg("one unit compounded over time");
        let _ = write!(page, "<div class=\"{class}\">{svg}</div>");
    };
    draw(Axis::of_values(values(), false, "what one unit became"), "even");
    draw(Axis::growth(low * 0.97, high * 1.03, "what one unit became, log"), "log");
    page.push_str("<p class=\"note\">Returns compounded; on the logarithmic scale equal slopes are equal rates.</p></div>\n");
    under_water(page, sheet, x);
}

fn under_water(page: &mut String, sheet: &TearSheet, x: Axis) {
    let curve = &sheet.curve;
    let y = Axis::percent(curve.under_water.iter().copied(), true, "% below the best");
    let mut plot = Plot::new(WIDE, 190.0, x, y);
    let points: Vec<(f64, f64)> =
        curve.dates.iter().zip(&curve.under_water).map(|(date, depth)| (place_of(date), *depth)).collect();
    plot.area(&points, "b");
    plot.line(&points, "b");
    let svg = plot.svg("distance below the best so far");
    page.push_str("<h3>Under water</h3>\n");
    plot_with_note(page, &svg, "How far below its best so far; the start counts as a best.");
}

pub(super) fn rolling(page: &mut String, sheet: &TearSheet) {
    let rolling = &sheet.rolling;
    let has_any = |values: &[Option<f64>]| values.iter().flatten().count() > 1;
    let Some(x) = calendar(sheet).filter(|_| has_any(&rolling.volatility)) else {
        return;
    };
    let _ = writeln!(page, "<h2>Over a moving window of {} days</h2>\n<div class=\"pair\">", rolling.window);
    let mut draw = |values: &[Option<f64>], y: Axis, class: &str, name: &str, note: &str| {
        let dated = sheet.curve.dates.iter().zip(values);
        let points: Vec<(f64, f64)> =
            dated.filter_map(|(date, value)| Some((place_of(date), (*value)?))).collect();
        let mut plot = Plot::new(HALF, 210.0, x.clone(), y);
        plot.line(&points, class);
        let _ = write!(page, "<div><h3>{}</h3>", escape(name));
        plot_with_note(page, &plot.svg(name), note);
        page.push_str("</div>");
    };
    let flat = |values: &[Option<f64>]| values.iter().flatten().copied().collect::<Vec<f64>>().into_iter();
    draw(
        &rolling.sharpe,
        Axis::of_values(flat(&rolling.sharpe), true, ""),
        "a",
        "Sharpe ratio",
        "Annualised, of the days of the window.",
    );
    draw(
        &rolling.volatility,
        Axis::percent(flat(&rolling.volatility), true, "%"),
        "d",
        "Volatility",
        "Annualised standard deviation.",
    );
    if has_any(&rolling.beta) {
        draw(
            &rolling.beta,
            Axis::of_values(flat(&rolling.beta), true, ""),
            "c",
            "Beta",
            "Against the benchmark.",
        );
    }
    page.push_str("</div>\n");
}
