//! Parameter sets: what `--grid key=…` says, every combination of it or a random sample.

use std::collections::BTreeSet;

use tickrace_stats::rng::Rng;
use toml::{Table, Value};

use crate::Failure;

/// Most sets of one sweep.
pub const SETS_MAX: usize = 100_000;

/// One swept key.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Path in the configuration, `strategy.order_qty_lots`.
    pub key: String,
    /// Its values.
    pub values: Values,
}

/// What a key runs over.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// These, in this order.
    List(Vec<Value>),
    /// A range: stepped for a grid, drawn from for a sample.
    Range(Range),
}

/// Numbers from one to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// First.
    pub from: f64,
    /// Last.
    pub to: f64,
    /// How many, both ends included; absent where only a sample can be drawn.
    pub steps: Option<usize>,
    /// Evenly by their logarithm.
    pub is_log: bool,
    /// Rounded to whole numbers: where the configuration holds one.
    pub is_whole: bool,
}

/// One value for each axis.
pub type Set = Vec<Value>;

impl Axis {
    /// Reads `key=a,b,c`, `key=from..to:steps` or `key=from..to:10log`.
    ///
    /// - `table`: the configuration, which tells whether the key holds whole numbers.
    ///
    /// # Errors
    ///
    /// [`Failure`] naming the text and what is wrong with it.
    pub fn parse(text: &str, table: &Table) -> Result<Self, Failure> {
        let Some((key, values)) = text.split_once('=') else {
            return Err(Failure::usage(format!(
                "--grid {text}: write it as key=a,b,c or key=from..to:steps, e.g. strategy.order_qty_lots=1,5,10"
            )));
        };
        let key = key.trim();
        if key.split('.').any(str::is_empty) {
            return Err(Failure::usage(format!("--grid {text}: the path is empty or has an empty part")));
        }
        let fail = |what: &str| Failure::usage(format!("--grid {text}: {what}"));
        let values = match range_of(values.trim()).map_err(fail)? {
            Some(range) => {
                let is_whole = lookup(table, key).is_some_and(Value::is_integer);
                Values::Range(Range { is_whole, ..range })
            }
            None => Values::List(list_of(values).map_err(fail)?),
        };
        Ok(Self { key: key.to_owned(), values })
    }

    /// The values of a grid.
    ///
    /// # Errors
    ///
    /// [`Failure`] where a range says no number of steps.
    pub fn steps(&self) -> Result<Vec<Value>, Failure> {
        match &self.values {
            Values::List(values) => Ok(values.clone()),
            Values::Range(range) => range.steps().ok_or_else(|| {
                Failure::usage(format!(
                    "--grid {}: a range needs a number of steps, from..to:steps, or --random to draw from it",
                    self.key
                ))
            }),
        }
    }

    fn draw(&self, rng: &mut Rng) -> Option<Value> {
        match &self.values {
            Values::List(values) => {
                let place = rng.below(values.len() as u64);
                values.get(usize::try_from(place).ok()?).cloned()
            }
            Values::Range(range) => Some(range.at(rng.uniform())),
        }
    }
}

impl Range {
    /// The value at a share of the way, from 0 to 1.
    fn at(&self, share: f64) -> Value {
        let value = if self.is_log {
            // The ends come out as they were written.
            let between = self.from.ln() + share * (self.to.ln() - self.from.ln());
            if share == 0.0 {
                self.from
            } else if share == 1.0 {
                self.to
            } else {
                between.exp()
            }
        } else {
            self.from + share * (self.to - self.from)
        };
        // Twelve digits: 0.3, not 0.30000000000000004.
        let value: f64 = format!("{value:.11e}").parse().unwrap_or(value);
        let rounded = value.round();
        #[allow(clippy::cast_possible_truncation, reason = "bounded by `WHOLE_MAX` where the range is read")]
        if self.is_whole { Value::Integer(rounded as i64) } else { Value::Float(value) }
    }

