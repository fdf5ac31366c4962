//! Tear sheets and comparisons of finished runs: the command line says what the library says, whatever the returns came from.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;
use tickrace_analytics::performance::{benchmark, drawdowns, ratios, returns, tails};
use tickrace_analytics::validation::difference::sharpe_difference;
use tickrace_stats::Rng;
use tickrace_stats::panel::DAY_NS;
use tickrace_tests::data::{config, small_day};
use tickrace_tests::{Done, tickrace};

/// Writes days of a column and gives the file's path; days are consecutive from 1 January 2020.
fn csv(folder: &Path, name: &str, column: &str, values: &[f64]) -> String {
    let mut text = format!("date,{column}\n");
    for (day, value) in values.iter().enumerate() {
        let date = tickrace_analytics::days::date_of(18_262 + i64::try_from(day).unwrap());
        let _ = writeln!(text, "{date},{value}");
    }
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn drawn(seed: u64, count: usize, mean: f64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    (0..count).map(|_| mean + 0.01 * rng.normal()).collect()
}

fn report(args: &[&str], out: &Path) -> Done {
    let out = out.display().to_string();
    tickrace(&[&["report", "--json", "--out", &out], args].concat())
}

#[test]
fn a_file_of_returns_has_the_figures_of_the_library() {
    let folder = tempdir().unwrap();
    let (own, market) = (drawn(1, 400, 0.0005), drawn(2, 400, 0.0));
    let (file, other) =
        (csv(folder.path(), "own.csv", "r", &own), csv(folder.path(), "market.csv", "ret", &market));
    let out = folder.path().join("out");
    let done = report(&["--returns", &file, "--benchmark", &other, "--courses", "100"], &out);
    assert_eq!(done.code, 0, "{}", done.err);
    let found = done.json();
    let near = |place: &str, expected: f64| {
        let value = found.pointer(place).and_then(Value::as_f64).unwrap_or_else(|| panic!("{place}"));
        assert!((value - expected).abs() < 1e-9, "{place}: {value}, {expected}");
    };
    near("/headline/sharpe", ratios::sharpe(&own, 252.0).unwrap());
    near("/headline/total_return", returns::total(&own));
    near("/headline/max_drawdown", drawdowns::deepest(&own));
    near("/distribution/cvar_historical", tails::cvar_historical(&own, 0.05).unwrap());
    near("/relative/beta", benchmark::beta(&own, &market).unwrap());
    let last = &own[400 - 63..];
    near("/rolling/sharpe/399", ratios::sharpe(last, 252.0).unwrap());
    let kept: Value =
        serde_json::from_str(&std::fs::read_to_string(out.join("tear_sheet.json")).unwrap()).unwrap();
    assert_eq!(kept, found, "the file is what is printed");
    // The same days as equity: the first day is only where it starts from.
    let mut equity = vec![1000.0];
    own.iter().for_each(|value| equity.push(equity[equity.len() - 1] * (1.0 + value)));
    let file = csv(folder.path(), "equity.csv", "equity", &equity);
    let levels = report(&["--returns", &file, "--courses", "10"], &out).json();
    let sharpe = |json: &Value| json["headline"]["sharpe"].as_f64().unwrap();
    assert!((sharpe(&levels) - sharpe(&found)).abs() < 1e-9);
    let page = std::fs::read_to_string(out.join("tear_sheet.html")).unwrap();
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("src="));
}

#[test]
fn parquet_is_read_as_csv_is() {
    let folder = tempdir().unwrap();
    let own = drawn(3, 60, 0.0);
    let at_ns = (0..60).map(|day| (18_262 + day) * DAY_NS).collect();
    let percent = own.iter().map(|value| value * 100.0).collect();
    let frame = tickrace_stats::Frame { at_ns, columns: vec![("net".to_owned(), percent)] };
    let path = folder.path().join("portfolio_daily_pct.parquet");
    tickrace_store::write_frame(&path, "date", &frame).unwrap();
    let file = csv(folder.path(), "own.csv", "r", &own);
    let out = folder.path().join("out");
    let sharpe = |args: &[&str]| report(args, &out).json()["headline"]["sharpe"].as_f64().unwrap();
    let expected = sharpe(&["--returns", &file]);
    assert!((sharpe(&["--returns", &path.display().to_string()]) - expected).abs() < 1e-9);
    // And from the folder, as a systematic backtest leaves it.
    let run = folder.path().display().to_string();
    assert!((sharpe(&[&run, "--tear-sheet"]) - expected).abs() < 1e-9);
}

