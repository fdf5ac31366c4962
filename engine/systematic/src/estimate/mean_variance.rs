//! Means against variances, with constraints: long only, caps on assets and groups, a target risk, a price for turnover.
//!
//! Everything is in units of the assets' average deviation, so that terms mean the same for any capital: with equal deviations a
//! mean is a Sharpe ratio, and a risk of 0.5 is half of what one asset alone has. Weights have a sum of 1.
//!
//! | objective | weights |
//! | --- | --- |
//! | `max_sharpe` | greatest Sharpe ratio; least variance where no mean is above zero |
//! | `utility` | greatest `m'w - risk_aversion w'Sw / 2` |
//! | `target_risk` | greatest mean at a risk of at most `target_risk`; least variance where that is out of reach |
//! | `min_variance` | least variance |
//!
//! Where caps leave less than everything to be given, as with the few assets of the first years, all are raised in proportion
//! until they do. A matrix that is not positive definite is pulled to the identity until it is.
//!
//! Solved by the interior-point method of P. Goulart and Y. Chen, "Clarabel: An interior-point solver for conic programs with
//! quadratic objectives" (2024). Source: H. Markowitz, "Portfolio Selection" (1952); the greatest Sharpe ratio as a quadratic
//! program: G. Cornuejols and R. Tütüncü, *Optimization Methods in Finance* (2006), section 8.2.

use std::collections::BTreeMap;

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};
use serde::{Deserialize, Serialize};

use super::optimise::Estimates;
use super::past::Past;

/// What is sought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Greatest Sharpe ratio.
    #[default]
    MaxSharpe,
    /// Mean less a price for variance.
    Utility,
    /// Greatest mean within a risk.
    TargetRisk,
    /// Least variance.
    MinVariance,
}

/// Assets that are capped together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupCap {
    /// Their names.
    pub members: Vec<String>,
    /// The most that their weights may sum up to.
    pub weight_max: f64,
}

/// Terms of a mean-variance optimum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MeanVarianceTerms {
    /// What is sought.
    pub objective: Objective,
    /// Price of variance, for `utility`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_aversion: Option<f64>,
    /// Deviation of the portfolio over the assets' average one, for `target_risk`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_risk: Option<f64>,
    /// Whether no weight is below zero.
    pub long_only: bool,
    /// The most that one weight may be, of either sign; no cap where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_max: Option<f64>,
    /// The same by name.
    pub weights_max: BTreeMap<String, f64>,
    /// Assets that are capped together.
    pub groups: Vec<GroupCap>,
    /// Price of a weight that changes by 1 from one fit to the next, a mean a year; none where absent.
    pub turnover_penalty: f64,
}

impl Default for MeanVarianceTerms {
    fn default() -> Self {
        Self {
            objective: Objective::MaxSharpe,
            risk_aversion: None,
            target_risk: None,
            long_only: true,
            weight_max: None,
            weights_max: BTreeMap::new(),
            groups: Vec::new(),
            turnover_penalty: 0.0,
        }
    }
}

/// Weights of all assets; NaN throughout where no solution is found.
pub(super) fn weights(estimates: &Estimates, past: &Past<'_>, terms: &MeanVarianceTerms) -> Vec<f64> {
    let size = estimates.means.len();
    if size < 2 {
        return vec![1.0; size];
    }
    let unit = estimates.deviations.iter().sum::<f64>() / size as f64;
    let means: Vec<f64> = estimates.means.iter().map(|mean| mean / unit).collect();
    let correlation = estimates.positive();
    let covariance: Vec<f64> = (0..size * size)
        .map(|place| {
            let (row, column) = (place / size, place % size);
            correlation.values[place]
                * (estimates.deviations[row] / unit)
                * (estimates.deviations[column] / unit)
        })
        .collect();
    let problem = Problem { size, means, covariance, bounds: Bounds::of(size, past, terms), terms, past };
    let found = match terms.objective {
        Objective::MaxSharpe => problem.max_sharpe(),
        Objective::Utility => problem.best(terms.risk_aversion.unwrap_or(1.0), 1.0, None),
        Objective::TargetRisk => problem.best(0.0, 1.0, terms.target_risk),
        Objective::MinVariance => None,
    };
    match found.or_else(|| problem.best(1.0, 0.0, None)) {
        Some(found) => tidied(found, terms.long_only),
        None => vec![f64::NAN; size],
    }
}

