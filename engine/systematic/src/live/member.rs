//! One instrument from a day's price to what is held after it.
//!
//! The steps and their order are those of [`crate::raw::Raw`] and [`crate::system`]; a series of theirs that begins on a later day
//! is an operator that is pushed from that day on.

use serde::{Deserialize, Serialize};
use tickrace_stats::BusinessDay;
use tickrace_stats::panel::DAY_NS;
use tickrace_types::TargetReason;

use super::cross::Smoothed;
use super::history::{Bar, Fingerprint};
use super::operator::{EwMean, Fill, RunningSum, Shape, Step};
use super::plan::{FACTOR_PLACE, Plan};
use super::rates::Rates;
use super::rule::Forecast;
use super::tape::Tape;
use super::volatility::{Attenuation, Volatility};
use super::{LiveError, Market};
use crate::config::{BufferMethod, SystemConfig};
use crate::forecast::Mapping;
use crate::market::MarketError;
use crate::position::{Buffer, Holding};
use crate::raw::{CARRY_COM, Demean, Factor, YEAR_ROOT};
use crate::targets::{Target, end_ns};

/// What must be known of an instrument to price a position in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Money of its currency for one point of price and one contract.
    pub point_size: f64,
    /// Currency of its prices.
    pub currency: String,
    /// Class it is compared within.
    pub asset_class: String,
}

impl Known {
    /// Of a market's instrument, checked; one that has no row at all yet may have none.
    ///
    /// # Errors
    ///
    /// As [`Market::get`].
    pub fn of(market: &Market, name: &str) -> Result<Self, MarketError> {
        let is_waiting = |name: &str| {
            let prices = market.instruments.get(name).map(|(_, prices)| prices);
            prices.is_some_and(|prices| prices.adjusted.is_empty() || prices.multiple.is_empty())
        };
        let instrument = match market.get(name) {
            Ok((instrument, _)) => instrument,
            Err(MarketError::Empty { .. } | MarketError::Column { .. }) if is_waiting(name) => {
                &market.instruments[name].0
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            name: name.to_owned(),
            point_size: instrument.point_size,
            currency: instrument.currency.clone(),
            asset_class: instrument.asset_class.clone(),
        })
    }
}

/// Stages of an instrument that do not belong to a rule, in the order in which they are told.
pub const FIGURES: [&str; 27] = [
    "daily_price",
    "denom_price",
    "returns_vol",
    "perc_vol",
    "norm_returns",
    "daily_ann_roll",
    "raw_carry",
    "vol_quantile",
    "attenuation",
    "fdm",
    "raw_combined_fc",
    "combined_fc",
    "block_value",
    "instr_ccy_vol",
    "instr_value_vol",
    "avg_position",
    "subsystem_position",
    "sub_top",
    "sub_bot",
    "sub_buffered",
    "fx_used",
    "instr_weight",
    "idm",
    "notional_position",
    "buf_top",
    "buf_bot",
    "buffered_position",
];

/// Places of figures.
mod at {
    pub const PRICE: usize = 0;
    pub const DENOM: usize = 1;
    pub const VOL: usize = 2;
    pub const PERC_VOL: usize = 3;
    pub const NORM_RETURNS: usize = 4;
    pub const ROLL: usize = 5;
    pub const CARRY: usize = 6;
    pub const QUANTILE: usize = 7;
    pub const ATTENUATION: usize = 8;
    pub const FDM: usize = 9;
    pub const SUM: usize = 10;
    pub const COMBINED: usize = 11;
    pub const BLOCK: usize = 12;
    pub const CURRENCY_VOL: usize = 13;
    pub const VALUE_VOL: usize = 14;
    pub const AVERAGE: usize = 15;
    pub const SUBSYSTEM: usize = 16;
    pub const SUB_TOP: usize = 17;
    pub const SUB_BOTTOM: usize = 18;
    pub const SUB_HELD: usize = 19;
    pub const FX: usize = 20;
    pub const SHARE: usize = 21;
    pub const IDM: usize = 22;
    pub const NOTIONAL: usize = 23;
    pub const TOP: usize = 24;
    pub const BOTTOM: usize = 25;
    pub const HELD: usize = 26;
}

