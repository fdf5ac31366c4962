//! Joining contracts into one series: every roll's gap is taken out of all earlier prices.
//!
//! The newest prices stand as they were traded. Differences (Panama) keep profits in points right and may drive old prices
//! below zero; ratios keep returns right and need prices above zero at the rolls.

use tickrace_stats::Frame;

use super::contract::{ContractId, RollError};

/// How a gap is taken out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Joint {
    /// By adding it: the Panama method.
    #[default]
    Difference,
    /// By multiplying.
    Ratio,
}

/// What stands in for a missing price.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PriceFill {
    /// Nothing: gaps stay, and a roll without both prices is an error.
    #[default]
    None,
    /// The last price of the column, whatever contract it was of, as the reference does: a gap right after a roll then has
    /// the price of the contract left.
    Column,
    /// The last price of the same contract.
    Contract,
}

/// Why prices cannot be joined.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AdjustError {
    /// A column is missing.
    #[error(transparent)]
    Roll(#[from] RollError),
    /// No gap is known where one contract is left for the next.
    #[error(
        "no {column} at the last row of contract {contract} (row {row}): the gap of the roll is not known; fill forward or repair the calendar"
    )]
    Gap {
        /// Which price.
        column: &'static str,
        /// Contract left.
        contract: ContractId,
        /// Row of the multiple prices, from 0.
        row: usize,
    },
    /// A ratio needs prices above zero.
    #[error(
        "contract {contract} is rolled at the prices {price} and {forward} (row {row}): a ratio needs both above zero"
    )]
    Ratio {
        /// Contract left.
        contract: ContractId,
        /// Its price.
        price: f64,
        /// The next one's.
        forward: f64,
        /// Row of the multiple prices, from 0.
        row: usize,
    },
}

/// The joined prices, `[rows]` of the multiple prices; NaN where `PRICE` is and is not filled.
///
/// `multiple`: columns `PRICE`, `FORWARD` and `PRICE_CONTRACT`.
///
/// # Errors
///
/// [`AdjustError`] where a column or the gap of a roll is missing.
pub fn adjusted(multiple: &Frame, joint: Joint, fill: PriceFill) -> Result<Vec<f64>, AdjustError> {
    let column = |name: &'static str| multiple.column(name).ok_or(RollError::Column(name));
    let contracts = column("PRICE_CONTRACT")?;
    let mut prices = filled(column("PRICE")?, contracts, fill);
    let forward = filled(column("FORWARD")?, contracts, fill);
    // Backwards, so that each price is touched once: what is added to a row is the sum of the gaps after it.
    let (mut sum, mut product) = (0.0, 1.0);
    for row in (0..prices.len()).rev() {
        if row + 1 < prices.len() && contracts[row + 1] != contracts[row] {
            let gap = Gap { row, contract: contracts[row], price: prices[row], forward: forward[row] };
            match joint {
                Joint::Difference => sum += gap.difference()?,
                Joint::Ratio => product *= gap.ratio()?,
            }
        }
        prices[row] = match joint {
            Joint::Difference => prices[row] + sum,
            Joint::Ratio => prices[row] * product,
        };
    }
    Ok(prices)
}

/// Prices at the last row before a roll.
struct Gap {
    row: usize,
    contract: f64,
    price: f64,
    forward: f64,
}

impl Gap {
    #[expect(clippy::cast_possible_truncation, reason = "ids have eight digits")]
    const fn contract(&self) -> ContractId {
        ContractId(self.contract as i32)
    }

    fn difference(&self) -> Result<f64, AdjustError> {
        for (column, value) in [("PRICE", self.price), ("FORWARD", self.forward)] {
            if value.is_nan() {
                return Err(AdjustError::Gap { column, contract: self.contract(), row: self.row });
            }
        }
        Ok(self.forward - self.price)
    }

