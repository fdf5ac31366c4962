//! Session dates: from a file's name, and their midnight in New York.

use std::fmt;
use std::str::FromStr;

/// A calendar day (Gregorian).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Year, 1970 to 2199.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
}

/// Why a text is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// Not a day.
    #[error("not a date; write it as 2020-01-30")]
    Date,
    /// Not a time of day.
    #[error("not a time of day; write it as 09:30:00.5 or as nanoseconds after midnight")]
    TimeOfDay,
}

const SECOND_NS: i64 = 1_000_000_000;
const HOUR_NS: i64 = 3_600 * SECOND_NS;
const DAY_NS: i64 = 24 * HOUR_NS;

impl Date {
    /// From its parts; `None` where there is no such day or the year is outside 1970 to 2199.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        if !(1970..2200).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        (1..=days_in_month(year, month)).contains(&day).then_some(Self { year, month, day })
    }

    /// Days since 1970-01-01.
    pub fn days_since_epoch(self) -> i64 {
        let years: i64 = (1970..self.year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
        let months: i64 = (1..self.month).map(|month| i64::from(days_in_month(self.year, month))).sum();
        years + months + i64::from(self.day) - 1
    }

    /// The day that contains a count of days since 1970-01-01, where it is in range.
    pub fn from_days_since_epoch(days: i64) -> Option<Self> {
        let mut rest = days;
        if rest < 0 {
            return None;
        }
        for year in 1970..2200u16 {
            let length = if is_leap(year) { 366 } else { 365 };
            if rest < length {
                for month in 1..=12 {
                    let in_month = i64::from(days_in_month(year, month));
                    if rest < in_month {
                        return Self::new(year, month, u8::try_from(rest + 1).ok()?);
                    }
                    rest -= in_month;
                }
            }
            rest -= length;
        }
        None
    }

    /// 0 Sunday to 6 Saturday.
    pub fn weekday(self) -> u8 {
        // 1970-01-01 was a Thursday.
        u8::try_from((self.days_since_epoch() + 4).rem_euclid(7)).unwrap_or(0)
    }

    /// Midnight in New York at which this day begins, nanoseconds since the Unix epoch.
    ///
    /// Clocks change at 02:00, so midnight of the day they go forward is still winter time, and midnight of the
    /// day they go back is still summer time.
    ///
    /// Source: Energy Policy Act of 2005, section 110 (from 2007: second Sunday of March to first Sunday of
    /// November); Public Law 99-359 (1987 to 2006: first Sunday of April to last Sunday of October); Uniform
    /// Time Act of 1966 (to 1986: last Sunday of April to last Sunday of October; the changed dates of 1974 and
    /// 1975 are not kept here).
    pub fn new_york_midnight_ns(self) -> i64 {
        let (spring, autumn) = if self.year >= 2007 {
            (nth_sunday(self.year, 3, 2), nth_sunday(self.year, 11, 1))
        } else if self.year >= 1987 {
            (nth_sunday(self.year, 4, 1), last_sunday(self.year, 10))
        } else {
            (last_sunday(self.year, 4), last_sunday(self.year, 10))
        };
        let summer = self > spring && self <= autumn;
        self.days_since_epoch() * DAY_NS + if summer { 4 } else { 5 } * HOUR_NS
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = DateError;

    /// `2020-01-30` or `20200130`.
    fn from_str(text: &str) -> Result<Self, DateError> {
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        let dashed = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
        if digits.len() != 8 || !(dashed || text.len() == 8) {
            return Err(DateError::Date);
        }
        year_first(digits.as_bytes()).ok_or(DateError::Date)
    }
}

const fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The `nth` Sunday of a month.
fn nth_sunday(year: u16, month: u8, nth: u8) -> Date {
    let first = Date { year, month, day: 1 };
    Date { year, month, day: 1 + (7 - first.weekday()) % 7 + 7 * (nth - 1) }
}

/// The last Sunday of a month.
fn last_sunday(year: u16, month: u8) -> Date {
    let last = Date { year, month, day: days_in_month(year, month) };
    Date { year, month, day: last.day - last.weekday() }
}

fn number(digits: &[u8]) -> Option<u16> {
    let mut value: u16 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u16::from(digit - b'0'))?;
    }
    Some(value)
}

fn parts(year: u16, month: &[u8], day: &[u8]) -> Option<Date> {
    Date::new(year, u8::try_from(number(month)?).ok()?, u8::try_from(number(day)?).ok()?)
}

/// YYYYMMDD.
fn year_first(digits: &[u8]) -> Option<Date> {
    parts(number(digits.get(..4)?)?, &digits[4..6], digits.get(6..8)?)
}

