//! What a system estimates from forecasts and profits: scalars, and weights of forecasts and of instruments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tickrace_stats::moments::{alpha_of_span, ew_mean, ew_std, fill_forward, rolling_mean};
use tickrace_stats::{BusinessDay, Series};

use super::rule_costs::{CostConfig, RuleCosts};
use super::{Member, Stages, System};
use crate::account::{Account, Flow, SharpeCosts};
use crate::config::{Quirk, SystemConfig};
use crate::earnings::{RuleBook, sharpe_of};
use crate::estimate::correlation::{
    CorrelationConfig, Panel, correlations, on_weeks_of_all, stacked, summed_weeks,
};
use crate::estimate::fit::{DateMethod, Fit};
use crate::estimate::optimise::{self, Estimates, OptimiserConfig};
use crate::estimate::past::Past;
use crate::market::{Market, MarketError};
use crate::raw::{YEAR_ROOT, span_of};
use crate::rules::zeros_missing;

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

/// Terms of a moment of weekly returns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MomentConfig {
    /// Span of the weights, rows of one instrument.
    pub ew_lookback: f64,
    /// Rows of one instrument needed.
    pub min_periods: usize,
}

impl Default for MomentConfig {
    fn default() -> Self {
        Self { ew_lookback: 50_000.0, min_periods: 5 }
    }
}

/// Terms of their correlation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorrelationTerms {
    /// Whether rows weigh less the older they are.
    pub using_exponent: bool,
    /// Span of that weight, rows of one instrument; 50,000 of rules, 500,000 of instruments where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ew_lookback: Option<f64>,
    /// Rows of one instrument that a pair needs.
    pub min_periods: usize,
    /// Whether gaps are filled.
    pub cleaning: bool,
    /// Whether negative correlations count as none; not of rules, but of instruments, where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_at_zero: Option<bool>,
    /// What fills the gaps of a column without data.
    pub offdiag: f64,
    /// Largest size of a correlation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// Share of the average that each becomes.
    pub shrinkage: f64,
}

impl Default for CorrelationTerms {
    fn default() -> Self {
        Self {
            using_exponent: true,
            ew_lookback: None,
            min_periods: 10,
            cleaning: false,
            floor_at_zero: None,
            offdiag: 0.99,
            clip: None,
            shrinkage: 0.0,
        }
    }
}

/// How weights are estimated, in the words of the reference. What differs between weights of rules and of instruments is
/// stated with both where it is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeightConfig {
    /// Expanding, rolling or in sample.
    pub date_method: DateMethod,
    /// Years of a rolling window.
    pub rollyears: usize,
    /// Whether assets of which something is not known get a share.
    pub cleaning: bool,
    /// Whether rules are judged by what they earned in all instruments of the same rules.
    pub pool_gross_returns: bool,
    /// Whether all assets count with one mean before costs.
    pub equalise_gross: bool,
    /// Costs are taken off so many times: 2 of rules, 1 of instruments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_multiplier: Option<f64>,
    /// Whether weights found are then moved from dear assets to cheap ones.
    pub apply_cost_weight: bool,
    /// Rules that take more off a Sharpe ratio in a year get no weight.
    #[serde(rename = "ceiling_cost_SR")]
    pub ceiling_cost_sr: f64,
    /// How weights follow from the estimates. The reference's words for it may stand one level above.
    pub optimiser: OptimiserConfig,
    /// Correlations of weekly returns.
    pub correlation_estimate: CorrelationTerms,
    /// Their means.
    pub mean_estimate: MomentConfig,
    /// Their deviations.
    pub vol_estimate: MomentConfig,
}

impl Default for WeightConfig {
    fn default() -> Self {
        Self {
            date_method: DateMethod::Expanding,
            rollyears: 20,
            cleaning: true,
            pool_gross_returns: true,
            equalise_gross: false,
            cost_multiplier: None,
            apply_cost_weight: false,
            ceiling_cost_sr: 9999.0,
            optimiser: OptimiserConfig::default(),
            correlation_estimate: CorrelationTerms::default(),
            mean_estimate: MomentConfig::default(),
            vol_estimate: MomentConfig::default(),
        }
    }
}

/// What the weights are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Rules of an instrument.
    Rules,
    /// Instruments.
    Instruments,
}

impl WeightConfig {
    fn cost_multiplier(&self, of: Of) -> f64 {
        self.cost_multiplier.unwrap_or(if of == Of::Rules { 2.0 } else { 1.0 })
    }

