//! A rule as an expression over named inputs, stated in the configuration:
//!
//! ```text
//! clip(10 * (ewma(price, 16) - ewma(price, 64)) / ffill(volatility), -20, 20)
//! ```
//!
//! Names are those the configuration gives its inputs; numbers, `+ - * /`, unary minus and parentheses as usual.
//!
//! | function | gives |
//! | --- | --- |
//! | `ewma(x, span)` `ewstd(x, span)` | exponentially weighted mean and deviation |
//! | `mean(x, n)` `std(x, n)` `max(x, n)` `min(x, n)` | over the last `n` rows that are whole |
//! | `diff(x)` `lag(x, n)` `cumsum(x)` `ffill(x)` | difference to the row before; the row `n` before; running sum; gaps filled |
//! | `abs(x)` `sign(x)` `sqrt(x)` `log(x)` | row by row; the logarithm is natural |
//! | `clip(x, low, high)` | kept within bounds |
//! | `where(c, x, y)` | `x` where `c` is above zero, else `y` |
//!
//! No function looks at a row behind the one it answers for; a lag below zero is refused.

use tickrace_stats::moments::{
    alpha_of_span, differences, ew_mean, ew_std, fill_forward, rolling_extremes, rolling_mean, rolling_std,
};

use super::{Inputs, ROWS_MAX, Rule, RuleError, lag, sign};
use crate::raw::running_sum;

/// Deepest nesting.
const DEPTH_MAX: usize = 64;

/// Most operators and calls: they nest where they follow each other.
const NODES_MAX: usize = 1_000;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(pub(crate) Node);

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Number(f64),
    Input(String, usize),
    Negative(Box<Node>),
    Binary(char, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
}

/// A function of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Ewma,
    Ewstd,
    Mean,
    Std,
    Max,
    Min,
    Diff,
    Lag,
    Cumsum,
    Ffill,
    Abs,
    Sign,
    Sqrt,
    Log,
    Clip,
    Where,
}

/// Names, functions, and how many arguments: series first, then numbers.
const FUNCTIONS: [(&str, Function, usize, usize); 16] = [
    ("ewma", Function::Ewma, 1, 1),
    ("ewstd", Function::Ewstd, 1, 1),
    ("mean", Function::Mean, 1, 1),
    ("std", Function::Std, 1, 1),
    ("max", Function::Max, 1, 1),
    ("min", Function::Min, 1, 1),
    ("diff", Function::Diff, 1, 0),
    ("lag", Function::Lag, 1, 1),
    ("cumsum", Function::Cumsum, 1, 0),
    ("ffill", Function::Ffill, 1, 0),
    ("abs", Function::Abs, 1, 0),
    ("sign", Function::Sign, 1, 0),
    ("sqrt", Function::Sqrt, 1, 0),
    ("log", Function::Log, 1, 0),
    ("clip", Function::Clip, 1, 2),
    ("where", Function::Where, 3, 0),
];

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// [`RuleError::Expression`] with the place and what was expected there.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let mut parser = Parser { letters: text.char_indices().collect(), at: 0, depth: 0, nodes: 0 };
        let node = parser.sum()?;
        match parser.peek() {
            None => Ok(Self(node)),
            Some(letter) => Err(parser.fault(format!("{letter:?} is left over"))),
        }
    }

    /// Names of the inputs it speaks of.
    pub fn inputs(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.collect(&mut names);
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Rule for Expression {
    fn forecast(&self, inputs: &Inputs<'_>) -> Result<Vec<f64>, RuleError> {
        self.0.evaluate(inputs)
    }
}

impl Node {
    fn collect<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Number(_) => {}
            Self::Input(name, _) => names.push(name),
            Self::Negative(of) => of.collect(names),
            Self::Binary(_, left, right) => {
                left.collect(names);
                right.collect(names);
            }
            Self::Call(_, arguments) => arguments.iter().for_each(|argument| argument.collect(names)),
        }
    }

    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<f64>, RuleError> {
        let days = inputs.series.first().map_or(0, |series| series.len());
        Ok(match self {
            Self::Number(value) => vec![*value; days],
            Self::Input(name, at) => {
                let place = inputs.names.iter().position(|own| own == name);
                let found = place.and_then(|place| inputs.series.get(place));
                let fault = || RuleError::Expression {
                    at: *at,
                    fault: format!("no input {name:?}; there are: {}", inputs.names.join(" ")),
                };
                found.ok_or_else(fault)?.to_vec()
            }
            Self::Negative(of) => of.evaluate(inputs)?.into_iter().map(|value| -value).collect(),
            Self::Binary(sign, left, right) => {
                let (left, right) = (left.evaluate(inputs)?, right.evaluate(inputs)?);
                let apply = |(left, right): (f64, f64)| match sign {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    // A quotient of nothing is no opinion.
                    _ if right == 0.0 => f64::NAN,
                    _ => left / right,
                };
                left.into_iter().zip(right).map(apply).collect()
            }
            Self::Call(function, arguments) => function.apply(arguments, inputs)?,
        })
    }

    /// A number that stands in the text.
    pub(crate) fn number(&self) -> f64 {
        match self {
            Self::Number(value) => *value,
            Self::Negative(of) => -of.number(),
            _ => f64::NAN,
        }
    }
}