/// The session date in a file's name: `01302020.…` (month, day, year, as the exchange names its files),
/// `20120621.…`, `2020-01-30…`, or `S060823-…` (month, day, two-digit year).
///
/// The first run of digits that is a date counts. Eight digits that read as a date both ways are taken year
/// first; a year before 1970 is none, so `01302020` has one reading only.
pub fn date_from_name(name: &str) -> Option<Date> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name).as_bytes();
    for start in 0..base.len() {
        if start > 0 && base[start - 1].is_ascii_digit() {
            continue;
        }
        let run = base[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let rest = &base[start..];
        let found = match run {
            8 => year_first(rest).or_else(|| parts(number(&rest[4..8])?, &rest[..2], &rest[2..4])),
            6 if start > 0 && base[start - 1].eq_ignore_ascii_case(&b'S') => {
                number(&rest[4..6]).and_then(|year| parts(2000 + year, &rest[..2], &rest[2..4]))
            }
            4 if rest.len() >= 10 && rest[4] == b'-' && rest[7] == b'-' => {
                number(&rest[..4]).and_then(|year| parts(year, &rest[5..7], &rest[8..10]))
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// A time of day as nanoseconds after midnight: `09:30:00`, `09:30:00.25`, or a plain count of nanoseconds.
///
/// # Errors
///
/// [`DateError::TimeOfDay`] where it is neither, or not below 24 hours.
pub fn parse_at(text: &str) -> Result<u64, DateError> {
    time_of_day(text).ok_or(DateError::TimeOfDay)
}

fn time_of_day(text: &str) -> Option<u64> {
    let second_ns = SECOND_NS.unsigned_abs();
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if plain(text) {
        return text.parse().ok();
    }
    let mut fields = text.split(':');
    let (hours, minutes, seconds) = (fields.next()?, fields.next()?, fields.next()?);
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let well_formed = fields.next().is_none() && [hours, minutes, seconds, fraction].into_iter().all(plain);
    if !well_formed || fraction.len() > 9 {
        return None;
    }
    let (hours, minutes, seconds): (u64, u64, u64) =
        (hours.parse().ok()?, minutes.parse().ok()?, seconds.parse().ok()?);
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
    Some(((hours * 60 + minutes) * 60 + seconds) * second_ns + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().expect("a date")
    }

    #[test]
    fn the_date_is_read_from_the_names_in_use() {
        for (name, wanted) in [
            ("01302020.NASDAQ_ITCH50", "2020-01-30"),
            ("/data/12302019.NASDAQ_ITCH50.gz", "2019-12-30"),
            ("20120621.GOOG_AAPL.derived_ITCH50.gz", "2012-06-21"),
            ("2020-01-30/day.itch", ""),
            ("day-2020-01-30.itch", "2020-01-30"),
            ("S060823-v50.txt.gz", "2023-06-08"),
            ("stockdir_first1000.real_ITCH50", ""),
            ("13452020.bin", ""),
            ("123456789.bin", ""),
        ] {
            let found = date_from_name(name).map(|date| date.to_string()).unwrap_or_default();
            assert_eq!(found, wanted, "{name}");
        }
    }

    #[test]
    fn midnight_in_new_york_follows_the_rule_of_the_year() {
        // Seconds since the epoch by `TZ=America/New_York date -d <day> +%s`.
        for (day, wanted_s) in [
            ("2020-01-30", 1_580_360_400),
            ("2012-06-21", 1_340_251_200),
            // 2020: forward on March 8, back on November 1. Midnight comes before the change.
            ("2020-03-08", 1_583_643_600),
            ("2020-03-09", 1_583_726_400),
            ("2020-11-01", 1_604_203_200),
            ("2020-11-02", 1_604_293_200),
            // 2006, the last year of the older rule: forward on April 2, back on October 29.
            ("2006-03-20", 1_142_830_800),
            ("2006-04-03", 1_144_036_800),
            ("2006-10-29", 1_162_094_400),
            ("2006-10-30", 1_162_184_400),
            ("1986-04-15", 513_925_200),
        ] {
            assert_eq!(date(day).new_york_midnight_ns(), wanted_s * SECOND_NS, "{day}");
        }
    }

    #[test]
    fn days_go_round_through_their_count() {
        for days in (0..83_000).step_by(17) {
            let date = Date::from_days_since_epoch(days).expect("in range");
            assert_eq!(date.days_since_epoch(), days);
            assert_eq!(date.to_string().parse(), Ok(date));
        }
        assert_eq!(date("2000-03-01").days_since_epoch(), 11_017);
        assert_eq!(Date::new(2100, 2, 29), None);
    }

    #[test]
    fn a_time_of_day_is_read_either_way_and_nonsense_is_refused() {
        assert_eq!(parse_at("09:30:00"), Ok(34_200_000_000_000));
        assert_eq!(parse_at("09:30:00.25"), Ok(34_200_250_000_000));
        assert_eq!(parse_at("34200000000000"), Ok(34_200_000_000_000));
        for text in ["", "9:30", "24:00:00", "09:60:00", "09:30:00.", "09:30:00.0123456789", "-1", "09:30:+1"]
        {
            assert_eq!(parse_at(text), Err(DateError::TimeOfDay), "{text}");
        }
    }
}
