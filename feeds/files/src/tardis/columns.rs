//! Which data type a Tardis file holds and where its columns stand, by the header.
//!
//! Source: Tardis, "Downloadable CSV files", data types.

use crate::table::Row;

/// A level of a snapshot: the columns of its price and amount.
pub(super) type LevelAt = (usize, usize);

/// The columns of a data type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    /// `incremental_book_L2`.
    Changes { is_snapshot: usize, side: usize, price: usize, amount: usize },
    /// `book_snapshot_5`, `_25` and any other depth: bids, asks.
    Snapshots { sides: [Vec<LevelAt>; 2] },
    /// `trades`; `liquidations` have the same columns.
    Trades { id: usize, side: usize, price: usize, amount: usize, is_liquidations: bool },
    /// `quotes` and `book_ticker`: price and amount of bid and ask.
    Quotes { bid: LevelAt, ask: LevelAt },
    /// `derivative_ticker`; a column a venue does not have is absent.
    Ticker {
        funding_time: Option<usize>,
        funding_rate: usize,
        predicted_rate: Option<usize>,
        open_interest: Option<usize>,
        index: Option<usize>,
        mark: Option<usize>,
    },
}

/// Where all data types have their first columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub exchange: usize,
    pub symbol: usize,
    pub timestamp: usize,
    pub local_timestamp: usize,
    pub columns: Columns,
}

impl Layout {
    /// Reads a header; `name` is the file's.
    ///
    /// # Errors
    ///
    /// What is missing, or why the data type cannot be used.
    pub fn read(header: &Row<'_>, name: &str) -> Result<Self, String> {
        let need = |column: &str| header.find(column).ok_or(format!("the header has no column {column}"));
        Ok(Self {
            exchange: need("exchange")?,
            symbol: need("symbol")?,
            timestamp: need("timestamp")?,
            local_timestamp: need("local_timestamp")?,
            columns: Columns::read(header, name)?,
        })
    }
}

impl Columns {
    fn read(header: &Row<'_>, name: &str) -> Result<Self, String> {
        let find = |column: &str| header.find(column);
        let pair = |price: &str, amount: &str| Some((find(price)?, find(amount)?));
        if find("strike_price").is_some() {
            return Err(
                "an options_chain states greeks and quotes of many options a row and is not read".to_owned()
            );
        }
        if let (Some(is_snapshot), Some(side), Some((price, amount))) =
            (find("is_snapshot"), find("side"), pair("price", "amount"))
        {
            return Ok(Self::Changes { is_snapshot, side, price, amount });
        }
        let levels = |side: &str| {
            let level =
                |place: usize| pair(&format!("{side}[{place}].price"), &format!("{side}[{place}].amount"));
            (0..).map_while(level).collect::<Vec<_>>()
        };
        let sides = [levels("bids"), levels("asks")];
        if sides.iter().any(|levels| !levels.is_empty()) {
            return Ok(Self::Snapshots { sides });
        }
        if let (Some(id), Some(side), Some((price, amount))) =
            (find("id"), find("side"), pair("price", "amount"))
        {
            let is_liquidations = name.contains("liquidations");
            return Ok(Self::Trades { id, side, price, amount, is_liquidations });
        }
        if let (Some(bid), Some(ask)) = (pair("bid_price", "bid_amount"), pair("ask_price", "ask_amount")) {
            return Ok(Self::Quotes { bid, ask });
        }
        if let Some(funding_rate) = find("funding_rate") {
            return Ok(Self::Ticker {
                funding_time: find("funding_timestamp"),
                funding_rate,
                predicted_rate: find("predicted_funding_rate"),
                open_interest: find("open_interest"),
                index: find("index_price"),
                mark: find("mark_price"),
            });
        }
        Err("the columns are of no data type that is known".to_owned())
    }

    /// The data type's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Changes { .. } => "incremental_book_L2",
            Self::Snapshots { .. } => "book_snapshot",
            Self::Trades { is_liquidations: true, .. } => "liquidations",
            Self::Trades { .. } => "trades",
            Self::Quotes { .. } => "quotes",
            Self::Ticker { .. } => "derivative_ticker",
        }
    }
}