impl Function {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked when it was read")]
    fn apply(self, arguments: &[Node], inputs: &Inputs<'_>) -> Result<Vec<f64>, RuleError> {
        let x = arguments[0].evaluate(inputs)?;
        let number = |place: usize| arguments.get(place).map_or(f64::NAN, Node::number);
        let rows = number(1) as usize;
        let by_row = |f: fn(f64) -> f64| x.iter().map(|value| f(*value)).collect();
        Ok(match self {
            Self::Ewma => ew_mean(&x, alpha_of_span(number(1)), 1),
            Self::Ewstd => ew_std(&x, alpha_of_span(number(1)), 2),
            Self::Mean => rolling_mean(&x, rows, rows),
            Self::Std => rolling_std(&x, rows, rows),
            Self::Max => rolling_extremes(&x, rows, rows).0,
            Self::Min => rolling_extremes(&x, rows, rows).1,
            Self::Diff => differences(&x),
            Self::Lag => lag(&x, rows),
            Self::Cumsum => running_sum(&x),
            Self::Ffill => fill_forward(&x),
            Self::Abs => by_row(f64::abs),
            Self::Sign => by_row(sign),
            Self::Sqrt => by_row(f64::sqrt),
            Self::Log => by_row(libm::log),
            Self::Clip => x.iter().map(|value| value.clamp(number(1), number(2))).collect(),
            Self::Where => {
                let (yes, no) = (arguments[1].evaluate(inputs)?, arguments[2].evaluate(inputs)?);
                let pick = |row: usize| {
                    if x[row].is_nan() {
                        f64::NAN
                    } else if x[row] > 0.0 {
                        yes[row]
                    } else {
                        no[row]
                    }
                };
                (0..x.len()).map(pick).collect()
            }
        })
    }
}

struct Parser {
    letters: Vec<(usize, char)>,
    at: usize,
    depth: usize,
    nodes: usize,
}

impl Parser {
    fn fault(&self, fault: impl Into<String>) -> RuleError {
        RuleError::Expression { at: self.at + 1, fault: fault.into() }
    }

    fn peek(&mut self) -> Option<char> {
        while self.letters.get(self.at).is_some_and(|(_, letter)| letter.is_whitespace()) {
            self.at += 1;
        }
        self.letters.get(self.at).map(|(_, letter)| *letter)
    }

