//! Correlations over time: one pass over the rows gives the matrix of every fit.

use serde::{Deserialize, Serialize};
use tickrace_stats::Series;
use tickrace_stats::moments::alpha_of_span;
use tickrace_stats::panel::DAY_NS;

use crate::config::Quirk;

use super::fit::{DateMethod, Fit, fits};

/// What stands off the diagonal while nothing is known.
const UNKNOWN: f64 = 0.99;

/// A square matrix by rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// Rows and columns.
    pub size: usize,
    /// `[size * size]`.
    pub values: Vec<f64>,
}

impl Matrix {
    /// One on the diagonal, `off` elsewhere.
    pub fn uniform(size: usize, off: f64) -> Self {
        let values = (0..size * size).map(|place| if place / size == place % size { 1.0 } else { off });
        Self { size, values: values.collect() }
    }

    /// An element.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.size + column]
    }

    fn set_both(&mut self, row: usize, column: usize, value: f64) {
        self.values[row * self.size + column] = value;
        self.values[column * self.size + row] = value;
    }

    /// Mean of the elements off the diagonal that are there.
    pub fn average(&self) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for (place, value) in self.values.iter().enumerate() {
            if place / self.size != place % self.size && !value.is_nan() {
                sum += value;
                count += 1.0;
            }
        }
        sum / count
    }
}

/// How correlations are estimated, in the words of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorrelationConfig {
    /// Expanding, rolling or in sample.
    pub date_method: DateMethod,
    /// Steps a rolling window is long.
    pub rollyears: usize,
    /// Days between fits.
    pub step_days: i64,
    /// From where they are counted; a key of the system, not of each estimate.
    #[serde(skip)]
    pub fit_dates: Quirk,
    /// Whether rows weigh less the older they are.
    pub using_exponent: bool,
    /// Span of that weight, rows.
    pub ew_lookback: f64,
    /// Rows a pair needs.
    pub min_periods: usize,
    /// Whether gaps are filled.
    pub cleaning: bool,
    /// What fills the gaps of a column without data.
    pub offdiag: f64,
    /// Whether negative correlations count as none.
    pub floor_at_zero: bool,
    /// Largest size of a correlation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// Share of the average that each becomes.
    pub shrinkage: f64,
}

impl Default for CorrelationConfig {
    fn default() -> Self {
        Self {
            date_method: DateMethod::Expanding,
            rollyears: 20,
            step_days: 365,
            fit_dates: Quirk::Reference,
            using_exponent: true,
            ew_lookback: 25.0,
            min_periods: 20,
            cleaning: true,
            offdiag: 0.99,
            floor_at_zero: true,
            clip: None,
            shrinkage: 0.0,
        }
    }
}

/// Rows of several columns at rising times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// `[rows]`, nanoseconds since the Unix epoch.
    pub at_ns: Vec<i64>,
    /// `[columns][rows]`, NaN where missing.
    pub columns: Vec<Vec<f64>>,
}

/// One pair's moments over the rows where both are there.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    weight: f64,
    means: (f64, f64),
    variances: (f64, f64),
    covariance: f64,
    seen: usize,
}

impl Pair {
    #[inline]
    fn push(&mut self, x: f64, y: f64, kept: f64) {
        if self.seen == 0 {
            self.means = (x, y);
            self.weight = 1.0;
        } else {
            let old = self.weight * kept;
            let total = old + 1.0;
            let step = (x - self.means.0, y - self.means.1);
            let share = old / total;
            self.covariance = share * (self.covariance + step.0 * step.1 / total);
            self.variances.0 = share * (self.variances.0 + step.0 * step.0 / total);
            self.variances.1 = share * (self.variances.1 + step.1 * step.1 / total);
            self.means.0 += step.0 / total;
            self.means.1 += step.1 / total;
            self.weight = total;
        }
        self.seen += 1;
    }

    fn correlation(&self, min_periods: usize) -> f64 {
        let scale = self.variances.0 * self.variances.1;
        if self.seen < min_periods.max(1) || scale <= 0.0 { f64::NAN } else { self.covariance / scale.sqrt() }
    }
}

/// Every fit of a panel with its matrix.
pub fn correlations(panel: &Panel, config: &CorrelationConfig) -> Vec<(Fit, Matrix)> {
    let (Some(&start), Some(&end)) = (panel.at_ns.first(), panel.at_ns.last()) else { return Vec::new() };
    let all = fits((start, end), config.date_method, config.step_days, config.rollyears, config.fit_dates);
    if config.using_exponent { exponential(panel, config, all) } else { plain(panel, config, all) }
}

