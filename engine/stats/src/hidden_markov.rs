//! Hidden Markov model with Gaussian states: fitted by expectation and maximisation, filtered observation by observation.

use core::f64::consts::PI;

use crate::{StatsError, check_finite};

/// Least variance of a state, as a share of the sample's: a state that shrinks onto one observation is no state.
const VARIANCE_SHARE_MIN: f64 = 1e-9;

/// `states` hidden states that follow one another as a Markov chain; in each, `features` independent Gaussians.
///
/// Source: Rabiner, "A Tutorial on Hidden Markov Models", Proceedings of the IEEE 77 (1989), with the scaling of section V.A.
#[derive(Clone, Debug, PartialEq)]
pub struct HiddenMarkov {
    states: usize,
    features: usize,
    /// `[states]`
    start: Vec<f64>,
    /// `[states x states]`, from row to column.
    transitions: Vec<f64>,
    /// `[states x features]`
    means: Vec<f64>,
    /// `[states x features]`
    variances: Vec<f64>,
}

impl HiddenMarkov {
    /// From known parameters: `start` `[states]`, `transitions` `[states x states]` from row to column, `means` and
    /// `variances` `[states x features]`.
    ///
    /// # Errors
    ///
    /// [`StatsError::Lengths`] for shapes that do not fit, [`StatsError::Probability`] for probabilities out of range or
    /// that do not sum to one, [`StatsError::NotFinite`], [`StatsError::Parameter`] for a variance that is not positive.
    pub fn new(
        start: Vec<f64>,
        transitions: Vec<f64>,
        means: Vec<f64>,
        variances: Vec<f64>,
    ) -> Result<Self, StatsError> {
        let states = start.len();
        if states == 0 {
            return Err(StatsError::Empty);
        }
        for (left, right) in [
            (transitions.len(), states * states),
            (means.len(), variances.len()),
            (means.len(), means.len() / states * states),
        ] {
            if left != right || means.is_empty() {
                return Err(StatsError::Lengths { left, right });
            }
        }
        check_finite(&means)?;
        check_finite(&variances)?;
        for row in transitions.chunks(states).chain([&start[..]]) {
            if let Some(bad) = row.iter().find(|p| !(0.0..=1.0).contains(*p)) {
                return Err(StatsError::Probability(*bad));
            }
            let sum: f64 = row.iter().sum();
            if (sum - 1.0).abs() > 1e-9 {
                return Err(StatsError::Probability(sum));
            }
        }
        if let Some(bad) = variances.iter().find(|variance| **variance <= 0.0) {
            return Err(StatsError::Parameter { name: "variance", wanted: "positive", got: *bad });
        }
        Ok(Self { states, features: means.len() / states, start, transitions, means, variances })
    }

    /// Where a fit may begin: observations ordered by their first feature and cut into equal parts, one a state, each staying
    /// with probability 0.9.
    ///
    /// # Errors
    ///
    /// [`StatsError::Short`] of fewer than two observations a state, [`StatsError::NotFinite`], [`StatsError::Singular`]
    /// where a part does not vary.
    pub fn guess(observations: &[f64], states: usize, features: usize) -> Result<Self, StatsError> {
        assert!(
            states > 0 && features > 0 && observations.len().is_multiple_of(features),
            "observations are whole"
        );
        check_finite(observations)?;
        let rows = observations.len() / features;
        if rows < 2 * states {
            return Err(StatsError::Short { needed: 2 * states, got: rows });
        }
        let mut order: Vec<usize> = (0..rows).collect();
        order
            .sort_by(|a, b| observations[a * features].total_cmp(&observations[b * features]).then(a.cmp(b)));
        let (mut means, mut variances) = (Vec::new(), Vec::new());
        for state in 0..states {
            let part = &order[state * rows / states..(state + 1) * rows / states];
            for feature in 0..features {
                let mut seen = crate::Welford::default();
                part.iter().for_each(|row| seen.add(observations[row * features + feature]));
                means.push(seen.mean().unwrap_or(0.0));
                variances
                    .push(seen.variance().filter(|variance| *variance > 0.0).ok_or(StatsError::Singular)?);
            }
        }
        let away = if states > 1 { 0.1 / (states - 1) as f64 } else { 0.0 };
        let stay = 1.0 - away * (states - 1) as f64;
        let transitions =
            (0..states * states).map(|at| if at % (states + 1) == 0 { stay } else { away }).collect();
        Self::new(vec![1.0 / states as f64; states], transitions, means, variances)
    }

