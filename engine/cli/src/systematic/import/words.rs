//! Words of the reference's configurations that this program has no key for, and when their absence changes nothing.
//!
//! Source: the defaults of pysystemtrade 1.80 (`sysdata/config/defaults.yaml`); what reads each word there.

use super::yaml::{Node, Value};

/// When a word may be passed over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Silent {
    /// Always: nothing that is worked out depends on it.
    Always(&'static str),
    /// Where it says what is done anyway.
    Is(&'static [Plain]),
    /// Where, of a dotted name, the last part is one of these.
    Named(&'static [&'static str]),
    /// Where it is an empty list or mapping.
    Empty,
}

/// A plain value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain {
    /// True or false.
    Is(bool),
    /// A number.
    Num(f64),
    /// A text.
    Word(&'static str),
}

use Plain::{Is, Num, Word};
use Silent::{Always, Empty, Named};

const PRODUCTION: &str = "of its production side only";
const LABEL: &str = "groups for its reports only";
const UNREAD: &str = "nothing there reads it";
const FUNCTION: &str = "there is one way";

/// Words with the path they stand at; `*` is one part of any name.
const WORDS: &[(&str, Silent)] = &[
    ("strategy_list", Always(PRODUCTION)),
    ("strategy_capital_allocation", Always(PRODUCTION)),
    ("production_capital_method", Always(PRODUCTION)),
    ("intraday_frequency", Always(PRODUCTION)),
    ("max_price_spike", Always(PRODUCTION)),
    ("GMT_offset_hours", Always(PRODUCTION)),
    ("trading_hours", Always(PRODUCTION)),
    ("parquet_store", Always(PRODUCTION)),
    ("quandl_key", Always(PRODUCTION)),
    ("barchart_key", Always(PRODUCTION)),
    ("rule_groups", Always(LABEL)),
    ("style_groups", Always(LABEL)),
    ("countries", Always(LABEL)),
    ("asset_classes", Always(LABEL)),
    (
        "capital_multiplier",
        Always("every way is worked out, beside the fixed one: capital_multiplier.parquet"),
    ),
    ("instruments_with_threshold", Empty),
    ("instrument_returns_correlation.interval_frequency", Silent::Is(&[Word("W")])),
    ("instrument_returns_correlation.frequency", Silent::Is(&[Word("7D"), Word("W")])),
    ("instrument_returns_correlation.date_method", Silent::Is(&[Word("rolling")])),
    ("instrument_returns_correlation.using_exponent", Silent::Is(&[Is(true)])),
    ("instrument_returns_correlation.ew_lookback", Silent::Is(&[Num(75.0)])),
    ("instrument_returns_correlation.min_periods", Silent::Is(&[Num(10.0)])),
    ("instrument_returns_correlation.cleaning", Silent::Is(&[Is(true)])),
    ("instrument_returns_correlation.offdiag", Silent::Is(&[Num(0.0)])),
    ("instrument_returns_correlation.rollyears", Silent::Is(&[Num(5.0)])),
    ("instrument_returns_correlation.floor_at_zero", Silent::Is(&[Is(false)])),
    ("instrument_returns_correlation.forward_fill_price_index", Silent::Is(&[Is(true)])),
    ("instrument_returns_correlation.clip", Silent::Is(&[Num(0.99)])),
    ("volatility_calculation.name_returns_attr_in_rawdata", Silent::Is(&[Word("daily_returns")])),
    ("volatility_calculation.multiplier_to_get_daily_vol", Silent::Is(&[Num(1.0)])),
    ("forecast_scalar_estimate.func", Named(&["forecast_scalar"])),
    ("*_correlation_estimate.frequency", Silent::Is(&[Word("W"), Word("7D")])),
    ("*_correlation_estimate.forward_fill_price_index", Silent::Is(&[Is(true)])),
    ("forecast_correlation_estimate.forward_fill_data", Silent::Is(&[Is(true)])),
    ("*_div_mult_estimate.floor_at_zero", Always("correlations have their own")),
    ("*_weight_estimate.func", Named(&["genericOptimiser", "GenericOptimiser"])),
    ("*_weight_estimate.frequency", Silent::Is(&[Word("W")])),
    ("*_weight_estimate.interval_frequency", Silent::Is(&[Word("12M"), Word("365D")])),
    ("*_weight_estimate.shrinkage_mean", Always(UNREAD)),
    ("*_weight_estimate.monte_runs", Always(UNREAD)),
    ("*_weight_estimate.bootstrap_length", Always(UNREAD)),
    ("*_weight_estimate.*.func", Always(FUNCTION)),
    ("*_weight_estimate.*.using_exponent", Silent::Is(&[Is(true)])),
    ("*_estimate.func", Always(FUNCTION)),
    ("instrument_returns_correlation.func", Always(FUNCTION)),
];

/// Words that begin so, all of the production side.
const PREFIXES: [&str; 9] =
    ["ib_", "mongo_", "echo_", "email_", "broker_", "backtest_", "csv_", "ignore_", "offsystem_"];

/// What the word at a path may say without a consequence; `None` for a word that is not known.
pub fn silent(path: &str) -> Option<Silent> {
    let known = WORDS.iter().find(|(pattern, _)| is_match(pattern, path)).map(|(_, when)| *when);
    known.or_else(|| {
        let is_top = !path.contains('.');
        (is_top && PREFIXES.iter().any(|prefix| path.starts_with(prefix))).then_some(Always(PRODUCTION))
    })
}

/// Whether a path has the parts of a pattern; `*` stands for the beginning of a part, or for all of it.
fn is_match(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut parts) = (pattern.split('.'), path.split('.'));
    loop {
        match (wanted.next(), parts.next()) {
            (None, None) => return true,
            (Some(wanted), Some(part)) => {
                let is_same = wanted.strip_prefix('*').map_or(wanted == part, |end| part.ends_with(end));
                if !is_same {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

impl Silent {
    /// Whether this value has no consequence.
    pub fn covers(self, node: &Node) -> bool {
        match self {
            Self::Always(_) => true,
            Self::Is(values) => values.iter().any(|value| value.is(node)),
            Self::Named(names) => {
                let last = node.text().and_then(|text| text.rsplit('.').next());
                last.is_some_and(|last| names.contains(&last))
            }
            Self::Empty => match &node.value {
                Value::List(nodes) => nodes.is_empty(),
                Value::Map(entries) => entries.is_empty(),
                _ => false,
            },
        }
    }

    /// Why it is passed over, and what it would have to be.
    pub fn why(self) -> String {
        match self {
            Self::Always(why) => why.to_owned(),
            Self::Is(values) => {
                let values: Vec<String> = values.iter().map(|value| value.to_string()).collect();
                format!("only {} is done", values.join(" or "))
            }
            Self::Named(names) => format!("only {} is done", names.join(" or ")),
            Self::Empty => "only an empty one is done".to_owned(),
        }
    }
}

impl Plain {
    fn is(self, node: &Node) -> bool {
        match self {
            Is(is_true) => node.value == Value::Bool(is_true),
            Num(number) => node.number() == Some(number),
            Word(word) => node.text() == Some(word),
        }
    }
}

impl std::fmt::Display for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Is(is_true) => write!(f, "{is_true}"),
            Num(number) => write!(f, "{number}"),
            Word(word) => write!(f, "{word:?}"),
        }
    }
}
