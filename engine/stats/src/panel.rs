//! Panels of dated numbers: business days, series on them, and frames as files hold them.
//!
//! A [`Series`] is dense on business days, so that aligning two of them is arithmetic on offsets and a rule is a loop
//! over a slice. Missing values are NaN. A [`Frame`] holds whatever a file held, at any times, in named columns.

/// Nanoseconds of a calendar day.
pub const DAY_NS: i64 = 86_400_000_000_000;

/// A business day: Monday to Friday, numbered without gaps; 0 is Thursday 1 January 1970. Holidays count.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BusinessDay(pub i32);

impl BusinessDay {
    /// The business day whose bin holds the time: Saturday and Sunday belong to the Friday before.
    ///
    /// `at_ns`: nanoseconds since the Unix epoch.
    pub const fn of_ns(at_ns: i64) -> Self {
        Self::of_day(at_ns.div_euclid(DAY_NS))
    }

    /// The business day whose bin holds the calendar day, numbered from 1 January 1970.
    pub const fn of_day(day: i64) -> Self {
        // Monday 29 December 1969 is day -3.
        let from_monday = day + 3;
        let (week, weekday) = (from_monday.div_euclid(7), from_monday.rem_euclid(7));
        let weekday = if weekday > 4 { 4 } else { weekday };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "days of an i64 of nanoseconds are below 110,000"
        )]
        Self((week * 5 + weekday - 3) as i32)
    }

    /// Its calendar day, numbered from 1 January 1970.
    pub const fn day(self) -> i64 {
        let from_monday = self.0 as i64 + 3;
        from_monday.div_euclid(5) * 7 + from_monday.rem_euclid(5) - 3
    }

    /// Its first nanosecond since the Unix epoch.
    pub const fn start_ns(self) -> i64 {
        self.day() * DAY_NS
    }
}

/// One value a business day, without gaps; NaN where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Day of the first value.
    pub first: BusinessDay,
    /// `[days]`, oldest first.
    pub values: Vec<f64>,
}

impl Series {
    /// How many days.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no day.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The day after the last.
    pub fn end(&self) -> BusinessDay {
        BusinessDay(self.first.0 + i32::try_from(self.len()).unwrap_or(i32::MAX))
    }

    /// The value of a day, NaN outside the series.
    pub fn at(&self, day: BusinessDay) -> f64 {
        usize::try_from(day.0 - self.first.0)
            .ok()
            .and_then(|place| self.values.get(place))
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// The same values on `days` days from `first`: NaN where the series has none.
    pub fn on(&self, first: BusinessDay, days: usize) -> Self {
        let mut values = vec![f64::NAN; days];
        let shift = i64::from(self.first.0) - i64::from(first.0);
        let target = usize::try_from(shift).unwrap_or(0);
        let source = usize::try_from(-shift).unwrap_or(0);
        if target < days && source < self.len() {
            let count = (days - target).min(self.len() - source);
            values[target..target + count].copy_from_slice(&self.values[source..source + count]);
        }
        Self { first, values }
    }

    /// Last non-missing value of each business day's bin, from stamped values in order of time; days without a value
    /// are kept as NaN. An empty input gives an empty series.
    ///
    /// - `at_ns`: `[rows]`, nanoseconds since the Unix epoch, not falling.
    /// - `values`: `[rows]`.
    pub fn last_of_day(at_ns: &[i64], values: &[f64]) -> Self {
        DayRows::new(at_ns).last(values)
    }
}

/// Which rows stand on which business day: found once for all columns of a frame.
#[derive(Clone, Debug, Default)]
pub struct DayRows {
    first: BusinessDay,
    /// `[days]`, how many rows there are up to the end of each.
    ends: Vec<usize>,
}

impl DayRows {
    /// - `at_ns`: `[rows]`, nanoseconds since the Unix epoch, not falling.
    pub fn new(at_ns: &[i64]) -> Self {
        let (Some(&first_ns), Some(&last_ns)) = (at_ns.first(), at_ns.last()) else { return Self::default() };
        let first = BusinessDay::of_ns(first_ns);
        let days = usize::try_from(BusinessDay::of_ns(last_ns).0 - first.0).unwrap_or(0) + 1;
        let mut ends = Vec::with_capacity(days);
        let mut next_days = calendar_days(BusinessDay(first.0 + 1));
        let mut end_ns = i64::MIN;
        for (row, &at) in at_ns.iter().enumerate() {
            while at >= end_ns && ends.len() < days {
                if end_ns > i64::MIN {
                    ends.push(row);
                }
                end_ns = next_days.next().map_or(i64::MAX, |day| day.saturating_mul(DAY_NS));
            }
        }
        ends.resize(days, at_ns.len());
        Self { first, ends }
    }

