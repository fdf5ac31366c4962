//! Weights of assets from means, deviations and correlations: long only.
//!
//! | method | weights |
//! | --- | --- |
//! | equal | one share each |
//! | one period | greatest Sharpe ratio |
//! | shrinkage | the same from correlations pulled to their average and Sharpe ratios pulled to a target |
//! | bootstrap | mean of the weights of resampled pasts ([`super::bootstrap`]) |
//! | hierarchical risk parity | a tree by correlation, weights shared out from its top ([`super::hierarchy`]) |
//! | mean variance | means against variances within caps ([`super::mean_variance`]) |
//! | risk parity | each contributes the same risk ([`super::risk_parity`]) |
//! | Black and Litterman | a plain portfolio bent by views ([`super::black_litterman`]) |
//! | Bayes Sharpe | one period from Sharpe ratios between measurement and prior ([`super::bayes`]) |
//! | handcraft | halves of halves: clusters by correlation, each half times its own diversification multiplier; then what a Sharpe ratio above or below the average is worth, given how long it was measured |
//!
//! The greatest Sharpe ratio is found exactly, by an active set; the reference's search stops at a tolerance of 1e-5, so that
//! weights agree to about a hundredth and the ratio itself to 1e-5.
//!
//! Source: R. Carver, *Systematic Trading* (2015), chapter 4; his "Portfolio construction through handcrafting" (2018);
//! conventions of pysystemtrade 1.80.

use serde::{Deserialize, Serialize};
use tickrace_stats::normal;

use super::bayes::{SharpePrior, posterior};
use super::black_litterman::{self, BlackLittermanTerms};
use super::bootstrap::{self, BootstrapTerms};
use super::correlation::Matrix;
use super::hierarchy::{self, HierarchyTerms};
use super::mean_variance::{self, MeanVarianceTerms, Objective};
use super::multiplier::diversification;
use super::past::{Past, ROWS_MIN};
use super::risk_parity::{self, RiskParityTerms};
use crate::config::ConfigError;

/// How weights are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// One share each.
    EqualWeights,
    /// Greatest Sharpe ratio.
    OnePeriod,
    /// The same after shrinkage.
    Shrinkage,
    /// Clusters and rules of thumb.
    #[default]
    Handcraft,
    /// Mean of the weights of resampled pasts.
    Bootstrap,
    /// A tree by correlation, weights shared out from its top.
    HierarchicalRiskParity,
    /// Means against variances, with constraints.
    MeanVariance,
    /// Each contributes the same risk.
    RiskParity,
    /// A plain portfolio bent by views.
    BlackLitterman,
    /// Greatest Sharpe ratio, of ratios between measurement and prior.
    BayesSharpe,
}

/// Where correlations and deviations come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Covariance {
    /// As estimated.
    #[default]
    Estimated,
    /// Of the weeks on which all assets have a value, shrunk as far as the sample recommends (Ledoit and Wolf 2004).
    LedoitWolf,
}

/// Terms of a method, in the words of the reference where it has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimiserConfig {
    /// How weights are found.
    pub method: Method,
    /// Whether all assets count with one deviation.
    pub equalise_vols: bool,
    /// Whether all assets count with one Sharpe ratio.
    #[serde(rename = "equalise_SR")]
    pub equalise_sr: bool,
    /// That Sharpe ratio, a year.
    #[serde(rename = "ann_target_SR")]
    pub ann_target_sr: f64,
    /// Share of the target that each Sharpe ratio becomes.
    #[serde(rename = "shrinkage_SR")]
    pub shrinkage_sr: f64,
    /// Share of the average that each correlation becomes.
    pub shrinkage_corr: f64,
    /// Where correlations and deviations come from.
    pub covariance: Covariance,
    /// What is believed of every Sharpe ratio before it is measured; means count as measured where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sharpe_prior: Option<SharpePrior>,
    /// Terms of `bootstrap`.
    pub bootstrap: BootstrapTerms,
    /// Terms of `hierarchical_risk_parity`.
    pub hierarchy: HierarchyTerms,
    /// Terms of `mean_variance`, and of the optimum of `black_litterman`.
    pub mean_variance: MeanVarianceTerms,
    /// Terms of `risk_parity`.
    pub risk_parity: RiskParityTerms,
    /// Terms of `black_litterman`.
    pub black_litterman: BlackLittermanTerms,
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self {
            method: Method::Handcraft,
            equalise_vols: true,
            equalise_sr: false,
            ann_target_sr: 0.5,
            shrinkage_sr: 0.9,
            shrinkage_corr: 0.5,
            covariance: Covariance::Estimated,
            sharpe_prior: None,
            bootstrap: BootstrapTerms::default(),
            hierarchy: HierarchyTerms::default(),
            mean_variance: MeanVarianceTerms::default(),
            risk_parity: RiskParityTerms::default(),
            black_litterman: BlackLittermanTerms::default(),
        }
    }
}

