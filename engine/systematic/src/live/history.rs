//! What a folder of prices brings that a state does not know yet; and whether its past is the state's past.

use std::collections::BTreeMap;

use tickrace_stats::{BusinessDay, Series};

use super::tape::Tape;
use super::{Contracts, Day, GAP_DAYS_MAX, LiveError, Quote, State, date};
use crate::market::{MULTIPLE_COLUMNS, Market, MarketError, Prices};
use crate::raw::slope;

/// A day of one instrument, its rows folded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bar {
    /// Last adjusted price, where there is a row.
    pub adjusted: Option<f64>,
    /// What was added to earlier adjusted prices since the bar before.
    pub roll_shift: f64,
    /// Of the contracts, where there is a row.
    pub multiple: Option<Held>,
}

/// Contracts of a day, folded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Last price of the held contract.
    pub price: f64,
    /// Sum of slopes between held and carry contract, and how many there were.
    slopes: f64,
    count: f64,
    /// The last held contract.
    pub contract: f64,
}

impl Default for Held {
    fn default() -> Self {
        Self { price: f64::NAN, slopes: f64::NAN, count: f64::NAN, contract: f64::NAN }
    }
}

impl Held {
    fn fold(&mut self, row: &Contracts) {
        if !row.price.is_nan() {
            self.price = row.price;
        }
        if !row.price_contract.is_nan() {
            self.contract = row.price_contract;
        }
        let slope = slope((row.price, row.price_contract), (row.carry, row.carry_contract));
        if !slope.is_nan() {
            self.slopes = if self.slopes.is_nan() { slope } else { self.slopes + slope };
            self.count = if self.count.is_nan() { 1.0 } else { self.count + 1.0 };
        }
    }

    /// Mean slope, points a year.
    pub fn roll(&self) -> f64 {
        self.slopes / self.count
    }
}

impl Bar {
    /// A quote, checked.
    pub fn of_quote(name: &str, day: BusinessDay, quote: &Quote) -> Result<Self, LiveError> {
        let fail = |what, value| LiveError::Value { instrument: name.to_owned(), day, what, value };
        if let Some(price) = quote.adjusted.filter(|price| price.is_infinite()) {
            return Err(fail("the adjusted price", price));
        }
        if !quote.roll_shift.is_finite() {
            return Err(fail("the shift of a roll", quote.roll_shift));
        }
        let mut held = Held::default();
        for row in &quote.multiple {
            for (what, value) in [
                ("the price of the held contract", row.price),
                ("the price of the carry contract", row.carry),
                ("the held contract", row.price_contract),
                ("the carry contract", row.carry_contract),
            ] {
                if value.is_infinite() {
                    return Err(fail(what, value));
                }
            }
            held.fold(row);
        }
        let multiple = (!quote.multiple.is_empty()).then_some(held);
        Ok(Self { adjusted: quote.adjusted, roll_shift: quote.roll_shift, multiple })
    }
}

/// Days of an instrument, each with its rows folded, in order.
pub(super) fn bars_of(name: &str, prices: &Prices) -> Result<Vec<(i32, Bar)>, LiveError> {
    for (what, frame) in [("adjusted", &prices.adjusted), ("multiple", &prices.multiple)] {
        if let Some(row) = frame.at_ns.windows(2).position(|pair| pair[1] < pair[0]) {
            return Err(LiveError::Rows { instrument: name.to_owned(), what, row: row + 2 });
        }
    }
    let mut bars: BTreeMap<i32, Bar> = BTreeMap::new();
    let adjusted = prices.adjusted.columns.first().map_or(&[][..], |(_, values)| values);
    let series = Series::last_of_day(&prices.adjusted.at_ns, adjusted);
    for at in &prices.adjusted.at_ns {
        let day = BusinessDay::of_ns(*at);
        bars.entry(day.0).or_default().adjusted = Some(series.at(day));
    }
    if !prices.multiple.is_empty() {
        let mut columns = [&[][..]; 4];
        for (column, name_of) in columns.iter_mut().zip(MULTIPLE_COLUMNS) {
            *column = prices.multiple.column(name_of).ok_or_else(|| MarketError::Column {
                instrument: name.to_owned(),
                what: "multiple",
                column: name_of,
                there: prices
                    .multiple
                    .columns
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .collect::<Vec<_>>()
                    .join(" "),
            })?;
        }
        let [price, carry, price_contract, carry_contract] = columns;
        for (row, at) in prices.multiple.at_ns.iter().enumerate() {
            let bar = bars.entry(BusinessDay::of_ns(*at).0).or_default();
            bar.multiple.get_or_insert_default().fold(&Contracts {
                price: price[row],
                carry: carry[row],
                price_contract: price_contract[row],
                carry_contract: carry_contract[row],
            });
        }
    }
    Ok(bars.into_iter().collect())
}

