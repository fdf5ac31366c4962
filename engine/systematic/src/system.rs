//! A whole system: from a market and a configuration to every stage of every instrument, each to be had by its name.
//!
//! Two passes over the instruments. The first goes from prices to subsystem positions, one instrument at a time, but for
//! what rules compare with neighbours; the second needs all subsystem positions, because weights count only where there
//! is something to weigh.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tickrace_stats::moments::fill_forward;
use tickrace_stats::panel::parse_time;
use tickrace_stats::{BusinessDay, Frame, Series};

use crate::account::Account;
use crate::config::{BufferMethod, ConfigError, Quirk, RuleConfig, SystemConfig};
use crate::earnings::subsystem_account;
use crate::estimate::correlation::{self, CorrelationConfig, Matrix, Panel};
use crate::estimate::fit::Fit;
use crate::estimate::multiplier;
use crate::forecast::{self, Weighted};
use crate::market::{Instrument, Market, MarketError, as_of};
use crate::portfolio::dynamic::{DynamicError, midnight_deflator};
use crate::position;
use crate::raw::{Demean, Factor, Neighbours, Raw, filled_on, less, running_sum, smoothed_carry, span_of};
use crate::rules::expression::Expression;
use crate::rules::{Argument, Arguments, Inputs, Memo, Rule, RuleError, Rules, zeros_missing};
use crate::system::estimated::Dated;

pub mod dynamic;
pub mod estimated;
pub mod overlay;
pub mod parallel;

/// Average size of a scaled forecast.
pub const FORECAST_MEAN: f64 = 10.0;

/// Why a system cannot be worked out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SystemError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Whole contracts could not be chosen.
    #[error("small_system, day {day} of 1970: {error}")]
    Dynamic {
        /// The calendar day, from 1 January 1970.
        day: i64,
        /// Why.
        error: DynamicError,
    },
    /// The data.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// A rule.
    #[error("trading_rules.{variation}: {error}")]
    Rule {
        /// Which.
        variation: String,
        /// What is wrong with it.
        error: RuleError,
    },
    /// An input that no stage gives.
    #[error("trading_rules.{variation}.data: there is no input {name}; there are: {there}")]
    Input {
        /// Which rule.
        variation: String,
        /// The name.
        name: String,
        /// Those there are.
        there: String,
    },
}

/// Stages of an instrument by name, in the order they are worked out. Series keep the days they stand on.
#[derive(Clone, Debug, Default)]
pub struct Stages(pub Vec<(String, Series)>);

impl Stages {
    /// The stage of that name.
    pub fn get(&self, name: &str) -> Option<&Series> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, series)| series)
    }

    /// Stages of a family, `raw_fc` of every rule, by what stands behind the dot.
    pub fn family(&self, family: &str) -> Vec<(&str, &Series)> {
        let own = self.0.iter().filter_map(|(name, series)| {
            let rest = name.strip_prefix(family)?.strip_prefix('.')?;
            Some((rest, series))
        });
        own.collect()
    }

    fn add(&mut self, name: impl Into<String>, first: BusinessDay, values: Vec<f64>) {
        self.0.push((name.into(), Series { first, values }));
    }

    /// Those `wanted`, on the days of all of them.
    pub fn frame(&self, wanted: impl Fn(&str) -> bool) -> Frame {
        let columns: Vec<&(String, Series)> = self.0.iter().filter(|(name, _)| wanted(name)).collect();
        let (first, days) = span_of(columns.iter().map(|(_, series)| series));
        let day = |row: usize| BusinessDay(first.0 + i32::try_from(row).unwrap_or(i32::MAX));
        Frame {
            at_ns: (0..days).map(|row| day(row).start_ns()).collect(),
            columns: columns
                .iter()
                .map(|(name, series)| (name.clone(), series.on(first, days).values))
                .collect(),
        }
    }
}

/// One instrument of a system.
#[derive(Clone, Debug, Default)]
pub struct Member {
    /// What is known of it.
    pub instrument: Instrument,
    /// Its raw data.
    pub raw: Raw,
    /// Its stages.
    pub stages: Stages,
}

/// Weights as a fit gives them, before they are smoothed.
#[derive(Clone, Debug, Default)]
pub struct RawWeights {
    /// Of rules in the order of their names, by instrument.
    pub forecasts: BTreeMap<String, Dated>,
    /// Of instruments in the order of their names.
    pub instruments: Dated,
}

