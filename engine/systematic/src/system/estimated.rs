//! What a system estimates from forecasts and profits: scalars, and weights of forecasts and of instruments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tickrace_stats::moments::{alpha_of_span, ew_mean, ew_std, fill_forward, rolling_mean};
use tickrace_stats::{BusinessDay, Series};

use super::{FORECAST_MEAN, Member, Stages, System};
use crate::account::{AverageSize, Flow, SharpeCosts, pooled_turnover, turnover};
use crate::config::SystemConfig;
use crate::earnings::{rule_gross, stage};
use crate::estimate::correlation::{
    CorrelationConfig, Panel, correlations, on_weeks_of_all, stacked, summed_weeks,
};
use crate::estimate::fit::DateMethod;
use crate::estimate::optimise::{self, Estimates, OptimiserConfig};
use crate::estimate::past::Past;
use crate::market::{Market, MarketError};
use crate::raw::{YEAR_ROOT, span_of};

/// Weeks of a year.
const YEAR_WEEKS: f64 = 365.25 / 7.0;

/// How forecast scalars are estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScalarConfig {
    /// Whether over all instruments together.
    pub pool_instruments: bool,
    /// Days looked back over.
    pub window: usize,
    /// Days needed.
    pub min_periods: usize,
    /// Whether the first estimate also stands before itself, which looks ahead.
    pub backfill: bool,
}

impl Default for ScalarConfig {
    fn default() -> Self {
        Self { pool_instruments: true, window: 250_000, min_periods: 500, backfill: true }
    }
}

/// How weights are estimated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeightConfig {
    /// Expanding, rolling or in sample.
    pub date_method: DateMethod,
    /// Years of a rolling window.
    pub rollyears: usize,
    /// Span of means, deviations and correlations, rows.
    pub ew_lookback: f64,
    /// Whether negative correlations count as none.
    pub floor_at_zero: bool,
    /// Whether assets of which something is not known get a share.
    pub cleaning: bool,
    /// How weights follow from the estimates.
    pub optimiser: OptimiserConfig,
}

impl Default for WeightConfig {
    fn default() -> Self {
        Self {
            date_method: DateMethod::Expanding,
            rollyears: 20,
            ew_lookback: 50_000.0,
            floor_at_zero: true,
            cleaning: true,
            optimiser: OptimiserConfig::default(),
        }
    }
}

/// Weights from a time on, nanoseconds since the Unix epoch; NaN throughout where nothing is known.
pub type Dated = Vec<(i64, Vec<f64>)>;

/// Scalars by rule, for each instrument, on the days of its forecast.
pub(super) fn scalars(all: &[Stages], config: &SystemConfig) -> Vec<BTreeMap<String, Series>> {
    let terms = &config.forecast_scalar_estimate;
    let mut by_rule: BTreeMap<&str, Vec<(usize, &Series)>> = BTreeMap::new();
    for (place, stages) in all.iter().enumerate() {
        for (rule, series) in stages.family("raw_fc") {
            by_rule.entry(rule).or_default().push((place, series));
        }
    }
    let mut answers = vec![BTreeMap::new(); all.len()];
    for (rule, members) in by_rule {
        let series: Vec<&Series> = members.iter().map(|(_, series)| *series).collect();
        let pooled = terms.pool_instruments.then(|| scalar_of(&series, terms));
        for (place, own) in members {
            let scalar = pooled.clone().unwrap_or_else(|| scalar_of(&[own], terms));
            let on = scalar.on(own.first, own.len());
            answers[place]
                .insert(rule.to_owned(), Series { first: own.first, values: fill_forward(&on.values) });
        }
    }
    answers
}