/// A rule of an instrument.
#[derive(Clone, Debug)]
struct OwnRule {
    forecast: Forecast,
    has_begun: bool,
    /// Place among the weights; none for a rule without one.
    weight: Option<usize>,
    /// The scaled forecast as it was last known.
    filled: Fill,
    outcome: Outcome,
}

/// What a rule says on a day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub raw: f64,
    pub scalar: f64,
    pub capped: f64,
    pub weight: f64,
    pub is_weighted: bool,
}

/// Whole contracts, and whether an optimum was ever known.
#[derive(Clone, Copy, Debug)]
struct Whole {
    holding: Holding,
    is_known: bool,
    has_buffer: bool,
}

impl Whole {
    const fn new(config: &SystemConfig) -> Self {
        let has_buffer = !matches!(config.buffer_method, BufferMethod::None);
        Self { holding: Holding::new(true, config.buffer_trade_to_edge), is_known: false, has_buffer }
    }

    fn push(&mut self, optimal: f64, (top, bottom): (f64, f64)) -> f64 {
        self.is_known |= !optimal.is_nan();
        let held = self.holding.push(optimal, top, bottom);
        // Without a buffer going to the first position is no trade.
        if self.has_buffer || self.is_known { held } else { f64::NAN }
    }

    fn keep(&mut self, tape: &mut Tape<'_>) {
        self.holding.seen.iter_mut().for_each(|seen| tape.number(seen));
        tape.number(&mut self.holding.held);
        tape.flag(&mut self.is_known);
    }
}

/// What was last known, for a target.
#[derive(Clone, Copy, Debug)]
struct LastKnown {
    /// Last day with a price of the held contract.
    priced: i64,
    price: Fill,
    forecast: Fill,
    notional: Fill,
    top: Fill,
    bottom: Fill,
    held: Fill,
    /// Held after the day before.
    held_before: f64,
}

/// One instrument.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub known: Known,
    route: usize,
    /// The history so far, as far as it tells one from another.
    pub past: Fingerprint,
    /// What rolls added to earlier prices since the state was built.
    pub offset: f64,
    has_adjusted: bool,
    has_multiple: bool,
    step: Step,
    volatility: Volatility,
    volatility_before: f64,
    base: Fill,
    base_of_all: Fill,
    norm_price: RunningSum,
    carry: EwMean,
    shapes: Vec<Shape>,
    /// Inputs of rules: those of one name each, then factors against their references.
    inputs: Vec<f64>,
    /// Price and carry of the asset class today, and as last known since this instrument began.
    pub class: [f64; 2],
    class_filled: [Fill; 2],
    /// By factor: today's value, the last known, the long average; what it is compared with, today and last known.
    factors: Vec<f64>,
    factors_filled: Vec<Fill>,
    averages: Vec<EwMean>,
    pub references: Vec<f64>,
    references_filled: Vec<Fill>,
    attenuation: Option<Attenuation>,
    rules: Vec<OwnRule>,
    weights: Smoothed,
    fdm: f64,
    mapping: Option<Mapping>,
    is_long_only: bool,
    pub is_combined: bool,
    has_forecast: bool,
    currency_vol: Fill,
    average: Fill,
    subsystem: Fill,
    sub_buffer: Buffer,
    sub_whole: Whole,
    pub share: f64,
    notional: Fill,
    buffer: Buffer,
    whole: Whole,
    last: LastKnown,
    pub figures: [f64; FIGURES.len()],
    /// Lent to each rule in turn.
    lent: Vec<f64>,
}

