//! Model files: what kind of model, and everything it needs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use tickrace_strategy::Model;
use tickrace_strategy::model::linear::LinearError;
use tickrace_strategy::model::{LinearConfig, LinearModel};

use crate::onnx::{OnnxConfig, OnnxModel};

/// A model and the hash of all it was read from.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// The model.
    pub model: Arc<dyn Model>,
    /// BLAKE3 of the model file, and of the ONNX file after it where there is one; hex.
    pub blake3: String,
}

/// Why a model file is not taken. Messages name the file, and the key where it is about one.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML or JSON, or its keys are not those of a model.
    #[error("{path}: {fault}")]
    Text {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// A key cannot be as it is.
    #[error("{path}: {fault}")]
    Key {
        /// Which.
        path: PathBuf,
        /// The key and what is wrong.
        fault: LinearError,
    },
    /// The ONNX file is none, or not one that can be used.
    #[error("{path}: {fault}")]
    Onnx {
        /// Which.
        path: PathBuf,
        /// What is wrong and what would be right.
        fault: String,
    },
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum AnyConfig {
    Linear(LinearConfig),
    Onnx(OnnxConfig),
}

/// Largest file read, bytes: beyond it something else was named.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Reads a model file: TOML, or JSON where its name ends in `.json`.
///
/// # Errors
///
/// [`ModelError`] naming the file, and the key.
pub fn read(path: &Path) -> Result<ModelFile, ModelError> {
    let bytes = bytes_of(path)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes);
    let fail = |fault: String| ModelError::Text { path: path.to_owned(), fault };
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        fail(format!(
            "offset {}: no UTF-8: name the TOML or JSON file beside the network",
            error.valid_up_to()
        ))
    })?;
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let config: AnyConfig = if is_json {
        serde_json::from_str(text).map_err(|error| fail(error.to_string()))?
    } else {
        toml::from_str(text).map_err(|error| fail(error.to_string()))?
    };
    let model: Arc<dyn Model> = match &config {
        AnyConfig::Linear(config) => {
            let fail = |fault| ModelError::Key { path: path.to_owned(), fault };
            Arc::new(LinearModel::new(config).map_err(fail)?)
        }
        AnyConfig::Onnx(config) => {
            config.check().map_err(|fault| ModelError::Key { path: path.to_owned(), fault })?;
            let network = path.parent().unwrap_or(Path::new("")).join(&config.file);
            let bytes = bytes_of(&network)?;
            hasher.update(&bytes);
            let fail = |fault| ModelError::Onnx { path: network.clone(), fault };
            Arc::new(OnnxModel::new(config, bytes).map_err(fail)?)
        }
    };
    Ok(ModelFile { model, blake3: hasher.finalize().to_hex().to_string() })
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, ModelError> {
    let fail = |source| ModelError::Read { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(fail)?.len();
    if bytes > FILE_BYTES_MAX {
        let fault = format!("{bytes} bytes, a model has at most {FILE_BYTES_MAX}");
        return Err(ModelError::Text { path: path.to_owned(), fault });
    }
    std::fs::read(path).map_err(fail)
}
