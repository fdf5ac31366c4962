//! What a configuration asks of a day, worked out once; and what it asks that a day cannot give.

use tickrace_stats::BusinessDay;

use super::LiveError;
use super::member::Known;
use super::rule::Forecast;
use crate::config::{Quirk, SystemConfig};
use crate::position::daily_cash_target;
use crate::raw::{Demean, Factor};
use crate::rules::RuleError;
use crate::system::inputs::{FACTOR_ARGUMENTS, FACTOR_INPUT, INPUTS, arguments_of, factor_terms, input_name};
use crate::system::{SystemError, start_of};

/// A factor against its reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FactorPlan {
    pub factor: Factor,
    pub method: Demean,
    /// Place among the lookbacks.
    pub lookback: usize,
}

/// A rule by where its inputs stand.
#[derive(Clone, Debug)]
pub(super) struct RulePlan {
    pub name: String,
    /// Places among [`INPUTS`]; from the place of the factor input on, factors.
    pub inputs: Vec<usize>,
    pub is_attenuated: bool,
    pub scalar: f64,
    /// Before any day.
    pub fresh: Forecast,
}

/// The whole.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub from: Option<BusinessDay>,
    pub rules: Vec<RulePlan>,
    pub factors: Vec<FactorPlan>,
    /// Calendar days of windows.
    pub lookbacks: Vec<i64>,
    pub classes: Vec<String>,
    /// Class of each instrument.
    pub class_of: Vec<usize>,
    pub has_attenuation: bool,
    /// Weights of instruments before they are smoothed, and the span they are smoothed over.
    pub shares: Vec<f64>,
    pub share_span: f64,
    pub idm: f64,
    pub floor: f64,
    pub cap: f64,
    /// Size of an average forecast.
    pub forecast_mean: f64,
    /// Money for an average day.
    pub target: f64,
    pub is_known_first: bool,
    pub is_unsigned: bool,
    pub is_fx_at_close: bool,
}

/// Place of the input that has arguments of its own.
pub(super) const FACTOR_PLACE: usize = INPUTS.len() - 1;

impl Plan {
    pub fn new(config: &SystemConfig, known: &[Known]) -> Result<Self, LiveError> {
        config.validate()?;
        let names: Vec<String> = known.iter().map(|known| known.name.clone()).collect();
        config.covers(&names)?;
        refuse(config)?;
        let (mut factors, mut lookbacks) = (Vec::new(), Vec::new());
        let mut rules = Vec::new();
        for (variation, rule) in &config.trading_rules {
            let fail = |error| SystemError::Rule { variation: variation.clone(), error };
            let (fresh, names) = Forecast::new(rule).map_err(fail)?;
            let mut inputs = Vec::with_capacity(names.len());
            for (place, name) in names.iter().enumerate() {
                let input = input_name(name);
                let own = arguments_of(&rule.other_args, place);
                let known = if input == FACTOR_INPUT { &FACTOR_ARGUMENTS[..] } else { &[] };
                if let Some(name) = own.keys().find(|name| !known.contains(&name.as_str())) {
                    let name = format!("{}{name}", "_".repeat(place + 1));
                    return Err(fail(RuleError::Unread { name, known: known.join(" ") }).into());
                }
                let Some(at) = INPUTS.iter().position(|own| *own == input) else {
                    let (variation, name) = (variation.clone(), name.clone());
                    return Err(SystemError::Input { variation, name, there: INPUTS.join(" ") }.into());
                };
                if at != FACTOR_PLACE {
                    inputs.push(at);
                    continue;
                }
                let (factor, method, days) = factor_terms(&own).map_err(fail)?;
                let plan = FactorPlan { factor, method, lookback: place_of(&mut lookbacks, days) };
                inputs.push(FACTOR_PLACE + place_of(&mut factors, plan));
            }
            rules.push(RulePlan {
                name: variation.clone(),
                inputs,
                is_attenuated: config.use_attenuation.contains(variation),
                scalar: config.scalar_of(variation),
                fresh,
            });
        }
        let mut classes = Vec::new();
        let class_of = known.iter().map(|known| place_of(&mut classes, known.asset_class.clone())).collect();
        let equal = 1.0 / known.len().max(1) as f64;
        let stated = |name| config.instrument_weights.as_ref().and_then(|weights| weights.get(name)).copied();
        Ok(Self {
            from: first_day(config)?,
            rules,
            factors,
            lookbacks,
            classes,
            class_of,
            has_attenuation: !config.use_attenuation.is_empty(),
            shares: names.iter().map(|name| stated(name).unwrap_or(equal)).collect(),
            share_span: config.instrument_weight_ewma_span,
            idm: config.instrument_div_multiplier,
            floor: config.forecast_floor.unwrap_or(-config.forecast_cap),
            cap: config.forecast_cap,
            forecast_mean: config.average_absolute_forecast,
            target: daily_cash_target(config.notional_trading_capital, config.percentage_vol_target),
            is_known_first: config.forecast_before_data == Quirk::Sound,
            is_unsigned: config.negative_prices == Quirk::Sound,
            is_fx_at_close: config.fx_at_close == Quirk::Sound,
        })
    }
}

