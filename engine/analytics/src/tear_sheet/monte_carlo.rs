//! Other courses the same days and trades might have taken.

use serde::Serialize;

use crate::figures::RunReport;
use crate::money;
use crate::tear_sheet::SheetConfig;
use crate::validation::bootstrap::{self, Bands, BootstrapConfig};

/// Fewest trips whose courses say anything.
pub const TRIPS_MIN: usize = 20;

/// Bootstraps of days and of round trips.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MonteCarlo {
    /// Wealth of one unit compounded by days drawn in blocks; falls are fractions of the best before.
    pub days: Option<Fan>,
    /// Net profit of round trips drawn in blocks, account currency; falls are money.
    pub trades: Option<Fan>,
}

/// A fan of courses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fan {
    /// Levels of the quantiles.
    pub levels: [f64; 5],
    /// Courses drawn.
    pub courses: usize,
    /// Mean length of a block.
    pub block_mean: f64,
    /// Seed.
    pub seed: u64,
    /// How many days or trips each step of the paths has behind it.
    pub counts: Vec<usize>,
    /// `[levels][steps]`: quantiles over the courses.
    pub paths: Vec<Vec<f64>>,
    /// Quantiles of where the courses end.
    pub terminal: [f64; 5],
    /// Quantiles of their deepest falls, at least 0.
    pub drawdown: [f64; 5],
    /// Share of the courses that lose.
    pub loss_share: f64,
    /// What really came out at the end.
    pub actual: f64,
    /// What it fell at the most.
    pub actual_drawdown: f64,
    /// Where each course ends, ascending; for the plots.
    #[serde(skip)]
    pub ends: Vec<f64>,
    /// The deepest fall of each, ascending.
    #[serde(skip)]
    pub falls: Vec<f64>,
}

impl MonteCarlo {
    /// Draws both; says in `absent` why one is not there.
    pub(super) fn new(
        returns: &[f64],
        run: Option<&RunReport>,
        config: &SheetConfig,
        is_enough: bool,
        absent: &mut Vec<String>,
    ) -> Self {
        let days = if is_enough { Fan::of_returns(returns, config) } else { None };
        if is_enough && days.is_none() {
            absent.push("a day lost everything or more, so its courses cannot be compounded".to_owned());
        }
        let trips = run.map(|run| &run.trips);
        let nets: Vec<f64> = trips.into_iter().flatten().map(|trip| money::nearest(trip.net())).collect();
        let trades = if nets.len() >= TRIPS_MIN { Fan::of_profits(&nets, config) } else { None };
        if run.is_some() && trades.is_none() {
            absent.push(format!(
                "{} closed round trips: other courses of the trades are drawn from {TRIPS_MIN} on",
                nets.len()
            ));
        }
        Self { days, trades }
    }
}

impl Fan {
    /// Of returns, compounded: sums of logarithms are the logarithms of products, and a quantile of one is that of the other.
    pub fn of_returns(returns: &[f64], config: &SheetConfig) -> Option<Self> {
        let growth: Vec<f64> = returns.iter().map(|value| libm::log1p(*value)).collect();
        if growth.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut fan = Self::of_profits(&growth, config)?;
        let fall = |value: f64| -libm::expm1(-value);
        fan.paths.iter_mut().flatten().for_each(|value| *value = libm::exp(*value));
        fan.terminal = fan.terminal.map(libm::exp);
        fan.drawdown = fan.drawdown.map(fall);
        fan.ends.iter_mut().for_each(|value| *value = libm::exp(*value));
        fan.falls.iter_mut().for_each(|value| *value = fall(*value));
        fan.actual = libm::exp(fan.actual);
        fan.actual_drawdown = fall(fan.actual_drawdown);
        Some(fan)
    }

    /// Of profits, added up.
    pub fn of_profits(values: &[f64], config: &SheetConfig) -> Option<Self> {
        let block_mean = config.block_mean.unwrap_or_else(|| bootstrap::block_mean(values.len()));
        let drawn = BootstrapConfig { paths: config.courses, block_mean, seed: config.seed };
        let Bands { paths, counts, ends, drawdowns, loss_share, count, end_samples, drawdown_samples } =
            bootstrap::bands(values, &drawn)?;
        let (mut sum, mut best, mut deepest) = (0.0f64, 0.0f64, 0.0f64);
        for value in values {
            sum += value;
            best = best.max(sum);
            deepest = deepest.max(best - sum);
        }
        Some(Self {
            levels: bootstrap::LEVELS,
            courses: count,
            block_mean,
            seed: config.seed,
            counts,
            paths,
            terminal: ends,
            drawdown: drawdowns,
            loss_share,
            actual: sum,
            actual_drawdown: deepest,
            ends: end_samples,
            falls: drawdown_samples,
        })
    }
}
