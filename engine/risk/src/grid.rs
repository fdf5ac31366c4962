//! The venue's price grid (control 4) without a division.

use tickrace_types::Instrument;

/// The uppermost price band, in which nearly all orders lie: exact divisibility by one multiplication.
///
/// For a tick `odd * 2^k`, a number `n` is a multiple of it exactly where `n` times the inverse of `odd` modulo
/// 2^64, rotated right by `k`, is at most `(2^64 - 1) / tick`.
///
/// Source: Granlund and Montgomery, "Division by Invariant Integers using Multiplication" (1994), section 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    from_px_nanos: i64,
    inverse: u64,
    quotient_max: u64,
    rotate: u32,
}

impl Grid {
    /// Of an instrument that has been validated.
    pub fn new(instrument: &Instrument) -> Self {
        let is_single = instrument.ticks.len() == 1;
        let band = instrument.ticks[instrument.ticks.len() - 1];
        let tick = band.tick_nanos.unsigned_abs();
        let rotate = tick.trailing_zeros();
        let odd = tick >> rotate;
        // Newton's iteration: five steps from three right bits give more than 64.
        let mut inverse = odd;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
        }
        let from_px_nanos = if is_single { i64::MIN } else { band.from_px_nanos };
        Self { from_px_nanos, inverse, quotient_max: u64::MAX / tick, rotate }
    }

    /// Whether the price lies on the grid; `None` below the uppermost band, where the tick table must answer.
    #[inline]
    pub fn holds(&self, px_nanos: i64) -> Option<bool> {
        if px_nanos < self.from_px_nanos {
            return None;
        }
        let spread = px_nanos.unsigned_abs().wrapping_mul(self.inverse).rotate_right(self.rotate);
        Some(spread <= self.quotient_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tickrace_types::instrument::TickBand;

    fn grid(tick_nanos: i64) -> Grid {
        let mut instrument = Instrument::us_equity("X");
        instrument.ticks = vec![TickBand { from_px_nanos: 0, tick_nanos }];
        Grid::new(&instrument)
    }

    proptest! {
        #[test]
        fn the_multiplication_agrees_with_the_remainder(px in any::<i64>(), tick in 1i64..=i64::MAX) {
            prop_assert_eq!(grid(tick).holds(px), Some(px % tick == 0));
        }

        #[test]
        fn every_multiple_is_on_the_grid_and_its_neighbour_is_not(n in -1_000_000i64..1_000_000, tick in 2i64..1_000_000_000) {
            prop_assert_eq!(grid(tick).holds(n * tick), Some(true));
            prop_assert_eq!(grid(tick).holds(n * tick + 1), Some(false));
        }
    }

    #[test]
    fn a_price_below_the_uppermost_band_is_left_to_the_table() {
        let share = Grid::new(&Instrument::us_equity("X"));
        assert_eq!(share.holds(999_990_000), None);
        assert_eq!(share.holds(1_000_000_000), Some(true));
        assert_eq!(share.holds(1_005_000_000), Some(false));
    }
}
