//! The page of a sweep: what a figure did over the parameters, and every run in one table.

use std::fmt::Write;

use super::axis::Axis;
use super::format::{self, escape};
use super::plot::Plot;
use super::sortable::{self, Cell};
use super::{WIDE, facts, head, judgement, plot_with_note};
use crate::validation::search::Judgement;

/// Most values of a parameter that a heat map has room for; more are drawn as dots.
pub const HEAT_MAX: usize = 40;

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct SweepPage {
    /// Headline.
    pub title: String,
    /// What was swept over which data, in a sentence.
    pub lead: String,
    /// What is wrong with the results, where something is.
    pub warning: Option<String>,
    /// Name of the figure the runs are ranked by, with its unit.
    pub metric: String,
    /// Whether less of it is better.
    pub is_less_better: bool,
    /// Names of the swept parameters.
    pub keys: Vec<String>,
    /// The runs that have the figure: values of the parameters, and the figure.
    pub points: Vec<(Vec<Place>, f64)>,
    /// Heads of the table.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<Cell>>,
    /// What can be said of the search, and its periods a year where they are days.
    pub judgement: Option<(Judgement, Option<f64>)>,
    /// Where the sweep came from.
    pub facts: Vec<(&'static str, String)>,
    /// The configuration without the swept values.
    pub config_text: String,
}

/// A parameter's value: its text, and its number where it is one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// As it was written.
    pub text: String,
    /// As a number.
    pub number: Option<f64>,
}

/// The whole page: styles and plots inline, nothing is loaded.
pub fn html(sweep: &SweepPage) -> String {
    let mut page = String::with_capacity(64 * 1024);
    head(&mut page, &sweep.title, &sweep.lead);
    if let Some(warning) = &sweep.warning {
        let _ = writeln!(page, "<p class=\"warn\">{}</p>", escape(warning));
    }
    picture(&mut page, sweep);
    if let Some((judgement, periods_a_year)) = &sweep.judgement {
        judgement::section(&mut page, judgement, *periods_a_year);
    }
    page.push_str("<h2>Runs</h2><p class=\"screen\">A click on a column's head sorts by it.</p>\n");
    sortable::table(&mut page, &sweep.columns, &sweep.rows);
    page.push_str("<h2>Configuration and provenance</h2>\n");
    facts(&mut page, "text", &sweep.facts);
    let _ = writeln!(
        page,
        "<h3>Configuration before the swept values</h3><pre>{}</pre>",
        escape(&sweep.config_text)
    );
    page.push_str("<footer>Written by tickrace. The page is self-contained: nothing is loaded.</footer>");
    sortable::script(&mut page);
    page.push_str("</main></body></html>\n");
    page
}

fn picture(page: &mut String, sweep: &SweepPage) {
    let name = escape(&sweep.metric);
    if sweep.points.is_empty() {
        page.push_str("<h2>Result</h2><p>No run has the figure.</p>\n");
        return;
    }
    match sweep.keys.as_slice() {
        [] => {}
        [key] => {
            let _ = writeln!(page, "<h2>{name} over {}</h2>", escape(key));
            line(page, sweep, key);
        }
        [first, second, rest @ ..] => {
            let _ = writeln!(page, "<h2>{name} over {} and {}</h2>", escape(first), escape(second));
            let note = if rest.is_empty() {
                String::new()
            } else {
                format!(" The best over {} is shown.", escape(&rest.join(", ")))
            };
            let (x, y) = (distinct(sweep, 0), distinct(sweep, 1));
            if x.len() <= HEAT_MAX && y.len() <= HEAT_MAX {
                heat(page, sweep, (first, &x), (second, &y), &note);
            } else {
                dots(page, sweep, (first, &x), (second, &y), &note);
            }
        }
    }
}

/// Values of one parameter, numbers first by size, words by their letters.
fn distinct(sweep: &SweepPage, key: usize) -> Vec<Place> {
    let mut places: Vec<Place> = sweep.points.iter().filter_map(|point| point.0.get(key).cloned()).collect();
    places.sort_by(|a, b| {
        let number = |place: &Place| place.number.unwrap_or(f64::INFINITY);
        number(a).total_cmp(&number(b)).then_with(|| a.text.cmp(&b.text))
    });
    places.dedup();
    places
}

fn is_better(sweep: &SweepPage, new: f64, old: f64) -> bool {
    if sweep.is_less_better { new < old } else { new > old }
}

