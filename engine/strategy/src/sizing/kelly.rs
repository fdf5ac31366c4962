//! Kelly's fractions in closed form.

/// A bet that gains `win` or loses `loss` of each unit staked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bet {
    /// Probability of the gain, 0 to 1.
    pub probability: f64,
    /// Gain of one unit staked, positive: 1.0 doubles it.
    pub win: f64,
    /// Loss of one unit staked, positive: 1.0 is all of it.
    pub loss: f64,
}

/// Fraction of wealth that grows fastest in a repeated bet: `p / loss - (1 - p) / win`, and nothing where that is negative.
///
/// Source: Kelly, "A New Interpretation of Information Rate" (1956), in the form of Thorp, "The Kelly Criterion in
/// Blackjack, Sports Betting and the Stock Market" (2006), section 2. Zero for a bet that is not one.
pub fn binary(bet: Bet) -> f64 {
    let Bet { probability: p, win, loss } = bet;
    if !((0.0..=1.0).contains(&p) && win > 0.0 && loss > 0.0) {
        return 0.0;
    }
    (p / loss - (1.0 - p) / win).max(0.0)
}

/// Fraction of wealth that grows fastest in continuous time: `mean / variance`, negative for a short position.
///
/// - `mean`: expected excess return per period, `volatility`: its standard deviation per period.
///
/// Source: Merton (1969); Thorp (2006), section 7. Zero where the volatility is not positive.
#[inline]
pub fn continuous(mean: f64, volatility: f64) -> f64 {
    let fraction = mean / (volatility * volatility);
    if volatility > 0.0 && fraction.is_finite() { fraction } else { 0.0 }
}

/// The same from a Sharpe ratio: `sharpe / volatility`, both of one period (both annual, or both daily).
///
/// Source: Thorp (2006), section 7: the growth-optimal portfolio has the volatility of its Sharpe ratio.
#[inline]
pub fn from_sharpe(sharpe: f64, volatility: f64) -> f64 {
    continuous(sharpe * volatility, volatility)
}

/// Growth of log wealth per period at a fraction held: `f mean - f² volatility² / 2`, above the rate on cash.
///
/// Source: Thorp (2006), equation 7.3.
pub fn growth(fraction: f64, mean: f64, volatility: f64) -> f64 {
    fraction * mean - 0.5 * fraction * fraction * volatility * volatility
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_stats::Rng;

    #[test]
    fn the_binary_fraction_grows_fastest_in_simulation() {
        // Payoffs 1.5 to 0.8 at 45 per cent: 0.45 / 0.8 - 0.55 / 1.5 = 0.19583.
        let bet = Bet { probability: 0.45, win: 1.5, loss: 0.8 };
        let kelly = binary(bet);
        assert!((kelly - 0.195_833_333_333).abs() < 1e-9);
        let mut rng = Rng::new(1);
        let mut logs = [0.0; 21];
        for _ in 0..1_000_000 {
            let gain = if rng.uniform() < bet.probability { bet.win } else { -bet.loss };
            for (step, log) in logs.iter_mut().enumerate() {
                *log += (1.0 + 0.02 * step as f64 * gain).ln();
            }
        }
        let best = (0..21).max_by(|a, b| logs[*a].total_cmp(&logs[*b])).unwrap();
        assert!((0.02 * best as f64 - kelly).abs() <= 0.02, "{best}");
    }

    #[test]
    fn the_continuous_fraction_grows_fastest_in_simulation() {
        // Daily 0.0004 at one per cent: four times the equity.
        let (mean, volatility) = (0.0004, 0.01);
        let kelly = continuous(mean, volatility);
        let mut rng = Rng::new(2);
        let mut logs = [0.0; 17];
        for _ in 0..400_000 {
            // Antithetic pairs take the noise of the mean out.
            let shock = volatility * rng.normal();
            for (step, log) in logs.iter_mut().enumerate() {
                let fraction = 0.5 * step as f64;
                *log += (1.0 + fraction * (mean + shock)).ln() + (1.0 + fraction * (mean - shock)).ln();
            }
        }
        let best = (0..17).max_by(|a, b| logs[*a].total_cmp(&logs[*b])).unwrap();
        assert!((0.5 * best as f64 - kelly).abs() <= 0.5, "{best}");
        // And its growth is what the formula says, up to the third order that the formula drops.
        assert!((logs[8] / 800_000.0 / growth(kelly, mean, volatility) - 1.0).abs() < 0.02);
    }

    #[test]
    fn sharpe_and_moments_agree_and_nonsense_is_nothing() {
        // Ten per cent a year at twenty: Sharpe 0.5, two and a half times the equity.
        assert!((from_sharpe(0.5, 0.2) - 2.5).abs() < 1e-12 && (continuous(0.1, 0.2) - 2.5).abs() < 1e-12);
        assert_eq!(continuous(0.1, 0.0), 0.0);
        assert_eq!(continuous(f64::NAN, 0.1), 0.0);
        assert_eq!(binary(Bet { probability: 0.4, win: 1.0, loss: 1.0 }), 0.0);
        assert_eq!(binary(Bet { probability: 0.4, win: 0.0, loss: 1.0 }), 0.0);
    }
}
