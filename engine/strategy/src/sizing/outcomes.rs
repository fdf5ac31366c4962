//! Fractions of wealth for a list of possible returns: greatest utility, and the bound on falling far.

/// Steps of a bisection: the bracket shrinks below the last bit of a fraction.
const BISECTIONS: usize = 60;

/// Wealth that the worst outcome always leaves, as a share.
const REST_MIN: f64 = 1e-9;

/// Fraction of wealth with the greatest expected utility over equally likely returns.
///
/// Utility has constant relative risk aversion: logarithmic at 1, which is Kelly's criterion, and more careful above. The
/// condition `E[r (1 + f r)^-aversion] = 0` falls in `f` and is bisected.
///
/// - `returns`: of one unit held long, per period; `aversion`: positive; `leverage_max`: bound on either side.
/// - Result: signed fraction of wealth; zero without returns. Allocates nothing.
///
/// Source: Samuelson (1969), "Lifetime portfolio selection by dynamic stochastic programming": a myopic choice is optimal.
pub fn greatest_utility(returns: &[f64], aversion: f64, leverage_max: f64) -> f64 {
    let slope = |fraction: f64| {
        let at = |r: f64| {
            let wealth = 1.0 + fraction * r;
            if aversion == 1.0 { r / wealth } else { r * libm::pow(wealth, -aversion) }
        };
        returns.iter().map(|r| at(*r)).sum::<f64>()
    };
    let mean = slope(0.0);
    if mean == 0.0 || !mean.is_finite() {
        return 0.0;
    }
    let sign = mean.signum();
    let most = solvent(returns, sign).min(leverage_max);
    // Along its own sign the slope begins positive.
    if sign * slope(sign * most) >= 0.0 {
        return sign * most;
    }
    sign * bisect(most, |fraction| sign * slope(sign * fraction) >= 0.0)
}

/// Greatest fraction, up to `fraction_max`, at which wealth falls below `1 - drawdown` of the start with no more than
/// `probability`, ever, in a repeated bet.
///
/// The condition `E[(1 + f r)^-k] <= 1` with `k = ln(probability) / ln(1 - drawdown)` suffices, and is close to necessary
/// when single bets are small; it is convex in `f` and one at 0, so that it holds below a single root.
///
/// - `returns`: of one unit staked, with `weights` their probabilities (summing to one).
/// - Result: in [0, `fraction_max`]; zero where the bet does not gain on average. Allocates nothing.
///
/// Source: Busseti, Ryu and Boyd, "Risk-Constrained Kelly Gambling" (2016), section 4.
pub fn drawdown_constrained(
    returns: &[f64],
    weights: &[f64],
    drawdown: f64,
    probability: f64,
    fraction_max: f64,
) -> f64 {
    let mean: f64 = returns.iter().zip(weights).map(|(r, w)| r * w).sum();
    if mean.is_nan() || mean <= 0.0 {
        return 0.0;
    }
    let power = libm::log(probability) / libm::log1p(-drawdown);
    let is_safe = |fraction: f64| {
        let at = |(r, w): (&f64, &f64)| w * libm::pow(1.0 + fraction * r, -power);
        returns.iter().zip(weights).map(at).sum::<f64>() <= 1.0
    };
    let most = solvent(returns, 1.0).min(fraction_max);
    if is_safe(most) { most } else { bisect(most, is_safe) }
}

/// Largest fraction of one sign at which every outcome leaves something.
fn solvent(returns: &[f64], sign: f64) -> f64 {
    let worst = returns.iter().map(|r| sign * r).fold(0.0, f64::min);
    if worst < 0.0 { (1.0 - REST_MIN) / -worst } else { f64::INFINITY }
}

