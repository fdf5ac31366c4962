//! From a configuration of the reference to one of ours, word by word, with an account of every word that has no place here.
//!
//! What a key may hold is read off [`SystemConfig`] itself, so that a key added there is understood here.

use std::collections::BTreeSet;

use tickrace_systematic::config::SystemConfig;
use tickrace_systematic::system::dynamic::SmallSystemConfig;
use tickrace_systematic::system::overlay::OverlayConfig;
use toml::{Table, Value as Toml};

use super::words::silent;
use super::yaml::{Document, Entry, Node, Value, YamlError};
use super::{Note, rule};

/// What a configuration became.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Translated {
    /// Ours.
    pub table: Table,
    /// What could not be taken over, in the order of the lines.
    pub notes: Vec<Note>,
}

/// Words that choose among a few.
const CHOICES: [(&str, &[&str]); 3] = [
    ("method", &["equal_weights", "one_period", "shrinkage", "handcraft"]),
    ("date_method", &["expanding", "rolling", "in_sample"]),
    ("buffer_method", &["forecast", "position", "none"]),
];

/// Estimates of volatility.
const VOLATILITIES: [&str; 4] = ["mixed_vol_calc", "robust_vol_calc", "simple_ewvol_calc", "simple_vol_calc"];

/// Words of a `*_weight_estimate` that stand in a table of their own here.
const OF_OPTIMISER: [&str; 6] =
    ["method", "equalise_vols", "equalise_SR", "ann_target_SR", "shrinkage_SR", "shrinkage_corr"];

/// What the reference puts into a `small_system` that leaves something out.
const SMALL_SYSTEM: [(&str, f64); 4] = [
    ("shadow_cost", 50.0),
    ("cost_multiplier", 1.0),
    ("tracking_error_buffer", 0.0125),
    ("shrink_instrument_returns_correlation", 0.5),
];

/// Translates a document.
///
/// # Errors
///
/// [`YamlError`] where the document is no configuration, or a word we know holds another kind of thing than it must.
pub fn translate(document: &Document) -> Result<Translated, YamlError> {
    let fail = |node: &Node, what: &str| {
        Err(YamlError { line: node.line, fault: format!("{what} is a mapping, this is {}", node.kind()) })
    };
    let Some(entries) = document.root.entries() else { return fail(&document.root, "a configuration") };
    let mut work =
        Work { schema: schema(), table: Table::new(), notes: Vec::new(), left_out: BTreeSet::new() };
    for (line, key) in &document.twice {
        work.note(*line, key, false, "stated twice; the last one counts".to_owned());
    }
    // First the rules: what is said of one that is left out is left out too.
    if let Some(entry) = entries.iter().find(|entry| entry.key == "trading_rules") {
        work.rules(entry, &named_rules(entries))?;
    }
    let mut schema = std::mem::take(&mut work.schema);
    for entry in entries.iter().filter(|entry| entry.key != "trading_rules") {
        match entry.key.as_str() {
            "forecast_weights" | "rule_variations" => work.forecast_weights(entry, entries)?,
            "forecast_mapping" => work.mapping(entry)?,
            "instruments" => work.instruments(entry, entries)?,
            "exclude_instrument_lists" | "duplicate_instruments" => work.excluded(entry, entries),
            _ => work.entry(entry, "", &schema, &mut Vec::new())?,
        }
    }
    work.schema = std::mem::take(&mut schema);
    work.complete(entries);
    work.notes.sort_by_key(|note| note.line);
    Ok(Translated { table: work.table, notes: work.notes })
}

/// A configuration in which every key stands, for what it holds.
fn schema() -> Table {
    let mut config = SystemConfig {
        start_date: Some(String::new()),
        forecast_floor: Some(0.0),
        instrument_weights: Some(std::collections::BTreeMap::new()),
        risk_overlay: Some(OverlayConfig {
            max_risk_fraction_normal_risk: 0.0,
            max_risk_fraction_stdev_risk: 0.0,
            max_risk_limit_sum_abs_risk: 0.0,
            max_risk_leverage: 0.0,
        }),
        small_system: Some(SmallSystemConfig::default()),
        ..SystemConfig::default()
    };
    config.forecast_post_ceiling_cost_sr = Some(0.0);
    for estimate in [&mut config.forecast_weight_estimate, &mut config.instrument_weight_estimate] {
        estimate.cost_multiplier = Some(0.0);
        let correlation = &mut estimate.correlation_estimate;
        (correlation.ew_lookback, correlation.floor_at_zero, correlation.clip) =
            (Some(0.0), Some(true), Some(0.0));
    }
    config.forecast_correlation_estimate.clip = Some(0.0);
    config.instrument_correlation_estimate.clip = Some(0.0);
    Table::try_from(config).expect("a configuration of plain data serialises")
}