/// What tells one history from another: where it begins, how many days it has, and a sum of all its bits.
#[derive(Clone, Debug)]
pub(super) struct Fingerprint {
    /// First and last day with a row; above it where there is none.
    first: i64,
    last: i64,
    days: u64,
    adjusted: u64,
    multiple: u64,
    /// Day and value of the last adjusted price.
    priced: i64,
    price: f64,
    /// The last held contract.
    contract: f64,
}

impl Default for Fingerprint {
    fn default() -> Self {
        let (priced, price, contract) = (i64::MIN, f64::NAN, f64::NAN);
        Self { first: i64::MAX, last: i64::MIN, days: 0, adjusted: 0, multiple: 0, priced, price, contract }
    }
}

pub(super) fn mix(sum: u64, value: f64) -> u64 {
    // One missing value is as good as another.
    let bits = if value.is_nan() { u64::MAX } else { value.to_bits() };
    (sum.rotate_left(5) ^ bits).wrapping_mul(0x517c_c1b7_2722_0a95)
}

impl Fingerprint {
    /// Takes a day in; `price` is the adjusted one in the state's coordinates.
    pub fn push(&mut self, day: BusinessDay, bar: &Bar, price: f64) {
        if bar.adjusted.is_none() && bar.multiple.is_none() {
            return;
        }
        let number = i64::from(day.0);
        self.first = self.first.min(number);
        self.last = number;
        self.days += 1;
        if bar.adjusted.is_some() {
            self.adjusted = mix(mix(self.adjusted, f64::from(day.0)), price);
            if !price.is_nan() {
                (self.priced, self.price) = (number, price);
            }
        }
        if let Some(held) = &bar.multiple {
            self.multiple = mix(mix(mix(self.multiple, f64::from(day.0)), held.price), held.roll());
            if !held.contract.is_nan() {
                self.contract = held.contract;
            }
        }
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        tape.signed(&mut self.first);
        tape.signed(&mut self.last);
        tape.count(&mut self.days);
        tape.count(&mut self.adjusted);
        tape.count(&mut self.multiple);
        tape.signed(&mut self.priced);
        tape.number(&mut self.price);
        tape.number(&mut self.contract);
    }
}

/// What a market brings that a state does not know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct News {
    /// Days after the state's last, in order; each has its rolls' shifts.
    pub days: Vec<Day>,
    /// Instruments whose earlier adjusted prices were moved by a roll, and by how much since the state's last day.
    pub rolled: Vec<(String, f64)>,
}

impl State {
    /// Compares a market's past with the state's, and takes its later rows out as days.
    ///
    /// A market that begins later than the state's history is judged by the rows that both have; one that holds later rows
    /// alone by nothing, and then must not have rolled.
    ///
    /// # Errors
    ///
    /// [`LiveError::History`] naming the instrument or pair whose past is another: prices that were revised, came late, or are gone.
    pub fn news(&self, market: &Market) -> Result<News, LiveError> {
        let mut days: BTreeMap<i32, Day> = BTreeMap::new();
        let mut rolled = Vec::new();
        for member in &self.members {
            let name = &member.known.name;
            let Some((instrument, prices)) = market.instruments.get(name) else {
                return Err(LiveError::History {
                    name: name.clone(),
                    fault: "its prices are gone".to_owned(),
                });
            };
            let own = &member.known;
            if instrument.point_size != own.point_size
                || instrument.currency != own.currency
                || instrument.asset_class != own.asset_class
            {
                return Err(LiveError::History {
                    name: name.clone(),
                    fault: format!(
                        "a point is {} {} and its class {} now, in the state {} {} and {}",
                        instrument.point_size,
                        instrument.currency,
                        instrument.asset_class,
                        own.point_size,
                        own.currency,
                        own.asset_class
                    ),
                });
            }
            let bars = bars_of(name, prices)?;
            let known = bars.partition_point(|(day, _)| *day <= self.last.0);
            let (past, later) = bars.split_at(known);
            let shift = self.shift(member, past, later)?;
            if shift != 0.0 {
                rolled.push((name.clone(), shift));
            }
            let mut shift = shift;
            for (day, bar) in later {
                let mut quote = quote_of(prices, *day, bar);
                // Told once, with the first of the new rows.
                quote.roll_shift = std::mem::take(&mut shift);
                let blank = || Day { day: BusinessDay(*day), ..Day::default() };
                days.entry(*day).or_insert_with(blank).quotes.insert(name.clone(), quote);
            }
        }
        let Some(last) = days.keys().next_back().copied() else { return Ok(News::default()) };
        // A day on which nobody quotes is a day too; a date far ahead is left for `advance` to refuse.
        let mut before = self.last.0;
        for day in days.keys().copied().collect::<Vec<_>>() {
            if day - before - 1 <= GAP_DAYS_MAX {
                let blank = |day| (day, Day { day: BusinessDay(day), ..Day::default() });
                days.extend((before + 1..day).map(blank));
            }
            before = day;
        }
        for (name, pair) in &self.rates.pairs {
            let frame = market.rates.get(name).ok_or_else(|| LiveError::History {
                name: name.clone(),
                fault: "its rates are gone".to_owned(),
            })?;
            let values = frame.columns.first().map_or(&[][..], |(_, values)| values);
            let known = frame.at_ns.partition_point(|at| *at <= pair.newest_ns);
            pair.judge(name, &frame.at_ns[..known], values)?;
            for (&stamp, &rate) in frame.at_ns.iter().zip(values).skip(known) {
                // Of the day it is stamped on, or the next that there is.
                let day = BusinessDay::of_ns(stamp).0;
                let day = days.range(day..).next().map_or(last, |(day, _)| *day);
                if let Some(day) = days.get_mut(&day) {
                    day.rates.entry(name.clone()).or_default().push((stamp, rate));
                }
            }
        }
        Ok(News { days: days.into_values().collect(), rolled })
    }