impl Member {
    pub fn new(plan: &Plan, config: &SystemConfig, route: usize, known: Known) -> Result<Self, LiveError> {
        let name = known.name.as_str();
        let weighted = config.weights_of(name);
        let mut stated = Vec::new();
        let mut rules = Vec::with_capacity(plan.rules.len());
        for rule in &plan.rules {
            let weight = weighted.get(&rule.name).map(|weight| {
                stated.push(*weight);
                stated.len() - 1
            });
            let (raw, capped, is_weighted) = (f64::NAN, f64::NAN, weight.is_some());
            let outcome = Outcome { raw, scalar: f64::NAN, capped, weight: f64::NAN, is_weighted };
            let forecast = rule.fresh.clone();
            rules.push(OwnRule { forecast, has_begun: false, weight, filled: Fill::default(), outcome });
        }
        let buffer = Buffer::new(config.buffer_method, config.buffer_size);
        let none = Fill::default();
        Ok(Self {
            route,
            past: Fingerprint::default(),
            offset: 0.0,
            has_adjusted: false,
            has_multiple: false,
            step: Step::default(),
            volatility: Volatility::new(&config.volatility_calculation),
            volatility_before: f64::NAN,
            base: none,
            base_of_all: none,
            norm_price: RunningSum::default(),
            carry: EwMean::of_com(CARRY_COM),
            shapes: vec![Shape::default(); plan.lookbacks.len()],
            inputs: vec![f64::NAN; FACTOR_PLACE + plan.factors.len()],
            class: [f64::NAN; 2],
            class_filled: [none; 2],
            factors: vec![f64::NAN; plan.factors.len()],
            factors_filled: vec![none; plan.factors.len()],
            averages: vec![EwMean::of_com(crate::raw::FACTOR_COM); plan.factors.len()],
            references: vec![f64::NAN; plan.factors.len()],
            references_filled: vec![none; plan.factors.len()],
            attenuation: plan.has_attenuation.then(Attenuation::new),
            rules,
            weights: Smoothed::new(stated, config.forecast_weight_ewma_span),
            fdm: config.forecast_div_multiplier.of(name).copied().unwrap_or(1.0),
            mapping: config.forecast_mapping.get(name).copied(),
            is_long_only: config.long_only_instruments.iter().any(|own| own == name),
            is_combined: false,
            has_forecast: false,
            currency_vol: none,
            average: none,
            subsystem: none,
            sub_buffer: buffer,
            sub_whole: Whole::new(config),
            share: f64::NAN,
            notional: none,
            buffer,
            whole: Whole::new(config),
            last: LastKnown {
                priced: i64::MIN,
                price: none,
                forecast: none,
                notional: none,
                top: none,
                bottom: none,
                held: none,
                held_before: f64::NAN,
            },
            figures: [f64::NAN; FIGURES.len()],
            lent: Vec::new(),
            known,
        })
    }

    /// Whether the series of an input has begun.
    const fn has_begun(&self, input: usize) -> bool {
        match input {
            // Prices and what is worked out from them alone.
            0..=3 | 5..=7 => self.has_adjusted,
            8 => self.has_multiple,
            _ => self.has_adjusted || self.has_multiple,
        }
    }

    /// From the day's price to carry and returns.
    pub fn price(&mut self, plan: &Plan, day: BusinessDay, bar: &Bar) {
        self.has_adjusted |= bar.adjusted.is_some();
        self.has_multiple |= bar.multiple.is_some();
        self.offset += bar.roll_shift;
        let price = bar.adjusted.map_or(f64::NAN, |price| price - self.offset);
        self.past.push(day, bar, price);
        if plan.from.is_some_and(|from| day < from) {
            return;
        }
        self.figures.fill(f64::NAN);
        self.inputs.fill(f64::NAN);
        let held = bar.multiple.unwrap_or_default();
        let is_any = self.has_adjusted || self.has_multiple;
        if !is_any {
            return;
        }
        let base_of_all = self.base_of_all.push(held.price);
        let (mut step, mut volatility) = (f64::NAN, f64::NAN);
        if self.has_adjusted {
            step = self.step.push(price);
            volatility = self.volatility.push(step);
            let base = self.base.push(held.price);
            let norm_return = step / self.volatility_before;
            self.volatility_before = volatility;
            self.inputs[0] = price;
            self.inputs[1] = held.price;
            self.inputs[2] = volatility;
            self.inputs[3] = 100.0 * (volatility / base.abs());
            self.inputs[5] = norm_return;
            self.inputs[6] = self.norm_price.push(norm_return);
            if !held.price.is_nan() {
                self.last.priced = i64::from(day.0);
                self.last.price.push(held.price);
            }
        }
        self.inputs[4] = step / base_of_all;
        self.inputs[8] = if self.has_multiple { held.roll() } else { f64::NAN };
        self.inputs[9] = self.inputs[8] / (volatility * YEAR_ROOT);
        self.inputs[10] = self.carry.push(self.inputs[9]);
        for (figure, input) in [
            (at::PRICE, 0),
            (at::DENOM, 1),
            (at::VOL, 2),
            (at::PERC_VOL, 3),
            (at::NORM_RETURNS, 5),
            (at::ROLL, 8),
            (at::CARRY, 9),
        ] {
            self.figures[figure] = self.inputs[input];
        }
        self.shape(plan, day);
    }

