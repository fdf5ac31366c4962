//! Whole contracts that follow a portfolio of fractions: a greedy search on tracking error and costs.
//!
//! Everything is a weight: contracts times the value of one as a fraction of capital. Starting flat (or at the nearest
//! allowed place), the search adds the one contract that lowers `tracking error + cost of trading` most, until none does;
//! each asset moves in one direction only. The result is then approached from yesterday's positions at a speed that
//! ignores a tracking error within a buffer.
//!
//! Source: R. Carver, *Advanced Futures Trading Strategies* (2023), strategy 25; bounds and order as in pysystemtrade 1.80.

use tickrace_stats::{BusinessDay, Series};

use crate::account::deflator;

/// Weights beyond which no asset goes where nothing else bounds it.
const WEIGHT_MAX: f64 = 999.0;
/// A step may cross its bound by this share of a contract: sums of steps are not exact.
const STEP_SLACK: f64 = 1e-9;
/// Steps of a search; more means that values of contracts are not of this world.
const STEPS_MAX: usize = 1_000_000;

/// One asset on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DynamicAsset {
    /// Contracts wanted, unrounded.
    pub optimal: f64,
    /// Value of one contract as a fraction of capital; not zero.
    pub value_per_contract: f64,
    /// Cost of trading a weight of one, as a fraction of capital.
    pub cost: f64,
    /// The position may not change.
    pub is_untradable: bool,
    /// The position may only shrink.
    pub is_reduce_only: bool,
    /// Never short.
    pub is_long_only: bool,
    /// Most contracts on either side.
    pub max_contracts: Option<f64>,
}

