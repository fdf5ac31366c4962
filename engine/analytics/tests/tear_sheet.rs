//! The figures of a tear sheet, parsed out of its JSON, against empyrical-reloaded and quantstats on the same returns, to 1e-9.
//!
//! `tests/goldens/figures.json` is written by `scripts/golden_figures.py`.

use serde_json::Value;
use tickrace_analytics::report::tear_sheet;
use tickrace_analytics::tear_sheet::{BenchmarkInput, SheetConfig, SheetInput, TearSheet};

fn goldens() -> Value {
    serde_json::from_str(include_str!("goldens/figures.json")).expect("the goldens are JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|one| one.as_f64().expect("a number")).collect()
}

fn input(case: &Value) -> SheetInput {
    let dates = case["dates"]
        .as_array()
        .expect("dates")
        .iter()
        .map(|date| date.as_str().expect("a date").to_owned())
        .collect();
    let market = numbers(&case["benchmark"]).into_iter().map(Some).collect();
    SheetInput {
        title: "Golden".to_owned(),
        dates,
        returns: numbers(&case["returns"]),
        benchmark: Some(BenchmarkInput { name: "market".to_owned(), returns: market }),
        ..SheetInput::default()
    }
}

/// Where a figure of the libraries stands in the sheet.
const PLACES: [(&str, &str); 22] = [
    ("total_return", "/headline/total_return"),
    ("annual_return", "/headline/annual_return"),
    ("annual_volatility", "/headline/annual_volatility"),
    ("sharpe", "/headline/sharpe"),
    ("qs_sharpe", "/headline/sharpe"),
    ("sortino", "/headline/sortino"),
    ("calmar", "/headline/calmar"),
    ("omega", "/headline/omega"),
    ("max_drawdown", "/headline/max_drawdown"),
    ("qs_best", "/headline/best"),
    ("qs_worst", "/headline/worst"),
    ("qs_skew", "/distribution/skew"),
    ("qs_kurtosis", "/distribution/kurtosis"),
    ("var_historical", "/distribution/var_historical"),
    ("cvar_historical", "/distribution/cvar_historical"),
    ("var_parametric", "/distribution/var_parametric"),
    ("cvar_parametric", "/distribution/cvar_parametric"),
    ("tail_ratio", "/distribution/tail_ratio"),
    ("beta", "/relative/beta"),
    ("alpha", "/relative/alpha"),
    ("up_capture", "/relative/up_capture"),
    ("tracking_error", "/relative/tracking_error"),
];

#[test]
fn figures_of_the_sheet_are_those_of_empyrical_and_quantstats() {
    let config = SheetConfig { courses: 50, ..SheetConfig::default() };
    for case in goldens()["cases"].as_array().expect("cases") {
        let sheet = TearSheet::new(&input(case), None, &config);
        let json: Value = serde_json::from_str(&serde_json::to_string(&sheet).unwrap()).unwrap();
        for (golden, place) in PLACES {
            let expected = case[golden].as_f64().expect(golden);
            let found = json.pointer(place).and_then(Value::as_f64).expect(place);
            assert!(
                (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
                "{place}: {found}, {expected}"
            );
        }
        let depths = numbers(&case["qs_drawdown_depths"]);
        for (row, depth) in json["falls"].as_array().unwrap().iter().zip(depths) {
            assert!((row["depth"].as_f64().unwrap() - depth).abs() < 1e-9);
        }
        let months = case["months"].as_array().unwrap();
        assert_eq!(json["months"].as_array().unwrap().len(), months.len());
        for (found, told) in json["months"].as_array().unwrap().iter().zip(months) {
            assert_eq!(found["month"], told[0]);
            assert!((found["total"].as_f64().unwrap() - told[1].as_f64().unwrap()).abs() < 1e-9);
        }
        // The page says the same, rounded.
        let page = tear_sheet::html(&sheet, &[]);
        let sharpe = case["sharpe"].as_f64().unwrap();
        assert!(page.contains(&format!("<b class=\"\">{sharpe:.2}</b>")), "{sharpe}");
    }
}
