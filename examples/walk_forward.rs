//! Walk-forward: parameters chosen on the days before, judged on the day after.
//!
//! ```text
//! cargo run --release -p tickrace-tests --example walk_forward
//! ```
//!
//! `tickrace walk-forward` does this over tick files, with purging, embargo and a tear sheet of the stitched days; here it is in
//! thirty lines, so that one sees what the figure of such a test is: no day is judged by parameters that have seen it.
#![allow(clippy::print_stdout, reason = "an example tells what it did")]

mod support;

use std::path::Path;

/// Risk aversions to choose from, per tick.
pub const CHOICES: [f64; 3] = [0.01, 0.05, 0.2];

/// Profit by day and choice, and for each day after `train` the choice that was best on the days before it.
#[derive(Debug, PartialEq)]
pub struct Walked {
    /// `[days][choices]`, account currency.
    pub net: Vec<Vec<f64>>,
    /// Choices applied, by day from `train` on.
    pub chosen: Vec<usize>,
    /// Profit of those days under them, account currency.
    pub out_of_sample: f64,
}

/// Walks over so many made days.
#[must_use]
pub fn run(out: &Path, days: u64, train: usize, messages: u64) -> Walked {
    let path = support::config("market_making.toml");
    let net_of = |seed: u64, risk_aversion: f64| {
        let set = format!("strategy.risk_aversion_per_tick={risk_aversion}");
        let (table, desk) = support::load(&path, &[&set, "journal.market=copy"]);
        let day = support::made_day(seed, 3, messages);
        let folder = out.join(format!("day{seed}-{risk_aversion}"));
        support::backtest(&path, (table, &desk), &day, &folder).net_pnl.to_f64()
    };
    let net: Vec<Vec<f64>> =
        (1..=days).map(|seed| CHOICES.map(|choice| net_of(seed, choice)).to_vec()).collect();
    let chosen: Vec<usize> = (train..net.len())
        .map(|day| {
            let past = |choice: usize| net[day - train..day].iter().map(|row| row[choice]).sum::<f64>();
            // Of equals the first.
            (0..CHOICES.len()).rev().max_by(|one, other| past(*one).total_cmp(&past(*other))).unwrap_or(0)
        })
        .collect();
    let out_of_sample = chosen.iter().zip(&net[train..]).map(|(choice, row)| row[*choice]).sum();
    Walked { net, chosen, out_of_sample }
}

#[allow(dead_code, reason = "the tests call `run` alone")]
fn main() {
    let train = 3;
    let walked = run(Path::new("out/walk_forward"), 8, train, 200_000);
    println!("day  {}  applied", CHOICES.map(|choice| format!("{choice:>10}")).join(" "));
    for (day, row) in walked.net.iter().enumerate() {
        let figures: Vec<String> = row.iter().map(|net| format!("{net:>10.2}")).collect();
        let applied =
            day.checked_sub(train).map_or(String::new(), |place| CHOICES[walked.chosen[place]].to_string());
        println!("{:>3}  {}  {applied}", day + 1, figures.join(" "));
    }
    let hindsight: Vec<f64> =
        (0..CHOICES.len()).map(|choice| walked.net[train..].iter().map(|row| row[choice]).sum()).collect();
    let best = hindsight.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    println!("out of sample {:.2}; the best single choice in hindsight {best:.2}", walked.out_of_sample);
}
