//! Liquidity we took stays taken: how many lots of which real order are ours already.
//!
//! The day's data go on showing an order we traded with, since in truth nobody did. Until it leaves the book
//! its taken lots are not there for us again.

use tickrace_types::InstrumentId;

use crate::number_map::NumberMap;

/// Real orders we may have taken from at once; with more the walk stops as if the book ended there.
pub const TAKEN_ORDERS_MAX: usize = 1 << 14;

#[derive(Clone, Copy, Debug)]
struct Lots {
    instrument: InstrumentId,
    lots: u32,
}

/// Taken lots by real order.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    lots: NumberMap<Lots>,
}

impl Taken {
    pub fn new() -> Self {
        Self { lots: NumberMap::new(TAKEN_ORDERS_MAX) }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.lots.is_empty()
    }

    /// Lots of a real order that we have taken.
    #[inline]
    pub fn of(&self, order_ref: u64) -> u32 {
        if self.is_empty() { 0 } else { self.lots.get(order_ref).map_or(0, |taken| taken.lots) }
    }

    /// Takes `lots` more of an order; whether there was room to remember it.
    pub fn take(&mut self, instrument: InstrumentId, order_ref: u64, lots: u32) -> bool {
        let lots = self.of(order_ref) + lots;
        self.lots.set(order_ref, Lots { instrument, lots })
    }

    /// The real order now shows `remaining` lots: no more than these can be taken.
    #[inline]
    pub fn on_remaining(&mut self, order_ref: u64, remaining: u32) {
        if self.is_empty() {
            return;
        }
        match self.lots.get(order_ref) {
            Some(_) if remaining == 0 => drop(self.lots.remove(order_ref)),
            Some(taken) if taken.lots > remaining => {
                self.lots.set(order_ref, Lots { lots: remaining, ..taken });
            }
            _ => {}
        }
    }

    /// All orders of the instrument, or of every one where it is none, are gone.
    pub fn on_clear(&mut self, instrument: InstrumentId) {
        self.lots.retain(|taken| instrument != InstrumentId::NONE && taken.instrument != instrument);
    }
}
