//! Risk of the whole portfolio by four measures, and the multiplier that keeps each within its limit.
//!
//! Source: R. Carver, *Advanced Futures Trading Strategies* (2023), "Risk overlay"; measures of pysystemtrade 1.80.

use tickrace_stats::moments::rolling_quantile;

/// Rows over which the greatest usual volatility is sought, how many it needs, and its quantile.
const SHOCK_DAYS: usize = 2560;
const SHOCK_DAYS_MIN: usize = 3;
const SHOCK_QUANTILE: f64 = 0.99;

/// The most that each measure may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverlayLimits {
    /// Annual risk, a fraction of capital.
    pub normal: f64,
    /// The same at shocked volatilities.
    pub shocked: f64,
    /// Sum of the absolute risks: the risk when all correlations go against the portfolio.
    pub sum_abs: f64,
    /// Sum of absolute weights.
    pub leverage: f64,
}

impl OverlayLimits {
    /// From limits in units of the wanted risk, as the reference's configuration has them.
    ///
    /// - `fractions`: of the normal, shocked and summed risk.
    /// - `risk_target`: annual, a fraction of capital.
    /// - `leverage`: the sum of absolute weights itself.
    pub fn of_target(fractions: [f64; 3], risk_target: f64, leverage: f64) -> Self {
        let [normal, shocked, sum_abs] = fractions.map(|fraction| fraction * risk_target);
        Self { normal, shocked, sum_abs, leverage }
    }
}

/// Measures of one day, fractions of capital.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RiskMeasures {
    /// Annual risk.
    pub normal: f64,
    /// Annual risk at shocked volatilities.
    pub shocked: f64,
    /// Sum of absolute annual risks (correlation shock).
    pub sum_abs: f64,
    /// Sum of absolute weights.
    pub leverage: f64,
}

impl RiskMeasures {
    /// Of a portfolio.
    ///
    /// - `weights`: `[assets]`, contracts times value of one over capital; a missing one is none.
    /// - `annual_vol`, `shocked_vol`: `[assets]`, fractions a year; of an asset without one nothing is known, it counts as 0.
    /// - `correlation`: `[assets x assets]`, rows one after the other.
    pub fn of(weights: &[f64], annual_vol: &[f64], shocked_vol: &[f64], correlation: &[f64]) -> Self {
        let known = |value: f64| if value.is_nan() { 0.0 } else { value };
        let count = weights.len().max(1);
        let (mut normal, mut shocked, mut sum_abs, mut leverage) = (0.0, 0.0, 0.0, 0.0);
        for (row, entries) in correlation.chunks_exact(count).enumerate() {
            let weight = known(weights[row]);
            leverage += weight.abs();
            let (own, own_shocked) = (weight * known(annual_vol[row]), weight * known(shocked_vol[row]));
            sum_abs += own.abs();
            if weight == 0.0 {
                continue;
            }
            let (mut with, mut with_shocked) = (0.0, 0.0);
            for (column, entry) in entries.iter().enumerate() {
                let other = known(weights[column]) * entry;
                with += other * known(annual_vol[column]);
                with_shocked += other * known(shocked_vol[column]);
            }
            normal += own * with;
            shocked += own_shocked * with_shocked;
        }
        // A correlation matrix with filled gaps may be a little off: no variance is below zero.
        Self { normal: normal.max(0.0).sqrt(), shocked: shocked.max(0.0).sqrt(), sum_abs, leverage }
    }

    /// What every position is multiplied by: 1, or what brings the worst measure back to its limit.
    pub fn multiplier(&self, limits: &OverlayLimits) -> f64 {
        let pairs = [
            (self.normal, limits.normal),
            (self.shocked, limits.shocked),
            (self.sum_abs, limits.sum_abs),
            (self.leverage, limits.leverage),
        ];
        pairs.iter().map(|(measure, limit)| limit / limit.max(*measure)).fold(1.0, f64::min)
    }
}

/// Volatility as it could be: the 99 % quantile of the last 2560 rows (at least 3), the first one standing before itself.
///
/// `vol`: `[days]`, any unit. The back-filled head looks ahead by two rows: the reference's, kept for parity.
pub fn shocked_volatility(vol: &[f64]) -> Vec<f64> {
    let mut shocked = rolling_quantile(vol, SHOCK_DAYS, SHOCK_DAYS_MIN, SHOCK_QUANTILE);
    let mut next = f64::NAN;
    for value in shocked.iter_mut().rev() {
        if value.is_nan() {
            *value = next;
        }
        next = *value;
    }
    shocked
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: OverlayLimits = OverlayLimits { normal: 0.5, shocked: 1.0, sum_abs: 2.0, leverage: 8.0 };

    #[test]
    fn measures_are_those_of_two_assets_by_hand() {
        let measures = RiskMeasures::of(&[2.0, -1.0], &[0.1, 0.3], &[0.2, 0.3], &[1.0, 0.5, 0.5, 1.0]);
        // 0.2^2 + 0.3^2 - 2 x 0.5 x 0.2 x 0.3 = 0.07; shocked 0.16 + 0.09 - 0.12 = 0.13.
        assert!((measures.normal - 0.07f64.sqrt()).abs() < 1e-12);
        assert!((measures.shocked - 0.13f64.sqrt()).abs() < 1e-12);
        assert!((measures.sum_abs - 0.5).abs() < 1e-12 && measures.leverage == 3.0);
        assert_eq!(measures.multiplier(&LIMITS), 1.0);
    }

    #[test]
    fn the_worst_measure_sets_the_multiplier() {
        let measures = RiskMeasures { normal: 1.0, shocked: 1.0, sum_abs: 2.0, leverage: 32.0 };
        assert_eq!(measures.multiplier(&LIMITS), 0.25);
        let missing =
            RiskMeasures::of(&[f64::NAN, 1.0], &[0.1, f64::NAN], &[0.1, 0.1], &[1.0, 0.0, 0.0, 1.0]);
        assert_eq!((missing.normal, missing.leverage), (0.0, 1.0));
    }

    #[test]
    fn a_shock_is_near_the_worst_seen_and_stands_from_the_start() {
        let vol = [0.1, 0.2, 0.3, 0.1, 0.1];
        let shocked = shocked_volatility(&vol);
        assert_eq!(shocked[0], shocked[2]);
        assert!((shocked[2] - 0.298).abs() < 1e-12);
    }
}
