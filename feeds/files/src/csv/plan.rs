//! A mapping made ready for one file: places instead of names, and nothing in it that cannot be.

use super::mapping::{BarEnd, Column, EmptySide, Mapping, RowKind, SideName};
use super::time::Clock;
use crate::Date;
use crate::number::NANO_DECIMALS;
use crate::shape::NO_SIDE;

/// Fields of a row that are kept; a mapping reaches no further.
const COLUMNS_MAX: usize = 1024;

/// What is wrong with a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingFault {
    /// The key.
    pub key: &'static str,
    /// What is wrong with it.
    pub fault: String,
}

/// Places of the columns, from 0, and how their texts are read.
pub(super) struct Plan {
    pub(super) delimiter: u8,
    /// Fields of a row that are looked at.
    pub(super) fields: usize,
    pub(super) kind: Kinds,
    pub(super) ts: (usize, Clock),
    pub(super) ts_recv: Option<(usize, Clock)>,
    pub(super) event: Option<usize>,
    pub(super) symbol: Option<usize>,
    pub(super) side: Option<(usize, Values<u8>)>,
    pub(super) price: Option<usize>,
    pub(super) qty: Option<usize>,
    pub(super) order_ref: Option<usize>,
    pub(super) other_ref: Option<usize>,
    /// Bid price and quantity, ask price and quantity.
    pub(super) quote: [Option<usize>; 4],
    pub(super) is_empty_side_unchanged: bool,
    /// Open, high, low, close.
    pub(super) bar: [Option<usize>; 4],
    pub(super) volume: Option<usize>,
    pub(super) bar_ns: i64,
    pub(super) is_bar_start: bool,
    /// Decimals that make a nano-unit of what the file has.
    pub(super) price_decimals: u32,
    pub(super) qty_decimals: u32,
}

/// What the texts of a column stand for: few, so that they are looked through.
type Values<T> = Vec<(Vec<u8>, T)>;

/// How the kind of a row is told.
pub(super) enum Kinds {
    Constant(RowKind),
    ByText(usize, Values<RowKind>),
}

impl Plan {
    /// Resolves a mapping; `header` are the texts of the first line where it names the columns.
    pub(super) fn new(
        mapping: &Mapping,
        header: Option<&[Vec<u8>]>,
        date: Option<Date>,
    ) -> Result<Self, MappingFault> {
        let mut places = Places { header, last: 0 };
        let delimiter = u8::try_from(mapping.delimiter)
            .ok()
            .filter(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\n\r\"-.".contains(byte))
            .ok_or_else(|| fault("delimiter", "must be one ASCII character that no number has"))?;
        let kind = kinds(mapping, &mut places)?;
        let clock = |rule, key| Clock::new(rule, date).map_err(|text| fault(key, text));
        let ts = (places.of("ts", &mapping.ts.column)?, clock(&mapping.ts, "ts")?);
        let ts_recv = match &mapping.ts_recv {
            Some(rule) => Some((places.of("ts_recv", &rule.column)?, clock(rule, "ts_recv")?)),
            None => None,
        };
        let side = match &mapping.side {
            Some(rule) => {
                let code = |name: &SideName| match name {
                    SideName::Bid => 0,
                    SideName::Ask => 1,
                    SideName::None => NO_SIDE,
                };
                let values = rule.values.iter().map(|(text, name)| (text.clone().into_bytes(), code(name)));
                Some((places.of("side", &rule.column)?, values.collect()))
            }
            None => None,
        };
        let mut maybe =
            |key, column: &Option<Column>| column.as_ref().map(|column| places.of(key, column)).transpose();
        let plan = Self {
            delimiter,
            fields: 0,
            kind,
            ts,
            ts_recv,
            event: maybe("event", &mapping.event)?,
            symbol: maybe("symbol", &mapping.symbol)?,
            side,
            price: maybe("price", &mapping.price)?,
            qty: maybe("qty", &mapping.qty)?,
            order_ref: maybe("order_ref", &mapping.order_ref)?,
            other_ref: maybe("other_ref", &mapping.other_ref)?,
            quote: [
                maybe("bid_px", &mapping.bid_px)?,
                maybe("bid_qty", &mapping.bid_qty)?,
                maybe("ask_px", &mapping.ask_px)?,
                maybe("ask_qty", &mapping.ask_qty)?,
            ],
            is_empty_side_unchanged: mapping.empty_side == EmptySide::Unchanged,
            bar: [
                maybe("open", &mapping.open)?,
                maybe("high", &mapping.high)?,
                maybe("low", &mapping.low)?,
                maybe("close", &mapping.close)?,
            ],
            volume: maybe("volume", &mapping.volume)?,
            bar_ns: mapping.bar.as_ref().map_or(0, |bar| i64::from(bar.seconds) * 1_000_000_000),
            is_bar_start: mapping.bar.as_ref().is_some_and(|bar| bar.ts == BarEnd::Start),
            price_decimals: decimals("price_divisor", mapping.price_divisor)?,
            qty_decimals: decimals("qty_divisor", mapping.qty_divisor)?,
        };
        let plan = Self { fields: places.last + 1, ..plan };
        plan.check()?;
        Ok(plan)
    }