impl OptimiserConfig {
    /// Refuses what makes no weights.
    ///
    /// - `key`: where the terms stand. `names`: what is weighed.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key and what would be right.
    pub fn check(&self, key: &str, names: &[String]) -> Result<(), ConfigError> {
        let fail = |word: &str, fault: &str| {
            Err(ConfigError { key: format!("{key}.{word}"), fault: fault.to_owned() })
        };
        let is_above = |value: f64| value.is_finite() && value > 0.0;
        if self.sharpe_prior.is_some_and(|prior| !prior.mean.is_finite() || !is_above(prior.deviation)) {
            return fail("sharpe_prior", "the deviation must be above zero, the mean a number");
        }
        if self.method == Method::BayesSharpe && self.sharpe_prior.is_none() {
            return fail("sharpe_prior", "bayes_sharpe needs one, e.g. { mean = 0.3, deviation = 0.3 }");
        }
        if !(1..=100_000).contains(&self.bootstrap.runs) {
            return fail("bootstrap.runs", "must be from 1 to 100000");
        }
        if self.bootstrap.block_mean_weeks.is_some_and(|weeks| !(weeks.is_finite() && weeks >= 1.0)) {
            return fail("bootstrap.block_mean_weeks", "must be 1 or above");
        }
        if self.bootstrap.inner == Method::Bootstrap {
            return fail("bootstrap.inner", "must be another method");
        }
        let uses = |method: Method| {
            self.method == method || (self.method == Method::Bootstrap && self.bootstrap.inner == method)
        };
        let terms = &self.mean_variance;
        if uses(Method::MeanVariance) || uses(Method::BlackLitterman) {
            if terms.objective == Objective::Utility && !terms.risk_aversion.is_some_and(is_above) {
                return fail("mean_variance.risk_aversion", "utility needs one above zero");
            }
            if terms.objective == Objective::TargetRisk && !terms.target_risk.is_some_and(is_above) {
                return fail("mean_variance.target_risk", "target_risk needs one above zero");
            }
            if !(terms.turnover_penalty.is_finite() && terms.turnover_penalty >= 0.0) {
                return fail("mean_variance.turnover_penalty", "must be zero or above");
            }
            if terms.turnover_penalty > 0.0 && terms.objective == Objective::MaxSharpe {
                return fail(
                    "mean_variance.turnover_penalty",
                    "goes with utility, target_risk or min_variance",
                );
            }
        }
        let caps = terms.weight_max.iter().chain(terms.weights_max.values());
        if !caps.chain(terms.groups.iter().map(|group| &group.weight_max)).all(|cap| is_above(*cap)) {
            return fail("mean_variance", "a cap on a weight or a group must be above zero");
        }
        let prior = self.black_litterman.prior_weights.values();
        let shares = self.risk_parity.budgets.values();
        if !shares.copied().all(is_above) {
            return fail("risk_parity.budgets", "must be above zero");
        }
        if prior.clone().any(|weight| !(weight.is_finite() && *weight >= 0.0))
            || (prior.len() > 0 && prior.sum::<f64>() <= 0.0)
        {
            return fail("black_litterman.prior_weights", "must be zero or above, one of them above");
        }
        if !is_above(self.black_litterman.tau) {
            return fail("black_litterman.tau", "must be above zero");
        }
        for view in &self.black_litterman.views {
            let is_sound = view.mean.is_finite() && view.confidence > 0.0 && view.confidence <= 1.0;
            let is_some = view.assets.values().all(|weight| weight.is_finite())
                && view.assets.values().any(|weight| *weight != 0.0);
            if !is_sound || !is_some {
                return fail(
                    "black_litterman.views",
                    "a view needs assets with weights, a mean, and a confidence above 0 to 1",
                );
            }
        }
        let views = self.black_litterman.views.iter().flat_map(|view| view.assets.keys());
        let groups = terms.groups.iter().flat_map(|group| &group.members);
        for (word, named) in [
            ("mean_variance.weights_max", terms.weights_max.keys().collect::<Vec<_>>()),
            ("mean_variance.groups", groups.collect()),
            ("risk_parity.budgets", self.risk_parity.budgets.keys().collect()),
            ("black_litterman.prior_weights", self.black_litterman.prior_weights.keys().collect()),
            ("black_litterman.views", views.collect()),
        ] {
            if let Some(unknown) = named.into_iter().find(|name| !names.contains(name)) {
                let there = names.join(" ");
                return fail(word, &format!("there is no {unknown} to weigh; there are: {there}"));
            }
        }
        Ok(())
    }
}

