//! The search behind a sweep judged: what each set earned by period, laid side by side.

use std::collections::{BTreeMap, BTreeSet};

use tickrace_analytics::days::SHARPE_DAYS_MIN;
use tickrace_analytics::validation::search::{self, Judgement, Trial};
use tickrace_analytics::validation::splits::Gap;
use toml::Value;

use super::Swept;
use super::grid::Axis;
use super::row::{Figures, Status};

/// A judgement, and which sets of the sweep its trials are.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// What can be said.
    pub judgement: Judgement,
    /// Numbers of the sets, one a trial.
    pub sets: Vec<usize>,
    /// Periods a year: 252 of days; absent of shorter periods, whose ratios are not annualised.
    pub periods_a_year: Option<f64>,
}

/// Judges what was done.
///
/// - `is_over_data`: whether sets read different data, and so have different periods.
pub fn judge(swept: &Swept<'_>, is_over_data: bool, gap: Gap) -> Judged {
    if is_over_data {
        let why = "sets read different data, so their periods cannot be laid side by side; walk-forward goes over several days";
        let judgement = Judgement { absent: vec![why.to_owned()], ..Judgement::default() };
        return Judged { judgement, ..Judged::default() };
    }
    let done: Vec<Tried<'_>> = swept
        .runs
        .iter()
        .filter_map(|(task, row)| {
            let row = row.as_ref().filter(|row| row.status == Status::Done)?;
            let figures = row.figures.as_ref().filter(|figures| !figures.days.is_empty())?;
            let sign = if swept.metric.is_less_better() { -1.0 } else { 1.0 };
            let value = swept.metric.of(figures).map(|value| sign * value);
            Some(Tried { number: task.number, values: &task.values, value, figures: vec![figures] })
        })
        .collect();
    judge_tried(swept.axes, &done, gap)
}

/// A set that ran, over one session or several.
pub struct Tried<'a> {
    /// Its number, from 1.
    pub number: usize,
    /// Its values.
    pub values: &'a [Value],
    /// The figure it is ranked by, turned so that more is better.
    pub value: Option<f64>,
    /// What it earned, session by session.
    pub figures: Vec<&'a Figures>,
}

/// Judges sets that ran over the same sessions: by day from twenty days on, else by quarter of an hour.
pub fn judge_tried(axes: &[Axis], done: &[Tried<'_>], gap: Gap) -> Judged {
    let by_days: Vec<BTreeMap<i64, f64>> = done.iter().map(|one| add_up(one, by_day)).collect();
    let is_daily = by_days.iter().map(BTreeMap::len).max().unwrap_or(0) >= SHARPE_DAYS_MIN;
    let (period, profits) = if is_daily {
        ("day", side_by_side(by_days.into_iter()))
    } else {
        let by_blocks = |figures: &Figures| figures.blocks.clone();
        ("quarter of an hour", side_by_side(done.iter().map(|one| add_up(one, by_blocks))))
    };
    let distinct = distinct_values(axes, done.iter().map(|one| one.values));
    let place =
        |(value, known): (&Value, &Vec<&Value>)| known.iter().position(|known| *known == value).unwrap_or(0);
    let trials: Vec<Trial> = done
        .iter()
        .zip(profits)
        .map(|(one, profits)| Trial {
            places: one.values.iter().zip(&distinct).map(place).collect(),
            value: one.value,
            profits,
        })
        .collect();
    Judged {
        judgement: search::judge(&trials, period, gap),
        sets: done.iter().map(|one| one.number).collect(),
        periods_a_year: is_daily.then_some(tickrace_analytics::days::DAYS_A_YEAR),
    }
}

/// Profit by period over all sessions.
fn add_up(one: &Tried<'_>, of: impl Fn(&Figures) -> Vec<(i64, f64)>) -> BTreeMap<i64, f64> {
    let mut sums = BTreeMap::new();
    for (period, profit) in one.figures.iter().flat_map(|figures| of(figures)) {
        *sums.entry(period).or_insert(0.0) += profit;
    }
    sums
}

fn by_day(figures: &Figures) -> Vec<(i64, f64)> {
    let number =
        |date: &str| Some(tickrace_stats::panel::parse_time(date)?.div_euclid(tickrace_stats::panel::DAY_NS));
    figures.days.iter().filter_map(|day| Some((number(&day.date)?, day.net_pnl))).collect()
}

/// The same periods for all: where a set has none, nothing moved.
fn side_by_side(sets: impl Iterator<Item = BTreeMap<i64, f64>>) -> Vec<Vec<f64>> {
    let sets: Vec<BTreeMap<i64, f64>> = sets.collect();
    let periods: BTreeSet<i64> = sets.iter().flat_map(|set| set.keys().copied()).collect();
    // The market moves long before the first trade and after the last: periods in which no set made anything tell nothing.
    let is_alive =
        |period: &&i64| sets.iter().any(|set| set.get(period).is_some_and(|profit| *profit != 0.0));
    let first = periods.iter().find(is_alive).copied();
    let last = periods.iter().rfind(is_alive).copied();
    let (Some(first), Some(last)) = (first, last) else { return sets.iter().map(|_| Vec::new()).collect() };
    let within: Vec<i64> = periods.range(first..=last).copied().collect();
    let row = |set: &BTreeMap<i64, f64>| {
        within.iter().map(|period| set.get(period).copied().unwrap_or(0.0)).collect()
    };
    sets.iter().map(row).collect()
}

/// Distinct values of each key: numbers by size, words in the order of the grid.
fn distinct_values<'a>(
    axes: &[Axis],
    sets: impl Iterator<Item = &'a [Value]> + Clone,
) -> Vec<Vec<&'a Value>> {
    let number = |value: &Value| {
        #[allow(clippy::cast_precision_loss, reason = "parameters are far below 2^53")]
        let whole = value.as_integer().map(|whole| whole as f64);
        value.as_float().or(whole)
    };
    let of_axis = |axis: usize| {
        let mut distinct: Vec<&Value> = Vec::new();
        for value in sets.clone().filter_map(|values| values.get(axis)) {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        }
        if distinct.iter().all(|value| number(value).is_some()) {
            distinct.sort_by(|a, b| number(a).unwrap_or(0.0).total_cmp(&number(b).unwrap_or(0.0)));
        }
        distinct
    };
    (0..axes.len()).map(of_axis).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_the_same_periods_without_the_dead_ends() {
        let sets = [vec![(1, 0.0), (2, 5.0), (4, 0.0)], vec![(1, 0.0), (3, -1.0), (4, 0.0)]];
        let laid = side_by_side(sets.into_iter().map(|set| set.into_iter().collect()));
        assert_eq!(laid, [[5.0, 0.0], [0.0, -1.0]]);
        assert_eq!(side_by_side([BTreeMap::new()].into_iter()), [Vec::<f64>::new()]);
    }
}
