//! Axes: a range, a scale, and ticks at numbers a person would choose.

use super::format;
use crate::config::DAY_NS;
use crate::days::date_of;

/// How values lie along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// By their logarithm; the range is positive.
    Log,
}

/// A labelled place.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where.
    pub value: f64,
    /// What stands there; empty for a line without a label.
    pub label: String,
}

/// One axis of a plot.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Least value shown.
    pub low: f64,
    /// Greatest value shown, more than `low`.
    pub high: f64,
    /// Scale.
    pub scale: Scale,
    /// Ticks, ascending.
    pub ticks: Vec<Tick>,
    /// What the numbers are.
    pub unit: String,
}

impl Axis {
    /// From `low` to `high` with about six ticks; an empty or unsound range is widened around what it has.
    pub fn linear(low: f64, high: f64, unit: &str) -> Self {
        let (low, high) = sound(low, high);
        let step = nice_step((high - low) / 6.0);
        let places = usize::try_from(decimals_of(step)).unwrap_or(0);
        let label = |value: f64| format::decimals(value, places);
        let ticks = multiples(low, high, step).map(|value| Tick { value, label: label(value) }).collect();
        Self { low, high, scale: Scale::Linear, ticks, unit: unit.to_owned() }
    }

    /// Of values, with a little air above and below, zero included where `zero` says so.
    pub fn of_values(values: impl Iterator<Item = f64>, zero: bool, unit: &str) -> Self {
        let start = if zero { (0.0, 0.0) } else { (f64::INFINITY, f64::NEG_INFINITY) };
        let finite = values.filter(|value| value.is_finite());
        let (low, high) =
            finite.fold(start, |(low, high), value| (f64::min(low, value), f64::max(high, value)));
        let air = (high - low) * 0.04;
        let below = if zero && low == 0.0 { 0.0 } else { air };
        let above = if zero && high == 0.0 { 0.0 } else { air };
        Self::linear(low - below, high + above, unit)
    }

    /// Logarithmic, with ticks at powers of ten, or at 1, 2 and 5 of them where the range is short.
    pub fn log(low: f64, high: f64, unit: &str, label: impl Fn(f64) -> String) -> Self {
        let low = if low.is_finite() && low > 0.0 { low } else { 1.0 };
        let high = if high.is_finite() && high > low * 1.01 { high } else { low * 10.0 };
        let decades = (high / low).log10();
        let mut ticks = Vec::new();
        #[allow(clippy::cast_possible_truncation, reason = "the exponents of finite floats fit")]
        for exponent in (low.log10().floor() as i32)..=(high.log10().ceil() as i32) {
            for mantissa in [1.0, 2.0, 5.0] {
                let value = mantissa * 10f64.powi(exponent);
                let is_labelled = mantissa == 1.0 || decades < 2.5;
                if (low * 0.999..=high * 1.001).contains(&value) && (is_labelled || decades < 5.0) {
                    ticks.push(Tick { value, label: if is_labelled { label(value) } else { String::new() } });
                }
            }
        }
        Self { low, high, scale: Scale::Log, ticks, unit: unit.to_owned() }
    }

    /// Logarithmic, for what one unit became: as [`Axis::log`], with evenly spaced ticks where the range spans less than a factor
    /// of eight.
    pub fn growth(low: f64, high: f64, unit: &str) -> Self {
        let log = Self::log(low, high, unit, |value| format!("{value}"));
        if log.high / log.low >= 8.0 {
            return log;
        }
        Self { ticks: Self::linear(log.low, log.high, unit).ticks, ..log }
    }

    /// Shares as per cent: values are fractions, labels their hundredfold.
    pub fn percent(values: impl Iterator<Item = f64>, zero: bool, unit: &str) -> Self {
        let mut axis = Self::of_values(values.map(|value| value * 100.0), zero, unit);
        axis.low /= 100.0;
        axis.high /= 100.0;
        axis.ticks.iter_mut().for_each(|tick| tick.value /= 100.0);
        axis
    }

    /// Time, in nanoseconds since the epoch, labelled in local time.
    #[allow(clippy::cast_possible_truncation, reason = "times of records fit i64; floats only place them")]
    pub fn time(from_ns: i64, to_ns: i64, utc_offset_ns: i64) -> Self {
        const SECOND: i64 = 1_000_000_000;
        const STEPS: [i64; 18] =
            [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];
        let to_ns = to_ns.max(from_ns + SECOND);
        let wanted = (to_ns - from_ns) / SECOND / 9;
        let fine = STEPS.iter().copied().find(|step| *step >= wanted);
        let step = fine.unwrap_or_else(|| (wanted / 86_400 + 1) * 86_400) * SECOND;
        let mut ticks = Vec::new();
        let mut at = (from_ns + utc_offset_ns).div_euclid(step) * step - utc_offset_ns;
        while at <= to_ns {
            if at >= from_ns {
                let clock = format::clock(at, utc_offset_ns);
                let label = if step >= DAY_NS {
                    date_of((at + utc_offset_ns).div_euclid(DAY_NS))
                } else if step >= 60 * SECOND {
                    clock[..5].to_owned()
                } else {
                    clock
                };
                ticks.push(Tick { value: at as f64, label });
            }
            at += step;
        }
        let unit = "local time".to_owned();
        Self { low: from_ns as f64, high: to_ns as f64, scale: Scale::Linear, ticks, unit }
    }