    fn ratio(&self) -> Result<f64, AdjustError> {
        self.difference()?;
        if self.price > 0.0 && self.forward > 0.0 {
            return Ok(self.forward / self.price);
        }
        let (price, forward) = (self.price, self.forward);
        Err(AdjustError::Ratio { contract: self.contract(), price, forward, row: self.row })
    }
}

fn filled(values: &[f64], contracts: &[f64], fill: PriceFill) -> Vec<f64> {
    let mut values = values.to_vec();
    for row in 1..values.len() {
        let may = match fill {
            PriceFill::None => false,
            PriceFill::Column => true,
            PriceFill::Contract => contracts[row] == contracts[row - 1],
        };
        if may && values[row].is_nan() {
            values[row] = values[row - 1];
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn multiple(price: &[f64], forward: &[f64], contract: &[f64]) -> Frame {
        let column = |name: &str, values: &[f64]| (name.to_owned(), values.to_vec());
        let columns =
            vec![column("PRICE", price), column("FORWARD", forward), column("PRICE_CONTRACT", contract)];
        Frame { at_ns: (0..).take(price.len()).collect(), columns }
    }

    #[test]
    fn the_gap_of_a_roll_goes_into_all_earlier_prices() {
        let frame = multiple(&[10.0, 11.0, 22.0, 24.0], &[20.0, 22.0, 44.0, 44.0], &[1.0, 1.0, 2.0, 2.0]);
        let panama = adjusted(&frame, Joint::Difference, PriceFill::None).unwrap();
        assert_eq!(panama, [21.0, 22.0, 22.0, 24.0]);
        let ratio = adjusted(&frame, Joint::Ratio, PriceFill::None).unwrap();
        assert_eq!(ratio, [20.0, 22.0, 22.0, 24.0]);
    }

    #[test]
    fn a_missing_gap_is_an_error_unless_it_is_filled() {
        let nan = f64::NAN;
        let frame = multiple(&[10.0, nan, nan, 24.0], &[20.0, nan, 44.0, 44.0], &[1.0, 1.0, 2.0, 2.0]);
        let error = adjusted(&frame, Joint::Difference, PriceFill::None).unwrap_err();
        assert!(error.to_string().starts_with("no PRICE at the last row of contract 1 (row 1)"), "{error}");
        let column = adjusted(&frame, Joint::Difference, PriceFill::Column).unwrap();
        assert_eq!(column, [20.0, 20.0, 10.0, 24.0]);
        let contract = adjusted(&frame, Joint::Difference, PriceFill::Contract).unwrap();
        assert!(contract[2].is_nan() && contract[0] == 20.0);
        let below = multiple(&[-1.0, 2.0], &[1.0, 3.0], &[1.0, 2.0]);
        assert!(matches!(adjusted(&below, Joint::Ratio, PriceFill::None), Err(AdjustError::Ratio { .. })));
    }

    proptest! {
        /// Whoever holds the contract and rolls at the row before the change earns the moves of the joined series.
        #[test]
        fn profits_in_points_are_those_of_the_contracts(
            moves in prop::collection::vec((-5.0..5.0f64, -3.0..3.0f64, 0..6i32), 2..80),
        ) {
            let (mut price, mut contract) = (100.0, 1.0);
            let (mut prices, mut forwards, mut contracts, mut profit) = (vec![], vec![], vec![], vec![0.0]);
            for (step, gap, roll) in moves {
                prices.push(price);
                forwards.push(price + gap);
                contracts.push(contract);
                if roll == 0 {
                    contract += 1.0;
                    price += gap;
                }
                price += step;
                profit.push(profit.last().unwrap() + step);
            }
            let joined = adjusted(&multiple(&prices, &forwards, &contracts), Joint::Difference, PriceFill::None).unwrap();
            for row in 0..joined.len() {
                prop_assert!((joined[row] - joined[0] - profit[row]).abs() < 1e-9);
            }
            prop_assert_eq!(joined.last(), prices.last());
        }
    }
}