/// How eagerly the wanted positions are followed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeedControl {
    /// What a unit of cost weighs against a unit of tracking error.
    pub shadow_cost: f64,
    /// Tracking error that is left alone, annual, a fraction of capital.
    pub tracking_error_buffer: f64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicOutcome {
    /// `[assets]`, whole contracts to hold.
    pub contracts: Vec<f64>,
    /// `[assets]`, weights found by the search, before speed control; empty where the old positions were close enough.
    pub found_weights: Vec<f64>,
    /// Tracking error of the old positions against the wanted ones, annual; NaN without old ones.
    pub tracking_error_prior: f64,
    /// Tracking error of the search's weights against the wanted ones; NaN where there was no search.
    pub tracking_error_found: f64,
    /// Costs of going to the search's weights, times the shadow cost; 0 without old positions.
    pub cost_found: f64,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum DynamicError {
    /// A list has another length than that of the assets.
    #[error("{what} has {got} entries for {wanted} wanted")]
    Length {
        /// Which list.
        what: &'static str,
        /// Its length.
        got: usize,
        /// What it should be.
        wanted: usize,
    },
    /// A number is missing, infinite or of an impossible size.
    #[error("asset {asset}: {what} is {got}")]
    Number {
        /// Place of the asset.
        asset: usize,
        /// Which number.
        what: &'static str,
        /// What it is.
        got: f64,
    },
    /// The covariance of the assets gives a negative variance.
    #[error("the covariance is not one: a portfolio has the variance {0}")]
    Variance(f64),
}

/// The whole contracts to hold.
///
/// - `covariance`: `[assets x assets]`, rows one after the other, annual, of returns as fractions.
/// - `previous`: `[assets]`, whole contracts held; none for a first day, which has no costs, no buffer and no speed.
///
/// # Errors
///
/// [`DynamicError`] where lengths differ or a number is unsound.
pub fn optimise(
    assets: &[DynamicAsset],
    covariance: &[f64],
    previous: Option<&[f64]>,
    speed: &SpeedControl,
) -> Result<DynamicOutcome, DynamicError> {
    check(assets, covariance, previous)?;
    let count = assets.len();
    let value = |place: usize| assets[place].value_per_contract;
    let optimal: Vec<f64> = (0..count).map(|place| assets[place].optimal * value(place)).collect();
    let prior: Option<Vec<f64>> =
        previous.map(|held| (0..count).map(|place| held[place] * value(place)).collect());
    let apart = |one: &[f64], other: &[f64]| tracking_error(one, other, covariance);
    let tracking_error_prior = prior.as_ref().map_or(Ok(f64::NAN), |prior| apart(prior, &optimal))?;
    if let Some(held) = previous.filter(|_| tracking_error_prior < speed.tracking_error_buffer) {
        return Ok(DynamicOutcome {
            contracts: held.to_vec(),
            found_weights: Vec::new(),
            tracking_error_prior,
            tracking_error_found: f64::NAN,
            cost_found: 0.0,
        });
    }
    let mut search = Search::new(assets, covariance, &optimal, prior.as_deref(), speed.shadow_cost)?;
    search.run()?;
    let Search { weights: mut found, cost: cost_found, .. } = search;
    let tracking_error_found = apart(&found, &optimal)?;
    let contracts = match (&prior, previous) {
        (Some(prior), Some(held)) => {
            // A search that cannot leave zero says nothing about what is held.
            if found.iter().all(|weight| *weight == 0.0) {
                found.clone_from(prior);
            }
            let error = apart(prior, &found)?;
            let share =
                if error > 0.0 { ((error - speed.tracking_error_buffer) / error).max(0.0) } else { 0.0 };
            let step =
                |place: usize| ((found[place] - prior[place]) * share / value(place)).round_ties_even();
            (0..count).map(|place| held[place] + step(place)).collect()
        }
        _ => (0..count).map(|place| (found[place] / value(place)).round_ties_even()).collect(),
    };
    Ok(DynamicOutcome {
        contracts,
        found_weights: found,
        tracking_error_prior,
        tracking_error_found,
        cost_found,
    })
}

fn check(assets: &[DynamicAsset], covariance: &[f64], previous: Option<&[f64]>) -> Result<(), DynamicError> {
    let length = |what, got, wanted| {
        if got == wanted { Ok(()) } else { Err(DynamicError::Length { what, got, wanted }) }
    };
    length("covariance", covariance.len(), assets.len() * assets.len())?;
    length("previous positions", previous.map_or(assets.len(), <[f64]>::len), assets.len())?;
    for (asset, one) in assets.iter().enumerate() {
        let variance = covariance[asset * assets.len() + asset];
        for (what, got, is_sound) in [
            ("the wanted position", one.optimal, one.optimal.is_finite()),
            ("the value of a contract", one.value_per_contract, one.value_per_contract != 0.0),
            ("the cost", one.cost, one.cost >= 0.0),
            ("the variance", variance, variance >= 0.0),
            ("the position held", previous.map_or(0.0, |held| held[asset]), true),
            ("the most contracts", one.max_contracts.unwrap_or(0.0), one.max_contracts.unwrap_or(0.0) >= 0.0),
        ] {
            if !is_sound || !got.is_finite() {
                return Err(DynamicError::Number { asset, what, got });
            }
        }
    }
    match covariance.iter().position(|entry| !entry.is_finite()) {
        Some(place) => Err(DynamicError::Number {
            asset: place / assets.len(),
            what: "a covariance",
            got: covariance[place],
        }),
        None => Ok(()),
    }
}

/// Annual deviation of the difference of two portfolios.
fn tracking_error(one: &[f64], other: &[f64], covariance: &[f64]) -> Result<f64, DynamicError> {
    let count = one.len();
    let mut variance = 0.0;
    for (row, entries) in covariance.chunks_exact(count.max(1)).enumerate() {
        let gap = one[row] - other[row];
        if gap != 0.0 {
            let inner: f64 =
                entries.iter().zip(one.iter().zip(other)).map(|(entry, (a, b))| entry * (a - b)).sum();
            variance += gap * inner;
        }
    }
    root(variance)
}

/// Root of a variance; rounding may leave one a little below zero.
fn root(variance: f64) -> Result<f64, DynamicError> {
    if variance < -1e-12 || variance.is_nan() {
        Err(DynamicError::Variance(variance))
    } else {
        Ok(variance.max(0.0).sqrt())
    }
}

/// The greedy search.
struct Search<'a> {
    assets: &'a [DynamicAsset],
    covariance: &'a [f64],
    prior: Option<&'a [f64]>,
    shadow_cost: f64,
    /// Where it stands.
    weights: Vec<f64>,
    /// `weights - optimal`, and the covariance times that.
    gap: Vec<f64>,
    pull: Vec<f64>,
    /// One contract in the asset's direction; 0 where it may not move any more.
    step: Vec<f64>,
    bounds: Vec<(f64, f64)>,
    variance: f64,
    cost: f64,
}

