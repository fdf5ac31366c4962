//! What one trades: tick, lot, multiplier, currencies, session.

use serde::{Deserialize, Serialize};

use crate::InstrumentId;

/// How profit and loss follows from price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settlement {
    /// Cash for goods: a share, a coin.
    #[default]
    Spot,
    /// A contract whose value is linear in price.
    Linear,
    /// A contract quoted in one currency and settled in the other; value is linear in 1 / price.
    Inverse,
}

/// One price band of a tick table: from `from_px_nanos` upwards the grid is `tick_nanos`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TickBand {
    /// Lowest price of the band, nano-units.
    pub from_px_nanos: i64,
    /// Smallest price step, nano-units, positive.
    pub tick_nanos: i64,
}

/// One instrument of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// Venue symbol, without padding.
    pub symbol: String,
    /// Tick table, ascending by `from_px_nanos`; the first band also serves prices below it.
    pub ticks: Vec<TickBand>,
    /// Units of the underlying in one lot, in nano-units: 1_000_000_000 for one share a lot.
    pub lot_nanos: i64,
    /// Value of one point of price for one lot, nano-units of the quote currency; of an inverse contract what one lot is
    /// worth in the quote currency.
    pub multiplier_nanos: i64,
    /// Smallest order, lots.
    pub order_qty_min: i64,
    /// Largest order the venue takes, lots.
    pub order_qty_max: i64,
    /// What is bought and sold.
    pub base_currency: String,
    /// What prices are stated in.
    pub quote_currency: String,
    /// What profit is paid in.
    pub settle_currency: String,
    /// How profit follows from price.
    pub settlement: Settlement,
    /// Last trading time, nanoseconds since the Unix epoch; absent where it never expires.
    pub expiry_ns: Option<i64>,
}

/// Why an instrument or a table of them is nonsense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstrumentError {
    /// Two instruments of one name.
    #[error("instrument {symbol} is listed twice")]
    Twice {
        /// The name.
        symbol: String,
    },
    /// A field out of range.
    #[error("instrument {symbol}: {field} must be {wanted}, it is {got}")]
    Field {
        /// Which instrument.
        symbol: String,
        /// Which field.
        field: &'static str,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        got: i64,
    },
}

impl Instrument {
    /// A US share: cent ticks from one dollar, hundredths of a cent below, lots of one share, dollars.
    ///
    /// Source: Regulation NMS, rule 612 (17 CFR 242.612): minimum pricing increments.
    pub fn us_equity(symbol: &str) -> Self {
        let one = crate::price::NANOS;
        Self {
            symbol: symbol.to_owned(),
            ticks: vec![
                TickBand { from_px_nanos: 0, tick_nanos: one / 10_000 },
                TickBand { from_px_nanos: one, tick_nanos: one / 100 },
            ],
            lot_nanos: one,
            multiplier_nanos: one,
            order_qty_min: 1,
            order_qty_max: 999_999,
            base_currency: symbol.to_owned(),
            quote_currency: "USD".to_owned(),
            settle_currency: "USD".to_owned(),
            settlement: Settlement::Spot,
            expiry_ns: None,
        }
    }

    /// Currency that profit, fees and funding are in: the quote currency, of an inverse contract the base currency.
    pub fn profit_currency(&self) -> &str {
        if self.settlement == Settlement::Inverse { &self.base_currency } else { &self.quote_currency }
    }

    /// Smallest price step at `px_nanos`, nano-units.
    #[inline]
    pub fn tick_at(&self, px_nanos: i64) -> i64 {
        let mut tick = self.ticks[0].tick_nanos;
        for band in &self.ticks[1..] {
            if px_nanos < band.from_px_nanos {
                break;
            }
            tick = band.tick_nanos;
        }
        tick
    }

    /// The finest grid that all prices of the tick table lie on, nano-units: the greatest common divisor of its ticks.
    pub fn grid(&self) -> i64 {
        let common = |mut a: i64, mut b: i64| {
            while b != 0 {
                (a, b) = (b, a % b);
            }
            a
        };
        self.ticks.iter().fold(0, |grid, band| common(grid, band.tick_nanos)).max(1)
    }

