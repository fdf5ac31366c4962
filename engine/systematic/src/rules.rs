//! Trading rules: from raw data of an instrument to a forecast, before scaling.
//!
//! A [`Rule`] is a function of named inputs, each `[days]` on the same business days, and of its arguments. Those of the
//! reference are here under its names; a user's own implements the trait, or is an [`expression`] of the configuration.
//! Exact zeros become missing values: that is how the reference tells "no opinion yet".
//!
//! | function | forecast |
//! | --- | --- |
//! | `ewmac` | quick less slow average of the price, over its deviation |
//! | `ewmac_forecast_with_defaults` | the same, over the robust deviation of the price's own steps |
//! | `ewmac_calc_vol` | the same, over the robust deviation of the series' own level |
//! | `breakout` | place within the range of the last days, smoothed |
//! | `carry`, `relative_carry` | smoothed carry; the same less its class's median |
//! | `relative_momentum` | rise against the class over a horizon, smoothed |
//! | `cross_sectional_mean_reversion` | fall against the class over a horizon, smoothed |
//! | `accel` | change of `ewmac` over its quick span |
//! | `mr_wings` | against `ewmac`, where that is extreme |
//! | `factor_trading_rule`, `conditioned_factor_trading_rule` | a factor against its average, over its deviation |
//!
//! Source: R. Carver, *Systematic Trading* (2015) and *Advanced Futures Trading Strategies* (2023); pysystemtrade 1.80.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tickrace_stats::moments::{
    alpha_of_com, alpha_of_span, differences, ew_mean, fill_forward, rolling_extremes, rolling_mean,
    rolling_std,
};

use crate::raw::robust_volatility;

pub mod expression;
mod memo;

pub use memo::Memo;

/// An argument of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Argument {
    /// A number.
    Number(f64),
    /// A name.
    Text(String),
}

/// Arguments by name.
pub type Arguments = BTreeMap<String, Argument>;

/// Why a rule cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// No rule of that name.
    #[error("there is no rule function {name}; there are: {there}")]
    Function {
        /// Its name.
        name: String,
        /// Those there are.
        there: String,
    },
    /// An argument that is missing or of another kind.
    #[error("argument {name} must be {wanted}")]
    Argument {
        /// Which.
        name: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// An argument that the rule does not know.
    #[error("there is no argument {name}; there are: {known}")]
    Unread {
        /// Which.
        name: String,
        /// Those it knows.
        known: String,
    },
    /// Another number of inputs.
    #[error("{wanted} inputs are needed, there are {got}")]
    Inputs {
        /// How many.
        wanted: usize,
        /// How many there are.
        got: usize,
    },
    /// An expression that cannot be read.
    #[error("expression, at character {at}: {fault}")]
    Expression {
        /// Place, from 1.
        at: usize,
        /// What is wrong.
        fault: String,
    },
}

/// Inputs of a rule.
pub struct Inputs<'a> {
    /// Each `[days]`, in the order of the configuration's `data`.
    pub series: &'a [Cow<'a, [f64]>],
    /// Names of them.
    pub names: &'a [String],
    /// What other rules worked out of the same inputs.
    pub memo: &'a Memo,
    arguments: &'a Arguments,
    /// Arguments a rule asked for.
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Inputs<'a> {
    /// Puts together what a rule is given.
    ///
    /// - `arguments`: those that are not the inputs' own.
    pub fn new(
        series: &'a [Cow<'a, [f64]>],
        names: &'a [String],
        arguments: &'a Arguments,
        memo: &'a Memo,
    ) -> Self {
        Self { series, names, memo, arguments, asked: RefCell::default() }
    }

    /// An argument by its name.
    pub fn argument(&self, name: &str) -> Option<&'a Argument> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.arguments.get(name)
    }

    /// An argument that the rule never asked for: misspelt, or another rule's.
    pub fn unread(&self) -> Option<RuleError> {
        let asked = self.asked.borrow();
        let name = self.arguments.keys().find(|name| !asked.contains(*name))?.clone();
        let known = asked.iter().cloned().collect::<Vec<_>>().join(" ");
        Some(RuleError::Unread { name, known })
    }
}