impl<'a> Search<'a> {
    fn new(
        assets: &'a [DynamicAsset],
        covariance: &'a [f64],
        optimal: &[f64],
        prior: Option<&'a [f64]>,
        shadow_cost: f64,
    ) -> Result<Self, DynamicError> {
        let bounds: Vec<(f64, f64)> = assets
            .iter()
            .enumerate()
            .map(|(place, one)| bounds(one, prior.map(|prior| prior[place])))
            .collect();
        let weights: Vec<f64> = bounds.iter().map(|&(low, high)| start(low, high)).collect();
        let gap: Vec<f64> = weights.iter().zip(optimal).map(|(weight, optimal)| weight - optimal).collect();
        let step = (0..assets.len())
            .map(|place| direction(bounds[place], optimal[place]) * assets[place].value_per_contract.abs())
            .collect();
        let pull: Vec<f64> = covariance
            .chunks_exact(assets.len().max(1))
            .map(|entries| entries.iter().zip(&gap).map(|(entry, gap)| entry * gap).sum())
            .collect();
        let variance = gap.iter().zip(&pull).map(|(gap, pull)| gap * pull).sum();
        let mut search = Self {
            assets,
            covariance,
            prior,
            shadow_cost,
            weights,
            gap,
            pull,
            step,
            bounds,
            variance,
            cost: 0.0,
        };
        search.cost = (0..assets.len()).map(|place| search.cost_at(place, search.weights[place])).sum();
        root(search.variance)?;
        Ok(search)
    }

    /// What holding a weight of one asset costs to get to, in units of tracking error.
    fn cost_at(&self, place: usize, weight: f64) -> f64 {
        self.prior
            .map_or(0.0, |prior| (self.shadow_cost * self.assets[place].cost * (weight - prior[place])).abs())
    }

    fn run(&mut self) -> Result<(), DynamicError> {
        let mut best = root(self.variance)? + self.cost;
        for _ in 0..STEPS_MAX {
            let mut found: Option<(usize, f64)> = None;
            for place in 0..self.assets.len() {
                if let Some(value) = self.value_after(place)?
                    && value < found.map_or(best, |(_, value)| value)
                {
                    found = Some((place, value));
                }
            }
            let Some((place, value)) = found else { break };
            self.take(place);
            best = value;
        }
        Ok(())
    }

    /// The objective after one more contract of an asset; none where it may not move, and then never again.
    fn value_after(&mut self, place: usize) -> Result<Option<f64>, DynamicError> {
        let step = self.step[place];
        if step == 0.0 {
            return Ok(None);
        }
        let (low, high) = self.bounds[place];
        let next = self.weights[place] + step;
        let slack = step.abs() * STEP_SLACK;
        if next > high + slack || next < low - slack {
            self.step[place] = 0.0;
            return Ok(None);
        }
        let own = self.covariance[place * self.assets.len() + place];
        let variance = self.variance + step * (2.0 * self.pull[place] + step * own);
        let cost = self.cost - self.cost_at(place, self.weights[place]) + self.cost_at(place, next);
        Ok(Some(root(variance)? + cost))
    }

    fn take(&mut self, place: usize) {
        let step = self.step[place];
        self.cost -= self.cost_at(place, self.weights[place]);
        self.weights[place] += step;
        self.cost += self.cost_at(place, self.weights[place]);
        self.gap[place] += step;
        let count = self.assets.len();
        for (row, pull) in self.pull.iter_mut().enumerate() {
            *pull += self.covariance[row * count + place] * step;
        }
        self.variance = self.gap.iter().zip(&self.pull).map(|(gap, pull)| gap * pull).sum();
    }
}

