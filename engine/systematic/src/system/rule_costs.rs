//! What rules cost instruments: how often forecasts are turned over, and what that takes off a Sharpe ratio.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tickrace_stats::Series;

use crate::account::{AverageSize, SharpeCosts, pooled_turnover, turnover};
use crate::config::SystemConfig;

/// What is averaged over instruments of the same rules, in the words of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CostConfig {
    /// Whether the cost of trading a rule is the average of all of them.
    pub use_pooled_costs: bool,
    /// Whether the turnover of a rule is the average of all of them.
    pub use_pooled_turnover: bool,
}

impl Default for CostConfig {
    fn default() -> Self {
        Self { use_pooled_costs: false, use_pooled_turnover: true }
    }
}

/// Costs of the rules of one instrument, by rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleCosts {
    /// Turnovers a year of its own forecast.
    pub own: BTreeMap<String, f64>,
    /// The same over all instruments of the same rules, by their days.
    pub pooled: BTreeMap<String, f64>,
    /// What is taken off a Sharpe ratio in a year: trading and holding.
    pub sharpe: BTreeMap<String, f64>,
}

impl RuleCosts {
    /// Costs of every instrument.
    ///
    /// - `forecasts`: `[instruments]`, capped forecasts by rule. `sharpe`: `[instruments]`, what trading costs there.
    pub fn of_all(
        forecasts: &[Vec<(&str, &Series)>],
        sharpe: &[SharpeCosts],
        config: &SystemConfig,
    ) -> Vec<Self> {
        let terms = config.forecast_cost_estimates;
        let own: Vec<Vec<f64>> = forecasts
            .iter()
            .map(|rules| {
                let of = |(_, forecast): &(&str, &Series)| {
                    turnover(forecast, AverageSize::Constant(config.average_absolute_forecast))
                };
                rules.iter().map(of).collect()
            })
            .collect();
        let mut groups: BTreeMap<Vec<&str>, Vec<usize>> = BTreeMap::new();
        for (place, rules) in forecasts.iter().enumerate() {
            groups.entry(rules.iter().map(|(rule, _)| *rule).collect()).or_default().push(place);
        }
        let mut all = vec![Self::default(); forecasts.len()];
        for (rules, members) in groups {
            for (column, rule) in rules.into_iter().enumerate() {
                let rows = |place: usize| forecasts[place][column].1.len();
                let parts: Vec<(f64, usize)> =
                    members.iter().map(|&place| (own[place][column], rows(place))).collect();
                let pooled = pooled_turnover(&parts);
                let trading = |place: usize| {
                    let turned = if terms.use_pooled_turnover { pooled } else { own[place][column] };
                    sharpe[place].trading(turned)
                };
                let parts: Vec<(f64, usize)> =
                    members.iter().map(|&place| (trading(place), rows(place))).collect();
                let shared = pooled_turnover(&parts);
                for &place in &members {
                    let cost = if terms.use_pooled_costs { shared } else { trading(place) };
                    let costs = &mut all[place];
                    costs.own.insert(rule.to_owned(), own[place][column]);
                    costs.pooled.insert(rule.to_owned(), pooled);
                    costs.sharpe.insert(rule.to_owned(), sharpe[place].holding + cost);
                }
            }
        }
        all
    }
}