    fn steps(&self) -> Option<Vec<Value>> {
        let steps = self.steps?;
        let mut values: Vec<Value> =
            (0..steps).map(|step| self.at(step as f64 / (steps.max(2) - 1) as f64)).collect();
        // Whole numbers close together fall on one another.
        values.dedup();
        Some(values)
    }
}

/// Largest end of a range: below it floats tell whole numbers apart.
const WHOLE_MAX: f64 = 9e15;

/// `from..to`, `from..to:steps`, `from..to:10log`, `from..to:log`; `None` where it is no range.
fn range_of(text: &str) -> Result<Option<Range>, &'static str> {
    let Some((from, rest)) = text.split_once("..") else { return Ok(None) };
    let (to, how) = rest.split_once(':').map_or((rest, None), |(to, how)| (to, Some(how.trim())));
    let number =
        |text: &str| text.trim().replace('_', "").parse::<f64>().ok().filter(|value| value.is_finite());
    let (Some(from), Some(to)) = (number(from), number(to)) else { return Ok(None) };
    if from.abs() > WHOLE_MAX || to.abs() > WHOLE_MAX {
        return Err("the ends of a range must lie within 9e15 of zero");
    }
    let is_log = how.is_some_and(|how| how.ends_with("log"));
    let count =
        how.map(|how| how.strip_suffix("log").unwrap_or(how).trim()).filter(|count| !count.is_empty());
    let steps = count.map(str::parse::<usize>).transpose().map_err(|_| "the number of steps is none")?;
    if steps.is_some_and(|steps| !(2..=SETS_MAX).contains(&steps)) {
        return Err("a range has from 2 to 100000 steps");
    }
    if is_log && (from <= 0.0 || to <= 0.0) {
        return Err("a logarithmic range has positive ends");
    }
    Ok(Some(Range { from, to, steps, is_log, is_whole: false }))
}

/// Splits at the commas outside of brackets and quotes; each piece is read as TOML, else as a string.
pub fn list_of(text: &str) -> Result<Vec<Value>, &'static str> {
    let mut pieces = vec![String::new()];
    let (mut depth, mut quote) = (0i32, None);
    for letter in text.chars() {
        match (letter, quote) {
            (',', None) if depth == 0 => {
                pieces.push(String::new());
                continue;
            }
            ('"' | '\'', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth -= 1,
            _ => {}
        }
        if let Some(last) = pieces.last_mut() {
            last.push(letter);
        }
    }
    if depth != 0 || quote.is_some() {
        return Err("a bracket or quote is not closed");
    }
    if pieces.iter().any(|piece| piece.trim().is_empty()) {
        return Err("a value is empty");
    }
    Ok(pieces.iter().map(|piece| value_of(piece.trim())).collect())
}

/// Reads TOML; what is none is a string.
fn value_of(text: &str) -> Value {
    let parsed = format!("x = {text}").parse::<Table>().ok();
    parsed.and_then(|mut table| table.remove("x")).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// What stands at a path.
pub fn lookup<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let mut keys = path.split('.');
    let mut value = table.get(keys.next()?)?;
    for key in keys {
        value = value.as_table()?.get(key)?;
    }
    Some(value)
}

/// Every combination, the last key running fastest.
///
/// # Errors
///
/// [`Failure`] where a range has no steps or there are more than [`SETS_MAX`].
pub fn combinations(axes: &[Axis]) -> Result<Vec<Set>, Failure> {
    let mut sets: Vec<Set> = vec![Vec::new()];
    for axis in axes {
        let values = axis.steps()?;
        if sets.len().saturating_mul(values.len()) > SETS_MAX {
            return Err(too_many());
        }
        sets = sets
            .iter()
            .flat_map(|set| {
                values.iter().map(move |value| [set.as_slice(), std::slice::from_ref(value)].concat())
            })
            .collect();
    }
    Ok(distinct(sets))
}

