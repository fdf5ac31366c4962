//! Fills that a path of positions implies: one at each change, and two at each roll.

use tickrace_stats::{BusinessDay, Series};

use super::pnl::union;
use tickrace_stats::panel::{civil, day_of_date};

/// Contracts traded at a price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill {
    /// Calendar day, numbered from 1 January 1970; may be a weekend's, for a roll.
    pub day: i64,
    /// Contracts; bought where positive.
    pub quantity: f64,
    /// Price, NaN where none is known yet.
    pub price: f64,
    /// Whether the spread is paid on it.
    pub pays_spread: bool,
}

/// Which price a fill has on a day without one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FillPrice {
    /// None: a commission in per cent of value is then not charged. What the reference does.
    #[default]
    OfDay,
    /// The last one known.
    LastKnown,
}

/// A fill at every change of the position. The first position known is no change.
///
/// `held`: contracts held at each day's end; missing days are carried forward.
pub fn position_fills(held: &Series, price: &Series, rule: FillPrice) -> Vec<Fill> {
    let mut fills = Vec::new();
    let mut prices = Carried::new(price);
    let mut last = f64::NAN;
    for (number, &now) in (held.first.0..).zip(&held.values) {
        if now.is_nan() || now == last {
            continue;
        }
        if !last.is_nan() {
            let day = BusinessDay(number);
            let price = match rule {
                FillPrice::OfDay => price.at(day),
                FillPrice::LastKnown => prices.until(number),
            };
            let fill = Fill { day: day.day(), quantity: now - last, price, pays_spread: true };
            fills.push(fill);
        }
        last = now;
    }
    fills
}

/// Two fills at each of the year's roll days up to the last position: the average size held since the roll day before is
/// sold and bought. The spread is paid once (a calendar spread trades inside two outright ones), commission twice. The
/// price is the last one before the day. Where nothing was held there is no fill.
///
/// - `held`: contracts held at each day's end.
/// - `rolls_per_year`: how many contracts of a year are held; none gives no fill.
/// - `share`: of the average size that is charged.
pub fn roll_fills(held: &Series, price: &Series, rolls_per_year: usize, share: f64) -> Vec<Fill> {
    let Some((first, days)) = union(held, price) else { return Vec::new() };
    let last_day = BusinessDay(first.0 + i32::try_from(days).unwrap_or(i32::MAX) - 1).day();
    let mut fills = Vec::new();
    let mut sizes = Carried::new(held);
    let mut prices = Carried::new(price);
    let roll_days = roll_days(civil(first.day()).0, civil(last_day).0, rolls_per_year);
    let mut before: Option<i64> = None;
    for day in roll_days.into_iter().take_while(|day| *day <= last_day) {
        // The first roll of the first year looks back to the first day held.
        let start = before.replace(day).map_or(first.0, |from| from_day(from).max(first.0));
        let (mut sum, mut count) = (0.0, 0.0);
        for number in start..=BusinessDay::of_day(day).0 {
            let size = sizes.until(number);
            if !size.is_nan() {
                sum += size.abs();
                count += 1.0;
            }
        }
        if count > 0.0 {
            // The last price strictly before the day: a weekend's roll sees Friday's.
            let price = prices.until(from_day(day) - 1);
            let quantity = sum / count * share;
            if quantity > 0.0 && !price.is_nan() {
                fills.push(Fill { day, quantity, price, pays_spread: true });
                fills.push(Fill { day, quantity: -quantity, price, pays_spread: false });
            }
        }
        sizes.rewind();
    }
    fills
}

/// First business day on or after a calendar day.
fn from_day(day: i64) -> i32 {
    let bin = BusinessDay::of_day(day);
    if bin.day() == day { bin.0 } else { bin.0 + 1 }
}

/// The days of the years at which a roll's cost is charged, evenly spread: with `k` a year they are `floor(365.25 / k)` days
/// apart and begin half such a step after New Year.
pub fn roll_days(first_year: i64, last_year: i64, rolls_per_year: usize) -> Vec<i64> {
    if rolls_per_year == 0 {
        return Vec::new();
    }
    let rolls = i64::try_from(rolls_per_year.min(365)).unwrap_or(365);
    // floor(365.25 / k) is floor(365 / k) for every k: no multiple of k lies between 365 and 365.25.
    let step = 365 / rolls;
    let offset = step / 2;
    (first_year..=last_year)
        .flat_map(|year| (0..rolls).map(move |roll| day_of_date(year, 1, 1) + offset + roll * step))
        .collect()
}

/// A series read forwards, the last known value carried.
struct Carried<'a> {
    series: &'a Series,
    next: usize,
    last: f64,
    /// Where the reading stood before the newest day, so that a day can be read twice.
    previous: (usize, f64),
}

impl<'a> Carried<'a> {
    const fn new(series: &'a Series) -> Self {
        Self { series, next: 0, last: f64::NAN, previous: (0, f64::NAN) }
    }

    /// The last value known at a business day's end.
    fn until(&mut self, number: i32) -> f64 {
        self.previous = (self.next, self.last);
        let end = usize::try_from(number - self.series.first.0 + 1).unwrap_or(0).min(self.series.len());
        while self.next < end {
            let value = self.series.values[self.next];
            self.last = if value.is_nan() { self.last } else { value };
            self.next += 1;
        }
        self.last
    }

    /// Back by one day read.
    const fn rewind(&mut self) {
        (self.next, self.last) = self.previous;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(first: i32, values: &[f64]) -> Series {
        Series { first: BusinessDay(first), values: values.to_vec() }
    }

    #[test]
    fn every_change_is_a_fill_at_the_price_of_its_day() {
        let held = series(10, &[f64::NAN, 0.0, 2.0, f64::NAN, 2.0, -1.0]);
        let price = series(10, &[5.0, 6.0, f64::NAN, 8.0, 9.0, 10.0]);
        assert!(position_fills(&held, &price, FillPrice::OfDay)[0].price.is_nan());
        let fills = position_fills(&held, &price, FillPrice::LastKnown);
        let read: Vec<_> = fills.iter().map(|fill| (fill.day, fill.quantity, fill.price)).collect();
        assert_eq!(read, [(BusinessDay(12).day(), 2.0, 6.0), (BusinessDay(15).day(), -3.0, 10.0)]);
    }

    #[test]
    fn roll_days_are_spread_over_the_year() {
        // Four a year: 91 days apart from 15 February (45 days after New Year).
        let days = roll_days(1970, 1970, 4);
        assert_eq!(days, [45, 136, 227, 318]);
        assert_eq!(roll_days(1970, 1971, 1), [182, 365 + 182]);
        assert!(roll_days(1970, 1971, 0).is_empty());
    }

    #[test]
    fn a_roll_trades_the_average_size_twice_and_pays_one_spread() {
        // Two years at 4 contracts long, then short; the mean is of sizes.
        let days = 520;
        let sizes: Vec<f64> = (0..days).map(|day| if day % 2 == 0 { 4.0 } else { -2.0 }).collect();
        let prices: Vec<f64> = (0..days).map(f64::from).collect();
        let (held, price) = (series(0, &sizes), series(0, &prices));
        let fills = roll_fills(&held, &price, 4, 0.5);
        assert_eq!(fills.len(), 2 * 8, "eight roll days in two years, the first of a shorter time held");
        for pair in fills.chunks(2) {
            assert!((pair[0].quantity - 1.5).abs() < 0.02 && pair[1].quantity == -pair[0].quantity);
            assert_eq!((pair[0].pays_spread, pair[1].pays_spread), (true, false));
            assert!(pair[0].price < f64::from(from_day(pair[0].day)));
        }
    }
}
