//! Prices as whole ticks, within the price band that the tick holds for.

use tickrace_types::{Instrument, Price, Side};

/// The tick of one band and the prices it holds for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    tick: i64,
    ticks_per_nano: f64,
    from_px: i64,
    until_px: i64,
}

impl Grid {
    /// No band yet: no price lies in it.
    pub(crate) const NONE: Self =
        Self { tick: 1, ticks_per_nano: 1.0, from_px: i64::MAX, until_px: i64::MIN };

    /// The band around a price.
    #[cold]
    pub(crate) fn around(instrument: &Instrument, price: i64) -> Self {
        let tick = instrument.tick_at(price);
        let mut grid =
            Self { tick, ticks_per_nano: 1.0 / tick as f64, from_px: i64::MIN, until_px: i64::MAX };
        for band in &instrument.ticks[1..] {
            if band.from_px_nanos <= price {
                grid.from_px = band.from_px_nanos;
            } else {
                grid.until_px = band.from_px_nanos;
                break;
            }
        }
        grid
    }

    #[inline]
    pub(crate) fn holds(&self, price: i64) -> bool {
        self.from_px <= price && price < self.until_px
    }

    /// The last tick at or below a price. One multiplication: the estimate is off by one at most while prices
    /// stay below 2^53 nano-units, and is mended beyond.
    #[inline]
    pub(crate) fn floor(&self, price: i64) -> i64 {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a price over a tick of one or more fits; casts saturate"
        )]
        let mut index = (price as f64 * self.ticks_per_nano) as i64;
        let rest = price.wrapping_sub(index.wrapping_mul(self.tick));
        if rest < 0 || rest >= self.tick {
            index += rest.div_euclid(self.tick);
        }
        index
    }

    /// So many nano-units in ticks.
    #[inline]
    pub(crate) fn ticks(&self, nanos: i64) -> f64 {
        nanos as f64 * self.ticks_per_nano
    }

    /// Price of a tick in this band.
    #[inline]
    pub(crate) fn price(&self, index: i64) -> i64 {
        index.wrapping_mul(self.tick)
    }

    /// Price of a tick; outside the band it is moved to the grid that holds there, away from the other side.
    #[cold]
    pub(crate) fn price_anywhere(&self, index: i64, side: Side, instrument: &Instrument) -> i64 {
        let price = self.price(index);
        if self.holds(price) { price } else { snap(price, side, instrument) }
    }
}

fn snap(price: i64, side: Side, instrument: &Instrument) -> i64 {
    let tick = instrument.tick_at(price);
    match side {
        Side::Bid => Price(price).floor_to_tick(tick).0,
        Side::Ask => Price(price).ceil_to_tick(tick).0,
    }
}

/// Furthest a quote stands from the touch, ticks: with it, no price leaves 64 bits.
const AWAY_TICKS_MAX: f64 = 1e8;

/// Rounds down; without the library call that `f64::floor` is on the plainest target.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "bounded by the caller's clamp")]
pub(crate) fn floor_index(ticks: f64) -> i64 {
    let whole = ticks.clamp(-AWAY_TICKS_MAX, AWAY_TICKS_MAX) as i64;
    whole - i64::from(whole as f64 > ticks)
}

/// Rounds up.
#[inline]
pub(crate) fn ceil_index(ticks: f64) -> i64 {
    -floor_index(-ticks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_floor_is_the_exact_one(price in -10_000_000_000_000_000i64..10_000_000_000_000_000, tick in 1i64..100_000_000) {
            let mut share = Instrument::us_equity("A");
            share.ticks.truncate(1);
            share.ticks[0].tick_nanos = tick;
            let grid = Grid::around(&share, price);
            prop_assert_eq!(grid.floor(price), price.div_euclid(tick));
        }

        #[test]
        fn whole_ticks_round_as_the_library_does(ticks in -1e8f64..1e8) {
            prop_assert_eq!(floor_index(ticks) as f64, ticks.floor());
            prop_assert_eq!(ceil_index(ticks) as f64, ticks.ceil());
        }
    }

    #[test]
    fn a_band_ends_where_the_next_begins() {
        let share = Instrument::us_equity("A");
        let cents = Grid::around(&share, 5_000_000_000);
        assert!(cents.holds(1_000_000_000) && !cents.holds(999_999_999));
        // 99 cents is on the finer grid below a dollar, and stays.
        assert_eq!(cents.price_anywhere(99, Side::Bid, &share), 990_000_000);
        let fine = Grid::around(&share, 900_000_000);
        // 1.0001 is not on the grid of cents: a bid goes down to 1.00, an ask up to 1.01.
        assert_eq!(fine.price_anywhere(10_001, Side::Bid, &share), 1_000_000_000);
        assert_eq!(fine.price_anywhere(10_001, Side::Ask, &share), 1_010_000_000);
    }
}