    /// Improves the likelihood until a step gains less than `gain_min`, or for `steps_max` steps; gives the likelihood's
    /// logarithm before each step. Cold: allocates.
    ///
    /// - `observations`: `[rows x features]`, oldest first.
    ///
    /// Source: Baum, Petrie, Soules and Weiss (1970); Rabiner (1989), equations 40, 52 and 53.
    ///
    /// # Errors
    ///
    /// [`StatsError::Short`] of fewer than two rows, [`StatsError::NotFinite`], [`StatsError::Singular`] where the
    /// observations do not vary or have no likelihood under the model.
    pub fn fit(
        &mut self,
        observations: &[f64],
        gain_min: f64,
        steps_max: usize,
    ) -> Result<Vec<f64>, StatsError> {
        assert!(observations.len().is_multiple_of(self.features), "observations are whole");
        check_finite(observations)?;
        let rows = observations.len() / self.features;
        if rows < 2 {
            return Err(StatsError::Short { needed: 2, got: rows });
        }
        let floors = self.variance_floors(observations)?;
        let mut likelihoods: Vec<f64> = Vec::new();
        for _ in 0..steps_max {
            let (forward, scales, densities) = self.forward(observations)?;
            let likelihood = scales.iter().sum();
            let gain = likelihoods.last().map_or(f64::INFINITY, |before| likelihood - before);
            likelihoods.push(likelihood);
            if gain < gain_min {
                break;
            }
            self.maximise(observations, &forward, &scales, &densities, &floors);
        }
        Ok(likelihoods)
    }

    /// Logarithm of the likelihood of observations.
    ///
    /// # Errors
    ///
    /// [`StatsError::NotFinite`]; [`StatsError::Singular`] where there is none.
    pub fn log_likelihood(&self, observations: &[f64]) -> Result<f64, StatsError> {
        check_finite(observations)?;
        Ok(self.forward(observations)?.1.iter().sum())
    }

    /// Number of states.
    pub const fn states(&self) -> usize {
        self.states
    }

    /// Probabilities of the first state, `[states]`.
    pub fn start(&self) -> &[f64] {
        &self.start
    }

    /// Probabilities from row to column, `[states x states]`.
    pub fn transitions(&self) -> &[f64] {
        &self.transitions
    }

    /// `[states x features]`
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// `[states x features]`
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    fn log_density(&self, state: usize, row: &[f64]) -> f64 {
        let at = state * self.features;
        let of = |feature: usize| {
            let (off, variance) = (row[feature] - self.means[at + feature], self.variances[at + feature]);
            libm::log(2.0 * PI * variance) + off * off / variance
        };
        -0.5 * (0..self.features).map(of).sum::<f64>()
    }

    /// Filtered probabilities `[rows x states]`, logarithms of their scales, and densities relative to each row's greatest.
    #[allow(clippy::type_complexity, reason = "three tables that belong together for one call")]
    fn forward(&self, observations: &[f64]) -> Result<(Vec<f64>, Vec<f64>, Vec<f64>), StatsError> {
        let mut filter = Filter::new(self);
        let (mut forward, mut scales, mut densities) = (Vec::new(), Vec::new(), Vec::new());
        for row in observations.chunks_exact(self.features) {
            let scale = filter.update(self, row).ok_or(StatsError::Singular)?;
            forward.extend_from_slice(filter.probabilities());
            densities.extend_from_slice(&filter.densities);
            scales.push(scale);
        }
        Ok((forward, scales, densities))
    }