    /// Every kind that can occur has its columns.
    fn check(&self) -> Result<(), MappingFault> {
        let kinds: Vec<RowKind> = match &self.kind {
            Kinds::Constant(kind) => vec![*kind],
            Kinds::ByText(_, values) => values.iter().map(|(_, kind)| *kind).collect(),
        };
        let side = self.side.as_ref().map(|(place, _)| *place);
        let order = ("order_ref", self.order_ref);
        let (price, qty) = (("price", self.price), ("qty", self.qty));
        for kind in kinds {
            let needed: Vec<(&'static str, Option<usize>)> = match kind {
                RowKind::Add => vec![order, ("side", side), price, qty],
                RowKind::Execute | RowKind::Cancel => vec![order, qty],
                RowKind::Delete => vec![order],
                RowKind::Replace => vec![order, price, qty],
                RowKind::Trade | RowKind::Print => vec![price, qty],
                RowKind::Level | RowKind::SnapshotLevel => vec![("side", side), price, qty],
                RowKind::Quote => {
                    ["bid_px", "bid_qty", "ask_px", "ask_qty"].into_iter().zip(self.quote).collect()
                }
                RowKind::Bar => ["open", "high", "low", "close"].into_iter().zip(self.bar).collect(),
                RowKind::Clear | RowKind::Skip => vec![],
            };
            if let Some((key, _)) = needed.iter().find(|(_, place)| place.is_none()) {
                return Err(fault(key, format!("rows of kind {} need it", kind.name())));
            }
            if kind == RowKind::Bar && self.bar_ns == 0 {
                return Err(fault("bar", "rows of kind bar need it, with seconds above zero"));
            }
        }
        Ok(())
    }
}

/// Finds columns and remembers the last.
struct Places<'a> {
    header: Option<&'a [Vec<u8>]>,
    last: usize,
}

impl Places<'_> {
    fn of(&mut self, key: &'static str, column: &Column) -> Result<usize, MappingFault> {
        let place = match (column, self.header) {
            (Column::Index(place), _) => *place,
            (Column::Name(name), None) => {
                return Err(fault(key, format!("\"{name}\" is a name, but the file has no header")));
            }
            (Column::Name(name), Some(header)) => {
                let found = header.iter().position(|text| text == name.as_bytes());
                found.ok_or_else(|| fault(key, format!("the header has no column \"{name}\"")))?
            }
        };
        if place >= COLUMNS_MAX {
            return Err(fault(key, format!("column {place} is beyond {COLUMNS_MAX}")));
        }
        self.last = self.last.max(place);
        Ok(place)
    }
}

fn kinds(mapping: &Mapping, places: &mut Places<'_>) -> Result<Kinds, MappingFault> {
    let rule = &mapping.kind;
    match (rule.constant, &rule.column) {
        (Some(kind), None) if rule.values.is_empty() => Ok(Kinds::Constant(kind)),
        (None, Some(column)) if !rule.values.is_empty() => {
            let values = rule.values.iter().map(|(text, kind)| (text.clone().into_bytes(), *kind)).collect();
            Ok(Kinds::ByText(places.of("kind", column)?, values))
        }
        _ => Err(fault("kind", "needs either constant, or column and values")),
    }
}

/// Decimals of a nano-unit that are left when the file's own scale is taken off.
fn decimals(key: &'static str, divisor: u64) -> Result<u32, MappingFault> {
    let power = divisor.checked_ilog10().filter(|power| 10u64.pow(*power) == divisor);
    power
        .and_then(|power| NANO_DECIMALS.checked_sub(power))
        .ok_or_else(|| fault(key, "must be a power of ten, 1 to 1000000000"))
}

fn fault(key: &'static str, fault: impl Into<String>) -> MappingFault {
    MappingFault { key, fault: fault.into() }
}
