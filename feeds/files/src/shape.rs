//! Instruments of which a file shows no more than their numbers.

use tickrace_types::instrument::{Settlement, TickBand};
use tickrace_types::{Instrument, MarketRecord};

use crate::Options;

/// The smallest order quantity limit that says nothing: what a record's lots can hold.
const ORDER_QTY_MAX: i64 = u32::MAX as i64;

/// An instrument whose tick and lot were read off its prices and quantities: cash for goods, a point of price for one
/// lot worth the lot, currencies not known.
///
/// - `tick_nanos`, `lot_nanos`: nano-units, positive.
pub fn instrument_of_steps(symbol: &str, tick_nanos: i64, lot_nanos: i64) -> Instrument {
    Instrument {
        symbol: symbol.to_owned(),
        ticks: vec![TickBand { from_px_nanos: 0, tick_nanos }],
        lot_nanos,
        multiplier_nanos: lot_nanos,
        order_qty_min: 1,
        order_qty_max: ORDER_QTY_MAX,
        base_currency: symbol.to_owned(),
        quote_currency: String::new(),
        settle_currency: String::new(),
        settlement: Settlement::Spot,
        expiry_ns: None,
    }
}

/// The symbol of a file that names none: stated, else what its name begins with. `Err` says what is wrong with it.
pub(crate) fn symbol_of(options: &Options, from_name: &str) -> Result<String, String> {
    let symbol = options.symbol.clone().unwrap_or_else(|| from_name.to_owned());
    let is_plain = !symbol.is_empty() && symbol.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain && symbol.len() <= SYMBOL_BYTES_MAX {
        return Ok(symbol);
    }
    Err(format!("\"{symbol}\" is no symbol of 1 to {SYMBOL_BYTES_MAX} plain characters; state one"))
}

/// Bytes of the longest symbol a record holds.
const SYMBOL_BYTES_MAX: usize = 16;

/// A market record of the feed, to be completed.
#[inline]
pub(crate) fn market(seq: u64, ts_venue_ns: i64, ts_recv_ns: i64) -> MarketRecord {
    let header = tickrace_types::Header {
        version: tickrace_types::event::VERSION,
        source: tickrace_types::event::source::MARKET,
        seq,
        ts_venue_ns,
        ts_recv_ns,
        ..tickrace_types::Header::default()
    };
    MarketRecord { header, side: NO_SIDE, ..MarketRecord::default() }
}

/// Side code of a record without one.
pub(crate) const NO_SIDE: u8 = 2;
