//! Trading rules a day at a time: those of [`crate::rules`], by the same names and with the same arguments.

use std::borrow::Cow;

use tickrace_stats::moments::alpha_of_span;

use super::expression::Formula;
use super::operator::{EwMean, Fill, Ring, RollingExtremes, RollingMean, RollingStd, Step};
use super::tape::Tape;
use super::volatility::Volatility;
use crate::config::RuleConfig;
use crate::rules::expression::Expression;
use crate::rules::{Arguments, Inputs, Memo, Rule, RuleError, Rules, sign, smoothing};
use crate::system::inputs::input_name;

/// Crossover of two exponential means over a deviation.
#[derive(Clone, Debug)]
pub(super) struct Crossover {
    fast: EwMean,
    slow: EwMean,
    deviation: Deviation,
    last: Fill,
}

/// Where a crossover's deviation comes from.
#[derive(Clone, Debug)]
enum Deviation {
    /// The second input.
    Given,
    /// The level of the first.
    OfLevel(Volatility),
    /// Steps of the first.
    OfSteps(Step, Volatility),
}

impl Crossover {
    fn new(fast: f64, slow: f64, deviation: Deviation) -> Self {
        Self { fast: EwMean::of_span(fast), slow: EwMean::of_span(slow), deviation, last: Fill::default() }
    }

    fn push(&mut self, inputs: &[f64]) -> f64 {
        let price = inputs[0];
        let deviation = match &mut self.deviation {
            Deviation::Given => inputs[1],
            Deviation::OfLevel(volatility) => volatility.push(price),
            Deviation::OfSteps(step, volatility) => volatility.push(step.push(price)),
        };
        (self.fast.push(price) - self.slow.push(price)) * (1.0 / self.last.push(deviation))
    }

    fn keep(&mut self, tape: &mut Tape<'_>) {
        self.fast.keep(tape);
        self.slow.keep(tape);
        match &mut self.deviation {
            Deviation::Given => {}
            Deviation::OfLevel(volatility) => volatility.keep(tape),
            Deviation::OfSteps(step, volatility) => {
                step.keep(tape);
                volatility.keep(tape);
            }
        }
        self.last.keep(tape);
    }
}

/// A rule with what it must remember.
#[derive(Clone, Debug)]
pub(super) enum Forecast {
    Crossover(Crossover),
    Breakout { extremes: RollingExtremes, smooth: EwMean },
    Carry(EwMean),
    RelativeCarry,
    RelativeMomentum { own: Fill, class: Fill, before: Ring, horizon: f64, smooth: EwMean },
    RelativeReversion { own: Fill, class: Fill, before: Ring, mean: RollingMean, smooth: EwMean },
    Acceleration { signal: Crossover, before: Ring },
    Wings { signal: Crossover, deviation: RollingStd },
    Factor { deviation: Volatility, condition: Option<Fill>, smooth: EwMean },
    Formula(Formula),
}

impl Forecast {
    /// The rule of a configuration, and the names of its inputs.
    ///
    /// # Errors
    ///
    /// [`RuleError`], as the rule itself says where it is worked out over a history; of a function that is not one of the
    /// reference's, which here nobody can add, [`RuleError::Function`].
    pub fn new(rule: &RuleConfig) -> Result<(Self, Vec<String>), RuleError> {
        let expression = rule.expression.as_deref().map(Expression::parse).transpose()?;
        let names: Vec<String> = match &expression {
            Some(expression) if rule.data.is_empty() => {
                expression.inputs().into_iter().map(str::to_owned).collect()
            }
            _ => rule.data.clone(),
        };
        let arguments: Arguments = rule
            .other_args
            .iter()
            .filter(|(name, _)| !name.starts_with('_'))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        // The rule itself, over a history of no day, says what is wrong with inputs and arguments.
        let none: Vec<Cow<'_, [f64]>> = names.iter().map(|_| Cow::Borrowed(&[][..])).collect();
        let memo = Memo::default();
        let inputs = Inputs::new(&none, &names, &arguments, &memo);
        let rules = Rules::default();
        match &expression {
            Some(expression) => expression.forecast(&inputs)?,
            None => rules.get(&rule.function)?.forecast(&inputs)?,
        };
        if let Some(error) = inputs.unread() {
            return Err(error);
        }
        let own = match &expression {
            Some(expression) => Self::Formula(Formula::new(expression, &names)),
            None => Self::built_in(input_name(&rule.function), &rule.function, &inputs)?,
        };
        Ok((own, names))
    }

