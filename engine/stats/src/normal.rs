//! The normal distribution: density, probability and quantile.

use core::f64::consts::{PI, SQRT_2};

/// Density of the standard normal at `x`.
#[inline]
pub fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / (2.0 * PI).sqrt()
}

/// Probability that a standard normal lies at or below `x`.
#[inline]
pub fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

/// The value that a standard normal stays below with `probability`; infinite at 0 and 1, NaN outside [0, 1].
///
/// Source: Acklam's rational approximation (relative error 1.15e-9), then one step of Halley's method on [`cdf`], which
/// leaves rounding errors only.
pub fn quantile(probability: f64) -> f64 {
    if !(0.0..=1.0).contains(&probability) {
        return f64::NAN;
    }
    if probability == 0.0 || probability == 1.0 {
        return if probability == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    // The upper half by symmetry: a probability near one has lost its digits already, its complement has not.
    if probability > 0.5 {
        return -quantile(1.0 - probability);
    }
    let first = acklam(probability);
    let error = (cdf(first) - probability) / density(first);
    first - error / (1.0 + 0.5 * first * error)
}

fn acklam(probability: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    if probability < 0.024_25 {
        let q = (-2.0 * libm::log(probability)).sqrt();
        polynomial(&C, q) / polynomial(&D, q)
    } else {
        let q = probability - 0.5;
        q * polynomial(&A, q * q) / polynomial(&B, q * q)
    }
}

/// Horner's scheme, the highest power first.
pub(crate) fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_the_tables() {
        // Abramowitz and Stegun, table 26.1, and the usual quantiles.
        for (x, p) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_543),
            (-2.0, 0.022_750_131_948_179),
            (3.0, 0.998_650_101_968_370),
        ] {
            assert!((cdf(x) - p).abs() < 1e-14, "{x}");
        }
        for (p, x) in
            [(0.975, 1.959_963_984_540_054), (0.01, -2.326_347_874_040_841), (1e-10, -6.361_340_902_404_056)]
        {
            assert!((quantile(p) - x).abs() < 1e-12 * 10.0, "{p}: {}", quantile(p));
        }
        assert!((density(0.0) - 0.398_942_280_401_432_7).abs() < 1e-15);
    }

    #[test]
    fn the_ends_are_infinite_and_beyond_them_is_nothing() {
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(quantile(1.1).is_nan() && quantile(f64::NAN).is_nan());
    }
}
