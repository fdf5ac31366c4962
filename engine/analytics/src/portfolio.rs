//! The strategies of a run taken together: what their positions cancel, and how their profits move with each other.
//!
//! Exposure is looked at on the samples of the equity curve. Gross counts every strategy's position by itself, netted the position
//! of all in each instrument, so that the difference is what one strategy holds against another.

use serde::Serialize;
use tickrace_types::{Cash, Contract, Price};

use crate::StrategyReport;
use crate::money;

/// What several strategies are together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Portfolio {
    /// Sum over strategies and instruments of the absolute value held, mean over the samples.
    #[serde(serialize_with = "money::serialize")]
    pub gross_exposure_mean: Cash,
    /// The same, largest.
    #[serde(serialize_with = "money::serialize")]
    pub gross_exposure_max: Cash,
    /// Sum over instruments of the absolute value that all strategies hold together, mean over the samples.
    #[serde(serialize_with = "money::serialize")]
    pub netted_exposure_mean: Cash,
    /// The same, largest.
    #[serde(serialize_with = "money::serialize")]
    pub netted_exposure_max: Cash,
    /// Part of the mean gross exposure that opposite positions cancel, from 0 to 1; 0 where nothing was held.
    pub cancelled_share: f64,
    /// Names, in the order of the rows and columns of `pnl_correlations`.
    pub strategies: Vec<String>,
    /// Correlation of the changes of net profit from sample to sample, `[strategy][strategy]`; absent where one of both never
    /// changed.
    pub pnl_correlations: Vec<Vec<Option<f64>>>,
}

/// What strategies hold of one instrument at a sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    gross: i128,
    netted: i128,
}

impl Held {
    /// From the lots of each strategy, at a mark.
    pub fn of(lots: impl Iterator<Item = i64>, mark_px: i64, contract: Contract) -> Self {
        let value = |lots: i64| contract.notional(Price(mark_px), lots).0;
        let (mut gross, mut sum) = (0, 0);
        for lots in lots {
            let value = value(lots);
            gross += value.abs();
            sum += value;
        }
        Self { gross, netted: sum.abs() }
    }
}

/// Gathers exposures sample by sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exposures {
    samples: i128,
    gross: Sum,
    netted: Sum,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    total: i128,
    max: i128,
}

impl Sum {
    fn add(&mut self, value: i128) {
        self.total += value;
        self.max = self.max.max(value);
    }
}

impl Exposures {
    /// One sample: what is held of each instrument.
    pub fn sample(&mut self, held: impl Iterator<Item = Held>) {
        let sum = held.fold(Held::default(), |sum, one| Held {
            gross: sum.gross + one.gross,
            netted: sum.netted + one.netted,
        });
        assert!(sum.netted <= sum.gross, "netting adds nothing: {sum:?}");
        self.samples += 1;
        self.gross.add(sum.gross);
        self.netted.add(sum.netted);
    }

    /// The portfolio of the strategies; `None` under two of them.
    pub fn finish(&self, strategies: &[StrategyReport]) -> Option<Portfolio> {
        if strategies.len() < 2 {
            return None;
        }
        let mean = |sum: Sum| Cash(sum.total / self.samples.max(1));
        let share = self.netted.total as f64 / self.gross.total.max(1) as f64;
        let changes: Vec<Vec<f64>> = strategies
            .iter()
            .map(|one| one.series.windows(2).map(|pair| pair[1] - pair[0]).collect())
            .collect();
        let row = |own: &Vec<f64>| changes.iter().map(|other| correlation(own, other)).collect();
        Some(Portfolio {
            gross_exposure_mean: mean(self.gross),
            gross_exposure_max: Cash(self.gross.max),
            netted_exposure_mean: mean(self.netted),
            netted_exposure_max: Cash(self.netted.max),
            cancelled_share: if self.gross.total == 0 { 0.0 } else { 1.0 - share },
            strategies: strategies.iter().map(|one| one.name.clone()).collect(),
            pnl_correlations: changes.iter().map(row).collect(),
        })
    }
}

/// Pearson's correlation of two series of one length; `None` where one of them does not vary.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let len = a.len().min(b.len());
    let (a, b) = (&a[..len], &b[..len]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / len.max(1) as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| of(a - mean_a, b - mean_b)).sum()
    };
    let (both, squares_a, squares_b) = (sum(&|a, b| a * b), sum(&|a, _| a * a), sum(&|_, b| b * b));
    let scale = (squares_a * squares_b).sqrt();
    (scale > 0.0).then(|| (both / scale).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i64 = 1_000_000_000;

    fn report(name: &str, series: &[f64]) -> StrategyReport {
        StrategyReport { name: name.to_owned(), series: series.to_vec(), ..StrategyReport::default() }
    }

    fn usd(units: i128) -> Cash {
        Cash(units * 1_000_000_000_000_000_000)
    }

    #[test]
    fn opposite_positions_cancel_in_the_netted_exposure_alone() {
        let mut exposures = Exposures::default();
        // 30 against 10 of one share at 10.00, and 5 of another at 20.00: gross 500, netted 300.
        let first = Held::of([30, -10].into_iter(), 10 * ONE, Contract::linear(ONE));
        let second = Held::of([0, 5].into_iter(), 20 * ONE, Contract::linear(ONE));
        exposures.sample([first, second].into_iter());
        exposures.sample([Held::of([20, -20].into_iter(), 5 * ONE, Contract::linear(ONE))].into_iter());
        let both = [report("a", &[0.0, 1.0]), report("b", &[0.0, 2.0])];
        let portfolio = exposures.finish(&both).unwrap();
        assert_eq!((portfolio.gross_exposure_max, portfolio.netted_exposure_max), (usd(500), usd(300)));
        // Then gross 200, netted nothing.
        assert_eq!((portfolio.gross_exposure_mean, portfolio.netted_exposure_mean), (usd(350), usd(150)));
        assert!((portfolio.cancelled_share - 400.0 / 700.0).abs() < 1e-12);
        assert_eq!(exposures.finish(&both[..1]), None, "one strategy is no portfolio");
    }

    #[test]
    fn profits_that_rise_together_correlate_and_a_flat_one_tells_nothing() {
        // Changes 1 2 3 against 3 1 2: means 2, products -1 + 0 + 0 ... (-1)(1) + 0(-1) + (1)(0) = -1 over 2.
        let rows = [
            report("a", &[0.0, 1.0, 3.0, 6.0]),
            report("b", &[5.0, 8.0, 9.0, 11.0]),
            report("c", &[0.0, -2.0, -6.0, -12.0]),
            report("flat", &[7.0; 4]),
        ];
        let found = Exposures::default().finish(&rows).unwrap().pnl_correlations;
        let close = |found: Option<f64>, wanted: f64| (found.unwrap() - wanted).abs() < 1e-12;
        assert!(close(found[0][1], -0.5) && close(found[1][0], -0.5), "{found:?}");
        assert!(close(found[0][2], -1.0) && close(found[0][0], 1.0), "{found:?}");
        assert_eq!((found[3][0], found[0][3], found[3][3]), (None, None, None));
    }
}
