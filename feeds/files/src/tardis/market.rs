//! Which kind of market a symbol of a venue is, as Tardis names venues.
//!
//! Source: the venues' contract specifications; Tardis, "Historical data details" for what an amount counts.

use crate::binance::head::market_of_future;
use crate::roster::Market;

/// A contract worth so many dollars.
const fn inverse(dollars: i64) -> Market {
    Market::Inverse { contract_nanos: dollars * 1_000_000_000 }
}

/// The market of a symbol.
pub(super) fn market_of(exchange: &str, symbol: &str) -> Market {
    // Coin-margined contracts of several venues are worth 100 dollars for bitcoin and 10 for any other coin.
    let by_coin = inverse(if symbol.starts_with("BTC") { 100 } else { 10 });
    let in_dollars =
        |symbol: &str| symbol.ends_with("USD") || symbol.contains("-USD-") || symbol.contains("USD_");
    match exchange {
        "binance-futures" => Market::Linear,
        "binance-delivery" => market_of_future(symbol, true),
        // Of BitMEX the bitcoin contracts in dollars are inverse; those of other coins are quanto.
        "bitmex" if symbol.starts_with("XBT") && !symbol.contains("USDT") => inverse(1),
        "bitmex" => Market::Linear,
        // Amounts of Deribit's futures are dollars; its options are counted in coins.
        "deribit" if symbol.contains("USD") || symbol.ends_with("-C") || symbol.ends_with("-P") => {
            Market::Linear
        }
        "deribit" => inverse(1),
        "huobi-dm" | "huobi-dm-swap" => by_coin,
        "okex-futures" | "okex-swap" if in_dollars(symbol) => by_coin,
        "bybit" if in_dollars(symbol) || symbol.contains("USDH") || symbol.contains("USDM") => inverse(1),
        "cryptofacilities" if symbol.starts_with("PI_") || symbol.starts_with("FI_") => inverse(1),
        "okex-futures"
        | "okex-swap"
        | "bybit"
        | "cryptofacilities"
        | "huobi-dm-linear-swap"
        | "dydx"
        | "dydx-v4"
        | "hyperliquid"
        | "bitget-futures"
        | "kucoin-futures"
        | "phemex"
        | "gate-io-futures"
        | "bitfinex-derivatives"
        | "ascendex-futures"
        | "woo-x" => Market::Linear,
        "ftx" if symbol.contains("-PERP") => Market::Linear,
        _ => Market::Spot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contracts_are_told_by_venue_and_symbol() {
        for (exchange, symbol, market) in [
            ("binance", "BTCUSDT", Market::Spot),
            ("binance-futures", "BTCUSDT", Market::Linear),
            ("binance-delivery", "BTCUSD_PERP", inverse(100)),
            ("bitmex", "XBTUSD", inverse(1)),
            ("bitmex", "XBTUSDT", Market::Linear),
            ("deribit", "BTC-PERPETUAL", inverse(1)),
            ("deribit", "SOL_USDC-PERPETUAL", Market::Linear),
            ("huobi-dm-swap", "BTC-USD", inverse(100)),
            ("okex-swap", "ETH-USD-SWAP", inverse(10)),
            ("okex-swap", "ETH-USDT-SWAP", Market::Linear),
            ("bybit", "BTCUSD", inverse(1)),
        ] {
            assert_eq!(market_of(exchange, symbol), market, "{exchange} {symbol}");
        }
    }
}
