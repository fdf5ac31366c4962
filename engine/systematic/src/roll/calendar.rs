//! Roll calendars: when one contract is left for the next.
//!
//! A wanted day comes from the contract's expiry; the day taken is the nearest one on which the held contract, the next and
//! the carry contract all have a price, later than the roll before. Where carry is measured against an earlier contract,
//! the one needed after the roll must be there as well. The same search repairs a calendar made elsewhere.

use tickrace_stats::Frame;
use tickrace_stats::panel::DAY_NS;

use super::contract::{ContractId, RollError, RollParameters};
use super::multiple::ContractPrices;

/// A wanted day is meant at its close, 23:00, as daily prices are stamped.
const CLOSE_NS: i64 = 23 * (DAY_NS / 24);

/// One roll: at its time the current contract is held for the last time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RollRow {
    /// Time of the prices at which it is rolled, nanoseconds since the Unix epoch.
    pub at_ns: i64,
    /// Held up to then.
    pub current: ContractId,
    /// Held from then on.
    pub next: ContractId,
    /// What carry is measured against up to then.
    pub carry: ContractId,
}

/// Rolls in order of time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RollCalendar {
    /// The rolls.
    pub rows: Vec<RollRow>,
}

/// What the making, the repair or the check of a calendar found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CalendarReport {
    /// Rolls moved from the wanted day to another, and by how many days (rounded towards zero).
    pub moved: Vec<(ContractId, i64)>,
    /// Contracts left out at the beginning: one of the prices needed is never there at the same time.
    pub skipped: Vec<ContractId>,
    /// Contract at which the calendar had to end although further ones were known.
    pub ended_at: Option<ContractId>,
    /// Rolls that are not later than the one before.
    pub out_of_order: Vec<ContractId>,
    /// Rolls at whose time the current or the next contract has no price.
    pub unpriced: Vec<ContractId>,
}

impl CalendarReport {
    /// Whether rolls follow each other in time.
    pub fn is_monotonic(&self) -> bool {
        self.out_of_order.is_empty()
    }

    /// Whether every roll can be done at its time.
    pub fn is_valid(&self) -> bool {
        self.unpriced.is_empty()
    }
}

impl RollCalendar {
    /// Makes a calendar from contract prices.
    ///
    /// The last contract known is not rolled into: what follows it is not known.
    ///
    /// # Errors
    ///
    /// [`RollError::Nothing`] where no roll is possible.
    pub fn generate(
        prices: &ContractPrices,
        parameters: &RollParameters,
    ) -> Result<(Self, CalendarReport), RollError> {
        let (wanted, following) = Self::wanted(prices, parameters);
        let (calendar, report) = wanted.repaired_before(following.as_ref(), prices);
        if calendar.rows.is_empty() {
            return Err(RollError::Nothing { hold: parameters.hold.letters().to_owned() });
        }
        Ok((calendar, report))
    }

    /// The rolls as they are wanted, whether there are prices that day or not; the one after the last stands apart.
    fn wanted(prices: &ContractPrices, parameters: &RollParameters) -> (Self, Option<RollRow>) {
        let is_known = |contract: ContractId| prices.place(contract).is_some();
        let complete = |current: ContractId| {
            is_known(current)
                && is_known(parameters.next_held(current))
                && is_known(parameters.carry(current))
        };
        let held = prices.contracts().filter(|contract| parameters.hold.has(*contract));
        let Some(mut current) = held.filter(|contract| complete(*contract)).min() else {
            return (Self::default(), None);
        };
        let mut rows = Vec::new();
        while complete(current) {
            let next = parameters.next_held(current);
            let at_ns = parameters.wanted_roll_day(current) * DAY_NS + CLOSE_NS;
            rows.push(RollRow { at_ns, current, next, carry: parameters.carry(current) });
            current = next;
        }
        let following = rows.pop();
        (Self { rows }, following)
    }

    /// The same rolls at the nearest times at which they can be done; ends where one cannot.
    #[must_use]
    pub fn repaired(&self, prices: &ContractPrices) -> (Self, CalendarReport) {
        self.repaired_before(None, prices)
    }

    fn repaired_before(
        &self,
        following: Option<&RollRow>,
        prices: &ContractPrices,
    ) -> (Self, CalendarReport) {
        let mut report = CalendarReport::default();
        let mut rows: Vec<RollRow> = Vec::new();
        for (place, row) in self.rows.iter().enumerate() {
            let after = rows.last().map(|last| last.at_ns);
            // A carry contract before the held one may not be listed yet when its turn comes.
            let following = self.rows.get(place + 1).or(following);
            let carry_after = following.filter(|next| next.carry < next.current).map(|next| next.carry);
            match nearest_time(prices, row, carry_after, after) {
                Some(at_ns) => {
                    if at_ns.div_euclid(DAY_NS) != row.at_ns.div_euclid(DAY_NS) {
                        report.moved.push((row.current, (at_ns - row.at_ns) / DAY_NS));
                    }
                    rows.push(RollRow { at_ns, ..*row });
                }
                None if rows.is_empty() => report.skipped.push(row.current),
                None => {
                    report.ended_at = Some(row.current);
                    break;
                }
            }
        }
        let calendar = Self { rows };
        let checked = calendar.check(prices);
        (
            calendar,
            CalendarReport { out_of_order: checked.out_of_order, unpriced: checked.unpriced, ..report },
        )
    }

    /// Whether rolls follow each other and can be done.
    pub fn check(&self, prices: &ContractPrices) -> CalendarReport {
        let mut report = CalendarReport::default();
        for (place, row) in self.rows.iter().enumerate() {
            if place > 0 && row.at_ns <= self.rows[place - 1].at_ns {
                report.out_of_order.push(row.current);
            }
            let is_priced = |contract| prices.at(contract, row.at_ns).is_some();
            if !is_priced(row.current) || !is_priced(row.next) {
                report.unpriced.push(row.current);
            }
        }
        report
    }

