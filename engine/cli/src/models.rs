//! Model files that a configuration names: read here, since the strategies' room knows no files.

use std::path::Path;

use tickrace_desk::DeskConfig;
use tickrace_desk::config::StrategyConfig;
use tickrace_strategy::ModelConfig;
use toml::{Table, Value};

use crate::Failure;

/// Reads the model of every strategy that has one; paths count from the configuration's folder. Where a hash is stated the
/// content must have it.
///
/// # Errors
///
/// [`Failure`] naming file and key; of kind difference where the content is another than stated.
pub fn load(config: &mut DeskConfig, config_path: &Path) -> Result<(), Failure> {
    let folder = config_path.parent().unwrap_or(Path::new(""));
    let is_guarded = config.limits.controls.start.is_some();
    let several = config.strategies.iter_mut().map(|one| &mut one.policy);
    for policy in std::iter::once(&mut config.strategy).chain(several) {
        if let StrategyConfig::Model(model) = policy {
            if is_guarded && model.model.blake3.is_none() {
                return Err(Failure::usage(format!(
                    "{}: strategy.model.blake3 must be stated where limits.controls.start approves a configuration: what is \
                     approved includes the model",
                    config_path.display()
                )));
            }
            load_one(model, folder)?;
        }
    }
    Ok(())
}

fn load_one(config: &mut ModelConfig, folder: &Path) -> Result<(), Failure> {
    let path = folder.join(&config.model.path);
    let file = tickrace_models::read(&path).map_err(Failure::usage)?;
    if let Some(stated) = config.model.blake3.as_ref().filter(|stated| **stated != file.blake3) {
        return Err(Failure::difference(format!(
            "{}: content hash {}, stated is {stated}: this is not the model that was meant",
            path.display(),
            file.blake3
        )));
    }
    if let Err(name) = config.places(file.model.as_ref()) {
        return Err(Failure::usage(format!(
            "{}: feature {name:?} is not among strategy.features, which has {}",
            path.display(),
            config.features.labels().join(", ")
        )));
    }
    // Absolute, so that a journal finds it from anywhere.
    config.model.path = std::fs::canonicalize(&path).unwrap_or(path);
    config.model.blake3 = Some(file.blake3);
    config.model.loaded = Some(file.model);
    Ok(())
}

/// Writes into the table of a configuration where its models were found and the hashes of their content, so that whoever runs
/// it again notices another.
pub fn pin(config: &DeskConfig, table: &mut Table) {
    fn put(policy: &StrategyConfig, table: Option<&mut Value>) {
        let (StrategyConfig::Model(config), Some(table)) = (policy, table) else { return };
        let Some(model) = table.get_mut("model").and_then(Value::as_table_mut) else { return };
        model.insert("path".to_owned(), Value::String(config.model.path.display().to_string()));
        if let Some(blake3) = &config.model.blake3 {
            model.insert("blake3".to_owned(), Value::String(blake3.clone()));
        }
    }
    put(&config.strategy, table.get_mut("strategy"));
    if let Some(Value::Array(tables)) = table.get_mut("strategies") {
        for (one, table) in config.strategies.iter().zip(tables) {
            put(&one.policy, table.get_mut("policy"));
        }
    }
}