    fn count(&mut self) -> Result<(), RuleError> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            Err(self.fault(format!("more than {NODES_MAX} operators")))
        } else {
            Ok(())
        }
    }

    fn sum(&mut self) -> Result<Node, RuleError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fault("nested too deeply"));
        }
        let mut left = self.product()?;
        while let Some(sign @ ('+' | '-')) = self.peek() {
            self.at += 1;
            self.count()?;
            left = Node::Binary(sign, Box::new(left), Box::new(self.product()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn product(&mut self) -> Result<Node, RuleError> {
        let mut left = self.factor()?;
        while let Some(sign @ ('*' | '/')) = self.peek() {
            self.at += 1;
            self.count()?;
            left = Node::Binary(sign, Box::new(left), Box::new(self.factor()?));
        }
        Ok(left)
    }

    fn factor(&mut self) -> Result<Node, RuleError> {
        let mut is_negative = false;
        while self.peek() == Some('-') {
            self.at += 1;
            is_negative = !is_negative;
        }
        let node = match self.peek() {
            Some('(') => {
                self.at += 1;
                let inner = self.sum()?;
                self.expect(')')?;
                inner
            }
            Some(letter) if letter.is_ascii_digit() || letter == '.' => self.number()?,
            Some(letter) if letter.is_alphabetic() || letter == '_' => self.name()?,
            Some(letter) => return Err(self.fault(format!("{letter:?} where a value was expected"))),
            None => return Err(self.fault("the text ends where a value was expected")),
        };
        Ok(if is_negative { Node::Negative(Box::new(node)) } else { node })
    }

    fn expect(&mut self, wanted: char) -> Result<(), RuleError> {
        match self.peek() {
            Some(letter) if letter == wanted => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.fault(format!("{wanted:?} was expected"))),
        }
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let from = self.at;
        while self.letters.get(self.at).is_some_and(|(_, letter)| belongs(*letter)) {
            self.at += 1;
        }
        self.letters[from..self.at].iter().map(|(_, letter)| *letter).collect()
    }

    fn number(&mut self) -> Result<Node, RuleError> {
        let start = self.at;
        let mut text = self.word(|letter| letter.is_ascii_digit() || letter == '.');
        // An exponent follows without a gap: 1e-3.
        if let Some((_, letter @ ('e' | 'E'))) = self.letters.get(self.at).copied() {
            self.at += 1;
            text.push(letter);
            if let Some((_, sign @ ('+' | '-'))) = self.letters.get(self.at).copied() {
                self.at += 1;
                text.push(sign);
            }
            text += &self.word(|letter| letter.is_ascii_digit());
        }
        let value = text.parse().map(Node::Number);
        value.map_err(|_| RuleError::Expression { at: start + 1, fault: format!("{text:?} is no number") })
    }

    fn name(&mut self) -> Result<Node, RuleError> {
        let start = self.at + 1;
        let name = self.word(|letter| letter.is_alphanumeric() || letter == '_');
        if self.peek() != Some('(') {
            return Ok(Node::Input(name, start));
        }
        self.at += 1;
        let Some(&(_, function, series, numbers)) = FUNCTIONS.iter().find(|(own, ..)| *own == name) else {
            let there = FUNCTIONS.map(|(name, ..)| name).join(" ");
            return Err(RuleError::Expression {
                at: start,
                fault: format!("no function {name:?}; there are: {there}"),
            });
        };
        let mut arguments = vec![self.sum()?];
        while self.peek() == Some(',') {
            self.at += 1;
            arguments.push(self.sum()?);
        }
        self.expect(')')?;
        if arguments.len() != series + numbers {
            let wanted = series + numbers;
            let fault = format!("{name} takes {wanted} arguments, there are {}", arguments.len());
            return Err(RuleError::Expression { at: start, fault });
        }
        let is_wrong = |number: f64| {
            number.is_nan() || function != Function::Clip && !(1.0..=ROWS_MAX).contains(&number)
        };
        if arguments[series..].iter().map(Node::number).any(is_wrong) {
            let fault = format!("the last arguments of {name} are plain numbers, rows from 1 up");
            return Err(RuleError::Expression { at: start, fault });
        }
        if function == Function::Clip && arguments[1].number() > arguments[2].number() {
            return Err(RuleError::Expression {
                at: start,
                fault: "the bounds of clip are the wrong way round".into(),
            });
        }
        Ok(Node::Call(function, arguments))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Arguments, Memo, ewmac};

    fn value(text: &str, price: &[f64]) -> Result<Vec<f64>, RuleError> {
        let (names, arguments) = (["price".to_owned()], Arguments::new());
        let memo = Memo::default();
        let series = [price.into()];
        let inputs = Inputs::new(&series, &names, &arguments, &memo);
        Expression::parse(text)?.forecast(&inputs)
    }

    #[test]
    fn arithmetic_binds_as_usual() {
        assert_eq!(value("1 + 2 * 3 - 4 / 2", &[0.0]).unwrap(), [5.0]);
        assert_eq!(value("-(1 - 3) * --2", &[0.0]).unwrap(), [4.0]);
        assert_eq!(value("where(price - 1, 7, -price)", &[1.0, 2.0]).unwrap(), [-1.0, 7.0]);
        assert!(value("1 / (price - price)", &[1.0]).unwrap()[0].is_nan());
    }

    #[test]
    fn a_crossover_written_out_is_the_rule() {
        let price: Vec<f64> = (0..200).map(|day| 100.0 + f64::from(day % 17) * 0.7).collect();
        let text = "(ewma(price, 8) - ewma(price, 32)) / ffill(ewstd(diff(price), 35))";
        let deviation = ew_std(&differences(&price), alpha_of_span(35.0), 2);
        let (own, rule) = (value(text, &price).unwrap(), ewmac(&price, &deviation, 8.0, 32.0));
        for (own, rule) in own.iter().zip(&rule).skip(3) {
            assert!((own - rule).abs() <= 4.0 * f64::EPSILON * rule.abs(), "{own} {rule}");
        }
    }

    #[test]
    fn faults_are_named_by_place() {
        for (text, wanted) in [
            ("", "expression, at character 1: the text ends where a value was expected"),
            ("price +", "expression, at character 8: the text ends where a value was expected"),
            ("2 * volume", "expression, at character 5: no input \"volume\"; there are: price"),
            (
                "lag(price, -3)",
                "expression, at character 1: the last arguments of lag are plain numbers, rows from 1 up",
            ),
            ("mean(price)", "expression, at character 1: mean takes 2 arguments, there are 1"),
            ("1 2", "expression, at character 3: '2' is left over"),
            ("(1", "expression, at character 3: ')' was expected"),
        ] {
            assert_eq!(value(text, &[1.0]).unwrap_err().to_string(), wanted);
        }
        assert!(value(&"1+".repeat(200_000), &[1.0]).is_err());
        assert!(value("max(price, 99999999999999999999999)", &[1.0]).is_err());
        assert!(value(&"(".repeat(1_000), &[1.0]).is_err());
        assert!(value(&"-".repeat(100_000), &[1.0]).is_err());
    }
}
