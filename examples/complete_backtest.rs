//! A complete backtest from a program: configuration, data, run, figures, and the proof that a replay gives the same orders.
//!
//! ```text
//! cargo run --release -p tickrace-tests --example complete_backtest
//! ```
//!
//! `tickrace backtest` does the same from the command line; here one sees what it is made of.
#![allow(clippy::print_stdout, reason = "an example tells what it did")]

mod support;

use std::path::Path;

use tickrace_analytics::Summary;
use tickrace_cli::Streams;

/// Runs a day of the market maker and replays it; the summary, and whether every order of the replay was the same.
///
/// # Panics
///
/// Where the folder cannot be written.
#[must_use]
pub fn run(out: &Path, messages: u64) -> (Summary, bool) {
    let path = support::config("market_making.toml");
    // Two levels a side instead of one; and the market itself into the journal, since this day is no file to refer to.
    let (table, desk) = support::load(&path, &["strategy.levels_count=2", "journal.market=copy"]);
    let day = support::made_day(7, 3, messages);
    let summary = support::backtest(&path, (table, &desk), &day, out);

    let journal = out.join("journal").display().to_string();
    let (mut said, mut warned) = (Vec::new(), Vec::new());
    let mut streams = Streams { out: &mut said, err: &mut warned, is_json: false, is_watched: false };
    let code = tickrace_cli::run(["tickrace", "replay", &journal, "--verify"], &mut streams);
    (summary, code == 0)
}

#[allow(dead_code, reason = "the tests call `run` alone")]
fn main() {
    let out = Path::new("out/complete_backtest");
    let (summary, is_same) = run(out, 500_000);
    println!("{} orders, {} fills, {:.1} lots a fill", summary.orders, summary.fills, lots_a_fill(&summary));
    println!("gross {}, fees {}, net {}", summary.gross_pnl, summary.fees, summary.net_pnl);
    println!("largest fall of equity {:.2}", summary.max_drawdown);
    for (symbol, one) in &summary.by_symbol {
        println!("  {symbol:<6} net {:>12}  position {:>6}", one.net_pnl.to_string(), one.position);
    }
    println!(
        "order digest {}; the replay of its journal is {}",
        summary.order_digest,
        if is_same { "identical" } else { "NOT identical" }
    );
    println!("the report: {}", out.join("report.html").display());
}

/// Mean size of a fill, lots.
#[must_use]
pub fn lots_a_fill(summary: &Summary) -> f64 {
    summary.volume_lots as f64 / summary.fills.max(1) as f64
}