/// First day of a configuration. A state goes on by whole days: it cannot begin within one, nor at a weekend, whose rows alone
/// would make up Friday.
fn first_day(config: &SystemConfig) -> Result<Option<BusinessDay>, LiveError> {
    let Some(from_ns) = start_of(config)? else { return Ok(None) };
    let day = BusinessDay::of_ns(from_ns);
    if day.start_ns() != from_ns {
        return Err(LiveError::Refused {
            key: "start_date".to_owned(),
            why: "a state goes on by whole business days",
            instead: "state a Monday to Friday, without a time of day",
        });
    }
    Ok(Some(day))
}

/// Place of a thing, which is added where it is new.
fn place_of<T: PartialEq>(all: &mut Vec<T>, one: T) -> usize {
    all.iter().position(|own| *own == one).unwrap_or_else(|| {
        all.push(one);
        all.len() - 1
    })
}

/// Refuses what looks back over everything, or ahead.
fn refuse(config: &SystemConfig) -> Result<(), LiveError> {
    const ESTIMATED: &str = "what is estimated is fitted to the whole history anew";
    const FIX: &str = "state the estimates as fixed figures and switch this off";
    for (is_asked, key, why, instead) in [
        (config.use_forecast_scale_estimates, "use_forecast_scale_estimates", ESTIMATED, FIX),
        (config.use_forecast_weight_estimates, "use_forecast_weight_estimates", ESTIMATED, FIX),
        (config.use_forecast_div_mult_estimates, "use_forecast_div_mult_estimates", ESTIMATED, FIX),
        (config.use_instrument_weight_estimates, "use_instrument_weight_estimates", ESTIMATED, FIX),
        (config.use_instrument_div_mult_estimates, "use_instrument_div_mult_estimates", ESTIMATED, FIX),
        (
            config.volatility_calculation.backfill,
            "volatility_calculation.backfill",
            "the first volatility would stand before itself, which looks ahead",
            "set it to false",
        ),
        (
            config.forecast_post_ceiling_cost_sr.is_some(),
            "forecast_post_ceiling_cost_SR",
            "costs of rules are those of the whole history",
            "leave expensive rules out of forecast_weights",
        ),
        (
            config.bars.is_some(),
            "bars",
            "a state goes on by days",
            "use systematic targets, which works bars out from the whole history",
        ),
        (
            config.risk_overlay.is_some(),
            "risk_overlay",
            "its shocked volatilities look ahead in their first rows and its correlations go over the whole portfolio's past",
            "use systematic targets, which works the whole history out",
        ),
        (
            config.small_system.is_some(),
            "small_system",
            "whole contracts for small capital are found from the whole history's correlations",
            "use systematic targets, which works the whole history out",
        ),
    ] {
        if is_asked {
            return Err(LiveError::Refused { key: key.to_owned(), why, instead });
        }
    }
    Ok(())
}