    /// Terms of the correlation of a panel of so many instruments under each other.
    fn correlation(&self, of: Of, stacked: usize, fit_dates: Quirk) -> CorrelationConfig {
        let terms = &self.correlation_estimate;
        let lookback = terms.ew_lookback.unwrap_or(if of == Of::Rules { 50_000.0 } else { 500_000.0 });
        CorrelationConfig {
            date_method: self.date_method,
            rollyears: self.rollyears,
            fit_dates,
            using_exponent: terms.using_exponent,
            ew_lookback: lookback * stacked as f64,
            min_periods: terms.min_periods * stacked,
            cleaning: terms.cleaning,
            offdiag: terms.offdiag,
            floor_at_zero: terms.floor_at_zero.unwrap_or(of == Of::Instruments),
            clip: terms.clip,
            shrinkage: terms.shrinkage,
            ..CorrelationConfig::default()
        }
    }
}

/// Weights from a time on, nanoseconds since the Unix epoch; NaN throughout where nothing is known.
pub type Dated = Vec<(i64, Vec<f64>)>;

/// Scalars by rule, for each instrument that weighs the rule, on the days of its forecast. What others would make of the rule
/// says nothing about its size.
///
/// - `names`: of the instruments, as `all`.
pub(super) fn scalars(
    names: &[String],
    all: &[Stages],
    config: &SystemConfig,
) -> Vec<BTreeMap<String, Series>> {
    let terms = &config.forecast_scalar_estimate;
    let mut by_rule: BTreeMap<&str, Vec<(usize, &Series)>> = BTreeMap::new();
    for (place, (name, stages)) in names.iter().zip(all).enumerate() {
        let weighed = config.weights_of(name);
        for (rule, series) in stages.family("raw_fc") {
            if weighed.contains_key(rule) {
                by_rule.entry(rule).or_default().push((place, series));
            }
        }
    }
    let mut answers = vec![BTreeMap::new(); all.len()];
    for (rule, members) in by_rule {
        let series: Vec<&Series> = members.iter().map(|(_, series)| *series).collect();
        let pooled =
            terms.pool_instruments.then(|| scalar_of(&series, terms, config.average_absolute_forecast));
        for (place, own) in members {
            let scalar =
                pooled.clone().unwrap_or_else(|| scalar_of(&[own], terms, config.average_absolute_forecast));
            let on = scalar.on(own.first, own.len());
            answers[place]
                .insert(rule.to_owned(), Series { first: own.first, values: fill_forward(&on.values) });
        }
    }
    answers
}

/// The average size wanted, over the mean size of forecasts so far.
///
/// - `series`: one rule's forecast for one instrument, or for all: then each with gaps filled, and the median of their sizes.
/// - Result: on the days of all.
pub fn scalar_of(series: &[&Series], terms: &ScalarConfig, forecast_mean: f64) -> Series {
    let (first, days) = span_of(series.iter().copied());
    let is_one = series.len() == 1;
    let sizes: Vec<Vec<f64>> = series
        .iter()
        .map(|series| {
            let mut on = series.on(first, days).values;
            zeros_missing(&mut on);
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
        .map(|mean| forecast_mean / mean)
        .collect();
    if terms.backfill
        && let Some(known) = values.iter().position(|value| !value.is_nan())
    {
        let value = values[known];
        values[..known].fill(value);
    }
    Series { first, values }
}

/// What an account earned before costs on its days with profit, and what its costs take off its Sharpe ratio.
#[derive(Clone, Debug)]
struct Earner {
    /// Money by day, missing where it is zero.
    gross: Series,
    /// A year, zero or above.
    cost: f64,
}

impl Earner {
    /// Costs count by the average of the days that have any, against the deviation of profits on the days that have any.
    fn of(account: &Account) -> Self {
        let (gross, costs) = (traded(&account.gross), traded(&account.costs));
        let cost = -YEAR_ROOT * moments(&costs.values).0 / moments(&gross.values).1;
        Self { gross, cost: if cost.is_nan() { 0.0 } else { cost } }
    }
}

/// Days of a flow, zeros missing.
fn traded(flow: &Flow) -> Series {
    let mut daily = flow.daily();
    for value in daily.values.iter_mut().filter(|value| **value == 0.0) {
        *value = f64::NAN;
    }
    daily
}

/// Mean and deviation (n - 1) of what is known.
fn moments(values: &[f64]) -> (f64, f64) {
    let known = || values.iter().copied().filter(|value| !value.is_nan());
    let count = known().count() as f64;
    let mean = known().sum::<f64>() / count;
    let squares: f64 = known().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (count - 1.0)).sqrt())
}

