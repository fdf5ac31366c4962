//! A trading rule in the three spellings of the reference: its function alone, a list of function, data and arguments, or a
//! mapping of them.
//!
//! A rule is taken over where everything it says is done here: the function, the number of its inputs, each input, each
//! argument. Else it is left out whole, for a rule with a part missing is another rule.

use toml::{Table, Value as Toml};

use super::yaml::{Node, Value};
use tickrace_systematic::system::INPUTS;

/// A function, the inputs it takes, arguments it needs, arguments it may have.
struct Function {
    name: &'static str,
    inputs: usize,
    needed: &'static [&'static str],
    optional: &'static [&'static str],
}

const fn function(
    name: &'static str,
    inputs: usize,
    needed: &'static [&'static str],
    optional: &'static [&'static str],
) -> Function {
    Function { name, inputs, needed, optional }
}

const FUNCTIONS: [Function; 12] = [
    function("ewmac", 2, &["Lfast", "Lslow"], &[]),
    function("ewmac_forecast_with_defaults", 1, &[], &["Lfast", "Lslow"]),
    function("ewmac_calc_vol", 1, &["Lfast", "Lslow"], &[]),
    function("breakout", 1, &[], &["lookback"]),
    function("carry", 1, &[], &["smooth_days"]),
    function("relative_carry", 2, &[], &[]),
    function("relative_momentum", 2, &[], &["horizon"]),
    function("cross_sectional_mean_reversion", 2, &[], &["horizon"]),
    function("accel", 2, &[], &["Lfast"]),
    function("mr_wings", 2, &[], &["Lfast"]),
    function("factor_trading_rule", 1, &[], &["smooth"]),
    function("conditioned_factor_trading_rule", 2, &[], &["smooth"]),
];

/// Other names of functions and inputs, of earlier versions of the reference.
const FORMER: [(&str, &str); 2] = [("carry2", "carry"), ("instrument_price", "daily_prices")];

/// Arguments that an input takes, behind its underscores.
const INPUT_ARGUMENTS: [&str; 3] = ["factor_name", "demean_method", "lookback_days"];

/// A rule here, or why it is none.
///
/// # Errors
///
/// What it says that is not done, and its line.
pub fn translate(node: &Node) -> Result<Table, (usize, String)> {
    let nothing = Node { line: node.line, value: Value::Null };
    let (function, data, arguments, scalar) = match &node.value {
        Value::Text(_) => (node, &nothing, &nothing, &nothing),
        Value::List(parts) if (1..=3).contains(&parts.len()) => {
            let part = |place: usize| parts.get(place).unwrap_or(&nothing);
            (part(0), part(1), part(2), &nothing)
        }
        Value::Map(entries) => {
            for entry in entries {
                if !["function", "data", "other_args", "args", "forecast_scalar"]
                    .contains(&entry.key.as_str())
                {
                    return Err((entry.line, format!("{} is no part of a rule", entry.key)));
                }
            }
            let part = |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node);
            let arguments = part("other_args").or_else(|| part("args")).unwrap_or(&nothing);
            let part = |key| part(key).unwrap_or(&nothing);
            (part("function"), part("data"), arguments, part("forecast_scalar"))
        }
        _ => {
            return Err((
                node.line,
                format!("a rule is a function, a list or a mapping, not {}", node.kind()),
            ));
        }
    };
    let known = known_function(function)?;
    let inputs = if is_carry_in_full(known, data) { vec!["raw_carry".to_owned()] } else { inputs(data)? };
    if inputs.len() != known.inputs {
        let (name, wanted, got) = (known.name, known.inputs, inputs.len());
        return Err((data.line, format!("{name} takes {wanted} inputs here, these are {got}")));
    }
    let mut rule = Table::new();
    rule.insert("function".to_owned(), Toml::String(known.name.to_owned()));
    rule.insert("data".to_owned(), Toml::Array(inputs.into_iter().map(Toml::String).collect()));
    let arguments = argument_table(arguments, known)?;
    if !arguments.is_empty() {
        rule.insert("other_args".to_owned(), Toml::Table(arguments));
    }
    if !scalar.is_null() {
        let number = scalar.number().filter(|number| number.is_finite());
        let fault = || (scalar.line, format!("forecast_scalar is a number, not {}", scalar.kind()));
        rule.insert("forecast_scalar".to_owned(), Toml::Float(number.ok_or_else(fault)?));
    }
    Ok(rule)
}

