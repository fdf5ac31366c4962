//! A system as it is configured, in the vocabulary of the reference.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::bars::BarsConfig;
use crate::estimate::correlation::CorrelationConfig;
use crate::estimate::multiplier::MultiplierConfig;
use crate::estimate::optimise::OptimiserConfig;
use crate::forecast::Mapping;
use crate::groups::Grouped;
use crate::raw::{VolatilityConfig, VolatilityMethod};
use crate::rules::Arguments;
use crate::stress::StressConfig;
use crate::system::dynamic::SmallSystemConfig;
use crate::system::estimated::{ScalarConfig, WeightConfig};
use crate::system::overlay::OverlayConfig;
use crate::system::rule_costs::CostConfig;

/// Why a configuration makes no system.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{key}: {fault}")]
pub struct ConfigError {
    /// The key at fault.
    pub key: String,
    /// What is wrong, and what would be right.
    pub fault: String,
}

/// A rule with its inputs and arguments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Name of the rule; of a dotted one the last part counts. `expression` for a rule stated here.
    pub function: String,
    /// Its inputs, in order; of dotted names the last part counts.
    #[serde(default)]
    pub data: Vec<String>,
    /// Its arguments. Those with one leading underscore go to the first input, two to the second, and so on.
    #[serde(default)]
    pub other_args: Arguments,
    /// The text of an `expression`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// What its forecast is multiplied by, before all other scalars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast_scalar: Option<f64>,
}

/// One figure for all, or one for each name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PerName<T> {
    /// For all.
    All(T),
    /// By name.
    Each(BTreeMap<String, T>),
}

impl<T> PerName<T> {
    /// The figure of a name.
    pub fn of(&self, name: &str) -> Option<&T> {
        match self {
            Self::All(value) => Some(value),
            Self::Each(by_name) => by_name.get(name),
        }
    }
}

/// How a position is kept from following every change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BufferMethod {
    /// A share of the position that the average forecast would mean.
    #[default]
    Forecast,
    /// A share of the position.
    Position,
    /// Not at all.
    None,
}

/// Whether a quirk of the reference is kept for parity, or replaced by what a sound system does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quirk {
    /// As the reference does.
    #[default]
    Reference,
    /// As a sound system does.
    Sound,
}

