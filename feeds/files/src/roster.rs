//! Instruments of a file of crypto data: which symbol has which id, and what tick and lot its numbers show.

use std::collections::HashMap;

use tickrace_types::instrument::{Settlement, TickBand};
use tickrace_types::{Instrument, InstrumentId};

use crate::format::{Account, Options};
use crate::number::Step;

/// Most symbols of one file; more are no symbols but damage.
const SYMBOLS_MAX: usize = 1 << 16;
/// Decimals a venue pads to, whatever the lot: these tell nothing.
const PADDED_DECIMALS: u32 = 8;
const ONE: i64 = 1_000_000_000;

/// What kind of market a symbol belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Market {
    /// Coins for cash.
    #[default]
    Spot,
    /// Contracts settled in the quote currency, counted in coins.
    Linear,
    /// Contracts settled in the coin, each worth so many units of the quote currency.
    Inverse {
        /// Nano-units of the quote currency.
        contract_nanos: i64,
    },
}

/// What the numbers of a symbol showed so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape {
    tick: Step,
    lot: Step,
    qty_decimals: u32,
    /// Its market.
    pub market: Market,
}

impl Shape {
    /// Takes a price into account, nano-units.
    pub fn show_price(&mut self, nanos: i64) {
        self.tick.show(nanos);
    }

    /// Takes a quantity into account: nano-units and the decimals it was written with.
    pub fn show_qty(&mut self, nanos: i64, decimals: u32) {
        self.lot.show(nanos);
        self.qty_decimals = self.qty_decimals.max(decimals);
    }

    /// One lot, nano-units: the step of the decimals written, where they are not padding, else of the values.
    fn lot_nanos(&self) -> i64 {
        match self.market {
            Market::Inverse { .. } => self.lot.nanos(),
            _ if self.qty_decimals > 0 && self.qty_decimals < PADDED_DECIMALS => {
                10_i64.pow(9 - self.qty_decimals).min(self.lot.nanos())
            }
            _ => self.lot.nanos(),
        }
    }

    /// The instrument these numbers belong to.
    fn instrument(&self, symbol: &str) -> Instrument {
        let lot_nanos = self.lot_nanos();
        let (base, quote) = currencies(symbol);
        let (settlement, multiplier_nanos, settle) = match self.market {
            Market::Spot => (Settlement::Spot, lot_nanos, &quote),
            Market::Linear => (Settlement::Linear, lot_nanos, &quote),
            // A contract that trades in parts has lots worth as much less.
            Market::Inverse { contract_nanos } => {
                (Settlement::Inverse, (contract_nanos / (ONE / lot_nanos)).max(1), &base)
            }
        };
        Instrument {
            symbol: symbol.to_owned(),
            ticks: vec![TickBand { from_px_nanos: 0, tick_nanos: self.tick.nanos() }],
            lot_nanos,
            multiplier_nanos,
            order_qty_min: 1,
            order_qty_max: i64::from(u32::MAX),
            settle_currency: settle.clone(),
            base_currency: base,
            quote_currency: quote,
            settlement,
            expiry_ns: None,
        }
    }
}

/// Base and quote currency as the symbol names them; all of it is the base where no known quote currency ends it.
fn currencies(symbol: &str) -> (String, String) {
    const QUOTES: [&str; 16] = [
        "FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USD", "DAI", "EUR", "GBP", "TRY", "BRL", "JPY", "KRW",
        "BTC", "ETH", "BNB",
    ];
    // Of `BTCUSD_PERP` and `BTC-USD-SWAP` only the pair counts; `BTC-PERPETUAL` is quoted in dollars.
    let upper = symbol.to_ascii_uppercase();
    let pair = upper.split('_').next().unwrap_or_default();
    let pair = pair.strip_suffix("-SWAP").unwrap_or(pair);
    if let Some(base) = pair.strip_suffix("-PERPETUAL") {
        return (base.to_owned(), "USD".to_owned());
    }
    let found = QUOTES.iter().find_map(|quote| {
        let base = pair.strip_suffix(quote)?.trim_end_matches(['-', '/']);
        (!base.is_empty()).then(|| (base.to_owned(), (*quote).to_owned()))
    });
    found.unwrap_or_else(|| (pair.to_owned(), String::new()))
}

/// What is known of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Its id and its lot, nano-units.
    Yes(u32, i64),
    /// Nobody asked for it.
    Filtered,
    /// It was not seen before.
    No,
    /// There is no room for another.
    Full,
}

/// Symbols by name.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    by_symbol: HashMap<Box<[u8]>, Known>,
    /// The one asked for last: most rows repeat it.
    last: Vec<u8>,
    last_known: Option<Known>,
}