/// Ten over the mean size of forecasts so far.
fn scalar_of(series: &[&Series], terms: &ScalarConfig) -> Series {
    let (first, days) = span_of(series.iter().copied());
    let is_one = series.len() == 1;
    let sizes: Vec<Vec<f64>> = series
        .iter()
        .map(|series| {
            let on = series.on(first, days).values;
            let filled = if is_one { on } else { fill_forward(&on) };
            filled.iter().map(|value| value.abs()).collect()
        })
        .collect();
    let mut row = Vec::with_capacity(sizes.len());
    let size: Vec<f64> = (0..days)
        .map(|day| {
            row.clear();
            row.extend(sizes.iter().map(|sizes: &Vec<f64>| sizes[day]).filter(|value| !value.is_nan()));
            crate::raw::median(&mut row)
        })
        .collect();
    let mut values: Vec<f64> = rolling_mean(&size, terms.window, terms.min_periods)
        .iter()
        .map(|mean| FORECAST_MEAN / mean)
        .collect();
    if terms.backfill
        && let Some(known) = values.iter().position(|value| !value.is_nan())
    {
        let value = values[known];
        values[..known].fill(value);
    }
    Series { first, values }
}

/// Sums of weeks of profit after costs: days without profit are missing, costs are a drain each day.
///
/// - `sharpe_cost`: a year.
fn after_costs(gross: &Flow, sharpe_cost: f64) -> Series {
    let mut daily = gross.daily();
    for value in &mut daily.values {
        if *value == 0.0 {
            *value = f64::NAN;
        }
    }
    let known: Vec<f64> = daily.values.iter().copied().filter(|value| !value.is_nan()).collect();
    let count = known.len() as f64;
    let mean = known.iter().sum::<f64>() / count;
    let squares: f64 = known.iter().map(|value| (value - mean) * (value - mean)).sum();
    let drain = sharpe_cost / YEAR_ROOT * (squares / (count - 1.0)).sqrt();
    for value in &mut daily.values {
        *value -= drain;
    }
    daily
}

/// Weights of each instrument's rules, from the profits of all instruments at its own costs.
pub(super) fn forecast_weights(
    system: &System,
    all: &[Stages],
    market: &Market,
    config: &SystemConfig,
) -> Result<Vec<Dated>, MarketError> {
    let members: Vec<&Member> = system.members.values().collect();
    let mut gross: Vec<Vec<Flow>> = Vec::with_capacity(members.len());
    let mut turned: BTreeMap<String, Vec<(f64, usize)>> = BTreeMap::new();
    for (member, stages) in members.iter().zip(all) {
        let fx = market.fx(&member.instrument.currency, &config.base_currency)?;
        let mut own = Vec::new();
        for (rule, forecast) in stages.family("capped_fc") {
            let count = turnover(forecast, AverageSize::Constant(FORECAST_MEAN));
            turned.entry(rule.to_owned()).or_default().push((count, forecast.len()));
            own.push(rule_gross(member, forecast, &fx, config));
        }
        gross.push(own);
    }
    let pooled: Vec<f64> = turned.values().map(|parts| pooled_turnover(parts)).collect();
    let answers = super::parallel::each(members.len(), |place| {
        let sharpe = sharpe_of(members[place]);
        let nets: Vec<Vec<Series>> = gross
            .iter()
            .map(|rules| {
                let costs = pooled.iter().map(|turned| sharpe.per_year(*turned));
                rules.iter().zip(costs).map(|(gross, cost)| after_costs(gross, cost)).collect()
            })
            .collect();
        // Weeks without profit are zeros within an instrument's own history, and missing outside it.
        let own: Vec<Panel> = nets.iter().map(|series| summed_weeks(series)).collect();
        let panels = on_weeks_of_all(&own);
        let rules: Vec<String> =
            all[place].family("capped_fc").iter().map(|(rule, _)| (*rule).to_owned()).collect();
        over_time(&stacked(&panels), &rules, &config.forecast_weight_estimate)
    });
    Ok(answers)
}