/// Most that a part of a handcrafted portfolio is scaled up by.
const MULTIPLIER_MAX: f64 = 2.5;
/// Deviation and Sharpe ratio of the two assets a Sharpe ratio is judged with.
const JUDGED_DEVIATION: f64 = 0.15;
const JUDGED_SHARPE: f64 = 0.5;

/// What is known of some assets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimates {
    /// Means a year.
    pub means: Vec<f64>,
    /// Deviations a year.
    pub deviations: Vec<f64>,
    /// Correlations.
    pub correlation: Matrix,
    /// Years they were measured over.
    pub years: f64,
}

impl Estimates {
    /// Whether everything is known of an asset.
    fn is_known(&self, asset: usize) -> bool {
        let size = self.means.len();
        let others = (0..size).filter(|other| *other != asset);
        !self.means[asset].is_nan()
            && !self.deviations[asset].is_nan()
            && (size == 1 || others.clone().any(|other| !self.correlation.at(asset, other).is_nan()))
    }

    /// Correlations without gaps, an unknown one being the average of the others, pulled to the identity until the matrix is
    /// positive definite; one that is already is not touched.
    pub(super) fn positive(&self) -> Matrix {
        let size = self.correlation.size;
        let average = self.correlation.average();
        let average = if average.is_nan() { 0.0 } else { average };
        let mut matrix = self.correlation.clone();
        matrix.values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = average);
        let mut share = 1e-6;
        while mean_variance::cholesky(&matrix.values, size).is_none() && share < 1.0 {
            for (place, value) in matrix.values.iter_mut().enumerate() {
                *value = if place % (size + 1) == 0 { 1.0 } else { *value * (1.0 - share) };
            }
            share *= 2.0;
        }
        matrix
    }

    fn part(&self, assets: &[usize]) -> Self {
        let values =
            assets.iter().flat_map(|row| assets.iter().map(|column| self.correlation.at(*row, *column)));
        Self {
            means: assets.iter().map(|asset| self.means[*asset]).collect(),
            deviations: assets.iter().map(|asset| self.deviations[*asset]).collect(),
            correlation: Matrix { size: assets.len(), values: values.collect() },
            years: self.years,
        }
    }
}

/// Weights by a method from estimates alone; NaN for an asset of which something is not known. A method that needs the rows
/// they were made from knows nothing.
pub fn weights(estimates: &Estimates, config: &OptimiserConfig) -> Vec<f64> {
    weights_of_past(estimates, &Past::default(), config)
}