/// Weights that the solver leaves a hair from zero are zero; the sum is 1 to the last digit.
fn tidied(mut weights: Vec<f64>, is_long_only: bool) -> Vec<f64> {
    for weight in &mut weights {
        if weight.abs() < 1e-9 || (is_long_only && *weight < 0.0) {
            *weight = 0.0;
        }
    }
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// Caps as rows of `row w <= cap`.
struct Bounds {
    /// One an asset; infinite where there is none.
    caps: Vec<f64>,
    /// Assets of a group, and their cap.
    groups: Vec<(Vec<usize>, f64)>,
}

impl Bounds {
    fn of(size: usize, past: &Past<'_>, terms: &MeanVarianceTerms) -> Self {
        let cap = |asset: usize| {
            let own = past.names.get(asset).and_then(|name| terms.weights_max.get(*name));
            own.copied().or(terms.weight_max).unwrap_or(f64::INFINITY)
        };
        let members = |group: &GroupCap| -> Vec<usize> {
            group.members.iter().filter_map(|name| past.place(name)).filter(|asset| *asset < size).collect()
        };
        let groups = terms.groups.iter().map(|group| (members(group), group.weight_max));
        let mut bounds = Self {
            caps: (0..size).map(cap).collect(),
            groups: groups.filter(|group| !group.0.is_empty()).collect(),
        };
        bounds.raise();
        bounds
    }

    /// Raises all caps until a sum of 1 is within them.
    fn raise(&mut self) {
        let size = self.caps.len();
        let is_capped = |asset: usize| {
            self.caps[asset].is_finite() || self.groups.iter().any(|(members, _)| members.contains(&asset))
        };
        if (0..size).any(|asset| !is_capped(asset)) {
            return;
        }
        // The most that can be given within the caps, by weights of zero or above.
        let mut rows = Rows::default();
        self.rows(&mut rows, 1.0, None);
        (0..size).for_each(|asset| rows.push_unit(size, asset, -1.0, 0.0));
        let most = solve(size, None, &vec![-1.0; size], rows, 0).map(|found| found.iter().sum::<f64>());
        if let Some(most) = most.filter(|most| *most > 0.0 && *most < 1.0 + 1e-9) {
            let by = (1.0 + 1e-9) / most;
            self.caps.iter_mut().for_each(|cap| *cap *= by);
            self.groups.iter_mut().for_each(|group| group.1 *= by);
        }
    }

    /// `row w <= cap`; where the weights are those of a sum that is itself unknown, `row w - cap 1'w <= 0`.
    fn rows(&self, rows: &mut Rows, sign: f64, of_sum: Option<()>) {
        let size = self.caps.len();
        let mut add = |members: &[usize], cap: f64| {
            let mut row = vec![0.0; size];
            members.iter().for_each(|asset| row[*asset] = sign);
            if of_sum.is_some() {
                row.iter_mut().for_each(|value| *value -= cap);
            }
            rows.push(row, if of_sum.is_some() { 0.0 } else { cap });
        };
        for (asset, cap) in self.caps.iter().enumerate().filter(|(_, cap)| cap.is_finite()) {
            add(&[asset], *cap);
        }
        if sign > 0.0 {
            self.groups.iter().for_each(|(members, cap)| add(members, *cap));
        }
    }
}

struct Problem<'a> {
    size: usize,
    means: Vec<f64>,
    covariance: Vec<f64>,
    bounds: Bounds,
    terms: &'a MeanVarianceTerms,
    past: &'a Past<'a>,
}

impl Problem<'_> {
    /// Weights of sum 1 of the greatest `gain m'w - aversion w'Sw / 2`, less the price of turnover.
    fn best(&self, aversion: f64, gain: f64, risk_max: Option<f64>) -> Option<Vec<f64>> {
        let size = self.size;
        let price = self.terms.turnover_penalty;
        let before = Some(&self.past.before).filter(|before| before.len() == size && price > 0.0);
        // Weights, and where turnover has a price their changes.
        let columns = if before.is_some() { 2 * size } else { size };
        let mut rows = Rows::default();
        rows.push(vec![1.0; size], 1.0);
        let equal = rows.count();
        if self.terms.long_only {
            (0..size).for_each(|asset| rows.push_unit(size, asset, -1.0, 0.0));
        } else {
            self.bounds.rows(&mut rows, -1.0, None);
        }
        self.bounds.rows(&mut rows, 1.0, None);
        if let Some(before) = before {
            for (asset, was) in before.iter().enumerate() {
                let was = if was.is_finite() { *was } else { 0.0 };
                for sign in [1.0, -1.0] {
                    let mut row = vec![0.0; columns];
                    (row[asset], row[size + asset]) = (sign, -1.0);
                    rows.push(row, sign * was);
                }
            }
        }
        let mut tail = 0;
        if let Some(most) = risk_max {
            let root = cholesky(&self.covariance, size)?;
            rows.push(vec![0.0; size], most);
            for column in 0..size {
                // Row of the transposed root: the deviation is the length of `L'w`.
                rows.push((0..size).map(|row| -root[row * size + column]).collect(), 0.0);
            }
            tail = size + 1;
        }
        let mut linear: Vec<f64> = self.means.iter().map(|mean| -gain * mean).collect();
        linear.resize(columns, price);
        let quadratic: Vec<f64> = self.covariance.iter().map(|value| value * aversion).collect();
        rows.is_equal = equal;
        let mut found = solve(columns, Some((&quadratic, size)), &linear, rows, tail)?;
        found.truncate(size);
        Some(found)
    }

    /// Weights of the greatest Sharpe ratio: those of least variance at a mean of 1, scaled.
    fn max_sharpe(&self) -> Option<Vec<f64>> {
        let size = self.size;
        let mut rows = Rows::default();
        rows.push(self.means.clone(), 1.0);
        rows.is_equal = 1;
        // The scale is above zero.
        rows.push(vec![-1.0; size], 0.0);
        if self.terms.long_only {
            (0..size).for_each(|asset| rows.push_unit(size, asset, -1.0, 0.0));
        } else {
            self.bounds.rows(&mut rows, -1.0, Some(()));
        }
        self.bounds.rows(&mut rows, 1.0, Some(()));
        let found = solve(size, Some((&self.covariance, size)), &vec![0.0; size], rows, 0)?;
        let sum: f64 = found.iter().sum();
        (sum > 1e-9).then(|| found.iter().map(|value| value / sum).collect())
    }
}

