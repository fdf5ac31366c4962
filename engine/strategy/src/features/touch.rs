//! What the touch shows at this moment: its imbalance, spread, depth and micro-price.

use tickrace_types::Instrument;

use super::Feature;
use super::moment::{Quote, Trade};

/// A figure of the touch alone: no memory, ready wherever there is a touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touch {
    /// `(bid - ask) / (bid + ask)` of lots, -1 to 1.
    LotsImbalance,
    /// The same of the numbers of orders; not ready where the feed does not tell them.
    OrdersImbalance,
    /// Ask less bid, basis points of the mid.
    SpreadBps,
    /// Ask less bid, ticks at the bid, of the instrument's tick table.
    SpreadTicks(Box<Instrument>),
    /// Lots shown at the touch, mean of both sides.
    DepthLots,
    /// Weighted mid less mid, basis points of the mid: the micro-price of a book whose imbalance is all there is to know.
    MicropriceBps,
}

impl Feature for Touch {
    #[inline]
    fn on_quote(&mut self, _quote: &Quote) {}

    fn on_trade(&mut self, _trade: &Trade) {}

    fn on_break(&mut self) {}

    #[inline]
    fn value(&mut self, quote: &Quote) -> Option<f64> {
        let spread = (quote.ask_px - quote.bid_px) as f64;
        match self {
            Self::LotsImbalance => Some(quote.imbalance()),
            Self::OrdersImbalance => {
                let (bid, ask) = (f64::from(quote.bid_orders), f64::from(quote.ask_orders));
                (bid > 0.0 && ask > 0.0).then(|| (bid - ask) / (bid + ask))
            }
            Self::SpreadBps => Some(2e4 * spread / quote.mid_doubled()),
            Self::SpreadTicks(instrument) => Some(spread / instrument.tick_at(quote.bid_px) as f64),
            Self::DepthLots => Some(0.5 * (f64::from(quote.bid_qty) + f64::from(quote.ask_qty))),
            Self::MicropriceBps => {
                Some(1e4 * (quote.weighted_mid_doubled() - quote.mid_doubled()) / quote.mid_doubled())
            }
        }
    }
}