/// Rules that have a weight other than zero, or are listed; `None` where nothing says: then all count.
fn named_rules(entries: &[Entry]) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut is_told = false;
    for entry in
        entries.iter().filter(|entry| matches!(entry.key.as_str(), "forecast_weights" | "rule_variations"))
    {
        is_told |= !entry.node.is_null();
        collect_names(&entry.node, &mut names);
    }
    is_told.then_some(names)
}

fn collect_names(node: &Node, names: &mut BTreeSet<String>) {
    match &node.value {
        Value::List(nodes) => names.extend(nodes.iter().filter_map(Node::text).map(str::to_owned)),
        Value::Map(entries) => {
            for entry in entries {
                match entry.node.number() {
                    Some(weight) if weight != 0.0 => {
                        names.insert(entry.key.clone());
                    }
                    Some(_) => {}
                    None => collect_names(&entry.node, names),
                }
            }
        }
        _ => {}
    }
}

struct Work {
    schema: Table,
    table: Table,
    notes: Vec<Note>,
    /// Rules that were not taken over.
    left_out: BTreeSet<String>,
}

impl Work {
    fn note(&mut self, line: usize, key: &str, does_change: bool, text: String) {
        self.notes.push(Note { line, key: key.to_owned(), does_change, text });
    }

    fn rules(&mut self, entry: &Entry, named: &Option<BTreeSet<String>>) -> Result<(), YamlError> {
        let mut listed: Vec<(String, usize, &Node)> = Vec::new();
        match &entry.node.value {
            Value::Map(rules) => {
                listed.extend(rules.iter().map(|rule| (rule.key.clone(), rule.line, &rule.node)));
            }
            // The reference counts rules without a name from 0.
            Value::List(rules) => listed
                .extend((0..).zip(rules).map(|(number, node)| (format!("rule{number}"), node.line, node))),
            _ => return Err(wrong(&entry.node, "trading_rules", "a mapping or a list")),
        }
        let mut rules = Table::new();
        for (name, line, node) in listed {
            match rule::translate(node) {
                Ok(rule) => {
                    rules.insert(name, Toml::Table(rule));
                }
                Err((at, why)) => {
                    let is_weighed = named.as_ref().is_none_or(|named| named.contains(&name));
                    let weight = if is_weighed { "" } else { "; it has no weight" };
                    let key = format!("trading_rules.{name}");
                    self.note(at.max(line), &key, is_weighed, format!("the rule is left out: {why}{weight}"));
                    self.left_out.insert(name);
                }
            }
        }
        self.table.insert("trading_rules".to_owned(), Toml::Table(rules));
        Ok(())
    }

