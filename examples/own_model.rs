//! A model of one's own, traded: features in, a predicted return with its confidence out.
//!
//! ```text
//! cargo run --release -p tickrace-tests --example own_model
//! ```
//!
//! docs/models.md tells how to fit one from `tickrace features`, and how to hand one over as a file, linear or ONNX.
#![allow(clippy::print_stdout, reason = "an example tells what it did")]

mod support;

use std::path::Path;
use std::sync::Arc;

use tickrace_analytics::Summary;
use tickrace_desk::config::StrategyConfig;
use tickrace_strategy::Model;
use tickrace_strategy::model::Prediction;

/// Expects the mid to come halfway to the weighted mid, and believes it the more the further the touch leans.
#[derive(Clone, Debug)]
struct TowardsWeightedMid {
    features: Vec<String>,
    /// Share of the distance that is expected to be gone.
    share: f64,
}

impl Model for TowardsWeightedMid {
    /// What it wants to know, by the labels of docs/models.md, in the order in which it takes them.
    fn features(&self) -> &[String] {
        &self.features
    }

    /// Pure: the same row gives the same prediction, and nothing is allocated.
    fn predict(&mut self, features: &[f64]) -> Option<Prediction> {
        let [microprice_bps, imbalance] = features else { return None };
        let value = self.share * microprice_bps / 10_000.0;
        Some(Prediction { value, confidence: imbalance.abs() })
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}

/// A day traded by this model in the place of the configuration's.
///
/// # Panics
///
/// Where the configuration is not one of a model.
#[must_use]
pub fn run(out: &Path, share: f64, messages: u64) -> Summary {
    let path = support::config("model.toml");
    let (table, mut desk) = support::load(&path, &["journal.market=copy"]);
    let StrategyConfig::Model(policy) = &mut desk.strategy else { panic!("a configuration of a model") };
    let features = ["microprice_bps", "imbalance_lots"].map(str::to_owned).to_vec();
    policy.model.loaded = Some(Arc::new(TowardsWeightedMid { features, share }));
    let day = support::made_day(7, 3, messages);
    support::backtest(&path, (table, &desk), &day, out)
}

#[allow(dead_code, reason = "the tests call `run` alone")]
fn main() {
    let out = Path::new("out/own_model");
    let summary = run(out, 0.5, 500_000);
    println!("{} orders, {} fills, net {}", summary.orders, summary.fills, summary.net_pnl);
    println!("the report: {}", out.join("report.html").display());
}
