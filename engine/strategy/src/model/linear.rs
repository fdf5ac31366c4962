//! A linear model: a weighted sum of standardised features behind a link.

use serde::{Deserialize, Serialize};

use super::{Model, Prediction, sign_confidence};
use crate::features::FEATURES_MAX;

/// A fitted linear model as a file states it.
///
/// With `z = intercept + sum of weight (feature - mean) / deviation`, the predicted return is `z` (identity),
/// `scale (2 / (1 + exp(-z)) - 1)` (logistic: `z` are the log odds of a rise) or `scale tanh(z)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearConfig {
    /// From the sum to a return.
    pub link: Link,
    /// Prediction where every feature is at its mean.
    pub intercept: f64,
    /// Size of the return that a sure sign stands for, a fraction; with `logistic` and `tanh` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// Standard deviation of what the fit left unexplained, a fraction: gives the confidence; with `identity` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual_deviation: Option<f64>,
    /// The weights, each with its feature.
    pub weight: Vec<WeightConfig>,
}

/// One weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightConfig {
    /// Label of the feature.
    pub feature: String,
    /// Weight of the standardised feature.
    pub weight: f64,
    /// Mean of the feature in the data of the fit.
    pub mean: f64,
    /// Its standard deviation there, positive.
    pub deviation: f64,
}

/// From the weighted sum to a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// The sum is the return.
    Identity,
    /// The sum is the log odds of a rise.
    Logistic,
    /// The hyperbolic tangent of the sum is the return in units of the scale.
    Tanh,
}

/// A key of a model file that cannot be as it is.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{key}: {fault}")]
pub struct LinearError {
    /// The key.
    pub key: String,
    /// What is wrong and what would be right.
    pub fault: String,
}

/// A linear model, ready to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearModel {
    link: Link,
    intercept: f64,
    /// The scale, or the residual deviation.
    size: f64,
    names: Vec<String>,
    /// Weight, mean, deviation.
    terms: Box<[[f64; 3]]>,
}

impl LinearModel {
    /// Checks every key.
    ///
    /// # Errors
    ///
    /// [`LinearError`] for the first that cannot be.
    pub fn new(config: &LinearConfig) -> Result<Self, LinearError> {
        let fail = |key: &str, fault: &str| Err(LinearError { key: key.to_owned(), fault: fault.to_owned() });
        if !config.intercept.is_finite() {
            return fail("intercept", "must be a finite number");
        }
        let (key, size, other) = match config.link {
            Link::Identity => {
                ("residual_deviation", config.residual_deviation, config.scale.map(|_| "scale"))
            }
            Link::Logistic | Link::Tanh => {
                ("scale", config.scale, config.residual_deviation.map(|_| "residual_deviation"))
            }
        };
        if let Some(other) = other {
            return fail(other, "has no meaning with this link; leave it out");
        }
        let Some(size) = size.filter(|size| size.is_finite() && *size > 0.0) else {
            return fail(key, "must be stated with this link, a positive fraction");
        };
        if !(1..=FEATURES_MAX).contains(&config.weight.len()) {
            return fail("weight", "there must be from 1 to 64");
        }
        for (place, one) in config.weight.iter().enumerate() {
            let key = |name: &str| format!("weight[{place}].{name} ({})", one.feature);
            if config.weight[..place].iter().any(|other| other.feature == one.feature) {
                return fail(&key("feature"), "stands there twice");
            }
            for (name, value) in [("weight", one.weight), ("mean", one.mean)] {
                if !value.is_finite() {
                    return fail(&key(name), "must be a finite number");
                }
            }
            if !(one.deviation.is_finite() && one.deviation > 0.0) {
                return fail(&key("deviation"), "must be positive");
            }
        }
        Ok(Self {
            link: config.link,
            intercept: config.intercept,
            size,
            names: config.weight.iter().map(|one| one.feature.clone()).collect(),
            terms: config.weight.iter().map(|one| [one.weight, one.mean, one.deviation]).collect(),
        })
    }
}

impl Model for LinearModel {
    fn features(&self) -> &[String] {
        &self.names
    }

    #[inline]
    fn predict(&mut self, features: &[f64]) -> Option<Prediction> {
        assert_eq!(features.len(), self.terms.len(), "as many features as weights");
        let mut sum = self.intercept;
        for ([weight, mean, deviation], feature) in self.terms.iter().zip(features) {
            sum += weight * ((feature - mean) / deviation);
        }
        let (value, confidence) = match self.link {
            Link::Identity => (sum, sign_confidence(sum, self.size)),
            // 2 / (1 + exp(-z)) - 1 is the hyperbolic tangent of half.
            Link::Logistic => bounded(0.5 * sum, self.size),
            Link::Tanh => bounded(sum, self.size),
        };
        (value.is_finite() && confidence.is_finite()).then_some(Prediction { value, confidence })
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}

fn bounded(sum: f64, scale: f64) -> (f64, f64) {
    let share = libm::tanh(sum);
    (scale * share, share.abs())
}
