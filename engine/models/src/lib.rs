//! Fitted models from files: linear ones, and networks in ONNX.
//!
//! A model file is a TOML or JSON text whose `kind` tells which; of a network it names the ONNX file beside it. What is read
//! is a [`tickrace_strategy::Model`], handed to a policy by whoever assembles the desk, so that no hot room names a runtime
//! for networks. Knows nothing of policies, configurations or desks.
#![forbid(unsafe_code)]

mod dense;
pub mod file;
pub mod onnx;

pub use file::{ModelError, ModelFile, read};
pub use onnx::{OnnxConfig, OnnxModel, Output};
