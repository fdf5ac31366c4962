//! From the portfolio's share of a position to the contracts that are held.

use std::collections::BTreeMap;

use tickrace_stats::Series;
use tickrace_stats::moments::fill_forward;

use super::Stages;
use crate::account::Account;
use crate::config::{BufferMethod, SystemConfig};
use crate::estimate::correlation::{self, CorrelationConfig, Matrix};
use crate::estimate::fit::Fit;
use crate::market::Market;
use crate::portfolio::dynamic::midnight_deflator;
use crate::position;
use crate::raw::{Raw, filled_on, running_sum};

/// What the risk of a whole portfolio is measured with.
pub(super) fn whole_portfolio_stages(
    market: &Market,
    name: &str,
    raw: &Raw,
    config: &SystemConfig,
    stages: &mut Stages,
) {
    let fx = stages.get("fx_used").cloned().unwrap_or_default();
    let point = market.instruments.get(name).map_or(f64::NAN, |(instrument, _)| instrument.point_size);
    // On a day without a price of the contract its value is not known.
    let prices = raw.denom_price.values.iter().zip(&fx.values);
    let values = prices.map(|(price, fx)| price * point * fx / config.notional_trading_capital).collect();
    stages.add("per_contract_value", fx.first, values);
    stages.0.push(("daily_pct_ret".to_owned(), raw.perc_returns.clone()));
    if let Some((_, prices)) = market.instruments.get(name)
        && let Some((_, values)) = prices.adjusted.columns.first()
    {
        let price = &raw.daily_price;
        let level = midnight_deflator(&prices.adjusted.at_ns, values, price.first, price.len());
        stages.0.push(("cost_deflator".to_owned(), level));
    }
}

/// Whole contracts within a buffer. Without one they are missing before the first position is known, as in the reference, so
/// that going there is no trade.
pub(super) fn whole_contracts(
    config: &SystemConfig,
    optimal: &[f64],
    top: &[f64],
    bottom: &[f64],
) -> Vec<f64> {
    let mut held = position::buffered(optimal, top, bottom, true, config.buffer_trade_to_edge);
    if config.buffer_method == BufferMethod::None {
        let unknown = optimal.iter().take_while(|position| position.is_nan()).count();
        held[..unknown].fill(f64::NAN);
    }
    held
}

/// From the portfolio's share of a position to whole contracts within their buffer.
pub(super) fn held_stages(config: &SystemConfig, scalar: Option<&Series>, stages: &mut Stages) {
    if let Some(before) = stages.get("notional_before_overlay") {
        let first = before.first;
        let scalar = scalar.map(|scalar| filled_on(scalar, before).values);
        let values = match scalar {
            Some(scalar) => {
                before.values.iter().zip(scalar).map(|(position, scalar)| position * scalar).collect()
            }
            None => before.values.clone(),
        };
        stages.add("notional_position", first, values);
    }
    let none = Series::default();
    let stage = |name: &str| stages.get(name).unwrap_or(&none);
    let notional = stage("notional_position");
    let on = |name: &str| filled_on(stage(name), notional);
    let (weight, idm) = (on("instr_weight"), on("idm"));
    let scale: Vec<f64> = on("avg_position")
        .values
        .iter()
        .zip(weight.values.iter().zip(&idm.values))
        .map(|(average, (weight, idm))| average * (weight * idm))
        .collect();
    let filled = fill_forward(&notional.values);
    let (top, bottom) = position::buffer(config.buffer_method, config.buffer_size, &filled, &scale);
    let held = whole_contracts(config, &notional.values, &top, &bottom);
    let first = notional.first;
    stages.add("buf_top", first, top);
    stages.add("buf_bot", first, bottom);
    stages.add("buffered_position", first, held);
}

/// Correlations of what subsystems earn in a week.
pub(super) fn subsystem_correlations(
    subsystems: &BTreeMap<String, Account>,
    config: &CorrelationConfig,
) -> Vec<(Fit, Matrix)> {
    let curves: Vec<Series> = subsystems
        .values()
        .map(|account| {
            let net = account.net().daily();
            Series { first: net.first, values: running_sum(&net.values) }
        })
        .collect();
    correlation::correlations(&correlation::stepped(correlation::sampled(&curves, 7, true, true)), config)
}
