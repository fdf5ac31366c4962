//! Orders for an auction alone: they wait, take part in the cross of their kind, and what it leaves of them is
//! cancelled.
//!
//! In the cross a market order goes before all prices, a limit order by its price, behind what rests displayed there.

use tickrace_types::event::venue_reason;
use tickrace_types::{InstrumentId, MarketRecord, OrderType, ResponseRecord, Side, TimeInForce};

use crate::Exchange;
use crate::own::NIL;

/// Cross type of the opening auction, as feeds write it.
///
/// Source: Nasdaq TotalView-ITCH 5.0, "Cross Trade Message": O opening, C closing, H after a halt or an offering.
const OPENING: u8 = b'O';
/// Cross type of the closing auction.
const CLOSING: u8 = b'C';

/// Time in force of the orders a cross is for.
const fn tif_of_cross(code: u8) -> Option<TimeInForce> {
    match code {
        OPENING => Some(TimeInForce::AtOpen),
        CLOSING => Some(TimeInForce::AtClose),
        _ => None,
    }
}

impl Exchange {
    /// A cross is about to be carried out: the orders that waited for it stand among those that rest.
    #[cold]
    pub(crate) fn join_auction(&mut self, instrument: InstrumentId, code: u8) {
        let Some(tif) = tif_of_cross(code) else { return };
        let mut at = self.orders.parked(instrument);
        while at != NIL {
            let next = self.orders.get(at).next;
            if self.orders.get(at).tif == tif {
                let mut own = self.orders.remove(at);
                own.is_parked = false;
                if own.order_type == OrderType::Market {
                    own.price = if own.side == Side::Bid { i64::MAX } else { i64::MIN };
                }
                (own.mark, own.ahead) = (self.next_arrival, 0);
                self.orders.insert(own);
            }
            at = next;
        }
    }

    /// The cross is over, whether or not it traded: what is left of the orders for it goes.
    pub(crate) fn leave_auction(
        &mut self,
        instrument: InstrumentId,
        market: &MarketRecord,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        let Some(tif) = tif_of_cross(market.code) else { return };
        for first in self.orders.firsts(instrument) {
            let mut at = first;
            while at != NIL {
                let next = self.orders.get(at).next;
                if self.orders.get(at).tif == tif {
                    let mut own = self.orders.remove(at);
                    if own.order_type == OrderType::Market {
                        own.price = 0;
                    }
                    self.cancelled(&own, venue_reason::AUCTION, market.header.ts_venue_ns, out);
                }
                at = next;
            }
        }
    }
}