/// A system, worked out.
#[derive(Clone, Debug, Default)]
pub struct System {
    /// Its instruments, by name.
    pub members: BTreeMap<String, Member>,
    /// What depends on several of them.
    pub neighbours: Neighbours,
    /// What each earned with all capital, in money of the account.
    pub subsystems: BTreeMap<String, Account>,
    /// Measures of the risk overlay, where there is one.
    pub overlay: Option<Stages>,
    /// Whole contracts for small capital by instrument, where they are asked for.
    pub dynamic: Option<Stages>,
}

/// Names of inputs a rule may ask for; dots and `get_` before them are passed over.
pub const INPUTS: [&str; 12] = [
    "daily_prices",
    "daily_denominator_price",
    "daily_returns_volatility",
    "daily_percentage_volatility",
    "percentage_returns",
    "daily_vol_normalised_returns",
    "cumulative_daily_vol_normalised_returns",
    "normalised_price_for_asset_class",
    "raw_carry",
    "smoothed_carry",
    "median_carry_for_asset_class",
    "demeanded_factor_value",
];

impl System {
    /// Works everything out and keeps every stage.
    ///
    /// # Errors
    ///
    /// [`SystemError`] naming the key, the instrument or the rule at fault.
    pub fn new(market: &Market, config: &SystemConfig, rules: &Rules) -> Result<Self, SystemError> {
        Self::worked_out(market, config, rules, (true, None))
    }

    /// The same with weights that were estimated elsewhere, before they are smoothed.
    ///
    /// # Errors
    ///
    /// As [`System::new`].
    pub fn with_weights(
        market: &Market,
        config: &SystemConfig,
        rules: &Rules,
        weights: &RawWeights,
    ) -> Result<Self, SystemError> {
        Self::worked_out(market, config, rules, (true, Some(weights)))
    }

    /// The same without the stages of single rules: of many instruments and rules their forecasts are most of the memory.
    /// Accounts of rules are then missing too.
    ///
    /// # Errors
    ///
    /// As [`System::new`].
    pub fn lean(market: &Market, config: &SystemConfig, rules: &Rules) -> Result<Self, SystemError> {
        Self::worked_out(market, config, rules, (false, None))
    }

    fn worked_out(
        market: &Market,
        config: &SystemConfig,
        rules: &Rules,
        (keeps_rules, elsewhere): (bool, Option<&RawWeights>),
    ) -> Result<Self, SystemError> {
        config.validate()?;
        let from = start_of(config)?;
        let names: Vec<String> = match &config.instrument_weights {
            Some(weights) => weights.keys().cloned().collect(),
            None => market.instruments.keys().cloned().collect(),
        };
        config.covers(&names)?;
        let raws = parallel::each(names.len(), |place| {
            let (instrument, prices) = market.get(&names[place])?;
            let raw = Raw::new(prices, &config.volatility_calculation, from);
            Ok::<_, MarketError>(Member { instrument: instrument.clone(), raw, stages: Stages::default() })
        });
        let mut system = Self::default();
        for (name, member) in names.iter().zip(raws) {
            system.members.insert(name.clone(), member?);
        }
        let classes: Vec<(&str, &Raw)> = system
            .members
            .values()
            .map(|member| (member.instrument.asset_class.as_str(), &member.raw))
            .collect();
        system.neighbours = Neighbours::new(&classes);
        let all = system.forecast_all(&names, market, config, rules, (keeps_rules, elsewhere))?;
        for (name, stages) in names.iter().zip(all) {
            if let Some(member) = system.members.get_mut(name) {
                member.stages = stages;
            }
        }
        let members: Vec<&Member> = system.members.values().collect();
        let accounts = parallel::each(members.len(), |place| {
            let fx = market.fx(&members[place].instrument.currency, &config.base_currency)?;
            Ok::<_, MarketError>(subsystem_account(members[place], &fx, config))
        });
        for (name, account) in names.iter().zip(accounts) {
            system.subsystems.insert(name.clone(), account?);
        }
        system.portfolio_stages(market, config, elsewhere);
        if let Some(small) = &config.small_system {
            system.dynamic = Some(dynamic::path(&system, market, config, small)?);
        }
        Ok(system)
    }

