//! Share of Kelly's fraction that keeps the chance of a drawdown within a bound, in continuous time.

/// Probability that wealth ever falls to `1 - drawdown` of the start, holding `share` of Kelly's fraction:
/// `(1 - drawdown)^(2 / share - 1)`.
///
/// At full Kelly it is `1 - drawdown`: half the gamblers see half their money gone. From two on ruin is certain.
///
/// Source: Thorp, "The Kelly Criterion in Blackjack, Sports Betting and the Stock Market" (2006), section 7.2; it is the
/// first passage of Brownian motion with drift, `exp(-2 drift distance / variance)`.
pub fn probability_of_drawdown(share: f64, drawdown: f64) -> f64 {
    if share <= 0.0 {
        return 0.0;
    }
    libm::exp((2.0 / share - 1.0) * libm::log1p(-drawdown)).min(1.0)
}

/// Greatest share of Kelly's fraction at which that probability is at most `probability`: the formula above solved,
/// `2 / (1 + ln probability / ln(1 - drawdown))`; no more than one, beyond which growth falls and risk rises.
///
/// Both arguments lie in (0, 1).
pub fn share_within(drawdown: f64, probability: f64) -> f64 {
    (2.0 / (1.0 + libm::log(probability) / libm::log1p(-drawdown))).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_stats::Rng;

    #[test]
    fn the_published_shares_come_out() {
        // Thorp's rule of thumb: half Kelly halves wealth with probability 1/8, full Kelly with 1/2.
        assert!((probability_of_drawdown(0.5, 0.5) - 0.125).abs() < 1e-15);
        assert!((probability_of_drawdown(1.0, 0.5) - 0.5).abs() < 1e-15);
        assert!((share_within(0.5, 0.125) - 0.5).abs() < 1e-15);
        assert_eq!(share_within(0.5, 0.9), 1.0);
        assert_eq!(probability_of_drawdown(2.0, 0.5), 1.0);
    }

    #[test]
    fn a_million_paths_fall_as_often_as_allowed() {
        // Half a unit of Kelly's growth: log wealth of drift k m²/v (1 - k/2) and deviation k m/sqrt(v), here m = v = 1.
        let (drawdown, probability) = (0.2, 0.05);
        let share = share_within(drawdown, probability);
        let (drift, deviation) = (share * (1.0 - 0.5 * share), share);
        let floor = f64::ln(1.0 - drawdown);
        let mut rng = Rng::new(31);
        let (mut fallen, steps, step) = (0u32, 6, 4.0_f64);
        for _ in 0..1_000_000 {
            let mut log = 0.0;
            for _ in 0..steps {
                let next = log + drift * step + deviation * step.sqrt() * rng.normal();
                // The least value between two points of a Brownian path has a known law; it is drawn, not approximated.
                let spread = -2.0 * deviation * deviation * step * (1.0 - rng.uniform()).ln();
                let least = 0.5 * (log + next - ((next - log) * (next - log) + spread).sqrt());
                if least <= floor {
                    fallen += 1;
                    break;
                }
                log = next;
            }
        }
        let got = f64::from(fallen) / 1e6;
        // Standard error 0.0002; what falls only after 24 units of time is less than that.
        assert!(got < probability + 0.0007 && got > probability - 0.002, "{got} at {share}");
    }
}
