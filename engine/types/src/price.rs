//! Prices in nano-units.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Nano-units in one unit of price.
pub const NANOS: i64 = 1_000_000_000;

/// A price in nano-units of the quote currency: 1.0 is `1_000_000_000`.
///
/// Signed, because spreads and some futures trade below zero. The range is about ±9.2 billion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[repr(transparent)]
pub struct Price(pub i64);

impl Price {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// From a price with four implied decimals, as ITCH and LOBSTER give it.
    pub const fn from_e4(ticks: u32) -> Self {
        Self(ticks as i64 * 100_000)
    }

    /// From a float, rounded to the nearest nano-unit (half away from zero). This and
    /// [`Price::floor_from_f64`] and [`Price::ceil_from_f64`] are the only doors from floats into prices.
    ///
    /// Gives `None` where the value is not finite or leaves the range.
    #[inline]
    pub fn from_f64(value: f64) -> Option<Self> {
        Self::from_scaled((value * NANOS as f64).round())
    }

    /// From a float, rounded down to a multiple of `tick` nano-units: a bid never rounds up.
    #[inline]
    pub fn floor_from_f64(value: f64, tick: i64) -> Option<Self> {
        Self::from_f64(value).map(|price| price.floor_to_tick(tick))
    }

    /// From a float, rounded up to a multiple of `tick` nano-units: an ask never rounds down.
    #[inline]
    pub fn ceil_from_f64(value: f64, tick: i64) -> Option<Self> {
        Self::from_f64(value).map(|price| price.ceil_to_tick(tick))
    }

    #[inline]
    fn from_scaled(scaled: f64) -> Option<Self> {
        const BOUND: f64 = 9.2e18;
        // A NaN fails both comparisons.
        if scaled > -BOUND && scaled < BOUND {
            #[allow(clippy::cast_possible_truncation, reason = "the range was tested above")]
            return Some(Self(scaled as i64));
        }
        None
    }

    /// As a float in units of the quote currency; for signals and reports only.
    #[inline]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / NANOS as f64
    }

    /// Rounds down to a multiple of `tick`, towards minus infinity: a bid rounded this way never
    /// crosses. `tick` is in nano-units and positive.
    #[inline]
    pub const fn floor_to_tick(self, tick: i64) -> Self {
        assert!(tick > 0, "tick must be positive");
        Self(self.0 - self.0.rem_euclid(tick))
    }

    /// Rounds up to a multiple of `tick`, towards plus infinity: an ask rounded this way never crosses.
    #[inline]
    pub const fn ceil_to_tick(self, tick: i64) -> Self {
        assert!(tick > 0, "tick must be positive");
        let over = self.0.rem_euclid(tick);
        if over == 0 { self } else { Self(self.0 - over + tick) }
    }

    /// Whether the price lies on the grid of `tick` nano-units.
    #[inline]
    pub const fn is_on_tick(self, tick: i64) -> bool {
        self.0 % tick == 0
    }
}

impl fmt::Display for Price {
    /// Decimal, without trailing zeros: `585.33`, `100`, `-0.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let (whole, fraction) = (magnitude / NANOS as u64, magnitude % NANOS as u64);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{fraction:09}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// Why a text is not a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal price with at most nine decimals")]
pub struct ParsePriceError;

impl FromStr for Price {
    type Err = ParsePriceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() || fraction.len() > 9 || !plain(whole) || !plain(fraction)
        {
            return Err(ParsePriceError);
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| ParsePriceError)? };
        let mut nanos: i64 = 0;
        for place in 0..9 {
            let digit = fraction.as_bytes().get(place).map_or(0, |byte| i64::from(byte - b'0'));
            nanos = nanos * 10 + digit;
        }
        let value =
            whole.checked_mul(NANOS).and_then(|scaled| scaled.checked_add(nanos)).ok_or(ParsePriceError)?;
        Ok(Self(if negative { -value } else { value }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn floor_is_on_the_grid_and_never_above(nanos in -1_000_000_000_000i64..1_000_000_000_000, tick in 1i64..1_000_000) {
            let floored = Price(nanos).floor_to_tick(tick);
            prop_assert!(floored.is_on_tick(tick));
            prop_assert!(floored.0 <= nanos && nanos - floored.0 < tick);
        }

        #[test]
        fn ceil_is_on_the_grid_and_never_below(nanos in -1_000_000_000_000i64..1_000_000_000_000, tick in 1i64..1_000_000) {
            let raised = Price(nanos).ceil_to_tick(tick);
            prop_assert!(raised.is_on_tick(tick));
            prop_assert!(raised.0 >= nanos && raised.0 - nanos < tick);
        }

        #[test]
        fn text_goes_round(nanos in any::<i64>().prop_filter("the one value without a positive twin", |n| *n != i64::MIN)) {
            prop_assert_eq!(Price(nanos).to_string().parse::<Price>(), Ok(Price(nanos)));
        }
    }

    #[test]
    fn prices_print_as_a_person_writes_them() {
        assert_eq!(Price::from_e4(5_853_300).to_string(), "585.33");
        assert_eq!(Price(-500_000_000).to_string(), "-0.5");
        assert_eq!(Price(100 * NANOS).to_string(), "100");
    }

    #[test]
    fn a_float_that_is_no_price_is_refused() {
        for value in [f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(Price::from_f64(value), None);
        }
    }

    #[test]
    fn a_text_that_is_no_price_is_refused() {
        for text in ["", ".", "1.2.3", "1e5", "+1", "1.0123456789", "99999999999999"] {
            assert_eq!(text.parse::<Price>(), Err(ParsePriceError), "{text}");
        }
    }
}