    /// Stages of each instrument up to its subsystem position.
    fn forecast_all(
        &self,
        names: &[String],
        market: &Market,
        config: &SystemConfig,
        rules: &Rules,
        (keeps_rules, elsewhere): (bool, Option<&RawWeights>),
    ) -> Result<Vec<Stages>, SystemError> {
        let factors = Mutex::new(Factors::default());
        let raw = |name: &str| {
            let mut stages = self.raw_stages(name);
            self.raw_forecast_stages(name, config, rules, &factors, &mut stages)?;
            Ok::<_, SystemError>(stages)
        };
        let finish = |name: &str, estimates: &Estimates, stages: &mut Stages| {
            combination_stages(name, config, estimates, stages);
            if !keeps_rules {
                stages.0.retain(|(name, _)| !name.contains('.'));
            }
            self.subsystem_stages(name, market, config, stages)
        };
        let is_fixed = !config.use_forecast_scale_estimates
            && !config.use_forecast_weight_estimates
            && !config.use_forecast_div_mult_estimates;
        if is_fixed {
            // Nothing of the others is needed: one after the other to its end, so that little is kept at a time.
            let one = |place: usize| {
                let name = names[place].as_str();
                let mut stages = raw(name)?;
                scaled_stages(name, config, None, &mut stages);
                weight_stages(name, config, None, &mut stages);
                finish(name, &Estimates::default(), &mut stages)?;
                Ok(stages)
            };
            return parallel::each(names.len(), one).into_iter().collect();
        }
        let all = parallel::each(names.len(), |place| raw(&names[place]));
        let mut all = all.into_iter().collect::<Result<Vec<_>, _>>()?;
        let scalars = config.use_forecast_scale_estimates.then(|| estimated::scalars(&all, config));
        for (place, stages) in all.iter_mut().enumerate() {
            scaled_stages(&names[place], config, scalars.as_ref().map(|all| &all[place]), stages);
        }
        let weights = if let Some(weights) = elsewhere {
            let of = |name: &String| weights.forecasts.get(name).cloned().unwrap_or_default();
            Some(names.iter().map(of).collect())
        } else if config.use_forecast_weight_estimates {
            Some(estimated::forecast_weights(self, &all, market, config)?)
        } else {
            None
        };
        for (place, stages) in all.iter_mut().enumerate() {
            weight_stages(&names[place], config, weights.as_ref().map(|all| &all[place]), stages);
        }
        let estimates = Estimates::of_forecasts(names, &all, config);
        for (name, stages) in names.iter().zip(&mut all) {
            finish(name, &estimates, stages)?;
        }
        Ok(all)
    }

    fn raw_stages(&self, name: &str) -> Stages {
        let raw = &self.members[name].raw;
        let mut stages = Stages::default();
        for (name, series) in [
            ("daily_price", &raw.daily_price),
            ("denom_price", &raw.denom_price),
            ("returns_vol", &raw.returns_vol),
            ("perc_vol", &raw.perc_vol),
            ("norm_returns", &raw.norm_returns),
            ("daily_ann_roll", &raw.ann_roll),
            ("raw_carry", &raw.raw_carry),
        ] {
            stages.0.push((name.to_owned(), series.clone()));
        }
        stages
    }

    /// From raw data to forecasts before scaling.
    fn raw_forecast_stages(
        &self,
        name: &str,
        config: &SystemConfig,
        rules: &Rules,
        factors: &Mutex<Factors>,
        stages: &mut Stages,
    ) -> Result<(), SystemError> {
        let attenuated = if config.use_attenuation.is_empty() {
            Series::default()
        } else {
            let vol = &self.members[name].raw.perc_vol;
            let (multiplier, quantile) = forecast::attenuation(&vol.values);
            stages.add("vol_quantile", vol.first, quantile);
            stages.add("attenuation", vol.first, multiplier.clone());
            Series { first: vol.first, values: multiplier }
        };
        let memo = Memo::default();
        for (variation, rule) in &config.trading_rules {
            let mut raw = self.raw_forecast(name, variation, rule, (rules, &memo), factors)?;
            if config.use_attenuation.contains(variation) {
                let multiplier = filled_on(&attenuated, &raw);
                for (value, multiplier) in raw.values.iter_mut().zip(multiplier.values) {
                    *value *= multiplier;
                }
            }
            stages.0.push((format!("raw_fc.{variation}"), raw));
        }
        Ok(())
    }