    fn variance_floors(&self, observations: &[f64]) -> Result<Vec<f64>, StatsError> {
        let of = |feature: usize| {
            let mut seen = crate::Welford::default();
            observations.iter().skip(feature).step_by(self.features).for_each(|value| seen.add(*value));
            let variance = seen.variance().filter(|variance| *variance > 0.0).ok_or(StatsError::Singular)?;
            Ok(variance * VARIANCE_SHARE_MIN)
        };
        (0..self.features).map(of).collect()
    }

    /// One step of the maximisation, walking back through the rows.
    fn maximise(
        &mut self,
        observations: &[f64],
        forward: &[f64],
        scales: &[f64],
        densities: &[f64],
        floors: &[f64],
    ) {
        let (k, d, rows) = (self.states, self.features, scales.len());
        let mut back = vec![1.0; k];
        let mut posteriors = vec![0.0; rows * k];
        let mut moves = vec![0.0; k * k];
        for row in (0..rows).rev() {
            let now = &forward[row * k..(row + 1) * k];
            let sum: f64 = (0..k).map(|state| now[state] * back[state]).sum();
            for state in 0..k {
                posteriors[row * k + state] = now[state] * back[state] / sum;
            }
            if row == 0 {
                break;
            }
            let before = &forward[(row - 1) * k..row * k];
            let seen: Vec<f64> = (0..k).map(|to| densities[row * k + to] * back[to]).collect();
            let mut total = 0.0;
            let mut next = vec![0.0; k];
            for from in 0..k {
                for (to, seen) in seen.iter().enumerate() {
                    let joint = self.transitions[from * k + to] * seen;
                    next[from] += joint;
                    total += before[from] * joint;
                }
            }
            for from in 0..k {
                for (to, seen) in seen.iter().enumerate() {
                    moves[from * k + to] += before[from] * self.transitions[from * k + to] * seen / total;
                }
            }
            back = next.iter().map(|value| value / total).collect();
        }
        self.start.copy_from_slice(&posteriors[..k]);
        for (new, old) in moves.chunks(k).zip(self.transitions.chunks_mut(k)) {
            let sum: f64 = new.iter().sum();
            if sum > 0.0 {
                old.iter_mut().zip(new).for_each(|(old, new)| *old = new / sum);
            }
        }
        for state in 0..k {
            let weight: f64 = (0..rows).map(|row| posteriors[row * k + state]).sum();
            if weight <= 0.0 {
                continue;
            }
            for feature in 0..d {
                let at = state * d + feature;
                let sum = |of: &dyn Fn(f64) -> f64| -> f64 {
                    (0..rows)
                        .map(|row| posteriors[row * k + state] * of(observations[row * d + feature]))
                        .sum()
                };
                let mean = sum(&|value| value) / weight;
                self.means[at] = mean;
                self.variances[at] =
                    (sum(&|value| (value - mean) * (value - mean)) / weight).max(floors[feature]);
            }
        }
    }
}

/// Probabilities of the states, given all observations so far. Allocates when made, and never after.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    probabilities: Box<[f64]>,
    scratch: Box<[f64]>,
    densities: Box<[f64]>,
    is_primed: bool,
}

impl Filter {
    /// Before the first observation.
    pub fn new(model: &HiddenMarkov) -> Self {
        let room = || vec![0.0; model.states].into_boxed_slice();
        Self {
            probabilities: model.start.clone().into(),
            scratch: room(),
            densities: room(),
            is_primed: false,
        }
    }

    /// Takes one observation in, `[features]`; gives the logarithm of its likelihood given those before. `None`, and nothing
    /// changes, where it is not finite or impossible.
    ///
    /// Source: Rabiner (1989), equations 19, 20 and 92.
    #[inline]
    pub fn update(&mut self, model: &HiddenMarkov, row: &[f64]) -> Option<f64> {
        let k = model.states;
        assert!(row.len() == model.features, "one value a feature");
        let mut greatest = f64::NEG_INFINITY;
        for state in 0..k {
            self.densities[state] = model.log_density(state, row);
            greatest = greatest.max(self.densities[state]);
        }
        if !greatest.is_finite() {
            return None;
        }
        let mut sum = 0.0;
        for to in 0..k {
            // Relative to the likeliest state, so that an outlier does not underflow in all of them.
            self.densities[to] = libm::exp(self.densities[to] - greatest);
            let reached = if self.is_primed {
                (0..k).map(|from| self.probabilities[from] * model.transitions[from * k + to]).sum()
            } else {
                self.probabilities[to]
            };
            self.scratch[to] = reached * self.densities[to];
            sum += self.scratch[to];
        }
        if sum.is_nan() || sum <= 0.0 {
            return None;
        }
        self.is_primed = true;
        self.probabilities.iter_mut().zip(&self.scratch).for_each(|(p, s)| *p = s / sum);
        Some(libm::log(sum) + greatest)
    }