/// A whole system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SystemConfig {
    /// Days before are left out, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date: Option<String>,
    /// Prices are bars within the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bars: Option<BarsConfig>,
    /// Currency of the account.
    pub base_currency: String,
    /// Capital, in that currency.
    pub notional_trading_capital: f64,
    /// Annual deviation aimed at, per cent of capital.
    pub percentage_vol_target: f64,
    /// Deviation of daily differences.
    pub volatility_calculation: VolatilityConfig,
    /// Rules by the name of the variation.
    pub trading_rules: BTreeMap<String, RuleConfig>,
    /// Scalars by variation.
    pub forecast_scalars: BTreeMap<String, f64>,
    /// Scalar of what has no other.
    pub forecast_scalar: f64,
    /// Size of an average forecast: what estimated scalars aim at, and the forecast of an average position.
    pub average_absolute_forecast: f64,
    /// Whether scalars are estimated instead.
    pub use_forecast_scale_estimates: bool,
    /// How.
    pub forecast_scalar_estimate: ScalarConfig,
    /// Forecasts are kept below.
    pub forecast_cap: f64,
    /// Forecasts are kept above; minus the cap where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast_floor: Option<f64>,
    /// Rules whose weights are estimated, for all or by instrument; every rule where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_variations: Option<RuleVariations>,
    /// Weights by variation, by instrument and variation, or by groups; equal ones where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast_weights: Option<ForecastWeights>,
    /// Whether weights of forecasts are estimated instead, of the rules of `rule_variations`.
    pub use_forecast_weight_estimates: bool,
    /// How.
    pub forecast_weight_estimate: WeightConfig,
    /// What costs of rules are averaged over.
    pub forecast_cost_estimates: CostConfig,
    /// Rules that take more off a Sharpe ratio in a year get no weight, however it was found; absent: none.
    #[serde(rename = "forecast_post_ceiling_cost_SR", skip_serializing_if = "Option::is_none")]
    pub forecast_post_ceiling_cost_sr: Option<f64>,
    /// Combined forecasts by a threshold instead of a cap alone, by instrument.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub forecast_mapping: BTreeMap<String, Mapping>,
    /// Days over which weights of forecasts are smoothed.
    pub forecast_weight_ewma_span: f64,
    /// Diversification multiplier of forecasts.
    pub forecast_div_multiplier: PerName<f64>,
    /// Whether that multiplier is estimated instead.
    pub use_forecast_div_mult_estimates: bool,
    /// How it is smoothed and bounded.
    pub forecast_div_mult_estimate: MultiplierConfig,
    /// How correlations of forecasts are estimated.
    pub forecast_correlation_estimate: CorrelationConfig,
    /// Whether they are estimated over all instruments with the same rules together, or each by itself.
    pub pool_forecast_correlations: bool,
    /// Variations whose raw forecasts shrink where volatility is high.
    pub use_attenuation: Vec<String>,
    /// Instruments that are never sold short.
    pub long_only_instruments: Vec<String>,
    /// Weights by instrument, or by groups; equal ones over the data where absent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "flat_weights")]
    pub instrument_weights: Option<BTreeMap<String, f64>>,
    /// Whether weights of instruments are estimated instead; those stated name the instruments.
    pub use_instrument_weight_estimates: bool,
    /// How.
    pub instrument_weight_estimate: WeightConfig,
    /// Days over which weights of instruments are smoothed.
    pub instrument_weight_ewma_span: f64,
    /// Diversification multiplier of instruments.
    pub instrument_div_multiplier: f64,
    /// Whether that multiplier is estimated instead.
    pub use_instrument_div_mult_estimates: bool,
    /// How it is smoothed and bounded.
    pub instrument_div_mult_estimate: MultiplierConfig,
    /// How correlations of subsystems' profits are estimated.
    pub instrument_correlation_estimate: CorrelationConfig,
    /// How positions are buffered.
    pub buffer_method: BufferMethod,
    /// Width of the buffer on each side, a share.
    pub buffer_size: f64,
    /// Whether a trade goes to the edge of the buffer, or to its middle.
    pub buffer_trade_to_edge: bool,
    /// Limits on the risk of the whole portfolio; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_overlay: Option<OverlayConfig>,
    /// Whole contracts for small capital; absent: buffered positions alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub small_system: Option<SmallSystemConfig>,
    /// What `stress` tests; well-known bad times and usual shocks where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stress: Option<StressConfig>,
    /// Whether costs of instruments are a steady drain worked out from their Sharpe costs, and not those of each fill.
    #[serde(rename = "use_SR_costs")]
    pub use_sr_costs: bool,
    /// Whether the cost of a fill follows the volatility of its time.
    pub vol_normalise_currency_costs: bool,
    /// Share of the average position that a roll is charged for, in the accounts of the portfolio's instruments.
    pub multiply_roll_costs_by: f64,
    /// Dates of fits: counted back from the last day in the reference, so that each new day moves them all; from the first day
    /// in a sound system.
    pub fit_dates: Quirk,
    /// Combined forecasts before any rule has one: zero in the reference, missing in a sound system.
    pub forecast_before_data: Quirk,
    /// An exchange rate stamped at the day's close: heard of the next day in the reference, the same day in a sound system.
    pub fx_at_close: Quirk,
    /// A row without a rate in a file of rates: hides the rate until the next row in the reference, so that there is no
    /// position and no profit meanwhile; passed over in a sound system.
    pub missing_rates: Quirk,
    /// A negative price of the held contract: turns the position's sign in the reference, not in a sound system.
    pub negative_prices: Quirk,
}

/// Rules whose weights are estimated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RuleVariations {
    /// The same for all instruments.
    Same(Vec<String>),
    /// By instrument.
    ByInstrument(BTreeMap<String, Vec<String>>),
}

/// Weights of forecasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ForecastWeights {
    /// By groups of groups.
    Grouped(Grouped),
    /// The same for all instruments.
    Same(BTreeMap<String, f64>),
    /// By instrument.
    ByInstrument(BTreeMap<String, BTreeMap<String, f64>>),
}

/// Weights by name; those by groups are worked out.
fn flat_weights<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, f64>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stated {
        Grouped(Grouped),
        Plain(BTreeMap<String, f64>),
    }
    match Stated::deserialize(deserializer)? {
        Stated::Plain(weights) => Ok(Some(weights)),
        Stated::Grouped(Grouped { auto_weight_from_grouping: grouping }) => match grouping.fault() {
            Some(fault) => Err(serde::de::Error::custom(format!("auto_weight_from_grouping: {fault}"))),
            None => Ok(Some(grouping.weights(&|_| false))),
        },
    }
}