/// The last part of a dotted name, by its present name.
fn last_part(name: &str) -> &str {
    let last = name.rsplit('.').next().unwrap_or(name);
    let last = last.strip_prefix("get_").unwrap_or(last);
    FORMER.iter().find(|(former, _)| *former == last).map_or(last, |(_, now)| now)
}

fn known_function(node: &Node) -> Result<&'static Function, (usize, String)> {
    let Some(name) = node.text() else {
        return Err((node.line, format!("function is a name, not {}", node.kind())));
    };
    let last = last_part(name);
    FUNCTIONS.iter().find(|known| known.name == last).ok_or_else(|| {
        let known: Vec<&str> = FUNCTIONS.iter().map(|known| known.name).collect();
        let fault = format!("there is no function {name}; there are: {}", known.join(" "));
        (node.line, format!("{fault}. It can be written as an expression"))
    })
}

/// Whether it is the carry rule of earlier versions, which divided the slope of the contracts by the annual deviation itself: the
/// raw carry of today, before the same smoothing.
fn is_carry_in_full(function: &Function, data: &Node) -> bool {
    let Value::List(nodes) = &data.value else { return false };
    let names: Vec<Option<&str>> = nodes.iter().map(|node| node.text().map(last_part)).collect();
    let slope = ["daily_annualised_roll", "daily_ann_roll"].map(Some);
    function.name == "carry"
        && names.len() == 2
        && slope.contains(&names[0])
        && names[1] == Some("daily_returns_volatility")
}

fn inputs(node: &Node) -> Result<Vec<String>, (usize, String)> {
    let one = |node: &Node| {
        let Some(name) = node.text() else {
            return Err((node.line, format!("an input is a name, not {}", node.kind())));
        };
        let last = last_part(name);
        if INPUTS.contains(&last) {
            return Ok(last.to_owned());
        }
        Err((node.line, format!("there is no input {name}; there are: {}", INPUTS.join(" "))))
    };
    match &node.value {
        // Without data the reference hands over the price.
        Value::Null => Ok(vec!["daily_prices".to_owned()]),
        Value::List(nodes) if nodes.is_empty() => Ok(vec!["daily_prices".to_owned()]),
        Value::List(nodes) => nodes.iter().map(one).collect(),
        _ => one(node).map(|name| vec![name]),
    }
}

fn argument_table(node: &Node, function: &Function) -> Result<Table, (usize, String)> {
    let mut table = Table::new();
    let entries = match &node.value {
        Value::Null => &[],
        Value::Map(entries) => entries.as_slice(),
        _ => return Err((node.line, format!("other_args is a mapping, not {}", node.kind()))),
    };
    for entry in entries {
        let own = entry.key.trim_start_matches('_');
        let is_known = if own.len() < entry.key.len() {
            INPUT_ARGUMENTS.contains(&own)
        } else {
            function.needed.contains(&own) || function.optional.contains(&own)
        };
        if !is_known {
            return Err((entry.line, format!("{} takes no argument {} here", function.name, entry.key)));
        }
        let value = match &entry.node.value {
            Value::Int(number) => Toml::Integer(*number),
            Value::Float(number) => Toml::Float(*number),
            Value::Text(text) => Toml::String(text.clone()),
            _ => {
                let fault = format!("{} is a number or a name, not {}", entry.key, entry.node.kind());
                return Err((entry.line, fault));
            }
        };
        table.insert(entry.key.clone(), value);
    }
    match function.needed.iter().find(|needed| !table.contains_key(**needed)) {
        Some(needed) => Err((node.line, format!("{} needs an argument {needed}", function.name))),
        None => Ok(table),
    }
}