#[test]
fn a_run_of_one_day_has_its_trades_and_no_ratios() {
    let folder = tempdir().unwrap();
    let day = small_day(folder.path(), 2, 40_000);
    let (run, files) = (folder.path().join("run").display().to_string(), format!("data.files=[\"{day}\"]"));
    let config = config("backtest/market_making.toml");
    let summary = tickrace(&["backtest", &config, "--json", "--out", &run, "--set", &files]).json();
    let done = tickrace(&["report", &run, "--tear-sheet", "--json"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let found = done.json();
    assert_eq!(found["headline"]["sharpe"], Value::Null);
    assert!(found["absent"][0].as_str().unwrap().starts_with("1 day of returns"));
    let trading = &found["trading"];
    let number = |value: &Value| value.as_f64().unwrap();
    assert!((number(&trading["net_pnl"]) - number(&summary["net_pnl"])).abs() < 1e-9);
    assert_eq!(trading["trades"][0]["count"], summary["trades"]["count"]);
    assert_eq!(trading["sources"], summary["sources"]);
    let sum =
        |of: &str| trading[of].as_array().unwrap().iter().map(|one| number(&one["net_pnl"])).sum::<f64>();
    for of in ["by_strategy", "by_instrument", "by_hour"] {
        assert!((sum(of) - number(&summary["net_pnl"])).abs() < 1e-6, "{of}");
    }
    assert!(Path::new(&run).join("tear_sheet.html").exists());
}

#[test]
fn nonsense_is_refused_in_words() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("out");
    let file = csv(folder.path(), "own.csv", "r", &drawn(1, 30, 0.0));
    for (args, named, code) in [
        (vec!["--returns", "nowhere.csv"], "nowhere.csv", 3),
        (vec!["--returns", &file, "--column", "x"], "no column x", 2),
        (vec!["--returns", &file, "--tail", "0.7"], "--tail", 2),
        (vec!["--returns", &file, "--trials", "0"], "--trials", 2),
        (vec!["--returns", &file, "--returns-as", "money"], "--capital", 2),
        (vec!["--returns", &file, "--returns-as", "levels"], "above zero", 3),
        (vec![], "<RUN>", 2),
    ] {
        let done = report(&args, &out);
        assert_eq!(done.code, code, "{args:?}: {}", done.err);
        assert!(done.err.contains(named), "{args:?}: {}", done.err);
    }
    assert!(!out.exists());
}

#[test]
fn finished_runs_are_compared_as_the_library_compares() {
    let folder = tempdir().unwrap();
    let (a, b) = (drawn(11, 300, 0.0), drawn(12, 300, 0.003));
    let (first, second) = (csv(folder.path(), "a.csv", "r", &a), csv(folder.path(), "b.csv", "r", &b));
    let out = folder.path().join("out").display().to_string();
    let done = tickrace(&["compare", &first, &second, "--json", "--out", &out, "--samples", "499"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let found = done.json();
    assert_eq!((&found["periods"], &found["runs"][1]["name"]), (&300.into(), &"b".into()));
    let number =
        |place: &str| found.pointer(place).and_then(Value::as_f64).unwrap_or_else(|| panic!("{place}"));
    assert!((number("/correlation/0/1") - benchmark::correlation(&a, &b).unwrap()).abs() < 1e-9);
    let test = sharpe_difference(&a, &b, 7, 499, 1).unwrap();
    assert!((number("/tests/0/test/p_value") - test.p_value).abs() < 1e-12);
    assert!(test.p_value < 0.05, "means of 0 and 0.3 deviations over 300 days are told apart");
    assert!((number("/runs/0/headline/sharpe") - ratios::sharpe(&a, 252.0).unwrap()).abs() < 1e-9);
    let page = std::fs::read_to_string(folder.path().join("out/compare.html")).unwrap();
    assert!(page.contains("Whether their Sharpe ratios differ") && page.contains("class=\"best\""));
    let config = config("backtest/market_making.toml");
    let done = tickrace(&["compare", &first, &config, "--out", &out]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("compared apart"), "{}", done.err);
    assert_eq!(tickrace(&["compare", &first, "--out", &out]).code, 2);
}
