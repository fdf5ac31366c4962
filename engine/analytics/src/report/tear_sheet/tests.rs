use crate::days::date_of;
use crate::report::tests::assert_sound;
use crate::run::tests::generated;
use crate::tear_sheet::{BenchmarkInput, SheetConfig, SheetInput, TearSheet};
use tickrace_stats::Rng;

use super::html;

fn sheet(days: usize, has_run: bool) -> TearSheet {
    let mut rng = Rng::new(9);
    let mut draw = |mean: f64| -> Vec<f64> { (0..days).map(|_| mean + 0.01 * rng.normal()).collect() };
    let input = SheetInput {
        title: "A <sheet> & more".to_owned(),
        dates: (0..days).map(|day| date_of(17_000 + day as i64)).collect(),
        returns: draw(0.0004),
        benchmark: Some(BenchmarkInput {
            name: "index".to_owned(),
            returns: draw(0.0).into_iter().map(Some).collect(),
        }),
        ..SheetInput::default()
    };
    let run = has_run.then(|| generated(23_400, 3));
    TearSheet::new(&input, run.as_ref(), &SheetConfig { courses: 100, ..SheetConfig::default() })
}

#[test]
fn a_sheet_of_years_with_a_run_has_every_section() {
    let page = html(&sheet(900, true), &[("Build", "x".to_owned())]);
    assert_sound(&page);
    for part in [
        "Cumulative return",
        "Under water",
        "Worst drawdowns",
        "Months and years",
        "Distribution of daily returns",
        "Over a moving window of 63 days",
        "How far the Sharpe ratio can be believed",
        "Days in another order",
        "Round trips in another order",
        "By kind of market",
        "profit factor",
        "By strategy",
        "By instrument",
        "Provenance",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("A &lt;sheet&gt; &amp; more"));
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

#[test]
fn sheets_of_few_days_and_of_none_are_pages() {
    for days in [0, 1, 2, 19, 20, 70] {
        assert_sound(&html(&sheet(days, false), &[]));
        assert_sound(&html(&sheet(days, true), &[]));
    }
}

#[test]
fn returns_that_do_not_move_or_lose_everything_are_a_page() {
    for value in [0.0, 0.01, -1.0, -1.5] {
        let input = SheetInput {
            dates: (0..40).map(|day| date_of(17_000 + day)).collect(),
            returns: vec![value; 40],
            ..SheetInput::default()
        };
        assert_sound(&html(&TearSheet::new(&input, None, &SheetConfig::default()), &[]));
    }
}
