//! Models: from a row of features to a predicted return.
//!
//! A [`Model`] is a pure function with a memory of its own for intermediate results; it is asked at the event itself, so a
//! prediction needs no record of its own and a replay computes it again. Knows nothing of files: whoever reads them hands
//! in the model, see the room `models`.

pub mod config;
pub mod linear;
pub mod policy;
#[cfg(test)]
mod tests;

pub use config::{ModelConfig, ModelSource};
pub use linear::{LinearConfig, LinearModel, Link};
pub use policy::ModelPolicy;

/// What a model expects.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Prediction {
    /// Return of the mid over the model's horizon, a fraction: 0.0001 is one basis point up.
    pub value: f64,
    /// How much more likely the sign is right than wrong, 0 to 1.
    pub confidence: f64,
}

/// Turns features into a prediction. Object-safe; deterministic: the same row gives the same prediction.
pub trait Model: Send + Sync + std::fmt::Debug {
    /// Labels of the features it was fitted to, in the order in which it takes them.
    fn features(&self) -> &[String];

    /// The prediction; `None` where the model cannot say, such as for a result that is no finite number.
    ///
    /// Does not allocate, unless the implementation says so.
    ///
    /// - `features`: `[features]`, finite.
    fn predict(&mut self, features: &[f64]) -> Option<Prediction>;

    /// One more of the same, with a memory of its own.
    fn boxed(&self) -> Box<dyn Model>;
}

/// Confidence in the sign of a value whose error is normal with this deviation: the probability that the sign is right less
/// that it is wrong.
pub fn sign_confidence(value: f64, residual_deviation: f64) -> f64 {
    // 2 Phi(x) - 1, without the loss of digits of the subtraction.
    libm::erf(value.abs() / residual_deviation / std::f64::consts::SQRT_2)
}
