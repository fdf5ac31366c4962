//! Which instruments a small capital should trade: chosen one by one for the expected Sharpe ratio after costs.
//!
//! The more instruments, the more diversification, but the smaller each position: one that should hold less than a few
//! contracts cannot follow its forecasts. The search starts from the single best instrument and adds the one that raises
//! the portfolio's expected Sharpe ratio most, until none does by enough. Weights are risk weights, equal within the
//! portfolio; the number of contracts is that of an average forecast.
//!
//! Source: R. Carver, *Advanced Futures Trading Strategies* (2023), "Fixed instrument selection" and strategy four.

use super::dynamic::DynamicError;

/// An instrument that could be traded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Expected annual Sharpe ratio before costs.
    pub sharpe: f64,
    /// Costs of a year, as a Sharpe ratio: trading and holding.
    pub sharpe_cost: f64,
    /// Annual risk of one contract, money of the account.
    pub risk_per_contract: f64,
}

/// How the choice is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StaticConfig {
    /// Capital, money of the account.
    pub capital: f64,
    /// Annual risk wanted, a fraction of capital.
    pub risk_target: f64,
    /// What a position too small to be cut up costs: this over the square of the average contracts, as a Sharpe ratio.
    pub size_penalty: f64,
    /// Average contracts below which an instrument is not looked at.
    pub min_contracts: f64,
    /// Greatest multiplier of positions for diversification.
    pub max_multiplier: f64,
    /// Improvement of the Sharpe ratio below which the search ends.
    pub min_improvement: f64,
    /// Most instruments.
    pub max_instruments: usize,
}

/// What was chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Places of the instruments, in the order in which they were chosen.
    pub chosen: Vec<usize>,
    /// Expected Sharpe ratio of the portfolio with each one more.
    pub sharpe: Vec<f64>,
}

/// Chooses.
///
/// `correlation`: `[candidates x candidates]`, of the subsystems' returns. The result is empty where no instrument can hold
/// the least contracts.
///
/// # Errors
///
/// [`DynamicError`] where lengths differ or a number is unsound.
pub fn select(
    candidates: &[Candidate],
    correlation: &[f64],
    config: &StaticConfig,
) -> Result<Selection, DynamicError> {
    check(candidates, correlation)?;
    let mut selection = Selection::default();
    while selection.chosen.len() < config.max_instruments.min(candidates.len()) {
        let with = |place: usize| [selection.chosen.as_slice(), &[place]].concat();
        let best = (0..candidates.len())
            .filter(|place| !selection.chosen.contains(place))
            .filter_map(|place| {
                Some((place, portfolio_sharpe(candidates, correlation, &with(place), config)?))
            })
            .fold(
                None,
                |best: Option<(usize, f64)>, next| {
                    if best.is_some_and(|best| best.1 >= next.1) { best } else { Some(next) }
                },
            );
        let Some((place, sharpe)) = best else { break };
        if selection.sharpe.last().is_some_and(|last| sharpe < last + config.min_improvement) {
            break;
        }
        selection.chosen.push(place);
        selection.sharpe.push(sharpe);
    }
    Ok(selection)
}

/// Expected Sharpe ratio, after costs and the penalty of small positions, of equal risk in these instruments; none where one
/// of them would hold too few contracts.
pub fn portfolio_sharpe(
    candidates: &[Candidate],
    correlation: &[f64],
    places: &[usize],
    config: &StaticConfig,
) -> Option<f64> {
    let weight = 1.0 / places.len() as f64;
    let mut variance = 0.0;
    for row in places {
        for column in places {
            variance += weight * weight * correlation[row * candidates.len() + column];
        }
    }
    // Equal risk: the mean of the Sharpe ratios over the risk that is left of a unit.
    let risk = variance.max(0.0).sqrt();
    let multiplier = if risk > 0.0 { (1.0 / risk).min(config.max_multiplier) } else { config.max_multiplier };
    let mut mean = 0.0;
    for &place in places {
        let one = &candidates[place];
        let contracts = config.capital * config.risk_target * weight * multiplier / one.risk_per_contract;
        if contracts < config.min_contracts {
            return None;
        }
        mean += weight * (one.sharpe - one.sharpe_cost - config.size_penalty / (contracts * contracts));
    }
    Some(if risk > 0.0 { mean / risk } else { mean * config.max_multiplier })
}

