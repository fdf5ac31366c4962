//! Contracts by delivery month, cycles of months, and the rules by which an instrument is rolled.

use std::fmt;

use tickrace_stats::panel::day_of_date;

/// Letters of the twelve delivery months.
const MONTHS: &str = "FGHJKMNQUVXZ";

/// A contract by its delivery month: year, month and `00` as one number, such as 20120600.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ContractId(pub i32);

/// Why contracts cannot be rolled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RollError {
    /// A letter that is no delivery month, twice the same, out of order, or none at all.
    #[error(
        "`{cycle}` is no cycle of delivery months: letters out of FGHJKMNQUVXZ, each once, in this order"
    )]
    Cycle {
        /// What was given.
        cycle: String,
    },
    /// A number that is no contract.
    #[error("`{id}` is no contract: wanted is year, month and 00, such as 20120600")]
    Contract {
        /// What was given.
        id: String,
    },
    /// A carry offset of zero.
    #[error(
        "the carry offset is 0: wanted is the number of priced contracts from the held one, such as -1 or 1"
    )]
    CarryOffset,
    /// No contract of the hold cycle has all it needs.
    #[error(
        "no contract of the hold cycle {hold} has prices of itself, of its next and of its carry contract at one time"
    )]
    Nothing {
        /// The cycle.
        hold: String,
    },
    /// A calendar names a contract that has no prices.
    #[error("the calendar rolls contract {contract}, of which there are no prices")]
    Missing {
        /// Which.
        contract: ContractId,
    },
    /// A column of multiple prices that must be there is not.
    #[error("multiple prices have no column {0}")]
    Column(&'static str),
    /// Rolls that do not follow each other in time.
    #[error("the roll of {contract} is not later than the one before it")]
    Order {
        /// Contract rolled out of.
        contract: ContractId,
    },
}

impl fmt::Display for ContractId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

impl ContractId {
    /// Of a year and a month from 1 to 12.
    pub const fn of(year: i32, month: i32) -> Self {
        Self(year * 10_000 + month * 100)
    }

    /// From text such as `20120600`.
    ///
    /// # Errors
    ///
    /// [`RollError::Contract`].
    pub fn parse(text: &str) -> Result<Self, RollError> {
        let id = text
            .trim()
            .parse::<i32>()
            .map(Self)
            .ok()
            .filter(|id| text.trim().len() == 8 && (1..=12).contains(&id.month()));
        id.ok_or_else(|| RollError::Contract { id: text.to_owned() })
    }

    /// Its year.
    pub const fn year(self) -> i32 {
        self.0 / 10_000
    }

    /// Its month, from 1.
    pub const fn month(self) -> i32 {
        self.0 / 100 % 100
    }
}

/// Delivery months of a year, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cycle {
    letters: String,
    /// Months from 1, rising.
    months: Vec<i32>,
}

impl Cycle {
    /// From letters such as `HMUZ`.
    ///
    /// # Errors
    ///
    /// [`RollError::Cycle`].
    pub fn parse(letters: &str) -> Result<Self, RollError> {
        let month = |letter: char| MONTHS.find(letter).and_then(|place| i32::try_from(place + 1).ok());
        let months: Option<Vec<i32>> = letters.chars().map(month).collect();
        let is_rising =
            |months: &Vec<i32>| !months.is_empty() && months.windows(2).all(|pair| pair[0] < pair[1]);
        match months.filter(is_rising) {
            Some(months) => Ok(Self { letters: letters.to_owned(), months }),
            None => Err(RollError::Cycle { cycle: letters.to_owned() }),
        }
    }

    /// Its letters.
    pub fn letters(&self) -> &str {
        &self.letters
    }

    /// Contracts a year.
    pub fn per_year(&self) -> usize {
        self.months.len()
    }

    /// Whether a contract is of it.
    pub fn has(&self, contract: ContractId) -> bool {
        self.months.contains(&contract.month())
    }

    /// The contract `steps` later in it, or earlier where negative. One between two of its months counts as the later.
    pub fn step(&self, contract: ContractId, steps: i32) -> ContractId {
        let count = i32::try_from(self.months.len()).unwrap_or(12);
        let place = self.months.iter().take_while(|month| **month < contract.month()).count();
        let place = i32::try_from(place).unwrap_or(0) + steps;
        let month = usize::try_from(place.rem_euclid(count)).map_or(1, |place| self.months[place]);
        ContractId::of(contract.year() + place.div_euclid(count), month)
    }
}

/// How an instrument is rolled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RollParameters {
    /// Months that are held.
    pub hold: Cycle,
    /// Months that have prices, among them those held.
    pub priced: Cycle,
    /// Days from expiry at which a roll is wanted; below zero before it.
    pub roll_offset_days: i64,
    /// Contracts of the priced cycle from the held one to the one that carry is measured against.
    pub carry_offset: i32,
    /// Days from the first of the delivery month to expiry, about.
    pub expiry_offset_days: i64,
}

impl RollParameters {
    /// From cycles and offsets.
    ///
    /// # Errors
    ///
    /// [`RollError::CarryOffset`] for zero.
    pub fn new(
        hold: Cycle,
        priced: Cycle,
        roll_offset_days: i64,
        carry_offset: i32,
        expiry_offset_days: i64,
    ) -> Result<Self, RollError> {
        if carry_offset == 0 {
            return Err(RollError::CarryOffset);
        }
        Ok(Self { hold, priced, roll_offset_days, carry_offset, expiry_offset_days })
    }

    /// The contract that is held after this one.
    pub fn next_held(&self, contract: ContractId) -> ContractId {
        self.hold.step(contract, 1)
    }

    /// The contract that carry is measured against.
    pub fn carry(&self, contract: ContractId) -> ContractId {
        self.priced.step(contract, self.carry_offset)
    }

    /// The calendar day, numbered from 1 January 1970, on which it should be rolled.
    pub fn wanted_roll_day(&self, contract: ContractId) -> i64 {
        let first = day_of_date(i64::from(contract.year()), i64::from(contract.month()), 1);
        first + self.expiry_offset_days + self.roll_offset_days
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_walked_over_the_turn_of_the_year() {
        let cycle = Cycle::parse("HMUZ").unwrap();
        let held = ContractId::of(2012, 12);
        assert_eq!(cycle.step(held, 1), ContractId(20_130_300));
        assert_eq!(cycle.step(held, -4), ContractId(20_111_200));
        assert_eq!(cycle.step(ContractId::of(2012, 3), -1), ContractId(20_111_200));
        let all = Cycle::parse(MONTHS).unwrap();
        assert_eq!(all.step(ContractId::of(2012, 1), -1), ContractId(20_111_200));
        assert!((-30..30).all(|steps| all.step(all.step(held, steps), -steps) == held));
    }

    #[test]
    fn nonsense_is_refused_with_what_was_wanted() {
        for letters in ["", "HMUA", "MH", "HH"] {
            assert!(Cycle::parse(letters).is_err(), "{letters}");
        }
        for text in ["2012", "20121300", "abc", "20120000"] {
            assert!(ContractId::parse(text).is_err(), "{text}");
        }
        assert_eq!(ContractId::parse("20120600"), Ok(ContractId::of(2012, 6)));
    }
}
