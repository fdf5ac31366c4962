//! The state of a hidden Markov model, followed online and kept until another is clearly likelier.

use tickrace_stats::HiddenMarkov;
use tickrace_stats::hidden_markov::Filter;

/// Filters a fitted model and holds its state until another is likelier than a threshold.
///
/// Allocates when made, and never after.
#[derive(Clone, Debug, PartialEq)]
pub struct HiddenRegime {
    model: HiddenMarkov,
    filter: Filter,
    probability_enter: f64,
    state: Option<usize>,
}

impl HiddenRegime {
    /// `probability_enter`: of another state, above which it is taken; in [0.5, 1), so that only one can be.
    pub fn new(model: HiddenMarkov, probability_enter: f64) -> Self {
        assert!((0.5..1.0).contains(&probability_enter), "0.5 to less than 1, got {probability_enter}");
        let filter = Filter::new(&model);
        Self { model, filter, probability_enter, state: None }
    }

    /// Takes one observation in, one value a feature, and gives the state held after it; `None` before one was likely enough.
    #[inline]
    pub fn update(&mut self, observation: &[f64]) -> Option<usize> {
        if self.filter.update(&self.model, observation).is_some() {
            let likeliest = self.filter.likeliest();
            if self.filter.probabilities()[likeliest] > self.probability_enter {
                self.state = Some(likeliest);
            }
        }
        self.state
    }

    /// Probability of each state, given all observations so far.
    #[inline]
    pub const fn probabilities(&self) -> &[f64] {
        self.filter.probabilities()
    }

    /// The model.
    pub const fn model(&self) -> &HiddenMarkov {
        &self.model
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_stats::Rng;

    #[test]
    fn the_state_is_held_through_noise_and_followed_through_a_change() {
        let transitions = vec![0.95, 0.05, 0.05, 0.95];
        let model = HiddenMarkov::new(vec![0.5, 0.5], transitions, vec![1.0, -1.0], vec![4.0, 4.0]).unwrap();
        let (mut rng, mut plain, mut held) =
            (Rng::new(61), HiddenRegime::new(model.clone(), 0.5), HiddenRegime::new(model, 0.8));
        let (mut changes, mut before, mut right) = ([0, 0], [None, None], 0);
        for period in 0..2_000 {
            let truth = usize::from(period / 100 % 2 == 1);
            let seen = [1.0, -1.0][truth] + 2.0 * rng.normal();
            let now = [plain.update(&[seen]), held.update(&[seen])];
            for at in 0..2 {
                changes[at] += i32::from(now[at] != before[at]);
            }
            before = now;
            right += i32::from(now[1] == Some(truth));
        }
        // Twenty spells: one change each is the least.
        assert!(right > 1_600 && changes[1] < changes[0] && changes[1] >= 19, "{right} {changes:?}");
        let state = held.update(&[f64::NAN]);
        assert_eq!(state, before[1]);
    }
}
