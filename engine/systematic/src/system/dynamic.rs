//! Whole contracts for small capital, day after day: each starts from what the day before held.

use serde::{Deserialize, Serialize};
use tickrace_stats::{BusinessDay, Series};

use super::{Stages, System, SystemError};
use crate::config::SystemConfig;
use crate::market::Market;
use crate::portfolio::dynamic::{cost_of_weight, covariance};
use crate::portfolio::{CorrelationConfig, CorrelationPath, DynamicAsset, SpeedControl, optimise};
use crate::raw::{YEAR_ROOT, span_of};

/// How wanted positions are followed with whole contracts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmallSystemConfig {
    /// What a unit of cost weighs against a unit of tracking error.
    pub shadow_cost: f64,
    /// Costs times this.
    pub cost_multiplier: f64,
    /// Tracking error that is left alone, annual, a fraction of capital.
    pub tracking_error_buffer: f64,
    /// Share by which correlations are pulled to zero.
    pub shrink_instrument_returns_correlation: f64,
    /// Most contracts on either side, by instrument.
    pub max_positions: std::collections::BTreeMap<String, f64>,
    /// Instruments whose position may not change.
    pub no_trade: Vec<String>,
    /// Instruments whose position may only shrink.
    pub reduce_only: Vec<String>,
}

/// Contracts of each day and instrument, from flat on the first.
///
/// # Errors
///
/// [`SystemError::Market`] where a currency has no rate, [`SystemError::Dynamic`] naming the day.
pub fn path(
    system: &System,
    market: &Market,
    config: &SystemConfig,
    small: &SmallSystemConfig,
) -> Result<Stages, SystemError> {
    let members: Vec<_> = system.members.values().collect();
    let names: Vec<&String> = system.members.keys().collect();
    let stage = |name: &str| -> Vec<Series> {
        members
            .iter()
            .map(|member| member.stages.get(name).cloned().unwrap_or_default())
            .map(filled)
            .collect()
    };
    let [wanted, value, level] =
        ["notional_before_overlay", "per_contract_value", "cost_deflator"].map(stage);
    let volatility: Vec<Series> = members.iter().map(|member| filled(member.raw.perc_vol.clone())).collect();
    let returns: Vec<&Series> = members.iter().map(|member| &member.raw.perc_returns).collect();
    let mut correlations = CorrelationPath::new(&returns, CorrelationConfig::default());
    let mut unit_costs = Vec::with_capacity(members.len());
    for (member, value) in members.iter().zip(&value) {
        let price = filled(member.raw.daily_price.clone()).values.last().copied().unwrap_or(f64::NAN);
        let fx = market.fx(&member.instrument.currency, &config.base_currency, config.missing_rates)?;
        let rate = fx.at_day(i64::from(i32::MAX));
        let now = value.values.last().copied().unwrap_or(f64::NAN);
        let cost = member.instrument.costs().of_contract(price) * rate * small.cost_multiplier;
        unit_costs.push(cost_of_weight(cost, now, config.notional_trading_capital, 1.0));
    }
    let speed =
        SpeedControl { shadow_cost: small.shadow_cost, tracking_error_buffer: small.tracking_error_buffer };
    let (first, days) = span_of(&wanted);
    let mut held = vec![0.0; members.len()];
    let mut columns = vec![Vec::with_capacity(days); members.len()];
    for number in (first.0..).take(days) {
        let day = BusinessDay(number);
        let matrix = correlations.on(day.day());
        let asset = |place: usize| DynamicAsset {
            optimal: wanted[place].at(day),
            value_per_contract: value[place].at(day),
            cost: unit_costs[place] * level[place].at(day),
            is_untradable: small.no_trade.contains(names[place]),
            is_reduce_only: small.reduce_only.contains(names[place]),
            is_long_only: config.long_only_instruments.contains(names[place]),
            max_contracts: small.max_positions.get(names[place]).copied(),
        };
        // Of an instrument without a price or a position nothing can be said yet.
        let known: Vec<usize> = (0..members.len())
            .filter(|place| {
                let asset = asset(*place);
                let risk = volatility[*place].at(day);
                [asset.optimal, asset.value_per_contract, asset.cost, risk]
                    .iter()
                    .all(|value| value.is_finite())
                    && asset.value_per_contract != 0.0
            })
            .collect();
        let assets: Vec<DynamicAsset> = known.iter().map(|place| asset(*place)).collect();
        let vol: Vec<f64> =
            known.iter().map(|place| volatility[*place].at(day) * YEAR_ROOT / 100.0).collect();
        let count = members.len();
        let own: Vec<f64> = known
            .iter()
            .flat_map(|row| known.iter().map(move |column| row * count + column))
            .map(|place| matrix[place])
            .collect();
        let covariance = covariance(&vol, &own, small.shrink_instrument_returns_correlation);
        let prior: Vec<f64> = known.iter().map(|place| held[*place]).collect();
        if !known.is_empty() {
            let outcome = optimise(&assets, &covariance, Some(&prior), &speed)
                .map_err(|error| SystemError::Dynamic { day: day.day(), error })?;
            for (place, contracts) in known.iter().zip(outcome.contracts) {
                held[*place] = contracts;
            }
        }
        for (column, held) in columns.iter_mut().zip(&held) {
            column.push(*held);
        }
    }
    let series = |(name, values): (&&String, Vec<f64>)| ((*name).clone(), Series { first, values });
    Ok(Stages(names.iter().zip(columns).map(series).collect()))
}

/// The last value goes on to the end of time: an instrument that misses the last day is still held.
fn filled(series: Series) -> Series {
    Series { first: series.first, values: tickrace_stats::moments::fill_forward(&series.values) }
}