    /// Factors of the day.
    fn shape(&mut self, plan: &Plan, day: BusinessDay) {
        let value = self.inputs[4];
        for (lookback, (shape, days)) in self.shapes.iter_mut().zip(&plan.lookbacks).enumerate() {
            // The window is open at its far end.
            let first = i64::from(BusinessDay::of_day(day.day() - days).0) + 1;
            let (skew, kurtosis) = shape.push(i64::from(day.0), first, value);
            for (factor, value) in plan.factors.iter().zip(&mut self.factors) {
                if factor.lookback == lookback {
                    *value = match factor.factor {
                        Factor::Skew => skew,
                        Factor::NegSkew => -skew,
                        Factor::Kurtosis => kurtosis,
                    };
                }
            }
        }
        for (place, factor) in plan.factors.iter().enumerate() {
            self.factors_filled[place].push(self.factors[place]);
            if factor.method == Demean::Own {
                self.averages[place].push(self.factors[place]);
            }
        }
    }

    pub fn norm_return(&self) -> f64 {
        self.inputs[5]
    }

    pub fn smoothed_carry(&self) -> f64 {
        self.inputs[10]
    }

    pub fn factor_filled(&self, place: usize) -> f64 {
        self.factors_filled[place].0
    }

    pub const fn subsystem_filled(&self) -> f64 {
        self.subsystem.0
    }

    /// From raw data, the class's among them, to a position with all capital.
    pub fn forecast(&mut self, plan: &Plan, day: BusinessDay, rates: &mut Rates) {
        if !self.has_adjusted && !self.has_multiple {
            return;
        }
        if self.has_adjusted {
            self.inputs[7] = self.class_filled[0].push(self.class[0]);
        }
        self.inputs[11] = self.class_filled[1].push(self.class[1]);
        for place in 0..plan.factors.len() {
            let reference = self.references_filled[place].push(self.references[place]);
            self.inputs[FACTOR_PLACE + place] = self.factors[place] - reference;
        }
        let mut multiplier = f64::NAN;
        if self.has_adjusted
            && let Some(attenuation) = &mut self.attenuation
        {
            let quantile;
            (multiplier, quantile) = attenuation.push(self.inputs[3]);
            self.figures[at::QUANTILE] = quantile;
            self.figures[at::ATTENUATION] = multiplier;
        }
        self.apply_rules(plan, multiplier);
        self.combine(plan);
        if self.has_adjusted {
            self.average(plan, day, rates);
        }
        if self.is_combined {
            self.subsystem_position(plan);
        }
    }

    fn apply_rules(&mut self, plan: &Plan, multiplier: f64) {
        for (place, rule) in plan.rules.iter().enumerate() {
            if !self.rules[place].has_begun {
                self.rules[place].has_begun = rule.inputs.iter().any(|input| self.has_begun(*input));
                if !self.rules[place].has_begun {
                    continue;
                }
            }
            self.lent.clear();
            self.lent.extend(rule.inputs.iter().map(|input| self.inputs[*input]));
            let own = &mut self.rules[place];
            let mut raw = own.forecast.push(&self.lent);
            if raw == 0.0 {
                raw = f64::NAN;
            }
            if rule.is_attenuated {
                raw *= multiplier;
            }
            own.outcome.raw = raw;
            if own.weight.is_some() {
                own.outcome.scalar = rule.scalar;
                own.outcome.capped = (raw * rule.scalar).clamp(plan.floor, plan.cap);
                own.filled.push(own.outcome.capped);
                self.is_combined = true;
            }
        }
    }