    /// Weights of forecasts, or a list of rules, which stands for equal weights.
    fn forecast_weights(&mut self, entry: &Entry, all: &[Entry]) -> Result<(), YamlError> {
        let has = |key: &str| all.iter().any(|other| other.key == key && !other.node.is_null());
        let is_estimated = all.iter().any(|other| {
            other.key == "use_forecast_weight_estimates" && other.node.value == Value::Bool(true)
        });
        if entry.node.is_null() {
            self.note(entry.line, &entry.key, false, "says nothing; equal weights count".to_owned());
            return Ok(());
        }
        // The reference looks at one of them, whichever weights it makes.
        if is_estimated != (entry.key == "rule_variations") {
            let counts = match (is_estimated, has("rule_variations"), has("forecast_weights")) {
                (true, true, _) => "rule_variations counts",
                (false, _, true) => "forecast_weights counts",
                (true, false, _) | (false, _, false) => "every rule counts",
            };
            let why =
                format!("{counts}, since weights are {}estimated", if is_estimated { "" } else { "not " });
            self.note(entry.line, &entry.key, false, why);
            return Ok(());
        }
        if let Some(grouping) = entry.node.entries().and_then(|inner| {
            inner.iter().find(|one| one.key == "auto_weight_from_grouping").map(|one| &one.node)
        }) {
            let inner = self.grouping(grouping, &format!("{}.auto_weight_from_grouping", entry.key))?;
            let grouped = Table::from_iter([("auto_weight_from_grouping".to_owned(), inner)]);
            self.table.insert("forecast_weights".to_owned(), Toml::Table(grouped));
            return Ok(());
        }
        let weights = match &entry.node.value {
            Value::Map(inner) if inner.iter().any(|one| one.node.number().is_none()) => {
                let mut by_instrument = Table::new();
                for one in inner {
                    let path = format!("{}.{}", entry.key, one.key);
                    by_instrument.insert(one.key.clone(), Toml::Table(self.weights(&one.node, &path)?));
                }
                by_instrument
            }
            _ => self.weights(&entry.node, &entry.key)?,
        };
        if entry.key == "rule_variations" {
            // Which rules, and no weights: those are estimated.
            let names = |weights: &Table| Toml::Array(weights.keys().cloned().map(Toml::String).collect());
            let is_by_instrument = weights.values().any(Toml::is_table);
            let variations = if is_by_instrument {
                let of = |(name, own): (&String, &Toml)| {
                    (name.clone(), own.as_table().map_or(Toml::Array(Vec::new()), names))
                };
                Toml::Table(weights.iter().map(of).collect())
            } else {
                names(&weights)
            };
            self.table.insert(entry.key.clone(), variations);
            return Ok(());
        }
        self.table.insert("forecast_weights".to_owned(), Toml::Table(weights));
        Ok(())
    }

    /// Groups of weights as they stand, without the rules that are left out.
    fn grouping(&mut self, node: &Node, path: &str) -> Result<Toml, YamlError> {
        let entries = node.entries().ok_or_else(|| wrong(node, path, "a mapping"))?;
        let mut table = Table::new();
        for one in entries {
            let full = format!("{path}.{}", one.key);
            let value = match &one.node.value {
                Value::Map(_) => self.grouping(&one.node, &full)?,
                Value::Bool(is_true) => Toml::Boolean(*is_true),
                _ => match one.node.number() {
                    Some(number) => Toml::Float(number),
                    None => return Err(wrong(&one.node, &full, "a weight")),
                },
            };
            if self.left_out.contains(&one.key) {
                self.note(one.line, &full, true, "left out: its rule is left out".to_owned());
                continue;
            }
            table.insert(one.key.clone(), value);
        }
        Ok(Toml::Table(table))
    }

    /// Thresholds by instrument.
    fn mapping(&mut self, entry: &Entry) -> Result<(), YamlError> {
        let by_instrument =
            entry.node.entries().ok_or_else(|| wrong(&entry.node, &entry.key, "a mapping"))?;
        let mut table = Table::new();
        for one in by_instrument {
            let terms = one.node.entries().ok_or_else(|| wrong(&one.node, &one.key, "a mapping"))?;
            let mut own = Table::new();
            for term in terms {
                let number = term.node.number().ok_or_else(|| wrong(&term.node, &term.key, "a number"))?;
                own.insert(term.key.clone(), Toml::Float(number));
            }
            table.insert(one.key.clone(), Toml::Table(own));
        }
        self.table.insert(entry.key.clone(), Toml::Table(table));
        Ok(())
    }

    /// Weights of rules by name; equal ones of a list.
    fn weights(&mut self, node: &Node, path: &str) -> Result<Table, YamlError> {
        let mut weights = Table::new();
        let mut add = |work: &mut Self, name: &str, line: usize, weight: f64| {
            let rules = work.table.get("trading_rules").and_then(Toml::as_table);
            if rules.is_some_and(|rules| rules.contains_key(name)) {
                weights.insert(name.to_owned(), Toml::Float(weight));
                return;
            }
            let why =
                if work.left_out.contains(name) { "its rule is left out" } else { "there is no such rule" };
            work.note(line, &format!("{path}.{name}"), weight != 0.0, format!("left out: {why}"));
        };
        match &node.value {
            Value::Map(entries) => {
                for entry in entries {
                    let weight = entry.node.number().filter(|weight| weight.is_finite());
                    let weight = weight.ok_or_else(|| wrong(&entry.node, &entry.key, "a weight"))?;
                    add(self, &entry.key, entry.line, weight);
                }
            }
            Value::List(nodes) => {
                for node in nodes {
                    let name = node.text().ok_or_else(|| wrong(node, path, "a list of rules"))?;
                    add(self, name, node.line, 1.0 / nodes.len() as f64);
                }
            }
            _ => return Err(wrong(node, path, "weights by rule, or a list of rules")),
        }
        Ok(weights)
    }