/// `count` sets drawn with a seed; fewer where some are the same.
///
/// # Errors
///
/// [`Failure`] where there are more than [`SETS_MAX`].
pub fn sample(axes: &[Axis], count: usize, seed: u64) -> Result<Vec<Set>, Failure> {
    if count > SETS_MAX {
        return Err(too_many());
    }
    let mut rng = Rng::new(seed);
    Ok(distinct((0..count).map(|_| axes.iter().filter_map(|axis| axis.draw(&mut rng)).collect()).collect()))
}

fn too_many() -> Failure {
    Failure::usage(format!("--grid: more than {SETS_MAX} sets; take fewer steps, or draw some with --random"))
}

fn distinct(sets: Vec<Set>) -> Vec<Set> {
    let mut seen = BTreeSet::new();
    sets.into_iter().filter(|set| seen.insert(words(set))).collect()
}

fn words(set: &[Value]) -> Vec<String> {
    set.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn axis(text: &str) -> Axis {
        Axis::parse(text, &"[a]\nwhole = 3\nother = 0.5\n".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_list_is_split_outside_of_brackets_and_keeps_its_types() {
        let steps =
            axis("a.x=1, 0.5,power,\"a,b\",{ model = \"power\", exponent = 3.0 },[1,2]").steps().unwrap();
        let kinds: Vec<&str> = steps.iter().map(Value::type_str).collect();
        assert_eq!(kinds, ["integer", "float", "string", "string", "table", "array"]);
        assert_eq!(steps[3].as_str(), Some("a,b"));
    }

    #[test]
    fn ranges_step_evenly_or_by_their_logarithm_and_are_whole_where_the_key_is() {
        let floats =
            |text| -> Vec<f64> { axis(text).steps().unwrap().iter().filter_map(Value::as_float).collect() };
        assert_eq!(floats("a.other=0.1..0.5:5"), [0.1, 0.2, 0.3, 0.4, 0.5]);
        assert_eq!(floats("a.other=0.01..10:4log"), [0.01, 0.1, 1.0, 10.0]);
        let whole: Vec<i64> =
            axis("a.whole=1..1000:4log").steps().unwrap().iter().filter_map(Value::as_integer).collect();
        assert_eq!(whole, [1, 10, 100, 1000]);
        // 1, 1.25, 1.5, 1.75, 2 in whole numbers.
        assert_eq!(axis("a.whole=1..2:5").steps().unwrap(), [Value::Integer(1), Value::Integer(2)]);
    }

    #[test]
    fn combinations_run_over_the_last_key_first_and_a_sample_follows_its_seed() {
        let axes = [axis("a.x=1,2"), axis("a.y=3,4,4")];
        let pairs: Vec<Vec<i64>> = combinations(&axes)
            .unwrap()
            .iter()
            .map(|set| set.iter().filter_map(Value::as_integer).collect())
            .collect();
        assert_eq!(pairs, [[1, 3], [1, 4], [2, 3], [2, 4]]);
        let axes = [axis("a.other=0.0..1.0"), axis("a.x=1,2")];
        let drawn = sample(&axes, 10, 7).unwrap();
        assert_eq!(drawn.len(), 10);
        assert_eq!(drawn, sample(&axes, 10, 7).unwrap());
        assert_ne!(drawn, sample(&axes, 10, 8).unwrap());
        assert!(combinations(&axes).is_err(), "a range without steps");
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        let table = Table::new();
        for text in
            ["a.x", "=1", "a..x=1", "a.x=", "a.x=1,,2", "a.x={1", "a.x=0..1:1", "a.x=0..1:9log", "a.x=0..1:b"]
        {
            let failure = Axis::parse(text, &table).expect_err(text);
            assert!(failure.text.contains("--grid"), "{}", failure.text);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            if let Ok(axis) = Axis::parse(&text, &Table::new()) {
                let _ = combinations(std::slice::from_ref(&axis));
                let _ = sample(&[axis], 3, 1);
            }
        }
    }
}
