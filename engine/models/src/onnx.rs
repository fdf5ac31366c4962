//! A network in ONNX, evaluated at the event.
//!
//! A chain of dense layers, scalings and activations, as most small networks are, runs in place ([`crate::dense`]): no memory, no
//! thread, the same bits on every machine. It is compared with the runtime on made-up rows when it is read, and left aside where
//! they differ. Every other network goes through `rten`, a runtime in pure Rust.
//!
//! What `rten` costs: each prediction takes some memory and gives it back, and goes through one worker thread of the model's own,
//! since the runtime knows no other way; docs/models.md has the measured times. The worker is one thread, so sums are taken in
//! one order and a replay on the same kind of processor is identical. Another kind, with wider or no fused multiplication, may
//! differ in the last digit: single precision is all that networks have.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use rten::{DataType, Dimension, NodeId, RunOptions, ThreadPool, Value, ValueType};
use serde::Deserialize;
use tickrace_strategy::Model;
use tickrace_strategy::features::FEATURES_MAX;
use tickrace_strategy::model::linear::LinearError;
use tickrace_strategy::model::{Prediction, sign_confidence};

use crate::dense::Dense;

/// Rows on which a plan is compared with the runtime.
const PROBES: usize = 32;

/// A network and what its input and output mean.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnnxConfig {
    /// The ONNX file, found from this file's folder.
    pub file: PathBuf,
    /// Labels of the features, in the order of the network's input.
    pub features: Vec<String>,
    /// Means taken off the features; with `deviation`. Absent: the network takes them as they are.
    #[serde(default)]
    pub mean: Option<Vec<f64>>,
    /// Deviations they are divided by; with `mean`.
    #[serde(default)]
    pub deviation: Option<Vec<f64>>,
    /// What the network's first output is.
    pub output: Output,
    /// What a network's return is multiplied by: 0.0001 where it gives basis points; the size of the return that a sure sign
    /// stands for with `probability`.
    pub scale: f64,
    /// Standard deviation of what the fit left unexplained, a fraction: gives the confidence; with `return` only.
    #[serde(default)]
    pub residual_deviation: Option<f64>,
}

/// Meaning of a network's first output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// One number, the return.
    Return,
    /// Two numbers, the return and the confidence, 0 to 1.
    ReturnAndConfidence,
    /// One number, the probability of a rise.
    Probability,
}

impl Output {
    const fn count(self) -> usize {
        match self {
            Self::Return | Self::Probability => 1,
            Self::ReturnAndConfidence => 2,
        }
    }
}

impl OnnxConfig {
    /// Checks every key.
    ///
    /// # Errors
    ///
    /// [`LinearError`] for the first that cannot be.
    pub fn check(&self) -> Result<(), LinearError> {
        let fail = |key: &str, fault: String| Err(LinearError { key: key.to_owned(), fault });
        let count = self.features.len();
        if !(1..=FEATURES_MAX).contains(&count) {
            return fail("features", format!("must be from 1 to {FEATURES_MAX}, there are {count}"));
        }
        for (place, name) in self.features.iter().enumerate() {
            if self.features[..place].contains(name) {
                return fail("features", format!("{name} stands there twice"));
            }
        }
        if self.mean.is_some() != self.deviation.is_some() {
            return fail("mean", "must be stated together with deviation, or neither".to_owned());
        }
        for (key, values) in [("mean", &self.mean), ("deviation", &self.deviation)] {
            let Some(values) = values else { continue };
            if values.len() != count {
                return fail(key, format!("has {} numbers for {count} features", values.len()));
            }
            let is_sound = |value: &f64| value.is_finite() && (key == "mean" || *value > 0.0);
            if let Some(place) = values.iter().position(|value| !is_sound(value)) {
                let name = &self.features[place];
                return fail(&format!("{key}[{place}] ({name})"), format!("{} cannot be", values[place]));
            }
        }
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return fail("scale", format!("must be positive, it is {}", self.scale));
        }
        match (self.output, self.residual_deviation) {
            (Output::Return, Some(size)) if size.is_finite() && size > 0.0 => Ok(()),
            (Output::Return, _) => {
                fail("residual_deviation", "must be stated with output = \"return\", positive".to_owned())
            }
            (_, Some(_)) => {
                fail("residual_deviation", "has no meaning with this output; leave it out".to_owned())
            }
            (_, None) => Ok(()),
        }
    }
}