fn exponential(panel: &Panel, config: &CorrelationConfig, all: Vec<Fit>) -> Vec<(Fit, Matrix)> {
    let size = panel.columns.len();
    let kept = 1.0 - alpha_of_span(config.ew_lookback);
    let mut pairs = vec![Pair::default(); size * size];
    let mut counts = vec![0; size];
    let mut row = 0;
    let mut answers = Vec::with_capacity(all.len());
    for fit in all {
        if fit.no_data {
            answers.push((fit, Matrix::uniform(size, UNKNOWN)));
            continue;
        }
        let is_last = |at: i64| config.date_method == DateMethod::InSample || at < fit.fit_end_ns;
        while row < panel.at_ns.len() && is_last(panel.at_ns[row]) {
            for left in 0..size {
                let x = panel.columns[left][row];
                if x.is_nan() {
                    continue;
                }
                counts[left] += 1;
                for right in 0..left {
                    let y = panel.columns[right][row];
                    if !y.is_nan() {
                        pairs[left * size + right].push(x, y, kept);
                    }
                }
            }
            row += 1;
        }
        let mut matrix = Matrix::uniform(size, f64::NAN);
        for left in 0..size {
            for right in 0..left {
                matrix.set_both(left, right, pairs[left * size + right].correlation(config.min_periods));
            }
        }
        let is_blank = counts.iter().all(|count| *count < config.min_periods);
        if is_blank && config.cleaning {
            matrix = Matrix::uniform(size, config.offdiag);
        }
        answers.push((fit, cleaned(matrix, panel, &fit, config)));
    }
    answers
}

fn plain(panel: &Panel, config: &CorrelationConfig, all: Vec<Fit>) -> Vec<(Fit, Matrix)> {
    let size = panel.columns.len();
    let answer = |fit: Fit| {
        if fit.no_data {
            return (fit, Matrix::uniform(size, UNKNOWN));
        }
        let rows = window(panel, &fit);
        let mut matrix = Matrix::uniform(size, f64::NAN);
        for left in 0..size {
            for right in 0..left {
                let mut pair = Pair::default();
                for row in rows.clone() {
                    let (x, y) = (panel.columns[left][row], panel.columns[right][row]);
                    if !x.is_nan() && !y.is_nan() {
                        pair.push(x, y, 1.0);
                    }
                }
                matrix.set_both(left, right, pair.correlation(2));
            }
        }
        let matrix = cleaned(matrix, panel, &fit, config);
        (fit, matrix)
    };
    all.into_iter().map(answer).collect()
}

/// Rows of a fit's window; the one at its end is in it, as the reference cuts it.
fn window(panel: &Panel, fit: &Fit) -> std::ops::Range<usize> {
    let from = panel.at_ns.partition_point(|own| *own < fit.fit_start_ns);
    from..panel.at_ns.partition_point(|own| *own <= fit.fit_end_ns)
}

/// Fills gaps, then floors, clips and shrinks.
fn cleaned(mut matrix: Matrix, panel: &Panel, fit: &Fit, config: &CorrelationConfig) -> Matrix {
    let size = matrix.size;
    if config.cleaning && matrix.values.iter().any(|value| value.is_nan()) {
        // Where single columns are known but no pair is, there is no average: a pair with data stays unknown, and a
        // multiplier over it is 1.
        let average = matrix.average();
        let rows = window(panel, fit);
        let has_data: Vec<bool> = panel
            .columns
            .iter()
            .map(|column| column[rows.clone()].iter().any(|value| !value.is_nan()))
            .collect();
        for left in 0..size {
            for right in 0..left {
                if matrix.at(left, right).is_nan() {
                    let both = has_data[left] && has_data[right];
                    matrix.set_both(left, right, if both { average } else { config.offdiag });
                }
            }
        }
    }
    for (place, value) in matrix.values.iter_mut().enumerate() {
        if config.floor_at_zero && *value < 0.0 {
            *value = 0.0;
        }
        if let Some(clip) = config.clip {
            *value = if place / size == place % size { 1.0 } else { value.clamp(-clip, clip) };
        }
    }
    if config.shrinkage > 0.0 {
        let target = Matrix::uniform(size, matrix.average());
        for (value, target) in matrix.values.iter_mut().zip(target.values) {
            *value = *value * (1.0 - config.shrinkage) + target * config.shrinkage;
        }
    }
    matrix
}

