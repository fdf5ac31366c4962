//! Wider quotes where the market has just become livelier than it was: the model's own volatility is slow on purpose.

use serde::Deserialize;
use tickrace_stats::DecayedSums;

use super::config::{ConfigError, real};

/// How the half spread answers to short against long volatility.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolatilityRatioConfig {
    /// Memory of the short volatility, seconds; the long one is the market maker's `volatility_decay_s`.
    pub short_s: f64,
    /// The multiplier is the ratio of short to long volatility to this power.
    #[serde(default = "one")]
    pub exponent: f64,
    /// Least multiplier of the half spread.
    pub multiplier_min: f64,
    /// Greatest multiplier of the half spread.
    pub multiplier_max: f64,
}

const fn one() -> f64 {
    1.0
}

impl VolatilityRatioConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        real("volatility_ratio.short_s", self.short_s, 1e-3, 1e6, "0.001 to 1,000,000")?;
        real("volatility_ratio.exponent", self.exponent, 0.0, 10.0, "0 to 10")?;
        real("volatility_ratio.multiplier_min", self.multiplier_min, 0.01, 1.0, "0.01 to 1")?;
        real("volatility_ratio.multiplier_max", self.multiplier_max, 1.0, 100.0, "1 to 100")
    }
}

/// Short volatility of one instrument.
#[derive(Clone, Debug)]
pub(crate) struct VolatilityRatio {
    config: VolatilityRatioConfig,
    squares: DecayedSums<1>,
}

impl VolatilityRatio {
    pub(crate) fn new(config: &VolatilityRatioConfig) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "the key is between 1e-3 and 1e6 seconds")]
        let short_ns = (config.short_s * 1e9) as i64;
        Self { config: *config, squares: DecayedSums::new(short_ns) }
    }

    /// Takes squared moves of the mid in, ticks; gives the multiplier. `long` and `least` are ticks per root of a second.
    pub(crate) fn fold(&mut self, now_ns: i64, squares: f64, long: f64, least: f64) -> f64 {
        self.squares.add(now_ns, [squares]);
        let window_s = self.squares.window_s();
        let variance = if window_s > 0.0 { self.squares.sum(0) / window_s } else { 0.0 };
        let (short, long) = (variance.sqrt().max(least), long.max(least));
        if long <= 0.0 {
            return 1.0;
        }
        let VolatilityRatioConfig { exponent, multiplier_min, multiplier_max, .. } = self.config;
        libm::pow(short / long, exponent).clamp(multiplier_min, multiplier_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn the_multiplier_is_the_ratio_within_its_bounds() {
        let config =
            VolatilityRatioConfig { short_s: 1.0, exponent: 1.0, multiplier_min: 0.5, multiplier_max: 3.0 };
        let mut ratio = VolatilityRatio::new(&config);
        ratio.fold(0, 0.0, 1.0, 0.1);
        // 4 squared ticks every 10 ms are 400 a second: 20 ticks per root of a second, up to the grid of 10 ms.
        let mut found = 0.0;
        for step in 1..=1_000 {
            found = ratio.fold(step * SECOND / 100, 4.0, 10.0, 0.1);
        }
        assert!((found - 2.0).abs() < 0.02, "{found}");
        assert_eq!(ratio.fold(10 * SECOND, 0.0, 1.0, 0.1), 3.0, "at most the greatest");
        assert_eq!(ratio.fold(100 * SECOND, 0.0, 10.0, 0.1), 0.5, "at least the least");
        let squared = VolatilityRatioConfig { exponent: 2.0, multiplier_max: 100.0, ..config };
        let mut ratio = VolatilityRatio::new(&squared);
        ratio.fold(0, 0.0, 10.0, 0.1);
        for step in 1..=1_000 {
            found = ratio.fold(step * SECOND / 100, 4.0, 10.0, 0.1);
        }
        assert!((found - 4.0).abs() < 0.1, "{found}");
        let mut nothing = VolatilityRatio::new(&config);
        assert_eq!(nothing.fold(0, 0.0, 0.0, 0.0), 1.0, "nothing moves and nothing is assumed to");
    }
}