/// Profits less a steady drain each day of so much Sharpe ratio a year.
fn after_costs(gross: &Series, sharpe_cost: f64) -> Series {
    let drain = sharpe_cost / YEAR_ROOT * moments(&gross.values).1;
    let values = gross.values.iter().map(|value| value - drain).collect();
    Series { first: gross.first, values }
}

/// Brings all to one mean, that of the means of all columns.
///
/// - `frames`: `[instruments][rules]`.
fn with_one_mean(frames: &mut [Vec<Series>]) {
    let columns = frames.first().map_or(0, Vec::len);
    let of_column = |column: usize| {
        let all: Vec<f64> = frames.iter().flat_map(|frame| frame[column].values.iter().copied()).collect();
        moments(&all).0
    };
    let means: Vec<f64> = (0..columns).map(of_column).collect();
    let target = moments(&means).0;
    for series in frames.iter_mut().flatten() {
        let shift = target - moments(&series.values).0;
        series.values.iter_mut().for_each(|value| *value += shift);
    }
}

/// What rules earned in each instrument, and what is known of their costs.
pub(super) struct RuleEarnings {
    /// `[instruments][rules]`, in the order of their names.
    names: Vec<Vec<String>>,
    earners: Vec<Vec<Earner>>,
    costs: Vec<RuleCosts>,
}

impl RuleEarnings {
    pub(super) fn new(
        system: &System,
        all: &[Stages],
        market: &Market,
        config: &SystemConfig,
    ) -> Result<Self, MarketError> {
        let members: Vec<&Member> = system.members.values().collect();
        let costs = rule_costs(&members, all, config);
        let earners = super::parallel::each(members.len(), |place| {
            let member = members[place];
            let fx = market.fx(&member.instrument.currency, &config.base_currency, config.missing_rates)?;
            let book = RuleBook::new(member, &fx, config);
            let of = |(rule, forecast): (&str, &Series)| {
                let cost = costs[place].sharpe.get(rule).copied().unwrap_or(0.0);
                Earner::of(&book.account(forecast, cost))
            };
            Ok::<_, MarketError>(all[place].family("capped_fc").into_iter().map(of).collect::<Vec<_>>())
        });
        let earners = earners.into_iter().collect::<Result<Vec<_>, _>>()?;
        let names = all
            .iter()
            .map(|stages| stages.family("capped_fc").into_iter().map(|(rule, _)| rule.to_owned()).collect());
        Ok(Self { names: names.collect(), earners, costs })
    }

    /// Places of an instrument's rules that cost no more than the ceiling.
    fn cheap(&self, place: usize, ceiling: f64) -> Vec<usize> {
        let costs = &self.costs[place].sharpe;
        let is_cheap = |rule: &String| costs.get(rule).is_some_and(|cost| *cost <= ceiling);
        (0..self.names[place].len()).filter(|rule| is_cheap(&self.names[place][*rule])).collect()
    }

    /// What the costs of one instrument's rule are taken to be, from all instruments it is judged with.
    fn cost(&self, place: usize, rule: usize, together: &[(usize, usize)], terms: CostConfig) -> f64 {
        let own = self.earners[place][rule].cost;
        if together.len() == 1 {
            return own;
        }
        let costs = |&(place, rule): &(usize, usize)| self.earners[place][rule].cost;
        let turned =
            |&(place, rule): &(usize, usize)| self.costs[place].own.get(&self.names[place][rule]).copied();
        if terms.use_pooled_costs {
            moments(&together.iter().map(costs).collect::<Vec<_>>()).0
        } else if terms.use_pooled_turnover {
            let all: Vec<f64> = together.iter().filter_map(turned).collect();
            match turned(&(place, rule)) {
                Some(turned) if turned > 0.0 => own / turned * moments(&all).0,
                _ => own,
            }
        } else {
            own
        }
    }