/// Weights of instruments, from the profits of their subsystems.
pub(super) fn instrument_weights(system: &System, config: &SystemConfig) -> Dated {
    let nets: Vec<Series> = system
        .members
        .iter()
        .map(|(name, member)| {
            let average = stage(member, "avg_position");
            let turned = turnover(&stage(member, "subsystem_position"), AverageSize::Smoothed(&average));
            let gross = system.subsystems.get(name).map(|account| account.gross.clone()).unwrap_or_default();
            after_costs(&gross, sharpe_of(member).per_year(turned))
        })
        .collect();
    let names: Vec<String> = system.members.keys().cloned().collect();
    over_time(&summed_weeks(&nets), &names, &config.instrument_weight_estimate)
}

fn sharpe_of(member: &Member) -> SharpeCosts {
    let (costs, rolls) = (member.instrument.costs(), member.instrument.rolls_per_year());
    SharpeCosts::of_last_year(&member.raw.daily_price, &member.raw.returns_vol, &costs, rolls)
}

/// Weights of each fit.
///
/// - `names`: of the panel's columns.
fn over_time(panel: &Panel, names: &[String], config: &WeightConfig) -> Dated {
    let size = panel.columns.len();
    let estimate = CorrelationConfig {
        date_method: config.date_method,
        rollyears: config.rollyears,
        ew_lookback: config.ew_lookback,
        min_periods: 10,
        cleaning: false,
        floor_at_zero: config.floor_at_zero,
        ..CorrelationConfig::default()
    };
    let alpha = alpha_of_span(config.ew_lookback);
    let means: Vec<Vec<f64>> = panel.columns.iter().map(|column| ew_mean(column, alpha, 5)).collect();
    let deviations: Vec<Vec<f64>> = panel.columns.iter().map(|column| ew_std(column, alpha, 5)).collect();
    let mut before = Vec::new();
    correlations(panel, &estimate)
        .into_iter()
        .map(|(fit, correlation)| {
            if fit.no_data {
                before = vec![1.0 / size as f64; size];
                return (fit.period_start_ns, before.clone());
            }
            let end = panel.at_ns.partition_point(|at| *at < fit.fit_end_ns);
            let start = panel.at_ns.partition_point(|at| *at < fit.fit_start_ns);
            let last = |columns: &[Vec<f64>], scale: f64| -> Vec<f64> {
                let at = |column: &Vec<f64>| end.checked_sub(1).map_or(f64::NAN, |row| column[row] * scale);
                columns.iter().map(at).collect()
            };
            let estimates = Estimates {
                means: last(&means, YEAR_WEEKS),
                deviations: last(&deviations, YEAR_WEEKS.sqrt()),
                correlation,
                years: (end - start) as f64 / YEAR_WEEKS,
            };
            let mut past = Past::new(panel, start..end, names, YEAR_WEEKS);
            (past.floor_at_zero, past.before) = (config.floor_at_zero, std::mem::take(&mut before));
            let weights = optimise::weights_of_past(&estimates, &past, &config.optimiser);
            let has_data: Vec<bool> = panel
                .columns
                .iter()
                .map(|column| column[start..end].iter().any(|value| !value.is_nan()))
                .collect();
            let weights = if config.cleaning { optimise::filled(&weights, &has_data) } else { weights };
            before.clone_from(&weights);
            (fit.period_start_ns, weights)
        })
        .collect()
}

/// Dated weights on days, each standing until the next; missing before the first, and where a fit knew nothing: what is
/// smoothed stays as it was then.
pub(super) fn on_days(dated: &Dated, size: usize, first: BusinessDay, days: usize) -> Vec<Vec<f64>> {
    let mut columns = vec![vec![f64::NAN; days]; size];
    for (from_ns, weights) in dated {
        let start = BusinessDay::of_ns(*from_ns);
        let row = i64::from(start.0) - i64::from(first.0) + i64::from(start.start_ns() < *from_ns);
        let from = usize::try_from(row).unwrap_or(0).min(days);
        for (column, weight) in columns.iter_mut().zip(weights) {
            column[from..].fill(*weight);
        }
    }
    columns
}