/// Least and greatest weight of an asset.
fn bounds(asset: &DynamicAsset, prior: Option<f64>) -> (f64, f64) {
    let (mut low, mut high) = (-WEIGHT_MAX, WEIGHT_MAX);
    if asset.is_long_only {
        low = 0.0;
    }
    if asset.is_untradable {
        let held = prior.unwrap_or(0.0);
        return (held, held);
    }
    if let Some(held) = prior.filter(|_| asset.is_reduce_only) {
        (low, high) =
            if held > 0.0 { (low.max(0.0), high.min(held)) } else { (low.max(held), high.min(0.0)) };
    }
    if let Some(most) = asset.max_contracts.map(|most| most * asset.value_per_contract.abs()) {
        (low, high) = (low.max(-most), high.min(most));
    }
    (low, high)
}

/// Where the search begins: flat, or as near to it as the bounds allow.
fn start(low: f64, high: f64) -> f64 {
    if low == high || low > 0.0 {
        low
    } else if high < 0.0 {
        high
    } else {
        0.0
    }
}

/// Up where it may not be short, down where it may not be long, else towards the wanted weight.
fn direction((low, high): (f64, f64), optimal: f64) -> f64 {
    if low >= 0.0 {
        1.0
    } else if high <= 0.0 {
        -1.0
    } else if optimal == 0.0 {
        0.0
    } else {
        optimal.signum()
    }
}

/// Annual covariance of returns as fractions.
///
/// - `annual_vol`: `[assets]`, fractions a year.
/// - `correlation`: `[assets x assets]`.
/// - `shrinkage`: share by which correlations are pulled to 0.
pub fn covariance(annual_vol: &[f64], correlation: &[f64], shrinkage: f64) -> Vec<f64> {
    let count = annual_vol.len();
    let mut entries = correlation.to_vec();
    for (place, entry) in entries.iter_mut().enumerate() {
        let (row, column) = (place / count.max(1), place % count.max(1));
        let kept = if row == column { 1.0 } else { *entry * (1.0 - shrinkage) };
        *entry = kept * annual_vol[row] * annual_vol[column];
    }
    entries
}

/// Cost of trading a weight of one, as a fraction of capital.
///
/// - `contract_cost`: of one contract today, money of the account.
/// - `value_per_contract`: weight of one contract today.
/// - `deflator`: of the day that is decided on, see [`midnight_deflator`].
pub fn cost_of_weight(contract_cost: f64, value_per_contract: f64, capital: f64, deflator: f64) -> f64 {
    contract_cost / value_per_contract.abs() / capital * deflator
}

/// What costs are multiplied by while nothing is known of volatility: nothing is traded.
const DEFLATOR_UNKNOWN: f64 = 10_000.0;

