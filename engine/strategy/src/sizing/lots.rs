//! The one door from a fraction of equity into lots.

use tickrace_types::Qty;

/// Lots whose value is `fraction` of `equity`, rounded towards zero: never more risk than was asked for.
///
/// - `fraction`: of equity, signed; 2.0 is twice the equity, long.
/// - `equity`, `lot_value`: in one currency.
/// - `position_max_lots`: bound on either side.
/// - Result: zero where an input is not a number, or equity or the value of a lot is not positive.
#[inline]
pub fn lots_towards_zero(fraction: f64, equity: f64, lot_value: f64, position_max_lots: i64) -> Qty {
    let most = position_max_lots.max(0);
    let lots = fraction * (equity / lot_value);
    if !(equity > 0.0 && lot_value > 0.0) || lots.is_nan() {
        return Qty::ZERO;
    }
    #[allow(clippy::cast_possible_truncation, reason = "a cast of a float saturates, and the bound follows")]
    let whole = lots as i64;
    Qty(whole.clamp(-most, most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_never_more_than_asked_and_less_by_under_a_lot(
            fraction in -5.0f64..5.0, equity in 1.0f64..1e7, lot_value in 0.01f64..1e4,
        ) {
            let lots = lots_towards_zero(fraction, equity, lot_value, i64::MAX).0 as f64;
            let asked = fraction * equity / lot_value;
            prop_assert!(lots.abs() <= asked.abs() * (1.0 + 1e-12));
            prop_assert!((lots - asked).abs() < 1.0 + 1e-9 * asked.abs());
        }
    }

    #[test]
    fn bounds_hold_and_nonsense_is_nothing() {
        assert_eq!(lots_towards_zero(0.5, 10_000.0, 99.0, 1_000), Qty(50));
        assert_eq!(lots_towards_zero(-0.5, 10_000.0, 99.0, 1_000), Qty(-50));
        assert_eq!(lots_towards_zero(f64::INFINITY, 10_000.0, 99.0, 7), Qty(7));
        for (fraction, equity, value) in
            [(f64::NAN, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, 0.0), (1.0, 1.0, f64::NAN)]
        {
            assert_eq!(lots_towards_zero(fraction, equity, value, 7), Qty::ZERO);
        }
    }
}