    /// A list of instruments, which stands for equal weights.
    fn instruments(&mut self, entry: &Entry, all: &[Entry]) -> Result<(), YamlError> {
        if all.iter().any(|other| other.key == "instrument_weights" && !other.node.is_null()) {
            self.note(entry.line, &entry.key, false, "instrument_weights names the instruments".to_owned());
            return Ok(());
        }
        let Value::List(nodes) = &entry.node.value else {
            return Err(wrong(&entry.node, "instruments", "a list of names"));
        };
        let mut weights = Table::new();
        for node in nodes {
            let name = node.text().ok_or_else(|| wrong(node, "instruments", "a list of names"))?;
            weights.insert(name.to_owned(), Toml::Float(1.0 / nodes.len() as f64));
        }
        self.table.insert("instrument_weights".to_owned(), Toml::Table(weights));
        Ok(())
    }

    /// Lists of instruments to pass over: of no consequence where they name none of ours.
    fn excluded(&mut self, entry: &Entry, all: &[Entry]) {
        let mut listed = BTreeSet::new();
        let lists = entry.node.entries().unwrap_or_default();
        for list in lists.iter().filter(|list| list.key != "include") {
            collect_texts(&list.node, &mut listed);
        }
        let mut own = BTreeSet::new();
        for other in
            all.iter().filter(|other| matches!(other.key.as_str(), "instruments" | "instrument_weights"))
        {
            match &other.node.value {
                Value::Map(entries) => own.extend(entries.iter().map(|one| one.key.clone())),
                _ => collect_texts(&other.node, &mut own),
            }
        }
        let both: Vec<&str> = listed.iter().filter(|name| own.contains(*name)).map(String::as_str).collect();
        if own.is_empty() && !listed.is_empty() {
            let why = "list the instruments wanted under instrument_weights: nothing is passed over here";
            self.note(entry.line, &entry.key, true, why.to_owned());
        } else if both.is_empty() {
            self.note(entry.line, &entry.key, false, "names no instrument of this system".to_owned());
        } else {
            let why = format!(
                "{} would be passed over or not traded; take them out of instrument_weights",
                both.join(" ")
            );
            self.note(entry.line, &entry.key, true, why);
        }
    }

    /// Any other word: at its own place, at another, or none.
    fn entry(
        &mut self,
        entry: &Entry,
        path: &str,
        schema: &Table,
        at: &mut Vec<String>,
    ) -> Result<(), YamlError> {
        let full = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
        if entry.node.is_null() {
            self.note(entry.line, &full, false, "says nothing; the default counts".to_owned());
            return Ok(());
        }
        if self.moved(entry, path, &full)? {
            return Ok(());
        }
        let Some(wanted) = schema.get(&entry.key) else { return self.unknown(entry, &full) };
        if let Some((_, choices)) = CHOICES.iter().find(|(key, _)| *key == entry.key)
            && !entry.node.text().is_some_and(|text| choices.contains(&text))
        {
            let said = entry.node.text().unwrap_or(entry.node.kind());
            let why = format!("{said} is not done, only {}; the default counts", choices.join(" "));
            self.note(entry.line, &full, true, why);
            return Ok(());
        }
        at.push(entry.key.clone());
        match (wanted, &entry.node.value) {
            (Toml::Table(inner), Value::Map(entries)) if !inner.is_empty() => {
                self.make_table(at);
                for one in entries {
                    self.entry(one, &full, inner, at)?;
                }
            }
            _ => {
                let value = converted(&entry.node, wanted, &full)?;
                self.put(at, value);
            }
        }
        at.pop();
        Ok(())
    }