/// Longest window, rows: no history is as long.
pub(crate) const ROWS_MAX: f64 = 1e6;

/// From inputs to a forecast. Deterministic; looks at no row behind the one it answers for.
pub trait Rule: Send + Sync {
    /// `[days]`, NaN where there is no opinion.
    ///
    /// # Errors
    ///
    /// [`RuleError`] naming the argument or input at fault.
    fn forecast(&self, inputs: &Inputs<'_>) -> Result<Vec<f64>, RuleError>;
}

impl<F: Fn(&Inputs<'_>) -> Result<Vec<f64>, RuleError> + Send + Sync> Rule for F {
    fn forecast(&self, inputs: &Inputs<'_>) -> Result<Vec<f64>, RuleError> {
        self(inputs)
    }
}

impl Inputs<'_> {
    /// Exactly so many inputs.
    ///
    /// # Errors
    ///
    /// [`RuleError::Inputs`].
    pub fn take<const N: usize>(&self) -> Result<[&[f64]; N], RuleError> {
        let fault = RuleError::Inputs { wanted: N, got: self.series.len() };
        let slices: Vec<&[f64]> = self.series.iter().map(AsRef::as_ref).collect();
        slices.try_into().map_err(|_| fault)
    }

    /// An argument above zero; `default` where it is absent.
    ///
    /// # Errors
    ///
    /// [`RuleError::Argument`] where it is no such number, or absent without a default.
    pub fn number(&self, name: &str, default: Option<f64>) -> Result<f64, RuleError> {
        let value = match self.argument(name) {
            Some(Argument::Number(value)) => Some(*value),
            Some(Argument::Text(_)) => None,
            None => default,
        };
        let fault = || RuleError::Argument { name: name.to_owned(), wanted: "a number above zero" };
        value.filter(|value| value.is_finite() && *value > 0.0).ok_or_else(fault)
    }

    /// The same as a count of rows, at least 1.
    ///
    /// # Errors
    ///
    /// As [`Inputs::number`].
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "above zero; a cast saturates"
    )]
    pub fn rows(&self, name: &str, default: Option<f64>) -> Result<usize, RuleError> {
        self.number(name, default).map(|value| (value.min(ROWS_MAX) as usize).max(1))
    }
}

/// Rules by name: those of the reference, and what a user adds.
#[derive(Clone)]
pub struct Rules {
    by_name: BTreeMap<String, Arc<dyn Rule>>,
}