/// A network, ready to be asked.
pub struct OnnxModel {
    config: Arc<OnnxConfig>,
    network: Arc<rten::Model>,
    input: NodeId,
    output: NodeId,
    options: RunOptions,
    plan: Option<Dense>,
    /// What the network said last.
    told: Vec<f32>,
}

impl std::fmt::Debug for OnnxModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnnxModel").field("config", &self.config).finish_non_exhaustive()
    }
}

impl OnnxModel {
    /// Reads a network and asks it once, so that one that cannot answer is refused here and not in the market.
    ///
    /// # Errors
    ///
    /// What is wrong with the bytes, in words.
    pub fn new(config: &OnnxConfig, bytes: Vec<u8>) -> Result<Self, String> {
        let length = bytes.len();
        // Bytes from outside: a runtime that stumbles over them must not take the desk with it.
        let guarded = |what: &str, call: &mut dyn FnMut() -> Result<Self, String>| {
            catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
                Err(format!("{what} failed inside the runtime ({length} bytes): export the network again"))
            })
        };
        guarded("reading the network", &mut || Self::checked(config, bytes.clone()))
    }

    fn checked(config: &OnnxConfig, bytes: Vec<u8>) -> Result<Self, String> {
        let length = bytes.len();
        if length == 0 {
            return Err("is empty".to_owned());
        }
        if !names_operator_versions(&bytes) {
            return Err(format!(
                "is no ONNX network, or cut short ({length} bytes): it does not tell the versions of its operators"
            ));
        }
        let plan = Dense::of(&bytes, config.features.len());
        let network = rten::ModelOptions::with_all_ops()
            .load(bytes)
            .map_err(|error| format!("is no ONNX network that can be used ({length} bytes): {error}"))?;
        let ([input], [output, ..]) = (network.input_ids(), network.output_ids()) else {
            return Err(format!(
                "has {} inputs and {} outputs: it must take one input, a row of features, and give its prediction first",
                network.input_ids().len(),
                network.output_ids().len()
            ));
        };
        let (input, output) = (*input, *output);
        let count = config.features.len();
        let told = network.node_info(input).and_then(|node| node.dtype());
        if told.is_some_and(|told| told != ValueType::Tensor(DataType::Float)) {
            return Err("takes no floats: export it with a float input".to_owned());
        }
        if let Some(shape) = network.input_shape(0) {
            let is_row = match shape.as_slice() {
                [batch, row] => {
                    let fits = |one: &Dimension, asked: usize| match one {
                        Dimension::Fixed(size) => *size == asked,
                        Dimension::Symbolic(_) => true,
                    };
                    fits(batch, 1) && fits(row, count)
                }
                _ => false,
            };
            if !is_row {
                let told: Vec<String> = shape
                    .iter()
                    .map(|one| match one {
                        Dimension::Fixed(size) => size.to_string(),
                        Dimension::Symbolic(name) => name.clone(),
                    })
                    .collect();
                return Err(format!("takes [{}]: {count} features are [1, {count}]", told.join(", ")));
            }
        }
        let mut model = Self {
            config: Arc::new(config.clone()),
            network: Arc::new(network),
            input,
            output,
            options: one_thread(),
            plan: None,
            told: Vec::new(),
        };
        let means = config.mean.clone().unwrap_or_else(|| vec![0.0; count]);
        model.ask(&means)?;
        let wanted = config.output.count();
        if model.told.len() != wanted {
            return Err(format!("gives {} numbers: {:?} is {wanted}", model.told.len(), config.output));
        }
        model.plan = plan.filter(|plan| model.agrees(plan.clone()));
        Ok(model)
    }

    /// Whether a prediction takes memory and passes through a thread: of a network that is no chain of dense layers.
    pub const fn is_general(&self) -> bool {
        self.plan.is_none()
    }

    /// Whether the plan gives what the runtime does, on rows in which every feature takes every size.
    fn agrees(&mut self, mut plan: Dense) -> bool {
        let count = plan.input().len();
        // A golden ratio's multiples fill the interval evenly, whatever their number.
        let part = |place: usize| (place as f64 * 0.618_033_988_749_895).fract() * 2.0 - 1.0;
        (0..PROBES).all(|probe| {
            #[allow(clippy::cast_possible_truncation, reason = "networks compute in single precision")]
            let row: Vec<f32> = (0..count)
                .map(|place| (part(probe * count + place) * [0.1, 1.0, 3.0, 10.0][probe % 4]) as f32)
                .collect();
            plan.input().copy_from_slice(&row);
            let told = plan.run();
            self.run(row).is_ok_and(|by_runtime| {
                by_runtime.len() == told.len()
                    && by_runtime.iter().zip(told).all(|(one, other)| {
                        one.is_nan() && other.is_nan() || (one - other).abs() <= 1e-4 * one.abs().max(1.0)
                    })
            })
        })
    }

    /// Asks about a row of features; the numbers of the first output stand in `told`.
    fn ask(&mut self, features: &[f64]) -> Result<(), String> {
        #[allow(clippy::cast_possible_truncation, reason = "networks compute in single precision")]
        let standardised = |config: &OnnxConfig, place: usize| match (&config.mean, &config.deviation) {
            (Some(mean), Some(deviation)) => ((features[place] - mean[place]) / deviation[place]) as f32,
            _ => features[place] as f32,
        };
        if let Some(plan) = &mut self.plan {
            for (place, value) in plan.input().iter_mut().enumerate() {
                *value = standardised(&self.config, place);
            }
            self.told.clear();
            // As many as when it was read: nothing grows.
            self.told.extend_from_slice(plan.run());
            return Ok(());
        }
        let row = (0..features.len()).map(|place| standardised(&self.config, place)).collect();
        self.told = self.run(row)?;
        Ok(())
    }

    /// Runs the network in the runtime.
    fn run(&self, row: Vec<f32>) -> Result<Vec<f32>, String> {
        let row = Value::from_shape([1, row.len()], row).map_err(|error| error.to_string())?;
        let options = Some(self.options.clone());
        let told = self.network.run_n(vec![(self.input, row.into())], [self.output], options);
        let [told] = told.map_err(|error| format!("cannot be run: {error}"))?;
        let told = told.into_tensor::<f32>().ok_or("gives no floats: its first output must be float")?;
        Ok(told.into_data())
    }
}

