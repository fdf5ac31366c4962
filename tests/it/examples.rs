//! What `examples/` shows works, and the guide beside it shows the same code.
#![allow(
    clippy::duplicate_mod,
    reason = "each example has the module they share for itself, as it has when it runs alone"
)]

use std::path::Path;

use tempfile::tempdir;
use tickrace_tests::data::{config, workspace};

#[path = "../../examples/complete_backtest.rs"]
mod complete_backtest;
#[path = "../../examples/own_model.rs"]
mod own_model;
#[path = "../../examples/own_policy.rs"]
mod own_policy;
#[path = "../../examples/portfolio.rs"]
mod portfolio;
#[path = "../../examples/strategy_comparison.rs"]
mod strategy_comparison;
#[path = "../../examples/walk_forward.rs"]
mod walk_forward;

/// Money as a program reads it back from `summary.json`.
fn written(out: &Path, key: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(out.join("summary.json")).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap()[key].clone()
}

#[test]
fn a_complete_backtest_trades_writes_what_it_says_and_replays() {
    let out = tempdir().unwrap();
    let (summary, is_same) = complete_backtest::run(out.path(), 200_000);
    assert!(is_same && summary.fills > 10, "{summary:?}");
    assert!(complete_backtest::lots_a_fill(&summary) >= 1.0);
    assert_eq!(written(out.path(), "order_digest"), summary.order_digest);
    assert_eq!(written(out.path(), "net_pnl").as_f64().unwrap(), summary.net_pnl.to_f64());
    let parts: f64 = summary.by_symbol.values().map(|one| one.net_pnl.to_f64()).sum();
    assert!((parts - summary.net_pnl.to_f64()).abs() < 1e-6);
}

#[test]
fn strategies_side_by_side_all_trade_and_differ() {
    let out = tempdir().unwrap();
    let ran = strategy_comparison::run(out.path(), 400_000);
    assert!(ran.iter().all(|(_, summary)| summary.orders > 0), "{ran:?}");
    let mut digests: Vec<&str> = ran.iter().map(|(_, summary)| &*summary.order_digest).collect();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), strategy_comparison::STRATEGIES.len());
}

#[test]
fn the_weights_of_a_portfolio_move_its_parts_and_the_parts_are_the_whole() {
    let out = tempdir().unwrap();
    let volume = |weight: f64| {
        let summary = portfolio::run(&out.path().join(weight.to_string()), weight, 200_000);
        let parts: f64 = summary.by_strategy.values().map(|one| one.net_pnl.to_f64()).sum();
        assert!((parts - summary.net_pnl.to_f64()).abs() < 1e-6, "{summary:?}");
        assert!(summary.portfolio.is_some());
        summary.by_strategy["maker"].volume_lots
    };
    let (much, little) = (volume(0.75), volume(0.25));
    assert!(much > little && little > 0, "{much} {little}");
}

#[test]
fn a_model_of_ones_own_trades_what_it_predicts() {
    let out = tempdir().unwrap();
    let sure = own_model::run(&out.path().join("sure"), 0.5, 200_000);
    assert!(sure.fills > 0, "{sure:?}");
    // A model that expects next to nothing does next to nothing.
    let shy = own_model::run(&out.path().join("shy"), 1e-6, 200_000);
    assert_eq!(shy.fills, 0, "{shy:?}");
}

/// The choice of each day is the best of the days before it and of no other, worked out again from the table.
#[test]
fn walking_forward_chooses_on_the_past_alone() {
    let out = tempdir().unwrap();
    let walked = walk_forward::run(out.path(), 4, 2, 150_000);
    let mut sum = 0.0;
    for (place, choice) in walked.chosen.iter().enumerate() {
        let past = |choice: usize| walked.net[place][choice] + walked.net[place + 1][choice];
        assert!((0..walk_forward::CHOICES.len()).all(|other| past(*choice) >= past(other)), "{walked:?}");
        sum += walked.net[place + 2][*choice];
    }
    assert_eq!(walked.chosen.len(), 2);
    assert!((sum - walked.out_of_sample).abs() < 1e-9);
    let distinct = walked.net.iter().any(|row| row[0] != row[1]);
    assert!(distinct, "{walked:?}");
}

/// Each example is in the list that a reader starts from, and each of the list is a target that runs.
#[test]
fn the_list_of_examples_names_each_of_them() {
    let list = std::fs::read_to_string(workspace().join("examples/README.md")).unwrap();
    let manifest = std::fs::read_to_string(workspace().join("tests/Cargo.toml")).unwrap();
    let mut found = 0;
    for entry in std::fs::read_dir(workspace().join("examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = name.strip_suffix(".rs").filter(|name| *name != "support") else { continue };
        assert!(list.contains(&format!("--example {name}")), "{name} is not listed");
        assert!(manifest.contains(&format!("path = \"../examples/{name}.rs\"")), "{name} is no target");
        found += 1;
    }
    assert!(found >= 6);
}

/// The example's day in its configuration's placement: it trades, within its own bound, and twice the same.
#[test]
fn a_policy_of_ones_own_trades_within_its_bound_and_twice_the_same() {
    let path = config("backtest/market_making.toml");
    let day = own_policy::run(Path::new(&path), 200_000);
    assert!(day.fills > 20, "{day:?}");
    assert!(day.positions.iter().all(|lots| (0..=50).contains(lots)), "{day:?}");
    assert!(day.net.is_finite());
    assert_eq!(day, own_policy::run(Path::new(&path), 200_000));
}

#[test]
fn the_guide_shows_code_of_the_example() {
    let guide = std::fs::read_to_string(workspace().join("docs/own_policy.md")).unwrap();
    let example = std::fs::read_to_string(workspace().join("examples/own_policy.rs")).unwrap();
    let mut blocks = 0;
    for block in guide.split("```rust\n").skip(1) {
        let code = block.split("```").next().unwrap();
        assert!(example.contains(code), "not in the example:\n{code}");
        blocks += 1;
    }
    assert!(blocks >= 3);
}