    /// One rule's forecast for one instrument, zeros missing.
    fn raw_forecast(
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
        let inputs = Inputs { series: &laid, names, arguments: &arguments, memo };
        let mut values = match &expression {
            Some(expression) => expression.forecast(&inputs),
            None => rules.get(&rule.function).and_then(|rule| rule.forecast(&inputs)),
        }
        .map_err(fail)?;
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
            "raw_carry" => Cow::Borrowed(&raw.raw_carry),
            "smoothed_carry" => Cow::Owned(smoothed_carry(&raw.raw_carry)),
            "median_carry_for_asset_class" => {
                Cow::Owned(filled_on(&self.neighbours.class_carry[class], &raw.raw_carry))
            }
            "demeanded_factor_value" => {
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
        let days = days as i64;
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

    /// From the combined forecast to a position with all capital.
    fn subsystem_stages(
        &self,
        name: &str,
        market: &Market,
        config: &SystemConfig,
        stages: &mut Stages,
    ) -> Result<(), SystemError> {
        let member = &self.members[name];
        let raw = &member.raw;
        let mut price = fill_forward(&raw.denom_price.values);
        if config.negative_prices == Quirk::Sound {
            for price in &mut price {
                *price = price.abs();
            }
        }
        let block = position::block_value(&price, member.instrument.point_size);
        let currency_vol: Vec<f64> =
            block.iter().zip(&raw.perc_vol.values).map(|(block, vol)| block * vol).collect();
        let first = raw.daily_price.first;
        let at_close = i64::from(config.fx_at_close == Quirk::Sound) * (tickrace_stats::panel::DAY_NS - 1);
        let at_ns: Vec<i64> = (0..block.len())
            .map(|row| BusinessDay(first.0 + i32::try_from(row).unwrap_or(i32::MAX)).start_ns() + at_close)
            .collect();
        let fx_rate = market.fx(&member.instrument.currency, &config.base_currency)?;
        let fx = as_of(&fx_rate, &at_ns);
        let value_vol: Vec<f64> =
            fill_forward(&currency_vol).iter().zip(&fx).map(|(vol, rate)| vol * rate).collect();
        let target =
            position::daily_cash_target(config.notional_trading_capital, config.percentage_vol_target);
        let average = Series { first, values: value_vol.iter().map(|vol| target / vol).collect() };

        let combined = stages.get("combined_fc").cloned().unwrap_or_default();
        let scale = filled_on(&average, &combined).values;
        let is_long_only = config.long_only_instruments.iter().any(|own| own == name);
        let subsystem: Vec<f64> = combined
            .values
            .iter()
            .zip(&scale)
            .map(|(forecast, scale)| scale * forecast / FORECAST_MEAN)
            .map(|position| if is_long_only && position < 0.0 { 0.0 } else { position })
            .collect();
        let filled = fill_forward(&subsystem);
        let (top, bottom) = position::buffer(config.buffer_method, config.buffer_size, &filled, &scale);
        let held = whole_contracts(config, &subsystem, &top, &bottom);
        stages.add("block_value", first, block);
        stages.add("instr_ccy_vol", first, currency_vol);
        stages.add("instr_value_vol", first, value_vol);
        stages.0.push(("avg_position".to_owned(), average));
        stages.add("subsystem_position", combined.first, subsystem);
        stages.add("sub_top", combined.first, top);
        stages.add("sub_bot", combined.first, bottom);
        stages.add("sub_buffered", combined.first, held);
        stages.add("fx_used", first, fx);
        Ok(())
    }

    /// From subsystem positions to those of the portfolio.
    fn portfolio_stages(&mut self, market: &Market, config: &SystemConfig, elsewhere: Option<&RawWeights>) {
        let subsystems: Vec<Series> = self
            .members
            .values()
            .filter_map(|member| member.stages.get("subsystem_position"))
            .cloned()
            .collect();
        let filled = forecast::filled_together(&subsystems);
        let (first, days) = span_of(&filled);
        let equal = 1.0 / self.members.len().max(1) as f64;
        let dated = match elsewhere {
            Some(weights) => Some(weights.instruments.clone()),
            None => {
                config.use_instrument_weight_estimates.then(|| estimated::instrument_weights(self, config))
            }
        };
        let stated = || {
            self.members
                .keys()
                .map(|name| {
                    let own = config.instrument_weights.as_ref().and_then(|weights| weights.get(name));
                    vec![own.copied().unwrap_or(equal); days]
                })
                .collect()
        };
        let raw = match &dated {
            Some(dated) => estimated::on_days(dated, self.members.len(), first, days),
            None => stated(),
        };
        let weights = forecast::smoothed_weights(&filled, raw, config.instrument_weight_ewma_span);
        let weights: Vec<Series> = weights.into_iter().map(|values| Series { first, values }).collect();
        let idm = if config.use_instrument_div_mult_estimates {
            let fits = subsystem_correlations(&self.subsystems, &config.instrument_correlation_estimate);
            multiplier::over_time(&weights, &fits, &config.instrument_div_mult_estimate)
        } else {
            Series { first, values: vec![config.instrument_div_multiplier; days] }
        };
        for ((name, member), weight) in self.members.iter_mut().zip(&weights) {
            let stages = &mut member.stages;
            let subsystem = stages.get("subsystem_position").cloned().unwrap_or_default();
            let on = filled_on(weight, &subsystem).values;
            let multiplier = filled_on(&idm, &subsystem).values;
            let share = on.iter().zip(multiplier).map(|(weight, idm)| weight * idm);
            let notional =
                subsystem.values.iter().zip(share).map(|(position, share)| position * share).collect();
            stages.0.push(("instr_weight".to_owned(), weight.clone()));
            stages.0.push(("idm".to_owned(), idm.clone()));
            if config.risk_overlay.is_some() || config.small_system.is_some() {
                stages.add("notional_before_overlay", subsystem.first, notional);
                whole_portfolio_stages(market, name, &member.raw, config, stages);
            } else {
                stages.add("notional_position", subsystem.first, notional);
            }
        }
        if let Some(limits) = &config.risk_overlay {
            let members: Vec<&Member> = self.members.values().collect();
            self.overlay = Some(overlay::measures(&members, limits, config.percentage_vol_target / 100.0));
        }
        let scalar = self.overlay.as_ref().and_then(|measures| measures.get("risk_scalar")).cloned();
        for member in self.members.values_mut() {
            held_stages(config, scalar.as_ref(), &mut member.stages);
        }
    }
}

/// What the risk of a whole portfolio is measured with.
fn whole_portfolio_stages(
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
fn whole_contracts(config: &SystemConfig, optimal: &[f64], top: &[f64], bottom: &[f64]) -> Vec<f64> {
    let mut held = position::buffered(optimal, top, bottom, true, config.buffer_trade_to_edge);
    if config.buffer_method == BufferMethod::None {
        let unknown = optimal.iter().take_while(|position| position.is_nan()).count();
        held[..unknown].fill(f64::NAN);
    }
    held
}

/// From the portfolio's share of a position to whole contracts within their buffer.
fn held_stages(config: &SystemConfig, scalar: Option<&Series>, stages: &mut Stages) {
    if let Some(before) = stages.get("notional_before_overlay").cloned() {
        let scalar = scalar.map(|scalar| filled_on(scalar, &before).values);
        let values = match scalar {
            Some(scalar) => {
                before.values.iter().zip(scalar).map(|(position, scalar)| position * scalar).collect()
            }
            None => before.values,
        };
        stages.add("notional_position", before.first, values);
    }
    let stage = |name: &str| stages.get(name).cloned().unwrap_or_default();
    let (notional, average) = (stage("notional_position"), stage("avg_position"));
    let (weight, idm) = (filled_on(&stage("instr_weight"), &notional), filled_on(&stage("idm"), &notional));
    let scale: Vec<f64> = filled_on(&average, &notional)
        .values
        .iter()
        .zip(weight.values.iter().zip(&idm.values))
        .map(|(average, (weight, idm))| average * (weight * idm))
        .collect();
    let filled = fill_forward(&notional.values);
    let (top, bottom) = position::buffer(config.buffer_method, config.buffer_size, &filled, &scale);
    let held = whole_contracts(config, &notional.values, &top, &bottom);
    stages.add("buf_top", notional.first, top);
    stages.add("buf_bot", notional.first, bottom);
    stages.add("buffered_position", notional.first, held);
}

/// Forecasts of the rules that carry weight, times their scalars and within their cap.
///
/// - `scalars`: estimated ones by rule; the configuration's where absent.
fn scaled_stages(
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

/// Smoothed weights of an instrument's forecasts.
///
/// - `dated`: estimated ones; the configuration's where absent.
fn weight_stages(name: &str, config: &SystemConfig, dated: Option<&Dated>, stages: &mut Stages) {
    let stated = config.weights_of(name);
    let capped = stages.family("capped_fc");
    let forecasts =
        forecast::filled_together(&capped.iter().map(|(_, series)| (*series).clone()).collect::<Vec<_>>());
    let (first, days) = span_of(&forecasts);
    let raw = match dated {
        Some(dated) => estimated::on_days(dated, capped.len(), first, days),
        None => capped.iter().map(|(variation, _)| vec![stated[*variation]; days]).collect(),
    };
    let weights = forecast::smoothed_weights(&forecasts, raw, config.forecast_weight_ewma_span);
    let names: Vec<String> = capped.iter().map(|(variation, _)| format!("fc_weight.{variation}")).collect();
    for (name, weights) in names.into_iter().zip(weights) {
        stages.add(name, first, weights);
    }
}

/// From weighted forecasts to the combined one.
fn combination_stages(name: &str, config: &SystemConfig, estimates: &Estimates, stages: &mut Stages) {
    let capped = stages.family("capped_fc");
    let forecasts =
        forecast::filled_together(&capped.iter().map(|(_, series)| (*series).clone()).collect::<Vec<_>>());
    let weights: Vec<Series> =
        stages.family("fc_weight").into_iter().map(|(_, series)| series.clone()).collect();
    let (first, days) = span_of(&forecasts);
    let multiplier = match estimates.of(name, &capped, config) {
        Some(fits) => multiplier::over_time(&weights, fits, &config.forecast_div_mult_estimate).values,
        None => vec![config.forecast_div_multiplier.of(name).copied().unwrap_or(1.0); days],
    };
    let weighted = Weighted { forecasts, weights: weights.into_iter().map(|series| series.values).collect() };
    let mut sum = forecast::combined(&weighted, &multiplier);
    if config.forecast_before_data == Quirk::Sound {
        let is_known = |day: usize| weighted.forecasts.iter().any(|series| !series.values[day].is_nan());
        let unknown = (0..days).take_while(|day| !is_known(*day)).count();
        sum[..unknown].fill(f64::NAN);
    }
    let floor = config.forecast_floor.unwrap_or(-config.forecast_cap);
    let limited = sum.iter().map(|value| value.clamp(floor, config.forecast_cap)).collect();
    stages.add("fdm", first, multiplier);
    stages.add("raw_combined_fc", first, sum);
    stages.add("combined_fc", first, limited);
}

/// Correlations of forecasts, by who is estimated together; none where multipliers are fixed.
#[derive(Default)]
struct Estimates(BTreeMap<Vec<String>, Vec<(Fit, Matrix)>>);

impl Estimates {
    fn of_forecasts(names: &[String], all: &[Stages], config: &SystemConfig) -> Self {
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
                ..*own
            };
            correlation::correlations(&correlation::stacked(&panels), &estimate)
        };
        Self(by_rules.iter().map(|(rules, members)| (rules.clone(), of_group(members))).collect())
    }

    fn of(
        &self,
        name: &str,
        capped: &[(&str, &Series)],
        config: &SystemConfig,
    ) -> Option<&Vec<(Fit, Matrix)>> {
        self.0.get(&group_of(name, capped, config))
    }
}

/// Who is estimated together: instruments of the same rules, or each by itself.
fn group_of(name: &str, capped: &[(&str, &Series)], config: &SystemConfig) -> Vec<String> {
    let own = (!config.pool_forecast_correlations).then(|| name.to_owned());
    own.into_iter().chain(capped.iter().map(|(rule, _)| (*rule).to_owned())).collect()
}

/// Correlations of what subsystems earn in a week.
fn subsystem_correlations(
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

/// What factor rules share: values of all instruments, and what they are compared with.
#[derive(Default)]
struct Factors {
    values: BTreeMap<(Factor, i64), BTreeMap<String, Series>>,
    references: BTreeMap<(Factor, i64, Demean, String), Series>,
}

/// The last part of a dotted name, without a leading `get_`.
fn input_name(name: &str) -> &str {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.strip_prefix("get_").unwrap_or(last)
}

/// Arguments with as many leading underscores as the input's place, from 1; without them.
fn arguments_of(all: &Arguments, place: usize) -> Arguments {
    let own = all.iter().filter_map(|(name, value)| {
        let bare = name.trim_start_matches('_');
        (name.len() - bare.len() == place + 1).then(|| (bare.to_owned(), value.clone()))
    });
    own.collect()
}

/// First business day a configuration asks for.
fn start_of(config: &SystemConfig) -> Result<Option<BusinessDay>, ConfigError> {
    let Some(text) = &config.start_date else { return Ok(None) };
    let fault =
        || ConfigError { key: "start_date".to_owned(), fault: format!("{text:?} is no date YYYY-MM-DD") };
    Ok(Some(BusinessDay::of_ns(parse_time(text).ok_or_else(fault)?)))
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
