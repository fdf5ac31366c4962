//! Several strategies on the same day at the same venue, side by side.
//!
//! ```text
//! cargo run --release -p tickrace-tests --example strategy_comparison
//! ```
//!
//! `tickrace compare A.toml B.toml` does the same and draws it.
#![allow(clippy::print_stdout, reason = "an example tells what it did")]

mod support;

use std::path::Path;

use tickrace_analytics::Summary;

/// What stands side by side: configurations of this repository, each with its own limits, fees and venue.
pub const STRATEGIES: [&str; 3] = ["market_making", "momentum", "pairs"];

/// The same day through each of them.
#[must_use]
pub fn run(out: &Path, messages: u64) -> Vec<(&'static str, Summary)> {
    let day = support::made_day(7, 6, messages);
    let one = |name: &'static str| {
        let path = support::config(&format!("{name}.toml"));
        // A short day has few bars: shorter ones, and an hour of them is not waited for.
        let quick: &[&str] = match name {
            "momentum" => &["strategy.bars=\"time:10s\""],
            "pairs" => {
                &["strategy.window_bars=120", "strategy.p_value_max=0.5", "strategy.edge_cost_min=0.5"]
            }
            _ => &[],
        };
        let set: Vec<&str> = quick.iter().copied().chain(["journal.market=copy"]).collect();
        let (table, desk) = support::load(&path, &set);
        (name, support::backtest(&path, (table, &desk), &day, &out.join(name)))
    };
    STRATEGIES.into_iter().map(one).collect()
}

#[allow(dead_code, reason = "the tests call `run` alone")]
fn main() {
    let out = Path::new("out/strategy_comparison");
    println!(
        "{:<16} {:>8} {:>8} {:>14} {:>12} {:>14} {:>12}",
        "", "orders", "fills", "gross", "fees", "net", "worst fall"
    );
    for (name, summary) in run(out, 1_000_000) {
        let [gross, fees, net] =
            [summary.gross_pnl, summary.fees, summary.net_pnl].map(|money| money.to_string());
        println!(
            "{name:<16} {:>8} {:>8} {gross:>14} {fees:>12} {net:>14} {:>12.2}",
            summary.orders, summary.fills, summary.max_drawdown
        );
    }
    println!("their reports: {}/*/report.html", out.display());
}
