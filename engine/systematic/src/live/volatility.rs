//! Deviation of daily differences, and what forecasts are multiplied by for it, a day at a time.

use tickrace_stats::moments::alpha_of_span;

use super::operator::{EwMean, EwStd, Fill, RollingMean, RollingQuantile, RollingStd};
use super::tape::Tape;
use crate::raw::{VolatilityConfig, VolatilityMethod, YEAR_DAYS};

/// As [`crate::raw::volatility`].
#[derive(Clone, Debug)]
pub(super) enum Volatility {
    /// Exponential, mixed with its own slow average.
    Mixed { quick: EwStd, slow: EwMean, share: f64, least: f64 },
    /// Exponential, never below a quantile of its own last days, where there is one.
    Robust { quick: EwStd, least: f64, floor: Option<(RollingQuantile, Fill)> },
    /// Exponential.
    Exponential(EwStd),
    /// Of the last days, all alike.
    Rolling(RollingStd),
}

impl Volatility {
    /// `config`: its `days` are at least 1 where the method is `Rolling`.
    pub fn new(config: &VolatilityConfig) -> Self {
        let quick = EwStd::new(alpha_of_span(config.days), config.min_periods);
        match config.func {
            VolatilityMethod::Mixed => Self::Mixed {
                quick,
                slow: EwMean::of_span(config.slow_vol_years * YEAR_DAYS),
                share: config.proportion_of_slow_vol,
                least: config.vol_abs_min,
            },
            VolatilityMethod::Robust => {
                let (days, least) = (config.floor_days, config.floor_min_periods);
                // Before anything is known of its past the floor is zero.
                let floor = || (RollingQuantile::new(days.max(1), least, config.floor_min_quant), Fill(0.0));
                Self::Robust { quick, least: config.vol_abs_min, floor: config.vol_floor.then(floor) }
            }
            VolatilityMethod::Exponential => Self::Exponential(quick),
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days, at least one")]
            VolatilityMethod::Rolling => {
                Self::Rolling(RollingStd::new(config.days as usize, config.min_periods))
            }
        }
    }

    /// As [`crate::raw::robust_volatility`].
    pub fn robust() -> Self {
        Self::new(&VolatilityConfig { func: VolatilityMethod::Robust, ..VolatilityConfig::default() })
    }

    pub fn push(&mut self, difference: f64) -> f64 {
        let not_below = |value: f64, floor: f64| if value < floor { floor } else { value };
        match self {
            Self::Mixed { quick, slow, share, least } => {
                let quick = quick.push(difference);
                let slow = slow.push(quick);
                not_below(slow * *share + quick * (1.0 - *share), *least)
            }
            Self::Robust { quick, least, floor } => {
                let value = not_below(quick.push(difference), *least);
                let Some((quantile, last)) = floor else { return value };
                not_below(value, last.push(quantile.push(value)))
            }
            Self::Exponential(quick) => quick.push(difference),
            Self::Rolling(window) => window.push(difference),
        }
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        match self {
            Self::Mixed { quick, slow, .. } => {
                quick.keep(tape);
                slow.keep(tape);
            }
            Self::Robust { quick, floor, .. } => {
                quick.keep(tape);
                if let Some((quantile, last)) = floor {
                    quantile.keep(tape);
                    last.keep(tape);
                }
            }
            Self::Exponential(quick) => quick.keep(tape),
            Self::Rolling(window) => window.keep(tape),
        }
    }
}

/// As [`crate::forecast::attenuation`].
#[derive(Clone, Debug)]
pub(super) struct Attenuation {
    mean: RollingMean,
    /// Volatilities over their mean, of all days so far, in order of size.
    earlier: Vec<f64>,
    rows: u64,
    smooth: EwMean,
}

impl Attenuation {
    pub fn new() -> Self {
        Self {
            mean: RollingMean::new(2_500, 10),
            earlier: Vec::new(),
            rows: 0,
            smooth: EwMean::of_span(10.0),
        }
    }

    /// The multiplier, and the share of days so far whose volatility was lower.
    pub fn push(&mut self, perc_vol: f64) -> (f64, f64) {
        let value = perc_vol / self.mean.push(perc_vol);
        let mut smaller = 0;
        if !value.is_nan() {
            smaller = self.earlier.partition_point(|own| *own < value);
            self.earlier.insert(smaller, value);
        }
        self.rows += 1;
        let quantile = smaller as f64 / self.rows as f64;
        (self.smooth.push(2.0 - 1.5 * quantile), quantile)
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        self.mean.keep(tape);
        tape.list(&mut self.earlier);
        tape.count(&mut self.rows);
        self.smooth.keep(tape);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::forecast::attenuation;
    use crate::raw::volatility;

    fn same(own: f64, batch: f64) -> bool {
        own.to_bits() == batch.to_bits() || own.is_nan() && batch.is_nan()
    }

    proptest! {
        #[test]
        fn every_deviation_is_the_function_to_the_last_bit(
            values in prop::collection::vec(prop_oneof![1 => Just(f64::NAN), 6 => -5.0..5.0_f64, 1 => Just(0.0)], 0..300),
            days in 1.0..50.0_f64, least in 1..20_usize, has_floor: bool,
        ) {
            for func in [
                VolatilityMethod::Mixed, VolatilityMethod::Robust, VolatilityMethod::Exponential, VolatilityMethod::Rolling,
            ] {
                let config = VolatilityConfig {
                    func, days, min_periods: least, vol_floor: has_floor, floor_days: 60, floor_min_periods: 15,
                    floor_min_quant: 0.3, ..VolatilityConfig::default()
                };
                let mut own = Volatility::new(&config);
                for (value, batch) in values.iter().zip(volatility(&values, &config)) {
                    prop_assert!(same(own.push(*value), batch), "{func:?}");
                }
            }
            let (multipliers, quantiles) = attenuation(&values);
            let mut own = Attenuation::new();
            for (row, value) in values.iter().enumerate() {
                let (multiplier, quantile) = own.push(*value);
                prop_assert!(same(multiplier, multipliers[row]) && same(quantile, quantiles[row]));
            }
        }
    }
}
