//! Amounts of money by calendar day, summed at four frequencies.
//!
//! Most amounts stand on business days and are held densely; the few dated on a weekend (a roll's cost) are kept apart, since
//! they belong to Friday's bin by day and by week but to their own calendar month.

use std::borrow::Cow;

use tickrace_stats::panel::{calendar_days, civil, day_of_date};
use tickrace_stats::{BusinessDay, Series};

/// How amounts are summed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Frequency {
    /// Monday to Friday; the weekend counts to Friday.
    BusinessDay,
    /// Weeks that end on Sunday.
    Week,
    /// Calendar months.
    Month,
    /// Calendar years.
    Year,
}

impl Frequency {
    /// All four, the shortest first.
    pub const ALL: [Self; 4] = [Self::BusinessDay, Self::Week, Self::Month, Self::Year];

    /// Periods of a year: 256 business days, 365.25 / 7 weeks, 12 months, 1 year.
    pub const fn per_year(self) -> f64 {
        match self {
            Self::BusinessDay => 256.0,
            Self::Week => 365.25 / 7.0,
            Self::Month => 12.0,
            Self::Year => 1.0,
        }
    }

    /// The usual word: `daily`, `weekly`, `monthly`, `annual`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BusinessDay => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
            Self::Year => "annual",
        }
    }
}

/// Sums of consecutive periods without gaps: a period without an amount has 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bins {
    /// `[periods]`, the calendar day that names each (numbered from 1 January 1970): the business day itself, Sunday, or the
    /// last day of the month or year.
    pub days: Vec<i64>,
    /// `[periods]`, the sums.
    pub sums: Vec<f64>,
}

/// Amounts by calendar day between a first and a last one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// First and last calendar day that count, numbered from 1 January 1970; none where the flow is empty.
    span: Option<(i64, i64)>,
    /// Amounts of business days, over the bins of the span.
    series: Series,
    /// Amounts of weekend days, in order.
    weekend: Vec<(i64, f64)>,
}

impl Flow {
    /// Amounts on business days; missing ones count as 0.
    pub fn of_series(mut series: Series) -> Self {
        if series.is_empty() {
            return Self::default();
        }
        for value in &mut series.values {
            if value.is_nan() {
                *value = 0.0;
            }
        }
        let span = Some((series.first.day(), BusinessDay(series.end().0 - 1).day()));
        Self { span, series, weekend: Vec::new() }
    }

    /// Amounts by calendar day, in any order; those of one day are added.
    pub fn of_dated(amounts: &[(i64, f64)]) -> Self {
        let Some(first) = amounts.iter().map(|(day, _)| *day).min() else { return Self::default() };
        let last = amounts.iter().map(|(day, _)| *day).max().unwrap_or(first);
        let mut flow = Self::over(first, last);
        for &(day, amount) in amounts {
            flow.add(day, amount);
        }
        flow
    }

