//! Reservation price and spread, in ticks and units of one order.
//!
//! Everything a quote needs from logarithms and roots is computed here, rarely; a tick then costs additions.

/// What a quote needs: how far from the reservation price, and how far a unit of inventory moves that price.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Terms {
    /// Half spread, ticks.
    pub half_spread_ticks: f64,
    /// Shift of the reservation price against one order size held, ticks.
    pub skew_ticks: f64,
}

/// Quotes far from the end of trading.
///
/// - `risk_aversion`: per tick and unit, positive; `volatility_ticks`: per root of a second;
///   `intensity_per_s`: `A`, positive; `decay_per_tick`: `k`, positive.
///
/// Source: Guéant, Lehalle and Fernandez-Tapia, "Dealing with the inventory risk" (2013), the asymptotic quotes
/// of section 4: `(1/γ) ln(1 + γ/k) + (1 ± 2q)/2 sqrt(σ²γ/(2kA) (1 + γ/k)^(1 + k/γ))`.
pub fn stationary(
    risk_aversion: f64,
    volatility_ticks: f64,
    intensity_per_s: f64,
    decay_per_tick: f64,
) -> Terms {
    let ratio = risk_aversion / decay_per_tick;
    let growth = libm::log1p(ratio);
    // (1 + γ/k)^(1 + k/γ), by its logarithm.
    let power = libm::exp(growth * (1.0 + 1.0 / ratio));
    let skew_ticks =
        volatility_ticks * (risk_aversion / (2.0 * decay_per_tick * intensity_per_s) * power).sqrt();
    Terms { half_spread_ticks: growth / risk_aversion + 0.5 * skew_ticks, skew_ticks }
}

/// Quotes with inventory carried for `horizon_s`.
///
/// Source: Avellaneda and Stoikov, "High-frequency trading in a limit order book" (2008), equations 29 and 30:
/// `r = s - qγσ²(T - t)`, spread `γσ²(T - t) + (2/γ) ln(1 + γ/k)`.
pub fn horizon(risk_aversion: f64, volatility_ticks: f64, horizon_s: f64, decay_per_tick: f64) -> Terms {
    let skew_ticks = risk_aversion * volatility_ticks * volatility_ticks * horizon_s;
    let growth = libm::log1p(risk_aversion / decay_per_tick);
    Terms { half_spread_ticks: growth / risk_aversion + 0.5 * skew_ticks, skew_ticks }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9 * (1.0 + b.abs())
    }

    #[test]
    fn the_horizon_form_is_the_published_example() {
        // Section 3.3 of the paper: γ = 0.1, σ = 2, T = 1, k = 1.5. The spread is γσ² + (2/γ) ln(1 + γ/k)
        // = 0.4 + 20 ln(1.0666...) = 0.4 + 1.2907704227514234 = 1.6907704227514234.
        let terms = horizon(0.1, 2.0, 1.0, 1.5);
        assert!(close(2.0 * terms.half_spread_ticks, 1.690_770_422_751_423_4), "{terms:?}");
        assert!(close(terms.skew_ticks, 0.4));
    }

    #[test]
    fn the_stationary_form_by_hand() {
        // γ = k = 1: ln 2 + skew / 2, skew = σ sqrt(1 / (2A) x 2²) = σ sqrt(2 / A).
        let terms = stationary(1.0, 3.0, 2.0, 1.0);
        assert!(close(terms.skew_ticks, 3.0));
        assert!(close(terms.half_spread_ticks, core::f64::consts::LN_2 + 1.5));
    }

    #[test]
    fn both_forms_tend_to_one_over_k_without_risk() {
        // As γ falls to nothing, (1/γ) ln(1 + γ/k) tends to 1/k.
        for terms in [stationary(1e-9, 0.0, 1.0, 0.5), horizon(1e-9, 0.0, 1.0, 0.5)] {
            assert!((terms.half_spread_ticks - 2.0).abs() < 1e-6, "{terms:?}");
            assert_eq!(terms.skew_ticks, 0.0);
        }
    }
}