impl Default for SystemConfig {
    fn default() -> Self {
        Self {
            start_date: None,
            bars: None,
            base_currency: "USD".to_owned(),
            notional_trading_capital: 1_000_000.0,
            percentage_vol_target: 16.0,
            volatility_calculation: VolatilityConfig::default(),
            trading_rules: BTreeMap::new(),
            forecast_scalars: BTreeMap::new(),
            forecast_scalar: 1.0,
            average_absolute_forecast: 10.0,
            use_forecast_scale_estimates: false,
            forecast_scalar_estimate: ScalarConfig::default(),
            forecast_cap: 20.0,
            forecast_floor: None,
            rule_variations: None,
            forecast_weights: None,
            use_forecast_weight_estimates: false,
            forecast_weight_estimate: WeightConfig::default(),
            forecast_cost_estimates: CostConfig::default(),
            forecast_post_ceiling_cost_sr: None,
            forecast_mapping: BTreeMap::new(),
            forecast_weight_ewma_span: 125.0,
            forecast_div_multiplier: PerName::All(1.0),
            use_forecast_div_mult_estimates: false,
            forecast_div_mult_estimate: MultiplierConfig::default(),
            forecast_correlation_estimate: CorrelationConfig {
                ew_lookback: 250.0,
                ..CorrelationConfig::default()
            },
            pool_forecast_correlations: true,
            use_attenuation: Vec::new(),
            long_only_instruments: Vec::new(),
            instrument_weights: None,
            use_instrument_weight_estimates: false,
            instrument_weight_estimate: WeightConfig {
                optimiser: OptimiserConfig { equalise_sr: true, ..OptimiserConfig::default() },
                ..WeightConfig::default()
            },
            instrument_weight_ewma_span: 125.0,
            instrument_div_multiplier: 1.0,
            use_instrument_div_mult_estimates: false,
            instrument_div_mult_estimate: MultiplierConfig::default(),
            instrument_correlation_estimate: CorrelationConfig::default(),
            buffer_method: BufferMethod::Forecast,
            buffer_size: 0.1,
            buffer_trade_to_edge: true,
            risk_overlay: None,
            small_system: None,
            stress: None,
            use_sr_costs: false,
            vol_normalise_currency_costs: true,
            multiply_roll_costs_by: 0.5,
            fit_dates: Quirk::Reference,
            forecast_before_data: Quirk::Reference,
            fx_at_close: Quirk::Reference,
            missing_rates: Quirk::Reference,
            negative_prices: Quirk::Reference,
        }
    }
}

