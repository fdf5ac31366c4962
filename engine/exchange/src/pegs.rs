//! Pegged orders: where they should stand by the real touch, and moving them there.
//!
//! The touch is that of the day's own orders: an order of ours follows no other of ours, and not itself. Without a
//! reference it stays where it is. Each move is a new arrival: it loses its place and may take.

use tickrace_types::{InstrumentId, Peg, ResponseKind, ResponseRecord, Side};

use crate::Exchange;
use crate::own::{NIL, Own};
use crate::triggers::Cause;

impl Exchange {
    /// Moves every pegged order of the instrument that is not where it should be.
    pub(crate) fn move_pegs(
        &mut self,
        instrument: InstrumentId,
        cause: Cause,
        out: &mut impl FnMut(&ResponseRecord),
    ) {
        // One that moved is where it should be, or gone: each moves once.
        while let Some((slot, price)) = self.first_misplaced(instrument) {
            let mut own = self.orders.remove(slot);
            own.price = price;
            self.counters.restated += 1;
            out(&ResponseRecord {
                cause_seq: cause.seq,
                ..self.replies.about(ResponseKind::Restated, &own, cause.now_ns)
            });
            self.match_and_rest(own, cause.now_ns, out);
        }
    }

    /// Bids before asks, in matching order.
    fn first_misplaced(&self, instrument: InstrumentId) -> Option<(u32, i64)> {
        for side in Side::BOTH {
            let mut at = self.orders.head(instrument, side);
            while at != NIL {
                let own = self.orders.get(at);
                if own.is_pegged()
                    && let Some(price) = self.pegged_px(own).filter(|price| *price != own.price)
                {
                    return Some((at, price));
                }
                at = own.next;
            }
        }
        None
    }

    /// Where a pegged order should stand: its reference plus its offset, on the grid (rounded away from the other
    /// side), not beyond its limit. `None` without a reference.
    pub(crate) fn pegged_px(&self, own: &Own) -> Option<i64> {
        let top = self.books.top(own.instrument);
        let touch = |side: Side| match side {
            Side::Bid => (top.bid_qty > 0).then_some(top.bid_px),
            Side::Ask => (top.ask_qty > 0).then_some(top.ask_px),
        };
        let doubled = match own.peg {
            Peg::Primary => touch(own.side)?.saturating_mul(2),
            Peg::Market => touch(own.side.opposite())?.saturating_mul(2),
            Peg::Mid => top.mid_doubled()?,
        };
        let doubled = doubled.saturating_add(own.offset.saturating_mul(2));
        let step = self.instruments.get(own.instrument.index())?.tick_at(doubled / 2).saturating_mul(2);
        let below = doubled.div_euclid(step);
        let is_on_grid = doubled.rem_euclid(step) == 0;
        let ticks = if own.side == Side::Bid || is_on_grid { below } else { below + 1 };
        let price = ticks.saturating_mul(step / 2);
        Some(if own.side.is_better(price, own.limit) { own.limit } else { price })
    }
}
