//! What `examples/` shows works, and the guide beside it shows the same code.

use std::path::Path;

use tickrace_tests::data::{config, workspace};

#[path = "../../examples/own_policy.rs"]
mod own_policy;

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
