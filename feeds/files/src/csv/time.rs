//! Times of a column as nanoseconds since the Unix epoch.

use super::mapping::{Origin, TimeRule, TimeUnit};
use crate::Date;
use crate::number::{fixed, integer};

const SECOND_NS: i64 = 1_000_000_000;
const DAY_NS: i64 = 86_400 * SECOND_NS;

/// Bytes of a date.
const DATE_BYTES: usize = 10;

/// Reads the times of one column.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// Decimals that make a nanosecond of the unit; `None` for dates and times.
    decimals: Option<u32>,
    origin_ns: i64,
    /// The date read last, and its midnight: rows of one day follow each other.
    last: ([u8; DATE_BYTES], i64),
}

impl Clock {
    /// For a rule; `date` is the session's. `Err` tells what is missing.
    pub(super) fn new(rule: &TimeRule, date: Option<Date>) -> Result<Self, &'static str> {
        let decimals = match rule.unit {
            TimeUnit::S => Some(9),
            TimeUnit::Ms => Some(6),
            TimeUnit::Us => Some(3),
            TimeUnit::Ns => Some(0),
            TimeUnit::Iso8601 => None,
        };
        let missing = "counts from midnight, and neither an option nor the file's name tells the date";
        let origin_ns = match rule.from {
            Origin::Epoch => 0,
            Origin::MidnightUtc => date.ok_or(missing)?.days_since_epoch() * DAY_NS,
            Origin::MidnightNewYork => date.ok_or(missing)?.new_york_midnight_ns(),
        };
        Ok(Self { decimals, origin_ns, last: ([0; DATE_BYTES], 0) })
    }

    /// A time; `None` where the text is none.
    #[inline]
    pub(super) fn read(&mut self, text: &[u8]) -> Option<i64> {
        match self.decimals {
            Some(decimals) => fixed(text, decimals).filter(|time| *time >= 0)?.checked_add(self.origin_ns),
            None => self.date_and_time(text),
        }
    }

    /// `2024-08-08T23:54:00.123456Z`.
    fn date_and_time(&mut self, text: &[u8]) -> Option<i64> {
        let (date, rest) = text.split_first_chunk::<DATE_BYTES>()?;
        if *date != self.last.0 {
            let parsed: Date = std::str::from_utf8(date).ok()?.parse().ok()?;
            self.last = (*date, parsed.days_since_epoch() * DAY_NS);
        }
        let (b'T' | b't' | b' ', rest) = rest.split_first()? else { return None };
        let (time, offset_ns) = offset(rest)?;
        let [h1, h2, b':', m1, m2, b':', seconds @ ..] = time else { return None };
        let (hours, minutes) = (below(&[*h1, *h2], 24)?, below(&[*m1, *m2], 60)?);
        seconds.first()?.is_ascii_digit().then_some(())?;
        let seconds_ns = fixed(seconds, 9).filter(|ns| (0..61 * SECOND_NS).contains(ns))?;
        let midnight_ns = self.last.1;
        (midnight_ns + (hours * 60 + minutes) * 60 * SECOND_NS)
            .checked_add(seconds_ns)?
            .checked_sub(offset_ns)
    }
}

/// Cuts `Z` or `+01:00` off and gives what it says.
fn offset(text: &[u8]) -> Option<(&[u8], i64)> {
    if let Some(time) = text.strip_suffix(b"Z").or(text.strip_suffix(b"z")) {
        return Some((time, 0));
    }
    let Some(at) = text.iter().position(|byte| matches!(byte, b'+' | b'-')) else { return Some((text, 0)) };
    let (time, rest) = text.split_at(at);
    let (sign, digits) = rest.split_first()?;
    let (hours, minutes) = match digits {
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => ([*h1, *h2], [*m1, *m2]),
        [h1, h2] => ([*h1, *h2], [b'0', b'0']),
        _ => return None,
    };
    let ns = (below(&hours, 24)? * 60 + below(&minutes, 60)?) * 60 * SECOND_NS;
    Some((time, if *sign == b'-' { -ns } else { ns }))
}

fn below(digits: &[u8], limit: i64) -> Option<i64> {
    integer(digits).and_then(|value| i64::try_from(value).ok()).filter(|value| *value < limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::mapping::Column;

    fn read(unit: TimeUnit, from: Origin, text: &str) -> Option<i64> {
        let rule = TimeRule { column: Column::Index(0), unit, from };
        let date = Date::new(2013, 10, 7);
        Clock::new(&rule, date).expect("a clock").read(text.as_bytes())
    }

    #[test]
    fn units_and_origins_are_kept_apart() {
        let s = 1_000_000_000;
        assert_eq!(read(TimeUnit::S, Origin::Epoch, "1.5"), Some(3 * s / 2));
        assert_eq!(read(TimeUnit::Ms, Origin::Epoch, "1667346579146"), Some(1_667_346_579_146_000_000));
        assert_eq!(read(TimeUnit::Us, Origin::Epoch, "1667346579146001"), Some(1_667_346_579_146_001_000));
        assert_eq!(read(TimeUnit::Ns, Origin::Epoch, "1667346579146001002"), Some(1_667_346_579_146_001_002));
        // 2013-10-07 is 1,381,104,000 s after the epoch in UTC; New York was four hours behind.
        assert_eq!(read(TimeUnit::Ms, Origin::MidnightUtc, "1000"), Some(1_381_104_001 * s));
        assert_eq!(read(TimeUnit::Ms, Origin::MidnightNewYork, "1000"), Some((1_381_104_001 + 4 * 3600) * s));
        for (unit, bad) in [
            (TimeUnit::Ns, "1.5"),
            (TimeUnit::S, "-1"),
            (TimeUnit::Ms, ""),
            (TimeUnit::Ms, "99999999999999999"),
        ] {
            assert_eq!(read(unit, Origin::Epoch, bad), None, "{bad}");
        }
        let rule = TimeRule { column: Column::Index(0), unit: TimeUnit::S, from: Origin::MidnightUtc };
        assert!(Clock::new(&rule, None).is_err());
    }

    #[test]
    fn dates_and_times_are_read_with_their_offset() {
        let iso = |text| read(TimeUnit::Iso8601, Origin::Epoch, text);
        // Seconds by `date -u -d 2024-08-08T23:54:00 +%s`.
        let wanted = 1_723_161_240_000_000_000;
        for text in [
            "2024-08-08T23:54:00Z",
            "2024-08-08 23:54:00",
            "2024-08-09T01:54:00.000+02:00",
            "2024-08-08T18:54:00-0500",
            "2024-08-08T23:54:00+00",
        ] {
            assert_eq!(iso(text), Some(wanted), "{text}");
        }
        assert_eq!(iso("2024-08-08T23:54:00.123456Z"), Some(wanted + 123_456_000));
        for bad in [
            "",
            "2024-08-08",
            "2024-02-30T00:00:00Z",
            "2024-08-08T24:00:00Z",
            "2024-08-08T23:54:61Z",
            "2024-08-08T23:54:+1Z",
            "2024-08-08T23:54Z",
            "2024-08-08T23:54:00+2",
            "2024-08-08x23:54:00",
        ] {
            assert_eq!(iso(bad), None, "{bad}");
        }
    }
}