    /// The sum of flows, over the whole span of them all.
    pub fn sum<'a>(flows: impl IntoIterator<Item = &'a Self> + Clone) -> Self {
        let spans = || flows.clone().into_iter().filter_map(|flow| flow.span);
        let Some(first) = spans().map(|span| span.0).min() else { return Self::default() };
        let last = spans().map(|span| span.1).max().unwrap_or(first);
        // One of the whole span is what the others are added to.
        let whole = flows.clone().into_iter().next().filter(|flow| flow.span == Some((first, last)));
        let mut total = whole.cloned().unwrap_or_else(|| Self::over(first, last));
        for flow in flows.into_iter().skip(usize::from(whole.is_some())) {
            let shift = usize::try_from(flow.series.first.0 - total.series.first.0).unwrap_or(0);
            let target = total.series.values.get_mut(shift..).unwrap_or_default();
            for (sum, amount) in target.iter_mut().zip(&flow.series.values) {
                *sum += amount;
            }
            for &(day, amount) in &flow.weekend {
                total.add(day, amount);
            }
        }
        total
    }

    /// Every amount changed alike, such as into another unit.
    #[must_use]
    pub fn mapped(mut self, change: impl Fn(f64) -> f64) -> Self {
        self.series.values.iter_mut().for_each(|value| *value = change(*value));
        self.weekend.iter_mut().for_each(|(_, value)| *value = change(*value));
        self
    }

    /// First and last calendar day that count; none without amounts.
    pub const fn span(&self) -> Option<(i64, i64)> {
        self.span
    }

    /// Sums by business day, the weekend in Friday's: dense from the first to the last amount.
    pub fn daily(&self) -> Series {
        let (first, values) = self.days();
        Series { first, values: values.into_owned() }
    }

    /// The same without a copy where no amount stands on a weekend: the first day, and the sums.
    pub fn days(&self) -> (BusinessDay, Cow<'_, [f64]>) {
        let first = self.series.first;
        let mut values = Cow::Borrowed(self.series.values.as_slice());
        for &(day, amount) in &self.weekend {
            let place = BusinessDay::of_day(day).0 - first.0;
            if let Some(sum) = usize::try_from(place).ok().and_then(|place| values.to_mut().get_mut(place)) {
                *sum += amount;
            }
        }
        (first, values)
    }

    /// Sums at a frequency.
    pub fn bins(&self, frequency: Frequency) -> Bins {
        let Some((first, last)) = self.span else { return Bins::default() };
        if frequency == Frequency::BusinessDay {
            let series = self.daily();
            let days = calendar_days(series.first).take(series.len()).collect();
            return Bins { days, sums: series.values };
        }
        let mut bins = Bins::default();
        let mut end = period_end(first, frequency);
        while bins.days.last().is_none_or(|day| *day < last) {
            bins.days.push(end);
            end = period_end(end + 1, frequency);
        }
        bins.sums = vec![0.0; bins.days.len()];
        let (mut place, mut lost) = (0, 0.0);
        for (day, amount) in calendar_days(self.series.first).zip(&self.series.values) {
            while bins.days.get(place).is_some_and(|end| *end < day) {
                (place, lost) = (place + 1, 0.0);
            }
            if let Some(sum) = bins.sums.get_mut(place) {
                // Kahan's summation: gains and losses that cancel leave an exact zero, neither a win nor a loss.
                let rest = amount - lost;
                let next = *sum + rest;
                lost = (next - *sum) - rest;
                *sum = next;
            }
        }
        for &(day, amount) in &self.weekend {
            let place = bins.days.partition_point(|end| *end < day);
            if let Some(sum) = bins.sums.get_mut(place) {
                *sum += amount;
            }
        }
        bins
    }

    fn over(first: i64, last: i64) -> Self {
        let (start, end) = (BusinessDay::of_day(first), BusinessDay::of_day(last));
        let days = usize::try_from(end.0 - start.0).unwrap_or(0) + 1;
        let series = Series { first: start, values: vec![0.0; days] };
        Self { span: Some((first, last)), series, weekend: Vec::new() }
    }

    fn add(&mut self, day: i64, amount: f64) {
        let bin = BusinessDay::of_day(day);
        if bin.day() != day {
            let place = self.weekend.partition_point(|(known, _)| *known < day);
            match self.weekend.get_mut(place) {
                Some((known, sum)) if *known == day => *sum += amount,
                _ => self.weekend.insert(place, (day, amount)),
            }
        } else if let Some(sum) = usize::try_from(bin.0 - self.series.first.0)
            .ok()
            .and_then(|place| self.series.values.get_mut(place))
        {
            *sum += amount;
        }
    }
}

/// Last calendar day of the period that holds the day.
fn period_end(day: i64, frequency: Frequency) -> i64 {
    match frequency {
        Frequency::BusinessDay => BusinessDay::of_day(day).day(),
        // Day 3 was a Sunday.
        Frequency::Week => day + (3 - day).rem_euclid(7),
        Frequency::Month => {
            let (year, month, _) = civil(day);
            if month == 12 { day_of_date(year + 1, 1, 1) - 1 } else { day_of_date(year, month + 1, 1) - 1 }
        }
        Frequency::Year => day_of_date(civil(day).0 + 1, 1, 1) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weekend_amount_is_fridays_by_day_and_its_own_by_month() {
        // Saturday 1 August 2020 is day 18475; Friday 31 July 18474.
        let flow = Flow::of_dated(&[(18_475, -2.0), (18_473, -1.0), (18_477, -4.0)]);
        let daily = flow.bins(Frequency::BusinessDay);
        assert_eq!(daily, Bins { days: vec![18_473, 18_474, 18_477], sums: vec![-1.0, -2.0, -4.0] });
        let monthly = flow.bins(Frequency::Month);
        assert_eq!(monthly, Bins { days: vec![18_474, 18_505], sums: vec![-1.0, -6.0] });
        let weekly = flow.bins(Frequency::Week);
        assert_eq!(weekly, Bins { days: vec![18_476, 18_483], sums: vec![-3.0, -4.0] });
    }

    #[test]
    fn sums_are_the_same_at_every_frequency() {
        let amounts: Vec<(i64, f64)> =
            (0..2_000i64).map(|step| (9_000 + step * 3, ((step * 37) % 101) as f64 - 50.0)).collect();
        let total: f64 = amounts.iter().map(|(_, amount)| amount).sum();
        let flow = Flow::of_dated(&amounts);
        let double = Flow::sum([&flow, &flow]).mapped(|amount| amount / 2.0);
        for frequency in Frequency::ALL {
            assert_eq!(flow.bins(frequency).sums.iter().sum::<f64>(), total, "{frequency:?}");
            assert_eq!(flow.bins(frequency), double.bins(frequency));
        }
    }

    #[test]
    fn no_amounts_give_no_bins() {
        assert_eq!(Flow::of_dated(&[]).bins(Frequency::Month), Bins::default());
        assert_eq!(Flow::sum([&Flow::default()]), Flow::default());
    }
}
