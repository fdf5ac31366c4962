//! The section of a page that judges a search: overfitting, the deflated winner, cross-validation, the ground around it.

use std::fmt::Write;

use super::axis::Axis;
use super::format::{self, escape};
use super::plot::Plot;
use super::tear_sheet::bins;
use super::{HALF, facts, plot_with_note};
use crate::validation::cross_validation::CrossValidated;
use crate::validation::overfitting::Overfitting;
use crate::validation::search::{Judgement, Winner};
use crate::validation::surface::Robustness;

/// Draws it. `periods_a_year`: where the periods are days, so that ratios are annualised.
pub fn section(page: &mut String, found: &Judgement, periods_a_year: Option<f64>) {
    page.push_str("<h2>Whether the search found anything</h2>\n");
    if found.periods > 0 {
        let _ = writeln!(
            page,
            "<p>{} sets of parameters over {} periods of one {}, from the first in which any of them made or lost something to the \
             last.{}</p>",
            format::count(found.trials as u64),
            format::count(found.periods as u64),
            escape(&found.period),
            if periods_a_year.is_none() {
                " Sharpe ratios are of one period, not annualised."
            } else {
                " Sharpe ratios are annualised."
            }
        );
    }
    for why in &found.absent {
        let _ = writeln!(page, "<p class=\"warn\">{}.</p>", escape(why));
    }
    let scale = periods_a_year.map_or(1.0, f64::sqrt);
    page.push_str("<div class=\"pair\">");
    if let Some(overfitting) = &found.overfitting {
        halves(page, overfitting);
    }
    if let Some(crossed) = &found.cross_validation {
        paths(page, crossed, scale);
    }
    if let Some(winner) = &found.winner {
        ratios(page, winner, found.trials, scale);
    }
    if let Some(surface) = &found.robustness {
        ground(page, surface);
    }
    page.push_str("</div>\n");
}

fn percent(share: Option<f64>) -> String {
    format::percent(share)
}

#[allow(clippy::cast_precision_loss, reason = "counts of halves")]
fn halves(page: &mut String, found: &Overfitting) {
    let _ = writeln!(page, "<div><h3>Probability of overfitting: {}</h3>", percent(Some(found.probability)));
    let bins = bins(&found.logits, 31);
    let x = Axis::of_values(
        bins.iter().flat_map(|bin| [bin.0, bin.1]).chain([0.0]),
        false,
        "logit of the rank elsewhere",
    );
    let y = Axis::of_values(bins.iter().map(|bin| bin.2 as f64 * 1.15), true, "halves");
    let mut plot = Plot::new(HALF, 210.0, x, y);
    for (low, high, count) in &bins {
        let class = if f64::midpoint(*low, *high) <= 0.0 { "b" } else { "c" };
        if *count > 0 {
            plot.bar(*low, *high, *count as f64, class, &format!("{low:.2} to {high:.2}: {count}"));
        }
    }
    plot.mark(0.0, "e", "the median set");
    let note = format!(
        "Each of {} halves of {} blocks chose its best set; the bars say which rank it has in the other half. Red is no better than \
         the median set. The choice loses in {} of them; the slope of its ratio elsewhere over its ratio where chosen is {}.",
        format::count(found.halves as u64),
        found.blocks,
        percent(Some(found.loss_probability)),
        format::decimals(found.slope, 2)
    );
    plot_with_note(page, &plot.svg("ranks of the best sets elsewhere"), &note);
    page.push_str("</div>");
}

#[allow(clippy::cast_precision_loss, reason = "paths are few")]
fn paths(page: &mut String, found: &CrossValidated, scale: f64) {
    let ratios: Vec<f64> = found.path_sharpes.iter().flatten().map(|sharpe| sharpe * scale).collect();
    let mean = crate::performance::returns::mean(&ratios);
    let _ = writeln!(
        page,
        "<div><h3>Choosing the best, where not chosen: Sharpe {}</h3>",
        format::maybe(mean, 3)
    );
    let names: Vec<String> = (1..=found.path_sharpes.len()).map(|path| path.to_string()).collect();
    let y = Axis::of_values(ratios.iter().copied(), true, "Sharpe ratio");
    let mut plot = Plot::new(HALF, 210.0, Axis::names(&names, "path"), y);
    for (place, sharpe) in found.path_sharpes.iter().enumerate() {
        let Some(value) = sharpe.map(|sharpe| sharpe * scale) else { continue };
        let class = if value < 0.0 { "b" } else { "c" };
        let at = place as f64;
        plot.bar(at + 0.12, at + 0.88, value, class, &format!("path {}: {value:.3}", place + 1));
    }
    let note = format!(
        "Combinatorial purged cross-validation: {} choices over {} blocks, {} tested at a time, laid end to end as {} paths through \
         all periods.",
        found.splits,
        found.blocks,
        found.test_blocks,
        found.path_sharpes.len()
    );
    plot_with_note(page, &plot.svg("Sharpe ratio of each path"), &note);
    page.push_str("</div>");
}