    /// Weights of each instrument's rules, from the profits of all instruments with the same affordable rules, at its own
    /// costs; rules that cost too much have none.
    pub(super) fn weights(&self, config: &SystemConfig) -> Vec<Dated> {
        super::parallel::each(self.names.len(), |place| {
            let (panel, cheap, costs, count) = self.panel(place, config);
            let terms = &config.forecast_weight_estimate;
            let names: Vec<String> = cheap.iter().map(|rule| self.names[place][*rule].clone()).collect();
            let mut dated = Vec::new();
            let of = (Of::Rules, count, config.fit_dates);
            for (start_ns, mut weights) in over_time(&panel, &names, of, terms) {
                if terms.apply_cost_weight {
                    weights = optimise::moved_by_costs(&weights, &costs);
                }
                let mut all = vec![0.0; self.names[place].len()];
                for (rule, weight) in cheap.iter().zip(weights) {
                    all[*rule] = weight;
                }
                dated.push((start_ns, all));
            }
            dated
        })
    }

    /// The weekly returns an instrument's rules are judged by, which rules those are, what each costs, and of how many
    /// instruments the rows are.
    fn panel(&self, place: usize, config: &SystemConfig) -> (Panel, Vec<usize>, Vec<f64>, usize) {
        let terms = &config.forecast_weight_estimate;
        let ceiling = terms.ceiling_cost_sr;
        let named = |place: usize, cheap: &[usize]| -> Vec<&str> {
            cheap.iter().map(|rule| self.names[place][*rule].as_str()).collect()
        };
        let cheap = self.cheap(place, ceiling);
        let own = named(place, &cheap);
        let together: Vec<(usize, Vec<usize>)> = (0..self.names.len())
            .map(|other| (other, self.cheap(other, ceiling)))
            .filter(|(other, cheap)| named(*other, cheap) == own)
            .collect();
        let costs: Vec<f64> = (0..cheap.len())
            .map(|column| {
                let of_column: Vec<(usize, usize)> =
                    together.iter().map(|(other, cheap)| (*other, cheap[column])).collect();
                self.cost(place, cheap[column], &of_column, config.forecast_cost_estimates)
            })
            .collect();
        let is_judged = |other: usize| terms.pool_gross_returns || other == place;
        let mut frames: Vec<Vec<Series>> = together
            .iter()
            .filter(|(other, _)| is_judged(*other))
            .map(|(other, cheap)| {
                cheap.iter().map(|rule| self.earners[*other][*rule].gross.clone()).collect()
            })
            .collect();
        if terms.equalise_gross {
            with_one_mean(&mut frames);
        }
        let multiplier = terms.cost_multiplier(Of::Rules);
        // Weeks without profit are zeros within an instrument's own history, and missing outside it.
        let own: Vec<Panel> = frames
            .iter()
            .map(|frame| {
                let net = frame.iter().zip(&costs).map(|(gross, cost)| after_costs(gross, cost * multiplier));
                summed_weeks(&net.collect::<Vec<_>>())
            })
            .collect();
        (stacked(&on_weeks_of_all(&own)), cheap, costs, frames.len())
    }
}

/// What rules cost each instrument.
pub(super) fn rule_costs(members: &[&Member], all: &[Stages], config: &SystemConfig) -> Vec<RuleCosts> {
    let forecasts: Vec<Vec<(&str, &Series)>> = all.iter().map(|stages| stages.family("capped_fc")).collect();
    let sharpe: Vec<SharpeCosts> = members.iter().map(|member| sharpe_of(member)).collect();
    RuleCosts::of_all(&forecasts, &sharpe, config)
}

/// The weekly returns that the weights of instruments are estimated from, after costs.
pub fn instrument_returns(system: &System, config: &SystemConfig) -> Panel {
    let terms = &config.instrument_weight_estimate;
    let earners: Vec<Earner> = system.subsystems.values().map(Earner::of).collect();
    let mut frame = vec![earners.iter().map(|earner| earner.gross.clone()).collect::<Vec<_>>()];
    if terms.equalise_gross {
        with_one_mean(&mut frame);
    }
    let multiplier = terms.cost_multiplier(Of::Instruments);
    let net = frame[0].iter().zip(&earners).map(|(gross, own)| after_costs(gross, own.cost * multiplier));
    summed_weeks(&net.collect::<Vec<_>>())
}

/// Those that an instrument's rules are judged by.
///
/// # Errors
///
/// [`MarketError`] where a currency has no rate.
pub fn rule_returns(
    system: &System,
    name: &str,
    market: &Market,
    config: &SystemConfig,
) -> Result<Panel, MarketError> {
    let all: Vec<Stages> = system.members.values().map(|member| member.stages.clone()).collect();
    let place = system.members.keys().position(|own| own == name);
    let earnings = RuleEarnings::new(system, &all, market, config)?;
    Ok(place.map(|place| earnings.panel(place, config).0).unwrap_or_default())
}