    /// What was added to an instrument's past since the state's last day.
    fn shift(
        &self,
        member: &super::Member,
        past: &[(i32, Bar)],
        later: &[(i32, Bar)],
    ) -> Result<f64, LiveError> {
        let own = &member.past;
        let fail = |fault: String| Err(LiveError::History { name: member.known.name.clone(), fault });
        let mut theirs = Fingerprint::default();
        for (day, bar) in past {
            theirs.push(BusinessDay(*day), bar, bar.adjusted.unwrap_or(f64::NAN));
        }
        let mut contracts = later.iter().filter_map(|(_, bar)| bar.multiple.map(|held| held.contract));
        let has_rolled = contracts.any(|next| !next.is_nan() && next != own.contract) && own.days > 0;
        if theirs.days == 0 {
            return match own.days {
                0 => Ok(0.0),
                _ if has_rolled => fail(
                    "it rolled, and there is no row of before that tells by how much prices were moved"
                        .to_owned(),
                ),
                _ => Ok(0.0),
            };
        }
        if theirs.first <= own.first && (theirs.days != own.days || theirs.first != own.first) {
            let fault = format!(
                "{} days up to {} in the data, {} in the state: rows came late or are gone",
                theirs.days,
                date(self.last),
                own.days
            );
            return fail(fault);
        }
        if theirs.last != own.last || theirs.priced != own.priced {
            return fail(format!("its rows up to {} are others than the state saw", date(self.last)));
        }
        let is_whole = theirs.first == own.first;
        if is_whole && theirs.multiple != own.multiple {
            return fail("prices of its contracts were revised since".to_owned());
        }
        if is_whole && theirs.adjusted == own.adjusted {
            return Ok(0.0);
        }
        let total = theirs.price - own.price;
        let shift = total - member.offset;
        let size = theirs.price.abs().max(own.price.abs()).max(1.0);
        if shift.is_nan() || shift.abs() <= 1e-9 * size {
            if is_whole && member.offset == 0.0 {
                return fail("adjusted prices of before were revised since, and not by one shift".to_owned());
            }
            // What was taken off before is still what is to be taken off.
            return Ok(0.0);
        }
        if has_rolled {
            Ok(shift)
        } else {
            fail(format!("adjusted prices moved by {shift} since, and no contract rolled"))
        }
    }
}

/// The rows of a day, as they stand.
fn quote_of(prices: &Prices, day: i32, bar: &Bar) -> Quote {
    let frame = &prices.multiple;
    let from = frame.at_ns.partition_point(|at| *at < BusinessDay(day).start_ns());
    let to = frame.at_ns.partition_point(|at| *at < BusinessDay(day + 1).start_ns());
    let [price, carry, price_contract, carry_contract] =
        MULTIPLE_COLUMNS.map(|name| frame.column(name).unwrap_or_default());
    let row = |row: usize| Contracts {
        price: price[row],
        carry: carry[row],
        price_contract: price_contract[row],
        carry_contract: carry_contract[row],
    };
    Quote { adjusted: bar.adjusted, roll_shift: 0.0, multiple: (from..to).map(row).collect() }
}
