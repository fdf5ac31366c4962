//! A YAML document as a tree that knows on which line each thing stands.
//!
//! Scalars are read as PyYAML reads them, since that is what wrote the meaning of these files: YAML 1.1, where `yes` and `on`
//! are true. One thing is taken kindlier: `1e-10`, a text to PyYAML, is a number here.
//!
//! Source: YAML 1.1, "Tag repository" (yaml.org/type); the events come from `saphyr-parser`, which passes the YAML test suite.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

/// Deepest nesting, and most nodes once aliases stand for what they name.
const DEPTH_MAX: usize = 32;
const NODES_MAX: usize = 1_000_000;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Line, from 1.
    pub line: usize,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Entries in the order of the file; a key stands once.
    Map(Vec<Entry>),
}

/// An entry of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Line of the key, from 1.
    pub line: usize,
    /// Its value.
    pub node: Node,
}

/// Why a text is no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct YamlError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub fault: String,
}

/// A document, and the keys that were stated twice: line and key; the last one counts, as PyYAML has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its root.
    pub root: Node,
    /// Keys stated twice, with the line of the one that does not count.
    pub twice: Vec<(usize, String)>,
}

impl Node {
    /// The entries of a mapping.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// As a number.
    #[allow(clippy::cast_precision_loss, reason = "whole numbers of a configuration are small")]
    pub fn number(&self) -> Option<f64> {
        match self.value {
            Value::Int(number) => Some(number as f64),
            Value::Float(number) => Some(number),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it says nothing.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// What kind of thing it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads one document.
///
/// # Errors
///
/// [`YamlError`] naming the line: what is no YAML, a second document, a tag, a key that is no text, a nesting without end.
pub fn parse(text: &str) -> Result<Document, YamlError> {
    let mut builder =
        Builder { parser: Parser::new_from_str(text), anchors: BTreeMap::new(), nodes: 0, twice: Vec::new() };
    let mut root = None;
    loop {
        let (event, span) = builder.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(_) => {
                let line = span.start.line();
                if root.is_some() {
                    return Err(fault(line, "a second document begins; a configuration is one"));
                }
                let (event, span) = builder.next()?;
                root = Some(builder.node(event, span, 0)?);
            }
            _ => {}
        }
    }
    let root = root.unwrap_or(Node { line: 1, value: Value::Null });
    Ok(Document { root, twice: builder.twice })
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
    twice: Vec<(usize, String)>,
}

fn fault(line: usize, text: impl Into<String>) -> YamlError {
    YamlError { line, fault: text.into() }
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(fault(error.marker().line(), error.info())),
            None => Err(fault(1, "the text ends too early")),
        }
    }

    /// The node that an event begins.
    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, YamlError> {
        let line = span.start.line();
        if depth > DEPTH_MAX {
            return Err(fault(line, format!("nested deeper than {DEPTH_MAX}")));
        }
        let before = self.nodes;
        self.count(1, line)?;
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let (node, size) = self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or_else(|| fault(line, "an alias of what is not yet complete"))?;
                self.count(size, line)?;
                return Ok(Node { line, ..node });
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain;
                match tag {
                    Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => {
                        (anchor, Value::Text(text.into_owned()))
                    }
                    Some(tag) => return Err(tagged(line, &tag.handle, &tag.suffix)),
                    None if is_text => (anchor, Value::Text(text.into_owned())),
                    None => (anchor, scalar(&text)),
                }
            }
            Event::SequenceStart(anchor, tag) => {
                if let Some(tag) = tag {
                    return Err(tagged(line, &tag.handle, &tag.suffix));
                }
                (anchor, self.list(depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                if let Some(tag) = tag {
                    return Err(tagged(line, &tag.handle, &tag.suffix));
                }
                (anchor, self.map(depth)?)
            }
            _ => return Err(fault(line, "a value is missing")),
        };
        let node = Node { line, value };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn count(&mut self, nodes: usize, line: usize) -> Result<(), YamlError> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            return Err(fault(line, format!("more than {NODES_MAX} values, aliases counted out")));
        }
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut nodes = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Value::List(nodes));
            }
            nodes.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth + 1)?;
            if is_merge {
                merge(&node, &mut merged)?;
                continue;
            }
            let line = key.line;
            let key = match key.value {
                Value::Text(text) => text,
                Value::Int(number) => number.to_string(),
                Value::Bool(is_true) => is_true.to_string(),
                _ => return Err(fault(line, format!("a key is a text, this is {}", key.kind()))),
            };
            if let Some(place) = entries.iter().position(|entry| entry.key == key) {
                let earlier = entries.remove(place);
                self.twice.push((earlier.line, key.clone()));
            }
            entries.push(Entry { key, line, node });
        }
        // What the mapping states itself goes before what it takes over.
        for entry in merged {
            if entries.iter().all(|own| own.key != entry.key) {
                entries.push(entry);
            }
        }
        Ok(Value::Map(entries))
    }
}

fn tagged(line: usize, handle: &str, suffix: &str) -> YamlError {
    fault(line, format!("the tag {handle}{suffix} asks for more than data; write the value itself"))
}

/// What `<<` takes over: a mapping, or several of which the first to name a key counts.
fn merge(node: &Node, into: &mut Vec<Entry>) -> Result<(), YamlError> {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                if into.iter().all(|there| there.key != entry.key) {
                    into.push(entry.clone());
                }
            }
            Ok(())
        }
        Value::List(nodes) => nodes.iter().try_for_each(|node| merge(node, into)),
        _ => Err(fault(node.line, format!("<< takes a mapping over, this is {}", node.kind()))),
    }
}