    /// The last value of each day that is there.
    pub fn last(&self, values: &[f64]) -> Series {
        self.folded(values, |rows| {
            rows.iter().rev().copied().find(|value| !value.is_nan()).unwrap_or(f64::NAN)
        })
    }

    /// A figure of the rows of each day.
    ///
    /// - `values`: `[rows]`. `figure`: of the values of a day, missing ones among them; there may be none.
    pub fn folded(&self, values: &[f64], figure: impl Fn(&[f64]) -> f64) -> Series {
        let mut start = 0;
        let days = self.ends.iter().map(|&end| {
            let rows = start..end.min(values.len());
            start = end;
            figure(values.get(rows).unwrap_or_default())
        });
        Series { first: self.first, values: days.collect() }
    }
}

/// Calendar days of business days from one on, without a division for each.
pub fn calendar_days(first: BusinessDay) -> impl Iterator<Item = i64> {
    let mut day = first.day();
    // Day 4 was a Monday.
    let mut weekday = (day - 4).rem_euclid(7);
    std::iter::repeat_with(move || {
        let now = day;
        let step = if weekday == 4 { 3 } else { 1 };
        day += step;
        weekday = if weekday == 4 { 0 } else { weekday + 1 };
        now
    })
}

/// Named columns of equal length at rising times, as a file holds them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// `[rows]`, nanoseconds since the Unix epoch, of naive local or UTC stamps as the file has them.
    pub at_ns: Vec<i64>,
    /// Each a name and `[rows]` values; NaN where missing. Integers, such as contract ids, are exact below 2^53.
    pub columns: Vec<(String, Vec<f64>)>,
}

impl Frame {
    /// The rows stamped at or after `from_ns`. Rows must ascend by time.
    #[must_use]
    pub fn since(&self, from_ns: i64) -> Self {
        let from = self.at_ns.partition_point(|at| *at < from_ns);
        let columns = self.columns.iter();
        let columns = columns.map(|(name, values)| (name.clone(), values[from..].to_vec())).collect();
        Self { at_ns: self.at_ns[from..].to_vec(), columns }
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        self.columns.iter().find(|(own, _)| own == name).map(|(_, values)| values.as_slice())
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.at_ns.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.at_ns.is_empty()
    }
}

/// First and last year whose every nanosecond an `i64` counts.
const YEARS: std::ops::RangeInclusive<i64> = 1678..=2261;

