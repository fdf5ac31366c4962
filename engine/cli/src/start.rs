//! The start guard's part that is known before the first record: the right program, the right configuration, the right
//! positions.

use tickrace_desk::DeskConfig;
use tickrace_risk::controls::{StartConfig, start};
use toml::{Table, Value};

use crate::{Failure, provenance};

/// Refuses a program or a configuration that was not approved.
///
/// # Errors
///
/// [`Failure`] naming the key, and what stands against it.
pub fn check_approved(config: &DeskConfig, table: &Table) -> Result<(), Failure> {
    let Some(guard) = &config.limits.controls.start else { return Ok(()) };
    let build = provenance::build();
    if guard.approved_version != build {
        return Err(Failure::usage(format!(
            "limits.controls.start.approved_version is {:?}, this program is {build:?}: nothing is traded with a program \
             that was not approved",
            guard.approved_version
        )));
    }
    let hash = config_hash(table);
    if guard.approved_config_blake3 != hash {
        return Err(Failure::usage(format!(
            "limits.controls.start.approved_config_blake3 is {:?}, the configuration with its overrides has {hash}: \
             nothing is traded with a configuration that was not approved",
            guard.approved_config_blake3
        )));
    }
    Ok(())
}

/// BLAKE3 of a configuration, overrides laid over it and limits included, but for the key that states it.
pub fn config_hash(table: &Table) -> String {
    let mut table = table.clone();
    let mut place = Some(&mut table);
    for key in ["limits", "controls", "start"] {
        place = place.and_then(|table| table.get_mut(key)).and_then(Value::as_table_mut);
    }
    if let Some(guard) = place {
        guard.remove("approved_config_blake3");
    }
    blake3::hash(table.to_string().as_bytes()).to_hex().to_string()
}

/// Conditions of starting that hold before the first record; `say` is told which positions are not those of the statement.
pub fn ready_bits(config: &DeskConfig, guard: &StartConfig, say: &mut dyn FnMut(&str)) -> u64 {
    let mut held = std::collections::BTreeMap::<&str, i64>::new();
    for opening in &config.opening {
        *held.entry(&opening.symbol).or_default() += opening.lots;
    }
    let symbols = held.keys().copied().chain(guard.statement_lots.keys().map(String::as_str));
    let symbols: std::collections::BTreeSet<&str> = symbols.collect();
    let mut is_reconciled = true;
    for symbol in symbols {
        let ours = held.get(symbol).copied().unwrap_or(0);
        let theirs = guard.statement_lots.get(symbol).copied().unwrap_or(0);
        if ours != theirs {
            is_reconciled = false;
            say(&format!(
                "limits.controls.start.statement_lots: {symbol} is {theirs} in the statement and {ours} in our books: \
                 nothing will be traded"
            ));
        }
    }
    // Approval was checked when the configuration was read, and limits with a fault do not come this far.
    let reconciled = if is_reconciled { start::RECONCILED } else { 0 };
    start::LIMITS | start::VERSION | start::CONFIG | reconciled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_everything_but_the_key_that_states_it() {
        let text = "[run]\nseed = 1\n[limits.controls.start]\napproved_config_blake3 = \"x\"\napproved_version = \"1\"\n";
        let hash = |text: &str| config_hash(&text.parse().unwrap());
        assert_eq!(hash(text), hash(&text.replace("\"x\"", "\"y\"")));
        assert_ne!(hash(text), hash(&text.replace("\"1\"", "\"2\"")));
        assert_ne!(hash(text), hash(&text.replace("seed = 1", "seed = 2")));
    }
}