    /// `[states]`, summing to one.
    #[inline]
    pub const fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// The likeliest state; of equals the first.
    #[inline]
    pub fn likeliest(&self) -> usize {
        let mut best = 0;
        for (state, probability) in self.probabilities.iter().enumerate() {
            if *probability > self.probabilities[best] {
                best = state;
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn simulated(rows: usize) -> (Vec<f64>, Vec<usize>) {
        let (mut rng, mut state) = (Rng::new(23), 0);
        (0..rows)
            .map(|_| {
                if rng.uniform() < [0.02, 0.05][state] {
                    state = 1 - state;
                }
                ([0.1, -0.2][state] + [0.5, 2.0][state] * rng.normal(), state)
            })
            .unzip()
    }

    #[test]
    fn the_parameters_of_a_simulated_chain_come_back_and_the_likelihood_never_falls() {
        let (observed, hidden) = simulated(8_000);
        let mut model = HiddenMarkov::guess(&observed, 2, 1).unwrap();
        let likelihoods = model.fit(&observed, 1e-7, 1_000).unwrap();
        assert!(likelihoods.windows(2).all(|pair| pair[1] >= pair[0] - 1e-7));
        let calm = usize::from(model.variances()[1] < model.variances()[0]);
        assert!((model.variances()[calm].sqrt() - 0.5).abs() < 0.03, "{model:?}");
        assert!((model.variances()[1 - calm].sqrt() - 2.0).abs() < 0.1, "{model:?}");
        assert!((model.transitions()[calm * 3] - 0.98).abs() < 0.01, "{model:?}");
        let mut filter = Filter::new(&model);
        let right = observed.iter().zip(&hidden).filter(|(value, state)| {
            filter.update(&model, &[**value]).unwrap();
            (filter.likeliest() == calm) == (**state == 0)
        });
        assert!(right.count() > 7_400);
    }

    #[test]
    fn an_outlier_does_not_silence_the_filter_and_nonsense_changes_nothing() {
        let model =
            HiddenMarkov::new(vec![0.5, 0.5], vec![0.9, 0.1, 0.1, 0.9], vec![0.0, 0.0], vec![1.0, 4.0])
                .unwrap();
        let mut filter = Filter::new(&model);
        assert!(filter.update(&model, &[1e6]).is_some());
        assert_eq!(filter.likeliest(), 1);
        let before = filter.probabilities().to_vec();
        assert_eq!(filter.update(&model, &[f64::NAN]), None);
        assert_eq!(filter.probabilities(), before);
    }

    #[test]
    fn parameters_that_do_not_fit_are_refused() {
        let new = |start: &[f64], transitions: &[f64], means: &[f64], variances: &[f64]| {
            HiddenMarkov::new(start.to_vec(), transitions.to_vec(), means.to_vec(), variances.to_vec())
        };
        assert_eq!(new(&[], &[], &[], &[]), Err(StatsError::Empty));
        assert!(matches!(new(&[1.0], &[0.5, 0.5], &[0.0], &[1.0]), Err(StatsError::Lengths { .. })));
        assert_eq!(new(&[1.0], &[0.5], &[0.0], &[1.0]), Err(StatsError::Probability(0.5)));
        assert!(matches!(new(&[1.0], &[1.0], &[0.0], &[0.0]), Err(StatsError::Parameter { .. })));
        assert_eq!(HiddenMarkov::guess(&[1.0; 40], 2, 1), Err(StatsError::Singular));
    }
}
