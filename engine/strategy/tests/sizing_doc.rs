//! docs/sizing.md says what the code does: its tables are computed here, its configurations are read here.

#![allow(clippy::unwrap_used, reason = "a page that cannot be read fails its test")]

use tickrace_strategy::regime::{AdaptiveConfig, RegimeConfig};
use tickrace_strategy::sizing::{Bet, Prospect, Sizer, SizingConfig, drawdown};

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sizing.md")).unwrap()
}

/// The page's TOML blocks that hold a table of this name, the name taken off.
fn blocks(page: &str, table: &str) -> Vec<String> {
    let all = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let open = format!("[{table}]\n");
    let own = all.filter(|block| block.starts_with(&open));
    own.map(|block| block.replace(&open, "").replace(&format!("[{table}."), "[")).collect()
}

/// The page's example: 250,000 of equity, a share at 125.
fn prospect() -> Prospect {
    Prospect {
        equity: 250_000.0,
        lot_value: 125.0,
        mean: 0.0004,
        volatility: 0.016,
        confidence: 1.0,
        bet: Some(Bet { probability: 0.55, win: 0.04, loss: 0.03 }),
        periods_left: 252.0,
    }
}

#[test]
fn the_worked_example_is_what_the_sizers_answer() {
    let page = page();
    let limits = "position_max_lots = 5000\nleverage_max = 2.0\n[method]\n";
    let mut rows = Vec::new();
    for (method, name) in [
        ("kind = \"fixed-fraction\"\nfraction = 0.25", "fixed fraction, a quarter"),
        ("kind = \"volatility-target\"\nvolatility_target = 0.008", "volatility target, 0.8 % a day"),
        ("kind = \"kelly\"", "Kelly, whole"),
        ("kind = \"kelly\"\nshare = 0.25", "Kelly, a quarter"),
        (
            "kind = \"kelly\"\n[method.drawdown]\ndrawdown_max = 0.2\nprobability_max = 0.05",
            "Kelly, 20 % down with at most 5 %",
        ),
        ("kind = \"sharpe-kelly\"\nshare = 0.5", "from the Sharpe ratio, a half"),
        ("kind = \"binary-kelly\"\nshare = 0.05", "binary Kelly, a twentieth"),
        (
            "kind = \"binary-kelly\"\n[method.drawdown]\ndrawdown_max = 0.2\nprobability_max = 0.05",
            "binary Kelly, 20 % down with at most 5 %",
        ),
        (
            "kind = \"target\"\nequity_target = 275000.0\nhorizon_periods = 252.0\nmean = 0.0004\nvolatility = 0.016",
            "target, 10 % more within a year",
        ),
    ] {
        let config: SizingConfig = toml::from_str(&format!("{limits}{method}")).unwrap();
        let sizer = Sizer::new(&config).unwrap();
        let fraction = sizer.fraction(&prospect());
        rows.push(format!("| {name} | {fraction:.3} | {} |", sizer.lots(&prospect()).0));
    }
    for (share, name) in [(1.0, "whole"), (0.5, "half"), (0.25, "quarter")] {
        let p = |fall: f64| 100.0 * drawdown::probability_of_drawdown(share, fall);
        rows.push(format!("| {name} | {:.1} % | {:.1} % | {:.1} % |", p(0.1), p(0.2), p(0.5)));
    }
    rows.push(format!("a share of {:.4}", drawdown::share_within(0.2, 0.05)));
    let missing: Vec<&String> = rows.iter().filter(|row| !page.contains(*row)).collect();
    assert!(missing.is_empty(), "docs/sizing.md lacks:\n{missing:#?}");
}

#[test]
fn every_configuration_on_the_page_is_read_and_valid() {
    let page = page();
    let sizing = blocks(&page, "sizing");
    assert!(sizing.len() >= 2, "{sizing:?}");
    for block in sizing {
        let config: SizingConfig = toml::from_str(&block).unwrap_or_else(|error| panic!("{error}"));
        Sizer::new(&config).unwrap();
    }
    let (regime, adaptive) = (blocks(&page, "regime"), blocks(&page, "adaptive"));
    assert!(!regime.is_empty() && !adaptive.is_empty());
    // What the page shows as regime and scale is every key with its default.
    for block in regime {
        assert_eq!(toml::from_str::<RegimeConfig>(&block).unwrap(), RegimeConfig::standard());
    }
    for block in adaptive {
        assert_eq!(toml::from_str::<AdaptiveConfig>(&block).unwrap(), AdaptiveConfig::with_limits(1.5, 0.2));
    }
}