    /// Checks what a table relies on.
    ///
    /// # Errors
    ///
    /// [`InstrumentError::Field`] naming the field that is out of range.
    pub fn validate(&self) -> Result<(), InstrumentError> {
        let fail = |field, wanted, got| {
            Err(InstrumentError::Field { symbol: self.symbol.clone(), field, wanted, got })
        };
        let len = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
        if self.symbol.is_empty() || self.symbol.len() > 16 {
            return fail("symbol", "1 to 16 characters", len(&self.symbol));
        }
        if self.ticks.is_empty() {
            return fail("ticks", "at least one band", 0);
        }
        for (place, band) in self.ticks.iter().enumerate() {
            if band.tick_nanos <= 0 {
                return fail("tick_nanos", "positive", band.tick_nanos);
            }
            if place > 0 && self.ticks[place - 1].from_px_nanos >= band.from_px_nanos {
                return fail("from_px_nanos", "ascending", band.from_px_nanos);
            }
        }
        if self.lot_nanos <= 0 {
            return fail("lot_nanos", "positive", self.lot_nanos);
        }
        if self.multiplier_nanos <= 0 {
            return fail("multiplier_nanos", "positive", self.multiplier_nanos);
        }
        if self.settlement == Settlement::Inverse && self.base_currency.is_empty() {
            return fail("base_currency", "named: an inverse contract settles in it", 0);
        }
        if self.order_qty_min <= 0 {
            return fail("order_qty_min", "positive", self.order_qty_min);
        }
        if self.order_qty_max < self.order_qty_min {
            return fail("order_qty_max", "at least order_qty_min", self.order_qty_max);
        }
        Ok(())
    }
}

/// The instruments of a run, by dense id. Ids follow the order given, so they are stable across days as long
/// as the configuration is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstrumentTable {
    instruments: Vec<Instrument>,
}

impl InstrumentTable {
    /// Checks each instrument and that no symbol stands twice.
    ///
    /// # Errors
    ///
    /// [`InstrumentError`] for the first fault.
    pub fn new(instruments: Vec<Instrument>) -> Result<Self, InstrumentError> {
        let mut symbols: Vec<&str> = Vec::with_capacity(instruments.len());
        for instrument in &instruments {
            instrument.validate()?;
            symbols.push(&instrument.symbol);
        }
        symbols.sort_unstable();
        if let Some(pair) = symbols.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(InstrumentError::Twice { symbol: pair[0].to_owned() });
        }
        Ok(Self { instruments })
    }

    /// All instruments, index = id.
    pub fn as_slice(&self) -> &[Instrument] {
        &self.instruments
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.instruments.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.instruments.is_empty()
    }

    /// The instrument of an id.
    ///
    /// # Panics
    ///
    /// Where the id is not of this table; ids are made here, so that is our mistake.
    #[inline]
    pub fn get(&self, id: InstrumentId) -> &Instrument {
        &self.instruments[id.index()]
    }

    /// Id of a symbol.
    pub fn find(&self, symbol: &str) -> Option<InstrumentId> {
        let place = self.instruments.iter().position(|instrument| instrument.symbol == symbol)?;
        u32::try_from(place).ok().map(InstrumentId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tick_follows_the_price_band() {
        let share = Instrument::us_equity("AAPL");
        assert_eq!(share.tick_at(999_900_000), 100_000);
        assert_eq!(share.tick_at(1_000_000_000), 10_000_000);
        assert_eq!(share.tick_at(-5), 100_000);
        assert_eq!(share.grid(), 100_000);
    }

    #[test]
    fn a_symbol_listed_twice_is_refused() {
        let pair = vec![Instrument::us_equity("AAPL"), Instrument::us_equity("AAPL")];
        assert_eq!(InstrumentTable::new(pair), Err(InstrumentError::Twice { symbol: "AAPL".to_owned() }));
    }

    #[test]
    fn a_tick_of_zero_is_refused_by_name() {
        let mut share = Instrument::us_equity("AAPL");
        share.ticks[0].tick_nanos = 0;
        let error = InstrumentTable::new(vec![share]).expect_err("a zero tick");
        assert_eq!(error.to_string(), "instrument AAPL: tick_nanos must be positive, it is 0");
    }
}