fn ratios(page: &mut String, found: &Winner, trials: usize, scale: f64) {
    page.push_str("<div><h3>The winner's Sharpe ratio</h3>");
    let ratio = |value: f64| format::decimals(value * scale, 3);
    let rows = [
        ("Ratio of the winner", ratio(found.sharpe)),
        ("Deviation of the ratios of all sets", ratio(found.trials_deviation)),
        ("Ratio that luck gives the best of them", ratio(found.lucky_sharpe)),
        ("Probability that it is above 0 (PSR)", percent(found.probabilistic_sharpe)),
        ("Probability that it is above luck's best (DSR)", percent(found.deflated_sharpe)),
        ("Mean correlation of two sets", format::maybe(found.correlation_mean, 3)),
        (
            "Independent sets among the trials",
            format!("{} of {}", format::maybe(found.independent_trials, 1), trials),
        ),
        ("DSR with so many trials", percent(found.deflated_independent)),
    ];
    facts(page, "", &rows);
    page.push_str("</div>");
}

#[allow(clippy::cast_precision_loss, reason = "steps are few")]
fn ground(page: &mut String, found: &Robustness) {
    page.push_str("<div><h3>The ground around the winner</h3>");
    if found.by_distance.len() > 1 {
        let names: Vec<String> = (0..found.by_distance.len()).map(|steps| steps.to_string()).collect();
        let step = names.len().div_ceil(16);
        let names: Vec<String> = names
            .into_iter()
            .enumerate()
            .map(|(place, name)| if place % step == 0 { name } else { String::new() })
            .collect();
        let y = Axis::of_values(found.by_distance.iter().copied(), true, "mean figure");
        let mut plot = Plot::new(HALF, 210.0, Axis::names(&names, "steps away on the grid"), y);
        for (place, value) in found.by_distance.iter().enumerate() {
            let class = if *value < 0.0 { "b" } else { "a" };
            let at = place as f64;
            plot.bar(at + 0.12, at + 0.88, *value, class, &format!("{place} steps: {value:.4}"));
        }
        let note = "Mean figure of the sets so many steps from the winner; a lonely first bar is luck, a plateau is not.";
        plot_with_note(page, &plot.svg("figure by distance from the winner"), note);
    }
    let rows = [
        ("Direct neighbours", found.neighbours.to_string()),
        ("Their mean figure", format::maybe(found.neighbour_mean, 3)),
        ("The worst of them", format::maybe(found.neighbour_worst, 3)),
        ("Share of its lead over the median they keep", percent(found.kept)),
    ];
    facts(page, "", &rows);
    page.push_str("</div>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::assert_sound;
    use crate::validation::search::{Trial, judge};
    use crate::validation::splits::Gap;

    #[test]
    fn a_judgement_is_a_section_and_an_absent_one_says_why() {
        let mut rng = tickrace_stats::Rng::new(6);
        let trials: Vec<Trial> = (0..9)
            .map(|set| Trial {
                places: vec![set / 3, set % 3],
                value: Some(set as f64),
                profits: (0..80).map(|_| rng.normal()).collect(),
            })
            .collect();
        for (trials, part) in [
            (&trials[..], "Probability of overfitting"),
            (&trials[..1], "one set alone is no search"),
            (&[], "one set alone"),
        ] {
            let mut page = String::new();
            crate::report::head(&mut page, "x", "y");
            section(&mut page, &judge(trials, "day", Gap::default()), Some(252.0));
            page.push_str("</main></body></html>");
            assert_sound(&page);
            assert!(page.contains(part), "{page}");
        }
    }
}