impl Default for Rules {
    fn default() -> Self {
        let mut rules = Self { by_name: BTreeMap::new() };
        rules.add("ewmac", |inputs: &Inputs<'_>| {
            let [_, _] = inputs.take()?;
            let per_point = inputs.shared(1, "per_deviation", per_deviation)?;
            inputs.crossover(&per_point, inputs.number("Lfast", None)?, inputs.number("Lslow", None)?)
        });
        rules.add("ewmac_calc_vol", |inputs: &Inputs<'_>| {
            let [_] = inputs.take()?;
            let of_level = |level: &[f64]| per_deviation(&robust_volatility(level));
            let per_point = inputs.shared(0, "per_robust_deviation", of_level)?;
            inputs.crossover(&per_point, inputs.number("Lfast", None)?, inputs.number("Lslow", None)?)
        });
        rules.add("ewmac_forecast_with_defaults", |inputs: &Inputs<'_>| {
            let [_] = inputs.take()?;
            let of_steps = |price: &[f64]| per_deviation(&robust_volatility(&differences(price)));
            let per_point = inputs.shared(0, "per_robust_deviation_of_steps", of_steps)?;
            inputs.crossover(
                &per_point,
                inputs.number("Lfast", Some(32.0))?,
                inputs.number("Lslow", Some(128.0))?,
            )
        });
        rules.add("breakout", |inputs: &Inputs<'_>| {
            let [price] = inputs.take()?;
            Ok(breakout(price, inputs.rows("lookback", Some(10.0))?))
        });
        rules.add("carry", |inputs: &Inputs<'_>| {
            let [_] = inputs.take()?;
            let mean = inputs.mean(0, alpha_of_com(inputs.number("smooth_days", Some(90.0))?))?;
            Ok(mean.to_vec())
        });
        rules.add("relative_carry", |inputs: &Inputs<'_>| {
            let [own, class] = inputs.take()?;
            Ok(pairwise(own, class, |own, class| own - class))
        });
        rules.add("relative_momentum", |inputs: &Inputs<'_>| {
            let [own, class] = inputs.take()?;
            Ok(relative_momentum(own, class, inputs.rows("horizon", Some(250.0))?))
        });
        rules.add("cross_sectional_mean_reversion", |inputs: &Inputs<'_>| {
            let [own, class] = inputs.take()?;
            Ok(relative_reversion(own, class, inputs.rows("horizon", Some(250.0))?))
        });
        rules.add("accel", |inputs: &Inputs<'_>| {
            let [_, _] = inputs.take()?;
            let per_point = inputs.shared(1, "per_deviation", per_deviation)?;
            let fast = inputs.rows("Lfast", Some(4.0))?;
            Ok(acceleration(&inputs.crossover(&per_point, fast as f64, fast as f64 * 4.0)?, fast))
        });
        rules.add("mr_wings", |inputs: &Inputs<'_>| {
            let [_, _] = inputs.take()?;
            let per_point = inputs.shared(1, "per_deviation", per_deviation)?;
            let fast = inputs.number("Lfast", Some(4.0))?;
            Ok(reversion_in_wings(&inputs.crossover(&per_point, fast, fast * 4.0)?))
        });
        rules.add("factor_trading_rule", |inputs: &Inputs<'_>| {
            let [factor] = inputs.take()?;
            Ok(factor_rule(factor, None, inputs.number("smooth", Some(90.0))?))
        });
        rules.add("conditioned_factor_trading_rule", |inputs: &Inputs<'_>| {
            let [factor, condition] = inputs.take()?;
            Ok(factor_rule(factor, Some(condition), inputs.number("smooth", Some(90.0))?))
        });
        rules
    }
}

impl Rules {
    /// Adds a rule, or puts another in the place of one.
    pub fn add(&mut self, name: &str, rule: impl Rule + 'static) {
        self.by_name.insert(name.to_owned(), Arc::new(rule));
    }

    /// The rule of a name; of a dotted one, as the reference writes them, the last part counts.
    ///
    /// # Errors
    ///
    /// [`RuleError::Function`] with those there are.
    pub fn get(&self, name: &str) -> Result<&dyn Rule, RuleError> {
        let last = name.rsplit('.').next().unwrap_or(name);
        self.by_name.get(last).map(AsRef::as_ref).ok_or_else(|| RuleError::Function {
            name: name.to_owned(),
            there: self.by_name.keys().cloned().collect::<Vec<_>>().join(" "),
        })
    }
}

/// Exact zeros become missing.
pub fn zeros_missing(values: &mut [f64]) {
    for value in values {
        if *value == 0.0 {
            *value = f64::NAN;
        }
    }
}

fn pairwise(left: &[f64], right: &[f64], combine: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| combine(*left, *right)).collect()
}

/// The value `rows` before each; missing where there is none.
fn lag(values: &[f64], rows: usize) -> Vec<f64> {
    let kept = values.len().saturating_sub(rows);
    let mut lagged = vec![f64::NAN; values.len() - kept];
    lagged.extend_from_slice(&values[..kept]);
    lagged
}

/// Crossover of exponential averages over a deviation.
///
/// - `fast`, `slow`: spans, days.
pub fn ewmac(price: &[f64], volatility: &[f64], fast: f64, slow: f64) -> Vec<f64> {
    let (fast, slow) = (ew_mean(price, alpha_of_span(fast), 1), ew_mean(price, alpha_of_span(slow), 1));
    crossed(&fast, &slow, &per_deviation(volatility))
}

/// One over the last deviation known.
fn per_deviation(deviation: &[f64]) -> Vec<f64> {
    let mut filled = fill_forward(deviation);
    filled.iter_mut().for_each(|value| *value = 1.0 / *value);
    filled
}

