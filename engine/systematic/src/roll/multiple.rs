//! Prices of single contracts, and the held, next and carry contract side by side.

use tickrace_stats::Frame;

use super::calendar::RollCalendar;
use super::contract::{ContractId, RollError};

/// Prices of contracts at common times; NaN where one has none.
#[derive(Clone, Debug, PartialEq)]
pub struct ContractPrices {
    at_ns: Vec<i64>,
    /// Rising.
    contracts: Vec<ContractId>,
    columns: Vec<Vec<f64>>,
}

impl ContractPrices {
    /// From a frame whose columns are named by contract, such as `20120600`.
    ///
    /// # Errors
    ///
    /// [`RollError::Contract`] for a column that is not.
    pub fn of_frame(frame: &Frame) -> Result<Self, RollError> {
        let named = frame.columns.iter().map(|(name, values)| Ok((ContractId::parse(name)?, values.clone())));
        let mut named = named.collect::<Result<Vec<_>, RollError>>()?;
        named.sort_by_key(|(contract, _)| *contract);
        let (contracts, columns) = named.into_iter().unzip();
        Ok(Self { at_ns: frame.at_ns.clone(), contracts, columns })
    }

    /// Times, nanoseconds since the Unix epoch.
    pub fn at_ns(&self) -> &[i64] {
        &self.at_ns
    }

    /// Contracts, rising.
    pub fn contracts(&self) -> impl Iterator<Item = ContractId> + '_ {
        self.contracts.iter().copied()
    }

    /// Where a contract stands.
    pub fn place(&self, contract: ContractId) -> Option<usize> {
        self.contracts.binary_search(&contract).ok()
    }

    /// Prices of the contract at a place, `[times]`.
    pub fn column(&self, place: usize) -> &[f64] {
        &self.columns[place]
    }

    /// The price of a contract at a time; none where it has none.
    pub fn at(&self, contract: ContractId, at_ns: i64) -> Option<f64> {
        let time = self.at_ns.binary_search(&at_ns).ok()?;
        Some(self.column(self.place(contract)?)[time]).filter(|price| !price.is_nan())
    }
}

/// Held, next and carry contract with their ids, at every time between the first roll and the last: columns `PRICE`,
/// `FORWARD`, `CARRY`, `PRICE_CONTRACT`, `FORWARD_CONTRACT`, `CARRY_CONTRACT`. What was held before the first roll is left
/// out, as is a time at which none of the three has a price.
///
/// # Errors
///
/// [`RollError::Missing`] for a contract without prices, [`RollError::Order`] for rolls out of order.
pub fn multiple_prices(prices: &ContractPrices, calendar: &RollCalendar) -> Result<Frame, RollError> {
    let names = ["PRICE", "FORWARD", "CARRY", "PRICE_CONTRACT", "FORWARD_CONTRACT", "CARRY_CONTRACT"];
    let mut frame =
        Frame { at_ns: Vec::new(), columns: names.map(|name| (name.to_owned(), Vec::new())).to_vec() };
    let times = prices.at_ns();
    for pair in calendar.rows.windows(2) {
        let [before, row] = pair else { continue };
        if row.at_ns <= before.at_ns {
            return Err(RollError::Order { contract: row.current });
        }
        let contracts = [row.current, row.next, row.carry];
        let mut columns: [&[f64]; 3] = [&[]; 3];
        for (column, contract) in columns.iter_mut().zip(contracts) {
            let place = prices.place(contract).ok_or(RollError::Missing { contract })?;
            *column = prices.column(place);
        }
        let [from, to] = [before, row].map(|row| times.partition_point(|at| *at <= row.at_ns));
        for time in from..to {
            if columns.iter().all(|column| column[time].is_nan()) {
                continue;
            }
            frame.at_ns.push(times[time]);
            for (place, (column, contract)) in columns.iter().zip(contracts).enumerate() {
                frame.columns[place].1.push(column[time]);
                frame.columns[place + 3].1.push(f64::from(contract.0));
            }
        }
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roll::calendar::RollRow;

    #[test]
    fn contracts_change_after_the_roll() {
        let column = |name: &str, values: [f64; 4]| (name.to_owned(), values.to_vec());
        let frame = Frame {
            at_ns: vec![1, 2, 3, 4],
            columns: vec![
                column("19700100", [1.0, 2.0, f64::NAN, f64::NAN]),
                column("19700200", [11.0, 12.0, 13.0, 14.0]),
                column("19700300", [21.0, 22.0, 23.0, 24.0]),
            ],
        };
        let prices = ContractPrices::of_frame(&frame).unwrap();
        let row = |at_ns, month: i32| RollRow {
            at_ns,
            current: ContractId::of(1970, month),
            next: ContractId::of(1970, month + 1),
            carry: ContractId::of(1970, month + 1),
        };
        let calendar = RollCalendar { rows: vec![row(1, 1), row(4, 2)] };
        let multiple = multiple_prices(&prices, &calendar).unwrap();
        assert_eq!(multiple.at_ns, [2, 3, 4]);
        assert_eq!(multiple.column("PRICE").unwrap(), [12.0, 13.0, 14.0]);
        assert_eq!(multiple.column("FORWARD_CONTRACT").unwrap()[0], 19_700_300.0);
        let backwards = RollCalendar { rows: vec![row(4, 1), row(1, 2)] };
        assert!(matches!(multiple_prices(&prices, &backwards), Err(RollError::Order { .. })));
        let unknown = RollCalendar { rows: vec![row(1, 1), row(2, 3)] };
        assert!(matches!(multiple_prices(&prices, &unknown), Err(RollError::Missing { .. })));
    }
}
