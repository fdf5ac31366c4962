//! From raw forecasts to the combined one: scalars and caps, weights, the diversification multiplier.

use std::collections::BTreeMap;

use tickrace_stats::Series;

use super::Stages;
use super::estimated::{self, Dated};
use super::rule_costs::RuleCosts;
use crate::config::{Quirk, SystemConfig};
use crate::estimate::correlation::{self, CorrelationConfig, Matrix, Panel};
use crate::estimate::fit::Fit;
use crate::estimate::multiplier;
use crate::forecast;
use crate::raw::span_of;

/// Forecasts of the rules that carry weight, times their scalars and within their cap.
///
/// - `scalars`: estimated ones by rule; the configuration's where absent.
pub(super) fn scaled_stages(
    name: &str,
    config: &SystemConfig,
    scalars: Option<&BTreeMap<String, Series>>,
    stages: &mut Stages,
) {
    let weighted = config.weights_of(name);
    let floor = config.forecast_floor.unwrap_or(-config.forecast_cap);
    let mut all = (Vec::new(), Vec::new());
    for (variation, raw) in stages.family("raw_fc") {
        if !weighted.contains_key(variation) {
            continue;
        }
        let scalar = match scalars.and_then(|scalars| scalars.get(variation)) {
            Some(scalar) => scalar.values.clone(),
            None => vec![config.scalar_of(variation); raw.len()],
        };
        let values = forecast::scaled(&raw.values, &scalar, floor, config.forecast_cap);
        all.0.push((format!("scalar.{variation}"), Series { first: raw.first, values: scalar }));
        all.1.push((format!("capped_fc.{variation}"), Series { first: raw.first, values }));
    }
    stages.0.extend(all.0);
    stages.0.extend(all.1);
}

/// The same by the configuration's scalars, where nobody needs raw forecasts or scalars any more.
pub(super) fn scale_stages(name: &str, config: &SystemConfig, stages: &mut Stages) {
    let weighted = config.weights_of(name);
    let floor = config.forecast_floor.unwrap_or(-config.forecast_cap);
    stages.0.retain_mut(|(stage, series)| {
        let Some(variation) = stage.strip_prefix("raw_fc.") else { return true };
        if !weighted.contains_key(variation) {
            return false;
        }
        forecast::scale(&mut series.values, config.scalar_of(variation), floor, config.forecast_cap);
        *stage = format!("capped_fc.{variation}");
        true
    });
}

/// Takes an instrument's capped forecasts out of its stages, on the days of any of them, gaps filled with the value before; of
/// the stages their names are left.
pub(super) fn take_filled(stages: &mut Stages) -> Vec<Series> {
    let capped = stages.0.iter_mut().filter(|(stage, _)| stage.starts_with("capped_fc."));
    let mut taken: Vec<Series> = capped.map(|(_, series)| std::mem::take(series)).collect();
    forecast::fill_together(&mut taken);
    taken
}

/// An instrument's capped forecasts on the days of any of them, gaps filled with the value before.
pub(super) fn filled_forecasts(stages: &Stages) -> Vec<Series> {
    forecast::filled_together(stages.family("capped_fc").into_iter().map(|(_, series)| series))
}

/// Smoothed weights of an instrument's forecasts.
///
/// - `forecasts`: see [`filled_forecasts`]. `dated`: estimated ones; the configuration's where absent. `costs`: of the
///   instrument's rules, where there is a ceiling.
pub(super) fn weight_stages(
    name: &str,
    config: &SystemConfig,
    forecasts: &[Series],
    (dated, costs): (Option<&Dated>, Option<&RuleCosts>),
    stages: &mut Stages,
) {
    let ceiling = config.forecast_post_ceiling_cost_sr.unwrap_or(f64::INFINITY);
    let cost_of = |rule: &str| costs.and_then(|costs| costs.sharpe.get(rule));
    let is_expensive = |rule: &str| cost_of(rule).is_some_and(|cost| *cost > ceiling);
    let stated = config.weights_without(name, &is_expensive);
    let capped = stages.family("capped_fc");
    let (first, days) = span_of(forecasts);
    let raw = match dated {
        Some(dated) => estimated::on_days(dated, capped.len(), first, days),
        None => capped.iter().map(|(variation, _)| vec![stated[*variation]; days]).collect(),
    };
    // A rule that is left out is no rule: its forecast does not tell whether anything is known.
    let is_kept: Vec<bool> = capped.iter().map(|(rule, _)| !is_expensive(rule)).collect();
    let span = config.forecast_weight_ewma_span;
    let weights = if is_kept.iter().all(|is_kept| *is_kept) {
        forecast::smoothed_weights(forecasts, raw, span)
    } else {
        let all = forecasts.iter().cloned().zip(raw).zip(&is_kept);
        let (kept, shares): (Vec<Series>, Vec<Vec<f64>>) =
            all.filter(|(_, is_kept)| **is_kept).map(|(pair, _)| pair).unzip();
        let mut smooth = forecast::smoothed_weights(&kept, shares, span).into_iter();
        let of = |is_kept| if is_kept { smooth.next().unwrap_or_default() } else { vec![0.0; days] };
        is_kept.into_iter().map(of).collect()
    };
    let names: Vec<String> = capped.iter().map(|(variation, _)| format!("fc_weight.{variation}")).collect();
    for (name, weights) in names.into_iter().zip(weights) {
        stages.add(name, first, weights);
    }
}

