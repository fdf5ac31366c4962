//! Which table of the archive a file holds and where its columns stand: by the header where there is one, else by what
//! the fields of a row look like. Headers came to the futures' tables later than the tables themselves, and spot
//! tables have none.
//!
//! Source: github.com/binance/binance-public-data, README: columns of each table; the headers are those of the files.

use crate::binance::levels::Decimal;
use crate::number;
use crate::table::{Fields, Row};

/// A table of the archive, with the places of what is used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Single trades, or aggregated ones.
    Trades { is_aggregated: bool, is_spot: bool, time: usize, maker: usize },
    /// Best bid and ask.
    BookTicker,
    /// Bars.
    Klines,
    /// Changes and snapshots of the futures' depth (`T_DEPTH`, `S_DEPTH`); older files have no `pu`.
    Depth { has_previous: bool },
    /// Funding that was paid.
    Funding,
}

const TRADES: &[&str] = &["id", "price", "qty", "quote_qty", "time", "is_buyer_maker"];
const COIN_TRADES: &[&str] = &["id", "price", "qty", "base_qty", "time", "is_buyer_maker"];
const AGG_TRADES: &[&str] = &[
    "agg_trade_id",
    "price",
    "quantity",
    "first_trade_id",
    "last_trade_id",
    "transact_time",
    "is_buyer_maker",
];
const BOOK_TICKER: &[&str] = &[
    "update_id",
    "best_bid_price",
    "best_bid_qty",
    "best_ask_price",
    "best_ask_qty",
    "transaction_time",
    "event_time",
];
const KLINES: &[&str] = &["open_time", "open", "high", "low", "close", "volume", "close_time"];
const DEPTH: &[&str] =
    &["symbol", "timestamp", "first_update_id", "last_update_id", "side", "update_type", "price", "qty"];
const FUNDING: &[&str] = &["calc_time", "funding_interval_hours", "last_funding_rate"];
/// Tables that hold no ticks: the first two columns, and why they are not read.
const REFUSED: [([&str; 2], &str); 3] = [
    (
        ["timestamp", "percentage"],
        "bookDepth sums the depth within percentages of the price; it states no levels, so no book can be made of it",
    ),
    (["create_time", "symbol"], "metrics (open interest and ratios every five minutes) hold no ticks"),
    (["time", "side"], "a liquidationSnapshot holds orders, not ticks"),
];

impl Layout {
    /// Reads the first line; whether it is a header is told beside.
    ///
    /// # Errors
    ///
    /// Why this is no table that can be read.
    pub fn read(first: &[u8]) -> Result<(Self, bool), String> {
        let mut fields = Fields::default();
        let row = fields.split(first);
        for (columns, fault) in REFUSED {
            if begins(&row, &columns) {
                return Err(fault.to_owned());
            }
        }
        if let Some(layout) = Self::of_header(&row) {
            return Ok((layout, true));
        }
        Self::of_row(&row)
            .map(|layout| (layout, false))
            .ok_or("neither a header nor a row of a table of the archive".to_owned())
    }

    fn of_header(row: &Row<'_>) -> Option<Self> {
        if begins(row, TRADES) || begins(row, COIN_TRADES) {
            let is_spot = row.count() > TRADES.len();
            return Some(Self::Trades { is_aggregated: false, is_spot, time: 4, maker: 5 });
        }
        if begins(row, AGG_TRADES) {
            let is_spot = row.count() > AGG_TRADES.len();
            return Some(Self::Trades { is_aggregated: true, is_spot, time: 5, maker: 6 });
        }
        if begins(row, DEPTH) {
            return Some(Self::Depth { has_previous: row.find("pu") == Some(DEPTH.len()) });
        }
        let tables = [(BOOK_TICKER, Self::BookTicker), (KLINES, Self::Klines), (FUNDING, Self::Funding)];
        tables.iter().find(|(columns, _)| begins(row, columns)).map(|(_, layout)| *layout)
    }

    /// A row without a header before it. Times of thirteen or sixteen digits and the words true and false tell enough.
    fn of_row(row: &Row<'_>) -> Option<Self> {
        let shape: String = (0..row.count().min(13)).map(|place| letter(row.get(place))).collect();
        Some(match shape.as_str() {
            "innntb" => Self::Trades { is_aggregated: false, is_spot: false, time: 4, maker: 5 },
            "innntbb" => Self::Trades { is_aggregated: false, is_spot: true, time: 4, maker: 5 },
            "inniitb" => Self::Trades { is_aggregated: true, is_spot: false, time: 5, maker: 6 },
            "inniitbb" => Self::Trades { is_aggregated: true, is_spot: true, time: 5, maker: 6 },
            "innnntt" => Self::BookTicker,
            "tnnnnntninnn" => Self::Klines,
            _ => return Self::of_loose_row(row, &shape),
        })
    }

