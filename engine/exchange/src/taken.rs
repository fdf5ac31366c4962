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

/// Cells of the filter: one kibibyte, which stays in a first-level cache.
const CELLS: usize = 1024;

/// Taken lots by real order.
///
/// Nearly every order that gets smaller or leaves is one we took nothing of, and is asked for all the same. A small
/// filter says so of most of them without a look into the table, which is a cache miss.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    lots: NumberMap<Lots>,
    /// How many orders of the table fall on each cell; a full cell stays full. Zero: none of them is there.
    filter: [u8; CELLS],
}

impl Taken {
    pub fn new() -> Self {
        Self { lots: NumberMap::new(TAKEN_ORDERS_MAX), filter: [0; CELLS] }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.lots.is_empty()
    }

    /// How many more real orders can be taken from.
    pub fn room(&self) -> usize {
        self.lots.room()
    }

    /// Lots of a real order that we have taken.
    #[inline]
    pub fn of(&self, order_ref: u64) -> u32 {
        if self.is_surely_absent(order_ref) {
            return 0;
        }
        self.lots.get(order_ref).map_or(0, |taken| taken.lots)
    }

    #[inline]
    fn is_surely_absent(&self, order_ref: u64) -> bool {
        self.filter[cell(order_ref)] == 0
    }

    /// Takes `lots` more of an order; whether there was room to remember it.
    pub fn take(&mut self, instrument: InstrumentId, order_ref: u64, lots: u32) -> bool {
        let before = self.of(order_ref);
        let is_noted = self.lots.set(order_ref, Lots { instrument, lots: before + lots });
        if is_noted && before == 0 {
            let count = &mut self.filter[cell(order_ref)];
            *count = count.saturating_add(1);
        }
        is_noted
    }

    /// The real order now shows `remaining` lots: no more than these can be taken.
    #[inline]
    pub fn on_remaining(&mut self, order_ref: u64, remaining: u32) {
        if self.is_surely_absent(order_ref) {
            return;
        }
        match self.lots.get(order_ref) {
            Some(_) if remaining == 0 => {
                self.lots.remove(order_ref);
                let count = &mut self.filter[cell(order_ref)];
                *count -= u8::from(*count < u8::MAX);
            }
            Some(taken) if taken.lots > remaining => {
                self.lots.set(order_ref, Lots { lots: remaining, ..taken });
            }
            _ => {}
        }
    }

    /// All orders of the instrument, or of every one where it is none, are gone.
    pub fn on_clear(&mut self, instrument: InstrumentId) {
        self.lots.retain(|taken| instrument != InstrumentId::NONE && taken.instrument != instrument);
        if self.is_empty() {
            // Otherwise the cells of those that are gone stay marked, and are asked for in vain.
            self.filter = [0; CELLS];
        }
    }
}

/// The filter's cell of an order: numbers near each other fall on different ones.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "ten bits are kept")]
const fn cell(order_ref: u64) -> usize {
    (order_ref.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize
}
const _: () = assert!(CELLS == 1 << 10);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn the_filter_forgets_nothing(acts in prop::collection::vec((0u64..3_000, 0u32..4), 1..400)) {
            let mut taken = Taken::new();
            let mut plain: BTreeMap<u64, u32> = BTreeMap::new();
            for (order_ref, lots) in acts {
                if lots > 0 {
                    prop_assert!(taken.take(InstrumentId(0), order_ref, lots));
                    *plain.entry(order_ref).or_default() += lots;
                } else {
                    taken.on_remaining(order_ref, 0);
                    plain.remove(&order_ref);
                }
                prop_assert_eq!(taken.is_empty(), plain.is_empty());
            }
            for order_ref in 0..3_000 {
                prop_assert_eq!(taken.of(order_ref), plain.get(&order_ref).copied().unwrap_or(0));
            }
            taken.on_clear(InstrumentId::NONE);
            prop_assert!(taken.is_empty() && (0..3_000).all(|order_ref| taken.of(order_ref) == 0));
        }
    }
}
