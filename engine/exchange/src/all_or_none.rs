//! Fill-or-kill: whether an order could trade whole, before any of it does.

use tickrace_types::OrderType;

use crate::own::Own;
use crate::{Exchange, FillRule};

impl Exchange {
    /// Whether a walk through the other side would leave nothing of the order: the lots free at prices it accepts, real
    /// ones before the first of our own, are enough. Changes nothing.
    pub(crate) fn could_fill_whole(&self, own: &Own) -> bool {
        let (instrument, other) = (own.instrument, own.side.opposite());
        let is_market = own.order_type == OrderType::Market;
        let first = self.orders.first(instrument, other);
        if self.takes_levels(instrument) {
            return self.could_fill_whole_from_levels(own, first.map(|first| first.price));
        }
        let (mut wanted, mut room) = (own.leaves(), self.taken.room());
        for level in self.books.levels(instrument, other) {
            let px = level.price.0;
            let reached = is_market || px == own.price || own.side.is_better(own.price, px);
            if !reached || first.is_some_and(|first| other.is_better(first.price, px)) {
                return false;
            }
            for queued in self.books.queue(instrument, other, level.price) {
                if first.is_some_and(|first| first.price == px && queued.arrival >= first.mark) {
                    return false;
                }
                let taken = self.taken.of(queued.order_ref);
                let free = queued.qty.saturating_sub(taken);
                if free == 0 {
                    continue;
                }
                // What could not be remembered as taken is not taken.
                if taken == 0 {
                    let Some(less) = room.checked_sub(1) else { return false };
                    room = less;
                }
                wanted -= i64::from(free).min(wanted);
                if wanted == 0 {
                    return true;
                }
            }
        }
        false
    }

    /// The same where levels are taken from: whole at the touch under [`FillRule::Whole`].
    fn could_fill_whole_from_levels(&self, own: &Own, first_px: Option<i64>) -> bool {
        let (instrument, other) = (own.instrument, own.side.opposite());
        let is_market = own.order_type == OrderType::Market;
        let mut wanted = own.leaves();
        for level in self.books.levels(instrument, other) {
            let px = level.price.0;
            let reached = is_market || px == own.price || own.side.is_better(own.price, px);
            if !reached || first_px.is_some_and(|first_px| other.is_better(first_px, px)) {
                return false;
            }
            let free = level.qty.saturating_sub(self.taken_levels.of(instrument, other, px));
            wanted -= i64::try_from(free).unwrap_or(i64::MAX).min(wanted);
            if wanted == 0 || self.fills == FillRule::Whole {
                return true;
            }
        }
        false
    }
}
