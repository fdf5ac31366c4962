//! What the columns of a plain CSV file mean, as the configuration states it (`[data.csv]`).
//!
//! ```toml
//! [data.csv]
//! has_header = true
//! kind = { column = "update_type", values = { snap = "snapshot-level", set = "level" } }
//! ts = { column = "timestamp", unit = "ms" }
//! event = "last_update_id"
//! symbol = "symbol"
//! side = { column = "side", values = { b = "bid", a = "ask" } }
//! price = "price"
//! qty = "qty"
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

/// A column: its name in the header, or its place from 0.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Place, the first is 0.
    Index(usize),
    /// Name in the header, exactly.
    Name(String),
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// Order added: `order_ref side price qty`.
    Add,
    /// Order executed: `order_ref qty`, `price` and `other_ref` where mapped.
    Execute,
    /// Order reduced by `qty`: `order_ref qty`.
    Cancel,
    /// Order removed: `order_ref`.
    Delete,
    /// Order replaced: `order_ref price qty`, by `other_ref` where mapped, else under its own number.
    Replace,
    /// Trade against hidden liquidity of an order-by-order book: `price qty`.
    Trade,
    /// Trade on a feed of levels or quotes: `price qty`, `side` of the aggressor where mapped.
    Print,
    /// Level as it now is: `side price qty`.
    Level,
    /// Level of a snapshot; the first of neighbouring ones of one time empties the book.
    SnapshotLevel,
    /// Best bid and ask: `bid_px bid_qty ask_px ask_qty`.
    Quote,
    /// Bar: `open high low close`, `volume` where mapped, and `bar`.
    Bar,
    /// The book is empty.
    Clear,
    /// Nothing of interest: passed over without a count of faults.
    Skip,
}

impl RowKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Add,
        Self::Execute,
        Self::Cancel,
        Self::Delete,
        Self::Replace,
        Self::Trade,
        Self::Print,
        Self::Level,
        Self::SnapshotLevel,
        Self::Quote,
        Self::Bar,
        Self::Clear,
        Self::Skip,
    ];

    /// As the configuration writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Execute => "execute",
            Self::Cancel => "cancel",
            Self::Delete => "delete",
            Self::Replace => "replace",
            Self::Trade => "trade",
            Self::Print => "print",
            Self::Level => "level",
            Self::SnapshotLevel => "snapshot-level",
            Self::Quote => "quote",
            Self::Bar => "bar",
            Self::Clear => "clear",
            Self::Skip => "skip",
        }
    }
}

/// Side of an order or level, or of the aggressor of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SideName {
    /// Bid; the aggressor bought.
    #[serde(alias = "buy")]
    Bid,
    /// Ask; the aggressor sold.
    #[serde(alias = "sell")]
    Ask,
    /// Not told.
    None,
}

/// How the kind of a row is told: one for the whole file, or by the text of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindRule {
    /// Every row is of this kind.
    pub constant: Option<RowKind>,
    /// The column that tells.
    pub column: Option<Column>,
    /// Kind by the column's text, exactly.
    #[serde(default)]
    pub values: BTreeMap<String, RowKind>,
}

/// How a side is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SideRule {
    /// The column that tells.
    pub column: Column,
    /// Side by the column's text, exactly.
    pub values: BTreeMap<String, SideName>,
}

/// Unit of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeUnit {
    /// Seconds, decimals allowed.
    S,
    /// Milliseconds, decimals allowed.
    Ms,
    /// Microseconds, decimals allowed.
    Us,
    /// Nanoseconds.
    Ns,
    /// `2024-08-08T23:54:00.123456Z`: date and time, `T` or a space between them, UTC unless an offset says otherwise.
    Iso8601,
}

/// Where a count of time begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// 1970-01-01 00:00 UTC.
    #[default]
    Epoch,
    /// Midnight in UTC of the session's date.
    MidnightUtc,
    /// Midnight in New York of the session's date.
    MidnightNewYork,
}

/// How a time is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeRule {
    /// The column.
    pub column: Column,
    /// Its unit.
    pub unit: TimeUnit,
    /// Where it counts from; of no interest to `iso8601`.
    #[serde(default)]
    pub from: Origin,
}

/// Which end of a bar its time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BarEnd {
    /// Its beginning.
    Start,
    /// Its end.
    End,
}

/// Bars of one length.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarRule {
    /// Length of a bar.
    pub seconds: u32,
    /// Which end `ts` is.
    pub ts: BarEnd,
}

/// What a side of a quote without quantity means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmptySide {
    /// There is none.
    #[default]
    Absent,
    /// It is as it was: each row tells one side.
    Unchanged,
}

/// What the columns of a file mean.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Between the fields; one ASCII character.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// Whether the first line names the columns.
    #[serde(default)]
    pub has_header: bool,
    /// What a row is.
    pub kind: KindRule,
    /// The venue's time.
    pub ts: TimeRule,
    /// Time of receiving; absent: the venue's once more.
    pub ts_recv: Option<TimeRule>,
    /// Neighbouring rows of one text here are one event; absent: each row is one.
    pub event: Option<Column>,
    /// Symbol; absent: the file is of one.
    pub symbol: Option<Column>,
    /// Side.
    pub side: Option<SideRule>,
    /// Price.
    pub price: Option<Column>,
    /// Quantity.
    pub qty: Option<Column>,
    /// Order number.
    pub order_ref: Option<Column>,
    /// Number of the match, or of the order that replaces.
    pub other_ref: Option<Column>,
    /// Best bid.
    pub bid_px: Option<Column>,
    /// Quantity at the best bid.
    pub bid_qty: Option<Column>,
    /// Best ask.
    pub ask_px: Option<Column>,
    /// Quantity at the best ask.
    pub ask_qty: Option<Column>,
    /// What a side without quantity means.
    #[serde(default)]
    pub empty_side: EmptySide,
    /// First price of a bar.
    pub open: Option<Column>,
    /// Highest price of a bar.
    pub high: Option<Column>,
    /// Lowest price of a bar.
    pub low: Option<Column>,
    /// Last price of a bar.
    pub close: Option<Column>,
    /// Quantity traded in a bar.
    pub volume: Option<Column>,
    /// Length of the bars.
    pub bar: Option<BarRule>,
    /// Prices of the file are this many times the price: a power of ten up to 10^9.
    #[serde(default = "one")]
    pub price_divisor: u64,
    /// Quantities of the file are this many times the quantity, likewise.
    #[serde(default = "one")]
    pub qty_divisor: u64,
}

const fn comma() -> char {
    ','
}

const fn one() -> u64 {
    1
}