/// The best figure at each place of one or two parameters.
fn best<'a>(sweep: &'a SweepPage, keys: &[usize]) -> Vec<(Vec<&'a Place>, f64)> {
    let mut found: Vec<(Vec<&Place>, f64)> = Vec::new();
    for (places, value) in &sweep.points {
        let here: Vec<&Place> = keys.iter().filter_map(|key| places.get(*key)).collect();
        match found.iter_mut().find(|known| known.0 == here) {
            Some(known) if is_better(sweep, *value, known.1) => known.1 = *value,
            Some(_) => {}
            None => found.push((here, *value)),
        }
    }
    found
}

fn line(page: &mut String, sweep: &SweepPage, key: &str) {
    let places = distinct(sweep, 0);
    let y = Axis::of_values(sweep.points.iter().map(|point| point.1), false, &sweep.metric);
    let numbers: Option<Vec<f64>> = places.iter().map(|place| place.number).collect();
    let values = best(sweep, &[0]);
    let svg = if let Some(numbers) = numbers.filter(|numbers| numbers.len() > 1) {
        let mut plot = Plot::new(WIDE, 300.0, number_axis(&numbers, key), y);
        let mut points: Vec<(f64, f64)> =
            values.iter().filter_map(|(place, value)| Some((place.first()?.number?, *value))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        plot.line(&points, "a");
        for (x, value) in points {
            plot.dot(x, value, "a", &format!("{key} = {x}: {value}"));
        }
        plot.svg("the figure over the parameter")
    } else {
        let names: Vec<String> = places.iter().map(|place| place.text.clone()).collect();
        let y = Axis::of_values(sweep.points.iter().map(|point| point.1), true, &sweep.metric);
        let mut plot = Plot::new(WIDE, 300.0, Axis::names(&names, key), y);
        for (place, value) in &values {
            let Some(at) = places.iter().position(|known| place.first() == Some(&known)) else { continue };
            let class = if *value < 0.0 { "b" } else { "c" };
            plot.bar(at as f64 + 0.15, at as f64 + 0.85, *value, class, &format!("{}: {value}", names[at]));
        }
        plot.svg("the figure by value")
    };
    plot_with_note(
        page,
        &svg,
        &format!("Each mark is one run over all the data: {}.", escape(&sweep.metric)),
    );
}

/// Logarithmic where the values span two decades and are all positive.
fn number_axis(numbers: &[f64], unit: &str) -> Axis {
    let (low, high) = (numbers[0], numbers[numbers.len() - 1]);
    if low > 0.0 && high / low >= 100.0 {
        Axis::log(low / 1.1, high * 1.1, unit, |value| format!("{value}"))
    } else {
        Axis::of_values(numbers.iter().copied(), false, unit)
    }
}

/// Colours by sign where both occur, else from the least to the greatest.
struct Shade {
    low: f64,
    high: f64,
}

impl Shade {
    fn of(values: &[(Vec<&Place>, f64)]) -> Self {
        let low = values.iter().map(|value| value.1).fold(f64::INFINITY, f64::min);
        let high = values.iter().map(|value| value.1).fold(f64::NEG_INFINITY, f64::max);
        Self { low, high }
    }

    fn class_and_strength(&self, value: f64) -> (&'static str, f64) {
        if self.low < 0.0 && self.high > 0.0 {
            let most = self.high.max(-self.low);
            return (if value < 0.0 { "b" } else { "c" }, value.abs() / most);
        }
        let span = self.high - self.low;
        ("a", if span > 0.0 { 0.06 + 0.94 * (value - self.low) / span } else { 0.5 })
    }
}

fn short(value: f64) -> String {
    let places = match value.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        _ => 2,
    };
    format::decimals(value, places)
}

type Key<'a> = (&'a str, &'a [Place]);