/// Weights by a method; NaN for an asset of which something is not known.
///
/// - `past`: the rows of the window, which end before the weights are used.
pub fn weights_of_past(estimates: &Estimates, past: &Past<'_>, config: &OptimiserConfig) -> Vec<f64> {
    if config.method == Method::Bootstrap {
        return bootstrap::weights(past, estimates.means.len(), config);
    }
    weights_from(estimates, past, config)
}

pub(super) fn weights_from(estimates: &Estimates, past: &Past<'_>, config: &OptimiserConfig) -> Vec<f64> {
    let size = estimates.means.len();
    let known: Vec<usize> = (0..size).filter(|asset| estimates.is_known(*asset)).collect();
    let mut all = vec![f64::NAN; size];
    let own = known_weights(estimates.part(&known), &past.part(&known), config);
    for (asset, weight) in known.iter().zip(own) {
        all[*asset] = weight;
    }
    all
}

fn known_weights(mut estimates: Estimates, past: &Past<'_>, config: &OptimiserConfig) -> Vec<f64> {
    let size = estimates.means.len();
    let measured = estimates.deviations.clone();
    if config.equalise_vols {
        let mean = estimates.deviations.iter().sum::<f64>() / size.max(1) as f64;
        for (value, deviation) in estimates.means.iter_mut().zip(&mut estimates.deviations) {
            *value *= mean / *deviation;
            *deviation = mean;
        }
    }
    if config.equalise_sr {
        for (mean, deviation) in estimates.means.iter_mut().zip(&estimates.deviations) {
            *mean = config.ann_target_sr * deviation;
        }
    }
    if let Some(prior) = &config.sharpe_prior {
        for (asset, mean) in estimates.means.iter_mut().enumerate() {
            let deviation = estimates.deviations[asset];
            let years = past.years(asset).unwrap_or(estimates.years);
            *mean = posterior(*mean / deviation, years, prior).0 * deviation;
        }
    }
    if config.covariance == Covariance::LedoitWolf {
        shrunk(&mut estimates, past, &measured, config.equalise_vols);
    }
    if size == 0 {
        return Vec::new();
    }
    match config.method {
        Method::EqualWeights => vec![1.0 / size as f64; size],
        Method::OnePeriod | Method::BayesSharpe => greatest_sharpe(&estimates),
        Method::Shrinkage => {
            let average = Matrix::uniform(size, estimates.correlation.average());
            let share = config.shrinkage_corr;
            for (value, average) in estimates.correlation.values.iter_mut().zip(average.values) {
                *value = *value * (1.0 - share) + average * share;
            }
            let share = config.shrinkage_sr;
            for (mean, deviation) in estimates.means.iter_mut().zip(&estimates.deviations) {
                *mean = *mean * (1.0 - share) + config.ann_target_sr * deviation * share;
            }
            greatest_sharpe(&estimates)
        }
        Method::Handcraft => handcraft(&estimates, config.equalise_sr),
        Method::HierarchicalRiskParity => {
            estimates.correlation = estimates.positive();
            hierarchy::weights(&estimates, &config.hierarchy)
        }
        Method::MeanVariance => mean_variance::weights(&estimates, past, &config.mean_variance),
        Method::RiskParity => risk_parity::weights(&estimates, past, &config.risk_parity),
        Method::BlackLitterman => {
            let bent = black_litterman::bent(&estimates, past, &config.black_litterman, config.ann_target_sr);
            mean_variance::weights(&bent, past, &config.mean_variance)
        }
        // Refused by `check`: a bootstrap of bootstraps has no rows of its own.
        Method::Bootstrap => vec![f64::NAN; size],
    }
}