/// What today's costs are multiplied by to be those of another day: the [`crate::account::deflator`] of the price as it stood
/// at each day's midnight, so that a close stamped 23:00 counts to the next day. Where nothing is known it is 10,000.
///
/// - `at_ns`, `prices`: `[rows]`, stamped prices, rising in time; a row without a price hides the one before it.
/// - `first`, `days`: business days wanted; rows before the first are not looked at.
pub fn midnight_deflator(at_ns: &[i64], prices: &[f64], first: BusinessDay, days: usize) -> Series {
    let mut rows = at_ns.iter().zip(prices).skip_while(|(at, _)| **at < first.start_ns()).peekable();
    let mut last = f64::NAN;
    let values = (first.0..)
        .take(days)
        .map(|number| {
            let midnight = BusinessDay(number).start_ns();
            while let Some((_, price)) = rows.next_if(|(at, _)| **at <= midnight) {
                last = *price;
            }
            last
        })
        .collect();
    let mut level = deflator(&Series { first, values });
    for value in level.values.iter_mut().filter(|value| value.is_nan()) {
        *value = DEFLATOR_UNKNOWN;
    }
    level
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FREE: SpeedControl = SpeedControl { shadow_cost: 0.0, tracking_error_buffer: 0.0 };

    fn asset(optimal: f64, value_per_contract: f64) -> DynamicAsset {
        DynamicAsset { optimal, value_per_contract, ..DynamicAsset::default() }
    }

    #[test]
    fn uncorrelated_assets_are_rounded_each_alone() {
        let assets = [asset(2.4, 0.1), asset(-1.6, 0.2), asset(0.3, 0.05)];
        let covariance = covariance(&[0.1, 0.2, 0.3], &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], 0.5);
        let outcome = optimise(&assets, &covariance, None, &FREE).unwrap();
        assert_eq!(outcome.contracts, [2.0, -2.0, 0.0]);
    }

    #[test]
    fn a_twin_that_is_tradable_stands_in() {
        // Two assets that move as one: what the large contract cannot hold, the small one does.
        let assets = [asset(0.4, 1.0), asset(0.0001, 0.1)];
        let covariance = covariance(&[0.2, 0.2], &[1.0, 0.9999, 0.9999, 1.0], 0.0);
        assert_eq!(optimise(&assets, &covariance, None, &FREE).unwrap().contracts, [0.0, 4.0]);
    }

    #[test]
    fn limits_hold_and_a_close_portfolio_is_kept() {
        let covariance = covariance(&[0.2, 0.2], &[1.0, 0.0, 0.0, 1.0], 0.0);
        let held = [3.0, -2.0];
        let pinned = [DynamicAsset { is_untradable: true, ..asset(9.0, 0.1) }, asset(-5.0, 0.1)];
        assert_eq!(optimise(&pinned, &covariance, Some(&held), &FREE).unwrap().contracts, [3.0, -5.0]);
        let reducing = [DynamicAsset { is_reduce_only: true, ..asset(9.0, 0.1) }, asset(4.0, 0.1)];
        assert_eq!(optimise(&reducing, &covariance, Some(&held), &FREE).unwrap().contracts, [3.0, 4.0]);
        let buffered = SpeedControl { tracking_error_buffer: 1.0, ..FREE };
        assert_eq!(optimise(&pinned, &covariance, Some(&held), &buffered).unwrap().contracts, held);
        let long = [DynamicAsset { is_long_only: true, ..asset(-4.0, 0.1) }, asset(2.0, 0.1)];
        assert_eq!(optimise(&long, &covariance, None, &FREE).unwrap().contracts, [0.0, 2.0]);
        let bounded = [DynamicAsset { max_contracts: Some(6.0), ..asset(9.0, 0.1) }, asset(0.0, 0.1)];
        assert_eq!(optimise(&bounded, &covariance, None, &FREE).unwrap().contracts, [6.0, 0.0]);
    }

    #[test]
    fn unsound_numbers_are_refused_by_name() {
        let error = optimise(&[asset(f64::NAN, 0.1)], &[0.04], None, &FREE).unwrap_err();
        assert_eq!(error.to_string(), "asset 0: the wanted position is NaN");
        assert!(optimise(&[asset(1.0, 0.0)], &[0.04], None, &FREE).is_err());
        let error = optimise(&[asset(1.0, 0.1)], &[], None, &FREE).unwrap_err();
        assert_eq!(error.to_string(), "covariance has 0 entries for 1 wanted");
    }

    proptest! {
        #[test]
        fn the_search_ends_where_no_contract_more_helps(
            wanted in prop::collection::vec((-8.0..8.0f64, 0.01..0.3f64, 0.05..0.6f64), 2..6),
            common in 0.0..0.9f64,
        ) {
            let count = wanted.len();
            let vols: Vec<f64> = wanted.iter().map(|one| one.2).collect();
            let correlation: Vec<f64> = (0..count * count).map(|place| if place % (count + 1) == 0 { 1.0 } else { common }).collect();
            let covariance = covariance(&vols, &correlation, 0.0);
            let assets: Vec<_> = wanted.iter().map(|one| asset(one.0, one.1)).collect();
            let outcome = optimise(&assets, &covariance, None, &FREE).unwrap();
            let optimal: Vec<f64> = assets.iter().map(|one| one.optimal * one.value_per_contract).collect();
            let weights = |contracts: &[f64]| -> Vec<f64> {
                contracts.iter().zip(&assets).map(|(contracts, one)| contracts * one.value_per_contract).collect()
            };
            let error = |contracts: &[f64]| tracking_error(&weights(contracts), &optimal, &covariance).unwrap();
            let reached = error(&outcome.contracts);
            prop_assert!(reached <= error(&vec![0.0; count]) + 1e-12);
            for place in 0..count {
                let mut more = outcome.contracts.clone();
                more[place] += assets[place].optimal.signum();
                prop_assert!(error(&more) >= reached - 1e-9);
            }
        }
    }
}
