//! A whole system: from a market and a configuration to every stage of every instrument, each to be had by its name.
//!
//! Two passes over the instruments. The first goes from prices to subsystem positions, one instrument at a time, but for
//! what rules compare with neighbours; the second needs all subsystem positions, because weights count only where there
//! is something to weigh.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use tickrace_analytics::days::date_of;
use tickrace_stats::moments::fill_forward;
use tickrace_stats::panel::{DAY_NS, calendar_days, parse_time};
use tickrace_stats::{BusinessDay, Frame, Series};

use crate::account::{Account, FxRate, deflator};
use crate::config::{ConfigError, Quirk, SystemConfig};
use crate::earnings::subsystem_account;
use crate::estimate::correlation::CorrelationConfig;
use crate::estimate::multiplier;
use crate::forecast;
use crate::market::{Instrument, Market, MarketError, as_of};
use crate::portfolio::dynamic::DynamicError;
use crate::position;
use crate::raw::{Neighbours, Raw, filled_on, span_of};
use crate::rules::{RuleError, Rules};
use crate::system::estimated::Dated;

mod combine;
pub mod dynamic;
pub mod estimated;
mod held;
pub(crate) mod inputs;
pub mod overlay;
pub mod parallel;
pub mod rule_costs;

use combine::{
    Estimates, combination_stages, filled_forecasts, scale_stages, scaled_stages, take_filled, weight_stages,
};
use estimated::RuleEarnings;
use held::{held_stages, subsystem_correlations, whole_contracts, whole_portfolio_stages};
pub use inputs::INPUTS;
use inputs::{Factors, asks_for_neighbours};

/// Why a system cannot be worked out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SystemError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Whole contracts could not be chosen.
    #[error("small_system, {}: {error}", date_of(*day))]
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
    /// What its costs are scaled by; worked out when first asked for.
    pub(crate) level: OnceLock<Series>,
}

impl Member {
    /// The [`deflator`] of its price.
    pub(crate) fn deflator(&self) -> &Series {
        self.level.get_or_init(|| deflator(&self.raw.daily_price))
    }
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
    /// What depends on several of them, where a rule asks for it.
    pub neighbours: Neighbours,
    /// What each earned with all capital, in money of the account.
    pub subsystems: BTreeMap<String, Account>,
    /// Measures of the risk overlay, where there is one.
    pub overlay: Option<Stages>,
    /// Whole contracts for small capital by instrument, where they are asked for.
    pub dynamic: Option<Stages>,
}

impl System {
    /// Works everything out and keeps every stage.
    ///
    /// # Errors
    ///
    /// [`SystemError`] naming the key, the instrument or the rule at fault.
    pub fn new(market: &Market, config: &SystemConfig, rules: &Rules) -> Result<Self, SystemError> {
        Self::worked_out(market, config, rules, (true, None))
    }