/// A plain scalar, as YAML 1.1 resolves it.
fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Value::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    let is_number = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    if !is_number {
        return Value::Text(text.to_owned());
    }
    let plain = text.replace('_', "");
    let unsigned = plain.trim_start_matches(['+', '-']);
    let sign = if plain.starts_with('-') { -1 } else { 1 };
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).ok().map(|number| sign * number);
    let whole = if plain.len() - unsigned.len() > 1 {
        None
    } else if let Some(digits) = unsigned.strip_prefix("0x") {
        radix(digits, 16)
    } else if let Some(digits) = unsigned.strip_prefix("0b") {
        radix(digits, 2)
    } else if unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.bytes().all(|b| b.is_ascii_digit())
    {
        radix(unsigned, 8)
    } else if !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        plain.parse().ok()
    } else {
        None
    };
    if let Some(number) = whole {
        return Value::Int(number);
    }
    match unsigned {
        ".inf" | ".Inf" | ".INF" if sign < 0 => return Value::Float(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => return Value::Float(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let is_float = unsigned.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
        && unsigned.bytes().any(|byte| byte.is_ascii_digit());
    match plain.parse::<f64>() {
        Ok(number) if is_float => Value::Float(number),
        _ => Value::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(text: &str) -> Value {
        let document = parse(&format!("x: {text}\n")).unwrap();
        document.root.entries().unwrap()[0].node.value.clone()
    }

    #[test]
    fn scalars_are_what_pyyaml_makes_of_them() {
        // Each pair is what `yaml.safe_load` of PyYAML 6 gives, but for 1e-10.
        let text = |text: &str| Value::Text(text.to_owned());
        for (written, read) in [
            ("yes", Value::Bool(true)),
            ("Off", Value::Bool(false)),
            ("'yes'", text("yes")),
            ("y", text("y")),
            ("~", Value::Null),
            ("", Value::Null),
            ("250000", Value::Int(250_000)),
            ("250_000", Value::Int(250_000)),
            ("-0x10", Value::Int(-16)),
            ("010", Value::Int(8)),
            (".4", Value::Float(0.4)),
            ("20.", Value::Float(20.0)),
            ("0.0000000001", Value::Float(1e-10)),
            ("1e-10", Value::Float(1e-10)),
            ("-.inf", Value::Float(f64::NEG_INFINITY)),
            ("2016-01-04", text("2016-01-04")),
            ("\"7D\"", text("7D")),
            ("7D", text("7D")),
            ("127.0.0.1", text("127.0.0.1")),
            ("!!str 12", text("12")),
        ] {
            assert_eq!(value(written), read, "{written}");
        }
    }

    #[test]
    fn anchors_merges_and_keys_stated_twice_are_as_pyyaml_has_them() {
        let document = parse(
            "base: &base\n  a: 1\n  b: 2\nown:\n  <<: *base\n  b: 3\nagain: *base\nown2: {<<: [*base, {c: 4}]}\nbase: 5\n",
        )
        .unwrap();
        let of = |key: &str| {
            let entries = document.root.entries().unwrap();
            entries.iter().find(|entry| entry.key == key).unwrap().node.clone()
        };
        let pairs = |node: &Node| {
            let mut pairs: Vec<(String, Option<f64>)> =
                node.entries().unwrap().iter().map(|one| (one.key.clone(), one.node.number())).collect();
            pairs.sort_by(|left, right| left.0.cmp(&right.0));
            pairs
        };
        let pair = |key: &str, number: f64| (key.to_owned(), Some(number));
        assert_eq!(pairs(&of("own")), [pair("a", 1.0), pair("b", 3.0)]);
        assert_eq!(pairs(&of("again")), [pair("a", 1.0), pair("b", 2.0)]);
        assert_eq!(pairs(&of("own2")), [pair("a", 1.0), pair("b", 2.0), pair("c", 4.0)]);
        assert_eq!(of("base").value, Value::Int(5));
        assert_eq!(document.twice, [(1, "base".to_owned())]);
    }

    #[test]
    fn what_is_no_document_is_refused_with_its_line() {
        for (text, line, word) in [
            ("a: 1\n\tb: 2\n", 2, ""),
            ("a: [1, 2\nb: 3\n", 2, ""),
            ("a: 1\n---\nb: 2\n", 2, "second document"),
            ("a: 1\nb: !!python/object/apply:os.system ['x']\n", 2, "tag"),
            ("a: *nowhere\n", 1, ""),
            ("? [1, 2]\n: 3\n", 1, "key is a text"),
            ("<<: 3\n", 1, "takes a mapping over"),
            ("a: &a [*a]\n", 1, ""),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.fault.contains(word), "{text}: {error}");
            assert!(error.line.abs_diff(line) <= 1, "{text}: {error}");
        }
    }

    #[test]
    fn aliases_of_aliases_and_deep_nesting_stop_at_a_bound() {
        let mut text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{before}]\n"));
        }
        assert!(parse(&text).unwrap_err().fault.contains("values"));
        assert!(parse(&format!("a: {}{}", "[".repeat(100), "]".repeat(100))).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[ \\n\\ta-c0-9:.&*<>{}\\[\\]|'\"!#-]{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn whole_numbers_come_back(number in any::<i32>()) {
            prop_assert_eq!(value(&number.to_string()), Value::Int(i64::from(number)));
        }
    }
}
