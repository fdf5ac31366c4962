//! Our resting orders as an observer sees them: who stands where, without a change to anything.
//!
//! For the cold pass over a finished run. The path of orders does not come through here.

use tickrace_types::{InstrumentId, Side};

use crate::own::NIL;
use crate::{Exchange, QueuePosition};

/// One resting order of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkingOrder {
    /// The client number it now goes by.
    pub client_id: u64,
    /// Where it stands.
    pub place: QueuePosition,
}

impl Exchange {
    /// Our resting orders of one instrument: bids, then asks, each in matching order; none for an instrument it does not
    /// have.
    pub fn working_orders(&self, instrument: InstrumentId) -> impl Iterator<Item = WorkingOrder> + '_ {
        let of_side = move |side: Side| {
            let mut at = self.orders.head(instrument, side);
            std::iter::from_fn(move || {
                if at == NIL {
                    return None;
                }
                let own = self.orders.get(at);
                at = own.next;
                let place = self.place_of(own);
                Some(WorkingOrder { client_id: own.client_id, place })
            })
        };
        Side::BOTH.into_iter().flat_map(of_side)
    }

    /// Displayed real lots behind a place of ours at its price; 0 where the feed shows nothing there.
    pub fn lots_behind(&self, instrument: InstrumentId, place: &QueuePosition) -> i64 {
        let shown = self.books().level(instrument, place.side, place.price).map_or(0, |level| level.qty);
        i64::try_from(shown).unwrap_or(i64::MAX).saturating_sub(place.ahead).max(0)
    }
}