/// A difference in deviations, of which one over each is given.
fn crossed(fast: &[f64], slow: &[f64], per_deviation: &[f64]) -> Vec<f64> {
    let rows = fast.iter().zip(slow).zip(per_deviation);
    rows.map(|((fast, slow), per_deviation)| (fast - slow) * per_deviation).collect()
}

/// Place within the range of the last `lookback` days, from -20 to 20, smoothed over a quarter of them.
pub fn breakout(price: &[f64], lookback: usize) -> Vec<f64> {
    let smooth = (lookback / 4).max(1);
    let (high, low) = rolling_extremes(price, lookback, lookback.div_ceil(2));
    let raw = price.iter().zip(high.iter().zip(&low));
    let raw: Vec<f64> =
        raw.map(|(price, (high, low))| 40.0 * (price - (high + low) / 2.0) / (high - low)).collect();
    ew_mean(&finite(raw), alpha_of_span(smooth as f64), smooth.div_ceil(2))
}

/// A range of nothing gives no number.
fn finite(mut values: Vec<f64>) -> Vec<f64> {
    for value in &mut values {
        if value.is_infinite() {
            *value = f64::NAN;
        }
    }
    values
}

/// Own price less the class's, missing where they are equal.
fn outperformance(own: &[f64], class: &[f64]) -> Vec<f64> {
    let mut gap = pairwise(&fill_forward(own), &fill_forward(class), |own, class| own - class);
    zeros_missing(&mut gap);
    gap
}

/// Span that smooths a horizon.
pub(crate) fn smoothing(horizon: usize) -> f64 {
    alpha_of_span((horizon / 4).max(2) as f64)
}

/// Rise against the asset class a day over `horizon` days, smoothed over a quarter of them.
pub fn relative_momentum(own: &[f64], class: &[f64], horizon: usize) -> Vec<f64> {
    let gap = outperformance(own, class);
    let rise = pairwise(&gap, &lag(&gap, horizon), |now, before| (now - before) / horizon as f64);
    ew_mean(&rise, smoothing(horizon), 1)
}

/// Mean fall against the asset class a day over `horizon` days, smoothed over a quarter of them.
pub fn relative_reversion(own: &[f64], class: &[f64], horizon: usize) -> Vec<f64> {
    // Here equality is no missing opinion: the steps away from it count from the first.
    let gap = pairwise(&fill_forward(own), &fill_forward(class), |own, class| own - class);
    let steps = pairwise(&gap, &lag(&gap, 1), |now, before| now - before);
    let mean = rolling_mean(&steps, horizon, horizon);
    ew_mean(&mean, smoothing(horizon), 1).into_iter().map(|value| -value).collect()
}

/// Change of a crossover over `fast` days.
pub fn acceleration(signal: &[f64], fast: usize) -> Vec<f64> {
    pairwise(signal, &lag(signal, fast), |now, before| now - before)
}

/// Against a crossover, where it is three of its own deviations from zero.
pub fn reversion_in_wings(signal: &[f64]) -> Vec<f64> {
    let deviation = rolling_std(signal, 5_000, 3);
    pairwise(
        signal,
        &deviation,
        |signal, deviation| if signal.abs() < 3.0 * deviation { 0.0 } else { -signal },
    )
}

/// A demeaned factor over the robust deviation of its level, smoothed; with a condition, times the last sign of that.
pub fn factor_rule(factor: &[f64], condition: Option<&[f64]>, smooth: f64) -> Vec<f64> {
    let mut normalised = pairwise(factor, &robust_volatility(factor), |factor, deviation| factor / deviation);
    if let Some(condition) = condition {
        let signs: Vec<f64> = condition.iter().map(|value| sign(*value)).collect();
        normalised = pairwise(&normalised, &fill_forward(&signs), |value, sign| value * sign);
    }
    ew_mean(&normalised, alpha_of_span(smooth), 1)
}

/// -1, 0 or 1; missing for a missing value.
pub(crate) fn sign(value: f64) -> f64 {
    if value == 0.0 || value.is_nan() { value } else { 1.0_f64.copysign(value) }
}
