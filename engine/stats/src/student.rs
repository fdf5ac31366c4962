//! Student's t distribution: the chance of a mean as far from zero by luck alone.

/// Probability that a t-distributed number with `freedom` degrees lies at least as far from zero as `t`, on either side;
/// NaN for a NaN or where `freedom` is not positive.
///
/// Source: Abramowitz and Stegun, 26.7.1 with 26.5.8 (the incomplete beta function as a continued fraction).
pub fn two_sided(t: f64, freedom: f64) -> f64 {
    if t.is_nan() || freedom.is_nan() || freedom <= 0.0 {
        return f64::NAN;
    }
    if t.is_infinite() {
        return 0.0;
    }
    let square = t * t;
    incomplete_beta(0.5 * freedom, 0.5, freedom / (freedom + square), square / (freedom + square))
}

/// The regularised incomplete beta function at `x`, whose complement `1 - x` is given as well, undamaged by rounding.
fn incomplete_beta(a: f64, b: f64, x: f64, complement: f64) -> f64 {
    if x <= 0.0 || complement <= 0.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // The logarithm of x is taken from its complement where x is near one.
    let log_x = if complement < 0.5 { libm::log1p(-complement) } else { libm::log(x) };
    let log_complement = if x < 0.5 { libm::log1p(-x) } else { libm::log(complement) };
    let log_front = a * log_x + b * log_complement + log_gamma_ratio(a, b);
    if x < (a + 1.0) / (a + b + 2.0) {
        libm::exp(log_front) * fraction(a, b, x) / a
    } else {
        1.0 - libm::exp(log_front) * fraction(b, a, complement) / b
    }
}

/// Logarithm of gamma(a + b) / (gamma(a) gamma(b)).
fn log_gamma_ratio(a: f64, b: f64) -> f64 {
    libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b)
}

/// Lentz's evaluation of the continued fraction.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    const STEPS_MAX: i32 = 10_000;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for step in 1..=STEPS_MAX {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        result *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        let change = d * c;
        result *= change;
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_closed_forms_and_tables() {
        // One degree is Cauchy's law, two have a square root; 5 % at ten are 2.2281388520.
        for t in [0.1, 1.0, 3.0, 40.0] {
            let cauchy = 1.0 - 2.0 / core::f64::consts::PI * libm::atan(t);
            assert!((two_sided(t, 1.0) - cauchy).abs() < 1e-13, "{t}");
            let two = 1.0 - t / (2.0 + t * t).sqrt();
            assert!((two_sided(-t, 2.0) - two).abs() < 1e-13, "{t}");
        }
        assert!((two_sided(2.228_138_851_986_273, 10.0) - 0.05).abs() < 1e-12);
        // Far out and with many degrees it is the normal law.
        let normal = libm::erfc(3.0 / core::f64::consts::SQRT_2);
        assert!((two_sided(3.0, 1e9) / normal - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_ends_are_certain_and_nonsense_is_nan() {
        assert_eq!((two_sided(0.0, 5.0), two_sided(f64::INFINITY, 5.0)), (1.0, 0.0));
        assert!(two_sided(f64::NAN, 5.0).is_nan() && two_sided(1.0, 0.0).is_nan());
    }
}