fn heat(page: &mut String, sweep: &SweepPage, x: Key<'_>, y: Key<'_>, note: &str) {
    let names = |places: &[Place]| places.iter().map(|place| place.text.clone()).collect::<Vec<_>>();
    let height = (y.1.len() as f64 * 26.0).clamp(120.0, 560.0) + 52.0;
    let mut plot = Plot::new(WIDE, height, Axis::names(&names(x.1), x.0), Axis::names(&names(y.1), y.0));
    let values = best(sweep, &[0, 1]);
    let shade = Shade::of(&values);
    for (places, value) in &values {
        let at = |places: &[Place], place: &Place| places.iter().position(|known| known == place);
        let [first, second] = places.as_slice() else { continue };
        let Some((column, row)) = at(x.1, first).zip(at(y.1, second)) else { continue };
        let (class, strength) = shade.class_and_strength(*value);
        let title = format!("{} = {}, {} = {}: {value}", x.0, first.text, y.0, second.text);
        let (column, row) = (column as f64, row as f64);
        plot.cell((column, column + 1.0), (row, row + 1.0), class, strength, &short(*value), &title);
    }
    let svg = plot.svg("heat map of the figure over two parameters");
    let colours = if shade.low < 0.0 && shade.high > 0.0 {
        "Green above zero, red below, stronger the further from it."
    } else {
        "The stronger the colour, the greater the figure."
    };
    plot_with_note(page, &svg, &format!("Each field is one run over all the data. {colours}{note}"));
}

fn dots(page: &mut String, sweep: &SweepPage, x: Key<'_>, y: Key<'_>, note: &str) {
    let numbers = |places: &[Place]| places.iter().map(|place| place.number).collect::<Option<Vec<f64>>>();
    let Some((across, up)) = numbers(x.1).zip(numbers(y.1)) else {
        page.push_str("<p>Too many values for a picture; the table has them all.</p>\n");
        return;
    };
    let mut plot = Plot::new(WIDE, 420.0, number_axis(&across, x.0), number_axis(&up, y.0));
    let mut values = best(sweep, &[0, 1]);
    values.sort_by(|a, b| a.1.total_cmp(&b.1));
    let count = values.len();
    for (rank, (places, value)) in values.iter().enumerate() {
        let [Place { number: Some(first), .. }, Place { number: Some(second), .. }] = places.as_slice()
        else {
            continue;
        };
        // Thirds by rank: colours that print apart.
        let class = ["b", "a", "c"][(rank * 3 / count.max(1)).min(2)];
        plot.dot(*first, *second, class, &format!("{} = {first}, {} = {second}: {value}", x.0, y.0));
    }
    let svg = plot.svg("the figure over two parameters");
    plot_with_note(
        page,
        &svg,
        &format!(
            "Each dot is one run: the lowest third of the figure red, the middle blue, the highest green.{note}"
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: f64) -> Place {
        Place { text: format!("{number}"), number: Some(number) }
    }

    fn page(keys: &[&str], points: Vec<(Vec<Place>, f64)>) -> String {
        html(&SweepPage {
            title: "Sweep <b>".to_owned(),
            metric: "net_pnl".to_owned(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            points,
            columns: vec!["net_pnl".to_owned()],
            rows: vec![vec![Cell::profit(-1.5)], vec![Cell::text("refused & told")]],
            ..SweepPage::default()
        })
    }

    #[test]
    fn two_parameters_give_a_field_each_and_the_best_over_a_third() {
        let point = |a, b, c, value| (vec![place(a), place(b), place(c)], value);
        let points = vec![point(1.0, 1.0, 1.0, 5.0), point(1.0, 2.0, 1.0, -3.0), point(1.0, 1.0, 2.0, 7.25)];
        let page = page(&["x", "y", "z"], points);
        assert_eq!(page.matches("<rect class=\"cell").count(), 2);
        assert!(page.contains("x = 1, y = 1: 7.25") && !page.contains("y = 1: 5<"));
        assert!(page.contains("Sweep &lt;b&gt;") && page.contains("refused &amp; told"));
    }

    #[test]
    fn one_parameter_gives_a_line_and_none_at_all_still_a_page() {
        let points = (1..=5).map(|x| (vec![place(f64::from(x))], f64::from(x * x))).collect();
        let drawn = page(&["x"], points);
        assert_eq!(drawn.matches("<circle").count(), 5);
        for drawn in [
            page(&["x"], vec![(vec![place(1.0)], 2.0)]),
            page(&["x", "y"], Vec::new()),
            page(&[], Vec::new()),
        ] {
            assert!(
                drawn.contains("</html>") && !drawn.contains("NaN") && !drawn.contains("inf\""),
                "{drawn}"
            );
        }
    }

    #[test]
    fn many_values_are_drawn_as_dots() {
        let points =
            (0..60).map(|x| (vec![place(f64::from(x)), place(f64::from(x % 7))], f64::from(x))).collect();
        assert_eq!(page(&["x", "y"], points).matches("<circle").count(), 60);
    }
}