    fn combine(&mut self, plan: &Plan) {
        if !self.is_combined {
            return;
        }
        let rules = &self.rules;
        let mut known = rules.iter().filter(|rule| rule.weight.is_some()).map(|rule| rule.filled.0);
        self.has_forecast |= known.any(|forecast| !forecast.is_nan());
        // Places of weights rise with those of rules.
        self.lent.clear();
        self.lent.extend(rules.iter().filter(|rule| rule.weight.is_some()).map(|rule| rule.filled.0));
        let forecasts = &self.lent;
        self.weights.push(|place| !forecasts[place].is_nan());
        let sum: f64 = forecasts
            .iter()
            .zip(&self.weights.weights)
            .map(|(forecast, weight)| forecast * weight)
            .filter(|part| !part.is_nan())
            .sum();
        let mut sum = sum * self.fdm;
        if plan.is_known_first && !self.has_forecast {
            sum = f64::NAN;
        }
        for rule in &mut self.rules {
            if let Some(place) = rule.weight {
                rule.outcome.weight = self.weights.weights[place];
            }
        }
        self.figures[at::FDM] = self.fdm;
        self.figures[at::SUM] = sum;
        self.figures[at::COMBINED] = match &self.mapping {
            Some(mapping) => mapping.of(sum, plan.cap),
            None => sum.clamp(plan.floor, plan.cap),
        };
        self.last.forecast.push(self.figures[at::COMBINED]);
    }

    /// Contracts that an average forecast means with all capital.
    fn average(&mut self, plan: &Plan, day: BusinessDay, rates: &mut Rates) {
        let price = if plan.is_unsigned { self.base.0.abs() } else { self.base.0 };
        let block = price * self.known.point_size * 0.01;
        let currency_vol = block * self.inputs[3];
        let at_close = i64::from(plan.is_fx_at_close) * (DAY_NS - 1);
        let fx = rates.at(self.route, day.start_ns() + at_close);
        let value_vol = self.currency_vol.push(currency_vol) * fx;
        self.figures[at::BLOCK] = block;
        self.figures[at::CURRENCY_VOL] = currency_vol;
        self.figures[at::FX] = fx;
        self.figures[at::VALUE_VOL] = value_vol;
        self.figures[at::AVERAGE] = plan.target / value_vol;
    }

    fn subsystem_position(&mut self, plan: &Plan) {
        let average = self.figures[at::AVERAGE];
        let scale = self.average.push(average);
        let mut position = average * self.figures[at::COMBINED] / plan.forecast_mean;
        if self.is_long_only && position < 0.0 {
            position = 0.0;
        }
        let filled = self.subsystem.push(position);
        let bounds = self.sub_buffer.push(filled, scale);
        self.figures[at::SUBSYSTEM] = position;
        (self.figures[at::SUB_TOP], self.figures[at::SUB_BOTTOM]) = bounds;
        self.figures[at::SUB_HELD] = self.sub_whole.push(position, bounds);
    }

    /// From a position with all capital to the contracts held of the portfolio.
    pub fn hold(&mut self, plan: &Plan) {
        if self.share.is_nan() {
            return;
        }
        self.figures[at::SHARE] = self.share;
        self.figures[at::IDM] = plan.idm;
        if !self.is_combined {
            return;
        }
        let share = self.share * plan.idm;
        let notional = self.figures[at::SUBSYSTEM] * share;
        let filled = self.notional.push(notional);
        let bounds = self.buffer.push(filled, self.average.0 * share);
        let held = self.whole.push(notional, bounds);
        self.figures[at::NOTIONAL] = notional;
        (self.figures[at::TOP], self.figures[at::BOTTOM]) = bounds;
        self.figures[at::HELD] = held;
        self.last.notional.push(notional);
        self.last.top.push(bounds.0);
        self.last.bottom.push(bounds.1);
        self.last.held_before = self.last.held.0;
        self.last.held.push(held);
    }