/// Whether the outermost message is whole and states an operator set: what is cut short between two fields of it would still
/// be a message, but writers put that field behind the graph.
///
/// Source: Protocol Buffers, "Encoding"; `onnx.proto`, `ModelProto.opset_import` (field 8).
fn names_operator_versions(bytes: &[u8]) -> bool {
    fn varint(bytes: &mut &[u8]) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (first, rest) = bytes.split_first()?;
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
    let (mut rest, mut is_named) = (bytes, false);
    while !rest.is_empty() {
        let Some(tag) = varint(&mut rest) else { return false };
        let length = match tag & 7 {
            0 => varint(&mut rest).map(|_| 0),
            1 => Some(8),
            2 => varint(&mut rest),
            5 => Some(4),
            _ => None,
        };
        let length = length.and_then(|length| usize::try_from(length).ok());
        let Some(after) = length.and_then(|length| rest.get(length..)) else { return false };
        rest = after;
        is_named |= tag >> 3 == 8;
    }
    is_named
}

/// One worker thread: one order of every sum.
fn one_thread() -> RunOptions {
    RunOptions::default().with_thread_pool(Some(Arc::new(ThreadPool::with_num_threads(1))))
}

impl Model for OnnxModel {
    fn features(&self) -> &[String] {
        &self.config.features
    }

    /// Takes memory and gives it back where [`OnnxModel::is_general`].
    fn predict(&mut self, features: &[f64]) -> Option<Prediction> {
        assert_eq!(features.len(), self.config.features.len(), "as many features as the network takes");
        self.ask(features).ok()?;
        let told = &self.told;
        let scale = self.config.scale;
        let first = f64::from(*told.first()?);
        let (value, confidence) = match self.config.output {
            Output::Return => {
                let value = first * scale;
                (value, sign_confidence(value, self.config.residual_deviation?))
            }
            Output::ReturnAndConfidence => (first * scale, f64::from(*told.get(1)?).clamp(0.0, 1.0)),
            Output::Probability => {
                let share = 2.0 * first.clamp(0.0, 1.0) - 1.0;
                (scale * share, share.abs())
            }
        };
        (value.is_finite() && confidence.is_finite()).then_some(Prediction { value, confidence })
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(Self {
            config: Arc::clone(&self.config),
            network: Arc::clone(&self.network),
            input: self.input,
            output: self.output,
            // A planned network never asks the runtime again.
            options: if self.plan.is_some() { RunOptions::default() } else { one_thread() },
            plan: self.plan.clone(),
            // Room for an answer, so that a planned network never takes any.
            told: Vec::with_capacity(self.config.output.count()),
        })
    }
}