impl Roster {
    /// A roster of what the head of the file showed, in that order, or of what the options ask for, in theirs.
    pub fn new(head: &[(String, Shape)], options: &Options, account: &mut Account) -> Self {
        let mut roster = Self::default();
        for symbol in &options.symbols {
            let shape = head.iter().find(|(name, _)| name == symbol).map(|(_, shape)| *shape);
            roster.admit(symbol, &shape.unwrap_or_default(), options, account);
        }
        for (symbol, shape) in head {
            roster.admit(symbol, shape, options, account);
        }
        roster
    }

    /// Looks a symbol up.
    #[inline]
    pub fn find(&mut self, symbol: &[u8]) -> Known {
        if let Some(known) = self.last_known
            && self.last == symbol
        {
            return known;
        }
        let Some(known) = self.by_symbol.get(symbol) else {
            return if self.by_symbol.len() < SYMBOLS_MAX { Known::No } else { Known::Full };
        };
        self.last.clear();
        self.last.extend_from_slice(symbol);
        self.last_known = Some(*known);
        *known
    }

    /// Admits a symbol: what the user states about it counts before what its numbers show.
    pub fn admit(&mut self, symbol: &str, shape: &Shape, options: &Options, account: &mut Account) -> Known {
        if let Some(known) = self.by_symbol.get(symbol.as_bytes()) {
            return *known;
        }
        let known = if options.is_asked(symbol) {
            let instrument = options.stated(symbol).cloned().unwrap_or_else(|| shape.instrument(symbol));
            // A stated lot below one is refused where instruments are validated; here it must only not divide.
            let lot_nanos = instrument.lot_nanos.max(1);
            account.instruments.push(instrument);
            let id = u32::try_from(account.instruments.len() - 1).unwrap_or(InstrumentId::NONE.0);
            Known::Yes(id, lot_nanos)
        } else {
            Known::Filtered
        };
        self.by_symbol.insert(symbol.as_bytes().into(), known);
        known
    }
}

/// Why a row is skipped, with what stands there; formatted only for the first of its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault<'a> {
    /// The reason it is counted under.
    pub reason: &'static str,
    /// The field.
    pub field: &'static str,
    /// What stands in it.
    pub text: &'a [u8],
}

impl<'a> Fault<'a> {
    /// A fault of a field.
    pub const fn new(reason: &'static str, field: &'static str, text: &'a [u8]) -> Self {
        Self { reason, field, text }
    }

    /// `line 17: field price: "12x4": bad price`.
    pub fn describe(&self, place: &str) -> String {
        const SHOWN_BYTES: usize = 60;
        let shown = String::from_utf8_lossy(&self.text[..self.text.len().min(SHOWN_BYTES)]);
        let more = if self.text.len() > SHOWN_BYTES { "…" } else { "" };
        format!("{place}: field {}: {shown:?}{more}: {}", self.field, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_follow_from_the_symbol() {
        for (symbol, base, quote) in [
            ("BTCUSDT", "BTC", "USDT"),
            ("BTCUSD_PERP", "BTC", "USD"),
            ("ETHBTC", "ETH", "BTC"),
            ("BTC-PERPETUAL", "BTC", "USD"),
            ("BTC-USD", "BTC", "USD"),
            ("ETH-USDT-SWAP", "ETH", "USDT"),
            ("USDT", "USDT", ""),
        ] {
            assert_eq!(currencies(symbol), (base.to_owned(), quote.to_owned()), "{symbol}");
        }
    }

    #[test]
    fn a_lot_is_the_written_step_unless_that_is_padding() {
        let mut shape = Shape::default();
        shape.show_qty(500_000_000, 3);
        assert_eq!(shape.lot_nanos(), 1_000_000);
        let mut padded = Shape::default();
        padded.show_qty(500_000_000, 8);
        padded.show_qty(10_000, 8);
        assert_eq!(padded.lot_nanos(), 10_000);
    }

    #[test]
    fn ids_follow_the_order_asked_for_and_the_rest_is_filtered() {
        let head = [("A".to_owned(), Shape::default()), ("B".to_owned(), Shape::default())];
        let options = Options { symbols: vec!["C".to_owned(), "B".to_owned()], ..Options::default() };
        let mut account = Account::default();
        let mut roster = Roster::new(&head, &options, &mut account);
        let found = |roster: &mut Roster, symbol: &str| roster.find(symbol.as_bytes());
        assert_eq!(found(&mut roster, "B"), Known::Yes(1, ONE));
        assert_eq!(found(&mut roster, "C"), Known::Yes(0, ONE));
        assert_eq!((found(&mut roster, "A"), found(&mut roster, "D")), (Known::Filtered, Known::No));
        assert_eq!(account.instruments.len(), 2);
    }
}