    pub fn outcomes(&self) -> impl Iterator<Item = Outcome> + '_ {
        self.rules.iter().map(|rule| rule.outcome)
    }

    /// As [`crate::targets::targets`] has it.
    pub fn target(&self, day: BusinessDay) -> Option<Target> {
        let last = &self.last;
        if !self.is_combined || last.priced == i64::MIN {
            return None;
        }
        let whole = |value: f64| if value.is_nan() { 0.0 } else { value.round_ties_even() + 0.0 };
        let (unrounded, high, low) = (last.notional.0, last.top.0, last.bottom.0);
        let held = whole(last.held.0);
        let (target, reason) = if unrounded.is_nan() {
            (0.0, TargetReason::Unknown)
        } else if held == whole(last.held_before) {
            (held, TargetReason::Held)
        } else {
            (held, TargetReason::Moved)
        };
        let has_buffer = reason != TargetReason::Unknown && low <= high;
        let (low, high) = if has_buffer { (whole(low), whole(high)) } else { (target, target) };
        Some(Target {
            instrument: self.known.name.clone(),
            held_ns: end_ns(day),
            priced_ns: end_ns(BusinessDay(i32::try_from(last.priced).unwrap_or(i32::MAX))),
            forecast: last.forecast.0 + 0.0,
            unrounded,
            rounded: whole(unrounded),
            low: low.min(target),
            high: high.max(target),
            target,
            reference_price: last.price.0,
            reason,
        })
    }

    /// Held after the day before, whole contracts; 0 where nothing was.
    pub fn held_before(&self) -> f64 {
        let held = self.last.held_before;
        if held.is_nan() { 0.0 } else { held }
    }

    pub fn own_average(&self, place: usize) -> f64 {
        self.averages[place].last()
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        self.past.keep(tape);
        tape.number(&mut self.offset);
        tape.flag(&mut self.has_adjusted);
        tape.flag(&mut self.has_multiple);
        self.step.keep(tape);
        self.volatility.keep(tape);
        tape.number(&mut self.volatility_before);
        self.base.keep(tape);
        self.base_of_all.keep(tape);
        self.norm_price.keep(tape);
        self.carry.keep(tape);
        self.shapes.iter_mut().for_each(|shape| shape.keep(tape));
        for values in [&mut self.inputs, &mut self.factors, &mut self.references] {
            values.iter_mut().for_each(|value| tape.number(value));
        }
        self.class.iter_mut().for_each(|value| tape.number(value));
        self.class_filled.iter_mut().for_each(|fill| fill.keep(tape));
        self.factors_filled.iter_mut().for_each(|fill| fill.keep(tape));
        self.averages.iter_mut().for_each(|mean| mean.keep(tape));
        self.references_filled.iter_mut().for_each(|fill| fill.keep(tape));
        if let Some(attenuation) = &mut self.attenuation {
            attenuation.keep(tape);
        }
        for rule in &mut self.rules {
            rule.forecast.keep(tape);
            tape.flag(&mut rule.has_begun);
            rule.filled.keep(tape);
            let Outcome { raw, scalar, capped, weight, .. } = &mut rule.outcome;
            [raw, scalar, capped, weight].into_iter().for_each(|value| tape.number(value));
        }
        self.weights.keep(tape);
        tape.flag(&mut self.is_combined);
        tape.flag(&mut self.has_forecast);
        self.currency_vol.keep(tape);
        self.average.keep(tape);
        self.subsystem.keep(tape);
        tape.number(&mut self.sub_buffer.width);
        self.sub_whole.keep(tape);
        tape.number(&mut self.share);
        self.notional.keep(tape);
        tape.number(&mut self.buffer.width);
        self.whole.keep(tape);
        tape.signed(&mut self.last.priced);
        let last = &mut self.last;
        for fill in [
            &mut last.price,
            &mut last.forecast,
            &mut last.notional,
            &mut last.top,
            &mut last.bottom,
            &mut last.held,
        ] {
            fill.keep(tape);
        }
        tape.number(&mut last.held_before);
        self.figures.iter_mut().for_each(|value| tape.number(value));
    }
}