/// From weighted forecasts to the combined one.
///
/// - `forecasts`: see [`filled_forecasts`].
pub(super) fn combination_stages(
    name: &str,
    config: &SystemConfig,
    forecasts: &[Series],
    estimates: &Estimates,
    stages: &mut Stages,
) {
    let capped = stages.family("capped_fc");
    let weights: Vec<&Series> = stages.family("fc_weight").into_iter().map(|(_, series)| series).collect();
    let (first, days) = span_of(forecasts);
    let multiplier = match estimates.of(name, &capped, config) {
        Some(fits) => multiplier::over_time(&weights, fits, &config.forecast_div_mult_estimate).values,
        None => vec![config.forecast_div_multiplier.of(name).copied().unwrap_or(1.0); days],
    };
    let mut sum = forecast::combined(forecasts, &weights, &multiplier);
    if config.forecast_before_data == Quirk::Sound {
        let is_known = |day: usize| forecasts.iter().any(|series| !series.values[day].is_nan());
        let unknown = (0..days).take_while(|day| !is_known(*day)).count();
        sum[..unknown].fill(f64::NAN);
    }
    let floor = config.forecast_floor.unwrap_or(-config.forecast_cap);
    let cap = config.forecast_cap;
    let limited = match config.forecast_mapping.get(name) {
        Some(mapping) => sum.iter().map(|value| mapping.of(*value, cap)).collect(),
        None => sum.iter().map(|value| value.clamp(floor, cap)).collect(),
    };
    stages.add("fdm", first, multiplier);
    stages.add("raw_combined_fc", first, sum);
    stages.add("combined_fc", first, limited);
}

/// Correlations of forecasts, by who is estimated together; none where multipliers are fixed.
#[derive(Default)]
pub(super) struct Estimates(BTreeMap<Vec<String>, Vec<(Fit, Matrix)>>);

impl Estimates {
    pub(super) fn of_forecasts(names: &[String], all: &[Stages], config: &SystemConfig) -> Self {
        if !config.use_forecast_div_mult_estimates {
            return Self::default();
        }
        let mut by_rules: BTreeMap<Vec<String>, Vec<Vec<Series>>> = BTreeMap::new();
        for (name, stages) in names.iter().zip(all) {
            let capped = stages.family("capped_fc");
            let series = capped.iter().map(|(_, series)| (*series).clone()).collect();
            by_rules.entry(group_of(name, &capped, config)).or_default().push(series);
        }
        let of_group = |members: &Vec<Vec<Series>>| {
            // All on the weeks of any: the last row, from which fits are counted back, is that of the last instrument.
            let (first, days) = span_of(members.iter().flatten());
            let panels: Vec<Panel> = members
                .iter()
                .map(|series| series.iter().map(|series| series.on(first, days)).collect::<Vec<_>>())
                .map(|series| correlation::sampled(&series, 7, true, true))
                .collect();
            let count = panels.len();
            let own = &config.forecast_correlation_estimate;
            let estimate = CorrelationConfig {
                ew_lookback: own.ew_lookback * count as f64,
                min_periods: own.min_periods * count,
                fit_dates: config.fit_dates,
                ..*own
            };
            correlation::correlations(&correlation::stacked(&panels), &estimate)
        };
        Self(by_rules.iter().map(|(rules, members)| (rules.clone(), of_group(members))).collect())
    }

    pub(super) fn of(
        &self,
        name: &str,
        capped: &[(&str, &Series)],
        config: &SystemConfig,
    ) -> Option<&Vec<(Fit, Matrix)>> {
        self.0.get(&group_of(name, capped, config))
    }
}

/// Who is estimated together: instruments of the same rules, or each by itself.
pub(super) fn group_of(name: &str, capped: &[(&str, &Series)], config: &SystemConfig) -> Vec<String> {
    let own = (!config.pool_forecast_correlations).then(|| name.to_owned());
    own.into_iter().chain(capped.iter().map(|(rule, _)| (*rule).to_owned())).collect()
}
