//! Section of the page about adverse selection: the mid around our fills.

use super::axis::Axis;
use super::plot::Plot;
use super::{WIDE, format, plot_with_note};
use crate::around::AroundPoint;
use crate::figures::RunReport;

pub(super) fn section(page: &mut String, report: &RunReport) {
    let sets = [("where we bought", "c", &report.around.buys), ("where we sold", "b", &report.around.sells)];
    if sets.iter().all(|set| set.2.iter().all(|point| point.count == 0)) {
        return;
    }
    page.push_str("<h2>Adverse selection</h2>\n");
    let names: Vec<String> = sets[0].2.iter().map(name_of).collect();
    let spread = |point: &AroundPoint| {
        let error = point.se_bps.unwrap_or(0.0) * 2.0;
        point.mean_bps.map(|mean| [mean - error, mean + error])
    };
    let range = sets.iter().flat_map(|set| set.2.iter()).filter_map(spread).flatten();
    let y = Axis::of_values(range, true, "move of the mid, basis points");
    let mut plot = Plot::new(WIDE, 290.0, Axis::names(&names, "time from the fill"), y);
    for (name, class, points) in sets {
        if points.iter().all(|point| point.count == 0) {
            continue;
        }
        let shift = if class == "c" { -0.06 } else { 0.06 };
        let at = |place: usize| place as f64 + 0.5 + shift;
        let line: Vec<(f64, f64)> = points
            .iter()
            .enumerate()
            .filter_map(|(place, point)| point.mean_bps.map(|mean| (at(place), mean)))
            .collect();
        plot.line(&line, class);
        for (place, point) in points.iter().enumerate() {
            let Some(mean) = point.mean_bps else { continue };
            if let Some([low, high]) = spread(point) {
                plot.error(at(place), low, high, class);
            }
            let title =
                format!("{name}, {}: {mean:.3} bps, {} fills", name_of(point), format::count(point.count));
            plot.dot(at(place), mean, class, &title);
        }
        plot.legend(name, class);
    }
    let last = |points: &[AroundPoint], offset_ns: i64| {
        let point = points.iter().find(|point| point.offset_ns == offset_ns);
        point.and_then(|point| point.mean_bps).map_or("–".to_owned(), |mean| format!("{mean:+.2}"))
    };
    const SECOND: i64 = 1_000_000_000;
    let note = format!(
        "The mean mid around our fills against the mid just before them, all symbols; bars are two standard errors. A line of what we bought that falls after the fill, or of what we sold that rises, is what the other side knew. A second after the fill the mid had moved {} bps where we bought and {} where we sold; after ten seconds {} and {}. At 0 the move of the fill's own message is in it.",
        last(&report.around.buys, SECOND),
        last(&report.around.sells, SECOND),
        last(&report.around.buys, 10 * SECOND),
        last(&report.around.sells, 10 * SECOND)
    );
    plot_with_note(page, &plot.svg("the mid around our fills"), &note);
}

fn name_of(point: &AroundPoint) -> String {
    let ms = point.offset_ns / 1_000_000;
    let sign = if ms < 0 { "−" } else { "" };
    match ms.abs() {
        0 => "fill".to_owned(),
        ms if ms < 1000 => format!("{sign}{ms} ms"),
        ms => format!("{sign}{} s", ms / 1000),
    }
}