    /// Calendar time over years, in nanoseconds since the epoch: ticks at New Year, at most a dozen; as [`Axis::time`] where
    /// there are fewer than two.
    pub fn years(from_ns: i64, to_ns: i64) -> Self {
        let mut new_years = Vec::new();
        let mut day = from_ns.div_euclid(DAY_NS);
        while day.saturating_mul(DAY_NS) <= to_ns {
            let date = date_of(day);
            if date.ends_with("-01-01") {
                new_years.push((day, date[..date.len() - 6].to_owned()));
            }
            // From New Year to the next is 365 days or one more: the search goes on where it can be.
            day += if date.ends_with("-01-01") { 365 } else { 1 };
        }
        if new_years.len() < 2 {
            return Self::time(from_ns, to_ns, 0);
        }
        let step = [1, 2, 5, 10, 20, 50].into_iter().find(|step| new_years.len() <= 12 * step).unwrap_or(100);
        let is_shown = |year: &str| year.parse::<usize>().is_ok_and(|year| year.is_multiple_of(step));
        let ticks = new_years
            .into_iter()
            .filter(|(_, year)| is_shown(year))
            .map(|(day, label)| Tick { value: (day * DAY_NS) as f64, label })
            .collect();
        Self { low: from_ns as f64, high: to_ns as f64, scale: Scale::Linear, ticks, unit: String::new() }
    }

    /// Named places at 0.5, 1.5, and so on, in a range from 0 to their number.
    pub fn names(names: &[String], unit: &str) -> Self {
        let ticks = names.iter().enumerate();
        let ticks =
            ticks.map(|(place, name)| Tick { value: place as f64 + 0.5, label: name.clone() }).collect();
        Self { low: 0.0, high: names.len().max(1) as f64, scale: Scale::Linear, ticks, unit: unit.to_owned() }
    }

    /// Where a value lies, from 0 to 1 within the range.
    pub fn place(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
        }
    }
}

fn sound(low: f64, high: f64) -> (f64, f64) {
    if !low.is_finite() || !high.is_finite() {
        return (0.0, 1.0);
    }
    if high - low > low.abs().max(high.abs()) * 1e-12 {
        return (low, high);
    }
    let half = (low.abs() * 0.01).max(0.5);
    (low - half, high + half)
}

/// The least of 1, 2, 5 times a power of ten that is not below `raw`.
fn nice_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    let mantissa = [1.0, 2.0, 5.0, 10.0].into_iter().find(|mantissa| mantissa * power >= raw * 0.999_999);
    mantissa.unwrap_or(10.0) * power
}

/// Decimals needed to tell multiples of `step` apart.
#[allow(clippy::cast_possible_truncation, reason = "the exponent of a finite float fits")]
fn decimals_of(step: f64) -> i32 {
    (-step.log10().floor() as i32).clamp(0, 9)
}

fn multiples(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (low / step - 1e-9).ceil();
    let last = (high / step + 1e-9).floor();
    (0..64).map(move |place| first + f64::from(place)).take_while(move |n| *n <= last).map(move |n| n * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn ticks_stand_at_numbers_a_person_would_choose() {
        assert_eq!(labels(&Axis::linear(0.0, 10.0, "")), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(labels(&Axis::linear(-0.03, 0.06, "")), ["-0.02", "0.00", "0.02", "0.04", "0.06"]);
        assert_eq!(labels(&Axis::linear(990_000.0, 1_010_000.0, "")).first(), Some(&"990,000"));
    }

    #[test]
    fn an_empty_range_is_widened() {
        for (low, high) in [(5.0, 5.0), (0.0, 0.0), (f64::INFINITY, f64::NEG_INFINITY), (f64::NAN, 1.0)] {
            let axis = Axis::linear(low, high, "");
            assert!(axis.high > axis.low && !axis.ticks.is_empty(), "{axis:?}");
        }
        let nothing = Axis::of_values(std::iter::empty(), false, "");
        assert!(nothing.high > nothing.low);
    }

    #[test]
    fn a_trading_day_is_labelled_by_the_hour_in_local_time() {
        // 14:30 to 21:00 UTC, New York in winter.
        let hour = 3_600_000_000_000;
        let axis = Axis::time(14 * hour + hour / 2, 21 * hour, -5 * hour);
        assert_eq!(labels(&axis), ["10:00", "11:00", "12:00", "13:00", "14:00", "15:00", "16:00"]);
    }

    #[test]
    fn decades_of_days_are_labelled_by_the_year() {
        // 1 July 1999 to 1 July 2023, in days.
        let axis = Axis::years(10_773 * DAY_NS, 19_539 * DAY_NS);
        assert_eq!(labels(&axis).first(), Some(&"2000"));
        assert_eq!(labels(&axis).last(), Some(&"2022"));
        assert_eq!(labels(&axis).len(), 12);
        assert_eq!(axis.ticks[0].value, (10_957 * DAY_NS) as f64);
        assert!(labels(&Axis::years(0, 90 * DAY_NS)).len() > 2);
    }

    #[test]
    fn decades_lie_evenly_on_a_logarithmic_axis() {
        let axis = Axis::log(10.0, 1000.0, "", |value| value.to_string());
        assert!((axis.place(100.0) - 0.5).abs() < 1e-12);
        assert_eq!(labels(&axis), ["10", "20", "50", "100", "200", "500", "1000"]);
    }
}