    /// The calendar that multiple prices show: a roll at the first row of each new held contract (the roll itself was done
    /// at some row before it), and one more at the very last row, for the contract held then.
    ///
    /// # Errors
    ///
    /// [`RollError::Column`] where one is missing.
    pub fn implied(multiple: &Frame) -> Result<Self, RollError> {
        let column = |name: &'static str| multiple.column(name).ok_or(RollError::Column(name));
        let held = column("PRICE_CONTRACT")?;
        let (forward, carry) = (column("FORWARD_CONTRACT")?, column("CARRY_CONTRACT")?);
        let mut rows = Vec::new();
        for row in 0..multiple.len() {
            let is_last = row + 1 == multiple.len();
            if is_last || held[row + 1] != held[row] {
                let next = if is_last { forward[row] } else { held[row + 1] };
                rows.push(RollRow {
                    at_ns: multiple.at_ns[if is_last { row } else { row + 1 }],
                    current: id_of(held[row]),
                    next: id_of(next),
                    carry: id_of(carry[row]),
                });
            }
        }
        Ok(Self { rows })
    }
}

/// A contract out of a column of numbers; an id that is not known is 0.
#[expect(clippy::cast_possible_truncation, reason = "ids have eight digits")]
fn id_of(number: f64) -> ContractId {
    ContractId(number as i32)
}

/// The time nearest to the wanted one, after another, at which all contracts needed have a price; the earlier of two equally
/// near.
fn nearest_time(
    prices: &ContractPrices,
    row: &RollRow,
    carry_after: Option<ContractId>,
    after: Option<i64>,
) -> Option<i64> {
    let needed = [row.current, row.next, row.carry, carry_after.unwrap_or(row.carry)];
    let mut columns: [&[f64]; 4] = [&[]; 4];
    for (column, contract) in columns.iter_mut().zip(needed) {
        *column = prices.column(prices.place(contract)?);
    }
    let is_priced = |time: usize| columns.iter().all(|column| !column[time].is_nan());
    let times = prices.at_ns();
    let start = after.map_or(0, |after| times.partition_point(|at| *at <= after));
    let middle = times.partition_point(|at| *at < row.at_ns).max(start);
    let later = (middle..times.len()).find(|time| is_priced(*time));
    let earlier = (start..middle).rev().find(|time| is_priced(*time));
    let distance = |time: usize| (times[time] - row.at_ns).abs();
    match (earlier, later) {
        (Some(earlier), Some(later)) if distance(later) < distance(earlier) => Some(times[later]),
        (Some(earlier), _) => Some(times[earlier]),
        (None, later) => later.map(|later| times[later]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roll::contract::Cycle;

    const GAP: f64 = f64::NAN;

    fn prices(columns: Vec<Vec<f64>>, days: impl Iterator<Item = i64>) -> ContractPrices {
        let at_ns = days.map(|day| day * DAY_NS + CLOSE_NS).collect();
        let names = ["19700100", "19700200", "19700300", "19700400"];
        let columns = names.iter().map(|name| (*name).to_owned()).zip(columns).collect();
        ContractPrices::of_frame(&Frame { at_ns, columns }).unwrap()
    }

    fn monthly(offset: i64) -> RollParameters {
        let all = Cycle::parse("FGHJKMNQUVXZ").unwrap();
        RollParameters::new(all.clone(), all, -offset, 1, 14).unwrap()
    }

    #[test]
    fn a_roll_moves_to_the_nearest_day_with_all_prices() {
        // The first contract should be rolled on day 10, where the second has no price; nor has it on day 11.
        let second = vec![1.0, 1.0, GAP, GAP, 1.0, 1.0];
        let full = vec![1.0; 6];
        let prices = prices(vec![full.clone(), second, full.clone(), full], 8..14);
        let (calendar, report) = RollCalendar::generate(&prices, &monthly(4)).unwrap();
        assert_eq!(calendar.rows[0].at_ns / DAY_NS, 9);
        assert_eq!(report.moved[0], (ContractId(19_700_100), -1));
        // The second should go on day 41 and goes on the last one there is.
        assert_eq!(calendar.rows[1].at_ns / DAY_NS, 13);
        assert!(report.is_monotonic() && report.is_valid());
        assert_eq!(calendar.rows.len(), 2);
    }

    #[test]
    fn a_calendar_ends_where_no_later_day_is_left() {
        let full = vec![1.0; 3];
        let prices = prices(vec![full.clone(), full.clone(), full.clone(), full], 60..63);
        let (calendar, report) = RollCalendar::generate(&prices, &monthly(4)).unwrap();
        // Both rolls are wanted before there are prices: on the first day, then on the next one.
        let days: Vec<i64> = calendar.rows.iter().map(|row| row.at_ns / DAY_NS).collect();
        assert_eq!(days, [60, 61]);
        assert_eq!(report.ended_at, None);
        let mut broken = calendar;
        broken.rows[1].at_ns = broken.rows[0].at_ns;
        assert!(!broken.check(&prices).is_monotonic());
        broken.rows[1].at_ns += 5;
        assert_eq!(broken.check(&prices).unpriced, [ContractId(19_700_200)]);
    }

    #[test]
    fn no_common_day_is_an_error_that_says_so() {
        let (early, late) = (vec![1.0, GAP], vec![GAP, 1.0]);
        let prices = prices(vec![early.clone(), late.clone(), early, late], 8..10);
        let error = RollCalendar::generate(&prices, &monthly(4)).unwrap_err();
        assert!(error.to_string().contains("FGHJKMNQUVXZ"));
    }
}