/// Conditions `row x + slack = right`, equalities first.
#[derive(Default)]
struct Rows {
    rows: Vec<Vec<f64>>,
    right: Vec<f64>,
    is_equal: usize,
}

impl Rows {
    fn push(&mut self, row: Vec<f64>, right: f64) {
        self.rows.push(row);
        self.right.push(right);
    }

    fn push_unit(&mut self, size: usize, asset: usize, sign: f64, right: f64) {
        let mut row = vec![0.0; size];
        row[asset] = sign;
        self.push(row, right);
    }

    fn count(&self) -> usize {
        self.rows.len()
    }
}

/// `min x'Px / 2 + q'x` under conditions; none where there is no solution.
///
/// - `quadratic`: a symmetric matrix over the first columns, and how many they are.
/// - `tail`: rows of a second-order cone at the end.
fn solve(
    columns: usize,
    quadratic: Option<(&[f64], usize)>,
    linear: &[f64],
    rows: Rows,
    tail: usize,
) -> Option<Vec<f64>> {
    let upper = |row: usize, column: usize| match quadratic {
        Some((values, size)) if row <= column && column < size => values[row * size + column],
        _ => 0.0,
    };
    let p = sparse(columns, columns, upper);
    let a = sparse(rows.count(), columns, |row, column| rows.rows[row].get(column).copied().unwrap_or(0.0));
    let mut cones = Vec::new();
    if rows.is_equal > 0 {
        cones.push(SupportedConeT::ZeroConeT(rows.is_equal));
    }
    let between = rows.count() - rows.is_equal - tail;
    if between > 0 {
        cones.push(SupportedConeT::NonnegativeConeT(between));
    }
    if tail > 0 {
        cones.push(SupportedConeT::SecondOrderConeT(tail));
    }
    // As near as the arithmetic allows: where the last digits cannot be had, some fewer.
    TOLERANCES.iter().find_map(|tolerance| {
        let settings = DefaultSettings {
            verbose: false,
            tol_gap_abs: *tolerance,
            tol_gap_rel: *tolerance,
            tol_feas: *tolerance,
            ..DefaultSettings::default()
        };
        let mut solver = DefaultSolver::new(&p, linear, &a, &rows.right, &cones, settings).ok()?;
        solver.solve();
        let is_solved = matches!(solver.solution.status, SolverStatus::Solved | SolverStatus::AlmostSolved);
        let found = &solver.solution.x;
        (is_solved && found.iter().all(|value| value.is_finite())).then(|| found.clone())
    })
}

/// What the solver is asked for in turn, until it gets there.
const TOLERANCES: [f64; 3] = [1e-12, 1e-10, 1e-8];

/// A matrix by columns, without its zeros.
fn sparse(rows: usize, columns: usize, at: impl Fn(usize, usize) -> f64) -> CscMatrix<f64> {
    let (mut starts, mut places, mut values) = (vec![0], Vec::new(), Vec::new());
    for column in 0..columns {
        for row in 0..rows {
            let value = at(row, column);
            if value != 0.0 {
                places.push(row);
                values.push(value);
            }
        }
        starts.push(values.len());
    }
    CscMatrix::new(rows, columns, starts, places, values)
}

/// Lower root of a positive definite matrix, row by row.
pub(super) fn cholesky(matrix: &[f64], size: usize) -> Option<Vec<f64>> {
    let mut root = matrix.to_vec();
    tickrace_stats::solve_positive(&mut root, &mut vec![0.0; size]).ok()?;
    for row in 0..size {
        root[row * size + row + 1..(row + 1) * size].fill(0.0);
    }
    Some(root)
}

#[cfg(test)]
mod tests;
