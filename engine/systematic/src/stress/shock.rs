//! Correlations and volatilities that jump, and single instruments that do.

use serde::Serialize;

use super::Holding;
use crate::raw::YEAR_ROOT;

/// Annual risk after a jump.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shock {
    /// What all correlations are; absent where every position loses at once, the worst there is.
    pub correlation: Option<f64>,
    /// What volatilities are multiplied by.
    pub volatility_multiplier: f64,
    /// Annual risk, per cent of capital.
    pub risk_pct: f64,
}

/// What an instrument loses that moves against its position.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Losses {
    /// Its name; `all` where every one moves at once.
    pub name: String,
    /// Loss by daily deviations moved: deviations, and per cent of capital, zero or below.
    pub loss_pct: Vec<(f64, f64)>,
}

/// Deviation of a sum.
///
/// - `risks`: of its parts, negative where short.
pub fn deviation(risks: &[f64], correlation: impl Fn(usize, usize) -> f64) -> f64 {
    let mut variance = 0.0;
    for (row, one) in risks.iter().enumerate() {
        for (column, other) in risks.iter().enumerate().filter(|(_, risk)| **risk != 0.0) {
            // Nothing held has no part in it, even where its correlation is not known.
            if *one != 0.0 {
                variance += one * other * correlation(row, column);
            }
        }
    }
    variance.max(0.0).sqrt()
}

/// A day's deviation in money as a year's, per cent of capital.
pub fn annual_pct(daily: f64, capital: f64) -> f64 {
    100.0 * daily * YEAR_ROOT / capital
}

/// Risk at each correlation, last with all against us, and each multiplier.
///
/// - `risks`: a day's deviation in money of each position.
pub fn shocks(risks: &[f64], correlations: &[f64], multipliers: &[f64], capital: f64) -> Vec<Shock> {
    let against: f64 = risks.iter().map(|risk| risk.abs()).sum();
    let levels = correlations.iter().map(|level| {
        let uniform = |row, column| if row == column { 1.0 } else { *level };
        (Some(*level), deviation(risks, uniform))
    });
    let levels: Vec<(Option<f64>, f64)> = levels.chain([(None, against)]).collect();
    let shock = |(correlation, daily): &(Option<f64>, f64), by: f64| Shock {
        correlation: *correlation,
        volatility_multiplier: by,
        risk_pct: annual_pct(daily * by, capital),
    };
    multipliers.iter().flat_map(|by| levels.iter().map(move |level| shock(level, *by))).collect()
}

/// Losses of each instrument that is held, greatest first, and of all at once.
pub fn losses(holdings: &[Holding], deviations: &[f64], capital: f64) -> Vec<Losses> {
    let of = |name: &str, risk: f64| Losses {
        name: name.to_owned(),
        loss_pct: deviations.iter().map(|by| (*by, -100.0 * risk.abs() * by / capital)).collect(),
    };
    let mut held: Vec<(&str, f64)> = holdings
        .iter()
        .map(|one| (one.name.as_str(), one.daily_risk().abs()))
        .filter(|one| one.1 != 0.0)
        .collect();
    held.sort_by(|one, other| other.1.total_cmp(&one.1));
    let all = held.iter().map(|one| one.1).sum();
    held.iter().map(|(name, risk)| of(name, *risk)).chain([of("all", all)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn risks_are_those_worked_by_hand() {
        // 300 long, 400 short. Correlation 0: 500; 1: 100; 0.5: root of (90,000 + 160,000 - 120,000); all against: 700.
        let risks = [300.0, -400.0];
        let found = shocks(&risks, &[0.0, 0.5, 1.0], &[1.0, 2.0], 160_000.0);
        // Times 16 for a year over 160,000, in per cent: a hundredth of the money.
        let wanted = [5.0, 1.3e5f64.sqrt() / 100.0, 1.0, 7.0];
        for (place, shock) in found.iter().enumerate() {
            let by = if place < 4 { 1.0 } else { 2.0 };
            assert!((shock.risk_pct - by * wanted[place % 4]).abs() < 1e-12, "{shock:?}");
            assert_eq!(shock.volatility_multiplier, by);
        }
        assert_eq!((found.len(), found[3].correlation), (8, None));
    }

    #[test]
    fn what_is_not_held_has_no_risk_even_where_nothing_is_known_of_it() {
        let unknown = Holding {
            name: "X".to_owned(),
            daily_vol: f64::NAN,
            point_value: f64::NAN,
            ..Holding::default()
        };
        assert_eq!(unknown.daily_risk(), 0.0);
        assert_eq!(deviation(&[2.0, 0.0], |row, column| if row == column { 1.0 } else { f64::NAN }), 2.0);
    }

    #[test]
    fn a_move_costs_position_times_deviation() {
        let held = |name: &str, contracts: f64, daily_vol: f64| Holding {
            name: name.to_owned(),
            contracts,
            point_value: 10.0,
            price: 100.0,
            daily_vol,
        };
        // A: 2 x 10 x 5 = 100 a deviation; B: 3 x 10 x 8 = 240; C is not held.
        let own = losses(&[held("A", 2.0, 5.0), held("B", -3.0, 8.0), held("C", 0.0, 9.0)], &[3.0], 10_000.0);
        let told: Vec<(&str, f64)> = own.iter().map(|one| (one.name.as_str(), one.loss_pct[0].1)).collect();
        for ((name, loss), wanted) in told.iter().zip([("B", -7.2), ("A", -3.0), ("all", -10.2)]) {
            assert!(*name == wanted.0 && (loss - wanted.1).abs() < 1e-12, "{told:?}");
        }
        assert_eq!(told.len(), 3);
    }
}
