//! What several rules of one instrument need of the same inputs, worked out once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tickrace_stats::moments::{alpha_of_com, alpha_of_span, ew_means_of};

use super::{Argument, Arguments, Inputs, RuleError, crossed};

/// Figures of inputs that several rules share, kept while the rules of one instrument are worked out.
#[derive(Default)]
pub struct Memo {
    known: RefCell<BTreeMap<Key, Rc<Vec<f64>>>>,
    /// By input, weights of the newest row of the exponential means that rules will ask for: they are worked out together.
    planned: BTreeMap<String, Vec<f64>>,
}

impl Memo {
    /// - `rules`: each a function, the name of its first input, and its arguments.
    pub fn planned<'a>(rules: impl IntoIterator<Item = (&'a str, &'a str, &'a Arguments)>) -> Self {
        let mut memo = Self::default();
        for (function, input, arguments) in rules {
            let planned = memo.planned.entry(input.to_owned()).or_default();
            for alpha in alphas_of(function, arguments) {
                if !planned.contains(&alpha) {
                    planned.push(alpha);
                }
            }
        }
        memo
    }
}

/// Weights of the newest row in the exponential means that a function takes of its first input; none where it takes none, or
/// where an argument is not one.
fn alphas_of(function: &str, arguments: &Arguments) -> Vec<f64> {
    let number = |name: &str, default| match arguments.get(name) {
        Some(Argument::Number(value)) => *value,
        Some(Argument::Text(_)) => f64::NAN,
        None => default,
    };
    let two = |fast, slow| [number("Lfast", fast), number("Lslow", slow)].map(alpha_of_span).to_vec();
    let alphas = match function.rsplit('.').next().unwrap_or(function) {
        "ewmac" | "ewmac_calc_vol" => two(f64::NAN, f64::NAN),
        "ewmac_forecast_with_defaults" => two(32.0, 128.0),
        "accel" | "mr_wings" => [1.0, 4.0].map(|times| alpha_of_span(times * number("Lfast", 4.0))).to_vec(),
        "carry" => vec![alpha_of_com(number("smooth_days", 90.0))],
        _ => Vec::new(),
    };
    alphas.into_iter().filter(|alpha| *alpha > 0.0 && *alpha <= 1.0).collect()
}

/// Name of the input, where it lies and how long it is, what was worked out, and with what number.
type Key = (String, usize, usize, &'static str, u64);

impl Inputs<'_> {
    /// An input and what a figure of it is kept under.
    fn key(&self, place: usize, what: &'static str, number: f64) -> Result<(&[f64], Key), RuleError> {
        let (Some(series), Some(name)) = (self.series.get(place), self.names.get(place)) else {
            return Err(RuleError::Inputs { wanted: place + 1, got: self.series.len() });
        };
        // Inputs of one name are told apart by where their first known value lies.
        let first = series.iter().position(|value| !value.is_nan()).unwrap_or(series.len());
        Ok((series, (name.clone(), first, series.len(), what, number.to_bits())))
    }

    /// A figure of an input, worked out once.
    pub(super) fn shared(
        &self,
        place: usize,
        what: &'static str,
        work: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Result<Rc<Vec<f64>>, RuleError> {
        let (series, key) = self.key(place, what, 0.0)?;
        if let Some(known) = self.memo.known.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let worked = Rc::new(work(series));
        self.memo.known.borrow_mut().insert(key, Rc::clone(&worked));
        Ok(worked)
    }

    /// Exponential mean of an input, by the weight of its newest row; with it those that are planned.
    pub(super) fn mean(&self, place: usize, alpha: f64) -> Result<Rc<Vec<f64>>, RuleError> {
        let (series, key) = self.key(place, "ew_mean", alpha)?;
        let mut known = self.memo.known.borrow_mut();
        if let Some(known) = known.get(&key) {
            return Ok(Rc::clone(known));
        }
        let planned = self.memo.planned.get(&key.0).map_or(&[][..], Vec::as_slice);
        let mut alphas = vec![alpha];
        alphas.extend(planned.iter().filter(|planned| **planned != alpha));
        for (alpha, means) in alphas.iter().zip(ew_means_of(series, &alphas)) {
            let key = (key.0.clone(), key.1, key.2, key.3, alpha.to_bits());
            known.insert(key, Rc::new(means));
        }
        Ok(Rc::clone(&known[&key]))
    }

    /// Crossover of two spans of the first input in deviations, of which one over each is given.
    pub(super) fn crossover(
        &self,
        per_deviation: &[f64],
        fast: f64,
        slow: f64,
    ) -> Result<Vec<f64>, RuleError> {
        let [fast, slow] = [self.mean(0, alpha_of_span(fast))?, self.mean(0, alpha_of_span(slow))?];
        Ok(crossed(&fast, &slow, per_deviation))
    }
}
