//! Market by price: each row shows the best levels whole; records are what changed since the row before.
//!
//! The book is limited to those levels: one that falls out of view is gone, and comes back when it is seen again.

use dbn::BidAskPair;
use tickrace_types::Record;

use crate::stamp::Stamp;

/// Levels a row shows at most.
const LEVELS_MAX: usize = 10;

/// Price, lots, orders.
type Shown = (i64, u32, u32);

/// One side as a row shows it, best first.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    levels: [Shown; LEVELS_MAX],
    count: usize,
}

impl Side {
    fn of(levels: impl Iterator<Item = Shown>) -> Self {
        let mut side = Self::default();
        for level in levels.filter(|(price, lots, _)| *price != dbn::UNDEF_PRICE && *lots > 0) {
            if let Some(slot) = side.levels.get_mut(side.count) {
                *slot = level;
                side.count += 1;
            }
        }
        side
    }

    fn as_slice(&self) -> &[Shown] {
        &self.levels[..self.count]
    }
}

/// What each instrument showed last.
#[derive(Debug, Default)]
pub(super) struct Levels {
    by_instrument: Vec<[Side; 2]>,
}

impl Levels {
    /// Appends the levels that changed.
    pub(super) fn update(&mut self, stamp: &Stamp, pairs: &[BidAskPair], batch: &mut Vec<Record>) {
        let bids = Side::of(pairs.iter().map(|pair| (pair.bid_px, pair.bid_sz, pair.bid_ct)));
        let asks = Side::of(pairs.iter().map(|pair| (pair.ask_px, pair.ask_sz, pair.ask_ct)));
        let now = [bids, asks];
        let last = self.of(stamp.instrument);
        let sides = [(0, &last[0], &now[0]), (1, &last[1], &now[1])];
        // What is gone goes first, so that the book is not crossed on the way.
        for (code, last, now) in sides {
            for (price, ..) in last.as_slice() {
                if !now.as_slice().iter().any(|(kept, ..)| kept == price) {
                    batch.push(*stamp.level(code, *price, 0, 0).as_record());
                }
            }
        }
        for (code, last, now) in sides {
            for level in now.as_slice().iter().filter(|level| !last.as_slice().contains(level)) {
                let (price, lots, orders) = *level;
                batch.push(*stamp.level(code, price, lots.into(), orders.into()).as_record());
            }
        }
        *last = now;
    }

    /// The venue cleared the book.
    pub(super) fn clear(&mut self, instrument: u32) {
        *self.of(instrument) = Default::default();
    }

    /// Instruments are numbered densely, by [`super::names::Names`].
    fn of(&mut self, instrument: u32) -> &mut [Side; 2] {
        let place = instrument as usize;
        if self.by_instrument.len() <= place {
            self.by_instrument.resize(place + 1, Default::default());
        }
        &mut self.by_instrument[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_out_of_view_is_gone_and_an_equal_one_is_not_told_again() {
        let (mut levels, mut batch) = (Levels::default(), Vec::new());
        let pair =
            |bid_px, bid_sz| BidAskPair { bid_px, bid_sz, ask_px: 110, ask_sz: 4, bid_ct: 1, ask_ct: 1 };
        let mut told = |pairs: &[BidAskPair]| {
            batch.clear();
            levels.update(&Stamp::default(), pairs, &mut batch);
            batch.iter().map(|r| (r.as_market().side, r.as_market().price, r.as_market().order_ref)).collect()
        };
        let first: Vec<_> = told(&[pair(100, 5)]);
        assert_eq!(first, [(0, 100, 5), (1, 110, 4)]);
        let second: Vec<_> = told(&[pair(101, 2)]);
        assert_eq!(second, [(0, 100, 0), (0, 101, 2)]);
        let third: Vec<_> = told(&[pair(dbn::UNDEF_PRICE, 2)]);
        assert_eq!(third, [(0, 101, 0)]);
    }
}
