//! Liquidity we took from levels stays taken: how many lots at which price are ours already.
//!
//! The day's data go on showing lots we traded with. Until the level is stated with fewer they are not there for us
//! again. Few levels are taken at a time, so a walk through all of them is shorter than a search.

use tickrace_types::{InstrumentId, Side};

/// Levels we may have taken from at once; with more the walk through the book stops as if it ended there.
pub const TAKEN_LEVELS_MAX: usize = 256;

#[derive(Clone, Copy, Debug)]
struct Level {
    instrument: InstrumentId,
    side: Side,
    price: i64,
    lots: u64,
}

/// Taken lots by level.
#[derive(Clone, Debug)]
pub(crate) struct TakenLevels {
    levels: Vec<Level>,
}

impl TakenLevels {
    pub fn new() -> Self {
        Self { levels: Vec::with_capacity(TAKEN_LEVELS_MAX) }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    fn find(&self, instrument: InstrumentId, side: Side, price: i64) -> Option<usize> {
        let is_it =
            |level: &Level| level.price == price && level.side == side && level.instrument == instrument;
        self.levels.iter().position(is_it)
    }

    /// Lots of a level that we have taken.
    pub fn of(&self, instrument: InstrumentId, side: Side, price: i64) -> u64 {
        self.find(instrument, side, price).map_or(0, |place| self.levels[place].lots)
    }

    /// Takes `lots` more of a level; whether there was room to remember it.
    pub fn take(&mut self, instrument: InstrumentId, side: Side, price: i64, lots: u64) -> bool {
        if let Some(place) = self.find(instrument, side, price) {
            self.levels[place].lots += lots;
            return true;
        }
        let has_room = self.levels.len() < TAKEN_LEVELS_MAX;
        if has_room {
            self.levels.push(Level { instrument, side, price, lots });
        }
        has_room
    }

    /// The level now shows `remaining` lots: no more than these can be taken.
    pub fn on_remaining(&mut self, instrument: InstrumentId, side: Side, price: i64, remaining: u64) {
        let Some(place) = self.find(instrument, side, price) else { return };
        if remaining == 0 {
            self.levels.swap_remove(place);
        } else {
            let level = &mut self.levels[place];
            level.lots = level.lots.min(remaining);
        }
    }

    /// The touch of a side is now `price`: what was taken before it is no longer shown.
    pub fn on_touch(&mut self, instrument: InstrumentId, side: Side, price: i64) {
        let is_before = |level: &Level| {
            level.instrument == instrument && level.side == side && side.is_better(level.price, price)
        };
        self.levels.retain(|level| !is_before(level));
    }

    /// All levels of the instrument, or of every one where it is none, are gone.
    pub fn on_clear(&mut self, instrument: InstrumentId) {
        self.levels.retain(|level| instrument != InstrumentId::NONE && level.instrument != instrument);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_gone_until_the_level_shows_less() {
        let mut taken = TakenLevels::new();
        let (one, other) = (InstrumentId(0), InstrumentId(1));
        assert!(taken.take(one, Side::Ask, 10, 5) && taken.take(one, Side::Ask, 10, 2));
        assert_eq!((taken.of(one, Side::Ask, 10), taken.of(other, Side::Ask, 10)), (7, 0));
        taken.on_remaining(one, Side::Ask, 10, 4);
        assert_eq!(taken.of(one, Side::Ask, 10), 4);
        taken.on_remaining(one, Side::Ask, 10, 0);
        assert!(taken.is_empty());
    }

    #[test]
    fn the_room_is_bounded() {
        let mut taken = TakenLevels::new();
        for price in 0..TAKEN_LEVELS_MAX as i64 {
            assert!(taken.take(InstrumentId(0), Side::Bid, price, 1));
        }
        assert!(!taken.take(InstrumentId(0), Side::Bid, -1, 1));
        taken.on_clear(InstrumentId::NONE);
        assert!(taken.is_empty());
    }
}