    /// The same with weights that were estimated elsewhere, before they are smoothed; where there are none for an instrument,
    /// or for instruments, those of the configuration.
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
        let trimmed = start_of(config)?.map(|from_ns| market.since(from_ns));
        let market = trimmed.as_ref().unwrap_or(market);
        let names: Vec<String> = match &config.instrument_weights {
            Some(weights) => weights.keys().cloned().collect(),
            None => market.instruments.keys().cloned().collect(),
        };
        config.covers(&names)?;
        let raws = parallel::each(names.len(), |place| {
            let (instrument, prices) = market.get(&names[place])?;
            let raw = Raw::new(prices, &config.volatility_calculation);
            Ok::<_, MarketError>(Member { instrument: instrument.clone(), raw, ..Member::default() })
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
        if asks_for_neighbours(config) {
            system.neighbours = Neighbours::new(&classes);
        }
        let all = system.forecast_all(&names, market, config, rules, (keeps_rules, elsewhere))?;
        for (name, stages) in names.iter().zip(all) {
            if let Some(member) = system.members.get_mut(name) {
                member.stages = stages;
            }
        }
        let members: Vec<&Member> = system.members.values().collect();
        let accounts = parallel::each(members.len(), |place| {
            let fx = market.fx(
                &members[place].instrument.currency,
                &config.base_currency,
                config.missing_rates,
            )?;
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
        let finish = |name: &str, forecasts: &[Series], estimates: &Estimates, stages: &mut Stages| {
            combination_stages(name, config, forecasts, estimates, stages);
            if !keeps_rules {
                stages.0.retain(|(name, _)| !name.contains('.'));
            }
            self.subsystem_stages(name, market, config, stages)
        };
        let is_fixed = !config.use_forecast_scale_estimates
            && !config.use_forecast_weight_estimates
            && !config.use_forecast_div_mult_estimates
            && config.forecast_post_ceiling_cost_sr.is_none()
            && elsewhere.is_none();
        if is_fixed {
            // Nothing of the others is needed: one after the other to its end, so that little is kept at a time.
            let one = |place: usize| {
                let name = names[place].as_str();
                let mut stages = raw(name)?;
                let forecasts = if keeps_rules {
                    scaled_stages(name, config, None, &mut stages);
                    filled_forecasts(&stages)
                } else {
                    scale_stages(name, config, &mut stages);
                    take_filled(&mut stages)
                };
                weight_stages(name, config, &forecasts, (None, None), &mut stages);
                finish(name, &forecasts, &Estimates::default(), &mut stages)?;
                Ok(stages)
            };
            return parallel::each(names.len(), one).into_iter().collect();
        }
        let all = parallel::each(names.len(), |place| raw(&names[place]));
        let mut all = all.into_iter().collect::<Result<Vec<_>, _>>()?;
        let scalars = config.use_forecast_scale_estimates.then(|| estimated::scalars(names, &all, config));
        for (place, stages) in all.iter_mut().enumerate() {
            scaled_stages(&names[place], config, scalars.as_ref().map(|all| &all[place]), stages);
        }
        // An instrument of which nothing was estimated elsewhere has the weights of the configuration.
        let weights: Vec<Option<Dated>> = if let Some(weights) = elsewhere {
            names.iter().map(|name| weights.forecasts.get(name).cloned()).collect()
        } else if config.use_forecast_weight_estimates {
            RuleEarnings::new(self, &all, market, config)?.weights(config).into_iter().map(Some).collect()
        } else {
            vec![None; names.len()]
        };
        let members: Vec<&Member> = self.members.values().collect();
        let is_limited = config.forecast_post_ceiling_cost_sr.is_some();
        let costs = is_limited.then(|| estimated::rule_costs(&members, &all, config));
        for (place, stages) in all.iter_mut().enumerate() {
            let costs = costs.as_ref().map(|costs| &costs[place]);
            let forecasts = filled_forecasts(stages);
            weight_stages(&names[place], config, &forecasts, (weights[place].as_ref(), costs), stages);
        }
        let estimates = Estimates::of_forecasts(names, &all, config);
        for (name, stages) in names.iter().zip(&mut all) {
            finish(name, &filled_forecasts(stages), &estimates, stages)?;
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
        let memo = inputs::plan(config);
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
        let at_close = i64::from(config.fx_at_close == Quirk::Sound) * (DAY_NS - 1);
        let fx = match market.fx(&member.instrument.currency, &config.base_currency, config.missing_rates)? {
            FxRate::Constant(rate) => vec![rate; block.len()],
            stamped @ FxRate::Stamped { .. } => {
                let days = calendar_days(first).take(block.len());
                let at_ns: Vec<i64> = days.map(|day| day * DAY_NS + at_close).collect();
                as_of(&stamped, &at_ns)
            }
        };
        let value_vol: Vec<f64> =
            fill_forward(&currency_vol).iter().zip(&fx).map(|(vol, rate)| vol * rate).collect();
        let target =
            position::daily_cash_target(config.notional_trading_capital, config.percentage_vol_target);
        let average = Series { first, values: value_vol.iter().map(|vol| target / vol).collect() };

        let none = Series::default();
        let combined = stages.get("combined_fc").unwrap_or(&none);
        let combined_first = combined.first;
        let scale = filled_on(&average, combined).values;
        let is_long_only = config.long_only_instruments.iter().any(|own| own == name);
        // A day without a rate has no position, though buffers go on around the last one.
        let last = average.values.last().copied().unwrap_or(f64::NAN);
        let of_day = |day: i32| if average.end().0 <= day { last } else { average.at(BusinessDay(day)) };
        let subsystem: Vec<f64> = (combined_first.0..)
            .zip(&combined.values)
            .map(|(day, forecast)| of_day(day) * forecast / config.average_absolute_forecast)
            .map(|position| if is_long_only && position < 0.0 { 0.0 } else { position })
            .collect();
        let filled = fill_forward(&subsystem);
        let (top, bottom) = position::buffer(config.buffer_method, config.buffer_size, &filled, &scale);
        let held = whole_contracts(config, &subsystem, &top, &bottom);
        stages.add("block_value", first, block);
        stages.add("instr_ccy_vol", first, currency_vol);
        stages.add("instr_value_vol", first, value_vol);
        stages.0.push(("avg_position".to_owned(), average));
        stages.add("subsystem_position", combined_first, subsystem);
        stages.add("sub_top", combined_first, top);
        stages.add("sub_bot", combined_first, bottom);
        stages.add("sub_buffered", combined_first, held);
        stages.add("fx_used", first, fx);
        Ok(())
    }

    /// From subsystem positions to those of the portfolio.
    fn portfolio_stages(&mut self, market: &Market, config: &SystemConfig, elsewhere: Option<&RawWeights>) {
        let subsystems: Vec<&Series> =
            self.members.values().filter_map(|member| member.stages.get("subsystem_position")).collect();
        let filled = forecast::filled_together(subsystems.iter().copied());
        let (first, days) = span_of(&filled);
        let equal = 1.0 / self.members.len().max(1) as f64;
        let dated = match elsewhere {
            Some(weights) if !weights.instruments.is_empty() => Some(weights.instruments.clone()),
            _ => config.use_instrument_weight_estimates.then(|| estimated::instrument_weights(self, config)),
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
            let terms =
                CorrelationConfig { fit_dates: config.fit_dates, ..config.instrument_correlation_estimate };
            let fits = subsystem_correlations(&self.subsystems, &terms);
            let weights: Vec<&Series> = weights.iter().collect();
            multiplier::over_time(&weights, &fits, &config.instrument_div_mult_estimate)
        } else {
            Series { first, values: vec![config.instrument_div_multiplier; days] }
        };
        for ((name, member), weight) in self.members.iter_mut().zip(weights) {
            let stages = &mut member.stages;
            let none = Series::default();
            let subsystem = stages.get("subsystem_position").unwrap_or(&none);
            let first = subsystem.first;
            let on = filled_on(&weight, subsystem).values;
            let multiplier = filled_on(&idm, subsystem).values;
            let share = on.iter().zip(multiplier).map(|(weight, idm)| weight * idm);
            let notional =
                subsystem.values.iter().zip(share).map(|(position, share)| position * share).collect();
            stages.0.push(("instr_weight".to_owned(), weight));
            stages.0.push(("idm".to_owned(), idm.clone()));
            if config.risk_overlay.is_some() || config.small_system.is_some() {
                stages.add("notional_before_overlay", first, notional);
                whole_portfolio_stages(market, name, &member.raw, config, stages);
            } else {
                stages.add("notional_position", first, notional);
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

/// First time a configuration asks for, nanoseconds since the Unix epoch.
pub(crate) fn start_of(config: &SystemConfig) -> Result<Option<i64>, ConfigError> {
    let Some(text) = &config.start_date else { return Ok(None) };
    let fault =
        || ConfigError { key: "start_date".to_owned(), fault: format!("{text:?} is no date YYYY-MM-DD") };
    parse_time(text).ok_or_else(fault).map(Some)
}
