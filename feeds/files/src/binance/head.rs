//! What the head of a recording shows: its symbols, their markets, and the ticks and lots of their numbers.

use std::path::Path;

use crate::binance::levels::{Decimal, each_level};
use crate::binance::message::{Form, Message, compact};
use crate::roster::{Market, Shape};
use crate::text_lines::{Flow, Lines};
use crate::tick_file::FileError;

/// Bytes looked at.
const HEAD_BYTES: usize = 4 << 20;
const ONE: i64 = 1_000_000_000;

/// What was seen of one symbol.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The symbol.
    pub symbol: String,
    /// What its numbers show.
    pub shape: Shape,
    /// Whether single trades are recorded, so that aggregates repeat them.
    pub has_trades: bool,
    /// Whether changes of depth are recorded, so that partial depth repeats them.
    pub has_depth: bool,
}

impl Seen {
    /// Nothing yet.
    pub fn new(symbol: &str) -> Self {
        Self { symbol: symbol.to_owned(), ..Self::default() }
    }

    /// Takes a message of the symbol into account.
    pub fn show(&mut self, message: &Message<'_>) {
        let form = message.form();
        self.has_trades |= form == Form::Trade;
        self.has_depth |= form == Form::Depth;
        if let Some(market) = market_of(&self.symbol, message, form) {
            self.shape.market = market;
        }
        let shape = &mut self.shape;
        match form {
            Form::Depth | Form::PartialDepth | Form::Snapshot => {
                for side in [message.bids, message.asks] {
                    let _ = each_level(side, |price, qty| {
                        shape.show_price(price.nanos);
                        shape.show_qty(qty.nanos, qty.decimals);
                    });
                }
            }
            Form::BookTicker => {
                let prices = [message.bids, message.asks];
                show(shape, &prices, &[message.bid_qty, message.ask_qty]);
            }
            Form::Trade | Form::AggTrade => show(shape, &[message.price], &[message.qty]),
            _ => {}
        }
    }
}

fn show(shape: &mut Shape, prices: &[&[u8]], quantities: &[&[u8]]) {
    prices.iter().filter_map(|text| Decimal::read(text)).for_each(|price| shape.show_price(price.nanos));
    let quantities = quantities.iter().filter_map(|text| Decimal::read(text));
    quantities.for_each(|qty| shape.show_qty(qty.nanos, qty.decimals));
}

/// The market a message comes from, where it tells: futures number their updates after the previous one, name an
/// execution type, and time their quotes; coin-margined ones name the pair or are quoted in plain dollars.
fn market_of(symbol: &str, message: &Message<'_>, form: Form) -> Option<Market> {
    let is_futures = match form {
        Form::Depth => !message.previous_id.is_empty(),
        Form::BookTicker => !message.event.is_empty(),
        Form::Trade => !message.execution_type.is_empty(),
        Form::AggTrade => message.is_best_match.is_empty(),
        Form::MarkPrice => true,
        _ => return None,
    };
    if !is_futures {
        return Some(Market::Spot);
    }
    Some(market_of_future(symbol, !message.pair.is_empty()))
}

/// A future's market by its symbol: `BTCUSD_PERP` is settled in the coin, `BTCUSDT` and `BTCUSDT_240927` are not.
///
/// Source: Binance COIN-M contract specifications: 100 dollars a contract for BTC, 10 for every other coin.
pub(crate) fn market_of_future(symbol: &str, has_pair: bool) -> Market {
    let pair = symbol.split('_').next().unwrap_or_default();
    let is_in_dollars = symbol.contains('_') && pair.ends_with("USD");
    if !has_pair && !is_in_dollars {
        return Market::Linear;
    }
    let contract = if pair == "BTCUSD" { 100 } else { 10 };
    Market::Inverse { contract_nanos: contract * ONE }
}

/// Looks at the head of a file and adds to what others showed; symbols in the order in which they appear. Messages that
/// name none are of `only`.
pub(crate) fn look(path: &Path, only: Option<&str>, seen: &mut Vec<Seen>) -> Result<(), FileError> {
    let mut lines = Lines::open(path)?;
    let (mut bytes, mut scratch) = (0, Vec::new());
    lines.drive(|line| {
        bytes += line.bytes.len() + 1;
        let (_, json) = split(line.bytes);
        let message = match Message::scan(json) {
            Some(message) => Some(message),
            None if compact(json, &mut scratch) => Message::scan(&scratch),
            None => None,
        };
        if let Some(message) = message {
            take(seen, &message, only);
        }
        if bytes < HEAD_BYTES { Flow::Go } else { Flow::Pause }
    });
    Ok(())
}

fn take(seen: &mut Vec<Seen>, message: &Message<'_>, only: Option<&str>) {
    let mut name = [0; SYMBOL_BYTES_MAX];
    let named =
        symbol_of(message, &mut name).or(only.map(str::as_bytes).filter(|_| message.form() != Form::Other));
    let Some(symbol) = named.and_then(|symbol| std::str::from_utf8(symbol).ok()) else {
        return;
    };
    let place = seen.iter().position(|seen| seen.symbol == symbol).unwrap_or_else(|| {
        seen.push(Seen::new(symbol));
        seen.len() - 1
    });
    seen[place].show(message);
}

/// Longest symbol taken from a stream's name.
pub(crate) const SYMBOL_BYTES_MAX: usize = 32;

/// The symbol a message names, itself or by its stream (`btcusdt@depth20`), then in capitals in `name`.
pub(crate) fn symbol_of<'a>(message: &Message<'a>, name: &'a mut [u8; SYMBOL_BYTES_MAX]) -> Option<&'a [u8]> {
    if !message.symbol.is_empty() {
        return Some(message.symbol);
    }
    let length = memchr::memchr(b'@', message.stream)?;
    let name = name.get_mut(..length).filter(|name| !name.is_empty())?;
    name.copy_from_slice(&message.stream[..length]);
    name.make_ascii_uppercase();
    Some(name)
}

/// The recorder's time in front of a message, and the message.
pub(crate) fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let start = memchr::memchr(b'{', line).unwrap_or(line.len());
    let (time, json) = line.split_at(start);
    (time.trim_ascii().strip_suffix(b":").unwrap_or(time.trim_ascii()), json.trim_ascii_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contracts_settled_in_the_coin_are_told_by_their_symbol() {
        let inverse = |contract: i64| Market::Inverse { contract_nanos: contract * ONE };
        assert_eq!(market_of_future("BTCUSD_PERP", false), inverse(100));
        assert_eq!(market_of_future("ETHUSD_240927", true), inverse(10));
        assert_eq!(market_of_future("BTCUSDT_240927", false), Market::Linear);
        assert_eq!(market_of_future("BTCUSDT", false), Market::Linear);
    }

    #[test]
    fn the_time_before_a_message_may_end_in_a_colon() {
        assert_eq!(split(b"17 {\"e\":1}"), (&b"17"[..], &b"{\"e\":1}"[..]));
        assert_eq!(split(b"17.5: {} "), (&b"17.5"[..], &b"{}"[..]));
        assert_eq!(split(b"{}"), (&b""[..], &b"{}"[..]));
        assert_eq!(split(b"nothing"), (&b"nothing"[..], &b""[..]));
    }
}