    fn built_in(name: &str, whole: &str, inputs: &Inputs<'_>) -> Result<Self, RuleError> {
        let crossover = |deviation, fast, slow| -> Result<Self, RuleError> {
            let (fast, slow) = (inputs.number("Lfast", fast)?, inputs.number("Lslow", slow)?);
            Ok(Self::Crossover(Crossover::new(fast, slow, deviation)))
        };
        let horizon = || inputs.rows("horizon", Some(250.0));
        let factor = |condition| -> Result<Self, RuleError> {
            let smooth = EwMean::of_span(inputs.number("smooth", Some(90.0))?);
            Ok(Self::Factor { deviation: Volatility::robust(), condition, smooth })
        };
        Ok(match name {
            "ewmac" => crossover(Deviation::Given, None, None)?,
            "ewmac_calc_vol" => crossover(Deviation::OfLevel(Volatility::robust()), None, None)?,
            "ewmac_forecast_with_defaults" => {
                let deviation = Deviation::OfSteps(Step::default(), Volatility::robust());
                crossover(deviation, Some(32.0), Some(128.0))?
            }
            "breakout" => {
                let rows = inputs.rows("lookback", Some(10.0))?;
                let smooth = (rows / 4).max(1);
                Self::Breakout {
                    extremes: RollingExtremes::new(rows, rows.div_ceil(2)),
                    smooth: EwMean::new(alpha_of_span(smooth as f64), smooth.div_ceil(2)),
                }
            }
            "carry" => Self::Carry(EwMean::of_com(inputs.number("smooth_days", Some(90.0))?)),
            "relative_carry" => Self::RelativeCarry,
            "relative_momentum" => Self::RelativeMomentum {
                own: Fill::default(),
                class: Fill::default(),
                before: Ring::new(horizon()?),
                horizon: horizon()? as f64,
                smooth: EwMean::new(smoothing(horizon()?), 1),
            },
            "cross_sectional_mean_reversion" => Self::RelativeReversion {
                own: Fill::default(),
                class: Fill::default(),
                before: Ring::new(1),
                mean: RollingMean::new(horizon()?, horizon()?),
                smooth: EwMean::new(smoothing(horizon()?), 1),
            },
            "accel" => {
                let fast = inputs.rows("Lfast", Some(4.0))?;
                let signal = Crossover::new(fast as f64, fast as f64 * 4.0, Deviation::Given);
                Self::Acceleration { signal, before: Ring::new(fast) }
            }
            "mr_wings" => {
                let fast = inputs.number("Lfast", Some(4.0))?;
                let signal = Crossover::new(fast, fast * 4.0, Deviation::Given);
                Self::Wings { signal, deviation: RollingStd::new(5_000, 3) }
            }
            "factor_trading_rule" => factor(None)?,
            "conditioned_factor_trading_rule" => factor(Some(Fill::default()))?,
            _ => {
                return Err(RuleError::Function {
                    name: whole.to_owned(),
                    there: "only rules of the reference and expressions go on a day at a time".to_owned(),
                });
            }
        })
    }

    /// The forecast of a day, before exact zeros become missing.
    ///
    /// - `inputs`: as many as the rule has names.
    pub fn push(&mut self, inputs: &[f64]) -> f64 {
        match self {
            Self::Crossover(crossover) => crossover.push(inputs),
            Self::Breakout { extremes, smooth } => {
                let price = inputs[0];
                let (high, low) = extremes.push(price);
                let raw = 40.0 * (price - (high + low) / 2.0) / (high - low);
                smooth.push(if raw.is_infinite() { f64::NAN } else { raw })
            }
            Self::Carry(smooth) => smooth.push(inputs[0]),
            Self::RelativeCarry => inputs[0] - inputs[1],
            Self::RelativeMomentum { own, class, before, horizon, smooth } => {
                let mut gap = own.push(inputs[0]) - class.push(inputs[1]);
                if gap == 0.0 {
                    gap = f64::NAN;
                }
                let before = before.push(gap);
                smooth.push((gap - before) / *horizon)
            }
            Self::RelativeReversion { own, class, before, mean, smooth } => {
                let gap = own.push(inputs[0]) - class.push(inputs[1]);
                let before = before.push(gap);
                -smooth.push(mean.push(gap - before))
            }
            Self::Acceleration { signal, before } => {
                let now = signal.push(inputs);
                now - before.push(now)
            }
            Self::Wings { signal, deviation } => {
                let signal = signal.push(inputs);
                if signal.abs() < 3.0 * deviation.push(signal) { 0.0 } else { -signal }
            }
            Self::Factor { deviation, condition, smooth } => {
                let factor = inputs[0];
                let mut normalised = factor / deviation.push(factor);
                if let Some(condition) = condition {
                    normalised *= condition.push(sign(inputs[1]));
                }
                smooth.push(normalised)
            }
            Self::Formula(formula) => formula.push(inputs),
        }
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        match self {
            Self::Crossover(crossover) => crossover.keep(tape),
            Self::Breakout { extremes, smooth } => {
                extremes.keep(tape);
                smooth.keep(tape);
            }
            Self::Carry(smooth) => smooth.keep(tape),
            Self::RelativeCarry => {}
            Self::RelativeMomentum { own, class, before, smooth, .. } => {
                own.keep(tape);
                class.keep(tape);
                before.keep(tape);
                smooth.keep(tape);
            }
            Self::RelativeReversion { own, class, before, mean, smooth } => {
                own.keep(tape);
                class.keep(tape);
                before.keep(tape);
                mean.keep(tape);
                smooth.keep(tape);
            }
            Self::Acceleration { signal, before } => {
                signal.keep(tape);
                before.keep(tape);
            }
            Self::Wings { signal, deviation } => {
                signal.keep(tape);
                deviation.keep(tape);
            }
            Self::Factor { deviation, condition, smooth } => {
                deviation.keep(tape);
                if let Some(condition) = condition {
                    condition.keep(tape);
                }
                smooth.keep(tape);
            }
            Self::Formula(formula) => formula.keep(tape),
        }
    }
}
