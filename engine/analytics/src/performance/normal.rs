//! The standard normal distribution.

use core::f64::consts::{PI, SQRT_2};

/// Density.
pub fn density(x: f64) -> f64 {
    libm::exp(-x * x / 2.0) / (2.0 * PI).sqrt()
}

/// Probability of a value up to `x`.
pub fn cumulative(x: f64) -> f64 {
    libm::erfc(-x / SQRT_2) / 2.0
}

/// The value below which a share `p` lies; `None` outside (0, 1).
///
/// Source: C. Hastings' approximation (Abramowitz and Stegun 26.2.23, error under 4.5e-4) as a start, then Halley's steps
/// on [`cumulative`] until they stand still.
pub fn quantile(p: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0) {
        return None;
    }
    let tail = p.min(1.0 - p);
    let t = (-2.0 * libm::log(tail)).sqrt();
    let ratio = (2.515_517 + t * (0.802_853 + t * 0.010_328))
        / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    // Solved in the lower tail, where small probabilities keep their digits.
    let mut x = ratio - t;
    for _ in 0..8 {
        let step = (cumulative(x) - tail) / density(x);
        let step = step / (1.0 + x * step / 2.0);
        x -= step;
        if step.abs() < 1e-15 {
            break;
        }
    }
    Some(if p < 0.5 { x } else { -x })
}
