//! An expression of the configuration a day at a time: every function of [`crate::rules::expression`] has its operator.

use tickrace_stats::moments::alpha_of_span;

use super::operator::{
    EwMean, EwStd, Fill, Ring, RollingExtremes, RollingMean, RollingStd, RunningSum, Step,
};
use super::tape::Tape;
use crate::rules::expression::{Expression, Function, Node};
use crate::rules::sign;

/// A parsed expression with what its functions must remember.
#[derive(Clone, Debug)]
pub(super) enum Formula {
    Number(f64),
    /// Place among the rule's inputs.
    Input(usize),
    Negative(Box<Self>),
    Binary(char, Box<Self>, Box<Self>),
    Row(fn(f64) -> f64, Box<Self>),
    Clip(f64, f64, Box<Self>),
    Where(Box<[Self; 3]>),
    Ewma(EwMean, Box<Self>),
    Ewstd(EwStd, Box<Self>),
    Mean(RollingMean, Box<Self>),
    Std(RollingStd, Box<Self>),
    Max(RollingExtremes, Box<Self>),
    Min(RollingExtremes, Box<Self>),
    Diff(Step, Box<Self>),
    Lag(Ring, Box<Self>),
    Cumsum(RunningSum, Box<Self>),
    Ffill(Fill, Box<Self>),
}

impl Formula {
    /// `names`: of the inputs; every one the expression speaks of is among them.
    pub fn new(expression: &Expression, names: &[String]) -> Self {
        Self::of(&expression.0, names)
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked when it was read")]
    fn of(node: &Node, names: &[String]) -> Self {
        let boxed = |node: &Node| Box::new(Self::of(node, names));
        match node {
            Node::Number(value) => Self::Number(*value),
            Node::Input(name, _) => {
                let place = names.iter().position(|own| own == name);
                Self::Input(place.expect("the expression was worked out with these names"))
            }
            Node::Negative(of) => Self::Negative(boxed(of)),
            Node::Binary(sign, left, right) => Self::Binary(*sign, boxed(left), boxed(right)),
            Node::Call(function, arguments) => {
                let x = boxed(&arguments[0]);
                let number = |place: usize| arguments.get(place).map_or(f64::NAN, Node::number);
                let rows = number(1) as usize;
                match function {
                    Function::Ewma => Self::Ewma(EwMean::of_span(number(1)), x),
                    Function::Ewstd => Self::Ewstd(EwStd::new(alpha_of_span(number(1)), 2), x),
                    Function::Mean => Self::Mean(RollingMean::new(rows, rows), x),
                    Function::Std => Self::Std(RollingStd::new(rows, rows), x),
                    Function::Max => Self::Max(RollingExtremes::new(rows, rows), x),
                    Function::Min => Self::Min(RollingExtremes::new(rows, rows), x),
                    Function::Diff => Self::Diff(Step::default(), x),
                    Function::Lag => Self::Lag(Ring::new(rows), x),
                    Function::Cumsum => Self::Cumsum(RunningSum::default(), x),
                    Function::Ffill => Self::Ffill(Fill::default(), x),
                    Function::Abs => Self::Row(f64::abs, x),
                    Function::Sign => Self::Row(sign, x),
                    Function::Sqrt => Self::Row(f64::sqrt, x),
                    Function::Log => Self::Row(libm::log, x),
                    Function::Clip => Self::Clip(number(1), number(2), x),
                    Function::Where => {
                        let part = |place: usize| Self::of(&arguments[place], names);
                        Self::Where(Box::new([part(0), part(1), part(2)]))
                    }
                }
            }
        }
    }

    /// The value of a day.
    pub fn push(&mut self, inputs: &[f64]) -> f64 {
        match self {
            Self::Number(value) => *value,
            Self::Input(place) => inputs[*place],
            Self::Negative(of) => -of.push(inputs),
            Self::Binary(sign, left, right) => {
                let (left, right) = (left.push(inputs), right.push(inputs));
                match sign {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    // A quotient of nothing is no opinion.
                    _ if right == 0.0 => f64::NAN,
                    _ => left / right,
                }
            }
            Self::Row(function, x) => function(x.push(inputs)),
            Self::Clip(low, high, x) => x.push(inputs).clamp(*low, *high),
            Self::Where(parts) => {
                // All three move on, whichever is taken.
                let [x, yes, no] = parts.each_mut().map(|part| part.push(inputs));
                if x.is_nan() {
                    f64::NAN
                } else if x > 0.0 {
                    yes
                } else {
                    no
                }
            }
            Self::Ewma(mean, x) => mean.push(x.push(inputs)),
            Self::Ewstd(deviation, x) => deviation.push(x.push(inputs)),
            Self::Mean(mean, x) => mean.push(x.push(inputs)),
            Self::Std(deviation, x) => deviation.push(x.push(inputs)),
            Self::Max(extremes, x) => extremes.push(x.push(inputs)).0,
            Self::Min(extremes, x) => extremes.push(x.push(inputs)).1,
            Self::Diff(step, x) => step.push(x.push(inputs)),
            Self::Lag(ring, x) => ring.push(x.push(inputs)),
            Self::Cumsum(sum, x) => sum.push(x.push(inputs)),
            Self::Ffill(fill, x) => fill.push(x.push(inputs)),
        }
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        match self {
            Self::Number(_) | Self::Input(_) => {}
            Self::Negative(x) | Self::Row(_, x) | Self::Clip(_, _, x) => x.keep(tape),
            Self::Binary(_, left, right) => {
                left.keep(tape);
                right.keep(tape);
            }
            Self::Where(parts) => parts.iter_mut().for_each(|part| part.keep(tape)),
            Self::Ewma(own, x) => {
                own.keep(tape);
                x.keep(tape);
            }
            Self::Ewstd(own, x) => {
                own.keep(tape);
                x.keep(tape);
            }
            Self::Mean(own, x) => {
                own.keep(tape);
                x.keep(tape);
            }
            Self::Std(own, x) => {
                own.keep(tape);
                x.keep(tape);
            }
            Self::Max(own, x) | Self::Min(own, x) => {
                own.keep(tape);
                x.keep(tape);
            }
            Self::Diff(own, x) => {
                own.keep(tape);
                x.keep(tape);
            }
            Self::Lag(own, x) => {
                own.keep(tape);
                x.keep(tape);
            }
            Self::Cumsum(own, x) => {
                own.keep(tape);
                x.keep(tape);
            }
            Self::Ffill(own, x) => {
                own.keep(tape);
                x.keep(tape);
            }
        }
    }
}
