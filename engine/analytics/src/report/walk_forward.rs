//! The page of a walk-forward: the stitched curve of sessions nobody chose by, and what was chosen at each step.

use std::fmt::Write;

use tickrace_stats::panel::{DAY_NS, parse_time};

use super::axis::Axis;
use super::format::{self, escape};
use super::plot::Plot;
use super::sortable::{self, Cell};
use super::{WIDE, card, facts, head as page_head, judgement, plot_with_note};
use crate::tear_sheet::BLOCK_NS;
use crate::validation::search::Judgement;

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct WalkPage {
    /// Headline.
    pub title: String,
    /// What was walked over, in a sentence.
    pub lead: String,
    /// What sets were chosen by.
    pub metric: String,
    /// Currency of the money.
    pub currency: String,
    /// Names of the chosen parameters.
    pub keys: Vec<String>,
    /// The steps.
    pub steps: Vec<StepRow>,
    /// Net profit so far after each test session, by date.
    pub stitched: Vec<(String, f64)>,
    /// The same after each quarter of an hour (its number since the epoch, local time); empty where runs kept none.
    pub fine: Vec<(i64, f64)>,
    /// Net profit so far of the set that proved best afterwards.
    pub hindsight: Vec<(String, f64)>,
    /// Its values.
    pub hindsight_values: String,
    /// Profit a session outside over profit a session inside.
    pub efficiency: Option<f64>,
    /// Deepest fall, at least 0.
    pub max_drawdown: f64,
    /// What can be said of the search over all sessions, and its periods a year where they are days.
    pub judgement: Option<(Judgement, Option<f64>)>,
    /// Sessions left out between training and test.
    pub gap: usize,
    /// Where it came from.
    pub facts: Vec<(&'static str, String)>,
    /// The configuration without the chosen values.
    pub config_text: String,
}

/// One step.
#[derive(Clone, Debug, Default)]
pub struct StepRow {
    /// Span of the training.
    pub train: String,
    /// Its sessions.
    pub train_sessions: usize,
    /// Span of the test.
    pub test: String,
    /// Values chosen.
    pub values: Vec<String>,
    /// The figure in training.
    pub inside: Option<f64>,
    /// In the test.
    pub outside: Option<f64>,
    /// Net profit in the test.
    pub net_pnl: Option<f64>,
    /// Rank of the choice in the test.
    pub rank: String,
}

/// Heads of the table of steps.
pub fn head(keys: &[String]) -> Vec<String> {
    let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    [words(&["test", "train", "sessions"]), keys.to_vec(), words(&["inside", "outside", "net", "rank"])]
        .concat()
}

/// Its rows.
pub fn cells(steps: &[StepRow]) -> Vec<Vec<Cell>> {
    let row = |step: &StepRow| {
        let mut cells = vec![
            Cell::text(&step.test),
            Cell::text(&step.train),
            Cell::count(i64::try_from(step.train_sessions).unwrap_or(i64::MAX)),
        ];
        cells
            .extend(step.values.iter().map(|value| Cell { number: value.parse().ok(), ..Cell::text(value) }));
        cells.push(Cell::number(step.inside, 3));
        cells.push(Cell::number(step.outside, 3));
        cells.push(step.net_pnl.map_or_else(|| Cell::text("–"), Cell::profit));
        cells.push(Cell::text(&step.rank));
        cells
    };
    steps.iter().map(row).collect()
}

/// The whole page: styles and plots inline, nothing is loaded.
pub fn html(walk: &WalkPage) -> String {
    let mut page = String::with_capacity(64 * 1024);
    page_head(&mut page, &walk.title, &walk.lead);
    cards(&mut page, walk);
    curve(&mut page, walk);
    let gap = match walk.gap {
        0 => String::new(),
        one => format!(" {one} sessions between training and test are left out."),
    };
    let _ = writeln!(
        page,
        "<h2>What was chosen</h2>\n<p>At each step the set with the best {} over the training sessions is applied to the test \
         sessions. Inside and outside: that figure there and here; rank: the choice's among all sets in the test.{gap} Each session \
         begins from the configuration's opening state.</p>",
        escape(&walk.metric)
    );
    sortable::table(&mut page, &head(&walk.keys), &cells(&walk.steps));
    chosen(&mut page, walk);
    if let Some((judgement, periods_a_year)) = &walk.judgement {
        judgement::section(&mut page, judgement, *periods_a_year);
    }
    page.push_str("<h2>Configuration and provenance</h2>\n");
    facts(&mut page, "text", &walk.facts);
    let _ = writeln!(
        page,
        "<h3>Configuration before the chosen values</h3><pre>{}</pre>",
        escape(&walk.config_text)
    );
    page.push_str("<footer>Written by tickrace. The page is self-contained: nothing is loaded.</footer>");
    sortable::script(&mut page);
    page.push_str("</main></body></html>\n");
    page
}

fn cards(page: &mut String, walk: &WalkPage) {
    let net = walk.stitched.last().map_or(0.0, |last| last.1);
    let class = if net > 0.0 {
        "good"
    } else if net < 0.0 {
        "bad"
    } else {
        ""
    };
    page.push_str("<div class=\"cards\">");
    let sessions = format!("{}, {} test sessions", walk.currency, walk.stitched.len());
    card(page, "Net profit, out of sample", &format::amount(net), class, &sessions);
    let best = walk.hindsight.last().map(|last| last.1);
    card(page, "Best set afterwards", &format::maybe(best, 2), "", &walk.hindsight_values);
    let note = "profit a session outside over inside";
    card(page, "Efficiency", &format::maybe(walk.efficiency, 2), "", note);
    card(page, "Max drawdown", &format::amount(walk.max_drawdown), "", &walk.currency);
    let mut before = 0.0;
    let wins = walk.stitched.iter().filter(|one| {
        let is_win = one.1 > before;
        before = one.1;
        is_win
    });
    let text = format!("{} of {}", wins.count(), walk.stitched.len());
    card(page, "Sessions with a gain", &text, "", "");
    page.push_str("</div>\n");
}

/// The end of a date, or a place in order where there is none.
#[allow(clippy::cast_precision_loss, reason = "only places it")]
fn place_of(dated: &(String, f64)) -> Option<f64> {
    Some((parse_time(&dated.0)? + DAY_NS) as f64)
}

fn curve(page: &mut String, walk: &WalkPage) {
    page.push_str("<h2>Out of sample</h2>\n");
    if walk.stitched.is_empty() {
        page.push_str("<p>No session was tested.</p>\n");
        return;
    }
    #[allow(clippy::cast_precision_loss, reason = "only places it")]
    let fine: Vec<(f64, f64)> =
        walk.fine.iter().map(|(block, net)| (((block + 1) * BLOCK_NS) as f64, *net)).collect();
    // Days without sessions would be most of the picture: sessions stand side by side, each as wide as any other.
    let dates: Vec<String> = walk.stitched.iter().map(|one| one.0.clone()).collect();
    let count = dates.len();
    #[allow(clippy::cast_precision_loss, reason = "counts of sessions")]
    let even = |dated: &[(String, f64)]| -> Vec<(f64, f64)> {
        let ends = dated.iter().enumerate().map(|(place, one)| (place as f64 + 1.0, one.1));
        std::iter::once((0.0, 0.0)).chain(ends).collect()
    };
    let mut points: Vec<(f64, f64)> = vec![(0.0, 0.0)];
    #[allow(clippy::cast_precision_loss, reason = "only places it")]
    for (place, one) in walk.stitched.iter().enumerate() {
        let Some(end) = place_of(one) else { continue };
        let start = end - DAY_NS as f64;
        let inside: Vec<&(f64, f64)> =
            fine.iter().filter(|point| point.0 > start && point.0 <= end).collect();
        let (Some(first), Some(last)) = (inside.first(), inside.last()) else { continue };
        let width = (last.0 - first.0).max(1.0);
        points.extend(inside.iter().map(|point| (place as f64 + (point.0 - first.0) / width, point.1)));
    }
    let own = if points.len() > 1 { points } else { even(&walk.stitched) };
    let best = even(&walk.hindsight);
    let step = count.div_ceil(10);
    let names: Vec<String> = dates
        .into_iter()
        .enumerate()
        .map(|(place, date)| if place % step == 0 { date } else { String::new() })
        .collect();
    let y = Axis::of_values(own.iter().chain(&best).map(|point| point.1), true, &walk.currency);
    let mut plot = Plot::new(WIDE, 330.0, Axis::names(&names, "test session"), y);
    if walk.hindsight.len() == count {
        plot.line(&best, "e dash");
        plot.legend("chosen before each session", "a");
        plot.legend("best set, known afterwards", "e");
    }
    plot.line(&own, "a");
    let svg = plot.svg("net profit of the test sessions, stitched");
    plot_with_note(
        page,
        &svg,
        "Net profit of the test sessions laid end to end, each by the set chosen on sessions before it.",
    );
}

/// How the choices moved.
fn chosen(page: &mut String, walk: &WalkPage) {
    if walk.steps.len() < 2 {
        return;
    }
    page.push_str("<div class=\"pair\">");
    for (place, key) in walk.keys.iter().enumerate() {
        let values: Vec<&str> =
            walk.steps.iter().filter_map(|step| step.values.get(place).map(String::as_str)).collect();
        let mut distinct: Vec<&str> = values.clone();
        let number = |text: &str| text.parse::<f64>().unwrap_or(f64::INFINITY);
        distinct.sort_by(|a, b| number(a).total_cmp(&number(b)).then_with(|| a.cmp(b)));
        distinct.dedup();
        let names: Vec<String> = distinct.iter().map(|name| (*name).to_owned()).collect();
        let count = values.len();
        #[allow(clippy::cast_precision_loss, reason = "steps are few")]
        let x = Axis::linear(0.0, count as f64, "step");
        let mut plot = Plot::new(
            super::HALF,
            150.0_f64.max(60.0 + 22.0 * names.len() as f64),
            x,
            Axis::names(&names, ""),
        );
        for (step, value) in values.iter().enumerate() {
            let Some(row) = distinct.iter().position(|known| known == value) else { continue };
            #[allow(clippy::cast_precision_loss, reason = "steps are few")]
            let (at, row) = (step as f64, row as f64);
            plot.span(at, at + 1.0, row + 0.25, row + 0.75, "a", &format!("step {}: {value}", step + 1));
        }
        let _ = write!(page, "<div><h3>{}</h3>", escape(key));
        plot_with_note(page, &plot.svg(key), "The value chosen at each step.");
        page.push_str("</div>");
    }
    page.push_str("</div>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::assert_sound;

    #[test]
    fn a_walk_is_a_page_with_and_without_sessions() {
        let step = |test: &str, value: &str, net: f64| StepRow {
            train: "2026-03-02 to 03-03".to_owned(),
            train_sessions: 2,
            test: test.to_owned(),
            values: vec![value.to_owned()],
            inside: Some(5.0),
            outside: Some(net),
            net_pnl: Some(net),
            rank: "1 of 3".to_owned(),
        };
        let dated = |all: &[(&str, f64)]| all.iter().map(|(date, net)| ((*date).to_owned(), *net)).collect();
        let walk = WalkPage {
            title: "Walk <x>".to_owned(),
            currency: "USD".to_owned(),
            metric: "net_pnl".to_owned(),
            keys: vec!["strategy.a".to_owned()],
            steps: vec![step("2026-03-04", "1", 3.0), step("2026-03-05", "2", -4.0)],
            stitched: dated(&[("2026-03-04", 3.0), ("2026-03-05", -1.0)]),
            hindsight: dated(&[("2026-03-04", 3.0), ("2026-03-05", 6.0)]),
            efficiency: Some(-0.1),
            gap: 1,
            ..WalkPage::default()
        };
        let page = html(&walk);
        assert_sound(&page);
        for part in ["What was chosen", "1 of 3", "1 of 2", "best set, known afterwards", "Walk &lt;x&gt;"] {
            assert!(page.contains(part), "{part}");
        }
        assert_sound(&html(&WalkPage::default()));
    }
}
