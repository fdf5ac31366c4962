//! The standard normal distribution, as far as figures of returns need it.

pub use tickrace_stats::normal::{cdf, density};

/// The value below which a share `p` lies; `None` outside (0, 1).
pub fn quantile(p: f64) -> Option<f64> {
    (p > 0.0 && p < 1.0).then(|| tickrace_stats::normal::quantile(p))
}
