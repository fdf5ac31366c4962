//! Configuration files and `--set path=value`.

use serde::Deserialize;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::Failure;

/// Reads a TOML file and lays the overrides over it.
///
/// # Errors
///
/// [`Failure`] naming the file and line, or the override.
pub fn load(path: &Path, overrides: &[String]) -> Result<Table, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{}: cannot be read: {error}", path.display())))?;
    let mut table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| Failure::usage(format!("{}: {error}", path.display())))?;
    include_limits(path, &mut table)?;
    include_parts(path, &mut table)?;
    if let Some(Value::Array(entries)) = table.get_mut("operator") {
        for entry in entries {
            if let Value::Table(entry) = entry {
                include_limits(path, entry)?;
            }
        }
    }
    for text in overrides {
        lay_over(&mut table, text)?;
        // At once, so that a later one may name a limit of the file that this one named.
        include_limits(path, &mut table)?;
        include_parts(path, &mut table)?;
    }
    Ok(table)
}

/// `limits = "file.toml"` stands for the content of that file, found from the configuration's own folder.
fn include_limits(path: &Path, table: &mut Table) -> Result<(), Failure> {
    let Some(Value::String(name)) = table.get("limits") else { return Ok(()) };
    let file = path.parent().unwrap_or(Path::new("")).join(name);
    let limits = load(&file, &[])?;
    // Here, where the file's name is known: a missing limit is told with the file it is missing from.
    parse::<tickrace_risk::Limits>(&file, &limits)?;
    table.insert("limits".to_owned(), Value::Table(limits));
    Ok(())
}

/// `features = "file.toml"` and `pairs = "file.toml"` of a strategy stand for the content of those files, found from the
/// configuration's own folder.
fn include_parts(path: &Path, table: &mut Table) -> Result<(), Failure> {
    let mut policies = Vec::new();
    for (key, value) in table.iter_mut() {
        match (key.as_str(), value) {
            ("strategy", Value::Table(policy)) => policies.push(policy),
            ("strategies", Value::Array(several)) => policies.extend(
                several.iter_mut().filter_map(|one| one.get_mut("policy").and_then(Value::as_table_mut)),
            ),
            _ => {}
        }
    }
    let named = |policy: &Table, key: &str| match policy.get(key) {
        Some(Value::String(name)) => Some(path.parent().unwrap_or(Path::new("")).join(name)),
        _ => None,
    };
    for policy in policies {
        if let Some(file) = named(policy, "features") {
            let features = load(&file, &[])?;
            parse::<tickrace_strategy::FeaturesConfig>(&file, &features)?;
            policy.insert("features".to_owned(), Value::Table(features));
        }
        if let Some(file) = named(policy, "pairs") {
            let mut list = load(&file, &[])?;
            parse::<PairList>(&file, &list)?;
            policy.insert("pairs".to_owned(), list.remove("pairs").unwrap_or(Value::Array(Vec::new())));
        }
    }
    Ok(())
}

/// The file that `pairs` writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PairList {
    #[serde(rename = "pairs")]
    _pairs: Vec<tickrace_strategy::pairs::PairConfig>,
}

/// Turns a table into a configuration; unknown and missing keys are named.
///
/// # Errors
///
/// [`Failure`] naming the file and the key.
pub fn parse<T: DeserializeOwned>(path: &Path, table: &Table) -> Result<T, Failure> {
    // Through text once more, so that errors can be found in it.
    let text = toml::to_string(table).map_err(Failure::usage)?;
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        Failure::usage(format!("{}: {}{}", path.display(), place_of(&text, &error), error.message()))
    })
}

/// Section and line of an error, as written. Not the number of the line: the text is that of the file with all that it includes and
/// all overrides, in an order of its own.
fn place_of(text: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else { return String::new() };
    let end = text[span.start..].find('\n').map_or(text.len(), |length| span.start + length);
    let mut lines = text[..end].lines().rev();
    let line = lines.next().unwrap_or_default().trim();
    if line.is_empty() {
        return String::new();
    }
    let is_section = |line: &&str| line.starts_with('[');
    let section = Some(line).filter(|line| !is_section(line)).and_then(|_| lines.find(is_section));
    let section = section.map_or(String::new(), |section| format!("{section} "));
    format!("{section}{line}: ")
}