/// Correlations, and deviations unless they are all one, of the shrunk covariance of complete rows; as they were where there
/// are too few.
///
/// - `measured`: deviations before they were made equal.
fn shrunk(estimates: &mut Estimates, past: &Past<'_>, measured: &[f64], is_equal: bool) {
    let size = measured.len();
    if past.columns.len() != size || size < 2 {
        return;
    }
    let scales: Vec<f64> =
        estimates.deviations.iter().zip(measured).map(|(now, measured)| now / measured).collect();
    let rows = past.complete_rows(&scales);
    let (mut means, mut covariance) = (vec![0.0; size], vec![0.0; size * size]);
    if rows.len() < ROWS_MIN * size
        || tickrace_stats::ledoit_wolf(&rows, size, &mut means, &mut covariance).is_err()
    {
        return;
    }
    let deviation = |asset: usize| covariance[asset * size + asset].sqrt();
    if !(0..size).all(|asset| deviation(asset) > 0.0) {
        return;
    }
    for (place, (own, covariance)) in estimates.correlation.values.iter_mut().zip(&covariance).enumerate() {
        let (row, column) = (place / size, place % size);
        *own = if row == column { 1.0 } else { covariance / (deviation(row) * deviation(column)) };
    }
    if !is_equal {
        for (asset, own) in estimates.deviations.iter_mut().enumerate() {
            *own = deviation(asset) * past.rows_per_year.sqrt();
        }
    }
}

/// Weights of the greatest Sharpe ratio, none below zero, of sum 1.
///
/// Where some mean is above zero they are those of `max m'y - y'Sy/2` over `y >= 0`, scaled: both have the same conditions.
/// Otherwise the ratio of a sum to a deviation is greatest in one asset alone.
pub fn greatest_sharpe(estimates: &Estimates) -> Vec<f64> {
    let size = estimates.means.len();
    let deviations = &estimates.deviations;
    let ratio = |asset: usize| estimates.means[asset] / deviations[asset];
    if size == 0 {
        return Vec::new();
    }
    if (0..size).all(|asset| ratio(asset) <= 0.0) {
        let best = (0..size).max_by(|one, other| ratio(*one).total_cmp(&ratio(*other))).unwrap_or(0);
        return (0..size).map(|asset| f64::from(asset == best)).collect();
    }
    // In units of risk, where every variance is 1.
    let ratios: Vec<f64> = (0..size).map(ratio).collect();
    let risk = non_negative(&ratios, &estimates.correlation);
    let money: Vec<f64> = risk.iter().zip(deviations).map(|(risk, deviation)| risk / deviation).collect();
    let sum: f64 = money.iter().sum();
    money.iter().map(|weight| weight / sum).collect()
}

/// `argmax g'y - y'Cy/2` over `y >= 0`: Lawson and Hanson's active set, with ties broken by the first.
fn non_negative(gain: &[f64], matrix: &Matrix) -> Vec<f64> {
    let size = gain.len();
    let (mut y, mut free) = (vec![0.0; size], Vec::<usize>::new());
    for _ in 0..10 * size.max(1) {
        let slope = |asset: usize| {
            gain[asset] - (0..size).map(|other| matrix.at(asset, other) * y[other]).sum::<f64>()
        };
        let best = (0..size)
            .filter(|asset| !free.contains(asset))
            .max_by(|one, other| slope(*one).total_cmp(&slope(*other)));
        match best {
            Some(asset) if slope(asset) > 1e-12 => free.push(asset),
            _ => break,
        }
        loop {
            let Some(wanted) = solved(gain, matrix, &free) else {
                // Two assets that are one: the newer adds nothing.
                free.pop();
                break;
            };
            if wanted.iter().all(|value| *value > 0.0) {
                y.fill(0.0);
                for (asset, value) in free.iter().zip(wanted) {
                    y[*asset] = value;
                }
                break;
            }
            // As far towards the wanted point as all stay above zero; who gets there leaves.
            let mut step = 1.0_f64;
            for (asset, value) in free.iter().zip(&wanted) {
                if *value <= 0.0 {
                    step = step.min(y[*asset] / (y[*asset] - value));
                }
            }
            for (asset, value) in free.iter().zip(&wanted) {
                y[*asset] += step * (value - y[*asset]);
            }
            free.retain(|asset| y[*asset] > 1e-14);
            for (asset, value) in y.iter_mut().enumerate() {
                if !free.contains(&asset) {
                    *value = 0.0;
                }
            }
        }
    }
    y
}