    /// Words that stand elsewhere here; `true` where it was one.
    fn moved(&mut self, entry: &Entry, path: &str, full: &str) -> Result<bool, YamlError> {
        let number = |node: &Node| node.number().ok_or_else(|| wrong(node, full, "a number"));
        let is_true = |node: &Node| match node.value {
            Value::Bool(is_true) => Ok(is_true),
            _ => Err(wrong(node, full, "true or false")),
        };
        if full == "volatility_calculation.func" {
            let name = entry.node.text().ok_or_else(|| wrong(&entry.node, full, "a name"))?;
            let last = name.rsplit('.').next().unwrap_or(name);
            if VOLATILITIES.contains(&last) {
                self.put(&[path.to_owned(), "func".to_owned()], Toml::String(last.to_owned()));
            } else {
                let why = format!("{name} is not done, only {}; the default counts", VOLATILITIES.join(" "));
                self.note(entry.line, full, true, why);
            }
            return Ok(true);
        }
        if full == "forecast_correlation_estimate.pool_instruments" {
            let is_pooled = is_true(&entry.node)?;
            self.table.insert("pool_forecast_correlations".to_owned(), Toml::Boolean(is_pooled));
            return Ok(true);
        }
        if path.ends_with("_correlation_estimate") && entry.key == "shrinkage_parameter" {
            let share = number(&entry.node)?;
            self.put(&[path.to_owned(), "shrinkage".to_owned()], Toml::Float(share));
            return Ok(true);
        }
        if path.ends_with("_correlation_estimate") && entry.key == "interval_frequency" {
            let steps = [("12M", 365), ("365D", 365), ("M", 30), ("W", 7), ("7D", 7)];
            let Some((_, days)) = steps.iter().find(|(word, _)| entry.node.text() == Some(word)) else {
                return Ok(false);
            };
            self.put(&[path.to_owned(), "step_days".to_owned()], Toml::Integer(*days));
            return Ok(true);
        }
        let estimate = path.split('.').next().unwrap_or_default();
        if !estimate.ends_with("_weight_estimate") {
            return Ok(false);
        }
        if path == estimate && OF_OPTIMISER.contains(&entry.key.as_str()) {
            let optimiser = schema()[estimate]["optimiser"].as_table().cloned().unwrap_or_default();
            let own = Entry { key: entry.key.clone(), line: entry.line, node: entry.node.clone() };
            let mut at = vec![estimate.to_owned(), "optimiser".to_owned()];
            self.entry(&own, &format!("{estimate}.optimiser"), &optimiser, &mut at)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// A word without a place: of no consequence, or one that changes results.
    fn unknown(&mut self, entry: &Entry, full: &str) -> Result<(), YamlError> {
        if let Some(when) = silent(full) {
            let is_covered = when.covers(&entry.node);
            self.note(entry.line, full, !is_covered, when.why());
            return Ok(());
        }
        // A table of words, some of which may be known.
        if let Some(entries) = entry.node.entries()
            && entries.iter().any(|one| silent(&format!("{full}.{}", one.key)).is_some())
        {
            return entries.iter().try_for_each(|one| self.unknown(one, &format!("{full}.{}", one.key)));
        }
        self.note(entry.line, full, true, "there is no such word here".to_owned());
        Ok(())
    }

    /// What the reference has where nothing is said, and we have otherwise.
    fn complete(&mut self, entries: &[Entry]) {
        let wanted = schema()["risk_overlay"].as_table().cloned().unwrap_or_default();
        if let Some(Toml::Table(overlay)) = self.table.get("risk_overlay") {
            let missing: Vec<&str> =
                wanted.keys().filter(|key| !overlay.contains_key(*key)).map(String::as_str).collect();
            if !missing.is_empty() {
                let why = format!("left out whole: an overlay needs {} too", missing.join(" and "));
                let line =
                    entries.iter().find(|entry| entry.key == "risk_overlay").map_or(1, |entry| entry.line);
                self.note(line, "risk_overlay", true, why);
                self.table.remove("risk_overlay");
            }
        }
        if let Some(Toml::Table(small)) = self.table.get_mut("small_system") {
            for (key, value) in SMALL_SYSTEM {
                small.entry(key).or_insert(Toml::Float(value));
            }
        }
        let is_estimated = self.table.get("use_instrument_weight_estimates") == Some(&Toml::Boolean(true));
        if is_estimated || self.table.contains_key("instrument_weight_estimate") {
            let at = ["instrument_weight_estimate", "optimiser"].map(str::to_owned);
            self.make_table(&at);
            let optimiser = self.table["instrument_weight_estimate"]["optimiser"].as_table_mut();
            if let Some(optimiser) = optimiser {
                optimiser.entry("equalise_SR").or_insert(Toml::Boolean(true));
            }
        }
    }

    fn make_table(&mut self, at: &[String]) {
        let mut place = &mut self.table;
        for key in at {
            let next = place.entry(key.clone()).or_insert_with(|| Toml::Table(Table::new()));
            let Toml::Table(next) = next else { return };
            place = next;
        }
    }

    fn put(&mut self, at: &[String], value: Toml) {
        let Some((last, way)) = at.split_last() else { return };
        self.make_table(way);
        let mut place = &mut self.table;
        for key in way {
            let Some(Toml::Table(next)) = place.get_mut(key) else { return };
            place = next;
        }
        place.insert(last.clone(), value);
    }
}

fn wrong(node: &Node, key: &str, wanted: &str) -> YamlError {
    YamlError { line: node.line, fault: format!("{key} must be {wanted}, this is {}", node.kind()) }
}

fn collect_texts(node: &Node, names: &mut BTreeSet<String>) {
    match &node.value {
        Value::Text(text) => {
            names.insert(text.clone());
        }
        Value::List(nodes) => nodes.iter().for_each(|node| collect_texts(node, names)),
        Value::Map(entries) => entries.iter().for_each(|entry| collect_texts(&entry.node, names)),
        _ => {}
    }
}

/// A value of the kind that `wanted` has; a figure for all may also be one by name.
#[allow(clippy::cast_possible_truncation, reason = "the fraction is looked at first")]
fn converted(node: &Node, wanted: &Toml, key: &str) -> Result<Toml, YamlError> {
    let fail = |what| Err(wrong(node, key, what));
    match (wanted, &node.value) {
        (Toml::Boolean(_), Value::Bool(is_true)) => Ok(Toml::Boolean(*is_true)),
        (Toml::Boolean(_), _) => fail("true or false"),
        (Toml::Integer(_), Value::Int(number)) => Ok(Toml::Integer(*number)),
        (Toml::Integer(_), Value::Float(number)) if number.fract() == 0.0 && number.abs() < 1e15 => {
            Ok(Toml::Integer(*number as i64))
        }
        (Toml::Integer(_), _) => fail("a whole number"),
        (Toml::Float(_), Value::Map(entries)) if key == "forecast_div_multiplier" => by_name(entries),
        (Toml::Float(_), _) => match node.number() {
            Some(number) if number.is_finite() => Ok(Toml::Float(number)),
            _ => fail("a number"),
        },
        (Toml::String(_), Value::Text(text)) => Ok(Toml::String(text.clone())),
        (Toml::String(_), _) => fail("a text"),
        (Toml::Array(_), Value::List(nodes)) => {
            let text = |node: &Node| node.text().map(|text| Toml::String(text.to_owned()));
            let texts: Option<Vec<Toml>> = nodes.iter().map(text).collect();
            texts.map_or_else(|| fail("a list of names"), |texts| Ok(Toml::Array(texts)))
        }
        (Toml::Array(_), _) => fail("a list of names"),
        (Toml::Table(_), Value::Map(entries)) => by_name(entries),
        (Toml::Table(_), _) => fail("a mapping"),
        (Toml::Datetime(_), _) => fail("a time"),
    }
}

/// Figures by name, or what else stands under names of the user's own.
fn by_name(entries: &[Entry]) -> Result<Toml, YamlError> {
    let mut table = Table::new();
    for entry in entries {
        let value = match &entry.node.value {
            Value::Int(_) | Value::Float(_) => converted(&entry.node, &Toml::Float(0.0), &entry.key)?,
            Value::Bool(is_true) => Toml::Boolean(*is_true),
            Value::Text(text) => Toml::String(text.clone()),
            Value::List(_) => converted(&entry.node, &Toml::Array(Vec::new()), &entry.key)?,
            Value::Map(inner) => by_name(inner)?,
            Value::Null => continue,
        };
        table.insert(entry.key.clone(), value);
    }
    Ok(Toml::Table(table))
}

#[cfg(test)]
mod tests;
