//! The share of its stated size that a strategy of a portfolio trades with.
//!
//! The rule: every size and limit that a policy states of itself in lots is multiplied by the weight and rounded down to whole
//! lots; what would become nothing is an error. Prices, times, ratios and the gate's limits stay as they are: a limit of the
//! house does not move with what somebody would like to trade.

use serde::{Deserialize, Deserializer, de};

/// Millionths in one.
const ONE: i64 = 1_000_000;

/// A weight in millionths, above nothing and at most a thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight(i64);

impl Weight {
    /// Sizes as they are stated.
    pub const ONE: Self = Self(ONE);

    /// From a share, rounded to millionths; `None` unless it is from 0.000001 to 1,000.
    pub fn new(share: f64) -> Option<Self> {
        #[allow(clippy::cast_possible_truncation, reason = "looked at below; casts saturate")]
        let millionths = (share * ONE as f64).round() as i64;
        (share.is_finite() && (1..=1_000 * ONE).contains(&millionths)).then_some(Self(millionths))
    }

    /// So many lots of this weight, rounded down. `lots` are zero or positive.
    pub fn lots(self, lots: i64) -> i64 {
        let weighted = i128::from(lots) * i128::from(self.0) / i128::from(ONE);
        i64::try_from(weighted).unwrap_or(i64::MAX)
    }

    /// As a share.
    pub fn share(self) -> f64 {
        self.0 as f64 / ONE as f64
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self::ONE
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let share = f64::deserialize(from)?;
        Self::new(share)
            .ok_or_else(|| de::Error::custom(format!("a weight is from 0.000001 to 1000, it is {share}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lots_are_rounded_down_and_decimals_are_exact() {
        // 100 x 0.29 in binary is 28.999999999999996.
        assert_eq!(Weight::new(0.29).unwrap().lots(100), 29);
        assert_eq!(Weight::new(0.333).unwrap().lots(100), 33);
        assert_eq!(Weight::new(2.5).unwrap().lots(3), 7);
        assert_eq!(Weight::ONE.lots(i64::MAX), i64::MAX);
        assert_eq!(Weight::new(1_000.0).unwrap().lots(i64::MAX), i64::MAX);
        assert_eq!(Weight::new(0.5).unwrap().lots(1), 0);
    }

    #[test]
    fn nothing_and_nonsense_are_no_weights() {
        for share in [0.0, -1.0, 1e-7, 1_000.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Weight::new(share), None, "{share}");
        }
    }
}