/// Nanoseconds since the Unix epoch of a date, or a date and a time, as it stands; none for a day that the calendar does not
/// have, or outside the years 1678 to 2261.
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let mut next = |most: i64| parts.next()?.parse::<i64>().ok().filter(|part| (0..=most).contains(part));
    let (year, month, day) = (next(9_999)?, next(12)?, next(31)?);
    let number = day_of_date(year, month, day);
    if !YEARS.contains(&year) || civil(number) != (year, month, day) {
        return None;
    }
    let midnight_ns = number * DAY_NS;
    if rest.is_empty() {
        return Some(midnight_ns);
    }
    let clock = rest.strip_prefix([' ', 'T'])?.trim_end_matches('Z');
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':');
    let mut next = |most: i64| parts.next()?.parse::<i64>().ok().filter(|part| (0..=most).contains(part));
    let (hours, minutes) = (next(23)?, next(59)?);
    let seconds = next(60).unwrap_or(0);
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction_ns: i64 = format!("{fraction:0<9}").parse().ok()?;
    Some(midnight_ns + ((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + fraction_ns)
}

/// Days since 1 January 1970 of a date of the Gregorian calendar.
///
/// Source: H. Hinnant, *chrono-Compatible Low-Level Date Algorithms*, `days_from_civil`.
pub const fn day_of_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of the month of a calendar day numbered from 1 January 1970; the inverse of [`day_of_date`].
///
/// Source: H. Hinnant, *chrono-Compatible Low-Level Date Algorithms*, `civil_from_days`.
pub const fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + (month <= 2) as i64;
    (year, month, of_year - (153 * month_from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_counted_from_1970() {
        for (date, day) in
            [((1970, 1, 1), 0), ((2000, 2, 29), 11_016), ((2016, 1, 4), 16_804), ((1969, 12, 31), -1)]
        {
            assert_eq!(day_of_date(date.0, date.1, date.2), day);
            assert_eq!(civil(day), date);
        }
    }

    #[test]
    fn times_are_read_as_they_stand() {
        assert_eq!(parse_time("1970-01-02"), Some(DAY_NS));
        assert_eq!(parse_time("1970-01-01 23:00:00"), Some(23 * 3_600_000_000_000));
        assert_eq!(parse_time("1970-01-01T00:00:01.5Z"), Some(1_500_000_000));
        for text in
            ["", "1970-13-01", "1970-1-1", "1970-01-01 25:00:00", "yesterday--", "1970-01-01x", "Ünïcödé-ß"]
        {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn business_days_are_counted_without_weekends() {
        // 1 January 1970 was a Thursday, 2 January a Friday, 5 January a Monday.
        for (day, number) in
            [(0, 0), (1, 1), (2, 1), (3, 1), (4, 2), (8, 6), (-1, -1), (-3, -3), (-4, -4), (-6, -4)]
        {
            assert_eq!(BusinessDay::of_day(day), BusinessDay(number), "day {day}");
        }
        for number in -1_000..1_000 {
            assert_eq!(BusinessDay::of_day(BusinessDay(number).day()), BusinessDay(number));
        }
    }

    #[test]
    fn weekend_values_belong_to_friday_and_missing_days_stay() {
        let at = [DAY_NS, 2 * DAY_NS + 5, 5 * DAY_NS, 5 * DAY_NS + 1];
        let series = Series::last_of_day(&at, &[1.0, 2.0, 3.0, f64::NAN]);
        assert_eq!(series.first, BusinessDay(1));
        assert_eq!(series.values.len(), 3);
        assert_eq!((series.values[0], series.values[2]), (2.0, 3.0));
        assert!(series.values[1].is_nan());
    }

    #[test]
    fn rows_are_found_by_their_days_over_gaps_and_weekends() {
        // Every seven hours, and nothing for a month: each row stands on the day it is dated on.
        let hour = DAY_NS / 24;
        let at: Vec<i64> =
            (-40..200).map(|step| step * 7 * hour + if step > 90 { 31 * DAY_NS } else { 0 }).collect();
        let values: Vec<f64> = (0..240).map(f64::from).collect();
        let counts = DayRows::new(&at).folded(&values, |rows| rows.len() as f64);
        let lasts = DayRows::new(&at).last(&values);
        for (place, (count, last)) in counts.values.iter().zip(&lasts.values).enumerate() {
            let day = BusinessDay(counts.first.0 + i32::try_from(place).unwrap());
            let own: Vec<usize> = (0..240).filter(|row| BusinessDay::of_ns(at[*row]) == day).collect();
            assert_eq!(*count, own.len() as f64, "{day:?}");
            assert_eq!(own.last().map(|row| values[*row]), (!last.is_nan()).then_some(*last));
        }
        assert_eq!(counts.values.iter().sum::<f64>(), 240.0);
        assert!(DayRows::new(&[]).last(&[]).is_empty());
    }

    #[test]
    fn calendar_days_go_over_weekends() {
        for first in [-7, 0, 3, 11] {
            let plain = (first..first + 40).map(|number| BusinessDay(number).day());
            assert!(calendar_days(BusinessDay(first)).take(40).eq(plain), "{first}");
        }
    }

    #[test]
    fn a_series_is_laid_on_other_days() {
        let series = Series { first: BusinessDay(10), values: vec![1.0, 2.0, 3.0] };
        let wider = series.on(BusinessDay(9), 5);
        assert!(wider.values[0].is_nan() && wider.values[4].is_nan());
        assert_eq!(wider.values[1..4], [1.0, 2.0, 3.0]);
        assert_eq!(series.on(BusinessDay(11), 1).values, [2.0]);
        assert!(series.on(BusinessDay(20), 2).values.iter().all(|value| value.is_nan()));
        assert!(series.on(BusinessDay(1), 2).values.iter().all(|value| value.is_nan()));
    }
}