fn check(candidates: &[Candidate], correlation: &[f64]) -> Result<(), DynamicError> {
    let wanted = candidates.len() * candidates.len();
    if correlation.len() != wanted {
        return Err(DynamicError::Length { what: "correlation", got: correlation.len(), wanted });
    }
    if let Some(place) = correlation.iter().position(|entry| !(-1.0..=1.0).contains(entry)) {
        let asset = place / candidates.len();
        return Err(DynamicError::Number { asset, what: "a correlation", got: correlation[place] });
    }
    for (asset, one) in candidates.iter().enumerate() {
        for (what, got, is_sound) in [
            ("the Sharpe ratio", one.sharpe, true),
            ("the cost", one.sharpe_cost, one.sharpe_cost >= 0.0),
            ("the risk of a contract", one.risk_per_contract, one.risk_per_contract > 0.0),
        ] {
            if !is_sound || !got.is_finite() {
                return Err(DynamicError::Number { asset, what, got });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONFIG: StaticConfig = StaticConfig {
        capital: 100_000.0,
        risk_target: 0.2,
        size_penalty: 0.125,
        min_contracts: 0.5,
        max_multiplier: 2.5,
        min_improvement: 0.0,
        max_instruments: 50,
    };

    fn candidate(sharpe: f64, sharpe_cost: f64, risk_per_contract: f64) -> Candidate {
        Candidate { sharpe, sharpe_cost, risk_per_contract }
    }

    fn equal(count: usize, correlation: f64) -> Vec<f64> {
        (0..count * count).map(|place| if place % (count + 1) == 0 { 1.0 } else { correlation }).collect()
    }

    #[test]
    fn uncorrelated_instruments_are_added_while_their_contracts_suffice() {
        // Risk of 20,000; contracts of 5,000 and 1 a piece allow four alone, fewer contracts each with more instruments.
        let candidates = [candidate(0.4, 0.02, 1_000.0); 5];
        let all = select(&candidates, &equal(5, 0.0), &CONFIG).unwrap();
        assert_eq!(all.chosen.len(), 5);
        assert!(all.sharpe.windows(2).all(|pair| pair[1] > pair[0]));
        let large = [candidate(0.4, 0.02, 15_000.0); 5];
        assert!(select(&large, &equal(5, 0.0), &CONFIG).unwrap().chosen.len() < 5);
        let none = [candidate(0.4, 0.02, 100_000.0); 2];
        assert_eq!(select(&none, &equal(2, 0.0), &CONFIG).unwrap(), Selection::default());
    }

    #[test]
    fn a_twin_adds_nothing_and_the_cheap_one_is_preferred() {
        let candidates = [candidate(0.4, 0.1, 500.0), candidate(0.4, 0.01, 500.0)];
        let selection = select(&candidates, &equal(2, 1.0), &CONFIG).unwrap();
        assert_eq!(selection.chosen, [1]);
    }

    #[test]
    fn unsound_numbers_are_refused() {
        assert!(select(&[candidate(f64::NAN, 0.0, 1.0)], &[1.0], &CONFIG).is_err());
        assert!(select(&[candidate(0.1, 0.0, 1.0)], &[], &CONFIG).is_err());
        assert!(select(&[candidate(0.1, 0.0, 1.0)], &[1.5], &CONFIG).is_err());
    }

    proptest! {
        /// All subsets tried: the greedy choice is among the allowed ones, never better than the best, and cannot be
        /// improved by one instrument more.
        #[test]
        fn the_choice_lies_between_the_best_single_and_the_best_of_all_subsets(
            drawn in prop::collection::vec((0.1..0.8f64, 0.0..0.2f64, 200.0..20_000.0f64), 1..7),
            common in 0.0..0.8f64,
        ) {
            let candidates: Vec<Candidate> = drawn.iter().map(|one| candidate(one.0, one.1, one.2)).collect();
            let correlation = equal(candidates.len(), common);
            let selection = select(&candidates, &correlation, &CONFIG).unwrap();
            let of = |places: &[usize]| portfolio_sharpe(&candidates, &correlation, places, &CONFIG);
            let subsets = (1u32..1 << candidates.len()).map(|mask| {
                (0..candidates.len()).filter(|place| mask >> place & 1 == 1).collect::<Vec<_>>()
            });
            let best = subsets.filter_map(|places| of(&places)).fold(f64::NEG_INFINITY, f64::max);
            let single = (0..candidates.len()).filter_map(|place| of(&[place])).fold(f64::NEG_INFINITY, f64::max);
            match selection.sharpe.last() {
                None => prop_assert_eq!(single, f64::NEG_INFINITY),
                Some(&reached) => {
                    prop_assert_eq!(Some(reached), of(&selection.chosen));
                    prop_assert!(single <= reached && reached <= best + 1e-12);
                    for place in (0..candidates.len()).filter(|place| !selection.chosen.contains(place)) {
                        let more = [selection.chosen.as_slice(), &[place]].concat();
                        prop_assert!(of(&more).is_none_or(|sharpe| sharpe <= reached));
                    }
                }
            }
        }
    }
}