#[cfg(test)]
mod tests {
    use tickrace_systematic::rules::{RuleError, Rules};

    use super::super::yaml::parse;
    use super::*;

    fn rule(text: &str) -> Result<Table, (usize, String)> {
        let document = parse(&format!("rule: {text}")).unwrap();
        translate(&document.root.entries().unwrap()[0].node)
    }

    #[test]
    fn the_functions_here_are_those_that_the_rules_have() {
        let RuleError::Function { there, .. } = Rules::default().get("none").err().unwrap() else { panic!() };
        let mut own: Vec<&str> = FUNCTIONS.iter().map(|known| known.name).collect();
        own.sort_unstable();
        assert_eq!(there, own.join(" "));
    }

    #[test]
    fn the_three_spellings_are_one_rule() {
        let wanted: Table = "function = \"breakout\"\ndata = [\"daily_prices\"]\n".parse().unwrap();
        for text in [
            "systems.provided.rules.breakout.breakout",
            "[systems.provided.rules.breakout.breakout]",
            "[breakout, data.daily_prices]",
            "[breakout, [rawdata.get_daily_prices], {}]",
            "{function: breakout}",
            "{function: 'a.breakout', data: [], other_args: }",
            "{function: breakout, data: rawdata.get_daily_prices, args: {}}",
        ] {
            assert_eq!(rule(text).as_ref(), Ok(&wanted), "{text}");
        }
        let wanted: Table = "function = \"ewmac\"\ndata = [\"daily_prices\", \"daily_returns_volatility\"]\n\
            forecast_scalar = 30.0\nother_args = { Lfast = 2, Lslow = 8 }\n"
            .parse()
            .unwrap();
        let text = "\n  function: a.ewmac\n  data: [rawdata.get_daily_prices, rawdata.daily_returns_volatility]\n  \
            other_args:\n    Lfast: 2\n    Lslow: 8\n  forecast_scalar: 30\n";
        assert_eq!(rule(text), Ok(wanted));
    }

    #[test]
    fn carry_as_it_was_written_once_is_carry() {
        let wanted: Table =
            "function = \"carry\"\ndata = [\"raw_carry\"]\nother_args = { smooth_days = 90 }\n"
                .parse()
                .unwrap();
        for text in [
            "{function: a.carry, data: [rawdata.daily_annualised_roll, rawdata.daily_returns_volatility], other_args: {smooth_days: 90}}",
            "{function: a.carry2, data: rawdata.raw_carry, other_args: {smooth_days: 90}}",
        ] {
            assert_eq!(rule(text).as_ref(), Ok(&wanted), "{text}");
        }
    }

    #[test]
    fn a_rule_with_a_part_that_is_not_done_is_left_out_and_says_which() {
        for (text, word) in [
            ("a.mr_rule", "no function a.mr_rule"),
            ("12", "not a number"),
            ("[]", "a rule is"),
            ("{data: x}", "function is a name"),
            ("{function: carry, data: [rawdata.daily_slope]}", "no input rawdata.daily_slope"),
            (
                "{function: carry, data: [rawdata.raw_carry, rawdata.daily_returns_volatility]}",
                "takes 1 inputs",
            ),
            ("[breakout, data.daily_prices, {lookback: 10, smooth: 3}]", "no argument smooth"),
            ("[breakout, data.daily_prices, {_shift: 3}]", "no argument _shift"),
            ("[breakout, data.daily_prices, {lookback: [1]}]", "not a list"),
            ("[ewmac_calc_vol, data.daily_prices, {Lfast: 3}]", "needs an argument Lslow"),
            ("{function: breakout, forecast_scalar: big}", "forecast_scalar is a number"),
            ("{function: breakout, weight: 1}", "weight is no part"),
        ] {
            let (line, fault) = rule(text).expect_err(text);
            assert!(line == 1 && fault.contains(word), "{text}: {fault}");
        }
    }
}