/// Solves the rows and columns of some assets by Cholesky's method; none where they are not independent.
fn solved(gain: &[f64], matrix: &Matrix, assets: &[usize]) -> Option<Vec<f64>> {
    let mut values: Vec<f64> =
        assets.iter().flat_map(|row| assets.iter().map(|column| matrix.at(*row, *column))).collect();
    let mut right: Vec<f64> = assets.iter().map(|asset| gain[*asset]).collect();
    tickrace_stats::solve_positive(&mut values, &mut right).ok().map(|()| right)
}

/// Handcrafted weights; with equal Sharpe ratios they are not brought to a sum of 1.
fn handcraft(estimates: &Estimates, is_equal_sharpe: bool) -> Vec<f64> {
    let size = estimates.means.len();
    let all: Vec<usize> = (0..size).collect();
    let mut weights = vec![0.0; size];
    for (asset, weight) in all.iter().zip(halves(&estimates.correlation, &all)) {
        weights[*asset] = weight;
    }
    if is_equal_sharpe {
        return weights;
    }
    let ratio = |asset: usize| estimates.means[asset] / estimates.deviations[asset];
    let mean = (0..size).map(ratio).sum::<f64>() / size.max(1) as f64;
    let average = if size > 1 { estimates.correlation.average() } else { 0.0 };
    for (asset, weight) in weights.iter_mut().enumerate() {
        *weight *= sharpe_multiplier(ratio(asset) - mean, average, estimates.years);
    }
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// Weights of some assets, in their order: two halves, each times its own multiplier.
fn halves(correlation: &Matrix, assets: &[usize]) -> Vec<f64> {
    if assets.len() <= 2 {
        return vec![1.0 / assets.len().max(1) as f64; assets.len()];
    }
    let part = |assets: &[usize]| Matrix {
        size: assets.len(),
        values: assets
            .iter()
            .flat_map(|row| assets.iter().map(|column| correlation.at(*row, *column)))
            .collect(),
    };
    let groups = two_clusters(&part(assets));
    let mut weights = vec![0.0; assets.len()];
    for places in groups {
        let own: Vec<usize> = places.iter().map(|place| assets[*place]).collect();
        let inner = halves(correlation, &own);
        let multiplier = diversification(&inner, &part(&own), MULTIPLIER_MAX);
        for (place, weight) in places.iter().zip(inner) {
            weights[*place] = weight * multiplier / 2.0;
        }
    }
    weights
}

/// Two clusters by complete linkage on the distances between rows of a correlation matrix.
pub fn two_clusters(correlation: &Matrix) -> [Vec<usize>; 2] {
    let size = correlation.size;
    let distance = |one: usize, other: usize| -> f64 {
        let squares = (0..size).map(|column| correlation.at(one, column) - correlation.at(other, column));
        squares.map(|gap| gap * gap).sum::<f64>().sqrt()
    };
    let mut clusters: Vec<Vec<usize>> = (0..size).map(|asset| vec![asset]).collect();
    while clusters.len() > 2 {
        let mut best = (f64::INFINITY, 0, 1);
        for left in 0..clusters.len() {
            for right in left + 1..clusters.len() {
                let pairs = clusters[left]
                    .iter()
                    .flat_map(|one| clusters[right].iter().map(move |other| (*one, *other)));
                let farthest = pairs.map(|(one, other)| distance(one, other)).fold(0.0, f64::max);
                if farthest < best.0 {
                    best = (farthest, left, right);
                }
            }
        }
        let gone = clusters.remove(best.2);
        clusters[best.1].extend(gone);
    }
    clusters.iter_mut().for_each(|cluster| cluster.sort_unstable());
    let mut clusters = clusters.into_iter();
    [clusters.next().unwrap_or_default(), clusters.next().unwrap_or_default()]
}

/// What a Sharpe ratio above or below the average is worth: the mean weight, over what the difference may truly be, of one
/// asset beside another of average Sharpe ratio, over a half. 1 where that points the wrong way.
///
/// - `relative`: ratio less the average. `correlation`: average. `years`: measured over.
pub fn sharpe_multiplier(relative: f64, correlation: f64, years: f64) -> f64 {
    if relative == 0.0 {
        return 1.0;
    }
    let average = JUDGED_SHARPE * JUDGED_DEVIATION;
    let one = JUDGED_DEVIATION / years.sqrt();
    let error = (2.0 * one * one * (1.0 - correlation)).max(0.0).sqrt();
    let weight = |share: f64| {
        let difference = relative * JUDGED_DEVIATION + error * normal::quantile(share);
        two_assets(average + difference, average, correlation)
    };
    let mean = [0.2, 0.4, 0.6, 0.8].map(weight).iter().sum::<f64>() / 4.0;
    let worth = mean / 0.5;
    if (worth - 1.0) * relative < 0.0 { 1.0 } else { worth }
}

/// Weight of the first of two assets of one deviation at the greatest Sharpe ratio.
fn two_assets(first: f64, second: f64, correlation: f64) -> f64 {
    let (own, other) = (first - correlation * second, second - correlation * first);
    if own <= 0.0 {
        0.0
    } else if other <= 0.0 {
        1.0
    } else {
        own / (own + other)
    }
}

/// Correlation and years with which costs are judged: they are all but certain.
const COST_CORRELATION: f64 = 0.5;
const COST_YEARS: f64 = 100.0;

/// Weights moved from assets that cost more than the average to those that cost less, by what the difference of their Sharpe
/// ratios is worth; of sum 1.
///
/// - `costs`: what each takes off a Sharpe ratio in a year, zero or above.
pub fn moved_by_costs(weights: &[f64], costs: &[f64]) -> Vec<f64> {
    if weights.len() < 2 {
        return weights.to_vec();
    }
    let known = || costs.iter().filter(|cost| !cost.is_nan());
    let mean = known().sum::<f64>() / known().count() as f64;
    let moved = weights
        .iter()
        .zip(costs)
        .map(|(weight, cost)| weight * sharpe_multiplier(mean - cost, COST_CORRELATION, COST_YEARS));
    let moved: Vec<f64> = moved.collect();
    let sum: f64 = moved.iter().sum();
    moved.iter().map(|weight| weight / sum).collect()
}

/// Weights with what is not known filled: where such assets have data in the window, they share half of what their number
/// would be due, and all are brought to a sum of 1; others get nothing.
///
/// - `has_data`: by asset, in the window of the fit.
pub fn filled(weights: &[f64], has_data: &[bool]) -> Vec<f64> {
    let missing: Vec<usize> =
        (0..weights.len()).filter(|asset| weights[*asset].is_nan() && has_data[*asset]).collect();
    let others = weights.iter().filter(|weight| !weight.is_nan()).count();
    if others == 0 {
        // Nothing is known of any: no weights.
        return weights.to_vec();
    }
    if missing.is_empty() {
        return weights.iter().map(|weight| if weight.is_nan() { 0.0 } else { *weight }).collect();
    }
    let share = 0.5 * missing.len() as f64 / (others + missing.len()) as f64;
    let weight = |asset: usize| {
        if missing.contains(&asset) {
            share / missing.len() as f64
        } else if weights[asset].is_nan() {
            0.0
        } else {
            weights[asset] * (1.0 - share)
        }
    };
    let all: Vec<f64> = (0..weights.len()).map(weight).collect();
    let sum: f64 = all.iter().sum();
    all.iter().map(|weight| weight / sum).collect()
}