impl SystemConfig {
    /// Refuses what makes no system.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key and what would be right.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let fail = |key: &str, fault: String| Err(ConfigError { key: key.to_owned(), fault });
        for (key, got) in [
            ("notional_trading_capital", self.notional_trading_capital),
            ("percentage_vol_target", self.percentage_vol_target),
            ("forecast_cap", self.forecast_cap),
            ("average_absolute_forecast", self.average_absolute_forecast),
            ("instrument_div_multiplier", self.instrument_div_multiplier),
            ("forecast_weight_ewma_span", self.forecast_weight_ewma_span),
            ("instrument_weight_ewma_span", self.instrument_weight_ewma_span),
            ("volatility_calculation.days", self.volatility_calculation.days),
            ("volatility_calculation.slow_vol_years", self.volatility_calculation.slow_vol_years),
        ] {
            if !(got.is_finite() && got > 0.0) {
                return fail(key, format!("must be above zero, it is {got}"));
            }
        }
        if !(0.0..1.0).contains(&self.buffer_size) {
            return fail("buffer_size", format!("must be from 0 to below 1, it is {}", self.buffer_size));
        }
        if !(0.0..=1.0).contains(&self.volatility_calculation.proportion_of_slow_vol) {
            return fail("volatility_calculation.proportion_of_slow_vol", "must be from 0 to 1".to_owned());
        }
        if self.forecast_floor.is_some_and(|floor| floor.is_nan() || floor > 0.0 || floor.is_infinite()) {
            return fail("forecast_floor", "must be zero or below".to_owned());
        }
        if !(0.0..=1.0).contains(&self.volatility_calculation.floor_min_quant) {
            return fail("volatility_calculation.floor_min_quant", "must be from 0 to 1".to_owned());
        }
        let window = &self.volatility_calculation;
        if window.func == VolatilityMethod::Rolling && window.days < 1.0 {
            let fault = format!("a window of days must be at least 1, it is {}", window.days);
            return fail("volatility_calculation.days", fault);
        }
        if window.floor_days == 0 {
            return fail("volatility_calculation.floor_days", "must be at least 1".to_owned());
        }
        let vol_min = self.volatility_calculation.vol_abs_min;
        if !(vol_min.is_finite() && vol_min >= 0.0) {
            return fail(
                "volatility_calculation.vol_abs_min",
                format!("must be zero or above, it is {vol_min}"),
            );
        }
        let multipliers: Vec<f64> = match &self.forecast_div_multiplier {
            PerName::All(one) => vec![*one],
            PerName::Each(by_name) => by_name.values().copied().collect(),
        };
        if multipliers.iter().any(|one| !(one.is_finite() && *one > 0.0)) {
            return fail("forecast_div_multiplier", "must be above zero".to_owned());
        }
        if self.trading_rules.is_empty() {
            return fail("trading_rules", "state at least one rule".to_owned());
        }
        let known = || self.trading_rules.keys().cloned().collect::<Vec<_>>().join(" ");
        let weighted: Vec<String> = match &self.forecast_weights {
            None => Vec::new(),
            Some(ForecastWeights::Same(weights)) => weights.keys().cloned().collect(),
            Some(ForecastWeights::ByInstrument(weights)) => {
                weights.values().flat_map(BTreeMap::keys).cloned().collect()
            }
            Some(ForecastWeights::Grouped(grouped)) => {
                if let Some(fault) = grouped.auto_weight_from_grouping.fault() {
                    return fail("forecast_weights.auto_weight_from_grouping", fault);
                }
                grouped.auto_weight_from_grouping.names()
            }
        };
        let varied: Vec<String> = match &self.rule_variations {
            None => Vec::new(),
            Some(RuleVariations::Same(names)) => names.clone(),
            Some(RuleVariations::ByInstrument(names)) => names.values().flatten().cloned().collect(),
        };
        for (key, names) in [("forecast_weights", weighted), ("rule_variations", varied)] {
            if let Some(name) = names.iter().find(|name| !self.trading_rules.contains_key(*name)) {
                return fail(key, format!("there is no rule {name}; there are: {}", known()));
            }
        }
        for (name, mapping) in &self.forecast_mapping {
            let is_sound = mapping.threshold >= 0.0 && mapping.threshold < self.forecast_cap;
            let numbers = [mapping.a_param, mapping.slope(self.forecast_cap)];
            if !is_sound || numbers.iter().any(|number| !(number.is_finite() && *number > 0.0)) {
                let fault =
                    "threshold must be from zero to below forecast_cap, a_param and b_param above zero";
                return fail(&format!("forecast_mapping.{name}"), fault.to_owned());
            }
        }
        if let Some(weights) = &self.instrument_weights {
            let sum: f64 = weights.values().sum();
            if weights.values().any(|weight| weight.is_nan() || *weight < 0.0) || sum.is_nan() || sum <= 0.0 {
                return fail("instrument_weights", "must be zero or above, one of them above".to_owned());
            }
        }
        Ok(())
    }

    /// Refuses figures by name that leave an instrument out.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the key and the instrument.
    pub fn covers(&self, names: &[String]) -> Result<(), ConfigError> {
        let missing = |key: &str, name: &String| {
            Err(ConfigError { key: key.to_owned(), fault: format!("nothing is stated for {name}") })
        };
        let rules: Vec<String> = self.trading_rules.keys().cloned().collect();
        self.forecast_weight_estimate.optimiser.check("forecast_weight_estimate.optimiser", &rules)?;
        self.instrument_weight_estimate.optimiser.check("instrument_weight_estimate.optimiser", names)?;
        for name in names {
            if let Some(RuleVariations::ByInstrument(rules)) = &self.rule_variations
                && self.use_forecast_weight_estimates
                && rules.get(name).is_none_or(Vec::is_empty)
            {
                return missing("rule_variations", name);
            }
            if let Some(ForecastWeights::ByInstrument(weights)) = &self.forecast_weights
                && !self.use_forecast_weight_estimates
                && weights.get(name).is_none_or(BTreeMap::is_empty)
            {
                return missing("forecast_weights", name);
            }
            if !self.use_forecast_div_mult_estimates && self.forecast_div_multiplier.of(name).is_none() {
                return missing("forecast_div_multiplier", name);
            }
        }
        Ok(())
    }

    /// What is stated for a name that nothing has: not wrong, but seldom meant.
    pub fn remarks(&self, names: &[String]) -> Vec<String> {
        let mut all = Vec::new();
        let mut tell = |key: &str, what: &str, stated: Vec<&String>| {
            let is_known = |name: &String| match what {
                "rule" => self.trading_rules.contains_key(name),
                _ => names.contains(name),
            };
            let unknown: Vec<&str> =
                stated.into_iter().filter(|name| !is_known(name)).map(String::as_str).collect();
            if !unknown.is_empty() {
                all.push(format!("{key}: there is no {what} {}", unknown.join(" ")));
            }
        };
        tell("forecast_scalars", "rule", self.forecast_scalars.keys().collect());
        tell("use_attenuation", "rule", self.use_attenuation.iter().collect());
        tell("long_only_instruments", "instrument", self.long_only_instruments.iter().collect());
        tell("forecast_mapping", "instrument", self.forecast_mapping.keys().collect());
        if let PerName::Each(multipliers) = &self.forecast_div_multiplier {
            tell("forecast_div_multiplier", "instrument", multipliers.keys().collect());
        }
        if let Some(ForecastWeights::ByInstrument(weights)) = &self.forecast_weights {
            tell("forecast_weights", "instrument", weights.keys().collect());
        }
        all
    }

    /// Weights of the rules of an instrument, by name; equal ones where none are stated, or where they are estimated.
    pub fn weights_of(&self, instrument: &str) -> BTreeMap<String, f64> {
        self.weights_without(instrument, &|_| false)
    }

    /// The same where some rules cost too much: groups that say so give their share to what is left of them.
    pub fn weights_without(
        &self,
        instrument: &str,
        is_expensive: &impl Fn(&str) -> bool,
    ) -> BTreeMap<String, f64> {
        let equal = |names: &[String]| {
            let share = 1.0 / names.len() as f64;
            names.iter().map(|name| (name.clone(), share)).collect()
        };
        if self.use_forecast_weight_estimates {
            return match &self.rule_variations {
                Some(RuleVariations::Same(names)) => equal(names),
                Some(RuleVariations::ByInstrument(by_instrument)) => {
                    equal(by_instrument.get(instrument).map_or(&[][..], Vec::as_slice))
                }
                None => equal(&self.trading_rules.keys().cloned().collect::<Vec<_>>()),
            };
        }
        match &self.forecast_weights {
            Some(ForecastWeights::Same(weights)) => weights.clone(),
            Some(ForecastWeights::ByInstrument(by_instrument)) => {
                by_instrument.get(instrument).cloned().unwrap_or_default()
            }
            Some(ForecastWeights::Grouped(grouped)) => {
                let grouping = &grouped.auto_weight_from_grouping;
                let is_left_out = |name: &str| grouping.parameters.leaves_out_expensive && is_expensive(name);
                let mut weights = grouping.weights(&is_left_out);
                for name in grouping.names() {
                    weights.entry(name).or_insert(0.0);
                }
                weights
            }
            None => equal(&self.trading_rules.keys().cloned().collect::<Vec<_>>()),
        }
    }

    /// What a variation's forecast is multiplied by.
    pub fn scalar_of(&self, variation: &str) -> f64 {
        let own = self.trading_rules.get(variation).and_then(|rule| rule.forecast_scalar);
        own.or_else(|| self.forecast_scalars.get(variation).copied()).unwrap_or(self.forecast_scalar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_no_day_and_figures_out_of_range_are_refused_by_their_key() {
        let words = include_str!("../../../configs/systematic/chapter15.toml");
        type Change<'a> = &'a dyn Fn(&mut SystemConfig);
        let told = |change: Change<'_>| {
            let mut config: SystemConfig = toml::from_str(words).unwrap();
            change(&mut config);
            config.validate().map_err(|error| error.key)
        };
        assert_eq!(told(&|_| {}), Ok(()));
        let rolling = |days| {
            move |config: &mut SystemConfig| {
                config.volatility_calculation.func = VolatilityMethod::Rolling;
                config.volatility_calculation.days = days;
            }
        };
        assert_eq!(told(&rolling(1.0)), Ok(()));
        // A span below one row is one; a window is not.
        assert_eq!(told(&|config| config.volatility_calculation.days = 0.5), Ok(()));
        let cases: [(Change<'_>, &str); 6] = [
            (&rolling(0.5), "volatility_calculation.days"),
            (&|config| config.volatility_calculation.days = f64::NAN, "volatility_calculation.days"),
            (&|config| config.volatility_calculation.floor_days = 0, "volatility_calculation.floor_days"),
            (
                &|config| config.volatility_calculation.vol_abs_min = -1.0,
                "volatility_calculation.vol_abs_min",
            ),
            (&|config| config.buffer_size = 1.0, "buffer_size"),
            (&|config| config.trading_rules.clear(), "trading_rules"),
        ];
        for (change, key) in cases {
            assert_eq!(told(change), Err(key.to_owned()));
        }
    }
}