/// Upper end of where `holds`, which it does at 0 and no more at `most`.
fn bisect(most: f64, holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, most);
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        if holds(middle) { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizing::kelly::{Bet, binary};
    use tickrace_stats::Rng;

    #[test]
    fn logarithmic_utility_of_a_coin_is_kellys_fraction() {
        // 11 gains of 1.5 and 9 losses of 0.8 of the stake, in both directions.
        let mut returns = vec![1.5; 11];
        returns.extend([-0.8; 9]);
        let kelly = binary(Bet { probability: 0.55, win: 1.5, loss: 0.8 });
        assert!((greatest_utility(&returns, 1.0, 10.0) - kelly).abs() < 1e-12);
        returns.iter_mut().for_each(|r| *r = -*r);
        assert!((greatest_utility(&returns, 1.0, 10.0) + kelly).abs() < 1e-12);
        assert_eq!(greatest_utility(&returns, 1.0, 0.1), -0.1);
        assert_eq!(greatest_utility(&[], 1.0, 10.0), 0.0);
    }

    #[test]
    fn small_gaussian_returns_give_mean_over_aversion_and_variance() {
        // Merton's fraction, with mean and variance exact by antithetic pairs.
        let mut rng = Rng::new(9);
        let shocks: Vec<f64> = (0..5_000).map(|_| 1e-3 * rng.normal()).collect();
        let variance = shocks.iter().map(|shock| shock * shock).sum::<f64>() / 5_000.0;
        let returns: Vec<f64> = shocks.iter().flat_map(|shock| [2e-6 + shock, 2e-6 - shock]).collect();
        for aversion in [1.0, 2.0, 4.0] {
            let got = greatest_utility(&returns, aversion, 100.0);
            assert!((got * aversion * variance / 2e-6 - 1.0).abs() < 1e-3, "{aversion}: {got}");
        }
    }

    /// Share of gamblers whose wealth ever falls below `floor`. A path ends once its chance to fall is below
    /// one in ten thousand: the chance from wealth `w` is at most `(floor / w)^power`.
    fn share_fallen(paths: u32, bet: Bet, fraction: f64, floor: f64, power: f64) -> f64 {
        let (up, down) = ((1.0 + fraction * bet.win).ln(), (1.0 - fraction * bet.loss).ln());
        let (low, high) = (floor.ln(), floor.ln() + 4.0 * 10f64.ln() / power);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 256")]
        let threshold = (bet.probability * 256.0) as u64;
        let mut rng = Rng::new(77);
        let (mut bits, mut left, mut fallen) = (0, 0, 0u32);
        for _ in 0..paths {
            let mut log = 0.0;
            while log < high {
                if left == 0 {
                    (bits, left) = (rng.bits(), 8);
                }
                log += if bits & 0xff < threshold { up } else { down };
                bits >>= 8;
                left -= 1;
                if log < low {
                    fallen += 1;
                    break;
                }
            }
        }
        f64::from(fallen) / f64::from(paths)
    }

    #[test]
    fn the_constrained_fraction_meets_its_bound_in_a_million_paths() {
        // 0.625 is exact in eight bits.
        let bet = Bet { probability: 0.625, win: 1.0, loss: 1.0 };
        let kelly = binary(bet);
        let (drawdown, probability) = (0.3, 0.1);
        let fraction = drawdown_constrained(&[1.0, -1.0], &[0.625, 0.375], drawdown, probability, kelly);
        let power = probability.ln() / (1.0 - drawdown).ln();
        let fallen = share_fallen(1_000_000, bet, fraction, 1.0 - drawdown, power);
        assert!(fraction < kelly, "the bound binds: {fraction} {kelly}");
        // It holds, and is not met by staking next to nothing: the bound of the source is within a third of the truth.
        assert!(fallen <= probability && fallen > 0.66 * probability, "{fallen} at {fraction}");
        // The unconstrained gambler falls that far far more often.
        assert!(share_fallen(100_000, bet, kelly, 1.0 - drawdown, 1.0) > 4.0 * probability);
    }

    #[test]
    fn a_losing_bet_gets_nothing_and_a_loose_bound_does_not_bind() {
        assert_eq!(drawdown_constrained(&[1.0, -1.0], &[0.5, 0.5], 0.3, 0.1, 1.0), 0.0);
        assert_eq!(drawdown_constrained(&[1.0, -1.0], &[0.6, 0.4], 0.99, 0.99, 0.2), 0.2);
    }
}
