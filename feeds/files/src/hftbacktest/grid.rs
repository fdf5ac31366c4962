//! Floats of a file as what they stand for: whole ticks and whole lots.
//!
//! A float that came from a decimal, or from a count of ticks times a tick, lies within rounding of a multiple; one
//! that lies elsewhere is no price or quantity of this instrument.

use crate::number::nanos;

/// Distance from a whole step, in steps, that is still taken for rounding.
const SLACK: f64 = 1e-6;
/// Roundings a value may have gone through, in units of its own last place.
const ROUNDINGS: f64 = 4.0;
/// Beyond this the steps themselves are lost in rounding.
const SLACK_MAX: f64 = 0.01;

const NANOS: f64 = 1e9;

/// Tick and lot of an instrument.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    tick_nanos: i64,
    tick: f64,
    lot: f64,
}

impl Grid {
    /// Of a tick and a lot in nano-units, both positive.
    pub fn new(tick_nanos: i64, lot_nanos: i64) -> Self {
        Self { tick_nanos, tick: float(tick_nanos) / NANOS, lot: float(lot_nanos) / NANOS }
    }

    /// A price in nano-units: a whole number of ticks, else of nano-units; `None` where it is neither.
    #[inline]
    pub fn price_nanos(&self, price: f64) -> Option<i64> {
        match whole(price / self.tick) {
            Some(ticks) => ticks.checked_mul(self.tick_nanos),
            None => decimal_nanos(price),
        }
    }

    /// A quantity in lots; `None` where they are not whole or below zero.
    #[inline]
    pub fn lots(&self, quantity: f64) -> Option<u64> {
        u64::try_from(whole(quantity / self.lot)?).ok()
    }
}

/// The whole number a float stands for.
#[inline]
fn whole(value: f64) -> Option<i64> {
    let nearest = value.round_ties_even();
    let slack = (ROUNDINGS * f64::EPSILON * value.abs()).max(SLACK);
    let is_whole = slack < SLACK_MAX && (value - nearest).abs() <= slack;
    #[expect(clippy::cast_possible_truncation, reason = "the slack keeps it below 2^44")]
    is_whole.then_some(nearest as i64)
}

/// The decimal a float was read from, in nano-units, where it has nine decimals or fewer; `None` where it has more.
#[cold]
pub(super) fn decimal_nanos(value: f64) -> Option<i64> {
    nanos(value.to_string().as_bytes())
}

/// As [`decimal_nanos`], and where there are more decimals the nearest of nine: what a sum or a product of floats meant.
pub(super) fn rounded_nanos(value: f64) -> Option<i64> {
    decimal_nanos(value).or_else(|| nanos(format!("{value:.9}").as_bytes()))
}

fn float(nanos: i64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "ticks and lots are small; a price has at most 53 bits of them"
    )]
    let value = nanos as f64;
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_count_of_ticks_comes_back_from_its_float(ticks in 0i64..1 << 43, exponent in 0u32..10) {
            let tick_nanos = 10i64.pow(exponent);
            // Nano-units hold fewer large ticks than small ones.
            let ticks = ticks % (i64::MAX / tick_nanos);
            let grid = Grid::new(tick_nanos, tick_nanos);
            let text = format!("{}.{:09}", ticks / 10i64.pow(9 - exponent), ticks % 10i64.pow(9 - exponent) * tick_nanos);
            let read: f64 = text.parse().expect("a number");
            prop_assert_eq!(grid.price_nanos(read), Some(ticks * tick_nanos));
            let product = float(ticks) * (float(tick_nanos) / NANOS);
            prop_assert_eq!(grid.lots(product), Some(ticks.unsigned_abs()));
        }

        #[test]
        fn no_float_makes_it_panic(bits in any::<u64>()) {
            let grid = Grid::new(1, i64::MAX);
            let value = f64::from_bits(bits);
            let _ = (grid.price_nanos(value), grid.lots(value), rounded_nanos(value));
        }
    }

    #[test]
    fn what_lies_off_the_grid_is_refused() {
        let grid = Grid::new(100_000_000, 1_000_000);
        assert_eq!(grid.price_nanos(600_001.0 * 0.1), Some(60_000_100_000_000));
        // Off the tick, but a price nevertheless.
        assert_eq!(grid.price_nanos(60_000.05), Some(60_000_050_000_000));
        assert_eq!(grid.price_nanos(0.050_000_000_01), None);
        assert_eq!(grid.price_nanos(f64::NAN), None);
        assert_eq!(grid.price_nanos(f64::INFINITY), None);
        assert_eq!(grid.lots(1.77), Some(1770));
        assert_eq!(grid.lots(0.000_5), None);
        assert_eq!(grid.lots(0.001 + 2e-9), None);
        assert_eq!(grid.lots(-0.001), None);
        assert_eq!(rounded_nanos(0.1 + 0.2), Some(300_000_000));
    }
}
