//! What rules are given: inputs by name, arguments of inputs, factors against their reference.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tickrace_stats::Series;

use super::{Member, System, SystemError};
use crate::config::{RuleConfig, SystemConfig};
use crate::raw::{Demean, Factor, filled_on, less, smoothed_carry, span_of};

use crate::rules::expression::Expression;
use crate::rules::{Argument, Arguments, Inputs, Memo, Rule, RuleError, Rules, zeros_missing};

/// Names of inputs a rule may ask for; dots and `get_` before them are passed over.
pub const INPUTS: [&str; 13] = [
    "daily_prices",
    "daily_denominator_price",
    "daily_returns_volatility",
    "daily_percentage_volatility",
    "percentage_returns",
    "daily_vol_normalised_returns",
    "cumulative_daily_vol_normalised_returns",
    "normalised_price_for_asset_class",
    "daily_annualised_roll",
    "raw_carry",
    "smoothed_carry",
    "median_carry_for_asset_class",
    FACTOR_INPUT,
];

/// Inputs that are worked out from an asset class.
const CLASS_INPUTS: [&str; 2] = ["normalised_price_for_asset_class", "median_carry_for_asset_class"];

/// Whether some rule asks for what is worked out from an asset class.
pub(super) fn asks_for_neighbours(config: &SystemConfig) -> bool {
    let asks = |rule: &RuleConfig| {
        let text = rule.expression.as_deref().unwrap_or_default();
        let is_stated =
            |input: &str| text.contains(input) || rule.data.iter().any(|name| *input_name(name) == *input);
        CLASS_INPUTS.iter().any(|input| is_stated(input))
    };
    config.trading_rules.values().any(asks)
}

/// What the rules of an instrument share. Inputs with arguments of their own are shared with nobody.
pub(super) fn plan(config: &SystemConfig) -> Memo {
    let rules = config.trading_rules.values();
    Memo::planned(rules.filter_map(|rule| {
        let input = input_name(rule.data.first()?);
        Some((rule.function.as_str(), input, &rule.other_args))
    }))
}

/// The input that takes arguments of its own, as the reference spells it.
pub(crate) const FACTOR_INPUT: &str = "demeanded_factor_value";
pub(crate) const FACTOR_ARGUMENTS: [&str; 3] = ["factor_name", "demean_method", "lookback_days"];

impl System {
    /// One rule's forecast for one instrument, zeros missing.
    pub(super) fn raw_forecast(
        &self,
        name: &str,
        variation: &str,
        rule: &RuleConfig,
        (rules, memo): (&Rules, &Memo),
        factors: &Mutex<Factors>,
    ) -> Result<Series, SystemError> {
        let fail = |error| SystemError::Rule { variation: variation.to_owned(), error };
        let expression = rule.expression.as_deref().map(Expression::parse).transpose().map_err(fail)?;
        let names: Vec<String> = match &expression {
            Some(expression) if rule.data.is_empty() => {
                expression.inputs().into_iter().map(str::to_owned).collect()
            }
            _ => rule.data.clone(),
        };
        let mut series = Vec::with_capacity(names.len());
        for (place, input) in names.iter().enumerate() {
            let own = arguments_of(&rule.other_args, place);
            series.push(self.input(name, variation, input, &own, factors)?);
            let known = match input_name(input) {
                FACTOR_INPUT => &FACTOR_ARGUMENTS[..],
                _ => &[],
            };
            if let Some(name) = own.keys().find(|name| !known.contains(&name.as_str())) {
                let (name, known) = (format!("{}{name}", "_".repeat(place + 1)), known.join(" "));
                return Err(fail(RuleError::Unread { name, known }));
            }
        }
        let (first, days) = span_of(series.iter().map(AsRef::as_ref));
        let laid: Vec<Cow<'_, [f64]>> = series
            .iter()
            .map(|series| match series.first == first && series.len() == days {
                true => Cow::Borrowed(series.values.as_slice()),
                false => Cow::Owned(series.on(first, days).values),
            })
            .collect();
        let arguments: Arguments = rule
            .other_args
            .iter()
            .filter(|(name, _)| !name.starts_with('_'))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let short: Vec<String> = names.iter().map(|name| input_name(name).to_owned()).collect();
        let names = if expression.is_some() { &names } else { &short };
        // An input with arguments of its own is another under the same name.
        let own = Memo::default();
        let memo = if arguments.len() == rule.other_args.len() { memo } else { &own };
        let inputs = Inputs::new(&laid, names, &arguments, memo);
        let mut values = match &expression {
            Some(expression) => expression.forecast(&inputs),
            None => rules.get(&rule.function).and_then(|rule| rule.forecast(&inputs)),
        }
        .map_err(fail)?;
        if let Some(error) = inputs.unread() {
            return Err(fail(error));
        }
        zeros_missing(&mut values);
        Ok(Series { first, values })
    }

