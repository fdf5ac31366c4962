//! Cash in 1e-18 of a currency.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use crate::Price;

/// An amount of a named currency in units of 1e-18: one nano-unit of price times one nano-unit of multiplier.
///
/// The currency stands beside it (see [`crate::Instrument::quote_currency`]). The range, ±1.7e20 units, is
/// out of reach of any sum of fills: 2^63 lots at the highest price still fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Cash(pub i128);

/// Cash units in one unit of currency.
pub const CASH_UNIT: i128 = 1_000_000_000_000_000_000;

impl Cash {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Value of `qty_lots` at `price` with a contract multiplier in nano-units (1.0 = 1_000_000_000).
    #[inline]
    pub const fn notional(price: Price, qty_lots: i64, multiplier_nanos: i64) -> Self {
        // A price and a multiplier below 2^63 and quantities below 2^31 (the gate's bound) cannot overflow
        // i128; the product of three arbitrary i64 could, hence the order: 63 + 63 bits first.
        Self((price.0 as i128 * multiplier_nanos as i128).saturating_mul(qty_lots as i128))
    }

    /// From a float of currency units, rounded up: a cost is rounded against us. `None` if not finite.
    pub fn ceil_from_f64(units: f64) -> Option<Self> {
        if !units.is_finite() || units.abs() > 1e15 {
            return None;
        }
        // Through nano-units: an f64 does not hold 1e-18 exactly, and a cost finer than a nano-unit is noise.
        #[allow(clippy::cast_possible_truncation, reason = "bounded above")]
        let nanos = (units * 1e9).ceil() as i128;
        Some(Self(nanos * 1_000_000_000))
    }

    /// As a float of currency units; for reports only.
    #[inline]
    pub fn to_f64(self) -> f64 {
        let whole = self.0 / CASH_UNIT;
        let rest = self.0 % CASH_UNIT;
        whole as f64 + rest as f64 / CASH_UNIT as f64
    }
}

impl Add for Cash {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Cash {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Cash {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Cash {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Cash {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for Cash {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Cash {
    /// Decimal without trailing zeros, at least two decimals: `-12.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let unit = CASH_UNIT.unsigned_abs();
        let digits = format!("{:018}", magnitude % unit);
        let trimmed = digits.trim_end_matches('0');
        write!(f, "{sign}{}.{trimmed:0<2}", magnitude / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notional_is_price_times_lots_times_multiplier() {
        // 100 lots at 585.33 with multiplier 1: 58,533.
        let one = 1_000_000_000;
        assert_eq!(Cash::notional(Price::from_e4(5_853_300), 100, one).to_string(), "58533.00");
        // Five lots at 2.5 with multiplier 50 (an index future): 625.
        assert_eq!(Cash::notional(Price(2_500_000_000), 5, 50 * one).to_string(), "625.00");
    }

    #[test]
    fn a_cost_is_rounded_against_us() {
        assert_eq!(Cash::ceil_from_f64(0.000_000_000_1), Some(Cash(1_000_000_000)));
        assert_eq!(Cash::ceil_from_f64(f64::NAN), None);
    }
}