/// Lays one `path=value` over the table. The value is read as TOML; what is not TOML is taken as a string.
///
/// # Errors
///
/// [`Failure`] where it is not `path=value` or the path leads through a value.
pub fn lay_over(table: &mut Table, text: &str) -> Result<(), Failure> {
    let Some((path, value)) = text.split_once('=') else {
        return Err(Failure::usage(format!("--set {text}: write it as path=value, e.g. strategy.gamma=0.2")));
    };
    let value = format!("x = {value}")
        .parse::<Table>()
        .ok()
        .and_then(|mut parsed| parsed.remove("x"))
        .unwrap_or_else(|| Value::String(value.to_owned()));
    put(table, path.trim(), value).map_err(|failure| Failure::usage(format!("--set {text}: {failure}")))
}

/// Puts a value at a path, making the sections on the way.
///
/// # Errors
///
/// [`Failure`] where the path is empty or leads through a value.
pub fn put(table: &mut Table, path: &str, value: Value) -> Result<(), Failure> {
    let mut keys: Vec<&str> = path.split('.').collect();
    let Some(last) = keys.pop().filter(|key| !key.is_empty()) else {
        return Err(Failure::usage("the path is empty"));
    };
    let mut place = table;
    for key in keys {
        let next = place.entry(key).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(inner) = next else {
            return Err(Failure::usage(format!("{path}: {key} is a value, not a section")));
        };
        place = inner;
    }
    place.insert(last.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_reaches_a_nested_key_and_keeps_its_type() {
        let mut table: Table = "[run]\nseed = 1\n[data]\n".parse().unwrap();
        for text in
            ["run.seed=7", "data.files=[\"a\", \"b\"]", "run.idle=spin", "venue.fees.maker_per_lot_nanos=-5"]
        {
            lay_over(&mut table, text).unwrap();
        }
        assert_eq!(table["run"]["seed"].as_integer(), Some(7));
        assert_eq!(table["data"]["files"].as_array().map(Vec::len), Some(2));
        assert_eq!(table["run"]["idle"].as_str(), Some("spin"));
        assert_eq!(table["venue"]["fees"]["maker_per_lot_nanos"].as_integer(), Some(-5));
    }

    #[test]
    fn an_override_may_name_another_limits_file_and_a_later_one_a_limit_of_it() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/backtest/market_making.toml");
        let limit = |overrides: &[&str]| {
            let table = load(&path, &overrides.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
            table.map(|table| {
                let loss = table["limits"].get("controls").and_then(|controls| controls.get("loss"));
                loss.map(|loss| loss["daily_loss_max_ccy"].as_integer().unwrap())
            })
        };
        let guarded = "limits=../limits/us_equity_guarded.toml";
        assert_eq!(limit(&[]).unwrap(), None);
        assert!(limit(&[guarded]).unwrap().is_some());
        assert_eq!(limit(&[guarded, "limits.controls.loss.daily_loss_max_ccy=77"]).unwrap(), Some(77));
        let told = limit(&["limits=nowhere.toml"]).unwrap_err().to_string();
        assert!(told.contains("nowhere.toml"), "{told}");
    }

    #[test]
    fn an_error_shows_section_and_key_and_no_line_that_the_file_does_not_have() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/backtest/market_making.toml");
        let told = |setting: &str| {
            let table = load(&path, &[setting.to_owned()]).unwrap();
            parse::<tickrace_desk::DeskConfig>(&path, &table).unwrap_err().to_string()
        };
        for (setting, wanted) in [
            ("run.seed=-1", "market_making.toml: [run] seed = -1: invalid value"),
            ("venue.queues=1", "[venue] queues = 1: unknown field `queues`"),
            ("limits.total={}", "[limits.total]: missing field `gross_exposure_max_ccy`"),
        ] {
            let told = told(setting);
            assert!(told.contains(wanted) && !told.contains("at line"), "{told}");
        }
    }

    #[test]
    fn an_override_without_a_value_or_through_a_value_is_refused() {
        let mut table: Table = "seed = 1\n".parse().unwrap();
        assert!(lay_over(&mut table, "seed").is_err());
        assert!(lay_over(&mut table, "seed.deeper=1").is_err());
        assert!(lay_over(&mut table, "=1").is_err());
    }
}
