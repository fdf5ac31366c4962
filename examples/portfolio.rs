//! Two strategies as one portfolio: weights, shared and separate limits, and what each brought.
//!
//! ```text
//! cargo run --release -p tickrace-tests --example portfolio
//! ```
//!
//! The configuration is configs/backtest/portfolio.toml; here the weights are turned round and the difference is shown.
#![allow(clippy::print_stdout, reason = "an example tells what it did")]

mod support;

use std::path::Path;

use tickrace_analytics::Summary;

/// The same day with so much of the maker, and the rest of the quoter at the touch.
///
/// # Panics
///
/// Where the configuration has no two strategies.
#[must_use]
pub fn run(out: &Path, maker_weight: f64, messages: u64) -> Summary {
    let path = support::config("portfolio.toml");
    let (mut table, _) = support::load(&path, &["journal.market=copy"]);
    let strategies = table["strategies"].as_array_mut().expect("a list of strategies");
    for (strategy, weight) in strategies.iter_mut().zip([maker_weight, 1.0 - maker_weight]) {
        strategy["weight"] = toml::Value::Float(weight);
    }
    let desk = tickrace_cli::backtest::checked(&path, &table).expect("it is sound");
    let day = support::made_day(7, 4, messages);
    support::backtest(&path, (table, &desk), &day, out)
}

#[allow(dead_code, reason = "the tests call `run` alone")]
fn main() {
    for weight in [0.75, 0.25] {
        let out = Path::new("out/portfolio").join(format!("maker_{weight}"));
        let summary = run(&out, weight, 500_000);
        println!("maker {weight}: net {}", summary.net_pnl);
        for (name, one) in &summary.by_strategy {
            println!("  {name:<6} net {:>12}, {} fills", format!("{:.2}", one.net_pnl.to_f64()), one.fills);
        }
        if let Some(portfolio) = &summary.portfolio {
            let [gross, netted] = [portfolio.gross_exposure_mean, portfolio.netted_exposure_mean];
            println!("  mean exposure gross {:.0}, netted {:.0}", gross.to_f64(), netted.to_f64());
        }
        println!("  {}", out.join("report.html").display());
    }
}