/// Weights of instruments, from the profits of their subsystems.
pub(super) fn instrument_weights(system: &System, config: &SystemConfig) -> Dated {
    let terms = &config.instrument_weight_estimate;
    let names: Vec<String> = system.members.keys().cloned().collect();
    let of = (Of::Instruments, 1, config.fit_dates);
    let mut dated = over_time(&instrument_returns(system, config), &names, of, terms);
    if terms.apply_cost_weight {
        let costs: Vec<f64> = system.subsystems.values().map(|account| Earner::of(account).cost).collect();
        for (_, weights) in &mut dated {
            *weights = optimise::moved_by_costs(weights, &costs);
        }
    }
    dated
}

/// Weights of each fit; see [`estimates_over_time`].
///
/// - `names`: of the panel's columns.
fn over_time(panel: &Panel, names: &[String], of: (Of, usize, Quirk), config: &WeightConfig) -> Dated {
    let size = panel.columns.len();
    let floor_at_zero = config.correlation(of.0, of.1, of.2).floor_at_zero;
    let mut before = Vec::new();
    let fits = estimates_over_time(panel, of, config).into_iter().map(|(fit, estimates)| {
        if fit.no_data {
            before = vec![1.0 / size as f64; size];
            return (fit.period_start_ns, before.clone());
        }
        let window = window(panel, &fit);
        // What a method sees of the rows ends before the fit does.
        let seen = window.start..panel.at_ns.partition_point(|at| *at < fit.fit_end_ns).max(window.start);
        let mut past = Past::new(panel, seen, names, YEAR_WEEKS);
        (past.floor_at_zero, past.before) = (floor_at_zero, std::mem::take(&mut before));
        let weights = optimise::weights_of_past(&estimates, &past, &config.optimiser);
        let has_data: Vec<bool> = panel
            .columns
            .iter()
            .map(|column| column[window.clone()].iter().any(|value| !value.is_nan()))
            .collect();
        let weights = if config.cleaning { optimise::filled(&weights, &has_data) } else { weights };
        before.clone_from(&weights);
        (fit.period_start_ns, weights)
    });
    fits.collect()
}

/// Rows of a fit's window, its end among them: how long it is counts that row, though no moment knows it.
fn window(panel: &Panel, fit: &Fit) -> std::ops::Range<usize> {
    let start = panel.at_ns.partition_point(|at| *at < fit.fit_start_ns);
    start..panel.at_ns.partition_point(|at| *at <= fit.fit_end_ns).max(start)
}

/// What each fit knows of a panel of weekly returns: moments a year.
///
/// - `stacked`: instruments whose rows stand under each other in the panel. `dates`: from where fits are counted.
pub fn estimates_over_time(
    panel: &Panel,
    (of, stacked, dates): (Of, usize, Quirk),
    config: &WeightConfig,
) -> Vec<(Fit, Estimates)> {
    let terms = |moment: &MomentConfig| {
        (alpha_of_span(moment.ew_lookback * stacked as f64), moment.min_periods * stacked)
    };
    let (alpha, least) = terms(&config.mean_estimate);
    let means: Vec<Vec<f64>> = panel.columns.iter().map(|column| ew_mean(column, alpha, least)).collect();
    let (alpha, least) = terms(&config.vol_estimate);
    let deviations: Vec<Vec<f64>> = panel.columns.iter().map(|column| ew_std(column, alpha, least)).collect();
    correlations(panel, &config.correlation(of, stacked, dates))
        .into_iter()
        .map(|(fit, correlation)| {
            let end = panel.at_ns.partition_point(|at| *at < fit.fit_end_ns);
            let last = |columns: &[Vec<f64>], scale: f64| -> Vec<f64> {
                let at = |column: &Vec<f64>| end.checked_sub(1).map_or(f64::NAN, |row| column[row] * scale);
                columns.iter().map(at).collect()
            };
            let estimates = Estimates {
                means: last(&means, YEAR_WEEKS),
                deviations: last(&deviations, YEAR_WEEKS.sqrt()),
                correlation,
                years: window(panel, &fit).len() as f64 / YEAR_WEEKS,
            };
            (fit, estimates)
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