/// Last value of each period of several series, on all periods of any.
///
/// - `period_days`: 7 for weeks that end on Sunday and are named by it; otherwise periods of so many days from the first day
///   on, named by their first.
/// - `is_week`: whether they are such weeks.
/// - Result: values, gaps filled with the value before where `fills`.
pub fn sampled(series: &[Series], period_days: i64, is_week: bool, fills: bool) -> Panel {
    let (first, days) = crate::raw::span_of(series);
    if days == 0 {
        return Panel::default();
    }
    let start = first.day();
    // Sunday of the first week; 1 January 1970 was a Thursday.
    let first_sunday = start + (3 - start).rem_euclid(7);
    let period_of = |day: i64| {
        if is_week { (day - first_sunday + 6).div_euclid(7) } else { (day - start).div_euclid(period_days) }
    };
    let day_of =
        |row: usize| tickrace_stats::BusinessDay(first.0 + i32::try_from(row).unwrap_or(i32::MAX)).day();
    let count = usize::try_from(period_of(day_of(days - 1))).unwrap_or(0) + 1;
    let at = |period: usize| {
        let period = i64::try_from(period).unwrap_or(0);
        DAY_NS * if is_week { first_sunday + 7 * period } else { start + period_days * period }
    };
    let columns = series.iter().map(|series| {
        let mut column = vec![f64::NAN; count];
        for (row, &value) in series.on(first, days).values.iter().enumerate() {
            if !value.is_nan()
                && let Some(cell) =
                    usize::try_from(period_of(day_of(row))).ok().and_then(|place| column.get_mut(place))
            {
                *cell = value;
            }
        }
        if fills { tickrace_stats::moments::fill_forward(&column) } else { column }
    });
    Panel { at_ns: (0..count).map(at).collect(), columns: columns.collect() }
}

/// Sums of weeks that end on Sunday, named by it, on all weeks of any; a week without a value is 0.
pub fn summed_weeks(series: &[Series]) -> Panel {
    let mut panel = sampled(series, 7, true, false);
    let Some(&first_ns) = panel.at_ns.first() else { return panel };
    for (column, series) in panel.columns.iter_mut().zip(series) {
        column.fill(0.0);
        for (number, &value) in (series.first.0..).zip(&series.values) {
            let day = tickrace_stats::BusinessDay(number).day();
            let week = (day + 6 - first_ns.div_euclid(DAY_NS)).div_euclid(7);
            if !value.is_nan()
                && let Some(cell) = usize::try_from(week).ok().and_then(|week| column.get_mut(week))
            {
                *cell += value;
            }
        }
    }
    panel
}

/// Panels of weeks, each on the weeks of all; missing where it has none.
pub fn on_weeks_of_all(panels: &[Panel]) -> Vec<Panel> {
    const WEEK_NS: i64 = 7 * DAY_NS;
    let firsts = panels.iter().filter_map(|panel| panel.at_ns.first());
    let lasts = panels.iter().filter_map(|panel| panel.at_ns.last());
    let (Some(&first), Some(&last)) = (firsts.min(), lasts.max()) else { return panels.to_vec() };
    let at_ns: Vec<i64> = (0..=(last - first) / WEEK_NS).map(|week| first + week * WEEK_NS).collect();
    let widened = |panel: &Panel| {
        let shift =
            panel.at_ns.first().map_or(0, |own| usize::try_from((own - first) / WEEK_NS).unwrap_or(0));
        let column = |column: &Vec<f64>| {
            let mut wide = vec![f64::NAN; at_ns.len()];
            wide[shift..shift + column.len()].copy_from_slice(column);
            wide
        };
        Panel { at_ns: at_ns.clone(), columns: panel.columns.iter().map(column).collect() }
    };
    panels.iter().map(widened).collect()
}

/// Differences of a panel's rows.
#[must_use]
pub fn stepped(mut panel: Panel) -> Panel {
    for column in &mut panel.columns {
        *column = tickrace_stats::moments::differences(column);
    }
    panel
}

/// Panels of the same columns, put under each other: the rows of one time follow each other a microsecond apart.
pub fn stacked(panels: &[Panel]) -> Panel {
    let Some(first) = panels.first() else { return Panel::default() };
    let mut all = Panel { at_ns: Vec::new(), columns: vec![Vec::new(); first.columns.len()] };
    let mut places = vec![0; panels.len()];
    loop {
        let times = panels.iter().zip(&places).filter_map(|(panel, place)| panel.at_ns.get(*place));
        let Some(&next) = times.min() else { return all };
        for ((index, panel), place) in (0_i64..).zip(panels).zip(&mut places) {
            if panel.at_ns.get(*place) == Some(&next) {
                all.at_ns.push(next + index * 1_000);
                for (target, column) in all.columns.iter_mut().zip(&panel.columns) {
                    target.push(column[*place]);
                }
                *place += 1;
            }
        }
    }
}