    /// Whole numbers are numbers too: a row of contracts may have no decimal anywhere.
    fn of_loose_row(row: &Row<'_>, shape: &str) -> Option<Self> {
        let fits = |pattern: &str| {
            pattern.len() == shape.len()
                && pattern.bytes().zip(shape.bytes()).all(|(wanted, got)| {
                    wanted == got
                        || (wanted == b'n' && matches!(got, b'i' | b't'))
                        || (wanted == b'i' && got == b't')
                })
        };
        let trades = |is_aggregated: bool| {
            let is_spot = row.count() == if is_aggregated { 8 } else { 7 };
            let (time, maker) = if is_aggregated { (5, 6) } else { (4, 5) };
            Self::Trades { is_aggregated, is_spot, time, maker }
        };
        if fits("innntb") || fits("innntbb") {
            return Some(trades(false));
        }
        if fits("inniitb") || fits("inniitbb") {
            return Some(trades(true));
        }
        fits("tnnnnntninnn").then_some(Self::Klines)
    }

    /// The table's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trades { is_aggregated: false, .. } => "trades",
            Self::Trades { .. } => "aggTrades",
            Self::BookTicker => "bookTicker",
            Self::Klines => "klines",
            Self::Depth { .. } => "depth",
            Self::Funding => "fundingRate",
        }
    }
}

fn begins(row: &Row<'_>, columns: &[&str]) -> bool {
    row.count() >= columns.len()
        && columns.iter().enumerate().all(|(place, name)| row.get(place) == name.as_bytes())
}

/// `b` a truth, `t` a time of milliseconds or microseconds from 2001 on, `i` a whole number, `n` another number.
fn letter(text: &[u8]) -> char {
    if truth(text).is_some() {
        return 'b';
    }
    match (number::integer(text), Decimal::read(text)) {
        (Some(_), _) if matches!(text.len(), 13 | 16) && text.starts_with(b"1") => 't',
        (Some(_), _) => 'i',
        (None, Some(_)) => 'n',
        (None, None) => 'x',
    }
}

/// A truth as either kind of table writes it.
pub(super) fn truth(text: &[u8]) -> Option<bool> {
    match text {
        b"true" | b"True" => Some(true),
        b"false" | b"False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_told_with_and_without_a_header() {
        let layout = |line: &str| Layout::read(line.as_bytes());
        let trades = |is_spot| Layout::Trades { is_aggregated: false, is_spot, time: 4, maker: 5 };
        let aggregated = |is_spot| Layout::Trades { is_aggregated: true, is_spot, time: 5, maker: 6 };
        for (line, wanted, is_header) in [
            ("51175358,17.80180000,5.69000000,101.29224200,1583709433583,True,True", trades(true), false),
            ("28457,9635.0,1,0.01037883,1591250192508,true", trades(false), false),
            ("28457,9635,1,2,1591250192508,true", trades(false), false),
            ("id,price,qty,quote_qty,time,is_buyer_maker", trades(false), true),
            ("id,price,qty,base_qty,time,is_buyer_maker", trades(false), true),
            ("0,0.20000000,50.00000000,0,0,1608872400000000,False,True", aggregated(true), false),
            ("26129,0.01633102,4.70443515,27781,27781,1498793709153,true", aggregated(false), false),
            (
                "1591258320000,9640.7,9642.4,9640.6,9642.0,206,1591258379999,2.13660389,48,119,1.23424865,0",
                Layout::Klines,
                false,
            ),
            (
                "1601510340000,4.15070000,4.15870000,4.15060000,4.15540000,539.23000000,1601510399999,2240.39860900,13,401.82000000,1669.98121300,0",
                Layout::Klines,
                false,
            ),
            (
                "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu",
                Layout::Depth { has_previous: true },
                true,
            ),
            ("calc_time,funding_interval_hours,last_funding_rate", Layout::Funding, true),
        ] {
            assert_eq!(layout(line), Ok((wanted, is_header)), "{line}");
        }
        assert!(layout("timestamp,percentage,depth,notional").expect_err("refused").contains("no book"));
        for other in ["", "a,b", "1,2,3", "34200.1,1,2,3,4,1", "{\"e\":1}", "date,open,high,low,close,volume"]
        {
            assert!(layout(other).is_err(), "{other}");
        }
    }
}