    /// An input of a rule by its name.
    fn input(
        &self,
        name: &str,
        variation: &str,
        input: &str,
        arguments: &Arguments,
        factors: &Mutex<Factors>,
    ) -> Result<Cow<'_, Series>, SystemError> {
        let member = &self.members[name];
        let (raw, class) = (&member.raw, &member.instrument.asset_class);
        Ok(match input_name(input) {
            "daily_prices" => Cow::Borrowed(&raw.daily_price),
            "daily_denominator_price" => Cow::Borrowed(&raw.denom_price),
            "daily_returns_volatility" => Cow::Borrowed(&raw.returns_vol),
            "daily_percentage_volatility" => Cow::Borrowed(&raw.perc_vol),
            "percentage_returns" => Cow::Borrowed(&raw.perc_returns),
            "daily_vol_normalised_returns" => Cow::Borrowed(&raw.norm_returns),
            "cumulative_daily_vol_normalised_returns" => Cow::Borrowed(&raw.norm_price),
            "normalised_price_for_asset_class" => {
                Cow::Owned(filled_on(&self.neighbours.class_price[class], &raw.norm_price))
            }
            "daily_annualised_roll" => Cow::Borrowed(&raw.ann_roll),
            "raw_carry" => Cow::Borrowed(&raw.raw_carry),
            "smoothed_carry" => Cow::Owned(smoothed_carry(&raw.raw_carry)),
            "median_carry_for_asset_class" => {
                Cow::Owned(filled_on(&self.neighbours.class_carry[class], &raw.raw_carry))
            }
            FACTOR_INPUT => {
                let fail = |error| SystemError::Rule { variation: variation.to_owned(), error };
                Cow::Owned(self.demeaned(name, arguments, factors).map_err(fail)?)
            }
            _ => {
                return Err(SystemError::Input {
                    variation: variation.to_owned(),
                    name: input.to_owned(),
                    there: INPUTS.join(" "),
                });
            }
        })
    }

    fn demeaned(
        &self,
        name: &str,
        arguments: &Arguments,
        factors: &Mutex<Factors>,
    ) -> Result<Series, RuleError> {
        let (factor, method, days) = factor_terms(arguments)?;
        // Who asks first works it out for all; a panic while doing so leaves nothing half done.
        let mut factors = factors.lock().unwrap_or_else(PoisonError::into_inner);
        let Factors { values, references } = &mut *factors;
        let values = values.entry((factor, days)).or_insert_with(|| {
            let of = |member: &Member| factor.values(&member.raw.perc_returns, days);
            self.members.iter().map(|(name, member)| (name.clone(), of(member))).collect()
        });
        let class = &self.members[name].instrument.asset_class;
        let key = match method {
            Demean::AssetClass => class.clone(),
            Demean::Own => name.to_owned(),
            Demean::HistoricAll | Demean::CurrentAll => String::new(),
        };
        let reference = references.entry((factor, days, method, key)).or_insert_with(|| {
            let all: Vec<&Series> = values.values().collect();
            let is_of_class = |name: &str| self.members[name].instrument.asset_class == *class;
            let of_class: Vec<&Series> =
                values.iter().filter(|(name, _)| is_of_class(name)).map(|(_, series)| series).collect();
            method.reference(&values[name], &all, &of_class)
        });
        Ok(less(&values[name], reference))
    }
}

/// Which factor, against what, over how many calendar days.
pub(crate) fn factor_terms(arguments: &Arguments) -> Result<(Factor, Demean, i64), RuleError> {
    let text = |key: &str| match arguments.get(key) {
        Some(Argument::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let wrong = |name: &str, wanted| RuleError::Argument { name: format!("_{name}"), wanted };
    let factor = text("factor_name")
        .and_then(Factor::from_name)
        .ok_or_else(|| wrong("factor_name", "one of skew, neg_skew, kurtosis"))?;
    let method = text("demean_method").and_then(Demean::from_name).ok_or_else(|| {
        wrong(
            "demean_method",
            "one of historic_average_factor_value_all_assets, current_average_factor_values_over_all_assets, \
             average_factor_value_in_asset_class_for_instrument, average_factor_value_for_instrument",
        )
    })?;
    let days = match arguments.get("lookback_days") {
        Some(Argument::Number(days)) if *days >= 1.0 && *days <= 36_500.0 => *days,
        None => 365.0,
        _ => return Err(wrong("lookback_days", "a number of calendar days from 1 to 36500")),
    };
    #[allow(clippy::cast_possible_truncation, reason = "bounded above")]
    Ok((factor, method, days as i64))
}

/// What factor rules share: values of all instruments, and what they are compared with.
#[derive(Default)]
pub(super) struct Factors {
    values: BTreeMap<(Factor, i64), BTreeMap<String, Series>>,
    references: BTreeMap<(Factor, i64, Demean, String), Series>,
}

/// The last part of a dotted name, without a leading `get_`.
pub(crate) fn input_name(name: &str) -> &str {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.strip_prefix("get_").unwrap_or(last)
}

/// Arguments with as many leading underscores as the input's place, from 1; without them.
pub(crate) fn arguments_of(all: &Arguments, place: usize) -> Arguments {
    let own = all.iter().filter_map(|(name, value)| {
        let bare = name.trim_start_matches('_');
        (name.len() - bare.len() == place + 1).then(|| (bare.to_owned(), value.clone()))
    });
    own.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_go_to_their_input() {
        let number = |value| Argument::Number(value);
        let all: Arguments = [
            ("smooth".to_owned(), number(1.0)),
            ("_a".to_owned(), number(2.0)),
            ("__a".to_owned(), number(3.0)),
        ]
        .into();
        assert_eq!(arguments_of(&all, 0), [("a".to_owned(), number(2.0))].into());
        assert_eq!(arguments_of(&all, 1), [("a".to_owned(), number(3.0))].into());
        assert_eq!(input_name("rawdata.get_daily_prices"), "daily_prices");
    }
}
